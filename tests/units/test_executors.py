"""Executors: shut down, silent, dead, lying; the same bits or an error that says what happened."""

import copy
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import kwant_spinjunc as sj
from kwant_spinjunc.runs.ensemble import average, open_ensemble
from kwant_spinjunc.runs.executors import ExecutorError, Pool, dask_executor, open_pool, ordered
from kwant_spinjunc.runs.store import StoreError
from kwant_spinjunc.runs.sweep import SweepError, SweepInterrupted
from kwant_spinjunc.runs.validity import validity_map
from systems.tunnel_junction import tunnel_junction

from ensemble_problems import Drawn  # isort: skip

QUIET = dict(workers=1, progress=False)


def same(a, b):
    return all(np.array_equal(a[n].mean, b[n].mean) and np.array_equal(a[n].error, b[n].error) for n in a.names)


class Odd(Executor):
    """Answers as it is told to."""

    def __init__(self, answer):
        self.answer = answer

    def submit(self, function, *args):
        return self.answer(function, *args)


def done(value):
    future = Future()
    future.set_result(value)
    return future


LIES = {
    "none": lambda function, *args: done(None),
    "a number": lambda function, *args: done(3.0),
    "the answer to another task": lambda function, *args: done((10**9, function(*args)[1])),
    "half an answer": lambda function, *args: done(function(*args)[:1]),
}


@pytest.mark.parametrize("lie", LIES)
def test_an_answer_that_is_none_is_refused_and_nothing_kept(lie):
    executor = Odd(LIES[lie])
    with pytest.raises(ExecutorError, match="must return what a task returned"):
        average(Drawn(), realizations=8, store="s", executor=executor, progress=False)
    with pytest.raises(ExecutorError, match="must return what a task returned"):
        sj.sweep(tunnel_junction, energy=0.0, theta=[0.0, 1.0], executor=executor, progress=False)
    with pytest.raises((sj.ArgumentError, StoreError)):
        open_ensemble("s")
    assert same(average(Drawn(), realizations=8, store="s", **QUIET), average(Drawn(), realizations=8, **QUIET))


def test_a_result_of_another_shape_is_refused():
    def wrong(function, *args):
        number, solved = function(*args)
        return done((number, {"angle": 1.0} if isinstance(solved, dict) else solved.samples))

    with pytest.raises(ExecutorError, match="samples of a task"):
        average(Drawn(), realizations=8, executor=Odd(wrong), progress=False)
    with pytest.raises(ExecutorError, match="must give probabilities"):
        sj.sweep(tunnel_junction, energy=0.0, theta=[0.0, 1.0], executor=Odd(wrong), progress=False)


def test_no_future_is_told():
    with pytest.raises(ExecutorError, match=r"Odd\.submit did not"):
        average(Drawn(), realizations=8, executor=Odd(lambda function, *args: None), progress=False)


def test_silence_ends_after_the_timeout():
    begin = time.monotonic()
    silent = Odd(lambda function, *args: Future())
    pool = Pool(lambda: silent, 2, renewable=False, timeout=0.2)
    with pytest.raises(ExecutorError, match="no result for 0.2 s"):
        average(Drawn(), realizations=8, executor=pool, progress=False)
    with pytest.raises(ExecutorError, match="no result for 0.2 s"):
        sj.sweep(tunnel_junction, energy=0.0, theta=[0.0, 1.0], executor=pool, progress=False)
    assert time.monotonic() - begin < 10
    with open_pool(silent) as foreign, open_pool(None, 1) as own:
        assert foreign.timeout == 600.0
        assert own.timeout is None


def test_a_shutdown_that_cancels_ends_the_run_and_keeps_what_was_done():
    problem = Drawn(chunk=2, seconds=0.02)
    pool = ThreadPoolExecutor(2)
    threading.Timer(0.3, partial(pool.shutdown, wait=False, cancel_futures=True)).start()
    with pytest.raises(ExecutorError, match="What was finished is kept"):
        average(problem, realizations=400, store="s", executor=pool, progress=False)
    with open_ensemble("s") as kept:
        count = kept.realizations
        assert 0 < count < 400
    again = average(Drawn(chunk=2, log="log"), realizations=40, store="s", **QUIET)
    assert len(Path("log").read_text().split()) == max(40 - count, 0) if count < 40 else not Path("log").exists()
    assert same(again, average(Drawn(chunk=2), realizations=40, **QUIET))


def test_a_shutdown_that_cancels_ends_a_sweep():
    pool = ThreadPoolExecutor(1)

    def slow(height=1.0):
        if height > 5:
            pool.shutdown(wait=False, cancel_futures=True)
        return tunnel_junction(height=height + 1)

    with pytest.raises(sj.SpinjuncError, match="died or was shut down"):
        sj.sweep(slow, energy=np.linspace(-1, 0.9, 50), height=np.arange(1, 20.0), executor=pool, progress=False)


class Murderer(ProcessPoolExecutor):
    """Kills one of its workers after some tasks, once."""

    left = 3

    def submit(self, function, *args):
        future = super().submit(function, *args)
        Murderer.left -= 1
        if Murderer.left == 0:
            for process in self._processes.values():
                os.kill(process.pid, signal.SIGKILL)
        return future


def test_killed_workers_change_no_bit():
    Murderer.left = 3
    result = average(Drawn(), realizations=40, executor=partial(Murderer, 1), progress=False)
    assert Murderer.left < 0
    assert (result.failed, result.lost) == (0, 0)
    assert same(result, average(Drawn(), realizations=40, **QUIET))


def test_tasks_come_back_in_order_with_their_keys():
    with ThreadPoolExecutor(4) as threads, open_pool(threads, 4) as pool:
        tasks = ((n, (0.01 * (5 - n % 5),)) for n in range(20))
        assert [key for key, _ in ordered(pool, time.sleep, tasks)] == list(range(20))


def test_what_a_task_raises_is_raised():
    with open_pool(None, 1) as pool, pytest.raises(ZeroDivisionError):
        list(ordered(pool, divmod, [(0, (1, 0))]))
    dead = Odd(lambda function, *args: (_ for _ in ()).throw(BrokenExecutor("dead")))
    with open_pool(dead) as pool, pytest.raises(ExecutorError, match="dead"):
        list(ordered(pool, divmod, [(0, (1, 1))]))


# ---------------------------------------------------------------------- clusters
def test_dask_loses_a_worker_in_the_middle_and_no_bit():
    pytest.importorskip("distributed")
    problem = Drawn(chunk=2, seconds=0.05)
    with dask_executor("local", 2) as executor:
        client = executor._client
        (pid, *_) = client.run(os.getpid).values()
        threading.Timer(1.0, os.kill, (pid, signal.SIGKILL)).start()
        result = average(problem, realizations=80, executor=executor, progress=False)
    assert (result.failed, result.lost) == (0, 0)
    assert same(result, average(Drawn(chunk=2), realizations=80, **QUIET))


MPI = """
import sys
sys.path[:0] = sys.argv[1:]
import kwant_spinjunc as sj
from ensemble_problems import Drawn
from kwant_spinjunc.runs.ensemble import average
from systems.tunnel_junction import tunnel_junction
if __name__ == "__main__":
    from mpi4py.futures import MPIPoolExecutor
    with MPIPoolExecutor() as executor:
        result = average(Drawn(chunk=2), realizations=40, executor=executor, progress=False)
        data = sj.sweep(tunnel_junction, energy=0.1, theta=[0.0, 1.0, 2.0], executor=executor, progress=False)
        ranks = executor.num_workers
    print(ranks, float(result.conductance.mean).hex(), data.conductance.values.tobytes().hex())
"""


def test_mpi_gives_the_same_bits():
    pytest.importorskip("mpi4py")
    if shutil.which("mpiexec") is None:
        pytest.skip("no mpiexec")
    Path("mpi.py").write_text(MPI)
    tests = Path(__file__).parents[1]
    words = ["mpiexec", "-n", "3", sys.executable, "-m", "mpi4py.futures", "mpi.py", str(tests), str(tests.parent)]
    folder = os.path.join(os.path.dirname(os.path.realpath(shutil.which("mpiexec"))), "..", "lib")
    libraries = os.pathsep.join(filter(None, (os.environ.get("LD_LIBRARY_PATH"), folder)))
    environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    environment["LD_LIBRARY_PATH"] = libraries  # MPICH of a wheel lies beside its mpiexec
    printed = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=120)
    mean = average(Drawn(chunk=2), realizations=40, **QUIET).conductance.mean
    data = sj.sweep(tunnel_junction, energy=0.1, theta=[0.0, 1.0, 2.0], progress=False)
    expected = ["2", float(mean).hex(), data.conductance.values.tobytes().hex()]
    assert printed.stdout.split() == expected, printed.stderr


# ---------------------------------------------------------------------- copies
def test_results_and_errors_pickle_and_copy():
    data = sj.sweep(tunnel_junction, energy=0.0, theta=[0.0, 1.0], progress=False)
    for error in (SweepError("why", data), SweepInterrupted(data)):
        for copied in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
            assert type(copied) is type(error)
            assert str(copied) == str(error)
            xr.testing.assert_identical(copied.dataset, data)
    result = average(Drawn(), realizations=8, store="s", **QUIET)
    interrupted = sj.EnsembleInterrupted(result)
    for copied in (pickle.loads(pickle.dumps(result)), copy.deepcopy(result), copy.deepcopy(interrupted).result):
        assert same(copied, result)
        np.testing.assert_array_equal(copied.samples("conductance"), result.samples("conductance"))
        copied.close()
    samples = result.samples("conductance")  # copies that are closed close nothing here
    assert len(samples) == 8
    copied = pickle.loads(pickle.dumps(result))
    result.close()
    Path("s").unlink()
    assert copied.conductance.count == 8
    with pytest.raises(sj.SpinjuncError, match="`store` must be a file"):
        copied.samples("conductance")


# ---------------------------------------------------------------------- borders
def test_a_junction_is_no_family():
    for verb in (sj.sweep, validity_map):
        with pytest.raises(
            sj.ArgumentError, match="`family` must be a function that returns a Junction, but is a Junc"
        ):
            verb(tunnel_junction(), energy=0.0, theta=[0.0, 1.0], progress=False)


def test_options_of_another_target_are_refused():
    with pytest.raises(sj.ArgumentError, match="`angles` must be left out for BORIS"):
        sj.export(tunnel_junction(), "boris", lattice_constant=0.3, angles=[0.0, 1.0])
    with pytest.raises(sj.ArgumentError, match="`saturation` must be left out for BORIS"):
        sj.export(tunnel_junction(), "boris", lattice_constant=0.3, saturation=1e6)
    with pytest.raises(sj.ArgumentError, match="`biases` must be left out for mumax3"):
        sj.export(tunnel_junction(), "mumax3", lattice_constant=0.3, biases=[0.0, 1.0])
