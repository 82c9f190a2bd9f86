"""Ensembles from the shell, and executors of sweeps and maps."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import kwant_spinjunc as sj
from kwant_spinjunc.cli.main import main
from kwant_spinjunc.plot.figures import plot_sweep
from kwant_spinjunc.runs.executors import available_workers, dask_executor
from kwant_spinjunc.runs.realizations import JunctionProblem
from kwant_spinjunc.runs.schedule import Run
from kwant_spinjunc.runs.validity import validity_map
from systems.disordered_barrier import disordered_barrier
from systems.tunnel_junction import tunnel_junction

SYSTEMS = Path(__file__).parents[2] / "systems"
BARRIER = str(SYSTEMS / "disordered_barrier.py")
TUNNEL = str(SYSTEMS / "tunnel_junction.py")
COMMAND = ["ensemble", BARRIER, "--energy", "0.5", "--set", "theta=60deg", "--cross-section", "2x2", "--workers", "1"]


def test_an_ensemble_is_printed_kept_resumed_and_shown(capsys):
    arguments = [*COMMAND, "--boundary", "twisted", "-o", "store"]
    assert main([*arguments, "--realizations", "5"]) == 0
    assert main([*arguments, "--realizations", "9"]) == 0
    printed = capsys.readouterr().out
    assert "Ensemble of 9 realizations, seed 0" in printed
    assert "±" in printed
    assert "e^2/h of 4 cells" in printed
    assert main(["show", "store", "-o", "figure.png"]) == 0
    shown = capsys.readouterr().out
    assert printed.split("Ensemble of 9")[1].split("store:")[0].strip() in shown
    assert "Substitution(concentration=0.05" in shown
    assert Path("figure.png").stat().st_size > 10_000


def test_angles_are_those_between_the_magnets(capsys):
    settings = ["--angles", "0:180deg:3", "--realizations", "4", "-o", "store"]
    assert main([*COMMAND, *settings]) == 0
    assert main(["show", "store", "-o", "figure.svg"]) == 0
    with sj.open_ensemble("store") as result:
        T = result.transmissions.mean
    np.testing.assert_allclose(T[0, [0, 1], [1, 0]], 0.0, atol=1e-14)  # parallel: no flip
    np.testing.assert_allclose(T[2, [0, 1], [0, 1]], 0.0, atol=1e-14)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--cross-section", "6"], "`--cross-section` must be two numbers"),
        (["--k", "average"], "Use --boundary twisted"),
        (["--realizations", "0"], "`realizations` must be at least 1"),
        (["--boundary", "open"], "`boundary` must be"),
        (["--angles", "0:1"], "`--angles` must be a range"),
        (["--angles", "0:1e7:3"], "`--angles` must be at most 1e+06 rad"),
        (["--angles=-1e7:0:3"], "`--angles` must be at most 1e+06 rad"),
        (["--quantity", "charm"], "`quantity` must be one of"),
        (["--set", "concentration=1.5"], "concentration"),
        (["--energy", "50"], "no channel"),
        (["-o", "missing/folder/store"], "`store` must be a writable path"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, capsys):
    assert main([*COMMAND, "-o", "store", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_ctrl_c_keeps_the_store_and_exits_130(monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Run, "_show", interrupted)
        assert main([*COMMAND, "--realizations", "40", "-o", "store"]) == 130
    assert "repeat the command" in capsys.readouterr().err
    assert main([*COMMAND, "--realizations", "40", "-o", "store"]) == 0


def test_sweeps_and_maps_do_not_depend_on_the_executor():
    axes = dict(height=[2.0, 3.0], theta=np.linspace(0, 3, 3))
    alone = sj.sweep(tunnel_junction, energy=[0.0, 0.2], progress=False, **axes)
    with ThreadPoolExecutor(2) as threads:
        threaded = sj.sweep(tunnel_junction, energy=[0.0, 0.2], progress=False, executor=threads, **axes)
        error_map = validity_map(tunnel_junction, energy=0.0, progress=False, executor=threads, **axes)
    xr.testing.assert_identical(alone, threaded)
    xr.testing.assert_identical(error_map, validity_map(tunnel_junction, energy=0.0, progress=False, **axes))


def test_a_family_from_a_file_is_swept_by_processes():
    Path("mine.py").write_text(
        "from systems.tunnel_junction import tunnel_junction as t\ndef mine(h=2.0): return t(0.5, h)"
    )
    arguments = ["sweep", "mine.py", "--vary", "h=2:3:3"]
    assert main([*arguments, "-o", "two.nc", "--workers", "2"]) == 0
    assert main([*arguments, "-o", "one.nc"]) == 0
    xr.testing.assert_identical(xr.load_dataset("one.nc"), xr.load_dataset("two.nc"))


def test_a_junction_refused_in_a_parallel_sweep_keeps_the_points_before_it():
    def family(height=1.0):
        if height > 2.5:
            raise sj.ArgumentError("Argument `height` must be small, but is not.")
        return tunnel_junction(height=height)

    with ThreadPoolExecutor(2) as threads, pytest.raises(sj.SpinjuncError, match="The points before it are kept") as e:
        sj.sweep(family, energy=0.0, progress=False, executor=threads, height=[1.0, 2.0, 3.0])
    assert np.isfinite(e.value.dataset.conductance.values).tolist() == [True, True, False]


def test_dask_must_be_installed(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    assert main([*COMMAND, "-o", "store", "--dask", "local"]) == 2
    assert "Install kwant-spinjunc[dask]" in capsys.readouterr().err


def test_dask_gives_the_same_bits():
    pytest.importorskip("dask.distributed")
    junction = tunnel_junction()
    settings = dict(realizations=8, chunk=2, progress=False)
    alone = sj.ensemble(junction, 0.0, workers=1, **settings)
    with dask_executor("local", 2) as executor:
        result = sj.ensemble(junction, 0.0, executor=executor, **settings)
    np.testing.assert_array_equal(result.probabilities.mean, alone.probabilities.mean)
    with pytest.raises(sj.ArgumentError, match="must be the address of a running scheduler"):
        dask_executor("tcp://127.0.0.1:9").__enter__()


def test_there_is_at_least_one_worker():
    assert available_workers() >= 1


VARIED = ["--vary", "concentration=0:0.2:3", "--realizations", "6"]


def test_a_swept_disorder_parameter_gives_one_table_with_errors(capsys):
    command = [*COMMAND, *VARIED, "--angles", "0:180deg:3", "-o", "out.nc"]
    assert main(command) == 0
    assert "3 of 3 averages, axes {'concentration': 3}" in capsys.readouterr().out
    table = xr.load_dataset("out.nc")
    assert table.conductance.dims == table.conductance_error.dims == ("concentration", "direction")
    assert table.conductance.attrs["units"] == "e^2/h of 4 cells"
    assert table.direction.attrs["units"] == "rad"
    junction = disordered_barrier(theta=np.pi / 3, concentration=0.2)
    choices = dict(cross_section=(2, 2), realizations=6, torques=False, progress=False)
    directions = junction.directions_at(table.direction.values)
    with sj.ensemble(junction, 0.5, m_right=directions, **choices) as one:
        np.testing.assert_array_equal(table.conductance[2], one.conductance.mean)
        np.testing.assert_array_equal(table.conductance_error[2], one.conductance.error)
    assert (table.conductance_error[0] < 1e-12).all()  # nothing is random without impurities
    assert (table.conductance_error[2] > 1e-8).all()
    assert main(["plot", "out.nc", "-o", "out.png"]) == 0
    bars = plot_sweep(table, "conductance").axes[0].containers[2]
    assert bars.has_yerr


def test_a_finer_grid_solves_its_new_points_only(monkeypatch):
    settings = dict(cross_section=(2, 2), realizations=4, torques=False, progress=False, folder="kept")
    coarse = sj.ensembles(disordered_barrier, 0.5, {"concentration": [0.0, 0.2]}, **settings)
    solved = []
    solve = JunctionProblem.solve

    def counted(self, realization):
        solved.append(realization)
        return solve(self, realization)

    monkeypatch.setattr(JunctionProblem, "solve", counted)
    fine = sj.ensembles(disordered_barrier, 0.5, {"concentration": [0.0, 0.1, 0.2]}, **settings)
    assert len(solved) == 4
    xr.testing.assert_identical(fine.conductance.isel(concentration=[0, 2]), coarse.conductance)


def test_an_interrupted_grid_of_ensembles_keeps_its_points(monkeypatch):
    solve = JunctionProblem.solve

    def until_the_second_point(self, realization):
        if self.junction.layers[0].disorder[0].concentration > 0.1:
            raise KeyboardInterrupt
        return solve(self, realization)

    with monkeypatch.context() as patch:
        patch.setattr(JunctionProblem, "solve", until_the_second_point)
        assert main([*COMMAND, *VARIED, "-o", "out.nc"]) == 130
    part = xr.load_dataset("out.nc")
    assert np.isfinite(part.conductance).values.tolist() == [True, True, False]
    assert main([*COMMAND, *VARIED, "-o", "out.nc"]) == 0
    whole = xr.load_dataset("out.nc")
    np.testing.assert_array_equal(whole.conductance[:2], part.conductance[:2])
    assert whole.attrs["complete"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(energy=[0.5, 0.6]), "`energy` must be a real number"),
        (dict(parameters=[0.1, 0.2]), "`parameters` must be a mapping"),
        (dict(angles=0.5), r"`angles` must have shape \(directions,\)"),
        (dict(angles=[]), "`angles` must not be empty"),
    ],
)
def test_what_is_no_grid_of_ensembles_is_refused_by_name(arguments, message):
    asked = {"energy": 0.5, "parameters": {"height": [1.0, 2.0]}, **arguments}
    with pytest.raises(sj.ArgumentError, match=message):
        sj.ensembles(disordered_barrier, progress=False, **asked)


def test_ctrl_c_between_the_points_of_a_grid_keeps_those_before():
    def family(height=1.0):
        if height > 1.5:
            raise KeyboardInterrupt
        return disordered_barrier(height=height)

    settings = dict(cross_section=(2, 2), realizations=3, torques=False, progress=False)
    with pytest.raises(sj.SweepInterrupted) as stopped:
        sj.ensembles(family, 0.5, {"height": [1.0, 2.0]}, **settings)
    assert np.isfinite(stopped.value.dataset.conductance).values.tolist() == [True, False]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "store"], "must end in .nc with --vary"),
        (["--vary", "energy=0:1:3", "-o", "a.nc"], "but is `energy`"),
        (["--vary", "hight=0:1:3", "-o", "a.nc"], "Did you mean `height`"),
        (["-o", "missing/a.nc"], "writable path"),
    ],
)
def test_bad_grids_of_ensembles_are_refused(arguments, message, capsys):
    if message == "but is `energy`":
        command = [word for word in COMMAND if word not in ("--energy", "0.5")]
    else:
        command = [*COMMAND, *VARIED]
    assert main([*command, *arguments]) == 2
    assert message in capsys.readouterr().err
