"""What a worker process does: run one claim (spawned processes cannot import it from ``__main__``)."""

from __future__ import annotations

import importlib
import time
import traceback
import warnings

from kwant_spinjunc.report import Claim


def run_claim(module: str, quick: bool) -> tuple[Claim | None, float, str]:
    """Run one claim and return (claim or None, seconds, error text)."""
    warnings.filterwarnings("ignore", message="plotly is not available", category=RuntimeWarning)
    warnings.filterwarnings("ignore", message="MUMPS is not available", category=RuntimeWarning)
    start = time.perf_counter()
    try:
        claim = importlib.import_module(f"validation.{module}").claim(quick)
    except Exception:
        return None, time.perf_counter() - start, traceback.format_exc()
    return claim, time.perf_counter() - start, ""
