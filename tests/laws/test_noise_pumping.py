"""Laws of shot noise and spin pumping: of products of amplitudes, and of differences of scattering matrices."""

from dataclasses import replace

import kwant
import numpy as np
import pytest
from crystal_systems import RandomSystem
from hypothesis import given
from strategies import examples, junctions, scattering_problems

import kwant_spinjunc as sj
from kwant_spinjunc import halves
from kwant_spinjunc.spin import PAULI
from systems.altermagnet_junction import altermagnet_junction
from validation.published.wires import ENERGY, GENERIC, eigenvalues, wire

#: Products of amplitudes of unit flux.
ROUNDING = 1e-11
#: Central differences of S with a step of 1e-4: the third derivative is of order one to 100.
STEP, DIFFERENCE = 1e-4, 1e-5

IRON = dict(onsite=0.5, hopping=1.0, splitting=1.0, in_plane_hopping=1.0)
COPPER = sj.normal_metal(onsite=0.0, hopping=1.0, in_plane_hopping=1.0)


def film(m=(0.0, 0.0, 1.0), **changes):
    return sj.ferromagnet(**IRON | dict(thickness=3) | changes, m=m)


# ------------------------------------------------------------------ shot noise
@examples(15)
@given(scattering_problems(junctions()))
def test_currents_together_do_not_fluctuate_and_the_charge_noise_is_that_of_the_eigenvalues(problem):
    junction, energy = problem[:2]
    noise = sj.shot_noise(sj.scatter(junction, energy, solver="halves"))
    assert abs(noise.total.sum()) < ROUNDING
    assert abs(noise.matrix.sum(axis=(1, 3)) - noise.total).max() < ROUNDING
    S = halves.solve(junction, energy).amplitudes
    eigenvalues_ = np.linalg.svd(S[1, :, 0], compute_uv=False) ** 2
    assert noise.total[1, 1] == pytest.approx((eigenvalues_ * (1 - eigenvalues_)).sum(), abs=ROUNDING)
    assert noise.by_spin[1].sum() == pytest.approx(eigenvalues_.sum(), abs=ROUNDING)
    by_kwant = sj.shot_noise(sj.scatter(junction, energy, solver="kwant"))
    # labels of two solvers differ by phases only
    assert abs(by_kwant.matrix - noise.matrix).max() < 1e-9


def test_the_fano_factor_of_the_biased_lead_is_over_what_leaves_it_and_not_over_what_it_reflects():
    barrier = sj.barrier(onsite=5.0, hopping=1.0, thickness=4)
    iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    junction = sj.Junction(sj.ferromagnet(**iron), [barrier], sj.ferromagnet(**iron, m=sj.unit_vector(1.2)))
    s = sj.scatter(junction, np.array([0.0, 0.3]), solver="halves")
    for lead_in in (0, 1):
        noise = sj.shot_noise(s, lead_in=lead_in)
        assert noise.fano(lead_in) == pytest.approx(noise.fano(1 - lead_in), rel=1e-10)
        assert noise.fano(lead_in) == pytest.approx(1.0, abs=1e-4)
        assert noise.spin_fano(lead_in) == pytest.approx(1.0, abs=1e-3)
        assert np.array_equal(noise.fano(lead_in), noise.fano(lead_in - 2))
        with pytest.raises(sj.ArgumentError, match="must not be the biased one"):
            noise.fano_by_spin(lead_in - 2)
        with pytest.raises(sj.ArgumentError, match="`lead` must be a lead"):
            noise.fano(2)


def test_spins_of_collinear_magnets_are_uncorrelated_and_those_of_turned_ones_are_not():
    def noise(angle):
        left, right = (sj.ferromagnet(**IRON, m=sj.unit_vector(t)) for t in (0.0, angle))
        metal = sj.normal_metal(onsite=1.5, hopping=1.0, in_plane_hopping=1.0, thickness=2)
        return sj.shot_noise(sj.scatter(sj.Junction(left, [metal], right), -2.3))

    assert abs(noise(0.0).matrix[1, 0, 1, 1]) < ROUNDING
    assert abs(noise(1.5).matrix[1, 0, 1, 1]) > 1e-3


def test_a_barrier_makes_poisson_noise_of_charge_and_spin_and_an_average_is_the_mean_over_a_mesh():
    iron = sj.ferromagnet(**IRON)
    thick = sj.Junction(iron, [sj.barrier(onsite=9.0, hopping=1.0, in_plane_hopping=1.0, thickness=4)], iron)
    s = sj.scatter(thick, 0.0, k="average")
    noise = sj.shot_noise(s)
    assert noise.fano(1) == pytest.approx(1.0, abs=1e-3)
    assert noise.spin_fano(1) == pytest.approx(1.0, abs=1e-3)
    assert noise.fano_by_spin(1) == pytest.approx([1.0, 1.0], abs=1e-3)
    assert noise.currents[1] == pytest.approx(float(s.conductance), rel=1e-6)
    thin = sj.Junction(iron, [sj.barrier(onsite=6.5, hopping=1.0, thickness=1)], iron.__class__(**IRON, m=(1, 0, 0)))
    k = np.stack(np.meshgrid(*2 * [(np.arange(24) + 0.5) / 24 * np.pi], indexing="ij"), axis=-1)
    mesh = sj.shot_noise(sj.scatter(thin, 0.0, k=k, solver="halves"))
    mean = sj.shot_noise(sj.scatter(thin, 0.0, k="average"))
    assert mean.matrix == pytest.approx(mesh.matrix.mean(axis=(0, 1)), abs=5e-3)
    # a wrong mean, of Fano factors for that of noise, is seen
    assert abs(np.nanmean(mesh.fano(1)) - mean.fano(1)) > 0.01


def test_the_fano_factor_of_a_diffusive_wire_is_that_of_its_eigenvalues():
    T = eigenvalues(2)
    for number, own in enumerate(T):
        settings = dict(cross_section=(5, 5), realization=number, k=GENERIC)
        noise = sj.shot_noise(sj.scatter(wire(20, 3.0), ENERGY, solver="halves", **settings))
        assert noise.fano(1) == pytest.approx((own * (1 - own)).sum() / own.sum(), rel=1e-9)
        # both spins alike and uncorrelated
        assert noise.fano_by_spin(1) == pytest.approx([noise.fano(1)] * 2, rel=1e-9)


def test_noise_of_kwant_systems_and_of_crystals_is_one():
    system = RandomSystem(np.random.default_rng(5), orbitals=2, leads=3)
    s = sj.scatter(system.build(0.7), 0.1, spin=system.order)
    plain = sj.shot_noise(s, lead_in=1)
    settings = dict(spin=system.order, behind=system.behind, axis=system.axis)
    turned = sj.shot_noise(sj.scatter(system.build(), 0.1, turns=[0.2, 0.7], **settings), lead_in=1)
    assert turned.total[1] == pytest.approx(plain.total, abs=1e-9)
    assert turned.matrix[1] == pytest.approx(plain.matrix, abs=1e-9)
    assert abs(turned.total[0] - plain.total).max() > 1e-5
    with pytest.raises(sj.ArgumentError, match="`lead_in` must be 0 to 2"):
        sj.shot_noise(s, lead_in=3)
    with pytest.raises(sj.ArgumentError, match="`scattering` must be what `scatter` returns, but is Junction"):
        sj.shot_noise(sj.Junction(COPPER, [COPPER], COPPER))


# ------------------------------------------------------------------ pumping
def by_differences(scatter_at):
    """Return Re Tr ∂S ∂S† from scattering matrices of magnets turned by hand."""
    dS = [(scatter_at(axis, STEP) - scatter_at(axis, -STEP)) / (2 * STEP) for axis in np.eye(3)]
    return np.array([[np.trace(a @ b.conj().T).real for b in dS] for a in dS])


def about(axis, angle, m):
    """Turn m about an axis by an angle."""
    return np.cos(angle) * m + np.sin(angle) * np.cross(axis, m) + (1 - np.cos(angle)) * (axis @ m) * axis


@pytest.mark.parametrize("k", [None, (0.4, 0.9)])
def test_damping_of_a_free_layer_is_the_squared_change_of_the_scattering_matrix(k):
    m = sj.unit_vector(0.8, 0.3)
    spacer = sj.normal_metal(onsite=0.2, hopping=1.1, in_plane_hopping=1.0, thickness=2)
    fixed = sj.ferromagnet(**IRON, m=sj.unit_vector(1.9, 2.0))
    junction = sj.Junction(fixed, [spacer, film(m), spacer], COPPER)
    E, c = (-2.5, 2.0) if k is None else (-2.0, np.cos(k[0]) + np.cos(k[1]))

    def S(axis, angle):
        turned = replace(junction, layers=[spacer, film(tuple(about(axis, angle, m))), spacer])
        return halves.solve(turned, E, c).amplitudes.reshape(4, 4)

    G = sj.gilbert_damping(sj.scatter(junction, E, k, solver="halves"), 1)
    assert pytest.approx(by_differences(S), abs=DIFFERENCE) == G
    assert abs(G @ m).max() < ROUNDING  # turning about itself is nothing
    assert G.max() > 0.1
    # the axis that turns must be that of the magnet: about m_L nothing of this holds
    assert abs(G @ np.array(fixed.m)).max() > 0.01


def test_between_normal_leads_damping_is_the_mixing_conductance_and_averages_with_it():
    junction = sj.Junction(COPPER, [film()], COPPER)
    k = np.stack(np.meshgrid(*2 * [(np.arange(60) + 0.5) / 60 * np.pi], indexing="ij"), axis=-1)
    G = sj.gilbert_damping(sj.scatter(junction, 0.3, k=k, solver="halves"), 0)
    S = halves.solve(junction, 0.3, np.cos(k).sum(axis=-1)).amplitudes
    modes = halves.solve(junction, 0.3, np.cos(k).sum(axis=-1)).modes[..., 0].sum(axis=-1)
    up, down = (S[..., :, s, :, s] for s in (0, 1))
    mixing = modes - (up * down.conj()).real.sum(axis=(-1, -2))
    assert G[..., 0, 0] == pytest.approx(mixing, abs=1e-10)
    assert G[..., 1, 1] == pytest.approx(mixing, abs=1e-10)
    assert abs(G[..., 2, :]).max() < 1e-12
    mean = sj.gilbert_damping(sj.scatter(junction, 0.3, k="average"), 0)
    assert mean[0, 0] == pytest.approx(mixing.mean(), rel=0.02)
    alpha = sj.gilbert_damping(sj.scatter(junction, 0.3, k="average"), 0, moment=6.6)
    assert alpha == pytest.approx(2 * mean / (4 * np.pi * 6.6))


def test_damping_of_a_sample_is_that_of_kwants_scattering_matrices():
    rough = [sj.Anderson(width=0.8)]
    m = sj.unit_vector(0.5)

    def junction(direction):
        return sj.Junction(COPPER, [film(tuple(direction), disorder=rough, thickness=2)], COPPER)

    settings = dict(cross_section=(2, 2), boundary="hard wall", realization=3)

    def S(axis, angle):
        return sj.scatter(junction(about(axis, angle, m)), 0.3, solver="kwant", **settings).smatrix.data

    G = sj.gilbert_damping(sj.scatter(junction(m), 0.3, solver="halves", **settings), 0)
    assert pytest.approx(by_differences(S), abs=DIFFERENCE) == G


def dots(angle=0.0, axis=(0.0, 0.0, 1.0), coupling=0.0):
    """Two orbitals a site, spin-dependent hopping in the magnet, a third lead, and Rashba hopping if asked for."""
    lattice = kwant.lattice.square(norbs=4)
    m = about(np.asarray(axis), angle, sj.unit_vector(0.6, 1.0))
    spin = np.einsum("i,iab->ab", m, PAULI)
    free = np.array([[0.2, 0.3], [0.3, -0.4]])
    field = np.array([[0.5, 0.2], [0.2, 0.3]])
    hop = np.kron(np.eye(2), -np.eye(2) + 0.2 * free)

    syst = kwant.Builder()
    syst[(lattice(x, 0) for x in range(5))] = np.kron(np.eye(2), free)
    syst[(lattice(x, 0) for x in (2, 3))] = np.kron(np.eye(2), free) - np.kron(spin, field)
    syst[lattice.neighbors()] = hop
    syst[lattice(3, 0), lattice(2, 0)] = hop - 0.2 * np.kron(spin, field)
    if coupling:
        syst[lattice(1, 0), lattice(0, 0)] = hop + 1j * coupling * np.kron(PAULI[1], np.eye(2))
    for direction, x in (((-1, 0), 0), ((1, 0), 4), ((0, 1), 1)):
        lead = kwant.Builder(kwant.TranslationalSymmetry(direction))
        lead[lattice(x, 0)] = np.kron(np.eye(2), free)
        lead[lattice(x + direction[0], direction[1]), lattice(x, 0)] = hop
        syst.attach_lead(lead)
    return syst.finalized()


def magnet(site):
    return site.tag[0] in (2, 3)


def test_damping_of_a_kwant_system_with_spin_dependent_hopping_and_three_leads():
    def S(axis, angle):
        return sj.scatter(dots(angle, axis), 0.1, spin="spin-orbital").smatrix.data

    s = sj.scatter(dots(), 0.1, spin="spin-orbital", exchange="time-reversal")
    G = sj.gilbert_damping(s, magnet)
    assert by_differences(S) == pytest.approx(G, abs=DIFFERENCE)
    crystal = sj.scatter(dots(), np.array([0.1]), spin="spin-orbital")
    assert sj.gilbert_damping(crystal, magnet)[0] == pytest.approx(G, abs=1e-9)
    turned = sj.scatter(dots(), 0.1, spin="spin-orbital", turns=[0.0, 0.9], behind=lambda site: site.tag[0] > 1)
    R = np.array([about(np.array([0.0, 1.0, 0.0]), 0.9, e) for e in np.eye(3)]).T
    both = sj.gilbert_damping(turned, magnet)
    assert both[0] == pytest.approx(G, abs=1e-9)
    assert both[1] == pytest.approx(R @ G @ R.T, abs=1e-9)  # all else is alike for both spins


def test_damping_refuses_what_is_no_magnet_of_the_region():
    with pytest.raises(sj.ArgumentError, match="`magnet` must not touch a lead"):
        sj.gilbert_damping(sj.scatter(dots(), 0.1, spin="spin-orbital"), lambda site: site.tag[0] > 2)
    with pytest.raises(sj.ArgumentError, match="`magnet` must be 0 to 0"):
        sj.gilbert_damping(sj.scatter(sj.Junction(COPPER, [film()], COPPER), -2.5), 1)
    with pytest.raises(sj.ArgumentError, match="`magnet` must have exchange"):
        sj.gilbert_damping(sj.scatter(sj.Junction(COPPER, [COPPER], COPPER), -2.5), 0)
    rashba = sj.scatter(dots(coupling=0.3), 0.1, spin="spin-orbital")
    with pytest.raises(sj.ArgumentError, match="exchange that can be told"):
        sj.gilbert_damping(rashba, lambda site: site.tag[0] in (1, 2, 3) and site.tag[0] != 1)


def test_noise_and_damping_of_an_average_of_a_crystal_are_means_over_its_zone():
    device = altermagnet_junction(planes=3, thickness=1)
    line = (np.arange(256) + 0.5) / 256 * 2 * np.pi - np.pi
    settings = dict(turns=[0.0, 1.0], behind="barrier")
    points = sj.scatter(device, 0.2, k=line, **settings)
    mean = sj.scatter(device, 0.2, k="average", rtol=1e-3, **settings)
    assert sj.shot_noise(mean).total == pytest.approx(sj.shot_noise(points).total.mean(axis=1), abs=2e-3)
    G = sj.gilbert_damping(points, "right").mean(axis=1)
    assert sj.gilbert_damping(mean, "right") == pytest.approx(G, rel=0.02, abs=2e-3)
    assert np.linalg.eigvalsh(G).min() > -1e-9


def test_noise_by_spin_of_a_lead_that_mixes_spins_is_not_a_number_and_its_total_is():
    chain = kwant.lattice.chain(norbs=2)
    syst = kwant.Builder()
    syst[(chain(x) for x in range(4))] = 0.3 * PAULI[0]
    syst[chain.neighbors()] = -np.eye(2)
    for direction, coupling in ((-1, 0.3), (1, 0.0)):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        lead[chain(0)] = 0.2 * PAULI[2]
        lead[chain.neighbors()] = -np.eye(2) + 1j * coupling * PAULI[1]
        syst.attach_lead(lead)
    syst = syst.finalized()
    noise = sj.shot_noise(sj.scatter(syst, 0.1))
    assert np.isnan(noise.matrix[0]).all()
    assert np.isfinite(noise.matrix[1, :, 1]).all()
    assert abs(noise.total.sum()) < ROUNDING
    assert noise.total[1, 1] > 1e-3
    crystal = sj.shot_noise(sj.scatter(syst, np.array([0.1])))
    assert crystal.total[0] == pytest.approx(noise.total, abs=1e-10)
    assert np.array_equal(np.isnan(crystal.matrix[0]), np.isnan(noise.matrix))
