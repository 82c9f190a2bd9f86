"""What is asked of batches of clean junctions: amplitudes, probabilities, states, currents, Green's functions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Complex, Floats
from ..checks import finite_array, two_halves
from ..errors import ArgumentError
from ..model.junction import Junction
from ..solved import Fields
from . import texture
from .batch import Batch, Block, Stack, as_stack, blocks, part_of, take
from .cut import (
    CHUNK,
    Cut,
    amplitude_rows,
    current_rows,
    cuts,
    fill_amplitudes,
    fill_currents,
    fill_probabilities,
    fill_summed,
    log_det_of_cut,
    parts,
    probability_rows,
    summed_rows,
)
from .half import solve_halves
from .waves import collinear_states, fill_fields, fill_modes, texture_states


@dataclass(frozen=True, eq=False)
class Solution:
    """Scattering of a batch of junctions."""

    #: S-matrix, shape (..., 2, 2, 2, 2) = [..., lead_out, spin_out, lead_in, spin_in], spin along each lead's own ``m``
    #: (states `spin.spinors`), flux-normalized, zero for closed channels.
    amplitudes: Complex
    modes: NDArray[np.int64]  #: 1 for an open channel, 0 for a closed one, shape (..., 2, 2) = [..., lead, spin].

    @cached_property
    def probabilities(self) -> Floats:
        """|S|², the shape of ``amplitudes``."""
        return np.asarray(self.amplitudes.real**2 + self.amplitudes.imag**2)


def solve(junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0) -> Solution:
    """Return the spin-resolved S-matrix of a junction, or of a whole batch of them.

    ``junction``: a `Junction`, or the arrays of many; ``energy`` E, in its unit, and ``band_shift`` c = cos kx a +
    cos kz a broadcast with their batch.

    Examples
    --------
    >>> import numpy as np
    >>> from kwant_spinjunc.model.junction import Junction, barrier, ferromagnet
    >>> iron = ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> junction = Junction(iron, [barrier(onsite=3.0, hopping=1.0, thickness=4)], iron)
    >>> solve(junction, np.linspace(-0.4, 0.4, 5)).probabilities.sum((-4, -3)).round(12)[0].tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    batch = batch_of(junction, energy, band_shift)
    amplitudes = np.empty((2, 2, 2, 2, *batch.axes), dtype=complex)
    modes = np.empty((2, 2, *batch.half_axes), dtype=np.int64)
    for _ in _amplitudes(batch, modes, amplitudes):
        pass
    return Solution(_batch_first(amplitudes, 4, batch), _batch_first(modes, 2, batch))


def probabilities(junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0) -> Floats:
    """Return the probabilities alone, shape (..., 2, 2, 2, 2): faster, and in a third of the memory of `solve`.

    Parameters and errors are those of `solve`.
    """
    batch = batch_of(junction, energy, band_shift)
    stack = batch.stack
    out = np.empty((2, 2, 2, 2, *batch.axes))
    if stack.cut is None or stack.labels_differ:
        for target, S in _amplitudes(batch):
            part = part_of(out, target)
            np.multiply(S.real, S.real, out=part)
            part += S.imag**2
    else:
        for target, inner, rows, cos2, sin2 in _joined(batch, probability_rows):
            fill_probabilities(part_of(out, target), take(rows, inner, 1), cos2, sin2)
    return _batch_first(out, 4, batch)


def states(junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0) -> Fields:
    r"""Return bond currents, layer torques and densities of every incoming channel.

    Parameters and errors are those of `solve`.

    Currents start from the transmitted flux at the far end and are carried back through the planes by the torques,
    Q_n-1→n = Q_n→n+1 + τ_n: so they keep the relative accuracy of the far side, and are equal on all bonds of a spacer.

    Examples
    --------
    >>> import numpy as np
    >>> import kwant_spinjunc as sj
    >>> iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> spacer = sj.barrier(onsite=3.0, hopping=1.0, thickness=4)
    >>> junction = sj.Junction(sj.ferromagnet(**iron), [spacer], sj.ferromagnet(**iron, m=sj.unit_vector(np.pi / 2)))
    >>> currents = states(junction, energy=0.0).currents[0].sum(axis=0)  # electrons from the left
    >>> bool((currents == currents[0]).all()), bool(np.isclose(currents[0, 1], currents[0, 3]))
    (True, True)
    """
    batch = batch_of(junction, energy, band_shift)
    planes, shape = batch.stack.planes, batch.axes
    currents = np.empty((2, 2, planes - 1, 4, *shape))
    torques = np.empty((2, 2, planes, 3, *shape))
    densities = np.empty((2, 2, planes, 4, *shape))
    modes = np.empty((2, 2, *batch.half_axes), dtype=np.int64)
    fill = texture_states if batch.stack.cut is None else collinear_states
    for target, lead, waves in fill(batch, modes):
        fill_fields(
            part_of(currents[lead], target), part_of(torques[lead], target), part_of(densities[lead], target), waves
        )
    return Fields(
        currents=_batch_first(currents, 4, batch),
        torques=_batch_first(torques, 4, batch),
        densities=_batch_first(densities, 4, batch),
        modes=_batch_first(modes, 2, batch),
    )


def spacer_currents(
    junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0, *, summed: bool = False
) -> Floats:
    r"""Return charge and Pauli-spin flux through the cut bond per incoming channel, without the waves of `states`.

    ``junction``: a junction, or stack, with a ``cut``. Several angles share their halves.
    ``summed``: whether to sum over the incoming spins, in half the time.

    **Result**: ``states(...).currents[..., cut, :]``: [..., lead_in, spin_in, (charge, x, y, z)], positive along +y.

    Of an electron incoming with spin s on the left, Q = (T_+s - T_-s) m_R + Q⊥ with, from the transmitted wave,

        Q⊥ = ∓2 Re[i R_++ R_-+ (e_1 - i e_2) d*_s̄- d_s̄+ (w_- - w_+*)] 2 |Im u_s|/|D|²                          (d)

    for s = ±, (e_1, e_2, m_R) the frame of the right spinors: the field- and the damping-like torque. w_- - w_+* is
    evaluated as -Re(w_+ - w_-) + i Im(w_+ + w_-), without cancellation behind a thick barrier.
    """
    batch = batch_of(junction, energy, band_shift)
    stack = batch.stack
    two_halves("junction", stack.cut, "Use `states`.")
    if stack.labels_differ:  # the spin states of a nonmagnetic lead are then superpositions
        currents = states(junction, energy, band_shift).currents[..., stack.cut, :]
        return currents.sum(axis=-2) if summed else currents
    out = np.empty((2, 4, *batch.axes) if summed else (2, 2, 4, *batch.axes))
    fill = fill_summed if summed else fill_currents
    R, frames = stack.rotation, stack.frames
    turns = np.stack([R[0, 0] * R[1, 0], -(R[0, 0] * R[1, 0].conj()).conj()])  # R_++ R_-+ of R and of its inverse
    # [lead_in, (x, y, z), ...]: the transverse directions of the far half with the angle
    axes = np.stack([2j * turns[i] * (frames[1 - i, 0] - 1j * frames[1 - i, 1]) for i in (0, 1)])
    m = frames[::-1, 2]
    for target, inner, rows, cos2, sin2 in _joined(batch, summed_rows if summed else current_rows):
        Z, m_far = (batch.directions(x, 2, target) for x in (axes, m))
        fill(part_of(out, target), take(rows, inner, 1), cos2, sin2, Z, m_far)
    return _batch_first(out, 2 + (not summed), batch)


def surface_greens(
    junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0
) -> tuple[Complex, Complex]:
    """Return the surface Green's functions (g_L, g_R) of the two halves at the cut, each (..., 2) = [..., spin].

    ``junction``, ``band_shift``: as in `solve`; with a ``cut``.
    ``energy``: real energy (retarded functions), or complex with Im E >= 0, shape (...).

    **Result**: In 1/energy, in the spin frame of each half, not broadcast against the directions.
    """
    batch = batch_of(junction, energy, band_shift, complex_energy=True)
    two_halves("junction", batch.stack.cut, "Use `log_det`.")
    out = np.empty((2, 2, *batch.half_axes), dtype=complex)
    for block in blocks(batch.half_axes, CHUNK):
        with np.errstate(all="ignore"):
            left, right = solve_halves(batch, block)
        part_of(out, block)[...] = np.stack([left.g, right.g])
    shape = batch.half_axes if batch.shape else ()
    left_g, right_g = (np.moveaxis(g, 0, -1).reshape(*shape, 2) for g in out)
    return left_g, right_g


def log_det(junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0) -> Complex:
    r"""Return ln det(1 - g_L V g_R V†), all that depends on the angle in the grand potential, shape (...).

    The occupied states contribute Ω(Φ) = (1/π) Im ∫ dE f(E) ln det(1 - g_L V g_R V†) per unit cell, up to a constant,
    with V = -t R the hopping on the cut bond. For a texture the sum Σ_n ln det(1/g_n) over the planes is returned:
    the same up to a number that does not depend on the directions.

    ``junction``, ``band_shift``: as in `solve`. Angles are directions of a stack: its halves are solved once.
    ``energy``: real, or complex with Im E >= 0, shape (...).

    **Result**: The branch that is continuous in the upper half plane and vanishes for Im E → ∞ (with a ``cut``).

    The angle enters as ln[1 + |R_+-|² (u_+ - u_-)(w_+ - w_-)/(d_++ d_--)], the interlayer exchange integrand, which is
    evaluated without cancellation behind thick spacers.
    """
    batch = batch_of(junction, energy, band_shift, complex_energy=True)
    out = np.empty(batch.axes, dtype=complex)
    with np.errstate(all="ignore"):
        if batch.stack.cut is None:
            for block in blocks(batch.half_axes, CHUNK):
                part_of(out, block)[...] = texture.log_det(batch, block)
        else:
            for target, inner, cut, cos2, sin2 in _joined(batch, lambda cut: cut):
                part_of(out, target)[...] = log_det_of_cut(cut.take(inner), cos2, sin2)
    return out.reshape(batch.shape)


def exchange_integrand(junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0) -> Complex:
    r"""Return (u_+ - u_-)(w_+ - w_-)/D, without cancellation behind thick spacers: -2/sin Φ ∂ ln D/∂Φ, shape (...).

    Parameters and errors are those of `log_det`, for two collinear halves.
    """
    batch = batch_of(junction, energy, band_shift, complex_energy=True)
    out = np.zeros(batch.axes, dtype=complex)
    for target, inner, cut, _, sin2 in _joined(batch, lambda cut: cut):
        part = cut.take(inner)
        part_of(out, target)[...] = part.mixed / (part.parallel + sin2 * part.mixed)
    return out.reshape(batch.shape)


def _joined(batch: Batch, prepare: Callable[[Cut], Any]) -> Iterator[tuple[Block, Any, Any, Floats, Floats]]:
    """Yield blocks of a batch, their part of what `prepare` made of both halves, and cos² and sin² of Φ/2."""
    R = batch.stack.rotation
    weight = R[:, 0].real ** 2 + R[:, 0].imag ** 2
    for block, cut in cuts(batch):
        prepared = prepare(cut)
        for target, inner in parts(batch, block):
            cos2, sin2 = batch.directions(weight, 1, target)
            yield target, inner, prepared, cos2, sin2


def batch_of(
    junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike, complex_energy: bool = False
) -> Batch:
    """Return a junction at energies and band shifts as arrays over its planes."""
    stack = as_stack(junction)
    values: NDArray[Any]
    if complex_energy and np.iscomplexobj(energy):
        values = np.asarray(energy, dtype=complex)
        if not np.isfinite(values).all() or (values.imag < 0).any():
            raise ArgumentError("Argument `energy` must be finite with Im E >= 0 (retarded), but is not.")
    else:
        values = finite_array("energy", energy)
    return Batch(stack, values, finite_array("band_shift", band_shift))


def _amplitudes(
    batch: Batch, modes: NDArray[np.int64] | None = None, out: Complex | None = None
) -> Iterator[tuple[Block, Complex]]:
    """Yield blocks of the batch with their S between the labels of the leads, in ``out`` if given; fill ``modes``."""
    stack = batch.stack
    if stack.cut is None:
        for block in blocks(batch.half_axes, CHUNK // 2):
            S, velocities = texture.amplitudes(batch, block)
            if out is not None:
                part_of(out, block)[...] = S
            if modes is not None:
                fill_modes(modes, velocities, block)
            yield block, S
        return
    for block, cut in cuts(batch, phase=True):
        if modes is not None:
            fill_modes(modes, [cut.left.lead.velocity, cut.right.lead.velocity], block)
        rows = amplitude_rows(cut)
        for target, inner in parts(batch, block):
            R, part = batch.directions(stack.rotation, 2, target), take(rows, inner, 1)
            shape = np.broadcast_shapes(part.shape[1:], R.shape[2:])
            S = np.empty((2, 2, 2, 2, *shape), dtype=complex) if out is None else part_of(out, target)
            fill_amplitudes(S, part, R)
            if stack.labels_differ:
                S = _relabeled(S, batch, target)
                if out is not None:
                    part_of(out, target)[...] = S
            yield target, S


def _relabeled(S: Complex, batch: Batch, block: Block) -> Complex:
    """Turn the spin labels of nonmagnetic leads from the magnet's direction to the lead's own.

    Their two spin channels are degenerate, so a rotation of the labels keeps the flux normalization.
    """
    left, right = (batch.directions(U, 2, block) for U in batch.stack.label_rotations)
    shape = np.broadcast_shapes(S.shape[4:], left.shape[2:], right.shape[2:])
    half, out = np.empty((2, 2, 2, 2, *shape), dtype=complex), np.empty((2, 2, 2, 2, *shape), dtype=complex)
    for lead, U in enumerate((left, right)):
        for s in (0, 1):
            half[lead, s] = U[0, s].conj() * S[lead, 0] + U[1, s].conj() * S[lead, 1]
    for lead, U in enumerate((left, right)):
        for s in (0, 1):
            out[:, :, lead, s] = half[:, :, lead, 0] * U[0, s] + half[:, :, lead, 1] * U[1, s]
    return out


def _batch_first(array: NDArray[Any], count: int, batch: Batch) -> NDArray[Any]:
    """Return a view with the batch axes first, of the shape that was asked for."""
    array = np.broadcast_to(array, array.shape[:count] + batch.axes) if count == 2 else array
    array = array.reshape(array.shape[:count] + batch.shape)
    return np.moveaxis(array, range(count), range(-count, 0))
