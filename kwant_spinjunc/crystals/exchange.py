r"""What turning the spins behind the cut of a crystal costs, at complex energies.

With D(z, θ) = det(1 - g_F K g_B K†), K = h U(θ), of the halves as in `halves.joint`, the grand potential is Ω =
(1/π) Im ∫ dz f ln D, and turning everything behind the cut further by dφ about e changes K by -(i/2) dφ e·σ K, so

    ∂_e ln D = (i/2) Tr e·σ [A, X],    A = K g_B K†,  X = (1 - g_F A)⁻¹ g_F.

Above the real axis all states of a lead decay into it, and its self-energy is that of a chain doubled until its end is
out of reach: no modes are needed.
"""

from __future__ import annotations

import numpy as np

from ..arrays import Complex, Floats
from ..devices.lead_modes import decimated
from ..halves.chain import eliminate
from ..halves.joint import Seen, Turn
from ..halves.matrices import dagger, spin_times
from ..halves.surface import Surface
from ..spin import PAULI
from .crystal import Crystal
from .fourier import Series
from .solve import chains_of, lead_surfaces


def exchange_integrand(crystal: Crystal, z: Complex, k: Floats, turn: Turn | None) -> Complex:
    """Return ∂_e ln D for e = x, y, z in the frame of the front, (points, angles, 3), of a crystal cut in two.

    ``z``, ``k``: energies above the real axis, (points,), and momenta, (points, dimensions).
    """
    chains, across = chains_of(crystal, lead_surfaces(crystal, z, k, _above), z, k)
    if across is None:
        raise ValueError("a crystal without a cut has no two halves")
    g_F, g_B = (Seen(eliminate(chain), side.lift).open[0] for chain, side in zip(chains, crystal.sides, strict=True))
    Kd = dagger(across)[:, None]
    if turn is not None:
        Kd = spin_times(dagger(turn.matrices()), Kd)
    A = dagger(Kd) @ g_B[:, None] @ Kd
    g = g_F[:, None]
    X = np.linalg.solve(np.eye(g.shape[-1]) - g @ A, np.broadcast_to(g, A.shape))
    commutator = A @ X - X @ A
    n = A.shape[-1] // 2
    spins = np.einsum("...siti->...st", commutator.reshape(*A.shape[:-2], 2, n, 2, n))
    return np.asarray(0.5j * np.einsum("xts,...st->...x", PAULI, spins))


def _above(h: Complex, t: Complex, mirrored: bool) -> tuple[Surface, ...]:
    """Return the self-energy of a lead above the real axis as a surface without channels, and of its mirror image."""
    found = []
    for hopping in (t, dagger(t))[: 1 + mirrored]:
        sigma = decimated(h, hopping)
        shape, none = sigma.shape[:-2], np.zeros(sigma.shape[:-2])
        source = np.zeros((*sigma.shape[:-1], 0), dtype=complex)
        nowhere = np.zeros((*shape, 0, 0), dtype=complex)
        found.append(Surface(sigma, source, dagger(source), nowhere, none.astype(np.int64), none.astype(bool), none))
    return tuple(found)


def spectrum_floor(crystal: Crystal) -> float:
    """Return an energy below all states at any momentum (Gershgorin)."""
    blocks = [block for side in range(len(crystal.sides)) for block in crystal.blocks(side)]
    hoppings = [series for series, sites in blocks if sites is None]
    hoppings += [] if crystal.across is None else [crystal.across]
    most = max(float(abs(s.coefficients).sum(axis=(0, axis)).max()) for s in hoppings for axis in (1, 2))
    onsite = [series for series, sites in blocks if sites is not None]
    # a plane has two neighbors and at most all leads
    return min(_lowest(series) for series in onsite) - (2 + len(crystal.leads)) * most


def _lowest(series: Series) -> float:
    levels = np.einsum("tii->i", series.coefficients[~series.translations.any(axis=1)]).real
    around = abs(series.coefficients).sum(axis=(0, 2)) - abs(levels)
    return float((levels - around).min())
