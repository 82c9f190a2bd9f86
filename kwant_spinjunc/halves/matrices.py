"""Small operations on batches of matrices that NumPy has no name for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Complex", "Flags", "Floats", "Indices", "dagger", "magnitude", "spin_times"]

Complex = NDArray[np.complex128]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]


def dagger(a: Complex) -> Complex:
    """Return the Hermitian conjugates of matrices (..., n, m)."""
    return np.swapaxes(a, -1, -2).conj()


def magnitude(a: Complex) -> Floats:
    """Return the largest modulus of each matrix (..., n, m), 0 for an empty one."""
    largest: Floats = abs(a).max(axis=(-1, -2), initial=0.0)
    return largest


def spin_times(matrix: Complex, a: Complex) -> Complex:
    """Return (matrix ⊗ 1) a for orbitals (spin, orbital), matrix (..., 2, 2), a (..., 2n, states)."""
    n = a.shape[-2] // 2
    up, down = a[..., :n, :], a[..., n:, :]
    m = matrix[..., None, None, :, :]
    return np.concatenate([m[..., 0, 0] * up + m[..., 0, 1] * down, m[..., 1, 0] * up + m[..., 1, 1] * down], axis=-2)
