"""Finite bias and temperature: conservation, symmetry, the known limits, and honest errors."""

import re
import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.spatial.transform import Rotation
from strategies import examples, numbers, spin_valves

import kwant_spinjunc as sj
from kwant_spinjunc import costs, halves
from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.halves import Stack, zone
from kwant_spinjunc.transport.bias import (
    bias_response,
    biased,
    linear_drop,
    occupation_differences,
)
from kwant_spinjunc.transport.derivatives import bias_derivative, tunneling_magnetoresistance
from kwant_spinjunc.transport.equilibrium import equilibrium_response
from kwant_spinjunc.transport.linear import linear_response
from systems.asymmetric_junction import asymmetric_junction
from systems.contact import contact
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction
from validation.compare import fit_power_law

#: Two quadratures asked for 1e-8 (the default) of the largest current.
QUADRATURE = 1e-7
FAMILIES = [tunnel_junction, spin_valve, contact, asymmetric_junction]
BIASES = np.array([-0.5, -0.2, 0.2, 0.5])


def film(theta=1.0, **options):
    """A three-dimensional junction with all kinds of k∥: both, one or no spin open."""
    numbers_ = {"onsite": 5.0, "splitting": 2.0, "in_plane_hopping": 1.0, "height": 2.0, "thickness": 3} | options
    return tunnel_junction(theta=theta, **numbers_)


def assert_same(a, b, rtol=QUADRATURE):
    """Compare two responses, relative to the largest current or torque."""
    scale = max(abs(b.spin_resolved).max(), abs(b.layer_torques).max())
    for name in ("spin_resolved", "spin_current", "layer_torques"):
        np.testing.assert_allclose(getattr(a, name), getattr(b, name), rtol=0, atol=rtol * scale)
    for name in ("vectors", "damping_like", "field_like"):
        np.testing.assert_allclose(getattr(a.torques, name), getattr(b.torques, name), rtol=0, atol=rtol * scale)


# ---------------------------------------------------------------------- the junction under bias
@pytest.mark.parametrize("thickness", [1, 2, 5])
def test_potential_falls_in_equal_steps_over_the_nonmagnetic_planes(thickness):
    shares = linear_drop(tunnel_junction(thickness=thickness))
    np.testing.assert_allclose(np.diff(shares), -1 / (thickness + 1))
    assert shares[0] == 0.5
    assert shares[-1] == pytest.approx(-0.5)


def test_potential_falls_at_the_interface_of_a_bare_contact():
    assert linear_drop(contact(buffer=2)).tolist() == [0.5, 0.5, -0.5, -0.5]


def test_magnetic_layers_keep_the_potential_of_their_lead():
    iron = sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    copper = sj.normal_metal(onsite=1.0, hopping=1.0)
    spacer = sj.barrier(onsite=3.0, hopping=1.0, thickness=3)
    shares = linear_drop(sj.Junction(copper, [iron, spacer, iron, iron], copper))
    np.testing.assert_allclose(shares, [0.5, 0.5, 0.25, 0, -0.25, -0.5, -0.5, -0.5])


def test_biased_junction_and_biased_stack_are_the_same_junction():
    junction = asymmetric_junction(theta=1.0)
    stack = biased(junction, BIASES)
    E = np.array([0.1])
    together = halves.probabilities(stack, E)
    for V, row in zip(BIASES, together, strict=True):
        np.testing.assert_allclose(halves.probabilities(biased(junction, V), 0.1), row, rtol=1e-13)


def test_a_profile_is_the_potential_in_units_of_the_bias():
    junction = tunnel_junction(thickness=2)
    shares = [1.0, 0.9, 0.2, 0.0]
    onsite = [plane.onsite for plane in biased(junction, 0.3, shares).planes]
    np.testing.assert_allclose(
        onsite, [plane.onsite + 0.3 * x for plane, x in zip(junction.planes, shares, strict=True)]
    )
    np.testing.assert_allclose(bias_response(junction, 0.3, profile=shares).mu, [[0.3, 0.3], [0.0, 0.0]])


def test_where_the_energy_is_counted_from_does_not_matter():
    """Shifting the profile by a constant and µ against it is the same junction."""
    junction = asymmetric_junction(theta=1.0)
    shares = linear_drop(junction)
    shifted = bias_response(junction, 0.4, profile=shares + 0.5)
    moved = replace(junction, left=replace(junction.left, onsite=junction.left.onsite + 0.2))
    moved = replace(
        moved,
        layers=[replace(layer, onsite=layer.onsite + 0.2) for layer in junction.layers],
        right=replace(junction.right, onsite=junction.right.onsite + 0.2),
    )
    assert_same(shifted, bias_response(moved, 0.4, energy=0.2))


# ---------------------------------------------------------------------- conservation
@given(
    spin_valves(), numbers(-0.8, 0.8), st.sampled_from([0.0, 0.05, (0.1, 0.0)]), st.tuples(*[numbers(-0.3, 0.3)] * 4)
)
@examples(15)
def test_charge_is_the_same_on_both_sides_and_spin_goes_into_the_magnets(junction, V, temperature, mu):
    r = bias_response(junction, V, temperature=temperature, accumulation=np.reshape(mu, (2, 2)))
    scale = max(abs(r.spin_resolved).max(), abs(r.spin_current).max()) + 1e-12
    assert r.charge[0] == pytest.approx(r.charge[1], abs=1e-9 * scale)
    vectors = r.magnetization[:, None] * r.m
    np.testing.assert_allclose(r.torques.vectors.sum(axis=0), vectors[0] - vectors[1], atol=1e-9 * scale)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("temperature", [0.0, 0.05])
def test_equal_reservoirs_drive_nothing(family, temperature):
    r = bias_response(family(theta=1.0), 0.0, temperature=temperature, equilibrium=True)
    for value in (r.spin_resolved, r.spin_current, r.torques.vectors, r.layer_torques):
        assert (value == 0).all()
    assert abs(r.equilibrium.torques.field_like).max() > 0


def test_heat_drives_a_current_only_through_a_lopsided_band():
    """T(E) = T(-E) gives no thermoelectric current; the torque of the same electrons and holes vanishes too."""
    even = bias_response(tunnel_junction(theta=1.0, onsite=0.0, height=0.0), 0.0, temperature=(0.1, 0.02))
    lopsided = bias_response(tunnel_junction(theta=1.0, onsite=1.0, height=0.0), 0.0, temperature=(0.1, 0.02))
    assert abs(even.current) < 1e-9
    assert abs(lopsided.current) > 1e-3
    reverse = bias_response(tunnel_junction(theta=1.0, onsite=1.0, height=0.0), 0.0, temperature=(0.02, 0.1))
    assert lopsided.current == pytest.approx(-reverse.current, rel=1e-7)


def test_layer_torques_add_up_to_what_the_end_bonds_lose():
    """With nonmagnetic leads there is nothing outside the planes to take up spin."""
    copper = sj.normal_metal(onsite=0.5, hopping=1.0)
    iron = dict(onsite=1.0, hopping=1.0, splitting=1.0, thickness=2)
    layers = [
        sj.ferromagnet(**iron),
        sj.barrier(onsite=3.0, hopping=1.0, thickness=2),
        sj.ferromagnet(**iron, m=sj.unit_vector(1.2)),
    ]
    r = bias_response(sj.Junction(copper, layers, copper), 0.4, rtol=1e-10)
    np.testing.assert_allclose(r.layer_torques.sum(axis=0), r.torques.vectors.sum(axis=0), atol=1e-12)
    np.testing.assert_allclose(r.layer_torques[:3].sum(axis=0), r.torques.vectors[0], atol=1e-12)
    less = bias_response(sj.Junction(copper, layers, copper), 0.4, rtol=1e-10, layers=False)
    np.testing.assert_allclose(less.torques.vectors, r.torques.vectors, atol=1e-12)


# ---------------------------------------------------------------------- symmetry
@pytest.mark.parametrize("temperature", [0.0, 0.05])
def test_reversing_the_bias_of_a_symmetric_junction_mirrors_it(temperature):
    """J odd; field-like torque even; J_M and damping-like torque of one side are those of the other."""
    r = bias_response(tunnel_junction(theta=1.1), BIASES, temperature=temperature, equilibrium=True, rtol=1e-10)
    np.testing.assert_allclose(r.current, -r.current[::-1], rtol=1e-8)
    np.testing.assert_allclose(r.magnetization, -r.magnetization[::-1, ::-1], atol=1e-8 * abs(r.current).max())
    np.testing.assert_allclose(r.torques.field_like, r.torques.field_like[::-1], rtol=1e-6)
    total = r.total_torques
    np.testing.assert_allclose(total.field_like, total.field_like[::-1], rtol=1e-6)
    np.testing.assert_allclose(total.damping_like, total.damping_like[::-1, ::-1], atol=1e-8 * abs(r.current).max())


def test_a_lopsided_junction_has_an_odd_field_like_torque_too():
    r = bias_response(asymmetric_junction(theta=1.1), BIASES)
    odd = r.torques.field_like - r.torques.field_like[::-1]
    assert abs(odd).max() > 0.1 * abs(r.torques.field_like).max()


def test_rotating_all_magnets_rotates_torques_and_nothing_else():
    turn = Rotation.from_euler("zyz", [0.3, 1.1, -2.0])
    junction = asymmetric_junction(theta=1.0)
    turned = sj.Junction(
        replace(junction.left, m=turn.apply(junction.left.m)),
        junction.layers,
        replace(junction.right, m=turn.apply(junction.right.m)),
    )
    a, b = (bias_response(j, 0.4, accumulation=[[0.1, -0.1], [0.0, 0.0]], equilibrium=True) for j in (junction, turned))
    scale = abs(a.current)
    np.testing.assert_allclose(b.spin_resolved, a.spin_resolved, atol=1e-11 * scale)
    np.testing.assert_allclose(b.spin_current, turn.apply(a.spin_current), atol=1e-11 * scale)
    np.testing.assert_allclose(b.layer_torques, turn.apply(a.layer_torques), atol=1e-11 * scale)
    np.testing.assert_allclose(b.total_torques.vectors, turn.apply(a.total_torques.vectors), atol=1e-11 * scale)


# ---------------------------------------------------------------------- limits
@pytest.mark.parametrize("family", FAMILIES)
def test_small_bias_is_linear_response(family):
    """The relative difference is proportional to V (V² for a symmetric junction), and below 1e-6 at the smallest."""
    junction = family(theta=1.0)
    linear = linear_response(sj.scatter(junction, 0.1, solver="halves"), 0.5, -0.5)
    scale = abs(linear.charge[0])
    V = np.array([1e-4, 1e-3, 1e-2])
    r = bias_response(junction, V, energy=0.1, rtol=1e-12)
    differences = []
    for found, expected in [
        (r.spin_resolved, linear.spin_resolved),
        (r.spin_current, linear.spin_current),
        (r.torques.vectors, linear.torques.vectors),
        (r.layer_torques, linear.layer_torques),
    ]:
        error = found / V.reshape(-1, *[1] * expected.ndim) - expected
        differences.append(abs(error).reshape(3, -1).max(axis=1) / scale)
    worst = np.max(differences, axis=0)
    assert fit_power_law(V, worst).exponent > 0.95
    assert bias_derivative(junction, 0.0, energy=0.1).conductance == pytest.approx(scale, rel=1e-6)
    tiny = bias_response(junction, 1e-7, energy=0.1, rtol=1e-12)
    np.testing.assert_allclose(tiny.spin_resolved / 1e-7, linear.spin_resolved, atol=1e-6 * scale)
    np.testing.assert_allclose(tiny.torques.vectors / 1e-7, linear.torques.vectors, atol=1e-6 * scale)


@given(spin_valves(), st.tuples(*[numbers(-1, 1)] * 4))
@examples(10)
def test_small_accumulations_are_linear_response_with_spin_flip_reflection(junction, mu):
    """At V = 0 no band moves: µ_αs are the arguments of `linear_response` (of mean zero, for the torques)."""
    energy = float(np.mean([lead.onsite for lead in junction.leads])) + 0.137
    mu, h = np.array(mu) - np.mean(mu), 1e-6
    if not junction.open_channels(energy).any() or np.ptp(mu) < 0.1:
        return
    exact = linear_response(sj.scatter(junction, energy, solver="halves"), mu[:2], mu[2:])
    r = bias_response(junction, 0.0, energy=energy, accumulation=h * np.reshape(mu, (2, 2)))
    scale = (
        max(abs(exact.spin_resolved).max(), abs(exact.torques.vectors).max()) + 0.1
    )  # the second order is h times 10
    edges = np.concatenate([lead.band_edges().ravel() for lead in junction.leads])
    if abs(edges - energy).min() < 0.02:
        return  # too near a threshold for h
    np.testing.assert_allclose(r.spin_resolved / h, exact.spin_resolved, atol=1e-4 * scale)
    np.testing.assert_allclose(r.torques.vectors / h, exact.torques.vectors, atol=1e-4 * scale)


def test_cold_limit_is_the_window_with_a_correction_quadratic_in_the_temperature():
    junction = tunnel_junction(theta=1.0)
    kT = np.array([0.002, 0.004, 0.008])
    cold = bias_response(junction, 0.3, rtol=1e-11)
    warm = [bias_response(junction, 0.3, temperature=T, rtol=1e-11) for T in kT]
    for pick in (lambda r: r.current, lambda r: r.torques.damping_like[1], lambda r: r.torques.field_like[1]):
        change = [abs(pick(r) - pick(cold)) for r in warm]
        assert fit_power_law(kT, change).exponent == pytest.approx(2, abs=0.05)


def test_perfect_channels_carry_the_whole_window_with_both_ends():
    """One channel per spin, T = 1: J = 2 V exactly. A grid of ten that drops an end point is 10 % off."""
    chain = sj.normal_metal(onsite=0.0, hopping=1.0)
    junction = sj.Junction(chain, [], chain)
    r = bias_response(junction, 0.0, accumulation=[[0.2, 0.2], [-0.2, -0.2]])
    assert r.current == pytest.approx(2 * 0.4, rel=1e-13)
    energy = np.linspace(-0.2, 0.2, 11)
    T = sj.scatter(junction, energy, solver="halves").conductance
    assert T[:-2].sum() * 0.04 == pytest.approx(0.9 * r.current, rel=1e-9)


def test_window_is_the_integral_of_kwant_s_scattering_states():
    junction, V = asymmetric_junction(theta=1.0, thickness=2), 0.3
    x, w = np.polynomial.legendre.leggauss(8)
    tilted = biased(junction, V)
    flux = torque = 0.0
    for node, weight in zip(x, w, strict=True):
        s = linear_response(sj.scatter(tilted, node * V / 2), 0.5, -0.5)
        flux, torque = flux + weight * V / 2 * s.spin_resolved, torque + weight * V / 2 * s.torques.vectors
    r = bias_response(junction, V)
    np.testing.assert_allclose(r.spin_resolved, flux, atol=1e-8 * r.current)
    np.testing.assert_allclose(r.torques.vectors, torque, atol=1e-8 * r.current)


def test_slonczewski_identity_holds_to_first_order_in_the_transmission_at_any_bias():
    """τ_R·e_R(90°) = ½[J_M^R(0°) - J_M^R(180°)], J_M^R along m_R: Theodonis et al., PRL 97, 237205 (2006)."""
    for V in (0.2, 0.6, -0.6):
        transmission, defect = [], []
        for thickness in (2, 3, 4, 5, 6):
            half, zero, turned = (
                bias_response(tunnel_junction(theta=t, height=3.0, thickness=thickness), V, rtol=1e-12)
                for t in (np.pi / 2, 0.0, np.pi)
            )
            right = half.torques.damping_like[1] - (zero.magnetization[1] - turned.magnetization[1]) / 2
            left = half.torques.damping_like[0] + (zero.magnetization[0] - turned.magnetization[0]) / 2
            defect.append(max(abs(right), abs(left)) / abs(half.current))
            transmission.append(abs(half.current / V))
        assert fit_power_law(transmission, defect).exponent == pytest.approx(1, abs=0.1)
        assert defect[-1] < 1e-4


def test_sum_of_window_and_equilibrium_does_not_depend_on_how_they_are_divided():
    """Filling the states from the left alone, above what is common, instead of half each."""
    junction, V = asymmetric_junction(theta=1.0), 0.4
    r = bias_response(junction, V, equilibrium=True, rtol=1e-11)
    tilted = biased(junction, V)
    x, w = np.polynomial.legendre.leggauss(60)
    states = halves.states(tilted, x * V / 2)
    from_left = (w * V / 2) @ states.currents[:, 0, :, tilted.cut, 1:].sum(axis=1)
    below = equilibrium_response(tilted, -V / 2, rtol=1e-11).spin_current
    total = r.spin_current + r.equilibrium.spin_current
    np.testing.assert_allclose(total, from_left + below, atol=1e-10)
    assert abs(r.equilibrium.torques.damping_like).max() == 0


# ---------------------------------------------------------------------- k-parallel
def test_fixed_wave_vector_is_a_shifted_band():
    k = (0.7, -1.9)
    shift = 2 * np.cos(k).sum()
    chain = tunnel_junction(theta=1.0, onsite=5.0 - shift, splitting=2.0, thickness=3)
    assert_same(bias_response(film(), 0.3, k=k), bias_response(chain, 0.3), 1e-10)


@pytest.mark.parametrize("temperature", [0.0, 0.05])
def test_average_is_that_of_single_wave_vectors(temperature):
    junction = film()
    found = bias_response(junction, 0.4, k="average", rtol=1e-6, temperature=temperature, equilibrium=True)

    def at(c):
        k = np.stack([np.arccos(c / 2)] * 2, axis=-1)
        r = bias_response(junction, 0.4, k=k, temperature=temperature, rtol=1e-8, layers=False)
        return np.concatenate([r.spin_resolved.reshape(-1, 4), r.torques.vectors.reshape(-1, 6)], axis=-1)

    split = np.concatenate([zone.thresholds(biased(junction, 0.4), mu) for mu in (-0.2, 0.2)])
    expected = zone.average(at, split, rtol=0, atol=1e-7 * float(found.current)).value
    np.testing.assert_allclose(found.spin_resolved.ravel(), expected[:4], atol=1e-6 * found.current)
    np.testing.assert_allclose(found.torques.vectors.ravel(), expected[4:], atol=1e-6 * found.current)


def test_average_without_dispersion_is_the_chain():
    assert_same(bias_response(tunnel_junction(), 0.3, k="average"), bias_response(tunnel_junction(), 0.3), 1e-14)


# ---------------------------------------------------------------------- cost
def test_a_long_average_says_beforehand_how_long(monkeypatch):
    """Within a factor of ten of what it takes; a short one says nothing, or every test of averages would fail."""
    monkeypatch.setattr(costs, "LONG", 0.0)
    begin = time.process_time()
    with pytest.warns(sj.CostWarning, match="problem") as told:
        bias_response(film(), 0.3, temperature=0.02, k="average", layers=False)
    taken = time.process_time() - begin
    seconds = float(re.search("about (.*) s for 1 problem", str(told[0].message))[1])
    assert taken / 10 < seconds < 10 * taken


# ---------------------------------------------------------------------- errors and resonances
@pytest.mark.parametrize("k", [None, "average"])
def test_reported_error_bounds_the_error(k):
    junction = film()
    exact = bias_response(junction, 0.7, k=k, rtol=1e-11)
    for rtol in (1e-2, 1e-4, 1e-6):
        r = bias_response(junction, 0.7, k=k, rtol=rtol)
        for name in ("spin_resolved", "spin_current", "layer_torques"):
            assert abs(getattr(r, name) - getattr(exact, name)).max() <= r.error + exact.error + 1e-16
        assert r.error <= 3 * rtol * abs(exact.spin_resolved).max() * 10


def test_resonances_far_narrower_than_the_window_are_not_missed():
    """Breit-Wigner: a symmetric double barrier carries πΓ/2 per spin, and Γ falls by e^{-2κ} per plane of each wall."""
    level = brentq(lambda E: E - 0.1 + 2 * np.exp(-np.arccosh((4 - E) / 2)), -1, 1)
    kappa = np.arccosh((4 - level) / 2)
    lead, currents = sj.normal_metal(onsite=0.0, hopping=1.0), []
    for thickness in (4, 7, 9):
        wall = sj.barrier(onsite=4.0, hopping=1.0, thickness=thickness)
        junction = sj.Junction(lead, [wall, sj.normal_metal(onsite=0.1, hopping=1.0), wall], lead)
        rough, exact = (
            bias_response(junction, 0.0, accumulation=[[0.8, 0.8], [-0.8, -0.8]], rtol=rtol) for rtol in (1e-4, 1e-8)
        )
        assert abs(rough.current - exact.current) <= rough.error + exact.error
        currents.append(exact.current)
    width = 2 * np.sqrt(4 - level**2) * (1 - np.exp(-2 * kappa)) ** 2  # golden rule, 4 Im of both walls, times e^{-2κN}
    assert currents[2] / currents[1] == pytest.approx(np.exp(-4 * kappa), rel=1e-3)
    assert 0.3 < currents[2] / (np.pi * width * np.exp(-18 * kappa)) < 3


def test_resonances_that_only_another_magnet_couples_are_not_missed():
    """A minority level at the right interface, its lead closed: it leaks through the left magnet's evanescent tail."""
    junction = spin_valve(theta=1.0, spacer=10, spacer_onsite=4.2, onsite=5.0, splitting=1.0, in_plane_hopping=1.0)
    k = np.stack([np.arccos(np.linspace(1.0, 1.08, 33) / 2)] * 2, axis=-1)
    rough, exact = (bias_response(junction, 0.6, k=k, rtol=t, layers=False) for t in (1e-4, 1e-8))
    assert (abs(rough.spin_current - exact.spin_current).max(axis=-1) <= rough.error + exact.error).all()
    change = np.diff(exact.spin_current[:, 1], 2)  # a missed resonance makes it jump from one k∥ to the next
    assert abs(np.diff(change)).max() < 0.2 * np.ptp(exact.spin_current[:, 1])


def test_occupation_differences_keep_their_digits_deep_in_the_sea():
    energy, mu = np.array([-2.0, 2.0]), np.array([[0.1, 0.1], [0.0, 0.0]])
    difference = occupation_differences(energy, mu, np.array([0.02, 0.02]))[:, 0, 0, 1, 0]
    exact = [np.exp(-2.0 / 0.02) - np.exp(-2.1 / 0.02), np.exp(-1.9 / 0.02) - np.exp(-2.0 / 0.02)]
    np.testing.assert_allclose(difference, exact, rtol=1e-12)
    # near both levels in the unit of the energy, far in that of the temperature: holes above are electrons below
    near = np.array([0.8, -0.7])
    electrons, holes = occupation_differences(near, mu, np.array([0.01, 0.01]))[:, 0, 0, 1, 0]
    np.testing.assert_allclose(electrons, holes, rtol=1e-12)
    np.testing.assert_allclose(electrons, np.exp(-70.0) - np.exp(-80.0), rtol=1e-12)


# ---------------------------------------------------------------------- derivatives and magnetoresistance
def test_derivatives_at_zero_bias_are_linear_response():
    junction = asymmetric_junction(theta=1.0)
    linear = linear_response(sj.scatter(junction, 0.0, solver="halves"), 0.5, -0.5)
    d = bias_derivative(junction, 0.0)
    scale = linear.charge[0]
    assert d.conductance == pytest.approx(scale, rel=1e-6)
    np.testing.assert_allclose(d.magnetization, linear.magnetization, atol=1e-6 * scale)
    np.testing.assert_allclose(d.damping_like, linear.torques.damping_like, atol=1e-6 * scale)
    np.testing.assert_allclose(d.field_like, linear.torques.field_like, atol=1e-6 * scale)
    assert abs(d.conductance - scale) <= d.error


def test_derivatives_integrate_back_to_the_current():
    junction = asymmetric_junction(theta=1.0)
    x, w = np.polynomial.legendre.leggauss(12)
    V = 0.2 * (x + 1)
    d = bias_derivative(junction, V, equilibrium=True)
    end = bias_response(junction, [0.0, 0.4], equilibrium=True)
    assert 0.2 * w @ d.conductance == pytest.approx(end.current[1], rel=1e-6)
    field = end.total_torques.field_like
    np.testing.assert_allclose(0.2 * w @ d.field_like, field[1] - field[0], atol=1e-6 * abs(field).max())


def test_magnetoresistance_tends_to_the_ratio_of_conductances():
    junction = asymmetric_junction(theta=0.7)
    P, AP = (sj.scatter(asymmetric_junction(theta=t), 0.0).conductance for t in (0.0, np.pi))
    found = tunneling_magnetoresistance(junction, [-0.3, 0.0, 1e-4, 0.3])
    assert found.ratio[1] == pytest.approx(P / AP - 1, rel=1e-6)
    assert found.ratio[2] == pytest.approx(found.ratio[1], rel=1e-3)
    assert (found.ratio[[0, 3]] != found.ratio[1]).all()
    assert (found.error < 1e-6).all()


def test_magnetoresistance_of_layers_turns_the_right_half_only():
    copper = sj.normal_metal(onsite=0.5, hopping=1.0)
    iron = dict(onsite=1.0, hopping=1.0, splitting=1.0, thickness=2)
    spacer = sj.barrier(onsite=3.0, hopping=1.0, thickness=2)

    def device(theta):
        return sj.Junction(
            copper, [sj.ferromagnet(**iron), spacer, sj.ferromagnet(**iron, m=sj.unit_vector(theta))], copper
        )

    V = 0.2
    P, AP = (bias_response(device(t), V).current for t in (0.0, np.pi))
    assert tunneling_magnetoresistance(device(1.0), V).ratio == pytest.approx(P / AP - 1, rel=1e-7)


# ---------------------------------------------------------------------- the border
def test_a_response_prints_itself_with_its_error():
    text = str(bias_response(tunnel_junction(), [0.1, 0.2]))
    assert "error" in text
    assert len(text.splitlines()) == 4


def test_vectorized_biases_are_the_single_ones():
    junction = asymmetric_junction(theta=1.0)
    together = bias_response(junction, BIASES.reshape(2, 2), equilibrium=True)
    assert together.layer_torques.shape == (2, 2, 6, 3)
    single = bias_response(junction, -0.2, equilibrium=True)
    np.testing.assert_allclose(together.spin_resolved[0, 1], single.spin_resolved, rtol=1e-12)
    np.testing.assert_allclose(
        together.total_torques.vectors[0, 1], single.total_torques.vectors, rtol=1e-9, atol=1e-16
    )


@pytest.mark.parametrize("family", FAMILIES)
def test_leaving_out_the_layers_changes_nothing_else(family):
    junction = family(theta=1.0)
    whole, less = (bias_response(junction, BIASES, layers=layers) for layers in (True, False))
    assert less.layer_torques.shape == (4, 0, 3)
    assert_same(replace(less, layer_torques=whole.layer_torques), whole)


def test_derivatives_and_magnetoresistance_broadcast_over_everything_but_the_bias():
    junction = tunnel_junction(theta=1.0, onsite=4.0, in_plane_hopping=1.0)
    k = np.stack([np.linspace(0.1, 0.6, 3)] * 2, axis=-1)
    mu = np.array([[[0.1, -0.1], [0.0, 0.0]], [[0.0, 0.05], [0.0, 0.0]]])
    many = bias_derivative(junction, 0.1, k=k)
    single = [bias_derivative(junction, 0.1, k=one) for one in k]
    np.testing.assert_allclose(many.conductance, [one.conductance for one in single], rtol=1e-6)
    assert many.bias.shape == many.error.shape == (3,)
    many = bias_derivative(tunnel_junction(theta=1.0), 0.1, accumulation=mu)
    single = [bias_derivative(tunnel_junction(theta=1.0), 0.1, accumulation=one) for one in mu]
    np.testing.assert_allclose(many.damping_like, [one.damping_like for one in single], rtol=1e-6, atol=1e-9)
    ratio = tunneling_magnetoresistance(junction, 0.0, k=k).ratio
    assert np.isfinite(ratio).all()
    np.testing.assert_allclose(ratio, [tunneling_magnetoresistance(junction, 0.0, k=one).ratio for one in k], rtol=1e-6)


def test_bad_arguments_are_named():
    junction = tunnel_junction(thickness=2)
    with pytest.raises(ArgumentError, match="`profile` must be constant over the planes of each lead and fall by 1"):
        biased(junction, 0.1, [0.5, 0.0, 0.0, 0.5])
    with pytest.raises(ArgumentError, match="`profile` must have shape"):
        biased(junction, 0.1, [0.5, -0.5])
    with pytest.raises(ArgumentError, match="`bias` must be finite"):
        bias_response(junction, np.nan)
    with pytest.raises(ArgumentError, match="`temperature` must not be negative"):
        bias_response(junction, 0.1, temperature=(0.1, -0.1))
    with pytest.raises(ArgumentError, match="`temperature` must be one value or"):
        bias_response(junction, 0.1, temperature=[0.1, 0.1, 0.1])
    with pytest.raises(ArgumentError, match="`accumulation` must have shape"):
        bias_response(junction, 0.1, accumulation=[0.1, 0.1, 0.1])
    with pytest.raises(ArgumentError, match="`junction` must be a Junction"):
        bias_response(Stack.from_junction(junction), 0.1)
    with pytest.raises(ArgumentError, match="`junction` must be a Junction"):
        tunneling_magnetoresistance(Stack.from_junction(junction), 0.1)
    with pytest.raises(ArgumentError, match="must broadcast"):
        bias_response(junction, [0.1, 0.2, 0.3], k=np.zeros((2, 2)))
    with pytest.raises(ArgumentError, match="must not be empty"):
        bias_response(junction, [])
    with pytest.raises(ArgumentError, match="`equilibrium` must be True"):
        _ = bias_response(junction, 0.1).total_torques
    wall = sj.Junction(
        junction.left, [replace(junction.left, m=tuple(sj.unit_vector(t))) for t in (0.7, 1.4)], junction.right
    )
    wall = replace(wall, right=replace(junction.right, m=tuple(sj.unit_vector(2.1))))
    with pytest.raises(ArgumentError, match="more than two axes"):
        bias_response(wall, 0.1)
    with pytest.raises(ArgumentError, match="`profile` must be given for a texture"):
        linear_drop(wall)
