"""Laws of equation (12): what it is the solution of, and where it stops being one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.spin import unit_vector
from kwant_spinjunc.theory import angular
from kwant_spinjunc.theory.drift_diffusion import Material, match, tunnel_interface
from kwant_spinjunc.theory.interface import tunnelling_response
from kwant_spinjunc.theory.parallel_circuit import difference_length
from kwant_spinjunc.theory.tunnelling import rotation_law, vector_torque

#: The print divides by 1-β² and multiplies factors up to ξ²: rounding, amplified by the size of its terms.
ROUNDING = 1e-12
#: The matching solves a 4×4 system of condition up to ξ'.
MATCHING = 1e-9

ratios = st.floats(-3, 3).map(lambda x: 10.0**x)
angles = st.floats(0.0, np.pi)
polarizations = st.floats(0.05, 0.95)
asymmetries = st.floats(-0.95, 0.95)

XI = np.geomspace(0.01, 100, 40)
PHI = np.linspace(0, np.pi, 40)


def metal(**changes: float) -> Material:
    """A strongly screened metal; with α1 = α2 screening drops out anyway."""
    return Material(**({"sigma": 1.0, "beta": 0.5, "D": 1.0, "tau": 1.0, "q": 1e8} | changes))


@given(xi=ratios, Phi=st.floats(-10, 10), beta=st.floats(-0.99, 0.99), current=st.floats(-3, 3))
def test_equation_12_without_constants_is_the_reduced_form(xi: float, Phi: float, beta: float, current: float) -> None:
    printed = angular.delta_J_M(xi, Phi, beta, current=current)
    reduced = angular.delta_J_M_reduced(xi, Phi, beta, current=current)
    # sin Φ cos(Φ/2) loses relative, not absolute accuracy at Φ = π; ξ² sin²Φ amplifies it by at most ξ.
    assert_allclose(printed, reduced, rtol=ROUNDING, atol=ROUNDING * abs(current))


@given(Phi=st.floats(0, 3.0), beta=polarizations)
def test_a_transparent_interface_is_the_parallel_circuit(Phi: float, beta: float) -> None:
    limit = angular.delta_J_M_transparent(Phi, beta, current=2.0)
    assert_allclose(limit, difference_length(2 * beta, 2 * beta, Phi), atol=1e-12)
    for A1, A2 in ((0.0, 0.0), (1.3, 0.7)):
        assert_allclose(angular.delta_J_M(1e12, Phi, beta, A1=A1, A2=A2, current=2.0), limit, rtol=1e-8, atol=1e-12)


def test_the_limits_of_transparency_and_of_antiparallel_magnets_do_not_commute() -> None:
    assert abs(angular.delta_J_M(1e6, np.pi, 0.5)) < 1e-8
    assert_allclose(angular.delta_J_M_transparent(np.pi, 0.5), 1.0)


@given(G=ratios, sigma=ratios, D=ratios, tau=ratios, beta=polarizations)
def test_the_renormalized_ratio_is_interface_over_spin_conductance(
    G: float, sigma: float, D: float, tau: float, beta: float
) -> None:
    p = Material(sigma=sigma, beta=beta, D=D, tau=tau)
    xi = angular.conductance_ratio(G, sigma, D, tau)
    assert_allclose(angular.renormalized_ratio(xi, beta), G / p.spin_conductance, rtol=1e-12)


def polarized(xi, Phi, beta, gamma, flip=None):
    """J c² {γ + 2ξ'β c̃}/{c² + κs² + 2ξ'c² c̃}, c̃ = c²(1-γ²) + κs²: J_M to all orders in γ, see the module."""
    kappa = np.sqrt(1 - gamma**2) if flip is None else flip
    c2, s2, ratio = np.cos(Phi / 2) ** 2, np.sin(Phi / 2) ** 2, angular.renormalized_ratio(xi, beta)
    spin = c2 * (1 - gamma**2) + kappa * s2
    return c2 * (gamma + 2 * ratio * beta * spin) / (c2 + kappa * s2 + 2 * ratio * c2 * spin)


@settings(deadline=None)
@given(
    xi=ratios, Phi=angles, beta=polarizations, gamma=asymmetries, flip=st.none() | st.floats(0.05, 1.5),
    alpha=st.floats(0.3, 3.0), q=ratios,
)  # fmt: skip
def test_the_closed_form_is_the_full_matching_at_any_screening_for_equal_alphas(
    xi: float, Phi: float, beta: float, gamma: float, flip: float | None, alpha: float, q: float
) -> None:
    p = metal(beta=beta, alpha1=alpha, alpha2=alpha, q=q, tau=2.0)
    kappa = np.sqrt(1 - gamma**2) if flip is None else flip
    D = np.array([[1 + gamma, kappa], [kappa, 1 - gamma]]) / 2 * xi * p.sigma / np.sqrt(p.D * p.tau)
    solution = match(
        p, p, tunnelling_response(rotation_law(D, Phi)), m_left=unit_vector(0), m_right=unit_vector(Phi), thickness=0.5
    )
    expected = polarized(xi, Phi, beta, gamma, flip)
    assert_allclose(solution.J_M, expected, rtol=MATCHING, atol=MATCHING)
    difference = vector_torque(*solution.J_M, *solution.m)
    assert_allclose(difference, solution.delta_J_M, atol=1e-14)
    assert_allclose(np.linalg.norm(difference), 2 * np.sin(Phi / 2) * abs(expected), rtol=1e-8, atol=1e-8)


@given(xi=ratios, Phi=angles, beta=polarizations)
def test_a_spin_independent_interface_has_the_reduced_form(xi: float, Phi: float, beta: float) -> None:
    assert_allclose(polarized(xi, Phi, beta, 0.0), angular.spin_current_reduced(xi, Phi, beta), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("flip", [None, 1.0])
def test_equation_12_with_derived_constants_is_exact_to_first_order_in_the_interface_asymmetry(
    flip: float | None,
) -> None:
    beta, xi, Phi = 0.4, XI[:, None], PHI
    errors = []
    for gamma in (1e-2, 1e-3):
        A = angular.A_polarized(beta, gamma)
        exact = 2 * np.sin(Phi / 2) * polarized(xi, Phi, beta, gamma, flip)
        errors.append(np.abs(exact - angular.delta_J_M(xi, Phi, beta, A1=A, A2=A)).max())
    assert_allclose(errors[0] / errors[1], 100, rtol=0.05)


@given(xi=ratios, beta=polarizations, gamma=asymmetries)
def test_the_collinear_limit_is_exact_for_any_asymmetry_with_the_series_conductance(
    xi: float, beta: float, gamma: float
) -> None:
    """With ξ from 1/r_b = G(1-γ²), (12) at Φ → 0 and A1 = (1-β²)γ/β is Valet and Fert's weighted mean."""
    Phi = 1e-6
    printed = angular.delta_J_M(xi * (1 - gamma**2), Phi, beta, A1=angular.A_polarized(beta, gamma))
    exact = Phi * polarized(xi, 0.0, beta, gamma)
    assert_allclose(printed, exact, rtol=1e-8, atol=1e-15)


@given(xi=ratios, Phi=st.floats(0.1, 3.0), beta=polarizations, A=st.floats(-2, 2), gap=st.floats(0.1, 2.0))
def test_the_even_mode_cancels_from_equation_12_if_and_only_if_its_constants_agree(
    xi: float, Phi: float, beta: float, A: float, gap: float
) -> None:
    """Identical magnets do not excite the even accumulation: (1 + 2ξ'c²) J_M must be linear in ξ'."""

    def odd_mode(x: float, A2: float) -> float:
        ratio = x / np.sqrt(1 - beta**2)
        J_M = angular.delta_J_M(x, Phi, beta, A1=A, A2=A2) / (2 * np.sin(Phi / 2))
        return float(J_M * (1 + 2 * ratio * np.cos(Phi / 2) ** 2))

    def curvature(A2: float) -> float:
        values = [odd_mode(x, A2) for x in (0.5, 1.0, 1.5)]
        return abs(values[0] - 2 * values[1] + values[2]) / max(np.abs(values))

    assert curvature(A) < 1e-12
    assume(abs(A) > 0.01)
    assert curvature(A + gap) > 1e-12


def test_unequal_faces_excite_the_even_mode_to_first_order_but_the_length_only_to_second() -> None:
    p, xi, Phi = metal(), 0.8, 1.1
    G = xi * p.sigma / np.sqrt(p.D * p.tau)
    errors, lengths = [], []
    for gamma in (1e-2, 1e-3):
        factors = np.outer([1 + gamma, 1 - gamma], [1 - gamma, 1 + gamma]) / 2  # γ_L = -γ_R: collinear asymmetry 0
        interface = tunnelling_response(rotation_law(G * factors, Phi))
        solution = match(p, p, interface, m_left=unit_vector(0), m_right=unit_vector(Phi))
        half = (solution.J_M[0] - solution.J_M[1]) / 2
        s2, ratio = np.sin(Phi / 2) ** 2, angular.renormalized_ratio(xi, p.beta)
        errors.append(abs(half - 2 * gamma * s2 / (1 + 2 * ratio * s2)))  # the even mode's factor
        lengths.append(abs(solution.delta_J_M_length - angular.delta_J_M(xi, Phi, p.beta)))
    assert errors[0] / 100 < 1e-4 * 2e-2
    assert errors[1] < 2e-2 * errors[0]
    assert_allclose(lengths[0] / lengths[1], 100, rtol=0.05)


@settings(deadline=None)
@given(xi=ratios, Phi=angles, beta=polarizations, omega=st.floats(-50, 50), alpha=st.floats(0.3, 3.0))
def test_transverse_accumulation_has_its_closed_form(
    xi: float, Phi: float, beta: float, omega: float, alpha: float
) -> None:
    p = metal(beta=beta, omega=omega, alpha1=alpha, alpha2=alpha)
    w = np.sqrt(xi * p.sigma / np.sqrt(p.D * p.tau) / 2)
    axes = unit_vector(0.4, 0.2), unit_vector(0.4 + Phi, 0.2)
    solution = match(p, p, tunnel_interface(*axes, [w, w], [1.0, 1.0]), m_left=axes[0], m_right=axes[1])
    expected = angular.spin_current_transverse(xi, Phi, beta, angular.transverse_ratio(p))
    assert_allclose(solution.J_M, expected, rtol=MATCHING, atol=MATCHING)


@given(xi=ratios, Phi=angles, beta=polarizations)
def test_clamped_spins_are_the_limit_of_vanishing_transverse_ratio(xi: float, Phi: float, beta: float) -> None:
    clamped = angular.spin_current_transverse(xi, Phi, beta, 0.0)
    assert_allclose(clamped, angular.spin_current_reduced(xi, Phi, beta), rtol=1e-12)


def test_screening_acts_as_an_interface_asymmetry_of_first_order_in_its_length() -> None:
    # Opaque enough that the Ohmic field in the barrier is negligible, G d/σ <= 1e-4.
    xi, errors = np.geomspace(1e-3, 1e-2, 5), []
    for q in (1e6, 1e8):
        for d in (0.0, 2.0):
            p = metal(alpha2=0.4, q=q, sigma=1.0)
            d_scaled = d * p.screening_length
            fit = angular.fit_matching(p, xi, np.linspace(0.1, 2, 5), thickness=d_scaled)
            predicted = angular.A_screening(p, d_scaled)
            assert predicted < 0
            errors.append(abs(fit.A1 / predicted - 1))
    # The next order: λ/l_sd, hence ten times smaller for 100 times the q.
    assert max(errors[:2]) < 5e-3
    assert max(errors[2:]) < 5e-4


@settings(deadline=None)
@given(A1=st.floats(-3, 3), A2=st.floats(-3, 3), beta=polarizations, current=st.floats(0.1, 3))
def test_a_fit_recovers_the_constants_of_equation_12(A1: float, A2: float, beta: float, current: float) -> None:
    data = angular.delta_J_M(XI[:, None], PHI, beta, A1=A1, A2=A2, current=current)
    fit = angular.fit_A(XI[:, None], PHI, data, beta=beta, current=current)
    assert_allclose([fit.A1, fit.A2], [A1, A2], atol=1e-8)
    assert fit.residual < 1e-10 * (1 + abs(A1) / (1 - beta**2))


def test_the_residual_of_equation_12_grows_as_the_square_of_the_asymmetry() -> None:
    fits = [angular.fit_matching(metal(), XI, PHI, gamma=gamma) for gamma in (0.0, 0.01, 0.1, 0.5)]
    assert fits[0].residual < 1e-10
    assert_allclose([fits[1].A1, fits[1].A2], angular.A_polarized(0.5, 0.01), rtol=0.01)
    assert_allclose(fits[2].residual / fits[1].residual, 100, rtol=0.15)
    assert 0.01 < fits[3].residual < 0.05
    assert fits[3].rms < fits[3].residual < fits[3].unfitted
    assert fits[0].xi_range == (XI[0], XI[-1])
    assert fits[0].Phi_range == (PHI[0], PHI[-1])


def test_an_interface_polarized_against_the_metal_is_fitted_with_negative_constants() -> None:
    fit = angular.fit_matching(metal(), XI, PHI, gamma=-0.05)
    assert_allclose([fit.A1, fit.A2], angular.A_polarized(0.5, -0.05), rtol=0.05)


def test_transverse_accumulation_is_not_of_the_form_of_equation_12() -> None:
    opaque = angular.fit_matching(metal(omega=100.0), np.geomspace(0.001, 0.01, 9), PHI, transverse=True)
    metallic = angular.fit_matching(metal(omega=100.0), XI, PHI, transverse=True)
    assert opaque.residual < 1e-4
    assert metallic.residual > 0.5


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: angular.delta_J_M(-1.0, 0.1, 0.5), "`xi` must not be negative"),
        (lambda: angular.delta_J_M(1.0, 0.1, 1.0), "`beta` must lie between"),
        (lambda: angular.delta_J_M(1.0, np.nan, 0.5), "`Phi` must be finite"),
        (lambda: angular.conductance_ratio(1.0, 0.0, 1.0, 1.0), "`sigma` must be positive"),
        (lambda: angular.conductance_ratio(-1.0, 1.0, 1.0, 1.0), "`G` must not be negative"),
        (lambda: angular.A_polarized(0.0, 0.1), "`beta` must not be zero"),
        (lambda: angular.A_screening(metal(), -1.0), "`thickness` must not be negative"),
        (lambda: angular.A_polarized(0.5, 1.2), "`gamma` must lie in"),
        (lambda: angular.fit_matching(metal(), XI, PHI, flip=-1.0), "`flip` must not be negative"),
        (lambda: angular.spin_current_transverse(1.0, 0.1, 0.5, -1.0), "`eta` must not be negative"),
        (lambda: angular.fit_A(XI, 1.0, XI, beta=0.5, current=0.0), "`beta` must not be zero, nor `current`"),
        (lambda: angular.fit_A(1.0, [0.0, np.pi], [0.0, 0.0], beta=0.5), "do not determine A1"),
        (lambda: angular.fit_matching(metal(beta=-0.5), XI, PHI), "`beta` must be positive"),
        (lambda: angular.fit_matching(metal(), [0.0, 1.0], PHI), "`xi` must be positive"),
        (lambda: angular.fit_matching(metal(), XI, PHI, gamma=1.0), "half-metallic"),
        (lambda: angular.fit_matching(metal(), XI, PHI, flip=1.0, transverse=True), "`flip` must be None"),
    ],
)
def test_impossible_arguments_are_refused(call: object, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()
