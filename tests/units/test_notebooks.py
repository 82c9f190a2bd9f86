"""The tutorial notebooks run as they are downloaded, without a warning, and show what they end with."""

import ast
import json
import warnings
from pathlib import Path

import matplotlib as mpl
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))


def run(cells):
    """Run code cells in one namespace and return what their last lines show, as a notebook would ask for it."""
    namespace, shown = {}, []
    for source in cells:
        tree = ast.parse(source)
        last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, "cell", "exec"), namespace)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), "cell", "eval"), namespace)
            shown.append(value._repr_html_() if hasattr(value, "_repr_html_") else repr(value))
    return shown


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_without_red(path, capfd):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(not cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code")
    mpl.use("Agg")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        shown = run(cells)
    assert len(shown) >= 5
    assert any("<table" in text for text in shown)
    assert capfd.readouterr().err == ""


def test_there_are_two_notebooks():
    assert [path.stem for path in NOTEBOOKS] == ["disorder", "first_verdict"]
