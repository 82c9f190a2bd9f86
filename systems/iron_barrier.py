r"""Fe(001)|barrier|Fe(001): nine Slater-Koster orbitals, three shells of neighbors, averaged over the zone.

::

      Fe (planes)  |  s barrier (thickness)  |  Fe (planes), turned by ``scatter``      → x = [001], periodic in y and z

bcc planes of the (001) surface, a/2 apart. Iron: orbitals s, x, y, z, xy, yz, zx, x²-y², 3z²-r² on every site, two-
center integrals orthogonal and without spin, and the d levels split by -(Δ/2) m·σ. The barrier is a *model*, not MgO,
of which no published two-center set was found whose numbers could be checked: one s orbital on the same bcc lattice,
band -8 |t| cos cos cos around ``level`` above the Fermi energy, coupled to iron by the s-s, s-p and s-d integrals of
iron's first shell. Its lowest complex band at Γ keeps the Δ1 symmetry alone at normal incidence, as MgO's does.
Energies in eV from the Fermi energy, lengths in a = 2.866 Å.

Sources: parameters after D. A. Papaconstantopoulos, Handbook of the Band Structure of Elemental Solids (Plenum, 1986),
as tabulated in the public inputs of the TITAN code (bcc, a = 5.30 bohr), in rydberg; integrals by direction cosines
after J. C. Slater and G. F. Koster, Phys. Rev. 94, 1498 (1954), Table I. Symmetry filtering in Fe|MgO|Fe: W. H. Butler,
X.-G. Zhang, T. C. Schulthess and J. M. MacLaren, Phys. Rev. B 63, 054416 (2001).
"""

from itertools import product
from typing import Annotated

import kwant
import kwant.wraparound
import numpy as np

from kwant_spinjunc import Device
from kwant_spinjunc.checks import positive_integer
from kwant_spinjunc.spin import PAULI

RYDBERG = 13.605693  # eV
#: Fermi energy and exchange splitting of the d levels (2.2 µ_B times a Stoner parameter of 0.07353 Ry), in rydberg.
FERMI, SPLITTING = 0.7415, 2.2 * 0.07353
#: Levels and two-center integrals of iron by shell, in rydberg.
LEVELS = {"s": 1.201770902, "p": 1.872511983, "t2g": 0.6881678104, "eg": 0.6643740535}
SHELLS = (
    {
        "sss": -0.1394413859,
        "pps": 0.2681021988,
        "ppp": 0.0297146384,
        "dds": -0.0508569255,
        "ddp": 0.0309574008,
        "ddd": -0.0030320531,
        "sps": 0.1777951121,
        "sds": -0.0678095073,
        "pds": -0.0930757448,
        "pdp": 0.0208929181,
    },
    {
        "sss": -0.0314096436,
        "pps": 0.1884829849,
        "ppp": 0.0390681326,
        "dds": -0.0312470067,
        "ddp": 0.0061819027,
        "ddd": 0.0007075703,
        "sps": 0.0735426247,
        "sds": -0.0388437621,
        "pds": -0.0602805056,
        "pdp": -0.0038276755,
    },
    {
        "sss": 0.0181787629,
        "pps": -0.0444739647,
        "ppp": 0.0164096598,
        "dds": 0.0016750902,
        "ddp": 0.0003651654,
        "ddd": -0.0005600667,
        "sps": -0.0256738886,
        "sds": -0.000388722,
        "pds": 0.000685452,
        "pdp": -0.002815722,
    },
)
#: Neighbors of a bcc site by shell, in a.
NEIGHBORS = (
    [np.array(v) / 2 for v in product((-1, 1), repeat=3)],
    [s * np.eye(3)[i] for i in range(3) for s in (-1, 1)],
    [np.array(v) for v in product((-1, 0, 1), repeat=3) if np.abs(v).sum() == 2],
)


def two_center(direction: np.ndarray, V: dict[str, float]) -> np.ndarray:
    """Return the 9 × 9 integrals ⟨orbital at 0|H|orbital at d⟩ of Slater and Koster's Table I."""
    c = direction / np.linalg.norm(direction)
    x, y, z = c
    r3 = np.sqrt(3.0)
    E = np.zeros((9, 9))
    # angular parts of d on the axis (σ), and their derivatives transverse to it (π)
    d_sigma = np.array([r3 * x * y, r3 * y * z, r3 * z * x, r3 / 2 * (x * x - y * y), z * z - (x * x + y * y) / 2])
    gradient = np.array([[y, x, 0], [0, z, y], [z, 0, x], [x, -y, 0], [-x / r3, -y / r3, 2 * z / r3]])
    across = np.eye(3) - np.outer(c, c)
    E[0, 0] = V["sss"]
    E[0, 1:4] = V["sps"] * c
    E[1:4, 0] = -V["sps"] * c
    E[1:4, 1:4] = V["pps"] * np.outer(c, c) + V["ppp"] * across
    E[0, 4:] = E[4:, 0] = V["sds"] * d_sigma
    p_d = V["pds"] * np.outer(c, d_sigma) + V["pdp"] * across @ gradient.T
    E[1:4, 4:], E[4:, 1:4] = p_d, -p_d.T
    pi = gradient @ across @ gradient.T
    delta = np.eye(5) - np.outer(d_sigma, d_sigma) - pi
    E[4:, 4:] = V["dds"] * np.outer(d_sigma, d_sigma) + V["ddp"] * pi + V["ddd"] * delta
    return E


def levels(splitting: float, spin: int) -> np.ndarray:
    """Return the on-site levels of one spin (+1 majority), in eV from the Fermi energy."""
    bare = np.array([LEVELS["s"], *[LEVELS["p"]] * 3, *[LEVELS["t2g"]] * 3, *[LEVELS["eg"]] * 2])
    d = np.array([0.0] * 4 + [1.0] * 5)
    return (bare - FERMI) * RYDBERG - spin * splitting / 2 * d


def iron_bands(k: np.ndarray, splitting: float = SPLITTING * RYDBERG, spin: int = 1) -> np.ndarray:
    """Return the nine bands of one spin at k (..., 3) in 1/a, in eV from the Fermi energy."""
    k = np.asarray(k, dtype=float)
    H = np.zeros((*k.shape[:-1], 9, 9), dtype=complex) + np.diag(levels(splitting, spin))
    for neighbors, V in zip(NEIGHBORS, SHELLS, strict=True):
        for d in neighbors:
            H += np.exp(1j * (k @ d))[..., None, None] * two_center(d, V) * RYDBERG
    return np.linalg.eigvalsh(H)


def iron_barrier(
    thickness: int = 3,
    level: float = 7.0,
    hopping: float = 0.6,
    planes: int = 2,
    splitting: float = SPLITTING * RYDBERG,
) -> Annotated[Device, "eV"]:
    """Return Fe|barrier|Fe, ``planes`` of iron resolved on either side besides the two that are joined to a lead.

    ``level`` is the center of the barrier's band in eV, ``hopping`` |t| (the band is ± 8 |t| wide). Cut ``barrier``;
    spins are σ ⊗ 1 (``"spin-orbital"``). ``scatter(device, 0.0, k="average", turns=angles, behind="barrier")``.
    """
    for name, value in (("thickness", thickness), ("planes", planes)):
        positive_integer(name, value)
    cubic, basis = np.eye(3), [(0, 0, 0), (0.5, 0.5, 0.5)]
    iron = kwant.lattice.general(cubic, basis, norbs=18, name="Fe")
    spacer = kwant.lattice.general(cubic, basis, norbs=2, name="barrier")
    first = planes + 2
    end = first + thickness + planes + 2
    end += end % 2  # the leads' cells are pairs of planes
    one = np.eye(2)
    on_iron = np.kron(one, np.diag(levels(0.0, 1))) + np.kron(
        PAULI[2], np.diag((levels(splitting, 1) - levels(splitting, -1)) / 2)
    )

    def lattice(x: int, lead: bool) -> kwant.lattice.Polyatomic:
        return spacer if first <= x < first + thickness and not lead else iron

    def site(x: int, lead: bool, position: np.ndarray) -> kwant.builder.Site:
        """Return the site of plane x (in a/2) at a position."""
        tag = np.round(position - np.array(basis[x % 2])).astype(int)
        return lattice(x, lead).sublattices[x % 2](*tag)

    def fill(builder: kwant.Builder, columns: range, *, lead: bool) -> None:
        corner = {x: np.array([x, x % 2, x % 2]) / 2 for x in columns}
        for x in columns:
            here = lattice(x, lead)
            builder[site(x, lead, corner[x])] = on_iron if here is iron else level * one + 0j
        for x in columns:
            for shell, neighbors in enumerate(NEIGHBORS):
                for d in neighbors:
                    other = x + round(2 * d[0])
                    if tuple(d) <= (0, 0, 0) or not (lead or other < end):
                        continue  # each hopping once
                    pair = lattice(x, lead), lattice(other, lead)
                    if spacer in pair and shell:
                        continue
                    # ⟨here|H|there⟩ is the hopping to here
                    rows, columns_ = (slice(9 if kind is iron else 1) for kind in pair)
                    block = (two_center(d, SHELLS[shell]) * RYDBERG)[rows, columns_]
                    block = np.array([[-hopping]]) if pair == (spacer, spacer) else block
                    there = site(other, lead, corner[x] + d)
                    builder[site(x, lead, corner[x]), there] = np.kron(one, block) + 0j

    plane = [(0, 1, 0), (0, 0, 1)]
    syst = kwant.Builder(kwant.TranslationalSymmetry(*plane))
    fill(syst, range(end), lead=False)
    syst = kwant.wraparound.wraparound(syst, coordinate_names="yz")
    for direction, x in ((-1, 0), (1, end - 2)):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction, 0, 0), *plane))
        fill(lead, range(x, x + 2), lead=True)
        syst.attach_lead(kwant.wraparound.wraparound(lead, keep=0, coordinate_names="xyz"))
    middle = first + thickness // 2 if thickness > 1 else first + 1

    def plane_of(site: kwant.builder.Site) -> int:
        return round(2 * site.pos[0])

    return Device(
        system=syst.finalized(),
        spin="spin-orbital",
        cuts={"barrier": lambda site: plane_of(site) >= middle},
        magnets={
            "left": lambda site: 2 <= plane_of(site) < first,
            "right": lambda site: first + thickness <= plane_of(site) < end - 2,
        },
        profile=lambda site: np.interp(plane_of(site), [first - 1, first + thickness], [0.5, -0.5]),
    )
