r"""The paper's weak-barrier limit: a parallel circuit of two spin channels on each side of a transparent interface.

Conductances are ``sigma[..., s]``, index 0 = majority, each side along its own magnetization; the fields E_L and E_R
are driving fields (voltage drops) along +y, so that currents J_s = σ_s E, shape (..., 2), are in the unit of
conductance × voltage. ``field``, shape (...), is that of one side or the sum E = E_L + E_R of both drops.
Source: the paper, text before equation (5).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from ..checks import both_spins, finite_array, formula, sides
from ..spin import SIGNS
from .tunnelling import rotation_probabilities


@formula
def spin_currents(sigma: ArrayLike, field: ArrayLike) -> Floats:
    r"""Return J_s = σ_s E, the two spin channels of one side in parallel.

    **Validity**: structure shorter than the spin-diffusion length, no interface resistance.
    """
    return np.asarray(both_spins("sigma", sigma) * finite_array("field", field)[..., None])


@formula
def magnetization_current(currents: ArrayLike) -> Floats:
    """Return J_M = J_+ - J_- of one side.

    **Validity**: a definition, along the side's own magnetization.
    """
    return np.asarray(finite_array("currents", currents, "(..., 2)") @ SIGNS)


@formula
def polarization(sigma: ArrayLike) -> Floats:
    """Return β = (σ_+ - σ_-)/(σ_+ + σ_-), so that J_M = βJ.

    **Result**: β in [-1, 1]. **Validity**: bulk of a metal, both spins in the same field: β of (8) and (9).
    """
    conductances = both_spins("sigma", sigma)
    return np.asarray(conductances @ SIGNS / conductances.sum(axis=-1))


@formula
def rotated_spin_currents(currents_right: ArrayLike, angle: ArrayLike) -> Floats:
    r"""Return J^L_s' = Σ_s |R_ss'|² J^R_s, the right currents counted along the left magnetization.

    **Validity**: the transverse part of the current is thrown away (the paper: ⟨c†_s c_t⟩ = 0 for s ≠ t). The charge is
    kept, and the magnetization current becomes J_M^R cos Φ (`rotated_magnetization_current`). With J_s = σ_s E on
    *both* sides and a continuous charge current this asks for β_L = β_R cos Φ: the paper's two statements
    hold together for collinear equal magnets only.
    """
    currents = finite_array("currents_right", currents_right, "(..., 2)")
    return np.asarray((currents[..., :, None] * rotation_probabilities(angle)).sum(axis=-2))


@formula
def rotated_magnetization_current(J_M_right: ArrayLike, angle: ArrayLike) -> Floats:
    """Return J_M^R cos Φ, the right magnetization current seen along m_L.

    **Validity**: follows exactly from `rotated_spin_currents`; the part J_M^R sin Φ across m_L is the torque.
    """
    return np.asarray(finite_array("J_M_right", J_M_right) * np.cos(finite_array("angle", angle)))


@formula
def series_fields(sigma_left: ArrayLike, sigma_right: ArrayLike, field: ArrayLike = 1.0) -> tuple[Floats, Floats]:
    r"""Return E_L = σ_R E/(σ_L + σ_R) and E_R = σ_L E/(σ_L + σ_R), the field division of resistors in series.

    **Validity**: no interface resistance and no spin accumulation, at any conductances: σ_L E_L = σ_R E_R. Source: the
    paper, text before equation (5), corrected for continuity of the charge current.
    """
    left, right = both_spins("sigma_left", sigma_left).sum(axis=-1), both_spins("sigma_right", sigma_right).sum(axis=-1)
    total = finite_array("field", field) / (left + right)
    return right * total, left * total


@formula
def continuity_defect(sigma_left: ArrayLike, sigma_right: ArrayLike, fields: tuple[ArrayLike, ArrayLike]) -> Floats:
    r"""Return J_L - J_R = σ_L E_L - σ_R E_R, the charge a field division loses at the interface.

    **Result**: (σ_L - σ_R)E for the printed division, 0 for the series division. **Validity**: a definition.
    """
    field_left, field_right = sides("fields", fields)
    left = spin_currents(both_spins("sigma_left", sigma_left), field_left)
    right = spin_currents(both_spins("sigma_right", sigma_right), field_right)
    return np.asarray(left.sum(axis=-1) - right.sum(axis=-1))


@formula
def difference_length(J_M_left: ArrayLike, J_M_right: ArrayLike, angle: ArrayLike) -> Floats:
    r"""Return |J_M^R m_R - J_M^L m_L| = √((J_M^R - J_M^L)² + 4 J_M^L J_M^R sin²(Φ/2)).

    **Result**: Non-negative; 2βJ sin(Φ/2) for identical magnets, the limit of equation (12) for a transparent
    interface. **Validity**: a definition. The paper calls the two magnitudes equal; the vectors differ by this.
    """
    left, right = finite_array("J_M_left", J_M_left), finite_array("J_M_right", J_M_right)
    half = finite_array("angle", angle) / 2
    # Along and across the bisector of m_L and m_R: no cancellation at small angles.
    return np.asarray(np.hypot((right - left) * np.cos(half), (right + left) * np.sin(half)))
