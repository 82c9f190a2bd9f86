r"""A second route to what has been solved: Green functions, whose leads are decimated, not resolved into modes.

T[α s, β s'] = Tr Γ_αs G Γ_βs' G†, with Γ_s = P_s Γ P_s of the lead's own axis. The flux of spin along x, y and z, axes
that know nothing of those of the leads, is Q_α = Tr i (S Σ_α - Σ_α† S) G Γ_βs' G†. Three rules bind it:

- along the lead's own axis it is T_+s' - T_-s' of the scattering matrix;
- what leaves through all leads, and what came in, 2 Im Tr S G Γ_βs', differ by the torque of Kwant's waves;
- it is that of Kwant's waves through every cut that the device names.

The surface Green function of a lead is
analytic above the real axis, and on it but for band edges: it is decimated at a few energies E + ih and extrapolated,
and what the last of them changes is its error. Neither Kwant's modes, nor their spins, nor its sparse solver enter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.sparse import linalg

from ..arrays import Complex, Floats
from ..errors import BandEdgeError
from ..solved import refuse_disagreement
from .lead_modes import decimated
from .result import DeviceScattering
from .solve import is_transparent
from .spin_operators import SpinOperator
from .waves import orbitals, orbitals_of, torques

#: Heights above the real axis, in units of the Hamiltonian, and how many multiples of each are extrapolated from.
HEIGHTS, POINTS = (2e-4, 2e-5), 8
#: Error of the extrapolation with which nothing can be said.
UNSURE = 1e-7


def audit(found: DeviceScattering) -> float:
    """Return the largest difference of a probability, a flux of spin or a torque from that of the second route.

    Raises `DisagreementError`: It is larger than the tolerance of the result. Raises `BandEdgeError`: So near a band
    edge that the second route has no digits.
    """
    system, energy, params = found.system, found.energy, dict(found.params)
    counts, offsets = orbitals_of(system)
    H = sparse.csc_matrix(system.hamiltonian_submatrix(sparse=True, params=params))
    A = sparse.identity(H.shape[0]) * energy - H
    ends: list[_End] = []
    unsure = 0.0
    for number, lead in enumerate(system.leads):
        places = orbitals(np.asarray(system.lead_interfaces[number]), counts, offsets)
        if is_transparent(lead):
            sigma, error = _self_energy(lead, energy, params)
            unsure = max(unsure, error)
        else:
            try:
                sigma = np.asarray(lead.selfenergy(energy, params=params))
            except ValueError:  # precalculated modes alone, whose self-energy is another form of the same numbers
                sigma = np.asarray(lead.modes(energy, params=params)[1].selfenergy())
        rows, columns = np.meshgrid(places, places, indexing="ij")
        A = A - sparse.csc_matrix((sigma.ravel(), (rows.ravel(), columns.ravel())), shape=H.shape)
        ends.append(_end(found, number, places, sigma))
    if unsure > UNSURE:
        raise BandEdgeError(
            f"Argument `energy` must lie farther from band edges to be checked, but at {energy:g} the second route is "
            f"off by {unsure:.1g}. Move the energy, or leave out `check`."
        )
    difference = _largest_difference(found, linalg.splu(sparse.csc_matrix(A)), ends)
    allowed = found.max_defect + 100 * unsure
    refuse_disagreement("Kwant", "Green functions of decimated leads", difference, allowed)
    return difference


def _self_energy(lead: Any, energy: float, params: dict[str, Any]) -> tuple[Complex, float]:
    """Return Σ of a lead on its interface, and what the last point of the extrapolation changed."""
    H, hop = (np.asarray(m(params=params)) for m in (lead.cell_hamiltonian, lead.inter_cell_hopping))
    size = max(abs(H - energy * np.eye(len(H))).max(), abs(hop).max())
    best: tuple[Any, float] = (np.zeros((hop.shape[1],) * 2), np.inf)
    for height in HEIGHTS:
        z = energy + 1j * height * size * np.arange(1, POINTS + 1)
        values = decimated(H - z[:, None, None] * np.eye(len(H)), hop.conj().T)
        last, before = (_extrapolated(values[:count]) for count in (POINTS, POINTS - 1))
        error = float(abs(last - before).max()) / size
        if error < best[1]:
            best = last, error
    return best


def _extrapolated(values: Complex) -> Complex:
    """Return the value at 0 of the polynomial through values at 1, 2, ..."""
    nodes = np.arange(1, len(values) + 1)
    weights = [np.prod([k / (k - j) for k in nodes if k != j]) for j in nodes]
    return np.asarray(sum(weight * value for weight, value in zip(weights, values, strict=True)))


@dataclass(frozen=True)
class _End:
    """Where a lead is joined: orbitals, Σ, Γ of both spins (of the lead where they are not resolved), Sx, Sy, Sz."""

    places: Any
    sigma: Complex
    rates: list[Complex]
    spins: list[Complex]


def _end(found: DeviceScattering, number: int, places: Any, sigma: Complex) -> _End:
    gamma = 1j * (sigma - sigma.conj().T)
    spin = None if found.device is None else found.device.spin_operator(found.params)
    if spin is None:
        return _End(places, sigma, [gamma], [])
    sites = [found.system.sites[i] for i in found.system.lead_interfaces[number]]
    S = [s.toarray() for s in spin.block_diagonal(sites)]
    if not found.spins[number].resolved:
        return _End(places, sigma, [gamma], S)
    along = np.tensordot(found.magnetizations[number], S, 1)
    halves = [(np.eye(len(along)) + sign * along) / 2 for sign in (1, -1)]
    return _End(places, sigma, [P @ gamma @ P for P in halves], S)


def _largest_difference(found: DeviceScattering, solver: Any, ends: list[_End]) -> float:
    """Compare what goes from each lead to every other one, with its spin; unitarity tells the rest."""
    worst = 0.0
    for b, end in enumerate(ends):
        columns = np.zeros((solver.shape[0], len(end.places)))
        columns[end.places, np.arange(len(end.places))] = 1
        G = solver.solve(columns)
        for a, other in enumerate(ends):
            if a == b:
                continue
            G_ab = G[other.places]
            T = np.array([[np.trace(x @ G_ab @ y @ G_ab.conj().T).real for y in end.rates] for x in other.rates])
            resolved = T.shape == (2, 2)
            wanted = found.probabilities[a, :, b] if resolved else found.transmission(a, b)
            worst = max(worst, float(abs((T if resolved else T.sum()) - wanted).max()))
        if end.spins:
            worst = max(worst, _difference_of_spins(found, b, G, ends))
    return worst


def _difference_of_spins(found: DeviceScattering, b: int, G: Complex, ends: list[_End]) -> float:
    """Compare fluxes of spin along axes of the lab, of what comes from one lead, with T, torques and cuts."""
    end, worst = ends[b], 0.0
    waves = found.channel_waves(b)
    resolved = len(end.rates) == 2
    spins = found.spins[b].incoming if resolved else np.zeros(len(waves))
    device = found.device
    spin = None if device is None else device.spin_operator(found.params)
    if device is None or spin is None or not len(waves):
        return 0.0
    torque = torques(found.system, np.arange(len(found.system.sites)), spin, [waves], found.params)[0].sum(axis=(1, 2))
    for s, rate in enumerate(end.rates):
        entered = -2 * np.array([np.trace(x @ G[end.places] @ rate).imag for x in end.spins])
        for a, other in enumerate(ends):
            density = G[other.places] @ rate @ G[other.places].conj().T
            leaves = [1j * (x @ other.sigma - other.sigma.conj().T @ x) for x in other.spins]
            flux = np.array([np.trace(x @ density).real for x in leaves])
            entered -= flux
            if a != b and resolved and found.spins[a].resolved and found.channels[a]:  # a closed lead may turn spins
                T = found.probabilities[a, :, b, s]
                worst = max(worst, abs(float(found.magnetizations[a] @ flux - T[0] + T[1])))
        worst = max(worst, float(abs(entered - torque[spins == s].sum(axis=0)).max()))
        for name in device.cuts:
            flux = found.spin_current(name)[b, s, 1:] if resolved else found.spin_current(name, total=True)[b, 1:]
            worst = max(worst, float(abs(_through(found, device.cut(name).hoppings, spin, G, rate) - flux).max()))
    return worst


def _through(found: DeviceScattering, hoppings: Any, spin: SpinOperator, G: Complex, rate: Complex) -> Floats:
    """Return 2 Im Tr S H G Γ G† of hoppings (to, from), one by one, shape (3,)."""
    counts, offsets = orbitals_of(found.system)
    total = np.zeros(3)
    for to, from_ in hoppings:
        i, j = (x if isinstance(x, (int, np.integer)) else found.system.id_by_site[x] for x in (to, from_))
        G_i, G_j = (G[offsets[n] : offsets[n] + counts[n]] for n in (i, j))
        H = np.asarray(found.system.hamiltonian(i, j, params=dict(found.params)))
        S = spin(found.system.sites[i])
        total += 2 * np.array([np.trace(x @ H @ G_j @ rate @ G_i.conj().T).imag for x in S])
    return total
