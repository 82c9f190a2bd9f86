"""How long a computation will take, said before it is done."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from .errors import CostWarning, SpinjuncError, warn

#: Seconds from which on a computation is said to be long, and that need no announcement.
LONG, MOMENT = 30.0, 2.0

#: Where `foretold` has the seconds noted that parts of a call would take, instead of taking them.
_QUOTES: ContextVar[list[float] | None] = ContextVar("quotes", default=None)


class QuotedError(SpinjuncError):
    """A call ended here, because it was asked how long it would take."""


def quoted(seconds: Callable[[], float]) -> bool:
    """Note how long the caller will take, if it was asked that only, and return whether it was."""
    quotes = _QUOTES.get()
    if quotes is not None:
        quotes.append(seconds())
    return quotes is not None


def foretold(solve: Callable[[], Any]) -> float:
    """Return the seconds that a call would take, within a factor of three; its result is lost.

    0 for one that will be refused, or does not say.
    """
    quotes: list[float] = []
    token = _QUOTES.set(quotes)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            solve()
    except SpinjuncError:
        pass
    finally:
        _QUOTES.reset(token)
    return sum(quotes)


def warn_if_long(seconds: float, what: str, advice: str) -> None:
    """Give a `CostWarning` from `LONG` seconds on."""
    if seconds > LONG:
        warn(f"{what} will take {_said(seconds)}{advice}", CostWarning)


def announced(like: Sequence[Callable[[], Any]], count: int, processes: int) -> str:
    """Return how long ``count`` calls like these will take, empty for a moment, with a `CostWarning` if it is long."""
    seconds = count * float(np.mean([foretold(solve) for solve in like])) / processes
    of = "one process" if processes == 1 else f"{processes} processes"
    advice = (
        f" of {of}. A wider `rtol`, a smaller system or more `workers` cost less; what is done is kept with `resume`."
    )
    warn_if_long(seconds, f"The {count} points of this sweep over a bias", advice)
    return _said(seconds) if seconds > MOMENT else ""


def _said(seconds: float) -> str:
    number, unit = (f"{seconds:.1g}", "s") if seconds < 100 else (f"{seconds / 60:.2g}", "min")
    return f"about {float(number):g} {unit}"  # 50, not 5e+01
