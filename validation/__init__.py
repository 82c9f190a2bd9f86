"""The paper put to the test: one claim a file of ``claims``, one published number a file of ``published``.

``python -m validation`` runs them all into one report.
"""

import os

# Many small linear systems: a second BLAS thread costs more than it gains. Must be set before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

#: Modules of this package in the order of the report.
CLAIMS = (
    "rotation_law",
    "tunneling_exponent",
    "symmetry_filtering",
    "magnetization_currents",
    "golden_rule",
    "linear_term",
    "nonequilibrium_tunneling",
    "conservation",
    "torque",
    "t0_lengths",
    "other_torques",
    "bias_dependence",
    "dephasing",
    "metallic_limit",
    "equal_magnitudes",
    "conserved_current",
    "validity_map",
    "interface_response",
    "domain_wall",
    "wall_stability",
    "length_scales",
    "relaxation",
    "dipole_layers",
    "transverse_pair",
    "transverse_accumulation",
    "equation_12",
    "field_division",
    "disordered_barrier",
    "diffusive_metal",
    "diffusive_interface",
    "disordered_coherence",
    "spin_flip",
    "multiscale",
)
