"""Published limits of tunnelling magnetism (Slonczewski 1989, 2002, 2005; Julliere 1975) and routes between them."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.spin import PAULI, rotation_matrix, spinors, torque_axes, unit_vector
from kwant_spinjunc.theory import julliere, tunnelling
from kwant_spinjunc.theory import slonczewski as slon
from kwant_spinjunc.units import IRON_WAVE_NUMBERS

#: Algebraic identities of a few operations.
ROUNDING = 1e-11

waves = st.lists(st.floats(0.2, 3), min_size=2, max_size=2).map(np.array)
decays = st.floats(0.3, 3)
angles = st.floats(0.05, np.pi - 0.05)
polarizations = st.floats(-0.95, 0.95)


# ---------------------------------------------------------------------- effective polarization
@given(waves, decays)
def test_effective_polarization_is_that_of_the_interface_factors(k, kappa):
    f = tunnelling.interface_factor(tunnelling.continuum_reflection(k, kappa))
    expected = (f[0] - f[1]) / (f[0] + f[1])
    assert slon.effective_polarization(k, kappa) == pytest.approx(expected, abs=ROUNDING)


def test_effective_polarization_changes_sign_where_the_barrier_matches_the_mean_wave():
    k = np.array([2.0, 0.5])
    node = np.sqrt(k.prod())
    below, at, above = slon.effective_polarization(k, node * np.array([0.99, 1.0, 1.01]))
    assert below < 0 < above
    assert at == pytest.approx(0, abs=ROUNDING)


def test_high_barriers_give_the_polarization_of_the_densities_of_states():
    k = np.array(IRON_WAVE_NUMBERS)
    # One-dimensional velocities: f ∝ k for κ → ∞, Stearns' polarization of iron, 44 %.
    assert slon.effective_polarization(k, 1e6) == pytest.approx(float(julliere.polarization(k)), rel=1e-9)
    assert julliere.polarization(k) == pytest.approx(0.44, abs=0.005)


@given(st.floats(0.2, 3), decays)
def test_half_metals_are_fully_polarized(k, kappa):
    assert slon.effective_polarization([k, 0.0], kappa) == pytest.approx(1.0)
    assert slon.effective_polarization([0.0, k], kappa) == pytest.approx(-1.0)


@pytest.mark.parametrize(("k", "kappa"), [((2.0, 1.0), 0.7), ((1.3, 0.4), 2.0), ((2.5, 0.3), 1.2)])
def test_lattice_polarization_tends_to_the_continuum_with_the_predicted_slope(k, kappa):
    k = np.array(k)
    P = float(slon.effective_polarization(k, kappa))
    slopes = []
    for a in (0.04, 0.02, 0.01):
        t = 1 / a**2
        g = tunnelling.surface_green_function(0.0, 2 * t * np.cos(k * a), t)
        f = tunnelling.interface_factor(tunnelling.lattice_reflection(g, kappa * a, t))
        slopes.append(((f[0] - f[1]) / (f[0] + f[1]) - P) / a**2)
    # Each factor is off by (κ² - k²)a²/12, so δP = -(1 - P²)(k↑² - k↓²)a²/24.
    predicted = -(1 - P**2) * (k[0] ** 2 - k[1] ** 2) / 24
    errors = np.array(slopes) - predicted
    assert abs(errors[-1]) < 2e-3 * abs(predicted)
    np.testing.assert_allclose(errors[:-1] / errors[1:], 4.0, rtol=0.05)


def test_wave_numbers_follow_the_split_bands():
    k = slon.wave_numbers([5.0, 1.2], 2.5, 3.0, 0.5)
    np.testing.assert_allclose(0.5 * k[0] ** 2, [4.0, 1.0])
    assert k[1, 1] == 0  # half-metal


# ---------------------------------------------------------------------- transmission
@given(waves, waves, decays, st.floats(0, 3))
def test_rectangular_barrier_is_the_collinear_case_of_the_exact_formula(k_left, k_right, kappa, d):
    D = slon.rectangular_transmission(k_left, k_right, kappa, d)
    rho = [tunnelling.continuum_reflection(k, kappa) for k in (k_left, k_right)]
    parallel = tunnelling.barrier_probabilities(np.eye(2), *rho, kappa * d)
    crossed = tunnelling.barrier_probabilities([[0, -1], [1, 0]], *rho, kappa * d)
    np.testing.assert_allclose(tunnelling.spin_factors_from_collinear(parallel, crossed), D, rtol=1e-9)
    assert np.all(D <= 1 + ROUNDING)


@given(waves, waves, decays)
def test_rectangular_barrier_factorizes_when_thick(k_left, k_right, kappa):
    for exponent in (5.0, 8.0):
        D = slon.rectangular_transmission(k_left, k_right, kappa, exponent / kappa)
        rho = [tunnelling.continuum_reflection(k, kappa) for k in (k_left, k_right)]
        # |1 - ρ_L ρ_R e^{-2κd}|^-2 with |ρ| = 1.
        np.testing.assert_allclose(D, tunnelling.spin_factors(*rho, exponent), rtol=2.1 * np.exp(-2 * exponent))


@given(waves, waves, decays, angles)
def test_conductance_and_torques_follow_from_the_two_currents(k_left, k_right, kappa, angle):
    rho = [tunnelling.continuum_reflection(k, kappa) for k in (k_left, k_right)]
    D = tunnelling.spin_factors(*rho, kappa * 1.5)
    T = tunnelling.rotation_law(D, angle)
    case = (k_left, k_right, kappa, 1.5, angle)
    assert T.sum() == pytest.approx(float(slon.angular_conductance(*case)), rel=1e-10)
    currents = [tunnelling.magnetization_current(T, 1.0, 0.0, side) for side in ("left", "right")]
    scale = float(slon.mean_conductance(k_left, k_right, kappa, 1.5))
    relations = tunnelling.in_plane_torques(*currents, angle)  # divides rounding by sin Φ >= 0.05
    np.testing.assert_allclose(slon.in_plane_torques(*case), relations, atol=1e-9 * scale)
    np.testing.assert_allclose(slon.torques_from_spin_factors(D, angle), relations, atol=1e-9 * scale)


@given(st.lists(st.floats(0, 3), min_size=4, max_size=4).map(lambda x: np.reshape(x, (2, 2))), angles)
def test_torque_from_conductances_is_the_torque_relation_for_any_spin_factors(G, angle):
    """Slonczewski 2005: the relation does not need G_ss' to factorize."""
    T = tunnelling.rotation_law(G, angle)
    currents = [tunnelling.magnetization_current(T, 1.0, 0.0, side) for side in ("left", "right")]
    expected = tunnelling.in_plane_torques(*currents, angle)
    np.testing.assert_allclose(slon.torques_from_spin_factors(G, angle), expected, atol=1e-10)


def test_each_torque_is_set_by_the_other_polarization():
    k_left, unpolarized = [2.0, 1.0], [1.3, 1.3]
    on_left, on_right = slon.in_plane_torques(k_left, unpolarized, 3.0, 1.0, 1.0)
    assert on_left == 0
    assert on_right > 0


def test_conductance_per_area_is_the_published_surface_conductance():
    up, down, kappa, d = 1.09, 0.42, 0.8, 10.0
    k = [up, down]
    mean = (slon.conductance_per_area(k, k, kappa, d, 0.0) + slon.conductance_per_area(k, k, kappa, d, np.pi)) / 2
    # Slonczewski 1989 in units e²/h = e²/(2πħ).
    bracket = kappa * (kappa**2 + up * down) * (up + down) / (np.pi * (kappa**2 + up**2) * (kappa**2 + down**2))
    published = 2 * np.pi * kappa / d * bracket**2 * np.exp(-2 * kappa * d)
    assert mean == pytest.approx(published, rel=ROUNDING)


def test_conductance_per_area_is_the_sum_over_parallel_momentum():
    k, kappa = np.array([2.0, 1.0]), 1.0
    errors = []
    for d in (20.0, 40.0, 80.0):

        def integrand(q, d=d):
            waves = np.sqrt(np.maximum(k**2 - q**2, 0))
            decay = np.sqrt(kappa**2 + q**2)
            damped = np.exp(2 * kappa * d)  # compare without the common tiny factor
            return q / (2 * np.pi) * damped * slon.rectangular_transmission(waves, waves, decay, d).trace()

        total = quad(integrand, 0, 2.0, points=[1.0], limit=200)[0]
        limit = slon.conductance_per_area(k, k, kappa, d, 0.0) * np.exp(2 * kappa * d)
        errors.append(total / limit - 1)
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 2.0, rtol=0.15)  # of order 1/κd


# ---------------------------------------------------------------------- the field-like torque
def barrier_flux(levels_left, levels_right, level, angle, planes, lead):
    """Spin flux (x, y, z) inside a barrier of hopping 1 at E = 0 from a dense Green's function, states of one lead."""
    self_energies, broadenings = [], []
    for m, levels in [(unit_vector(0.0), levels_left), (unit_vector(angle), levels_right)]:
        states, ends = spinors(m), []
        for x in -np.asarray(levels) / 2:
            root = np.sqrt(complex(x * x - 1))
            ends.append(x - 1j * abs(root) if abs(x) < 1 else x - np.sign(x) * root)
        matrix = (states * ends) @ states.conj().T
        self_energies.append(matrix)
        broadenings.append(1j * (matrix - matrix.conj().T))
    chain = level * np.eye(planes) - np.eye(planes, k=1) - np.eye(planes, k=-1)
    inverse = -np.kron(chain, np.eye(2)).astype(complex)
    inverse[:2, :2] -= self_energies[0]
    inverse[-2:, -2:] -= self_energies[1]
    G = np.linalg.inv(inverse)
    n, column = 2 * (planes // 2), slice(0, 2) if lead == 0 else slice(-2, None)
    density = G[n : n + 2, column] @ broadenings[lead] @ G[n - 2 : n, column].conj().T
    return np.array([2 * np.trace(P @ density).imag for P in PAULI])


@pytest.mark.parametrize(
    ("left", "right"), [((0.5, 1.5), (0.5, 1.5)), ((0.4, 1.7), (-0.6, 1.1)), ((0.5, 2.6), (0.1, 1.0))]
)
@pytest.mark.parametrize("angle", [0.4, 1.6, 2.8])
def test_field_like_torque_is_the_perpendicular_spin_current_of_a_thick_barrier(left, right, angle):
    level = 3.0
    kappa = tunnelling.lattice_decay_constant(level, 0.0, 1.0)
    n = torque_axes(unit_vector(0.0), unit_vector(angle))[1]
    rho = [
        tunnelling.lattice_reflection(tunnelling.surface_green_function(0.0, levels, 1.0), kappa, 1.0)
        for levels in (left, right)
    ]
    for planes in (4, 7):
        exponent = kappa * planes
        theory = slon.field_like_torque_from_reflections(*rho, exponent, angle)
        exact = [barrier_flux(left, right, level, angle, planes, lead) @ n for lead in (0, 1)]
        # Relative corrections are round trips, e^{-2κd} times a few.
        np.testing.assert_allclose(exact, theory, rtol=20 * np.exp(-2 * exponent))


@given(waves, waves, decays, angles)
def test_field_like_torque_of_free_electrons_follows_from_the_reflections(k_left, k_right, kappa, angle):
    rho = [tunnelling.continuum_reflection(k, kappa) for k in (k_left, k_right)]
    general = slon.field_like_torque_from_reflections(*rho, kappa * 1.5, angle)

    def f(k):
        return 4 * k * kappa / (k**2 + kappa**2)

    def q(k):
        return (kappa**2 - k**2) / (kappa**2 + k**2)

    explicit = -np.exp(-3 * kappa) * np.sin(angle) * (f(k_left[0]) - f(k_left[1])) * (q(k_right[0]) - q(k_right[1]))
    assert general[0] == pytest.approx(explicit, abs=ROUNDING)


@given(waves, decays, angles)
def test_identical_magnets_have_no_field_like_torque_linear_in_the_voltage(k, kappa, angle):
    rho = tunnelling.continuum_reflection(k, kappa)
    left, right = slon.field_like_torque_from_reflections(rho, rho, kappa, angle)
    assert left == pytest.approx(float(right), abs=ROUNDING)


# ---------------------------------------------------------------------- the angular law
@given(polarizations, polarizations, st.floats(0, np.pi))
def test_tunnelling_torque_per_current_obeys_the_angular_law(P_left, P_right, angle):
    product = P_left * P_right
    efficiency = slon.angular_efficiency(angle, 2 * P_left / (1 + product), np.sqrt((1 + product) / (1 - product)))
    expected = P_left / (1 + P_left * P_right * np.cos(angle))
    assert efficiency == pytest.approx(expected, rel=1e-9, abs=ROUNDING)


@settings(deadline=None)
@given(st.floats(-0.9, 0.9), st.floats(0.3, 3), angles)
def test_symmetric_spin_valve_of_circuit_theory_obeys_the_angular_law(p, eta, angle):
    assume(abs(p) > 1e-3)
    m = [unit_vector(0.0), unit_vector(angle)]

    def contact(axis, drop, spin):
        """Charge and spin current into the contact's node side for a drop, spin = -(accumulation) seen by it."""
        longitudinal = spin @ axis
        charge = drop + p * longitudinal
        return charge, (p * drop + longitudinal) * axis + eta * (spin - longitudinal * axis)

    def balance(unknown):
        mu, accumulation = unknown[0], unknown[1:]
        into, spin_into = contact(m[0], 1.0 - mu, -accumulation)
        out, spin_out = contact(m[1], mu, accumulation)
        return np.array([into - out, *(spin_into - spin_out)])

    offset = balance(np.zeros(4))
    linear = np.column_stack([balance(unit) - offset for unit in np.eye(4)])
    mu, *accumulation = np.linalg.solve(linear, -offset)
    current, spin_out = contact(m[1], mu, np.array(accumulation))
    torque = spin_out @ torque_axes(m[1], m[0])[0]
    g = slon.angular_efficiency(angle, p, np.sqrt(eta / (1 - p**2)))
    assert torque / current == pytest.approx(float(g) * np.sin(angle), rel=1e-8)


def test_angular_law_is_a_sine_only_for_unit_asymmetry():
    angle = np.linspace(0, np.pi, 5)
    np.testing.assert_allclose(slon.angular_efficiency(angle, 0.4, 1.0), 0.2)
    skewed = slon.angular_efficiency(angle, 0.4, 1.5)
    assert np.all(np.diff(skewed) > 0)
    assert skewed[0] == pytest.approx(0.2)  # PΛ²/2Λ²
    assert skewed[-1] == pytest.approx(0.4 * 1.5**2 / 2)


# ---------------------------------------------------------------------- Julliere
@given(st.lists(st.floats(0.1, 3), min_size=4, max_size=4).map(lambda x: np.reshape(x, (2, 2))), angles)
def test_julliere_ratio_follows_from_the_densities_of_states(dos, angle):
    P = [float(julliere.polarization(N)) for N in dos]
    G_P, G_AP = dos[0] @ dos[1], dos[0] @ dos[1][::-1]
    assert pytest.approx(float(julliere.tmr(*P)), abs=1e-9) == G_P / G_AP - 1
    D = np.outer(*dos)
    np.testing.assert_allclose(julliere.conductances_from_spin_factors(D), (G_P, G_AP))
    total = tunnelling.rotation_law(D, angle).sum()
    assert julliere.angular_conductance(G_P, G_AP, angle) == pytest.approx(total, rel=1e-9)


def test_julliere_measured_cobalt_and_iron():
    """Jullière 1975: P = 0.34 (Co) and 0.44 (Fe) give 26 % in his normalization by the parallel conductance."""
    ratio = float(julliere.tmr(0.34, 0.44))
    assert ratio / (1 + ratio) == pytest.approx(0.26, abs=0.001)


def test_julliere_limits():
    assert julliere.tmr(0.0, 0.7) == 0
    assert julliere.tmr(1.0, 1.0) == np.inf
    assert julliere.tmr(0.3, -0.5) < 0
    np.testing.assert_allclose(julliere.tmr([0.5, -1.0], [0.5, -1.0]), [2 / 3, np.inf])


@given(waves, waves, decays)
def test_tunnelling_magnetoresistance_is_julliere_with_the_effective_polarizations(k_left, k_right, kappa):
    D = slon.rectangular_transmission(k_left, k_right, kappa, 9 / kappa)
    P = [slon.effective_polarization(k, kappa) for k in (k_left, k_right)]
    G_P, G_AP = julliere.conductances_from_spin_factors(D)
    ratio = G_P / G_AP - 1
    # Corrections of order e^{-18} times the sum of G_P and G_AP over their difference: absolute.
    assert ratio == pytest.approx(float(julliere.tmr(*P)), abs=1e-5)


# ---------------------------------------------------------------------- shapes and errors
def test_leading_axes_broadcast():
    k, kappa, angle = np.ones((4, 1, 2)), np.linspace(1, 2, 3), 0.5
    assert slon.effective_polarization(k, kappa).shape == (4, 3)
    assert slon.rectangular_transmission(k, k, kappa, 1.0).shape == (4, 3, 2, 2)
    for function in (slon.angular_conductance, slon.conductance_per_area):
        assert function(k, k, kappa, 1.0, angle).shape == (4, 3)
    assert slon.in_plane_torques(k, k, kappa, 1.0, angle)[0].shape == (4, 3)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: slon.effective_polarization([1.0, -1.0], 1.0), "k"),
        (lambda: slon.effective_polarization([0.0, 0.0], 1.0), "k"),
        (lambda: slon.effective_polarization([1.0, 1.0], 0.0), "kappa"),
        (lambda: slon.rectangular_transmission([1.0, 1.0], [1.0, 1.0], 1.0, -1.0), "thickness"),
        (lambda: slon.wave_numbers(1.0, 0.0, -1.0, 1.0), "splitting"),
        (lambda: slon.angular_efficiency(0.0, 0.5, 0.0), "asymmetry"),
        (lambda: slon.field_like_torque_from_reflections(1j, [1j, 1j], 1.0, 1.0), "reflection_left"),
        (lambda: julliere.polarization([0.0, 0.0]), "dos"),
        (lambda: julliere.tmr(0.5, 1.1), "polarization_right"),
    ],
)
def test_arguments_the_physics_does_not_allow_are_named(call, name):
    with pytest.raises(ArgumentError, match=f"`{name}`"):
        call()


def test_rotation_matrix_reproduces_the_angular_conductance():
    """The same G(Φ) from the overlaps themselves instead of the cosine law."""
    k, kappa, d, angle = np.array([2.0, 1.0]), 1.5, 2.0, 1.1
    R = rotation_matrix(unit_vector(0), unit_vector(angle))
    rho = tunnelling.continuum_reflection(k, kappa)
    T = tunnelling.spin_factors(rho, rho, kappa * d) * abs(R) ** 2
    assert T.sum() == pytest.approx(float(slon.angular_conductance(k, k, kappa, d, angle)), rel=ROUNDING)
