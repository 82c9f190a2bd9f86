r"""What a half is to the rest: the matrices at its last plane, and what it takes to come back from there."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ...arrays import Complex, Floats, Matrix
from .dense import both_spins, dagger, gemm


@dataclass
class Half:
    """What a lead and the planes before the cut are to the rest, in one spin frame.

    Lists have one entry where nothing depends on spin, two for a collinear half, one in spin and site where ``full``.
    """

    g: list[Matrix]  # surface Green's functions
    inc: list[Matrix]  # B: wave at the surface per unit incoming flux of each open mode, (rows, modes)
    out: list[Matrix]  # outgoing amplitudes per unit source at the surface, (modes, rows); empty if not asked for
    s0: list[Matrix]  # scattering matrix of the half alone; the same
    difference: Matrix | None  # g_+ - g_-
    modes: tuple[int, int]  # open modes of each spin
    full: bool = False
    chain: list[Plane] = field(default_factory=list)  # one for every plane, where asked for


@dataclass
class Plane:
    """What it takes to come back from the cut: the half that ends with plane n."""

    n: int
    g: list[Matrix]  # matrices, or numbers of the transverse modes U
    inc: list[Matrix]
    modes: tuple[int, int]
    U: Matrix | None = None
    full: bool = False

    def apply(self, wave: Matrix) -> Matrix:
        """Return g ψ of waves with spin before site."""
        if self.full:
            return gemm(self.g[0], wave)
        parts = [self.apply_to(np.asfortranarray(part), s) for s, part in enumerate(np.split(wave, 2))]
        return np.asfortranarray(np.concatenate(parts))

    def apply_to(self, wave: Matrix, s: int) -> Matrix:
        """Return g ψ of waves of spin s alone."""
        g = pick(self.g, s)
        return gemm(g, wave) if self.U is None else gemm(self.U, g[:, None] * gemm(dagger(self.U), wave))

    def incoming(self, s: int) -> Matrix:
        """Return i B of the modes of spin s, with spin before site."""
        if self.full:
            start = self.modes[0] if s else 0
            return 1j * self.inc[0][:, start : start + self.modes[s]]
        inc = pick(self.inc, s)
        zero = np.zeros_like(inc)
        return 1j * np.concatenate([zero, inc] if s else [inc, zero])


def pick(values: list[Matrix], s: int) -> Matrix:
    """Return that of spin s, or of both."""
    return values[s if len(values) == 2 else 0]


def hopped(wave: Matrix, t: Floats, turn: Complex | None = None) -> Matrix:
    """Return t U ψ of waves in columns, with spin before site where there is spin."""
    if turn is not None:
        up, down = wave[: len(t)], wave[len(t) :]
        wave = np.concatenate([turn[:, s, 0, None] * up + turn[:, s, 1, None] * down for s in (0, 1)])
    rows = t if len(wave) == len(t) else np.concatenate([t, t])
    return np.asarray(np.asfortranarray(rows[:, None] * wave))


def make_full(half: Half) -> None:
    """Join both spins in one matrix."""
    half.g, half.inc = [both_spins(half.g)], [both_spins(half.inc)]
    half.out, half.s0 = ([both_spins(pair)] if pair else [] for pair in (half.out, half.s0))
    half.difference, half.full = None, True
