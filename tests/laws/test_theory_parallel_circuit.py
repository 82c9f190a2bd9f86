"""Laws of the parallel circuit: what the printed field division costs and what the rotation law implies."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.spin import unit_vector
from kwant_spinjunc.theory import parallel_circuit as circuit
from kwant_spinjunc.theory import printed, tunnelling

#: Algebraic identities of a few operations on numbers of order ten.
ROUNDING = 1e-11

sigmas = st.lists(st.floats(0.05, 5), min_size=2, max_size=2).map(np.array)
fields = st.floats(0.1, 3)
angles = st.floats(0, np.pi)


@given(sigmas, sigmas, fields)
def test_both_field_divisions_add_up_to_the_total_drop(left, right, field):
    for divide in (printed.fields, circuit.series_fields):
        assert sum(divide(left, right, field)) == pytest.approx(field)


@given(sigmas, sigmas, fields)
def test_series_division_conserves_charge(left, right, field):
    division = circuit.series_fields(left, right, field)
    assert circuit.continuity_defect(left, right, division) == pytest.approx(0, abs=ROUNDING)
    # Two resistors in series carry E/(1/σ_L + 1/σ_R).
    current = circuit.spin_currents(left, division[0]).sum()
    assert current == pytest.approx(field / (1 / left.sum() + 1 / right.sum()))


@given(sigmas, sigmas, fields)
def test_printed_division_violates_continuity_unless_the_conductances_are_equal(left, right, field):
    defect = circuit.continuity_defect(left, right, printed.fields(left, right, field))
    assert defect == pytest.approx((left.sum() - right.sum()) * field, abs=ROUNDING)


@given(sigmas, fields)
def test_both_divisions_agree_for_equal_total_conductances(left, field):
    right = left[::-1]
    np.testing.assert_allclose(printed.fields(left, right, field), circuit.series_fields(left, right, field))


@given(sigmas, fields)
def test_polarization_relates_spin_to_charge(sigma, field):
    currents = circuit.spin_currents(sigma, field)
    expected = circuit.polarization(sigma) * currents.sum()
    assert circuit.magnetization_current(currents) == pytest.approx(float(expected), abs=ROUNDING)


@given(sigmas, angles)
def test_rotation_keeps_charge_and_projects_the_magnetization_current(currents, angle):
    rotated = circuit.rotated_spin_currents(currents, angle)
    seen = circuit.rotated_magnetization_current(circuit.magnetization_current(currents), angle)
    assert rotated.sum() == pytest.approx(currents.sum())
    assert circuit.magnetization_current(rotated) == pytest.approx(float(seen), abs=ROUNDING)


@given(sigmas, sigmas, angles)
def test_rotation_law_and_two_ohmic_sides_need_matching_polarizations(left, right, angle):
    beta_left, beta_right = circuit.polarization(left), circuit.polarization(right)
    mismatch = float(beta_left - beta_right * np.cos(angle))
    assume(abs(mismatch) > 1e-3)
    E_left, E_right = circuit.series_fields(left, right)
    on_left, on_right = circuit.spin_currents(left, E_left), circuit.spin_currents(right, E_right)
    rotated = circuit.rotated_spin_currents(on_right, angle)
    difference = circuit.magnetization_current(on_left) - circuit.magnetization_current(rotated)
    assert difference == pytest.approx(mismatch * on_left.sum(), rel=1e-6)


@given(st.floats(-3, 3), st.floats(-3, 3), angles)
def test_length_of_the_difference_is_that_of_the_vectors(left, right, angle):
    vector = tunnelling.vector_difference(left, right, unit_vector(0.2), unit_vector(0.2 + angle))
    length = circuit.difference_length(left, right, angle)
    assert length == pytest.approx(np.linalg.norm(vector), abs=ROUNDING)
    law = (right - left) ** 2 + 4 * left * right * np.sin(angle / 2) ** 2
    assert length**2 == pytest.approx(law, abs=ROUNDING)


@given(sigmas, fields, angles)
def test_identical_magnets_differ_by_twice_the_sine_of_half_the_angle(sigma, field, angle):
    """The transparent limit ξ → ∞ of equation (12), where cos(Φ/2) sin Φ 4ξ² sin²(Φ/2)/(ξ² sin² Φ) = 2 sin(Φ/2)."""
    E_left, E_right = circuit.series_fields(sigma, sigma, field)
    left, right = circuit.spin_currents(sigma, E_left), circuit.spin_currents(sigma, E_right)
    J_M, J = circuit.magnetization_current(left), left.sum()
    length = circuit.difference_length(J_M, circuit.magnetization_current(right), angle)
    expected = 2 * abs(circuit.polarization(sigma)) * J * np.sin(angle / 2)
    assert length == pytest.approx(float(expected), abs=ROUNDING)


def test_leading_axes_broadcast():
    sigma = np.ones((4, 1, 2))
    E_left, _ = circuit.series_fields(sigma, [1.0, 2.0], np.ones(3))
    assert E_left.shape == (4, 3)
    assert circuit.spin_currents(sigma, E_left).shape == (4, 3, 2)
    assert circuit.rotated_spin_currents(np.ones((4, 1, 2)), np.ones(3)).shape == (4, 3, 2)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: circuit.spin_currents([1.0, -1.0], 1.0), "sigma"),
        (lambda: circuit.polarization([0.0, 0.0]), "sigma"),
        (lambda: circuit.series_fields([1.0, 1.0], 1.0), "sigma_right"),
        (lambda: circuit.magnetization_current(1.0), "currents"),
        (lambda: circuit.difference_length(1.0, 1.0, np.inf), "angle"),
    ],
)
def test_arguments_the_physics_does_not_allow_are_named(call, name):
    with pytest.raises(ArgumentError, match=f"`{name}`"):
        call()
