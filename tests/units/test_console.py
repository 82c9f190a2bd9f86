"""The console: pipes that close, encodings that lack a letter, backends that do not exist, what is not installed."""

import io
import os
import sys
import warnings
from pathlib import Path

import pytest

import kwant_spinjunc as sj
from kwant_spinjunc.cli.console import PLAIN, missing_module, one_line, without
from kwant_spinjunc.cli.main import main

TUNNEL = str(Path(__file__).parents[2] / "systems" / "tunnel_junction.py")


class Pipe(io.RawIOBase):
    """A stream that fails after some bytes."""

    def __init__(self, error, room=0):
        self.error, self.room = error, room

    def writable(self):
        return True

    def write(self, data):
        self.room -= len(data)
        if self.room < 0:
            raise self.error
        return len(data)


@pytest.mark.parametrize(("error", "code"), [(BrokenPipeError(32, "Broken pipe"), 141), (OSError(28, "No space"), 2)])
def test_an_output_nobody_can_read_is_no_traceback(error, code, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BufferedWriter(Pipe(error)), encoding="utf-8"))
    assert main(["run", TUNNEL, "-o", "a.png"]) == code
    assert Path("a.png").stat().st_size > 10_000  # what was asked for is there
    told = capsys.readouterr().err
    assert told == "" if code == 141 else told.count("\n") == 1
    monkeypatch.undo()


def test_what_is_printed_after_a_reader_is_gone_goes_nowhere(monkeypatch):
    """As when the interpreter flushes at its end."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["run", TUNNEL, "--solver", "halves"]) == 141
        monkeypatch.undo()
        stream.write("more")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
def test_any_encoding_prints(encoding, monkeypatch):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["run", TUNNEL, "--solver", "halves"]) == 0
    text = raw.getvalue().decode(encoding)
    assert "e²/h" in text if encoding != "ascii" else "e2/h" in text
    assert stream.errors == "strict"  # as it was
    monkeypatch.undo()


def test_every_letter_that_is_printed_has_a_plain_form():
    text = "".join(path.read_text(encoding="utf-8") for path in Path(sj.__file__).parent.glob("cli/*.py"))
    strange = {c for c in text if ord(c) > 127} - set("'")
    assert len(strange) > 5
    assert strange <= set("".join(PLAIN)) | {"ö", "₁", "₀"}


def test_no_backend_of_the_environment_matters(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    assert main(["show", TUNNEL, "-o", "a.png"]) == 0
    assert os.environ["MPLBACKEND"] == "agg"


def test_what_is_missing_is_told_in_one_line(capsys):
    for name in ("numpy", "kwant.solvers"):
        assert without(ModuleNotFoundError(f"No module named {name!r}", name=name))(["run"]) == 2
        told = capsys.readouterr().err
        assert told.startswith(f"error: {name.partition('.')[0]} is not installed.")
        assert told.count("\n") == 1
    assert "conda install" in missing_module(ModuleNotFoundError(name="kwant"))


@pytest.mark.parametrize("verb", [["run"], ["sweep", "--vary", "theta=0:1:2", "-o", "a.nc"]])
def test_a_conducting_barrier_is_told_once_in_words(verb, capsys):
    low = ["--set", "onsite=0.2", "--set", "height=0.1"]
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main([verb[0], TUNNEL, *verb[1:], *low]) == 0
    told = capsys.readouterr().err
    assert told.count("warning: A layer called a barrier has a band") == 1
    assert ".py:" not in told
    assert "warn(" not in told


def test_messages_are_one_line():
    assert one_line("a\n  b\tc") == "a b c"
