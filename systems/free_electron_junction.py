r"""Fe|barrier|Fe with parabolic bands in eV and nm: Slonczewski's model junction on a fine lattice.

::

    k_up = 10.9 /nm, k_down = 4.2 /nm  |  U above E_F, d nm  |  the same at theta

Fermi wave numbers of the itinerant s-like electrons of iron: M. B. Stearns, J. Magn. Magn. Mater. 5, 167 (1977), used
by J. C. Slonczewski, Phys. Rev. B 39, 6995 (1989). Parabolic bands are discretized with the lattice constant ``a``
(nm), hopping t = ħ²/(2 m a²); energies are in eV with the Fermi energy at 0 and the barrier top ``height`` eV above it.
The in-plane hopping equals t (free electrons in three dimensions); k = (kx, kz) is in 1/a.
"""

from typing import Annotated

import numpy as np

from kwant_spinjunc import Junction, barrier, ferromagnet, unit_vector
from kwant_spinjunc.units import free_electron_ferromagnet, onsite_from_band_bottom


def free_electron_junction(
    theta: float = np.pi / 3,
    height: float = 1.0,
    width: Annotated[float, "nm"] = 1.0,
    k_majority: Annotated[float, "1/nm"] = 10.9,
    k_minority: Annotated[float, "1/nm"] = 4.2,
    a: Annotated[float, "nm"] = 0.05,
    effective_mass: Annotated[float, "m_e"] = 1.0,
) -> Annotated[Junction, "eV"]:
    """Return the junction with a barrier ``width`` nm thick, rounded to whole planes of ``a`` nm."""
    iron = free_electron_ferromagnet(
        k_majority, k_minority, lattice_constant=a, effective_mass=effective_mass, isotropic=True
    )
    t, t_parallel = iron["hopping"], iron["in_plane_hopping"]
    insulator = barrier(
        onsite=float(onsite_from_band_bottom(height, t, t_parallel)),
        hopping=t,
        in_plane_hopping=t_parallel,
        thickness=max(1, round(width / a)),
    )
    return Junction(
        left=ferromagnet(**iron, m=unit_vector(0.0)),
        layers=[insulator],
        right=ferromagnet(**iron, m=unit_vector(theta)),
    )
