r"""Many angles between two magnets from a few: what is smooth in x = sin²(θ/2) is interpolated where that is safe.

Probabilities depend on the angle through |R_+-|² = x only. T_ss/(1 - x), T_ss̄/x, R_ss̄/(x(1 - x)) and R_ss are analytic
in x; each round trip through the spacer adds an order, so that behind a barrier two or three Chebyshev nodes give all
angles. Where the coefficients do not fall fast enough every angle is solved for.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ...arrays import Floats

#: Nodes of the first attempt; the second has three times as many, these among them.
FEWEST = 3
#: Largest error, relative to the smallest value among the nodes (of R_ss: absolute), and how much less is asked of it.
ERROR, MARGIN = 1e-10, 30.0
#: Largest second coefficient, relative in the same way, from which on the third is not looked at: its square is less.
LINEAR = 1e-7
#: Coefficients below this share of the largest are rounding.
ROUNDING = 1e-13


def interpolated(probabilities: Callable[[float], Floats], x: Floats) -> Floats:
    """Return probabilities (..., 2, 2, 2, 2) at every x from 0 to 1, solving at as few as can be trusted.

    ``x``: |R_+-|² of every angle, shape (angles,).
    """
    solved: dict[float, Floats] = {}

    def at(points: Floats) -> Floats:
        for point in points:
            if float(point) not in solved:
                solved[float(point)] = probabilities(float(point))
        return np.array([solved[float(point)] for point in points])

    angles = len(set(x.tolist()))
    if angles > 2:
        nodes = _nodes(FEWEST)[:2]
        reduced = at(nodes) / _factors(nodes)
        slope = (reduced[1] - reduced[0]) / (nodes[1] - nodes[0])
        if relative_sizes(slope[None], reduced).max(initial=0.0) < LINEAR:
            return np.asarray((reduced[0] + slope * (x - nodes[0])[:, None, None, None, None]) * _factors(x))
    for count in (FEWEST, 3 * FEWEST):
        if count >= angles:
            break
        nodes = _nodes(count)
        reduced = at(nodes) / _factors(nodes)
        coefficients = _coefficients(reduced)
        error, decay = error_of(coefficients, reduced)
        if error < ERROR / MARGIN:
            values = _polynomial(x, coefficients)
            return np.asarray(values * _factors(x))
        if decay ** (3 * FEWEST) > ERROR / MARGIN:
            break
    return at(x)


def _nodes(count: int) -> Floats:
    """Return Chebyshev nodes of the first kind in (0, 1); those of ``count`` are among those of 3 ``count``."""
    angle = np.pi * (2 * np.arange(count) + 1) / (2 * count)
    return np.asarray(np.round((1 - np.cos(angle)) / 2, 15))


def _coefficients(values: Floats) -> Floats:
    """Return Chebyshev coefficients from values at `_nodes`, first axis."""
    count = len(values)
    order = np.arange(count)[:, None]
    angle = np.pi * (2 * np.arange(count) + 1) / (2 * count)
    transform = 2 / count * np.cos(order * (np.pi - angle))
    transform[0] /= 2
    return np.asarray(np.tensordot(transform, values, axes=1))


def _polynomial(x: Floats, coefficients: Floats) -> Floats:
    """Return the Chebyshev polynomial at every x, first axis."""
    order = np.arange(len(coefficients))
    terms = np.cos(order * np.arccos(np.clip(2 * x - 1, -1.0, 1.0))[:, None])
    return np.asarray(np.tensordot(terms, coefficients, axes=1))


def _factors(x: Floats) -> Floats:
    """Return what each probability has in front of a smooth function, shape (x, 2, 2, 2, 2)."""
    factors = np.ones((len(x), 2, 2, 2, 2))
    for s in (0, 1):
        for lead in (0, 1):
            factors[:, 1 - lead, s, lead, s] = 1 - x
            factors[:, 1 - lead, 1 - s, lead, s] = x
            factors[:, lead, 1 - s, lead, s] = x * (1 - x)
    return factors


def relative_sizes(coefficients: Floats, values: Floats) -> Floats:
    """Return coefficients relative to the smallest value among the nodes (of R_ss: absolute), of all that is not 0."""
    size = abs(coefficients)
    scale = abs(values).min(axis=0)
    for lead in (0, 1):
        for s in (0, 1):
            scale[lead, s, lead, s] = max(1.0, float(values[:, lead, s, lead, s].max()))
    used = scale > 0
    if (size[:, ~used] > 0).any():
        return np.full((len(size), 1), np.inf)
    return np.asarray((size / np.where(used, scale, 1.0))[:, used].reshape(len(size), -1))


def error_of(coefficients: Floats, values: Floats) -> tuple[float, float]:
    """Return the largest estimated relative error, and by what factor coefficients fall from one to the next."""
    ratios = relative_sizes(coefficients, values)
    if not ratios.size:
        return 0.0, 0.0
    if np.isinf(ratios).any():
        return np.inf, 1.0
    ratios = np.maximum(ratios, ROUNDING)
    # the last one, or what the two before it let expect of it: one that is small by accident does not deceive
    expected = ratios[-2] * ratios[-2] / ratios[-3]
    decay = np.maximum(ratios[-1] / ratios[-2], ratios[-2] / ratios[-3])
    decay = np.where(ratios[-1] <= 2 * ROUNDING, ratios[-2] / ratios[-3], decay)
    return float(np.maximum(ratios[-1], expected).max()), float(min(decay.max(), 1.0))
