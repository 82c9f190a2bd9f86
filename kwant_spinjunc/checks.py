"""The one gate for numbers: every value that enters the package is checked here, under its own name.

A number is finite, real, not a truth value, not text, not masked, and of a size that can still be squared, divided and
multiplied with others: at most 1e100, and a positive scale at least 1e-100. Beyond that doubles run over or under in
the first product, and the formula, not the caller, would be blamed; another unit brings every physical scale inside.

One grammar of errors: "Argument `x` must ..., but ... . <way out>".
"""

from __future__ import annotations

import collections.abc
import inspect
import math
import operator
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from difflib import get_close_matches
from functools import update_wrapper
from types import FunctionType, UnionType
from typing import Any, ParamSpec, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from .errors import ArgumentError, DegreesWarning, warn

P = ParamSpec("P")
T = TypeVar("T")

#: Largest size of a number, and smallest of a positive scale (a length, a stiffness, a resistance).
LARGEST, SMALLEST = 1e100, 1e-100
#: Largest integer: what NumPy counts with.
LARGEST_INTEGER = 2**63 - 1
#: Numbers of the largest array: 2 GB. Views of one number can claim to be larger than any memory.
LARGEST_ARRAY = 2**28
#: Largest k_B T; a thermal window reaches 745 k_B T to either side.
LARGEST_TEMPERATURE = 1e6


def shown(value: Any) -> str:
    """Return what an error message prints of ``value``: its representation, at most one line, and never an error."""
    if isinstance(value, int) and abs(value) > 10**30:
        return f"an integer of {value.bit_length()} bits"
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a foreign object may raise anything
        return f"a {type(value).__name__} that cannot be printed"
    return text if len(text) <= 100 else f"{text[:80]} ... {text[-10:]}"


# ---------------------------------------------------------------------- arrays
def refuse_large(name: str, value: Any) -> None:
    """Raise `ArgumentError` for an array that no memory can hold a few of, before it is copied."""
    size = value.size if isinstance(value, np.ndarray) else len(value) if isinstance(value, (range, list)) else 0
    if size > LARGEST_ARRAY:
        raise refusal(name, f"have at most {LARGEST_ARRAY:.2g} numbers", f"has {size:.2g}", "Give fewer at a time.")


def _is_masked(value: Any) -> bool:
    return value is np.ma.masked or (isinstance(value, np.ma.MaskedArray) and bool(np.any(value.mask)))


def _is_number(value: Any) -> bool:
    """Say whether every entry is a number: no truth value, no text, nothing masked."""
    if isinstance(value, (list, tuple)):
        return all(map(_is_number, value))
    if isinstance(value, (float, int)):
        return not isinstance(value, bool)
    if _is_masked(value):
        return False
    array = np.asarray(value)
    if array.dtype.kind != "O":
        return array.dtype.kind in "iufc"
    methods = ("__float__", "__index__", "__complex__")
    return all(not isinstance(x, bool) and any(hasattr(type(x), m) for m in methods) for x in array.flat)


def _plain(value: Any) -> Any:
    """Return a tuple of floats, as directions are given, as an array."""
    return np.array(value) if type(value) is tuple and value and all(type(x) is float for x in value) else value


def _numbers(name: str, value: Any, dtype: type[np.float64] | type[np.complex128]) -> NDArray[Any]:
    """Return ``value`` as an array of ``dtype``, each entry a finite number of usable size.

    A copy: results keep what they were asked and solve for more later, when the caller's array may hold other numbers.
    """
    refuse_large(name, value)
    value = _plain(value)
    if type(value) is np.ndarray and value.dtype == dtype and bool((np.abs(value) <= LARGEST).all()):
        return value.copy()  # what most calls pass, without further questions
    kind = "real" if dtype is np.float64 else "complex"
    if _is_masked(value):
        raise refusal(name, "have no masked entries", "has some", "Use `.compressed()` or `.filled(value)`.")
    try:
        numeric, raw = _is_number(value), np.asarray(value)
        if kind == "real" and numeric and any(map(np.iscomplexobj, raw.flat if raw.dtype.kind == "O" else [raw])):
            raise refusal(name, "be real", "is complex")
        with np.errstate(all="ignore"):
            array = raw.astype(dtype)
            usable = bool((np.abs(array) <= LARGEST).all())
    except OverflowError:  # an integer no double can hold
        array, usable = np.zeros(0), False
    except ArgumentError:
        raise
    except Exception:  # a foreign object may raise anything when it is turned into an array
        numeric = False
    if not numeric:
        raise refusal(name, f"be an array of {kind} numbers", f"is {shown(value)}")
    if usable:
        return array
    if np.isfinite(array).all():
        reach = f"reaches {np.abs(array).max():g}" if array.size else f"is {shown(value)}"
        raise refusal(name, f"be at most {LARGEST:g} in size", reach, "Use another unit.")
    raise refusal(name, "be finite", "contains NaN or infinity")


def finite_array(name: str, value: Any, shape: str | None = None) -> NDArray[np.float64]:
    """Return ``value`` as an array of finite real numbers, whose shape fits the pattern ``shape`` (`check_shape`)."""
    array: NDArray[np.float64] = _numbers(name, value, np.float64)
    if shape is not None:
        check_shape(name, array, shape)
    return array


def complex_array(name: str, value: Any, shape: str | None = None) -> NDArray[np.complex128]:
    """Return ``value`` as an array of finite complex numbers, whose shape fits the pattern ``shape``."""
    array: NDArray[np.complex128] = _numbers(name, value, np.complex128)
    if shape is not None:
        check_shape(name, array, shape)
    return array


def positive_array(name: str, value: Any, shape: str | None = None, hint: str = "") -> NDArray[np.float64]:
    """Return ``value`` as an array of positive scales, from 1e-100 to 1e100."""
    array = finite_array(name, value, shape)
    if (array <= 0).any():
        raise refusal(name, "be positive", f"is {array.min():g}", hint)
    if (array < SMALLEST).any():
        raise refusal(name, f"be at least {SMALLEST:g}", f"is {array.min():g}", "Use another unit.")
    return array


def not_negative_array(name: str, value: Any, shape: str | None = None, hint: str = "") -> NDArray[np.float64]:
    """Return ``value`` as an array of numbers >= 0."""
    array = finite_array(name, value, shape)
    if (array < 0).any():
        raise refusal(name, "not be negative", f"is {array.min():g}", hint)
    return array


def both_spins(name: str, value: Any, hint: str = "") -> NDArray[np.float64]:
    """Return ``value`` as numbers >= 0 for both spins, not both 0, shape (..., 2)."""
    array = not_negative_array(name, value, "(..., 2)", hint)
    if (array.sum(axis=-1) == 0).any():
        raise refusal(name, "be positive for one spin", "is 0 for both", hint)
    return array


def ratio_array(name: str, value: Any, hint: str = "", *, closed: bool = False) -> NDArray[np.float64]:
    """Return ``value`` as an array of ratios of a difference to a sum, between -1 and 1; ±1 as well if ``closed``."""
    array = finite_array(name, value)
    if (abs(array) > 1).any() or (not closed and (abs(array) == 1).any()):
        must = "lie in [-1, 1]" if closed else "lie between -1 and 1"
        raise refusal(name, must, f"contains {array.flat[np.argmax(abs(array))]:g}", hint)
    return array


def shape_of(name: str, value: Any) -> tuple[int, ...]:
    """Return the shape of what is to be an array, before it is looked at; what has none, as ragged rows, is refused."""
    try:
        return np.shape(value)
    except Exception:  # of a foreign object
        raise refusal(name, "be an array of real numbers", f"is {shown(value)}") from None


def check_shape(name: str, value: Any, pattern: str) -> dict[str, int]:
    """Check the shape of an array against a pattern as ``"(..., n, 3)"``, and return the sizes of its letters.

    ``...`` stands for any leading axes; a letter that repeats stands for the same size each time.
    """
    actual = np.shape(value)
    axes = [part.strip() for part in pattern.strip("()").split(",") if part.strip()]
    sizes: dict[str, int] = {}
    fits = len(actual) >= len(axes) - 1 if axes[:1] == ["..."] else len(actual) == len(axes)
    trailing = [axis for axis in axes if axis != "..."]
    for axis, size in zip(trailing, actual[len(actual) - len(trailing) :], strict=False):
        fits = fits and size == (int(axis) if axis.isdigit() else sizes.setdefault(axis, size))
    if not fits:
        raise refusal(name, f"have shape {pattern}", f"its shape is {actual}")
    return sizes


def number_or_axis(name: str, value: Any) -> NDArray[np.float64]:
    """Return ``value`` as one number or a nonempty 1D array of finite real numbers."""
    array = finite_array(name, value)
    if array.ndim > 1 or not array.size:
        raise refusal(name, "be a number or a 1D array", f"has shape {array.shape}")
    return array


def broadcast(names: str, *shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that arguments have together; ``names`` in words, as "Arguments `energy` and `k`"."""
    try:
        together = np.broadcast_shapes(*shapes)
    except ValueError:
        raise ArgumentError(f"{names} must broadcast, but their shapes are {', '.join(map(str, shapes))}.") from None
    return together


def refuse_empty(names: str, *values: Any) -> None:
    """Raise `ArgumentError` for an array without numbers; ``names`` as in `broadcast`, None is no array."""
    if any(value is not None and np.size(value) == 0 for value in values):
        raise ArgumentError(f"{names} must not be empty.")


# ---------------------------------------------------------------------- single numbers
def finite(name: str, value: Any) -> float:
    """Return ``value`` as a finite real float."""
    if type(value) is float and abs(value) <= LARGEST:
        return value
    number = LARGEST * 2  # of an integer no double can hold
    try:
        single = bool(np.ndim(value) == 0 and _is_number(value) and not np.iscomplexobj(value))
        if single:
            number = float(value)
    except OverflowError:
        single = True
    except Exception:  # a foreign object may raise anything when it is turned into a number
        single = False
    if not single:
        raise refusal(name, "be a real number", f"is {shown(value)}")
    if not math.isfinite(number):
        raise refusal(name, "be finite", f"is {number}")
    if abs(number) > LARGEST:
        raise refusal(name, f"be at most {LARGEST:g} in size", f"is {shown(value)}", "Use another unit.")
    return number


def positive(name: str, value: Any, hint: str = "") -> float:
    """Return ``value`` as a positive scale, a float from 1e-100 to 1e100."""
    return float(positive_array(name, finite(name, value), hint=hint))


def not_negative(name: str, value: Any, hint: str = "") -> float:
    """Return ``value`` as a float >= 0."""
    return float(not_negative_array(name, finite(name, value), hint=hint))


def within(name: str, value: Any, low: float, high: float, hint: str = "") -> float:
    """Return ``value`` as a float from ``low`` to ``high``, both included."""
    number = finite(name, value)
    if not low <= number <= high:
        raise refusal(name, f"lie from {low:g} to {high:g}", f"is {number:g}", hint)
    return number


def integer(name: str, value: Any, least: int = 0, hint: str = "") -> int:
    """Return ``value`` as an int >= ``least``; integral floats are accepted, `True` is not."""
    kind = {0: "an integer >= 0", 1: "a positive integer"}.get(least, f"an integer >= {least}")
    try:
        if isinstance(value, (bool, np.bool_)) or _is_masked(value):
            raise TypeError
        number = int(value) if isinstance(value, float) and value.is_integer() else operator.index(value)
    except Exception:  # a foreign object may raise anything when it is turned into a number
        raise refusal(name, f"be {kind}", f"is {shown(value)}", hint) from None
    if number < least:
        raise refusal(name, f"be at least {least}", f"is {number}" if abs(number) < 1e30 else shown(number), hint)
    if number > LARGEST_INTEGER:
        raise refusal(name, "be below 2**63", f"is {shown(number)}", hint)
    return number


def index(name: str, value: Any, count: int, hint: str = "") -> int:
    """Return ``value`` as the number, from 0 on, of one of ``count`` things."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 0 <= value < count:
        must = f"be 0 to {count - 1}" if count else "number one of several, of which there is none"
        raise refusal(name, must, f"is {shown(value)}", hint)
    return int(value)


def positive_integer(name: str, value: Any, hint: str = "") -> int:
    """Return ``value`` as an int >= 1; integral floats are accepted, `True` is not."""
    return integer(name, value, 1, hint)


# ---------------------------------------------------------------------- words
def choice(name: str, value: Any, allowed: Collection[str], hint: str = "") -> str:
    """Return ``value`` if it is one of the words ``allowed``."""
    if not isinstance(value, str) or value not in allowed:
        raise refusal(name, f"be one of {', '.join(map(repr, allowed)) or 'none'}", f"is {shown(value)}", hint)
    return value


def instance(name: str, value: Any, kind: Any, hint: str = "") -> Any:
    """Return ``value`` if it is of a class."""
    if not isinstance(value, kind):
        word = kind.__name__ if kind.__module__.startswith(str(__package__)) else kind.__name__.lower()
        raise refusal(name, f"be {'an' if word[0] in 'AEIOUaeiou' else 'a'} {word}", f"is {shown(value)}", hint)
    return value


# ---------------------------------------------------------------------- arguments with one meaning everywhere
def potentials(name: str, mu: Any) -> NDArray[np.float64]:
    """Return chemical potentials (µ_+, µ_-), shape (..., 2); one number stands for both spins."""
    array = finite_array(name, mu)
    return np.stack([array, array]) if array.ndim == 0 else finite_array(name, array, "(..., 2)")


def reservoirs(mu_left: Any, mu_right: Any) -> NDArray[np.float64]:
    """Return both sides' `potentials`, shape (..., lead, spin)."""
    pair = np.broadcast_arrays(potentials("mu_left", mu_left), potentials("mu_right", mu_right))
    return np.stack(pair, axis=-2)


def one_bias(mu_left: Any, mu_right: Any) -> NDArray[np.float64]:
    """Return both sides' (µ_+, µ_-), shape (lead, spin), which must differ for a current to flow."""
    mu = reservoirs(mu_left, mu_right)
    if mu.shape != (2, 2):
        raise ArgumentError(
            f"Arguments `mu_left` and `mu_right` must be a number or (µ_+, µ_-), but their shape is {mu.shape}."
        )
    if np.ptp(mu) == 0:
        raise ArgumentError("Arguments `mu_left` and `mu_right` must differ, but are equal: no current flows.")
    return mu


def temperature(name: str, kT: Any) -> float:
    """Return k_B T >= 0, an energy in the unit of all others."""
    number = not_negative(name, kT, "It is k_B T as an energy.")
    if number > LARGEST_TEMPERATURE:
        raise refusal(
            name, f"be at most {LARGEST_TEMPERATURE:g}", f"is {number:g}", "It is k_B T in the unit of the energies."
        )
    return number


def is_average(name: str, k: Any) -> bool:
    """Say whether ``k`` is the word 'average', and refuse any other word."""
    if isinstance(k, str) and k != "average":
        raise refusal(name, "be a wave vector, None or 'average'", f"is {k!r}")
    return isinstance(k, str)


def wave_vector(name: str, k: Any, *, many: bool = False) -> NDArray[np.float64]:
    """Return (kx, kz) in 1/a, shape (2,), or shape (..., 2) with ``many``; None is Γ."""
    array = finite_array(name, (0.0, 0.0) if k is None else k)
    if many and array.shape[-1:] != (2,):
        raise refusal(name, "be vectors (kx, kz), shape (..., 2)", f"its shape is {array.shape}")
    if not many and array.shape != (2,):
        raise refusal(name, "be one vector (kx, kz)", f"its shape is {array.shape}")
    return array


def two_halves(name: str, cut: int | None, hint: str = "") -> int:
    """Return the cut of a junction, refusing a texture, which has none; ``hint``: what takes one."""
    if cut is None:
        but = "its magnetizations have more than two axes: it is a texture, which has no two magnets"
        raise refusal(name, "consist of two collinear halves", but, hint)
    return cut


def sides(name: str, value: Any, *, alike: bool = False) -> tuple[Any, Any]:
    """Return the two members of (left, right), whose own kinds are not checked; with ``alike`` one value is both."""
    try:
        pair = tuple(value) if not isinstance(value, (str, bytes)) else ()
    except Exception:  # a foreign object may raise anything when it is unpacked
        pair = (value, value) if alike else ()
    if len(pair) != 2:
        must = "be one value or a pair (left, right)" if alike else "be a pair (left, right)"
        raise refusal(name, must, f"is {shown(value)}")
    return pair[0], pair[1]


# ---------------------------------------------------------------------- what no single argument shows
def formula(function: Callable[P, T]) -> Callable[P, T]:
    """Refuse what a closed form cannot answer: shapes that do not broadcast, results no double can hold."""
    parameters = tuple(inspect.signature(function).parameters)

    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                return function(*args, **kwargs)
        except (FloatingPointError, OverflowError, ZeroDivisionError) as error:
            raise ArgumentError(
                f"Arguments of `{function.__name__}` must give numbers a double can hold, but do not ({error}). "
                "Use units in which they are closer to 1."
            ) from None
        except (AttributeError, TypeError):
            _check_records(function, {**dict(zip(parameters, args, strict=False)), **kwargs})
            raise
        except ValueError as error:
            if isinstance(error, ArgumentError) or not re.search("broadcast|mismatch", str(error)):
                raise
            given: dict[str, Any] = {**dict(zip(parameters, args, strict=False)), **kwargs}
            arrays = {name: np.shape(value) for name, value in given.items() if _is_number(value)}
            raise ArgumentError(
                f"Arguments of `{function.__name__}` must broadcast, but their shapes are {arrays}."
            ) from None

    def checked(*args: P.args, **kwargs: P.kwargs) -> T:
        return guarded(*args, **kwargs)

    # doctest takes a function for its module's own if it has its globals
    own = FunctionType(checked.__code__, function.__globals__, function.__name__, None, checked.__closure__)
    return update_wrapper(own, function)


def _check_records(function: Callable[..., Any], given: dict[str, Any]) -> None:
    """Refuse what is annotated as a class of this package, or as a function, and is none."""
    hints = get_type_hints(function)
    for name, value in given.items():
        options = get_args(hints[name]) if get_origin(hints[name]) in (Union, UnionType) else (hints[name],)
        kinds = tuple(x for x in options if isinstance(x, type) and x.__module__.split(".")[0] == __package__)
        if kinds and not isinstance(value, kinds):
            raise refusal(name, f"be a {kinds[0].__name__}", f"is {shown(value)}")
        if any(get_origin(x) is collections.abc.Callable for x in options) and not callable(value):
            raise refusal(name, "be a function", f"is {shown(value)}")


def refusal(name: str, must: str, but: str, hint: str = "") -> ArgumentError:
    """Return the refusal of an argument, in the words of all: what it must, what it is, and the way out."""
    return ArgumentError(f"Argument `{name}` must {must}, but {but}. {hint}".rstrip())


R = TypeVar("R")


def known_keywords(function: Callable[P, R], called: str = "") -> Callable[P, R]:
    """Let a function of keywords refuse one that it does not have by naming the nearest that it has."""
    names = tuple(name for name in inspect.signature(function).parameters if name != "self")

    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        refuse_unknown(kwargs, names, called or getattr(function, "__name__", "this function"))
        return function(*args, **kwargs)

    return update_wrapper(checked, function)


def known_fields(cls: type[T]) -> type[T]:
    """Let a class refuse a keyword that it does not have, as `known_keywords` does for a function."""
    cls.__init__ = known_keywords(cls.__init__, cls.__name__)  # type: ignore[method-assign]
    return cls


def keywords_of(function: Callable[..., Any]) -> list[str]:
    """Return the names of the keywords that a function has of itself."""
    return [name for name, of in inspect.signature(function).parameters.items() if of.kind is of.KEYWORD_ONLY]


def refuse_unknown(given: Iterable[str], names: Sequence[str], called: str, kind: str = "a keyword") -> None:
    """Raise `ArgumentError` for a word that is none of some names, with the nearest of them."""
    for name in given:
        if name not in names:
            longer = [known for known in names if known.startswith(name)]
            bare = {known.lstrip("-"): known for known in names}  # dashes make no option like another
            near = (
                longer if len(longer) == 1 else [bare[word] for word in get_close_matches(name.lstrip("-"), bare, n=1)]
            )
            hint = f"Did you mean `{near[0]}`?" if near else f"It has {', '.join(dict.fromkeys(names))}."
            raise ArgumentError(f"Argument `{name}` must be {kind} of {called}, but is not. {hint}")


# ---------------------------------------------------------------------- units
def unit_word(unit: Any) -> str:
    """Return the name of a unit of energy, which is empty where it is not known."""
    if not isinstance(unit, str) or len(unit) > 20 or not unit.isprintable():
        raise ArgumentError(f'Argument `unit` must be the name of a unit, as "eV" or "t", but is {shown(unit)}.')
    return unit


# ---------------------------------------------------------------------- angles
def is_angle(name: str) -> bool:
    """Return whether a parameter is an angle by its name: theta, phi, angle, theta_left, ..."""
    return name == "angle" or name.partition("_")[0] in ("theta", "phi")


def warn_of_degrees(name: str, value: Any) -> None:
    """Warn of an angle above a full turn, which was probably meant in degrees."""
    numbers = np.asarray(value)
    largest = float(abs(numbers).max()) if numbers.size and numbers.dtype.kind in "if" else 0.0
    if largest > 2 * math.pi * (1 + 1e-9):
        warn(
            f"{name} = {largest:g} is in radians, more than a full turn. Degrees? Type {name}={largest:g}deg in the "
            f"shell, np.radians({largest:g}) in Python.",
            DegreesWarning,
        )
