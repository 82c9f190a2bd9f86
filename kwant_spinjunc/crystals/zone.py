r"""Means over the Brillouin zone of a crystal, in one and two dimensions, split where the integrand is rough.

Along a line f has square-root kinks where a channel of a lead opens, and peaks where a level of the region lies at the
energy: both are found by counting, see `levels`. Next to a peak of half-width w the rule of `quadrature` takes
u = asinh(distance/w), in which the peak is as wide as 1 however narrow it is. So it is exact to many digits, and its
claim honest; without splits it is slow *and* claims too much.

A mean over two momenta is a mean of such means, split where the inner line is tangent to a curve of openings or levels
and where these cross; that of many orbitals to a few digits is taken on a lattice of momenta, see `lattice`.
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
from .levels import BRACKET, Rough
from .problem import BASIC, DEFECT, Observable, Problem

__all__ = ["Mean", "mean"]

#: Points of the mesh, per momentum, from which the sizes of all kinds are estimated.
MESH = 16
#: Part of the tolerance that is asked for, as sizes are estimates.
SHARE = 0.7
#: Error from which, and orbitals of a spin in the cell of a lead beyond which, a mean is taken on a lattice of momenta.
LOOSE, MANY = 2e-3, 4
#: Times an average is done, with better sizes, before it is said not to converge.
PASSES = 3
#: Part of the tolerance by which a node may miss unitarity before that is part of the error; times this, from which it
#: is stepped around.
UNITARY, ASIDE = 0.1, 100.0
#: Part of the nodes whose defect of unitarity is below the noise of fluxes and torques.
TYPICAL = 0.9
#: Part of its kind by which an even observable may miss to be.
EVEN = 1e-9
#: Times the mean defect of unitarity by which a sum over channels that cancels may err, three standard errors included.
CANCELLED = 10.0
#: Errors below this are rounding of probabilities.
ROUNDING = 1e-15


@dataclass(frozen=True, eq=False)
class Mean:
    """A mean over the zone."""

    #: `values`, `errors`: What the observables return, and estimates of the absolute errors, the same for all of a
    #: kind, see `Observable`.
    values: tuple[Any, ...]
    errors: tuple[Any, ...]
    points: int  #: Momenta at which the crystal was solved.
    residual: float  #: Largest residual of the surfaces of leads.
    converged: bool  #: Whether the tolerance was reached.
    #: Independent estimates of the same, (estimates, angles, ...), whose mean ``values`` are, if taken on lattices.
    replicas: tuple[Any, ...] | None = None


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

    ``problem``: A crystal with one or two momenta.
    ``rtol``: error to reach, relative to the largest mean of its kind.
    ``max_points``: momenta after which it gives up improving; `Mean.converged` is then false.
    ``fold``: for every momentum whether the observables are even in it, so that half of the zone will do. None: found
    out.
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
    work.rough = Rough(problem.crystal, energy, problem.turn, low)
    work.rescale(work.sizes_on_mesh(low))
    best: Any = None
    least = np.inf
    for _ in range(PASSES):
        before, estimates = work.points, None
        if dimensions == 1:
            value, error = _along_line(work, low, rtol)
        elif rtol >= LOOSE and max(len(lead.owner) for lead in problem.crystal.leads) > MANY:
            value, error, estimates = lattice_mean(work, work.enough, lambda: work.room() <= 0)
        else:
            value, error = _over_plane(work, low, rtol)
        found, excess = work.restored(value, error)
        if best is None or excess <= least:
            best, least = replace(found, replicas=work.together(estimates)), excess
        # another pass costs what this one did, or makes a worse mean of fewer points
        if best.converged or work.room() < work.points - before:
            break
        # the mesh misjudged how large something is: peaks are narrower than it is fine
        work.rescale(abs(value) * np.where(np.isfinite(work.scales), work.scales, 0.0))
    end = None if audited else -1
    replicas = None if best.replicas is None else best.replicas[:end]
    return Mean(best.values[:end], best.errors[:end], work.points, work.residual, best.converged, replicas)


def _along_line(work: _Integrand, low: Floats, rtol: float) -> tuple[Floats, Floats]:
    """Return the mean over one momentum and the error of each component, in units of each kind."""
    found = _along(work, np.zeros((1, 0)), low[0], SHARE * rtol)
    return found.value[0], found.errors[0]


def _over_plane(work: _Integrand, low: Floats, rtol: float) -> tuple[Floats, Floats]:
    """Return the mean over two momenta, that of means along the second, and its error."""
    length = np.pi - low[0]
    cost = [0.0, float(work.points)]  # the most points of a line so far, and all of them
    tolerance = SHARE * rtol / 4

    def inner(_: Integers, x: Floats) -> tuple[Floats, Floats]:
        # a short piece may be wrong by as much as a long one
        part = np.ptp(x) / length * len(pieces[0])
        found = _along(work, x.reshape(-1, 1), low[1], tolerance * max(1.0, 1 / part))
        cost[0] = max(cost[0], (work.points - cost[1]) / x.size)
        cost[1] = work.points
        return found.value.reshape(*x.shape, -1) / length, found.errors.reshape(*x.shape, -1) / length

    outer = work.rough.outer
    pieces, peak = _pieces(np.zeros(len(outer[0]), dtype=np.intp), *outer)
    found = integrate(
        inner,
        pieces,
        1,
        work.components,
        rtol=0.0,
        floor=SHARE * rtol / 2,
        peak=peak,
        room=lambda: work.room() / cost[0],
        chunk=1,
    )
    return found.value[0], found.errors[0]


def _pieces(line: Integers, at: Floats, width: Floats) -> tuple[tuple[Integers, Floats, Floats], Floats]:
    """Return the pieces of lines cut at points, and the half-widths of peaks at their ends.

    The widths of the points are those of peaks there, 0 for none.
    """
    order = np.lexsort((at, line))
    line, at, width = line[order], at[order], width[order]
    peaked = (width[1:] > 0) | (width[:-1] > 0)
    same = (line[1:] == line[:-1]) & (np.diff(at) > np.where(peaked, 0.0, 10 * BRACKET))
    line, lower, upper = line[:-1][same], at[:-1][same], at[1:][same]
    below, above = width[:-1][same], width[1:][same]
    twice = (below > 0) & (above > 0)
    middle = np.where(twice, (lower + upper) / 2, upper)
    first = np.where(below > 0, below, -above)
    pieces = (
        np.concatenate([line, line[twice]]),
        np.concatenate([lower, middle[twice]]),
        np.concatenate([middle, upper[twice]]),
    )
    return pieces, np.concatenate([first, -above[twice]])


def _along(work: _Integrand, outer: Floats, low: float, tolerance: float) -> Any:
    """Return the means along the last momentum at fixed others (lines, dimensions - 1)."""
    pieces, peak = _pieces(*work.rough.marks(outer))
    length = np.pi - low

    def function(owner: Integers, x: Floats) -> tuple[Floats, Floats]:
        k = np.concatenate([np.repeat(outer[owner], x.shape[1], axis=0), x.reshape(-1, 1)], axis=1)
        values, errors = work(k)
        return values.reshape(*x.shape, -1) / length, errors.reshape(*x.shape, -1) / length

    return integrate(
        function, pieces, len(outer), work.components, rtol=0.0, floor=tolerance, peak=peak, room=work.room
    )


class _Integrand:
    """The observables of a problem as one vector per momentum, each kind in units of its mean size."""

    def __init__(
        self, problem: Problem, energy: float, observables: Sequence[Observable], rtol: float, max_points: int
    ) -> None:
        self.problem, self.energy, self.rtol, self.max_points = problem, energy, rtol, max_points
        self.ask = [observable.function for observable in observables]
        self.kept = [kept for observable in observables for kept in observable.kept]
        self.points, self.residual = 0, 0.0
        self.rough: Any = None
        self.scales: Any = None
        rng = np.random.default_rng(7)
        self.probe = rng.uniform(0.2, 3.0, (3, len(problem.crystal.momenta)))
        first = self._observed(self.probe)[0]
        self.shapes = [array.shape[1:] for array in first]
        self.missing = [np.isnan(array[:1]) for array in first]
        self.sizes = [int(np.prod(shape)) for shape in self.shapes]
        self.components = sum(self.sizes)
        self.first = self._flat(first)
        noise = [observable.noise for observable in observables for _ in observable.kept]
        self.noise = np.repeat(noise, self.sizes)
        self.sums = [n in observable.sums for observable in observables for n in range(len(observable.kept))]
        cancel = [n in observable.cancel for observable in observables for n in range(len(observable.kept))]
        self.cancel = np.repeat(cancel, self.sizes)
        self.audits = np.repeat([kept is None for kept in self.kept], self.sizes)
        self.missed, self.even_points = 0.0, 0
        self.worst = np.zeros(self.components)

    def _observed(self, k: Floats) -> tuple[Any, Floats]:
        """Return what is asked for at momenta, and what each misses of unitarity, infinite at an edge."""
        self.points += len(k)
        found = self.problem.observe(np.full(len(k), self.energy), k, self.ask)
        self.residual = max(self.residual, float(np.where(found.bad, 0.0, found.residual).max(initial=0.0)))
        missed = [array.max(axis=1) for array, kept in zip(found.values, self.kept, strict=True) if kept is None]
        return found.values, np.where(found.bad | ~np.isfinite(missed).all(axis=0), np.inf, np.max(missed, axis=0))

    def _flat(self, arrays: Any) -> Floats:
        return np.concatenate(
            [np.nan_to_num(array).reshape(len(array), int(np.prod(array.shape[1:]))) for array in arrays], axis=1
        )

    def even(self) -> tuple[bool, ...]:
        """Tell in which momenta all observables are even, from three points that know nothing of symmetry.

        Each kind by itself: a reflection of one would hide that what a thick barrier transmits is not even.
        """
        found = []
        kinds = np.array([self._largest(abs(row)) for row in self.first])
        for axis in range(self.probe.shape[1]):
            mirrored = self.probe.copy()
            mirrored[:, axis] *= -1
            other = self._flat(self._observed(mirrored)[0])
            allowed = EVEN * kinds + 100 * self.noise
            found.append(bool((abs(other - self.first) <= allowed).all()))
        return tuple(found)

    @property
    def noticed(self) -> float:
        """What a node may miss of unitarity without being less certain."""
        return max(UNITARY * self.rtol, 1e-10)

    def room(self) -> int:
        """Return how many points are still allowed."""
        return self.max_points - self.points

    def __call__(self, k: Floats) -> tuple[Floats, Floats]:
        """Return values (points, components) in units of their kinds, and errors (points, components or 1).

        Next to a narrow level rounding takes over: values are as wrong as their unitarity. An edge that a node hits,
        or a level of no weight, is stepped around.
        """
        arrays, missed = self._observed(k)
        values = self._flat(arrays)
        self.missed += float(np.where(missed <= ASIDE * self.noticed, missed, 0.0).sum())
        self.even_points += len(k)
        for step in (1e-8, 1e-6):
            at = np.flatnonzero(missed > ASIDE * self.noticed)
            if not len(at):
                break
            moved = k[at].copy()
            moved += step * np.array([0.7, 1.0])[-moved.shape[1] :]
            arrays, missed[at] = self._observed(moved)
            values[at] = self._flat(arrays)
        bad, doubted = missed > ASIDE * self.noticed, missed > self.noticed
        values[bad] = 0.0
        self.worst = np.maximum(self.worst, abs(values[~doubted]).max(axis=0, initial=0.0))
        values = values / self.scales
        if not doubted.any():
            return values, np.zeros((len(k), 1))
        errors: Floats = np.where(doubted, missed, 0.0)[:, None] * abs(values)
        errors[bad] = abs(values).max(initial=1.0)
        return values, errors

    def sizes_on_mesh(self, low: Floats) -> Floats:
        """Return the mean modulus of each component on a coarse mesh, (components,)."""
        line = (np.arange(MESH) + 0.5) / MESH
        axes = np.meshgrid(*(start + (np.pi - start) * line for start in low), indexing="ij")
        arrays, missed = self._observed(np.stack([axis.ravel() for axis in axes], axis=1))
        size = abs(self._flat(arrays)[missed <= ASIDE * self.noticed])
        defects = size[:, self.audits]
        if defects.size:
            # self-energies that cost digits of S cost as many of the differences of its products
            self.noise = np.where(
                self.noise > 0, np.maximum(self.noise, np.quantile(defects.max(axis=1), TYPICAL)), 0.0
            )
        return np.asarray(size.mean(axis=0))

    def rescale(self, size: Floats) -> None:
        """Measure every component in units of the largest of its kind; the largest of nothing is 1."""
        found = self._largest(size)
        self.scales = np.where(found > 0, np.maximum(found, self.noise / self.rtol), 1.0)

    def _largest(self, size: Floats) -> Floats:
        """Return the largest size of the kind of each component, infinite for what is no mean, (components,)."""
        scales, start, before = [], 0, np.zeros(())
        for shape, kept, is_sum in zip(self.shapes, self.kept, self.sums, strict=True):
            part = size[start : start + int(np.prod(shape))].reshape(shape)
            start += part.size
            if kept is None:
                scales.append(np.full(part.size, np.inf))
                continue
            axes = tuple(axis for axis in range(len(shape)) if axis not in kept)
            own = part.max(axis=axes, initial=0.0)
            before = np.maximum(own, before) if is_sum else own
            scales.append(np.broadcast_to(np.expand_dims(before, axes), shape).ravel())
        return np.concatenate(scales)

    def enough(self, value: Floats, error: Floats) -> bool:
        """Tell whether means and errors over momenta that fill the zone evenly, in units of each kind, will do.

        A sum that cancels is rounding below the mean of what unitarity misses, to which one sharp level may add most.
        """
        rounding = CANCELLED * self.missed / max(self.even_points, 1)
        self.noise = np.where(self.cancel, np.maximum(self.noise, rounding), self.noise)
        return self.restored(value, error)[0].converged

    def together(self, estimates: Floats | None) -> tuple[Any, ...] | None:
        """Return estimates of a mean, (estimates, components) in units of each kind, in the shapes of the results."""
        if estimates is None:
            return None
        parts = [self.restored(estimate, np.zeros(self.components))[0].values for estimate in estimates]
        return tuple(np.stack(arrays) for arrays in zip(*parts, strict=True))

    def restored(self, value: Floats, error: Floats) -> tuple[Mean, float]:
        """Return values and errors in their shapes and units, and the largest error in units of what is allowed."""
        values, errors, start, excess = [], [], 0, 0.0
        sizes = self._largest(abs(value) * np.where(np.isfinite(self.scales), self.scales, 0.0))
        for shape, missing, kept in zip(self.shapes, self.missing, self.kept, strict=True):
            part = slice(start, start + int(np.prod(shape)))
            start = part.stop
            if kept is None:
                values.append(np.where(missing[0], np.nan, self.worst[part].reshape(shape)))
                errors.append(np.zeros(shape))
                continue
            found, miss = ((a[part] * self.scales[part]).reshape(shape) for a in (value, error))
            axes = tuple(axis for axis in range(len(shape)) if axis not in kept)
            # that of one number may be small by accident
            miss = np.broadcast_to(miss.max(axis=axes, keepdims=True, initial=0.0), shape).copy()
            allowed = self.rtol * sizes[part].reshape(shape)
            # what is nothing but rounding needs no digits
            allowed = np.maximum(allowed, np.maximum(self.noise[part].reshape(shape), ROUNDING))
            excess = max(excess, float((miss / allowed).max(initial=0.0)))
            values.append(np.where(missing[0], np.nan, found))
            errors.append(miss)
        return Mean(tuple(values), tuple(errors), self.points, self.residual, excess <= 1), excess
