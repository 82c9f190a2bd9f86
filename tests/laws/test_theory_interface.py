"""Laws of the response of an interface, equations (5) and (6), for any unitary scattering."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwant_spinjunc.errors import ArgumentError, UnitarityError
from kwant_spinjunc.spin import SIGNS, rotation_matrix, sigma, spinors, unit_vector
from kwant_spinjunc.theory import interface as it

ROUNDING = 1e-12  # sums of at most 30 numbers of order one
SOLVED = 1e-9  # a 4×4 solve, and unitary matrices from a QR decomposition

seeds = st.integers(0, 2**32 - 1)
channels = st.lists(st.integers(1, 3), min_size=4, max_size=4)
angles = st.floats(0.0, np.pi)


def random_unitary(rng, size, symmetric=False):
    U = np.linalg.qr(rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size)))[0]
    return U @ U.T if symmetric else U


def blocks(S, counts):
    """Return the probabilities of an S-matrix summed over the modes of each (lead, spin)."""
    edges = np.concatenate([[0], np.cumsum(counts)])
    P = [[np.sum(abs(S[edges[i] : edges[i + 1], edges[j] : edges[j + 1]]) ** 2) for j in range(4)] for i in range(4)]
    return np.reshape(P, (2, 2, 2, 2)), np.reshape(counts, (2, 2)).astype(float)


def random_junction(seed, counts, symmetric=False):
    return blocks(random_unitary(np.random.default_rng(seed), sum(counts), symmetric), counts)


def collinear_junction(seed, counts):
    """Return a junction without spin flip: one random S-matrix for each spin."""
    P, rng = np.zeros((2, 2, 2, 2)), np.random.default_rng(seed)
    for spin in (0, 1):
        n, m = counts[spin], counts[2 + spin]
        S = abs(random_unitary(rng, n + m)) ** 2
        P[:, spin, :, spin] = [[S[:n, :n].sum(), S[:n, n:].sum()], [S[n:, :n].sum(), S[n:, n:].sum()]]
    return P, np.reshape(counts, (2, 2)).astype(float)


def chain_junction(splitting, angle, barrier=0.0, planes=0, onsite=1.0):
    """Return the probabilities of a tight-binding chain at E = 0 by the Fisher-Lee relation: t = 1, exchange m·σ."""
    m = unit_vector([0.0, angle])
    frames, levels = spinors(m), onsite - SIGNS * splitting / 2
    phase = levels / 2 + 1j * np.sqrt(1 - levels**2 / 4)  # e^{ik} from 0 = level - 2 cos k
    size = planes + 2
    H = np.zeros((size, 2, size, 2), complex)
    for n in range(size):
        H[n, :, n, :] = barrier * np.eye(2)
        if n:
            H[n, :, n - 1, :] = H[n - 1, :, n, :] = -np.eye(2)
    for lead, n in enumerate((0, size - 1)):
        self_energy = frames[lead] @ np.diag(-phase) @ frames[lead].conj().T
        H[n, :, n, :] = onsite * np.eye(2) - splitting / 2 * sigma(m[lead]) + self_energy
    G = np.linalg.inv(-H.reshape(2 * size, 2 * size)).reshape(size, 2, size, 2)
    width = np.sqrt(2 * phase.imag)
    S = np.zeros((2, 2, 2, 2), complex)
    for a, i in enumerate((0, size - 1)):
        for b, j in enumerate((0, size - 1)):
            inside = frames[a].conj().T @ G[i, :, j, :] @ frames[b]
            S[a, :, b, :] = 1j * width[:, None] * inside * width - np.eye(2) * (a == b)
    return abs(S) ** 2


# ---------------------------------------------------------------------- (5), (6) for any scattering
@given(seed=seeds, counts=channels)
@settings(deadline=None)
def test_sums_over_what_leaves_equal_channels_minus_what_returns(seed, counts):
    P, N = random_junction(seed, counts)
    r = it.interface_response(P, N)
    s = SIGNS
    np.testing.assert_allclose(r.left_1, s * N[0] - s @ P[0, :, 0, :], atol=ROUNDING)
    np.testing.assert_allclose(r.left_2, s @ P[0, :, 1, :], atol=ROUNDING)
    np.testing.assert_allclose(r.right_1, s @ P[1, :, 0, :], atol=ROUNDING)
    np.testing.assert_allclose(r.right_2, s * N[1] - s @ P[1, :, 1, :], atol=ROUNDING)
    np.testing.assert_allclose(r.charge_1, N[0] - P[0, :, 0, :].sum(0), atol=ROUNDING)
    np.testing.assert_allclose(r.charge_2, N[1] - P[1, :, 1, :].sum(0), atol=ROUNDING)


@given(seed=seeds, counts=channels)
@settings(deadline=None)
def test_currents_are_those_of_landauer_and_buttiker(seed, counts):
    P, N = random_junction(seed, counts)
    mu = np.random.default_rng(seed + 1).normal(size=(2, 2))
    into = N * mu - np.einsum("asbt,bt->as", P, mu)
    J, J_M_left, J_M_right = it.interface_currents(it.interface_response(P, N), *mu)
    np.testing.assert_allclose([J_M_left, J_M_right], [into[0] @ SIGNS, -into[1] @ SIGNS], atol=ROUNDING)
    np.testing.assert_allclose([J, J], [into[0].sum(), -into[1].sum()], atol=ROUNDING)  # charge is conserved


@given(seed=seeds, counts=channels, mu=st.floats(-5.0, 5.0))
@settings(deadline=None)
def test_equilibrium_carries_no_current(seed, counts, mu):
    P, N = random_junction(seed, counts)
    np.testing.assert_allclose(it.interface_currents(it.interface_response(P, N), mu, mu), 0, atol=1e-11)


@given(seed=seeds, counts=channels)
@settings(deadline=None)
def test_collinear_magnets_conserve_the_magnetization_current(seed, counts):
    P, N = collinear_junction(seed, counts)
    r = it.interface_response(P, N)
    T = np.diagonal(P[1, :, 0, :])
    for coefficient in (r.left_1, r.left_2, r.right_1, r.right_2):
        np.testing.assert_allclose(coefficient, SIGNS * T, atol=ROUNDING)
    mu = np.random.default_rng(seed).normal(size=(2, 2))
    _, J_M_left, J_M_right = it.interface_currents(r, *mu)
    assert J_M_left == pytest.approx(J_M_right, abs=ROUNDING)


@given(seed=seeds, counts=channels)
@settings(deadline=None)
def test_reciprocity_ties_the_response_of_one_side_to_that_of_the_other(seed, counts):
    """S = Sᵀ: coplanar magnetizations without spin-orbit coupling."""
    P, N = random_junction(seed, counts, symmetric=True)
    r = it.interface_response(P, N)
    # J_M^L per spin splitting on the right = J_M^R per spin splitting on the left
    assert r.left_2 @ SIGNS == pytest.approx(r.right_1 @ SIGNS, abs=ROUNDING)
    # J_M of a side per bias = charge current per spin splitting of that side
    np.testing.assert_allclose(r.left_2.sum(), r.charge_1 @ SIGNS, atol=ROUNDING)
    np.testing.assert_allclose(r.right_1.sum(), r.charge_2 @ SIGNS, atol=ROUNDING)


@given(seed=seeds, counts=channels)
@settings(deadline=None)
def test_reversing_both_magnets_transposes_the_conductance(seed, counts):
    """T[α s, β s'](m) = T[β s', α s](-m): the S-matrix of the reversed junction is the transpose."""
    S = random_unitary(np.random.default_rng(seed), sum(counts))
    G, reverse = (it.conductance_matrix(*blocks(M, counts)) for M in (S, S.T))
    np.testing.assert_allclose(reverse, np.transpose(G, (2, 3, 0, 1)), atol=ROUNDING)
    r, back = it.response_of(G), it.response_of(reverse)
    assert r.left_2 @ SIGNS == pytest.approx(back.right_1 @ SIGNS, abs=ROUNDING)


@given(seed=seeds, counts=channels)
@settings(deadline=None)
def test_accumulation_always_dissipates(seed, counts):
    P, N = random_junction(seed, counts)
    G = it.conductance_matrix(P, N).reshape(4, 4)
    assert np.linalg.eigvalsh(G + G.T).min() > -ROUNDING


@given(seed=seeds, counts=channels)
@settings(deadline=None)
def test_magnets_that_differ_only_in_side_give_mirror_coefficients(seed, counts):
    P, N = random_junction(seed, counts)
    r, mirror = it.interface_response(P, N), it.interface_response(P[::-1, :, ::-1, :], N[::-1])
    np.testing.assert_allclose(mirror.left_1, r.right_2, atol=ROUNDING)
    np.testing.assert_allclose(mirror.left_2, r.right_1, atol=ROUNDING)
    np.testing.assert_allclose(mirror.charge_1, r.charge_2, atol=ROUNDING)


def test_batches_are_solved_point_by_point():
    points = [random_junction(seed, [2, 1, 1, 2]) for seed in range(6)]
    P, N = (np.reshape([p[i] for p in points], (3, 2, *points[0][i].shape)) for i in (0, 1))
    r = it.response_of(it.sharvin_corrected(it.conductance_matrix(P, N), N))
    single = it.response_of(it.sharvin_corrected(it.conductance_matrix(P[1, 1], N[1, 1]), N[1, 1]))
    for many, one in zip(astuple(r), astuple(single), strict=True):
        assert many.shape == (3, 2, 2)
        np.testing.assert_allclose(many[1, 1], one, rtol=ROUNDING)


# ---------------------------------------------------------------------- limits
@given(seed=seeds, counts=channels)
@settings(deadline=None)
def test_exact_coefficients_are_those_of_3_and_4_plus_reflection_with_spin_flip(seed, counts):
    P, N = random_junction(seed, counts, symmetric=True)
    exact = astuple(it.interface_response(P, N))
    kept = astuple(it.tunnelling_response(P[0, :, 1, :]))
    dropped = astuple(it.dropped_response(P))
    for e, k, d in zip(exact, kept, dropped, strict=True):
        np.testing.assert_allclose(e, k + d, atol=ROUNDING)
    assert it.dropped_response(P).left_1.sum() == pytest.approx(0, abs=ROUNDING)


@given(
    angle=angles,
    left=st.lists(st.floats(0.0, 1.0), min_size=2, max_size=2),
    right=st.lists(st.floats(0.0, 1.0), min_size=2, max_size=2),
)
@settings(deadline=None)
def test_factorized_tunnelling_is_the_closed_form(angle, left, right):
    """The sums over R_ss'² D_ss' against the coefficients of the docstring, written out."""
    s, cosine = SIGNS, np.cos(angle)
    (D_L, P_L), (D_R, P_R) = ((sum(D), (D[0] - D[1]) / max(sum(D), 1e-300)) for D in (left, right))
    seen_L, seen_R = (1 + s * P_L * cosine) / 2 * D_L, (1 + s * P_R * cosine) / 2 * D_R
    closed = (
        s * left * seen_R,
        right * (P_L + s * cosine) / 2 * D_L,
        left * (P_R + s * cosine) / 2 * D_R,
        s * right * seen_L,
        left * seen_R,
        right * seen_L,
    )
    for found, expected in zip(astuple(it.tunnelling_limit(angle, left, right)), closed, strict=True):
        np.testing.assert_allclose(found, expected, atol=ROUNDING)


def test_exact_scattering_tends_to_the_tunnelling_limit_in_proportion_to_the_transmission():
    errors, flips, size = [], [], []
    angle = 1.0
    for planes in (2, 4, 6):
        P = chain_junction(1.0, angle, barrier=4.0, planes=planes)
        np.testing.assert_allclose(P.sum((0, 1)), 1, atol=1e-12)
        # Identical collinear magnets have T_ss = D_s² to lowest order.
        D = np.sqrt(np.diagonal(chain_junction(1.0, 0.0, barrier=4.0, planes=planes)[1, :, 0, :]))
        exact = astuple(it.interface_response(P, np.ones((2, 2))))
        limit = astuple(it.tunnelling_limit(angle, D, D))
        size.append(exact[0][0])
        errors.append(np.max(np.abs(np.subtract(exact, limit))) / size[-1])
        flips.append(abs(it.dropped_response(P).left_1).max())
    np.testing.assert_allclose(np.divide(errors[1:], errors[:-1]), np.divide(size[1:], size[:-1]), rtol=0.02)
    np.testing.assert_allclose(np.divide(flips[1:], flips[:-1]), np.divide(size[1:], size[:-1]) ** 2, rtol=0.02)


def test_tiny_transmission_keeps_its_relative_accuracy():
    P = chain_junction(1.0, 1.0, barrier=9.0, planes=20)
    T = P[0, :, 1, :]
    assert T.max() < 1e-35
    r = it.interface_response(P, np.ones((2, 2)))
    np.testing.assert_allclose(r.charge_1, T.sum(-1), rtol=1e-12)
    np.testing.assert_allclose(r.left_2, SIGNS @ T, rtol=1e-12)
    corrected = it.response_of(it.sharvin_corrected(it.conductance_matrix(P), np.ones((2, 2))))
    np.testing.assert_allclose(corrected.left_2, r.left_2, rtol=1e-12)


def test_weak_exchange_makes_an_ideal_contact_up_to_its_square():
    errors = []
    for splitting in (0.2, 0.1, 0.05):
        P = chain_junction(splitting, 1.2)
        exact = astuple(it.interface_response(P, np.ones((2, 2))))
        errors.append(np.max(np.abs(np.subtract(exact, astuple(it.metallic_limit(1.2, 1.0))))))
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 4.0, rtol=0.05)


@given(angle=angles)
@settings(deadline=None)
def test_ideal_contact_turns_the_current_by_the_rotation_law(angle):
    r = it.metallic_limit(angle, 3.0)
    _, J_M_left, J_M_right = it.interface_currents(r, [0.2, -0.2], 0.0)
    assert J_M_right == pytest.approx(J_M_left * np.cos(angle), abs=ROUNDING)
    P = np.zeros((2, 2, 2, 2))
    R = 3 * abs(rotation_matrix(unit_vector(0.0), unit_vector(angle))) ** 2
    P[1, :, 0, :], P[0, :, 1, :] = R.T, R
    np.testing.assert_allclose(astuple(it.interface_response(P)), astuple(r), atol=ROUNDING)
    kept, turned = 3 * SIGNS, 3 * SIGNS * np.cos(angle)
    closed = (kept, turned, turned, kept, [3.0, 3.0], [3.0, 3.0])
    np.testing.assert_allclose(astuple(r), closed, atol=ROUNDING)


def test_conserved_current_fails_for_noncollinear_magnets():
    P = chain_junction(1.0, 1.0, barrier=4.0, planes=3)
    assert abs(it.interface_response(P).left_1[0] / P[1, 0, 0, 0] - 1) > 0.1  # (1): s T_ss on both sides


# ---------------------------------------------------------------------- resistances between diffusive metals
@given(seed=seeds, counts=channels)
@settings(deadline=None)
def test_collinear_matrix_correction_is_the_one_of_schep_and_bauer(seed, counts):
    P, N = collinear_junction(seed, counts)
    corrected = it.sharvin_corrected(it.conductance_matrix(P, N), N)
    T = np.diagonal(P[1, :, 0, :])
    resistance = it.interface_resistance(T, N[0], N[1])
    np.testing.assert_allclose(it.response_of(corrected).charge_1, 1 / resistance, rtol=1e-7)


@given(seed=seeds, counts=channels)
@settings(deadline=None)
def test_correction_refers_to_the_mean_of_arriving_and_leaving_electrons(seed, counts):
    P, N = random_junction(seed, counts)
    corrected = it.sharvin_corrected(it.conductance_matrix(P, N), N)
    arriving = np.random.default_rng(seed).normal(size=(2, 2))
    leaving = np.einsum("asbt,bt->as", P, arriving) / N
    current = np.einsum("asbt,bt->as", corrected, (arriving + leaving) / 2)
    np.testing.assert_allclose(current, N * (arriving - leaving), atol=1e-8)


@given(seed=seeds, counts=channels)
@settings(deadline=None)
def test_correction_keeps_charge_and_reciprocity(seed, counts):
    P, N = random_junction(seed, counts, symmetric=True)
    G = it.sharvin_corrected(it.conductance_matrix(P, N), N).reshape(4, 4)
    scale = abs(G).max()
    np.testing.assert_allclose(G, G.T, atol=SOLVED * scale)
    np.testing.assert_allclose(G.sum(0), 0, atol=SOLVED * scale)
    np.testing.assert_allclose(G.sum(1), 0, atol=SOLVED * scale)


def _join(A, B):
    """Return the probabilities of two scatterers in series without interference, 4×4 = [lead spin, lead spin]."""
    L, R = slice(0, 2), slice(2, 4)
    loop = np.linalg.inv(np.eye(2) - A[R, R] @ B[L, L])
    back = np.linalg.inv(np.eye(2) - B[L, L] @ A[R, R])
    C = np.empty((4, 4))
    C[R, L] = B[R, L] @ loop @ A[R, L]
    C[L, R] = A[L, R] @ back @ B[L, R]
    C[L, L] = A[L, L] + A[L, R] @ back @ B[L, L] @ A[R, L]
    C[R, R] = B[R, R] + B[R, L] @ loop @ A[R, R] @ B[L, R]
    return C


@pytest.mark.parametrize("angle", [0.0, 0.7, 2.2])
def test_corrected_interface_is_what_diffusive_metals_see(angle):
    """Spin-dependent scatterers in both metals, joined classically with the interface: the second route."""
    interface = chain_junction(1.2, angle, barrier=2.5, planes=1).reshape(4, 4)
    scatterer_T = np.array([[0.9, 0.5], [0.8, 0.6]])  # [lead, spin]
    count = np.array([30, 17])
    stack = interface
    for lead in (0, 1):
        T = scatterer_T[lead]
        one = np.block([[np.diag(1 - T), np.diag(T)], [np.diag(T), np.diag(1 - T)]])
        for _ in range(count[lead]):
            stack = _join(one, stack) if lead == 0 else _join(stack, one)
    total = it.conductance_matrix(stack.reshape(2, 2, 2, 2), np.ones((2, 2)))
    G = it.conductance_matrix(interface.reshape(2, 2, 2, 2), np.ones((2, 2)))
    metal = count[:, None] * (1 - scatterer_T) / scatterer_T
    sharvin = np.full((2, 2), 0.5)  # of the outer contacts with the reservoirs
    expected = it.in_series(it.sharvin_corrected(G, np.ones((2, 2))), metal + sharvin)
    np.testing.assert_allclose(expected, total, rtol=1e-8, atol=1e-10)


def test_half_metals_have_a_corrected_conductance():
    P = np.zeros((2, 2, 2, 2))
    P[1, 0, 0, 0] = P[0, 0, 1, 0] = 0.4
    P[0, 0, 0, 0] = P[1, 0, 1, 0] = 0.6
    N = np.array([[1.0, 0.0], [1.0, 0.0]])
    r = it.response_of(it.sharvin_corrected(it.conductance_matrix(P, N), N))
    np.testing.assert_allclose(r.charge_1, [1 / (1 / 0.4 - 1), 0.0], rtol=ROUNDING)


@given(T=st.floats(1e-6, 1.0), N_L=st.floats(1.0, 5.0), N_R=st.floats(1.0, 5.0), area=st.floats(0.1, 10.0))
@settings(deadline=None)
def test_interface_resistance_is_never_negative(T, N_L, N_R, area):
    AR = it.interface_resistance(T, N_L, N_R, area)
    assert AR >= 0
    assert it.interface_resistance(T, N_L, N_R) * area == pytest.approx(AR, rel=ROUNDING)


def test_tunnel_junction_needs_no_correction():
    T = np.array([1e-2, 1e-4, 1e-6])
    error = 1 - it.interface_resistance(T, 1.0, 2.0) * T
    np.testing.assert_allclose(error / T, 0.75, rtol=1e-6)


# ---------------------------------------------------------------------- bad input
def test_ideal_contact_has_no_resistance_to_correct():
    P = np.zeros((2, 2, 2, 2))
    P[1, :, 0, :] = P[0, :, 1, :] = np.eye(2)
    with pytest.raises(ArgumentError, match="ideal contact"):
        it.sharvin_corrected(it.conductance_matrix(P, np.ones((2, 2))), np.ones((2, 2)))


def test_lost_probability_is_refused():
    P, N = random_junction(3, [1, 1, 1, 1])
    with pytest.raises(UnitarityError, match="must add up to `modes`"):
        it.interface_response(0.99 * P, N)
    with pytest.raises(UnitarityError, match="misses by"):
        it.interface_response(P, 2 * N)


def test_nonsense_is_refused():
    with pytest.raises(ArgumentError, match="`probabilities` must have shape"):
        it.interface_response(np.ones((2, 2)))
    with pytest.raises(ArgumentError, match="`probabilities` must not be negative"):
        it.interface_response(-np.ones((2, 2, 2, 2)))
    with pytest.raises(ArgumentError, match="`transmission` must be positive"):
        it.interface_resistance(0.0, 1.0, 1.0)
    with pytest.raises(ArgumentError, match="`transmission` must not exceed"):
        it.interface_resistance(1.5, 1.0, 2.0)
    with pytest.raises(ArgumentError, match="`modes` must be positive"):
        it.metallic_limit(0.1, 0.0)
    with pytest.raises(ArgumentError, match="`mu_left` must have shape"):
        it.interface_currents(it.metallic_limit(0.1, 1.0), [1.0, 2.0, 3.0], 0.0)


def test_a_scattering_gives_the_same_coefficients_by_both_solvers():
    import kwant_spinjunc as sj
    from kwant_spinjunc.transport.observables import interface_coefficients

    iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    spacer = [sj.normal_metal(onsite=0.0, hopping=1.0, thickness=2)]
    junction = sj.Junction(sj.ferromagnet(**iron), spacer, sj.ferromagnet(**iron, m=sj.unit_vector(1.0)))
    kwant, engine = (interface_coefficients(sj.scatter(junction, 0.1, solver=name)) for name in ("kwant", "halves"))
    mu = (0.3, -0.1), (0.05, -0.2)
    J, J_L, J_R = it.interface_currents(kwant, *mu)
    exact = sj.linear_response(sj.scatter(junction, 0.1), *mu)
    np.testing.assert_allclose([J, J_L, J_R], [exact.charge[0], *exact.magnetization], atol=1e-12)
    np.testing.assert_allclose(engine.left_1, kwant.left_1, atol=1e-12)
    np.testing.assert_allclose(engine.right_2, kwant.right_2, atol=1e-12)
