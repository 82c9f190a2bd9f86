"""Laws fitted to microscopic numbers: estimates, their standard errors and the misfit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import leastsq

from ...arrays import Floats

#: A parametrization is called valid when its largest misfit is below this share of what it describes.
TOLERANCE = 0.01


@dataclass(frozen=True)
class Estimate:
    """A number with its standard error, from the scatter of the data about the fitted law (0 without a fit)."""

    value: Any
    error: float = 0.0

    def __str__(self) -> str:
        value = f"{self.value:.6g}"
        return f"{value} ± {self.error:.1g}" if self.error else value


@dataclass(frozen=True, eq=False)
class Fit:
    """A law fitted to microscopic numbers."""

    law: str  #: The law, in words a person reads.
    estimates: Mapping[str, Estimate]  #: Name -> `Estimate`; ``fit["name"]`` is the value alone.
    residual: float  #: Largest |law - microscopic| divided by ``scale``.
    scale: str  #: What the misfit is relative to.
    points: int  #: Number of angles (or thicknesses) it rests on.
    #: Of the torque per current: largest misfit of its damping-like part alone, relative to the largest of that.
    residual_damping_like: float | None = None

    def __getitem__(self, name: str) -> Any:
        return self.estimates[name].value

    def is_valid(self, tolerance: float = TOLERANCE) -> bool:
        """Whether the law holds: its residual is at most ``tolerance``."""
        return bool(self.residual <= tolerance)

    def __str__(self) -> str:
        values = ", ".join(f"{name} = {estimate}" for name, estimate in self.estimates.items())
        verdict = "valid" if self.is_valid() else "NOT VALID"
        return f"{self.law}: {values}; residual {self.residual:.2g} of {self.scale}: {verdict}"


def least_squares_fit(
    model: Callable[[Floats], Floats],
    data: Floats,
    start: Sequence[float],
    slopes: Callable[[Floats], Floats] | None = None,
) -> tuple[Floats, Floats, Floats]:
    """Return parameters, their covariance and the misfits of a least-squares fit, all in the unit of the data.

    ``slopes`` returns ∂model/∂parameters, shape (data, parameters); by default it is taken numerically.
    """
    size: float = max(float(abs(data).max()), float(np.finfo(float).tiny))
    derivative = None if slopes is None else lambda x: slopes(x) / size
    x, _, info, *_ = leastsq(
        lambda x: (model(x) - data) / size, start, Dfun=derivative, full_output=True, xtol=1e-15, ftol=1e-15, gtol=1e-15
    )
    misfit = model(x) - data
    freedom = max(len(data) - len(x), 1)
    R = np.triu(info["fjac"].T[: len(x)])[:, np.argsort(info["ipvt"])]  # of the derivative's QR, columns in order
    covariance = np.linalg.pinv(R.T @ R) * (misfit @ misfit) / (freedom * size**2)
    return x, covariance, misfit


def standard_error(covariance: Floats, *gradient: Any) -> float:
    """Return the standard error of a number with this gradient with respect to the parameters fitted."""
    g = np.array(gradient)
    return float(np.sqrt(max(g @ covariance @ g, 0.0)))


def relative_misfit(misfit: Floats, size: float) -> float:
    """Return the largest misfit relative to ``size``; where there is nothing to describe there is no misfit."""
    worst = float(abs(misfit).max())
    return worst / size if size > 0 else (0.0 if worst == 0 else np.inf)
