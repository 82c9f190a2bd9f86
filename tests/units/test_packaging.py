"""What is installed: the recipe asks for what the wheel asks for, and Kwant loads only where it is used."""

import inspect
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import kwant_spinjunc as sj
from kwant_spinjunc import optional

TOP = Path(__file__).parents[2]
PROJECT = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]


def test_recipe_asks_for_what_the_wheel_asks_for():
    recipe = (TOP / "conda-recipe" / "recipe.yaml").read_text()
    context = dict(re.findall(r'^  (\w+): "(.*)"$', recipe, re.MULTILINE))
    assert context["version"] == sj.__version__
    run = recipe.split("  run:")[1].split("tests:")[0].replace("${{ python_min }}", context["python_min"])
    found = {name.replace(" ", "") for name in re.findall(r"- (.*)", run)} - {f"python{PROJECT['requires-python']}"}
    wheel = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["kwant"]
    assert found == {name.replace("matplotlib", "matplotlib-base") for name in wheel}


def test_all_is_all():
    extras = PROJECT["optional-dependencies"]
    (everything,) = extras["all"]
    assert everything == f"kwant-spinjunc[{','.join(name for name in extras if name != 'all')}]"


def test_every_public_module_can_be_the_first_that_is_used():
    code = """
import importlib, sys
for name in NAMES:
    for module in [module for module in sys.modules if module.split(".")[0] == "kwant_spinjunc"]:
        del sys.modules[module]
    getattr(importlib.import_module("kwant_spinjunc"), name)
"""
    names = [name for name in sj.__all__ if inspect.ismodule(getattr(sj, name))]
    assert "materials" in names
    subprocess.run([sys.executable, "-c", code.replace("NAMES", repr(names))], check=True)


def test_nothing_heavy_loads_before_it_is_used():
    code = """
import sys
import kwant_spinjunc as sj
from tunnel_junction import tunnel_junction
s = sj.scatter(tunnel_junction(), 0.0, solver="halves")
sj.linear_response(s, 0.5, -0.5), sj.judge(tunnel_junction(), advise=False), sj.tmr(tunnel_junction())
print(sorted({"kwant", "tinyarray", "matplotlib", "xarray", "tqdm"} & set(sys.modules)))
"""
    path = {"PYTHONPATH": f"{TOP}:{TOP / 'systems'}", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=path, check=True)
    assert done.stdout.strip() == "[]"


def test_help_computes_nothing():
    code = "import sys; from kwant_spinjunc.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "print('loaded', sorted({'numpy', 'scipy', 'kwant'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=TOP, check=True)
    assert done.stdout.splitlines()[-1] == "loaded []"


def test_missing_package_is_told_in_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "kwant", None)
    assert not optional.has("kwant")
    with pytest.raises(sj.MissingPackageError, match=r"pip install 'kwant-spinjunc\[kwant\]'") as caught:
        optional.kwant.Builder()
    assert "\n" not in str(caught.value)
    assert optional.version("no-such-package-here") == "not installed"
