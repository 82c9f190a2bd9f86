"""What figures show: artists, limits, angles on paper, colors and labels."""

import sys
import warnings
from types import SimpleNamespace

import kwant
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.patches import Polygon, Rectangle
from matplotlib.text import Annotation

import kwant_spinjunc as sj
from kwant_spinjunc.plot import devices
from kwant_spinjunc.plot.devices import plot_device, plot_system, plot_torques
from kwant_spinjunc.plot.figures import (
    COLORS,
    plot_ensemble,
    plot_junction,
    plot_layers,
    plot_sweep,
)
from systems.graphene_spin_valve import graphene_spin_valve
from systems.tunnel_junction import tunnel_junction

pytestmark = pytest.mark.filterwarnings("ignore:plotly is not available")
IRON = dict(onsite=1.0, hopping=1.0, splitting=1.0)


def double(theta=1.0):
    spacer = sj.normal_metal(onsite=0.5, hopping=1.0, thickness=3)
    middle = sj.ferromagnet(**IRON, m=sj.unit_vector(theta), thickness=2)
    return sj.Junction(
        sj.ferromagnet(**IRON), [spacer, middle, spacer], sj.ferromagnet(**IRON, m=sj.unit_vector(theta))
    )


def shaded(axes):
    """Intervals of x that are shaded."""
    spans = [p for p in axes.patches if isinstance(p, (Polygon, Rectangle))]
    boxes = [p.get_path().transformed(p.get_patch_transform()).get_extents() for p in spans]
    return sorted((round(float(b.x0), 9), round(float(b.x1), 9)) for b in boxes)


def test_only_nonmagnetic_planes_are_gray():
    figure = plot_layers(sj.scatter(double(), 0.0))
    for axes in figure.axes:
        assert shaded(axes) == [(0.5, 3.5), (5.5, 8.5)]  # planes 1 to 3 and 6 to 8, not the magnet 4, 5 between them
    magnets = sj.Junction(sj.ferromagnet(**IRON), [], sj.ferromagnet(**IRON, m=sj.unit_vector(1.0)))
    assert [shaded(axes) for axes in plot_layers(sj.scatter(magnets, 0.0)).axes] == [[], [], []]


def arrows(axes):
    return [a for a in axes.texts if isinstance(a, Annotation) and a.arrow_patch is not None]


@pytest.mark.parametrize("degrees", [0.0, 30.0, 60.0, 90.0, 150.0])
@pytest.mark.parametrize("size", [(8.0, 3.8), (3.0, 9.0)])
def test_arrows_show_the_angle_itself(degrees, size):
    figure = plot_junction(tunnel_junction(theta=np.radians(degrees)), energy=0.0)
    figure.set_size_inches(size)
    figure.canvas.draw()
    last = arrows(figure.axes[1])[-1]
    (x0, y0), (x1, y1) = (
        np.asarray(where.transform(at)) for where, at in ((last.anncoords, last.xyann), (last.xycoords, last.xy))
    )
    assert np.degrees(np.arctan2(x1 - x0, y1 - y0)) == pytest.approx(degrees, abs=1.0)


def test_a_magnetization_along_y_is_a_dot():
    iron = sj.ferromagnet(**IRON, m=(0.0, 1.0, 0.0))
    figure = plot_junction(sj.Junction(iron, [sj.barrier(onsite=3.0, hopping=1.0, thickness=2)], iron))
    assert not arrows(figure.axes[1])
    assert sum(line.get_marker() == "o" for line in figure.axes[1].lines) == 2


def test_lines_have_labels_and_labels_have_lines():
    data = sj.sweep(tunnel_junction, energy=0.0, theta=[0.0, 1.0, 2.0], height=[2.0, 3.0], progress=False)
    axes = plot_sweep(data, "conductance").axes[0]
    labels = [text.get_text() for text in axes.get_legend().get_texts()]
    assert labels == ["height = 2", "height = 3"]
    assert len(axes.lines) == 2
    data["conductance"][:, 1] = np.nan
    assert [t.get_text() for t in plot_sweep(data).axes[0].get_legend().get_texts()] == ["height = 2"]
    data["conductance"][:] = np.nan
    with pytest.raises(sj.ArgumentError, match="NaN throughout"):
        plot_sweep(data)


def test_a_line_is_at_its_numbers():
    data = sj.sweep(tunnel_junction, energy=0.0, theta=np.linspace(0, np.pi, 5), progress=False)
    (line,) = plot_sweep(data, "angle").axes[0].lines
    np.testing.assert_allclose(line.get_xdata(), [0, 45, 90, 135, 180])  # degrees for a person
    np.testing.assert_allclose(line.get_ydata(), data["angle"])


VALVE = graphene_spin_valve(theta=np.pi / 2)


def test_rounding_is_not_drawn_as_a_torque():
    scattering = sj.scatter(VALVE, energy=0.0)
    with pytest.raises(sj.ArgumentError, match="along 'x' it is .*rounding. Draw y or z"):
        plot_device(scattering, "right", axis="x")
    figure = plot_device(scattering, "right", axis="z")
    colored = [c for c in figure.axes[1].collections if isinstance(c, PathCollection) or c.get_array() is not None]
    limits = {tuple(np.round(c.get_clim(), 12)) for c in colored if c.get_array() is not None}
    torque = scattering.torque("right")
    largest = abs((torque.site_exchange + torque.site_spin_orbit)[0, :, 2]).max()
    assert limits == {(-round(largest, 12), round(largest, 12))}
    low, high = figure.axes[-1].get_xlim()
    assert (low, high) == pytest.approx((-largest, largest))


def test_a_system_shows_its_magnets_and_only_spins_that_it_has():
    figure = plot_system(VALVE, energy=0.0)
    labels = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert {f"magnet {name}" for name in VALVE.magnets} <= set(labels)
    used = {line.get_color() for axes in figure.axes[1:] for line in axes.lines if len(line.get_xdata())}
    legend = [t.get_text() for axes in figure.axes[1:] if axes.get_legend() for t in axes.get_legend().get_texts()]
    assert {COLORS[spin] for spin in legend} <= used
    assert plot_torques(sj.scatter(VALVE, energy=0.0)).axes[0].lines


def test_an_ensemble_of_two_directions_prints_no_label_twice():
    turns = [sj.unit_vector(0.5), sj.unit_vector(1.5)]
    settings = dict(realizations=4, m_right=turns, torques=False, workers=1, progress=False)
    with sj.ensemble(tunnel_junction(), 0.0, **settings) as result:
        lines = str(result).splitlines()[3:]  # after the title, that all samples are equal, and the head
        labels = [line[:32].rstrip() for line in lines]
        assert len(set(labels)) == len(labels)
        assert "conductance 0" in labels[0]
        assert "0.0031176304 ± 0 " in lines[0]  # no error bar of rounding
        right = plot_ensemble(result).axes[1]
        assert right.containers[0][0].get_xdata() == pytest.approx([0.0, np.degrees(1.0)])


@pytest.mark.parametrize(("height", "power"), [(2.0, False), (3.0, True), (5.0, True)])
def test_small_numbers_of_an_axis_are_told_by_one_power_of_ten(height, power):
    table = sj.sweep(tunnel_junction, energy=0.0, theta=[0.5, 1.0], height=height, thickness=2, progress=False)
    figure = plot_sweep(table, "conductance")
    figure.draw_without_rendering()
    assert (r"\times\mathdefault{10^{" in figure.axes[0].yaxis.get_offset_text().get_text()) == power


def test_kwants_plotter_is_loaded_without_a_warning(monkeypatch):
    """Whatever it warns of for want of plotly is over before it draws."""
    monkeypatch.setattr(kwant, "plotter", kwant.plotter)
    for name in ("kwant.plotter", "kwant._plotter"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        devices._plotter().get_engine()
    assert "kwant._plotter" in sys.modules


@pytest.mark.parametrize(("count", "bins"), [(2, 5), (70, 8), (1010, 20), (10**6, 60)])
def test_a_distribution_is_counted_by_the_rule_of_rice(count, bins):
    asked = []

    def histogram(name, element, *, bins, log):
        asked.append((name, element, bins, log))
        return np.ones(bins) / bins, np.linspace(-1.0, 1.0, bins + 1)

    conductance = SimpleNamespace(mean=np.array(0.4), error=0.1, minimum=0.1, count=count, typical=0.3)
    transmissions = SimpleNamespace(mean=np.full((2, 2), 0.1), error=np.full((2, 2), 0.01))
    given = dict(
        conductance=conductance, transmissions=transmissions, histogram=histogram, realizations=count, failed=1
    )
    result = SimpleNamespace(**given, quantities=[SimpleNamespace(units="e^2/h")])
    figure = plot_ensemble(result)
    assert asked == [("conductance", (), bins, True)]
    assert figure.axes[1].get_title() == f"{count - 1} realizations"
    result.conductance = SimpleNamespace(**vars(conductance) | {"minimum": 0.0})
    plot_ensemble(result)
    assert asked[1][3] is False
