"""Disordered samples in real arithmetic are those of the complex engine and of Kwant, also on a resonance."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import examples
from supercells import COLLINEAR, COPPER, ENERGY, LEFT, RIGHT

import kwant_spinjunc as sj
from kwant_spinjunc.halves import real, supercell
from kwant_spinjunc.halves.real import angles, face, slabs, solve
from kwant_spinjunc.halves.real.face import Watch
from kwant_spinjunc.halves.real.joint import Joint
from kwant_spinjunc.halves.supercell.joint import gauged
from kwant_spinjunc.halves.supercell.sampled import Sampled, cut_of
from kwant_spinjunc.model.plane import CrossSection
from kwant_spinjunc.model.sample import realize

pytestmark = pytest.mark.skipif(not slabs.is_available(), reason="real samples need python-mumps")

#: Both engines against each other; unflagged samples reach 1e-10 (largest number 1e3), the median is 1e-14.
AGREEMENT = 1e-9
#: The same far from any resonance.
ROUNDING = 1e-11


@pytest.fixture
def every_size(monkeypatch):
    """Let the smallest samples take the real route."""
    monkeypatch.setattr(solve, "SMALLEST", 1)


@st.composite
def samples(draw):
    """A disordered junction with two collinear halves, a cross-section and the number of a sample."""
    first, second, third = (draw(st.lists(st.sampled_from(COLLINEAR), max_size=2, unique=True)) for _ in range(3))
    thickness = st.integers(1, 4)
    magnet = replace(LEFT, onsite=0.3, thickness=draw(thickness), disorder=first)
    last = replace(RIGHT, onsite=0.2, thickness=draw(thickness), disorder=third)
    height = draw(st.sampled_from([-0.4, 2.5, 5.0]))
    spacer = sj.Layer(height, 1.2, thickness=draw(thickness), in_plane_hopping=0.2, disorder=second)
    left = draw(st.sampled_from([LEFT, COPPER, replace(COPPER, m=sj.unit_vector(2.0, 1.0))]))
    right = draw(st.sampled_from([RIGHT, COPPER]))
    layers = draw(st.sampled_from([[magnet, spacer, last], [spacer, last], [magnet, spacer], [LEFT, magnet, last]]))
    shape = draw(st.sampled_from([(1, 2), (2, 2), (3, 2)]))
    boundary = draw(st.sampled_from(["periodic", "hard wall", ("periodic", "hard wall")]))
    return sj.Junction(left, [left, *layers, right], right), CrossSection(shape, boundary), draw(st.integers(0, 99))


def both(junction, section, sample, energy=ENERGY):
    """Return the probabilities of the complex engine and of the real one, None where that leaves it to the other."""
    problem = Sampled(junction, energy, section, sample)
    axes = junction.magnetizations
    cut = cut_of(problem, axes)
    if cut is None:
        return None, None
    turns = [tuple(supercell.label_turn(lead, m, m) for lead, m in zip(junction.leads, axes, strict=True))]
    found = real.probabilities(problem, cut, axes, axes[None], turns)
    return supercell.probabilities(junction, energy, section, sample, by="complex"), None if found is None else found[0]


def worst_relative(found, expected):
    """Return the largest relative difference of what goes from lead to lead or from spin to spin."""
    crossing = np.ones((2, 2, 2, 2), dtype=bool)
    for lead in (0, 1):
        for spin in (0, 1):
            crossing[lead, spin, lead, spin] = False
    crossing &= expected > 1e-60
    return (abs(found - expected)[crossing] / expected[crossing]).max(initial=0.0)


@given(case=samples())
@examples(15, full=40)
def test_real_arithmetic_gives_every_probability_of_the_complex_engine(case):
    junction, section, number = case
    sample = realize(junction, section, 0, number)
    expected, found = both(junction, section, sample)
    assume(expected is not None)
    if found is not None:
        assert worst_relative(found, expected) < AGREEMENT
        assert abs(found - expected).max() < AGREEMENT
        np.testing.assert_array_equal(found[expected == 0], 0)


def test_scatter_and_ensembles_take_real_arithmetic_where_it_covers_the_sample(monkeypatch):
    counted = []
    complement = slabs.Slab.complement
    monkeypatch.setattr(slabs.Slab, "complement", lambda *args: counted.append(1) or complement(*args))
    junction = valve(6.0)
    s = sj.scatter(junction, ENERGY, cross_section=(5, 5), seed=3)
    assert len(counted) == 5  # both spins of both magnets, and the spacer once
    sj.ensemble(junction, ENERGY, cross_section=(5, 5), realizations=2, seed=3)
    assert len(counted) == 15
    assert s.solver == "halves (real)"


def test_real_arithmetic_gives_what_kwant_does(every_size):
    junction = valve(3.0, 2, 2)
    s, t = (sj.scatter(junction, ENERGY, cross_section=(3, 2), solver=solver) for solver in ("halves", "kwant"))
    assert s.solver == "halves (real)"
    assert worst_relative(s.probabilities, t.probabilities) < AGREEMENT


def test_a_check_of_real_arithmetic_takes_another_route(every_size):
    s = sj.scatter(valve(6.0, 1, 1), ENERGY, cross_section=(2, 2), check=True)
    assert s.solver == "halves (real)"
    assert s.check.route == "kwant"


def valve(height, thickness=3, planes=4):
    """Two disordered magnets and a disordered spacer."""
    disorder = (sj.Anderson(width=1.0),)
    spacer = sj.Layer(height, 1.2, thickness=thickness, in_plane_hopping=0.2, disorder=disorder)
    first, last = (replace(magnet, thickness=planes, disorder=disorder) for magnet in (LEFT, RIGHT))
    return sj.Junction(LEFT, [first, spacer, last], RIGHT)


@pytest.mark.parametrize("thickness", [3, 10, 22])
def test_small_probabilities_keep_their_digits(thickness):
    junction, section = valve(8.0, thickness), CrossSection((3, 2))
    sample = realize(junction, section, 5)
    expected, found = both(junction, section, sample)
    assert expected[1, :, 0].max() < {3: 1e-3, 10: 1e-14, 22: 1e-28}[thickness]
    assert worst_relative(found, expected) < ROUNDING


@pytest.mark.parametrize("magnetic", [0, 1])
def test_beside_a_half_of_one_spin_the_cut_may_be_anywhere(magnetic):
    disorder = (sj.Anderson(width=1.0),)
    magnet = replace((LEFT, RIGHT)[magnetic], thickness=2, disorder=disorder)
    spacer = sj.Layer(2.5, 1.2, thickness=2, in_plane_hopping=0.2, disorder=disorder)
    copper = replace(COPPER, m=magnet.m)
    metal = replace(copper, thickness=2, disorder=disorder)
    stack = [LEFT, magnet, spacer, metal, copper] if magnetic == 0 else [copper, metal, spacer, magnet, RIGHT]
    junction, section = sj.Junction(stack[0], stack[1:-1], stack[-1]), CrossSection((3, 2))
    sample = realize(junction, section, 4)
    problem, axes = Sampled(junction, ENERGY, section, sample), junction.magnetizations
    R, cut = sj.spin.rotation_matrix(*axes), cut_of(problem, axes)
    expected = supercell.probabilities(junction, ENERGY, section, sample, by="complex")
    for shift in (0, 1, 2):
        joint = Joint(problem, cut + (1 - 2 * magnetic) * shift, axes, Watch(1.2, 0.0))
        assert joint.a == 1 - magnetic
        assert worst_relative(joint.probabilities(R), expected) < ROUNDING


@pytest.mark.parametrize("angle", [0.0, 0.9, np.pi])
def test_a_complex_rotation_is_a_real_one_between_phases(angle):
    phases = np.exp([0.4j, -1.1j, 0.7j])
    c, s = np.cos(angle / 2) * (angle < 3), np.sin(angle / 2)
    R = phases[2] * np.array([[c * phases[0], -s * phases[1]], [s / phases[1], c / phases[0]]])
    r, left, right = gauged(R)
    np.testing.assert_allclose(left[:, None] * r * right, R, atol=1e-15)
    np.testing.assert_allclose(abs(np.array([left, right])), 1.0, atol=1e-15)
    np.testing.assert_allclose(r @ r.T, np.eye(2), atol=1e-15)


def tuned(junction, section, number):
    """Return a sample whose inner planes of the left magnet have an eigenvalue at the energy, majority spin."""
    sample = realize(junction, section, number)
    problem = Sampled(junction, ENERGY, section, sample)
    inner = range(2, 4)
    M = section.sites
    block = np.zeros((2 * M, 2 * M))
    for i, n in enumerate(inner):
        rows = slice(i * M, (i + 1) * M)
        block[rows, rows] = problem.plane(n) - np.diag(sample.levels[n, :, 1:] @ junction.magnetizations[0])
    block[:M, M:] = block[M:, :M] = np.diag(sample.bonds[2])
    values = np.linalg.eigvalsh(block)
    levels = sample.levels.copy()
    levels[2:4, :, 0] += values[abs(values).argmin()]
    return replace(sample, levels=levels)


@pytest.mark.parametrize("offset", [0.0, 1e-9, 1e-6])
def test_a_resonance_of_the_real_sample_is_seen_and_without_the_watch_it_is_a_wrong_number(offset, monkeypatch):
    junction, section = valve(1.0), CrossSection((3, 2))
    worst = []
    for number in range(4):
        sample = tuned(junction, section, number)
        expected, found = both(junction, section, sample, ENERGY + offset)
        assert found is None or worst_relative(found, expected) < AGREEMENT
        chosen = supercell.probabilities(junction, ENERGY + offset, section, sample)
        assert worst_relative(chosen, expected) < AGREEMENT
        with monkeypatch.context() as m:
            m.setattr(solve, "RESONANT", np.inf)
            worst.append(worst_relative(both(junction, section, sample, ENERGY + offset)[1], expected))
    if offset < 1e-6:
        assert max(worst) > AGREEMENT


def test_inverses_of_large_numbers_are_corrected_and_else_they_are_wrong_ones(monkeypatch):
    junction, section = valve(1.0), CrossSection((3, 2))
    samples = [tuned(junction, section, number) for number in range(3)]

    def worst():
        return max(worst_relative(*both(junction, section, sample, ENERGY + 3e-4)[::-1]) for sample in samples)

    assert worst() < ROUNDING
    monkeypatch.setattr(face, "PLAIN", np.inf)
    assert worst() > AGREEMENT


def test_resonances_next_to_a_lead_are_moved_by_the_shift():
    """Both shifts agree, each of them a sample with other numbers inside."""
    junction, section = valve(6.0), CrossSection((3, 2))
    problem = Sampled(junction, ENERGY, section, realize(junction, section, 2))
    axes = junction.magnetizations
    R = sj.spin.rotation_matrix(*axes)
    found = [Joint(problem, cut_of(problem, axes), axes, Watch(1.2, s)).probabilities(R) for s in (0.0, 0.7, -1.3)]
    for other in found[1:]:
        assert worst_relative(other, found[0]) < AGREEMENT


def test_spins_that_hardly_differ_are_left_to_products():
    weak = [replace(x, splitting=1e-7) for x in (LEFT, RIGHT)]
    disorder = (sj.Anderson(width=1.0),)
    spacer = sj.Layer(3.0, 1.2, thickness=3, in_plane_hopping=0.2, disorder=disorder)
    layers = [
        replace(weak[0], thickness=3, disorder=disorder),
        spacer,
        replace(weak[1], thickness=3, disorder=disorder),
    ]
    junction, section = sj.Junction(weak[0], layers, weak[1]), CrossSection((3, 2))
    assert both(junction, section, realize(junction, section))[1] is None


def test_without_mumps_the_complex_engine_does_it(monkeypatch):
    junction, section = valve(2.0), CrossSection((5, 5))
    sample = realize(junction, section, 1)
    expected = supercell.probabilities(junction, ENERGY, section, sample)
    monkeypatch.setattr(solve, "is_available", lambda: False)
    found = supercell.probabilities(junction, ENERGY, section, sample)
    assert not np.array_equal(found, expected)
    assert worst_relative(found, expected) < AGREEMENT


def solves(monkeypatch, junction, section, m_right):
    """Return probabilities at many directions, those of the complex engine, and how many angles were solved."""
    counted = []
    one = Joint.probabilities
    monkeypatch.setattr(Joint, "probabilities", lambda *args: counted.append(1) or one(*args))
    sample = realize(junction, section, 1)
    found = supercell.probabilities(junction, ENERGY, section, sample, m_right=m_right)
    expected = supercell.probabilities(junction, ENERGY, section, sample, m_right=m_right, by="complex")
    return found, expected, len(counted)


@pytest.mark.parametrize(("height", "thickness", "most"), [(9.0, 8, 2), (9.0, 4, 3), (6.0, 4, 9), (0.5, 4, 14)])
def test_two_or_three_angles_give_all_behind_a_barrier_and_a_metal_is_asked_for_every_one(
    height, thickness, most, monkeypatch
):
    """Errors are shown by coefficients that fall, so a metal is not interpolated where they do not."""
    theta = np.linspace(0.1, 3.0, 11)
    found, expected, count = solves(
        monkeypatch, valve(height, thickness), CrossSection((5, 5)), sj.unit_vector(theta, 0.5)
    )
    assert count <= most
    for one, reference in zip(found, expected, strict=True):
        assert worst_relative(one, reference) < AGREEMENT
    assert abs(found - expected).max() < AGREEMENT


@pytest.mark.parametrize("which", ["ERROR", "LINEAR"])
def test_interpolation_that_is_trusted_too_early_is_wrong(which, monkeypatch):
    """The negative control of the error estimates."""
    monkeypatch.setattr(angles, which, 1e3)
    theta = np.linspace(0.1, 3.0, 11)
    found, expected, _ = solves(monkeypatch, valve(0.5, 1), CrossSection((5, 5)), sj.unit_vector(theta, 0.5))
    assert max(worst_relative(one, reference) for one, reference in zip(found, expected, strict=True)) > AGREEMENT


def test_a_plane_that_is_exactly_at_the_energy_is_left_to_the_complex_engine():
    junction, section = valve(3.0), CrossSection((3, 2))
    sample = realize(junction, section, 1)
    levels, in_plane = sample.levels.copy(), sample.in_plane.copy()
    levels[6, :, 0], in_plane[6] = ENERGY, 0.0  # the middle plane of the spacer, alone inside of its neighbors' slab
    sample = replace(sample, levels=levels, in_plane=in_plane)
    expected, found = both(junction, section, sample)
    assert found is None or worst_relative(found, expected) < AGREEMENT
    chosen = supercell.probabilities(junction, ENERGY, section, sample)
    assert worst_relative(chosen, expected) < AGREEMENT


def test_a_factorization_that_fails_is_left_to_the_complex_engine(every_size, monkeypatch):
    def fail(*args):
        raise slabs.SingularError

    monkeypatch.setattr(slabs.Slab, "complement", fail)
    junction, section = valve(3.0), CrossSection((3, 2))
    sample = realize(junction, section, 1)
    assert both(junction, section, sample)[1] is None
    assert supercell.probabilities(junction, ENERGY, section, sample).shape == (2, 2, 2, 2)


#: Planes from the lead to the cut: m a clean magnet, M a disordered one, n and N the same without magnetism.
STACKS = ["NM", "MNM", "nMNm", "MnM"]


@pytest.mark.parametrize("side", [0, 1])
@pytest.mark.parametrize("stack", STACKS)
@pytest.mark.parametrize("magnetic", [True, False])
def test_planes_in_any_order_are_those_of_kwant(stack, magnetic, side, every_size):
    """Whatever comes first, a magnet or a plane without, clean or not, next to a magnetic lead or another."""
    dirty = [sj.Anderson(width=1.5)]
    magnet, metal = (LEFT, COPPER) if side == 0 else (RIGHT, COPPER)
    of = {"m": magnet, "n": metal, "M": replace(magnet, onsite=0.3, disorder=dirty)}
    of["N"] = replace(metal, onsite=-0.2, disorder=dirty)
    spacer, other = sj.Layer(2.5, 1.2, thickness=1, in_plane_hopping=0.2), (RIGHT, LEFT)[side]
    own = [of[kind] for kind in stack]
    lead = magnet if magnetic else metal
    first, last = lead, other
    layers = [*own, spacer, other]
    if side:
        first, last, layers = last, first, layers[::-1]
    junction = sj.Junction(first, layers, last)
    settings = dict(cross_section=(2, 2), boundary="hard wall", seed=2)
    found, expected = (sj.scatter(junction, ENERGY, solver=solver, **settings) for solver in ("halves", "kwant"))
    assert found.solver == "halves (real)"
    assert np.allclose(found.probabilities, expected.probabilities, rtol=0, atol=1e-9)
