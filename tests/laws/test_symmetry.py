"""Rotating the whole junction, one plane's spin frame, or time changes nothing physical."""

import kwant
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from strategies import CONSERVATION, examples, junctions, numbers, scattering_problems, spin_valves

import kwant_spinjunc as sj
from kwant_spinjunc.spin import angle_between, rotation_matrix, sigma, spinors, torque_axes

rotations = st.builds(lambda a, b, c: Rotation.from_euler("zyz", [a, b, c]), *[numbers(-np.pi, np.pi)] * 3)


def rotated(junction, change):
    """Return the junction with every magnetization mapped by ``change``."""
    from dataclasses import replace

    def turn(layer):
        return replace(layer, m=change(np.array(layer.m)))

    return replace(
        junction,
        left=turn(junction.left),
        layers=[turn(layer) for layer in junction.layers],
        right=turn(junction.right),
    )


@examples(6, full=25)
@given(scattering_problems(junctions()), rotations)
def test_rotating_all_magnets_rotates_spin_currents_and_nothing_else(problem, rotation):
    junction, energy, _ = problem
    s = sj.scatter(junction, energy)
    t = sj.scatter(rotated(junction, rotation.apply), energy)
    np.testing.assert_allclose(t.probabilities, s.probabilities, atol=CONSERVATION)
    np.testing.assert_allclose(t.bond_currents[..., 0], s.bond_currents[..., 0], atol=CONSERVATION)
    matrix = rotation.as_matrix()
    np.testing.assert_allclose(t.bond_currents[..., 1:], s.bond_currents[..., 1:] @ matrix.T, atol=CONSERVATION)
    np.testing.assert_allclose(t.layer_torques, s.layer_torques @ matrix.T, atol=CONSERVATION)


@examples(6, full=25)
@given(scattering_problems(junctions()), st.integers(0, 2**32 - 1))
def test_a_spin_frame_of_its_own_on_every_plane_changes_no_probability(problem, seed):
    junction, energy, _ = problem
    s = sj.scatter(junction, energy)
    syst = sj.build(junction)
    rng = np.random.default_rng(seed)
    frames = {n: rotation_matrix([0, 0, 1], random_direction(rng)) for n in range(1, len(junction.planes) - 1)}

    def frame(site):
        return frames.get(site.tag[1], np.eye(2))  # the end planes keep the frame of their lead

    for site, value in list(syst.site_value_pairs()):
        syst[site] = frame(site).conj().T @ np.array(value) @ frame(site)
    for (a, b), value in list(syst.hopping_value_pairs()):
        syst[a, b] = frame(a).conj().T @ np.array(value) @ frame(b)
    smatrix = kwant.smatrix(syst.finalized(), energy)
    for (a, s_out, b, s_in), expected in np.ndenumerate(s.probabilities):
        np.testing.assert_allclose(smatrix.transmission((a, s_out), (b, s_in)), expected, atol=CONSERVATION)


def random_direction(rng):
    v = rng.normal(size=3)
    return v / np.linalg.norm(v)


@examples(6, full=25)
@given(scattering_problems(junctions()))
def test_onsager_reciprocity_with_all_magnetizations_reversed(problem):
    junction, energy, _ = problem
    forward = sj.scatter(junction, energy).probabilities
    backward = sj.scatter(rotated(junction, lambda m: -m), energy).probabilities
    np.testing.assert_allclose(forward, backward.transpose(2, 3, 0, 1), atol=CONSERVATION)


@examples(6, full=25)
@given(scattering_problems(junctions()))
def test_coplanar_magnetizations_scatter_symmetrically(problem):
    junction, energy, _ = problem

    def into_plane(m):
        return sj.unit_vector(np.arctan2(np.hypot(m[0], m[1]), m[2]))

    T = sj.scatter(rotated(junction, into_plane), energy).probabilities
    np.testing.assert_allclose(T, T.transpose(2, 3, 0, 1), atol=CONSERVATION)


@examples(6, full=25)
@given(scattering_problems(spin_valves()))
def test_mirrored_junction_exchanges_left_and_right(problem):
    junction, energy, _ = problem
    mirror = sj.Junction(junction.right, junction.layers[::-1], junction.left, buffer=junction.buffer)
    s, t = sj.scatter(junction, energy), sj.scatter(mirror, energy)
    np.testing.assert_allclose(t.probabilities, s.probabilities[::-1, :, ::-1], atol=CONSERVATION)
    np.testing.assert_allclose(t.bond_currents, -s.bond_currents[::-1, ::-1], atol=CONSERVATION)
    np.testing.assert_allclose(t.layer_torques, s.layer_torques[::-1, ::-1], atol=CONSERVATION)


@given(numbers(-np.pi, np.pi), numbers(-np.pi, np.pi), numbers(-np.pi, np.pi))
def test_spinors_point_along_their_axis(theta, phi, other):
    m = sj.unit_vector(theta, phi)
    frame = spinors(m)
    np.testing.assert_allclose(frame.conj().T @ sigma(m) @ frame, np.diag([1, -1]), atol=1e-14)
    np.testing.assert_allclose(frame.conj().T @ frame, np.eye(2), atol=1e-14)
    R = rotation_matrix(m, sj.unit_vector(other))
    np.testing.assert_allclose(R.conj().T @ R, np.eye(2), atol=1e-14)


@given(numbers(0, np.pi), numbers(-3.14, 3.14))  # beyond 180° the same two directions mean another turn
def test_rotation_matrix_in_the_paper_plane_depends_on_the_half_angle(start, angle):
    R = rotation_matrix(sj.unit_vector(start), sj.unit_vector(start + angle))
    c, s = np.cos(angle / 2), np.sin(angle / 2)
    np.testing.assert_allclose(abs(R), abs(np.array([[c, -s], [s, c]])), atol=1e-12)
    if abs(start) < 1e-9:
        np.testing.assert_allclose(R, [[c, -s], [s, c]], atol=1e-12)


def test_torque_axes_are_orthonormal_and_vanish_for_collinear_magnets():
    m, other = sj.unit_vector(0.4, 1.0), sj.unit_vector(2.0, -0.3)
    e, normal = torque_axes(m, other)
    np.testing.assert_allclose(np.array([m, e, normal]) @ np.array([m, e, normal]).T, np.eye(3), atol=1e-14)
    angle = angle_between(m, other)
    np.testing.assert_allclose(e, (other - np.cos(angle) * m) / np.sin(angle), atol=1e-14)
    for same in (m, -m):
        np.testing.assert_array_equal(torque_axes(m, same), np.zeros((2, 3)))
