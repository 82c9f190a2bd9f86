r"""Where tasks run: this process, a pool of processes, or any `concurrent.futures.Executor` (Dask, MPI, threads).

Workers of the default pool have one BLAS thread each (set before they import NumPy), leave Ctrl-C to the main process
and end when it dies, however it dies.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from multiprocessing import connection
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from ..checks import positive_integer, shown
from ..errors import ArgumentError, SpinjuncError

K = TypeVar("K")

#: One thread per worker: two BLAS threads gain little on matrices of these sizes, and lose much on a busy machine.
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")

#: Dask starts its workers with MALLOC_TRIM_THRESHOLD_=65536: glibc then gives memory back to the system whenever 64 KiB
#: are free at the end of the heap, and no longer raises the size from which it maps every array anew. Both make each
#: large temporary array a system call and a row of page faults.
TRIM_THRESHOLD = MMAP_THRESHOLD = 256 * 2**20
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3

#: Seconds without any result after which an executor that is not our own is given up.
SILENCE = 600.0

#: Seconds to wait for a Dask scheduler.
DASK_TIMEOUT = 10.0


class ExecutorError(SpinjuncError, RuntimeError):
    """The workers cannot be started, or an executor died that cannot be made anew."""


class LostTaskError(BrokenExecutor):
    """A task was lost with its worker; the executor goes on."""


class _Serial(Executor):
    """Run every task at once in this process."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


class Pool:
    """An executor that ``make`` returns, which can be made anew when it dies if that is ``renewable``.

    ``workers``: how many tasks run at the same time; None asks the executor.
    ``timeout``: seconds without any result after which it is given up; None waits forever.
    """

    def __init__(
        self,
        make: Callable[[], Executor],
        workers: int | None = None,
        renewable: bool = True,
        timeout: float | None = None,
    ) -> None:
        self.renewable = renewable
        self.timeout = timeout
        self._make = make
        self.executor = make()
        self.workers = workers or getattr(self.executor, "_max_workers", None) or available_workers()
        self._finished: SimpleQueue[int] = SimpleQueue()

    @property
    def is_serial(self) -> bool:
        """Whether tasks run in this process, one after the other."""
        return isinstance(self.executor, _Serial)

    def submit(self, function: Callable[..., Any], *args: Any) -> Task:
        """Start a task; of a dead executor it is one that says so."""
        number = next(_numbers)
        try:
            future = self.executor.submit(_answered, number, function, *args)
        except (BrokenExecutor, RuntimeError) as error:
            future = Future()
            future.set_exception(error if isinstance(error, BrokenExecutor) else BrokenExecutor(str(error)))
        if not hasattr(future, "add_done_callback"):
            name = type(self.executor).__name__
            raise ExecutorError(f"The executor must return a Future for every task, but {name}.submit did not.")
        # called by a cancellation too, through which concurrent.futures.wait would sleep
        future.add_done_callback(lambda _: self._finished.put(number))
        return Task(number, future)

    def finished(self) -> int:
        """Wait for any task to end, by whatever way, and return its number; raise `ExecutorError` after ``timeout``."""
        try:
            return self._finished.get(timeout=self.timeout)
        except Empty:
            raise ExecutorError(
                f"The executor gave no result for {self.timeout:g} s and was given up. What was finished is kept. Give "
                "`kwant_spinjunc.runs.executors.Pool(make, timeout=None)` as the executor to wait longer."
            ) from None

    def renew(self) -> None:
        """Make the executor anew after it broke, or raise `ExecutorError` if it was given ready-made."""
        if not self.renewable:
            raise ExecutorError(
                "The executor died with its tasks. What was finished is kept. Give a function that makes an executor "
                "instead of an executor, so that it can be made anew."
            )
        self.close()
        self.executor = self._make()

    def close(self) -> None:
        """End the executor if it is our own, and its running tasks."""
        if not self.renewable:
            return
        processes = list((getattr(self.executor, "_processes", None) or {}).values())
        self.executor.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            if isinstance(process, multiprocessing.process.BaseProcess):
                process.terminate()


_numbers = count()


def _answered(number: int, function: Callable[..., Any], *args: Any) -> tuple[int, Any]:
    """Return the result with the number of its task, by which an answer to another task, or none, is known."""
    return number, function(*args)


@dataclass(frozen=True)
class Task:
    """What `Pool.submit` has started, by its number."""

    number: int
    future: Future[Any]

    def result(self) -> Any:
        """Return what the task returned, once it has ended, or raise what it raised.

        Raises `BrokenExecutor`: The executor died or was shut down; `LostTaskError` where it goes on. Raises
        `ExecutorError`: It gave no answer to this task.
        """
        try:
            answer = self.future.result(timeout=0)
        except CancelledError:
            raise BrokenExecutor("a task was cancelled by its executor") from None
        except Exception as error:
            if type(error).__module__.partition(".")[0] == "distributed":  # KilledWorker, lost connections
                raise LostTaskError(f"{type(error).__name__}: {error}") from error
            raise
        if not isinstance(answer, tuple) or len(answer) != 2 or type(answer[0]) is not int or answer[0] != self.number:
            raise ExecutorError(
                f"The executor must return what a task returned, but answered with {shown(answer)}. Nothing of it is "
                "kept."
            )
        return answer[1]


def available_workers() -> int:
    """Return the number of CPUs this process may use; 1 inside a worker process."""
    if multiprocessing.parent_process() is not None:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def process_pool(workers: int) -> ProcessPoolExecutor:
    """Return a pool of processes, all of them started, or raise `ExecutorError` if they die while they start."""
    saved = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))  # a spawned process takes them before it imports NumPy
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_start_worker)
    try:
        for future in [pool.submit(os.getpid) for _ in range(workers)]:
            future.result()
    except BaseException as error:
        pool.shutdown(wait=False, cancel_futures=True)
        if not isinstance(error, BrokenExecutor):
            raise
        raise ExecutorError(
            "The worker processes died while they started. They import the main script: put its calls under "
            "`if __name__ == '__main__':`, or use workers=1."
        ) from error
    finally:
        for name in THREAD_VARIABLES:
            del os.environ[name]
        os.environ.update({name: value for name, value in saved.items() if value is not None})
    return pool


def _start_worker() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:  # a worker that waits for work holds its queue open, and would wait forever

        def follow(sentinel: int) -> None:
            connection.wait([sentinel])
            os._exit(1)

        threading.Thread(target=follow, args=(parent.sentinel,), daemon=True).start()


def settle_allocator() -> None:
    """Undo Dask's setting of glibc's allocator in this process, once; without effect elsewhere."""
    if _allocator_is_settled or not sys.platform.startswith("linux"):
        return
    _allocator_is_settled.append(True)
    threshold = os.environ.get("MALLOC_TRIM_THRESHOLD_", "")
    if threshold.isdecimal() and int(threshold) < TRIM_THRESHOLD:
        with suppress(OSError, AttributeError):
            library = ctypes.CDLL(None)
            library.mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD)
            library.mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD)


_allocator_is_settled: list[bool] = []


@contextmanager
def open_pool(
    executor: Executor | Callable[[], Executor] | Pool | None = None,
    workers: int | None = None,
    tasks: int | None = None,
) -> Iterator[Pool]:
    """Yield where tasks run, and end it afterwards.

    ``executor``: any executor, which stays open; a function that makes one; None for processes of this machine. One
    that gives no result for `SILENCE` seconds is given up; a `Pool` says otherwise.
    ``workers``: number of processes: 1 runs in this process, None is one for each CPU. With an executor: how many tasks
    it runs at the same time, where it does not say so itself.
    ``tasks``: number of tasks, if known: there are no more processes than that.
    """
    number = None if workers is None else positive_integer("workers", workers)
    if executor is None:
        number = min(number or available_workers(), max(tasks or 2**31, 1))
        pool = Pool(_Serial, 1) if number == 1 else Pool(partial(process_pool, number), number)
    elif isinstance(executor, Pool):
        pool = executor
    elif isinstance(executor, Executor) or (hasattr(executor, "submit") and not isinstance(executor, type)):
        ready: Any = executor
        pool = Pool(lambda: ready, number, renewable=False, timeout=SILENCE)
    elif callable(executor):
        pool = Pool(executor, number, timeout=SILENCE)
    else:
        raise ArgumentError(
            f"Argument `executor` must be a concurrent.futures.Executor, but is {type(executor).__name__}. "
            "Use `workers` for processes on this machine."
        )
    try:
        yield pool
    finally:
        pool.close()


def ordered(
    pool: Pool, function: Callable[..., Any], tasks: Iterable[tuple[K, tuple[Any, ...]]]
) -> Iterator[tuple[K, Any]]:
    """Yield (key, ``function(*arguments)``) in the order of the tasks (key, arguments), taken as they are needed.

    Raises `ExecutorError`: A worker died, the executor is shut down, silent, or gives something else.
    """
    waiting: deque[tuple[K, Task]] = deque()
    window = 1 if pool.is_serial else 2 * pool.workers
    remaining = iter(tasks)
    done: set[int] = set()
    try:
        while True:
            while len(waiting) < window and (task := next(remaining, None)) is not None:
                waiting.append((task[0], pool.submit(function, *task[1])))
            if not waiting:
                return
            while waiting[0][1].number not in done:
                done.add(pool.finished())
            key, first = waiting.popleft()
            done.discard(first.number)
            yield key, first.result()
    except BrokenExecutor as death:
        raise ExecutorError(
            f"A worker died or was shut down, for example for lack of memory ({death}). Use fewer workers."
        ) from death
    finally:
        for _, started in waiting:
            started.future.cancel()


@contextmanager
def dask_executor(address: str, workers: int | None = None) -> Iterator[Executor]:
    """Yield the executor of a Dask cluster.

    ``address``: of the scheduler, as ``tcp://node:8786``, or ``"local"`` for a cluster of processes on this machine.
    ``workers``: processes of a local cluster; None is one for each CPU.
    """
    try:
        import dask
        from dask.distributed import Client, LocalCluster
    except ImportError as error:
        raise ArgumentError(
            "Argument `dask` must not be given without Dask, but it is not installed. Install kwant-spinjunc[dask]."
        ) from error
    environment = {
        **dict.fromkeys(THREAD_VARIABLES, "1"),
        "MALLOC_TRIM_THRESHOLD_": str(TRIM_THRESHOLD),
        "MALLOC_MMAP_THRESHOLD_": str(MMAP_THRESHOLD),
    }
    at: Any = address
    with dask.config.set({"distributed.nanny.pre-spawn-environ": environment}), ExitStack() as opened:
        try:
            if address == "local":
                at = LocalCluster(
                    n_workers=workers or available_workers(), threads_per_worker=1, dashboard_address=None
                )
                opened.callback(at.close)
            client = Client(at, timeout=DASK_TIMEOUT)
            opened.callback(client.close)
        except (OSError, TimeoutError, ValueError, TypeError) as error:
            raise ArgumentError(
                f"Argument `dask` must be the address of a running scheduler or 'local', but {address!r} does not "
                f"answer ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}). "
                "Start one with `dask scheduler`."
            ) from error
        executor = client.get_executor(pure=False, retries=0)
        executor._max_workers = workers or max(sum(client.nthreads().values()), 1)
        yield executor
