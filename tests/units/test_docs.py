"""Every code block of the site runs, and what the site is generated from says what it should."""

import argparse
import ast
import importlib.util
import json
import re
import shlex
from pathlib import Path

import pytest
from strategies import repetitions

from docs import claim_pages, docstrings, executed, figures

TOP = Path(__file__).parents[2]
DOCS = TOP / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md") if not {"_build", "_generated", "claims"} & set(page.parts))
CODE = [page for page in PAGES if executed.blocks(page.read_text(encoding="utf-8"))]
#: Pages of half a second and more, which the site runs whenever it is built, and ``make test-deep``.
SLOW = {"cluster", "command_line", "crystals", "ensembles", "gallery", "sharp_bits", "systems", "tutorial", "wannier"}
#: What a shell block of a page may show besides `spinjunc`, which is run.
SHOWN = ("make ", "python -m ", "pip install ", "mpiexec ", "sbatch ", "dask ")


@pytest.mark.parametrize(
    "page", [p for p in CODE if repetitions(False, True) or p.stem not in SLOW], ids=lambda page: page.stem
)
def test_code_of_the_page_runs(page):
    executed.run(page.read_text(encoding="utf-8"), page.stem, slow=repetitions(False, True))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_of_the_page_exist(page):
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", (TOP / "Makefile").read_text(), flags=re.MULTILINE))
    assert set(re.findall(r"`make ([a-z0-9-]+)", text)) <= targets
    for block in executed.blocks(text, "sh"):
        for command in executed.commands(block):
            assert command.startswith(("spinjunc ", *SHOWN)), command


def test_what_pages_mention_in_passing_exists():
    """Names of the package, verbs and extras between backticks, and commands in indented lines, of all pages."""
    import kwant_spinjunc as sj

    extras = re.findall(r"^(\w+) = \[", (TOP / "pyproject.toml").read_text(), flags=re.MULTILINE)
    seen = 0
    for page in (TOP / "README.md", *PAGES):
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
        for name in re.findall(r"`sj\.(\w+)", text):
            assert hasattr(sj, name), (page, name)
        for extra in re.findall(r"kwant-spinjunc\[(\w+)\]", text):
            assert extra in extras, (page, extra)
        for module in re.findall(r"`python -m ([\w.]+)", text):
            assert importlib.util.find_spec(module), (page, module)
        for command in re.findall(r"(?:`|^    )spinjunc ([a-z]+ [^`\n]*)", text, flags=re.MULTILINE):
            verb, *words = shlex.split(command.replace("FILE.py", "systems/contact.py"))
            parser = argparse.ArgumentParser(exit_on_error=False)
            importlib.import_module(f"kwant_spinjunc.cli.{verb}").add_options(parser)
            parser.parse_args(words)
            assert all((TOP / word).exists() for word in words if word.startswith("systems/")), (page, command)
            seen += 1
    assert seen > 5


def test_every_page_is_reached_from_the_index():
    assert {page.stem for page in CODE} >= SLOW
    trees = "\n".join(re.findall(r"```\{toctree\}\n(.*?)```", (DOCS / "index.md").read_text(), flags=re.DOTALL))
    assert {page.stem for page in DOCS.glob("*.md")} - {"index"} == set(trees.split()) & {p.stem for p in PAGES}


def test_every_public_module_is_in_the_reference():
    """The homes of the names at the root and the equations; nothing is named that does not exist."""
    named = set()
    for page in (DOCS / "api").glob("*.md"):
        named |= set(re.findall(r"automodule:: kwant_spinjunc\.([\w.]+)", page.read_text()))
    package = TOP / "kwant_spinjunc"
    modules = {".".join(path.relative_to(package).with_suffix("").parts) for path in package.rglob("*.py")}
    modules = {name.removesuffix(".__init__") for name in modules}
    stub = ast.parse((package / "__init__.pyi").read_text())
    imports = [node for node in stub.body if isinstance(node, ast.ImportFrom) and node.module]
    names = {(node.module, f"{node.module}.{alias.name}") for node in imports for alias in node.names}
    homes = {name if name in modules else module for module, name in names} - {"_version"}
    equations = {name for name in modules if name.startswith("theory.") and not name.endswith("__init__")}
    assert homes | equations <= named <= modules


# ---------------------------------------------------------------------- the runner
def test_blocks_share_a_namespace_and_show_what_they_print():
    page = 'text\n\n```python\na = 2\n```\n\n```python\nprint(a + 1)\nprint("x")\n```\n'
    assert [block.printed for block in executed.run(page)] == ["", "3\nx\n"]


def test_a_slow_block_is_left_out_where_that_is_asked_for():
    page = "```python slow\nprint(1)\n```\n```python\nprint(2)\n```\n"
    assert [block.printed for block in executed.run(page)] == ["1\n", "2\n"]
    assert [block.printed for block in executed.run(page, slow=False)] == ["", "2\n"]


def test_a_block_that_fails_names_its_line():
    with pytest.raises(executed.BlockError, match="page:4: ZeroDivisionError"):
        executed.run("a\n\n```python\n1 / 0\n```\n")


def test_a_warning_is_an_error():
    with pytest.raises(executed.BlockError, match="UserWarning: careful"):
        executed.run('```python\nimport warnings\nwarnings.warn("careful")\n```\n')


def test_an_expected_error_is_shown_and_its_absence_refused():
    (block,) = executed.run("```python raises\nint('x')\n```\n")
    assert block.printed.startswith("ValueError: invalid literal")
    with pytest.raises(executed.BlockError, match="nothing was raised"):
        executed.run("```python raises\n1\n```\n")


def test_a_figure_needs_a_description():
    code = "from matplotlib.figure import Figure\nFigure()\n"
    (block,) = executed.run(f'```python alt="empty"\n{code}```\n')
    assert block.figure is not None
    with pytest.raises(executed.BlockError, match="needs a description"):
        executed.run(f"```python\n{code}```\n")


def test_a_block_with_a_name_is_a_file_for_later_blocks():
    family = "```python file=mine.py\nfrom systems.contact import contact\n\n\ndef mine():\n    return contact()\n```\n"
    assert "Scattering by" in executed.run(family + "```sh\nspinjunc run mine.py\n```\n")[1].printed
    with pytest.raises(executed.BlockError, match="ended with 2"):
        executed.run("```sh\nspinjunc run mine.py\n```\n")


def test_output_stands_under_its_block_and_settings_are_left_out(tmp_path):
    page = "```python raises\nint('x')\n```\nafter\n"
    shown = executed.with_output(page, "page", tmp_path)
    assert shown.startswith("```python\nint('x')\n```\n")
    assert ":class: output\n\nValueError: invalid literal" in shown
    assert shown.endswith("after\n")


# ---------------------------------------------------------------------- what is generated
def report(folder, claims, **provenance):
    source = dict(quick=True, created="2026-01-01T00:00:00", kwant_spinjunc="0", kwant="1", numpy="1", scipy="1")
    source |= dict(python="3") | provenance
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps({"claims": claims, "provenance": source}))
    return folder


def claim(name, **changes):
    words = ("title", "statement", "formula", "experiment", "parameter", "finding", "headline", "corrected_statement")
    words += ("use_when", "typical_error")
    check = dict(name="defect of J_M", value=2.5e-13, expected=0.0, tolerance=1e-9, passed=True)
    texts = {word: f"{word} with |x| and J_M^L" for word in words}
    return (
        dict(id=name, equations=["2"], verdict="fails", corrected="holds", checks=[check], figures=[], **texts)
        | changes
    )


def test_a_claim_has_a_page_with_its_verdict_and_numbers(tmp_path):
    from validation import CLAIMS

    names = [name.replace("_", "-") for name in CLAIMS]
    pages = tmp_path / "site" / "claims"
    claim_pages.write(report(tmp_path / "r", [claim(name) for name in names]), pages, tmp_path / "site" / "images")
    text = (pages / f"{names[3]}.md").read_text()
    assert "**fails**" in text
    assert r"headline with \|x\| and J{sub}`M`{sup}`L`" in text
    assert "| 2.5e−13 | 0 ± 1e−09 |" in text
    assert "small grids" in text
    assert all(f"({name}.md)" in (pages / "index.md").read_text() for name in names)


def test_symbols_in_prose_have_indices_and_code_stays():
    code = "`m_L` file_name [a](sharp_bits.md)\n\n    a_b\n\n```python\nm_L = 1\n```\n"
    text = f"| m_L×m_R | J_M^R, (µ_+, µ_−) |\n\n{code}Q_z\n"
    shown = claim_pages.with_indices(text)
    assert shown.startswith("| m{sub}`L`×m{sub}`R` | J{sub}`M`{sup}`R`, (µ{sub}`+`, µ{sub}`−`) |")
    assert f"{code}Q{{sub}}`z`" in shown
    assert claim_pages.with_indices("$$\na_b\n$$\n") == "$$\na_b\n$$\n"


def test_names_in_the_text_of_a_claim_are_code():
    assert (
        claim_pages.escaped("solve it (`multiscale`), J_M^L * 2") == r"solve it (`multiscale`), J{sub}`M`{sup}`L` \* 2"
    )


def test_pages_of_claims_need_a_complete_report(tmp_path):
    with pytest.raises(FileNotFoundError, match="make validation-quick"):
        claim_pages.write(tmp_path / "none", tmp_path / "p", tmp_path / "f")
    with pytest.raises(ValueError, match="has 1 of"):
        claim_pages.write(report(tmp_path / "r", [claim("one")]), tmp_path / "p", tmp_path / "f")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the error |τ| of R_{++}", r"the error \|τ\| of R\_{++}"),
        ("T_ss' and `a_b|c_` and ``x*y``", "T_ss' and `a_b|c_` and ``x*y``"),
        ("**Validity**: |x| * 2", r"**Validity**: \|x\| \* 2"),
    ],
)
def test_formulas_in_docstrings_are_no_markup(text, expected):
    assert docstrings.readable([text], module=False) == [expected]


def test_indented_formulas_of_a_module_stay_as_they_are():
    lines = ["Title.", "", "    H = |Φ|²", "", "Then."]
    assert docstrings.readable(lines, module=True) == ["Title.", "", "::", "", "    H = |Φ|²", "", "Then."]
    assert docstrings.readable(lines, module=False)[2] == r"    H = \|Φ\|²"
    doctest = [">>> a | b", "3_", "", "a | b"]
    assert docstrings.readable(doctest, module=False) == [">>> a | b", "3_", "", r"a \| b"]


def test_what_each_argument_is_stands_in_a_paragraph_of_its_own():
    lines = [
        "Return it.",
        "",
        "``a``, ``b``: both, or",
        "``c`` alone.",
        "``**rest``: more.",
        "",
        ">>> 1",
        "``d``: said",
    ]
    found = docstrings.readable(lines, module=False)
    assert found == [*lines[:4], "", *lines[4:]]


def test_drawings_are_drawn(tmp_path):
    figures.draw(tmp_path)
    assert all((tmp_path / f"{name}.svg").stat().st_size > 1000 for name in figures.FIGURES)


def test_every_verb_is_on_the_page_of_the_command_line():
    from kwant_spinjunc.cli.main import VERBS

    rows = re.findall(r"^\| `(\w+)` \|", (DOCS / "command_line.md").read_text(), flags=re.MULTILINE)
    assert rows == list(VERBS)
