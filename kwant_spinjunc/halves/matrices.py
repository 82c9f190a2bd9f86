"""Small operations on batches of matrices that NumPy has no name for."""

from __future__ import annotations

import numpy as np

from ..arrays import Complex, Flags, Floats


def dagger(a: Complex) -> Complex:
    """Return the Hermitian conjugates of matrices (..., n, m)."""
    return np.swapaxes(a, -1, -2).conj()


def magnitude(a: Complex) -> Floats:
    """Return the largest modulus of each matrix (..., n, m), 0 for an empty one."""
    return np.asarray(abs(a).max(axis=(-1, -2), initial=0.0))


def spin_times(matrix: Complex, a: Complex) -> Complex:
    """Return (matrix ⊗ 1) a for orbitals (spin, orbital), matrix (..., 2, 2), a (..., 2n, states)."""
    n = a.shape[-2] // 2
    up, down = a[..., :n, :], a[..., n:, :]
    m = matrix[..., None, None, :, :]
    return np.concatenate([m[..., 0, 0] * up + m[..., 0, 1] * down, m[..., 1, 0] * up + m[..., 1, 1] * down], axis=-2)


def inverse(a: Complex) -> tuple[Complex, Flags]:
    """Return the inverses of matrices (..., n, n), and which are singular (there the result is unity)."""
    return solved(a, np.broadcast_to(np.eye(a.shape[-1]), a.shape))


def solved(a: Complex, b: Complex) -> tuple[Complex, Flags]:
    """Return a⁻¹ b of matrices (..., n, n) and (..., n, m), and which a are singular (there the result is b)."""
    try:
        return np.linalg.solve(a, b), np.zeros(a.shape[:-2], dtype=bool)
    except np.linalg.LinAlgError:
        flat = a.reshape(-1, *a.shape[-2:])
        condition = np.array([np.linalg.cond(matrix) for matrix in flat]).reshape(a.shape[:-2])
        singular = ~(condition < 1 / np.finfo(float).eps)
        return np.linalg.solve(np.where(singular[..., None, None], np.eye(a.shape[-1]), a), b), singular
