"""Local chemical potentials: a ballistic wire, a barrier, and symmetries."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples, numbers, scattering_problems, spin_valves

import kwant_spinjunc as sj
from kwant_spinjunc.model.disorder import Anderson
from kwant_spinjunc.transport.local import chemical_potentials, default_axes

#: Ratios of sums of densities of order one.
ROUNDING = 1e-10


@given(st.data(), numbers(-1, 1), numbers(-1, 1))
def test_a_ballistic_wire_has_the_mean_of_both_reservoirs_everywhere(data, left, right):
    splitting = data.draw(numbers(0.1, 1.0))
    iron = sj.ferromagnet(onsite=0.0, hopping=1.0, splitting=splitting)
    s = sj.scatter(sj.Junction(iron, [iron] * 3, iron), 0.3, solver="halves")
    np.testing.assert_allclose(chemical_potentials(s, left, right), (left + right) / 2, atol=ROUNDING)


@examples(10, full=25)
@given(scattering_problems(spin_valves()), st.lists(numbers(-1, 1), min_size=4, max_size=4))
def test_potentials_lie_between_those_of_the_reservoirs_and_are_linear_in_them(problem, mu):
    s = sj.scatter(*problem, solver="halves")
    found = chemical_potentials(s, mu[:2], mu[2:])
    finite = np.isfinite(found)
    assert (found[finite] >= min(mu) - ROUNDING).all()
    assert (found[finite] <= max(mu) + ROUNDING).all()
    doubled = chemical_potentials(s, 2 * np.array(mu[:2]) + 1, 2 * np.array(mu[2:]) + 1)
    np.testing.assert_allclose(doubled[finite], 2 * found[finite] + 1, atol=ROUNDING)
    np.testing.assert_allclose(chemical_potentials(s, 0.3, 0.3)[finite], 0.3, atol=ROUNDING)


@examples(10, full=25)
@given(scattering_problems(spin_valves()))
def test_turned_around_the_potentials_are_those_of_the_other_end(problem):
    junction, energy, k = problem
    mirror = sj.Junction(junction.right, junction.layers[::-1], junction.left, buffer=junction.buffer)
    if junction.bonds is not None:
        mirror = replace(mirror, bonds=junction.bonds[::-1])
    axis = (0.0, 0.6, 0.8)
    here = chemical_potentials(sj.scatter(junction, energy, k, solver="halves"), 0.7, -0.2, axis)
    there = chemical_potentials(sj.scatter(mirror, energy, k, solver="halves"), -0.2, 0.7, axis)
    np.testing.assert_allclose(here, there[::-1], atol=1e-7)


def test_a_barrier_makes_a_step_with_friedel_oscillations():
    copper = dict(onsite=0.0, hopping=1.0)
    wide = sj.Junction(
        sj.normal_metal(**copper), [sj.barrier(onsite=6.0, hopping=1.0, thickness=4)], sj.normal_metal(**copper),
        buffer=40)  # fmt: skip
    energy = 0.5
    s = sj.scatter(wide, energy, solver="halves")
    mu = chemical_potentials(s, 0.5, -0.5)[:, 0]
    # nothing comes through: the states of each side are those of its own reservoir
    np.testing.assert_allclose(mu[:40], 0.5, atol=2e-3)
    np.testing.assert_allclose(mu[44:], -0.5, atol=2e-3)
    assert mu[40] > mu[43]
    impurity = sj.normal_metal(onsite=1.0, hopping=1.0)
    half = sj.Junction(sj.normal_metal(**copper), [impurity], sj.normal_metal(**copper), buffer=80)
    s = sj.scatter(half, energy, solver="halves")
    mu = chemical_potentials(s, 0.5, -0.5)[:80, 0]
    step = mu - mu.mean()
    assert step.std() > 0.05
    # in front of the impurity the density of states oscillates with 2 k_F: E = -2 cos k
    q = 2 * np.arccos(-energy / 2)
    wave = np.exp(1j * np.outer([q, q + 0.3, q - 0.3], np.arange(80)))
    heights = abs(wave @ step)
    assert heights[0] > 5 * heights[1:].max()


def test_spins_are_told_apart_along_the_axis_of_their_plane():
    iron = dict(onsite=0.0, hopping=1.0, splitting=1.0)
    m = sj.unit_vector(1.2, 0.3)
    junction = sj.Junction(
        sj.ferromagnet(**iron), [sj.normal_metal(onsite=0.0, hopping=1.0, thickness=2)], sj.ferromagnet(**iron, m=m)
    )
    np.testing.assert_allclose(default_axes(junction), [(0, 0, 1), (0, 0, 1), m, m])
    s = sj.scatter(junction, 0.2, solver="halves")
    found = chemical_potentials(s, (1.0, 0.0), 0.0)
    assert found[0, 0] > found[0, 1]  # the majority of the left reservoir is raised
    flipped = chemical_potentials(s, (1.0, 0.0), 0.0, -default_axes(junction))
    np.testing.assert_allclose(flipped, found[:, ::-1], atol=ROUNDING)


def test_averages_are_divided_after_they_are_taken_and_have_error_bars():
    copper = dict(onsite=0.0, hopping=1.0, in_plane_hopping=1.0)
    dirty = sj.normal_metal(**copper, thickness=8, disorder=[Anderson(width=2.0)])
    wire = sj.Junction(sj.normal_metal(**copper), [dirty], sj.normal_metal(**copper))
    settings = dict(cross_section=(2, 2), boundary="twisted", profiles=True, torques=False, workers=1, progress=False)
    result = sj.ensemble(wire, 0.5, realizations=48, **settings)
    mu, error = result.chemical_potentials(0.5, -0.5)
    d = result.samples("densities").mean(axis=0)[..., 0]
    np.testing.assert_allclose(
        mu[:, 0], ((d[0] - d[1]).sum(axis=0) / d.sum(axis=(0, 1))) / 2, atol=3 * error[:, 0].max()
    )
    assert (error > 0).all()
    assert (error < 0.1).all()
    assert mu[1, 0] > 0.1 > -0.1 > mu[-2, 0]
    slope = np.polyfit(np.arange(8), mu[1:-1, 0], 1)[0]
    assert slope < -3 * error[:, 0].max() / 8  # it falls along the wire


def test_bad_axes_and_potentials_are_refused():
    copper = sj.normal_metal(onsite=0.0, hopping=1.0)
    s = sj.scatter(sj.Junction(copper, [copper], copper), 0.3, solver="halves")
    with pytest.raises(sj.ArgumentError, match="`axis` must have shape"):
        chemical_potentials(s, axis=[[0.0, 0.0, 1.0]] * 2)
    with pytest.raises(sj.ArgumentError, match="`mu_left`"):
        chemical_potentials(s, [1.0, 2.0, 3.0])


def test_a_texture_has_potentials_along_the_axis_of_each_plane():
    """Every plane its own m: equal reservoirs fill all of them, and turning the whole texture changes nothing."""
    iron = dict(onsite=0.0, hopping=1.0, splitting=1.0)

    def texture(phi):
        planes = [sj.ferromagnet(**iron, m=sj.unit_vector(theta, phi)) for theta in (0.0, 0.5, 1.1, 1.4)]
        return sj.Junction(planes[0], planes[1:3], planes[3])

    problem = texture(0.3)
    axes = default_axes(problem)
    np.testing.assert_allclose(axes, [plane.m for plane in problem.planes], atol=ROUNDING)
    s = sj.scatter(problem, 0.2, solver="halves")
    np.testing.assert_allclose(chemical_potentials(s, 0.7, 0.7), 0.7, rtol=1e-10)
    found = chemical_potentials(s, (1.0, 0.2), 0.0)
    turned = chemical_potentials(sj.scatter(texture(-1.2), 0.2, solver="halves"), (1.0, 0.2), 0.0)
    np.testing.assert_allclose(turned, found, atol=1e-10)
    assert np.ptp(found[:, 0] - found[:, 1]) > 1e-3
    along_z = chemical_potentials(s, (1.0, 0.2), 0.0, np.broadcast_to((0.0, 0.0, 1.0), axes.shape))
    assert abs(along_z - found)[-1].max() > 1e-3  # the axis of the plane matters
