"""Equation (12): the change of the magnetization current against the angle, judged by the solution of (5) to (11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kwant_spinjunc import unit_vector
from kwant_spinjunc.theory import angular
from kwant_spinjunc.theory.angular import AngularFit
from kwant_spinjunc.theory.drift_diffusion import Material, match, tunnel_interface
from kwant_spinjunc.theory.interface import tunnelling_response
from kwant_spinjunc.theory.tunnelling import rotation_law

from ..claim import Check, Judged, Record
from ..compare import fit_power_law
from ..figures import angle_axis, drawn

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


def asymmetric(gamma: float) -> tuple[float, float]:
    """Return how far J_M^L from J_M^R an interface with γ on its left face only drives them, over βJ, and its ξ."""
    D = np.array([1 + gamma, 1 - gamma])[:, None] * np.ones(2) / 4
    interface = tunnelling_response(rotation_law(D, np.pi / 2))
    solution = match(METAL, METAL, interface, m_left=unit_vector(0.0), m_right=unit_vector(np.pi / 2))
    xi = angular.conductance_ratio(np.trace(D), METAL.sigma, METAL.D, METAL.tau)
    return float(abs(np.diff(solution.J_M))[0] / METAL.beta), float(xi)


# ---------------------------------------------------------------------- what it says of the paper
def verdicts(reduced: float, slope: float, powers: Sequence[float]) -> tuple[str, str]:
    """Return the verdicts on constants A1, A2 of order one, and on A1 = A2 = (1 - β²)γ/β to first order."""
    printed = "follows" if reduced < ROUNDING else "fails"
    corrected = "follows" if abs(slope - 1) < 0.01 and min(powers) > 1.5 else "fails"
    return printed, corrected


@drawn("equation-12-families", 1, 2, width=7.0, height=4.0, sharey=True)
def draw_families(_: Record, left: Any, right: Any) -> None:
    """Plot ΔJ_M(Φ) for several ξ: (12) and the solution, for a spin-independent and a polarized interface."""
    Phi = np.linspace(0, np.pi, 181)
    dots = np.linspace(0, np.pi, 13)
    colors = ("majority", "damping_like", "field_like", "minority", "theory")
    for panel, gamma in ((left, 0.0), (right, 0.5)):
        A = float(angular.A_polarized(METAL.beta, gamma))
        for xi, color in zip(FAMILY, colors, strict=True):
            formula = angular.delta_J_M(xi, Phi, METAL.beta, A1=A, A2=A) / METAL.beta
            panel.plot(np.degrees(Phi), formula, color=color, label=rf"$\xi$ = {xi:g}")
            exact = solved(METAL, xi, dots, gamma)[0]
            panel.plot(np.degrees(dots), exact, "o", color=color, markersize=3.5)
        transparent = angular.delta_J_M_transparent(Phi, METAL.beta) / METAL.beta
        panel.plot(np.degrees(Phi), transparent, "--", color="muted", label=r"2 sin($\Phi$/2)")
        angle_axis(panel)
    left.set(ylabel=r"$\Delta J_M\,/\,\beta J$", title=r"spin-independent interface, $A_1 = A_2 = 0$")
    right.set_title(rf"$\gamma$ = 0.5, $A_1 = A_2$ = {float(angular.A_polarized(METAL.beta, 0.5)):.2f}")
    handles, labels = left.get_legend_handles_labels()
    handles.append(left.plot([], [], "o", color="muted", markersize=3.5)[0])
    left.figure.legend(handles, [*labels, "solution of (5) to (11)"], loc="outside lower center", ncols=4)


@drawn("equation-12-residuals", 2, 2, width=6.8, height=5.6, sharex=True, sharey=True)
def draw_residuals(m: Record, axes: Any) -> None:
    """Draw |solution - (12)| over ξ and Φ on one logarithmic scale."""
    import matplotlib as mpl

    norm = mpl.colors.LogNorm(1e-6, 1)
    image = None
    for panel, (title, residual) in zip(axes.flat, m.maps.items(), strict=True):
        image = panel.pcolormesh(
            np.degrees(PHI),
            XI,
            np.maximum(residual, 1e-7),
            norm=norm,
            cmap="viridis",
            shading="nearest",
            rasterized=True,
        )
        panel.set(title=title, yscale="log")
        panel.set_xticks(range(0, 181, 45))
    for panel in axes[1]:
        panel.set_xlabel(r"angle $\Phi$ (degrees)")
    for panel in axes[:, 0]:
        panel.set_ylabel(r"conductance ratio $\xi$")
    axes[0, 0].figure.colorbar(image, ax=axes, label=r"|solution $-$ (12)| / $\beta J$", extend="both", shrink=0.8)


def polarization(name: str) -> float:
    """Return γ of an interface from its name in the table."""
    return float(name[4:].split(",")[0]) if name.startswith("γ = ") else 0.0


def measure(quick: bool) -> Record:
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
    unequal, unequal_xi = asymmetric(0.3)
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
    return Record(locals())


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
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
            Check(
                "power of η in the deviation by transverse accumulation, ξ < 0.1",
                m.transverse_power.exponent,
                1e-3,
                1.0,
            ),
        ),
    )
