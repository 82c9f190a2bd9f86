r"""The response of an interface, equations (5) and (6), from exact scattering probabilities.

    J_M^L = Σ_s r^L_1s δµ^L_s - r^L_2s δµ^R_s                                            (5)
    J_M^R = Σ_s r^R_1s δµ^L_s - r^R_2s δµ^R_s                                            (6)

The paper leaves the r's open. With the probabilities P[α s, β s'] of Landauer and Büttiker (from lead β, spin s' along
m_β, to lead α, spin s along m_α) the conductance matrix G, current **into** the interface from channel (α, s) per
chemical potential of channel (β, s'), is G[α s, β s'] = N_αs δ - P[α s, β s'], and the r's are its differences between
the two spins of a side. N - P cancels: a tunnel junction reflects nearly everything. Unitarity turns it into sums,

    G[α s, α s] = Σ P[β s', α s] over all (β, s') ≠ (α, s),

so that every coefficient here is accurate relative to its own size, however small the transmission.

Conventions: arrays, ``probabilities`` P and ``conductance`` G, have shape (..., 2, 2, 2, 2) = [lead_out, spin_out,
lead_in, spin_in] and ``modes``, the open channels N, shape (..., 2, 2) = [lead, spin], lead 0 = left, spin 0 = majority
along the lead's own magnetization. Currents are positive along +y on **both** sides. Coefficients are in e²/h for the
area the probabilities are given for (a unit cell a², or the whole cross-section); with chemical potentials in eV,
currents are in (e²/h)·V.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from ..checks import finite_array, formula, not_negative_array, positive, positive_array, potentials
from ..errors import ArgumentError, UnitarityError
from ..spin import SIGNS
from .tunnelling import one_sided_coefficients, rotation_law, rotation_probabilities

#: Condition number of 1 - G/(2N) above which the interface has no resistance of its own (rounding of four channels).
IDEAL_CONTACT = 1e12


@dataclass(frozen=True, eq=False)
class InterfaceResponse:
    """The coefficients of equations (5) and (6) and of the charge current J = Σ_s g_1s µ^L_s - g_2s µ^R_s, in e²/h."""

    #: `left_1`, `left_2`: Shape (..., 2): r^L_1s and r^L_2s of equation (5), [..., s].
    left_1: Floats
    left_2: Floats
    #: `right_1`, `right_2`: Shape (..., 2): r^R_1s and r^R_2s of equation (6).
    right_1: Floats
    right_2: Floats
    #: `charge_1`, `charge_2`: Shape (..., 2): g_1s and g_2s of the charge current, which is the same on both sides.
    charge_1: Floats
    charge_2: Floats

    @classmethod
    def of(cls, charge: Floats, left: Floats, right: Floats) -> InterfaceResponse:
        """Return the response with coefficients [..., 1 or 2, s]."""
        kinds = {"left": left, "right": right, "charge": charge}
        return cls(**{f"{name}_{i + 1}": r[..., i, :] for name, r in kinds.items() for i in (0, 1)})

    def __str__(self) -> str:
        """Return the coefficients as an aligned table, majority and minority."""
        rows = [f"{'e²/h':<10}{'majority':>16}{'minority':>16}"]
        if self.left_1.ndim > 1:
            return f"InterfaceResponse of batch shape {self.left_1.shape[:-1]}"
        rows += [f"{f.name:<10}" + "".join(f"{x:>16.8g}" for x in getattr(self, f.name)) for f in fields(self)]
        return "\n".join(rows)


def _counts(name: str, value: ArrayLike, shape: str) -> Floats:
    return not_negative_array(name, value, shape, "It counts electrons.")


def _check_unitarity(probabilities: Floats, modes: Floats, max_defect: float) -> None:
    defect = np.maximum(abs(modes - probabilities.sum(axis=(-4, -3))), abs(modes - probabilities.sum(axis=(-2, -1))))
    excess = defect / np.maximum(modes, 1.0)
    if np.any(excess > max_defect):
        raise UnitarityError(
            f"Argument `probabilities` must add up to `modes` in every channel, but misses by {excess.max():.2g}. "
            "Is the index order [lead_out, spin_out, lead_in, spin_in], and is every open mode counted?"
        )


@formula
def conductance_matrix(probabilities: ArrayLike, modes: ArrayLike | None = None, *, max_defect: float = 1e-8) -> Floats:
    r"""Return G[α s, β s'] = N_αs δ - P[α s, β s'], without its cancellation.

    ``probabilities``, ``modes``: P and N summed over modes, or their means over k∥. N only checks unitarity, if given.
    ``max_defect``: largest unitarity defect, relative to the number of modes where there is more than one.

    **Result**: rows: current into the interface from lead α, spin s. Columns (and for unitary scattering rows) sum to
    0. **Validity**: exact linear response at zero temperature, transverse spin clamped on both sides (the electrons of
    each side are incoherent mixtures along its own m). M. Büttiker, Phys. Rev. Lett. 57, 1761 (1986). Raises
    `UnitarityError`: they do not add up to ``modes``.
    """
    P = _counts("probabilities", probabilities, "(..., 2, 2, 2, 2)")
    if modes is not None:
        _check_unitarity(P, _counts("modes", modes, "(..., 2, 2)"), positive("max_defect", max_defect))
    scattered = P.reshape(*P.shape[:-4], 4, 4) * (1 - np.eye(4))
    G = np.eye(4) * scattered.sum(axis=-2)[..., None, :] - scattered
    return np.asarray(G.reshape(P.shape))


@formula
def response_of(conductance: ArrayLike) -> InterfaceResponse:
    r"""Return the coefficients of (5) and (6) of a conductance matrix whose columns sum to zero.

    r^L_1s = Σ_s'' s'' G[L s'', L s],    r^L_2s' = -Σ_s s G[L s, R s'],    and the mirror image with the opposite sign.

    **Validity**: that of G. The charge coefficients use the columns' zero sum, so they too are free of cancellation.
    """
    G = finite_array("conductance", conductance, "(..., 2, 2, 2, 2)")
    spin = np.einsum("s,...asbt->...abt", SIGNS, G)  # Σ_s s G[a s, b t]
    charge = -np.stack([G[..., 1, :, 0, :], G[..., 0, :, 1, :]], axis=-3).sum(axis=-2)
    sign = SIGNS[:, None]
    return InterfaceResponse.of(charge, sign * spin[..., 0, :, :], -sign * spin[..., 1, :, :])


@formula
def interface_response(
    probabilities: ArrayLike, modes: ArrayLike | None = None, *, max_defect: float = 1e-8
) -> InterfaceResponse:
    r"""Return the coefficients of equations (5) and (6) from exact scattering.

    r^L_1s = s N_Ls - Σ_s'' s'' R^L_{s''s} = s [Σ_s' T_{Rs',Ls} + 2 R^L_{-s s}],    r^L_2s' = Σ_s s T_{Ls,Rs'},
    r^R_2s = s N_Rs - Σ_s'' s'' R^R_{s''s} = s [Σ_s' T_{Ls',Rs} + 2 R^R_{-s s}],    r^R_1s = Σ_s' s' T_{Rs',Ls}.

    Arguments, errors and **Validity** as of `conductance_matrix`; µ's are those of the electrons **arriving** at the
    interface. Against the mean of arriving and leaving ones, which diffusion equations use, take `sharvin_corrected`
    first.

    Examples
    --------
    >>> import numpy as np
    >>> P = np.zeros((2, 2, 2, 2))
    >>> P[1, :, 0, :] = P[0, :, 1, :] = np.diag([0.3, 0.1])  # collinear: no spin changes
    >>> P[0, :, 0, :] = P[1, :, 1, :] = np.diag([0.7, 0.9])
    >>> print(interface_response(P, modes=np.ones((2, 2))))
    e²/h              majority        minority
    left_1                 0.3            -0.1
    left_2                 0.3            -0.1
    right_1                0.3            -0.1
    right_2                0.3            -0.1
    charge_1               0.3             0.1
    charge_2               0.3             0.1
    """
    return response_of(conductance_matrix(probabilities, modes, max_defect=max_defect))


@formula
def interface_currents(
    response: InterfaceResponse, mu_left: ArrayLike, mu_right: ArrayLike
) -> tuple[Floats, Floats, Floats]:
    """Return the charge current J and the magnetization currents J_M^L (5) and J_M^R (6).

    **Validity**: linear response.
    """
    left, right = potentials("mu_left", mu_left), potentials("mu_right", mu_right)

    def current(r_1: Floats, r_2: Floats) -> Floats:
        return np.asarray(np.sum(r_1 * left - r_2 * right, axis=-1))

    r = response
    return current(r.charge_1, r.charge_2), current(r.left_1, r.left_2), current(r.right_1, r.right_2)


# ---------------------------------------------------------------------- limits in closed form
@formula
def tunnelling_response(transmission: ArrayLike) -> InterfaceResponse:
    r"""Return the coefficients of (5), (6) that equations (3) and (4) contain.

    r^L_1s = s Σ_s' T_ss',    r^L_2s' = Σ_s s T_ss',    r^R_1s = Σ_s' s' T_ss',    r^R_2s' = s' Σ_s T_ss'.

    ``transmission``: T_ss', shape (..., 2, 2) = [..., s on the left, s' on the right], the same in both directions.

    **Validity**: to first order in T; the exact coefficients add `dropped_response`, of second order behind a tunnel
    barrier and of order one in a metal. Source: the paper, equations (3) and (4), in linear response.
    """
    T = _counts("transmission", transmission, "(..., 2, 2)")
    left, right = one_sided_coefficients(T, "left"), one_sided_coefficients(T, "right")
    return InterfaceResponse(*left, *right, T.sum(axis=-1), T.sum(axis=-2))


@formula
def tunnelling_limit(angle: ArrayLike, left: ArrayLike, right: ArrayLike) -> InterfaceResponse:
    r"""Return the coefficients of (5), (6) of a factorized tunnel junction, T_ss' = |R_ss'(Φ)|² D^L_s D^R_s'.

    With D_α = Σ_s D^α_s and P_α = (D^α_+ - D^α_-)/D_α,

    r^L_1s  = s D^L_s  D_R (1 + s P_R cos Φ)/2,    r^L_2s' = D^R_s' D_L (P_L + s' cos Φ)/2,
    r^R_2s' = s' D^R_s' D_L (1 + s' P_L cos Φ)/2,  r^R_1s  = D^L_s  D_R (P_R + s cos Φ)/2.

    ``left``, ``right``: spin factors D^L_s and D^R_s' >= 0, shape (..., 2); their product is a transmission in e²/h.

    For equal chemical potentials of both spins J_M^L = D_L D_R (P_L + P_R cos Φ)/2 · (µ^L - µ^R). **Validity**: first
    order in the transmission, coherence across the barrier only through R; transverse averages must factorize as well
    (one dominant k∥). Source: the paper, equations (2) to (4); J. C. Slonczewski, Phys. Rev. B 39, 6995 (1989).
    """
    D_L, D_R = _counts("left", left, "(..., 2)"), _counts("right", right, "(..., 2)")
    return tunnelling_response(rotation_law(D_L[..., :, None] * D_R[..., None, :], angle))


@formula
def metallic_limit(angle: ArrayLike, modes: ArrayLike) -> InterfaceResponse:
    r"""Return the coefficients of (5), (6) of an ideal contact, P[R s', L s] = N |R_ss'(Φ)|² and no reflection.

    r^L_1s = s N,    r^L_2s = s N cos Φ,    r^R_1s = s N cos Φ,    r^R_2s = s N,    g_1s = g_2s = N.

    ``modes``: N > 0, shape (...), the same for both spins and both sides.

    The right magnetization current seen along m_L is J_M^R cos Φ: the paper's rotation law. **Validity**: exchange
    splitting small against the energy of the electrons (the polarization of the current then comes from the bulk); a
    splitting Δ makes the interface reflect, with and without spin flip, in proportion to Δ². An ideal contact has no
    resistance of its own, so `sharvin_corrected` refuses it. Source: the paragraph before equation (5).
    """
    N = positive_array("modes", modes, hint="A contact needs open channels.")
    return tunnelling_response(N[..., None, None] * rotation_probabilities(angle))


@formula
def dropped_response(probabilities: ArrayLike) -> InterfaceResponse:
    r"""Return what equations (3) and (4) leave out of (5), (6): reflection with spin flip.

    r^L_1s gains 2 s R^L_{-s s} and r^R_2s gains 2 s R^R_{-s s}; everything else is kept.

    Charge coefficients are zero. **Validity**: exact where T is the same in both directions (coplanar magnetizations,
    no spin-orbit coupling): `interface_response` = `tunnelling_response` + this. It acts on spin accumulation only:
    with equal chemical potentials of both spins on each side its sum over s vanishes there, as R_{+-} = R_{-+}.
    """
    P = _counts("probabilities", probabilities, "(..., 2, 2, 2, 2)")
    flips = [np.stack([P[..., lead, 1, lead, 0], P[..., lead, 0, lead, 1]], axis=-1) for lead in (0, 1)]
    none = np.zeros_like(flips[0])
    return InterfaceResponse(2 * SIGNS * flips[0], none, none, 2 * SIGNS * flips[1], none, none)


# ---------------------------------------------------------------------- effective resistances for diffusive matching
@formula
def interface_resistance(
    transmission: ArrayLike, modes_left: ArrayLike, modes_right: ArrayLike, area: ArrayLike = 1.0
) -> Floats:
    r"""Return AR_s = (h/e²) A [1/ΣT_s - (1/N_L + 1/N_R)/2], the resistance an interface adds between diffusive metals.

    1/ΣT_s is the resistance between reservoirs. Half of each Sharvin resistance 1/N belongs to the contact with the
    reservoir, which a diffusive metal does not have.

    ``transmission``: ΣT_s > 0 over all modes of one spin, dimensionless; collinear, or no magnets.
    ``modes_left``, ``modes_right``: open channels of that spin in each metal, for the same area.
    ``area``: the area A the sums are for; the result has its unit times h/e².

    **Result**: zero for a contact that transmits every channel of both metals. **Validity**: specular interface between
    metals that are diffusive on both sides, spins do not mix; noncollinear: `sharvin_corrected`. K. M. Schep, J. B. A.
    N. van Hoof, P. J. Kelly, G. E. W. Bauer, J. E. Inglesfield, Phys. Rev. B 56, 10805 (1997).
    """
    T = positive_array("transmission", transmission, hint="A spin without transmission has no channel.")
    N_L, N_R = finite_array("modes_left", modes_left), finite_array("modes_right", modes_right)
    smallest = np.minimum(N_L, N_R)
    if np.any(T - smallest > 1e-9 * smallest):
        raise ArgumentError(
            f"Argument `transmission` must not exceed the number of channels of either side, but exceeds it by "
            f"{(T - smallest).max():.3g}. Give all three for the same area."
        )
    return np.asarray(finite_array("area", area) * (1 / T - (1 / N_L + 1 / N_R) / 2))


@formula
def in_series(conductance: ArrayLike, resistance: ArrayLike) -> Floats:
    r"""Return G (1 + Z G)⁻¹, the conductance matrix of an interface behind a resistance in every channel.

    µ beyond = µ at the interface + Z I, and I = G µ at the interface.

    ``resistance``: Z, shape (..., 2, 2) = [lead, spin], h/e²: a metal of thickness l has l/σ_s per area. A negative one
    takes away.

    **Result**: in the chemical potentials beyond the resistances. **Validity**: spins do not flip inside the
    resistances (thinner than the spin-diffusion length), transverse spin clamped.
    """
    G = finite_array("conductance", conductance, "(..., 2, 2, 2, 2)")
    Z = finite_array("resistance", resistance, "(..., 2, 2)")
    G, Z = G.reshape(*G.shape[:-4], 4, 4), Z.reshape(*Z.shape[:-2], 4, 1)
    drop = np.eye(4) + Z * G
    condition = np.linalg.cond(drop)
    if not np.all(condition < IDEAL_CONTACT):
        raise ArgumentError(
            "Argument `conductance` must leave a resistance, but 1 + Z G is singular "
            f"(condition number {condition.max():.2g}): the interface is an ideal contact. "
            "Match it by continuity of the chemical potentials instead."
        )
    # G (1 + Z G)⁻¹ = [(1 + Z G)⁻ᵀ Gᵀ]ᵀ: rows of the transpose are solved for.
    solved = np.linalg.solve(np.swapaxes(drop, -1, -2), np.swapaxes(G, -1, -2))
    series = np.swapaxes(solved, -1, -2)
    return np.asarray(series.reshape(*series.shape[:-2], 2, 2, 2, 2))


@formula
def sharvin_corrected(conductance: ArrayLike, modes: ArrayLike) -> Floats:
    r"""Return G̃ = G [1 - (2N)⁻¹ G]⁻¹, the conductance matrix between diffusive metals at any angle.

    G acts on the occupations µ_in of arriving electrons, a diffusion equation knows their mean with the leaving ones,
    (µ_in + µ_out)/2 with N µ_out = P µ_in, hence µ_in - I/(2N). Collinear, this is the Schep-Bauer resistance of
    `interface_resistance` for each spin. Our reading for noncollinear magnets: the same argument channel by channel in
    the four longitudinal channels, because a ferromagnet that clamps the transverse spin sends none back to the
    interface. A normal metal does: its transverse channels are corrected by `circuit.corrected_mixing_conductance`.

    ``modes``: N for the same area; a spin without channels carries nothing.

    **Result**: in the chemical potentials a diffusion equation has; `response_of` turns it into the r's of (5), (6).
    **Validity**: isotropic occupations within each channel, ferromagnets much longer than the transverse coherence
    length on both sides. Schep et al. (see `interface_resistance`); G. E. W. Bauer, Y. Tserkovnyak, D.
    Huertas-Hernando, A. Brataas, Phys. Rev. B 67, 094421 (2003) for circuit theory.
    """
    N = _counts("modes", modes, "(..., 2, 2)")
    return in_series(conductance, np.where(N > 0, -0.5 / np.where(N > 0, N, 1.0), 0.0))
