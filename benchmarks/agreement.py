"""Random junctions on which the engine is compared with Kwant: what can differ, differs."""

from __future__ import annotations

import kwant
import numpy as np

import kwant_spinjunc as sj
from kwant_spinjunc import halves
from kwant_spinjunc.model.plane import band_shift

__all__ = ["random_agreement", "random_problem"]

#: Distance from band edges, where Kwant loses digits, and smallest transmission whose relative error is compared.
EDGE_DISTANCE, RESOLVED = 1e-3, 1e-12


def random_problem(rng: np.random.Generator) -> tuple[sj.Junction, float, np.ndarray]:
    """Return a junction, an energy with an open channel, and k.

    Deep and shallow barriers, closed channels, magnetic and nonmagnetic leads with any labels, parallel, antiparallel
    and tilted magnetic layers (textures), random bonds, in-plane hopping layer by layer, and biased levels.
    """

    def layer(magnetic: bool, high: float = 2.0, thickness: int = 1, m: np.ndarray | None = None) -> sj.Layer:
        m = rng.normal(size=3) if m is None else np.array(m)
        onsite, hopping, splitting = rng.uniform(-1, high), rng.uniform(0.5, 1.5), rng.uniform(0, 2) * magnetic
        return sj.Layer(onsite, hopping, splitting, m / np.linalg.norm(m), rng.uniform(-0.3, 0.3), thickness)

    while True:
        left, right = layer(rng.random() < 0.7), layer(rng.random() < 0.7)
        layers = [layer(False, high=12.0, thickness=int(rng.integers(1, 7)))]
        if rng.random() < 0.3:  # a linear drop of the bias, plane by plane
            top = layers[0].onsite
            drop = np.linspace(0.2, -0.2, layers[0].thickness)
            layers = [sj.barrier(onsite=top + v, hopping=layers[0].hopping, thickness=1) for v in drop]
        for _ in range(rng.integers(0, 3)):
            m = [None, left.m, -np.array(left.m)][rng.integers(3)]
            layers.insert(int(rng.integers(len(layers) + 1)), layer(True, 3.0, int(rng.integers(1, 3)), m))
        junction = sj.Junction(left, layers, right, buffer=int(rng.integers(1, 3)))
        if rng.random() < 0.3:
            bonds = rng.uniform(0.4, 1.5, len(junction.bond_hoppings))
            junction = sj.Junction(left, layers, right, bonds=bonds, buffer=junction.buffer)
        energy, k = float(rng.uniform(-2, 2)), rng.uniform(-np.pi, np.pi, 2)
        c = float(band_shift(k))
        edges = np.array([lead.band_edges(c) for lead in junction.leads])
        if abs(edges - energy).min() > EDGE_DISTANCE and junction.open_channels(energy, c).any():
            return junction, energy, k


def random_agreement(count: int, seed: int = 0) -> tuple[float, float, int]:
    """Return the largest absolute and relative difference of probabilities, and how many junctions were textures.

    The relative one is of transmission probabilities above `RESOLVED`, below which Kwant's own rounding shows.
    """
    rng = np.random.default_rng(seed)
    absolute, relative, textures = 0.0, 0.0, 0
    for _ in range(count):
        junction, energy, k = random_problem(rng)
        S = kwant.smatrix(sj.build(junction, k).finalized(), energy)
        expected = np.zeros((2, 2, 2, 2))
        for out, into in np.ndindex(4, 4):
            (a, s), (b, q) = divmod(out, 2), divmod(into, 2)
            expected[a, s, b, q] = S.transmission((a, s), (b, q))
        found = halves.probabilities(junction, energy, band_shift(k))
        difference = abs(found - expected)
        absolute = max(absolute, float(difference.max()))
        for a, b in ((0, 1), (1, 0)):
            T = expected[a, :, b]
            resolved = T > RESOLVED
            relative = max(relative, float((difference[a, :, b][resolved] / T[resolved]).max(initial=0.0)))
        textures += junction.cut is None
    return absolute, relative, textures
