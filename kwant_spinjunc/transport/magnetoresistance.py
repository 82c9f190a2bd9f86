r"""(G_P - G_AP)/G_AP of a junction, whose own angle does not matter.

Between collinear magnets only equal labels transmit at Φ = 0 and opposite ones at π; what rounding of cos π/2 leaves of
the others, 1e-33 of G_P, is left out: between half metals it would be all of G_AP.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from ..errors import NoOpenChannelError
from ..model.junction import Junction
from ..scattering import scatter_quietly


def collinear_conductances(junction: Junction, energy: ArrayLike, k: Any = None) -> tuple[Floats, Floats]:
    """Return G_P and G_AP by the fast engine, in e²/h per cell, shape of energies and momenta; 0 without channels."""
    m = junction.magnetizations[0]
    found = []
    for direction in (m, -m):
        at = junction.turned(m_right=direction)
        try:
            s = scatter_quietly(at, energy, k, solver="halves")
        except NoOpenChannelError:
            found.append(np.zeros(np.shape(energy)))
            continue
        kept = np.eye(2) if direction is m else 1 - np.eye(2)
        labeled = all(lead.is_magnetic for lead in junction.leads)
        found.append(np.asarray((s.transmissions * (kept if labeled else 1.0)).sum(axis=(-1, -2))))
    return found[0], found[1]


def ratio(parallel: Floats, antiparallel: Floats, below: Floats) -> Floats:
    """Return (G_P - G_AP)/G: infinite where nothing flows below, NaN where nothing flows at all."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((parallel - antiparallel) / below)
