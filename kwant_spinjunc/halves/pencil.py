r"""The surface of one lead whose decaying modes are nearly parallel: by the QZ decomposition.

Hoppings of several shells of neighbors are nearly singular: some orbitals hardly reach the next cell. Where single
decaying modes have no digits the space of all that decay still has. With (Z_1, Z_2) a basis of
(λφ, φ) for |λ| < 1 from the ordered QZ decomposition of

    [[-h, -t†], [1, 0]] (λφ, φ) = λ [[t, 0], [0, 1]] (λφ, φ)

and the outgoing open modes beside it, Σ = t Z_1 Z_2⁻¹ (see `surface`); nothing is divided by t.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from ..arrays import Complex, Flags

#: ||λ| - 1| below which a mode is open; between this and `CLOSED` it can be neither.
OPEN, CLOSED = 1e-9, 1e-7
#: Distance of Bloch factors that are one.
SAME = 1e-6


def pencil_surface(h: Complex, t: Complex) -> tuple[Complex, Complex, Complex, Complex] | None:
    """Return (Σ, source, out, r) of a lead with cell h, measured from the energy, and hopping t, both (n, n).

    None where open and closed modes cannot be told, or t is not square.
    """
    n = len(h)
    if t.shape != h.shape:
        return None
    size = max(abs(h).max(), abs(t).max())
    a, b = h / size, t / size
    unit, zero = np.eye(n), np.zeros((n, n))
    A, B = np.block([[-a, -b.conj().T], [unit, zero]]), np.block([[b, zero], [zero, unit]])
    try:
        _, _, alpha, beta, _, Z = linalg.ordqz(A, B, sort=_inside, output="complex")
    except (ValueError, np.linalg.LinAlgError):
        return None
    modulus = abs(alpha), abs(beta)
    open_ = abs(modulus[0] - modulus[1]) < CLOSED * modulus[1]
    unclear = open_ & (abs(modulus[0] - modulus[1]) > OPEN * modulus[1])
    if unclear.any():
        return None
    decaying = int(_inside(alpha, beta).sum())
    found = _open_modes(a, b, alpha[open_] / beta[open_])
    if found is None or decaying + found[0].shape[1] != n or found[0].shape[1] != found[2].shape[1]:
        return None
    phi, lam, phi_in, lam_in = found
    count = len(lam)
    inverse = np.linalg.inv(np.hstack([phi, Z[n:, :decaying]]))
    sigma = t @ np.hstack([phi * lam, Z[:n, :decaying]]) @ inverse
    # open modes were normalized in units of the size
    phi_in, out = phi_in / np.sqrt(size), inverse[:count] * np.sqrt(size)
    return sigma, sigma @ phi_in - t @ (phi_in * lam_in), out, -out @ phi_in


def _inside(alpha: Complex, beta: Complex) -> Flags:
    """Tell which λ = α/β lie within the unit circle."""
    return np.asarray(abs(alpha) < (1 - CLOSED) * abs(beta))


def _open_modes(h: Complex, t: Complex, lam: Complex) -> tuple[Complex, Complex, Complex, Complex] | None:
    """Return outgoing modes of unit flux with their Bloch factors, and incoming ones, from factors on the circle.

    The modes of a factor are the null space of h + tλ + t†/λ; where several share it the velocity tells them apart.
    """
    outgoing: list[tuple[complex, Complex]] = []
    incoming: list[tuple[complex, Complex]] = []
    left = list(lam)
    while left:
        near = [x for x in left if abs(x - left[0]) < SAME]
        left = [x for x in left if abs(x - left[0]) >= SAME]
        x = complex(np.mean(near))
        x /= abs(x)
        null = np.linalg.svd(h + t * x + t.conj().T / x)[2][-len(near) :].conj().T
        v, u = np.linalg.eigh(1j * (x * null.conj().T @ t @ null - np.conj(x) * null.conj().T @ t.conj().T @ null))
        if abs(v).min() < SAME * np.linalg.norm(t, 2):
            return None
        for velocity, mode in zip(v, (null @ u / np.sqrt(abs(v))).T, strict=True):
            (outgoing if velocity > 0 else incoming).append((x, mode))
    columns = []
    for modes in (outgoing, incoming):
        columns += [
            np.array([mode for _, mode in modes]).reshape(len(modes), len(h)).T,
            np.array([x for x, _ in modes]),
        ]
    return columns[0], columns[1], columns[2], columns[3]
