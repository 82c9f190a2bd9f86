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
from math import prod
from typing import Any

import numpy as np

from ..arrays import Floats, Integers
from ..checks import refusal
from ..quadrature import integrate
from .lattice import lattice_mean
from .levels import BRACKET, Rough, count_channels
from .problem import BASIC, DEFECT, Measured, Observable, Problem

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
#: Part of its kind by which an even observable may miss to be; momenta at which channels are counted before that, and
#: how many of those with most channels observables are looked at.
EVEN, COUNTED, PROBES = 1e-9, 64, 3
#: Times the mean defect of unitarity by which a sum over channels that cancels may err, three standard errors included.
CANCELLED = 10.0
#: Errors below this are rounding of probabilities.
ROUNDING = 1e-15


def mean(
    problem: Problem,
    energy: float,
    observables: Sequence[Observable],
    *,
    rtol: float,
    max_points: int,
) -> Measured:
    """Return the mean of observables over the zone of one or two momenta.

    ``rtol``: error to reach, relative to the largest mean of its kind.
    ``max_points``: momenta after which it gives up improving; `Measured.converged` is then false.
    """
    dimensions = len(problem.crystal.momenta)
    if dimensions not in (1, 2):
        raise refusal("momenta", "name one or two parameters for an average", f"names {dimensions}")
    work = _Integrand(problem, energy, observables, rtol, max_points)
    low = np.where(work.even(), 0.0, -np.pi)  # of what is even in a momentum half of the zone will do
    work.rough = Rough(problem, energy, low)
    work.rescale(work.sizes_on_mesh(low))
    best: Any = None
    least = np.inf
    for _ in range(PASSES):
        before, estimates = work.points, None
        if dimensions == 1:
            of_line = _along(work, np.zeros((1, 0)), low[0], SHARE * rtol)
            value, error = of_line.value[0], of_line.errors[0]
        elif rtol >= LOOSE and max(len(lead.owner) for lead in problem.crystal.leads) > MANY:
            value, error, estimates = lattice_mean(work, work.enough, lambda: work.room() <= 0)
        else:
            value, error = _over_plane(work, low, rtol)
        errors, excess = work.judged(value, error)
        if best is None or excess <= least:
            best, least = (
                (work.restored(value), errors, None if estimates is None else work.restored(estimates)),
                excess,
            )
        # another pass costs what this one did, or makes a worse mean of fewer points
        if least <= 1 or work.room() < work.points - before:
            break
        # the mesh misjudged how large something is: peaks are narrower than it is fine
        work.rescale(abs(value) * work.units)
    values, errors, replicas = map(work.named, best)
    return Measured(values, errors, work.points, work.residual, least <= 1, replicas)


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
        len(work.worst),
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
        function, pieces, len(outer), len(work.worst), rtol=0.0, floor=tolerance, peak=peak, room=work.room
    )


class _Integrand:
    """The observables of a problem as one vector per momentum, each kind in units of its mean size."""

    def __init__(
        self, problem: Problem, energy: float, observables: Sequence[Observable], rtol: float, max_points: int
    ) -> None:
        self.problem, self.energy, self.rtol, self.max_points = problem, energy, rtol, max_points
        self.names = [name for observable in observables for name in observable.kept]
        if not any(observable is BASIC for observable in observables):
            observables = [*observables, DEFECT]
        arrays = [(observable, name) for observable in observables for name in observable.kept]
        self.asked = observables
        self.kept = [observable.kept[name] for observable, name in arrays]
        self.points, self.even_points, self.residual, self.missed = 0, 0, 0.0, 0.0
        self.rough: Any = None
        self.scales: Any = None
        self.candidates = np.random.default_rng(7).uniform(-np.pi, np.pi, (COUNTED, len(problem.crystal.momenta)))
        self.channels = count_channels(problem.crystal, energy, self.candidates)
        most = np.argsort(-self.channels.sum(axis=1), kind="stable")[:PROBES]
        self.probe, self.is_open = self.candidates[most], bool(self.channels[most].any(axis=1).all())
        first = self._observed(self.probe)[0]
        self.shapes = [array.shape[1:] for array in first]
        sizes = [prod(shape) for shape in self.shapes]
        self.ends = np.cumsum(sizes)
        self.missing = np.concatenate([np.isnan(array[0]).ravel() for array in first])
        self.first = self._flat(first)
        self.noise = np.repeat([observable.noise for observable, _ in arrays], sizes)
        self.cancel = np.repeat([name in observable.cancel for observable, name in arrays], sizes)
        self.audits = np.repeat([kept is None for kept in self.kept], sizes)
        self.worst = np.zeros(len(self.audits))
        # the kind of each component, and for each kind the one that is no smaller: of a sum that of its parts
        kinds, of = [], np.zeros(0, dtype=np.int64)
        for shape, kept, (observable, name) in zip(self.shapes, self.kept, arrays, strict=True):
            own = [size if axis in (kept or ()) else 1 for axis, size in enumerate(shape)]
            new = len(of) + np.arange(prod(own))
            kinds.append(np.broadcast_to(new.reshape(own), shape).ravel())
            of = np.concatenate([of, new - len(new) * (name in observable.sums)])
        self.kind, self.of = np.concatenate(kinds), of

    def _observed(self, k: Floats) -> tuple[Any, Floats]:
        """Return what is asked for at momenta, and what each misses of unitarity, infinite at an edge."""
        self.points += len(k)
        found = self.problem.observe(np.full(len(k), self.energy), k, self.asked)
        self.residual = max(self.residual, float(np.where(found.bad, 0.0, found.residual).max(initial=0.0)))
        arrays = list(found.values.values())
        missed = [array.max(axis=1) for array, kept in zip(arrays, self.kept, strict=True) if kept is None]
        return arrays, np.where(found.bad | ~np.isfinite(missed).all(axis=0), np.inf, np.max(missed, axis=0))

    def _flat(self, arrays: Any) -> Floats:
        return np.concatenate([np.nan_to_num(array).reshape(len(array), prod(array.shape[1:])) for array in arrays], 1)

    def even(self) -> tuple[bool, ...]:
        """Tell in which momenta all observables are even, from points that know nothing of symmetry.

        Each kind by itself: a reflection of one would hide that what a thick barrier transmits is not even. Where no
        channel is open nothing is known: so many channels must be open at many mirrored momenta too, and some at those
        at which observables are looked at.
        """
        found = []
        allowed = EVEN * np.array([self._largest(abs(row)) for row in self.first]) + 100 * self.noise
        for axis in range(self.probe.shape[1]):
            mirror = np.where(np.arange(self.probe.shape[1]) == axis, -1.0, 1.0)
            counted = count_channels(self.problem.crystal, self.energy, self.candidates * mirror)
            other = self._flat(self._observed(self.probe * mirror)[0])
            same = self.is_open and np.array_equal(counted, self.channels)
            found.append(same and bool((abs(other - self.first) <= allowed).all()))
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
            moved = k[at] + step * np.array([0.7, 1.0])[-k.shape[1] :]
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

    @property
    def units(self) -> Floats:
        """The units of all components, 0 of what is no mean."""
        return np.where(self.audits, 0.0, self.scales)

    def _by_kind(self, size: Floats) -> Floats:
        """Return the largest size of each kind, (kinds,)."""
        most = np.zeros(len(self.of))
        np.maximum.at(most, self.kind, size)
        return most

    def _largest(self, size: Floats) -> Floats:
        """Return the largest size of the kind of each component, infinite for what is no mean, (components,)."""
        most = self._by_kind(size)
        return np.where(self.audits, np.inf, np.maximum(most, most[self.of])[self.kind])

    def enough(self, value: Floats, error: Floats) -> bool:
        """Tell whether means and errors over momenta that fill the zone evenly, in units of each kind, will do.

        A sum that cancels is rounding below the mean of what unitarity misses, to which one sharp level may add most.
        """
        rounding = CANCELLED * self.missed / max(self.even_points, 1)
        self.noise = np.where(self.cancel, np.maximum(self.noise, rounding), self.noise)
        return self.judged(value, error)[1] <= 1

    def restored(self, value: Floats) -> Floats:
        """Return means (..., components) in units of each kind as what they are."""
        return np.where(self.missing, np.nan, np.where(self.audits, self.worst, value * self.units))

    def judged(self, value: Floats, error: Floats) -> tuple[Floats, float]:
        """Return errors in units of each kind as what they are, and the largest in units of what is allowed."""
        # that of one number may be small by accident
        miss = np.where(self.audits, 0.0, self._by_kind(error * self.units)[self.kind])
        # what is nothing but rounding needs no digits
        allowed = np.maximum(self.rtol * self._largest(abs(value) * self.units), np.maximum(self.noise, ROUNDING))
        return miss, float((miss / allowed).max(initial=0.0))

    def named(self, flat: Any) -> Any:
        """Return what was asked for by name, of arrays (..., components), or of None."""
        if flat is None:
            return None
        parts = np.split(flat, self.ends[:-1], axis=-1)
        shapes = ((*flat.shape[:-1], *shape) for shape in self.shapes)
        return {name: part.reshape(shape) for name, part, shape in zip(self.names, parts, shapes, strict=False)}
