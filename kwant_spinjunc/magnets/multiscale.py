r"""From electrons to amperes: a junction's scattering matched to diffusion in its magnets, in SI units.

The whole second half of the paper in one run. A family of junctions gives exact, k∥-averaged scattering probabilities;
these are the coefficients r of equations (5) and (6); the Sharvin resistance of reservoirs that a diffusive magnet does
not have is taken off; drift and diffusion (7)-(11) in each magnet are matched to them at constant charge current. Out
come ΔJ_M(Φ), the angular magnetoresistance, the accumulations and the torques, in A/m², Ω µm², meV and J/m².

Three lengths are assumed to be apart: the junction is coherent, its magnets are much longer than the transverse
coherence length (δM⊥ = 0 at the faces) and longer than their spin-diffusion length.

Signs: currents are particle currents along +y; a positive current density moves electrons from left to right and is
quoted with the charge taken positive. Torques act on the magnetization, as rates of angular momentum.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import constants

from .. import halves
from .._version import __version__
from ..arrays import Floats
from ..checks import finite, positive
from ..errors import ArgumentError, NoOpenChannelError
from ..halves import zone
from ..model.junction import Junction
from ..model.problem import AVERAGE
from ..optional import version
from ..runs.family import call_family
from ..runs.tables import LABELS, axis_attributes, split_axes
from ..spin import angle_between
from ..theory import circuit, drift_diffusion, interface, tunnelling
from ..theory.drift_diffusion import AMPERE_PER_SQUARE_METER, LANDAUER, SIEMENS_PER_METER, Matching, Material
from ..theory.interface import InterfaceResponse
from ..transport.interface import contact_conductances
from ..units import conductance_per_area, torque_per_area

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "Interface",
    "MicroscopicMetal",
    "MixingConductance",
    "cobalt",
    "density_of_states",
    "metal",
    "microscopic_metal",
    "mixing_conductances",
    "multiscale",
    "permalloy",
    "solve_interface",
    "spin_flip_conductance",
]


#: 1/(nm² ps eV) of a conductance per area in S/m², and eV nm² ps of a resistance-area product in Ω µm².
_SIEMENS_PER_SQUARE_METER = AMPERE_PER_SQUARE_METER
_OHM_SQUARE_MICROMETER = 1e12 * AMPERE_PER_SQUARE_METER

#: Coefficients below this part of the largest of their kind need no relative accuracy of their own.
NEGLIGIBLE = 1e-3

#: name -> (dimensions behind the swept ones, unit, long name)
VARIABLES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "conductance_matrix": (
        ("lead_out", "spin_out", "lead_in", "spin_in"),
        "e^2/h per cell",
        "conductance matrix between reservoirs, current into the interface",
    ),
    "modes": (("lead", "spin"), "1 per cell", "open channels"),
    "r_left": (("lead", "spin"), "S/m^2", "effective coefficients r^L_1s (left), r^L_2s (right) of equation (5)"),
    "r_right": (("lead", "spin"), "S/m^2", "effective coefficients r^R_1s (left), r^R_2s (right) of equation (6)"),
    "mixing_real": (("magnet",), "S/m^2", "real part of the spin-mixing conductance of spacer and magnet"),
    "mixing_imag": (("magnet",), "S/m^2", "imaginary part of the spin-mixing conductance of spacer and magnet"),
    "conductance_ratio": (("lead",), "1", "xi of equation (12) with each side's metal"),
    "magnetization_current": (("lead",), "A/m^2", "magnetization current J_M along each lead's own m"),
    "delta_J_M": ((), "A/m^2", "length of J_M^L m_L - J_M^R m_R"),
    "delta_J_M_vector": (("axis",), "A/m^2", "J_M^L m_L - J_M^R m_R"),
    "ballistic_delta_J_M": ((), "A/m^2", "the same between reservoirs without spin accumulation"),
    "accumulation": (("lead",), "meV", "spin accumulation (mu_+ - mu_-)/2 at the faces"),
    "accumulated_moment": (("lead",), "mu_B/nm^2", "moment accumulated in each magnet"),
    "resistance_area": ((), "ohm um^2", "resistance of interface and spin accumulation times area"),
    "magnetoresistance": ((), "1", "resistance_area over its value at parallel magnets, minus 1"),
    "damping_like": (("magnet",), "J/m^2", "damping-like torque, positive turns each magnet toward the other"),
    "field_like": (("magnet",), "J/m^2", "field-like torque along m_L x m_R"),
    "torque_efficiency": (("magnet",), "hbar/2e", "damping-like torque per charge current"),
    "spin_defect": ((), "1", "difference of spin current through the spacer and J_M, per charge current"),
    "angle": ((), "degree", "angle between the magnets"),
}


# ---------------------------------------------------------------------- metals in units a person uses
def density_of_states(heat_capacity: float, molar_volume: float) -> float:
    """Return the density of states 3γ/(π² k_B² V) at the Fermi energy in 1/(eV nm³), both spins.

    Parameters
    ----------
    heat_capacity
        Coefficient γ of the electronic heat capacity γT, in J/(mol K²), > 0.
    molar_volume
        In m³/mol, > 0.

    Raises
    ------
    ArgumentError
        An argument is not positive.

    Notes
    -----
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

    Parameters
    ----------
    resistivity
        In Ω m, of both spins in parallel: ρ*(1-β²) for the ρ* of Valet and Fert.
    beta
        Current polarization β, |β| < 1.
    spin_diffusion_length
        l_sd = √(Dτ(1-β²)) in nm, the decay length of µ_+ - µ_- (Valet and Fert's l_sf).
    density_of_states
        At the Fermi energy, both spins, in 1/(eV nm³); see `density_of_states`. It fixes D = σ/(e²N) and thus the
        screening length; results with strong screening depend on it only there.
    **options
        ``alpha1``, ``alpha2``, ``omega``, ``q`` of `Material`.

    Returns
    -------
    Material
        In eV, nm, ps.

    Raises
    ------
    ArgumentError
        A number is out of range.

    Examples
    --------
    >>> copper = metal(resistivity=6e-9, spin_diffusion_length=500.0, density_of_states=18.0)
    >>> round(copper.spin_diffusion_length, 6), round(copper.sigma / copper.D, 6)
    (500.0, 18.0)
    """
    sigma = SIEMENS_PER_METER / positive("resistivity", resistivity)
    D = sigma / positive("density_of_states", density_of_states)
    length = positive("spin_diffusion_length", spin_diffusion_length)
    if abs(finite("beta", beta)) >= 1:
        raise ArgumentError(f"Argument `beta` must lie between -1 and 1, but is {beta:g}.")
    return Material(sigma=sigma, beta=beta, D=D, tau=length**2 / (D * (1 - beta**2)), **options)


def cobalt() -> Material:
    """Return cobalt at 4 K: ρ* = 75 nΩ m, β = 0.46, l_sd = 59 nm.

    Notes
    -----
    ρ* and β: J. Bass, W. P. Pratt, J. Magn. Magn. Mater. 200, 274 (1999). l_sd = 59 ± 18 nm: L. Piraux, S. Dubois, A.
    Fert, L. Belliard, Eur. Phys. J. B 4, 413 (1998). γ = 4.73 mJ/(mol K²): C. Kittel, Introduction to Solid State
    Physics. Values of one metal scatter by tens of percent between samples.

    Examples
    --------
    >>> metal = cobalt()
    >>> round(1 / metal.sigma * SIEMENS_PER_METER * 1e9, 1), round(metal.spin_diffusion_length, 6)   # nΩ m, nm
    (59.1, 59.0)
    """
    beta = 0.46
    return metal(
        resistivity=75e-9 * (1 - beta**2),
        beta=beta,
        spin_diffusion_length=59.0,
        density_of_states=density_of_states(4.73e-3, 6.67e-6),
    )


def permalloy() -> Material:
    """Return Ni80Fe20 at 4 K: ρ = 123 nΩ m, β = 0.65, l_sd = 5.5 nm.

    Notes
    -----
    β and l_sd: P. Holody et al., Phys. Rev. B 58, 12230 (1998). ρ: J. Bass, W. P. Pratt, J. Magn. Magn. Mater. 200, 274
    (1999). Density of states of nickel, γ = 7.02 mJ/(mol K²): C. Kittel, Introduction to Solid State Physics.

    Examples
    --------
    >>> round(permalloy().spin_diffusion_length, 6)
    5.5
    """
    return metal(
        resistivity=123e-9,
        beta=0.65,
        spin_diffusion_length=5.5,
        density_of_states=density_of_states(7.02e-3, 6.59e-6),
    )


# ---------------------------------------------------------------------- metals from supercells
@dataclass(frozen=True)
class MicroscopicMetal:
    """A metal of drift-diffusion made of microscopic numbers, with the standard errors they leave.

    Attributes
    ----------
    material : Material
        In eV, nm, ps.
    errors : dict
        Standard errors of ``sigma``, ``beta``, ``D``, ``tau`` and ``spin_diffusion_length`` in the same units.
    """

    material: Material
    errors: dict[str, float]


def spin_flip_conductance(
    concentration: float, exchange: float, density_of_states: tuple[float, float] | ArrayLike
) -> float:
    r"""Return g = (2π²/3) c J² ν_+ ν_-, the conductance between the two spins by magnetic impurities, golden rule.

    Impurities -(J/2) n·σ at a fraction c of the sites, n uniform on the sphere, flip a spin with the squared matrix
    element (J/2)²·2/3. Electrons go from + to - at the rate g (µ_+ - µ_-)/h per site.

    Parameters
    ----------
    concentration, exchange
        c and J of `kwant_spinjunc.model.disorder.MagneticImpurities`, J in the unit of energy.
    density_of_states
        ν_s per site and energy, shape (2,).

    Returns
    -------
    float
        e²/h per site.

    Raises
    ------
    ArgumentError
        An argument is negative or not finite.

    Notes
    -----
    One flip changes n_+ - n_- by 2, hence 1/τ = (2π/ħ)(ν/3) c J² for δM in a normal metal of ν per spin, and l_sd² =
    σ_+σ_-/((σ_+ + σ_-) g) in units of a.

    **Validity**: lowest order in J; impurities far apart, J small against the band and its disorder.

    Examples
    --------
    >>> round(spin_flip_conductance(0.1, 1.0, (0.13, 0.13)), 5)
    0.01112
    """
    values = [finite("concentration", concentration), finite("exchange", exchange)]
    nu = np.asarray(density_of_states, dtype=float)
    if nu.shape != (2,) or not np.isfinite(nu).all() or np.any(nu < 0) or values[0] < 0:
        raise ArgumentError(
            "Arguments `concentration` and `density_of_states` must be >= 0, one density for each spin, but are "
            f"{values[0]:g} and {nu.tolist()}."
        )
    return float(2 * np.pi**2 / 3 * values[0] * values[1] ** 2 * nu.prod())


def microscopic_metal(
    conductivities: ArrayLike,
    spin_diffusion_length: float,
    density_of_states: ArrayLike,
    *,
    lattice_constant: float = 1.0,
    errors: tuple[ArrayLike, float] = ((0.0, 0.0), 0.0),
) -> MicroscopicMetal:
    r"""Return a `Material` of drift-diffusion from what supercells give: σ_s, l_sd and ν_s.

    Parameters
    ----------
    conductivities
        σ_s in e²/h per a, shape (2,): slope 1/σ_s of the resistance-area product of spin s against the length.
    spin_diffusion_length
        Decay length of µ_+ - µ_- in a.
    density_of_states
        ν_s per site and eV, shape (2,): density of all incoming states over 2π.
    lattice_constant
        a in nm.
    errors
        Standard errors of the conductivities, shape (2,), and of the length, taken as independent.

    Returns
    -------
    MicroscopicMetal

    Raises
    ------
    ArgumentError
        A number is not positive, or an error negative.

    Notes
    -----
    D = σ/(e²ν) with the density of states of both spins, and τ = l_sd²/(D(1-β²)): (7) to (9) have one D and one τ,
    which for unequal ν_s are those of two spins of the mean density of states.

    **Validity**: mean free path ≪ l_sd ≪ localization length.

    Examples
    --------
    >>> found = microscopic_metal((6.0, 2.0), 12.0, (0.12, 0.14), lattice_constant=0.25, errors=((0.06, 0.02), 0.1))
    >>> found.material.beta, round(found.material.spin_diffusion_length, 9), round(found.errors["beta"], 4)
    (0.5, 3.0, 0.0053)
    """
    sigma, nu = np.asarray(conductivities, dtype=float), np.asarray(density_of_states, dtype=float)
    spread, a = np.asarray(errors[0], dtype=float), positive("lattice_constant", lattice_constant)
    for name, values in (("conductivities", sigma), ("density_of_states", nu)):
        if values.shape != (2,) or not np.all(np.isfinite(values) & (values > 0)):
            raise ArgumentError(f"Argument `{name}` must be two positive numbers, but is {values.tolist()}.")
    if spread.shape != (2,) or not np.all(np.append(spread, errors[1]) >= 0):
        raise ArgumentError(f"Argument `errors` must be ((σ_+, σ_-), l_sd) of standard errors >= 0, but is {errors!r}.")
    length = positive("spin_diffusion_length", spin_diffusion_length)

    def numbers(parameters: Floats) -> tuple[Floats, Material]:
        plus, minus, l_sd = parameters
        total = (plus + minus) * LANDAUER / a
        D, beta = total * a**3 / nu.sum(), (plus - minus) / (plus + minus)
        material = Material(sigma=total, beta=beta, D=D, tau=(l_sd * a) ** 2 / (D * (1 - beta**2)))
        return np.array([total, beta, D, material.tau, l_sd * a]), material

    center = np.array([*sigma, length])
    values, material = numbers(center)
    moved = [numbers(center + step)[0] - values for step in np.diag([*spread, float(errors[1])])]
    deviations = np.sqrt(np.sum(np.square(moved), axis=0))
    names = ("sigma", "beta", "D", "tau", "spin_diffusion_length")
    return MicroscopicMetal(material, dict(zip(names, map(float, deviations), strict=True)))


# ---------------------------------------------------------------------- what diffusion sees of a junction
@dataclass(frozen=True, eq=False)
class Interface:
    """Linear response of one junction per unit cell, averaged over k∥, between reservoirs.

    Attributes
    ----------
    conductance : ndarray, shape (2, 2, 2, 2)
        G[α s, β s'] = N δ - P in e²/h: current into the interface from lead α, spin s, see
        `kwant_spinjunc.theory.interface.conductance_matrix`.
    modes : ndarray, shape (2, 2)
        Open channels N[lead, spin], not integer after the average.
    spin_current : ndarray, shape (2, 2, 3)
        Pauli-spin flux through the spacer per chemical potential of the arriving electrons, e²/h, [lead, spin, axis].
    m : ndarray, shape (2, 3)
        Directions of the two leads.
    """

    conductance: Floats
    modes: Floats
    spin_current: Floats
    m: Floats

    @property
    def bare(self) -> InterfaceResponse:
        """The coefficients of (5), (6) between reservoirs, e²/h per cell."""
        return interface.response_of(self.conductance)

    @cached_property
    def between_metals(self) -> Floats:
        """The conductance matrix between diffusive metals, its Sharvin resistances taken off."""
        return interface.sharvin_corrected(self.conductance, self.modes)

    @property
    def angle(self) -> float:
        """Angle between the two leads' magnetizations (rad)."""
        return float(angle_between(*self.m))


def solve_interface(
    junction: Junction, energy: float = 0.0, *, k: ArrayLike | str | None = AVERAGE, rtol: float = 1e-8
) -> Interface:
    """Return what diffusive leads see of a junction, by the fast engine.

    Parameters
    ----------
    junction
        Magnetic leads and a spacer: two collinear halves.
    energy
        Fermi energy in the junction's unit.
    k
        "average" over the Brillouin zone, one wave vector (kx, kz) in 1/a, or None for Γ.
    rtol
        Relative accuracy of every averaged coefficient.

    Raises
    ------
    ArgumentError
        A lead is not magnetic, or the junction is a texture.
    NoOpenChannelError
        Nothing propagates at this energy.

    Examples
    --------
    >>> from kwant_spinjunc import ferromagnet, barrier
    >>> iron = ferromagnet(onsite=5.0, hopping=1.0, splitting=1.0, in_plane_hopping=1.0)
    >>> wall = barrier(onsite=8.0, hopping=1.0, in_plane_hopping=1.0, thickness=2)
    >>> found = solve_interface(Junction(iron, [wall], iron))
    >>> bool(abs(found.conductance.sum(axis=(0, 1))).max() < 1e-12)   # a common shift drives nothing
    True
    """
    _check_magnets(junction)
    energy, cut = finite("energy", energy), junction.cut

    def observe(c: Floats) -> dict[str, Floats]:
        states, P = halves.states(junction, energy, c), halves.probabilities(junction, energy, c)
        # what vanishes with the transmission is one kind, what stays another
        passing = [P[:, 0, :, 1], P[:, 1, :, 0], states.currents[..., cut, 1:], P[:, 0, [0, 1], 0, [1, 0]]]
        passing.append(P[:, 1, [0, 1], 1, [1, 0]])
        staying = [P[:, [0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1], [0, 1, 0, 1]], states.modes]
        return {name: _flat(parts, len(c)) for name, parts in (("passing", passing), ("staying", staying))}

    # Of what is small against its kind, the digits that rounding leaves in the large do not matter.
    found = zone.mean(observe, junction, energy, k, rtol=rtol, floor=NEGLIGIBLE).value
    to_left, to_right, Q, flips = np.split(found["passing"], [4, 8, 20])
    P = np.zeros((2, 2, 2, 2))
    P[0, :, 1], P[1, :, 0] = to_left.reshape(2, 2), to_right.reshape(2, 2)
    P[[0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1], [1, 0, 1, 0]] = flips
    P[[0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1], [0, 1, 0, 1]] = found["staying"][:4]
    modes, Q = found["staying"][4:].reshape(2, 2), Q.reshape(2, 2, 3)
    if not modes.any():
        raise NoOpenChannelError(
            f"Argument `energy` must lie in a band of a lead, but at {energy:g} no channel is open anywhere. "
            f"Bands at Γ: {junction.describe_bands(2.0)}."
        )
    return Interface(
        conductance=interface.conductance_matrix(P, modes),
        modes=modes,
        spin_current=Q,
        m=np.array([lead.m for lead in junction.leads]),
    )


def _flat(parts: Sequence[Any], count: int) -> Floats:
    return np.concatenate([np.asarray(part, dtype=float).reshape(count, -1) for part in parts], axis=-1)


def _check_magnets(junction: Junction) -> None:
    for name, lead in zip(("left", "right"), junction.leads, strict=True):
        if not lead.is_magnetic:
            raise ArgumentError(
                f"Argument `junction` must have magnetic leads, but the {name} one has no splitting. "
                "The drift-diffusion equations describe a magnet on either side."
            )
    if junction.cut is None:
        raise ArgumentError(
            "Argument `junction` must consist of two collinear halves, but is a texture. "
            "The chemical potentials of (5) and (6) refer to two directions only."
        )


# ---------------------------------------------------------------------- spin mixing
@dataclass(frozen=True)
class MixingConductance:
    """One contact between the spacer's metal and a magnet, per unit cell, in e²/h.

    Attributes
    ----------
    conductances : ndarray, shape (2,)
        G_s of both spins between reservoirs.
    mixing : complex
        G_mix.
    modes_spacer : float
        Open channels of the spacer for one spin.
    modes_magnet : ndarray, shape (2,)
        Open channels of the magnet.
    """

    conductances: Floats
    mixing: complex
    modes_spacer: float
    modes_magnet: Floats

    @property
    def effective_conductances(self) -> Floats:
        """G_s between diffusive metals, the Sharvin resistances of both sides taken off."""
        resistance = interface.interface_resistance(self.conductances, self.modes_spacer, self.modes_magnet)
        if np.any(resistance <= 0):
            raise ArgumentError(
                "Argument `junction` must have resistive contacts, but one spin enters the magnet without any. "
                'Use `spacer="coherent"`.'
            )
        return np.asarray(1 / resistance)

    @property
    def effective_mixing(self) -> complex:
        """G_mix next to a diffusive spacer."""
        return complex(circuit.corrected_mixing_conductance(self.mixing, self.modes_spacer))


def mixing_conductances(
    junction: Junction, energy: float = 0.0, *, k: ArrayLike | str | None = AVERAGE, rtol: float = 1e-8
) -> tuple[MixingConductance, MixingConductance] | None:
    """Return the spin-mixing conductances of the two contacts between spacer and magnets, per unit cell.

    Parameters
    ----------
    junction, energy, k, rtol
        As in `solve_interface`. Each contact is what lies between the spacer's middle plane, continued to infinity,
        and a lead.

    Returns
    -------
    (left, right) or None
        None where the spacer does not conduct (a barrier) or there is none: no channel arrives from it.

    Raises
    ------
    ArgumentError
        As in `solve_interface`.

    Notes
    -----
    **Validity**: magnets longer than the transverse coherence length. A. Brataas, Yu. V. Nazarov, G. E. W. Bauer, Phys.
    Rev. Lett. 84, 2481 (2000).
    """
    _check_magnets(junction)
    contacts = _contacts(junction)
    if contacts is None:
        return None
    left, right = (_mixing(*contact, finite("energy", energy), k, rtol) for contact in contacts)
    return None if left is None or right is None else (left, right)


def _contacts(junction: Junction) -> tuple[tuple[Junction, int], tuple[Junction, int]] | None:
    """Return both halves as junctions with the spacer as one lead, and which lead that is."""
    cut, planes, bonds = junction.cut, junction.planes, tuple(junction.bond_hoppings)
    spacer = next((n for n in (cut, cut + 1) if n is not None and not planes[n].is_magnetic), None) if cut else None
    if spacer is None:
        return None
    # The electrons of the spacer are labeled along the magnet they arrive at.
    node_left, node_right = (replace(planes[spacer], m=lead.m) for lead in junction.leads)
    first, last = junction.buffer, len(planes) - junction.buffer
    left = Junction(junction.left, planes[first:spacer], node_left, bonds=bonds[first - 1 : spacer])
    right = Junction(node_right, planes[spacer + 1 : last], junction.right, bonds=bonds[spacer:last])
    return (left, 1), (right, 0)


def _mixing(contact: Junction, spacer: int, energy: float, k: Any, rtol: float) -> MixingConductance | None:
    """Return the mixing conductance seen from lead number ``spacer``."""
    found = contact_conductances(contact, spacer, energy, k, rtol=rtol)
    if found.modes_metal == 0:
        return None
    return MixingConductance(found.conductances, found.mixing, found.modes_metal, found.modes_magnet)


# ---------------------------------------------------------------------- the whole run
def multiscale(
    family: Callable[..., Junction],
    left: Material,
    right: Material | None = None,
    *,
    lattice_constant: float,
    current_density: float = 1e11,
    energy: float = 0.0,
    k: ArrayLike | str | None = AVERAGE,
    spacer: Literal["coherent", "diffuse"] = "coherent",
    turns: str | None = "theta",
    rtol: float = 1e-8,
    **axes: Any,
) -> xr.Dataset:
    r"""Solve every junction of a family, match it to its diffusive magnets and return SI numbers.

    Parameters
    ----------
    family
        A function of parameters that returns a `Junction` with magnetic leads.
    left, right
        The metals the leads are made of, in eV, nm, ps (`cobalt`, `metal`); ``right`` defaults to ``left``.
    lattice_constant
        a in nm, the side of the in-plane unit cell.
    current_density
        Charge current density in A/m², positive for electrons from left to right.
    energy, k, rtol
        As in `solve_interface`.
    spacer
        "coherent": one quantum-mechanical junction. "diffuse": its two contacts in series through a spacer that
        forgets phases (mixing conductances, circuit theory); only for a spacer that conducts.
    turns
        Parameter of the family that is 0 for parallel magnets, the reference of the magnetoresistance; None for none.
    **axes
        Parameters of the family by name: 1D arrays are swept and become dimensions in the order given, single values
        are fixed.

    Returns
    -------
    xarray.Dataset
        Variables of `VARIABLES` with ``units`` and ``long_name``; provenance in ``attrs``. Mixing conductances are NaN
        where the spacer does not conduct, the magnetoresistance where parallel magnets have no resistance.

    Raises
    ------
    ArgumentError
        Unknown parameter, a lead that is not magnetic, a junction without resistance of its own (an ideal contact), or
        a number out of range.
    NoOpenChannelError
        Nothing propagates at this energy.

    Notes
    -----
    ``resistance_area`` is what the junction adds to the two metals: its own resistance, diffusion-corrected, and that
    of the spin accumulation within a spin-diffusion length. ``ballistic_delta_J_M`` is the same junction between
    reservoirs, at the same current. ``field_like`` is the response to potentials measured from the electrostatic
    potential in the middle of the junction, without the equilibrium exchange.

    **Validity**: linear response; specular interface, isotropic occupation of k∥ in the magnets; transverse spin
    absorbed at the interface. See `kwant_spinjunc.theory.interface.sharvin_corrected`, `drift_diffusion.match`.

    References
    ----------
    The paper, equations (5) to (12).

    Examples
    --------
    >>> import numpy as np
    >>> import kwant_spinjunc as sj
    >>> def valve(theta=0.0):
    ...     iron = dict(onsite=5.0, hopping=1.0, splitting=1.0, in_plane_hopping=1.0)
    ...     copper = sj.normal_metal(onsite=4.2, hopping=1.0, in_plane_hopping=1.0, thickness=5)
    ...     return sj.Junction(sj.ferromagnet(**iron), [copper], sj.ferromagnet(**iron, m=sj.unit_vector(theta)))
    >>> data = multiscale(valve, cobalt(), lattice_constant=0.25, theta=np.linspace(0, np.pi, 5))
    >>> data.delta_J_M.dims, data.delta_J_M.attrs["units"], bool(data.delta_J_M[2] > 0)
    (('theta',), 'A/m^2', True)
    """
    right = left if right is None else right
    for name, material in (("left", left), ("right", right)):
        if not isinstance(material, Material):
            raise ArgumentError(f"Argument `{name}` must be a Material, but is {material!r}. Use `cobalt()`.")
    a, J = positive("lattice_constant", lattice_constant), finite("current_density", current_density)
    if J == 0:
        raise ArgumentError("Argument `current_density` must not be zero: everything is proportional to it.")
    if spacer not in ("coherent", "diffuse"):
        raise ArgumentError(f'Argument `spacer` must be "coherent" or "diffuse", but is {spacer!r}.')
    swept, fixed = split_axes(axes)
    _check_turns(family, turns)
    solver = _Solver(left, right, a, J, finite("energy", energy), k, spacer, rtol)
    shape = tuple(len(values) for values in swept.values())
    data = {
        name: np.full((*shape, *(len(LABELS[dim]) for dim in dims)), np.nan) for name, (dims, _, _) in VARIABLES.items()
    }
    parallel: dict[tuple[int, ...], float] = {}
    for index in product(*(range(n) for n in shape)):
        values = {name: swept[name][i].item() for (name, i) in zip(swept, index, strict=True)}
        found = solver.observe(call_family(family, **fixed, **values))
        others = tuple(i for name, i in zip(swept, index, strict=True) if name != turns)
        if others not in parallel:
            parallel[others] = (
                solver.parallel_resistance(call_family(family, **{**fixed, **values, turns: 0.0})) if turns else 0.0
            )
        if parallel[others] > 0:
            found["magnetoresistance"] = found["resistance_area"] / parallel[others] - 1
        for name, value in found.items():
            data[name][index] = value
    return _dataset(data, swept, _provenance(family, fixed, solver))


def _check_turns(family: Callable[..., Junction], turns: str | None) -> None:
    parameters = inspect.signature(family).parameters
    accepts_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    if turns is not None and turns not in parameters and not accepts_any:
        raise ArgumentError(
            f"Argument `turns` must be a parameter of the family, but {turns!r} is none of {', '.join(parameters)}. "
            "Use None for a family that cannot be made parallel."
        )


@dataclass(frozen=True)
class _Solver:
    """One point: scattering, matching, conversion."""

    left: Material
    right: Material
    lattice_constant: float
    current_density: float
    energy: float
    k: Any
    spacer: str
    rtol: float

    def observe(self, junction: Junction) -> dict[str, Any]:
        """Return the variables of one junction."""
        found = solve_interface(junction, self.energy, k=self.k, rtol=self.rtol)
        mixing = mixing_conductances(junction, self.energy, k=self.k, rtol=self.rtol)
        response = self._response(found, mixing)
        solution = self._match(response, found.m)
        return {
            **self._microscopic(found, response, mixing),
            **self._macroscopic(solution),
            **self._torques(found, solution),
        }

    def parallel_resistance(self, junction: Junction) -> float:
        """Return the resistance-area product of the parallel reference, 0 for an ideal contact."""
        found = solve_interface(junction, self.energy, k=self.k, rtol=self.rtol)
        if abs(found.angle) > 1e-9:
            raise ArgumentError(
                f"Argument `turns` must name the parameter that is 0 for parallel magnets, but there the angle is "
                f"{np.degrees(found.angle):.4g} degrees."
            )
        mixing = mixing_conductances(junction, self.energy, k=self.k, rtol=self.rtol)
        try:
            response = self._response(found, mixing)
        except ArgumentError:  # nothing is reflected: an ideal contact has no conductance between metals
            return 0.0
        return float(self._match(response, found.m).resistance * _OHM_SQUARE_MICROMETER)

    def _response(
        self, found: Interface, mixing: tuple[MixingConductance, MixingConductance] | None
    ) -> InterfaceResponse:
        """Return the coefficients of (5), (6) per area, 1/(eV nm² ps), that diffusion is matched to."""
        area = self.lattice_constant**2
        if self.spacer == "coherent":
            return drift_diffusion.per_area(interface.response_of(found.between_metals), area)
        if mixing is None:
            raise ArgumentError(
                "Argument `spacer` must be \"coherent\" for this junction, but is 'diffuse' and no channel of its "
                "spacer is open."
            )
        scale = LANDAUER / area
        return drift_diffusion.node_interface(
            *found.m,
            *(scale * contact.effective_conductances for contact in mixing),
            *(scale * contact.effective_mixing for contact in mixing),
        )

    def _match(self, response: InterfaceResponse, m: Floats) -> Matching:
        current = self.current_density * AMPERE_PER_SQUARE_METER
        return drift_diffusion.match(self.left, self.right, response, m_left=m[0], m_right=m[1], current=current)

    def _microscopic(
        self,
        found: Interface,
        response: InterfaceResponse,
        mixing: tuple[MixingConductance, MixingConductance] | None,
    ) -> dict[str, Any]:
        bare = found.bare
        J, J_L, J_R = interface.interface_currents(bare, 0.5, -0.5)
        difference = tunnelling.vector_difference(J_L, J_R, *found.m)
        G = np.sum(response.charge_1)
        per_cell = np.nan if mixing is None else np.array([contact.mixing for contact in mixing])
        mixed = per_cell * conductance_per_area(1.0, self.lattice_constant)
        return {
            "conductance_matrix": found.conductance,
            "modes": found.modes,
            "r_left": np.stack([response.left_1, response.left_2]) / _SIEMENS_PER_SQUARE_METER,
            "r_right": np.stack([response.right_1, response.right_2]) / _SIEMENS_PER_SQUARE_METER,
            "mixing_real": np.real(mixed),
            "mixing_imag": np.imag(mixed) if mixing is not None else np.nan,
            "conductance_ratio": [G * np.sqrt(p.D * p.tau) / p.sigma for p in (self.left, self.right)],
            "ballistic_delta_J_M": np.linalg.norm(difference) / J * abs(self.current_density),
            "angle": np.degrees(found.angle),
        }

    def _macroscopic(self, solution: Matching) -> dict[str, Any]:
        along = np.einsum("si,si->s", solution.magnetization_sheet, solution.m)
        return {
            "magnetization_current": solution.J_M / AMPERE_PER_SQUARE_METER,
            "delta_J_M": solution.delta_J_M_length / AMPERE_PER_SQUARE_METER,
            "delta_J_M_vector": solution.delta_J_M / AMPERE_PER_SQUARE_METER,
            "accumulation": solution.delta / constants.milli,
            "accumulated_moment": along,
            "resistance_area": solution.resistance * _OHM_SQUARE_MICROMETER,
        }

    def _torques(self, found: Interface, solution: Matching) -> dict[str, Any]:
        """Return the torques: in plane from J_M (Slonczewski's relations), out of plane from the spin current."""
        to_flux = self.lattice_constant**2 / LANDAUER  # 1/(nm² ps) -> (e²/h)·V per cell
        J = float(solution.current) * to_flux
        J_M = solution.J_M * to_flux
        in_plane = np.array(tunnelling.in_plane_torques(J_M[0], J_M[1], found.angle))
        variables = {
            "damping_like": torque_per_area(in_plane, self.lattice_constant),
            "torque_efficiency": in_plane / J,
        }
        if self.spacer == "diffuse":
            return variables  # circuit theory keeps no spin current between the contacts to resolve
        Q = self._spacer_current(found, solution)
        normal = np.cross(*found.m)
        sine = np.linalg.norm(normal)
        out = float(Q @ normal / sine) if sine > 1e-12 else 0.0
        variables["field_like"] = torque_per_area(np.array([-out, out]), self.lattice_constant)
        variables["spin_defect"] = abs(found.m @ Q - J_M).max() / abs(J)
        return variables

    def _spacer_current(self, found: Interface, solution: Matching) -> Floats:
        """Return the spin flux through the spacer in (e²/h)·V per cell, from the electrons that arrive at it."""
        current = np.einsum("asbt,bt->as", found.between_metals, solution.mu)
        N = found.modes
        # µ of diffusion is the mean of arriving and leaving electrons; they differ by I/N.
        arriving = solution.mu + np.where(N > 0, current / (2 * np.where(N > 0, N, 1.0)), 0.0)
        return np.asarray(np.einsum("as,asi->i", arriving, found.spin_current))


# ---------------------------------------------------------------------- the dataset
def _provenance(family: Callable[..., Junction], fixed: Mapping[str, Any], solver: _Solver) -> dict[str, Any]:
    name = getattr(family, "__name__", "family")
    materials = {side: vars(replace(getattr(solver, side))) for side in ("left", "right")}
    return {
        "title": f"multiscale run of {name}",
        "family": name,
        "fixed_parameters": json.dumps(dict(fixed), default=float, sort_keys=True),
        "left_material": json.dumps(materials["left"], sort_keys=True),
        "right_material": json.dumps(materials["right"], sort_keys=True),
        "material_units": "eV, nm, ps",
        "lattice_constant_nm": solver.lattice_constant,
        "current_density_A_per_m2": solver.current_density,
        "energy": solver.energy,
        "k": json.dumps(solver.k if solver.k in (None, AVERAGE) else np.asarray(solver.k, dtype=float).tolist()),
        "spacer": solver.spacer,
        "rtol": solver.rtol,
        "kwant_spinjunc": __version__,
        "kwant": version("kwant"),
    }


def _dataset(data: Mapping[str, Any], swept: Mapping[str, NDArray[Any]], attributes: dict[str, Any]) -> xr.Dataset:
    import xarray as xr

    variables = {
        name: xr.Variable((*swept, *dims), data[name], {"units": units, "long_name": long_name})
        for name, (dims, units, long_name) in VARIABLES.items()
    }
    used = sorted({dim for dims, _, _ in VARIABLES.values() for dim in dims})
    coords: dict[str, Any] = {dim: list(LABELS[dim]) for dim in used}
    for name, values in swept.items():
        coords[name] = xr.Variable((name,), values, axis_attributes(name))
    return xr.Dataset(variables, coords, attributes)
