"""The command line: verbs, refusals with exit code 2, interruption and resumption."""

import sys
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import kwant_spinjunc as sj
from kwant_spinjunc.cli.main import main
from kwant_spinjunc.cli.values import parse_range, parse_value
from kwant_spinjunc.plot.figures import plot_sweep
from kwant_spinjunc.runs.family import load_family
from kwant_spinjunc.runs.sweep import SweepInterrupted
from systems.tunnel_junction import tunnel_junction

SYSTEMS = Path(__file__).parents[2] / "systems"
TUNNEL = str(SYSTEMS / "tunnel_junction.py")
ALTERMAGNET = str(SYSTEMS / "altermagnet_junction.py")
PATHS = sorted(path for path in SYSTEMS.glob("*.py") if path.stem != "__init__")
#: Families of junctions; those of devices are in test_systems.
FAMILIES = [path for path in PATHS if get_type_hints(load_family(path))["return"] is sj.Junction]


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")  # the middle of a band may be above a barrier
@pytest.mark.parametrize("path", FAMILIES, ids=lambda path: path.stem)
def test_every_family_runs_and_draws_itself(path, capsys):
    assert main(["show", str(path), "-o", "drawing.png"]) == 0
    assert Path("drawing.png").stat().st_size > 10_000
    junction = load_family(path)()
    energy = sum(junction.left.band_edges(2.0)[0]) / 2 - 0.3 * junction.left.hopping
    drawn = ["-o", "layers.svg"] if path.stem == "asymmetric_junction" else []
    assert main(["run", str(path), "--energy", str(energy), *drawn]) == 0
    printed = capsys.readouterr().out
    assert "magnetization current J_M" in printed
    assert "defects: unitarity" in printed


def test_a_system_is_shown_with_what_was_set_in_few_digits_and_how_large_it_is(capsys):
    path = Path(TUNNEL).with_name("rashba_junction.py")
    words = ["--set", "alpha=0.123456789", "--set", "width=2", "--set", "depth=1"]
    assert main(["show", str(path), *words, "-o", "a.png"]) == 0
    system = load_family(path)(width=2, depth=1).system
    sites = len(system.sites)
    title = f"rashba_junction(alpha=0.123457, width=2, depth=1): {sites} sites, {2 * sites} orbitals, 2 leads\n"
    assert capsys.readouterr().out.startswith(title)


def test_run_prints_what_scatter_finds(capsys):
    assert main(["run", TUNNEL, "--set", "theta=90deg", "--energy", "0.2", "--solver", "halves"]) == 0
    s = sj.scatter(tunnel_junction(theta=np.pi / 2), 0.2)
    assert f"conductance {s.conductance:.8g} e²/h per cell" in capsys.readouterr().out


def test_sweep_writes_labeled_arrays_with_units():
    assert main(["sweep", TUNNEL, "--vary", "height=2:4:3", "--vary", "theta=0:180deg:4", "-o", "out.nc"]) == 0
    data = xr.load_dataset("out.nc")
    assert data.attrs["complete"] == 1
    assert data["conductance"].dims == ("height", "theta")
    assert all(variable.attrs["units"] and variable.attrs["long_name"] for variable in data.data_vars.values())
    point = data.sel(height=3).isel(theta=2)
    s = sj.scatter(tunnel_junction(height=3.0, theta=2 * np.pi / 3), 0.0)
    np.testing.assert_allclose(point["probabilities"], s.probabilities, atol=1e-14)
    np.testing.assert_allclose(point["angle"], s.junction.angle)


def test_sweep_draws_lines_and_maps():
    arguments = ["--vary", "energy=-1:0.9:9", "--vary", "theta=0:180deg:10", "--solver", "halves", "--figure", "a.png"]
    assert main(["sweep", TUNNEL, *arguments, "-o", "map.nc"]) == 0
    data = xr.load_dataset("map.nc")
    assert "theta" in plot_sweep(data).axes[0].get_ylabel() + plot_sweep(data).axes[0].get_xlabel()
    lines = plot_sweep(data.isel(energy=[0]), "field_like").axes[0].get_lines()
    assert len(lines) == 2  # one per magnet
    with pytest.raises(sj.ArgumentError, match="must be one of"):
        plot_sweep(data, "charisma")
    with pytest.raises(sj.ArgumentError, match="must depend on one or two swept axes"):
        plot_sweep(data.isel(energy=[0], theta=[0]))


def test_average_over_the_zone_reaches_the_shell(capsys):
    dispersive = ["--set", "onsite=4", "--set", "in_plane_hopping=1", "--k", "average"]
    assert main(["run", TUNNEL, *dispersive]) == 0
    s = sj.scatter(tunnel_junction(onsite=4.0, in_plane_hopping=1.0), 0.0, "average")
    assert f"conductance {s.conductance:.8g} e²/h per cell" in capsys.readouterr().out
    assert main(["sweep", TUNNEL, *dispersive, "--vary", "theta=0:60deg:2", "-o", "average.nc"]) == 0
    data = xr.load_dataset("average.nc")
    np.testing.assert_allclose(data["conductance"][1], s.conductance)
    assert main(["show", TUNNEL, *dispersive]) == 2


def test_both_solvers_sweep_to_the_same_numbers():
    grid = dict(energy=np.linspace(-2.0, 0.9, 7), theta=np.linspace(0, 3, 4), progress=False)
    fast, reference = (sj.sweep(tunnel_junction, solver=solver, **grid) for solver in ("halves", "kwant"))
    for name in ("probabilities", "modes", "spin_current", "damping_like", "field_like"):
        np.testing.assert_allclose(fast[name], reference[name], atol=1e-10, err_msg=name)
    assert fast["modes"].sel(energy=-2.0).max() == 0  # no band there


def test_a_point_that_cannot_be_solved_keeps_those_before_it(capsys):
    command = ["sweep", TUNNEL, "--vary", "energy=-1:0.25:6", "--solver", "kwant", "-o", "edge.nc"]
    assert main(command) == 1  # -0.5 is a band edge, where Kwant finds no modes
    assert "must not lie at a band edge" in capsys.readouterr().err
    part = xr.load_dataset("edge.nc")
    assert np.isfinite(part["angle"]).sum() == 2
    assert part.attrs["complete"] == 0


def test_textures_sweep_without_spacer_currents():
    def twisted(theta=0.5):
        iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
        turns = [sj.ferromagnet(**iron, m=sj.unit_vector(n * theta)) for n in range(4)]
        return sj.Junction(turns[0], turns[1:3], turns[3])

    data = sj.sweep(twisted, energy=0.0, theta=[0.1, 0.5], progress=False)
    s = sj.scatter(twisted(0.5), 0.0)
    np.testing.assert_allclose(data["conductance"][1], s.conductance)
    assert np.isnan(data["damping_like"]).all()
    assert np.isfinite(data["magnetization_current"]).all()


def test_resume_refuses_a_family_that_has_changed():
    text = "from systems.tunnel_junction import tunnel_junction as base\n"
    text += "def family(theta=0.0): return base(theta, {})\n"
    Path("family.py").write_text(text.format(2.0))
    command = ["sweep", "family.py", "--vary", "theta=0:60deg:2", "-o", "changed.nc"]
    assert main(command) == 0
    Path("family.py").write_text(text.format(5.0))
    assert main([*command, "--resume"]) == 2


def test_names_of_results_are_not_names_of_parameters():
    def family(spin=0.0):
        return tunnel_junction(theta=spin)

    with pytest.raises(sj.ArgumentError, match="`spin` must not be swept"):
        sj.sweep(family, energy=0.0, spin=[0.0, 1.0], progress=False)
    with pytest.raises(sj.ArgumentError, match="`k` must be one vector"):
        sj.sweep(tunnel_junction, energy=0.0, k=[(0, 0), (1, 1)], theta=[0.0], progress=False)
    with pytest.raises(sj.ArgumentError, match="`family` must be a function"):
        sj.sweep(tunnel_junction(), energy=0.0, progress=False)


def interrupt_after(count, monkeypatch):
    """Make the solver press Ctrl-C after ``count`` points."""
    calls = iter(range(10_000))

    def scatter(*arguments, **options):
        if next(calls) == count:
            raise KeyboardInterrupt
        return sj.scatter(*arguments, **options)

    monkeypatch.setattr(sys.modules["kwant_spinjunc.runs.sweep"], "scatter", scatter)


def test_an_interrupted_sweep_is_readable_and_resumes_to_the_same_numbers(monkeypatch, capsys):
    command = ["sweep", TUNNEL, "--solver", "halves", "--vary", "height=2:4:3", "--vary", "theta=0:180deg:4", "-o"]
    assert main([*command, "whole.nc"]) == 0
    with monkeypatch.context() as patch:
        interrupt_after(5, patch)
        assert main([*command, "part.nc"]) == 130
    assert "--resume" in capsys.readouterr().err
    part = xr.load_dataset("part.nc")
    assert part.attrs["complete"] == 0
    assert np.isfinite(part["conductance"]).sum() == 5
    with monkeypatch.context() as patch:
        interrupt_after(7, patch)  # 12 - 5 points are left: solving an eighth would interrupt again
        assert main([*command, "part.nc", "--resume"]) == 0
    xr.testing.assert_identical(xr.load_dataset("part.nc"), xr.load_dataset("whole.nc"))


def test_sweep_gives_its_unfinished_dataset_to_who_catches_the_interruption(monkeypatch):
    interrupt_after(2, monkeypatch)
    with pytest.raises(SweepInterrupted) as caught:
        sj.sweep(tunnel_junction, energy=0.0, theta=np.linspace(0, 1, 4), progress=False)
    assert np.isfinite(caught.value.dataset["angle"]).sum() == 2


def test_resume_refuses_another_sweep():
    command = ["sweep", TUNNEL, "--vary", "theta=0:180deg:3", "-o", "out.nc"]
    assert main([*command, "--set", "height=3"]) == 0
    before = Path("out.nc").read_bytes()
    assert main([*command, "--set", "height=3"]) == 2  # exists
    assert main([*command, "--set", "height=4", "--resume"]) == 2  # other parameters
    assert main([*command[:3], "theta=0:90deg:3", "-o", "out.nc", "--set", "height=3", "--resume"]) == 2  # other axis
    assert Path("out.nc").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nowhere.py"], "`FILE` must be a Python file, but 'nowhere.py' does not exist"),
        (["run", "/dev/null"], "`FILE` must be a Python file, but '/dev/null' is no file"),
        (["run", TUNNEL, "--energy", "1e308"], "must be a finite number up to 1e+100, but is '1e308'"),
        (["run", TUNNEL, "--set", "hieght=3"], "Did you mean `height`?"),
        (["run", TUNNEL, "--set", "height"], "`--set` must be name=value, but is 'height'"),
        (["run", TUNNEL, "--set", "thickness=0"], "`thickness` must be at least 1, but is 0"),
        (["run", TUNNEL, "--set", "height=tall"], "must suit tunnel_junction, but it raised TypeError"),
        (["run", TUNNEL, "--energy", "nan"], "argument --energy: must be a finite number up to 1e+100, but is 'nan'"),
        (["show", TUNNEL, "--energy", "inf"], "argument --energy: must be a finite number up to 1e+100, but is 'inf'"),
        (
            ["run", TUNNEL, "--set", "energy=1"],
            "`energy` must not be a parameter of the family. Use --energy where",
        ),
        (["run", TUNNEL, "--set", "theta=1", "--set", "theta=2"], "`theta` must be given once"),
        (["sweep", TUNNEL, "--set", "theta=1", "--vary", "theta=0:1:2", "-o", "a.nc"], "`theta` must be given once"),
        (["sweep", TUNNEL, "--energy", "1", "--vary", "energy=0:1:2", "-o", "a.nc"], "`energy` must be given once"),
        (["sweep", TUNNEL, "--vary", "theta=0:1:1000000000", "-o", "a.nc"], "at most 1000000 points an axis"),
        (["sweep", TUNNEL, "--vary", "theta=0:1:3", "-o", "a.nc", "--plot", "charm"], "`--plot` must be one of"),
        (
            ["sweep", TUNNEL, "--vary", "theta=0:1:3", "-o", "a.nc", "--figure", "a.xyz"],
            "`--figure` must end in one of",
        ),
        (["sweep", TUNNEL, "--vary", "theta=0:1:3", "--k", "0,0,0", "-o", "a.nc"], "`k` must be one vector"),
        (["run", TUNNEL, "--energy", "40"], "Bands at this k: left: majority -1.5 to 2.5"),
        (["run", TUNNEL, "--k", "1"], "`--k` must be two numbers"),
        (["run", ALTERMAGNET, "--k", "1,2,3,4"], "`--k` must be one to three numbers, the momenta in the order of"),
        (
            ["ensemble", ALTERMAGNET, "-o", "a.sqlite"],
            "a family of junctions for an ensemble, but altermagnet_junction",
        ),
        (["export", TUNNEL, "--cut", "x"], "`--cut` must be an option of spinjunc export, but is not. It has"),
        (["export", TUNNEL, "--behnid", "x"], "Did you mean `--behind`?"),
        (["run", TUNNEL, "--family", "valve"], "has no `valve` (it defines tunnel_junction)"),
        (["run", TUNNEL, "-o", "no/such/folder/a.png"], "`output` must be a writable path"),
        (["run", TUNNEL, "-o", "a.docx"], "must end in one of"),
        (["show", TUNNEL, "-o", "no/such/folder/a.png"], "`output` must be a writable path"),
        (["show", TUNNEL, "-o", "a.docx"], "must end in one of"),
        (
            ["sweep", TUNNEL, "--vary", "theta=0:1:3", "-o", "a.nc", "--figure", "no/such/folder/a.png"],
            "`figure` must be a writable path",
        ),
        (["sweep", TUNNEL, "--bias", "0.1", "-o", "a.nc"], "`--bias` must be a range"),
        (["sweep", TUNNEL, "--bias", "0:1e30:2", "-o", "a.nc"], "`bias` must be at most 1e+06"),
        (["sweep", TUNNEL, "--bias", "0:1:2", "--vary", "energy=0:1:3", "-o", "a.nc"], "must not be given with --bias"),
        (["map", TUNNEL, "--vary", "height=1:2:2", "--vary", "theta=1:1:1", "-o", "a.png"], "at least two axes"),
        (
            ["map", TUNNEL, "--vary", "height=1:2:2", "--vary", "theta=0:1:2", "--energy", "-40", "-o", "a.png"],
            "no channel is open",
        ),
        (
            [
                *("sweep", TUNNEL, "--vary", "theta=1:2:2", "--vary", "height=1:2:2", "--vary", "onsite=1:2:2"),
                *("-o", "a.nc", "--figure", "a.png"),
            ],
            "one or two swept axes to be drawn, but 'conductance'",
        ),
        (["sweep", TUNNEL, "--vary", "theta=0:1", "-o", "a.nc"], "Use start:stop:count"),
        (["sweep", TUNNEL, "--vary", "theta=0:1:0", "-o", "a.nc"], "count of at least 1"),
        (["sweep", TUNNEL, "--vary", "theta=10:90deg:3", "-o", "a.nc"], "same unit at both ends"),
        (["sweep", TUNNEL, "--vary", "theta=0:inf:3", "-o", "a.nc"], "numbers at its ends"),
        (["sweep", TUNNEL, "--vary", "theta=0:1:3", "-o", "no/such/folder/a.nc"], "`output` must be a writable path"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, capsys):
    assert main(arguments) == 2
    printed, error = capsys.readouterr()
    assert message in error
    assert len(error.strip().splitlines()) == 1
    assert printed == ""  # nothing was computed
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_like_this", "must import, but 'broken.py' raised ModuleNotFoundError"),
        ("def broken(): return 3", "must return a Junction or a Device, but broken returned int"),
        ("x = 3", "must define a family function"),
        ("import sys; sys.exit(0)", "must import, but 'broken.py' raised SystemExit"),
        ("def (", "raised SyntaxError"),
        ("def broken(n): return n", "`n` must be given: broken has no default for it"),
    ],
)
def test_a_bad_family_file_is_named(text, message, capsys):
    Path("broken.py").write_text(text)
    assert main(["run", "broken.py"]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("verb", [[], ["run"], ["sweep"], ["show"]])
def test_help_has_an_example(verb, capsys):
    with pytest.raises(SystemExit) as caught:
        main([*verb, "--help"])
    assert caught.value.code == 0
    assert "example: spinjunc" in capsys.readouterr().out.replace("\n ", "")


def test_unknown_words_end_with_exit_code_2(capsys):
    assert main(["dance"]) == 2
    assert "error: Argument `dance` must be a verb of spinjunc" in capsys.readouterr().err


@given(st.integers(-1000, 1000), st.integers(1, 50))
def test_ranges_include_both_ends(start, count):
    values = parse_range(f"{start}:{start + 7.5}:{count}")
    assert len(values) == count
    assert values[0] == start
    assert count == 1 or values[-1] == start + 7.5


def test_degrees_are_typed_with_their_unit():
    assert parse_value("180deg") == pytest.approx(np.pi)
    assert parse_value("-1e-3") == -1e-3
    assert parse_value("False") is False
    assert parse_value("hard wall") == "hard wall"


def test_bias_sweeps_from_the_shell_and_resumes_its_own_kind(capsys):
    command = ["sweep", TUNNEL, "--bias", "-0.4:0.4:5", "--vary", "theta=60deg:90deg:2", "-o", "bias.nc"]
    assert main([*command, "--figure", "bias.png", "--plot", "field_like"]) == 0
    data = xr.load_dataset("bias.nc")
    assert data["current"].dims == ("theta", "bias")
    response = sj.bias_response(tunnel_junction(theta=np.pi / 2), [0.4])
    np.testing.assert_allclose(data["damping_like"][1, 4], response.torques.damping_like[0], atol=1e-12)
    np.testing.assert_allclose(data["current"][:, 2], 0, atol=1e-15)
    np.testing.assert_allclose(data["current"], -data["current"][:, ::-1], rtol=1e-6, atol=1e-15)  # identical magnets
    assert main([*command, "--resume", "--temperature", "0.02"]) == 2
    assert "temperature" in capsys.readouterr().err
    assert main(["sweep", TUNNEL, "-o", "none.nc"]) == 2
    assert main(["sweep", TUNNEL, "--vary", "theta=0:1:2", "--temperature", "0.1", "-o", "none.nc"]) == 2
    assert main([*command[:-1], "none.nc", "--solver", "kwant"]) == 2
    assert not Path("none.nc").exists()


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["rum", "x.py"], "`rum` must be a verb of spinjunc, but is not. Did you mean `run`?"),
        (
            ["run", "x.py", "--outp", "a.png"],
            "`--outp` must be an option of spinjunc run, but is not. Did you mean `--out",
        ),
        (["sweep", "x.py", "--bias", "-0.1:0.1:3", "--temp=300K"], "Did you mean `--temperature`?"),
        (["sweep", "x.py", "--ouput", "a.nc"], "`--ouput` must be an option"),  # not that -o is missing
        (["run", "x.py", "--frobnicate"], "It has -h, --help"),
    ],
)
def test_no_verb_and_no_option_is_guessed_from_a_part_of_it(words, meant, capsys):
    assert main(words) == 2
    err = capsys.readouterr().err
    assert meant in err
    assert err.count("\n") == 1


def test_it_says_its_version(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"spinjunc {sj.__version__}\n"
