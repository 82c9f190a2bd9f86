r"""The only Hamiltonian in Kwant form: `build` turns a `Junction` into a real `kwant.Builder`.

Every Kwant function works on the result: the scattering region occupies the sites ``(x, n, z)`` of a cubic lattice
(family name ``"plane"``, ``norbs = 2``, spin in the fixed x-y-z frame), plane n along y; both leads carry
``conservation_law = -m·σ``, so that block 0 of each lead is its majority spin.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import kwant
import numpy as np
import tinyarray as ta
from numpy.typing import ArrayLike, NDArray

from .errors import ArgumentError, finite_array, positive_integer
from .junction import Junction, Layer
from .spin import sigma

__all__ = ["band_shift", "build", "check_conservation_law"]

IDENTITY = np.eye(2)

#: Memory in GB above which the modes of a lead are not attempted.
LARGEST_LEAD = 64.0
#: Largest element of a commutator (relative to the Hamiltonian) that counts as rounding.
COMMUTES = 1e-12


def band_shift(k: ArrayLike | None) -> NDArray[np.float64]:
    """Return c = cos kx a + cos kz a, the only way a clean in-plane periodic junction depends on k∥.

    Parameters
    ----------
    k
        In-plane wave vectors (kx, kz) in 1/a, trailing axis 2. None is Γ, (0, 0).

    Returns
    -------
    ndarray, shape ``k.shape[:-1]``

    Raises
    ------
    ArgumentError
        ``k`` has another trailing axis or is not finite.

    Examples
    --------
    >>> float(band_shift((0, 0)))
    2.0
    """
    c: NDArray[np.float64] = np.cos(finite_array("k", (0.0, 0.0) if k is None else k, shape=(2,))).sum(axis=-1)
    return c


def build(
    junction: Junction,
    k: ArrayLike | None = None,
    *,
    cross_section: tuple[int, int] = (1, 1),
    boundary: str = "periodic",
    first_plane: int = 0,
) -> kwant.Builder:
    r"""Return the junction as a `kwant.Builder` with both leads attached.

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
        the in-plane periodic chain). ``"hard wall"``: a wire.
    first_plane
        Index n of the first plane, the y coordinate of its sites.

    Returns
    -------
    kwant.Builder
        Leads 0 (left) and 1 (right) attached, not finalized.

    Raises
    ------
    ArgumentError
        ``k`` given for hard walls, or an argument has a wrong type or shape.

    Examples
    --------
    >>> from kwant_spinjunc import Junction, barrier, build, ferromagnet
    >>> iron = ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> syst = build(Junction(iron, [barrier(onsite=3.0, hopping=1.0, thickness=4)], iron))
    >>> len(list(syst.sites())), len(syst.leads)
    (6, 2)
    """
    if not isinstance(junction, Junction):
        raise ArgumentError(f"Argument `junction` must be a Junction, but is {type(junction).__name__}.")
    if isinstance(first_plane, bool) or not isinstance(first_plane, (int, np.integer)):
        raise ArgumentError(f"Argument `first_plane` must be an integer, but is {first_plane!r}.")
    phases = _bloch_phases(k, boundary)
    shape = checked_shape(cross_section)
    lattice = kwant.lattice.general(np.eye(3), norbs=2, name="plane")

    syst = kwant.Builder()
    for n, plane in enumerate(junction.planes, first_plane):
        _add_plane(syst, lattice, n, plane, shape, phases)
    for bond, hopping in enumerate(junction.bond_hoppings, first_plane):
        _join_planes(syst, lattice, bond, hopping, shape)

    last_plane = first_plane + len(junction.planes) - 1
    for lead, n, direction in [(junction.left, first_plane, -1), (junction.right, last_plane, 1)]:
        syst.attach_lead(_lead(lattice, lead, n, direction, shape, phases))
    return syst


def _bloch_phases(k: ArrayLike | None, boundary: str) -> tuple[complex, complex] | None:
    """Return the phase factors of a hopping to x + 1 and z + 1, or None for hard walls."""
    if boundary == "hard wall":
        if k is not None:
            raise ArgumentError(
                "Argument `k` must be None for hard walls: there is no in-plane Bloch vector. Use boundary='periodic'."
            )
        return None
    if boundary != "periodic":
        raise ArgumentError(f"Argument `boundary` must be 'periodic' or 'hard wall', but is {boundary!r}.")
    vector = finite_array("k", (0.0, 0.0) if k is None else k)
    if vector.shape != (2,):
        raise ArgumentError(
            f"Argument `k` must be one vector (kx, kz), but its shape is {vector.shape}. Use solver='halves' for many."
        )
    kx, kz = np.exp(-1j * vector)
    return complex(kx), complex(kz)


def checked_shape(cross_section: Sequence[int]) -> tuple[int, int]:
    """Return the two numbers of sites, or raise `ArgumentError`, also where the memory of a machine would not do."""
    try:
        width, depth = cross_section
    except (TypeError, ValueError):
        raise ArgumentError(
            f"Argument `cross_section` must be two numbers of sites, but is {cross_section!r}."
        ) from None
    shape = positive_integer("cross_section[0]", width), positive_integer("cross_section[1]", depth)
    # modes of a lead with N = 2 W D orbitals: a dense eigenproblem of 2N × 2N complex numbers, and work space
    gigabytes = 4 * 16 * (4 * shape[0] * shape[1]) ** 2 / 1e9
    if gigabytes > LARGEST_LEAD:
        raise ArgumentError(
            f"Argument `cross_section` must allow to diagonalize the leads, but {shape[0]} × {shape[1]} sites "
            f"need about {gigabytes:.3g} GB. Use k∥ for a clean junction."
        )
    return shape


def _in_plane_bonds(
    shape: tuple[int, int], phases: tuple[complex, complex] | None
) -> Iterator[tuple[tuple[int, int], tuple[int, int], complex]]:
    """Yield (to, from, factor) of every bond between two sites of a plane; periodic ones wrap, so pairs can repeat."""
    for (x, z), axis in product(np.ndindex(*shape), (0, 1)):
        neighbor = [x, z]
        neighbor[axis] += 1
        if phases is None:
            if neighbor[axis] < shape[axis]:
                yield (neighbor[0], neighbor[1]), (x, z), 1.0
        elif shape[axis] > 1:
            neighbor[axis] %= shape[axis]
            yield (neighbor[0], neighbor[1]), (x, z), phases[axis]


def _add_plane(
    syst: kwant.Builder,
    lattice: Any,
    n: int,
    plane: Layer,
    shape: tuple[int, int],
    phases: tuple[complex, complex] | None,
) -> None:
    """Add the sites of plane n with ε - (Δ/2) m·σ and the in-plane hoppings -t∥."""
    onsite = plane.onsite * IDENTITY - plane.splitting / 2 * sigma(plane.m)
    bonds: dict[tuple[tuple[int, int], tuple[int, int]], complex] = {}
    shift = 0.0
    if plane.t_parallel:
        for to, from_, factor in _in_plane_bonds(shape, phases):
            if (from_, to) in bonds:  # two cells around a ring are joined twice
                bonds[from_, to] -= plane.t_parallel * np.conj(factor)
            else:
                bonds[to, from_] = bonds.get((to, from_), 0.0) - plane.t_parallel * factor
        if phases is not None:  # a single cell is its own neighbor on both sides: 2 Re
            shift = -2 * plane.t_parallel * sum(p.real for p, size in zip(phases, shape, strict=True) if size == 1)
    matrix = ta.array(onsite + shift * IDENTITY, complex)
    for x, z in np.ndindex(*shape):
        syst[lattice(x, n, z)] = matrix
    for (to, from_), value in bonds.items():
        syst[lattice(to[0], n, to[1]), lattice(from_[0], n, from_[1])] = ta.array(value * IDENTITY, complex)


def _join_planes(syst: kwant.Builder, lattice: Any, bond: int, hopping: float, shape: tuple[int, int]) -> None:
    """Add -t between plane ``bond`` and the next."""
    value = ta.array(-hopping * IDENTITY, complex)
    for x, z in np.ndindex(*shape):
        syst[lattice(x, bond + 1, z), lattice(x, bond, z)] = value


def _lead(
    lattice: Any,
    material: Layer,
    n: int,
    direction: int,
    shape: tuple[int, int],
    phases: tuple[complex, complex] | None,
) -> kwant.Builder:
    """Return the semi-infinite lead that continues plane n in ``direction`` (-1 left, +1 right) along y."""
    lead = kwant.Builder(
        kwant.TranslationalSymmetry((0, direction, 0)),
        conservation_law=ta.array(-sigma(material.m), complex),
    )
    _add_plane(lead, lattice, n, material, shape, phases)
    _join_planes(lead, lattice, n, material.hopping, shape)
    check_conservation_law(lead)
    return lead


def check_conservation_law(lead: kwant.Builder) -> None:
    """Raise `ArgumentError` unless the lead's Hamiltonian commutes with its conservation law.

    Kwant itself drops a conservation law that does not commute and only warns, after which spin-resolved blocks
    silently do not exist. Values given as functions are not checked: they need parameters.

    Parameters
    ----------
    lead
        A lead builder with ``conservation_law`` given as a matrix.

    Raises
    ------
    ArgumentError
        There is no conservation law, or an on-site or hopping matrix does not commute with it.
    """
    if lead.conservation_law is None:
        raise ArgumentError(
            "Argument `lead` must have a conservation law to resolve spin, but has none. Use conservation_law=-m·σ."
        )
    law = np.asarray(lead.conservation_law)
    for where, value in [*lead.site_value_pairs(), *lead.hopping_value_pairs()]:
        if callable(value):
            continue
        matrix = np.atleast_2d(np.asarray(value))
        if matrix.shape != law.shape:
            continue
        defect = abs(matrix @ law - law @ matrix).max()
        if defect > COMMUTES * max(1.0, abs(matrix).max()):
            raise ArgumentError(
                f"Argument `lead` must commute with its conservation law, but at {where} the commutator is "
                f"{defect:.2g}. The exchange field of a lead must lie along the axis that labels its spin."
            )
