"""Charge and spin are conserved: unitarity, continuity, torques that balance the spin currents."""

import kwant
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import CONSERVATION, examples, junctions, numbers, scattering_problems, spin_valves

import kwant_spinjunc as sj
from kwant_spinjunc.devices.junctions import settle
from kwant_spinjunc.errors import ContinuityError, UnitarityError
from kwant_spinjunc.spin import PAULI
from kwant_spinjunc.transport.linear import linear_response, tunneling_response
from kwant_spinjunc.transport.observables import magnet_torques

any_problem = scattering_problems(junctions(dispersive=True), dispersive=True)
valve_problem = scattering_problems(spin_valves())
metal_lead_problem = scattering_problems(spin_valves(metal_leads=True))
accumulations = st.tuples(*[numbers(-1, 1)] * 4)


def every_incoming_electron_leaves(s, mu):
    assert s.unitarity_defect < CONSERVATION
    np.testing.assert_allclose(s.probabilities.sum(axis=(0, 1)), s.modes, atol=CONSERVATION)
    np.testing.assert_allclose(s.probabilities.sum(axis=(2, 3)), s.modes, atol=CONSERVATION)


def raw_kwant_currents_agree_with_the_settled_ones(s, mu):
    """`settle` must not invent: unprocessed operators on Kwant's own wave functions give the same numbers."""
    junction = s.junction
    lattice = next(iter(s.system.sites)).family
    planes = len(junction.planes)
    bonds = [(lattice(0, b + 1, 0), lattice(0, b, 0)) for b in range(planes - 1)]
    waves = kwant.wave_function(s.system, s.energy)
    for lead in (0, 1):
        for column, matrix in enumerate([np.eye(2), *PAULI]):
            operator = kwant.operator.Current(s.system, matrix, where=bonds)
            raw = sum((operator(psi) for psi in waves(lead)), np.zeros(planes - 1))
            np.testing.assert_allclose(s.bond_currents[lead, :, column], raw, atol=CONSERVATION)


def charge_flux_is_the_transmission_through_every_bond(s, mu):
    np.testing.assert_allclose(s.bond_currents[0, :, 0], s.conductance, atol=CONSERVATION)
    np.testing.assert_allclose(s.bond_currents[1, :, 0], -s.conductance, atol=CONSERVATION)


def layer_torques_add_up_to_the_spin_current_lost(s, mu):
    Q = s.bond_currents[..., 1:]
    np.testing.assert_allclose(s.layer_torques[:, 1:-1].sum(axis=1), Q[:, 0] - Q[:, -1], atol=CONSERVATION)


def torque_is_exchange_field_cross_spin_density_on_every_plane(s, mu):
    splitting, m = s.junction.plane_splitting[:, None], s.junction.plane_m
    exchange = splitting * np.cross(m, s.spin_densities[..., 1:])
    np.testing.assert_allclose(s.layer_torques, exchange, atol=CONSERVATION)
    assert s.torque_defect < CONSERVATION
    assert s.continuity_defect < CONSERVATION


def torque_is_perpendicular_to_the_magnetization(s, mu):
    along = (s.layer_torques * s.junction.plane_m).sum(axis=-1)
    np.testing.assert_allclose(along, 0, atol=CONSERVATION)


def without_spin_accumulation_transmission_alone_gives_the_currents(s, mu):
    """Landauer-Büttiker term by term, for any texture: the two T_ss' differ if the magnetizations are not coplanar."""
    P, N = s.probabilities, s.modes
    reading = tunneling_response(s, *mu[:2])
    left = [N[0, a] * mu[0] - P[0, a, 0].sum() * mu[0] - P[0, a, 1].sum() * mu[1] for a in (0, 1)]
    right = [-(N[1, a] * mu[1] - P[1, a, 1].sum() * mu[1] - P[1, a, 0].sum() * mu[0]) for a in (0, 1)]
    np.testing.assert_allclose(reading.spin_resolved, [left, right], atol=CONSERVATION)


@examples(15, full=25)
@given(any_problem, accumulations)
def test_laws_of_any_junction(problem, mu):
    s = sj.scatter(*problem)
    for law in (
        every_incoming_electron_leaves,
        raw_kwant_currents_agree_with_the_settled_ones,
        charge_flux_is_the_transmission_through_every_bond,
        layer_torques_add_up_to_the_spin_current_lost,
        torque_is_exchange_field_cross_spin_density_on_every_plane,
        torque_is_perpendicular_to_the_magnetization,
        without_spin_accumulation_transmission_alone_gives_the_currents,
    ):
        law(s, mu)


def spacer_absorbs_no_spin(s, mu):
    nonmagnetic = s.junction.plane_splitting == 0
    np.testing.assert_allclose(s.layer_torques[:, nonmagnetic], 0, atol=CONSERVATION)
    Q = s.bond_currents[:, nonmagnetic[1:] | nonmagnetic[:-1]]
    np.testing.assert_allclose(Q, np.broadcast_to(Q[:, :1], Q.shape), atol=CONSERVATION)


def longitudinal_spin_current_is_the_magnetization_current_on_each_side(s, mu):
    """Two routes to J_M: wave functions at the spacer, and probabilities with Landauer-Büttiker."""
    response = linear_response(s, mu[:2], mu[2:])
    m_left, m_right = s.junction.magnetizations
    projected = [response.spin_current @ m_left, response.spin_current @ m_right]
    np.testing.assert_allclose(projected, response.magnetization, atol=CONSERVATION)


def both_torques_take_up_the_difference_of_the_magnetization_currents(s, mu):
    response = linear_response(s, mu[:2], mu[2:])
    m_left, m_right = s.junction.magnetizations
    J_left, J_right = response.magnetization
    lost = J_left * m_left - J_right * m_right
    np.testing.assert_allclose(response.torques.vectors.sum(axis=0), lost, atol=CONSERVATION)
    np.testing.assert_allclose(response.vector_difference, -lost, atol=CONSERVATION)
    assert response.scalar_difference == pytest.approx(J_right - J_left, abs=CONSERVATION)


def in_plane_torques_follow_from_the_two_magnetization_currents(s, mu):
    """Slonczewski 2005: τ_R·e_R = (J_M^L - J_M^R cos Φ)/sin Φ and τ_L·e_L = -(J_M^R - J_M^L cos Φ)/sin Φ."""
    angle = s.junction.angle
    if np.sin(angle) < 1e-3:  # the relation divides by sin Φ
        return
    response = linear_response(s, mu[:2], mu[2:])
    J_L, J_R = response.magnetization
    expected = [-(J_R - J_L * np.cos(angle)) / np.sin(angle), (J_L - J_R * np.cos(angle)) / np.sin(angle)]
    np.testing.assert_allclose(response.torques.damping_like, expected, atol=CONSERVATION / np.sin(angle))


def charge_current_is_the_same_on_both_sides(s, mu):
    left, right = linear_response(s, mu[:2], mu[2:]).charge
    assert left == pytest.approx(right, abs=CONSERVATION)


def nothing_flows_in_the_leads_when_all_potentials_are_equal(s, mu):
    response = linear_response(s, mu[0], mu[0])
    np.testing.assert_array_equal(response.spin_resolved, 0)


@examples(15, full=25)
@given(valve_problem, accumulations)
def test_laws_of_a_spacer_between_magnets(problem, mu):
    s = sj.scatter(*problem)
    for law in (
        spacer_absorbs_no_spin,
        longitudinal_spin_current_is_the_magnetization_current_on_each_side,
        both_torques_take_up_the_difference_of_the_magnetization_currents,
        in_plane_torques_follow_from_the_two_magnetization_currents,
        charge_current_is_the_same_on_both_sides,
        nothing_flows_in_the_leads_when_all_potentials_are_equal,
    ):
        law(s, mu)


@examples(10, full=25)
@given(metal_lead_problem, accumulations)
def test_torques_are_the_spin_flux_that_does_not_come_out(problem, mu):
    """Also between nonmagnetic leads, which carry spin of any direction."""
    s = sj.scatter(*problem)
    response = linear_response(s, mu[:2], mu[2:])
    weights = np.array([mu[:2], mu[2:]])
    Q = np.tensordot(weights, s.fields.currents[..., 1:], 2)  # [bond, axis]
    outer = [Q[0], Q[-1]]
    for side, lead in enumerate(s.junction.leads):
        if lead.is_magnetic:
            outer[side] = (outer[side] @ np.array(lead.m)) * np.array(lead.m)
    expected = [outer[0] - response.spin_current, response.spin_current - outer[1]]
    np.testing.assert_allclose(response.torques.vectors, expected, atol=CONSERVATION)
    np.testing.assert_allclose(response.vector_difference, outer[1] - outer[0], atol=CONSERVATION)
    if not any(lead.is_magnetic for lead in s.junction.leads):  # then all planes that take up torque are resolved
        resolved = response.layer_torques
        np.testing.assert_allclose(resolved.sum(axis=0), response.torques.vectors.sum(axis=0), atol=CONSERVATION)


def test_a_kwant_that_hides_its_factorization_gives_the_same(monkeypatch):
    iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    junction = sj.Junction(sj.ferromagnet(**iron), [], sj.ferromagnet(**iron, m=(0.6, 0.0, 0.8)))
    s = sj.scatter(junction, 0.1)
    waves = kwant.wave_function

    def opaque(*arguments, **options):
        solved = waves(*arguments, **options)
        return lambda lead: solved(lead)

    monkeypatch.setattr(kwant, "wave_function", opaque)
    t = sj.scatter(junction, 0.1)
    np.testing.assert_allclose(t.probabilities, s.probabilities, atol=1e-14)
    np.testing.assert_allclose(t.bond_currents, s.bond_currents, atol=1e-14)


def test_kwant_near_side_torques_have_a_floor_and_the_engine_none():
    """The torque on the injecting magnet falls like T; by Kwant it is a difference of numbers of order one."""
    iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    floor = 1e-14
    for height in (3.0, 30.0, 3000.0):
        junction = sj.Junction(
            sj.ferromagnet(**iron, m=sj.unit_vector(0.7, 0.4)),
            [sj.barrier(onsite=height, hopping=1.0, thickness=3)],
            sj.ferromagnet(**iron, m=sj.unit_vector(1.9, -0.8)),
        )
        s, t = sj.scatter(junction, 0.1), sj.scatter(junction, 0.1, solver="halves")
        np.testing.assert_allclose(s.layer_torques, t.layer_torques, atol=floor)
        assert abs(t.layer_torques).max() < 10 * t.conductance
        np.testing.assert_allclose(s.layer_torques[0, -1], t.layer_torques[0, -1], rtol=1e-8)  # the far side is exact


def test_torques_of_given_currents_are_in_minus_out():
    iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    junction = sj.Junction(sj.ferromagnet(**iron), [], sj.ferromagnet(**iron, m=(1.0, 0.0, 0.0)))
    torques = magnet_torques(junction.magnetizations, [0.2, 0.3, 0.1], [[0, 0, 0.1], [0.2, 0, 0]])
    np.testing.assert_allclose(torques.vectors, [[-0.2, -0.3, 0.0], [0.0, 0.3, 0.1]])
    np.testing.assert_allclose(torques.damping_like, [-0.2, 0.1])
    np.testing.assert_allclose(torques.field_like, [-0.3, 0.3])  # m_L×m_R = +y for both


def test_a_current_that_is_not_continuous_is_seen_and_measured():
    nonmagnetic = np.zeros((4, 3)), np.zeros(4, dtype=bool)
    raw = np.zeros((2, 2, 3, 4))
    raw[0, 0, :, 0] = [1.0, 1.0 - 1e-3, 1.0]
    fields = settle(*nonmagnetic, raw, np.zeros((2, 2, 4, 3)), np.ones((2, 2), int))
    assert fields.continuity_defect == pytest.approx(1e-3)
    np.testing.assert_array_equal(fields.currents[0, 0, :, 0], 1.0)


def test_a_torque_that_is_not_what_the_flux_loses_is_measured_and_the_caller_keeps_its_own():
    along_z = np.tile([0.0, 0.0, 1.0], (4, 1)), np.zeros(4, dtype=bool)
    raw, source = np.zeros((2, 2, 3, 4)), np.zeros((2, 2, 4, 3))
    raw[0, 0, :, 1] = [0.3, 0.2, 0.2]
    source[0, 0, 1, 0] = 0.1 - 1e-3
    given = source.copy()
    fields = settle(*along_z, raw, source, np.ones((2, 2), int))
    assert fields.torque_defect == pytest.approx(1e-3)
    assert fields.continuity_defect == 0
    np.testing.assert_allclose(fields.torques[0, 0, 1], [0.1, 0, 0])
    np.testing.assert_array_equal(source, given)


def test_results_that_miss_the_tolerance_are_refused():
    iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    junction = sj.Junction(
        sj.ferromagnet(**iron, m=sj.unit_vector(0.3, 0.7)), [], sj.ferromagnet(**iron, m=sj.unit_vector(2.0, 1.0))
    )
    with pytest.raises(UnitarityError, match="misses unitarity by"):
        sj.scatter(junction, 0.1, max_defect=1e-18)
    near_edge = -0.5 + 1e-10  # the minority velocity is 2e-5
    s = sj.scatter(junction, near_edge)
    with pytest.raises((UnitarityError, ContinuityError), match="more than `max_defect`"):
        sj.scatter(junction, near_edge, max_defect=max(float(s.unitarity_defect), float(s.torque_defect)) / 2)
