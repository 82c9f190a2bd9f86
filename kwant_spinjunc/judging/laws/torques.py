"""t0 in both readings, and Slonczewski's laws: conductance and torques over the angle, and their relation to J_M."""

from __future__ import annotations

import numpy as np

from ...arrays import Floats
from ...theory import julliere, slonczewski, tunnelling
from ..evidence import BIAS, ROUNDING, Evidence, InapplicableError
from .rule import NO_FLOW, Curve, Finding, contrast, fed_only, law, relative

UNIT = "e²/h × V"
TORQUE = "the torque at the same angle"


def _against(e: Evidence, theory: Floats, exact: Floats, difference: Floats) -> Floats:
    """Return the difference relative to the larger of both lengths, NaN where there is no torque at all."""
    larger = np.maximum(theory, exact)
    there = larger > ROUNDING * e.scale.max()  # of the whole curve: where little flows what is left is that of sin π
    if not there.any():
        raise InapplicableError("no torque acts at these angles" if e.flows else NO_FLOW)
    error: Floats = np.where(there, difference / np.where(there, larger, 1.0), np.nan)
    return error


@law(
    "t0_vector",
    "t0 as a vector",
    "t0",
    statement="t0 a = J_M^R m_R - J_M^L m_L is minus the torque of the electrons on both magnets.",
    fed="exact J_M on both sides",
    against="the spin that wave functions carry into one magnet and out of the other",
    unit=TORQUE,
    instead="Count the spin that the spacer takes up as well: layer_torques by planes, of a Kwant system "
    "torque(sites).",
    sought=False,
)
def _vector(e: Evidence) -> Finding:
    e.need_magnets()
    t0 = tunnelling.vector_difference(e.J_M[:, 0], e.J_M[:, 1], e.m[:, 0], e.m[:, 1])
    lengths = np.linalg.norm(t0, axis=-1), np.linalg.norm(e.total_torque, axis=-1)
    missing = np.linalg.norm(t0 + e.total_torque, axis=-1)
    return Finding(
        _against(e, *lengths, missing),
        float(relative(0.0, missing, e.scale).max()),
        "spin per J that neither side carries nor a magnet takes up",
        (Curve("|torque on both magnets|", UNIT, "", *lengths),),
    )


@law(
    "t0_scalar",
    "t0 as a scalar",
    "t0",
    statement="|J_M^R - J_M^L|, a difference of lengths, is the length of the torque on both magnets.",
    fed="exact J_M on both sides",
    against="the length of the exact torque on both magnets",
    unit=TORQUE,
    instead="Read t0 as a vector.",
    sought=False,
)
def _scalar(e: Evidence) -> Finding:
    e.need_magnets()
    t0 = abs(tunnelling.implicit_torque(e.J_M[:, 0], e.J_M[:, 1]))
    reason = "lengths along two axes leave out that the current turns from one to the other, which is the torque"
    try:
        vectors = e.total_torque
    except InapplicableError:
        vectors = tunnelling.vector_torque(e.J_M[:, 0], e.J_M[:, 1], e.m[:, 0], e.m[:, 1])
        reason += "; the torque here is all spin lost between the leads, spin-orbit coupling included"
    torque = np.linalg.norm(vectors, axis=-1)
    error = _against(e, t0, torque, abs(t0 - torque))
    worst = int(np.nanargmax(np.where(e.asked, error, np.nan))) if np.isfinite(error[e.asked]).any() else 0
    turn = 4 * abs(e.J_M[worst].prod()) * np.sin(e.angles[worst] / 2) ** 2  # |τ|² = t0² ± turn
    return Finding(
        error,
        float(turn / (turn + t0[worst] ** 2)),
        "x/(x + t0²), x = |4 J_M^L J_M^R sin²(Φ/2)|, at the worst angle: part of the turn of the current",
        (Curve("|torque on both magnets|", UNIT, "", t0, torque),),
        reason if np.nanmax(np.append(error, 0.0)) > ROUNDING else "",
    )


@law(
    "torque_relations",
    "torque relations (Slonczewski 2005)",
    "t0",
    statement="τ_R·e_R = (J_M^L - J_M^R cos Φ)/sin Φ and τ_L·e_L = -(J_M^R - J_M^L cos Φ)/sin Φ.",
    fed="exact J_M on both sides at unit bias",
    against="the in-plane torque from the spin current through the spacer",
    unit="the conductance at the same angle",
    instead="Take the torque from the spin current, magnet by magnet.",
    sought=False,
)
def _relations(e: Evidence) -> Finding:
    e.need_magnets()
    if e.spacer_at_bias is None and e.along is None:
        raise InapplicableError(e.unseen or e.fixed)
    J_M = e.spin_currents(BIAS)[1]
    theory = np.stack(tunnelling.in_plane_torques(J_M[:, 0], J_M[:, 1], e.angles), axis=-1)
    exact = e.in_plane_torques
    error = relative(0.0, abs(theory - exact).max(axis=-1), e.conductance_scale)
    return Finding(
        error,
        float(error.max()),
        "spin per J that the spacer takes up",
        tuple(
            Curve("in-plane torque per bias", UNIT, side, theory[:, i], exact[:, i])
            for i, side in enumerate(("left", "right"))
        ),
    )


@law(
    "slonczewski",
    "angular law (Slonczewski 1989)",
    "2 3 4",
    statement="G = (G_P + G_AP)/2 + (G_P - G_AP)/2 cos Φ, and in-plane torques ∝ sin Φ on both magnets.",
    fed="T_ss' of the collinear junctions at 0 and 180 deg, unit bias",
    against="G(Φ) and both in-plane torques of exact scattering",
    unit="the conductance at the same angle",
    instead="Fit it: effective_parameters(junction) has the metallic law with Λ and its misfit.",
)
def _angular(e: Evidence) -> Finding:
    e.need_turns()
    G = julliere.angular_conductance(e.conductance[0], e.conductance[-1], e.angles)
    misfit, curves = [abs(G - e.conductance)], [Curve("conductance", "e²/h", "", G, e.conductance)]
    if not any(e.unlabeled):
        torques = slonczewski.torques_from_spin_factors(e.factors, e.angles)
        for i, (side, theory) in enumerate(zip(("left", "right"), torques, strict=True)):
            exact = e.in_plane_torques[:, i]
            misfit.append(abs(theory - exact))
            curves.append(Curve("in-plane torque per bias", UNIT, side, theory, exact))
    # sin π and (1 + cos π)/2 are rounding of the largest, also where half metals let nothing pass
    off = np.max(misfit, axis=0)
    error = relative(0.0, np.where(off > ROUNDING * e.conductance.max(), off, 0.0), e.conductance_scale)
    fed = fed_only(e)
    return Finding(error, *contrast(e), tuple(curves), fed, restrained=bool(fed))
