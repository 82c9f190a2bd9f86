"""Hypothesis profiles, chosen by ``HYPOTHESIS_PROFILE``.

``default``: the same few examples in every run. ``ci`` and ``deep`` (``make test-deep``) draw new ones every time, and
print how to repeat a failure. Tests that need another number of examples say `strategies.examples(number)`, which
grows with the profile.
"""

import functools
import gc
import os
import shutil
import signal
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# A run in the background of a shell inherits ignored signals; the tests of interrupts need them as in the foreground.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

import numpy.testing
import pytest
from hypothesis import HealthCheck, settings

#: A hole is no number, also where both sides have one; a test that means NaN says so by ``equal_nan=True``.
numpy.testing.assert_allclose = functools.partial(numpy.testing.assert_allclose, equal_nan=False)

settings.register_profile(
    "default", max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
for name, count in [("ci", 100), ("deep", 2000)]:
    settings.register_profile(
        name, parent=settings.get_profile("default"), max_examples=count, derandomize=False, print_blob=True
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_collection():
    """Spare the collector what stays anyway: modules and tests, which it would go through again and again."""
    gc.disable()


def pytest_collection_finish():
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 10, 10)  # hypothesis is called at every collection


@pytest.fixture(scope="session")
def _folder(tmp_path_factory):
    return tmp_path_factory.mktemp("own")


@pytest.fixture(autouse=True)
def _own_folder(request, monkeypatch, _folder):
    """Run every test in an empty folder (`tmp_path` if it asks for it), so that the checkout stays as it is."""
    if "tmp_path" in request.fixturenames:
        monkeypatch.chdir(request.getfixturevalue("tmp_path"))
        yield
        return
    monkeypatch.chdir(_folder)
    yield
    for left in Path(_folder).iterdir():
        shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
