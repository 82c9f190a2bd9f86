r"""Currents, torques and densities of one sample at many directions of its magnets, the halves solved once.

Amplitudes are linear in the wave φ_p that a channel has at the plane of the cut: in every plane of a half

    ψ_n,p = W_n,p φ_p + w_p B_n,p,   W_n = -g_n t W_n+1,   B_n = -g_n t B_n+1 + i b_n,   W = 1 and B = 0 at the cut,

where b_n is the incoming wave of the half alone (`Plane.inc`) and w_p is 1 if the channel comes in here with spin p,
else 0. Only φ knows the angle. Torques and densities of a plane are forms in ψ, hence in φ: with
A_pq = W_p† D W_q, and D = 1 or the exchange field of every site,

    Σ_modes ψ_p† D ψ_q = Tr A_pq φ_q φ_p† + w_p* Tr B_p† D W_q φ_q + w_q Tr φ_p† W_p† D B_q + w_p* w_q Tr B_p† D B_q.

An angle costs the waves at the cut and one product of all forms with φ_q φ_p†, whatever the number of planes. Currents
begin with the flux that leaves at the far end, as those of one angle do, and are compared with the flux itself on the
bond next to the lead and at the cut, of waves that no form enters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import blas

from ...arrays import Complex, Floats, Matrix
from ...solved import Fields
from ...spin import frames, rotation_matrix, spinors
from .dense import dagger, gemm
from .fields import carried, flux
from .half import solve_halves
from .joint import Cut, Side, gauged, label_turn
from .modes import Modes
from .sampled import Sampled
from .surface import Half, hopped, pick

#: Pairs of spins whose forms are needed: densities of both, and what flips.
PAIRS = ((0, 0), (1, 1), (0, 1))
#: Numbers of φ φ† that are kept at a time.
NUMBERS = 2**19


class _Forms:
    """The forms of one pair of spins of a half, a row for every plane and weight."""

    def __init__(self, p: int, q: int) -> None:
        self.p, self.q = p, q
        self.A: Any = []
        self.left: Any = []
        self.right: Any = []
        self.C: Any = []

    def add(self, W: list[Complex], B: list[Complex], weight: Floats | None) -> None:
        """Add the row of one plane."""
        p, q = self.p, self.q
        Wq, Bq = (x if weight is None else weight[:, None] * x for x in (W[q], B[q]))
        Wp, Bp = dagger(W[p]), dagger(B[p])
        self.A.append(gemm(Wp, Wq).ravel())
        self.left.append(gemm(Bp, Wq).ravel())
        self.right.append(gemm(Wp, Bq).ravel())
        self.C.append(np.vdot(B[p], Bq) if B[p].shape == B[q].shape else 0.0)

    def close(self) -> None:
        """Make arrays of the rows."""
        self.A, self.left, self.right, self.C = (np.array(x) for x in (self.A, self.left, self.right, self.C))

    def values(self, states: list[tuple[list[Complex], Complex]]) -> Complex:
        """Return the form of every state (φ of both spins, w of both), shape (states, rows)."""
        p, q = self.p, self.q
        products = np.empty((len(states), self.A.shape[1]), dtype=complex)
        for row, (phi, _) in zip(products, states, strict=True):
            matrix = row.reshape(len(phi[p]), -1).T
            blas.zgemm(1.0, phi[q], phi[p], trans_b=2, c=matrix, overwrite_c=1)
        found: Complex = blas.zgemm(1.0, products.T, self.A.T, trans_a=1)
        for row, (phi, w) in zip(found, states, strict=True):
            if w[p]:
                row += w[p].conj() * (self.left @ phi[q].T.ravel())
            if w[q]:
                row += w[q] * (self.right @ phi[p].conj().ravel())
            row += w[p].conj() * w[q] * self.C
        return found


class _Ladder:
    """A half from its cut to its lead: the forms of every plane, and the waves of the two planes next to the lead."""

    def __init__(self, problem: Sampled, half: Half, side: int, m: Floats) -> None:
        self.planes = [plane.n for plane in half.chain[::-1]]
        self.forms = [_Forms(*pair) for pair in PAIRS]
        fields = problem.sample.levels[self.planes, :, 1:] @ m
        W: Any = [np.eye(problem.sites)] * 2
        B: Any = [np.zeros((problem.sites, count)) for count in half.modes]
        self.ends = [(W, B)]
        #: Planes whose sites have different fields, and the factor of the spin flip in the torque of the others.
        self.uneven: list[int] = []
        self.factors = np.where((fields == fields[:, :1]).all(axis=1), fields[:, 0], 0.0)
        weighted = []
        for position, plane in enumerate(half.chain[::-1]):
            if position:
                t = problem.sample.bonds[plane.n if side == 0 else plane.n - 1]
                W, B = ([-plane.apply_to(hopped(x, t), s) for s, x in enumerate(both)] for both in (W, B))
                B = [np.asfortranarray(b + 1j * pick(plane.inc, s)) for s, b in enumerate(B)]
                self.ends = [self.ends[-1], (W, B)]
            for form in self.forms:
                form.add(W, B, None)
            if (fields[position] != fields[position, 0]).any():
                self.uneven.append(position)
                weighted.append((W, B, fields[position]))
        for row in weighted:
            self.forms[2].add(*row)
        # the flux that leaves into the lead, every transverse mode by itself
        outside, U = Modes(problem, side, m), dagger(problem.modes[1])
        (sigma_up, sigma_down), (v_up, v_down) = ((x[0], x[-1]) for x in (outside.sigma, outside.velocity))
        W, B = ([gemm(U, x) for x in both] for both in (W, B))
        for form, weight in zip(self.forms, (v_up, v_down, sigma_up.conj() - sigma_down), strict=True):
            form.add(W, B, weight)
            form.close()

    def wave(self, end: int, phi: list[Complex], w: Complex) -> Complex:
        """Return ψ, spin before site, at the plane next to the lead (``end`` -1) or the one before it (0)."""
        parts = []
        for s, (W, B) in enumerate(zip(*self.ends[end], strict=True)):
            psi = gemm(W, phi[s])
            parts.append(psi + w[s] * B if w[s] else psi)
        return np.asfortranarray(np.concatenate(parts))

    def evaluate(self, states: list[Any], torques: Floats, densities: Floats) -> Floats:
        """Write torques and densities in the frame of this half, states first, and return the flux that leaves."""
        up, down, flip = (form.values(states) for form in self.forms)
        count = len(self.planes)
        sizes = [x.real for x in (up, down)]
        turning = 4 * self.factors * flip[:, :count]
        turning[:, self.uneven] = 4 * flip[:, count : count + len(self.uneven)]
        torques[:, self.planes, 0], torques[:, self.planes, 1] = turning.imag, -turning.real
        densities[:, self.planes, 0] = sizes[0][:, :count] + sizes[1][:, :count]
        densities[:, self.planes, 1], densities[:, self.planes, 2] = 2 * flip[:, :count].real, 2 * flip[:, :count].imag
        densities[:, self.planes, 3] = sizes[0][:, :count] - sizes[1][:, :count]
        z, v_up, v_down = 2 * flip[:, -1], sizes[0][:, -1], sizes[1][:, -1]
        return np.stack([v_up + v_down, z.imag, -z.real, v_up - v_down], axis=1)


@dataclass
class _State:
    """What comes in from a lead with a spin, at one pair of directions."""

    at: tuple[int, int, int]
    phi: list[list[Complex]]
    w: Complex
    frames: Floats
    chi: Complex


class _Turned:
    """A sample with its two ladders, and the arrays that are filled for every pair of directions."""

    def __init__(self, problem: Sampled, cut: int, axes: Floats, pairs: Floats) -> None:
        self.problem, self.cut, self.axes, self.pairs = problem, cut, axes, pairs
        halves = solve_halves(problem, cut, axes, outgoing=(False, False), keep=True)
        self.modes = np.array([half.modes for half in halves])
        self.joint = Cut([Side.of(half, problem.sample.bonds[cut]) for half in halves], problem.real)
        self.ladders = [_Ladder(problem, half, side, axes[side]) for side, half in enumerate(halves)]
        count, planes = len(pairs), problem.planes
        self.currents = np.zeros((count, 2, 2, planes - 1, 4))
        self.torques = np.zeros((count, 2, 2, planes, 3))
        self.densities = np.zeros((count, 2, 2, planes, 4))
        self.continuity, self.torque = np.zeros(count), np.zeros(count)

    def fill(self) -> Fields:
        """Evaluate all directions, as many at a time as `NUMBERS` allows."""
        step = max(1, NUMBERS // (4 * self.problem.sites**2))
        for start in range(0, len(self.pairs), step):
            states = self._states(start, self.pairs[start : start + step])
            torques, densities = (np.zeros((len(states), self.problem.planes, size)) for size in (3, 4))
            leaving = []
            for side, ladder in enumerate(self.ladders):
                own = [(state.phi[side], state.w if side == state.at[1] else np.zeros(2)) for state in states]
                leaving.append(ladder.evaluate(own, torques, densities))
            for row, state in enumerate(states):
                for side, ladder in enumerate(self.ladders):
                    torques[row, ladder.planes] = torques[row, ladder.planes] @ state.frames[side]
                    densities[row, ladder.planes, 1:] = densities[row, ladder.planes, 1:] @ state.frames[side]
                self.torques[state.at], self.densities[state.at] = torques[row], densities[row]
                far = 1 - state.at[1]
                out = leaving[far][row]
                self._carry(state, np.concatenate([out[:1], out[1:] @ state.frames[far]]))
        modes = np.broadcast_to(self.modes, (len(self.pairs), 2, 2))
        return Fields(
            currents=self.currents,
            torques=self.torques,
            densities=self.densities,
            modes=modes,
            continuity_defect=self.continuity,
            torque_defect=self.torque,
        )

    def _states(self, start: int, pairs: Floats) -> list[_State]:
        """Return all that comes in at some pairs of directions, the first of which has the number ``start``."""
        R = rotation_matrix(pairs[:, 0], pairs[:, 1])
        scale = 1 / np.sqrt(self.problem.sample.bonds[self.cut])
        along, chi = frames(pairs), spinors(pairs)
        found = []
        for near, lead in enumerate(self.problem.junction.leads):
            V = R if near == 0 else np.swapaxes(R, -1, -2).conj()
            both = [waves_at_cut(self.joint, near, s, V, scale) for s in (0, 1)]
            for i, pair in enumerate(pairs):
                turn = label_turn(lead, pair[near], self.axes[near])
                weights: Any = np.eye(2) if turn is None else turn
                for s in np.flatnonzero(self.modes[near]):
                    phi = both[s][i]
                    if turn is not None:
                        mixed = zip(both[0][i], both[1][i], strict=True)
                        phi = [[turn[0, s] * a + turn[1, s] * b for a, b in zip(*pair, strict=True)] for pair in mixed]
                    at = start + i, near, int(s)
                    found.append(_State(at, phi if near == 0 else phi[::-1], weights[:, s], along[i], chi[i]))
        return found

    def _carry(self, state: _State, leaving: Floats) -> None:
        """Carry the flux that leaves at the far end back through the planes, and compare it with that on two bonds."""
        i, near, s = state.at
        problem, currents = self.problem, carried(near, leaving, self.torques[state.at])
        self.currents[state.at] = currents
        before, after = (
            np.concatenate([c[s, 0] * own[0] + c[s, 1] * own[1] for s in (0, 1)])
            for c, own in zip(state.chi, state.phi, strict=True)
        )
        raw = {self.cut: -2 * flux(after, hopped(before, problem.sample.bonds[self.cut]), problem.sites)}
        ladder = self.ladders[near]
        if len(ladder.planes) > 1:
            bond = 0 if near == 0 else problem.planes - 2
            pair = [ladder.wave(end, state.phi[near], state.w) for end in ((0, -1) if near == 0 else (-1, 0))]
            found = -2 * flux(pair[0], hopped(pair[1], problem.sample.bonds[bond]), problem.sites)
            raw[bond] = np.concatenate([found[:1], found[1:] @ state.frames[near]])
        for bond, value in raw.items():
            miss = abs(value - currents[bond]) / self.modes[near, s]
            self.continuity[i] = max(self.continuity[i], miss[0])
            self.torque[i] = max(self.torque[i], miss[1:].max())


def waves_at_cut(joint: Cut, near: int, s: int, R: Complex, scale: Floats) -> list[list[list[Complex]]]:
    """Return the waves [rotation][near or far side of the cut][spin] of electrons of spin s from the near lead.

    With R_ss' = a_s r_ss' b_s', r real and x = |R_+-|², and with C and X_s of `Cut.at_angles`,

        near: i (b_s + (u_s w_s ∓ x u_s C) X_s) and ± i r_ss r_s̄s u_s̄ C X_s,
        far:  -i r_ss w_s X_s and i r_s̄s w_s̄ (1 ∓ u_s̄ C) X_s, s = ±,

    times a_p a_s* on the near and b_q* a_s* on the far side, and over √t.

    ``joint``, ``near``, ``s``: the halves, and where electrons come from.
    ``R``: rotations <s, m_near | s', m_far>, shape (directions, 2, 2).
    ``scale``: one over the root of the bonds cut.
    """
    here, there = joint.sides[near], joint.sides[1 - near]
    sign, b = 1 - 2 * s, pick(here.inc, s)
    (u, u_other), (w, w_other) = ((pick(side.u, s), pick(side.u, 1 - s)) for side in (here, there))

    def rows(C: Matrix) -> list[Matrix]:
        flips = gemm(u_other, C)
        found = [gemm(u, w), gemm(u, C), flips, w, w_other - sign * gemm(w_other, flips)]
        return [scale[:, None] * row for row in found]

    rotations = [gauged(one) for one in R]
    x = np.array([r[1, 0] ** 2 for r, _, _ in rotations])
    found = []
    for (r, left, right), x_, amplitudes in zip(rotations, x, joint.at_angles(near, s, rows, x), strict=True):
        returned, changed, flipped, passed, turned = amplitudes
        own = 1j * (scale[:, None] * b + returned - sign * x_ * changed)
        other = 1j * sign * r[s, s] * r[1 - s, s] * flipped
        beyond = [-1j * r[s, s] * passed, 1j * r[1 - s, s] * turned]
        phases = left * left[s].conj(), right.conj() * left[s].conj()
        sides = [own, other][::sign], beyond[::sign]
        found.append(
            [
                [np.asfortranarray(p * wave) for p, wave in zip(*one, strict=True)]
                for one in zip(phases, sides, strict=True)
            ]
        )
    return found


def turned_fields(problem: Sampled, cut: int, axes: Floats, pairs: Floats) -> Fields:
    """Return the fields of a sample with two collinear halves for every pair of directions, leading axis pair.

    ``problem``, ``cut``, ``axes``: the sample, the bond that joins its halves and the axes of their fields.
    ``pairs``: directions of the magnets, shape (pairs, 2, 3).
    """
    return _Turned(problem, cut, axes, pairs).fill()
