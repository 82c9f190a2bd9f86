r"""Adaptive integration over c with the weight of the zone: a double-exponential rule, then panels.

Pieces [a, b] between rough points are mapped by c = mid + half tanh(π/2 sinh u). Where halving the step of the
trapezoidal rule in u does not converge, a piece is cut into panels in u, which are bisected.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ellipkm1

from ..arrays import Floats
from ..errors import ArgumentError, SpinjuncError

#: Range of u: tanh(π/2 sinh u) is ±1 to rounding beyond it.
RANGE = 3.25
#: First step in u; it is halved twice before pieces are bisected instead.
STEP = 0.25
#: A change of the double-exponential rule this much below the one before shows that it converges as it should.
FAST = 1e-3
#: What rounding leaves of an integral, relative to the integral of the modulus.
ROUNDING = 1e-14
#: Panels in u a piece is cut into when halving the step did not do: rounds cost more than nodes.
PANELS = 16
#: Part of the zone that may be left out.
LOST = 1e-3
#: Split points nearer than this are one.
SAME = 1e-13

# Kronrod's extension of the 7-point Gauss rule (QUADPACK): nodes and weights on [-1, 1], nonnegative half.
_KRONROD = np.array(
    [
        [0.000000000000000000, 0.209482141084727828],
        [0.207784955007898468, 0.204432940075298892],
        [0.405845151377397167, 0.190350578064785410],
        [0.586087235467691130, 0.169004726639267903],
        [0.741531185599394440, 0.140653259715525919],
        [0.864864423359769073, 0.104790010322250184],
        [0.949107912342758525, 0.063092092629978553],
        [0.991455371120812639, 0.022935322010529225],
    ]
)
_GAUSS = np.array([0.417959183673469388, 0.381830050505118945, 0.279705391489276668, 0.129484966168869693])
GK_NODES: Floats = np.concatenate([-_KRONROD[:0:-1, 0], _KRONROD[:, 0]])
GK_WEIGHTS: Floats = np.concatenate([_KRONROD[:0:-1, 1], _KRONROD[:, 1]])
GAUSS_WEIGHTS: Floats = np.zeros(15)
GAUSS_WEIGHTS[[7, 5, 3, 1]] = _GAUSS
GAUSS_WEIGHTS[[9, 11, 13]] = _GAUSS[1:]


class IntegrationError(SpinjuncError, RuntimeError):
    """A Brillouin-zone average did not reach the accuracy that was asked for."""


def weight(c: ArrayLike) -> Floats:
    """Return the density of states g(c) of c = cos kx + cos kz, equation (a), for |c| <= 2; infinite at 0.

    Examples
    --------
    >>> bool(abs(2 * 3.141592653589793 * weight(2.0) - 1) < 1e-15)
    True
    """
    c = np.asarray(c, dtype=float)
    g: Floats = ellipkm1(c * c / 4) / np.pi**2
    return g


def substitute(a: Floats, b: Floats, u: Floats) -> tuple[Floats, Floats]:
    """Return c(u) in [a, b] and g(c) dc/du for c = mid + half tanh(π/2 sinh u).

    The distance to the nearer end is formed first: c is exact where that end is 0, the peak of g.
    """
    x = np.pi / 2 * np.sinh(abs(u))
    small = np.exp(-2 * x)
    distance = (b - a) * small / (1 + small)
    c = np.where(u < 0, a + distance, b - distance)
    density = weight(np.where(c == 0, 1e-150, c))
    return c, density * (b - a) * np.pi * np.cosh(u) * small / (1 + small) ** 2


def _splits(points: Floats) -> Floats:
    """Return the sorted ends of all pieces, with 0 and ±2."""
    inside = points[abs(points) < 2]
    ends: Floats = np.sort(np.concatenate([[-2.0, 0.0, 2.0], inside]))
    keep = np.append(True, np.diff(ends) > SAME)
    ends = ends[keep]
    ends[abs(ends) <= SAME] = 0.0
    ends[-1] = 2.0
    return ends


class Integrand:
    """The function to average, with its bookkeeping: f(c) g(c) dc/du for pieces of several problems."""

    def __init__(self, function: Callable[..., Any], single: bool, weighted: bool) -> None:
        self.function = function
        self.single = single
        self.weighted = weighted
        self.points = 0

    def __call__(self, pieces: Pieces, u: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the integrand at u, shape (pieces, nodes), as (pieces, nodes, ...), its error and what was left out.

        A node at which the function is not finite takes the value of the nearest that is, with that value as its error.
        """
        c, density = substitute(pieces.a[:, None], pieces.b[:, None], u)
        arguments = [c.ravel()] if self.single else [c.ravel(), np.repeat(pieces.problem, c.shape[1])]
        found = self.function(*arguments, *([density.ravel()] if self.weighted else []))
        values, errors = (np.asarray(x) for x in (found if isinstance(found, tuple) else (found, 0.0)))
        if values.shape[:1] != (c.size,):
            raise ArgumentError(
                f"Argument `function` must return an array with one entry per c in front, shape ({c.size}, ...), but "
                f"returned shape {values.shape}."
            )
        self.points += c.size
        values = values.reshape(c.shape + values.shape[1:])
        errors = np.broadcast_to(errors, (c.size, *values.shape[2:])).reshape(values.shape)
        bad = ~np.isfinite(values).all(axis=tuple(range(2, values.ndim)))
        if bad.any():
            values, errors = _stepped_around(values, errors, bad)
        scale = density.reshape(c.shape + (1,) * (values.ndim - 2))
        return values * scale, errors * scale, np.where(bad, density, 0.0)


def _stepped_around(values: Floats, errors: Floats, bad: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Give bad nodes (pieces, nodes) the value of the nearest good one of their piece, and that as their error."""
    values, errors = np.where(np.isfinite(values), values, 0.0), errors.copy()
    for row in np.flatnonzero(bad.any(axis=1)):
        good = np.flatnonzero(~bad[row])
        for node in np.flatnonzero(bad[row]):
            if len(good):
                values[row, node] = values[row, good[abs(good - node).argmin()]]
            errors[row, node] = abs(values[row, node])
    return values, errors


@dataclass
class Pieces:
    """Pieces of the integrals: [a, b] in c, and the range of u for panels."""

    problem: NDArray[np.int64]
    a: Floats
    b: Floats
    lo: Floats
    hi: Floats
    value: Any = None
    error: Any = None
    size: Any = None
    inner: Any = None  # error of the function itself
    lost: Any = None  # weight of the nodes at which it is not finite

    def pick(self, which: Any) -> Pieces:
        """Return some of the pieces, without results."""
        return Pieces(*(getattr(self, name)[which] for name in PLACES))

    def with_results(self, which: Any) -> Pieces:
        """Return some of the pieces, with results."""
        return Pieces(*(getattr(self, name)[which] for name in (*PLACES, *RESULTS)))

    def total(self, array: Any, problems: int) -> Any:
        """Sum an array over the pieces of every problem."""
        if problems == 1:
            return array.sum(axis=0)[None]
        out = np.zeros((problems, *array.shape[1:]), dtype=array.dtype)
        np.add.at(out, self.problem, array)
        return out


PLACES, RESULTS = ("problem", "a", "b", "lo", "hi"), ("value", "error", "size", "inner", "lost")


def _join(*parts: Pieces) -> Pieces:
    return Pieces(*(np.concatenate([getattr(part, name) for part in parts]) for name in (*PLACES, *RESULTS)))


def start_pieces(ends: Floats) -> tuple[Pieces, int]:
    """Return the pieces between the points of each row, and the number of rows."""
    rows = [_splits(row) for row in ends]
    owner = np.repeat(np.arange(len(rows)), [len(row) - 1 for row in rows])
    a, b = (np.concatenate([row[pick] for row in rows]) for pick in (slice(None, -1), slice(1, None)))
    full = np.full(a.shape, RANGE)
    return Pieces(owner, a, b, -full, full), len(rows)


@dataclass(frozen=True)
class Goal:
    """What accuracy is asked of each problem, see `average`."""

    problems: int
    rtol: float
    atol: Floats
    floor: float
    kinds: Callable[[], list[int]]

    def allowed(self, value: Any, size: Any, inner: Any) -> Any:
        """Return the absolute error that each component of each problem may have."""
        axes = tuple(range(1, size.ndim))
        atol = np.broadcast_to(self.atol, (self.problems,)).reshape((-1,) + (1,) * len(axes))
        largest = size
        if self.floor and axes:
            starts = self.kinds()
            most = np.maximum.reduceat(size.reshape(len(size), -1), starts, axis=1)
            length = np.diff([*starts, size[0].size])
            largest = np.repeat(most, length, axis=1).reshape(size.shape)
        relative = self.rtol * np.maximum(abs(value), self.floor * largest)
        return np.maximum(np.maximum(atol, relative), np.maximum(ROUNDING * size, inner))

    def unfinished(self, pieces: Pieces) -> NDArray[np.bool_]:
        """Return which pieces must improve: those with more than an equal share of what their problem may miss."""
        value, size, inner, error = (
            pieces.total(x, self.problems) for x in (pieces.value, pieces.size, pieces.inner, pieces.error)
        )
        allowed = self.allowed(value, size, inner)
        axes = tuple(range(1, allowed.ndim))
        done = (error <= allowed).all(axis=axes)
        count = np.bincount(pieces.problem, minlength=self.problems)
        share = (allowed / count.reshape((-1,) + (1,) * (allowed.ndim - 1)))[pieces.problem]
        rough: NDArray[np.bool_] = (pieces.error > share).any(axis=axes) & ~done[pieces.problem]
        return rough


def double_exponential(integrand: Integrand, pieces: Pieces, goal: Goal) -> Pieces:
    """Integrate all pieces by the trapezoidal rule in u, halving the step where needed."""
    count = int(RANGE / STEP)
    k = np.arange(-count, count + 1)
    F, E, lost = integrand(pieces, np.broadcast_to(STEP * k, (len(pieces.a), len(k))))
    value = STEP * F.sum(axis=1)
    gain = abs(value - 2 * STEP * F[:, k % 2 == 0].sum(axis=1))
    pieces.value, pieces.error, pieces.size = value, gain.copy(), STEP * abs(F).sum(axis=1)
    pieces.inner, pieces.lost = STEP * E.sum(axis=1), STEP * lost.sum(axis=1)
    step = STEP
    for halving in range(2):
        # the first difference may be small by accident, so that it is always checked by a second one
        rough = np.flatnonzero(goal.unfinished(pieces)) if halving else np.arange(len(pieces.a))
        if not len(rough):
            break
        step, count = step / 2, 2 * count
        u = step * np.arange(1 - count, count, 2)
        F, E, lost = integrand(pieces.pick(rough), np.broadcast_to(u, (len(rough), len(u))))
        better = pieces.value[rough] / 2 + step * F.sum(axis=1)
        pieces.inner[rough] = pieces.inner[rough] / 2 + step * E.sum(axis=1)
        pieces.lost[rough] = pieces.lost[rough] / 2 + step * lost.sum(axis=1)
        change = abs(better - pieces.value[rough])
        before = np.maximum(gain[rough], 1e-300)
        fast = change < FAST * before
        pieces.error[rough] = np.where(fast, 10 * change * (change / before), np.maximum(change, before / 10))
        pieces.value[rough], gain[rough] = better, change
    return pieces


def bisect(integrand: Integrand, pieces: Pieces, rough: NDArray[np.bool_], goal: Goal, limit: int) -> Pieces:
    """Replace rough pieces by panels in u with Gauss-Kronrod rules, and bisect those that are still rough."""
    fresh, parents = _cut(pieces.pick(rough), PANELS), None
    pieces = pieces.with_results(~rough)
    while len(fresh.a) and integrand.points + 15 * len(fresh.a) <= limit:
        half, mid = (fresh.hi - fresh.lo) / 2, (fresh.hi + fresh.lo) / 2
        F, E, lost = integrand(fresh, mid[:, None] + half[:, None] * GK_NODES)
        fresh.value, fresh.size, fresh.inner = (_summed(GK_WEIGHTS, X, half) for X in (F, abs(F), E))
        fresh.error = abs(fresh.value - _summed(GAUSS_WEIGHTS, F, half))
        fresh.lost = half * (lost @ GK_WEIGHTS)
        if parents is not None:  # a kink can make both rules agree by accident, but not with the panel before
            change = abs(fresh.value[::2] + fresh.value[1::2] - parents) / 2
            fresh.error = np.maximum(fresh.error, np.repeat(change, 2, axis=0))
        pieces = _join(pieces, fresh)
        rough = goal.unfinished(pieces)
        if not rough.any() or integrand.points + 30 * np.count_nonzero(rough) > limit:
            break
        fresh, parents = _cut(pieces.pick(rough), 2), pieces.value[rough]
        pieces = pieces.with_results(~rough)
    return pieces


def _summed(weights: Floats, values: Any, half: Floats) -> Any:
    """Return half × Σ_j weights_j values[:, j, ...] of every panel."""
    flat = values.reshape(*values.shape[:2], -1)
    return (half[:, None] * (weights @ flat)).reshape(values.shape[:1] + values.shape[2:])


def _cut(pieces: Pieces, parts: int) -> Pieces:
    """Cut the range of u of every piece into equal parts."""
    width = (pieces.hi - pieces.lo) / parts
    lo = (pieces.lo[:, None] + width[:, None] * np.arange(parts)).ravel()
    problem, a, b = np.repeat(pieces.problem, parts), np.repeat(pieces.a, parts), np.repeat(pieces.b, parts)
    return Pieces(problem, a, b, lo, lo + np.repeat(width, parts))
