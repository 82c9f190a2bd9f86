"""The texture of a chain under a given torque: Newton steps, followed from rest where it can buckle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError, solve_banded

from kwant_spinjunc.arrays import Floats
from kwant_spinjunc.checks import (
    finite_array,
    formula,
    positive,
    positive_integer,
)
from kwant_spinjunc.errors import ArgumentError, SpinjuncError
from kwant_spinjunc.spin import angle_between

from .chain import ChainState, SpinChain, is_stable, stiffness, torque_profile, transverse_frames, unbalanced, vectors

#: Largest rotation (rad) of a spin accepted in one step along a branch, so that no step jumps to another branch.
BRANCH_STEP = 0.5


#: Smallest fraction of the load by which a branch is followed before it is declared to end.
SMALLEST_FRACTION = 1e-4


class ConvergenceError(SpinjuncError, RuntimeError):
    """An iteration ended without a solution; the message says how far it came and why it stopped."""


def _rotate(m: Floats, frames: tuple[Floats, Floats], step: Floats) -> Floats:
    """Return the spins moved along great circles by the tangent displacements ``step``, shape (planes, 2)."""
    size = np.linalg.norm(step, axis=-1)[:, None]
    direction = step[:, :1] * frames[0] + step[:, 1:] * frames[1]
    moved = np.cos(size) * m + np.sinc(size / np.pi) * direction
    normalized: Floats = moved / np.linalg.norm(moved, axis=-1, keepdims=True)
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
            largest = np.linalg.norm(step, axis=-1).max()
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


def _start(chain: SpinChain, start: ArrayLike) -> Floats:
    """Return a starting texture, given as angles θ or as vectors, as unit vectors."""
    texture = finite_array("start", start)
    if texture.shape == (chain.planes,):
        return vectors(texture, np.zeros(chain.planes))
    norm = np.linalg.norm(texture, axis=-1, keepdims=True)
    if texture.shape != (chain.planes, 3) or np.any(norm == 0):
        raise ArgumentError(
            f"Argument `start` must be {chain.planes} angles or nonzero vectors, but its shape is {texture.shape}."
        )
    unit: Floats = texture / norm
    return unit


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

    ``chain``: the magnets, see `spin_chain`.
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
        m = newton.solve(chain.exchange, profile, _start(chain, start))
        if m is None:
            raise ConvergenceError(
                f"Argument `start` must lead to an equilibrium, but Newton's method failed after {newton.steps} steps. "
                "Leave it out to follow the branch from the easy axes."
            )
        return _state(chain, m, profile, newton.steps)
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
        m = newton.solve(chain.exchange, no_torque, _start(chain, start))
        if m is None:
            raise ConvergenceError(
                f"Argument `start` must lead to an equilibrium, but Newton's method failed after {newton.steps} steps. "
                "Leave it out to follow the branch from the easy axes."
            )
        return m
    if len(chain.interface_planes) < 2 or chain.exchange[chain.left_planes - 1] == 0:
        return chain.easy_axes

    def loads(fraction: float) -> tuple[Floats, Floats]:
        exchange = chain.exchange.copy()
        exchange[chain.left_planes - 1] *= fraction
        return exchange, no_torque

    return _follow(newton, loads, chain.easy_axes, "interface_exchange")
