"""The microscopic side of every claim: solve, average over k∥ and disorder, compare with Kwant, keep the defects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar

import kwant
import numpy as np

from kwant_spinjunc import Ensemble, Junction, Layer, Scattering, ensemble, halves
from kwant_spinjunc.devices.build import build
from kwant_spinjunc.devices.lead_modes import with_analytic_leads
from kwant_spinjunc.halves import zone
from kwant_spinjunc.model.plane import CrossSection, band_shift
from kwant_spinjunc.runs.statistics import value_with_error
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.spin import torque_axes
from systems.asymmetric_junction import asymmetric_junction
from systems.contact import contact
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction

from .claim import Check

#: The magnet of most junctions, unit t: three-dimensional bands, majority -1.5 to 10.5, minority -0.5 to 11.5.
IRON = {"onsite": 5.0, "splitting": 1.0, "in_plane_hopping": 1.0}
#: Barrier, metallic spacer and bare contact between identical magnets, and a barrier between different ones.
FAMILIES: dict[str, Callable[..., Junction]] = {
    "F|I|F": partial(tunnel_junction, height=3.0, **IRON),
    "F|N|F": partial(spin_valve, spacer_onsite=4.2, **IRON),
    "F|F": partial(contact, splitting_right=IRON["splitting"], **IRON),
    "F|I|F'": partial(asymmetric_junction, height=3.0, onsite_right=4.8, splitting_right=1.8, **IRON),
}
#: Families whose two magnets are equal, and the one where they are not.
IDENTICAL, DIFFERENT = ("F|I|F", "F|N|F", "F|F"), "F|I|F'"
#: Transmissions above this are compared relatively too.
RESOLVED = 1e-28
#: Distance from a band edge, in cos kx a + cos kz a, below which a point of the zone is moved: a part of 1e-10 of it.
NEAR_EDGE = 1e-10
#: Points of the zone nearer to each other crowd around a sharp level, where a transmission may vanish: a difference of
#: numbers of order one, whose digits neither solver has.
CROWDED = 1e-4
#: Wave vectors kx = kz from Γ to the corner of the zone.
DIAGONAL = np.repeat(np.linspace(0.05, np.pi - 0.05, 24)[:, None], 2, axis=1)


def distance_from_edges(result: Scattering) -> np.ndarray:
    """Return how far each point's energy is from the nearest band edge of a lead: near one Kwant loses digits."""
    c = band_shift(result.k)
    gaps = [abs(np.asarray(result.energy)[..., None, None] - lead.band_edges(c)) for lead in result.junction.leads]
    return np.minimum(*(gap.min(axis=(-2, -1)) for gap in gaps))


def distance_from_neighbors(result: Scattering) -> np.ndarray:
    """Return how far each point's band shift is from the next other one; infinite for one point."""
    shape = result.modes.shape[:-2]
    c = np.broadcast_to(band_shift(result.k), shape).ravel()
    rising = np.unique(c)
    gaps = np.concatenate([[np.inf], np.diff(rising), [np.inf]])
    return np.minimum(gaps[:-1], gaps[1:])[np.searchsorted(rising, c)].reshape(shape)


@dataclass
class Audits:
    """Remembers how well every result of a claim kept the conservation laws, and how near Kwant's it came.

    Every ``spot_check_every``-th is solved by Kwant as well; of every kind of defect the largest is kept.
    """

    spot_check_every: int = 10
    solved: int = 0
    spot_checks: int = 0
    defects: dict[str, float] = field(default_factory=dict)
    #: What is solved, and what Kwant compares.
    subject: ClassVar[str] = "engine"
    compared: ClassVar[str] = "Kwant points"

    def is_compared(self) -> bool:
        """Count one more, and return whether Kwant solves it too."""
        self.solved += 1
        return (self.solved - 1) % self.spot_check_every == 0

    def remember(self, name: str, value: Any) -> None:
        """Keep a defect if it is the largest of its kind."""
        worst = float(np.max(abs(np.asarray(value)), initial=0.0))
        self.defects[name] = max(self.defects.get(name, 0.0), worst)

    def checks(self, tolerance: float = 1e-9) -> tuple[Check, ...]:
        """Return one check per kind of defect: probabilities per mode, currents per unit incoming flux."""
        return (
            Check(f"{self.subject} without a comparison to Kwant", float(self.spot_checks == 0), 0.5),
            *(
                Check(f"{name}, {self.spot_checks} {self.compared}" if "Kwant" in name else name, value, tolerance)
                for name, value in self.defects.items()
            ),
        )


@dataclass
class Laboratory(Audits):
    """Solves junctions; Kwant at the point farthest from band edges, with probabilities and bond currents compared."""

    def scatter(self, junction: Junction, energy: Any = 0.0, k: Any = None, **options: Any) -> Scattering:
        """Return `kwant_spinjunc.scatter` of a junction, audited."""
        result = scatter(junction, energy, k, solver="halves", **options)
        if self.is_compared():
            self._spot_check(result)
        self.remember("unitarity defect", result.unitarity_defect)
        return result

    def _spot_check(self, result: Scattering) -> None:
        if isinstance(result.k, str):  # of an average, one of the points it is an average of
            result = scatter(result.junction, result.energy, DIAGONAL, solver="halves")
        shape = result.modes.shape[:-2]
        distance = np.where(result.modes.any(axis=(-1, -2)), distance_from_edges(result), -1.0)
        if distance.max() < 0:
            return
        calm = np.where(distance_from_neighbors(result) > CROWDED, distance, -1.0)
        distance = calm if calm.max() > 0 else distance
        point = np.unravel_index(int(np.argmax(distance)), shape)
        energy = np.broadcast_to(result.energy, shape)[point]
        k = None if result.k is None else np.broadcast_to(result.k, (*shape, 2))[point]
        exact = scatter(result.junction, float(energy), k)
        self.remember("probabilities, engine minus Kwant", result.probabilities[point] - exact.probabilities)
        resolved = exact.transmissions > RESOLVED
        ratio = result.transmissions[point][resolved] / exact.transmissions[resolved]
        self.remember("transmissions relative to Kwant's", ratio - 1)
        self.remember("bond currents, engine minus Kwant", result.bond_currents[point] - exact.bond_currents)
        self.remember("continuity defect (Kwant)", exact.continuity_defect)
        self.remember("flux minus exchange-field torque (Kwant)", exact.torque_defect)
        self.spot_checks += 1


def probabilities(scattering: Scattering) -> dict[str, np.ndarray]:
    """Return P and the numbers of open channels, which say all of the currents."""
    return {"P": scattering.probabilities, "modes": scattering.modes.astype(float)}


def k_average(
    lab: Laboratory,
    junction: Junction,
    energy: float,
    observe: Callable[[Scattering], Mapping[str, np.ndarray]] = probabilities,
    *,
    accuracy: float = 1e-8,
) -> dict[str, np.ndarray]:
    """Return the adaptive Brillouin-zone average of what ``observe`` finds at every k∥; of a chain, what it finds.

    ``observe`` takes the `Scattering` of n points and returns real arrays of shape (n, ...), of a chain without n;
    ``accuracy`` is the largest error of any component over the larger of its size and the conductance, or it is
    refused. A dispersive junction must have its default bonds.
    """
    if not junction.is_dispersive:
        return dict(observe(lab.scatter(junction, energy)))
    edges = np.unique(zone.thresholds(junction, energy))
    bare = replace(junction, buffer=1)  # the planes of the leads that are resolved hold no states of their own
    split = np.concatenate([edges, zone.resonances(bare, energy)])
    shapes: dict[str, tuple[int, ...]] = {}

    def function(c: np.ndarray) -> np.ndarray:
        c = _off_edges(c, edges)
        found = observe(lab.scatter(junction, energy, in_plane_vectors(c)))
        shapes.update({name: array.shape[1:] for name, array in found.items()})
        return np.concatenate([array.reshape(len(c), -1) for array in found.values()], axis=-1)

    rough = zone.mean(lambda c: halves.probabilities(bare, energy, c), bare, energy, rtol=1e-2, strict=False).value
    conductance = float(rough[1, :, 0, :].sum())
    flat = zone.average(function, split, rtol=accuracy, atol=accuracy * conductance).value
    return _split(flat, shapes)


def _split(flat: np.ndarray, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Return arrays by name from all of their elements in a row."""
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])[:-1]
    return {name: part.reshape(shapes[name])[()] for name, part in zip(shapes, np.split(flat, ends), strict=True)}


def _off_edges(c: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return ``c``, what lies within `NEAR_EDGE` of a band edge moved to that distance, beyond rounding."""
    if not len(edges):
        return c
    nearest = edges[abs(c[:, None] - edges).argmin(axis=-1)]
    away = np.where(c == nearest, -np.sign(nearest), np.sign(c - nearest))
    return np.where(abs(c - nearest) < NEAR_EDGE, np.clip(nearest + away * NEAR_EDGE, -2, 2), c)


def in_plane_vectors(c: np.ndarray) -> np.ndarray:
    """Return wave vectors with cos kx a + cos kz a = c, on the diagonal of the zone, shape (..., 2) in 1/a."""
    return np.stack([np.arccos(np.clip(c / 2, -1, 1))] * 2, axis=-1)


# ---------------------------------------------------------------------- samples
#: Transmissions above this are compared relatively too: an amplitude is exact to about 1e-15 in Kwant.
RESOLVED_SAMPLE = 1e-8
#: Quantities that are differences of probabilities, or audits, and not compared one by one.
AUDITS = ("unitarity_defect", "continuity_defect")


@dataclass
class SampleLaboratory(Audits):
    """Averages junctions over disorder, every ensemble of one cross-section at one energy.

    Kwant solves the first sample of an ensemble, for its middle direction; every averaged quantity is compared.

    ``seed``: None, and all ensembles have the same random numbers; or a number, and each has its own. Twisted boundary
    conditions: every sample has its own Bloch vector, which breaks time reversal for most and so suppresses weak
    localization, -1/3 e²/h of a wire, in part: the variance of the conductance lies between that with time reversal and
    that without.
    """

    spot_check_every: int = 5
    width: int = 4
    energy: float = 0.0
    boundary: str = "twisted"
    seed: int | None = None
    samples: int = 0
    failed: int = 0
    subject: ClassVar[str] = "ensembles"
    compared: ClassVar[str] = "samples"

    def average(
        self, junction: Junction, realizations: int, *, width: int | None = None, compared: bool = False, **options: Any
    ) -> Ensemble:
        """Return `kwant_spinjunc.ensemble` of a junction in this process, audited; ``compared``: surely by Kwant."""
        W = width or self.width
        sampling = {"cross_section": (W, W), "boundary": self.boundary, "realizations": realizations, "torques": False}
        if self.seed is not None:
            self.seed += 1
            sampling["seed"] = self.seed
        result = ensemble(junction, self.energy, workers=1, progress=False, **(sampling | options))
        for name in AUDITS:
            if name in result.names:
                self.remember(name.replace("_", " "), result[name].maximum)
        if self.is_compared() or compared:
            self._spot_check(result, junction, sampling | options)
        self.samples += result.realizations
        self.failed += result.failed
        return result

    def _spot_check(self, result: Ensemble, junction: Junction, options: dict[str, Any]) -> None:
        directions = options.get("m_right")
        middle = None if directions is None else len(directions) // 2
        chosen = None if directions is None else np.asarray(directions)[[middle]]
        one = {**options, "m_right": chosen, "realizations": 1, "rtol": None, "chunk": 1, "solver": "kwant"}
        exact = next(ensemble(junction, self.energy, workers=1, progress=False, **one).batches())
        found = next(result.batches())
        for name, values in exact.items():
            if name in AUDITS:
                continue
            mine = found[name][:1] if middle is None or name == "modes" else found[name][:1, [middle]]
            scale = max(1.0, float(abs(values).max(initial=0.0)))
            self.remember("sample, engine minus Kwant, of the largest element", (mine - values) / scale)
            if name == "transmissions":
                resolved = values > RESOLVED_SAMPLE
                self.remember("transmissions of a sample relative to Kwant's", mine[resolved] / values[resolved] - 1)
        self.spot_checks += 1

    def checks(self, tolerance: float = 1e-9) -> tuple[Check, ...]:
        """Return the checks of `Audits`, and that no sample failed."""
        compared, *others = super().checks(tolerance)
        return compared, Check(f"failed samples of {self.samples}", float(self.failed), 0.5), *others


def amplitudes_by_kwant(junction: Junction, energy: float, section: CrossSection, realization: int) -> np.ndarray:
    """Return t of one sample, all modes of the right lead by all of the left: Kwant's S alone, no waves, no audit."""
    k = section.k if "periodic" in section.boundary else None
    sample = build(junction, k, cross_section=section.shape, boundary=section.boundary, realization=int(realization))
    found = kwant.smatrix(with_analytic_leads(sample, junction, section).finalized(), energy)
    return np.asarray(found.submatrix(1, 0))


@dataclass(frozen=True)
class Number:
    """A value and its standard error, or arrays of them."""

    value: Any
    error: Any

    def __str__(self) -> str:
        return value_with_error(float(self.value), float(self.error))

    def __iter__(self) -> Iterator[Any]:
        return iter((self.value, self.error))

    def __getitem__(self, index: Any) -> Number:
        return Number(self.value[index], self.error[index])

    def __truediv__(self, scale: Any) -> Number:
        return Number(self.value / scale, self.error / scale)

    def deviation(self, other: Number) -> float:
        """Return the distance from another number in standard errors of the difference."""
        return abs(self.value - other.value) / np.hypot(self.error, other.error)

    @classmethod
    def of(cls, function: Any, *numbers: Number) -> Number:
        """Return a function of independent numbers, its error to first order."""
        values = np.array([number.value for number in numbers])
        value, variance = float(function(*values)), 0.0
        for i, number in enumerate(numbers):
            moved = values.copy()
            moved[i] += number.error
            variance += (float(function(*moved)) - value) ** 2
        return cls(value, float(np.sqrt(variance)))


def numbers_of(average: Ensemble, function: Callable[[Any], Mapping[str, Any]]) -> dict[str, Number]:
    """Return what a function makes of the means of all quantities over samples, by name, with standard errors."""
    shapes: dict[str, tuple[int, ...]] = {}

    def flat(means: Any) -> np.ndarray:
        found = {name: np.asarray(value, dtype=float) for name, value in function(means).items()}
        shapes.update({name: value.shape for name, value in found.items()})
        return np.concatenate([value.ravel() for value in found.values()])

    value, error = (_split(part, shapes) for part in average.of_means(flat))
    return {name: Number(value[name], error[name]) for name in shapes}


def across(vectors: np.ndarray, m: Any, other: Any) -> np.ndarray:
    """Return what vectors [..., xyz] have across m, complex: in the plane of both magnetizations plus i times out."""
    in_plane, normal = torque_axes(m, other)
    return vectors @ in_plane + 1j * (vectors @ normal)


def half_depth(size: np.ndarray) -> float:
    """Return the depth from which on a size [depth] is below half of its first value, interpolated; inf if never."""
    relative = size / size[0]
    last = int(np.flatnonzero(relative >= 0.5)[-1])
    if last + 1 == len(size):
        return np.inf
    above, below = np.log(relative[last : last + 2])
    return float(last + (above - np.log(0.5)) / (above - below))


# ---------------------------------------------------------------------- second routes
def clean_density(lead: Layer, energy: float) -> np.ndarray:
    """Return the density of states ν_s of a clean metal per site, energy and spin."""
    weight, v = _velocities(lead, energy)
    return np.asarray(weight @ np.where(v > 1e-6, 1 / np.where(v > 1e-6, v, 1.0), 0.0) / np.pi)


def golden_rule_paths(lead: Layer, energy: float, width: float) -> np.ndarray:
    """Return ℓ_s in planes of random levels of ``width`` W by the golden rule, of σ_s = 12⟨v²⟩/W² = (4/3) N_s ℓ_s."""
    weight, v = _velocities(lead, energy)
    return np.asarray(9 * fermi_moment(lead, energy, 2) / width**2 / (weight @ (v > 0)))


def fermi_moment(lead: Layer, energy: float, power: int) -> np.ndarray:
    """Return ⟨|v_s|ⁿ⟩ on the Fermi surface of a clean metal, v along the current, n at least 2."""
    weight, v = _velocities(lead, energy)
    return np.asarray(weight @ v ** (power - 1) / np.pi / clean_density(lead, energy))


def _velocities(lead: Layer, energy: float) -> tuple[np.ndarray, np.ndarray]:
    """Return weights of k∥ and the velocities |v_s(k∥)| along the current, 0 where the spin has no channel."""
    c, weight = zone.nodes(np.unique(zone.thresholds(Junction(lead, [], lead), energy)))
    return weight, np.sqrt(np.clip(4 * lead.hopping**2 - (lead.levels(c) - energy) ** 2, 0.0, None))
