r"""`scatter`: a junction and an energy in, a `Scattering` out, one result whatever the route.

Kwant is the reference solver (`devices.junctions`); the fast engine (`halves.route`) solves whole batches of clean
junctions with one cell per plane, averages and supercells. Both take a `Problem` and return what is `Solved`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import Any, Literal, Unpack, overload

import numpy as np
from numpy.typing import ArrayLike

from .arrays import Floats
from .checks import choice, refuse_unknown, shape_of
from .crosscheck import Check, cross_check
from .crystals.audit import audit
from .crystals.result import CrystalScattering
from .crystals.scatter import scatter_crystal
from .devices import junctions
from .devices.device import Device, as_device
from .devices.result import DeviceScattering
from .devices.scatter import scatter_device
from .devices.terminals import Terminals
from .errors import ArgumentError, BarrierWarning, warn
from .halves import route
from .model.junction import Junction
from .model.problem import MAX_DEFECT, Problem, Settings
from .optional import has, is_kwant
from .printing import Table, Tabled, counted, number, with_unit
from .solved import Fields, Solved, refuse_discontinuity, refuse_unitarity

SOLVERS = ("kwant", "halves", "modes")
#: Band shifts of an average at which a barrier is looked at.
LOOKS = np.linspace(-2.0, 2.0, 401)


@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class Scattering(Tabled, Terminals, Solved):
    r"""The result of `scatter`: spin-resolved probabilities, currents and torques, and how well they conserve.

    Lead 0 is the left, 1 the right; spin 0 is the majority (along the lead's own m), 1 the minority. Out-index before
    in-index. With the fast solver all arrays have the leading axes of ``energy`` and ``k``. What was solved, each told
    in `kwant_spinjunc.solved`: ``probabilities`` T[lead_out, spin_out, lead_in, spin_in] and open ``modes``
    [lead, spin], ``unitarity_defect``, ``k_error`` of an average, ``solver``, Kwant's own ``system`` and ``smatrix``.
    """

    problem: Problem  #: What was asked for; most of it is an attribute of the result as well.
    check: Check | None = None  #: What a second route said, if asked for.

    @classmethod
    def of(cls, problem: Problem, solved: Solved) -> Scattering:
        """Return the answer to a problem, or refuse it.

        Raises `UnitarityError, ContinuityError`: It violates a conservation law by more than ``max_defect``.
        """
        answer = {name: getattr(solved, name) for name in solved.__dataclass_fields__}
        result = cls(problem=problem, **answer)
        refuse_unitarity(result.unitarity_defect, result.max_defect, problem.doubt)
        if isinstance(result.states, Fields):
            refuse_discontinuity(result.states, result.max_defect, problem.doubt)
        return result

    @property
    def junction(self) -> Junction:
        """The junction."""
        return self.problem.junction

    energy = property(attrgetter("problem.energy"), doc="Energy or energies in the junction's unit.")
    k = property(attrgetter("problem.k"), doc="Wave vectors (kx, kz) in 1/a, None for Γ, or 'average'.")
    seed = property(attrgetter("problem.seed"), doc="The ensemble of a disordered junction.")
    realization = property(attrgetter("problem.realization"), doc="Which of its samples.")
    cells = property(attrgetter("problem.section.sites"), doc="Number of unit cells that all numbers are sums over.")
    magnetizations = property(
        attrgetter("problem.magnetizations"),
        doc="Directions of the two magnets, shape (..., 2, 3) with the leading axes of ``m_right``.",
    )

    @property
    def max_defect(self) -> float:
        """Largest defect that is accepted."""
        return max(self.problem.max_defect, self.problem.rtol) if self.problem.is_average else self.problem.max_defect

    @cached_property
    def fields(self) -> Fields:
        """Currents, torques and densities of each incoming lead and spin (solved for on first use)."""
        found = self.solve_fields()
        refuse_discontinuity(found, self.max_defect, self.problem.doubt)
        return found

    @property
    def bond_currents(self) -> Floats:
        """Charge and Pauli-spin flux, shape (..., 2, bonds, 4) = [lead_in, bond, (charge, x, y, z)].

        By Kwant, the transverse part inside the magnet on the injecting side of a barrier is exact to about 1e-15 of
        the incoming flux only, and noise below that; the fast engine has no such floor.

        Summed over all states incoming from that lead, each of unit flux, positive along +y (so the charge of
        lead 1 is negative). Bond b joins plane b of the scattering region to b + 1. Multiply spin by ħ/2 for
        angular momentum.
        """
        return np.asarray(self.fields.currents.sum(axis=-3))

    @property
    def layer_torques(self) -> Floats:
        """Torque the electrons exert on each plane, shape (..., 2, planes, 3): τ_n = Q_{n-1→n} - Q_{n→n+1}.

        By Kwant, planes of the magnet on the injecting side are exact to about 1e-15 of the incoming flux only.

        The flux through the outer bond of an end plane is not among `bond_currents`; the torque on it is the same as
        from the exchange field, Δ m × ⟨σ⟩, within `torque_defect`.
        """
        return np.asarray(self.fields.torques.sum(axis=-3))

    @property
    def spin_densities(self) -> Floats:
        """Density ⟨1⟩ and ⟨σ⟩ of the incoming states, shape (..., 2, planes, 4), in ħ per energy."""
        return np.asarray(self.fields.densities.sum(axis=-3))

    @property
    def transmissions(self) -> Floats:
        """T_ss' from the left to the right, shape (..., 2, 2) = [..., s on the left, s' on the right].

        The paper's order; equal to ``probabilities[..., 1, s', 0, s]``. From lead to lead it is `between_leads`.
        """
        return np.asarray(np.swapaxes(self.probabilities[..., 1, :, 0, :], -1, -2))

    @property
    def conductance(self) -> Any:
        """Linear-response conductance Σ_ss' T_ss' in e²/h, of all ``cells`` of the cross-section, shape (...)."""
        return self.probabilities[..., 1, :, 0, :].sum(axis=(-1, -2))

    continuity_defect = property(
        attrgetter("fields.continuity_defect"),
        doc="Largest violation of charge and spin continuity per unit incoming flux, shape (...).",
    )
    torque_defect = property(
        attrgetter("fields.torque_defect"),
        doc="Largest difference between flux and exchange-field torque per unit incoming flux, shape (...).",
    )

    def table(self) -> Table:
        """Return probabilities, conductance and defects."""
        batch = self.unitarity_defect.shape
        angle = f"angle between the magnets {np.degrees(self.junction.angle):.4g} deg"
        if self.problem.m_right is not None:
            angle = f"{counted(self.magnetizations[..., 0, 0].size, 'direction')} of the right magnet"
        per_cell = ", average over k" if isinstance(self.k, str) else ""
        where = (
            f"E = {with_unit(self.energy, self.junction.unit)}{per_cell}"
            if not batch
            else f"{counted(math.prod(batch), 'point')}, shape {batch}"
        )
        if self.junction.is_disordered:
            where += f", sample {self.realization} of seed {self.seed}"
        absent = "" if has("kwant") else " (Kwant is not installed)"
        title = f"Scattering by {self.solver}{absent}: {where}, {angle}, {len(self.junction.planes)} planes"
        head: tuple[str, ...] = ()
        rows, notes = [], []
        if not batch:
            names = [f"{lead} {spin}" for lead in ("left", "right") for spin in ("majority", "minority")]
            head = ("to / from", *names, "modes")
            rows = [
                (name, *(number(value, 8) for value in row), number(count, 4))
                for name, row, count in zip(names, self.probabilities.reshape(4, 4), self.modes.ravel(), strict=True)
            ]
            notes.append(
                f"conductance {self.conductance:.8g} e²/h {'per cell' if self.cells == 1 else f'of {self.cells} cells'}"
            )
        defects = [("unitarity", self.unitarity_defect)]
        if "fields" in self.__dict__:
            defects += [("continuity", self.continuity_defect), ("torque", self.torque_defect)]
        notes.append("defects: " + ", ".join(f"{name} {np.max(value, initial=0.0):.1e}" for name, value in defects))
        if self.check is not None:
            notes.append(f"second route: {self.check}")
        return Table(title, head, rows, notes)


@overload
def scatter(
    junction: Junction,
    energy: ArrayLike = 0.0,
    k: ArrayLike | Literal["average"] | None = None,
    *,
    solver: str | None = None,
    check: bool = False,
    **settings: Unpack[Settings],
) -> Scattering: ...
@overload
def scatter(
    junction: Any, energy: ArrayLike = 0.0, k: Any = None, *, max_defect: float = MAX_DEFECT, **device: Any
) -> DeviceScattering | CrystalScattering: ...
def scatter(
    junction: Any, energy: Any = 0.0, k: Any = None, *, solver: Any = None, check: Any = False, **settings: Any
) -> Any:
    r"""Scatter electrons of one energy through a junction, or through any finalized Kwant system.

    A Kwant system (or `Device`) takes ``params``, ``spin``, ``magnetizations``, ``cuts``, ``magnets``, ``exchange`` and
    ``barriers``, described at `Device`, and ``max_defect``; it gives a `DeviceScattering`. With angles (``turns``,
    ``behind``, ``axis``), momenta (``k``, ``momenta``) or several energies it gives a `CrystalScattering`, as told at
    `crystals.scatter.scatter_crystal`. What follows is about a junction.

    Parameters
    ----------
    junction
        What to scatter from.
    energy
        Energy E in the junction's unit, by default 0 as in all functions; an array for ``solver="halves"``.
    k
        In-plane wave vector (kx, kz) in 1/a, trailing axis 2, None for Γ: one channel of the in-plane periodic
        junction. ``"average"``: the Brillouin-zone average, everything per unit cell (fast engine only).
    solver
        ``"kwant"``, the reference: any cross-section, one energy and k. ``"modes"``: the same with analytic modes of
        the leads, for wide cross-sections. ``"halves"``, the exact fast engine. For one clean cell per plane ``energy``
        and ``k[..., 0]`` are arrays that broadcast, and the result has leading batch axes; a supercell or wire,
        disordered or not, takes one energy and k (see `supercell`).
        None: the engine for arrays, averages and several sites per plane, and where Kwant is not installed; else Kwant.
    check
        Solve again by an independent route (`crosscheck`, `audit`) and refuse where they differ; ``s.check`` tells how
        far they did. It costs another solve, and three by Kwant for a batch.
    cross_section, boundary
        See `build`: a supercell or wire with several sites per plane.
    seed, realization
        Which sample of a disordered junction (see `realize`); without effect on a clean one.
    m_right
        Directions of the right magnet, shape (..., 3), as `Junction.turned` takes one: what is behind the cut turns,
        the label of a magnetic lead as well. Leading axes broadcast with those of ``energy`` and ``k`` and lead all
        results; the halves, and the sample of a disordered junction, are solved once (fast engine only).
    max_defect
        Largest defect of unitarity or continuity (per unit flux) that is accepted, 1e-8 by default.
    rtol
        Relative accuracy of a Brillouin-zone average (see `zone.average`), 1e-8 by default; currents, torques and
        densities are averaged to ``rtol`` of the largest of their kind. One k is exact: it
        meets any, in all functions.

    Raises
    ------
    ArgumentError
        Bad argument, or an energy at a band edge, where Kwant cannot tell incoming from outgoing modes.
    NoOpenChannelError
        No channel is open in either lead.
    IntegrationError
        A Brillouin-zone average did not reach ``rtol``.
    UnitarityError, ContinuityError
        The result violates a conservation law by more than ``max_defect``; it is refused.
    DisagreementError
        With ``check``: the second route finds something else.

    Warns `BarrierWarning`: A layer made by `barrier` conducts: at some given energy and k, transverse mode of the
    cross-section, or k of an average, a channel of a lead is open and the energy lies inside the layer's clean band.
    Sweeps, averages over samples and maps do not warn.

    Examples
    --------
    >>> import numpy as np
    >>> import kwant_spinjunc as sj
    >>> iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> junction = sj.Junction(
    ...     left=sj.ferromagnet(**iron),
    ...     layers=[sj.barrier(onsite=3.0, hopping=1.0, thickness=4)],
    ...     right=sj.ferromagnet(**iron, m=sj.unit_vector(theta=np.pi / 3)),
    ... )
    >>> s = sj.scatter(junction, energy=0.0)
    >>> s.modes.tolist(), s.bond_currents.shape, s.layer_torques.shape
    ([[1, 1], [1, 1]], (2, 5, 4), (2, 6, 3))
    """
    if isinstance(junction, Device) or is_kwant(junction):
        return _scatter_any(junction, energy, {"k": k, "solver": solver, **settings}, check)
    if not isinstance(junction, Junction):
        raise ArgumentError(
            f"Argument `junction` must be a Junction, a Device or a finalized kwant system, but is "
            f"{type(junction).__name__}."
        )
    refuse_unknown(settings, (*SETTINGS, *OF_SYSTEM), "scatter")
    own = (*DEVICE_ONLY, *CRYSTAL_ONLY[:5], "max_points")
    _refuse_foreign(settings, own, "a Junction. It belongs to a Kwant system; a Junction knows its spin")
    result = scatter_quietly(junction, energy, k, solver=solver, **settings)
    if check:
        result = replace(result, check=cross_check(result.problem, result))
    message = conducting_barrier(result.problem)
    if message is not None:
        warn(message, BarrierWarning)
    return result


def scatter_quietly(
    junction: Junction, energy: Any, k: Any = None, *, solver: str | None = None, **settings: Unpack[Settings]
) -> Scattering:
    """Scatter from a junction without a warning of barriers that conduct: for series that include them on purpose."""
    problem = Problem.of(junction, energy, k, **settings)
    if solver is None:
        # several sites: the dense engine was faster than Kwant wherever both were measured
        fast = problem.is_average or problem.is_batch or problem.section.shape != (1, 1) or not has("kwant")
        solver = "halves" if fast else "kwant"
    if choice("solver", solver, SOLVERS) == "halves":
        return Scattering.of(problem, route.answer(problem))
    return Scattering.of(problem, junctions.answer(problem, analytic=solver == "modes"))


def conducting_barrier(problem: Problem) -> str | None:
    """Return what is to be said of layers called barriers that conduct where a lead does, or None; see `scatter`."""
    junction = problem.junction
    called = [layer for layer in junction.layers if layer.role == "barrier"]
    if not called:
        return None
    if problem.is_average:
        c = LOOKS
    else:
        c = problem.band_shift if problem.section.is_single_cell else problem.section.transverse_modes[0]
    E = np.asarray(problem.energy, dtype=float)
    open_ = junction.open_channels(E, c).any(axis=(-1, -2))
    for layer in called:
        edges = layer.band_edges(c)
        inside = ((edges[..., 0] < E[..., None]) & (E[..., None] < edges[..., 1])).any(axis=-1) & open_
        if inside.any():
            at = np.unravel_index(int(inside.argmax()), inside.shape)
            low, high = np.broadcast_to(edges[..., 0, :], (*inside.shape, 2))[at]
            return (
                f"A layer called a barrier has a band from {low:.4g} to {high:.4g}, around the energy "
                f"{np.broadcast_to(E, inside.shape)[at]:.4g}, where a lead conducts as well: electrons pass it without "
                "tunneling. Raise its on-site energy, or call it normal_metal(...)."
            )
    return None


#: What `scatter` takes for a junction only, and for a Kwant system only.
JUNCTION_ONLY = ("solver", "cross_section", "boundary", "seed", "realization", "m_right")
DEVICE_ONLY = ("params", "spin", "magnetizations", "cuts", "magnets", "exchange", "barriers")
#: What makes a Kwant system a crystal: angles, momenta, averages (see `scatter_crystal`).
CRYSTAL_ONLY = ("turns", "behind", "axis", "momenta", "spin_orbit", "k", "rtol", "max_points")
SETTINGS, OF_SYSTEM = tuple(Settings.__annotations__), (*DEVICE_ONLY, *CRYSTAL_ONLY, "max_defect")


def _refuse_foreign(settings: dict[str, Any], names: tuple[str, ...], why: str) -> None:
    """Raise `ArgumentError` for a setting of the other kind of system."""
    for name in names:
        if settings.get(name) is not None:
            raise ArgumentError(f"Argument `{name}` must be left out for {why}.")


def _scatter_any(
    system: Any, energy: Any, settings: dict[str, Any], check: Any
) -> DeviceScattering | CrystalScattering:
    """Scatter from a Kwant system or a device, having refused what it cannot use."""
    _refuse_foreign(settings, JUNCTION_ONLY, "a Kwant system. It belongs to a Junction")
    refuse_unknown(settings, (*JUNCTION_ONLY, *SETTINGS, *OF_SYSTEM), "scatter")
    crystal = {name: settings.pop(name) for name in CRYSTAL_ONLY if settings.get(name) is not None}
    given = {name: value for name, value in settings.items() if name not in (*JUNCTION_ONLY, *CRYSTAL_ONLY)}
    max_defect, params = given.pop("max_defect", MAX_DEFECT), given.pop("params", None)
    device = as_device(system, **given)
    if crystal or shape_of("energy", energy):
        found = scatter_crystal(device, energy, params=params, max_defect=max_defect, **crystal)
        return replace(found, check=audit(found)) if check else found
    return scatter_device(device, energy, params, max_defect, check=bool(check))
