r"""The general recursion: 2×2 Green's functions of textures, in Pauli components.

Where the planes point along more than two axes, or simply as a second route to the collinear ones, the Green's
functions g = g_0 + **g**·σ obey

    g_n = (E - ε_n + (Δ_n/2) m_n·σ - t² g_n+1)^{-1} = (A_0 - A·σ)/(A_0² - A·A).

The small spin-dependent part is held apart from the large scalar one, and in the frame of the lead an electron comes
from, so that spin flips of collinear planes behind a barrier are not lost in rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Complex, Floats
from .batch import Batch, Block
from .half import Lead, solve_lead

#: Shift of a level, in units of the hopping, where a Green's function has a pole nearer to the energy than that (of one
#: spin direction of a closed lead). Both spins share the components (g_0, g), so a pole must leave digits to the other
#: direction: half of them.
SHIFT = 1e-8


def _chain(batch: Batch, lead: int, block: Block) -> tuple[list[Any], list[Any], Lead, Lead]:
    """Return g_n = g_0 + g·σ (four components) seen from ``lead``, its own plane first, in the frame of that lead.

    The first entry contains both leads, the others everything behind them.
    """
    stack = batch.stack
    near = solve_lead(batch, lead, block)
    far = near if stack.equal_leads else solve_lead(batch, 1 - lead, block)
    local = batch.directions(stack.local_m[lead], 2, block)
    planes = list(stack.order(lead))
    hops = stack.inner_bonds(lead)
    s0: Any = (far.sigma[0] + far.sigma[1]) / 2
    sv: Any = [far.difference / 2 * component for component in local[stack.planes + 1 - lead]]
    chain: list[Any] = []
    used: list[Any] = []
    levels: dict[Any, NDArray[Any]] = {}
    for position in range(len(planes) - 1, -1, -1):
        n = planes[position]
        A0 = batch.plane_level(n, block, levels) - s0
        A = [-component for component in sv]
        if stack.magnetic[n]:
            half = batch.get("splitting", n, block) / 2
            A = [half * m + component for m, component in zip(local[n], A, strict=True)]
        if position == 0:
            A0 = A0 - (near.sigma[0] + near.sigma[1]) / 2
            A[2] = A[2] - near.difference / 2
        product = A[0] * A[0] + A[1] * A[1] + A[2] * A[2]
        square = A0 * A0
        at_pole = abs(square - product) <= SHIFT * abs(square)
        if at_pole.any():
            A0 = np.where(at_pole, A0 + SHIFT * near.hopping, A0)
            square = A0 * A0
        inverse = 1 / (square - product)
        g = [A0 * inverse, *(-component * inverse for component in A)]
        chain.append(g)
        if position:
            t = batch.get("bonds", hops[position], block)
            used.append(t)
            s0, sv = t * t * g[0], [t * t * component for component in g[1:]]
    return chain[::-1], used[::-1], near, far


def waves(batch: Batch, lead: int, block: Block, every: bool) -> tuple[list[Complex], Lead, Lead]:
    """Return ψ [spin, spin_in, ...] of the states incoming from ``lead`` at its own plane first, in its frame.

    ψ_0 = i G_00 √v, ψ_n+1 = -t g_n+1 ψ_n; only the first and the last plane unless ``every``.
    """
    chain, hops, near, far = _chain(batch, lead, block)
    root = np.sqrt(near.velocity)
    wave = _matrix(chain[0]) * (1j * root)
    found = [wave]
    for g, t in zip(chain[1:], hops, strict=True):
        M = _matrix([-t * component for component in g])
        wave = np.stack([M[0, 0] * wave[0] + M[0, 1] * wave[1], M[1, 0] * wave[0] + M[1, 1] * wave[1]])
        if every:
            found.append(wave)
    return (found if every else [found[0], wave]), near, far


def _matrix(g: Any) -> Complex:
    """Return g_0 + g·σ as [spin, spin, ...]."""
    shape = np.broadcast_shapes(*(np.shape(component) for component in g))
    M = np.empty((2, 2, *shape), dtype=complex)
    M[0, 0], M[1, 1] = g[0] + g[3], g[0] - g[3]
    M[0, 1], M[1, 0] = g[1] - 1j * g[2], g[1] + 1j * g[2]
    return M


def in_far_frame(wave: Complex, R: Complex, lead: int) -> Complex:
    """Turn ψ [spin, spin_in, ...] from the labels of the lead it came from to those of the other lead."""
    T = np.swapaxes(R, 0, 1).conj() if lead == 0 else R
    return np.stack([T[0, 0] * wave[0] + T[0, 1] * wave[1], T[1, 0] * wave[0] + T[1, 1] * wave[1]])


def amplitudes(batch: Batch, block: Block) -> tuple[Complex, list[Floats]]:
    """Return S between the lead labels and the velocities of both leads."""
    R = batch.directions(batch.stack.rotation, 2, block)
    S: Any = None
    velocities: list[Any] = [None, None]
    for lead in (0, 1):
        (first, last), near, far = waves(batch, lead, block, every=False)
        last = in_far_frame(last, R, lead)
        if S is None:
            S = np.empty((2, 2, 2, 2, *last.shape[2:]), dtype=complex)
        S[lead, :, lead] = np.sqrt(near.velocity)[:, None] * first
        for s in (0, 1):
            S[lead, s, lead, s] -= near.velocity[s] > 0
        S[1 - lead, :, lead] = np.sqrt(far.velocity)[:, None] * last
        velocities[lead] = near.velocity
    return S, velocities


def log_det(batch: Batch, block: Block) -> Complex:
    """Return Σ_n ln det(1/g_n) by the recursion from the left; each 1/g_n is dissipative, so its eigenvalues are."""
    chain, _, _, _ = _chain(batch, 0, block)
    total: Any = 0.0
    for g0, gx, gy, gz in chain:
        root = np.sqrt(gx * gx + gy * gy + gz * gz)
        total = total + log_upper(1 / (g0 + root)) + log_upper(1 / (g0 - root))
    return np.asarray(total)


def log_upper(z: Complex) -> Complex:
    """Return ln z of a number in the closed upper half plane, rounding below the real axis taken as above it."""
    log: Complex = np.log(abs(z)) + 1j * np.where(z.imag > 0, np.angle(z), np.where(z.real < 0, np.pi, 0.0))
    return log
