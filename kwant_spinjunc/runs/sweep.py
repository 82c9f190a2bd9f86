r"""`sweep`: a family of junctions over parameter axes, returned as a labeled `xarray.Dataset`."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import kwant
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._version import __version__
from ..checks import finite, finite_array
from ..errors import ArgumentError, NoOpenChannelError, SpinjuncError
from ..model.junction import Junction
from ..scattering import Scattering
from ..scattering import scatter_quietly as scatter
from ..transport.bias import bias_response
from ..transport.linear import linear_response, tunneling_response
from .executors import open_pool, ordered
from .family import call_family, parameters_of, plain, source_digest

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["SweepError", "SweepInterrupted", "axis_attributes", "split_axes", "sweep"]

Variables = dict[str, tuple[tuple[str, ...], str, str]]

#: Of a linear-response sweep: name -> (dimensions behind the swept ones, unit, long name).
VARIABLES: Variables = {
    "probabilities": (
        ("lead_out", "spin_out", "lead_in", "spin_in"),
        "1",
        "scattering probability summed over modes",
    ),
    "modes": (("lead", "spin"), "1", "open channels"),
    "conductance": ((), "e^2/h per cell", "conductance"),
    "magnetization_current": (("lead",), "e^2/h per cell", "magnetization current per bias, along each lead's own m"),
    "spin_current": (("axis",), "e^2/h per cell", "Pauli-spin current through the spacer per bias"),
    "damping_like": (("magnet",), "e^2/h per cell", "damping-like torque per bias, as Pauli-spin flux"),
    "field_like": (("magnet",), "e^2/h per cell", "field-like torque per bias, as Pauli-spin flux"),
    "angle": ((), "rad", "angle between the magnets"),
    "unitarity_defect": ((), "1", "largest element of S†S - 1"),
    "continuity_defect": ((), "1", "largest violation of charge and spin continuity per unit flux"),
}

#: No band of a solid is as wide; beyond, integrals over the window overflow.
LARGEST_BIAS = 1e6
CURRENT = "e^2/h V per cell"
#: Of a sweep at finite bias.
BIAS_VARIABLES: Variables = {
    "current": ((), CURRENT, "charge (particle) current"),
    "magnetization_current": (("lead",), CURRENT, "magnetization current along each lead's own m"),
    "spin_current": (("axis",), CURRENT, "Pauli-spin current through the spacer, bias window"),
    "damping_like": (("magnet",), CURRENT, "damping-like torque, as Pauli-spin flux"),
    "field_like": (("magnet",), CURRENT, "field-like torque of the bias window, as Pauli-spin flux"),
    "equilibrium_field_like": (("magnet",), CURRENT, "field-like torque of the occupied states, as Pauli-spin flux"),
    "angle": ((), "rad", "angle between the magnets"),
    "error": ((), CURRENT, "estimated absolute error of the bias window"),
    "equilibrium_error": ((), CURRENT, "estimated absolute error of the torque of the occupied states"),
}

LABELS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("lead", "lead_in", "lead_out", "magnet"), ("left", "right")),
    **dict.fromkeys(("spin", "spin_in", "spin_out"), ("majority", "minority")),
    "axis": ("x", "y", "z"),
}


@dataclass(frozen=True)
class _Experiment:
    """What is done with every junction: along which inner axis, giving which variables."""

    axis: str
    points: NDArray[np.float64]
    variables: Variables
    observe: Callable[[Junction, Any], dict[str, Any]]
    vectorized: bool
    settings: dict[str, Any]

    @property
    def swept(self) -> dict[str, NDArray[Any]]:
        return {self.axis: self.points} if self.points.ndim else {}

    def runs(self, missing: NDArray[np.intp]) -> list[tuple[tuple[Any, ...], Any]]:
        """Return (index, points) of the solves that fill what is missing along the inner axis."""
        if not self.points.ndim:
            return [((), self.points[()])]
        if self.vectorized:
            return [((missing,), self.points[missing])]
        return [((index,), self.points[index]) for index in missing]


class SweepError(SpinjuncError):
    """A point of a sweep could not be solved; ``dataset`` holds what was finished, as in `SweepInterrupted`."""

    def __init__(self, message: str, dataset: xr.Dataset) -> None:
        super().__init__(message)
        self.dataset = dataset


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C during a sweep; ``dataset`` holds what was finished (the rest is NaN, ``attrs["complete"]`` is 0)."""

    def __init__(self, dataset: xr.Dataset) -> None:
        super().__init__("sweep interrupted")
        self.dataset = dataset


def sweep(
    family: Callable[..., Junction],
    *,
    energy: ArrayLike,
    bias: ArrayLike | None = None,
    temperature: float = 0.0,
    k: ArrayLike | Literal["average"] | None = None,
    solver: str = "halves",
    resume: xr.Dataset | None = None,
    progress: bool | None = None,
    workers: int = 1,
    executor: Executor | Callable[[], Executor] | None = None,
    **axes: Any,
) -> xr.Dataset:
    """Solve every junction of a family on a grid of parameters.

    Parameters
    ----------
    family
        A function of parameters that returns a `Junction`.
    energy
        One energy or a 1D array of them, in the junction's unit; the Fermi energy if a bias is given.
    bias
        V = µ_L - µ_R, one number or a 1D array, as an energy: currents and torques at finite bias (`bias_response`)
        instead of the linear response.
    temperature
        k_B T as an energy, for a finite bias.
    k
        In-plane wave vector (kx, kz) in 1/a, None for Γ, ``"average"`` for the Brillouin-zone average per unit cell.
    solver
        ``"halves"``, the exact fast engine (the default), or ``"kwant"``, the reference.
    resume
        An unfinished result of the same sweep: its finished points are kept.
    progress
        Show a progress bar; None shows it on a terminal.
    workers
        Processes on this machine; 1 solves in this process. The numbers do not depend on it.
    executor
        Any `concurrent.futures.Executor` instead, or a function that makes one. Junctions are made here and sent to it.
    **axes
        Parameters of the family by name: 1D arrays are swept and become dimensions in the order given, single values
        are fixed.

    Returns
    -------
    xarray.Dataset
        Every variable has ``units`` and ``long_name``; torques and J_M are those of a unit bias split evenly,
        µ_L = -µ_R = 1/2 (NaN for textures, which have no spacer). Points with no open channel have zero modes and zero
        currents.

    Raises
    ------
    ArgumentError
        Unknown parameter, axis that is not one-dimensional, disorder, or ``resume`` of another sweep.
    SweepInterrupted
        On Ctrl-C, with the unfinished dataset.
    SweepError
        A later point was refused or impossible; with the unfinished dataset.

    Examples
    --------
    >>> import numpy as np
    >>> import kwant_spinjunc as sj
    >>> def valve(theta=0.0):
    ...     iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    ...     return sj.Junction(sj.ferromagnet(**iron), [], sj.ferromagnet(**iron, m=sj.unit_vector(theta)))
    >>> data = sj.sweep(valve, energy=-1.0, theta=np.linspace(0, np.pi, 3), progress=False)
    >>> data.conductance.dims, data.conductance.attrs["units"]
    (('theta',), 'e^2/h per cell')
    >>> [abs(round(float(g), 10)) for g in data.conductance[[0, 2]]]
    [1.0, 0.0]
    """
    from tqdm import tqdm

    if not callable(family):
        raise ArgumentError(f"Argument `family` must be a function that returns a Junction, but is {family!r}.")
    outer, fixed = split_axes(axes)
    experiment = _experiment(energy, bias, temperature, k, solver)
    swept = {**outer, **experiment.swept}
    dataset = _empty_dataset(family, swept, fixed, experiment)
    if resume is not None:
        _adopt(dataset, resume)
    data = {name: dataset[name].values for name in experiment.variables}

    bar = tqdm(total=data["angle"].size, unit="point", disable=None if progress is None else not progress)
    waiting: deque[tuple[tuple[Any, ...], int]] = deque()
    refused: list[SpinjuncError] = []

    def tasks() -> Iterator[tuple[Junction, Any]]:
        """Yield what is to be solved, and note in ``waiting`` where it goes; stop at a junction that is refused."""
        for place in product(*(range(len(values)) for values in outer.values())):
            missing = np.flatnonzero(np.isnan(np.atleast_1d(data["angle"][place])))
            bar.update(experiment.points.size - len(missing))
            if not len(missing):
                continue
            values = {name: outer[name][index].item() for name, index in zip(outer, place, strict=True)}
            try:
                junction = call_family(family, **fixed, **values)
            except SpinjuncError as error:
                refused.append(error)
                return
            for at, points in experiment.runs(missing):
                waiting.append(((*place, *at), np.size(points)))
                yield junction, points

    try:
        with bar, open_pool(executor, workers) as pool:
            for found in ordered(pool, experiment.observe, tasks()):
                where, size = waiting.popleft()
                for name, value in found.items():
                    data[name][where] = value
                bar.update(size)
            for error in refused:
                raise error
    except KeyboardInterrupt:
        raise SweepInterrupted(dataset) from None
    except SpinjuncError as error:
        if np.isnan(data["angle"]).all():
            raise
        raise SweepError(f"{error} The points before it are kept.", dataset) from error
    dataset.attrs["complete"] = 1
    return dataset


def _experiment(energy: ArrayLike, bias: ArrayLike | None, temperature: float, k: Any, solver: str) -> _Experiment:
    """Return the linear response over energies, or the response at one Fermi energy over biases."""
    name, values = ("energy", energy) if bias is None else ("bias", bias)
    points = finite_array(name, values)
    if name == "bias" and np.any(abs(points) > LARGEST_BIAS):
        raise ArgumentError(
            f"Argument `bias` must be at most {LARGEST_BIAS:g} in size, but reaches {abs(points).max():g}. It is "
            "an energy in the unit of the hopping."
        )
    if points.ndim > 1:
        raise ArgumentError(f"Argument `{name}` must be a number or a 1D array, but has shape {points.shape}.")
    if k is not None and not isinstance(k, str) and finite_array("k", k).shape != (2,):
        raise ArgumentError(
            f"Argument `k` must be one vector (kx, kz), None or 'average', but its shape is {np.shape(k)}."
        )
    settings: dict[str, Any] = {"k": json.dumps(np.asarray(k).tolist() if k is not None else None), "solver": solver}
    if bias is None:
        if temperature != 0:
            raise ArgumentError(
                f"Argument `temperature` must be 0 without a bias, but is {temperature!r}. Give `bias`."
            )
        linear = partial(_linear, k=k, solver=solver)
        vectorized = solver == "halves" and not isinstance(k, str)
        return _Experiment("energy", points, VARIABLES, linear, vectorized, settings)
    if solver != "halves":
        raise ArgumentError(f"Argument `solver` must be 'halves' at finite bias, but is {solver!r}.")
    fermi_energy = finite("energy", energy)
    settings |= {"fermi_energy": fermi_energy, "temperature": finite("temperature", temperature)}
    at_bias = partial(_at_bias, fermi_energy=fermi_energy, temperature=temperature, k=k)
    return _Experiment("bias", points, BIAS_VARIABLES, at_bias, True, settings)


def split_axes(axes: Mapping[str, Any]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the swept parameters (1D arrays) and the fixed ones (single values) of keyword arguments.

    Raises
    ------
    ArgumentError
        An array is empty or has more than one dimension.

    Examples
    --------
    >>> split_axes({"height": [1.0, 2.0], "thickness": 4})
    ({'height': array([1., 2.])}, {'thickness': 4})
    """
    swept: dict[str, NDArray[Any]] = {}
    fixed: dict[str, Any] = {}
    for name, values in axes.items():
        if name in LABELS or name in VARIABLES or name in BIAS_VARIABLES:
            raise ArgumentError(
                f"Argument `{name}` must not be swept or set: a variable or dimension of the result has that name. "
                "Rename the parameter of the family."
            )
        array = np.asarray(values)
        if array.ndim == 0:
            fixed[name] = values
        elif array.ndim == 1 and len(array):
            swept[name] = array
        else:
            raise ArgumentError(
                f"Argument `{name}` must be a value or a non-empty 1D array, but has shape {array.shape}."
            )
    return swept, fixed


def _empty_dataset(
    family: Callable[..., Junction], swept: dict[str, NDArray[Any]], fixed: dict[str, Any], experiment: _Experiment
) -> xr.Dataset:
    """Return the dataset full of NaN, so that what is unfinished can be told from what is not."""
    import xarray as xr

    shape = tuple(len(values) for values in swept.values())
    variables = {}
    for name, (dims, units, long_name) in experiment.variables.items():
        trailing = tuple(len(LABELS[dim]) for dim in dims)
        variables[name] = xr.Variable(
            (*swept, *dims), np.full(shape + trailing, np.nan), {"units": units, "long_name": long_name}
        )
    used = sorted({dim for dims, _, _ in experiment.variables.values() for dim in dims})
    coords: dict[str, Any] = {dim: list(LABELS[dim]) for dim in used}
    for name, values in swept.items():
        coords[name] = xr.Variable((name,), values, axis_attributes(name))
    if not experiment.points.ndim:
        coords[experiment.axis] = xr.Variable((), float(experiment.points), axis_attributes(experiment.axis))
    attributes = {
        "title": f"sweep of {getattr(family, '__name__', 'family')}",
        "family": getattr(family, "__name__", "family"),
        "fixed_parameters": json.dumps(parameters_of(family, swept, fixed), default=plain, sort_keys=True),
        "family_source": source_digest(family),
        **experiment.settings,
        "kwant_spinjunc": __version__,
        "kwant": kwant.__version__,
        "complete": 0,
    }
    return xr.Dataset(variables, coords, attributes)


def axis_attributes(name: str) -> dict[str, str]:
    """Return ``units`` and ``long_name`` of a swept parameter."""
    if name in ("theta", "phi"):
        return {"units": "rad", "long_name": f"angle {name}"}
    units = {
        "energy": "unit of the hopping",
        "bias": "unit of the hopping",
        "thickness": "planes",
        "spacer": "planes",
        "buffer": "planes",
    }
    return {"units": units.get(name, "unit of the family"), "long_name": name.replace("_", " ")}


def _adopt(dataset: xr.Dataset, earlier: xr.Dataset) -> None:
    """Copy the finished points of an earlier run of the same sweep, or say how it differs."""
    if not hasattr(earlier, "data_vars"):
        raise ArgumentError(f"Argument `resume` must be the dataset of a sweep, but is {type(earlier).__name__}.")
    for key in dataset.attrs:
        if key != "complete" and earlier.attrs.get(key) != dataset.attrs[key]:
            raise ArgumentError(
                f"Argument `resume` must be the same sweep, but its {key} is {earlier.attrs.get(key)!r} "
                f"and not {dataset.attrs[key]!r}."
            )
    for name, coordinate in dataset.coords.items():
        same = name in earlier.coords and earlier[name].shape == coordinate.shape
        if not same or not np.array_equal(earlier[name].values.astype(coordinate.dtype), coordinate.values):
            raise ArgumentError(f"Argument `resume` must be the same sweep, but its axis `{name}` differs.")
    for name in dataset.data_vars:
        dataset[name].values[...] = earlier[name].values


def _linear(junction: Junction, energy: Any, *, k: Any, solver: str) -> dict[str, Any]:
    """Return the linear response of one junction; energies without any open channel carry no current."""
    junction.refuse_disorder()  # one sample is no average, whichever solver takes it
    try:
        s: Scattering = scatter(junction, energy, k, solver=solver)
    except NoOpenChannelError:
        return {**dict.fromkeys(VARIABLES, 0.0), "angle": junction.angle}
    if junction.cut is None:  # a texture: no spacer, and no one torque on each of two magnets
        shape = s.probabilities.shape[:-4]
        nothing = {name: np.full((*shape, n), np.nan) for name, n in [("spin_current", 3), ("damping_like", 2)]}
        return {
            "probabilities": s.probabilities,
            "modes": s.modes,
            "conductance": s.conductance,
            "magnetization_current": tunneling_response(s, 0.5, -0.5).magnetization,
            **nothing,
            "field_like": nothing["damping_like"],
            "angle": junction.angle,
            "unitarity_defect": s.unitarity_defect,
            "continuity_defect": s.continuity_defect,
        }
    response = linear_response(s, 0.5, -0.5)
    return {
        "probabilities": s.probabilities,
        "modes": s.modes,
        "conductance": s.conductance,
        "magnetization_current": response.magnetization,
        "spin_current": response.spin_current,
        "damping_like": response.torques.damping_like,
        "field_like": response.torques.field_like,
        "angle": junction.angle,
        "unitarity_defect": s.unitarity_defect,
        "continuity_defect": s.continuity_defect,
    }


def _at_bias(junction: Junction, bias: Any, *, fermi_energy: float, temperature: float, k: Any) -> dict[str, Any]:
    """Return currents and torques of one junction at finite bias."""
    response = bias_response(junction, bias, fermi_energy=fermi_energy, temperature=temperature, k=k, equilibrium=True)
    below = response.equilibrium
    return {
        "current": response.current,
        "magnetization_current": response.magnetization,
        "spin_current": response.spin_current,
        "damping_like": response.torques.damping_like,
        "field_like": response.torques.field_like,
        "equilibrium_field_like": 0.0 if below is None else below.torques.field_like,
        "angle": junction.angle,
        "error": response.error,
        "equilibrium_error": 0.0 if below is None else below.error,
    }
