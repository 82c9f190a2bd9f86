"""Equation (12) in amperes: a junction's scattering matched to diffusion in cobalt, ΔJ_M(Φ) against the print."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, unit_vector
from kwant_spinjunc.compare import Fit, fit_power_law
from kwant_spinjunc.magnets.multiscale import Interface, cobalt, metal, multiscale, solve_interface
from kwant_spinjunc.magnets.wall import zone
from kwant_spinjunc.plot.figures import COLORS, new_figure, styled
from kwant_spinjunc.report import Check, Claim, ClaimFigure
from kwant_spinjunc.theory import angular, valet_fert
from kwant_spinjunc.theory.drift_diffusion import SIEMENS_PER_METER, Material, match, per_area
from kwant_spinjunc.theory.interface import conductance_matrix, response_of
from kwant_spinjunc.units import conductance_per_area
from systems.contact import contact
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction

from .microscopic import Laboratory

#: The magnet of all junctions, unit t: three-dimensional bands, majority -1.5 to 10.5, minority -0.5 to 11.5.
IRON = {"onsite": 5.0, "splitting": 1.0, "in_plane_hopping": 1.0}
FAMILIES: dict[str, Callable[..., Junction]] = {
    "F|I|F": partial(tunnel_junction, height=3.0, **IRON),
    "F|N|F": partial(spin_valve, spacer_onsite=4.2, **IRON),
    "F|F": partial(contact, splitting_right=IRON["splitting"], **IRON),
}
#: The barrier whose height and splitting are varied, with an ever weaker splitting and ever less transmission.
BARRIER = partial(tunnel_junction, onsite=5.0, in_plane_hopping=1.0, thickness=3)
#: Splitting of the magnets while the height varies, and height while the splitting varies (unit t).
WEAK, HIGH = 0.02, 4.0
#: Side of the unit cell (nm) and charge current density (A/m²).
SPACING, CURRENT = 0.25, 1e11
#: Agreement of (12) that would count as the solution.
AGREES = 0.01


@dataclass(frozen=True)
class Parallel:
    """The interface between parallel magnets as (12) knows it: ξ and its spin asymmetry γ."""

    xi: float
    gamma: float
    transparency: float  # transmission per open channel

    @property
    def ideal(self) -> bool:
        """Whether nothing is reflected: ξ is infinite."""
        return not np.isfinite(self.xi)

    def printed(self, angles: np.ndarray, beta: float, *, derived: bool) -> np.ndarray:
        """ΔJ_M/J of (12), with A1 = A2 = 0 or as derived, (1 - β²)γ/β."""
        if self.ideal:
            return angular.delta_J_M_transparent(angles, beta)
        A = angular.A_polarized(beta, self.gamma) if derived else 0.0
        return angular.delta_J_M(self.xi, angles, beta, A1=A, A2=A)


@dataclass(frozen=True)
class Run:
    """One family with cobalt magnets at all angles."""

    family: str
    angles: np.ndarray
    data: Any  # xarray.Dataset in SI
    parallel: Parallel
    beta: float

    @property
    def solution(self) -> np.ndarray:
        """ΔJ_M/J, with the sign that (12) gives it."""
        J_M = self.data.magnetization_current.values.sum(axis=-1)
        return np.copysign(self.data.delta_J_M.values, J_M) / CURRENT

    @property
    def ballistic(self) -> np.ndarray:
        """ΔJ_M/J between reservoirs."""
        return self.data.ballistic_delta_J_M.values / CURRENT

    def error(self, *, derived: bool) -> float:
        """Largest |(12) - solution| over the angles, in units of βJ."""
        printed = self.parallel.printed(self.angles, self.beta, derived=derived)
        # at ξ = ∞ and Φ = 180° the value of (12) depends on which limit is taken first
        defined = ~np.isclose(self.angles, np.pi) if self.parallel.ideal else np.full(self.angles.shape, True)
        return float(abs(printed - self.solution)[defined].max() / self.beta)

    @property
    def fit(self) -> angular.AngularFit | None:
        """The A1, A2 that describe this run best."""
        if self.parallel.ideal:
            return None
        return angular.fit_A(self.parallel.xi, self.angles, self.solution, beta=self.beta)

    def at(self, name: str, angle: float = np.pi / 2, **where: str) -> float:
        """Return a variable at one angle."""
        return float(self.data[name].sel(**where).interp(theta=angle))


@dataclass(frozen=True)
class Trend:
    """Error of (12), A1 = A2 as derived, along one parameter at fixed ξ."""

    xi: float
    parameter: np.ndarray
    error: np.ndarray

    @property
    def power(self) -> Fit:
        """Its power law."""
        return fit_power_law(self.parameter, self.error)


@dataclass(frozen=True)
class Lengths:
    """ΔJ_M/J of F|N|F at 90° against the spin-diffusion length (nm)."""

    length: np.ndarray
    solution: np.ndarray
    printed: np.ndarray
    derived: np.ndarray
    ballistic: float


# ---------------------------------------------------------------------- what is computed
def cobalt_with(length: float) -> Material:
    """Return cobalt with another spin-diffusion length (nm)."""
    reference = cobalt()
    return metal(
        resistivity=SIEMENS_PER_METER / reference.sigma,
        beta=reference.beta,
        spin_diffusion_length=length,
        density_of_states=reference.sigma / reference.D,
    )


def parallel_of(metal_: Material, found: Interface) -> Parallel:
    """Return ξ, γ and the transparency of an interface between parallel magnets."""
    transparency = -np.trace(found.conductance[1, :, 0, :]) / found.modes[0].sum()
    if 1 - transparency < 1e-12:
        return Parallel(np.inf, 0.0, 1.0)
    G = -np.diagonal(found.between_metals[1, :, 0, :])
    per_square_nm = per_area(response_of(found.between_metals), SPACING**2).charge_1.sum()
    xi = angular.conductance_ratio(per_square_nm, metal_.sigma, metal_.D, metal_.tau)
    return Parallel(float(xi), float((G[0] - G[1]) / G.sum()), float(transparency))


def measure_run(family: str, angles: np.ndarray) -> Run:
    """Solve one family with cobalt magnets."""
    data = multiscale(
        FAMILIES[family], cobalt(), lattice_constant=SPACING, current_density=CURRENT, theta=angles, rtol=1e-7
    )
    parallel = parallel_of(cobalt(), solve_interface(FAMILIES[family](theta=0.0)))
    return Run(family, angles, data, parallel, cobalt().beta)


def delta_J_M(family: Callable[..., Junction], metal_: Material, angles: np.ndarray) -> np.ndarray:
    """Return ΔJ_M/J of a family matched to a metal, with the sign of J_M."""
    found = [solve_interface(family(theta=angle)) for angle in angles]
    effective = response_of(np.array([one.between_metals for one in found]))
    solution = match(
        metal_, metal_, per_area(effective, SPACING**2), m_left=unit_vector(0.0), m_right=unit_vector(angles)
    )
    return np.copysign(solution.delta_J_M_length, solution.J_M.sum(axis=-1))


def error_at(family: Callable[..., Junction], xi: float, angles: np.ndarray) -> tuple[float, Parallel]:
    """Return the error of (12) where the spin-diffusion length makes the ratio of conductances ``xi``."""
    at_rest = solve_interface(family(theta=0.0))
    metal_ = cobalt_with(cobalt().spin_diffusion_length * xi / parallel_of(cobalt(), at_rest).xi)
    parallel = parallel_of(metal_, at_rest)
    difference = delta_J_M(family, metal_, angles) - parallel.printed(angles, metal_.beta, derived=True)
    return float(abs(difference).max() / metal_.beta), parallel


def measure_transparency(xi: float, heights: Sequence[float], angles: np.ndarray) -> Trend:
    """Vary the barrier between weakly split magnets, at fixed ξ."""
    found = [error_at(partial(BARRIER, height=height, splitting=WEAK), xi, angles) for height in heights]
    return Trend(xi, np.array([p.transparency for _, p in found]), np.array([error for error, _ in found]))


def measure_asymmetry(xi: float, splittings: Sequence[float], angles: np.ndarray) -> Trend:
    """Vary the splitting behind a high barrier, at fixed ξ."""
    found = [error_at(partial(BARRIER, height=HIGH, splitting=splitting), xi, angles) for splitting in splittings]
    return Trend(xi, np.array([p.gamma for _, p in found]), np.array([error for error, _ in found]))


def measure_lengths(length: np.ndarray, ballistic: float) -> Lengths:
    """Vary the spin-diffusion length around one metallic junction at 90°."""
    family, angle = FAMILIES["F|N|F"], np.array([np.pi / 2])
    found, at_rest = solve_interface(family(theta=np.pi / 2)), solve_interface(family(theta=0.0))
    effective = per_area(response_of(found.between_metals), SPACING**2)
    solution, printed, derived = [], [], []
    for l_sd in length:
        metal_ = cobalt_with(float(l_sd))
        one = match(metal_, metal_, effective, m_left=found.m[0], m_right=found.m[1])
        parallel = parallel_of(metal_, at_rest)
        solution.append(float(one.delta_J_M_length))
        printed.append(parallel.printed(angle, metal_.beta, derived=False)[0])
        derived.append(parallel.printed(angle, metal_.beta, derived=True)[0])
    return Lengths(length, np.array(solution), np.array(printed), np.array(derived), ballistic)


# ---------------------------------------------------------------------- audits
def audit_average(lab: Laboratory, family: str) -> float:
    """Return the largest difference of the conductance matrix from one averaged over fixed k∥ points, relative."""
    junction = FAMILIES[family](theta=np.pi / 3)
    k, weights = zone(junction, step=0.01)
    s = lab.scatter(junction, 0.0, k)
    P, modes = (np.tensordot(weights, array, axes=1) for array in (s.probabilities, s.modes))
    expected = conductance_matrix(P, modes)
    return float(abs(solve_interface(junction).conductance - expected).max() / abs(expected).max())


def audit_parallel() -> float:
    """Return the relative difference of the parallel F|N|F resistance from the closed form of Valet and Fert."""
    metal_, found = cobalt(), solve_interface(FAMILIES["F|N|F"](theta=0.0))
    resistance = 1 / conductance_per_area(-np.diagonal(found.between_metals[1, :, 0, :]), SPACING)
    r_b, gamma = resistance.sum() / 4, (resistance[1] - resistance[0]) / resistance.sum()
    r = metal_.spin_diffusion_length * 1e-9 / (metal_.sigma / SIEMENS_PER_METER * (1 - metal_.beta**2))
    expected = valet_fert.contact_resistance(metal_.beta, r, metal_.beta, r, r_b, gamma) * 1e12
    data = multiscale(FAMILIES["F|N|F"], metal_, lattice_constant=SPACING, theta=0.0)
    return float(abs(data.resistance_area / expected - 1))


# ---------------------------------------------------------------------- what it says of the paper
def judge(realistic: Sequence[float], powers: Sequence[float]) -> str:
    """Return the verdict from the errors of the realistic runs and the powers with which errors vanish."""
    if max(realistic) < AGREES:
        return "holds"
    return "holds in a limit" if min(powers) > 0.5 else "fails"


# ---------------------------------------------------------------------- figures
@styled
def draw_runs(runs: Sequence[Run]) -> Any:
    """Plot ΔJ_M(Φ) of all families with both readings of (12) and the ballistic response."""
    figure, axes = new_figure(1, len(runs), width=7.2, height=3.9, sharey=True)
    for panel, run in zip(axes, runs, strict=True):
        degrees, fine = np.degrees(run.angles), np.linspace(0, np.pi, 200)
        scale = CURRENT / 1e9
        for derived, look, name in ((True, "-", r"(12), $A_1=A_2$ from $\gamma$"), (False, "--", r"(12), $A_1=A_2=0$")):
            if derived and run.parallel.ideal:
                continue
            values = run.parallel.printed(fine, run.beta, derived=derived)
            color = COLORS["damping_like"] if derived else COLORS["theory"]
            panel.plot(np.degrees(fine), scale * values, look, color=color, label=name)
        panel.plot(degrees, scale * run.ballistic, ":", color=COLORS["right"], label="between reservoirs")
        panel.plot(degrees, scale * run.solution, "o", color=COLORS["microscopic"], label="scattering + diffusion")
        ratio = r"\infty" if run.parallel.ideal else f"{run.parallel.xi:.2g}".replace("e-05", r"\cdot 10^{-5}")
        panel.set_title(rf"{run.family}, $\xi = {ratio}$")
        panel.set_xlabel(r"angle $\Phi$ (degrees)")
        panel.set_xticks(range(0, 181, 60))
    axes[0].set_ylabel(r"$\Delta J_M$ (GA/m²)")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2)
    return figure


@styled
def draw_limits(lengths: Lengths, trends: Sequence[Trend]) -> Any:
    """Plot ΔJ_M against the spin-diffusion length, and the error of (12) against the transparency."""
    figure, (left, right) = new_figure(1, 2, width=7.2, height=3.7)
    left.semilogx(lengths.length, lengths.printed, "--", color=COLORS["theory"], label=r"(12), $A_1=A_2=0$")
    left.semilogx(lengths.length, lengths.derived, "-", color=COLORS["damping_like"], label=r"(12), $A$ from $\gamma$")
    left.axhline(lengths.ballistic, color=COLORS["right"], linestyle=":", label="between reservoirs")
    left.semilogx(lengths.length, lengths.solution, "o", color=COLORS["microscopic"], label="scattering + diffusion")
    left.set_xlabel("spin-diffusion length (nm)")
    left.set_ylabel(r"$\Delta J_M/J$ at 90°")
    left.set_title("F|N|F")
    left.set_ylim(bottom=0.0, top=1.75 * max(lengths.solution.max(), lengths.derived.max()))
    left.legend(loc="upper right")
    for trend, color, marker in zip(trends, ("left", "right", "damping_like"), ("o", "s", "^"), strict=False):
        label = rf"$\xi$ = {trend.xi:g}"
        right.loglog(trend.parameter, trend.error, marker, color=COLORS[color], label=label)
    reference = trends[0]
    guide = reference.error[-1] * reference.parameter / reference.parameter[-1]
    right.loglog(reference.parameter, guide, ":", color=COLORS["muted"], label="first power")
    right.set_xlabel("transmission per channel")
    right.set_ylabel(r"error of (12) in units of $\beta J$")
    right.set_title(f"F|I|F, splitting {WEAK:g} t")
    right.legend(loc="upper left")
    return figure


def table(runs: Sequence[Run]) -> tuple[tuple[str, ...], ...]:
    """Return the rows: SI numbers of every run at 90°."""
    rows = [
        (
            "at 90°, 10¹¹ A/m²",
            "RA (mΩ µm²)",
            "RA(180°)/RA(90°)",
            "accumulation (meV)",
            "torque (µJ/m²)",
            "ΔJ_M (GA/m²)",
            "between reservoirs",
            "(12), A = 0",
            "(12), A from γ",
            "best A1, A2",
        )
    ]
    for run in runs:
        at90 = np.array([np.pi / 2])
        printed = [CURRENT / 1e9 * run.parallel.printed(at90, run.beta, derived=d)[0] for d in (False, True)]
        fit = run.fit
        rows.append(
            (
                run.family,
                f"{1e3 * run.at('resistance_area'):.3g}",
                f"{run.at('resistance_area', np.pi) / run.at('resistance_area'):.2f}",
                f"{run.at('accumulation', lead='left'):.3f}",
                f"{1e6 * run.at('damping_like', magnet='right'):.2f}",
                f"{run.at('delta_J_M') / 1e9:.1f}",
                f"{run.at('ballistic_delta_J_M') / 1e9:.1f}",
                *(f"{value:.1f}" for value in printed),
                f"{fit.A1:.2f}, {fit.A2:.2f}"
                if fit and fit.A2 < 100
                else "none"
                if fit is None
                else f"{fit.A1:.2f}, –",
            )
        )
    return tuple(rows)


def finding(runs: Sequence[Run], transparency: Sequence[Trend], asymmetry: Trend, lengths: Lengths) -> str:
    """Return what was found, with the numbers of this run."""
    by_name = {run.family: run for run in runs}
    tunnel, valve, bare = by_name["F|I|F"], by_name["F|N|F"], by_name["F|F"]
    powers = [trend.power for trend in transparency]
    gap = abs(tunnel.ballistic - tunnel.solution).max()
    return (
        f"At {CURRENT:.0e} A/m² and 90°, ΔJ_M is {tunnel.at('delta_J_M') / 1e9:.0f} (F|I|F), "
        f"{valve.at('delta_J_M') / 1e9:.0f} (F|N|F) and {bare.at('delta_J_M') / 1e9:.0f} GA/m² (F|F) between cobalt "
        f"magnets, a torque of {1e6 * tunnel.at('damping_like', magnet='right'):.1f}, "
        f"{1e6 * valve.at('damping_like', magnet='right'):.1f} and "
        f"{1e6 * bare.at('damping_like', magnet='right'):.1f} µJ/m² on the right magnet. As printed with A1 = A2 = 0, "
        f"(12) misses it by {tunnel.error(derived=False):.0%} (F|I|F) and {valve.error(derived=False):.0%} (F|N|F) "
        "of βJ "
        "(worst angle): what it leaves out is first the interface's own polarization, γ = "
        f"{tunnel.parallel.gamma:.2f} and {valve.parallel.gamma:.2f}. With A1 = A2 = (1 − β²)γ/β it "
        f"still misses {tunnel.error(derived=True):.0%} and {valve.error(derived=True):.0%}; free A1, A2 leave "
        f"{tunnel.fit.residual:.1%} and {valve.fit.residual:.1%}, and for the valve are no longer of one value "
        f"({valve.fit.A1:.1f}, {valve.fit.A2:.1f}). (12) is the solution where two things are small: the transmission "
        f"per channel, with error ∝ transmission^{powers[0].exponent:.2f} (ξ = {transparency[0].xi:g}) and "
        f"^{powers[-1].exponent:.2f} (ξ = {transparency[-1].xi:g}) between weakly split magnets, and γ, with error ∝ "
        f"γ^{asymmetry.power.exponent:.1f} behind a high barrier. The first condition the paper does not state: a "
        "transparent contact between diffusive metals has its Sharvin resistance taken off, and what is left does "
        "not turn with |R_ss'(Φ)|². As ξ is the transmission times l_sd over the mean free path, (12) at ξ ~ 1 needs "
        f"a spin-diffusion length far above the mean free path; {bare.error(derived=False):.0%} of βJ is its largest "
        "error for the contact below 180°, where it predicts the parallel circuit's 2βJ sin(Φ/2) (at 180° the limits "
        "ξ → ∞ and "
        "Φ → 180° of (12) do not commute). Against the ballistic response, with no "
        f"accumulation: behind the barrier (ξ = {tunnel.parallel.xi:.0e}) the difference is {gap:.0e} J; in the valve "
        f"diffusion moves ΔJ_M/J at 90° from {lengths.solution[0]:.2f} (l_sd = {lengths.length[0]:g} nm) to "
        f"{lengths.solution[-1]:.2f} ({lengths.length[-1] / 1e3:g} µm), where the metal's 2β sin(Φ/2) = "
        f"{float(angular.delta_J_M_transparent(np.pi / 2, valve.beta)):.2f} is approached, while reservoirs give "
        f"{lengths.ballistic:.2f}."
    )


def claim(quick: bool) -> Claim:
    """Run the chain junction → r → diffusion → ΔJ_M(Φ) in SI and compare it with (12) and with reservoirs."""
    lab = Laboratory(spot_check_every=1)
    angles = np.linspace(0, np.pi, 8 if quick else 19)[1:]
    coarse = np.linspace(0.2, 3.0, 5 if quick else 9)
    heights = [1.5, 2.0, 3.0] if quick else [1.0, 1.5, 2.0, 2.5, 3.0]
    runs = [measure_run(family, angles) for family in FAMILIES]
    transparency = [measure_transparency(xi, heights, coarse) for xi in ((1.0, 10.0) if quick else (1.0, 3.0, 10.0))]
    asymmetry = measure_asymmetry(1.0, [0.1, 0.2, 0.4], coarse)
    ballistic = next(run for run in runs if run.family == "F|N|F").at("ballistic_delta_J_M") / CURRENT
    lengths = measure_lengths(np.geomspace(0.1, 1e4, 6 if quick else 16), ballistic)
    averages = [audit_average(lab, family) for family in FAMILIES]
    powers = [trend.power.exponent for trend in (*transparency, asymmetry)]
    return Claim(
        id="multiscale",
        title="ΔJ_M(Φ) of real numbers: scattering matched to diffusion in cobalt",
        equations=("12", "5", "6"),
        statement=(
            "When the materials on both sides are the same, matching the currents across the interface gives e ΔJ_M of "
            "equation (12), with ξ the ratio of the conductance of the interface to that of the metal and A1, A2 "
            "dimensionless constants of the order of unity."
        ),
        formula=(
            "e ΔJ_M = βJ cos(Φ/2) sin Φ {A1 + 2√(1−β²) ξ [1 + A2 sin²(Φ/2)/(1−β²)] + 4ξ² sin²(Φ/2)} / "
            "{1 − β² + 2√(1−β²) ξ + ξ² sin²Φ}"
        ),
        experiment=(
            "Exact, k∥-averaged scattering of F|I|F, F|N|F and F|F gives the r's of (5), (6), free of Sharvin "
            f"resistances; drift-diffusion of cobalt (ρ* = 75 nΩ m, β = {cobalt().beta}, l_sd = "
            f"{cobalt().spin_diffusion_length:.0f} nm) on both sides is matched to them at {CURRENT:.0e} A/m², a = "
            f"{SPACING} nm, {len(angles)} angles. Then barriers of falling transmission with the spin-diffusion "
            f"length chosen to keep ξ, and one valve with l_sd from {lengths.length[0]:g} nm to "
            f"{lengths.length[-1] / 1e3:g} µm."
        ),
        parameter="transmission per channel and spin asymmetry γ of the interface, at given ξ",
        verdict=judge([run.error(derived=True) for run in runs], powers),
        finding=finding(runs, transparency, asymmetry, lengths),
        value=transparency[-1].power.exponent,
        value_name=f"power of the transmission in the error of (12), ξ = {transparency[-1].xi:g}",
        expected=1.0,
        # the Sharvin correction is of first order in the transmission; the splitting leaves an error of order γ²
        tolerance=0.15,
        unit="",
        table=table(runs),
        figures=(
            ClaimFigure(
                "multiscale_angle",
                f"ΔJ_M at {CURRENT:.0e} A/m² between cobalt magnets: exact scattering matched to diffusion, equation "
                "(12) with A1 = A2 = 0 and with A1 = A2 = (1−β²)γ/β, and the same junctions between reservoirs "
                "without spin accumulation. For F|F ξ is infinite.",
                draw_runs(runs),
            ),
            ClaimFigure(
                "multiscale_limits",
                "Left: metallic valve at 90° with magnets of cobalt's conductivity and polarization and any "
                "spin-diffusion length (cobalt: 59 nm). Right: largest error of (12), with derived A1 = A2, for "
                f"barriers of {BARRIER.keywords['thickness']} planes at fixed ξ.",
                draw_limits(lengths, transparency),
            ),
        ),
        checks=(
            Check("k∥ average of the conductance matrix against fixed points", max(averages), 1e-7),
            Check("parallel resistance against Valet and Fert", audit_parallel(), 1e-8),
            Check(
                "spin current through the spacer minus J_M, per J",
                max(float(r.data.spin_defect.max()) for r in runs),
                1e-9,
            ),
            *lab.checks(),
        ),
    )
