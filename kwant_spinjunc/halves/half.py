"""One half in the spin frame of its magnet: its lead, its surface Green's functions at the cut, its propagator."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Complex, Floats
from .batch import Batch, Block, take

#: Planes after which the phase of a propagator is normalized.
NORMALIZE = 8
#: Stands in for an exact zero in a denominator (modified Lentz): a half whose surface Green's function has a pole
#: right at the energy. Its square neither over- nor underflows.
TINY = 1e-30


@dataclass
class Lead:
    """A lead: self-energies σ_s = t² g_s, their difference σ_+ - σ_- and velocities 2 t sin k (0 if closed)."""

    sigma: Complex
    difference: Any
    velocity: Floats
    hopping: Any

    @cached_property
    def open(self) -> Any:
        """1.0 for open and 0.0 for closed channels, [spin, ...]; the float 1.0 if all are open."""
        return 1.0 if self.velocity.all() else (self.velocity > 0) * 1.0


def solve_lead(batch: Batch, side: int, block: Block) -> Lead:
    """Solve one lead: σ = t λ, with λ = exp(-ik) (open) or the decaying root (closed) of E - ε = t (λ + 1/λ)."""
    splitting, t, onsite, in_plane = (
        batch.get(name, side, block) for name in ("lead_splitting", "lead_hopping", "lead_onsite", "lead_in_plane")
    )
    e = spins(batch.level(onsite, in_plane, block), splitting, bool(np.any(splitting)))
    sigma: Complex
    if np.iscomplexobj(e):
        # Both factors keep the retarded branch for Im E >= 0; the denominator is the larger root.
        root = np.sqrt(2 * t - e) * np.sqrt(2 * t + e)
        sigma = 2 * t * t / (e + 1j * root)
        velocity = np.zeros(e.shape)
    else:
        square = (2 * t - e) * (2 * t + e)  # exact differences next to the band edges
        sigma = np.empty(square.shape, dtype=complex)
        if (square > 0).all():
            velocity = np.sqrt(square)
            np.multiply(e, 0.5, out=sigma.real)
        else:
            open_ = square > 0
            root = np.sqrt(abs(square))
            velocity = np.where(open_, root, 0.0)
            sigma.real = np.where(open_, e / 2, 2 * t * t / (e + np.copysign(root, e)))
        np.multiply(velocity, -0.5, out=sigma.imag)
    if len(sigma) == 1:
        return Lead(np.concatenate([sigma, sigma]), 0.0, np.concatenate([velocity, velocity]), t)
    both = sigma[0] * sigma[1]
    distance = t * t - both
    if not distance.all():
        distance[distance == 0] = 1.0  # both spins at the same band edge: no splitting
    return Lead(sigma, -splitting * (both / distance), velocity, t)


def spins(e: NDArray[Any], splitting: Any, magnetic: bool) -> NDArray[Any]:
    """Return E - ε + s Δ/2, shape (2 or 1, ...)."""
    return np.stack([e + splitting / 2, e - splitting / 2]) if magnetic else e[None]


def nonzero(z: Complex) -> Complex:
    """Replace exact zeros by `TINY`."""
    if not z.all():
        z[z == 0] = TINY
    return z


@dataclass
class Half:
    """One half in the spin frame of its magnet; arrays [spin, ...]."""

    lead: Lead
    g: Complex  # surface Green's function at the cut
    difference: Any  # g_+ - g_-, exactly 0.0 where no plane is magnetic
    phase: Any = None  # a number with the phase of the propagator F from the first plane to the cut
    chain: Any = None  # g of every plane, from the lead to the cut

    def take(self, block: Block) -> Half:
        """Return the part of the batch in ``block``."""
        if block is None:
            return self
        lead = Lead(take(self.lead.sigma, block, 1), 0.0, take(self.lead.velocity, block, 1), self.lead.hopping)
        phase = None if self.phase is None else take(self.phase, block, 1)
        chain = None if self.chain is None else [take(g, block, 1) for g in self.chain]
        return Half(lead, take(self.g, block, 1), take(self.difference, block), phase, chain)

    @cached_property
    def phase_size(self) -> Floats:
        """|phase|², 1 where that is 0."""
        size: Floats = self.phase.real**2 + self.phase.imag**2
        if not size.all():
            size[size == 0] = 1.0
        return size

    @cached_property
    def outgoing(self) -> Complex:
        """√v F: the wave at the cut per unit of incoming flux, from |√v F|² = -2 Im g."""
        return np.asarray(self.phase * np.sqrt(-2 * self.g.imag / self.phase_size))

    @cached_property
    def reflection(self) -> Complex:
        """Reflection amplitude -F/F* of the isolated half, 0 for a closed channel."""
        return np.asarray(self.phase * self.phase * (-self.lead.open / self.phase_size))


def solve_halves(batch: Batch, block: Block, *, phase: bool = False, chain: bool = False) -> tuple[Half, Half]:
    """Solve both halves for one block of the batch, mirror images once."""
    lead = solve_lead(batch, 0, block)
    left = solve_half(batch, 0, block, lead, phase, chain)
    if batch.stack.symmetric:
        return left, left
    if not batch.stack.equal_leads:
        lead = solve_lead(batch, 1, block)
    return left, solve_half(batch, 1, block, lead, phase, chain)


def solve_half(
    batch: Batch, side: int, block: Block, lead: Lead, phase: bool, chain: bool, guard: bool = False
) -> Half:
    """Solve one half plane by plane: g_n,s = 1/(E - ε_n,s - t² g_n-1,s).

    The difference of the spins is propagated as g_n,+ - g_n,- = g_n,+ g_n,- (t² (g_n-1,+ - g_n-1,-) - Δ_n), the
    propagator as F_n = -t g_n F_n-1.
    """
    stack, t = batch.stack, lead.hopping
    scale = 1 / (t * t)
    g: Complex = lead.sigma * scale
    difference = lead.difference * scale
    skip = stack.lead_like[side]
    F: Any = -((-t * g) ** skip) if phase else None
    gs = [g] * skip
    levels: dict[Any, NDArray[Any]] = {}
    steps = stack.runs[side]
    if chain:
        steps = [[step] for run in steps for step in run]
    crossed = 0
    for run in steps:
        hops = [t if bond < 0 else batch.get("bonds", bond, block) for _, bond in run]
        es = [batch.plane_level(n, block, levels) for n, _ in run]
        if len(run) > 1:
            g, difference, factor = _cross(g, difference, es, hops, phase, guard)
        else:
            n = run[0][0]
            change = hops[0] * hops[0] * difference
            e = es[0][None]
            if stack.magnetic[n]:
                splitting = batch.get("splitting", n, block)
                e, change = spins(es[0], splitting, True), change - splitting
            inverse = e - hops[0] * hops[0] * g
            if guard:
                inverse[inverse == 0] = TINY
            g = 1 / inverse
            difference = 0.0 if isinstance(change, float) and change == 0 else g[0] * g[1] * change
            factor = -g
        gs.append(g)
        if phase:
            F = F * factor
            crossed += len(run)
            if crossed >= NORMALIZE:
                F, crossed = _unit(F), 0
    if not guard and not np.isfinite(g.sum()):
        return solve_half(batch, side, block, lead, phase, chain, guard=True)
    return Half(lead, g, difference, F, gs if chain else None)


def _cross(
    g: Complex, difference: Any, es: list[NDArray[Any]], ts: list[Any], phase: bool, guard: bool
) -> tuple[Complex, Any, Any]:
    """Cross a run of nonmagnetic planes in one step, with coefficients real and equal for both spins.

    D_k = a_k - b_k g with D_k = e_k D_k-1 - t_k² D_k-2, D_0 = 1, D_-1 = g: then g_k = D_k-1/D_k,
    Im g_k = Im g Π t²/|D_k|² and (g_+ - g_-)_k = (g_+ - g_-) Π t²/(D_k+ D_k-). Also returns a number with the phase
    of the propagator across, which is Π(-t)/D_k.
    """
    weight = ts[0] * ts[0]
    a_before: Any = 1.0
    b_before: Any = 0.0
    a, b = es[0], weight
    for e, t in zip(es[1:], ts[1:], strict=True):
        square = t * t
        a_before, a = a, e * a - square * a_before
        b_before, b = b, e * b - square * b_before
        weight = weight * square
    D: Any
    out: Complex
    if np.iscomplexobj(es[0]):
        D = a - b * g
        out = (a_before - b_before * g) / D
    else:
        re, im = g.real.copy(), g.imag.copy()
        D_re, D_im = a - b * re, b * im  # Im D = -D_im
        size = D_re * D_re + D_im * D_im
        if guard:
            D_re[size == 0] = TINY
            size[size == 0] = TINY * TINY
        out = np.empty(size.shape, dtype=complex)
        np.divide((a_before - b_before * re) * D_re + (b_before * im) * D_im, size, out=out.real)
        np.divide(im * weight, size, out=out.imag)
        D = None
        if phase or not isinstance(difference, float):
            D = np.empty(size.shape, dtype=complex)
            D.real = D_re
            np.negative(D_im, out=D.imag)
    if not isinstance(difference, float):
        difference = difference * weight / (D[0] * D[1])
    factor = None if not phase else D.conj() if len(es) % 2 == 0 else -D.conj()
    return out, difference, factor


def _unit(z: Complex) -> Complex:
    """Return z/|z|, zero for zero."""
    size = np.sqrt(z.real**2 + z.imag**2)
    size[size == 0] = 1.0
    return np.asarray(z * (1 / size))
