r"""Adaptive integration of many vector-valued functions at once, with an error that was measured.

Energy windows and sums over k∥ are integrals over pieces that begin and end where a channel opens. Near such a point
the integrand is a power series in the square root of the distance, so every piece [a, b] is mapped by
x = a + (b - a) sin²θ, after which it is smooth to its ends. Each piece takes a Gauss-Kronrod rule of 21 points in θ,
and is halved until the difference to the 10-point rule inside it meets the tolerance. That difference is the
reported error: it is the error of the cheaper rule, so the value is usually far better than it says.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import eval_legendre, roots_legendre

from .arrays import Floats, Indices

#: (owner (n,), x (n, nodes)) -> values (n, nodes, components), their absolute errors (n, nodes[, components]) or 0.0
Integrand = Callable[[Indices, Floats], tuple[Any, Any]]
#: (value, ∫|f|, error, part of it that the integrand brought), so far, each (owners, components) -> errors allowed
Tolerance = Callable[[Any, Floats, Floats, Floats], Floats]


@dataclass(frozen=True, eq=False)
class Rule:
    """A Gauss-Kronrod rule on [0, 1]."""

    nodes: Floats
    weights: Floats
    difference: Floats  #: Shape (rows, nodes): Its weights minus those of the Gauss rule inside it, or more such rows.
    coarser: Floats | None = None  #: The same of half the degree, which tells how fast the rule converges.
    halvings: int = 0  #: Of every piece before the first look.


def _rule(count: int, added: list[float]) -> Rule:
    """Return the rule that adds to the nodes of Gauss's, on [-1, 1], 0, ±``added`` and what is exact on all of them."""
    inner, coarse = roots_legendre(count)
    nodes = np.unique(np.concatenate([inner, added, np.negative(added), [0.0]]))
    polynomials = eval_legendre(np.arange(len(nodes)), nodes[:, None])
    weights = np.linalg.solve(polynomials.T, np.arange(len(nodes)) == 0)  # their means
    difference = weights.copy()
    difference[np.isin(nodes, inner)] -= coarse / 2
    return Rule((1 + nodes) / 2, weights, difference[None])


#: 21 nodes (R. Piessens et al., QUADPACK); and 7, for integrands that cost much and need few digits (A. S. Kronrod,
#: Nodes and Weights, 1965).
FINE = _rule(
    10,
    [
        0.995657163025808080735527280689003,
        0.930157491355708226001207180059508,
        0.780817726586416897063717578345042,
        0.562757134668604683339000099272694,
        0.294392862701460198131126603103866,
    ],
)
COARSE = _rule(3, [0.960491268708020283423507092629080, 0.434243749346802558002071502844628])


def _watchful(rule: Rule) -> Rule:
    """Return the rule for cheap integrands that may have kinks nobody told of.

    Its error is what the values have of the three highest polynomials at its nodes, in the measure of the Gauss rule:
    one number may be small by accident, three not so easily. Where they are less than `FAST` of the three in the middle
    the function is smooth, and the rule misses far less than `SMOOTH` of them (J. Berntsen and T. O. Espelid, ACM
    Trans. Math. Softw. 17, 233 (1991)).
    """
    count = len(rule.nodes)
    polynomials = np.linalg.qr(eval_legendre(np.arange(count), 2 * rule.nodes[:, None] - 1))[0].T
    rows = np.linalg.norm(rule.difference) * polynomials
    return replace(rule, difference=rows[-3:], coarser=rows[count // 2 - 1 : count // 2 + 2], halvings=1)


#: For many cheap points.
SAFE = _watchful(FINE)
FAST, SMOOTH = 1e-3, 0.03

#: Halvings after which a piece is accepted with whatever error it has: its width is then 1e-9 of what it was.
ROUNDS = 30
#: Pieces an owner may have at one time; of more, only the worse half is halved again.
PIECES = 4096
#: Halvings in sequence that leave a small relative defect unchanged: what is left is noise of the integrand.
STALLED = 3
#: Spacings of floating-point numbers in a piece below which its nodes are too coarse to be halved.
RESOLVED = 1e4
#: Differences of both rules that are claimed of a piece given up: at a kink that nobody told of one may be too few.
UNKNOWN = 2
#: Error per size that rounding alone can cause.
ROUNDING = 1e-14
#: Stands in for a tolerance or a size of zero.
TINY = np.finfo(float).tiny


@dataclass(frozen=True, eq=False)
class Integral:
    """A batch of integrals."""

    value: Floats  #: Shape (owners, components).
    #: Shape (owners,): estimated absolute error of the worst component, errors of the integrand included.
    error: Floats
    size: Floats  #: Shape (owners,): largest ∫|f| of the components, which tolerances are relative to.
    #: `evaluations`, `errors`, `sizes`, `inherited`: Of what `integrate` returns: points at which the integrand was
    #: evaluated; shape (owners, components): the error of each component, its ∫|f|, what of its error the integrand
    #: brought.
    evaluations: int = 0
    errors: Any = None
    sizes: Any = None
    inherited: Any = None


@dataclass(frozen=True)
class _Pieces:
    """Intervals x = lower + width f(sin²θ), θ from ``start`` over ``extent``, each belonging to an owner.

    f(s) = s, or next to a peak of half-width w at the lower end (w < 0: at the upper end) the distance to that end is
    w sinh(u sinθ), θ from it: smooth at the peak, a square root at the other end.

    ``relative`` is the defect over the magnitude of the interval it is a half of, ``stalled`` for how many halvings
    that has not changed.
    """

    owner: Indices
    lower: Floats
    width: Floats
    peak: Floats
    start: Floats
    extent: Floats
    relative: Floats
    stalled: Indices

    def __getitem__(self, index: Any) -> _Pieces:
        return _Pieces(**{name: getattr(self, name)[index] for name in self.__dataclass_fields__})

    def halved(self) -> _Pieces:
        half = self.extent / 2
        twice = self[np.tile(np.arange(len(half)), 2)]
        return replace(twice, start=np.concatenate([self.start, self.start + half]), extent=np.tile(half, 2))

    def nodes(self, nodes: Floats) -> tuple[Floats, Floats]:
        """Return x and dx/d(node) at the nodes of a rule, each (n, nodes)."""
        theta = self.start[:, None] + self.extent[:, None] * nodes
        lower, width, extent = self.lower[:, None], self.width[:, None], self.extent[:, None]
        x, slope = lower + width * np.sin(theta) ** 2, width * extent * np.sin(2 * theta)
        for sign in (1, -1):
            at = np.flatnonzero(sign * self.peak > 0)
            w, end = abs(self.peak[at, None]), lower[at] + (width[at] if sign < 0 else 0.0)
            u = np.arcsinh(width[at] / w)
            near, far = (f(theta[at]) for f in ((np.sin, np.cos) if sign > 0 else (np.cos, np.sin)))
            x[at] = end + sign * w * np.sinh(u * near)
            slope[at] = extent[at] * far * u * w * np.cosh(u * near)
        return x, slope


def cut_into_pieces(lower: ArrayLike, upper: ArrayLike, points: ArrayLike) -> tuple[Indices, Floats, Floats]:
    """Cut intervals at points inside them.

    ``lower``, ``upper``: ends of one interval per owner, shape (owners,).
    ``points``: where to cut, shape (owners, count); points outside are ignored.

    **Result**: owner, lower and upper end of each piece of positive length.
    """
    low, high = np.asarray(lower, dtype=float)[:, None], np.asarray(upper, dtype=float)[:, None]
    inside = np.sort(np.clip(points, low, np.maximum(low, high)), axis=-1)
    ends = np.concatenate([low, inside, np.maximum(low, high)], axis=-1)
    owner, piece = np.nonzero(ends[:, 1:] > ends[:, :-1])
    return owner, ends[owner, piece], ends[owner, piece + 1]


def integrate(
    function: Integrand,
    pieces: tuple[Indices, Floats, Floats],
    owners: int,
    components: int,
    *,
    rtol: float | Tolerance,
    floor: ArrayLike = 0.0,
    peak: ArrayLike = 0.0,
    chunk: int = 256,
    room: Callable[[], float] | None = None,
    rule: Rule = FINE,
) -> Integral:
    """Integrate vector functions of one variable over pieces, all together.

    ``function``: takes the owner of each of n pieces, shape (n,), and points in them, (n, nodes); returns the values
    (n, nodes, components) and their absolute errors, (n, nodes), (n, nodes, components) or 0.0.
    ``pieces``: owner, lower and upper end of each piece, as from `cut_into_pieces`: between kinks of the integrand.
    ``owners``, ``components``: number of integrals, and of components of each (which counts if there is no piece).
    ``rtol``: error to reach, relative to the largest ∫|f| among the components of an integral; or a function that tells
    what error each component may have.
    ``floor``: absolute error that is good enough, a number or one per owner.
    ``peak``: half-width of a Lorentzian at the lower end of each piece, with a minus sign at its upper end, 0 for none.
    It is integrated in u, distance = w sinh(u), in which it is as wide as 1.
    ``chunk``: pieces evaluated together.
    ``room``: asked before every round but the first how many points it may take: the worst pieces go first, and when
    none fits any more the error says what is missing: of pieces given up it is what halving changed at least.
    ``rule``: what a piece takes.

    Examples
    --------
    >>> import numpy as np
    >>> pieces = cut_into_pieces([0.0], [1.0], [[0.25]])
    >>> found = integrate(lambda owner, x: (np.sqrt(abs(x - 0.25))[..., None], 0.0), pieces, 1, 1, rtol=1e-10)
    >>> float(found.value[0, 0].round(12)), bool(found.error[0] < 1e-10)
    (0.516346035226, True)
    """
    owner, lower, upper = pieces
    count = len(owner)
    active = _Pieces(
        owner=owner,
        lower=lower,
        width=upper - lower,
        peak=np.broadcast_to(np.asarray(peak, dtype=float), (count,)),
        start=np.zeros(count),
        extent=np.full(count, np.pi / 2),
        relative=np.full(count, np.inf),
        stalled=np.zeros(count, dtype=np.intp),
    )
    for _ in range(rule.halvings):
        active = active.halved()
    value, size, errors, inherited = np.zeros((4, owners, components))
    error, noticed = np.zeros((2, owners))
    evaluations = 0
    allowed = rtol if callable(rtol) else _relative(rtol, np.broadcast_to(np.asarray(floor, dtype=float), (owners,)))
    parent: Floats | None = None
    pool: list[Any] = []  # what has been evaluated and is pending
    for left in range(ROUNDS, -1, -1):
        if not len(active.owner):
            break
        estimate, magnitude, defects, own, coarse = _evaluate(function, active, chunk, rule)
        if not evaluations:
            value = np.zeros((owners, estimate.shape[1]), dtype=estimate.dtype)
            size, errors, inherited = np.zeros((3, *value.shape))
        evaluations += len(active.owner) * len(rule.nodes)
        change = np.zeros(defects.shape)
        if parent is not None:  # both rules may agree by accident, but not with the piece before
            change = np.tile(abs(estimate[: len(parent)] + estimate[len(parent) :] - parent), (2, 1))
        fresh = (active, estimate, magnitude, defects, own, change, coarse)
        pool = [_joined(old, new) for old, new in zip(pool, fresh, strict=True)] if pool else list(fresh)
        pending, estimate, magnitude, defects, own, change, coarse = pool
        owner = pending.owner
        totals = ((estimate, value), (magnitude, size), (defects + own, errors), (own, inherited))
        goal = np.maximum(allowed(*(_sum(owner, part, total) for part, total in totals)), TINY)[owner]
        worst = np.arange(len(owner)), (defects / goal).argmax(axis=-1)
        defect, noise = (defects / goal)[worst], (own / goal).max(axis=-1)
        # errors that the integrand brings with it are not halved
        relative = defects[worst] / np.maximum(magnitude[worst], TINY)
        pending = _watched(pending, relative, coarse | (defect < noise), len(fresh[0].owner))
        # what has been accepted as noise must not be made up for by all the others
        done = _accepted(pending, defect, np.maximum(1 - noticed, 0.1))
        rest = np.flatnonzero(~done)
        if room is not None and len(rest):
            rest = np.sort(
                rest[np.argsort(-defect[rest], kind="stable")[: max(0, int(room() / (2 * len(rule.nodes))))]]
            )
        if not left or not len(rest):
            defects = np.where(done[:, None], defects, np.maximum(UNKNOWN * defects, change))
            done, rest = np.full(len(done), True), rest[:0]
        for total, part in zip(
            (value, size, errors, inherited), (estimate, magnitude, defects + own, own), strict=True
        ):
            np.add.at(total, owner[done], part[done])
        np.add.at(error, owner[done], (defects.max(axis=-1, initial=0.0) + own.max(axis=-1, initial=0.0))[done])
        np.add.at(noticed, owner[done], defect[done])
        parent, active = estimate[rest], pending[rest].halved()
        done[rest] = True
        pool = [part[~done] for part in (pending, *pool[1:])]
    return Integral(value, error, size.max(axis=-1, initial=0.0), evaluations, errors, size, inherited)


def _relative(rtol: float, enough: Floats) -> Tolerance:
    """Return the tolerance of integrals whose components are measured by the largest of them."""

    def allowed(value: Any, size: Floats, error: Floats, inherited: Floats) -> Floats:
        return np.maximum(enough, max(rtol, ROUNDING) * size.max(axis=-1, initial=0.0))[:, None]

    return allowed


def _joined(a: Any, b: Any) -> Any:
    """Return two arrays, or the arrays of two batches of pieces, one after the other."""
    if isinstance(a, _Pieces):
        return _Pieces(
            **{name: np.concatenate([getattr(a, name), getattr(b, name)]) for name in a.__dataclass_fields__}
        )
    return np.concatenate([a, b])


def _evaluate(function: Integrand, pieces: _Pieces, chunk: int, rule: Rule) -> tuple[Any, ...]:
    """Return integral, integral of the absolute value, error, and inherited error of each piece and component.

    The last array tells which pieces are as narrow as floating-point numbers allow.
    """
    found = []
    for first in range(0, len(pieces.owner), chunk):
        part = pieces[first : first + chunk]
        x, slope = part.nodes(rule.nodes)
        values, errors = function(part.owner, x)
        weighted = rule.weights * slope
        errors = np.asarray(errors, dtype=float)
        errors = np.broadcast_to(errors[..., None] if errors.ndim == 2 else errors, values.shape)
        found.append(
            (
                np.einsum("nq,nqm->nm", weighted, values),
                np.einsum("nq,nqm->nm", weighted, abs(values)),
                _defects(slope, values, rule),
                np.einsum("nq,nqm->nm", weighted, errors),
                x[:, -1] - x[:, 0] < RESOLVED * np.finfo(float).eps * abs(x).max(axis=1),
            )
        )
    return tuple(np.concatenate(column) for column in zip(*found, strict=True))


def _defects(slope: Floats, values: Any, rule: Rule) -> Floats:
    """Return the error of each piece and component."""
    fine: Floats = np.linalg.norm((rule.difference * slope[:, None]) @ values, axis=1)
    if rule.coarser is None:
        return fine
    coarse = np.linalg.norm((rule.coarser * slope[:, None]) @ values, axis=1)
    return np.where(fine < FAST * coarse, SMOOTH, 1.0) * fine


def _sum(owner: Indices, values: Floats, start: Floats) -> Floats:
    """Return ``start`` plus the values of every owner."""
    total = start.copy()
    np.add.at(total, owner, values)
    return total


def _watched(pieces: _Pieces, relative: Floats, coarse: Any, fresh: int) -> _Pieces:
    """Return the pieces, the last of which are ``fresh``, with the relative defect of these and whether it has stalled.

    Halving a smooth piece gains digits, and around a kink, a step or a singular end it concentrates the defect in one
    half. Noise stays what it is relative to the integrand, in both.
    """
    old = len(relative) - fresh
    same = (relative < 1e-3) & (relative > 0.3 * pieces.relative) & (relative < 1.5 * pieces.relative)
    same[old:] &= np.roll(same[old:], fresh // 2)  # so of the other half
    stalled = np.where(coarse, STALLED, np.where(same, pieces.stalled + 1, 0))
    before = np.arange(len(relative)) < old
    return replace(
        pieces, relative=np.where(before, pieces.relative, relative), stalled=np.where(before, pieces.stalled, stalled)
    )


def _accepted(pieces: _Pieces, defect: Floats, allowed: Floats) -> NDArray[np.bool_]:
    """Return which pieces are good enough: all of an owner if their sum is, else those within half an equal share.

    So are those in which only noise is left, and the better half of too many.
    """
    owner = pieces.owner
    pending = np.bincount(owner, defect, minlength=len(allowed))
    number = np.maximum(np.bincount(owner, minlength=len(allowed)), 1)
    limit = np.where(number > PIECES, pending / number, allowed / number / 2)
    limit = np.where(pending <= allowed, np.inf, limit)
    return np.asarray((defect <= limit[owner]) | (pieces.stalled >= STALLED))
