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
    assert "no metal is given" not in capsys.readouterr().out


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


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("sj.Junction(iron, [], iron)", "it must show where one magnet ends, but is a contact of collinear magnets"),
        (
            "sj.Junction(copper, [wall], copper)",
            "the spins of the left lead have no axis of their own: it is no magnet",
        ),
        ("sj.build(sj.Junction(iron, [wall], iron)).finalized()", "its angle does not turn the leads"),
    ],
)
def test_what_cannot_be_turned_is_said_once(body, reason, tmp_path, capsys):
    file = tmp_path / "family.py"
    file.write_text(
        "import kwant_spinjunc as sj\n"
        "iron = sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)\n"
        "copper = sj.normal_metal(onsite=1.0, hopping=1.0)\n"
        "wall = sj.barrier(onsite=4.0, hopping=1.0, thickness=3)\n"
        f"def family(theta=1.0): return {body}\n"
    )
    assert main(["judge", str(file), "--no-advice"]) == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert "do not apply" in first
    assert reason in first
    assert "\n".join(rest).count(reason) == 1
    assert "as for (1) one conserved current" in "\n".join(rest)


def test_a_crystal_is_judged_behind_a_cut_at_a_momentum_or_averaged(capsys):
    """One command, for systems that have no angle of their own."""
    words = ["judge", str(SYSTEMS / "altermagnet_junction.py"), "--behind", "barrier", "--angles", "0:180deg:3"]
    assert main([*words, "--k", "0.3"]) == 0
    assert "k = 0.3, a Kwant system turned behind a cut" in capsys.readouterr().out
    assert main([*words, "--k", "average", "--rtol", "1e-2"]) == 0
    assert "averaged over the zone" in capsys.readouterr().out
    assert main([*words, "--cut", "barrier"]) == 2
    assert main(words[:2]) == 2
    assert "--behind" in capsys.readouterr().err
