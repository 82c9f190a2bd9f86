"""The claims about vectors: conservation, torque, dephasing, the metallic limit. Each runs and obeys a law."""

from dataclasses import replace

import numpy as np
import pytest

from kwant_spinjunc import scatter
from kwant_spinjunc.halves import zone
from systems.tunnel_junction import tunnel_junction
from validation.claims import conservation, dephasing, metallic_limit, torque
from validation.laboratory import Laboratory

#: Behind the barrier of these claims corrections to the rotation law are of the order of the transmission per channel,
#: 1e-5, times the few percent of k∥ near Γ that carry it.
TUNNELING = 1e-3
#: A half-shifted mesh of 160 × 160 k∥ points against the one-dimensional integral: it misses the square roots where
#: the minority band closes by 6e-3, and by 1e-3 with twice the points.
MESH = 1e-2
#: Rounding of k∥ sums.
ROUNDING = 1e-10


def test_scalar_difference_behind_a_barrier_grows_as_the_spin_rotation():
    angles = np.radians([30.0, 60.0, 90.0, 120.0, 180.0])
    found = conservation.sample(Laboratory(), "F|I|F", angles)["F|I|F", "equal"]
    lost = found.scalar * found.charge / np.sin(angles / 2) ** 2
    assert lost == pytest.approx(np.full(5, lost[-1]), rel=TUNNELING)


def test_in_plane_torque_behind_a_barrier_is_a_sine_of_the_angle():
    angles = np.radians([20.0, 60.0, 90.0, 140.0])
    charges, torques = (
        claim.sample(Laboratory(), "F|I|F", angles)["F|I|F", "none"] for claim in (conservation, torque)
    )
    amplitude = torques.damping_like * charges.charge[:, None] / np.sin(angles)[:, None]
    assert amplitude == pytest.approx(np.tile([-amplitude[0, 1], amplitude[0, 1]], (4, 1)), rel=TUNNELING)


def test_dephasing_is_that_of_a_two_dimensional_mesh():
    junction = tunnel_junction(theta=dephasing.ANGLE, height=3.0, **dephasing.IRON)
    integral = dephasing.averaged(Laboratory(), junction, 12)
    k, weights = zone.mesh(160)
    resolved = replace(junction, buffer=12)
    found = dephasing.observe(scatter(resolved, dephasing.ENERGY, k, solver="halves"))
    summed = dephasing.penetration(resolved, {name: np.tensordot(weights, x, 1) for name, x in found.items()})
    assert summed.transverse == pytest.approx(integral.transverse, abs=MESH * abs(integral.transverse[0]))
    assert abs(summed.J_M / integral.J_M - 1) < MESH


@pytest.mark.parametrize("splitting", [0.1, 1.0])
def test_spin_from_the_left_is_the_mirror_image_of_spin_from_the_right(splitting):
    contact = metallic_limit.sample(Laboratory(), metallic_limit.ALL_K, splitting, np.pi / 3)
    product = contact.ratio["accumulation on the left"] * contact.ratio["accumulation on the right"]
    assert product == pytest.approx(1.0, abs=ROUNDING)


def test_voltage_between_two_scatterers_divides_by_their_resistances_in_any_order():
    division = metallic_limit.divide(Laboratory(), [(0.5, 2.0), (2.0, 0.5)], distance=200, samples=32)
    assert division.measured.sum() == pytest.approx(1.0, abs=metallic_limit.DIVIDED)
    assert division.measured == pytest.approx(division.series, abs=metallic_limit.DIVIDED)
