r"""`sweep`: a family of junctions over parameter axes, returned as a labeled `xarray.Dataset`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._version import PHYSICS, __version__
from ..checks import finite, finite_array, number_or_axis, positive, refusal, shape_of
from ..costs import announced
from ..crystals.scatter import RTOL as CRYSTAL_RTOL
from ..devices.device import Device
from ..errors import ArgumentError, BarrierWarning, NoOpenChannelError, SpinjuncError, warn
from ..model.junction import Junction
from ..model.problem import Problem
from ..optional import version
from ..quantities import LABELS, Quantity, quantities
from ..scattering import Scattering, conducting_barrier
from ..scattering import scatter_quietly as scatter
from ..transport.bias import bias_response
from ..transport.derivatives import collinear_conductances, ratio
from ..transport.linear import linear_response, tunneling_response
from . import systems
from .executors import ExecutorError, available_workers, open_pool, ordered
from .family import call_any_family, check_family, facts_of, shipped, units_of
from .files import verify_table
from .tables import TableFile, points_of, split_axes, table

if TYPE_CHECKING:
    import xarray as xr

#: Of a linear-response sweep.
VARIABLES = quantities(
    "probabilities modes conductance tmr magnetization_current spin_current damping_like field_like angle "
    "unitarity_defect continuity_defect",
    "e^2/h per cell",
    " per bias",
)
#: Of a sweep at finite bias, whose currents have the unit of its energies.
BIAS_NAMES = (
    "current magnetization_current spin_current damping_like field_like equilibrium_field_like angle error "
    "equilibrium_error"
)

#: Names that no parameter of a family can have.
TAKEN = ("energy", "temperature", "k", "solver", "rtol", "resume", "progress", "workers", "executor", "turns", "behind")
#: No band of a solid is as wide; beyond, integrals over the window overflow.
LARGEST_BIAS = 1e6
#: Errors of integrals unless others are asked for: of junctions and of Kwant systems at finite bias.
BIAS_RTOL, CURRENT_RTOL = 1e-8, 1e-6
#: What tells a finished point, entered last.
MARKERS = ("error", "unitarity_defect")
#: Seconds after which a progress bar appears.
PATIENCE = 2.0
#: Points of the inner axis that are solved, committed and kept together.
CHUNK, BIAS_CHUNK = 4096, 16


@dataclass(frozen=True)
class _Experiment:
    """What is done with every junction: along which inner axis, giving which variables."""

    axis: str
    points: NDArray[np.float64]
    variables: dict[str, Quantity]
    observe: Callable[[Any, Any], dict[str, Any]]
    settings: dict[str, Any]
    chunk: int
    labels: Mapping[str, Sequence[Any]] = field(default_factory=lambda: LABELS)
    follows: str = ""

    @property
    def marker(self) -> str:
        """The variable that tells a finished point, entered last."""
        return next(name for name in MARKERS if name in self.variables)

    @property
    def swept(self) -> dict[str, NDArray[Any]]:
        return {self.axis: self.points} if self.points.ndim else {}

    def runs(self, missing: NDArray[np.bool_]) -> list[tuple[tuple[Any, ...], Any]]:
        """Return (index, points) of the solves that fill what is missing along the inner axis.

        Chunks begin at the same places whatever is missing, so that the numbers have the same bits.
        """
        if not self.points.ndim:
            return [((), self.points[()])] if missing.any() else []
        if self.chunk == 1:
            return [((index,), self.points[index]) for index in np.flatnonzero(missing)]
        starts = range(0, len(self.points), self.chunk)
        parts = [slice(start, start + self.chunk) for start in starts]
        return [((part,), self.points[part]) for part in parts if missing[part].any()]


def finished(dataset: xr.Dataset) -> tuple[int, int]:
    """Return how many points of a sweep are finished, and how many it has."""
    marker = dataset[next(name for name in MARKERS if name in dataset)]
    return int(np.isfinite(marker.values).sum()), marker.size


class SweepError(SpinjuncError):
    """A point of a sweep could not be solved; ``dataset`` holds what was finished, as in `SweepInterrupted`."""

    def __init__(self, message: str, dataset: xr.Dataset) -> None:
        super().__init__(message, dataset)
        self.dataset = dataset

    def __str__(self) -> str:
        return str(self.args[0])


class SweepInterrupted(KeyboardInterrupt):
    """Ctrl-C during a sweep; ``dataset`` holds what was finished (the rest is NaN, ``attrs["complete"]`` is 0)."""

    def __init__(self, dataset: xr.Dataset) -> None:
        super().__init__(dataset)
        self.dataset = dataset

    def __str__(self) -> str:
        return "sweep interrupted"


def sweep(
    family: Callable[..., Any],
    *,
    energy: ArrayLike = 0.0,
    bias: ArrayLike | None = None,
    temperature: float = 0.0,
    k: ArrayLike | Literal["average"] | None = None,
    solver: str | None = None,
    workers: int | None = 1,
    executor: Executor | Callable[[], Executor] | None = None,
    resume: xr.Dataset | str | Path | TableFile | None = None,
    progress: bool | None = None,
    **axes: Any,
) -> xr.Dataset:
    """Solve every junction, or Kwant system, of a family on a grid of parameters.

    **Result**: Every variable has ``units`` and ``long_name``; torques and J_M are those of a unit bias split evenly,
    µ_L = -µ_R = 1/2 (NaN for textures, which have no spacer). Points with no open channel have zero modes and zero
    currents. Of Kwant systems without a k there are fluxes through named cuts and torques on named magnets. Raises
    `SweepInterrupted` on Ctrl-C, `SweepError` where a later point was refused or failed, with the unfinished dataset.

    Parameters
    ----------
    family
        A function of parameters that returns a `Junction`, or a `Device` or finalized Kwant system, which takes ``k``
        if it is periodic in its plane. With a parameter ``bias`` it follows the bias.
    energy
        One energy or a 1D array of them, in the junction's unit; the Fermi energy if a bias is given.
    bias
        V = µ_L - µ_R, one number or a 1D array, as an energy: currents and torques at finite bias (`bias_response`)
        instead of the linear response. Of Kwant systems (`current_voltage`) leads 0, 1 are at E_F ± V/2, others at E_F.
    temperature
        k_B T as an energy, for a finite bias.
    k
        In-plane wave vector (kx, kz) in 1/a, None for Γ, ``"average"`` for the Brillouin-zone average per unit cell.
    solver
        ``"halves"``, the exact fast engine (the default), or ``"kwant"``, the reference.
    turns, behind : array_like, str
        Of Kwant systems: angles by which all spins behind a named cut turn, axis ``turn`` of the results (`scatter`):
        probabilities and, but for averages, the flux through the cut and torques on both sides; at a bias currents and
        torques in the potential of the Device (`bias_response`), at a k or averaged.
    rtol : float
        Relative error of averages and of integrals over a bias; None for that of `scatter`, `bias_response` (1e-8) or
        `current_voltage` (1e-6) and averages of Kwant systems (1e-4).
    resume
        An unfinished result of the same sweep, whose finished points are kept; or the path of a NetCDF file: the sweep
        goes on from it if it exists, and brings it and a journal beside it up to date while it runs, so that a process
        that is killed loses what it was solving only.
    progress
        Show a progress bar; None shows it on a terminal, after two seconds.
    workers
        Processes on this machine; 1 solves in this process. The numbers do not depend on it.
    executor
        Any `concurrent.futures.Executor` instead, or a function that makes one. Junctions are made here and sent to it;
        Kwant systems are made there, by a family at the top of a file.
    **axes
        Parameters of the family by name: 1D arrays are swept and become dimensions in the order given, single values
        are fixed.

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
    check_family(family, TAKEN)
    rtol, turned = axes.pop("rtol", None), systems.Turned.taken(axes)
    outer, fixed = split_axes(axes)
    kept = TableFile(resume, "resume") if isinstance(resume, (str, Path)) else resume
    file = kept if isinstance(kept, TableFile) else None
    first = None if _goes_on_with_junctions(kept) else first_of(family, axes, bias)
    experiment = _experiment(family, first, energy, bias, temperature, k, solver, rtol, turned)
    sent = shipped(family) if isinstance(first, Device) and (workers != 1 or executor is not None) else None
    dataset = _empty_dataset(family, {**outer, **experiment.swept}, fixed, experiment)
    earlier = kept if file is None else file.earlier(dataset.nbytes)
    if earlier is not None:
        _adopt(dataset, earlier, "resume" if file is None else file.name)
    new = file is not None and not file.exists
    filling = _Filling(dataset, experiment, outer, fixed, family, first, file, sent)
    with nullcontext() if file is None else file.filling(dataset, filling.marker.shape):
        try:
            # by which it is known again; what it replaces stays until there is a point
            replacing = file is not None and file.fresh and not new
            filling.save(force="system" in experiment.settings and not replacing)
            filling.fill(workers, executor, progress)
        except KeyboardInterrupt:
            filling.save(force=True)
            raise SweepInterrupted(dataset) from None
        except SpinjuncError as error:
            if not finished(dataset)[0]:
                if file is not None and new:
                    file.discard()
                raise
            filling.save(force=True)
            raise SweepError(f"{error} The points before it are kept.", dataset) from error
        dataset.attrs["complete"] = 1
        filling.save(force=True)
    return dataset


@dataclass
class _Filling:
    """A table and what fills it."""

    dataset: xr.Dataset
    experiment: _Experiment
    outer: dict[str, NDArray[Any]]
    fixed: dict[str, Any]
    family: Callable[..., Any]
    first: Any
    file: TableFile | None
    #: The family as other processes call it, who make its Kwant systems themselves; None: they are made here.
    sent: Callable[..., Any] | None = None

    def __post_init__(self) -> None:
        self.data = {name: self.dataset[name].values for name in self.experiment.variables}
        self.marker = self.data[self.experiment.marker]
        self.refused: list[SpinjuncError] = []
        self.warned = False

    def fill(self, workers: int | None, executor: Any, progress: bool | None) -> None:
        """Solve what is missing, in order; raise what refused a junction after all that was before it."""
        from tqdm import tqdm

        options: dict[str, Any] = (
            {"disable": None, "delay": PATIENCE} if progress is None else {"disable": not progress}
        )
        bar = tqdm(total=self.marker.size, unit="point", desc=self.foretold(workers, executor) or None, **options)
        bar.update(int(np.isfinite(self.marker).sum()))
        observe: Callable[..., Any] = self.experiment.observe
        if self.sent is not None:
            observe = partial(systems.observe_made, self.sent, observe, systems.this_process())
        with bar, open_pool(executor, workers) as pool:
            for where, found in ordered(pool, observe, self.tasks()):
                if self.sent is not None:
                    found = self.told(found)
                before = int(np.isnan(self.marker[where]).sum())
                self.enter(where, found)
                bar.update(before)
                self.save()
        for error in self.refused:
            raise error

    def foretold(self, workers: int | None, executor: Any) -> str:
        """Return how long what is missing over a bias will take, like the farthest and the middle one of the first."""
        settings, missing = self.experiment.settings, int(np.isnan(self.marker).sum())
        long = isinstance(self.first, Device) or json.loads(settings["k"]) == "average"
        if self.experiment.axis != "bias" or not long or missing < 2 or self.first is None:
            return ""
        biases = np.sort(abs(np.atleast_1d(self.experiment.points)))
        fresh: dict[str, Any] = {"told": set()} if isinstance(self.first, Device) else {}
        like = [partial(self.experiment.observe, self.first, V, **fresh) for V in biases[[-1, len(biases) // 2]]]
        return announced(like, missing, (workers or available_workers()) if executor is None else 1)

    def tasks(self) -> Iterator[tuple[tuple[Any, ...], tuple[Any, Any]]]:
        """Yield where a result goes and what is to be solved; stop at a junction that is refused."""
        follows = self.experiment.follows
        for place, values in points_of(self.outer):
            made: Any = None if any(place) else self.first
            for at, points in self.experiment.runs(np.isnan(np.atleast_1d(self.marker[place]))):
                parameters = {**self.fixed, **values, **({follows: points} if follows else {})}
                if self.sent is not None:
                    yield (*place, *at), (parameters, points)
                    continue
                try:
                    if made is None or follows:
                        made = call_any_family(self.family, parameters)
                    systems.refuse_mixed(made, "system" in self.experiment.settings)
                except SpinjuncError as error:
                    self.refused.append(error)
                    return
                self.look_at(made, values)
                yield (*place, *at), (made, points)

    def look_at(self, junction: Any, values: dict[str, Any]) -> None:
        """Warn of the first junction whose barrier conducts; a device does it itself."""
        settings = self.experiment.settings
        if self.warned or isinstance(junction, Device):
            return
        energy = settings.get("energy", self.experiment.points)
        message = conducting_barrier(Problem.of(junction, energy, json.loads(settings["k"])))
        if message is not None:
            self.warned = True
            at = ", ".join(f"{name}={value:.6g}" for name, value in values.items() if isinstance(value, float))
            warn(message + (f" First at {at}." if at else ""), BarrierWarning)

    def told(self, answer: Any) -> Any:
        """Return what another process found, having given its warnings, of a conducting barrier the first only."""
        found, caught = answer if isinstance(answer, tuple) and len(answer) == 2 else (answer, ())
        for warning in caught:
            if not (isinstance(warning, BarrierWarning) and self.warned):
                self.warned |= isinstance(warning, BarrierWarning)
                warn(warning)
        return found

    def enter(self, where: tuple[Any, ...], found: Any) -> None:
        """Enter a result, the marker last, by which a finished point is known."""
        try:
            values = {name: np.asarray(found[name], dtype=float) for name in self.experiment.variables}
            for name, value in values.items():
                np.broadcast_to(value, self.data[name][where].shape)
        except (TypeError, KeyError, ValueError, IndexError) as error:
            raise ExecutorError(
                f"A task of the sweep must give {', '.join(self.experiment.variables)}, but gave something else "
                f"({type(error).__name__}: {error})."
            ) from error
        for name in sorted(values, key=lambda name: name == self.experiment.marker):
            self.data[name][where] = values[name]
        if self.file is not None:
            self.file.note(where)

    def save(self, force: bool = False) -> None:
        """Bring the file up to date."""
        if self.file is not None:
            self.file.save(self.dataset, force)


def _goes_on_with_junctions(kept: Any) -> bool:
    """Return whether an unfinished table is there already that is of no Kwant systems, so that none need be made."""
    if kept is None or (isinstance(kept, TableFile) and (kept.fresh or not kept.exists)):
        return False
    return not (kept.tells("system") if isinstance(kept, TableFile) else "system" in getattr(kept, "attrs", {}))


def first_of(family: Callable[..., Any], axes: Mapping[str, Any], bias: Any = None) -> Any:
    """Return the first junction or device of a sweep."""
    outer, fixed = split_axes(axes)
    at = {name: values[0].item() for name, values in outer.items()}
    if bias is not None and 0 not in shape_of("bias", bias) and systems.follows(family):
        at[systems.FOLLOWS] = np.ravel(bias)[0].item()
    return call_any_family(family, {**fixed, **at})


def variables_of(first: Any, bias: bool, k: Any = None, unit: str = "", turned: Any = None) -> dict[str, Quantity]:
    """Return what a sweep of a family has, given its first member and the unit of its energies."""
    flux = "e^2/h V" if unit in ("", "eV") else f"e/h {unit}"
    if isinstance(first, Device) and turned is not None:
        return systems.turned_variables(first, flux if k is None else f"{flux} per cell", bias, k)
    if isinstance(first, Device):
        return systems.current_variables(flux) if bias else systems.linear_variables(first, k)
    return quantities(BIAS_NAMES, f"{flux} per cell") if bias else VARIABLES


def sizes_of(first: Any, variable: Quantity, turned: Any = None) -> dict[str, int]:
    """Return the lengths of a variable's own axes, given the first member of a family."""
    labels = systems.labels_of(first, turned) if isinstance(first, Device) else LABELS
    return {dim: len(labels[dim]) for dim in variable.dims}


def _experiment(
    family: Callable[..., Any],
    first: Any,
    energy: ArrayLike,
    bias: ArrayLike | None,
    temperature: float,
    k: Any,
    solver: str | None,
    rtol: float | None,
    turned: systems.Turned | None,
) -> _Experiment:
    """Return the linear response over energies, or the response at one Fermi energy over biases."""
    device, average = isinstance(first, Device), isinstance(k, str)
    axis = "energy" if bias is None else "bias"
    points = _inner_points(energy, bias, k, device)
    settings: dict[str, Any] = {
        "k": json.dumps(np.asarray(k).tolist() if k is not None else None),
        "solver": solver or ("kwant" if device else "halves"),
    }
    if device:
        settings["system"] = "kwant"
    if rtol is not None:
        settings["rtol"] = positive("rtol", rtol)
    if bias is not None:
        settings |= {"energy": finite("energy", energy), "temperature": finite("temperature", temperature)}
    elif temperature != 0:
        raise ArgumentError(f"Argument `temperature` must be 0 without a bias, but is {temperature!r}. Give `bias`.")
    elif rtol is not None and not average:
        raise ArgumentError("Argument `rtol` must be left out for one k: nothing is integrated. Use k='average'.")
    if turned is not None:
        settings |= {"turns": json.dumps(turned.turns), "behind": turned.behind}
    variables = variables_of(first, bias is not None, k, units_of(family).get("", ""), turned)
    if device:
        return _Experiment(axis, points, variables, *_of_device(family, first, settings, k, variables, turned))
    if turned is not None:
        raise ArgumentError("Argument `turns` must be left out for junctions, which have an angle: sweep it.")
    if bias is None:
        observe = partial(_linear, k=k, solver=settings["solver"], rtol=rtol)
        at_once = CHUNK if settings["solver"] == "halves" and not average else 1
        return _Experiment(axis, points, variables, observe, settings, at_once)
    if settings["solver"] != "halves":
        raise ArgumentError(f"Argument `solver` must be 'halves' at finite bias, but is {solver!r}.")
    observe = partial(_at_bias, energy=settings["energy"], temperature=temperature, k=k, rtol=rtol or BIAS_RTOL)
    # an average is shown to go on point by point; what its points share is little beside what each costs
    return _Experiment(axis, points, variables, observe, settings, 1 if average else BIAS_CHUNK)


def _inner_points(energy: ArrayLike, bias: ArrayLike | None, k: Any, device: bool) -> NDArray[np.float64]:
    """Return the checked points of the inner axis."""
    name, values = ("energy", energy) if bias is None else ("bias", bias)
    points = number_or_axis(name, values)
    if name == "bias" and np.any(abs(points) > LARGEST_BIAS):
        raise ArgumentError(
            f"Argument `bias` must be at most {LARGEST_BIAS:g} in size, but reaches {abs(points).max():g}. It is "
            "an energy in the unit of the hopping."
        )
    if not device and k is not None and not isinstance(k, str) and finite_array("k", k).shape != (2,):
        raise refusal("k", "be one vector (kx, kz), None or 'average'", f"its shape is {np.shape(k)}")
    return points


def _of_device(
    family: Callable[..., Any],
    first: Device,
    settings: dict[str, Any],
    k: Any,
    variables: Mapping[str, Quantity],
    turned: systems.Turned | None,
) -> tuple[Any, ...]:
    """Return what is done with every device, settings, chunk, labels of its axes and the parameter that is the bias."""
    if settings["solver"] != "kwant":
        raise refusal("solver", "be 'kwant' for a family of Kwant systems", f"is {settings['solver']!r}")
    labels, follows = systems.labels_of(first, turned), systems.FOLLOWS if systems.follows(family) else ""
    chosen: dict[str, Any] = {name: settings[name] for name in ("energy", "temperature") if name in settings}
    chosen |= {"labels": labels, "told": set[str](), "rtol": settings.get("rtol", CRYSTAL_RTOL)}
    if "energy" not in settings:
        observe = partial(systems.observe_linear, k=k, variables=variables, turned=turned, **chosen)
        return observe, settings, 1, labels
    if turned is not None:
        if follows:
            raise ArgumentError(
                "Argument `turns` must be left out for a family with a parameter `bias`, to which the potential of its "
                "Device would be added."
            )
        return partial(systems.observe_biased, k=k, turned=turned, **chosen), settings, 1, labels
    if k is not None:
        raise refusal("k", "come with `turns` and `behind` for Kwant systems at finite bias", "is given alone")
    chosen["rtol"] = settings.get("rtol", CURRENT_RTOL)
    return partial(systems.observe_current, **chosen), settings, 1, labels, follows


def _empty_dataset(
    family: Callable[..., Any], swept: dict[str, NDArray[Any]], fixed: dict[str, Any], experiment: _Experiment
) -> xr.Dataset:
    """Return the dataset full of NaN, so that what is unfinished can be told from what is not."""
    facts = {
        "title": f"sweep of {getattr(family, '__name__', 'family')}",
        **facts_of(family, swept, fixed),
        **experiment.settings,
        "kwant_spinjunc": __version__,
        "physics": PHYSICS,
        "kwant": version("kwant"),
        "complete": 0,
    }
    axes = swept if experiment.points.ndim else {**swept, experiment.axis: experiment.points}
    return table(experiment.variables, axes, facts, labels=experiment.labels, units=units_of(family))


def _adopt(dataset: xr.Dataset, earlier: Any, name: str = "resume") -> None:
    """Copy the finished points of an earlier run of the same sweep, or say how it differs."""
    if not hasattr(earlier, "data_vars"):
        raise ArgumentError(f"Argument `{name}` must be the dataset of a sweep, but is {type(earlier).__name__}.")
    if "checksum" in earlier.attrs:  # it comes from a file
        verify_table(earlier, name)
    for key, value in dataset.attrs.items():
        if key != "complete" and (was := earlier.attrs.get(key)) != value:
            raise refusal(name, "be the same sweep", f"its {key} is {was!r} and not {value!r}")
    for axis, coordinate in dataset.coords.items():
        same = axis in earlier.coords and earlier[axis].shape == coordinate.shape
        if not same or not np.array_equal(earlier[axis].values.astype(coordinate.dtype), coordinate.values):
            raise ArgumentError(f"Argument `{name}` must be the same sweep, but its axis `{axis}` differs.")
    for variable in dataset.data_vars.values():
        found = earlier.data_vars.get(variable.name)
        if found is None or found.dims != variable.dims or found.dtype.kind != "f":
            raise ArgumentError(f"Argument `{name}` must be the same sweep, but has no such `{variable.name}`.")
    for data in dataset.data_vars:
        dataset[data].values[...] = earlier[data].values


def _linear(junction: Junction, energy: Any, *, k: Any, solver: str, rtol: float | None) -> dict[str, Any]:
    """Return the linear response of one junction; energies without any open channel carry no current."""
    junction.refuse_disorder()  # one sample is no average, whichever solver takes it
    try:
        accuracy: Any = {} if rtol is None else {"rtol": rtol}
        s: Scattering = scatter(junction, energy, k, solver=solver, **accuracy)
    except NoOpenChannelError:
        return {**dict.fromkeys(VARIABLES, 0.0), "tmr": np.nan, "angle": junction.angle}
    names = ("probabilities", "modes", "conductance", "unitarity_defect", "continuity_defect")
    found = {name: getattr(s, name) for name in names} | {"angle": junction.angle}
    if junction.cut is not None:
        return {**found, **linear_response(s).named(), "tmr": _tmr(junction, energy, k)}
    # a texture: no spacer, and no one torque on each of two magnets
    nothing = dict.fromkeys(("tmr", "spin_current", "damping_like", "field_like"), np.nan)
    return {**found, **nothing, "magnetization_current": tunneling_response(s).magnetization}


def _tmr(junction: Junction, energy: Any, k: Any) -> Any:
    """Return (G_P - G_AP)/G_AP, NaN for magnets that cannot be turned against each other."""
    try:
        parallel, antiparallel = collinear_conductances(junction, energy, k)
    except ArgumentError:
        return np.full(np.shape(energy), np.nan)
    return ratio(parallel, antiparallel, antiparallel)


def _at_bias(
    junction: Junction, bias: Any, *, energy: float, temperature: float, k: Any, rtol: float
) -> dict[str, Any]:
    """Return currents and torques of one junction at finite bias."""
    asked: dict[str, Any] = {"energy": energy, "temperature": temperature, "k": k, "rtol": rtol}
    response = bias_response(junction, bias, equilibrium=True, layers=False, **asked)
    below = response.equilibrium
    return {
        **response.named(),
        "current": response.current,
        "equilibrium_field_like": 0.0 if below is None else below.torques.field_like,
        "angle": junction.angle,
        "error": response.error,
        "equilibrium_error": 0.0 if below is None else below.error,
    }
