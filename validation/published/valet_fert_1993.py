"""Valet and Fert: the spin-coupled resistance of two magnets, from our drift-diffusion with screening."""

import numpy as np

from kwant_spinjunc import unit_vector
from kwant_spinjunc.magnets.multiscale import cobalt
from kwant_spinjunc.theory.drift_diffusion import match
from kwant_spinjunc.theory.interface import tunnelling_response
from kwant_spinjunc.theory.tunnelling import rotation_law

from . import Compared


def compare(quick: bool) -> list[Compared]:
    """Return the resistance of a transparent contact of antiparallel magnets over 2β²ρ*l_sd."""
    metal = cobalt()
    rho, length = 1 / (metal.sigma * (1 - metal.beta**2)), metal.spin_diffusion_length
    # antiparallel without interface resistance: their equation for a single interface
    told = 2 * metal.beta**2 * rho * length
    G = 1e7 * metal.spin_conductance
    interface = tunnelling_response(rotation_law(G / 2 * np.ones((2, 2)), np.pi))
    found = match(metal, metal, interface, m_left=unit_vector(0.0), m_right=unit_vector(np.pi))
    return [
        Compared(
            id="spin-coupled-resistance",
            source="T. Valet, A. Fert, Phys. Rev. B 48, 7099 (1993), a single interface",
            kind="closed form",
            quantity="r_SI = 2β²ρ*l_sd of antiparallel cobalt without interface resistance, over its value",
            published=1.0,
            ours=float(found.resistance / told),
            tolerance=1e-5,
            why="Our interface has 1e-7 of the metal's spin resistance, and screening drops out for α1 = α2.",
        )
    ]
