"""Laws of the wall a current makes at an interface: continuum estimate, lattice, relaxed chain, closed loop."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq, minimize
from strategies import examples

from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.spin import unit_vector
from kwant_spinjunc.theory import domain_wall as dw
from kwant_spinjunc.theory import printed

CLOSED_FORM = 1e-12  # two closed forms of one number: rounding
SOLVED = 1e-9  # a banded solve of a stiffness with condition number up to 4 J/K ~ 1e5
MINIMIZED = 1e-6  # a minimum is located to the root of the rounding of the energy

positive_constants = st.floats(min_value=0.01, max_value=100.0)


# ---------------------------------------------------------------------- continuum
@given(J=positive_constants, K=positive_constants, rotation=st.floats(-0.5, 0.5))
@settings(deadline=None)
def test_profile_balances_exchange_and_anisotropy(J, K, rotation):
    d = float(dw.wall_length(J, K))
    y, h = np.array([-1.5, -0.4, 0.7, 2.0]) * d, 1e-3 * d
    below, at, above = (dw.wall_profile(y + step, rotation, J, K) for step in (-h, 0.0, h))
    second = (above - 2 * at + below) / h**2
    # The second difference of an exponential is exp'' (1 + h²/12d²): 1e-7 here, and rounding 1e-16/1e-6.
    np.testing.assert_allclose(J * second, K * at, rtol=1e-6, atol=1e-9 * K)


def test_profile_falls_to_one_e_th_over_the_wall_length():
    assert dw.wall_profile(dw.wall_length(9.0, 4.0), 0.3, 9.0, 4.0) == pytest.approx(0.3 / np.e, rel=CLOSED_FORM)


@given(J=positive_constants, K=positive_constants, a=st.floats(0.1, 3.0), delta=st.floats(-1.0, 1.0))
@settings(deadline=None)
def test_rotation_and_net_torque_invert_each_other(J, K, a, delta):
    # both terms restore: -∂E/∂θ_0 = -M0 δθ_i {K/2 + √[JK/a² + (K/2)²]}
    lattice = -2.0 * dw.rotation_lattice(delta, J, K, a, M0=2.0) * (K / 2 + np.sqrt(J * K / a**2 + K**2 / 4))
    assert lattice * a == pytest.approx(delta, rel=CLOSED_FORM)
    if abs(K * a**2 / J - 1) > 1e-3:  # closer, the printed bracket cancels
        restored = dw.net_torque_restored(dw.rotation_restored(delta, J, K, a), J, K, a)
        assert restored * a == pytest.approx(delta, rel=1e-10)


def test_restored_form_is_the_printed_one_in_lattice_units():
    J, K, a = 7.0, 0.3, 0.25
    assert dw.net_torque_restored(0.1, J, K, a) == pytest.approx(printed.net_torque(0.1, J / a**2, K))
    assert dw.rotation_restored(0.1, J, K, a) == pytest.approx(printed.rotation(0.1 / a, J / a**2, K))


@pytest.mark.parametrize("a", [1.0, 0.3, 2.5e-10])
def test_printed_rotation_is_refused_where_it_is_singular(a):
    J = 3e-2
    with pytest.raises(ArgumentError, match=r"`K` must differ from J/a².*K a²/J = 1"):
        dw.rotation_restored(1e-3, J, J / a**2, a)
    assert np.isfinite(dw.rotation_lattice(1e-3, J, J / a**2, a))


def test_estimate_exceeds_the_lattice_by_three_halves_of_the_root_of_the_small_parameter():
    kappa = np.array([1e-3, 1e-4, 1e-5, 1e-6])
    excess = dw.rotation_restored(1.0, 1.0, kappa, 1.0) / dw.rotation_lattice(1.0, 1.0, kappa, 1.0) - 1
    assert np.all(abs(excess / np.sqrt(kappa) - 1.5) < 2 * np.sqrt(kappa))


@pytest.mark.parametrize(("kappa", "same"), [(1e-4, True), (0.5, True), (2.0, False), (100.0, False)])
def test_estimate_has_the_wrong_sign_for_a_wall_thinner_than_the_lattice(kappa, same):
    product = dw.rotation_restored(1.0, 1.0, kappa, 1.0) * dw.rotation_lattice(1.0, 1.0, kappa, 1.0)
    assert (product > 0) is np.bool_(same)


def test_lattice_decay_tends_to_the_wall_length():
    kappa = np.array([1e-1, 1e-2, 1e-3])
    excess = dw.lattice_wall_length(1.0, kappa, 1.0) / dw.wall_length(1.0, kappa) - 1
    assert np.all(abs(excess / kappa * 24 - 1) < kappa)


# ---------------------------------------------------------------------- the chain, small rotations
profiles = st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=8)


@given(exchange=st.floats(0.1, 100.0), torque=profiles)
@examples(40)
def test_linear_chain_is_the_closed_form_for_any_torque_profile(exchange, torque):
    chain = dw.spin_chain(exchange=exchange, anisotropy=1.0, planes=(0, 400), theta_right=0.7)
    profile = np.zeros(chain.planes)
    profile[: len(torque)] = torque
    state = dw.relax(chain, 1e-3 * profile, linear=True)
    planes = np.arange(chain.planes)
    expected = 1e-3 * dw.chain_response(planes[:, None], planes, exchange, 1.0) @ profile
    np.testing.assert_allclose(state.rotation, expected, rtol=SOLVED, atol=1e-15)


@pytest.mark.parametrize("kappa", [1e-3, 0.1, 1.0, 2.0, 100.0])
def test_interface_torque_gives_the_lattice_rotation_and_decay(kappa):
    chain = dw.spin_chain(exchange=1.0, anisotropy=kappa, planes=(0, 1500))
    tau = 1e-6
    state = dw.relax(chain, dw.interface_torque(chain, right=tau))
    assert state.rotation[0] == pytest.approx(dw.rotation_lattice(-tau, 1.0, kappa, 1.0), rel=SOLVED)
    decay = np.log(state.rotation[0] / state.rotation[1])
    assert 1 / decay == pytest.approx(dw.lattice_wall_length(1.0, kappa, 1.0), rel=SOLVED)


def test_left_and_right_magnets_are_mirror_images():
    left = dw.spin_chain(exchange=5.0, anisotropy=0.5, planes=(100, 0), theta_left=0.3)
    right = dw.spin_chain(exchange=5.0, anisotropy=0.5, planes=(0, 100), theta_right=0.3)
    a = dw.relax(left, dw.interface_torque(left, left=0.4)).rotation
    b = dw.relax(right, dw.interface_torque(right, right=0.4)).rotation
    np.testing.assert_allclose(a[::-1], b, rtol=SOLVED, atol=1e-15)


def test_linear_response_is_the_limit_of_small_torque():
    chain = dw.spin_chain(exchange=20.0, anisotropy=1.0, planes=(0, 150))
    errors = []
    for tau in (0.2, 0.1, 0.05):
        torque = dw.interface_torque(chain, right=tau)
        errors.append(dw.relax(chain, torque).rotation[0] / dw.relax(chain, torque, linear=True).rotation[0] - 1)
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 4.0, rtol=0.01)  # the first correction is δθ²


@given(coupling=st.floats(-0.3, 5.0), left=st.floats(-1.0, 1.0), right=st.floats(-1.0, 1.0))
@examples(25)
def test_exchange_across_the_interface_couples_the_two_rotations(coupling, left, right):
    chain = dw.spin_chain(exchange=(10.0, 3.0), anisotropy=(1.0, 0.4), planes=200, interface_exchange=coupling)
    state = dw.relax(chain, 1e-3 * dw.interface_torque(chain, left=left, right=right), linear=True)
    own = 1 / dw.chain_response(0, 0, np.array([10.0, 3.0]), np.array([1.0, 0.4]))
    stiffness = np.diag(own) + coupling * np.array([[1, -1], [-1, 1]])
    expected = np.linalg.solve(stiffness, [1e-3 * left, 1e-3 * right])
    np.testing.assert_allclose(state.rotation[chain.interface_planes], expected, rtol=1e-8, atol=1e-15)


# ---------------------------------------------------------------------- the chain, vectors and large rotations
def test_torque_normal_to_the_plane_keeps_the_spins_in_the_plane():
    chain = dw.spin_chain(exchange=30.0, anisotropy=1.0, planes=120, theta_right=1.1)
    profile = np.zeros(chain.planes)
    profile[[118, 119, 120, 121]] = [0.1, -1.0, 2.0, 0.5]
    state = dw.relax(chain, profile)
    vectors = dw.relax(chain, profile[:, None] * [0.0, 1.0, 0.0])
    assert abs(state.elevation).max() < 1e-14
    np.testing.assert_allclose(vectors.m, state.m, atol=1e-14)


@pytest.mark.parametrize("theta", [0.0, 0.8, 2.5])
def test_torque_in_the_plane_tilts_the_spins_out_of_it_by_the_same_angle(theta):
    """A static uniaxial magnet answers τ by δm ∝ τ × m: what the paper reads as δθ is an elevation."""
    chain = dw.spin_chain(exchange=30.0, anisotropy=1.0, planes=(0, 120), theta_right=theta)
    growing_theta = unit_vector(theta + np.pi / 2)
    in_plane = dw.relax(chain, dw.interface_torque(chain, right=2.0 * growing_theta))
    normal = dw.relax(chain, dw.interface_torque(chain, right=2.0))
    assert normal.rotation[0] > 0.3
    np.testing.assert_allclose(in_plane.elevation, -normal.rotation, rtol=SOLVED, atol=1e-13)
    assert abs(in_plane.rotation).max() < 1e-13


def test_every_spin_of_a_relaxed_texture_is_in_balance():
    rng = np.random.default_rng(5)
    chain = dw.spin_chain(
        exchange=(12.0, 4.0), anisotropy=(1.0, 0.5), planes=(40, 30), theta_right=1.0, interface_exchange=2.0
    )
    torque = 0.1 * rng.normal(size=(chain.planes, 3))
    state = dw.relax(chain, torque)
    m, J = state.m, chain.exchange[:, None]
    h = (chain.anisotropy * np.sum(m * chain.easy_axes, -1))[:, None] * chain.easy_axes
    h[:-1] += J * m[1:]
    h[1:] += J * m[:-1]
    unbalanced = torque + np.cross(m, h)
    unbalanced -= np.sum(unbalanced * m, -1)[:, None] * m
    assert abs(unbalanced).max() < 1e-12
    assert state.residual < 1e-12
    assert state.stable


def test_relaxed_chain_minimizes_the_energy():
    chain = dw.spin_chain(
        exchange=2.0, anisotropy=0.7, planes=6, theta_left=-0.4, theta_right=1.3, interface_exchange=0.8
    )
    torque = np.linspace(-0.2, 0.3, chain.planes)

    def energy(theta):
        return chain.energy(unit_vector(theta)) - torque @ theta

    found = minimize(energy, chain.easy_angle, method="BFGS", options={"gtol": 1e-9}).x
    np.testing.assert_allclose(dw.relax(chain, torque).theta, found, atol=MINIMIZED)


def test_large_interface_rotation_tends_to_the_first_integral_of_the_continuum():
    errors = []
    for kappa in (4e-3, 1e-3, 2.5e-4):
        chain = dw.spin_chain(exchange=1.0, anisotropy=kappa, planes=(0, 1500))
        tau = 0.7 * float(dw.critical_torque(1.0, kappa))
        state = dw.relax(chain, dw.interface_torque(chain, right=tau))
        errors.append(state.rotation[0] / np.arcsin(0.7) - 1)  # sin δθ_i = τ/√(JK)
    assert abs(errors[-1]) < 0.03
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 2.0, rtol=0.1)  # the lattice corrects by √κ


def test_chain_holds_no_more_than_the_critical_torque():
    kappa = 1e-3
    chain = dw.spin_chain(exchange=1.0, anisotropy=kappa, planes=(0, 600))
    critical = float(dw.critical_torque(1.0, kappa))
    with pytest.raises(dw.ConvergenceError, match="branch from the easy axes ends at") as error:
        dw.relax(chain, dw.interface_torque(chain, right=2 * critical))
    held = 2 * float(str(error.value).split("ends at ")[1].split()[0])
    assert held == pytest.approx(1.0, abs=np.sqrt(kappa))


def test_uniform_torque_rotates_the_magnet_as_a_whole():
    chain = dw.spin_chain(exchange=10.0, anisotropy=1.0, planes=(0, 30), theta_right=0.4)
    state = dw.relax(chain, np.full(30, 0.3))
    np.testing.assert_allclose(np.sin(2 * state.rotation) / 2, 0.3, rtol=SOLVED)


def test_free_layer_thinner_than_the_wall_rotates_as_a_whole():
    planes, tau = 5, 0.05
    chain = dw.spin_chain(exchange=1e4, anisotropy=1.0, planes=(0, planes))
    state = dw.relax(chain, dw.interface_torque(chain, right=tau))
    # The twist inside is τ N/J = 2.5e-5 of a radian against τ/(N K) = 0.01.
    np.testing.assert_allclose(state.rotation, tau / planes, rtol=5e-3)
    assert state.end_tilt > 0.9 * state.tilt[0]


def test_continuous_exchange_makes_the_sine_gordon_wall():
    angle, errors = 2.0, []
    for kappa in (1e-1, 2.5e-2):
        chain = dw.spin_chain(
            exchange=1.0, anisotropy=kappa, planes=200, theta_left=0.0, theta_right=angle, interface_exchange=1.0
        )
        state = dw.relax(chain, np.zeros(chain.planes))
        y = np.arange(200) + 0.5
        expected = 2 * np.arctan(np.tan(angle / 4) * np.exp(-y * np.sqrt(kappa)))
        np.testing.assert_allclose(state.rotation[:200], -state.rotation[:199:-1], atol=1e-12)
        errors.append(abs(-state.rotation[200:] - expected).max())
    assert errors[1] < 2e-3
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.3)  # central differences: O(κ)


def test_no_torque_leaves_the_easy_axes():
    chain = dw.spin_chain(exchange=10.0, anisotropy=1.0, planes=(30, 20), theta_left=-0.3, theta_right=2.0)
    state = dw.relax(chain, np.zeros(50))
    np.testing.assert_allclose(state.theta, chain.easy_angle, atol=1e-15)
    assert state.iterations <= 1


def test_turning_both_easy_axes_turns_the_texture():
    rotations = []
    for turn in (0.0, 2.9):
        chain = dw.spin_chain(
            exchange=50.0, anisotropy=0.2, planes=60, theta_left=turn, theta_right=1.5 + turn, interface_exchange=20.0
        )
        state = dw.relax(chain, dw.interface_torque(chain, left=0.3, right=-0.8))
        assert state.stable
        rotations.append(state.rotation)
    np.testing.assert_allclose(*rotations, atol=1e-11)


def test_a_start_selects_the_branch():
    chain = dw.spin_chain(exchange=10.0, anisotropy=1.0, planes=(0, 40))
    reversed_ = dw.relax(chain, dw.interface_torque(chain, right=0.1), start=np.full(40, np.pi))
    near = dw.relax(chain, dw.interface_torque(chain, right=0.1))
    np.testing.assert_allclose(reversed_.tilt, np.pi - near.tilt, atol=1e-10)


def test_an_unstable_balance_is_reported_as_unstable():
    chain = dw.spin_chain(exchange=10.0, anisotropy=1.0, planes=20, theta_right=np.pi, interface_exchange=10.0)
    step = dw.relax(chain, np.zeros(40), start=chain.easy_angle)
    assert not step.stable
    assert step.tilt.max() < 1e-12
    with pytest.raises(dw.ConvergenceError, match="`interface_exchange` must leave a stable equilibrium"):
        dw.relax(chain, np.zeros(40))


# ---------------------------------------------------------------------- the closed loop
def _feedback(chain, gain, offset=0.0):
    """Return a torque on the first right plane that depends on its own angle."""

    def torque(m):
        return dw.interface_torque(chain, right=gain * np.sin(np.arctan2(m[0, 0], m[0, 2]) + offset))

    return torque


@pytest.fixture
def chain():
    return dw.spin_chain(exchange=100.0, anisotropy=1.0, planes=(0, 250), theta_right=1.0)


@pytest.mark.parametrize("method", ["anderson", "damped"])
@pytest.mark.parametrize("gain", [0.5, 4.0, -6.0])
def test_loop_finds_the_torque_that_reproduces_itself(chain, method, gain):
    report = dw.self_consistent(_feedback(chain, gain), chain, method=method)
    assert report.converged, report.reason

    def mismatch(torque):
        rotation = dw.relax(chain, dw.interface_torque(chain, right=torque)).rotation[0]
        return gain * np.sin(1.0 + rotation) - torque

    torque = brentq(mismatch, -7.0, 7.0, xtol=1e-13)
    assert report.state.torque[0, 1] == pytest.approx(torque, rel=1e-7)
    assert report.residuals[-1] <= 1e-8


def test_loop_works_with_vectors(chain):
    def torque(m):
        return dw.interface_torque(chain, right=0.5 * np.cross(m[0], [0.0, 0.0, 1.0]) + [0.0, 0.0, 0.2])

    report = dw.self_consistent(torque, chain)
    assert report.converged
    np.testing.assert_allclose(torque(report.state.m), report.state.torque, atol=1e-8)


def test_weak_feedback_needs_few_evaluations(chain):
    assert dw.self_consistent(_feedback(chain, 0.1), chain).evaluations <= 5


def _strong(chain):
    """Return a torque whose answer to the wall is -1.5 times the torque that made the wall."""
    stiffness = 1 / float(dw.chain_response(0, 0, 100.0, 1.0))

    def torque(m):
        return dw.interface_torque(chain, right=0.05 - 1.5 * stiffness * (np.arctan2(m[0, 0], m[0, 2]) - 1.0))

    return torque


def test_anderson_and_damping_converge_where_plain_iteration_diverges(chain):
    plain = dw.self_consistent(_strong(chain), chain, method="damped", max_evaluations=8)
    assert not plain.converged
    assert "does not shrink" in plain.reason
    assert "smaller `mixing`" in plain.reason
    assert dw.self_consistent(_strong(chain), chain).converged
    assert dw.self_consistent(_strong(chain), chain, method="damped", mixing=0.4).converged


def test_loop_that_needs_more_evaluations_says_how_many(chain):
    report = dw.self_consistent(_feedback(chain, 4.0), chain, method="damped", max_evaluations=3, mixing=0.5)
    assert not report.converged
    missing = int(report.reason.split("about ")[1].split()[0])
    enough = dw.self_consistent(
        _feedback(chain, 4.0), chain, method="damped", max_evaluations=3 + 2 * missing, mixing=0.5
    )
    assert enough.converged
    assert abs(enough.evaluations - 3 - missing) <= 2


def test_loop_with_a_torque_no_wall_can_hold_says_so(chain):
    report = dw.self_consistent(_feedback(chain, 200.0), chain)
    assert not report.converged
    assert "cannot hold the torque of evaluation 1" in report.reason
    assert "converged                  no" in str(report)


def test_loop_without_torque_is_at_rest(chain):
    report = dw.self_consistent(lambda m: np.zeros(len(m)), chain)
    assert report.converged
    assert abs(report.state.rotation).max() == 0


# ---------------------------------------------------------------------- bad input
@pytest.mark.parametrize("function", [dw.wall_length, dw.critical_torque])
@pytest.mark.parametrize(("J", "K", "name"), [(0.0, 1.0, "J"), (-1.0, 1.0, "J"), (1.0, 0.0, "K"), (1.0, -2.0, "K")])
def test_exchange_and_anisotropy_must_be_positive(function, J, K, name):
    with pytest.raises(ArgumentError, match=f"`{name}` must be positive"):
        function(J, K)


def test_chain_refuses_what_is_no_magnet():
    good = {"exchange": 1.0, "anisotropy": 1.0, "planes": 3}
    for bad, match in [
        ({"exchange": -1.0}, "`exchange` must be positive"),
        ({"anisotropy": (1.0, 0.0)}, "`anisotropy` must be positive"),
        ({"anisotropy": (1.0, 1.0, 1.0)}, "`anisotropy` must be one value or a pair"),
        ({"planes": 0}, "`planes` must be at least 1"),
        ({"planes": (0, 0)}, "at least one plane"),
        ({"theta_left": np.nan}, "`theta_left` must be finite"),
        ({"interface_exchange": np.inf}, "`interface_exchange` must be finite"),
    ]:
        with pytest.raises(ArgumentError, match=match):
            dw.spin_chain(**(good | bad))


def test_torques_and_starts_must_fit_the_chain(chain):
    with pytest.raises(ArgumentError, match=r"`torque` must have shape \(250,\) or \(250, 3\)"):
        dw.relax(chain, np.zeros(3))
    with pytest.raises(ArgumentError, match="`start` must be 250 angles"):
        dw.relax(chain, np.zeros(250), start=np.zeros((250, 2)))
    with pytest.raises(ArgumentError, match="`right` must be a scalar or one vector"):
        dw.interface_torque(chain, right=[1.0, 2.0])
    with pytest.raises(ArgumentError, match="`torque` must be finite"):
        dw.self_consistent(lambda m: np.full(len(m), np.nan), chain)
    with pytest.raises(ArgumentError, match="`method` must be"):
        dw.self_consistent(lambda m: np.zeros(len(m)), chain, method="newton")
    with pytest.raises(ArgumentError, match="`mixing` must not exceed 1"):
        dw.self_consistent(lambda m: np.zeros(len(m)), chain, mixing=1.5)
    with pytest.raises(ArgumentError, match="`n` must not be negative"):
        dw.chain_response(-1, 0, 1.0, 1.0)
