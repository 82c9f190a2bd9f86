r"""F|I|F': two different magnets, so that T_{+-} ≠ T_{-+} and the two scalar currents J_M differ.

::

      F (m_L = z)  |  barrier  |  F' (m_R at theta)

Numbers in units of the hopping t. The left magnet is that of `tunnel_junction`; the right one has its band shifted
down by 0.7 and twice the splitting, so that E = 0 lies near the bottom of its minority band (majority -2.7 to 1.3,
minority -0.7 to 3.3 around onsite = 0.3).
"""

from typing import Annotated

import numpy as np

from kwant_spinjunc import Junction, barrier, ferromagnet, unit_vector


def asymmetric_junction(
    theta: float = np.pi / 3,
    height: float = 2.0,
    thickness: int = 4,
    onsite: float = 1.0,
    splitting: float = 1.0,
    onsite_right: float = 0.3,
    splitting_right: float = 2.0,
    hopping: float = 1.0,
    in_plane_hopping: float = 0.0,
) -> Annotated[Junction, "t"]:
    """Return F|I|F' with the right magnetization at ``theta`` (radians); ``height`` counts from ``onsite``."""
    shared = {"hopping": hopping, "in_plane_hopping": in_plane_hopping}
    return Junction(
        left=ferromagnet(onsite=onsite, splitting=splitting, m=unit_vector(0.0), **shared),
        layers=[barrier(onsite=onsite + height, thickness=thickness, **shared)],
        right=ferromagnet(onsite=onsite_right, splitting=splitting_right, m=unit_vector(theta), **shared),
    )
