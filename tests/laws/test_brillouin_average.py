"""``k = "average"``: one number per unit cell, whatever the route to it."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import CONSERVATION, examples, numbers

import kwant_spinjunc as sj
from kwant_spinjunc import halves
from kwant_spinjunc.halves import batch, route, zone
from kwant_spinjunc.spin import rotation_matrix
from systems.contact import contact
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")  # low barriers, on purpose
@examples(8)
@given(numbers(3.5, 6.0), numbers(0.3, 3.0), numbers(0.0, np.pi), st.integers(1, 3))
def test_average_is_what_a_fine_mesh_tends_to(onsite, height, theta, thickness):
    junction = tunnel_junction(theta=theta, height=height, thickness=thickness, onsite=onsite, in_plane_hopping=1.0)
    s = sj.scatter(junction, 0.0, "average")
    k, weights = zone.mesh(240)
    mesh = sj.scatter(junction, 0.0, k, solver="halves")
    assert weights @ mesh.conductance == pytest.approx(s.conductance, rel=0.05)
    for name in ("probabilities", "modes", "bond_currents", "layer_torques"):
        summed = np.tensordot(weights, getattr(mesh, name), 1)
        # a mesh sees the kinks at channel openings with an error of about one cell of it
        np.testing.assert_allclose(getattr(s, name), summed, atol=5e-3, err_msg=name)


def test_averages_conserve_like_single_points():
    s = sj.scatter(spin_valve(onsite=4.0, in_plane_hopping=1.0, theta=1.0), 0.3, "average", rtol=1e-10)
    assert s.unitarity_defect < CONSERVATION
    assert s.continuity_defect < CONSERVATION
    assert s.torque_defect < 1e-8
    np.testing.assert_allclose(s.bond_currents[0, :, 0], s.conductance, rtol=1e-8)
    response = sj.linear_response(s, (0.5, 0.3), -0.5)
    m_left, m_right = s.junction.magnetizations
    np.testing.assert_allclose(
        [response.spin_current @ m_left, response.spin_current @ m_right], response.magnetization, atol=1e-8
    )


def test_a_junction_without_dispersion_averages_to_itself():
    s, t = sj.scatter(tunnel_junction(), 0.1, "average"), sj.scatter(tunnel_junction(), 0.1)
    np.testing.assert_allclose(s.probabilities, t.probabilities, atol=CONSERVATION)
    np.testing.assert_allclose(s.modes, t.modes, atol=CONSERVATION)


def test_a_perfect_crystal_averages_to_its_number_of_channels():
    """Its reflection is zero by symmetry: nothing is left whose digits could converge."""
    s = sj.scatter(contact(theta=0.0, onsite=4.0, in_plane_hopping=1.0), 0.0, "average")
    np.testing.assert_allclose(s.transmissions, np.diag(s.modes[0]), rtol=1e-8)
    assert s.probabilities[0, :, 0].max() < 1e-28  # an amplitude of rounding, squared


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")  # low barriers, on purpose
def test_a_reflection_that_is_zero_to_rounding_has_no_digits_to_converge():
    """A barrier as high as the minority's level: the junction is a perfect crystal for that spin."""
    junction = tunnel_junction(theta=0.0, height=0.5, thickness=1, onsite=4.0, in_plane_hopping=1.0)
    s = sj.scatter(junction, 0.0, "average")
    assert s.probabilities[0, 1, 0, 1] < 1e-28
    assert s.transmission((1, 1), (0, 1)) == pytest.approx(s.modes[0, 1], rel=1e-8)


@pytest.mark.parametrize("tilt", [0.0, 1.2])
def test_antiparallel_magnets_mix_no_spins_whatever_rounding_makes_of_their_directions(tilt, monkeypatch):
    """Coupled by cos(π/2) = 6e-17, a level of the other spin would be a resonance through which no mean converges."""
    metal = {"hopping": 1.0, "in_plane_hopping": 1.0}
    left = sj.ferromagnet(onsite=5.0, splitting=1.0, **metal, m=sj.unit_vector(tilt))
    right = sj.ferromagnet(onsite=4.8, splitting=1.8, **metal, m=sj.unit_vector(tilt + np.pi))
    one, other = (sj.Junction(left, [sj.normal_metal(onsite=x, **metal, thickness=4)], right) for x in (4.0, 4.2))
    assert not sj.scatter(one, 0.0, "average").fields.torques.any()
    monkeypatch.setattr(zone, "mean", partial(zone.mean, max_points=5000))
    monkeypatch.setattr(batch, "_turn", lambda m, to: np.moveaxis(rotation_matrix(m, to), (-2, -1), (0, 1)))
    with pytest.raises(zone.IntegrationError):
        sj.scatter(other, 0.0, "average").fields.torques.any()


def test_labels_across_the_axis_of_a_thick_junction_leave_no_digits_to_converge(monkeypatch):
    """Labels of the nonmagnetic lead at an angle: their spin flip is a difference of two reflections, T² = 1e-42."""
    metal = {"hopping": 1.0, "in_plane_hopping": 1.0}
    left = sj.ferromagnet(onsite=5.9, splitting=0.0, **metal, m=sj.unit_vector(0.0))
    right = sj.ferromagnet(onsite=5.8, splitting=2.5, **metal, m=sj.unit_vector(1.0))
    junction = sj.Junction(left, [sj.barrier(onsite=13.0, **metal, thickness=10)], right)
    s = sj.scatter(junction, 0.0, "average")
    assert s.probabilities[0, 0, 0, 1] < 1e-30
    assert (s.k_error[0, :, 1] <= 1e-7 * s.probabilities[0, :, 1]).all()
    monkeypatch.setattr(zone, "mean", partial(zone.mean, max_points=5000))
    monkeypatch.setattr(route, "AMPLITUDE", 0.0)
    with pytest.raises(zone.IntegrationError):
        sj.scatter(junction, 0.0, "average")


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")  # low barriers, on purpose
def test_a_thousand_planes_are_averaged_as_well_as_they_are_solved():
    junction = tunnel_junction(theta=1.0, onsite=4.0, in_plane_hopping=1.0, height=0.2, thickness=300)
    s = sj.scatter(junction, 0.0, "average", rtol=1e-6)
    fine = zone.average(  # no resonance is told of: the plain rule finds the oscillations by itself
        lambda c: halves.probabilities(junction, 0.0, c)[:, 1, :, 0], zone.thresholds(junction, 0.0), rtol=1e-8
    )
    np.testing.assert_allclose(s.probabilities[1, :, 0], fine.value, rtol=1e-6)


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")  # low barriers, on purpose
def test_the_tolerance_is_kept():
    junction = tunnel_junction(onsite=4.0, in_plane_hopping=1.0, height=1.0)
    fine = sj.scatter(junction, 0.0, "average", rtol=1e-12).probabilities
    for rtol in (1e-3, 1e-6, 1e-9):
        rough = sj.scatter(junction, 0.0, "average", rtol=rtol)
        assert (abs(rough.probabilities - fine) <= rough.k_error + 1e-15).all()
        np.testing.assert_allclose(rough.probabilities, fine, rtol=rtol)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(k="mean"), "`k` must be a wave vector, None or 'average', but is 'mean'"),
        (dict(k="average", solver="kwant"), "`k` must not be 'average' with Kwant"),
        (dict(k="average", rtol=-1.0), "`rtol` must be positive"),
    ],
)
def test_averages_name_the_bad_argument(arguments, message):
    with pytest.raises(sj.ArgumentError, match=message):
        sj.scatter(tunnel_junction(), 0.0, **arguments)


def test_an_energy_outside_of_every_band_is_refused():
    with pytest.raises(sj.NoOpenChannelError, match="no channel is open at any k"):
        sj.scatter(tunnel_junction(in_plane_hopping=0.1), 99.0, "average")
