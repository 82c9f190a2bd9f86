"""What decides how something is drawn, at both sides of its edge: how many lines, which scale, how wide a name."""

import kwant
import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

import kwant_spinjunc as sj
from kwant_spinjunc.model.drawing import WIDTH, drawing
from kwant_spinjunc.plot.devices import plot_system, plot_torques
from kwant_spinjunc.plot.figures import (
    COLORS,
    check_drawable,
    draw_direction,
    new_figure,
    plot_junction,
    plot_layers,
    plot_map,
    plot_sweep,
)
from kwant_spinjunc.spin import PAULI

IRON = dict(onsite=0.9, hopping=0.8, splitting=1.1)


def table(values, units="1", name="what it is", **axes):
    """A variable over axes, as a sweep gives it."""
    shape = tuple(map(len, axes.values()))
    data = xr.Dataset({"value": (tuple(axes), np.reshape(values, shape), {"long_name": name, "units": units})})
    return data.assign_coords({axis: (axis, list(points), {"units": "1"}) for axis, points in axes.items()})


# ---------------------------------------------------------------------- how many lines
@pytest.mark.parametrize(
    ("sizes", "alone", "drawn"),
    [
        (dict(x=5), True, ["x"]),
        (dict(x=5, z=1), True, ["x"]),
        (dict(y=3, x=5), True, ["x", "y"]),
        (dict(x=5, y=5), True, ["x", "y"]),
        (dict(x=5, lead=24), True, ["x"]),
        (dict(x=5, lead=25), True, None),
        (dict(x=30, y=24), False, ["x", "y"]),
        (dict(x=30, y=25), False, None),
        (dict(x=30, y=25), True, ["x", "y"]),
        (dict(x=30, y=13, lead=2), True, None),
        (dict(x=30, y=12, lead=2), True, ["x", "y"]),
        (dict(x=5, y=4, z=3), True, None),
        (dict(x=1), True, None),
        (dict(lead=2), True, None),
    ],
)
def test_a_picture_has_one_or_two_axes_and_few_lines(sizes, alone, drawn):
    if drawn:
        assert check_drawable("v", sizes, alone=alone) == drawn
    else:
        with pytest.raises(sj.ArgumentError, match="`variable` must"):
            check_drawable("v", sizes, alone=alone)


@pytest.mark.parametrize(("rows", "mapped"), [(8, False), (9, True)])
def test_a_second_axis_of_many_values_makes_a_map(rows, mapped):
    data = table(np.arange(10.0 * rows) + 1, x=range(10), y=range(rows))
    axes = plot_sweep(data, "value").axes[0]
    assert (len(axes.lines), len(axes.collections)) == ((0, 1) if mapped else (rows, 0))
    if mapped:
        (mesh,) = axes.collections
        assert_allclose(np.asarray(mesh.get_array()).reshape(rows, 10), data["value"].values.T)
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")


@pytest.mark.parametrize(("lines", "beside"), [(8, False), (9, True)])
def test_a_legend_of_many_lines_stands_beside(lines, beside):
    data = table(np.arange(10.0 * lines) + 1, x=range(10), lead=range(lines))
    legend = plot_sweep(data, "value").axes[0].get_legend()
    assert (legend._loc == 6) is beside  # center left
    assert len(legend.get_texts()) == lines


def test_colors_that_come_again_are_dashed_otherwise():
    data = table(np.arange(10.0 * 24) + 1, x=range(10), lead=range(24))
    lines = plot_sweep(data, "value").axes[0].lines
    assert [line.get_linestyle() for line in lines] == ["-"] * 10 + ["--"] * 10 + [":"] * 4
    assert [lines[n].get_color() for n in (0, 10, 20)] == [lines[0].get_color()] * 3


@pytest.mark.parametrize(
    ("values", "log", "scale"),
    [
        ([1.0, 100.0], None, "linear"),
        ([1.0, 100.1], None, "log"),
        ([0.0, 1e6], None, "linear"),
        ([-1.0, 1e6], None, "linear"),
        ([1.0, 2.0], True, "log"),
        ([1.0, 1e6], False, "linear"),
        ([np.nan, 1.0, 1e6], None, "log"),
        ([0.0, 1.0], True, None),
    ],
)
def test_positive_numbers_over_more_than_two_decades_have_a_logarithmic_axis(values, log, scale):
    data = table(values, x=range(len(values)))
    if scale is None:
        with pytest.raises(sj.ArgumentError, match="`log` must be False for 'value'"):
            plot_sweep(data, "value", log=log)
    else:
        assert plot_sweep(data, "value", log=log).axes[0].get_yscale() == scale


def test_several_variables_share_a_logarithmic_axis_if_all_of_them_ask_for_one():
    steep, flat = [1.0, 1e4], [1.0, 2.0]
    data = table(steep, x=range(2)).assign(other=(("x",), steep), flat=(("x",), flat))
    assert plot_sweep(data, ["value", "other"]).axes[0].get_yscale() == "log"
    assert plot_sweep(data, ["value", "flat"]).axes[0].get_yscale() == "linear"


@pytest.mark.parametrize(
    ("name", "units", "label"),
    [
        ("n" * 41, "eV", "n" * 41 + " (eV)"),
        ("n" * 42, "eV", "n" * 42 + "\n(eV)"),
        ("n" * 10, "1", "n" * 10),
        ("angle", "rad", "angle (degrees)"),
        ("area", "m^2", "area (m²)"),
        (("word " * 12).strip(), "eV", "word word word word word word word word word\nword word word\n(eV)"),
    ],
)
def test_a_name_and_its_unit_fit_beside_an_axis(name, units, label):
    assert plot_sweep(table([1.0, 2.0], units, name, x=range(2)), "value").axes[0].get_ylabel() == label


# ---------------------------------------------------------------------- errors
@pytest.mark.parametrize(
    ("low", "high", "levels"),
    [(1e-3, 0.5, [-2, -1]), (0.02, 0.09, []), (1e-3, 0.05, [-2])],
)
def test_contours_are_drawn_at_the_errors_that_are_passed(low, high, levels):
    data = table(np.linspace(low, high, 9), x=range(3), y=[0.5, 1.5, 2.5]).assign_attrs(k="average")
    axes = plot_map(data, "value").axes[0]
    mesh, *contours = axes.collections
    assert [float(level) for c in contours for level in c.levels] == pytest.approx(levels)
    assert (mesh.norm.vmin, mesh.norm.vmax) == (1e-5, 1.0)
    assert_allclose(np.asarray(mesh.get_array()).reshape(3, 3), data["value"].values.T)
    assert axes.get_title() == "average over k∥"
    figure = plot_map(data.assign_attrs(k="[0, 0]"), "value")
    assert figure.axes[0].get_title() == "one k∥"


def test_a_map_shows_the_worst_of_what_is_not_shown():
    values = np.array([0.1, 0.3, 0.2, 0.05] * 2).reshape(2, 2, 2)
    data = table(values, x=range(2), y=range(2), z=range(2)).assign_attrs(k="average")
    axes = plot_map(data, "value").axes[0]
    assert_allclose(np.asarray(axes.collections[0].get_array()).reshape(2, 2), values.max(axis=-1).T)
    assert axes.get_title() == "average over k∥; worst over z"
    with pytest.raises(sj.ArgumentError, match=r"must have two axes to draw a map, but has \['x'\]"):
        plot_map(data.isel(y=0, z=0), "value")


# ---------------------------------------------------------------------- junctions and devices
@pytest.mark.parametrize(("y", "arrow"), [(0.998, True), (0.9995, False)])
def test_a_magnet_seen_from_its_end_is_a_dot(y, arrow):
    _, axes = new_figure()
    draw_direction(axes, (0.5, 0.5), (np.sqrt(1 - y**2), y, 0.0))
    assert (len(axes.texts), len(axes.lines)) == ((1, 0) if arrow else (0, 1))


@pytest.mark.parametrize(("thickness", "marker"), [(98, "o"), (99, "None")])
def test_points_of_crowded_planes_are_a_line(thickness, marker):
    metal = sj.normal_metal(onsite=0.3, hopping=1.0, thickness=thickness)
    junction = sj.Junction(sj.ferromagnet(**IRON), [metal], sj.ferromagnet(**IRON))
    figure = plot_layers(sj.scatter(junction, 0.1, solver="halves"))
    assert figure.axes[1].lines[0].get_marker() == marker


@pytest.mark.parametrize(("planes", "shown"), [(WIDTH // 2, WIDTH // 2), (WIDTH // 2 + 2, 106)])
def test_a_long_stack_is_drawn_plane_by_plane_or_in_part(planes, shown):
    metal = sj.normal_metal(onsite=0.3, hopping=1.0, thickness=planes - 2)
    end = sj.normal_metal(onsite=0.1, hopping=1.0)
    assert drawing(sj.Junction(end, [metal], end)).count("<rect") == shown


def test_the_energy_is_drawn_where_it_is_given_and_levels_at_their_momentum():
    junction = sj.Junction(sj.ferromagnet(**IRON, in_plane_hopping=0.3), [], sj.ferromagnet(**IRON))
    plain, at = plot_junction(junction), plot_junction(junction, 0.2, (0.4, 1.1))
    assert [len(b.lines) - len(a.lines) for a, b in zip(plain.axes, at.axes, strict=True)] == [1, 1, 1]
    c = np.cos([0.4, 1.1]).sum()
    band = at.axes[0].lines[0].get_ydata()
    assert_allclose([band.min(), band.max()], junction.left.band_edges(c)[0], atol=1e-9)
    assert at.axes[0].lines[0].get_color() == COLORS["majority"]


def block(*sizes):
    """A block of cubic lattice with one lead along x, magnetic and named."""
    cubic = kwant.lattice.general(np.eye(len(sizes)), norbs=2)

    def first(site):
        return 0 < site.pos[0] < min(3, sizes[0] - 1)

    syst = kwant.Builder()
    syst[(cubic(*n) for n in np.ndindex(*sizes))] = lambda site: 3.0 * np.eye(2) - 0.4 * PAULI[0 if first(site) else 2]
    syst[cubic.neighbors()] = -np.eye(2)
    for sign in (-1, 1):
        lead = kwant.Builder(kwant.TranslationalSymmetry((sign, *[0] * (len(sizes) - 1))))
        lead[(cubic(0, *n) for n in np.ndindex(*sizes[1:]))] = 3.0 * np.eye(2) - 0.4 * PAULI[2]
        lead[cubic.neighbors()] = -np.eye(2)
        syst.attach_lead(lead)
    return sj.Device(system=syst.finalized(), magnets={"first": first})


@pytest.mark.parametrize(
    ("sizes", "labels", "far", "tall"),
    [
        ((5,), ("x", ""), None, False),
        ((5, 2), ("x", "y"), None, False),
        ((3, 7), ("y", "x"), None, False),
        ((5, 3), ("x", "y"), None, True),
        ((5, 2, 3), ("x", "y, z behind"), (4 + 0.3 * 2, 1 + 0.35 * 2), False),
    ],
)
def test_a_device_lies_along_its_longest_axis_and_what_is_behind_is_drawn_obliquely(sizes, labels, far, tall):
    figure = plot_system(block(*sizes))
    axes = figure.axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == labels
    assert figure.get_figheight() == pytest.approx((3.0 if tall else 1.8) + 2.6 + 0.6)
    if far:
        offsets = np.concatenate([np.asarray(c.get_offsets()) for c in axes.collections if len(c.get_offsets()) > 1])
        assert abs(offsets - far).sum(axis=1).min() < 1e-9
    assert len(figure.axes) == 3


def test_torques_are_drawn_where_there_are_magnets_only():
    found = sj.scatter(block(5, 2), 0.3)
    axes = plot_torques(found, 1).axes[0]
    assert axes.get_ylabel() == "per plane (ħ/2), from lead 1"
    assert [text.get_text() for text in axes.texts] == ["first"]
    torque = found.torque("first")
    assert abs(torque.site_exchange[1]).max() > 1e-2
    for line, component in zip(axes.lines, range(3), strict=False):
        assert_allclose(line.get_xdata(), [1.0, 2.0])
        sums = [torque.site_exchange[1, [2 * n, 2 * n + 1], component].sum() for n in (0, 1)]
        assert_allclose(line.get_ydata(), sums, atol=1e-15)
    for lead in (-1, 2):
        with pytest.raises(sj.ArgumentError, match="`lead_in` must be 0 to 1"):
            plot_torques(found, lead)


def banded(hop, field, scale=1.0, m=(0.0, 0.0, 1.0)):
    """A chain whose leads have that hopping and field, drawn with its bands; ``m`` None: of no spin."""
    chain, syst = kwant.lattice.chain(norbs=len(hop)), kwant.Builder()
    lead = kwant.Builder(kwant.TranslationalSymmetry((-1,)))
    for one, sites in ((syst, range(3)), (lead, range(1))):
        one[(chain(n) for n in sites)] = scale * (0.3 * np.eye(len(hop)) - field)
        one[chain.neighbors()] = scale * hop
    syst.attach_lead(lead)
    syst.attach_lead(lead.reversed())
    spin = dict(spin=None) if m is None else dict(magnetizations={0: m, 1: m})
    return plot_system(sj.Device(system=syst.finalized(), **spin))


def drawn_bands(axes):
    """Points (k, E) by color."""
    colors = {COLORS[name]: name for name in ("muted", "majority", "minority")}
    return {colors[line.get_color()]: np.array(line.get_data()) for line in axes.lines}


def test_bands_of_a_lead_are_those_of_its_hopping_each_state_in_the_color_of_its_spin():
    phase, splitting = 0.4, 0.8
    figure = banded(-np.exp(1j * phase) * np.eye(2), splitting / 2 * PAULI[2])
    for axes, sign in zip(figure.axes[1:], (1, -1), strict=True):
        bands = drawn_bands(axes)
        assert [bands[kind].shape[1] for kind in ("muted", "majority", "minority")] == [0, 101, 101]
        for kind, s in (("majority", 1), ("minority", -1)):
            k, energy = bands[kind]
            one, other = (0.3 - s * splitting / 2 - 2 * np.cos(np.pi * k + way * phase) for way in (1, -1))
            assert min(abs(energy - one).max(), abs(energy - other).max()) < 1e-8
            assert abs(one - other).max() > 0.1
        assert axes.get_title() == f"lead {0 if sign == 1 else 1}"


@pytest.mark.parametrize(
    ("size", "m", "counts"),
    [(2, (1.0, 0.0, 0.0), [0, 101, 101]), (2, (0.6, 0.0, 0.8), [0, 101, 101]), (1, None, [101, 0, 0])],
)
def test_bands_of_both_spins_alike_are_drawn_in_both_colors_and_those_of_no_spin_pale(size, m, counts):
    for axes in banded(-np.eye(size), np.zeros((size, size)), m=m).figure.axes[1:]:
        bands = drawn_bands(axes)
        assert [bands[kind].shape[1] for kind in ("muted", "majority", "minority")] == counts
        for k, energy in bands.values():
            assert_allclose(energy, 0.3 - 2 * np.cos(np.pi * k), atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e9])
def test_a_state_of_no_definite_spin_is_drawn_once_and_pale_in_any_unit(scale):
    figure = banded(-np.eye(2) + 0.5j * PAULI[0], 0.4 * PAULI[2], scale)
    bands = drawn_bands(figure.axes[1])
    counts = {kind: points.shape[1] for kind, points in bands.items()}
    assert sum(counts.values()) == 202
    assert counts["muted"] > 150
    assert 0 < counts["majority"] == counts["minority"]  # where no spin is turned: k = 0 and π
