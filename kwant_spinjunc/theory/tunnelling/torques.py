"""The torque t0, the torques of two magnetization currents, and what the paper calls nonconservation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kwant_spinjunc.arrays import Floats
from kwant_spinjunc.checks import (
    finite_array,
    formula,
    positive,
)
from kwant_spinjunc.spin import check_unit_vector


@formula
def implicit_torque(J_M_left: ArrayLike, J_M_right: ArrayLike, lattice_constant: float = 1.0) -> Floats:
    r"""Return t0 = (J_M^R - J_M^L)/(a µ_B), the paper's implicit torque, with µ_B = 1.

    **Result**: J_M per length: the rate at which an external torque supplies the scalar spin current. **Validity**: t0
    sees the lengths of two vectors only. The whole torque on both magnets is `vector_torque`; for identical magnets
    without spin accumulation t0 = 0 while the torque is 2 J_M sin(Φ/2). t0 acts on the electrons: its sign is opposite
    to that of a torque on the magnets.

    Source: the paper, text after equation (4).
    """
    difference = finite_array("J_M_right", J_M_right) - finite_array("J_M_left", J_M_left)
    return np.asarray(difference / positive("lattice_constant", lattice_constant))


@formula
def in_plane_torques(J_M_left: ArrayLike, J_M_right: ArrayLike, angle: ArrayLike) -> tuple[Floats, Floats]:
    r"""Return the in-plane torques (τ_L·e_L, τ_R·e_R) from the two magnetization currents.

    τ_R·e_R = (J_M^L - J_M^R cos Φ)/sin Φ with e_R = (m_L - cos Φ m_R)/sin Φ, and
    τ_L·e_L = -(J_M^R - J_M^L cos Φ)/sin Φ with e_L = (m_R - cos Φ m_L)/sin Φ.

    **Result**: torques on the magnets in the unit of J_M (rates of σ); zero for collinear magnets (|sin Φ| < 1e-12).
    **Validity**: exact if the spin current is continuous through the spacer (no magnetism, no spin-orbit coupling) and
    each magnet absorbs all of its transverse part. Near Φ = 0 and π errors of J_M are divided by sin Φ.

    Source: J. C. Slonczewski, Phys. Rev. B 71, 024411 (2005), the torque relations.
    """
    left, right = finite_array("J_M_left", J_M_left), finite_array("J_M_right", J_M_right)
    phi = finite_array("angle", angle)
    sine, cosine = np.sin(phi), np.cos(phi)
    defined = abs(sine) > 1e-12
    safe = np.where(defined, sine, 1.0)
    torque_left = np.where(defined, -(right - left * cosine) / safe, 0.0)
    torque_right = np.where(defined, (left - right * cosine) / safe, 0.0)
    return torque_left, torque_right


@formula
def vector_torque(J_M_left: ArrayLike, J_M_right: ArrayLike, m_left: ArrayLike, m_right: ArrayLike) -> Floats:
    r"""Return τ = J_M^L m_L - J_M^R m_R, the total torque on both magnets.

    **Result**: shape (..., 3); In the unit of J_M (rates of σ): what flows in on the left minus what flows out on the
    right. **Validity**: exact where the transverse spin current has dephased in both magnets. It has no out-of-plane
    part: the field-like torques on the two magnets are opposite.
    """
    left = finite_array("J_M_left", J_M_left)[..., None] * check_unit_vector(m_left, "m_left")
    right = finite_array("J_M_right", J_M_right)[..., None] * check_unit_vector(m_right, "m_right")
    return np.asarray(left - right)


@formula
def vector_difference(J_M_left: ArrayLike, J_M_right: ArrayLike, m_left: ArrayLike, m_right: ArrayLike) -> Floats:
    r"""Return J_M^R m_R - J_M^L m_L, the nonconservation of the spin current vector.

    **Result**: shape (..., 3); In the unit of J_M; its length squared is (J_M^R - J_M^L)² + 4 J_M^L J_M^R sin²(Φ/2).
    **Validity**: a definition. Minus the torque on the magnets (`vector_torque`).
    """
    return -vector_torque(J_M_left, J_M_right, m_left, m_right)
