r"""The border of crystals: what `scatter` takes for angles, momenta and zone averages of a Kwant system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from ..checks import (
    broadcast,
    choice,
    finite_array,
    instance,
    is_average,
    known_fields,
    number_or_axis,
    positive,
    positive_integer,
    refusal,
    refuse_empty,
    shown,
    warn_of_degrees,
)
from ..devices.cuts import cut_sites
from ..devices.device import Device, same, snapshot
from ..errors import NEAR_EDGE, ArgumentError, NoOpenChannelError, warn
from ..halves.joint import Turn
from ..model.memory import refuse_memory
from ..model.problem import MAX_DEFECT
from ..printing import counted
from ..solved import refuse_unitarity
from ..spin import one_unit_vector
from .crystal import AT, Crystal, evaluated, take_apart
from .observe import lead_axes
from .problem import BASIC, TURNED, Measured, Observable, Problem
from .result import CrystalScattering, Measurement, refuse_missed
from .spins import ALIGNED, scale_of, spin_orbit_coupling, spin_part

#: Error of a mean over the zone unless another is asked for: here, by many processes, at a bias and in sweeps.
RTOL = 1e-4
#: Memory of results in that of their probabilities, and of a point being solved in bytes per angle and squared orbital.
COPIES, EACH = 4, 250


@known_fields
@dataclass(frozen=True, eq=False, kw_only=True)
class CrystalSettings:
    """What of a Kwant system is solved besides energies and momenta, and how much an average may cost."""

    params: Mapping[str, Any] | None = None  #: Parameters of the system besides momenta and angle.
    #: Names of the parameters that are momenta in units of the inverse lattice vectors; None: those that
    #: `kwant.wraparound` made (without it: called k_...) and that are not in ``params``.
    momenta: Sequence[str] | None = None
    #: Angles θ in radians, a number or one axis of them, by which all spins behind the cut are turned about ``axis``,
    #: exp(-iθ n·σ/2); leads behind it as well. None for no turn.
    turns: Any = None
    #: The cut: a function of a site that is true behind it, `between` two sets of sites, hoppings (to, from), or the
    #: name of a cut of the device.
    behind: Any = None
    axis: ArrayLike = (0.0, 1.0, 0.0)  #: Unit vector n.
    #: False: nothing behind the cut ties spin to the lattice, on your word, where real orbitals cannot tell.
    spin_orbit: bool | None = None
    max_points: int = 200_000  #: Momenta of a mean over the zone, at each energy.

    @property
    def turn(self) -> Turn | None:
        """The turn, checked."""
        if self.turns is None:
            if self.behind is not None:
                raise ArgumentError(
                    "Argument `behind` must come with `turns`: angles by which the spins behind are turned."
                )
            return None
        if self.behind is None:
            raise ArgumentError(
                "Argument `behind` must be given: the name of a cut, or a function of a site true behind it."
            )
        angles = number_or_axis("turns", self.turns)
        warn_of_degrees("turns", angles)
        return Turn(np.atleast_1d(angles), one_unit_vector(self.axis, "axis"))

    def problem(self, device: Device) -> Problem:
        """Return the device taken apart at the cut, and the turn of what lies behind; what cannot turn is refused."""
        turn, cut, params = self.turn, self.behind, device.values(self.params)
        if isinstance(cut, str):
            cut = device.cuts[choice("behind", cut, device.cuts)]
        crystal = taken_apart(device, params, momenta_of(device, params, self.momenta), cut)
        if turn is not None:
            if self.spin_orbit is not None:
                instance("spin_orbit", self.spin_orbit, bool)
            _refuse_unturnable(crystal, self.spin_orbit)
        return Problem(crystal, turn)


def scatter_crystal(
    device: Device,
    energy: ArrayLike,
    k: Any = None,
    *,
    rtol: float = RTOL,
    max_defect: float = MAX_DEFECT,
    observer: Any = None,
    fluxes: Observable = TURNED,
    **settings: Any,
) -> CrystalScattering:
    r"""Scatter off a Kwant system at all angles of a turn, at many energies and momenta, or averaged over the zone.

    ``device``: the system with its spin, magnetizations, cuts and magnets.
    ``energy``: energy, an array for points.
    ``k``: momenta, trailing axis as ``momenta``, without it a number or one axis of them for one momentum;
    ``"average"``: the mean over the zone.
    ``rtol``: error of an average to reach, relative to the largest of its kind; single momenta are exact. Over two
    momenta, from 2e-3 on and for more than four orbitals a spin, the error is statistical, see `lattice`; else a first
    look at all pieces of the zone is taken whatever it costs.
    ``max_defect``: largest defect of unitarity that is accepted.
    ``observer``: who answers for the crystal at momenta, see `Problem`; None for this process.
    ``fluxes``: what an average with turns resolves besides probabilities, the last of it what waves miss; see
    `measured`.
    ``**settings``: see `CrystalSettings`.

    Raises `NoOpenChannelError`: No channel is open anywhere. Raises `UnitarityError, ContinuityError`: The result
    violates unitarity, or fluxes of an average the continuity of charge, by more than ``max_defect``. Warns
    `SpinjuncWarning`: An average spent ``max_points`` before it reached ``rtol``; ``k_error`` says what it reached.
    """
    asked = CrystalSettings(**settings)
    problem = replace(asked.problem(device), observer=observer)
    crystal, turn, listed = problem.crystal, problem.turn, np.ndim(asked.turns) == 1
    E, points, shape = points_of(energy, k, crystal.momenta)
    _refuse_size(problem, 0 if points is None else len(E))
    most = positive_integer("max_points", asked.max_points)
    measurement = Measurement(problem, E, points, shape, listed, positive("rtol", rtol), most)
    # of an average the fluxes come with the probabilities; at points they are solved for when asked for
    found = measurement.measure([BASIC] if turn is None or points is not None else [BASIC, fluxes])
    values, modes, unitarity = found.values, found.values["modes"], float(np.max(found.values["unitarity_defect"]))
    # a node of an average may lie very near a band edge, where amplitudes lose digits that the mean does not need
    max_defect = max(positive("max_defect", max_defect), rtol if points is None else 0.0)
    _judge(measurement, found, unitarity, max_defect)
    if "missed" in values:
        refuse_missed(float(np.max(values["missed"])), max_defect)
    axes = lead_axes(crystal, turn)
    return CrystalScattering(
        device=device,
        energy=deepcopy(energy),  # the caller's arrays may change
        params=crystal.params,
        momenta=crystal.momenta,
        k=deepcopy(k),
        turns=deepcopy(asked.turns),
        axis=one_unit_vector(asked.axis, "axis") if turn is None else turn.axis,
        magnetizations=axes if listed else axes[0],
        probabilities=values["probabilities"],
        _between=values["conductance"],
        modes=modes[0] if listed else modes,
        unitarity_defect=unitarity,
        residual=found.residual,
        max_defect=max_defect,
        k_error=None if found.errors is None else found.errors["probabilities"],
        points=found.points,
        measured=found,
        _turned={name: values[name] for name in TURNED.kept if name in values} if fluxes is TURNED else {},
        _measurement=measurement,
    )


def refuse_spin_orbit(device: Device, behind: Any) -> None:
    """Raise `ArgumentError` where spin is tied to the lattice in front of a cut; what is behind, turning refuses."""
    params = snapshot(device.params)
    names = momenta_of(device, params, None)
    crystal = taken_apart(device, params, names, device.cuts[behind] if isinstance(behind, str) else behind)
    coupling, hidden = spin_orbit_coupling(crystal.blocks(0), crystal.scale)
    if coupling or hidden:
        raise ArgumentError(
            "Argument `system` must tie spins to its magnets alone, but in front of the cut "
            + (f"a part {coupling:.2g} of the Hamiltonian is" if coupling else "complex terms may be")
            + " spin-orbit coupling: part of the spin flux is torque on the lattice. Use `torque` of a named magnet."
        )


def taken_apart(device: Device, params: Mapping[str, Any], momenta: tuple[str, ...], cut: Any) -> Crystal:
    """Return the device taken apart, the last one again if nothing has changed, nor what its functions give."""
    known = device.__dict__.setdefault("_crystal", [])
    asked = (momenta, None if cut is None else cut_sites("behind", cut, device.system))
    probe = evaluated(device.system, {**params, **dict.fromkeys(momenta, AT)})
    for old_params, *old, old_probe, crystal in known:
        if tuple(old) == asked and same(old_params, params) and probe == old_probe:
            found: Crystal = crystal
            return found
    crystal = take_apart(device, params, momenta, cut)
    known[:] = [(snapshot(params), *asked, probe, crystal)]
    return crystal


def momenta_of(device: Device, params: Mapping[str, Any], momenta: Sequence[str] | None) -> tuple[str, ...]:
    """Return the names of the momenta, each of which the region and every lead must know."""
    union = set().union(*device.parameters.values())
    if momenta is None:
        names = tuple(device.momenta(params))
    else:
        names = (momenta,) if isinstance(momenta, str) else tuple(instance("momenta", momenta, Sequence))
        if len({*map(shown, names)}) < len(names):
            raise ArgumentError(f"Argument `momenta` must name every momentum once, but is {shown(momenta)}.")
    for name in names:
        if not isinstance(name, str) or name not in union:
            raise refusal(
                "momenta", "name parameters of the system", f"{name!r} is none of {', '.join(sorted(union)) or 'none'}"
            )
        if name in params:
            raise ArgumentError(f"Argument `params` must leave out the momentum {name!r}: give it as `k`.")
        without = [where for where, own in device.parameters.items() if name not in own]
        if without:
            raise ArgumentError(
                f"Argument `momenta` must name parameters that the region and all leads know, but {name!r} is unknown "
                f"to {', '.join(without)}. Give the momenta of region and leads the same names: "
                "kwant.wraparound.wraparound(builder, coordinate_names=...); of a parameter that is no momentum give "
                "the value in `params`."
            )
    missing = device.missing([*params, *names])
    if missing:
        raise ArgumentError(
            f"Argument `params` must have a value for every parameter, but {', '.join(missing)} has none. "
            "Name what is a momentum in `momenta`."
        )
    return names


def points_of(energy: Any, k: Any, names: tuple[str, ...]) -> tuple[Floats, Floats | None, tuple[int, ...]]:
    """Return energies (points,), momenta (points, dimensions) or None for an average, and the shape of the points."""
    E = finite_array("energy", energy)
    if is_average("k", k):
        if not names:
            raise ArgumentError("Argument `k` must be left out for a system without momenta, but is 'average'.")
        if E.ndim:
            raise ArgumentError(f"Argument `energy` must be a number for an average, but its shape is {E.shape}.")
        return E.reshape(1), None, ()
    if k is None:
        if names:
            raise ArgumentError(
                f"Argument `k` must be given, but is None and the system depends on {', '.join(names)}. Use "
                "k='average' for the mean over the zone."
            )
        return E.ravel(), np.zeros((E.size, 0)), E.shape
    momenta = finite_array("k", k)
    if not names:
        raise ArgumentError("Argument `k` must be left out for a system without momenta. Are they in `params`?")
    if len(names) == 1 and momenta.ndim < 2:
        momenta = momenta[..., None]
    if momenta.shape[-1:] != (len(names),):
        raise refusal("k", f"have a trailing axis of {len(names)}, {', '.join(names)}", f"its shape is {momenta.shape}")
    refuse_empty("Arguments `energy` and `k`", E, momenta)
    shape = broadcast("Arguments `energy` and `k`", E.shape, momenta.shape[:-1])
    E = np.broadcast_to(E, shape).ravel()
    return E, np.broadcast_to(momenta, (*shape, len(names))).reshape(-1, len(names)), shape


def _refuse_unturnable(crystal: Crystal, spin_orbit: bool | None) -> None:
    """Raise `ArgumentError` where turning spins behind the cut is not turning the magnet."""
    if crystal.spin is None:
        raise ArgumentError("Argument `turns` must be left out for sites without spin (spin=None).")
    if crystal.across is not None:
        across = crystal.across
        dependent = abs(spin_part([across])).max(initial=0.0) / max(scale_of([across]), 1e-300)
        if dependent > ALIGNED:
            raise ArgumentError(
                f"Argument `behind` must cut hoppings that carry spin unchanged, but a part {dependent:.2g} of them "
                "depends on spin and belongs to neither side. Move the cut into a region without exchange and "
                "spin-orbit coupling."
            )
    if spin_orbit is False:
        return
    coupling, hidden = crystal.spin_orbit_behind
    way_out = "Give spin_orbit=False if you know that nothing behind the cut ties spin to the lattice."
    if coupling:
        raise ArgumentError(
            "Argument `turns` must turn spins that are tied to the magnet alone, but behind the cut a part "
            f"{coupling:.2g} "
            "of the Hamiltonian is spin-orbit coupling (spin-dependent and, in real orbitals, imaginary): turning the "
            f"spins is not turning the magnet. Move the cut, or turn the magnetization in the Hamiltonian. {way_out}"
        )
    if hidden:
        raise ArgumentError(
            "Argument `turns` must turn spins that are tied to the magnet alone, but behind the cut terms without spin "
            "are complex (a magnetic flux or complex orbitals) and the exchange mixes orbitals or sites, so that it "
            f"cannot be told from spin-orbit coupling. {way_out}"
        )


def _refuse_size(problem: Problem, points: int) -> None:
    """Raise `ArgumentError` for more points and angles than this machine has memory for, before it is taken."""
    results = COPIES * 8 * points * problem.angles * (2 * len(problem.crystal.leads)) ** 2
    needed = (results + EACH * problem.angles * problem.orbitals**2) / 1e9
    what = f"{counted(problem.angles, 'angle')} at {counted(max(points, 1), 'point')} need"
    refuse_memory("Arguments `turns`, `energy` and `k`", needed, what, ". Give fewer at a time.")


def _judge(measurement: Measurement, found: Measured, unitarity: float, max_defect: float) -> None:
    """Raise what makes a result no result, and warn of what it misses."""
    if not np.nansum(found.values["modes"]):
        k = "any momentum" if measurement.k is None else "the momenta given"
        raise NoOpenChannelError(
            f"Argument `energy` must lie in a band of a lead, but at {measurement.energy[0]:g} no channel is open at "
            f"{k}. Look at the bands of the leads."
        )
    refuse_unitarity(unitarity, max_defect, NEAR_EDGE)
    if not found.converged:
        worst = {name: float(np.nanmax(error, initial=0.0)) for name, error in (found.errors or {}).items()}
        own = max(worst.pop(name) for name in BASIC.kept)
        fluxes = f" and of its fluxes and torques {max(worst.values()):.2g}" if worst else ""
        warn(
            f"The average over the zone spent {found.points} momenta before it reached rtol = {measurement.rtol:g}: "
            f"the error of its probabilities (see `k_error`) and channels is up to {own:.2g}{fluxes}. Raise "
            "`max_points`, or widen `rtol`."
        )
