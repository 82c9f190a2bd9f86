"""Equation (12): the change of the magnetization current against the angle, judged by the solution of (5) to (11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kwant_spinjunc import unit_vector
from kwant_spinjunc.compare import fit_power_law
from kwant_spinjunc.plot.figures import COLORS, new_figure, styled
from kwant_spinjunc.report import Check, Claim, ClaimFigure
from kwant_spinjunc.theory import angular
from kwant_spinjunc.theory.angular import AngularFit
from kwant_spinjunc.theory.drift_diffusion import Material, match, tunnel_interface
from kwant_spinjunc.theory.interface import tunnelling_response
from kwant_spinjunc.theory.tunnelling import rotation_law

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


def printed(metal: Material, fit: AngularFit | None = None) -> np.ndarray:
    """Return equation (12) on the grid, with the constants of a fit or A1 = A2 = 0, in units of βJ."""
    A1, A2 = (fit.A1, fit.A2) if fit else (0.0, 0.0)
    return angular.delta_J_M(XI[:, None], PHI, metal.beta, A1=A1, A2=A2) / metal.beta


def identity_defect(samples: int) -> float:
    """Return the largest relative difference of (12) with A1 = A2 = 0 from its reduced form, random ξ, Φ, β."""
    rng = np.random.default_rng(12)
    xi, Phi, beta = (
        10 ** rng.uniform(-3, 3, samples),
        rng.uniform(0.01, 3.13, samples),
        rng.uniform(0.05, 0.95, samples),
    )
    return float(abs(angular.delta_J_M(xi, Phi, beta) / angular.delta_J_M_reduced(xi, Phi, beta) - 1).max())


def spin_independent_defect(betas: Sequence[float]) -> float:
    """Return the largest |solution - (12)| with A1 = A2 = 0 over the grid, in units of βJ."""
    worst = 0.0
    for beta in betas:
        metal = replace(METAL, beta=beta)
        worst = max(worst, float(abs(solved(metal, XI, PHI) - printed(metal)).max()))
    return worst


def other_definitions() -> Mapping[str, float]:
    """Return the largest deviation, in units of βJ, of (12) with other meanings of ξ from the solution."""
    metal = METAL
    exact = solved(metal, XI, PHI)
    ratios = {
        "l_sd instead of √(Dτ)": np.sqrt(1 - metal.beta**2),
        "one spin's conductance for G": 0.5,
    }
    return {
        name: float(abs(angular.delta_J_M(XI[:, None] * factor, PHI, metal.beta) / metal.beta - exact).max())
        for name, factor in ratios.items()
    }


def asymmetric(gamma: float) -> float:
    """Return how far J_M^L from J_M^R an interface with γ on its left face only drives the currents, over βJ."""
    D = np.array([1 + gamma, 1 - gamma])[:, None] * np.ones(2) / 4
    interface = tunnelling_response(rotation_law(D, np.pi / 2))
    solution = match(METAL, METAL, interface, m_left=unit_vector(0.0), m_right=unit_vector(np.pi / 2))
    return float(abs(np.diff(solution.J_M))[0] / METAL.beta)


# ---------------------------------------------------------------------- what it says of the paper
def judge(reduced: float, fits: Sequence[AngularFit]) -> str:
    """Return the verdict: the solution for every interface, for the spin-independent one and near it, or for none."""
    if reduced > ROUNDING:
        return "fails"
    return "holds" if max(fit.residual for fit in fits) < ROUNDING else "holds in a limit"


# ---------------------------------------------------------------------- figures
@styled
def draw_families() -> Any:
    """Plot ΔJ_M(Φ) for several ξ: (12) and the solution, for a spin-independent and a polarized interface."""
    figure, (left, right) = new_figure(1, 2, width=7.0, height=4.0, sharey=True)
    Phi = np.linspace(0, np.pi, 181)
    dots = np.linspace(0, np.pi, 13)
    colors = ("majority", "damping_like", "field_like", "minority", "theory")
    for panel, gamma in ((left, 0.0), (right, 0.5)):
        A = float(angular.A_polarized(METAL.beta, gamma))
        for xi, color in zip(FAMILY, colors, strict=True):
            formula = angular.delta_J_M(xi, Phi, METAL.beta, A1=A, A2=A) / METAL.beta
            panel.plot(np.degrees(Phi), formula, color=COLORS[color], label=rf"$\xi$ = {xi:g}")
            exact = solved(METAL, xi, dots, gamma)[0]
            panel.plot(np.degrees(dots), exact, "o", color=COLORS[color], markersize=3.5)
        transparent = angular.delta_J_M_transparent(Phi, METAL.beta) / METAL.beta
        panel.plot(np.degrees(Phi), transparent, "--", color=COLORS["muted"], label=r"2 sin($\Phi$/2)")
        panel.set_xlabel(r"angle $\Phi$ (degrees)")
        panel.set_xticks(range(0, 181, 45))
    left.set_ylabel(r"$\Delta J_M\,/\,\beta J$")
    left.set_title(r"spin-independent interface, $A_1 = A_2 = 0$")
    right.set_title(rf"$\gamma$ = 0.5, $A_1 = A_2$ = {float(angular.A_polarized(METAL.beta, 0.5)):.2f}")
    handles, labels = left.get_legend_handles_labels()
    handles.append(left.plot([], [], "o", color=COLORS["muted"], markersize=3.5)[0])
    figure.legend(handles, [*labels, "solution of (5) to (11)"], loc="outside lower center", ncols=4)
    return figure


@styled
def draw_residuals(maps: Mapping[str, np.ndarray]) -> Any:
    """Draw |solution - (12)| over ξ and Φ on one logarithmic scale."""
    import matplotlib as mpl

    figure, axes = new_figure(2, 2, width=6.8, height=5.6, sharex=True, sharey=True)
    norm = mpl.colors.LogNorm(1e-6, 1)
    image = None
    for panel, (title, residual) in zip(axes.flat, maps.items(), strict=True):
        image = panel.pcolormesh(
            np.degrees(PHI),
            XI,
            np.maximum(residual, 1e-7),
            norm=norm,
            cmap="viridis",
            shading="nearest",
            rasterized=True,
        )
        panel.set_yscale("log")
        panel.set_title(title)
        panel.set_xticks(range(0, 181, 45))
    for panel in axes[1]:
        panel.set_xlabel(r"angle $\Phi$ (degrees)")
    for panel in axes[:, 0]:
        panel.set_ylabel(r"conductance ratio $\xi$")
    figure.colorbar(image, ax=axes, label=r"|solution $-$ (12)| / $\beta J$", extend="both", shrink=0.8)
    return figure


def table(fits: Mapping[str, AngularFit]) -> tuple[tuple[str, ...], ...]:
    """Return the rows: constants and residuals of all fits."""
    rows = [("interface", "A1", "A2", "(1−β²)γ/β", "residual/βJ", "without A1, A2")]
    for name, fit in fits.items():
        gamma = float(name[4:].split(",")[0]) if name.startswith("γ = ") else 0.0
        predicted = f"{float(angular.A_polarized(fit.beta, gamma)):.4g}"
        rows.append((name, f"{fit.A1:.4g}", f"{fit.A2:.4g}", predicted, f"{fit.residual:.1e}", f"{fit.unfitted:.1e}"))
    return tuple(rows)


def claim(quick: bool) -> Claim:
    """Solve (5) to (11) on a grid of ξ and Φ for several interfaces and fit (12) to it."""
    identity = identity_defect(1000)
    reduced = spin_independent_defect((0.1, 0.5, 0.9))
    fits = {f"γ = {gamma:g}": angular.fit_matching(METAL, XI, PHI, gamma=float(gamma)) for gamma in (*GAMMAS, *LARGE)}
    small = [fits[f"γ = {gamma:g}"] for gamma in GAMMAS]
    residual_power = fit_power_law(GAMMAS, [fit.residual for fit in small])
    slope = small[0].A1 / float(angular.A_polarized(METAL.beta, GAMMAS[0]))
    screenings = np.geomspace(1e3, 1e6, 4)
    screened = [angular.fit_matching(replace(SCREENED, q=float(q)), XI, PHI) for q in screenings]
    lengths = [replace(SCREENED, q=float(q)).screening_length for q in screenings] / np.float64(
        SCREENED.spin_diffusion_length
    )
    screening_power = fit_power_law(lengths, [fit.residual for fit in screened])
    predicted = angular.A_screening(replace(SCREENED, q=float(screenings[-1])))
    layer = f"screening, λ/l_sd = {SCREENED.screening_length / SCREENED.spin_diffusion_length:.2f}"
    fits[layer] = angular.fit_matching(SCREENED, XI, PHI)
    rates = np.geomspace(1e6, 1e9, 4)
    low = XI[XI < 0.1]
    transverse = [
        angular.fit_matching(replace(METAL, omega=float(w)), low, PHI, transverse=True).unfitted for w in rates
    ]
    etas = [angular.transverse_ratio(replace(METAL, omega=float(w))) for w in rates]
    transverse_power = fit_power_law(etas, transverse)
    eta = angular.transverse_ratio(PRECESSING)
    fits[f"transverse, η = {eta:.3f}"] = angular.fit_matching(PRECESSING, XI, PHI, transverse=True)
    near = angular.fit_matching(PRECESSING, XI[XI <= 1], PHI, transverse=True)
    definitions = other_definitions()
    flipped = [angular.fit_matching(METAL, XI, PHI, gamma=FLIP_GAMMA, flip=1 - float(flip)) for flip in FLIPS]
    flip_power = fit_power_law(FLIPS, [fit.residual for fit in flipped])
    unpolarized = angular.fit_matching(METAL, XI, PHI, flip=1 - float(FLIPS[-1])).unfitted
    fits[f"γ = {FLIP_GAMMA:g}, κ = {1 - FLIPS[-1]:g}"] = flipped[-1]
    unequal = asymmetric(0.3)

    maps = {
        r"$\gamma$ = 0.1, fitted": abs(solved(METAL, XI, PHI, 0.1) - printed(METAL, fits["γ = 0.1"])),
        r"$\gamma$ = 0.5, fitted": abs(solved(METAL, XI, PHI, 0.5) - printed(METAL, fits["γ = 0.5"])),
        layer.replace("λ/l_sd", r"$\lambda/l_{sd}$") + ", fitted": abs(
            solved(SCREENED, XI, PHI) - printed(SCREENED, fits[layer])
        ),
        rf"$\delta M_\perp$ free, $\eta$ = {eta:.3f}, fitted": abs(
            solved(PRECESSING, XI, PHI, transverse=True) - printed(PRECESSING, fits[f"transverse, η = {eta:.3f}"])
        ),
    }
    verdict = judge(reduced, list(fits.values()))
    finding = (
        "Equation (12) is the solution of (5) to (11), with ξ = G√(Dτ)/σ and A1 = A2 = 0, for every ξ, Φ and β when "
        f"the interface does not depend on spin, δM⊥ = 0 and α1 = α2: to {reduced:.0e} of βJ on a {POINTS} × {POINTS} "
        f"grid, ξ from {XI[0]:g} to {XI[-1]:g}, Φ from 0 to 180°. Its print is then βJ 4ξ' sin(Φ/2)cos²(Φ/2)/(1 + "
        "2ξ'cos²(Φ/2)), ξ' = ξ/√(1 − β²), with numerator and denominator multiplied by 1 + 2ξ'sin²(Φ/2) (to "
        f"{identity:.0e}); ξ cannot mean anything else (l_sd for √(Dτ): off by "
        f"{definitions['l_sd instead of √(Dτ)']:.2f} βJ; the conductance of one spin: "
        f"{definitions['one spin' + chr(39) + 's conductance for G']:.2f}). A1 and A2 are not “constants of the order "
        "of unity” but measure what this leaves out, and to first order they are equal. A spin asymmetry γ of the "
        "interface gives "
        f"A1 = A2 = (1 − β²)γ/β (fit over prediction {slope:.4f} at γ = {GAMMAS[0]:g}), of order one for γ ≈ β; the "
        f"residual is then ∝ γ^{residual_power.exponent:.3f}, {fits['γ = 0.3'].residual:.0e} of βJ at γ = 0.3 and "
        f"{fits['γ = 0.8'].residual:.2f} at 0.8, where A1 = {fits['γ = 0.8'].A1:.2f} and A2 = "
        f"{fits['γ = 0.8'].A2:.2f} differ from the prediction {float(angular.A_polarized(METAL.beta, 0.8)):.2f} and "
        "mean little. Screening with α1 ≠ α2 acts like a γ of order λ/l_sd (A1 over prediction "
        f"{screened[-1].A1 / predicted:.3f}), with a residual ∝ (λ/l_sd)^{screening_power.exponent:.3f}: nothing in a "
        "metal. Transverse accumulation is not of the form of (12): it changes the solution ∝ "
        f"η^{transverse_power.exponent:.3f} for ξ < 0.1 (η the longitudinal over the transverse spin conductance), by "
        f"{near.unfitted:.0e} for ξ ≤ 1 at η = {eta:.3f}, but by {fits[f'transverse, η = {eta:.3f}'].residual:.2f} "
        f"near 180° and ξ = 100, fitted or not. An interface with unequal faces makes J_M^L ≠ J_M^R ({unequal:.2f} βJ "
        "for γ = 0.3 on one face, ξ = 1, 90°), which (12) cannot describe. κ = 2G_+−/(G_++ + G_−−) drops out for γ = "
        f"0 (to {unpolarized:.0e}), but with γ ≠ 0 a κ other than √(1 − γ²), which one k∥ of a tunnel barrier obeys "
        f"and a sum over k∥ or a metal does not, leaves a residual ∝ (1 − κ)^{flip_power.exponent:.3f}, "
        f"{flipped[-1].residual / FLIP_GAMMA:.2f} γ βJ at κ = {1 - FLIPS[-1]:g}."
    )
    return Claim(
        id="equation-12",
        title="The change of the magnetization current against the angle",
        equations=("12",),
        statement=(
            "For the same material on both sides e ΔJ_M follows from the current J, the angle Φ, the polarization β "
            "and the ratio ξ of the interface's conductance to the metal's, with two dimensionless constants A1, A2 "
            "of the order of unity."
        ),
        formula=(
            "e ΔJ_M = βJ cos(Φ/2) sin Φ {A1 + 2√(1−β²) ξ [1 + A2 sin²(Φ/2)/(1−β²)] + 4ξ² sin²(Φ/2)} / "
            "{1 − β² + 2√(1−β²) ξ + ξ² sin²Φ}"
        ),
        experiment=(
            f"Full solution of (5) to (11) on a {POINTS} × {POINTS} grid of ξ and Φ and least-squares A1, A2: "
            "spin-independent and polarized interfaces, unequal faces, screening with α1 ≠ α2, free transverse "
            "accumulation."
        ),
        parameter="Spin asymmetry γ of the interface (and its κ), λ/l_sd for α1 ≠ α2, ξη for transverse accumulation.",
        verdict=verdict,
        finding=finding,
        value=reduced,
        value_name="largest |solution − (12)|, spin-independent interface, A1 = A2 = 0",
        expected=0.0,
        tolerance=ROUNDING,
        unit="βJ",
        table=table(fits),
        figures=(
            ClaimFigure(
                "equation-12-families",
                "ΔJ_M against the angle, β = 0.5. Lines: equation (12) with the derived constants; circles: solution "
                "of (5) to (11). Left: spin-independent interface. Right: spin asymmetry γ = 0.5, A1 = A2 = (1 − "
                "β²)γ/β.",
                draw_families(),
            ),
            ClaimFigure(
                "equation-12-residuals",
                "Distance of the solution from equation (12) with fitted A1, A2, in units of βJ; β = 0.5. The "
                "residual of the spin-independent interface is below 1e-10 everywhere. Dark: 1e-6 and below.",
                draw_residuals(maps),
            ),
        ),
        checks=(
            Check("(12) with A1 = A2 = 0 against its reduced form, relative", identity, 1e-12),
            Check("power of 1 − κ in the residual of the fit", flip_power.exponent, 0.05, 1.0),
            # next order relative γ and (λ/l_sd)
            Check("A1 over (1−β²)γ/β, γ = 0.01", slope, 0.01, 1.0),
            Check("power of γ in the residual of the fit", residual_power.exponent, 0.05, 2.0),
            Check("A1 over prediction for strong screening", screened[-1].A1 / predicted, 0.02, 1.0),
            Check("power of λ/l_sd in the residual of the fit", screening_power.exponent, 0.05, 2.0),
            Check(
                "power of η in the deviation by transverse accumulation, ξ < 0.1", transverse_power.exponent, 0.05, 1.0
            ),
        ),
    )
