"""Two iron-like magnets and a barrier with impurities that have a level of their own.

    left magnet | barrier: a fraction `concentration` of its sites has the level `impurity` | right magnet

For `spinjunc ensemble`: with a cross-section of several sites every realization puts the impurities elsewhere. Impurity
levels near the Fermi energy make rare, resonant paths, as in Tsymbal et al., Phys. Rev. Lett. 90, 186602 (2003).
"""

from typing import Annotated

import kwant_spinjunc as sj


def disordered_barrier(
    theta: float = 0.0,
    height: float = 3.0,
    thickness: int = 4,
    concentration: Annotated[float, "1"] = 0.05,
    impurity: float = 2.0,
    width: Annotated[float, "t"] = 0.0,
    splitting: float = 1.0,
) -> Annotated[sj.Junction, "t"]:
    """Return the junction; energies in units of the hopping, `height` and `impurity` above the band center of iron.

    `width` is that of an additional Anderson disorder of the barrier.
    """
    iron = {"onsite": 4.0, "hopping": 1.0, "splitting": splitting, "in_plane_hopping": 1.0}
    disorder = [sj.Substitution(concentration=concentration, onsite=4.0 + impurity)]
    if width:
        disorder.append(sj.Anderson(width=width))
    insulator = sj.barrier(
        onsite=4.0 + height, hopping=1.0, in_plane_hopping=0.2, thickness=thickness, disorder=disorder
    )
    return sj.Junction(sj.ferromagnet(**iron), [insulator], sj.ferromagnet(**iron, m=sj.unit_vector(theta)))
