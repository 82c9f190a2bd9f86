"""Brillouin-zone averages: exact moments, honest errors, the meshes they stand for, and what they cost."""

from functools import partial
from itertools import pairwise

import mpmath
import numpy as np
import pytest
from hypothesis import given
from strategies import examples, numbers

import kwant_spinjunc as sj
from kwant_spinjunc import halves
from kwant_spinjunc.halves import Stack, half, kinks, zone
from kwant_spinjunc.model.plane import band_shift

#: Sums of a few hundred terms of order one.
ROUNDING = 1e-13


def iron(theta=0.0, **changes):
    return sj.ferromagnet(
        **dict(onsite=0.0, hopping=1.0, splitting=1.5, in_plane_hopping=1.0) | changes, m=sj.unit_vector(theta)
    )


def tunnel_junction(theta=1.0, height=9.0, thickness=3):
    spacer = sj.barrier(onsite=height, hopping=1.0, thickness=thickness, in_plane_hopping=1.0)
    return sj.Junction(iron(), [spacer], iron(theta))


def double_barrier(theta=1.0, thickness=2):
    wall = sj.barrier(onsite=9.0, hopping=1.0, thickness=thickness, in_plane_hopping=1.0)
    well = sj.normal_metal(onsite=0.0, hopping=1.0, thickness=3, in_plane_hopping=1.0)
    return sj.Junction(iron(), [wall, well, wall], iron(theta))


def averaged(problem, energy, **options):
    """Probabilities by the one door to means; of several energies each by itself, of a stack its members together."""
    E, axes = np.asarray(energy), (1,) * len(problem.shape if isinstance(problem, Stack) else ())

    def observe(c, index=None):
        at = E if index is None else E[index].reshape(-1, *axes)
        return halves.probabilities(problem, at, c.reshape(-1, *axes))

    return zone.mean(observe, problem, energy, **options)


def exact(function, *ends):
    """Return the average by mpmath with 25 digits, split at ``ends``; K(√(1 - x²)) = π/(2 agm(1, x))."""
    with mpmath.workdps(25):

        def weighted(c):
            return function(c) / (2 * mpmath.pi * mpmath.agm(1, abs(c) / 2))

        return float(mpmath.quad(weighted, sorted({-2, 0, 2, *ends})))


# ------------------------------------------------------------------------------------------------------- the integral
def test_weight_has_the_moments_of_two_cosines():
    """⟨(cos x + cos z)^n⟩ = 1, 0, 1, 0, 9/4, 0, 25/4."""
    result = zone.average(lambda c: c[:, None] ** np.arange(7), rtol=1e-13)
    np.testing.assert_allclose(result.value, [1, 0, 1, 0, 2.25, 0, 6.25], atol=ROUNDING)
    assert result.points < 700  # odd moments vanish: nothing but rounding is good enough


def test_fixed_nodes_have_the_same_moments_for_any_splits():
    split = np.array([[-1.0, 0.3], [1.999999, 0.0], [5.0, -9.0]])
    c, w = zone.nodes(split)
    assert c.shape == w.shape
    assert c.shape[0] == 3
    for n, moment in enumerate([1, 0, 1, 0, 2.25]):
        np.testing.assert_allclose((w * c**n).sum(-1), moment, atol=ROUNDING)


@pytest.mark.parametrize("threshold", [-1.999, -0.7, 0.0, 1e-9, 1.3])
def test_a_channel_that_opens_is_integrated_to_rounding(threshold):
    """√(c - c_0) above its threshold."""
    root = zone.average(lambda c: np.sqrt(np.maximum(c - threshold, 0)), [threshold], rtol=1e-11)
    assert root.value == pytest.approx(exact(lambda c: mpmath.sqrt(max(c - threshold, 0)), threshold), rel=1e-11)
    assert root.points < 300


def test_reported_error_is_not_below_the_true_one():
    """Smooth, kinked, peaked and oscillating functions at all tolerances; the error also meets the tolerance."""
    functions = {
        "smooth": (lambda c, m: m.exp(c), ()),
        "kink": (lambda c, m: abs(c - 0.7), (0.7,)),
        "peak": (lambda c, m: 1e-3 / ((c - 0.41) ** 2 + 1e-6), (0.41,)),
        "unknown peak": (lambda c, m: 1e-2 / ((c - 0.41) ** 2 + 1e-4), ()),
        "oscillation": (lambda c, m: m.cos(40 * c), ()),
        "pole at the edge": (lambda c, m: 1 / (2.01 - c), ()),
    }
    for name, (function, split) in functions.items():
        ends = {0.7} if "kink" in name else {0.41, 0.4, 0.42, 0.3, 0.5} if "peak" in name else set()
        if name == "oscillation":
            ends = set(np.linspace(-2, 2, 33))
        reference = exact(lambda c, f=function: f(c, mpmath), *ends)
        for rtol in (1e-3, 1e-6, 1e-9):
            result = zone.average(lambda c, f=function: f(c, np), split, rtol=rtol, strict=False)
            assert abs(result.value - reference) <= result.error + 1e-15, (name, rtol)
            assert result.error <= rtol * abs(result.value) * (1 + 1e-9) + ROUNDING, (name, rtol)


@pytest.mark.parametrize("kink", np.random.default_rng(0).uniform(-1.9, 1.9, 12).round(6))
def test_a_kink_nobody_told_of_costs_points_but_not_the_tolerance(kink):
    reference = exact(lambda c: abs(c - kink), float(kink))
    for rtol in (1e-3, 1e-5, 1e-7):
        result = zone.average(lambda c: abs(c - kink), rtol=rtol)
        assert abs(result.value - reference) <= rtol * reference


def test_a_tolerance_that_is_not_reached_is_an_error_or_a_flag():
    def jagged(c):
        return np.sign(np.sin(300 * c))

    with pytest.raises(zone.IntegrationError, match="did not reach rtol"):
        zone.average(jagged, rtol=1e-10, max_points=2000)
    result = zone.average(jagged, rtol=1e-10, max_points=2000, strict=False)
    assert not result.converged
    assert result.points <= 2000
    assert result.error > 1e-10 * abs(result.value)


def test_components_that_vanish_or_cancel_count_as_converged():
    result = zone.average(lambda c: np.stack([0 * c, c**3, 1 + 0 * c], axis=-1), rtol=1e-10)
    assert result.converged
    np.testing.assert_allclose(result.value, [0, 0, 1], atol=ROUNDING)


def test_several_problems_are_refined_together():
    centers = np.array([-1.2, 0.3, 0.8])
    calls = []

    def peaks(c, problem):
        calls.append(len(c))
        return 1e-3 / ((c - centers[problem]) ** 2 + 1e-6)

    together = zone.average(peaks, centers[:, None], rtol=1e-9)
    alone = [zone.average(lambda c, x=x: 1e-3 / ((c - x) ** 2 + 1e-6), [x], rtol=1e-9).value for x in centers]
    np.testing.assert_allclose(together.value, alone, rtol=1e-9)
    assert together.error.shape == (3,)
    assert len(calls) < 20


def test_complex_values_are_averaged():
    result = zone.average(lambda c: np.exp(1j * c))
    bessel = mpmath.besselj(0, 1) ** 2  # ⟨exp(i cos x)⟩²
    assert result.value == pytest.approx(complex(bessel), abs=ROUNDING)
    both = zone.average(lambda c, problem: np.exp(1j * c) * np.array([1.0, 2.0j])[problem], [[0.3], [0.5]])
    assert both.value == pytest.approx(complex(bessel) * np.array([1.0, 2.0j]), abs=ROUNDING)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: zone.average(lambda c: c, rtol=-1), sj.errors.ArgumentError, "must not be negative"),
        (lambda: zone.average(lambda c: c, rtol=0), sj.errors.ArgumentError, "both be zero|not be negative"),
        (lambda: zone.average(lambda c: 1.0), sj.errors.ArgumentError, "one entry per c"),
        (lambda: zone.average(lambda c: c * np.nan), zone.IntegrationError, "NaN"),
        (lambda: zone.mesh(5), sj.errors.ArgumentError, "must be even"),
        (lambda: averaged(tunnel_junction(), [[0.0]]), sj.errors.ArgumentError, "1D array"),
        (
            lambda: zone.resonances(Stack.from_junctions([tunnel_junction(), tunnel_junction(height=8.0)]), 0.0),
            sj.errors.ArgumentError,
            "single junction",
        ),
    ],
)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


# ------------------------------------------------------------------------------------------------------------- meshes
@pytest.mark.parametrize("n", [2, 4, 10])
def test_irreducible_wedge_stands_for_the_whole_mesh(n):
    def function(k):
        return np.cos(k[:, 0]) * np.cos(k[:, 1]) + np.cos(2 * k).sum(axis=1) ** 2

    k, w = zone.mesh(n)
    full, uniform = zone.mesh(n, wedge=False)
    assert w.sum() == pytest.approx(1)
    assert (k[:, 0] >= k[:, 1]).all()
    assert len(full) == n * n
    assert w @ function(k) == pytest.approx(uniform @ function(full))


def test_one_dimensional_integral_is_the_limit_of_the_meshes():
    """212 points in c do what 160 000 in k do not."""
    junction, E = tunnel_junction(), -3.0
    result = averaged(junction, E, rtol=1e-4)
    value = result.value[1, :, 0].sum()
    assert result.points < 300

    def error(points):
        k, w = points
        return abs(w @ halves.probabilities(junction, E, band_shift(k))[:, 1, :, 0].sum(axis=(-1, -2)) / value - 1)

    assert error(zone.mesh(16)) > 1e-3
    assert error(zone.gamma_mesh(15)) > 1e-3
    assert 1e-7 < error(zone.mesh(400)) < 1e-4
    assert 1e-7 < error(zone.gamma_mesh(401)) < 1e-4


# ------------------------------------------------------------------------------------------------------- the junctions
@examples(20)
@given(numbers(-6, 6), numbers(-1, 1))
def test_channels_open_and_close_at_the_thresholds_only(energy, t):
    junction = sj.Junction(iron(in_plane_hopping=t), [], iron(in_plane_hopping=0.5, onsite=0.3))
    points = np.unique(np.concatenate([[-2, 2], zone.thresholds(junction, energy)]))
    for low, high in pairwise(points):
        if high - low > 1e-6:
            c = np.linspace(low, high, 9)[1:-1]
            open_ = junction.open_channels(energy, c)
            assert (open_ == open_[0]).all()


def test_thresholds_of_a_batch_are_those_of_its_members():
    junction = tunnel_junction()
    E = np.array([[-3.0], [0.3], [1.0]])
    found = zone.thresholds(junction, E)
    assert found.shape == (3, 1, 8)
    for i in range(3):
        np.testing.assert_array_equal(found[i, 0], zone.thresholds(junction, E[i, 0]))


@pytest.mark.parametrize(("junction", "energy"), [(tunnel_junction(), -3.0), (tunnel_junction(thickness=8), 0.3)])
def test_tunnel_conductance_needs_few_points(junction, energy):
    reference = averaged(junction, energy, rtol=1e-12).value
    result = averaged(junction, energy, rtol=1e-6)
    assert result.points < 400
    np.testing.assert_allclose(result.value[1, :, 0], reference[1, :, 0], rtol=1e-10)
    total = result.value.sum(axis=(0, 1))
    open_ = zone.average(lambda c: junction.open_channels(energy, c).astype(float), zone.thresholds(junction, energy))
    np.testing.assert_allclose(total, open_.value, atol=1e-11)


def test_sharp_resonances_are_found_and_resolved():
    """Quantum-well states between two barriers, against a brute-force midpoint sum."""
    junction, energy = double_barrier(thickness=1), 0.3
    assert len(zone.resonances(junction, energy)) > 0
    result = averaged(junction, energy, rtol=1e-8)
    ends = np.unique(np.concatenate([[-2, 0, 2], zone.thresholds(junction, energy)]))
    brute = 0.0
    for low, high in pairwise(ends):
        # smooth at both ends and logarithmic at 0 after c = low + (high - low) s²(3 - 2s)
        s = (np.arange(200_000) + 0.5) / 200_000
        c = low + (high - low) * s * s * (3 - 2 * s)
        jacobian = (high - low) * 6 * s * (1 - s) / len(s)
        P = halves.probabilities(junction, energy, c)[:, 1, :, 0].sum(axis=(-1, -2))
        brute += (P * zone.weight(c) * jacobian).sum()
    assert result.value[1, :, 0].sum() == pytest.approx(brute, rel=1e-6)
    junction = double_barrier(thickness=3)  # peaks of width 1e-6: found at the resonances, or by bisection
    result = averaged(junction, energy, rtol=1e-8)
    without = zone.average(
        lambda c: halves.probabilities(junction, energy, c), zone.thresholds(junction, energy), rtol=1e-8
    )
    np.testing.assert_allclose(without.value, result.value, rtol=1e-7, atol=1e-12)


def test_a_junction_without_dispersion_is_its_own_average():
    chain = sj.Junction(
        sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0),
        [sj.barrier(onsite=3.0, hopping=1.0, thickness=2)],
        sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0, m=sj.unit_vector(1.0)),
    )
    result = averaged(chain, 0.2)
    np.testing.assert_allclose(result.value, halves.probabilities(chain, 0.2), atol=ROUNDING)
    assert len(zone.resonances(chain, 0.2)) == 0


def test_angles_and_energies_share_one_refinement(monkeypatch):
    """37 angles cost no more halves than one; several energies are one adaptive run."""
    counted = []
    original = half.solve_lead
    monkeypatch.setattr(
        half, "solve_lead", lambda p, s, b: (lead := original(p, s, b), counted.append(lead.sigma[0].size))[0]
    )
    stack = Stack.from_junction(tunnel_junction())
    costs = []
    for angles in (1, 37):
        counted.clear()
        turned = stack.with_directions((0, 0, 1.0), sj.unit_vector(np.linspace(0.1, 3, angles)))
        value = averaged(turned, -3.0, rtol=1e-6).value
        costs.append(sum(counted))
    assert value.shape == (37, 2, 2, 2, 2)
    assert costs[1] <= 1.5 * costs[0]
    energies = np.array([-3.0, 0.3, 1.1])
    together = averaged(tunnel_junction(), energies)
    for i, E in enumerate(energies):
        np.testing.assert_allclose(together.value[i], averaged(tunnel_junction(), E).value, rtol=1e-8)


def test_an_average_prints_its_error():
    text = str(zone.average(lambda c: c**2))
    assert text.startswith("1 ±")
    assert "points" in text
    assert "shape (2,)" in str(zone.average(lambda c: np.stack([c, c], axis=-1), atol=1e-9))


# --------------------------------------------------------------------------------------------------- one door to means
def test_a_mean_is_the_average_the_point_or_one_for_each_energy():
    junction = tunnel_junction()
    seen = []

    def observe(c, index=None):
        E = -3.0 if index is None else np.array([-3.0, 0.3])[index]
        seen.append(len(c))
        P = halves.probabilities(junction, E, c)
        return {"T": P[:, 1, :, 0], "R": P[:, 0, 0, 0, 0]}

    average = zone.mean(observe, junction, -3.0)
    reference = averaged(junction, -3.0).value
    np.testing.assert_allclose(average.value["T"], reference[1, :, 0], rtol=1e-8)
    np.testing.assert_allclose(average.value["R"], reference[0, 0, 0, 0], rtol=1e-8)
    assert average.error["T"].shape == (2, 2)
    k = np.array([[0.1, 0.2], [1.0, -2.0], [0.0, 0.0]])
    points = zone.mean(observe, junction, -3.0, k)
    np.testing.assert_array_equal(points.value["T"], halves.probabilities(junction, -3.0, band_shift(k))[:, 1, :, 0])
    np.testing.assert_array_equal(zone.mean(observe, junction, -3.0, None).value["R"], points.value["R"][2])
    each = zone.mean(observe, junction, [-3.0, 0.3], k)
    assert each.value["R"].shape == (2, 3)
    np.testing.assert_array_equal(each.value["T"][0], points.value["T"])
    np.testing.assert_array_equal(each.value["T"][1], observe_at(0.3)(band_shift(k)))
    both = zone.mean(observe, junction, [-3.0, 0.3])
    np.testing.assert_allclose(both.value["T"][0], average.value["T"], rtol=1e-8)
    np.testing.assert_allclose(both.value["T"][1], zone.mean(observe_at(0.3), junction, 0.3).value, rtol=1e-8)
    with pytest.raises(sj.ArgumentError, match="`k` must be a wave vector, None or 'average'"):
        zone.mean(observe, junction, -3.0, "mean")


def observe_at(energy):
    return lambda c: halves.probabilities(tunnel_junction(), energy, c)[:, 1, :, 0]


def test_a_floor_saves_the_digits_of_what_is_small_within_its_kind():
    def observe(c):
        return {"large": np.exp(c), "small": np.stack([1e-6 * np.exp(-c), 1e-12 * np.cos(90 * c)], axis=-1)}

    junction = tunnel_junction()
    rough = zone.mean(observe, junction, -3.0, floor=1e-3)
    assert 2 * rough.points < zone.mean(observe, junction, -3.0).points
    exact = 1e-6 * zone.average(lambda c: np.exp(-c), rtol=1e-12).value
    assert rough.value["small"][0] == pytest.approx(exact, rel=1e-8)  # not of the kind of the large one


def test_nodes_at_which_nothing_is_known_are_stepped_around_and_told():
    exact = zone.average(np.exp).value

    def lost(c, width):
        return np.where(abs(c - 0.3) < width, np.nan, np.exp(c))

    found = zone.average(lambda c: lost(c, 1e-5), [0.3], rtol=1e-6, strict=False)
    assert 0 < found.left_out < 1e-3
    assert abs(found.value - exact) <= found.error
    assert found.error > found.left_out * np.exp(0.29)
    with pytest.raises(zone.IntegrationError, match="NaN or infinity in .*% of the zone"):
        zone.average(lambda c: lost(c, 0.1), [0.3])


def test_errors_of_the_function_are_those_of_its_average_and_end_the_search():
    calls = []

    def noisy(c):
        calls.append(len(c))
        noise = 1e-6 * np.cos(1e7 * c)
        return np.exp(c) + noise, np.full(len(c), 1e-6)

    found = zone.average(noisy, rtol=1e-12)
    assert found.converged
    assert found.error >= 0.99e-6
    assert sum(calls) < 2000
    assert abs(found.value - zone.average(np.exp).value) <= found.error


def well_of_a_closed_spin(theta, thickness=8):
    """Return a metal between magnets whose minority spin is closed in part of the zone, where the majority is open."""
    copper = sj.normal_metal(onsite=4.2, hopping=1.0, thickness=thickness, in_plane_hopping=1.0)
    left, right = (
        sj.ferromagnet(onsite=4.0, hopping=1.0, splitting=1.0, in_plane_hopping=1.0, m=sj.unit_vector(t))
        for t in (0.0, theta)
    )
    return sj.Junction(left, [copper], right)


@pytest.mark.parametrize(("theta", "thickness"), [(0.002, 4), (0.001, 6), (0.003, 20)])
def test_bound_states_that_a_small_angle_couples_are_not_missed(theta, thickness):
    """Their width goes as the angle squared. The reference is split at every step of the noncollinear density."""
    junction = well_of_a_closed_spin(theta, thickness)
    found = averaged(junction, 0.0)
    edges = np.unique(zone.thresholds(junction, 0.0))
    texture = Stack.from_junction(junction).as_texture().spread((1,)).rows(np.zeros(1, dtype=int))

    def states(_, c):
        return kinks.states_below(texture, np.zeros(c.shape), c)

    near = kinks.sharp_steps(states, np.append(-2.0, edges), np.append(edges, 2.0), flanks=True)
    P = partial(halves.probabilities, junction, 0.0)
    told = zone.average(P, np.append(edges, near), rtol=1e-11, floor=1.0)
    assert (abs(found.value - told.value) <= 3e-9 * told.value.max()).all()
    blind = zone.average(P, edges, rtol=1e-8)
    assert (abs(blind.value - told.value) <= blind.error + told.error).all()
    if thickness == 4:  # nodes that nobody refines miss them
        c, w = zone.nodes(edges)
        fixed = np.tensordot(w, P(c), 1)
        assert (abs(fixed - told.value) > 1e-7 * told.value.max()).any()


def test_steps_are_found_where_they_lie_once_each_and_between_the_ends_only():
    """States a Lorentzian wide, in intervals of different owners, some of them empty."""
    at, width = np.array([-1.3, 0.21, 0.9, 2.6]), np.array([1e-9, 1e-7, 1e-12, 1e-9])

    def states(owner, x):
        return 0.3 * owner[:, None] * x + sum(np.arctan((x - c) / w) / np.pi for c, w in zip(at, width, strict=True))

    low, high = np.array([-2.0, 0.0, 1.0, 0.5, -1.0, 2.0]), np.array([2.0, 1.0, 2.0, 0.5, 0.1, 3.0])
    found = kinks.sharp_steps(states, low, high)
    for row, a, b in zip(found, low, high, strict=True):
        inside = at[(at > a) & (at < b)]
        np.testing.assert_allclose(np.sort(row[row < b]), inside, atol=1e-6)
        assert (row <= b).all()


def test_flanks_of_a_step_grow_by_sixteen_on_both_sides_up_to_its_interval():
    at, width = 0.21, 1e-7
    found = kinks.sharp_steps(
        lambda _, x: np.arctan((x - at) / width) / np.pi, np.array([-1.0]), np.array([0.9]), flanks=True
    )[0]
    here = np.unique(found[found < 0.9])
    middle = here[np.argmin(abs(here - at))]
    right, left = here[here > middle] - middle, (middle - here[here < middle])[::-1]
    np.testing.assert_allclose(left[: len(right)], right[: len(left)], rtol=1e-6)
    np.testing.assert_allclose(right[1:] / right[:-1], 16.0, rtol=1e-6)
    assert width < right[0] < 100 * width  # that of the bracket which shows the step smoothly
    assert len(right) >= 5
    assert left[-1] < 1.9 <= 16 * left[-1] or len(left) == 10


@pytest.mark.parametrize("mu", [[[0.3]], [[0.3, -0.2], [0.1, 0.3]]])
def test_a_window_is_split_at_every_sharp_resonance_of_its_levels(mu):
    """Resonances are counted with collinear magnets, and these are not quite: of thick walls they lie very near."""
    junction = double_barrier(thickness=6)
    rows = Stack.from_junctions([[junction]] * len(mu)) if len(mu) > 1 else Stack.from_junction(junction)
    split = kinks.window_kinks(rows, np.array(mu))
    assert split.shape[0] == len(mu)
    for row, levels in zip(split, mu, strict=True):
        for energy in levels:
            places = kinks.resonances(junction, energy)
            opening = zone.thresholds(junction, energy)
            assert (abs(opening[:, None] - places).min(axis=0) > 0.02).all()
            assert (abs(row[:, None] - places).min(axis=0) < 0.01).all()


@pytest.mark.parametrize("theta", [0.0, np.pi])
def test_states_of_collinear_spins_add_up_to_those_of_the_junction(theta):
    """One count is of numbers, spin by spin, the other of 2×2 matrices."""
    junction = sj.Junction(
        iron(), [sj.normal_metal(onsite=1.2, hopping=0.8, thickness=5, in_plane_hopping=-0.3)], iron(theta)
    )
    stack = Stack.from_junction(junction)
    c = np.linspace(-1.99, 1.99, 400)[None]
    for energy in (-3.0, 0.1, 2.5):
        pairs = np.array([[1, 1], [-1, -1]]) * [1, 1 if theta == 0 else -1]
        by_spin = sum(kinks.states_of_one_spin(stack, energy, pair[None], c) for pair in pairs)
        texture = stack.as_texture().spread((1,)).rows(np.zeros(1, dtype=int))
        whole = kinks.states_below(texture, np.full(c.shape, energy), c)
        np.testing.assert_allclose(by_spin, whole, atol=1e-12)
        assert np.ptp(whole) > 1


def test_resonances_of_a_thick_well_are_found_by_counting():
    """An integral that was told of none finds the same."""
    wall = sj.barrier(onsite=9.0, hopping=1.0, thickness=2, in_plane_hopping=1.0)
    well = sj.normal_metal(onsite=0.0, hopping=1.0, thickness=45, in_plane_hopping=1.0)
    junction = sj.Junction(iron(), [wall, well, wall], iron(1.0))
    counted = zone.resonances(junction, 0.3)
    assert len(counted) > 10
    told = averaged(junction, 0.3, rtol=1e-6).value
    blind = zone.average(
        lambda c: halves.probabilities(junction, 0.3, c), zone.thresholds(junction, 0.3), rtol=1e-7, max_points=10**6
    ).value
    np.testing.assert_allclose(told[1, :, 0], blind[1, :, 0], rtol=1e-5)
