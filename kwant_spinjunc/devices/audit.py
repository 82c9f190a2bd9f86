r"""A second route to what has been solved: Green functions, whose leads are decimated, not resolved into modes.

T[α s, β s'] = Tr Γ_αs G Γ_βs' G†, with Γ_s = P_s Γ P_s of the lead's own axis. The surface Green function of a lead is
analytic above the real axis, and on it but for band edges: it is decimated at a few energies E + ih and extrapolated,
and what the last of them changes is its error. Neither Kwant's modes, nor their spins, nor its sparse solver enter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import linalg

from ..arrays import Complex
from ..errors import BandEdgeError, DisagreementError
from .result import DeviceScattering
from .solve import is_transparent
from .waves import orbitals, orbitals_of

__all__ = ["audit"]

#: Heights above the real axis, in units of the Hamiltonian, and how many multiples of each are extrapolated from.
HEIGHTS, POINTS = (2e-4, 2e-5), 8
#: Error of the extrapolation with which nothing can be said.
UNSURE = 1e-7
#: Doublings of decimation: 2^60 cells.
DOUBLINGS = 60


def audit(found: DeviceScattering) -> float:
    """Return the largest difference of a probability from that of the second route.

    Raises
    ------
    DisagreementError
        It is larger than the tolerance of the result.
    BandEdgeError
        So near a band edge that the second route has no digits.
    """
    system, energy, params = found.system, found.energy, dict(found.params)
    counts, offsets = orbitals_of(system)
    H = sparse.csc_matrix(system.hamiltonian_submatrix(sparse=True, params=params), dtype=complex)
    A = sparse.identity(H.shape[0], dtype=complex, format="csc") * energy - H
    where, rates, unsure = [], [], 0.0
    for number, lead in enumerate(system.leads):
        places = orbitals(np.asarray(system.lead_interfaces[number]), counts, offsets)
        if is_transparent(lead):
            sigma, error = _self_energy(lead, energy, params)
            unsure = max(unsure, error)
        else:
            sigma = np.asarray(lead.selfenergy(energy, params=params))
        rows, columns = np.meshgrid(places, places, indexing="ij")
        A = A - sparse.csc_matrix((sigma.ravel(), (rows.ravel(), columns.ravel())), shape=H.shape)
        where.append(places)
        rates.append(_rates(found, number, 1j * (sigma - sigma.conj().T)))
    if unsure > UNSURE:
        raise BandEdgeError(
            f"Argument `energy` must lie farther from band edges to be checked, but at {energy:g} the second route is "
            f"off by {unsure:.1g}. Move the energy, or leave out `check`."
        )
    difference = _largest_difference(found, linalg.splu(sparse.csc_matrix(A)), where, rates)
    if not difference <= found.tolerance + 100 * unsure:
        raise DisagreementError(
            f"Two routes must agree, but Kwant and Green functions of decimated leads differ by {difference:.2g}, more "
            f"than {found.tolerance:.2g}. Do not use either; energies very near a band edge do this: move the energy."
        )
    return difference


def _self_energy(lead: Any, energy: float, params: dict[str, Any]) -> tuple[Complex, float]:
    """Return Σ of a lead on its interface, and what the last point of the extrapolation changed."""
    H, hop = (np.asarray(m(params=params), dtype=complex) for m in (lead.cell_hamiltonian, lead.inter_cell_hopping))
    V = np.zeros_like(H)
    V[:, : hop.shape[1]] = hop
    size = max(abs(H - energy * np.eye(len(H))).max(), abs(V).max())
    best: tuple[Complex, float] = (np.zeros((hop.shape[1],) * 2, dtype=complex), np.inf)
    for height in HEIGHTS:
        values = [hop.conj().T @ _surface(energy + 1j * height * size * j, H, V) @ hop for j in range(1, POINTS + 1)]
        last, before = (_extrapolated(values[:count]) for count in (POINTS, POINTS - 1))
        error = float(abs(last - before).max(initial=0.0)) / size
        if error < best[1]:
            best = last, error
    return best


def _surface(z: complex, H: Complex, V: Complex) -> Complex:
    """Return (z - H - V† g V)^-1 = g, doubling the number of cells each time."""
    unit = z * np.eye(len(H))
    bulk, face, back, out = H, H, V.conj().T, V
    for _ in range(DOUBLINGS):
        g = np.linalg.inv(unit - bulk)
        face = face + back @ g @ out
        bulk = bulk + back @ g @ out + out @ g @ back
        back, out = back @ g @ back, out @ g @ out
        if not max(abs(back).max(), abs(out).max()) > 1e-30 * abs(V).max():
            break
    return np.asarray(np.linalg.inv(unit - face))


def _extrapolated(values: list[Complex]) -> Complex:
    """Return the value at 0 of the polynomial through values at 1, 2, ..."""
    nodes = np.arange(1, len(values) + 1)
    weights = [np.prod([k / (k - j) for k in nodes if k != j]) for j in nodes]
    return np.asarray(sum(weight * value for weight, value in zip(weights, values, strict=True)))


def _rates(found: DeviceScattering, number: int, gamma: Complex) -> list[Complex]:
    """Return Γ of both spins of a lead, or of the lead where its spins are not resolved."""
    device = found.device
    spin = None if device is None else device.spin_operator(found.params)
    if spin is None or not found.spins[number].resolved:
        return [gamma]
    sites = [found.system.sites[i] for i in found.system.lead_interfaces[number]]
    along = sum(x * s for x, s in zip(found.magnetizations[number], spin.block_diagonal(sites), strict=True)).toarray()
    return [P @ gamma @ P for P in ((np.eye(len(along)) + sign * along) / 2 for sign in (1, -1))]


def _largest_difference(found: DeviceScattering, solver: Any, where: list[Any], rates: list[list[Complex]]) -> float:
    """Compare what goes from each lead to every other one; unitarity tells the rest."""
    worst = 0.0
    for b, into in enumerate(where):
        columns = np.zeros((solver.shape[0], len(into)), dtype=complex)
        columns[into, np.arange(len(into))] = 1
        G = solver.solve(columns)
        for a, out in enumerate(where):
            if a == b:
                continue
            T = np.array([[np.trace(x @ G[out] @ y @ G[out].conj().T).real for y in rates[b]] for x in rates[a]])
            resolved = T.shape == (2, 2)
            wanted = found.probabilities[a, :, b] if resolved else found.transmissions[a, b]
            worst = max(worst, float(abs((T if resolved else T.sum()) - wanted).max()))
    return worst
