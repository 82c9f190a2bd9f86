"""What the electrons incoming in each channel do inside the junction: waves, currents, torques and densities."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Complex, Floats
from . import texture
from .batch import Batch, Block, blocks, part_of
from .cut import Cut, combine, cuts, is_zero, parts
from .half import Lead, nonzero, spins

#: Points evaluated together: every plane is held.
STATES_CHUNK = 2048

Frame = list[list[Any]]  # [(e_1, e_2, m)][(x, y, z)], floats where the batch shares them


@dataclass(eq=False)
class Waves:
    """States incoming from one lead: ψ [spin, spin_in, plane, ...] in frames that change between groups of planes."""

    psi: Complex
    groups: list[tuple[slice, Frame]]
    exchange: dict[int, tuple[Any, ...]]  # per magnetic plane: Δ times its direction in the frame
    far: Complex  # ψ of the plane next to the lead of exit, [spin, spin_in, ...], in that lead's frame
    far_frame: Frame
    far_lead: Lead
    lead: int


def _shared(array: Floats) -> Any:
    """Return a float where the batch shares one number."""
    return array.item() if array.size == 1 else array


def _frame(frame: Floats) -> Frame:
    return [[_shared(component) for component in vector] for vector in frame]


def fill_fields(currents: Floats, torques: Floats, densities: Floats, waves: Waves) -> None:
    """Evaluate densities, torques and currents [spin_in, plane or bond, component, ...] of one lead's states."""
    psi = waves.psi
    size = psi.real**2
    size += psi.imag**2
    flip = psi[0].conj()
    flip *= psi[1]
    x, y, z = 2 * flip.real, 2 * flip.imag, size[0] - size[1]
    np.add(size[0], size[1], out=densities[:, :, 0])
    for planes, frame in waves.groups:
        _to_lab(densities[:, planes, 1:].swapaxes(0, 2), frame, [part[:, planes].swapaxes(0, 1) for part in (x, y, z)])
    frames = {n: frame for planes, frame in waves.groups for n in range(planes.start, planes.stop)}
    for n in range(torques.shape[1]):
        if n in waves.exchange:
            torque = _cross_product(waves.exchange[n], (x[:, n], y[:, n], z[:, n]))
            _to_lab(torques[:, n].swapaxes(0, 1), frames[n], torque)
        else:
            torques[:, n] = 0.0

    sign, flux, Q = _transmitted(waves, currents.shape[3:])
    currents[:, :, 0] = (sign * flux)[:, None]
    bonds = currents.shape[1]
    steps = range(bonds - 1, -1, -1) if waves.lead == 0 else range(bonds)
    for b in steps:
        n = b + 1 if waves.lead == 0 else b
        if n in waves.exchange:
            Q = Q + torques[:, n] if sign > 0 else Q - torques[:, n]
        currents[:, b, 1:] = Q


def _transmitted(waves: Waves, batch: tuple[int, ...]) -> tuple[int, Floats, Floats]:
    """Return the direction of flow, the flux (positive) and the spin flux Q that leave through the far lead.

    There ψ' = -(σ/t) ψ in the next plane, so that Q⊥ = 2t Im ψ†σψ' contains σ_- - σ_+*.
    """
    sign = 1 if waves.lead == 0 else -1
    up, down = waves.far
    lead = waves.far_lead
    flux = [v * (part.real**2 + part.imag**2) for v, part in zip(lead.velocity, (up, down), strict=True)]
    transverse = up.conj() * down * ((lead.sigma[1] - lead.sigma[0].conj()) * (2 * sign))
    Q = np.empty((2, 3, *batch))
    _to_lab(Q.swapaxes(0, 1), waves.far_frame, (-transverse.imag, transverse.real, sign * (flux[0] - flux[1])))
    return sign, flux[0] + flux[1], Q


def fill_modes(modes: NDArray[np.int64], velocities: Any, block: Block) -> None:
    """Write which channels of the leads are open."""
    for lead in (0, 1):
        part_of(modes[lead], block if block is None or modes.ndim > 2 else None)[...] = velocities[lead] > 0


def _cross_product(a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Return a × b of triples of floats or arrays, skipping what is zero for the whole batch."""

    def minor(i: int, j: int) -> Any:
        if is_zero(a[i]) and is_zero(a[j]):
            return 0.0
        if is_zero(a[i]):
            return -a[j] * b[i]
        return a[i] * b[j] if is_zero(a[j]) else a[i] * b[j] - a[j] * b[i]

    return minor(1, 2), minor(2, 0), minor(0, 1)


def _to_lab(out: Floats, frame: Frame, local: Any) -> None:
    """Write vectors given in a frame into ``out`` [(x, y, z), ...]."""
    for i in range(3):
        combine(out[i], [(vector[i], part) for vector, part in zip(frame, local, strict=True)])


def collinear_states(batch: Batch, modes: NDArray[np.int64]) -> Iterator[tuple[Block, int, Waves]]:
    """Yield the waves of two collinear halves, built from the cut outward by products."""
    stack = batch.stack
    for block, whole in cuts(batch, phase=True, chain=True, limit=STATES_CHUNK):
        for target, inner in parts(batch, block, STATES_CHUNK):
            cut = whole.take(inner)
            fill_modes(modes, [whole.left.lead.velocity, whole.right.lead.velocity], block)
            R = batch.directions(stack.rotation, 2, target)
            frames = [_frame(frame) for frame in batch.directions(stack.frames, 3, target)]
            exchange = {
                n: (0.0, 0.0, batch.get("splitting", n, target)) for n in range(stack.planes) if stack.magnetic[n]
            }
            split = (stack.cut or 0) + 1
            groups = [(slice(0, split), frames[0]), (slice(split, stack.planes), frames[1])]
            shape = np.broadcast_shapes(cut.d.shape[2:], R.shape[2:])
            for lead in (0, 1):
                psi = np.empty((2, 2, stack.planes, *shape), dtype=complex)
                _fill_waves(psi, batch, cut, R if lead == 0 else np.swapaxes(R, 0, 1).conj(), lead, target)
                if stack.labels_differ:
                    U = batch.directions(stack.label_rotations[lead], 2, target)[:, :, None]
                    psi = np.stack([psi[:, 0] * U[0, s] + psi[:, 1] * U[1, s] for s in (0, 1)], axis=1)
                end = -1 if lead == 0 else 0
                far_lead = cut.side(lead)[1].lead
                yield target, lead, Waves(psi, groups, exchange, psi[:, :, end], frames[1 - lead], far_lead, lead)


def _fill_waves(psi: Complex, batch: Batch, cut: Cut, R: Complex, lead: int, block: Block) -> None:
    """Write ψ [spin, spin_in, plane, ...] of the states incoming from ``lead``, spins along each plane's half."""
    stack = batch.stack
    near, far, own, other, _, far_change, d = cut.side(lead)
    a, b = R[0, 0], R[1, 0]
    sin2 = b.real**2 + b.imag**2
    inverse = 1 / (cut.parallel + sin2 * cut.mixed)
    t = batch.get("bonds", stack.cut or 0, block)
    amplitude = 1j * near.outgoing
    near_planes, far_planes = list(stack.order(lead))[::-1], list(stack.order(1 - lead))[::-1]

    # the spin that did not come in leaves the near half
    turn = a * b.conj() * far_change * inverse
    back = a.conj() * b * far_change * inverse
    out = np.stack([amplitude[1] * own[0] * turn, amplitude[0] * own[1] * back])
    hops = stack.inner_bonds(lead)[::-1]
    for position, n in enumerate(near_planes):
        if position:
            hop = batch.get("bonds", hops[position - 1], block)
            out = -hop * near.chain[-1 - position] * out
        psi[0, 1, n], psi[1, 0, n] = out[0], out[1]

    # both leave the far half
    for s, s_far in product((0, 1), (0, 1)):
        wave = -amplitude[s] * other[s_far] * R[s, s_far].conj() * d[1 - s, 1 - s_far] * inverse
        psi[s_far, s, far_planes[0]] = wave
    hops_far = stack.inner_bonds(1 - lead)[::-1]
    for position, n in enumerate(far_planes[1:], 1):
        hop = batch.get("bonds", hops_far[position - 1], block)
        np.multiply(-hop * far.chain[-1 - position][:, None], psi[:, :, far_planes[position - 1]], out=psi[:, :, n])

    # the spin that came in, from a recursion that ends in the lead: Σ = t (-∂D/∂u)/D(u=0)
    Y = [other[0] * d[1, 1] - sin2 * far_change, other[1] * d[0, 0] + sin2 * far_change]
    rest = [d[1, 1] - sin2 * (own[1] * far_change), d[0, 0] + sin2 * (own[0] * far_change)]
    sigma = t * np.stack(Y) / nonzero(np.stack(rest))
    levels: dict[Any, NDArray[Any]] = {}
    ratios = []
    for position, n in enumerate(near_planes):
        e = batch.plane_level(n, block, levels)
        splitting = batch.get("splitting", n, block) if stack.magnetic[n] else 0.0
        if position < len(near_planes) - 1:
            g = 1 / nonzero(spins(e, splitting, stack.magnetic[n]) - sigma)
            hop = batch.get("bonds", hops[position], block)
            sigma = hop * hop * g
            ratios.append(-hop * g)
        else:
            g = 1 / nonzero(spins(e, splitting, stack.magnetic[n]) - sigma - near.lead.sigma)
    wave = (1j * np.sqrt(near.lead.velocity)) * g
    for n, ratio in zip(near_planes[::-1], [None, *ratios[::-1]], strict=True):
        if ratio is not None:
            wave = ratio * wave
        psi[0, 0, n], psi[1, 1, n] = wave


def texture_states(batch: Batch, modes: NDArray[np.int64]) -> Iterator[tuple[Block, int, Waves]]:
    """Yield the waves of a texture."""
    stack = batch.stack
    for block in blocks(batch.half_axes, STATES_CHUNK):
        R = batch.directions(stack.rotation, 2, block)
        frames = [_frame(frame) for frame in batch.directions(stack.frames, 3, block)]
        for lead in (0, 1):
            waves, near, far = texture.waves(batch, lead, block, every=True)
            part_of(modes[lead], block)[...] = near.velocity > 0
            psi = np.stack(waves if lead == 0 else waves[::-1], axis=2)
            local = batch.directions(stack.local_m[lead], 2, block)
            exchange = {
                n: tuple(batch.get("splitting", n, block) * _shared(m) for m in local[n])
                for n in range(stack.planes)
                if stack.magnetic[n]
            }
            far_wave = texture.in_far_frame(waves[-1], R, lead)
            groups = [(slice(0, stack.planes), frames[lead])]
            yield block, lead, Waves(psi, groups, exchange, far_wave, frames[1 - lead], far, lead)
