"""What the claims of the validation share: the limits that their tables quote, fits, columns, largest values."""

import numpy as np
import pytest

from kwant_spinjunc.errors import ArgumentError
from validation.claim import Record, Records
from validation.compare import fit_power_law, largest, safe_limit
from validation.currents import both_currents, potentials

COARSE = np.geomspace(1e-6, 1.0, 7)


def smallest_beyond(x, error, tolerance):
    """The mistake: the first sample that is wrong is no limit of what is right."""
    return x[error > tolerance].min()


@pytest.mark.parametrize("slope", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("x", [COARSE, COARSE[::-1], np.geomspace(1e-5, 0.7, 40)])
def test_safe_limit_of_a_first_power_is_exact_on_any_grid(x, slope):
    found = safe_limit([(x, slope * x)], 0.01)
    assert found == pytest.approx(0.01 / slope, rel=1e-12)
    assert slope * smallest_beyond(COARSE, slope * COARSE, 0.01) > 0.01  # up to ten times what is accepted


@pytest.mark.parametrize(
    "error", [lambda x: 0.4 * x / (1 + 5 * x), lambda x: 0.4 * x * (1 + 5 * x)], ids=["saturates", "grows"]
)
def test_safe_limit_stays_on_the_safe_side_of_a_law_that_bends(error):
    found = safe_limit([(COARSE, error(COARSE))], 0.01)
    assert error(found) <= 0.01
    assert found > 0.01 / 3
    assert error(smallest_beyond(COARSE, error(COARSE), 0.01)) > 0.01


def test_safe_limit_ends_at_the_first_violation_though_larger_samples_are_within():
    x, error = np.array([0.01, 0.02, 0.05, 0.1]), np.array([0.001, 0.02, 0.001, 0.05])
    assert safe_limit([(x, error)], 0.01) == pytest.approx(0.01)


def test_safe_limit_is_that_of_the_worst_curve():
    assert safe_limit([(COARSE, 0.1 * COARSE), (COARSE, 2 * COARSE)], 0.01) == pytest.approx(0.005)


def test_safe_limit_claims_nothing_beyond_the_samples():
    assert safe_limit([(COARSE, 1e-3 * COARSE)], 0.01) == COARSE[-1]
    assert safe_limit([(COARSE, 1 + COARSE), (COARSE, 1e-3 * COARSE)], 0.01) == 0.0


@pytest.mark.parametrize(("x", "error"), [([0.0, 1.0], [0.0, 1.0]), ([0.1, 1.0], [np.nan, 1.0])])
def test_safe_limit_refuses_what_it_cannot_order(x, error):
    with pytest.raises(ArgumentError):
        safe_limit([(x, error)], 0.01)


def test_columns_of_records_are_arrays():
    found = Records(Record({"T": t, "flips": [t, 2 * t]}) for t in (0.5, 2.0))
    np.testing.assert_array_equal(found.T, [0.5, 2.0])
    np.testing.assert_array_equal(found.flips, [[0.5, 1.0], [2.0, 4.0]])
    assert np.asarray(found).shape == (2,)
    with pytest.raises(AttributeError):
        _ = found.missing


def test_power_of_a_fit_goes_through_its_points():
    x = np.array([0.1, 1.0, 3.0])
    np.testing.assert_allclose(fit_power_law(x, 2 * x**-1.5).power(x), 2 * x**-1.5, rtol=1e-12)


def test_largest_is_a_modulus_and_hides_no_nan():
    assert largest([1.0, np.array([[-3.0, 2.0]]), []]) == 3.0
    assert np.isnan(largest([1.0, np.array([np.nan, 5.0]), 7.0]))


def test_currents_of_both_sides_are_one_for_diagonal_transmissions_only():
    mu = potentials(left=0.1, right=0.2)
    assert mu == ((0.6, 0.4), (-0.3, -0.7))
    same, turned = np.diag([0.3, 0.1]), np.array([[0.2, 0.1], [0.05, 0.05]])
    assert np.ptp(both_currents(same, *mu)) < 1e-15 < np.ptp(both_currents(turned, *mu))
