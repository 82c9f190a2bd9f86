"""Currents that potentials drive: by the paper's (3) and (4), by exact probabilities, and by the waves themselves."""

from typing import Any

import numpy as np

from kwant_spinjunc import Junction
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.theory import tunnelling


def potentials(left: float = 0.0, right: float = 0.0) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return µ_L and µ_R per spin: a voltage of 1, and the accumulations (µ_+ - µ_-)/2 in units of it."""
    return (0.5 + left, 0.5 - left), (-0.5 + right, -0.5 - right)


def both_currents(T: np.ndarray, mu_left: Any, mu_right: Any) -> np.ndarray:
    """Return J_M^L and J_M^R of equations (3) and (4), shape [..., side]."""
    pair = [tunnelling.magnetization_current(T, mu_left, mu_right, side) for side in ("left", "right")]
    return np.stack(pair, axis=-1)


def transmitted(P: np.ndarray) -> np.ndarray:
    """Return T_ss' of probabilities, from the left, shape [..., s on the left, s' on the right]."""
    return P[..., 1, :, 0, :].swapaxes(-1, -2)


def lead_currents(P: np.ndarray, mu: Any) -> np.ndarray:
    """Return I_αs = ±Σ_βs' P[αs, βs'](µ_αs - µ_βs') of exact linear response, shape [..., lead, spin]."""
    mu = np.array(mu)
    drop = mu[:, :, None, None] - mu
    return np.array([[1.0], [-1.0]]) * (P * drop).sum(axis=(-1, -2))


def currents_of_waves(junction: Junction, energy: float, mu_left: Any, mu_right: Any) -> tuple[float, float, float]:
    """Return (J, J_M^L, J_M^R) from the wave functions: charge and Q·m through the outer bonds, k∥-averaged.

    The other route to `linear_response`, which takes them from probabilities.
    """
    state = scatter(junction, energy, "average" if junction.is_dispersive else None)
    mu = np.array([np.broadcast_to(mu_left, 2), np.broadcast_to(mu_right, 2)], dtype=float)
    flux = np.einsum("lsbc,ls->bc", state.fields.currents, mu)
    m_left, m_right = junction.magnetizations
    return float(flux[0, 0]), float(flux[0, 1:] @ m_left), float(flux[-1, 1:] @ m_right)
