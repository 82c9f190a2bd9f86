"""The laws that a junction is held against, in the order of a report; one module a family of them."""

from . import barrier, currents, metals, torques  # noqa: F401 - their laws
from .rule import LAWS, Curve, Finding, Rule, Words

__all__ = ["RULES", "Curve", "Finding", "Rule", "Words"]

#: Ids in the order of a report.
_ORDER = (
    "conserved rotation exponent prefactor matching tunnelling t0_vector t0_scalar torque_relations slonczewski "
    "julliere julliere_surface circuit valet_fert equation_12"
)
#: All laws.
RULES: tuple[Rule, ...] = tuple(LAWS[name] for name in _ORDER.split())
