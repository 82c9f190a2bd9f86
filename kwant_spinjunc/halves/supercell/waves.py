r"""The waves of every plane, built from the cut outward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ...arrays import Complex, Floats
from ...spin import rotation_matrix, spinors
from .dense import gemm
from .general import General
from .half import solve_halves
from .joint import Cut, Side, label_turn
from .sampled import Sampled
from .surface import Half, hopped, pick

#: Per lead and spin that come in: waves of every plane, with spin before site, along the axis of the plane's half.
Waves = Iterator[tuple[int, int, list[Complex]]]


def collinear_waves(problem: Sampled, cut: int, axes: Floats) -> tuple[int, Floats, list[Half], Waves]:
    """Return (cut, axes, halves, waves) of a sample with two collinear halves."""
    turns = [label_turn(lead, m, m) for lead, m in zip(problem.junction.leads, axes, strict=True)]
    t = problem.sample.bonds[cut]
    halves = solve_halves(problem, cut, axes, outgoing=(False, False), keep=True)
    joint = Cut([Side.of(half, t) for half in halves], problem.real)
    R = rotation_matrix(*axes)
    scale = 1 / np.sqrt(t)

    def waves() -> Waves:
        for near in (0, 1):
            V = R if near == 0 else R.conj().T
            here, there = joint.sides[near], joint.sides[1 - near]
            lu = joint.joined(near, V) if joint.mixed else None
            found = []
            for s in (0, 1):
                crossed, same, flip = joint.crossing(near, s, V, lu)
                own = pick(here.inc, s) + gemm(pick(here.u, s), same)
                other = np.zeros_like(own) if flip is None else gemm(pick(here.u, 1 - s), flip)
                at_cut = 1j * np.concatenate([other, own] if s else [own, other])
                beyond = -1j * np.concatenate([gemm(pick(there.u, q), crossed[q]) for q in (0, 1)])
                found.append(_descended(problem, halves, near, s, hopped(at_cut, scale), hopped(beyond, scale), axes))
            turn = turns[near]
            for s in (0, 1):
                psi = found[s]
                if turn is not None:
                    psi = [a * turn[0, s] + b * turn[1, s] for a, b in zip(*found, strict=True)]
                yield near, s, psi

    return cut, axes, halves, waves()


def general_waves(problem: Sampled) -> tuple[int, Floats, list[Half], Waves]:
    """Return the same of any sample, in the frames of its leads."""
    joint = General(problem, keep=True)
    scale = 1 / joint.root
    halves = joint.halves

    def waves() -> Waves:
        for near in (0, 1):
            crossed = joint.crossing(near)
            at_cut, beyond = 1j * crossed, -1j * gemm(joint.u[1 - near], crossed)
            V = joint.turns[1]
            back = None if V is None else np.swapaxes(V, -1, -2).conj()
            at_cut, beyond = (
                hopped(wave, scale, back if side else None) for side, wave in ((near, at_cut), (1 - near, beyond))
            )
            start = np.cumsum([0, *halves[near].modes])
            for s in (0, 1):
                columns = slice(start[s], start[s + 1])
                pair = np.asfortranarray(at_cut[:, columns]), np.asfortranarray(beyond[:, columns])
                yield near, s, _descended(problem, halves, near, s, *pair, joint.labels)

    return joint.cut, joint.labels, halves, waves()


def _descended(
    problem: Sampled, halves: list[Half], near: int, s: int, at_cut: Complex, beyond: Complex, axes: Floats
) -> list[Complex]:
    """Return the waves of every plane from those on both sides of the cut: ψ_n = i B_n - g_n t U† ψ of the next."""
    psi: list[Any] = [None] * problem.planes
    for side, wave in ((near, at_cut), (1 - near, beyond)):
        chi = spinors(axes[side])
        chain = halves[side].chain
        psi[chain[-1].n] = wave
        for plane in chain[-2::-1]:
            bond = plane.n if side == 0 else plane.n - 1
            turn = problem.bond(bond, chi)
            if turn is not None and side == 0:
                turn = np.swapaxes(turn, -1, -2).conj()
            wave = -plane.apply(hopped(wave, problem.sample.bonds[bond], turn))
            if side == near:
                wave = wave + plane.incoming(s)
            psi[plane.n] = wave
    return psi
