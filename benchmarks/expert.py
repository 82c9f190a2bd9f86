"""The fastest Kwant we can write for a clean chain: leads whose modes are typed in, not diagonalized.

A user who knows Kwant's internals and the junction's analytic modes replaces both leads by `kwant.builder.ModesLead`;
what is left is Kwant's own assembly and sparse solution of the linear system.
"""

from __future__ import annotations

from typing import Any

import kwant
import numpy as np
from kwant.physics.leads import PropagatingModes, StabilizedModes

from kwant_spinjunc import Junction, Layer
from kwant_spinjunc.builder import build
from kwant_spinjunc.spin import spinors

__all__ = ["build_expert"]


def build_expert(junction: Junction) -> Any:
    """Return the junction as a finalized Kwant system with hand-written leads (Γ point, one site per plane)."""
    system = build(junction)
    system.leads = [
        kwant.builder.ModesLead(_modes_of(layer), lead.interface, [])
        for lead, layer in zip(system.leads, junction.leads, strict=True)
    ]
    return system.finalized()


def _modes_of(layer: Layer) -> Any:
    """Return Kwant's modes function of a lead, spins along its m."""
    t = layer.hopping
    chi = spinors(layer.m)
    root_t = np.sqrt(t) * np.eye(2)
    levels = layer.levels(2.0)

    def modes(energy: float, args: Any = (), *, params: Any = None) -> tuple[PropagatingModes, StabilizedModes]:
        x = (energy - levels) / (2 * t)
        open_ = abs(x) < 1
        root = np.sqrt(abs(1 - x * x))
        out = np.where(open_, x - 1j * root, x - np.copysign(root, x))  # E - ε = t (λ + 1/λ), outgoing or decaying
        size = np.where(open_, 1 / np.sqrt(2 * t * np.where(open_, root, 1.0)), 1.0)
        waves = chi * size
        # Bloch factor of ψ is -λ with hopping -t
        incoming, outgoing, decaying = waves[:, open_], waves[:, open_], waves[:, ~open_]
        shape = np.concatenate([incoming, outgoing, decaying], axis=1)
        factors = np.concatenate([out[open_].conj(), out[open_], out[~open_]])
        # rows of Kwant's linear system: (H - E) ψ + √t vecs a = 0 and √t ψ - vecslmbdainv a = 0
        inverse = np.sqrt(t) * shape
        stabilized = StabilizedModes(inverse * factors, inverse, int(open_.sum()), root_t)
        velocity = 2 * t * root[open_]
        k = np.angle(-out[open_])
        propagating = PropagatingModes(
            np.concatenate([incoming, outgoing], axis=1),
            np.concatenate([-velocity, velocity]),
            np.concatenate([-k, k]),
        )
        propagating.block_nmodes = [int(value) for value in open_]
        return propagating, stabilized

    return modes
