r"""Two halves joined at a cut, for all angles of a turn: scattering matrix and waves.

Turning everything behind a cut by U = exp(-iθ n·σ/2) = cos(θ/2) - i sin(θ/2) n·σ changes the Hamiltonian on the cut
alone, K = h U with h the spin-independent hopping from the back (B) to the front (F), if waves behind are told in the
turned frame:

    y_F = (1 - g_F K g_B K†)⁻¹ (w_F a_F - g_F K w_B a_B),    y_B = w_B a_B - g_B K† y_F,                      (a)
    a_out,F = s_F a_F - o_F K y_B,                            a_out,B = s_B a_B - o_B K† y_F.

K g_B K† = Y_0 + Y_1 cos θ + Y_2 sin θ, so that an angle costs one small solve. A half with a level at the energy has no
g worth the name: there [[D_F, K], [K†, D_B]] is solved as it stands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..arrays import Complex, Floats
from ..spin import sigma, spinors
from .chain import Half
from .matrices import dagger, magnitude, spin_times

__all__ = ["Joint", "Seen", "Turn", "from_orbitals", "into_orbitals", "join", "lifted", "of_channels", "of_orbitals"]


#: |g||h| of a half from which both halves are solved together.
POLE = 1e4


@dataclass(frozen=True, eq=False)
class Seen:
    """A half as the cut sees it, spins mixed or not: orbitals (spin, orbital), see `Half` for the letters."""

    D: Complex
    R: Complex
    out: Complex
    s0: Complex
    g: Complex
    w: Complex
    o: Complex
    s: Complex

    def relabelled(self, V: Complex) -> Seen:
        """Return the half with channels V a instead of a."""
        Vd = dagger(V)
        return Seen(
            self.D, self.R @ Vd, V @ self.out, V @ self.s0 @ Vd, self.g, self.w @ Vd, V @ self.o, V @ self.s @ Vd
        )

    def __getitem__(self, index: Any) -> Seen:
        return Seen(*(part[index] for part in (self.D, self.R, self.out, self.s0, self.g, self.w, self.o, self.s)))


@dataclass(frozen=True)
class Turn:
    """Angles (angles,) in radians about the unit vector ``axis``."""

    angles: Floats
    axis: Floats

    def matrices(self) -> Complex:
        """Return U, shape (angles, 2, 2)."""
        half = self.angles[:, None, None] / 2
        U: Complex = np.cos(half) * np.eye(2) - 1j * np.sin(half) * sigma(self.axis)
        return U


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
    behind: Callable[[], Complex]

    @cached_property
    def back(self) -> Complex:
        """Waves behind the cut, solved for on first use."""
        return self.behind()


def lifted(half: Half, m: Floats | None, labels: Complex | None = None) -> Seen:
    """Return a half in the global spin frame: spins apart along m, leading axes (points, 2), or together, (points, 1).

    With spins apart the channels become (spin, channel). ``labels``: unitary matrix from them to channels of other
    axes.
    """
    parts = (half.D, half.R, half.out, half.s0, half.g, half.w, half.o, half.s)
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


def of_channels(a: Complex, _: Complex) -> Complex:
    """Return a of channels (spin, channel), diagonal in spin."""
    return of_orbitals(a, np.eye(2, dtype=complex))


def join(front: Seen, back: Seen, hopping: Complex, turn: Turn | None) -> Joint:
    """Return the solution of all points and angles.

    Parameters
    ----------
    front, back
        The halves, leading axis (points,).
    hopping : ndarray, (points, front orbitals, back orbitals)
        From back to front, in the global spin frame, without a turn.
    turn
        None for none: one angle. Else orbitals are (spin, orbital) and ``hopping`` is the same for both spins.
    """
    pole = ~(np.maximum(magnitude(front.g), magnitude(back.g)) * magnitude(hopping) <= POLE)
    if not pole.any():
        return _by_halves(front, back, hopping, turn)
    if pole.all():
        return _together(front, back, hopping, turn)
    joined: list[Complex] = []
    for which, solve in ((~pole, _by_halves), (pole, _together)):
        part = solve(front[which], back[which], hopping[which], turn)
        values = (part.S, part.front, part.back)
        joined = joined or [np.empty((len(pole), *a.shape[1:]), dtype=complex) for a in values]
        for array, some in zip(joined, values, strict=True):
            array[which] = some
    S, y_F, y_B = joined
    return Joint(S, y_F, lambda: y_B)


def _by_halves(front: Seen, back: Seen, h: Complex, turn: Turn | None) -> Joint:
    """Solve equation (a)."""
    F, B, hd = front, back, dagger(h)
    M, gKw = _small_system(F.g, h, B, turn)
    points, angles, size, _ = M.shape
    M[..., np.arange(size), np.arange(size)] += 1
    sources = np.concatenate([np.broadcast_to(F.w[:, None], (points, angles, *F.w.shape[1:])), -gKw], axis=-1)
    y_F = np.linalg.solve(M, sources)
    U = None if turn is None else turn.matrices()
    K_y = hd[:, None] @ y_F  # K† y_F
    through = (F.o @ h)[:, None]  # o_F K, from the few channels on: waves behind the cut wait until asked for
    if U is not None:
        Ud = dagger(U)
        K_y = spin_times(Ud, K_y)
        through = dagger(spin_times(Ud, dagger(through)))
    inner = F.w.shape[-1]
    S = np.concatenate([(through @ B.g[:, None]) @ K_y, -(B.o[:, None] @ K_y)], axis=-2)
    S[..., :inner, inner:] -= through @ B.w[:, None]
    S[..., :inner, :inner] += F.s[:, None]
    S[..., inner:, inner:] += B.s[:, None]

    def behind() -> Complex:
        y_B = -(B.g[:, None] @ K_y)
        y_B[..., inner:] += B.w[:, None]
        return y_B

    return Joint(S, y_F, behind)


def _small_system(g: Complex, h: Complex, back: Seen, turn: Turn | None) -> tuple[Complex, Complex]:
    """Return -g K g_B K† and g K w_B for all angles, (points, angles, ...)."""
    G, hw = h @ back.g @ dagger(h), h @ back.w
    if turn is None:
        return -(g @ G)[:, None], (g @ hw)[:, None]
    n = sigma(turn.axis)
    NG = spin_times(n, G)
    GN = dagger(spin_times(n, dagger(G)))
    NGN = dagger(spin_times(n, dagger(NG)))
    half = turn.angles[:, None, None] / 2
    c, s = np.cos(half), np.sin(half)
    M = -(c * c * (g @ G)[:, None] + s * s * (g @ NGN)[:, None] + s * c * (g @ (1j * (GN - NG)))[:, None])
    return M, c * (g @ hw)[:, None] + s * (-1j * (g @ spin_times(n, hw)))[:, None]


def _together(front: Seen, back: Seen, h: Complex, turn: Turn | None) -> Joint:
    """Solve both halves as one."""
    n_F, n_B = h.shape[-2:]
    N_F, N_B = front.R.shape[-1], back.R.shape[-1]
    Kd = dagger(h)[:, None]
    if turn is not None:
        Kd = spin_times(dagger(turn.matrices()), Kd)
    points, angles = Kd.shape[:2]
    L = np.empty((points, angles, n_F + n_B, n_F + n_B), dtype=complex)
    L[..., :n_F, :n_F], L[..., n_F:, n_F:] = front.D[:, None], back.D[:, None]
    L[..., :n_F, n_F:], L[..., n_F:, :n_F] = dagger(Kd), Kd
    R = np.zeros((points, 1, n_F + n_B, N_F + N_B), dtype=complex)
    out = np.zeros((points, 1, N_F + N_B, n_F + n_B), dtype=complex)
    s0 = np.zeros((points, 1, N_F + N_B, N_F + N_B), dtype=complex)
    for part, rows, states in ((front, slice(n_F), slice(N_F)), (back, slice(n_F, None), slice(N_F, None))):
        R[:, 0, rows, states], out[:, 0, states, rows], s0[:, 0, states, states] = part.R, part.out, part.s0
    y = np.linalg.solve(L, np.broadcast_to(R, (points, angles, *R.shape[2:])))
    return Joint(np.asarray(s0 + out @ y), y[..., :n_F, :], lambda: y[..., n_F:, :])
