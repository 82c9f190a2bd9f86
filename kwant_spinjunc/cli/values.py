"""Values as they are typed: numbers, angles with their unit, ranges, assignments."""

from __future__ import annotations

import argparse
import math
from collections.abc import Container, Iterable
from typing import Any

import numpy as np

from ..checks import finite, refusal
from ..errors import ArgumentError

#: More points on one axis are a mistake, and would not fit in memory.
LONGEST_AXIS = 1_000_000
#: Whole numbers up to here are exact as floats.
LARGEST_WHOLE = 2**53


#: Units that may be typed behind a number: degrees to radians, kelvin to k_B T in eV.
UNITS = {"deg": math.pi / 180, "K": 8.617333262e-5}


class Kelvin(float):
    """k_B T in eV, of a temperature typed in kelvin."""


def unit_of(text: str) -> str:
    """Return the unit typed behind a number, or the first number of a range that has one; empty for none."""
    for part in text.split(":")[:2]:
        for unit in UNITS:
            if part.endswith(unit) and not isinstance(parse_value(part), str):
                return unit
    return ""


def parse_value(text: str, units: Iterable[str] = tuple(UNITS)) -> Any:
    """Return a typed value: int, float, a number with one of these units, true/false, or the text.

    Angles with ``deg`` are returned in radians, temperatures with ``K`` as k_B T in eV.

    Examples
    --------
    >>> parse_value("4"), parse_value("0.5"), round(parse_value("180deg"), 6), parse_value("true")
    (4, 0.5, 3.141593, True)
    >>> round(parse_value("300K"), 6)
    0.025852
    """
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for unit in units:
        if text.endswith(unit):
            try:
                value = UNITS[unit] * float(text.removesuffix(unit))
                return Kelvin(value) if unit == "K" else value
            except ValueError:
                return text
    try:
        return int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            return text


def parse_range(text: str, option: str = "--vary", units: Iterable[str] = ("deg",)) -> np.ndarray[Any, Any]:
    """Return ``start:stop:count`` as that many equal steps, both ends included; integers where all steps are whole.

    Examples
    --------
    >>> parse_range("0:5:6").tolist()
    [0, 1, 2, 3, 4, 5]
    >>> parse_range("0:180deg:3").round(4).tolist()
    [0.0, 1.5708, 3.1416]
    """
    parts = text.split(":")
    if len(parts) != 3:
        raise ArgumentError(f"Argument `{option}` must be a range, but is {text!r}. {RANGE}")
    start, stop, count = (parse_value(part, units) for part in parts)
    _check_ends(text, option, (start, stop))
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ArgumentError(f"Argument `{option}` must have a count of at least 1, but has {parts[2]!r}. {RANGE}")
    if count > LONGEST_AXIS:
        raise ArgumentError(f"Argument `{option}` must have at most {LONGEST_AXIS} points an axis, but has {count}.")
    try:
        values: np.ndarray[Any, Any] = np.linspace(float(start), float(stop), count)
    except OverflowError:
        raise ArgumentError(f"Argument `{option}` must have numbers that fit a float, but is {text!r}.") from None
    whole = isinstance(start, int) and isinstance(stop, int) and bool(np.all(values == np.rint(values)))
    if whole and max(abs(start), abs(stop)) > LARGEST_WHOLE:
        raise refusal(option, "have whole numbers of at most 2^53", f"is {text!r}", "Write 1e20, not its digits.")
    return values.astype(int) if whole else values


#: How a range is typed.
RANGE = "Use start:stop:count, for example 0:180deg:13."


def _check_ends(text: str, option: str, ends: tuple[Any, Any]) -> None:
    """Refuse ends of a range that are no numbers, or of two units."""
    for value in ends:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or abs(value) == math.inf or value != value:
            raise ArgumentError(f"Argument `{option}` must have numbers at its ends, but is {text!r}. {RANGE}")
    units = [unit_of(part) for part in text.split(":")[:2]]
    if units[0] != units[1] and not any(value == 0 for value in ends):
        raise ArgumentError(f"Argument `{option}` must have the same unit at both ends, but is {text!r}. {RANGE}")


def split_assignment(option: str, text: str) -> tuple[str, str]:
    """Return the parts of name=value."""
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise ArgumentError(f"Argument `{option}` must be name=value, but is {text!r}.")
    return name, value


def numbers(text: str, option: str, *, counts: Container[int], words: str, units: Iterable[str] = ()) -> Any:
    """Return a number, or several between commas, as many as one of the counts says; else refuse in these words."""
    parts = [parse_value(part, units) for part in text.split(",")]
    if len(parts) not in counts or any(isinstance(part, (bool, str)) for part in parts):
        raise ArgumentError(f"Argument `{option}` must be {words}, but is {text!r}.")
    return float(parts[0]) if len(parts) == 1 else tuple(float(part) for part in parts)


def wave_vector(text: str | None, of_system: bool = False) -> Any:
    """Return (kx, kz), or as many momenta as a Kwant system has, ``"average"`` or None."""
    if text is None or text == "average":
        return text
    counts = range(1, 4) if of_system else (2,)
    words = (
        "one to three numbers, the momenta in the order of their names," if of_system else "two numbers kx,kz in 1/a"
    )
    return numbers(text, "--k", counts=counts, words=f"{words} or `average`", units=("deg",))


def number(text: str) -> float:
    """Return a finite number, for argparse."""
    try:
        return finite("number", parse_value(text, ()))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a finite number up to 1e+100, but is {text!r}") from None


def temperature(text: str) -> float:
    """Return k_B T, a number in the family's unit or a `Kelvin`, for argparse."""
    value = parse_value(text, ("K",))
    return value if isinstance(value, Kelvin) and math.isfinite(value) else number(text)


def cross_section(text: str, option: str) -> tuple[int, int]:
    """Return the sites of a plane, typed as 6x6."""
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ArgumentError(f"Argument `{option}` must be two numbers of sites, as 6x6, but is {text!r}.")
    return int(parts[0]), int(parts[1])
