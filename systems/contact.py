r"""F|F: two ferromagnets in direct contact, the paper's metallic limit of zero interface resistance.

::

      F (m_L = z)  |  F (m_R at theta)

Numbers in units of the hopping t, as in `tunnel_junction`. At theta = 0 the contact is a perfect crystal; at any other
angle the abrupt change of the exchange field is all that scatters.
"""

from typing import Annotated

import numpy as np

from kwant_spinjunc import Junction, ferromagnet, unit_vector


def contact(
    theta: float = np.pi / 3,
    onsite: float = 1.0,
    splitting: float = 1.0,
    splitting_right: float | None = None,
    hopping: float = 1.0,
    in_plane_hopping: float = 0.0,
    buffer: int = 1,
) -> Annotated[Junction, "t"]:
    """Return F|F with the right magnetization at ``theta`` (radians); ``buffer`` planes of each magnet are resolved.

    ``splitting_right`` is that of the left magnet unless given.
    """
    metal = {"onsite": onsite, "hopping": hopping, "in_plane_hopping": in_plane_hopping}
    return Junction(
        left=ferromagnet(**metal, splitting=splitting, m=unit_vector(0.0)),
        layers=[],
        right=ferromagnet(
            **metal, splitting=splitting if splitting_right is None else splitting_right, m=unit_vector(theta)
        ),
        buffer=buffer,
    )
