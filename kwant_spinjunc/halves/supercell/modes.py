r"""The transverse modes of a lead, and of a half as long as every plane is uniform."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...arrays import Complex, Floats, Matrix
from ...spin import SIGNS
from .dense import dagger, gemm
from .sampled import Sampled
from .surface import Half, Plane


class Modes:
    """The same as long as every plane is uniform: numbers for every transverse mode."""

    def __init__(self, problem: Sampled, side: int, m: Floats) -> None:
        self.problem, self.side, self.m = problem, side, m
        lead = problem.junction.leads[side]
        self.t = lead.hopping
        c, _ = problem.modes
        along = float(np.sign(np.dot(lead.m, m))) if lead.splitting else 0.0
        spins = SIGNS if lead.splitting else SIGNS[:1]
        level = np.array([lead.onsite - 2 * lead.t_parallel * c - s * along * lead.splitting / 2 for s in spins])
        x = (problem.energy - level) / (2 * self.t)
        self.open = abs(x) < 1
        root = np.sqrt(abs(1 - x * x))
        self.sigma = self.t * np.where(self.open, x - 1j * root, 1 / (x + np.copysign(root, x)))
        self.velocity = np.where(self.open, 2 * self.t * root, 0.0)
        # the Green's function of the lead's own last plane
        self.g = self.sigma / self.t**2
        self.difference: Any = None
        if len(spins) == 2:
            # t² g has (x - i root) of both spins, apart by half a splitting; no small number is a difference
            self.difference = self.g[0] - self.g[1]
        self.wave: Any = None
        self.alone: Any = None
        self.chain: list[Plane] = []

    def step(self, n: int, t: float) -> None:
        """Cross a uniform plane n behind a bond t."""
        problem = self.problem
        level = problem.sample.levels[n, 0]
        c, _ = problem.modes
        along = float(level[1:] @ self.m)
        if along and len(self.g) == 1:
            self.double()
        spins = SIGNS[:, None] if len(self.g) == 2 else 1.0
        below = t * t * self.g
        e = problem.energy - level[0] + 2 * problem.sample.in_plane[n, 0, 0] * c - spins * along
        g = 1 / (e - below)
        if len(g) == 2:
            self.difference = g[0] * g[1] * (t * t * self.difference + 2 * along)
        if self.wave is None:
            self.wave = g * np.sqrt(self.velocity)
            self.alone = -1 + 1j * self.velocity * g
        else:
            before = self.wave
            self.wave = -t * g * before
            self.alone = self.alone - 1j * t * before * self.wave
        self.g = g

    def keep(self, n: int) -> None:
        """Note the plane just crossed."""
        self.chain.append(Plane(n, list(self.g), self.incoming(), self.counts, U=self.problem.modes[1]))

    def incoming(self) -> list[Matrix]:
        """Return B of each spin."""
        U = self.problem.modes[1]
        return [np.asfortranarray(U[:, o] * w[o]) for o, w in zip(self.open, self.wave, strict=True)]

    @property
    def counts(self) -> tuple[int, int]:
        """Number of open modes of each spin."""
        counts = self.open.sum(axis=1)
        return int(counts[0]), int(counts[-1])

    def double(self) -> None:
        """Tell the spins apart from here on."""
        for name in ("g", "open", "velocity"):
            setattr(self, name, np.concatenate([getattr(self, name)] * 2))
        if self.wave is not None:
            self.wave, self.alone = np.concatenate([self.wave] * 2), np.concatenate([self.alone] * 2)
        self.difference = np.zeros(len(self.g[0]))

    def half(self, outgoing: bool) -> Half:
        """Return the half in site space."""
        _, U = self.problem.modes
        U_dagger = dagger(U)
        real = self.problem.real

        def matrix(x: Complex) -> Matrix:
            found = gemm(U * x, U_dagger)
            return np.asfortranarray(found.real) if real and not x.imag.any() else found

        out: list[Matrix] = []
        alone: list[Matrix] = []
        if outgoing:
            out = [np.asfortranarray(w[o, None] * U_dagger[o]) for o, w in zip(self.open, self.wave, strict=True)]
            alone = [np.asfortranarray(np.diag(s[o])) for o, s in zip(self.open, self.alone, strict=True)]
        difference = None if len(self.g) == 1 else matrix(self.difference + 0j)
        found = Half([matrix(g) for g in self.g], self.incoming(), out, alone, difference, self.counts)
        found.chain = self.chain
        return found
