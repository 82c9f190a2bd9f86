r"""Three terminals: two magnets in line and a third lead at the side, a spin splitter or a nonlocal spin valve.

::

                 lead 2 (m_D at theta_detector, or normal)
                       ┌───┐
                       │ N │  arm            ↑ x
                       ├───┤  coupling       → y
    lead 0   F (m_L)   │ N │   F (m_R)   lead 1
           ════════════╧═══╧════════════

A wire of the square lattice along y, ``width`` sites wide with hard walls, carries two magnets with a normal metal
between them; an arm, as wide as the normal metal is long, leaves it at the side along +x. With
``splitting_detector = 0`` the third lead is normal, and its spins are counted along m_D all the same. Driven from lead
2, antiparallel magnets sort the electrons by spin (a spin splitter); driven from lead 0 to lead 2, the potential at
which no current enters lead 1 depends on its magnetization (a nonlocal spin valve).

Sources: A. Brataas, Yu. V. Nazarov and G. E. W. Bauer, Phys. Rev. Lett. 84, 2481 (2000), three magnets on one normal
metal; F. J. Jedema, A. T. Filip and B. J. van Wees, Nature 410, 345 (2001), the nonlocal spin valve. Numbers in units
of the hopping.
"""

from typing import Annotated

import kwant
import numpy as np

from kwant_spinjunc import Device, between, unit_vector
from kwant_spinjunc.checks import positive_integer
from kwant_spinjunc.spin import sigma


def three_terminal(
    theta: float = np.pi / 3,
    theta_detector: float = 0.0,
    coupling: float = 1.0,
    width: int = 4,
    spacer: int = 4,
    magnet: int = 3,
    arm: int = 3,
    onsite: float = 1.0,
    splitting: float = 1.0,
    spacer_onsite: float = 1.0,
    splitting_detector: float = 0.0,
    hopping: float = 1.0,
) -> Annotated[Device, "t"]:
    """Return F|N|F with a third lead at its normal part; angles in radians in the x-z plane.

    ``coupling`` is the hopping between the wire and the arm of ``arm`` sites. ``magnet`` planes of each magnet are
    resolved besides the one that is joined to its lead. Cuts ``left``, ``right`` (at the ends of the normal part, along
    +y) and ``arm`` (into the arm); magnets ``left`` and ``right``.
    """
    for name, value in (("width", width), ("spacer", spacer), ("magnet", magnet), ("arm", arm)):
        positive_integer(name, value)
    lattice = kwant.lattice.square(norbs=2, name="T")
    m_left, m_right, m_side = unit_vector(0.0), unit_vector(theta), unit_vector(theta_detector)

    def level(energy: float, exchange: float, m: np.ndarray) -> np.ndarray:
        return energy * np.eye(2) - exchange / 2 * sigma(m)

    def exchange(n: int) -> np.ndarray:
        if magnet < n <= magnet + spacer:
            return level(spacer_onsite, 0.0, m_left)
        return level(onsite, splitting, m_left if n <= magnet else m_right)

    count = 2 * (magnet + 1) + spacer
    hop = -hopping * np.eye(2)
    syst = kwant.Builder()
    planes = [[lattice(x, n) for x in range(width)] for n in range(count)]
    for n, plane in enumerate(planes):
        syst[plane] = exchange(n)
    mouth = range(magnet + 1, magnet + 1 + spacer)
    side = [lattice(x, n) for x in range(width, width + arm) for n in mouth]
    syst[side] = level(spacer_onsite, 0.0, m_side)
    syst[lattice.neighbors()] = hop
    for n in mouth:
        syst[lattice(width, n), lattice(width - 1, n)] = -coupling * np.eye(2)

    terminals = [
        ((0, -1), m_left, level(onsite, splitting, m_left), planes[0]),
        ((0, 1), m_right, level(onsite, splitting, m_right), planes[0]),
        ((1, 0), m_side, level(spacer_onsite, splitting_detector, m_side), [lattice(0, n) for n in mouth]),
    ]
    for direction, m, value, cell in terminals:
        lead = kwant.Builder(kwant.TranslationalSymmetry(direction), conservation_law=-sigma(m))
        lead[cell] = value
        lead[lattice.neighbors()] = hop
        syst.attach_lead(lead)

    def flat(nested: list[list[kwant.builder.Site]]) -> list[kwant.builder.Site]:
        return [site for plane in nested for site in plane]

    return Device(
        system=syst.finalized(),
        magnetizations={0: m_left, 1: m_right, 2: m_side},
        cuts={
            "left": between(planes[magnet], planes[magnet + 1]),
            "right": between(planes[magnet + spacer], planes[magnet + spacer + 1]),
            "arm": between([lattice(width - 1, n) for n in mouth], [lattice(width, n) for n in mouth]),
        },
        magnets={"left": flat(planes[1 : magnet + 1]), "right": flat(planes[magnet + spacer + 1 : -1])},
    )
