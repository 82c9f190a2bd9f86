r"""What exact scattering says about one junction over the angle between its magnets, what laws are held against.

Laws of two magnets are fed with what two collinear junctions give, D_ss' = T_ss'(0) for equal and T_ss'(π) for opposite
labels, and compared with the exact numbers at every angle. Potentials are those of the problem, (µ_+, µ_-) along each
magnet; laws for a voltage without spin accumulation use µ_L - µ_R = 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..theory import julliere, tunnelling
from ..theory.drift_diffusion import Material
from ..transport.linear import channel_currents
from ..transport.observables import resolved_torques

#: A charge current below this part of what its channels carry one by one is their cancellation, and no unit.
NO_CURRENT = 1e-9
#: A current below this part of that at other angles is what rounding of cos π/2 leaves between half metals.
NOTHING = 1e-20
#: Torques below this part of the current are rounding.
ROUNDING = 1e-12


class InapplicableError(Exception):
    """A law has no meaning for what is judged; the message is the reason, one clause."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """What is solved at one energy; subclasses say how, and how it is solved again when something is changed."""

    junction: Any = None  #: The `Junction`, or None for Kwant systems, which have no layers that could be changed.
    energy: float  #: Fermi energy.
    mu: tuple[tuple[float, float], tuple[float, float]]  #: Potentials ``[lead][spin]``.
    angles: tuple[float, ...]  #: Φ in radians, what errors are taken over.
    #: Materials of both leads and the area in nm² that the probabilities are of, where given.
    metals: tuple[Material, Material] | None = None
    area: float | None = None

    @property
    def words(self) -> str:
        """What was solved, in words."""
        raise NotImplementedError

    @property
    def all_angles(self) -> Floats:
        """What is solved: the angles asked for and both collinear ones, shape (n,)."""
        return np.array(sorted({0.0, np.pi, *self.angles}))


@dataclass(frozen=True, eq=False)
class Evidence:
    """Exact numbers at every angle."""

    problem: Problem  #: Where they come from.
    angles: Floats  #: Shape (n,): Φ in radians; with ``turns`` the first is 0 and the last π.
    #: Shape (n, 2, 2, 2, 2): ``[lead_out, spin_out, lead_in, spin_in]``, spins along each lead's own m.
    probabilities: Floats
    modes: Floats  #: Shape (2, 2): open channels ``[lead, spin]``.
    m: Floats  #: Shape (n, 2, 3): directions of both leads' magnetizations.
    unlabeled: tuple[str, str] = ("", "")  #: Why the spins of each lead have no axis of their own, empty if they have.
    #: Shape (n, 2, 2, 3), or None: Pauli-spin flux through the spacer ``[lead_in, spin_in, axis]``, from wave
    #: functions; None if not known.
    spacer: Floats | None = None
    #: Shape (n, 2, 2, 2), or None: spin flux along m deep in the ``[..., side]`` of each state, from wave functions.
    along: Floats | None = None
    #: Shape (n, 3), or None: mean spin flux through the spacer at µ_L - µ_R = 1, where it is not known state by state.
    at_bias: Floats | None = None
    unseen: str = ""  #: Why the spin flux inside is not known.
    total: Floats | None = None  #: Shape (n,), or None: conductance in e²/h where spins cannot be labeled.
    samples: int = 0  #: Number of samples that were averaged, 0 for one exact solution.
    averaged: bool = False  #: Whether a sum over k∥ was taken.
    fixed: str = ""  #: Why the angle cannot be turned, empty if it can.
    #: `round_trip`, `decay`: |z| and e^{-2κd} of the channels that carry the current; NaN if not known.
    round_trip: float = np.nan
    decay: float = np.nan
    #: Takes a function of the evidence, returns its value and standard error over samples.
    resample: Callable[[Callable[[Evidence], Floats]], tuple[Floats, Floats]] | None = field(default=None, repr=False)

    @cached_property
    def asked(self) -> NDArray[np.bool_]:
        """Which angles errors are taken over, shape (n,): those asked for, all of what cannot be turned."""
        return np.ones(len(self.angles), dtype=bool) if self.fixed else np.isin(self.angles, self.problem.angles)

    @cached_property
    def mu(self) -> Floats:
        """Potentials of the problem, shape (2, 2), ``[lead, spin]``."""
        return np.array(self.problem.mu)

    # ------------------------------------------------------------------ what a law may be fed with
    def need_turns(self) -> None:
        """Raise `InapplicableError` unless both collinear junctions are known."""
        if self.fixed:
            raise InapplicableError(self.fixed)

    def need_magnets(self, *, turned: bool = False) -> None:
        """Raise `InapplicableError` unless both leads are magnets, whose spins (1) to (4) label, and `need_turns`."""
        if turned:
            self.need_turns()
        for name, reason in zip(("left", "right"), self.unlabeled, strict=True):
            if reason:
                raise InapplicableError(f"the spins of the {name} lead have no axis of their own: {reason}")

    @cached_property
    def factors(self) -> Floats:
        """D_ss' from both collinear junctions, shape (2, 2)."""
        self.need_turns()
        return tunnelling.spin_factors_from_collinear(self.transmissions[0], self.transmissions[-1])

    @cached_property
    def rotated(self) -> Floats:
        """R_ss'² D_ss', shape (n, 2, 2)."""
        return tunnelling.rotation_law(self.factors, self.angles)

    # ------------------------------------------------------------------ exact
    @cached_property
    def transmissions(self) -> Floats:
        """T_ss' from left to right, shape (n, 2, 2) = [angle, s on the left, s' on the right]."""
        return np.swapaxes(self.probabilities[:, 1, :, 0, :], -1, -2)

    @cached_property
    def conductance(self) -> Floats:
        """G(Φ) in e²/h, shape (n,)."""
        total: Floats = self.transmissions.sum(axis=(-1, -2)) if self.total is None else self.total
        return total

    def spin_currents(self, mu: Floats) -> tuple[Floats, Floats]:
        """Return J, shape (n,), and J_M of both sides, shape (n, 2), at the given potentials."""
        currents = channel_currents(self.probabilities, mu)
        J_M: Floats = currents[..., 0] - currents[..., 1]
        return currents.sum(axis=-1).mean(axis=-1), J_M

    @cached_property
    def J(self) -> Floats:
        """Charge current at the potentials of the problem, shape (n,)."""
        return self.spin_currents(self.mu)[0]

    @cached_property
    def J_M(self) -> Floats:
        """Magnetization current of both sides at the potentials of the problem, shape (n, 2)."""
        return self.spin_currents(self.mu)[1]

    @cached_property
    def scale(self) -> Floats:
        """|J|, shape (n,), the unit of errors of currents; where all channels cancel what they carry one by one."""
        size: Floats = np.where(self.carried > NO_CURRENT, abs(self.J), self._one_by_one)
        return np.maximum(size, NOTHING * size.max(initial=0.0))

    @cached_property
    def _one_by_one(self) -> Floats:
        """Σ T_ss' |µ_Ls - µ_Rs'|, what the channels carry one by one, shape (n,)."""
        return np.asarray((self.transmissions * abs(self.mu[0][:, None] - self.mu[1])).sum(axis=(-1, -2)))

    @cached_property
    def conductance_scale(self) -> Floats:
        """G(Φ), the unit of errors at unit bias, shape (n,)."""
        return np.maximum(self.conductance, NOTHING * self.conductance.max(initial=0.0))

    @cached_property
    def carried(self) -> Floats:
        """|J| over what the channels carry one by one, shape (n,); 1 where nothing flows."""
        single = self._one_by_one
        return np.where(single > 0, abs(self.J) / np.where(single > 0, single, 1.0), 1.0)

    @cached_property
    def flows(self) -> bool:
        """Whether a magnetization current flows at any angle."""
        return bool((abs(self.J_M) > ROUNDING * self.scale[:, None]).any())

    @cached_property
    def single(self) -> bool:
        """Whether one pair of channels a spin carries all, no sum over k∥ or samples."""
        return not self.samples and not self.averaged and bool((self.modes == 1).all())

    @property
    def cancels(self) -> bool:
        """Whether at some angle no charge flows although channels do, so that J is no unit."""
        return bool((self.carried <= NO_CURRENT).any())

    @cached_property
    def in_plane_torques(self) -> Floats:
        """Exact τ_L·e_L and τ_R·e_R per unit bias, shape (n, 2): from the spacer's wave functions where known.

        Without them by Slonczewski's relations from J_M, exact for a spacer that neither is magnetic nor turns spins;
        of the flux along both magnets they are geometry.
        """
        Q = self.spacer_at_bias
        if Q is None:
            if self.along is None:
                self.need_magnets()
            J_M = self.spin_currents(BIAS)[1] if self.along is None else np.einsum("nais,ai->ns", self.along, BIAS)
            return np.stack(tunnelling.in_plane_torques(J_M[:, 0], J_M[:, 1], self.angles), axis=-1)
        return resolved_torques(self.m, np.stack([-Q, Q], axis=-2)).damping_like

    @property
    def spacer_at_bias(self) -> Floats | None:
        """Spin flux through the spacer at unit bias from wave functions, shape (n, 3), None if not known."""
        if self.spacer is None:
            return self.at_bias
        flux: Floats = np.einsum("naic,ai->nc", self.spacer, BIAS)
        return flux

    @cached_property
    def total_torque(self) -> Floats:
        """Exact torque on both magnets together at the potentials of the problem, shape (n, 3), from wave functions."""
        if self.along is not None:
            along = np.einsum("nais,ai->ns", self.along, self.mu)
        elif self.at_bias is not None and np.ptp(self.mu, axis=1).max() == 0:
            drop = self.mu[0, 0] - self.mu[1, 0]  # a common shift drives equilibrium flux out of plane only
            along = drop * np.einsum("nc,nsc->ns", self.at_bias, self.m)
        else:
            raise InapplicableError(self.unseen)
        torque: Floats = along[:, 0, None] * self.m[:, 0] - along[:, 1, None] * self.m[:, 1]
        return torque

    @property
    def collinear(self) -> tuple[float, float]:
        """G_P and G_AP in e²/h; where spins are labeled without what rounding of cos π/2 leaves of wrong labels."""
        self.need_turns()
        if any(self.unlabeled):
            return float(self.conductance[0]), float(self.conductance[-1])
        parallel, antiparallel = julliere.conductances_from_spin_factors(self.factors)
        return float(parallel), float(antiparallel)

    @property
    def tmr(self) -> float:
        """(G_P - G_AP)/G_AP; infinite without antiparallel current, or of one that is rounding of what is forbidden."""
        parallel, antiparallel = self.collinear
        return (parallel - antiparallel) / antiparallel if antiparallel > NOTHING * parallel else np.inf


#: One unit of bias and no spin accumulation, [lead, spin].
BIAS: Floats = np.array([[0.5, 0.5], [-0.5, -0.5]])
