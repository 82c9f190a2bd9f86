"""Print the table of the fast engine against Kwant: ``python -m benchmarks [--quick] [--agreement N]``.

Both sides run in this process on one BLAS thread, turn by turn. Times are CPU times of the process (its one thread), so
that a busy machine slows both sides alike; each is the median of its repetitions. Kwant is timed per point on a
finalized system, building not counted.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported

import argparse
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import kwant
import numpy as np
import scipy

import kwant_spinjunc as sj
from kwant_spinjunc import halves
from kwant_spinjunc.halves import Stack, zone
from kwant_spinjunc.spin import PAULI
from kwant_spinjunc.theory.angular import fit_matching
from kwant_spinjunc.theory.drift_diffusion import Material, match
from kwant_spinjunc.theory.interface import tunnelling_response

from .agreement import random_agreement
from .averages import average_rows
from .crystals import crystal_rows
from .expert import build_expert
from .supercells import supercell_rows
from .table import Row, ratio, show, table, turn_by_turn

POINTS = 10_000
ANGLES = 37


def junction(theta: float = np.pi / 3) -> sj.Junction:
    """Return two different ferromagnets and a barrier of six planes, so that no mirror symmetry helps."""
    return sj.Junction(
        sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0),
        [sj.barrier(onsite=3.0, hopping=1.0, thickness=6)],
        sj.ferromagnet(onsite=1.1, hopping=1.0, splitting=0.8, m=sj.unit_vector(theta)),
    )


def kwant_states(system: Any) -> Callable[[float], None]:
    """Return Kwant's own way to bond spin currents and torques of all incoming states: bound operators, made once."""
    planes = sorted(system.sites, key=lambda site: site.tag[1])
    bonds = list(zip(planes[1:], planes[:-1], strict=True))
    currents = [kwant.operator.Current(system, matrix, where=bonds).bind() for matrix in (np.eye(2), *PAULI)]
    torques = [kwant.operator.Source(system, matrix, where=planes).bind() for matrix in PAULI]

    def evaluate(energy: float) -> None:
        waves = kwant.wave_function(system, energy)
        for lead in (0, 1):
            for wave in waves(lead):
                for operator in (*currents, *torques):
                    operator(wave)

    return evaluate


def scattering_rows(rounds: int) -> list[Row]:
    """Time S, angles, states and single points."""
    device = junction()
    stack = Stack.from_junction(device)
    turned = stack.with_directions((0, 0, 1), sj.unit_vector(np.linspace(0, np.pi, ANGLES))[:, None])
    energies = np.linspace(-0.4, 0.9, POINTS)
    few = np.linspace(-0.37, 0.87, rounds)
    plain, expert = sj.build(device).finalized(), build_expert(device)
    evaluate = kwant_states(plain)
    for system in (plain, expert):
        np.testing.assert_allclose(
            kwant.smatrix(system, 0.1).transmission(1, 0),
            halves.states(device, 0.1).currents[0, :, 0, 0].sum(),
            rtol=1e-9,
        )
    t = turn_by_turn(
        {
            "S": (lambda _: halves.solve(device, energies), POINTS),
            "P": (lambda _: halves.probabilities(device, energies), POINTS),
            "angles": (lambda _: halves.solve(turned, energies), POINTS * ANGLES),
            "angles P": (lambda _: halves.probabilities(turned, energies), POINTS * ANGLES),
            "states": (lambda _: halves.states(device, energies), POINTS),
            "single": (lambda i: [halves.solve(device, few[i]) for _ in range(10)], 10),
            "scatter": (lambda i: [sj.scatter(device, few[i], solver="halves") for _ in range(10)], 10),
            "kwant": (lambda i: kwant.smatrix(plain, few[i]), 1),
            "kwant states": (lambda i: evaluate(few[i]), 1),
            "expert": (lambda i: kwant.smatrix(expert, few[i], check_hermiticity=False), 1),
        },
        rounds,
    )
    points = f"{POINTS:,} points"
    return [
        ratio(f"S of 4 channels, 6 barrier planes, {points}", t["S"], t["kwant"], 10_000),
        ratio("  probabilities alone", t["P"], t["kwant"], 10_000),
        ratio("  against hand-written Kwant (ModesLead)", t["S"], t["expert"], 2_000),
        ratio(f"S at {ANGLES} angles × {points}", t["angles"], t["kwant"], 50_000),
        ratio("  probabilities alone", t["angles P"], t["kwant"], 50_000),
        ratio("bond spin currents and torques of 4 states", t["states"], t["kwant states"], 3_000),
        ratio("one point: halves.solve in a loop", t["single"], t["kwant"], 10),
        ratio("one point: scatter(solver='halves')", t["scatter"], t["kwant"], 10),
    ]


def map_row(rounds: int) -> Row:
    """Time a map of k∥-averaged conductance and torque, converged to 1e-6, over 37 angles and 50 heights."""
    metal = {"onsite": 0.0, "hopping": 1.0, "in_plane_hopping": 1.0}
    device = sj.Junction(
        sj.ferromagnet(**metal, splitting=1.5),
        [sj.barrier(onsite=8.0, hopping=1.0, thickness=3, in_plane_hopping=1.0)],
        sj.ferromagnet(**metal, splitting=1.2),
    )
    stack = Stack.from_junction(device)
    heights = np.linspace(0, 6, 50)
    walls = np.array([p == device.layers[0] or p.onsite == 8.0 for p in device.planes])
    onsite = stack.onsite + heights[:, None] * walls
    angles = sj.unit_vector(np.linspace(0, np.pi, ANGLES))
    family = replace(stack, onsite=onsite).with_directions((0, 0, 1), angles[:, None])
    energy = -3.0
    found: list[zone.Average] = []

    def conductance_and_torque(c: Any) -> Any:
        return halves.spacer_currents(family, energy, c[:, None, None], summed=True)[..., 0, :]

    def work(_: int) -> None:
        # a torque that crosses zero has no relative error there: 1e-6 of the smallest conductance of the map counts
        split = zone.thresholds(device, energy)
        scale = float(zone.average(lambda c: conductance_and_torque(c)[..., -1, :, 0].min(-1), split).value)
        found.append(zone.average(conductance_and_torque, split, rtol=1e-6, atol=1e-6 * scale))

    t = turn_by_turn({"map": (work, 1)}, max(3, rounds // 6))["map"]
    label = f"k∥-averaged conductance and torque to 1e-6, {ANGLES} angles × 50 heights ({found[-1].points} k)"
    return Row(label, show(t), "", "", "0.2 s", t < 0.2)


def diffusion_rows(rounds: int) -> list[Row]:
    """Time a drift-diffusion profile of 1000 points on both sides, and the fit of equation (12) on a 40 × 40 grid."""
    metal = Material(sigma=1.0, beta=0.5, D=1.0, tau=1.0, q=1e4)
    interface = tunnelling_response(0.5 * np.ones((2, 2)))
    y = np.linspace(-5.0, 5.0, 1000)
    xi, angles = np.logspace(-2, 2, 40), np.linspace(0.05, 3.1, 40)

    def profile(_: int) -> None:
        match(metal, metal, interface, m_left=(0, 0, 1), m_right=sj.unit_vector(1.0)).profile(y)

    t = turn_by_turn(
        {"profile": (profile, 1), "fit": (lambda _: fit_matching(metal, xi, angles, gamma=0.3), 1)}, max(3, rounds // 3)
    )
    return [
        Row("drift-diffusion profile, matching included", show(t["profile"]), "", "", "5 ms", t["profile"] < 5e-3),
        Row("fit of (12) to the full matching, 40 × 40 (ξ, Φ)", show(t["fit"]), "", "", "2 s", t["fit"] < 2.0),
    ]


def memory_row(points: int = 10**6) -> Row:
    """Measure the peak memory of a million points."""
    device, energies = junction(), np.linspace(-0.4, 0.9, points)
    tracemalloc.start()
    halves.probabilities(device, energies)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return Row(f"peak memory, {points:,} points, probabilities", f"{peak / 1e6:.0f} MB", "", "", "300 MB", peak < 300e6)


def agreement_row(count: int) -> Row:
    """Compare with Kwant on random junctions."""
    absolute, relative, textures = random_agreement(count)
    return Row(
        f"agreement with Kwant, {count} random junctions ({textures} textures)",
        f"{absolute:.1e}",
        "",
        f"{relative:.1e} rel.",
        "1e-10, 1e-9",
        absolute < 1e-10 and relative < 1e-9,
    )


def describe() -> str:
    """Return versions, BLAS and the processor count."""
    try:
        blas = np.__config__.CONFIG["Build Dependencies"]["blas"]
        name = f"{blas['name']} {blas['version']}"
    except (AttributeError, KeyError):
        name = "unknown"
    solver = kwant.solvers.default.smatrix.__self__.__class__.__module__.rpartition(".")[-1]
    return (
        f"Python {sys.version.split()[0]}, NumPy {np.__version__} ({name}), SciPy {scipy.__version__}, "
        f"Kwant {kwant.__version__} ({solver}); one BLAS thread, {os.cpu_count()} processors"
    )


def main() -> int:
    """Run everything; the exit status is the number of bars missed."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, prog="python -m benchmarks", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--quick", action="store_true", help="fewer repetitions and random junctions")
    parser.add_argument("--smoke", action="store_true", help="one repetition of the clean engine, bars not counted")
    parser.add_argument("--agreement", type=int, metavar="N", help="number of random junctions compared with Kwant")
    options = parser.parse_args()
    if options.smoke:
        print(table([*scattering_rows(1), *diffusion_rows(1), agreement := agreement_row(20)]))
        return int(not agreement.passed)
    rounds = 7 if options.quick else 25
    count = options.agreement or (100 if options.quick else 1000)
    print(describe())
    rows = [*scattering_rows(rounds), map_row(rounds), *diffusion_rows(rounds), memory_row(), agreement_row(count)]
    rows += average_rows(quick=options.quick)
    rows += supercell_rows(quick=options.quick)
    rows += crystal_rows(quick=options.quick)
    print(table(rows))
    return sum(not row.passed for row in rows)


if __name__ == "__main__":
    sys.exit(main())
