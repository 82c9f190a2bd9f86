r"""Averages over the two-dimensional Brillouin zone of in-plane periodic junctions.

A clean junction on the square lattice depends on (kx, kz) only through c = cos kx a + cos kz a, whatever the in-plane
hoppings of its layers, so that the average per unit cell is one-dimensional:

    ⟨f⟩ = ∫_-2^2 dc g(c) f(c),    g(c) = K(√(1 - c²/4))/π²,    ∫ g = 1,                                          (a)

with K the complete elliptic integral of that modulus. g has a logarithmic peak at c = 0 and ends with a step at ±2; f
has square-root kinks where a channel opens, which are known (`thresholds`), and sharp peaks at `resonances`. `average`
splits the integral at all of them, substitutes c = mid + half tanh(π/2 sinh u) in each piece, and bisects in u where
that does not converge.

For what is no function of c, `mesh` is the half-shifted mesh in (kx, kz) on the irreducible wedge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray
from scipy.special import ellipkm1

from ..checks import finite, finite_array, positive, positive_integer
from ..errors import ArgumentError, SpinjuncError
from ..model.junction import Junction
from ..spin import PAULI, SIGNS
from .batch import Stack, as_stack
from .solver import probabilities as probabilities_at

__all__ = [
    "Average",
    "IntegrationError",
    "average",
    "gamma_mesh",
    "mesh",
    "nodes",
    "probabilities",
    "resonances",
    "thresholds",
    "weight",
]

Floats = NDArray[np.float64]

#: Range of u: tanh(π/2 sinh u) is ±1 to rounding beyond it.
RANGE = 3.25
#: First step in u; it is halved twice before pieces are bisected instead.
STEP = 0.25
#: A change of the double-exponential rule this much below the one before shows that it converges as it should.
FAST = 1e-3
#: What rounding leaves of an integral, relative to the integral of the modulus.
ROUNDING = 1e-14
#: Panels in u a piece is cut into when halving the step did not do.
PANELS = 8
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
    """A Brillouin-zone average did not reach the tolerance that was asked for."""


@dataclass(frozen=True, eq=False)
class Average:
    """A Brillouin-zone average and how good it is.

    Attributes
    ----------
    value
        The average, shape of the integrand.
    error
        Estimate of the absolute error of each component, from the difference to the coarser rule of every piece.
    points
        Number of c at which the integrand was evaluated.
    converged
        Whether every component meets the tolerance.
    """

    value: Any
    error: Any
    points: int
    converged: bool

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
    c = np.asarray(c, dtype=float)
    g: Floats = ellipkm1(c * c / 4) / np.pi**2
    return g


# --------------------------------------------------------------------------------------------------- where f is rough
def thresholds(junction: Junction | Stack, energy: ArrayLike) -> Floats:
    """Return the band shifts at which a lead's spin channel opens or closes, in [-2, 2].

    Parameters
    ----------
    junction
        A junction, or a stack whose batch shape broadcasts with ``energy``.
    energy
        Energy, shape (...).

    Returns
    -------
    ndarray, shape (..., 8)
        Unordered; thresholds outside of the zone, or of a lead without in-plane hopping, are moved to its edge.

    Examples
    --------
    >>> from kwant_spinjunc.model.junction import Junction, barrier, ferromagnet
    >>> iron = ferromagnet(onsite=0.0, hopping=1.0, splitting=1.0, in_plane_hopping=1.0)
    >>> thresholds(Junction(iron, [], iron), -2.0)[:4].tolist()
    [-0.25, 1.75, 0.25, 2.0]
    """
    stack = as_stack(junction)
    E = finite_array("energy", energy)[..., None, None, None]
    center = stack.lead_onsite[..., None] - SIGNS * stack.lead_splitting[..., None] / 2
    edges = center[..., None] + 2 * stack.lead_hopping[..., None, None] * np.array([-1.0, 1.0])
    t = 2 * stack.lead_in_plane[..., None, None]
    c = np.divide(edges - E, t, out=np.full(np.broadcast_shapes(edges.shape, E.shape, t.shape), 2.0), where=t != 0)
    clipped: Floats = np.clip(c.reshape(*c.shape[:-3], 8), -2.0, 2.0)
    return clipped


def resonances(junction: Junction | Stack, energy: float, width: float = 0.05) -> Floats:
    """Return the band shifts near which sharp resonances are to be expected, shape (n,).

    Parameters
    ----------
    junction
        A junction, or a stack without batch axes.
    energy
        Energy.
    width
        Only states whose width in c, estimated by golden rule, is below this are returned; wider ones need no care.

    Returns
    -------
    ndarray
        Solutions c of det(E - H(c)) = 0 for the scattering region without its leads, with H(c) linear in c. They miss
        the true resonances by no more than about their widths.
    """
    stack = as_stack(junction).as_texture()
    if stack.shape:
        raise ArgumentError(f"Argument `junction` must be a single junction, but has batch shape {stack.shape}.")
    if not stack.dispersive:
        return np.zeros(0)
    energy = finite("energy", energy)
    skip = 1  # the end planes are strongly coupled to the leads
    planes = slice(skip, stack.planes - skip)
    count = stack.planes - 2 * skip
    if count < 1:
        return np.zeros(0)
    exchange = np.tensordot(stack.splitting[planes, None] * stack.m[planes] / 2, PAULI, axes=1)
    H = np.zeros((count, 2, count, 2), dtype=complex)
    n = np.arange(count)
    H[n, :, n, :] = stack.onsite[planes, None, None] * np.eye(2) - exchange
    inner = stack.bonds[skip : len(stack.bonds) - skip]
    H[n[:-1], :, n[1:], :] = H[n[1:], :, n[:-1], :] = -inner[:, None, None] * np.eye(2)
    slope = np.repeat(2 * stack.in_plane[planes], 2)
    matrix = H.reshape(2 * count, 2 * count) - energy * np.eye(2 * count)
    c, states = scipy.linalg.eig(matrix, np.diag(slope).astype(complex))
    states = states.reshape(count, 2, -1)
    ends = stack.bonds[[0, -1]] ** 2 / stack.lead_hopping
    with np.errstate(all="ignore"):
        decay = sum(end * (abs(states[i]) ** 2).sum(axis=0) for i, end in zip((0, -1), ends, strict=True))
        norm = abs(np.einsum("i,isj->j", slope[::2], abs(states) ** 2))
        good = np.isfinite(c) & (abs(c.imag) < 1e-6) & (abs(c.real) < 2) & (decay < width * norm)
    found: Floats = np.sort(c.real[good])
    return found


# ------------------------------------------------------------------------------------------------------------ nodes
def _substitute(a: Floats, b: Floats, u: Floats) -> tuple[Floats, Floats]:
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


def nodes(split: ArrayLike = (), step: float = STEP / 2) -> tuple[Floats, Floats]:
    """Return fixed nodes c and weights of the average (a), for thresholds that differ along batch axes.

    Parameters
    ----------
    split
        Points to split at (in addition to 0), shape (..., n), unordered; those outside of [-2, 2] are ignored.
    step
        Step in u. Halving it squares the error, about.

    Returns
    -------
    c, weights : ndarray, shape (..., nodes)
        ``(weights * f(c)).sum(-1)`` is the average.

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
    c, w = _substitute(ends[..., :-1, None], ends[..., 1:, None], u)
    return c.reshape(*shape, -1), (w * step).reshape(*shape, -1)


def mesh(n: int, *, wedge: bool = True) -> tuple[Floats, Floats]:
    """Return a half-shifted n × n mesh of the Brillouin zone, k = (2i + 1)π/n.

    Parameters
    ----------
    n
        Even number of points along each axis of the whole zone.
    wedge
        Keep only 0 < kz <= kx < π, with the weights of the points it stands for (reflections and exchange of x and z).

    Returns
    -------
    k : ndarray, shape (points, 2)
        (kx, kz) in 1/a.
    weights : ndarray, shape (points,)
        They sum to 1.

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
        grid = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2)
        return grid, np.full(n * n, 1 / n**2)
    line = (2 * np.arange(n // 2) + 1) * np.pi / n
    x, z = np.tril_indices(n // 2)
    return np.stack([line[x], line[z]], axis=-1), np.where(x == z, 4.0, 8.0) / n**2


def gamma_mesh(n: int) -> tuple[Floats, Floats]:
    """Return the Γ-centered n × n mesh and its weights: a baseline only, it converges slowly where channels open."""
    n = positive_integer("n", n)
    line = 2 * np.pi * np.arange(n) / n
    return np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1).reshape(-1, 2), np.full(n * n, 1 / n**2)


# ---------------------------------------------------------------------------------------------------------- averages
class _Integrand:
    """The function to average, with its bookkeeping: f(c) g(c) dc/du for pieces of several problems."""

    def __init__(self, function: Callable[..., Any], single: bool) -> None:
        self.function = function
        self.single = single
        self.points = 0

    def __call__(self, pieces: _Pieces, u: Floats) -> Floats:
        """Return the integrand at u, shape (pieces, nodes), as (pieces, nodes, ...)."""
        c, density = _substitute(pieces.a[:, None], pieces.b[:, None], u)
        index = np.broadcast_to(pieces.problem[:, None], c.shape)
        values = np.asarray(self.function(c.ravel()) if self.single else self.function(c.ravel(), index.ravel()))
        if values.shape[:1] != (c.size,):
            raise ArgumentError(
                f"Argument `function` must return an array with one entry per c in front, shape ({c.size}, ...), but "
                f"returned shape {values.shape}."
            )
        if not np.isfinite(values).all():
            raise IntegrationError("The function to average returned NaN or infinity.")
        self.points += c.size
        values = values.reshape(c.shape + values.shape[1:])
        product: Floats = values * density.reshape(c.shape + (1,) * (values.ndim - 2))
        return product


@dataclass
class _Pieces:
    """Pieces of the integrals: [a, b] in c, and the range of u for panels."""

    problem: NDArray[np.int64]
    a: Floats
    b: Floats
    lo: Floats
    hi: Floats
    value: Any = None
    error: Any = None
    size: Any = None

    def pick(self, which: Any) -> _Pieces:
        """Return some of the pieces, without results."""
        return _Pieces(self.problem[which], self.a[which], self.b[which], self.lo[which], self.hi[which])

    def with_results(self, which: Any) -> _Pieces:
        """Return some of the pieces, with results."""
        part = self.pick(which)
        part.value, part.error, part.size = self.value[which], self.error[which], self.size[which]
        return part

    def total(self, array: Any, problems: int) -> Any:
        """Sum an array over the pieces of every problem."""
        out = np.zeros((problems, *array.shape[1:]), dtype=array.dtype)
        np.add.at(out, self.problem, array)
        return out


def _join(*parts: _Pieces) -> _Pieces:
    names = ("problem", "a", "b", "lo", "hi", "value", "error", "size")
    return _Pieces(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def average(
    function: Callable[..., Any],
    split: ArrayLike = (),
    *,
    rtol: float = 1e-8,
    atol: float = 0.0,
    max_points: int = 200_000,
    strict: bool = True,
) -> Average:
    """Return the Brillouin-zone average of a function of the band shift, equation (a).

    Parameters
    ----------
    function
        ``function(c)`` with c of shape (n,) returns values of shape (n, ...), real or complex. All pieces are evaluated
        together, so that one call serves a vectorized solver.
    split
        Where the function has kinks or sharp peaks: `thresholds` and `resonances`, shape (n,). With shape
        (problems, n) several averages are refined at once, and ``function(c, problem)`` also gets the number of the
        problem each c belongs to.
    rtol, atol
        A component is converged when its error estimate is below max(atol, rtol |value|), or at rounding level.
    max_points
        Evaluations allowed per problem.
    strict
        Raise when the tolerance is not reached; otherwise return with ``converged`` False.

    Returns
    -------
    Average
        ``value`` and ``error`` of shape (...), or (problems, ...).

    Raises
    ------
    ArgumentError
        A tolerance is not positive or the function returns a wrong shape.
    IntegrationError
        Not converged within ``max_points``, or the function returned NaN or infinity.

    Notes
    -----
    The error estimate is the difference to the rule with half the nodes. Where halving the step of the
    double-exponential rule gained a factor above 1/`FAST`, it is ten times what repeating that gain would leave; where
    it did not, a tenth of the difference before counts as well, and half the change of a bisected panel, against
    accidental agreement. All this presumes that kinks are split points: one nobody told of, right at the end of a
    panel, can hide from both rules (600 trials missed the tolerance 7 times, by up to a factor 10). A resonance
    narrower than the distance of the nodes is seen only when it is near a split point: pass `resonances` where a
    quantum well is possible.

    Examples
    --------
    >>> result = average(lambda c: c**4)  # 2 ⟨cos⁴⟩ + 6 ⟨cos²⟩²
    >>> round(float(result.value), 10), result.converged
    (2.25, True)
    """
    rtol, atol = _tolerances(rtol, atol)
    ends = finite_array("split", split)
    single = ends.ndim < 2
    pieces, problems = _start(np.atleast_2d(ends))
    integrand = _Integrand(function, single)
    limit = positive_integer("max_points", max_points) * problems
    pieces = _double_exponential(integrand, pieces, problems, rtol, atol)
    rough = _unfinished(pieces, problems, rtol, atol)
    if rough.any():
        pieces = _bisect(integrand, pieces, rough, problems, rtol, atol, limit)

    value, size = pieces.total(pieces.value, problems), pieces.total(pieces.size, problems)
    error = pieces.total(pieces.error, problems) + ROUNDING * size
    converged = bool((error <= _allowed(value, size, rtol, atol) + ROUNDING * size).all())
    if single:
        value, error = value[0], error[0]
    if value.ndim == 0:
        value, error = value[()], float(error)
    result = Average(value, error, integrand.points, converged)
    if strict and not converged:
        raise IntegrationError(
            f"The average did not reach rtol = {rtol:g}, atol = {atol:g} with {integrand.points} points: {result}. "
            "Split at thresholds and resonances, raise `max_points`, widen the tolerance, or pass strict=False."
        )
    return result


def _tolerances(rtol: float, atol: float) -> tuple[float, float]:
    rtol, atol = finite("rtol", rtol), finite("atol", atol)
    if rtol < 0 or atol < 0 or rtol + atol == 0:
        raise ArgumentError(f"Arguments `rtol` and `atol` must not be negative nor both zero, but are {rtol}, {atol}.")
    return rtol, atol


def _start(ends: Floats) -> tuple[_Pieces, int]:
    rows = [_splits(row) for row in ends]
    owner = np.repeat(np.arange(len(rows)), [len(row) - 1 for row in rows])
    a, b = (np.concatenate([row[pick] for row in rows]) for pick in (slice(None, -1), slice(1, None)))
    full = np.full(a.shape, RANGE)
    return _Pieces(owner, a, b, -full, full), len(rows)


def _allowed(value: Any, size: Any, rtol: float, atol: float) -> Any:
    return np.maximum(np.maximum(atol, rtol * abs(value)), ROUNDING * size)


def _unfinished(pieces: _Pieces, problems: int, rtol: float, atol: float) -> NDArray[np.bool_]:
    """Return which pieces must improve: those with more than an equal share of what their problem may miss."""
    value, size = pieces.total(pieces.value, problems), pieces.total(pieces.size, problems)
    allowed = _allowed(value, size, rtol, atol)
    error = pieces.total(pieces.error, problems)
    axes = tuple(range(1, allowed.ndim))
    done = (error <= allowed).all(axis=axes)
    count = np.bincount(pieces.problem, minlength=problems)
    share = allowed / count.reshape((-1,) + (1,) * (allowed.ndim - 1))
    rough: NDArray[np.bool_] = (pieces.error > share[pieces.problem]).any(axis=axes) & ~done[pieces.problem]
    return rough


def _double_exponential(integrand: _Integrand, pieces: _Pieces, problems: int, rtol: float, atol: float) -> _Pieces:
    """Integrate all pieces by the trapezoidal rule in u, halving the step where needed."""
    count = int(RANGE / STEP)
    k = np.arange(-count, count + 1)
    F = integrand(pieces, np.broadcast_to(STEP * k, (len(pieces.a), len(k))))
    value = STEP * F.sum(axis=1)
    gain = abs(value - 2 * STEP * F[:, k % 2 == 0].sum(axis=1))
    pieces.value, pieces.error, pieces.size = value, gain.copy(), STEP * abs(F).sum(axis=1)
    step = STEP
    for halving in range(2):
        # the first difference may be small by accident, so that it is always checked by a second one
        rough = np.flatnonzero(_unfinished(pieces, problems, rtol, atol)) if halving else np.arange(len(pieces.a))
        if not len(rough):
            break
        step, count = step / 2, 2 * count
        u = step * np.arange(1 - count, count, 2)
        F = integrand(pieces.pick(rough), np.broadcast_to(u, (len(rough), len(u))))
        better = pieces.value[rough] / 2 + step * F.sum(axis=1)
        change = abs(better - pieces.value[rough])
        before = np.maximum(gain[rough], 1e-300)
        fast = change < FAST * before
        pieces.error[rough] = np.where(fast, 10 * change * (change / before), np.maximum(change, before / 10))
        pieces.value[rough], gain[rough] = better, change
    return pieces


def _bisect(
    integrand: _Integrand,
    pieces: _Pieces,
    rough: NDArray[np.bool_],
    problems: int,
    rtol: float,
    atol: float,
    limit: int,
) -> _Pieces:
    """Replace rough pieces by panels in u with Gauss-Kronrod rules, and bisect those that are still rough."""
    fresh, parents = _cut(pieces.pick(rough), PANELS), None
    pieces = pieces.with_results(~rough)
    while len(fresh.a) and integrand.points + 15 * len(fresh.a) <= limit:
        half, mid = (fresh.hi - fresh.lo) / 2, (fresh.hi + fresh.lo) / 2
        F = integrand(fresh, mid[:, None] + half[:, None] * GK_NODES)
        scale = half.reshape((-1,) + (1,) * (F.ndim - 2))
        fresh.value = scale * np.einsum("j,ij...->i...", GK_WEIGHTS, F)
        fresh.error = abs(fresh.value - scale * np.einsum("j,ij...->i...", GAUSS_WEIGHTS, F))
        fresh.size = scale * np.einsum("j,ij...->i...", GK_WEIGHTS, abs(F))
        if parents is not None:  # a kink can make both rules agree by accident, but not with the panel before
            change = abs(fresh.value[::2] + fresh.value[1::2] - parents) / 2
            fresh.error = np.maximum(fresh.error, np.repeat(change, 2, axis=0))
        pieces = _join(pieces, fresh)
        rough = _unfinished(pieces, problems, rtol, atol)
        if not rough.any() or integrand.points + 30 * np.count_nonzero(rough) > limit:
            break
        fresh, parents = _cut(pieces.pick(rough), 2), pieces.value[rough]
        pieces = pieces.with_results(~rough)
    return pieces


def _cut(pieces: _Pieces, parts: int) -> _Pieces:
    """Cut the range of u of every piece into equal parts."""
    width = (pieces.hi - pieces.lo) / parts
    lo = (pieces.lo[:, None] + width[:, None] * np.arange(parts)).ravel()
    problem, a, b = np.repeat(pieces.problem, parts), np.repeat(pieces.a, parts), np.repeat(pieces.b, parts)
    return _Pieces(problem, a, b, lo, lo + np.repeat(width, parts))


def probabilities(
    junction: Junction | Stack,
    energy: ArrayLike,
    *,
    rtol: float = 1e-8,
    atol: float = 0.0,
    max_points: int = 200_000,
    strict: bool = True,
) -> Average:
    """Return Brillouin-zone averaged spin-resolved probabilities of a junction by the fast engine.

    Parameters
    ----------
    junction
        A junction, or a stack with batch axes (heights, angles, ...) that are refined together.
    energy
        Energies, shape (); or (problems,), each with its own thresholds and refinement.
    rtol, atol, max_points, strict
        As in `average`.

    Returns
    -------
    Average
        ``value[..., lead_out, spin_out, lead_in, spin_in]``, shape ([problems,] *stack.shape, 2, 2, 2, 2). T sums to
        the conductance in e²/h per unit cell a².
    """
    stack = as_stack(junction)
    E = finite_array("energy", energy)
    if E.ndim > 1:
        raise ArgumentError(f"Argument `energy` must be a number or one axis of them, but its shape is {E.shape}.")
    axes = (1,) * len(stack.shape)
    rows = []
    for value in np.atleast_1d(E):
        edges = np.unique(thresholds(stack, np.full(axes, value)))
        rows.append(np.concatenate([edges, resonances(stack, value)]) if not stack.shape else edges)
    width = max(len(row) for row in rows)
    split = np.array([np.append(row, np.full(width - len(row), 2.0)) for row in rows])

    def value_at(c: Floats, index: Any = None) -> Floats:
        at = E if index is None else E[index].reshape(-1, *axes)
        return probabilities_at(stack, at, c.reshape(-1, *axes))

    return average(value_at, split if E.ndim else split[0], rtol=rtol, atol=atol, max_points=max_points, strict=strict)
