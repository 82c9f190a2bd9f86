r"""`CrystalScattering`: what `scatter` returns for angles, momenta and zone averages of a Kwant system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

import numpy as np

from ..arrays import Floats, Integers
from ..checks import shown
from ..devices.device import Device
from ..devices.terminals import NO_CUT, SystemResult
from ..errors import ArgumentError, BandEdgeError, ContinuityError
from ..printing import Printed, Table, counted, fields_of, number
from .problem import DEFECT, ROUNDING, TURNED, Measured, Observable, Problem
from .spins import spin_orbit_coupling
from .waves import hopping_flux, site_torques
from .zone import mean


def refuse_missed(missed: float, max_defect: float) -> None:
    """Raise `ContinuityError` unless waves at the cut carry the charge that S says, within the tolerance."""
    if not missed <= max_defect:
        raise ContinuityError(
            f"The waves at the cut miss the transmitted charge by {missed:.2g} per unit flux, more than `max_defect` = "
            f"{max_defect:.2g}: fluxes and torques are as wrong. Move the energy or the cut by a plane."
        )


@dataclass(frozen=True, eq=False)
class Measurement:
    """Where a problem is to be solved."""

    problem: Problem
    energy: Floats
    k: Floats | None
    shape: tuple[int, ...]  #: Shape of the points.
    angles: bool  #: Whether results have an axis of angles.
    #: `rtol`, `max_points`: Of a zone average.
    rtol: float
    max_points: int

    def measure(self, observables: Sequence[Observable]) -> Measured:
        """Return the values of observables."""
        if self.k is None:
            of_mean = mean(self.problem, float(self.energy[0]), observables, rtol=self.rtol, max_points=self.max_points)
            return of_mean if self.angles else of_mean.at_one_angle()
        found = self.problem.observe(self.energy, self.k, observables)
        if found.bad.any():
            at = int(np.flatnonzero(found.bad)[0])
            raise BandEdgeError(
                f"Argument `energy` must not lie at a band edge of a lead, but at {self.energy[at]:g} and k = "
                f"{self.k[at].tolist()} its modes cannot be told apart (residual {found.residual[at]:.2g}). Move it."
            )
        values = {name: self._shaped(array) for name, array in found.values.items()}
        return Measured(values, None, len(self.energy), float(found.residual.max()))

    def _shaped(self, array: Any) -> Any:
        """Return an array (points, angles, ...) with the axes of the result."""
        array = np.swapaxes(array, 0, 1)
        array = array.reshape(array.shape[0], *self.shape, *array.shape[2:])
        return array if self.angles else array[0]

    def refuse_spin_orbit(self) -> None:
        """Raise `ArgumentError` if torques on the exchange cannot be told from those on the lattice."""
        crystal = self.problem.crystal
        for side in range(len(crystal.sides)):
            coupling, _ = spin_orbit_coupling(crystal.blocks(side), crystal.scale)
            if coupling:
                raise ArgumentError(
                    f"Argument `magnet` must lie in a system without spin-orbit coupling, but a part {coupling:.2g} "
                    "of the Hamiltonian is that: the torque would go to magnet and lattice. Scatter the system at one "
                    "k with scatter(syst, energy, params=...), which separates both, or take differences of "
                    "`spin_current`."
                )


@dataclass(frozen=True, repr=False, eq=False)
class CrystalTorque(Printed):
    """Torque of the electrons on the exchange of a set of sites, per unit incoming flux; multiply by ħ/2."""

    #: Shape (..., leads, 2, 3): ``[..., lead_in, spin_in, (x, y, z)]`` in the frame of what is not turned; NaN for a
    #: lead that mixes spins.
    exchange_by_spin: Floats
    exchange: Floats  #: Shape (..., leads, 3): summed over all channels of a lead.
    #: `site_exchange_by_spin`, `site_exchange`: Shape (..., leads, 2, sites, 3) and (..., leads, sites, 3): on every
    #: site, half of a bond's torque to each of its ends: a staggered torque is their alternating sum.
    site_exchange_by_spin: Floats
    site_exchange: Floats
    sites: Integers  #: Numbers of the sites.
    #: Shape (..., leads, 2, sites, 3): estimated error of ``site_exchange_by_spin`` in a zone average, 0 otherwise.
    k_error: Floats

    def __str__(self) -> str:
        title = f"Torque on {len(self.sites)} sites per unit incoming flux, in ħ/2 (x, y, z)"
        return fields_of(title, exchange=self.exchange, by_spin=self.exchange_by_spin, k_error=self.k_error)


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class CrystalScattering(SystemResult[CrystalTorque]):
    r"""Spin-resolved scattering off a Kwant system at all angles of a turn and at momenta, or its zone average.

    Leading axes ``...`` are (angles, points): angles if ``turns`` was an array, points of the broadcast shape of energy
    and k[..., 0]; none for a number and an average. ``magnetizations`` have that of angles only, ``modes`` that of
    points only; of an average they are the mean. What lies behind the cut, its leads included, is turned by
    exp(-iθ n·σ/2): its m goes to R(n, θ) m. Of an average everything is per unit cell of the plane.
    """

    _shared: ClassVar[tuple[str, ...]] = ("device", "_measurement")
    #: `momenta`, `k`, `turns`, `axis`: The problem; k and the momenta in units of the inverse lattice vectors, period
    #: 2π.
    momenta: tuple[str, ...]
    k: Any
    turns: Any
    axis: Floats
    residual: float  #: Largest miss of Dyson's equation or of the flux by a lead's self-energy, relative to it.
    k_error: Any  #: Shape of ``probabilities``, or None: estimated error of a zone average.
    points: int  #: Momenta and energies at which the crystal was solved.
    #: All that was solved for, with independent estimates of it where the mean was taken on lattices.
    measured: Measured | None = None
    _turned: Mapping[str, Any] = field(default_factory=dict)
    _measurement: Measurement | None = None

    # ------------------------------------------------------------------ fluxes and torques
    def _solve_flux(self, cut: Any) -> tuple[Any, ...]:
        found = self._at_cut() if cut is None else self._through(cut)
        return found["flux_by_spin"], found["flux"]

    def _through(self, cut: Any) -> Mapping[str, Any]:
        hoppings = self.measurement.problem.crystal.device.cut(cut).hoppings
        observe = partial(hopping_flux, hoppings=hoppings)
        return self.measure(Observable(observe, {"flux_by_spin": (1,), "flux": (1,)}, ROUNDING)).values

    @property
    def side_torques(self) -> Floats:
        r"""Torque on all in front of the cut and behind it, (..., 2, leads, 2, 3) = [side, lead_in, spin_in, xyz].

        The flux through the cut minus what the leads of that side carry off: along its axis for a magnetic lead, in
        which transverse spin dephases, the whole vector for one whose spins are alike. In ħ/2 per unit incoming flux.
        """
        return np.array(self._at_cut()["side_torque_by_spin"])

    def _solve_torque(self, magnet: Any) -> CrystalTorque:
        sites = self.sites(magnet)
        observe = partial(site_torques, sites=sites)
        found = self.measure(Observable(observe, {"by_spin": (1,), "total": (1,)}, ROUNDING), exchange=True)
        by_spin, total = found.values["by_spin"], found.values["total"]
        errors = found.errors["by_spin"] if found.errors else np.zeros_like(by_spin)
        return CrystalTorque(by_spin.sum(axis=-2), total.sum(axis=-2), by_spin, total, sites, errors)

    # ------------------------------------------------------------------ tables
    def to_dataset(self) -> Any:
        """Return probabilities, transmissions, modes, fluxes and torques on both sides as `xarray.Dataset`.

        Torques on named magnets are in it once they were asked for: an average is done anew for each.
        """
        axes = {"turn": np.asarray(self.turns)} if np.ndim(self.turns) else {}
        if not isinstance(self.k, str):
            axes |= {f"point_{n}": np.arange(count) for n, count in enumerate(self.modes.shape[:-2])}
        values: dict[str, Any] = {
            "modes": np.broadcast_to(self.modes, (*self._between.shape[:-2], *self.modes.shape[-2:]))
        }
        if self.k_error is not None:
            values["k_error"] = self.k_error
        if self.turns is not None:
            values |= {name: array for name, array in self._at_cut().items() if name != "missed"}
        asked = {key[1]: found for key, found in self._found.items() if key[0] == "magnet"}
        if asked:
            for ending, axis in (("", -3), ("_by_spin", -4)):
                torques = [getattr(torque, f"exchange{ending}") for torque in asked.values()]
                values[f"exchange_torque{ending}"] = np.stack(torques, axis=axis)
        return self._dataset(values, axes, {"residual": self.residual, "points": self.points}, {"magnet": list(asked)})

    def table(self) -> Table:
        """Return the table that is printed."""
        where = "averaged over the zone" if isinstance(self.k, str) else counted(self.points, "point")
        leads = self.modes.shape[-2]
        title = f"Scattering off a crystal at E = {shown(self.energy)}, {where}, {leads} leads"
        defects = f"defects: unitarity {self.unitarity_defect:.1e}, leads {self.residual:.1e}"
        if self.check is not None:
            defects += f", second route {self.check:.1e}"
        if self.k_error is not None:
            defects += f", zone {np.nanmax(self.k_error, initial=0.0):.1e} in {self.points} momenta"
        if self._between.ndim > 2 + np.ndim(self.turns):
            return Table(title, notes=(f"shape of the points: {self.modes.shape[:-2]}", defects))
        pairs = [(a, b) for a in range(leads) for b in range(leads) if a != b]
        head = ("angle", *(f"T {b} → {a}" for a, b in pairs))
        angles = [None] if self.turns is None else np.atleast_1d(self.turns)
        T = self._between.reshape(len(angles), leads, leads)
        rows = [
            ("-" if angle is None else f"{np.degrees(angle):.4g}°", *(number(float(t[a, b]), 8) for a, b in pairs))
            for angle, t in zip(angles, T, strict=True)
        ]
        return Table(title, head, rows, (defects,))

    def __repr__(self) -> str:
        k = self.k if isinstance(self.k, str) else counted(self.points, "point")
        return f"<CrystalScattering at E = {shown(self.energy)}, {k}, {counted(np.size(self.turns), 'angle')}>"

    # ------------------------------------------------------------------ details
    def __getstate__(self) -> dict[str, Any]:
        """Evaluate the fluxes through the cut, then leave behind the system, which need not pickle."""
        if self.turns is not None:
            self._at_cut()
        return {**self.__dict__, "device": None, "_measurement": None}

    def _at_cut(self) -> Mapping[str, Any]:
        """Return the fluxes through the cut and the torques on both sides (see `TURNED`), solved once."""
        if self.turns is None:
            raise ArgumentError(NO_CUT)
        if not self._turned:
            turned = self.measurement.measure([TURNED]).values
            refuse_missed(float(np.max(turned["missed"])), self.max_defect)
            object.__setattr__(self, "_turned", turned)
        return self._turned

    @property
    def measurement(self) -> Measurement:
        """Where the crystal was solved, to ask more of it."""
        if self._measurement is None:
            raise ArgumentError("This CrystalScattering was pickled: scatter again to ask for other cuts and magnets.")
        return self._measurement

    def measure(self, observable: Observable, *, exchange: bool = False) -> Measured:
        """Return anything else that is a function of the solved crystal, at the same points or averaged anew.

        ``exchange``: refuse spin-orbit coupling, which torques on the exchange cannot be told from.
        """
        measurement = self.measurement
        if exchange:
            measurement.refuse_spin_orbit()
        if measurement.k is None:  # nodes of a mean are audited by themselves
            return measurement.measure([observable])
        found = measurement.measure([observable, DEFECT])
        refuse_missed(float(np.max(found.values["defect"])), self.max_defect)
        return found

    def sites(self, magnet: Any) -> Integers:
        """Return the numbers of the sites of a magnet: a name, a list of sites or a function of a site."""
        device: Device = self.measurement.problem.crystal.device
        return device.sites(magnet)
