r"""What the paper prints where its print is a slip: kept for comparison, each beside the corrected form it names.

No formula of this module should be used for anything else.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Complex, Floats, Side
from ..checks import choice, complex_array, finite, finite_array, formula, potentials
from ..spin import SIGNS
from . import tunnelling
from .domain_wall import net_torque_restored, rotation_restored
from .parallel_circuit import series_fields

Density = Callable[[Floats], ArrayLike]


@formula
def wkb_exponent(
    height: ArrayLike,
    thickness: ArrayLike,
    hbar2_2m: float,
    *,
    voltage: ArrayLike = 0.0,
    mu_left: ArrayLike = 0.0,
    mu_right: ArrayLike = 0.0,
    allowed: tunnelling.Allowed = "raise",
) -> Floats:
    r"""Return ∫_0^d dy √(ħ²(U - µ_Ls + µ_Rs' - V y)/2m), the bracket of equation (2) as printed.

    Arguments as in `tunnelling.wkb_exponent`, but ``voltage`` stands in front of y, not y/d: an energy per length.
    **Result**: energy × length², not dimensionless. **Validity**: none. It equals the exponent only where ħ²/2m = 1
    (and d = 1 under bias), and its sign in `tunnelling_matrix` makes a thicker barrier transmit more.
    """
    # ERRATA: ħ² and 2m are exchanged, and V y stands for V y/d.
    drop = finite_array("voltage", voltage) * finite_array("thickness", thickness)
    biased = {"mu_left": mu_left, "mu_right": mu_right, "voltage": drop}
    exponent = tunnelling.wkb_exponent(height, thickness, hbar2_2m, **biased, allowed=allowed)
    return np.asarray(exponent * hbar2_2m)


@formula
def tunnelling_matrix(rotation: ArrayLike, bracket: ArrayLike) -> Complex:
    r"""Return T_ss' = R_ss' exp(+bracket), equation (2) as printed, shape (..., 2, 2).

    ``bracket``: a number or (..., 2, 2), e.g. `wkb_exponent`.

    **Validity**: none; `tunnelling.tunnelling_matrix` has the decay. Source: the paper, equation (2).
    """
    # ERRATA: the minus sign of the exponent is missing.
    return tunnelling.tunnelling_matrix(rotation, -finite_array("bracket", bracket))


@formula
def magnetization_current(
    amplitudes: ArrayLike,
    density_left: Density,
    density_right: Density,
    mu_left: ArrayLike,
    mu_right: ArrayLike,
    side: Side,
    charge: float = 1.0,
) -> Floats:
    r"""Return J_M of one side, 4πe Σ_ss' (s or s') |T_ss'|² (n_L(µ_Ls) - n_R(µ_Rs')), equations (3), (4) as printed.

    ``amplitudes``: the tunnelling matrix T_ss', shape (..., 2, 2), s on the left, s' on the right.
    ``density_left``, ``density_right``, ``charge``: n_L and n_R, functions of µ that keep its shape (..., 2), and e.

    **Result**: in the unit of e |T|² n. **Validity**: electrodes with the same n(µ). For n(µ) = Nµ it is
    `tunnelling.magnetization_current` with T_ss'/h = 4πe N |T_ss'|². Source: the paper, equations (3), (4).
    """
    # ERRATA: with n_L ≠ n_R the print has a current at equal chemical potentials. The golden rule has the product of
    # both densities of states times µ_L - µ_R instead: `golden_rule_probabilities` in the Landauer form.
    n_left = finite_array("density_left(mu_left)", density_left(potentials("mu_left", mu_left)), "(..., 2)")
    n_right = finite_array("density_right(mu_right)", density_right(potentials("mu_right", mu_right)), "(..., 2)")
    squares = abs(complex_array("amplitudes", amplitudes, "(..., 2, 2)")) ** 2
    flux = squares * (n_left[..., :, None] - n_right[..., None, :])
    summed = flux.sum(axis=-1 if choice("side", side, ("left", "right")) == "left" else -2)
    return np.asarray(4 * np.pi * finite("charge", charge) * (summed @ SIGNS))


@formula
def fields(sigma_left: ArrayLike, sigma_right: ArrayLike, field: ArrayLike = 1.0) -> tuple[Floats, Floats]:
    r"""Return E_L = σ_L E/(σ_L + σ_R) and E_R = σ_R E/(σ_L + σ_R), the field division as printed.

    Arguments as in `parallel_circuit.series_fields`. **Validity**: σ_L = σ_R only. Otherwise J_L - J_R = (σ_L - σ_R) E:
    charge is not conserved (`continuity_defect`). Source: the paper, text before equation (5).
    """
    # ERRATA: the better conductor is given the larger field. Resistances in series give the opposite.
    left, right = series_fields(sigma_left, sigma_right, field)
    return right, left


@formula
def net_torque(rotation: ArrayLike, J: ArrayLike, K: ArrayLike, M0: ArrayLike = 1.0) -> Floats:
    """Return t = M0 δθ_i [K - √(JK)], the net torque on the interface plane as printed.

    Arguments and result as of `domain_wall.net_torque_restored`, with a = 1. **Validity**: K ≪ J, where the second term
    dominates. Source: the paper, paragraph after equation (6).
    """
    # ERRATA: the bracket adds an energy/volume to an energy/area. Right only in lattice units.
    return net_torque_restored(rotation, J, K, 1.0, M0)


@formula
def rotation(delta_J_M: ArrayLike, J: ArrayLike, K: ArrayLike, M0: ArrayLike = 1.0) -> Floats:
    """Return δθ_i = ΔJ_M / {M0 a [K - √(JK)]} as printed, in rad.

    Arguments as in `domain_wall.rotation_restored`, with a = 1. **Validity**: as there. Source: the paper, paragraph
    after (6).
    """
    return rotation_restored(delta_J_M, J, K, 1.0, M0)
