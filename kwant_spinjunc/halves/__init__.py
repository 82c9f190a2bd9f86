r"""Two halves and one rotation: exact scattering off clean junctions, for whole batches at once.

Cut a junction of two collinear magnets at a bond, hopping t, inside its spacer. Each half, in the spin frame of its
own magnet, is spin-diagonal: all that the other half sees of it are two numbers, the surface Green's functions
g_L+, g_L- (and g_R+, g_R-). The angle Φ between the magnets enters only through the rotation R_ss'(Φ) on the cut
bond. With u_s = t g_Ls, w_s' = t g_Rs', d_ss' = 1 - u_s w_s' the probabilities are **exactly**

    T_ss' = |R_ss'|² (2 Im u_s) (2 Im w_s') |d_s̄s̄'|² / |D|²,                                                    (a)
    D = d_++ d_-- + |R_+-|² (u_+ - u_-) (w_+ - w_-)
      = |R_++|² d_++ d_-- + |R_+-|² d_+- d_-+,                                                                  (b)
    R^L_+- = |R_++|² |R_+-|² (2 Im u_+) (2 Im u_-) |w_+ - w_-|² / |D|²,                                         (c)

a bar meaning the opposite spin. When little is transmitted d, D → 1 and (a) is equation (2) of Chui and Lin (2003):
the rotation times one factor of each half. The corrections are the d and D; the spin-flip reflection (c), which
equations (3) and (4) leave out, is of second order in the transmission.

**Accuracy.** No quantity is a difference of larger ones: Im g and g_+ - g_- are propagated by products, currents on the
injecting side are summed from the transmitted ones, so probabilities keep 12 relative digits also at T = 1e-30.

**Textures**, where no bond separates two collinear halves (`junction.cut` is None), take the recursion of the 2×2
Green's functions g = g_0 + **g**·σ in Pauli components, in the frame of the lead the electron comes from. It solves any
stack and checks the halves.

Conventions: batch axes lead, index 0 = majority, lead 0 = left, ħ = 1; scattering amplitudes refer to the first and
last plane of the scattering region (S = -1 + i √v G √v, Fisher and Lee, Phys. Rev. B 23, 6851 (1981)).
"""

from .batch import Stack
from .solver import Solution, exchange_integrand, log_det, probabilities, solve, spacer_currents, states, surface_greens

__all__ = [
    "Solution",
    "Stack",
    "exchange_integrand",
    "log_det",
    "probabilities",
    "solve",
    "spacer_currents",
    "states",
    "surface_greens",
]
