r"""Currents of any Kwant system at finite bias and temperature, by adaptive integration over energy."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from ..arrays import Floats
from ..checks import finite_array, positive
from ..checks import temperature as check_temperature
from ..costs import QuotedError, quoted, warn_if_long
from ..errors import ArgumentError, BandEdgeError, ConservationError, NoOpenChannelError
from ..model.problem import MAX_DEFECT
from ..printing import Printed, fields_of
from ..quadrature import FINE, cut_into_pieces, integrate
from .device import as_device
from .scatter import Prepared, prepare_device, scatter_device
from .spin_order import are_electrons_and_holes

#: Steps aside from an energy that is refused, in units of the window of energies.
STEPS = (1e-9, 1e-7, 1e-5, 1e-3)
#: Energies by which the time of one is measured.
TRIED = 2
#: Solves over those of the first look at an integral: 1 where the current is smooth, 4 with a temperature.
REFINED = 3
#: Thermal energies beyond the chemical potentials where the Fermi functions are 0 or 1 to rounding.
TAIL = 36.0


@dataclass(frozen=True, repr=False, eq=False)
class DeviceCurrents(Printed):
    """Particle currents that leave the leads into the device."""

    #: Shape (..., leads, 2): I_αs in e²/h × V (energies in eV divided by h), along each lead's own m; NaN where a lead
    #: conserves no spin.
    spin_resolved: Floats
    #: Shape (..., leads): both spins together. With spin-split potentials it needs leads that conserve spin.
    charge: Floats
    #: Shape (...): estimated absolute error of the integrals, with what may lie in the energies left out.
    error: Floats
    #: Shape (...): width of the energies, next to those that were refused (band edges, flat bands, isolated levels),
    #: over which the current is taken from both sides.
    left_out: Floats
    solves: int  #: Energies at which the device was solved.

    def __str__(self) -> str:
        leads = range(self.charge.shape[-1])
        both = np.concatenate([self.charge[..., None], self.spin_resolved], axis=-1)
        said = {f"lead {lead}, charge and by spin": both[..., lead, :] for lead in leads}
        quality = {"error": self.error, "energies left out": self.left_out, "energies solved": self.solves}
        return fields_of(f"Currents of {len(leads)} leads in e²/h × unit of energy:", **said, **quality)


def current_voltage(
    device: Any,
    mu: ArrayLike,
    *,
    temperature: float = 0.0,
    rtol: float = 1e-6,
    params: Mapping[str, Any] | None = None,
    max_defect: float = MAX_DEFECT,
) -> DeviceCurrents:
    r"""Integrate I_αs = (1/h) ∫dE Σ_βs' T[α s, β s'](E) [f_αs(E) - f_βs'(E)].

    **Result**: The current of lead 0 (left) is the project's J, along +y; that of lead 1 (right) is -J.

    Parameters
    ----------
    device
        A `Device` or a finalized Kwant system. Its Hamiltonian does not move with µ: put the voltage into ``params``
        and call once for each if it does.
    mu
        Chemical potentials µ_α, shape (..., leads), or µ_αs along each lead's own m, shape (..., leads, 2): leading
        axes are points of an I-V curve, which share no energies. With as many leads as spins (two), shape (2, 2) is
        (leads, 2); give several points of µ_α as (..., 2, 1).
    temperature
        k_B T as an energy, the same in all leads.
    rtol
        Relative accuracy of each point's currents.
    params, max_defect
        As of `scatter`.

    Warns `CostWarning`: It will take more than half a minute, as the first energies foretell.

    **Validity**: noninteracting, phase-coherent electrons, and a Hamiltonian that does not follow µ; of one whose
    potential does, see `bias_response`.

    Examples
    --------
    >>> import kwant, numpy as np
    >>> import kwant_spinjunc as sj
    >>> iron = sj.ferromagnet(onsite=2.0, hopping=1.0, splitting=0.5)
    >>> syst = sj.build(sj.Junction(iron, [iron], iron)).finalized()
    >>> sj.current_voltage(syst, [[0.05, 0.05], [-0.05, -0.05]]).charge.round(12).tolist()
    [0.1, -0.1]
    """
    return integrate_currents(
        prepare_device(as_device(device), params),
        mu,
        temperature=temperature,
        rtol=positive("rtol", rtol),
        max_defect=positive("max_defect", max_defect),
    )


def integrate_currents(
    ready: Prepared, mu: ArrayLike, *, temperature: float, rtol: float, max_defect: float = MAX_DEFECT
) -> DeviceCurrents:
    """Return the currents of a device that was looked at; see `current_voltage`."""
    system, leads = ready.device.system, len(ready.device.system.leads)
    if are_electrons_and_holes(system, ready.device.edges, ready.params):
        raise ArgumentError(
            "Argument `device` must consist of electrons, but has holes, which carry the opposite charge: "
            "transmissions of quasiparticles give no current. Sum those of electrons and of holes by hand."
        )
    points, kT, batch, split = _conditions(mu, temperature, leads)
    flat = points.reshape(len(points), -1)
    low, high = flat.min(axis=1) - TAIL * kT, flat.max(axis=1) + TAIL * kT
    pieces = cut_into_pieces(low, high, flat)
    current = _Current(ready, points, kT, split, max_defect, high - low, ahead=len(pieces[0]) * len(FINE.nodes))
    found = integrate(current, pieces, len(points), 3 * leads, rtol=rtol, floor=1e-14)
    spin_resolved = found.value[:, : 2 * leads].reshape(-1, leads, 2)
    charge = found.value[:, 2 * leads :]
    spin_resolved[:, list(current.unresolved)] = np.nan
    if split:
        charge[:, list(current.unresolved)] = np.nan
    return DeviceCurrents(
        spin_resolved.reshape(*batch, leads, 2),
        charge.reshape(*batch, leads),
        (found.error + current.missed).reshape(batch),
        current.left_out.reshape(batch),
        current.solves,
    )


def _conditions(mu: ArrayLike, temperature: float, leads: int) -> tuple[Floats, float, tuple[int, ...], bool]:
    """Return chemical potentials (points, leads, 2), k_B T, the shape of the points, and whether spins differ."""
    potentials = finite_array("mu", mu)
    if potentials.shape[-2:] not in {(leads, 2), (leads, 1)}:
        if (leads == 2 and potentials.ndim > 1) or potentials.shape[-1:] != (leads,):
            raise ArgumentError(
                f"Argument `mu` must have trailing shape ({leads}, 2), or ({leads}, 1) without spin accumulation, "
                f"but its shape is {potentials.shape}."
            )
        potentials = potentials[..., None]
    split = potentials.shape[-1] == 2 and bool((potentials[..., 0] != potentials[..., 1]).any())
    kT = check_temperature("temperature", temperature)
    batch = potentials.shape[:-2]
    return np.broadcast_to(potentials, (*batch, leads, 2)).reshape(-1, leads, 2), kT, batch, split


@dataclass(eq=False)
class _Current:
    """The integrand of `current_voltage`, which steps around energies that are refused and keeps account of it."""

    ready: Prepared
    points: Floats  #: Shape (points, leads, 2): chemical potentials.
    kT: float
    split: bool  #: Whether they differ by spin.
    max_defect: float
    windows: Floats  #: Shape (points,): widths of the windows of energies.
    ahead: int  #: Energies of the first look, until it is said how long all will take.
    solves: int = 0  #: Energies that were solved or refused.
    unresolved: set[int] = field(default_factory=set)  #: Leads that conserve no spin at some energy.

    def __post_init__(self) -> None:
        # what the energies left out may change of a current of each point, and their width
        self.missed, self.left_out = np.zeros((2, len(self.points)))

    def __call__(self, owner: NDArray[np.intp], energies: Floats) -> tuple[Floats, Floats]:
        """Return the currents and how uncertain they are; see `quadrature.integrate`."""
        values, errors = np.zeros((*energies.shape, 3 * self.points.shape[1])), np.zeros(energies.shape)
        begin = time.process_time()
        for count, ((piece, node), energy) in enumerate(np.ndenumerate(energies)):
            if self.ahead and count == TRIED:
                self._tell_cost((time.process_time() - begin) / TRIED)
            point = int(owner[piece])
            try:
                values[piece, node] = self._at(float(energy), point)
            except (BandEdgeError, ConservationError) as error:
                values[piece, node], errors[piece, node] = self._beside(float(energy), point, error)
        return values, errors

    def _tell_cost(self, each: float) -> None:
        """Say how long the run will be, once its first energies have been solved."""
        solves, self.ahead = REFINED * self.ahead, 0
        if quoted(lambda: each * solves):
            raise QuotedError("Only the cost was asked for.")
        advice = f": some {solves} energies of {each:.1g} s. A wider `rtol`, or fewer points, cost less."
        warn_if_long(each * solves, "The current", advice)

    def _at(self, energy: float, point: int) -> Floats:
        """Return the currents of each spin of each lead, and of each lead, at one energy."""
        self.solves += 1
        try:
            found = scatter_device(self.ready, energy, None, self.max_defect)
        except NoOpenChannelError:
            return np.zeros(3 * self.points.shape[1])
        occupation = _occupation(energy, self.points[point], self.kT)
        by_spin = found.currents(occupation)
        charge = by_spin.sum(axis=1) if self.split else found.currents(occupation[:, 0])
        # a quadrature cannot weigh NaN: unresolved leads are marked afterwards
        self.unresolved.update(np.flatnonzero(np.isnan(by_spin).any(axis=1)).tolist())
        return np.concatenate([np.nan_to_num(by_spin).ravel(), np.nan_to_num(charge)])

    def _beside(self, energy: float, point: int, refused: Exception) -> tuple[Floats, float]:
        """Return the mean of the currents on both sides of an energy, and half of their difference."""
        for step in STEPS:
            width = step * float(self.windows[point])
            sides = []
            for side in (-width, width):
                with suppress(BandEdgeError, ConservationError):
                    sides.append(self._at(energy + side, point))
            if sides:
                self.left_out[point] += 2 * width
                self.missed[point] += 2 * width * float(max(abs(side).max() for side in sides))
                return np.mean(sides, axis=0), float(np.ptp(sides, axis=0).max()) / 2
        raise BandEdgeError(
            f"Argument `mu` must leave energies that can be solved, but none within {width:.2g} of {energy:g} can. "
            f"{refused}"
        ) from refused


def _occupation(energy: float, mu: Floats, kT: float) -> Floats:
    if kT == 0:
        return np.where(energy < mu, 1.0, 0.0)
    return np.asarray(expit((mu - energy) / kT))
