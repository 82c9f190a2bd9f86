r"""From electrons to amperes: a junction's scattering matched to diffusion in its magnets, in SI units.

The whole second half of the paper in one run. A family of junctions gives exact, k∥-averaged scattering probabilities;
these are the coefficients r of equations (5) and (6); the Sharvin resistance of reservoirs that a diffusive magnet does
not have is taken off; drift and diffusion (7)-(11) in each magnet are matched to them at constant charge current. Out
come ΔJ_M(Φ), the angular magnetoresistance, the accumulations and the torques, in A/m², Ω µm², meV and J/m².

Three lengths are assumed to be apart: the junction is coherent, its magnets are much longer than the transverse
coherence length (δM⊥ = 0 at the faces) and longer than their spin-diffusion length.

Signs: currents are particle currents along +y; a positive current density moves electrons from left to right and is
quoted with the charge taken positive. Torques act on the magnetization, as rates of angular momentum.
"""

from .contacts import Interface, mixing_conductances, solve_interface
from .metals import (
    MicroscopicMetal,
    cobalt,
    density_of_states,
    metal,
    microscopic_metal,
    permalloy,
    spin_flip_conductance,
)
from .run import multiscale

__all__ = [
    "Interface",
    "MicroscopicMetal",
    "cobalt",
    "density_of_states",
    "metal",
    "microscopic_metal",
    "mixing_conductances",
    "multiscale",
    "permalloy",
    "solve_interface",
    "spin_flip_conductance",
]
