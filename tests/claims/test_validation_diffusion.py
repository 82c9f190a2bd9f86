"""The claims about interfaces and diffusion, equations (5) to (12). Each runs, keeps its checks and obeys a law."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.testing import assert_allclose

from kwant_spinjunc import scatter
from kwant_spinjunc.spin import unit_vector
from kwant_spinjunc.theory.drift_diffusion import match, tunnel_interface
from kwant_spinjunc.theory.interface import interface_currents, tunnelling_response
from validation.claims import (
    dipole_layers,
    equation_12,
    field_division,
    interface_response,
    length_scales,
    transverse_accumulation,
)
from validation.laboratory import Laboratory

#: Rounding of sums of some hundred numbers of order one.
ROUNDING = 1e-10


# ---------------------------------------------------------------------- equations (5), (6)
def test_interface_takes_the_power_that_its_currents_lose():
    """Joule's heat Σ I µ of the r's is positive for any accumulation: no interface drives a current by itself."""
    measured = interface_response.sample(Laboratory(), interface_response.FAMILIES["F|N|F"](theta=1.0))
    rng = np.random.default_rng(5)
    for mu_left, mu_right in rng.normal(size=(50, 2, 2)):
        J, left, right = interface_currents(measured.r, mu_left, mu_right)
        into = np.array([J + left, J - left, -J - right, -J + right]) / 2
        assert into @ np.concatenate([mu_left, mu_right]) > 0


def test_same_r_come_with_different_conductances():
    junction = interface_response.FAMILIES["F|F"](theta=np.pi / 2)
    P = scatter(junction, 0.0, (0.4, 0.2)).probabilities
    unchanged, gained = interface_response.undetermined(P)
    assert unchanged < ROUNDING
    assert_allclose(gained, 1.0, rtol=1e-9)


# ---------------------------------------------------------------------- equations (7) to (11)
@pytest.mark.parametrize("metal", [length_scales.LEFT, length_scales.RIGHT])
def test_raw_equations_are_those_of_two_spin_channels_far_from_everything(metal):
    """A uniform field without accumulation carries J = σE and J_M = βσE and stays uniform."""
    m = unit_vector(0.7, 0.2)
    A, b = length_scales.raw_equations(metal, m, J=2.0)
    z = np.zeros(9)
    z[5], z[6:] = 2.0 / metal.sigma, metal.beta * 2.0 * m
    slope = A @ z + b
    assert slope[4] == pytest.approx(-2.0 / metal.sigma)  # only V changes
    assert np.delete(slope, 4) == pytest.approx(np.zeros(8), abs=ROUNDING)


def test_precession_does_not_touch_the_longitudinal_lengths():
    m = unit_vector(0.3)
    slow, fast = (replace(length_scales.LEFT, omega=omega) for omega in (0.0, 30.0))
    exponents = [np.linalg.eigvals(length_scales.raw_equations(p, m)[0]) for p in (slow, fast)]
    for k in (slow.modes.spin, slow.modes.screening):
        for found in exponents:
            assert abs(found + k).min() < ROUNDING


# ---------------------------------------------------------------------- dipole layers
def test_layers_screen_the_field_of_the_barrier():
    """Gauss: the sheet charge of a face ends the displacement of the barrier, beyond the Ohmic field."""
    metal, d = dipole_layers.COBALT, 0.5
    solution = dipole_layers.between(metal, dipole_layers.spin_independent(metal, 0.1, 1.0), 1.0, d)
    barrier_field = solution.barrier_drop / d
    assert solution.charge_sheet[0] * metal.q == pytest.approx(barrier_field - 1 / metal.sigma, rel=1e-9)


def test_magnetization_per_voltage_does_not_depend_on_the_density_of_states():
    """δM/(V σ/D) is a ratio of energies: at equal l_sd it cannot know how many states there are."""
    metal = dipole_layers.COBALT
    ratios = []
    for factor in (1.0, 5.0):
        other = replace(metal, D=metal.D * factor, tau=metal.tau / factor)
        interface = dipole_layers.spin_independent(other, 0.7, 2.0)
        ratios.append(float(dipole_layers.relative_magnetization(dipole_layers.between(other, interface, 2.0))))
    assert ratios[0] == pytest.approx(ratios[1], rel=1e-9)


# ---------------------------------------------------------------------- transverse accumulation
@pytest.mark.parametrize("omega", [0.5, 50.0])
@pytest.mark.parametrize("gamma", [0.0, 0.5])
def test_spin_that_enters_is_torque_or_relaxes(omega, gamma):
    """ΔJ_M = what the interface takes + precession torque + transverse spin lost to the lattice."""
    c = transverse_accumulation.case(omega, 2.0, gamma)
    s, sheets = c.solution, c.solution.magnetization_sheet
    relaxed = (sheets - np.sum(sheets * s.m, axis=-1, keepdims=True) * s.m).sum(axis=0) / c.metal.tau
    balance = s.interface_torque + s.layer_torque.sum(axis=0) + relaxed
    assert balance == pytest.approx(s.delta_J_M, abs=ROUNDING)


def test_clean_depth_of_the_torque_is_shorter_than_spin_diffusion_and_falls_with_the_splitting():
    shallow, deep = (transverse_accumulation.clean_depth(Laboratory(), splitting) for splitting in (0.8, 0.4))
    assert shallow < deep < 0.1 * transverse_accumulation.COBALT.spin_diffusion_length


# ---------------------------------------------------------------------- equation (12)
def test_small_angles_and_the_antiparallel_end_of_equation_12():
    """ΔJ_M → |J_M(0)| Φ for small angles, whatever γ, and J_M = 0 between antiparallel identical magnets."""
    xi, Phi = np.array([0.1, 3.0]), np.array([1e-4, np.pi])
    for gamma in (0.0, 0.4):
        small, antiparallel = equation_12.solved(equation_12.METAL, xi, Phi, gamma).T
        assert antiparallel == pytest.approx(np.zeros(2), abs=ROUNDING)
        # Valet and Fert: contact of spin resistance 1/(G(1-γ²)) between two metals of 1/g each
        G, g, beta = xi, equation_12.METAL.spin_conductance, equation_12.METAL.beta
        r_b = 1 / (G * (1 - gamma**2))
        J_M = (2 * beta / g + gamma * r_b) / (2 / g + r_b)
        assert small == pytest.approx(1e-4 * J_M / beta, rel=1e-6)


def test_exchanging_the_magnets_exchanges_their_currents():
    """And leaves ΔJ_M unchanged, for any interface between identical metals."""
    metal, m = equation_12.METAL, (unit_vector(0.0), unit_vector(1.1))
    forward = tunnel_interface(*m, [1.0, 0.4], [0.9, 0.7])
    backward = tunnel_interface(*m[::-1], [0.9, 0.7], [1.0, 0.4])
    first = match(metal, metal, forward, m_left=m[0], m_right=m[1])
    second = match(metal, metal, backward, m_left=m[1], m_right=m[0])
    assert first.delta_J_M_length == pytest.approx(float(second.delta_J_M_length), rel=1e-12)
    assert_allclose(first.J_M, second.J_M[::-1], rtol=1e-12)


# ---------------------------------------------------------------------- field division
def test_short_structure_is_two_channels_of_resistors_for_parallel_magnets():
    left, right = np.array([3.0, 1.0]), np.array([0.5, 2.5])
    share, *_ = field_division.short_structure(left, right, 0.0)
    currents = 1 / (1 / left + 1 / right)
    assert share == pytest.approx((currents / left).mean(), rel=1e-5)


def test_exchanging_the_metals_exchanges_their_fields():
    pair = field_division.contact(3.0, beta=0.2)
    other = pair.solution.left
    G = field_division.TRANSPARENT * other.spin_conductance
    interface = tunnelling_response(G / 2 * np.eye(2))
    z = unit_vector(0.0)
    mirrored = field_division.divided(match(field_division.COBALT, other, interface, m_left=z, m_right=z))
    assert pair.found + mirrored.found == pytest.approx(1, abs=1e-7)
