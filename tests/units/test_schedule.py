"""What the schedule asks of an executor and of its store, call by call in order, whatever becomes of the tasks."""

import builtins
import sys
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pytest

import kwant_spinjunc as sj
from kwant_spinjunc.runs import executors, schedule
from kwant_spinjunc.runs.ensemble import average, open_ensemble
from kwant_spinjunc.runs.executors import ExecutorError, LostTaskError, Pool, open_pool, ordered
from kwant_spinjunc.runs.store import Store

from ensemble_problems import Drawn  # isort: skip


class KilledWorker(Exception):  # noqa: N818
    """As Dask's."""


KilledWorker.__module__ = "distributed.scheduler"


@dataclass
class Script:
    """What becomes of tasks by the first of their realizations, each time it is asked for; all that happens."""

    fates: dict[int, list[str]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    hold: int = 1  #: So many tasks are answered together, the last one first.
    tasks: int = 10**9  #: Behind so many no more come.
    asked: int = 0

    def executor(self):
        self.told.append("made")
        return _Scripted(self)


class _Scripted(Executor):
    def __init__(self, script):
        self.script, self.pending = script, []

    def submit(self, function, number, solve, problem, numbers):
        script, future = self.script, Future()
        script.asked += 1
        script.told.append(f"ask {spanned(numbers)}")
        fate = next(iter(script.fates.get(numbers[0], [])), "solved")
        script.fates[numbers[0]] = script.fates.get(numbers[0], [])[1:]
        if fate == "refused":
            raise RuntimeError("cannot schedule new futures")
        cancel = future.cancel
        future.cancel = lambda: (script.told.append(f"cancel {spanned(numbers)}"), cancel())[1]
        self.pending.append((future, cancel, fate, lambda: function(number, solve, problem, numbers)))
        if len(self.pending) == script.hold or script.asked >= script.tasks:
            for one in self.pending[::-1]:
                self.answer(*one)
            self.pending.clear()
        return future

    def answer(self, future, cancel, fate, solve):
        raised = {"dies": BrokenExecutor, "lost": LostTaskError, "killed": KilledWorker, "wrong": ZeroDivisionError}
        if fate in raised:
            future.set_exception(raised[fate](fate))
        elif fate == "cancelled":
            cancel()
        elif fate != "silent":
            future.set_result(solve())

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.script.told.append(f"shutdown wait={wait} cancel={cancel_futures}")


def spanned(numbers):
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(executors, "SILENCE", 2.0)


@pytest.fixture
def followed(monkeypatch):
    """Write down what a store is told, beside what is asked of an executor."""

    def follow(script):
        write, drop = Store.write, Store.drop

        def written(self, start, samples, failures):
            assert np.isnan(samples).all(axis=1).tolist() == [start + n in failures for n in range(len(samples))]
            left_out = f" without {sorted(failures)}" if failures else ""
            script.told.append(f"keep {spanned(range(start, start + len(samples)))}{left_out}")
            write(self, start, samples, failures)

        def dropped(self, start):
            script.told.append(f"drop {start}")
            drop(self, start)

        monkeypatch.setattr(Store, "write", written)
        monkeypatch.setattr(Store, "drop", dropped)
        return script

    return follow


#: Fates of tasks, and what happens from the first submission on: two workers, four tasks ahead, of four realizations.
STORIES = {
    "calm": (
        Script(),
        "ask 0-3; ask 4-7; ask 8-11; ask 12-15; keep 0-3; ask 16-19; keep 4-7; keep 8-11; keep 12-15; keep 16-19; END",
    ),
    "dies": (
        Script({4: ["dies"]}),
        "ask 0-3; ask 4-7; ask 8-11; ask 12-15; keep 0-3; ask 16-19; keep 8-11; keep 12-15; keep 16-19; ANEW; "
        "ask 4; keep 4; ask 5; keep 5; ask 6; keep 6; ask 7; keep 7; END",
    ),
    "dies again and again": (
        Script({4: ["dies"] * 5, 5: ["dies"] * 2}),
        "ask 0-3; ask 4-7; ask 8-11; ask 12-15; keep 0-3; ask 16-19; keep 8-11; keep 12-15; keep 16-19; ANEW; "
        "ask 4; ANEW; ask 4; ANEW; ask 4; ANEW; ask 5; ANEW; ask 5; ANEW; ask 5; keep 5; ask 6; keep 6; ask 7; keep 7; "
        "END",
    ),
    # others end while the realizations of a lost task are solved alone: they were waited for forever
    "lost": (
        Script({4: ["lost"]}),
        "ask 0-3; ask 4-7; ask 8-11; ask 12-15; keep 0-3; ask 16-19; ask 4; keep 8-11; keep 12-15; keep 16-19; keep 4; "
        "ask 5; keep 5; ask 6; keep 6; ask 7; keep 7; END",
    ),
    "lost again and again": (
        Script({4: ["lost"] * 4, 8: ["killed"]}),
        "ask 0-3; ask 4-7; ask 8-11; ask 12-15; keep 0-3; ask 16-19; ask 4; keep 12-15; keep 16-19; ask 4; ask 4; "
        "ask 5; keep 5; ask 6; keep 6; ask 7; keep 7; ask 8; keep 8; ask 9; keep 9; ask 10; keep 10; "
        "ask 11; keep 11; END",
    ),
    "two lost, the second one first": (
        Script({8: ["lost"], 4: ["lost"]}, hold=4, tasks=5),
        "ask 0-3; ask 4-7; ask 8-11; ask 12-15; ask 8; keep 0-3; keep 12-15; keep 8; ask 9; keep 9; ask 10; keep 10; "
        "ask 11; keep 11; ask 4; keep 4; ask 5; keep 5; ask 6; keep 6; ask 7; keep 7; ask 16-19; keep 16-19; END",
    ),
    "cancelled": (
        Script({0: ["cancelled"], 4: ["cancelled"]}),
        "ask 0-3; ask 4-7; ask 8-11; ask 12-15; keep 8-11; keep 12-15; ANEW; ask 0; keep 0; ask 1; keep 1; ask 2; "
        "keep 2; ask 3; keep 3; ask 4; keep 4; ask 5; keep 5; ask 6; keep 6; ask 7; keep 7; ask 16-19; keep 16-19; END",
    ),
    "refused": (
        Script({8: ["refused"]}),
        "ask 0-3; ask 4-7; ask 8-11; ask 12-15; keep 0-3; ask 16-19; keep 4-7; keep 12-15; keep 16-19; ANEW; "
        "ask 8; keep 8; ask 9; keep 9; ask 10; keep 10; "
        "ask 11; keep 11; END",
    ),
    "turned round": (
        Script(hold=4, tasks=5),
        "ask 0-3; ask 4-7; ask 8-11; ask 12-15; keep 8-11; ask 16-19; keep 4-7; keep 0-3; keep 12-15; keep 16-19; END",
    ),
}
CLOSED = "shutdown wait=False cancel=True"
SAMPLES = average(Drawn(), realizations=20, workers=1, progress=False).samples("pair")


def told(words):
    return f"made; {words}".replace("END", CLOSED).replace("ANEW", f"{CLOSED}; made")


@pytest.mark.parametrize("name", STORIES)
def test_tasks_are_asked_for_and_kept_in_this_order(name, followed):
    script, expected = STORIES[name]
    script = followed(script)
    found = average(Drawn(), realizations=20, executor=script.executor, workers=2, progress=False)
    assert "; ".join(script.told) == told(expected)
    never = [4] if "again" in name else []
    assert [loss.realization for loss in found.losses] == never
    assert all("its worker died 3 times" in loss.error for loss in found.losses)
    assert (found.lost, found.failed, found.realizations) == (len(never), 0, 20)
    np.testing.assert_array_equal(found.samples("pair"), np.delete(SAMPLES, never, axis=0))


def test_an_executor_of_somebody_else_is_left_as_it_is(followed):
    script = followed(Script({4: ["dies"]}))
    with pytest.raises(ExecutorError, match="Give a function that makes an executor"):
        average(Drawn(), realizations=20, executor=script.executor(), workers=2, progress=False, store="s")
    calm = STORIES["dies"][1].partition("; ANEW")[0]
    assert script.told == ["made", *calm.split("; ")]
    with open_ensemble("s") as kept:
        assert (kept.realizations, [loss.realization for loss in kept.losses]) == (20, [4, 5, 6, 7])


def test_a_silent_executor_is_given_up_and_ended_if_it_is_our_own(followed):
    script = followed(Script({4: ["silent"]}))
    pool = Pool(script.executor, 1, timeout=0.05)
    with pytest.raises(ExecutorError, match=r"gave no result for 0\.05 s"):
        average(Drawn(), realizations=8, executor=pool, progress=False)
    assert script.told == ["made", "ask 0-3", "ask 4-7", "keep 0-3", CLOSED]


def test_what_flies_when_enough_is_known_is_cancelled(followed):
    script = followed(Script())
    found = average(
        Drawn(raises=(1,)), realizations=400, rtol=10.0, executor=script.executor, workers=1, progress=False
    )
    assert "; ".join(script.told) == told(
        "ask 0-3; ask 4-7; keep 0-3 without [1]; ask 8-11; keep 4-7; ask 12-15; keep 8-11; ask 16-19; keep 12-15; "
        "ask 20-23; keep 16-19; cancel 20-23; END"
    )  # 16 that are good are the fewest of which an error is known
    assert (found.realizations, found.conductance.count, found.converged) == (20, 19, True)


def test_no_more_chunks_than_eight_windows_are_solved_ahead_of_a_missing_one(followed):
    script = followed(Script({0: ["silent"]}))
    pool = Pool(script.executor, 1, timeout=0.05)
    with pytest.raises(ExecutorError, match="no result"):
        average(Drawn(chunk=1), realizations=400, executor=pool, progress=False)
    asked = [line for line in script.told if line.startswith("ask")]
    assert asked == [f"ask {n}" for n in range(16)]  # two tasks at a time, one of them silent


QUANTITIES = [
    dict(name="conductance", dims=[], shape=[], units="1", long_name="a positive number", profile=False),
    dict(name="pair", dims=["lead"], shape=[2], units="1", long_name="two correlated numbers", profile=False),
]


def test_of_a_store_with_gaps_and_damage_only_what_is_missing_is_solved(followed):
    script = followed(Script())
    with Store("s", {**Drawn().identity, "quantities": QUANTITIES}) as store:
        whole = average(Drawn(), realizations=20, workers=1, progress=False)
        rows = np.column_stack([whole.samples("conductance"), SAMPLES])
        for start, stop in ((0, 4), (4, 5), (6, 7), (8, 12)):
            store.write(start, rows[start:stop], {})
        store.write(12, rows[12:16, :2], {})  # of something else
        store._connection.execute("UPDATE chunks SET samples = zeroblob(24) WHERE start = 8")
    script.told.clear()
    found = average(Drawn(), realizations=20, executor=script.executor, workers=1, progress=False, store="s")
    assert "; ".join(script.told) == told(
        "ask 5; ask 16-19; keep 5; keep 16-19; ask 7; keep 7; drop 8; ask 8-11; keep 8-11; drop 12; ask 12-15; "
        "keep 12-15; END"
    )
    np.testing.assert_array_equal(found.samples("pair"), SAMPLES)
    assert (found.lost, found.failed) == (0, 0)


@pytest.mark.parametrize(
    ("count", "chunk", "known", "message"),
    [
        (20, 3, (), "all of the first 9 realizations failed. The first one: RuntimeError: sample 0 is impossible"),
        (5, 3, (), "all of the first 5 realizations failed"),
        (20, 8, (), "all of the first 8 realizations failed"),
        (12, 3, (8,), ""),
        (12, 3, (9,), "all of the first 9 realizations failed"),
    ],
)
def test_an_ensemble_of_which_nothing_can_be_solved_is_given_up_and_forgotten(count, chunk, known, message):
    problem = Drawn(chunk=chunk, raises=tuple(n for n in range(20) if n not in known))
    if not message:
        assert average(problem, realizations=count, workers=1, progress=False).conductance.count == 1
        return
    with pytest.raises(sj.ArgumentError) as refused:
        average(problem, realizations=count, workers=1, progress=False, store="s")
    assert message in str(refused.value)
    with Store("s", None) as store:
        assert store.rows(0, 100) == []


def test_a_machine_that_solves_nothing_is_named_as_the_reason():
    problem = Drawn(raises=tuple(range(20)), kind="MemoryError")
    with pytest.raises(ExecutorError, match="of realization 0 MemoryError: sample 0 is impossible"):
        average(problem, realizations=20, workers=1, progress=False)


# ---------------------------------------------------------------------- a task
@pytest.mark.parametrize(
    "kind", ["MemoryError", "OSError", "ImportError", "EOFError", "ValueError", "ZeroDivisionError"]
)
def test_what_the_machine_lacks_is_lost_and_what_physics_refuses_has_failed(kind, monkeypatch):
    tried = []
    solve = Drawn.solve
    monkeypatch.setattr(Drawn, "solve", lambda self, n: (tried.append(n), solve(self, n))[1])
    found = schedule.solve_realizations(Drawn(raises=(4,), kind=kind), (3, 4, 5))
    own = issubclass(getattr(builtins, kind), (MemoryError, OSError, ImportError, EOFError))
    said = {4: f"{kind}: sample 4 is impossible"}
    assert (found.lost, found.failures) == ((said, {}) if own else ({}, said))
    assert tried == [3, 4, 4, 5]
    np.testing.assert_array_equal(np.isnan(found.samples), [[False] * 3, [True] * 3, [False] * 3])
    np.testing.assert_array_equal(found.samples[[0, 2], 1:], SAMPLES[[3, 5]])


def test_a_sample_that_is_not_finite_has_failed():
    problem = SimpleNamespace(
        quantities=Drawn.quantities, solve=lambda n: {"conductance": 1.0 + n, "pair": [n, np.inf]}
    )
    found = schedule.solve_realizations(problem, (0,))
    assert found.failures == {0: "ArithmeticError: a quantity is not finite"}
    problem.solve = lambda n: {"conductance": 1.0 + n, "pair": n}
    assert schedule.solve_realizations(problem, (2,)).samples.tolist() == [[3.0, 2.0, 2.0]]


# ---------------------------------------------------------------------- merged
def test_a_range_is_read_up_to_where_rows_begin_and_end():
    """Rows that reach into another, beyond the range, of another width; failures outside of what is read."""
    with Store(None, {}) as store:
        store.write(0, np.full((3, 2), 1.0), {1: "one"})
        store.write(2, np.full((2, 2), 2.0), {2: "two"})  # inside the first
        store.write(4, np.full((2, 3), 3.0), {})
        store.write(7, np.full((4, 2), 4.0), {8: "eight", 10: "ten", 6: "no row of its own"})
        found = schedule.read(store, 0, 9, 2)
        assert found.samples[:, 0].tolist()[:3] == [1.0, 1.0, 1.0]
        assert np.isnan(found.samples[3:7]).all()
        assert found.samples[7:].tolist() == [[4.0, 4.0]] * 2
        assert (found.absent, found.damaged) == ([3, 4, 5, 6], [2, 4])
        assert found.failures == {1: "one", 8: "eight"}


def test_failures_and_losses_are_counted_and_the_first_hundred_listed():
    merged = schedule.Merged(Drawn.quantities)
    for start in range(0, 300, 60):
        samples = np.arange(180.0).reshape(60, 3) + start
        failures = {start + n: f"f{start + n}" for n in (41, 40, *range(42, 60))}
        absent = [start + n for n in range(30)]
        merged.add(start, schedule.Chunk(samples, failures, absent, []), {start + 3: "why"})
    assert (merged.failed, merged.lost, merged.moments.count) == (100, 150, 50)
    assert [n for n, _ in merged.failures] == [s + n for s in range(0, 300, 60) for n in range(40, 60)]
    assert [n for n, _ in merged.losses] == [s + n for s in range(0, 300, 60) for n in range(30)][:100]
    assert [n for n, why in merged.losses if why == "why"] == [3, 63, 123, 183]
    assert merged.losses[0] == (0, "missing or unreadable in the store")
    assert merged.blocks.counts.sum() == 50
    assert (merged.columns, merged.width) == ({"conductance": slice(0, 1), "pair": slice(1, 3)}, 3)
    merged.add(300, schedule.Chunk(np.ones((60, 3)), dict.fromkeys(range(300, 360), "f"), [], []), {})
    assert (merged.failed, len(merged.failures)) == (160, 100)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[1.0, -2.0, 0.0]], np.inf),
        ([[1.0, -2.0, 0.0], [1.0, -2.0, 0.0]], 0.0),
        ([[1.0, -2.0, 0.0], [1.0, -4.0, 0.0]], 1 / 3),
        ([[1.0, -2.0, 1.0], [1.0, -4.0, -1.0]], np.inf),
        ([[1.0, -2.0, np.nan], [1.0, -4.0, 0.0]], np.inf),
    ],
)
def test_the_relative_error_is_that_of_the_worst_element(rows, expected):
    merged = schedule.Merged(Drawn.quantities)
    merged.add(0, schedule.Chunk(np.array(rows), {}, [], []), {})
    assert merged.relative_error("pair") == pytest.approx(expected)


def test_a_bar_tells_the_error_and_how_many_will_be_needed(monkeypatch):
    bars = []

    class Bar(SimpleNamespace):
        def __init__(self, **settings):
            super().__init__(**{**settings, "n": 0, "said": [], "disable": False})
            bars.append(self)

        def update(self, n):
            self.n += n

        def set_postfix_str(self, text, refresh):
            self.said.append((self.n, text, refresh, self.total))

        __enter__ = lambda self: self  # noqa: E731
        __exit__ = lambda *_: None  # noqa: E731

    monkeypatch.setattr("tqdm.tqdm", Bar)
    found = average(Drawn(), realizations=400, rtol=0.22, quantity="conductance", workers=1)
    steps = [average(Drawn(), realizations=n, workers=1) for n in range(4, found.realizations + 1, 4)]
    bar, totals = bars[0], [400]
    for step in steps:
        needed = int(np.ceil(step.realizations * (step.relative_error / 0.22) ** 2))
        totals.append(max(min(400, needed), step.realizations))
    expected = [(s.realizations, f"conductance ± {s.relative_error:.2%}", False) for s in steps]
    assert [said[:3] for said in bar.said] == expected
    assert [said[3] for said in bar.said] == totals[:-1]
    assert bar.total == totals[-1]
    assert (bar.unit, bars[1].total, bars[2].total) == ("sample", 4, 8)


# ---------------------------------------------------------------------- pools
def test_a_pool_knows_how_many_run_at_the_same_time(monkeypatch):
    monkeypatch.setattr(executors, "available_workers", lambda: 7)
    own = SimpleNamespace(_max_workers=3, submit=None)
    assert Pool(lambda: own).workers == 3
    assert Pool(lambda: own, 2).workers == 2
    assert Pool(lambda: SimpleNamespace(submit=None)).workers == 7
    made = []
    monkeypatch.setattr(executors, "process_pool", lambda n: (made.append(n), Script().executor())[1])
    for workers, tasks, expected in (
        (None, None, 7),
        (None, 3, 3),
        (4, None, 4),
        (4, 9, 4),
        (9, 4, 4),
        (2, 0, 2),
        (1, 5, 1),
    ):
        with open_pool(None, workers, tasks) as pool:
            assert (pool.workers, pool.is_serial, pool.timeout, pool.renewable) == (expected, expected == 1, None, True)
    assert made == [7, 3, 4, 4, 4, 2]
    with open_pool(lambda: own, 5) as pool:
        assert (pool.workers, pool.timeout, pool.renewable, pool.is_serial) == (5, executors.SILENCE, True, False)
        own.shutdown = lambda **settings: made.append(settings)
    assert made[6:] == [{"wait": False, "cancel_futures": True}]
    with open_pool(own) as pool:
        assert (pool.workers, pool.timeout, pool.renewable, pool.executor) == (3, executors.SILENCE, False, own)
    with open_pool(pool) as again:
        assert again is pool
    assert len(made) == 7  # what is not our own goes on


def test_of_tasks_in_order_as_many_are_ahead_as_workers_need():
    for workers, window in ((1, 2), (2, 4)):
        script = []
        futures = []

        class Ahead(Executor):
            def submit(self, function, number, *args):
                script.append(args[-1])  # noqa: B023
                future = Future()
                futures.append((future, number, args[-1]))  # noqa: B023
                if len(futures) == min(window, 6):  # noqa: B023
                    for one, its, value in futures[::-1]:  # noqa: B023
                        one.set_result((its, value))
                    futures.clear()  # noqa: B023
                return future

        pool = Pool(Ahead, workers, timeout=1.0)
        found = ordered(pool, abs, ((key, (key + 10,)) for key in range(window)))
        assert next(found) == (0, 10)
        assert script == [10 + n for n in range(window)]
        assert list(found) == [(n, 10 + n) for n in range(1, window)]


def test_tasks_that_wait_behind_one_that_fails_are_cancelled():
    script = Script({1: ["wrong"], 2: ["silent"]})
    pool = Pool(script.executor, 1, timeout=0.05)
    tasks = [(n, (None, (n,))) for n in range(6)]
    found = ordered(pool, lambda _, numbers: numbers, tasks)
    assert next(found) == (0, (0,))
    with pytest.raises(ZeroDivisionError):
        next(found)
    assert script.told == ["made", "ask 0", "ask 1", "ask 2", "cancel 2"]
    for fate, message in (
        ("dies", r"died or was shut down, for example for lack of memory \(dies\)"),
        ("cancelled", "cancel"),
    ):
        broken = Pool(Script({0: [fate]}).executor, 1)
        with pytest.raises(ExecutorError, match=message):
            list(ordered(broken, lambda _, numbers: numbers, tasks))


@pytest.mark.parametrize(
    ("answer", "whole"),
    [
        ((5, "x"), True),
        ((4, "x"), False),
        ([5, "x"], False),
        ((5.0, "x"), False),
        ((5,), False),
        ((5, 6, 7), False),
        (None, False),
    ],
)
def test_an_answer_is_known_by_the_number_of_its_task(answer, whole):
    future = Future()
    future.set_result(answer)
    if whole:
        assert executors.Task(5, future).result() == "x"
    else:
        with pytest.raises(ExecutorError, match="must return what a task returned"):
            executors.Task(5, future).result()


@pytest.mark.parametrize("size", ["65536", str(2**28), "many", ""])
def test_an_allocator_that_gives_back_every_page_is_settled_once(size, monkeypatch):
    told = []
    monkeypatch.setattr(executors, "_allocator_is_settled", [])
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", size)
    library = SimpleNamespace(mallopt=lambda *numbers: told.append(numbers))
    monkeypatch.setattr(executors.ctypes, "CDLL", lambda name: library)
    for platform in ("darwin", "linux", "linux"):
        monkeypatch.setattr(sys, "platform", platform)
        executors.settle_allocator()
        if platform == "darwin":
            assert (told, executors._allocator_is_settled) == ([], [])
    assert told == ([(-1, 2**28), (-3, 2**28)] if size == "65536" else [])


def test_workers_that_start_have_one_thread_and_the_rest_is_as_before(monkeypatch):
    """Their environment is that of the moment at which they start."""
    seen = []

    class Starting(Executor):
        def __init__(self, workers, context, initializer):
            seen.append((workers, context.get_start_method(), initializer.__name__))

        def submit(self, function):
            seen.append(tuple(executors.os.environ.get(name) for name in executors.THREAD_VARIABLES))
            future = Future()
            if len(seen) == self.last:
                future.set_exception(self.error)
            else:
                future.set_result(None)
            return future

        def shutdown(self, wait=True, *, cancel_futures=False):
            seen.append((wait, cancel_futures))

    monkeypatch.setattr(executors, "ProcessPoolExecutor", Starting)
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "5")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = dict(executors.os.environ)
    start, one = [(2, "spawn", "_start_worker")], [("1",) * 4] * 2
    for last, error, caught, rest in (
        (0, None, None, []),
        (3, BrokenExecutor("dead"), ExecutorError, [(False, True)]),
        (3, KeyboardInterrupt(), KeyboardInterrupt, [(False, True)]),
    ):
        seen.clear()
        Starting.last, Starting.error = last, error
        if caught is None:
            assert isinstance(executors.process_pool(2), Starting)
        else:
            with pytest.raises(caught):
                executors.process_pool(2)
        assert seen == start + one + rest
        assert dict(executors.os.environ) == before


def test_a_cluster_is_reached_asked_and_left(monkeypatch):
    told = []

    class Thing:
        def __init__(self, *args, **settings):
            told.append((type(self).__name__, args, settings))
            if fails == type(self).__name__:
                raise OSError("nobody\nthere")

        def close(self):
            told.append(f"close {type(self).__name__}")

        def get_executor(self, **settings):
            told.append(settings)
            return SimpleNamespace()

        def nthreads(self):
            return {"a": 2, "b": threads}

    LocalCluster, Client = type("LocalCluster", (Thing,), {}), type("Client", (Thing,), {})

    class Setting:
        def __init__(self, given):
            told.append(given)

        __enter__ = lambda self: None  # noqa: E731
        __exit__ = lambda *_: told.append("unset")  # noqa: E731

    dask = SimpleNamespace(config=SimpleNamespace(set=Setting))
    monkeypatch.setitem(sys.modules, "dask", dask)
    monkeypatch.setitem(sys.modules, "dask.distributed", SimpleNamespace(Client=Client, LocalCluster=LocalCluster))
    monkeypatch.setattr(executors, "available_workers", lambda: 7)
    size = str(2**28)
    variables = dict.fromkeys(executors.THREAD_VARIABLES, "1")
    setting = {
        "distributed.nanny.pre-spawn-environ": {
            **variables,
            "MALLOC_TRIM_THRESHOLD_": size,
            "MALLOC_MMAP_THRESHOLD_": size,
        }
    }
    asked = {"pure": False, "retries": 0}
    fails, threads = "", 3
    for workers, started, known in ((None, 7, 5), (4, 4, 4)):
        told.clear()
        with executors.dask_executor("local", workers) as executor:
            assert executor._max_workers == known
            (first, cluster, client, *rest) = told
            assert first == setting
            assert cluster == (
                "LocalCluster",
                (),
                {"n_workers": started, "threads_per_worker": 1, "dashboard_address": None},
            )
            assert (client[0], type(client[1][0]), client[2]) == ("Client", LocalCluster, {"timeout": 10.0})
            assert rest == [asked]
        assert told[4:] == ["close Client", "close LocalCluster", "unset"]
    told.clear()
    threads = -2
    with pytest.raises(ZeroDivisionError), executors.dask_executor("tcp://node:1") as executor:
        1 / (executor._max_workers - 1)  # one at least
    assert told == [setting, ("Client", ("tcp://node:1",), {"timeout": 10.0}), asked, "close Client", "unset"]
    for broken, closed in (("LocalCluster", []), ("Client", ["close LocalCluster"])):
        told.clear()
        fails = broken
        with pytest.raises(sj.ArgumentError, match=r"answer \(OSError: nobody\)\. Start one"):
            executors.dask_executor("local").__enter__()
        assert [line for line in told if isinstance(line, str)] == [*closed, "unset"]
