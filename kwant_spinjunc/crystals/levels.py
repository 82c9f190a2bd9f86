r"""Where an integrand over momenta is rough: openings of channels, and levels of the region at the energy.

A channel opens where the number of open ones of a lead and spin jumps. A level lies at the energy where the number of
negative eigenvalues of H - E + Re Σ jumps, which falls out of the elimination: it is the sum over all planes
(Sylvester). Next to it, at a complex momentum, det(H - E + Σ) vanishes: a peak where the real part of that pole is, as
wide as its imaginary part. The determinant is that of all planes, however far from the cut the level lies.

A mean over the last momentum is split at both. As a function of the momentum before it, that mean is rough where a line
along the last one is tangent to a curve of openings or levels (it meets one more, or one less), and where these curves
cross: the width of a level changes where a channel opens for it. Tangent to a level it diverges like 1/√distance, down
to the width of the level along the first momentum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..arrays import Complex, Floats, Integers
from ..halves.chain import reduced
from ..halves.joint import Turn, expanded
from ..halves.matrices import dagger, spin_times
from ..halves.surface import channels
from .crystal import Crystal
from .problem import Problem
from .solve import chains_of, lead_surfaces

#: Width to which jumps are bracketed, in radians.
BRACKET = 1e-11
#: Points of the grid on which channels and levels are counted first.
GRID = 64
#: Parts of it in which pairs of levels are looked for.
BETWEEN = 16
#: Positions of planes of up to so many orbitals whose count costs hardly more than that of one.
FEW, SMALL = 64, 8
#: Half-width of the widest levels at which an integral is split, in lengths of its piece.
SHARP = 1 / 25
#: Width to which levels are bracketed first, and least of levels that may be broader at angles not looked at.
LEVEL_BRACKET, LEAST = 1e-5, 1e-11
#: Step of differences along which poles are followed, steps of Newton's method, half-widths of what no lead broadens
#: and from which none is followed.
STEP, NEWTON, BOUND, WIDE = 1e-9, 8, 1e-14, 0.1
#: Width to which tangents are bracketed; to which those of levels are, and how far apart they count.
TANGENT, LEVEL_TANGENT, APART = 1e-6, 1e-4, 3e-3
#: Distance from an opening at which it has surely opened.
ASIDE = 1e-9


def jumps(
    count: Callable[[Integers, Floats], Any], lines: int, grid: Floats, width: float = BRACKET, at_once: int = 2
) -> tuple[Integers, Floats]:
    """Return where integers jump along lines, as numbers of lines and positions, bracketed to a width.

    ``count``: takes numbers of lines and positions on them, (n,), returns integers (n, columns).
    ``grid``: sorted positions between which jumps are looked for. Two that cancel between neighbors are not seen.
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


def count_levels(problem: Problem, energy: float | Floats, k: Floats) -> Integers:
    """Return the negative eigenvalues of H - E + Re Σ at momenta (points, dimensions), (points, angles <= 3)."""
    found: Integers = _over_planes(problem, energy, k, _negative, True)
    return found


def log_determinants(problem: Problem, energy: float | Floats, k: Floats) -> Complex:
    """Return log det(H - E + Σ) at momenta (points, dimensions), modulo 2πi, (points, angles <= 3)."""
    found: Complex = _over_planes(problem, energy, k, _log_determinant, False)
    return found


def _over_planes(problem: Problem, energy: float | Floats, k: Floats, measure: Any, reactive: bool) -> Any:
    """Return the sum of a measure over all planes in the elimination, that at the cut last, see `reduced`."""
    crystal, turn, E = problem.crystal, problem.turn, np.full(len(k), energy)
    found = lead_surfaces(crystal, E, k)
    total, ends = 0, []
    chains, across = chains_of(crystal, found, E, k)
    for side, chain in zip(crystal.sides, chains, strict=True):
        part, end = reduced(chain, measure, reactive)
        total = total + part.sum(axis=1, keepdims=True)
        ends.append(end[:, 0] if side.lift is None else expanded(end, side.lift.orbitals))
    if across is None:
        return total + measure(ends[0])[:, None]
    Kd = dagger(across)[:, None]
    if turn is not None:
        some = np.unique([turn.angles.min(), np.median(turn.angles), turn.angles.max()])
        Kd = spin_times(dagger(Turn(some, turn.axis).matrices()), Kd)
    n_F, n_B = ends[0].shape[-1], ends[1].shape[-1]
    L = np.zeros((*Kd.shape[:2], n_F + n_B, n_F + n_B), dtype=complex)
    L[..., :n_F, :n_F], L[..., n_F:, n_F:] = ends[0][:, None], ends[1][:, None]
    L[..., :n_F, n_F:], L[..., n_F:, :n_F] = dagger(Kd), Kd
    return total + measure(L)


def _negative(matrix: Complex) -> Integers:
    return np.asarray((np.linalg.eigvalsh(matrix) < 0).sum(axis=-1))


def _log_determinant(matrix: Complex) -> Complex:
    sign, size = np.linalg.slogdet(matrix)
    return np.asarray(size + 1j * np.angle(sign))


def poles(
    count: Callable[[Integers, Floats], Any],
    log_determinant: Callable[[Integers, Floats], Any],
    x: Floats,
    step: float = STEP,
) -> tuple[Integers, Floats, Floats]:
    """Return where det(H - E + Σ) vanishes next to jumps of `count_levels`: numbers of jumps, Re x and abs(Im x).

    There the Green function has a pole: a peak at Re x of half-width Im x. Newton's method from real x,
    x - p = 1/(d log det/dx), which of m levels at one place takes the mean. Entries for every column that jumps.

    ``count``, ``log_determinant``: take numbers of jumps and positions, (n,), return (n, columns).
    """
    if not len(x):
        return np.zeros(0, dtype=np.intp), x, x
    every = np.arange(len(x))
    times = abs(count(every, x + step) - count(every, x - step))
    number, column = np.nonzero(times)
    times, at, width = times[number, column], x[number], np.full(len(number), np.inf)
    going = np.arange(len(number))
    for _ in range(NEWTON):
        if not len(going):
            break
        here, m = at[going], times[going]
        logs = log_determinant(np.tile(number[going], 3), np.concatenate([here - step, here, here + step]))
        logs = logs.reshape(3, len(going), -1)[:, np.arange(len(going)), column[going]]
        with np.errstate(all="ignore"):
            below, above = np.exp(logs[0] - logs[1]), np.exp(logs[2] - logs[1])
            distance = np.nan_to_num(2 * step * m / (below - above))
            # of levels closer than a step only |x - p| can be told
            grown = abs(above * below) ** (1 / m)
            near = (m > 1) & (grown > 4)
            distance = np.where(near, 1j * step / np.sqrt(np.maximum(grown - 1, 1.0)), distance)
        off, wide, scale = abs(distance.real), abs(distance.imag), step / STEP
        moved = off > wide / 10
        width[going] = np.where(moved, np.maximum(wide, off), wide)  # should this be the last of the steps
        moved &= (width[going] > BOUND * scale) & (width[going] < WIDE * scale)
        going, distance = going[moved], distance[moved]
        at[going] += distance.real
    return number, at, width


@dataclass(frozen=True, eq=False)
class Rough:
    """Where a crystal is rough at an energy, with the lower ends of its momenta, the upper being π."""

    problem: Problem
    energy: float
    low: Floats

    def _grid(self, axis: int) -> Floats:
        return np.asarray(np.linspace(self.low[axis], np.pi, GRID + 1))

    def _levels_at(self, k: Floats, above: float = 0.0) -> Integers:
        return count_levels(self.problem, self.energy + above, k)

    def _channels_at(self, k: Floats) -> Integers:
        return count_channels(self.problem.crystal, self.energy, k)

    def _jumps(self, count: Any, lines: int, grid: Floats, width: float = BRACKET) -> tuple[Integers, Floats]:
        return jumps(count, lines, grid, width, at_once(self.problem.crystal))

    def openings(self, outer: Floats) -> tuple[Integers, Floats]:
        """Return where channels open on lines along the last momentum: numbers of lines and positions.

        ``outer``: shape (lines, dimensions - 1): the other momenta.
        """
        return self._jumps(lambda line, x: self._channels_at(_on(outer, line, x)), len(outer), self._grid(-1))

    def levels(self, outer: Floats) -> tuple[Integers, Floats, Floats]:
        """Return the levels on lines along the last momentum: numbers of lines, positions and half-widths."""
        return self._along(lambda line, y: _on(outer, line, y), len(outer), -1)

    def _along(
        self, at: Callable[[Integers, Floats], Floats], lines: int, axis: int
    ) -> tuple[Integers, Floats, Floats]:
        """Return the levels on lines along a momentum, whose points ``at`` returns."""
        line, near = self._jumps(lambda i, y: self._levels_at(at(i, y)), lines, self._grid(axis), LEVEL_BRACKET)
        pairs, more = self._pairs(at, lines, axis, (line, near))
        line, near = np.append(line, pairs), np.append(near, more)
        # levels of many angles may be closer than a bracket
        ends = np.array([-LEVEL_BRACKET, LEVEL_BRACKET])
        which, shift = self._jumps(lambda i, y: self._levels_at(at(line[i], near[i] + y)), len(near), ends, STEP / 5)
        rest = np.delete(np.arange(len(near)), which)
        line, near = np.append(line[rest], line[which]), np.append(near[rest], near[which] + shift)
        number, x, width = poles(
            lambda i, y: self._levels_at(at(line[i], y)),
            lambda i, y: log_determinants(self.problem, self.energy, at(line[i], y)),
            near,
        )
        if self.problem.angles > 3:  # what is bound at one angle is narrow at the next
            width = np.maximum(width, LEAST)
        keep = (width > BOUND) & (x > self.low[axis]) & (x < np.pi)
        return line[number[keep]], x[keep], width[keep]

    def _pairs(
        self, at: Callable[[Integers, Floats], Floats], lines: int, axis: int, known: tuple[Integers, Floats]
    ) -> tuple[Integers, Floats]:
        """Return the levels that a line crosses twice between neighbors of the grid, as numbers of lines and positions.

        Around the nodes whose levels pass the energy if it moves by what a level may bend between neighbors, and next
        to which none is known.
        """
        grid = self._grid(axis)
        cell = grid[1] - grid[0]
        bend = self.problem.crystal.curvature * cell**2 / 2
        if not bend or not lines:
            return np.zeros(0, dtype=np.intp), np.zeros(0)
        k = at(np.repeat(np.arange(lines), len(grid)), np.tile(grid, lines))
        close = (self._levels_at(k, bend) != self._levels_at(k, -bend)).any(axis=1).reshape(lines, -1)
        line, above = known[0], np.searchsorted(grid, known[1])
        close[line, above] = close[line, above - 1] = False
        owner, node = np.nonzero(close)
        between = np.linspace(-cell / 2, cell / 2, BETWEEN + 1)
        which, shift = self._jumps(
            lambda i, y: self._levels_at(at(owner[i], grid[node[i]] + y)), len(owner), between, LEVEL_BRACKET
        )
        return owner[which], grid[node[which]] + shift

    def marks(self, outer: Floats) -> tuple[Integers, Floats, Floats]:
        """Return lines, positions and half-widths of what integrals along the last momentum are split at.

        Openings, of width 0, and sharp levels.
        """
        found = [[self.low[-1], np.pi] for _ in outer]
        for owner, place in zip(*self.openings(outer), strict=True):
            found[owner].append(place)
        line, level, width = self.levels(outer)
        splits = [_split(kinks, level[line == i], width[line == i]) for i, kinks in enumerate(found)]
        places, widths = (np.concatenate([split[i] for split in splits]) for i in range(2))
        return np.repeat(np.arange(len(outer)), [len(split[0]) for split in splits]), places, widths

    @cached_property
    def outer(self) -> tuple[Floats, Floats]:
        """Where the mean over the last of two momenta is rough in the first, and half-widths of peaks there.

        Tangents and crossings of the curves. Those of one level at many angles lie next to each other; one split does
        for all of them. Where levels cross a line about which the zone is even, lines along the last momentum are
        tangent: a peak as wide as the level.
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
        ends = np.array([0.0, np.pi]) if self.low[-1] == 0.0 else np.zeros(0)
        _, even, width = self._along(lambda i, x: np.stack([x, ends[i]], axis=1), len(ends), 0)
        events = np.sort(np.concatenate([tangents, crossings]))
        for cluster in np.split(events, np.flatnonzero(np.diff(events) > APART) + 1):
            if not len(cluster) or (abs(np.append(splits, even) - cluster.mean()) <= APART).any():
                continue
            if np.isin(cluster, crossings).any() or self._appear(cluster[0] - APART, cluster[-1] + APART):
                splits = np.append(splits, (cluster[0] + cluster[-1]) / 2)
        # 1/√distance down to nothing is smooth in the square root of the distance
        thin = width < TANGENT
        return _split([self.low[0], np.pi, *splits, *even[thin]], even[~thin], width[~thin])

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
        line, at, width = self.levels(np.array([[before], [after]]))
        apart = np.where(line[:, None] != line, abs(at[:, None] - at), np.inf).min(axis=1, initial=np.inf)
        return bool((width[apart > 3 * (after - before)] < SHARP).any())


def _split(kinks: Any, level: Floats, width: Floats) -> tuple[Floats, Floats]:
    """Return where an integral is split, ends included, and half-widths of peaks there, 0 for none.

    Pieces around a level grow with the distance to it, so that they resolve whatever is as wide as its own distance: of
    levels that lie within their widths (those of many angles) the narrowest will do.

    ``kinks``: the ends, where nothing happens, and openings.
    """
    ends = kinks[:2]
    here = {float(place): 0.0 for place in kinks}
    for n in np.argsort(width):
        x, w = float(level[n]), float(width[n])
        places = np.sort(list(here))
        above = int(np.searchsorted(places, x))
        if not 0 < above < len(places):
            continue
        near = [place for place in places[above - 1 : above + 1].tolist() if abs(place - x) < w]
        # nodes are dense, by squares, next to ends of pieces
        if w > SHARP ** (2 if near else 1) * (places[above] - places[above - 1]):
            continue
        if not near:
            here[x] = w
        elif not any(here[place] for place in near):
            # a peak begins where no kink is: on both sides of an opening
            here.update((place, w) for place in ([near[0]] if near[0] in ends else [near[0] - w, near[0] + w]))
    places = np.sort(list(here))
    return places, np.array([here[place] for place in places.tolist()])


def _on(outer: Floats, line: Integers, x: Floats) -> Floats:
    """Return the momenta at positions on lines along the last one."""
    return np.concatenate([outer[line], x[:, None]], axis=1)
