"""The microscopic side of every claim: solve with the fast engine, spot-check with Kwant, collect the defects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, Scattering
from kwant_spinjunc.model.plane import band_shift
from kwant_spinjunc.report import Check
from kwant_spinjunc.scattering import scatter_quietly as scatter

#: Transmissions above this are compared relatively too.
RESOLVED = 1e-28
#: Wave vectors kx = kz from Γ to the corner of the zone.
DIAGONAL = np.repeat(np.linspace(0.05, np.pi - 0.05, 24)[:, None], 2, axis=1)


def distance_from_edges(result: Scattering) -> np.ndarray:
    """Return how far each point's energy is from the nearest band edge of a lead: near one Kwant loses digits."""
    c = band_shift(result.k)
    gaps = [abs(np.asarray(result.energy)[..., None, None] - lead.band_edges(c)) for lead in result.junction.leads]
    return np.minimum(*(gap.min(axis=(-2, -1)) for gap in gaps))


@dataclass
class Laboratory:
    """Solves junctions for one claim and remembers how well every result kept the conservation laws.

    Every ``spot_check_every``-th junction is solved by Kwant as well, at its point farthest from band edges, and the
    largest differences of probabilities and bond currents between the two solvers are kept.
    """

    spot_check_every: int = 10
    solved: int = 0
    spot_checks: int = 0
    defects: dict[str, float] = field(default_factory=dict)

    def scatter(self, junction: Junction, energy: Any = 0.0, k: Any = None, **options: Any) -> Scattering:
        """Return `kwant_spinjunc.scatter` of a junction, audited."""
        result = scatter(junction, energy, k, solver="halves", **options)
        if self.solved % self.spot_check_every == 0:
            self._spot_check(result)
        self.solved += 1
        self._remember("unitarity defect", result.unitarity_defect)
        return result

    def _spot_check(self, result: Scattering) -> None:
        if isinstance(result.k, str):  # of an average, one of the points it is an average of
            result = scatter(result.junction, result.energy, DIAGONAL, solver="halves")
        shape = result.modes.shape[:-2]
        distance = np.where(result.modes.any(axis=(-1, -2)), distance_from_edges(result), -1.0)
        if distance.max() < 0:
            return
        point = np.unravel_index(int(np.argmax(distance)), shape)
        energy = np.broadcast_to(result.energy, shape)[point]
        k = None if result.k is None else np.broadcast_to(result.k, (*shape, 2))[point]
        exact = scatter(result.junction, float(energy), k)
        self._remember("probabilities, engine minus Kwant", result.probabilities[point] - exact.probabilities)
        resolved = exact.transmissions > RESOLVED
        ratio = result.transmissions[point][resolved] / exact.transmissions[resolved]
        self._remember("transmissions relative to Kwant's", ratio - 1)
        self._remember("bond currents, engine minus Kwant", result.bond_currents[point] - exact.bond_currents)
        self._remember("continuity defect (Kwant)", exact.continuity_defect)
        self._remember("flux minus exchange-field torque (Kwant)", exact.torque_defect)
        self.spot_checks += 1

    def _remember(self, name: str, value: Any) -> None:
        worst = float(np.max(abs(np.asarray(value)), initial=0.0))
        self.defects[name] = max(self.defects.get(name, 0.0), worst)

    def checks(self, tolerance: float = 1e-9) -> tuple[Check, ...]:
        """Return one check per kind of defect, all per unit incoming flux."""
        compared = Check("engine without a comparison to Kwant", float(self.spot_checks == 0), 0.5)
        return compared, *(
            Check(f"{name}, {self.spot_checks} Kwant points" if "Kwant" in name else name, value, tolerance)
            for name, value in self.defects.items()
        )
