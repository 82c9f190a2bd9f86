"""Laws of torques on textures and of the wall that a current makes."""

from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import constants
from strategies import examples, numbers

import kwant_spinjunc as sj
from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.magnets import wall
from kwant_spinjunc.theory.domain_wall import chain_response
from kwant_spinjunc.transport.linear import linear_response
from systems.contact import contact
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction
from validation.compare import fit_power_law

IRON = {"onsite": 5.0, "splitting": 1.0, "in_plane_hopping": 1.0}
barrier = partial(tunnel_junction, height=3.0, **IRON)
valve = partial(spin_valve, spacer_onsite=4.2, **IRON)
#: A hard magnet: √(J/K) = 1.2 nm or 5 planes, so that 30 planes are many.
HARD = {"stiffness": 2e-11, "anisotropy": 1.3e7, "lattice_constant": 0.25, "planes": 30}
#: One wave vector with both spins open.
K = (0.4, 0.2)
#: Chains of some ten planes, one wave vector: sums of products of order one.
ROUNDING = 1e-11


def turned(junction, planes, angles, phi=0.0):
    """The junction with explicit planes at the given polar angles, and its cut."""
    resolved = wall.resolve_magnets(junction, planes)
    return wall.texture(resolved, sj.unit_vector(angles, phi)), resolved.cut


def spiral(planes, amplitude=0.3, theta=np.pi / 2):
    """Angles that leave the easy axes 0 and theta towards the interface."""
    decay = amplitude * np.exp(-np.arange(planes) / 5)
    return np.concatenate([decay[::-1], theta - decay])


# ---------------------------------------------------------------------- torque on a texture
def test_rigid_magnets_absorb_the_torque_of_linear_response():
    """The planes of a magnet together take what the spacer's spin current brings and the last bond does not."""
    resolved = wall.resolve_magnets(barrier(theta=1.0), 6)
    found = wall.torque_profile(resolved, k=K)
    s = sj.scatter(resolved, 0.0, K)
    response = linear_response(s, 0.5, -0.5)
    Q = np.tensordot([0.5, -0.5], s.bond_currents[..., 1:], axes=1)
    expected = (Q[resolved.cut] - Q[-1]) / response.charge[1]
    assert found.torque[6:].sum(axis=0) == pytest.approx(expected, abs=ROUNDING)
    assert found.conductance == pytest.approx(float(s.conductance), rel=1e-9)


def test_kwant_and_the_engine_give_the_same_torque_on_a_texture():
    junction, cut = turned(valve(theta=np.pi / 2), 5, spiral(5), phi=0.2)

    def kwant(junction, energy, k):
        s = sj.scatter(junction, energy, k[0])
        s.__dict__["fields"] = replace(
            s.fields, **{name: x[None] for name, x in vars(s.fields).items() if x is not None}
        )
        return s

    fast, slow = (wall.torque_profile(junction, k=K, cut=cut, **o) for o in ({}, {"solve": kwant}))
    assert fast.torque == pytest.approx(slow.torque, abs=1e-9)
    assert fast.levels == pytest.approx(slow.levels, abs=1e-9)


def rotation(axis, angle):
    n = np.asarray(axis)
    cross = np.cross(np.eye(3), n)
    return np.cos(angle) * np.eye(3) - np.sin(angle) * cross + (1 - np.cos(angle)) * np.outer(n, n)


@examples(10)
@given(axis=st.builds(sj.unit_vector, numbers(0, np.pi), numbers(0, 6.28)), angle=numbers(-3, 3))
def test_turning_all_spins_turns_the_torque(axis, angle):
    R = rotation(axis, angle)
    junction, cut = turned(valve(theta=1.0), 4, spiral(4, theta=1.0), phi=0.3)
    layers = [sj.Layer(p.onsite, p.hopping, p.splitting, R @ p.m, 1.0) for p in junction.planes]
    rotated = sj.Junction(layers[0], layers[1:-1], layers[-1])
    before, after = (wall.torque_profile(j, k=K, cut=cut).torque for j in (junction, rotated))
    assert after == pytest.approx(before @ R.T, abs=ROUNDING)


def test_torque_is_perpendicular_to_the_spin_it_acts_on():
    junction, cut = turned(valve(theta=1.0), 8, spiral(8, theta=1.0), phi=0.3)
    planes = [p.m for p in junction.planes[1:-1] if p.is_magnetic]
    torque = wall.torque_profile(junction, cut=cut).torque
    assert abs(np.sum(torque * planes, axis=-1)).max() < ROUNDING


def test_a_twisted_magnet_behind_a_thick_barrier_is_not_turned_by_being_filled():
    """Per current the torque has a limit for vanishing transmission: what filling a magnet does is taken off."""
    profiles = []
    for thickness in (2, 3, 4, 5, 6):
        junction, cut = turned(barrier(theta=np.pi / 2, thickness=thickness), 8, spiral(8))
        profiles.append(wall.torque_profile(junction, k=K, cut=cut))
    transmission = [profile.conductance for profile in profiles[:-1]]
    change = [abs(a.torque - b.torque).max() for a, b in pairwise(profiles)]
    assert fit_power_law(transmission, change).exponent == pytest.approx(1.0, abs=0.1)
    assert 0.01 < abs(profiles[-1].torque).max() < 1
    assert profiles[-1].levels == pytest.approx([0.5, -0.5], abs=1e-6)


def test_slow_wall_takes_the_adiabatic_torque():
    """In a long wall the spin current is the polarized current along m, so that τ_n = m_{n-1/2} - m_{n+1/2}."""
    lengths, defects = np.array([20, 40, 80]), []
    metal = {"onsite": 1.0, "splitting": 1.5, "hopping": 1.0}  # at E = -1.5 only the majority band is open
    for length in lengths:
        edges = np.pi / 4 * (1 - np.cos(np.pi * np.arange(length + 1) / length))
        middle = (edges[:-1] + edges[1:]) / 2
        lead = [sj.ferromagnet(**metal, m=sj.unit_vector(theta)) for theta in (0.0, np.pi / 2)]
        layers = [sj.ferromagnet(**metal, m=sj.unit_vector(theta)) for theta in middle]
        junction = sj.Junction(lead[0], layers, lead[1])
        found = wall.torque_profile(junction, -1.5, cut=length // 2)
        assert found.conductance == pytest.approx(1.0, abs=0.02)
        adiabatic = -np.diff(sj.unit_vector(edges), axis=0)
        defects.append(abs(found.torque - adiabatic).max() / abs(adiabatic).max())
    assert defects[-1] < 0.05
    assert fit_power_law(lengths, defects).exponent < -0.9


# ---------------------------------------------------------------------- the loop
def test_weak_current_tilts_each_spin_by_the_lattice_response():
    """To first order δm = g (τ × m), out of the plane; the rest is of second order in the current."""
    currents, defects = [1e12, 4e12], []
    for current in currents:
        hard = {**HARD, "planes": 40}
        found = wall.self_consistent_wall(barrier(theta=np.pi / 2), current_density=current, **hard)
        assert found.report.converged
        n = np.arange(40)
        exchange, per_plane = 2e-11 / 0.25e-9, 1.3e7 * 0.25e-9
        g = chain_response(n[:, None], n, exchange, per_plane)
        torque = found.scale * found.rigid.torque[40:]
        expected = g @ np.cross(torque, found.chain.easy_axes[40:])
        tilt = found.state.m[40:] - found.chain.easy_axes[40:]
        # the response is that of a half-infinite chain: not near the outer end, eight wall lengths away
        defects.append(abs(tilt - expected)[:12].max())
        assert abs(expected[0, 1]) > 3 * abs(expected[0, [0, 2]]).max()
    assert np.log(defects[1] / defects[0]) / np.log(4) == pytest.approx(2.0, abs=0.1)


def test_converged_wall_is_in_equilibrium_with_its_own_torque():
    found = wall.self_consistent_wall(valve(theta=np.pi / 2), current_density=5e12, tolerance=1e-9, **HARD)
    assert found.report.converged
    assert found.state.torque == pytest.approx(found.scale * found.final.torque, abs=1e-8 * 1e-3)
    assert found.state.stable
    assert 1e-3 < found.torque_change < 0.5
    assert "change by the wall" in str(found)


def test_torque_beyond_what_the_magnet_can_hold_is_reported():
    found = wall.self_consistent_wall(valve(theta=np.pi / 2), current_density=2e15, **HARD)
    assert not found.report.converged
    assert "chain cannot hold the torque" in found.report.reason


def test_without_current_nothing_moves():
    found = wall.self_consistent_wall(valve(theta=1.0), current_density=0.0, **HARD)
    assert found.report.converged
    assert found.state.tilt.max() < ROUNDING
    assert found.torque_change == 0.0
    assert found.scale == 0.0


def test_reversing_the_current_reverses_the_tilt():
    one, other = (
        wall.self_consistent_wall(barrier(theta=np.pi / 2), current_density=J, **HARD).state.elevation
        for J in (1e11, -1e11)
    )
    assert abs(one + other).max() < 1e-3 * abs(one).max()


def test_free_layer_on_a_normal_lead_turns_as_a_chain_of_its_own():
    magnet = sj.ferromagnet(**IRON, hopping=1.0, thickness=6, m=sj.unit_vector(np.pi / 2))
    copper = sj.normal_metal(onsite=4.2, hopping=1.0, in_plane_hopping=1.0, thickness=2)
    fixed = sj.ferromagnet(**IRON, hopping=1.0)
    junction = sj.Junction(fixed, [copper, magnet], sj.normal_metal(onsite=4.2, hopping=1.0, in_plane_hopping=1.0))
    found = wall.self_consistent_wall(junction, current_density=1e11, **{**HARD, "planes": (20, 0)})
    assert found.report.converged
    assert (found.chain.left_planes, found.chain.planes) == (20, 26)
    assert found.position[[19, 20]].tolist() == [0.0, 0.0]
    tilt = found.state.tilt[20:]
    assert tilt.min() > 0.3 * tilt.max()  # thinner than a wall: it turns as a whole


def test_magnets_of_unequal_thickness_turn_each_as_with_its_own_number_of_planes():
    hard = {key: value for key, value in HARD.items() if key != "planes"}
    found = {
        planes: wall.self_consistent_wall(barrier(theta=np.pi / 2), current_density=2e12, planes=planes, **hard)
        for planes in [(9, 14), (9, 9), (14, 14)]
    }
    uneven = found[9, 14]
    assert uneven.report.converged
    assert (uneven.chain.left_planes, uneven.chain.planes) == (9, 23)
    left, right = uneven.state.tilt[:9], uneven.state.tilt[9:]
    # the torques of the two textures agree to second order in the current only
    np.testing.assert_allclose(left, found[9, 9].state.tilt[:9], rtol=1e-2)
    np.testing.assert_allclose(right, found[14, 14].state.tilt[14:], rtol=1e-2)
    assert abs(left - found[14, 14].state.tilt[5:14]).max() > 0.05 * left.max()  # the thickness matters


def test_resolving_the_magnets_changes_nothing():
    junction = barrier(theta=1.0)
    resolved = wall.resolve_magnets(junction, (3, 5))
    one, other = (sj.scatter(j, 0.0, K).probabilities for j in (junction, resolved))
    assert other == pytest.approx(one, abs=ROUNDING)
    with_bonds = sj.Junction(junction.left, junction.layers, junction.right, bonds={0: 0.7})
    resolved = wall.resolve_magnets(with_bonds, 4)
    assert resolved.bond_hoppings[4] == 0.7
    one, other = (sj.scatter(j, 0.0, K).probabilities for j in (with_bonds, resolved))
    assert other == pytest.approx(one, abs=ROUNDING)


def test_wave_vectors_of_the_zone_average_to_known_numbers():
    k, weights = wall.zone(valve(), step=0.1)
    assert weights.sum() == pytest.approx(1.0, abs=1e-7)  # points on resonances
    assert weights @ (np.cos(k).sum(axis=-1) ** 2) == pytest.approx(1.0, abs=1e-6)
    k, weights = wall.zone(tunnel_junction())
    assert (k.tolist(), weights.tolist()) == ([[0.0, 0.0]], [1.0])


def test_torque_unit_is_half_hbar_per_electron():
    found = wall.self_consistent_wall(barrier(theta=np.pi / 2), current_density=1e10, **HARD)
    assert found.scale == pytest.approx(constants.hbar / 2 / constants.e * 1e10)
    # Efficiency of this junction at 90 degrees: a quarter of ħ/2e per electron.
    assert found.net_torque(found.rigid)[1, 2] / found.scale == pytest.approx(0.2517, abs=0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"current_density": np.nan}, "`current_density` must be finite"),
        ({"lattice_constant": -1.0}, "`lattice_constant` must be positive"),
        ({"anisotropy": 0.0}, "`K` must be positive"),
        ({"planes": -3}, "`planes` must be at least 1"),
        ({"junction": sj.Junction(sj.normal_metal(onsite=0, hopping=1), [], contact().right)}, "lead is not magnetic"),
        ({"junction": sj.Junction(contact().left, [], sj.ferromagnet(onsite=1, hopping=1, splitting=1, m=(0, 1, 0)))},
         "x-z plane"),
        ({"junction": sj.Junction(contact().left, [
            sj.ferromagnet(onsite=1, hopping=1, splitting=1, m=(0.6, 0, 0.8))], contact(1.0).right)}, "is a texture"),
        ({"energy": -9.0}, "no channel is open"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_by_name(change, message):
    arguments = {"junction": tunnel_junction(theta=1.0), "current_density": 1e10, **HARD, **change}
    with pytest.raises(ArgumentError, match=message):
        wall.self_consistent_wall(arguments.pop("junction"), **arguments)


def test_wrong_shapes_are_refused_by_name():
    resolved = wall.resolve_magnets(tunnel_junction(theta=1.0), 3)
    with pytest.raises(ArgumentError, match=r"`m` must have shape \(6, 3\)"):
        wall.texture(resolved, np.ones((4, 3)))
    with pytest.raises(ArgumentError, match="`weights` must have one entry per k"):
        wall.torque_profile(resolved, k=np.zeros((3, 2)))
    bent = wall.texture(resolved, sj.unit_vector(np.linspace(0, 1, 6)))
    with pytest.raises(ArgumentError, match="`cut` must be the bond between the two magnets"):
        wall.torque_profile(bent)
