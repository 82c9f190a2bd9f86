"""A closed form of arrays is itself of every element: axes broadcast, none is taken for another, one bad one is seen.

The formulas and arguments that work are those of `theory_calls`, all of them. What they are of arrays is asked at
every point of a batch whose arguments vary along different axes, and along one.
"""

import dataclasses
from functools import cached_property

import numpy as np
import pytest
from numpy.testing import assert_allclose
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation
from theory_calls import CALLS, FUNCTIONS, LEFT, METALS, RIGHT, arrays_of, function_of

from kwant_spinjunc.errors import ArgumentError, SpinjuncError, UnitarityError
from kwant_spinjunc.spin import check_unit_vector
from kwant_spinjunc.theory import circuit, domain_wall, drift_diffusion, interface, tunnelling

#: The same formula of one element; solutions of small systems of equations.
ROUNDING = 1e-11
#: Arrays here are data that are fitted, planes of a chain, or both spins and sides of one thing.
WHOLE = ("angular.fit_A", "angular.fit_matching", "domain_wall.relax", "domain_wall.interface_torque")
BATCHED = [name for name in CALLS if arrays_of(name) and name.partition(" ")[0] not in WHOLE]
SHAPE = 2, 3, 2
#: Functions of materials, chains and single numbers.
OF_NUMBERS = (
    "angular.transverse_ratio angular.A_screening domain_wall.spin_chain domain_wall.self_consistent "
    "drift_diffusion.per_area drift_diffusion.strong_screening_wave_numbers drift_diffusion.wave_numbers "
    "wall_torques.chain_threshold"
)


def varied(parameter, value, number):
    """Another value of a parameter for each number, of the same kind."""
    if parameter.startswith("m_") or parameter == "m":
        return Rotation.from_rotvec([0.3 * number, -0.2 * number, 0.1 * number]).apply(value)
    if parameter.startswith("reflection_m"):  # as large, whatever the transmission beside it
        return value * np.exp(0.1j * number)
    if parameter == "probabilities" and np.shape(value) == (2, 2, 2, 2):  # complete, whatever the modes beside it
        return (value, value.transpose(2, 3, 0, 1), value[::-1])[number]
    return np.asarray(value) * (1 + 0.04 * number)


def batch_of(name, axes):
    """Return arguments as arrays of three more axes, the shape of these, and what gives those of one point."""
    arrays, shape = arrays_of(name), tuple(size if axis in axes else 1 for axis, size in enumerate(SHAPE))
    columns, arguments = {}, {}
    for (parameter, value), axis in zip(arrays.items(), axes, strict=True):
        column = [varied(parameter, value, n) for n in range(SHAPE[axis])]
        own = [SHAPE[axis] if other == axis else 1 for other in range(len(SHAPE))]
        columns[parameter], arguments[parameter] = (axis, column), np.reshape(column, (*own, *np.shape(value)))

    def at(point):
        return {parameter: column[point[axis]] for parameter, (axis, column) in columns.items()}

    return CALLS[name] | arguments, shape, at


def parts_of(result):
    """Yield (name, array) of a result: fields and properties of a record, entries of a tuple."""
    if isinstance(result, tuple):
        for number, part in enumerate(result):
            yield from ((f"{number}{name}", array) for name, array in parts_of(part))
    elif dataclasses.is_dataclass(result):
        own = {f.name for f in dataclasses.fields(result)}
        own |= {n for n, one in vars(type(result)).items() if isinstance(one, (property, cached_property))}
        for name in sorted(n for n in own if n[0] != "_"):
            if isinstance(part := getattr(result, name), np.ndarray):
                yield name, part
    else:
        yield "", np.asarray(result)


@pytest.mark.parametrize("name", BATCHED)
def test_a_batch_is_each_of_its_points(name):
    count, function = len(arrays_of(name)), function_of(name)
    for axes in ([n % len(SHAPE) for n in range(count)], [2] * count):
        arguments, shape, at = batch_of(name, axes)
        whole = dict(parts_of(function(**arguments)))
        assert whole
        for point in np.ndindex(shape):
            for part, value in parts_of(function(**CALLS[name] | at(point))):
                own = whole[part].shape[whole[part].ndim - value.ndim :]
                found = np.broadcast_to(whole[part], (*shape, *own))[point]
                assert found.shape == value.shape, part
                assert_allclose(found, value, rtol=ROUNDING, atol=ROUNDING, err_msg=part)


def test_methods_of_a_matched_batch_are_those_of_each_of_its_points():
    arguments, shape, at = batch_of("drift_diffusion.match", [0, 1, 2])
    whole, y = drift_diffusion.match(**arguments), np.array([-3.0, 0.9, -0.4, 0.25])
    for point in np.ndindex(shape):
        one = drift_diffusion.match(**CALLS["drift_diffusion.match"] | at(point))
        for side in (0, 1):
            for found, value in zip(whole.amplitudes(side)[1:], one.amplitudes(side)[1:], strict=True):
                assert_allclose(found[point], value, rtol=ROUNDING, atol=ROUNDING)
        found, value = whole.profile(y), one.profile(y)
        for name in ("delta_n", "delta_M", "V", "field", "mu", "J_M", "spin_current"):
            assert_allclose(getattr(found, name)[point], getattr(value, name), rtol=ROUNDING, atol=ROUNDING)
        assert_allclose(found.side, value.side)


BAD = (-3.0, -1.0, 0.0, 1.0, 3.0)


@pytest.mark.parametrize("name", BATCHED)
def test_one_bad_element_is_as_bad_as_all(name):
    """What is refused alone is refused first, last and in the middle of a batch, and in either place of a pair."""
    function = function_of(name)
    for parameter, value in arrays_of(name).items():
        good = np.asarray(value)
        for place in range(good.size):
            for bad in BAD:
                alone = good.astype(complex if np.iscomplexobj(good) else float).copy()
                alone.flat[place] = bad
                try:
                    function(**CALLS[name] | {parameter: alone})
                except SpinjuncError as error:
                    words = type(error)
                else:
                    continue
                for at in (0, 2):
                    batch = np.array([varied(parameter, good, n) for n in range(3)], dtype=alone.dtype)
                    batch[at] = alone
                    with pytest.raises(words):
                        function(**CALLS[name] | {parameter: batch})


# ---------------------------------------------------------------------- how far off is too far
def unequal(size):
    """An interface whose charge current differs by a part of it from face to face."""
    response = drift_diffusion.tunnel_interface(LEFT, RIGHT, (1.0, 0.6), (0.8, 0.5)).response.copy()
    response[1, :, 0] *= 1 + size
    return response


def drifting(size):
    response = drift_diffusion.tunnel_interface(LEFT, RIGHT, (1.0, 0.6), (0.8, 0.5)).response.copy()
    response[:, 1, 1:, 0] *= 1 + size
    return response


def shifted(size):
    """A clamped interface that answers to a common shift by a part."""
    response = interface.tunnelling_response(np.array([[0.31, 0.12], [0.07, 0.22]]))
    return dataclasses.replace(response, right_2=response.right_2 * (1 + size))


def matched(response, **given):
    return drift_diffusion.match(*METALS, response, m_left=LEFT, m_right=RIGHT, q_barrier=1.0, **given)


def of_lengths(apart):
    """Amplitudes of a metal whose spin and screening lengths (squared) differ by a part."""
    metal = dataclasses.replace(METALS[0], alpha1=1.0, alpha2=1.0, omega=0.0)
    metal = dataclasses.replace(metal, q=(1 + apart) / (metal.sigma * metal.tau * (1 - metal.beta**2)))
    solved = drift_diffusion.match(metal, metal, shifted(0.0), m_left=LEFT, m_right=RIGHT)
    return solved.amplitudes(0)


UNITARY = np.full((2, 2, 2, 2), 0.25)
#: What is asked of something that misses its law by a size; the largest sizes taken and the smallest refused.
EDGES = {
    "a unit vector": (
        lambda size: check_unit_vector([[1.0, 0.0, 0.0], [0.0, 1 + size, 0.0]]),
        (0.9e-8, 1.1e-8),
        ArgumentError,
    ),
    "probabilities that miss channels": (
        lambda size: interface.conductance_matrix(UNITARY * (1 + size), np.ones((2, 2))),
        (0.9e-8, 1.1e-8),
        UnitarityError,
    ),
    "probabilities of closed channels": (
        lambda size: interface.conductance_matrix(UNITARY * size, np.zeros((2, 2))),
        (0.9e-8, 1.1e-8),
        UnitarityError,
    ),
    "few probabilities of many channels": (
        lambda size: interface.conductance_matrix(50 * UNITARY * (1 + size), 50 * np.ones((2, 2))),
        (0.9e-8, 1.1e-8),
        UnitarityError,
    ),
    "reflection and transmission": (
        lambda size: circuit.mixing_conductance([[0.6]], [[0.8]], [0.64 + size, 0.36]),
        (0.9e-8, 1.1e-8),
        UnitarityError,
    ),
    "reflection and transmission of two channels": (
        lambda size: circuit.mixing_conductance(0.6 * np.eye(2), 0.8 * np.eye(2), [1.28, 0.72 - size]),
        (1.9e-8, 2.1e-8),
        UnitarityError,
    ),
    "a mixing conductance of 2N": (
        lambda size: circuit.corrected_mixing_conductance(3.0 * (1 + 1e-12 / size), 1.5),
        (0.9, 1.1),
        ArgumentError,
    ),
    "more transmission than channels": (
        lambda size: interface.interface_resistance(0.8 * (1 + size), 0.8, 1.2),
        (0.9e-9, 1.1e-9),
        ArgumentError,
    ),
    "charge of a vector interface": (
        lambda size: drift_diffusion.VectorInterface(response=unequal(size)),
        (0.9e-8, 1.1e-8),
        ArgumentError,
    ),
    "drift of a vector interface": (
        lambda size: drift_diffusion.VectorInterface(response=drifting(size)),
        (0.9e-8, 4e-8),
        ArgumentError,
    ),
    "drift of a clamped interface": (lambda size: matched(shifted(size)), (1e-7, 1e-6), ArgumentError),
    "the stiffness of a printed wall": (
        lambda size: domain_wall.rotation_restored(0.1, 1.0, 1 + 2e-12 / size, 1.0),
        (0.9, 1.1),
        ArgumentError,
    ),
    "lengths that coincide": (lambda size: of_lengths(1e-9 / size), (0.8, 1.25), ArgumentError),
    "a place in the barrier": (
        lambda size: matched(shifted(0.0), thickness=2.0).profile([-3.0, 1.0 - 2e-12 * size]),
        (0.9, 1.1),
        ArgumentError,
    ),
}


@pytest.mark.parametrize("what", EDGES)
def test_a_miss_is_taken_up_to_its_size_and_refused_beyond(what):
    ask, (taken, refused), kind = EDGES[what]
    ask(taken)
    with pytest.raises(kind):
        ask(refused)


@pytest.mark.parametrize("angle", [1e-11, 1e-3, np.pi - 1e-11])
def test_torques_are_resolved_at_all_angles_but_those_at_which_there_is_no_direction(angle):
    left, right = tunnelling.in_plane_torques(0.7, 0.4, angle)
    assert_allclose(left, -(0.4 - 0.7 * np.cos(angle)) / np.sin(angle), rtol=1e-12)
    assert_allclose(right, (0.7 - 0.4 * np.cos(angle)) / np.sin(angle), rtol=1e-12)
    for none in (0.0, np.pi):
        assert tunnelling.in_plane_torques(0.7, 0.4, none) == (0.0, 0.0)


def test_all_functions_are_among_the_calls():
    assert len(FUNCTIONS) > 100
    assert len(BATCHED) > 100
    assert {name for name in FUNCTIONS if not arrays_of(name)} == set(OF_NUMBERS.split())


def test_a_batch_that_mixes_its_axes_or_looks_at_its_first_element_only_is_seen():
    """Negative control: a formula that sums over the second axis in place of the last, and one of its first number."""

    def bare(dos: ArrayLike):
        return np.asarray(dos).sum(axis=1 if np.ndim(dos) > 1 else 0)

    def loose(dos: ArrayLike):
        if np.ravel(dos)[0] < 0:
            raise ArgumentError("`dos`")
        return np.asarray(dos)

    CALLS["bare"] = CALLS["julliere.polarization"]
    try:
        for FUNCTIONS["bare"], law in (
            (bare, test_a_batch_is_each_of_its_points),
            (loose, test_one_bad_element_is_as_bad_as_all),
        ):
            with pytest.raises((AssertionError, ValueError, pytest.fail.Exception)):
                law("bare")
    finally:
        del FUNCTIONS["bare"], CALLS["bare"]
