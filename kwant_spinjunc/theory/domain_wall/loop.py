"""Torque, wall, scattering, torque: the loop that makes them agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import root

from kwant_spinjunc.arrays import Floats
from kwant_spinjunc.checks import (
    formula,
    positive,
    positive_integer,
)
from kwant_spinjunc.errors import ArgumentError

from .chain import ChainState, SpinChain, torque_profile
from .relaxation import ConvergenceError, relax


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


@dataclass
class _Loop:
    """The map torque -> torque of the wall it makes, with its history."""

    chain: SpinChain
    torque_of_texture: Callable[[Floats], ArrayLike]
    tolerance: float
    state: ChainState
    scale: float
    residuals: list[float] = field(default_factory=list)

    def defect(self, torque: Floats) -> Floats:
        """Return [τ(m) - τ]/scale for a torque given in units of ``scale``, flat; stop when it is small."""
        profile = self.scale * torque.reshape(self.chain.planes, 3)
        self.state = relax(self.chain, profile, start=None)
        answer = torque_profile(self.chain, self.torque_of_texture(self.state.m))
        defect: Floats = ((answer - profile) / self.scale).ravel()
        self.residuals.append(float(abs(defect).max()))
        if self.residuals[-1] <= self.tolerance:
            raise _LoopEnd
        return defect


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

    **Validity**: statics, see `relax`. Far from an instability the wall is shallow, the torque hardly depends on it,
    and a few evaluations suffice. Raises `ConvergenceError`: The magnets have no equilibrium even without torque.

    ``torque_of_texture``: function of the texture m, shape (planes, 3), that returns the torque on each plane,
    (planes,) or (planes, 3) as in `relax`: scattering on that texture, say. The angles are ``numpy.arctan2(m[:, 0],
    m[:, 2])``.
    ``chain``: the magnets.
    ``method``: "anderson" (`scipy.optimize.root`) or "damped": τ ← τ + mixing [τ(m) - τ].
    ``mixing``: part of the change that is accepted, in (0, 1]; Anderson's first guess in the other method.
    ``tolerance``: largest change of the torque accepted, relative to the largest torque on the texture at rest. It
    cannot be below the noise of the function.
    ``max_evaluations``: evaluations of the function after the first.

    **Result**: Converged or not, and why. A torque too large for the chain is reported there, not raised.

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
    if method not in ("anderson", "damped"):
        raise ArgumentError(f'Argument `method` must be "anderson" or "damped", but is {method!r}.')
    mixing = positive("mixing", mixing)
    if mixing > 1:
        raise ArgumentError(f"Argument `mixing` must not exceed 1, but is {mixing:g}.")
    tolerance, limit = positive("tolerance", tolerance), positive_integer("max_evaluations", max_evaluations)
    rest = relax(chain, np.zeros(chain.planes))
    first = torque_profile(chain, torque_of_texture(rest.m))
    scale = float(abs(first).max()) or 1.0
    loop = _Loop(chain, torque_of_texture, tolerance, rest, scale)
    x = (first / scale).ravel()
    try:
        if method == "damped":
            for _ in range(limit):
                x = x + mixing * loop.defect(x)
        else:
            options = {"maxiter": limit, "fatol": 0.0, "jac_options": {"alpha": mixing, "M": 5}, "line_search": None}
            root(loop.defect, x, method="anderson", options=options)
        reason = f"stopped after {len(loop.residuals)} evaluations: " + _why_not(loop.residuals, tolerance)
    except _LoopEnd:
        return LoopReport(True, "the torque reproduces itself", tuple(loop.residuals), loop.state, method)
    except ConvergenceError as error:
        reason = f"the chain cannot hold the torque of evaluation {len(loop.residuals) + 1}: {error}"
    return LoopReport(False, reason, tuple(loop.residuals), loop.state, method)
