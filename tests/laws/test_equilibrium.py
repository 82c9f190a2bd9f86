"""Interlayer exchange: three routes to one number, and what does not change it."""

from dataclasses import replace

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.spatial.transform import Rotation
from strategies import examples, numbers, spin_valves

import kwant_spinjunc as sj
from kwant_spinjunc import halves, units
from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.halves import Stack, zone
from kwant_spinjunc.transport import equilibrium
from kwant_spinjunc.transport.equilibrium import equilibrium_response, grand_potential
from systems.asymmetric_junction import asymmetric_junction
from systems.contact import contact
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction
from validation.compare import fit_power_law

#: Five-point difference of Ω: its own error h⁴ ~ 1e-11 and rounding 1e-16/h ~ 1e-13, over torques of 1e-3 and more.
DERIVATIVE = 1e-7
#: Two quadratures asked for 1e-9.
QUADRATURE = 1e-8
FAMILIES = [tunnel_junction, spin_valve, contact, asymmetric_junction]


def normal(junction):
    m_left, m_right = junction.magnetizations
    return np.cross(m_left, m_right) / np.sin(junction.angle)


def along_normal(junction, **options):
    """Q_eq·n, the field-like torque on the right magnet."""
    return equilibrium_response(junction, **options).torques.field_like[..., 1]


def derivative_of_grand_potential(junction, h=1e-2, **options):
    """dΩ/dΦ by turning the right half about m_L×m_R."""
    m_left, m_right = junction.magnetizations
    turned = [Rotation.from_rotvec(i * h * normal(junction)).apply(m_right) for i in (-2, -1, 1, 2)]
    stack = Stack.from_junction(junction).with_directions(m_left, np.array(turned))
    omega, _ = grand_potential(stack, rtol=1e-13, **options)
    return omega @ [1, -8, 8, -1] / (12 * h)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("temperature", [0.0, 0.05])
def test_torque_is_minus_the_derivative_of_the_grand_potential(family, temperature):
    options = {"energy": 0.1, "temperature": temperature}
    Q, slope = along_normal(family(theta=1.0), **options), derivative_of_grand_potential(family(theta=1.0), **options)
    assert -4 * np.pi * slope == pytest.approx(Q, rel=1e-5, abs=DERIVATIVE)


@given(spin_valves(), numbers(-2, 2), st.sampled_from([0.0, 0.1]))
@examples(10)
def test_random_junctions_turn_toward_the_smaller_grand_potential(junction, mu, temperature):
    if np.sin(junction.angle) < 0.1:
        return
    options = {"energy": mu, "temperature": temperature}
    slope = derivative_of_grand_potential(junction, **options)
    assert -4 * np.pi * slope == pytest.approx(along_normal(junction, **options), rel=1e-4, abs=1e-6)


def test_torque_in_joule_is_the_slope_of_the_energy():
    junction = spin_valve(theta=1.0)
    slope = derivative_of_grand_potential(junction) * 1.602176634e-19
    assert float(units.torque_to_joule(along_normal(junction))) == pytest.approx(-slope, rel=1e-6)


def scattering_states_up_to(junction, mu, nodes=250, solver="halves"):
    """Q·n of all scattering states from the bottom of the bands to µ: bond currents along the real axis."""
    edges = np.unique([e for lead in junction.leads for e in lead.band_edges().ravel() if e < mu])
    x, w = np.polynomial.legendre.leggauss(nodes)
    theta, total = (x + 1) * np.pi / 4, 0.0
    for low, high in zip(edges, [*edges[1:], mu], strict=True):
        energy = low + (high - low) * np.sin(theta) ** 2
        weight = w * np.pi / 4 * (high - low) * np.sin(2 * theta)
        if solver == "kwant":
            flux = np.array([sj.scatter(junction, E).bond_currents for E in energy])
        else:
            flux = sj.scatter(junction, energy, solver="halves").bond_currents
        total = total + (weight @ flux.sum(axis=1)[:, junction.cut, 1:]) @ normal(junction)
    return total


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("mu", [-0.9, 0.3])
def test_contour_equals_the_bond_currents_of_all_states_below(family, mu):
    spacer = {"spacer_onsite": 1.0} if family is spin_valve else {}  # no bound states below the leads' bands
    junction = family(theta=1.1, **spacer)
    nodes = 1200 if family is spin_valve else 250  # a quantum-well resonance
    expected = scattering_states_up_to(junction, mu, nodes)
    assert along_normal(junction, energy=mu) == pytest.approx(expected, rel=QUADRATURE, abs=1e-11)


def test_contour_equals_what_kwant_finds_below():
    junction = tunnel_junction(theta=1.1, height=1.5, thickness=2)
    expected = scattering_states_up_to(junction, 0.3, nodes=10, solver="kwant")  # good to 2e-11
    assert along_normal(junction, energy=0.3) == pytest.approx(expected, rel=QUADRATURE)


def test_contour_counts_bound_states_too():
    """A spacer below all bands: what the scattering states miss is -4π dE_b/dΦ of each bound state, D(E_b) = 0."""
    theta = 1.1
    junction = spin_valve(theta=theta, spacer=2, spacer_onsite=-2.5)
    below = float(min(lead.band_edges().min() for lead in junction.leads))

    def determinant(energy, angle):
        turned = spin_valve(theta=angle, spacer=2, spacer_onsite=-2.5)
        return np.exp(halves.log_det(turned, energy)).real.item()

    energy = np.linspace(below - 3, below - 1e-6, 150)
    values = np.array([determinant(E, theta) for E in energy])
    poles = abs(values) > 20  # a level of one half alone
    brackets = [i for i in np.flatnonzero(values[1:] * values[:-1] < 0) if not poles[i : i + 2].any()]
    assert brackets
    h, bound = 1e-3, 0.0
    for i in brackets:

        def level(angle, i=i):
            return brentq(determinant, energy[i], energy[i + 1], args=(angle,), xtol=1e-14, rtol=1e-14)

        bound += (level(theta + h) - level(theta - h)) / (2 * h)
    scattering = scattering_states_up_to(junction, 0.0)
    assert abs(bound) > 1e-4
    assert along_normal(junction) - scattering == pytest.approx(-4 * np.pi * bound, rel=1e-5)


def test_contour_equals_the_imaginary_axis():
    """Closing the contour upward instead, with the surface Green's functions written out."""
    junction = tunnel_junction(theta=1.0, height=0.5, thickness=2)
    t, mu = junction.bond_hoppings[junction.cut], 0.3

    def integrand(y):
        g_left, g_right = halves.surface_greens(junction, np.array(mu + 1j * y))
        u, w = t * g_left, t * g_right
        d = 1 - u[:, None] * w[None, :]
        mixed = (u[0] - u[1]) * (w[0] - w[1])
        return (mixed / (d[0, 0] * d[1, 1] + np.sin(0.5) ** 2 * mixed)).real

    value = quad(integrand, 0, np.inf, epsabs=1e-13, epsrel=1e-11, limit=300)[0]
    assert along_normal(junction, energy=mu) == pytest.approx(2 * np.sin(1.0) * value, rel=QUADRATURE)


@pytest.mark.parametrize("temperature", [0.0, 0.02])
def test_radius_of_the_contour_does_not_matter(temperature, monkeypatch):
    junction = asymmetric_junction(theta=1.0)
    values, floor = [along_normal(junction, temperature=temperature)], equilibrium._floor
    for bottom in (-6.0, -12.0, -60.0, 0.0):  # the last lies within the spectrum
        monkeypatch.setattr(equilibrium, "_floor", lambda stack, c, to=bottom: floor(stack, c) * 0 + to)
        values.append(along_normal(junction, temperature=temperature))
    np.testing.assert_allclose(values[:-1], values[0], rtol=QUADRATURE)
    assert abs(values[-1] / values[0] - 1) > 1e-3


def test_reported_error_bounds_the_error():
    junction = spin_valve(theta=1.0, spacer=12)
    exact = equilibrium_response(junction, rtol=1e-13)
    for rtol in (1e-2, 1e-4, 1e-7):
        response = equilibrium_response(junction, rtol=rtol)
        assert np.linalg.norm(response.spin_current - exact.spin_current) <= response.error + 1e-14


@given(spin_valves(), numbers(-1, 1))
@examples(10)
def test_both_magnets_feel_opposite_torques_along_the_common_normal(junction, mu):
    response = equilibrium_response(junction, mu)
    np.testing.assert_array_equal(response.torques.damping_like, 0)
    np.testing.assert_allclose(response.torques.vectors.sum(axis=-2), 0, atol=1e-15)
    scale = np.linalg.norm(response.spin_current) + 1e-15
    assert abs(junction.magnetizations @ response.spin_current).max() < 1e-12 * scale


def test_collinear_magnets_exchange_no_spin():
    for theta in (0.0, np.pi):
        assert abs(equilibrium_response(spin_valve(theta=theta)).spin_current).max() < 1e-15


def test_rotating_all_magnets_rotates_the_exchange():
    junction = asymmetric_junction(theta=1.0)
    turn = Rotation.from_euler("zyz", [0.3, 1.1, -2.0])
    turned = sj.Junction(
        replace(junction.left, m=turn.apply(junction.left.m)),
        junction.layers,
        replace(junction.right, m=turn.apply(junction.right.m)),
    )
    expected = turn.apply(equilibrium_response(junction).spin_current)
    np.testing.assert_allclose(equilibrium_response(turned).spin_current, expected, rtol=1e-9, atol=1e-16)


def test_cold_limit_is_approached_with_the_square_of_the_temperature():
    junction = tunnel_junction(theta=1.0, height=0.5)
    kT = np.array([0.005, 0.01, 0.02])
    cold = along_normal(junction, rtol=1e-12)
    change = [abs(along_normal(junction, temperature=T, rtol=1e-12) - cold) for T in kT]
    assert fit_power_law(kT, change).exponent == pytest.approx(2, abs=0.02)


@pytest.mark.parametrize("temperature", [0.0, 0.025])
def test_average_is_that_of_single_wave_vectors(temperature):
    junction = tunnel_junction(theta=1.0, height=2.0, onsite=5.0, splitting=2.0, in_plane_hopping=1.0)
    found = equilibrium_response(junction, k="average", temperature=temperature)

    def at(c):
        k = np.stack([np.arccos(c / 2)] * 2, axis=-1)
        return equilibrium_response(junction, k=k, temperature=temperature).torques.field_like[:, 1]

    expected = zone.average(at, zone.thresholds(junction, 0.0), rtol=1e-7)
    assert found.torques.field_like[1] == pytest.approx(expected.value, rel=1e-6)


def test_average_keeps_the_derivative_of_the_grand_potential():
    junction = tunnel_junction(theta=1.0, height=2.0, onsite=5.0, splitting=2.0, in_plane_hopping=1.0)
    slope = derivative_of_grand_potential(junction, k="average")
    assert -4 * np.pi * slope == pytest.approx(along_normal(junction, k="average"), rel=1e-5)


def test_exchange_decays_with_twice_the_decay_constant_down_to_1e_45():
    """No cancellation behind a thick barrier: Q ~ e^{-2κN}/N, so the logarithmic slope is 2κ + 1/N."""
    mu, planes = 0.4, np.array([16, 32, 64])
    kappa = float(np.arccosh((3.0 - mu) / 2))  # cosh κ = (ε - µ)/2t
    Q = np.array(
        [[along_normal(tunnel_junction(theta=1.0, thickness=int(n) + i), energy=mu) for n in planes] for i in (0, 1)]
    )
    assert abs(Q[1, -1]) < 1e-45
    excess = (np.log(Q[0] / Q[1]) - 2 * kappa) * (planes + 0.5) - 1
    assert (np.diff(abs(excess)) < 0).all()
    assert abs(excess[-1]) < 0.04


def test_metallic_coupling_oscillates_with_half_the_fermi_wavelength():
    """2 cos k_F = -E: at k_F = π/3 the period π/k_F is 3 planes, and one channel decays like 1/N."""
    junction = spin_valve(theta=1.0, spacer_onsite=1.0)
    assert junction.layers[0].onsite == 1.0  # ε - 2t cos k = 0
    planes = np.arange(40, 49)
    Q = np.array([along_normal(spin_valve(theta=1.0, spacer_onsite=1.0, spacer=int(n))) * n for n in planes])
    assert abs(Q[3:6] - Q[:3]).max() < 0.05 * np.ptp(Q)
    assert abs(Q[6:9] - Q[3:6]).max() < abs(Q[3:6] - Q[:3]).max()


def test_nothing_is_occupied_below_the_bands():
    assert abs(along_normal(tunnel_junction(theta=1.0), energy=-8.0)) < 1e-15


def test_grand_potential_is_minus_the_area_under_the_states_added():
    """Ω = -∫ dE N(E) at T = 0, N the number of states that joining the halves adds, by Gauss-Legendre in mpmath."""
    junction = tunnel_junction(theta=0.7, height=0.0, thickness=1)

    def states_added(energy):
        return -np.imag(halves.log_det(junction, float(energy))) / np.pi

    area = mpmath.quad(states_added, [-4, -1.5, -0.5, -0.2])
    assert float(grand_potential(junction, -0.2)[0]) == pytest.approx(-float(area), rel=1e-6)


def test_textures_have_a_grand_potential_but_no_single_exchange_current():
    wall = sj.Junction(
        sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0),
        [sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0, m=sj.unit_vector(t)) for t in (0.7, 1.4)],
        sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0, m=sj.unit_vector(2.1)),
    )
    assert np.isfinite(grand_potential(wall)[0])
    with pytest.raises(ArgumentError, match="two collinear halves"):
        equilibrium_response(wall)


def test_bad_arguments_are_named():
    junction = tunnel_junction()
    with pytest.raises(ArgumentError, match="`temperature` must not be negative"):
        equilibrium_response(junction, temperature=-0.1)
    with pytest.raises(ArgumentError, match="`k` must be a wave vector, None or 'average'"):
        equilibrium_response(junction, k="mean")
    with pytest.raises(ArgumentError, match="`rtol` must be positive"):
        grand_potential(junction, rtol=0.0)
