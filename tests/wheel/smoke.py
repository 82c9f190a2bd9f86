"""Laws that hold for the installed wheel without Kwant: run by wheel.sh in a clean environment, not by the suite."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tunnel_junction import tunnel_junction

import kwant_spinjunc as sj

IRON = dict(onsite=5.0, hopping=1.0, splitting=1.0, in_plane_hopping=1.0)


def valve(theta=1.0):
    copper = sj.normal_metal(onsite=4.2, hopping=1.0, thickness=4, in_plane_hopping=1.0)
    return sj.Junction(sj.ferromagnet(**IRON), [copper], sj.ferromagnet(**IRON, m=sj.unit_vector(theta)))


def test_kwant_is_absent_and_the_wheel_is_what_is_tested():
    with pytest.raises(ImportError):
        import kwant  # noqa: F401
    assert "site-packages" in sj.__file__


def test_one_point_takes_the_engine_and_says_so():
    s = sj.scatter(tunnel_junction(), energy=0.0)
    assert s.solver == "halves"
    assert "Kwant is not installed" in str(s)
    np.testing.assert_allclose(s.probabilities.sum(axis=(0, 1)), s.modes, atol=1e-12)
    assert s.continuity_defect < 1e-12
    assert s.torque_defect < 1e-12


@pytest.mark.parametrize(
    "call",
    [
        lambda: sj.build(tunnel_junction()),
        lambda: sj.scatter(tunnel_junction(), energy=0.0, solver="kwant"),
        lambda: sj.Device(system=None),
    ],
)
def test_what_needs_kwant_says_how_to_get_it(call):
    with pytest.raises(sj.MissingPackageError, match=r"pip install 'kwant-spinjunc\[kwant\]'") as caught:
        call()
    assert "\n" not in str(caught.value)


def test_spin_is_conserved_and_torques_obey_slonczewski():
    s = sj.scatter(valve(), 0.0, k=(0.3, 0.4))
    r = sj.linear_response(s, (0.6, 0.4), -0.5)
    m = np.array([lead.m for lead in s.junction.leads])
    np.testing.assert_allclose(r.spin_current @ m.T, r.magnetization, atol=1e-12)
    np.testing.assert_allclose(r.torques.vectors.sum(axis=0), -r.vector_difference, atol=1e-12)


def test_zone_average_is_that_of_a_mesh():
    s = sj.scatter(valve(), 0.0, k="average", rtol=1e-8)
    x = (np.arange(256) + 0.5) * np.pi / 256
    kx, kz = np.meshgrid(x, x)
    mesh = sj.scatter(valve(), np.full(kx.shape, 0.0), np.stack([kx, kz], axis=-1), solver="halves")
    assert s.conductance == pytest.approx(mesh.conductance.mean(), rel=1e-3)  # what is left of the mesh's error
    assert s.k_error.max() < 1e-6


def test_bias_tends_to_linear_response():
    bias = 1e-4
    found = sj.bias_response(tunnel_junction(theta=1.0), bias)
    linear = sj.linear_response(sj.scatter(tunnel_junction(theta=1.0), 0.0), 0.5, -0.5)
    assert float(found.current) / bias == pytest.approx(linear.charge.mean(), rel=1e-4)


def test_sweeps_and_ensembles_run():
    data = sj.sweep(tunnel_junction, energy=0.0, theta=np.linspace(0, np.pi, 3), progress=False)
    assert data.conductance.values[0] > data.conductance.values[2]
    assert data.attrs["kwant"] == "not installed"
    dirty = sj.barrier(onsite=8.0, hopping=1.0, thickness=2, in_plane_hopping=0.2, disorder=[sj.Anderson(width=1.0)])
    junction = sj.Junction(sj.ferromagnet(**IRON), [dirty], sj.ferromagnet(**IRON, m=sj.unit_vector(1.0)))
    result = sj.ensemble(junction, 0.0, cross_section=(2, 2), realizations=4, workers=1, progress=False)
    assert result["unitarity_defect"].mean < 1e-10


def test_judge_and_export_run(tmp_path):
    judged = sj.judge(tunnel_junction, thickness=6, angles=np.linspace(0, np.pi, 5))
    assert judged.laws["tunnelling"].verdict == "use"
    judged.report(tmp_path / "judge.html")
    assert sj.export(tunnel_junction(height=4.0), "mumax3", lattice_constant=0.25).residual < 0.01


def test_equations_evaluate():
    k, kappa = np.array([0.9, 0.3]), 1.2
    P = (k[0] - k[1]) / k.sum() * (kappa**2 - k[0] * k[1]) / (kappa**2 + k[0] * k[1])
    assert float(sj.theory.slonczewski.effective_polarization(k, kappa)) == pytest.approx(P)
    assert float(sj.theory.angular.delta_J_M(1e9, np.pi / 3, 0.5)) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("words", [["--version"], ["run"], ["judge", "--no-advice"], ["show", "-o", "drawing.png"]])
def test_commands_run(words, tmp_path):
    file = [] if words == ["--version"] else [str(Path("tunnel_junction.py").resolve())]
    command = [Path(sys.executable).with_name("spinjunc"), words[0], *file, *words[1:]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
