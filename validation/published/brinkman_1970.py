"""Brinkman, Dynes and Rowell: curvature and asymmetry of the conductance of a trapezoidal barrier."""

import numpy as np

from kwant_spinjunc import Junction, barrier, normal_metal
from kwant_spinjunc.transport.bias import bias_response

from . import Compared

#: Electrodes with their bottom 2 t below the Fermi energy, unit t = ħ²/2ma²; mean height φ and asymmetry Δφ.
METAL = {"onsite": 4.0, "hopping": 1.0, "in_plane_hopping": 1.0}
PHI, DELTA = 0.1, 0.02
#: Planes of two barriers, from which their limit κd → ∞ is extrapolated.
PLANES = (40, 80)


def coefficients(planes: int) -> np.ndarray:
    """Return |b| and c of G(V)/G(0) - 1 = b V + c V², over theirs, from currents at ±V and ±2V."""
    levels = 6.0 + PHI + DELTA * (np.arange(planes) + 0.5 - planes / 2) / planes
    layers = [barrier(onsite=float(x), hopping=1.0, in_plane_hopping=1.0, thickness=1) for x in levels]
    metal, step = normal_metal(**METAL), 0.1 / planes
    V = step * np.array([-2.0, -1.0, 1.0, 2.0])
    J = bias_response(Junction(metal, layers, metal), V, k="average", layers=False, rtol=1e-10).current
    # J = g (V + b V²/2 + c V³/3)
    odd, even = (J - J[::-1]) / 2, (J + J[::-1]) / 2
    g = (8 * odd[2] - odd[3]) / (6 * step)
    b, c = 2 * even[2] / (g * step**2), (odd[3] - 2 * odd[2]) / (2 * g * step**3)
    A0 = 4 * planes / 3  # 4√(2m)d/3ħ
    return np.array([abs(b) / (A0 * DELTA / (16 * PHI**1.5)), c / (9 * A0**2 / (128 * PHI))])


def compare(quick: bool) -> list[Compared]:
    """Return both coefficients over theirs, extrapolated in 1/κd."""
    thin, thick = (coefficients(n) for n in PLANES)
    ours = 2 * thick - thin
    why = "WKB in leading order: 1/κd from prefactors and k∥ is extrapolated away; κa = 0.3 on the lattice."
    return [
        Compared(
            id=name,
            source="W. F. Brinkman, R. C. Dynes, J. M. Rowell, J. Appl. Phys. 41, 1915 (1970)",
            kind="closed form",
            quantity=f"{quantity}, over its value; φ = {PHI:g} t, Δφ = {DELTA:g} t, {PLANES[0]} and {PLANES[1]} planes",
            published=1.0,
            ours=float(value),
            tolerance=0.1,
            why=why,
        )
        for name, quantity, value in (
            ("conductance-asymmetry", "linear coefficient A0Δφ/16φ^(3/2) of G(V)", ours[0]),
            ("conductance-curvature", "quadratic coefficient 9A0²/128φ of G(V)", ours[1]),
        )
    ]
