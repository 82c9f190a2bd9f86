r"""AF|I|AF and AF|I|F: antiferromagnets of two sublattices, whose spins stagger, averaged over the zone.

::

      kind = "G": all neighbors opposite               kind = "A": ferromagnetic planes, neighboring ones opposite
      ↑ ↓ ↑ | I | AF or F, turned by ``scatter``       ↑ ↓ ↑
      ↓ ↑ ↓ |   |                                      ↑ ↓ ↑             → x (current), periodic in y (and z)

Square lattice (cubic with ``dimensions=3``), one orbital, hopping -t between nearest neighbors,

    H = Σ c†_i [ε - (Δ/2) η_i n·σ] c_i - t Σ_<ij> c†_i c_j,    η = (-1)^(x+y+z) (G) or (-1)^x (A),

n the Néel vector, along z before the turn. Bands of G-type are ε ± √(ε_k² + Δ²/4) for both spins, ε_k = -2 (cos kx +
cos ky [+ cos kz]); its planes are compensated, so that G|I|F transmits the same at Φ and Φ + 180°; those of A-type are
not. Sublattices A (η = 1) and B are magnets of their own: their torques add to the net torque and differ by the
staggered one (`sublattice_torques`), which turns the Néel vector. Energies in units of t.

Sources: A. S. Núñez, R. A. Duine, P. Haney and A. H. MacDonald, Phys. Rev. B 73, 214426 (2006), torques that
antiferromagnets exert on each other; H. V. Gomonay and V. M. Loktev, Phys. Rev. B 81, 144427 (2010), both parts.
The model is theirs, its numbers here are not fitted to a metal.
"""

from itertools import product
from typing import Any

import kwant
import kwant.wraparound
import numpy as np

from kwant_spinjunc import ArgumentError, Device
from kwant_spinjunc.checks import positive_integer
from kwant_spinjunc.spin import PAULI

one, sz = np.eye(2), PAULI[2]


def antiferromagnet_junction(
    kind: str = "G",
    right: str = "antiferromagnet",
    splitting: float = 1.0,
    onsite: float = 2.0,
    height: float = 6.0,
    thickness: int = 3,
    planes: int = 4,
    dimensions: int = 2,
    termination: int = 0,
) -> Device:
    """Return AF|I|AF, or AF|I|F for ``right="ferromagnet"`` of the same ε and Δ, periodic in the plane.

    ``planes`` of each magnet are resolved besides the pair that is joined to a lead. ``termination=1`` interchanges the
    sublattices of the right antiferromagnet. Cut ``barrier``, in its middle; magnets ``left A``, ``left B``,
    ``right A``, ``right B``. The cell of a plane of G-type is doubled, along (y) = (2), or (y, z) = (1, 1), (1, -1).
    """
    for name, value, known in (
        ("kind", kind, ("G", "A")),
        ("right", right, ("antiferromagnet", "ferromagnet")),
        ("dimensions", dimensions, (2, 3)),
        ("termination", termination, (0, 1)),
    ):
        if value not in known:
            raise ArgumentError(f"Argument `{name}` must be {known[0]} or {known[1]}, but is {value!r}.")
    for name, count in (("planes", planes), ("thickness", thickness)):
        positive_integer(name, count)
    first = planes + 2
    behind = first + thickness
    end = behind + planes + 2
    lattice = kwant.lattice.general(np.eye(dimensions), norbs=2, name="crystal")
    vectors = {"A": [(0, 1, 0), (0, 0, 1)], "G": [(0, 2, 0)] if dimensions == 2 else [(0, 1, 1), (0, 1, -1)]}[kind]
    plane = [vector[:dimensions] for vector in vectors[: dimensions - 1]]
    basis = [(0, 0)] if kind == "A" else [(0, 0), (1, 0)]

    def eta(tag: Any) -> int:
        """Return the sign of a site's sublattice."""
        steps = int(sum(tag) if kind == "G" else tag[0]) + (termination if tag[0] >= behind else 0)
        return 1 - 2 * (steps % 2)

    def level(tag: Any) -> np.ndarray:
        if first <= tag[0] < behind:
            return height * one + 0j
        sign = 1 if tag[0] >= behind and right == "ferromagnet" else eta(tag)
        return onsite * one - sign * splitting / 2 * sz + 0j

    def fill(builder: kwant.Builder, columns: range, *, lead: bool) -> None:
        tags = [np.array((x, *site))[:dimensions] for x, site in product(columns, basis)]
        for tag in tags:
            builder[lattice(*tag)] = level(tag)
        for tag, step in product(tags, np.eye(dimensions, dtype=int)):
            if lead or tag[0] + step[0] < columns.stop:
                builder[lattice(*(tag + step)), lattice(*tag)] = -one + 0j

    names = "xyz"[:dimensions]
    syst = kwant.Builder(kwant.TranslationalSymmetry(*plane))
    fill(syst, range(end), lead=False)
    syst = kwant.wraparound.wraparound(syst, coordinate_names=names[1:])
    for direction, x in ((-2, 0), (2, end - 2)):
        normal = (direction, *([0] * (dimensions - 1)))
        lead = kwant.Builder(kwant.TranslationalSymmetry(normal, *plane))
        fill(lead, range(x, x + 2), lead=True)
        syst.attach_lead(kwant.wraparound.wraparound(lead, keep=0, coordinate_names=names))
    middle = first + thickness // 2 if thickness > 1 else first + 1

    def magnet(low: int, high: int, sign: int) -> Any:
        return lambda site: low <= site.tag[0] < high and eta(site.tag) == sign

    return Device(
        system=syst.finalized(),
        cuts={"barrier": lambda site: site.tag[0] >= middle},
        magnets={
            f"{side} {name}": magnet(low, high, sign)
            for side, low, high in (("left", 2, first), ("right", behind, end - 2))
            for name, sign in (("A", 1), ("B", -1))
        },
    )


def sublattice_torques(s: Any, side: str = "right") -> tuple[np.ndarray, np.ndarray]:
    """Return net and staggered torque on a magnet, (..., leads, 3) per unit incoming flux, in ħ/2."""
    A, B = (s.torque(f"{side} {name}").exchange for name in "AB")
    return A + B, A - B
