"""What a worker process does (spawned processes cannot import it from ``__main__``): one claim, or one comparison."""

import time
import traceback
import warnings
from collections.abc import Callable
from typing import Any

from .claim import Claim, make
from .published import Compared, compare


def run_claim(name: str, quick: bool) -> tuple[Claim | None, float, str]:
    """Run one claim and return (claim or None, seconds, error text)."""
    return _run(make, name, quick)


def run_comparison(name: str, quick: bool) -> tuple[list[Compared] | None, float, str]:
    """Run one file of published numbers and return (rows or None, seconds, error text)."""
    return _run(compare, name, quick)


def _run(function: Callable[[str, bool], Any], name: str, quick: bool) -> tuple[Any, float, str]:
    warnings.filterwarnings("ignore", message="plotly is not available", category=RuntimeWarning)
    warnings.filterwarnings("ignore", message="MUMPS is not available", category=RuntimeWarning)
    start = time.perf_counter()
    try:
        found = function(name, quick)
    except Exception:
        return None, time.perf_counter() - start, traceback.format_exc()
    return found, time.perf_counter() - start, ""
