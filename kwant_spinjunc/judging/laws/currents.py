"""Equations (1) to (4): one conserved current, the rotation of T_ss', and two currents from transmissions alone."""

from __future__ import annotations

import numpy as np

from ...arrays import Floats
from ...magnets.parameters.response import SIDES
from ...theory import tunnelling
from ..evidence import Evidence
from .rule import NO_FLOW, Curve, Finding, contrast, fed_only, law, relative

UNIT = "e²/h × V"
CURRENT = "the charge current at the same angle"
#: A charge current below this part of what its channels carry makes errors per current large.
SMALL = 0.01
#: Two sides that agree to this part of the largest current do so by symmetry, and to this of one that is much smaller.
SYMMETRIC, ROUNDED = 1e-10, 1e-6


def _curves(e: Evidence, left: Floats, right: Floats) -> tuple[Curve, ...]:
    return tuple(
        Curve("magnetization current J_M", UNIT, side, theory, e.J_M[:, i])
        for i, (side, theory) in enumerate(zip(SIDES, (left, right), strict=True))
    )


def _off(e: Evidence, *theory: Floats) -> Floats:
    worst: Floats = np.max([relative(e.J_M[:, i], values, e.scale) for i, values in enumerate(theory)], axis=0)
    return worst


@law(
    "conserved",
    "(1) one conserved current",
    "1",
    statement="One magnetization current, the same on both sides, carried by the channels that keep their label.",
    fed="T_ss of the collinear junctions, α_s = β_s = s R_ss² D_ss",
    against="J_M^L and J_M^R of exact linear response",
    unit=CURRENT,
    instead="Use one J_M for each side, and the difference of their vectors as the torque: no barrier mends it.",
    sought=False,
)
def _conserved(e: Evidence) -> Finding:
    e.need_magnets()
    J_M = tunnelling.conserved_magnetization_current(*tunnelling.collinear_coefficients(e.rotated), *e.mu)
    lost = relative(e.J_M[:, 0], e.J_M[:, 1], e.scale)
    turned = np.linalg.norm(e.J_M[:, :1] * e.m[:, 0] - e.J_M[:, 1:] * e.m[:, 1], axis=-1)
    worst = float(relative(0.0, turned, e.scale).max())
    reason = f"as a vector the current changes by up to {worst:.2g} of J, the torque on all that lies between"
    if not e.flows:
        reason = NO_FLOW
    elif worst <= SYMMETRIC:
        reason = "at these angles no torque acts, and none of the current can be lost"
    elif abs(np.diff(e.J_M)).max() < SYMMETRIC * e.scale.max() and lost.max() < ROUNDED:
        reason = f"both sides are mirror images: the lengths agree by symmetry, not by conservation; {reason}"
    return Finding(
        _off(e, J_M, J_M),
        float(lost.max()),
        "|J_M^R - J_M^L|/J, which it sets to zero",
        _curves(e, J_M, J_M),
        reason,
        restrained=worst > SYMMETRIC,
    )


@law(
    "rotation",
    "(2) rotation law",
    "2",
    statement="T_ss'(Φ) = R_ss'² D_ss' with the spinor overlap R and D independent of the angle.",
    fed="T_ss' of the collinear junctions at 0 and 180 deg",
    against="T_ss'(Φ) of exact scattering",
    unit="the conductance at the same angle",
    instead="Solve every angle: two halves and one rotation cost no more.",
)
def _rotation(e: Evidence) -> Finding:
    e.need_magnets()
    error = relative(0.0, abs(e.rotated - e.transmissions).max(axis=(-1, -2)), e.conductance_scale)
    labels = ("++", "+-", "-+", "--")
    curves = tuple(
        Curve(f"transmission T_{label}", "1", "", e.rotated[:, i, j], e.transmissions[:, i, j])
        for label, (i, j) in zip(labels, np.ndindex(2, 2), strict=True)
    )
    fed = fed_only(e)
    return Finding(error, *contrast(e), curves, fed, restrained=bool(fed))


@law(
    "tunnelling",
    "(3), (4) two currents",
    "3 4",
    statement="J_M^L = Σ s T_ss' (µ_Ls - µ_Rs') and J_M^R = Σ s' T_ss' (µ_Ls - µ_Rs') with T_ss' = R_ss'² D_ss'.",
    fed="T_ss' of the collinear junctions at 0 and 180 deg",
    against="J_M^L and J_M^R of exact linear response, spin-flip reflection included",
    unit=CURRENT,
    instead="Take the exact (5), (6): linear_response(scatter(...)), of a Kwant system scatter(...).currents(mu).",
)
def _tunnelling(e: Evidence) -> Finding:
    e.need_magnets()
    left, right = (tunnelling.magnetization_current(e.rotated, e.mu[0], e.mu[1], side) for side in SIDES)
    reason, fed = "", fed_only(e)
    if e.cancels:
        reason = "no net charge flows at some angle, where errors are relative to what the channels carry one by one"
    flips = [e.probabilities[:, lead, 0, lead, 1] + e.probabilities[:, lead, 1, lead, 0] for lead in (0, 1)]
    dropped = [flip * abs(mu[0] - mu[1]) for flip, mu in zip(flips, e.mu, strict=True)]
    share = float(relative(0.0, np.max(dropped, axis=0), e.scale).max())
    if share > 0:
        reason = f"{reason + '; ' if reason else ''}dropped spin-flip reflection carries up to {share:.2g} of J"
    error = _off(e, left, right)
    worst = int(np.argmax(error))
    if not e.cancels and e.carried[worst] < SMALL:
        least = f"the charge current all but cancels at {np.degrees(e.angles[worst]):.4g} deg, where it is "
        reason = f"{least}{e.carried[worst]:.2g} of what its channels carry one by one; {reason}".rstrip("; ")
    if not e.flows:
        reason = f"{NO_FLOW}, by the law and exactly"
    return Finding(error, *contrast(e), _curves(e, left, right), fed or reason, restrained=bool(fed) and e.flows)
