r"""Surfaces of leads: from the blocks of a unit cell to self-energy, sources and outgoing amplitudes, many at once.

A lead with cell h (measured from the energy) and hopping t = ⟨j|H|j+1⟩, j counting away from the system, has the modes

    (h + tλ + t†/λ) φ = 0,    v = -2 Im(λ φ†tφ),                                                              (a)

open ones normalized to v = ±1; outgoing are |λ| < 1, or |λ| = 1 and v > 0. With Φ all outgoing modes as columns and
φ_in the incoming ones, ψ_j = ΦΛ^j a_out + φ_in λ_in^j a_in at the interface (j = 0) and beyond gives

    Σ = tΦΛΦ⁻¹,  source = Σφ_in - tφ_in λ_in,  out = open rows of Φ⁻¹,  r = -out φ_in,                        (b)
    (H - E + Σ) ψ = source a_in,    a_out = out ψ + r a_in.

Which is right is told by two residuals that know nothing of each other: Dyson's Σ = -t(h + Σ)⁻¹t†, and the flux
i(Σ - Σ†) = out†out. Where they, or the modes themselves, are in doubt, `Surface.doubtful` says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from ..arrays import Complex, Flags, Floats, Integers
from .matrices import dagger, inverse, magnitude, solved

#: (h, t) of one lead -> (Σ, source, out, r) or None where it has no modes either
Reference = Callable[[Complex, Complex], "tuple[Complex, Complex, Complex, Complex] | None"]

#: |log|λ|| below which a mode is open, and above which it is closed; between them nobody can tell.
OPEN, CLOSED = 1e-9, 1e-7
#: Largest defect of Dyson's equation and of the flux, relative to |Σ| or |t|.
RESIDUAL = 1e-11
#: The same of a reference that was asked where they were larger.
REFERENCE = 1e-8
#: Rounding of Σ relative to its size.
ROUNDING = 1e-15
#: Smallest velocity over |t|, and smallest distance of two open λ of one direction.
SLOW, SAME = 1e-6, 1e-6
#: |h_bb⁻¹| over the size of a cell from which a level of the rest of the cell lies too near.
LEVEL = 1e5
#: The Bloch factor from which others are looked for, of complex and of real matrices: none that a lead should have.
SHIFT, REAL_SHIFT = 0.35 * complex(np.exp(0.7j)), 0.35
#: Smallest Bloch factor.
TINY = 1e-15
#: Condition of t (of the triangle of its Cholesky factor) up to which it is inverted.
SINGULAR = 1e-6


@dataclass(frozen=True, eq=False)
class Surface:
    """What a scattering region feels of leads, equation (b); ``channels`` are padded with zeros."""

    sigma: Complex  #: Shape (..., n, n).
    source: Complex  #: Shape (..., n, channels).
    out: Complex  #: Shape (..., channels, n).
    reflection: Complex  #: Shape (..., channels, channels).
    count: Integers  #: Shape (...): open channels.
    doubtful: Flags  #: Shape (...): where modes cannot be told apart, or a residual is too large.
    residual: Floats  #: Shape (...): the larger of both residuals.

    def __getitem__(self, index: Any) -> Surface:
        return Surface(**{f.name: getattr(self, f.name)[index] for f in fields(self)})


def surfaces(h: Complex, t: Complex, *, mirrored: bool = False) -> tuple[Surface, ...]:
    """Return the surfaces of leads with cells h and hoppings t, and those of their mirror images (h, t†) if asked for.

    ``h``: shape (..., n, n): Cell measured from the energy; its first p orbitals are those of its interface.
    ``t``: shape (..., p, n): Hopping from cell j + 1 to the interface of cell j, p <= n. A mirror image has p = n.
    """
    inner, hopping, extra, level = _reduced(h, t)
    definite = _cholesky(hopping)
    if definite is not None:  # its own mirror image
        part = _of_definite(inner, hopping, *definite)
        whole = _audited(h, t, replace(part, sigma=part.sigma + extra, doubtful=part.doubtful | level))
        return (whole, whole) if mirrored else (whole,)
    lam, phi, singular = _bloch_modes(inner, hopping)
    hoppings = np.stack([hopping, dagger(hopping)]) if mirrored else hopping[None]
    factors = np.stack([lam, 1 / lam]) if mirrored else lam[None]
    part = _of_modes(hoppings, factors, phi, level | singular)
    whole = replace(part, sigma=part.sigma + extra, doubtful=part.doubtful | level)
    found = _audited(h, hoppings if mirrored else t[None], whole)
    return tuple(found[side] for side in range(len(hoppings)))


def _reduced(h: Complex, t: Complex) -> tuple[Complex, Complex, Any, Flags]:
    """Return cell and hopping on the interface's orbitals alone, what the rest adds to Σ, and where it has a level.

    With a the interface and b the rest, t = (t_a, t_b): b_j = -h_bb⁻¹ (h_ba a_j + t_b† a_j-1) leaves
    h' = h_aa - h_ab h_bb⁻¹ h_ba - t_b h_bb⁻¹ t_b†, t' = t_a - t_b h_bb⁻¹ h_ba.
    """
    p, n = t.shape[-2:]
    if p == n:
        return h, t, 0.0, np.zeros(h.shape[:-2], dtype=bool)
    h_ab, h_ba, t_a, t_b = h[..., :p, p:], h[..., p:, :p], t[..., :p], t[..., p:]
    g, level = inverse(h[..., p:, p:])
    level = level | (magnitude(g) * np.maximum(magnitude(h), magnitude(t)) > LEVEL)
    extra = -t_b @ g @ dagger(t_b)
    return h[..., :p, :p] - h_ab @ g @ h_ba + extra, t_a - t_b @ g @ h_ba, extra, level


# ------------------------------------------------------------------------------------- a Hermitian, definite hopping
def _cholesky(t: Complex) -> tuple[Complex, float] | None:
    """Return C⁻¹ and s = ±1 with t = s C C† for all t, None if some t is not Hermitian and definite."""
    scale = magnitude(t).max(initial=0.0)
    if not scale or abs(t - dagger(t)).max() > 1e-14 * scale:
        return None
    sign = float(np.sign(t.real.flat[0]))
    try:
        C = np.linalg.cholesky(sign * t)
    except np.linalg.LinAlgError:
        return None
    diagonal = np.diagonal(C, axis1=-2, axis2=-1).real
    if diagonal.min() < SINGULAR * diagonal.max():
        return None
    return np.linalg.inv(C), sign


def _of_definite(h: Complex, t: Complex, root: Complex, sign: float) -> Surface:
    """Return the surfaces for t = s C C†: h φ = -x t φ with x = λ + 1/λ real; degeneracies are exact."""
    a, u = np.linalg.eigh(root @ h @ dagger(root))
    x = -sign * a / 2
    open_ = abs(x) < 1
    s = np.sqrt(abs((1 - x) * (1 + x)))
    lam = np.where(open_, x - 1j * sign * s, 1 / (x + np.copysign(s, x)))
    dual = sign * (t @ (dagger(root) @ u))  # Φ†t s = Φ⁻¹: its dagger
    sigma = (sign * dual * lam[..., None, :]) @ dagger(dual)
    order = np.argsort(~open_, axis=-1, kind="stable")
    count = open_.sum(axis=-1)
    most = int(count.max(initial=0))
    first = order[..., :most]
    live = np.arange(most) < count[..., None]
    chosen = np.take_along_axis(dual, first[..., None, :], axis=-1)
    root_v = np.sqrt(2 * np.take_along_axis(s, first, axis=-1)) * live
    # normalized modes φ/√v: source = t φ (λ - λ*)/√v, with t φ = s·dual
    source = -1j * chosen * root_v[..., None, :]
    out = dagger(chosen) * root_v[..., None]
    reflection = -np.eye(most) * live[..., None]
    doubtful = (abs(abs(x) - 1) < (SLOW / 2) ** 2 / 2).any(axis=-1)
    return Surface(sigma, source, out, reflection + 0j, count, doubtful, np.zeros(count.shape))


# --------------------------------------------------------------------------------------------------- any other hopping
def _bloch_modes(h: Complex, t: Complex) -> tuple[Complex, Complex, Flags]:
    """Return all 2n Bloch factors (..., 2n) and modes (..., n, 2n), and where they cannot be had."""
    N, shift, singular = _shifted(h, t)
    nu, vectors = np.linalg.eig(N)
    n = h.shape[-1]
    lam = _factors(nu, shift)
    # of (λφ, φ) the larger half has the digits
    return lam, np.where((abs(lam) > 1)[..., None, :], vectors[..., :n, :], vectors[..., n:, :]) + 0j, singular


def _shifted(h: Complex, t: Complex) -> tuple[Complex, complex, Flags]:
    """Return N with N (λφ, φ) = (λφ, φ)/(λ - σ) for all modes, σ, and where it cannot be had.

    Equation (a) as a pencil, [[-h, -t†], [1, 0]] - λ [[t, 0], [0, 1]], shifted by σ and inverted: with
    G = (h + σt + t†/σ)⁻¹, N = [[-Gt, Gt†/σ], [-Gt/σ, Gt†/σ² - 1/σ]]. Nothing is divided by t, which may be singular.
    """
    n, is_real = h.shape[-1], not (h.imag.any() or t.imag.any())
    shift = REAL_SHIFT if is_real else SHIFT
    on: Any = h.real if is_real else h
    to: Any = t.real if is_real else t
    G, singular = inverse(on + shift * to + dagger(to) / shift)
    N = np.empty((*h.shape[:-2], 2 * n, 2 * n), dtype=G.dtype)
    N[..., :n, :n], N[..., :n, n:] = -G @ to, G @ dagger(to) / shift
    N[..., n:, :] = N[..., :n, :] / shift
    N[..., np.arange(n, 2 * n), np.arange(n, 2 * n)] -= 1 / shift
    return N, shift, singular


def _factors(nu: Complex, shift: complex) -> Complex:
    """Return λ = σ + 1/ν; of a singular t some are zero or infinite, here very small or large."""
    lam = shift + 1 / np.where(abs(nu) < TINY, TINY, nu)
    found: Complex = np.where(abs(lam) < TINY, TINY, lam) + 0j
    return found


def _of_modes(t: Complex, lam: Complex, phi: Complex, doubtful: Flags) -> Surface:
    """Return the surfaces from all 2n modes of each lead."""
    n = t.shape[-1]
    phi = phi / np.linalg.norm(phi, axis=-2, keepdims=True)
    scale = magnitude(t)
    distance = abs(np.log(abs(lam)))
    open_ = distance < CLOSED
    v = -2 * np.imag(lam * (phi.conj() * (t @ phi)).sum(axis=-2))
    outgoing, incoming = open_ & (v > 0), open_ & (v <= 0)
    inside = ~open_ & (abs(lam) < 1)
    count = outgoing.sum(axis=-1)
    slow = (open_ & (abs(v) < SLOW * scale[..., None])).any(axis=-1)
    unclear = ((distance > OPEN) & open_).any(axis=-1)
    wrong = (count + inside.sum(axis=-1) != n) | (incoming.sum(axis=-1) != count)
    doubtful = doubtful | slow | unclear | wrong
    most = int(np.where(doubtful, 0, count).max(initial=0))
    count = np.where(doubtful, 0, count)
    live = np.arange(most) < count[..., None]

    first = np.argsort(np.where(outgoing, 0, np.where(inside, 1, 2)), axis=-1, kind="stable")[..., :n]
    back = np.argsort(~incoming, axis=-1, kind="stable")[..., :most]
    modes = np.broadcast_to(np.swapaxes(phi, -1, -2), (*lam.shape, n)).reshape(-1, n)  # all, one after another
    place = lam.shape[-1] * np.arange(count.size).reshape(*count.shape, 1)
    first, back = first + place, back + place
    Phi, Lam = np.swapaxes(modes[first], -1, -2), lam.ravel()[first]
    phi_in, lam_in = np.swapaxes(modes[back], -1, -2), lam.ravel()[back]
    v_out, v_in = (abs(v).ravel()[pick] for pick in (first[..., :most], back))
    doubtful = doubtful | _degenerate(np.stack([Lam[..., :most], lam_in]), live).any(axis=0)
    Phi[..., :most] /= np.sqrt(np.where(live, v_out, 1.0))[..., None, :]
    phi_in = phi_in * np.where(live, 1 / np.sqrt(np.where(live, v_in, 1.0)), 0.0)[..., None, :]
    lam_in = np.where(live, lam_in, 1.0)
    dual, bad = inverse(Phi)
    doubtful = doubtful | bad
    sigma = t @ ((Phi * Lam[..., None, :]) @ dual)
    out = np.where(live[..., None], dual[..., :most, :], 0.0)
    source = sigma @ phi_in - t @ (phi_in * lam_in[..., None, :])
    return Surface(sigma, source, out, -out @ phi_in, count, doubtful, np.zeros(count.shape))


def _degenerate(lam: Complex, live: Flags) -> Flags:
    """Tell where two open Bloch factors of one direction nearly agree: their modes are no basis to be trusted."""
    most = lam.shape[-1]
    if most < 2:
        return np.full(lam.shape[:-1], False)
    near = abs(lam[..., :, None] - lam[..., None, :]) < SAME
    both = live[..., :, None] & live[..., None, :] & ~np.eye(most, dtype=bool)
    return np.asarray((near & both).any(axis=(-1, -2)))


def _audited(h: Complex, t: Complex, surface: Surface) -> Surface:
    """Return the surface with its residuals, those of the flux and of Dyson's equation."""
    sigma, source, out = surface.sigma, surface.source, surface.out
    scale = np.maximum(magnitude(sigma), 1e-300)
    gamma = 1j * (sigma - dagger(sigma))
    flux = np.maximum(magnitude(gamma - dagger(out) @ out), magnitude(gamma - source @ dagger(source)))
    p = t.shape[-2]
    inner = np.array(np.broadcast_to(h, (*sigma.shape[:-2], *h.shape[-2:])))
    inner[..., :p, :p] += sigma
    right, singular = solved(inner, dagger(t))
    dyson = np.where(singular, np.inf, magnitude(sigma + t @ right))
    # near a surface state Σ is large, and its own rounding ε|Σ| is multiplied by (|Σ|/|t|)² in Dyson's equation
    rounding = ROUNDING * (scale / np.maximum(magnitude(t), 1e-300)) ** 2
    residual = np.maximum(flux / scale, np.maximum(dyson / scale - rounding, 0.0))
    doubtful = surface.doubtful | ~(residual < RESIDUAL)
    return replace(surface, doubtful=doubtful, residual=residual)


def settled(surface: Surface, h: Complex, t: Complex, reference: Reference) -> Surface:
    """Return the surface with what is doubtful taken from a slower reference, and doubted on if that fails as well."""
    if not surface.doubtful.any():
        return surface
    found = {}
    for at in map(tuple, np.argwhere(surface.doubtful)):
        modes = reference(h[at], t[at])
        if modes is not None:
            found[at] = modes
    most = max([surface.source.shape[-1], *(modes[1].shape[-1] for modes in found.values())])
    n, shape = t.shape[-2], surface.count.shape
    extra = most - surface.source.shape[-1]
    sigma = surface.sigma.copy()
    source = np.concatenate([surface.source, np.zeros((*shape, n, extra))], axis=-1)
    out = np.concatenate([surface.out, np.zeros((*shape, extra, n))], axis=-2)
    reflection = np.zeros((*shape, most, most), dtype=complex)
    old = surface.reflection.shape[-1]
    reflection[..., :old, :old] = surface.reflection
    count, doubtful = surface.count.copy(), surface.doubtful.copy()
    for at, (sigma_, source_, out_, reflection_) in found.items():
        N = source_.shape[1]
        sigma[at], count[at], doubtful[at] = sigma_, N, False
        source[at], out[at], reflection[at] = 0, 0, 0
        source[at][:, :N], out[at][:N], reflection[at][:N, :N] = source_, out_, reflection_
    # the reference is judged by the same residuals, as it is the last resort by the looser one that Kwant reaches
    residual = _audited(h, t, Surface(sigma, source, out, reflection, count, doubtful, surface.residual)).residual
    # a reference may miscount channels where t is nearly singular: the residuals tell which of both is nearer
    worse = surface.doubtful & (surface.residual < np.minimum(residual, REFERENCE))
    for at in map(tuple, np.argwhere(worse)):
        sigma[at], count[at] = surface.sigma[at], surface.count[at]
        source[at], out[at], reflection[at] = 0, 0, 0
        source[at][:, :old], out[at][:old] = surface.source[at], surface.out[at]
        reflection[at][:old, :old] = surface.reflection[at]
    residual = np.where(worse, surface.residual, residual)
    return Surface(sigma, source, out, reflection, count, (doubtful & ~worse) | ~(residual < REFERENCE), residual)


def channels(h: Complex, t: Complex) -> Integers:
    """Return the number of open channels of leads (see `surfaces`), shape (...), from Bloch factors alone."""
    inner, hopping, *_ = _reduced(h, t)
    definite = _cholesky(hopping)
    if definite is not None:
        root, _ = definite
        return np.asarray((abs(np.linalg.eigvalsh(root @ inner @ dagger(root))) < 2).sum(axis=-1))
    N, shift, _ = _shifted(inner, hopping)
    distance = abs(np.log(abs(_factors(np.linalg.eigvals(N), shift))))
    return np.asarray((distance < CLOSED).sum(axis=-1) // 2)
