"""The claims on the domain wall and on the multiscale run pass, and the physics they report is right."""

import numpy as np
import pytest

from kwant_spinjunc.theory import angular
from validation.claim import Records
from validation.claims import domain_wall as wall_claim
from validation.claims import multiscale as multiscale_claim
from validation.laboratory import Laboratory


def test_chain_turns_by_the_hyperbolic_profile_whatever_the_anisotropy():
    """sinh(q/2) = √κ/2 gives length and size of the wall beyond K = J/a² as below it."""
    kappa = np.array([0.01, 0.9, 1.1, 4.0])
    chains = Records(wall_claim.measure_chain(k) for k in kappa)
    q = 2 * np.arcsinh(np.sqrt(kappa) / 2)
    assert chains.length == pytest.approx(np.sqrt(kappa) / q, rel=1e-9)
    assert chains.rotation == pytest.approx(1 / np.expm1(q), rel=1e-9)
    assert (chains.rotation > 0).all()
    assert np.sign(chains.paper).tolist() == [1, 1, -1, -1]


def test_wall_of_a_current_is_the_torque_turned_by_ninety_degrees():
    """Σ_n (K δm_n + K_d ŷ (ŷ·δm_n)) = Σ_n τ_n × m: exchange only passes the torque on to all planes."""
    loop = wall_claim.measure_loop(Laboratory(spot_check_every=100), "F|I|F", 1e10, 100)
    chain, state = loop.wall.chain, loop.wall.state
    left = chain.left_planes
    tilt = (state.m - chain.easy_axes)[left:]
    normal = np.array([0.0, 1.0, 0.0])  # of the film
    held = chain.anisotropy[left] * tilt.sum(axis=0) + chain.demagnetization[left] * normal * (tilt @ normal).sum()
    expected = np.cross(state.torque[left:].sum(axis=0), chain.easy_axes[-1])
    assert held == pytest.approx(expected, abs=1e-3 * np.linalg.norm(expected))


def test_equation_12_is_the_solution_where_it_should_be():
    """A high barrier between hardly magnetic metals at ξ = 1: (12) without a free constant."""
    family = multiscale_claim.partial(multiscale_claim.BARRIER, height=4.0, splitting=0.02)
    error, parallel = multiscale_claim.error_at(family, 1.0, np.linspace(0.3, 2.8, 4))
    assert parallel.xi == pytest.approx(1.0, rel=1e-6)
    assert error < 2e-4
    wrong = angular.delta_J_M(3.0, 1.0, 0.46) - angular.delta_J_M(1.0, 1.0, 0.46)
    assert abs(wrong) > 100 * error * 0.46
