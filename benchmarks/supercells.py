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
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import kwant
import numpy as np

import kwant_spinjunc as sj
from kwant_spinjunc.halves import supercell
from kwant_spinjunc.halves.real import solve
from kwant_spinjunc.halves.supercell.sampled import Sampled
from kwant_spinjunc.model.plane import CrossSection
from kwant_spinjunc.model.sample import realize
from kwant_spinjunc.scattering import scatter_quietly

from .agreement import EDGE_DISTANCE, RESOLVED
from .ensembles import two_workers
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
#: Wall time of one worker over that of two.
WORKERS_BAR = 1.9
#: Relative agreement with Kwant of every probability above `RESOLVED`, and with the complex engine of every one.
RELATIVE = 1e-9
#: Absolute agreement with Kwant.
ABSOLUTE = 1e-10
#: Last digit of an energy, and the largest share of samples in which Kwant may be no reference.
ULP, LEFT_OUT = 1e-15, 0.005
KINDS = [
    sj.Anderson(width=1.0),
    sj.SpinDependent(width=0.7),
    sj.Substitution(concentration=0.3, onsite=0.5, splitting=0.4),
    sj.Roughness(amplitude=0.7),
    sj.MagneticImpurities(concentration=0.3, exchange=0.6),
    sj.SpinOrbitScattering(angle=0.4),
]


def junction(theta: float = 1.0, planes: tuple[int, int, int] = (6, 8, 6), height: float = 7.0) -> sj.Junction:
    """Return two magnets of six planes each and a barrier of eight, 20 planes of which every site is disordered."""
    band = {"hopping": 1.0, "in_plane_hopping": 1.0}
    disorder = (sj.Anderson(width=1.0),)
    left = sj.ferromagnet(onsite=0.0, splitting=1.5, **band)
    right = sj.ferromagnet(onsite=0.0, splitting=1.2, m=sj.unit_vector(theta), **band)
    barrier = sj.barrier(onsite=height, thickness=planes[1], disorder=disorder, **band)
    magnets = [
        sj.ferromagnet(onsite=0.0, splitting=lead.splitting, m=lead.m, thickness=count, disorder=disorder, **band)
        for lead, count in ((left, planes[0]), (right, planes[2]))
    ]
    return sj.Junction(left, [magnets[0], barrier, magnets[1]], right)


def supercell_rows(quick: bool = False, count: int | None = None) -> list[Row]:
    """Time one sample of each size, 19 angles of one, torques, workers, and compare random samples with Kwant."""
    rows = []
    for width in SIZES:
        if not quick or width <= 10:
            rows += sample_rows(width)
    rows += torque_rows()
    if not quick:
        rows += [*wide_rows(), workers_row()]
    rows.append(agreement_row(count or (100 if quick else 3000)))
    return rows


def sample_rows(width: int) -> list[Row]:
    """Time samples of one size; small ones several at a time, as an ensemble solves them."""
    device, section, (bar, naive_bar) = junction(), CrossSection((width, width)), SIZES[width]
    plain = sj.build(device, cross_section=section.shape).finalized()
    prepared = plain.precalculate(ENERGY, what="modes")
    samples = {6: 10, 10: 3}.get(width, 1)

    def once(_: int) -> Any:
        return [
            supercell.probabilities(device, ENERGY, section, realize(device, section, 0, number))
            for number in range(samples)
        ]

    def turned(_: int) -> Any:
        angles = sj.unit_vector(np.linspace(0, np.pi, ANGLES))
        return supercell.probabilities(device, ENERGY, section, realize(device, section), m_right=angles)

    T = kwant.smatrix(prepared, ENERGY).transmission((1, 0), (0, 1))
    np.testing.assert_allclose(once(0)[0][1, 0, 0, 1], T, rtol=RELATIVE)
    works: dict[str, tuple[Callable[[int], Any], int]] = {
        "engine": (once, samples),
        "naive": (lambda _: kwant.smatrix(plain, ENERGY), 1),
        "prepared": (lambda _: kwant.smatrix(prepared, ENERGY), 1),
    }
    if width in ANGLE_BARS:
        works["angles"] = (turned, ANGLES)
    t = turn_by_turn(works, 5 if width <= 10 else 3 if width < 20 else 1)
    size = f"T_ss' of one sample, {width} × {width} × 20 sites"
    rows = [
        ratio(size, t["engine"], t["prepared"], bar),
        ratio("  against Kwant with the modes of its leads", t["engine"], t["naive"], naive_bar),
    ]
    if width in ANGLE_BARS:
        bar = ANGLE_BARS[width]
        rows.append(ratio(f"  one of {ANGLES} angles of one sample", t["angles"], t["prepared"], bar))
    return rows


def torque_rows(width: int = 10) -> list[Row]:
    """Time torques and profiles of 19 angles of one sample against a `scatter` for each of them."""
    shape = {"cross_section": (width, width)}
    rows = []
    for name, height, bar in (("a barrier", 7.0, 5), ("a metal", 0.5, 3)):
        device = junction(height=height)
        directions = sj.unit_vector(np.linspace(0.0, np.pi, ANGLES))

        def together(_: int, device: sj.Junction = device, directions: Any = directions) -> Any:
            return scatter_quietly(device, ENERGY, m_right=directions, **shape).layer_torques

        def each(turn: int, device: sj.Junction = device, directions: Any = directions) -> Any:
            m = directions[(5 * turn + 7) % ANGLES]
            return scatter_quietly(device.turned(m_right=m), ENERGY, **shape).layer_torques

        np.testing.assert_allclose(together(0)[7], each(0), rtol=RELATIVE, atol=1e-12)
        t = turn_by_turn({"together": (together, ANGLES), "each": (each, 1)}, 5)
        work = f"torques and profiles of {ANGLES} angles of one sample, W = {width}, {name}, to {ANGLES} solves"
        rows.append(ratio(work, t["together"], t["each"], bar))
    return rows


def workers_row(realizations: int = 200, rounds: int = 3) -> Row:
    """Time two workers against one by the wall clock: each must have a core of its own, and the best turn counts."""
    ratios, work = two_workers(realizations, rounds)
    label = f"two workers against one, {realizations} samples of 6 × 6 × 14 (CPU time of both {work:.2f} of one's)"
    return Row(label, "", "", f"{max(ratios):.2f} ×", f"{WORKERS_BAR} ×", max(ratios) >= WORKERS_BAR)


def agreement_row(count: int) -> Row:
    """Compare random samples with Kwant and the complex engine."""
    found = random_sample_agreement(count)
    bars = found.absolute < ABSOLUTE and found.relative < RELATIVE and found.left_out <= LEFT_OUT * count
    return Row(str(found), f"{found.absolute:.1e}", "", f"{found.relative:.1e} rel.", "1e-10, 1e-9", bars)


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
        "from benchmarks import supercells as s; "
        "device = s.junction(planes=s.WIDE_PLANES); section = s.CrossSection((s.WIDE, s.WIDE)); "
        "s.supercell.probabilities(device, s.ENERGY, section, s.realize(device, section)); "
        # not ru_maxrss, which a process takes over from the one that started it
        "print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    memory = int(subprocess.run([sys.executable, "-c", program], check=True, capture_output=True).stdout) / 1e6
    size = f"T_ss' of one sample, {WIDE} × {WIDE} × {sum(WIDE_PLANES)} sites"
    return [
        ratio(size, engine, times[0], WIDE_BARS[0]),
        ratio("  against Kwant with the modes of its leads", engine, times[1], WIDE_BARS[1]),
        Row("  memory", f"{memory:.2f} GB", "", "", f"{WIDE_MEMORY} GB", memory < WIDE_MEMORY),
    ]


def random_sample(rng: np.random.Generator) -> Sample:
    """Return a disordered sample and an energy away from every threshold: two of three with two disordered halves."""
    while True:
        found = _halves(rng) if rng.random() < 2 / 3 else _anything(rng)
        c, _ = found.section.transverse_modes
        edges = np.array([lead.band_edges(c) for lead in found.device.leads])
        if abs(edges - found.energy).min() > EDGE_DISTANCE and found.device.open_channels(found.energy, c).any():
            return found


@dataclass
class Sample:
    """What is solved by everybody, and whether its energy was tuned to a resonance."""

    device: sj.Junction
    section: CrossSection
    energy: float
    number: int
    tuned: bool = False


def _layer(rng: np.random.Generator, m: Any, splitting: float = 0.0, high: float = 1.5, **settings: Any) -> sj.Layer:
    bands = rng.uniform(-1, high), rng.uniform(0.7, 1.3)
    return sj.Layer(*bands, splitting, m, rng.uniform(-0.5, 0.5), **settings)


def _direction(rng: np.random.Generator) -> np.ndarray:
    m = rng.normal(size=3)
    return m / np.linalg.norm(m)


def _kinds(rng: np.random.Generator, magnetic: bool, kinds: int) -> tuple:
    chosen = [KINDS[i] for i in rng.permutation(kinds)[: rng.integers(1, 3)]]
    return tuple(kind for kind in chosen if magnetic or not isinstance(kind, sj.SpinDependent))


def _halves(rng: np.random.Generator) -> Sample:
    """Two disordered magnets of up to five planes and a disordered spacer of up to 24; a third tuned to a resonance.

    The planes inside a magnet or the spacer, cut off from their neighbors, have a level at the energy or as near to it
    as the offset: where real arithmetic must see that it has no digits.
    """
    m = _direction(rng), _direction(rng)
    thick = [int(n) for n in rng.integers(1, 6, 2)]
    magnets = [
        _layer(rng, axis, rng.uniform(0.2, 1.5), thickness=n, disorder=_kinds(rng, True, 4))
        for axis, n in zip(m, thick, strict=True)
    ]
    height, most = (9.0, 25) if rng.random() < 0.5 else (3.0, 6)
    planes = int(rng.integers(1, most))
    spacer = _layer(rng, m[0], high=height, thickness=planes, disorder=_kinds(rng, False, 4))
    leads = [_layer(rng, axis, rng.uniform(0.2, 1.5) * (rng.random() < 0.6)) for axis in m]
    device = sj.Junction(leads[0], [leads[0], magnets[0], spacer, magnets[1], leads[1]], leads[1])
    shape = tuple(int(n) for n in rng.integers(1, 4, 2))
    boundary = ("periodic", "hard wall")[int(rng.random() < 0.4)]
    section, number, energy = CrossSection(shape, boundary), int(rng.integers(1000)), float(rng.uniform(-1.5, 1.5))
    starts = np.cumsum([2, thick[0], planes, thick[1]])
    inside = [range(low + 1, high - 1) for low, high in pairwise(starts) if high - low > 2]
    if not inside or rng.random() > 0.5:
        return Sample(device, section, energy, number)
    where = inside[rng.integers(len(inside))]
    axis, spin = m[int(where[0] >= starts[2])], rng.choice([-1.0, 1.0])
    sample, M = realize(device, section, 0, number), section.sites
    problem = Sampled(device, 0.0, section, sample)
    H = np.zeros((len(where), M, len(where), M))
    for i, n in enumerate(where):
        H[i, :, i] = spin * np.diag(sample.levels[n, :, 1:] @ axis) - problem.plane(n)
        if i:
            H[i - 1, :, i] = H[i, :, i - 1] = -np.diag(sample.bonds[n - 1])
    levels = np.linalg.eigvalsh(H.reshape(len(where) * M, -1))
    offset = rng.choice([0.0, 1e-14, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4])
    return Sample(device, section, float(levels[abs(levels - energy).argmin()] + offset), number, True)


def _anything(rng: np.random.Generator) -> Sample:
    """Every kind of disorder, collinear and tilted layers, leads with any labels, both boundaries and twists."""
    m = _direction(rng), _direction(rng)
    kinds = 4 if rng.random() < 0.6 else 6
    magnets = [
        _layer(rng, axis, rng.uniform(0.2, 1.5), thickness=int(rng.integers(1, 3)), disorder=_kinds(rng, True, kinds))
        for axis in m
    ]
    spacer = _layer(rng, m[0], high=6.0, thickness=int(rng.integers(1, 4)), disorder=_kinds(rng, False, kinds))
    leads = [
        _layer(rng, axis if rng.random() < 0.7 else _direction(rng), rng.uniform(0.2, 1.5) * (rng.random() < 0.6))
        for axis in m
    ]
    layers = [leads[0], magnets[0], spacer, magnets[1], leads[1]]  # a lead has no rough interface
    if rng.random() < 0.2:
        layers.insert(3, _layer(rng, _direction(rng), rng.uniform(0.2, 1.5)))
    device = sj.Junction(leads[0], layers, leads[1])
    shape = tuple(int(n) for n in rng.integers(1, 4, 2))
    boundary = ("periodic", "hard wall")[int(rng.random() < 0.4)]
    k = tuple(rng.uniform(-np.pi, np.pi, 2)) if boundary == "periodic" and rng.random() < 0.5 else None
    return Sample(device, CrossSection(shape, boundary, k), float(rng.uniform(-1.5, 1.5)), int(rng.integers(1000)))


@dataclass
class Agreement:
    """Largest differences of random samples, and what they were."""

    absolute: float = 0.0
    relative: float = 0.0
    samples: int = 0
    real: int = 0
    in_doubt: int = 0
    tuned: int = 0
    left_out: int = 0
    smallest: float = np.inf
    largest: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.samples} random samples: {self.real} in real arithmetic, {self.in_doubt} more left by it to the "
            f"complex engine, {self.tuned} tuned to a resonance, T {self.smallest:.0e} to {self.largest:.0e}, "
            f"{self.left_out} without Kwant"
        )


def random_sample_agreement(count: int, seed: int = 0) -> Agreement:
    """Return the largest absolute difference from Kwant, and the largest relative one from it and the complex engine.

    Of Kwant the relative difference counts above `RESOLVED`, of the complex engine at every probability that goes from
    one lead to the other. Where Kwant's own S-matrix misses unitarity by as much, or the last digit of the energy
    decides, Kwant is no reference: the complex engine still is. Samples are small: real arithmetic, which is meant for
    larger ones, is let in.
    """
    smallest, solve.SMALLEST = solve.SMALLEST, 1
    try:
        found, rng = Agreement(), np.random.default_rng(seed)
        for _ in range(count):
            _compare(random_sample(rng), found)
        return found
    finally:
        solve.SMALLEST = smallest


def _compare(one: Sample, found: Agreement) -> None:
    """Solve a sample three times."""
    device, section, energy = one.device, one.section, one.energy
    sample = realize(device, section, 0, one.number)
    P, arithmetic = supercell.probabilities_by(device, energy, section, sample)
    cut = supercell.find_cut(device, sample)
    covered = solve.covers(Sampled(device, energy, section, sample), cut)
    found.samples, found.tuned = found.samples + 1, found.tuned + one.tuned
    found.real += arithmetic == "real"
    found.in_doubt += covered and arithmetic != "real"
    other = supercell.probabilities(device, energy, section, sample, by="complex")
    k = section.k if "periodic" in section.boundary else None
    options = {"cross_section": section.shape, "boundary": section.boundary, "realization": one.number}
    S = kwant.smatrix(sj.build(device, k, **options).finalized(), energy)
    expected = np.array(
        [[S.transmission(divmod(out, 2), divmod(into, 2)) for into in range(4)] for out in range(4)]
    ).reshape(2, 2, 2, 2)
    references = [(other, 0.0), (expected, RESOLVED)]
    difference = float(abs(P - expected).max())
    if difference > ABSOLUTE / 10:
        defect = float(abs(S.data.conj().T @ S.data - np.eye(len(S.data))).max())
        ulps = [supercell.probabilities(device, energy + step, section, sample, by="complex") for step in (-ULP, ULP)]
        if difference < 10 * (defect + max(float(abs(moved - other).max()) for moved in ulps)):
            found.left_out += 1
            del references[1:]
    found.absolute = max(found.absolute, *(float(abs(P - reference).max()) for reference, _ in references))
    for a, b in ((0, 1), (1, 0)):
        for reference, least in references:
            T, mine = reference[a, :, b], P[a, :, b]
            counts = least < T
            found.relative = max(found.relative, float((abs(mine - T)[counts] / T[counts]).max(initial=0.0)))
        T = other[a, :, b].sum()
        if T > 0:
            found.smallest, found.largest = min(found.smallest, T), max(found.largest, T)


def main() -> int:
    """Run everything; the exit status is the number of bars missed."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, prog="python -m benchmarks.supercells", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--quick", action="store_true", help="small cross-sections and fewer random samples only")
    parser.add_argument("--agreement", type=int, metavar="N", help="number of random samples compared with Kwant")
    options = parser.parse_args()
    rows = supercell_rows(options.quick, options.agreement)
    print(table(rows))
    return sum(not row.passed for row in rows)


if __name__ == "__main__":
    sys.exit(main())
