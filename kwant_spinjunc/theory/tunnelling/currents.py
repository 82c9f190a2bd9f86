"""The conserved current of equation (1) and the two currents of (3) and (4)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kwant_spinjunc.arrays import Floats, Side
from kwant_spinjunc.checks import (
    choice,
    finite_array,
    formula,
    potentials,
)
from kwant_spinjunc.spin import SIGNS


@formula
def conserved_magnetization_current(
    alpha: ArrayLike, beta: ArrayLike, mu_left: ArrayLike, mu_right: ArrayLike
) -> Floats:
    r"""Return J_M = Σ_s (α_s µ_Ls - β_s µ_Rs), equation (1): one magnetization current for both sides.

    **Result**: J_M in (e²/h)·V. **Validity**: collinear magnets. This is the conventional form the paper refutes, kept
    as the baseline of every comparison; see `collinear_coefficients` for what it means in a noncollinear junction.

    Source: the paper, equation (1).
    """
    a, b = finite_array("alpha", alpha, "(..., 2)"), finite_array("beta", beta, "(..., 2)")
    return np.asarray((a * potentials("mu_left", mu_left) - b * potentials("mu_right", mu_right)).sum(axis=-1))


@formula
def collinear_coefficients(probabilities: ArrayLike) -> tuple[Floats, Floats]:
    r"""Return α_s = β_s = s T_ss, the coefficients of equation (1) when only spin-conserving channels are kept.

    ``probabilities``: T_ss', shape (..., 2, 2). At Φ = 0 this is all there is; at any other angle T_ss(Φ) is kept and
    T_s,-s dropped.

    **Result**: shape (..., 2) each. **Validity**: exact for collinear magnets. At an angle (1) with these coefficients
    is the *mean* of (3) and (4): J_M^L = J_M + F and J_M^R = J_M - F with the dropped F = Σ_s s T_s,-s (µ_Ls - µ_R,-s).
    """
    coefficients = SIGNS * np.diagonal(finite_array("probabilities", probabilities, "(..., 2, 2)"), axis1=-2, axis2=-1)
    return coefficients, coefficients.copy()


@formula
def one_sided_coefficients(probabilities: ArrayLike, side: Side) -> tuple[Floats, Floats]:
    r"""Return α_s, β_s with which equation (1) gives the current (3) or (4) of one side.

    Left: α_s = s Σ_s' T_ss', β_s' = Σ_s s T_ss'. Right: α_s = Σ_s' s' T_ss', β_s' = s' Σ_s T_ss'.

    ``probabilities``: T_ss', shape (..., 2, 2).

    **Result**: shape (..., 2) each. **Validity**: as (3) and (4). No choice of α and β serves both sides unless T is
    diagonal: what is dropped is that the other side has its own pair.
    """
    T = finite_array("probabilities", probabilities, "(..., 2, 2)")
    if choice("side", side, ("left", "right")) == "left":
        return SIGNS * T.sum(axis=-1), SIGNS @ T
    return T @ SIGNS, SIGNS * T.sum(axis=-2)


@formula
def magnetization_current(probabilities: ArrayLike, mu_left: ArrayLike, mu_right: ArrayLike, side: Side) -> Floats:
    r"""Return J_M^L = (1/h) Σ_ss' s T_ss' (µ_Ls - µ_Rs') or J_M^R, s' in front: equations (3) and (4) in Landauer form.

    ``probabilities``: T_ss', shape (..., 2, 2), **s on the left, s' on the right**.

    **Result**: majority minus minority particle current along the side's own m, positive along +y, in (e²/h)·V.
    **Validity**: exact for any junction without spin accumulation on that side. With it, reflection with spin flip adds
    Σ_ss'' s R^L_ss'' (µ_Ls - µ_Ls''), which (3) leaves out: of order T² behind a barrier (`spin_flip_reflection`), of
    order one in a metal; the mirror image on the right. Source: the paper, equations (3), (4), with n(µ) linear in µ
    and 4πe|T_ss'|² times the density of states read as T_ss'/h.
    """
    flux = finite_array("probabilities", probabilities, "(..., 2, 2)") * _drop(mu_left, mu_right)
    return np.asarray(flux.sum(axis=-1 if choice("side", side, ("left", "right")) == "left" else -2) @ SIGNS)


@formula
def charge_current(probabilities: ArrayLike, mu_left: ArrayLike, mu_right: ArrayLike) -> Floats:
    r"""Return J = (1/h) Σ_ss' T_ss' (µ_Ls - µ_Rs'), the particle current in the reading of (3) and (4).

    Arguments as in `magnetization_current`.

    **Result**: J in (e²/h)·V, the same on both sides. **Validity**: exact for coplanar magnets: R^L_+- = R^L_-+, so
    reflection with spin flip carries no charge.
    """
    flux = finite_array("probabilities", probabilities, "(..., 2, 2)") * _drop(mu_left, mu_right)
    return np.asarray(flux.sum(axis=(-1, -2)))


def _drop(mu_left: ArrayLike, mu_right: ArrayLike) -> Floats:
    """Return µ_Ls - µ_Rs' for all pairs of spins, shape (..., 2, 2)."""
    return np.asarray(potentials("mu_left", mu_left)[..., :, None] - potentials("mu_right", mu_right)[..., None, :])
