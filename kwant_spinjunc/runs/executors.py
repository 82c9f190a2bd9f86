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
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import connection
from typing import Any

from ..checks import positive_integer
from ..errors import ArgumentError, SpinjuncError

__all__ = ["ExecutorError", "Pool", "available_workers", "dask_executor", "open_pool", "ordered", "process_pool"]

#: One thread per worker: two BLAS threads gain little on matrices of these sizes, and lose much on a busy machine.
THREAD_VARIABLES = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")

#: Dask starts its workers with MALLOC_TRIM_THRESHOLD_=65536: glibc then gives memory back to the system whenever 64 KiB
#: are free at the end of the heap, and no longer raises the size from which it maps every array anew. Both make each
#: large temporary array a system call and a row of page faults.
TRIM_THRESHOLD = MMAP_THRESHOLD = 256 * 2**20
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3

#: Seconds to wait for a Dask scheduler.
DASK_TIMEOUT = 10.0


class ExecutorError(SpinjuncError, RuntimeError):
    """The workers cannot be started, or an executor died that cannot be made anew."""


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
    """An executor that can be made anew when it dies.

    Parameters
    ----------
    make
        Returns an executor.
    workers
        How many tasks run at the same time; None asks the executor.
    renewable
        Whether ``make`` can be called again.
    """

    def __init__(self, make: Callable[[], Executor], workers: int | None = None, renewable: bool = True) -> None:
        self.renewable = renewable
        self._make = make
        self.executor = make()
        self.workers = workers or getattr(self.executor, "_max_workers", None) or available_workers()
        self._tasks: set[Future[Any]] = set()

    @property
    def is_serial(self) -> bool:
        """Whether tasks run in this process, one after the other."""
        return isinstance(self.executor, _Serial)

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Start a task; a dead executor gives a future that says so."""
        try:
            return self.executor.submit(function, *args)
        except (BrokenExecutor, RuntimeError) as error:
            future: Future[Any] = Future()
            future.set_exception(error if isinstance(error, BrokenExecutor) else BrokenExecutor(str(error)))
            return future

    def renew(self) -> None:
        """Make the executor anew after it broke.

        Raises
        ------
        ExecutorError
            It was given ready-made.
        """
        if not self.renewable:
            raise ExecutorError(
                "The executor died with its tasks. What was finished is kept. Give a function that makes an executor "
                "instead of an executor, so that it can be made anew."
            )
        self.close(wait=False)
        self.executor = self._make()

    def close(self, wait: bool = True) -> None:
        """End the executor if it is our own; without ``wait`` its running tasks too."""
        if not self.renewable:
            return
        processes = list((getattr(self.executor, "_processes", None) or {}).values())
        self.executor.shutdown(wait=wait, cancel_futures=True)
        if not wait:
            for process in processes:
                if isinstance(process, multiprocessing.process.BaseProcess):
                    process.terminate()


def available_workers() -> int:
    """Return the number of CPUs this process may use; 1 inside a worker process."""
    if multiprocessing.parent_process() is not None:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def process_pool(workers: int) -> ProcessPoolExecutor:
    """Return a pool of processes, all of them started.

    Raises
    ------
    ExecutorError
        They die while they start.
    """
    saved = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))  # a spawned process takes them before it imports NumPy
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_start_worker)
    try:
        for future in [pool.submit(_ready) for _ in range(workers)]:
            future.result()
    except BrokenExecutor as error:
        pool.shutdown(wait=False, cancel_futures=True)
        raise ExecutorError(
            "The worker processes died while they started. They import the main script: put its calls under "
            "`if __name__ == '__main__':`, or use workers=1."
        ) from error
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    finally:
        for name, value in saved.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return pool


def _ready() -> None:
    """Be run once by a worker that has started."""


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
    executor: Executor | Callable[[], Executor] | None = None, workers: int | None = None, tasks: int | None = None
) -> Iterator[Pool]:
    """Yield where tasks run, and end it afterwards.

    Parameters
    ----------
    executor
        Any executor, which stays open; a function that makes one; None for processes of this machine.
    workers
        Number of processes: 1 runs in this process, None is one for each CPU. With an executor: how many tasks it
        runs at the same time, where it does not say so itself.
    tasks
        Number of tasks, if known: there are no more processes than that.

    Raises
    ------
    ArgumentError
        ``workers`` is no positive integer, ``executor`` no executor.
    ExecutorError
        Workers cannot be started.
    """
    count = None if workers is None else positive_integer("workers", workers)
    if executor is None:
        count = min(count or available_workers(), max(tasks or 2**31, 1))
        pool = Pool(_Serial, 1) if count == 1 else Pool(partial(process_pool, count), count)
    elif isinstance(executor, Executor) or (hasattr(executor, "submit") and not isinstance(executor, type)):
        ready: Any = executor
        pool = Pool(lambda: ready, count, renewable=False)
    elif callable(executor):
        pool = Pool(executor, count)
    else:
        raise ArgumentError(
            f"Argument `executor` must be a concurrent.futures.Executor, but is {type(executor).__name__}. "
            "Use `workers` for processes on this machine."
        )
    try:
        yield pool
    except BaseException:
        pool.close(wait=False)
        raise
    pool.close(wait=False)


def ordered(pool: Pool, function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
    """Yield ``function(*task)`` in the order of the tasks, which are taken as they are needed.

    Raises
    ------
    ExecutorError
        A worker died.
    """
    waiting: deque[Future[Any]] = deque()
    window = 1 if pool.is_serial else 2 * pool.workers
    remaining = iter(tasks)
    try:
        while True:
            while len(waiting) < window and (task := next(remaining, None)) is not None:
                waiting.append(pool.submit(function, *task))
            if not waiting:
                return
            yield waiting.popleft().result()
    except BrokenExecutor as death:
        raise ExecutorError(f"A worker died, for example for lack of memory ({death}). Use fewer workers.") from death
    finally:
        for future in waiting:
            future.cancel()


@contextmanager
def dask_executor(address: str, workers: int | None = None) -> Iterator[Executor]:
    """Yield the executor of a Dask cluster.

    Parameters
    ----------
    address
        Of the scheduler, as ``tcp://node:8786``, or ``"local"`` for a cluster of processes on this machine.
    workers
        Processes of a local cluster; None is one for each CPU.

    Raises
    ------
    ArgumentError
        Dask is not installed, or no scheduler answers at the address.
    """
    try:
        import dask
        from dask.distributed import Client, LocalCluster
    except ImportError as error:
        raise ArgumentError(
            "Argument `dask` must not be given without Dask, but it is not installed. Install kwant-spinjunc[dask]."
        ) from error
    local = address == "local"
    environment = {
        **dict.fromkeys(THREAD_VARIABLES, "1"),
        "MALLOC_TRIM_THRESHOLD_": str(TRIM_THRESHOLD),
        "MALLOC_MMAP_THRESHOLD_": str(MMAP_THRESHOLD),
    }
    cluster: Any = None
    client: Any = None
    with dask.config.set({"distributed.nanny.pre-spawn-environ": environment}):
        try:
            if local:
                cluster = LocalCluster(
                    n_workers=workers or available_workers(), threads_per_worker=1, dashboard_address=None
                )
            client = Client(cluster if local else address, timeout=DASK_TIMEOUT)
        except (OSError, TimeoutError, ValueError, TypeError) as error:
            if cluster is not None:
                cluster.close()
            raise ArgumentError(
                f"Argument `dask` must be the address of a running scheduler or 'local', but {address!r} does not "
                f"answer ({type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}). "
                "Start one with `dask scheduler`."
            ) from error
        try:
            executor = client.get_executor(pure=False, retries=0)
            executor._max_workers = workers or max(sum(client.nthreads().values()), 1)
            yield executor
        finally:
            client.close()
            if cluster is not None:
                cluster.close()
