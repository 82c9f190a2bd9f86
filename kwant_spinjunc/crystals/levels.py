r"""Where an integrand over momenta is rough: openings of channels, and levels of the region at the energy.

A channel opens where the number of open ones of a lead and spin jumps. A level lies at the energy where the number of
negative eigenvalues of H - E + Re Σ jumps, which falls out of the elimination: it is the sum over all planes
(Sylvester). How narrow the level is tells |D̃⁻¹T| of the true elimination there: a peak of half-width 1/|D̃⁻¹T|, in
units of the bands.

A mean over the last momentum is split at both. As a function of the momentum before it, that mean is rough where a line
along the last one is tangent to a curve of openings or levels (it meets one more, or one less), and where these curves
cross: the width of a level changes where a channel opens for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..arrays import Complex, Floats, Integers
from ..halves.chain import negative
from ..halves.joint import Turn, expanded
from ..halves.matrices import dagger, magnitude, spin_times
from ..halves.surface import channels
from .crystal import Crystal
from .solve import chains_of, lead_surfaces, solve

#: Width to which jumps are bracketed, in radians.
BRACKET = 1e-11
#: Points of the grid on which channels and levels are counted first.
GRID = 64
#: Parts of it in which pairs of levels are looked for.
BETWEEN = 16
#: Positions of planes of up to so many orbitals whose count costs hardly more than that of one.
FEW, SMALL = 64, 8
#: Sharpness of a level from which the integral is split at it.
SHARP = 8.0
#: Width to which levels are bracketed first, and that of the narrowest, to which they are placed.
LEVEL_BRACKET, LEAST = 1e-5, 1e-11
#: Width to which tangents are bracketed; to which those of levels are, and how far apart they count.
TANGENT, LEVEL_TANGENT, APART = 1e-6, 1e-4, 3e-3
#: Distance from an opening at which it has surely opened.
ASIDE = 1e-9


def jumps(
    count: Callable[[Integers, Floats], Any], lines: int, grid: Floats, width: float = BRACKET, at_once: int = 2
) -> tuple[Integers, Floats]:
    """Return where integers jump along lines, as numbers of lines and positions.

    ``count``: takes numbers of lines and positions on them, (n,), returns integers (n, columns).
    ``lines``: number of lines.
    ``grid``: sorted positions between which jumps are looked for. Two that cancel between neighbors are not seen.
    ``width``: to which each jump is bracketed.
    ``at_once``: positions that cost hardly more than one, by which a few brackets are divided into more than halves.
    """
    if not lines:
        return np.zeros(0, dtype=np.intp), np.zeros(0)
    values = count(np.repeat(np.arange(lines), len(grid)), np.tile(grid, lines))
    values = values.reshape(lines, len(grid), -1)
    line, at = np.nonzero((values[:, 1:] != values[:, :-1]).any(axis=-1))
    low, high, below, above = grid[at], grid[at + 1], values[line, at], values[line, at + 1]
    # integers that are noise (an eigenvalue that is zero all along) would have a jump in every bracket
    most = 4 * len(low) + 64
    while len(low) and len(low) <= most and (high - low).max() > width:
        parts = max(2, min(16, at_once // len(low)))
        edges = low[:, None] + (high - low)[:, None] * (np.arange(parts + 1) / parts)
        edges[:, -1] = high
        between = count(np.repeat(line, parts - 1), edges[:, 1:-1].ravel()).reshape(len(low), parts - 1, -1)
        values = np.concatenate([below[:, None], between, above[:, None]], axis=1)
        of, at = np.nonzero((values[:, 1:] != values[:, :-1]).any(axis=-1))
        line, low, high, below, above = line[of], edges[of, at], edges[of, at + 1], values[of, at], values[of, at + 1]
    return line, (low + high) / 2


def at_once(crystal: Crystal) -> int:
    """Return how many momenta are counted at hardly more than the cost of one: the more, the smaller its planes."""
    size = max(series.coefficients.shape[-1] for side in crystal.sides for series in side.onsite)
    return FEW * SMALL**3 // max(size, SMALL) ** 3


def count_channels(crystal: Crystal, energy: float | Floats, k: Floats) -> Integers:
    """Return the open channels of each lead and spin at momenta (points, dimensions), (points, columns)."""
    leads, blocks = crystal.lead_blocks
    matrices = blocks.at(k, np.full(len(k), energy))
    pairs = zip(matrices[: len(leads)], matrices[len(leads) :], strict=True)
    return np.concatenate([channels(h, t) for h, t in pairs], axis=1)


def count_levels(crystal: Crystal, energy: float | Floats, k: Floats, turn: Turn | None) -> Integers:
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


def sharpness(crystal: Crystal, energy: float | Floats, k: Floats, turn: Turn | None) -> Floats:
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


@dataclass(frozen=True, eq=False)
class Rough:
    """Where a crystal is rough at an energy, with the lower ends of its momenta, the upper being π."""

    crystal: Crystal
    energy: float
    turn: Turn | None
    low: Floats

    def _grid(self, axis: int) -> Floats:
        return np.asarray(np.linspace(self.low[axis], np.pi, GRID + 1))

    def _levels_at(self, k: Floats, above: float = 0.0) -> Integers:
        return count_levels(self.crystal, self.energy + above, k, self.turn)

    @cached_property
    def _at_once(self) -> int:
        return at_once(self.crystal)

    def _channels_at(self, k: Floats) -> Integers:
        return count_channels(self.crystal, self.energy, k)

    def openings(self, outer: Floats) -> tuple[Integers, Floats]:
        """Return where channels open on lines along the last momentum: numbers of lines and positions.

        ``outer``: shape (lines, dimensions - 1): the other momenta.
        """
        return jumps(
            lambda line, x: self._channels_at(_on(outer, line, x)), len(outer), self._grid(-1), at_once=self._at_once
        )

    def levels(self, outer: Floats) -> tuple[Integers, Floats, Floats]:
        """Return the levels on lines along the last momentum: numbers of lines, positions and sharpness."""
        line, near = jumps(
            lambda i, y: self._levels_at(_on(outer, i, y)),
            len(outer),
            self._grid(-1),
            LEVEL_BRACKET,
            self._at_once,
        )
        pairs, more = self._pairs(outer, line, near)
        line, near = np.append(line, pairs), np.append(near, more)
        # how narrow a level is shows only where it is: behind a barrier a bracket away nothing is left of it
        which, shift = jumps(
            lambda i, y: self._levels_at(_on(outer, line[i], near[i] + y)),
            len(near),
            np.array([-LEVEL_BRACKET, LEVEL_BRACKET]),
            LEAST,
            self._at_once,
        )
        rest = np.delete(np.arange(len(near)), which)
        line, x = np.append(line[rest], line[which]), np.append(near[rest], near[which] + shift)
        return line, x, self._sharpness(_on(outer, line, x))

    def _pairs(self, outer: Floats, line: Integers, near: Floats) -> tuple[Integers, Floats]:
        """Return the levels that a line crosses twice between neighbors of the grid, as numbers of lines and positions.

        Around the nodes whose levels pass the energy if it moves by what a level may bend between neighbors, and next
        to which none was found.
        """
        grid = self._grid(-1)
        cell = grid[1] - grid[0]
        bend = self.crystal.curvature * cell**2 / 2
        if not bend or not len(outer):
            return np.zeros(0, dtype=np.intp), np.zeros(0)
        k = _on(np.repeat(outer, len(grid), axis=0), np.arange(len(outer) * len(grid)), np.tile(grid, len(outer)))
        close = (self._levels_at(k, bend) != self._levels_at(k, -bend)).any(axis=1).reshape(len(outer), -1)
        at = np.searchsorted(grid, near)
        close[line, at] = close[line, at - 1] = False
        owner, node = np.nonzero(close)
        which, shift = jumps(
            lambda i, y: self._levels_at(_on(outer, owner[i], grid[node[i]] + y)),
            len(owner),
            np.linspace(-cell / 2, cell / 2, BETWEEN + 1),
            LEVEL_BRACKET,
            self._at_once,
        )
        return owner[which], grid[node[which]] + shift

    def _sharpness(self, k: Floats) -> Floats:
        return sharpness(self.crystal, self.energy, k, self.turn) if len(k) else np.zeros(0)

    def marks(self, outer: Floats) -> tuple[Integers, Floats, Floats]:
        """Return lines, positions and half-widths of what integrals along the last momentum are split at.

        Openings, whose width is that of a level there or 0, and sharp levels. Pieces around a level grow with the
        distance to it, so that they resolve whatever is as wide as its own distance: of the levels of many angles that
        lie within their widths the narrowest will do.
        """
        found: list[dict[float, float]] = [{} for _ in outer]
        for owner, place in zip(*self.openings(outer), strict=True):
            found[owner][float(place)] = 0.0
        line, level, sharp = self.levels(outer)
        keep = (sharp > SHARP) & (level > self.low[-1]) & (level < np.pi)
        line, level, width = line[keep], level[keep], np.maximum(1 / sharp[keep], LEAST)
        for n in np.argsort(width):
            here, w = found[line[n]], float(width[n])
            near = next((place for place in here if abs(place - level[n]) < w), None)
            if near is None:
                here[float(level[n])] = w
            elif here[near] == 0.0:
                here[near] = w
        every = [(owner, place, w) for owner, here in enumerate(found) for place, w in here.items()]
        owners, places, widths = np.array(every, dtype=float).reshape(-1, 3).T
        return owners.astype(np.intp), places, widths

    @cached_property
    def outer(self) -> Floats:
        """Where the mean over the last of two momenta is rough in the first: tangents and crossings of the curves.

        Those of one level at many angles lie next to each other; one split does for all of them.
        """

        def changes(count: Any) -> Any:
            grid = self._grid(-1)

            def along(_: Integers, x: Floats) -> Any:
                k = np.stack([np.repeat(x, len(grid)), np.tile(grid, len(x))], axis=1)
                return abs(np.diff(count(k).reshape(len(x), len(grid), -1), axis=1)).sum(axis=1)

            return along

        grid = self._grid(0)
        splits = np.sort(jumps(changes(self._channels_at), 1, grid, TANGENT)[1])
        splits = splits[np.diff(splits, prepend=-np.inf) > 10 * TANGENT]
        tangents = jumps(changes(self._levels_at), 1, grid, LEVEL_TANGENT)[1]
        crossings = jumps(self._levels_at_openings, 1, grid, LEVEL_TANGENT)[1]
        events = np.sort(np.concatenate([tangents, crossings]))
        for cluster in np.split(events, np.flatnonzero(np.diff(events) > APART) + 1):
            if not len(cluster) or (abs(splits - cluster.mean()) <= APART).any():
                continue
            if np.isin(cluster, crossings).any() or self._appear(cluster[0] - APART, cluster[-1] + APART):
                splits = np.append(splits, (cluster[0] + cluster[-1]) / 2)
        return np.sort(splits)

    def _levels_at_openings(self, _: Integers, x: Floats) -> Any:
        """Return counts on lines that change where a level crosses an opening."""
        line, at = self.openings(x[:, None])
        k, aside = _on(x[:, None], line, at), np.array([0.0, ASIDE])
        opens = self._channels_at(k + aside) != self._channels_at(k - aside)
        levels = self._levels_at(k)
        total = np.zeros((len(x), opens.shape[1], levels.shape[1]), dtype=np.int64)
        np.add.at(total, line, opens[:, :, None] * levels[:, None])
        return total.reshape(len(x), -1)

    def _appear(self, before: float, after: float) -> bool:
        """Tell whether a sharp level lies on one of two lines that has none near it on the other."""
        line, at, sharp = self.levels(np.array([[before], [after]]))
        apart = np.where(line[:, None] != line, abs(at[:, None] - at), np.inf).min(axis=1, initial=np.inf)
        return bool((sharp[apart > 3 * (after - before)] > SHARP).any())


def _on(outer: Floats, line: Integers, x: Floats) -> Floats:
    """Return the momenta at positions on lines along the last one."""
    return np.concatenate([outer[line], x[:, None]], axis=1)
