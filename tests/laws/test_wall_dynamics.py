"""Both torques on the wall: tilts, their approach in time, and the thresholds beyond which nothing static is left."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import numbers, unit_vectors

import kwant_spinjunc as sj
from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.magnets import dynamics
from kwant_spinjunc.magnets.dynamics import SpinTorque, critical_torque, evolve, growth_rate, static_wall
from kwant_spinjunc.magnets.wall import self_consistent_wall
from kwant_spinjunc.theory.domain_wall import ConvergenceError, chain_response, relax, spin_chain
from kwant_spinjunc.theory.wall_torques import chain_threshold, macrospin_threshold, wall_tilts
from systems.tunnel_junction import tunnel_junction

MINUS_Z = (0.0, 0.0, -1.0)


def chain_of(planes=40, **given):
    return spin_chain(
        **{
            "exchange": 1.0,
            "anisotropy": 0.1,
            "planes": planes if np.ndim(planes) else (0, planes),
            "demagnetization": 0.15,
            **given,
        }
    )


@given(unit_vectors, numbers(-0.5, 0.5), numbers(-0.5, 0.5), st.integers(0, 2**32 - 1))
def test_motion_is_linearized_exactly(p, damping_like, field_like, seed):
    chain = chain_of(5)
    rng = np.random.default_rng(seed)
    m = rng.normal(size=(5, 3))
    m /= np.linalg.norm(m, axis=-1, keepdims=True)
    torque = SpinTorque.on(chain, 2, polarizer=p, damping_like=damping_like, field_like=field_like)
    # at any state, projected on its own frames, the slope of f is that of finite differences
    _, slope, frames = dynamics.linearized(chain, torque, m)
    step = 1e-6
    for n, i in np.ndindex(5, 2):
        change = []
        for sign in (1, -1):
            moved = m.copy()
            moved[n] = np.cos(step) * m[n] + sign * np.sin(step) * frames[n, i]
            f = np.cross(moved, chain.field(moved)) + torque.at(moved)
            change.append(np.einsum("nia,na->ni", frames, f).ravel())
        assert slope[:, 2 * n + i] == pytest.approx((change[0] - change[1]) / (2 * step), abs=1e-8)


@pytest.mark.parametrize("angle", [0.7, np.pi / 2])
def test_small_tilts_are_those_of_the_lattice_with_a_length_of_their_own(angle):
    chain, size = chain_of(120), 1e-7
    p = sj.unit_vector(angle)
    torque = SpinTorque.on(chain, 0, polarizer=p, damping_like=size, field_like=2 * size)
    m = static_wall(chain, torque)
    given = {"damping_like": size, "field_like": 2 * size, "angle": angle}
    u, w = wall_tilts(np.arange(120), **given, exchange=1.0, anisotropy=0.1, demagnetization=0.15)
    assert m[:, 0] == pytest.approx(u, abs=1e-5 * abs(u[0]))
    assert m[:, 1] == pytest.approx(w, abs=1e-5 * abs(w[0]))
    bare_u, bare_w = wall_tilts(0, **given, exchange=1.0, anisotropy=0.1)
    assert np.arctan2(bare_w, bare_u) % np.pi == pytest.approx(np.arctan2(1, 2))
    assert abs(w[0]) < 0.7 * abs(bare_w)


def test_statics_of_a_torque_that_turns_with_the_spins_is_that_of_its_final_value():
    chain = chain_of((60, 60), theta_right=1.2, demagnetization=(0.0, 0.2))
    torque = SpinTorque.on(chain, 60, polarizer=[0, 0, 1], damping_like=0.04, field_like=0.07)
    torque += SpinTorque.on(chain, 59, polarizer=sj.unit_vector(1.2), damping_like=-0.04, field_like=0.02)
    m = static_wall(chain, torque)
    fixed = relax(chain, torque.at(m))
    assert fixed.m == pytest.approx(m, abs=1e-9)
    # negative control: without demagnetization the right magnet tilts farther out of the plane
    free = static_wall(chain_of((60, 60), theta_right=1.2, demagnetization=0.0), torque)
    assert abs(free[60, 1]) > 1.5 * abs(m[60, 1])


def test_clamped_magnet_moves_to_the_static_wall_and_stays():
    chain = chain_of(12)
    torque = SpinTorque.on(chain, 0, polarizer=[1, 0, 0], damping_like=0.01, field_like=0.02)
    m = static_wall(chain, torque)
    motion = evolve(chain, torque, damping=0.8, time=600.0, points=20, rtol=1e-11)
    assert motion.is_at_rest
    assert motion.m[-1] == pytest.approx(m, abs=1e-11)
    assert growth_rate(chain, torque, m, damping=0.8).real < 0
    assert np.linalg.norm(motion.m, axis=-1) == pytest.approx(1.0, abs=1e-14)
    assert not evolve(chain, torque, damping=0.8, time=2.0, points=5).is_at_rest


@pytest.mark.parametrize(("damping", "field_like"), [(0.01, 0.0), (0.3, 0.0), (0.01, 0.4)])
def test_one_spin_starts_to_precess_where_the_trace_says(damping, field_like):
    chain = chain_of(1)
    torque = SpinTorque.on(chain, 0, polarizer=MINUS_Z, damping_like=1.0, field_like=field_like)
    found = critical_torque(chain, torque, damping=damping, largest=2.0)
    # the field-like part grows with the same factor
    expected = macrospin_threshold(damping, 0.1, 0.15, field_like * found.factor)
    assert found.factor == pytest.approx(float(expected), rel=1e-9)
    assert found.kind == "precession"
    assert found.frequency > 0


def test_many_spins_start_with_the_mode_that_the_end_drives_most():
    for planes, mode in ((10, 0), (40, 1), (100, 1)):
        chain = chain_of(planes, anisotropy=0.01, demagnetization=0.01)
        torque = SpinTorque.on(chain, 0, polarizer=MINUS_Z, damping_like=1.0, field_like=0.0)
        expected, number = chain_threshold(planes, 0.002, 1.0, 0.01, 0.01)
        assert number == mode
        found = critical_torque(chain, torque, damping=0.002, largest=1.0, rtol=1e-7)
        assert found.factor == pytest.approx(expected, rel=2e-3)  # the next order in the torque, 1.2 % at five times it


def test_beyond_the_threshold_the_motion_does_not_end():
    chain = chain_of(2)
    torque = SpinTorque.on(chain, 0, polarizer=MINUS_Z, damping_like=1.0, field_like=0.0)
    threshold = critical_torque(chain, torque, damping=0.3, largest=2.0).factor
    nudged = np.tile(sj.unit_vector(0.02), (2, 1))
    amplitudes = []
    for factor in (0.8, 1.2):
        drive = torque.scaled(factor * threshold)
        motion = evolve(chain, drive, damping=0.3, time=250.0, start=nudged, points=5, rtol=1e-6)
        amplitudes.append(np.hypot(motion.m[-1, 0, 0], motion.m[-1, 0, 1]))
    assert amplitudes[0] < 0.01 < 0.2 < amplitudes[1]


def test_the_branch_of_the_given_start_is_followed():
    """All spins and the polarizer turned by π about x: the same threshold, from the other end of the easy axis."""
    chain = chain_of(2, anisotropy=0.2, demagnetization=0.1)
    turned = np.diag([1.0, -1.0, -1.0])
    found = []
    for way in (np.eye(3), turned):
        torque = SpinTorque.on(chain, 0, polarizer=way @ sj.unit_vector(2.6, 0.3), damping_like=1.0, field_like=0.2)
        start = np.tile(way @ [0.0, 0.0, 1.0], (2, 1))
        found.append(critical_torque(chain, torque, damping=0.1, largest=5.0, start=start))
    assert found[1].factor == pytest.approx(found[0].factor, rel=1e-6)
    np.testing.assert_allclose(found[1].m, found[0].m @ turned, atol=1e-4)
    assert (found[1].m[:, 2] < 0).all()


@pytest.mark.parametrize(("damping", "K", "K_d"), [(0.02, 0.1, 0.15), (0.02, 0.2, 0.1), (5.0, 0.2, 0.1)])
def test_polarizer_across_the_easy_axis_folds_at_any_damping(damping, K, K_d):
    """One spin: (K + K_d) m_y m_z = -τ_D has a last solution, at √(K K_d) already if the film holds it in the plane."""
    chain = chain_of(1, anisotropy=K, demagnetization=K_d)
    torque = SpinTorque.on(chain, 0, polarizer=[1, 0, 0], damping_like=1.0, field_like=0.0)
    found = critical_torque(chain, torque, damping=damping, largest=5.0)
    assert (found.kind, found.frequency) == ("fold", 0.0)
    assert found.factor == pytest.approx(np.sqrt(K * K_d) if K_d > K else (K + K_d) / 2, rel=1e-6)
    if K_d < K:
        with pytest.raises(ConvergenceError):
            static_wall(chain, torque.scaled(1.05 * found.factor), start=found.m)


def test_demagnetization_halves_the_tilt_out_of_the_plane():
    junction = tunnel_junction(theta=np.pi / 2, height=3.0, thickness=2, onsite=1.0)
    given = {"stiffness": 3e-11, "anisotropy": 9e6, "current_density": 1e11, "lattice_constant": 0.25, "planes": 60}
    free = self_consistent_wall(junction, **given)
    film = self_consistent_wall(junction, **given, demagnetization=25e6)
    ratio = film.state.elevation[60] / free.state.elevation[60]
    J, K, K_d = 3e-11 / 0.25e-9, 9e6 * 0.25e-9, 25e6 * 0.25e-9
    expected = chain_response(0, 0, J, K + K_d) / chain_response(0, 0, J, K)  # √(K/(K + µ0 Ms²)) in the continuum
    assert ratio == pytest.approx(float(expected), rel=0.01)
    assert film.state.rotation[60] == pytest.approx(free.state.rotation[60], rel=0.02)


def test_torques_on_one_plane_and_negative_demagnetization_are_refused():
    chain = chain_of(3)
    torque = SpinTorque.on(chain, 0, polarizer=MINUS_Z, damping_like=1.0, field_like=0.0)
    with pytest.raises(ArgumentError, match="other planes"):
        torque + torque
    with pytest.raises(ArgumentError, match="demagnetization"):
        spin_chain(exchange=1.0, anisotropy=1.0, planes=3, demagnetization=-1.0)
    with pytest.raises(ArgumentError, match="plane"):
        SpinTorque.on(chain, 3, polarizer=MINUS_Z, damping_like=1.0, field_like=0.0)
    with pytest.raises(ConvergenceError, match="stable up to"):
        critical_torque(chain, torque.scaled(1e-9), damping=0.1, largest=10.0)
