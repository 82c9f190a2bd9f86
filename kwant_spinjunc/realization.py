r"""One sample of a junction: every number on its sites and bonds, as the builder and the dense engine take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .junction import Junction

__all__ = ["Realization", "realize"]

Complex = NDArray[np.complex128]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Realization:
    r"""The numbers of one sample; sites of a plane are numbered x * depth + z (see `CrossSection`).

    Attributes
    ----------
    levels : ndarray, shape (planes, sites, 4)
        Pauli components of the on-site matrix, ε_0 + **ε**·σ, the exchange -(Δ/2) m·σ included.
    bonds : ndarray, shape (planes - 1, sites)
        Hopping t > 0 of the bond between a site of plane b and the same site of plane b + 1.
    in_plane : ndarray, shape (planes, sites, 2)
        t∥ of the bond that starts at each site along x and z.
    bond_rotations : ndarray, shape (planes - 1, sites, 2, 2), or None
        Unitary U of a spin-orbit bond, H_{b+1,b} = -t U; None for the identity everywhere.
    in_plane_rotations : ndarray, shape (planes, sites, 2, 2, 2), or None
        The same of the in-plane bonds, [plane, site, axis].
    """

    levels: Floats
    bonds: Floats
    in_plane: Floats
    bond_rotations: Any = None
    in_plane_rotations: Any = None


def realize(junction: Junction, shape: tuple[int, int], seed: int = 0, realization: int = 0) -> Realization:
    """Return one sample of a junction with ``shape`` sites per plane, a pure function of its arguments.

    Parameters
    ----------
    junction
        What is random is the ``disorder`` of its layers.
    shape
        Number of sites (width along x, depth along z).
    seed, realization
        The ensemble, and which of its samples.
    """
    sites = shape[0] * shape[1]
    planes = junction.planes
    levels = np.zeros((len(planes), sites, 4))
    levels[..., 0] = np.array([plane.onsite for plane in planes])[:, None]
    levels[..., 1:] = -(junction.plane_splitting[:, None] / 2 * junction.plane_m)[:, None]
    t_parallel = np.array([plane.t_parallel for plane in planes])
    return Realization(
        levels=levels,
        bonds=np.repeat(junction.bond_hoppings[:, None], sites, axis=1),
        in_plane=np.broadcast_to(t_parallel[:, None, None], (len(planes), sites, 2)).copy(),
    )
