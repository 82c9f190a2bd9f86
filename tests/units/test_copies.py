"""Whatever is returned or raised pickles, copies and deep-copies, and can be compared and hashed."""

import copy
import importlib
import inspect
import pickle
import pkgutil
from dataclasses import fields, is_dataclass

import numpy as np
import pytest

import kwant_spinjunc as sj
from systems.altermagnet_junction import altermagnet_junction
from systems.rashba_junction import rashba_junction
from systems.tunnel_junction import tunnel_junction

IRON = dict(onsite=5.0, hopping=1.0, splitting=1.0, in_plane_hopping=1.0)
COPPER = dict(onsite=4.2, hopping=1.0, in_plane_hopping=1.0)
CHAIN = tunnel_junction(theta=1.0)
VALVE = sj.Junction(sj.ferromagnet(**IRON), [sj.normal_metal(**COPPER)], sj.ferromagnet(**IRON, m=sj.unit_vector(1.0)))
FREE = sj.Junction(sj.normal_metal(**COPPER), [sj.ferromagnet(**IRON, thickness=2)], sj.normal_metal(**COPPER))
COPIES = {"copy": copy.copy, "deepcopy": copy.deepcopy, "pickle": lambda x: pickle.loads(pickle.dumps(x))}
MADE = {
    "junction": lambda: VALVE,
    "device": rashba_junction,
    "halves": lambda: sj.scatter(CHAIN, 0.1, solver="halves"),
    "kwant": lambda: sj.scatter(CHAIN, 0.1, solver="kwant"),
    "modes": lambda: sj.scatter(CHAIN, 0.1, solver="modes"),
    "batch": lambda: sj.scatter(CHAIN, np.linspace(0, 0.2, 3), solver="halves"),
    "average": lambda: sj.scatter(VALVE, 0.0, "average"),
    "checked": lambda: sj.scatter(CHAIN, 0.1, check=True),
    "sample": lambda: sj.scatter(VALVE, 0.0, cross_section=(2, 1)),
    "of a device": lambda: sj.scatter(rashba_junction(), 0.5),
    "crystal": lambda: sj.scatter(altermagnet_junction(), 0.1, k=0.3),
    "currents of a device": lambda: sj.current_voltage(rashba_junction(width=2, depth=1), [0.1, 0.0], rtol=1e-2),
    "linear": lambda: sj.linear_response(sj.scatter(VALVE, 0.0, "average"), 0.5, -0.5),
    "tunneling": lambda: sj.tunneling_response(sj.scatter(CHAIN, 0.1), 0.5, -0.5),
    "bias": lambda: sj.bias_response(CHAIN, [0.1, 0.2], equilibrium=True),
    "parameters": lambda: sj.effective_parameters(CHAIN, 0.1),
    "judgment": lambda: sj.judge(CHAIN, energy=0.1),
    "noise": lambda: sj.shot_noise(sj.scatter(CHAIN, 0.1)),
    "damping": lambda: sj.gilbert_damping(sj.scatter(FREE, 0.0), 0),
    "vectors": lambda: sj.vector_response(sj.scatter(CHAIN, 0.1, solver="halves")),
    "snippet": lambda: sj.export(CHAIN, "mumax3", lattice_constant=0.3),
    "sweep": lambda: sj.sweep(tunnel_junction, energy=0.0, theta=[0.0, 1.0], progress=False),
}
#: What a copy in another process need not have: the system itself, which may hold functions, and where it was solved.
LEFT_BEHIND = ("device", "system", "smatrix", "measurement")


def numbers(value, path="", above=()):
    """Yield (path, bytes) of everything public that a value holds or computes."""
    if id(value) in above or len(above) > 5:
        return
    above = (*above, id(value))
    if isinstance(value, np.ndarray):
        yield path, (value.shape, value.dtype.str, value.tobytes())
    elif isinstance(value, (list, tuple)):
        for number, part in enumerate(value):
            yield from numbers(part, f"{path}[{number}]", above)
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from numbers(part, f"{path}[{key!r}]", above)
    elif hasattr(value, "to_dict") and not type(value).__module__.startswith("kwant_spinjunc"):
        yield path, repr(value.to_dict())
    elif type(value).__module__.startswith("kwant_spinjunc"):
        for name in dir(value):
            if name.startswith("_") or name in LEFT_BEHIND:
                continue
            try:
                part = getattr(value, name)
            except sj.SpinjuncError as error:
                part = str(error)
            if not callable(part):
                yield from numbers(part, f"{path}.{name}", above)
    elif isinstance(value, (int, float, complex, str, bytes, np.generic, type(None))):
        yield path, repr(value)


@pytest.mark.parametrize("name", MADE)
def test_what_is_returned_copies_whole(name):
    value = MADE[name]()
    before = dict(numbers(value))
    assert before
    for how, copied in COPIES.items():
        twin = copied(value)
        assert type(twin) is type(value), how
        assert dict(numbers(twin)) == before, how
        if " object at 0x" not in str(value):
            assert str(twin) == str(value), how
    if type(value).__module__.startswith("kwant_spinjunc"):
        assert (value == value) is True
        assert isinstance(value == copy.copy(value), bool)


def test_a_copied_crystal_is_alive():
    found = sj.scatter(altermagnet_junction(), 0.3, k=[0.1, 0.2], turns=[0.4], behind=lambda site: site.pos[0] >= 5)
    flux = found.spin_current(lambda site: site.pos[0] >= 4)
    for twin in (copy.copy(found), copy.deepcopy(found)):
        np.testing.assert_array_equal(twin.spin_current(lambda site: site.pos[0] >= 4), flux)
    copy.deepcopy(found).probabilities[:] = 0
    assert found.probabilities.any()


def classes():
    """Every class of the package."""
    for module in pkgutil.walk_packages(sj.__path__, "kwant_spinjunc."):
        for cls in vars(importlib.import_module(module.name)).values():
            if inspect.isclass(cls) and cls.__module__ == module.name:
                yield cls


def test_every_exception_pickles_with_what_it_says():
    data = MADE["sweep"]()
    given = {"SweepError": ("why", data), "SweepInterrupted": (data,), "EnsembleInterrupted": None}
    found = [cls for cls in classes() if issubclass(cls, BaseException) and not cls.__name__.startswith("_")]
    assert len(found) > 15
    for cls in found:
        if (arguments := given.get(cls.__name__, ("why",))) is not None:
            error = cls(*arguments)
            for copied in COPIES.values():
                twin = copied(error)
                assert type(twin) is cls
                assert str(twin) == str(error)


def test_no_result_compares_arrays_by_value():
    """Regression: ``==`` and ``hash`` of responses, torques and contacts raised errors of NumPy."""
    public = {cls for cls in classes() if is_dataclass(cls) and not cls.__name__.startswith("_")}
    arrays = ("Floats", "Complex", "NDArray", "Integers", "Bools")
    holding = {cls for cls in public if any(word in str(f.type) for f in fields(cls) for word in arrays if f.compare)}
    assert len(holding) > 25
    answers = {cls for cls in holding if cls.__module__.split(".")[1] not in ("halves", "runs")}
    assert {cls.__name__ for cls in answers if cls.__eq__ is not object.__eq__} <= {"Observable"}


# ---------------------------------------------------------------------- what the caller changes later
def crystal_of(energy, k, turns):
    return sj.scatter(altermagnet_junction(), energy, k=k, turns=turns, behind="barrier")


@pytest.mark.parametrize(
    ("solve", "asked", "read"),
    [
        (
            lambda energy, k: sj.scatter(VALVE, energy, k, solver="halves"),
            ([0.0, 0.1], [[0.3, 0.1], [0.4, 0.1]]),
            lambda s: (s.problem.energy, s.problem.k, s.layer_torques),
        ),
        (
            lambda m: sj.scatter(VALVE, 0.0, m_right=m),
            (sj.unit_vector(np.array([0.3, 1.0])),),
            lambda s: (s.problem.m_right, s.layer_torques),
        ),
        (
            crystal_of,
            ([0.1, 0.2], [0.3, 0.5], [0.0, 1.0]),
            lambda s: (s.energy, s.k, s.turns, s.side_torques, s.torque("left").exchange, s.spin_current("barrier")),
        ),
        (
            lambda energy, k, turns: crystal_of(energy.tolist(), k, turns),
            ([0.1, 0.2], [[0.3], [0.5]], [0.0, 1.0]),
            lambda s: (s.energy, s.k, s.turns, s.side_torques),
        ),
        (lambda bias: sj.bias_response(CHAIN, bias), ([0.1, 0.2],), lambda r: (r.bias, r.mu)),
        (
            lambda energy, theta: sj.sweep(tunnel_junction, energy=energy, theta=theta, progress=False),
            ([0.0, 0.1], [0.0, 1.0]),
            lambda data: (data.energy.values, data.theta.values),
        ),
        (
            lambda left: sj.Junction(sj.ferromagnet(**IRON, m=left), [], sj.ferromagnet(**IRON)),
            ([0.0, 0.0, 1.0],),
            lambda junction: (junction.magnetizations,),
        ),
        (
            lambda m: sj.Device(system=sj.build(CHAIN).finalized(), magnetizations={0: m}),
            ([0.0, 0.0, 1.0],),
            lambda device: (device.magnetizations[0],),
        ),
    ],
    ids=["batch", "directions", "crystal", "crystal of lists", "bias", "sweep", "junction", "device"],
)
def test_results_keep_what_they_were_asked_when_the_arrays_of_the_caller_change(solve, asked, read):
    """Fluxes and torques are solved for when asked for: of the problem that was, not of what arrays hold by then."""
    wanted = read(solve(*map(np.array, asked)))
    arrays = [np.array(values) for values in asked]
    result = solve(*arrays)
    for array in arrays:
        array[...] = array[::-1].copy()
    for found, value in zip(read(result), wanted, strict=True):
        np.testing.assert_array_equal(found, value)


@pytest.mark.parametrize(
    "solve",
    [
        lambda: sj.scatter(altermagnet_junction(), 0.1, k=0.3, turns=[0.0, 1.0], behind="barrier"),
        lambda: sj.scatter(rashba_junction(width=1, depth=1, magnet=2), 0.5),
        lambda: sj.scatter(CHAIN, 0.1),
    ],
    ids=["crystal", "device", "junction"],
)
def test_what_a_function_of_a_result_returns_is_the_callers_to_change(solve):
    """A flux times ħ/2 in place must not be in the next answer."""
    s = solve()
    asks = [s.between_leads, s.conductance_matrix, lambda: s.transmission(1, 0), lambda: s.currents([0.5, -0.5])]
    if hasattr(s, "torque"):
        asks += [lambda: s.spin_current("barrier"), lambda: s.spin_current("barrier", total=True)]
        asks += [lambda: s.torque("right").exchange]
    if hasattr(s, "side_torques"):
        asks += [s.spin_current, lambda: s.spin_current(total=True), lambda: s.side_torques]
    for ask in asks:
        first = ask()
        kept = np.array(first)
        first *= 0.5
        np.testing.assert_array_equal(ask(), kept)
        assert abs(kept).max() > 0
