"""One result whatever the route: Kwant's grammar on it, and it survives being stored and sent."""

import copy
import pickle

import numpy as np
import pytest

import kwant_spinjunc as sj
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction

JUNCTION = tunnel_junction(theta=1.0, thickness=2)
FILM = spin_valve(theta=1.0, onsite=4.0, in_plane_hopping=1.0)
ROUTES = {
    "kwant": dict(energy=0.1, solver="kwant"),
    "modes": dict(energy=0.1, solver="modes"),
    "halves": dict(energy=0.1, solver="halves"),
    "batch": dict(energy=[0.1, 0.2]),
    "average": dict(junction=FILM, energy=0.1, k="average", rtol=1e-4),
    "supercell": dict(energy=0.1, cross_section=(2, 2)),
}


def solved(route):
    return sj.scatter(**{"junction": JUNCTION} | ROUTES[route])


@pytest.mark.parametrize("route", ROUTES)
def test_transmission_between_leads_and_spins_sums_the_probabilities_like_kwant(route):
    s = solved(route)
    for out in (0, 1):
        for in_ in (0, 1):
            block = s.probabilities[..., out, :, in_, :]
            np.testing.assert_allclose(s.transmission(out, in_), block.sum(axis=(-2, -1)), rtol=1e-15)
            np.testing.assert_array_equal(s.transmission((out, 1), (in_, 0)), block[..., 1, 0])
            np.testing.assert_allclose(s.transmission((out, 0), in_), block[..., 0, :].sum(axis=-1), rtol=1e-15)
            if s.smatrix is not None:
                assert s.transmission(out, in_) == pytest.approx(s.smatrix.transmission(out, in_), rel=1e-12)
                assert s.transmission((out, 1), (in_, 0)) == s.smatrix.transmission((out, 1), (in_, 0))
    G = s.conductance_matrix()
    np.testing.assert_array_equal(G.sum(axis=-1), 0.0)
    np.testing.assert_allclose(-G[..., 1, 0], s.conductance, rtol=1e-14)
    if s.smatrix is not None:
        np.testing.assert_allclose(G, s.smatrix.conductance_matrix(), atol=1e-12)


@pytest.mark.parametrize("route", ["kwant", "halves", "batch"])
def test_currents_and_conductances_of_spins_are_those_of_the_linear_response(route):
    s, mu = solved(route), np.array([[0.7, 0.2], [-0.3, 0.1]])
    leaving = s.currents(mu)
    np.testing.assert_allclose(
        leaving, np.einsum("...asbt,bt->...as", s.conductance_matrix(spins=True), mu), atol=1e-14
    )
    along_y = sj.linear_response(s, *mu).spin_resolved
    np.testing.assert_allclose(leaving * np.array([[1.0], [-1.0]]), along_y, atol=1e-15)
    np.testing.assert_allclose(s.currents([0.5, -0.5])[..., 0], s.conductance, rtol=1e-12)


def test_the_conductance_matrix_of_a_thick_barrier_keeps_its_diagonal():
    """N - R was 0 there."""
    iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    thick = sj.barrier(onsite=30.0, hopping=1.0, thickness=10)
    s = sj.scatter(sj.Junction(sj.ferromagnet(**iron), [thick], sj.normal_metal(onsite=1.0, hopping=1.0)), 0.0)
    assert 0 < s.conductance < 1e-25
    np.testing.assert_allclose(s.conductance_matrix(), s.conductance * np.array([[1, -1], [-1, 1]]), rtol=1e-10)


@pytest.mark.parametrize("end", ["left", 2, (0, 2), (0, 0, 0), True, 1.0])
def test_an_end_that_is_no_lead_or_spin_is_named(end):
    with pytest.raises(sj.ArgumentError, match=r"`out` must"):
        solved("halves").transmission(end, 0)


@pytest.mark.parametrize("route", ROUTES)
def test_every_route_is_of_the_same_record_and_survives_a_copy(route):
    s = solved(route)
    for twin in (pickle.loads(pickle.dumps(s)), copy.copy(s), copy.deepcopy(s)):
        np.testing.assert_array_equal(twin.probabilities, s.probabilities)
        np.testing.assert_array_equal(twin.bond_currents, s.bond_currents)
        assert twin.solver == s.solver
        assert str(twin) == str(s)
        assert twin.junction == s.junction
    assert type(s) is sj.Scattering
    assert s.fields.currents.shape == (*s.fields.modes.shape[:-2], 2, 2, len(s.junction.planes) - 1, 4)


def test_turning_a_magnet_turns_its_whole_half_and_keeps_what_is_antiparallel():
    iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    layers = [
        sj.ferromagnet(**iron, m=(0, 0, -1.0), thickness=2),
        sj.barrier(onsite=3.0, hopping=1.0, thickness=2, disorder=[sj.Anderson(width=1.0)]),
        sj.ferromagnet(**iron, m=sj.unit_vector(1.0 + np.pi), disorder=[sj.Anderson(width=0.5)]),
    ]
    junction = sj.Junction(sj.ferromagnet(**iron), layers, sj.ferromagnet(**iron, m=sj.unit_vector(1.0)))
    left, right = sj.unit_vector(0.4, 2.0), sj.unit_vector(2.0, -1.0)
    turned = junction.turned(m_left=left, m_right=right)
    np.testing.assert_allclose(turned.magnetizations, [left, right], atol=1e-15)
    np.testing.assert_allclose(turned.layers[0].m, -left, atol=1e-15)
    np.testing.assert_allclose(turned.layers[2].m, -right, atol=1e-15)
    assert turned.layers[1] == junction.layers[1]  # the same sample
    assert turned.layers[2].disorder == junction.layers[2].disorder
    assert junction.turned() == junction
    assert junction.turned(m_right=right).left == junction.left
    angles = np.array([0.0, 0.3, np.pi])
    for angle, m in zip(angles, junction.directions_at(angles), strict=True):
        assert junction.turned(m_right=m).angle == pytest.approx(angle, abs=1e-7)
    np.testing.assert_allclose(junction.directions_at(junction.angle), junction.magnetizations[1], atol=1e-15)


METAL = sj.normal_metal(onsite=0.0, hopping=1.0)


@pytest.mark.parametrize(
    ("junction", "words"),
    [
        (
            sj.Junction(sj.normal_metal(onsite=0.0, hopping=1.0), [], sj.normal_metal(onsite=0.0, hopping=1.0)),
            "a magnet",
        ),
        (sj.Junction(JUNCTION.left, [], JUNCTION.left), "contact of collinear"),
    ],
)
def test_what_cannot_be_turned_is_refused(junction, words):
    with pytest.raises(sj.ArgumentError, match=words):
        junction.turned(m_right=(1.0, 0.0, 0.0))
