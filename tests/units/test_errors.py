"""Every bad input is refused with its name, its value and the way out."""

import numpy as np
import pytest

import kwant_spinjunc as sj
from kwant_spinjunc.plot import figures as plot
from kwant_spinjunc.spin import unit_vector
from kwant_spinjunc.transport.linear import linear_response
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction
from validation import compare

GOOD = dict(onsite=1.0, hopping=1.0, splitting=1.0)
IRON = sj.ferromagnet(**GOOD)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(m=(1.0, 1.0, 0.0)), r"`m` must be a unit vector, but has norm 1\.414\. Use `unit_vector"),
        (dict(m=(0.0, 0.0, 1j)), "`m` must be real, but is complex"),
        (dict(m=(0.0, 1.0)), r"`m` must have shape \(\.\.\., 3\), but its shape is \(2,\)"),
        (dict(m=[[0, 0, 1.0]] * 2), r"`m` must be one vector of shape \(3,\)"),
        (dict(m=(0.0, np.nan, 1.0)), "`m` must be finite"),
        (dict(m="up"), "`m` must be an array of real numbers"),
        (dict(thickness=0), "`thickness` must be at least 1, but is 0"),
        (dict(thickness=-3), "`thickness` must be at least 1, but is -3"),
        (dict(thickness=2.5), "`thickness` must be a positive integer, but is 2.5"),
        (dict(onsite=np.inf), "`onsite` must be finite, but is inf"),
        (dict(onsite="high"), "`onsite` must be a real number, but is 'high'"),
        (dict(onsite=1j), "`onsite` must be a real number"),
        (dict(hopping=0.0), "`hopping` must be positive, but is 0"),
        (dict(hopping=-1.0), "`hopping` must be positive, but is -1"),
        (dict(splitting=-0.5), "`splitting` must not be negative, but is -0.5. Reverse `m` instead"),
        (dict(in_plane_hopping=np.nan), "`in_plane_hopping` must be finite"),
    ],
)
def test_a_layer_names_the_bad_number(change, message):
    with pytest.raises(sj.ArgumentError, match=message):
        sj.ferromagnet(**{**GOOD, **change})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((IRON, IRON, IRON), r"`layers` must be a sequence of layers, but is one. Use `\[layer\]`"),
        ((IRON, [3.0], IRON), r"`layers\[0\]` must be a Layer, but is 3.0"),
        (("iron", [], IRON), "`left` must be a Layer, but is 'iron'"),
        ((IRON, [], IRON, [1.0, 1.0]), r"`bonds` must have planes - 1 = 1 entries, but its shape is \(2,\)"),
        ((IRON, [], IRON, {5: 1.0}), "`bonds` must be 0 to 0, but is 5"),
        ((IRON, [], IRON, [0.0]), r"`bonds\[0\]` must be positive, but is 0"),
        ((IRON, [], IRON, None, 0), "`buffer` must be at least 1, but is 0"),
    ],
)
def test_a_junction_names_the_bad_part(arguments, message):
    with pytest.raises(sj.ArgumentError, match=message):
        sj.Junction(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(energy=np.nan), "`energy` must be finite"),
        (dict(energy=[0.0, 1.0], solver="kwant"), "`energy` must be one number with Kwant"),
        (dict(energy=0.0, k=(0.0,)), r"`k` must be vectors \(kx, kz\), shape \(\.\.\., 2\)|`k` must be one vector"),
        (dict(energy=0.0, k=[(0, 0), (1, 1)], solver="kwant"), r"`k` must be one vector \(kx, kz\)"),
        (dict(energy=0.0, solver="magic"), "`solver` must be one of 'kwant', 'halves', 'modes', but is 'magic'"),
        (dict(energy=0.0, boundary="open"), "`boundary` must be 'periodic' or 'hard wall', but is 'open'"),
        (dict(energy=0.0, boundary="hard wall", k=(0, 0)), "`k` must be None for hard walls"),
        (dict(energy=0.0, cross_section=(2, 0)), r"`cross_section\[1\]` must be at least 1, but is 0"),
        (dict(energy=0.0, cross_section=3), "`cross_section` must be two numbers of sites, but is 3"),
        (dict(energy=[0.0, 1.0], cross_section=(2, 2)), "`energy` must be one number with Kwant"),
        (dict(energy=0.0, cross_section=[(1, 2), 1]), r"`cross_section\[0\]` must be a positive integer"),
        (dict(energy=0.0, cross_section=(1000, 1000)), "1000 × 1000 sites need about"),
        (dict(energy=0.0, k="average", boundary="hard wall"), "`k` must not be 'average' with Kwant"),
        (dict(energy=[]), "must not be empty"),
        (dict(energy=0.0, max_defect=0.0), "`max_defect` must be positive"),
        (dict(energy=np.zeros(3), k=np.zeros((2, 2)), solver="halves"), "must broadcast"),
    ],
)
def test_scatter_names_the_bad_argument(arguments, message):
    with pytest.raises(sj.ArgumentError, match=message):
        sj.scatter(tunnel_junction(), **arguments)


def test_scatter_and_build_want_a_junction():
    with pytest.raises(
        sj.ArgumentError, match="`junction` must be a Junction, a Device or a finalized kwant system, but is str"
    ):
        sj.scatter("iron", 0.0)
    with pytest.raises(sj.ArgumentError, match="`junction` must be a Junction, but is Layer"):
        sj.build(IRON)
    with pytest.raises(sj.ArgumentError, match="`first_plane` must be an integer"):
        sj.build(tunnel_junction(), first_plane=0.5)


def test_a_lead_whose_exchange_field_leaves_the_declared_axis_is_refused():
    """Kwant would drop the conservation law with a warning, and the spin-resolved blocks with it."""
    syst = sj.build(tunnel_junction())
    assert sj.scatter(syst.finalized(), 0.0).spins[0].resolved
    lead = syst.leads[0].builder
    site = next(iter(lead.sites()))
    lead[site] = np.array(lead[site]) + 0.1 * np.array([[0, 1], [1, 0]])
    with pytest.raises(sj.ArgumentError, match="commute with their conservation law, but the on-site terms of lead 0"):
        sj.scatter(syst.finalized(), 0.0)
    lead.conservation_law = None
    found = sj.scatter(syst.finalized(), 0.0)  # without a law the lead is resolved along the field it has
    assert found.spins[0].resolved
    assert abs(found.magnetizations[0, 0]) > 0.1


def test_potentials_must_be_one_number_or_one_per_spin():
    s = sj.scatter(tunnel_junction(), 0.0)
    with pytest.raises(sj.ArgumentError, match=r"`mu_left` must have shape \(\.\.\., 2\)"):
        linear_response(s, (1, 2, 3), 0.0)
    with pytest.raises(sj.ArgumentError, match="`mu_right` must be finite"):
        linear_response(s, 0.0, np.nan)
    with pytest.raises(sj.ArgumentError, match="`scattering` must be a Scattering, but is Junction"):
        linear_response(tunnel_junction(), 0.5, -0.5)


def test_a_texture_has_no_single_spacer_current():
    texture = sj.Junction(
        IRON, [sj.ferromagnet(**GOOD, m=unit_vector(0.5))], sj.ferromagnet(**GOOD, m=unit_vector(1.5))
    )
    twisted = sj.Junction(
        IRON,
        [sj.ferromagnet(**GOOD, m=unit_vector(0.5)), sj.ferromagnet(**GOOD, m=unit_vector(1.0))],
        sj.ferromagnet(**GOOD, m=unit_vector(1.5)),
    )
    assert texture.cut is None
    assert twisted.cut is None
    with pytest.raises(sj.ArgumentError, match="two collinear halves"):
        linear_response(sj.scatter(twisted, 0.0), 0.5, -0.5)


def test_spin_factors_want_collinear_junctions():
    noncollinear = sj.scatter(tunnel_junction(theta=1.0), 0.0)
    with pytest.raises(sj.ArgumentError, match="`parallel` must be a junction at 0 degrees, but its angle is 57.2958"):
        compare.spin_factors(noncollinear, noncollinear)
    one, other = sj.scatter(tunnel_junction(theta=0), 0.0), sj.scatter(tunnel_junction(theta=np.pi), 0.3)
    with pytest.raises(sj.ArgumentError, match="must be at the same energy and k"):
        compare.spin_factors(one, other)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ([1, 2], [1, 2], "at least 3 points"),
        ([1, 2, 3], [1, 0, 2], "`y` must be positive"),
        ([0, 2, 3], [1, 1, 2], "`x` must be positive"),
        ([2, 2, 2], [1, 1, 2], "`x` must vary"),
    ],
)
def test_fits_refuse_what_cannot_be_fitted(x, y, message):
    with pytest.raises(sj.ArgumentError, match=message):
        compare.fit_power_law(x, y)


def test_plots_say_what_they_cannot_draw():
    batch = sj.scatter(spin_valve(), np.linspace(0, 0.1, 3), solver="halves")
    with pytest.raises(sj.ArgumentError, match="must be one point, but is a batch"):
        plot.plot_layers(batch)
    with pytest.raises(sj.ArgumentError, match=r"`lead_in` must be 0 \(left\), 1 \(right\)"):
        plot.plot_layers(sj.scatter(spin_valve(), 0.0), lead_in=2)
