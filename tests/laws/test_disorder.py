"""Disorder: the laws of its random numbers, of its distributions and of its limits."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

import kwant_spinjunc as sj
from kwant_spinjunc.model.disorder import Stream, philox
from kwant_spinjunc.model.plane import CrossSection
from kwant_spinjunc.model.sample import realize
from kwant_spinjunc.spin import sigma

#: Standard errors within which a mean of random numbers must lie: one in 2·10^6 does not, and seeds are fixed.
DEVIATIONS = 5.0

LEAD = sj.ferromagnet(onsite=0.1, hopping=1.0, splitting=0.6, in_plane_hopping=0.7)
MAGNET = sj.ferromagnet(onsite=0.3, hopping=0.9, splitting=1.1, m=sj.unit_vector(0.7, 0.4), in_plane_hopping=0.8)
METAL = sj.normal_metal(onsite=-0.4, hopping=1.2, in_plane_hopping=0.5)

KINDS = [
    sj.Anderson(width=2.0),
    sj.Anderson(width=0.5, distribution="normal"),
    sj.SpinDependent(width=1.0),
    sj.Substitution(concentration=0.3, onsite=1.5, splitting=0.2, m=sj.unit_vector(1.0)),
    sj.MagneticImpurities(concentration=0.4, exchange=1.3),
    sj.SpinOrbitScattering(angle=0.5),
    sj.Roughness(amplitude=0.8),
]
#: `Stream.of(2, 3, 1, 0)` at two sites, one of them at negative positions.
PINNED = [
    [0.3933228742552461, 0.9544930176265087, 0.8537469071244395],
    [0.9170468313765727, 0.8855499956280775, 0.16361043499022104],
]
disorders = st.lists(st.sampled_from(KINDS), max_size=3, unique=True)


def sample_junction(first=(), second=(), thickness=(3, 4)):
    """Two layers between two clean planes, so that their interfaces may be rough."""
    layers = [
        LEAD,
        replace(MAGNET, thickness=thickness[0], disorder=first),
        replace(METAL, thickness=thickness[1], disorder=second),
        LEAD,
    ]
    return sj.Junction(LEAD, layers, LEAD)


def arrays(sample):
    """The arrays of a sample by name, without the absent ones."""
    return {name: value for name, value in vars(sample).items() if value is not None}


def bulk(disorder, layer=MAGNET, shape=(40, 40), thickness=25, seed=7):
    """The clean junction, its samples' Pauli levels in the disordered planes, shape (sites, 4), and the sample."""
    junction = sj.Junction(LEAD, [replace(layer, thickness=thickness, disorder=[disorder])], LEAD)
    sample = realize(junction, shape, seed)
    return sample.levels[1:-1].reshape(-1, 4), sample


# -------------------------------------------------------------------------------------------------- random numbers
def test_philox_gives_the_published_known_answers():
    # Random123, kat_vectors, philox4x32 10
    full = 0xFFFFFFFF
    cases = [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((full,) * 4, (full,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ]
    for counter, key, answer in cases:
        assert tuple(int(word) for word in philox(tuple(np.uint64(word) for word in counter), key)) == answer


def test_samples_of_this_version_are_those_of_the_next():
    # stored ensembles are resumed: changing these numbers is a change of physics for the changelog
    u = Stream.of(2, 3, 1, 0).uniform([0, 5], [1, -2], [0, 4], 3)
    np.testing.assert_array_equal(u, PINNED)


@given(disorders, disorders, st.integers(0, 5), st.integers(0, 5))
@examples(15, full=40)
def test_a_sample_is_a_function_of_seed_and_realization(first, second, seed, realization):
    junction = sample_junction(first, second)
    one = realize(junction, (3, 4), seed, realization)
    again = realize(replace(junction), (3, 4), seed=seed, realization=realization)
    for name, value in arrays(one).items():
        np.testing.assert_array_equal(value, getattr(again, name))


@given(disorders, disorders)
@examples(15, full=40)
def test_a_site_does_not_know_the_cross_section(first, second):
    junction = sample_junction(first, second)
    small, large = realize(junction, (3, 4), 1, 2), realize(junction, (5, 6), 1, 2)
    chosen = (np.arange(3)[:, None] * 6 + np.arange(4)).ravel()
    inner = np.arange(12).reshape(3, 4)[:2, :3].ravel()  # their bonds do not wrap
    np.testing.assert_array_equal(small.levels, large.levels[:, chosen])
    np.testing.assert_array_equal(small.bonds, large.bonds[:, chosen])
    np.testing.assert_array_equal(small.in_plane[:, inner], large.in_plane[:, chosen[inner]])
    if small.bond_rotations is not None:
        np.testing.assert_array_equal(small.bond_rotations, large.bond_rotations[:, chosen])
        np.testing.assert_array_equal(small.in_plane_rotations[:, inner], large.in_plane_rotations[:, chosen[inner]])


def test_correlated_heights_between_hard_walls_do_not_know_the_walls():
    junction = sample_junction((), [sj.Roughness(amplitude=2.0, correlation_length=1.5)])
    small = realize(junction, CrossSection((3, 4), "hard wall"), 1)
    large = realize(junction, CrossSection((5, 6), "hard wall"), 1)
    chosen = (np.arange(3)[:, None] * 6 + np.arange(4)).ravel()
    np.testing.assert_array_equal(small.levels, large.levels[:, chosen])


@given(disorders, disorders)
@examples(12, full=20)
def test_buffer_planes_change_no_random_number(first, second):
    junction = sample_junction(first, second)
    for name, value in arrays(realize(junction, (3, 2), 4)).items():
        np.testing.assert_array_equal(value, getattr(realize(junction.padded(), (3, 2), 4), name)[1:-1])


def test_thickening_one_layer_changes_no_random_number_of_another():
    thin, thick = (sample_junction(KINDS[:1], KINDS[:2], (n, 4)) for n in (3, 5))
    np.testing.assert_array_equal(realize(thin, (3, 3)).levels[5:9], realize(thick, (3, 3)).levels[7:11])
    np.testing.assert_array_equal(realize(thin, (3, 3)).levels[2:5], realize(thick, (3, 3)).levels[2:5])


@pytest.mark.parametrize(
    "pair",
    [
        ((1, 0, 0, 0, (0, 0, 0)), (2, 0, 0, 0, (0, 0, 0))),  # seed
        ((1, 0, 0, 0, (0, 0, 0)), (1, 1, 0, 0, (0, 0, 0))),  # realization
        ((1, 0, 0, 0, (0, 0, 0)), (1, 0, 1, 0, (0, 0, 0))),  # layer
        ((1, 0, 0, 0, (0, 0, 0)), (1, 0, 0, 1, (0, 0, 0))),  # disorder of the layer
        ((1, 0, 0, 0, (0, 0, 0)), (1, 0, 0, 0, (1, 0, 0))),  # neighbors along x, z and y
        ((1, 0, 0, 0, (0, 0, 0)), (1, 0, 0, 0, (0, 1, 0))),
        ((1, 0, 0, 0, (0, 0, 0)), (1, 0, 0, 0, (0, 0, 1))),
    ],
)
def test_numbers_of_different_samples_layers_and_sites_are_uncorrelated(pair):
    x, z, n = np.mgrid[:40, :40, :40]
    u, v = (Stream.of(*key).uniform(x + at[0], z + at[1], n + at[2], 2).reshape(-1, 2) for *key, at in pair)
    bound = DEVIATIONS / np.sqrt(len(u))
    assert abs(np.corrcoef(u.T, v.T)[:2, 2:]).max() < bound
    assert abs(np.corrcoef(u.T)[0, 1]) < bound


# --------------------------------------------------------------------------------------------------- distributions
@pytest.mark.parametrize(
    ("distribution", "variance", "kurtosis", "largest"), [("uniform", 4 / 12, 1.8, 1.0), ("normal", 4.0, 3.0, 20.0)]
)
@pytest.mark.parametrize("kind", [sj.Anderson, sj.SpinDependent])
def test_energies_have_the_stated_mean_and_variance(kind, distribution, variance, kurtosis, largest):
    levels, _ = bulk(kind(width=2.0, distribution=distribution))
    spin = kind is sj.SpinDependent
    values = -2 * (levels[:, 1:] @ MAGNET.m) - MAGNET.splitting if spin else levels[:, 0] - MAGNET.onsite
    assert abs(values.mean()) < DEVIATIONS * np.sqrt(variance / len(values))
    assert abs(values.var() / variance - 1) < DEVIATIONS * np.sqrt((kurtosis - 1) / len(values))
    assert abs(values).max() < largest
    if spin:  # nothing across m
        np.testing.assert_allclose(np.cross(levels[:, 1:], MAGNET.m), 0.0, atol=1e-14)
    else:
        np.testing.assert_array_equal(
            levels[:, 1:], np.broadcast_to(-MAGNET.splitting / 2 * np.array(MAGNET.m), (40000, 3))
        )


@pytest.mark.parametrize("concentration", [0.0, 0.1, 0.5, 1.0])
def test_a_fraction_of_the_sites_is_replaced(concentration):
    levels, _ = bulk(sj.Substitution(concentration=concentration, onsite=9.0))
    replaced = levels[:, 0] == 9.0
    error = np.sqrt(concentration * (1 - concentration) / len(levels))
    assert abs(replaced.mean() - concentration) <= DEVIATIONS * error
    np.testing.assert_array_equal(levels[~replaced, 0], MAGNET.onsite)
    np.testing.assert_allclose(np.linalg.norm(levels[:, 1:], axis=1), MAGNET.splitting / 2)


def test_impurity_fields_are_isotropic():
    levels, _ = bulk(sj.MagneticImpurities(concentration=0.5, exchange=3.0), METAL)
    fields = levels[:, 1:]
    size = np.linalg.norm(fields, axis=1)
    n = fields[size > 0] / size[size > 0, None]
    np.testing.assert_allclose(size[size > 0], 1.5)
    assert abs((size > 0).mean() - 0.5) < DEVIATIONS * 0.5 / np.sqrt(len(size))
    assert abs(n.mean(axis=0)).max() < DEVIATIONS / np.sqrt(3 * len(n))
    # ⟨n_i n_j⟩ = δ_ij/3, of variance at most 4/45
    assert abs(n.T @ n / len(n) - np.eye(3) / 3).max() < DEVIATIONS * np.sqrt(4 / 45 / len(n))


def test_spin_orbit_bonds_are_random_rotations_inside_their_layer():
    angle = 0.6
    _, sample = bulk(sj.SpinOrbitScattering(angle=angle), METAL)
    U = np.concatenate(
        [sample.bond_rotations[1:-1].reshape(-1, 2, 2), sample.in_plane_rotations[1:-1].reshape(-1, 2, 2)]
    )
    np.testing.assert_allclose(U @ np.swapaxes(U.conj(), 1, 2), np.broadcast_to(np.eye(2), U.shape), atol=1e-14)
    # time reversal: σ_y U* σ_y = U
    y = sigma([0, 1, 0])
    np.testing.assert_allclose(y @ U.conj() @ y, U, atol=1e-14)
    assert abs(U.mean(axis=0) - np.cos(angle) * np.eye(2)).max() < DEVIATIONS * np.sin(angle) / np.sqrt(len(U))
    for outer in (sample.bond_rotations[[0, -1]], sample.in_plane_rotations[[0, -1]]):
        np.testing.assert_array_equal(outer, np.broadcast_to(np.eye(2), outer.shape))


def heights_of(disorder, section, samples):
    """Displacements of the left interface in several samples, shape (samples, width, depth)."""
    streams = (Stream.of(3, index, 1, 0) for index in range(samples))
    return np.array([disorder.heights(stream, 0, section.shape, section.boundary) for stream in streams])


@pytest.mark.parametrize("boundary", ["periodic", "hard wall"])
@pytest.mark.parametrize("length", [0.0, 2.5])
def test_heights_have_the_stated_spread_and_correlation(boundary, length):
    amplitude = 4.0
    section = CrossSection((24, 24), boundary)
    h = heights_of(sj.Roughness(amplitude=amplitude, correlation_length=length), section, 60)
    independent = h.size / max(1.0, np.pi * length**2)
    variance = amplitude**2 + 1 / 12  # and that of rounding
    assert abs(h.mean()) < DEVIATIONS * np.sqrt(variance / independent)
    assert abs((h**2).mean() / variance - 1) < DEVIATIONS * np.sqrt(2 / independent)
    for distance in (1, 2, 4):
        law = np.exp(-((distance / length) ** 2)) if length else 0.0
        for axis in (1, 2):
            here, there = np.take(h, range(24 - distance), axis), np.take(h, range(distance, 24), axis)
            assert abs((here * there).mean() / amplitude**2 - law) < DEVIATIONS * np.sqrt(2 / independent)
    if boundary == "periodic" and length:  # around the ring
        assert (h[:, 0] * h[:, -1]).mean() / amplitude**2 == pytest.approx(np.exp(-1 / length**2), abs=0.15)


def test_a_rough_interface_moves_material_with_its_hoppings_and_disorder():
    dirt = sj.Substitution(concentration=1.0, onsite=5.0)
    rough = replace(METAL, thickness=4, disorder=[sj.Roughness(amplitude=1.0, side="left"), dirt])
    junction = sj.Junction(LEAD, [replace(MAGNET, thickness=4), rough, LEAD], LEAD)
    sample = realize(junction, (6, 6), 1)
    metal = sample.levels[..., 0] == 5.0
    moved = metal[1:5]
    assert moved.any()
    assert not metal[5:9].all()
    np.testing.assert_array_equal(sample.levels[metal][:, 1:], 0.0)
    # an interface is a height: behind a site of the metal there is no magnet
    assert np.all(metal[1:8] <= metal[2:9])
    t = np.where(metal[1:9], METAL.hopping, MAGNET.hopping)
    np.testing.assert_allclose(sample.bonds[1:8], np.sqrt(t[:-1] * t[1:]))
    parallel = np.where(metal, METAL.t_parallel, MAGNET.t_parallel)[1:9].reshape(8, 6, 6)
    np.testing.assert_allclose(
        sample.in_plane[1:9, :, 0].reshape(8, 6, 6), np.sqrt(parallel * np.roll(parallel, -1, axis=1))
    )


def test_interfaces_stay_between_the_far_ends_of_their_layers():
    rough = sj.Roughness(amplitude=30.0)
    layers = [LEAD, replace(MAGNET, thickness=2, disorder=[rough]), replace(METAL, thickness=3, disorder=[rough]), LEAD]
    junction = sj.Junction(LEAD, layers, LEAD)
    sample = realize(junction, (8, 8))
    outer = realize(sj.Junction(LEAD, [LEAD] * 7, LEAD), (8, 8))
    np.testing.assert_array_equal(sample.levels[[0, -1]], outer.levels[[0, -1]])
    assert np.unique(sample.levels[1:-1, :, 0]).size == 3
    for column in sample.levels[..., 0].T:
        sequence = [level for level, before in zip(column, [np.nan, *column], strict=False) if level != before]
        middle = [level for level in (MAGNET.onsite, METAL.onsite) if level in column]
        assert sequence == ([LEAD.onsite, *middle, LEAD.onsite] if middle else [LEAD.onsite])


def test_an_absurd_height_is_that_of_the_thickest_layer():
    """A height beyond any integer is the one that reaches the far ends, site by site."""
    samples = [
        realize(sample_junction(second=[sj.Roughness(amplitude=amplitude, side="left")]), (4, 3), 1)
        for amplitude in (1e6, 1e99)
    ]
    np.testing.assert_array_equal(samples[0].levels, samples[1].levels)
    assert len(np.unique(samples[0].levels[4, :, 0])) == 2


def test_a_bond_that_was_set_keeps_its_hopping_across_a_rough_interface():
    junction = sample_junction((), [sj.Roughness(amplitude=2.0)])
    sample = realize(replace(junction, bonds={4: 0.123}), (4, 4), 3)
    np.testing.assert_array_equal(sample.bonds[4], 0.123)
    other = realize(junction, (4, 4), 3)
    np.testing.assert_array_equal(np.delete(sample.bonds, 4, 0), np.delete(other.bonds, 4, 0))


# --------------------------------------------------------------------------------------------------------- limits
@pytest.mark.parametrize(
    "nothing",
    [
        sj.Anderson(width=0.0),
        sj.SpinDependent(width=0.0, distribution="normal"),
        sj.Substitution(concentration=0.0, onsite=4.0, splitting=1.0, m=(1, 0, 0)),
        sj.MagneticImpurities(concentration=0.0, exchange=1.0),
        sj.MagneticImpurities(concentration=1.0, exchange=0.0),
        sj.SpinOrbitScattering(angle=0.0),
        sj.Roughness(amplitude=0.0, correlation_length=2.0),
    ],
    ids=repr,
)
def test_disorder_of_no_strength_is_a_clean_junction(nothing):
    sample = realize(sample_junction([nothing], [nothing]), (3, 4), 1)
    clean = realize(sample_junction(), (3, 4))
    for name in ("levels", "bonds", "in_plane"):
        np.testing.assert_allclose(getattr(sample, name), getattr(clean, name), rtol=1e-15)
    for U in (sample.bond_rotations, sample.in_plane_rotations):
        assert U is None or abs(U - np.eye(2)).max() == 0


def test_an_alloy_of_concentration_one_is_the_other_material():
    other = replace(MAGNET, onsite=2.0, splitting=0.4, m=(1.0, 0.0, 0.0), thickness=3)
    alloy = sj.Substitution(concentration=1.0, onsite=2.0, splitting=0.4, m=(1.0, 0.0, 0.0))
    sample = realize(sample_junction([alloy]), (3, 3))
    clean = realize(sj.Junction(LEAD, [LEAD, other, replace(METAL, thickness=4), LEAD], LEAD), (3, 3))
    np.testing.assert_allclose(sample.levels, clean.levels)


def test_a_later_replacement_acts_on_what_the_earlier_left():
    both = [sj.Substitution(concentration=c, onsite=level) for c, level in ((0.5, 7.0), (0.2, 9.0))]
    junction = sj.Junction(LEAD, [replace(METAL, thickness=25, disorder=both)], LEAD)
    onsite = realize(junction, (40, 40), 7).levels[1:-1, :, 0]
    for level, share in ((7.0, 0.5 * 0.8), (9.0, 0.2), (METAL.onsite, 0.5 * 0.8)):
        deviation = np.sqrt(share * (1 - share) / onsite.size)
        assert np.mean(onsite == level) == pytest.approx(share, abs=DEVIATIONS * deviation)


def test_roughness_keeps_the_mean_thickness():
    """Of a layer too thick to be cut through: heights are as often up as down."""
    rough = sj.Roughness(amplitude=1.2, correlation_length=1.5)
    junction = sample_junction(second=[rough], thickness=(12, 12))
    junction = replace(junction, layers=(*junction.layers[:-1], replace(MAGNET, thickness=12), LEAD))
    means = [
        np.mean((realize(junction, (12, 12), 3, n).levels[..., 0] == METAL.onsite).sum(axis=0)) for n in range(100)
    ]
    error = np.std(means) / np.sqrt(len(means))
    assert error < 0.1
    assert np.mean(means) == pytest.approx(12, abs=DEVIATIONS * error)


def test_replacements_come_before_additions():
    alloy, noise = sj.Substitution(concentration=1.0, onsite=2.0), sj.Anderson(width=1.0)
    sample = realize(sample_junction([noise, alloy]), (8, 8)).levels[2:5, :, 0]
    assert sample.std() > 0.1
    assert abs(sample - 2.0).max() < 0.5


# --------------------------------------------------------------------------------------------------------- border
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sj.Anderson(width=-1.0), "`width` must not be negative, but is -1"),
        (lambda: sj.Anderson(width=np.inf), "`width` must be finite"),
        (
            lambda: sj.Anderson(width=1.0, distribution="flat"),
            "`distribution` must be one of 'uniform', 'normal', but is",
        ),
        (
            lambda: sj.Substitution(concentration=1.2, onsite=0.0),
            "`concentration` must lie from 0 to 1",
        ),
        (lambda: sj.Substitution(concentration=-0.1, onsite=0.0), "`concentration` must lie from 0 to 1"),
        (lambda: sj.Substitution(concentration=0.1, onsite=0.0, splitting=-1.0), "Reverse `m` instead"),
        (lambda: sj.Substitution(concentration=0.1, onsite=0.0, m=(1, 1, 0)), "`m` must be a unit vector"),
        (lambda: sj.MagneticImpurities(concentration=np.nan, exchange=0.0), "`concentration` must be finite"),
        (lambda: sj.MagneticImpurities(concentration=0.1, exchange=-1.0), "`exchange` must not be negative"),
        (lambda: sj.SpinOrbitScattering(angle=-0.1), "`angle` must not be negative"),
        (lambda: sj.Roughness(amplitude=-1.0), "`amplitude` must not be negative"),
        (lambda: sj.Roughness(amplitude=1.0, correlation_length=-1.0), "`correlation_length` must lie from 0"),
        (
            lambda: sj.Roughness(amplitude=1.0, correlation_length=1e9),
            "`correlation_length` must lie from 0 to 300, but is",
        ),
        (
            lambda: sj.Roughness(amplitude=1.0, side="top"),
            "`side` must be one of 'left', 'right', 'both', but is 'top'",
        ),
        (lambda: replace(METAL, disorder=KINDS[0]), "`disorder` must be a sequence of disorders"),
        (lambda: replace(METAL, disorder=["dirty"]), r"`disorder\[0\]` must be a Disorder, but is 'dirty'"),
        (lambda: realize(sample_junction(), (2, 2), seed=-1), "`seed` must be an integer >= 0, but is -1"),
        (
            lambda: realize(sample_junction(), (2, 2), realization=0.5),
            "`realization` must be an integer >= 0, but is 0.5",
        ),
    ],
)
def test_a_bad_argument_is_named(make, message):
    with pytest.raises(sj.ArgumentError, match=message):
        make()


def test_a_lead_is_clean():
    dirty = replace(METAL, disorder=[sj.Anderson(width=1.0)])
    with pytest.raises(sj.ArgumentError, match=r"`left` must be a clean material, but has Anderson.*Put a layer"):
        sj.Junction(dirty, [], METAL)
    with pytest.raises(sj.ArgumentError, match=r"`right` must be a clean material"):
        sj.Junction(METAL, [], dirty)


def test_an_interface_with_a_lead_is_smooth():
    for side, other in [("left", "right"), ("right", "left")]:
        rough = replace(METAL, disorder=[sj.Roughness(amplitude=1.0, side=side)])
        with pytest.raises(sj.ArgumentError, match=rf"rough on its {side}.*Put a layer of the {side} lead's material"):
            sj.Junction(LEAD, [rough], LEAD)
        layers = [LEAD, rough] if side == "left" else [rough, LEAD]
        assert sj.Junction(LEAD, layers, LEAD).is_disordered
        layers = [MAGNET, rough] if other == "left" else [rough, MAGNET]
        with pytest.raises(sj.ArgumentError, match="must have a smooth interface with the lead"):
            sj.Junction(LEAD, layers, LEAD)


def test_disordered_junctions_are_values():
    one, two = sample_junction(KINDS[:2]), sample_junction(list(KINDS[:2]))
    assert one == two
    assert hash(one) == hash(two)
    assert one != sample_junction(KINDS[:1])
    assert one.is_disordered
    assert not sample_junction().is_disordered
    assert all(plane.disorder == tuple(KINDS[:2]) for plane in one.planes[2:5])


def test_constructors_take_disorder():
    dirt = [sj.Anderson(width=1.0)]
    numbers = dict(onsite=0.0, hopping=1.0, disorder=dirt)
    made = [sj.ferromagnet(**numbers, splitting=1.0), sj.normal_metal(**numbers), sj.barrier(**numbers, thickness=2)]
    assert all(layer.is_disordered and layer.disorder == tuple(dirt) for layer in made)
