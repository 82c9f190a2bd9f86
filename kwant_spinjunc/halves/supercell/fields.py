r"""Currents, torques and densities of waves, plane by plane."""

from __future__ import annotations

import numpy as np

from ...arrays import Complex, Floats
from ...model.junction import COLLINEAR
from ...solved import Fields
from ...spin import PAULI, frames, spinors
from .dense import dagger, gemm
from .modes import Modes
from .sampled import Sampled
from .surface import Half, hopped
from .waves import Waves

#: 1 and σ, a row each.
FORMS = np.concatenate([np.eye(2)[None], PAULI]).reshape(4, 4)


class Evaluator:
    """Evaluates waves plane by plane."""

    def __init__(self, problem: Sampled) -> None:
        self.problem = problem
        planes = problem.planes
        self.currents = np.zeros((2, 2, planes - 1, 4))
        self.torques = np.zeros((2, 2, planes, 3))
        self.densities = np.zeros((2, 2, planes, 4))

    def fill(self, cut: int, axes: Floats, halves: list[Half], waves: Waves) -> Fields:
        """Evaluate all waves."""
        problem = self.problem
        planes = problem.planes
        modes = np.array([half.modes for half in halves])
        self.frames = frames(axes)
        self.chi = [spinors(m) for m in axes]
        self.sides = [0 if n <= cut else 1 for n in range(planes)]
        # fields in the frame of each half; rounding of what is collinear is set to zero
        self.fields = np.stack([problem.sample.levels[n, :, 1:] @ self.frames[i].T for n, i in enumerate(self.sides)])
        size = np.linalg.norm(self.fields, axis=2, keepdims=True)
        self.fields[abs(self.fields) <= COLLINEAR * size] = 0.0
        quiet = ~(problem.magnetic | problem.turning_planes)
        quiet[:-1] &= ~problem.turning_bonds
        continuity = torque = 0.0
        for lead, s, psi in waves:
            if not modes[lead, s]:
                continue
            currents, torques = self._one(lead, psi, self.densities[lead, s])
            self.currents[lead, s], self.torques[lead, s] = currents, torques
            raw = self._raw(psi)
            miss = abs(raw - currents) / modes[lead, s]
            steps = np.abs(np.diff(raw[:, 1:], axis=0) + torques[1:-1]) / modes[lead, s]
            continuity = max(continuity, miss[:, 0].max(), steps[quiet[1:-1]].max(initial=0.0))
            torque = max(torque, steps[~quiet[1:-1]].max(initial=0.0), miss[:, 1:].max())
        return Fields(
            currents=self.currents,
            torques=self.torques,
            densities=self.densities,
            modes=modes,
            continuity_defect=np.asarray(continuity),
            torque_defect=np.asarray(torque),
        )

    def _one(self, lead: int, psi: list[Complex], densities: Floats) -> tuple[Floats, Floats]:
        """Return currents and torques of one lead and spin, and write the densities."""
        problem = self.problem
        M, planes = problem.sites, problem.planes
        torques = np.empty((planes, 3))
        for n, wave in enumerate(psi):
            frame = self.frames[self.sides[n]]
            up, down = wave[:M], wave[M:]
            flip = 2 * (up.conj() * down).sum(axis=1)
            sizes = [(part.real**2 + part.imag**2).sum(axis=1) for part in (up, down)]
            spin = np.stack([flip.real, flip.imag, sizes[0] - sizes[1]], axis=1)
            densities[n, 0] = (sizes[0] + sizes[1]).sum()
            densities[n, 1:] = spin.sum(axis=0) @ frame
            if problem.turning_planes[n]:
                h_psi = problem.energy * wave - gemm(problem.spin_plane(n, self.chi[self.sides[n]]), wave)
                torques[n] = -2 * flux(wave, h_psi, M)[1:] @ frame
            else:
                torques[n] = -2 * np.cross(self.fields[n], spin).sum(axis=0) @ frame
        for b in np.flatnonzero(problem.turning_bonds):
            before, after = self._lab(psi[b], b), self._lab(psi[b + 1], b + 1)
            turn, t = problem.sample.bond_rotations[b], problem.sample.bonds[b]
            arriving = -2 * flux(after, hopped(before, t, turn), M)[1:]
            leaving = 2 * flux(before, hopped(after, t, np.swapaxes(turn, -1, -2).conj()), M)[1:]
            torques[b] += leaving - arriving
        return carried(lead, self._outgoing(1 - lead, psi[-1] if lead == 0 else psi[0]), torques), torques

    def _lab(self, wave: Complex, n: int) -> Complex:
        """Return a wave with spin along z."""
        chi = self.chi[self.sides[n]]
        up, down = np.split(wave, 2)
        return np.concatenate([chi[s, 0] * up + chi[s, 1] * down for s in (0, 1)])

    def _raw(self, psi: list[Complex]) -> Floats:
        """Return the currents taken on the bonds themselves."""
        problem = self.problem
        lab = [self._lab(wave, n) for n, wave in enumerate(psi)]
        turns = problem.sample.bond_rotations
        return np.stack(
            [
                -2 * flux(lab[b + 1], hopped(lab[b], t, turns[b] if problem.turning_bonds[b] else None), problem.sites)
                for b, t in enumerate(problem.sample.bonds)
            ]
        )

    def _outgoing(self, lead: int, wave: Complex) -> Floats:
        """Return the flux that leaves into a lead from its last plane: every transverse mode by itself."""
        side = -1 if lead else 0
        axis_frame = self.frames[self.sides[side]]
        outside = Modes(self.problem, lead, axis_frame[2])
        sigma_up, sigma_down = outside.sigma[0], outside.sigma[-1]
        up, down = (gemm(dagger(self.problem.modes[1]), np.asfortranarray(part)) for part in np.split(wave, 2))
        sizes = [
            (velocity * (part.real**2 + part.imag**2).sum(axis=1)).sum()
            for velocity, part in ((outside.velocity[0], up), (outside.velocity[-1], down))
        ]
        z = 2 * ((sigma_up.conj() - sigma_down) * (up.conj() * down).sum(axis=1)).sum()
        return np.concatenate([[sizes[0] + sizes[1]], np.array([z.imag, -z.real, sizes[0] - sizes[1]]) @ axis_frame])


def carried(lead: int, leaving: Floats, torques: Floats) -> Floats:
    """Return the currents of all bonds from the flux that leaves at the end far from ``lead``, and the torques."""
    if lead == 0:
        before = np.cumsum(torques[:0:-1], axis=0)[::-1]
    else:
        leaving, before = -leaving, -np.cumsum(torques[:-1], axis=0)
    return np.asarray(leaving + np.pad(before, [(0, 0), (1, 0)]))


def flux(a: Complex, b: Complex, sites: int) -> Floats:
    """Return Im a†b and Im a†σb, summed over sites and modes."""
    blocks = np.array([np.vdot(p, q) for p in (a[:sites], a[sites:]) for q in (b[:sites], b[sites:])])
    return np.asarray((FORMS @ blocks).imag)
