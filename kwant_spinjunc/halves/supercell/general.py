r"""Two halves that mix spins, joined by matrices in spin and site."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from ...arrays import Floats, Matrix
from ...spin import rotation_matrix, spinors
from .dense import LU, dagger, gemm, one_minus, squared
from .half import solve_halves
from .sampled import Sampled
from .surface import hopped, make_full


class General:
    """Two halves with spin along the labels of their leads; 2 M × 2 M matrices join them."""

    def __init__(self, problem: Sampled, keep: bool = False) -> None:
        junction, sample = problem.junction, problem.sample
        self.labels = np.array([lead.m for lead in junction.leads])
        self.cut = cut = (problem.planes - 1) // 2
        self.halves = solve_halves(problem, cut, self.labels, keep=keep)
        for half in self.halves:
            if not half.full:
                make_full(half)
        self.root = root = np.sqrt(sample.bonds[cut])
        # everything in the frame of the left half: H_LR = -t V
        V = np.broadcast_to(rotation_matrix(*self.labels), (problem.sites, 2, 2))
        if problem.turning_bonds[cut]:
            chi = [spinors(m) for m in self.labels]
            V = chi[0].conj().T @ np.swapaxes(sample.bond_rotations[cut], -1, -2).conj() @ chi[1]
        self.turns = [None, V]
        self.u = [dagger(hopped(dagger(hopped(half.g[0], root, turn)), root, turn)) for half, turn in self._both]
        self.inc = [hopped(half.inc[0], root, turn) for half, turn in self._both]
        self.out = [dagger(hopped(dagger(half.out[0]), root, turn)) for half, turn in self._both]

    @property
    def _both(self) -> Any:
        return zip(self.halves, self.turns, strict=True)

    def crossing(self, near: int) -> Matrix:
        """Return (1 - u w)^{-1} b."""
        return LU.of(one_minus(self.u[near], self.u[1 - near])).solve(self.inc[near])

    def probabilities(self) -> Floats:
        """Return T[lead_out, spin_out, lead_in, spin_in]."""
        P = np.zeros((2, 2, 2, 2))
        parts = [np.cumsum([0, *half.modes]) for half in self.halves]
        for near in (0, 1):
            crossed = self.crossing(near)
            back = gemm(self.out[near], gemm(self.u[1 - near], crossed))
            amplitudes = {1 - near: gemm(self.out[1 - near], crossed), near: self.halves[near].s0[0] + 1j * back}
            for (lead, amplitude), q, s in product(amplitudes.items(), (0, 1), (0, 1)):
                rows, columns = parts[lead], parts[near]
                P[lead, q, near, s] = squared(amplitude[rows[q] : rows[q + 1], columns[s] : columns[s + 1]])
        return P
