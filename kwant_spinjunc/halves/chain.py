r"""A half seen from its cut: planes of any size are eliminated from the outside to the cut, once, for many at a time.

With L = H - E + Σ in planes k = 0 (at the cut), 1, …, T_k = H_k,k+1 the hopping from plane k + 1 to plane k, R the
sources and O the outgoing amplitudes of the leads (see `surface`), eliminating plane k + 1 leaves

    D_k ← D_k - T_k D̃⁻¹ T_k†,  R_k ← R_k - T_k D̃⁻¹ R,  O_k ← O_k - O D̃⁻¹ T_k†,  s ← s + O D̃⁻¹ R.

At the cut g = D̃⁻¹, w = g R, o = O g, s ← s + O w. Waves come back outward by ψ_k+1 = D̃⁻¹(R a - T_k† ψ_k). Nothing is
ever subtracted that is of the order of the result: transmissions of 1e-20 keep their digits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import accumulate
from typing import Any

import numpy as np

from ..arrays import Complex, Floats, Integers
from .matrices import dagger, inverse, magnitude, solved
from .surface import Surface


@dataclass(frozen=True)
class Attached:
    """A lead at orbitals ``rows`` of plane ``plane``, a slice where they follow each other."""

    plane: int
    rows: Integers | slice
    surface: Surface

    @property
    def block(self) -> Any:
        """Its rows and columns in a matrix of its plane."""
        return (self.rows, self.rows) if isinstance(self.rows, slice) else (self.rows[:, None], self.rows)


@dataclass(frozen=True)
class Chain:
    """The planes of a half, outward from the cut, each array with the same leading axes."""

    onsite: Sequence[Complex]  #: H - E of each plane, without self-energies.
    hopping: Sequence[Complex]
    leads: Sequence[Attached]


@dataclass(frozen=True, eq=False)
class Half:
    """A half seen from its cut."""

    #: `D`, `R`, `out`: The effective L of the plane at the cut, its sources and its outgoing amplitudes.
    D: Complex
    R: Complex
    out: Complex
    s0: Complex  #: Amplitudes of what returns without having been at the cut.
    #: `g`, `w`, `o`, `s`: D⁻¹, g R, O g, s0 + O w: the half with its cut open.
    g: Complex
    w: Complex
    o: Complex
    s: Complex
    growth: Floats  #: Largest |D̃⁻¹||T| that was met: digits that a plane with a level at the energy costs.
    steps: tuple[tuple[Complex, Complex], ...]  #: D̃⁻¹T†, D̃⁻¹R of each plane but the first, outward: what waves need.

    def __getitem__(self, index: Any) -> Half:
        arrays = {f.name: getattr(self, f.name)[index] for f in fields(self) if f.name != "steps"}
        return Half(**arrays, steps=tuple((a[index], b[index]) for a, b in self.steps))


def eliminate(chain: Chain) -> Half:
    """Eliminate the planes of a half down to its cut."""
    last = len(chain.onsite) - 1
    shape = chain.onsite[0].shape[:-2]
    widths = [lead.surface.source.shape[-1] for lead in chain.leads]
    starts = list(accumulate(widths, initial=0))
    total = starts[-1]
    # sources are columns beside L, outgoing amplitudes rows: one solve and one product do all of a plane
    L, out = _with_leads(chain, last, starts, total)
    s = np.zeros((*shape, total, total), dtype=complex)
    for lead, at in zip(chain.leads, starts, strict=False):
        width = lead.surface.source.shape[-1]
        s[..., at : at + width, at : at + width] = lead.surface.reflection
    growth = np.zeros(shape)
    steps = []
    for k in range(last - 1, -1, -1):
        T = chain.hopping[k]
        n, m = T.shape[-2:]
        right = np.empty((*shape, m, n + total), dtype=complex)
        right[..., :n], right[..., n:] = dagger(T), L[..., m:]
        X, singular = solved(L[..., :m], right)
        X_T, X_R = X[..., :n], X[..., n:]
        size = magnitude(X_T)
        growth = np.maximum(growth, np.where(singular, np.inf, size) if singular.any() else size)
        steps.append((X_T, X_R))
        passed = out @ X
        s += passed[..., n:]
        L, own = _with_leads(chain, k, starts, total)
        L -= T @ X
        out = own - passed[..., :n]
    n = L.shape[-2]
    D, R = L[..., :n], L[..., n:]
    g, singular = inverse(D)
    if singular.any():
        g = np.where(singular[..., None, None], np.inf, g)
    with np.errstate(invalid="ignore"):
        w: Complex = g @ R
        o: Complex = out @ g
        through: Complex = s + out @ w
    return Half(D, R, out, s, g, w, o, through, growth, tuple(reversed(steps)))


def _with_leads(chain: Chain, k: int, starts: Any, total: int) -> tuple[Complex, Complex]:
    """Return L of a plane by itself with its sources beside it, (..., n, n + channels), and its outgoing amplitudes."""
    D = chain.onsite[k]
    shape, n = D.shape[:-2], D.shape[-1]
    L, out = np.zeros((*shape, n, n + total), dtype=complex), np.zeros((*shape, total, n), dtype=complex)
    L[..., :n] = D
    for lead, at in zip(chain.leads, starts, strict=False):
        if lead.plane == k:
            surface, rows = lead.surface, lead.rows
            width = surface.source.shape[-1]
            L[(..., *lead.block)] += surface.sigma
            L[..., rows, n + at : n + at + width] += surface.source
            out[..., at : at + width, rows] += surface.out
    return L, out


def reduced(chain: Chain, measure: Callable[[Complex], Any], reactive: bool = False) -> tuple[Any, Complex]:
    """Return the sum over all planes but that at the cut of a measure of what each is in the elimination, and the last.

    Of log det it is that of H - E + Σ. ``reactive``: without absorption, H - E + Re Σ; negative eigenvalues counted
    plane by plane are then those of the whole (Sylvester's law of inertia).
    """
    last = len(chain.onsite) - 1
    total = np.zeros(chain.onsite[0].shape[:-2], dtype=np.int64)
    D = _closed(chain, last, reactive)
    for k in range(last - 1, -1, -1):
        total = total + measure(D)
        T = chain.hopping[k]
        right, _ = solved(D, np.broadcast_to(dagger(T), (*D.shape[:-1], T.shape[-2])))
        D = _closed(chain, k, reactive) - T @ right
        D = (D + dagger(D)) / 2 if reactive else D
    return total, D


def _closed(chain: Chain, k: int, reactive: bool) -> Complex:
    """Return H - E + Σ, or H - E + Re Σ, of a plane by itself."""
    D = chain.onsite[k]
    for lead in chain.leads:
        if lead.plane == k:
            sigma = lead.surface.sigma
            D = D.copy()
            D[(..., *lead.block)] += (sigma + dagger(sigma)) / 2 if reactive else sigma
    return D
