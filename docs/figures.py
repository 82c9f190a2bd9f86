"""Drawings of the site, made by the library when it is built; ``python docs/figures.py DIR`` draws them alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.patches import Arc, FancyArrowPatch, Rectangle

import kwant_spinjunc as sj
from kwant_spinjunc.plot.figures import new_figure, styled
from kwant_spinjunc.spin import torque_axes

LEFT, RIGHT, CURRENT, TORQUE, GRAY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "0.45"
ANGLE = np.pi / 3
IRON = {"onsite": 1.0, "hopping": 1.0, "splitting": 1.0}


def junction() -> sj.Junction:
    """Return the junction of the README."""
    return sj.Junction(
        sj.ferromagnet(**IRON),
        [sj.barrier(onsite=3.0, hopping=1.0, thickness=4)],
        sj.ferromagnet(**IRON, m=sj.unit_vector(theta=ANGLE)),
    )


def arrow(axes: Any, start: Any, end: Any, color: str, **style: Any) -> None:
    """Draw an arrow in data coordinates."""
    style = {"arrowstyle": "-|>", "mutation_scale": 13, "linewidth": 2.0, "shrinkA": 0, "shrinkB": 0} | style
    axes.add_patch(FancyArrowPatch(tuple(start), tuple(end), color=color, **style))


def along_axis(axes: Any, start: Any, away: bool, color: str) -> None:
    """Draw an arrow seen from behind (away from the reader) or from its tip."""
    axes.plot(*start, "o", markersize=13, markerfacecolor="white", markeredgecolor=color, markeredgewidth=1.6)
    axes.plot(*start, "x" if away else ".", markersize=7, color=color, markeredgewidth=1.6)


def _side_view(axes: Any) -> None:
    """Draw the stack with its currents: y to the right, z up, x toward the reader."""
    for x, width, color, name in [
        (0.0, 3.0, LEFT, "left magnet (lead 0)"),
        (3.0, 1.6, GRAY, "spacer"),
        (4.6, 3.0, RIGHT, "right magnet (lead 1)"),
    ]:
        axes.add_patch(Rectangle((x, 0), width, 2.1, facecolor=color, alpha=0.16, edgecolor="none"))
        axes.text(x + width / 2, 2.22, name, ha="center", color=color)
    for x, text in [(0.9, "$J,\\ J_M^L$"), (3.2, "$J,\\ \\mathbf{Q}$"), (5.5, "$J,\\ J_M^R$")]:
        arrow(axes, (x, 0.55), (x + 1.2, 0.55), CURRENT)
        axes.text(x + 0.6, 0.78, text, ha="center", color=CURRENT)
    axes.text(
        3.8,
        -0.42,
        "all currents positive along $+y$;   $\\boldsymbol{\\tau}_L = J_M^L\\mathbf{m}_L - \\mathbf{Q}$,"
        "   $\\boldsymbol{\\tau}_R = \\mathbf{Q} - J_M^R\\mathbf{m}_R$",
        ha="center",
    )
    arrow(axes, (1.5, 1.2), (1.5, 1.95), LEFT)
    axes.text(1.62, 1.5, "$\\mathbf{m}_L$", color=LEFT)
    # m_R is turned toward x, out of the page: its z component is what this view shows
    arrow(axes, (6.1, 1.2), (6.1, 1.2 + 0.75 * np.cos(ANGLE)), RIGHT)
    along_axis(axes, (6.1, 1.2), False, RIGHT)
    axes.text(6.32, 1.3, "$\\mathbf{m}_R$", color=RIGHT)
    _axes_cross(axes, (-1.5, 0.5), "y", "z", "x", toward=True)
    axes.set(xlim=(-2.0, 7.8), ylim=(-0.75, 2.6), aspect="equal")


def _axes_cross(axes: Any, origin: Any, right: str, up: str, normal: str, *, toward: bool) -> None:
    x, y = origin
    arrow(axes, (x, y), (x + 0.7, y), "black", linewidth=1.2, mutation_scale=9)
    arrow(axes, (x, y), (x, y + 0.7), "black", linewidth=1.2, mutation_scale=9)
    along_axis(axes, (x, y), not toward, "black")
    axes.text(x + 0.78, y, right, va="center")
    axes.text(x, y + 0.78, up, ha="center")
    axes.text(x - 0.16, y - 0.16, normal, ha="right", va="top")


def _along_the_current(axes: Any) -> None:
    """Draw both magnetizations seen along the current: x to the right, z up, y away from the reader."""
    m_left, m_right = sj.unit_vector(0.0), sj.unit_vector(ANGLE)
    (e_left, normal), (e_right, _) = torque_axes(m_left, m_right), torque_axes(m_right, m_left)
    away = normal[1] > 0
    for m, e, color, name, beside, above in [
        (m_left, e_left, LEFT, "L", (-0.26, 0.0), (-0.04, 0.1)),
        (m_right, e_right, RIGHT, "R", (0.08, -0.18), (0.1, -0.02)),
    ]:
        tip, along = m[[0, 2]], 0.42 * e[[0, 2]]
        arrow(axes, (0, 0), 0.92 * tip, color)
        axes.text(*(0.55 * tip + beside), f"$\\mathbf{{m}}_{name}$", color=color)
        arrow(axes, 1.0 * tip, tip + along, TORQUE)
        axes.text(*(tip + 0.6 * along + above), f"$\\mathbf{{e}}_{name}$", color=TORQUE)
        along_axis(axes, tip, away, TORQUE)
    axes.add_patch(Arc((0, 0), 0.7, 0.7, theta1=90 - np.degrees(ANGLE), theta2=90, color="black"))
    axes.text(0.12, 0.42, "$\\Phi$")
    arrow(axes, (1.6, 1.0), (1.95, 1.0), TORQUE)
    words = "damping-like: along $\\mathbf{e}$, positive\nturns a magnet toward the other"
    axes.text(2.1, 1.0, words, color=TORQUE, va="center")
    along_axis(axes, (1.78, 0.4), away, TORQUE)
    words = "field-like: along $\\mathbf{m}_L{\\times}\\mathbf{m}_R$,\nthe same for both magnets"
    axes.text(2.1, 0.4, words, color=TORQUE, va="center")
    _axes_cross(axes, (-1.5, 0.05), "x", "z", "y", toward=not away)
    axes.set(xlim=(-2.0, 4.6), ylim=(-0.3, 1.3), aspect="equal")


@styled
def conventions() -> Any:
    """Draw the one picture for signs; every direction in it is taken from the library."""
    figure, (top, bottom) = new_figure(2, 1, width=7.2, height=4.9)
    for axes, draw, title in [
        (top, _side_view, "The stack, seen from the side"),
        (bottom, _along_the_current, "Both magnetizations, seen along the current"),
    ]:
        draw(axes)
        axes.set_axis_off()
        axes.set_anchor("W")
        axes.set_title(title, loc="left")
    return figure


FIGURES = {"conventions": conventions}


def draw(folder: Path) -> None:
    """Draw every figure into a folder, as SVG."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, figure in FIGURES.items():
        figure().savefig(folder / f"{name}.svg", bbox_inches="tight")


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
