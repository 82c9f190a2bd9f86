"""The command `spinjunc judge`."""

from pathlib import Path

import pytest
import xarray as xr

from kwant_spinjunc.cli.main import main

SYSTEMS = Path(__file__).parents[2] / "systems"
FAMILY = str(SYSTEMS / "tunnel_junction.py")


def test_judge_prints_verdicts_and_writes_a_page(capsys, tmp_path):
    page = tmp_path / "judge.html"
    words = [FAMILY, "--set", "thickness=6", "--angles", "0:180deg:7", "-o", str(page)]
    assert main(["judge", *words]) == 0
    out = capsys.readouterr().out
    assert out.startswith("The paper's equations (3) and (4) may be used for tunnel_junction(thickness=6)")
    assert "(3), (4) two currents" in out
    assert page.read_text().startswith("<!DOCTYPE html>")


def test_judge_writes_numbers(capsys, tmp_path):
    path = tmp_path / "judge.nc"
    words = [FAMILY, "--mu-left", "0.6,0.4", "--angles", "0:180deg:5", "--no-advice", "-o", str(path)]
    assert main(["judge", *words, "--set", "in_plane_hopping=0.2", "--k", "average"]) == 0
    data = xr.load_dataset(path, engine="scipy")
    assert data.attrs["mu_left"].tolist() == [0.6, 0.4]
    assert data.angle.size == 5


def test_judge_takes_samples_and_materials(capsys):
    disordered = [
        str(SYSTEMS / "disordered_barrier.py"),
        "--cross-section",
        "2x2",
        "--realizations",
        "4",
        "--workers",
        "1",
    ]
    assert main(["judge", *disordered, "--angles", "0:180deg:3", "--no-advice"]) == 0
    assert "4 samples of 2×2 sites" in capsys.readouterr().out
    metal = [
        str(SYSTEMS / "spin_valve.py"),
        "--material",
        "cobalt",
        "--lattice-constant",
        "0.25",
        "--angles",
        "0:180deg:3",
    ]
    assert main(["judge", *metal, "--set", "in_plane_hopping=0.3", "--k", "average", "--no-advice"]) == 0
    assert "no material is given" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "judge.png"], "must end in .html or .nc"),
        (["-o", "no/such/folder/judge.html"], "writable path"),
        (["--set", "hight=3"], "Did you mean `height`"),
        (["--mu-left", "1,2,3"], "`--mu-left` must be a number or two"),
        (["--material", "lead"], "`--material` must be one of"),
        (["--cross-section", "2x2"], "must be left out for a clean junction"),
    ],
)
def test_judge_refuses_in_one_line(words, message, capsys):
    assert main(["judge", FAMILY, *words]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
