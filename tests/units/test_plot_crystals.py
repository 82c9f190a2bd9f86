"""Figures of crystals: what is drawn is what was solved."""

import numpy as np
import pytest

import kwant_spinjunc as sj
from kwant_spinjunc.plot import plot_momenta
from systems.altermagnet_junction import altermagnet_junction

LINE = np.linspace(-np.pi, np.pi, 9)
MESH = np.stack(np.meshgrid(LINE[1:], LINE, indexing="ij"), axis=-1)
SPINS = ["majority", "minority"]
SETTINGS = dict(turns=[0.0, np.pi / 2], behind="barrier")


def test_curves_over_one_momentum_are_the_four_transmissions():
    s = sj.scatter(altermagnet_junction(), 0.2, k=LINE, **SETTINGS)
    (axes,) = plot_momenta(s, angle=1).axes
    labels = [line.get_label() for line in axes.get_lines()]
    assert labels == [f"{a} → {b}" for a in ("majority", "minority") for b in ("majority", "minority")]
    for line, (s_in, s_out) in zip(axes.get_lines(), np.ndindex(2, 2), strict=True):
        assert np.nan_to_num(line.get_ydata()) == pytest.approx(s.probabilities[1, :, 1, s_out, 0, s_in])
    assert len(plot_momenta(s, angle=0).axes[0].get_lines()) == 2  # collinear: no flips to be drawn


def test_maps_over_two_momenta_have_the_first_to_the_right_and_one_scale():
    s = sj.scatter(altermagnet_junction(dimensions=3, onsite=4.5, height=9.0), 0.2, k=MESH, **SETTINGS)
    figure = plot_momenta(s, angle=1)
    panels = figure.axes[:4]
    for axes, (s_in, s_out) in zip(panels, np.ndindex(2, 2), strict=True):
        (drawn,) = axes.collections
        T = s.probabilities[1, :, :, 1, s_out, 0, s_in]
        assert pytest.approx(T, abs=1e-8 * T.max()) == np.ma.filled(drawn.get_array(), 0.0).reshape(9, 8).T
        assert drawn.norm.vmax == pytest.approx(s.probabilities[1, :, :, 1, :, 0].max())
        assert axes.get_title() == f"{SPINS[s_in]} → {SPINS[s_out]}, mean {T.mean():.2g}"


@pytest.mark.parametrize(
    ("k", "options", "message"),
    [
        ("average", {}, "must be a CrystalScattering at momenta"),
        (LINE, {"angle": 2}, "`angle` must be 0 to 1"),
        (LINE, {"lead_out": -1}, "`lead_out` must be 0 to 1"),
        (LINE.reshape(3, 3), {}, "along one axis or on a mesh"),
    ],
)
def test_what_is_no_map_is_refused(k, options, message):
    at = k if isinstance(k, str) else k.reshape(*k.shape, 1)
    s = sj.scatter(altermagnet_junction(), 0.2, k=at, rtol=1e-2, **SETTINGS)
    with pytest.raises(sj.ArgumentError, match=message):
        plot_momenta(s, **options)
    shuffled = MESH[::-1]
    cubic = sj.scatter(altermagnet_junction(dimensions=3, onsite=4.5, height=9.0), 0.2, k=shuffled, **SETTINGS)
    with pytest.raises(sj.ArgumentError, match="along one axis or on a mesh"):
        plot_momenta(cubic)
