r"""Spin currents and torques of a `Scattering`, and their decomposition.

A magnet is one side of the junction's cut (see `Junction.cut`); its total torque counts the spin it absorbs, from the
spacer to deep inside its lead, where the transverse spin current has dephased:

    τ_L = J_M^L m_L - Q,    τ_R = Q - J_M^R m_R,

with Q the Pauli-spin flux through the spacer. Components: damping-like along m_α×(m_other×m_α), field-like along
m_L×m_R for both magnets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from ..checks import two_halves
from ..printing import Printed, fields_of
from ..scattering import Scattering
from ..spin import SIGNS, torque_axes
from ..theory.interface import InterfaceResponse, interface_response


@dataclass(frozen=True, repr=False, eq=False)
class Torques(Printed):
    """Total torques on the two magnets, in the unit of the spin current they come from."""

    #: Shape (..., 2, 3): [magnet, (x, y, z)], exerted by the electrons on the left and the right magnet.
    vectors: Floats
    #: Shape (..., 2): component along e = (m_other - cos Φ m)/sin Φ of each magnet; positive turns it toward the other.
    damping_like: Floats
    field_like: Floats  #: Shape (..., 2): component along m_L×m_R/sin Φ, the same direction for both magnets.

    def __str__(self) -> str:
        title = "Torques on the left and the right magnet, in the unit of the spin current they come from"
        return fields_of(title, damping_like=self.damping_like, field_like=self.field_like, vectors=self.vectors)


def magnetization_current(spin_resolved: ArrayLike) -> Floats:
    """Return J_M = I_+ - I_- of spin-resolved currents with trailing axis [spin], each along its own magnet."""
    J_M: Floats = np.asarray(spin_resolved) @ SIGNS
    return J_M


def spacer_spin_current(scattering: Scattering) -> Floats:
    """Return the Pauli-spin flux Q through the spacer per incoming state, shape (..., 2, 2, 3) = [lead_in, spin_in]."""
    hint = "Use `bond_currents` and `layer_torques`, which are resolved by plane."
    cut = two_halves("scattering", scattering.problem.base.cut, hint)
    return scattering.fields.currents[..., cut, 1:]


def interface_coefficients(scattering: Scattering) -> InterfaceResponse:
    """Return the r of (5) and (6) of a result (see `interface_response`), in e²/h, per unit cell of an average."""
    return interface_response(scattering.probabilities, scattering.modes)


def outer_spin_currents(scattering: Scattering) -> Floats:
    """Return the spin flux that enters and leaves the device per incoming state, shape (..., 2, 2, 2, 3).

    ``[lead_in, spin_in, side, (x, y, z)]``, positive along +y. Deep inside a magnetic lead only the part along its m
    is left, (Q·m) m = J_M m; a nonmagnetic lead keeps all of Q.
    """
    currents = scattering.fields.currents
    sides = []
    for side, bond in ((0, 0), (1, -1)):
        Q, m = currents[..., bond, 1:], scattering.problem.labels[..., None, None, side, :]
        magnetic = scattering.junction.leads[side].is_magnetic
        sides.append((Q * m).sum(axis=-1, keepdims=True) * m if magnetic else Q)
    return np.stack(sides, axis=-2)


def magnet_torques(magnetizations: ArrayLike, spin_current: ArrayLike, outer_currents: ArrayLike) -> Torques:
    r"""Return the total torque on each side of the spacer, τ_L = Q_left - Q and τ_R = Q - Q_right.

    ``magnetizations``, ``spin_current``: shape (..., 2, 3), and Q through the spacer, shape (..., 3), along +y.
    ``outer_currents``: shape (..., 2, 3): spin flux in both leads, J_M^L m_L and J_M^R m_R for magnetic ones.
    """
    Q, outer = np.asarray(spin_current), np.asarray(outer_currents)
    return resolved_torques(magnetizations, np.stack([outer[..., 0, :] - Q, Q - outer[..., 1, :]], axis=-2))


def resolved_torques(magnetizations: ArrayLike, vectors: Floats) -> Torques:
    """Return torques (..., 2, 3) on two magnets with their components, of directions (..., 2, 3)."""
    left, right = np.moveaxis(vectors, -2, 0)
    m_left, m_right = np.moveaxis(np.asarray(magnetizations, dtype=float), -2, 0)
    (e_left, normal), (e_right, _) = torque_axes(m_left, m_right), torque_axes(m_right, m_left)
    return Torques(
        vectors=vectors,
        damping_like=np.stack([(left * e_left).sum(axis=-1), (right * e_right).sum(axis=-1)], axis=-1),
        field_like=np.stack([(left * normal).sum(axis=-1), (right * normal).sum(axis=-1)], axis=-1),
    )
