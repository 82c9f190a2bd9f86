r"""Drift and diffusion of charge and magnetization on both sides of an interface: equations (7) to (11).

In a magnet of magnetization **m** (the paper's p0), with everything depending on y only, the steady state obeys

    J   = -σ V' - βD (δM·m)' - α1 D δn',                      J' = 0                            (8), (10)
    Q   = [-βσ V' - α2 βD δn'] m - D δM',                     Q' = ω δM×m - δM/τ                 (9), (7)
    V'' = -q δn,                                              ω = γH,  q = e²/(ε0 ε_r),

with particle currents along +y, V the potential energy of an electron, δn and δM = Σ_s s δn_s m + δM⊥ densities.
Inside the magnet J_M = Q·m. Two combinations do the work of the whole module (both follow from J_s = -σ_s µ_s' and
(8), (9), without further assumption):

    µ_s = V + N + s δ,      N = (D/σ) a δn,   a = (α1 - β²α2)/(1-β²),
                            δ = (D/σ) v,      v = δM·m - χ δn,   χ = β(α1-α2)/(1-β²),

so that δ = (µ_+ - µ_-)/2 is the spin accumulation, J_M = βJ - σ(1-β²) δ' and the average µ is
const - Jy/σ - βδ: the equations of Valet and Fert, driven by screening through χ alone,

    v'' = (v + χ δn)/l_sd²,   l_sd² = Dτ(1-β²).

**Matching.** Each half-space keeps the two decaying longitudinal modes, hence two unknowns, N and δ at its face; J is
given, and V follows from J. The four unknowns meet four equations: J_M on the left from (5), J_M on the right from
(6), the charge current J driven by the electrochemical drop, and the electric displacement V'/q, continuous through a
barrier without charge. The potential step is V'd in the barrier of thickness d; it is no further unknown. The charge
equation cannot be derived from the r's when reflection flips spins, so an `InterfaceResponse` holds it too. The
transverse part is clamped, δM⊥ = 0 at both faces (the paper's statement) and so everywhere, or two more complex
unknowns meet the transverse spin currents of a `VectorInterface`.

Units: any consistent set. With eV, nm and ps: σ (conductivity/e²) in 1/(eV nm ps), D in nm²/ps, densities in 1/nm³,
particle currents in 1/(nm² ps), interface conductances in 1/(eV nm² ps), q in eV nm.
"""

from .interfaces import SingularMatchingError, VectorInterface, node_interface, per_area, tunnel_interface
from .matching import Matching, Profile, match
from .material import (
    AMPERE_PER_SQUARE_METER,
    LANDAUER,
    SIEMENS_PER_METER,
    VACUUM_SCREENING,
    Material,
    Modes,
    strong_screening_wave_numbers,
    wave_numbers,
)

__all__ = [
    "AMPERE_PER_SQUARE_METER",
    "LANDAUER",
    "SIEMENS_PER_METER",
    "VACUUM_SCREENING",
    "Matching",
    "Material",
    "Modes",
    "Profile",
    "SingularMatchingError",
    "VectorInterface",
    "match",
    "node_interface",
    "per_area",
    "strong_screening_wave_numbers",
    "tunnel_interface",
    "wave_numbers",
]
