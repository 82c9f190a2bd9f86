r"""What an ensemble averages: a function of the number of a realization, and the one that a junction makes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import Any, Protocol, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._version import PHYSICS, __version__
from ..arrays import Floats
from ..checks import choice, finite, instance, positive, positive_integer, refusal, refuse_unknown, shape_of
from ..errors import ArgumentError, NoOpenChannelError
from ..halves import supercell
from ..model.junction import Junction
from ..model.memory import POINT, machine_memory, memory, refuse_points
from ..model.plane import CrossSection
from ..model.problem import MAX_DEFECT, told_apart
from ..model.sample import realize, whole
from ..quantities import LABELS, quantities
from ..scattering import SOLVERS
from ..scattering import scatter_quietly as scatter
from ..solved import refuse_unitarity, unitarity_of
from ..spin import check_unit_vector
from ..transport.linear import linear_response

#: Quantities resolved by plane.
PROFILES = ("bond_currents", "layer_torques", "densities")
#: Chunks take about this long on one core, so that handing them out and committing them costs little.
SECONDS = 0.25
LARGEST_CHUNK = 64


@dataclass(frozen=True)
class Observable:
    """One thing that is averaged."""

    #: `name`, `units`, `long_name`: As in a dataset.
    name: str
    dims: tuple[str, ...]  #: Names of its axes.
    shape: tuple[int, ...]  #: Its shape.
    units: str
    long_name: str
    profile: bool = False  #: Whether it is resolved by plane.

    @property
    def size(self) -> int:
        """Number of columns."""
        return math.prod(self.shape)


class Problem(Protocol):
    """What is averaged: a picklable function of the number of the realization."""

    @property
    def quantities(self) -> tuple[Observable, ...]:
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


class SampleSettings(TypedDict, total=False):
    """What an ensemble takes besides junction and energy; see `ensemble`."""

    cross_section: tuple[int, int]
    boundary: str | tuple[str, str]
    k: ArrayLike | None
    seed: int
    m_right: ArrayLike | None
    torques: bool
    profiles: bool
    solver: str | None
    max_defect: float
    chunk: int | None


SETTINGS = tuple(SampleSettings.__annotations__)
#: What `ensemble` takes for itself.
RUN = ("realizations", "rtol", "quantity", "workers", "executor", "store", "progress")


@dataclass(frozen=True)
class JunctionProblem:
    """An ensemble of a junction at one energy; see `ensemble` for the fields."""

    junction: Junction
    energy: float
    chunk: int
    cross_section: tuple[int, int] = (1, 1)
    boundary: tuple[str, str] = ("periodic", "periodic")
    k: tuple[float, float] | None = None
    seed: int = 0
    m_right: tuple[tuple[float, float, float], ...] | None = None
    torques: bool = True
    profiles: bool = False
    solver: str | None = None
    max_defect: float = MAX_DEFECT

    @classmethod
    def of(cls, junction: Junction, energy: float, **settings: Unpack[SampleSettings]) -> JunctionProblem:
        """Check the arguments of `ensemble`."""
        instance("junction", junction, Junction)
        refuse_unknown(settings, (*SETTINGS, *RUN), "ensemble")
        given: Any = {name: settings.get(name, getattr(cls, name, None)) for name in SETTINGS}
        boundary, k, solver, chunk = given["boundary"], given["k"], given["solver"], given["chunk"]
        pair = (boundary,) * 2 if isinstance(boundary, str) else tuple(boundary)
        if len(pair) != 2 or any(word not in ("periodic", "hard wall", "twisted") for word in pair):
            raise refusal("boundary", "be 'periodic', 'hard wall' or 'twisted', or a pair of them", f"is {boundary!r}")
        if k is not None and "twisted" in pair:
            raise ArgumentError("Argument `k` must be None for a twisted boundary, which draws it. Use 'periodic'.")
        walls = tuple("hard wall" if word == "hard wall" else "periodic" for word in pair)
        section = CrossSection(given["cross_section"], walls, k)
        directions = _directions(given["m_right"])
        if solver is not None:
            choice("solver", solver, SOLVERS)
        torques, profiles = bool(given["torques"]), bool(given["profiles"])
        given |= {
            "cross_section": section.shape,
            "boundary": pair,
            "k": None if k is None else section.k,
            "seed": whole("seed", given["seed"]),
            "m_right": directions,
            "torques": torques,
            "profiles": profiles,
            "max_defect": positive("max_defect", given["max_defect"]),
            "chunk": chunk_size(junction, section.sites, len(directions or (0,)), torques or profiles, solver)
            if chunk is None
            else positive_integer("chunk", chunk),
        }
        return cls(junction, finite("energy", energy), **given)

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

    @cached_property
    def base(self) -> Junction:
        """The junction to draw samples of: where magnets turn, collinear ones do not tell where one of them ends."""
        return self.junction if self.m_right is None else told_apart(self.junction)

    @property
    def junctions(self) -> list[Junction]:
        """The junction for each direction of the right magnet."""
        return [self.junction] if self.m_right is None else [self.base.turned(m_right=m) for m in self.m_right]

    @cached_property
    def quantities(self) -> tuple[Observable, ...]:
        """Quantities of a realization, those that depend on the direction of the right magnet with that axis first."""
        cells, planes = math.prod(self.cross_section), len(self.junction.planes)
        flux = "e^2/h per cell" if cells == 1 else f"e^2/h of {cells} cells"
        sizes = {**{dim: len(words) for dim, words in LABELS.items()}, "plane": planes, "bond": planes - 1}
        sizes["direction"] = len(self.m_right or ())
        names = ["conductance", "transmissions", "probabilities", "modes", "magnetization_current"]
        names += ["spin_current", "damping_like", "field_like"] if self.torques else []
        names += ["unitarity_defect"] + (["continuity_defect"] if self.torques or self.profiles else [])
        names += list(PROFILES) if self.profiles else []
        found = []
        for name, q in quantities(names, flux, " per bias").items():
            dims = ("direction", *q.dims) if self.m_right is not None and name != "modes" else q.dims
            shape = tuple(sizes[dim] for dim in dims)
            found.append(Observable(name, dims, shape, q.units, q.long_name, name in PROFILES))
        return tuple(found)

    @property
    def identity(self) -> dict[str, Any]:
        """Everything the samples depend on."""
        own = {field.name: plain_tree(getattr(self, field.name)) for field in fields(self)}
        return {**own, "kwant_spinjunc": __version__, "physics": PHYSICS}

    def check(self) -> None:
        """Refuse before any work what no realization can have."""
        section = self.section(0)
        if "twisted" not in self.boundary and not self._modes(section).any():
            raise NoOpenChannelError(
                f"Argument `energy` must lie in a band of a lead, but at {self.energy:g} no channel of this "
                f"cross-section is open. Bands at Γ: {self.junction.describe_bands(2.0)}."
            )
        if self.torques and any(junction.cut is None for junction in self.junctions):
            raise ArgumentError(
                "Argument `torques` must be False for a texture, but is True: its magnetizations have more than two "
                "axes, and there is no one torque on each of two magnets. Use profiles=True."
            )

    def _modes(self, section: CrossSection) -> NDArray[np.intp]:
        c, _ = section.transverse_modes
        return np.asarray(self.junction.open_channels(self.energy, c).sum(axis=0))

    def solve(self, realization: int) -> dict[str, Any]:
        """Return all quantities of one realization; without an open channel it carries no current."""
        section = self.section(realization)
        modes = self._modes(section)
        if not modes.any():
            return {q.name: np.zeros(q.shape) for q in self.quantities}
        if self.torques or self.profiles or self.solver not in (None, "halves"):
            values = self._scattered(section, realization)
        else:
            values = self._transmitted(section, realization, modes)
        if self.m_right is None:
            values = {name: value[0] for name, value in values.items()}
        return {**values, "modes": modes}

    def _transmitted(self, section: CrossSection, realization: int, modes: NDArray[np.intp]) -> dict[str, Any]:
        """Return probabilities and what follows from them, the halves of the sample solved once for all directions."""
        sample = realize(self.base, section, self.seed, realization)
        if self.m_right is None:
            P = supercell.probabilities(self.base, self.energy, section, sample)[None]
        elif supercell.find_cut(self.base, sample) is not None:
            P = supercell.probabilities(self.base, self.energy, section, sample, m_right=np.array(self.m_right))
        else:
            samples = ((j, realize(j, section, self.seed, realization)) for j in self.junctions)
            P = np.array([supercell.probabilities(j, self.energy, section, one) for j, one in samples])
        defect = unitarity_of(P, modes)
        refuse_unitarity(defect, self.max_defect)
        return {**_from_probabilities(P), "unitarity_defect": defect}

    def _scattered(self, section: CrossSection, realization: int) -> dict[str, Any]:
        """Return everything of all directions, by one solve where the sample has two halves to turn."""
        if self.m_right is not None and self.solver in (None, "halves"):
            sample = realize(self.base, section, self.seed, realization)
            if supercell.find_cut(self.base, sample) is not None:
                return self._one(self.junction, section, realization, m_right=self.m_right)
        found = [self._one(junction, section, realization) for junction in self.junctions]
        return {name: np.array([one[name] for one in found]) for name in found[0]}

    def _one(self, junction: Junction, section: CrossSection, realization: int, m_right: Any = None) -> dict[str, Any]:
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
            max_defect=self.max_defect,
            m_right=m_right,
        )
        values = {**_from_probabilities(s.probabilities), "unitarity_defect": s.unitarity_defect}
        if self.torques:
            values |= {n: x for n, x in linear_response(s).named().items() if n != "magnetization_current"}
        if self.torques or self.profiles:
            values["continuity_defect"] = s.continuity_defect
        if self.profiles:
            values |= dict(zip(PROFILES, (s.fields.currents, s.fields.torques, s.fields.densities), strict=True))
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


def _directions(m_right: ArrayLike | None) -> tuple[tuple[float, float, float], ...] | None:
    """Return the directions of the right magnet, or None for its own."""
    if m_right is None:
        return None
    refuse_points("Argument `m_right`", math.prod(shape_of("m_right", m_right)) // 3, POINT)
    m = check_unit_vector(m_right, "m_right")
    if m.ndim != 2 or not len(m):
        raise ArgumentError(f"Argument `m_right` must have shape (directions, 3), but its shape is {m.shape}.")
    return tuple((float(x), float(y), float(z)) for x, y, z in m)


def check_memory(problem: JunctionProblem, processes: int) -> None:
    """Refuse a cross-section that together the processes of this machine have no memory for."""
    planes = len(problem.junction.planes)
    engine = problem.solver or "halves"
    states, turned = problem.torques or problem.profiles, problem.m_right is not None
    needed = memory(problem.cross_section, planes, engine, states=states, turned=turned)
    available = machine_memory()
    if needed * processes > available:
        way_out = f"Use {int(available // needed)} workers" if needed < available else "Use a smaller cross-section"
        raise ArgumentError(
            f"Argument `cross_section` must fit into {available:.3g} GB, but {processes} workers need about "
            f"{needed:.3g} GB each for {planes} planes. {way_out}."
        )


def plain_tree(value: Any) -> Any:
    """Return a JSON value of dataclasses, tuples, numbers and words."""
    if is_dataclass(value) and not isinstance(value, type):
        # what is not compared is no part of the physics
        own = {f.name: plain_tree(getattr(value, f.name)) for f in fields(value) if f.compare}
        return {"type": type(value).__name__, **own}
    if isinstance(value, (tuple, list)):
        return [plain_tree(item) for item in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, np.generic):
        return value.item()
    return value


def chunk_size(junction: Junction, sites: int, directions: int, states: bool, solver: str | None) -> int:
    """Return a power of two of realizations that take about `SECONDS`, by a rough count of operations.

    A function of the problem alone: the machine and the number of workers must not change it.
    """
    planes = len(junction.planes)
    seconds = planes * (1.5e-4 + 4e-9 * sites**3) + directions * (2e-4 + 1e-8 * sites**3)
    if states:  # directions share the halves, unless Kwant solves
        seconds = planes * (1e-3 + 3e-8 * sites**3) + (directions - 1) * (2e-3 + 1e-8 * sites**3)
    if solver not in (None, "halves"):
        seconds = directions * planes * sites * 3e-3
    return int(2 ** np.clip(np.floor(np.log2(SECONDS / seconds)), 0, math.log2(LARGEST_CHUNK)))
