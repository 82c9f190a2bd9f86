r"""F|I|F with Rashba spin-orbit coupling at its interfaces: spin that no magnet takes, and torque from the lattice.

::

    plane      0    1 ... n     n+1 ... n+d    n+d+1 ...
             lead  F (m_L)  R |  I (height)  | R  F (m_R)  lead
                            ^                  ^
                  H_R = alpha (k x y)·σ     alpha_right

In the last plane of the left magnet and the first of the right one, the bonds within the plane carry Rashba coupling,
H_R = α (k × ŷ)·σ = α (kx σ_z - kz σ_x), with ŷ the normal of the interfaces, along which the current flows: the hopping
from x to x + 1 gets i (α/2) σ_z, that from z to z + 1 gets -i (α/2) σ_x. Between collinear magnets spin is then not
conserved, and the flux that a magnet does not take goes to the lattice. Across a barrier mirrored at its middle the
interface normals are opposite, ``alpha_right = -alpha``.

The cross-section is a wire or a ring of real sites, not one cell at a given k∥: H_R(k) is odd in k, so that at one k∥
it looks like an exchange field, and only k∥ and -k∥ together tell that the lattice takes its torque.

Source: the model of tunneling anisotropic magnetoresistance of A. Matos-Abiague and J. Fabian, Phys. Rev. B 79, 155303
(2009), on a lattice; torques of Rashba interfaces: A. Manchon and S. Zhang, Phys. Rev. B 79, 094422 (2009). Numbers in
units of the hopping t, exaggerated in α to be seen in a narrow wire.
"""

from typing import Annotated, Any

import numpy as np

from kwant_spinjunc import Device, Junction, barrier, between, build, ferromagnet, unit_vector
from kwant_spinjunc.checks import positive_integer
from kwant_spinjunc.model.plane import CrossSection
from kwant_spinjunc.spin import PAULI, sigma


def rashba_junction(
    theta: float = np.pi / 3,
    phi: float = 0.0,
    theta_left: float = 0.0,
    phi_left: float = 0.0,
    alpha: Annotated[float, "t"] = 0.3,
    alpha_right: Annotated[float, "t"] = 0.0,
    height: float = 3.0,
    thickness: int = 2,
    magnet: int = 3,
    width: int = 3,
    depth: int = 3,
    boundary: str = "hard wall",
    onsite: float = 1.0,
    splitting: float = 1.0,
    hopping: float = 1.0,
) -> Annotated[Device, "t"]:
    """Return F|I|F with Rashba coupling ``alpha`` and ``alpha_right`` in the magnets' planes next to the barrier.

    ``magnet`` planes of each magnet are resolved beside the barrier of ``thickness`` planes; the cross-section has
    ``width`` × ``depth`` sites with a ``boundary`` as in `build`. Cuts ``left`` (before the left Rashba plane),
    ``barrier`` (behind it, on the first bond of the barrier) and ``right`` (behind the right Rashba plane).
    """
    positive_integer("magnet", magnet, "Its interface plane is one of them.")
    base = clean_junction(theta, phi, theta_left, phi_left, height, thickness, magnet, onsite, splitting, hopping)
    syst = build(base, cross_section=(width, depth), boundary=boundary)
    section = CrossSection((width, depth), boundary, None)
    count = len(base.planes)
    planes: list[list[Any]] = [[] for _ in range(count)]
    for site in sorted(syst.sites()):
        planes[site.tag[1]].append(site)

    for plane, strength in ((magnet, alpha), (count - 1 - magnet, alpha_right)):
        field = (PAULI[2], -PAULI[0])  # the matrix that goes with sin kx and with sin kz
        for to, from_, axis, phase in zip(*section.bonds, strict=True):
            if to != from_:  # around a ring of one, sin k = 0
                pair = planes[plane][to], planes[plane][from_]
                syst[pair] = syst[pair] + 0.5j * strength * phase * field[axis]

    def sites(first: int, last: int) -> list[Any]:
        return [site for plane in planes[first : last + 1] for site in plane]

    last = count - 1
    # in the Rashba planes the Hamiltonian does not tell a field of the magnet from one at a fixed wave vector
    fields = [-plane.splitting / 2 * sigma(plane.m) for plane in base.planes]
    return Device(
        system=syst.finalized(),
        magnetizations={0: base.left.m, 1: base.right.m},
        cuts={
            "left": between(planes[magnet - 1], planes[magnet]),
            "barrier": between(planes[magnet], planes[magnet + 1]),
            "right": between(planes[last - magnet], planes[last - magnet + 1]),
        },
        magnets={"left": sites(1, magnet), "right": sites(last - magnet, last - 1)},
        exchange={site: field for n, field in enumerate(fields) for site in planes[n]},
    )


def clean_junction(
    theta: float = np.pi / 3,
    phi: float = 0.0,
    theta_left: float = 0.0,
    phi_left: float = 0.0,
    height: float = 3.0,
    thickness: int = 2,
    magnet: int = 3,
    onsite: float = 1.0,
    splitting: float = 1.0,
    hopping: float = 1.0,
) -> Junction:
    """Return what the junction is without spin-orbit coupling."""
    iron = {"onsite": onsite, "hopping": hopping, "splitting": splitting, "in_plane_hopping": hopping}
    tall = {"onsite": onsite + height, "hopping": hopping, "in_plane_hopping": hopping}
    return Junction(
        left=ferromagnet(**iron, m=unit_vector(theta_left, phi_left)),
        layers=[barrier(**tall, thickness=thickness)],
        right=ferromagnet(**iron, m=unit_vector(theta, phi)),
        buffer=magnet + 1,
    )
