"""What a referee would send a figure back for, found on the figure itself."""

import re

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex

from validation.figures import COLORS

#: Pixels by which a marker may hang over its axis.
MARGIN = 2.0


def faults(figure, laid_out=True):
    """Return what is wrong with title, ticks, legends, curves and points of a figure, before or after its layout."""
    if not laid_out:
        figure.set_layout_engine("none")
    figure.draw_without_rendering()
    found, title = [], figure.get_suptitle()
    if not re.search(r"Φ|no angle", title) or not re.search(r"E =|no energy", title):
        found.append(f"title {title!r} lacks angle or energy")
    legends = [*figure.legends, *(panel.get_legend() for panel in figure.axes)]
    told = {color(handle) for legend in legends if legend for handle in legend.legend_handles}
    for n, panel in enumerate(figure.axes):
        if panel.get_label() == "<colorbar>":
            continue
        found += [f"panel {n}: {axis} has fewer than two labeled ticks" for axis in "xy" if ticks(panel, axis) < 2]
        curves = [line for line in panel.lines if len(line.get_xdata()) > 2 and color(line) != COLORS["muted"].lower()]
        colors = {color(line) for line in curves}
        if len(colors) > 1:
            found += [f"panel {n}: {one} has no legend entry" for one in sorted(colors - told)]
        found += [f"panel {n}: {line.get_label()} is invisible" for line in panel.lines if not seen(panel, line)]
        marked = [line for line in panel.lines if line.get_marker() not in ("None", "", None, "|", "_")]
        points = [(line.get_label(), line.get_xydata()) for line in marked]
        points += [
            (group.get_label(), group.get_offsets()) for group in panel.collections if isinstance(group, PathCollection)
        ]
        found += [f"panel {n}: points of {name} outside the axis" for name, xy in points if outside(panel, xy)]
    return found


def color(artist):
    """Return the color of a line, or of a legend's handle of any kind."""
    for part in (artist, *(artist.get_children() if hasattr(artist, "get_children") else ())):
        for get in ("get_color", "get_facecolor"):
            if hasattr(part, get):
                return to_hex(np.atleast_2d(getattr(part, get)())[0] if get == "get_facecolor" else one(part))
    return ""


def one(part):
    """Return one color of a line or of a collection of lines."""
    value = part.get_color()
    return value[0] if isinstance(value, np.ndarray) and value.ndim == 2 else value


def ticks(panel, axis):
    """Return how many ticks inside the view have a label, on this panel or one that shares its axis."""
    grouper = panel.get_shared_x_axes() if axis == "x" else panel.get_shared_y_axes()

    def count(one):
        line = getattr(one, f"{axis}axis")
        low, high = sorted(line.get_view_interval())
        labels = [*line.get_ticklabels(minor=False), *line.get_ticklabels(minor=True)]
        spots = [*line.get_majorticklocs(), *line.get_minorticklocs()]
        return sum(bool(label.get_text()) and low <= spot <= high for label, spot in zip(labels, spots, strict=False))

    return max(count(sibling) for sibling in grouper.get_siblings(panel))


def seen(panel, line):
    """Return whether anything of a line is drawn within its axes."""
    if not len(line.get_xdata()):  # an entry of the legend
        return True
    if to_hex(line.get_color()) == "#ffffff" or line.get_alpha() == 0 or not line.get_visible():
        return False
    spots = line.get_transform().transform(np.ma.filled(np.ma.asarray(line.get_xydata(), dtype=float), np.nan))
    spots = spots[np.isfinite(spots).all(axis=-1)]
    box = panel.bbox
    inside = (spots >= [box.x0 - MARGIN, box.y0 - MARGIN]) & (spots <= [box.x1 + MARGIN, box.y1 + MARGIN])
    return bool(len(spots)) and bool(inside.any(axis=0).all())


def outside(panel, xy):
    """Return whether a finite point is beyond the axes."""
    spots = panel.transData.transform(np.ma.filled(np.ma.asarray(xy, dtype=float), np.nan))
    spots = spots[np.isfinite(spots).all(axis=-1)]
    box = panel.bbox
    low, high = np.array([box.x0, box.y0]) - MARGIN, np.array([box.x1, box.y1]) + MARGIN
    return bool(((spots < low) | (spots > high)).any())
