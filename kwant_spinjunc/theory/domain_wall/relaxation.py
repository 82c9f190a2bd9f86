"""The texture of a chain under a torque that is given, and under one that it makes itself.

The first: Newton steps, followed from rest where it can buckle. The second: the loop torque, wall, scattering, torque.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError, solve_banded
from scipy.optimize import root

from ...arrays import Floats
from ...checks import choice, finite_array, formula, positive, positive_integer, refusal
from ...errors import ArgumentError, SpinjuncError
from ...spin import angle_between
from .chain import ChainState, SpinChain, is_stable, stiffness, torque_profile, transverse_frames, unbalanced, vectors

#: Largest rotation (rad) of a spin accepted in one step along a branch, so that no step jumps to another branch.
BRANCH_STEP = 0.5
#: Smallest fraction of the load by which a branch is followed before it is declared to end.
SMALLEST_FRACTION = 1e-4


class ConvergenceError(SpinjuncError, RuntimeError):
    """An iteration ended without a solution; the message says how far it came and why it stopped."""


def _rotate(m: Floats, frames: tuple[Floats, Floats], step: Floats) -> Floats:
    """Return the spins moved along great circles by the tangent displacements ``step``, shape (planes, 2)."""
    size = np.linalg.norm(step, axis=1)[:, None]
    direction = step[:, :1] * frames[0] + step[:, 1:] * frames[1]
    moved = np.cos(size) * m + np.sinc(size / np.pi) * direction
    normalized: Floats = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return normalized


@dataclass
class _Newton:
    """Damped Newton iteration with banded stiffness; counts its steps."""

    chain: SpinChain
    tolerance: float
    max_iterations: int
    steps: int = 0

    def solve(self, exchange: Floats, torque: Floats, m: Floats) -> Floats | None:
        """Return the equilibrium reached from ``m``, or None."""
        for _ in range(self.max_iterations):
            self.steps += 1
            frames = transverse_frames(m)
            force = unbalanced(self.chain, exchange, torque, m, frames)
            try:
                step = solve_banded((3, 3), stiffness(self.chain, exchange, torque, m, frames), force.ravel())
            except LinAlgError:
                return None
            step = step.reshape(-1, 2)
            largest = np.linalg.norm(step, axis=1).max()
            if not np.isfinite(largest):
                return None
            if largest <= self.tolerance:
                return _rotate(m, frames, step)
            reached = self._descend(exchange, torque, m, frames, step * min(1, BRANCH_STEP / largest), force)
            if reached is None:
                return None
            m = reached
        return None

    def _descend(
        self, exchange: Floats, torque: Floats, m: Floats, frames: tuple[Floats, Floats], step: Floats, force: Floats
    ) -> Floats | None:
        """Return the first point along the step, halved until it lowers the unbalanced torque, or None."""
        before = np.linalg.norm(force)
        for halvings in range(12):
            trial = _rotate(m, frames, step / 2**halvings)
            if np.linalg.norm(unbalanced(self.chain, exchange, torque, trial, transverse_frames(trial))) < before:
                return trial
        return None


def _follow(newton: _Newton, loads: Callable[[float], tuple[Floats, Floats]], m: Floats, what: str) -> Floats:
    """Return the equilibrium at full load, following the stable branch from ``m`` at zero load."""
    fraction, step = 0.0, 1.0
    while fraction < 1:
        target = min(1.0, fraction + step)
        exchange, torque = loads(target)
        reached = newton.solve(exchange, torque, m)
        if (
            reached is not None
            and angle_between(reached, m).max() <= BRANCH_STEP
            and is_stable(newton.chain, exchange, reached)
        ):
            m, fraction, step = reached, target, 2 * step
            continue
        step /= 2
        if step < SMALLEST_FRACTION:
            tilt = angle_between(m, newton.chain.easy_axes).max()
            raise ConvergenceError(
                f"Argument `{what}` must leave a stable equilibrium, but the branch from the easy axes ends at "
                f"{fraction:.4f} of it, with a tilt of {tilt:.3g} rad. Reduce it, or give a `start` on another branch."
            )
    return m


def _reached(newton: _Newton, torque: Floats, start: ArrayLike) -> Floats:
    """Return the equilibrium next to a starting texture, given as angles θ or as vectors."""
    chain, texture = newton.chain, finite_array("start", start)
    if texture.shape == (chain.planes,):
        texture = vectors(texture, np.zeros(chain.planes))
    norm = np.linalg.norm(texture, axis=-1, keepdims=True)
    if texture.shape != (chain.planes, 3) or np.any(norm == 0):
        raise refusal("start", f"be {chain.planes} angles or nonzero vectors", f"its shape is {texture.shape}")
    m = newton.solve(chain.exchange, torque, texture / norm)
    if m is None:
        raise ConvergenceError(
            f"Argument `start` must lead to an equilibrium, but Newton's method failed after {newton.steps} steps. "
            "Leave it out to follow the branch from the easy axes."
        )
    return m


def _state(chain: SpinChain, m: Floats, torque: Floats, iterations: int, linear: bool = False) -> ChainState:
    residual = unbalanced(chain, chain.exchange, torque, m, transverse_frames(m))
    stable = is_stable(chain, chain.exchange, m)
    return ChainState(chain, m, torque, float(abs(residual).max()), iterations, stable, linear)


@formula
def relax(
    chain: SpinChain,
    torque: ArrayLike,
    *,
    linear: bool = False,
    start: ArrayLike | None = None,
    tolerance: float = 1e-9,
    max_iterations: int = 50,
) -> ChainState:
    r"""Return the texture in which exchange and anisotropy balance the electrons' torque on every plane.

    τ_n + m_n × h_n = 0,    h_n = J_ex (m_{n-1} + m_{n+1}) + K_pl (m_n·u_n) u_n.

    Newton's method on the sphere with a block-tridiagonal stiffness (`scipy.linalg.solve_banded`).

    **Validity**: statics. A damping-like torque that drives precession makes the state unstable in time although it
    balances; ``stable`` judges overdamped motion only. Antiparallel easy axes with exchange across the interface have a
    wall that turns freely about the axis: no unique answer, and no branch from the easy axes. Raises
    `ConvergenceError`: No equilibrium was reached; the message says up to which fraction of the torque there was one.

    ``torque``: torque of the electrons on each plane, energy per area (ħ/2 times the absorbed Pauli flux): shape
    (planes,) for the component conjugate to θ (the y component), or (planes, 3) for vectors. Only the part normal to
    the spin acts: its length is fixed.
    ``linear``: return the linear response about the torque-free state instead.
    ``start``: texture to start from, (planes,) angles θ or (planes, 3) vectors. By default the branch that starts at
    the easy axes is followed: first the interface exchange, then the torque grows to its value.
    ``tolerance``: largest change of a spin (rad) in the last Newton step; the error left is of its square, or rounding.
    ``max_iterations``: Newton steps of each solve.

    Examples
    --------
    >>> from kwant_spinjunc.theory.domain_wall import interface_torque, spin_chain
    >>> chain = spin_chain(exchange=100.0, anisotropy=1.0, planes=200, theta_right=1.0)
    >>> print(relax(chain, interface_torque(chain, left=-0.5, right=0.5)))  # doctest: +ELLIPSIS
    planes (left + right)      200 + 200
    rotation at the interface  -0.0475832 rad, 0.0475832 rad
    elevation at the interface 0 rad, 0 rad
    tilt at the outer ends     2.1e-10 rad
    unbalanced torque          ...e-14
    Newton steps               3
    stable                     yes
    """
    profile = torque_profile(chain, torque)
    newton = _Newton(chain, positive("tolerance", tolerance), positive_integer("max_iterations", max_iterations))
    if start is not None and not linear:
        return _state(chain, _reached(newton, profile, start), profile, newton.steps)
    rest = _at_rest(newton, start)
    if linear:
        frames = transverse_frames(rest)
        force = unbalanced(chain, np.zeros_like(chain.exchange), profile, rest, frames)
        anisotropy_only = unbalanced(chain, np.zeros_like(chain.exchange), 0 * profile, rest, frames)
        bands = stiffness(chain, chain.exchange, 0 * profile, rest, frames)
        step = solve_banded((3, 3), bands, (force - anisotropy_only).ravel()).reshape(-1, 2)
        return _state(chain, _rotate(rest, frames, step), profile, newton.steps + 1, linear=True)
    m = _follow(newton, lambda fraction: (chain.exchange, fraction * profile), rest, "torque")
    return _state(chain, m, profile, newton.steps)


def _at_rest(newton: _Newton, start: ArrayLike | None) -> Floats:
    """Return the equilibrium without torque, from ``start`` or by switching on the interface exchange."""
    chain = newton.chain
    no_torque = np.zeros((chain.planes, 3))
    if start is not None:
        return _reached(newton, no_torque, start)
    if len(chain.interface_planes) < 2 or chain.exchange[chain.left_planes - 1] == 0:
        return chain.easy_axes

    def loads(fraction: float) -> tuple[Floats, Floats]:
        exchange = chain.exchange.copy()
        exchange[chain.left_planes - 1] *= fraction
        return exchange, no_torque

    return _follow(newton, loads, chain.easy_axes, "interface_exchange")


# ---------------------------------------------------------------------- the torque that makes its own wall
@dataclass(frozen=True, eq=False)
class LoopReport:
    """How the loop torque → wall → torque went."""

    converged: bool  #: Whether the torque of the last texture equals the torque that made it, within the tolerance.
    reason: str  #: Why the loop stopped, in words.
    #: max|τ(m) - τ|/max|τ_0| at each evaluation of the torque, τ_0 being the torque on the texture at rest.
    residuals: tuple[float, ...]
    state: ChainState = field(repr=False)  #: The last texture in equilibrium; for a converged loop the solution.
    method: str  #: "anderson" or "damped".

    @property
    def evaluations(self) -> int:
        """How often the torque was computed after the first time."""
        return len(self.residuals)

    def __str__(self) -> str:
        """Return the report as an aligned table."""
        rows = [
            ("converged", "yes" if self.converged else "no"),
            ("reason", self.reason),
            ("method", self.method),
            ("evaluations", str(self.evaluations)),
            ("last relative change", f"{self.residuals[-1]:.2g}" if self.residuals else "none"),
        ]
        return "\n".join(f"{name:<27}{value}" for name, value in rows) + f"\n{self.state}"


class _LoopEnd(Exception):  # noqa: N818 - it ends the solver's iteration, it is no error
    """The residual is below the tolerance."""


def _why_not(residuals: list[float], tolerance: float) -> str:
    """Return in words what the history of an unfinished loop shows."""
    steps = min(len(residuals) - 1, 5)
    if steps < 1 or residuals[-1] == 0:
        return "too few evaluations to judge"
    rate = (residuals[-1] / residuals[-1 - steps]) ** (1 / steps)
    if not rate < 1:
        return (
            f"the change does not shrink (factor {rate:.3g} an evaluation, last {residuals[-1]:.2g}): "
            "the torque answers the wall too strongly. Use a smaller `mixing`"
        )
    missing = int(np.ceil(np.log(tolerance / residuals[-1]) / np.log(rate)))
    return (
        f"the change shrinks by a factor {rate:.3g} an evaluation and is {residuals[-1]:.2g}: "
        f"about {missing} more evaluations are needed. Raise `max_evaluations`"
    )


@formula
def self_consistent(
    torque_of_texture: Callable[[Floats], ArrayLike],
    chain: SpinChain,
    *,
    method: str = "anderson",
    mixing: float = 1.0,
    tolerance: float = 1e-8,
    max_evaluations: int = 50,
) -> LoopReport:
    r"""Return the wall whose own torque makes it: τ → m(τ) → τ(m), repeated.

    **Result**: Converged or not, and why. A torque too large for the chain is reported there, not raised. **Validity**:
    statics, see `relax`. Far from an instability the wall is shallow, the torque hardly depends on it, and a few
    evaluations suffice. Raises `ConvergenceError`: The magnets have no equilibrium even without torque.

    ``torque_of_texture``: function of the texture m, shape (planes, 3), that returns the torque on each plane as for
    `relax`: scattering on that texture, say. Angles are ``numpy.arctan2(m[:, 0], m[:, 2])``.
    ``method``: "anderson" (`scipy.optimize.root`) or "damped": τ ← τ + mixing [τ(m) - τ].
    ``mixing``: part of the change that is accepted, in (0, 1]; Anderson's first guess in the other method.
    ``tolerance``: largest change accepted, relative to the largest torque at rest; not below the noise of the function.
    ``max_evaluations``: evaluations of the function after the first.

    Examples
    --------
    >>> from kwant_spinjunc.theory.domain_wall import interface_torque, spin_chain
    >>> chain = spin_chain(exchange=100.0, anisotropy=1.0, planes=(0, 300), theta_right=1.0)
    >>> def torque(m):  # proportional to sin θ of the interface plane
    ...     return interface_torque(chain, right=0.5 * m[0, 0])
    >>> report = self_consistent(torque, chain)
    >>> report.converged, round(float(report.state.rotation[0]), 6)
    (True, 0.041057)
    """
    choice("method", method, ("anderson", "damped"))
    mixing = positive("mixing", mixing)
    if mixing > 1:
        raise ArgumentError(f"Argument `mixing` must not exceed 1, but is {mixing:g}.")
    tolerance, limit = positive("tolerance", tolerance), positive_integer("max_evaluations", max_evaluations)
    rest = relax(chain, np.zeros(chain.planes))
    first = torque_profile(chain, torque_of_texture(rest.m))
    scale = float(abs(first).max()) or 1.0
    x = (first / scale).ravel()
    state, residuals = rest, list[float]()

    def defect(torque: Floats) -> Floats:
        """Return [τ(m) - τ]/scale for a torque given in units of ``scale``, flat; stop when it is small."""
        nonlocal state
        profile = scale * torque.reshape(chain.planes, 3)
        state = relax(chain, profile)
        answer = torque_profile(chain, torque_of_texture(state.m))
        off: Floats = ((answer - profile) / scale).ravel()
        residuals.append(float(abs(off).max()))
        if residuals[-1] <= tolerance:
            raise _LoopEnd
        return off

    try:
        if method == "damped":
            for _ in range(limit):
                x = x + mixing * defect(x)
        else:
            options = {"maxiter": limit, "fatol": 0.0, "jac_options": {"alpha": mixing, "M": 5}, "line_search": None}
            root(defect, x, method="anderson", options=options)
        reason = f"stopped after {len(residuals)} evaluations: " + _why_not(residuals, tolerance)
    except _LoopEnd:
        return LoopReport(True, "the torque reproduces itself", tuple(residuals), state, method)
    except ConvergenceError as error:
        reason = f"the chain cannot hold the torque of evaluation {len(residuals) + 1}: {error}"
    return LoopReport(False, reason, tuple(residuals), state, method)
