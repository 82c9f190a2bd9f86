"""`ensembles`: averages over disorder at every point of a grid of parameters, one labeled table with their errors."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from ..checks import finite, finite_array, instance, refuse_empty
from ..errors import ArgumentError, SpinjuncError
from ..model.junction import Junction
from ..quantities import Quantity, dataset
from .averages import QUANTILES, Ensemble
from .ensemble import ensemble
from .family import call_family, check_family, facts_of, units_of
from .realizations import SETTINGS, JunctionProblem
from .sweep import SweepError, SweepInterrupted
from .tables import points_of, split_axes

if TYPE_CHECKING:
    import xarray as xr

#: What every point tells of its samples, which differs from point to point.
COUNTS = {
    "realizations": "realizations, the failed ones included",
    "failed": "realizations that could not be solved",
    "lost": "realizations neither solved nor failed",
    "relative_error": "largest standard error per mean of the quantity that is watched",
}


def ensembles(
    family: Callable[..., Junction],
    energy: float = 0.0,
    parameters: Mapping[str, Any] = MappingProxyType({}),
    *,
    angles: ArrayLike | None = None,
    folder: str | Path | None = None,
    **settings: Any,
) -> xr.Dataset:
    """Average a family of disordered junctions over its disorder at every point of a grid.

    **Result**: That of `Ensemble.to_dataset`, the swept parameters as leading axes of every variable: means by the
    names of the quantities, ``_error`` (standard error), ``_std``, ``_quantile`` and so on; and ``realizations``,
    ``failed``, ``lost``, ``relative_error`` of every point.

    Parameters
    ----------
    family
        A function of parameters that returns a `Junction`.
    energy
        Energy E in the junction's unit.
    parameters
        Of the family by name, as of `sweep`.
    angles
        Angles Φ (rad) between the magnets, all solved with every sample (see ``m_right`` of `ensemble`): a dimension
        ``direction``.
    folder
        Where the samples are kept, a store for every point, known by all that its samples depend on: a run that is
        repeated goes on, and a finer grid solves its new points only. None keeps nothing.
    **settings
        Of `ensemble`: ``cross_section``, ``boundary``, ``realizations``, ``rtol``, ``quantity``, ``seed``, ``torques``,
        ``profiles``, ``workers``, ``executor``, ``solver``, ``progress`` and so on. All points have the same seed, so
        that differences between them have less noise than each.

    Raises
    ------
    SweepInterrupted
        On Ctrl-C, with the points that are finished; their samples and those of the last one are in the folder.
    SweepError
        A later point was refused, with the points before it.

    Examples
    --------
    >>> import kwant_spinjunc as sj
    >>> def wire(width=1.0):
    ...     copper = dict(onsite=0.0, hopping=1.0, in_plane_hopping=1.0)
    ...     dirty = sj.normal_metal(**copper, thickness=3, disorder=[sj.Anderson(width=width)])
    ...     return sj.Junction(sj.normal_metal(**copper), [dirty], sj.normal_metal(**copper))
    >>> choices = dict(cross_section=(2, 2), realizations=10, torques=False, progress=False)
    >>> data = sj.ensembles(wire, 0.5, {"width": [0.5, 2.0]}, **choices)
    >>> data.conductance.dims, data.conductance_error.attrs["units"], data.realizations.values.tolist()
    (('width',), 'e^2/h of 4 cells', [10, 10])
    """
    check_family(family)
    instance("parameters", parameters, Mapping, "It maps the family's parameters to values.")
    energy = finite("energy", energy)
    swept, fixed = split_axes(parameters)
    if not swept:
        raise ArgumentError("Argument `parameters` must have an array to sweep, but has none. Use `ensemble`.")
    for name in ("store", "m_right"):
        if name in settings:
            raise ArgumentError(f"Argument `{name}` must be left out. Give `folder` or `angles`.")
    turned = None if angles is None else finite_array("angles", angles, "(directions,)")
    refuse_empty("Argument `angles`", turned)
    facts = {"title": "ensemble averages", **facts_of(family, swept, fixed), "energy": energy}
    points: dict[tuple[int, ...], xr.Dataset] = {}
    grid = partial(_grid, points, swept, turned, facts, units_of(family))
    for place, values in points_of(swept):
        try:
            junction = call_family(family, **fixed, **values)
            directions = None if turned is None else junction.directions_at(turned)
            store = _store_of(folder, junction, energy, {**settings, "m_right": directions})
            with ensemble(junction, energy, m_right=directions, store=store, **settings) as result:
                points[place] = _point(result, next(iter(points.values()), None))
        except KeyboardInterrupt:
            raise SweepInterrupted(grid()) from None
        except SpinjuncError as error:
            if not points:
                raise
            raise SweepError(f"{error} The points before it are kept.", grid()) from error
    return grid()


def _store_of(folder: str | Path | None, junction: Junction, energy: float, settings: dict[str, Any]) -> Path | None:
    """Return the file of a point's samples, named by all that they depend on."""
    if folder is None:
        return None
    place = Path(folder)
    try:
        place.mkdir(exist_ok=True)
    except OSError as error:
        raise ArgumentError(
            f"Argument `folder` must be a folder that can be made, but {str(folder)!r} cannot ({error.strerror})."
        ) from None
    own: Any = {name: value for name, value in settings.items() if name in SETTINGS}
    identity = JunctionProblem.of(junction, energy, **own).identity
    return place / f"{hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]}.sqlite"


def _point(result: Ensemble, first: xr.Dataset | None) -> xr.Dataset:
    """Return the table of a point, its counts as variables, or refuse one that does not fit into a grid."""
    point = result.to_dataset(QUANTILES)
    for name, words in COUNTS.items():
        point[name] = ((), point.attrs.pop(name), {"units": "1", "long_name": words})
    for variable in point.data_vars.values():
        if first is not None and variable.shape != first[variable.name].shape:
            raise ArgumentError(
                f"Argument `parameters` must leave `{variable.name}` its shape, but that changes with them: profiles "
                "need the same planes. Use profiles=False."
            )
    return point


def _grid(
    points: Mapping[tuple[int, ...], xr.Dataset],
    swept: Mapping[str, Any],
    turned: Any,
    facts: dict[str, Any],
    units: dict[str, str],
) -> xr.Dataset:
    """Return the tables of points as one; what is missing is NaN."""
    first: Any = next(iter(points.values()), None)
    shape = [len(axis) for axis in swept.values()]
    complete = len(points) == math.prod(shape)
    schema, values = {}, {}
    for name, own in {} if first is None else first.data_vars.items():
        whole = np.full((*shape, *own.shape), np.nan)
        for place, point in points.items():
            whole[place] = point[name].values
        schema[name], values[name] = Quantity(own.dims, **own.attrs), whole.astype(own.dtype) if complete else whole
    labels = {} if first is None else {name: axis.values for name, axis in first.coords.items()}
    if turned is not None:
        labels["direction"] = turned
    attributes = {} if first is None else first.attrs
    return dataset(schema, values, swept, {**attributes, **facts, "complete": int(complete)}, labels, units)
