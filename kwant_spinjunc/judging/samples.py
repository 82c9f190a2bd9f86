"""Exact numbers of a disordered junction: averages over its samples, every sample solved at all angles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from kwant_spinjunc.judging.clean import in_plane_directions, not_one_layer, spacer_layer, unlabeled, why_fixed
from kwant_spinjunc.judging.evidence import Evidence, InapplicableError
from kwant_spinjunc.model.junction import Junction
from kwant_spinjunc.printing import counted, with_unit
from kwant_spinjunc.runs.ensemble import ensemble

from ..arrays import Floats


@dataclass(frozen=True, eq=False)
class Samples:
    """A disordered junction at one energy."""

    #: `junction`, `energy`: As in `ensemble`.
    junction: Junction
    energy: float
    #: `mu`, `angles`: As in `clean.Clean`.
    mu: tuple[tuple[float, float], tuple[float, float]]
    angles: tuple[float, ...]
    settings: Mapping[str, Any]  #: What else `ensemble` takes.
    #: `metals`, `area`: As in `Evidence`.
    metals: Any = None
    area: float | None = None

    @property
    def words(self) -> str:
        """What was solved, in words."""
        (W, D), n = self.settings.get("cross_section", (1, 1)), self.evidence.samples
        return f"E = {with_unit(f'{self.energy:g}', self.junction.unit)}, {counted(n, 'sample')} of {W}×{D} sites"

    @cached_property
    def fixed(self) -> str:
        """Why the angle cannot be turned, empty if it can."""
        return why_fixed(self.junction)

    @cached_property
    def evidence(self) -> Evidence:
        """Means over the samples at every angle."""
        if self.fixed:
            angles, directions = np.array([self.junction.angle]), None
        else:
            angles = np.array(sorted({0.0, np.pi, *self.angles}))
            directions = in_plane_directions(self.junction, angles)
        settings = {"torques": False, **self.settings}
        result = ensemble(self.junction, self.energy, m_right=directions, **settings)
        n = len(angles)
        shape = (n, 2, 2, 2, 2)
        torques = bool(settings["torques"])
        leads = self.junction.leads
        left, right = (np.array(lead.m) for lead in leads)
        m = np.stack([np.broadcast_to(left, (n, 3)), np.broadcast_to(right, (n, 3))], axis=1).copy()
        if directions is not None:
            for side, (lead, axis) in enumerate(zip(leads, self.junction.magnetizations, strict=True)):
                if lead.is_magnetic:
                    m[:, side] = np.sign(np.dot(lead.m, axis)) * (directions if side else axis)

        def at_bias(means: Mapping[str, Any]) -> Floats | None:
            return np.asarray(means["spin_current"]).reshape(n, 3) if torques else None

        def resample(function: Callable[[Evidence], Floats]) -> tuple[Floats, Floats]:
            value, error = result.of_means(
                lambda means: function(found.with_averages(means["probabilities"].reshape(shape), at_bias(means)))
            )
            return np.asarray(value), np.asarray(error)

        found = Evidence(
            problem=self,
            angles=angles,
            asked=np.isin(angles, self.angles) if not self.fixed else np.ones(1, dtype=bool),
            probabilities=result.probabilities.mean.reshape(shape),
            modes=np.asarray(result["modes"].mean, dtype=float),
            m=m,
            mu=np.array(self.mu),
            unlabeled=unlabeled(self.junction),
            at_bias=np.asarray(result["spin_current"].mean).reshape(n, 3) if torques else None,
            unseen="its spin current is not averaged; pass torques=True",
            fixed=self.fixed,
            samples=int(result.conductance.count),
            resample=resample,
            metals=self.metals,
            area=self.area,
        )
        return found

    def changed(self, planes: int, angles: tuple[float, ...]) -> Samples:
        """Return the problem with more planes in its spacer, at fewer angles.

        Raises `InapplicableError`: The spacer is not one layer, or bonds are given by number.
        """
        spacer = spacer_layer(self.junction)
        if spacer is None or spacer.layer is None or self.junction.bonds is not None:
            raise InapplicableError(not_one_layer(spacer))
        layers = list(self.junction.layers)
        old = layers[spacer.layer]
        layers[spacer.layer] = replace(old, thickness=old.thickness + planes)
        return replace(
            self,
            junction=replace(self.junction, layers=layers),
            angles=angles,
            settings={**self.settings, "store": None, "torques": False},
        )
