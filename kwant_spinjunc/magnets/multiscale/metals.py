"""Metals of drift-diffusion: from what experiments quote, and from what supercells give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import constants

from ...arrays import Floats
from ...checks import finite, not_negative, not_negative_array, positive, positive_array, ratio_array
from ...theory.drift_diffusion import LANDAUER, SIEMENS_PER_METER, Material


def density_of_states(heat_capacity: float, molar_volume: float) -> float:
    """Return the density of states 3γ/(π² k_B² V) at the Fermi energy in 1/(eV nm³), both spins.

    ``heat_capacity``: coefficient γ of the electronic heat capacity γT, in J/(mol K²), > 0.
    ``molar_volume``: in m³/mol, > 0.

    **Validity**: independent electrons; γ contains the enhancement by phonons and exchange (a factor of 1 to 2).

    Examples
    --------
    >>> round(density_of_states(4.73e-3, 6.67e-6))   # cobalt
    181
    """
    gamma = positive("heat_capacity", heat_capacity) / positive("molar_volume", molar_volume)
    return float(3 * gamma / (np.pi * constants.k) ** 2 * constants.e * constants.nano**3)


def metal(
    *, resistivity: float, beta: float = 0.0, spin_diffusion_length: float, density_of_states: float, **options: float
) -> Material:
    """Return a `Material` of drift-diffusion from what experiments quote.

    ``resistivity``: in Ω m, of both spins in parallel: ρ*(1-β²) for the ρ* of Valet and Fert.
    ``beta``: current polarization β, |β| < 1.
    ``spin_diffusion_length``: l_sd = √(Dτ(1-β²)) in nm, the decay length of µ_+ - µ_- (Valet and Fert's l_sf).
    ``density_of_states``: at the Fermi energy, both spins, in 1/(eV nm³); see `density_of_states`. It fixes D = σ/(e²N)
    and thus the screening length; results with strong screening depend on it only there.
    ``**options``: ``alpha1``, ``alpha2``, ``omega``, ``q`` of `Material`.

    **Result**: In eV, nm, ps.

    Examples
    --------
    >>> copper = metal(resistivity=6e-9, spin_diffusion_length=500.0, density_of_states=18.0)
    >>> round(copper.spin_diffusion_length, 6), round(copper.sigma / copper.D, 6)
    (500.0, 18.0)
    """
    sigma = SIEMENS_PER_METER / positive("resistivity", resistivity)
    D = sigma / positive("density_of_states", density_of_states)
    length = positive("spin_diffusion_length", spin_diffusion_length)
    beta = float(ratio_array("beta", beta))
    return Material(sigma=sigma, beta=beta, D=D, tau=length**2 / (D * (1 - beta**2)), **options)


def cobalt() -> Material:
    """Return cobalt at 4 K: ρ* = 75 nΩ m, β = 0.46, l_sd = 59 nm.

    ρ* and β: J. Bass, W. P. Pratt, J. Magn. Magn. Mater. 200, 274 (1999). l_sd = 59 ± 18 nm: L. Piraux, S. Dubois, A.
    Fert, L. Belliard, Eur. Phys. J. B 4, 413 (1998). γ = 4.73 mJ/(mol K²): C. Kittel, Introduction to Solid State
    Physics. Values of one metal scatter by tens of percent between samples.

    Examples
    --------
    >>> metal = cobalt()
    >>> round(1 / metal.sigma * SIEMENS_PER_METER * 1e9, 1), round(metal.spin_diffusion_length, 6)   # nΩ m, nm
    (59.1, 59.0)
    """
    beta, nu = 0.46, density_of_states(4.73e-3, 6.67e-6)
    rho = 75e-9 * (1 - beta**2)
    return metal(resistivity=rho, beta=beta, spin_diffusion_length=59.0, density_of_states=nu)


def permalloy() -> Material:
    """Return Ni80Fe20 at 4 K: ρ = 123 nΩ m, β = 0.65, l_sd = 5.5 nm.

    β and l_sd: P. Holody et al., Phys. Rev. B 58, 12230 (1998). ρ: J. Bass, W. P. Pratt, J. Magn. Magn. Mater. 200, 274
    (1999). Density of states of nickel, γ = 7.02 mJ/(mol K²): C. Kittel, Introduction to Solid State Physics.

    Examples
    --------
    >>> round(permalloy().spin_diffusion_length, 6)
    5.5
    """
    nu = density_of_states(7.02e-3, 6.59e-6)
    return metal(resistivity=123e-9, beta=0.65, spin_diffusion_length=5.5, density_of_states=nu)


# ---------------------------------------------------------------------- metals from supercells
@dataclass(frozen=True)
class MicroscopicMetal:
    """A metal of drift-diffusion made of microscopic numbers, with the standard errors they leave."""

    material: Material  #: In eV, nm, ps.
    #: Standard errors of ``sigma``, ``beta``, ``D``, ``tau`` and ``spin_diffusion_length`` in the same units.
    errors: dict[str, float]


def spin_flip_conductance(
    concentration: float, exchange: float, density_of_states: tuple[float, float] | ArrayLike
) -> float:
    r"""Return g = (2π²/3) c J² ν_+ ν_-, the conductance between the two spins by magnetic impurities, golden rule.

    Impurities -(J/2) n·σ at a fraction c of the sites, n uniform on the sphere, flip a spin with the squared matrix
    element (J/2)²·2/3. Electrons go from + to - at the rate g (µ_+ - µ_-)/h per site.

    ``concentration``, ``exchange``: c and J of `kwant_spinjunc.model.disorder.MagneticImpurities`, J in the unit of
    energy.
    ``density_of_states``: ν_s per site and energy, shape (2,).

    **Result**: e²/h per site.

    One flip changes n_+ - n_- by 2, hence 1/τ = (2π/ħ)(ν/3) c J² for δM in a normal metal of ν per spin, and l_sd² =
    σ_+σ_-/((σ_+ + σ_-) g) in units of a.

    **Validity**: lowest order in J; impurities far apart, J small against the band and its disorder.

    Examples
    --------
    >>> round(spin_flip_conductance(0.1, 1.0, (0.13, 0.13)), 5)
    0.01112
    """
    c, J = not_negative("concentration", concentration), finite("exchange", exchange)
    nu = not_negative_array("density_of_states", density_of_states, "(2)", "One density for each spin.")
    return float(2 * np.pi**2 / 3 * c * J**2 * nu.prod())


def microscopic_metal(
    conductivities: ArrayLike,
    spin_diffusion_length: float,
    density_of_states: ArrayLike,
    *,
    lattice_constant: float = 1.0,
    errors: tuple[ArrayLike, float] = ((0.0, 0.0), 0.0),
) -> MicroscopicMetal:
    r"""Return a `Material` of drift-diffusion from what supercells give: σ_s, l_sd and ν_s.

    ``conductivities``: σ_s in e²/h per a, shape (2,): slope 1/σ_s of the resistance-area product of spin s against the
    length.
    ``spin_diffusion_length``: decay length of µ_+ - µ_- in a.
    ``density_of_states``: ν_s per site and eV, shape (2,): density of all incoming states over 2π.
    ``lattice_constant``: a in nm.
    ``errors``: standard errors of the conductivities, shape (2,), and of the length, taken as independent.

    D = σ/(e²ν) with the density of states of both spins, and τ = l_sd²/(D(1-β²)): (7) to (9) have one D and one τ,
    which for unequal ν_s are those of two spins of the mean density of states.

    **Validity**: mean free path ≪ l_sd ≪ localization length.

    Examples
    --------
    >>> found = microscopic_metal((6.0, 2.0), 12.0, (0.12, 0.14), lattice_constant=0.25, errors=((0.06, 0.02), 0.1))
    >>> found.material.beta, round(found.material.spin_diffusion_length, 9), round(found.errors["beta"], 4)
    (0.5, 3.0, 0.0053)
    """
    sigma = positive_array("conductivities", conductivities, "(2)")
    nu = positive_array("density_of_states", density_of_states, "(2)")
    a = positive("lattice_constant", lattice_constant)
    spread = not_negative_array("errors", [*np.ravel(errors[0]), errors[1]], "(3)", "Use ((σ_+, σ_-), l_sd).")
    length = positive("spin_diffusion_length", spin_diffusion_length)

    def numbers(parameters: Floats) -> tuple[Floats, Material]:
        plus, minus, l_sd = parameters
        total = (plus + minus) * LANDAUER / a
        D, beta = total * a**3 / nu.sum(), (plus - minus) / (plus + minus)
        material = Material(sigma=total, beta=beta, D=D, tau=(l_sd * a) ** 2 / (D * (1 - beta**2)))
        return np.array([total, beta, D, material.tau, l_sd * a]), material

    center = np.array([*sigma, length])
    values, material = numbers(center)
    moved = [numbers(center + step)[0] - values for step in np.diag(spread)]
    deviations = np.sqrt(np.sum(np.square(moved), axis=0))
    names = ("sigma", "beta", "D", "tau", "spin_diffusion_length")
    return MicroscopicMetal(material, dict(zip(names, map(float, deviations), strict=True)))
