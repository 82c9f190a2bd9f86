r"""Two collinear halves joined at the cut by the rotation between their magnets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from ...arrays import Complex, Floats, Matrix
from ...model.junction import Layer
from ...spin import rotation_matrix
from .dense import LU, between, dagger, gemm, one_minus, resolvent, squared
from .surface import Half, pick

#: Labels of a nonmagnetic lead that turn by less than this from the axis of their half do not mix.
SAME_LABELS = 1e-15


@dataclass
class Side:
    """A half as it is seen across the cut, everything per √t: u = √t g √t."""

    u: list[Matrix]
    difference: Matrix | None
    inc: list[Matrix]
    out: list[Matrix]
    s0: list[Matrix]
    modes: tuple[int, int]
    turn: Complex | None = None  # <s, m | s', label> where the labels of the lead are not along m

    @classmethod
    def of(cls, half: Half, t: Floats) -> Side:
        """Return a half seen through bonds t."""
        root = np.sqrt(t)
        inc = [np.asfortranarray(root[:, None] * wave) for wave in half.inc]
        if not half.out:
            out = [-dagger(wave) for wave in inc]
            s0 = [np.eye(wave.shape[1]) for wave in inc]
        else:
            out, s0 = [np.asfortranarray(wave * root) for wave in half.out], half.s0
        return cls(
            [np.asfortranarray(between(root, g)) for g in half.g],
            None if half.difference is None else np.asfortranarray(between(root, half.difference)),
            inc,
            out,
            s0,
            half.modes,
        )


def label_turn(lead: Layer, m: Floats, axis: Floats) -> Complex | None:
    """Return <s, m | s', label> of a half turned from ``axis`` to ``m``, or None where they do not mix.

    The label of a magnetic lead turns with its half, that of a nonmagnetic one stays.
    """
    along = float(np.dot(lead.m, axis))
    if (lead.is_magnetic and along > 0) or (not lead.is_magnetic and np.array_equal(lead.m, m)):
        return None
    label = np.sign(along) * m if lead.is_magnetic else lead.m
    turn = rotation_matrix(m, label)
    if abs(turn[0, 1]) < SAME_LABELS:
        return None
    return turn


class Cut:
    """Two collinear halves; what does not depend on the angle is made once."""

    def __init__(self, sides: Sequence[Side], symmetric: bool) -> None:
        self.sides = sides
        #: Whether every matrix equals its transpose, so that the way back is the transpose of the way there.
        self.symmetric = symmetric
        #: Whether both halves depend on spin, so that the angle matters.
        self.mixed = all(len(side.u) == 2 for side in sides)
        self._d: dict[tuple[int, int, int], Matrix] = {}
        self._lu: dict[tuple[int, int, int], LU] = {}

    def d(self, near: int, s: int, q: int) -> Matrix:
        """Return 1 - u_s w_q, u of the near side and w of the far one."""
        key = (near, s % len(self.sides[near].u), q % len(self.sides[1 - near].u))
        if key not in self._d:
            u, w = self.sides[near].u[key[1]], self.sides[1 - near].u[key[2]]
            other = (1 - near, key[2], key[1])
            self._d[key] = self._d[other].T if self.symmetric and other in self._d else one_minus(u, w)
        return self._d[key]

    def lu(self, near: int, s: int, q: int) -> LU:
        """Return it factorized."""
        key = (near, s % len(self.sides[near].u), q % len(self.sides[1 - near].u))
        if key not in self._lu:
            other = (1 - near, key[2], key[1])
            if self.symmetric and other in self._lu:
                self._lu[key] = self._lu[other].T
            else:
                self._lu[key] = LU.of(self.d(*key).copy(order="F"))
        return self._lu[key]

    def joined(self, near: int, R: Complex) -> LU:
        """Return R - u R w factorized, rows the spins of the near side, columns those of the far one."""
        blocks = [[R[s, q] * self.d(near, s, q) for q in (0, 1)] for s in (0, 1)]
        M = len(blocks[0][0])
        full = np.empty((2 * M, 2 * M), dtype=np.result_type(*blocks[0], *blocks[1]), order="F")
        for s in (0, 1):
            for q in (0, 1):
                full[s * M : (s + 1) * M, q * M : (q + 1) * M] = blocks[s][q]
        return LU.of(full)

    def probabilities(self, R: Complex) -> Floats:
        """Return T[lead_out, spin_out, lead_in, spin_in] for one rotation R = <s, m_L | s', m_R>."""
        P = np.zeros((2, 2, 2, 2))
        lu = None
        if self.sides[0].turn is None and self.sides[1].turn is None:  # phases do not matter
            R = np.array([[abs(R[0, 0]), -abs(R[0, 1])], [abs(R[0, 1]), abs(R[0, 0])]])
        for near in (0, 1):
            if not sum(self.sides[near].modes):
                continue
            V = R if near == 0 else R.conj().T
            if self.mixed:
                lu = lu.T if lu is not None and self.symmetric and np.isrealobj(R) else self.joined(near, V)
            self._incoming(P, near, V, lu)
        return P

    def at_angles(self, near: int, s: int, rows: Callable[[Matrix], list[Matrix]], x: Floats) -> list[list[Matrix]]:
        """Return products of some rows with X_s for every x = |R_+-|², where labels do not turn.

        With C = (1 - w_s̄ u_s̄)^{-1} (w_+ - w_-), of which the rows are a function, and N_s = d_ss^{-1} (u_+ - u_-) C the
        angle is left in one place: K_ss b_s = R_ss X_s, X_s = (1 + |R_+-|² N_s)^{-1} d_ss^{-1} b_s, and everything else
        is a product with X_s.
        """
        here, there = self.sides[near], self.sides[1 - near]
        C, back = np.zeros(here.u[0].shape, order="F"), self.lu(near, s, s)  # of 1 - u w
        if there.difference is not None:
            C = self.lu(1 - near, 1 - s, 1 - s).solve(there.difference)
        N = np.zeros_like(C) if here.difference is None else back.solve(gemm(here.difference, C))
        asked = rows(C)
        ends = np.cumsum([len(row) for row in asked])[:-1]
        found = resolvent(np.concatenate(asked), N, back.solve(pick(here.inc, s)), x)
        return [np.split(product, ends) for product in found]

    def many(self, sin2: Floats) -> Floats:
        """Return the probabilities for many |R_+-|², shape (angles, 2, 2, 2, 2), by `at_angles`."""
        P = np.zeros((len(sin2), 2, 2, 2, 2))
        for near, s in product((0, 1), (0, 1)):
            here, there = self.sides[near], self.sides[1 - near]
            if not here.inc[s].shape[1] or here.difference is None or there.difference is None:
                continue
            sign = 1 - 2 * s

            def rows(C: Matrix, here: Side = here, there: Side = there, s: int = s) -> list[Matrix]:
                return [
                    there.out[s],
                    there.out[1 - s] - (1 - 2 * s) * gemm(gemm(there.out[1 - s], here.u[1 - s]), C),
                    gemm(here.out[s], there.u[s]),
                    gemm(here.out[s], C),
                    gemm(here.out[1 - s], C),
                ]

            for target, x, amplitudes in zip(P, sin2, self.at_angles(near, s, rows, sin2), strict=True):
                same, flipped, returned, changed, turned = amplitudes
                target[1 - near, s, near, s] = (1 - x) * squared(same)
                target[1 - near, 1 - s, near, s] = x * squared(flipped)
                target[near, s, near, s] = squared(here.s0[s] + 1j * (returned - sign * x * changed))
                target[near, 1 - s, near, s] = x * (1 - x) * squared(turned)
        return P

    def crossing(self, near: int, s: int, R: Complex, lu: LU | None) -> tuple[list[Matrix], Matrix, Matrix | None]:
        """Return what becomes of the waves of spin s: K b for both spins there, (R w K)_ss b and (R w K)_s̄s b."""
        here, there = self.sides[near], self.sides[1 - near]
        M = len(here.u[0])
        inc = pick(here.inc, s)
        if lu is not None:
            both = np.zeros((2 * M, inc.shape[1]), dtype=inc.dtype, order="F")
            both[s * M : (s + 1) * M] = inc
            both = lu.solve(both)
            crossed = [np.asfortranarray(both[:M]), np.asfortranarray(both[M:])]
        else:  # one of both halves is the same for both spins
            crossed = [R[s, q].conj() * self.lu(near, s, q).solve(inc) for q in (0, 1)]
        same = sum(R[s, q] * gemm(pick(there.u, q), crossed[q]) for q in (0, 1))
        if there.difference is None or not inc.shape[1] or R[1 - s, s] == 0:
            return crossed, same, None
        y = self.lu(1 - near, 1 - s, 1 - s).solve(gemm(there.difference, crossed[s]))
        return crossed, same, (R[1 - s, s] * (1 - 2 * s)) * y

    def _incoming(self, P: Floats, near: int, R: Complex, lu: LU | None) -> None:
        """Write the probabilities of electrons coming from one lead."""
        here, there = self.sides[near], self.sides[1 - near]
        passed: list[list[Matrix]] = [[], []]  # [spin_out][spin_in], in the frames of the halves
        back: list[list[Matrix]] = [[], []]
        for s in (0, 1):
            crossed, same, flip = self.crossing(near, s, R, lu)
            for q in (0, 1):
                passed[q].append(gemm(pick(there.out, q), crossed[q]))
            back[s].append(pick(here.s0, s) + 1j * gemm(pick(here.out, s), same))
            out = pick(here.out, 1 - s)
            back[1 - s].append(np.zeros((len(out), same.shape[1])) if flip is None else 1j * gemm(out, flip))
        fill_squares(P[1 - near, :, near], passed, there.turn, here.turn)
        fill_squares(P[near, :, near], back, here.turn, here.turn)


def fill_squares(out: Floats, amplitudes: list[list[Matrix]], left: Complex | None, right: Complex | None) -> None:
    """Write the squared amplitudes [spin_out][spin_in], between the labels of the leads."""
    if right is not None:
        amplitudes = [[row[0] * right[0, s] + row[1] * right[1, s] for s in (0, 1)] for row in amplitudes]
    if left is not None:
        amplitudes = [
            [amplitudes[0][s] * left[0, q].conj() + amplitudes[1][s] * left[1, q].conj() for s in (0, 1)]
            for q in (0, 1)
        ]
    for q in (0, 1):
        for s in (0, 1):
            out[q, s] = squared(amplitudes[q][s])


def gauged(R: Complex) -> tuple[Floats, Complex, Complex]:
    """Return (r, a, b) of R_ss' = a_s r_ss' b_s' with r a real rotation and phases a, b."""
    c, s = abs(R[0, 0]), abs(R[0, 1])
    a, b = np.ones(2, dtype=complex), np.ones(2, dtype=complex)
    b[0] = R[0, 0] / c if c > 0 else 1.0
    b[1] = -R[0, 1] / s if s > 0 else 1.0
    a[1] = R[1, 1] / (c * b[1]) if c > s else R[1, 0] / (s * b[0])  # the larger one, so that rounding has no phase
    return np.array([[c, -s], [s, c]]), a, b
