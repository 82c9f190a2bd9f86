r"""The fast engine's way from a `Problem` to what is `Solved`: one cell per plane, its average, a supercell."""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from ..arrays import Floats
from ..checks import broadcast
from ..errors import ArgumentError, NoOpenChannelError
from ..model.junction import Junction
from ..model.memory import FIELDS, refuse_points, refuse_supercell
from ..model.problem import Problem
from ..solved import Fields, Solved, unitarity_of
from . import supercell, zone
from .batch import Stack, as_stack
from .solver import probabilities, states

SOLVER = "halves"
#: Rounding of a reflection amplitude: where it vanishes by symmetry it has no digits to converge.
AMPLITUDE = 1e-14


def answer(problem: Problem) -> Solved:
    """Return what the engine finds; the states are solved for when their fields are asked for.

    Raises `NoOpenChannelError`: No channel is open in either lead.
    """
    chain = problem.m_right is not None and problem.junction.is_disordered  # one sample of it, at many directions
    if problem.section.is_single_cell and not chain:
        return _average(problem) if problem.is_average else _cell(problem)
    problem.refuse_many(turns=True)
    return _supercell(problem)


def _cell(problem: Problem) -> Solved:
    junction, energy, c = problem.junction, np.asarray(problem.energy), problem.band_shift
    broadcast("Arguments `energy` and `k[..., 0]`", energy.shape, c.shape)
    modes = junction.open_channels(energy, c).astype(np.int64)
    problem.refuse_closed(modes, c)
    if not problem.is_batch:  # nodes of an integral come as near to an edge as that, with weights as small
        problem.refuse_edges(exact=False)
    stack: Junction | Stack = junction
    if problem.m_right is not None:
        stack = Stack.from_junction(problem.base).with_directions(junction.magnetizations[0], problem.m_right)
        names = "Arguments `energy`, `k[..., 0]` and `m_right`"
        modes = np.broadcast_to(modes, (*broadcast(names, modes.shape[:-2], stack.shape), 2, 2))
    P = probabilities(stack, energy, c)
    # S is not stored for batches; the flux into and out of every channel is
    return Solved(
        solver=SOLVER,
        probabilities=P,
        modes=modes,
        unitarity_defect=unitarity_of(P, modes),
        states=partial(_fields, stack, energy, c),
    )


def _fields(junction: Junction | Stack, energy: Floats, c: Floats) -> Fields:
    """Return the engine's states; its currents conserve by construction, so the torques are what is audited."""
    points = np.broadcast_shapes(energy.shape, c.shape, junction.shape if isinstance(junction, Stack) else ())
    planes = as_stack(junction).planes
    refuse_points("Arguments `energy`, `k` and `m_right`", math.prod(points), FIELDS * planes)
    found = states(junction, energy, c)
    if isinstance(junction, Junction):
        return found.audited(junction.plane_splitting, junction.plane_m)
    return found.audited(junction.splitting, junction.as_texture().m[..., None, None, :, :])


def _supercell(problem: Problem) -> Solved:
    junction, section = problem.junction, problem.section
    refuse_supercell(section.shape, len(junction.planes), SOLVER, states=False)
    c, _ = section.transverse_modes
    modes = junction.open_channels(problem.energy, c).sum(axis=0)
    problem.refuse_closed(modes, c.max())
    problem.refuse_edges(exact=False)
    P, arithmetic = supercell.probabilities_by(
        problem.base, problem.energy, section, problem.sample, m_right=problem.m_right
    )
    modes = np.broadcast_to(modes, (*P.shape[:-4], 2, 2))
    return Solved(
        solver=f"{SOLVER} ({arithmetic})" if arithmetic == "real" else SOLVER,
        probabilities=P,
        modes=modes,
        unitarity_defect=unitarity_of(P, modes),
        states=partial(_supercell_fields, problem),
    )


def _supercell_fields(problem: Problem) -> Fields:
    refuse_supercell(problem.section.shape, len(problem.junction.planes), SOLVER, turned=problem.m_right is not None)
    return supercell.states(problem.base, problem.energy, problem.section, problem.sample, m_right=problem.m_right)


def _average(problem: Problem) -> Solved:
    """Return probabilities and modes averaged over the Brillouin zone, per unit cell."""
    junction, energy = problem.junction, problem.energy
    if np.ndim(energy):
        raise ArgumentError("Argument `energy` must be one number for an average, but is an array. Use `sweep`.")

    # [lead, s, lead, s'] of which rounding shows: with flip where a lead's labels are not along the axis of its half
    flips = (0, 1, 2, 3) if as_stack(junction).labels_differ else (0, 3)
    differences = [10 * lead + 4 * (i // 2) + i % 2 for lead in (0, 1) for i in flips]

    def channels(c: Floats) -> tuple[Floats, Floats]:
        P = probabilities(junction, energy, c)
        noise = np.zeros((len(c), 20))
        # an amplitude of reflection is a difference of two numbers of order one
        R = P.reshape(len(c), 16)[:, differences]
        noise[:, differences] = AMPLITUDE * (2 * np.sqrt(R) + AMPLITUDE)
        modes = junction.open_channels(energy, c).reshape(len(c), 4)
        return np.concatenate([P.reshape(len(c), 16), modes], axis=1), noise

    average = zone.mean(channels, junction, energy, rtol=problem.rtol)
    P, modes = average.value[:16].reshape(2, 2, 2, 2), average.value[16:].reshape(2, 2)
    if not modes.any():
        raise NoOpenChannelError(
            f"Argument `energy` must lie in a band of a lead, but at {energy:g} no channel is open at any k. "
            f"Bands at Γ: {junction.describe_bands(2.0)}."
        )
    return Solved(
        solver=SOLVER,
        probabilities=P,
        modes=modes,
        unitarity_defect=unitarity_of(P, modes),
        states=partial(_average_fields, junction, energy, problem.rtol, modes),
        k_error=average.error[:16].reshape(2, 2, 2, 2),
    )


def _average_fields(junction: Junction, energy: float, rtol: float, modes: Floats) -> Fields:
    def observe(c: Floats) -> dict[str, Floats]:
        found = states(junction, energy, c)
        return {name: getattr(found, name) for name in ("currents", "torques", "densities")}

    found = zone.mean(observe, junction, energy, rtol=rtol, floor=1.0).value
    fields = Fields(**found, modes=modes)
    return fields.audited(junction.plane_splitting, junction.plane_m)
