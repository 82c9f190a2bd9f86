"""What `scatter` of a Kwant system costs over the plain Kwant calls for the same numbers, and what importing costs.

Run with ``OPENBLAS_NUM_THREADS=1 python -m benchmarks.any_system``.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import subprocess
import sys
from time import perf_counter
from typing import Any

import kwant
import numpy as np

import kwant_spinjunc as sj
from kwant_spinjunc.spin import PAULI, sigma

ENERGY = 0.6


def wire(length: int = 250, width: int = 40) -> Any:
    """Return a magnetic wire with a turning texture, length × width sites of two orbitals each."""
    lattice = kwant.lattice.square(norbs=2)
    syst = kwant.Builder()

    def onsite(site: Any, J: float) -> Any:
        angle = np.pi * site.tag[0] / length
        return 4 * np.eye(2) - J * sigma((np.sin(angle), 0.0, np.cos(angle)))

    syst[(lattice(x, y) for x in range(length) for y in range(width))] = onsite
    syst[lattice.neighbors()] = -np.eye(2)
    for direction, sign in [(-1, 1), (1, -1)]:
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction, 0)), conservation_law=-sign * PAULI[2])
        lead[(lattice(0, y) for y in range(width))] = 4 * np.eye(2) - 0.2 * sign * PAULI[2]
        lead[lattice.neighbors()] = -np.eye(2)
        syst.attach_lead(lead)
    return syst.finalized()


def by_hand(syst: Any, params: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return probabilities, the flux through one cut and the torque on a slab as a Kwant user writes them."""
    smatrix = kwant.smatrix(syst, ENERGY, params=params)
    T = np.array(
        [[[[smatrix.transmission((a, s), (b, r)) for r in (0, 1)] for b in (0, 1)] for s in (0, 1)] for a in (0, 1)]
    )
    middle = max(site.tag[0] for site in syst.sites) // 2
    cut = [
        (syst.sites[i], syst.sites[j])
        for i, j in syst.graph
        if syst.sites[i].tag[0] == middle and syst.sites[j].tag[0] == middle - 1
    ]
    slab = [site for site in syst.sites if middle <= site.tag[0] < middle + 20]
    currents = [kwant.operator.Current(syst, m, where=cut, sum=True).bind(params=params) for m in (np.eye(2), *PAULI)]
    sources = [kwant.operator.Source(syst, m, where=slab, sum=True).bind(params=params) for m in PAULI]
    waves = kwant.wave_function(syst, ENERGY, params=params)
    flux, torque = np.zeros((2, 4)), np.zeros((2, 3))
    for lead in range(2):
        for psi in waves(lead):
            flux[lead] += [np.real(operator(psi)) for operator in currents]
            torque[lead] -= [np.real(operator(psi)) for operator in sources]
    return T, flux, torque


def by_scatter(syst: Any, params: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Return the same by `scatter`."""
    middle = max(site.tag[0] for site in syst.sites) // 2
    s = sj.scatter(
        syst,
        ENERGY,
        params=params,
        cuts={"middle": lambda site: site.tag[0] >= middle},
        magnets={"slab": lambda site: middle <= site.tag[0] < middle + 20},
    )
    return s.probabilities, s.spin_current("middle", total=True), s.torque("slab").exchange


def import_time() -> float:
    """Seconds that importing the package adds to NumPy and SciPy."""
    code = "import numpy, scipy, time; t = time.perf_counter(); import kwant_spinjunc; print(time.perf_counter() - t)"
    return min(
        float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
        for _ in range(3)
    )


def main() -> None:
    syst, params = wire(), {"J": 0.2}
    orbitals = 2 * len(syst.sites)
    times = np.empty((2, 2))
    for repetition in range(2):
        for which, function in enumerate((by_hand, by_scatter)):
            start = perf_counter()
            result = function(syst, params)
            times[repetition, which] = perf_counter() - start
            if which == 0:
                wanted = result
    worst = max(float(abs(a - b).max()) for a, b in zip(wanted, result, strict=True))
    hand, scattered = times.min(axis=0)
    print(f"{orbitals} orbitals: plain Kwant {hand:.2f} s, scatter {scattered:.2f} s, ratio {scattered / hand:.2f}")
    print(f"largest difference {worst:.1e}")
    print(f"import beyond NumPy and SciPy: {import_time():.3f} s")


if __name__ == "__main__":
    main()
