r"""`scatter`: a junction and an energy in, a `Scattering` out; the result type every solver returns.

Kwant is the reference solver. Its linear system is factorized once for the scattering matrix and the wave functions;
currents, densities and torques come from `kwant.operator`. The fast engine of `halves` solves whole batches of clean
junctions with one cell per plane.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from . import halves
from .checks import finite, finite_array, positive
from .devices.build import build, checked_shape
from .devices.device import Device, DeviceScattering, as_device, scatter_device
from .devices.lead_modes import with_analytic_leads
from .devices.solve import kwant_lock, solve
from .devices.spin_operators import ORDERS, SpinOperator
from .devices.waves import densities, fluxes, torques
from .errors import ArgumentError, BarrierWarning, ContinuityError, NoOpenChannelError, UnitarityError
from .halves import supercell, zone
from .model.junction import COLLINEAR, Junction
from .model.plane import CrossSection, band_shift
from .model.sample import Realization, realize
from .optional import has, is_kwant
from .spin import PAULI

__all__ = ["PlaneFields", "Scattering", "scatter", "scatter_quietly"]

Floats = NDArray[np.float64]

#: Default of the largest defect per unit flux that `scatter` accepts. Rounding is 1e-14; a state with velocity v
#: near a band edge loses a factor 1/v, so 1e-8 still admits energies 1e-10 t from the edge.
TOLERANCE = 1e-8

#: Reflection probabilities below this are rounding of an amplitude of order one, squared.
ZERO_REFLECTION = 1e-30

SOLVERS = ("kwant", "halves", "modes")


@dataclass(frozen=True)
class PlaneFields:
    """What one incoming state does in each plane, summed over the modes of its lead and spin.

    Attributes
    ----------
    currents : ndarray, shape (..., 2, 2, bonds, 4)
        ``[lead_in, spin_in, bond, (charge, x, y, z)]``, particle and Pauli-spin flux positive along +y, per unit
        incoming flux. Where a spin-orbit bond turns the spin: as it arrives in +y.
    torques : ndarray, shape (..., 2, 2, planes, 3)
        Spin flux in minus out of each plane. It acts on the exchange field and, where spin-orbit bonds lie in the
        plane or lead from it to the next, on the lattice.
    densities : ndarray, shape (..., 2, 2, planes, 4)
        Particle and Pauli-spin density, in ħ per energy (unit flux over velocity times lattice constant).
    continuity_defect : ndarray, shape (...)
        Largest violation of charge and spin continuity per unit incoming flux.
    torque_defect : ndarray, shape (...)
        Largest difference of the torque taken from the fluxes and from its source: the exchange field and the
        spin-orbit bonds.
    """

    currents: Floats
    torques: Floats
    densities: Floats
    continuity_defect: Floats
    torque_defect: Floats


@dataclass(frozen=True, eq=False)
class Scattering:
    r"""The result of `scatter`: spin-resolved probabilities, currents and torques, and how well they conserve.

    Lead 0 is the left, 1 the right; spin 0 is the majority (along the lead's own m), 1 the minority. Out-index before
    in-index. With the fast solver all arrays have the leading axes of ``energy`` and ``k``.

    Attributes
    ----------
    junction, energy, k
        The problem; energy in the junction's unit, k in 1/a.
    solver : str
        Which solver ran.
    probabilities : ndarray, shape (..., 2, 2, 2, 2)
        T[α s, β s'] as ``[lead_out, spin_out, lead_in, spin_in]``, summed over modes.
    modes : ndarray, shape (..., 2, 2)
        N_αs, open channels ``[lead, spin]``; of a Brillouin-zone average their (fractional) number per unit cell.
    unitarity_defect : ndarray, shape (...)
        Largest element of S†S - 1 (Kwant), or largest excess of flux into or out of a channel (fast engine).
    tolerance : float
        Largest defect that was accepted.
    cells : int
        Number of unit cells (sites per plane) that all numbers are sums over.
    seed, realization : int
        Which sample of a disordered junction.
    k_error : ndarray, shape (2, 2, 2, 2), or None
        Estimated error of the probabilities of a Brillouin-zone average.
    system : kwant.system.FiniteSystem or None
        The finalized Kwant system, where Kwant solved. It has one more plane of each lead than the junction (plane
        indices -1 to ``planes``), so that every plane of the junction has both its bonds inside.
    smatrix : kwant.solvers.common.SMatrix or None
        Kwant's own result, where Kwant solved.
    """

    junction: Junction
    energy: Any
    k: Any
    solver: str
    probabilities: Floats
    modes: NDArray[Any]
    unitarity_defect: Floats
    tolerance: float = TOLERANCE
    cells: int = 1
    seed: int = 0
    realization: int = 0
    k_error: Any = None
    system: Any = field(default=None, repr=False)
    smatrix: Any = field(default=None, repr=False)
    _solve_fields: Callable[[], PlaneFields] | None = field(default=None, repr=False)

    @cached_property
    def fields(self) -> PlaneFields:
        """Currents, torques and densities of each incoming lead and spin (solved for on first use)."""
        if self._solve_fields is None:
            raise ArgumentError("This Scattering was made without a solver for its states.")
        fields = self._solve_fields()
        _refuse_discontinuity(fields, self.tolerance)
        return fields

    @property
    def bond_currents(self) -> Floats:
        """Charge and Pauli-spin flux, shape (..., 2, bonds, 4) = [lead_in, bond, (charge, x, y, z)].

        By Kwant, the transverse part inside the magnet on the injecting side of a barrier is exact to about 1e-15 of
        the incoming flux only, and noise below that; the fast engine has no such floor.

        Summed over all states incoming from that lead, each of unit flux, positive along +y (so the charge of
        lead 1 is negative). Bond b joins plane b of the scattering region to b + 1. Multiply spin by ħ/2 for
        angular momentum.
        """
        summed: Floats = self.fields.currents.sum(axis=-3)
        return summed

    @property
    def layer_torques(self) -> Floats:
        """Torque the electrons exert on each plane, shape (..., 2, planes, 3): τ_n = Q_{n-1→n} - Q_{n→n+1}.

        By Kwant, planes of the magnet on the injecting side are exact to about 1e-15 of the incoming flux only.

        The flux through the outer bond of an end plane is not among `bond_currents`; the torque on it is the same as
        from the exchange field, Δ m × ⟨σ⟩, within `torque_defect`.
        """
        summed: Floats = self.fields.torques.sum(axis=-3)
        return summed

    @property
    def spin_densities(self) -> Floats:
        """Density ⟨1⟩ and ⟨σ⟩ of the incoming states, shape (..., 2, planes, 4), in ħ per energy."""
        summed: Floats = self.fields.densities.sum(axis=-3)
        return summed

    @property
    def transmissions(self) -> Floats:
        """T_ss' from the left to the right, shape (..., 2, 2) = [..., s on the left, s' on the right].

        The index order of the paper's T_ss'; equal to ``probabilities[..., 1, s', 0, s]``.
        """
        return np.swapaxes(self.probabilities[..., 1, :, 0, :], -1, -2)

    @property
    def conductance(self) -> Any:
        """Linear-response conductance Σ_ss' T_ss' in e²/h, of all ``cells`` of the cross-section, shape (...)."""
        return self.probabilities[..., 1, :, 0, :].sum(axis=(-1, -2))

    @property
    def continuity_defect(self) -> Floats:
        """Largest violation of charge and spin continuity per unit incoming flux, shape (...)."""
        return self.fields.continuity_defect

    @property
    def torque_defect(self) -> Floats:
        """Largest difference between flux and exchange-field torque per unit incoming flux, shape (...)."""
        return self.fields.torque_defect

    def __str__(self) -> str:
        return _summary(self)


@overload
def scatter(
    junction: Junction,
    energy: ArrayLike,
    k: ArrayLike | Literal["average"] | None = None,
    *,
    solver: str | None = None,
    cross_section: tuple[int, int] = (1, 1),
    boundary: str | tuple[str, str] = "periodic",
    seed: int = 0,
    realization: int = 0,
    tolerance: float = TOLERANCE,
    rtol: float = 1e-8,
) -> Scattering: ...
@overload
def scatter(
    junction: Any,
    energy: float,
    *,
    params: Mapping[str, Any] | None = None,
    spin: Any = ...,
    magnetizations: Mapping[int, Any] | None = None,
    cuts: Mapping[str, Any] | None = None,
    magnets: Mapping[str, Any] | None = None,
    barriers: Mapping[str, Any] | None = None,
    tolerance: float = TOLERANCE,
) -> DeviceScattering: ...
def scatter(
    junction: Any,
    energy: ArrayLike,
    k: ArrayLike | Literal["average"] | None = None,
    *,
    solver: str | None = None,
    cross_section: tuple[int, int] = (1, 1),
    boundary: str | tuple[str, str] = "periodic",
    seed: int = 0,
    realization: int = 0,
    tolerance: float = TOLERANCE,
    rtol: float = 1e-8,
    **device: Any,
) -> Any:
    r"""Scatter electrons of one energy through a junction, or through any finalized Kwant system.

    A Kwant system (or `Device`) takes ``params``, ``spin``, ``magnetizations``, ``cuts``, ``magnets`` and ``barriers``,
    described at `Device`, and ``tolerance``; it gives a `DeviceScattering`. What follows is about a junction.

    Parameters
    ----------
    junction
        What to scatter from.
    energy
        Energy E in the junction's unit; an array for ``solver="halves"``.
    k
        In-plane wave vector (kx, kz) in 1/a, trailing axis 2, None for Γ: one channel of the in-plane periodic
        junction. ``"average"``: the Brillouin-zone average, everything per unit cell (fast engine only).
    solver
        ``"kwant"``, the reference: any cross-section, one energy and k. ``"modes"``: the same with analytic modes of
        the leads, for wide cross-sections. ``"halves"``, the exact fast engine. For one clean cell per plane ``energy``
        and ``k[..., 0]`` are arrays that broadcast, and the result has leading batch axes; a supercell or wire,
        disordered or not, takes one energy and k (see `supercell`).
        None: the engine for arrays, averages and several sites per plane, and where Kwant is not installed; else Kwant.
    cross_section, boundary
        See `build`: a supercell or wire with several sites per plane.
    seed, realization
        Which sample of a disordered junction (see `realize`); without effect on a clean one.
    tolerance
        Largest defect of unitarity or continuity (per unit flux) that is accepted.
    rtol
        Relative tolerance of a Brillouin-zone average (see `zone.average`); currents, torques and densities are
        averaged to ``rtol`` of the largest of their kind.

    Returns
    -------
    Scattering

    Raises
    ------
    ArgumentError
        Bad argument, or an energy at a band edge, where Kwant cannot tell incoming from outgoing modes.
    NoOpenChannelError
        No channel is open in either lead.
    IntegrationError
        A Brillouin-zone average did not reach ``rtol``.
    UnitarityError, ContinuityError
        The result violates a conservation law by more than ``tolerance``; it is refused.

    Warns
    -----
    BarrierWarning
        A layer made by `barrier` conducts: at some given energy and k, transverse mode of the cross-section, or k of an
        average, a channel of a lead is open and the energy lies inside the layer's clean band. Sweeps, averages over
        samples and maps do not warn.

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
        given = {"k": k, "solver": solver, "cross_section": cross_section, "boundary": boundary}
        given |= {"seed": seed, "realization": realization}
        return _scatter_any(junction, energy, {**given, "rtol": rtol}, device, tolerance)
    if not isinstance(junction, Junction):
        raise ArgumentError(
            f"Argument `junction` must be a Junction, a Device or a finalized kwant system, but is "
            f"{type(junction).__name__}."
        )
    if device:
        raise ArgumentError(
            f"Argument `{next(iter(device))}` must be left out for a Junction. It belongs to a Kwant system; "
            "a Junction knows its spin, magnetizations and planes."
        )
    result = scatter_quietly(
        junction,
        energy,
        k,
        solver=solver,
        cross_section=cross_section,
        boundary=boundary,
        seed=seed,
        realization=realization,
        tolerance=tolerance,
        rtol=rtol,
    )
    _warn_of_open_barriers(junction, result.energy, k, cross_section, boundary)
    return result


def _warn_of_open_barriers(junction: Junction, energy: Any, k: Any, cross_section: Any, boundary: Any) -> None:
    """Warn once of layers called barriers that conduct where a lead does; see `scatter`."""
    called = [layer for layer in junction.layers if layer.role == "barrier"]
    if not called:
        return
    if isinstance(k, str):
        c = np.linspace(-2.0, 2.0, 401)
    elif CrossSection(cross_section, boundary).is_single_cell:
        c = np.asarray(band_shift(k))
    else:
        c = CrossSection(cross_section, boundary, k).transverse_modes[0]
    E = np.asarray(energy, dtype=float)
    open_ = junction.open_channels(E, c).any(axis=(-1, -2))
    for layer in called:
        edges = layer.band_edges(c)
        inside = ((edges[..., 0] < E[..., None]) & (E[..., None] < edges[..., 1])).any(axis=-1) & open_
        if inside.any():
            at = np.unravel_index(int(inside.argmax()), inside.shape)
            low, high = np.broadcast_to(edges[..., 0, :], (*inside.shape, 2))[at]
            warnings.warn(
                f"A layer called a barrier has a band from {low:.4g} to {high:.4g}, around the energy "
                f"{np.broadcast_to(E, inside.shape)[at]:.4g}, where a lead conducts as well: electrons pass it without "
                "tunneling. Raise its on-site energy, or call it normal_metal(...).",
                BarrierWarning,
                stacklevel=3,
            )
            return


def scatter_quietly(
    junction: Junction,
    energy: Any,
    k: Any = None,
    *,
    solver: str | None = None,
    cross_section: tuple[int, int] = (1, 1),
    boundary: str | tuple[str, str] = "periodic",
    seed: int = 0,
    realization: int = 0,
    tolerance: float = TOLERANCE,
    rtol: float = 1e-8,
) -> Scattering:
    """Scatter from a junction without a warning of barriers that conduct: for series that include them on purpose."""
    tolerance = positive("tolerance", tolerance)
    averaged = isinstance(k, str)
    if averaged and k != "average":
        raise ArgumentError(f"Argument `k` must be wave vectors, None or 'average', but is {k!r}.")
    shape = CrossSection(cross_section, boundary).shape
    plain = CrossSection(shape, boundary).is_single_cell
    if solver is None:
        batch = np.ndim(energy) > 0 or (k is not None and not averaged and np.ndim(k) > 1)
        # a cross-section of several sites: the dense engine was faster than Kwant wherever both were measured
        solver = "halves" if averaged or batch or shape != (1, 1) or not has("kwant") else "kwant"
    if solver not in SOLVERS:
        raise ArgumentError(f"Argument `solver` must be one of {', '.join(SOLVERS)}, but is {solver!r}.")
    if solver in ("kwant", "modes"):
        if averaged:
            raise ArgumentError(
                "Argument `k` must not be 'average' with Kwant, a cross-section of several sites or hard walls. "
                "Use one cell per plane and solver='halves'."
            )
        checked_shape(shape, len(junction.planes) + 2)
        section = CrossSection(shape, boundary, k)
        return _scatter_kwant(junction, energy, section, k, seed, realization, tolerance, analytic=solver == "modes")
    if not plain:
        if averaged:
            raise ArgumentError(
                "Argument `k` must not be 'average' with Kwant, a cross-section of several sites or hard walls. "
                "Use one cell per plane and solver='halves'."
            )
        checked_shape(shape, len(junction.planes), "halves", states=False)
        section = CrossSection(shape, boundary, k)
        return _scatter_supercell(junction, finite("energy", energy), section, k, seed, realization, tolerance)
    if np.size(energy) == 0 or (k is not None and np.size(k) == 0):
        raise ArgumentError("Arguments `energy` and `k` must not be empty.")
    if averaged:
        return _scatter_average(junction, finite("energy", energy), tolerance, positive("rtol", rtol))
    return _scatter_halves(junction, finite_array("energy", energy), k, tolerance)


#: What `scatter` takes for a junction only, with its defaults.
JUNCTION_ONLY = {
    "k": None,
    "solver": None,
    "cross_section": (1, 1),
    "boundary": "periodic",
    "seed": 0,
    "realization": 0,
    "rtol": 1e-8,
}


def _scatter_any(
    system: Any, energy: Any, given: dict[str, Any], settings: dict[str, Any], tolerance: float
) -> DeviceScattering:
    """Scatter from a Kwant system or a device, having refused what it cannot use."""
    for name, default in JUNCTION_ONLY.items():
        if given[name] is not default and given[name] != default:
            raise ArgumentError(f"Argument `{name}` must be left out for a Kwant system. It belongs to a Junction.")
    known = {"params", "spin", "magnetizations", "cuts", "magnets", "barriers"}
    for name in settings:
        if name not in known:
            raise TypeError(f"scatter() got an unexpected keyword argument {name!r}")
    params = settings.pop("params", None)
    return scatter_device(as_device(system, **settings), energy, params, tolerance)


def _summary(s: Scattering) -> str:
    """Return the result as an aligned table with its own quality."""
    batch = s.unitarity_defect.shape
    angle = np.degrees(s.junction.angle)
    per_cell = ", average over k" if isinstance(s.k, str) else ""
    where = f"E = {s.energy}{per_cell}" if not batch else f"{int(np.prod(batch))} points, shape {batch}"
    if s.junction.is_disordered:
        where += f", sample {s.realization} of seed {s.seed}"
    absent = "" if has("kwant") else " (Kwant is not installed)"
    lines = [
        f"Scattering by {s.solver}{absent}: {where}, angle between the magnets {angle:.4g} deg, "
        f"{len(s.junction.planes)} planes"
    ]
    if not batch:
        names = [f"{lead} {spin}" for lead in ("left", "right") for spin in ("majority", "minority")]
        lines.append(f"  {'to / from':<15}" + "".join(f"{name:>16}" for name in names) + f"{'modes':>8}")
        for name, row, count in zip(names, s.probabilities.reshape(4, 4), s.modes.ravel(), strict=True):
            lines.append(f"  {name:<15}" + "".join(f"{value:16.8g}" for value in row) + f"{count:8.4g}")
        lines.append(f"  conductance {s.conductance:.8g} e²/h {'per cell' if s.cells == 1 else f'of {s.cells} cells'}")
    defects = [("unitarity", s.unitarity_defect)]
    if "fields" in s.__dict__:
        defects += [("continuity", s.continuity_defect), ("torque", s.torque_defect)]
    lines.append("  defects: " + ", ".join(f"{name} {np.max(value, initial=0.0):.1e}" for name, value in defects))
    return "\n".join(lines)


# ---------------------------------------------------------------------- the fast engine
def _scatter_halves(junction: Junction, energy: Floats, k: Any, tolerance: float) -> Scattering:
    c = band_shift(k)
    try:
        modes = junction.open_channels(energy, c).astype(np.int64)
    except ValueError:
        raise ArgumentError(
            f"Arguments `energy` and `k[..., 0]` must broadcast, but their shapes are {energy.shape} and {c.shape}."
        ) from None
    if not modes.any():
        worst = np.unravel_index(0, modes.shape[:-2])
        at = [float(np.broadcast_to(x, modes.shape[:-2])[worst]) for x in (energy, c)]
        raise _no_open_channel(junction, *at)
    P = halves.probabilities(junction, energy, c)
    # S is not stored for batches; the flux into and out of every channel is
    unitarity = np.maximum(
        abs(P.sum(axis=(-4, -3)) - modes).max(axis=(-2, -1)), abs(P.sum(axis=(-2, -1)) - modes).max(axis=(-2, -1))
    )
    result = Scattering(
        junction=junction,
        energy=energy if energy.ndim else float(energy),
        k=None if k is None else np.asarray(k, dtype=float),
        solver="halves",
        probabilities=P,
        modes=modes,
        unitarity_defect=unitarity,
        tolerance=tolerance,
        _solve_fields=partial(_fields_from_halves, junction, energy, c),
    )
    _refuse_unitarity(result)
    return result


def _scatter_supercell(
    junction: Junction,
    energy: float,
    section: CrossSection,
    k: Any,
    seed: int,
    realization: int,
    tolerance: float,
) -> Scattering:
    """Scatter by the dense engine; what the states need is solved for when they are asked for."""
    c, _ = section.transverse_modes
    modes = junction.open_channels(energy, c).sum(axis=0)
    if not modes.any():
        raise _no_open_channel(junction, energy, float(c.max()))
    sample = realize(junction, section, seed, realization)
    P = supercell.probabilities(junction, energy, section, sample)
    unitarity = max(abs(P.sum(axis=(0, 1)) - modes).max(), abs(P.sum(axis=(2, 3)) - modes).max())
    result = Scattering(
        junction=junction,
        energy=energy,
        k=None if k is None else np.asarray(k, dtype=float),
        solver="halves",
        probabilities=P,
        modes=modes,
        unitarity_defect=np.asarray(unitarity),
        tolerance=tolerance,
        cells=section.sites,
        seed=seed,
        realization=realization,
        _solve_fields=partial(_supercell_fields, junction, energy, section, sample),
    )
    _refuse_unitarity(result)
    return result


def _supercell_fields(junction: Junction, energy: float, section: CrossSection, sample: Realization) -> PlaneFields:
    checked_shape(section.shape, len(junction.planes), "halves")
    found = supercell.states(junction, energy, section, sample)
    defects = np.asarray(found.continuity_defect), np.asarray(found.torque_defect)
    return PlaneFields(found.currents, found.torques, found.densities, *defects)


def _fields_from_halves(junction: Junction, energy: Floats, c: Floats) -> PlaneFields:
    """Return the engine's states; its currents conserve by construction, so the torques are what is audited."""
    states = halves.states(junction, energy, c)
    return _audited(junction, states.currents, states.torques, states.densities)


def _audited(junction: Junction, currents: Floats, torques: Floats, densities: Floats) -> PlaneFields:
    """Return the fields with their defects: charge, flux in minus out, and the torque of the exchange field."""
    flux = currents[..., :-1, 1:] - currents[..., 1:, 1:]
    exchange = junction.plane_splitting[:, None] * np.cross(junction.plane_m, densities[..., 1:])
    defect = abs(torques - exchange).max(axis=(-4, -3, -2, -1))
    charge = np.ptp(currents[..., 0], axis=-1).max(axis=(-2, -1))
    balance = abs(flux - torques[..., 1:-1, :]).max(axis=(-4, -3, -2, -1), initial=0.0)
    return PlaneFields(currents, torques, densities, np.maximum(charge, balance), defect)


def _scatter_average(junction: Junction, energy: float, tolerance: float, rtol: float) -> Scattering:
    """Return probabilities and modes averaged over the Brillouin zone, per unit cell."""

    def channels(c: Floats) -> Floats:
        P = halves.probabilities(junction, energy, c)
        for lead in (0, 1):  # a reflection that is zero by symmetry has no digits to converge
            R = P[:, lead, :, lead]
            R[R < ZERO_REFLECTION] = 0.0
        P = P.reshape(len(c), 16)
        return np.concatenate([P, junction.open_channels(energy, c).reshape(len(c), 4)], axis=1)

    split = _split_points(junction, energy)
    average = zone.average(channels, split, rtol=rtol)
    P, modes = average.value[:16].reshape(2, 2, 2, 2), average.value[16:].reshape(2, 2)
    if not modes.any():
        raise NoOpenChannelError(
            f"Argument `energy` must lie in a band of a lead, but at {energy:g} no channel is open at any k. "
            f"Bands at Γ: {junction.describe_bands(2.0)}."
        )
    unitarity = max(abs(P.sum(axis=(0, 1)) - modes).max(), abs(P.sum(axis=(2, 3)) - modes).max())
    result = Scattering(
        junction=junction,
        energy=energy,
        k="average",
        solver="halves",
        probabilities=P,
        modes=modes,
        unitarity_defect=np.asarray(unitarity),
        tolerance=max(tolerance, rtol),
        k_error=average.error[:16].reshape(2, 2, 2, 2),
        _solve_fields=partial(_average_fields, junction, energy, rtol),
    )
    _refuse_unitarity(result)
    return result


def _split_points(junction: Junction, energy: float) -> Floats:
    """Return the band shifts at which an average is split: channel thresholds and resonances."""
    # planes of the leads bind no state, and resonances cost a dense diagonalization of all planes
    bare = replace(junction, buffer=1) if junction.bonds is None else junction
    split: Floats = np.concatenate([zone.thresholds(junction, energy).ravel(), zone.resonances(bare, energy).ravel()])
    return split


def _average_fields(junction: Junction, energy: float, rtol: float) -> PlaneFields:
    planes = len(junction.planes)
    shapes = [(2, 2, planes - 1, 4), (2, 2, planes, 3), (2, 2, planes, 4)]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])

    def states(c: Floats) -> Floats:
        found = halves.states(junction, energy, c)
        parts = (found.currents, found.torques, found.densities)
        return np.concatenate([part.reshape(len(c), -1) for part in parts], axis=1)

    split = _split_points(junction, energy)
    # how large the quantities are, from fixed nodes, sets the absolute tolerance of the small ones
    c, weights = zone.nodes(split)
    open_ = junction.open_channels(energy, c).any(axis=(-1, -2))
    scale = float(
        (weights[open_] * abs(halves.states(junction, energy, c[open_]).currents).max(axis=(-4, -3, -2, -1))).sum()
    )
    value = zone.average(states, split, rtol=rtol, atol=rtol * scale).value
    currents, torques, densities, _ = np.split(value, ends)
    fields = [part.reshape(shape) for part, shape in zip((currents, torques, densities), shapes, strict=True)]
    return _audited(junction, *fields)


# ---------------------------------------------------------------------- Kwant
def _scatter_kwant(
    junction: Junction,
    energy: Any,
    section: CrossSection,
    k: Any,
    seed: int,
    realization: int,
    tolerance: float,
    *,
    analytic: bool,
) -> Scattering:
    """Scatter by Kwant; ``analytic``: with the modes of the leads typed in."""
    energy = finite("energy", energy)
    padded = junction.padded()
    builder = build(
        padded,
        section.k if "periodic" in section.boundary else None,
        cross_section=section.shape,
        boundary=section.boundary,
        first_plane=-1,
        seed=seed,
        realization=realization,
    )
    c = float(section.transverse_modes[0].max())
    if section.sites == 1 and not junction.open_channels(energy, c).any():
        raise _no_open_channel(junction, energy, c)
    system = (with_analytic_leads(builder, padded, section) if analytic else builder).finalized()
    try:
        with kwant_lock:
            system = system.precalculate(energy, what="modes")
    except (ValueError, np.linalg.LinAlgError) as error:
        raise ArgumentError(
            f"Argument `energy` must not lie at a band edge, but at {energy:g} Kwant finds no modes ({error}). "
            f"Bands: {junction.describe_bands(c)}. Move the energy."
        ) from error
    smatrix, psi = solve(system, energy)
    modes = np.array([lead.block_nmodes for lead in smatrix.lead_info])
    if not modes.any():
        raise _no_open_channel(junction, energy, c)

    probabilities = np.zeros((2, 2, 2, 2))
    for out, in_ in np.ndindex(4, 4):
        (a, s), (b, s_in) = divmod(out, 2), divmod(in_, 2)
        probabilities[a, s, b, s_in] = smatrix.transmission((a, s), (b, s_in))
    unitarity = abs(smatrix.data.conj().T @ smatrix.data - np.eye(len(smatrix.data))).max(initial=0.0)
    fields = _fields_from_waves(realize(padded, section, seed, realization), system, psi, modes, section)
    result = Scattering(
        junction=junction,
        energy=energy,
        k=None if k is None else np.asarray(k, dtype=float),
        solver="modes" if analytic else "kwant",
        probabilities=probabilities,
        modes=modes,
        unitarity_defect=np.asarray(unitarity),
        tolerance=tolerance,
        cells=section.sites,
        seed=seed,
        realization=realization,
        system=system,
        smatrix=smatrix,
    )
    _refuse_unitarity(result)
    _refuse_discontinuity(fields, tolerance)
    result.__dict__["fields"] = fields
    return result


def _no_open_channel(junction: Junction, energy: float, c: float) -> NoOpenChannelError:
    return NoOpenChannelError(
        f"Argument `energy` must lie in a band of a lead, but at {energy:g} no channel is open. "
        f"Bands at this k: {junction.describe_bands(c)}."
    )


def _refuse_unitarity(result: Scattering) -> None:
    """Raise a named error if the scattering matrix is not unitary within the tolerance."""
    worst = float(np.max(result.unitarity_defect, initial=0.0))
    if not worst <= result.tolerance:
        raise UnitarityError(
            f"The scattering matrix misses unitarity by {worst:.2g}, more than the tolerance {result.tolerance:.2g}. "
            "Energies very near a band edge do this; move the energy or widen `tolerance`."
        )


def _refuse_discontinuity(fields: PlaneFields, tolerance: float) -> None:
    """Raise a named error if charge or spin is not continuous within the tolerance."""
    for name, defect in [("continuity", fields.continuity_defect), ("the torque balance", fields.torque_defect)]:
        worst = float(np.max(defect, initial=0.0))
        if not worst <= tolerance:
            raise ContinuityError(
                f"The spin currents miss {name} by {worst:.2g} per unit flux, more than the tolerance {tolerance:.2g}. "
                "Energies very near a band edge do this; move the energy or widen `tolerance`."
            )


def _fields_from_waves(
    sample: Realization,
    system: Any,
    psi: list[NDArray[np.complex128]],
    modes: NDArray[np.int64],
    section: CrossSection,
) -> PlaneFields:
    """Evaluate fluxes, torques and densities, settle them with the conservation laws, drop the padding."""
    planes = len(sample.levels)
    by_plane: list[list[Any]] = [[] for _ in range(planes)]
    for site in system.sites:
        by_plane[site.tag[1] + 1].append(site)  # the padded region starts at plane -1
    for group in by_plane:
        group.sort(key=lambda site: site.tag)
    bonds = [pair for b in range(planes - 1) for pair in zip(by_plane[b + 1], by_plane[b], strict=True)]
    where = [site for group in by_plane for site in group]
    spin = SpinOperator(ORDERS[0])
    onsites = [np.eye(2), *PAULI]

    def by_spin(per_lead: Any) -> Floats:
        """Sum what the modes of each lead (first axis) do by their spin, shape (2, 2, ...)."""
        parts = [np.split(values, [majority]) for values, (majority, _) in zip(per_lead, modes, strict=True)]
        return np.array([[part.sum(axis=0) for part in lead] for lead in parts])

    def of_planes(values: Floats) -> Floats:
        summed: Floats = values.reshape(len(values), planes, section.sites, *values.shape[2:]).sum(axis=2)
        return summed

    numbers = np.array([system.id_by_site[site] for site in where])
    labels = np.repeat(np.arange(planes), section.sites)
    found = torques(system, numbers, spin, psi, {}, labels, split=False)
    on_planes = by_spin([of_planes(values[:, :, 0]) for values in found])
    currents = by_spin([fluxes(system, onsites, waves, bonds, {}, planes - 1) for waves in psi])
    density = by_spin([of_planes(densities(system, onsites, waves, where, {})) for waves in psi])
    turning, along = _turning_bonds(sample, section, by_plane)
    for plane, pairs in along.items():
        # a bond that turns the spin gives it to the lattice: what leaves one end is not what arrives at the other
        ends = [pair for to, from_ in pairs for pair in ((to, from_), (from_, to))]
        on_planes[:, :, plane] -= by_spin([fluxes(system, onsites[1:], waves, ends, {}, 1)[:, 0] for waves in psi])
    axes, free = _exchange_axes(sample, turning)
    settled = settle(axes, free, currents, on_planes, modes)
    return replace(
        settled,
        currents=settled.currents[..., 1:-1, :],
        torques=settled.torques[..., 1:-1, :],
        densities=density[..., 1:-1, :],
    )


def _turning_bonds(
    sample: Realization, section: CrossSection, by_plane: list[list[Any]]
) -> tuple[list[int], dict[int, list[Any]]]:
    """Return the planes with spin-orbit bonds in them or to the next, and {plane: [(to, from), ...]} of the latter."""
    if sample.bond_rotations is None:
        return [], {}
    along: dict[int, list[Any]] = {}
    turned = abs(sample.bond_rotations - np.eye(2)).max(axis=(-1, -2)) > 0
    for plane, site in zip(*np.nonzero(turned), strict=True):
        along.setdefault(int(plane), []).append((by_plane[plane + 1][site], by_plane[plane][site]))
    _, from_, axis, _ = section.bonds
    inside = abs(sample.in_plane_rotations[:, from_, axis] - np.eye(2)).max(axis=(-1, -2)) > 0
    inside &= sample.in_plane[:, from_, axis] != 0
    return sorted({*along, *np.flatnonzero(inside.any(axis=1)).tolist()}), along


def _exchange_axes(sample: Realization, turning: list[int]) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the axis of each plane's exchange field (planes, 3), 0 for none, and where there is no one axis."""
    fields = sample.levels[..., 1:]
    size = np.linalg.norm(fields, axis=-1)
    largest = np.take_along_axis(fields, size.argmax(axis=1)[:, None, None], axis=1)[:, 0]
    norm = size.max(axis=1)
    axes = np.divide(largest, norm[:, None], out=np.zeros_like(largest), where=norm[:, None] > 0)
    free = np.linalg.norm(np.cross(fields, axes[:, None]), axis=-1).max(axis=1) > COLLINEAR * norm
    free[turning] = True
    return axes, free


def settle(
    axes: Floats, free: NDArray[np.bool_], raw: Floats, source_torques: Floats, modes: NDArray[np.int64]
) -> PlaneFields:
    r"""Impose on raw bond currents what each plane cannot change, and report by how much they missed it.

    A plane exchanges no charge; a nonmagnetic plane exchanges no spin, and one whose exchange field has one axis only
    spin perpendicular to it. The flux of a tunneling state on its own side of the barrier is a difference of two
    numbers of order one, noise below 1e-14, but exact on the far side. So the currents are taken on the far side and
    carried back through the planes; of the raw difference across a plane only the part its exchange field can cause is
    kept. What is dropped is the continuity defect.

    Where the exchange field has different axes at different sites, or spin-orbit bonds give spin to the lattice, every
    component may change: the currents are carried back with the torque at the source. The raw difference must equal
    it, and by how much it does not is the torque defect.

    Parameters
    ----------
    axes
        Axis of the exchange field of each plane, 0 for a nonmagnetic one, shape (planes, 3).
    free
        Whether a plane can take any spin, shape (planes,).
    raw
        Raw currents (2, 2, bonds, 4).
    source_torques
        Torque from the exchange field and the spin-orbit bonds (2, 2, planes, 3): compared with the fluxes, and kept
        for the two end planes.
    modes
        Open channels (2, 2): the incoming flux that defects are measured against.

    Returns
    -------
    PlaneFields
        Without densities.
    """
    bonds = raw.shape[-2]
    magnetic = axes.any(axis=-1)
    currents = raw.copy()
    torques = source_torques.copy()
    incoming = np.maximum(modes, 1)[..., None]
    continuity = torque = 0.0
    for lead, order in [(0, range(bonds - 1, 0, -1)), (1, range(1, bonds))]:
        sign = 1 if lead == 0 else -1
        # plane n lies between bonds n - 1 and n; lead 0's far side is the last bond, lead 1's the first
        for n in order:
            known, sought = (n, n - 1) if lead == 0 else (n - 1, n)
            change: Floats = raw[lead, :, sought] - raw[lead, :, known]
            allowed: Floats = np.zeros((2, 4))
            if free[n]:
                allowed[:, 1:] = sign * source_torques[lead, :, n]
                flux_torque = sign * change[:, 1:]
                continuity = max(continuity, (abs(change[:, :1]) / incoming[lead]).max())
            else:
                if magnetic[n]:
                    allowed[:, 1:] = change[:, 1:] - (change[:, 1:] @ axes[n])[:, None] * axes[n]
                flux_torque = sign * allowed[:, 1:]
                continuity = max(continuity, (abs(change - allowed) / incoming[lead]).max())
            currents[lead, :, sought] = currents[lead, :, known] + allowed
            torque = max(torque, (abs(flux_torque - source_torques[lead, :, n]) / incoming[lead]).max())
            torques[lead, :, n] = sign * allowed[:, 1:]
    return PlaneFields(currents, torques, np.empty(0), np.asarray(continuity), np.asarray(torque))
