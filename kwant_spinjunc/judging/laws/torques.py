"""t0 in both readings, and Slonczewski's laws: conductance and torques over the angle, and their relation to J_M."""

from __future__ import annotations

import numpy as np

from kwant_spinjunc.judging.evidence import BIAS, ROUNDING, Evidence, InapplicableError
from kwant_spinjunc.judging.laws.rule import Curve, Finding, Rule, contrast, relative
from kwant_spinjunc.theory import julliere, slonczewski, tunnelling

from ...arrays import Floats

__all__ = ["RULES"]


UNIT = "e²/h × V"
TORQUE = "the torque at the same angle"


def _against(e: Evidence, theory: Floats, exact: Floats, difference: Floats) -> Floats:
    """Return the difference relative to the larger of both lengths, NaN where there is no torque at all."""
    larger = np.maximum(theory, exact)
    there = larger > ROUNDING * e.scale
    if not there.any():
        raise InapplicableError("no torque acts at any angle: no magnetization current flows at these potentials")
    error: Floats = np.where(there, difference / np.where(there, larger, 1.0), np.nan)
    return error


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


def _scalar(e: Evidence) -> Finding:
    e.need_magnets()
    t0 = abs(tunnelling.implicit_torque(e.J_M[:, 0], e.J_M[:, 1]))
    torque = np.linalg.norm(_torque(e), axis=-1)
    error = _against(e, t0, torque, abs(t0 - torque))
    seen = float(np.nanmin(np.append(relative(0.0, t0, np.where(torque > 0, torque, 1.0)), 1.0)))
    reason = "a difference of lengths is blind to the turn of the current, which is the torque"
    return Finding(
        error,
        seen,
        "|t0| over the torque at the worst angle",
        (Curve("|torque on both magnets|", UNIT, "", t0, torque),),
        reason if np.nanmax(np.append(error, 0.0)) > ROUNDING else "",
    )


def _torque(e: Evidence) -> Floats:
    """Return the torque on both magnets: from wave functions, or by conservation of spin from both currents."""
    try:
        return e.total_torque
    except InapplicableError:
        return tunnelling.vector_torque(e.J_M[:, 0], e.J_M[:, 1], e.m[:, 0], e.m[:, 1])


def _relations(e: Evidence) -> Finding:
    e.need_magnets()
    if e.spacer_at_bias is None:
        raise InapplicableError(e.unseen)
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


def _angular(e: Evidence) -> Finding:
    e.need_turns()
    name, value = contrast(e)
    G = julliere.angular_conductance(e.conductance[0], e.conductance[-1], e.angles)
    misfit, curves = [abs(G - e.conductance)], [Curve("conductance", "e²/h", "", G, e.conductance)]
    if not any(e.unlabeled):
        torques = slonczewski.torques_from_spin_factors(e.factors, e.angles)
        for i, (side, theory) in enumerate(zip(("left", "right"), torques, strict=True)):
            exact = e.in_plane_torques[:, i]
            misfit.append(abs(theory - exact))
            curves.append(Curve("in-plane torque per bias", UNIT, side, theory, exact))
    error = relative(0.0, np.max(misfit, axis=0), e.conductance_scale)
    return Finding(error, value, name, tuple(curves))


RULES = (
    Rule(
        "t0_vector",
        "t0 as a vector",
        ("t0",),
        "t0 a = J_M^R m_R - J_M^L m_L is minus the torque of the electrons on both magnets.",
        "exact J_M on both sides",
        "the spin that wave functions carry into one magnet and out of the other",
        TORQUE,
        _vector,
        "Count the spin that the spacer takes up as well, by planes: layer_torques.",
        sought=False,
    ),
    Rule(
        "t0_scalar",
        "t0 as a scalar",
        ("t0",),
        "|J_M^R - J_M^L|, a difference of lengths, is the length of the torque on both magnets.",
        "exact J_M on both sides",
        "the length of the exact torque on both magnets",
        TORQUE,
        _scalar,
        "Read t0 as a vector.",
        sought=False,
    ),
    Rule(
        "torque_relations",
        "torque relations (Slonczewski 2005)",
        ("t0",),
        "τ_R·e_R = (J_M^L - J_M^R cos Φ)/sin Φ and τ_L·e_L = -(J_M^R - J_M^L cos Φ)/sin Φ.",
        "exact J_M on both sides at unit bias",
        "the in-plane torque from the spin current through the spacer",
        "the conductance at the same angle",
        _relations,
        "Take the torque from the spin current, magnet by magnet.",
        sought=False,
    ),
    Rule(
        "slonczewski",
        "angular law (Slonczewski 1989)",
        ("2", "3", "4"),
        "G = (G_P + G_AP)/2 + (G_P - G_AP)/2 cos Φ, and in-plane torques ∝ sin Φ on both magnets.",
        "T_ss' of the collinear junctions at 0 and 180 deg, unit bias",
        "G(Φ) and both in-plane torques of exact scattering",
        "the conductance at the same angle",
        _angular,
        "Fit it: effective_parameters(junction) has the metallic law with Λ and its misfit.",
    ),
)
