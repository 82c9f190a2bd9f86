"""Every equation of the paper can be found: as printed, corrected, exact, and judged."""

import importlib
import json
import re
from pathlib import Path

import pytest

from kwant_spinjunc.cli import main
from kwant_spinjunc.theory import EQUATIONS, printed
from validation.claim import read_text

ROOT = Path(__file__).parents[2]
#: The equations of every claim, from its text.
CLAIMS = {
    path.stem.replace("_", "-"): read_text(path).equations
    for path in sorted((ROOT / "validation" / "claims").glob("*.md"))
}
#: What claims call the equations without a number.
UNNUMBERED = {"text before 5": "circuit", "domain wall": "wall", "text after 4": "t0", "text after 11": "11"}


def resolve(name):
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def test_no_equation_is_missing():
    assert set(EQUATIONS) == {*map(str, range(1, 13)), "t0", "circuit", "wall"}


@pytest.mark.parametrize("number", EQUATIONS)
def test_every_name_leads_somewhere(number):
    equation = EQUATIONS[number]
    for name in equation.printed + equation.corrected:
        assert callable(resolve(f"kwant_spinjunc.theory.{name}"))
    for name in equation.exact:
        assert callable(resolve(f"kwant_spinjunc.{name}"))
    assert set(equation.claims) <= set(CLAIMS)
    assert equation.corrected
    assert equation.exact
    assert equation.claims


def test_what_is_printed_is_printed_and_has_a_misprint():
    """Printed forms live in one module, all of them are listed, and each says what the print got wrong."""
    listed = {name for equation in EQUATIONS.values() for name in equation.printed}
    public = [f.__name__ for f in vars(printed).values() if getattr(f, "__module__", "") == printed.__name__]
    assert listed == {f"printed.{name}" for name in public if name[0] != "_"}
    for equation in EQUATIONS.values():
        assert bool(equation.printed) == bool(equation.misprint)
        assert not any(name.startswith("printed.") for name in equation.corrected)
        for name in equation.printed:
            assert "as printed" in resolve(f"kwant_spinjunc.theory.{name}").__doc__


def test_every_equation_a_claim_judges_lists_the_claim():
    for claim, equations in CLAIMS.items():
        for name in equations:
            number = UNNUMBERED.get(name, name)
            assert claim in EQUATIONS[number].claims, (claim, name)


def test_functions_name_their_equation():
    """The corrected functions really are those: their docstring cites the number, or the quantity of the unnumbered."""
    words = {"t0": "t0|torque", "circuit": "field|rotat", "wall": "δθ|wall|torque"}
    for number, equation in EQUATIONS.items():
        cited = words.get(number, rf"\({number}\)|\((5|7|1)\)(, \(6\)| to \(1[01]\))|equations?.*{number}")
        for name in equation.corrected:
            module = importlib.import_module("kwant_spinjunc.theory." + name.rpartition(".")[0])
            text = resolve(f"kwant_spinjunc.theory.{name}").__doc__ + module.__doc__
            assert re.search(cited, text), (number, name)


def test_the_command_line_shows_an_equation_and_its_verdicts(capsys, tmp_path):
    assert main(["equation", "3"]) == 0
    out = capsys.readouterr().out
    assert "J_M^L = (1/h) Σ_ss' s T_ss' (µ_Ls − µ_Rs')" in out
    assert "kwant_spinjunc.theory.printed.magnetization_current" in out
    assert "magnetization-currents: not judged here" in out
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"claims": [{"id": "magnetization-currents", "verdict": "holds in a limit"}]}))
    assert main(["equation", "(3)", "--report", str(report)]) == 0
    assert "magnetization-currents: holds in a limit" in capsys.readouterr().out
    assert main(["equation"]) == 0
    assert capsys.readouterr().out.count("\n(") == len(EQUATIONS) - 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["equation", "13"], "`number` must be one of '1', '2'"),
        (["equation", "3", "--report", __file__], "`--report` must be a report.json"),
    ],
)
def test_what_is_no_equation_is_one_line(arguments, message, capsys):
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
