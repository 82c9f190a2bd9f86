r"""Which samples are solved in real arithmetic, and how safely."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ...arrays import Floats
from ...spin import rotation_matrix
from ..supercell.sampled import Sampled
from .angles import interpolated
from .face import Watch
from .joint import Joint, Turns, WeakError
from .slabs import SingularError, is_available

#: Sites of a plane from which on sparse real elimination is faster than the dense complex recursion.
SMALLEST = 25
#: Largest number met (energies in the largest hopping, inverses in its inverse) that is accepted: 1e-16 of it is lost.
RESONANT = 1e3
#: Real shift of the self-energies of open modes in the second attempt: resonances that have a lead move away.
SHIFT = 0.7


def covers(problem: Sampled, cut: int | None) -> bool:
    """Return whether a sample has two collinear halves without complex phases, and MUMPS is there."""
    return (
        cut is not None
        and problem.sites >= SMALLEST
        and problem.real
        and not bool(problem.uniform.all() and problem.uniform_bonds.all())
        and is_available()
    )


def probabilities(problem: Sampled, cut: int, axes: Floats, pairs: Floats, turns: Sequence[Turns]) -> Floats | None:
    """Return T[pair, lead_out, spin_out, lead_in, spin_in] for every pair of directions, or None where in doubt.

    ``problem``, ``cut``, ``axes``: the sample, the bond that joins its halves and the axes of their fields.
    ``pairs``: directions of the magnets, shape (pairs, 2, 3).
    ``turns``: rotations of the labels of both leads for every pair, None where they are along the magnet.
    """
    largest = float(problem.sample.bonds.max())
    for shift in (0.0, SHIFT):
        watch = Watch(largest, shift)
        try:
            joint = Joint(problem, cut, axes, watch)
            if watch.worst > RESONANT:
                continue
            found = _of_pairs(joint, pairs, turns)
        except (WeakError, SingularError):  # the spins alike, or inside a slab: no shift reaches that
            return None
        if watch.worst <= RESONANT and np.isfinite(found).all():
            return found
    return None


def _of_pairs(joint: Joint, pairs: Floats, turns: Sequence[Turns]) -> Floats:
    """Return the probabilities of every pair of directions, from as few angles as can be trusted."""
    if any(turn is not None for pair in turns for turn in pair):
        R = rotation_matrix(pairs[:, 0], pairs[:, 1])
        return np.array([joint.probabilities(r, turn) for r, turn in zip(R, turns, strict=True)])

    def at(x: float) -> Floats:
        return joint.probabilities(np.array([[np.sqrt(1 - x), -np.sqrt(x)], [np.sqrt(x), np.sqrt(1 - x)]]))

    return interpolated(at, np.minimum(((pairs[:, 0] - pairs[:, 1]) ** 2).sum(axis=1) / 4, 1.0))
