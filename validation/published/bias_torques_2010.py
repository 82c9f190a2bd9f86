"""Both torques and the exchange coupling of the single-band junction of Phys. Rev. B 81, 054437, its parameters."""

import numpy as np

from kwant_spinjunc import Junction, barrier, ferromagnet, unit_vector
from kwant_spinjunc.transport.bias import bias_response
from kwant_spinjunc.transport.equilibrium import equilibrium_response, grand_potential

from ..compare import fit_power_law
from . import Compared

SOURCE = "Phys. Rev. B 81, 054437 (2010), single band: t = −0.4, ε = 1.2 and 2.0, ε_B = 5.4 eV, five planes"
ANGLE, STEP = np.pi / 2, 1e-2
SMALL = np.array([0.02, 0.04, 0.08])


def junction(theta: float) -> Junction:
    """Return F|I|F of these parameters (eV); majority level 1.2, minority 2.0."""
    band = {"hopping": 0.4, "in_plane_hopping": 0.4}
    magnet = {"onsite": 1.6, "splitting": 0.8, **band}
    right = ferromagnet(**magnet, m=unit_vector(theta))
    return Junction(ferromagnet(**magnet), [barrier(onsite=5.4, thickness=5, **band)], right)


def compare(quick: bool) -> list[Compared]:
    """Return what their figures show as laws: T⊥(0) is the exchange coupling, T∥ starts linearly, T⊥ is even."""
    coupling = float(equilibrium_response(junction(ANGLE), 0.0, k="average", rtol=1e-8).torques.field_like[1])
    energies = [grand_potential(junction(ANGLE + s * STEP), 0.0, k="average", rtol=1e-9)[0] for s in (1, -1)]
    slope = -4 * np.pi * float(energies[0] - energies[1]) / (2 * STEP)
    bias = np.concatenate([-SMALL[::-1], [0.0], SMALL])
    response = bias_response(junction(ANGLE), bias, k="average", layers=False, rtol=1e-8, equilibrium=True)
    in_plane, out = response.torques.damping_like[:, 1], response.total_torques.field_like[:, 1]
    odd = ((in_plane - in_plane[::-1]) / 2)[len(SMALL) + 1 :]
    even = out[len(SMALL) + 1 :] - out[len(SMALL)]
    rows = (
        ("exchange-torque", "out-of-plane torque at no bias over −4π ∂Ω/∂Φ", 1.0, coupling / slope, 1e-3),
        ("in-plane-linear", "power of V in the odd part of T∥", 1.0, fit_power_law(SMALL, abs(odd)).exponent, 0.05),
        ("out-of-plane-even", "power of V in T⊥(V) − T⊥(0)", 2.0, fit_power_law(SMALL, abs(even)).exponent, 0.1),
    )
    return [
        Compared(
            id=name,
            source=SOURCE,
            kind="stated law",
            quantity=f"{quantity}; drop over the barrier's sites, k∥ average",
            published=told,
            ours=float(ours),
            tolerance=tolerance,
            why="Next orders in the bias and the difference quotient of Ω. Their printed curves are not read off here.",
        )
        for name, quantity, told, ours, tolerance in rows
    ]
