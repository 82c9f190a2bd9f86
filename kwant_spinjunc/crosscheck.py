r"""A second, independent route to what has been solved: `scatter(..., check=True)`.

| solved by | checked by |
|---|---|
| Kwant, modes of the leads found or typed in | the fast engine |
| the engine, one cell or a supercell | Kwant, on the first, the middle and the last point of a batch |
| all angles and momenta of a Kwant system | Kwant on the system turned by hand, see `crystals.audit` |
| the engine, average | the general 2×2 recursion, integrated without being told of resonances |

Where Kwant is not installed or refuses a point (within 1e-12 of a band edge), the general 2×2 recursion takes its
place: of the engine's own kind, but no number of the two halves enters it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from . import halves
from .arrays import Floats
from .devices import junctions
from .errors import ArgumentError
from .halves import route, zone
from .halves.batch import as_stack
from .model.problem import Problem
from .optional import has
from .printing import counted
from .solved import Solved, refuse_disagreement

#: Points of a batch that are solved again.
POINTS = 3
#: Average: the two may differ by their errors, and by so many tolerances.
MARGIN = 10.0


@dataclass(frozen=True)
class Check:
    """What a second route said."""

    route: str  #: Which.
    points: int  #: How many points were solved again.
    difference: float  #: Largest difference of a probability or of a bond current.
    allowed: float  #: Up to where the two agree.

    def __str__(self) -> str:
        return f"{self.route} at {counted(self.points, 'point')} differs by {self.difference:.1e}"


def cross_check(problem: Problem, solved: Solved) -> Check:
    """Solve again by another route and compare.

    Raises `DisagreementError`: The two differ by more than the tolerance.
    """
    check = _average(problem, solved) if problem.is_average else _points(problem, solved)
    refuse_disagreement(solved.solver, check.route, check.difference, check.allowed)
    return check


def _points(problem: Problem, solved: Solved) -> Check:
    shape = solved.modes.shape[:-2]
    count = int(np.prod(shape))
    flat = np.unique(np.linspace(0, count - 1, POINTS).round().astype(int)) if shape else np.zeros(1, dtype=int)
    worst, names, fields = 0.0, set(), None
    for number in flat:
        at = np.unravel_index(number, shape)
        if not solved.modes[at].any():
            continue
        single = problem.at(at, shape)
        other, name = _second(single, solved.solver)
        names.add(name)
        worst = max(worst, float(abs(other.probabilities - solved.probabilities[at]).max()))
        if fields is None and (not shape or problem.m_right is not None):  # of a batch of energies the points alone
            fields = solved.solve_fields()
        mine = route.answer(single).solve_fields().currents if fields is None else fields.currents[at]
        worst = max(worst, float(abs(mine - other.solve_fields().currents).max()))
    return Check(" and ".join(sorted(names)), len(flat), worst, problem.max_defect)


def _second(problem: Problem, solver: str) -> tuple[Solved, str]:
    """Return the answer of another route than ``solver`` to one point, and its name."""
    if not solver.startswith("halves"):
        return route.answer(problem), "halves"
    for analytic in (False, True) if has("kwant") else ():
        try:
            return junctions.answer(problem, analytic=analytic), "modes" if analytic else "kwant"
        except ArgumentError:  # at a band edge, or too large
            continue
    if not problem.section.is_single_cell:
        raise ArgumentError("Argument `check` must be False for a supercell without Kwant: there is no second route.")
    texture, c = as_stack(problem.junction).as_texture(), problem.band_shift
    found = halves.states(texture, problem.energy, c)
    P = halves.probabilities(texture, problem.energy, c)
    return Solved(solver="texture", probabilities=P, modes=found.modes, unitarity_defect=P, states=found), "texture"


def _average(problem: Problem, solved: Solved) -> Check:
    texture, energy = as_stack(problem.junction).as_texture(), problem.energy

    def channels(c: Floats) -> Floats:
        return halves.probabilities(texture, energy, c)

    split = zone.thresholds(problem.junction, energy)
    found = zone.average(channels, split, rtol=problem.rtol, atol=problem.rtol, strict=False)
    difference = float(abs(found.value - solved.probabilities).max())
    allowed = MARGIN * max(problem.max_defect, problem.rtol) + float((found.error + solved.k_error).max())
    return Check("texture", found.points, difference, allowed)
