r"""Two halves and one rotation with a matrix for every number: disordered supercells and wires, a sample at a time.

The idea is that of `halves`. Cut the sample at a bond; each half, in the spin frame of its own magnet, is spin-diagonal
and is seen by the other through its surface Green's functions g_s, now M × M matrices in the M sites of a plane. With
u_s = √t g_Ls √t, w_s' = √t g_Rs' √t (t the diagonal matrix of the bonds cut), d_ss' = 1 - u_s w_s' and the rotation R,

    K = (R - u R w)^{-1},  with blocks R_ss' d_ss' before it is inverted,
    T_Rs',Ls = ‖b_Rs'† K_s's b_Ls‖²,                                                                             (a)
    S_Ls,Ls = 1 - i b_Ls† (R w K)_ss b_Ls,                                                                       (b)
    S_L+,L- = i R_+- b_L+† (1 - w_+ u_+)^{-1} (w_+ - w_-) K_-- b_L-                                              (c)

up to unitary matrices of the modes of a lead and spin, on which no probability depends. b = √t B, where B_s is the wave
at the cut per unit flux of each open mode, so that B_s B_s† = i (g_s - g_s†). The recursion of a half is

    g_n = (E - H_n - t_n g_n-1 t_n)^{-1},   B_n = -g_n t_n B_n-1.

It begins with the transverse modes of the lead and stays in them through planes without disorder.

**Accuracy.** As in `halves`: b and w_+ - w_- are propagated by products, never a difference of larger numbers, so that
probabilities keep their digits also at T = 1e-30.

**Anything else** (magnetization that is not collinear within a half, spin-orbit bonds) takes the same recursion with
2M × 2M matrices from the first plane that mixes spins. Spins are labeled along each lead's own m.

Conventions: lead 0 = left, spin 0 = majority, ħ = 1; S = -1 + i √v G √v (Fisher and Lee, Phys. Rev. B 23, 6851 (1981)).
"""

from .door import probabilities, probabilities_by, states
from .joint import label_turn
from .sampled import find_cut

__all__ = ["find_cut", "label_turn", "probabilities", "probabilities_by", "states"]
