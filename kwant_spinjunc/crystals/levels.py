r"""Where an integrand over momenta is rough: openings of channels, and levels of the region at the energy.

A channel opens where the number of open ones of a lead and spin jumps. A level lies at the energy where the number of
negative eigenvalues of H - E + Re Σ jumps, which falls out of the elimination: it is the sum over all planes
(Sylvester). How narrow the level is tells |D̃⁻¹T| of the true elimination there: a peak of width 1/|D̃⁻¹T|, in units
of the bands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import Complex, Floats, Integers
from ..halves.chain import negative
from ..halves.joint import Turn, expanded
from ..halves.matrices import dagger, magnitude, spin_times
from ..halves.surface import channels
from .crystal import Crystal
from .solve import chains_of, lead_surfaces, solve

__all__ = ["count_channels", "count_levels", "jumps", "sharpness"]

#: Width to which jumps are bracketed, in radians.
BRACKET = 1e-11


def jumps(
    count: Callable[[Integers, Floats], Any], lines: int, grid: Floats, width: float = BRACKET
) -> tuple[Integers, Floats]:
    """Return where integers jump along lines, as numbers of lines and positions.

    Parameters
    ----------
    count
        Takes numbers of lines and positions on them, (n,), returns integers (n, columns).
    lines
        Number of lines.
    grid
        Sorted positions between which jumps are looked for. Two that cancel between neighbors are not seen.
    width
        To which each jump is bracketed.
    """
    values = count(np.repeat(np.arange(lines), len(grid)), np.tile(grid, lines))
    values = values.reshape(lines, len(grid), -1)
    line, at = np.nonzero((values[:, 1:] != values[:, :-1]).any(axis=-1))
    low, high, below, above = grid[at], grid[at + 1], values[line, at], values[line, at + 1]
    # integers that are noise (an eigenvalue that is zero all along) would have a jump in every bracket
    most = 4 * len(low) + 64
    while len(low) and len(low) <= most and (high - low).max() > width:
        middle = (low + high) / 2
        between = count(line, middle)
        left, right = (between != below).any(axis=1), (between != above).any(axis=1)
        line = np.concatenate([line[left], line[right]])
        low, high = np.concatenate([low[left], middle[right]]), np.concatenate([middle[left], high[right]])
        below, above = np.concatenate([below[left], between[right]]), np.concatenate([between[left], above[right]])
    return line, (low + high) / 2


def count_channels(crystal: Crystal, energy: float, k: Floats) -> Integers:
    """Return the open channels of each lead and spin at momenta (points, dimensions), (points, columns)."""
    leads, blocks = crystal.lead_blocks
    matrices = blocks.at(k, np.full(len(k), energy))
    pairs = zip(matrices[: len(leads)], matrices[len(leads) :], strict=True)
    return np.concatenate([channels(h, t) for h, t in pairs], axis=1)


def count_levels(crystal: Crystal, energy: float, k: Floats, turn: Turn | None) -> Integers:
    """Return the negative eigenvalues of H - E + Re Σ at momenta (points, dimensions), (points, angles <= 3)."""
    E = np.full(len(k), energy)
    found = lead_surfaces(crystal, E, k)
    total = np.zeros((len(k), 1), dtype=np.int64)
    ends = []
    chains, across = chains_of(crystal, found, E, k)
    for side, chain in zip(crystal.sides, chains, strict=True):
        count, end = negative(chain)
        total += count.sum(axis=1, keepdims=True)
        ends.append(end[:, 0] if side.lift is None else expanded(end, side.lift.orbitals))
    if across is None:
        return np.asarray(total + _negative(ends[0])[:, None])
    Kd = dagger(across)[:, None]
    if turn is not None:
        some = np.unique([turn.angles.min(), np.median(turn.angles), turn.angles.max()])
        Kd = spin_times(dagger(Turn(some, turn.axis).matrices()), Kd)
    n_F, n_B = ends[0].shape[-1], ends[1].shape[-1]
    L = np.zeros((*Kd.shape[:2], n_F + n_B, n_F + n_B), dtype=complex)
    L[..., :n_F, :n_F], L[..., n_F:, n_F:] = ends[0][:, None], ends[1][:, None]
    L[..., :n_F, n_F:], L[..., n_F:, :n_F] = dagger(Kd), Kd
    return np.asarray(total + _negative(L))


def _negative(matrix: Complex) -> Integers:
    return np.asarray((np.linalg.eigvalsh(matrix) < 0).sum(axis=-1))


def sharpness(crystal: Crystal, energy: float, k: Floats, turn: Turn | None) -> Floats:
    """Return |D̃⁻¹T| of the elimination at momenta, the inverse width of the sharpest level there, (points,)."""
    found = solve(crystal, np.full(len(k), energy), k, turn)
    steps = [half.growth.max(axis=1) for half in found.halves]
    if crystal.across is not None:
        hopping = magnitude(crystal.across.at(k))
        steps += [magnitude(half.g).max(axis=1) * hopping for half in found.halves]
        y = found.joint
        if y is not None:
            steps.append(np.maximum(magnitude(y.front).max(axis=1), magnitude(y.back).max(axis=1)) ** 2)
    return np.asarray(np.max(steps, axis=0))
