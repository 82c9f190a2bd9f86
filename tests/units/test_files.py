"""Files: written whole or not at all, inputs never overwritten, damage seen, signals obeyed without loss."""

import collections
import os
import random
import resource
import signal
import socket
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import kwant_spinjunc as sj
from kwant_spinjunc.cli.main import main
from kwant_spinjunc.runs.ensemble import open_ensemble
from kwant_spinjunc.runs.files import FileError, lock, read_table, shielded, write_atomically, write_table
from kwant_spinjunc.runs.store import Store, StoreError
from kwant_spinjunc.runs.tables import TableFile, split_axes
from systems.tunnel_junction import tunnel_junction

from faults import Forked, damaged, damaged_stores, damaged_tables, interrupted_sweeps, left_over  # isort: skip

TUNNEL = str(Path(__file__).parents[2] / "systems" / "tunnel_junction.py")
SWEEP = ["sweep", TUNNEL, "--vary", "theta=0:1:2"]


def test_links_are_followed_and_the_mode_is_kept():
    Path("real").write_text("old")
    os.chmod("real", 0o640)
    Path("link").symlink_to("real")
    with write_atomically("link") as path:
        path.write_text("new")
    assert Path("link").is_symlink()
    assert Path("real").read_text() == "new"
    assert stat.S_IMODE(os.stat("real").st_mode) == 0o640
    Path("dangling").symlink_to("later")
    with write_atomically("dangling") as path:
        path.write_text("new")
    assert Path("later").read_text() == "new"


def test_special_files_are_refused_before_anything_is_done():
    os.mkfifo("pipe")
    Path("folder").mkdir()
    Path("loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        for name in ("pipe", "folder", "loop", "socket", "/dev/full", "/dev/null", "x" * 300, "a\0b", "no/where"):
            with pytest.raises(sj.ArgumentError, match="`output` must be"), write_atomically(name):
                raise AssertionError("entered")
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)
    for command in ([*SWEEP, "-o"], ["run", TUNNEL, "-o"], ["ensemble", TUNNEL, "-o"]):
        assert main([*command, "pipe"]) == 2


def test_a_failed_write_leaves_the_file_as_it_was_and_no_temporary_one():
    Path("a").write_text("old")
    with pytest.raises(ZeroDivisionError), write_atomically("a") as path:
        raise (path.write_text("half") and ZeroDivisionError)
    with pytest.raises(FileError, match="cannot be written .No space left on device.; it is as"), write_atomically("a"):
        raise OSError(28, "No space left on device")
    assert Path("a").read_text() == "old"
    assert os.listdir() == ["a"]


def test_temporary_files_of_killed_processes_are_removed_and_those_in_use_are_not():
    with write_atomically("a") as path:
        prefix = path.name[:-12]
        Path(f"{prefix}{'0' * 12}").write_text("of a process that was killed")
        with write_atomically("a") as other:
            assert path.exists()
            other.write_text("second")
        path.write_text("first")
    assert os.listdir() == ["a"]
    assert Path("a").read_text() == "first"


def test_a_temporary_file_taken_for_a_leftover_is_drawn_again(monkeypatch):
    """Regression: between the creation of the file and its lock another process could remove it."""
    came = []

    def cleaned_up_before(handle):
        if not came:
            came.extend(name for name in os.listdir() if name.startswith(".spinjunc"))
            os.unlink(came[0])
        lock(handle)

    monkeypatch.setattr("kwant_spinjunc.runs.files.lock", cleaned_up_before)
    with write_atomically("a") as path:
        assert path.exists()
        path.write_text("new")
    assert came
    assert Path("a").read_text() == "new"
    assert os.listdir() == ["a"]


def test_a_full_disk_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # else a module imported meanwhile is cached cut off
    for words in ([*SWEEP, "-o", "a.nc"], ["run", TUNNEL, "-o", "a.png"], ["ensemble", TUNNEL, "-o", "s"]):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))  # the same error as of a full disk, but for its name
        try:
            code = main([*words, "--workers", "1"] if words[0] == "ensemble" else words)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert code in (1, 2)
        error = capsys.readouterr().err
        assert error.count("\n") == 1, error
        assert not Path("a.nc").exists()
        assert not [name for name in os.listdir() if name.startswith(".spinjunc")]


@pytest.mark.parametrize("words", [
    ["sweep", "family.py", "--vary", "theta=0:1:2", "-o", "family.py", "--overwrite"],
    ["sweep", "family.py", "--vary", "theta=0:1:2", "-o", "link", "--overwrite"],
    ["sweep", "family.py", "--vary", "theta=0:1:2", "-o", "a.png", "--figure", "a.png"],
    ["map", "family.py", "--vary", "theta=0:1:2", "--vary", "height=2:3:2", "-o", "a.png", "--data", "a.png"],
    ["map", "family.py", "--vary", "theta=0:1:2", "--vary", "height=2:3:2", "-o", "a.png", "--data", "hard"],
    ["export", "family.py", "--to", "mumax3", "--lattice-constant", "0.3", "-o", "family.py"],
    ["ensemble", "family.py", "-o", "link"],
])  # fmt: skip
def test_an_output_is_neither_an_input_nor_another_output(words, capsys):
    text = Path(TUNNEL).read_text()
    Path("family.py").write_text(text.replace("def tunnel_junction", "def family"))
    Path("link").symlink_to("family.py")
    os.link("family.py", "hard")
    before = Path("family.py").read_bytes()
    assert main(words) == 2
    assert "must be a file of its own" in capsys.readouterr().err
    assert Path("family.py").read_bytes() == before
    assert not Path("a.png").exists()


def test_a_module_beside_the_family_is_not_overwritten(capsys):
    Path("beside.py").write_text("height = 3.0\n")
    Path("fam.py").write_text(
        "import beside\nfrom systems.tunnel_junction import tunnel_junction\n"
        "def fam(theta=0.0): return tunnel_junction(theta, beside.height)\n"
    )
    assert main(["sweep", "fam.py", "--vary", "theta=0:1:2", "-o", "beside.py", "--overwrite"]) == 2
    assert "a module in use" in capsys.readouterr().err
    sys.modules.pop("beside")


# ---------------------------------------------------------------------- tables
def test_a_table_reads_back_with_its_checksum_and_damage_is_refused():
    n = np.array([2, 4_000_000_000])
    data = xr.Dataset(
        {"x": (("n", "word"), np.random.default_rng(1).standard_normal((2, 3)))},
        {"n": n, "word": ["µ", "b", "longer"], "flag": ("n", [True, False])},
        {"a": 1, "b": [1.0, 2.0], "c": "text", "d": [3]},
    )
    write_table(data, "t.nc")
    back = read_table("t.nc")
    np.testing.assert_array_equal(back["x"], data["x"])
    np.testing.assert_array_equal(back["n"], n)  # beyond 32 bits, exact as floats
    assert back["word"].values.tolist() == ["µ", "b", "longer"]
    content = bytearray(Path("t.nc").read_bytes())
    at = content.index(np.array([data["x"].values[1, 1]], dtype=">f8").tobytes())
    content[at + 3] ^= 1
    Path("t.nc").write_bytes(content)
    with pytest.raises(sj.ArgumentError, match="damaged: its checksum differs"):
        read_table("t.nc")
    data.isel(n=[0]).to_netcdf("plain.nc", engine="scipy")
    with pytest.raises(sj.ArgumentError, match="must carry a checksum"):
        read_table("plain.nc")
    assert read_table("plain.nc", foreign=True)["x"].shape == (1, 3)
    assert main(["plot", "t.nc", "-o", "a.png"]) == 2  # damaged
    Path("t.nc").write_bytes(bytes(2_000_000))
    with pytest.raises(sj.ArgumentError, match="too large"):
        read_table("t.nc", nbytes=1000)


def test_damaged_files_are_right_or_refused():
    assert damaged_tables(15)["wrong"] == 0
    found = damaged_stores(9)
    assert found["wrong"] == 0
    assert found["refused"]
    assert found["repaired"]


def test_a_sweep_keeps_its_file_up_to_date(monkeypatch):
    monkeypatch.setattr(TableFile, "INTERVAL", 0.0)
    monkeypatch.setattr(TableFile, "SHARE", 0.0)
    seen = []

    def family(height=1.0):
        seen.append(int(np.isfinite(read_table("a.nc")["angle"]).sum()) if Path("a.nc").exists() else 0)
        if height > 3.5:
            sys.exit("no more")
        return tunnel_junction(height=height)

    with pytest.raises(sj.SpinjuncError, match="raised SystemExit: no more. The points before it are kept"):
        sj.sweep(family, energy=0.0, height=[1.0, 2.0, 3.0, 4.0], resume="a.nc", progress=False)
    assert seen == [0, 1, 2, 3]
    assert np.isfinite(read_table("a.nc")["angle"]).sum() == 3
    assert read_table("a.nc").attrs["complete"] == 0


#: Solved by the halves, whose bits are the same in every process; those of Kwant once in some hundred runs are not.
HEIGHTS = dict(energy=[0.0, 0.1], height=[3.0, 4.0, 5.0, 6.0], solver="halves", progress=False)


class Ending:
    """A family whose process ends at a call, without any cleaning up, as by kill -9."""

    def __init__(self):
        self.calls, self.parent = [], os.getpid()

    def tunnel(self, height=1.0):
        self.calls.append(height)
        if os.getpid() != self.parent and len(self.calls) > self.last:
            os._exit(9)
        return tunnel_junction(height=height)

    def run(self, resume="a.nc"):
        """Sweep to the end; return the table and the points that were solved."""
        self.calls.clear()
        return sj.sweep(self.tunnel, resume=resume, **HEIGHTS), list(self.calls)

    def kill(self, after, fresh=False):
        """End a process that sweeps after so many points."""
        self.last = after
        assert Forked(lambda: self.run(TableFile("a.nc", fresh=fresh))).wait() == 9


@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_killed_sweep_loses_only_what_was_in_flight(after):
    family = Ending()
    family.kill(after)
    assert TableFile("a.nc").exists == (after > 0)  # the first member is made before the file
    if after:
        assert main(["sweep", TUNNEL, "--vary", "height=1:4:4", "-o", "a.nc"]) == 2  # not replaced unasked
    whole, _ = family.run(None)
    again, solved = family.run()
    assert solved == HEIGHTS["height"][after:]
    xr.testing.assert_identical(again, whole)
    assert os.listdir() == ["a.nc"]


def test_a_killed_sweep_that_replaces_another_file_can_be_gone_on_with():
    sj.sweep(tunnel_junction, energy=[0.0], resume="a.nc", progress=False)
    family = Ending()
    family.kill(0, fresh=True)
    assert read_table("a.nc")["angle"].shape == (1,)  # nothing of the new one yet
    family.kill(2, fresh=True)
    assert family.run()[1] == HEIGHTS["height"][2:]


def test_a_damaged_journal_is_right_or_refused():
    family = Ending()
    family.kill(3)
    whole, content = family.run(None)[0], Path("a.nc-journal").read_bytes()
    rng, found = random.Random(0), collections.Counter()
    for _ in range(30):
        for name in ("a.nc", "a.nc-journal-journal"):
            Path(name).unlink(missing_ok=True)
        Path("a.nc-journal").write_bytes(damaged(content, rng))
        try:
            again, solved = family.run()
        except sj.SpinjuncError:
            found["refused"] += 1
        else:
            xr.testing.assert_allclose(again, whole, rtol=1e-12, atol=1e-14)
            found["kept" if len(solved) < len(HEIGHTS["height"]) else "solved again"] += 1
    assert found["kept"]
    Path("a.nc-journal").write_bytes(b"no" + content[2:])
    with pytest.raises(StoreError, match="is no store of this package, or its header is damaged"):
        family.run()


def test_a_damaged_point_of_a_journal_is_solved_again_and_no_other():
    family = Ending()
    family.kill(3)
    whole, content = family.run(None)[0], bytearray(Path("a.nc-journal").read_bytes())
    with Store("a.nc-journal", None) as journal:
        (first, _), (second, _), _ = journal.rows(0, whole["angle"].size)
        kept = journal.read(second)[0].tobytes()
    assert (first, second) == (0, len(HEIGHTS["energy"]))
    content[content.index(kept) + 11] ^= 1
    Path("a.nc-journal").write_bytes(content)
    again, solved = family.run()
    assert solved == [HEIGHTS["height"][1], HEIGHTS["height"][3]]
    xr.testing.assert_allclose(again, whole, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("fresh", [False, True])
def test_a_journal_of_another_sweep_or_behind_a_link_is_refused(fresh):
    family = Ending()
    family.kill(2)
    other = dict(HEIGHTS, energy=0.2, resume=TableFile("a.nc", fresh=fresh))
    if fresh:
        assert sj.sweep(tunnel_junction, **other).attrs["complete"]
    else:
        with pytest.raises(sj.ArgumentError, match="must be of the same run, but in .* axes is"):
            sj.sweep(family.tunnel, **other)
        assert family.run()[1] == HEIGHTS["height"][2:]
    Path("mine").write_text("of somebody")
    os.symlink("mine", "a.nc-journal")
    with pytest.raises(sj.ArgumentError, match="must be a writable path"):
        sj.sweep(tunnel_junction, **{**HEIGHTS, "resume": TableFile("a.nc", fresh=True)})
    assert Path("mine").read_text() == "of somebody"


def test_a_journal_goes_on_behind_its_last_whole_record():
    family = Ending()
    family.kill(1)
    with open("a.nc-journal", "ab") as file:
        file.write(b"half of a record")
    family.kill(1)
    assert family.run()[1] == HEIGHTS["height"][2:]


def test_two_processes_do_not_fill_one_table():
    def family(height=1.0):
        if height > 3.0:  # the first member is made before the file
            with pytest.raises(sj.ArgumentError, match="another process is writing"):
                sj.sweep(tunnel_junction, resume="a.nc", **HEIGHTS)
        return tunnel_junction(height=height)

    sj.sweep(family, resume="a.nc", **HEIGHTS)
    assert os.listdir() == ["a.nc"]


@pytest.mark.parametrize(("axis", "message"), [
    ([1, "a"], "mixes them"), ([object()], "of type object"), ([1j], "complex"), ([1.0, np.nan], "must be finite"),
    (np.ma.masked_array([1.0, 2.0], [True, False]), "masked"), ([10**400], "must be"), ([[1.0]], "1D array"),
    ([2**60, 1], "2\\^53"), ([[1.0], [1.0, 2.0]], "ragged"), (np.array(["2020"], "M8[D]"), "datetime64"),
])  # fmt: skip
def test_axes_no_file_can_keep_are_refused_before_any_work(axis, message):
    with pytest.raises(sj.ArgumentError, match=message):
        split_axes({"height": axis})


def test_a_table_too_large_for_the_memory_is_refused():
    with pytest.raises(sj.ArgumentError, match="GB are needed"):
        sj.sweep(tunnel_junction, energy=np.linspace(0, 1, 10**6), height=np.ones(10**4), progress=False)


def test_a_signal_waits_until_a_table_is_written():
    done = []
    with pytest.raises(KeyboardInterrupt), shielded():
        done.append(os.kill(os.getpid(), signal.SIGINT))
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_sweep_killed_at_any_moment_solves_nothing_twice():
    assert len(interrupted_sweeps(3, signal.SIGKILL, points=30, seconds=0.01)) == 3


@pytest.mark.parametrize("word", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_signal_that_asks_to_end_keeps_the_points_before_it(word, capsys):
    text = """
import os, signal
from systems.tunnel_junction import tunnel_junction
def family(height=2.0, theta=0.5):
    if height > 2.9 and not os.path.exists("once"):
        open("once", "w").close()
        os.kill(os.getpid(), signal.WORD)
    return tunnel_junction(theta=theta, height=height)
"""
    Path("family.py").write_text(text.replace("WORD", word))
    words = ["sweep", "family.py", "--vary", "height=2:4:5", "-o", "out.nc"]
    assert main(words) == 130
    assert "--resume" in capsys.readouterr().err
    assert np.isfinite(read_table("out.nc")["angle"]).sum() == 2
    assert main([*words, "--resume"]) == 0
    assert left_over("family.py", "out.nc", "once") == []
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


# ---------------------------------------------------------------------- stores
@pytest.mark.parametrize("statement", [
    "CREATE VIEW v AS SELECT 1", "CREATE TRIGGER t AFTER INSERT ON chunks BEGIN SELECT 1; END",
    "CREATE INDEX i ON chunks(count)", "CREATE TABLE more (x)", "DROP TABLE facts", "PRAGMA user_version = 7",
    "ALTER TABLE chunks ADD COLUMN more",
])  # fmt: skip
def test_a_store_of_another_schema_is_refused(statement):
    Store("s", {"seed": 1}).close()
    db = __import__("sqlite3").connect("s")
    db.execute(statement)
    db.commit()
    db.close()
    for identity in (None, {"seed": 1}):
        with pytest.raises(StoreError, match="must (have the two tables|be of format)"):
            Store("s", identity)


def test_a_second_writer_does_not_enter_through_a_link():
    with Store("s", {"seed": 1}):
        Path("folder").mkdir()
        Path("folder/link").symlink_to(Path("s").absolute())
        os.link("s", "hard")
        with pytest.raises(sj.ArgumentError, match="another process is writing"):
            Store("folder/link", {"seed": 1})
        with pytest.raises(sj.ArgumentError, match="another process is writing|hard links"):
            Store("hard", {"seed": 1})
    with pytest.raises(sj.ArgumentError, match="has hard links"):
        Store("hard", {"seed": 1})


def test_a_store_that_is_crafted_is_refused():
    odd = ({}, {"quantities": []}, {"quantities": [{"name": 1}], "chunk": 1}, {"chunk": 0, "quantities": 3})
    for number, identity in enumerate(odd):
        with Store(f"s{number}", identity) as store:
            store.write(0, np.zeros((2, 1)), {})
        with pytest.raises(StoreError, match="must say what it is of"):
            open_ensemble(f"s{number}")
    q = {"name": "g", "dims": [], "shape": [], "units": "1", "long_name": "g"}
    with Store("far", {"chunk": 2, "quantities": [q]}) as store:
        store.write(2**40, np.zeros((2, 1)), {})
    with pytest.raises(StoreError, match="rows far apart"):
        open_ensemble("far")
    with Store("wide", {"chunk": 2, "quantities": [q]}) as store:
        store.write(0, np.zeros((2, 1)), {})
        store.write(2, np.zeros((2, 3)), {})
    with open_ensemble("wide") as result:
        assert (result.realizations, result.lost) == (4, 2)
