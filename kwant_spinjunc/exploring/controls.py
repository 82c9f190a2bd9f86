"""Which sliders a family has: from its signature, with ranges from annotations, or around its defaults."""

from __future__ import annotations

import inspect
import math
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kwant_spinjunc.checks import is_angle, refuse_unknown
from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.runs.family import units_of

#: Steps of a slider over its range.
STEPS = 200


@dataclass(frozen=True)
class Control:
    """One input of the page."""

    name: str  #: Of the parameter.
    label: str  #: How it is shown.
    kind: str  #: "float", "int", "bool" or "choice".
    value: Any  #: Where it starts, in the unit shown as all that follows.
    #: `low`, `high`, `step`: Of a slider.
    low: float = 0.0
    high: float = 1.0
    step: float = 0.01
    unit: str = ""
    choices: tuple[Any, ...] = ()  #: Of a choice.
    scale: float = 1.0  #: The parameter is the value shown times this.


def controls_of(family: Callable[..., Any], start: Mapping[str, Any]) -> tuple[Control, ...]:
    """Return an input for every parameter that is a number, a truth value or a `Literal`.

    ``family``: a function of parameters. A range is taken from ``Annotated[float, (low, high)]``, else from the
    default: 0 to twice it, -1 to 1 around 0, 0 to 180 degrees for an angle, 1 to at least 10 for a count. Units are
    those of `units_of`.
    ``start``: values to start from instead of the defaults.
    """
    parameters = inspect.signature(family).parameters
    refuse_unknown(start, list(parameters), family.__name__, "a parameter")
    try:
        hints = typing.get_type_hints(family, include_extras=True)
    except NameError:  # names that only type checkers see
        hints = {}
    units, found = units_of(family), []
    for name, parameter in parameters.items():
        if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
            continue
        value = start.get(name, parameter.default)
        if value is parameter.empty:
            if not is_angle(name):
                raise ArgumentError(f"Argument `{name}` must be given: {family.__name__} has no default for it.")
            value = math.pi / 2
        control = _control(name, value, hints.get(name), units.get(name, ""))
        if control is not None:
            found.append(control)
    return tuple(found)


def _control(name: str, value: Any, hint: Any, unit: str) -> Control | None:
    bounds = next((x for x in getattr(hint, "__metadata__", ()) if isinstance(x, (tuple, list)) and len(x) == 2), None)
    literal = typing.get_args(hint) if typing.get_origin(hint) is typing.Literal else ()
    if literal:
        return Control(name, name, "choice", value, choices=literal)
    if isinstance(value, bool):
        return Control(name, name, "bool", value)
    if isinstance(value, int):
        low, high = bounds or (min(1, value), max(2 * value, 10))
        return Control(name, name, "int", value, low, high, 1, unit)
    if not isinstance(value, float) or not math.isfinite(value):
        return None
    scale = 1.0
    if is_angle(name):
        scale = math.pi / 180
        bounds = None if bounds is None else (math.degrees(bounds[0]), math.degrees(bounds[1]))
    shown = float(f"{value / scale:.12g}")  # 60 degrees are 60, not 59.99999999999999
    low, high = bounds or ((0.0, 180.0) if is_angle(name) else _around(shown))
    low, high = min(low, shown), max(high, shown)
    step = 1.0 if is_angle(name) else _nice((high - low) / STEPS)
    return Control(name, name, "float", shown, low, high, step, "deg" if is_angle(name) else unit, scale=scale)


def _around(value: float) -> tuple[float, float]:
    if value == 0:
        return -1.0, 1.0
    return (0.0, 2 * value) if value > 0 else (2 * value, -2 * value)


def _nice(step: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is no larger."""
    power = 10.0 ** math.floor(math.log10(step))
    return max(x * power for x in (1, 2, 5) if x * power <= step * (1 + 1e-9))


def checked_values(controls: tuple[Control, ...], shown: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters from the values that a page sends, each of the kind of its control."""
    values = {}
    for control in controls:
        value = shown.get(control.name, control.value)
        if control.kind == "choice":
            if value not in control.choices:
                raise ArgumentError(f"Argument `{control.name}` must be one of {control.choices}, but is {value!r}.")
            values[control.name] = value
        elif control.kind == "bool":
            values[control.name] = bool(value)
        else:
            number = float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
            if not math.isfinite(number):
                raise ArgumentError(f"Argument `{control.name}` must be a finite number, but is {value!r}.")
            values[control.name] = round(number) if control.kind == "int" else number * control.scale
    return values
