"""Ensembles from the shell, and executors of sweeps and maps."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import kwant_spinjunc as sj
from kwant_spinjunc.cli.main import main
from kwant_spinjunc.runs.executors import available_workers, dask_executor
from kwant_spinjunc.runs.schedule import Run
from kwant_spinjunc.runs.validity import validity_map
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
