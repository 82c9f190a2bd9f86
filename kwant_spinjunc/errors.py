"""The package's exceptions and the checks made at its border.

One grammar: "Argument `x` must ..., but ... . <way out>".
"""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np
from numpy.typing import NDArray


class SpinjuncError(Exception):
    """Base class of every error this package raises on purpose."""


class ArgumentError(SpinjuncError, ValueError):
    """An argument has a value the physics does not allow."""


class NoOpenChannelError(ArgumentError):
    """No electron can propagate: the energy lies outside every band of both leads."""


class ConservationError(SpinjuncError, RuntimeError):
    """A result violates a conservation law by more than its tolerance and is refused."""


class UnitarityError(ConservationError):
    """The scattering matrix is not unitary within the tolerance."""


class ContinuityError(ConservationError):
    """Charge or spin is not continuous through the planes within the tolerance."""


class SpinjuncWarning(UserWarning):
    """Base class of every warning of this package: the result stands, but may not mean what it seems to."""


class BarrierWarning(SpinjuncWarning):
    """Something called a barrier has states at the energy, so that electrons pass it without tunneling."""


class NearSideWarning(SpinjuncWarning):
    """A flux is so small that, taken on the side of injection, it is rounding noise."""


def finite(name: str, value: Any) -> float:
    """Return ``value`` as a float, or raise `ArgumentError` naming ``name``."""
    try:
        if isinstance(value, bool) or np.iscomplexobj(value):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError):
        raise ArgumentError(f"Argument `{name}` must be a real number, but is {value!r}.") from None
    if not math.isfinite(number):
        raise ArgumentError(f"Argument `{name}` must be finite, but is {number}.")
    return number


def positive(name: str, value: Any, hint: str = "") -> float:
    """Return ``value`` as a float > 0, or raise `ArgumentError` naming ``name``."""
    number = finite(name, value)
    if number <= 0:
        raise ArgumentError(f"Argument `{name}` must be positive, but is {number:g}. {hint}".rstrip())
    return number


def positive_integer(name: str, value: Any, hint: str = "") -> int:
    """Return ``value`` as an int >= 1; integral floats are accepted, `True` is not."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = int(value) if isinstance(value, float) and value.is_integer() else operator.index(value)
    except TypeError:
        raise ArgumentError(
            f"Argument `{name}` must be a positive integer, but is {value!r}. {hint}".rstrip()
        ) from None
    if number < 1:
        raise ArgumentError(f"Argument `{name}` must be at least 1, but is {number}. {hint}".rstrip())
    return number


def finite_array(name: str, value: Any, shape: tuple[int, ...] | None = None) -> NDArray[np.float64]:
    """Return ``value`` as a finite real array, of trailing shape ``shape`` if given."""
    if np.iscomplexobj(value):
        raise ArgumentError(f"Argument `{name}` must be real, but is complex.")
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise ArgumentError(f"Argument `{name}` must be an array of real numbers, but is {value!r}.") from None
    if shape is not None and array.shape[array.ndim - len(shape) :] != shape:
        raise ArgumentError(f"Argument `{name}` must have trailing shape {shape}, but its shape is {array.shape}.")
    if not np.isfinite(array).all():
        raise ArgumentError(f"Argument `{name}` must be finite, but contains NaN or infinity.")
    return array
