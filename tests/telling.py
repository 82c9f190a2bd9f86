"""Tell anything a user gets as lines of words and numbers, and compare two such tellings.

An array is told by its shape, the sum of absolute values, and a sum with weights that differ from element to element:
no element can change, move or turn its sign unseen. Words must be the same, whatever space is between them, numbers to
`CLOSE`; what is below `ROUNDING` is told as nothing, since every machine rounds otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cached_property
from types import FunctionType
from typing import Any

import numpy as np
from matplotlib.figure import Figure

#: Fits and integrals of another NumPy or another processor; smaller numbers are rounding.
CLOSE, ROUNDING = 1e-5, 1e-9
#: How far parts of parts are told: a law of a judgment has curves.
DEPTH = 6
NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?(?![\w])")
#: How NumPy 2 writes a number or a truth value.
SCALAR = re.compile(r"np\.(?:(?:float|int|uint)\d+|bool)\(([^()]*)\)")
TRUTH = re.compile(r"\bnp\.(True|False)_")
#: Records are told with the NumPy that Kwant is built for. Another comes with another LAPACK and another Matplotlib.
OTHER = not np.__version__.startswith("1.")
#: What says where and when, and what is only handed through.
LEFT_OUT = "measured measurement milliseconds url provenance smatrix junction problem device system lead_info"
LEFT_OUT += " created version store"
#: Spins of modes, which eigenvalue solvers order each as it will.
UNORDERED = ("incoming", "outgoing")


def told(value: Any, path: str = "", depth: int = 0) -> Iterator[str]:
    """Yield lines ``path: what``."""
    if isinstance(value, (str, bytes, bool, type(None), Enum)):
        yield from (f"{path}: {' '.join(line.split())}" for line in str(value).splitlines() or [""])
    elif isinstance(value, (int, float, complex, np.generic, np.ndarray)) or _is_numeric(value):
        yield f"{path}: {_array(np.asarray(value))}"
    elif hasattr(value, "data_vars"):
        for name, array in (*sorted(value.coords.items()), *sorted(value.data_vars.items())):
            yield f"{path}.{name}: {array.dims} {_words(array.attrs)} {_array(array.values)}"
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if str(key) not in LEFT_OUT.split():
                yield from told(item, f"{path}.{key}", depth + 1)
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield from told(item, f"{path}.{number}", depth + 1)
    elif isinstance(value, Figure):
        yield from _figure(value, path)
    elif depth < DEPTH and hasattr(type(value), "__module__") and type(value).__module__.startswith("kwant_spinjunc"):
        yield from _object(value, path, depth)


def _words(attributes: Mapping[Any, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in attributes.items())


def _is_numeric(value: Any) -> bool:
    if not isinstance(value, (list, tuple)) or not value:
        return False
    try:
        return np.asarray(value).dtype.kind in "biufc"
    except ValueError:
        return False


def _object(value: Any, path: str, depth: int) -> Iterator[str]:
    yield f"{path}: {type(value).__name__}"
    names = [f.name for f in fields(value)] if is_dataclass(value) else []
    members = {name: member for of in reversed(type(value).__mro__) for name, member in vars(of).items()}
    names += sorted(n for n, member in members.items() if isinstance(member, (property, cached_property)))
    for name in dict.fromkeys(names):
        if name.startswith("_") or name in LEFT_OUT.split():
            continue
        if name == "at" and getattr(value, "error", np.inf) < ROUNDING:  # where rounding is largest is nobody's
            continue
        try:
            part = getattr(value, name)
        except Exception as refused:
            part = f"{type(refused).__name__} {refused}"
        if name in UNORDERED and isinstance(part, np.ndarray):
            part = np.sort(part)
        if not isinstance(part, FunctionType):
            yield from told(part, f"{path}.{name}", depth + 1)
    if hasattr(value, "between_leads"):
        yield from told(value.between_leads(), f"{path}.between_leads", depth + 1)
    if depth == 0 and type(value).__str__ is not object.__str__:
        yield from told(str(value), f"{path} as text")
    if depth == 0:
        yield from told(SCALAR.sub(r"\1", repr(value)), f"{path} in a list")
        if hasattr(value, "to_dataset") and not hasattr(value, "laws"):  # angles of rounding are nobody's
            yield from told(value.to_dataset(), f"{path} as table")


def _array(a: np.ndarray) -> str:
    if a.dtype.kind not in "biufc":
        return f"{a.shape} {a.tolist()}"
    if a.dtype.kind == "c":
        return f"{_array(a.real)} i {_array(a.imag)}"
    finite = np.isfinite(a)
    x = np.where(finite, a, 0.0).astype(float).ravel()
    x = np.where(abs(x) < ROUNDING, 0.0, x)
    if a.size == 1:
        return str(float(x[0])) if finite.all() else str(float(a.ravel()[0]))
    weights = np.cos(1 + np.sqrt(2) * np.arange(x.size)) + 1.5
    missing = "" if finite.all() else f" {int((~finite).sum())} not finite"
    return f"{a.shape} {float(abs(x).sum()):.9g} {float(weights @ x):.9g}{missing}"


def _figure(figure: Figure, path: str) -> Iterator[str]:
    """Yield every artist with what a reader sees of it: places, colors, widths, words."""
    engine = type(figure.get_layout_engine()).__name__
    yield f"{path}: {figure.get_size_inches().tolist()} inches, {figure.get_suptitle()!r}, {engine}"
    for text in filter(None, (figure._suptitle, figure._supxlabel, figure._supylabel)):
        yield f"{path}: {text.get_text()!r} {text.get_fontsize()}"
    for legend in figure.legends:
        yield f"{path}.legend: {_words_of(legend)}"
    for number, axes in enumerate(figure.axes):
        here = f"{path}.{number}"
        words = [axes.get_title(loc=loc) for loc in ("left", "center", "right")]
        yield f"{here}: {words} {axes.get_xlabel()!r} {axes.get_ylabel()!r} {axes.get_xscale()} {axes.get_yscale()}"
        yield f"{here}: {axes.get_aspect()} {_array(np.array([axes.get_xlim(), axes.get_ylim()]))} {axes.axison}"
        yield f"{here}: ticks {_array(np.asarray(axes.get_xticks()))} {_array(np.asarray(axes.get_yticks()))}"
        yield f"{here}: {_place(axes, figure)}"
        forms = [axis.get_major_formatter() for axis in (axes.xaxis, axes.yaxis)]
        seen = [
            (type(form).__name__, *(getattr(form, n, None) for n in ("_useMathText", "_powerlimits"))) for form in forms
        ]
        yield f"{here}: numbers {seen}"
        sized = axes.title, axes.xaxis.label, *axes.get_xticklabels()[:1], axes.yaxis.label
        seen = [side for side, spine in axes.spines.items() if spine.get_visible()]
        yield f"{here}: sizes {[text.get_fontsize() for text in sized]}, frame {seen}"
        if (legend := axes.get_legend()) is not None:
            yield f"{here}.legend: {_words_of(legend)}"
        for kind in ("lines", "patches", "collections", "texts", "images"):
            for artist in getattr(axes, kind):
                parts = [
                    f"{name} {_shown(getattr(artist, f'get_{name}')())}" for name in SEEN.split() if _has(artist, name)
                ]
                if (scale := getattr(artist, "norm", None)) is not None:
                    parts.append(f"{type(scale).__name__} {artist.get_cmap().name}")
                if isinstance(getattr(artist, "xycoords", None), (str, tuple)):
                    parts.append(f"at {artist.xycoords} {artist.anncoords}")
                if hasattr(artist, "linewidths_orig"):  # of Kwant's, in units of the distance of neighbors
                    parts.append(f"relative width {_shown(artist.linewidths_orig)}")
                yield f"{here} {type(artist).__name__}: {', '.join(parts)}"


def _words_of(legend: Any) -> str:
    texts = [(text.get_text(), text.get_fontsize()) for text in legend.get_texts()]
    anchor = None if (box := legend._bbox_to_anchor) is None else [round(x, 9) for x in box._bbox.bounds]
    return f"{texts} {legend._ncols} {legend._loc} {legend.get_frame_on()} {anchor} {legend.handlelength}"


def _place(axes: Any, figure: Figure) -> str:
    """Return where axes are in the grid of a figure, which others have their limits, and what a color bar is like."""
    spec, shares = axes.get_subplotspec(), (axes.get_shared_x_axes(), axes.get_shared_y_axes())
    same = [sorted(figure.axes.index(other) for other in of.get_siblings(axes)) for of in shares]
    grid = spec and (
        spec.num1,
        spec.num2,
        *(getattr(spec.get_gridspec(), f"get_{n}_ratios")() for n in ("width", "height")),
    )
    bar, info = getattr(axes, "_colorbar", None), getattr(axes, "_colorbar_info", {})
    told_of_bar = bar and (bar.extend, bar.orientation, bar.alpha, info.get("shrink"), info.get("location"))
    return f"{grid} with {same}, title {round(float(axes.titleOffsetTrans.transform((0, 0))[1]), 6)}, bar {told_of_bar}"


def _has(artist: Any, name: str) -> bool:
    """Return whether an artist has a property, and one that is set."""
    try:
        found = getattr(artist, f"get_{name}")()
    except (AttributeError, TypeError, ValueError):
        return False
    return not (found is None or (isinstance(found, (str, list)) and not len(found)))


SEEN = (
    "text xdata ydata offsets color facecolor edgecolor linewidth linestyle marker markersize alpha array clim "
    "fontsize rotation ha va zorder path_effects xy width height hatch sizes fill rasterized position"
)


def _shown(found: Any) -> str:
    if isinstance(found, str):
        return repr(found)
    if found is None or isinstance(found, bool):
        return str(found)
    try:
        return _array(np.ma.filled(np.ma.asarray(found, dtype=float), -7.0))
    except (TypeError, ValueError):
        if hasattr(found, "get_text"):
            return repr(found.get_text())
        if isinstance(found, (list, tuple)):
            return f"[{', '.join(_shown(part) for part in found)}]"
        if hasattr(found, "_gc"):
            return str(sorted(found._gc.items()))
        return type(found).__name__


#: What another processor or NumPy tells otherwise though nothing has changed: how often an adaptive method asks, ...
COUNTED = re.compile(r"^\.points: |\bmomenta\b|\bevaluations\b|\biterations\b|\bNewton steps\b")
#: ... where an error is largest that is rounding everywhere, ...
NOWHERE = re.compile(r"((?:\b\d[\d.]*e-(?:1\d|[2-9]\d)|\b0) % +)\d+\b")
SHARE = re.compile(r"(.*)\.percent: (\d\S*) .*%$")
#: ... the sign of an imaginary part, and by how much a fit may be wrong that is not.
COMPLEX = re.compile(r"(?<=\d)([-+]\d[\d.]*(?:e[-+]?\d+)?)j\b")
SPREAD = re.compile(r"(-?\d[\d.]*(?:e[-+]?\d+)?) ± (\d[\d.]*(?:e[-+]?\d+)?)")
#: ... with another NumPy also errors, which are estimated from rounding and better, where they are largest, what can be
#: drawn, and what something was made with.
ESTIMATED = re.compile(r"error|defect|missed|\.at: ")
WRITERS, MADE = re.compile(r"must end in one of [\w, ]*"), re.compile(r"(made with \w+) [\w.]+")
#: Largest ratio of two counts of the same, and of two numbers of which one is the rounding of the other.
FACTOR, EXACT = 2.0, 1e-11


def settled(lines: list[str]) -> list[str]:
    """Return lines without what only rounding decides."""
    shares = [found for line in lines if (found := SHARE.match(line))]
    nowhere = {f"{found[1]}.at" for found in shares if float(found[2]) < ROUNDING}
    out = []
    for line in lines:
        path = line.partition(": ")[0]
        if OTHER:
            line = MADE.sub(r"\1", WRITERS.sub("must end in", TRUTH.sub(r"\1", SCALAR.sub(r"\1", line))))
        line = f"{path}: nowhere" if path in nowhere else NOWHERE.sub(r"\1nowhere", line)
        out.append(SPREAD.sub(_spread, COMPLEX.sub(r" \1 j", line)))
    return out


def _spread(found: re.Match[str]) -> str:
    return found[1] if float(found[2]) <= EXACT * max(abs(float(found[1])), 0.1) else found[0]


def differences(lines: list[str], kept: list[str]) -> list[str]:
    """Return what is told otherwise now: lines with other words, or numbers that are not `CLOSE`."""
    lines, kept = settled(lines), settled(kept)
    found = [f"- {b}\n+ {a}" for a, b in zip(lines, kept, strict=False) if not same(a, b)]
    return found + [f"+ {a}" for a in lines[len(kept) :]] + [f"- {b}" for b in kept[len(lines) :]]


def same(a: str, b: str) -> bool:
    if a == b:
        return True
    if NUMBER.sub("#", a) != NUMBER.sub("#", b):
        return False
    if OTHER and ESTIMATED.search(a):
        return True
    x, y = (np.array([float(n) for n in NUMBER.findall(text)]) for text in (a, b))
    if COUNTED.search(a):
        whole = (x == x.round()) & (y == y.round()) & (np.minimum(x, y) > 0)
        x = np.where(whole & (np.maximum(x, y) <= FACTOR * np.minimum(x, y)), y, x)
    return bool(np.all(abs(x - y) <= CLOSE * np.maximum(abs(x), abs(y)) + ROUNDING / 10))
