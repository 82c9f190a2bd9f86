"""Angular magnetoresistance of circuit theory: the closed form against the network solved node by node."""

import numpy as np

from kwant_spinjunc import unit_vector
from kwant_spinjunc.theory import circuit

from . import Compared

#: Conductances of both spins of each contact, and the mixing conductance.
UP, DOWN, MIXING, ANGLE = 1.0, 0.3, 0.9 + 0.2j, 2 * np.pi / 3


def compare(quick: bool) -> list[Compared]:
    """Return G(120°)/G(0)."""
    contact = circuit.Contact(UP, DOWN, MIXING)
    p, eta = (UP - DOWN) / (UP + DOWN), 2 * MIXING / (UP + DOWN)
    tangent = np.tan(ANGLE / 2) ** 2
    told = 1 - p**2 * tangent / (tangent + abs(eta) ** 2 / eta.real)
    valves = [circuit.solve_spin_valve(contact, contact, unit_vector(0.0), unit_vector(a)) for a in (0.0, ANGLE)]
    return [
        Compared(
            id="angular-resistance",
            source="A. Brataas, Yu. V. Nazarov, G. E. W. Bauer, Phys. Rev. Lett. 84, 2481 (2000)",
            kind="closed form",
            quantity=f"G({np.degrees(ANGLE):.0f}°)/G(0) of a symmetric valve, G_↑ = {UP:g}, G_↓ = {DOWN:g}, "
            f"G_mix = {MIXING}",
            published=float(told),
            ours=float(valves[1].conductance / valves[0].conductance),
            tolerance=1e-12,
            why="The same physics by two routes: their formula, and our network of two contacts and a node.",
        )
    ]
