"""In-plane torque from collinear spin currents, its sign reversal, and the even out-of-plane torque under a bias."""

import numpy as np
from scipy.optimize import brentq

from kwant_spinjunc.transport.bias import bias_response
from systems.tunnel_junction import tunnel_junction

from ..compare import fit_power_law
from . import Compared

SOURCE = "I. Theodonis, N. Kioussis, A. Kalitsov, M. Chshiev, W. H. Butler, Phys. Rev. Lett. 97, 237205 (2006)"
#: A magnet whose in-plane torque reverses, unit t: ε, Δ, t∥ = t, barrier level 8 t, three planes.
MAGNET = {"onsite": 4.0, "splitting": 3.0, "in_plane_hopping": 1.0, "height": 4.0, "thickness": 3}
SMALL = np.array([0.05, 0.1, 0.2])


def torques(V: object, theta: float) -> object:
    """Return the response of the window, k∥-averaged."""
    return bias_response(tunnel_junction(theta, **MAGNET), V, k="average", layers=False, rtol=1e-7)


def in_plane(V: float) -> float:
    """Return the in-plane torque on the right magnet at 90° over the bias."""
    return float(torques(V, np.pi / 2).torques.damping_like[1] / V)  # type: ignore[attr-defined]


def half_difference(V: float) -> float:
    """Return ½[J_M(0°) - J_M(180°)] over the bias."""
    J = [torques(V, theta).magnetization[1] for theta in (0.0, np.pi)]  # type: ignore[attr-defined]
    return float((J[0] - J[1]) / 2 / V)


def compare(quick: bool) -> list[Compared]:
    """Return the bias of the reversal by both routes, and the power of the out-of-plane torque."""
    grid = np.linspace(-0.8, -0.1, 8)
    signs = np.sign([half_difference(float(V)) for V in grid])
    found = []
    if len(at := np.flatnonzero(np.diff(signs))):
        bracket = float(grid[at[0]]), float(grid[at[0] + 1])
        told, ours = (float(brentq(f, *bracket, xtol=1e-4)) for f in (half_difference, in_plane))
        found.append(
            Compared(
                id="torque-reversal",
                source=f"{SOURCE}, T∥ = ½[Q(180°) − Q(0°)]",
                kind="closed form",
                quantity="bias at which T∥ reverses without the current, from collinear spin currents against the "
                "torque at 90°; ε = 4 t, Δ = 3 t, t∥ = t, barrier 8 t, three planes",
                published=told,
                ours=ours,
                tolerance=0.01,
                why="The identity holds to the order of the transmission.",
                unit="t",
            )
        )
    junction, V = tunnel_junction(np.pi / 2, **MAGNET), np.append(0.0, SMALL)
    response = bias_response(junction, V, k="average", layers=False, rtol=1e-8, equilibrium=True)
    change = response.total_torques.field_like[:, 1]
    found.append(
        Compared(
            id="out-of-plane-power",
            source=SOURCE,
            kind="stated law",
            quantity="power of V in T⊥(V) − T⊥(0), the same junction",
            published=2.0,
            ours=fit_power_law(SMALL, abs(change[1:] - change[0])).exponent,
            tolerance=0.1,
            why="The next even order at V = 0.2 t.",
        )
    )
    return found
