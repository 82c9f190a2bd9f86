r"""From a request to numbers: points to be solved, or a zone to be averaged, and the shapes that come back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..arrays import Floats
from ..errors import ArgumentError, BandEdgeError
from .problem import Observable, Problem
from .spins import spin_orbit_coupling
from .zone import mean


@dataclass(frozen=True, eq=False)
class Measured:
    """Values of observables, axes (angles?, points...), their errors if averaged, and what they cost."""

    values: tuple[Any, ...]
    errors: tuple[Any, ...] | None
    points: int
    residual: float
    converged: bool = True
    replicas: tuple[Any, ...] | None = None  #: Independent estimates of the values of a mean; see `zone.Mean`.


@dataclass(frozen=True, eq=False)
class Measurement:
    """Where a problem is to be solved."""

    problem: Problem
    energy: Floats
    k: Floats | None
    shape: tuple[int, ...]  #: Shape of the points.
    angles: bool  #: Whether results have an axis of angles.
    #: `rtol`, `max_points`: Of a zone average.
    rtol: float
    max_points: int

    def measure(self, observables: Sequence[Observable]) -> Measured:
        """Return the values of observables."""
        if self.k is None:
            found = mean(self.problem, float(self.energy[0]), observables, rtol=self.rtol, max_points=self.max_points)
            values, errors = (tuple(a if self.angles else a[0] for a in part) for part in (found.values, found.errors))
            replicas = found.replicas and tuple(a if self.angles else a[:, 0] for a in found.replicas)
            return Measured(values, errors, found.points, found.residual, found.converged, replicas)
        found_ = self.problem.observe(self.energy, self.k, [o.function for o in observables])
        if found_.bad.any():
            at = int(np.flatnonzero(found_.bad)[0])
            raise BandEdgeError(
                f"Argument `energy` must not lie at a band edge of a lead, but at {self.energy[at]:g} and k = "
                f"{self.k[at].tolist()} its modes cannot be told apart (residual {found_.residual[at]:.2g}). Move it."
            )
        return Measured(
            tuple(self._shaped(a) for a in found_.values), None, len(self.energy), float(found_.residual.max())
        )

    def _shaped(self, array: Any) -> Any:
        """Return an array (points, angles, ...) with the axes of the result."""
        array = np.swapaxes(array, 0, 1)
        array = array.reshape(array.shape[0], *self.shape, *array.shape[2:])
        return array if self.angles else array[0]

    def refuse_spin_orbit(self) -> None:
        """Raise `ArgumentError` if torques on the exchange cannot be told from those on the lattice."""
        crystal = self.problem.crystal
        for side in range(len(crystal.sides)):
            coupling, _ = spin_orbit_coupling(crystal.blocks(side), crystal.scale)
            if coupling:
                raise ArgumentError(
                    f"Argument `magnet` must lie in a system without spin-orbit coupling, but a part {coupling:.2g} "
                    "of the "
                    "Hamiltonian is that: the torque would go to magnet and lattice. Scatter the system at one k with "
                    "scatter(syst, energy, params=...), which separates both, or take differences of `spin_current`."
                )
