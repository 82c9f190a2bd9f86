r"""Physical units and material parameters: what an electronvolt on a lattice of nanometers is in SI.

Inside the package energies are in eV (or in units of the hopping), lengths in nm (or in units of a), conductances in
e²/h, currents in (e²/h)·V per channel bundle, e.g. per unit cell of area a², and torques are rates of σ in the same
unit. A number leaves this system through a function of this module, and only there.

The on-site energy of a `Layer` is the band *center* and is used as given. Band bottoms, as of free-electron models, are
converted here: bottom = onsite - 2t - 4t∥ at k∥ = 0, with t∥ = 0 for a chain and t∥ = t for the isotropic cubic stack.

Arguments: ``lattice_constant`` is a in nm, > 0; ``effective_mass`` m in electron masses, > 0; ``fermi_energy`` E_F in
eV; ``conductance`` is in e²/h, ``current`` (J or J_M) and ``spin_flux`` (J_M, a component of the spin current or a
torque, a rate of σ) in (e²/h)·V, per area a² where the result is per area. Particle currents: the electron's charge is
taken positive.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import constants

from .arrays import Floats
from .checks import choice, finite, finite_array, positive, positive_array, refusal
from .errors import ArgumentError

#: e²/h in siemens: conductance of one open channel of one spin.
CONDUCTANCE_QUANTUM: float = constants.e**2 / constants.h

#: ħ²/(2 m_e) of the free electron in eV nm².
ELECTRON_HBAR2_2M: float = constants.hbar**2 / (2 * constants.m_e) / constants.e * 1e18

#: Free-electron wave numbers (k↑, k↓) of the tunnelling electrons of iron in 1/nm: M. B. Stearns, J. Magn. Magn.
#: Mater. 5, 167 (1977), as used by J. C. Slonczewski, Phys. Rev. B 39, 6995 (1989): 1.09 and 0.42 per Å.
IRON_WAVE_NUMBERS: tuple[float, float] = (10.9, 4.2)


# ---------------------------------------------------------------------- effective masses and hoppings
def hbar2_2m_from_mass(effective_mass: ArrayLike = 1.0) -> Floats:
    """Return ħ²/2m in eV nm²."""
    return np.asarray(ELECTRON_HBAR2_2M / positive_array("effective_mass", effective_mass))


def hopping_from_mass(effective_mass: ArrayLike, lattice_constant: ArrayLike) -> Floats:
    r"""Return the hopping t = ħ²/(2 m a²) in eV, which gives the band bottom the mass m."""
    return np.asarray(hbar2_2m_from_mass(effective_mass) / positive_array("lattice_constant", lattice_constant) ** 2)


# ---------------------------------------------------------------------- band bottoms and on-site energies
def onsite_from_band_bottom(band_bottom: ArrayLike, hopping: ArrayLike, in_plane_hopping: ArrayLike = 0.0) -> Floats:
    """Return onsite = band_bottom + 2t + 4t∥, the band center a `Layer` takes.

    ``band_bottom``: energy of the state with k = 0 (spin-averaged for a magnet), in eV.
    ``hopping``: t in eV, > 0.
    ``in_plane_hopping``: t∥ in eV. For t∥ < 0 the state at k∥ = 0 is the top of the in-plane band.
    """
    half_width = 2 * positive_array("hopping", hopping) + 4 * finite_array("in_plane_hopping", in_plane_hopping)
    return np.asarray(finite_array("band_bottom", band_bottom) + half_width)


def free_electron_levels(
    k_majority: float, k_minority: float, effective_mass: float = 1.0, fermi_energy: float = 0.0
) -> tuple[float, float]:
    r"""Return (mean band bottom, splitting Δ) in eV of an exchange-split free-electron magnet.

    E_s = E_F - ħ²k_s²/2m, so Δ = ħ²(k↑² - k↓²)/2m.

    ``k_majority``, ``k_minority``: Fermi wave numbers in 1/nm, ``k_majority >= k_minority >= 0``.
    """
    up, down = finite("k_majority", k_majority), finite("k_minority", k_minority)
    if not up >= down >= 0:
        hint = "Reverse `m` to exchange the spins."
        raise refusal("k_majority", "be at least `k_minority` >= 0", f"they are {up:g} and {down:g}", hint)
    scale = float(hbar2_2m_from_mass(effective_mass))
    return finite("fermi_energy", fermi_energy) - scale * (up**2 + down**2) / 2, scale * (up**2 - down**2)


def free_electron_ferromagnet(
    k_majority: float = IRON_WAVE_NUMBERS[0],
    k_minority: float = IRON_WAVE_NUMBERS[1],
    *,
    lattice_constant: float,
    effective_mass: float = 1.0,
    fermi_energy: float = 0.0,
    isotropic: bool = False,
    match: Literal["band bottom", "wave number"] = "band bottom",
) -> dict[str, float]:
    r"""Return ``onsite``, ``hopping``, ``splitting`` (and ``in_plane_hopping``) of a free-electron magnet on a lattice.

    ``k_majority``, ``k_minority``: Fermi wave numbers at k∥ = 0 in 1/nm; by default `IRON_WAVE_NUMBERS`.
    ``lattice_constant``: grid spacing. The grid is numerical, not the crystal's: the lattice spacing of iron (0.287 nm)
    is far too coarse for its k↑.
    ``isotropic``: whether to hop in the planes too, t∥ = t; otherwise a chain.
    ``match``: what agrees with the free electrons at finite a. "band bottom": both band bottoms and the splitting, so
    that wave numbers and velocities do to order (ka)². "wave number": both Fermi wave numbers, so that the levels do.

    **Result**: Keyword arguments of `kwant_spinjunc.ferromagnet`, energies in eV.

    Source: M. B. Stearns, J. Magn. Magn. Mater. 5, 167 (1977); J. C. Slonczewski, Phys. Rev. B 39, 6995 (1989).

    Examples
    --------
    >>> iron = free_electron_ferromagnet(lattice_constant=0.05)
    >>> {name: round(value, 3) for name, value in iron.items()}
    {'onsite': 27.88, 'hopping': 15.24, 'splitting': 3.855}
    """
    a = positive("lattice_constant", lattice_constant)
    bottom, splitting = free_electron_levels(k_majority, k_minority, effective_mass, fermi_energy)
    limits = {"band bottom": 2.0, "wave number": np.pi}
    if k_majority * a > limits[choice("match", match, limits)]:
        raise ArgumentError(
            f"Argument `lattice_constant` must be at most {limits[match] / k_majority:.4g} nm for these wave numbers, "
            f"but is {a:g}. Use a finer grid."
        )
    t = float(hopping_from_mass(effective_mass, a))
    if match == "wave number":
        # E_F = E_s + 2t(1 - cos k_s a), written without cancellation.
        kinetic = [4 * t * np.sin(k * a / 2) ** 2 for k in (k_majority, k_minority)]
        bottom, splitting = fermi_energy - sum(kinetic) / 2, kinetic[0] - kinetic[1]
    in_plane = {"in_plane_hopping": t} if isotropic else {}
    onsite = onsite_from_band_bottom(bottom, t, t if isotropic else 0.0)
    return {"onsite": float(onsite), "hopping": t, "splitting": float(splitting), **in_plane}


# ---------------------------------------------------------------------- conductances, currents, torques
def conductance_to_siemens(conductance: ArrayLike) -> Floats:
    """Return a conductance in siemens."""
    return np.asarray(finite_array("conductance", conductance) * CONDUCTANCE_QUANTUM)


def conductance_per_area(conductance: ArrayLike, lattice_constant: ArrayLike) -> Floats:
    """Return a conductance per unit cell, G/a², in S/m²."""
    return np.asarray(conductance_to_siemens(conductance) / _area(lattice_constant))


def resistance_area_product(conductance: ArrayLike, lattice_constant: ArrayLike) -> Floats:
    """Return the resistance-area product a²/G in Ω µm²."""
    return np.asarray(1e12 / conductance_per_area(positive_array("conductance", conductance), lattice_constant))


def flux_rate(current: ArrayLike) -> Floats:
    """Return a particle current in electrons per second."""
    return np.asarray(finite_array("current", current) * constants.e / constants.h)


def current_density(current: ArrayLike, lattice_constant: ArrayLike) -> Floats:
    """Return the current density in A/m², of charge or (J_M) of spin in charge units."""
    return np.asarray(finite_array("current", current) * conductance_per_area(1.0, lattice_constant))


def torque_to_joule(spin_flux: ArrayLike) -> Floats:
    r"""Return a torque in joule: (ħ/2) times the rate of σ, which is e/4π times the flux in (e²/h)·V."""
    return np.asarray(constants.hbar / 2 * flux_rate(spin_flux))


def torque_per_area(spin_flux: ArrayLike, lattice_constant: ArrayLike) -> Floats:
    """Return a torque per area in J/m²."""
    return np.asarray(torque_to_joule(spin_flux) / _area(lattice_constant))


# ---------------------------------------------------------------------- checks at the border
def _area(lattice_constant: ArrayLike) -> Floats:
    """Return a² in m²."""
    return np.asarray((positive_array("lattice_constant", lattice_constant) * 1e-9) ** 2)
