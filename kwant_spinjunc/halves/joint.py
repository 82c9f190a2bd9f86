r"""Two halves joined at a cut, for all angles of a turn: scattering matrix and waves.

Turning everything behind a cut by U = exp(-iθ n·σ/2) = cos(θ/2) - i sin(θ/2) n·σ changes the Hamiltonian on the cut alone,
K = h U with h the spin-independent hopping from the back (B) to the front (F), if waves behind are told in the turned frame:

    y_F = (1 - g_F K g_B K†)⁻¹ (w_F a_F - g_F K w_B a_B),    y_B = w_B a_B - g_B K† y_F,                      (a)
    a_out,F = s_F a_F - o_F K y_B,                            a_out,B = s_B a_B - o_B K† y_F.

K g_B K† = Y_0 + Y_1 cos θ + Y_2 sin θ, so that an angle costs one small solve. A half with a level at the energy has no g
worth the name: there [[D_F, K], [K†, D_B]] is solved as it stands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..spin import sigma, spinors
from .chain import Half
from .matrices import Complex, Floats, dagger, magnitude, spin_times

__all__ = ["Joint", "Seen", "Turn", "from_orbitals", "into_orbitals", "join", "lifted", "of_channels", "of_orbitals"]


#: |g||h| of a half from which both halves are solved together.
POLE = 1e4


@dataclass(frozen=True, eq=False)
class Seen:
    """A half as the cut sees it, spins mixed or not: orbitals (spin, orbital), see `Half` for the letters."""

    D: Complex
    R: Complex
    O: Complex  # noqa: E741
    s0: Complex
    g: Complex
    w: Complex
    o: Complex
    s: Complex

    def relabelled(self, V: Complex) -> Seen:
        """Return the half with channels V a instead of a."""
        Vd = dagger(V)
        return Seen(
            self.D, self.R @ Vd, V @ self.O, V @ self.s0 @ Vd, self.g, self.w @ Vd, V @ self.o, V @ self.s @ Vd
        )

    def __getitem__(self, index: Any) -> Seen:
        return Seen(*(part[index] for part in (self.D, self.R, self.O, self.s0, self.g, self.w, self.o, self.s)))


@dataclass(frozen=True)
class Turn:
    """Angles (angles,) in radians about the unit vector ``axis``."""

    angles: Floats
    axis: Floats

    def matrices(self) -> Complex:
        """Return U, shape (angles, 2, 2)."""
        half = self.angles[:, None, None] / 2
        return np.cos(half) * np.eye(2) - 1j * np.sin(half) * sigma(self.axis)


@dataclass(frozen=True, eq=False)
class Joint:
    """The solution for all incoming channels, those of the front first.

    Attributes
    ----------
    S : ndarray, (points, angles, channels, channels)
    front, back : ndarray, (points, angles, orbitals, channels)
        Waves at the cut; behind it in the turned frame.
    """

    S: Complex
    front: Complex
    back: Complex


def lifted(half: Half, m: Floats | None, labels: Complex | None = None) -> Seen:
    """Return a half in the global spin frame: spins apart along m, leading axes (points, 2), or together, (points, 1).

    With spins apart the channels become (spin, channel). ``labels``: unitary matrix from them to channels of other axes.
    """
    parts = (half.D, half.R, half.O, half.s0, half.g, half.w, half.o, half.s)
    if m is None:
        return Seen(*(part[:, 0] for part in parts))
    chi = spinors(m)
    lifts = (of_orbitals, into_orbitals, from_orbitals, of_channels) * 2
    seen = Seen(*(lift(part, chi) for lift, part in zip(lifts, parts, strict=True)))
    return seen if labels is None else seen.relabelled(labels)


def of_orbitals(a: Complex, chi: Complex) -> Complex:
    """Return Σ_s |s⟩⟨s| ⊗ a_s, (..., 2, n, m) to (..., 2n, 2m), |s⟩ the columns of ``chi``."""
    n, m = a.shape[-2:]
    full = np.empty((*a.shape[:-3], 2, n, 2, m), dtype=complex)
    for i, j in np.ndindex(2, 2):
        weights = chi[i] * chi[j].conj()
        full[..., i, :, j, :] = weights[0] * a[..., 0, :, :] + weights[1] * a[..., 1, :, :]
    return full.reshape(*a.shape[:-3], 2 * n, 2 * m)


def into_orbitals(a: Complex, chi: Complex) -> Complex:
    """Return Σ_s |s⟩ ⊗ a_s of channels (spin, channel), (..., 2, n, channels) to (..., 2n, 2 channels)."""
    n, channels = a.shape[-2:]
    full = np.empty((*a.shape[:-3], 2, n, 2, channels), dtype=complex)
    for i, s in np.ndindex(2, 2):
        full[..., i, :, s, :] = chi[i, s] * a[..., s, :, :]
    return full.reshape(*a.shape[:-3], 2 * n, 2 * channels)


def from_orbitals(a: Complex, chi: Complex) -> Complex:
    """Return Σ_s a_s ⊗ ⟨s|, (..., 2, channels, n) to (..., 2 channels, 2n)."""
    return dagger(into_orbitals(dagger(a), chi))


def of_channels(a: Complex, chi: Complex) -> Complex:
    """Return a of channels (spin, channel), diagonal in spin."""
    return of_orbitals(a, np.eye(2))


def join(front: Seen, back: Seen, hopping: Complex, turn: Turn | None) -> Joint:
    """Return the solution of all points and angles.

    Parameters
    ----------
    front, back
        The halves, leading axis (points,).
    hopping : ndarray, (points, front orbitals, back orbitals)
        From back to front, in the global spin frame, without a turn.
    turn
        None for none: one angle, 0.
    """
    turn = Turn(np.zeros(1), np.array([0.0, 0.0, 1.0])) if turn is None else turn
    size = magnitude(hopping)
    pole = np.maximum(magnitude(front.g), magnitude(back.g)) * size > POLE
    if not pole.any():
        return _by_halves(front, back, hopping, turn)
    if pole.all():
        return _together(front, back, hopping, turn)
    parts = [(~pole, _by_halves), (pole, _together)]
    found = [(which, solve(front[which], back[which], hopping[which], turn)) for which, solve in parts]
    shapes = [getattr(found[0][1], name).shape[1:] for name in ("S", "front", "back")]
    arrays = [np.empty((len(pole), *shape), dtype=complex) for shape in shapes]
    for which, part in found:
        for array, values in zip(arrays, (part.S, part.front, part.back), strict=True):
            array[which] = values
    return Joint(*arrays)


def _by_halves(front: Seen, back: Seen, h: Complex, turn: Turn) -> Joint:
    """Solve equation (a)."""
    F, B = front, back
    hd = dagger(h)
    G = h @ B.g @ hd
    if turn.angles.any():
        n = sigma(turn.axis)
        NG = spin_times(n, G)
        GN = dagger(spin_times(n, dagger(G)))
        NGN = dagger(spin_times(n, dagger(NG)))
        half = turn.angles[:, None, None] / 2
        c, s = np.cos(half), np.sin(half)
        A = F.g @ G, F.g @ NGN, F.g @ (1j * (GN - NG))
        M = -(c * c * A[0][:, None] + s * s * A[1][:, None] + s * c * A[2][:, None])
        # K w_B = cos h w_B - i sin n h w_B
        hw = h @ B.w
        gK = F.g @ hw, -1j * (F.g @ spin_times(n, hw))
        gKw = c * gK[0][:, None] + s * gK[1][:, None]
    else:
        M = -(F.g @ G)[:, None]
        gKw = (F.g @ (h @ B.w))[:, None]
    size = M.shape[-1]
    M = np.ascontiguousarray(M)
    M[..., np.arange(size), np.arange(size)] += 1
    points, angles = M.shape[:2]
    sources = np.concatenate([np.broadcast_to(F.w[:, None], (points, angles, *F.w.shape[1:])), -gKw], axis=-1)
    y_F = np.linalg.solve(M, sources)
    U = turn.matrices()
    K_y = spin_times(dagger(U), hd[:, None] @ y_F)  # K† y_F
    y_B = -(B.g[:, None] @ K_y)
    inner = F.w.shape[-1]
    y_B[..., inner:] += B.w[:, None]
    S = np.concatenate([-(F.o[:, None] @ (h[:, None] @ spin_times(U, y_B))), -(B.o[:, None] @ K_y)], axis=-2)
    S[..., :inner, :inner] += F.s[:, None]
    S[..., inner:, inner:] += B.s[:, None]
    return Joint(S, y_F, y_B)


def _together(front: Seen, back: Seen, h: Complex, turn: Turn) -> Joint:
    """Solve both halves as one."""
    U = turn.matrices()
    points, angles = len(h), len(turn.angles)
    n_F, n_B = h.shape[-2:]
    K = dagger(spin_times(dagger(U), np.broadcast_to(dagger(h)[:, None], (points, angles, n_B, n_F))))
    L = np.empty((points, angles, n_F + n_B, n_F + n_B), dtype=complex)
    L[..., :n_F, :n_F], L[..., n_F:, n_F:] = front.D[:, None], back.D[:, None]
    L[..., :n_F, n_F:], L[..., n_F:, :n_F] = K, dagger(K)
    N_F, N_B = front.R.shape[-1], back.R.shape[-1]
    R = np.zeros((points, 1, n_F + n_B, N_F + N_B), dtype=complex)
    O = np.zeros((points, 1, N_F + N_B, n_F + n_B), dtype=complex)
    s0 = np.zeros((points, 1, N_F + N_B, N_F + N_B), dtype=complex)
    for part, rows, states in ((front, slice(n_F), slice(N_F)), (back, slice(n_F, None), slice(N_F, None))):
        R[:, 0, rows, states], O[:, 0, states, rows], s0[:, 0, states, states] = part.R, part.O, part.s0
    y = np.linalg.solve(L, np.broadcast_to(R, (points, angles, *R.shape[2:])))
    return Joint(s0 + O @ y, y[..., :n_F, :], y[..., n_F:, :])

