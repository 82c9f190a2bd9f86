"""The paper and its relatives: closed forms in NumPy and SciPy, one module a model, one function an equation.

"The paper" is S. T. Chui and Z. F. Lin, *Non conservation of the magnetization current across magnetic
hetero-structures* (2003); an equation number without another source is its. A formula whose print is a slip exists
twice, as printed and as corrected, both named. Nothing here knows Kwant.

Arguments that mean the same everywhere are explained here only: ``m``, ``m_left``, ``m_right`` are unit vectors of
shape (..., 3) and ``angle`` (``Phi``) is Φ between them in radians; ``J_M_left`` and ``J_M_right`` are magnetization
currents, each along its own magnetization, positive along +y; ``mu_left`` and ``mu_right`` are (µ_+, µ_-) of shape
(..., 2), or one number for both spins, in eV; matrices in spin (R_ss', T_ss', D_ss') are [..., s, s'], s on the left,
s' on the right, index 0 = majority; ``side`` is "left" or "right". Leading axes broadcast. What a module has of its
own stands in its head, and a function explains what is left.

Modules are imported by name, e.g. ``from kwant_spinjunc.theory import tunnelling``; `EQUATIONS` and ``spinjunc equation
3`` say where each equation of the paper is.
"""

from .equations import EQUATIONS, Equation

__all__ = ["EQUATIONS", "Equation"]
