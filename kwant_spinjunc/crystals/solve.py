r"""Every angle of a crystal at many energies and momenta: surfaces, halves, joint.

The only place where the pieces meet: blocks of `crystal` at given points, `halves.surface` for the leads,
`halves.chain` for each side, `halves.joint` for the cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, TypeAlias

import numpy as np

from ..arrays import Complex, Flags, Floats, Integers
from ..halves.chain import Attached, Chain, eliminate
from ..halves.joint import Joint, Lift, Seen, Turn, expanded, join
from ..halves.matrices import dagger
from ..halves.pencil import pencil_surface
from ..halves.surface import Surface, settled, surfaces
from ..optional import kwant
from ..spin import spinors
from .crystal import Crystal, LeadCell, Side
from .spins import Axis

#: Takes cells and hoppings of a lead and whether its mirror image is wanted too; returns their surfaces.
SolvedLead: TypeAlias = Callable[[Complex, Complex, bool], tuple[Surface, ...]]
#: |D̃⁻¹T| of an elimination from which planes are merged: a level of a plane by itself lies at the energy.
GROWTH = 1e4


@dataclass(frozen=True, eq=False)
class Layout:
    """What the channels are, those of the front first."""

    #: `lead`, `spin`: Lead and spin (0 along the lead's axis, 1 against it, -1 unresolved) of each channel.
    lead: Integers
    spin: Integers
    #: Its number among those of its lead and spin: arrays are padded to the most that are open anywhere.
    rank: Integers
    #: `by_spin`, `by_lead`: Which channel belongs to which (lead, spin), and to which lead.
    by_spin: Floats
    by_lead: Floats
    labels: tuple[Complex | None, ...]  #: For each side the matrix to channels along the leads' own axes.


@dataclass(frozen=True, eq=False)
class Solved:
    """Amplitudes of all points and angles, and what states are made of."""

    crystal: Crystal
    turn: Turn | None
    k: Floats
    S: Complex
    layout: Layout  #: What the channels are.
    count: Integers  #: Open channels by spin; of an unresolved lead all in the first.
    residual: Floats  #: Largest residual of the leads' surfaces.
    bad: Flags  #: Where the modes of a lead cannot be had: a band edge.
    grown: Flags  #: Where a level of planes by themselves lies at the energy: solve with coarser planes.
    joint: Joint | None
    seen: tuple[Seen, ...]  #: Its sides as the cut sees them.

    @cached_property
    def open(self) -> Flags:
        """Which channels are open, (points, channels): arrays are padded to the most of any point."""
        layout = self.layout
        return np.asarray(layout.rank < self.count[:, layout.lead, np.maximum(layout.spin, 0)])

    @cached_property
    def passed(self) -> Floats:
        """|S|²."""
        return np.asarray(self.S.real**2 + self.S.imag**2)


def kwant_surface(h: Complex, t: Complex) -> tuple[Complex, Complex, Complex, Complex] | None:
    """Return (Σ, source, out, r) of one lead from Kwant's modes, None where it finds none."""
    try:
        _, modes = kwant.physics.modes(h, np.ascontiguousarray(t.conj().T))
    except (ValueError, RuntimeError, np.linalg.LinAlgError):
        return None
    n, N, V = len(h), modes.nmodes, modes.sqrt_hop
    vecs, inverse = modes.vecs, modes.vecslmbdainv
    if not vecs.size:
        sigma, nothing = np.zeros((n, n), complex), np.zeros((n, 0), complex)
        return sigma, nothing, nothing.T, nothing[:0]
    # (H - E) ψ + V u_out a_out = -V u_in a_in,  V†ψ - u'_out a_out = u'_in a_in
    u_in, u_out, in_, out_ = vecs[:, :N], vecs[:, N:], inverse[:, :N], inverse[:, N:]
    amplitudes = np.linalg.solve(out_, np.concatenate([V.conj().T, in_], axis=1))
    n = V.shape[0]
    return (
        V @ u_out @ amplitudes[:, :n],
        V @ (u_out @ amplitudes[:, n:] - u_in),
        amplitudes[:N, :n],
        -amplitudes[:N, n:],
    )


def slow_surface(h: Complex, t: Complex) -> tuple[Complex, Complex, Complex, Complex] | None:
    """Return the surface of one lead that the fast route doubts, without dividing by t; else from Kwant's modes.

    Kwant's are not as exact: between opposite half metals they let 1e-21 through where the pencil lets 1e-31.
    """
    found = pencil_surface(h, t)
    return kwant_surface(h, t) if found is None else found


def solve(crystal: Crystal, energy: Floats, k: Floats, turn: Turn | None) -> Solved:
    """Solve all angles (one without a turn) at energies (points,) and momenta (points, dimensions)."""
    found = lead_surfaces(crystal, energy, k)
    chains, across = chains_of(crystal, found, energy, k)
    layout = layout_of(crystal, tuple(surface.source.shape[-1] for surface in found))
    halves = tuple(eliminate(chain) for chain in chains)
    seen = tuple(
        Seen(half, side.lift, labels) for half, side, labels in zip(halves, crystal.sides, layout.labels, strict=True)
    )
    joint = None if across is None else join(seen[0], seen[1], across, turn)
    count = np.zeros((len(energy), len(crystal.leads), 2), dtype=np.int64)
    for cell in crystal.leads:
        open_ = found[cell.number].count
        count[:, cell.number, : open_.shape[1]] = open_
    return Solved(
        crystal=crystal,
        turn=turn,
        k=k,
        S=seen[0].open[3][:, None] if joint is None else joint.S,
        layout=layout,
        count=count,
        residual=np.max([surface.residual.max(axis=1) for surface in found], axis=0),
        bad=np.any([surface.doubtful.any(axis=1) for surface in found], axis=0),
        grown=np.any([(half.growth > GROWTH).any(axis=1) for half in halves], axis=0),
        joint=joint,
        seen=seen,
    )


def settled_surfaces(h: Complex, t: Complex, mirrored: bool) -> tuple[Surface, ...]:
    """Return the surface of a lead, and of its mirror image if that is asked for."""
    pair = zip(surfaces(h, t, mirrored=mirrored), (t, dagger(t)), strict=False)
    return tuple(settled(surface, h, hop, slow_surface) for surface, hop in pair)


def lead_surfaces(
    crystal: Crystal, energy: Floats | Complex, k: Floats, solved: SolvedLead = settled_surfaces
) -> list[Surface]:
    """Return the surfaces of all leads, leading axes (points, 2) by spin, or (points, 1) unresolved."""
    found: list[Any] = [None] * len(crystal.leads)
    leads, blocks = crystal.lead_blocks
    matrices = blocks.at(k, energy)
    for lead, h, t in zip(leads, matrices[: len(leads)], matrices[len(leads) :], strict=True):
        twins = [(n, other[1]) for n, other in enumerate(crystal.shares) if other and other[0] == lead.number]
        pair = solved(h, t, any(mirrored for _, mirrored in twins))
        if lead.alike:
            pair = tuple(s[:, [0, 0]] for s in pair)
        found[lead.number] = pair[0]
        for n, mirrored in twins:
            found[n] = pair[int(mirrored)]
    return found


def chains_of(
    crystal: Crystal, found: list[Surface], energy: Floats | Complex, k: Floats
) -> tuple[list[Chain], Complex | None]:
    """Return the sides with their leads at points, and the hopping across the cut."""
    blocks = iter(crystal.region_blocks.at(k, energy))
    onsite = [list(islice(blocks, len(side.onsite))) for side in crystal.sides]
    hopping = [list(islice(blocks, len(side.hopping))) for side in crystal.sides]
    chains = []
    for number, side in enumerate(crystal.sides):
        leads = [_attached(side, lead, found[lead.number]) for lead in crystal.leads if lead.side == number]
        chains.append(Chain(onsite[number], hopping[number], leads))
    return chains, next(blocks, None)


def _attached(side: Side, lead: LeadCell, surface: Surface) -> Attached:
    """Return a lead's surface in the orbitals of its side."""
    if side.m is not None:
        return Attached(lead.plane, lead.places[0], surface[:, ::-1] if side.flips(lead) else surface)
    if not lead.resolved:
        return Attached(lead.plane, lead.places[1], surface)
    lift = Lift(lead.m)
    mixed = Surface(
        sigma=expanded(surface.sigma, lift.orbitals)[:, None],
        source=expanded(surface.source, lift.into)[:, None],
        out=expanded(surface.out, lift.out_of)[:, None],
        reflection=expanded(surface.reflection, lift.channels)[:, None],
        count=surface.count.sum(axis=1, keepdims=True),
        doubtful=surface.doubtful.any(axis=1, keepdims=True),
        residual=surface.residual.max(axis=1, keepdims=True),
    )
    return Attached(lead.plane, lead.places[1], mixed)


def layout_of(crystal: Crystal, widths: tuple[int, ...]) -> Layout:
    """Return what the channels are where leads have at most ``widths`` of each spin, worked out once."""
    if widths not in crystal.layouts:
        crystal.layouts[widths] = _layout(crystal, widths)
    found: Layout = crystal.layouts[widths]
    return found


def _layout(crystal: Crystal, widths: tuple[int, ...]) -> Layout:
    columns: list[tuple[int, int, int]] = []
    labels: list[Complex | None] = []
    for number, side in enumerate(crystal.sides):
        leads = [lead for lead in crystal.leads if lead.side == number]
        if side.m is None:
            order = [(lead, spin) for lead in leads for spin in ((0, 1) if lead.resolved else (-1,))]
        else:
            order = [(lead, spin) for spin in (0, 1) for lead in leads]
        for lead, spin in order:
            own = 1 - spin if side.flips(lead) else spin
            columns += [(lead.number, own, rank) for rank in range(widths[lead.number])]
        labels.append(None if side.m is None else _to_own_axes(side.m, leads, [widths[lead.number] for lead in leads]))
    lead_, spin_, rank_ = np.array(columns, dtype=np.int64).reshape(-1, 3).T
    by_lead = (lead_[:, None] == np.arange(len(crystal.leads))).astype(float)
    by_spin = by_lead[:, :, None] * (spin_[:, None, None] == np.arange(2))
    return Layout(lead_, spin_, rank_, by_spin.reshape(len(lead_), 2 * by_lead.shape[1]), by_lead, tuple(labels))


def _to_own_axes(m: Axis, leads: list[LeadCell], widths: list[int]) -> Complex | None:
    """Return the unitary matrix from channels along m to those along the axes of leads whose spins are alike."""
    if all(lead.magnetic for lead in leads):
        return None
    total = sum(widths)
    V = np.eye(2 * total, dtype=complex)
    for lead, width, start in zip(leads, widths, np.cumsum([0, *widths]), strict=False):
        if not lead.magnetic:
            at = start + np.arange(width)
            for (i, j), value in np.ndenumerate(dagger(spinors(lead.m)) @ spinors(m)):
                V[i * total + at, j * total + at] = value
    return None if np.array_equal(V, np.eye(2 * total)) else V
