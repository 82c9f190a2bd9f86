r"""`ensemble`: averages over disorder and twists with error bars, on as many cores or machines as there are.

Realizations are solved in chunks, by any executor and in any order, and each chunk goes to a `Store` when it is done.
Statistics are merged from the store strictly in the order of the realizations, and whether to stop is asked only at the
end of a chunk in that order. So the result has the same bits for any number of workers, any executor, and with any
number of interruptions; what was solved beyond the stop changes nothing. Memory does not grow with the number of
realizations: tasks are handed out as they are needed, samples stay in the store.
"""

from __future__ import annotations

import math
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._version import __version__
from ..checks import finite, positive, positive_integer
from ..devices.build import _machine_memory, memory
from ..errors import ArgumentError, NoOpenChannelError, SpinjuncError, UnitarityError
from ..halves import supercell
from ..model.junction import Junction
from ..model.plane import CrossSection
from ..model.sample import realize, whole
from ..scattering import TOLERANCE
from ..scattering import scatter_quietly as scatter
from ..spin import angle_between, check_unit_vector
from ..transport.linear import linear_response
from ..transport.local import chemical_potentials_of, default_axes
from .executors import Pool, available_workers, open_pool, settle_allocator
from .statistics import BlockMeans, Moments, Statistic, value_with_error
from .store import Store

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "Ensemble",
    "EnsembleInterrupted",
    "Failure",
    "Problem",
    "Quantity",
    "average",
    "ensemble",
    "open_ensemble",
    "turned",
]

Floats = NDArray[np.float64]

#: With a tolerance, at least so many realizations: the error bar of a few samples is itself uncertain.
MINIMUM = 16
#: An ensemble of which so many realizations fail from the first one on is given up.
HOPELESS = 8
#: Chunks take about this long on one core, so that handing them out and committing them costs little.
SECONDS = 0.25
LARGEST_CHUNK = 64
#: Failures that a result lists; the store has them all.
LISTED = 100
#: Samples of one quantity held at the same time for a quantile.
HELD = 2**20
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
CURRENT = "e^2/h"


class EnsembleInterrupted(KeyboardInterrupt):
    """Ctrl-C during an ensemble; ``result`` has what was finished, or None if nothing was."""

    def __init__(self, result: Ensemble | None) -> None:
        super().__init__("ensemble interrupted")
        self.result = result


@dataclass(frozen=True)
class Quantity:
    """One thing that is averaged.

    Attributes
    ----------
    name, units, long_name : str
        As in a dataset.
    dims : tuple of str
        Names of its axes.
    shape : tuple of int
        Its shape.
    profile : bool
        Whether it is resolved by plane.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    units: str
    long_name: str
    profile: bool = False

    @property
    def size(self) -> int:
        """Number of columns."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Failure:
    """A realization that could not be solved: which, of which seed, and why."""

    realization: int
    seed: int
    error: str


class Problem(Protocol):
    """What is averaged: a picklable function of the number of the realization."""

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """What `solve` returns, in order."""

    @property
    def identity(self) -> dict[str, Any]:
        """Everything the samples depend on, as a JSON object."""

    @property
    def seed(self) -> int:
        """Seed of the ensemble."""

    @property
    def chunk(self) -> int:
        """Number of realizations solved and committed together."""

    def solve(self, realization: int) -> Mapping[str, Any]:
        """Return all quantities of one realization."""


# ---------------------------------------------------------------------- the junction
@dataclass(frozen=True)
class JunctionProblem:
    """An ensemble of a junction at one energy; see `ensemble` for the fields."""

    junction: Junction
    energy: float
    cross_section: tuple[int, int]
    boundary: tuple[str, str]
    k: tuple[float, float] | None
    seed: int
    m_right: tuple[tuple[float, float, float], ...] | None
    torques: bool
    profiles: bool
    solver: str | None
    tolerance: float
    chunk: int

    @property
    def walls(self) -> tuple[str, str]:
        """Boundary conditions of one realization: a twist is a Bloch vector of a periodic axis."""
        x, z = ("hard wall" if word == "hard wall" else "periodic" for word in self.boundary)
        return x, z

    def section(self, realization: int) -> CrossSection:
        """Return the cross-section of a realization, with its twist."""
        if "twisted" not in self.boundary:
            return CrossSection(self.cross_section, self.walls, self.k)
        # disorder draws from the spawn keys (realization, layer, number)
        u = np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=(realization,))).random(2)
        k = [
            2 * math.pi * float(x) / size if word == "twisted" else 0.0
            for x, size, word in zip(u, self.cross_section, self.boundary, strict=True)
        ]
        return CrossSection(self.cross_section, self.walls, tuple(k))

    @property
    def junctions(self) -> list[Junction]:
        """The junction for each direction of the right magnet."""
        return [self.junction] if self.m_right is None else [turned(self.junction, m) for m in self.m_right]

    @cached_property
    def quantities(self) -> tuple[Quantity, ...]:
        """Quantities of a realization, those that depend on the direction of the right magnet with that axis first."""
        cells = math.prod(self.cross_section)
        unit = f"{CURRENT} per cell" if cells == 1 else f"{CURRENT} of {cells} cells"
        lead, fate = (("direction",), (len(self.m_right),)) if self.m_right is not None else ((), ())

        def quantity(
            name: str, dims: tuple[str, ...], shape: tuple[int, ...], units: str, text: str, profile: bool = False
        ) -> Quantity:
            alike = name == "modes"
            return Quantity(
                name, dims if alike else (*lead, *dims), shape if alike else (*fate, *shape), units, text, profile
            )

        four = ("lead_out", "spin_out", "lead_in", "spin_in")
        found = [
            quantity("conductance", (), (), unit, "conductance"),
            quantity("transmissions", ("spin_left", "spin_right"), (2, 2), "1", "T_ss' from left to right"),
            quantity("probabilities", four, (2, 2, 2, 2), "1", "scattering probability summed over modes"),
            quantity("modes", ("lead", "spin"), (2, 2), "1", "open channels"),
            quantity(
                "magnetization_current", ("lead",), (2,), unit, "magnetization current per bias, along each lead's m"
            ),
        ]
        if self.torques:
            found += [
                quantity("spin_current", ("axis",), (3,), unit, "Pauli-spin current through the spacer per bias"),
                quantity("damping_like", ("magnet",), (2,), unit, "damping-like torque per bias, as Pauli-spin flux"),
                quantity("field_like", ("magnet",), (2,), unit, "field-like torque per bias, as Pauli-spin flux"),
            ]
        found.append(quantity("unitarity_defect", (), (), "1", "violation of unitarity"))
        if self.torques or self.profiles:
            found.append(
                quantity("continuity_defect", (), (), "1", "violation of charge and spin continuity per unit flux")
            )
        if self.profiles:
            planes, per = len(self.junction.planes), ("lead_in", "spin_in")
            found += [
                quantity(
                    "bond_currents",
                    (*per, "bond", "component"),
                    (2, 2, planes - 1, 4),
                    "1",
                    "charge and Pauli-spin flux of a bond per unit incoming flux, summed over incoming modes",
                    True,
                ),
                quantity(
                    "layer_torques",
                    (*per, "plane", "axis"),
                    (2, 2, planes, 3),
                    "1",
                    "torque on a plane per unit incoming flux, summed over incoming modes",
                    True,
                ),
                quantity(
                    "densities",
                    (*per, "plane", "component"),
                    (2, 2, planes, 4),
                    "hbar per energy",
                    "particle and Pauli-spin density of a plane, summed over incoming modes",
                    True,
                ),
            ]
        return tuple(found)

    @property
    def identity(self) -> dict[str, Any]:
        """Everything the samples depend on."""
        own = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        return {**own, "kwant_spinjunc": __version__}

    def check(self) -> None:
        """Refuse before any work what no realization can have."""
        section = self.section(0)
        if "twisted" not in self.boundary and not self._modes(section).any():
            raise NoOpenChannelError(
                f"Argument `energy` must lie in a band of a lead, but at {self.energy:g} no channel of this "
                f"cross-section is open. Bands at Γ: {self.junction.describe_bands(2.0)}."
            )
        for junction in self.junctions:
            if self.torques and junction.cut is None:
                raise ArgumentError(
                    "Argument `torques` must be False for a texture, but is True: its magnetizations have more than "
                    "two axes, and there is no one torque on each of two magnets. Use profiles=True."
                )

    def _modes(self, section: CrossSection) -> NDArray[np.intp]:
        c, _ = section.transverse_modes
        modes: NDArray[np.intp] = self.junction.open_channels(self.energy, c).sum(axis=0)
        return modes

    def solve(self, realization: int) -> dict[str, Any]:
        """Return all quantities of one realization; without an open channel it carries no current."""
        section = self.section(realization)
        modes = self._modes(section)
        if not modes.any():
            return {q.name: np.zeros(q.shape) for q in self.quantities}
        if self.torques or self.profiles or self.solver not in (None, "halves"):
            found = [self._scattered(junction, section, realization) for junction in self.junctions]
            values = {name: np.array([one[name] for one in found]) for name in found[0]}
        else:
            values = self._transmitted(section, realization, modes)
        if self.m_right is None:
            values = {name: value[0] for name, value in values.items()}
        return {**values, "modes": modes}

    def _transmitted(self, section: CrossSection, realization: int, modes: NDArray[np.intp]) -> dict[str, Any]:
        """Return probabilities and what follows from them, the halves of the sample solved once for all directions."""
        sample = realize(self.junction, section, self.seed, realization)
        if self.m_right is None:
            P = supercell.probabilities(self.junction, self.energy, section, sample)[None]
        elif supercell.find_cut(self.junction, sample) is not None:
            P = supercell.probabilities(self.junction, self.energy, section, sample, m_right=np.array(self.m_right))
        else:
            samples = ((j, realize(j, section, self.seed, realization)) for j in self.junctions)
            P = np.array([supercell.probabilities(j, self.energy, section, one) for j, one in samples])
        defect = np.maximum(
            abs(P.sum(axis=(-4, -3)) - modes).max(axis=(-2, -1)), abs(P.sum(axis=(-2, -1)) - modes).max(axis=(-2, -1))
        )
        if not defect.max() <= self.tolerance:
            raise UnitarityError(
                f"The probabilities miss unitarity by {defect.max():.2g}, more than the tolerance {self.tolerance:.2g}."
            )
        return {**_from_probabilities(P), "unitarity_defect": defect}

    def _scattered(self, junction: Junction, section: CrossSection, realization: int) -> dict[str, Any]:
        k = section.k if "periodic" in section.boundary else None
        boundary: Any = section.boundary[0] if len(set(section.boundary)) == 1 else section.boundary
        s = scatter(
            junction,
            self.energy,
            k,
            solver=self.solver,
            cross_section=self.cross_section,
            boundary=boundary,
            seed=self.seed,
            realization=realization,
            tolerance=self.tolerance,
        )
        values = {**_from_probabilities(s.probabilities), "unitarity_defect": s.unitarity_defect}
        if self.torques:
            response = linear_response(s, 0.5, -0.5)
            values |= {
                "spin_current": response.spin_current,
                "damping_like": response.torques.damping_like,
                "field_like": response.torques.field_like,
            }
        if self.torques or self.profiles:
            values["continuity_defect"] = s.continuity_defect
        if self.profiles:
            values |= {
                "bond_currents": s.fields.currents,
                "layer_torques": s.fields.torques,
                "densities": s.fields.densities,
            }
        return values


def _from_probabilities(P: Floats) -> dict[str, Any]:
    """Return what follows from the probabilities alone; J_M of a bias without spin accumulation has no reflection."""
    T = np.swapaxes(P[..., 1, :, 0, :], -1, -2)
    signs = np.array([1.0, -1.0])
    J_M = [P[..., 0, :, 1, :].sum(axis=-1) @ signs, P[..., 1, :, 0, :].sum(axis=-1) @ signs]
    return {
        "conductance": T.sum(axis=(-1, -2)),
        "transmissions": T,
        "probabilities": P,
        "magnetization_current": np.stack(J_M, axis=-1),
    }


def _check_memory(problem: JunctionProblem, processes: int) -> None:
    """Refuse a cross-section that together the processes of this machine have no memory for."""
    planes = len(problem.junction.planes)
    engine = problem.solver or "halves"
    needed = memory(problem.cross_section, planes, engine, states=problem.torques or problem.profiles)
    available = _machine_memory()
    if needed * processes > available:
        way_out = f"Use {int(available // needed)} workers" if needed < available else "Use a smaller cross-section"
        raise ArgumentError(
            f"Argument `cross_section` must fit into {available:.3g} GB, but {processes} workers need about "
            f"{needed:.3g} GB each for {planes} planes. {way_out}."
        )


def turned(junction: Junction, m_right: ArrayLike) -> Junction:
    """Return the junction with every magnetic layer behind its cut turned with the right magnet to ``m_right``.

    Raises
    ------
    ArgumentError
        The junction is a texture: its magnetizations have more than two axes.
    """
    if junction.cut is None:
        raise ArgumentError("Argument `m_right` must be None for a texture, whose magnets have more than two axes.")
    m = check_unit_vector(m_right, "m_right")
    axis = junction.magnetizations[1]

    def layer(old: Any) -> Any:
        if not old.is_magnetic:
            return old
        return replace(old, m=tuple(float(x) for x in (m if np.dot(old.m, axis) > 0 else -m)))

    starts = junction.buffer + np.cumsum([0, *(old.thickness for old in junction.layers)])
    layers = [layer(old) if start > junction.cut else old for old, start in zip(junction.layers, starts, strict=False)]
    return replace(junction, layers=layers, right=layer(junction.right))


def _plain(value: Any) -> Any:
    """Return a JSON value of dataclasses, tuples, numbers and words."""
    if is_dataclass(value) and not isinstance(value, type):
        return {"type": type(value).__name__, **{f.name: _plain(getattr(value, f.name)) for f in fields(value)}}
    if isinstance(value, (tuple, list)):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    return value


def _chunk_size(junction: Junction, sites: int, directions: int, states: bool, solver: str | None) -> int:
    """Return a power of two of realizations that take about `SECONDS`, by a rough count of operations.

    A function of the problem alone: the machine and the number of workers must not change it.
    """
    planes = len(junction.planes)
    seconds = planes * (1.5e-4 + 4e-9 * sites**3) + directions * (2e-4 + 1e-8 * sites**3)
    if states:
        seconds = directions * planes * (1e-3 + 3e-8 * sites**3)
    if solver not in (None, "halves"):
        seconds = directions * planes * sites * 3e-3
    return int(2 ** np.clip(np.floor(np.log2(SECONDS / seconds)), 0, math.log2(LARGEST_CHUNK)))


def ensemble(
    junction: Junction,
    energy: float,
    *,
    cross_section: tuple[int, int] = (1, 1),
    boundary: str | tuple[str, str] = "periodic",
    k: ArrayLike | None = None,
    realizations: int = 100,
    rtol: float | None = None,
    quantity: str = "conductance",
    seed: int = 0,
    m_right: ArrayLike | None = None,
    torques: bool = True,
    profiles: bool = False,
    solver: str | None = None,
    tolerance: float = TOLERANCE,
    chunk: int | None = None,
    workers: int | None = None,
    executor: Executor | Callable[[], Executor] | None = None,
    store: str | Path | None = None,
    progress: bool | None = None,
) -> Ensemble:
    r"""Average a junction over its disorder, and over twists of its boundary conditions.

    Parameters
    ----------
    junction
        What is random is the ``disorder`` of its layers.
    energy
        Energy E in the junction's unit.
    cross_section
        Sites of a plane (x, z). All results are sums over the cross-section, not per cell.
    boundary
        ``"periodic"``, ``"hard wall"`` or ``"twisted"``, or a pair (x, z). Twisted: each realization has a Bloch vector
        drawn evenly from [0, 2π/W) by (seed, realization), the average over which is that of a larger sample.
    k
        Bloch vector (kx, kz) in 1/a of all realizations along periodic axes.
    realizations
        How many; with ``rtol`` at most so many.
    rtol
        Stop at the end of the first chunk behind which the standard error of every element of ``quantity`` is below
        ``rtol`` times its mean.
    quantity
        What ``rtol`` refers to: the name of a quantity of the result.
    seed
        Of the ensemble; realization i of a seed is always the same sample.
    m_right
        Directions of the right magnet, shape (directions, 3): every sample is solved for all of them, its halves once
        if ``torques`` and ``profiles`` are False. Results have a leading axis ``direction``.
    torques
        Also average Q and torques, which need the scattering states: several times the work.
    profiles
        Also average bond currents, layer torques and densities by plane.
    solver, tolerance
        As for `scatter`. A sample refused by its audits counts as failed.
    chunk
        Realizations solved and committed together; None chooses by the size of the problem, never by the workers.
    workers
        Processes on this machine, None for one per CPU, 1 for none but this.
    executor
        Any `concurrent.futures.Executor` instead, or a function that makes one (and can make it anew if it dies).
    store
        File in which results are kept and from which a run resumes; None for a temporary file.
    progress
        Show a progress bar; None shows it on a terminal.

    Returns
    -------
    Ensemble
        Mean, standard error and distribution of every quantity. Same bits for any workers, executor, interruption.

    Raises
    ------
    ArgumentError
        Bad argument, or a store of another junction, seed or version.
    NoOpenChannelError
        No channel is open in either lead.
    EnsembleInterrupted
        On Ctrl-C, with the result so far.
    StoreFullError, StoreError
        The store cannot be written or is damaged as a whole. What was committed is kept.
    ExecutorError
        Workers cannot be started, or an executor died that cannot be made anew.

    Notes
    -----
    A worker that dies is replaced and its realizations are solved again, one at a time; one that fails twice, or raises
    twice, is recorded as failed with its seed, and left out of the averages.

    Examples
    --------
    >>> import kwant_spinjunc as sj
    >>> from kwant_spinjunc.model.disorder import Anderson
    >>> copper = dict(onsite=0.0, hopping=1.0, in_plane_hopping=1.0)
    >>> dirty = sj.normal_metal(**copper, thickness=4, disorder=[Anderson(width=2.0)])
    >>> wire = sj.Junction(sj.normal_metal(**copper), [dirty], sj.normal_metal(**copper))
    >>> settings = dict(cross_section=(2, 2), boundary="twisted", torques=False, workers=1, progress=False)
    >>> result = ensemble(wire, 0.5, realizations=20, **settings)
    >>> result.conductance.mean.shape, result.conductance.count, bool(result.conductance.error > 0)
    ((), 20, True)
    """
    if not isinstance(junction, Junction):
        raise ArgumentError(f"Argument `junction` must be a Junction, but is {type(junction).__name__}.")
    pair = (boundary,) * 2 if isinstance(boundary, str) else tuple(boundary)
    if len(pair) != 2 or any(word not in ("periodic", "hard wall", "twisted") for word in pair):
        raise ArgumentError(
            f"Argument `boundary` must be 'periodic', 'hard wall' or 'twisted', or a pair of them, but is {boundary!r}."
        )
    if k is not None and "twisted" in pair:
        raise ArgumentError("Argument `k` must be None for a twisted boundary, which draws it. Use 'periodic'.")
    walls = tuple("hard wall" if word == "hard wall" else "periodic" for word in pair)
    section = CrossSection(cross_section, walls, k)
    directions = None
    if m_right is not None:
        m = check_unit_vector(m_right, "m_right")
        if m.ndim != 2 or not len(m):
            raise ArgumentError(f"Argument `m_right` must have shape (directions, 3), but its shape is {m.shape}.")
        directions = tuple((float(x), float(y), float(z)) for x, y, z in m)
    if solver not in (None, "halves", "kwant", "modes"):
        raise ArgumentError(f"Argument `solver` must be 'halves', 'modes' or 'kwant', but is {solver!r}.")
    states = bool(torques or profiles)
    problem = JunctionProblem(
        junction=junction,
        energy=finite("energy", energy),
        cross_section=section.shape,
        boundary=pair,
        k=None if k is None else section.k,
        seed=whole("seed", seed),
        m_right=directions,
        torques=bool(torques),
        profiles=bool(profiles),
        solver=solver,
        tolerance=positive("tolerance", tolerance),
        chunk=_chunk_size(junction, section.sites, len(directions or (0,)), states, solver)
        if chunk is None
        else positive_integer("chunk", chunk),
    )
    if executor is None:  # of other machines nothing is known
        at_once = available_workers() if workers is None else positive_integer("workers", workers)
        processes = min(at_once, positive_integer("realizations", realizations))
        _check_memory(problem, processes)
    problem.check()
    return average(
        problem,
        realizations=realizations,
        rtol=rtol,
        quantity=quantity,
        workers=workers,
        executor=executor,
        store=store,
        progress=progress,
    )


# ---------------------------------------------------------------------- solving
Solved = tuple[Floats, dict[int, str]]


def solve_realizations(problem: Problem, numbers: Sequence[int]) -> Solved:
    """Return samples and failures of some realizations: what a worker does."""
    settle_allocator()
    width = sum(q.size for q in problem.quantities)
    samples = np.full((len(numbers), width), np.nan)
    failures = {}
    for row, number in enumerate(numbers):
        for attempt in (1, 2):
            try:
                values = problem.solve(number)
                samples[row] = np.concatenate(
                    [np.broadcast_to(values[q.name], q.shape).ravel() for q in problem.quantities]
                )
            except Exception as error:
                if attempt == 2:
                    failures[number] = f"{type(error).__name__}: {error}"
            else:
                break
    return samples, failures


def average(
    problem: Problem,
    *,
    realizations: int = 100,
    rtol: float | None = None,
    quantity: str = "conductance",
    workers: int | None = None,
    executor: Executor | Callable[[], Executor] | None = None,
    store: str | Path | None = None,
    progress: bool | None = None,
) -> Ensemble:
    """Average any picklable function of the number of a realization; arguments and errors as for `ensemble`.

    Parameters
    ----------
    problem
        What is averaged.
    realizations, rtol, quantity, workers, executor, store, progress
        As for `ensemble`.
    """
    count = positive_integer("realizations", realizations)
    names = {q.name for q in problem.quantities}
    if quantity not in names:
        raise ArgumentError(f"Argument `quantity` must be one of {', '.join(sorted(names))}, but is {quantity!r}.")
    if rtol is not None:
        rtol = positive("rtol", rtol)
    description = [{f.name: _plain(getattr(q, f.name)) for f in fields(q)} for q in problem.quantities]
    kept = Store(store, {**problem.identity, "quantities": description})
    run = _Run(problem, kept, count, rtol, quantity, progress)
    try:
        if kept.fact("provenance") is None:
            kept.set_fact("provenance", _provenance())
        with run.bar, open_pool(executor, workers, tasks=-(-count // problem.chunk)) as pool:
            run.work(pool)
        result = run.result()
        finished = {"realizations": result.realizations, "rtol": rtol, "quantity": quantity}
        if kept.fact("finished") != finished:
            kept.set_fact("finished", finished)
    except KeyboardInterrupt:
        kept.release()
        raise EnsembleInterrupted(run.result() if run.merged else None) from None
    except BaseException:
        kept.close()
        raise
    kept.release()
    return result


def _provenance() -> dict[str, str]:
    import kwant
    import scipy

    return {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "kwant": kwant.__version__,
        "machine": platform.machine(),
    }


class _Run:
    """Hand out chunks, commit what comes back, merge it in order, and stop where the rule says."""

    def __init__(
        self, problem: Problem, store: Store, count: int, rtol: float | None, quantity: str, progress: bool | None
    ) -> None:
        from tqdm import tqdm

        self.problem, self.store, self.count = problem, store, count
        self.rtol, self.quantity = rtol, quantity
        self.chunks = -(-count // problem.chunk)
        self.merged = 0  # chunks
        self.statistics = _Merged(problem.quantities)
        self.flying: dict[Future[Solved], tuple[int, ...]] = {}
        self.bar = tqdm(total=count, unit="sample", disable=None if progress is None else not progress)

    def result(self) -> Ensemble:
        stop = min(self.merged * self.problem.chunk, self.count)
        error = self.statistics.relative_error(self.quantity)
        return Ensemble(
            self.store, self.problem.quantities, self.statistics, stop, self.problem.seed, self.rtol, self.quantity,
            None if self.rtol is None else bool(error <= self.rtol), getattr(self.problem, "junction", None),
        )  # fmt: skip

    def _range(self, chunk: int) -> tuple[int, int]:
        size = self.problem.chunk
        return chunk * size, min((chunk + 1) * size, self.count)

    def _missing(self, chunk: int) -> tuple[int, ...]:
        """Return the realizations of a chunk that are not in the store: its last ones, or all."""
        start, stop = self._range(chunk)
        at = start
        for begin, count in self.store.rows(start, stop):
            if begin != at:  # a damaged row was dropped before later ones
                return tuple(range(at, begin))
            at = begin + count
        return tuple(range(at, stop))

    def work(self, pool: Pool) -> None:
        """Do everything that is missing."""
        # tasks that run or wait for a worker, and how far ahead of the merge they may be
        window = 1 if pool.is_serial else 2 * pool.workers
        ahead = 8 * window
        following = 0
        while not self._done():
            following = max(following, self.merged)
            while len(self.flying) < window and following < min(self.chunks, self.merged + ahead):
                numbers = self._missing(following)
                if numbers:
                    self._submit(pool, numbers)
                following += 1
            if not self.flying:
                following = self.merged  # a damaged row turned up
                if self._done():
                    return
                continue
            done, _ = wait(self.flying, return_when=FIRST_COMPLETED)
            lost: list[tuple[int, ...]] = []
            broken = False
            for future in done:
                numbers = self.flying.pop(future)
                error = _error(future)
                if error is None:
                    self._commit(numbers, *future.result())
                else:
                    broken = broken or isinstance(error, BrokenExecutor)
                    lost.append(numbers)
            if broken:  # all that was flying is lost with the pool, and any of it may be the reason
                wait(self.flying)
                for future, numbers in self.flying.items():
                    if _error(future) is None:
                        self._commit(numbers, *future.result())
                    else:
                        lost.append(numbers)
                self.flying.clear()
                pool.renew()
            for numbers in sorted(lost):
                self._one_by_one(pool, numbers)
        for future in self.flying:
            future.cancel()

    def _submit(self, pool: Pool, numbers: tuple[int, ...]) -> None:
        self.flying[pool.submit(solve_realizations, self.problem, numbers)] = numbers

    def _one_by_one(self, pool: Pool, numbers: tuple[int, ...]) -> None:
        """Solve the realizations of a lost task alone, so that the one that kills its worker shows itself."""
        parts, failures = [], {}
        for number in numbers:
            for attempt in (1, 2):
                future = pool.submit(solve_realizations, self.problem, (number,))
                try:
                    samples, failed = future.result()
                except Exception as error:
                    if isinstance(error, (BrokenExecutor, CancelledError)):
                        pool.renew()
                    if attempt == 2:
                        width = sum(q.size for q in self.problem.quantities)
                        samples, failed = np.full((1, width), np.nan), {number: f"{type(error).__name__}: {error}"}
                        parts.append(samples)
                        failures.update(failed)
                else:
                    parts.append(samples)
                    failures.update(failed)
                    break
        self._commit(numbers, np.concatenate(parts), failures)

    def _commit(self, numbers: tuple[int, ...], samples: Floats, failures: dict[int, str]) -> None:
        self.store.write(numbers[0], samples, failures)
        self.bar.update(len(numbers))

    def _done(self) -> bool:
        """Merge what is complete, in order; return whether no more is needed."""
        while self.merged < self.chunks:
            if self.merged and self._is_precise():
                return True
            start, stop = self._range(self.merged)
            found = _read(self.store, start, stop, repair=True)
            if found is None:
                return False
            self.statistics.add(start, *found)
            self.merged += 1
            if not self.statistics.moments.count and stop >= min(HOPELESS, self.count):
                self._give_up(stop)
            if self.bar.n < stop:
                self.bar.update(stop - self.bar.n)  # from the store
            self._show()
        return True

    def _give_up(self, stop: int) -> None:
        """Raise as no realization was solved, and forget them: what failed may be the machine."""
        for begin, _ in self.store.rows(0, stop):
            self.store.drop(begin)
        raise ArgumentError(
            f"The arguments must allow a solution, but all of the first {stop} realizations failed. "
            f"The first one: {self.statistics.failures[0][1]}"
        )

    def _is_precise(self) -> bool:
        return (
            self.rtol is not None
            and self.statistics.moments.count >= MINIMUM
            and self.statistics.relative_error(self.quantity) <= self.rtol
        )

    def _show(self) -> None:
        if self.bar.disable:
            return
        error = self.statistics.relative_error(self.quantity)
        self.bar.set_postfix_str(f"{self.quantity} ± {error:.2%}", refresh=False)
        if self.rtol is not None and math.isfinite(error):
            needed = math.ceil(self.statistics.moments.count * (error / self.rtol) ** 2)
            self.bar.total = max(min(self.count, needed), self.bar.n)


def _error(future: Future[Solved]) -> BaseException | None:
    """Return the error of a finished task; an executor that cancels a task nobody cancelled has died."""
    try:
        return future.exception()
    except CancelledError:
        return BrokenExecutor("a task was cancelled by its executor")


def _read(store: Store, start: int, stop: int, repair: bool = False) -> Solved | None:
    """Return a range of realizations from the store, or None if it is not complete; drop damaged rows on repair."""
    parts, failures, at = [], {}, start
    for begin, _ in store.rows(start, stop):
        found = store.read(begin) if begin == at else None
        if found is None:
            if repair and begin <= at:  # damaged, its start included; what is before a later row is solved first
                store.drop(begin)
            return None
        samples, failed = found
        parts.append(samples[: stop - begin])
        failures.update({number: text for number, text in failed.items() if number < stop})
        at = begin + len(samples)
    if at < stop:
        return None
    return (parts[0] if len(parts) == 1 else np.concatenate(parts)), failures


class _Merged:
    """Statistics of all quantities, merged in order."""

    def __init__(self, quantities: tuple[Quantity, ...]) -> None:
        ends = np.cumsum([0, *(q.size for q in quantities)]).tolist()
        self.columns = {q.name: slice(a, b) for q, a, b in zip(quantities, ends, ends[1:], strict=False)}
        self.shapes = {q.name: q.shape for q in quantities}
        self.moments, self.blocks = Moments(ends[-1]), BlockMeans(ends[-1])
        self.failed = 0
        self.failures: list[tuple[int, str]] = []

    def add(self, start: int, samples: Floats, failures: dict[int, str]) -> None:
        """Add a chunk."""
        numbers = start + np.arange(len(samples))
        good = np.array([int(number) not in failures for number in numbers], dtype=bool)
        self.moments.add(samples[good])
        self.blocks.add(samples[good], numbers[good])
        self.failed += len(failures)
        self.failures += sorted(failures.items())[: LISTED - len(self.failures)]

    def statistic(self, name: str) -> Statistic:
        """Return the statistic of one quantity."""
        return self.moments.statistic(self.columns[name], self.shapes[name])

    def relative_error(self, name: str) -> float:
        """Return the largest standard error per mean of the elements of a quantity, inf where it is not known."""
        s = self.statistic(name)
        error, mean = np.ravel(s.error), abs(np.ravel(s.mean))
        if self.moments.count < 2 or not np.isfinite(error).all():
            return math.inf
        return float(np.divide(error, mean, out=np.where(error > 0, np.inf, 0.0), where=mean > 0).max(initial=0.0))


# ---------------------------------------------------------------------- the result
class Ensemble:
    """The result of `ensemble`: averages with their errors, distributions, and which realizations failed.

    ``result["conductance"]`` is a `Statistic`; the names are those of `names`, and the common ones are attributes too.
    Currents and torques are those of a unit bias split evenly, µ_L = -µ_R = 1/2, of the whole cross-section.

    Attributes
    ----------
    quantities : tuple of Quantity
        What was averaged, with units.
    realizations : int
        How many were solved or tried, the failed ones included.
    failed : int
        How many of them failed.
    failures : tuple of Failure
        The first 100 of those.
    seed : int
        Seed of the ensemble.
    rtol, quantity
        The tolerance, and what it refers to.
    converged : bool or None
        Whether the tolerance was reached; None without one.
    junction : Junction or None
        What was averaged, where it is known.
    store : Store
        All samples.
    """

    def __init__(
        self,
        store: Store,
        quantities: tuple[Quantity, ...],
        merged: _Merged,
        realizations: int,
        seed: int,
        rtol: float | None,
        quantity: str,
        converged: bool | None,
        junction: Junction | None,
    ) -> None:
        self.store, self.quantities, self._merged = store, quantities, merged
        self.realizations, self.seed, self.rtol, self.quantity = realizations, seed, rtol, quantity
        self.converged, self.junction = converged, junction
        self.failed = merged.failed
        self.failures = tuple(Failure(number, seed, text) for number, text in merged.failures)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all quantities."""
        return tuple(q.name for q in self.quantities)

    def _quantity(self, name: str) -> Quantity:
        for q in self.quantities:
            if q.name == name:
                return q
        raise ArgumentError(f"Argument `name` must be one of {', '.join(self.names)}, but is {name!r}.")

    def __getitem__(self, name: str) -> Statistic:
        return self._merged.statistic(self._quantity(name).name)

    @property
    def conductance(self) -> Statistic:
        """Conductance of the cross-section in e²/h."""
        return self["conductance"]

    @property
    def transmissions(self) -> Statistic:
        """T_ss' from left to right, shape (..., 2, 2)."""
        return self["transmissions"]

    @property
    def probabilities(self) -> Statistic:
        """T[α s, β s'], shape (..., 2, 2, 2, 2)."""
        return self["probabilities"]

    @property
    def magnetization_current(self) -> Statistic:
        """J_M on both sides per bias, shape (..., 2)."""
        return self["magnetization_current"]

    @property
    def relative_error(self) -> float:
        """Largest standard error per mean of `quantity`."""
        return self._merged.relative_error(self.quantity)

    def close(self) -> None:
        """Close the store; statistics stay, samples and quantiles are no longer within reach."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------ samples
    def batches(self) -> Iterator[dict[str, Floats]]:
        """Yield the samples of all quantities, a batch of successful realizations at a time and in order.

        Each value has the realizations as its first axis, then the shape of the quantity.
        """
        size = int(self.store.identity["chunk"])
        for start in range(0, self.realizations, size):
            found = _read(self.store, start, min(start + size, self.realizations))
            if found is None:
                raise SpinjuncError(f"Realizations from {start} on are missing or damaged in the store. Run it again.")
            samples, failures = found
            good = samples[[row for row in range(len(samples)) if start + row not in failures]]
            yield {
                name: good[:, columns].reshape(len(good), *self._merged.shapes[name])
                for name, columns in self._merged.columns.items()
            }

    def samples(self, name: str) -> Floats:
        """Return one quantity of every successful realization, shape (realizations, ...); memory grows with them."""
        self._quantity(name)
        return np.concatenate([batch[name] for batch in self.batches()])

    def derived(self, function: Callable[[dict[str, Floats]], ArrayLike]) -> Statistic:
        """Return the statistic of a function of the samples, such as a difference of two correlated currents.

        Parameters
        ----------
        function
            Takes a batch (see `batches`), returns an array with the realizations first.
        """
        moments: Moments | None = None
        shape: tuple[int, ...] = ()
        for batch in self.batches():
            values = np.asarray(function(batch), dtype=float)
            shape = values.shape[1:]
            flat = values.reshape(len(values), math.prod(shape))
            moments = moments or Moments(flat.shape[1])
            moments.add(flat)
        if moments is None:
            raise ArgumentError("Argument `function` must have samples to act on, but the ensemble is empty.")
        return moments.statistic(slice(None), shape)

    def of_means(self, function: Callable[[dict[str, Floats]], ArrayLike]) -> tuple[Any, Any]:
        """Return (value, standard error) of a function of averages, such as a ratio, by the jackknife.

        Parameters
        ----------
        function
            Takes the means of all quantities by name.
        """

        def of_columns(columns: Floats) -> Any:
            return function({q: columns[at].reshape(self._merged.shapes[q]) for q, at in self._merged.columns.items()})

        return self._merged.blocks.jackknife(of_columns)

    def chemical_potentials(
        self, mu_left: ArrayLike = 0.5, mu_right: ArrayLike = -0.5, axis: ArrayLike | None = None
    ) -> tuple[Floats, Floats]:
        """Return µ_±(n) of every plane and its standard error, each of shape (..., planes, 2); see `local`.

        Densities are averaged before they are divided. Needs ``profiles=True``.
        """
        self._quantity("densities")
        if axis is None and self.junction is None:
            raise ArgumentError("Argument `axis` must be given for an ensemble opened from its store.")
        axes: Any = axis if self.junction is None or axis is not None else default_axes(self.junction)

        def potentials(means: dict[str, Floats]) -> Floats:
            return chemical_potentials_of(means["densities"], axes, mu_left, mu_right)

        return self.of_means(potentials)

    def quantile(self, name: str, q: ArrayLike) -> Floats:
        """Return exact quantiles of every element of a quantity, shape (quantiles, ...), interpolated linearly.

        Samples are read from the store in passes, so that no more than about a million are held at a time.
        """
        quantity = self._quantity(name)
        levels = np.atleast_1d(np.asarray(q, dtype=float))
        if levels.ndim != 1 or not ((levels >= 0) & (levels <= 1)).all():
            raise ArgumentError(f"Argument `q` must be numbers from 0 to 1, but is {q!r}.")
        count = self.realizations - self.failed
        out = np.full((len(levels), max(quantity.size, 1)), np.nan)
        step = max(HELD // max(count, 1), 1)
        for first in range(0, quantity.size, step):
            columns = slice(first, first + step)
            if count <= HELD:
                values = [batch[name].reshape(-1, quantity.size)[:, columns] for batch in self.batches()]
                out[:, columns] = np.quantile(np.concatenate(values), levels, axis=0)
            else:
                out[:, first] = [self._order_statistic(name, first, level * (count - 1)) for level in levels]
        return out.reshape(len(levels), *quantity.shape)

    def _order_statistic(self, name: str, column: int, rank: float) -> float:
        """Return the sample of a (fractional) rank: narrow its interval until what is inside can be sorted."""
        s = self[name]
        lower, upper = float(np.ravel(s.minimum)[column]), float(np.ravel(s.maximum)[column])
        below, inside = 0, s.count
        while inside > HELD and lower < upper:
            edges = np.linspace(lower, upper, 4097)
            histogram = np.zeros(4096, dtype=np.int64)
            for values in self._column(name, column):
                histogram += np.histogram(values, edges)[0]
            ends = below + np.cumsum(histogram)
            first, last = (int(np.searchsorted(ends, r, side="right")) for r in (math.floor(rank), math.ceil(rank)))
            if (edges[first], edges[min(last, 4095) + 1]) == (lower, upper):
                break  # no narrower interval holds both neighbors
            below, inside = int(ends[first - 1]) if first else below, int(histogram[first : last + 1].sum())
            lower, upper = float(edges[first]), float(edges[min(last, 4095) + 1])
        if lower == upper:
            return lower
        found = []
        below = 0
        for values in self._column(name, column):
            below += int((values < lower).sum())
            found.append(values[(values >= lower) & (values <= upper)])
        inner = np.sort(np.concatenate(found))
        return float(np.interp(rank - below, np.arange(len(inner)), inner))

    def _column(self, name: str, column: int) -> Iterator[Floats]:
        for batch in self.batches():
            yield batch[name].reshape(len(batch[name]), -1)[:, column]

    def histogram(
        self, name: str, element: tuple[int, ...] = (), bins: int = 50, log: bool = False
    ) -> tuple[Floats, Floats]:
        """Return (density, edges) of one element of a quantity between its extremes; of ln x if ``log``."""
        quantity = self._quantity(name)
        try:
            column = int(np.ravel_multi_index(element, quantity.shape)) if quantity.shape else 0
        except (ValueError, TypeError):
            raise ArgumentError(
                f"Argument `element` must be an index of {name}, whose shape is {quantity.shape}, but is {element!r}."
            ) from None
        s = self[name]
        lower, upper = float(np.ravel(s.minimum)[column]), float(np.ravel(s.maximum)[column])
        if log and not lower > 0:
            raise ArgumentError(f"Argument `log` must be False where {name} is not positive, but is True.")
        if log:
            lower, upper = math.log(lower), math.log(upper)
        if not lower < upper:
            lower, upper = lower - 0.5, upper + 0.5
        edges = np.linspace(lower, upper, positive_integer("bins", bins) + 1)
        counts = np.zeros(len(edges) - 1)
        for values in self._column(name, column):
            counts += np.histogram(np.clip(np.log(values) if log else values, lower, upper), edges)[0]
        return counts / (counts.sum() * np.diff(edges)), edges

    # ------------------------------------------------------------------ tables
    def to_dataset(self, quantiles: Sequence[float] = QUANTILES) -> xr.Dataset:
        """Return everything as an `xarray.Dataset`.

        Each quantity has variables for its mean (its own name), ``_error``, ``_std``, ``_min``, ``_max``, and but for
        profiles ``_typical`` and ``_quantile``.

        Parameters
        ----------
        quantiles
            Which quantiles.
        """
        import xarray as xr

        variables: dict[str, Any] = {}
        for q in self.quantities:
            s = self[q.name]
            parts = {
                "": (s.mean, "mean"),
                "_error": (s.error, "standard error"),
                "_std": (s.std, "standard deviation"),
                "_min": (s.minimum, "smallest sample"),
                "_max": (s.maximum, "largest sample"),
                "_typical": (s.typical, "exp of the mean logarithm"),
            }
            for suffix, (values, word) in parts.items():
                if suffix != "_typical" or not q.profile:
                    attributes = {"units": q.units, "long_name": f"{q.long_name}, {word}"}
                    variables[q.name + suffix] = xr.Variable(q.dims, values, attributes)
            if not q.profile:
                attributes = {"units": q.units, "long_name": f"{q.long_name}, quantile"}
                values = self.quantile(q.name, quantiles)
                variables[f"{q.name}_quantile"] = xr.Variable(("quantile", *q.dims), values, attributes)
        labels = {
            **dict.fromkeys(("lead", "lead_in", "lead_out", "magnet"), ("left", "right")),
            **dict.fromkeys(("spin", "spin_in", "spin_out", "spin_left", "spin_right"), ("majority", "minority")),
            "axis": ("x", "y", "z"),
            "component": ("charge", "x", "y", "z"),
        }
        used = {dim for q in self.quantities for dim in q.dims}
        coords: dict[str, Any] = {dim: list(values) for dim, values in labels.items() if dim in used}
        coords["quantile"] = xr.Variable(("quantile",), list(quantiles), {"units": "1", "long_name": "fraction below"})
        if "direction" in used:
            m = np.array(self.store.identity["m_right"])
            coords["m_right"] = xr.Variable(("direction", "axis"), m, {"units": "1", "long_name": "right magnet"})
            coords.setdefault("axis", list(labels["axis"]))
        facts = {
            "title": "ensemble average",
            "realizations": self.realizations,
            "failed": self.failed,
            "seed": self.seed,
            "cells": math.prod(self.store.identity.get("cross_section", (1,))),
            "relative_error": self.relative_error,
            "relative_error_of": self.quantity,
            "kwant_spinjunc": self.store.identity.get("kwant_spinjunc", __version__),
        }
        return xr.Dataset(variables, coords, facts)

    def angles(self) -> Floats | None:
        """Return the angle between the magnets for each direction of the right one, or None without directions."""
        directions = self.store.identity.get("m_right")
        if directions is None or self.junction is None:
            return None
        return angle_between(self.junction.magnetizations[0], np.array(directions))

    def __str__(self) -> str:
        done = self.realizations - self.failed
        lines = [f"Ensemble of {done} realizations, seed {self.seed}"]
        if self.failed:
            lines[0] += f"; {self.failed} of {self.realizations} failed and are left out"
        if self.rtol is not None:
            reached = "reached" if self.converged else "not reached"
            lines.append(
                f"  tolerance {self.rtol:.2g} of {self.quantity} {reached}: relative error {self.relative_error:.2g}"
            )
        shown = [q for q in self.quantities if not q.profile and q.name != "probabilities" and q.size <= 60]
        rows = []
        for q in shown:
            s = self[q.name]
            for at in np.ndindex(*q.shape):
                mean, error, std, typical = (float(np.asarray(x)[at]) for x in (s.mean, s.error, s.std, s.typical))
                if "defect" in q.name:
                    rows.append((f"{q.name}, largest", f"{float(np.asarray(s.maximum)[at]):.1e}", "", "", q.units))
                    continue
                word = " ".join(_label(dim, i) for dim, i in zip(q.dims, at, strict=True))
                log = f"{typical:.6g}" if math.isfinite(typical) else "-"
                rows.append((f"{q.name} {word}".rstrip(), value_with_error(mean, error), f"{std:.3g}", log, q.units))
        head = ("", "mean ± error", "deviation", "typical", "unit")
        widths = [max(len(row[i]) for row in (head, *rows)) for i in range(4)]
        for row in (head, *rows):
            cells = [row[0].ljust(widths[0]), *(row[i].rjust(widths[i]) for i in (1, 2, 3)), row[4]]
            lines.append("  " + "  ".join(cells).rstrip())
        for failure in self.failures[:5]:
            lines.append(f"  failed: realization {failure.realization} of seed {failure.seed}: {failure.error}")
        if self.failed > 5:
            lines.append(f"  ... and {self.failed - 5} more failed")
        return "\n".join(lines)


def _label(dim: str, index: int) -> str:
    if dim == "axis":
        return "xyz"[index]
    if dim.startswith("spin"):
        return "+-"[index]
    if dim.startswith(("lead", "magnet")):
        return ("left", "right")[index]
    return str(index)


def open_ensemble(store: str | Path) -> Ensemble:
    """Return the result kept in a store: of the finished run, or all that is complete from the first realization on.

    Parameters
    ----------
    store
        Path of the file.

    Raises
    ------
    ArgumentError, StoreError
        There is no store, or it has no complete chunk.
    """
    kept = Store(store, None)
    quantities = tuple(
        Quantity(**{**q, "dims": tuple(q["dims"]), "shape": tuple(q["shape"])}) for q in kept.identity["quantities"]
    )
    finished = kept.fact("finished") or {}
    size, end = int(kept.identity["chunk"]), kept.end()
    count = min(finished.get("realizations", end), end)
    merged, at = _Merged(quantities), 0
    while at < count:
        stop = min(at + size, count)
        found = _read(kept, at, stop)
        if found is None:
            break
        merged.add(at, *found)
        at = stop
    if not at:
        raise ArgumentError(f"Argument `store` must have a finished chunk, but {str(store)!r} has none yet.")
    quantity, rtol = finished.get("quantity", quantities[0].name), finished.get("rtol")
    converged = None if rtol is None else merged.relative_error(quantity) <= rtol
    seed = int(kept.identity.get("seed", 0))
    return Ensemble(kept, quantities, merged, at, seed, rtol, quantity, converged, None)
