r"""Effective parameters of a junction, each with the misfit that says whether the parametrization holds.

The angular dependence of conductance and torques comes from the exact engine (or from any sweep over an angle) and is
fitted with the laws that circuit models and micromagnetic codes presume:

    G(Φ) = G_0 (1 + χ cos Φ)                                    tunnelling, χ = P_L P_R
    R(Φ) = R_P + (R_AP - R_P) sin²(Φ/2)/[1 + (Λ² - 1) cos²(Φ/2)]  metallic (Slonczewski 2002)
    τ_R·e_R = G_0 P_L V sin Φ,  τ_L·e_L = -G_0 P_R V sin Φ      tunnelling (Slonczewski 1989, 2005)
    ε(Φ) = P Λ²/[(Λ² + 1) + (Λ² - 1) cos Φ]                     per current, both regimes

ε is half the torque (rate of σ) per electron: angular momentum ħ ε per electron, as the codes write it. It and ε' are
per electron that flows **from the fixed into the free magnet**, so that ε > 0 always turns the free magnet toward the
fixed one; ε' multiplies m_fixed×m_free with m the *magnetizations* (opposite to the majority spins), see `TorqueFit`.
"""

from .effective import EffectiveParameters, effective_parameters
from .fits import Estimate, Fit
from .interfaces import DecayConstant, InterfaceParameters, decay_constant, interface_parameters
from .response import ANGLES, AngularResponse, angular_response, angular_response_from, system_response
from .torque import TorqueFit

__all__ = [
    "ANGLES",
    "AngularResponse",
    "DecayConstant",
    "EffectiveParameters",
    "Estimate",
    "Fit",
    "InterfaceParameters",
    "TorqueFit",
    "angular_response",
    "angular_response_from",
    "decay_constant",
    "effective_parameters",
    "interface_parameters",
    "system_response",
]
