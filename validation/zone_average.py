"""Averages over k∥ for the claims: audited scattering under the integral of `kwant_spinjunc.halves.zone`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from kwant_spinjunc import Junction, Scattering
from kwant_spinjunc.halves import zone

from .microscopic import Laboratory

Observables = Mapping[str, np.ndarray]


def k_average(
    lab: Laboratory,
    junction: Junction,
    energy: float,
    observe: Callable[[Scattering], Observables],
    *,
    accuracy: float = 1e-8,
) -> dict[str, np.ndarray]:
    """Return the adaptive Brillouin-zone average of what ``observe`` finds at every k∥.

    Parameters
    ----------
    lab
        Solves and audits.
    junction, energy
        What to scatter from; the junction must be dispersive and have its default bonds.
    observe
        Takes the `Scattering` of n points and returns real arrays of shape (n, ...).
    accuracy
        Largest error of any component over the larger of its size and the conductance.

    Raises
    ------
    kwant_spinjunc.halves.zone.IntegrationError
        The accuracy was not reached.
    """
    edges = np.unique(zone.thresholds(junction, energy))
    bare = replace(junction, buffer=1)  # the planes of the leads that are resolved hold no states of their own
    split = np.concatenate([edges, zone.resonances(bare, energy)])
    shapes: dict[str, tuple[int, ...]] = {}

    def function(c: np.ndarray) -> np.ndarray:
        order = _safest_in_the_middle(c, edges)
        found = observe(lab.scatter(junction, energy, in_plane_vectors(c[order])))
        shapes.update({name: array.shape[1:] for name, array in found.items()})
        flat = np.concatenate([array.reshape(len(c), -1) for array in found.values()], axis=-1)
        values = np.empty_like(flat)
        values[order] = flat
        return values

    rough = zone.probabilities(bare, energy, rtol=1e-2, strict=False).value
    conductance = float(rough[1, :, 0, :].sum())
    flat = zone.average(function, split, rtol=accuracy, atol=accuracy * conductance).value
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes.values()])
    parts = np.split(flat, ends[:-1])
    return {name: part.reshape(shape) for (name, shape), part in zip(shapes.items(), parts, strict=True)}


def in_plane_vectors(c: np.ndarray) -> np.ndarray:
    """Return wave vectors with cos kx a + cos kz a = c, on the diagonal of the zone, shape (..., 2) in 1/a."""
    return np.stack([np.arccos(np.clip(c / 2, -1, 1))] * 2, axis=-1)


def _safest_in_the_middle(c: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return an order of ``c`` whose middle is farthest from all band edges.

    `Laboratory` has Kwant solve the middle one of the open points, and Kwant loses digits where a velocity vanishes.
    """
    distance = abs(c[:, None] - np.append(edges, np.inf)).min(axis=-1)
    rising = np.argsort(distance, kind="stable")
    return np.concatenate([rising[::2], rising[1::2][::-1]])
