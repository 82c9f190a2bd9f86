"""The paper put to the test: one claim a file, each a function ``claim(quick)`` that returns a `Claim`.

``python -m validation`` runs them all into one report.
"""

import os

# Many small linear systems: a second BLAS thread costs more than it gains. Must be set before NumPy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

#: Modules of this package in the order of the report.
CLAIMS = (
    "rotation_law",
    "tunneling_exponent",
    "magnetization_currents",
    "nonequilibrium_tunneling",
    "conservation",
    "torque",
    "bias_dependence",
    "dephasing",
    "metallic_limit",
    "conserved_current",
    "validity_map",
    "interface_response",
    "domain_wall",
    "length_scales",
    "dipole_layers",
    "transverse",
    "equation_12",
    "field_division",
    "disordered_barrier",
    "diffusive_metal",
    "diffusive_interface",
    "disordered_coherence",
    "spin_flip",
    "multiscale_run",
)
