"""Every claim runs, keeps its checks, tells itself, and notices wrong data."""

import ast
import contextlib
import dataclasses
import json
import math
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from figure_faults import faults

from kwant_spinjunc.crystals import scatter as crystals
from kwant_spinjunc.errors import ArgumentError, SpinjuncError
from kwant_spinjunc.halves.joint import Turn
from kwant_spinjunc.spin import rotation_matrix
from validation import CLAIMS
from validation.claim import FOLDER, VERDICTS, assemble, fill, module_of, read_text
from validation.coverage import COVERAGE
from validation.figures import finish, new_figure

#: Claims of a second or two. ``make test-deep`` and the validation run all; their parts have tests of their own.
SHORT = (
    "rotation_law",
    "tunneling_exponent",
    "golden_rule",
    "linear_term",
    "nonequilibrium_tunneling",
    "conservation",
    "t0_lengths",
    "other_torques",
    "length_scales",
    "relaxation",
    "dipole_layers",
    "equation_12",
    "field_division",
)
#: Of these, those whose engine is also perturbed and whose figures are looked at by default.
QUICK = ("golden_rule", "linear_term", "t0_lengths", "other_torques")
RUN = CLAIMS if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else SHORT
#: Tolerances within this factor of what is reached are tight; those up to `ROUNDING` are about digits.
TIGHT, ROUNDING = 100.0, 1e-8
#: What is reached much better in the quick run, or by luck: why its tolerance is wider. Take out what is not needed.
WIDE = {
    "lattice matching, thick barrier, relative": "the lowest barrier of the full run leaves e^(-2κd) = 1e-5",
    "amplitude 1/(2πn|q'|)": "one part in a hundred at the depth of the full run",
    "relative error of the k∥ averages": "5e-8 in the full run",
    "power of the approach in e^(−2κd)": "8e-4 in the full run",
    "power of t0 of equal magnets in V": "the spread of the fit over biases",
}
#: Relative sizes of the errors, one of which a judge must notice: the larger ones in means over samples.
WRONG = (0.05, 0.5)


def disturbed(value, rng, size):
    """Return a measurement with an error in every number, each of its own: relative, and absolute in defects near 0."""
    if isinstance(value, (bool, np.bool_, str, int)) or value is None or callable(value):
        return value
    if isinstance(value, (float, np.floating)):
        return float(disturbed(np.array(float(value)), rng, size))
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "fc" or not value.size:
            return value
        near_zero = np.abs(value).max() < 1e-6
        return value * np.exp(size * rng.normal(size=value.shape)) + near_zero * size * 1e-2
    if isinstance(value, SimpleNamespace):
        return type(value)({name: disturbed(x, rng, size) for name, x in vars(value).items()})
    if isinstance(value, dict):
        return {name: disturbed(x, rng, size) for name, x in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(disturbed(x, rng, size) for x in value)
    if dataclasses.is_dataclass(value) and type(value).__module__.startswith("validation"):
        copy = object.__new__(type(value))
        for name, x in vars(value).items():
            object.__setattr__(copy, name, disturbed(x, rng, size))
        return copy
    return value


def broken(judged):
    """Return the names of the checks that do not pass, the value and its second route among them."""
    value = abs(judged.value - judged.expected) <= judged.tolerance
    return [check.name for check in (judged.route, *judged.checks) if not check.passed] + ["value"] * (not value)


def loose(checks):
    """Return the names of checks whose tolerance is far from what is reached, counts apart, and whether it may be."""
    found = {}
    for check in checks:
        reached = abs(check.value - check.expected)
        count = check.tolerance in (0.0, 0.5) and check.value == int(check.value)
        if not count and check.tolerance > max(ROUNDING, TIGHT * reached):
            found[check.name] = any(check.name.startswith(name) for name in WIDE)
    return found


def noticed(module, measured):
    """Return whether a judge refuses a measurement or finds a check broken."""
    try:
        return bool(broken(module.judge(measured)))
    except ArgumentError:  # no power law through zero
        return True


@pytest.mark.parametrize("name", RUN)
def test_claim_keeps_its_checks_tells_itself_and_notices_wrong_data(name):
    module = module_of(name)
    measured = module.measure(True)
    claim = assemble(name, measured)
    assert claim.passed, [check for check in claim.all_checks if not check.passed]
    assert len({len(row) for row in claim.table}) <= 1
    assert all(figure.name.startswith(claim.id) for figure in claim.figures)
    if RUN is CLAIMS or name in QUICK:  # drawing is half of the time of a short claim
        assert not {figure.name: found for figure in claim.figures if (found := faults(figure.figure, RUN is CLAIMS))}
    assert all(math.isfinite(check.value) for check in claim.all_checks)
    json.dumps(claim.to_json(), allow_nan=False)
    assert not re.search(
        r"\bnan\b|\binf\b|\{|\}", " ".join([claim.headline, claim.corrected_statement, claim.use_when])
    )
    assert all(loose(claim.all_checks).values()), loose(claim.all_checks)
    wider = [dataclasses.replace(check, tolerance=1e6 * check.tolerance) for check in claim.all_checks]
    counts = sum(check.tolerance in (0.0, 0.5) for check in claim.all_checks)
    assert len(loose(wider)) >= len(wider) - counts
    rng = np.random.default_rng(7)
    assert any(noticed(module, disturbed(measured, rng, size)) for size in WRONG)


def spoiled(change):
    """Return a figure of two labeled curves and points after a change to (figure, panel)."""
    figure, panel = new_figure()
    panel.loglog([2, 3, 4], [1e-3, 1e-2, 1e-1], "-", color="#0072B2", label="line")
    panel.plot([2, 3, 4], [1e-2, 1e-2, 1e-2], "o", color="#D55E00", label="points")
    panel.legend()
    finish(figure, "Φ = 90°, E = 0")
    change(figure, panel)
    return figure


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda figure, panel: None, []),
        (lambda figure, panel: figure.suptitle("Φ = 90°"), ["title 'Φ = 90°' lacks angle or energy"]),
        (lambda figure, panel: figure.suptitle("E = 0"), ["title 'E = 0' lacks angle or energy"]),
        (lambda figure, panel: panel.set_xticks([3]), ["panel 0: x has fewer than two labeled ticks"]),
        (lambda figure, panel: panel.lines[0].set_color("#009e73"), ["panel 0: #009e73 has no legend entry"]),
        (lambda figure, panel: panel.lines[0].set_alpha(0), ["panel 0: line is invisible"]),
        (lambda figure, panel: panel.lines[0].set_data([9, 9, 9], [1, 2, 3]), ["panel 0: line is invisible"]),
        (lambda figure, panel: panel.set_xlim(1, 3.5), ["panel 0: points of points outside the axis"]),
    ],
)
def test_figure_that_a_referee_would_send_back_is_noticed(change, found):
    assert faults(spoiled(change), laid_out=RUN is CLAIMS) == found


def test_figure_without_a_title_is_refused(tmp_path):
    page = (FOLDER / "torque.md").read_text(encoding="utf-8")
    untitled = re.sub(r"(## figure \S+\n).*\n\n", r"\1", page, count=1)
    (tmp_path / "a.md").write_text(untitled, encoding="utf-8")
    with pytest.raises(ArgumentError, match="must have a title above their caption"):
        _ = read_text(tmp_path / "a.md").captions


#: Claims about equations or chains of spins alone: no engine to be wrong.
NO_ENGINE = ("length_scales", "relaxation", "dipole_layers", "equation_12", "field_division", "wall_stability")
PERTURBED = tuple(name for name in RUN if name not in NO_ENGINE and (RUN is CLAIMS or name in QUICK))


@pytest.mark.parametrize("name", PERTURBED)
def test_claim_notices_an_engine_that_turns_spins_by_a_wrong_angle(name, monkeypatch):
    """1 degree too far between the halves, unitary and conserving: by its numbers, or by Kwant beside them."""
    module, wrong = module_of(name), np.radians(0.5)
    rotation = np.array([[np.cos(wrong), -np.sin(wrong)], [np.sin(wrong), np.cos(wrong)]])
    for path, home in list(sys.modules.items()):
        if path.startswith("kwant_spinjunc.halves") and hasattr(home, "rotation_matrix"):
            monkeypatch.setattr(home, "rotation_matrix", lambda m, to: rotation_matrix(m, to) @ rotation)
    monkeypatch.setattr(crystals, "Turn", lambda angles, axis: Turn(angles + 2 * wrong, axis))
    with contextlib.suppress(SpinjuncError):  # refused by an audit: noticed before any judge saw it
        assert broken(module.judge(module.measure(True)))


@pytest.mark.parametrize("name", CLAIMS)
def test_text_is_complete_and_every_number_of_it_has_a_source(name):
    text = read_text(FOLDER / f"{name}.md")
    assert text.title
    assert text.equations
    assert "TODO" not in " ".join(text.sections.values())


def test_text_without_a_section_is_refused(tmp_path):
    page = (FOLDER / "torque.md").read_text(encoding="utf-8")
    parts = page.split("## use when")
    for text, message in (
        (parts[0] + parts[1].partition("## ")[2].join(["## ", ""]), r"lacks \['use when'\]"),
        (page.replace("## use when", "## used when"), r"nobody reads \['used when'\]"),
    ):
        (tmp_path / "a.md").write_text(text, encoding="utf-8")
        with pytest.raises(ArgumentError, match=message):
            read_text(tmp_path / "a.md")


def unread(source, text):
    """Return the locals of ``measure`` and ``numbers`` that neither a function of the claim reads nor its text."""
    nodes = list(ast.walk(ast.parse(source)))
    read = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    read |= {node.attr for node in nodes if isinstance(node, ast.Attribute)} | text.names | {"_"}
    read |= {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    read |= set(re.findall(r"\.(\w+)", " ".join([*text.sections.values(), *(cell for _, cell in text.columns)])))
    told = [node for node in nodes if isinstance(node, ast.FunctionDef) and "Record(locals())" in ast.unparse(node)]
    stored = [node for one in told for node in ast.walk(one) if isinstance(node, ast.Name)]
    return {node.id for node in stored if isinstance(node.ctx, ast.Store)} - read


@pytest.mark.parametrize("name", CLAIMS)
def test_every_number_of_a_claim_is_read(name):
    source = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    text = read_text(FOLDER / f"{name}.md")
    assert not unread(source, text)
    dead = "def numbers(m: Record) -> Record:\n    of_no_use = 1.0\n    return Record(locals())\n"
    assert unread(source + dead, text) == {"of_no_use"}


def test_text_is_filled_from_the_first_place_that_has_the_number_and_refused_without_one():
    first, second = SimpleNamespace(a=1.0, T=[0.25, 0.5]), SimpleNamespace(a=2.0, b=3.0)
    assert fill("{a:.1f} of {b - a:g}, {max(x for x in T):.0%}, {{b}}", first, second) == "1.0 of 2, 50%, {b}"
    assert fill("{max:.1f}, {len(T)}", SimpleNamespace(max=2.0), first) == "2.0, 2"  # a number before a built-in
    with pytest.raises(ArgumentError, match="quotes 'c', which is no number of the claim"):
        fill("{c}", first, second)


# ---------------------------------------------------------------------- coverage
def test_coverage_names_claims_that_exist_and_leaves_none_out():
    named = {name for row in COVERAGE for name in row.claims}
    assert named <= {name.replace("_", "-") for name in CLAIMS} | set(CLAIMS)
    assert {name.replace("-", "_") for name in named} == set(CLAIMS)


def test_coverage_has_every_equation():
    text = " ".join(row.place for row in COVERAGE)
    assert {str(n) for n in range(1, 13)} <= set(re.findall(r"\d+", text))


def test_every_claim_has_a_file_and_every_file_is_a_claim():
    files = {path.stem for path in Path(FOLDER).glob("*.py")} - {"__init__"}
    assert files == set(CLAIMS) == {path.stem for path in Path(FOLDER).glob("*.md")}
    assert len(VERDICTS) == 4
