r"""Any Kwant system: spin-resolved probabilities, spin currents through cuts and torques on sets of sites.

The user's finalized system is solved by Kwant with one factorization; spins of the leads' modes are told from their
wave functions (`spin_channels`), fluxes come from `kwant.operator`, and torques from commutators with the parts of the
Hamiltonian:

    spin flux into the sites = exchange torque + spin-orbit torque,   torque = ⟨i [S, H_part]⟩.

How, for junctions as well, is said in `waves`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ..arrays import Floats
from ..checks import finite, finite_array, positive
from ..errors import ArgumentError, BarrierWarning, ContinuityError, NearSideWarning, NoOpenChannelError, UnitarityError
from ..optional import kwant
from .cuts import BUFFER, Between, ResolvedCut, between, resolve_cut, resolve_sites
from .solve import diagnose, is_transparent, prepare, solve
from .spin_channels import LeadSpins, cell_sites, lead_axis, lead_spins, refuse_broken_law
from .spin_operators import SpinOperator, identity, norbs_of
from .spin_order import refuse_what_is_no_spin, resolve_spin
from .waves import densities, fluxes, torques

__all__ = ["Between", "Device", "DeviceScattering", "MagnetTorque", "between", "scatter_device"]


#: Default of the largest defect per unit flux that is accepted, as for junctions.
TOLERANCE = 1e-8
#: A flux this small (per incoming channel) is compared with the scattering matrix before it is believed, and must agree
#: with it to this relative error.
SMALL_FLUX, SMALL_FLUX_ERROR = 1e-8, 1e-3
#: Orbitals of a barrier up to which its levels are found densely.
DENSE = 600


@dataclass(frozen=True, eq=False, kw_only=True)
class Device:
    """A finalized Kwant system with what is needed to speak of spin in it.

    Attributes
    ----------
    system : kwant.system.FiniteSystem
        Finalized, with at least two leads. Precalculated leads are used as they are: that it was at the same energy
        cannot be checked, as they do not know it and stay unitary.
    spin
        ``"auto"``: σ for two orbitals, with more only where ``magnetizations`` tell the order; ``"spin-orbital"`` for
        np.kron(σ, 1), ``"orbital-spin"`` for np.kron(1, σ); three matrices (norbs, norbs); a mapping of site families
        (or names) to either; a function of a site; None for sites without spin.
    magnetizations : mapping
        Lead number to m, unit vector of its majority spin. A lead that is not listed is resolved along its exchange
        field; if it has none along that of its conservation law, else along +z.
    cuts : mapping
        Name to `between` two sets of sites, a list of hoppings (to, from), or a function that is True behind the cut.
    magnets : mapping
        Name to a list of sites or a function of a site that tells them.
    barriers : mapping
        The same, of what is meant to be a tunnel barrier: a warning if it has levels below the energy.
    params : mapping
        Default parameters of the system.
    """

    system: Any
    spin: Any = "auto"
    magnetizations: Mapping[int, Any] = field(default_factory=dict)
    cuts: Mapping[str, Any] = field(default_factory=dict)
    magnets: Mapping[str, Any] = field(default_factory=dict)
    barriers: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if isinstance(self.system, kwant.Builder):
            raise ArgumentError("Argument `system` must be finalized, but is a Builder. Use syst.finalized().")
        if not isinstance(self.system, kwant.system.FiniteSystem) or not hasattr(self.system, "id_by_site"):
            raise ArgumentError(
                f"Argument `system` must be a finalized finite kwant system, but is {type(self.system).__name__}."
            )
        leads = len(self.system.leads)
        if leads < 2:
            raise ArgumentError(f"Argument `system` must have at least two leads, but has {leads}. Attach leads.")
        for name in ("magnetizations", "cuts", "magnets", "barriers", "params"):
            value = {} if getattr(self, name) is None else getattr(self, name)
            if not isinstance(value, Mapping):
                raise ArgumentError(f"Argument `{name}` must be a mapping, but is {type(value).__name__}.")
            object.__setattr__(self, name, dict(value))
        for number in self.magnetizations:
            if not isinstance(number, (int, np.integer)) or not 0 <= number < leads:
                raise ArgumentError(
                    f"Argument `magnetizations` must map lead numbers 0 to {leads - 1} to unit vectors, "
                    f"but has the key {number!r}."
                )

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @cached_property
    def edges(self) -> NDArray[np.int64]:
        """Hoppings of the system as numbers of sites, both directions, shape (edges, 2)."""
        return np.array(list(self.system.graph), dtype=np.int64).reshape(-1, 2)

    @cached_property
    def _found(self) -> dict[Any, Any]:
        return {}

    def spin_operator(self, params: Mapping[str, Any] | None = None) -> SpinOperator | None:
        """Return S of every site, having looked once whether it is one; see `spin_order`."""
        if "spin" not in self._found:
            everything = {**self.params, **(params or {})}
            spin = resolve_spin(self.spin, self.system, everything, self.magnetizations)
            if spin is not None:
                refuse_what_is_no_spin(self.system, self.edges, spin, everything)
            self._found["spin"] = spin
        operator: SpinOperator | None = self._found["spin"]
        return operator

    def cut(self, cut: Any) -> ResolvedCut:
        """Return a named cut (or one not named before), checked that it separates the leads."""
        if not isinstance(cut, str):
            return resolve_cut("cut", cut, self.system, self.edges)
        if ("cut", cut) not in self._found:
            if cut not in self.cuts:
                raise ArgumentError(f"Argument `cut` must name one of {list(self.cuts)}, but is {cut!r}.")
            self._found["cut", cut] = resolve_cut(f"cuts[{cut!r}]", self.cuts[cut], self.system, self.edges)
        found: ResolvedCut = self._found["cut", cut]
        return found

    def magnet(self, magnet: Any) -> NDArray[np.int64]:
        """Return the numbers of the sites of a named magnet (or of any set of sites), none of which touches a lead."""
        if isinstance(magnet, str) and magnet not in self.magnets:
            raise ArgumentError(f"Argument `magnet` must name one of {list(self.magnets)}, but is {magnet!r}.")
        name = f"magnets[{magnet!r}]" if isinstance(magnet, str) else "magnet"
        sites = self.magnets[magnet] if isinstance(magnet, str) else magnet
        numbers = resolve_sites(name, sites, self.system)
        for lead, interface in enumerate(self.system.lead_interfaces):
            touching = np.intersect1d(numbers, interface)
            if len(touching):
                raise ArgumentError(
                    f"Argument `{name}` must not touch a lead, but {self.system.sites[touching[0]]} is joined to lead "
                    f"{lead}, and the flux through that bond is out of reach. {BUFFER}"
                )
        return numbers

    def flux(self, waves: ArrayLike, cut: Any, params: Mapping[str, Any] | None = None) -> Floats:
        """Return the flux of 1, Sx, Sy, Sz through a cut of given wave functions, summed over them, shape (4,).

        Parameters
        ----------
        waves
            All wave functions of a lead, ``kwant.wave_function(...)(lead)``, shape (modes, orbitals).
        cut
            Name of a cut, or a cut.
        params
            Parameters of the system.

        Raises
        ------
        ArgumentError
            A single wave function: only the sum over all modes of a lead is independent of their arbitrary basis.
        """
        psi = np.asarray(waves)
        if psi.ndim != 2:
            raise ArgumentError(
                f"Argument `waves` must be all modes of a lead, shape (modes, orbitals), but has {psi.ndim} dimension. "
                "One mode is no observable: give wave_function(lead), not wave_function(lead)[0]."
            )
        per_mode = self._flux_per_mode(psi, self.cut(cut).hoppings, {**self.params, **(params or {})})
        return np.asarray(per_mode.sum(axis=0))

    def _flux_per_mode(self, psi: Any, hoppings: Any, params: Mapping[str, Any]) -> Floats:
        """Return the flux of (1, Sx, Sy, Sz) through hoppings, shape (modes, 4); spin is NaN where there is none."""
        spin = self.spin_operator(params)
        values = np.full((len(psi), 4), np.nan)
        known = 1 if spin is None else 4
        values[:, :known] = 0.0
        if len(hoppings):
            onsites = identity if spin is None else spin.components
            values[:, :known] = fluxes(self.system, onsites, psi, hoppings, params, 1)[:, 0]
        return values


@dataclass(frozen=True)
class MagnetTorque:
    """Torque of the electrons on a set of sites, per unit incoming flux in every channel; multiply by ħ/2.

    Attributes
    ----------
    exchange, spin_orbit, flux : ndarray, shape (leads, 2, 3)
        ``[lead_in, spin_in, (x, y, z)]``: torque on the magnetization, torque on the lattice, and the spin flux into
        the sites, which is their sum. NaN for the spins of a lead that does not conserve spin. A spin-orbit bond that
        leaves the set belongs to its surroundings: the flux is what arrives at the sites of the set.
    exchange_total, spin_orbit_total, flux_total : ndarray, shape (leads, 3)
        The same, summed over all channels of a lead. Where hoppings are complex without spin-orbit coupling, only the
        sum of exchange and spin-orbit torque is independent of their gauge (with a warning).
    site_exchange, site_spin_orbit : ndarray, shape (leads, sites, 3)
        Torque on every site, half of a bond's to each of its ends.
    sites : ndarray of int
        Numbers of the sites.
    defect : float
        Largest miss of flux = exchange + spin-orbit torque per incoming channel.
    """

    exchange: Floats
    spin_orbit: Floats
    flux: Floats
    exchange_total: Floats
    spin_orbit_total: Floats
    flux_total: Floats
    site_exchange: Floats
    site_spin_orbit: Floats
    sites: NDArray[np.int64]
    defect: float

    def __str__(self) -> str:
        rows = [f"Torque on {len(self.sites)} sites per unit incoming flux, in ħ/2 (x, y, z)"]
        for lead in range(len(self.flux)):
            parts = [
                ("exchange", self.exchange_total),
                ("spin-orbit", self.spin_orbit_total),
                ("flux", self.flux_total),
            ]
            text = "   ".join(
                f"{name} ({', '.join(f'{x:.6g}' for x in values[lead].round(15) + 0.0)})" for name, values in parts
            )
            rows.append(f"  from lead {lead}: {text}")
        return "\n".join([*rows, f"  defect {self.defect:.1e}"])


@dataclass(frozen=True, eq=False)
class DeviceScattering:
    r"""Spin-resolved scattering off any Kwant system, and how well it conserves.

    Spin 0 is the majority (along the lead's own m), 1 the minority; out-index before in-index. What is resolved by the
    spin of a lead that does not conserve it is NaN; totals are always there.

    Attributes
    ----------
    device : Device or None
        What was scattered from; None in an unpickled result.
    energy, params
        The problem.
    magnetizations : ndarray, shape (leads, 3)
        The axis along which each lead is resolved.
    probabilities : ndarray, shape (leads, 2, leads, 2)
        T[α s, β s'] as ``[lead_out, spin_out, lead_in, spin_in]``, summed over modes.
    modes : ndarray, shape (leads, 2)
        Incoming channels of each lead and spin.
    channels : ndarray of int, shape (leads,)
        Incoming channels of each lead.
    transmissions : ndarray, shape (leads, leads)
        ``[lead_out, lead_in]``, both spins together.
    spin_mixing : ndarray, shape (leads,)
        How far the modes of each lead are from definite spin along m, 0 to 1; NaN if it cannot be known.
    spins : tuple of LeadSpins
        Which combination of Kwant's modes has which spin.
    unitarity_defect : float
        Largest element of S†S - 1.
    tolerance : float
        Largest defect that was accepted.
    smatrix : kwant.solvers.common.SMatrix
        Kwant's own result, in Kwant's own modes.
    """

    device: Device | None
    energy: float
    params: Mapping[str, Any]
    magnetizations: Floats
    probabilities: Floats
    modes: Floats
    channels: NDArray[np.int64]
    transmissions: Floats
    spin_mixing: Floats
    spins: tuple[LeadSpins, ...]
    unitarity_defect: float
    tolerance: float
    smatrix: Any = field(repr=False)
    _waves: Any = field(default=None, repr=False)
    _found: dict[Any, Any] = field(default_factory=dict, repr=False)

    @property
    def system(self) -> Any:
        """The finalized Kwant system."""
        return self._live().system

    def transmission(self, lead_out: int, lead_in: int) -> Floats:
        """Return T from one lead to another as [spin_out, spin_in], i.e. [[uu, ud], [du, dd]], shape (2, 2)."""
        return self.probabilities[self._lead("lead_out", lead_out), :, self._lead("lead_in", lead_in), :]

    @property
    def conductance_matrix(self) -> Floats:
        """G[α s, β s'] = N δ - T in e²/h, shape (leads, 2, leads, 2), diagonal by unitarity without cancellation."""
        leads = len(self.channels)
        G = -self.probabilities.reshape(2 * leads, 2 * leads)
        np.fill_diagonal(G, 0.0)
        np.fill_diagonal(G, -G.sum(axis=1))
        return G.reshape(self.probabilities.shape)

    @property
    def conductance(self) -> Floats:
        """G[α, β] of the leads in e²/h, both spins together, shape (leads, leads)."""
        G = -self.transmissions
        np.fill_diagonal(G, 0.0)
        np.fill_diagonal(G, -G.sum(axis=1))
        return G

    def currents(self, mu: ArrayLike) -> Floats:
        r"""Return the particle currents that leave the leads into the device, I_αs = Σ G[α s, β s'] µ_βs' / h.

        Parameters
        ----------
        mu
            Chemical potentials of each lead, shape (leads,), or of each lead and spin, (leads, 2), along its own m.

        Returns
        -------
        ndarray
            Shape (leads,) for spins in equilibrium, in every lead; (leads, 2) else. Evaluated from differences of µ,
            so equal potentials give zero exactly. The current of lead 0 (left) is the project's J, along +y; that of
            lead 1 (right) is -J.
        """
        leads = len(self.channels)
        potentials = finite_array("mu", mu)
        if potentials.shape == (leads,):
            return np.asarray((self.transmissions * (potentials[:, None] - potentials)).sum(axis=1))
        if potentials.shape != (leads, 2):
            raise ArgumentError(
                f"Argument `mu` must have shape ({leads},) or ({leads}, 2), but its shape is {potentials.shape}."
            )
        difference = potentials[:, :, None, None] - potentials
        return np.asarray((self.probabilities * difference).sum(axis=(2, 3)))

    def spin_current(self, cut: Any, *, total: bool = False) -> Floats:
        """Return the flux of charge and spin through a cut, (1, Sx, Sy, Sz), per unit flux in each channel.

        Parameters
        ----------
        cut
            Name of a cut of the device, or a cut.
        total
            Sum over all channels of a lead, also where its spins are not resolved.

        Returns
        -------
        ndarray, shape (leads, 2, 4), or (leads, 4) for ``total``
            ``[lead_in, spin_in, (charge, x, y, z)]``, positive from source to target, spin in ħ/2 and summed over the
            modes. Across a spin-orbit bond the flux is what arrives at the target.

        Warns
        -----
        NearSideWarning
            The flux from some lead is below what this cut can resolve.
        """
        key = ("cut", cut) if isinstance(cut, str) else None
        if key not in self._found or key is None:
            resolved = self._live().cut(cut)
            per_lead = [
                self._live()._flux_per_mode(self._channel_waves(lead), resolved.hoppings, self.params)
                for lead in range(len(self.channels))
            ]
            found = self._by_spin(per_lead)
            self._audit_charge(cut, resolved.behind, found[1][:, 0])
            if key is None:
                return found[1] if total else found[0]
            self._found[key] = found
        by_spin, totals = self._found[key]
        result: Floats = totals if total else by_spin
        return result

    def torque(self, magnet: Any) -> MagnetTorque:
        """Return the torque on a set of sites, exchange and spin-orbit parts separated (see `MagnetTorque`).

        Parameters
        ----------
        magnet
            Name of a magnet of the device, a list of sites or a function of a site.

        Raises
        ------
        ArgumentError
            The sites touch a lead, or have no spin.
        ContinuityError
            Flux and torques differ by more than the tolerance.
        """
        key = ("magnet", magnet)
        if isinstance(magnet, str) and key in self._found:
            known: MagnetTorque = self._found[key]
            return known
        found = self._solve_torque(self._live().magnet(magnet))
        if not found.defect <= self.tolerance:
            raise ContinuityError(
                f"The torque misses the spin flux into the sites by {found.defect:.2g} per channel, more than the "
                f"tolerance {self.tolerance:.2g}. Energies very near a band edge do this; move the energy."
            )
        if isinstance(magnet, str):
            self._found[key] = found
        return found

    def on_lattice(self, quantity: str = "charge", lead_in: int = 0) -> Floats:
        """Return the flux of ``"charge"``, ``"x"``, ``"y"`` or ``"z"`` on all hoppings, as kwant.plotter.current takes.

        Summed over all channels of a lead, in the order of the system's graph.
        """
        device, onsite, waves = self._evaluating(quantity, lead_in)
        return np.asarray(
            fluxes(device.system, onsite, waves, None, self.params, len(device.edges))[..., 0].sum(axis=0)
        )

    def density(self, quantity: str = "charge", lead_in: int = 0) -> Floats:
        """Return the density of ``"charge"``, ``"x"``, ``"y"`` or ``"z"`` on all sites, in ħ per energy."""
        device, onsite, waves = self._evaluating(quantity, lead_in)
        return np.asarray(densities(device.system, onsite, waves, None, self.params)[..., 0].sum(axis=0))

    def to_dataset(self) -> Any:
        """Return probabilities, modes and the fluxes and torques of the named cuts and magnets as `xarray.Dataset`."""
        import xarray as xr

        spins, axes = ["majority", "minority"], ["x", "y", "z"]
        leads = np.arange(len(self.channels))
        coordinates: dict[str, Any] = {
            "lead_out": leads,
            "spin_out": spins,
            "lead_in": leads,
            "spin_in": spins,
            "axis": axes,
            "flux_of": ["charge", *axes],
        }
        variables: dict[str, Any] = {
            "probability": (("lead_out", "spin_out", "lead_in", "spin_in"), self.probabilities, "e²/h"),
            "transmission": (("lead_out", "lead_in"), self.transmissions, "e²/h"),
            "modes": (("lead_in", "spin_in"), self.modes, "1"),
            "spin_mixing": (("lead_in",), self.spin_mixing, "1"),
            "magnetization": (("lead_in", "axis"), self.magnetizations, "1"),
        }
        if self._names("cut"):
            coordinates["cut"] = self._names("cut")
            flux = np.array([self.spin_current(cut) for cut in self._names("cut")])
            variables["flux"] = (("cut", "lead_in", "spin_in", "flux_of"), flux, "ħ/2 for spin")
        if self._names("magnet"):
            coordinates["magnet"] = self._names("magnet")
            torques = [self.torque(magnet) for magnet in self._names("magnet")]
            for name in ("exchange", "spin_orbit"):
                values = np.array([getattr(torque, name) for torque in torques])
                variables[f"{name}_torque"] = (("magnet", "lead_in", "spin_in", "axis"), values, "ħ/2")
        return xr.Dataset(
            {
                name: (dims, values, {"units": unit, "long_name": name.replace("_", " ")})
                for name, (dims, values, unit) in variables.items()
            },
            coords=coordinates,
            attrs={"energy": self.energy, "unitarity_defect": self.unitarity_defect},
        )

    def to_dataframe(self) -> Any:
        """Return the probabilities as a `pandas.DataFrame`, one row per (lead_out, spin_out, lead_in, spin_in)."""
        return self.to_dataset()["probability"].to_dataframe()[["probability"]].reset_index()

    def __str__(self) -> str:
        return _summary(self)

    def __getstate__(self) -> dict[str, Any]:
        """Evaluate what the device names, then leave behind the system, which need not pickle, and the waves."""
        if self.device is not None:
            for cut in self.device.cuts:
                self.spin_current(cut)
            for magnet in self.device.magnets:
                self.torque(magnet)
        return {**self.__dict__, "device": None, "_waves": None}

    # ------------------------------------------------------------------ details
    def _live(self) -> Device:
        if self.device is None:
            raise ArgumentError(
                "This DeviceScattering was pickled: it holds only the cuts and magnets that its device named. "
                "Name them, or scatter again."
            )
        return self.device

    def _lead(self, name: str, lead: int) -> int:
        if not 0 <= lead < len(self.channels):
            raise ArgumentError(f"Argument `{name}` must be 0 to {len(self.channels) - 1}, but is {lead!r}.")
        return lead

    def _names(self, kind: str) -> list[str]:
        if self.device is not None:
            return list(self.device.cuts if kind == "cut" else self.device.magnets)
        return [name for what, name in self._found if what == kind]

    def _evaluating(self, quantity: str, lead_in: int) -> tuple[Device, Any, Any]:
        """Return the device, the on-site operator of a quantity, and the waves from a lead."""
        names = ("charge", "x", "y", "z")
        if quantity not in names:
            raise ArgumentError(f"Argument `quantity` must be one of {', '.join(names)}, but is {quantity!r}.")
        device = self._live()
        waves = self._waves[self._lead("lead_in", lead_in)]
        if not len(waves):
            raise ArgumentError(f"Argument `lead_in` must have open channels, but lead {lead_in} has none.")
        spin = device.spin_operator()
        if quantity == "charge":
            return device, identity, waves
        if spin is None:
            raise ArgumentError("Argument `quantity` must be 'charge' for sites without spin (spin=None).")
        axis = names.index(quantity) - 1
        return device, lambda sites: spin.block_diagonal(sites)[axis : axis + 1], waves

    def _channel_waves(self, lead: int) -> Any:
        """Return the wave functions of the channels of definite spin, (channels, orbitals)."""
        return _apply(self.spins[lead].to_incoming.T, self._waves[lead])

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
            beyond = self.transmissions[behind != behind[lead], lead].sum()
            expected = -beyond if behind[lead] else beyond
            count = max(int(self.channels[lead]), 1)
            miss = abs(flux - expected)
            if not miss <= self.tolerance * count:
                raise ContinuityError(
                    f"The charge through {cut!r} misses the scattering matrix by {miss:.2g}, more than the tolerance."
                )
            if beyond < SMALL_FLUX * count and miss > SMALL_FLUX_ERROR * beyond and miss > 0 and beyond > 0:
                warnings.warn(
                    f"From lead {lead} only {beyond:.2g} is transmitted through {cut!r}, where the flux is a "
                    f"difference of numbers of order one and comes out as {abs(flux):.2g}. Place the cut on "
                    "the far side of the barrier, or inject from the other lead.",
                    NearSideWarning,
                    stacklevel=4,
                )

    def _solve_torque(self, sites: NDArray[np.int64]) -> MagnetTorque:
        device = self._live()
        spin = device.spin_operator(self.params)
        if spin is None:
            raise ArgumentError("Argument `magnet` must have spin, but the device has none (spin=None).")
        inside = np.zeros(len(device.system.sites), dtype=bool)
        inside[sites] = True
        edges = device.edges
        entering = edges[inside[edges[:, 0]] & ~inside[edges[:, 1]]]
        waves = [self._channel_waves(lead) for lead in range(len(self.channels))]
        flux, flux_total = self._by_spin([device._flux_per_mode(psi, entering, self.params)[:, 1:] for psi in waves])
        per_site = torques(device.system, sites, spin, waves, self.params)
        torque, torque_total = self._by_spin([values.sum(axis=1) for values in per_site])
        on_sites = np.array([values.sum(axis=0) for values in per_site])
        miss = abs(flux_total - torque_total.sum(axis=1)) / np.maximum(self.channels, 1)[:, None]
        return MagnetTorque(
            exchange=torque[:, :, 0],
            spin_orbit=torque[:, :, 1],
            flux=flux,
            exchange_total=torque_total[:, 0],
            spin_orbit_total=torque_total[:, 1],
            flux_total=flux_total,
            site_exchange=on_sites[:, :, 0],
            site_spin_orbit=on_sites[:, :, 1],
            sites=sites,
            defect=float(miss.max(initial=0.0)),
        )


def _apply(transform: Any, waves: Any) -> Any:
    """Return transform @ waves, the waves themselves for the identity."""
    if transform.nnz == transform.shape[0] and np.all(transform.diagonal() == 1):
        return waves
    return transform @ waves


def scatter_device(device: Device, energy: Any, params: Mapping[str, Any] | None, tolerance: float) -> DeviceScattering:
    """Solve a device at one energy; see `scattering.scatter`."""
    energy = finite("energy", energy)
    tolerance = positive("tolerance", tolerance)
    everything = {**device.params, **(params or {})}
    system = device.system
    spin = device.spin_operator(everything)
    for name, barrier in device.barriers.items():
        _warn_of_open_barrier(device, name, barrier, energy, everything)
    axes = np.full((len(system.leads), 3), np.nan)
    for number, lead in enumerate(system.leads):
        if kwant.system.is_selfenergy_lead(lead) or getattr(lead, "_modes", True) is None:
            raise ArgumentError(
                f"Argument `syst` must have leads with modes, but lead {number} is given by a self-energy only. "
                "Use syst.precalculate(energy, what='modes')."
            )
        refuse_broken_law(lead, number, everything)
        if spin is not None:
            axes[number] = lead_axis(system, number, spin, device.magnetizations.get(number), everything)
    along = [
        sum(x * component for x, component in zip(m, spin.block_diagonal(cell_sites(system, number)), strict=True))
        if spin is not None and is_transparent(lead)
        else None
        for number, (lead, m) in enumerate(zip(system.leads, axes, strict=True))
    ]
    prepared = prepare(system, energy, everything, along)
    channels = np.array([len(lead.modes(energy)[0].momenta) // 2 for lead in prepared.leads])
    if not channels.any():
        raise NoOpenChannelError(
            f"Argument `energy` must lie in a band of a lead, but at {energy:g} no channel is open in any lead. "
            "Look at the bands with kwant.plotter.bands(syst.leads[0])."
        )
    smatrix, waves = solve(prepared, energy, everything)
    spins = tuple(
        lead_spins(info, _cell_sites(system, number, info), spin, None if spin is None else axes[number])
        for number, info in enumerate(smatrix.lead_info)
    )
    unitarity = float(abs(smatrix.data.conj().T @ smatrix.data - np.eye(len(smatrix.data))).max(initial=0.0))
    if not unitarity <= tolerance:
        raise UnitarityError(
            f"The scattering matrix misses unitarity by {unitarity:.2g}, more than the tolerance {tolerance:.2g}. "
            + diagnose(system, everything, smatrix)
        )
    probabilities, transmissions = _probabilities(smatrix.data, channels, spins)
    return DeviceScattering(
        device=device,
        energy=energy,
        params=everything,
        magnetizations=axes,
        probabilities=probabilities,
        modes=np.array([lead.counts() for lead in spins]),
        channels=channels,
        transmissions=transmissions,
        spin_mixing=np.array([lead.mixing for lead in spins]),
        spins=spins,
        unitarity_defect=unitarity,
        tolerance=tolerance,
        smatrix=smatrix,
        _waves=waves,
    )


def as_device(first: Any, **settings: Any) -> Device:
    """Return a `Device` made of a finalized system, or a given one with the settings that are given replaced."""
    changed = {name: value for name, value in settings.items() if value is not None or name == "spin"}
    if isinstance(first, Device):
        return replace(first, **changed) if changed else first
    return Device(system=first, **changed)


def _cell_sites(system: Any, number: int, modes: Any) -> list[Any] | None:
    """Return the sites that the wave functions of a lead's modes live on."""
    if is_transparent(system.leads[number]):
        return cell_sites(system, number)
    sites = [system.sites[i] for i in system.lead_interfaces[number]]
    return sites if sum(norbs_of(site.family) for site in sites) == len(modes.wave_functions) else None


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
        block = _apply(spins[out].to_outgoing.conj().T, block)
        flux = abs(_apply(spins[in_].to_incoming.T, block.T).T) ** 2
        for s_out, s_in in np.ndindex(2, 2):
            rows, columns = spins[out].outgoing == s_out, spins[in_].incoming == s_in
            probabilities[out, s_out, in_, s_in] = flux[np.ix_(rows, columns)].sum()
    return probabilities, transmissions


def _warn_of_open_barrier(device: Device, name: str, barrier: Any, energy: float, params: Mapping[str, Any]) -> None:
    sites = resolve_sites(f"barriers[{name!r}]", barrier, device.system)
    H = device.system.hamiltonian_submatrix(to_sites=sites, from_sites=sites, sparse=True, params=dict(params))
    if H.shape[0] <= DENSE:
        lowest = float(np.linalg.eigvalsh(H.toarray())[0])
    else:
        start = np.ones(H.shape[0])
        lowest = float(sparse.linalg.eigsh(H, 1, which="SA", v0=start, return_eigenvectors=False)[0])
    if lowest < energy:
        warnings.warn(
            f"barriers[{name!r}] has levels from {lowest:.4g} on, below the energy {energy:.4g}: electrons pass it "
            "without tunneling. Raise its on-site energy, or do not call it a barrier.",
            BarrierWarning,
            stacklevel=4,
        )


def _summary(s: DeviceScattering) -> str:
    """Return the result as an aligned table with its own quality."""
    leads = len(s.channels)
    lines = [f"Scattering by kwant: E = {s.energy}, {leads} leads"]
    resolved = all(lead.resolved for lead in s.spins)
    if any(lead.resolved for lead in s.spins):
        names = [f"{lead} {spin}" for lead in range(leads) for spin in ("maj", "min")]
        rows, counts = s.probabilities.reshape(2 * leads, -1), s.modes.ravel()
    else:
        names, rows, counts = [str(lead) for lead in range(leads)], s.transmissions, s.channels.astype(float)
    lines.append(f"  {'to / from':<10}" + "".join(f"{name:>14}" for name in names) + f"{'modes':>8}")
    for name, row, count in zip(names, rows, counts, strict=True):
        lines.append(f"  {name:<10}" + "".join(f"{value:14.7g}" for value in row) + f"{count:8.4g}")
    if not resolved and len(rows) != leads:
        for lead, row in enumerate(s.transmissions):
            lines.append(f"  total to {lead}: " + ", ".join(f"{value:.7g} from {i}" for i, value in enumerate(row)))
    for number, (spins, m) in enumerate(zip(s.spins, s.magnetizations, strict=True)):
        axis = ", ".join(f"{x:.4g}" for x in m + 0.0)
        state = f"spin along ({axis}), mixing {spins.mixing:.1e}" if spins.resolved else f"not resolved: {spins.reason}"
        lines.append(f"  lead {number}: {state}")
    defects = [("unitarity", s.unitarity_defect)]
    defects += [(f"torque on {key[1]}", found.defect) for key, found in s._found.items() if key[0] == "magnet"]
    lines.append("  defects: " + ", ".join(f"{name} {value:.1e}" for name, value in defects))
    return "\n".join(lines)
