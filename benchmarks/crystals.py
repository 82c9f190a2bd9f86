"""Time every angle of a Kwant system at once against plain `kwant.smatrix`: ``python -m benchmarks.crystals``."""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported

import sys
import time
from typing import Any

import kwant
import kwant.wraparound
import numpy as np

import kwant_spinjunc as sj
from kwant_spinjunc.spin import PAULI
from systems.altermagnet_junction import altermagnet_junction

from .table import Row, ratio, show, table, turn_by_turn

ANGLES = np.linspace(0, np.pi, 19)
PLANES = 8
one, sz = np.eye(2), PAULI[2]


def chain(orbitals: int, *, periodic: bool = False, seed: int = 1) -> sj.Device:
    """Return 8 planes of random real orbitals with an exchange field, the right half turned by ``theta``."""
    rng = np.random.default_rng(seed)

    def symmetric() -> Any:
        a = rng.normal(size=(orbitals, orbitals)) / np.sqrt(orbitals)
        return (a + a.T) / 2

    free, field = symmetric(), symmetric() / 2
    hop = np.kron(one, rng.normal(size=(orbitals, orbitals)) / np.sqrt(orbitals) - np.eye(orbitals))
    in_plane = np.kron(one, 0.3 * symmetric())
    levels = [np.kron(one, free + 0.3 * symmetric()) - np.kron(sz, field) for _ in range(PLANES)]
    bulk = np.kron(one, free) - np.kron(sz, field)
    sy = PAULI[1]

    def turned(matrix: Any, theta: float) -> Any:
        U = np.kron(np.cos(theta / 2) * one - 1j * np.sin(theta / 2) * sy, np.eye(orbitals))
        return U @ matrix @ U.conj().T

    lattice = kwant.lattice.square(norbs=2 * orbitals)
    syst = kwant.Builder(*([kwant.TranslationalSymmetry((0, 1))] if periodic else []))
    for x in range(PLANES):
        right = x >= PLANES // 2
        syst[lattice(x, 0)] = _turning(levels[x], turned) if right else levels[x]
        if x:
            syst[lattice(x, 0), lattice(x - 1, 0)] = hop
        if periodic:
            syst[lattice(x, 1), lattice(x, 0)] = in_plane
    syst = kwant.wraparound.wraparound(syst, coordinate_names="y") if periodic else syst
    for direction in (-1, 1):
        symmetry = [(direction, 0), (0, 1)] if periodic else [(direction, 0)]
        lead = kwant.Builder(kwant.TranslationalSymmetry(*symmetry))
        lead[lattice(0, 0)] = bulk if direction < 0 else _turning(bulk, turned)
        lead[lattice(1, 0), lattice(0, 0)] = hop
        if periodic:
            lead[lattice(0, 1), lattice(0, 0)] = in_plane
        syst.attach_lead(kwant.wraparound.wraparound(lead, keep=0) if periodic else lead)
    return sj.Device(
        system=syst.finalized(),
        spin="spin-orbital",
        params={"theta": 0.0},
        cuts={"middle": lambda site: site.pos[0] >= PLANES // 2},
    )


def _turning(matrix: Any, turned: Any) -> Any:
    def value(site: Any, theta: float) -> Any:
        return turned(matrix, theta)

    return value


def wire(width: int) -> sj.Device:
    """Return a strip of one orbital, ``width`` sites wide, the right half with an exchange field."""
    lattice = kwant.lattice.square(norbs=2)
    rng = np.random.default_rng(3)
    syst = kwant.Builder()
    for x in range(PLANES):
        for y in range(width):
            syst[lattice(x, y)] = rng.uniform(-0.3, 0.3) * one - 0.3 * sz
    syst[lattice.neighbors()] = -one
    for direction in (-1, 1):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction, 0)))
        lead[(lattice(0, y) for y in range(width))] = -0.3 * sz
        lead[lattice.neighbors()] = -one
        syst.attach_lead(lead)
    return sj.Device(system=syst.finalized(), cuts={"middle": lambda site: site.pos[0] >= PLANES // 2})


def double_well() -> tuple[Any, Any, sj.Junction]:
    """Return F|I|N|I|N|I|F periodic in two momenta, what lies behind its first barrier, and the junction that it is."""
    wall, ends, t = 8.7, ((2.9, 0.6), (3.1, 0.4)), 0.9
    inner = [wall, wall, 2.0, wall, wall, 2.6, wall, wall]
    levels = [ends[0], *((level, 0.0) for level in inner), ends[1]]
    lattice = kwant.lattice.general(np.eye(3), norbs=2)
    axes = [(0, 1, 0), (0, 0, 1)]

    def fill(builder: Any, x: int, level: float, splitting: float) -> None:
        builder[lattice(x, 0, 0)] = level * one - splitting / 2 * sz
        for axis in axes:
            builder[lattice(x, *axis[1:]), lattice(x, 0, 0)] = -t * one

    syst = kwant.Builder(kwant.TranslationalSymmetry(*axes))
    for x, (level, splitting) in enumerate(levels):
        fill(syst, x, level, splitting)
        if x:
            syst[lattice(x, 0, 0), lattice(x - 1, 0, 0)] = -one
    syst = kwant.wraparound.wraparound(syst, coordinate_names="yz")
    for direction, x in ((-1, 0), (1, len(levels) - 1)):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction, 0, 0), *axes))
        fill(lead, x, *levels[x])
        lead[lattice(x + 1, 0, 0), lattice(x, 0, 0)] = -one
        syst.attach_lead(kwant.wraparound.wraparound(lead, keep=0, coordinate_names="xyz"))
    magnets = [sj.ferromagnet(onsite=e, hopping=1.0, splitting=s, in_plane_hopping=t) for e, s in ends]
    layers = [sj.Layer(onsite=e, hopping=1.0, in_plane_hopping=t) for e in inner]
    return syst.finalized(), lambda site: site.tag[0] >= 3, sj.Junction(magnets[0], layers, magnets[1])


def fresh(device: sj.Device) -> sj.Device:
    """Return the device without what was found out about it."""
    return sj.Device(system=device.system, spin=device.spin, params=device.params, cuts=device.cuts)


def chain_rows(orbitals: int, bars: tuple[float, float, float], rounds: int) -> list[Row]:
    """Time 19 angles, the first call and one angle of a chain."""
    device = chain(orbitals)
    times = turn_by_turn(
        {
            "kwant": (lambda _: kwant.smatrix(device.system, 0.1, params={"theta": 0.3}), 1),
            "warm": (lambda _: sj.scatter(device, 0.1, turns=ANGLES, behind="middle"), 1),
            "first": (lambda _: sj.scatter(fresh(device), 0.1, turns=ANGLES, behind="middle"), 1),
            "single": (lambda _: sj.scatter(device, 0.1, turns=0.7, behind="middle"), 1),
        },
        rounds,
    )
    name, plain = f"{orbitals} orbitals a spin, 8 planes", times["kwant"]
    return [
        ratio(f"{name}, 19 angles, warm", times["warm"], 19 * plain, bars[0]),
        ratio(f"{name}, 19 angles, first call", times["first"], 19 * plain, bars[1]),
        ratio(f"{name}, one angle", times["single"], plain, bars[2]),
    ]


def crystal_rows(*, quick: bool = False) -> list[Row]:
    """Time chains, a wire, a batch of momenta and means over the zone."""
    rounds = 5 if quick else 15
    rows = (
        chain_rows(1, (100, 40, 5), rounds) + chain_rows(9, (80, 35, 4), rounds) + chain_rows(18, (45, 25, 2.5), rounds)
    )
    strip, batch = wire(30), chain(9, periodic=True)
    k = np.linspace(-3, 3, 200)
    times = turn_by_turn(
        {
            "kwant": (lambda _: kwant.smatrix(strip.system, 0.1), 1),
            "wire": (lambda _: sj.scatter(strip, 0.1, turns=ANGLES, behind="middle"), 1),
            "kwant k": (lambda _: kwant.smatrix(batch.system, 0.1, params={"theta": 0.3, "k_y": 0.4}), 1),
            "batch": (lambda _: sj.scatter(batch, 0.1, k=k, turns=ANGLES, behind="middle"), 200),
        },
        max(3, rounds // 3),
    )
    rows.append(ratio("wire W = 30, 19 angles", times["wire"], 19 * times["kwant"], 20))
    rows.append(ratio("200 k, 9 orbitals, 19 angles, per k", times["batch"], 19 * times["kwant k"], 150))
    start = time.process_time()
    mean = sj.scatter(altermagnet_junction(), 0.2, k="average", turns=ANGLES, behind="barrier", rtol=1e-6)
    spent = time.process_time() - start
    exact = sj.scatter(altermagnet_junction(), 0.2, k="average", turns=ANGLES, behind="barrier", rtol=1e-11)
    covered = bool((abs(mean.probabilities - exact.probabilities) <= mean.k_error + exact.k_error).all())
    passed = spent < 0.5 and mean.points <= 400 and covered
    rows.append(
        Row("zone average, altermagnet, 1e-6, 19 angles", show(spent), "", f"{mean.points} k", "0.5 s, 400 k", passed)
    )
    cubic = sj.scatter(
        altermagnet_junction(dimensions=3, onsite=4.5), 0.2, k="average", turns=ANGLES, behind="barrier", rtol=1e-4
    )
    rows.append(
        Row("the same over two momenta, 1e-4", "", "", f"{cubic.points} k", "150 000 k", cubic.points <= 150_000)
    )
    syst, behind, junction = double_well()
    found = sj.scatter(syst, 0.1, k="average", turns=[0.0, 1.0, 2.5], behind=behind, rtol=1e-4, max_points=150_000)
    turned = [junction.turned(m_right=[np.sin(angle), 0.0, np.cos(angle)]) for angle in (0.0, 1.0, 2.5)]
    known = np.array([sj.scatter(one, 0.1, k="average").probabilities for one in turned])
    largest = known.max(axis=(0, 2, 4))[None, :, None, :, None]
    good = abs(found.probabilities - known) <= np.minimum(found.k_error, 1e-4 * largest) + 1e-8 * largest
    passed = bool(good.all()) and found.points <= 150_000
    rows.append(
        Row("double well over two momenta, 1e-4, within claim", "", "", f"{found.points} k", "150 000 k", passed)
    )
    return rows


def main() -> int:
    """Run everything; the exit status is the number of bars missed."""
    rows = crystal_rows(quick="--quick" in sys.argv)
    print(table(rows))
    return sum(not row.passed for row in rows)


if __name__ == "__main__":
    sys.exit(main())
