r"""Probabilities and fields of one sample, by whatever covers it."""

from __future__ import annotations

from typing import TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike

from ...arrays import Floats
from ...checks import finite, refusal
from ...errors import ArgumentError
from ...model.junction import Junction
from ...model.plane import CrossSection
from ...model.sample import Realization
from ...solved import Fields
from ...spin import check_unit_vector, rotation_matrix
from .. import real
from .fields import Evaluator
from .general import General
from .half import solve_halves
from .joint import Cut, Side, label_turn
from .sampled import Sampled, cut_of
from .turned import turned_fields
from .waves import collinear_waves, general_waves

#: Directions from which on the angle is put into a series or an eigenvalue problem.
MANY = 4
#: Arithmetic of a sample.
REAL, COMPLEX = "real", "complex"


class Directions(TypedDict, total=False):
    """Directions of the magnets of the left and right half, shape (..., 3)."""

    m_left: ArrayLike | None
    m_right: ArrayLike | None


def probabilities(
    junction: Junction,
    energy: float,
    section: CrossSection,
    sample: Realization,
    *,
    by: str | None = None,
    **magnets: Unpack[Directions],
) -> Floats:
    """Return the spin-resolved probabilities of one sample, for one or many pairs of directions.

    ``junction``: the leads, and the directions of the two magnets where none are given.
    ``sample``: the numbers of every plane. The first and last plane must be like their lead.
    ``magnets``: `Directions`: every field up to the cut turns with ``m_left`` and every field behind it with
    ``m_right``, and so do the labels of magnetic leads. The halves are solved once for all directions.
    ``by``: ``"complex"`` for the dense complex recursion also where real arithmetic covers the sample.

    **Result**: shape (..., 2, 2, 2, 2): ``[lead_out, spin_out, lead_in, spin_in]``, summed over modes.
    """
    return probabilities_by(junction, energy, section, sample, by=by, **magnets)[0]


def probabilities_by(
    junction: Junction,
    energy: float,
    section: CrossSection,
    sample: Realization,
    *,
    by: str | None = None,
    **magnets: Unpack[Directions],
) -> tuple[Floats, str]:
    """Return the same and the arithmetic they were solved in: "real" or "complex"."""
    problem, cut, axes, pairs = _asked(junction, energy, section, sample, **magnets)
    if cut is None:
        return General(problem).probabilities(), COMPLEX
    turns = [
        [label_turn(lead, m, axes[i]) for m in pairs[..., i, :].reshape(-1, 3)] for i, lead in enumerate(junction.leads)
    ]
    if by != COMPLEX and real.covers(problem, cut):
        found = real.probabilities(problem, cut, axes, pairs.reshape(-1, 2, 3), list(zip(*turns, strict=True)))
        if found is not None:
            return found.reshape(*pairs.shape[:-2], 2, 2, 2, 2), REAL
    halves = solve_halves(problem, cut, axes, outgoing=[any(turn is not None for turn in row) for row in turns])
    joint = Cut([Side.of(half, sample.bonds[cut]) for half in halves], problem.real)
    if len(turns[0]) >= MANY and joint.mixed and not any(turn is not None for row in turns for turn in row):
        found = joint.many(abs(rotation_matrix(pairs[..., 0, :], pairs[..., 1, :])[..., 0, 1].ravel()) ** 2)
        return found.reshape(*pairs.shape[:-2], 2, 2, 2, 2), COMPLEX
    out = np.empty((*pairs.shape[:-2], 2, 2, 2, 2))
    for target, pair, *joint_turns in zip(out.reshape(-1, 2, 2, 2, 2), pairs.reshape(-1, 2, 3), *turns, strict=True):
        for side, turn in zip(joint.sides, joint_turns, strict=True):
            side.turn = turn
        target[...] = joint.probabilities(rotation_matrix(*pair))
    return out, COMPLEX


def states(
    junction: Junction, energy: float, section: CrossSection, sample: Realization, **magnets: Unpack[Directions]
) -> Fields:
    """Return bond currents, torques and densities of all incoming states of one sample.

    Currents are taken where the electrons leave, on the far side of the barrier, and carried back with the torque of
    each plane, so that they keep their relative digits where little is transmitted.

    Arguments as of `probabilities`. Axes of directions come first, and the halves are solved once for all.
    """
    problem, cut, axes, pairs = _asked(junction, energy, section, sample, **magnets)
    if any(m is not None for m in magnets.values()):
        found = turned_fields(problem, cut, axes, pairs.reshape(-1, 2, 3))  # type: ignore[arg-type]
        return found.reshaped(pairs.shape[:-2])
    source = collinear_waves(problem, cut, axes) if cut is not None else general_waves(problem)
    return Evaluator(problem).fill(*source)


def _asked(
    junction: Junction,
    energy: float,
    section: CrossSection,
    sample: Realization,
    m_left: ArrayLike | None = None,
    m_right: ArrayLike | None = None,
) -> tuple[Sampled, int | None, Floats, Floats]:
    """Return the sample, its cut, the axes of its halves and the pairs of directions (..., 2, 3) asked for."""
    problem = Sampled(junction, finite("energy", energy), section, sample)
    axes = junction.magnetizations
    cut = cut_of(problem, axes)
    given = [("m_left", m_left), ("m_right", m_right)]
    for side, (name, m) in enumerate(given):
        if m is None:
            continue
        if cut is None:
            hint = "Build a junction for each direction."
            raise refusal(name, "be None for a sample without two collinear halves", "is given", hint)
        planes = slice(None, cut + 1) if side == 0 else slice(cut + 1, None)
        if not problem.magnetic[planes].any() and not junction.leads[side].is_magnetic:
            raise ArgumentError(
                f"Argument `{name}` must be None for a half without a magnet, but is given. Where collinear magnets do "
                "not tell which is which, build the junction at an angle, for example 90 degrees."
            )
    pairs = [axis if m is None else check_unit_vector(m, name) for axis, (name, m) in zip(axes, given, strict=True)]
    return problem, cut, axes, np.stack(np.broadcast_arrays(*pairs), axis=-2)
