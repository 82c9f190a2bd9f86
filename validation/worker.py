"""What a worker process does (spawned processes cannot import it from ``__main__``): one claim, or one comparison."""

import time
import traceback
import warnings

from .claim import Claim, make
from .published import Compared, compare

#: Of the jobs that are comparisons.
PREFIX = "published."


def run_job(job: str, quick: bool) -> tuple[Claim | list[Compared] | None, float, str]:
    """Run a claim, or ``published.NAME``, a file of numbers; return (what was found or None, seconds, error text)."""
    warnings.filterwarnings("ignore", message="plotly is not available", category=RuntimeWarning)
    warnings.filterwarnings("ignore", message="MUMPS is not available", category=RuntimeWarning)
    start = time.perf_counter()
    try:
        found = compare(job.removeprefix(PREFIX), quick) if job.startswith(PREFIX) else make(job, quick)
    except Exception:
        return None, time.perf_counter() - start, traceback.format_exc()
    return found, time.perf_counter() - start, ""
