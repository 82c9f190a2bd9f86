"""Damaged files and killed processes: what comes of them must be right, told, or refused, and nothing finished lost.

``make test-faults`` tries hundreds of each; the tests of files try a few.
"""

import collections
import os
import random
import signal
import sys
import time
from pathlib import Path

import numpy as np

import kwant_spinjunc as sj
from kwant_spinjunc.cli.main import main
from kwant_spinjunc.runs.ensemble import average, open_ensemble
from kwant_spinjunc.runs.store import Store, is_store
from kwant_spinjunc.runs.tables import TableFile
from systems.tunnel_junction import tunnel_junction

from ensemble_problems import Drawn  # isort: skip

KINDS = ("bit", "bit", "byte", "cut", "zeros", "insert", "header", "page")
QUIET = dict(workers=1, progress=False)
REALIZATIONS = 200
GRID = dict(energy=[0.0, 0.1], height=[2.0, 3.0], theta=np.linspace(0, 3, 4), progress=False)


def damaged(content, rng):
    """Return the content with one fault."""
    b, kind, at = bytearray(content), rng.choice(KINDS), rng.randrange(len(content))
    if kind == "header":
        kind, at = "bit", rng.randrange(min(2000, len(b)))
    if kind == "bit":
        b[at] ^= 1 << rng.randrange(8)
    elif kind == "byte":
        b[at] = rng.randrange(256)
    elif kind == "cut":
        del b[at:]
    elif kind == "zeros":
        b[at : at + 64] = bytes(len(b[at : at + 64]))
    elif kind == "insert":
        b[at:at] = b[at : at + 8]
    else:
        x, y = rng.randrange(0, len(b), 4096), rng.randrange(0, len(b), 4096)
        b[x : x + 4096] = content[y : y + 4096]
    return bytes(b)


def damaged_tables(count, seed=0):
    """Resume sweeps from damaged files; return how often the result was right, refused or wrong."""
    rng, path, found = random.Random(seed), Path("table.nc"), collections.Counter()
    whole = sj.sweep(tunnel_junction, resume=path, **GRID)
    content = path.read_bytes()
    for _ in range(count):
        path.write_bytes(damaged(content, rng))
        try:
            result = sj.sweep(tunnel_junction, resume=path, **GRID)
        except sj.ArgumentError:
            found["refused"] += 1
        else:
            found["right" if result.equals(whole) else "wrong"] += 1
    return found


def damaged_stores(count, seed=0):
    """Open damaged stores, and run on from them; return how often what came was right, told, refused or wrong."""
    rng, path, found = random.Random(seed), Path("store"), collections.Counter()
    with average(Drawn(), realizations=REALIZATIONS, store=path, **QUIET) as whole:
        statistics = {name: (whole[name].mean, whole[name].error) for name in whole.names}
        samples = whole.samples("conductance")
    content = path.read_bytes()
    for _ in range(count):
        Path("store-journal").unlink(missing_ok=True)
        path.write_bytes(damaged(content, rng))
        try:
            with open_ensemble(path) as opened:
                kept = opened.samples("conductance")
                honest = np.isin(kept, samples).all() and len(kept) + opened.lost == REALIZATIONS
                found["told" if honest and opened.lost else "right" if honest else "wrong"] += 1
        except sj.SpinjuncError:
            found["refused"] += 1
        try:
            with average(Drawn(), realizations=REALIZATIONS, store=path, **QUIET) as again:
                same = all(
                    np.array_equal(again[name].mean, mean) and np.array_equal(again[name].error, error)
                    for name, (mean, error) in statistics.items()
                )
                found["repaired" if same and not again.lost else "wrong"] += 1
        except sj.SpinjuncError:
            found["refused"] += 1
    return found


SLOW_FAMILY = """
import os, time
from systems.tunnel_junction import tunnel_junction
def family(height=2.0, theta=0.3):
    os.write(LOG, b".")
    time.sleep(SECONDS)
    return tunnel_junction(theta=theta, height=height)
LOG = os.open("log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
"""
#: Seconds to wait for a process on a busy machine.
PATIENCE = 300


class Forked:
    """A copy of this process that calls a function and ends with what it returns; it need not import anything."""

    def __init__(self, function):
        self.code = None
        self.pid = os.fork()
        if not self.pid:
            try:
                signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's job in the background ignores it
                sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
                os._exit(function() or 0)
            except KeyboardInterrupt:
                os._exit(130)
            finally:
                os._exit(99)

    def ended(self):
        """Whether it has ended."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None

    def wait(self):
        """Wait for its end and return the exit code, minus a signal's number."""
        begin = time.monotonic()
        while not self.ended():
            time.sleep(0.01)
            assert time.monotonic() - begin < PATIENCE, "hangs"
        return self.code


def slow_ensemble():
    """Average four hundred realizations that take their time."""
    average(Drawn(chunk=2, seconds=0.002), realizations=400, store="s", **QUIET).close()


def left_over(*expected):
    """Return files of this folder that nobody asked for."""
    return sorted({entry.name for entry in os.scandir(".")} - {*expected, "__pycache__"})


def interrupted_sweeps(count, number, seed=0, points=60, seconds=0.03):
    """Interrupt a sweep at random moments and go on; return the numbers of points kept.

    Raises
    ------
    AssertionError
        A point is solved twice that was not in flight, or a file is left that nobody asked for.
    """
    rng, kept = random.Random(seed), []
    Path("family.py").write_text(SLOW_FAMILY.replace("SECONDS", str(seconds)))
    words = ["sweep", "family.py", "--vary", f"height=2:4:{points}", "-o", "out.nc"]
    for _ in range(count):
        for name in ("out.nc", "log"):
            Path(name).unlink(missing_ok=True)
        running = Forked(lambda: main(words))
        while not running.ended() and not os.path.exists("log"):
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.9 * points * seconds))
        if not running.ended():
            os.kill(running.pid, number)
        code = running.wait()
        assert code in (0, -number if number == signal.SIGKILL else 130), code
        begun = os.path.getsize("log")
        kept.append(begun - (code != 0))
        assert Forked(lambda: main([*words, "--resume" if TableFile("out.nc").exists else "--overwrite"])).wait() == 0
        assert os.path.getsize("log") <= points + (code != 0), "a finished point was solved again"
        assert np.isfinite(TableFile("out.nc").earlier(10**6)["angle"]).all()
        assert left_over("family.py", "out.nc", "log") == []
    assert count < 10 or min(kept) < points - 1, "no sweep was interrupted"
    return kept


def committed(path):
    """Return how many realizations a store has at this moment."""
    if not is_store(path):
        return 0
    with Store(path, None) as store:
        return store.end()


def interrupted_ensembles(count, number, seed=0):
    """Interrupt an ensemble at random moments until it is done; nothing committed is lost, the bits are the same."""
    rng = random.Random(seed)
    with average(Drawn(chunk=2), realizations=400, **QUIET) as whole:
        right = whole["conductance"].mean, whole["conductance"].error
    done, kept = 0, []
    for _ in range(count):
        running = Forked(slow_ensemble)
        while not running.ended() and committed("s") <= done:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.4))
        if not running.ended():
            os.kill(running.pid, number)
        running.wait()
        with open_ensemble("s") as found:
            assert found.lost == 0
            assert found.realizations >= done, "committed realizations are lost"
            done = found.realizations
        kept.append(done)
        if done == 400:
            with average(Drawn(chunk=2), realizations=400, store="s", **QUIET) as again:
                same = again["conductance"].mean, again["conductance"].error
            assert same == right
            assert left_over("s") == []
            Path("s").unlink()
            done = 0
    return kept


def everything():
    """Try hundreds of faults in a temporary folder and print what came of them."""
    import tempfile

    count, kills = 400, 30
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        wrong = 0
        for name, attempt in (("NetCDF files", damaged_tables), ("stores", damaged_stores)):
            found = attempt(count)
            wrong += found["wrong"]
            print(f"{count} damaged {name}: {dict(found)}", flush=True)
            for entry in os.scandir("."):
                os.unlink(entry.path)
        for word in ("SIGKILL", "SIGTERM", "SIGINT"):
            number = getattr(signal, word)
            print(f"{kills} x {word}: points of sweeps kept {interrupted_sweeps(kills, number)}", flush=True)
            for entry in os.scandir("."):
                if entry.is_file():
                    os.unlink(entry.path)
            print(f"{kills} x {word}: realizations kept {interrupted_ensembles(kills, number)}", flush=True)
            for entry in os.scandir("."):
                if entry.is_file():
                    os.unlink(entry.path)
        os.chdir("/")
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(everything())
