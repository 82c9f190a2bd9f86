"""Average Fe|barrier|Fe over its zone to one percent at 19 angles: ``python -m benchmarks.iron``, minutes on two cores.

It spends all its momenta, and says so: torques about the axis of the turn, tens of the incoming flux at sharp levels,
do not reach one percent. Beside it an independent mean: a regular mesh of the irreducible eighth of the zone, having
seen that the eight are one.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported

import sys
import time
from typing import Any

import numpy as np

import kwant_spinjunc as sj
from systems.iron_barrier import iron_barrier

from .table import Row, show, table

ANGLES = np.linspace(0, np.pi, 19)
#: Seconds, the error asked for, most momenta, and momenta along a side of the zone of two meshes.
BAR, RTOL, MOST, MESHES = 600.0, 0.01, 2**18, (192, 256)


def transmissions(device: sj.Device, k: Any) -> Any:
    """Return T_ss' from the first lead to the second at momenta, (angles, points, 2, 2)."""
    return sj.scatter(device, 0.0, k=k, turns=ANGLES, behind="barrier", max_defect=1e-3).probabilities[..., 1, :, 0, :]


def mesh_mean(device: sj.Device, size: int) -> Any:
    """Return the mean on a mesh of the square, from those of its momenta with 0 < k_y <= k_z."""
    i, j = np.triu_indices(size // 2)
    line = (np.arange(size // 2) + 0.5) * 2 * np.pi / size
    T = transmissions(device, np.stack([line[i], line[j]], axis=1))
    return np.average(T, axis=1, weights=np.where(i == j, 1.0, 2.0))


def main() -> int:
    """Run everything; the exit status is the number of bars missed."""
    device = iron_barrier(thickness=5)
    k = np.random.default_rng(1).uniform(0, np.pi, (5, 2))
    eight = [transmissions(device, k * signs) for signs in ([1, 1], [-1, 1], [1, -1])] + [
        transmissions(device, k[:, ::-1])
    ]
    uneven = max(float(abs(T - eight[0]).max()) for T in eight) / float(eight[0].max())
    start = time.perf_counter()
    found = sj.zone_average(device, 0.0, workers=2, turns=ANGLES, behind="barrier", rtol=RTOL, max_points=MOST)
    spent = time.perf_counter() - start
    T, error = found.probabilities[:, 1, :, 0], found.k_error[:, 1, :, 0]
    coarse, fine = (mesh_mean(device, size) for size in MESHES)
    miss, own = abs(T - fine).max() / T.max(), abs(fine - coarse).max() / T.max()
    claim = error.max() / T.max()
    rows = [
        Row("Fe|barrier|Fe, 19 angles, to 1 %", show(spent), "", f"{found.points} k", show(BAR), spent < BAR),
        Row("  error claimed, of the largest T_ss'", "", "", f"{claim:.2g}", f"{RTOL:g}", claim <= RTOL),
        Row("  difference to a mesh, whose own is", f"{own:.2g}", "", f"{miss:.2g}", "claims", miss < claim + own),
        Row("  eight parts of the zone differ by", "", "", f"{uneven:.1g}", "1e-9", uneven < 1e-9),
    ]
    print(table(rows))
    return sum(not row.passed for row in rows)


if __name__ == "__main__":
    sys.exit(main())
