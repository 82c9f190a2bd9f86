r"""Parameters in eV of metals and barriers that were published, as keyword arguments of the constructors.

    sj.ferromagnet(**iron(lattice_constant=0.05), m=...), sj.barrier(**mgo(lattice_constant=0.05), thickness=20)

The Fermi energy is 0 throughout. Every preset is one effective band per spin: good for trends with height, thickness,
angle and bias, and for comparing formulas with one another; not for numbers of a real junction, whose filtering by
symmetry (Δ1 against Δ5 through MgO), interface states and d bands one band does not have. ``systems/iron_barrier.py``
has spd iron. Where a preset has ``isotropic``, it says whether to hop in the planes too.
"""

from __future__ import annotations

import numpy as np

from ..checks import positive, within
from ..errors import ArgumentError
from ..units import ELECTRON_HBAR2_2M, free_electron_ferromagnet, hopping_from_mass, onsite_from_band_bottom

#: Of `fe_mgo_magnet` and `mgo`, from the bottom of the majority band, in eV and electron masses.
FERMI, SPLITTING, MAGNET_MASS = 2.25, 2.15, 0.73
BARRIER_BOTTOM, BARRIER_MASS = 2.15 + 1.4, 0.2
#: Of `cobalt`: splitting of its bands in eV.
COBALT_SPLITTING = 1.1


def iron(*, lattice_constant: float, isotropic: bool = True) -> dict[str, float]:
    """Return the free-electron iron of Stearns and Slonczewski, k↑ = 10.9 and k↓ = 4.2 per nm.

    ``lattice_constant``: spacing of the grid in nm, at most 0.18; 0.05 or less for continuum results.

    **Validity**: the itinerant, s-like electrons that tunnel through an amorphous barrier; polarization 0.44 in front
    of a high barrier.

    Source: M. B. Stearns, J. Magn. Magn. Mater. 5, 167 (1977), as used by J. C. Slonczewski, Phys. Rev. B 39, 6995
    (1989).

    Examples
    --------
    >>> round(iron(lattice_constant=0.05)["splitting"], 3)
    3.855
    """
    return free_electron_ferromagnet(lattice_constant=lattice_constant, isotropic=isotropic)


def cobalt(*, lattice_constant: float, isotropic: bool = True, polarization: float = 0.42) -> dict[str, float]:
    r"""Return free-electron cobalt fixed by two measured numbers, its splitting and its tunneling polarization.

    .. math:: P = \frac{k_↑ - k_↓}{k_↑ + k_↓}, \qquad Δ = \frac{ħ²(k_↑² - k_↓²)}{2m_e},

    which Δ = 1.1 eV and P = 0.42 solve by k↑ = 5.89 and k↓ = 2.40 per nm (P = 0.35: 6.13 and 2.95).

    ``lattice_constant``: spacing of the grid in nm, at most 2/k↑ = 0.34; 0.1 or less for continuum results.
    ``polarization``: P of cobalt on Al2O3, measured with a superconductor: 0.42, or 0.35 of older barriers.

    **Validity**: the two numbers, not a fit of bands. They belong to different electrons (Δ to d bands at Γ, P to what
    tunnels) and no source has both wave vectors. The bands end 1.32 and 0.22 eV below the Fermi energy, so that a bias
    above 0.2 eV meets the bottom of the minority band. P is that of a high barrier, as `iron` has 0.44: in front of one
    U eV high, κ² = 2mU/ħ², it is smaller by Slonczewski's (κ² - k↑k↓)/(κ² + k↑k↓).

    Source: Δ: D. E. Eastman, F. J. Himpsel and J. A. Knapp, Phys. Rev. Lett. 44, 95 (1980), abstract ("about 1.1 eV").
    P: J. S. Moodera and G. Mathon, J. Magn. Magn. Mater. 200, 248 (1999); 0.35: R. Meservey and P. M. Tedrow, Phys.
    Rep. 238, 173 (1994); both as they are cited. P from wave numbers: Stearns, as for `iron`.

    Examples
    --------
    >>> {name: round(value, 3) for name, value in cobalt(lattice_constant=0.1).items()}
    {'onsite': 22.09, 'hopping': 3.81, 'splitting': 1.1, 'in_plane_hopping': 3.81}
    """
    P = within("polarization", polarization, 0.01, 1.0)
    total = np.sqrt(COBALT_SPLITTING / (ELECTRON_HBAR2_2M * P))  # k↑ + k↓
    up, down = (float(total * (1 + sign * P) / 2) for sign in (1, -1))
    return free_electron_ferromagnet(up, down, lattice_constant=lattice_constant, isotropic=isotropic)


def fe_mgo_magnet(*, lattice_constant: float, isotropic: bool = True) -> dict[str, float]:
    """Return the effective-mass magnet of models of Fe|MgO|Fe: E_F 2.25 eV, splitting 2.15 eV, mass 0.73 m_e.

    ``lattice_constant``: spacing of the grid in nm; these models use 0.2 and less.

    The minority band begins 0.1 eV below the Fermi energy, which makes the magnetoresistance large.

    **Validity**: a fit of currents and torques against bias by one band, not a band structure.

    Source: D. Datta et al., IEDM Technical Digest, p. 548 (2010). The numbers were read in two public programs that
    state them (MTJ_NEGF by J. Guo names the paper; the second agrees in E_F and mass), not in the paper itself.

    Examples
    --------
    >>> {name: round(value, 3) for name, value in fe_mgo_magnet(lattice_constant=0.1).items()}
    {'onsite': 30.14, 'hopping': 5.219, 'splitting': 2.15, 'in_plane_hopping': 5.219}
    """
    return _parabolic(SPLITTING / 2 - FERMI, MAGNET_MASS, lattice_constant, isotropic=isotropic, splitting=SPLITTING)


def mgo(*, lattice_constant: float, isotropic: bool = True) -> dict[str, float]:
    """Return the effective-mass barrier that goes with `fe_mgo_magnet`: 1.3 eV above the Fermi energy, mass 0.2 m_e.

    **Validity**: another program with the same magnet has a mass of 0.32 m_e and fractions of it: height and mass are
    fits to a sample, to be made anew from its resistance-area product. No filtering by symmetry.

    Source: As for `fe_mgo_magnet` (MTJ_NEGF: U_b = 1.4 eV above the minority band's bottom, mass 0.2).

    Examples
    --------
    >>> {name: round(value, 3) for name, value in mgo(lattice_constant=0.1).items()}
    {'onsite': 115.599, 'hopping': 19.05, 'in_plane_hopping': 19.05}
    """
    return _parabolic(BARRIER_BOTTOM - FERMI, BARRIER_MASS, lattice_constant, isotropic=isotropic)


def single_band_magnet() -> dict[str, float]:
    """Return the tight-binding magnet of the studies of bias-dependent torques: t = 0.4, ε = 1.2 and 2.0 eV.

    **Validity**: a model junction for laws of torque against bias; the lattice is simple cubic and its own.

    Source: Phys. Rev. B 81, 054437 (2010), single band.

    Examples
    --------
    >>> single_band_magnet()["splitting"]
    0.8
    """
    return {"onsite": 1.6, "hopping": 0.4, "splitting": 0.8, "in_plane_hopping": 0.4}


def single_band_barrier() -> dict[str, float]:
    """Return the barrier that goes with `single_band_magnet`: ε = 5.4 eV, five planes in the reference.

    Source: Phys. Rev. B 81, 054437 (2010), single band.

    Examples
    --------
    >>> single_band_barrier()["onsite"]
    5.4
    """
    return {"onsite": 5.4, "hopping": 0.4, "in_plane_hopping": 0.4}


def _parabolic(bottom: float, mass: float, a: float, *, isotropic: bool, splitting: float = 0.0) -> dict[str, float]:
    """Return a band with its bottom (the mean one of both spins) at an energy, and this mass there."""
    largest = float(np.sqrt(2 * hopping_from_mass(MAGNET_MASS, 1.0) / FERMI))
    if positive("lattice_constant", a) > largest:
        raise ArgumentError(
            f"Argument `lattice_constant` must be at most {largest:.2g} nm, where the Fermi energy reaches the middle "
            f"of the magnet's band, but is {a:g}. Use 0.1 to 0.2 nm, the same for magnet and barrier."
        )
    t = float(hopping_from_mass(mass, a))
    onsite = float(onsite_from_band_bottom(bottom, t, t if isotropic else 0.0))
    magnetic, in_plane = {"splitting": splitting} if splitting else {}, {"in_plane_hopping": t} if isotropic else {}
    return {"onsite": onsite, "hopping": t, **magnetic, **in_plane}
