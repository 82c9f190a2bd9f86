"""Many directions of the right magnet from one solve are each one's own solve: probabilities, currents, torques."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import examples
from supercells import COLLINEAR, COPPER, ENERGY, LEFT, RIGHT

import kwant_spinjunc as sj
from kwant_spinjunc.halves import supercell
from kwant_spinjunc.halves.supercell import door, turned
from kwant_spinjunc.magnets.parameters.response import angular_response_from
from kwant_spinjunc.model.memory import memory
from kwant_spinjunc.model.plane import CrossSection
from kwant_spinjunc.model.problem import told_apart
from kwant_spinjunc.model.sample import realize
from kwant_spinjunc.transport.linear import linear_response
from kwant_spinjunc.transport.local import chemical_potentials
from kwant_spinjunc.transport.vector_response import vector_response

#: Two orders of the same products; 1e-14 typical, of the largest of its kind in the same half.
AGREEMENT = 1e-10
#: Dense Green functions of the whole sample, with self-energies of leads by Kwant.
DENSE = 1e-9
ANDERSON = (sj.Anderson(width=1.0),)
THETA = np.array([0.0, 0.4, 1.7, np.pi])
DIRECTIONS = sj.unit_vector(THETA, 0.3)
FIELDS = ("currents", "torques", "densities")
pytestmark = pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")  # low barriers, on purpose


def valve(height=1.0, thickness=3, left=LEFT, right=RIGHT):
    """Two disordered magnets and a disordered spacer between leads of any kind."""
    spacer = sj.barrier(onsite=height, hopping=1.2, thickness=thickness, in_plane_hopping=0.2, disorder=ANDERSON)
    first, last = (replace(magnet, thickness=2, disorder=ANDERSON) for magnet in (LEFT, RIGHT))
    return sj.Junction(left, [left, first, spacer, last, right], right)


@st.composite
def problems(draw):
    """A disordered junction of two collinear halves, and the cross-section and sample to scatter from."""
    first, second, third = (draw(st.lists(st.sampled_from(COLLINEAR), max_size=2, unique=True)) for _ in range(3))
    thickness = st.integers(1, 3)
    magnet = replace(LEFT, onsite=0.3, thickness=draw(thickness), disorder=first)
    last = replace(RIGHT, onsite=0.2, thickness=draw(thickness), disorder=third)
    height = draw(st.sampled_from([-0.4, 2.5, 6.0]))
    spacer = sj.barrier(onsite=height, hopping=1.2, thickness=draw(thickness), in_plane_hopping=0.2, disorder=second)
    left = draw(st.sampled_from([LEFT, COPPER, replace(COPPER, m=sj.unit_vector(2.0, 1.0))]))
    right = draw(st.sampled_from([RIGHT, COPPER]))
    boundary = draw(st.sampled_from(["periodic", "hard wall", ("periodic", "hard wall")]))
    k = (0.3, -0.7) if boundary == "periodic" and draw(st.booleans()) else None
    shape = draw(st.sampled_from([(1, 1), (2, 1), (2, 2), (3, 2)]))
    where = {"energy": ENERGY, "k": k, "cross_section": shape, "boundary": boundary, "seed": draw(st.integers(0, 99))}
    return sj.Junction(left, [left, magnet, spacer, last, right], right), where


def close(found, expected, junction, tolerance=AGREEMENT):
    """Compare fields [lead_in, spin_in, place, ...] with the largest of a kind on each side of the cut."""
    cut = junction.cut
    for name in FIELDS:
        a, b = getattr(found, name), getattr(expected, name)
        edges = [slice(None, cut), slice(cut, cut + 1), slice(cut + 1, None)]
        for places in edges if name == "currents" else [slice(None, cut + 1), slice(cut + 1, None)]:
            scale = abs(b[:, :, places]).max(axis=(2, 3), initial=1e-60)
            assert (abs(a - b)[:, :, places].max(axis=(2, 3), initial=0.0) <= tolerance * scale).all(), name


@given(problem=problems())
@examples(12, full=40)
def test_every_direction_is_what_it_is_alone(problem):
    junction, where = problem
    assume(supercell.find_cut(junction, realize(junction, *sections(where))) is not None)
    together = sj.scatter(junction, m_right=DIRECTIONS, solver="halves", **where)
    assert together.probabilities.shape == (4, 2, 2, 2, 2)
    assert together.layer_torques.shape == (4, 2, len(junction.planes), 3)
    for i, m in enumerate(DIRECTIONS):
        one = junction.turned(m_right=m)
        sample = realize(one, *sections(where))
        P = supercell.probabilities(one, ENERGY, sections(where)[0], sample, by="complex")
        np.testing.assert_allclose(together.probabilities[i], P, rtol=1e-8, atol=1e-13)
        if 1e-6 < THETA[i] < 3.1:  # else torques are rounding
            expected = supercell.states(one, ENERGY, sections(where)[0], sample)
            close(at(together.fields, i), expected, junction)
        np.testing.assert_allclose(together.magnetizations[i], one.magnetizations, atol=1e-15)
        np.testing.assert_allclose(together.problem.labels[i], [lead.m for lead in one.leads], atol=1e-15)
    assert max(together.continuity_defect.max(), together.torque_defect.max()) < AGREEMENT


def sections(where):
    """Return cross-section and seed."""
    return CrossSection(where["cross_section"], where["boundary"], where["k"]), where["seed"]


def at(fields, i):
    """Return the fields of one direction."""
    return turned.Fields(modes=fields.modes[i], **{name: getattr(fields, name)[i] for name in FIELDS})


@pytest.mark.parametrize("k", [None, (0.3, -0.7)])
def test_densities_and_torques_are_those_of_dense_greens_functions(k):
    """G Γ G† of the whole sample, no half, no form, no wave."""
    junction, where = valve(2.0, 2), {"cross_section": (2, 2), "seed": 4}
    found = sj.scatter(junction, ENERGY, k, m_right=DIRECTIONS[:3], **where)
    for i, m in enumerate(DIRECTIONS[:3]):
        one = junction.turned(m_right=m)
        system = sj.build(one, k, **where).finalized()
        H = system.hamiltonian_submatrix()
        A, widths = ENERGY * np.eye(len(H)) - H, []
        starts = np.cumsum([0, *[system.hamiltonian(n, n).shape[0] for n in range(len(system.sites))]])
        for lead, interface in zip(system.leads, system.lead_interfaces, strict=True):
            orbitals = np.concatenate([np.arange(starts[n], starts[n + 1]) for n in interface])
            sigma, width = lead.selfenergy(ENERGY), np.zeros_like(A)
            A[np.ix_(orbitals, orbitals)] -= sigma
            width[np.ix_(orbitals, orbitals)] = 1j * (sigma - sigma.conj().T)
            widths.append(width)
        G = np.linalg.inv(A)
        planes = np.array([site.tag[1] for site in system.sites])
        for lead in (0, 1):
            rho = G @ widths[lead] @ G.conj().T
            density = np.zeros((len(one.planes), 4))
            torque = np.zeros((len(one.planes), 3))
            for site, plane in enumerate(planes):
                if 0 <= plane < len(one.planes):
                    block = rho[starts[site] : starts[site + 1], starts[site] : starts[site + 1]]
                    onsite = H[starts[site] : starts[site + 1], starts[site] : starts[site + 1]]
                    spin, field = ([np.trace(x @ s).real for s in sj.spin.PAULI] for x in (block, onsite / 2))
                    density[plane] += [np.trace(block).real, *spin]
                    torque[plane] -= 2 * np.cross(field, spin)
            np.testing.assert_allclose(found.spin_densities[i, lead], density, rtol=DENSE, atol=DENSE)
            np.testing.assert_allclose(found.layer_torques[i, lead], torque, rtol=DENSE, atol=DENSE)


@pytest.mark.parametrize("thickness", [3, 10, 22])
def test_torques_keep_their_digits_behind_thick_barriers(thickness):
    junction, section = valve(8.0, thickness), CrossSection((3, 2))
    found = supercell.states(junction, ENERGY, section, realize(junction, section, 5), m_right=DIRECTIONS[1:3])
    assert abs(found.currents[0, 0]).max() < {3: 1e-2, 10: 1e-12, 22: 1e-26}[thickness]
    for i, m in enumerate(DIRECTIONS[1:3]):
        one = junction.turned(m_right=m)
        close(at(found, i), supercell.states(one, ENERGY, section, realize(one, section, 5)), junction)


def test_the_response_of_many_directions_is_that_of_each():
    junction, where = valve(), {"cross_section": (2, 2), "seed": 4}
    directions = DIRECTIONS.reshape(2, 2, 3)
    together = linear_response(sj.scatter(junction, ENERGY, m_right=directions, **where), (0.6, 0.4), -0.5)
    for index in np.ndindex(2, 2):
        s = sj.scatter(junction.turned(m_right=directions[index]), ENERGY, **where)
        one = linear_response(s, (0.6, 0.4), -0.5)
        for name in ("charge", "magnetization", "spin_current", "layer_torques", "vector_difference"):
            a, b = getattr(together, name)[index], getattr(one, name)
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)
        for name in ("vectors", "damping_like", "field_like"):
            a, b = getattr(together.torques, name)[index], getattr(one.torques, name)
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11)


def test_a_clean_junction_takes_directions_beside_energies():
    junction = sj.Junction(replace(LEFT, m=(0, 0, 1)), [sj.barrier(onsite=3.0, hopping=1.0, thickness=2)], RIGHT)
    energies = np.array([0.2, 0.834, 1.1])
    together = sj.scatter(junction, energies, m_right=DIRECTIONS[:, None], k=(0.3, 0.1), check=True)
    assert together.probabilities.shape == (4, 3, 2, 2, 2, 2)
    assert together.modes.shape == (4, 3, 2, 2)
    response = linear_response(together, 0.5, -0.5)
    for i, m in enumerate(DIRECTIONS):
        one = sj.scatter(junction.turned(m_right=m), energies, k=(0.3, 0.1), solver="halves")
        np.testing.assert_allclose(together.probabilities[i], one.probabilities, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(together.layer_torques[i], one.layer_torques, atol=1e-13)
        alone = linear_response(one, 0.5, -0.5).torques.vectors
        np.testing.assert_allclose(response.torques.vectors[i], alone, atol=1e-13)
    assert together.torque_defect.max() < AGREEMENT


def test_one_direction_turns_the_junction_for_any_solver():
    junction, m = valve(), DIRECTIONS[1]
    for solver in ("halves", "kwant"):
        found = sj.scatter(junction, ENERGY, m_right=m, solver=solver, cross_section=(2, 1))
        expected = sj.scatter(junction.turned(m_right=m), ENERGY, solver=solver, cross_section=(2, 1))
        np.testing.assert_array_equal(found.probabilities, expected.probabilities)
        assert found.junction.angle == pytest.approx(THETA[1])


def test_a_check_of_many_directions_takes_kwant():
    s = sj.scatter(valve(2.0), ENERGY, m_right=DIRECTIONS, cross_section=(2, 1), check=True)
    assert s.check.route == "kwant"
    assert s.check.points == 3
    assert "4 directions of the right magnet" in str(s)


@pytest.mark.parametrize("row", [0, 2])
def test_a_wrong_form_is_refused(row, monkeypatch):
    """The negative control of the audit: it compares with fluxes of waves that no form enters."""
    values = turned._Forms.values

    def wrong(self, states):
        found = values(self, states)
        return found * (1 + 1e-5 * ((self.p, self.q) == turned.PAIRS[row]))

    monkeypatch.setattr(turned._Forms, "values", wrong)
    s = sj.scatter(valve(), ENERGY, m_right=DIRECTIONS, cross_section=(2, 2))
    with pytest.raises(sj.ContinuityError):
        _ = s.layer_torques


@pytest.mark.parametrize("component", [0, 1, 3])
def test_a_miss_of_the_audit_is_told_per_mode(component, monkeypatch):
    """Fluxes of all modes that come in are compared: so many times as much must be missing of more of them."""
    miss = 1e-8
    flux = turned.flux

    def wrong(a, b, sites):
        return flux(a, b, sites) + miss / 2 * a.shape[1] * (np.arange(4) == component)

    monkeypatch.setattr(turned, "flux", wrong)
    for cross_section in ((1, 1), (2, 2), (3, 2)):
        s = sj.scatter(valve(), ENERGY, m_right=DIRECTIONS[1:3], cross_section=cross_section, max_defect=1.0)
        found, other = s.continuity_defect, s.torque_defect
        if component:
            found, other = other, found
        np.testing.assert_allclose(found, miss, rtol=0.5)
        assert other.max() < miss / 100


def test_the_halves_are_solved_once_for_all_directions_also_by_an_ensemble(monkeypatch):
    counted = []
    solve = turned.solve_halves
    monkeypatch.setattr(turned, "solve_halves", lambda *args, **kw: counted.append(1) or solve(*args, **kw))
    settings = {"cross_section": (2, 2), "realizations": 2, "progress": False, "profiles": True, "boundary": "twisted"}
    together = sj.ensemble(valve(), ENERGY, m_right=DIRECTIONS, **settings)
    assert len(counted) == 2
    for i, m in enumerate(DIRECTIONS[:3]):
        one = sj.ensemble(valve().turned(m_right=m), ENERGY, **settings)
        for name in ("damping_like", "field_like", "spin_current", "layer_torques"):
            np.testing.assert_allclose(together[name].mean[i], one[name].mean, atol=1e-11)


def test_an_ensemble_whose_samples_have_no_two_halves_solves_each_direction():
    dirty = sj.normal_metal(onsite=0.0, hopping=1.0, disorder=[sj.MagneticImpurities(concentration=0.5, exchange=1.0)])
    junction = sj.Junction(LEFT, [dirty, dirty], RIGHT)
    settings = {"cross_section": (2, 1), "realizations": 2, "progress": False}
    together = sj.ensemble(junction, ENERGY, m_right=DIRECTIONS[:2], **settings)
    one = sj.ensemble(junction.turned(m_right=DIRECTIONS[1]), ENERGY, **settings)
    np.testing.assert_allclose(together["damping_like"].mean[1], one["damping_like"].mean, atol=1e-12)


def test_collinear_magnets_are_cut_between_them():
    """Behind a thick lead the middle of all bonds is before both magnets: turned, both would turn."""
    magnet = replace(LEFT, thickness=2, disorder=ANDERSON)
    spacer = sj.normal_metal(onsite=0.5, hopping=1.0, in_plane_hopping=0.2, disorder=ANDERSON)
    junction = sj.Junction(COPPER, [replace(COPPER, thickness=6), magnet, spacer, magnet], COPPER)
    assert junction.cut in (8, 9)
    assert junction.turned(m_right=DIRECTIONS[1]).angle == pytest.approx(THETA[1])
    sample = realize(junction, (2, 2))
    assert supercell.find_cut(junction, sample) in (8, 9)
    built = told_apart(junction)
    assert built.angle == pytest.approx(np.pi / 2)
    found = sj.scatter(junction, ENERGY, m_right=DIRECTIONS, cross_section=(2, 2))
    expected = sj.scatter(built.turned(m_right=DIRECTIONS[1]), ENERGY, cross_section=(2, 2))
    np.testing.assert_allclose(found.probabilities[1], expected.probabilities, rtol=1e-9, atol=1e-12)


def test_an_angular_response_is_made_of_one_solve():
    junction, theta = valve(3.0, left=replace(LEFT, m=(0, 0, 1))), np.linspace(0.0, np.pi, 7)
    directions = junction.directions_at(theta)
    s = sj.scatter(junction, ENERGY, m_right=directions[::-1], cross_section=(2, 2))
    found = angular_response_from(s)
    rows = [sj.scatter(junction.turned(m_right=m), ENERGY, cross_section=(2, 2)) for m in directions]
    expected = angular_response_from(rows)
    for name in ("angles", "current", "damping_like", "field_like"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"m_right": np.zeros((0, 3))}, "`m_right` must not be empty"),
        ({"m_right": DIRECTIONS, "k": "average"}, "`m_right` must be left out of an average"),
        ({"m_right": DIRECTIONS, "solver": "kwant"}, "`m_right` must be one direction with Kwant"),
        ({"m_right": DIRECTIONS, "energy": np.zeros(3)}, "`m_right` must broadcast"),
        ({"m_right": 2 * DIRECTIONS}, "`m_right` must be"),
    ],
)
def test_directions_that_mean_nothing_are_refused(settings, message):
    junction = sj.Junction(LEFT, [sj.barrier(onsite=3.0, hopping=1.0, thickness=2)], RIGHT)
    with pytest.raises(sj.ArgumentError, match=message):
        sj.scatter(junction, **{"energy": ENERGY, **settings})


def test_what_knows_one_direction_only_refuses_many():
    s = sj.scatter(valve(), ENERGY, m_right=DIRECTIONS, cross_section=(2, 1))
    with pytest.raises(sj.ArgumentError, match="`axis` must be given"):
        chemical_potentials(s)
    assert chemical_potentials(s, axis=(0, 0, 1)).shape == (4, len(s.junction.planes), 2)
    clean = sj.scatter(sj.Junction(LEFT, [COPPER], RIGHT), ENERGY, m_right=DIRECTIONS)
    for evaluate in (vector_response, sj.shot_noise, lambda s: sj.gilbert_damping(s, 0)):
        with pytest.raises(sj.ArgumentError, match="one direction of the right magnet"):
            evaluate(clean)


def test_a_half_without_a_magnet_cannot_be_turned():
    junction = sj.Junction(LEFT, [replace(COPPER, thickness=2, disorder=ANDERSON)], COPPER)
    with pytest.raises(sj.ArgumentError, match="magnet on each side"):
        sj.scatter(junction, ENERGY, m_right=DIRECTIONS, cross_section=(2, 1))
    sample, section = realize(junction, (2, 1)), CrossSection((2, 1))
    for solve in (supercell.probabilities, supercell.states):
        with pytest.raises(sj.ArgumentError, match="`m_right` must be None for a half without a magnet"):
            solve(junction, ENERGY, section, sample, m_right=DIRECTIONS)
    assert door.REAL == "real"


def test_the_memory_of_many_directions_is_what_is_said():
    junction, section = valve(thickness=8), CrossSection((6, 6))
    sample, directions = realize(junction, section), sj.unit_vector(np.linspace(0.1, 3.0, 7))
    tracemalloc.start()
    supercell.states(junction, ENERGY, section, sample, m_right=directions)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    said = memory((6, 6), len(junction.planes), "halves", turned=True)
    assert 0.4 * said < peak / 1e9 < 1.3 * said
    assert said > memory((6, 6), len(junction.planes), "halves")
