"""Every condition of a verdict, from both sides: a judge that asks less, or more, is noticed here."""

from collections import defaultdict
from types import SimpleNamespace

import numpy as np
import pytest

from validation.claim import module_of


def power(exponent):
    return SimpleNamespace(exponent=exponent)


def sizes(field_like, occupied):
    return [SimpleNamespace(field_like=field_like, occupied=occupied, t0=1.0)]


def contacts(defect):
    return [SimpleNamespace(law_defect=defaultdict(lambda: defect))]


def census(decaying=4, deviation=0.0, screened=False):
    """Two magnets, the first with lengths that oscillate together."""
    return SimpleNamespace(
        decaying=np.array([4, decaying]),
        deviation=np.array([0.0, deviation]),
        complex_pair=np.array([True, False]),
        screened=np.array([screened, True]),
    )


def walls(to_plane, missed, current=1.0):
    weak = SimpleNamespace(current=1.0, missed=0.01)
    return [SimpleNamespace(to_plane=to_plane)], [weak, SimpleNamespace(current=current, missed=missed)]


SMALL, LARGE = 1e-13, 0.3
LIMIT = "holds in a limit"
CASES = [
    ("bias_dependence", (1.0, SMALL, SMALL), "holds"),
    ("bias_dependence", (0.9, 9e-4, LARGE), LIMIT),
    ("bias_dependence", (0.7, 9e-4, LARGE), "fails"),
    ("bias_dependence", (0.9, 2e-3, LARGE), "fails"),
    ("conservation", (SMALL, LARGE, LARGE), "holds"),
    ("conservation", (SMALL, LARGE, SMALL), LIMIT),
    ("conservation", (1e-8, LARGE, LARGE), "fails"),
    ("conservation", (SMALL, SMALL, LARGE), "fails"),
    ("conserved_current", (SMALL, [LARGE, LARGE]), "holds"),
    ("conserved_current", (SMALL, [1e-4, LARGE]), LIMIT),
    ("conserved_current", (1e-8, [LARGE, LARGE]), "fails"),
    ("conserved_current", (SMALL, [SMALL, SMALL]), "fails"),
    ("dephasing", (0.005, [power(-1.0)]), "holds"),
    ("dephasing", (0.5, [power(-1.0), power(-1.05)]), LIMIT),
    ("dephasing", (0.5, [power(-1.0), power(-0.5)]), "fails"),
    ("dephasing", (0.5, [power(-1.0), power(-2.0)]), "fails"),
    ("domain_wall", (0.5, 0.5, *walls(SMALL, 0.01)), (LIMIT, LIMIT)),
    ("domain_wall", (0.1, 0.5, *walls(SMALL, 0.01)), ("fails", LIMIT)),
    ("domain_wall", (0.5, 0.1, *walls(SMALL, 0.01)), ("fails", LIMIT)),
    ("domain_wall", (0.5, 0.5, *walls(60.0, 0.01)), ("fails", LIMIT)),
    ("domain_wall", (0.5, 0.5, *walls(SMALL, 0.5)), (LIMIT, "fails")),
    ("domain_wall", (0.5, 0.5, *walls(SMALL, 0.5, current=1e14)), (LIMIT, LIMIT)),
    ("dipole_layers", ([1.0, 3.0],), "follows"),
    ("dipole_layers", ([1.0, 30.0],), "fails"),
    ("dipole_layers", ([1.0, 0.03],), "fails"),
    ("equal_magnitudes", ([1.0, 1.3],), "fails"),
    ("equal_magnitudes", ([1.0, 0.7],), "fails"),
    ("equal_magnitudes", ([1.0, 1.0],), "holds"),
    ("equation_12", (SMALL, 1.0, [2.0, 1.9]), ("follows", "follows")),
    ("equation_12", (1e-3, 1.0, [2.0, 1.9]), ("fails", "follows")),
    ("equation_12", (SMALL, 1.1, [2.0, 1.9]), ("follows", "fails")),
    ("equation_12", (SMALL, 0.9, [2.0, 1.9]), ("follows", "fails")),
    ("equation_12", (SMALL, 1.0, [2.0, 1.0]), ("follows", "fails")),
    ("field_division", ([SMALL, SMALL],), "holds"),
    ("field_division", ([SMALL, LARGE],), "fails"),
    ("golden_rule", (1.0, 0.001, 1.0, 1e-4), ("holds", LIMIT)),
    ("golden_rule", (2.0, 0.001, 1.0, 1e-4), ("fails", LIMIT)),
    ("golden_rule", (1.0, 0.1, 1.0, 1e-4), ("fails", LIMIT)),
    ("golden_rule", (1.0, 0.001, 0.5, 1e-4), ("holds", "fails")),
    ("golden_rule", (1.0, 0.001, 1.0, 1e-2), ("holds", "fails")),
    ("interface_response", (SMALL, SMALL), "holds"),
    ("interface_response", (SMALL, LARGE), LIMIT),
    ("interface_response", (1e-8, SMALL), "fails"),
    ("length_scales", (census(), LARGE), "follows"),
    ("length_scales", (census(screened=True), LARGE), LIMIT),
    ("length_scales", (census(decaying=3), LARGE), "fails"),
    ("length_scales", (census(deviation=LARGE), LARGE), "fails"),
    ("length_scales", (census(), 0.0), "fails"),
    ("linear_term", ([1.0, 2.0],), "holds"),
    ("linear_term", ([0.1, 2.0],), "fails"),
    ("magnetization_currents", ([1.0], SMALL, SMALL), "holds"),
    ("magnetization_currents", ([1.0], 1e-4, LARGE), LIMIT),
    ("magnetization_currents", ([1.0, 0.5], 1e-4, LARGE), "fails"),
    ("magnetization_currents", ([1.0], 1e-2, LARGE), "fails"),
    ("metallic_limit", (contacts(0.0), [power(1.0)]), ("holds", "holds")),
    ("metallic_limit", (contacts(LARGE), [power(1.0)]), ("fails", LIMIT)),
    ("metallic_limit", (contacts(LARGE), [power(1.0), power(0.1)]), ("fails", "fails")),
    ("nonequilibrium_tunneling", (1e-4, 1e-4), "holds"),
    ("nonequilibrium_tunneling", (0.1, 1e-4), "fails"),
    ("nonequilibrium_tunneling", (1e-4, 0.1), "fails"),
    ("other_torques", (sizes(0.05, SMALL), {0.1: 0.02}), "holds"),
    ("other_torques", (sizes(SMALL, 2.0), {0.1: 0.02}), "holds"),
    ("other_torques", (sizes(SMALL, SMALL), {0.1: 0.02}), "fails"),
    ("other_torques", (sizes(0.05, 2.0), {0.1: SMALL}), "fails"),
    ("relaxation", ([1e-3], 1e9), "follows"),
    ("relaxation", ([0.1], 1e9), "fails"),
    ("relaxation", ([1e-3], 0.0), "fails"),
    ("rotation_law", ([power(1.0)], SMALL), "holds"),
    ("rotation_law", ([power(1.0), power(1.05)], LARGE), LIMIT),
    ("rotation_law", ([power(1.0), power(0.5)], LARGE), "fails"),
    ("rotation_law", ([power(1.0), power(1.5)], LARGE), "fails"),
    ("symmetry_filtering", (1.001, 0.001, power(1.0), 1.0), ("holds", LIMIT)),
    ("symmetry_filtering", (2.0, 0.001, power(1.0), 1.0), ("fails", LIMIT)),
    ("symmetry_filtering", (1.001, 0.1, power(1.0), 1.0), ("fails", LIMIT)),
    ("symmetry_filtering", (1.001, 0.001, power(0.5), 1.0), ("holds", "fails")),
    ("symmetry_filtering", (1.001, 0.001, power(1.0), 1.1), ("holds", "fails")),
    ("t0_lengths", ([np.ones(3)],), "holds"),
    ("t0_lengths", ([np.array([1.0, 2.0])],), LIMIT),
    ("t0_lengths", ([np.array([2.0, 1.0])],), "fails"),
    ("t0_lengths", ([np.array([1.0, 2.0]), np.array([0.2, 1.0])],), "fails"),
    ("torque", ([SMALL, SMALL],), "holds"),
    ("torque", ([SMALL, LARGE],), "fails"),
    ("transverse_accumulation", (power(-0.5), 0.01, 0.01), "holds"),
    ("transverse_accumulation", (power(-0.5), LARGE, 0.01), LIMIT),
    ("transverse_accumulation", (power(-0.2), LARGE, 0.01), "fails"),
    ("transverse_accumulation", (power(-0.5), LARGE, LARGE), "fails"),
    ("transverse_pair", ([(1.06, 0.01)],), LIMIT),
    ("transverse_pair", ([(1.1, 0.01)],), "fails"),
    ("transverse_pair", ([(1.5, 0.01)],), "fails"),
    ("transverse_pair", ([(0.5, 0.01)],), "fails"),
    ("transverse_pair", ([(1.5, 0.2)],), LIMIT),
    ("transverse_pair", ([(1.0, 0.01), (0.9, 0.01)],), "fails"),
    ("tunneling_exponent", (1e-5, LARGE, 2.0, 1.0), (LIMIT, LIMIT)),
    ("tunneling_exponent", (1e-5, 1e-4, 2.0, 1.0), ("holds", "holds")),
    ("tunneling_exponent", (1e-5, LARGE, 2.0, 1.4), ("fails", LIMIT)),
    ("tunneling_exponent", (1e-2, LARGE, 2.0, 1.0), ("fails", "fails")),
    ("tunneling_exponent", (1e-5, LARGE, 1.0, 1.0), ("fails", "fails")),
    ("multiscale", ([LARGE], [1.0, 2.0]), LIMIT),
    ("multiscale", ([LARGE], [1.0, 0.1]), "fails"),
    ("multiscale", ([SMALL], [1.0, 0.1]), "holds"),
    ("wall_stability", (SMALL, 0.1, 0.01), ("holds", LIMIT)),
    ("wall_stability", (SMALL, 10.0, 0.01), (LIMIT, LIMIT)),
    ("wall_stability", (0.1, 0.1, 0.01), ("fails", LIMIT)),
    ("wall_stability", (SMALL, 0.1, 0.1), ("holds", "fails")),
]


@pytest.mark.parametrize(("name", "arguments", "expected"), CASES)
def test_verdict_is_that_of_its_numbers(name, arguments, expected):
    module = module_of(name)
    judge = module.verdicts if isinstance(expected, tuple) else module.verdict
    assert judge(*arguments) == expected
