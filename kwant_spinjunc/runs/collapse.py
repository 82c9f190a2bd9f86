r"""`collapse`: which quantity the error of the phenomenology follows, over all points of a validity map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..errors import ArgumentError

if TYPE_CHECKING:
    import xarray as xr

#: Errors above this part of the current are resolved to a few percent: probabilities are accurate to 12 digits.
RESOLVED = 1e-10


@dataclass(frozen=True)
class Collapse:
    """How well a power law of one quantity (or two) describes an error over a whole map."""

    candidate: str  #: What the error is fitted with.
    exponents: tuple[float, ...]  #: Power of each quantity in the candidate.
    angle_exponent: float  #: Power of sin Φ, fitted too; 0 for the leading order, which knows the angle.
    prefactor: float  #: Error where all quantities are 1.
    #: Typical factor between error and fit, exp of the standard deviation of the logarithm: 1 is a perfect collapse.
    scatter: float
    worst: float  #: Largest such factor.
    points: int  #: Number of points fitted.

    def __str__(self) -> str:
        powers = ", ".join(f"{exponent:.3f}" for exponent in self.exponents)
        return (
            f"{self.candidate}: power {powers}, scatter × {self.scatter:.3g} (worst × {self.worst:.3g}), "
            f"{self.points} points"
        )


#: Candidates for what controls an error: name -> variables multiplied in the fitted power law.
CANDIDATES = {
    "conductance": ("conductance",),
    "transmission": ("transmission",),
    "decay": ("decay",),
    "transmission and decay": ("transmission", "decay"),
    "factorization defect": ("factorization_defect",),
    "round trip": ("round_trip",),
}


def collapse(*datasets: xr.Dataset, error: str = "tunnelling", tunneling: float = 0.1) -> tuple[Collapse, ...]:
    """Ask which quantity an error follows over all points of one map or several together, best first.

    ``*datasets``: results of `validity_map`.
    ``tunneling``: only points with a transmission below this are used.

    **Result**: Sorted by scatter. Every candidate may use a power of sin Φ besides its own, but for the leading order.

    Examples
    --------
    >>> from functools import partial
    >>> import numpy as np
    >>> import kwant_spinjunc as sj
    >>> from kwant_spinjunc.runs.validity import validity_map
    >>> def junction(theta=1.0, height=2.0, right=2.0):
    ...     iron = dict(onsite=1.0, hopping=1.0)
    ...     return sj.Junction(
    ...         sj.ferromagnet(**iron, splitting=1.0),
    ...         [sj.barrier(onsite=1.0 + height, hopping=1.0, thickness=4)],
    ...         sj.ferromagnet(**iron, splitting=right, m=sj.unit_vector(theta)))
    >>> axes = {"height": np.linspace(2, 4, 4), "theta": [0.5, 1.5, 2.5], "right": [0.5, 2.0]}
    >>> best = collapse(validity_map(junction, energy=0.0, progress=False, **axes))[0]
    >>> best.candidate, round(best.exponents[0], 2), round(best.scatter, 2)
    ('leading order', 1.0, 1.0)
    """
    if not datasets or any(error not in data for data in datasets):
        raise ArgumentError(f"Argument `datasets` must be validity maps of {error!r}, but one has no such error.")
    own = f"{error}_leading_order"
    names = {error, own, "angle", *(name for group in CANDIDATES.values() for name in group)}
    values = {name: np.concatenate([data[name].values.ravel() for data in datasets]) for name in names}
    sine = np.sin(values["angle"])
    chosen = (values[error] > RESOLVED) & (sine > 1e-9) & (values["transmission"] < tunneling)
    fits = [
        _fit(name, values[error], [values[variable] for variable in group], sine, chosen)
        for name, group in CANDIDATES.items()
    ]
    fits.append(_fit("leading order", values[error], [values[own]], None, chosen))
    found = [fit for fit in fits if fit is not None]
    if not found:
        raise ArgumentError("Argument `datasets` must have ten points with a resolved error, but have fewer.")
    return tuple(sorted(found, key=lambda fit: fit.scatter))


def _fit(
    name: str, error: Floats, quantities: Sequence[Floats], sine: Floats | None, chosen: NDArray[np.bool_]
) -> Collapse | None:
    """Fit ln error linearly to the logarithms of the quantities and of sin Φ."""
    columns = [*quantities] if sine is None else [*quantities, sine]
    usable = chosen & np.all([(column > 0) & np.isfinite(column) for column in columns], axis=0)
    points = int(usable.sum())
    if points < 10:
        return None
    design = np.stack([*(np.log(column[usable]) for column in columns), np.ones(points)], axis=-1)
    target = np.log(error[usable])
    solution, *_ = np.linalg.lstsq(design, target, rcond=None)
    deviation = target - design @ solution
    count = len(quantities)
    return Collapse(
        candidate=name,
        exponents=tuple(float(x) for x in solution[:count]),
        angle_exponent=0.0 if sine is None else float(solution[count]),
        prefactor=float(np.exp(solution[-1])),
        scatter=float(np.exp(deviation.std())),
        worst=float(np.exp(abs(deviation).max())),
        points=points,
    )
