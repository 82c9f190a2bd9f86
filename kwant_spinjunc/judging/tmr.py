"""The tunneling magnetoresistance of anything that has two magnets."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..checks import choice
from ..errors import ArgumentError, NoOpenChannelError
from ..model.junction import Junction
from ..transport.derivatives import collinear_conductances, ratio
from .door import problem_of
from .evidence import InapplicableError

#: Definitions of the magnetoresistance, by what they divide by.
DEFINITIONS = ("optimistic", "pessimistic")


def tmr(
    junction: Any, energy: ArrayLike = 0.0, k: Any = None, *, definition: str = "optimistic", **settings: Any
) -> Any:
    r"""Return the magnetoresistance (G_P - G_AP)/G_AP of parallel and antiparallel magnets.

    **Result**: Dimensionless; infinite where nothing flows in the denominator. Raises `ArgumentError`: The magnets
    cannot be turned against each other, or an argument is unknown. `NoOpenChannelError`: No current flows in either
    state.

    Parameters
    ----------
    junction
        As in `judge`; its own angle does not matter.
    energy
        Energy; of a clean junction an array as well.
    k
        As in `judge`, ``"average"`` included.
    definition
        ``"optimistic"``: (G_P - G_AP)/G_AP, -1 to ∞. ``"pessimistic"``: (G_P - G_AP)/G_P, at most 1.
    **settings
        As in `judge`: parameters of a family, ``cross_section`` and the others of samples, ``turned_by``.

    Examples
    --------
    >>> import kwant_spinjunc as sj
    >>> iron = sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> junction = sj.Junction(iron, [sj.barrier(onsite=3.0, hopping=1.0, thickness=4)], iron)
    >>> round(tmr(junction), 6), round(tmr(junction, definition="pessimistic"), 6)
    (0.0086, 0.008527)
    """
    choice("definition", definition, DEFINITIONS)
    if isinstance(junction, Junction) and not junction.is_disordered and not settings:
        parallel, antiparallel = collinear_conductances(junction, energy, k)
    else:
        _, problem, _ = problem_of(junction, float(np.asarray(energy)), k, ((0.5, 0.5), (-0.5, -0.5)), (), settings)
        evidence = problem.evidence
        try:
            parallel, antiparallel = (np.asarray(G) for G in evidence.collinear)
        except InapplicableError as reason:
            raise ArgumentError(f"Argument `junction` must have two magnets that turn, but {reason}.") from None
    if not (parallel.any() or antiparallel.any()):
        raise NoOpenChannelError("No current flows between parallel nor antiparallel magnets. Choose another energy.")
    found = ratio(parallel, antiparallel, antiparallel if definition == "optimistic" else parallel)
    return found if found.ndim else float(found)
