"""What would have to change: thicker or higher barriers, solved until a law's error is below the tolerance."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kwant_spinjunc.errors import SpinjuncError
from kwant_spinjunc.judge.clean import Clean, spacer_layer
from kwant_spinjunc.judge.evidence import Evidence, InapplicableError

__all__ = ["Search"]

#: Planes added, and heights in units of the spacer's hopping, that are tried first, one after the other.
PLANES = (1, 2, 4, 8, 16, 32)
HEIGHTS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
#: Halvings of the last interval of heights: to a few parts in a thousand.
HALVINGS = 6


class Search:
    """Solves changed junctions, each once for all laws.

    Parameters
    ----------
    problem
        A clean junction.
    errors
        Gives the worst error of every law, by id, of some evidence; laws that do not apply are missing.
    tolerance
        What errors are to be brought below.
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

    def advice(self, law: str) -> str:
        """Return how thick or how high the barrier must be for the law, in words, having solved such a junction."""
        spacer = spacer_layer(self.problem.junction)
        try:
            self.problem.changed(planes=1)
        except InapplicableError as reason:
            return f"Nothing was tried: {reason}."
        layer = self.problem.junction.layers[spacer.layer]  # type: ignore[index, union-attr]
        found = []
        planes = self._planes(law)
        if planes:
            error = self._solved[planes, 0.0][law]
            found.append(f"{layer.thickness + planes} planes of its spacer instead of {layer.thickness} (error {error:.2g})")
        height = self._height(law, layer.hopping)
        if height:
            error = self._solved[0, height][law]
            found.append(f"a level {layer.onsite + height:.4g} instead of {layer.onsite:.4g} (error {error:.2g})")
        if found:
            return f"Below {self.tolerance:.2g} with {' or '.join(found)}."
        return (
            f"No spacer up to {PLANES[-1]} planes thicker, nor one up to {HEIGHTS[-1] * layer.hopping:g} higher, "
            f"brings it below {self.tolerance:.2g}."
        )

    def _planes(self, law: str) -> int:
        """Return how many more planes suffice, 0 if none of those tried."""
        last = 0
        for count in PLANES:
            if self._holds(law, count, 0.0):
                while count - last > 1:
                    middle = (count + last) // 2
                    if self._holds(law, middle, 0.0):
                        count = middle
                    else:
                        last = middle
                return count
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
