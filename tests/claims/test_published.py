"""Published numbers: ours agree, within tolerances near to what is reached."""

import dataclasses
import os

import pytest

from validation.published import PUBLISHED, compare

#: Those of a second or less; ``make test-deep`` and the validation compare all.
SHORT = ("julliere_1975", "bruno_1995", "free_electron_mixing", "brataas_2000", "valet_fert_1993", "bias_torques_2010")
RUN = PUBLISHED if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else SHORT
#: Tolerances within this factor of what is reached are tight; those below are about rounding.
TIGHT, ROUNDING = 100.0, 1e-8


def loose(rows):
    """Return the rows whose tolerance is far from what is reached or from the error of ours."""
    reached = [(row, max(abs(row.ours - row.published), row.error)) for row in rows]
    return [row.id for row, size in reached if row.tolerance > max(ROUNDING, TIGHT * size)]


@pytest.mark.parametrize("name", RUN)
def test_published_number_is_reached_within_a_tolerance_that_says_something(name):
    rows = compare(name, quick=True)
    assert rows
    assert all(row.passed for row in rows), [(row.id, row.ours, row.published, row.tolerance) for row in rows]
    assert not loose(rows)
    assert len(loose([dataclasses.replace(row, tolerance=1e6 * row.tolerance) for row in rows])) == len(rows)
    shifted = [dataclasses.replace(row, ours=row.ours + 2.1 * row.tolerance) for row in rows]
    assert not any(row.passed for row in shifted)
