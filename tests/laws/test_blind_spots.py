"""What mutants broke unseen: each law here was a hole of the suite, found by `make mutation`."""

import ctypes
import dataclasses
import importlib
import os
import pkgutil
import re
import signal
import sqlite3
from types import SimpleNamespace

import kwant
import kwant.wraparound
import numpy as np
import pytest
import xarray as xr
from crystal_layers import random_layers
from dense import self_energy
from numpy.testing import assert_allclose
from scipy.optimize import curve_fit

import kwant_spinjunc as sj
from kwant_spinjunc.crystals.fourier import Series
from kwant_spinjunc.crystals.levels import count_levels, log_determinants
from kwant_spinjunc.crystals.problem import Problem
from kwant_spinjunc.crystals.scatter import taken_apart
from kwant_spinjunc.devices.device import Device
from kwant_spinjunc.devices.spin_channels import lead_spins
from kwant_spinjunc.halves.joint import Turn
from kwant_spinjunc.halves.matrices import dagger
from kwant_spinjunc.halves.real import angles, slabs, solve
from kwant_spinjunc.halves.supercell import dense as blocks
from kwant_spinjunc.halves.surface import surfaces
from kwant_spinjunc.judging import remedy
from kwant_spinjunc.magnets.multiscale.metals import cobalt
from kwant_spinjunc.magnets.parameters import effective
from kwant_spinjunc.magnets.parameters.response import AngularResponse, angular_response_from
from kwant_spinjunc.magnets.parameters.torque import torque_fit
from kwant_spinjunc.model import drawing
from kwant_spinjunc.model.disorder import as_double
from kwant_spinjunc.model.sample import realize
from kwant_spinjunc.plot import devices as drawings
from kwant_spinjunc.plot.figures import plot_sweep
from kwant_spinjunc.runs import executors, files
from kwant_spinjunc.runs.collapse import CANDIDATES, collapse
from kwant_spinjunc.runs.files import shielded, write_atomically
from kwant_spinjunc.runs.store import Store
from kwant_spinjunc.scattering import Scattering
from kwant_spinjunc.solved import Solved, unitarity_of
from kwant_spinjunc.spin import PAULI, sigma
from kwant_spinjunc.theory import tunnelling
from kwant_spinjunc.transport import derivatives
from kwant_spinjunc.transport.bias import bias_response
from kwant_spinjunc.transport.derivatives import bias_derivative
from kwant_spinjunc.transport.equilibrium import equilibrium_response
from kwant_spinjunc.transport.local import default_axes
from systems.graphene_spin_valve import graphene_spin_valve
from systems.tunnel_junction import tunnel_junction

ROUTES = 1e-10
#: Wings whose classes a user gets.
RESULTS = ("crystals", "judging", "magnets", "model", "scattering", "theory", "transport")
CHAIN = dict(onsite=0.2, hopping=1.0, splitting=0.6)
IRON = dict(onsite=5.0, hopping=1.0, splitting=1.0, in_plane_hopping=1.0)


# ---------------------------------------------------------------------- devices
def gauged(V):
    """A chain whose spins are turned by V from x = 3 on, its right lead too, whose unit cell Kwant keeps at x = 0."""
    lattice = kwant.lattice.chain(norbs=2)
    one, m = np.eye(2), sj.unit_vector(1.2, 0.4)
    syst = kwant.Builder()
    turn = [one if x < 3 else V for x in range(6)]
    for x in range(6):
        field = (0.0, 0.0, 1.0) if x < 3 else m
        syst[lattice(x)] = turn[x] @ (0.4 * one - 0.3 * sigma(field)) @ turn[x].conj().T
    for x in range(5):
        syst[lattice(x + 1), lattice(x)] = -(0.5 if x == 2 else 1.0) * turn[x + 1] @ turn[x].conj().T
    for direction, field, U in ((-1, (0.0, 0.0, 1.0), one), (1, m, V)):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        lead[lattice(0)] = U @ (0.4 * one - 0.3 * sigma(field)) @ U.conj().T
        lead[lattice(1), lattice(0)] = -one
        syst.attach_lead(lead)

    def spin(site):
        U = V if site.tag[0] >= 3 else one
        return [U @ s @ U.conj().T for s in PAULI]

    return sj.scatter(syst.finalized(), 0.3, spin=spin, magnetizations={0: (0.0, 0.0, 1.0), 1: m})


def test_a_spin_that_depends_on_the_site_is_read_where_a_lead_is_attached():
    angle, n = 1.7, np.array([2.0, 1.0, -2.0]) / 3
    V = np.cos(angle / 2) * np.eye(2) - 1j * np.sin(angle / 2) * sigma(n)
    assert_allclose(gauged(V).probabilities, gauged(np.eye(2)).probabilities, atol=ROUTES)


@pytest.mark.parametrize("scale", [1.602e-19, 1.0, 1e9])
def test_no_unit_of_energy_hides_a_parameter_that_is_no_momentum(scale):
    lattice = kwant.lattice.square(norbs=2)
    syst = kwant.Builder()
    onsite = lambda site, q: scale * (q * np.eye(2) - 0.2 * PAULI[2])  # noqa: E731
    syst[(lattice(x, 0) for x in range(3))] = onsite
    syst[lattice.neighbors()] = -scale * np.eye(2)
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1, 0)))
    lead[lattice(0, 0)] = onsite
    lead[lattice.neighbors()] = -scale * np.eye(2)
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    with pytest.raises(sj.ArgumentError, match="period 2π"):
        sj.scatter(syst.finalized(), 0.3 * scale, momenta=("q",), k=[0.1, 0.2])


@pytest.mark.parametrize("energy", [-0.3, 0.4])
def test_analytic_modes_have_the_momenta_that_kwant_finds(energy):
    junction = sj.Junction(sj.ferromagnet(**CHAIN, m=sj.unit_vector(0.7)), [], sj.ferromagnet(**CHAIN))
    analytic, found = (sj.scatter(junction, energy, solver=solver).smatrix.lead_info for solver in ("modes", "kwant"))
    for one, other in zip(analytic, found, strict=True):
        assert_allclose(one.momenta, other.momenta, atol=1e-8)
        assert_allclose(one.velocities, other.velocities, atol=1e-8)
        level = CHAIN["onsite"] - CHAIN["splitting"] / 2 * np.array([1, -1, 1, -1])
        assert_allclose(level - 2 * CHAIN["hopping"] * np.cos(one.momenta), energy, atol=1e-12)
        assert_allclose(2 * CHAIN["hopping"] * np.sin(one.momenta), one.velocities, atol=1e-12)


def test_flux_that_misses_in_rows_only_or_in_columns_only_is_a_defect():
    all_to_one = np.zeros((2, 2, 2, 2))
    all_to_one[0, 0] = 1.0  # every channel goes whole into the first
    for P in (all_to_one, np.moveaxis(all_to_one, (2, 3), (0, 1))):
        assert unitarity_of(P, np.ones((2, 2))) == 3.0


@pytest.mark.parametrize("word", [0, 2**32 - 1])
def test_no_random_number_is_zero_or_one(word):
    assert 0 < as_double(np.uint64(word), np.uint64(word)) < 1


def test_every_bond_within_a_spin_orbit_layer_turns_by_its_angle_about_an_axis_of_its_own():
    copper = dict(onsite=4.2, hopping=1.0, in_plane_hopping=1.0)
    dirty = sj.normal_metal(**copper, thickness=3, disorder=[sj.SpinOrbitScattering(angle=0.6)])
    junction = sj.Junction(sj.normal_metal(**copper), [dirty], sj.normal_metal(**copper))
    sample = realize(junction, (3, 2), 5)
    inside = sample.in_plane_rotations[1:4], sample.bond_rotations[1:3]
    for U in inside:
        assert_allclose(np.trace(U, axis1=-2, axis2=-1) / 2, np.cos(0.6), atol=1e-14)
    axes = np.concatenate([np.einsum("...ab,nba->...n", U, PAULI).imag.reshape(-1, 3) for U in inside])
    apart = abs(axes[:, None] - axes).max(axis=-1) + np.eye(len(axes))
    assert apart.min() > 1e-3  # those along x, y and z of one site are others too


def test_values_as_functions_are_found_wherever_the_first_plane_is():
    copper = dict(onsite=4.2, hopping=1.0, in_plane_hopping=1.0)
    dirty = sj.normal_metal(**copper, thickness=2, disorder=[sj.SpinOrbitScattering(angle=0.6), sj.Anderson(width=1.0)])
    junction = sj.Junction(sj.normal_metal(**copper), [dirty], sj.normal_metal(**copper))
    where = dict(cross_section=(2, 3), first_plane=5)
    functions = sj.build(junction, **where, as_functions=True).finalized()
    values = sj.build(junction, **where, seed=2, realization=4).finalized()
    H = functions.hamiltonian_submatrix(params=dict(seed=2, realization=4))
    assert_allclose(H, values.hamiltonian_submatrix(), atol=1e-14)


def test_a_plane_without_spin_takes_the_axis_of_the_nearest_magnet():
    iron = sj.ferromagnet(**CHAIN, thickness=1)
    x = sj.ferromagnet(**CHAIN, thickness=1, m=(1.0, 0.0, 0.0))
    copper = sj.normal_metal(onsite=0.2, hopping=1.0, thickness=4)
    end = sj.normal_metal(onsite=0.2, hopping=1.0)
    axes = default_axes(sj.Junction(end, [iron, copper, x], end))
    assert_allclose(axes[:4], [(0, 0, 1)] * 4, atol=1e-15)
    assert_allclose(axes[-4:], [(1, 0, 0)] * 4, atol=1e-15)


def test_a_sample_of_uneven_sides_is_that_of_kwant():
    copper = dict(onsite=4.2, hopping=1.0, in_plane_hopping=1.0)
    rough = sj.normal_metal(**copper, thickness=2, disorder=[sj.SpinOrbitScattering(angle=0.6), sj.Anderson(width=1.0)])
    other = sj.ferromagnet(**{**IRON, "in_plane_hopping": 0.4}, thickness=2, disorder=[sj.Roughness(amplitude=0.5)])
    junction = sj.Junction(
        sj.ferromagnet(**IRON),
        [sj.ferromagnet(**IRON), rough, other, sj.ferromagnet(**IRON)],
        sj.ferromagnet(**IRON, m=sj.unit_vector(1.0, 0.5)),
    )
    found = [sj.scatter(junction, 0.1, solver=s, cross_section=(2, 3), seed=3) for s in ("halves", "kwant")]
    assert_allclose(found[0].probabilities, found[1].probabilities, atol=1e-9)


@pytest.mark.parametrize("boundary", ["periodic", "hard wall"])
def test_a_sample_is_that_of_kwant_whatever_axis_labels_the_spins_of_its_leads(boundary, monkeypatch):
    monkeypatch.setattr(solve, "SMALLEST", 1)  # real arithmetic for any size
    copper = dict(onsite=4.2, hopping=1.0, in_plane_hopping=1.0)
    dirty = sj.ferromagnet(**IRON, thickness=2, disorder=[sj.Anderson(width=1.0)])
    oxide = sj.barrier(onsite=9.0, hopping=1.0, in_plane_hopping=1.0, thickness=2)
    turned = sj.ferromagnet(**IRON, thickness=2, m=sj.unit_vector(0.9), disorder=[sj.Anderson(width=1.0)])
    ends = [sj.Layer(**copper, m=sj.unit_vector(t, p)) for t, p in ((1.1, 0.4), (2.0, -0.8))]
    # of clean magnets before them, or of nothing else, waves of either spin reach the disorder with a phase of its own
    clean = [dataclasses.replace(magnet, thickness=1, disorder=()) for magnet in (dirty, turned)]
    right = [turned, clean[1]] if boundary == "periodic" else clean[1:]
    junction = sj.Junction(ends[0], [clean[0], dirty, oxide, *right], ends[1])
    settings = dict(cross_section=(2, 2), boundary=boundary, seed=3)
    found = [sj.scatter(junction, 0.6, solver=solver, **settings) for solver in ("halves", "kwant")]
    assert found[0].solver == ("halves (real)" if slabs.is_available() else "halves")
    assert_allclose(found[0].probabilities, found[1].probabilities, rtol=1e-8, atol=1e-12)


def test_a_cut_without_a_name_gives_what_a_named_one_gives():
    behind = lambda site: site.pos[0] >= 2  # noqa: E731
    device = gauged(np.eye(2)).device
    found = sj.scatter(device, 0.3, cuts={"named": behind})
    for total in (False, True):
        assert_allclose(found.spin_current(behind, total=total), found.spin_current("named", total=total), rtol=0)
    assert found.spin_current(behind).shape == (2, 2, 4)


def test_an_energy_outside_of_all_bands_is_told_where_they_are():
    with pytest.raises(sj.NoOpenChannelError, match=r"left: majority -2.1 to 1.9, minority -1.5 to 2.5"):
        sj.scatter(sj.Junction(sj.ferromagnet(**CHAIN), [], sj.ferromagnet(**CHAIN)), 9.0)


@pytest.mark.parametrize("phase", [0.0, 0.4])  # of definite hopping, and of any other
def test_of_many_momenta_only_those_at_an_edge_are_doubtful(phase):
    h = np.array([0.3, 2.0, -1.1, -2.0])[:, None, None] + 0j
    (found,) = surfaces(h, np.broadcast_to(-np.exp(1j * phase), h.shape))
    assert found.doubtful.tolist() == [False, True, False, True]


def test_levels_are_counted_as_the_dense_matrix_has_them():
    syst, _, energy = random_layers(0, 1, well=True)
    k, expected = np.linspace(0.2, 2.9, 7), []
    for value in k:
        H = syst.hamiltonian_submatrix(params={"k_y": value}).astype(complex)
        for lead, interface in zip(syst.leads, syst.lead_interfaces, strict=True):
            rows = np.concatenate([2 * np.array([i]) + [[0], [1]] for i in interface], axis=1).T.ravel()
            own, error = self_energy(lead, energy, {"k_y": value})
            assert error < 1e-6
            H[np.ix_(rows, rows)] += (own + own.conj().T) / 2
        levels = np.linalg.eigvalsh(H) - energy
        assert abs(levels).min() > 1e-4
        expected.append((levels < 0).sum())
    assert np.ptp(expected) > 1
    for cut in range(1, max(site.tag[0] for site in syst.sites) + 1):  # wherever the system is cut
        crystal = taken_apart(Device(system=syst), {}, ("k_y",), lambda site, cut=cut: site.tag[0] >= cut)
        assert count_levels(Problem(crystal, None), energy, k[:, None])[:, 0].tolist() == expected


@pytest.mark.parametrize("real", [False, True])
def test_an_inverse_by_blocks_needs_no_other(real, monkeypatch):
    rng = np.random.default_rng(1)
    a = rng.normal(size=(120, 120)) + (0 if real else 1j) * rng.normal(size=(120, 120))
    a = np.asfortranarray(a + a.T + 40 * np.eye(120))
    sizes, invert = [], blocks.invert
    monkeypatch.setattr(blocks, "invert", lambda part: (sizes.append(len(part)), invert(part))[1])
    found = blocks.symmetric_inverse(a.copy(order="F"))
    assert_allclose(a @ found, np.eye(120), atol=1e-12)
    assert max(sizes) <= blocks.LEAF


def test_a_coefficient_is_relative_to_the_smallest_probability_among_the_angles():
    values, coefficients = np.ones((3, 2, 2, 2, 2)), np.zeros((3, 2, 2, 2, 2))
    values[1, 1, 0, 0, 1], coefficients[2, 1, 0, 0, 1] = 1e-9, 1e-12
    assert angles.relative_sizes(coefficients, values).max() == pytest.approx(1e-3)


def test_the_series_of_the_adjoint_is_the_adjoint_of_the_series():
    rng = np.random.default_rng(5)
    coefficients = rng.normal(size=(4, 2, 3)) + 1j * rng.normal(size=(4, 2, 3))
    series = Series(coefficients, np.array([[0, 0], [1, 0], [-1, 2], [0, 3]]))
    k = rng.uniform(-3, 3, (5, 2))
    assert_allclose(series.dagger().at(k), dagger(series.at(k)), atol=1e-14)


@pytest.mark.parametrize("unit", [1.602e-19, 1e9])
def test_no_unit_of_energy_changes_what_a_crystal_does(unit):
    def crystal(scale):
        lattice = kwant.lattice.square(norbs=2)
        syst = kwant.Builder(kwant.TranslationalSymmetry((0, 1)))
        syst[(lattice(x, 0) for x in range(4))] = lambda site: (
            scale * (3.4 * np.eye(2) - 0.3 * PAULI[2] + 0.2 * (site.pos[0] == 2) * PAULI[0])
        )
        syst[lattice.neighbors()] = -scale * np.eye(2)
        syst = kwant.wraparound.wraparound(syst, coordinate_names="y")
        for direction in (-1, 1):
            lead = kwant.Builder(kwant.TranslationalSymmetry((direction, 0), (0, 1)))
            lead[lattice(0, 0)] = scale * (3.4 * np.eye(2) - 0.3 * PAULI[2])
            lead[lattice.neighbors()] = -scale * np.eye(2)
            syst.attach_lead(kwant.wraparound.wraparound(lead, keep=0, coordinate_names="xy"))
        return sj.scatter(syst.finalized(), 0.3 * scale, k=[0.2, 0.7])

    found, other = crystal(1.0), crystal(unit)
    assert_allclose(other.probabilities, found.probabilities, atol=1e-10)
    assert found.probabilities[:, 1, 1, 0, 0].min() > 1e-4  # spin is flipped


def test_levels_are_counted_at_the_first_the_middle_and_the_last_angle_and_determinants_at_each_momentum():
    syst, cut, energy = random_layers(0, 1, well=True)
    crystal = taken_apart(Device(system=syst), {}, ("k_y",), cut)
    k = np.linspace(0.2, 2.9, 5)[:, None]
    turn = Turn(np.array([0.0, 1.0, 3.0]), np.array([0.0, 1.0, 0.0]))
    together = count_levels(Problem(crystal, turn), energy, k)
    for column, angle in enumerate(turn.angles):
        one = count_levels(Problem(crystal, Turn(np.array([angle]), turn.axis)), energy, k)
        assert (together[:, column] == one[:, 0]).all()
    found = log_determinants(Problem(crystal, turn), energy, k)
    for column, angle in enumerate(turn.angles):
        one = Turn(np.array([angle]), turn.axis)
        alone = np.array([log_determinants(Problem(crystal, one), energy, x[None])[0, 0] for x in k])
        assert_allclose(np.exp(found[:, column] - alone), 1.0, rtol=1e-9)


def test_what_violates_a_conservation_law_is_refused_at_once_or_when_it_is_asked_for():
    found = sj.scatter(tunnel_junction(theta=1.0), 0.1, solver="halves")
    broken = dataclasses.replace(found.fields, continuity_defect=np.float64(1e-3))
    for changed, error in (
        ({"unitarity_defect": np.float64(1e-3)}, sj.UnitarityError),
        ({"states": broken}, sj.ContinuityError),
    ):
        with pytest.raises(error):
            Scattering.of(found.problem, dataclasses.replace(solved_of(found), **changed))
    late = dataclasses.replace(found, states=lambda: broken)
    with pytest.raises(sj.ContinuityError):
        late.fields  # noqa: B018


def solved_of(found):
    return Solved(**{field.name: getattr(found, field.name) for field in dataclasses.fields(Solved)})


def test_halves_alike_in_levels_only_or_in_bonds_only_are_no_mirror_images():
    iron, right = sj.ferromagnet(**CHAIN), sj.ferromagnet(**CHAIN, m=sj.unit_vector(1.0))
    low, high = (sj.barrier(onsite=x, hopping=1.0, thickness=1) for x in (2.6, 3.4))
    for layers, bonds in (([low, low], {1: 0.6}), ([low, high], None)):
        junction = sj.Junction(iron, layers, right, bonds=bonds)
        found = [sj.scatter(junction, 0.3, solver=solver).probabilities for solver in ("halves", "kwant")]
        assert_allclose(*found, atol=1e-10)


def test_spins_of_a_plain_lead_can_be_counted_along_any_axis():
    def through(m):
        lattice = kwant.lattice.chain(norbs=2)
        syst = kwant.Builder()
        syst[(lattice(x) for x in range(4))] = lambda site: 0.4 * np.eye(2) - 0.3 * (site.tag[0] in (1, 2)) * sigma(m)
        syst[lattice.neighbors()] = -np.eye(2)
        lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)))
        lead[lattice(0)], lead[lattice.neighbors()] = 0.4 * np.eye(2), -np.eye(2)
        syst.attach_lead(lead)
        syst.attach_lead(lead.reversed())
        return sj.scatter(syst.finalized(), 0.3, magnetizations={0: m, 1: m})

    along_z = through((0.0, 0.0, 1.0))
    for m in ((0.0, 1.0, 0.0), (0.6, 0.64, -0.48)):
        found = through(m)
        assert all(lead.resolved for lead in found.spins)
        assert_allclose(found.probabilities, along_z.probabilities, atol=1e-10)


def test_where_the_last_coefficient_is_rounding_the_ones_before_tell_the_decay():
    values, coefficients = np.ones((4, 2, 2, 2, 2)), np.zeros((4, 2, 2, 2, 2))
    for last, decay in ((0.0, 1e-4), (1e-9, 0.1)):
        coefficients[1:] = np.array([1e-4, 1e-8, last])[:, None, None, None, None]
        assert angles.error_of(coefficients, values)[1] == pytest.approx(decay)


def test_many_energies_of_a_system_are_checked_too():
    device = gauged(np.eye(2)).device
    assert sj.scatter(device, [0.2, 0.3], check=True).check < 1e-9


def test_the_flip_of_a_barrier_does_not_depend_on_which_spin_is_called_up():
    rng = np.random.default_rng(8)
    left, right = tunnelling.continuum_reflection(rng.uniform(0.5, 2.0, (2, 2)), 1.0)
    half = 0.7
    R = np.array([[np.cos(half), -np.sin(half)], [np.sin(half), np.cos(half)]])
    found = tunnelling.spin_flip_reflection(R, left, right, 0.4)
    swapped = tunnelling.spin_flip_reflection(R.T, left[::-1], right[::-1], 0.4)
    assert swapped == pytest.approx(found, rel=1e-12)


# ---------------------------------------------------------------------- bias
def test_the_equilibrium_part_is_the_mean_of_those_of_all_reservoirs():
    junction = tunnel_junction(theta=1.0)
    split = bias_response(
        junction, 0.0, accumulation=[[0.0, 0.0], [0.2, -0.1]], equilibrium=True
    ).equilibrium.spin_current
    each = [equilibrium_response(junction, mu).spin_current for mu in (0.0, 0.0, 0.2, -0.1)]
    assert_allclose(split, np.mean(each, axis=0), atol=1e-9 * abs(split).max())
    assert abs(each[2] - each[3]).max() > 1e-3 * abs(split).max()


@pytest.mark.parametrize("options", [{}, {"temperature": 0.02, "equilibrium": True}, {"rtol": 1e-4}])
@pytest.mark.parametrize("V", [0.0, 0.15, 0.4])
def test_the_error_of_a_derivative_bounds_its_miss(V, options):
    junction = sj.Junction(
        sj.ferromagnet(**CHAIN),
        [sj.barrier(onsite=2.6, hopping=1.0, thickness=2)],
        sj.ferromagnet(**{**CHAIN, "splitting": 0.9}, m=sj.unit_vector(1.0)),
    )
    fine = bias_derivative(junction, V, step=0.02, **{**options, "rtol": 1e-12})
    for step in (0.02, 0.1):
        found = bias_derivative(junction, V, step=step, **options)
        for name in ("conductance", "magnetization", "damping_like", "field_like"):
            assert abs(getattr(found, name) - getattr(fine, name)).max() <= found.error + fine.error
        assert found.error < 3e-2 * fine.conductance
    assert fine.error < 1e-6 * fine.conductance


def test_the_error_of_a_derivative_holds_what_the_errors_of_the_responses_do(monkeypatch):
    junction = sj.Junction(sj.ferromagnet(**CHAIN), [], sj.ferromagnet(**CHAIN))
    exact, noise, solve_bias = bias_derivative(junction, 0.1), 1e-3, derivatives.bias_response

    def noisy(*args, **options):
        found = solve_bias(*args, **options)
        worst = noise / 2 * np.array([-1.0, 1.0, -1.0, 1.0, -1.0, 1.0])[:, None, None]  # of each spin, on both sides
        return dataclasses.replace(found, spin_resolved=found.spin_resolved + worst, error=np.full(6, noise))

    monkeypatch.setattr(derivatives, "bias_response", noisy)
    found = bias_derivative(junction, 0.1)
    assert 0.1 * found.error < abs(found.conductance - exact.conductance) < found.error


@pytest.mark.parametrize("mu", [-1.0, -3.0, -30.0])
def test_nothing_flows_in_empty_bands(mu):
    iron = dict(onsite=2.5, hopping=1.0, splitting=0.6)
    oxide = sj.barrier(onsite=4.0, hopping=1.0, thickness=1)
    junction = sj.Junction(sj.ferromagnet(**iron), [oxide], sj.ferromagnet(**iron, m=sj.unit_vector(1.0)))
    found = equilibrium_response(junction, mu)
    assert abs(found.torques.vectors).max() < 1e-18
    assert found.error < 1e-18


# ---------------------------------------------------------------------- judging
@pytest.mark.parametrize("k", [(0.4, 0.9), (0.0, 0.0)])
def test_the_exponent_is_that_of_the_barrier_at_its_wave_vector(k):
    oxide = sj.barrier(onsite=10.0, hopping=1.0, in_plane_hopping=0.7, thickness=3)
    valve = sj.Junction(sj.ferromagnet(**IRON), [oxide], sj.ferromagnet(**IRON))
    law = sj.judge(valve, energy=0.0, k=k, advise=False).laws["exponent"]
    level = 10.0 - 2 * 0.7 * np.cos(k).sum()
    kappa = float(tunnelling.lattice_decay_constant(level, 0.0, 1.0))
    assert f"κa = {kappa:.6g}" in str(law.reason if hasattr(law, "reason") else law.advice)


def test_a_sample_is_not_judged_to_an_accuracy_of_averages():
    dirty = sj.barrier(onsite=9.0, hopping=1.0, in_plane_hopping=1.0, thickness=2, disorder=[sj.Anderson(width=1.0)])
    junction = sj.Junction(sj.ferromagnet(**IRON), [sj.ferromagnet(**IRON), dirty], sj.ferromagnet(**IRON))
    with pytest.raises(sj.ArgumentError, match="`rtol` must be left out for a disordered junction"):
        sj.judge(junction, energy=0.1, rtol=1e-3, cross_section=(2, 2))


def test_a_junction_of_unlike_magnets_is_not_called_a_mirror_image():
    like, unlike = (sj.ferromagnet(**{**CHAIN, "splitting": x}) for x in (0.6, 1.1))
    oxide = sj.barrier(onsite=3.0, hopping=1.0, thickness=2)
    for right, mirrored in ((like, True), (unlike, False)):
        judged = sj.judge(sj.Junction(like, [oxide], right), energy=0.1, advise=False)
        assert ("mirror images" in judged.laws["conserved"].reason) is mirrored


def test_a_metal_polarized_the_other_way_is_as_far_from_the_law():
    valve = tunnel_junction(onsite=4.0, in_plane_hopping=1.0, height=1.0, thickness=1)
    metal = cobalt()
    for one in (metal, dataclasses.replace(metal, beta=-metal.beta)):
        law = sj.judge(valve, 0.0, "average", materials=one, lattice_constant=0.25, advise=False).laws["equation_12"]
        assert np.nanmin(law.error) >= 0
        assert float(re.search(r"without them the error is (\S+)", law.reason)[1]) > 0


def test_the_decay_of_a_layer_is_that_of_its_lowest_momentum():
    oxide = sj.barrier(onsite=9.0, hopping=1.0, in_plane_hopping=0.7, thickness=3)
    junction = sj.Junction(sj.ferromagnet(**IRON), [oxide], sj.ferromagnet(**IRON))
    levels = 9.0 - 2 * 0.7 * np.linspace(-2, 2, 41)
    lowest = tunnelling.lattice_decay_constant(levels, 0.3, 1.0).min()
    assert remedy._decay(junction, 0, 0.3) == pytest.approx(lowest)


@pytest.mark.parametrize("power", [0.5, 2.0])
def test_a_collapse_finds_the_powers_that_were_put_in(power):
    rng = np.random.default_rng(9)
    names = sorted({name for group in CANDIDATES.values() for name in group})
    data = {name: ("n", rng.uniform(1e-4, 1e-2, 40)) for name in (*names, "tunnelling_leading_order")}
    data["angle"] = "n", rng.uniform(0.2, 2.9, 40)
    data["tunnelling"] = "n", 3 * data["decay"][1] ** 0.5 * np.sin(data["angle"][1]) ** power
    best = collapse(xr.Dataset(data))[0]
    assert best.candidate in ("decay", "transmission and decay")
    assert best.angle_exponent == pytest.approx(power, rel=1e-6)
    assert best.prefactor == pytest.approx(3, rel=1e-6)


# ---------------------------------------------------------------------- fits and files
def test_the_error_of_an_asymmetry_is_that_of_a_fit_which_has_it_as_a_parameter():
    angles_ = np.linspace(0.0, np.pi, 13)
    noise = 1e-3 * np.random.default_rng(6).standard_normal(13)
    torque = np.sin(angles_) * (0.4 / (1 + 0.5 * np.cos(angles_)) + 0.1 / (1 - 0.5 * np.cos(angles_))) + noise
    response = AngularResponse(angles_, np.ones(13), np.stack([torque] * 2, axis=-1), np.zeros((13, 2)))
    fit = torque_fit(response, "right").asymmetric

    def two_terms(angle, q, p, b):
        return np.sin(angle) * (q / (1 + b * np.cos(angle)) + p / (1 - b * np.cos(angle)))

    best, covariance = curve_fit(two_terms, angles_, torque, p0=[0.4, 0.1, 0.5])
    unit = (0.5, 0.5, 1.0)  # a torque is half the current, in which q is measured
    for name, value, error, scale in zip(fit.estimates, best, np.sqrt(np.diag(covariance)), unit, strict=False):
        assert fit[name] == pytest.approx(scale * value, rel=1e-3)
        assert fit.estimates[name].error == pytest.approx(scale * error, rel=2e-2)


def test_a_response_of_several_angles_says_at_which_wave_vector_it_is():
    k = (0.3, -0.4)
    valves = [tunnel_junction(theta=t, onsite=4.0, in_plane_hopping=1.0) for t in (2.0, 0.5, 1.0, 2.5, 0.0)]
    found = angular_response_from([sj.scatter(valve, 0.1, k) for valve in valves])
    assert tuple(found.k) == k
    assert found.angles == pytest.approx([0.0, 0.5, 1.0, 2.0, 2.5])


def test_what_holds_arrays_is_compared_as_an_object():
    """A generated ``==`` of arrays raises, and so does the hash of one."""
    unlike = []
    for module in pkgutil.walk_packages(sj.__path__, "kwant_spinjunc."):
        if module.name.split(".")[1] not in RESULTS:
            continue
        imported = importlib.import_module(module.name)
        for value in vars(imported).values():
            if isinstance(value, type) and value.__module__ == imported.__name__ and dataclasses.is_dataclass(value):
                kinds = [str(field.type) for field in dataclasses.fields(value) if field.compare]
                arrays = any(kind in ("Floats", "Complex", "Integers", "Flags") or "NDArray" in kind for kind in kinds)
                unlike += [value.__qualname__] if arrays and value.__eq__ is not object.__eq__ else []
    assert unlike == []


@pytest.mark.parametrize(("given", "settled"), [("65536", True), (str(2**40), False), ("", False), ("many", False)])
def test_only_a_threshold_that_gives_memory_back_too_early_is_undone(given, settled, monkeypatch):
    calls = []

    class Library:
        mallopt = staticmethod(lambda *pair: calls.append(pair))

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library)
    monkeypatch.setattr(executors, "_allocator_is_settled", [])
    monkeypatch.setattr(executors.sys, "platform", "linux")
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", given)
    executors.settle_allocator()
    executors.settle_allocator()
    assert len(calls) == 2 * settled


def test_of_several_signals_the_first_is_obeyed_after_the_block(monkeypatch):
    obeyed = []
    monkeypatch.setattr(signal, "getsignal", lambda number: lambda came, frame: obeyed.append(came))
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL), signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with shielded():
            for number in (signal.SIGTERM, signal.SIGINT):
                os.kill(os.getpid(), number)
            assert obeyed == []
        assert obeyed == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])


def test_a_new_file_that_another_process_takes_is_let_go(monkeypatch):
    answers, held = [False, False, True], files.held
    monkeypatch.setattr(files, "held", lambda *of: answers.pop(0) and held(*of))
    before = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    with write_atomically("a") as path:
        path.write_text("1")
    assert not answers
    assert before is None or set(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("unit", [1e-15, 1.0, 1e12])
def test_the_misfit_of_a_fit_does_not_depend_on_the_unit(unit):
    class Response:
        angles = np.linspace(0.0, np.pi, 9)
        current = unit * (1.0 + 0.2 * np.cos(angles) + 0.03 * np.cos(2 * angles))

    class Constant:
        angles, current = Response.angles, unit * np.ones(9)

    fitted = [effective.tunnelling_conductance(of).residual for of in (Response, Constant)]
    assert fitted[0] == pytest.approx(0.09, rel=0.5)
    assert fitted[1] < 1e-5


def test_a_store_goes_on_after_a_row_it_could_not_write():
    with Store("s", {"seed": 1}) as store:
        store.write(0, np.ones((1, 2)), {})
        limit = store._db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 1000)
        with pytest.raises(sj.SpinjuncError):
            store.write(1, np.ones((1, 2000)), {})
        store._db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, limit)
        store.write(1, np.full((1, 2), 2.0), {})
        assert store.rows(0, 9) == [(0, 1), (1, 1)]
        assert store.read(1)[0].tolist() == [[2.0, 2.0]]


def test_writing_leaves_no_file_open():
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
    for number in range(5):
        with write_atomically("a") as path:
            path.write_text(str(number))
    assert not before or len(os.listdir("/proc/self/fd")) == before


# ---------------------------------------------------------------------- prints and pictures
def test_the_bands_of_a_drawing_are_to_one_scale():
    junction = sj.Junction(
        sj.ferromagnet(**CHAIN), [sj.barrier(onsite=6.0, hopping=0.5, thickness=1)], sj.ferromagnet(**CHAIN)
    )
    bars = re.findall(r'<rect x="([^"]*)" y="([^"]*)" width="([^"]*)" height="([^"]*)"', drawing.drawing(junction))
    x, top, width, height = np.array(bars, dtype=float).T
    edges = [plane.band_edges(2.0) for plane in junction.planes]
    levels = np.concatenate(
        [e if plane.is_magnetic else e[:1] for e, plane in zip(edges, junction.planes, strict=True)]
    )
    scale = (drawing.HEIGHT - drawing.STRIP) / np.ptp(levels)
    assert_allclose(height, scale * np.ptp(levels, axis=1), atol=0.11)
    assert_allclose(top, drawing.STRIP + scale * (levels.max() - levels.max(axis=1)), atol=0.11)
    assert (np.diff(x) > width[:-1] - 0.1).all()


def test_a_device_prints_its_axes_and_draws_a_square_as_a_square():
    found = sj.scatter(graphene_spin_valve(theta=1.0), 0.0)
    axes = [tuple(map(float, text.split(","))) for text in re.findall(r"spin along \(([^)]*)\)", str(found))]
    assert_allclose(axes, found.magnetizations, atol=1e-4)
    figure = drawings.plot_device(found, "right", axis="z")
    assert {str(a.get_aspect()) for a in figure.axes if a.get_xlabel() == "x"} == {"1.0"}


@pytest.mark.parametrize("mixed", [False, True])
def test_a_device_prints_totals_where_some_lead_mixes_spins(mixed):
    lattice = kwant.lattice.chain(norbs=2)
    syst = kwant.Builder()
    syst[(lattice(x) for x in range(3))] = np.zeros((2, 2))
    syst[lattice.neighbors()] = -np.eye(2)
    for direction, hop in ((-1, -np.eye(2)), (1, -np.eye(2) + 0.3 * mixed * PAULI[0])):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        lead[lattice(0)], lead[lattice.neighbors()] = -0.2 * PAULI[2], hop
        syst.attach_lead(lead)
    found = sj.scatter(syst.finalized(), 0.3)
    assert [lead.resolved for lead in found.spins] == [True, not mixed]
    assert ("total to 1" in str(found)) is mixed


def test_two_quantities_of_a_sweep_share_a_labelled_axis():
    data = sj.sweep(tunnel_junction, energy=0.0, theta=[0.0, 1.0], progress=False)
    figure = plot_sweep(data, ["conductance", "tmr"])
    assert figure.axes[0].get_ylabel() == f"{data.conductance.units}, {data.tmr.units}"


def test_a_snippet_says_the_resistance_of_both_ends():
    text = str(sj.export(tunnel_junction(), "mumax3", lattice_constant=0.3))
    ends = [float(x) for x in re.search(r"RA = (\S+) Ω µm² at 0 deg, (\S+) Ω µm² at 180 deg", text).groups()]
    area = 0.3e-3**2
    for angle, found in zip((0.0, np.pi), ends, strict=True):
        G = float(sj.scatter(tunnel_junction(theta=angle), 0.0).conductance)
        assert found == pytest.approx(25812.80745 * area / G, rel=1e-4)


def test_an_ensemble_prints_its_defects_and_counts_in_as_many_bins_as_asked():
    with sj.ensemble(tunnel_junction(), 0.0, realizations=4, workers=1, progress=False) as result:
        density, edges = result.histogram("conductance", bins=7)
        assert (len(density), len(edges)) == (7, 8)
        assert "unitarity_defect, largest" in str(result)


@pytest.mark.parametrize("seed", range(4))
def test_modes_of_one_momentum_are_told_apart_along_any_axis_however_they_are_mixed(seed):
    """Kwant may give any two superpositions of two spins: what is made of them has a spin along m."""
    rng = np.random.default_rng(seed)
    m = sj.unit_vector(*rng.uniform(0.3, 2.8, 2))
    along = sigma(m)
    waves = np.linalg.qr(rng.normal(size=(2, 2, 2)) + 1j * rng.normal(size=(2, 2, 2)))[0] * 0.7
    modes = SimpleNamespace(momenta=np.array([-0.4, -0.4, 0.4, 0.4]), wave_functions=np.hstack([*waves]))
    found = lead_spins(modes, along=along)
    assert found.resolved
    assert found.mixing < 1e-12
    for own, transform, spins in zip(
        waves, (found.to_incoming, found.to_outgoing), (found.incoming, found.outgoing), strict=True
    ):
        definite = own @ transform.toarray()
        assert_allclose(along @ definite, definite * np.where(spins == 0, 1, -1), atol=1e-12)
        assert_allclose(transform.toarray().conj().T @ transform.toarray(), np.eye(2), atol=1e-12)
        assert sorted(spins) == [0, 1]


def test_the_mixing_of_a_lead_is_how_far_its_modes_are_from_definite_spin():
    m = sj.unit_vector(0.7, 0.4)
    up, down = np.linalg.eigh(sigma(m))[1].T[::-1]
    apart, together, small = (-0.4, -0.9, 0.4, 0.9), (-0.4, -0.4, 0.4, 0.4), 1e-3

    def mixing(momenta, incoming, outgoing=(up, down), shift=0.0):
        modes = SimpleNamespace(momenta=np.array(momenta), wave_functions=np.array([*incoming, *outgoing]).T)
        return lead_spins(modes, along=sigma(m) + shift * np.eye(2)).mixing

    leaning = np.cos(small) * down + np.sin(small) * up  # turned by twice the angle
    assert mixing(apart, (up, down)) < 1e-14
    for incoming, outgoing in (((up, leaning), (up, down)), ((up, down), (up, leaning)), ((leaning, up), (up, down))):
        assert_allclose(mixing(apart, incoming, outgoing), np.sin(2 * small), rtol=1e-9)
    assert_allclose(mixing(together, (up, leaning)), np.sin(small), rtol=1e-9)
    # no spin operator: eigenvalues 1 + s and s - 1
    assert_allclose(mixing(together, (up, down), shift=small), 2 * small + small**2, rtol=1e-9)
    assert_allclose(mixing(together, (up, (up + down) / np.sqrt(2))), np.sqrt(0.5), rtol=1e-9)
