"""What one types every day: units behind numbers, misspelt keywords, pictures of what was swept."""

import argparse
import re
import sys
import time
import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import kwant_spinjunc as sj
from kwant_spinjunc.cli.main import main
from kwant_spinjunc.cli.values import UNITS, number, parse_range, parse_value, temperature
from kwant_spinjunc.plot.figures import plot_junction, plot_sweep
from kwant_spinjunc.runs.family import call_family, load_family, units_of
from kwant_spinjunc.runs.realizations import JunctionProblem
from kwant_spinjunc.runs.validity import validity_map
from systems.contact import contact
from systems.tunnel_junction import tunnel_junction

METAL = sj.normal_metal(onsite=1.0, hopping=1.0)
VALVE = sj.Junction(METAL, [], METAL)
FREE = str(Path(__file__).parents[2] / "systems" / "free_electron_junction.py")
TUNNEL = str(Path(__file__).parents[2] / "systems" / "tunnel_junction.py")


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_units_are_typed_behind_numbers():
    assert parse_value("300K") == pytest.approx(0.02585199)
    assert temperature("300K") == parse_value("300K")
    assert temperature("0.1") == 0.1
    assert parse_value("OK") == "OK"
    np.testing.assert_allclose(parse_range("0:300K:3", units=UNITS), [0.0, parse_value("150K"), parse_value("300K")])
    with pytest.raises(sj.ArgumentError, match="same unit at both ends"):
        parse_range("10K:20:3", units=UNITS)
    for option, text in ((number, "90deg"), (number, "300K"), (temperature, "90deg"), (temperature, "infK")):
        with pytest.raises(argparse.ArgumentTypeError, match="finite number"):
            option(text)


@pytest.mark.parametrize(
    ("unit", "typed", "expected"),
    [
        ('"eV"', "warm=300K", 0.02585199),
        ('"meV"', "warm=300K", 25.85199),
        ('"K"', "warm=300K", 300.0),
        ('"deg"', "turn=60deg", 60.0),
        ('"rad"', "turn=60deg", np.pi / 3),
        ('"eV"', "theta=60deg", np.pi / 3),
    ],
)
def test_a_typed_unit_becomes_that_of_the_parameter(unit, typed, expected, capsys):
    name = typed.split("=")[0]
    hint = "float" if name == "theta" else f"Annotated[float, {unit}]"
    Path("family.py").write_text(
        "from typing import Annotated\nimport numpy as np\nfrom systems.tunnel_junction import tunnel_junction\n"
        "import kwant_spinjunc as sj\n"
        f"def family({name}: {hint} = 0.0) -> Annotated[sj.Junction, 't']:\n"
        f"    assert np.isclose({name}, {expected}, rtol=1e-6), {name}\n    return tunnel_junction()\n"
    )
    assert main(["run", "family.py", "--set", typed, "--solver", "halves"]) == 0
    vary = typed.replace("=", "=" + typed.split("=")[1] + ":") + ":1"
    assert main(["sweep", "family.py", "--vary", vary, "-o", "a.nc"]) == 0


@pytest.mark.parametrize(
    "words",
    [
        ["--set", "height=300K"],  # in t
        ["--set", "thickness=4K"],
        ["--set", "theta=300K"],
        ["--set", "height=60deg"],
        ["--vary", "height=1K:300K:2"],
        ["--vary", "energy=0:300K:2"],
        ["--vary", "energy=0:30deg:2"],
        ["--bias", "0:300K:2"],
        ["--bias", "0:30deg:2"],
    ],
)
def test_a_typed_unit_of_something_else_is_refused(words, capsys):
    """A silent conversion would be a wrong number: 300K is 0.026 eV, but no 0.026 of what t may be."""
    assert main(["sweep", TUNNEL, *words, "-o", "a.nc"]) == 2
    assert "must not be typed in" in capsys.readouterr().err
    assert not Path("a.nc").exists()


@pytest.mark.filterwarnings("default")
def test_angles_above_a_full_turn_are_told(capsys):
    assert main(["run", TUNNEL, "--set", "theta=60", "--solver", "halves"]) == 0
    err = capsys.readouterr().err
    assert "theta=60deg" in err
    assert err.count("\n") == 1
    assert main(["run", TUNNEL, "--set", "theta=60deg", "--solver", "halves"]) == 0
    assert capsys.readouterr().err == ""


def test_a_sweep_over_a_bias_says_beforehand_how_long_all_of_it_takes(monkeypatch):
    """Within a factor of ten of what it takes; at one k, or of what is done, nothing is said."""
    monkeypatch.setattr("kwant_spinjunc.costs.LONG", 0.0)
    axes = dict(energy=0.5, bias=[0.1, 0.2, 0.3], rtol=1e-3, progress=False)
    family = partial(tunnel_junction, onsite=4.0, height=6.0, in_plane_hopping=1.0, thickness=2)
    start = time.process_time()
    with pytest.warns(sj.CostWarning) as told:
        done = sj.sweep(family, k="average", **axes)
    taken = time.process_time() - start
    message, *each = (str(one.message) for one in told)
    assert message.startswith("The 3 points of this sweep")
    assert all("for 1 problem" in one for one in each)  # as `bias_response` says of itself
    seconds = float(re.search("will take about (.*) s of one process", message)[1])
    assert taken / 10 < seconds < 10 * taken
    assert np.isfinite(done.current).all()  # what was foretold was solved too
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sj.sweep(family, k=(0.1, 0.2), **axes)
        sj.sweep(family, k="average", **axes, resume=done)


def test_other_refusals_of_one_day(capsys, monkeypatch):
    """Sizes that are a mistake, misspelt inputs of the explorer, families that need Kwant where it is not."""
    assert main(["judge", TUNNEL, "--angles", "0:180deg:1000000"]) == 2
    assert "at most 10000 angles" in capsys.readouterr().err
    assert main(["explore", TUNNEL, "--set", "thicknes=3", "--no-browser"]) == 2
    assert "Did you mean `thickness`?" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "kwant", None)
    Path("needs.py").write_text("import kwant\ndef needs(): ...\n")
    assert main(["run", "needs.py"]) == 1
    assert "pip install 'kwant-spinjunc[kwant]'" in capsys.readouterr().err


def test_an_exported_torque_names_the_unit_of_its_junction():
    for unit, said in (("", "energies in eV"), ("t", "energies in t")):
        text = str(sj.export(replace(tunnel_junction(height=4.0), unit=unit), "mumax3", lattice_constant=0.25))
        assert said in text


@pytest.mark.parametrize(
    ("call", "near"),
    [
        (lambda: sj.ferromagnet(onsit=1.0, hopping=1.0, splitting=1.0), "onsite"),
        (lambda: sj.barrier(onsite=1.0, hopping=1.0, thicknes=4), "thickness"),
        (lambda: sj.normal_metal(onsite=1.0, hoping=1.0), "hopping"),
        (lambda: sj.Layer(onsite=1.0, hopping=1.0, spliting=1.0), "splitting"),
        (lambda: sj.Junction(METAL, [], METAL, bufer=2), "buffer"),
        (lambda: sj.Anderson(widht=1.0), "width"),
        (lambda: sj.Substitution(concentraton=0.1, onsite=1.0), "concentration"),
        (lambda: sj.Device(system=None, magnetisations={}), "magnetizations"),
        (lambda: sj.scatter(VALVE, 0.1, crossection=(2, 2)), "cross_section"),
        (lambda: sj.scatter(contact(), 0.1, magnetisations={}), "magnetizations"),
        (lambda: sj.zone_average(contact(), 0.1, turn=1.0), "turns"),
        (lambda: sj.ensemble(VALVE, 0.1, realisations=3), "realizations"),
        (lambda: sj.ensembles(lambda a=1.0: VALVE, 0.1, {"a": [1.0, 2.0]}, cross_sections=3), "cross_section"),
    ],
)
def test_misspelt_keywords_are_answered_with_the_nearest(call, near):
    with pytest.raises(sj.ArgumentError, match=f"Did you mean `{near}`"):
        call()


def test_sweeps_are_drawn_again_from_their_file(capsys):
    assert main(["sweep", TUNNEL, "--vary", "height=2:5:4", "--set", "thickness=6", "-o", "out.nc"]) == 0
    assert main(["plot", "out.nc", "-o", "one.png"]) == 0
    assert main(["plot", "out.nc", "--plot", "conductance", "--plot", "tmr", "--no-log", "-o", "two.svg"]) == 0
    assert Path("one.png").stat().st_size > 1000
    capsys.readouterr()
    for words, message in (
        (["out.nc", "--plot", "speed", "-o", "x.png"], "`--plot` must be one of"),
        (["none.nc", "-o", "x.png"], "must be a readable NetCDF file"),
        (["out.nc", "-o", "x.jpgg"], "must end in one of"),
        (["out.nc", "--plot", "magnetization_current", "--log", "-o", "x.png"], "not positive everywhere"),
    ):
        assert main(["plot", *words]) == 2
        assert message in capsys.readouterr().err


def test_positive_data_over_two_decades_have_a_log_axis():
    data = sj.sweep(tunnel_junction, energy=0.0, height=np.linspace(2, 6, 5), thickness=6, progress=False)
    (axes,) = plot_sweep(data, "conductance").axes
    assert axes.get_yscale() == "log"
    (axes,) = plot_sweep(data, "conductance", log=False).axes
    assert axes.get_yscale() == "linear"
    (axes,) = plot_sweep(data, "tmr").axes
    assert axes.get_yscale() == "linear"
    (axes,) = plot_sweep(data, ["conductance", "tmr"]).axes
    assert len(axes.lines) == 2


@pytest.mark.parametrize(("bonds", "planes"), [(None, 24), ({0: 1.1}, 24)])
def test_run_draws_the_net_response_in_ten_planes_of_each_magnet(bonds, planes, monkeypatch):
    drawn = []
    monkeypatch.setattr("kwant_spinjunc.cli.run.save_figure", lambda figure, output: drawn.append(figure))
    text = "from dataclasses import replace\nfrom systems.tunnel_junction import tunnel_junction as base\n"
    Path("family.py").write_text(text + f"def family(theta=1.0): return replace(base(theta), bonds={bonds})\n")
    assert main(["run", "family.py", "--solver", "halves", "-o", "x.png"]) == 0
    top, _, bottom = drawn[0].axes
    s = sj.scatter(load_family("family.py")(), 0.0, solver="halves")
    np.testing.assert_allclose(top.get_lines()[3].get_ydata(), s.conductance, rtol=1e-10)
    assert len(bottom.get_lines()[0].get_xdata()) == planes
    assert bottom.get_ylabel().endswith("(e²/h per cell)")


def test_angles_above_a_full_turn_are_told_in_python_too():
    junction = tunnel_junction(1.0)
    for call in (
        lambda: sj.unit_vector(60),
        lambda: sj.unit_vector(0.1, phi=[0.0, 90.0]),
        lambda: junction.directions_at([0.0, 90.0]),
    ):
        with pytest.warns(sj.DegreesWarning, match="Degrees?"):
            call()
    sj.unit_vector(2 * np.pi)  # a full turn is none of it


@pytest.mark.filterwarnings("default")
def test_angles_of_any_name_are_told_once(capsys):
    words = ["run", str(Path(TUNNEL).with_name("rashba_junction.py")), "--set", "theta_left=30", "--energy", "0.3"]
    assert main([*words, "--set", "width=1", "--set", "depth=1", "--set", "magnet=1"]) == 0
    err = capsys.readouterr().err
    assert err.count("Degrees?") == 1
    assert "theta_left=30deg" in err


def test_the_unit_of_a_family_is_shown_on_axes_tables_and_controls(capsys):
    assert main(["sweep", FREE, "--vary", "width=0.5:1:2", "--energy", "0.1", "-o", "a.nc"]) == 0
    data = xr.load_dataset("a.nc")
    assert (data.width.attrs["units"], data.energy.attrs["units"]) == ("nm", "eV")
    (axes,) = plot_sweep(data).axes
    assert axes.get_xlabel() == "width (nm)"
    family = load_family(FREE)
    assert units_of(family)["height"] == "eV"
    assert units_of(tunnel_junction)["height"] == "t"
    junction = call_family(family)
    assert junction.unit == "eV"
    assert plot_junction(junction).axes[0].get_ylabel() == "energy (eV)"
    assert "E = 0.1 eV" in str(sj.scatter(junction, 0.1, solver="halves"))
    units = {control.name: control.unit for control in sj.explore(family).controls}
    assert (units["width"], units["height"], units["energy"], units["theta"]) == ("nm", "eV", "eV", "deg")
    assert main(["show", "a.nc"]) == 2
    assert "Use `spinjunc plot`" in capsys.readouterr().err
    assert main(["judge", FREE, "--no-advice"]) == 0
    assert "E = 0 eV" in capsys.readouterr().out
    chart = validity_map(tunnel_junction, energy=0.0, height=[2.0, 3.0], thickness=[2, 3], progress=False)
    assert (chart.height.attrs["units"], chart.thickness.attrs["units"]) == ("t", "planes")
    at_bias = sj.sweep(tunnel_junction, energy=0.0, bias=0.1, progress=False)
    assert at_bias.current.attrs["units"] == "e/h t per cell"
    assert sj.sweep(lambda: tunnel_junction(), energy=0.0, bias=0.1).current.attrs["units"] == "e^2/h V per cell"


def test_a_unit_is_no_part_of_the_physics_and_must_fit(capsys):
    bare, named = tunnel_junction(1.0), replace(tunnel_junction(1.0), unit="eV")
    assert bare == named
    problems = [JunctionProblem.of(junction, 0.0) for junction in (bare, named)]
    assert problems[0].identity == problems[1].identity
    with pytest.raises(sj.ArgumentError, match="name of a unit"):
        replace(bare, unit=1.0)
    warm = ["sweep", TUNNEL, "--bias", "0:0.1:2", "--temperature", "300K", "-o", "a.nc"]
    assert main(warm) == 2
    assert "must be k_B T in units of t" in capsys.readouterr().err
    with pytest.raises(sj.ArgumentError, match="currents need eV"):
        sj.export(replace(bare, unit="t"), "mumax3", lattice_constant=0.3, bias=0.1)
    text = "from systems.tunnel_junction import tunnel_junction as base\ndef family(): return base()\n"
    Path("family.py").write_text(text)
    assert main(["sweep", "family.py", "--bias", "0:0.1:2", "--temperature", "300K", "-o", "a.nc"]) == 0


@pytest.mark.parametrize("name", ["rtol", "temperature", "k", "solver", "workers"])
def test_a_family_has_no_parameter_that_a_sweep_takes_for_itself(name):
    """Regression: `rtol` went to the sweep, and the family was solved with its default without a word."""
    namespace = {"VALVE": VALVE}
    exec(f"def family({name}=1.0, height=2.0): return VALVE", namespace)
    with pytest.raises(sj.ArgumentError, match=f"must have no parameter `{name}`"):
        sj.sweep(namespace["family"], energy=0.1, height=[1.0, 2.0])
    if name != "rtol" and name != "temperature" and name != "solver":
        with pytest.raises(sj.ArgumentError, match=f"must have no parameter `{name}`"):
            validity_map(namespace["family"], energy=0.1, height=[1.0, 2.0])
