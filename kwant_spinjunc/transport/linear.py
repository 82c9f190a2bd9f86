r"""Occupations of the leads turned into currents: Landauer-Büttiker with spin-split chemical potentials.

Particle currents are positive along +y on both sides, in e²/h × V per unit cell if chemical potentials are in eV
(they are divided by h only). A spin-split reservoir has µ_α+ and µ_α- along its own magnetization.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from ..arrays import Floats
from ..checks import instance, reservoirs
from ..printing import Table, Tabled, counted
from ..scattering import Scattering
from .observables import Torques, magnet_torques, magnetization_current, outer_spin_currents, spacer_spin_current

#: Positive along +y on both sides.
DIRECTION = np.array([[1.0], [-1.0]])


@dataclass(frozen=True, eq=False)
class LeadCurrents:
    """Spin-resolved currents in both leads."""

    spin_resolved: Floats  #: Shape (..., 2, 2): I_αs as [lead, spin], positive along +y, spin along each lead's own m.
    #: Shape (..., 2, 3): the axes that label the spins: each lead's own m, also where the lead is not magnetic.
    m: Floats

    @property
    def charge(self) -> Floats:
        """J = I_+ + I_- in each lead, shape (..., 2)."""
        return np.asarray(self.spin_resolved.sum(axis=-1))

    @property
    def magnetization(self) -> Floats:
        """J_M = I_+ - I_- in each lead along its own m, shape (..., 2)."""
        return magnetization_current(self.spin_resolved)

    @property
    def scalar_difference(self) -> Any:
        """J_M^R - J_M^L, which the paper's t0 = (J_M^R - J_M^L)/(a µ_B) sees, shape (...)."""
        J_M = self.magnetization
        return J_M[..., 1] - J_M[..., 0]

    @property
    def vector_difference(self) -> Floats:
        """J_M^R m_R - J_M^L m_L, shape (..., 3): between magnetic leads minus the torque on both magnets together."""
        J_M = self.magnetization[..., None]
        return np.asarray(J_M[..., 1, :] * self.m[..., 1, :] - J_M[..., 0, :] * self.m[..., 0, :])


@dataclass(frozen=True, repr=False, eq=False)
class Response(Tabled, LeadCurrents):
    """Currents in both leads with the spin current between them and the torques."""

    spin_current: Floats  #: Shape (..., 3): Pauli-spin flux Q through the spacer, positive along +y.
    torques: Torques  #: Total torques on the two magnets.
    layer_torques: Floats  #: Shape (..., planes, 3): torque on each plane of the scattering region.

    @property
    def vector_difference(self) -> Floats:
        """Spin flux out minus in, minus the torque that both magnets together take up, shape (..., 3).

        Between magnetic leads it is J_M^R m_R - J_M^L m_L; a nonmagnetic lead carries spin of any direction.
        """
        return np.asarray(-self.torques.vectors.sum(axis=-2))

    def named(self) -> dict[str, Floats]:
        """Return currents and torques by the names they have in `quantities`."""
        return {
            "magnetization_current": self.magnetization,
            "spin_current": self.spin_current,
            "damping_like": self.torques.damping_like,
            "field_like": self.torques.field_like,
        }

    def table(self) -> Table:
        """Return currents and torques as a table; of a batch only its shape."""
        batch = self.spin_resolved.shape[:-2]
        if batch:
            return Table(f"Linear response of {counted(math.prod(batch), 'point')}, shape {batch}")
        rows = [
            ("charge current J", *self.charge),
            ("magnetization current J_M", *self.magnetization),
            ("damping-like torque", *self.torques.damping_like),
            ("field-like torque", *self.torques.field_like),
        ]
        cells = [(name, *(f"{x:.8g}" for x in values)) for name, *values in rows]
        Q = ", ".join(f"{x:.6g}" for x in self.spin_current)
        notes = (
            f"spin current through the spacer ({Q})",
            "in e²/h × V per cell or cross-section, torques as rates of σ",
        )
        return Table("Linear response", ("", "left", "right"), cells, notes)


def occupation_differences(energy: Floats, mu: Floats, kT: Floats) -> Floats:
    """Return f_αs - f_βs' as [..., α, s, β, s'] of µ_αs (..., 2, 2) and k_B T (2,), accurate also near 1."""
    above = energy[..., None, None] - mu
    width = kT[:, None]
    x = np.divide(above, width, out=np.where(above < 0, -np.inf, np.inf), where=width > 0)
    filled, empty = expit(-x), expit(x)
    electrons = filled[..., :, :, None, None] - filled[..., None, None, :, :]
    holes = empty[..., None, None, :, :] - empty[..., :, :, None, None]
    below: NDArray[np.bool_] = above < 0
    return np.where(below[..., :, :, None, None] & below[..., None, None, :, :], holes, electrons)


def channel_currents(probabilities: Floats, mu: Floats) -> Floats:
    """Return I_αs = ±(1/h) Σ_βs' P[αs, βs'] (µ_αs - µ_βs'), plus on the left and minus on the right, along +y.

    ``mu`` and the result are [..., lead, spin]. Every term is a product, none a difference of fluxes.
    """
    drop = mu[..., :, :, None, None] - mu[..., None, None, :, :]
    return np.asarray((probabilities * drop).sum(axis=(-1, -2)) * DIRECTION)


def linear_response(scattering: Scattering, mu_left: ArrayLike = 0.5, mu_right: ArrayLike = -0.5) -> Response:
    r"""Exact linear response to spin-split chemical potentials, spin-flip reflection included.

    I_Ls = (1/h)[N_Ls µ_Ls - Σ_s'' R^L_ss'' µ_Ls'' - Σ_s' T_Ls,Rs' µ_Rs'], evaluated by unitarity in the form free of
    cancellation, (1/h)[Σ_s'' R^L_ss'' (µ_Ls - µ_Ls'') + Σ_s' T_Ls,Rs' (µ_Ls - µ_Rs')], and the mirror image.

    **Result**: In units of (e²/h) × V for potentials in eV; per unit cell, unless the cross-section has several sites.

    Parameters
    ----------
    scattering
        Result at the Fermi energy.
    mu_left, mu_right
        Chemical potentials (µ_+, µ_-) relative to the Fermi energy, trailing axis 2, or one number for both spins.
        They broadcast against the leading axes of ``scattering``.

    Notes
    -----
    The spin current between noncollinear magnets is finite even in equilibrium (interlayer exchange). A common shift
    of all µ therefore changes Q (its component along m_L×m_R), but no current in a lead. Use potentials symmetric
    around zero to see the effect of a symmetric bias.

    **Validity**: linear in µ around the Fermi energy of ``scattering``; phase-coherent junction between reservoirs
    without coherence between the spin channels.
    """
    instance("scattering", scattering, Scattering, "Use `scatter(junction, energy)`.")
    mu = reservoirs(mu_left, mu_right)
    m = scattering.problem.labels
    currents = channel_currents(scattering.probabilities, mu)
    J_M = magnetization_current(currents)
    spin_current = _weighted(spacer_spin_current(scattering), mu, trailing=1)
    outer = _weighted(outer_spin_currents(scattering), mu, trailing=2)
    for side, lead in enumerate(scattering.junction.leads):
        if lead.is_magnetic:  # the same number as J_M, without the rounding of the fluxes on the near side
            outer[..., side, :] = J_M[..., side, None] * m[..., side, :]
    return Response(
        spin_resolved=currents,
        m=m,
        spin_current=spin_current,
        torques=magnet_torques(scattering.problem.magnetizations, spin_current, outer),
        layer_torques=_weighted(scattering.fields.torques, mu, trailing=2),
    )


def tunneling_response(scattering: Scattering, mu_left: ArrayLike = 0.5, mu_right: ArrayLike = -0.5) -> LeadCurrents:
    r"""Linear response in the paper's reading, equations (3) and (4): transmission only.

    J_M^L = (1/h) Σ_ss' s T_ss' (µ_Ls - µ_Rs') and J_M^R the same with s' in front. What it drops is spin-flip
    reflection.

    Parameters
    ----------
    scattering, mu_left, mu_right
        As for `linear_response`.

    Notes
    -----
    **Validity**: R^L_{+-} << T, which behind a tunnel barrier is O(T²) against O(T); exact for any junction if neither
    reservoir is spin-split. For a clean metallic junction the dropped term is of order one.
    """
    instance("scattering", scattering, Scattering, "Use `scatter(junction, energy)`.")
    mu = reservoirs(mu_left, mu_right)
    P = scattering.probabilities
    drop = mu[..., 0, :, None] - mu[..., 1, None, :]  # µ_Ls - µ_Rs'
    # T_ss' is T[Ls, Rs'] on the left and T[Rs', Ls] on the right: equal for coplanar magnetizations only
    left = (P[..., 0, :, 1, :] * drop).sum(axis=-1)
    right = (np.swapaxes(P[..., 1, :, 0, :], -1, -2) * drop).sum(axis=-2)
    return LeadCurrents(
        spin_resolved=np.stack([left, right], axis=-2),
        m=scattering.problem.labels,
    )


def _weighted(states: Floats, mu: Floats, trailing: int) -> Floats:
    """Return Σ_αs µ_αs × states[..., α, s, (trailing axes)]."""
    weights = mu.reshape(mu.shape + (1,) * trailing)
    return np.asarray((states * weights).sum(axis=(-trailing - 2, -trailing - 1)))
