"""Interfaces as linear responses to charge and spin accumulations of any direction."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...arrays import Floats
from ...checks import complex_array, finite_array, formula, not_negative_array, positive, refusal
from ...errors import ArgumentError
from ...spin import PAULI, SIGNS, sigma, unit_pair
from ..circuit import contact_matrix
from ..interface import InterfaceResponse
from .material import LANDAUER

#: Σ_s r_1s = Σ_s r_2s must hold to this relative accuracy: shifting all potentials alike drives nothing.
GAUGE_TOLERANCE = 1e-8


class SingularMatchingError(ArgumentError):
    """The interface conditions do not determine the solution."""


@formula
def per_area(response: InterfaceResponse, area: float) -> InterfaceResponse:
    """Return the response of an interface from e²/h per ``area`` to particle conductances per area, 1/(eV nm² ps).

    **Validity**: a change of unit. Coefficients between reservoirs need their Sharvin resistance removed first
    (`kwant_spinjunc.theory.interface.sharvin_corrected`): the µ of diffusion are not those of arriving electrons.

    ``response``: coefficients in e²/h, e.g. of one unit cell.
    ``area``: the area in nm² they are given for, > 0.
    """
    factor = LANDAUER / positive("area", area)
    return InterfaceResponse(**{f.name: factor * getattr(response, f.name) for f in fields(response)})


def checked_response(response: InterfaceResponse) -> tuple[Floats, Floats, Floats]:
    """Return (charge, r_left, r_right), each [..., lead, spin], or refuse what is no linear response."""
    arrays = []
    for name in ("charge", "left", "right"):
        pair = [finite_array(f"{name}_{i}", getattr(response, f"{name}_{i}"), "(..., 2)") for i in (1, 2)]
        array = np.stack(np.broadcast_arrays(*pair), axis=-2)
        sums, scale = array.sum(axis=-1), np.abs(array).sum(axis=(-1, -2))
        worst = np.abs(sums[..., 0] - sums[..., 1]) - GAUGE_TOLERANCE * scale
        if np.any(worst > 0):
            first, second = sums.reshape(-1, 2)[np.argmax(worst)]
            raise ArgumentError(
                f"Argument `interface` must have equal sums over spin of {name}_1 and {name}_2, but they are {first:g} "
                f"and {second:g}. Otherwise raising all chemical potentials alike would drive a current."
            )
        arrays.append(array)
    _check_conducting(arrays[0].sum(axis=-1)[..., 0])
    charge, left, right = np.broadcast_arrays(*arrays)
    return charge, left, right


def _check_conducting(conductance: Floats) -> None:
    if np.any(conductance <= 0):
        raise SingularMatchingError(
            "Argument `interface` must have a positive charge conductance, but it is "
            f"{np.min(conductance):g}. No finite drop would drive the current through it."
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class VectorInterface:
    r"""Linear response of an interface to spin accumulations of any direction.

    The spin accumulation vector is δ m + (D/σ) δM⊥ in each metal: a transverse and a longitudinal accumulation of the
    same energy are the same state to a nonmagnetic barrier.

    ``response``: shape (..., 2, 2, 4, 4): [side, lead, out, in]. The flux (J, Q_x, Q_y, Q_z) at the face of ``side``,
    positive along +y, is response[side, 0] f_L - response[side, 1] f_R with f = (average µ, spin accumulation vector).
    """

    response: Floats

    def __post_init__(self) -> None:
        response = finite_array("response", self.response, "(..., 2, 2, 4, 4)")
        object.__setattr__(self, "response", response)
        scale = np.abs(response).max(axis=(-1, -2, -3, -4))
        unequal = np.abs(response[..., 0, :, 0, :] - response[..., 1, :, 0, :]).max(axis=(-1, -2))
        if np.any(unequal > GAUGE_TOLERANCE * scale):
            raise ArgumentError("Argument `response` must conserve charge, but J differs between the two faces.")
        drift = np.abs(response[..., :, 0, :, 0] - response[..., :, 1, :, 0]).max(axis=(-1, -2))
        if np.any(drift > GAUGE_TOLERANCE * scale):
            raise ArgumentError(
                "Argument `response` must not respond to a common shift of all potentials, but response[:, 0, :, 0] "
                "and response[:, 1, :, 0] differ."
            )
        _check_conducting(response[..., 0, 0, 0, 0])

    @property
    def conductance(self) -> Floats:
        """Charge conductance of equal spins, shape (...)."""
        return np.asarray(self.response[..., 0, 0, 0, 0])

    def clamped(self, m_left: ArrayLike, m_right: ArrayLike) -> InterfaceResponse:
        """Return the response along the two magnetizations alone, with which δM⊥ = 0 is imposed."""
        m = np.stack(unit_pair(m_left, m_right), axis=-2)
        along = np.einsum("...lc,sc->...lsc", m, SIGNS[:, None])
        # A µ_s alone is (average, vector) = (µ_s/2, s µ_s m/2).
        drive = np.concatenate([np.ones((*along.shape[:-1], 1)), along], axis=-1) / 2
        flux = np.einsum("...ilab,...lsb->...ilas", self.response, drive)
        r = np.einsum("...ic,...ilcs->...ils", m, flux[..., 1:, :])
        return InterfaceResponse.of(flux[..., 0, :, 0, :], r[..., 0, :, :], r[..., 1, :, :])

    def with_mixing(
        self, m_left: ArrayLike, m_right: ArrayLike, *, left: complex | None = None, right: complex | None = None
    ) -> VectorInterface:
        r"""Return a copy whose interface takes δM⊥ off each magnet with the given mixing conductance.

        ``left``, ``right``: complex conductance per area, Re >= 0, shape (...): the accumulation s⊥ of that magnet
        drives the spin flux 2 Re G s⊥ - 2 Im G m×s⊥ into the interface (normalized like the conductance of one spin;
        the sign of Im G is that of `circuit.mixing_conductance`, G = Σ (δ - r_+ r_-*)). None: as it is.
        """
        directions = unit_pair(m_left, m_right)
        batch = np.broadcast_shapes(self.response.shape[:-4], directions[0].shape[:-1])
        response = np.broadcast_to(self.response, (*batch, 2, 2, 4, 4)).copy()
        for side, (name, m, given) in enumerate(zip(("left", "right"), directions, (left, right), strict=True)):
            if given is None:
                continue
            G = complex_array(name, given)
            if np.any(G.real < 0):
                hint = "An interface cannot amplify a spin accumulation."
                raise refusal(name, "have a non-negative real part", f"is {given}", hint)
            P = np.eye(3) - m[..., :, None] * m[..., None, :]
            own = response[..., side, side, 1:, 1:]
            # One sign for both sides: the flux into the interface is +Q_L and -Q_R, and f_R enters Q_R negatively.
            response[..., side, side, 1:, 1:] = own - P @ own @ P + contact_matrix([0.0, 0.0], G, m)[..., 1:, 1:]
        return replace(self, response=response)


@formula
def tunnel_interface(
    m_left: ArrayLike, m_right: ArrayLike, amplitudes_left: ArrayLike, amplitudes_right: ArrayLike
) -> VectorInterface:
    r"""Return the vector response of a tunnel barrier with one amplitude a spin and side.

    The transmission matrix is t = w_R w_L, w_i = Σ_s w_is |s, m_i⟩⟨s, m_i|, and the fluxes of the distribution
    matrices f = µ + s·σ are I_R = t f_L t† - {t t†, f_R}/2, I_L = {t†t, f_L}/2 - t† f_R t.

    **Result**: Its `VectorInterface.clamped` is equations (3), (4) with T_ss' = R_ss'² D_ss' (`tunnelling_response`).
    **Validity**: lowest order in the transmission (exchange fields of order one in t, from evanescent overlap, are left
    out), many channels alike. Spin-independent amplitudes give Q = G(s_L - s_R) for all components. Source: (2) to (4)
    with the coherences kept; A. Brataas, Yu. V. Nazarov, G. E. W. Bauer, Eur. Phys. J. B 22, 99 (2001).

    ``amplitudes_left``, ``amplitudes_right``: w_is, complex, shape (..., 2); |w_Ls w_Rs'|² = D_ss' is a conductance per
    area.
    """
    w, given = [], {"amplitudes_left": amplitudes_left, "amplitudes_right": amplitudes_right}
    for m, (name, amplitudes) in zip(unit_pair(m_left, m_right), given.items(), strict=True):
        a = complex_array(name, amplitudes, "(..., 2)")
        mean, half = a.sum(axis=-1)[..., None, None] / 2, (a @ SIGNS)[..., None, None] / 2
        w.append(mean * np.eye(2) + half * sigma(m))
    t = w[1] @ w[0]
    dagger = np.swapaxes(t.conj(), -1, -2)
    basis = np.concatenate([np.eye(2)[None], PAULI])

    def superoperator(left: NDArray[Any], right: NDArray[Any]) -> Floats:
        return np.asarray(np.einsum("aij,...jk,bkl,...li->...ab", basis, left, basis, right, optimize=True).real)

    def anticommutator(loss: NDArray[Any]) -> Floats:
        one = np.broadcast_to(np.eye(2), t.shape)
        return (superoperator(loss, one) + superoperator(one, loss)) / 2

    left = np.stack([anticommutator(dagger @ t), superoperator(dagger, t)], axis=-3)
    right = np.stack([superoperator(t, dagger), anticommutator(t @ dagger)], axis=-3)
    return VectorInterface(response=np.stack([left, right], axis=-4))


@formula
def node_interface(
    m_left: ArrayLike,
    m_right: ArrayLike,
    conductances_left: ArrayLike,
    conductances_right: ArrayLike,
    mixing_left: ArrayLike,
    mixing_right: ArrayLike,
) -> InterfaceResponse:
    r"""Return a thin normal-metal spacer between two magnets as one interface, its spin accumulation eliminated.

    Each contact carries J_s = g_s (µ_s - µ_N - s s_N·m) along its magnet and absorbs the transverse accumulation of
    the spacer, 2 Re G s_N⊥ - 2 Im G m×s_N (`circuit.contact_currents`); the spacer conserves charge and spin.

    **Result**: The r's of (5), (6), in the unit of the conductances, for δM⊥ = 0: all transverse spin is absorbed at
    the interface. **Validity**: metallic multilayers, spacer thinner than its spin-diffusion length and of negligible
    resistance; magnets thicker than the transverse decoherence length. Source: A. Brataas, Yu. V. Nazarov, G. E. W.
    Bauer, Phys. Rev. Lett. 84, 2481 (2000).

    ``conductances_left``, ``conductances_right``: g_s >= 0 of each contact per area, shape (..., 2).
    ``mixing_left``, ``mixing_right``: complex spin-mixing conductance G per area, Re > 0, shape (...).
    """
    feeds, losses, axes = [], [], []
    for side, m, g, G in zip(
        ("left", "right"),
        unit_pair(m_left, m_right),
        (conductances_left, conductances_right),
        (mixing_left, mixing_right),
        strict=True,
    ):
        conductance = not_negative_array(f"conductances_{side}", g, "(..., 2)")
        mixing = complex_array(f"mixing_{side}", G)
        if np.any(mixing.real <= 0):
            raise ArgumentError(f"Argument `mixing_{side}` must have a positive real part, but is {G!r}.")
        shape = np.broadcast_shapes(m.shape[:-1], conductance.shape[:-1], mixing.shape)
        m = np.broadcast_to(m, (*shape, 3))
        # Column s: what µ_s feeds into the spacer, whose state (µ_N, s_N) loses what a contact takes.
        state = np.concatenate([np.ones((*shape, 2, 1)), SIGNS[:, None] * m[..., None, :]], axis=-1)
        feed = np.swapaxes(conductance[..., :, None] * state, -1, -2)
        feeds.append(feed)
        losses.append(contact_matrix(conductance, mixing, m))
        axes.append(m)
    total = losses[0] + losses[1]
    _check_conducting(total[..., 0, 0])
    try:
        node_left, node_right = np.linalg.solve(total, feeds[0]), np.linalg.solve(total, feeds[1])
    except np.linalg.LinAlgError:  # a spin that enters neither magnet floats and carries nothing: the limit is finite
        inverse = np.linalg.pinv(total)
        node_left, node_right = inverse @ feeds[0], inverse @ feeds[1]
    flux_left = np.stack([feeds[0] - losses[0] @ node_left, losses[0] @ node_right], axis=-3)
    flux_right = np.stack([losses[1] @ node_left, feeds[1] - losses[1] @ node_right], axis=-3)
    return InterfaceResponse.of(
        flux_left[..., 0, :],
        np.einsum("...c,...lcs->...ls", axes[0], flux_left[..., 1:, :]),
        np.einsum("...c,...lcs->...ls", axes[1], flux_right[..., 1:, :]),
    )
