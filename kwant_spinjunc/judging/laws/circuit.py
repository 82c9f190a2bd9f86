"""Magnetoelectronic circuit theory: two contacts, each with its spin-mixing conductance, and a node without phases."""

from __future__ import annotations

import numpy as np

from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.judging.clean import Clean, spacer_layer
from kwant_spinjunc.judging.evidence import Evidence, InapplicableError
from kwant_spinjunc.judging.laws.rule import Curve, Finding, Rule, relative
from kwant_spinjunc.magnets.parameters import SIDES, interface_parameters
from kwant_spinjunc.spin import torque_axes
from kwant_spinjunc.theory import circuit

#: Angles nearer to 0 and π have no torque to compare.
COLLINEAR = 1e-6


def _circuit(e: Evidence) -> Finding:
    if not isinstance(e.problem, Clean):
        raise InapplicableError("it is judged for clean junctions, whose interfaces can be solved one by one")
    e.need_turns()
    e.need_magnets()
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
    m_left, m_right = e.m[inside, 0], e.m[inside, 1]
    valve = circuit.solve_spin_valve(contacts[0], contacts[1], m_left, m_right)
    G = np.full(len(e.angles), np.nan)
    G[inside] = valve.conductance
    error = relative(e.conductance, G)
    curves = [Curve("conductance", "e²/h", "", G, e.conductance)]
    with np.errstate(invalid="ignore"):
        exact = e.in_plane_torques / e.conductance[:, None]
    largest = float(abs(exact[inside]).max())
    for i, (side, m, other) in enumerate((("left", m_left, m_right), ("right", m_right, m_left))):
        axis, _ = torque_axes(m, other)
        theory = np.full(len(e.angles), np.nan)
        theory[inside] = np.sum(valve.torques[:, i] * axis, axis=-1) / valve.conductance
        if largest > 0:
            error = np.fmax(error, abs(theory - exact[:, i]) / largest)
        curves.append(Curve("in-plane torque per current", "1", side, theory, exact[:, i]))
    error[~inside] = np.nan
    mixing = min(contact.mixing.real / contact.total for contact in contacts)
    return Finding(
        error,
        float(1 / max(2 * mixing, 1e-300)),
        "G/(2 Re G_mix), spin that a contact sends back",
        tuple(curves),
        "a coherent spacer interferes, a node does not",
    )


RULES = (
    Rule(
        "circuit",
        "circuit theory (Brataas 2000)",
        ("5", "6"),
        "Two contacts with G_+, G_- and G_mix in series through a node: conductance and torque per current over Φ.",
        "reflection and transmission of each interface alone, from the spacer's metal",
        "G(Φ) and in-plane torques per current of the coherent junction",
        "the conductance, or the largest torque per current",
        _circuit,
        "Use it with disorder that forgets phases, or corrected conductances: contact(diffusive=True).",
        sought=False,
    ),
)
