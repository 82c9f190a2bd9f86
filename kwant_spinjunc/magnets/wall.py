r"""The domain wall that a current makes at a junction, and the torque on that wall: solved together.

The paper lets the torque of a rigid junction rotate the magnets near the interface. But the torque depends on what it
has rotated. Here the loop is closed: electrons scatter on a texture, every atomic plane with its own direction; the
spin they leave on each plane, for a given charge current, is the torque on a chain of classical spins with exchange
and anisotropy; the chain relaxes to a new texture; until the torque reproduces itself.

Units: stiffness J in J/m and anisotropy K in J/m³ (J = 2A, K = 2K_u of micromagnetics), lattice constant in nm,
current density in A/m², torques in J/m². Only the current-driven torque acts: the exchange that electrons mediate in
equilibrium belongs to the chain's constants.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import constants

from ..arrays import Floats
from ..checks import finite, finite_array, is_average, positive, positive_integer, refusal, two_halves, wave_vector
from ..errors import ArgumentError
from ..halves.zone import nodes, resonances, thresholds
from ..model.junction import Junction
from ..model.problem import AVERAGE
from ..scattering import Scattering
from ..scattering import scatter_quietly as scatter
from ..theory.domain_wall import ChainState, LoopReport, SpinChain, chain_constants, self_consistent, spin_chain

#: Largest y component of an easy axis: the chain's easy axes lie in the x-z plane.
IN_PLANE = 1e-9
#: Weights of k∥ points below this are left out: there rounding decides whether a channel is open.
NEGLIGIBLE = 1e-13
#: And points this near to a resonance: in tilted magnets those of bound states are as narrow as the tilt squared, and
#: waves on them lose half of their digits.
NARROW = 1e-8
#: Step of the k∥ average, and the number of planes up to which it resolves the torque on each.
STEP, RESOLVED = 0.125, 70
#: Planes up to which resonances of the scattering region are looked for (an eigenvalue problem of twice that size).
FEW_PLANES = 64


# ---------------------------------------------------------------------- junctions whose magnets are resolved by plane
def resolve_magnets(junction: Junction, planes: int | tuple[int, int]) -> Junction:
    """Return the junction with explicit planes of its magnetic leads, each a `Layer` of thickness 1.

    ``planes``: planes added on the (left, right), or the same number on both; 0 on the side of a nonmagnetic lead.

    Examples
    --------
    >>> from kwant_spinjunc import barrier, ferromagnet
    >>> iron = ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> len(resolve_magnets(Junction(iron, [barrier(onsite=3.0, hopping=1.0, thickness=4)], iron), (10, 20)).layers)
    31
    """
    count = planes if isinstance(planes, tuple) else (planes, planes)
    added = []
    for side, lead, n in zip(("left", "right"), junction.leads, count, strict=True):
        n = positive_integer("planes", n) if n != 0 else 0
        if n and not lead.is_magnetic:
            hint = "Magnetic layers of the junction are resolved by themselves."
            raise refusal("planes", f"be 0 on the {side}", f"is {n}: that lead is not magnetic", hint)
        added.append([replace(lead, thickness=1)] * n)
    bonds = junction.bonds
    if bonds is not None:
        left, right = junction.leads
        bonds = (*[left.hopping] * count[0], *junction.bond_hoppings, *[right.hopping] * count[1])
    return replace(junction, layers=[*added[0], *junction.layers, *added[1]], bonds=bonds)


def _chain_planes(junction: Junction) -> NDArray[np.intp]:
    """Return the indices of the planes that may turn: magnetic, and no planes of the leads."""
    inside = np.arange(junction.buffer, len(junction.planes) - junction.buffer)
    return np.asarray(inside[junction.plane_splitting[inside] > 0])


def texture(junction: Junction, m: ArrayLike) -> Junction:
    """Return the junction with its magnetic planes, leads excepted, turned to ``m``.

    ``junction``: E.g. from `resolve_magnets`.
    ``m``: nonzero vectors, shape (magnetic planes, 3), left to right.
    """
    junction.refuse_disorder()  # a layer cut into planes would be another sample
    chain = _chain_planes(junction)
    directions = finite_array("m", m, f"({len(chain)}, 3)")
    directions = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    layers = list(junction.planes[junction.buffer : len(junction.planes) - junction.buffer])
    for plane, direction in zip(chain, directions, strict=True):
        layers[plane - junction.buffer] = replace(layers[plane - junction.buffer], m=tuple(direction))
    return replace(junction, layers=layers)


# ---------------------------------------------------------------------- torque of the electrons
@dataclass(frozen=True, eq=False)
class TorqueProfile:
    """Linear response of one texture to a charge current, averaged over k∥."""

    #: Shape (planes, 3): Pauli-spin flux that each magnetic plane absorbs per charge current. Multiply by ħ/2e and a
    #: current density.
    torque: Floats
    conductance: float  #: e²/h per unit cell.
    levels: Floats  #: Shape (2,): u_L and u_R, the chemical potentials that leave each magnet neutral, per voltage.


Solve = Callable[[Junction, float, Any], Scattering]


def _fast(junction: Junction, energy: float, k: Any) -> Scattering:
    return scatter(junction, energy, k, solver="halves")


def zone(junction: Junction, energy: float = 0.0, *, step: float | None = None) -> tuple[Floats, Floats]:
    """Return wave vectors (kx, kz) in 1/a, shape (points, 2), and weights of the average over the Brillouin zone.

    ``junction``: split at its thresholds and, up to `FEW_PLANES`, at the resonances of its scattering region.
    ``step``: step of `halves.zone.nodes`; halve it to see what it changes. By default `STEP`, and finer in proportion
    for more than `RESOLVED` planes: deep in a magnet the transverse spin oscillates fast with k∥.

    Γ alone for a junction without in-plane hopping. Points of negligible weight are left out, see `NEGLIGIBLE` and
    `NARROW`.
    """
    energy = finite("energy", energy)
    step = _step(junction) if step is None else positive("step", step)
    if not junction.is_dispersive:
        return np.zeros((1, 2)), np.ones(1)
    sharp = resonances(junction, energy) if len(junction.planes) <= FEW_PLANES else np.zeros(0)
    c, weights = nodes(np.append(thresholds(junction, energy), sharp), step=step)
    used = (weights > NEGLIGIBLE) & (abs(c[:, None] - sharp) > NARROW).all(axis=1)
    return np.column_stack([np.arccos(np.clip(c[used] / 2, -1.0, 1.0))] * 2), weights[used]


def torque_profile(
    junction: Junction,
    energy: float = 0.0,
    *,
    k: ArrayLike | str | None = AVERAGE,
    weights: ArrayLike | None = None,
    cut: int | None = None,
    solve: Solve = _fast,
) -> TorqueProfile:
    r"""Return the torque on every magnetic plane (leads excepted) per charge current through a texture.

    ``junction``: its planes may point anywhere.
    ``k``, ``weights``: "average" over the points of `zone`, None for Γ, one wave vector (kx, kz) in 1/a, or many, shape
    (points, 2), and their weights.
    ``cut``: bond between the two magnets; by default that of the junction, which a texture does not have.
    ``solve``: ``solve(junction, energy, k)`` with k of shape (points, 2) returns a `Scattering` of that batch shape.

    The bias is symmetric, µ_L = -µ_R = 1/2. The electrons from the left and right exert (τ^L - τ^R)/2. But in a
    texture electrons also mediate exchange between the planes, and filling a magnet to another level changes it, by
    dτ/dE = τ^L + τ^R of the magnet alone. That is no consequence of the current: the bands follow the electrochemical
    potential, so that each magnet stays neutral. With u_α the level that makes magnet α neutral (±1/2 behind a tunnel
    barrier, ±R/2 in a metal that reflects R), the torque driven by the current is

        τ = (τ^L - τ^R)/2 - u_α (τ^L + τ^R)_α alone.

    "Alone" is the half junction with its plane at the cut continued to infinity. The last term is zero in a magnet that
    points one way; behind a barrier it cancels the first down to what is proportional to the transmission.

    **Validity**: linear response; the electrostatic potential is constant in each magnet; no spin accumulation in the
    leads.

    Examples
    --------
    >>> from kwant_spinjunc import barrier, ferromagnet, unit_vector
    >>> iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> rigid = Junction(ferromagnet(**iron), [barrier(onsite=3.0, hopping=1.0, thickness=2)],
    ...                  ferromagnet(**iron, m=unit_vector(np.pi / 2)))
    >>> torque_profile(resolve_magnets(rigid, 5)).torque.shape
    (10, 3)
    """
    energy, cut = finite("energy", energy), _cut(junction, cut)
    points, weight = _points(junction, energy, k, weights)
    scattering = solve(junction, energy, points)
    conductance = float(weight @ np.atleast_1d(scattering.conductance))
    if not conductance > 0:
        raise ArgumentError(f"Argument `junction` must conduct, but its conductance at {energy:g} is {conductance:g}.")
    torques = np.tensordot(weight, scattering.layer_torques, axes=1)
    levels = _neutral_levels(junction, np.tensordot(weight, scattering.spin_densities[..., 0], axes=1), cut)
    driven = (torques[0] - torques[1]) / 2
    for side, (half, planes) in enumerate(_halves_alone(junction, cut)):
        alone = np.tensordot(weight, solve(half, energy, points).layer_torques.sum(axis=-3), axes=1)
        driven[planes] -= levels[side] * (alone[:-1] if side == 0 else alone[1:])
    return TorqueProfile(driven[_chain_planes(junction)] / conductance, conductance, levels)


def _cut(junction: Junction, cut: int | None) -> int:
    """Return the bond between the two magnets."""
    chosen = junction.cut if cut is None else cut
    if chosen is None or not 0 <= chosen < len(junction.planes) - 1:
        raise ArgumentError(
            f"Argument `cut` must be the bond between the two magnets, from 0 to {len(junction.planes) - 2}, but is "
            f"{cut}. A texture does not show where one magnet ends."
        )
    return chosen


def _neutral_levels(junction: Junction, densities: Floats, cut: int) -> Floats:
    """Return the chemical potentials (u_L, u_R) that leave each magnet neutral at µ_L = -µ_R = 1/2."""
    plane = np.arange(len(junction.planes))
    levels = []
    for side in (plane <= cut, plane > cut):
        magnet = side & (junction.plane_splitting > 0)
        from_left, from_right = densities[:, magnet if magnet.any() else side].sum(axis=1)
        levels.append((from_left - from_right) / (from_left + from_right) / 2)
    return np.array(levels)


def _halves_alone(junction: Junction, cut: int) -> list[tuple[Junction, slice]]:
    """Return each half with its plane at the cut continued to infinity, and which planes of the junction it has.

    The half has one plane more than that, the buffer of its new lead.
    """
    planes, bonds = junction.planes, tuple(junction.bond_hoppings)
    near, far = planes[cut], planes[cut + 1]
    left = Junction(junction.left, planes[1 : cut + 1], near, bonds=(*bonds[:cut], near.hopping))
    right = Junction(far, planes[cut + 1 : -1], junction.right, bonds=(far.hopping, *bonds[cut + 1 :]))
    return [(left, slice(0, cut + 1)), (right, slice(cut + 1, len(planes)))]


def _points(junction: Junction, energy: float, k: Any, weights: ArrayLike | None = None) -> tuple[Floats, Floats]:
    if is_average("k", k):
        return zone(junction, energy)
    points = wave_vector("k", k, many=True).reshape(-1, 2)
    weight = np.ones(1) if weights is None else finite_array("weights", weights).ravel()
    if len(weight) != len(points):
        raise refusal("weights", f"have one entry per k, {len(points)}", f"has {len(weight)}", "Use `zone`.")
    return points, weight


# ---------------------------------------------------------------------- the closed loop
@dataclass(frozen=True, eq=False)
class Wall:
    """The texture whose own torque holds it, made by `self_consistent_wall`."""

    junction: Junction = field(repr=False)  #: The junction with this texture.
    #: Whether and how the loop converged; ``report.state`` is the chain's equilibrium.
    report: LoopReport = field(repr=False)
    rigid: TorqueProfile = field(repr=False)  #: On the magnets at rest.
    final: TorqueProfile = field(repr=False)  #: On the texture.
    scale: float  #: J/m² per unit of a `TorqueProfile`: ħ/2e times the current density.
    lattice_constant: float  #: In nm.

    @property
    def state(self) -> ChainState:
        """The chain in equilibrium."""
        return self.report.state

    @property
    def chain(self) -> SpinChain:
        """The magnets."""
        return self.state.chain

    @cached_property
    def position(self) -> Floats:
        """Distance of each plane from its interface in nm, negative on the left, 0 at the interface, (planes,)."""
        left, total = self.chain.left_planes, self.chain.planes
        planes: Floats = np.concatenate([np.arange(left) - left + 1.0, np.arange(total - left)])
        return self.lattice_constant * planes

    def net_torque(self, profile: TorqueProfile) -> Floats:
        """Return the torque on the left and the right magnet in J/m², shape (2, 3)."""
        left = self.chain.left_planes
        both: Floats = np.stack([profile.torque[:left].sum(axis=0), profile.torque[left:].sum(axis=0)])
        return self.scale * both

    @property
    def torque_change(self) -> float:
        """Change of the net torques by the wall, relative to the larger one at rest; 0 where there is none."""
        rigid, final = self.net_torque(self.rigid), self.net_torque(self.final)
        size = np.linalg.norm(rigid, axis=1).max()
        return float(np.linalg.norm(final - rigid, axis=1).max() / size) if size else 0.0

    @property
    def conductance_change(self) -> float:
        """Relative change of the conductance by the wall."""
        return self.final.conductance / self.rigid.conductance - 1

    def __str__(self) -> str:
        """Return the wall as an aligned table."""
        torque = np.linalg.norm(self.net_torque(self.final), axis=1)
        rows = [
            ("net torque left, right", ", ".join(f"{x:.4g} J/m²" for x in torque)),
            ("change by the wall", f"{self.torque_change:.3g} of the torque, {self.conductance_change:.3g} of G"),
        ]
        return f"{self.report}\n" + "\n".join(f"{name:<27}{value}" for name, value in rows)


class Options(TypedDict, total=False):
    """What `self_consistent` is told, and how to solve."""

    method: str
    mixing: float
    tolerance: float
    max_evaluations: int
    solve: Solve


def self_consistent_wall(
    junction: Junction,
    *,
    stiffness: Any,
    anisotropy: Any,
    current_density: float,
    lattice_constant: float,
    planes: int | tuple[int, int] = 100,
    interface_exchange: float = 0.0,
    demagnetization: Any = 0.0,
    energy: float = 0.0,
    k: ArrayLike | str | None = AVERAGE,
    **options: Unpack[Options],
) -> Wall:
    r"""Return the static wall that a current makes, its torque taken from scattering on the wall itself.

    **Result**: Converged or not: see ``report``.

    Parameters
    ----------
    junction
        Two collinear halves whose magnets point along easy axes in the x-z plane.
    stiffness
        Exchange stiffness J in J/m, > 0; one number or (left, right).
    anisotropy
        Anisotropy K in J/m³, > 0; one number or (left, right).
    current_density
        In A/m², positive for electrons from left to right.
    lattice_constant
        Spacing a of the planes and side of the unit cell, in nm.
    planes
        Resolved planes of each magnetic lead, see `resolve_magnets`: several √(J/K)/a. Beyond them the lead is rigid.
    interface_exchange
        Exchange across the interface in J/m², either sign; 0 behind a barrier.
    demagnetization
        µ0 Ms² in J/m³ >= 0, what a tilt along the film normal y costs on top of the anisotropy; one number or (left,
        right). Cobalt: 2.5e6, as much as its K.
    energy
        As in `torque_profile`.
    k
        "average" over the Brillouin zone, None for Γ, or one wave vector (kx, kz) in 1/a.
    **options
        ``method``, ``mixing``, ``tolerance`` and ``max_evaluations`` of
        `kwant_spinjunc.theory.domain_wall.self_consistent`; ``solve`` of `torque_profile`.

    Notes
    -----
    **Validity**: statics (`dynamics` tells when it is left), uniaxial anisotropy, infinite film along x and z, linear
    response at fixed charge current, coherent electrons throughout the wall, no spin accumulation. The last resolved
    plane has a free end: `ChainState.end_tilt` must be small. Source: the paper, paragraph after equation (6).

    Examples
    --------
    >>> from kwant_spinjunc import barrier, ferromagnet, unit_vector
    >>> iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> rigid = Junction(ferromagnet(**iron), [barrier(onsite=3.0, hopping=1.0, thickness=2)],
    ...                  ferromagnet(**iron, m=unit_vector(np.pi / 2)))
    >>> wall = self_consistent_wall(rigid, stiffness=3e-11, anisotropy=9e6, current_density=1e11,
    ...                             lattice_constant=0.25, planes=60)
    >>> wall.report.converged, bool(abs(wall.torque_change) < 0.01)
    (True, True)
    """
    a, current = positive("lattice_constant", lattice_constant), finite("current_density", current_density)
    resolved = resolve_magnets(junction, planes)
    exchange, per_plane = chain_constants(stiffness, anisotropy, a * constants.nano)
    normal = finite_array("demagnetization", demagnetization) * a * constants.nano
    given = {"exchange": exchange, "anisotropy": per_plane, "demagnetization": normal}
    chain = _chain(junction, resolved, given | {"interface_exchange": interface_exchange})
    scale = constants.hbar / (2 * constants.e) * current
    step = _step(resolved)  # the resonances are those of the junction at rest
    points, weights = zone(junction, energy, step=step) if is_average("k", k) else _points(junction, energy, k)
    loop: dict[str, Any] = dict(options)
    solve = loop.pop("solve", _fast)

    known: dict[bytes, TorqueProfile] = {}

    def profile(m: Floats) -> TorqueProfile:
        if (key := m.tobytes()) not in known:
            asked: Any = {"k": points, "weights": weights, "cut": resolved.cut, "solve": solve}
            known[key] = torque_profile(texture(resolved, m), energy, **asked)
        return known[key]

    report = self_consistent(lambda m: scale * profile(m).torque, chain, **loop)
    return Wall(
        junction=texture(resolved, report.state.m),
        report=report,
        rigid=profile(chain.easy_axes),
        final=profile(report.state.m),
        scale=scale,
        lattice_constant=a,
    )


def _chain(junction: Junction, resolved: Junction, constants_of_chain: dict[str, Any]) -> SpinChain:
    """Return the spins of all magnetic planes, at rest along the magnets of the junction."""
    cut = two_halves("junction", resolved.cut, "Give the junction at rest: the wall is what is solved for.")
    m = junction.magnetizations
    if abs(m[:, 1]).max() > IN_PLANE:
        hint = "Turn the whole junction: without spin-orbit coupling nothing changes."
        raise refusal("junction", "have magnets in the x-z plane", f"one has m_y = {abs(m[:, 1]).max():.3g}", hint)
    turning = _chain_planes(resolved)
    left = int(np.count_nonzero(turning <= cut))
    along = resolved.plane_m[turning]
    theta = np.arctan2(m[:, 0], m[:, 2])
    count, (theta_left, theta_right) = (left, len(turning) - left), theta.tolist()
    chain = spin_chain(planes=count, theta_left=theta_left, theta_right=theta_right, **constants_of_chain)
    return replace(chain, easy_angle=np.arctan2(along[:, 0], along[:, 2]))


def _step(junction: Junction) -> float:
    """Return the step of the average that resolves the torque on each plane."""
    return STEP * min(1.0, RESOLVED / len(junction.planes))
