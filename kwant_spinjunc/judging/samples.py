"""Exact numbers of a disordered junction: averages over its samples, every sample solved at all angles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..arrays import Floats
from ..model.junction import Junction
from ..printing import counted, with_unit
from ..runs.ensemble import ensemble
from .clean import grown, unlabeled, why_fixed
from .evidence import Evidence, Problem


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples(Problem):
    """A disordered junction at one energy."""

    junction: Junction
    settings: Mapping[str, Any]  #: What `ensemble` takes besides the junction and its energy.

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
            angles = self.all_angles
            directions = self.junction.directions_at(angles)
        settings = {"torques": False, **self.settings}
        result = ensemble(self.junction, self.energy, m_right=directions, **settings)
        n, torques = len(angles), bool(settings["torques"])
        shape = (n, 2, 2, 2, 2)
        m = np.tile([lead.m for lead in self.junction.leads], (n, 1, 1))
        if directions is not None:
            for side, (lead, axis) in enumerate(zip(self.junction.leads, self.junction.magnetizations, strict=True)):
                if lead.is_magnetic:
                    m[:, side] = np.sign(np.dot(lead.m, axis)) * (directions if side else axis)

        def at_bias(means: Mapping[str, Any]) -> Floats | None:
            return np.asarray(means["spin_current"]).reshape(n, 3) if torques else None

        def resample(function: Callable[[Evidence], Floats]) -> tuple[Floats, Floats]:
            def again(means: Mapping[str, Any]) -> Floats:
                P = means["probabilities"].reshape(shape)
                return function(replace(found, probabilities=P, at_bias=at_bias(means), resample=None))

            value, error = result.of_means(again)
            return np.asarray(value), np.asarray(error)

        found = Evidence(
            problem=self,
            angles=angles,
            probabilities=result.probabilities.mean.reshape(shape),
            modes=np.asarray(result["modes"].mean, dtype=float),
            m=m,
            unlabeled=unlabeled(self.junction),
            at_bias=np.asarray(result["spin_current"].mean).reshape(n, 3) if torques else None,
            unseen="its spin current is not averaged; pass torques=True",
            fixed=self.fixed,
            samples=int(result.conductance.count),
            resample=resample,
        )
        return found

    def changed(self, planes: int, angles: tuple[float, ...]) -> Samples:
        """Return the problem with a thicker spacer, at fewer angles."""
        settings = {**self.settings, "store": None, "torques": False}
        return replace(self, junction=grown(self.junction, planes), angles=angles, settings=settings)
