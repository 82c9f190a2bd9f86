r"""The domain wall a current makes at an interface: the paper's estimate and an atomistic spin chain.

The electrons' torque rotates the magnetization near the interface away from its easy axis. The paper balances
exchange and anisotropy in the continuum and estimates the rotation δθ_i of the interface plane (the paragraph
after equation (6)). Here are that estimate as printed and with units restored, the exact answer of the discrete
lattice, and a chain of spins (exchange J_ex, uniaxial anisotropy, any torque on each plane) relaxed numerically.

Two energies describe the same magnet, per area of a plane:

    continuum   E = ∫ dy [(J/2) (dθ/dy)² + (K/2) sin²(θ - θ_easy)],            J energy/length, K energy/volume
    chain       E = Σ_n {J_ex [1 - m_n·m_{n+1}] + (K_pl/2) [1 - (m_n·u)²] + (K_d/2) m_y²},
                J_ex = J/a, K_pl = K a, K_d = µ0 Ms² a energy/area

In terms of the exchange stiffness A and the anisotropy constant K_u of micromagnetics, J = 2A and K = 2K_u. y is the
film normal: demagnetization K_d makes every tilt out of the x-z plane cost more than one within it.

A torque is the rate of change of angular momentum of a plane, per area: an energy per area, ħ/2 times the flux of
Pauli spin it absorbs. The equilibrium condition is τ_n + m_n × h_n = 0 with h_n = -∂E/∂m_n, whatever the sign of
the gyromagnetic ratio. With m = (sin θ, 0, cos θ) the torque conjugate to θ, -∂E/∂θ, is the **y component** of the
torque vector, normal to the plane of both magnetizations.
"""

from .chain import ChainState, SpinChain, interface_torque, spin_chain
from .continuum import (
    chain_constants,
    chain_response,
    critical_torque,
    lattice_wall_length,
    net_torque_restored,
    rotation_lattice,
    rotation_restored,
    wall_length,
    wall_profile,
)
from .relaxation import ConvergenceError, LoopReport, relax, self_consistent

__all__ = [
    "ChainState",
    "ConvergenceError",
    "LoopReport",
    "SpinChain",
    "chain_constants",
    "chain_response",
    "critical_torque",
    "interface_torque",
    "lattice_wall_length",
    "net_torque_restored",
    "relax",
    "rotation_lattice",
    "rotation_restored",
    "self_consistent",
    "spin_chain",
    "wall_length",
    "wall_profile",
]
