"""The claims about finite bias: each runs, and obeys a law that its own code does not use."""

import numpy as np
import pytest

from kwant_spinjunc import scatter
from kwant_spinjunc.theory import tunnelling
from kwant_spinjunc.transport.bias import bias_response, biased
from validation.claims import bias_dependence, nonequilibrium_tunneling
from validation.laboratory import Laboratory


def test_torque_at_a_right_angle_is_half_the_difference_of_kwant_s_collinear_currents():
    """At one k∥, where the window has no kink and is one Gauss rule."""
    magnet, k, V = (4.0, 3.0), (0.9, 0.9), 0.3
    x, w = np.polynomial.legendre.leggauss(5)
    J_M = []
    for theta in (0.0, np.pi):
        tilted = biased(bias_dependence.junction(theta, magnet), V)
        T = [scatter(tilted, node * V / 2, k).transmissions for node in x]
        J_M.append(V / 2 * w @ [tunnelling.magnetization_current(t, 1.0, 0.0, "right") for t in T])
    crossed = bias_response(bias_dependence.junction(np.pi / 2, magnet), V, k=k)
    transmission = float(crossed.current / V)
    difference = crossed.torques.damping_like[1] - (J_M[0] - J_M[1]) / 2
    assert abs(difference) < 3 * transmission * crossed.current


def test_t0_is_the_even_part_of_the_in_plane_torque():
    found = bias_dependence.sample((4.0, 3.0), np.array([-0.5, 0.5]))
    J_M = found.crossed.magnetization
    t0 = tunnelling.implicit_torque(J_M[:, 0], J_M[:, 1])
    both = found.crossed.torques.damping_like[:, 1].sum()  # of the right magnet at V and -V
    np.testing.assert_allclose(t0, -both, rtol=1e-5)


def test_half_metals_have_a_torque_odd_in_the_bias():
    """One spin on each side: J_M = J up to the evanescent one, and t0 = 0."""
    found = bias_dependence.sample((5.0, 4.0), np.array([-0.5, 0.5]))
    assert found.in_plane[0] == pytest.approx(-found.in_plane[1], rel=1e-6)
    J = np.repeat(abs(found.crossed.current)[:, None], 2, axis=1)
    np.testing.assert_allclose(abs(found.crossed.magnetization), J, rtol=1e-6)


def test_corrected_exponent_tends_to_the_closed_form_of_the_continuum():
    """(2d/3)(e_0 + √(e_0 e_d) + e_d)/(√e_0 + √e_d) for a low barrier, up to (κa)²/24 of the lattice."""
    V, E, planes = 0.1, 0.02, 400
    lattice = nonequilibrium_tunneling.exponent(nonequilibrium_tunneling.CORRECTED, planes, V, E)
    smooth = tunnelling.wkb_exponent(nonequilibrium_tunneling.HEIGHT, planes, 1.0, mu_left=E - V / 2, voltage=V)
    kappa = smooth / planes
    assert smooth / lattice - 1 == pytest.approx(kappa**2 / 24, rel=0.25)


def test_bias_makes_equal_magnets_unequal_and_its_reversal_exchanges_them():
    """T_+-(E, V) = T_-+(E, -V), as exactly as Kwant scatters, while T_+- ≠ T_-+ at either bias."""
    forward, backward = (
        scatter(biased(nonequilibrium_tunneling.junction(3), V), 0.1).transmissions for V in (0.6, -0.6)
    )
    np.testing.assert_allclose(forward, backward.T, rtol=1e-9)
    assert abs(forward[0, 1] / forward[1, 0] - 1) > 0.05


def test_error_of_the_window_currents_is_of_first_order_in_the_transmission():
    found = nonequilibrium_tunneling.windows(Laboratory(), 0.4, "none", (3, 4, 5))
    ratio = found.error / found.transmission
    assert found.transmission[0] > 100 * found.transmission[-1]
    np.testing.assert_allclose(ratio, ratio[-1], rtol=0.2)  # the top of the window counts more behind thicker barriers
