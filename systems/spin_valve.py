r"""F|N|F: a metallic spin valve, where spin-flip reflection is of order one.

::

      F (m_L = z)  |  N (spacer planes)  |  F (m_R at theta)

Numbers in units of the hopping t: the ferromagnet of `tunnel_junction` around a half-filled nonmagnetic metal, whose
band is -2 to 2.
"""

from typing import Annotated

import numpy as np

from kwant_spinjunc import Junction, ferromagnet, normal_metal, unit_vector


def spin_valve(
    theta: float = np.pi / 3,
    spacer: int = 5,
    spacer_onsite: float = 0.0,
    onsite: float = 1.0,
    splitting: float = 1.0,
    hopping: float = 1.0,
    in_plane_hopping: float = 0.0,
) -> Annotated[Junction, "t"]:
    """Return F|N|F with ``spacer`` nonmagnetic planes and the right magnetization at ``theta`` (radians)."""
    iron = {"onsite": onsite, "hopping": hopping, "splitting": splitting, "in_plane_hopping": in_plane_hopping}
    return Junction(
        left=ferromagnet(**iron, m=unit_vector(0.0)),
        layers=[
            normal_metal(onsite=spacer_onsite, hopping=hopping, thickness=spacer, in_plane_hopping=in_plane_hopping)
        ],
        right=ferromagnet(**iron, m=unit_vector(theta)),
    )
