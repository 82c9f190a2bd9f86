r"""What blocks of a Hamiltonian do to spin: which axis they conserve, and whether turning the spins turns the magnet.

In orbitals (spin, orbital) every block is H = H_0 ⊗ 1 + Σ_a H_a σ_a. If all H_a are multiples of one direction, H_a =
m_a H_m, spins along m are apart. Turning all spins by U turns the exchange field, H_a → R_ab H_b, and does what turning
the *magnet* does only if nothing ties spin to the lattice. In real orbitals that is told by time reversal: H_0 of a
system without magnetic flux is real, exchange has H_a real (textures, the spin-dependent hopping of an altermagnet),
and spin-orbit coupling has H_a imaginary (L·S, Rashba). A flux gives phases to H_0; to exchange on a site or bond
without a phase it gives none.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..arrays import Complex, Floats, Integers
from .fourier import Series, alike

#: A unit vector, shape (3,).
Axis: TypeAlias = Floats

#: What of a block is across the axis, relative to its largest element, and still rounding.
ALIGNED = 1e-12


def spin_part(blocks: Iterable[Series]) -> Complex:
    """Return the three vectors of all elements of H_x, H_y, H_z, shape (3, elements)."""
    parts = [series.parts[1:].reshape(3, -1) for series in blocks]
    return np.concatenate(parts, axis=1) if parts else np.zeros((3, 0), dtype=complex)


def axis_of(vectors: Complex, scale: float) -> tuple[Axis | None, bool]:
    """Return the axis along which spin is conserved, None if there is none, and whether spin matters at all.

    ``vectors``, ``scale``: what `spin_part` and `scale_of` return.
    """
    size = abs(vectors)
    if not size.size or size.flat[largest := int(size.argmax())] <= ALIGNED * scale:
        return np.array([0.0, 0.0, 1.0]), False
    # all are multiples of the largest, or there is no axis; its largest component is 1
    column = vectors[:, largest % size.shape[1]]
    parts = [x if abs(x) >= 1e-15 else 0.0 for x in (column / vectors.flat[largest]).real.tolist()]
    sign = next(x for x in parts if abs(x) > 0.5)
    m: Floats = np.array(parts) / math.copysign(math.hypot(*parts), sign)
    across = abs(vectors - m[:, None] * (m @ vectors)).max(initial=0.0)
    return (m if across <= ALIGNED * scale else None), True


def spins_apart(series: Sequence[Series], m: Axis) -> list[Series]:
    """Return the blocks of spin along and against m, (..., 2n, 2m) to (..., 2, n, m): H_0 ± m·H."""
    found: list[Any] = [None] * len(series)
    for group in alike(series):
        parts = np.concatenate([one.parts for one, *_ in group], axis=1)
        free, along = parts[0], np.tensordot(m, parts[1:], axes=1)
        apart = np.stack([free + along, free - along], axis=-3)
        for one, number, start, end in group:
            found[number] = Series(apart[start:end], one.translations)
    return found


def spin_orbit_coupling(blocks: Iterable[tuple[Series, Integers | None]], scale: float) -> tuple[float, bool]:
    """Return the part of blocks in real space that is spin-orbit coupling, and whether more of it could hide.

    Real orbitals: H_a is real for exchange. Where H_0 is complex, by a magnetic flux or by complex orbitals, H_a must
    be a number on every site for it to be known as exchange, as L·S never is.

    ``blocks``: blocks in orbitals (spin, orbital); of one on the diagonal also the site of each orbital of one spin.
    """
    imaginary, complex_, pairs = 0.0, False, list(blocks)
    for group in alike([series for series, _ in pairs]):
        parts = np.concatenate([one.parts for one, *_ in group], axis=1).imag
        imaginary = max(imaginary, float(abs(parts[1:]).max(initial=0.0)) / scale)
        complex_ |= bool(abs(parts[0]).max(initial=0.0) > ALIGNED * scale)

    def entangled(vectors: Complex, sites: Integers | None) -> bool:
        plain = 0.0 if sites is None else _number_on_sites(vectors, sites)
        return bool(abs(vectors - plain).max(initial=0.0) > ALIGNED * scale)

    hidden = complex_ and any(entangled(series.parts[1:], sites) for series, sites in pairs)
    return (imaginary if imaginary > ALIGNED else 0.0), hidden


def _number_on_sites(parts: Complex, sites: Integers) -> Complex:
    """Return the part of blocks (..., n, n) that is a multiple of unity on every site."""
    same = (sites[:, None] == np.arange(sites.max() + 1)).astype(float)
    diagonal = np.diagonal(parts, axis1=-2, axis2=-1)
    mean = (diagonal @ same) / same.sum(axis=0) @ same.T
    return np.asarray(mean[..., None] * np.eye(len(sites)))


def scale_of(blocks: Iterable[Series]) -> float:
    """Return the largest element of all blocks."""
    return max((series.scale for series in blocks), default=0.0)


def basis_of(S: Any) -> Complex:
    """Return the unitary matrix W of a site with W† S_a W = σ_a ⊗ 1.

    Columns are the eigenvectors of S_z with eigenvalue 1, u_j, then S_x u_j.
    """
    Sx, _, Sz = S
    if abs(Sz - np.diag(np.diagonal(Sz))).max() == 0:
        up = np.eye(len(Sz), dtype=complex)[:, np.diagonal(Sz).real > 0]
    else:
        values, vectors = np.linalg.eigh(Sz)
        up = vectors[:, values > 0]
    return np.concatenate([up, Sx @ up], axis=1)
