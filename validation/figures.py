"""What the figures of several claims share: axes of the angle, legends below, guides for the eye."""

from collections.abc import Callable
from functools import wraps
from types import ModuleType
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter

from kwant_spinjunc.plot.figures import COLORS, new_figure, styled

# What a color means is its name in every figure: color="majority".
mpl.colors.get_named_colors_mapping().update({name: value for name, value in COLORS.items() if len(name) > 1})


def drawn(name: str, rows: int = 1, columns: int = 1, **size: Any) -> Callable[[Any], Callable[[Any], Figure]]:
    """Make a function that draws what was measured into panels the figure ``name`` of its claim.

    It is called with what was measured, and one panel after the other, or the array of several rows and columns.
    """

    def decorate(draw: Any) -> Callable[[Any], Figure]:
        @styled
        @wraps(draw)
        def make(measured: Any) -> Figure:
            figure, panels = new_figure(rows, columns, **size)
            draw(measured, *(panels if np.ndim(panels) == 1 else [panels]))
            return figure

        make.figure = name  # type: ignore[attr-defined]
        return make

    return decorate


def figures_of(module: ModuleType) -> dict[str, Callable[[Any], Figure]]:
    """Return what the functions of a claim draw, by the name of the figure."""
    own = (value for value in vars(module).values() if getattr(value, "__module__", "") == module.__name__)
    return {value.figure: value for value in own if hasattr(value, "figure")}


def palette(count: int) -> list[Any]:
    """Return colors of an ordered family, dark to light, the lightest still readable on white."""
    return list(mpl.colormaps["viridis"](np.linspace(0, 0.85, count)))


def angle_axis(panel: Any, step: int = 45) -> None:
    """Label the abscissa as the angle between the magnets."""
    panel.set_xlabel(r"angle $\Phi$ (degrees)")
    panel.set_xticks(range(0, 181, step))


def curve(
    panel: Any, x: Any, y: Any, look: str, color: Any, label: str | None = None, *, hollow: bool = False, **options: Any
) -> None:
    """Draw points or a line, ``look`` as Matplotlib has it, in a color or what it means."""
    if hollow:
        options["markerfacecolor"] = "none"
    panel.plot(x, y, look, color=color, label=label, **options)


def legend_below(source: Any, ncols: int, **options: Any) -> None:
    """Put the legend of one panel below the whole figure."""
    source.figure.legend(*source.get_legend_handles_labels(), loc="outside lower center", ncols=ncols, **options)


def guide(panel: Any, x: Any, y: Any, label: str, style: str = "-") -> None:
    """Draw a thin black line behind the points: a power law or a formula."""
    panel.plot(x, y, style, color="black", linewidth=0.9, zorder=0, label=label)


def finish(figure: Any, title: str) -> None:
    """Write angle and energy above a figure; label 2 and 5 as well where a logarithmic axis shows one power of ten."""
    figure.suptitle(title, fontsize=9)
    for panel in figure.axes:
        for axis in (panel.xaxis, panel.yaxis):
            low, high = sorted(axis.get_view_interval())
            if axis.get_scale() != "log" or sum(low <= tick <= high for tick in axis.get_majorticklocs()) > 1:
                continue
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(9, 9)))
            axis.set_minor_formatter(NullFormatter())
