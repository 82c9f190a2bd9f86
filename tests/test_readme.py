"""What the README shows works as printed."""

import re
import shlex
from pathlib import Path

import pytest

from kwant_spinjunc.cli import main

TOP = Path(__file__).parents[1]
README = (TOP / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


@pytest.mark.parametrize("code", blocks("python"))
def test_readme_code_runs(code, capsys):
    exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out
    assert "unitarity" in printed
    assert "torque on the right magnet" in printed


def test_readme_script_is_short():
    assert len(blocks("python")[0].strip().splitlines()) <= 15


@pytest.mark.parametrize(
    "command", [line for block in blocks("sh") for line in block.splitlines() if line.startswith("spinjunc")]
)
def test_readme_commands_run(command):
    words = [str(TOP / word) if word.startswith("systems/") else word for word in shlex.split(command)[1:]]
    assert main(words) == 0


def test_readme_make_targets_exist():
    targets = set(re.findall(r"^([a-z0-9-]+):", (TOP / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z0-9-]+)", README)) - {"to"}
    assert named
    assert named <= targets
