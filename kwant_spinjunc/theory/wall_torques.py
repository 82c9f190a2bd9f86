r"""Both torques on the wall of the domain-wall paragraph: which way it tilts, and when nothing static is left.

A chain E = -J Σ m_i·m_{i+1} - (K/2) Σ m_z² + (K_d/2) Σ m_y² along z, spin 0 at the interface, with the torque

    τ = τ_D m×(p×m) + τ_F p×m,    p = (sin ψ, 0, cos ψ),

damping-like and field-like. All energies, J > 0, K > 0, K_d >= 0, τ_D and τ_F, are per area of a plane; α is the
Gilbert damping. The field-like torque tilts within the plane of both magnets, the damping-like one out of it, against
the demagnetization of the film. The paper has the latter only and lets it tilt within the plane. And it does work:
beyond a threshold that falls with the damping α the wall precesses.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from ..checks import finite_array, formula, not_negative_array, positive, positive_integer
from .domain_wall import chain_response


@formula
def wall_tilts(
    n: ArrayLike,
    *,
    damping_like: ArrayLike,
    field_like: ArrayLike,
    angle: ArrayLike,
    exchange: ArrayLike,
    anisotropy: ArrayLike,
    demagnetization: ArrayLike = 0.0,
) -> tuple[Floats, Floats]:
    r"""Return the small static tilts (u_n, w_n) of spin n within and out of the plane of both magnets.

    u_n = -τ_F sin ψ λ(K)^n (1 - λ(K))/K,   w_n = -τ_D sin ψ λ(K + K_d)^n (1 - λ(K + K_d))/(K + K_d),

    1/λ(K) = 1 + K/2J + √(K/J + K²/4J²).

    ``n``: planes from the interface, >= 0.

    **Result**: components along x and y, radians; their angle to the plane is arctan(w/u), arctan(τ_D/τ_F) without K_d.
    **Validity**: small tilts, a free end at the interface, a chain much longer than the wall.
    """
    K_d = not_negative_array("demagnetization", demagnetization, hint="It is µ0 Ms² a.")
    K = finite_array("anisotropy", anisotropy)
    sine = np.sin(finite_array("angle", angle))
    u = -finite_array("field_like", field_like) * sine * chain_response(n, 0, exchange, K)
    w = -finite_array("damping_like", damping_like) * sine * chain_response(n, 0, exchange, K + K_d)
    return np.asarray(u), np.asarray(w)


@formula
def macrospin_threshold(
    damping: ArrayLike, anisotropy: ArrayLike, demagnetization: ArrayLike = 0.0, field_like: ArrayLike = 0.0
) -> Any:
    """Return the τ_D = α (K + K_d/2 + τ_F) at which one spin along z with p = -z starts to precess; exact in α."""
    K, K_d = finite_array("anisotropy", anisotropy), finite_array("demagnetization", demagnetization)
    return finite_array("damping", damping) * (K + K_d / 2 + finite_array("field_like", field_like))


@formula
def chain_threshold(
    planes: int, damping: float, exchange: float, anisotropy: float, demagnetization: float = 0.0
) -> tuple[float, int]:
    r"""Return the τ_D on the first of N spins at which the chain starts to precess (p = -z), and the mode that does.

    min over n of N α (ε_n + K_d/2)/(2 - δ_n0),    ε_n = K + 2J (1 - cos πn/N).

    The torque on one end feeds a nonuniform mode with twice the weight it has in the uniform one.

    **Validity**: first order in τ_D/J, and an end weight cos²(πn/2N) ≈ 1: the lowest modes of many spins.
    """
    N = positive_integer("planes", planes)
    n = np.arange(N)
    energy = positive("anisotropy", anisotropy) + 2 * positive("exchange", exchange) * (1 - np.cos(np.pi * n / N))
    found = N * positive("damping", damping) * (energy + demagnetization / 2) / np.where(n == 0, 1.0, 2.0)
    return float(found.min()), int(found.argmin())
