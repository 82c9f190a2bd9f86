"""Time disordered supercells against Kwant: ``python -m benchmarks.supercells [--quick] [--agreement N]``.

Both sides run in this process on one BLAS thread, turn by turn, in CPU time. Of Kwant the call of `kwant.smatrix` is
counted, on a finalized system of one sample with conservation laws: "naive" with the modes of its leads, and with modes
calculated beforehand. Of the engine both the drawing of the sample (`realize`) and its solution are counted.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import kwant
import numpy as np

import kwant_spinjunc as sj
from kwant_spinjunc.halves import supercell
from kwant_spinjunc.halves.real import solve
from kwant_spinjunc.model.plane import CrossSection
from kwant_spinjunc.model.sample import realize

from .agreement import EDGE_DISTANCE, RESOLVED
from .table import Row, ratio, table, turn_by_turn

__all__ = ["junction", "random_sample_agreement", "supercell_rows"]

ENERGY = -2.0
ANGLES = 19
#: Sizes W of the W × W cross-sections, and the ratios asked for: to Kwant with precalculated modes, and naive.
SIZES = {6: (10, 15), 10: (16, 22), 14: (25, 32), 20: (30, 40)}
#: Ratios asked for of each of `ANGLES` angles of one sample, to Kwant with precalculated modes.
ANGLE_BARS = {10: 250, 14: 350}
#: The widest sample: W, its 30 planes, the ratios (prepared, naive) and the memory in GB asked for.
WIDE, WIDE_PLANES, WIDE_BARS, WIDE_MEMORY = 30, (9, 12, 9), (25, 35), 0.6
#: Relative agreement with Kwant of every probability above `RESOLVED`.
RELATIVE = 1e-9


def junction(theta: float = 1.0, planes: tuple[int, int, int] = (6, 8, 6)) -> sj.Junction:
    """Return two magnets of six planes each and a barrier of eight, 20 planes of which every site is disordered."""
    band = {"hopping": 1.0, "in_plane_hopping": 1.0}
    disorder = (sj.Anderson(width=1.0),)
    left = sj.ferromagnet(onsite=0.0, splitting=1.5, **band)
    right = sj.ferromagnet(onsite=0.0, splitting=1.2, m=sj.unit_vector(theta), **band)
    barrier = sj.barrier(onsite=7.0, thickness=planes[1], disorder=disorder, **band)
    magnets = [
        sj.ferromagnet(onsite=0.0, splitting=lead.splitting, m=lead.m, thickness=count, disorder=disorder, **band)
        for lead, count in ((left, planes[0]), (right, planes[2]))
    ]
    return sj.Junction(left, [magnets[0], barrier, magnets[1]], right)


def supercell_rows(quick: bool = False, count: int | None = None) -> list[Row]:
    """Time one sample of each size, 19 angles of one, and compare random samples with Kwant."""
    rows = []
    device = junction()
    for width, (bar, naive_bar) in SIZES.items():
        if quick and width > 10:
            continue
        section = CrossSection((width, width))
        plain = sj.build(device, cross_section=section.shape).finalized()
        prepared = plain.precalculate(ENERGY, what="modes")

        def once(_: int, section: CrossSection = section) -> Any:
            return supercell.probabilities(device, ENERGY, section, realize(device, section))

        def turned(_: int, section: CrossSection = section) -> Any:
            angles = sj.unit_vector(np.linspace(0, np.pi, ANGLES))
            return supercell.probabilities(device, ENERGY, section, realize(device, section), m_right=angles)

        T = kwant.smatrix(prepared, ENERGY).transmission((1, 0), (0, 1))
        np.testing.assert_allclose(once(0)[1, 0, 0, 1], T, rtol=RELATIVE)
        works = {
            "engine": (once, 1),
            "naive": (lambda _, system=plain: kwant.smatrix(system, ENERGY), 1),
            "prepared": (lambda _, system=prepared: kwant.smatrix(system, ENERGY), 1),
        }
        if width in ANGLE_BARS:
            works["angles"] = (turned, ANGLES)
        t = turn_by_turn(works, 5 if width <= 10 else 3 if width < 20 else 1)
        size = f"T_ss' of one sample, {width} × {width} × 20 sites"
        rows.append(ratio(size, t["engine"], t["prepared"], bar))
        rows.append(ratio("  against Kwant with the modes of its leads", t["engine"], t["naive"], naive_bar))
        if width in ANGLE_BARS:
            bar = ANGLE_BARS[width]
            rows.append(ratio(f"  one of {ANGLES} angles of one sample", t["angles"], t["prepared"], bar))
    if not quick:
        rows += wide_rows()
    count = count or (100 if quick else 3000)
    absolute, relative, textures = random_sample_agreement(count)
    rows.append(
        Row(
            f"agreement with Kwant, {count} random samples ({textures} without two halves)",
            f"{absolute:.1e}",
            "",
            f"{relative:.1e} rel.",
            "1e-10, 1e-9",
            absolute < 1e-10 and relative < RELATIVE,
        )
    )
    return rows


def wide_rows() -> list[Row]:
    """Time one wide sample, each side once, and measure the memory of a process that solves it."""
    device, section = junction(planes=WIDE_PLANES), CrossSection((WIDE, WIDE))
    plain = sj.build(device, cross_section=section.shape).finalized()
    prepared = plain.precalculate(ENERGY, what="modes")

    def timed(work: Callable[[], Any]) -> float:
        start = time.process_time()
        work()
        return time.process_time() - start

    def once() -> Any:
        return supercell.probabilities(device, ENERGY, section, realize(device, section))

    once()
    engine = float(np.median([timed(once) for _ in range(3)]))
    times = [timed(partial(kwant.smatrix, system, ENERGY)) for system in (prepared, plain)]
    program = (
        "import resource; from benchmarks import supercells as s; "
        "device = s.junction(planes=s.WIDE_PLANES); section = s.CrossSection((s.WIDE, s.WIDE)); "
        "s.supercell.probabilities(device, s.ENERGY, section, s.realize(device, section)); "
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    memory = int(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout) / 1e6
    size = f"T_ss' of one sample, {WIDE} × {WIDE} × {sum(WIDE_PLANES)} sites"
    return [
        ratio(size, engine, times[0], WIDE_BARS[0]),
        ratio("  against Kwant with the modes of its leads", engine, times[1], WIDE_BARS[1]),
        Row("  memory", f"{memory:.2f} GB", "", "", f"{WIDE_MEMORY} GB", memory < WIDE_MEMORY),
    ]


def random_sample(rng: np.random.Generator) -> tuple[sj.Junction, CrossSection, float, int]:
    """Return a disordered junction, a cross-section, an energy away from every threshold, and the number of a sample.

    Every kind of disorder, tunnel barriers and metals, collinear and tilted layers, magnetic leads and nonmagnetic ones
    with any labels, both boundary conditions and twists.
    """
    kinds = [
        sj.Anderson(width=1.0),
        sj.SpinDependent(width=0.7),
        sj.Substitution(concentration=0.3, onsite=0.5, splitting=0.4),
        sj.Roughness(amplitude=0.7),
        sj.MagneticImpurities(concentration=0.3, exchange=0.6),
        sj.SpinOrbitScattering(angle=0.4),
    ]

    def direction() -> np.ndarray:
        m = rng.normal(size=3)
        return m / np.linalg.norm(m)

    def layer(magnetic: bool, m: np.ndarray, high: float = 1.5, thickness: int = 1, disorder: tuple = ()) -> sj.Layer:
        return sj.Layer(
            rng.uniform(-1, high),
            rng.uniform(0.7, 1.3),
            rng.uniform(0.2, 1.5) if magnetic else 0.0,
            m,
            rng.uniform(-0.5, 0.5),
            thickness,
            disorder,
        )

    def disorder(magnetic: bool) -> tuple:
        few = 4 if rng.random() < 0.6 else 6
        chosen = [kinds[i] for i in rng.permutation(few)[: rng.integers(1, 3)]]
        return tuple(kind for kind in chosen if magnetic or not isinstance(kind, sj.SpinDependent))

    while True:
        m = direction(), direction()
        magnets = [layer(True, axis, thickness=int(rng.integers(1, 3)), disorder=disorder(True)) for axis in m]
        spacer = layer(False, m[0], high=6.0, thickness=int(rng.integers(1, 4)), disorder=disorder(False))
        leads = [layer(rng.random() < 0.6, axis if rng.random() < 0.7 else direction()) for axis in m]
        layers = [leads[0], magnets[0], spacer, magnets[1], leads[1]]  # a lead has no rough interface
        if rng.random() < 0.2:
            layers.insert(3, layer(True, direction(), thickness=1))
        device = sj.Junction(leads[0], layers, leads[1])
        shape = tuple(int(n) for n in rng.integers(1, 4, 2))
        boundary = ("periodic", "hard wall")[int(rng.random() < 0.4)]
        k = tuple(rng.uniform(-np.pi, np.pi, 2)) if boundary == "periodic" and rng.random() < 0.5 else None
        section = CrossSection(shape, boundary, k)
        energy = float(rng.uniform(-1.5, 1.5))
        c, _ = section.transverse_modes
        edges = np.array([lead.band_edges(c) for lead in device.leads])
        if abs(edges - energy).min() > EDGE_DISTANCE and device.open_channels(energy, c).any():
            return device, section, energy, int(rng.integers(1000))


def random_sample_agreement(count: int, seed: int = 0) -> tuple[float, float, int]:
    """Return the largest absolute and relative difference from Kwant, and how many samples had no two halves.

    The relative one is of every probability above `RESOLVED` that goes from one lead to the other. Samples are small:
    real arithmetic, which is meant for larger ones, is let in, and is held against the complex engine as well.
    """
    smallest, solve.SMALLEST = solve.SMALLEST, 1
    try:
        return _agreement(count, seed)
    finally:
        solve.SMALLEST = smallest


def _agreement(count: int, seed: int) -> tuple[float, float, int]:
    rng = np.random.default_rng(seed)
    absolute, relative, textures = 0.0, 0.0, 0
    for _ in range(count):
        device, section, energy, number = random_sample(rng)
        sample = realize(device, section, 0, number)
        found = supercell.probabilities(device, energy, section, sample)
        k = section.k if "periodic" in section.boundary else None
        options = {"cross_section": section.shape, "boundary": section.boundary, "realization": number}
        S = kwant.smatrix(sj.build(device, k, **options).finalized(), energy)
        expected = np.array(
            [[S.transmission(divmod(out, 2), divmod(into, 2)) for into in range(4)] for out in range(4)]
        ).reshape(2, 2, 2, 2)
        difference = abs(found - expected)
        other = supercell.probabilities(device, energy, section, sample, by="complex")
        for a, b in ((0, 1), (1, 0)):  # these have digits where Kwant has none
            T = other[a, :, b]
            relative = max(relative, float((abs(found[a, :, b] - T)[T > 0] / T[T > 0]).max(initial=0.0)))
        absolute = max(absolute, float(difference.max()))
        for a, b in ((0, 1), (1, 0)):
            T = expected[a, :, b]
            resolved = T > RESOLVED
            relative = max(relative, float((difference[a, :, b][resolved] / T[resolved]).max(initial=0.0)))
        textures += supercell.find_cut(device, sample) is None
    return absolute, relative, textures


def main() -> int:
    """Run everything; the exit status is the number of bars missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.supercells", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small cross-sections and fewer random samples only")
    parser.add_argument("--agreement", type=int, metavar="N", help="number of random samples compared with Kwant")
    options = parser.parse_args()
    rows = supercell_rows(options.quick, options.agreement)
    print(table(rows))
    return sum(not row.passed for row in rows)


if __name__ == "__main__":
    sys.exit(main())
