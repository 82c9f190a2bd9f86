r"""The paper's strong-barrier limit: equations (1) to (4), the torque t0, and what separates them from the exact.

Reading order: the decay through the barrier (equation (2)); the tunnelling matrix, as printed and corrected; the
matching of waves at the interfaces, which (2) leaves out and without which no current is spin-polarized; the exact
transmission of a uniform barrier, whose lowest order is (2); the currents of (1), (3), (4); the torques.

Conventions: probabilities are ``T[..., s, s']`` with **s on the left and s' on the right**, each along its own
magnetization, index 0 = majority. In a coplanar junction without spin-orbit coupling both directions of transmission
have the same T. Chemical potentials are ``mu[..., s]``; a scalar stands for both spins, i.e. no spin accumulation.
Particle currents are positive along +y on both sides and carry the factor 1/h: with µ in eV, a current is in units of
(e²/h)·V per channel bundle that T describes (a unit cell of area a², say). Torques are rates of σ in the same unit:
multiply by ħ/2 for angular momentum.
"""

from .currents import (
    charge_current,
    collinear_coefficients,
    conserved_magnetization_current,
    magnetization_current,
    one_sided_coefficients,
)
from .decay import (
    ClassicallyAllowedError,
    barrier_excess,
    decay_constant,
    lattice_decay_constant,
    lattice_exponent,
    tunnelling_matrix,
    wkb_exponent,
)
from .matching import (
    barrier_probabilities,
    continuum_reflection,
    factorization_defect,
    golden_rule_probabilities,
    interface_factor,
    lattice_reflection,
    rotation_law,
    rotation_probabilities,
    spin_factors,
    spin_factors_from_collinear,
    spin_flip_reflection,
    surface_green_function,
)
from .torques import (
    implicit_torque,
    in_plane_torques,
    vector_difference,
    vector_torque,
)

__all__ = [
    "ClassicallyAllowedError",
    "barrier_excess",
    "barrier_probabilities",
    "charge_current",
    "collinear_coefficients",
    "conserved_magnetization_current",
    "continuum_reflection",
    "decay_constant",
    "factorization_defect",
    "golden_rule_probabilities",
    "implicit_torque",
    "in_plane_torques",
    "interface_factor",
    "lattice_decay_constant",
    "lattice_exponent",
    "lattice_reflection",
    "magnetization_current",
    "one_sided_coefficients",
    "rotation_law",
    "rotation_probabilities",
    "spin_factors",
    "spin_factors_from_collinear",
    "spin_flip_reflection",
    "surface_green_function",
    "tunnelling_matrix",
    "vector_difference",
    "vector_torque",
    "wkb_exponent",
]
