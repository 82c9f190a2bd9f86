r"""The one evaluation of wave functions, of junctions and devices alike: fluxes, densities and torques.

Fluxes and densities come from `kwant.operator`; torques from commutators with the parts of the Hamiltonian,
⟨i [S, H_part]⟩. The spin-dependent part of the Hamiltonian is split by time reversal: what is odd is exchange, whose
torque the magnetization takes; what is even is spin-orbit coupling, whose torque the lattice takes.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import kwant
import numpy as np
from numpy.typing import NDArray

from ..errors import SpinjuncWarning
from .spin_operators import SpinOperator, norbs_of

__all__ = ["densities", "fluxes", "torques"]

Floats = NDArray[np.float64]
Waves = list[NDArray[np.complex128]]

#: A matrix element this small, relative to the largest, is rounding.
ROUNDING = 1e-12


def fluxes(system: Any, onsites: Sequence[Any], waves: Any, where: Any, params: Mapping[str, Any], cuts: int) -> Floats:
    """Return the flux of each on-site operator through cuts, shape (modes, cuts, operators).

    Parameters
    ----------
    system
        A finalized Kwant system.
    onsites
        What `kwant.operator.Current` takes for ``onsite``.
    waves
        Wave functions (modes, orbitals).
    where
        (to, from) of every hopping, sites or their numbers, the same number for each cut, one cut after the other.
    params
        Parameters of the system.
    cuts
        Number of cuts.
    """
    make = kwant.operator.Current
    return _evaluated([make(system, o, where=where, sum=cuts == 1) for o in onsites], waves, params, cuts)


def densities(system: Any, onsites: Sequence[Any], waves: Any, where: Any, params: Mapping[str, Any]) -> Floats:
    """Return the density of each on-site operator, shape (modes, sites, operators); arguments as in `fluxes`."""
    length = len(system.sites) if where is None else len(where)
    make = kwant.operator.Density
    return _evaluated([make(system, o, where=where) for o in onsites], waves, params, length)


def _evaluated(operators: list[Any], waves: Any, params: Mapping[str, Any], groups: int) -> Floats:
    """Evaluate operators on wave functions and sum over the terms of each group, (modes, groups, operators)."""
    values = np.empty((len(waves), groups, len(operators)))
    for column, unbound in enumerate(operators):
        operator = unbound.bind(params=dict(params))
        for mode, wave in enumerate(waves):
            values[mode, :, column] = np.real(operator(wave)).reshape(groups, -1).sum(axis=1)
    return values


def torques(
    system: Any,
    sites: NDArray[np.int64],
    spin: SpinOperator,
    waves: Waves,
    params: Mapping[str, Any],
    labels: NDArray[np.int64] | None = None,
    *,
    split: bool = True,
) -> list[Floats]:
    """Return the exchange and spin-orbit torque on each site, per lead (modes, sites, 2, 3).

    Parameters
    ----------
    system
        A finalized Kwant system.
    sites
        Numbers of the sites. A bond between two of them gives half of its torque to each end.
    spin
        The spin operator.
    waves
        Wave functions of each lead, (modes, orbitals).
    params
        Parameters of the system.
    labels
        To which set each site belongs, shape (sites,): bonds between different sets are left out. None: one set.
    split
        False: the sum of both parts only, (modes, sites, 1, 3).

    Warns
    -----
    SpinjuncWarning
        Hoppings are complex also without spin-orbit coupling (a magnetic flux, complex orbitals), so that time reversal
        tells exchange and spin-orbit hoppings apart only up to a gauge.
    """
    objects = [system.sites[i] for i in sites]
    counts = np.array([norbs_of(site.family) for site in objects])
    offsets = np.concatenate([[0], np.cumsum([norbs_of(site.family) for site in system.sites])])
    orbitals = np.repeat(offsets[sites] - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    starts = np.cumsum(counts) - counts
    H = system.hamiltonian_submatrix(to_sites=sites, from_sites=sites, sparse=True, params=dict(params)).tocoo()
    if labels is not None:
        owner = np.repeat(labels, counts)
        H.data[owner[H.row] != owner[H.col]] = 0
    H = H.tocsr()
    S = spin.block_diagonal(objects)
    negligible = ROUNDING * abs(H).max()
    halves = (
        _by_time_reversal(H, S, spin.time_reversal(objects), np.repeat(np.arange(len(sites)), counts)) if split else [H]
    )
    found = []
    for psi in waves:
        inside = np.asarray(psi)[:, orbitals].T
        values = np.zeros((len(psi), len(sites), len(halves), 3))
        for part, half in enumerate(halves):
            if not len(psi) or abs(half).max() <= negligible:
                continue
            field = half @ inside
            for axis, s in enumerate(S):
                # i⟨[S, H]⟩ = -2 Im⟨S H⟩, at the site where S acts: half of a bond's is at each end
                per_orbital = -2 * np.imag((s @ inside).conj() * field)
                values[:, :, part, axis] = np.add.reduceat(per_orbital, starts).T
        found.append(values)
    return found


def _by_time_reversal(H: Any, S: Any, tau: Any, site_of: NDArray[np.int64]) -> list[Any]:
    """Return the spin-dependent part of H that is odd under time reversal, exchange, and the even one, spin-orbit."""
    free = (H + sum(s @ H @ s for s in S)) / 4
    dependent = H - free

    def reversed_(part: Any) -> Any:
        return tau @ part.conj() @ tau.conj().T

    turned = reversed_(dependent)
    negligible = ROUNDING * abs(H).max()
    rows, columns = (abs(dependent) > negligible).nonzero()
    if (site_of[rows] != site_of[columns]).any() and abs(free - reversed_(free)).max() > negligible:
        warnings.warn(
            "Hoppings are complex also without spin-orbit coupling (a magnetic flux, complex orbitals): which part of "
            "the torque is exchange and which spin-orbit depends on their gauge. The sum and the flux do not.",
            SpinjuncWarning,
            stacklevel=5,
        )
    return [(dependent - turned) / 2, (dependent + turned) / 2]
