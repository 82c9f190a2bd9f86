r"""The one place where Kwant solves, for junctions and devices alike, one thread at a time.

One factorization gives the scattering matrix and the wave functions.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..optional import kwant

__all__ = ["kwant_lock", "solve"]

#: MUMPS, Kwant's sparse solver, is not re-entrant: two threads in it at once end the process. Whatever factorizes by
#: Kwant, and the end of the life of a factorization too, happens ``with kwant_lock:``.
kwant_lock = threading.RLock()
if hasattr(os, "register_at_fork"):
    # a child must not inherit a lock that a thread holds which the child has not, nor a half-done factorization
    os.register_at_fork(
        before=kwant_lock.acquire, after_in_parent=kwant_lock.release, after_in_child=kwant_lock.release
    )

Waves = list[NDArray[np.complex128]]


def solve(system: Any, energy: float, params: dict[str, Any] | None = None) -> tuple[Any, Waves]:
    """Return Kwant's scattering matrix and, per lead, its wave functions (modes, orbitals), one thread at a time.

    `kwant.wave_function` factorizes the linear system whose solution also contains the outgoing amplitudes of every
    lead, so one factorization gives both. Where a Kwant version does not expose it, `kwant.smatrix` is called too.
    Leads are asked for their modes twice: precalculate them.
    """
    with kwant_lock:
        return _solve(system, energy, params)


def _solve(system: Any, energy: float, params: dict[str, Any] | None) -> tuple[Any, Waves]:
    # in a frame of its own, so that the factorization is destroyed before the lock is released
    waves = kwant.wave_function(system, energy, params=params)
    count = len(system.leads)
    if not all(hasattr(waves, name) for name in ("solve", "factorized_h", "rhs", "num_orb")):
        return kwant.smatrix(system, energy, params=params), [waves(lead) for lead in range(count)]

    info, rows, offset = [], [], waves.num_orb
    for lead in system.leads:
        propagating, stabilized = lead.modes(energy, params=params)
        info.append(propagating)
        rows.append(np.arange(offset, offset + stabilized.nmodes))
        offset += stabilized.vecs.shape[1] - stabilized.nmodes
    out = np.concatenate(rows)
    psi, columns = [], []
    for rhs in waves.rhs:
        if rhs.shape[1] == 0:
            psi.append(np.zeros((0, waves.num_orb), complex))
            columns.append(np.zeros((len(out), 0), complex))
            continue
        solution = waves.solve(waves.factorized_h, rhs, slice(None))
        psi.append(solution[: waves.num_orb].T)
        columns.append(solution[out])
    leads = list(range(count))
    return kwant.solvers.common.SMatrix(np.hstack(columns), info, leads, leads, True), psi
