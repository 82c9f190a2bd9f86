r"""One half, plane by plane from its lead to the cut."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...arrays import Complex, Floats, Matrix
from ...errors import ArgumentError
from ...spin import SIGNS, spinors
from .dense import between, dagger, gemm, invert, squared, symmetric_inverse
from .modes import Modes
from .sampled import Sampled
from .surface import Half, Plane, hopped, make_full

#: A difference of the two spins is propagated by products once it is this small; above, it is taken as it is.
SMALL_DIFFERENCE = 1e-4


def solve_half(
    problem: Sampled, side: int, m: Floats, order: Sequence[int], *, outgoing: bool, keep: bool = False
) -> Half:
    """Solve the planes in ``order`` from the lead on ``side``, with spin along ``m``; ``keep`` them for `states`."""
    chi = spinors(m)
    collinear = problem.collinear(m)
    state = Modes(problem, side, m)
    half: Half | None = None
    for position, n in enumerate(order):
        bond = None if position == 0 else (n - 1 if side == 0 else n)
        simple = half is None and problem.uniform[n] and collinear[n] and (bond is None or problem.uniform_bonds[bond])
        if simple:
            state.step(n, state.t if bond is None else float(problem.sample.bonds[bond, 0]))
            if keep:
                state.keep(n)
            continue
        if bond is None:
            raise ArgumentError("Argument `sample` must begin and end with planes like the leads, but does not.")
        half = half or state.half(outgoing)
        turn = problem.bond(bond, chi)
        if half.full or turn is not None or not collinear[n]:
            if turn is not None and side == 1:  # towards smaller n
                turn = np.swapaxes(turn, -1, -2).conj()
            _full_step(problem, half, n, problem.sample.bonds[bond], turn, chi)
        else:
            _step(problem, half, n, problem.sample.bonds[bond], m)
        if keep:
            half.chain.append(Plane(n, half.g, half.inc, half.modes, full=half.full))
    return half or state.half(outgoing)


def _step(problem: Sampled, half: Half, n: int, t: Floats, m: Floats) -> None:
    """Cross a collinear plane behind bonds t."""
    along = problem.sample.levels[n, :, 1:] @ m if problem.magnetic[n] else None
    if along is not None and len(half.g) == 1:
        half.g, half.inc = half.g * 2, half.inc * 2
        half.out, half.s0 = half.out * 2, half.s0 * 2
        half.difference = np.zeros(half.g[0].shape, order="F")
    plane = problem.plane(n)
    gs = []
    weight = np.multiply.outer(t, t).T  # in the order of g
    for s, before in enumerate(half.g):
        inverse = np.multiply(before, weight)
        np.subtract(plane, inverse, out=inverse)
        if along is not None:
            np.einsum("ii->i", inverse)[...] -= SIGNS[s] * along
        gs.append(symmetric_inverse(inverse) if problem.real else invert(inverse))
    if half.difference is not None:
        difference = gs[0] - gs[1]
        if squared(difference) < SMALL_DIFFERENCE**2 * squared(gs[0]):
            change = between(t, half.difference)
            if along is not None:
                np.einsum("ii->i", change)[...] += 2 * along
            difference = gemm(gemm(gs[0], change), gs[1])
        half.difference = difference
    half.g = gs
    _propagate(half, [t[:, None] * inc for inc in half.inc], t, None)


def _propagate(half: Half, arriving: list[Matrix], t: Floats, turn: Complex | None) -> None:
    """Carry the waves to a plane whose Green's functions are known; ``arriving`` is t U B of the plane before."""
    gs = half.g if len(half.g) == len(half.inc) else half.g * 2
    half.inc = [-gemm(g, wave) for g, wave in zip(gs, arriving, strict=True)]
    if half.out:
        leaving = [-dagger(hopped(dagger(out), t, turn)) for out in half.out]
        half.s0 = [s0 + 1j * gemm(out, inc) for s0, out, inc in zip(half.s0, leaving, half.inc, strict=True)]
        half.out = [gemm(out, g) for out, g in zip(leaving, gs, strict=True)]


def _full_step(problem: Sampled, half: Half, n: int, t: Floats, turn: Complex | None, chi: Complex) -> None:
    """Cross a plane, or bonds, that mix spins."""
    if not half.full:
        make_full(half)
    back = hopped(dagger(hopped(half.g[0], t, turn)), t, turn)
    half.g = [invert(problem.spin_plane(n, chi) - dagger(back))]
    _propagate(half, [hopped(half.inc[0], t, turn)], t, turn)


def solve_halves(
    problem: Sampled, cut: int, axes: Floats, *, outgoing: Sequence[bool] = (True, True), keep: bool = False
) -> list[Half]:
    """Solve both halves up to the bond ``cut``."""
    orders = range(cut + 1), range(problem.planes - 1, cut, -1)
    return [solve_half(problem, i, axes[i], orders[i], outgoing=outgoing[i], keep=keep) for i in (0, 1)]
