"""The paper and its relatives: closed forms in NumPy and SciPy, one module a model, one function an equation.

"The paper" is S. T. Chui and Z. F. Lin, *Non conservation of the magnetization current across magnetic
hetero-structures* (2003). A formula whose print is a slip exists twice, as printed and as corrected, both named.
Nothing here knows Kwant: a comparison takes its microscopic numbers from elsewhere.

Modules are imported by name, e.g. ``from kwant_spinjunc.theory import tunnelling``; `EQUATIONS` and ``spinjunc equation
3`` say where each equation of the paper is.
"""

from .equations import EQUATIONS, Equation

__all__ = ["EQUATIONS", "Equation"]
