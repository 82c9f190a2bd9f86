"""Measure ensembles: ``python -m benchmarks.ensembles [--quick]``.

Two workers against one; kill -9 at random moments and what is left of the store; memory of a long run. Two
workers are timed by the wall clock, turn by turn with one, and the best turn counts: each must have a core of its own,
and on a busy machine the ratio says nothing.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy is imported

import argparse
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import kwant_spinjunc as sj
from kwant_spinjunc.runs.averages import Ensemble
from kwant_spinjunc.runs.executors import Pool, open_pool
from kwant_spinjunc.runs.store import Store, is_store

QUIET = {"progress": False}
#: Away from every band edge of the cross-sections below.
ENERGY = 0.43
#: Growth of the resident peak in MB that counts as none; 100 000 samples of one column are 0.8 MB, of all 24 MB.
FLAT = 2.0


def barrier() -> sj.Junction:
    """Return two magnets and a disordered barrier."""
    iron = {"onsite": 4.0, "hopping": 1.0, "splitting": 1.0, "in_plane_hopping": 1.0}
    layers = [
        sj.ferromagnet(**iron, thickness=8, disorder=[sj.Anderson(width=1.0)]),
        sj.barrier(onsite=7.0, hopping=1.0, in_plane_hopping=0.2, thickness=4, disorder=[sj.Anderson(width=1.0)]),
    ]
    return sj.Junction(sj.ferromagnet(**iron), layers, sj.ferromagnet(**iron, m=sj.unit_vector(1.0)))


def chain() -> sj.Junction:
    """Return the smallest disordered junction there is: one site, one cell."""
    copper = {"onsite": 0.0, "hopping": 1.0}
    dirty = sj.normal_metal(**copper, disorder=[sj.Anderson(width=1.0)])
    return sj.Junction(sj.normal_metal(**copper), [dirty], sj.normal_metal(**copper))


def same(a: Ensemble, b: Ensemble) -> bool:
    """Return whether all statistics have the same bits."""
    fields = ("mean", "error", "std", "minimum", "maximum", "typical")
    return all(np.array_equal(getattr(a[n], f), getattr(b[n], f), equal_nan=True) for n in a.names for f in fields)


def two_workers(realizations: int, rounds: int) -> tuple[list[float], float]:
    """Return the ratio of wall times of each round, and the CPU time of two workers and this process against one.

    The second does not depend on what else the machine does: without it, two free cores give 2 divided by it.
    """
    junction = barrier()
    settings = {"cross_section": (6, 6), "realizations": realizations, **QUIET}
    ratios = []
    single = double = 0.0
    with open_pool(workers=2) as pool:
        for _ in range(rounds):
            start, cpu = time.perf_counter(), time.process_time()
            one = sj.ensemble(junction, ENERGY, workers=1, **settings)
            middle, single = time.perf_counter(), single + time.process_time() - cpu
            cpu = time.process_time() + _worker_time(pool)
            two = sj.ensemble(junction, ENERGY, executor=pool.executor, workers=2, **settings)
            double += time.process_time() + _worker_time(pool) - cpu
            ratios.append((middle - start) / (time.perf_counter() - middle))
            if not same(one, two):
                raise SystemExit("one and two workers do not give the same bits")
    return ratios, double / single


def _worker_time(pool: Pool) -> float:
    """Return the CPU time of all workers in seconds (Linux)."""
    total = 0.0
    for pid in pool.executor._processes:  # type: ignore[attr-defined]
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


RUN = """
import sys
from benchmarks.ensembles import ENERGY, barrier, sj
if __name__ == "__main__":
    sj.ensemble(barrier(), ENERGY, cross_section=(3, 3), realizations=int(sys.argv[2]), chunk=4, workers=2,
                store=sys.argv[1], progress=False)
"""


def killed(moments: int, realizations: int, seed: int = 0) -> tuple[int, int, bool]:
    """Kill a run and its workers at random moments; return (kills, realizations lost from the store, same bits)."""
    rng = random.Random(seed)
    settings = {"cross_section": (3, 3), "realizations": realizations, "chunk": 4, "workers": 1, **QUIET}
    whole = sj.ensemble(barrier(), ENERGY, **settings)
    kills = lost = 0
    with tempfile.TemporaryDirectory() as folder:
        store, script = Path(folder, "store"), Path(folder, "run.py")
        script.write_text(RUN)
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        committed: set[int] = set()
        while kills < moments:
            process = subprocess.Popen(
                [sys.executable, str(script), str(store), str(realizations)], env=environment, start_new_session=True
            )
            begun = _rows(store)
            while process.poll() is None and len(_rows(store)) <= len(begun):  # until it works
                time.sleep(0.01)
            time.sleep(rng.uniform(0.0, 0.15))
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                kills += 1
            process.wait()
            found = _rows(store)
            lost += len(committed - found)
            committed = found
            if len(found) * 4 >= realizations:  # finished: begin again
                store.unlink()
                committed = set()
        resumed = sj.ensemble(barrier(), ENERGY, store=store, **settings)
        return kills, lost, same(whole, resumed)


def _rows(path: Path) -> set[int]:
    if not is_store(path):
        return set()
    with Store(path, None) as store:
        return {start for start, _ in store.rows(0, 2**62)}


def memory(counts: tuple[int, ...]) -> list[tuple[int, float, float]]:
    """Return (realizations, seconds, growth of the resident peak in MB) of runs of increasing length.

    A short run before them has loaded everything.
    """
    rows = []
    settings = {"torques": False, "workers": 1, **QUIET}
    sj.ensemble(chain(), 0.3, realizations=500, **settings)
    for count in counts:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        start = time.perf_counter()
        sj.ensemble(chain(), 0.3, realizations=count, **settings).store.close()
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        rows.append((count, time.perf_counter() - start, grown / 1024))
    return rows


def main() -> int:
    """Print what was measured and return 1 if a bar is missed."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="fewer kills, shorter runs")
    parser.add_argument("--only", choices=("workers", "kills", "memory"))
    options = parser.parse_args()
    missed = []
    if options.only in (None, "workers"):
        ratios, work = two_workers(200, 2 if options.quick else 5)
        print(
            f"two workers against one, 200 realizations of 6x6x14: {max(ratios):.2f} x at best, median "
            f"{np.median(ratios):.2f} x; CPU time of all processes {work:.2f} of one"
        )
        missed += ["workers"] if max(ratios) < 1.8 else []
    if options.only in (None, "kills"):
        kills, lost, equal = killed(5 if options.quick else 20, 400)
        print(f"kill -9 at {kills} moments: {lost} committed chunks lost, statistics identical: {equal}")
        missed += ["kills"] if lost or not equal else []
    if options.only in (None, "memory"):
        rows = memory((1_000, 10_000) if options.quick else (1_000, 10_000, 100_000))
        for count, seconds, grown in rows:
            print(f"memory of {count} realizations: resident peak +{grown:.1f} MB, {seconds:.0f} s")
        missed += ["memory"] if max(grown for *_, grown in rows) > FLAT else []
    if missed:
        print(f"missed: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
