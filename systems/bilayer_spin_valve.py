r"""A van der Waals spin valve: bilayer graphene whose layers feel two magnets, averaged over the momentum across.

::

      magnet at theta                 ══════════════
      graphene, layer 2   ────────────── F (m_2) ──────────────
      graphene, layer 1   ────────────── F (m_1 = z) ──────────    → y (current), periodic along x
      magnet                          ══════════════

AB stacking, hopping -t in each layer (zigzag lines along x, armchair along y), γ1 between the sites of a dimer, and
along the magnets exchange -(Δ/2) m_l·σ on all sites of layer l. For parallel magnets both spins are gapless; for
opposite ones each spin sees its layers Δ apart, which opens

    E_g = Δ γ1 / √(γ1² + Δ²)

as a potential difference Δ between the layers does. So an insulating state carries the magnetoresistance. Energies in
units of t (2.7 eV), momentum in units of the inverse lattice constant (0.246 nm). ``onsite`` dopes the leads.

Sources: C. Cardoso, D. Soriano, N. A. García-Martínez and J. Fernández-Rossier, Phys. Rev. Lett. 121, 067701
(2018), the spin valve; E. McCann, Phys. Rev. B 74, 161403 (2006), the gap. Exchange of CrI3 on graphene is some meV;
the default, 0.1 t, is exaggerated so that a short junction tells it.
"""

import kwant
import kwant.wraparound
import numpy as np

from kwant_spinjunc import Device, unit_vector
from kwant_spinjunc.checks import positive_integer
from kwant_spinjunc.spin import sigma

#: Lattice constant along x and length of a cell along y, two armchair units, in lattice constants.
WIDTH, LENGTH = 1.0, np.sqrt(3)
#: Sites of a cell of one layer, A and B in turn, and the shift of the layer above that puts its A sites on B.
SITES = np.array([(0.0, 0.0), (0.0, 1 / np.sqrt(3)), (0.5, np.sqrt(3) / 2), (0.5, np.sqrt(3) / 2 + 1 / np.sqrt(3))])
SHIFT = np.array([0.0, 1 / np.sqrt(3)])
one = np.eye(2)


def bilayer_spin_valve(
    theta: float = np.pi,
    length: int = 12,
    splitting: float = 0.1,
    interlayer: float = 0.15,
    onsite: float = -0.3,
    splitting_2: float | None = None,
) -> Device:
    """Return bilayer graphene with ``length`` cells (0.43 nm) between the magnets, that of layer 2 at ``theta`` from z.

    ``splitting`` is Δ, ``splitting_2`` that of layer 2 if it differs, ``interlayer`` γ1. Magnets ``layer 1``,
    ``layer 2``; cut ``middle``. ``scatter(device, 0.0, k="average")``, momentum k_x.
    """
    positive_integer("length", length)
    deltas = (splitting, splitting if splitting_2 is None else splitting_2)
    fields = [-delta / 2 * sigma(m) for delta, m in zip(deltas, (unit_vector(0.0), unit_vector(theta)), strict=True)]
    basis = np.array([[*(site + layer * SHIFT), float(layer)] for layer in (0, 1) for site in SITES])
    # third coordinate: the layer, one apart, of a system that is infinite along x only
    lattice = kwant.lattice.general([(WIDTH, 0, 0), (0, LENGTH, 0)], basis, norbs=2, name="bilayer")

    def inside(cell: int) -> bool:
        return 1 <= cell < length + 1

    def fill(builder: kwant.Builder, cells: range, *, lead: bool) -> None:
        near = [np.array([x, y]) for x in (-1, 0, 1) for y in (-1, 0, 1)]
        for y in cells:
            for n, sublattice in enumerate(lattice.sublattices):
                magnetic = inside(y) and not lead
                builder[sublattice(0, y)] = (0.0 if magnetic else onsite) * one + (fields[n // 4] if magnetic else 0j)
        for y in cells:
            for n, here in enumerate(lattice.sublattices):
                for m, there in enumerate(lattice.sublattices):
                    for step in near:
                        a, b = here(0, y), there(int(step[0]), int(y + step[1]))
                        if not lead and not cells.start <= b.tag[1] < cells.stop:
                            continue
                        distance = np.asarray(b.pos) - np.asarray(a.pos)
                        flat = np.hypot(*distance[:2])
                        if n // 4 == m // 4 and abs(flat - 1 / np.sqrt(3)) < 1e-6:
                            builder[a, b] = -one + 0j
                        elif n // 4 != m // 4 and flat < 1e-6:
                            builder[a, b] = interlayer * one + 0j

    along = (WIDTH, 0, 0)
    syst = kwant.Builder(kwant.TranslationalSymmetry(along))
    fill(syst, range(length + 2), lead=False)
    syst = kwant.wraparound.wraparound(syst, coordinate_names="x")
    for direction, cell in ((-1, 0), (1, length + 1)):
        lead = kwant.Builder(kwant.TranslationalSymmetry((0, direction * LENGTH, 0), along))
        fill(lead, range(cell, cell + 1), lead=True)
        syst.attach_lead(kwant.wraparound.wraparound(lead, keep=0, coordinate_names="yx"))

    def layer(number: int) -> object:
        return lambda site: inside(site.tag[1]) and abs(site.pos[2] - number) < 0.5

    return Device(
        system=syst.finalized(),
        cuts={"middle": lambda site: site.tag[1] > length // 2},
        magnets={"layer 1": layer(0), "layer 2": layer(1)},
    )
