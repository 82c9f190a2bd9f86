"""What the figures of several claims share: axes of the angle, legends below, guides for the eye."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwant_spinjunc.plot.figures import COLORS, new_figure, styled

__all__ = [
    "COLORS",
    "SEQUENCE",
    "angle_axis",
    "finish",
    "guide",
    "legend_below",
    "new_figure",
    "palette",
    "shade",
    "styled",
]

#: Colors of curves without a meaning of their own, apart for color-blind eyes (Okabe-Ito).
SEQUENCE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#000000")


def palette(count: int) -> list[Any]:
    """Return colors of an ordered family, dark to light, the lightest still readable on white."""
    import matplotlib as mpl

    return list(mpl.colormaps["viridis"](np.linspace(0, 0.85, count)))


def angle_axis(panel: Any, step: int = 45) -> None:
    """Label the abscissa as the angle between the magnets."""
    panel.set_xlabel(r"angle $\Phi$ (degrees)")
    panel.set_xticks(range(0, 181, step))


def legend_below(figure: Any, source: Any, ncols: int, **options: Any) -> None:
    """Put the legend of one panel below the whole figure."""
    figure.legend(*source.get_legend_handles_labels(), loc="outside lower center", ncols=ncols, **options)


def guide(panel: Any, x: Any, y: Any, label: str, style: str = "-") -> None:
    """Draw a thin black line behind the points: a power law or a formula."""
    panel.plot(x, y, style, color="black", linewidth=0.9, zorder=0, label=label)


def shade(panel: Any, low: float, high: float, label: str | None = None) -> None:
    """Shade what lies between two positions, as a nonmagnetic run of planes."""
    panel.axvspan(low, high, color=COLORS["muted"], alpha=0.25, linewidth=0, label=label)


def finish(figure: Any, title: str) -> None:
    """Write angle and energy above a figure; label 2 and 5 as well where a logarithmic axis shows one power of ten."""
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter

    figure.suptitle(title, fontsize=9)
    for panel in figure.axes:
        for axis in (panel.xaxis, panel.yaxis):
            low, high = sorted(axis.get_view_interval())
            if axis.get_scale() != "log" or sum(low <= tick <= high for tick in axis.get_majorticklocs()) > 1:
                continue
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(9, 9)))
            axis.set_minor_formatter(NullFormatter())
