r"""Scattering off any Kwant system: build → solve → waves.

The user's finalized system is solved by Kwant with one factorization (`solve`); spins of the leads' modes are told from
their wave functions (`spin_channels`); fluxes, densities and torques (`waves`) are evaluated by the result when asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..arrays import Floats
from ..checks import finite, positive, refusal
from ..errors import BarrierWarning, NoOpenChannelError, warn
from ..optional import kwant
from ..solved import refuse_unitarity, unitarity
from .audit import audit
from .cuts import resolve_sites
from .device import Device
from .result import DeviceScattering, apply
from .solve import LeadBlocks, diagnose, look_at_leads, prepare, solve
from .spin_channels import LeadSpins, cell_sites, lead_axis, lead_spins

#: Orbitals of a barrier up to which its levels are found densely.
DENSE = 600


@dataclass(frozen=True, eq=False)
class Prepared:
    """A device and parameters, with all that does not depend on the energy looked at once."""

    #: `device`, `params`: The problem.
    device: Device
    params: dict[str, Any]
    axes: Floats  #: Shape (leads, 3): along which the spins of each lead are resolved.
    leads: list[LeadBlocks]  #: See `solve`.
    along: list[Any]  #: m·S of the unit cell of each lead, None without spin.
    levels: Mapping[str, float]  #: Lowest level of each barrier.
    told: set[str] = field(default_factory=set)  #: Barriers that were warned of.


def prepare_device(device: Device, params: Mapping[str, Any] | None, axes: Any = None) -> Prepared:
    """Look at a device before it is solved at any energy, its leads along ``axes``, or as `lead_axis` finds them."""
    everything = device.values(params)
    system = device.system
    device.refuse_missing(everything)
    spin = device.spin_operator(everything)
    levels = {name: _lowest_level(device, name, barrier, everything) for name, barrier in device.barriers.items()}
    found = np.full((len(system.leads), 3), np.nan) if axes is None else axes
    for number, lead in enumerate(system.leads):
        if not _has_modes(lead):
            hint = "Use syst.precalculate(energy, what='modes')."
            raise refusal("syst", "have leads with modes", f"lead {number} is given by a self-energy only", hint)
        if spin is not None and axes is None:
            found[number] = lead_axis(system, number, spin, device.magnetizations.get(number), everything)
    along = [None if spin is None else spin.along(m, cell_sites(system, n)) for n, m in enumerate(found)]
    return Prepared(device, everything, found, look_at_leads(system, everything, along), along, levels)


def _has_modes(lead: Any) -> bool:
    """Tell whether a lead is more than a self-energy."""
    if isinstance(lead, kwant.system.PrecalculatedLead):
        try:
            lead.modes(0.0)  # returns what is kept, at any energy
        except ValueError:
            return False
    return not kwant.system.is_selfenergy_lead(lead)


def scatter_device(
    device: Device | Prepared, energy: Any, params: Mapping[str, Any] | None, max_defect: float, *, check: bool = False
) -> DeviceScattering:
    """Solve a device at one energy; see `scattering.scatter`. ``check``: and by Green functions, see `audit`."""
    energy = finite("energy", energy)
    max_defect = positive("max_defect", max_defect)
    ready = device if isinstance(device, Prepared) else prepare_device(device, params)
    device, everything, system = ready.device, ready.params, ready.device.system
    for name, level in ready.levels.items():
        if level < energy and name not in ready.told:
            ready.told.add(name)
            warn(
                f"barriers[{name!r}] has levels from {level:.4g} on, below the energy {energy:.4g}: electrons pass it "
                "without tunneling. Raise its on-site energy, or do not call it a barrier.",
                BarrierWarning,
            )
    prepared = prepare(system, energy, everything, leads=ready.leads, count=check)
    channels = np.array([len(lead.modes(energy)[0].momenta) // 2 for lead in prepared.leads])
    if not channels.any():
        raise NoOpenChannelError(
            f"Argument `energy` must lie in a band of a lead, but at {energy:g} no channel is open in any lead. "
            "Look at the bands with kwant.plotter.bands(syst.leads[0])."
        )
    smatrix, waves = solve(prepared, energy, everything)
    spins = tuple(map(lead_spins, smatrix.lead_info, ready.along))
    defect = float(unitarity(smatrix.data))
    if not defect <= max_defect:
        refuse_unitarity(defect, max_defect, diagnose(system, everything, smatrix))
    probabilities, between = _probabilities(smatrix.data, channels, spins)
    found = DeviceScattering(
        device=device,
        energy=energy,
        params=everything,
        magnetizations=ready.axes,
        probabilities=probabilities,
        modes=np.array([lead.counts() for lead in spins]),
        channels=channels,
        _between=between,
        spin_mixing=np.array([lead.mixing for lead in spins]),
        spins=spins,
        unitarity_defect=defect,
        max_defect=max_defect,
        smatrix=smatrix,
        _waves=waves,
    )
    return replace(found, check=audit(found)) if check else found


def _probabilities(S: Any, channels: NDArray[np.int64], spins: tuple[LeadSpins, ...]) -> tuple[Floats, Floats]:
    """Return T[α s, β s'] and T[α, β] from Kwant's scattering matrix."""
    count = len(channels)
    ends = np.concatenate([[0], np.cumsum(channels)])
    probabilities, transmissions = np.full((count, 2, count, 2), np.nan), np.empty((count, count))
    for out, in_ in np.ndindex(count, count):
        block = S[ends[out] : ends[out + 1], ends[in_] : ends[in_ + 1]]
        transmissions[out, in_] = (abs(block) ** 2).sum()
        if not (spins[out].resolved and spins[in_].resolved):
            continue
        block = apply(spins[out].to_outgoing.conj().T, block)
        flux = abs(apply(spins[in_].to_incoming.T, block.T).T) ** 2
        for s_out, s_in in np.ndindex(2, 2):
            rows, columns = spins[out].outgoing == s_out, spins[in_].incoming == s_in
            probabilities[out, s_out, in_, s_in] = flux[np.ix_(rows, columns)].sum()
    return probabilities, transmissions


def _lowest_level(device: Device, name: str, barrier: Any, params: Mapping[str, Any]) -> float:
    sites = resolve_sites(f"barriers[{name!r}]", barrier, device.system)
    H = device.system.hamiltonian_submatrix(to_sites=sites, from_sites=sites, sparse=True, params=dict(params))
    if H.shape[0] <= DENSE:
        return float(np.linalg.eigvalsh(H.toarray())[0])
    start = np.ones(H.shape[0])
    return float(sparse.linalg.eigsh(H, 1, which="SA", v0=start, return_eigenvectors=False)[0])
