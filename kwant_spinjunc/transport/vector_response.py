r"""Equations (5), (6) in full: charge and spin vector on both sides, answered linearly to charge and spin accumulation.

Side α holds a reservoir with the density matrix M = δµ_0 + δµ·σ of flux-normalized incoming amplitudes in its own
frame (e_1, e_2, m), e_1 = ∂m/∂θ, e_2 = (-sin φ, cos φ, 0), the spinors exp(-iφσ_z/2) exp(-iθσ_y/2). The paper keeps
δµ_0 and the component along m; a transverse accumulation of either magnet drives J_M with coefficients as large. With
ψ the amplitudes of a state on a lead's outermost plane and ψ' one plane further in, were the lead to go on there,

    Q_ab = -i t [ψ'_a ψ_b* - ψ_a ψ'_b*],    ψ = A + O,   ψ' = f A + O/f,   A = a/√v,   f = exp(ik) or a decay,

is the flux matrix through the bond that joins the plane to the junction, whatever the hopping of that bond: the
equation of motion of the plane itself carries it over. Its diagonal is J ± J_M, its corner the transverse spin flux,
which contains the interference of incoming and outgoing waves and the evanescent wave of a closed channel.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from ..arrays import Complex, Floats
from ..checks import positive
from ..errors import ArgumentError
from ..halves import texture, zone
from ..halves.batch import Batch, as_stack, blocks, part_of
from ..halves.half import Lead
from ..model.junction import Junction
from ..model.plane import band_shift
from ..scattering import Scattering
from ..spin import PAULI
from ..theory.drift_diffusion import VectorInterface

#: δµ_0, δµ_1, δµ_2, δµ_3 as matrices.
INPUTS = np.concatenate([np.eye(2)[None], PAULI])
#: Points evaluated together.
CHUNK = 4096


def accumulation_frames(m: Floats) -> Floats:
    """Return rows (e_1, e_2, m) with e_1 = ∂m/∂θ and e_2 = (-sin φ, cos φ, 0), shape (..., 3, 3)."""
    x, y, z = np.moveaxis(np.asarray(m, dtype=float), -1, 0)
    sine, phi = np.hypot(x, y), np.arctan2(y + 0.0, x + 0.0)
    e1 = np.stack([z * np.cos(phi), z * np.sin(phi), -sine], axis=-1)
    e2 = np.stack([-np.sin(phi), np.cos(phi), 0 * phi], axis=-1)
    return np.stack([e1, e2, m], axis=-2)


def vector_response(scattering: Scattering, *, rtol: float = 1e-8) -> Floats:
    """Return the currents of both sides per accumulation on either side of a clean junction.

    **Result**: shape (..., 2, 4, 2, 4): ``[side, (charge, e_1, e_2, m), side_in, (δµ_0, δµ_1, δµ_2, δµ_3)]`` in e²/h
    per cell, along +y, Pauli spin; e_1 and e_2 through the bond next to the outermost plane of lead material of the
    junction, toward the middle.

    Parameters
    ----------
    scattering
        Of a clean `Junction`, textures included, at one or many energies and k, or averaged over the zone.
    rtol
        Relative tolerance of an average, of the largest coefficient of each pair of sides.

    Raises
    ------
    IntegrationError
        An average did not reach ``rtol``.

    Notes
    -----
    δµ_3 = (µ_+ - µ_-)/2. A closed channel has no input: with a closed minority δµ_1 and δµ_2 drive nothing. Moving the
    reference plane outward by d planes turns the pair (δµ_1, δµ_2) by (k_+ - k_-)d: how it splits is convention, its
    modulus at one k is not, and the modulus of an average decays with d.

    **Validity**: linear response of coherent electrons.

    Examples
    --------
    >>> import numpy as np
    >>> import kwant_spinjunc as sj
    >>> iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> spacer = sj.barrier(onsite=3.0, hopping=1.0, thickness=4)
    >>> m = sj.unit_vector(np.pi / 3)
    >>> junction = sj.Junction(sj.ferromagnet(**iron), [spacer], sj.ferromagnet(**iron, m=m))
    >>> s = sj.scatter(junction, 0.0)
    >>> C = vector_response(s)
    >>> C.shape, bool(np.isclose(C[0, 0, 0, 0], s.conductance))
    ((2, 4, 2, 4), True)
    """
    junction = getattr(scattering, "junction", None)
    if not isinstance(junction, Junction) or junction.is_disordered or scattering.cells != 1:
        raise ArgumentError(
            "Argument `scattering` must be of a clean Junction with one cell per plane, but is not. Use `scatter` of "
            "the junction without disorder and cross_section=(1, 1)."
        )
    scattering.problem.refuse_turned()
    energy = np.asarray(scattering.energy, dtype=float)
    if not isinstance(scattering.k, str):
        return _at(junction, energy, np.asarray(band_shift(scattering.k), dtype=float))

    rtol = positive("rtol", rtol)
    found = zone.mean(partial(_at, junction, energy), junction, energy, scattering.k, rtol=rtol, floor=1.0)
    return np.asarray(found.value)


def _at(junction: Junction, energy: Floats, c: Floats) -> Floats:
    """Return the response at energies and band shifts that broadcast."""
    batch = Batch(as_stack(junction).as_texture(), energy, c)
    out = np.empty((2, 4, 2, 4, *batch.axes))
    turns = _gauge(junction)
    with np.errstate(all="ignore"):
        for block in blocks(batch.axes, CHUNK):
            found = _response(batch, block, turns)
            part_of(out, block)[...] = found
    out = out.reshape(2, 4, 2, 4, *batch.shape)
    return np.moveaxis(out, range(4), range(-4, 0))


def _gauge(junction: Junction) -> Complex:
    """Return the phases ``[lead, spin]`` that carry amplitudes along `spinors` to those of this module."""
    m = np.array([lead.m for lead in junction.leads])
    half = np.arctan2(m[:, 1] + 0.0, m[:, 0] + 0.0) / 2
    return np.asarray(np.exp(1j * np.stack([half, -half], axis=-1)))


def _response(batch: Batch, block: tuple[int, ...] | None, turns: Complex) -> Floats:
    """Return C [side, current, side_in, input, ...] of one block of points."""
    R = batch.directions(batch.stack.rotation, 2, block)
    waves: dict[tuple[int, int], Complex] = {}
    leads: list[Lead] = []
    for lead in (0, 1):
        (first, last), near, _ = texture.waves(batch, lead, block, every=False)
        leads.append(near)
        for side, psi in ((lead, first), (1 - lead, texture.in_far_frame(last, R, lead))):
            phase = turns[side][:, None] * turns[lead].conj()[None, :]
            waves[side, lead] = psi * phase.reshape(2, 2, *(1,) * (psi.ndim - 2))
    rows = [[_currents(waves[side, lead], leads[side], side, lead) for lead in (0, 1)] for side in (0, 1)]
    shape = np.broadcast_shapes(*(part.shape[2:] for row in rows for part in row))
    out = np.empty((2, 4, 2, 4, *shape))
    for side, lead in np.ndindex(2, 2):
        out[side, :, lead] = rows[side][lead]
    for lead in (0, 1):
        open_ = leads[lead].velocity > 0
        # no coherence with a closed channel
        out[:, :, lead, 1:3] *= open_[0] & open_[1]
        _without_cancellation(out, waves, leads, lead)
    return out


def _currents(psi: Complex, lead: Lead, side: int, lead_in: int) -> Floats:
    """Return (J, Q_1, Q_2, J_M) of a side per input of a lead, from the flux matrix of the waves ψ [spin, spin_in]."""
    f = -lead.sigma / lead.hopping
    incoming = np.zeros_like(psi)
    if side == lead_in:
        for s in (0, 1):
            v = np.broadcast_to(lead.velocity[s], psi.shape[2:])
            incoming[s, s] = np.divide(1.0, np.sqrt(v), out=np.zeros(v.shape), where=v > 0)
    further = f[:, None] * incoming + (psi - incoming) / f[:, None]
    out = np.empty((4, 4, *psi.shape[2:]))
    sign = 1 - 2 * side
    for i, matrix in enumerate(INPUTS):
        inner = np.einsum("as...,st,bt...->ab...", further, matrix, psi.conj())
        Q = -1j * sign * lead.hopping * (inner - np.swapaxes(inner, 0, 1).conj())
        out[0, i], out[3, i] = (Q[0, 0] + Q[1, 1]).real, (Q[0, 0] - Q[1, 1]).real
        out[1, i], out[2, i] = 2 * Q[0, 1].real, -2 * Q[0, 1].imag
    return out


def _without_cancellation(out: Floats, waves: dict[tuple[int, int], Complex], leads: list[Lead], lead: int) -> None:
    """Overwrite J and J_M of the side of injection, differences of 1 and R, by what passes and what flips.

    J is that of the far side; J_M = ±Tr σ_3 (M - SMS†) follows with the unitarity of the columns of S.
    """
    far, sign = 1 - lead, 1 - 2 * lead
    out[lead, 0, lead] = out[far, 0, lead]
    t = np.sqrt(leads[far].velocity)[:, None] * waves[far, lead]
    r = np.sqrt(leads[lead].velocity)[:, None] * waves[lead, lead]
    passed = (abs(t) ** 2).sum(axis=0)
    plus, minus = passed[0] + 2 * abs(r[1, 0]) ** 2, passed[1] + 2 * abs(r[0, 1]) ** 2
    out[lead, 3, lead, 0] = sign * (plus - minus)
    out[lead, 3, lead, 3] = sign * (plus + minus)
    both = leads[lead].velocity[0] * leads[lead].velocity[1] > 0
    own = r[0, 0] - 1.0
    corner = -(2 * own.conj() * r[0, 1] + (t[:, 0].conj() * t[:, 1]).sum(axis=0)) * both
    out[lead, 3, lead, 1] = sign * 2 * corner.real
    out[lead, 3, lead, 2] = -sign * 2 * corner.imag


def vector_interface(response: Floats, m_left: Floats, m_right: Floats, *, area: float = 1.0) -> VectorInterface:
    """Return a response in lab axes and per area, as `theory.drift_diffusion.match` takes it.

    ``response``: from `vector_response`, shape (..., 2, 4, 2, 4).
    ``m_left``, ``m_right``: directions of the leads.
    ``area``: of a cell: 1 keeps e²/h per cell.

    A common shift of both potentials drives no J and no J_M, but changes the exchange that electrons mediate between
    the magnets, a transverse spin flux. The bands follow the potentials, so that this is left out.
    """
    frames = np.zeros((2, 4, 4))
    frames[:, 0, 0] = 1.0
    frames[:, 1:, 1:] = accumulation_frames(np.stack([m_left, m_right]))
    driven = np.array(response, dtype=float)
    driven[..., :, :, 0, 0] = (driven[..., :, :, 0, 0] - driven[..., :, :, 1, 0]) / 2
    driven[..., :, :, 1, 0] = -driven[..., :, :, 0, 0]
    lab = np.einsum("iua,...iulw,lwb->...ilab", frames, driven, frames)
    return VectorInterface(response=lab * np.array([1.0, -1.0])[:, None, None] / area)
