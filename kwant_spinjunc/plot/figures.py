"""Figures: what a junction is, and what its spin currents and torques do.

Every function returns a new `matplotlib.figure.Figure` that owns its axes; nothing is shown or saved by itself.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib import patheffects
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation
from numpy.typing import ArrayLike

from ..checks import choice, refusal
from ..errors import ArgumentError
from ..model.junction import Junction
from ..model.plane import band_shift
from ..printing import with_unit
from ..runs.averages import Ensemble
from ..scattering import Scattering
from ..spin import angle_between
from ..transport.linear import linear_response

#: One color per meaning, readable in print and with color-vision deficiency (Okabe-Ito).
COLORS = {
    "majority": "#0072B2",
    "minority": "#D55E00",
    "left": "#0072B2",
    "right": "#D55E00",
    "theory": "#000000",
    "microscopic": "#0072B2",
    "damping_like": "#009E73",
    "field_like": "#CC79A7",
    "x": "#D55E00",
    "y": "#009E73",
    "z": "#0072B2",
    "muted": "#8c959f",
}

#: Planes above which points are drawn as a line only.
CROWDED = 100
#: Torque on a site that is rounding.
NOISE = 1e-12
#: Matplotlib settings of all figures.
STYLE = {
    "font.size": 9.0,
    "axes.labelsize": 9.0,
    "axes.titlesize": 9.0,
    "legend.fontsize": 8.0,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.0,
}


P = ParamSpec("P")
R = TypeVar("R")


def styled(function: Callable[P, R]) -> Callable[P, R]:
    """Run a plotting function with `STYLE`; Matplotlib resolves settings when an artist is made."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        with mpl.rc_context(STYLE):
            return function(*args, **kwargs)

    return wrapper


def new_figure(
    rows: int = 1, columns: int = 1, *, width: float = 6.4, height: float = 3.4, **grid: Any
) -> tuple[Figure, Any]:
    """Return (figure, axes); ``grid`` goes to `Figure.subplots`. Call it in a `styled` function.

    ``rows``, ``columns``: Panels.
    ``width``, ``height``: size in inches.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **grid)


#: Length of an arrow that shows m, in points.
ARROW = 15.0
#: Momenta of a band, and the line of an energy.
KY = np.linspace(-np.pi, np.pi, 201)
FERMI: dict[str, Any] = {"color": "black", "linewidth": 0.9, "linestyle": "--"}
#: Where a legend stands beside its axes.
BESIDE: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}


@styled
def plot_junction(junction: Junction, energy: float | None = None, k: ArrayLike | None = None) -> Figure:
    """Draw the levels of every plane, the magnetizations, and the bands of both leads.

    ``energy``: marked by a line, if given; same unit as the junction's on-site energies.
    ``k``: in-plane wave vector (kx, kz) in 1/a, None for Γ.
    """
    c = float(band_shift(k))
    figure, (left, middle, right) = new_figure(
        1, 3, width=8.0, height=3.8, sharey=True, gridspec_kw={"width_ratios": [1, 2.4, 1]}
    )
    for axes, lead, title in [(left, junction.left, "left lead"), (right, junction.right, "right lead")]:
        for spin, level in zip(("majority", "minority"), lead.levels(c), strict=True):
            axes.plot(KY / np.pi, level - 2 * lead.hopping * np.cos(KY), color=COLORS[spin], label=spin)
        axes.set(title=title, xlabel=r"$k_y a/\pi$", xticks=[-1, 0, 1])
    _draw_planes(middle, junction, c)
    if energy is not None:
        for axes in (left, middle, right):
            axes.axhline(energy, **FERMI)
        left.annotate("E", (0.02, energy), xycoords=("axes fraction", "data"), va="bottom")
    left.set_ylabel(f"energy ({junction.unit or 'unit of the hopping'})")
    left.legend(loc="upper left", bbox_to_anchor=(0.0, -0.2), ncols=2, handlelength=1.2)
    return figure


def _draw_planes(axes: Any, junction: Junction, c: float) -> None:
    for n, plane in enumerate(junction.planes):
        up, down = plane.levels(c)
        bars = [(n - 0.23, up, "majority"), (n + 0.23, down, "minority")] if plane.is_magnetic else [(n, up, "muted")]
        for x, level, color in bars:
            style = {"width": 0.44 if plane.is_magnetic else 0.9, "alpha": 0.35, "linewidth": 0}
            axes.bar(x, 4 * plane.hopping, bottom=level - 2 * plane.hopping, color=COLORS[color], **style)
    low, high = axes.get_ylim()
    top = high + 0.12 * (high - low)
    for n, plane in enumerate(junction.planes):
        if plane.is_magnetic:
            draw_direction(axes, (n, top), plane.m)
    title = rf"bands of the planes; arrows: m in the x-z plane, $\Phi$ = {np.degrees(junction.angle):.4g}°"
    axes.set(ylim=(low, top + 0.1 * (high - low)), xlabel="plane n (position y = n a)", title=title)
    axes.xaxis.get_major_locator().set_params(integer=True)


def draw_direction(axes: Any, at: tuple[float, float], m: Any, length: float = ARROW) -> None:
    """Draw m in the x-z plane as an arrow around a point, x to the right and z up, at its true angle on paper.

    What points along y is a dot.
    """
    x, _, z = m
    if np.hypot(x, z) < 0.05:
        axes.plot(*at, "o", color="black", markersize=3.0)
        return
    figure, half = axes.figure, 0.5 * length / 72.0

    def end(sign: float) -> Any:
        return axes.transData + ScaledTranslation(sign * half * x, sign * half * z, figure.dpi_scale_trans)

    style = {"arrowstyle": "-|>", "color": "black", "linewidth": 1.3, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", xy=at, xycoords=end(1.0), xytext=at, textcoords=end(-1.0), arrowprops=style)


@styled
def plot_layers(scattering: Scattering, lead_in: int | None = None) -> Figure:
    """Plot spin current through each bond, torque on each plane, and that torque cumulated from the cut outward.

    The cumulated torque of a magnet swings around the torque on all of it (dotted) and tends to it as its transverse
    spin dephases. Of a texture it is cumulated from the left.

    ``scattering``: result for one energy and k. More planes of the leads are shown for ``junction.padded(planes)``.
    ``lead_in``: none for the linear response to a unit bias, µ_L = -µ_R = 1/2; 0 for states from the left, 1 from the
    right, each of unit flux.
    """
    if scattering.unitarity_defect.ndim:
        raise ArgumentError("Argument `scattering` must be one point, but is a batch. Solve for one energy and k.")
    if lead_in not in (None, 0, 1):
        raise ArgumentError(f"Argument `lead_in` must be 0 (left), 1 (right) or None, but is {lead_in!r}.")
    weights = np.array([0.5, -0.5]) if lead_in is None else np.eye(2)[lead_in]
    currents, torques = (np.tensordot(weights, x, 1) for x in (scattering.bond_currents, scattering.layer_torques))
    figure, (top, middle, bottom) = new_figure(3, 1, width=6.4, height=6.4, sharex=True)
    bonds, planes, cut = np.arange(len(currents)) + 0.5, np.arange(len(torques)), scattering.junction.cut
    first = 0 if cut is None else cut + 1
    cumulated = np.concatenate([torques[:first][::-1].cumsum(axis=0)[::-1], torques[first:].cumsum(axis=0)])
    style = "o-" if len(planes) <= CROWDED else "-"
    for column, axis in enumerate("xyz"):
        top.plot(bonds, currents[:, column + 1], style, color=COLORS[axis], label=rf"$Q_{axis}$")
        for axes, values, label in ((middle, torques, r"\tau"), (bottom, cumulated, r"\Sigma\tau")):
            axes.plot(planes, values[:, column], style, color=COLORS[axis], label=rf"${label}_{axis}$")
    if cut is not None:
        totals = linear_response(scattering, *weights).torques.vectors
        for of_magnet, ends in zip(totals, ((0, cut), (first, planes[-1])), strict=True):
            bottom.hlines(of_magnet, *ends, colors=[COLORS[axis] for axis in "xyz"], linestyles="dotted", linewidth=1.0)
    top.plot(bonds, currents[:, 0], "--", color="black", label="charge")
    spacer = np.flatnonzero(scattering.junction.plane_splitting == 0)
    stretches = np.split(spacer, np.flatnonzero(np.diff(spacer) > 1) + 1) if len(spacer) else []
    for axes in (top, middle, bottom):
        for planes_ in stretches:
            axes.axvspan(planes_[0] - 0.5, planes_[-1] + 0.5, color=COLORS["muted"], alpha=0.15, linewidth=0)
        axes.axhline(0, color="black", linewidth=0.6)
        axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 4), useMathText=True)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    if lead_in is None:
        cells = "per cell" if scattering.cells == 1 else f"of {scattering.cells} cells"
        drive, unit = "linear response to a bias, µ_L = −µ_R = 1/2", f"e²/h {cells}"
    else:
        drive, unit = f"states from the {('left', 'right')[lead_in]}", "per unit incoming flux"
    at = with_unit(f"{scattering.energy:g}", scattering.junction.unit)
    top.set(title=f"{drive}, E = {at}; shaded: nonmagnetic planes", ylabel=f"flux\n({unit})")
    middle.set_ylabel(f"torque on the plane\n({unit})")
    start = "from the left" if cut is None else "from the cut outward"
    bottom.set(ylabel=f"torque cumulated\n{start}\n({unit})", xlabel="plane n (bond b lies between planes b and b + 1)")
    bottom.xaxis.get_major_locator().set_params(integer=True)
    return figure


@styled
def plot_ensemble(result: Ensemble) -> Figure:
    """Draw the distribution of the conductance, and its average against the angle or the averages T_ss'.

    ``result``: of `ensemble`. With directions of the right magnet the distribution is that of the first one.
    """
    figure, (left, right) = new_figure(1, 2, width=7.0, height=3.2)
    swept = result.conductance.mean.ndim == 1
    mean, error = (np.atleast_1d(x) for x in (result.conductance.mean, result.conductance.error))
    log = bool(np.atleast_1d(result.conductance.minimum)[0] > 0)
    bins = int(np.clip(2 * result.conductance.count ** (1 / 3), 5, 60))  # Rice's rule
    density, edges = result.histogram("conductance", (0,) if swept else (), bins=bins, log=log)
    left.stairs(density, edges / np.log(10) if log else edges, fill=True, color=COLORS["microscopic"], alpha=0.6)
    unit = result.quantities[0].units.replace("e^2", "e²")
    middle = np.log10(mean[0]) if log else mean[0]
    left.axvline(middle, color=COLORS["theory"], linewidth=1.0, label="mean")
    if log:
        typical = np.atleast_1d(result.conductance.typical)[0]
        left.axvline(np.log10(typical), color=COLORS["theory"], linewidth=1.0, linestyle="--", label="typical")
    left.set(xlabel=f"log₁₀ conductance ({unit})" if log else f"conductance ({unit})", ylabel="probability density")
    left.legend(loc="best")
    if swept:
        m = np.array(result.store.identity["m_right"])
        turned = np.degrees(angle_between(m[0], m))
        right.errorbar(turned, mean, error, fmt="o", color=COLORS["microscopic"], capsize=2)
        right.set(xlabel="angle of the right magnet from the first (deg)", ylabel=f"conductance ({unit})")
    else:
        T = result.transmissions
        names = ["++", "+−", "−+", "−−"]
        right.errorbar(names, T.mean.ravel(), T.error.ravel(), fmt="o", color=COLORS["microscopic"], capsize=3)
        right.set_ylabel("T_ss' (left s to right s')")
        right.margins(x=0.15)
    right.set_title(f"{result.realizations - result.failed} realizations")
    return figure


#: Strokes of lines.
DASHES = ("-", "--", ":")
#: A positive quantity that varies by more than this gets a logarithmic axis.
DECADES = 100


@styled
def plot_sweep(dataset: Any, variable: str | Sequence[str] = "conductance", *, log: bool | None = None) -> Figure:
    """Plot one variable of a sweep: lines over the longest axis, one per value of the others; a map for two long axes.

    ``variable``: name of a data variable, or several that are drawn over each other as lines.
    ``log``: whether the quantity has a logarithmic axis; None: where all of it is positive and spans more than two
    decades.
    """
    names = [variable] if isinstance(variable, str) else list(variable)
    if log is None and len(names) > 1:  # one axis for all
        log = all(name in dataset and _is_log(dataset[name].values, None, name) for name in names)
    figure, axes = new_figure()
    for name in names:
        _draw_sweep(figure, axes, dataset, name, log, alone=len(names) == 1)
    if len(names) > 1:
        axes.set_ylabel(", ".join(dict.fromkeys(dataset[name].attrs.get("units", "") for name in names)))
        _legend(axes)
    return figure


def _is_log(values: Any, log: bool | None, name: str) -> bool:
    """Return whether an axis is logarithmic: as asked, or for positive numbers over more than two decades."""
    known = np.asarray(values)[np.isfinite(values)]
    positive = bool(known.size and known.min() > 0)
    if log and not positive:
        raise ArgumentError(f"Argument `log` must be False for {name!r}, which is not positive everywhere.")
    return positive and bool(known.max() > DECADES * known.min()) if log is None else log


#: Axes that results have of themselves, drawn as lines.
OWN = ("lead", "lead_in", "lead_out", "magnet", "spin", "spin_in", "spin_out", "axis", "component", "cut", "quantile")
#: Values of a second axis up to which they are lines of their own, and lines that one picture can show.
FEW, MOST = 8, 24


def check_drawable(variable: str, sizes: Mapping[str, int], *, alone: bool = True) -> list[str]:
    """Return the axes over which a variable is drawn, the longest first, or refuse what no picture can show.

    ``sizes``: dimension -> length.
    ``alone``: whether it is the only one of its figure, so that two axes may be those of a map.
    """
    swept = sorted((dim for dim in sizes if dim not in OWN and sizes[dim] > 1), key=lambda dim: -sizes[dim])
    if not 1 <= len(swept) <= 2:
        raise refusal("variable", "depend on one or two swept axes to be drawn", f"{variable!r} has {dict(sizes)}")
    own = math.prod(size for dim, size in sizes.items() if dim in OWN)
    lines = own * math.prod(sizes[dim] for dim in swept[1:])
    if lines > MOST and not (alone and own == 1):
        raise ArgumentError(
            f"Argument `variable` must be drawn by at most {MOST} lines, but {variable!r} has {lines}, with the axes "
            f"{dict(sizes)}. Sweep one axis only, or select with xarray."
        )
    return swept


def _draw_sweep(figure: Any, axes: Any, dataset: Any, variable: str, log: bool | None, *, alone: bool) -> None:
    """Draw one variable of a sweep into axes; several are told apart by their names."""
    data = dataset[choice("variable", variable, sorted(dataset.data_vars))]
    swept = check_drawable(variable, {str(dim): size for dim, size in data.sizes.items()}, alone=alone)
    fixed = [dim for dim in data.dims if dim in OWN]
    data = data.squeeze([dim for dim in data.dims if dim not in fixed and data.sizes[dim] == 1], drop=True)
    decades = _is_log(data.values, log, variable)
    x = swept[0]
    if alone and len(swept) == 2 and not fixed and data.sizes[swept[1]] > FEW:
        _draw_map(figure, axes, dataset, data.transpose(swept[1], x), "log" if decades else "linear")
    else:
        _draw_lines(axes, dataset, data, x, [] if alone else [str(data.attrs.get("long_name", variable))])
        if decades:
            axes.set_yscale("log")
        else:
            axes.ticklabel_format(axis="y", style="sci", scilimits=(-2, 4), useMathText=True)
    axes.set_xlabel(_label(dataset[x]))


def _draw_map(figure: Any, axes: Any, dataset: Any, data: Any, norm: str) -> None:
    """Draw a variable [y, x] in colors."""
    y, x = (dataset[dim] for dim in data.dims)
    mesh = axes.pcolormesh(_in_degrees(x), _in_degrees(y), data.values, shading="nearest", norm=norm)
    figure.colorbar(mesh, ax=axes, label=_label(data))
    axes.set_ylabel(_label(y))


def _draw_lines(axes: Any, dataset: Any, data: Any, x: str, title: list[str]) -> None:
    """Draw a variable over x, one line for each value of the other axes, named by the title and these values."""
    series = [dim for dim in data.dims if dim != x]
    stacked = data.stack(line=series) if series else data.expand_dims("line")
    errors = dataset.get(f"{data.name}_error")
    if errors is not None:
        errors = errors.squeeze([dim for dim in errors.dims if dim not in data.dims])
        errors = errors.stack(line=series) if series else errors.expand_dims("line")
    at = _in_degrees(dataset[x])
    for index in range(stacked.sizes["line"]):
        line = stacked.isel(line=index)
        if np.isfinite(line.values).any():  # else nothing to see, such as torques of a texture
            names = [*title, *(f"{dim} = {_word(line[dim].item(), dataset[dim])}" for dim in series)]
            style = "o" + DASHES[len(axes.lines) // 10 % len(DASHES)]  # as colors come again
            label = ", ".join(names) or None
            if errors is None:
                axes.plot(at, line, style, label=label)
            else:
                axes.errorbar(at, np.ravel(line), np.ravel(errors.isel(line=index)), fmt=style, capsize=2, label=label)
    if not axes.lines:
        raise ArgumentError(f"Argument `variable` must have numbers to be drawn, but {data.name!r} is NaN throughout.")
    if series:
        _legend(axes)
    axes.set_ylabel(_label(data))


def _legend(axes: Any) -> None:
    """Name the lines, beside the axes if there are many."""
    many = len(axes.lines) > FEW
    axes.legend(**({"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if many else {}))


#: Errors below and above these look the same.
ERROR_RANGE = (1e-5, 1.0)
#: Contours of error maps.
ERROR_CONTOURS = {0.01: "1 %", 0.1: "10 %"}


@styled
def plot_map(dataset: Any, error: str = "tunnelling") -> Figure:
    """Draw an error of the phenomenology over the first two swept axes, the worst over all further ones.

    ``error``: which of its errors.
    """
    data = _worst_over_further_axes(dataset, error)
    figure, axes = new_figure(width=5.2, height=3.8)
    mesh = draw_error_map(axes, data)
    figure.colorbar(mesh, ax=axes, label=data.attrs["long_name"], extend="min")
    averaged = "average over k∥" if dataset.attrs["k"] == "average" else "one k∥"
    axes.set_title("; ".join([averaged, *(f"worst over {name}" for name in data.attrs["worst_over"])]))
    return figure


def _worst_over_further_axes(dataset: Any, error: str) -> Any:
    data = dataset[choice("error", error, sorted(dataset.data_vars))]
    long = [dim for dim in data.dims if data.sizes[dim] > 1]
    if len(long) < 2:
        raise ArgumentError(f"Argument `dataset` must have two axes to draw a map, but has {long or 'none'}.")
    further = [dim for dim in data.dims if dim not in long[:2]]
    worst = data.max(further, keep_attrs=True)
    worst.attrs["worst_over"] = [dim for dim in further if data.sizes[dim] > 1]
    return worst


def draw_error_map(axes: Any, data: Any, *, contours: bool = True, shading: Any = "nearest") -> Any:
    """Draw a two-dimensional error on a logarithmic color scale, with contours at 1 % and 10 %; return the mesh."""
    x, y = (data[dim] for dim in data.dims)
    shown = np.clip(data.values.T, *ERROR_RANGE)
    mesh = axes.pcolormesh(x, y, shown, norm=LogNorm(*ERROR_RANGE), cmap="YlOrRd", shading=shading)
    if contours:
        error_contours(axes, data)
    axes.set(xlabel=_label(x), ylabel=_label(y))
    for axis, coordinate in ((axes.xaxis, x), (axes.yaxis, y)):
        if coordinate.dtype.kind == "i":
            axis.get_major_locator().set_params(integer=True)
    return mesh


def error_contours(axes: Any, data: Any, *, color: Any = "black", linestyle: Any = "-", label: bool = True) -> None:
    """Draw the contours of a two-dimensional error at 1 % and 10 %."""
    x, y = (data[dim] for dim in data.dims)
    values = np.log10(np.clip(data.values.T, *ERROR_RANGE))
    levels = {np.log10(level): name for level, name in ERROR_CONTOURS.items()}
    drawn = [level for level in levels if np.nanmin(values) < level < np.nanmax(values)]
    if drawn:
        lines = axes.contour(x, y, values, levels=drawn, colors=[color], linestyles=[linestyle], linewidths=1.1)
        if label:
            outline = [patheffects.withStroke(linewidth=2.5, foreground="white")]
            for text in axes.clabel(lines, fmt=levels, fontsize=8):
                text.set_path_effects(outline)


def _in_degrees(array: Any) -> Any:
    """Return the values of a coordinate as a person reads them: angles in degrees."""
    return np.degrees(array.values) if array.attrs.get("units") == "rad" else array.values


def _word(value: Any, coordinate: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{np.degrees(value):.4g}°" if coordinate.attrs.get("units") == "rad" else f"{value:.4g}"


def _label(array: Any) -> str:
    """Return "long name (units)", wrapped to fit beside an axis."""
    name = array.attrs.get("long_name", array.name)
    units = {"rad": "degrees"}.get(array.attrs.get("units", ""), array.attrs.get("units", ""))
    unit = f"({units.replace('^2', '²')})" if units and units != "1" else ""
    lines = [f"{name} {unit}".strip()] if len(name) + len(unit) < 46 else [*textwrap.wrap(name, 46), unit]
    return "\n".join(lines)
