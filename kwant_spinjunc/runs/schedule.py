r"""Hand out chunks of realizations, commit what comes back, merge it in order, and stop where the rule says.

What the machine has not solved (a worker that dies again and again, no memory) is named, left out and never kept, so
that the next run solves it. What physics refuses is kept as failed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from ..arrays import Floats
from ..errors import ArgumentError
from .executors import ExecutorError, LostTaskError, Pool, Task, settle_allocator
from .realizations import Observable, Problem
from .statistics import BlockMeans, Moments, Statistic
from .store import Store

#: With a tolerance, at least so many realizations: the error bar of a few samples is itself uncertain.
MINIMUM = 16
#: An ensemble of which so many realizations fail from the first one on is given up.
HOPELESS = 8
#: Failures that a result lists; the store has them all.
LISTED = 100
#: Times that a realization is tried alone after its worker died.
ATTEMPTS = 3
#: What is no property of a sample.
ENVIRONMENT = (MemoryError, OSError, ImportError, EOFError, BrokenExecutor)


@dataclass(frozen=True)
class Solved:
    """Samples of some realizations, the rows of failed and lost ones NaN; errors by realization.

    A failure is the physics of a sample and is kept. What is lost, for lack of memory for example, may be solved
    elsewhere or tomorrow.
    """

    samples: Floats
    failures: dict[int, str]
    lost: dict[int, str]


def solve_realizations(problem: Problem, numbers: Sequence[int]) -> Solved:
    """Return samples and failures of some realizations: what a worker does."""
    settle_allocator()
    width = sum(q.size for q in problem.quantities)
    samples = np.full((len(numbers), width), np.nan)
    failures: dict[int, str] = {}
    lost: dict[int, str] = {}
    for row, number in enumerate(numbers):
        for attempt in (1, 2):
            try:
                values = problem.solve(number)
                found = np.concatenate([np.broadcast_to(values[q.name], q.shape).ravel() for q in problem.quantities])
                if not np.isfinite(found).all():
                    raise ArithmeticError("a quantity is not finite")
                samples[row] = found
            except Exception as error:
                if attempt == 2:
                    into = lost if isinstance(error, ENVIRONMENT) else failures
                    into[number] = f"{type(error).__name__}: {error}"
            else:
                break
    return Solved(samples, failures, lost)


@dataclass(frozen=True)
class Chunk:
    """A range of realizations as the store has it: rows of absent ones are NaN."""

    samples: Floats
    failures: dict[int, str]
    absent: list[int]
    damaged: list[int]


def read(store: Store, start: int, stop: int, width: int) -> Chunk:
    """Return a range of realizations, what is absent, and where damaged rows begin."""
    samples = np.full((stop - start, width), np.nan)
    absent = np.ones(stop - start, dtype=bool)
    failures: dict[int, str] = {}
    damaged = []
    at = start
    for begin, _ in store.rows(start, stop):
        found = store.read(begin) if begin >= at else None
        if found is None or found[0].shape[1] != width:
            damaged.append(begin)
            continue
        at = min(begin + len(found[0]), stop)
        samples[begin - start : at - start] = found[0][: at - begin]
        absent[begin - start : at - start] = False
        failures.update({number: text for number, text in found[1].items() if begin <= number < at})
    return Chunk(samples, failures, (start + np.flatnonzero(absent)).tolist(), damaged)


class Run:
    """Hand out chunks, commit what comes back, merge it in order, and stop where the rule says."""

    def __init__(
        self, problem: Problem, store: Store, count: int, rtol: float | None, quantity: str, progress: bool | None
    ) -> None:
        from tqdm import tqdm

        self.problem, self.store, self.count = problem, store, count
        self.rtol, self.quantity = rtol, quantity
        self.chunks = -(-count // problem.chunk)
        self.merged = 0  # chunks
        self.statistics = Merged(problem.quantities)
        self.flying: dict[int, tuple[Task, tuple[int, ...]]] = {}
        self.lost: dict[int, str] = {}
        self.bar = tqdm(total=count, unit="sample", disable=None if progress is None else not progress)

    def _range(self, chunk: int) -> tuple[int, int]:
        size = self.problem.chunk
        return chunk * size, min((chunk + 1) * size, self.count)

    def _missing(self, chunk: int) -> tuple[int, ...]:
        """Return the first consecutive realizations of a chunk that are neither in the store nor lost."""
        start, stop = self._range(chunk)
        absent = np.ones(stop - start, dtype=bool)
        for begin, count in self.store.rows(start, stop):
            absent[begin - start : begin - start + count] = False
        absent[[number - start for number in self.lost if start <= number < stop]] = False
        found = (start + np.flatnonzero(absent)).tolist()
        return tuple(number for i, number in enumerate(found) if number == found[0] + i)

    def work(self, pool: Pool) -> None:
        """Do everything that is missing."""
        # tasks that run or wait for a worker, and how far ahead of the merge they may be
        window = 1 if pool.is_serial else 2 * pool.workers
        ahead = 8 * window
        following = 0
        while not self._done():
            following = max(following, self.merged)
            while len(self.flying) < window and following < min(self.chunks, self.merged + ahead):
                if numbers := self._missing(following):
                    task = pool.submit(solve_realizations, self.problem, numbers)
                    self.flying[task.number] = task, numbers
                following += 1
            if not self.flying:
                following = self.merged  # a damaged row turned up, or a row has several gaps
                if self._done():
                    return
                continue
            self._collect(pool)
        for task, _ in self.flying.values():
            task.future.cancel()

    def _collect(self, pool: Pool) -> None:
        """Wait for one task and commit it; of tasks lost with their workers solve every realization alone."""
        lost: list[tuple[int, ...]] = []
        if self._take(pool.finished(), lost):  # all that was flying is lost with the pool, any of it may be the reason
            while self.flying:
                self._take(pool.finished(), lost)
            pool.renew()
        while lost:
            lost.sort()
            self._one_by_one(pool, lost.pop(0), lost)

    def _take(self, number: int, lost: list[tuple[int, ...]]) -> bool:
        """Commit an ended task or note it as lost; return whether the pool is broken."""
        if number not in self.flying:
            return False
        task, numbers = self.flying.pop(number)
        try:
            self._commit(numbers, task.result())
        except LostTaskError:
            lost.append(numbers)
        except BrokenExecutor:
            lost.append(numbers)
            return True
        return False

    def _one_by_one(self, pool: Pool, numbers: tuple[int, ...], lost: list[tuple[int, ...]]) -> None:
        """Solve the realizations of a lost task alone, so that the one that kills its worker shows itself.

        Other tasks may end meanwhile: they are committed, or join those that are ``lost``.
        """
        for number in numbers:
            for attempt in range(1, ATTEMPTS + 1):
                task = pool.submit(solve_realizations, self.problem, (number,))
                while (ended := pool.finished()) != task.number:
                    self._take(ended, lost)
                try:
                    self._commit((number,), task.result())
                    break
                except BrokenExecutor as death:
                    if not isinstance(death, LostTaskError):
                        pool.renew()
                    if attempt == ATTEMPTS:
                        self.lost[number] = f"its worker died {ATTEMPTS} times ({death})"

    def _commit(self, numbers: tuple[int, ...], solved: Any) -> None:
        """Keep what physics has decided; what the machine has not solved is left to the next run."""
        shape = (len(numbers), self.statistics.width)
        if not isinstance(solved, Solved) or np.shape(solved.samples) != shape:
            raise ExecutorError("The executor must return the samples of a task, but gave something else.")
        self.lost.update(solved.lost)
        kept = [row for row, number in enumerate(numbers) if number not in solved.lost]
        for _, group in groupby(kept, key=lambda row: row - kept.index(row)):
            rows = list(group)
            inside = {numbers[row]: solved.failures[numbers[row]] for row in rows if numbers[row] in solved.failures}
            self.store.write(numbers[rows[0]], solved.samples[rows], inside)
        self.bar.update(len(numbers))

    def _done(self) -> bool:
        """Merge what is complete, in order; return whether no more is needed."""
        while self.merged < self.chunks:
            if self.merged and self._is_precise():
                return True
            start, stop = self._range(self.merged)
            found = read(self.store, start, stop, self.statistics.width)
            for begin in found.damaged:
                self.store.drop(begin)
            if any(number not in self.lost for number in found.absent):
                return False
            self.statistics.add(start, found, self.lost)
            self.merged += 1
            if not self.statistics.moments.count and stop >= min(HOPELESS, self.count):
                self._give_up(stop)
            if self.bar.n < stop:
                self.bar.update(stop - self.bar.n)  # from the store
            self._show()
        return True

    def _give_up(self, stop: int) -> None:
        """Raise as no realization was solved, and forget them: what failed may be the machine."""
        for begin, _ in self.store.rows(0, stop):
            self.store.drop(begin)
        if not self.statistics.failures:
            number, why = next(iter(sorted(self.lost.items())))
            raise ExecutorError(f"No realization could be solved on this machine: of realization {number} {why}.")
        raise ArgumentError(
            f"The arguments must allow a solution, but all of the first {stop} realizations failed. "
            f"The first one: {self.statistics.failures[0][1]}"
        )

    def _is_precise(self) -> bool:
        return (
            self.rtol is not None
            and self.statistics.moments.count >= MINIMUM
            and self.statistics.relative_error(self.quantity) <= self.rtol
        )

    def _show(self) -> None:
        if self.bar.disable:
            return
        error = self.statistics.relative_error(self.quantity)
        self.bar.set_postfix_str(f"{self.quantity} ± {error:.2%}", refresh=False)
        if self.rtol is not None and math.isfinite(error):
            needed = math.ceil(self.statistics.moments.count * (error / self.rtol) ** 2)
            self.bar.total = max(min(self.count, needed), self.bar.n)


class Merged:
    """Statistics of all quantities, merged in order."""

    def __init__(self, quantities: tuple[Observable, ...]) -> None:
        ends = np.cumsum([0, *(q.size for q in quantities)]).tolist()
        self.columns = {q.name: slice(a, b) for q, a, b in zip(quantities, ends, ends[1:], strict=False)}
        self.shapes = {q.name: q.shape for q in quantities}
        self.width: int = ends[-1]
        self.moments, self.blocks = Moments(self.width), BlockMeans(self.width)
        self.failed, self.lost = 0, 0
        self.failures: list[tuple[int, str]] = []
        self.losses: list[tuple[int, str]] = []

    def add(self, start: int, chunk: Chunk, lost: Mapping[int, str]) -> None:
        """Add a chunk; what is absent is left out and counted, with the reason if there is one."""
        numbers = start + np.arange(len(chunk.samples))
        left_out = {*chunk.failures, *chunk.absent}
        good = np.array([int(number) not in left_out for number in numbers], dtype=bool)
        self.moments.add(chunk.samples[good])
        self.blocks.add(chunk.samples[good], numbers[good])
        self.failed += len(chunk.failures)
        self.failures += sorted(chunk.failures.items())[: LISTED - len(self.failures)]
        self.lost += len(chunk.absent)
        for number in chunk.absent[: LISTED - len(self.losses)]:
            self.losses.append((number, lost.get(number, "missing or unreadable in the store")))

    def statistic(self, name: str) -> Statistic:
        """Return the statistic of one quantity."""
        return self.moments.statistic(self.columns[name], self.shapes[name])

    def relative_error(self, name: str) -> float:
        """Return the largest standard error per mean of the elements of a quantity, inf where it is not known."""
        s = self.statistic(name)
        error, mean = np.ravel(s.error), abs(np.ravel(s.mean))
        if self.moments.count < 2 or not np.isfinite(error).all():
            return math.inf
        return float(np.divide(error, mean, out=np.where(error > 0, np.inf, 0.0), where=mean > 0).max(initial=0.0))
