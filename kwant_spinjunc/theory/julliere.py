r"""Jullière's model: conductance of a tunnel junction from densities of states, and its tunnelling-limit relatives.

Densities of states are ``dos[..., s]``, index 0 = majority, each along its own magnetization; any unit.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from ..checks import both_spins, finite_array, formula, ratio_array
from ..spin import SIGNS


@formula
def polarization(dos: ArrayLike) -> Floats:
    """Return P = (N_+ - N_-)/(N_+ + N_-).

    **Result**: P in [-1, 1]. **Validity**: as far as the transmission is proportional to the density of states; what
    tunnels is weighted by the interface (`kwant_spinjunc.theory.slonczewski.effective_polarization`), which can reverse
    the sign. Source: M. Jullière, Phys. Lett. A 54, 225 (1975).
    """
    N = both_spins("dos", dos)
    return np.asarray(N @ SIGNS / N.sum(axis=-1))


@formula
def tmr(polarization_left: ArrayLike, polarization_right: ArrayLike) -> Floats:
    """Return TMR = (G_P - G_AP)/G_AP = 2 P_L P_R/(1 - P_L P_R).

    **Result**: A ratio (0.5 is 50 %); infinite for two half-metals, negative for polarizations of opposite sign.
    **Validity**: tunnelling limit. The "optimistic" ratio, referred to the antiparallel conductance. Source: M.
    Jullière, Phys. Lett. A 54, 225 (1975), in the present-day normalization (Jullière divides by G_P, which gives 2 P_L
    P_R/(1 + P_L P_R)).
    """
    product = ratio_array("polarization_left", polarization_left, closed=True) * ratio_array(
        "polarization_right", polarization_right, closed=True
    )
    return np.asarray(np.where(product == 1, np.inf, 2 * product / np.where(product == 1, 1.0, 1 - product)))


@formula
def conductances_from_spin_factors(factors: ArrayLike) -> tuple[Floats, Floats]:
    r"""Return G_P = D_++ + D_-- and G_AP = D_+- + D_-+ from the spin factors of a junction.

    **Result**: in the unit of D, e²/h. **Validity**: exact if D_ss is taken at Φ = 0 and D_s,-s at Φ = π; it becomes
    Jullière's form, with f_Ls f_Rs' in place of N_Ls N_Rs', in the tunnelling limit.
    """
    D = finite_array("factors", factors, "(..., 2, 2)")
    return np.asarray(D[..., 0, 0] + D[..., 1, 1]), np.asarray(D[..., 0, 1] + D[..., 1, 0])


@formula
def angular_conductance(parallel: ArrayLike, antiparallel: ArrayLike, angle: ArrayLike) -> Floats:
    r"""Return G(Φ) = (G_P + G_AP)/2 + (G_P - G_AP)/2 cos Φ.

    **Validity**: lowest order in the transmission: Σ_ss' R_ss'² D_ss' with D independent of Φ. Source: J. C.
    Slonczewski, Phys. Rev. B 39, 6995 (1989).
    """
    GP, GAP = finite_array("parallel", parallel), finite_array("antiparallel", antiparallel)
    return np.asarray((GP + GAP) / 2 + (GP - GAP) / 2 * np.cos(finite_array("angle", angle)))
