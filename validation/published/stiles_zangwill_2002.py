"""Dephasing of the transverse spin current in a clean magnet as one over the depth."""

from dataclasses import replace

import numpy as np

from kwant_spinjunc.halves import zone
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.spin import torque_axes
from systems.tunnel_junction import tunnel_junction

from . import Compared

#: Magnet and barrier, unit t; the largest depth (planes) and the number of depths between half of it and it.
IRON = {"onsite": 5.0, "splitting": 1.6, "in_plane_hopping": 1.0}
DEEP, STEP = 400, 0.02


def compare(quick: bool) -> list[Compared]:
    """Return the power of the depth."""
    deep = DEEP // 2 if quick else DEEP
    junction = replace(tunnel_junction(theta=np.pi / 2, height=3.0, **IRON), buffer=deep)
    c, weights = zone.nodes(zone.thresholds(junction, 0.0), step=STEP)
    used = (weights > 1e-13) & junction.open_channels(np.asarray(0.0), c).any(axis=(-1, -2))
    k = np.stack([np.arccos(np.clip(c[used] / 2, -1, 1))] * 2, axis=-1)
    in_plane, normal = torque_axes(junction.magnetizations[1], junction.magnetizations[0])
    Q = 0.0
    for part, w in zip(np.array_split(k, 40), np.array_split(weights[used], 40), strict=True):
        currents = scatter(junction, 0.0, part, solver="halves").bond_currents[:, 0, -deep:, 1:]
        Q = Q + np.tensordot(w, currents, 1)
    size = np.hypot(Q @ in_plane, Q @ normal)
    n = np.arange(deep // 4, deep)
    return [
        Compared(
            id="dephasing-power",
            source="M. D. Stiles, A. Zangwill, Phys. Rev. B 66, 014407 (2002): asymptotic decay, from memory",
            kind="stated law",
            quantity=f"power of the depth in |Q⊥|, {n[0]} to {deep} planes; ε = 5 t, Δ = 1.6 t, t∥ = t",
            published=-1.0,
            ours=float(np.polyfit(np.log(n), np.log(size[n]), 1)[0]),
            tolerance=0.05,
            why="The next order is smaller by the inverse depth; nearer to the interface the local power is steeper.",
        )
    ]
