"""Circuit theory, and magnets in which electrons diffuse, where materials are given: Valet and Fert, equation (12)."""

from __future__ import annotations

import numpy as np

from ...errors import ArgumentError
from ...magnets.parameters import interface_parameters
from ...magnets.parameters.response import SIDES
from ...theory import angular, circuit, drift_diffusion, interface, valet_fert
from ...theory.drift_diffusion import LANDAUER, Matching, Material
from ...transport.observables import resolved_torques
from ..clean import Clean, spacer_layer
from ..evidence import Evidence, InapplicableError
from .rule import Curve, Finding, law, relative

#: Two magnets count as identical when their collinear conductances agree to this part.
IDENTICAL = 1e-6
#: Angles nearer to 0 and π have no torque to compare.
COLLINEAR = 1e-6


# ---------------------------------------------------------------------- circuit theory
@law(
    "circuit",
    "circuit theory (Brataas 2000)",
    "5 6",
    statement="Two contacts with G_+, G_- and G_mix in series through a node: conductance and torque per current "
    "over Φ.",
    fed="reflection and transmission of each interface alone, from the spacer's metal",
    against="G(Φ) and in-plane torques per current of the coherent junction",
    unit="the conductance, or the largest torque per current",
    instead="Use it with disorder that forgets phases, or corrected conductances: contact(diffusive=True).",
    sought=False,
)
def _circuit(e: Evidence) -> Finding:
    if not isinstance(e.problem, Clean):
        raise InapplicableError("it is judged for clean junctions, whose interfaces can be solved one by one")
    e.need_magnets(turned=True)
    if spacer_layer(e.problem.junction) is None:
        raise InapplicableError("it has no spacer that could be a node between two contacts")
    junction = e.problem.junction.turned(m_right=e.problem.junction.directions_at(np.pi / 2))
    try:
        contacts = [interface_parameters(junction, side, e.problem.energy, e.problem.k).contact() for side in SIDES]
    except ArgumentError:
        raise InapplicableError(
            "its spacer has no open channel: behind a barrier there is no node and no mixing"
        ) from None
    inside = (e.angles > COLLINEAR) & (e.angles < np.pi - COLLINEAR)
    if not inside.any():
        raise InapplicableError("no angle between the collinear ones was asked for")
    valve = circuit.solve_spin_valve(contacts[0], contacts[1], e.m[inside, 0], e.m[inside, 1])
    G = np.full(len(e.angles), np.nan)
    G[inside] = valve.conductance
    error = relative(e.conductance, G)
    curves = [Curve("conductance", "e²/h", "", G, e.conductance)]
    with np.errstate(invalid="ignore"):
        exact = e.in_plane_torques / e.conductance[:, None]
    largest, theory = float(abs(exact[inside]).max()), np.full((len(e.angles), 2), np.nan)
    theory[inside] = resolved_torques(e.m[inside], valve.torques).damping_like / valve.conductance[:, None]
    if largest > 0:
        error = np.fmax(error, np.fmax(*abs(theory - exact).T) / largest)
    curves += [
        Curve("in-plane torque per current", "1", side, *pair)
        for side, *pair in zip(SIDES, theory.T, exact.T, strict=True)
    ]
    error[~inside] = np.nan
    mixing = min(contact.mixing.real / contact.total for contact in contacts)
    return Finding(
        error,
        float(1 / max(2 * mixing, 1e-300)),
        "G/(2 Re G_mix), spin that a contact sends back",
        tuple(curves),
        "a coherent spacer interferes, a node does not",
    )


# ---------------------------------------------------------------------- diffusive magnets
def _metals(e: Evidence) -> tuple[Material, Material, float]:
    if e.problem.metals is None or e.problem.area is None:
        if e.problem.junction is None:
            raise InapplicableError("it is judged for junctions: a Kwant system has no materials in which to diffuse")
        raise InapplicableError(
            "no metal is given: --material cobalt --lattice-constant 0.25, or materials= of magnets.multiscale"
        )
    e.need_magnets(turned=True)
    return (*e.problem.metals, e.problem.area)


def _matching(e: Evidence) -> Matching:
    """Return (7) to (11) in both magnets, matched to the exact r of (5), (6) at every angle, at J = 1."""
    left, right, area = _metals(e)
    modes = np.broadcast_to(e.modes, (len(e.angles), 2, 2))
    try:
        G = interface.sharvin_corrected(interface.conductance_matrix(e.probabilities, modes, max_defect=1e-4), modes)
        response = drift_diffusion.per_area(interface.response_of(G), area)
        return drift_diffusion.match(left, right, response, m_left=e.m[:, 0], m_right=e.m[:, 1])
    except ArgumentError as error:
        raise InapplicableError(
            f"its interface has no resistance of its own to match ({type(error).__name__})"
        ) from None


def _contact(e: Evidence, angle: int) -> tuple[float, float]:
    """Return r_b and γ of a collinear junction along the axis of the left magnet; spins without channel refuse."""
    T, area = e.transmissions[angle], e.problem.area or 1.0
    resistances = []
    for s in (0, 1):
        far = s if angle == 0 else 1 - s
        if T[s, far] <= 0:
            raise InapplicableError("one spin has no channel through it, and two channels are presumed")
        resistances.append(float(interface.interface_resistance(T[s, far], e.modes[0, s], e.modes[1, far], area)))
    up, down = (max(r, 0.0) / LANDAUER for r in resistances)
    return (up + down) / 4, (down - up) / (down + up) if up + down > 0 else 0.0


@law(
    "valet_fert",
    "Valet-Fert, collinear",
    "7 8 9 10 11",
    statement="Two spin channels with r_b, γ of the interface and β, ρ*, l_sf of the magnets, locally neutral.",
    fed="collinear spin-resolved resistances without Sharvin's, and the materials",
    against="J_M/J and resistance of (7) to (11) matched to exact r of (5), (6), at 0 and 180 deg",
    unit="the charge current, or the resistance",
    instead="Use theory.drift_diffusion.match, or multiscale(...).",
    sought=False,
)
def _valet_fert(e: Evidence) -> Finding:
    left, right, _ = _metals(e)
    exact, error = _matching(e), np.full(len(e.angles), np.nan)
    theory = np.full(len(e.angles), np.nan)
    spins = 1 / left.spin_conductance, 1 / right.spin_conductance  # ρ* l_sd
    for angle, sign in ((0, 1), (-1, -1)):
        r_b, gamma = _contact(e, angle)
        arguments = (left.beta, sign * right.beta), spins, r_b, gamma
        theory[angle] = float(valet_fert.contact_polarization(*arguments))
        r = float(valet_fert.contact_resistance(*arguments))
        found = float(np.asarray(exact.resistance)[angle])
        error[angle] = max(abs(theory[angle] - exact.J_M[angle, 0]), abs(r / found - 1) if found else abs(r))
    longest = max(metal.screening_length / metal.spin_diffusion_length for metal in (left, right))
    curves = (Curve("J_M/J between diffusive magnets", "1", "left", theory, exact.J_M[:, 0]),)
    return Finding(error, longest, "screening over spin-diffusion length", curves, everywhere=True)


@law(
    "equation_12",
    "(12) ΔJ_M(Φ)",
    "12",
    statement="ΔJ_M between identical diffusive magnets from β and ξ, with A1 = A2 = (1 - β²)γ/β.",
    fed="conductance and spin asymmetry of the parallel junction, and the material",
    against="|J_M^L m_L - J_M^R m_R| of (7) to (11) matched to exact r of (5), (6)",
    unit="βJ",
    instead="Use multiscale(...), which solves (5) to (11) at every angle.",
    sought=False,
)
def _twelve(e: Evidence) -> Finding:
    left, right, _ = _metals(e)
    D = e.factors
    if left != right or not np.isclose(D[0, 1], D[1, 0], rtol=IDENTICAL, atol=0.0):
        raise InapplicableError("its two magnets differ, and (12) is for identical ones")
    if left.beta == 0:
        raise InapplicableError("its material does not polarize the current")
    exact = _matching(e)
    r_b, gamma = _contact(e, 0)
    if r_b == 0:
        raise InapplicableError("its interface has no resistance of its own")
    G = 1 / (2 * r_b * (1 - gamma)) + 1 / (2 * r_b * (1 + gamma))
    xi = float(angular.conductance_ratio(G, left.sigma, left.D, left.tau))
    A = float(angular.A_polarized(left.beta, gamma))
    theory = angular.delta_J_M(xi, e.angles, left.beta, A1=A, A2=A)
    bare = angular.delta_J_M(xi, e.angles, left.beta)
    found = exact.delta_J_M_length
    error = abs(abs(theory) - found) / abs(left.beta)
    without = float((abs(abs(bare) - found) / abs(left.beta)).max())
    reason = f"ξ = {xi:.4g}, A1 = A2 = (1 - β²)γ/β = {A:.4g}; without them the error is {without:.2g}"
    curves = (Curve("ΔJ_M/J between diffusive magnets", "1", "", abs(theory), found),)
    return Finding(error, abs(gamma), "|γ|, spin asymmetry of the interface", curves, reason)
