r"""What is asked of a solved crystal: probabilities, spin fluxes and torques, summed over the modes of a lead and spin.

All are sums of |amplitude|² or of bilinear forms over the channels that come in, so that the arbitrary basis of modes
drops out. Arrays are [point, angle, ...]; vectors are in the frame of the front: what lies behind the cut is turned.
"""

from __future__ import annotations

from math import prod

import numpy as np

from ..arrays import Complex, Floats
from ..halves.joint import Turn
from ..halves.matrices import dagger, spin_times
from ..spin import PAULI, cross_matrix, spinors
from .crystal import Crystal
from .solve import Solved
from .spins import ALIGNED


def rotations(turn: Turn | None) -> Floats:
    """Return the rotation of vectors behind the cut, R(n, θ), shape (angles, 3, 3)."""
    if turn is None:
        return np.eye(3)[None]
    n = turn.axis
    c, s = np.cos(turn.angles)[:, None, None], np.sin(turn.angles)[:, None, None]
    return np.asarray(c * np.eye(3) + s * cross_matrix(n) + (1 - c) * np.outer(n, n))


def lead_axes(crystal: Crystal, turn: Turn | None) -> Floats:
    """Return the axis of each lead, turned with what lies behind, shape (angles, leads, 3)."""
    R = rotations(turn)
    found = np.empty((len(R), len(crystal.leads), 3))
    for n, lead in enumerate(crystal.leads):
        found[:, n] = R @ lead.m if lead.side else lead.m
    return found


def magnet_axes(crystal: Crystal, turn: Turn | None) -> Floats:
    """Return the direction of the magnet on the side of each lead, turned with it, shape (angles, leads, 3).

    Its lead's where that is magnetic, else that of the net exchange field of its planes: the axis that labels the spins
    of a normal metal is any.
    """
    R, found = rotations(turn), lead_axes(crystal, turn)
    for n, lead in enumerate(crystal.leads if crystal.spin else ()):
        field = crystal.sides[lead.side].exchange
        strength = np.linalg.norm(field)
        if not lead.magnetic and strength > ALIGNED * crystal.scale:
            found[:, n] = R @ field / strength if lead.side else field / strength
    return found


def probabilities(solved: Solved) -> tuple[Floats, Floats]:
    """Return T[α s, β s'], (points, angles, leads, 2, leads, 2), NaN for leads that conserve no spin, and T[α, β]."""
    leads, mixing = len(solved.crystal.leads), solved.crystal.mixing
    by_spin, by_lead = solved.layout.by_spin, solved.layout.by_lead
    spin_resolved = (by_spin.T @ solved.passed @ by_spin).reshape(*solved.S.shape[:2], leads, 2, leads, 2)
    spin_resolved[:, :, mixing] = spin_resolved[..., mixing, :] = np.nan
    return spin_resolved, by_lead.T @ solved.passed @ by_lead


def by_input(per_channel: Floats, solved: Solved) -> tuple[Floats, Floats]:
    """Sum (points, angles, channels, ...) over channels: (..., leads, 2, ...) by spin and (..., leads, ...)."""
    front, rest, leads = per_channel.shape[:2], per_channel.shape[3:], len(solved.crystal.leads)
    flat = per_channel.reshape(*per_channel.shape[:3], prod(rest))
    summed, total = (
        np.einsum("pacx,cg->pagx", flat, which).reshape(*front, leads, *spins, *rest)
        for which, spins in ((solved.layout.by_spin, (2,)), (solved.layout.by_lead, ()))
    )
    summed[:, :, solved.crystal.mixing] = np.nan
    return summed, total


def pauli(left: Complex, right: Complex, spins: int) -> Floats:
    """Return 2 Im ⟨left|(1, σ)|right⟩ of orbitals (spin, orbital), (..., orbitals, channels) to (..., channels, 4)."""
    if spins == 1:
        charge = 2 * np.einsum("...oc,...oc->...c", left.conj(), right).imag
        return np.stack([charge, *[np.full_like(charge, np.nan)] * 3], axis=-1)
    n = left.shape[-2] // 2
    product = np.empty((*left.shape[:-2], left.shape[-1], 2, 2), dtype=complex)
    for i, j in np.ndindex(2, 2):
        rows, columns = slice(i * n, (i + 1) * n), slice(j * n, (j + 1) * n)
        product[..., i, j] = np.einsum("...oc,...oc->...c", left[..., rows, :].conj(), right[..., columns, :])
    uu, ud, du, dd = product[..., 0, 0], product[..., 0, 1], product[..., 1, 0], product[..., 1, 1]
    return np.asarray(2 * np.stack([(uu + dd).imag, (ud + du).imag, (du - ud).real, (uu - dd).imag], axis=-1))


def cut_flux(solved: Solved) -> tuple[Floats, Floats]:
    """Return the flux of (1, σ) through the cut, front to back, by lead and spin (..., leads, 2, 4), and by lead."""
    crystal, turn = solved.crystal, solved.turn
    if solved.joint is None or crystal.across is None:
        raise ValueError("a crystal without a cut has no flux through it")
    hopped = dagger(crystal.across.at(solved.k))[:, None] @ solved.joint.front
    behind = solved.joint.back
    if turn is not None:
        behind = spin_times(turn.matrices(), behind)
    return by_input(pauli(behind, hopped, crystal.spins), solved)


def charge_missed(solved: Solved, total: Floats) -> Floats:
    """Return the largest difference of charge through the cut, by waves, from what S says arrives beyond it.

    Of transverse spin there is no such bound: of a sharp level its flux is (S†dS/dθ)_nn, many times what comes in.

    ``total``: what `cut_flux` returns, by lead. **Result**: (points, angles).
    """
    by_lead, behind = solved.layout.by_lead, np.array([bool(lead.side) for lead in solved.crystal.leads])
    T = by_lead.T @ solved.passed @ by_lead
    beyond = np.where(behind, -T[:, :, ~behind].sum(axis=2), T[:, :, behind].sum(axis=2))
    return np.asarray(abs(total[..., 0] - beyond).max(axis=-1))


def side_torques(solved: Solved, flux: Floats, total: Floats) -> tuple[Floats, Floats]:
    r"""Return the torque on all in front of the cut and behind it, (points, angles, 2, leads, 2, 3), and by lead.

    The flux through the cut minus what the leads of that side carry off: along its axis for a magnetic lead, in which
    transverse spin dephases, the whole vector for one whose spins are alike. NaN if a lead of the side mixes spins.

    ``flux``, ``total``: what `cut_flux` returns, by lead and spin and by lead.
    """
    found = tuple(np.stack([-through[..., 1:], through[..., 1:]], axis=2) for through in (flux, total))
    axes, layout = lead_axes(solved.crystal, solved.turn), solved.layout
    for lead in solved.crystal.leads:
        if not lead.resolved:
            for torque in found:
                torque[:, :, lead.side] = np.nan
            continue
        signed = (layout.lead == lead.number) * np.where(layout.spin == 0, 1.0, -1.0)
        along = signed @ solved.passed - solved.open[:, None] * signed
        leaving = along[..., None] * axes[:, lead.number][:, None, :]
        if not lead.magnetic:
            up, down = (solved.S[:, :, which] for which in (signed > 0, signed < 0))
            cross, chi = (up.conj() * down).sum(axis=2), spinors(axes[:, lead.number])  # ⟨up|down⟩
            transverse = np.einsum("ai,xij,aj->ax", chi[:, :, 0].conj(), PAULI, chi[:, :, 1])
            leaving += 2 * np.real(cross[..., None] * transverse[:, None, :])
        for torque, carried in zip(found, by_input(leaving, solved), strict=True):
            torque[:, :, lead.side] -= carried
    return found[0], found[1]
