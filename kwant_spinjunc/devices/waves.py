r"""The one evaluation of wave functions, of junctions and devices alike: fluxes, densities and torques.

Fluxes are 2 Im ψ† S H ψ of the bonds; torques come from commutators with the parts of the Hamiltonian, ⟨i [S, H_part]⟩,
see `exchange` for what the parts are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..arrays import Floats
from .spin_operators import SpinOperator, norbs_of, repeated, spinless

Waves = list[NDArray[np.complex128]]
#: On-site operators, see `fluxes`.
Operators = Sequence[Any] | Callable[[list[Any]], Any]

#: Numbers of a flux that are held at a time.
CHUNK = 4_000_000
#: A matrix element this small, relative to the largest, is rounding.
ROUNDING = 1e-12


def fluxes(
    system: Any, onsites: Operators, waves: Any, where: Any, params: Mapping[str, Any] | None, cuts: int
) -> Floats:
    """Return the flux 2 Im ψ† O H ψ of each on-site operator O through cuts, shape (modes, cuts, operators).

    Not by `kwant.operator.Current`, which reads out of bounds where a hopping leads to a site with more orbitals.

    ``onsites``: on-site operators: matrices, the same for all sites, or a function of a list of sites that returns them
    as sparse block-diagonal matrices, see `SpinOperator.components`.
    ``waves``: wave functions (modes, orbitals).
    ``where``: (to, from) of every hopping, sites or their numbers, the same number for each cut, one cut after the
    other; None for all, in the order of the system's graph. The flux goes from ``from`` to ``to``, where O acts.
    ``cuts``: number of cuts.
    """
    edges = np.array(list(system.graph) if where is None else [_numbers(system, pair) for pair in where])
    to, from_ = (np.unique(column) for column in edges.reshape(-1, 2).T)
    H = system.hamiltonian_submatrix(to_sites=to, from_sites=from_, sparse=True, params=dict(params or {})).tocoo()
    counts, offsets = orbitals_of(system)
    keys = edges[:, 0] * len(counts) + edges[:, 1]
    order = np.argsort(keys, kind="stable")
    wanted = np.repeat(to, counts[to])[H.row] * len(counts) + np.repeat(from_, counts[from_])[H.col]
    place = np.minimum(np.searchsorted(keys, wanted, sorter=order), len(keys) - 1)
    kept = np.flatnonzero(keys[order[place]] == wanted)
    cut = order[place[kept]] // (len(edges) // cuts)
    rows, columns, values = H.row[kept], H.col[kept], H.data[kept, None]
    summed = sparse.csr_matrix((np.ones(len(cut)), (cut, np.arange(len(cut)))), shape=(cuts, len(cut)))
    operators = _operators(onsites, [system.sites[i] for i in to])
    found = np.empty((len(waves), cuts, len(operators)))
    step = CHUNK // (len(cut) + 1) + 1
    for start in range(0, len(waves), step):
        psi = np.asarray(waves[start : start + step]).T
        arriving = psi[orbitals(from_, counts, offsets)][columns] * values
        target = psi[orbitals(to, counts, offsets)]
        for number, operator in enumerate(operators):
            found[start : start + step, :, number] = (
                summed @ (2 * np.imag((operator @ target)[rows].conj() * arriving))
            ).T
    return found


def residual(
    system: Any, waves: Sequence[Any], energy: float, sites: NDArray[np.int64], params: Mapping[str, Any]
) -> float:
    """Return the largest |(H - E) ψ| on sites that touch no lead, per element of H - E and of ψ anywhere.

    It is rounding for waves that were solved for with this Hamiltonian, whatever its functions have read since.
    """
    touching = np.concatenate([np.asarray(interface, dtype=np.int64) for interface in system.lead_interfaces])
    inner = np.setdiff1d(sites, touching)
    if not len(inner):
        return 0.0
    H = system.hamiltonian_submatrix(from_sites=inner, sparse=True, params=dict(params)).tocsr()
    own = orbitals(inner, *orbitals_of(system))
    scale = max(float(abs(H).max()), abs(energy))
    found = 0.0
    for psi in waves:
        miss = H.conj().T @ psi.T - energy * psi.T[own]
        found = max(found, float(abs(miss).max(initial=0.0)) / (scale * float(abs(psi).max(initial=0.0)) or 1.0))
    return found


def densities(system: Any, onsites: Operators, waves: Any, where: Any) -> Floats:
    """Return the density of each on-site operator, shape (modes, sites, operators); arguments as in `fluxes`."""
    counts, offsets = orbitals_of(system)
    sites = np.arange(len(counts)) if where is None else np.array([_numbers(system, [site])[0] for site in where])
    psi = np.asarray(waves)[:, orbitals(sites, counts, offsets)].T
    starts = np.cumsum(counts[sites]) - counts[sites]
    found = [
        np.add.reduceat(np.real(psi.conj() * (operator @ psi)), starts).T
        for operator in _operators(onsites, [system.sites[i] for i in sites])
    ]
    return np.stack(found, axis=2)


def _numbers(system: Any, sites: Any) -> list[int]:
    return [int(site) if isinstance(site, (int, np.integer)) else system.id_by_site[site] for site in sites]


def _operators(onsites: Operators, sites: list[Any]) -> list[Any]:
    if callable(onsites):
        return list(onsites(sites))
    return [repeated(np.asarray(matrix), len(sites)) for matrix in onsites]


def orbitals_of(system: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of orbitals of each site, and the number of the first of them."""
    counts = np.array([norbs_of(site.family) for site in system.sites], dtype=np.int64)
    return counts, np.cumsum(counts) - counts


def orbitals(sites: Any, counts: NDArray[np.int64], offsets: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the numbers of the orbitals of some sites, of what `orbitals_of` returned."""
    own = counts[sites]
    first: NDArray[np.int64] = np.repeat(offsets[sites] - np.cumsum(own) + own, own)
    return first + np.arange(len(first), dtype=np.int64)


def torques(
    system: Any,
    sites: NDArray[np.int64],
    spin: SpinOperator,
    waves: Waves,
    params: Mapping[str, Any],
    labels: NDArray[np.int64] | None = None,
    exchange: Any = None,
) -> list[Floats]:
    """Return the torque on each site, per lead (modes, sites, 1, 3), or its exchange part and the rest, (..., 2, 3).

    ``sites``: numbers of the sites. A bond between two of them gives half of its torque to each end.
    ``waves``: wave functions of each lead, (modes, orbitals).
    ``labels``: to which set each site belongs, shape (sites,): bonds between different sets are left out. None: one
    set.
    ``exchange``: the part of H within the sites that is exchange, see `exchange.divide`; None: the sum only.
    """
    objects = [system.sites[i] for i in sites]
    everywhere, offsets = orbitals_of(system)
    counts, own = everywhere[sites], orbitals(sites, everywhere, offsets)
    starts = np.cumsum(counts) - counts
    H = system.hamiltonian_submatrix(to_sites=sites, from_sites=sites, sparse=True, params=dict(params)).tocoo()
    if labels is not None:
        owner = np.repeat(labels, counts)
        H.data[owner[H.row] != owner[H.col]] = 0
    H = H.tocsr()
    S = spin.block_diagonal(objects)
    # what does not depend on spin commutes with S: it would add noise only
    parts = [_dependent(part, S, abs(H).max()) for part in ([H] if exchange is None else [exchange, H - exchange])]
    found = []
    for psi in waves:
        inside = np.asarray(psi)[:, own].T
        values = np.zeros((len(psi), len(sites), len(parts), 3))
        for part, term in enumerate(parts):
            field = term @ inside
            for axis, s in enumerate(S):
                # i⟨[S, H]⟩ = -2 Im⟨S H⟩, at the site where S acts: half of a bond's is at each end
                per_orbital = -2 * np.imag((s @ inside).conj() * field)
                values[:, :, part, axis] = np.add.reduceat(per_orbital, starts).T
        found.append(values)
    return found


def _dependent(H: Any, S: list[Any], scale: float) -> Any:
    """Return the spin-dependent part of H, nothing where it is rounding."""
    dependent = H - spinless(H, S)
    return dependent if abs(dependent).max() > ROUNDING * scale else sparse.csr_matrix(H.shape)
