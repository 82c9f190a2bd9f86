"""Julliere's tunnel magnetoresistance from the polarizations of both faces."""

import numpy as np

from kwant_spinjunc.scattering import scatter_quietly as scatter
from systems.asymmetric_junction import asymmetric_junction

from . import Compared

#: A thick barrier between different magnets, one k∥.
JUNCTION = {"height": 4.0, "thickness": 8}


def compare(quick: bool) -> list[Compared]:
    """Return (G_P - G_AP)/G_AP with P_L and P_R taken from junctions of each magnet with itself."""
    T = [scatter(asymmetric_junction(theta=x, **JUNCTION), 0.0).transmissions for x in (0.0, np.pi)]
    ours = float(T[0].sum() / T[1].sum() - 1)
    magnets = [{"onsite": 1.0, "splitting": 1.0}, {"onsite": 0.3, "splitting": 2.0}]
    P = []
    for magnet in magnets:
        same = {"onsite_right": magnet["onsite"], "splitting_right": magnet["splitting"]}
        height = 5.0 - magnet["onsite"]  # the barrier's level is that of the junction
        own = asymmetric_junction(theta=0.0, **magnet, **same, height=height, thickness=8)
        faces = np.sqrt(np.diagonal(scatter(own, 0.0).transmissions))
        P.append((faces[0] - faces[1]) / faces.sum())
    return [
        Compared(
            id="julliere",
            source="M. Julliere, Phys. Lett. A 54, 225 (1975)",
            kind="closed form",
            quantity="2 P_L P_R/(1 − P_L P_R), P of each magnet from the junction with itself; ε = Δ = t and ε = "
            "0.3 t, Δ = 2 t, level of the barrier 5 t, 8 planes, one k∥",
            published=float(2 * P[0] * P[1] / (1 - P[0] * P[1])),
            ours=ours,
            tolerance=1e-8 * abs(ours),
            why="Corrections of the order of the transmission, below 1e-6.",
        )
    ]
