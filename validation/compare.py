r"""Theory against microscopic calculation: predictions fed with measured input, error measures and fits."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kwant_spinjunc.arrays import Floats
from kwant_spinjunc.checks import finite_array
from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.scattering import Scattering
from kwant_spinjunc.theory.tunnelling import spin_factors_from_collinear


@dataclass(frozen=True)
class Fit:
    """A straight line through logarithms.

    Power n of y = A xⁿ or rate λ of y = A exp(λ x), A, largest |ln y - fit|, and the standard error of the exponent.
    """

    exponent: float
    prefactor: float
    residual: float
    error: float

    def __str__(self) -> str:
        return f"{self.exponent:.4g} ± {self.error:.1g}"

    def power(self, x: ArrayLike) -> Any:
        """Return A xⁿ of a fitted power law."""
        return self.prefactor * np.asarray(x) ** self.exponent


def _fit_line(x: Floats, log_y: Floats) -> Fit:
    if len(x) < 3:
        raise ArgumentError(f"Argument `x` must have at least 3 points to fit, but has {len(x)}.")
    design = np.stack([x, np.ones_like(x)], axis=-1)
    (slope, offset), *_ = np.linalg.lstsq(design, log_y, rcond=None)
    deviation = log_y - design @ [slope, offset]
    spread = np.sum((x - x.mean()) ** 2)
    if spread == 0:
        raise ArgumentError("Argument `x` must vary to fit a slope, but all its points are equal.")
    error = np.sqrt(np.sum(deviation**2) / (len(x) - 2) / spread)
    return Fit(float(slope), float(np.exp(offset)), float(abs(deviation).max()), float(error))


def _positive_points(x: ArrayLike, y: ArrayLike) -> tuple[Floats, Floats]:
    x, y = np.broadcast_arrays(finite_array("x", x), finite_array("y", y))
    if np.any(y <= 0):
        raise ArgumentError("Argument `y` must be positive to fit its logarithm, but has values <= 0. Use abs(y).")
    return x.ravel(), y.ravel()


def fit_power_law(x: ArrayLike, y: ArrayLike) -> Fit:
    """Fit y = A xⁿ to positive points by least squares of the logarithms.

    Raises
    ------
    ArgumentError
        Fewer than three points, or values that are not positive.

    Examples
    --------
    >>> fit = fit_power_law([1, 2, 4], [3, 12, 48])
    >>> round(fit.exponent, 12), round(fit.prefactor, 12)
    (2.0, 3.0)
    """
    x, y = _positive_points(x, y)
    if np.any(x <= 0):
        raise ArgumentError("Argument `x` must be positive to fit a power law, but has values <= 0.")
    return _fit_line(np.log(x), np.log(y))


def fit_exponential(x: ArrayLike, y: ArrayLike) -> Fit:
    """Fit y = A exp(λ x) to positive y by least squares of the logarithm, as `fit_power_law` does."""
    x, y = _positive_points(x, y)
    return _fit_line(x, np.log(y))


def relative_error(microscopic: ArrayLike, theory: ArrayLike, scale: ArrayLike | None = None) -> Any:
    """Return |theory - microscopic|/|scale|, with the microscopic value as scale by default.

    Where the scale is zero the error is zero if both agree exactly and infinite otherwise.
    """
    exact, model = np.asarray(microscopic, dtype=float), np.asarray(theory, dtype=float)
    size = abs(exact if scale is None else np.asarray(scale, dtype=float))
    difference = abs(model - exact)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference == 0, 0.0, difference / size)


def largest(values: Iterable[Any]) -> float:
    """Return the largest modulus of any element of several numbers or arrays; NaN if one is."""
    return float(np.max([np.max(abs(np.asarray(value)), initial=0.0) for value in values]))


def safe_limit(curves: Iterable[tuple[ArrayLike, ArrayLike]], tolerance: float) -> float:
    """Return the x below which every sample of all curves (x, error) stays within the tolerance.

    Between the last sample within and the first one beyond, the error is taken as c x with the larger c of the two: an
    upper bound wherever error/x is monotonic. Where no curve passes it is the largest sample; where the smallest sample
    of a curve passes already, no x is known to be safe and it is 0.

    Raises
    ------
    ArgumentError
        A value is not finite, or x not positive.
    """
    limits, largest = [], 0.0
    for abscissa, error in curves:
        x, y = finite_array("x", abscissa), abs(finite_array("error", error))
        if np.any(x <= 0):
            raise ArgumentError("Argument `curves` must have positive x, but has values <= 0.")
        order = np.argsort(x)
        x, y = x[order], y[order]
        largest = max(largest, float(x[-1]))
        beyond = np.flatnonzero(y > tolerance)
        if beyond.size:
            first = int(beyond[0])
            around = slice(max(first - 1, 0), first + 1)
            law = tolerance / float(np.max(y[around] / x[around]))
            limits.append(max(law, float(x[first - 1])) if first else 0.0)
    return min(limits, default=largest)


def spin_factors(parallel: Scattering, antiparallel: Scattering) -> Floats:
    """Return D_ss' of T_ss' = R_ss'² D_ss' from the two collinear junctions alone, shape (..., 2, 2).

    D_ss = T_ss at Φ = 0 and D_s,-s = T_s,-s at Φ = π; the other elements of the collinear T vanish.

    Raises
    ------
    ArgumentError
        An angle is not 0 or π, or energy and k of the two differ.
    """
    for name, scattering, angle in [("parallel", parallel, 0.0), ("antiparallel", antiparallel, np.pi)]:
        if abs(scattering.junction.angle - angle) > 1e-9:
            raise ArgumentError(
                f"Argument `{name}` must be a junction at {np.degrees(angle):.0f} degrees, "
                f"but its angle is {np.degrees(scattering.junction.angle):.6g}."
            )
    if parallel.energy != antiparallel.energy or not np.array_equal(parallel.k, antiparallel.k):
        raise ArgumentError(
            "Arguments `parallel` and `antiparallel` must be at the same energy and k, but are at "
            f"{parallel.energy}, {parallel.k} and {antiparallel.energy}, {antiparallel.k}."
        )
    return spin_factors_from_collinear(parallel.transmissions, antiparallel.transmissions)
