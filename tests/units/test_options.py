"""Every option of every verb changes what the library is asked, or what is written: told whole, one option at a time.

To tell it anew: ``PYTHONPATH=tests:. python tests/units/test_options.py``.
"""

import argparse
import contextlib
import importlib
import io
import tempfile
from pathlib import Path

import pytest
from telling import differences, told
from told_junctions import record, tell_anew

import kwant_spinjunc as sj
from kwant_spinjunc.cli.main import VERBS, main
from systems.tunnel_junction import tunnel_junction

FAMILY = """from typing import Annotated
import kwant_spinjunc as sj
from systems.tunnel_junction import tunnel_junction

def family(theta: float = 0.5, height: float = 2.5, thickness: int = 2) -> Annotated[sj.Junction, "meV"]:
    return tunnel_junction(theta=theta, height=height, thickness=thickness)

def other(theta: float = 0.5, height: float = 2.5):
    return family(theta, height, 3)

def device(alpha: float = 0.1):
    from systems.rashba_junction import rashba_junction
    return rashba_junction(alpha=alpha)
"""
#: Verb -> where what it asks for is, what every command has, and options that change what is asked for, one by one.
ASKED = {
    "judge": (
        "judging.door.judge",
        "",
        "--family=other | --set theta=60deg | --set height=3 --set thickness=4 | --k 0.1,0.2 | --k average | "
        "--energy 0.3 | "
        "--mu-left 0.6,0.4 | --mu-right=-0.7 | --angles 0:180deg:3 | --tolerance 0.02 | --turned-by theta | "
        "--behind x | "
        "--rtol 1e-3 | --max-points 50 | --cut y | --cross-section 2x3 | --realizations 7 | "
        "--boundary twisted | --seed 4 | "
        "--workers 2 | --material cobalt | --material cobalt,permalloy | --lattice-constant 0.3 | "
        "--no-advice | -o a.nc",
    ),
    "export": (
        "magnets.export.export",
        "--to mumax3 --lattice-constant 0.25",
        "--family other | --set theta=1 | --k 0.1,0.2 | --k average | --energy 0.3 | --to oommf | "
        "--lattice-constant 0.3 | "
        "--free left | --angles 5 | --bias 0.1 | --bias=-0.2 | --current-density 1e10 | --free-thickness 2 | "
        "--saturation 8e5 | --asymmetric | --no-field-like | --tolerance 0.1 | "
        "--family device --behind barrier | -o a.txt | "
        "--to boris | --to boris --bias 0:0.2:3",
    ),
    "sweep": (
        "cli.sweep.sweep",
        "-o out.nc --vary theta=0:1:2",
        "--vary height=2:3:3 | --vary energy=0:0.1:2 | --family other | --set height=3 | --k 0.1,0.2 | --k average | "
        "--energy 0.2 | --solver kwant | --workers 3 | --rtol 1e-4 | --turns 0:90deg:2 --behind barrier | "
        "--vary thickness=1:3:3 | --overwrite",
    ),
    "sweep of a bias": (
        "cli.sweep.sweep",
        "-o out.nc --bias=-0.1:0.1:3",
        "--bias 0:100K:2 | --temperature 0.01 | --rtol 1e-4 | --figure a.doc | --plot tmr | --plot error",
    ),
    "ensemble": (
        "cli.ensemble.ensemble",
        "-o store",
        "--family other | --set theta=1 | --k 0.1,0.2 | --energy 0.3 | --solver kwant | --workers 3 | -o other | "
        "--realizations 7 | --rtol 0.1 | --quantity modes | --seed 5 | --cross-section 2x3 | --boundary twisted | "
        "--boundary periodic,twisted | --angles 0:180deg:3 | --angles 0:1:2 --torques | --no-torques | --profiles",
    ),
    "ensemble of a grid": (
        "cli.ensemble.ensembles",
        "-o table.nc --vary height=2:3:2",
        "--family other | --set theta=1 | --energy 0.3 | --vary theta=0:1:2 | --angles 0:180deg:3 | "
        "-o other.nc | --seed 5",
    ),
    "map": (
        "cli.map.validity_map",
        "-o map.png --vary height=2:3:2",
        "--vary theta=0:1:2 | --vary energy=0:0.1:2 | --vary theta=0:1:2 --family other | "
        "--vary theta=0:1:2 --set thickness=4 | "
        "--vary theta=0:1:2 --k average | --vary theta=0:1:2 --energy 0.2 | --vary theta=0:1:2 --workers 3 | "
        "--vary theta=0:1:2 --error t0 | --vary theta=0:1:2 --accumulation 0.1,0.03 | "
        "--vary theta=0:1:2 --data data.nc",
    ),
    "run": (
        "scattering.scatter",
        "",
        "--family other | --set theta=1 | --k 0.1,0.2 | --k average | --energy 0.3 | --solver halves | "
        "--family device | -o a.png",
    ),
    "show": (
        "plot.figures.plot_junction",
        "-o drawn.png",
        "--family other | --set theta=60deg | --k 0.1,0.2 | --energy 0.3 | -o other.png",
    ),
    "plot": (
        "plot.figures.plot_sweep",
        "-o drawn.png",
        "--plot tmr | --plot tmr --plot modes | --log | --no-log | -o other.svg",
    ),
    "explore": (
        "exploring.explorer.explore",
        "--no-browser",
        "--family other | --set height=3 | --energy 0.3",
    ),
    "equation": ("cli.equation._verdicts", "3", "--report other.json"),
}


class Asked(sj.SpinjuncError):
    """Ends a command when it has asked."""


def asked(verb, words, monkeypatch):
    """What a command prints and asks the library for."""
    where, _, _ = ASKED[verb]
    module, _, name = where.rpartition(".")
    calls = []

    def called(*args, **settings):
        calls.append([list(args), dict(sorted(settings.items()))])
        raise Asked("asked")

    monkeypatch.setattr(importlib.import_module(f"kwant_spinjunc.{module}"), name, called)
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = main([verb.partition(" ")[0], *words])
    return list(told({"code": code, "printed": out.getvalue(), "asked": plain(calls)}))


def plain(value):
    """Names of functions, paths of files, and what is told of all else."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, sj.runs.tables.TableFile):
        return f"table {value.path} fresh={value.fresh}"
    if hasattr(value, "data_vars"):
        return f"table of {sorted(value.data_vars)}"
    if callable(value):
        return f"function {value.__name__}"
    return str(value) if isinstance(value, (Path, sj.Junction, sj.Device)) else value


def options():
    """What every option changes: lines that are new, and those that are gone."""
    Path("family.py").write_text(FAMILY)
    sj.sweep(tunnel_junction, height=[2.0, 3.0], progress=False).to_netcdf("table.nc", engine="scipy")
    found = {}
    for verb, (_, common, several) in ASKED.items():
        file = [] if verb == "equation" else ["table.nc" if verb == "plot" else "family.py"]
        with pytest.MonkeyPatch.context() as patch:
            base = asked(verb, [*file, *common.split()], patch)
            found[verb] = base
            for words in several.split(" | "):
                now = asked(verb, [*file, *common.split(), *words.split()], patch)
                assert now != base or words.startswith(("-o", "--plot error")), (
                    words
                )  # what is written is in other records
                gone, new = [x for x in base if x not in now], [x for x in now if x not in base]
                found[f"{verb} {words}"] = [*(f"- {x}" for x in gone), *(f"+ {x}" for x in new)]
    return [f"{name}: {line}" for name, lines in found.items() for line in lines]


def test_what_options_ask_for_is_what_they_asked_for():
    assert differences(options(), record("options").read_text().splitlines()) == []


@pytest.mark.parametrize("verb", VERBS)
def test_no_option_is_left_out(verb):
    told = " ".join(f"{rows[1]} {rows[2]}" for name, rows in ASKED.items() if name.partition(" ")[0] == verb)
    words = {word.partition("=")[0] for word in told.split()}
    parser = importlib.import_module("kwant_spinjunc.cli.main")._parser([verb])
    (verbs,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    for action in verbs.choices[verb]._actions:
        if action.option_strings and not {"-h", "--dask", "--resume"} & {*action.option_strings}:
            assert words & {*action.option_strings}, action.option_strings


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as elsewhere, contextlib.chdir(elsewhere):
        tell_anew(options(), record("options"))
