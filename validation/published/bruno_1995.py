"""Bruno's asymptotic interlayer exchange coupling of one channel."""

import numpy as np

from kwant_spinjunc import Junction, ferromagnet, halves, normal_metal, unit_vector
from kwant_spinjunc.model.junction import Layer
from kwant_spinjunc.transport.equilibrium import grand_potential

from . import Compared

#: Weak magnets on a nonmagnetic chain, unit t: reflections are small, so that one round trip is all.
MAGNET, METAL = {"onsite": 0.3, "splitting": 0.3, "hopping": 1.0}, {"onsite": 0.0, "hopping": 1.0}
FERMI = 0.4


def coupling(planes: int) -> float:
    """Return Ω(180°) - Ω(0°) behind so many planes of metal."""
    values = []
    for theta in (np.pi, 0.0):
        right = ferromagnet(**MAGNET, m=unit_vector(theta))
        junction = Junction(ferromagnet(**MAGNET), [normal_metal(**METAL, thickness=planes)], right)
        values.append(float(grand_potential(junction, FERMI, rtol=1e-11)[0]))
    return values[0] - values[1]


def asymptotic(planes: int) -> float:
    """Return -(ħv_F/2πD) Re[Δr_A Δr_B e^{2ik_F D}], Δr = r_↑ - r_↓, leading order in Δr."""
    contact = Junction(Layer(**METAL, m=(0, 0, 1)), [], ferromagnet(**MAGNET))
    S = halves.solve(contact, FERMI).amplitudes
    r = S[0, [0, 1], 0, [0, 1]]  # phase at the first plane of metal, one before the magnet
    k = float(np.arccos(-FERMI / 2))
    v = 2 * np.sin(k)
    # both reflections refer to planes of metal that are `planes` - 1 apart
    wave = (r[0] - r[1]) ** 2 * np.exp(2j * k * (planes - 1))
    return float(-v / (2 * np.pi * planes) * wave.real)


def compare(quick: bool) -> list[Compared]:
    """Return the largest coupling of six neighboring thicknesses."""
    planes = range(200, 206)
    exact, told = (np.array([f(n) for n in planes]) for f in (coupling, asymptotic))
    at = int(np.argmax(abs(told)))
    return [
        Compared(
            id="bruno-coupling",
            source="P. Bruno, Phys. Rev. B 52, 411 (1995), asymptotic form of the coupling at T = 0",
            kind="closed form",
            quantity=f"Ω(180°) − Ω(0°) of a chain, {planes[at]} planes of spacer; ε = Δ = 0.3 t magnets, E_F = 0.4 t",
            published=float(told[at]),
            ours=float(exact[at]),
            tolerance=0.03 * abs(float(told[at])),
            why="The next orders in 1/D and in the reflections are left out of the asymptotic form.",
            unit="t",
        )
    ]
