"""Laws of the strong-barrier limit, against a small dense Green's function that shares no code with it."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.spin import PAULI, SIGNS, rotation_matrix, spinors, torque_axes, unit_vector
from kwant_spinjunc.theory import printed
from kwant_spinjunc.theory import tunnelling as tun

#: Algebraic identities of a few operations.
ROUNDING = 1e-12
#: Two exact routes: the dense inverse is good to its condition number, at most 1e3 for the parameters drawn here.
DENSE = 1e-9
#: Adaptive quadrature, requested at 1e-11.
QUADRATURE = 1e-9

numbers = st.floats(-3, 3)
angles = st.floats(0.05, np.pi - 0.05)
matrices = st.lists(st.floats(0.01, 2), min_size=4, max_size=4).map(lambda x: np.reshape(x, (2, 2)))
pairs = st.lists(numbers, min_size=2, max_size=2).map(np.array)


# ---------------------------------------------------------------------- a dense junction, written independently
def chain_end(energy, level, hopping):
    """Surface Green's function from the roots of t²g² - (E - ε)g + 1 = 0, retarded by a small imaginary energy."""
    roots = np.roots([hopping**2, -(energy + 1e-14j - level), 1.0])
    return roots[np.argmin(abs(roots))] if abs(abs(roots[0] * hopping) - 1) > 1e-9 else roots[np.argmin(roots.imag)]


def dense_junction(case, angle, planes):
    """Return T[s, s'], R^L[s, s''], and the spin flux (charge, x, y, z) in the barrier from the left and the right."""
    m_left, m_right = unit_vector(0.3), unit_vector(0.3 + angle)
    energy, t = 0.0, case["barrier_hopping"]
    sigmas, gammas = [], []
    for m, levels, hopping in [
        (m_left, case["left"], case["hoppings"][0]),
        (m_right, case["right"], case["hoppings"][1]),
    ]:
        states, self_energy, broadening = spinors(m), 0, []
        for s in (0, 1):
            projector = np.outer(states[:, s], states[:, s].conj())
            g = case["joint"] ** 2 * chain_end(energy, levels[s], hopping)
            self_energy = self_energy + g * projector
            broadening.append(-2 * g.imag * projector)
        sigmas.append(self_energy)
        gammas.append(broadening)
    chain = -t * (np.eye(planes, k=1) + np.eye(planes, k=-1)) + case["level"] * np.eye(planes)
    inverse = np.kron(energy * np.eye(planes) - chain, np.eye(2)).astype(complex)
    inverse[:2, :2] -= sigmas[0]
    inverse[-2:, -2:] -= sigmas[1]
    G = np.linalg.inv(inverse)
    across, back = G[:2, -2:], G[:2, :2]
    T = [[np.trace(gL @ across @ gR @ across.conj().T).real for gR in gammas[1]] for gL in gammas[0]]
    R = [[np.trace(a @ back @ b @ back.conj().T).real for b in gammas[0]] for a in gammas[0]]
    fluxes = []
    for lead, column in [(0, slice(0, 2)), (1, slice(-2, None))]:
        n = planes // 2 - 1
        density = G[2 * n + 2 : 2 * n + 4, column] @ sum(gammas[lead]) @ G[2 * n : 2 * n + 2, column].conj().T
        # The density is ψ_{n+1} ψ_n† summed over the incident states of unit flux; the flux is 2t Im ψ_n† σ ψ_{n+1}.
        flux = [2 * t * np.trace(P @ density).imag for P in [np.eye(2), *PAULI]]
        fluxes.append(np.array(flux))
    return np.array(T), np.array(R), fluxes, (m_left, m_right)


def halves(case):
    """Return ρ_L, ρ_R and κa of the same junction from the theory."""
    kappa = tun.lattice_decay_constant(case["level"], 0.0, case["barrier_hopping"])
    rho = [
        tun.lattice_reflection(
            tun.surface_green_function(0.0, case[side], hopping), kappa, case["barrier_hopping"], case["joint"]
        )
        for side, hopping in zip(("left", "right"), case["hoppings"], strict=True)
    ]
    return rho[0], rho[1], float(kappa)


@st.composite
def cases(draw, equal=False):
    """Two magnets with all channels open at E = 0, away from band edges, and a barrier."""
    levels = st.lists(st.floats(-1.2, 1.2), min_size=2, max_size=2).map(sorted).map(np.array)
    hoppings = draw(st.lists(st.floats(0.7, 1.5), min_size=2, max_size=2))
    t = draw(st.floats(0.7, 1.5))
    left = draw(levels)
    return {
        "left": left,
        "right": left if equal else draw(levels),
        "hoppings": [hoppings[0]] * 2 if equal else hoppings,
        "barrier_hopping": t,
        "level": 2 * t + draw(st.floats(0.05, 3.0)),
        "joint": draw(st.floats(0.6, 1.5)),
    }


STANDARD = {
    "left": np.array([0.5, 1.5]),
    "right": np.array([0.5, 1.5]),
    "hoppings": [1.0, 1.0],
    "barrier_hopping": 1.0,
    "level": 3.0,
    "joint": 1.0,
}
UNLIKE = STANDARD | {"right": np.array([-0.6, 1.1]), "level": 2.6}


# ---------------------------------------------------------------------- the exact result and its lowest order
@settings(deadline=None)
@given(cases(), angles, st.integers(2, 8))
def test_round_trips_in_the_barrier_give_the_exact_transmission(case, angle, planes):
    T, _, _, axes = dense_junction(case, angle, planes)
    left, right, kappa = halves(case)
    theory = tun.barrier_probabilities(rotation_matrix(*axes), left, right, kappa * planes)
    np.testing.assert_allclose(theory, T, rtol=DENSE)


@settings(deadline=None)
@given(cases(), angles, st.integers(2, 5))
def test_reflection_with_spin_flip_is_two_crossings_and_one_turn(case, angle, planes):
    _, R, _, axes = dense_junction(case, angle, planes)
    left, right, kappa = halves(case)
    theory = tun.spin_flip_reflection(rotation_matrix(*axes), left, right, kappa * planes)
    np.testing.assert_allclose([R[0, 1], R[1, 0]], [theory] * 2, rtol=1e-7, atol=ROUNDING)


@settings(deadline=None)
@given(cases(), angles)
def test_spin_factors_factorize_behind_a_thick_barrier(case, angle):
    left, right, kappa = halves(case)
    planes = int(np.ceil(8 / kappa))
    assume(planes <= 40)
    T, _, _, axes = dense_junction(case, angle, planes)
    D = T / abs(rotation_matrix(*axes)) ** 2
    lowest = tun.spin_factors(left, right, kappa * planes)
    # The first round trip changes the amplitude by ρ_L ρ_R e^{-2κd}; 1/sin and 1/cos of Φ/2 stay below 40.
    bound = 200 * np.exp(-2 * kappa * planes) * abs(left).max() * abs(right).max()
    np.testing.assert_allclose(D, lowest, rtol=bound)
    assert abs(tun.factorization_defect(D)) < 4 * bound


def test_factorization_defect_falls_with_the_transmission():
    defects, decay = [], 2 * float(tun.lattice_decay_constant(3.0, 0.0, 1.0))
    for planes in (4, 6, 8):
        T, _, _, axes = dense_junction(UNLIKE | {"level": 3.0}, 1.0, planes)
        defects.append(float(tun.factorization_defect(T / abs(rotation_matrix(*axes)) ** 2)))
    np.testing.assert_allclose(np.diff(np.log(np.abs(defects))), -2 * decay, rtol=1e-3)


@pytest.mark.parametrize(("height", "defect"), [(0.0, 1.3e-1), (1.0, 2.9e-2), (2.0, 3.9e-4), (8.0, 1.6e-8)])
def test_factorization_defect_of_the_reference_junction(height, defect):
    T, _, _, axes = dense_junction(STANDARD | {"level": 1.0 + height}, np.pi / 3, 4)
    found = abs(tun.factorization_defect(T / abs(rotation_matrix(*axes)) ** 2))
    assert found == pytest.approx(defect, rel=0.05)  # the digits quoted


def test_bare_overlap_without_interfaces_polarizes_nothing():
    R = rotation_matrix(unit_vector(0), unit_vector(1.0))
    T = abs(tun.tunnelling_matrix(R, 2.0)) ** 2
    assert abs(tun.magnetization_current(T, 1.0, 0.0, "left")) < ROUNDING
    assert abs(tun.magnetization_current(T, 1.0, 0.0, "right")) < ROUNDING


@given(st.floats(0.1, 3), st.floats(0.1, 3))
def test_lattice_matching_becomes_the_continuum_with_a_quadratic_error(k, kappa):
    assume(abs(k - kappa) > 0.05)
    exact = tun.interface_factor(tun.continuum_reflection(k, kappa))
    for a in (0.02, 0.01):
        t = 1 / a**2
        level = 2 * t * np.cosh(kappa * a)
        g = tun.surface_green_function(0.0, 2 * t * np.cos(k * a), t)
        rho = tun.lattice_reflection(g, tun.lattice_decay_constant(level, 0.0, t), t)
        slope = (tun.interface_factor(rho) / exact - 1) / a**2
        # Predicted (κ² - k²)/12; the next order is a² times fourth powers of the wave numbers.
        assert slope == pytest.approx((kappa**2 - k**2) / 12, rel=0.1, abs=2e-3)
        assert abs(abs(rho) - 1) < 1e-9


def test_lattice_matching_has_its_closed_form():
    k, kappa = 0.7, 1.1
    g = tun.surface_green_function(0.0, 2 * np.cos(k), 1.0)
    rho = tun.lattice_reflection(g, kappa, 1.0)
    denominator = np.cosh(kappa) - np.cos(k)
    assert tun.interface_factor(rho) == pytest.approx(2 * np.sinh(kappa) * np.sin(k) / denominator, rel=ROUNDING)
    assert rho.real == pytest.approx((np.cosh(kappa) * np.cos(k) - 1) / denominator, rel=1e-11)


@given(st.floats(-4, 4), st.floats(0.3, 2))
def test_surface_green_function_solves_its_equation_and_is_retarded(level, t):
    g = tun.surface_green_function(0.0, level, t)
    assert abs((0.0 - level - t**2 * g) * g - 1) < ROUNDING
    assert g.imag <= 0
    assert abs(g) * t <= 1 + ROUNDING


def test_closed_channels_have_no_spin_factor():
    assert tun.interface_factor(tun.continuum_reflection(0.4j, 1.0)) == 0
    g = tun.surface_green_function(0.0, 3.0, 1.0)
    assert tun.interface_factor(tun.lattice_reflection(g, 1.0, 1.0)) == 0


def test_heavier_electrons_match_by_velocity():
    rho = tun.continuum_reflection(1.0, 2.0, mass_ratio=2.0)
    assert tun.interface_factor(rho) == pytest.approx(2.0)  # equal velocities: perfect match


# ---------------------------------------------------------------------- decay
def test_printed_matrix_grows_where_the_corrected_one_decays():
    R, thin, thick = np.eye(2), 1.0, 2.0
    grown = [printed.tunnelling_matrix(R, printed.wkb_exponent(1.0, d, 1.0))[0, 0].real for d in (thin, thick)]
    corrected = [tun.tunnelling_matrix(R, tun.wkb_exponent(1.0, d, 1.0))[0, 0].real for d in (thin, thick)]
    assert grown[1] > grown[0] > 1 > corrected[0] > corrected[1]
    np.testing.assert_allclose(np.multiply(grown, corrected), 1.0)  # reciprocal where ħ²/2m = 1


def test_printed_exponent_depends_on_units():
    scale = 1e-2  # nanometers to decimeters of nothing: any change of the unit of length
    corrected = tun.wkb_exponent(1.0, 1.0, 0.04), tun.wkb_exponent(1.0, 1.0 / scale, 0.04 / scale**2)
    bracket = printed.wkb_exponent(1.0, 1.0, 0.04), printed.wkb_exponent(1.0, 1.0 / scale, 0.04 / scale**2)
    assert corrected[0] == pytest.approx(corrected[1])
    assert bracket[1] == pytest.approx(bracket[0] / scale**2)


@given(st.floats(0.5, 5), st.floats(-0.4, 0.4), st.floats(-1, 1), st.floats(0.2, 3))
def test_biased_exponent_equals_quadrature(height, mu, fraction, d):
    voltage = fraction * height / 2
    assume(height - 2 * mu - max(voltage, 0) > 0.05)
    exact = tun.wkb_exponent(height, d, 0.04, mu_left=mu, mu_right=-mu, voltage=voltage)

    def kappa(y):
        return float(tun.decay_constant(tun.barrier_excess(height, mu, -mu, voltage, y / d), 0.04))

    assert quad(kappa, 0, d)[0] == pytest.approx(float(exact), rel=QUADRATURE)


def test_lattice_sum_tends_to_the_integral_with_a_quadratic_error():
    d, exact = 2.0, float(tun.wkb_exponent(3.0, 2.0, 1.0, voltage=1.5))
    errors = []
    for planes in (40, 80, 160):
        a = d / planes
        t, y = 1 / a**2, (np.arange(planes) + 0.5) * a
        levels = 2 * t + 3.0 - 1.5 * y / d
        errors.append(float(tun.lattice_exponent(levels, 0.0, t)) / exact - 1)
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 4.0, rtol=0.02)


@given(st.floats(0, 5), st.floats(0.1, 3))
def test_lattice_decay_constant_solves_its_dispersion(above, t):
    kappa = tun.lattice_decay_constant(2 * t + above, 0.0, t)
    assert 2 * t * np.cosh(kappa) == pytest.approx(2 * t + above, rel=ROUNDING)


def test_sunk_barrier_is_refused_or_counted_up_to_its_turning_point():
    with pytest.raises(tun.ClassicallyAllowedError, match="height"):
        tun.wkb_exponent(1.0, 1.0, 1.0, voltage=2.0)
    with pytest.raises(tun.ClassicallyAllowedError, match="energy"):
        tun.lattice_decay_constant(1.9, 0.0, 1.0)
    with pytest.raises(ArgumentError, match="allowed"):
        tun.decay_constant(1.0, 1.0, allowed="ignore")
    cut = tun.wkb_exponent(1.0, 1.0, 1.0, voltage=2.0, allowed="zero")
    assert cut == pytest.approx(1 / 3)  # ∫_0^{1/2} √(1 - 2y) dy
    assert tun.wkb_exponent(-1.0, 1.0, 1.0, voltage=0.3, allowed="zero") == 0


def test_linear_response_has_one_exponent_for_all_spins():
    mu_left, mu_right = np.array([1e-3, -2e-3]), np.array([5e-4, -5e-4])
    exact = tun.wkb_exponent(2.0, 1.0, 0.04, mu_left=mu_left[:, None], mu_right=mu_right)
    first = tun.wkb_exponent(2.0, 1.0, 0.04) * (1 - (mu_left[:, None] - mu_right) / 4.0)
    np.testing.assert_allclose(exact, first, rtol=1e-6)  # quadratic in µ/U


# ---------------------------------------------------------------------- the currents (1), (3), (4)
@given(st.lists(st.floats(0, 2), min_size=2, max_size=2), pairs, pairs)
def test_diagonal_transmission_conserves_the_magnetization_current(diagonal, mu_left, mu_right):
    T = np.diag(diagonal)
    left = tun.magnetization_current(T, mu_left, mu_right, "left")
    assert left == pytest.approx(float(tun.magnetization_current(T, mu_left, mu_right, "right")), abs=ROUNDING)
    baseline = tun.conserved_magnetization_current(*tun.collinear_coefficients(T), mu_left, mu_right)
    assert left == pytest.approx(float(baseline), abs=ROUNDING)


@given(matrices, pairs, pairs)
def test_the_conserved_current_is_the_mean_of_both_sides(T, mu_left, mu_right):
    left = tun.magnetization_current(T, mu_left, mu_right, "left")
    right = tun.magnetization_current(T, mu_left, mu_right, "right")
    baseline = tun.conserved_magnetization_current(*tun.collinear_coefficients(T), mu_left, mu_right)
    flux = np.asarray(T) * (np.reshape(mu_left, (-1, 1)) - mu_right)
    flip = flux[0, 1] - flux[1, 0]
    np.testing.assert_allclose([left, right], [baseline + flip, baseline - flip], atol=ROUNDING)
    np.testing.assert_allclose(tun.implicit_torque(left, right), -2 * flip, atol=ROUNDING)


@given(matrices, pairs, pairs)
def test_one_sided_coefficients_reproduce_their_side(T, mu_left, mu_right):
    for side in ("left", "right"):
        found = tun.conserved_magnetization_current(*tun.one_sided_coefficients(T, side), mu_left, mu_right)
        assert found == pytest.approx(float(tun.magnetization_current(T, mu_left, mu_right, side)), abs=ROUNDING)


@given(matrices, st.floats(-1, 1))
def test_symmetric_transmission_without_accumulation_conserves_the_scalar(T, voltage):
    T = T + T.T
    left, right = (
        tun.magnetization_current(T, voltage, 0.0, "left"),
        tun.magnetization_current(T, voltage, 0.0, "right"),
    )
    assert left == pytest.approx(float(right), abs=ROUNDING)


def test_spin_accumulation_breaks_the_scalar_conservation_of_identical_magnets():
    T = tun.rotation_law([[4.0, 2.0], [2.0, 1.0]], np.pi / 2)
    left, right = (tun.magnetization_current(T, [0.1, -0.1], 0.0, side) for side in ("left", "right"))
    assert left - right == pytest.approx(2 * 0.2 * T[0, 1])


@settings(deadline=None)
@given(cases(), angles, pairs, pairs)
def test_spin_flip_reflection_is_all_that_equation_3_leaves_out(case, angle, mu_left, mu_right):
    T, R, _, _ = dense_junction(case, angle, 3)
    off = R * (1 - np.eye(2))
    # Landauer-Büttiker with the diagonal of R eliminated by unitarity.
    exact = (off * (mu_left[:, None] - mu_left)).sum(axis=-1) + (T * (mu_left[:, None] - mu_right)).sum(axis=-1)
    J = tun.magnetization_current(T, mu_left, mu_right, "left")
    left, right, kappa = halves(case)
    R_flip = tun.spin_flip_reflection(
        rotation_matrix(unit_vector(0.3), unit_vector(0.3 + angle)), left, right, 3 * kappa
    )
    np.testing.assert_allclose(exact @ SIGNS, J + 2 * R_flip * (mu_left[0] - mu_left[1]), atol=1e-10)
    np.testing.assert_allclose(exact.sum(), tun.charge_current(T, mu_left, mu_right), atol=1e-10)


def test_spin_flip_reflection_is_of_second_order_in_the_transmission():
    R = rotation_matrix(unit_vector(0), unit_vector(1.0))
    left, right, _ = halves(UNLIKE)
    flips = [tun.spin_flip_reflection(R, left, right, exponent) for exponent in (4.0, 5.0)]
    assert np.log(flips[0] / flips[1]) == pytest.approx(4.0, rel=1e-3)


def test_printed_currents_are_the_landauer_form_for_a_linear_density():
    amplitudes, dos = np.array([[0.3, 0.1], [0.2, 0.4]]), 0.7
    mu_left, mu_right = np.array([0.3, 0.1]), np.array([-0.1, 0.2])
    T = 4 * np.pi * dos * amplitudes**2

    def n(mu):
        return dos * mu

    for side in ("left", "right"):
        found = printed.magnetization_current(amplitudes, n, n, mu_left, mu_right, side)
        assert found == pytest.approx(float(tun.magnetization_current(T, mu_left, mu_right, side)), rel=ROUNDING)


def test_printed_currents_flow_in_equilibrium_between_unlike_electrodes():
    amplitudes = np.array([[0.3, 0.1], [0.2, 0.4]])
    current = printed.magnetization_current(amplitudes, lambda mu: mu, lambda mu: 2 * mu, 1.0, 1.0, "left")
    T = tun.golden_rule_probabilities(amplitudes, 1.0, 2.0)
    assert abs(current) > 0.1
    assert tun.magnetization_current(T, 1.0, 1.0, "left") == 0


# ---------------------------------------------------------------------- rotation law
@given(matrices, st.floats(0, 2 * np.pi))
def test_rotation_law_is_recovered_from_the_collinear_junctions(D, angle):
    P, AP = tun.rotation_law(D, 0.0), tun.rotation_law(D, np.pi)
    np.testing.assert_allclose(tun.spin_factors_from_collinear(P, AP), D, atol=ROUNDING)
    np.testing.assert_allclose(tun.rotation_law(D, angle) + tun.rotation_law(D, angle + np.pi), D, atol=ROUNDING)
    overlap = abs(rotation_matrix(unit_vector(0), unit_vector(angle))) ** 2
    np.testing.assert_allclose(tun.rotation_probabilities(angle), overlap, atol=ROUNDING)


def test_factorization_defect_is_undefined_for_closed_channels():
    assert np.isnan(tun.factorization_defect([[1.0, 0.0], [0.0, 0.0]]))


# ---------------------------------------------------------------------- torques
@given(numbers, numbers, angles)
def test_three_measures_of_nonconservation_agree(left, right, angle):
    m_left, m_right = unit_vector(0.4), unit_vector(0.4 + angle)
    vector = tun.vector_difference(left, right, m_left, m_right)
    scalar = float(tun.implicit_torque(left, right))
    on_right, on_left = vector @ m_right, vector @ m_left
    assert vector @ vector == pytest.approx(scalar**2 + 4 * left * right * np.sin(angle / 2) ** 2, abs=1e-11)
    assert on_right == pytest.approx(scalar + left * (1 - np.cos(angle)), abs=ROUNDING)
    assert on_left == pytest.approx(scalar - right * (1 - np.cos(angle)), abs=ROUNDING)
    np.testing.assert_allclose(tun.vector_torque(left, right, m_left, m_right), -vector, atol=ROUNDING)


@given(numbers, numbers, angles)
def test_torques_on_both_magnets_add_up_to_the_lost_spin_current(left, right, angle):
    m_left, m_right = unit_vector(0.4), unit_vector(0.4 + angle)
    tau_left, tau_right = tun.in_plane_torques(left, right, angle)
    e_left, e_right = torque_axes(m_left, m_right)[0], torque_axes(m_right, m_left)[0]
    total = tau_left * e_left + tau_right * e_right
    # Division by sin Φ >= 0.05 amplifies rounding.
    np.testing.assert_allclose(total, tun.vector_torque(left, right, m_left, m_right), atol=1e-10)


@settings(deadline=None)
@given(cases(), angles, st.integers(2, 5), st.sampled_from([0, 1]))
def test_torque_relations_give_the_microscopic_torque(case, angle, planes, lead):
    T, _, fluxes, (m_left, m_right) = dense_junction(case, angle, planes)
    Q, sign = fluxes[lead][1:], (1, -1)[lead]
    assert fluxes[lead][0] == pytest.approx(sign * T.sum(), rel=1e-8)
    # One reservoir raised without spin accumulation: (3) and (4) are exact.
    mu = (1.0, 0.0) if lead == 0 else (0.0, 1.0)
    J_left, J_right = tun.magnetization_current(T, *mu, "left"), tun.magnetization_current(T, *mu, "right")
    assert Q @ m_left == pytest.approx(float(J_left), abs=1e-9)
    assert Q @ m_right == pytest.approx(float(J_right), abs=1e-9)
    tau_left, tau_right = tun.in_plane_torques(J_left, J_right, angle)
    assert Q @ torque_axes(m_right, m_left)[0] == pytest.approx(float(tau_right), abs=1e-8)
    assert -Q @ torque_axes(m_left, m_right)[0] == pytest.approx(float(tau_left), abs=1e-8)


def test_collinear_magnets_feel_no_torque():
    for angle in (0.0, np.pi):
        assert all(torque == 0 for torque in tun.in_plane_torques(1.0, np.cos(angle), angle))


def test_the_implicit_torque_misses_the_torque_on_identical_magnets():
    T = tun.rotation_law([[4.0, 2.0], [2.0, 1.0]], 1.0)
    left, right = tun.magnetization_current(T, 1.0, 0.0, "left"), tun.magnetization_current(T, 1.0, 0.0, "right")
    assert abs(tun.implicit_torque(left, right)) < ROUNDING
    torque = np.linalg.norm(tun.vector_torque(left, right, unit_vector(0), unit_vector(1.0)))
    assert torque == pytest.approx(2 * left * np.sin(0.5), rel=ROUNDING)


def test_the_implicit_torque_is_per_lattice_spacing():
    assert tun.implicit_torque(1.0, 2.0, lattice_constant=0.25) == 4.0


# ---------------------------------------------------------------------- shapes and errors
def test_leading_axes_broadcast():
    angle = np.linspace(0.1, 3.0, 5)
    T = tun.rotation_law([[4.0, 2.0], [2.0, 1.0]], angle)
    mu = np.linspace(0, 1, 3)[:, None, None] * SIGNS
    assert tun.magnetization_current(T, mu, 0.0, "left").shape == (3, 5)
    assert tun.vector_torque(np.ones((4, 1)), np.ones(5), unit_vector(0), unit_vector(angle)).shape == (4, 5, 3)
    R = rotation_matrix(unit_vector(0), unit_vector(angle))
    rho = tun.continuum_reflection([1.0, 2.0], 1.0)
    assert tun.barrier_probabilities(R, rho, rho, np.ones((3, 1))).shape == (3, 5, 2, 2)
    single = tun.barrier_probabilities(R[2], rho, rho, 1.0)
    np.testing.assert_allclose(tun.barrier_probabilities(R, rho, rho, np.ones((3, 1)))[1, 2], single)
    assert tun.wkb_exponent(np.ones((2, 1)), np.ones(3), 1.0).shape == (2, 3)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: tun.magnetization_current(np.eye(3), 1.0, 0.0, "left"), "probabilities"),
        (lambda: tun.magnetization_current(np.eye(2), np.ones(3), 0.0, "left"), "mu_left"),
        (lambda: tun.charge_current(np.eye(2), 1.0, np.nan), "mu_right"),
        (lambda: tun.tunnelling_matrix(np.eye(3), 1.0), "rotation"),
        (lambda: tun.tunnelling_matrix(np.eye(2) * np.nan, 1.0), "rotation"),
        (lambda: tun.spin_factors(1j, [1j, 1j], 1.0), "reflection_left"),
        (lambda: tun.decay_constant(1.0, 0.0), "hbar2_2m"),
        (lambda: tun.wkb_exponent(1.0, -1.0, 1.0), "thickness"),
        (lambda: tun.lattice_decay_constant(3.0, 0.0, -1.0), "hopping"),
        (lambda: tun.surface_green_function(0.0, 0.0, 0.0), "hopping"),
        (lambda: tun.one_sided_coefficients(np.eye(2), "up"), "side"),
        (lambda: tun.implicit_torque(1.0, 1.0, lattice_constant=0.0), "lattice_constant"),
        (lambda: tun.vector_torque(1.0, 1.0, (0, 0, 2), (0, 0, 1)), "m_left"),
        (lambda: tun.conserved_magnetization_current(1.0, [1.0, 1.0], 0.0, 0.0), "alpha"),
    ],
)
def test_arguments_the_physics_does_not_allow_are_named(call, name):
    with pytest.raises(ArgumentError, match=f"`{name}"):
        call()
