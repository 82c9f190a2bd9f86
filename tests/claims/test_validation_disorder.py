"""The claims about disorder: their judges and the functions they rest on obey laws of their own."""

import numpy as np
import pytest

from kwant_spinjunc import ensemble, linear_response, scatter
from kwant_spinjunc.spin import SIGNS
from kwant_spinjunc.theory import tunnelling
from validation.claims import diffusive_interface, disordered_barrier, disordered_coherence
from validation.laboratory import SampleLaboratory

#: Rounding of sums of probabilities.
ROUNDING = 1e-12


@pytest.fixture(scope="module")
def sample():
    return scatter(disordered_barrier.disordered_junction(), 0.0, cross_section=(2, 2), seed=3, realization=1)


@pytest.mark.parametrize("module", [disordered_barrier, diffusive_interface])
def test_lead_currents_are_those_of_linear_response(sample, module):
    mu = disordered_barrier.SPLIT
    expected = linear_response(sample, *mu).spin_resolved
    assert module.lead_currents(sample.probabilities, mu) == pytest.approx(expected, abs=ROUNDING)


def test_rotation_law_has_no_defect_where_it_holds():
    D = np.array([[0.3, 0.2], [0.1, 0.4]])
    assert disordered_barrier.law_defect(tunnelling.rotation_law(D, disordered_barrier.ANGLES)) < ROUNDING


def test_law_defect_sees_one_angle_that_deviates():
    T = tunnelling.rotation_law(np.ones((2, 2)), disordered_barrier.ANGLES)
    T[2, 0, 0] += 0.1
    assert disordered_barrier.law_defect(T) == pytest.approx(0.1 / T[2].sum())


def test_barrier_of_disorder_is_judged_by_the_power_of_its_defect():
    assert disordered_barrier.verdict(1.0, 1e-12) == "holds"
    assert disordered_barrier.verdict(0.95, 0.5) == "holds in a limit"
    assert disordered_barrier.verdict(0.1, 0.5) == "fails"


def test_weighted_mean_of_equal_weights_is_the_mean_with_its_standard_error():
    values = np.array([1.0, 2.0, 4.0, 9.0])
    mean, error = disordered_barrier.weighted_mean(values, np.full(4, 0.7))
    assert (mean, error) == pytest.approx((values.mean(), values.std(ddof=1) / 2))


def test_error_bar_decides_whether_the_rotation_law_is_refuted():
    assert diffusive_interface.verdicts([(60.0, 1.0, 0.01, 1.0)], 0.01) == ("fails", "holds in a limit")
    assert diffusive_interface.verdicts([(60.0, 1.0, 0.5, 1.0)], 0.5) == ("holds", "fails")
    assert diffusive_interface.verdicts([(60.0, 0.5, 0.01, 0.5)], 0.01)[0] == "holds"


def test_half_depth_is_interpolated_and_infinite_without_decay():
    assert diffusive_interface.half_depth(np.array([1.0, 0.75, 0.25])) == pytest.approx(1.5)
    assert diffusive_interface.half_depth(np.ones(3)) == np.inf


def test_coherence_is_judged_by_sample_and_by_mean():
    assert disordered_coherence.verdict(0.01, 0.0, 0.01) == "holds"
    assert disordered_coherence.verdict(0.5, 0.02, 0.01) == "holds in a limit"
    assert disordered_coherence.verdict(0.5, 0.4, 0.01) == "fails"
    assert disordered_coherence.verdict(0.5, 0.05, 0.2) == "fails"  # noise is no loss


def test_clean_magnets_have_no_spread_and_their_samples_agree_with_kwant():
    lab = SampleLaboratory(spot_check_every=1)
    junction = disordered_barrier.disordered_junction(concentration=0.0)
    found = lab.average(junction, 2, width=2, boundary="periodic")
    assert lab.spot_checks == 1
    assert found.realizations == 2
    assert all(check.passed for check in lab.checks())


def test_longitudinal_spin_of_a_disordered_magnet_is_that_of_its_lead():
    junction = disordered_coherence.junction(0.5, 3.0, planes=3)
    options = {"cross_section": (2, 2), "realizations": 1, "torques": False, "profiles": True, "workers": 1}
    found = ensemble(junction, 0.0, progress=False, **options)
    currents = found.samples("bond_currents")[0, 0].sum(axis=0)
    along = currents[junction.buffer - 1 :, 1:] @ junction.right.m
    J_M = found.samples("probabilities")[0, 1, :, 0].sum(axis=-1) @ SIGNS
    assert along == pytest.approx(np.full(len(along), J_M), abs=1e-9)
