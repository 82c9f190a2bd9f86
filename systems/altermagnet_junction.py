r"""AM|I|F and AM|I|AM: tunneling from a d-wave altermagnet, which has no net magnetization, averaged over the zone.

::

      AM (Néel axis z)  |  I (thickness)  |  F or AM, turned by ``scatter``   → x (current), periodic in y

Square lattice (cubic with ``dimensions=3``: periodic in y and z), one orbital with spin s = ±1 on each site,

    H = ε - 2 (t - s t_J) cos kx - 2 (t + s t_J) cos ky [- 2 t cos kz]              orientation="along"
    H = ε - 2 t (cos kx + cos ky) - 4 s t_J sin kx sin ky [- 2 t cos kz]            orientation="diagonal"

in the altermagnet, ε - 2 t (cos kx + cos ky [+ cos kz]) - (Δ/2) m·σ in the ferromagnet and ε_I in place of ε in the
barrier, whose hopping is t. The spin splitting of the bands, 4 t_J (cos kx - cos ky), has the symmetry of a d wave:
turning the crystal by 90° in the plane, t_J → -t_J, is turning its Néel axis by 180°. So the tunneling
magnetoresistance of AM|I|F changes its sign exactly, and vanishes at 45° ("diagonal"), where the two spins differ by
ky → -ky only. Energies in units of t.

Sources: L. Šmejkal, A. B. Hellenes, R. González-Hernández, J. Sinova and T. Jungwirth, Phys. Rev. X 12, 011028 (2022),
giant and tunneling magnetoresistance from spin-split bands without net magnetization; L. Šmejkal, J. Sinova and T.
Jungwirth, Phys. Rev. X 12, 031042 (2022), altermagnets by spin group. The model with t ± t_J is theirs, its numbers
here are not fitted to a metal.
"""

from typing import Annotated

import kwant
import kwant.wraparound
import numpy as np

from kwant_spinjunc import ArgumentError, Device
from kwant_spinjunc.checks import positive_integer
from kwant_spinjunc.spin import PAULI

one, sz = np.eye(2), PAULI[2]


def altermagnet_junction(
    splitting: float = 0.8,
    hopping_splitting: float = 0.3,
    orientation: str = "along",
    right: str = "ferromagnet",
    onsite: float = 2.5,
    height: float = 5.0,
    thickness: int = 3,
    planes: int = 2,
    dimensions: int = 2,
) -> Annotated[Device, "t"]:
    """Return AM|I|F, or AM|I|AM for ``right="altermagnet"``, periodic in the plane.

    ``hopping_splitting`` is t_J, ``splitting`` Δ of the ferromagnet, ``onsite`` ε and ``height`` ε_I. Of each magnet
    ``planes`` are resolved. Cut ``barrier`` in the middle of the barrier; magnets ``left`` and ``right``. The momenta
    are parameters k_y (and k_z): ``scatter(device, energy, k="average", turns=angles, behind="barrier")``.
    """
    if orientation not in ("along", "diagonal"):
        raise ArgumentError(f"Argument `orientation` must be along or diagonal, but is {orientation!r}.")
    if right not in ("ferromagnet", "altermagnet"):
        raise ArgumentError(f"Argument `right` must be ferromagnet or altermagnet, but is {right!r}.")
    if dimensions not in (2, 3):
        raise ArgumentError(f"Argument `dimensions` must be 2 or 3, but is {dimensions!r}.")
    for name, value in (("thickness", thickness), ("planes", planes)):
        positive_integer(name, value)
    tJ = hopping_splitting
    altermagnetic = {
        "along": {(1, 0): -(one - tJ * sz), (0, 1): -(one + tJ * sz)},
        # -4 s t_J sin kx sin ky = 2 s t_J [cos(kx + ky) - cos(kx - ky)]
        "diagonal": {(1, 0): -one, (0, 1): -one, (1, 1): tJ * sz, (1, -1): -tJ * sz},
    }[orientation]
    plain = {(1, 0): -one, (0, 1): -one}
    first, end = planes + thickness, 2 * planes + thickness

    def material(x: int) -> tuple[np.ndarray, dict[tuple[int, int], np.ndarray]]:
        """Return level and hoppings of plane x."""
        if planes <= x < first:
            return height * one, plain
        if x < planes or right == "altermagnet":
            return onsite * one, altermagnetic
        return onsite * one - splitting / 2 * sz, plain

    lattice = kwant.lattice.general(np.eye(dimensions), norbs=2, name="crystal")
    names = "xyz"[:dimensions]
    rest = (0,) * (dimensions - 2)

    def fill(builder: kwant.Builder, columns: range, *, lead: bool) -> None:
        for x in columns:
            builder[lattice(x, 0, *rest)] = material(x)[0] + 0j
        for x in columns:
            hoppings = material(x)[1]
            for (dx, dy), hop in hoppings.items():
                # a hopping between unlike planes is that of the barrier
                other = material(x + dx)[1] if 0 <= x + dx < end or lead else {}
                value = hop if lead or other is hoppings else plain.get((dx, dy))
                if value is not None and (lead or x + dx < columns.stop):
                    builder[lattice(x + dx, dy, *rest), lattice(x, 0, *rest)] = value + 0j
            if dimensions == 3:
                builder[lattice(x, 0, 1), lattice(x, 0, 0)] = -one + 0j

    plane_vectors = [tuple(int(i == axis) for i in range(dimensions)) for axis in range(1, dimensions)]
    syst = kwant.Builder(kwant.TranslationalSymmetry(*plane_vectors))
    fill(syst, range(end), lead=False)
    syst = kwant.wraparound.wraparound(syst, coordinate_names=names[1:])
    for direction, x in ((-1, 0), (1, end - 1)):
        normal = (direction, *([0] * (dimensions - 1)))
        lead = kwant.Builder(kwant.TranslationalSymmetry(normal, *plane_vectors))
        fill(lead, range(x, x + 1), lead=True)
        syst.attach_lead(kwant.wraparound.wraparound(lead, keep=0, coordinate_names=names))
    middle = planes + thickness // 2
    return Device(
        system=syst.finalized(),
        cuts={"barrier": lambda site: site.tag[0] >= middle},
        magnets={
            "left": lambda site: 0 < site.tag[0] < planes,
            "right": lambda site: first <= site.tag[0] < end - 1,
        }
        if planes > 1
        else {},
        profile=lambda site: np.interp(site.tag[0], [planes - 1, first], [0.5, -0.5]),
    )
