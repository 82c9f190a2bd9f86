"""The validation's claims on tunnelling: they run and pass, and what they measure obeys laws they do not use."""

import numpy as np
import pytest

from kwant_spinjunc import scatter
from kwant_spinjunc.spin import SIGNS
from systems.tunnel_junction import tunnel_junction
from validation.claims import conserved_current, magnetization_currents, rotation_law, tunneling_exponent
from validation.laboratory import Laboratory

#: Closed forms against the engine: 1e-12 relative, divided by differences of neighboring points.
CLOSED_FORM = 1e-8
#: Identities between currents of order one, averaged over some hundred k∥.
IDENTITY = 1e-11


@pytest.mark.parametrize("height", [-1.0, 0.0, 2.0])
def test_inverse_tunnelling_factor_is_a_square_in_the_angle(height):
    """1/D_ss'(Φ) ∝ |1 + z sin²(Φ/2)|²: three angles determine all others, in a metal and behind a barrier."""
    angles = np.linspace(0, np.pi, 9)[1:-1]
    family = rotation_law.FAMILIES["different magnets"]
    D = rotation_law.tunnelling_factors(Laboratory(10**6), family, angles, height=height, thickness=4)
    x, inverse = np.sin(angles / 2) ** 2, 1 / D.reshape(len(angles), 4)
    three = [0, 3, 6]
    for column in inverse.T:
        parabola = np.polyfit(x[three], column[three], 2)
        np.testing.assert_allclose(np.polyval(parabola, x), column, rtol=CLOSED_FORM)


def test_powers_of_both_deviations_are_one_on_every_path_to_the_tunnelling_limit():
    """Fitted over the last decades only, where the interfaces no longer change."""
    measured = rotation_law.sweep(
        Laboratory(10**6), "different magnets", np.array([0.5, 1.5, 2.5]), "thickness", (6, 8, 10), height=2.0
    )
    for quantity in ("worst_defect", "angle_dependence"):
        assert rotation_law.power(measured, quantity).exponent == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("excess", [0.03, 0.3, 3.0])
def test_resistance_of_a_barrier_obeys_the_recursion_of_its_decay_constant(excess):
    """One spin of identical magnets: 1/T_N = A + B cosh 2κN + C sinh 2κN, hence a recursion with 2 cosh 2κ."""
    planes = np.arange(1, 7)
    T = [scatter(tunnel_junction(0.0, 1 + excess, n), 0.0, solver="halves").transmissions for n in planes]
    kappa = np.arccosh((2 + excess) / 2)
    for spin in (0, 1):
        step = np.diff([1 / matrix[spin, spin] for matrix in T])
        np.testing.assert_allclose(step[2:] + step[:-2], 2 * np.cosh(2 * kappa) * step[1:-1], rtol=CLOSED_FORM)


def test_decay_is_measured_on_both_sides_of_one_decay_length():
    decay = tunneling_exponent.decay(Laboratory(10**6), 0.03, points=8)
    assert decay.depth.min() < 0.5
    assert decay.depth.max() > 7


@pytest.mark.parametrize("magnets", list(magnetization_currents.FAMILIES))
def test_currents_from_collinear_data_are_exact_between_collinear_magnets(magnets):
    """With spin accumulation and in a metal too: nothing turns a spin at Φ = 0 and π."""
    angles = np.linspace(0, np.pi, 3)
    point = magnetization_currents.point(Laboratory(10**6), magnets, angles, height=0.0, thickness=3)
    np.testing.assert_allclose(point.exact[[0, -1]], point.theory[[0, -1]], atol=1e-7)  # k∥ mean: rtol 1e-8
    assert point.error > 1e-3  # and nowhere else


def test_left_and_right_currents_of_collinear_magnets_are_one_current_along_one_axis():
    angles = np.linspace(0, np.pi, 3)
    point = magnetization_currents.point(Laboratory(10**6), "different magnets", angles, height=2.0, thickness=3)
    np.testing.assert_allclose(point.exact[[0, -1], 0], SIGNS * point.exact[[0, -1], 1], atol=IDENTITY)


@pytest.mark.parametrize("regime", ["tunnel", "metallic"])
def test_one_sided_accumulation_splits_the_scalars_by_itself_between_antiparallel_twins(regime):
    """T_+- = T_-+ carries all of J: (J_M^L - J_M^R)/2J is the accumulation over the bias, whatever the barrier."""
    angles = np.linspace(0, np.pi, 3)
    cases = conserved_current.cases_of(Laboratory(10**6), (regime, "identical"), angles)
    for case in cases.values():
        left, right = conserved_current.ACCUMULATIONS[case.accumulation]
        half_difference = (case.exact[-1, 0] - case.exact[-1, 1]) / 2
        assert half_difference == pytest.approx(left + right, abs=IDENTITY)


def test_one_conserved_current_is_the_mean_of_the_two():
    cases = conserved_current.cases_of(Laboratory(10**6), ("tunnel", "different"), np.linspace(0, np.pi, 5))
    for case in cases.values():
        np.testing.assert_allclose(case.told["baseline"][:, 0], case.told["transmitted"].mean(axis=1), atol=IDENTITY)
        assert (case.error["baseline"] >= case.unavoidable - IDENTITY).all()
