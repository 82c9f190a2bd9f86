"""The store: commits are whole, damage is seen, another ensemble is refused, a full disk loses nothing."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import kwant_spinjunc as sj
from kwant_spinjunc.runs.ensemble import average, open_ensemble
from kwant_spinjunc.runs.store import Store, StoreError, StoreFullError, is_store

from ensemble_problems import Drawn  # isort: skip
from faults import Forked, slow_ensemble  # isort: skip

QUIET = dict(workers=1, progress=False)


def same(a, b):
    return all(np.array_equal(a[name].mean, b[name].mean) and np.array_equal(a[name].error, b[name].error)
               for name in a.names)  # fmt: skip


def test_what_is_written_is_read_to_the_bit():
    samples = np.random.default_rng(1).standard_normal((5, 3))
    samples[2] = np.nan
    with Store("s", {"seed": 1}) as store:
        store.write(8, samples, {10: "why"})
    with Store("s", {"seed": 1}) as store:
        found, failures = store.read(8)
        assert store.rows(0, 100) == [(8, 5)]
        assert store.end() == 13
    np.testing.assert_array_equal(found, samples)
    assert failures == {10: "why"}
    assert is_store("s")


@pytest.mark.parametrize(
    ("stored", "asked", "message"),
    [
        ({"seed": 1}, {"seed": 2}, "seed is 1 and not 2"),
        ({"a": {"b": [1, {"c": 0.5}]}}, {"a": {"b": [1, {"c": 0.25}]}}, r"a\.b\[1\]\.c is 0\.5 and not 0\.25"),
        ({"version": "1"}, {"version": "2"}, 'version is "1" and not "2"'),
        ({"seed": 1}, {"seed": 1, "profiles": True}, "profiles is absent and not true"),
        ({"a": 1, "b": 1}, {"a": 2, "b": 2}, r"a is 1 and not 2 \(and 1 more\)"),
        ({"layers": [1]}, {"layers": [1, 2]}, r"layers\[1\] is absent and not 2"),
        ({"m_right": [[0.0, 1.0]]}, {"m_right": None}, r"m_right is \[\[0\.0,1\.0\]\] and not null\. Use"),
        ({"a": {"b": 1}}, {"a": {}}, r"a\.b is 1 and not absent\. Use"),
        ({"a": {"b": 1}}, {"a.b": 1}, r'a is \{"b":1\} and not absent'),
    ],
)
def test_a_store_of_something_else_is_refused_with_the_difference_named(stored, asked, message):
    Store("s", stored).close()
    with pytest.raises(sj.ArgumentError, match=message):
        Store("s", asked)


def test_zeros_of_either_sign_are_the_same_run():
    Store("s", {"k": [0.0, -0.0]}).close()
    Store("s", {"k": [-0.0, 0.0]}).close()


@pytest.mark.parametrize("column", ["samples", "failures", "count"])
def test_a_damaged_row_is_recomputed_and_changes_nothing(column):
    whole = average(Drawn(), realizations=12, store="s", **QUIET)
    whole.store.close()
    with sqlite3.connect("s") as db:
        damage = {"samples": "zeroblob(length(samples))", "failures": '\'{"4":"x"}\'', "count": "3"}[column]
        db.execute(f"UPDATE chunks SET {column} = {damage} WHERE start = 4")
    db.close()
    with open_ensemble("s") as without:
        assert (without.realizations, without.lost, without.conductance.count) == (12, 4, 8)
        assert "4 of 12 lost or unreadable and left out" in str(without)
        assert len(without.samples("conductance")) == 8
    again = average(Drawn(log="log"), realizations=12, store="s", **QUIET)
    assert sorted(map(int, Path("log").read_text().split())) == [4, 5, 6, 7]
    assert same(whole, again)


@pytest.mark.parametrize("damage", ["start = 3", "start = 6", "count = -1", "count = 'x'"])
def test_a_damaged_place_of_a_row_does_not_run_forever(damage):
    whole = average(Drawn(), realizations=12, store="s", **QUIET)
    whole.store.close()
    with sqlite3.connect("s") as db:
        db.execute(f"UPDATE chunks SET {damage} WHERE start = 4")
    db.close()
    assert same(whole, average(Drawn(), realizations=12, store="s", **QUIET))


def test_a_file_that_is_no_store_is_refused_and_left_alone():
    Path("s").write_bytes(b"hello" * 100)
    with pytest.raises(StoreError, match="is no store"):
        average(Drawn(), realizations=4, store="s", **QUIET)
    assert Path("s").read_bytes() == b"hello" * 100
    for bad in (".", "missing/s"):
        with pytest.raises(sj.ArgumentError, match="`store` must be a"):
            Store(bad, {"seed": 1})
    with pytest.raises(sj.ArgumentError, match="does not exist"):
        open_ensemble("nothing")


def test_a_store_damaged_as_a_whole_is_a_clear_error():
    average(Drawn(), realizations=40, store="s", **QUIET).store.close()
    content = bytearray(Path("s").read_bytes())
    content[100:] = b"\xff" * (len(content) - 100)
    Path("s").write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        average(Drawn(), realizations=40, store="s", **QUIET)


def test_a_full_disk_keeps_what_was_done(monkeypatch):
    problem = Drawn(chunk=64)
    connect = sqlite3.connect

    def small(*args, **kwargs):
        db = connect(*args, **kwargs)
        db.execute("PRAGMA max_page_count = 8")  # SQLite then reports the same error as for a full disk
        return db

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", small)
        with pytest.raises(StoreFullError, match="What was committed is kept"):
            average(problem, realizations=6400, store="s", **QUIET)
    with Store("s", None) as store:
        kept = sum(count for _, count in store.rows(0, 6400))
    assert 64 <= kept < 6400
    resumed = average(Drawn(chunk=64, log="log"), realizations=1280, store="s", **QUIET)
    assert len(Path("log").read_text().split()) == 1280 - kept
    assert same(resumed, average(problem, realizations=1280, **QUIET))


def test_a_second_writer_is_refused_and_a_reader_is_not():
    with Store("s", {"seed": 1, "chunk": 2, "quantities": []}) as store:
        store.write(0, np.zeros((2, 1)), {})
        with pytest.raises(sj.ArgumentError, match="another process is writing"):
            Store("s", {"seed": 1, "chunk": 2, "quantities": []})
        with Store("s", None) as reader:
            assert reader.end() == 2
    Store("s", {"seed": 1, "chunk": 2, "quantities": []}).close()
    assert sorted(path.name for path in Path().iterdir()) == ["s"]  # neither lock nor journal is left


def test_kill_9_at_any_moment_loses_only_what_is_in_flight():
    whole = average(Drawn(chunk=2), realizations=400, **QUIET)
    done = 0
    for _ in range(3):
        process = Forked(slow_ensemble)
        deadline = time.monotonic() + 60
        while not process.ended() and time.monotonic() < deadline:
            time.sleep(0.02)
            if is_store("s"):
                with Store("s", None) as store:
                    if store.end() >= done + 40:
                        break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        with Store("s", None) as store:
            assert store.end() > done
            done = store.end()
    resumed = average(Drawn(chunk=2, log="log"), realizations=400, store="s", **QUIET)
    assert len(Path("log").read_text().split()) == 400 - done
    assert same(whole, resumed)


def test_the_journal_of_a_commit_stays_while_a_file_is_its_own_and_goes_with_it_or_with_the_next_one():
    """A commit that need not survive the machine takes a lock and a file once, as found after a kill too."""
    journal = Path("s-journal")
    with Store("s", {"seed": 1}) as store:  # durable: others read it meanwhile
        store.write(0, np.zeros((2, 1)), {})
        assert not journal.exists()
    with Store("s", {"seed": 1}, durable=False) as store:
        store.write(2, np.ones((2, 1)), {})
        left = journal.read_bytes()
    assert not journal.exists()
    journal.write_bytes(left)  # as kill -9 leaves it
    with Store("s", {"seed": 1}, durable=False) as store:
        assert store.rows(0, 9) == [(0, 2), (2, 2)]
    assert not journal.exists()


def test_journals_of_temporary_stores_in_use_stay_and_those_of_killed_processes_go(monkeypatch, tmp_path):
    """Regression: a second process took the journal of a running ensemble for a leftover, "disk I/O error"."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    dead = tmp_path / "spinjunc-dead.sqlite"
    for path in (dead, tmp_path / "spinjunc-dead.sqlite-journal"):
        path.write_bytes(b"left by kill -9")
    with Store(None, {"seed": 1}) as store:
        journal = Path(f"{store.path}-journal")
        journal.write_bytes(b"")
        other = "from kwant_spinjunc.runs.store import Store; Store(None, {'seed': 2}).close()"
        environment = {**os.environ, "TMPDIR": str(tmp_path)}
        subprocess.run([sys.executable, "-c", other], env=environment, check=True)
        assert journal.exists()
        assert store.path.exists()
        journal.unlink()
        store.write(0, np.ones((1, 2)), {})
    assert [path.name for path in tmp_path.iterdir() if "dead" in path.name] == []


def test_a_store_is_marked_as_one_together_with_its_first_facts(monkeypatch):
    """Regression: who looked at a store that was being made found it marked, and empty."""
    seen = []
    put = Store.set_fact

    def look(self, name, value):
        seen.append(is_store("s"))
        put(self, name, value)

    monkeypatch.setattr(Store, "set_fact", look)
    with Store("s", {"seed": 1}):
        assert seen == [False]
        assert is_store("s")
