r"""Slonczewski's tunnelling magnetism: free electrons, effective polarization, torques, and the angular law of torque.

Wave numbers are ``k[..., s]`` in 1/length, index 0 = majority; 0 stands for a closed channel, which gives P = ±1. The
barrier has decay constant κ > 0 and thickness d >= 0, ``exponent`` is κd. Conductances per
channel at normal incidence are in e²/h, torques are rates of σ per applied voltage in the same unit (multiply by ħ/2
for angular momentum). In-plane torques are along e_L = (m_R - cos Φ m_L)/sin Φ on the left magnet and
e_R = (m_L - cos Φ m_R)/sin Φ on the right one, field-like torques along n = m_L×m_R/sin Φ; they act on the magnets
when the left reservoir is at the higher electron potential, so that electrons flow along +y.

Source, where a function names no other: J. C. Slonczewski, Phys. Rev. B 39, 6995 (1989).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from ..checks import (
    both_spins,
    complex_array,
    finite_array,
    formula,
    not_negative_array,
    positive,
    positive_array,
    ratio_array,
)
from ..spin import SIGNS
from .tunnelling import continuum_reflection, interface_factor


def _wave_numbers(name: str, value: ArrayLike) -> Floats:
    return not_negative_array(name, value, "(..., 2)", "A closed channel is 0.")


# ---------------------------------------------------------------------- free electrons and a rectangular barrier
@formula
def wave_numbers(energy: ArrayLike, band_center: ArrayLike, splitting: ArrayLike, hbar2_2m: float) -> Floats:
    r"""Return k_s = √(2m(E - E_s))/ħ with the band bottoms E_s = band_center - sΔ/2.

    **Result**: shape (..., 2); 0 where the band lies above the energy (closed channel, half-metal). **Validity**:
    parabolic, exchange-split bands at normal incidence. Source: section II.

    ``energy``, ``band_center``, ``splitting``: E, mean of the two band bottoms, and Δ >= 0, in one unit.
    ``hbar2_2m``: ħ²/2m in energy × length².
    """
    delta = not_negative_array("splitting", splitting)
    kinetic = finite_array("energy", energy) - finite_array("band_center", band_center)
    kinetic = kinetic[..., None] + SIGNS * delta[..., None] / 2
    return np.asarray(np.sqrt(np.maximum(kinetic, 0.0) / positive("hbar2_2m", hbar2_2m)))


@formula
def effective_polarization(k: ArrayLike, kappa: ArrayLike) -> Floats:
    r"""Return P = [(k↑ - k↓)/(k↑ + k↓)]·[(κ² - k↑k↓)/(κ² + k↑k↓)] of one interface.

    **Result**: P in [-1, 1]; it changes sign at κ² = k↑k↓. **Validity**: free electrons, thick barrier, equal masses.
    It is (f_+ - f_-)/(f_+ + f_-) with f = 4kκ/(k² + κ²), `kwant_spinjunc.theory.tunnelling.interface_factor`.
    """
    decay, (up, down) = positive_array("kappa", kappa), np.moveaxis(both_spins("k", k, "A closed channel is 0."), -1, 0)
    return np.asarray((up - down) / (up + down) * (decay**2 - up * down) / (decay**2 + up * down))


@formula
def rectangular_transmission(k_left: ArrayLike, k_right: ArrayLike, kappa: ArrayLike, thickness: ArrayLike) -> Floats:
    r"""Return the exact D_ss' = 4 k_L k_R κ² / [κ²(k_L + k_R)² + (k_L² + κ²)(k_R² + κ²) sinh² κd].

    **Result**: shape (..., 2, 2), from s to s' were they parallel; collinear junctions have T_ss' = D_ss' for the pairs
    that conserve spin. **Validity**: exact for free electrons of one mass, collinear magnets and κd < 300. At an angle
    R_ss'² D_ss' is the lowest order in the transmission. Source: L. D. Landau, E. M. Lifshitz, Quantum Mechanics, § 25,
    and there.
    """
    left, right = _wave_numbers("k_left", k_left)[..., :, None], _wave_numbers("k_right", k_right)[..., None, :]
    decay = positive_array("kappa", kappa)[..., None, None]
    d = not_negative_array("thickness", thickness)[..., None, None]
    round_trips = (left**2 + decay**2) * (right**2 + decay**2) * np.sinh(decay * d) ** 2
    denominator = decay**2 * (left + right) ** 2 + round_trips
    # Two closed channels at d = 0: nothing flows, and 0/0 is 0.
    return np.asarray(4 * left * right * decay**2 / np.where(denominator > 0, denominator, 1.0))


@formula
def mean_conductance(k_left: ArrayLike, k_right: ArrayLike, kappa: ArrayLike, thickness: ArrayLike) -> Floats:
    r"""Return G_0 = 2 f̄_L f̄_R e^{-2κd}, the mean of parallel and antiparallel conductance at normal incidence.

    f̄ = (f_+ + f_-)/2 = 2κ(k↑ + k↓)(κ² + k↑k↓)/[(κ² + k↑²)(κ² + k↓²)].

    **Validity**: free electrons, κd ≫ 1, k∥ = 0: before the integral of `conductance_per_area`.
    """
    decay = positive_array("kappa", kappa)
    mean_left = _factors("k_left", k_left, decay).mean(axis=-1)
    mean_right = _factors("k_right", k_right, decay).mean(axis=-1)
    return np.asarray(2 * mean_left * mean_right * np.exp(-2 * decay * finite_array("thickness", thickness)))


@formula
def angular_conductance(
    k_left: ArrayLike, k_right: ArrayLike, kappa: ArrayLike, thickness: ArrayLike, angle: ArrayLike
) -> Floats:
    r"""Return G(Φ) = G_0 (1 + P_L P_R cos Φ) at normal incidence.

    **Validity**: as `mean_conductance`.
    """
    product = effective_polarization(k_left, kappa) * effective_polarization(k_right, kappa)
    modulation = 1 + product * np.cos(finite_array("angle", angle))
    return np.asarray(mean_conductance(k_left, k_right, kappa, thickness) * modulation)


@formula
def conductance_per_area(
    k_left: ArrayLike, k_right: ArrayLike, kappa: ArrayLike, thickness: ArrayLike, angle: ArrayLike
) -> Floats:
    r"""Return the conductance per area G(Φ) κ/(4πd), summed over k∥ for a thick barrier.

    ∫ d²k∥/(2π)² e^{-k∥² d/κ} = κ/(4πd), with all prefactors taken at k∥ = 0.

    **Result**: e²/h per squared length. **Validity**: free electrons of one mass, κd ≫ 1; relative corrections of order
    1/κd. Its mean over Φ is Slonczewski's (κ/ħd)[eκ(κ² + k↑k↓)(k↑ + k↓)/(π(κ² + k↑²)(κ² + k↓²))]² e^{-2κd}.
    """
    conductance = angular_conductance(k_left, k_right, kappa, thickness, angle)
    return np.asarray(
        conductance * positive_array("kappa", kappa) / (4 * np.pi * positive_array("thickness", thickness))
    )


def _factors(name: str, k: ArrayLike, kappa: Floats) -> Floats:
    """Return the spin factors f_s = 4 k_s κ/(k_s² + κ²) of one interface."""
    return interface_factor(continuum_reflection(_wave_numbers(name, k), kappa[..., None]))


# ---------------------------------------------------------------------- torques
@formula
def in_plane_torques(
    k_left: ArrayLike, k_right: ArrayLike, kappa: ArrayLike, thickness: ArrayLike, angle: ArrayLike
) -> tuple[Floats, Floats]:
    r"""Return τ_L·e_L = -G_0 P_R sin Φ and τ_R·e_R = G_0 P_L sin Φ at normal incidence.

    **Validity**: as `mean_conductance`; both magnets absorb all transverse spin. Each torque is set by the polarization
    of the *other* interface.
    """
    scale = mean_conductance(k_left, k_right, kappa, thickness) * np.sin(finite_array("angle", angle))
    return -scale * effective_polarization(k_right, kappa), scale * effective_polarization(k_left, kappa)


@formula
def torques_from_spin_factors(factors: ArrayLike, angle: ArrayLike) -> tuple[Floats, Floats]:
    r"""Return the in-plane torques from the spin-resolved conductances G_ss'.

    τ_R·e_R = ½ sin Φ (G_++ - G_-- + G_+- - G_-+) and τ_L·e_L = -½ sin Φ (G_++ - G_-- - G_+- + G_-+).

    **Result**: in the unit of G (Slonczewski's ħ/4e is ħ/2 times the ½). **Validity**: tunnelling limit with any band
    structure (G_++ and G_-- from the parallel, G_+- and G_-+ from the antiparallel junction, summed over k∥); the
    torque relations are exact, the rotation law is lowest order in T. Source: J. C. Slonczewski, Phys. Rev. B 71,
    024411 (2005); J. C. Slonczewski, J. Z. Sun, J. Magn. Magn. Mater. 310, 169 (2007).
    """
    G, sine = finite_array("factors", factors, "(..., 2, 2)"), np.sin(finite_array("angle", angle))
    return -sine / 2 * (G.sum(axis=-2) @ SIGNS), sine / 2 * (G.sum(axis=-1) @ SIGNS)


@formula
def field_like_torque_from_reflections(
    reflection_left: ArrayLike, reflection_right: ArrayLike, exponent: ArrayLike, angle: ArrayLike
) -> tuple[Floats, Floats]:
    r"""Return the field-like torque τ_R·n from each reservoir; τ_L·n is its opposite.

    States incident from the left carry -e^{-2κd} sin Φ (f_L+ - f_L-)(q_R+ - q_R-) along n through the barrier, those
    from the right -e^{-2κd} sin Φ (q_L+ - q_L-)(f_R+ - f_R-), with q + i f/2 = ρ, by which an electrode reflects the
    decaying wave.

    **Result**: dτ_R·n/dµ as rates of σ in units of 1/h (e²/h per voltage), for electrons incident from the left and
    from the right reservoir at the energy of the ρ's. **Validity**: lowest order in e^{-2κd}; incident electrons
    polarized along their own magnet, transverse spin absorbed. The *sum* over all occupied states is the equilibrium
    exchange coupling; under a voltage divided symmetrically half the *difference* counts, which vanishes for identical
    magnets: their field-like torque has no term linear in V. Source: there (exchange coupling); I. Theodonis et al.,
    Phys. Rev. Lett. 97, 237205 (2006) (field-like torque quadratic in the voltage).

    ``reflection_left``, ``reflection_right``: ρ_Ls and ρ_Rs', complex, shape (..., 2), from `tunnelling`, on a lattice
    or not.
    """
    scale = -np.exp(-2 * finite_array("exponent", exponent)) * np.sin(finite_array("angle", angle))
    f_left, q_left = _differences("reflection_left", reflection_left)
    f_right, q_right = _differences("reflection_right", reflection_right)
    return scale * f_left * q_right, scale * q_left * f_right


def _differences(name: str, reflection: ArrayLike) -> tuple[Floats, Floats]:
    """Return f_+ - f_- and q_+ - q_-, where ρ = q + i f/2."""
    rho = complex_array(name, reflection, "(..., 2)")
    return np.asarray(2 * rho.imag @ SIGNS), np.asarray(rho.real @ SIGNS)


# ---------------------------------------------------------------------- the angular law of torque per current
@formula
def angular_efficiency(angle: ArrayLike, polarization: ArrayLike, asymmetry: ArrayLike) -> Floats:
    r"""Return g(Φ) = PΛ²/[(Λ² + 1) + (Λ² - 1) cos Φ], so that τ_R·e_R = g(Φ) sin Φ J.

    **Result**: rate of σ per particle current. **Validity**: constant current; symmetric metallic valve, P = p and Λ² =
    η/(1 - p²), or tunnel junction, P = 2 P_L/(1 + χ), Λ² = (1 + χ)/(1 - χ), χ = P_L P_R. Source: J. C. Slonczewski, J.
    Magn. Magn. Mater. 247, 324 (2002); A. Brataas, G. E. W. Bauer, P. J. Kelly, Phys. Rep. 427, 157 (2006).

    ``asymmetry``: Λ > 0; Λ = 1 gives the pure sine with g = P/2.
    """
    square = positive_array("asymmetry", asymmetry) ** 2
    modulation = (square + 1) + (square - 1) * np.cos(finite_array("angle", angle))
    return np.asarray(finite_array("polarization", polarization) * square / modulation)


@formula
def asymmetric_efficiency(angle: ArrayLike, q_plus: ArrayLike, q_minus: ArrayLike, modulation: ArrayLike) -> Floats:
    r"""Return g(Φ) = q_+/(1 + b cos Φ) + q_-/(1 - b cos Φ), so that τ_R·e_R = g(Φ) sin Φ J.

    **Result**: as `angular_efficiency`. **Validity**: spin valve of two different contacts in circuit theory, real
    mixing conductances, constant current.
    Source: J. Xiao, A. Zangwill, M. D. Stiles, Phys. Rev. B 70, 172405 (2004).

    ``q_plus``, ``q_minus``: weights; q_- = 0 is `angular_efficiency` with Λ² = (1 + b)/(1 - b) and P = 2 q_+/(1 + b).
    ``modulation``: b in (-1, 1).
    """
    swing = ratio_array("modulation", modulation) * np.cos(finite_array("angle", angle))
    return np.asarray(finite_array("q_plus", q_plus) / (1 + swing) + finite_array("q_minus", q_minus) / (1 - swing))
