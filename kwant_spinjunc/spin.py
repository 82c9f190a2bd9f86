r"""Pauli matrices, unit vectors and the rotation between two magnetizations.

Conventions: **m** is the direction of the majority electron spin, ``m = (sin θ cos φ, sin θ sin φ, cos θ)``;
index 0 is the majority spin (along **m**), index 1 the minority spin. Angles are in radians, vectors have a
trailing axis of length 3, and leading axes broadcast.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import Complex
from .checks import finite_array, refusal, warn_of_degrees
from .errors import ArgumentError

#: The three Pauli matrices, shape (3, 2, 2).
PAULI: NDArray[np.complex128] = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])

#: The sign s of each spin channel: +1 for the majority (index 0), -1 for the minority (index 1).
SIGNS: NDArray[np.float64] = np.array([1.0, -1.0])


def unit_vector(theta: ArrayLike, phi: ArrayLike = 0.0) -> NDArray[np.float64]:
    """Return m = (sin θ cos φ, sin θ sin φ, cos θ).

    **Result**: shape (..., 3).

    ``theta``, ``phi``: polar and azimuthal angle in radians; they broadcast. ``phi = 0`` is the paper's x-z plane.

    Warns `DegreesWarning`: An angle is more than a full turn.

    Examples
    --------
    >>> import numpy as np
    >>> unit_vector(np.pi / 2).round(12).tolist()
    [1.0, 0.0, 0.0]
    """
    t, p = np.broadcast_arrays(finite_array("theta", theta), finite_array("phi", phi))
    for name, angle in (("theta", t), ("phi", p)):
        warn_of_degrees(name, angle)
    return np.stack([np.sin(t) * np.cos(p), np.sin(t) * np.sin(p), np.cos(t)], axis=-1)


def check_unit_vector(m: Any, name: str = "m") -> NDArray[np.float64]:
    """Return ``m`` normalized to rounding, or raise `ArgumentError` if it is no real unit vector (1e-8)."""
    vector = finite_array(name, m, "(..., 3)")
    norm = np.linalg.norm(vector, axis=-1)
    if (abs(norm - 1) > 1e-8).any():
        worst = norm.flat[np.argmax(abs(norm - 1))] if norm.ndim else norm
        digits = 4 if abs(worst - 1) > 1e-3 else 10
        raise refusal(name, "be a unit vector", f"has norm {worst:.{digits}g}", "Use `unit_vector(theta, phi)`.")
    return np.asarray(vector / norm[..., None])


def one_unit_vector(m: Any, name: str = "m") -> NDArray[np.float64]:
    """Return ``m`` as `check_unit_vector` does, refusing many."""
    vector = check_unit_vector(m, name)
    if vector.shape != (3,):
        raise ArgumentError(f"Argument `{name}` must be one vector of shape (3,), but its shape is {vector.shape}.")
    return vector


def unit_pair(m_left: Any, m_right: Any) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return both magnetizations as unit vectors of one batch shape."""
    left, right = np.broadcast_arrays(check_unit_vector(m_left, "m_left"), check_unit_vector(m_right, "m_right"))
    return np.asarray(left), np.asarray(right)


def cross_matrix(v: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return [v×], the matrix that takes a vector to v × it, shape (..., 3, 3)."""
    return np.asarray(np.cross(v[..., None, :], np.eye(3)).swapaxes(-1, -2))


def sigma(m: ArrayLike) -> NDArray[np.complex128]:
    """Return m·σ, shape (..., 2, 2)."""
    n = np.asarray(m)
    return np.asarray((n @ PAULI.reshape(3, 4)).reshape(*n.shape[:-1], 2, 2))


def pauli_parts(block: Complex) -> Complex:
    """Return (H_0, H_x, H_y, H_z) of blocks (..., 2n, 2m) in orbitals (spin, orbital), shape (4, ..., n, m)."""
    n, m = block.shape[-2] // 2, block.shape[-1] // 2
    uu, ud = block[..., :n, :m], block[..., :n, m:]
    du, dd = block[..., n:, :m], block[..., n:, m:]
    return np.asarray(np.array([uu + dd, ud + du, 1j * (ud - du), uu - dd]) / 2, dtype=complex)


def spinors(m: ArrayLike) -> NDArray[np.complex128]:
    r"""Return the spin states along ``m`` as columns: ``[..., :, 0]`` majority, ``[..., :, 1]`` minority.

    ``|+, m⟩ = (cos θ/2, e^{iφ} sin θ/2)`` and ``|-, m⟩ = (-e^{-iφ} sin θ/2, cos θ/2)``, so that in the x-z plane
    all components are real.
    """
    n = np.asarray(m)
    x, y, z = n[..., 0], n[..., 1], n[..., 2]
    half = np.arctan2(np.hypot(x, y), z) / 2
    phase = np.exp(1j * np.arctan2(y + 0.0, x + 0.0))
    s = np.sin(half)
    chi = np.empty((*n.shape[:-1], 2, 2), dtype=complex)
    chi[..., 0, 0] = chi[..., 1, 1] = np.cos(half)
    chi[..., 1, 0], chi[..., 0, 1] = phase * s, -s / phase
    return chi


def frames(m: ArrayLike) -> NDArray[np.float64]:
    """Return (e_1, e_2, m) as rows, shape (..., 3, 3), with χ_+†σχ_- = e_1 - i e_2 for the `spinors` χ along m.

    ψ = ψ_+ χ_+ + ψ_- χ_- has ⟨σ⟩ = 2 Re(ψ_+* ψ_-) e_1 + 2 Im(ψ_+* ψ_-) e_2 + (|ψ_+|² - |ψ_-|²) m.
    """
    chi = spinors(m)
    flip = np.einsum("...a,iab,...b->...i", chi[..., 0].conj(), PAULI, chi[..., 1])
    return np.stack([flip.real, -flip.imag, np.asarray(m)], axis=-2)


def rotation_matrix(m_left: ArrayLike, m_right: ArrayLike) -> NDArray[np.complex128]:
    r"""Return the spin rotation R_ss' = ⟨s, m_L | s', m_R⟩ of equation (2).

    ``m_left``, ``m_right``: unit vectors, shape (..., 3).

    **Result**: ``R[..., s, s']``, unitary. For both magnetizations in the x-z plane at angle Φ from
    left to right it is real: ``[[cos Φ/2, -sin Φ/2], [sin Φ/2, cos Φ/2]]``.

    Examples
    --------
    >>> import numpy as np
    >>> R = rotation_matrix(unit_vector(0), unit_vector(np.pi / 3))
    >>> (abs(R) ** 2).round(12).tolist()
    [[0.75, 0.25], [0.25, 0.75]]
    """
    left, right = map(spinors, unit_pair(m_left, m_right))
    return np.asarray(np.swapaxes(left.conj(), -1, -2) @ right)


def angle_between(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Return the angle Φ in [0, π] between two vectors, accurate also near 0 and π."""
    a, b = (np.asarray(vector, dtype=float) for vector in (a, b))
    angle: NDArray[np.float64] = np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), np.sum(a * b, axis=-1))
    return angle


def torque_axes(m: ArrayLike, m_other: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Return the two directions a torque on ``m`` can have, driven by a second magnet ``m_other``, all (..., 3).

    **Result**: Two unit vectors: the damping-like e = (m_other - cos Φ m)/sin Φ, the in-plane
    (Slonczewski) direction m×(m_other×m), and m×m_other/sin Φ, normal to the plane of both magnets. The field-like
    direction of the project is m_L×m_R for both magnets: this vector for the left magnet, its opposite for the right.
    For collinear magnets (sin Φ < 1e-12) both are zero: no torque is possible and no plane is defined.
    """
    m, m_other = (np.asarray(vector, dtype=float) for vector in (m, m_other))
    perpendicular = np.cross(m, m_other)
    sine = np.linalg.norm(perpendicular, axis=-1, keepdims=True)
    perpendicular = np.divide(perpendicular, sine, out=np.zeros_like(perpendicular), where=sine > 1e-12)
    return np.cross(perpendicular, m), perpendicular
