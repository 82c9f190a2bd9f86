r"""Leads whose modes are typed in, not diagonalized, and leads above the real axis, which have none.

What is typed in makes Kwant fast for wide cross-sections. A lead is uniform along x and z, so its modes are products of
a transverse mode (see `CrossSection.transverse_modes`), a spin along or against its m, and the wave of a chain along y:
with x = (E - ε)/2t, ε the level of that transverse mode and spin, the Bloch factor is -(x ∓ i √(1 - x²)), and the
velocity ∓2t √(1 - x²).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..arrays import Complex, Floats
from ..model.junction import Junction, Layer
from ..model.plane import CrossSection
from ..optional import kwant
from ..spin import spinors

#: Doublings of a lead: 2^60 cells.
DOUBLINGS = 60


def decimated(h: Complex, t: Complex) -> Complex:
    """Return Σ = -t (h + Σ)⁻¹ t† of leads at energies above the real axis, doubling the number of cells each time.

    ``h``: H - z of a cell, shape (..., n, n).
    ``t``: hopping of the p orbitals in front to the next cell, shape (..., p, n).
    """
    p, n = t.shape[-2:]
    ahead = np.zeros(np.broadcast_shapes(h.shape, (*t.shape[:-2], n, n)), dtype=complex)
    ahead[..., :p, :] = t
    back = np.swapaxes(ahead, -1, -2).conj()
    face = bulk = h
    for _ in range(DOUBLINGS):
        sides = np.concatenate([ahead, back], axis=-1)
        both = sides / bulk if n == 1 else np.linalg.solve(bulk, sides)
        forth, home = both[..., :n], both[..., n:]
        step = ahead @ home
        face, bulk = face - step, bulk - step - back @ forth
        ahead, back = -ahead @ forth, -back @ home
        if not (abs(step).max(axis=(-2, -1)) > 1e-17 * abs(face).max(axis=(-2, -1))).any():
            break
    return (face - h)[..., :p, :p]


def with_analytic_leads(system: kwant.Builder, junction: Junction, section: CrossSection) -> kwant.Builder:
    """Give what `build` made of a junction `kwant.builder.ModesLead` of analytic modes for leads, in place.

    Modes are grouped by spin (``block_nmodes``, majority first), so that ``smatrix.transmission((1, 0), (0, 1))`` works
    as with a conservation law. The transverse modes of a lead may be rotated among each other against those of Kwant:
    amplitudes differ by unitary matrices within a lead and spin, probabilities summed over modes do not.
    """
    system.leads = [
        kwant.builder.ModesLead(
            AnalyticModes(material, section), sorted(lead.interface, key=lambda site: (site.tag[0], site.tag[2])), []
        )
        for lead, material in zip(system.leads, junction.leads, strict=True)
    ]
    return system


@dataclass(frozen=True)
class AnalyticModes:
    """Kwant's modes function of a uniform lead, orbitals ordered (site, spin): call it with an energy."""

    material: Layer
    section: CrossSection

    @cached_property
    def _channels(self) -> tuple[Floats, Complex]:
        """Levels of all channels, (2 sites,), and their transverse spinors as columns: all majority ones first."""
        c, U = self.section.transverse_modes
        chi = spinors(self.material.m)
        levels = self.material.levels(c).T.ravel()
        return levels, np.hstack([np.kron(U, chi[:, [s]]) for s in (0, 1)])

    def __call__(self, energy: float, args: Any = (), *, params: Any = None) -> tuple[Any, Any]:
        """Return the propagating modes, and all modes as Kwant's solvers want them."""
        levels, vectors = self._channels
        t = self.material.hopping
        x = (energy - levels) / (2 * t)
        open_ = abs(x) < 1
        root = np.sqrt(abs((1 - x) * (1 + x)))
        # E - ε = t (λ + 1/λ), outgoing or decaying
        out = np.where(open_, x - 1j * root, 1 / (x + np.copysign(root, x)))
        waves = vectors * np.where(open_, 1 / np.sqrt(2 * t * np.where(open_, root, 1.0)), 1.0)
        # Bloch factor of ψ is -λ with hopping -t
        shape = np.concatenate([waves[:, open_], waves[:, open_], waves[:, ~open_]], axis=1)
        factors = np.concatenate([out[open_].conj(), out[open_], out[~open_]])
        # rows of Kwant's linear system: (H - E) ψ + √t vecs a = 0 and √t ψ - vecslmbdainv a = 0
        inverse = np.sqrt(t) * shape
        leads = kwant.physics.leads
        stabilized = leads.StabilizedModes(
            inverse * factors, inverse, int(open_.sum()), np.sqrt(t) * np.eye(len(levels))
        )
        velocity = 2 * t * root[open_]
        k = np.angle(-out[open_])
        propagating = leads.PropagatingModes(
            shape[:, : 2 * len(k)], np.concatenate([-velocity, velocity]), np.concatenate([-k, k])
        )
        propagating.block_nmodes = [int(part.sum()) for part in np.split(open_, 2)]
        return propagating, stabilized
