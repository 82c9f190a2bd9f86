r"""F|I|F of s-d magnets: two orbitals and two spins on every site, hybridized along the bonds.

::

      F (m_L = z)  |  I (thickness)  |  F (m_R at theta)

    s   ──t_s────o────t_s────o        wide band, small splitting
           ╲ t_sd ╱
    d   ──t_d────o────t_d────o        narrow band, large splitting

Each site has four orbitals in the order ``"spin-orbital"``, (s↑, d↑, s↓, d↓): spin is σ ⊗ 1, written np.kron(σ, 1). The
on-site term is diag(ε_s, ε_d) on the orbitals and -(Δ_o/2) m·σ of each, the hopping along +y is

    -[[t_s, t_sd], [t_sd, t_d]] ⊗ 1 of spin:

an s and a d orbital of one site are orthogonal by symmetry, so they mix between neighbors. Everything conserves m·S in
each magnet, which the leads declare by a conservation law. The barrier has the same two orbitals, both raised by
``height``; ``contact`` scales all hoppings of d across the interfaces: 0 leaves only the s electrons to tunnel.

Source: the idea of E. Yu. Tsymbal and D. G. Pettifor, J. Phys.: Condens. Matter 9, L411 (1997), reduced to one d
orbital: it is s electrons that tunnel, so that the polarization of the current is positive, while that of the density
of states, which is of d electrons, is negative. Numbers in units of t_s, not fitted to a metal: at energy 0 the
minority d band is at the Fermi energy, the majority d band is filled.
"""

from typing import Annotated

import kwant
import numpy as np

from kwant_spinjunc import Device, between, unit_vector
from kwant_spinjunc.checks import positive_integer
from kwant_spinjunc.spin import sigma

SPIN = "spin-orbital"


def two_orbital_magnet(
    theta: float = np.pi / 3,
    height: float = 3.0,
    thickness: int = 3,
    magnet: int = 4,
    hybridization: float = 0.1,
    contact: float = 1.0,
    onsite: float = 1.5,
    onsite_d: float = -0.6,
    splitting: float = 0.4,
    splitting_d: float = 1.4,
    hopping: float = 1.0,
    hopping_d: float = 0.2,
) -> Annotated[Device, "t_s"]:
    """Return F|I|F of two-orbital magnets, the right magnetization at ``theta`` (radians) in the x-z plane.

    Names without suffix are those of the s orbital. ``magnet`` planes of each magnet are resolved, besides the one that
    is joined to the lead. Cut ``barrier``; magnets ``left`` and ``right``.
    """
    for name, value in (("thickness", thickness), ("magnet", magnet)):
        positive_integer(name, value)
    lattice = kwant.lattice.general([(0, 1)], norbs=4, name="s-d chain")
    m_left, m_right = unit_vector(0.0), unit_vector(theta)
    levels, splittings = np.array([onsite, onsite_d]), np.diag([splitting, splitting_d])
    bulk = np.array([[hopping, hybridization], [hybridization, hopping_d]])
    interface = bulk * np.array([[1.0, contact], [contact, contact]])

    def spin_degenerate(orbitals: np.ndarray) -> np.ndarray:
        return np.kron(np.eye(2), orbitals) + 0j

    def exchange(m: np.ndarray) -> np.ndarray:
        return -np.kron(sigma(m), splittings) / 2

    def magnetic(m: np.ndarray) -> np.ndarray:
        return spin_degenerate(np.diag(levels)) + exchange(m)

    syst = kwant.Builder()
    first_right = magnet + 1 + thickness
    count = first_right + magnet + 1
    sites = [lattice(n) for n in range(count)]
    for n, site in enumerate(sites):
        if magnet < n < first_right:
            syst[site] = spin_degenerate(np.diag(levels + height))
        else:
            syst[site] = magnetic(m_left if n <= magnet else m_right)
    for n in range(count - 1):
        hop = interface if n in (magnet, first_right - 1) else bulk
        syst[sites[n + 1], sites[n]] = -spin_degenerate(hop)
    for m, direction in ((m_left, -1), (m_right, 1)):
        lead = kwant.Builder(
            kwant.TranslationalSymmetry((0, direction)), conservation_law=-np.kron(sigma(m), np.eye(2))
        )
        lead[lattice(0)] = magnetic(m)
        lead[lattice(1), lattice(0)] = -spin_degenerate(bulk)
        syst.attach_lead(lead)
    return Device(
        system=syst.finalized(),
        spin=SPIN,
        magnetizations={0: m_left, 1: m_right},
        cuts={"barrier": between(sites[: magnet + 1], sites[magnet + 1 :])},
        magnets={"left": sites[1 : magnet + 1], "right": sites[first_right:-1]},
        exchange={
            **{site: exchange(m_left) for site in sites[: magnet + 1]},
            **{site: exchange(m_right) for site in sites[first_right:]},
        },
    )
