"""The laws that a junction is held against, in the order of a report; one module a family of them."""

from kwant_spinjunc.judging.laws import barrier, circuit, currents, diffusion, torques
from kwant_spinjunc.judging.laws.rule import Curve, Finding, Rule

__all__ = ["RULES", "Curve", "Finding", "Rule"]

_BY_ID = {rule.id: rule for module in (currents, barrier, torques, circuit, diffusion) for rule in module.RULES}

#: All laws.
RULES: tuple[Rule, ...] = tuple(
    _BY_ID[name]
    for name in (
        "conserved",
        "rotation",
        "exponent",
        "prefactor",
        "matching",
        "tunnelling",
        "t0_vector",
        "t0_scalar",
        "torque_relations",
        "slonczewski",
        "julliere",
        "julliere_surface",
        "circuit",
        "valet_fert",
        "equation_12",
    )
)
