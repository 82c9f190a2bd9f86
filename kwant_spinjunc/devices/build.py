r"""The only Hamiltonian in Kwant form: `build` turns a `Junction` into a real `kwant.Builder`.

Every Kwant function works on the result: the scattering region occupies the sites ``(x, n, z)`` of a cubic lattice
(family name ``"plane"``, ``norbs = 2``, spin in the fixed x-y-z frame), plane n along y; both leads carry
``conservation_law = -m·σ``, so that block 0 of each lead is its majority spin. A disordered junction is built as one of
its samples (see `realization`), or as all of them with value functions of ``seed`` and ``realization``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Complex
from ..checks import instance
from ..errors import ArgumentError
from ..model.disorder import Roughness
from ..model.junction import Junction, Layer
from ..model.plane import CrossSection
from ..model.sample import Realization, realize
from ..optional import kwant, tinyarray
from ..spin import PAULI, sigma

#: Identity and Pauli matrices, shape (4, 2, 2).
BASIS = np.concatenate([np.eye(2)[None], PAULI])

#: Samples that a process keeps for systems with value functions.
KEPT = 4


def build(
    junction: Junction,
    k: ArrayLike | None = None,
    *,
    cross_section: tuple[int, int] = (1, 1),
    boundary: str | tuple[str, str] = "periodic",
    first_plane: int = 0,
    seed: int = 0,
    realization: int = 0,
    as_functions: bool = False,
) -> kwant.Builder:
    r"""Return the junction as a `kwant.Builder` with both leads attached.

    **Result**: Leads 0 (left) and 1 (right) attached, not finalized.

    Parameters
    ----------
    junction
        What to build.
    k
        In-plane Bloch vector (kx, kz) in 1/a of a periodic cross-section, None for Γ. It enters as a phase
        e^{-ik} of the hopping from x to x + 1, so that one cell per plane gets the on-site term
        -2 t∥ (cos kx + cos kz).
    cross_section
        Number of sites of each plane along x and z.
    boundary
        ``"periodic"``: the cross-section is a supercell of an infinite plane (the default, a single site is then
        the in-plane periodic chain). ``"hard wall"``: a wire. Or a pair of them, for x and z.
    first_plane
        Index n of the first plane, the y coordinate of its sites.
    seed, realization
        Which sample of a disordered junction; without effect on a clean one.
    as_functions
        Make the values of the scattering region functions of the parameters ``seed`` and ``realization``, so that one
        finalized system serves every sample: ``kwant.smatrix(syst, energy, params=dict(seed=0, realization=7))``.
        The system pickles, and gives the same numbers as one built for that sample.

    Examples
    --------
    >>> from kwant_spinjunc import Junction, barrier, build, ferromagnet
    >>> iron = ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> syst = build(Junction(iron, [barrier(onsite=3.0, hopping=1.0, thickness=4)], iron))
    >>> len(list(syst.sites())), len(syst.leads)
    (6, 2)
    """
    instance("junction", junction, Junction)
    if isinstance(first_plane, bool) or not isinstance(first_plane, (int, np.integer)):
        raise ArgumentError(f"Argument `first_plane` must be an integer, but is {first_plane!r}.")
    section = CrossSection(cross_section, boundary, k)
    first_plane = int(first_plane)
    lattice = _lattice()
    syst = kwant.Builder()
    sample = realize(junction, section, seed, realization)
    function = _Value(junction, section, first_plane) if as_functions else None
    coupled = _coupled_planes(junction) if as_functions else sample.in_plane.any(axis=(1, 2))
    _add_region(syst, lattice, first_plane, Values(section, sample), coupled, function)
    last_plane = first_plane + len(junction.planes) - 1
    for lead, n, direction in [(junction.left, first_plane, -1), (junction.right, last_plane, 1)]:
        syst.attach_lead(_lead(lattice, lead, n, direction, section))
    return syst


@cache
def _lattice() -> Any:
    """Return the cubic lattice of all samples, whose making takes a while."""
    return kwant.lattice.general(np.eye(3), norbs=2, name="plane")


class Values:
    """The 2×2 matrices of a sample on sites and hoppings of the builder.

    ``onsite``, (planes, sites, 2, 2), and ``along``, (planes - 1, sites, 2, 2), from a site to that of the next plane;
    ``in_plane``: (to, from) of each pair of sites that are joined, once, to (planes, 2, 2): around a ring of two, two
    bonds join the same pair. A bond of a site with itself is in its on-site matrix.
    """

    def __init__(self, section: CrossSection, sample: Realization) -> None:
        to, from_, axis, phase = section.bonds
        self.section = section
        self.onsite: Complex = np.tensordot(sample.levels, BASIS, axes=1)
        identity = np.eye(2)
        rotation = identity if sample.bond_rotations is None else sample.bond_rotations
        self.along: Complex = -sample.bonds[..., None, None] * rotation + 0j
        hop = -(sample.in_plane[:, from_, axis] * phase)[..., None, None]
        hop = hop * (identity if sample.in_plane_rotations is None else sample.in_plane_rotations[:, from_, axis])
        self.in_plane: dict[tuple[int, int], Complex] = {}
        for bond, (a, b) in enumerate(zip(to.tolist(), from_.tolist(), strict=True)):
            t = hop[:, bond]
            if a == b:
                self.onsite[:, a] += t + _adjoint(t)
            elif (b, a) in self.in_plane:
                self.in_plane[b, a] += _adjoint(t)
            else:
                self.in_plane[a, b] = self.in_plane.get((a, b), 0) + t


def _adjoint(matrix: Complex) -> Complex:
    return np.swapaxes(matrix.conj(), -1, -2)


@lru_cache(maxsize=KEPT)
def _sample_values(junction: Junction, section: CrossSection, seed: int, realization: int) -> Values:
    """Return the matrices of a sample; a process keeps the last few."""
    return Values(section, realize(junction, section, seed, realization))


@dataclass(frozen=True)
class _Value:
    """Value function of all sites and hoppings of the scattering region; pickles with the system."""

    junction: Junction
    section: CrossSection
    first_plane: int

    def onsite(self, site: Any, seed: int, realization: int) -> Any:
        """Return the on-site matrix."""
        values = _sample_values(self.junction, self.section, seed, realization)
        x, n, z = site.tag
        return values.onsite[n - self.first_plane, x * self.section.shape[1] + z]

    def hopping(self, to: Any, from_: Any, seed: int, realization: int) -> Any:
        """Return the matrix of the hopping from ``from_`` to ``to``."""
        values = _sample_values(self.junction, self.section, seed, realization)
        (x, n, z), (x2, n2, z2) = from_.tag, to.tag
        depth, plane = self.section.shape[1], n - self.first_plane
        pair = x2 * depth + z2, x * depth + z
        if n2 > n:
            return values.along[plane, pair[1]]
        if n2 == n and pair in values.in_plane:
            return values.in_plane[pair][plane]
        return _adjoint(self.hopping(from_, to, seed, realization))


def _coupled_planes(junction: Junction) -> NDArray[np.bool_]:
    """Return which planes have in-plane hoppings in some sample."""
    if any(isinstance(disorder, Roughness) for layer in junction.layers for disorder in layer.disorder):
        return np.full(len(junction.planes), junction.is_dispersive)
    return np.array([plane.t_parallel != 0 for plane in junction.planes])


def _add_region(
    syst: kwant.Builder,
    lattice: Any,
    first_plane: int,
    values: Values,
    coupled: NDArray[np.bool_],
    function: _Value | None = None,
) -> None:
    """Add the planes from ``first_plane`` on, their sites numbered as in `CrossSection`."""
    numbers = range(first_plane, first_plane + len(values.onsite))
    planes = [[lattice(x, n, z) for x, z in np.ndindex(*values.section.shape)] for n in numbers]
    for plane, sites in enumerate(planes):
        for site, value in zip(sites, values.onsite[plane], strict=True):
            syst[site] = function.onsite if function else tinyarray.array(value, complex)
        if coupled[plane]:
            for (to, from_), hoppings in values.in_plane.items():
                value = hoppings[plane]
                if function or value.any():
                    syst[sites[to], sites[from_]] = function.hopping if function else tinyarray.array(value, complex)
        if plane:
            for to, from_, value in zip(sites, planes[plane - 1], values.along[plane - 1], strict=True):
                syst[to, from_] = function.hopping if function else tinyarray.array(value, complex)


def _lead(lattice: Any, material: Layer, n: int, direction: int, section: CrossSection) -> kwant.Builder:
    """Return the semi-infinite lead that continues plane n in ``direction`` (-1 left, +1 right) along y."""
    lead = kwant.Builder(
        kwant.TranslationalSymmetry((0, direction, 0)),
        conservation_law=tinyarray.array(-sigma(material.m), complex),
    )
    uniform = realize(Junction(material, [], material), section)
    _add_region(lead, lattice, n, Values(section, uniform), uniform.in_plane.any(axis=(1, 2)))
    return lead
