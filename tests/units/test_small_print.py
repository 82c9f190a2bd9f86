"""What mutants broke unseen in pictures, prints, files and running tasks: `tests/mutation.py` found the holes."""

import copy
import dataclasses
import importlib
import multiprocessing
import os
import pickle
import pkgutil
import re
import signal
import sys
import threading
import time
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import kwant
import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.testing import assert_allclose

import kwant_spinjunc as sj
from kwant_spinjunc.cli import console, ensemble
from kwant_spinjunc.cli.main import main
from kwant_spinjunc.crystals import spins
from kwant_spinjunc.crystals.problem import Problem
from kwant_spinjunc.devices.device import same
from kwant_spinjunc.devices.spin_operators import checked_spin
from kwant_spinjunc.devices.spin_order import resolve_spin
from kwant_spinjunc.exploring import controls
from kwant_spinjunc.exploring.explorer import explore
from kwant_spinjunc.judging import door
from kwant_spinjunc.judging.laws import rule
from kwant_spinjunc.magnets.export import codes
from kwant_spinjunc.magnets.multiscale import multiscale
from kwant_spinjunc.magnets.multiscale.metals import cobalt
from kwant_spinjunc.magnets.parameters import decay_constant as effective_decay
from kwant_spinjunc.magnets.parameters import effective
from kwant_spinjunc.magnets.parameters.interfaces import InterfaceParameters, both_interfaces
from kwant_spinjunc.magnets.wall import self_consistent_wall
from kwant_spinjunc.plot import devices as drawings
from kwant_spinjunc.plot import figures
from kwant_spinjunc.runs import executors, schedule, sweep
from kwant_spinjunc.runs.family import load_family
from kwant_spinjunc.runs.files import table_digest, write_table
from kwant_spinjunc.runs.store import Store, StoreError
from kwant_spinjunc.theory import circuit, domain_wall, drift_diffusion, interface
from kwant_spinjunc.theory.equations import EQUATIONS
from systems.asymmetric_junction import asymmetric_junction
from systems.tunnel_junction import tunnel_junction

CHAIN = dict(onsite=0.2, hopping=1.0, splitting=0.6)


def valve(length, width):
    """A square lattice along x, magnetized along z left of the middle and along x right of it."""
    lattice = kwant.lattice.square(norbs=2)
    pauli = [np.array([[0, 1], [1, 0]]), np.array([[1, 0], [0, -1]])]
    syst = kwant.Builder()
    syst[(lattice(x, y) for x in range(length) for y in range(width))] = lambda site: (
        3.6 * np.eye(2) - 0.4 * pauli[int(site.pos[0] < length / 2)]
    )
    syst[lattice.neighbors()] = -np.eye(2)
    for direction, matrix in ((-1, pauli[1]), (1, pauli[0])):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction, 0)))
        lead[(lattice(0, y) for y in range(width))] = 3.6 * np.eye(2) - 0.4 * matrix
        lead[lattice.neighbors()] = -np.eye(2)
        syst.attach_lead(lead)
    magnets = {"first": lambda site: site.pos[0] == 1, "second": lambda site: site.pos[0] == length - 2}
    return sj.Device(system=syst.finalized(), magnets=magnets, magnetizations={0: (0.0, 0.0, 1.0), 1: (1.0, 0.0, 0.0)})


# ---------------------------------------------------------------------- pictures
def test_bands_of_a_device_are_colored_by_spin_on_one_scale_and_tall_devices_get_room():
    wide, tall = (drawings.plot_system(valve(*size)) for size in ((12, 2), (4, 6)))
    bands = [axes for axes in wide.axes if axes.get_title().startswith("lead")]
    assert len(bands) == 2
    assert bands[0].get_shared_y_axes().joined(*bands)
    for axes in bands:
        drawn = {line.get_color() for line in axes.lines if len(line.get_xdata())}
        assert {drawings.COLORS["majority"], drawings.COLORS["minority"]} <= drawn
    assert tall.get_figheight() > wide.get_figheight()


def test_a_flux_says_of_what_it_is_and_a_torque_is_drawn_where_its_magnet_is():
    found = sj.scatter(valve(6, 2), 0.3)
    for quantity, words in (("charge", "Flux of charge"), ("x", "Flux of spin x")):
        figure = drawings.plot_device(found, "second", quantity=quantity, axis="z")
        assert figure.axes[0].get_title(loc="left").startswith(words)
    colored = [c for c in figure.axes[1].collections if c.get_array() is not None and len(c.get_array()) >= 12]
    values = np.concatenate([np.asarray(c.get_array()) for c in colored])
    assert (values == 0).sum() >= 8  # of the sites outside, in the color of none


def test_majority_bands_stand_left_of_minority_bands():
    axes = Figure().add_subplot()
    figures._draw_planes(axes, sj.Junction(sj.ferromagnet(**CHAIN), [], sj.ferromagnet(**CHAIN)), 2.0)
    bars = [(bar.get_facecolor()[:3], bar.get_x()) for bar in axes.patches]
    places = [[x for color, x in bars if color == to_rgb(figures.COLORS[spin])] for spin in ("majority", "minority")]
    assert len(places[0]) == len(places[1]) > 0
    assert (np.array(places[0]) < places[1]).all()


# ---------------------------------------------------------------------- prints
def test_an_explorer_tells_edges_torques_and_how_long_it_took():
    with_barrier = explore(tunnel_junction, energy=0.1, theta=1.0, onsite=4.0, in_plane_hopping=1.0)
    try:
        begun = time.perf_counter()
        found = with_barrier.update({})
        assert 0 <= found["milliseconds"] <= 1000 * (time.perf_counter() - begun) + 1
        junction = tunnel_junction(theta=1.0, onsite=4.0, in_plane_hopping=1.0)
        plane = found["stack"][0]
        level = junction.left.onsite - 4 * junction.left.t_parallel
        reach = 2 * junction.left.hopping
        for spin, sign in enumerate((1, -1)):
            middle = level - sign * junction.left.splitting / 2
            assert_allclose(sorted(plane["edges"][spin]), [middle - reach, middle + reach], atol=1e-12)
    finally:
        with_barrier.close()


def test_a_table_keeps_the_unit_of_its_family_and_lets_itself_be_overwritten(capsys):
    words = ["sweep", "family.py", "--vary", "theta=0:90deg:2", "-o", "out.nc"]
    with open("family.py", "w") as file:
        file.write(
            "from typing import Annotated\nimport kwant_spinjunc as sj\n"
            "def valve(theta: float = 0.0) -> Annotated[sj.Junction, 'eV']:\n"
            f"    iron = dict({', '.join(f'{k}={v}' for k, v in CHAIN.items())})\n"
            "    end = sj.ferromagnet(**iron, m=sj.unit_vector(theta))\n"
            "    return sj.Junction(sj.ferromagnet(**iron), [], end)\n"
        )
    assert main(words) == 0
    assert main(words) == 2
    assert main([*words, "--overwrite"]) == 0
    capsys.readouterr()
    assert xr.load_dataset("out.nc")["energy"].attrs["units"] == "eV"


def test_field_like_torques_of_an_explorer_are_opposite():
    page = explore(asymmetric_junction, energy=0.1)
    try:
        found = page.update({})
    finally:
        page.close()
    left, right = (np.array(found["torques"][f"field-like {side}"]) for side in ("left", "right"))
    assert_allclose(left, -right, atol=1e-14)
    middle = np.argmin(abs(np.array(found["angles"]) - 90))
    junction = asymmetric_junction(theta=np.radians(found["angles"][middle]))
    response = sj.linear_response(sj.scatter(junction, 0.1), 0.5, -0.5)
    assert abs(right[middle]) > 1e-6
    assert_allclose([left[middle], right[middle]], response.torques.field_like, rtol=1e-6)


def test_an_interrupted_ensemble_shows_what_it_has(monkeypatch, capsys):
    def interrupted(*args, **settings):
        raise ensemble.EnsembleInterrupted("forty of them")

    monkeypatch.setattr("kwant_spinjunc.cli.ensemble.ensemble", interrupted)
    family = str(Path(__file__).parents[2] / "systems" / "disordered_barrier.py")
    assert main(["ensemble", family, "--energy", "0.5", "--realizations", "40", "-o", "kept"]) == 130
    assert "forty of them" in capsys.readouterr().out


def test_a_grid_of_a_matched_pair_ends_where_it_was_told_to():
    contact = interface.tunnelling_response(np.diag([0.6, 0.2]))
    matched = drift_diffusion.match(cobalt(), cobalt(), contact, m_left=(0.0, 0.0, 1.0), m_right=(1.0, 0.0, 0.0))
    grid = matched.grid(50, reach=6.0)
    longest = (1 / cobalt().modes.wave_numbers.real).max()
    assert_allclose([grid[0], grid[-1]], [-6 * longest - matched.thickness / 2, 6 * longest + matched.thickness / 2])
    assert (np.diff(grid) >= 0).all()
    assert [len(matched.grid(points)) for points in (50, 51)] == [50, 51]


def test_a_figure_of_no_known_kind_is_refused_before_its_data_are_looked_for(capsys):
    assert main(["plot", "missing.nc", "-o", "figure.txt"]) == 2
    told = capsys.readouterr().err
    assert "figure.txt" in told
    assert "missing.nc" not in told


@pytest.mark.parametrize("texture", [False, True])
def test_interfaces_of_samples_and_textures_are_refused(texture):
    iron = [sj.ferromagnet(**CHAIN, m=sj.unit_vector(theta)) for theta in (0.0, 0.5, 1.1)]
    dirty = sj.barrier(onsite=3.0, hopping=1.0, thickness=1, disorder=[sj.Anderson(width=1.0)])
    junction = sj.Junction(iron[0], [iron[1] if texture else dirty], iron[2])
    with pytest.raises(sj.ArgumentError, match="must be clean with two collinear halves"):
        both_interfaces(junction, 0.1, None)


@pytest.mark.parametrize("norbs", [1, 3])
def test_odd_orbitals_have_no_spin_that_could_be_guessed(norbs):
    lattice = kwant.lattice.chain(norbs=norbs)
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(3))] = np.eye(norbs)
    with pytest.raises(sj.ArgumentError) as told:
        resolve_spin("auto", syst.finalized())
    with pytest.raises(sj.ArgumentError) as expected:
        checked_spin("spin-orbital", lattice)
    assert str(told.value) == str(expected.value)


@pytest.mark.parametrize("name", ["iron", ""])
def test_a_family_is_told_by_its_name_or_else_by_what_it_is(name):
    lattice = kwant.lattice.chain(norbs=3, name=name)
    with pytest.raises(sj.ArgumentError) as told:
        checked_spin("spin-orbital", lattice)
    assert f"but family {name or repr(lattice)} has" in str(told.value)


def test_a_unit_is_a_word():
    with pytest.raises(sj.ArgumentError, match="`unit`"):
        sj.Junction(sj.ferromagnet(**CHAIN), [], sj.ferromagnet(**CHAIN), unit=3)


# ---------------------------------------------------------------------- files and stores
def test_names_dimensions_and_shapes_are_part_of_a_checksum():
    data = xr.Dataset({"a": (("x", "y"), np.zeros((2, 2)))})
    others = [data.rename(a="b"), data.transpose("y", "x"), data.rename(x="z")]
    others.append(xr.Dataset({"a": (("x", "y"), np.zeros((4, 1)))}))
    assert len({table_digest(one) for one in (data, *others)}) == 5


def test_attributes_of_any_kind_are_part_of_a_checksum():
    dates = [xr.Dataset(attrs={"made": np.datetime64(day)}) for day in ("2024-02-28", "2024-02-29")]
    assert len({table_digest(one) for one in (xr.Dataset(), *dates)}) == 3


def test_a_table_is_whole_when_it_takes_its_place(monkeypatch):
    sizes, replace = [], os.replace

    def seen(temporary, target):
        sizes.append(Path(temporary).stat().st_size)
        replace(temporary, target)

    monkeypatch.setattr(os, "replace", seen)
    write_table(xr.Dataset({"a": ("x", np.arange(100.0))}), "t.nc")
    assert sizes == [Path("t.nc").stat().st_size]
    assert sizes[0] > 800


def test_a_point_of_a_sweep_is_entered_whole_its_marker_last_or_not_at_all():
    entered = []

    class Column(np.ndarray):
        def __setitem__(self, where, value):
            entered.append(self.name)

    names = ["unitarity_defect", "modes", "zeta"]
    data = {name: np.zeros((2, 3)).view(Column) for name in names}
    for name, column in data.items():
        column.name = name
    experiment = SimpleNamespace(variables=dict.fromkeys(names), marker=names[0])
    filling = SimpleNamespace(experiment=experiment, data=data, file=None)
    with pytest.raises(executors.ExecutorError, match="ValueError"):
        sweep._Filling.enter(filling, (0,), {**dict.fromkeys(names, 1.0), "zeta": np.ones(4)})
    assert not entered
    sweep._Filling.enter(filling, (0,), {**dict.fromkeys(names, 1.0), "zeta": np.ones(3)})
    assert sorted(entered) == sorted(names)
    assert entered[-1] == "unitarity_defect"


def test_a_chunk_knows_which_of_its_realizations_are_absent():
    with Store("s", {"seed": 1}) as store:
        store.write(8, np.ones((2, 3)), {})
        store.write(12, np.ones((1, 3)), {})
        chunk = schedule.read(store, 8, 16, 3)
    assert (chunk.absent, chunk.damaged) == ([10, 11, 13, 14, 15], [])


def test_a_histogram_is_that_of_the_element_asked_for():
    layer = dict(**CHAIN, in_plane_hopping=0.1)
    dirty = sj.ferromagnet(**layer, thickness=2, disorder=[sj.Anderson(width=1.0)])
    junction = sj.Junction(sj.ferromagnet(**layer), [dirty], sj.ferromagnet(**layer))
    run = dict(realizations=8, workers=1, progress=False, cross_section=(2, 1))
    with sj.ensemble(junction, 0.3, store="kept", **run) as found:
        samples = found.samples("probabilities")
        for element in ((1, 0, 0, 0), (0, 1, 0, 1)):
            _, edges = found.histogram("probabilities", element, bins=3)
            own = samples[(slice(None), *element)]
            assert_allclose(edges[[0, -1]], [own.min(), own.max()], rtol=1e-12)
            assert np.ptp(own) > 0
        assert found.store.fact("provenance")["kwant_spinjunc"] == sj.__version__


# ---------------------------------------------------------------------- tasks
def test_an_executor_that_is_not_waited_for_leaves_no_process():
    pool = executors.Pool(lambda: ProcessPoolExecutor(1, multiprocessing.get_context("spawn")), 1)
    pool.executor.submit(time.sleep, 60)
    processes = list(pool.executor._processes.values())
    pool.close()
    for process in processes:
        for _ in range(400):  # whoever waits for it first, the executor's thread or this one, learns that it has ended
            process.join(0.05)
            try:
                os.kill(process.pid, 0)
            except ProcessLookupError:
                break
        else:
            pytest.fail(f"process {process.pid} is still there")


def test_a_task_that_has_not_ended_is_not_waited_for():
    future = Future()
    later = threading.Timer(0.3, future.set_result, [(0, 1.0)])
    later.start()
    try:
        with pytest.raises(TimeoutError):
            executors.Task(0, future).result()
    finally:
        later.cancel()


# ---------------------------------------------------------------------- numbers at a border
def test_the_area_of_a_site_is_the_square_of_the_lattice_constant():
    given = {"materials": cobalt(), "lattice_constant": 0.25}
    assert door._materials(given) == {"metals": (cobalt(), cobalt()), "area": 0.0625}
    assert door._materials({**given, "cross_section": (2, 3)})["area"] == 0.375


def test_conductances_of_a_contact_are_numbers():
    contact = circuit.Contact(majority=np.array(2), minority=1, mixing=1.0)
    assert [type(x) for x in (contact.majority, contact.minority)] == [float, float]


@pytest.mark.parametrize("Lambda", [0.6, 1.0, 1.7])
@pytest.mark.parametrize("P", [0.4, -0.3])
@pytest.mark.parametrize("name", sorted(codes.CODES))
def test_a_torque_within_the_range_of_a_code_is_the_same_torque(name, P, Lambda):
    given = codes.Numbers(P=P, Lambda=Lambda, epsilon_prime=0.07, direction=(0.0, 0.6, 0.8), J=2.0)
    found = given.in_range_of(codes.CODES[name])
    m = sj.unit_vector(1.1, 0.4)

    def torque(t):
        p = np.array(t.direction)
        fixed = np.cross(m, np.cross(m, p)) * codes.efficiency(t.P, t.Lambda, m @ p)
        return t.J * (fixed + t.epsilon_prime * np.cross(m, p))

    assert_allclose(torque(found), torque(given), atol=1e-14)


def test_what_can_be_changed_after_it_is_made_is_listed():
    """Only what works through a problem step by step, or holds an open file: no specification or other result."""
    working = "Ensemble Cut Lead Half Pieces Border Watch Face LU Side Plane Waves"
    working += " _Blocks _State _Filling _Newton _Current _Window"
    loose = set()
    for module in pkgutil.walk_packages(sj.__path__, "kwant_spinjunc."):
        for name, value in vars(importlib.import_module(module.name)).items():
            own = isinstance(value, type) and value.__module__ == module.name and dataclasses.is_dataclass(value)
            if own and not value.__dataclass_params__.frozen:
                loose.add(name)
    assert loose <= set(working.split())


@pytest.mark.parametrize("which", [0, 1])
def test_one_side_is_enough_to_be_wrong_or_dispersive(which):
    """Of two numbers, or of many planes, one alone."""
    pair = [0.1, 0.2]
    pair[which] = -0.1
    with pytest.raises(sj.ArgumentError, match="`demagnetization` must not be negative, but is -0.1"):
        domain_wall.spin_chain(exchange=1.0, anisotropy=0.1, planes=2, demagnetization=pair)
    leads = [sj.ferromagnet(**CHAIN) for _ in pair]
    assert not sj.Junction(leads[0], [], leads[1]).is_dispersive
    leads[which] = sj.ferromagnet(**CHAIN, in_plane_hopping=0.3)
    assert sj.Junction(leads[0], [], leads[1]).is_dispersive


def test_a_system_of_which_nothing_is_asked_prints_no_fluxes(tmp_path, capsys):
    text = """import kwant
import numpy as np
import kwant_spinjunc as sj


def bare(hopping=1.0) -> sj.Device:
    lattice = kwant.lattice.chain(norbs=2)
    syst, lead = kwant.Builder(), kwant.Builder(kwant.TranslationalSymmetry((-1,)))
    for one, sites in ((syst, range(2)), (lead, range(1))):
        one[(lattice(n) for n in sites)] = np.array([[0, 0.1], [0.1, 0.2]])
    syst[lattice.neighbors()] = lead[lattice.neighbors()] = -hopping * np.eye(2)
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    return sj.Device(system=syst.finalized())
"""
    path = tmp_path / "bare.py"
    path.write_text(text)
    assert main(["run", str(path), "--energy", "0.1"]) == 0
    assert "fluxes and torques" not in capsys.readouterr().out
    path.write_text(text.replace(" * np.eye(2)", ""))  # Kwant takes no number for a matrix
    assert main(["run", str(path), "--energy", "0.1"]) == 2
    assert re.search(r"hoppings of the shape .* and .* it is \(\) and should be \(2, 2\)", capsys.readouterr().err)


def test_several_quantities_have_the_axis_that_was_asked_for():
    steep = sj.sweep(tunnel_junction, height=np.linspace(2.0, 6.0, 3), thickness=8, energy=0.0, progress=False)
    for names in ("conductance", ["conductance", "conductance"]):
        scales = [figures.plot_sweep(steep, names, log=log).axes[0].get_yscale() for log in (None, False)]
        assert scales == ["log", "linear"]


def test_a_texture_has_no_one_angle():
    iron = [sj.ferromagnet(**CHAIN, m=sj.unit_vector(angle)) for angle in (0.0, 0.4, 1.0)]
    assert "a texture" in str(sj.Junction(iron[0], [iron[1], sj.normal_metal(onsite=0.0, hopping=1.0)], iron[2]))
    assert "60 deg" in str(tunnel_junction(theta=np.pi / 3))


def test_magnets_behind_the_plane_of_the_wall_are_refused_too():
    with pytest.raises(sj.ArgumentError, match="one has m_y = 0.3"):
        self_consistent_wall(
            tunnel_junction(theta=1.0).turned(m_right=sj.unit_vector(1.2, -0.33)),
            current_density=1e11,
            stiffness=2e-11,
            anisotropy=1e6,
            lattice_constant=0.25,
        )


def test_two_steps_are_enough_for_a_decay_and_one_is_not():
    assert len(effective_decay(tunnel_junction(height=3.0), steps=2).planes) == 3
    with pytest.raises(sj.ArgumentError, match="`steps`"):
        effective_decay(tunnel_junction(height=3.0), steps=1)


def test_a_family_of_a_chain_of_models_has_no_parameter_of_the_run():
    def named(theta=0.0, transport=1.0):
        return tunnel_junction(theta)

    with pytest.raises(sj.ArgumentError, match="transport"):
        multiscale(named, cobalt(), lattice_constant=0.25, theta=0.5)


def test_a_contact_that_is_nearly_transparent_is_corrected():
    """G = 0.97 of 1/(1/2N + 1/2N'), whose rest has 0.03 of the resistance: R - 1/2N - 1/2N'."""
    magnet, metal = InterfaceParameters("left", 0.97, 0.2, 0.5 + 0j, 1.0, (1.0, 1.0)), 1.0
    G = magnet.contact(diffusive=True).majority
    assert_allclose(1 / G, 1 / 0.97 - 1 / (2 * metal) - 1 / (2 * 1.0))


def test_every_equation_has_a_title_of_its_own():
    titles = [equation.title for equation in EQUATIONS.values()]
    assert len(set(titles)) == len(titles)


def test_a_family_imports_what_lies_beside_it_before_all_else(tmp_path, monkeypatch):
    for place, word in (("elsewhere", "wrong"), ("here", "right")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "neighbour_of_a_family.py").write_text(f"WORD = {word!r}\n")
    (tmp_path / "here" / "some.py").write_text("from neighbour_of_a_family import WORD\n\ndef some(x=1.0):\n    pass\n")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    monkeypatch.delitem(sys.modules, "neighbour_of_a_family", raising=False)
    assert load_family(tmp_path / "here" / "some.py").__globals__["WORD"] == "right"


# ---------------------------------------------------------------------- one of several, and none
def test_what_holds_arrays_is_compared_and_hashed_as_itself():
    """Arrays have no one truth and no hash: results may be members of sets and keys. What works inside is listed."""
    inside = "Observable Attached Chain Turn Goal Solved Chunk"
    arrays = ("Floats", "Complex", "Integers", "Indices", "NDArray", "ndarray")
    made, types = {}, {}
    for module in pkgutil.walk_packages(sj.__path__, "kwant_spinjunc."):
        for name, value in vars(importlib.import_module(module.name)).items():
            own = isinstance(value, type) and value.__module__ == module.name and dataclasses.is_dataclass(value)
            if own:
                made[name] = value
                types[name] = set(re.findall(r"\w+", " ".join(str(field.type) for field in dataclasses.fields(value))))
    holding = {name for name, parts in types.items() if parts & set(arrays)}
    while more := {name for name, parts in types.items() if parts & holding} - holding:  # what holds what holds arrays
        holding |= more
    compared = {n for n in holding if made[n].__dataclass_params__.frozen and made[n].__dataclass_params__.eq}
    assert {name for name in compared if not name.startswith("_")} <= set(inside.split())


def test_parameters_are_the_same_for_certain_or_not():
    def first():
        return 1

    def second():
        return 1

    def equal(a, b):
        return same({"x": a}, {"x": b})

    for value in (first, None, 1.5, True, "a", 2 + 1j, np.float64(0.3), np.eye(2), [1.0, "a"], {"a": (1, 2.5)}):
        assert equal(value, copy.deepcopy(value)), value
    for a, b in ((first, second), (1.5, 2.5), (1, True), (None, 0), ("a", "b"), (np.eye(2), np.ones((2, 2)))):
        assert not equal(a, b), (a, b)
    assert not equal([1.0], [1.0, 2.0])
    assert not same({"x": 1}, {"y": 1})
    one = object()
    assert not equal(one, one)  # it may have changed inside


def test_requests_to_end_are_ctrl_c_in_the_main_thread_and_nothing_in_another(monkeypatch):
    former = {number: signal.signal(number, signal.SIG_DFL) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        with console.ended_by_signals():
            for number in former:
                with pytest.raises(KeyboardInterrupt):
                    signal.getsignal(number)(number, None)
        assert all(signal.getsignal(number) is signal.SIG_DFL for number in former)
        seen = []

        def elsewhere():
            with console.ended_by_signals():
                seen.append(signal.getsignal(signal.SIGTERM))

        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        assert seen == [signal.SIG_DFL]
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with console.ended_by_signals():
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN  # as nohup asked
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def test_a_store_that_was_closed_stays_closed_and_a_copy_of_one_opens_it():
    with Store("kept", {"seed": 1}) as store:
        store.write(0, np.array([[1.0]]), {})
        copied = pickle.loads(pickle.dumps(store))
        assert copied.read(0)[0].tolist() == [[1.0]]
        copied.close()
    with pytest.raises(StoreError, match="closed"):
        store.read(0)
    again = Store("kept", None)
    again.close()
    with pytest.raises(StoreError, match="closed"):
        again.read(0)


def test_no_spin_has_any_axis():
    nothing = spins.spin_part([])
    assert nothing.shape == (3, 0)
    axis, matters = spins.axis_of(nothing, 1.0)
    assert not matters
    assert axis.tolist() == [0, 0, 1]


def test_the_largest_plane_of_a_crystal_sets_what_it_takes():
    def side(*sizes):
        return SimpleNamespace(mixed_onsite=[SimpleNamespace(coefficients=np.zeros((1, n, n))) for n in sizes])

    for sides in ((side(2, 6), side(4)), (side(4), side(2, 6)), (side(6), side(2, 4))):
        assert Problem(SimpleNamespace(sides=sides), None).orbitals == 6


@pytest.mark.parametrize("unlabeled", [("it is no magnet", ""), ("", "it is no magnet"), ("it is no magnet",) * 2])
def test_a_contrast_without_a_spin_of_either_lead_is_of_both_spins(unlabeled):
    evidence = SimpleNamespace(
        round_trip=np.nan,
        unlabeled=unlabeled,
        modes=np.array([[3.0, 1.0], [2.0, 2.0]]),
        conductance=np.array([2.0]),
        factors=np.array([[1.0, 0.5], [0.5, 0.2]]),
        single=True,
    )
    assert rule.contrast(evidence) == (0.5, "transmission per channel")
    labeled = SimpleNamespace(**vars(evidence) | {"unlabeled": ("", "")})
    assert rule.contrast(labeled)[0] == pytest.approx(0.2)


def test_a_resistance_that_does_not_turn_says_nothing_about_its_asymmetry():
    angles = np.linspace(0, np.pi, 5)
    fit = effective._metallic_resistance(SimpleNamespace(angles=angles, current=np.full(5, 0.7)))
    assert fit.estimates["R_P"].value == fit.estimates["R_AP"].value == pytest.approx(1 / 0.7)
    assert (fit.estimates["Lambda"].value, fit.estimates["Lambda"].error) == (1.0, np.inf)
    assert fit.residual == 0.0


@pytest.mark.parametrize("shown", [1.0, 1.2, 1.7, 2.4, 3.3, 5.5, 7.1, 9.9, 0.05, 530.0])
def test_steps_of_a_slider_are_round_and_the_largest_that_leave_two_hundred(shown):
    (control,) = controls.controls_of(lambda height: None, {"height": shown})
    assert control.value == shown
    step, width = control.step, control.high - control.low
    assert f"{step:.10e}"[0] in "125"
    assert float(f"{step:.10e}".partition("e")[0][1:]) == 0
    assert width / 200 / 2.5 < step <= width / 200 * (1 + 1e-9)


def test_a_solution_keeps_the_current_as_kwants_does():
    """Kwant completes what a current that is conserved leaves: reflections from transmissions, for instance."""
    system = valve(6, 2).system
    found, expected = sj.scatter(valve(6, 2), 0.3).smatrix, kwant.smatrix(system, 0.3)
    assert found.current_conserving == expected.current_conserving
    assert_allclose(found.conductance_matrix(), expected.conductance_matrix(), atol=1e-12)
    assert (found.out_leads, found.in_leads) == (expected.out_leads, expected.in_leads)


def test_bonds_of_a_drawn_system_are_thinner_than_its_sites():
    figure = drawings.plot_system(valve(6, 2))
    lines = [c for c in figure.axes[0].collections if isinstance(c, LineCollection)]
    assert {float(line.linewidths_orig) for line in lines} == {0.04}  # of the distance of neighbors; sites have 0.25
