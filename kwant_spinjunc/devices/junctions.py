r"""Kwant's way from a `Problem` to what is `Solved`: the reference for junctions of any cross-section.

The linear system is factorized once for the scattering matrix and the wave functions, of which `waves` makes currents,
densities and torques.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..errors import BandEdgeError
from ..model.junction import COLLINEAR
from ..model.memory import refuse_supercell
from ..model.plane import CrossSection
from ..model.problem import Problem
from ..model.sample import Realization, realize
from ..solved import Fields, Solved, unitarity
from ..spin import PAULI
from .build import build
from .lead_modes import with_analytic_leads
from .solve import prepare, solve
from .spin_operators import ORDERS, SpinOperator
from .waves import densities, fluxes, torques


def answer(problem: Problem, *, analytic: bool) -> Solved:
    """Return what Kwant finds; ``analytic``: with the modes of the leads typed in.

    Raises `NoOpenChannelError`: No channel is open in either lead.
    """
    problem.refuse_many()
    junction, energy, section = problem.junction, problem.energy, problem.section
    if section.is_single_cell:
        section = CrossSection(section.shape, section.boundary, problem.k)
    refuse_supercell(section.shape, len(junction.planes) + 2)
    padded, which = junction.padded(), (problem.seed, problem.realization)
    builder = build(
        padded,
        section.k if "periodic" in section.boundary else None,
        cross_section=section.shape,
        boundary=section.boundary,
        first_plane=-1,
        seed=which[0],
        realization=which[1],
    )
    c = float(section.transverse_modes[0].max())
    if section.sites == 1:  # before edges are refused: at one below all others nothing is open, whoever solves it
        problem.refuse_closed(junction.open_channels(energy, c), c)
    if analytic:
        problem.refuse_edges(exact=True)
    system = (with_analytic_leads(builder, padded, section) if analytic else builder).finalized()
    try:
        system = prepare(system, energy)
    except BandEdgeError as error:
        raise BandEdgeError(f"{error} Bands: {junction.describe_bands(c)}.") from error
    smatrix, psi = solve(system, energy)
    modes = np.array([lead.block_nmodes for lead in smatrix.lead_info])
    problem.refuse_closed(modes, c)
    expected = junction.open_channels(energy, section.transverse_modes[0]).sum(axis=0)
    if (modes != expected).any():
        raise BandEdgeError(
            f"Argument `energy` must not lie at a band edge of a lead, but at {energy:g} Kwant finds {modes.tolist()} "
            f"channels [lead, spin] where {expected.tolist()} are open. Bands: {junction.describe_bands(c)}."
        )

    probabilities = np.zeros((2, 2, 2, 2))
    for out, in_ in np.ndindex(4, 4):
        (a, s), (b, s_in) = divmod(out, 2), divmod(in_, 2)
        probabilities[a, s, b, s_in] = smatrix.transmission((a, s), (b, s_in))
    return Solved(
        solver="modes" if analytic else "kwant",
        probabilities=probabilities,
        modes=modes,
        unitarity_defect=unitarity(smatrix.data),
        states=_fields_from_waves(realize(padded, section, *which), system, psi, modes, section),
        system=system,
        smatrix=smatrix,
    )


def _fields_from_waves(
    sample: Realization,
    system: Any,
    psi: list[NDArray[np.complex128]],
    modes: NDArray[np.int64],
    section: CrossSection,
) -> Fields:
    """Evaluate fluxes, torques and densities, settle them with the conservation laws, drop the padding."""
    planes = len(sample.levels)
    by_plane: list[list[Any]] = [[] for _ in range(planes)]
    for site in system.sites:  # Kwant has them in the order of their tags
        by_plane[site.tag[1] + 1].append(site)  # the padded region starts at plane -1
    bonds = [pair for b in range(planes - 1) for pair in zip(by_plane[b + 1], by_plane[b], strict=True)]
    where = [site for group in by_plane for site in group]
    spin = SpinOperator(ORDERS[0])
    onsites = [np.eye(2), *PAULI]

    together, ends_of = np.concatenate(psi), np.cumsum(modes.ravel())[:-1]

    def by_spin(values: Floats) -> Floats:
        """Sum what the modes of both leads (first axis) do by lead and spin, shape (2, 2, ...)."""
        found = np.array([part.sum(axis=0) for part in np.split(values, ends_of)])
        return found.reshape(2, 2, *found.shape[1:])

    def of_planes(values: Floats) -> Floats:
        return np.asarray(values.reshape(len(values), planes, section.sites, *values.shape[2:]).sum(axis=2))

    numbers = np.array([system.id_by_site[site] for site in where])
    labels = np.repeat(np.arange(planes), section.sites)
    (found,) = torques(system, numbers, spin, [together], {}, labels)
    on_planes = by_spin(of_planes(found[:, :, 0]))
    currents = by_spin(fluxes(system, onsites, together, bonds, {}, planes - 1))
    density = by_spin(of_planes(densities(system, onsites, together, where)))
    turning, along = _turning_bonds(sample, section, by_plane)
    for plane, pairs in along.items():
        # a bond that turns the spin gives it to the lattice: what leaves one end is not what arrives at the other
        ends = [pair for to, from_ in pairs for pair in ((to, from_), (from_, to))]
        on_planes[:, :, plane] -= by_spin(fluxes(system, onsites[1:], together, ends, {}, 1)[:, 0])
    axes, free = _exchange_axes(sample, turning)
    settled = settle(axes, free, currents, on_planes, modes)
    return replace(
        settled,
        currents=settled.currents[..., 1:-1, :],
        torques=settled.torques[..., 1:-1, :],
        densities=density[..., 1:-1, :],
    )


def _turning_bonds(
    sample: Realization, section: CrossSection, by_plane: list[list[Any]]
) -> tuple[list[int], dict[int, list[Any]]]:
    """Return the planes with spin-orbit bonds in them or to the next, and {plane: [(to, from), ...]} of the latter."""
    if sample.bond_rotations is None:
        return [], {}
    along: dict[int, list[Any]] = {}
    turned = abs(sample.bond_rotations - np.eye(2)).max(axis=(-1, -2)) > 0
    for plane, site in zip(*np.nonzero(turned), strict=True):
        along.setdefault(int(plane), []).append((by_plane[plane + 1][site], by_plane[plane][site]))
    _, from_, axis, _ = section.bonds
    inside = abs(sample.in_plane_rotations[:, from_, axis] - np.eye(2)).max(axis=(-1, -2)) > 0
    inside &= sample.in_plane[:, from_, axis] != 0
    return sorted({*along, *np.flatnonzero(inside.any(axis=1)).tolist()}), along


def _exchange_axes(sample: Realization, turning: list[int]) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the axis of each plane's exchange field (planes, 3), 0 for none, and which planes can take any spin."""
    fields = sample.levels[..., 1:]
    size = np.linalg.norm(fields, axis=2)
    largest = np.take_along_axis(fields, size.argmax(axis=1)[:, None, None], axis=1)[:, 0]
    norm = size.max(axis=1)
    axes = np.divide(largest, norm[:, None], out=np.zeros_like(largest), where=norm[:, None] > 0)
    free = np.linalg.norm(np.cross(fields, axes[:, None]), axis=2).max(axis=1) > COLLINEAR * norm
    free[turning] = True
    return axes, free


def settle(
    axes: Floats, free: NDArray[np.bool_], raw: Floats, source_torques: Floats, modes: NDArray[np.int64]
) -> Fields:
    r"""Impose on raw bond currents what each plane cannot change, and report by how much they missed it.

    A plane exchanges no charge; a nonmagnetic plane exchanges no spin, and one whose exchange field has one axis only
    spin perpendicular to it. The flux of a tunneling state on its own side of the barrier is a difference of two
    numbers of order one, noise below 1e-14, but exact on the far side. So the currents are taken on the far side and
    carried back through the planes; of the raw difference across a plane only the part its exchange field can cause is
    kept. What is dropped is the continuity defect.

    Where the exchange field has different axes at different sites, or spin-orbit bonds give spin to the lattice, every
    component may change: the currents are carried back with the torque at the source. The raw difference must equal
    it, and by how much it does not is the torque defect.

    ``axes``, ``free``: see `_exchange_axes`. ``raw``: raw currents (2, 2, bonds, 4).
    ``source_torques``: torque from the exchange field and the spin-orbit bonds (2, 2, planes, 3): compared with the
    fluxes, and kept for the two end planes.
    ``modes``: open channels (2, 2): the incoming flux that defects are measured against.

    **Result**: Without densities.
    """
    # plane n lies between bonds n - 1 and n: what is said of planes in between leaves out both ends
    m, changing, source = axes[1:-1], free[1:-1, None], source_torques[..., 1:-1, :]
    change = raw[..., :-1, :] - raw[..., 1:, :]
    spin = change[..., 1:]
    across = np.where(m.any(axis=1, keepdims=True), spin - (spin * m).sum(axis=3, keepdims=True) * m, 0.0)
    kept = np.zeros_like(change)
    kept[..., 1:] = np.where(changing, source, across)
    # the far side of lead 0 is the last bond, of lead 1 the first
    from_left = np.concatenate([raw[0, :, -1:], kept[0, :, ::-1]], axis=1).cumsum(axis=1)[:, ::-1]
    from_right = np.concatenate([raw[1, :, :1], -kept[1]], axis=1).cumsum(axis=1)
    torques = source_torques.copy()
    torques[..., 1:-1, :] = kept[..., 1:]
    incoming = np.maximum(modes, 1)[..., None, None]
    missed = np.concatenate([change[..., :1], np.where(changing, 0.0, spin - across)], axis=3)
    by_source = np.where(changing, spin, across) - source
    continuity, torque = (abs(part / incoming).max() for part in (missed, by_source))
    return Fields(
        currents=np.stack([from_left, from_right]),
        torques=torques,
        densities=np.empty(0),
        modes=modes,
        continuity_defect=np.asarray(continuity),
        torque_defect=np.asarray(torque),
    )
