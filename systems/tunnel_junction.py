r"""F|I|F: two identical ferromagnets and a tunnel barrier, the paper's strong-barrier limit.

::

    energy          +------+  height
                    |      |
    E ------------- |      | --------------
      F (m_L = z)   |      |   F (m_R at theta)
    planes   ... 0  1 .. n   n+1 ...

The numbers are in units of the hopping t and are those of a single-band model ferromagnet with both spin bands open
at E = 0 (onsite = splitting = 1: majority band -1.5 to 2.5, minority band -0.5 to 3.5). ``height`` is added to the
on-site energy, so the barrier is evanescent at E = 0 for height > 1.
"""

from typing import Annotated

import numpy as np

from kwant_spinjunc import Junction, barrier, ferromagnet, unit_vector


def tunnel_junction(
    theta: float = np.pi / 3,
    height: float = 2.0,
    thickness: int = 4,
    onsite: float = 1.0,
    splitting: float = 1.0,
    hopping: float = 1.0,
    in_plane_hopping: float = 0.0,
) -> Annotated[Junction, "t"]:
    """Return F|I|F with the right magnetization at ``theta`` (radians) in the x-z plane."""
    iron = {"onsite": onsite, "hopping": hopping, "splitting": splitting, "in_plane_hopping": in_plane_hopping}
    return Junction(
        left=ferromagnet(**iron, m=unit_vector(0.0)),
        layers=[
            barrier(onsite=onsite + height, hopping=hopping, thickness=thickness, in_plane_hopping=in_plane_hopping)
        ],
        right=ferromagnet(**iron, m=unit_vector(theta)),
    )
