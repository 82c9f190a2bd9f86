r"""Landau-Lifshitz-Gilbert dynamics of the wall: whether and how the magnets reach it, and when no static wall is left.

    S dm_n/dt = m_n × h_n + τ_n(m_n) - α S m_n × dm_n/dt,

m_n the direction of the majority spin of plane n, S its angular momentum per area, h_n = -∂E/∂m_n of a `SpinChain`,
τ = τ_D m×(p×m) + τ_F p×m on the planes of a `SpinTorque`. Time is in S over an energy per area. The statics of
`theory.domain_wall` finds what balances; a damping-like torque does work, and against weak damping the balanced state
is left for a precession although its stiffness is positive.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

from ..arrays import Floats
from ..checks import finite_array, index, positive
from ..errors import ArgumentError
from ..spin import check_unit_vector, cross_matrix
from ..theory.domain_wall import ConvergenceError, SpinChain
from ..theory.domain_wall.chain import stiffness, transverse_frames

#: Newton steps, and the largest turn of a spin (rad) in one of them.
STEPS, TURN = 60, 0.3
#: Residual of a static state relative to the largest torque or anisotropy: rounding of sums of a few hundred planes.
BALANCED = 1e-12


@dataclass(frozen=True, kw_only=True, eq=False)
class SpinTorque:
    """Torque of the electrons on each plane, in the direction the plane has."""

    polarizer: Floats  #: Shape (planes, 3): p, the direction of the other magnet.
    #: `damping_like`, `field_like`: Shape (planes,): τ_D and τ_F, energy per area.
    damping_like: Floats
    field_like: Floats

    @classmethod
    def on(cls, chain: SpinChain, plane: int, *, polarizer: ArrayLike, damping_like: float, field_like: float) -> Any:
        """Return a torque on one plane of a chain."""
        at = np.arange(chain.planes) == index("plane", plane, chain.planes)
        p = np.tile(check_unit_vector(polarizer, "polarizer"), (chain.planes, 1))
        return cls(polarizer=p, damping_like=damping_like * at, field_like=field_like * at)

    def __add__(self, other: SpinTorque) -> SpinTorque:
        """Return the torques of two polarizers on different planes together."""
        mine, theirs = (abs(t.damping_like) + abs(t.field_like) > 0 for t in (self, other))
        if np.any(mine & theirs):
            raise ArgumentError("Argument `other` must act on other planes: a plane has one polarizer.")
        p = np.where(theirs[:, None], other.polarizer, self.polarizer)
        return SpinTorque(
            polarizer=p,
            damping_like=self.damping_like + other.damping_like,
            field_like=self.field_like + other.field_like,
        )

    def scaled(self, factor: float) -> SpinTorque:
        """Return the torque times a factor."""
        return replace(self, damping_like=factor * self.damping_like, field_like=factor * self.field_like)

    def at(self, m: Floats) -> Floats:
        """Return τ of a texture, shape (planes, 3)."""
        across = np.cross(self.polarizer, m)
        return np.asarray(self.damping_like[:, None] * np.cross(m, across) + self.field_like[:, None] * across)

    def slope(self, m: Floats) -> Floats:
        """Return ∂τ/∂m of every plane, shape (planes, 3, 3)."""
        p, D, F = self.polarizer, self.damping_like[:, None, None], self.field_like[:, None, None]
        along = np.sum(p * m, axis=1)[:, None, None]
        # m×(p×m) = p m·m - m p·m on the sphere, m·m = 1
        pull: Floats = -(along * np.eye(3) + m[:, :, None] * p[:, None, :])
        return D * pull + F * cross_matrix(p)


def _drive(chain: SpinChain, torque: SpinTorque, m: Floats) -> Floats:
    """Return m×h + τ."""
    return np.asarray(np.cross(m, chain.field(m)) + torque.at(m))


def linearized(chain: SpinChain, torque: SpinTorque, m: Floats) -> tuple[Floats, Floats, Floats]:
    """Return f in tangent components (2 planes,), ∂f/∂(tangent displacements) (2 planes, 2 planes), and the frames.

    The frame turns with the spin: f has no part along m to turn into the tangent plane at a static state, and next to
    it Newton needs none.
    """
    axes, N = transverse_frames(m), chain.planes
    K = np.zeros((2 * N, 2 * N))
    for row, band in enumerate(stiffness(chain, chain.exchange, np.zeros_like(m), m, axes)):
        above = 3 - row  # of the diagonal, where entry (i, j) of a band has the place j
        if abs(above) < len(K):
            K += np.diag(band[max(above, 0) : len(K) + min(above, 0)], above)
    # e_1 × e_2 = m: the components of m×h are -e_2·h and e_1·h, and K is minus the derivative of e_i·h
    slope = (K.reshape(N, 2, 2 * N)[:, ::-1] * [[1.0], [-1.0]]).reshape(N, 2, N, 2)
    frames, n = np.stack(axes, axis=1), np.arange(N)
    slope[n, :, n, :] += np.einsum("nia,nab,njb->nij", frames, torque.slope(m), frames)
    f = np.einsum("nia,na->ni", frames, _drive(chain, torque, m))
    return f.ravel(), slope.reshape(2 * N, 2 * N), frames


def static_wall(chain: SpinChain, torque: SpinTorque, *, start: ArrayLike | None = None) -> Floats:
    """Return the texture with m×h + τ(m) = 0 next to a start, by Newton's method, shape (planes, 3).

    ``chain``, ``torque``: the magnets and what acts on them; unlike in `theory.domain_wall.relax` the torque turns with
    the spins.
    ``start``: Texture; by default the easy axes.

    Raises `ConvergenceError`: Newton's method found no static state there.
    """
    m = chain.easy_axes if start is None else check_unit_vector(start, "start")
    scale = max(float(chain.anisotropy.max()), float(abs(torque.damping_like).max()))
    for _ in range(STEPS):
        f, slope, frames = linearized(chain, torque, m)
        if abs(f).max() <= BALANCED * scale:
            return np.asarray(m)
        try:
            step = np.linalg.solve(slope, -f).reshape(-1, 2)
        except np.linalg.LinAlgError:
            break
        size = float(np.linalg.norm(step, axis=1).max())
        step *= min(1.0, TURN / size) if size else 1.0
        moved = m + np.einsum("ni,nia->na", step, frames)
        m = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    raise ConvergenceError(
        "Argument `torque` must leave a static state near the start, but Newton's method ends with an unbalanced "
        f"torque of {abs(f).max() / scale:.2g} of the anisotropy. Use a smaller one or a nearer start."
    )


def growth_rate(chain: SpinChain, torque: SpinTorque, m: ArrayLike, *, damping: float) -> complex:
    """Return the eigenvalue of the linearized motion about a static state that grows most, in energy per area over S.

    ``m``: static texture, from `static_wall`.

    **Result**: A positive real part: the state is unstable; the imaginary part is the frequency with which it is left.
    """
    _, slope, _ = linearized(chain, torque, finite_array("m", m))
    alpha = positive("damping", damping)
    # (1 + α m×) in the tangent frames, e_1 × e_2 = m: m×e_1 = e_2, m×e_2 = -e_1
    inverse = np.array([[1.0, alpha], [-alpha, 1.0]]) / (1 + alpha**2)
    blocks = inverse @ slope.reshape(chain.planes, 2, -1)
    values = np.linalg.eigvals(blocks.reshape(2 * chain.planes, -1))
    return complex(values[np.argmax(values.real)])


@dataclass(frozen=True, eq=False)
class Trajectory:
    """Motion of a chain."""

    time: Floats  #: Shape (times,): in S over an energy per area.
    m: Floats = field(repr=False)  #: Shape (times, planes, 3).
    unbalanced: Floats = field(repr=False)  #: Shape (times,): largest m×h + τ of a plane, energy per area.

    @property
    def is_at_rest(self) -> bool:
        """Whether the last state moves a millionth as fast as the fastest one did."""
        return bool(self.unbalanced[-1] <= 1e-6 * self.unbalanced.max())


def evolve(
    chain: SpinChain,
    torque: SpinTorque,
    *,
    damping: float,
    time: float,
    start: ArrayLike | None = None,
    points: int = 200,
    rtol: float = 1e-10,
) -> Trajectory:
    """Integrate the Landau-Lifshitz-Gilbert equation from a start, by default the clamped state along the easy axes.

    ``time``: duration in S over an energy per area.
    ``start``: texture, shape (planes, 3).
    ``points``: number of times kept.
    ``rtol``: relative and absolute tolerance of `scipy.integrate.solve_ivp`.

    Raises `ConvergenceError`: The integrator gave up.

    Examples
    --------
    >>> import numpy as np
    >>> from kwant_spinjunc.theory.domain_wall import spin_chain
    >>> chain = spin_chain(exchange=1.0, anisotropy=0.2, planes=(0, 20))
    >>> torque = SpinTorque.on(chain, 0, polarizer=[1, 0, 0], damping_like=0.01, field_like=0.02)
    >>> motion = evolve(chain, torque, damping=0.5, time=400.0)
    >>> motion.is_at_rest, bool(abs(motion.m[-1] - static_wall(chain, torque)).max() < 1e-8)
    (True, True)
    """
    alpha, duration = positive("damping", damping), positive("time", time)
    m = chain.easy_axes if start is None else check_unit_vector(start, "start")
    shape = (chain.planes, 3)

    def motion(_: float, flat: Floats) -> Floats:
        """Return S dm/dt, the equation of motion solved for it: (1 + α m×) dm/dt = f with f ⟂ m."""
        x = flat.reshape(shape)
        x = x / np.linalg.norm(x, axis=1, keepdims=True)  # kept by the equation; rounding is not fed back
        f = _drive(chain, torque, x)
        return np.asarray((f - alpha * np.cross(x, f)) / (1 + alpha**2)).ravel()

    times = np.linspace(0.0, duration, points)
    solved = solve_ivp(motion, (0.0, duration), m.ravel(), method="DOP853", t_eval=times, rtol=rtol, atol=rtol)
    if not solved.success:
        raise ConvergenceError(f"Argument `time` must be reached, but the integrator stopped: {solved.message}")
    found = solved.y.T.reshape(-1, *shape)
    found = found / np.linalg.norm(found, axis=-1, keepdims=True)
    unbalanced = np.array([np.linalg.norm(_drive(chain, torque, x), axis=1).max() for x in found])
    return Trajectory(solved.t, found, unbalanced)


@dataclass(frozen=True, eq=False)
class Threshold:
    """Where a static wall ends."""

    factor: float  #: Of the torque.
    #: "precession": the static wall is left for a motion; "fold": it ceases to exist, or is left without turning.
    kind: str
    frequency: float  #: With which it is left, energy per area over S; 0 at a fold.
    m: Floats = field(repr=False)  #: Shape (planes, 3): the last static wall.


def critical_torque(
    chain: SpinChain,
    torque: SpinTorque,
    *,
    damping: float,
    largest: float = 1e3,
    start: ArrayLike | None = None,
    rtol: float = 1e-9,
) -> Threshold:
    """Return the factor of a torque up to which there is a stable static wall on the branch from the easy axes.

    ``largest``: factor at which the search is given up.
    ``start``: state without torque; by default the easy axes.
    ``rtol``: relative accuracy of the factor.

    Raises `ConvergenceError`: The wall is stable up to ``largest``.
    """
    rest = static_wall(chain, torque.scaled(0.0), start=start)
    known: list[tuple[float, Floats]] = [(0.0, rest)]

    def rate(factor: float) -> float:
        """Growth rate at a factor; the branch is followed from the nearest smaller one."""
        below = max((pair for pair in known if pair[0] <= factor), key=lambda pair: pair[0])
        m = static_wall(chain, torque.scaled(factor), start=below[1])
        if np.arccos(np.clip(np.sum(m * below[1], axis=1), -1, 1)).max() > TURN:
            raise ConvergenceError("The next static state is another branch.")
        known.append((factor, m))
        return growth_rate(chain, torque.scaled(factor), m, damping=damping).real

    low, step, fold = 0.0, 1e-3 * largest, False
    while step > rtol * max(low, rtol * largest):
        if low + step > largest:
            raise ConvergenceError(
                f"Argument `torque` must destabilize the wall, but it is stable up to {largest:g} times it."
            )
        try:
            grows = rate(low + step) > 0
        except ConvergenceError:
            step, fold = step / 2, True
            continue
        if grows:
            factor = float(brentq(rate, low, low + step, rtol=max(rtol, 1e-14), xtol=rtol * (low + step)))
            m = static_wall(chain, torque.scaled(factor), start=min(known, key=lambda pair: abs(pair[0] - factor))[1])
            turns = abs(growth_rate(chain, torque.scaled(factor), m, damping=damping).imag)
            kind = "precession" if turns > 1e-9 * float(chain.anisotropy.max()) else "fold"
            return Threshold(factor, kind, turns, m)
        low, step = low + step, (step if fold else 2 * step)
    m = max(known, key=lambda pair: pair[0])[1]
    return Threshold(low, "fold", 0.0, m)
