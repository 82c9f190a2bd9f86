"""The dense engine of disordered supercells equals Kwant and the clean engine, resolves 1e-30, costs what it says."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation
from strategies import examples
from supercells import COLLINEAR, COPPER, ENERGY, LEFT, RIGHT, TURNING

import kwant_spinjunc as sj
from kwant_spinjunc import halves
from kwant_spinjunc.halves import supercell
from kwant_spinjunc.halves.supercell import dense, sampled
from kwant_spinjunc.halves.supercell.general import General
from kwant_spinjunc.model import memory
from kwant_spinjunc.model.plane import CrossSection
from kwant_spinjunc.model.sample import realize

#: Kwant's linear algebra on samples of a few sites: 1e-13 typical, more at resonances.
AGREEMENT, RELATIVE = 1e-9, 1e-9
#: Kwant's probabilities carry absolute rounding, so relative agreement is asked for above this.
RESOLVED = 1e-12
#: Two routes of the engine; products of matrices with condition numbers up to some thousands.
ROUNDING = 1e-11
#: Unitarity of the engine.
UNITARITY = 1e-11

ANDERSON = (sj.Anderson(width=1.0),)


def valve(height=1.0, thickness=3, disorder=ANDERSON, left=LEFT, right=RIGHT):
    """Two disordered magnets and a spacer between metal or magnetic leads."""
    spacer = sj.barrier(onsite=height, hopping=1.2, thickness=thickness, in_plane_hopping=0.2, disorder=disorder)
    first, last = (replace(magnet, thickness=2, disorder=(sj.Anderson(width=0.5),)) for magnet in (LEFT, RIGHT))
    return sj.Junction(left, [left, first, spacer, last, right], right)


@st.composite
def problems(draw, kinds=(*COLLINEAR, *TURNING)):
    """A disordered junction, and the cross-section and sample to scatter from."""
    first, second = (draw(st.lists(st.sampled_from(kinds), max_size=2, unique=True)) for _ in range(2))
    magnet = replace(RIGHT, onsite=0.3, m=sj.unit_vector(0.4, 2.0), thickness=2, disorder=first)
    barrier = sj.barrier(onsite=draw(st.sampled_from([-0.4, 2.5, 5.0])), hopping=1.2, thickness=3, disorder=second)
    left = draw(st.sampled_from([LEFT, COPPER, replace(COPPER, m=sj.unit_vector(2.0, 1.0))]))
    right = draw(st.sampled_from([RIGHT, COPPER]))
    layers = draw(st.sampled_from([[left, magnet, barrier, RIGHT, right], [left, barrier, RIGHT, right]]))
    boundary = draw(st.sampled_from(["periodic", "hard wall", ("periodic", "hard wall")]))
    k = (0.3, -0.7) if boundary == "periodic" and draw(st.booleans()) else None
    shape = draw(st.sampled_from([(2, 1), (2, 2), (3, 2)]))
    where = dict(energy=ENERGY, k=k, cross_section=shape, boundary=boundary, realization=draw(st.integers(0, 9)))
    return sj.Junction(left, layers, right), where


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")  # low barriers, on purpose
@examples(15, full=25)
@given(problem=problems())
def test_probabilities_and_fields_are_those_of_kwant(problem):
    junction, where = problem
    fast, reference = (sj.scatter(junction, solver=solver, **where) for solver in ("halves", "kwant"))
    difference = abs(fast.probabilities - reference.probabilities)
    assert difference.max() < AGREEMENT
    for a, b in ((0, 1), (1, 0)):
        T = reference.probabilities[a, :, b]
        assert (difference[a, :, b][T > RESOLVED] < RELATIVE * T[T > RESOLVED]).all()
    assert (fast.modes == reference.modes).all()
    scale = max(1.0, abs(reference.fields.densities).max())
    assert abs(fast.fields.currents - reference.fields.currents).max() < AGREEMENT
    assert abs(fast.fields.torques - reference.fields.torques).max() < AGREEMENT
    assert abs(fast.fields.densities - reference.fields.densities).max() < AGREEMENT * scale
    assert max(fast.continuity_defect, fast.torque_defect) < AGREEMENT


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")  # low barriers, on purpose
@given(problem=problems())
@examples(8, full=15)
def test_every_electron_goes_somewhere(problem):
    junction, where = problem
    s = sj.scatter(junction, solver="halves", **where)
    assert abs(s.probabilities.sum(axis=(0, 1)) - s.modes).max() < UNITARITY
    assert abs(s.probabilities.sum(axis=(2, 3)) - s.modes).max() < UNITARITY


@pytest.fixture
def matrices_only(monkeypatch):
    """Leave the transverse modes behind the first plane, so that clean planes take the recursion of matrices."""

    def nothing(problem):
        ends = np.zeros(problem.planes, dtype=bool)
        ends[[0, -1]] = True
        return ends

    monkeypatch.setattr(sampled.Sampled, "uniform", property(nothing))


def clean(thickness):
    spacer = sj.barrier(onsite=6.0, hopping=1.0, thickness=thickness, in_plane_hopping=0.2)
    return sj.Junction(LEFT, [replace(COPPER, thickness=2), spacer, RIGHT], RIGHT)


@pytest.mark.parametrize("thickness", [3, 12, 18])
@pytest.mark.parametrize("matrices", [False, True])
def test_a_clean_supercell_is_a_sum_over_k_down_to_1e_30(thickness, matrices, request):
    if matrices:
        request.getfixturevalue("matrices_only")
    junction = clean(thickness)
    for section in (CrossSection((3, 2), "periodic", (0.4, 0.2)), CrossSection((2, 3), "hard wall")):
        c, _ = section.transverse_modes
        expected = halves.probabilities(junction, ENERGY, c).sum(axis=0)
        found = supercell.probabilities(junction, ENERGY, section, realize(junction, section))
        flips = found[[0, 1], [0, 0], [0, 1], [1, 1]]
        assert found[1, :, 0].max() < {3: 1e-2, 12: 1e-14, 18: 1e-22}[thickness]
        assert flips.max() < {3: 1e-2, 12: 1e-28, 18: 1e-44}[thickness]
        np.testing.assert_allclose(found, expected, rtol=RELATIVE)


@pytest.mark.parametrize("matrices", [False, True])
def test_fields_of_a_clean_supercell_are_sums_over_k_on_both_sides_of_the_barrier(matrices, request):
    if matrices:
        request.getfixturevalue("matrices_only")
    junction, section = clean(12), CrossSection((3, 2), "periodic", (0.4, 0.2))
    c, _ = section.transverse_modes
    expected = halves.states(junction, ENERGY, c)
    found = supercell.states(junction, ENERGY, section, realize(junction, section))
    for name in ("currents", "torques"):
        sums = getattr(expected, name).sum(axis=0)
        assert abs(sums).max() < 1e-10  # nothing but the transmitted
        assert abs(getattr(found, name) - sums).max() < RELATIVE * abs(sums).max()
    np.testing.assert_allclose(found.densities, expected.densities.sum(axis=0), rtol=RELATIVE, atol=1e-12)


@pytest.mark.parametrize("height", [-0.5, 4.0, 9.0])
@pytest.mark.parametrize("leads", [(LEFT, RIGHT), (COPPER, COPPER), (LEFT, replace(COPPER, m=(1, 0, 0)))])
def test_many_directions_are_each_one(height, leads):
    """A metal takes eigenvectors, a barrier a series, labels that do not turn a solve for each angle."""
    junction = valve(height, left=leads[0], right=leads[1])
    m_left, m_right = sj.unit_vector(0.3, 0.1), sj.unit_vector(np.linspace(0, np.pi, 6).reshape(2, 3), 0.4)
    for k in (None, (0.3, 0.1)):
        section = CrossSection((3, 2), "periodic", k)
        sample = realize(junction, section, 5)
        together = supercell.probabilities(junction, ENERGY, section, sample, m_left=m_left, m_right=m_right)
        assert together.shape == (2, 3, 2, 2, 2, 2)
        for where in np.ndindex(2, 3):
            one = supercell.probabilities(junction, ENERGY, section, sample, m_left=m_left, m_right=m_right[where])
            np.testing.assert_allclose(together[where], one, rtol=RELATIVE, atol=1e-30)


def test_turning_the_magnets_of_a_sample_is_turning_those_of_the_junction():
    junction = valve()
    turned = valve(right=replace(RIGHT, m=sj.unit_vector(2.2, 0.5)))
    layers = [replace(x, m=turned.right.m) if x.m == RIGHT.m else x for x in turned.layers]
    turned = replace(turned, layers=layers)
    section = CrossSection((3, 2))
    found = supercell.probabilities(
        junction, ENERGY, section, realize(junction, section), m_right=sj.unit_vector(2.2, 0.5)
    )
    expected = supercell.probabilities(turned, ENERGY, section, realize(turned, section))
    np.testing.assert_allclose(found, expected, rtol=ROUNDING)


def test_the_number_of_inverted_planes_does_not_grow_with_the_number_of_angles(monkeypatch):
    counted = []
    invert = dense.invert
    monkeypatch.setattr(dense, "invert", lambda a: counted.append(len(a)) or invert(a))
    junction, section = valve(4.0), CrossSection((3, 2))
    sample = realize(junction, section, 1)

    def count(**directions):
        counted.clear()
        supercell.probabilities(junction, ENERGY, section, sample, **directions)
        return len(counted)

    disordered = 2 + 3 + 2
    one = count()
    assert one == 2 * disordered
    for angles in (2, 5, 50):
        assert count(m_right=sj.unit_vector(np.linspace(0, np.pi, angles))) == one


def test_planes_without_spin_are_inverted_once_and_clean_ones_never(monkeypatch):
    counted = []
    invert = dense.invert
    monkeypatch.setattr(dense, "invert", lambda a: counted.append(len(a)) or invert(a))
    dirty = replace(COPPER, thickness=4, disorder=(sj.Anderson(width=1.0),))
    for layers, expected in ([dirty, RIGHT], 4), ([replace(dirty, disorder=()), RIGHT], 0):
        junction = sj.Junction(COPPER, layers, COPPER)
        section = CrossSection((3, 2))
        counted.clear()
        supercell.probabilities(junction, ENERGY, section, realize(junction, section))
        assert len(counted) == expected


@given(problem=problems(kinds=COLLINEAR))
@examples(8, full=15)
def test_the_general_recursion_is_the_two_halves(problem):
    junction, where = problem
    section = CrossSection(where["cross_section"], where["boundary"], where["k"])
    sample = realize(junction, section, 0, where["realization"])
    expected = supercell.probabilities(junction, ENERGY, section, sample)
    general = General(sampled.Sampled(junction, ENERGY, section, sample)).probabilities()
    np.testing.assert_allclose(general, expected, rtol=RELATIVE, atol=1e-13)


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")  # low barriers, on purpose
@pytest.mark.parametrize("texture", [False, True])
def test_a_rotation_of_all_spins_turns_currents_and_changes_no_probability(texture):
    turn = Rotation.from_rotvec([0.3, -1.1, 0.7])

    def turned(layer):
        return replace(layer, m=turn.apply(layer.m))

    junction = valve(2.0, disorder=ANDERSON)
    if texture:
        junction = replace(junction, layers=[*junction.layers, replace(LEFT, m=(0, 1, 0)), RIGHT])
    other = sj.Junction(turned(junction.left), [turned(x) for x in junction.layers], turned(junction.right))
    s, t = (sj.scatter(j, ENERGY, cross_section=(2, 2), seed=2, solver="halves") for j in (junction, other))
    np.testing.assert_allclose(t.probabilities, s.probabilities, rtol=RELATIVE)
    assert abs(t.bond_currents[..., 0] - s.bond_currents[..., 0]).max() < ROUNDING
    assert abs(t.bond_currents[..., 1:] - turn_all(turn, s.bond_currents[..., 1:])).max() < ROUNDING
    assert abs(t.layer_torques - turn_all(turn, s.layer_torques)).max() < ROUNDING


def turn_all(turn, vectors):
    return turn.apply(vectors.reshape(-1, 3)).reshape(vectors.shape)


def test_the_current_on_the_injecting_side_is_what_is_transmitted():
    junction = valve(8.0, thickness=9)
    section = CrossSection((3, 2))
    sample = realize(junction, section, 3)
    P = supercell.probabilities(junction, ENERGY, section, sample)
    found = supercell.states(junction, ENERGY, section, sample)
    T = P[1, :, 0].sum(axis=0)
    assert T.max() < 1e-10
    for bond in range(found.currents.shape[2]):
        np.testing.assert_allclose(found.currents[0, :, bond, 0], T, rtol=RELATIVE)
    np.testing.assert_allclose(-found.currents[1, :, 0, 0], P[0, :, 1].sum(axis=0), rtol=RELATIVE)


def test_the_cut_is_taken_from_the_sample_not_from_the_layers():
    rough = sj.Roughness(amplitude=1.5, side="both")
    junction = valve(1.0, thickness=9, disorder=(rough,))
    section = CrossSection((6, 6))
    cuts = {supercell.find_cut(junction, realize(junction, section, 0, number)) for number in range(12)}
    assert len(cuts - {None}) > 1
    impure = valve(1.0, disorder=(sj.MagneticImpurities(concentration=0.5, exchange=1.0),))
    assert supercell.find_cut(impure, realize(impure, section)) is None


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")  # low barriers, on purpose
def test_states_are_solved_for_when_they_are_asked_for():
    s = sj.scatter(valve(), ENERGY, cross_section=(2, 2), seed=4)
    assert s.solver == "halves"
    assert "fields" not in s.__dict__
    assert s.layer_torques.shape == (2, len(s.junction.planes), 3)
    assert "fields" in s.__dict__


def test_directions_of_a_texture_are_refused():
    junction = valve(disorder=(sj.MagneticImpurities(concentration=1.0, exchange=1.0),))
    section = CrossSection((2, 2))
    with pytest.raises(sj.ArgumentError, match="`m_right` must be None for a sample without two collinear halves"):
        supercell.probabilities(junction, ENERGY, section, realize(junction, section), m_right=(1, 0, 0))


def test_a_sample_that_does_not_begin_like_its_lead_is_refused():
    junction, section = valve(), CrossSection((2, 2))
    sample = realize(junction, section)
    levels = sample.levels.copy()
    levels[0, 1, 0] += 0.1
    with pytest.raises(sj.ArgumentError, match="`sample` must begin and end with planes like the leads"):
        supercell.probabilities(junction, ENERGY, section, replace(sample, levels=levels))


def test_no_open_channel_and_too_little_memory_are_told(monkeypatch):
    with pytest.raises(sj.NoOpenChannelError, match="no channel is open"):
        sj.scatter(valve(), 50.0, cross_section=(2, 2))
    monkeypatch.setattr(memory, "machine_memory", lambda: 0.01)
    with pytest.raises(sj.ArgumentError, match=r"must fit into 0.01 GB, but 20 × 20 sites need about .* GB"):
        sj.scatter(valve(), ENERGY, cross_section=(20, 20))


@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize("corner", [1.0, 1e-9, 0.0])
def test_inversion_by_blocks_keeps_its_digits_where_the_first_block_is_singular(real, corner):
    rng = np.random.default_rng(0)
    a = rng.normal(size=(120, 120)) + (0 if real else 1j) * rng.normal(size=(120, 120))
    a = a + a.T
    a[:60, :60] *= corner
    a = np.asfortranarray(a)
    found = dense.symmetric_inverse(a.copy(order="F"))
    assert found.dtype == a.dtype
    assert abs(a @ found - np.eye(120)).max() < ROUNDING
