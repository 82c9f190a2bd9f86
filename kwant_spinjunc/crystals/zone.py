r"""Means over the Brillouin zone of a crystal, in one and two dimensions, split where the integrand is rough.

Along a line f has square-root kinks where a channel of a lead opens: found by counting channels and bisecting. It has
peaks where a level of the region lies at the energy: found by counting the negative eigenvalues of H - E + Re Σ, and
graded splits on either side. Between them the rule of `quadrature` is exact to many digits, and its claim honest;
without splits it is slow *and* claims too much.

A mean over two momenta is a mean of such means, split where the number of openings along the inner line changes;
that of many orbitals to a few digits is taken on a lattice of momenta, see `lattice`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..arrays import Floats, Integers
from ..errors import ArgumentError
from ..quadrature import integrate
from .lattice import lattice_mean
from .levels import BRACKET, count_channels, count_levels, jumps, sharpness
from .problem import BASIC, DEFECT, Observable, Problem

__all__ = ["Mean", "mean"]

#: Points of the grid on which channels are counted first.
GRID = 64
#: Sharpness of a level from which the integral is split around it, and the widths of the splits.
SHARP = 8.0
WIDTHS = 10.0 ** -np.arange(1, 8)
#: Width to which tangents are bracketed.
TANGENT = 1e-6
#: Width to which levels are bracketed: narrower ones have no weight.
LEVEL_BRACKET = 1e-9
#: Points of the mesh, per momentum, from which the sizes of all kinds are estimated.
MESH = 16
#: Part of the tolerance that is asked for, as sizes are estimates.
SHARE = 0.7
#: Error from which, and orbitals of a spin in the cell of a lead beyond which, a mean is taken on a lattice of momenta.
LOOSE, MANY = 2e-3, 4
#: Times an average is done, with better sizes, before it is said not to converge.
PASSES = 3
#: Part of the tolerance by which a node may miss unitarity before it is stepped around.
UNITARY = 0.1
#: Errors below this are rounding of probabilities.
ROUNDING = 1e-15


@dataclass(frozen=True, eq=False)
class Mean:
    """A mean over the zone.

    Attributes
    ----------
    values, errors : tuple of ndarray, (angles, ...)
        What the observables return, and estimates of the absolute errors, the same for all of a kind.
    points : int
        Momenta at which the crystal was solved.
    residual : float
        Largest residual of the surfaces of leads.
    converged : bool
        Whether the tolerance was reached.
    """

    values: tuple[Any, ...]
    errors: tuple[Any, ...]
    points: int
    residual: float
    converged: bool


def mean(
    problem: Problem,
    energy: float,
    observables: Sequence[Observable],
    *,
    rtol: float,
    max_points: int,
    fold: Sequence[bool] | None = None,
) -> Mean:
    """Return the mean of observables over the zone.

    Parameters
    ----------
    problem
        A crystal with one or two momenta.
    energy
    observables
    rtol
        Error to reach, relative to the largest mean of its kind.
    max_points
        Momenta after which it gives up improving; `Mean.converged` is then false.
    fold
        For every momentum whether the observables are even in it, so that half of the zone will do. None: found out.
    """
    dimensions = len(problem.crystal.momenta)
    if dimensions not in (1, 2):
        raise ArgumentError(
            f"Argument `momenta` must name one or two parameters for an average, but names {dimensions}."
        )
    audited = any(observable is BASIC for observable in observables)
    work = _Integrand(problem, energy, observables if audited else [*observables, DEFECT], rtol, max_points)
    folded = work.even() if fold is None else tuple(fold)
    low = np.where(folded, 0.0, -np.pi)
    work.rescale(work.sizes_on_mesh(low))
    for _ in range(PASSES):
        if dimensions == 1:
            value, error = _along_line(work, low, rtol)
        elif rtol >= LOOSE and max(len(lead.owner) for lead in problem.crystal.leads) > MANY:
            value, error = lattice_mean(work, SHARE * rtol, work.spent)
        else:
            value, error = _over_plane(work, low, rtol)
        found = work.restored(value, error)
        if found.converged or work.spent():
            break
        # the mesh misjudged how large something is: peaks are narrower than it is fine
        work.rescale(abs(value) * np.where(np.isfinite(work.scales), work.scales, 0.0))
    return found if audited else replace(found, values=found.values[:-1], errors=found.errors[:-1])


def _along_line(work: _Integrand, low: Floats, rtol: float) -> tuple[Floats, float]:
    """Return the mean over one momentum and its error, in units of each kind."""
    found = _along(work, np.zeros((1, 0)), low[0], SHARE * rtol)
    return found.value[0], float(found.error[0])


def _over_plane(work: _Integrand, low: Floats, rtol: float) -> tuple[Floats, float]:
    """Return the mean over two momenta, that of means along the second, and its error."""
    length = np.pi - low[0]

    def inner(_: Integers, x: Floats) -> tuple[Floats, Floats]:
        found = _along(work, x.reshape(-1, 1), low[1], SHARE * rtol / 2)
        return found.value.reshape(*x.shape, -1) / length, found.error.reshape(x.shape) / length

    outer = _outer_splits(work, low)
    pieces = _pieces(1, low[0], np.zeros(len(outer), dtype=np.intp), outer)
    before = [work.points]

    def stop() -> bool:
        # a round may cost as much as the one before
        before.append(work.points)
        return 2 * before[-1] - before[-2] > work.max_points

    found = integrate(inner, pieces, 1, work.components, rtol=0.0, floor=SHARE * rtol / 2, stop=stop, chunk=1)
    return found.value[0], float(found.error[0])


def _pieces(lines: int, low: float, line: Integers, at: Floats) -> tuple[Integers, Floats, Floats]:
    """Return the pieces of lines from ``low`` to π, cut at points."""
    line = np.concatenate([np.arange(lines), line, np.arange(lines)])
    at = np.concatenate([np.full(lines, low), at, np.full(lines, np.pi)])
    order = np.lexsort((at, line))
    line, at = line[order], at[order]
    same = (line[1:] == line[:-1]) & (np.diff(at) > 10 * BRACKET)
    return line[:-1][same].astype(np.intp), at[:-1][same], at[1:][same]


def _along(work: _Integrand, outer: Floats, low: float, tolerance: float) -> Any:
    """Return the means along the last momentum at fixed others (lines, dimensions - 1)."""
    line, at = work.splits(outer, low)
    pieces = _pieces(len(outer), low, line, at)
    length = np.pi - low

    def function(owner: Integers, x: Floats) -> tuple[Floats, Floats]:
        k = np.concatenate([np.repeat(outer[owner], x.shape[1], axis=0), x.reshape(-1, 1)], axis=1)
        values, errors = work(k)
        return values.reshape(*x.shape, -1) / length, errors.reshape(x.shape) / length

    return integrate(function, pieces, len(outer), work.components, rtol=0.0, floor=tolerance, stop=work.spent)


def _outer_splits(work: _Integrand, low: Floats) -> Floats:
    """Return where the number of openings along the inner line changes: it is tangent to a curve of openings there.

    Tangents of sharp levels are left to the halving of pieces: a level of each angle has its own, next to each other.
    """
    grid = np.linspace(low[1], np.pi, GRID + 1)

    def count(_: Integers, x: Floats) -> Any:
        k = np.stack([np.repeat(x, len(grid)), np.tile(grid, len(x))], axis=1)
        values = count_channels(work.problem.crystal, work.energy, k).reshape(len(x), len(grid), -1)
        return (values[:, 1:] != values[:, :-1]).sum(axis=1)

    splits = np.sort(jumps(count, 1, np.linspace(low[0], np.pi, GRID + 1), TANGENT)[1])
    return splits[np.diff(splits, prepend=-np.inf) > 10 * TANGENT]


class _Integrand:
    """The observables of a problem as one vector per momentum, each kind in units of its mean size."""

    def __init__(
        self, problem: Problem, energy: float, observables: Sequence[Observable], rtol: float, max_points: int
    ) -> None:
        self.problem, self.energy, self.rtol, self.max_points = problem, energy, rtol, max_points
        self.ask = [observable.function for observable in observables]
        self.kept = [kept for observable in observables for kept in observable.kept]
        self.points, self.residual = 0, 0.0
        self.found_splits: tuple[Integers, Floats] | None = None
        self.scales: Any = None
        rng = np.random.default_rng(7)
        self.probe = rng.uniform(0.2, 3.0, (3, len(problem.crystal.momenta)))
        first = self._observed(self.probe)[0]
        self.shapes = [array.shape[1:] for array in first]
        self.missing = [np.isnan(array[:1]) for array in first]
        self.components = sum(int(np.prod(shape)) for shape in self.shapes)
        self.first = self._flat(first)
        noise = [observable.noise for observable in observables for _ in observable.kept]
        self.noise = np.repeat(noise, [int(np.prod(shape)) for shape in self.shapes])
        self.worst = np.zeros(self.components)

    def _observed(self, k: Floats) -> tuple[Any, Any]:
        self.points += len(k)
        found = self.problem.observe(np.full(len(k), self.energy), k, self.ask)
        self.residual = max(self.residual, float(np.where(found.bad, 0.0, found.residual).max(initial=0.0)))
        bad = found.bad
        for array, kept in zip(found.values, self.kept, strict=True):
            if kept is None:  # next to a level of no weight: within its width rounding takes over
                bad = bad | ~(array.max(axis=1) <= max(UNITARY * self.rtol, 1e-10))
        return found.values, bad

    def _flat(self, arrays: Any) -> Floats:
        return np.concatenate(
            [np.nan_to_num(array).reshape(len(array), int(np.prod(array.shape[1:]))) for array in arrays], axis=1
        )

    def even(self) -> tuple[bool, ...]:
        """Tell in which momenta all observables are even, from three points that know nothing of symmetry."""
        found = []
        for axis in range(self.probe.shape[1]):
            mirrored = self.probe.copy()
            mirrored[:, axis] *= -1
            other = self._flat(self._observed(mirrored)[0])
            allowed = 1e-9 * abs(self.first) + 1e-12 * abs(self.first).max(axis=1, keepdims=True)
            found.append(bool((abs(other - self.first) <= allowed).all()))
        return tuple(found)

    def spent(self) -> bool:
        """Tell whether no more points are allowed."""
        return self.points >= self.max_points

    def __call__(self, k: Floats) -> tuple[Floats, Floats]:
        """Return values (points, components) in units of their kinds, and errors (points,) of what was avoided."""
        arrays, bad = self._observed(k)
        values = self._flat(arrays)
        errors = np.zeros(len(k))
        for step in (1e-8, 1e-6):  # an edge that a node hits
            if not bad.any():
                break
            at = np.flatnonzero(bad)
            moved = k[at].copy()
            moved += step * np.array([0.7, 1.0])[-moved.shape[1] :]
            arrays, still = self._observed(moved)
            values[at] = self._flat(arrays)
            bad[at] = still
        values[bad] = 0.0
        self.worst = np.maximum(self.worst, abs(values).max(axis=0))
        values = values / self.scales
        errors[bad] = abs(values).max(initial=1.0)
        return values, errors

    def sizes_on_mesh(self, low: Floats) -> Floats:
        """Return the mean modulus of each component on a coarse mesh, (components,)."""
        line = (np.arange(MESH) + 0.5) / MESH
        axes = np.meshgrid(*(start + (np.pi - start) * line for start in low), indexing="ij")
        arrays, bad = self._observed(np.stack([axis.ravel() for axis in axes], axis=1))
        return np.asarray(abs(self._flat(arrays)[~bad]).mean(axis=0))

    def rescale(self, size: Floats) -> None:
        """Measure every component in units of the largest of its kind; the largest of nothing is 1."""
        scales, start = [], 0
        for shape, kept in zip(self.shapes, self.kept, strict=True):
            part = size[start : start + int(np.prod(shape))].reshape(shape)
            start += part.size
            if kept is None:
                scales.append(np.full(part.size, np.inf))
                continue
            axes = tuple(axis for axis in range(len(shape)) if axis not in kept)
            scales.append(np.broadcast_to(part.max(axis=axes, keepdims=True, initial=0.0), shape).ravel())
        found = np.concatenate(scales)
        self.scales = np.where(found > 0, np.maximum(found, self.noise / self.rtol), 1.0)

    def splits(self, outer: Floats, low: float) -> tuple[Integers, Floats]:
        """Return where to split along the last momentum at fixed others: openings, and around sharp levels."""
        if not outer.shape[1] and self.found_splits is not None:
            return self.found_splits
        found = self.found_splits = self._splits(outer, low)
        return found

    def _splits(self, outer: Floats, low: float) -> tuple[Integers, Floats]:
        crystal = self.problem.crystal
        grid = np.linspace(low, np.pi, GRID + 1)

        def at(line: Integers, x: Floats) -> Floats:
            return np.concatenate([outer[line], x[:, None]], axis=1)

        line, x = jumps(lambda i, y: count_channels(crystal, self.energy, at(i, y)), len(outer), grid)
        level_line, level, sharp = self.sharp_levels(outer, low)
        if not len(level):
            return line, x
        graded = (sharp[:, None] > SHARP) & (0.3 / sharp[:, None] < WIDTHS)
        which, width = np.nonzero(graded)
        first = np.unique(which)
        lines = [line, level_line[first], level_line[which], level_line[which]]
        positions = [x, level[first], level[which] - WIDTHS[width], level[which] + WIDTHS[width]]
        inside = [(p > low) & (p < np.pi) for p in positions]
        return (
            np.concatenate([a[keep] for a, keep in zip(lines, inside, strict=True)]),
            np.concatenate([p[keep] for p, keep in zip(positions, inside, strict=True)]),
        )

    def sharp_levels(self, outer: Floats, low: float) -> tuple[Integers, Floats, Floats]:
        """Return the levels along the last momentum at fixed others: line, position and sharpness of each."""
        crystal, turn = self.problem.crystal, self.problem.turn

        def at(line: Integers, x: Floats) -> Floats:
            return np.concatenate([outer[line], x[:, None]], axis=1)

        line, x = jumps(
            lambda i, y: count_levels(crystal, self.energy, at(i, y), turn),
            len(outer),
            np.linspace(low, np.pi, GRID + 1),
            LEVEL_BRACKET,
        )
        return line, x, sharpness(crystal, self.energy, at(line, x), turn) if len(x) else x

    def restored(self, value: Floats, error: float) -> Mean:
        """Return values and errors in their shapes and units."""
        values, errors, start, converged = [], [], 0, True
        for shape, missing, kept in zip(self.shapes, self.missing, self.kept, strict=True):
            part = slice(start, start + int(np.prod(shape)))
            start = part.stop
            if kept is None:
                values.append(np.where(missing[0], np.nan, self.worst[part].reshape(shape)))
                errors.append(np.zeros(shape))
                continue
            found, miss = ((a * self.scales[part]).reshape(shape) for a in (value[part], error))
            axes = tuple(axis for axis in range(len(shape)) if axis not in kept)
            allowed = self.rtol * abs(found).max(axis=axes, keepdims=True, initial=0.0)
            # what is nothing but rounding needs no digits
            converged &= bool(
                (miss <= np.maximum(allowed, np.maximum(self.noise[part].reshape(shape), ROUNDING))).all()
            )
            values.append(np.where(missing[0], np.nan, found))
            errors.append(miss)
        return Mean(tuple(values), tuple(errors), self.points, self.residual, converged)
