r"""F|N|F in graphene: a ribbon along y, two sublattices, with exchange induced by magnetic insulators beneath its ends.

::

       magnetic insulator                          magnetic insulator
    ══════════════════════╗                    ╔══════════════════════
     F (m_L = z, Δ)       ║  N  (length)       ║  F (m_R at theta, Δ)      ↑ x (width)
    ══════════════════════╝                    ╚══════════════════════     → y (current)

    edge = "zigzag":   every unit along y has 2 × width sites, a zigzag line per unit of width
    edge = "armchair": width dimer lines

    H = Σ_i c†_i [ε - (Δ_i/2) m_i·σ] c_i - t Σ_<ij> c†_i c_j,    hard walls at the edges

Energies in units of t (2.7 eV), lengths in lattice constants (0.246 nm). ``onsite`` is the energy of the Dirac points;
the default dopes the ribbon with electrons at energy 0. Exchange of EuO on graphene is a few meV; the default, 0.2 t,
is exaggerated so that a ribbon this narrow tells it.

Sources: H. Haugen, D. Huertas-Hernando and A. Brataas, Phys. Rev. B 77, 115406 (2008), exchange by proximity; A. R.
Akhmerov et al., Phys. Rev. B 77, 205416 (2008), and A. Cresti, G. Grosso and G. Pastori Parravicini, Phys. Rev. B 77,
233402 (2008): at the Dirac point the majority is electron-like, the minority hole-like, and between opposite magnets
a zigzag ribbon of an even number of lines transmits nothing, by its mirror symmetry.
"""

from typing import Annotated

import kwant
import numpy as np

from kwant_spinjunc import ArgumentError, Device, between, unit_vector
from kwant_spinjunc.checks import positive_integer
from kwant_spinjunc.spin import sigma

#: Lattice vectors and basis with zigzag lines along y, and with armchair lines along y.
LATTICES = {
    "zigzag": ([(0, 1), (np.sqrt(3) / 2, 1 / 2)], [(0, 0), (1 / np.sqrt(12), 1 / 2)], (0, 1)),
    "armchair": ([(1, 0), (1 / 2, np.sqrt(3) / 2)], [(0, 0), (0, 1 / np.sqrt(3))], (0, np.sqrt(3))),
}


def graphene_spin_valve(
    theta: float = np.pi / 3,
    width: int = 6,
    length: int = 6,
    magnet: int = 4,
    edge: str = "zigzag",
    splitting: float = 0.2,
    onsite: float = -0.4,
    channel_onsite: float | None = None,
    hopping: float = 1.0,
) -> Annotated[Device, "t"]:
    """Return a graphene spin valve with the right magnetization at ``theta`` (radians) in the x-z plane.

    ``length`` unit cells of the ribbon are without exchange, ``magnet`` on either side are resolved besides the one
    that is joined to the lead. The Dirac points of the channel lie at ``channel_onsite``, those of the magnets (and of
    the channel unless given) at ``onsite``. Cut ``channel``, in its middle; magnets ``left`` and ``right``.
    """
    if edge not in LATTICES:
        raise ArgumentError(f"Argument `edge` must be one of {', '.join(LATTICES)}, but is {edge!r}.")
    for name, value, least in (("width", width, 2), ("length", length, 2), ("magnet", magnet, 1)):
        if positive_integer(name, value) < least:
            raise ArgumentError(f"Argument `{name}` must be at least {least}, but is {value}.")
    vectors, basis, period = LATTICES[edge]
    lattice = kwant.lattice.general(vectors, basis, norbs=2, name="graphene")
    step, spacing = period[1], (np.sqrt(3) / 2 if edge == "zigzag" else 1 / 2)
    middle = onsite if channel_onsite is None else channel_onsite
    m_left, m_right = unit_vector(0.0), unit_vector(theta)
    levels = {
        "left": onsite * np.eye(2) - splitting / 2 * sigma(m_left),
        "channel": middle * np.eye(2) + 0j,
        "right": onsite * np.eye(2) - splitting / 2 * sigma(m_right),
    }
    small = 1e-6
    channel_start, channel_end = (magnet + 1) * step, (magnet + 1 + length) * step
    end = channel_end + (magnet + 1) * step

    def region(site: kwant.builder.Site) -> str:
        y = site.pos[1] + small
        return "left" if y < channel_start else "channel" if y < channel_end else "right"

    def across(position: np.ndarray) -> bool:
        """Tell whether a position lies in the ribbon; a line starts with sublattice a."""
        return 0 <= position[0] + small < width * spacing

    syst = kwant.Builder()
    inside = lattice.shape(lambda position: across(position) and -small <= position[1] < end - small, (0, 0))
    for site in kwant.Builder().expand(inside):
        syst[site] = levels[region(site)]
    syst[lattice.neighbors()] = -hopping * np.eye(2)
    for m, direction, level in ((m_left, -1, "left"), (m_right, 1, "right")):
        lead = kwant.Builder(kwant.TranslationalSymmetry((0, direction * step)), conservation_law=-sigma(m))
        lead[lattice.shape(across, (0, 0))] = levels[level]
        lead[lattice.neighbors()] = -hopping * np.eye(2)
        syst.attach_lead(lead)
    sites = sorted(syst.sites(), key=lambda site: (site.pos[1], site.pos[0]))
    half = channel_start + length // 2 * step
    return Device(
        system=syst.finalized(),
        magnetizations={0: m_left, 1: m_right},
        cuts={
            "channel": between(
                [site for site in sites if site.pos[1] + small < half],
                [site for site in sites if site.pos[1] + small >= half],
            )
        },
        magnets={
            "left": [site for site in sites if step <= site.pos[1] + small < channel_start],
            "right": [site for site in sites if channel_end <= site.pos[1] + small < end - step],
        },
    )
