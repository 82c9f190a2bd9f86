r"""Every angle of a crystal at many energies and momenta: surfaces, halves, joint.

The only place where the pieces meet: blocks of `crystal` at given points, `halves.surface` for the leads,
`halves.chain` for each side, `halves.joint` for the cut.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Complex, Flags, Floats, Integers
from ..halves.chain import Attached, Chain, Half, eliminate
from ..halves.joint import Joint, Turn, from_orbitals, into_orbitals, join, lifted, of_channels, of_orbitals
from ..halves.matrices import dagger
from ..halves.surface import Surface, settled, surfaces
from ..optional import kwant
from ..spin import spinors
from .crystal import Crystal, LeadCell, Side
from .spins import Axis

__all__ = ["Solved", "chain_of", "lead_surfaces", "solve"]

#: |D̃⁻¹T| of an elimination from which planes are merged: a level of a plane by itself lies at the energy.
GROWTH = 1e4


@dataclass(frozen=True, eq=False)
class Solved:
    """Amplitudes of all points and angles, and what states are made of.

    Attributes
    ----------
    S : ndarray, (points, angles, channels, channels)
    lead, spin : ndarray of int, (channels,)
        Lead and spin (0 along the lead's axis, 1 against it, -1 unresolved) of each channel.
    count : ndarray of int, (points, leads, 2)
        Open channels by spin; of an unresolved lead all in the first.
    resolved : tuple of bool, (leads,)
        Which leads conserve spin.
    residual : ndarray, (points,)
        Largest residual of the leads' surfaces.
    bad : ndarray of bool, (points,)
        Where the modes of a lead cannot be had: a band edge.
    grown : ndarray of bool, (points,)
        Where a level of planes by themselves lies at the energy: solve with coarser planes.
    """

    S: Complex
    lead: Integers
    spin: Integers
    count: Integers
    resolved: tuple[bool, ...]
    residual: Floats
    bad: Flags
    grown: Flags
    joint: Joint | None
    halves: tuple[Half, ...]
    labels: tuple[Complex | None, ...]


def kwant_surface(h: Complex, t: Complex) -> tuple[Complex, Complex, Complex, Complex] | None:
    """Return (Σ, source, out, r) of one lead from Kwant's modes, None where it finds none."""
    try:
        _, modes = kwant.physics.modes(h, np.ascontiguousarray(t.conj().T))
    except (ValueError, RuntimeError, np.linalg.LinAlgError):
        return None
    N, V = modes.nmodes, modes.sqrt_hop
    vecs, inverse = modes.vecs, modes.vecslmbdainv
    if not vecs.size:
        n = len(h)
        return (
            np.zeros((n, n), complex),
            np.zeros((n, 0), complex),
            np.zeros((0, n), complex),
            np.zeros((0, 0), complex),
        )
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


def solve(crystal: Crystal, energy: Floats, k: Floats, turn: Turn | None) -> Solved:
    """Solve all points and angles.

    Parameters
    ----------
    crystal
        The system taken apart.
    energy : ndarray, (points,)
    k : ndarray, (points, dimensions)
    turn
        Of the spins behind the cut; None for none.
    """
    found = lead_surfaces(crystal, energy, k)
    halves, seen, columns = [], [], []
    for number, side in enumerate(crystal.sides):
        own = [lead for lead in crystal.leads if lead.side == number]
        half = eliminate(chain_of(crystal, number, found, energy, k))
        lead, spin, labels = _channels(side, own, found)
        halves.append(half)
        seen.append(lifted(half, side.m, labels))
        columns.append((lead, spin, labels))
    if crystal.across is None:
        joint, S = None, seen[0].s[:, None]
    else:
        joint = join(seen[0], seen[1], crystal.across.at(k), turn)
        S = joint.S
    count = np.zeros((len(energy), len(crystal.leads), 2), dtype=np.int64)
    for cell in crystal.leads:
        open_ = found[cell.number].count
        count[:, cell.number, : open_.shape[1]] = open_
    return Solved(
        S=S,
        lead=np.concatenate([lead for lead, _, _ in columns]),
        spin=np.concatenate([spin for _, spin, _ in columns]),
        count=count,
        resolved=tuple(cell.resolved for cell in crystal.leads),
        residual=np.max([surface.residual.max(axis=1) for surface in found], axis=0),
        bad=np.any([surface.doubtful.any(axis=1) for surface in found], axis=0),
        grown=np.any([(half.growth > GROWTH).any(axis=1) for half in halves], axis=0),
        joint=joint,
        halves=tuple(halves),
        labels=tuple(labels for _, _, labels in columns),
    )


def lead_surfaces(crystal: Crystal, energy: Floats, k: Floats) -> list[Surface]:
    """Return the surfaces of all leads, leading axes (points, 2) by spin, or (points, 1) unresolved."""
    found: list[Any] = [None] * len(crystal.leads)
    for lead, share in zip(crystal.leads, crystal.shares, strict=True):
        if share is not None:
            continue
        twins = [
            (n, other[1]) for n, other in enumerate(crystal.shares) if other is not None and other[0] == lead.number
        ]
        h, t = _measured(lead.cell.at(k), energy), _spread(lead.hopping.at(k), len(energy))
        alike = lead.resolved and not lead.magnetic
        if alike:
            h, t = h[:, :1], t[:, :1]
        pair = surfaces(h, t, mirrored=any(mirrored for _, mirrored in twins))
        pair = tuple(settled(s, h, hop, kwant_surface) for s, hop in zip(pair, (t, dagger(t)), strict=False))
        if alike:
            pair = tuple(s[:, [0, 0]] for s in pair)
        found[lead.number] = pair[0]
        for n, mirrored in twins:
            found[n] = pair[int(mirrored)]
    return found


def _spread(block: Complex, points: int) -> Complex:
    """Return blocks with an axis of points, which they have not where nothing depends on momenta."""
    return block if len(block) == points else np.broadcast_to(block, (points, *block.shape[1:]))


def _measured(block: Complex, energy: Floats) -> Complex:
    """Return square blocks minus the energy."""
    n = block.shape[-1]
    shifted = _spread(block, len(energy)).copy()
    shifted[..., np.arange(n), np.arange(n)] -= energy.reshape((-1,) + (1,) * (block.ndim - 2))
    return shifted


def chain_of(crystal: Crystal, number: int, found: list[Surface], energy: Floats, k: Floats) -> Chain:
    """Return a side with its leads at points."""
    side = crystal.sides[number]
    return Chain(
        onsite=[_measured(series.at(k), energy) for series in side.onsite],
        hopping=[series.at(k) for series in side.hopping],
        leads=[_attached(side, lead, found[lead.number]) for lead in crystal.leads if lead.side == number],
    )


def _attached(side: Side, lead: LeadCell, surface: Surface) -> Attached:
    """Return a lead's surface in the orbitals of its side."""
    if side.m is not None:
        # spins are apart along the axis of the side, to which that of a magnetic lead may be opposite
        flipped = lead.magnetic and lead.m @ side.m < 0
        return Attached(lead.plane, lead.rows[: len(lead.rows) // 2], surface[:, ::-1] if flipped else surface)
    if not lead.resolved:
        return Attached(lead.plane, lead.rows, surface)
    chi = spinors(lead.m)
    mixed = Surface(
        sigma=of_orbitals(surface.sigma, chi)[:, None],
        source=into_orbitals(surface.source, chi)[:, None],
        out=from_orbitals(surface.out, chi)[:, None],
        reflection=of_channels(surface.reflection, chi)[:, None],
        count=surface.count.sum(axis=1, keepdims=True),
        doubtful=surface.doubtful.any(axis=1, keepdims=True),
        residual=surface.residual.max(axis=1, keepdims=True),
    )
    return Attached(lead.plane, lead.rows, mixed)


def _channels(side: Side, leads: list[LeadCell], found: list[Surface]) -> tuple[Integers, Integers, Complex | None]:
    """Return lead and spin of each channel of a side, and the matrix to channels along the leads' own axes, if any."""
    widths = [found[lead.number].source.shape[-1] for lead in leads]
    numbers = np.array([lead.number for lead in leads], dtype=np.int64)
    if side.m is None:
        spins = [[0, 1] if lead.resolved else [-1] for lead in leads]
        repeated = [np.repeat(spin, width) for spin, width in zip(spins, widths, strict=True)]
        return np.repeat(numbers, [len(spin) for spin in repeated]), np.concatenate([[], *repeated]).astype(int), None
    spin = [
        np.full(width, int(lead.magnetic and lead.m @ side.m < 0)) for lead, width in zip(leads, widths, strict=True)
    ]
    majority = np.concatenate([[], *spin]).astype(np.int64)
    return (
        np.tile(np.repeat(numbers, widths), 2),
        np.concatenate([majority, 1 - majority]),
        _to_own_axes(side.m, leads, widths),
    )


def _to_own_axes(m: Axis, leads: list[LeadCell], widths: list[int]) -> Complex | None:
    """Return the unitary matrix from channels along m to those along the axes of leads whose spins are alike."""
    total = sum(widths)
    V = np.eye(2 * total, dtype=complex)
    for lead, width, start in zip(leads, widths, np.cumsum([0, *widths]), strict=False):
        if not lead.magnetic:
            at = start + np.arange(width)
            for (i, j), value in np.ndenumerate(dagger(spinors(lead.m)) @ spinors(m)):
                V[i * total + at, j * total + at] = value
    return None if np.array_equal(V, np.eye(2 * total)) else V
