r"""One crystal to be solved: its cut, its turn, and what is asked of it at any points.

`Problem.observe` evaluates observables at points (energy, momenta), in chunks that fit the memory; where a level of
planes by themselves lies at the energy it solves again with coarser planes, and where a lead has no modes (a band edge)
it says so. Single points, maps, averages and energy windows all go through it.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from ..arrays import Flags, Floats
from ..halves.joint import Turn
from ..solved import unitarity
from .crystal import Crystal
from .observe import charge_missed, cut_flux, magnet_axes, probabilities, side_torques
from .solve import Solved, solve


@dataclass(frozen=True)
class Observable:
    """Something asked of a solved crystal."""

    function: Callable[[Solved], Sequence[Any]]  #: Returns arrays (points, angles, ...).
    #: The name of each array, and its axes, counted from the angles (0), along which the size of what is averaged
    #: differs in kind: a transmission is not to be resolved to a part of a reflection. None: of a defect the largest
    #: counts, no mean.
    kept: Mapping[str, tuple[int, ...] | None]
    noise: float = 0.0  #: Rounding per unit incoming flux of what is a difference of numbers of order one.
    sums: tuple[str, ...] = ()  #: Which arrays are sums of the one before, of whose kind they are.
    cancel: tuple[str, ...] = ()  #: Which arrays are sums over channels that may cancel, and are as wrong as S is.


#: Rounding of a flux per unit incoming flux: it is a difference of products of waves.
ROUNDING = 1e-14
#: Elements of the largest arrays that are held at a time: what stays in the cache is three times faster.
CHUNK = 150_000


@dataclass(frozen=True, eq=False)
class Measured:
    """Values of observables by name, (angles?, points..., ...), their errors if averaged, and what they cost."""

    values: Mapping[str, Any]
    #: Estimates of the absolute errors by name, the same for all of a kind, see `Observable`; None at points.
    errors: Any
    points: int  #: Momenta and energies at which the crystal was solved.
    residual: float  #: Largest residual of the surfaces of leads.
    converged: bool = True  #: Whether the tolerance was reached.
    #: Independent estimates of the same, (estimates, ...), whose mean ``values`` are, if taken on lattices.
    replicas: Any = None

    def at_one_angle(self) -> Measured:
        """Return a mean without its axis of angles."""
        parts = (self.values, self.errors, self.replicas)
        places = (0, 0, (slice(None), 0))
        values, errors, replicas = (
            part and {name: array[at] for name, array in part.items()} for part, at in zip(parts, places, strict=True)
        )
        return replace(self, values=values, errors=errors, replicas=replicas)


@dataclass(frozen=True, eq=False)
class Observed:
    """Values of observables at points by name, each (points, angles, ...), and at which they are to be trusted."""

    values: Mapping[str, Any]
    bad: Flags  #: A lead has no modes that could be told apart: the energy is a band edge there.
    residual: Floats  #: Largest residual of the surfaces of leads.


def _basic(solved: Solved) -> Sequence[Any]:
    """Return probabilities, transmissions, open channels, and the defect of unitarity."""
    P, T = probabilities(solved)
    count = np.repeat(solved.count[:, None], P.shape[1], axis=1).astype(float)
    count[:, :, solved.crystal.mixing, 1] = np.nan
    return P, T, count, unitarity(solved.S, solved.open[:, None])


def _turned(solved: Solved) -> Sequence[Any]:
    """Return flux through the cut and torques on both sides, by lead and spin and by lead, and what waves miss."""
    flux, total = cut_flux(solved)
    torque, summed = side_torques(solved, flux, total)
    return flux, total, torque, summed, charge_missed(solved, total)


def _along(solved: Solved) -> Sequence[Any]:
    """Return the charge and the spin along the magnet of each lead that flow through the cut, and what waves miss.

    Spin along either magnet is as bounded as charge; what is across both is (S†dS/dθ)_nn, and a sharp level has much.
    """
    flux, total = cut_flux(solved)
    along = np.einsum("pabsi,ani->pabsn", flux[..., 1:], magnet_axes(solved.crystal, solved.turn))
    return np.concatenate([flux[..., :1], along], axis=-1), charge_missed(solved, total)


def _defect(solved: Solved) -> Sequence[Any]:
    """Return the defect of unitarity, or what waves at the cut miss of the charge if that is larger."""
    found = unitarity(solved.S, solved.open[:, None])
    if solved.joint is not None:
        found = np.maximum(found, charge_missed(solved, cut_flux(solved)[1]))
    return [found]


BASIC = Observable(_basic, {"probabilities": (1, 3), "conductance": (1, 2), "modes": (1,), "unitarity_defect": None})
DEFECT = Observable(_defect, {"defect": None})
TURNED = Observable(
    _turned,
    {"flux_by_spin": (1,), "flux": (1,), "side_torque_by_spin": (2,), "side_torque": (2,), "missed": None},
    ROUNDING,
    cancel=("side_torque_by_spin", "side_torque"),
    sums=("side_torque",),
)
#: Charge, and spin along the magnet of each lead.
ALONG = Observable(_along, {"along": (1,), "missed": None}, ROUNDING)
#: All of them, by whose numbers workers know them.
OBSERVABLES = (BASIC, TURNED, ALONG, DEFECT)


@dataclass(frozen=True, eq=False)
class Problem:
    """A crystal, the turn of what lies behind its cut, and who answers for it, None for this process."""

    crystal: Crystal
    turn: Turn | None
    observer: Callable[[Problem, Floats, Floats, Sequence[Observable]], Observed] | None = None

    def packed(self) -> bytes:
        """Return the problem as other processes take it, which answer for it themselves; see `unpacked`."""
        return pickle.dumps(replace(self, crystal=self.crystal.portable(), observer=None))

    @property
    def angles(self) -> int:
        """Number of angles, 1 without a turn."""
        return 1 if self.turn is None else len(self.turn.angles)

    @property
    def orbitals(self) -> int:
        """Most orbitals of a plane, of both spins."""
        return max(series.coefficients.shape[-1] for side in self.crystal.sides for series in side.mixed_onsite)

    def observe(self, energy: Floats, k: Floats, asked: Sequence[Observable] = (BASIC,)) -> Observed:
        """Return observables at energies (points,) and momenta (points, dimensions)."""
        if self.observer is not None:
            return self.observer(self, energy, k, asked)
        at_cut = max(side.mixed_onsite[0].coefficients.shape[-1] for side in self.crystal.sides)
        known = max((len(layout.lead) for layout in self.crystal.layouts.values()), default=2 * self.orbitals)
        step = max(1, CHUNK // max(4 * self.orbitals**2, self.angles * max(at_cut, known // 2) ** 2))
        parts = [self._observe(energy[at : at + step], k[at : at + step], asked) for at in range(0, len(energy), step)]
        if len(parts) == 1:
            return parts[0]
        return Observed(
            {name: np.concatenate([part.values[name] for part in parts]) for name in parts[0].values},
            np.concatenate([part.bad for part in parts]),
            np.concatenate([part.residual for part in parts]),
        )

    def _observe(self, energy: Floats, k: Floats, asked: Sequence[Observable]) -> Observed:
        solved = solve(self.crystal, energy, k, self.turn)
        values: dict[str, Any] = {}
        for one in asked:
            values |= zip(one.kept, one.function(solved), strict=True)
        again = solved.grown & ~solved.bad
        coarser = self.crystal.coarser if again.any() else None
        if coarser is not None:
            better = replace(self, crystal=coarser)._observe(energy[again], k[again], asked)
            for name, part in better.values.items():
                values[name] = np.array(values[name])
                values[name][again] = part
        return Observed(values, solved.bad, solved.residual)


@lru_cache(maxsize=2)
def unpacked(packed: bytes) -> Problem:
    """Return the problem that another process packed, unpickled once for all its points."""
    found: Problem = pickle.loads(packed)
    return found
