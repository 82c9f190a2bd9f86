r"""Two spin channels on the lattice: the diffusive side of the claims about disordered metals, plane by plane.

Every plane and spin is a node with a chemical potential µ_s(n). Neighboring planes are joined by σ_s, the two spins of
a plane by a conductance g (spin flip), so that µ_+ - µ_- decays as e^{-n/l_sd}, 4 sinh²(1/(2 l_sd)) = g(1/σ_+ + 1/σ_-).
A lead of N_s channels adds its Sharvin resistance 1/(2N_s) to the half plane at its end. Between two metals stands an
interface, the half plane on either side of it included. Conductances in e²/h per a², lengths in a.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, Layer
from kwant_spinjunc.magnets.multiscale import Interface, solve_interface
from kwant_spinjunc.spin import SIGNS, unit_vector
from kwant_spinjunc.theory.interface import in_series


@dataclass(frozen=True)
class Metal:
    """A metal of so many planes: σ_s (e²/h per a) and the conductance g between the spins of a plane (e²/h per a²)."""

    planes: int
    sigma: Any
    flip: float = 0.0

    @property
    def resistance(self) -> np.ndarray:
        """1/σ_s."""
        return 1 / np.asarray(self.sigma, dtype=float)

    @property
    def spin_diffusion_length(self) -> float:
        """l_sd in a, infinite without spin flip."""
        return spin_diffusion_length(self.sigma, self.flip)


def spin_diffusion_length(sigma: Any, flip: float) -> float:
    """Return l_sd of a metal, the length with which µ_+ - µ_- decays from plane to plane."""
    return float(0.5 / np.arcsinh(np.sqrt(flip * (1 / np.asarray(sigma)).sum()) / 2)) if flip > 0 else np.inf


@dataclass(frozen=True)
class Solution:
    """What the network does when electrons arrive with potentials mu_left and mu_right.

    ``mu`` [plane, spin]; ``currents`` [bond, spin] along +y, first and last those to the leads, between them those
    between planes. The bond of two metals stands there twice: along the own m of the left and of the right one.
    """

    mu: np.ndarray
    currents: np.ndarray

    @property
    def polarization(self) -> np.ndarray:
        """J_M/J on every bond, along the own m of its metal."""
        return np.asarray(self.currents @ SIGNS / self.currents.sum(axis=1))


@cache
def clean_contact(magnet: Callable[..., Layer], angle: float, energy: float, rtol: float = 1e-8) -> Interface:
    """Return the linear response of the contact of two clean magnets of one kind, averaged over k∥, per a²."""
    return solve_interface(Junction(magnet(), [], magnet(m=unit_vector(angle))), energy, rtol=rtol)


def solve(
    metals: Sequence[Metal],
    modes: Any,
    mu_left: Any = 0.5,
    mu_right: Any = -0.5,
    interface: Interface | None = None,
) -> Solution:
    """Solve the network of one metal, or two in contact from left to right, between leads.

    ``modes``: open channels N_s of both leads per a². Potentials of the leads: one number or (µ_+, µ_-).
    ``interface``: its conductance matrix is that between reservoirs; Sharvin resistances of its open channels are taken
    off. None is no interface at all, for collinear magnets.
    """
    planes = sum(metal.planes for metal in metals)
    starts = np.cumsum([0, *(metal.planes for metal in metals)])
    half = np.concatenate([np.tile(metal.resistance / 2, (metal.planes, 1)) for metal in metals])
    flip = np.repeat([metal.flip for metal in metals], [metal.planes for metal in metals])
    contacts = {}
    if interface is not None:
        for n in starts[1:-1] - 1:
            contacts[n] = in_series(interface.conductance, half[n : n + 2] - 0.5 / interface.modes)
    bonds = 1 / (half[1:] + half[:-1])  # [bond, spin]
    bonds[list(contacts)] = 0.0
    ends = 1 / (0.5 / np.asarray(modes, dtype=float) + half[[0, -1]])  # [lead, spin]

    matrix, n, s = np.zeros((planes, 2, planes, 2)), np.arange(planes)[:, None], np.arange(2)
    matrix[n, s, n, s] = flip[:, None]
    matrix[n, s, n, 1 - s] = -flip[:, None]
    matrix[n[:-1], s, n[:-1], s] += bonds
    matrix[n[1:], s, n[1:], s] += bonds
    matrix[n[:-1], s, n[1:], s] -= bonds
    matrix[n[1:], s, n[:-1], s] -= bonds
    for lead, at in ((0, 0), (1, -1)):  # of one plane both are the same
        matrix[at, s, at, s] += ends[lead]
    for at, contact in contacts.items():
        matrix[at : at + 2, :, at : at + 2] += contact
    arriving = np.array([np.broadcast_to(mu_left, 2), np.broadcast_to(mu_right, 2)], dtype=float)
    source = np.zeros((planes, 2))
    source[0] += ends[0] * arriving[0]
    source[-1] += ends[1] * arriving[1]
    mu = np.linalg.solve(matrix.reshape(2 * planes, -1), source.ravel()).reshape(planes, 2)

    currents = [ends[0] * (arriving[0] - mu[0])]
    for at, bond in enumerate(bonds):
        if at in contacts:  # J_s along the own m of the left metal, then along that of the right one
            into = np.einsum("asbq,bq->as", contacts[at], mu[at : at + 2])
            currents += [into[0], -into[1]]
        else:
            currents.append(bond * (mu[at] - mu[at + 1]))
            if at + 1 in starts:
                currents.append(currents[-1])
    currents.append(ends[1] * (mu[-1] - arriving[1]))
    return Solution(mu, np.array(currents))


def transmissions(metal: Metal, modes: Any) -> np.ndarray:
    """Return T_ss' per a² of one metal between leads of N_s channels, [spin left, spin right]."""
    return np.array([solve([metal], modes, np.eye(2)[s], 0.0).currents[-1] for s in (0, 1)])
