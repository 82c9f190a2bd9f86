"""Ensembles of disordered junctions for every claim: average, spot-check samples with Kwant, collect the defects."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kwant_spinjunc import Ensemble, Junction, ensemble
from kwant_spinjunc.report import Check

#: Transmissions above this are compared relatively too: an amplitude is exact to about 1e-15 in Kwant.
RESOLVED = 1e-8
#: Quantities that are differences of probabilities, or audits, and not compared one by one.
AUDITS = ("unitarity_defect", "continuity_defect")


@dataclass
class SampleLaboratory:
    """Averages junctions over disorder for one claim and remembers how well every sample kept the conservation laws.

    The first sample of every ``spot_check_every``-th ensemble is solved by Kwant as well, for its middle direction, and
    the largest difference of any averaged quantity between the two solvers is kept.
    """

    spot_check_every: int = 5
    solved: int = 0
    samples: int = 0
    failed: int = 0
    spot_checks: int = 0
    defects: dict[str, float] = field(default_factory=dict)

    def average(self, junction: Junction, energy: float, **options: Any) -> Ensemble:
        """Return `kwant_spinjunc.runs.ensemble` of a junction in this process, audited."""
        result = ensemble(junction, energy, workers=1, progress=False, **options)
        for name in AUDITS:
            if name in result.names:
                self.remember(name.replace("_", " "), result[name].maximum)
        if self.solved % self.spot_check_every == 0:
            self._spot_check(result, junction, energy, options)
        self.solved += 1
        self.samples += result.realizations
        self.failed += result.failed
        return result

    def _spot_check(self, result: Ensemble, junction: Junction, energy: float, options: dict[str, Any]) -> None:
        directions = options.get("m_right")
        middle = None if directions is None else len(directions) // 2
        chosen = None if directions is None else np.asarray(directions)[[middle]]
        one = {**options, "m_right": chosen, "realizations": 1, "rtol": None, "chunk": 1, "solver": "kwant"}
        exact = next(ensemble(junction, energy, workers=1, progress=False, **one).batches())
        found = next(result.batches())
        for name, values in exact.items():
            if name in AUDITS:
                continue
            mine = found[name][:1] if middle is None or name == "modes" else found[name][:1, [middle]]
            scale = max(1.0, float(abs(values).max(initial=0.0)))
            self.remember("sample, engine minus Kwant, of the largest element", (mine - values) / scale)
            if name == "transmissions":
                resolved = values > RESOLVED
                self.remember("transmissions of a sample relative to Kwant's", mine[resolved] / values[resolved] - 1)
        self.spot_checks += 1

    def remember(self, name: str, value: Any) -> None:
        """Keep a defect if it is the largest of its kind."""
        worst = float(np.max(abs(np.asarray(value)), initial=0.0))
        self.defects[name] = max(self.defects.get(name, 0.0), worst)

    def checks(self, tolerance: float = 1e-9) -> tuple[Check, ...]:
        """Return one check per kind of defect: probabilities per mode, currents per unit incoming flux."""
        return (
            Check("ensembles without a comparison to Kwant", float(self.spot_checks == 0), 0.5),
            Check(f"failed samples of {self.samples}", float(self.failed), 0.5),
            *(
                Check(f"{name}, {self.spot_checks} samples" if "Kwant" in name else name, value, tolerance)
                for name, value in self.defects.items()
            ),
        )


def lead_currents(P: np.ndarray, mu: Any) -> np.ndarray:
    """Return I_αs = ±Σ_βs' P[αs, βs'](µ_αs - µ_βs') of exact linear response, shape [..., lead, spin]."""
    potentials = np.array(mu)
    drop = potentials[:, :, None, None] - potentials
    return np.array([[1.0], [-1.0]]) * (P * drop).sum(axis=(-1, -2))
