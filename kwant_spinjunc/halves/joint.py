r"""Two halves joined at a cut, for all angles of a turn: scattering matrix and waves.

Turning everything behind a cut by U = exp(-iθ n·σ/2) = cos(θ/2) - i sin(θ/2) n·σ changes the Hamiltonian on the cut
alone, K = h U with h the spin-independent hopping from the back (B) to the front (F), if waves behind are told in the
turned frame:

    y_F = (1 - g_F K g_B K†)⁻¹ (w_F a_F - g_F K w_B a_B),    y_B = w_B a_B - g_B K† y_F,                      (a)
    a_out,F = s_F a_F - o_F K y_B,                            a_out,B = s_B a_B - o_B K† y_F.

K g_B K† = Y_0 + Y_1 cos θ + Y_2 sin θ, so that an angle costs one small solve. A half with a level at the energy has no
g worth the name: there [[D_F, K], [K†, D_B]] is solved as it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..arrays import Complex, Floats
from ..spin import sigma, spinors
from .chain import Half
from .matrices import dagger, magnitude, spin_times

#: |g||h| of a half from which both halves are solved together.
POLE = 1e4
#: What acts on orbitals, comes in, goes out, and goes from channel to channel, as `Lift` weighs it.
KINDS = ("orbitals", "into", "out_of", "channels")


class Lift:
    """From spins apart along m, axes (..., 2, n, m), to both together in the global spin frame, (..., 2n, 2m).

    Attributes
    ----------
    orbitals, into, out_of, channels : ndarray, (4, 2)
        Weights of Σ_s |s⟩⟨s| ⊗ a_s, Σ_s |s⟩ ⊗ a_s for channels (spin, channel), Σ_s a_s ⊗ ⟨s|, and of what is of
        channels (spin, channel) on both sides; |s⟩ are the spinors along m.
    """

    def __init__(self, m: Floats) -> None:
        self.chi, one = spinors(m), np.eye(2)
        pairs = ((self.chi, self.chi), (self.chi, one), (one, self.chi), (one, one))
        weights = [(a[:, None] * b.conj()).reshape(4, 2) for a, b in pairs]
        self.orbitals, self.into, self.out_of, self.channels = weights  # KINDS


def expanded(a: Complex, weights: Complex) -> Complex:
    """Return blocks (..., 2, n, m) of spins apart as (..., 2n, 2m), by weights of a `Lift`."""
    lead, (n, m) = a.shape[:-3], a.shape[-2:]
    full = weights @ a.reshape(*lead, 2, n * m)
    return full.reshape(*lead, 2, 2, n, m).swapaxes(-3, -2).reshape(*lead, 2 * n, 2 * m)


class Seen:
    """A half as the cut sees it, orbitals (spin, orbital), in the global spin frame; see `Half` for the letters.

    ``half``: leading axes (points, 2) with spins apart, (points, 1) together.
    ``lift``: of spins that are apart; channels become (spin, channel). None: they are together.
    ``labels``: unitary matrix from these channels to channels of other axes.
    """

    def __init__(self, half: Half, lift: Lift | None, labels: Complex | None = None) -> None:
        self.half, self.lift, self.labels = half, lift, labels

    def together(self, a: Complex, kind: str) -> Complex:
        """Return blocks of the half with spins together, ``kind`` being an attribute of `Lift`."""
        full = a[:, 0] if self.lift is None else expanded(a, getattr(self.lift, kind))
        if self.labels is not None and kind in ("out_of", "channels"):
            full = self.labels @ full
        if self.labels is not None and kind in ("into", "channels"):
            full = full @ dagger(self.labels)
        return full

    @cached_property
    def open(self) -> list[Complex]:
        """What the half is with its cut open: [g, w, o, s]."""
        return [self.together(getattr(self.half, name), kind) for name, kind in zip("gwos", KINDS, strict=True)]

    @cached_property
    def bare(self) -> list[Complex]:
        """What the plane at the cut is: [D, R, out, s0]."""
        names = ("D", "R", "out", "s0")
        return [self.together(getattr(self.half, name), kind) for name, kind in zip(names, KINDS, strict=True)]

    def __getitem__(self, index: Any) -> Seen:
        return Seen(self.half[index], self.lift, self.labels)


@dataclass(frozen=True)
class Turn:
    """Angles (angles,) in radians about the unit vector ``axis``."""

    angles: Floats
    axis: Floats

    def matrices(self) -> Complex:
        """Return U, shape (angles, 2, 2)."""
        half = self.angles[:, None, None] / 2
        return np.asarray(np.cos(half) * np.eye(2) - 1j * np.sin(half) * sigma(self.axis))


@dataclass(frozen=True, eq=False)
class Joint:
    """The solution for all incoming channels, those of the front first."""

    S: Complex  #: Shape (points, angles, channels, channels).
    #: `front`, `back`: Shape (points, angles, orbitals, channels): waves at the cut; behind it in the turned frame.
    front: Complex
    behind: Callable[[], Complex]

    @cached_property
    def back(self) -> Complex:
        """Waves behind the cut, solved for on first use."""
        return self.behind()


def join(front: Seen, back: Seen, hopping: Complex, turn: Turn | None) -> Joint:
    """Return the solution of all points and angles.

    ``front``, ``back``: the halves, leading axis (points,).
    ``hopping``: shape (points, front orbitals, back orbitals): from back to front in the global spin frame, not turned.
    ``turn``: none for none: one angle. Else orbitals are (spin, orbital) and ``hopping`` is the same for both spins.
    """
    pole = ~(np.maximum(magnitude(front.open[0]), magnitude(back.open[0])) * magnitude(hopping) <= POLE)
    if not pole.any():
        return _by_halves(front, back, hopping, turn)
    if pole.all():
        return _together(front, back, hopping, turn)
    joined: list[Complex] = []
    for which, solve in ((~pole, _by_halves), (pole, _together)):
        part = solve(front[which], back[which], hopping[which], turn)
        values = (part.S, part.front, part.back)
        joined = joined or [np.empty((len(pole), *a.shape[1:]), dtype=complex) for a in values]
        for array, some in zip(joined, values, strict=True):
            array[which] = some
    S, y_F, y_B = joined
    return Joint(S, y_F, lambda: y_B)


def _by_halves(front: Seen, back: Seen, h: Complex, turn: Turn | None) -> Joint:
    """Solve equation (a), with K = Σ_j a_j K_j: an angle is a few numbers a_j, and one small solve."""
    (g_F, w_F, o_F, s_F), (g_B, w_B, o_B, s_B) = front.open, back.open
    n, inner, b = g_F.shape[-1], w_F.shape[-1], g_B.shape[-1]
    a, K = _hopping(h, turn)
    Kd = dagger(K)
    ends = np.concatenate([-g_F, o_F], axis=-2)[:, None]  # of a kick at the cut: waves there, and what leaves
    kicked = ends @ (K @ np.concatenate([g_B, w_B], axis=-1)[:, None])
    entered = _weighted(a, kicked[..., b:])  # [-g_F; o_F] K w_B
    squares, pairs = _pairs(a, kicked[..., :b], Kd)
    points, angles = entered.shape[:2]
    # rows [-g_F K g_B K†; o_F K g_B K†; -o_B K†]
    returned = np.empty((points, angles, n + inner + o_B.shape[-2], n), dtype=complex)
    returned[..., : n + inner, :] = _weighted(squares, pairs)
    returned[..., n + inner :, :] = _weighted(-a, o_B[:, None] @ Kd)
    M = returned[..., :n, :]
    M[..., np.arange(n), np.arange(n)] += 1
    sources = np.empty((points, angles, n, inner + w_B.shape[-1]), dtype=complex)
    sources[..., :inner], sources[..., inner:] = w_F[:, None], entered[..., :n, :]
    y_F = np.linalg.solve(M, sources)
    S = np.asarray(returned[..., n:, :] @ y_F, dtype=complex)
    S[..., :inner, inner:] -= entered[..., n:, :]
    S[..., :inner, :inner] += s_F[:, None]
    S[..., inner:, inner:] += s_B[:, None]

    def behind() -> Complex:
        y_B = -(_weighted(a, g_B[:, None] @ Kd) @ y_F)
        y_B[..., inner:] += w_B[:, None]
        return y_B

    return Joint(S, y_F, behind)


def _hopping(h: Complex, turn: Turn | None) -> tuple[Floats, Complex]:
    """Return weights (angles, terms) and terms (points, terms, ...) of K = cos(θ/2) h - sin(θ/2) i n·σ h."""
    if turn is None:
        return np.ones((1, 1)), h[:, None]
    half = turn.angles / 2
    terms = np.stack([h, spin_times(-1j * sigma(turn.axis), h)], axis=1)
    return np.stack([np.cos(half), np.sin(half)], axis=1), terms


def _pairs(a: Floats, kicked: Complex, Kd: Complex) -> tuple[Floats, Complex]:
    """Return weights and terms of Σ_ij a_i a_j (kicked_i K_j†), those of i and j together."""
    if a.shape[-1] == 1:
        return a * a, kicked @ Kd
    terms = kicked[:, :, None] @ Kd[:, None]
    terms[:, 0, 1] += terms[:, 1, 0]
    return a[:, [0, 0, 1]] * a[:, [0, 1, 1]], terms[:, [0, 0, 1], [0, 1, 1]]


def _weighted(weights: Floats, terms: Complex) -> Complex:
    """Return Σ_j a_j T_j for all angles, (angles, terms) and (points, terms, n, m) to (points, angles, n, m)."""
    flat = np.ascontiguousarray(terms).reshape(*terms.shape[:2], -1).view(float)  # real weights: half of the work
    return np.asarray((weights @ flat).view(complex).reshape(len(terms), len(weights), *terms.shape[2:]))


def _together(front: Seen, back: Seen, h: Complex, turn: Turn | None) -> Joint:
    """Solve both halves as one."""
    n_F, n_B = h.shape[-2:]
    N_F, N_B = front.bare[1].shape[-1], back.bare[1].shape[-1]
    Kd = dagger(_weighted(*_hopping(h, turn)))
    points, angles = Kd.shape[:2]
    L = np.empty((points, angles, n_F + n_B, n_F + n_B), dtype=complex)
    L[..., :n_F, :n_F], L[..., n_F:, n_F:] = front.bare[0][:, None], back.bare[0][:, None]
    L[..., :n_F, n_F:], L[..., n_F:, :n_F] = dagger(Kd), Kd
    R = np.zeros((points, 1, n_F + n_B, N_F + N_B), dtype=complex)
    out = np.zeros((points, 1, N_F + N_B, n_F + n_B), dtype=complex)
    s0 = np.zeros((points, 1, N_F + N_B, N_F + N_B), dtype=complex)
    for part, rows, states in ((front, slice(n_F), slice(N_F)), (back, slice(n_F, None), slice(N_F, None))):
        R[:, 0, rows, states], out[:, 0, states, rows], s0[:, 0, states, states] = part.bare[1:]
    y = np.linalg.solve(L, np.broadcast_to(R, (points, angles, *R.shape[2:])))
    return Joint(np.asarray(s0 + out @ y), y[..., :n_F, :], lambda: y[..., n_F:, :])
