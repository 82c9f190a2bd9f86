r"""Equation (12): how the jump of the magnetization current depends on the angle between two identical magnets.

ΔJ_M is the length of the **vector** J_M^L m_L - J_M^R m_R. Write c = cos(Φ/2), s = sin(Φ/2), ξ' = ξ/√(1-β²),
A_i' = A_i/(1-β²). Then (12) is ΔJ_M = 2 s J_M with

    J_M = βJ c² {A1' + 2ξ'(1 + A2' s²) + 4ξ'² s²} / {(1 + 2ξ'c²)(1 + 2ξ's²)}.

**What (12) solves.** The two factors of the denominator belong to the accumulations odd and even under exchange of the
magnets. Identical magnets and a mirror-symmetric interface excite the odd one only, J_M^L = J_M^R, so the even factor
must cancel, and it does if and only if A1 = A2. With the interface T_ss' = R_ss'² D_ss', D_±± = G(1 ± γ)/2,
D_+- = D_-+ = κG/2, equations (5) to (11) with δM⊥ = 0 and α1 = α2 (or λ ≪ l_sd) give exactly

    J_M = J c² {γ + 2ξ'β c̃}/{1 - (1-κ)s² + 2ξ' c² c̃},    c̃ = c²(1-γ²) + κ s².

To first order in γ (κ = 1) this is (12) with A1 = A2 = (1-β²)γ/β; screening with α1 ≠ α2 adds
`A_screening`, of order λ/l_sd. At second order in γ, and with transverse accumulation, the solution leaves the form
of (12); `fit_matching` measures by how much.

``xi`` is ξ >= 0 of `conductance_ratio`, ``beta`` the metal's polarization, |β| < 1, ``current`` J, and ``gamma`` γ =
(G_+ - G_-)/(G_+ + G_-) of the collinear interface, |γ| <= 1; results are in the unit of J.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from ..checks import finite, finite_array, formula, not_negative, not_negative_array, positive_array, ratio_array
from ..errors import ArgumentError
from ..spin import unit_vector
from .drift_diffusion import Material, VectorInterface, match, tunnel_interface
from .interface import InterfaceResponse, tunnelling_response
from .tunnelling import rotation_law


def _beta(value: ArrayLike) -> Floats:
    return ratio_array("beta", value, "It is the polarization of the current in a metal with two conducting spins.")


def _xi(value: ArrayLike) -> Floats:
    return not_negative_array("xi", value, hint="It is a ratio of conductances.")


def _half_angles(Phi: ArrayLike) -> tuple[Floats, Floats]:
    """Return cos²(Φ/2) and sin²(Φ/2)."""
    half = finite_array("Phi", Phi) / 2
    return np.cos(half) ** 2, np.sin(half) ** 2


@formula
def conductance_ratio(G: ArrayLike, sigma: ArrayLike, D: ArrayLike, tau: ArrayLike) -> Floats:
    r"""Return ξ = G √(Dτ)/σ, the interface conductance over that of the metal across its bare spin-diffusion length.

    **Validity**: a definition that makes (12) the solution of (5) to (11); the paper does not say which.

    ``G``: interface conductance per area, both spins together, >= 0.
    ``sigma``, ``D``, ``tau``: Conductivity, diffusion coefficient and spin relaxation time of the metal, > 0.
    """
    length = np.sqrt(positive_array("D", D) * positive_array("tau", tau))
    return np.asarray(not_negative_array("G", G) * length / positive_array("sigma", sigma))


@formula
def renormalized_ratio(xi: ArrayLike, beta: ArrayLike) -> Floats:
    r"""Return ξ' = ξ/√(1-β²) = G/g, with g = σ(1-β²)/l_sd the spin conductance of the metal.

    **Validity**: identity, l_sd = √(Dτ(1-β²)).
    """
    return np.asarray(_xi(xi) / np.sqrt(1 - _beta(beta) ** 2))


@formula
def delta_J_M(
    xi: ArrayLike,
    Phi: ArrayLike,
    beta: ArrayLike,
    *,
    A1: ArrayLike = 0.0,
    A2: ArrayLike = 0.0,
    current: ArrayLike = 1.0,
) -> Floats:
    r"""Return e ΔJ_M of equation (12), as printed.

    βJ cos(Φ/2) sin Φ {A1 + 2√(1-β²) ξ [1 + A2 sin²(Φ/2)/(1-β²)] + 4ξ² sin²(Φ/2)} / {1-β² + 2√(1-β²) ξ + ξ² sin²Φ}

    With A1 = A2 = 0 it has the sign of βJ sin(Φ/2). **Validity**: solution of (5) to (11) for identical magnets, δM⊥ =
    0, a mirror-symmetric interface without spin-flip reflection, to first order in its spin asymmetry γ and in λ/l_sd,
    with A1 = A2. See `fit_matching`. The limits ξ → ∞ and Φ → π do not commute: at π no J_M passes at any finite ξ.

    ``A1``, ``A2``: the paper's unspecified constants; see `A_polarized`, `A_screening`, `fit_A`.
    """
    beta, xi, J = _beta(beta), _xi(xi), finite_array("current", current)
    A1, A2, Phi = finite_array("A1", A1), finite_array("A2", A2), finite_array("Phi", Phi)
    _, s2 = _half_angles(Phi)
    unpolarized = 1 - beta**2
    numerator = A1 + 2 * np.sqrt(unpolarized) * xi * (1 + A2 * s2 / unpolarized) + 4 * xi**2 * s2
    denominator = unpolarized + 2 * np.sqrt(unpolarized) * xi + xi**2 * np.sin(Phi) ** 2
    return np.asarray(beta * J * np.cos(Phi / 2) * np.sin(Phi) * numerator / denominator)


@formula
def spin_current_reduced(xi: ArrayLike, Phi: ArrayLike, beta: ArrayLike, *, current: ArrayLike = 1.0) -> Floats:
    r"""Return J_M^L = J_M^R = βJ · 2ξ'c²/(1 + 2ξ'c²), the solution for a spin-independent interface.

    **Validity**: identical magnets, T_ss' = R_ss'² G/2, δM⊥ = 0, and α1 = α2 or strong screening.
    """
    return spin_current_transverse(xi, Phi, beta, 0.0, current=current)


@formula
def delta_J_M_reduced(xi: ArrayLike, Phi: ArrayLike, beta: ArrayLike, *, current: ArrayLike = 1.0) -> Floats:
    r"""Return 2 sin(Φ/2) J_M with `spin_current_reduced`: equation (12) for A1 = A2 = 0.

    **Validity**: as `spin_current_reduced`. Multiply its numerator and denominator by 1 + 2ξ's² to obtain the print.
    """
    return np.asarray(2 * np.sin(finite_array("Phi", Phi) / 2) * spin_current_reduced(xi, Phi, beta, current=current))


@formula
def delta_J_M_transparent(Phi: ArrayLike, beta: ArrayLike, *, current: ArrayLike = 1.0) -> Floats:
    r"""Return 2βJ sin(Φ/2), the limit of (12) for ξ → ∞ and the parallel circuit's value.

    **Validity**: ξ cos²(Φ/2) ≫ 1. Source: the paper, equation (12) and the text before equation (5).
    """
    return np.asarray(2 * _beta(beta) * finite_array("current", current) * np.sin(finite_array("Phi", Phi) / 2))


def _gamma(value: ArrayLike) -> Floats:
    return ratio_array("gamma", value, "It is (G_+ - G_-)/(G_+ + G_-) of the interface.", closed=True)


@formula
def transverse_ratio(material: Material) -> float:
    r"""Return η = g Re[1/(σ k⊥)], the longitudinal over the transverse spin conductance of a magnet.

    **Result**: (1-β²) Re(1/k⊥)/l_sd: 0 for clamped spins, √(1-β²) without precession. **Validity**: drift-diffusion
    also for δM⊥, i.e. precession length √(D/ω) above the mean free path.
    """
    return float((material.spin_conductance / (material.sigma * material.modes.transverse)).real)


@formula
def spin_current_transverse(
    xi: ArrayLike, Phi: ArrayLike, beta: ArrayLike, eta: ArrayLike, *, current: ArrayLike = 1.0
) -> Floats:
    r"""Return J_M = βJ · 2ξ'c²/(1 + 2ξ'(c² + ηs²)) with transverse accumulation on both sides.

    **Validity**: identical magnets, spin-independent tunnel interface that absorbs no spin, Q = G(s_L - s_R). Not of
    the form of (12) unless η = 0 (all torque at the interface). Transparent ones give βJ c²/(c² + ηs²), not βJ.

    ``eta``: η >= 0 of `transverse_ratio`.
    """
    absorbed = not_negative_array("eta", eta, hint="See `transverse_ratio`.")
    c2, s2 = _half_angles(Phi)
    double = 2 * renormalized_ratio(xi, beta)
    J = finite_array("current", current)
    return np.asarray(_beta(beta) * J * double * c2 / (1 + double * (c2 + absorbed * s2)))


@formula
def A_polarized(beta: ArrayLike, gamma: ArrayLike) -> Floats:
    r"""Return A1 = A2 = (1-β²) γ/β of an interface of spin asymmetry γ.

    **Validity**: first order in γ; then (12) is exact in ξ, Φ and β. The limit Φ → 0 is exact in γ if ξ is formed with
    G(1-γ²), Valet and Fert's 1/r_b. Of order one, as the paper says, if the interface is as polarized as the metal.
    """
    beta = _beta(beta)
    if np.any(beta == 0):
        raise ArgumentError(
            "Argument `beta` must not be zero, but is. The product βA1 stays finite: use the module's J_M."
        )
    return np.asarray((1 - beta**2) * _gamma(gamma) / beta)


@formula
def A_screening(material: Material, thickness: float = 0.0) -> float:
    r"""Return the part of A1 = A2 that screening adds, -(1-β²) (α1-α2)/(α1-β²α2) (λ/l_sd) 2λ/(2λ+d).

    **Validity**: first order in λ/l_sd, spin-independent interface, and G d/σ ≪ 1 (the barrier resists more than a slab
    of metal of its thickness). The charge layer at each face, driven by the part 2λ/(2λ+d) of the drop, splits µ_+ and
    µ_- through χ and thus acts as an interface asymmetry γ. Source: the paper, equations (8) to (12).

    ``thickness``: thickness d >= 0 of the barrier (its ε_r that of the metal's q).
    """
    d = not_negative("thickness", thickness)
    p, screening = material, material.screening_length
    weight = screening / p.spin_diffusion_length * 2 * screening / (2 * screening + d)
    # + 0.0 turns the -0.0 of equal α into 0.0.
    return -(1 - p.beta**2) * (p.alpha1 - p.alpha2) / p.stiffness * weight + 0.0


@dataclass(frozen=True, kw_only=True)
class AngularFit:
    """How well equation (12) describes a ΔJ_M(ξ, Φ)."""

    #: `A1`, `A2`: Least-squares constants.
    A1: float
    A2: float
    residual: float  #: Largest |ΔJ_M - (12)| over the grid, in units of |βJ|.
    rms: float  #: Root mean square of the same.
    unfitted: float  #: The residual with A1 = A2 = 0.
    #: `xi_range`, `Phi_range`: (smallest, largest) ξ and Φ (radians) of the data.
    xi_range: tuple[float, float]
    Phi_range: tuple[float, float]
    beta: float  #: Current polarization.


@formula
def fit_A(xi: ArrayLike, Phi: ArrayLike, delta: ArrayLike, *, beta: float, current: float = 1.0) -> AngularFit:
    r"""Fit A1 and A2 of equation (12), which is linear in them, to a ΔJ_M(ξ, Φ).

    **Validity**: least squares in ΔJ_M/(βJ), every point of equal weight; Φ in [0, π] and β J > 0, or signed data.

    ``xi``, ``Phi``: positions of the data; they broadcast against ``delta``.
    ``delta``: ΔJ_M in the unit of ``current``, e.g. `kwant_spinjunc.theory.drift_diffusion.Matching.delta_J_M_length`.
    ``beta``, ``current``: not zero.
    """
    scale = finite("beta", beta) * finite("current", current)
    if scale == 0:
        raise ArgumentError("Argument `beta` must not be zero, nor `current`, but β J = 0: (12) vanishes identically.")
    xi, Phi, data = np.broadcast_arrays(_xi(xi), finite_array("Phi", Phi), finite_array("delta", delta))
    zero = delta_J_M(xi, Phi, beta)
    # (12) is affine in A1, A2: two evaluations give the columns.
    columns = np.stack([(delta_J_M(xi, Phi, beta, A1=a, A2=b) - zero).ravel() for a, b in ((1, 0), (0, 1))], axis=-1)
    target = data.ravel() / scale - zero.ravel() / beta
    columns = columns / beta
    constants, _, rank, _ = np.linalg.lstsq(columns, target, rcond=None)
    if rank < 2:
        raise ArgumentError(
            "Argument `xi` must have several values, and `Phi` some inside (0, π), but the data do not determine A1 "
            "and A2."
        )
    misfit = np.abs(target - columns @ constants)
    return AngularFit(
        A1=float(constants[0]),
        A2=float(constants[1]),
        residual=float(misfit.max()),
        rms=float(np.sqrt(np.mean(misfit**2))),
        unfitted=float(np.abs(target).max()),
        xi_range=(float(xi.min()), float(xi.max())),
        Phi_range=(float(Phi.min()), float(Phi.max())),
        beta=float(beta),
    )


@formula
def fit_matching(
    material: Material,
    xi: ArrayLike,
    Phi: ArrayLike,
    *,
    gamma: float = 0.0,
    flip: float | None = None,
    thickness: float = 0.0,
    transverse: bool = False,
) -> AngularFit:
    r"""Solve (5) to (11) between identical magnets on a grid of ξ and Φ, and fit equation (12) to it.

    **Validity**: any screening, α1, α2, ω. For which interfaces (12) solves (5) to (11), found with β = 0.5 and 40×40
    points, ξ from 0.01 to 100, Φ from 0 to π (residuals in units of βJ):

    - spin-independent interface, δM⊥ = 0, α1 = α2: exactly, A1 = A2 = 0 (residual 1e-14).
    - γ = 0.01, 0.1, 0.3, 0.5, 0.8: residual 1e-5, 1e-3, 7e-3, 3e-2, 0.16, about 0.1 γ². A1 and A2 stay within 6 % of
      (1-β²)γ/β up to γ = 0.3, and are 19 % and 45 % above it at γ = 0.8, where they mean little.
    - α1 - α2 = 0.6, no barrier thickness: residual 6e-6 at λ/l_sd = 0.013 and 5e-4 at 0.13, A1 = A2 = `A_screening` to
      2 % and 12 %. Behind a thick barrier (d ~ 10 λ) A1 and A2 differ, by a third.
    - transverse accumulation: not, if ξη is not small (`transverse_ratio`). Residual 0.4 for η = 0.006 near Φ = π and
      ξ = 100, but 3e-3 for ξ <= 1 and 3e-5 for ξ <= 0.1.

    Source: the paper, equations (5) to (12).

    ``material``: both magnets; β > 0.
    ``xi``: ξ > 0, shape (n,).
    ``Phi``: angles in [0, π], shape (k,).
    ``gamma``, ``flip``: spin asymmetry |γ| < 1 of the interface, and κ >= 0 of D_+- = κG/2; default √(1-γ²), the
    tunnelling rule D_+-² = D_++ D_--.
    ``transverse``: match δM⊥ through a tunnel barrier (κ = √(1-γ²)) instead of clamping it.

    Examples
    --------
    >>> metal = Material(sigma=1.0, beta=0.5, D=1.0, tau=1.0)
    >>> fit = fit_matching(metal, np.geomspace(0.01, 100, 9), np.linspace(0, np.pi, 9), gamma=0.01)
    >>> round(fit.A1, 3), round(fit.A2, 3), fit.residual < 1e-3   # (1-β²)γ/β = 0.015
    (0.015, 0.015, True)
    """
    gamma = float(_gamma(finite("gamma", gamma)))
    if abs(gamma) == 1:
        raise ArgumentError("Argument `gamma` must lie between -1 and 1, but is ±1: a half-metallic interface.")
    positive_array("beta", material.beta, hint="Reverse m instead.")
    xi, Phi = positive_array("xi", xi).reshape(-1, 1), finite_array("Phi", Phi).reshape(1, -1)
    G = xi * material.sigma / np.sqrt(material.D * material.tau)
    m_left, m_right = unit_vector(0.0), unit_vector(Phi)
    channels = np.array([1 + gamma, 1 - gamma]) / 2
    interface: InterfaceResponse | VectorInterface
    if transverse:
        if flip is not None:
            raise ArgumentError("Argument `flip` must be None with `transverse`, but is given. Amplitudes imply it.")
        amplitudes = channels**0.25
        interface = tunnel_interface(m_left, m_right, np.sqrt(G)[..., None] * amplitudes, amplitudes)
    else:
        turned = np.sqrt(1 - gamma**2) if flip is None else not_negative("flip", flip, "It is 2 G_+-/G.")
        D = np.diag(channels) + turned / 2 * np.array([[0.0, 1.0], [1.0, 0.0]])
        interface = tunnelling_response(rotation_law(G[..., None, None] * D, Phi))
    solution = match(material, material, interface, m_left=m_left, m_right=m_right, thickness=thickness)
    # (12) keeps the sign of J_M, which an interface polarized against the metal reverses; a length does not.
    signed = np.copysign(solution.delta_J_M_length, solution.J_M.sum(axis=-1))
    return fit_A(xi, Phi, signed, beta=material.beta)
