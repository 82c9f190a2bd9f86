"""Nothing here is symmetric: hoppings complex, sizes all different, one defect at a time, the other of two directions.

What is even, real or alike on both sides looks the same with a dagger dropped, two sides or axes exchanged, or the
smaller of two defects taken for the larger.
"""

import re
from dataclasses import replace
from types import SimpleNamespace

import kwant
import kwant.wraparound
import numpy as np
import pytest
from crystal_layers import layers
from crystal_systems import turned
from numpy.testing import assert_allclose
from telling import differences, told

import kwant_spinjunc as sj
from kwant_spinjunc import crosscheck
from kwant_spinjunc.crystals import lattice, problem, zone
from kwant_spinjunc.crystals.scatter import taken_apart
from kwant_spinjunc.crystals.solve import chains_of, lead_surfaces
from kwant_spinjunc.devices.device import Device
from kwant_spinjunc.devices.spin_channels import lead_spins
from kwant_spinjunc.devices.spin_operators import checked_spin
from kwant_spinjunc.devices.spin_order import are_electrons_and_holes
from kwant_spinjunc.halves import kinks, route, texture
from kwant_spinjunc.halves.batch import Stack
from kwant_spinjunc.halves.chain import reduced
from kwant_spinjunc.halves.cut import Cut, log_det_of_cut
from kwant_spinjunc.halves.joint import Turn
from kwant_spinjunc.halves.real import slabs
from kwant_spinjunc.halves.real import solve as real_solve
from kwant_spinjunc.model import memory
from kwant_spinjunc.model.problem import Problem
from kwant_spinjunc.model.sample import realize
from kwant_spinjunc.solved import Fields, refuse_discontinuity
from kwant_spinjunc.spin import PAULI, angle_between, sigma, torque_axes
from kwant_spinjunc.transport import crystal_bias

ROUTES = 1e-10


# ---------------------------------------------------------------------- one defect at a time
SHEAR = np.array([[1.0, 0.3], [0.0, 1.0]])
#: Spin operators that miss one law each: a shear keeps squares and commutators, a sign breaks one of these, and of
#: spin 1 eigenvalues are 2, 0 and -2.
ONE = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]]) * np.sqrt(2)
TWO = np.array([[0, -1j, 0], [1j, 0, -1j], [0, 1j, 0]]) * np.sqrt(2)
WRONG_SPINS = {
    "not Hermitian": [SHEAR @ s @ np.linalg.inv(SHEAR) for s in PAULI],
    "left-handed": [PAULI[0], PAULI[1], -PAULI[2]],
    "of spin 1": [ONE, TWO, np.diag([2.0, 0.0, -2.0])],
}


@pytest.mark.parametrize("kind", WRONG_SPINS)
def test_spin_operators_are_refused_for_one_law_that_they_miss(kind):
    S = np.array(WRONG_SPINS[kind])
    misses = {
        "not Hermitian": abs(S - np.swapaxes(S.conj(), 1, 2)).max(),
        "of spin 1": abs(S @ S - np.eye(S.shape[1])).max(),
        "left-handed": max(abs(S[i] @ S[i - 2] - S[i - 2] @ S[i] - 2j * S[i - 1]).max() for i in range(3)),
    }
    assert [name for name, miss in misses.items() if miss > 1e-12] == [kind]
    with pytest.raises(sj.ArgumentError, match=f"misses it by {misses[kind]:.2g}"):
        checked_spin(S, kwant.lattice.chain(norbs=S.shape[1], name="a"))


# ---------------------------------------------------------------------- complex hoppings
WIDTHS, ORBITALS = (2, 1, 3, 1, 2), (1, 2, 1, 1, 2)
PLANES, AXIS = len(WIDTHS), np.array([0.6, 0.0, 0.8])


def uneven_strip(angle=0.0, behind=PLANES, seed=0):
    """Planes of 1 to 3 sites of one or two orbitals, complex blocks, fields along z, turned about `AXIS` behind."""
    rng = np.random.default_rng(seed)
    families = {n: kwant.lattice.square(norbs=2 * n, name=f"n{n}") for n in (1, 2)}

    def free(n, m):
        return rng.normal(size=(n, m)) + 1j * rng.normal(size=(n, m))

    def hermitian(x):
        level, field = (0.4 * free(ORBITALS[x], ORBITALS[x]) for _ in range(2))
        matrix = np.kron(np.eye(2), level + level.conj().T) - np.kron(PAULI[2], field + field.conj().T)
        site = ORBITALS[x], "spin-orbital"
        return turned(matrix, angle, AXIS, site) if x >= behind else matrix

    def site(x, y):
        return families[ORBITALS[min(max(x, 0), PLANES - 1)]](x, y)

    def fill(builder, x):
        for y in range(WIDTHS[x]):
            builder[site(x, y)] = hermitian(x)
        for y in range(WIDTHS[x] - 1):
            builder[site(x, y + 1), site(x, y)] = 0.5 * np.kron(np.eye(2), free(ORBITALS[x], ORBITALS[x]))

    syst = kwant.Builder()
    for x in range(PLANES):
        fill(syst, x)
    for x in range(PLANES - 1):
        for y, z in np.ndindex(WIDTHS[x], WIDTHS[x + 1]):
            syst[site(x + 1, z), site(x, y)] = 0.6 * np.kron(np.eye(2), free(ORBITALS[x + 1], ORBITALS[x]))
    for direction, x in ((-1, 0), (1, PLANES - 1)):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction, 0)))
        fill(lead, x)
        for y in range(WIDTHS[x]):
            lead[site(x + direction, y), site(x, y)] = np.kron(np.eye(2), free(ORBITALS[x], ORBITALS[x]))
        syst.attach_lead(lead)
    return syst.finalized()


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.errors.NearSideWarning")
@pytest.mark.parametrize("cut", range(1, PLANES))
def test_flux_through_any_cut_in_either_direction_is_that_of_kwants_waves(cut):
    given = dict(spin="spin-orbital")  # exchange fields are complex too, what spin-orbit coupling is in real orbitals
    plain = sj.scatter(uneven_strip(0.9, cut), 0.1, **given, check=cut == 2)
    turn = dict(turns=[0.9], behind=lambda s: s.tag[0] >= cut, axis=AXIS, spin_orbit=False)
    found = sj.scatter(uneven_strip(), [0.1], **given, **turn)
    assert_allclose(found.between_leads()[0, 0], plain.between_leads(), atol=ROUTES)
    assert 0.01 < plain.between_leads()[1, 0] < plain.channels.min()
    for other in range(1, PLANES) if cut == 2 else [cut]:
        there = sj.between(lambda s, n=other: s.tag[0] < n, lambda s, n=other: s.tag[0] >= n)
        for way in (there, sj.between(there.target, there.source)):
            flux = plain.spin_current(way, total=True)
            assert_allclose(found.spin_current(way, total=True)[0, 0], flux, atol=ROUTES)
            assert abs(flux[0, 1:]).min() > 1e-3


def test_what_a_chain_is_made_of_is_left_as_it_was():
    crystal = taken_apart(Device(system=uneven_strip(), spin="spin-orbital"), {}, (), lambda s: s.tag[0] >= 2)
    E, k = np.array([0.1]), np.zeros((1, 0))
    chains, _ = chains_of(crystal, lead_surfaces(crystal, E, k), E, k)

    def count(matrix):
        return (np.linalg.eigvalsh(matrix) < 0).sum(axis=-1)

    for chain in chains:
        before = [plane.copy() for plane in chain.onsite]
        _, first = reduced(chain, count, reactive=True)
        _, again = reduced(chain, count, reactive=True)
        assert_allclose(again, first, rtol=0)
        for plane, kept in zip(chain.onsite, before, strict=True):
            assert_allclose(plane, kept, rtol=0)


# ---------------------------------------------------------------------- what lies on a branch or at an end
@pytest.mark.parametrize("middle", [-0.7, np.pi])
def test_modes_of_one_momentum_are_one_group_wherever_it_lies_on_the_circle(middle):
    """Kwant gives momenta from -π to π, and any superpositions of modes that share one: here three, two and one."""
    rng = np.random.default_rng(5)
    m = sj.unit_vector(0.9, 0.4)
    along = np.kron(sigma(m), np.eye(3))
    _, definite = np.linalg.eigh(along)
    shifts, waves = [], []
    for n, group in enumerate(([0, 1, 3], [2, 4], [5])):  # mixed at random; the first three are of spin -1
        size = len(group)
        mixed = definite[:, group] @ np.linalg.qr(rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size)))[0]
        shifts += [2 * n + 1e-9 * (i - 0.5) for i in range(size)]
        waves += [*mixed.T]
    order = rng.permutation(6)
    momenta = np.angle(np.exp(1j * (middle + np.array(shifts))))[order]
    columns = np.array(waves)[order].T
    modes = SimpleNamespace(momenta=np.tile(momenta, 2), wave_functions=np.hstack([columns, columns]))
    found = lead_spins(modes, along=along)
    assert found.resolved
    assert found.mixing < 1e-12
    assert sorted(found.incoming) == [0, 0, 0, 1, 1, 1]


def test_the_logarithm_of_a_determinant_at_the_cut_is_that_of_its_eigenvalues():
    """On one sheet: a step of the states at a cut is a step by one, not by what a branch adds."""
    rng = np.random.default_rng(8)
    shape = 2, 2000
    u, w = (np.exp(2 * rng.normal(size=shape)) * rng.choice([-1, 1], shape) for _ in range(2))
    u, w = (x - 1j * abs(x) * rng.uniform(0, 1, shape) ** 4 for x in (u, w))
    half = rng.uniform(0, np.pi / 2, shape[1])
    c, s = np.cos(half), np.sin(half)
    d = 1 - u[:, None] * w[None]
    cut = Cut(None, None, u, w, u[0] - u[1], w[0] - w[1], d)
    R = np.array([[c, -s], [s, c]]).transpose(2, 0, 1)
    matrix = np.zeros((shape[1], 2, 2), dtype=complex)
    matrix[:, [0, 1], [0, 1]] = (1 / w).T
    matrix -= R.transpose(0, 2, 1) @ (u.T[:, :, None] * R)
    wanted = texture.log_upper(np.linalg.eigvals(matrix)).sum(axis=-1) - texture.log_upper(1 / w).sum(axis=0)
    assert_allclose(log_det_of_cut(cut, c**2, s**2), wanted, atol=1e-10)
    assert np.ptp(np.round((wanted - np.log(np.exp(wanted))).imag / (2 * np.pi))) > 0


UNEVEN = [
    sj.ferromagnet(onsite=0.2, hopping=1.0, splitting=0.6, in_plane_hopping=1.0),
    sj.ferromagnet(onsite=0.5, hopping=0.9, splitting=1.3, in_plane_hopping=0.7),
]


@pytest.mark.parametrize("theta", [0.0, np.pi])
@pytest.mark.parametrize("thickness", [0, 2])
def test_states_of_collinear_spins_are_counted_also_where_the_cut_is_the_first_bond(theta, thickness):
    metal = [sj.normal_metal(onsite=1.2, hopping=0.8, thickness=2, in_plane_hopping=-0.3)]
    right = replace(UNEVEN[1], m=sj.unit_vector(theta))
    stack = Stack.from_junction(sj.Junction(UNEVEN[0], metal[:thickness], right))
    assert thickness or stack.cut == 0
    c = np.linspace(-1.99, 1.99, 50)[None]
    pairs = np.array([[1, 1], [-1, -1]]) * [1, 1 if theta == 0 else -1]
    by_spin = sum(kinks.states_of_one_spin(stack, 0.1, pair[None], c) for pair in pairs)
    whole = kinks.states_below(stack.as_texture().rows(np.zeros(1, dtype=int)), np.full(c.shape, 0.1), c)
    assert_allclose(by_spin, whole, atol=1e-12)


def test_a_level_that_lies_exactly_at_the_energy_is_scattered_off_like_any_other():
    """A closed lead has Σ = -1/2 exactly: pivots of levels 1/2 behind it are zero, and so is the determinant at a cut.

    The second is the determinant of two halves with a level at 1 between them: a bound state for one spin, but for the
    turn of the other half.
    """
    left = sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=3.0)
    other = sj.ferromagnet(onsite=0.1, hopping=1.0, splitting=0.7, m=sj.unit_vector(1.1, 0.3))
    levels = [sj.normal_metal(onsite=x, hopping=1.0, thickness=1) for x in (0.5, 0.3, 1.0)]
    bound = sj.Junction(left, levels[2:], replace(left, m=sj.unit_vector(1.1, 0.3)))
    for junction in (sj.Junction(left, levels[:2], other), sj.Junction(other, levels[1::-1], left), bound):
        found, plain = (sj.scatter(junction, 0.0, solver=solver) for solver in ("halves", "kwant"))
        assert found.modes.sum() == (2 if junction is bound else 3)
        assert_allclose(found.probabilities, plain.probabilities, atol=ROUTES)
        assert_allclose(found.layer_torques, plain.layer_torques, atol=ROUTES)
    # of parallel magnets no wave meets the bound state
    at, near = (sj.scatter(replace(bound, right=left), energy, solver="halves") for energy in (0.0, 1e-12))
    assert_allclose(at.probabilities, near.probabilities, atol=ROUTES)
    assert_allclose(at.bond_currents, near.bond_currents, atol=ROUTES)


# ---------------------------------------------------------------------- lattices of momenta
def test_a_lattice_of_momenta_is_that_of_its_generating_vector_and_ends_where_it_is_made_for(monkeypatch):
    def smooth(k):
        return np.stack([np.exp(np.sin(k[:, 0]) + np.cos(k[:, 1] - 0.3)), k[:, 0]], axis=1), np.zeros((len(k), 1))

    points = []

    def counted(k):
        points.append(len(k))
        return smooth(k)

    monkeypatch.setattr(lattice, "MOST", 7)
    monkeypatch.setattr(lattice, "BLOCK", 40)
    _, error, means = lattice.lattice_mean(counted, lambda *_: False, lambda: False)
    shifts = np.random.default_rng(11).uniform(size=(8, 2))  # the same on every machine
    index = np.arange(2**7)[:, None] / 2**7
    for found, shift in zip(means, shifts, strict=True):
        k = 2 * np.pi * ((index * [1, 182667] + shift) % 1.0) - np.pi
        assert_allclose(found, smooth(k)[0].mean(axis=0), rtol=1e-12)
    assert_allclose(error, 3 * means.std(axis=0, ddof=1) / np.sqrt(8), rtol=1e-12)
    assert sum(points) == 8 * 2**7
    assert max(points) == 8 * 40


# ---------------------------------------------------------------------- memory
def test_points_are_refused_from_the_memory_on_that_they_need(monkeypatch):
    junction = sj.Junction(UNEVEN[0], [], UNEVEN[1])
    energies, planes = np.linspace(-0.3, 0.3, 600), 2
    solved = sj.scatter(junction, energies)
    for needed, ask in (
        (600 * 500e-9, lambda: sj.scatter(junction, energies)),
        (600 * planes * 800e-9, lambda: sj.scatter(junction, energies).layer_torques),
    ):
        monkeypatch.setattr(memory, "machine_memory", lambda needed=needed: 1.0001 * needed)
        ask()
        monkeypatch.setattr(memory, "machine_memory", lambda needed=needed: 0.9999 * needed)
        with pytest.raises(sj.ArgumentError, match="points need about"):
            ask()
    assert solved.probabilities.shape[0] == 600


def test_the_memory_of_this_machine_is_its_pages_in_gigabytes_or_without_end(monkeypatch):
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2_000_000}
    monkeypatch.setattr(memory.os, "sysconf", pages.__getitem__)
    assert memory.machine_memory() == 8.192
    monkeypatch.setattr(memory.os, "sysconf", lambda name: int(f"no {name}"))
    assert memory.machine_memory() == np.inf


# ---------------------------------------------------------------------- numbers of any type
def test_angles_of_small_integers_do_not_overflow():
    a, b = np.array([100, 0, 0], dtype=np.int8), np.array([100, 100, 0], dtype=np.int8)
    assert float(angle_between(a, b)) == pytest.approx(np.pi / 4, abs=1e-15)
    assert float(angle_between(b, a)) == pytest.approx(np.pi / 4, abs=1e-15)
    m, other = np.array([[0, 0, 1], [1, 0, 0]]), np.array([[0, 0, -1], [0, 1, 0]])
    damping, normal = torque_axes(m, other)
    assert damping.tolist() == [[0, 0, 0], [0, 1, 0]]
    assert normal.tolist() == [[0, 0, 0], [0, 0, 1]]


# ---------------------------------------------------------------------- spins of a site, modes of a lead
def test_a_crystal_reads_a_spin_that_depends_on_the_site_at_every_site():
    rng = np.random.default_rng(2)
    chain, V = kwant.lattice.chain(norbs=2), {}

    def gauge(x):
        if x not in V:
            a = rng.normal(size=(2, 2)) + 1j * rng.normal(size=(2, 2))
            V[x] = np.linalg.qr(a)[0]
        return V[x]

    def system(U):
        syst = kwant.Builder()
        field = [sigma(sj.unit_vector(0.4 * x, 0.3)) if 0 < x < 4 else sigma((0, 0, 1)) for x in range(5)]
        for x in range(5):
            syst[chain(x)] = U(x) @ (0.1 * np.eye(2) - 0.4 * field[x]) @ U(x).conj().T
        for x in range(4):  # a spin part that is rounding is none
            noise = 1e-16 * sigma((1, 0, 0))
            syst[chain(x + 1), chain(x)] = U(x + 1) @ ((x - 3) / 4 * np.eye(2) + noise) @ U(x).conj().T
        for direction, x in ((-1, 0), (1, 4)):
            lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
            lead[chain(x)] = U(x) @ (-0.3 * field[x]) @ U(x).conj().T
            lead[chain(x + direction), chain(x)] = -U(x) @ U(x).conj().T
            syst.attach_lead(lead)
        return syst.finalized()

    given = dict(turns=[0.0, 1.3], behind=lambda site: site.tag[0] > 2)
    plain = sj.scatter(system(lambda x: np.eye(2)), [0.2], **given)

    for turn in (gauge, lambda x: gauge(x) if x == 1 else np.eye(2)):  # of all sites, and of one

        def own(site, turn=turn):
            U = turn(min(max(site.tag[0], 0), 4))
            return [U @ s @ U.conj().T for s in PAULI]

        found = sj.scatter(system(turn), [0.2], spin=own, **given)
        assert_allclose(found.probabilities, plain.probabilities, atol=ROUTES)
        assert_allclose(found.spin_current(), plain.spin_current(), atol=ROUTES)
    assert abs(plain.probabilities[0] - plain.probabilities[1]).max() > 1e-2


@pytest.mark.parametrize("unit", [1.0, 1e3])
def test_modes_of_conserved_spins_carry_one_unit_of_flux_each(unit):
    """As Kwant normalizes them; blocks are solved apart and in a unit of their own."""
    syst = kwant.Builder()
    chain = kwant.lattice.chain(norbs=4)
    hop = unit * np.kron(np.eye(2), [[-1.0, 0.3j], [0.1, -0.7]])
    level = unit * (np.kron(np.eye(2), [[0.2, 0.1], [0.1, -0.3]]) - 0.2 * np.kron(sigma((0, 0, 1)), np.eye(2)))
    for x in range(2):
        syst[chain(x)] = level
    syst[chain(1), chain(0)] = hop
    for direction in (-1, 1):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        lead[chain(0)], lead[chain(direction), chain(0)] = level, hop if direction > 0 else hop.conj().T
        syst.attach_lead(lead)
    syst = syst.finalized()
    found = sj.scatter(syst, 0.1 * unit, spin="spin-orbital")
    for info, lead in zip(found.smatrix.lead_info, syst.leads, strict=True):
        V = lead.inter_cell_hopping()
        waves, over = info.wave_functions, np.exp(-1j * info.momenta)
        flux = 2 * np.einsum("im,ij,jm->m", waves.conj(), V, waves * over).imag
        assert_allclose(abs(flux), 1.0, rtol=1e-9)
        assert len(flux) >= 4
    assert_allclose(found.between_leads().sum(axis=0), found.channels, atol=ROUTES)


@pytest.mark.parametrize("solver", ["kwant", "modes"])
def test_without_a_channel_that_is_what_is_told_also_at_the_level_of_a_bound_state(solver):
    """Where no lead is open the matrix that would be solved is singular."""
    ends = sj.normal_metal(onsite=2.5, hopping=1.0)
    junction = sj.Junction(ends, [sj.normal_metal(onsite=1.0, hopping=1.0)], ends)
    with pytest.raises(sj.NoOpenChannelError):
        sj.scatter(junction, 0.0, solver=solver)


def test_points_that_are_solved_at_once_fit_where_planes_are_wider_than_those_at_the_cut(monkeypatch):
    """Channels are as many as leads have orbitals, until they are known."""
    monkeypatch.setattr(problem, "CHUNK", 1100)
    solved, sizes = problem.solve, []
    monkeypatch.setattr(problem, "solve", lambda *args: sizes.append(len(args[1])) or solved(*args))
    angles, energies = np.linspace(0.0, 3.0, 8), np.linspace(0.05, 0.1, 7)
    crystal = taken_apart(Device(system=uneven_strip(), spin="spin-orbital"), {}, (), lambda s: s.tag[0] >= 2)
    asked = problem.Problem(crystal, Turn(angles, AXIS))
    at_cut, widest = 2 * WIDTHS[2] * ORBITALS[2], 2 * WIDTHS[0] * ORBITALS[-1]
    assert at_cut < asked.orbitals == widest
    asked.observe(energies, np.zeros((7, 0)))
    assert max(sizes) == 1100 // (8 * widest**2) < 1100 // (8 * at_cut**2)
    assert sum(sizes) == 7


@pytest.mark.parametrize("side", [0, 1])
def test_planes_of_one_level_behind_bonds_that_differ_are_disordered(side, monkeypatch):
    """A rough interface of two magnets that differ in their hoppings only."""
    monkeypatch.setattr(real_solve, "SMALLEST", 1)
    iron = UNEVEN[0]
    rough = replace(
        iron, hopping=0.6, thickness=3, disorder=[sj.Roughness(amplitude=0.7, side="right" if side else "left")]
    )
    oxide = sj.barrier(onsite=6.0, hopping=1.0, in_plane_hopping=0.7, thickness=2)
    right = replace(UNEVEN[1], m=sj.unit_vector(0.8))
    junction = sj.Junction(iron, [replace(iron, thickness=2), rough, oxide, right], right)
    if side:
        junction = sj.Junction(right, [right, oxide, rough, replace(iron, thickness=2)], iron)
    given = dict(cross_section=(3, 2), seed=4)
    sample = realize(junction, (3, 2), 4)
    assert np.ptp(sample.bonds[:-2], axis=1).any()
    found, plain = (sj.scatter(junction, 0.1, solver=solver, **given) for solver in ("halves", "kwant"))
    assert side or found.solver == ("halves (real)" if slabs.is_available() else "halves")
    assert_allclose(found.probabilities, plain.probabilities, atol=1e-9)


def test_a_site_of_one_orbital_is_no_electron_and_hole_whatever_the_others_are():
    two, one = (kwant.lattice.square(norbs=n, name=str(n)) for n in (2, 1))
    syst = kwant.Builder()
    for x in range(3):
        syst[two(x, 0)] = 0.3 * PAULI[2]
    syst[two.neighbors()] = -PAULI[2]
    assert are_electrons_and_holes(*with_edges(syst), {})
    syst[one(1, 1)] = 0.2
    syst[one(1, 1), two(1, 0)] = np.array([[0.3, 0.4]])
    assert not are_electrons_and_holes(*with_edges(syst), {})


def with_edges(builder):
    system = builder.finalized()
    return system, np.array(list(system.graph))


# ---------------------------------------------------------------------- audits, each part broken alone
VALVE = sj.Junction(
    UNEVEN[0], [sj.barrier(onsite=3.5, hopping=0.8, thickness=2)], replace(UNEVEN[1], m=(0.6, 0.0, 0.8))
)


@pytest.mark.parametrize(("at", "seen"), [(0, True), (3, True), (6, True), (1, False)])
def test_the_first_the_middle_and_the_last_point_of_a_batch_are_checked_one_element_at_a_time(at, seen, monkeypatch):
    monkeypatch.setattr(crosscheck, "has", lambda name: False)  # Kwant takes longer
    asked = Problem.of(VALVE, np.linspace(-0.2, 0.1, 7))
    solved = route.answer(asked)
    assert crosscheck.cross_check(asked, solved).points == 3
    for element in ((0, 1, 0, 0), (1, 0, 0, 1)):
        wrong = solved.probabilities.copy()
        wrong[(at, *element)] += 1e-6
        broken = replace(solved, probabilities=wrong)
        if seen:
            with pytest.raises(sj.DisagreementError, match="differ by 1e-06"):
                crosscheck.cross_check(asked, broken)
        else:
            assert crosscheck.cross_check(asked, broken).difference < ROUTES


@pytest.mark.parametrize("m_right", [None, sj.unit_vector(np.array([0.3, 1.0, 2.0]))])
def test_a_bond_current_that_alone_is_wrong_is_seen_by_the_check(m_right, monkeypatch):
    monkeypatch.setattr(crosscheck, "has", lambda name: False)
    asked = Problem.of(VALVE, 0.1, m_right=m_right)
    solved = route.answer(asked)
    fields = solved.solve_fields()
    assert crosscheck.cross_check(asked, solved).difference < ROUTES
    currents = fields.currents.copy()
    currents[(2, 1, 0, 1, 3) if m_right is not None else (1, 0, 1, 3)] += 1e-6
    broken = replace(solved, states=replace(fields, currents=currents))
    with pytest.raises(sj.DisagreementError, match="differ by 1e-06"):
        crosscheck.cross_check(asked, broken)


def test_what_fields_miss_is_the_largest_miss_of_any_state_bond_and_plane():
    rng = np.random.default_rng(3)
    bonds, planes = 4, 5
    still = np.zeros((2, 2, 2, bonds, 4))
    m, splitting = rng.normal(size=(planes, 3)), rng.normal(size=planes)
    densities = rng.normal(size=(2, 2, 2, planes, 4))
    acted = splitting[:, None] * np.cross(m, densities[..., 1:])
    kept = still + rng.normal(size=(2, 2, 2, 1, 4))  # fluxes that balance: out of each plane goes what is not taken up
    kept[..., 1:, 1:] -= np.cumsum(acted[..., 1:-1, :], axis=-2)
    whole = dict(currents=kept, torques=acted, densities=densities, modes=np.ones((2, 2, 2)))
    fields = Fields(**whole).audited(splitting, m)
    assert_allclose([fields.continuity_defect, fields.torque_defect], 0.0, atol=1e-14)
    refuse_discontinuity(fields, 1e-9)
    for name, place, defect, words in (
        ("currents", (1, 0, 1, 2, 0), "continuity_defect", "miss continuity by 0.001"),  # charge
        ("currents", (1, 1, 0, 3, 2), "continuity_defect", "miss continuity by 0.001"),  # spin
        ("torques", (0, 1, 1, 0, 1), "torque_defect", "miss the torque balance by 0.001"),  # of the end, in no balance
    ):
        array = whole[name].copy()
        array[place] += 1e-3
        broken = Fields(**{**whole, name: array}).audited(splitting, m)
        expected = np.zeros(2)
        expected[place[0]] = 1e-3
        assert_allclose(getattr(broken, defect), expected, atol=1e-14)
        other = {"continuity_defect": "torque_defect", "torque_defect": "continuity_defect"}[defect]
        assert_allclose(getattr(broken, other), 0.0, atol=1e-14)
        with pytest.raises(sj.ContinuityError, match=words):
            refuse_discontinuity(broken, 1e-9)


# ---------------------------------------------------------------------- parameters
GIVEN = dict(tilt=0.8, hop=0.9, level=0.15)


def filtered(tilt, hop, level):
    """A chain between a lead along a tilted axis, known by its law alone, and a magnet; constants or functions."""

    def law(site, tilt):
        return -sigma(sj.unit_vector(tilt, 0.3))

    def magnet(tilt, level):
        return level * np.eye(2) - 0.4 * sigma(sj.unit_vector(1.9 - tilt, -0.5))

    def onsite(site, tilt, level):
        return level * site.tag[0] * np.eye(2) - 0.3 * sigma(sj.unit_vector(tilt, site.tag[0]))

    def bond(to, from_, hop):
        return -hop * np.eye(2)

    if tilt is None:
        values = law, (lambda site, tilt, level: magnet(tilt, level)), onsite, bond
    else:
        values = (
            law(None, tilt),
            magnet(tilt, level),
            (lambda site: onsite(site, tilt, level)),
            (lambda *sites: bond(*sites, hop)),
        )
    chain, syst = kwant.lattice.chain(norbs=2), kwant.Builder()
    syst[(chain(x) for x in range(4))] = values[2]
    syst[chain.neighbors()] = values[3]
    normal = kwant.Builder(kwant.TranslationalSymmetry((-1,)), conservation_law=values[0])
    normal[chain(0)] = 0 * np.eye(2)
    magnetic = kwant.Builder(kwant.TranslationalSymmetry((1,)))
    magnetic[chain(0)] = values[1]
    for lead in (normal, magnetic):
        lead[chain.neighbors()] = values[3]
        syst.attach_lead(lead)
    return syst.finalized()


def inner(site):
    return site.tag[0] in (1, 2)


ASKED = {
    "scattering": lambda syst, given: sj.scatter(syst, 0.3, **given, check=True),
    "torque": lambda syst, given: (
        sj.scatter(syst, 0.3, **given, magnets={"m": inner}, exchange="time-reversal").torque("m")
    ),
    "flux": lambda syst, given: sj.scatter(syst, 0.3, **given).spin_current(
        sj.between(lambda s: s.tag[0] < 2, lambda s: s.tag[0] >= 2)
    ),
    "noise": lambda syst, given: sj.shot_noise(sj.scatter(syst, 0.3, **given)),
    "currents": lambda syst, given: sj.current_voltage(syst, [0.33, 0.3], rtol=1e-2, **given),
    "crystal": lambda syst, given: sj.scatter(syst, [0.3], **given, check=True).torque(inner),
    "bias": lambda syst, given: sj.bias_response(
        syst, 0.05, energy=0.3, behind=lambda s: s.tag[0] > 1, profile=lambda s: 0.5 - s.tag[0] / 3, rtol=1e-4, **given
    ),
}


@pytest.mark.parametrize("verb", ASKED)
def test_parameters_reach_all_values_laws_and_axes(verb):
    plain = list(told(ASKED[verb](filtered(**GIVEN), {})))
    found = list(told(ASKED[verb](filtered(None, None, None), dict(params=GIVEN))))
    left = ("params", "Kwant system", "smatrix")
    assert (
        differences(*([line for line in lines if not any(name in line for name in left)] for lines in (found, plain)))
        == []
    )
    assert len("".join(plain)) > 20


def test_numbers_of_a_table_end_below_each_other_the_first_as_well():
    response = sj.bias_response(VALVE, [0.3, -0.05, 0.1])
    rows = [line for line in str(response).splitlines() if re.match(r"\s+-?0?\.\d", line)]
    assert len(rows) == 3
    for column in range(3):
        assert len({[found.end() for found in re.finditer(r"\S+", row)][column] for row in rows}) == 1


def test_the_worst_of_all_contours_counts_in_the_error_of_an_exchange(monkeypatch):
    """At one momentum there is one contour of each lead's occupation, in a mean one of every look at the zone."""
    errors = iter([3e-3, 1e-3, 2e-3, 1e-3, 1e-3])
    contour = crystal_bias.contour

    def told_wrong(*args, **options):
        found = contour(*args, **options)
        return replace(found, error=np.full_like(found.error, next(errors, 1e-3)), size=found.size + 1.0)

    syst = layers([1.0, 1.0, 3.5, 1.3, 1.3], [1.0, 1.0, 0.0, 0.7, 0.7], 0.3)
    given = dict(turns=1.0, behind=lambda s: s.tag[0] >= 2, profile=lambda s: 0.5 - (s.tag[0] > 2), rtol=0.1)
    monkeypatch.setattr(crystal_bias, "contour", told_wrong)
    found = sj.bias_response(syst, 0.1, k="average", equilibrium=True, **given)
    assert 8e-3 <= found.equilibrium.error < 9e-3  # the mean over both leads of 4 times each


# ---------------------------------------------------------------------- means over the zone
def test_lines_are_cut_into_pieces_that_cover_them_once_with_every_peak_at_an_end():
    rng = np.random.default_rng(6)
    line = np.array([0, 1, 0, 0, 1, 0, 1, 0, 1, 1])
    at = rng.uniform(0.0, 3.0, len(line))
    width = np.where(rng.uniform(size=len(line)) < 0.7, rng.uniform(1e-3, 1e-2, len(line)), 0.0)
    (owner, lower, upper), peak = zone._pieces(line, at, width)
    assert (upper > lower).all()
    halved = []
    for number in (0, 1):
        points = np.sort(at[line == number])
        order = np.argsort(lower[owner == number])
        own = [array[owner == number][order] for array in (lower, upper, peak)]
        assert own[0][0] == points[0]
        assert own[1][-1] == points[-1]
        assert_allclose(own[1][:-1], own[0][1:], rtol=0)
        for x, w in zip(at[line == number], width[line == number], strict=True):
            after, before = own[2][own[0] == x], own[2][own[1] == x]
            assert after.size + before.size in (1, 2)
            assert not w or ((after == w).all() and (before == -w).all())
        inner = np.setdiff1d(own[0], points)
        sorted_width = width[line == number][np.argsort(at[line == number])]
        both = (sorted_width[1:] > 0) & (sorted_width[:-1] > 0)
        assert_allclose(inner, ((points[1:] + points[:-1]) / 2)[both])
        halved.append(len(inner))
    assert sum(halved) > 0


def in_plane_phases(*phases):
    """A film of two magnets whose hopping along each momentum has a phase: even in those where it has none."""
    lattice_ = kwant.lattice.general(np.eye(3), norbs=2)
    axes = (0, 1, 0), (0, 0, 1)

    def fill(builder, columns):
        for x in columns:
            builder[lattice_(x, 0, 0)] = (3.1 + 0.3 * x) * np.eye(2) - 0.4 * sigma(sj.unit_vector(0.8 * x, 0.2))
            for axis, phase in zip(axes, phases, strict=True):
                builder[lattice_(x, *axis[1:]), lattice_(x, 0, 0)] = -0.6 * np.exp(1j * phase * (x > 0)) * np.eye(2)
        for x in columns[:-1]:
            builder[lattice_(x + 1, 0, 0), lattice_(x, 0, 0)] = -np.eye(2)

    syst = kwant.Builder(kwant.TranslationalSymmetry(*axes))
    fill(syst, range(3))
    syst = kwant.wraparound.wraparound(syst, coordinate_names="yz")
    for direction, x in ((-1, 0), (1, 2)):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction, 0, 0), *axes))
        fill(lead, [x])
        lead[lattice_(x + 1, 0, 0), lattice_(x, 0, 0)] = -np.eye(2)
        syst.attach_lead(kwant.wraparound.wraparound(lead, keep=0, coordinate_names="xyz"))
    return Device(system=syst.finalized())


@pytest.mark.parametrize("phases", [(0.0, 0.0), (0.4, 0.0), (0.0, 0.4)])
def test_half_of_the_zone_will_do_in_those_momenta_only_in_which_all_is_even(phases):
    asked = problem.Problem(taken_apart(in_plane_phases(*phases), {}, ("k_y", "k_z"), None), None)
    work = zone._Integrand(asked, 0.2, [problem.BASIC], 1e-4, 1000)
    assert work.even() == tuple(phase == 0 for phase in phases)


def test_a_small_pocket_is_not_taken_for_even_because_nothing_is_open_elsewhere():
    """Regression: where no channel was open at the momenta looked at, half of the zone was taken for all of it."""
    levels, splittings = [1.0, 1.0, 3.5, 1.3, 1.3], [0.2, 0.2, 0.0, 0.2, 0.2]
    energy = 1.3 - 0.1 - 2.0 - 1.6 + 0.12  # just above the bottom of the band
    means = [
        sj.scatter(layers(levels, splittings, 0.8, shift=shift), energy, k="average", rtol=1e-6) for shift in (0.0, 0.5)
    ]
    assert_allclose(means[1].probabilities, means[0].probabilities, atol=sum(mean.k_error.max() for mean in means))
    assert 0.1 < means[0].modes.max() < 0.3


def test_an_average_counts_its_momenta_and_tells_the_worst_of_their_residuals(monkeypatch):
    syst, seen = layers([1.0, 1.0, 3.5, 1.3, 1.3], [1.0, 1.0, 0.0, 0.7, 0.7], 0.3), []
    observe = problem.Problem.observe

    def counted(self, *args):
        found = observe(self, *args)
        seen.append(np.where(found.bad, 0.0, found.residual))
        return found

    monkeypatch.setattr(problem.Problem, "observe", counted)
    found = sj.scatter(syst, 0.1, k="average", rtol=1e-3)
    together = np.concatenate(seen)
    assert found.points == len(together)
    assert found.residual == together.max() > np.median(together)


@pytest.mark.parametrize(
    ("phase", "other", "shared"), [(0.0, 0.0, (0, False)), (0.7, 0.0, (0, True)), (0.7, 0.1, None)]
)
def test_leads_that_are_alike_or_mirror_images_are_solved_once(phase, other, shared):
    """Cells of the same hoppings, complex ones from left to right in both leads; one level off they are two."""
    chain, syst = kwant.lattice.chain(norbs=2), kwant.Builder()
    hop = -np.exp(1j * phase) * np.eye(2)
    syst[(chain(x) for x in range(3))] = 0.2 * np.eye(2)
    syst[chain.neighbors()] = hop
    for direction, level in ((-1, 0.2), (1, 0.2 + other)):
        lead = kwant.Builder(kwant.TranslationalSymmetry((direction,)))
        lead[chain(0)] = level * np.eye(2)
        lead[chain.neighbors()] = hop
        syst.attach_lead(lead)
    crystal = taken_apart(Device(system=syst.finalized()), {}, (), lambda site: site.tag[0] > 0)
    assert crystal.shares == (None, shared)
    assert len(crystal.lead_blocks[0]) == (1 if shared else 2)
    plain = sj.scatter(syst.finalized(), 0.5)
    found = sj.scatter(syst.finalized(), [0.5], turns=[0.0], behind=lambda site: site.tag[0] > 0, spin_orbit=False)
    assert_allclose(found.probabilities[0, 0], plain.probabilities, atol=ROUTES)
