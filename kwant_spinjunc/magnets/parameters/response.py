"""Current and torques of a junction, or of a Kwant system turned behind a cut, against the angle between magnets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ... import halves
from ...arrays import Floats, Side
from ...checks import choice, finite, finite_array, instance, refusal, shape_of
from ...crystals.observe import magnet_axes
from ...crystals.scatter import refuse_spin_orbit, scatter_crystal
from ...devices.device import as_device
from ...errors import ArgumentError, NoOpenChannelError
from ...halves import Stack, zone
from ...model.junction import Junction
from ...model.memory import POINT, refuse_points
from ...scattering import Scattering
from ...scattering import scatter_quietly as scatter
from ...spin import angle_between, torque_axes
from ...transport.bias import bias_response
from ...transport.linear import linear_response
from ...transport.observables import resolved_torques

SIDES: tuple[Side, Side] = ("left", "right")
#: Components of a torque, as fields of `Torques`.
TORQUES = ("damping_like", "field_like")
#: Angles of the fits: both collinear ones and eleven between.
ANGLES = np.linspace(0, np.pi, 13)
#: A current this much smaller than at another angle is none, and no torque is a number of electrons.
NO_CURRENT = 1e-12


#: Part of the largest spin current below which digits of an averaged torque do not matter.
NO_TORQUE = 1e-3
#: The angle that is asked for and that of the leads agree to this.
SAME_ANGLE = 1e-6


@dataclass(frozen=True, eq=False)
class AngularResponse:
    """Current and torques of a junction against the angle between its magnets."""

    angles: Floats  #: Shape (n,): Φ in radians, within [0, π].
    #: Shape (n,): particle current from left to right: the conductance (e²/h per cell, per unit bias), or (e²/h)·V at a
    #: finite bias.
    current: Floats
    #: `damping_like`, `field_like`: Shape (n, 2): torques on both magnets as in `Torques`, in the unit of ``current``.
    damping_like: Floats
    field_like: Floats
    bias: float | None = None  #: V = µ_L - µ_R as an energy; None for the linear response, µ_L = -µ_R.
    source: str = ""  #: Where the numbers come from, for provenance.
    #: `junction`, `energy`, `k`: The problem, where there is one.
    junction: Junction | None = None
    energy: float | None = None
    k: Any = None

    def __post_init__(self) -> None:
        if len(self.angles) < 5 or np.ptp(self.angles) < np.pi / 2:
            raise ArgumentError(
                f"Argument `angles` must be at least 5 over a range of 90 degrees, but are {len(self.angles)} over "
                f"{np.degrees(np.ptp(self.angles)) if len(self.angles) else 0:.3g}. Use np.linspace(0, np.pi, 13)."
            )
        if np.any(self.angles < 0) or np.any(self.angles > np.pi + 1e-12):
            raise refusal("angles", "lie in [0, π]", f"reach from {self.angles.min():g} to {self.angles.max():g}")
        if not np.any(self.current):
            raise NoOpenChannelError("No current flows at any angle: no channel is open. Choose another energy.")
        if abs(self.current).min() < NO_CURRENT * abs(self.current).max() or np.ptp(np.sign(self.current)):
            raise ArgumentError(
                "Argument `angles` must leave a current at every angle, but it vanishes at some (half metals, "
                "antiparallel). Leave that angle out: torque per current is undefined there."
            )

    def efficiencies(self, free: Side) -> tuple[Floats, Floats]:
        """Return ε sin Φ and ε' sin Φ of the free magnet, shape (n,), per electron from the fixed into the free one."""
        side = side_index(free)
        # J flows from left to right, out of a free left magnet: this sign makes ε > 0 "toward the fixed one".
        into = self.current * (1 if side else -1)
        # For both magnets: m_fixed×m_free is ±m_L×m_R with the same ± as `into`, and dm/dt is opposite to the spins'.
        return self.damping_like[:, side] / (2 * into), -self.field_like[:, side] / (2 * self.current)


def refuse_settings(source: Any, given: Mapping[str, Any]) -> None:
    """Raise `ArgumentError` where a setting is given (truthy) to numbers that are there already."""
    for name, value in given.items():
        if value:
            why = "which has no such cut" if name == "behind" else "whose numbers are there already"
            raise ArgumentError(
                f"Argument `{name}` must be left out for a {type(source).__name__}, {why}, but is given. Pass a "
                + ("Kwant system." if name == "behind" else "`Junction` to have it solved.")
            )


def place_of(k: Any) -> str:
    """Return where in the zone something was solved, in words."""
    if k is None or isinstance(k, str):
        return "Γ" if k is None else "Brillouin-zone average"
    numbers = np.ravel(k).tolist()  # NumPy 2 writes its own otherwise
    return f"k = {numbers[0] if len(numbers) == 1 else tuple(numbers)}"


def side_index(free: str) -> int:
    """Return 0 for the left magnet, 1 for the right one."""
    return SIDES.index(choice("free", free, SIDES))


def angular_response(
    junction: Junction,
    energy: float = 0.0,
    k: Any = None,
    *,
    angles: ArrayLike = ANGLES,
    bias: float | None = None,
    temperature: float = 0.0,
) -> AngularResponse:
    """Return the exact angular response of a junction.

    ``junction``: two collinear halves; its own angle does not matter.
    ``k``: in-plane wave vector (kx, kz), None for Γ, "average" for the Brillouin-zone average per unit cell.
    ``angles``: Φ in radians within [0, π], shape (n,), n >= 5.
    ``bias``, ``temperature``: V = µ_L - µ_R and k_B T as energies: the response to a finite bias instead of the linear
    one. The torque of the occupied states (interlayer exchange), which flows without a current, is never part of it.

    Raises `NoOpenChannelError`: No current flows.
    """
    refuse_points("Argument `angles`", math.prod(shape_of("angles", angles)), POINT)
    Phi = np.unique(finite_array("angles", angles).ravel())
    if instance("junction", junction, Junction).is_disordered:
        hint = "Average over samples with `ensemble(..., m_right=...)` and pass an `AngularResponse` of its means."
        raise refusal("junction", "be clean", "has random layers", hint)
    if bias is None and temperature != 0:
        raise ArgumentError(f"Argument `temperature` must be 0 without a bias, but is {temperature!r}. Give `bias`.")
    if bias is not None and finite("bias", bias) == 0:
        raise ArgumentError("Argument `bias` must not be 0, but is. Leave it out for the linear response.")
    energy = finite("energy", energy)
    turned = junction.turned(m_right=junction.directions_at(np.pi / 2))
    if bias is None and all(lead.is_magnetic for lead in junction.leads):
        current, damping_like, field_like = _at_all_angles(turned, energy, k, junction.directions_at(Phi))
    else:
        rows = []
        for m in junction.directions_at(Phi):
            at = turned.turned(m_right=m)
            if bias is None:
                response = linear_response(scatter(at, energy, k, solver="halves"), 0.5, -0.5)
                current = response.charge.mean()
            else:
                window = bias_response(at, bias, energy=energy, temperature=temperature, k=k, layers=False)
                response, current = window, window.current
            rows.append((current, response.torques.damping_like, response.torques.field_like))
        current, damping_like, field_like = map(np.array, zip(*rows, strict=True))
    drive = "linear response" if bias is None else f"bias V = {bias:g}, k_B T = {temperature:g}"
    return AngularResponse(
        Phi, current, damping_like, field_like, bias, f"E = {energy:g}, {place_of(k)}, {drive}", junction, energy, k
    )


def _at_all_angles(junction: Junction, energy: float, k: Any, m_right: Floats) -> tuple[Floats, Floats, Floats]:
    """Return current and torques, µ_L = -µ_R = 1/2, of all directions of the right magnet from one solve."""
    m_left = junction.magnetizations[0]
    stack = Stack.from_junction(junction).with_directions(m_left, m_right)
    (e_left, normal), (e_right, _) = torque_axes(m_left, m_right), torque_axes(m_right, m_left)
    axes = np.stack(np.broadcast_arrays(-e_left, e_right, normal), axis=-1)

    def observe(c: Floats) -> dict[str, Floats]:
        flux = halves.spacer_currents(stack, energy, c[:, None], summed=True)
        flux = (flux[..., 0, :] - flux[..., 1, :]) / 2
        # what a magnetic lead carries away is along its m and exerts none of these torques
        return {"current": flux[..., 0], "torques": sum(flux[..., 1 + i, None] * axes[:, i] for i in range(3))}

    found = zone.mean(observe, stack, energy, k, rtol=1e-8, floor=NO_TORQUE).value
    left, right, field = np.moveaxis(found["torques"], -1, 0)
    return found["current"], np.column_stack([left, right]), np.column_stack([-field, field])


def angular_response_from(source: Any) -> AngularResponse:
    """Return the angular response contained in a sweep, in scattering results, or in the junction of one result.

    ``source``: the Dataset of a `sweep` whose ``angle`` varies along its only axis with several points; a sequence of
    `Scattering` of one junction at several angles; one `Scattering` of several ``m_right``, also of a sample; or one of
    one direction, whose junction is then rotated.
    """
    if isinstance(source, Scattering):
        if source.problem.m_right is not None and source.unitarity_defect.ndim == 1 and not np.ndim(source.energy):
            return _from_directions(source)
        if source.problem.is_batch or source.cells != 1:
            hint = "Use `scatter(..., m_right=directions)`, or pass a sequence of results, one an angle."
            raise refusal("source", "be of one energy and one cell per plane", "is a batch or a supercell", hint)
        return angular_response(source.junction, float(source.energy), source.k)
    if hasattr(source, "data_vars"):
        return _from_dataset(source)
    if isinstance(source, Sequence) and len(source) and all(isinstance(s, Scattering) for s in source):
        found = [linear_response(s) for s in source]
        charge = [np.mean(r.charge) for r in found]
        torques = ([getattr(r.torques, name) for r in found] for name in TORQUES)
        return _sorted([[s.junction.angle for s in source], charge, *torques], source[0], "scattering results")
    raise refusal("source", "be a sweep's Dataset or Scattering results", f"is {type(source).__name__}")


def _from_directions(source: Scattering) -> AngularResponse:
    """Return the response of one solve at many directions of the right magnet."""
    response, angles = linear_response(source), angle_between(*np.moveaxis(source.magnetizations, -2, 0))
    torques = response.torques.damping_like, response.torques.field_like
    return _sorted([angles, response.charge.mean(axis=1), *torques], source, "directions")


def _sorted(columns: Sequence[Any], of: Scattering, words: str) -> AngularResponse:
    """Return a response in the order of its angles, of (angles, current, damping-like and field-like torques)."""
    order = np.argsort(columns[0])
    Phi, current, damping_like, field_like = (np.asarray(column)[order] for column in columns)
    where = f"{len(order)} {words} at E = {of.energy}"
    return AngularResponse(Phi, current, damping_like, field_like, source=where, energy=float(of.energy), k=of.k)


def _from_dataset(dataset: Any) -> AngularResponse:
    data = dataset.squeeze()
    dims = data["angle"].dims
    if len(dims) != 1:
        hint = "Select one point of the others with `.isel` or `.sel`."
        raise refusal("source", "be swept over the angle alone", f"has the axes {dict(data['angle'].sizes)}", hint)
    finite_points = np.isfinite(data["damping_like"].values).all(axis=1)
    if not finite_points.all():
        raise ArgumentError("Argument `source` must be finished and without textures, but has NaN. Use --resume.")
    order = np.argsort(data["angle"].values)
    name = "current" if "current" in data else "conductance"
    Phi, current, damping_like, field_like = (data[key].values[order] for key in ("angle", name, *TORQUES))
    bias = float(data["bias"]) if "bias" in data.coords and name == "current" else None
    settings = ", ".join(
        f"{key} = {data.attrs[key]}" for key in ("family", "fixed_parameters", "k") if key in data.attrs
    )
    drive = "linear response" if bias is None else f"bias V = {bias:g}"
    energy = float(data["energy"]) if "energy" in data.coords else data.attrs.get("energy")
    source = f"sweep of {settings}, E = {energy}, {drive}"
    return AngularResponse(Phi, current, damping_like, field_like, bias=bias, source=source, energy=energy)


def system_response(
    system: Any, energy: float = 0.0, k: Any = None, *, angles: ArrayLike = ANGLES, behind: Any = None
) -> AngularResponse:
    """Return the exact angular response of a Kwant system of two leads, in e²/h of all of it, or per cell of its plane.

    Its spins behind a cut are turned about y; the torque on a magnet is what enters its side of the cut and does not
    leave through its lead.

    ``system``: a `Device` or finalized system, its magnets parallel and across y.
    ``k``: momenta of a system periodic in its plane, or ``"average"``, see `scatter`.
    ``angles``: Φ in radians within [0, π], shape (n,), n >= 5.
    ``behind``: the cut in the spacer, as for `scatter`; None for the only one that a `Device` names. Lead 0 is the left
    magnet, in front of it.
    """
    device = as_device(system)
    Phi, energy = np.unique(finite_array("angles", angles).ravel()), finite("energy", energy)
    if len(device.system.leads) != 2:
        raise ArgumentError(f"Argument `system` must have two leads, but has {len(device.system.leads)}.")
    if behind is None:
        if len(device.cuts) != 1:
            raise ArgumentError(
                f"Argument `behind` must name the cut in the spacer, one of {list(device.cuts) or 'none so far'}."
            )
        behind = next(iter(device.cuts))
    if device.cut(behind).behind.tolist() != [False, True]:
        raise ArgumentError("Argument `behind` must separate lead 0, in front of it, from lead 1, behind it.")
    refuse_spin_orbit(device, behind)
    s = scatter_crystal(device, energy, k=k, turns=Phi, behind=behind)
    if s.probabilities.ndim != 5 or not np.isfinite(s.probabilities).all():
        raise refusal("system", "have leads of definite spin at one momentum or averaged", "has not")
    problem = s.measurement.problem
    m = magnet_axes(problem.crystal, problem.turn)
    between = angle_between(m[:, 0], m[:, 1])
    worst = int(np.argmax(abs(between - Phi)))
    if abs(between - Phi)[worst] > SAME_ANGLE:
        raise ArgumentError(
            "Argument `system` must have magnets that are parallel and perpendicular to y, but when turned by "
            f"{np.degrees(Phi[worst]):.4g} deg they are {np.degrees(between[worst]):.4g} deg apart. Set its own angle "
            "to 0."
        )
    torques = resolved_torques(m, np.einsum("l,nclsi->nci", np.array([0.5, -0.5]), s.side_torques))
    current = s.between_leads()[:, [1, 0], [0, 1]].mean(axis=1)
    point = "" if k is None else f", {place_of(k)}"
    source = f"a Kwant system turned behind a cut, E = {energy:g}{point}, linear response"
    parts = torques.damping_like, torques.field_like
    return AngularResponse(Phi, current, *parts, source=source, energy=energy, k=k)
