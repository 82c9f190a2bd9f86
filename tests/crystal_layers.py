"""Layered junctions of one orbital, periodic in one or two momenta, with wells: what averages are tried on."""

import kwant
import kwant.wraparound
import numpy as np

import kwant_spinjunc as sj
from kwant_spinjunc.spin import PAULI

one, sz = np.eye(2), PAULI[2]
#: Levels and splittings of `between_normal_metals`.
CONTACTED = [0.0, 1.0, 1.0, 3.0, 3.0, 1.3, 1.3, 0.0], [0.0, 1.0, 1.0, 0.0, 0.0, 0.7, 0.7, 0.0]


def layers(levels, splittings, t_plane, t_j=0.0, dimensions=1, contact=1.0, shift=0.0):
    """Return a finalized system of one plane per level, hopping -1 along x, -(t_plane ± t_j σ_z) in the plane.

    The first and last planes are those of the leads; ``contact`` scales the hoppings around the inner planes, and
    ``shift`` moves the momenta of all, by a phase of the hoppings in the plane.
    """
    lattice = kwant.lattice.general(np.eye(dimensions + 1), norbs=2)
    names = "xyz"[: dimensions + 1]
    axes = [tuple(int(i == axis) for i in range(dimensions + 1)) for axis in range(1, dimensions + 1)]
    zero = (0,) * dimensions
    end = len(levels) - 1

    def fill(builder, planes):
        for x in planes:
            builder[lattice(x, *zero)] = levels[x] * one - splittings[x] / 2 * sz + 0j
            sign = 1
            for axis in axes:
                hop = t_plane * one + (sign * t_j * sz if x <= end // 3 else 0)
                builder[lattice(x, *axis[1:]), lattice(x, *zero)] = -hop * np.exp(1j * shift)
                sign = -1

    syst = kwant.Builder(kwant.TranslationalSymmetry(*axes))
    fill(syst, range(end + 1))
    for x in range(end):
        scale = contact if levels[x] != levels[x + 1] else 1.0
        syst[lattice(x + 1, *zero), lattice(x, *zero)] = -scale * one + 0j
    syst = kwant.wraparound.wraparound(syst, coordinate_names=names[1:])
    for direction, x in ((-1, 0), (1, end)):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction, *zero), *axes))
        fill(lead, [x])
        lead[lattice(x + 1, *zero), lattice(x, *zero)] = -one + 0j
        syst.attach_lead(kwant.wraparound.wraparound(lead, keep=0, coordinate_names=names))
    return syst.finalized()


def between_normal_metals(m):
    """Return a chain N|F|I|F|N with both magnets along m, four sites on each side of the cut."""
    lattice = kwant.lattice.chain(norbs=2)
    syst, axis = kwant.Builder(), np.einsum("x,xij->ij", np.asarray(m, dtype=float), PAULI)
    for x, (level, splitting) in enumerate(zip(*CONTACTED, strict=True)):
        syst[lattice(x)] = level * one - splitting / 2 * axis
    syst[lattice.neighbors()] = -one + 0j
    for direction, x in ((-1, 0), (1, 7)):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        lead[lattice(x)], lead[lattice.neighbors()] = 0j * one, -one + 0j
        syst.attach_lead(lead)
    return syst.finalized()


def random_pockets(seed, well=True):
    """Return a random altermagnet|I|N|I|F (or without N) periodic in two momenta, conducting around Γ, as below."""
    rng = np.random.default_rng(seed)
    thick = [int(n) for n in rng.integers(1, 3, 3)]
    left, right = rng.uniform(3.0, 4.5, 2)
    inner = [9.0] * thick[0] + ([float(rng.uniform(2.0, 5.0))] * thick[1] + [9.0] * thick[2] if well else [])
    levels = [left] * 2 + inner + [right] * 2
    splittings = [0.0] * 2 + [0.0] * len(inner) + [rng.uniform(0.2, 1)] * 2
    syst = layers(levels, splittings, float(rng.uniform(0.8, 1.0)), float(rng.uniform(0.1, 0.3)), 2)
    cut = 2 + thick[0]
    return syst, (lambda site: site.tag[0] >= cut), float(rng.uniform(-0.2, 0.4))


def random_layers(seed, dimensions=1, well=True):
    """Return a random F|I|N|I|F with a well (or F|I|F), a function true behind the cut, and an energy."""
    rng = np.random.default_rng(seed)
    thick = [int(n) for n in rng.integers(2, 5, 3)]
    left, right = rng.uniform(0.5, 2.0, 2) + 1.5 * dimensions
    high = 5.0 + 2 * dimensions
    inner = [high] * thick[0] + ([float(rng.uniform(0.0, 2.0))] * thick[1] + [high] * thick[2] if well else [])
    levels = [left] * 2 + inner + [right] * 2
    splittings = [rng.uniform(0, 1)] * 2 + [0.0] * len(inner) + [rng.uniform(0.2, 1)] * 2
    syst = layers(levels, splittings, float(rng.uniform(0.4, 1.0)), float(rng.uniform(0, 0.3)), dimensions)
    cut = 2 + thick[0] // 2
    return syst, (lambda site: site.tag[0] >= cut), float(rng.uniform(-0.2, 0.4))


def random_known(seed):
    """Return a random F|I|N|I|F periodic in two momenta with one in-plane hopping, and the `Junction` that it is.

    By turns: a well; a half-metal on the right; two wells; hardly any dispersion in the plane; no well.
    """
    rng = np.random.default_rng(1000 + seed)
    kind = seed % 5
    t = float(rng.uniform(0.1, 0.2) if kind == 3 else rng.uniform(0.7, 1.0))
    left, right, (a, b) = *(4.2 * t + rng.uniform(-1.0, 0.6, 2)), rng.uniform(0.2, 1.0, 2)
    b = 2.5 if kind == 1 else b
    wall = [float(4 * t + rng.uniform(4.0, 6.0))] * int(rng.integers(1, 3))
    well = [[float(4 * t + rng.uniform(-1.5, 1.0))] * int(rng.integers(1, 3)) for _ in range(2)]
    inner = {2: wall + well[0] + wall + well[1] + wall, 4: wall}.get(kind, wall + well[0] + wall)
    levels, none = [left] * 2 + inner + [right] * 2, [0.0] * len(inner)
    syst = layers(levels, [a] * 2 + none + [b] * 2, t, 0.0, 2)
    cut, energy = 2 + len(wall), float(rng.uniform(-0.2, 0.4))
    ends = [sj.ferromagnet(onsite=e, hopping=1.0, splitting=s, in_plane_hopping=t) for e, s in ((left, a), (right, b))]
    between = [sj.Layer(onsite=e, hopping=1.0, in_plane_hopping=t) for e in inner]
    return syst, (lambda site: site.tag[0] >= cut), energy, sj.Junction(ends[0], between, ends[1])
