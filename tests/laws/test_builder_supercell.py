"""Samples in Kwant: the Hamiltonian, its symmetries, and what scattering off disorder conserves."""

import pickle
from dataclasses import replace

import kwant
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from strategies import CONSERVATION, examples

import kwant_spinjunc as sj
from kwant_spinjunc import halves
from kwant_spinjunc.devices import build as builder
from kwant_spinjunc.devices import junctions
from kwant_spinjunc.devices.lead_modes import AnalyticModes, with_analytic_leads
from kwant_spinjunc.halves import zone
from kwant_spinjunc.magnets import wall
from kwant_spinjunc.model import memory
from kwant_spinjunc.model.plane import CrossSection
from kwant_spinjunc.model.sample import realize
from kwant_spinjunc.spin import PAULI, sigma
from kwant_spinjunc.transport.bias import biased
from kwant_spinjunc.transport.equilibrium import equilibrium_response

#: An energy at which most transverse modes are open and some closed, away from the edges of all sizes and k drawn.
ENERGY = 0.834
#: Probabilities that vanish by a symmetry are squares of rounding.
FORBIDDEN = 1e-24
#: Sums of a few probabilities of order one, solved twice.
ROUNDING = 1e-11

LEFT = sj.ferromagnet(onsite=0.1, hopping=1.0, splitting=0.6, in_plane_hopping=0.25)
RIGHT = sj.ferromagnet(onsite=-0.2, hopping=1.1, splitting=0.9, in_plane_hopping=0.2, m=sj.unit_vector(1.1, 0.5))
METAL = sj.normal_metal(onsite=-0.4, hopping=1.2, in_plane_hopping=0.2, thickness=3)
COPPER = sj.normal_metal(onsite=0.0, hopping=1.0, in_plane_hopping=0.25)

SCALAR = [
    sj.Anderson(width=1.5),
    sj.SpinDependent(width=0.8),
    sj.Substitution(concentration=0.3, onsite=0.8, splitting=0.4),
    sj.Roughness(amplitude=0.7, correlation_length=1.0, side="left"),
]
IMPURITIES = sj.MagneticImpurities(concentration=0.5, exchange=1.2)
ORBIT = sj.SpinOrbitScattering(angle=0.6)

shapes = st.sampled_from([(1, 1), (2, 1), (2, 2), (3, 2)])
boundaries = st.sampled_from(["periodic", "hard wall", ("periodic", "hard wall"), ("hard wall", "periodic")])


def valve(*disorder, right=RIGHT, left=LEFT):
    """Two magnets, each with a plane of its material in front, and a disordered metal between them."""
    return sj.Junction(left, [left, replace(METAL, disorder=disorder), right], right)


@st.composite
def problems(draw, kinds=(*SCALAR, IMPURITIES, ORBIT)):
    """A disordered junction and the arguments of its scattering."""
    first, second = (draw(st.lists(st.sampled_from(kinds), max_size=2, unique=True)) for _ in range(2))
    magnet = replace(RIGHT, onsite=0.3, m=sj.unit_vector(0.4, 2.0), thickness=2, disorder=first)
    junction = sj.Junction(LEFT, [LEFT, magnet, replace(METAL, disorder=second), RIGHT], RIGHT)
    boundary = draw(boundaries)
    words = (boundary,) * 2 if isinstance(boundary, str) else boundary
    k = (
        None
        if boundary == "hard wall"
        else [draw(st.sampled_from([0.0, 0.45, -0.8])) if w == "periodic" else 0.0 for w in words]
    )
    return junction, dict(
        energy=ENERGY, k=k, cross_section=draw(shapes), boundary=boundary, seed=draw(st.integers(0, 3)), realization=1
    )


def dense(junction, section, seed, realization):
    """Return H of a sample from its arrays, by the words of `Realization` alone."""
    sample = realize(junction, section, seed, realization)
    planes, sites = sample.levels.shape[:2]
    H = np.zeros((planes, sites, 2, planes, sites, 2), dtype=complex)
    for n, site in np.ndindex(planes, sites):
        H[n, site, :, n, site] += sample.levels[n, site, 0] * np.eye(2) + sigma(sample.levels[n, site, 1:])
        for to, from_, axis, phase in zip(*section.bonds, strict=True):
            if from_ == site:
                U = np.eye(2) if sample.in_plane_rotations is None else sample.in_plane_rotations[n, site, axis]
                hop = -sample.in_plane[n, site, axis] * phase * U
                H[n, to, :, n, site] += hop
                H[n, site, :, n, to] += hop.conj().T
        if n < planes - 1:
            U = np.eye(2) if sample.bond_rotations is None else sample.bond_rotations[n, site]
            H[n + 1, site, :, n, site] += -sample.bonds[n, site] * U
            H[n, site, :, n + 1, site] += -sample.bonds[n, site] * U.conj().T
    return H.reshape(2 * planes * sites, -1)


def ordered(system, **params):
    """Return Kwant's Hamiltonian with sites in the order (plane, x, z)."""
    order = sorted(range(len(system.sites)), key=lambda i: [system.sites[i].tag[a] for a in (1, 0, 2)])
    orbitals = (2 * np.array(order)[:, None] + [0, 1]).ravel()
    return system.hamiltonian_submatrix(params=params)[np.ix_(orbitals, orbitals)]


# ---------------------------------------------------------------------------------------------------- the Hamiltonian
@given(problems())
@examples(10, full=25)
def test_kwant_gets_the_numbers_of_the_sample(problem):
    junction, where = problem
    where = {name: value for name, value in where.items() if name != "energy"}
    section = CrossSection(where["cross_section"], where["boundary"], where["k"])
    H = dense(junction, section, where["seed"], 1)
    np.testing.assert_allclose(ordered(sj.build(junction, **where).finalized()), H, atol=1e-14)
    del where["seed"], where["realization"]
    functions = sj.build(junction, **where, as_functions=True).finalized()
    functions = pickle.loads(pickle.dumps(functions))
    for seed, realization in [(problem[1]["seed"], 1), (5, 2)]:
        np.testing.assert_array_equal(
            ordered(functions, seed=seed, realization=realization),
            ordered(sj.build(junction, **where, seed=seed, realization=realization).finalized()),
        )


def test_one_system_serves_every_sample():
    junction = valve(sj.Anderson(width=2.0), sj.Roughness(amplitude=0.7, side="left"), ORBIT)
    options = dict(cross_section=(2, 2))
    system = sj.build(junction, **options, as_functions=True).finalized().precalculate(ENERGY, what="modes")
    found = []
    for realization in range(3):
        one = sj.build(junction, **options, realization=realization).finalized()
        S = kwant.smatrix(system, ENERGY, params=dict(seed=0, realization=realization))
        # modes of a degenerate lead depend on nothing but the lead, which is the same
        np.testing.assert_allclose(S.transmission(1, 0), kwant.smatrix(one, ENERGY).transmission(1, 0), atol=ROUNDING)
        found.append(S.transmission(1, 0))
    assert np.ptp(found) > 1e-3


def test_a_clean_system_needs_no_sample():
    clean = sj.build(valve(), cross_section=(2, 2), seed=4, realization=9).finalized()
    np.testing.assert_array_equal(ordered(clean), ordered(sj.build(valve(), cross_section=(2, 2)).finalized()))


# ------------------------------------------------------------------------------------------------------ conservation
@given(problems())
@examples(8, full=20)
def test_charge_and_spin_are_accounted_for_site_by_site(problem):
    junction, where = problem
    s = sj.scatter(junction, **where, solver="kwant")
    assert s.unitarity_defect < CONSERVATION
    assert s.continuity_defect < CONSERVATION
    assert s.torque_defect < CONSERVATION
    # a plane's torque is flux in minus out, of charge there is none
    np.testing.assert_allclose(
        s.bond_currents[:, :-1, 1:] - s.bond_currents[:, 1:, 1:], s.layer_torques[:, 1:-1], atol=CONSERVATION
    )
    transmitted = s.conductance
    np.testing.assert_allclose(s.bond_currents[0, :, 0], transmitted, atol=CONSERVATION)
    # in the last lead's frame the longitudinal flux is that of the transmitted spins
    along = s.bond_currents[0, -1, 1:] @ np.array(junction.right.m)
    T = s.probabilities[1, :, 0].sum(axis=-1)
    assert along == pytest.approx(T[0] - T[1], abs=CONSERVATION)


@given(problems())
@examples(8, full=15)
def test_analytic_leads_give_what_kwant_finds(problem):
    junction, where = problem
    s, t = (sj.scatter(junction, **where, solver=solver) for solver in ("kwant", "modes"))
    assert t.solver == "modes"
    np.testing.assert_array_equal(s.modes, t.modes)
    for name in ("probabilities", "bond_currents", "layer_torques", "spin_densities"):
        np.testing.assert_allclose(getattr(s, name), getattr(t, name), atol=CONSERVATION)


def test_deeply_closed_modes_of_analytic_leads_decay_as_t_over_their_distance():
    """The root of E - ε = t (λ + 1/λ) is t/(E - ε) far from the band, to the last digit."""
    lead = sj.normal_metal(onsite=1e7, hopping=1.0)
    propagating, stabilized = AnalyticModes(lead, CrossSection())(0.0)
    assert not len(propagating.momenta)
    decay = np.linalg.norm(stabilized.vecs) / np.linalg.norm(stabilized.vecslmbdainv)
    assert decay == pytest.approx(1e-7, rel=1e-12)


def test_spin_blocks_of_analytic_leads_are_those_of_kwant():
    junction, section = valve(sj.Anderson(width=1.0)), CrossSection((3, 3), "periodic", (0.3, 0.1))
    systems = [sj.build(junction, section.k, cross_section=(3, 3)) for _ in range(2)]
    with_analytic_leads(systems[1], junction, section)
    S, A = (kwant.smatrix(pickle.loads(pickle.dumps(system.finalized())), ENERGY) for system in systems)
    for out, in_ in np.ndindex(4, 4):
        blocks = divmod(out, 2), divmod(in_, 2)
        assert A.transmission(*blocks) == pytest.approx(S.transmission(*blocks), abs=CONSERVATION)
    assert [info.block_nmodes for info in A.lead_info] == [list(info.block_nmodes) for info in S.lead_info]
    for a, b in zip(A.lead_info, S.lead_info, strict=True):
        np.testing.assert_allclose(np.sort(a.velocities), np.sort(b.velocities), atol=CONSERVATION)


# ----------------------------------------------------------------------------------------------- known cross-sections
@pytest.mark.parametrize("shape", [(2, 1), (3, 2)])
def test_disorder_of_no_strength_is_the_sum_over_k_of_chains(shape):
    nothing = valve(sj.Anderson(width=0.0), sj.SpinOrbitScattering(angle=0.0))
    twist = np.array([0.2, -0.3])
    cell = sj.scatter(nothing, ENERGY, twist, cross_section=shape, solver="kwant")
    steps = [2 * np.pi * np.arange(n) / n for n in shape]
    k = twist + np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1)
    chains = sj.scatter(valve(), ENERGY, k, solver="halves")
    np.testing.assert_allclose(cell.probabilities, chains.probabilities.sum(axis=(0, 1)), atol=ROUNDING)
    np.testing.assert_allclose(cell.layer_torques, chains.layer_torques.sum(axis=(0, 1)), atol=ROUNDING)


@given(problems(), st.integers(-2, 2), st.integers(-2, 2))
@examples(10)
def test_a_whole_turn_of_the_twist_changes_nothing(problem, i, j):
    junction, where = problem
    shape = where["cross_section"]
    turned = None
    if where["k"] is not None:
        words = CrossSection(shape, where["boundary"], where["k"]).boundary
        turned = [
            k + 2 * np.pi * turns / n if word == "periodic" else 0.0
            for k, turns, n, word in zip(where["k"], (i, j), shape, words, strict=True)
        ]
    s, t = sj.scatter(junction, **where, solver="kwant"), sj.scatter(junction, **{**where, "k": turned}, solver="kwant")
    # the hopping -t U e^{-ik} has the phase on every bond, so that a turn is a gauge e^{2πi x/W}
    np.testing.assert_allclose(s.probabilities, t.probabilities, atol=ROUNDING)


# --------------------------------------------------------------------------------------------------------- symmetries
def rotation_about(axis, angle):
    """Return a rotation of vectors and its spin matrix."""
    axis = np.array(axis) / np.linalg.norm(axis)
    R = Rotation.from_rotvec(angle * axis).as_matrix()
    return R, np.cos(angle / 2) * np.eye(2) - 1j * np.sin(angle / 2) * sigma(axis)


def test_rotating_magnets_impurities_and_spin_orbit_bonds_together_changes_no_probability(monkeypatch):
    R, V = rotation_about([1.0, 2.0, -0.5], 1.3)
    for vector, matrix in zip(R.T, PAULI, strict=True):  # the two belong together
        np.testing.assert_allclose(V @ matrix @ V.conj().T, sigma(vector), atol=1e-14)
    junction = valve(IMPURITIES, ORBIT, SCALAR[2])
    turned = valve(IMPURITIES, ORBIT, SCALAR[2], left=replace(LEFT, m=R @ LEFT.m), right=replace(RIGHT, m=R @ RIGHT.m))
    options = dict(cross_section=(2, 2), solver="kwant", seed=3)
    before = sj.scatter(junction, ENERGY, **options).probabilities

    def rotated(asked, section, *which):
        if not asked.is_disordered:  # the leads
            return realize(asked, section, *which)
        sample = realize(junction.padded(), section, *which)
        turn = V @ sample.bond_rotations @ V.conj().T, V @ sample.in_plane_rotations @ V.conj().T
        levels = np.concatenate([sample.levels[..., :1], sample.levels[..., 1:] @ R.T], axis=-1)
        return replace(sample, levels=levels, bond_rotations=turn[0], in_plane_rotations=turn[1])

    assert abs(sj.scatter(turned, ENERGY, **options).probabilities - before).max() > 1e-3  # directions stayed behind
    for module in (builder, junctions):
        monkeypatch.setattr(module, "realize", rotated)
    after = sj.scatter(turned, ENERGY, **options)
    np.testing.assert_allclose(after.probabilities, before, atol=ROUNDING)
    assert after.torque_defect < CONSERVATION


def test_planes_whose_bonds_within_turn_spins_about_z_only_give_spin_to_the_lattice(monkeypatch):
    """Of such rotations elements off the diagonal are those of no rotation."""
    junction = valve(ORBIT, left=replace(LEFT, m=(1.0, 0.0, 0.0)), right=replace(RIGHT, m=(0.0, 1.0, 0.0)))

    def within(asked, section, *which):
        sample = realize(asked, section, *which)
        if sample.in_plane_rotations is None:
            return sample
        inside = sample.in_plane_rotations.copy()
        turned = abs(inside - np.eye(2)).max(axis=(-1, -2)) > 0
        phases = np.exp(1j * np.linspace(0.3, 2.4, turned.sum()))
        inside[turned] = np.array([phases, phases.conj()]).T[:, :, None] * np.eye(2)
        return replace(sample, bond_rotations=0 * sample.bond_rotations + np.eye(2), in_plane_rotations=inside)

    for module in (builder, junctions):
        monkeypatch.setattr(module, "realize", within)
    found = sj.scatter(junction, ENERGY, cross_section=(2, 2), seed=3, solver="kwant")
    assert max(found.torque_defect, found.continuity_defect) < CONSERVATION


@pytest.mark.parametrize("disorder", [SCALAR[:1], SCALAR[1:3], SCALAR[3:], [SCALAR[0], ORBIT]], ids=repr)
def test_reversing_magnets_and_k_transposes_the_probabilities(disorder):
    k = (0.3, -0.4)
    s = sj.scatter(valve(*disorder), ENERGY, k, cross_section=(2, 3), seed=1, solver="kwant").probabilities
    reversed_ = [replace(lead, m=-np.array(lead.m)) for lead in (LEFT, RIGHT)]
    minus = valve(*disorder, left=reversed_[0], right=reversed_[1])
    t = sj.scatter(minus, ENERGY, (-k[0], -k[1]), cross_section=(2, 3), seed=1, solver="kwant").probabilities
    if sj.SpinDependent(width=0.8) in disorder:  # its field lies along the metal's m, which must turn too
        metal = replace(METAL, m=(0.0, 0.0, -1.0), disorder=disorder)
        minus = replace(minus, layers=[minus.layers[0], metal, minus.layers[2]])
        t = sj.scatter(minus, ENERGY, (-k[0], -k[1]), cross_section=(2, 3), seed=1, solver="kwant").probabilities
    np.testing.assert_allclose(s, t.transpose(2, 3, 0, 1), atol=ROUNDING)


def test_magnetic_impurities_break_time_reversal():
    junction = sj.Junction(COPPER, [replace(METAL, disorder=[IMPURITIES])], COPPER)
    P = sj.scatter(junction, ENERGY, cross_section=(2, 2), seed=1).probabilities
    assert abs(P - P[:, ::-1, :, ::-1].transpose(2, 3, 0, 1)).max() > 1e-3


def test_spin_orbit_scattering_keeps_kramers_pairs():
    junction = sj.Junction(COPPER, [replace(METAL, disorder=[ORBIT, sj.Anderson(width=1.0)])], COPPER)
    s = sj.scatter(junction, ENERGY, cross_section=(3, 2), boundary="hard wall", seed=1, solver="kwant")
    assert s.probabilities[1, 0, 0, 1] > 1e-2  # spins flip
    # time reversal takes (α s <- β s') to (β -s' <- α -s)
    np.testing.assert_allclose(s.probabilities, s.probabilities[:, ::-1, :, ::-1].transpose(2, 3, 0, 1), atol=ROUNDING)
    t = s.smatrix.submatrix(1, 0)
    eigenvalues = np.linalg.svd(t, compute_uv=False)
    np.testing.assert_allclose(eigenvalues[::2], eigenvalues[1::2], atol=ROUNDING)
    assert np.ptp(eigenvalues[::2]) > 1e-2
    # a standing wave with the spin reversed is its own time-reversed mode
    s = sj.scatter(junction, ENERGY, cross_section=(3, 2), boundary="hard wall", seed=1, solver="modes")
    flipped = s.smatrix.submatrix((0, 1), (0, 0))
    np.testing.assert_allclose(np.diag(flipped), 0.0, atol=ROUNDING)
    assert abs(flipped).max() > 1e-2


def test_along_a_chain_random_rotations_only_turn_the_spin():
    # U of a chain is gauged into the right lead: without magnets nothing is reflected that was not before
    copper = sj.normal_metal(onsite=0.0, hopping=1.0)
    clean = sj.Junction(copper, [sj.normal_metal(onsite=0.7, hopping=1.0, thickness=4)], copper)
    turning = replace(clean, layers=[replace(clean.layers[0], disorder=[ORBIT])])
    s, t = sj.scatter(clean, ENERGY), sj.scatter(turning, ENERGY, seed=2)
    assert t.conductance == pytest.approx(s.conductance, abs=ROUNDING)
    np.testing.assert_allclose(t.probabilities[0, :, 0], s.probabilities[0, :, 0], atol=ROUNDING)
    assert t.probabilities[1, 0, 0, 1] > 1e-2


@pytest.mark.parametrize("flip", [0.0, np.pi])
def test_disorder_without_a_direction_flips_no_spin_between_collinear_magnets(flip):
    junction = valve(*SCALAR, right=replace(RIGHT, m=sj.unit_vector(flip)))
    s = sj.scatter(junction, ENERGY, cross_section=(3, 2), seed=5, solver="kwant")
    same = np.eye(2) if flip == 0 else np.eye(2)[::-1]
    forbidden = s.probabilities[1, :, 0] * (1 - same)
    assert forbidden.max() < FORBIDDEN
    assert (s.probabilities[1, :, 0] * same).sum() > 0.1
    assert max(s.probabilities[0, 0, 0, 1], s.probabilities[0, 1, 0, 0]) < FORBIDDEN


@pytest.mark.parametrize(
    "disorder", [IMPURITIES, ORBIT, sj.Substitution(concentration=0.5, onsite=0, splitting=1, m=(1, 0, 0))]
)
def test_disorder_with_directions_flips_spins_between_collinear_magnets(disorder):
    junction = valve(disorder, right=replace(RIGHT, m=LEFT.m))
    P = sj.scatter(junction, ENERGY, cross_section=(3, 2), seed=5, solver="kwant").probabilities
    assert min(P[1, 0, 0, 1], P[1, 1, 0, 0]) > 1e-3


def test_impurities_of_a_plane_take_spin_along_its_magnetization():
    # one axis per plane would forbid it: torques along m are those of the other axes in the plane
    junction = valve(IMPURITIES, right=replace(RIGHT, m=LEFT.m))
    s = sj.scatter(junction, ENERGY, cross_section=(2, 2), seed=5, solver="kwant")
    assert abs(s.layer_torques[0, 2:5, 2]).max() > 1e-2
    assert abs(s.layer_torques[0, [0, 1, -2, -1], 2]).max() < CONSERVATION


# ----------------------------------------------------------------------------------------------------------- border
def test_clean_fast_paths_refuse_disorder_and_name_the_way_out():
    junction = valve(sj.Anderson(width=1.0))
    for call in (
        lambda: sj.scatter(junction, ENERGY, k="average"),
        lambda: sj.scatter(junction, np.array([ENERGY, 0.3])),
        lambda: halves.probabilities(junction, ENERGY),
        lambda: halves.Stack.from_junctions([junction, junction]),
        lambda: zone.thresholds(junction, ENERGY),
        lambda: sj.bias_response(junction, 0.1, energy=ENERGY),
        lambda: equilibrium_response(junction, ENERGY),
        lambda: biased(junction, 0.1),
        lambda: wall.texture(junction, [(0, 0, 1), (1, 0, 0)]),
        lambda: sj.sweep(lambda theta: junction, energy=ENERGY, theta=[0.0, 1.0]),
    ):
        with pytest.raises(sj.ArgumentError, match=r"must be clean.*have Anderson.*cross_section=.*ensemble"):
            call()


@pytest.mark.parametrize("solver", ["halves", "kwant", "modes"])
def test_a_sweep_does_not_take_one_sample_for_the_average(solver):
    with pytest.raises(sj.ArgumentError, match=r"must be clean.*have Anderson.*ensemble"):
        sj.sweep(lambda width: valve(sj.Anderson(width=width)), energy=ENERGY, width=[0.5, 1.0], solver=solver)


def test_a_disordered_chain_is_allowed():
    s = sj.scatter(valve(sj.Anderson(width=1.0)), ENERGY, seed=3)
    t = sj.scatter(valve(sj.Anderson(width=1.0)), ENERGY, seed=4)
    assert s.solver == "kwant"
    assert (s.seed, t.seed, s.realization) == (3, 4, 0)
    assert "sample 0 of seed 3" in str(s)
    assert abs(s.probabilities - t.probabilities).max() > 1e-4


@pytest.mark.parametrize("disorder", [(), (sj.Anderson(width=1.0),)])
def test_a_stack_that_fits_no_machine_is_refused_before_its_planes_are_made(disorder):
    with pytest.raises(sj.ArgumentError, match=r"at most 1000000 planes with both buffers, but makes 1000000004"):
        sj.Junction(LEFT, [LEFT, replace(METAL, thickness=10**9, disorder=disorder), RIGHT], RIGHT)


def test_a_cross_section_that_does_not_fit_the_machine_is_refused_before_work(monkeypatch):
    monkeypatch.setattr(memory, "machine_memory", lambda: 0.5)
    with pytest.raises(
        sj.ArgumentError, match=r"must fit into 0.5 GB, but 30 × 30 sites need about .* GB for 9 planes"
    ):
        sj.scatter(valve(sj.Anderson(width=1.0)), ENERGY, cross_section=(30, 30), solver="kwant")
    sizes = [memory.memory((9, 9), planes, solver) for planes in (5, 20) for solver in ("halves", "kwant")]
    assert sizes == sorted(sizes)
    assert memory.memory((9, 9), 100, "halves", states=False) == memory.memory((9, 9), 5, "halves", states=False)


def test_probabilities_need_no_memory_for_states(monkeypatch):
    junction, section = valve(SCALAR[0]), (3, 3)
    planes = len(junction.planes)
    with_states, without = (memory.memory(section, planes, "halves", states=states) for states in (True, False))
    monkeypatch.setattr(memory, "LARGEST", (with_states + without) / 2)
    found = sj.scatter(junction, ENERGY, cross_section=section, solver="halves")
    assert found.conductance > 0
    with pytest.raises(sj.ArgumentError, match="must fit into"):
        found.layer_torques  # noqa: B018
