"""Equation (12): the change of the magnetization current against the angle, judged by the solution of (5) to (11)."""

from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.colors import LogNorm

from kwant_spinjunc import unit_vector
from kwant_spinjunc.theory import angular
from kwant_spinjunc.theory.angular import AngularFit
from kwant_spinjunc.theory.drift_diffusion import Material, match, tunnel_interface
from kwant_spinjunc.theory.interface import tunnelling_response
from kwant_spinjunc.theory.tunnelling import rotation_law

from ..claim import Check, Judged, Record
from ..compare import fit_power_law, largest
from ..figures import angle_axis, curve, drawn, legend_below

#: The metal of the grid: α1 = α2, so that screening drops out; any consistent units.
METAL = Material(sigma=1.0, beta=0.5, D=1.0, tau=1.0)
#: The same with charge and spin coupled, weakly screened (λ/l_sd = 0.13), and with a fast transverse precession.
SCREENED = replace(METAL, alpha2=0.4, q=100.0)
PRECESSING = replace(METAL, omega=2e4)
#: ξ and Φ of the fits.
POINTS = 40
XI = np.geomspace(0.01, 100, POINTS)
PHI = np.linspace(0, np.pi, POINTS)
#: Spin asymmetries of the interface, where powers are fitted and where the curves are drawn.
GAMMAS = np.array([0.01, 0.02, 0.04, 0.08])
LARGE = (0.1, 0.3, 0.5, 0.8)
#: ξ of the families of curves.
FAMILY = (0.1, 0.5, 2.0, 10.0, 100.0)
#: 1 - κ of interfaces that do not obey the tunneling rule G_+-² = G_++ G_--, and their γ.
FLIPS, FLIP_GAMMA = np.array([0.01, 0.02, 0.04, 0.08]), 0.001
#: Agreement that counts as exact: the matching's own rounding.
ROUNDING = 1e-10


# ---------------------------------------------------------------------- what is computed
def solved(metal: Material, xi: Any, Phi: Any, gamma: float = 0.0, transverse: bool = False) -> np.ndarray:
    """Return ΔJ_M/(βJ) of the full matching, shape of ξ × Φ, for T_ss' = R_ss'² D_ss' of spin asymmetry γ."""
    G = np.reshape(xi, (-1, 1)) * metal.sigma / np.sqrt(metal.D * metal.tau)
    m_left, m_right = unit_vector(0.0), unit_vector(np.reshape(Phi, (1, -1)))
    channels = np.array([1 + gamma, 1 - gamma]) / 2
    if transverse:
        amplitudes = channels**0.25
        interface: Any = tunnel_interface(m_left, m_right, np.sqrt(G)[..., None] * amplitudes, amplitudes)
    else:
        D = np.sqrt(channels[:, None] * channels)
        interface = tunnelling_response(rotation_law(G[..., None, None] * D, np.reshape(Phi, (1, -1))))
    solution = match(metal, metal, interface, m_left=m_left, m_right=m_right)
    # (12) keeps the sign of J_M, which an interface polarized against the metal reverses; a length does not
    return np.copysign(solution.delta_J_M_length, solution.J_M.sum(axis=-1)) / metal.beta


def fitted(metal: Material, xi: np.ndarray = XI, **interface: Any) -> AngularFit:
    """Fit the constants of (12) to the solution."""
    return angular.fit_matching(metal, xi, PHI, **interface)


def printed(fit: AngularFit | None = None, beta: float = METAL.beta, factor: float = 1.0) -> np.ndarray:
    """Return equation (12) on the grid, ξ times a factor, with the constants of a fit or A1 = A2 = 0, over βJ."""
    A1, A2 = (fit.A1, fit.A2) if fit else (0.0, 0.0)
    return angular.delta_J_M(XI[:, None] * factor, PHI, beta, A1=A1, A2=A2) / beta


def identity_defect(samples: int) -> float:
    """Return the largest relative difference of (12) with A1 = A2 = 0 from its reduced form, random ξ, Φ, β."""
    rng = np.random.default_rng(12)
    xi = 10 ** rng.uniform(-3, 3, samples)
    Phi, beta = rng.uniform(0.01, 3.13, samples), rng.uniform(0.05, 0.95, samples)
    return largest([angular.delta_J_M(xi, Phi, beta) / angular.delta_J_M_reduced(xi, Phi, beta) - 1])


def asymmetric(gamma: float) -> tuple[float, float]:
    """Return how far J_M^L from J_M^R an interface with γ on its left face only drives them, over βJ, and its ξ."""
    D = np.array([1 + gamma, 1 - gamma])[:, None] * np.ones(2) / 4
    interface = tunnelling_response(rotation_law(D, np.pi / 2))
    solution = match(METAL, METAL, interface, m_left=unit_vector(0.0), m_right=unit_vector(np.pi / 2))
    xi = angular.conductance_ratio(np.trace(D), METAL.sigma, METAL.D, METAL.tau)
    return float(abs(np.diff(solution.J_M))[0] / METAL.beta), float(xi)


def screening_of(metal: Material) -> float:
    """Return λ/l_sd."""
    return float(metal.screening_length / metal.spin_diffusion_length)


def measure(quick: bool) -> Record:
    """Solve (5) to (11) on a grid of ξ and Φ for several interfaces and fit (12) to it."""
    identity = identity_defect(1000)
    reduced = largest(solved(replace(METAL, beta=b), XI, PHI) - printed(beta=b) for b in (0.1, 0.5, 0.9))
    # with other meanings of ξ
    factors = {"l_sd instead of √(Dτ)": np.sqrt(1 - METAL.beta**2), "one spin's conductance for G": 0.5}
    exact = solved(METAL, XI, PHI)
    definitions = {name: largest([printed(factor=factor) - exact]) for name, factor in factors.items()}
    fits = {f"γ = {gamma:g}": fitted(METAL, gamma=float(gamma)) for gamma in (*GAMMAS, *LARGE)}
    small = [fits[f"γ = {gamma:g}"] for gamma in GAMMAS]
    residual_power = fit_power_law(GAMMAS, [fit.residual for fit in small])
    slope = small[0].A1 / float(angular.A_polarized(METAL.beta, GAMMAS[0]))
    strong = [replace(SCREENED, q=float(q)) for q in np.geomspace(1e3, 1e6, 4)]
    screened = [fitted(metal) for metal in strong]
    screening_power = fit_power_law([screening_of(metal) for metal in strong], [fit.residual for fit in screened])
    predicted = angular.A_screening(strong[-1])
    fast = [replace(METAL, omega=float(rate)) for rate in np.geomspace(1e6, 1e9, 4)]
    transverse = [fitted(metal, XI[XI < 0.1], transverse=True).unfitted for metal in fast]
    transverse_power = fit_power_law([angular.transverse_ratio(metal) for metal in fast], transverse)
    eta = angular.transverse_ratio(PRECESSING)
    layer, turning = f"screening, λ/l_sd = {screening_of(SCREENED):.2f}", f"transverse, η = {eta:.3f}"
    fits[layer], fits[turning] = fitted(SCREENED), fitted(PRECESSING, transverse=True)
    near = fitted(PRECESSING, XI[XI <= 1], transverse=True)
    flipped = [fitted(METAL, gamma=FLIP_GAMMA, flip=1 - float(flip)) for flip in FLIPS]
    flip_power = fit_power_law(FLIPS, [fit.residual for fit in flipped])
    unpolarized = fitted(METAL, flip=1 - float(FLIPS[-1])).unfitted
    fits[f"γ = {FLIP_GAMMA:g}, κ = {1 - FLIPS[-1]:g}"] = flipped[-1]
    unequal, unequal_xi = asymmetric(0.3)
    maps = {
        r"$\gamma$ = 0.1": solved(METAL, XI, PHI, 0.1) - printed(fits["γ = 0.1"]),
        r"$\gamma$ = 0.5": solved(METAL, XI, PHI, 0.5) - printed(fits["γ = 0.5"]),
        layer.replace("λ/l_sd", r"$\lambda/l_{sd}$"): solved(SCREENED, XI, PHI) - printed(fits[layer]),
        rf"$\delta M_\perp$ free, $\eta$ = {eta:.3f}": solved(PRECESSING, XI, PHI, transverse=True)
        - printed(fits[turning]),
    }
    return Record(locals())


def polarization(name: str) -> float:
    """Return γ of an interface from its name in the table."""
    return float(name[4:].split(",")[0]) if name.startswith("γ = ") else 0.0


# ---------------------------------------------------------------------- what it says of the paper
def verdicts(reduced: float, slope: float, powers: list[float]) -> tuple[str, str]:
    """Return the verdicts on constants A1, A2 of order one, and on A1 = A2 = (1 - β²)γ/β to first order."""
    printed = "follows" if reduced < ROUNDING else "fails"
    corrected = "follows" if abs(slope - 1) < 0.01 and min(powers) > 1.5 else "fails"
    return printed, corrected


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    eta_power = m.transverse_power.exponent
    printed, corrected = verdicts(m.reduced, m.slope, [m.residual_power.exponent, m.screening_power.exponent])
    return Judged(
        printed=printed,
        corrected=corrected,
        value=m.reduced,
        tolerance=ROUNDING,
        unit="βJ",
        route=Check("(12) against its reduced form, derived by hand, relative", m.identity, 1e-12),
        checks=(
            Check("power of 1 − κ in the residual of the fit", m.flip_power.exponent, 0.05, 1.0),
            # next order relative γ and (λ/l_sd)
            Check("A1 over (1−β²)γ/β, γ = 0.01", m.slope, 0.01, 1.0),
            Check("power of γ in the residual of the fit", m.residual_power.exponent, 0.05, 2.0),
            Check("A1 over prediction for strong screening", m.screened[-1].A1 / m.predicted, 0.02, 1.0),
            Check("power of λ/l_sd in the residual of the fit", m.screening_power.exponent, 0.05, 2.0),
            Check("power of η in the deviation by transverse accumulation, ξ < 0.1", eta_power, 1e-3, 1.0),
        ),
    )


@drawn("equation-12-families", 1, 2, width=7.0, height=4.0, sharey=True)
def draw_families(_: Record, left: Any, right: Any) -> None:
    """Plot ΔJ_M(Φ) for several ξ: (12) and the solution, for a spin-independent and a polarized interface."""
    Phi, dots = np.linspace(0, np.pi, 181), np.linspace(0, np.pi, 13)
    colors = ("majority", "damping_like", "field_like", "minority", "theory")
    for panel, gamma in ((left, 0.0), (right, 0.5)):
        A = float(angular.A_polarized(METAL.beta, gamma))
        for xi, color in zip(FAMILY, colors, strict=True):
            formula = angular.delta_J_M(xi, Phi, METAL.beta, A1=A, A2=A) / METAL.beta
            curve(panel, np.degrees(Phi), formula, "-", color, rf"$\xi$ = {xi:g}")
            curve(panel, np.degrees(dots), solved(METAL, xi, dots, gamma)[0], "o", color, markersize=3.5)
        transparent = angular.delta_J_M_transparent(Phi, METAL.beta) / METAL.beta
        curve(panel, np.degrees(Phi), transparent, "--", "muted", r"2 sin($\Phi$/2)")
        angle_axis(panel)
    left.set(ylabel=r"$\Delta J_M\,/\,\beta J$", title=r"spin-independent interface, $A_1 = A_2 = 0$")
    right.set_title(rf"$\gamma$ = 0.5, $A_1 = A_2$ = {A:.2f}")
    curve(left, [], [], "o", "muted", "solution of (5) to (11)", markersize=3.5)
    legend_below(left, 4)


@drawn("equation-12-residuals", 2, 2, width=6.8, height=5.6, sharex=True, sharey=True)
def draw_residuals(m: Record, axes: Any) -> None:
    """Draw |solution - (12)| over ξ and Φ on one logarithmic scale."""
    look = {"norm": LogNorm(1e-6, 1), "cmap": "viridis", "shading": "nearest", "rasterized": True}
    for panel, (title, residual) in zip(axes.flat, m.maps.items(), strict=True):
        image = panel.pcolormesh(np.degrees(PHI), XI, np.maximum(abs(residual), 1e-7), **look)
        panel.set(title=f"{title}, fitted", yscale="log", xticks=range(0, 181, 45))
    for panel in axes[1]:
        panel.set_xlabel(r"angle $\Phi$ (degrees)")
    for panel in axes[:, 0]:
        panel.set_ylabel(r"conductance ratio $\xi$")
    axes[0, 0].figure.colorbar(image, ax=axes, label=r"|solution $-$ (12)| / $\beta J$", extend="both", shrink=0.8)
