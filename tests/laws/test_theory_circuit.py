"""Laws of circuit theory: mixing conductances and spin valves against Kirchhoff's laws for 2×2 matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kwant_spinjunc.errors import ArgumentError, UnitarityError
from kwant_spinjunc.spin import PAULI, sigma, torque_axes, unit_vector
from kwant_spinjunc.theory import circuit as ct

ROUNDING = 1e-12
SOLVED = 1e-9  # a 4×4 solve with contacts that may differ by a factor of 50

polarizations = st.floats(-0.95, 0.95)
etas = st.builds(complex, st.floats(0.2, 20.0), st.floats(-10.0, 10.0))
angles = st.floats(0.0, np.pi)
directions = st.builds(unit_vector, st.floats(0.0, np.pi), st.floats(-np.pi, np.pi))
contacts = st.builds(
    ct.Contact,
    majority=st.floats(0.05, 3.0),
    minority=st.floats(0.05, 3.0),
    mixing=st.builds(complex, st.floats(0.1, 5.0), st.floats(-3.0, 3.0)),
)
seeds = st.integers(0, 2**32 - 1)


def symmetric(p, eta, conductance=1.0):
    return ct.Contact(conductance * (1 + p) / 2, conductance * (1 - p) / 2, conductance * eta / 2)


def matrix_current(contact, m, mu_magnet, node):
    """Return the 2×2 current into the magnet as Brataas, Nazarov and Bauer write it."""
    up, down = (np.eye(2) + sigma(m)) / 2, (np.eye(2) - sigma(m)) / 2
    difference = node - mu_magnet * np.eye(2)
    return (
        contact.majority * up @ difference @ up
        + contact.minority * down @ difference @ down
        + contact.mixing * up @ node @ down
        + np.conj(contact.mixing) * down @ node @ up
    )


def kirchhoff(left, right, m_left, m_right):
    """Return the 2×2 currents into both magnets, from linear equations for the elements of the node's matrix."""
    magnets = ((left, m_left, 0.5), (right, m_right, -0.5))
    basis = np.zeros((4, 2, 2), complex)
    basis.reshape(4, 4)[:] = np.eye(4)
    zero = np.zeros((2, 2))
    columns = [sum(matrix_current(c, m, 0.0, E) for c, m, _ in magnets).ravel() for E in basis]
    source = sum(matrix_current(c, m, mu, zero) for c, m, mu in magnets).ravel()
    node = np.linalg.solve(np.transpose(columns), -source).reshape(2, 2)
    return [matrix_current(c, m, mu, node) for c, m, mu in magnets], node


def charge_and_spin(current):
    return np.trace(current).real, np.einsum("iab,ba->i", PAULI, current).real


# ---------------------------------------------------------------------- mixing conductance
def random_interface(seed, modes, modes_magnet):
    """Return (r, ΣT) of each spin from one random S-matrix a spin."""
    rng, size = np.random.default_rng(seed), modes + modes_magnet
    reflections, transmissions = [], []
    for _ in range(2):
        S = np.linalg.qr(rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size)))[0]
        reflections.append(S[:modes, :modes])
        transmissions.append(np.sum(abs(S[modes:, :modes]) ** 2))
    return reflections, np.array(transmissions)


@given(seed=seeds, modes=st.integers(1, 4), modes_magnet=st.integers(1, 4))
@settings(deadline=None)
def test_mixing_conductance_has_two_equal_forms(seed, modes, modes_magnet):
    (up, down), T = random_interface(seed, modes, modes_magnet)
    direct, careful = ct.mixing_conductance(up, down), ct.mixing_conductance(up, down, T)
    assert complex(direct) == pytest.approx(complex(careful), abs=1e-11)
    assert complex(direct) == pytest.approx(np.trace(np.eye(modes) - up @ down.conj().T), abs=1e-11)


@given(seed=seeds, modes=st.integers(1, 4), modes_magnet=st.integers(1, 4))
@settings(deadline=None)
def test_mixing_absorbs_at_least_half_the_conductance_and_at_most_twice_the_modes(seed, modes, modes_magnet):
    (up, down), T = random_interface(seed, modes, modes_magnet)
    mixing = complex(ct.mixing_conductance(up, down, T))
    assert T.sum() / 2 - ROUNDING <= mixing.real <= 2 * modes + ROUNDING
    assert ct.relative_mixing(T, mixing).real >= 1 - ROUNDING


def test_swapping_the_spins_conjugates_the_mixing_conductance():
    (up, down), _ = random_interface(1, 3, 2)
    assert complex(ct.mixing_conductance(up, down)) == pytest.approx(
        complex(ct.mixing_conductance(down, up)).conjugate(), abs=ROUNDING
    )


def test_tunnel_contact_keeps_the_relative_accuracy_of_its_mixing_conductance():
    t_up, t_down = 3e-11, 1e-11
    r = [[[np.sqrt(1 - t)]] for t in (t_up**2, t_down**2)]
    mixing = ct.mixing_conductance(*r, [t_up**2, t_down**2])
    assert mixing.real == pytest.approx((t_up**2 + t_down**2) / 2, rel=1e-12)


@given(seed=seeds, modes=st.integers(1, 4), m=directions)
@settings(deadline=None)
def test_contact_currents_are_those_of_reflected_density_matrices(seed, modes, m):
    """Electrons arrive with the density matrix of the node and leave reflected: another route, sign of Im included."""
    (up, down), T = random_interface(seed, modes, 2)
    rng = np.random.default_rng(seed + 1)
    mu, delta = rng.normal(), rng.normal(size=3)
    node = mu * np.eye(2) + sigma(delta)
    u_up, u_down = (np.eye(2) + sigma(m)) / 2, (np.eye(2) - sigma(m)) / 2
    r = np.einsum("nm,ab->namb", up, u_up) + np.einsum("nm,ab->namb", down, u_down)
    arriving = modes * node
    leaving = np.einsum("namb,bc,ndmc->ad", r, node, r.conj())
    charge, spin = charge_and_spin(arriving - leaving)
    mixing = ct.mixing_conductance(up, down, T)
    got_charge, got_spin = ct.contact_currents(T, mixing, m, 0.0, mu, delta)
    assert got_charge == pytest.approx(charge, abs=1e-10)
    np.testing.assert_allclose(got_spin, spin, atol=1e-10)


def test_perfect_absorber_of_transverse_spin_doubles_in_a_diffusive_metal():
    assert complex(ct.corrected_mixing_conductance(3.0, 3.0)) == pytest.approx(6.0)
    small = np.array([1e-2, 1e-4]) * (1 + 0.5j)
    np.testing.assert_allclose(ct.corrected_mixing_conductance(small, 1.0) / small - 1, small / 2, rtol=1e-2)


# ---------------------------------------------------------------------- spin valves
@given(left=contacts, right=contacts, m_left=directions, m_right=directions)
@settings(deadline=None)
def test_vector_solution_is_that_of_matrix_kirchhoff_laws(left, right, m_left, m_right):
    valve = ct.solve_spin_valve(left, right, m_left, m_right)
    (into_left, into_right), node = kirchhoff(left, right, m_left, m_right)
    (J_L, S_L), (J_R, S_R) = charge_and_spin(into_left), charge_and_spin(into_right)
    tolerance = SOLVED
    assert valve.conductance == pytest.approx(J_R, abs=tolerance)
    assert pytest.approx(-J_L, abs=tolerance) == J_R
    np.testing.assert_allclose(valve.spin_currents, [-S_L, S_R], atol=tolerance)
    np.testing.assert_allclose(node, valve.mu * np.eye(2) + sigma(valve.accumulation), atol=tolerance)
    for torque, S, m in zip(valve.torques, (S_L, S_R), (m_left, m_right), strict=True):
        np.testing.assert_allclose(torque, S - (S @ m) * m, atol=tolerance)


@given(left=contacts, right=contacts, m_left=directions, m_right=directions)
@settings(deadline=None)
def test_torques_follow_from_the_magnetization_currents(left, right, m_left, m_right):
    """Spin is continuous through the node: τ_R·e_R = (J_M^L - J_M^R cos Φ)/sin Φ, Slonczewski's relation."""
    sine = np.linalg.norm(np.cross(m_left, m_right))
    assume(sine > 1e-3)
    valve = ct.solve_spin_valve(left, right, m_left, m_right)
    Q, cosine = valve.spin_currents, m_left @ m_right
    J_M_left, J_M_right = Q[0] @ m_left, Q[1] @ m_right
    e_left, e_right = torque_axes(m_left, m_right)[0], torque_axes(m_right, m_left)[0]
    assert valve.torques[1] @ e_right * sine == pytest.approx(J_M_left - J_M_right * cosine, abs=1e-8)
    assert valve.torques[0] @ e_left * sine == pytest.approx(-(J_M_right - J_M_left * cosine), abs=1e-8)
    np.testing.assert_allclose(valve.torques.sum(axis=0), J_M_left * m_left - J_M_right * m_right, atol=SOLVED)


@given(p=polarizations, eta=etas, angle=angles, G=st.floats(0.1, 5.0))
@settings(deadline=None)
def test_the_symmetric_valve_has_the_closed_forms_of_brataas_and_slonczewski(p, eta, angle, G):
    """G(Φ), τ and δµ of Brataas, Nazarov and Bauer; τ/J of Slonczewski 2002 with Λ² = |η|²/[Re η (1-p²)]."""
    m_left, m_right = unit_vector([0.0, angle])
    valve = ct.solve_spin_valve(symmetric(p, eta, G), symmetric(p, eta, G), m_left, m_right)
    s2, c2, mixing = np.sin(angle / 2) ** 2, np.cos(angle / 2) ** 2, abs(eta) ** 2 / eta.real
    assert valve.conductance == pytest.approx(G / 2 * (1 - p**2 * s2 / (s2 + mixing * c2)), rel=SOLVED)
    torque = p * G / 4 * np.sin(angle) * mixing / (s2 + mixing * c2)
    expected = [torque * unit_vector(np.pi / 2), torque * unit_vector(angle - np.pi / 2)]
    np.testing.assert_allclose(valve.torques, expected * np.array([[-1], [1]]), atol=SOLVED * G * 100)
    lambda2 = mixing / (1 - p**2)
    per_current = p * lambda2 * np.sin(angle) / ((lambda2 + 1) + (lambda2 - 1) * np.cos(angle))
    assert torque / valve.conductance == pytest.approx(per_current, rel=1e-7, abs=1e-12)
    along = p / 2 * np.sin(angle / 2) / (s2 + mixing * c2) * unit_vector(angle / 2 - np.pi / 2)
    normal = -(eta.imag / eta.real) * np.cos(angle / 2) * p / 2 * np.sin(angle / 2) / (s2 + mixing * c2)
    np.testing.assert_allclose(valve.accumulation, along + normal * np.array([0, 1, 0]), atol=SOLVED * 100)


def test_field_like_torque_needs_contacts_that_differ():
    m_left, m_right = unit_vector([0.0, 1.0])
    a, b = ct.Contact(1.0, 0.3, 1.0 + 0.4j), ct.Contact(0.6, 0.4, 0.8 + 0.1j)
    assert abs(ct.solve_spin_valve(a, a, m_left, m_right).torques[..., 1]).max() < 1e-15
    assert abs(ct.solve_spin_valve(a, b, m_left, m_right).torques[..., 1]).min() > 1e-4


def test_batches_broadcast():
    Phi = np.linspace(0, np.pi, 5)
    contact = symmetric(0.4, 2.0 + 0.3j)
    valve = ct.solve_spin_valve(contact, contact, unit_vector(0.0), unit_vector(Phi))
    single = [ct.solve_spin_valve(contact, contact, unit_vector(0.0), unit_vector(angle)).conductance for angle in Phi]
    np.testing.assert_allclose(valve.conductance, single, rtol=SOLVED)
    assert valve.torques.shape == (5, 2, 3)


# ---------------------------------------------------------------------- bad input
def test_nonsense_is_refused():
    with pytest.raises(ArgumentError, match=r"`reflection_majority` must have shape \(..., M, M\)"):
        ct.mixing_conductance(0.5, 0.5)
    with pytest.raises(ArgumentError, match=r"`reflection_minority` must have shape \(..., 2, 2\)"):
        ct.mixing_conductance(np.eye(2), [[1.0]])
    with pytest.raises(UnitarityError, match="`transmission` must complete the majority reflection"):
        ct.mixing_conductance([[0.6]], [[0.8]], [0.5, 0.36])
    with pytest.raises(ArgumentError, match="`modes` must be positive"):
        ct.corrected_mixing_conductance(1.0, 0.0)
    with pytest.raises(ArgumentError, match="`mixing` must differ from 2N"):
        ct.corrected_mixing_conductance(2.0, 1.0)
    with pytest.raises(ArgumentError, match="`conductances` must be positive for one spin"):
        ct.polarization([0.0, 0.0])
    with pytest.raises(ArgumentError, match="`conductances` must not be negative"):
        ct.polarization([-1.0, 2.0])
    with pytest.raises(ArgumentError, match="`mixing` must have a positive real part"):
        ct.Contact(1.0, 0.5, -1.0)
    with pytest.raises(ArgumentError, match="`minority` must not be negative"):
        ct.Contact(1.0, -0.5, 1.0)
    half_metal = ct.Contact(1.0, 0.0, 1.0)
    with pytest.raises(ArgumentError, match="Kirchhoff's equations are singular"):
        ct.solve_spin_valve(half_metal, half_metal, [0, 0, 1], [0, 0, 1])
    with pytest.raises(ArgumentError, match="`m_right` must be a unit vector"):
        ct.solve_spin_valve(half_metal, half_metal, [0, 0, 1], [0, 0, 2])
