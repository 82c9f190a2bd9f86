r"""What scattering off any Kwant system gives: spin-resolved probabilities, fluxes through cuts, torques on magnets.

spin flux into the sites = exchange torque + spin-orbit torque,   torque = ⟨i [S, H_part]⟩.
"""

from __future__ import annotations

import pickle
import warnings
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..checks import choice, index
from ..errors import NEAR_EDGE, ArgumentError, ContinuityError, NearSideWarning, SpinjuncError, SpinjuncWarning, warn
from ..printing import Printed, Table, number, with_unit
from ..quantities import BY_SPIN
from .device import Device
from .exchange import divide
from .spin_channels import LeadSpins
from .spin_operators import SpinOperator, identity
from .terminals import NO_CUT, SystemResult
from .waves import densities, fluxes, residual, torques

#: What flows: the operators of a site with spin.
FLUXES = ("charge", "x", "y", "z")
#: A flux this small (per incoming channel) is compared with the scattering matrix before it is believed, and must agree
#: with it to this relative error.
SMALL_FLUX, SMALL_FLUX_ERROR = 1e-8, 1e-3
#: Miss of Schrödinger's equation by waves, per element of H and ψ, that is no rounding: H is another one by now.
CHANGED = 1e-9


@dataclass(frozen=True, repr=False, eq=False)
class MagnetTorque(Printed):
    """Torque of the electrons on a set of sites, per unit incoming flux in every channel; multiply by ħ/2."""

    #: `exchange`, `spin_orbit`, `total`: Shape (leads, 3): ``[lead_in, (x, y, z)]``: torque on the magnetization,
    #: torque on the lattice, and the spin flux into the sites, which is their sum. A spin-orbit bond that leaves the
    #: set belongs to its surroundings: the flux is what arrives at the sites of the set.
    exchange: Floats
    spin_orbit: Floats
    total: Floats
    #: `exchange_by_spin`, `spin_orbit_by_spin`, `total_by_spin`: Shape (leads, 2, 3): the same by ``spin_in``; NaN for
    #: a lead that does not conserve spin.
    exchange_by_spin: Floats
    spin_orbit_by_spin: Floats
    total_by_spin: Floats
    #: `site_exchange`, `site_spin_orbit`, `site_total`: Shape (leads, sites, 3): torque on every site, half of a bond's
    #: to each of its ends, and the sum of both kinds.
    site_exchange: Floats
    site_spin_orbit: Floats
    site_total: Floats
    sites: NDArray[np.int64]  #: Numbers of the sites.
    defect: float  #: Largest miss of flux = exchange + spin-orbit torque per incoming channel.
    #: Why exchange and spin-orbit torque cannot be told apart, and what to do: both are NaN, and their sum is the flux.
    #: Empty where they are told.
    undivided: str = ""

    def __str__(self) -> str:
        rows = [f"Torque on {len(self.sites)} sites per unit incoming flux, in ħ/2 (x, y, z)"]
        parts = [("exchange", self.exchange), ("spin-orbit", self.spin_orbit), ("total", self.total)]
        shown = parts[2:] if self.undivided else parts
        for lead in range(len(self.total)):
            text = "   ".join(
                f"{name} ({', '.join(f'{x:.6g}' for x in values[lead].round(15) + 0.0)})" for name, values in shown
            )
            rows.append(f"  from lead {lead}: {text}")
        if self.undivided:
            rows.append(f"  not divided: {self.undivided}")
        return "\n".join([*rows, f"  defect {self.defect:.1e}"])


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class DeviceScattering(SystemResult[MagnetTorque]):
    r"""Spin-resolved scattering off any Kwant system at one energy, and how well it conserves.

    Spin 0 is the majority (along the lead's own m), 1 the minority; out-index before in-index: ``probabilities``
    [lead_out, spin_out, lead_in, spin_in]. What is resolved by the spin of a lead that does not conserve it is NaN;
    totals, as `between_leads`, are always there.
    """

    channels: NDArray[np.int64]  #: Shape (leads,): incoming channels of each lead.
    #: Shape (leads,): how far the modes of each lead are from definite spin along m, 0 to 1; NaN if it cannot be known.
    spin_mixing: Floats
    spins: tuple[LeadSpins, ...]  #: Which combination of Kwant's modes has which spin.
    smatrix: Any  #: Kwant's own result, in Kwant's own modes.
    _waves: Any = None

    @property
    def system(self) -> Any:
        """The finalized Kwant system."""
        return self._live().system

    def _solve_flux(self, cut: Any) -> tuple[Floats, Floats]:
        if cut is None:
            raise ArgumentError(NO_CUT)
        resolved = self._live().cut(cut)
        self.refuse_changed(np.unique(resolved.hoppings))
        per_lead = [
            self._live().flux_per_mode(self.channel_waves(lead), resolved.hoppings, self.params)
            for lead in range(len(self.channels))
        ]
        found = self._by_spin(per_lead)
        self._audit_charge(cut, resolved.behind, found[1][:, 0])
        return found

    def on_lattice(self, quantity: str = "charge", lead_in: int = 0) -> Floats:
        """Return the flux of ``"charge"``, ``"x"``, ``"y"`` or ``"z"`` on all hoppings, as kwant.plotter.current takes.

        Summed over all channels of a lead, in the order of the system's graph.
        """
        device, onsites, waves, which = self._evaluating(quantity, lead_in)
        self.refuse_changed(np.arange(len(device.system.sites)))
        found = fluxes(device.system, onsites, waves, None, self.params, len(device.edges))
        return np.asarray(found[..., which].sum(axis=0))

    def density(self, quantity: str = "charge", lead_in: int = 0) -> Floats:
        """Return the density of ``"charge"``, ``"x"``, ``"y"`` or ``"z"`` on all sites, in ħ per energy."""
        device, onsites, waves, which = self._evaluating(quantity, lead_in)
        return np.asarray(densities(device.system, onsites, waves, None)[..., which].sum(axis=0))

    def to_dataset(self) -> Any:
        """Return probabilities, modes and the fluxes and torques of the named cuts and magnets as `xarray.Dataset`."""
        values: dict[str, Any] = {"spin_mixing": self.spin_mixing, "magnetization": self.magnetizations}
        names = {kind: self._names(kind) for kind in ("cut", "magnet")}
        if names["cut"]:
            for name, total in (("flux", True), ("flux_by_spin", False)):
                values[name] = np.array([self.spin_current(cut, total=total) for cut in names["cut"]])
        if names["magnet"]:
            torques = [self.torque(magnet) for magnet in names["magnet"]]
            for kind, (ending, _) in product(("exchange", "spin_orbit", "total"), BY_SPIN):
                values[f"{kind}_torque{ending}"] = np.array([getattr(torque, kind + ending) for torque in torques])
        return self._dataset(values, {}, {"energy": self.energy}, names)

    def to_dataframe(self) -> Any:
        """Return the probabilities as a `pandas.DataFrame`, one row per (lead_out, spin_out, lead_in, spin_in)."""
        return self.to_dataset()["probabilities"].to_dataframe()[["probabilities"]].reset_index()

    def table(self) -> Table:
        """Return probabilities, of spins where there are some, spins of the leads, and how well all is conserved."""
        leads, resolved = len(self.channels), [lead.resolved for lead in self.spins]
        if any(resolved):
            names = [f"{lead} {spin}" for lead in range(leads) for spin in ("maj", "min")]
            values, counts = self.probabilities.reshape(2 * leads, -1), self.modes.ravel()
        else:
            names, values, counts = [str(lead) for lead in range(leads)], self._between, self.channels.astype(float)
        rows = [
            (name, *(number(value, 7) for value in row), number(count, 4))
            for name, row, count in zip(names, values, counts, strict=True)
        ]
        notes = []
        if any(resolved) and not all(resolved):
            for lead, row in enumerate(self.between_leads()):
                notes.append(f"total to {lead}: " + ", ".join(f"{value:.7g} from {i}" for i, value in enumerate(row)))
        for lead, (spins, m) in enumerate(zip(self.spins, self.magnetizations, strict=True)):
            axis = ", ".join(f"{x:.4g}" for x in m + 0.0)
            state = (
                f"spin along ({axis}), mixing {spins.mixing:.1e}" if spins.resolved else f"not resolved: {spins.reason}"
            )
            notes.append(f"lead {lead}: {state}")
        defects = [("unitarity", self.unitarity_defect)]
        if self.check is not None:
            defects.append(("Green functions", self.check))
        defects += [(f"torque on {key[1]}", found.defect) for key, found in self._found.items() if key[0] == "magnet"]
        notes.append("defects: " + ", ".join(f"{name} {value:.1e}" for name, value in defects))
        title = (
            f"Scattering by kwant: E = {with_unit(self.energy, self.device.unit if self.device else '')}, {leads} leads"
        )
        return Table(title, ("to / from", *names, "modes"), rows, notes)

    def __getstate__(self) -> dict[str, Any]:
        """Evaluate what the device names, then leave behind the system, which need not pickle, and the waves."""
        if self.device is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SpinjuncWarning)
                for kind, evaluate in (("cut", self.spin_current), ("magnet", self.torque)):
                    for name in self._names(kind):
                        with suppress(SpinjuncError):  # what cannot be evaluated here cannot be there either
                            evaluate(name)
        params = {name: value if _pickles(value) else repr(value) for name, value in self.params.items()}
        return {**self.__dict__, "device": None, "_waves": None, "params": params}

    # ------------------------------------------------------------------ details
    def _live(self) -> Device:
        if self.device is None:
            raise ArgumentError(
                "This DeviceScattering was pickled: it holds only the cuts and magnets that its device named. "
                "Name them, or scatter again."
            )
        return self.device

    def _names(self, kind: str) -> list[str]:
        if self.device is not None:
            return list(self.device.cuts if kind == "cut" else self.device.magnets)
        return [name for what, name in self._found if what == kind]

    def _evaluating(self, quantity: str, lead_in: int) -> tuple[Device, Any, Any, int]:
        """Return the device, the on-site operators, the waves from a lead, and the number of a quantity's operator."""
        which, device = FLUXES.index(choice("quantity", quantity, FLUXES)), self._live()
        waves = self._waves[index("lead_in", lead_in, len(self.channels))]
        if not len(waves):
            raise ArgumentError(f"Argument `lead_in` must have open channels, but lead {lead_in} has none.")
        spin = device.spin_operator(self.params)
        if spin is None and which:
            raise ArgumentError("Argument `quantity` must be 'charge' for sites without spin (spin=None).")
        return device, identity if spin is None else spin.components, waves, which

    def refuse_changed(self, sites: NDArray[np.int64]) -> None:
        """Raise `ArgumentError` where the Hamiltonian of some sites is no longer that of the waves."""
        if residual(self.system, self._waves, self.energy, sites, self.params) > CHANGED:
            raise ArgumentError(
                "Argument `params` must be as when the device was solved, but an object among them, or one that its "
                "functions read, has changed since. Ask for fluxes and torques before it changes, or scatter again."
            )

    def channel_waves(self, lead: int) -> Any:
        """Return the wave functions of the channels of definite spin, (channels, orbitals)."""
        return apply(self.spins[lead].to_incoming.T, self._waves[lead])

    def _by_spin(self, per_lead: list[Floats]) -> tuple[Floats, Floats]:
        """Sum what each lead's channels (first axis) do by spin, (leads, 2, ...), and over all, (leads, ...)."""
        shape = per_lead[0].shape[1:]
        by_spin = np.full((len(per_lead), 2, *shape), np.nan)
        for lead, values in enumerate(per_lead):
            if self.spins[lead].resolved:
                for s in range(2):
                    by_spin[lead, s] = values[self.spins[lead].incoming == s].sum(axis=0)
        return by_spin, np.array([values.sum(axis=0) for values in per_lead])

    def _audit_charge(self, cut: Any, behind: NDArray[np.bool_], charge: Floats) -> None:
        """Compare the charge through a cut with the scattering matrix, which knows it without cancellation."""
        for lead, flux in enumerate(charge):
            beyond = self._between[behind != behind[lead], lead].sum()
            expected = -beyond if behind[lead] else beyond
            count = max(int(self.channels[lead]), 1)
            miss = abs(flux - expected)
            if not miss <= self.max_defect * count:
                raise ContinuityError(
                    f"The charge through {cut!r} misses the scattering matrix by {miss:.2g}, more than `max_defect`."
                )
            if beyond < SMALL_FLUX * count and miss > SMALL_FLUX_ERROR * beyond and miss > 0 and beyond > 0:
                warn(
                    f"From lead {lead} only {beyond:.2g} is transmitted through {cut!r}, where the flux is a "
                    f"difference of numbers of order one and comes out as {abs(flux):.2g}. Place the cut on "
                    "the far side of the barrier, or inject from the other lead.",
                    NearSideWarning,
                )

    def exchange_of(self, magnet: Any) -> tuple[Device, NDArray[np.int64], SpinOperator, Any, str]:
        """Return device, sites of a magnet, spin, exchange part of H within the sites, or None and why not."""
        device = self._live()
        sites, spin = device.magnet(magnet), device.spin_operator(self.params)
        if spin is None:
            raise ArgumentError("Argument `magnet` must have spin, but the device has none (spin=None).")
        self.refuse_changed(sites)
        divided = divide(device.exchange, device.system, device.edges, sites, spin, self.params)
        return device, sites, spin, *divided

    def _solve_torque(self, magnet: Any) -> MagnetTorque:
        device, sites, spin, exchange, undivided = self.exchange_of(magnet)
        inside = np.zeros(len(device.system.sites), dtype=bool)
        inside[sites] = True
        edges = device.edges
        entering = edges[inside[edges[:, 0]] & ~inside[edges[:, 1]]]
        waves = [self.channel_waves(lead) for lead in range(len(self.channels))]
        flux, total = self._by_spin([device.flux_per_mode(psi, entering, self.params)[:, 1:] for psi in waves])
        per_site = torques(device.system, sites, spin, waves, self.params, exchange=exchange)
        torque, torque_total = self._by_spin([values.sum(axis=1) for values in per_site])
        on_sites = np.array([values.sum(axis=0) for values in per_site])
        miss = abs(total - torque_total.sum(axis=1)) / np.maximum(self.channels, 1)[:, None]
        defect, site_total = float(miss.max()), on_sites.sum(axis=2)
        if not defect <= self.max_defect:
            raise ContinuityError(
                f"The torque misses the spin flux into the sites by {defect:.2g} per channel, more than `max_defect` = "
                f"{self.max_defect:.2g}. {NEAR_EDGE}"
            )
        if undivided:
            warn(f"The torque on {magnet!r} is not divided. {undivided}")
            torque, torque_total, on_sites = (
                np.full((*values.shape[:-2], 2, 3), np.nan) for values in (torque, torque_total, on_sites)
            )
        found = {"total": total, "total_by_spin": flux, "site_total": site_total}
        for kind, name in enumerate(("exchange", "spin_orbit")):
            found |= {name: torque_total[:, kind], f"{name}_by_spin": torque[:, :, kind]}
            found[f"site_{name}"] = on_sites[:, :, kind]
        return MagnetTorque(**found, sites=sites, defect=defect, undivided=undivided)


def apply(transform: Any, waves: Any) -> Any:
    """Return transform @ waves, the waves themselves for the identity."""
    if transform.nnz == transform.shape[0] and np.all(transform.diagonal() == 1):
        return waves
    return transform @ waves


def _pickles(value: Any) -> bool:
    try:
        pickle.dumps(value)
    except Exception:  # whatever a user's object raises
        return False
    return True
