r"""The two-channel model of Valet and Fert: collinear magnets, local neutrality, spin-diffusion lengths.

Each spin channel obeys J_s = -(1/ρ_s) µ_s' with ρ_s = 2ρ*(1 - sβ), and J_s = (µ_Ls - µ_Rs)/r_s with
r_s = 2 r_b (1 - sγ) through a contact; the spin accumulation δ = (µ_+ - µ_-)/2 decays with l_sf. The spin index is
**global** here, along one axis: a magnet or contact polarized the other way has the opposite sign of β or γ.

A resistivity ρ* and the measured one are related by ρ = ρ*(1-β²). Resistances are resistance × area; with µ in eV and
particle currents they are 1/conductance of `kwant_spinjunc.theory.drift_diffusion`.

``beta`` and ``gamma`` lie in (-1, 1); ``r`` is a magnet's spin resistance ρ* l_sf > 0, ``r_b`` >= 0 that of a contact;
``r_spacer`` = ρ_N l_N and ``ratio`` = thickness/l_N > 0 belong to a normal spacer. Of two magnets or contacts they are
(left, right).

Source: T. Valet and A. Fert, Phys. Rev. B 48, 7099 (1993).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from ..checks import finite, finite_array, formula, not_negative_array, positive_array, ratio_array, sides
from ..spin import SIGNS

#: Of the left and of the right magnet.
Pair = tuple[ArrayLike, ArrayLike]


def _asymmetry(name: str, value: ArrayLike) -> Floats:
    return ratio_array(name, value, "It is a ratio of (difference to sum) of two positive conductances.")


def _pair(name: str, value: Any, gate: Callable[[str, Any], Floats]) -> list[Floats]:
    """Return what belongs to the left and to the right magnet, each checked."""
    return [gate(f"{name}[{side}]", x) for side, x in zip(("left", "right"), sides(name, value), strict=True)]


@formula
def contact_polarization(beta: Pair, r: Pair, r_b: ArrayLike = 0.0, gamma: ArrayLike = 0.0) -> Floats:
    r"""Return J_M/J = (β_L r_L + β_R r_R + γ r_b)/(r_L + r_R + r_b) at the contact of two half-infinite metals.

    **Validity**: collinear, local neutrality, no spin flip in the contact. Also A. Fert and H. Jaffrès, Phys. Rev. B
    64, 184420 (2001) for F|N.
    """
    (left, right), contact = _pair("r", r, positive_array), not_negative_array("r_b", r_b)
    beta_left, beta_right = _pair("beta", beta, _asymmetry)
    driving = beta_left * left + beta_right * right + _asymmetry("gamma", gamma) * contact
    return np.asarray(driving / (left + right + contact))


@formula
def contact_accumulation(beta: Pair, r: Pair, r_b: ArrayLike = 0.0, gamma: ArrayLike = 0.0) -> tuple[Floats, Floats]:
    r"""Return δ_L/J = r_L(β_L - p) and δ_R/J = r_R(p - β_R), the accumulations (µ_+ - µ_-)/2 at both faces.

    **Validity**: as `contact_polarization`.
    """
    p = contact_polarization(beta, r, r_b, gamma)
    (left, right), (r_left, r_right) = _pair("beta", beta, finite_array), _pair("r", r, finite_array)
    return r_left * (left - p), r_right * (p - right)


@formula
def contact_resistance(beta: Pair, r: Pair, r_b: ArrayLike = 0.0, gamma: ArrayLike = 0.0) -> Floats:
    r"""Return r_b(1 - γp) + β_L δ_L/J - β_R δ_R/J, the contact and its spin-coupled resistance.

    **Result**: Drop between the Ohmic lines of both metals extrapolated to the contact, per J. **Validity**: as
    `contact_polarization`. Antiparallel magnets without contact resistance give 2β²ρ*l_sf.
    """
    ohmic = finite_array("r_b", r_b) * (1 - finite_array("gamma", gamma) * contact_polarization(beta, r, r_b, gamma))
    (left, right), (at_left, at_right) = _pair("beta", beta, finite_array), contact_accumulation(beta, r, r_b, gamma)
    return np.asarray(ohmic + left * at_left - right * at_right)


@formula
def profile(
    y: ArrayLike,
    *,
    rho_star: tuple[float, float],
    beta: tuple[float, float],
    l_sf: tuple[float, float],
    r_b: float = 0.0,
    gamma: float = 0.0,
) -> tuple[Floats, Floats]:
    r"""Return µ_s(y)/J and J_s(y)/J around the contact of two half-infinite metals at y = 0.

    ``y``: positions, shape (...); y = 0 is right, y = -0.0 left of the contact.

    **Result**: shape (..., 2) each; spin last. The average µ_s + βδ is zero at the left face. **Validity**: as
    `contact_polarization`.
    """
    y = finite_array("y", y)
    rho, lengths = positive_array("rho_star", rho_star, "(2)"), positive_array("l_sf", l_sf, "(2)")
    betas, r = finite_array("beta", beta, "(2)"), rho * lengths
    arguments: Any = betas, r, finite("r_b", r_b), finite("gamma", gamma)
    faces = contact_accumulation(*arguments)
    side = (~np.signbit(y)).astype(int)
    b, resistance, length = betas[side], r[side], lengths[side]
    delta = np.array(faces)[side] * np.exp(-np.abs(y) / length)
    # J_M = βJ ∓ δ/r on the left (right); µ + βδ is the Ohmic line of resistivity ρ*(1-β²).
    polarization = b + np.where(side == 1, 1.0, -1.0) * delta / resistance
    line = -rho[side] * (1 - b**2) * y - np.where(side == 1, contact_resistance(*arguments), 0.0)
    average = line - b * delta
    return average[..., None] + SIGNS * delta[..., None], (1 + SIGNS * polarization[..., None]) / 2


def _spacer(r_spacer: ArrayLike, ratio: ArrayLike) -> tuple[Floats, Floats]:
    """Return r_N coth(t/l) and r_N/sinh(t/l) of the spacer, finite for thick ones."""
    r, x = positive_array("r_spacer", r_spacer), positive_array("ratio", ratio)
    return r / np.tanh(x), -2 * r * np.exp(-x) / np.expm1(-2 * x)


@formula
def spin_valve_polarization(
    beta: Pair, r: Pair, r_spacer: ArrayLike, ratio: ArrayLike, r_b: Pair = (0.0, 0.0), gamma: Pair = (0.0, 0.0)
) -> tuple[Floats, Floats]:
    r"""Return J_M/J at the two contacts of a collinear F|N|F spin valve.

    **Validity**: magnets thicker than l_sf, collinear, local neutrality, no spin flip in the contacts.
    """
    coth, csch = _spacer(r_spacer, ratio)
    magnets, contacts = _pair("r", r, positive_array), _pair("r_b", r_b, not_negative_array)
    betas, gammas = _pair("beta", beta, _asymmetry), _pair("gamma", gamma, _asymmetry)
    # r_1(β_1 - p_1) - δ_a = r_b1(p_1 - γ_1) with δ_a = coth p_1 - csch p_2, and its mirror image.
    source = [b * own + g * contact for b, own, g, contact in zip(betas, magnets, gammas, contacts, strict=True)]
    load = [own + contact for own, contact in zip(magnets, contacts, strict=True)]
    # (load + coth)(load' + coth) - csch², with coth² - csch² = r_N² done by hand: it cancels in thin spacers.
    determinant = load[0] * load[1] + coth * (load[0] + load[1]) + finite_array("r_spacer", r_spacer) ** 2
    load = [own + coth for own in load]
    left = (load[1] * source[0] + csch * source[1]) / determinant
    return np.asarray(left), np.asarray((load[0] * source[1] + csch * source[0]) / determinant)


@formula
def spin_valve_resistance(
    beta: Pair, r: Pair, r_spacer: ArrayLike, ratio: ArrayLike, r_b: Pair = (0.0, 0.0), gamma: Pair = (0.0, 0.0)
) -> Floats:
    r"""Return the resistance between the magnets' extrapolated Ohmic lines: contacts, spacer and spin accumulation.

    **Validity**: as `spin_valve_polarization`; R = Σ_i r_bi(1 - γ_i p_i) + r_i β_i(β_i - p_i) + r_N t/l_N.
    """
    p = spin_valve_polarization(beta, r, r_spacer, ratio, r_b, gamma)
    total = finite_array("r_spacer", r_spacer) * finite_array("ratio", ratio)
    given = {"beta": beta, "r": r, "r_b": r_b, "gamma": gamma}
    of_magnets = zip(p, *(_pair(name, value, finite_array) for name, value in given.items()), strict=True)
    for flow, b, own, contact, g in of_magnets:
        total = total + contact * (1 - g * flow) + own * b * (b - flow)
    return np.asarray(total)
