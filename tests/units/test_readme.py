"""What the README shows works as printed."""

import re
import shlex
from pathlib import Path

import pytest

from docs import executed
from kwant_spinjunc.cli.main import main

TOP = Path(__file__).parents[2]
README = (TOP / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return [block.code for block in executed.blocks(README, language)]


def test_readme_code_runs(capsys):
    shown = ["torque on the right magnet", "damping_like right", "torque on the ferromagnet", "uu, ud, du, dd", "J/m"]
    for code, expected in zip(blocks("python"), shown, strict=True):
        exec(compile(code, "README.md", "exec"), {})
        assert expected in capsys.readouterr().out


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


def test_the_verdict_table_has_every_claim_and_every_equation():
    from validation import CLAIMS, readme

    rows = [line for line in readme.split(README)[1].splitlines() if line.startswith("|")][2:]
    assert len(rows) == len(CLAIMS)
    equations = " ".join(line.split(" | ")[1] for line in rows)
    named = set(re.findall(r"\d+", equations))
    assert named >= {str(number) for number in range(1, 13)}
    assert "t0" in equations
    assert "domain wall" in equations
    assert (TOP / "docs" / "validity-map.png").exists()


def test_the_verdict_table_says_what_a_report_says(tmp_path, monkeypatch, capsys):
    import json

    from validation import readme

    claims = [
        dict(
            title="One",
            equations=["2", "t0"],
            verdict="fails",
            corrected="holds",
            use_when="|x| < 1",
            typical_error="1 %",
        ),
        dict(
            title="Three", equations=["1"], verdict="holds", corrected="holds", use_when="always", typical_error="none"
        ),
    ]
    (tmp_path / "report.json").write_text(json.dumps({"claims": claims}))
    (tmp_path / "README.md").write_text(f"top\n{readme.MARKS[0]}\nold\n{readme.MARKS[1]}\nend\n")
    monkeypatch.setattr(readme, "TOP", tmp_path)
    assert readme.main(["--check", str(tmp_path)]) == 1
    assert readme.main([str(tmp_path)]) == 0
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("top\n")
    assert text.endswith("\nend\n")
    assert "| One | 2, t0 | fails | holds | \\|x\\| < 1 | 1 % |" in text
    assert readme.main([str(tmp_path)]) == 0  # again, to the same text
    assert (tmp_path / "README.md").read_text() == text
    (tmp_path / "report.json").write_text(json.dumps({"claims": [dict(claims[1], corrected="fails")]}))
    assert readme.main(["--check", str(tmp_path)]) == 1
    assert "the report 'holds / fails': Three" in capsys.readouterr().err
    text = (tmp_path / "README.md").read_text()
    lost = {"claims": claims[:1], "provenance": {"unfinished": {"three": "ValueError: no"}}}
    (tmp_path / "report.json").write_text(json.dumps(lost))
    for arguments in ([], ["--check"]):
        assert readme.main([*arguments, str(tmp_path)]) == 1
        assert "no verdict on three, which could not be finished: ValueError: no" in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text() == text
