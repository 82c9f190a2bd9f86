"""Adaptive quadrature: known integrals, and errors that are no smaller than they say."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import numbers

from kwant_spinjunc.quadrature import COARSE, FINE, SAFE, SMOOTH, cut_into_pieces, integrate


def solve(function, low, high, points=(), rtol=1e-10):
    pieces = cut_into_pieces([low], [high], [list(points) or [low]])
    found = integrate(lambda owner, x: (function(x)[..., None], 0.0), pieces, 1, 1, rtol=rtol)
    return found.value[0, 0], found.error[0]


@pytest.mark.parametrize(("rule", "degree", "inside"), [(FINE, 31, 19), (SAFE, 31, 17), (COARSE, 11, 5)])
def test_a_rule_is_exact_for_polynomials(rule, degree, inside):
    for power in range(degree + 1):
        assert rule.weights @ rule.nodes**power == pytest.approx(1 / (power + 1), rel=1e-14)
        assert power > inside or abs(rule.difference @ rule.nodes**power).max() < 1e-15  # the Gauss rule in it
    assert abs(rule.difference @ np.cos(3 * (inside + 1) * rule.nodes)).max() > 1e-6


@given(numbers(0.05, 0.95), st.sampled_from([0.5, 1.5, -0.5]))
def test_square_root_singularities_at_given_points_cost_nothing(edge, power):
    value, error = solve(lambda x: abs(x - edge) ** power, 0, 1, [edge])
    exact = (edge ** (power + 1) + (1 - edge) ** (power + 1)) / (power + 1)
    assert value == pytest.approx(exact, rel=1e-9)
    assert abs(value - exact) <= error + 1e-13


@pytest.mark.parametrize("width", [1e-1, 1e-3, 1e-5])
def test_peaks_are_found_and_errors_are_honest(width):
    exact = (np.arctan(0.7 / width) + np.arctan(0.3 / width)) * width
    for rtol in (1e-3, 1e-6, 1e-9):
        value, error = solve(lambda x: width**2 / (width**2 + (x - 0.3) ** 2), 0, 1, [0.3], rtol)
        assert abs(value - exact) <= error + 1e-15
        assert error <= rtol * exact * 1.01 + 1e-13 * exact


@pytest.mark.parametrize("width", [1e-2, 1e-5, 1e-9])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_peak_of_known_width_costs_the_same_however_narrow(width, sign):
    # the peak at one end, a square root at the other
    def peaked(owner, x):
        distance = x if sign > 0 else 1 - x
        return (np.sqrt(1 - distance) * width / (width**2 + distance**2))[..., None], 0.0

    pieces = (np.array([0]), np.array([0.0]), np.array([1.0]))
    known = integrate(peaked, pieces, 1, 1, rtol=1e-6, peak=sign * width)
    halved = integrate(peaked, pieces, 1, 1, rtol=1e-6)
    # ∫ w √(1 - x)/(w² + x²) dx = Im 2 √a artanh(1/√a), a = 1 - i w, less the part of the pole
    root = np.sqrt(1 - 1j * width)
    exact = abs((2 * root * np.arctanh(1 / root)).imag)
    assert abs(known.value[0, 0] - exact) <= known.error[0] + 1e-14
    assert known.error[0] <= 1.1e-6 * exact
    assert known.evaluations <= 21 * 7
    if width < 1e-2:
        assert halved.evaluations > 2 * known.evaluations or abs(halved.value[0, 0] - exact) > halved.error[0]


def test_what_halving_cannot_mend_is_not_halved():
    rng = np.random.default_rng(1)
    pieces = (np.array([0]), np.array([0.3]), np.array([1.0]))

    def steep(owner, x):  # a peak narrower than what numbers near 0.3 can tell
        return (1e-15 / (1e-30 + (x - 0.3) ** 2))[..., None], 0.0

    found = integrate(steep, pieces, 1, 1, rtol=1e-9, peak=1e-15)
    assert found.evaluations < 21 * 50
    assert abs(found.value[0, 0] - np.pi / 2) <= found.error[0] < 1.0

    def noisy(doubt):
        def function(owner, x):
            return 1.0 + 1e-3 * rng.normal(size=(*x.shape, 1)), np.full((*x.shape, 1), doubt)

        return integrate(function, pieces, 1, 1, rtol=1e-9)

    told, untold = noisy(1e-2), noisy(0.0)
    assert told.evaluations == 21
    assert untold.evaluations > 21 * 50


def test_of_pieces_given_up_the_error_is_at_least_the_last_change():
    # both rules agree on what none of their nodes saw, until the piece is halved
    nodes = (1 - np.cos(np.pi * FINE.nodes)) / 2

    def hidden(owner, x):
        seen = (abs(x[..., None] - nodes) < 1e-12).any(axis=-1)
        return np.where(seen, 0.0, 1.0)[..., None] + abs(x[..., None] - 0.3) * 1e-3, 0.0

    pieces = (np.array([0]), np.array([0.0]), np.array([1.0]))
    room = iter([100, 41])  # 42 points halve a piece
    found = integrate(hidden, pieces, 1, 1, rtol=1e-9, room=lambda: next(room))
    assert found.evaluations == 3 * len(FINE.nodes)
    assert found.error[0] >= 0.9  # the difference of both rules alone would be 1e-5


@pytest.mark.parametrize("seed", [1290, 1074])
def test_pieces_accepted_at_different_times_miss_together_no_more_than_was_asked(seed):
    """What one round accepts is no longer there for the next ones."""
    rng = np.random.default_rng(seed)
    count = rng.integers(8, 40)
    kinks, weights, rtol = rng.uniform(0, 1, count), 10 ** rng.uniform(-1.5, 0, count), 10.0 ** -rng.uniform(3, 5)
    value, error = solve(lambda x: (weights * abs(x[..., None] - kinks)).sum(axis=-1), 0, 1, rtol=rtol)
    exact = (weights * (kinks**2 + (1 - kinks) ** 2) / 2).sum()
    assert abs(value - exact) <= error <= rtol * exact


def test_little_room_goes_to_the_worst_pieces_and_is_kept():
    def kinked(owner, x):
        return (abs(x - 0.3) + 0.01 * abs(x - 1.3))[..., None], 0.0

    pieces = (np.array([0, 0]), np.array([0.0, 1.0]), np.array([1.0, 2.0]))
    left = [42 * 12]
    met = []

    def counted(owner, x):
        left[0] -= x.size
        met.extend(x[:, 10])
        return kinked(owner, x)

    found = integrate(counted, pieces, 1, 1, rtol=1e-12, room=lambda: left[0])
    assert 0 <= left[0] < 42
    assert sum(x < 1 for x in met) > sum(x > 1 for x in met)
    free = integrate(kinked, pieces, 1, 1, rtol=1e-12)
    assert abs(found.value - free.value).max() <= found.error[0]
    assert free.error[0] < found.error[0] / 10


def test_errors_of_the_integrand_are_added_up():
    pieces = cut_into_pieces([0.0, 0.0], [2.0, 0.0], np.zeros((2, 1)))
    found = integrate(lambda owner, x: (x[..., None], 0.25), pieces, 2, 1, rtol=1e-8)
    np.testing.assert_allclose(found.value, [[2.0], [0.0]], atol=1e-14)
    np.testing.assert_allclose(found.error, [0.5, 0.0], atol=1e-12)


def test_a_floor_saves_work():
    def oscillating(owner, x):
        return np.sin(300 * x)[..., None], 0.0

    pieces = cut_into_pieces([0.0], [1.0], [[0.0]])
    exact = integrate(oscillating, pieces, 1, 1, rtol=1e-10)
    rough = integrate(oscillating, pieces, 1, 1, rtol=1e-10, floor=10.0)
    assert rough.evaluations < exact.evaluations / 8
    assert abs(rough.value - exact.value).max() <= rough.error[0]


def test_noise_ends_the_search_and_is_reported():
    rng = np.random.default_rng(0)
    value, error = solve(lambda x: 1 + 1e-6 * rng.normal(size=x.shape), 0, 1, rtol=1e-12)
    assert abs(value - 1) <= error
    assert 1e-9 < error < 1e-6


def test_what_is_smooth_is_trusted_more_and_a_kink_is_not():
    def once(function, rule):
        pieces = cut_into_pieces([0.0], [1.0], [[0.0]])
        found = integrate(lambda owner, x: (function(x)[..., None], 0.0), pieces, 1, 1, rtol=1.0, rule=rule)
        return found.value[0, 0], found.error[0]

    wary = replace(SAFE, coarser=None)
    value, error = once(lambda x: 1 / (1.5 - x), SAFE)
    assert abs(value - np.log(3)) <= error == pytest.approx(SMOOTH * once(lambda x: 1 / (1.5 - x), wary)[1])
    for kink in np.random.default_rng(2).uniform(0, 1, 60):
        value, error = once(lambda x, kink=kink: abs(x - kink), SAFE)
        assert error == pytest.approx(once(lambda x, kink=kink: abs(x - kink), wary)[1])
        assert abs(value - (kink**2 + (1 - kink) ** 2) / 2) <= error
