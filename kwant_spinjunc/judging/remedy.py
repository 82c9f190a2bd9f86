"""What would have to change: thicker or higher barriers, solved until a law's error is below the tolerance."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from functools import cached_property

import numpy as np

from ..errors import SpinjuncError
from ..model.junction import Junction
from ..printing import counted, with_unit
from ..theory import tunnelling
from .clean import Clean, growing_layer
from .evidence import Evidence, InapplicableError
from .samples import Samples
from .verdict import Law

#: Planes added, and heights in units of the spacer's hopping, that are tried first, one after the other.
PLANES = (1, 2, 4, 8, 16, 32)
HEIGHTS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
#: Halvings of the last interval of heights: to a few parts in a thousand.
HALVINGS = 6


class Search:
    """Solves changed junctions, each once for all laws.

    ``errors``: gives the worst error of every law, by id, of some evidence; laws that do not apply are missing.
    ``tolerance``: what errors are to be brought below.
    """

    def __init__(self, problem: Clean, errors: Callable[[Evidence], Mapping[str, float]], tolerance: float) -> None:
        self.problem, self.errors, self.tolerance = problem, errors, tolerance
        self._solved: dict[tuple[int, float], Mapping[str, float]] = {}

    def _holds(self, law: str, planes: int, height: float) -> bool:
        key = (planes, height)
        if key not in self._solved:
            try:
                self._solved[key] = self.errors(self.problem.changed(planes=planes, height=height).evidence)
            except (SpinjuncError, FloatingPointError):  # this change leaves nothing to judge: it is no remedy
                self._solved[key] = {}
        return self._solved[key].get(law, float("inf")) <= self.tolerance

    def advice(self, found_law: Law) -> str:
        """Return how thick or how high the barrier must be for the law, in words, having solved such a junction."""
        law, junction = found_law.id, self.problem.junction
        try:
            layer = junction.layers[growing_layer(junction)]
        except InapplicableError as reason:
            return f"Nothing was tried: {reason}."
        unit = junction.unit
        highest = with_unit(f"{HEIGHTS[-1] * layer.hopping:.4g}", unit)
        found = []
        planes = self._planes(law)
        if planes:
            how = self._how(law, planes, 0.0)
            found.append(f"{layer.thickness + planes} planes of its spacer instead of {layer.thickness} ({how})")
        height = self._height(law, layer.hopping)
        if height:
            level = with_unit(f"{layer.onsite + height:.4g} instead of {layer.onsite:.4g}", unit)
            found.append(f"a level {level} ({self._how(law, 0, height)})")
        if found:
            return f"Below {self.tolerance:.2g} with {' or '.join(found)}."
        return (
            f"No spacer up to {PLANES[-1]} planes thicker, nor one up to {highest} higher, brings "
            f"it below {self.tolerance:.2g}."
        )

    def _how(self, law: str, planes: int, height: float) -> str:
        """Return the error behind a changed barrier, and whether there is still no decay."""
        said = f"error {self._solved[planes, height][law]:.3g}"
        try:
            self.problem.changed(planes=planes, height=height).decaying  # noqa: B018 - refuses where nothing decays
        except InapplicableError:
            return f"{said}, where it still conducts"
        return said

    def _planes(self, law: str) -> int:
        """Return how many more planes suffice, 0 if none of those tried."""
        last = 0
        for count in PLANES:
            if self._holds(law, count, 0.0):
                return last + 1 + bisect_left(range(last + 1, count), True, key=lambda n: self._holds(law, n, 0.0))
            last = count
        return 0

    def _height(self, law: str, hopping: float) -> float:
        """Return how much higher suffices, 0 if none of those tried."""
        low = 0.0
        for factor in HEIGHTS:
            high = factor * hopping
            if self._holds(law, 0, high):
                for _ in range(HALVINGS):
                    middle = (low + high) / 2
                    if self._holds(law, 0, middle):
                        high = middle
                    else:
                        low = middle
                return high
            low = high
        return 0.0


class SampledSearch:
    """One disordered junction with a thicker barrier, solved for all laws that fail.

    How much thicker is estimated from the decay of the barrier without its disorder, error ∝ e^{-2κd}; what the laws
    then miss is solved, with as many samples.
    """

    def __init__(
        self,
        problem: Samples,
        laws: Mapping[str, Law],
        errors: Callable[[Evidence], Mapping[str, float]],
        tolerance: float,
    ) -> None:
        self.problem, self.laws, self.errors, self.tolerance = problem, laws, errors, tolerance

    @cached_property
    def _trial(self) -> tuple[int, Mapping[str, float]] | str:
        try:
            kappa = _decay(self.problem.junction, growing_layer(self.problem.junction), self.problem.energy)
        except InapplicableError as reason:
            return str(reason)
        if kappa == 0:
            return "its spacer conducts at this energy without its disorder, and a thicker one would not decay"
        failing = [law for law in self.laws.values() if law.id in ("rotation", "tunnelling", "slonczewski")]
        worst = max((law.error for law in failing if law.error > self.tolerance), default=self.tolerance * math.e)
        planes = max(1, math.ceil(math.log(worst / self.tolerance) / (2 * kappa)))
        angles = tuple({law.at for law in failing if np.isfinite(law.at)}) or (np.pi / 2,)
        try:
            return planes, self.errors(self.problem.changed(planes, angles).evidence)
        except (SpinjuncError, InapplicableError) as error:
            return str(error)

    def advice(self, law: Law) -> str:
        """Return what the law misses behind the thicker barrier, in words."""
        trial = self._trial
        if isinstance(trial, str):
            return f"Nothing was tried: {trial.rstrip('.')}."
        planes, errors = trial
        if law.id not in errors:
            return ""
        more, percent = counted(planes, "more plane"), f"{100 * errors[law.id]:.3g} %"
        return f"With {more} of its spacer it is {percent}, solved at the worst angles."


def _decay(junction: Junction, layer: int, energy: float) -> float:
    """Return κa of a layer without its disorder where it is lowest, 0 where it conducts."""
    spacer = junction.layers[layer]
    level = spacer.onsite - 4 * abs(spacer.t_parallel)
    try:
        return float(tunnelling.lattice_decay_constant(level, energy, spacer.hopping))
    except tunnelling.ClassicallyAllowedError:
        return 0.0
