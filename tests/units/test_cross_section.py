"""Cross-sections: bonds, transverse modes and twists are those of the square lattice."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

import kwant_spinjunc as sj
from kwant_spinjunc.halves.supercell.sampled import Sampled
from kwant_spinjunc.model.plane import CrossSection
from kwant_spinjunc.model.sample import Realization

#: Eigenvectors of small Hermitian matrices are orthogonal to rounding.
ROUNDING = 1e-13

words = st.sampled_from(["periodic", "hard wall"])


@st.composite
def sections(draw, largest=4):
    boundary = draw(st.tuples(words, words))
    k = tuple(draw(st.floats(-3, 3)) if word == "periodic" else 0.0 for word in boundary)
    shape = draw(st.tuples(st.integers(1, largest), st.integers(1, largest)))
    return CrossSection(shape, boundary, k if "periodic" in boundary else None)


def hamiltonian(section, in_plane):
    """The plane that the dense engine takes, of t∥ for each site and axis."""
    levels, bonds = np.zeros((1, section.sites, 4)), np.zeros((0, section.sites))
    return -Sampled(None, 0.0, section, Realization(levels=levels, bonds=bonds, in_plane=in_plane[None])).plane(0)


@given(sections())
@examples(60)
def test_transverse_modes_diagonalize_a_uniform_plane(section):
    c, U = section.transverse_modes
    H = hamiltonian(section, np.full((section.sites, 2), 0.7))
    np.testing.assert_allclose(H, U @ np.diag(-1.4 * c) @ U.conj().T, atol=ROUNDING)
    np.testing.assert_allclose(U.conj().T @ U, np.eye(section.sites), atol=ROUNDING)


@given(sections())
@examples(60)
def test_every_site_has_the_bonds_its_walls_leave(section):
    to, from_, axis, phase = section.bonds
    for i, (size, word) in enumerate(zip(section.shape, section.boundary, strict=True)):
        along = section.sites - (section.sites // size if word == "hard wall" else 0)
        assert (axis == i).sum() == along
    positions = np.array(np.unravel_index(np.stack([from_, to]), section.shape))
    steps = positions[:, 1] - positions[:, 0]
    rows = np.arange(len(axis))
    assert np.all((steps[axis, rows] == 1) | (steps[axis, rows] == 1 - np.array(section.shape)[axis]))
    assert np.all(steps[1 - axis, rows] == 0)
    np.testing.assert_array_equal(phase, np.exp(-1j * np.array(section.k)[axis]))


@given(sections(), st.data())
@examples(40)
def test_a_twist_by_a_whole_turn_around_the_cell_is_a_gauge(section, data):
    t = np.random.default_rng(data.draw(st.integers(0, 99))).uniform(0.5, 1.5, (section.sites, 2))
    k = [x + 2 * np.pi / n if word == "periodic" else x
         for x, n, word in zip(section.k, section.shape, section.boundary, strict=True)]  # fmt: skip
    other = CrossSection(section.shape, section.boundary, k if "periodic" in section.boundary else None)
    np.testing.assert_allclose(
        np.linalg.eigvalsh(hamiltonian(section, t)), np.linalg.eigvalsh(hamiltonian(other, t)), atol=ROUNDING
    )


def test_two_cells_of_a_ring_are_joined_twice():
    k = 0.3
    section = CrossSection((2, 1), ("periodic", "hard wall"), (k, 0))
    H = hamiltonian(section, np.array([[1.0, 0.0], [0.6, 0.0]]))
    assert H[1, 0] == pytest.approx(-np.exp(-1j * k) - 0.6 * np.exp(1j * k))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((2, 2), "open"), "`boundary` must be 'periodic' or 'hard wall', but is 'open'"),
        (((2, 2), ("periodic",)), "`boundary` must be"),
        (((2, 2), 5), "`boundary` must be 'periodic' or 'hard wall', but is 5"),
        (((2,), "periodic"), "`cross_section` must be two numbers of sites"),
        (((0, 2), "periodic"), r"`cross_section\[0\]` must be at least 1"),
        (((2, 2), "hard wall", (0, 0)), "`k` must be None for hard walls"),
        (((2, 2), ("periodic", "hard wall"), (0.1, 0.2)), r"`k` must be 0 along a hard-wall axis, but k\[1\] is 0.2"),
        (((2, 2), "periodic", [(0, 0), (1, 1)]), "must be one vector"),
    ],
)
def test_a_bad_cross_section_is_named(arguments, message):
    with pytest.raises(sj.ArgumentError, match=message):
        CrossSection(*arguments)
