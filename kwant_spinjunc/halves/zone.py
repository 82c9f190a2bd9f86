r"""Averages over the two-dimensional Brillouin zone of in-plane periodic junctions.

A clean junction on the square lattice depends on (kx, kz) only through c = cos kx a + cos kz a, whatever the in-plane
hoppings of its layers, so that the average per unit cell is one-dimensional:

    ⟨f⟩ = ∫_-2^2 dc g(c) f(c),    g(c) = K(√(1 - c²/4))/π²,    ∫ g = 1,                                          (a)

with K the complete elliptic integral of that modulus. g has a logarithmic peak at c = 0 and ends with a step at ±2; f
has square-root kinks where a channel opens, which are known (`thresholds`), and sharp peaks at `resonances`. `average`
splits the integral at all of them and leaves the pieces to `quadrature`, in v with c = v³: as each begins and ends with
sin²θ, ln|c| dc becomes sin⁵θ ln(sin θ) dθ next to the peak.

For what is no function of c, `mesh` is the half-shifted mesh in (kx, kz) on the irreducible wedge.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ellipkm1

from ..arrays import Floats, Indices
from ..checks import finite, finite_array, is_average, not_negative, not_negative_array, positive, positive_integer
from ..errors import ArgumentError, SpinjuncError
from ..model.junction import Junction
from ..model.plane import band_shift
from ..model.problem import AVERAGE
from ..quadrature import SAFE, cut_into_pieces, integrate
from .batch import Stack, as_stack
from .kinks import resonances as resonances
from .kinks import split_points as split_points
from .kinks import thresholds as thresholds

#: Of fixed nodes: range of u, beyond which tanh(π/2 sinh u) is ±1 to rounding, step, distance from ends of pieces.
RANGE, STEP, AWAY = 3.25, 0.25, 1e-10
#: What rounding leaves of an integral, relative to the integral of the modulus.
ROUNDING = 1e-14
#: Part of the zone that may be left out.
LOST = 1e-3
#: Split points nearer than this are one.
SAME = 1e-13


class IntegrationError(SpinjuncError, RuntimeError):
    """A Brillouin-zone average did not reach the accuracy that was asked for."""


@dataclass(frozen=True, eq=False)
class Average:
    """A Brillouin-zone average and how good it is."""

    value: Any  #: The average, shape of the integrand.
    #: Estimate of the absolute error of each component, from the difference to the coarser rule of every piece.
    error: Any
    points: int  #: Number of c at which the integrand was evaluated.
    converged: bool  #: Whether every component meets the tolerance.
    #: Part of the zone at whose nodes the integrand was not finite; what that may cost is in the error.
    left_out: float = 0.0

    def __str__(self) -> str:
        if np.ndim(self.value) == 0:
            return f"{self.value:.12g} ± {self.error:.1g} ({self.points} points)"
        worst = np.max(self.error, initial=0.0)
        return f"average of shape {np.shape(self.value)} ± {worst:.1g} ({self.points} points)"


def weight(c: ArrayLike) -> Floats:
    """Return the density of states g(c) of c = cos kx + cos kz, equation (a), for |c| <= 2; infinite at 0.

    Examples
    --------
    >>> bool(abs(2 * 3.141592653589793 * weight(2.0) - 1) < 1e-15)
    True
    """
    c = np.asarray(c)
    g: Floats = ellipkm1(c * c / 4) / np.pi**2
    return g


# ------------------------------------------------------------------------------------------------------------ nodes
def nodes(split: ArrayLike = (), step: float = STEP / 2) -> tuple[Floats, Floats]:
    """Return fixed nodes c and weights of the average (a), for thresholds that differ along batch axes.

    ``split``: points to split at (in addition to 0), shape (..., n), unordered; those outside of [-2, 2] are ignored.
    ``step``: step in u. Halving it squares the error, about.

    **Result**: c and weights, shape (..., nodes): ``(weights * f(c)).sum(-1)`` is the average.

    Examples
    --------
    >>> c, w = nodes()
    >>> bool(abs((w * c**2).sum() - 1) < 1e-12)
    True
    """
    split = np.clip(np.atleast_1d(finite_array("split", split)), -2.0, 2.0)
    step = positive("step", step)
    shape = split.shape[:-1]
    fixed = np.broadcast_to(np.array([-2.0, 0.0, 2.0]), (*shape, 3))
    ends = np.sort(np.concatenate([fixed, split], axis=-1), axis=-1)
    count = int(RANGE / step)
    u = step * np.arange(-count, count + 1)
    a, b = ends[..., :-1, None], ends[..., 1:, None]
    # c = mid + half tanh(π/2 sinh u), by the distance to the nearer end: exact where that is 0, the peak of g
    small = np.exp(-np.pi * np.sinh(abs(u)))
    distance = (b - a) * small / (1 + small)
    c = np.where(u < 0, a + distance, b - distance)
    w = weight(np.where(c == 0, 1e-150, c)) * (b - a) * np.pi * np.cosh(u) * small / (1 + small) ** 2
    away = np.minimum(AWAY, (b - a) / 2)  # nearer to a band edge, whose part is AWAY^(3/2), rounding decides the answer
    c = np.clip(c, a + away, b - away)
    return c.reshape(*shape, -1), (w * step).reshape(*shape, -1)


def mesh(n: int, *, wedge: bool = True) -> tuple[Floats, Floats]:
    """Return a half-shifted n × n mesh of the Brillouin zone, k = (2i + 1)π/n.

    ``n``: even number of points along each axis of the whole zone.
    ``wedge``: keep only 0 < kz <= kx < π, weighted for its mirror images and for x and z exchanged.

    **Result**: (kx, kz) in 1/a, shape (points, 2), and weights that sum to 1.

    Examples
    --------
    >>> k, w = mesh(4)
    >>> k.shape, w.round(6).tolist()
    ((3, 2), [0.25, 0.5, 0.25])
    """
    n = positive_integer("n", n)
    if n % 2:
        raise ArgumentError(
            f"Argument `n` must be even, but is {n}. An odd half-shifted mesh has no reflection symmetry."
        )
    if not wedge:
        line = (2 * np.arange(n) + 1 - n) * np.pi / n
        grid = np.stack(np.meshgrid(line, line, indexing="ij"), axis=2).reshape(-1, 2)
        return grid, np.full(n * n, 1 / n**2)
    line = (2 * np.arange(n // 2) + 1) * np.pi / n
    x, z = np.tril_indices(n // 2)
    return np.stack([line[x], line[z]], axis=1), np.where(x == z, 4.0, 8.0) / n**2


def gamma_mesh(n: int) -> tuple[Floats, Floats]:
    """Return the Γ-centered n × n mesh and its weights: a baseline only, it converges slowly where channels open."""
    n = positive_integer("n", n)
    line = 2 * np.pi * np.arange(n) / n
    return np.stack(np.meshgrid(line, line, indexing="ij"), axis=2).reshape(-1, 2), np.full(n * n, 1 / n**2)


# ---------------------------------------------------------------------------------------------------------- averages
def average(
    function: Callable[..., Any],
    split: ArrayLike = (),
    *,
    rtol: float = 1e-8,
    atol: ArrayLike = 0.0,
    floor: float = 0.0,
    max_points: int = 200_000,
    strict: bool = True,
    kinds: Callable[[], list[int]] = lambda: [0],
) -> Average:
    """Return the Brillouin-zone average of a function of the band shift, equation (a).

    **Result**: ``value`` and ``error`` of shape (...), or (problems, ...).

    Raises `IntegrationError`: Not converged within ``max_points``, or the function returned NaN or infinity.

    The error estimate is that of `quadrature.SAFE`: what the highest polynomials have of each piece. A resonance
    narrower than the distance of the nodes is seen only when it is near a split point: pass `resonances` where a
    quantum well is possible.

    ``function``: ``function(c)`` with c of shape (n,) returns values of shape (n, ...), real or complex. All pieces are
    evaluated together, so that one call serves a vectorized solver. With a pair (values, errors), the errors add to
    that of the average, and no digit below them is sought. Where a value is not finite the integral steps around the
    node, and the error says what that may cost.
    ``split``: where the function has kinks or sharp peaks: `thresholds` and `resonances`, shape (n,). With shape
    (problems, n) several averages are refined at once, by ``function(c, problem)`` with the number of the problem.
    ``rtol``, ``atol``, ``floor``: A component is converged when its error estimate is below max(atol, rtol |value|,
    rtol floor × the largest ∫|f| of the components), or at the level of rounding and of the function's own errors.
    ``atol`` may be one per problem.
    ``max_points``: evaluations allowed per problem.
    ``strict``: raise when the tolerance is not reached; otherwise return with ``converged`` False.
    ``kinds``: returns the first component of each kind that ``floor`` is taken of by itself.

    Examples
    --------
    >>> result = average(lambda c: c**4)  # 2 ⟨cos⁴⟩ + 6 ⟨cos²⟩²
    >>> round(float(result.value), 10), result.converged
    (2.25, True)
    """
    ends = finite_array("split", split)
    single = ends.ndim < 2
    rows = np.atleast_2d(ends)
    pieces = _pieces(rows)
    rtol, absolute = not_negative("rtol", rtol), not_negative_array("atol", atol)
    if rtol == 0 and not absolute.all():
        raise ArgumentError(f"Arguments `rtol` and `atol` must not both be zero, but are {rtol}, {atol!r}.")
    goal = _Goal(rtol, absolute, finite("floor", floor), kinds)
    integrand = Integrand(function, single)
    limit = positive_integer("max_points", max_points) * len(rows)
    found = integrate(
        integrand, pieces, len(rows), 0, rtol=goal, chunk=limit, room=lambda: limit - integrand.points, rule=SAFE
    )
    lost = float(found.value[:, -1].real.max())
    rounding = ROUNDING * found.sizes
    nodes = found.errors - found.inherited + rounding  # what other nodes could tell
    allowed = goal(found.value, found.sizes, 0.0 * nodes, found.inherited)
    converged = bool((nodes <= allowed + rounding).all()) and lost < LOST
    shape = integrand.shape if single else (len(rows), *integrand.shape)
    value, error = (x[:, :-1].reshape(shape) for x in (found.value, found.errors + rounding))
    if value.ndim == 0:
        value, error = value[()], float(error)
    result = Average(value, error, integrand.points, converged, lost)
    if strict and not converged:
        if lost >= LOST:
            raise IntegrationError(f"The function to average is NaN or infinity in {lost:.1%} of the zone.")
        raise IntegrationError(
            f"The average did not reach rtol = {rtol:g}, atol = {np.max(atol):g} with {integrand.points} points: "
            f"{result}. Split at thresholds and resonances, raise `max_points` or `rtol`, or pass strict=False."
        )
    return result


def _pieces(split: Floats) -> tuple[Indices, Floats, Floats]:
    """Return the pieces between the points of each row, in ∛c."""
    points = np.sort(np.append(split, np.zeros((len(split), 1)), axis=1))
    points[abs(points) <= SAME] = 0.0
    points[np.diff(points, prepend=-2.0) <= SAME] = 2.0
    end = np.full(len(split), np.cbrt(2.0))
    return cut_into_pieces(-end, end, np.cbrt(points))


class Integrand:
    """The function to average times g, as `quadrature` takes it: one more component is what was left out."""

    def __init__(self, function: Callable[..., Any], single: bool) -> None:
        self.function, self.single = function, single
        self.points = 0
        self.shape: tuple[int, ...] = ()

    def __call__(self, problem: Indices, v: Floats) -> tuple[Any, Floats]:
        """Return f g dc/dv and its error at v, shape (pieces, nodes).

        A node at which the function is not finite takes the value of the nearest that is, with that value as its error.
        """
        c = v**3
        found = self.function(*[c.ravel()] if self.single else [c.ravel(), np.repeat(problem, c.shape[1])])
        values, errors = (np.asarray(x) for x in (found if isinstance(found, tuple) else (found, 0.0)))
        if values.shape[:1] != (c.size,):
            raise ArgumentError(
                f"Argument `function` must return an array with one entry per c in front, shape ({c.size}, ...), but "
                f"returned shape {values.shape}."
            )
        self.points += c.size
        self.shape = values.shape[1:]
        errors = np.broadcast_to(errors, values.shape).reshape(*c.shape, -1)
        values = values.reshape(*c.shape, -1)
        bad = ~np.isfinite(values).all(axis=2)
        if bad.any():
            values, errors = _stepped_around(values, errors, bad)
        g = (3 * v**2 * weight(c))[..., None]
        return np.concatenate([values * g, bad[..., None] * g], axis=2), np.concatenate([errors * g, 0 * g], axis=2)


def _stepped_around(values: Any, errors: Floats, bad: NDArray[np.bool_]) -> tuple[Any, Floats]:
    """Give bad nodes (pieces, nodes) the value of the nearest good one of their piece, and that as their error."""
    values, errors = np.where(np.isfinite(values), values, 0.0), errors.copy()
    for row in np.flatnonzero(bad.any(axis=1)):
        good = np.flatnonzero(~bad[row])
        for node in np.flatnonzero(bad[row]):
            if len(good):
                values[row, node] = values[row, good[abs(good - node).argmin()]]
            errors[row, node] = abs(values[row, node])
    return values, errors


@dataclass(frozen=True)
class _Goal:
    """What accuracy is asked of each component of each problem, see `average`; any of what was left out."""

    rtol: float
    atol: Floats
    floor: float
    kinds: Callable[[], list[int]]

    def __call__(self, value: Any, size: Floats, error: Floats, inherited: Floats) -> Floats:
        """Return the absolute error that each component of each problem may have.

        What oscillates looks larger than it is until it is resolved: of a value counts what its error leaves.
        """
        sure = np.maximum(abs(value) - error, 0.0)
        largest = size
        if self.floor and size.shape[1] > 1:
            starts = self.kinds()
            most = np.maximum.reduceat(size[:, :-1], starts, axis=1)
            largest = np.repeat(most, np.diff([*starts, size.shape[1]]), axis=1)
        allowed = np.maximum(self.rtol * np.maximum(sure, self.floor * largest), ROUNDING * size)
        allowed = np.maximum(np.maximum(allowed, inherited), self.atol.reshape(-1, 1))
        allowed[:, -1] = np.inf
        return allowed


def mean(
    observe: Callable[..., Any],
    problem: Junction | Stack,
    energy: ArrayLike,
    k: ArrayLike | str | None = AVERAGE,
    *,
    rtol: float = 1e-8,
    atol: ArrayLike = 0.0,
    floor: float = 0.0,
    max_points: int = 200_000,
    strict: bool = True,
) -> Average:
    """Return the mean over k∥ of anything that is a function of the band shift: the one door to such means.

    ``observe``: ``observe(c)`` with c of shape (n,) returns an array (n, ...), or a mapping of name to such arrays.
    With several energies ``observe(c, index)`` gets the number of the energy each c belongs to.
    ``problem``, ``energy``: the junction or stack and energies, () or (problems,), whose openings and resonances split
    the integral.
    ``k``: "average" for the mean over the Brillouin zone; wave vectors, shape (..., 2), or None for Γ: `observe` there.
    ``rtol``, ``atol``, ``floor``, ``max_points``, ``strict``: as in `average`; with a mapping ``floor`` is relative to
    the largest of each of its arrays.

    **Result**: ``value`` and ``error`` as `observe` returns them, without the axis of c (with those of k in its place).

    Raises `ArgumentError, IntegrationError`: As in `average`.

    Examples
    --------
    >>> from kwant_spinjunc.model.junction import Junction, ferromagnet
    >>> iron = ferromagnet(onsite=0.0, hopping=1.0, splitting=1.0, in_plane_hopping=1.0)
    >>> junction = Junction(iron, [], iron)
    >>> found = mean(lambda c: {"open": junction.open_channels(0.0, c)[:, 0].sum(axis=-1) + 0.0}, junction, 0.0)
    >>> round(float(found.value["open"]), 4)
    1.2494
    """
    parts: dict[str, tuple[int, ...]] = {}

    def flat(*arguments: Any) -> Any:
        found = observe(*arguments)
        if not isinstance(found, Mapping):
            return found
        arrays = {name: np.asarray(array) for name, array in found.items()}
        parts.update({name: array.shape[1:] for name, array in arrays.items()})
        return np.concatenate([array.reshape(len(array), -1) for array in arrays.values()], axis=1)

    stack, E = as_stack(problem), finite_array("energy", energy)
    if is_average("k", k) and stack.dispersive:
        options: dict[str, Any] = {"rtol": rtol, "atol": atol, "floor": floor}
        options["kinds"] = lambda: [0, *np.cumsum([int(np.prod(shape)) for shape in parts.values()])[:-1]]
        found = average(flat, split_points(problem, E), max_points=max_points, strict=strict, **options)
        value, error, batch = found.value, found.error, E.shape
    else:
        c = np.zeros(()) if isinstance(k, str) else band_shift(k)
        at = np.broadcast_to(c, E.shape + c.shape)
        index = np.indices(at.shape)[0].ravel() if E.ndim else None
        value = flat(at.ravel()) if index is None else flat(at.ravel(), index)
        value, error = (np.asarray(x) for x in (value if isinstance(value, tuple) else (value, 0.0)))
        error = np.broadcast_to(error, value.shape)
        found, batch = Average(value, error, at.size, True), at.shape
        value, error = (x.reshape(batch + x.shape[1:]) for x in (value, error))
    return replace(found, value=_unflattened(value, parts, batch), error=_unflattened(error, parts, batch))


def _unflattened(values: Any, parts: dict[str, tuple[int, ...]], batch: tuple[int, ...]) -> Any:
    """Return the arrays of a mapping that was concatenated along its last axis."""
    if not parts:
        return values
    ends = np.cumsum([int(np.prod(shape)) for shape in parts.values()])[:-1]
    pieces = np.split(values, ends, axis=-1)
    return {name: x.reshape(batch + shape) for (name, shape), x in zip(parts.items(), pieces, strict=True)}
