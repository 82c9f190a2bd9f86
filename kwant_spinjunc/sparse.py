"""The lock of the sparse solver MUMPS, and whether it can be called without Kwant (python-mumps)."""

from __future__ import annotations

import importlib.util
import os
import threading

#: MUMPS, the sparse solver of Kwant and of real samples, is not re-entrant: two threads in it at once end the process.
#: Whatever factorizes by it, and the end of the life of a factorization too, happens ``with mumps_lock:``.
mumps_lock = threading.RLock()
if hasattr(os, "register_at_fork"):
    # a child must not inherit a lock that a thread holds which the child has not, nor a half-done factorization
    os.register_at_fork(
        before=mumps_lock.acquire, after_in_parent=mumps_lock.release, after_in_child=mumps_lock.release
    )


def has_mumps() -> bool:
    """Whether python-mumps is installed."""
    return importlib.util.find_spec("mumps") is not None
