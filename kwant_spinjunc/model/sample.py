r"""One sample of a junction: every number on its sites and bonds, as the builder and the dense engine take them."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Complex, Floats, Indices
from ..errors import ArgumentError
from .disorder import Roughness, Stream, uniforms
from .junction import Junction
from .plane import CrossSection


@dataclass(frozen=True, eq=False, kw_only=True)
class Realization:
    r"""The numbers of one sample; sites of a plane are numbered x * depth + z (see `CrossSection`)."""

    #: Shape (planes, sites, 4): Pauli components of the on-site matrix, ε_0 + ε·σ, the exchange -(Δ/2) m·σ
    #: included.
    levels: Floats
    #: Shape (planes - 1, sites): hopping t > 0 of the bond between a site of plane b and the same site of plane b + 1.
    bonds: Floats
    in_plane: Floats  #: Shape (planes, sites, 2): t∥ of the bond that starts at each site along x and z.
    #: Shape (planes - 1, sites, 2, 2), or None: unitary U of a spin-orbit bond, H_{b+1,b} = -t U; None for the identity
    #: everywhere.
    bond_rotations: Any = None
    #: Shape (planes, sites, 2, 2, 2), or None: the same of the in-plane bonds, [plane, site, axis], from the site to
    #: its neighbor at x + 1 or z + 1.
    in_plane_rotations: Any = None


def realize(
    junction: Junction, shape: tuple[int, int] | CrossSection, seed: int = 0, realization: int = 0
) -> Realization:
    """Return one sample of a junction, a pure function of its arguments.

    Between unlike materials side by side the hopping is the geometric mean of the two along y, as in `Junction`; in the
    plane the geometric mean with the common sign, and 0 where the signs differ or either is 0. A bond whose hopping
    `Junction.bonds` changed has that hopping at every site. The rest is told in `disorder`.

    ``junction``: what is random is the ``disorder`` of its layers.
    ``shape``: number of sites (width along x, depth along z), periodic, or a `CrossSection`: only rough interfaces with
    a correlation length know the boundary.
    ``seed``, ``realization``: the ensemble, and which of its samples: integers >= 0.

    Examples
    --------
    >>> import kwant_spinjunc as sj
    >>> metal = dict(onsite=0.0, hopping=1.0, in_plane_hopping=1.0)
    >>> copper = sj.normal_metal(**metal)
    >>> dirty = sj.normal_metal(**metal, thickness=3, disorder=[sj.Anderson(width=2.0)])
    >>> realize(sj.Junction(copper, [dirty], copper), (4, 4), seed=1).levels.shape
    (5, 16, 4)
    """
    section = shape if isinstance(shape, CrossSection) else CrossSection(shape)
    seed, realization = whole("seed", seed), whole("realization", realization)
    materials = [junction.left, *junction.layers, junction.right]
    thickness = [junction.buffer, *(layer.thickness for layer in junction.layers), junction.buffer]
    starts = np.concatenate([[0], np.cumsum(thickness)])  # first plane of each material, and the end
    owner = np.repeat(np.arange(len(materials)), thickness)[:, None].repeat(section.sites, axis=1)

    streams = {
        (index, position): Stream.of(seed, realization, index - 1, position)
        for index, material in enumerate(materials)
        for position in range(len(material.disorder))
    }
    rough = _interfaces(junction, section, streams, starts)
    if rough is not None:
        owner = (np.arange(starts[-1])[:, None] >= rough[:, None]).sum(axis=0)

    levels = np.array([[m.onsite, *(-m.splitting / 2 * np.array(m.m))] for m in materials])[owner]
    bonds, in_plane = _hoppings(junction, section, owner, materials, rough is not None)

    rotations: list[Any] = [None, None]
    x, z = np.divmod(np.arange(section.sites), section.shape[1])
    drawn, requests = [], []
    for index, material in enumerate(materials):
        plane, site = np.nonzero(owner == index) if material.disorder else ((), ())
        order = sorted(enumerate(material.disorder), key=lambda pair: not pair[1].replaces)
        for position, disorder in order if len(plane) else []:
            if disorder.draws:
                drawn.append((material, disorder, (plane, site)))
                positions = np.array([x[site], z[site], plane - starts[index]])
                requests.append((streams[index, position], positions, disorder.draws))
    for (material, disorder, where), u in zip(drawn, uniforms(requests), strict=True):
        values = levels[where]
        disorder.change(values, material.splitting, material.m, u)
        levels[where] = values
        U = disorder.rotations(u)
        if U is not None:
            _rotate(rotations, section, owner, where, U)
    return Realization(
        levels=levels, bonds=bonds, in_plane=in_plane, bond_rotations=rotations[0], in_plane_rotations=rotations[1]
    )


def whole(name: str, value: Any) -> int:
    """Return ``value`` as an int >= 0, or raise `ArgumentError` naming ``name``."""
    try:
        number = -1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = -1
    if number < 0:
        raise ArgumentError(f"Argument `{name}` must be an integer >= 0, but is {value!r}.")
    return number


def _interfaces(
    junction: Junction, section: CrossSection, streams: dict[tuple[int, int], Stream], starts: Any
) -> Indices | None:
    """Return the plane at which each material but the first begins, shape (materials - 1, sites), or None if smooth."""
    first = starts[1:-1]
    position = first[:, None].repeat(section.sites, axis=1)
    rough = False
    for index, material in enumerate(junction.layers, 1):
        for number, disorder in enumerate(material.disorder):
            if isinstance(disorder, Roughness):
                for side in disorder.sides:
                    heights = disorder.heights(streams[index, number], side, section.shape, section.boundary)
                    position[index - 1 + side] += heights.ravel()
                    rough = True
    if not rough:
        return None
    # no interface passes the far end of either layer, or another interface
    position = np.clip(position, starts[:-2, None], starts[2:, None])
    position[0], position[-1] = first[0], first[-1]
    return np.asarray(np.maximum.accumulate(position, axis=0))


def _hoppings(
    junction: Junction, section: CrossSection, owner: Indices, materials: Any, rough: bool
) -> tuple[Floats, Floats]:
    """Return the hoppings along y (planes - 1, sites) and in the plane (planes, sites, 2)."""
    t_parallel = np.array([material.t_parallel for material in materials])[owner]
    if not rough:
        bonds = np.repeat(junction.bond_hoppings[:, None], section.sites, axis=1)
        return bonds, np.repeat(t_parallel[..., None], 2, axis=-1)
    t = np.array([material.hopping for material in materials])[owner]
    bonds = np.where(t[:-1] == t[1:], t[:-1], np.sqrt(t[:-1] * t[1:]))
    changed = junction.bond_hoppings != junction._default_bonds()
    bonds[changed] = junction.bond_hoppings[changed, None]
    here = t_parallel.reshape(-1, *section.shape)
    in_plane = np.empty((*here.shape, 2))
    for axis in (0, 1):
        there = np.roll(here, -1, axis=axis + 1)
        mean = np.sign(here) * np.sqrt(np.maximum(here * there, 0.0))
        in_plane[..., axis] = np.where(here == there, here, mean)
    return bonds, in_plane.reshape(*owner.shape, 2)


def _rotate(rotations: list[Any], section: CrossSection, owner: Indices, where: Any, U: Complex) -> None:
    """Multiply the bonds that lead from the sites ``where`` to sites of the same material by U (sites, 3, 2, 2)."""
    planes, sites = owner.shape
    if rotations[0] is None:
        rotations[:] = [np.zeros((planes - 1, sites, 2, 2), complex), np.zeros((planes, sites, 2, 2, 2), complex)]
        for array in rotations:
            array[..., [0, 1], [0, 1]] = 1.0
    plane, site = where
    # there is a plane behind each: the last one is of a lead, which is clean
    inner = owner[plane + 1, site] == owner[plane, site]
    along = plane[inner], site[inner]
    rotations[0][along] = _product(U[inner, 0], rotations[0][along])
    index = np.arange(sites).reshape(section.shape)
    for axis in (0, 1):
        neighbor = np.roll(index, -1, axis=axis).ravel()[site]
        same = owner[plane, neighbor] == owner[plane, site]
        bond = plane[same], site[same], axis
        rotations[1][bond] = _product(U[same, 1 + axis], rotations[1][bond])


def _product(A: Complex, B: Complex) -> Complex:
    """Return A B of many 2×2 matrices; written out it is several times faster than matmul."""
    return np.asarray(np.add(A[..., :, [0]] * B[..., [0], :], A[..., :, [1]] * B[..., [1], :]))
