"""Collinear magnets, closed channels, band edges, and linear response in its simple cases."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import CONSERVATION, examples, numbers, scattering_problems, spin_valves

import kwant_spinjunc as sj
from kwant_spinjunc.theory.tunnelling import rotation_law
from kwant_spinjunc.transport.linear import linear_response, tunneling_response
from systems.asymmetric_junction import asymmetric_junction
from systems.contact import contact
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction
from validation.compare import fit_power_law, spin_factors

FAMILIES = [tunnel_junction, spin_valve, contact, asymmetric_junction]
split_potentials = st.tuples(*[numbers(-1, 1)] * 4)


@cache
def collinear(family, theta):
    """Scattering at 0, solved once: linear response alone depends on what the tests draw."""
    return sj.scatter(family(theta=theta), 0.0)


@pytest.mark.parametrize("family", FAMILIES)
@given(split_potentials)
def test_collinear_magnets_conserve_the_magnetization_current(family, mu):
    for theta, sign in [(0.0, 1), (np.pi, -1)]:
        s = collinear(family, theta)
        J_left, J_right = linear_response(s, mu[:2], mu[2:]).magnetization
        assert J_left == pytest.approx(sign * J_right, abs=CONSERVATION)


@pytest.mark.parametrize("family", FAMILIES)
def test_collinear_magnets_mix_no_spins_and_feel_no_torque(family):
    for theta, forbidden in [(0.0, 1 - np.eye(2)), (np.pi, np.eye(2))]:
        s = collinear(family, theta)
        np.testing.assert_allclose(s.transmissions * forbidden, 0, atol=CONSERVATION)
        response = linear_response(s, (0.7, 0.2), (-0.1, 0.3))
        np.testing.assert_allclose(response.torques.vectors, 0, atol=CONSERVATION)
        np.testing.assert_allclose(response.layer_torques, 0, atol=CONSERVATION)


@examples(10, full=25)
@given(scattering_problems(spin_valves()), split_potentials)
def test_without_spin_accumulation_the_reading_without_reflection_is_exact(problem, mu):
    s = sj.scatter(*problem)
    exact, reading = linear_response(s, mu[0], mu[1]), tunneling_response(s, mu[0], mu[1])
    np.testing.assert_allclose(exact.spin_resolved, reading.spin_resolved, atol=CONSERVATION)


@examples(10, full=25)
@given(scattering_problems(spin_valves()), split_potentials)
def test_what_the_paper_drops_is_spin_flip_reflection(problem, mu):
    """J_M^L exact - (3) = 2 R^L_{+-} (µ_L+ - µ_L-), as R is the same for both flips of a two-channel lead."""
    s = sj.scatter(*problem)
    exact, reading = linear_response(s, mu[:2], mu[2:]), tunneling_response(s, mu[:2], mu[2:])
    R = s.probabilities[0, :, 0]
    dropped = (R[0, 1] + R[1, 0]) * (mu[0] - mu[1])
    assert exact.magnetization[0] - reading.magnetization[0] == pytest.approx(dropped, abs=CONSERVATION)


@pytest.mark.parametrize("family", [tunnel_junction, spin_valve, contact])
@given(st.floats(0, np.pi))
@examples(8, full=25)
def test_identical_magnets_without_accumulation_have_equal_scalars_and_different_vectors(family, theta):
    response = linear_response(sj.scatter(family(theta=theta), 0.2), 0.5, -0.5)
    assert response.scalar_difference == pytest.approx(0, abs=CONSERVATION)
    length = 2 * abs(response.magnetization[0]) * np.sin(theta / 2)
    assert np.linalg.norm(response.vector_difference) == pytest.approx(length, abs=CONSERVATION)


def test_different_magnets_have_different_scalars():
    response = linear_response(sj.scatter(asymmetric_junction(theta=1.0), 0.0), 0.5, -0.5)
    assert abs(response.scalar_difference) > 0.01 * response.charge[0]


def test_rotation_law_holds_to_first_order_in_the_transmission():
    """Equation (2) fed with collinear data: the relative error is proportional to the transmission.

    The thickness is varied, as the height changes the interface factors too.
    """
    sizes, errors = [], []
    for thickness in (2, 3, 4, 5):
        parallel, antiparallel, s = (
            sj.scatter(tunnel_junction(theta=theta, height=4.0, thickness=thickness), 0.0) for theta in (0, np.pi, 1.0)
        )
        law = rotation_law(spin_factors(parallel, antiparallel), s.junction.angle)
        sizes.append(s.conductance)
        errors.append(abs(law / s.transmissions - 1).max())
    assert fit_power_law(sizes, errors).exponent == pytest.approx(1.0, abs=0.01)


def test_no_open_channel_names_the_bands():
    with pytest.raises(sj.NoOpenChannelError, match="left: majority -1.5 to 2.5, minority -0.5 to 3.5"):
        sj.scatter(tunnel_junction(), 9.0)
    with pytest.raises(sj.NoOpenChannelError, match="no channel is open"):
        sj.scatter(tunnel_junction(), 9.0, cross_section=(2, 2))
    with pytest.raises(sj.NoOpenChannelError, match="no channel is open"):
        sj.scatter(tunnel_junction(), np.array([9.0, 10.0]), solver="halves")


@pytest.mark.parametrize("solver", ["kwant", "halves"])
def test_a_closed_lead_reflects_everything(solver):
    iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    junction = sj.Junction(sj.ferromagnet(**iron), [], sj.normal_metal(onsite=9.0, hopping=1.0))
    s = sj.scatter(junction, 0.0, solver=solver)
    np.testing.assert_array_equal(s.modes, [[1, 1], [0, 0]])
    np.testing.assert_allclose(s.probabilities[0, :, 0], np.eye(2), atol=CONSERVATION)
    assert s.probabilities[1].max() == 0
    np.testing.assert_allclose(s.bond_currents, 0, atol=CONSERVATION)


@pytest.mark.parametrize("solver", ["kwant", "halves"])
def test_half_metals_conduct_one_spin_per_angle(solver):
    """Only majority channels: T = T_max cos²(Φ/2) exactly, nothing at 180 degrees."""
    T = [sj.scatter(contact(theta=theta), -1.0, solver=solver).probabilities[1, 0, 0, 0] for theta in (0, np.pi)]
    np.testing.assert_allclose(T, [1, 0], atol=CONSERVATION)


def test_at_a_band_edge_kwant_says_so_and_the_engine_closes_the_channel():
    with pytest.raises(sj.ArgumentError, match="must not lie at a band edge"):
        sj.scatter(tunnel_junction(), -0.5)
    s = sj.scatter(tunnel_junction(), -0.5, solver="halves")
    np.testing.assert_array_equal(s.modes, [[1, 0], [1, 0]])
    assert s.unitarity_defect < CONSERVATION


@pytest.mark.parametrize("side", [-1, 1])
def test_near_a_band_edge_results_are_continuous(side):
    """The minority band opens like the square root of the distance δ from its edge."""
    inside = [sj.scatter(tunnel_junction(), -0.5 + d).probabilities[1, :, 0, 1].sum() for d in (1e-5, 1e-7, 1e-9)]
    outside = sj.scatter(tunnel_junction(), -0.5 - 1e-8)
    assert outside.modes[0, 1] == 0
    assert np.diff(np.log(inside))[-1] == pytest.approx(np.log(0.1), abs=0.003)
    majority = [sj.scatter(tunnel_junction(), -0.5 + side * d).probabilities[1, 0, 0, 0] for d in (1e-8, 1e-10)]
    np.testing.assert_allclose(majority[0], majority[1], rtol=1e-3)


def test_potentials_broadcast_with_energies():
    energies = np.linspace(-0.4, 0.4, 5)
    s = sj.scatter(tunnel_junction(), energies, solver="halves")
    batch = linear_response(s, 0.5, -0.5)
    one = linear_response(sj.scatter(tunnel_junction(), energies[3]), 0.5, -0.5)
    assert batch.torques.vectors.shape == (5, 2, 3)
    np.testing.assert_allclose(batch.torques.vectors[3], one.torques.vectors, atol=CONSERVATION)
    split = linear_response(s, np.stack([energies, -energies], axis=-1), 0.0)
    assert split.magnetization.shape == (5, 2)
