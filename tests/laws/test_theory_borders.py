"""No argument, however wrong, gets a raw error or a silent number out of `theory`: right or refused, by name.

The functions are discovered, and so are arguments that work: samples of their parameters, or the calls in their own
examples. Then one argument at a time is replaced by what is no number, or all of them are scaled out of the range of
doubles.
"""

import dataclasses
import doctest
import importlib
import inspect
import pkgutil
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

from kwant_spinjunc import theory
from kwant_spinjunc.errors import DegreesWarning, SpinjuncError
from kwant_spinjunc.theory import domain_wall, interface, tunnelling
from kwant_spinjunc.theory.drift_diffusion import Material


class Rude:
    """An object that answers every conversion with an error of its own."""

    def __array__(self, *args, **kwargs):
        raise RuntimeError("no")

    def __repr__(self):
        raise RuntimeError("no")


MODULES = [
    importlib.import_module(f"{theory.__name__}.{module.name}") for module in pkgutil.iter_modules(theory.__path__)
]
FUNCTIONS = {
    f"{module.__name__.rsplit('.', 1)[1]}.{name}": function
    for module in MODULES
    for name, function in vars(module).items()
    if inspect.isfunction(function) and function.__module__.startswith(module.__name__) and name[0] != "_"
}
#: Never a value of anything: refused wherever a number is asked for.
NO_NUMBERS = {
    "text": "1.0",
    "a truth value": True,
    "truth values": np.array([True, False]),
    "a huge integer": 10**400,
    "huge integers": [10**400, 1],
    "a masked entry": np.ma.array([1.0, 0.5], mask=[True, False]),
    "None among numbers": [1.0, None],
    "an object": object(),
    "a rude object": Rude(),
    "NaN": float("nan"),
    "infinity": [np.inf, 1.0],
    "beyond all units": 1e300,
    "dates": np.array(["2020-01-01"], dtype="datetime64[D]"),
}
#: Numbers, of odd size or shape: a finite result or a refusal.
ODD_NUMBERS = {
    "a denormal": 5e-324,
    "tiny": 1e-300,
    "large": 1e99,
    "negative": -1.0,
    "zero": 0.0,
    "seven": np.full(7, 0.5),
    "nothing": [],
    "three by five": np.full((3, 5), 0.5),
    "complex": 0.5 + 0.5j,
}
SCALES = [1e-300, 1e-200, 1e-110, 1e-90, 1e-60, 1e60, 1e90, 1e200]
#: Arguments that work, by the name of the parameter, or else numbers; an example in the docstring goes first.
UNITARY = np.full((2, 2, 2, 2), 0.25)
MATRIX, Z, X = ((4.0, 2.0), (2.0, 1.0)), (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)
SAMPLES = {
    **dict.fromkeys(("m", "m_left"), Z),
    "m_right": X,
    **dict.fromkeys(("factors", "parallel", "antiparallel"), MATRIX),
    **dict.fromkeys(("rotation", "amplitudes"), np.eye(2)),
    **dict.fromkeys(("k", "k_left", "k_right", "dos", "sigma_left", "alpha"), (2.0, 1.0)),
    **dict.fromkeys(("sigma", "currents", "currents_right"), (3.0, 1.0)),
    **dict.fromkeys(("reflection_left", "reflection_right"), tunnelling.continuum_reflection([2.0, 1.0], 1.0)),
    **dict.fromkeys(("density_left", "density_right"), lambda mu: mu),
    **dict.fromkeys(("amplitudes_left", "amplitudes_right", "conductances_left", "conductances_right"), (1.0, 0.5)),
    "sigma_right": [1.0, 0.5],
    "fields": [0.75, 0.25],
    "levels": [2.5, 2.5, 2.5],
    "level": 2.5,
    "chain": domain_wall.spin_chain(exchange=10.0, anisotropy=1.0, planes=5),
    "conductance": interface.conductance_matrix(UNITARY),
    "conductances": [0.7, 0.3],
    "material": Material(sigma=1.0, beta=0.5, D=1.0, tau=1.0),
    "modes": np.ones((2, 2)),
    "mu_left": [1.0, 0.5],
    "mu_right": [-1.0, -0.5],
    "probabilities": UNITARY,
    "reflection_majority": [[0.6]],
    "reflection_minority": [[0.8]],
    "resistance": np.full((2, 2), 0.1),
    "response": interface.interface_response(UNITARY),
    "side": "left",
    "transmission": np.full((2, 2), 0.25),
    "J": 0.7,
    "accumulation": [0.1, 0.0, 0.2],
}
#: Where a name means something else.
SAMPLES_OF = {
    "tunnelling": {"probabilities": MATRIX},
    "domain_wall": {"rotation": 0.1, "n": 0, "source": 0},
    "tunnelling.conserved_magnetization_current": {"beta": [2.0, 1.0]},
    "tunnelling.barrier_excess": {"mu_left": 0.1, "mu_right": 0.0},
    "julliere.angular_conductance": {"parallel": 10.0, "antiparallel": 6.0},
    "interface.interface_resistance": {"transmission": 0.5},
    "interface.tunnelling_limit": {"left": [0.02, 0.01], "right": [0.2, 0.1]},
    "interface.metallic_limit": {"modes": 1.0},
    "circuit.corrected_mixing_conductance": {"modes": 1.0},
    "tunnelling.continuum_reflection": {"k": 1.0},
    "angular.fit_A": {"xi": [0.1, 1.0, 10.0], "Phi": [0.3, 1.0, 2.5], "delta": [0.1, 0.3, 0.2]},
    "valet_fert.profile": {"rho_star": (1.0, 1.0), "l_sf": (1.0, 1.0), "y": [-1.0, 1.0]},
    "valet_fert": {"beta": (0.5, 0.3), "r": (1.0, 2.0)},
    "slonczewski.wave_numbers": {"energy": 5.0, "band_center": 2.5, "splitting": 3.0, "hbar2_2m": 1.0},
    "wall_torques.chain_threshold": {"planes": 40, "damping": 0.01, "exchange": 100.0, "anisotropy": 1.0},
}


def example_call(full, function):
    """Return the arguments of the first call of the function in its own examples, or samples of its parameters."""
    calls = []

    def recorder(*args, **kwargs):
        calls.append(inspect.signature(function).bind(*args, **kwargs).arguments)
        return function(*args, **kwargs)

    module = importlib.import_module(function.__module__)
    names = {**vars(importlib.import_module(module.__package__)), **vars(module), function.__name__: recorder}
    for example in doctest.DocTestParser().get_examples(inspect.getdoc(function)):
        if not calls:
            exec(compile(example.source, function.__name__, "exec"), names)
    required = [p.name for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    samples = SAMPLES | SAMPLES_OF.get(full.split(".")[0], {}) | SAMPLES_OF.get(full, {})
    return calls[0] if calls else {name: samples.get(name, 0.5) for name in required}


CALLS = {name: example_call(name, function) for name, function in FUNCTIONS.items()}


def is_numeric(value):
    return not isinstance(value, (str, type(None), bool)) and np.asarray(value).dtype.kind in "iufc"


def numbers_of(result):
    """Return every float of a result, whatever holds it."""
    if isinstance(result, tuple):
        return np.concatenate([np.zeros(0), *map(numbers_of, result)])
    if dataclasses.is_dataclass(result):
        return numbers_of(tuple(getattr(result, field.name) for field in dataclasses.fields(result)))
    return np.ravel(result).view(float) if is_numeric(result) and np.asarray(result).dtype.kind in "fc" else np.zeros(0)


#: Results that may be infinite, because the quantity is.
INFINITE = {"julliere.tmr"}


def outcome(name, arguments):
    """Return what a call does that it should not: a raw error, a warning or a silent NaN; None if all is well."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", DegreesWarning)  # an odd angle may be asked about
        try:
            result = FUNCTIONS[name](**arguments)
        except SpinjuncError:
            return None
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return None if name in INFINITE or np.isfinite(numbers_of(result)).all() else "a silent NaN or infinity"


def scaled(arguments, factor):
    return {k: np.multiply(v, factor) if is_numeric(v) else v for k, v in arguments.items()}


def refused(name, arguments):
    """Say whether a call is refused by name; what it does instead is an error of the test."""
    try:
        FUNCTIONS[name](**arguments)
    except SpinjuncError as error:
        return "`" in str(error)
    return False


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_is_reached_by_arguments_that_work(name):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        FUNCTIONS[name](**CALLS[name])


#: Arguments of unit length, above a band, or that go together with another.
BOUND = ("m", "m_left", "m_right", "level", "levels", "probabilities", "modes", "modes_left", "modes_right")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_small_number_is_a_number(name):
    """A border at zero is at zero: whatever is positive may be a fiftieth of it."""
    wrong = []
    for parameter, value in CALLS[name].items():
        numeric = is_numeric(value) and np.asarray(value).dtype.kind == "f"
        if parameter in BOUND or not numeric or (np.asarray(value) < 0).any():
            continue
        try:
            FUNCTIONS[name](**{**CALLS[name], parameter: np.multiply(value, 0.02)})
        except SpinjuncError as error:
            wrong.append((parameter, str(error)))
    assert wrong == []


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_no_number_is_refused_in_every_place_of_a_number(name):
    for parameter, value in CALLS[name].items():
        if is_numeric(value):
            accepted = [what for what, bad in NO_NUMBERS.items() if not refused(name, {**CALLS[name], parameter: bad})]
            assert not accepted, (parameter, accepted)


@pytest.mark.parametrize("name", [name for name, call in CALLS.items() if not all(map(is_numeric, call.values()))])
def test_what_is_no_record_is_refused_in_every_place_of_a_record(name):
    for parameter, value in CALLS[name].items():
        if not is_numeric(value):
            raw = [outcome(name, {**CALLS[name], parameter: bad}) for bad in NO_NUMBERS.values()]
            assert not any(raw), (parameter, raw)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_odd_numbers_give_finite_results_or_are_refused(name):
    numeric = [parameter for parameter, value in CALLS[name].items() if is_numeric(value)]
    for parameter in numeric:
        raw = {what: outcome(name, {**CALLS[name], parameter: odd}) for what, odd in ODD_NUMBERS.items()}
        assert not any(raw.values()), (parameter, raw)
    raw = [outcome(name, scaled(CALLS[name], factor)) for factor in SCALES]
    assert not any(raw), raw


@examples(200)
@given(data=st.data())
def test_any_mixture_of_odd_arguments_is_right_or_refused(data):
    """Two or more arguments at a time: shapes that do not broadcast, scales that run over together."""
    name = data.draw(st.sampled_from(sorted(FUNCTIONS)))
    odd = st.sampled_from([*ODD_NUMBERS.values(), *NO_NUMBERS.values(), 1e40, -1e40, 1e-40, 1.0, np.full((4, 2), 0.5)])
    changed = data.draw(st.dictionaries(st.sampled_from(sorted(CALLS[name])), odd, min_size=1))
    assert outcome(name, {**CALLS[name], **changed}) is None, (name, changed)


def test_the_fuzz_sees_a_function_without_a_border():
    """Negative control: a formula that checks nothing is caught in each of the three ways."""
    FUNCTIONS["bare"] = lambda x, y: np.exp(x) * y[0]
    try:
        assert not refused("bare", {"x": True, "y": [1.0, 2.0]})
        assert "IndexError" in outcome("bare", {"x": 1.0, "y": []})
        assert "RuntimeWarning" in outcome("bare", {"x": 1e99, "y": [1.0]})
    finally:
        del FUNCTIONS["bare"]
