"""The validity map of the report: its numbers keep their invariants and say what the physics must."""

import numpy as np
import pytest

from validation.claims import validity_map


@pytest.fixture(scope="module")
def measured():
    return validity_map.measure(quick=True)


def test_one_percent_is_passed_where_the_law_says_so(measured):
    error, law = validity_map.points(measured, "tunnelling", "tunnelling_leading_order")
    over, under = validity_map.window(error, law, 0.01)
    assert 0.008 < over <= under * 1.1 < 0.013


def test_verdict_follows_the_numbers(measured):
    law = validity_map.collapses(measured, "tunnelling")["leading order"]
    error, transmission = validity_map.points(measured, "tunnelling", "transmission")
    assert validity_map.verdict(law, np.zeros(3), np.array([1e-6, 1e-3, 0.5])) == "holds"
    assert validity_map.verdict(law, error, transmission) == "holds in a limit"
    assert validity_map.verdict(law, np.maximum(error, 0.01), transmission) == "fails"


def test_first_figure_fits_a_page_of_900_pixels(measured, tmp_path):
    figure = validity_map.draw_maps(measured)
    figure.savefig(tmp_path / "map.png", dpi=160, bbox_inches="tight")  # as the report does
    width = int.from_bytes((tmp_path / "map.png").read_bytes()[16:20], "big")
    assert 700 < width <= 900
