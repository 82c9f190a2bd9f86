r"""Snippets for micromagnetic codes: the torque and the conductances of a junction as the numbers they take.

OOMMF, mumax3, ubermag, magnum.np and cmtj all solve, for the free magnetization m and the fixed one m_p,

    dm/dt = -γ m×H + α m×dm/dt + γβ [ε(Φ) m×(m_p×m) + ε' m_p×m],    β = ħJ/(e µ_0 M_s d),
    ε(Φ) = PΛ²/[(Λ² + 1) + (Λ² - 1) cos Φ],

and differ in names, units and in the direction that J > 0 means. BORIS takes conductances of interfaces and
resistance-area products. What every code demands, and every sign, is in ``docs/export.md``.

The prefactor ħ/e (not ħ/2e) makes P half of Slonczewski's: for a tunnel junction χ = P_L P_R, Λ² = (1 + χ)/(1 - χ) and,
for the torque on the right magnet, P = P_L/(1 + χ).
"""

from .boris import BiasLaw, bias_law, export_boris
from .codes import InvalidParametrizationError, Snippet
from .torque import TARGETS, export

__all__ = ["TARGETS", "BiasLaw", "InvalidParametrizationError", "Snippet", "bias_law", "export", "export_boris"]
