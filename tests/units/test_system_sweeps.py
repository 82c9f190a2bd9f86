"""Sweeps, finite bias and export of families of Kwant systems, from the library and the command line."""

import pickle
import re
import threading
import time
import warnings
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import kwant
import numpy as np
import pytest
import xarray as xr

import kwant_spinjunc as sj
from kwant_spinjunc import costs
from kwant_spinjunc.cli.main import main
from kwant_spinjunc.magnets.parameters import angular_response, system_response
from kwant_spinjunc.runs import systems
from kwant_spinjunc.runs.family import load_family, shipped
from systems.altermagnet_junction import altermagnet_junction
from systems.rashba_junction import rashba_junction
from systems.three_terminal import three_terminal
from systems.tunnel_junction import tunnel_junction

SYSTEMS = Path(__file__).parents[2] / "systems"
SMALL = dict(width=1, depth=1, magnet=2)


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def built(theta=0.0, height=3.0, bias=0.0):
    """A junction as a bare Kwant system, whose levels follow the bias."""
    junction = tunnel_junction(theta, height)
    if bias:
        shift = bias * (0.5 - np.arange(6) / 5)
        planes = [sj.barrier(onsite=1.0 + height + x, hopping=1.0, thickness=1) for x in shift[1:-1]]
        left, right = (
            sj.ferromagnet(onsite=1.0 + x, hopping=1.0, splitting=1.0, m=sj.unit_vector(angle))
            for x, angle in zip(shift[[0, -1]], (0.0, theta), strict=True)
        )
        junction = sj.Junction(left, planes, right)
    return sj.build(junction).finalized()


def test_a_sweep_of_kwant_systems_holds_what_scatter_finds():
    data = sj.sweep(rashba_junction, energy=[0.3, 0.4], alpha=[0.0, 0.3], **SMALL, progress=False)
    s = sj.scatter(rashba_junction(alpha=0.3, **SMALL), 0.4)
    point = data.isel(energy=1, alpha=1)
    np.testing.assert_allclose(point.conductance, s.transmission(1, 0), rtol=1e-12)
    np.testing.assert_allclose(point.flux.sel(cut="barrier"), s.spin_current("barrier", total=True), atol=1e-13)
    np.testing.assert_allclose(point.total_torque.sel(magnet="right"), s.torque("right").total, atol=1e-13)
    assert float(point.angle) == pytest.approx(np.pi / 3)
    assert all(variable.attrs["units"] and variable.attrs["long_name"] for variable in data.data_vars.values())
    assert data.conductance.attrs["units"] == "e^2/h"


def test_systems_of_several_terminals_sweep_lead_by_lead():
    data = sj.sweep(three_terminal, energy=0.1, theta=[0.0, 1.0], magnet=1, width=2, arm=1, progress=False)
    assert data.conductance.dims == ("theta", "lead_out", "lead_in")
    s = sj.scatter(three_terminal(theta=1.0, magnet=1, width=2, arm=1), 0.1)
    np.testing.assert_allclose(data.conductance[1], s.between_leads(), atol=1e-13)
    assert "angle" not in data


def test_momenta_and_zone_averages_of_crystals_sweep():
    data = sj.sweep(altermagnet_junction, energy=0.0, k=0.2, height=[0.0, 1.0], progress=False)
    s = sj.scatter(altermagnet_junction(height=1.0), 0.0, k=0.2)
    np.testing.assert_allclose(data.conductance[1], s.transmission(1, 0), rtol=1e-10)
    mean = sj.sweep(altermagnet_junction, energy=0.0, k="average", rtol=1e-3, height=[1.0], progress=False)
    found = sj.scatter(altermagnet_junction(height=1.0), 0.0, k="average", rtol=1e-3)
    np.testing.assert_allclose(mean.conductance[0], found.transmission(1, 0), rtol=1e-10)
    assert 0 <= float(mean.error[0]) < 1e-2


def test_currents_of_a_system_that_follows_the_bias_are_those_of_the_junction():
    V = np.array([0.0, 0.3])
    found = sj.sweep(built, energy=0.0, bias=V, theta=1.0, rtol=1e-6, progress=False)
    exact = sj.bias_response(tunnel_junction(1.0, 3.0), V)
    np.testing.assert_allclose(found.current.sel(lead=0), exact.current, rtol=1e-6, atol=1e-14)
    np.testing.assert_allclose(found.current.sel(lead=1), -exact.current, rtol=1e-6, atol=1e-14)

    usual = sj.sweep(built, energy=0.0, bias=V, theta=1.0, progress=False)
    assert float(abs(usual.error).max()) < 1e-5 * exact.current[1]

    def rigid(theta=0.0):  # negative control: levels that stay carry another current
        return built(theta)

    stays = sj.sweep(rigid, energy=0.0, bias=V, theta=1.0, rtol=1e-3, progress=False)
    assert abs(float(stays.current.sel(lead=0)[1]) / exact.current[1] - 1) > 0.01


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(solver="halves"), "`solver` must be 'kwant'"),
        (dict(k=(0.1, 0.2)), "without momenta"),
        (dict(rtol=1e-3), "`rtol` must be left out"),
        (dict(bias=[0.1], k="average"), "`k` must come with `turns` and `behind`"),
        (dict(temperature=0.1), "`temperature` must be 0"),
    ],
)
def test_what_a_kwant_system_has_no_use_for_is_refused(settings, message):
    with pytest.raises(sj.ArgumentError, match=message):
        sj.sweep(rashba_junction, energy=0.3, alpha=[0.1], **SMALL, progress=False, **settings)


def test_kwant_systems_are_made_and_solved_by_several_processes(capsys):
    """The family is called there: from a module, or from the file of a command line; the numbers have the same bits."""
    text = (SYSTEMS / "rashba_junction.py").read_text(encoding="utf-8")
    Path("mine.py").write_text(text.replace("def rashba_junction(", "def mine("))
    fixed = [word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")]
    words = ["sweep", "mine.py", *fixed, "--vary", "energy=0.3:0.5:3", "--vary", "alpha=0:0.3:2", "--workers"]
    assert main([*words, "1", "-o", "one.nc"]) == 0
    assert main([*words, "2", "-o", "two.nc"]) == 0
    one, two = (xr.load_dataset(name, engine="scipy") for name in ("one.nc", "two.nc"))
    assert one.identical(two)
    assert not capsys.readouterr().err
    axes = dict(energy=[0.3, 9.0], alpha=[0.1], **SMALL, progress=False)
    here, there = sj.sweep(rashba_junction, **axes), sj.sweep(rashba_junction, **axes, workers=2)
    assert here.identical(there)
    assert float(there.conductance[0, 1]) == 0  # no channel


def test_several_processes_refuse_a_family_they_cannot_find_or_that_changed():
    with pytest.raises(sj.ArgumentError, match="at the top of a file"):
        sj.sweep(lambda alpha: rashba_junction(alpha=alpha, **SMALL), energy=0.3, alpha=[0.1], workers=2)
    Path("mine.py").write_text("import kwant_spinjunc as sj\ndef mine(x=1.0): return x\n")
    family = shipped(load_family("mine.py"))
    assert pickle.loads(pickle.dumps(family))(x=2.0) == 2.0
    other = replace(family, digest="another")
    with pytest.raises(sj.ArgumentError, match="has changed"):
        other(x=1.0)


def test_warnings_of_other_processes_are_given_here_once(monkeypatch):
    class Here(Executor):
        def submit(self, function, *arguments):
            future = Future()
            future.set_result(function(*arguments))
            return future

    def warned(family, observe, sender, values, point):
        found, _ = observe_made(family, observe, sender, values, point)
        return found, [sj.BarrierWarning(f"at {point}"), sj.CostWarning(f"at {point}")]

    observe_made = systems.observe_made
    monkeypatch.setattr(systems, "observe_made", warned)
    with pytest.warns(sj.SpinjuncWarning) as told:
        sj.sweep(rashba_junction, energy=[0.3, 0.4], **SMALL, progress=False, executor=Here())
    assert [str(one.message) for one in told if one.category is sj.BarrierWarning] == ["at 0.3"]
    assert len(told) == 3


def slow_to_warn(monkeypatch, threads):
    """Have every solve warn, all threads at the same time."""
    solve, meet = systems.scatter_device, threading.Barrier(threads)

    def warned(device, energy, *rest):
        meet.wait(10)
        warnings.warn(f"at {energy}", sj.SpinjuncWarning, stacklevel=2)
        if meet.wait(10):  # all but one end later
            time.sleep(0.02)
        return solve(device, energy, *rest)

    monkeypatch.setattr(systems, "scatter_device", warned)


def test_threads_lose_no_warning(monkeypatch):
    slow_to_warn(monkeypatch, 2)
    energies = [0.3, 0.31, 0.32, 0.33, 0.34, 0.35]
    with pytest.warns(sj.SpinjuncWarning) as told, ThreadPoolExecutor(2) as pool:
        sj.sweep(rashba_junction, energy=energies, **SMALL, progress=False, executor=pool)
    assert sorted(str(one.message) for one in told) == [f"at {E}" for E in energies]


def test_threads_of_another_process_send_the_warnings_of_their_task(monkeypatch):
    slow_to_warn(monkeypatch, 2)
    variables = systems.linear_variables(rashba_junction(**SMALL))
    choices = {"k": None, "rtol": 1e-4, "variables": variables, "labels": systems.labels_of(rashba_junction(**SMALL))}
    observe = partial(systems.observe_linear, **choices, told=set())
    systems._keep_warnings_by_thread.cache_clear()
    with warnings.catch_warnings(), ThreadPoolExecutor(2) as pool:
        tasks = [
            pool.submit(systems.observe_made, rashba_junction, observe, ("elsewhere", 1), SMALL, E)
            for E in (0.3, 0.31, 0.32, 0.33)
        ]
        kept = [[str(one) for one in task.result()[1]] for task in tasks]
    systems._keep_warnings_by_thread.cache_clear()
    assert kept == [[f"at {E}"] for E in (0.3, 0.31, 0.32, 0.33)]


def test_a_barrier_is_warned_of_once_in_a_sweep_and_in_an_integral():
    device = replace(rashba_junction(**SMALL), barriers={"wall": lambda site: True})

    def family(alpha=0.1):
        return device

    with pytest.warns(sj.BarrierWarning) as told:
        sj.sweep(family, energy=[3.0, 3.1, 3.2], alpha=[0.1, 0.2], progress=False)
    assert len(told) == 1
    with pytest.warns(sj.BarrierWarning) as told:
        sj.sweep(family, energy=3.0, bias=[0.1, 0.2], rtol=1e-3, progress=False)
    assert len(told) == 1
    with pytest.warns(sj.BarrierWarning) as told:
        sj.current_voltage(device, [3.1, 2.9], rtol=1e-3)
    assert len(told) == 1


def test_a_sweep_of_kwant_systems_over_a_bias_says_beforehand_how_long_all_of_it_takes(monkeypatch):
    monkeypatch.setattr("kwant_spinjunc.costs.LONG", 0.0)
    axes = dict(energy=0.3, bias=[0.1, 0.2, 0.3], rtol=1e-6, progress=False)
    start = time.process_time()
    with pytest.warns(sj.CostWarning) as told:
        done = sj.sweep(rashba_junction, **axes, **SMALL)
    taken = time.process_time() - start
    message, *each = (str(one.message) for one in told)
    assert message.startswith("The 3 points of this sweep")
    assert len(each) == 3
    assert all(one.startswith("The current will take") for one in each)
    seconds = float(re.search("will take about (.*) s of one process", message)[1])
    assert taken / 10 < seconds < 10 * taken
    assert np.isfinite(done.current).all()
    monkeypatch.setattr("kwant_spinjunc.costs.LONG", 1e9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sj.sweep(rashba_junction, **{**axes, "bias": [0.1, 0.2]}, **SMALL)


@pytest.mark.parametrize(("seconds", "said"), [(47.0, "50 s"), (6200.0, "100 min"), (128.0, "2.1 min")])
def test_a_long_time_is_told_in_plain_numbers(seconds, said):
    with pytest.warns(sj.CostWarning, match=f"It will take about {said}, and so on"):
        costs.warn_if_long(seconds, "It", ", and so on")


def test_the_cost_of_currents_is_told_where_they_are_asked_for(monkeypatch):
    monkeypatch.setattr("kwant_spinjunc.costs.LONG", 0.0)
    with pytest.warns(sj.CostWarning, match="The current will take") as told:
        sj.current_voltage(rashba_junction(**SMALL), [0.31, 0.29], rtol=1e-2)
    assert told[0].filename == __file__


def test_systems_with_other_leads_or_momenta_left_open_are_refused():
    def changing(more=False):
        return three_terminal(width=2, magnet=1, arm=1) if more else rashba_junction(**SMALL)

    with pytest.raises(sj.SpinjuncError, match="same leads all over the sweep"):
        sj.sweep(changing, energy=0.3, more=[False, True], progress=False)
    with pytest.raises(sj.ArgumentError, match="momenta k_y"):
        sj.scatter(altermagnet_junction(), 0.0)
    with pytest.raises(sj.ArgumentError, match="one momentum"):
        sj.sweep(altermagnet_junction, energy=0.0, k=(0.1, 0.2), height=[1.0], progress=False)


def test_the_command_line_sweeps_and_draws_kwant_systems(capsys):
    small = [f"--set={name}={value}" for name, value in SMALL.items()]
    rashba = str(SYSTEMS / "rashba_junction.py")
    command = ["sweep", rashba, *small, "--energy", "0.3", "--vary", "alpha=0:0.4:3", "-o", "out.nc"]
    assert main([*command, "--plot", "total_torque", "--figure", "out.png"]) == 0
    assert "3 of 3 points, axes {'alpha': 3}" in capsys.readouterr().out
    assert main([*command, "--resume"]) == 0
    assert main(["plot", "out.nc", "--plot", "flux", "-o", "flux.png"]) == 0
    assert xr.load_dataset("out.nc").attrs["complete"] == 1
    assert (
        main(
            [
                "sweep",
                rashba,
                *small,
                "--energy",
                "0.3",
                "--bias=0:0.1:2",
                "--rtol=0.01",
                "-o",
                "iv.nc",
                "--figure=iv.png",
            ]
        )
        == 0
    )
    altermagnet = str(SYSTEMS / "altermagnet_junction.py")
    assert main(["run", altermagnet, "--k", "0.2"]) == 0
    assert main(["run", altermagnet]) == 2
    assert "k='average'" in capsys.readouterr().err
    three = [
        "sweep",
        str(SYSTEMS / "three_terminal.py"),
        "--vary",
        "theta=0:1:3",
        "--vary",
        "energy=0:1:9",
        "-o",
        "3.nc",
    ]
    assert main([*three, "--figure", "x.png"]) == 2  # before anything is solved
    assert "at most 24 lines" in capsys.readouterr().err
    assert not Path("3.nc").exists()


def test_a_kwant_system_is_exported_with_the_numbers_of_its_junction():
    junction = tunnel_junction(0.0, 4.0)
    cut = sj.between(lambda site: site.tag[1] == 2, lambda site: site.tag[1] == 3)
    system = sj.Device(system=sj.build(junction).finalized(), cuts={"barrier": cut})
    ours, own = (sj.export(x, "mumax3", lattice_constant=0.25) for x in (system, junction))
    for name in ("Pol", "Lambda", "EpsilonPrime"):
        assert ours.values[name] == pytest.approx(own.values[name], rel=1e-6, abs=1e-9)
    response, exact = system_response(system), angular_response(junction)
    np.testing.assert_allclose(response.damping_like, exact.damping_like, rtol=1e-9, atol=1e-15)
    np.testing.assert_allclose(response.field_like, exact.field_like, rtol=1e-6, atol=1e-15)
    with pytest.raises(sj.ArgumentError, match="magnets that are parallel"):
        system_response(sj.build(tunnel_junction(1.0, 4.0)).finalized(), behind=cut)


def test_spin_orbit_coupling_on_either_side_is_not_exported_as_torque_on_the_magnet():
    for alpha in (dict(alpha=0.3, alpha_right=0.0), dict(alpha=0.0, alpha_right=0.3)):
        device = rashba_junction(theta=0.0, **alpha, width=2, depth=1, magnet=2)
        with pytest.raises(sj.ArgumentError, match="spin-orbit"):
            system_response(device, 0.3, behind="barrier")
    device = rashba_junction(theta=0.0, alpha=0.0, width=2, depth=1, magnet=2)
    assert (system_response(device, 0.3, behind="barrier").current > 0).all()
    with pytest.raises(sj.ArgumentError, match="must name the cut"):
        system_response(device, 0.3)


def test_the_command_line_exports_kwant_systems(capsys):
    altermagnet = str(SYSTEMS / "altermagnet_junction.py")
    settings = ["--to", "mumax3", "--lattice-constant", "0.3", "--k", "0.2", "--tolerance", "1", "--set", "height=1"]
    assert main(["export", altermagnet, *settings, "--behind", "barrier"]) == 0
    assert "a Kwant system turned behind a cut" in capsys.readouterr().out
    assert main(["export", altermagnet, *settings, "--bias", "0.1"]) == 2
    assert main(["export", str(SYSTEMS / "tunnel_junction.py"), *settings[:4], "--behind", "barrier"]) == 2
    assert "`--behind` must be left out" in capsys.readouterr().err


# ---------------------------------------------------------------------- angles behind a cut
TURNS = np.radians([0, 60, 180])


def test_turned_systems_sweep_at_all_angles_at_once():
    turned = dict(turns=TURNS, behind="barrier", progress=False)
    data = sj.sweep(altermagnet_junction, energy=0.2, k=0.4, height=[2.0, 5.0], **turned)
    s = sj.scatter(altermagnet_junction(height=5.0), 0.2, k=0.4, turns=TURNS, behind="barrier")
    assert data.probabilities.dims == ("height", "turn", "lead_out", "spin_out", "lead_in", "spin_in")
    np.testing.assert_allclose(data.probabilities[1], s.probabilities, rtol=1e-12)
    np.testing.assert_allclose(data.conductance[1], s.transmission(1, 0), rtol=1e-12)
    np.testing.assert_allclose(data.angle[1], TURNS, atol=1e-12)
    np.testing.assert_allclose(data.modes[1], s.modes)
    assert data.flux.dims == ("height", "turn", "lead_in", "component")
    assert data.side_torque.dims == ("height", "turn", "side", "lead_in", "axis")
    np.testing.assert_allclose(data.flux[1], s.spin_current(total=True), atol=1e-12)
    np.testing.assert_allclose(data.side_torque[1], s.side_torques.sum(axis=-2), atol=1e-12)
    assert abs(data.side_torque[1, 1]).max() > 1e-3
    assert abs(data.conductance[1, 0] / data.conductance[1, 2] - 1) > 0.01
    assert data.turn.attrs["units"] == "rad"
    mean = sj.sweep(altermagnet_junction, energy=[0.2], k="average", rtol=1e-2, **turned)
    assert not {"flux", "side_torque"} & set(mean)  # many times the momenta
    found = sj.scatter(altermagnet_junction(), 0.2, k="average", turns=TURNS, behind="barrier", rtol=1e-2)
    assert abs(mean.conductance[0] - found.transmission(1, 0)).max() <= 2e-2 * float(mean.conductance.max())


class Pickling(Executor):
    """Does here what it was sent, as another process would be."""

    def submit(self, function, /, *args, **kwargs):
        function, args = pickle.loads(pickle.dumps((function, args)))
        done = Future()
        done.set_result(function(*args, **kwargs))
        return done


def test_turned_systems_sweep_over_a_bias_in_the_potential_of_their_device():
    data = sj.sweep(
        altermagnet_junction,
        energy=0.2,
        bias=[-0.2, 0.3],
        temperature=0.01,
        k=0.4,
        turns=TURNS,
        behind="barrier",
        rtol=1e-3,
        planes=1,  # without named magnets
        executor=Pickling,
        progress=False,
    )
    device = altermagnet_junction(planes=1)
    assert not device.magnets
    asked = dict(energy=0.2, temperature=0.01, k=0.4, turns=TURNS, behind="barrier", rtol=1e-3)
    r = sj.bias_response(replace(device, profile=None), 0.3, profile=device.profile, **asked)
    point = data.sel(bias=0.3)
    for name, value in (
        ("current", r.current),
        ("magnetization_current", r.magnetization),
        ("spin_current", r.spin_current),
        ("damping_like", r.torques.damping_like),
        ("field_like", r.torques.field_like),
    ):
        np.testing.assert_allclose(point[name], value, rtol=1e-10, atol=1e-14, err_msg=name)
    assert data.damping_like.dims == ("bias", "turn", "lead")
    assert abs(point.damping_like[1]).min() > 1e-8
    assert (data.current[0] < 0).all()
    # the potential is the device's: that of a step elsewhere is another junction
    step = sj.bias_response(device, 0.3, profile=lambda site: 0.5 - (site.tag[0] >= 2), **asked)
    assert abs(step.current / r.current - 1).max() > 1e-3


def chain() -> sj.Device:
    """A chain, which has no plane and no cell of one."""
    return sj.Device(
        system=built(),
        cuts={"barrier": lambda site: site.tag[1] >= 3},
        profile=lambda site: np.interp(site.tag[1], [0, 5], [0.5, -0.5]),
        unit="eV",
    )


def test_only_a_plane_has_currents_per_cell():
    turned = dict(energy=0.2, bias=[0.1], turns=[1.0], behind="barrier", rtol=1e-2, progress=False)
    assert sj.sweep(chain, **turned).current.attrs["units"] == "e^2/h V"
    periodic = sj.sweep(altermagnet_junction, k=0.4, **turned)
    assert periodic.damping_like.attrs["units"] == "e/h t per cell"


def test_what_cannot_turn_in_a_sweep_is_refused():
    device = altermagnet_junction()
    with pytest.raises(sj.ArgumentError, match="`profile` must be a function of a site, but is 0.5"):
        sj.Device(system=device.system, profile=0.5)
    with pytest.raises(sj.ArgumentError, match="`axis` must be an array of real numbers, but is 'x'"):
        sj.scatter(device, 0.2, k=0.4, axis="x")
    with pytest.raises(sj.ArgumentError, match="`behind` must be given: the name of a cut, or a function"):
        sj.scatter(device, 0.2, k=0.4, turns=TURNS)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (dict(params=3), "`params` must map names of parameters to values, but is 3"),
        (dict(params={3: 0.1}), "`params` must map names"),
        (dict(momenta=3), "`momenta` must be a sequence, but is 3"),
        (dict(momenta=["k_y", "k_y"]), "`momenta` must name every momentum once"),
        (dict(momenta=[["k_y"]]), "`momenta` must name parameters of the system"),
        (dict(turns=TURNS, behind="barrier", spin_orbit="no"), "`spin_orbit` must be a bool, but is 'no'"),
    ],
)
def test_what_is_no_setting_of_a_crystal_is_refused_in_one_line(given, message):
    with pytest.raises(sj.ArgumentError, match=message):
        sj.scatter(altermagnet_junction(), 0.2, k=0.4, **given)


def test_a_misspelt_parameter_does_not_leave_its_default_in_force():
    lat = kwant.lattice.chain(norbs=2, name="misspelt")
    builder = kwant.Builder()
    builder[(lat(i) for i in range(4))] = lambda site, height: height * np.eye(2)
    builder[lat.neighbors()] = -np.eye(2)
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)), conservation_law=np.diag([-1, 1]))
    lead[lat(0)], lead[lat.neighbors()] = np.diag([-0.2, 0.2]), -np.eye(2)
    for one in (lead, lead.reversed()):
        builder.attach_lead(one)
    device = sj.Device(system=builder.finalized(), params=dict(height=1.0))
    T = [sj.scatter(device, 0.1, params=given).transmission(1, 0) for given in (None, dict(height=1.0, other=2.0))]
    assert T[0] == T[1] != sj.scatter(device, 0.1, params=dict(height=1.5)).transmission(1, 0)
    for extra in ({}, dict(turns=0.0, behind=lambda site: site.tag[0] > 1)):
        with pytest.raises(sj.ArgumentError, match="'hieght' is none. Did you mean `height`"):
            sj.scatter(device, 0.1, params=dict(hieght=1.5), **extra)
    with pytest.raises(sj.ArgumentError, match="Did you mean `height`"):
        sj.current_voltage(device, [0.11, 0.09], params=dict(hieght=1.5))


def test_a_sweep_refused_at_its_first_point_leaves_no_file_and_no_other_sweep_loses_one(tmp_path):
    file = tmp_path / "a.nc"
    turned = dict(energy=0.2, turns=TURNS, behind="barrier", progress=False, resume=file)
    for wrong in (dict(k=0.4, behind="barier"), dict(k=(0.4, 0.1))):
        with pytest.raises(sj.ArgumentError):
            sj.sweep(altermagnet_junction, **{**turned, **wrong})
        assert not list(tmp_path.iterdir())
    kept = sj.sweep(altermagnet_junction, k=0.4, **turned)
    words = ["sweep", str(Path(altermagnet_junction.__code__.co_filename)), "--turns", "0:1:2", "--behind", "barrier"]
    assert main([*words, "--k", "0.4,0.1", "-o", str(file), "--overwrite"]) == 2
    again = sj.sweep(altermagnet_junction, k=0.4, **turned)
    assert np.array_equal(again["conductance"], kept["conductance"])
    turned = dict(turns=TURNS, behind="barrier", progress=False)
    with pytest.raises(sj.ArgumentError, match="`turns` must be left out for junctions"):
        sj.sweep(tunnel_junction, energy=0.0, **turned)
    with pytest.raises(sj.ArgumentError, match="`turns` and `behind` must be given together"):
        sj.sweep(altermagnet_junction, energy=0.2, k=0.4, turns=TURNS)
    with pytest.raises(sj.ArgumentError, match="`turns` and `behind` must be given together"):
        sj.sweep(altermagnet_junction, energy=0.2, k=0.4, turns=TURNS, behind=lambda site: True)
    with pytest.raises(sj.ArgumentError, match="to which the potential of its Device would be added"):
        sj.sweep(built, energy=0.0, bias=[0.1], **turned)
    with pytest.raises(sj.ArgumentError, match="`k` must come with `turns` and `behind`"):
        sj.sweep(altermagnet_junction, energy=0.2, bias=[0.1], k="average", progress=False)
    with pytest.raises(sj.ArgumentError, match="`profile` must be a function of a site, .*or be that of the Device"):
        sj.bias_response(rashba_junction(**SMALL), 0.1, behind="barrier")


def test_turned_sweeps_on_the_command_line(capsys):
    words = ["sweep", str(SYSTEMS / "altermagnet_junction.py"), "--behind", "barrier", "--energy", "0.2", "--k", "0.4"]
    assert main([*words, "--turns", "0:180deg:3", "-o", "a.nc", "--figure", "a.png"]) == 0
    assert main([*words, "--turns", "0:180deg:3", "--bias", "0.1:0.2:2", "--rtol", "0.1", "-o", "b.nc"]) == 0
    with xr.open_dataset("a.nc") as linear, xr.open_dataset("b.nc") as biased:
        np.testing.assert_allclose(linear.turn, np.radians([0, 90, 180]))
        assert biased.current.dims == ("bias", "turn")
        # the current of a small bias is its linear response, roughly
        assert 0.3 < float(biased.current[0, 1]) / 0.1 / float(linear.conductance[1]) < 3
    assert main([*words, "--turns", "0:180deg:5", "-o", "a.nc", "--resume"]) == 2
    assert "its turns is" in capsys.readouterr().err
    assert main([*words, "-o", "c.nc"]) == 2
    assert "`--vary`, `--turns` or `--bias` must be given" in capsys.readouterr().err
