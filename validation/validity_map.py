"""Where equations (1) to (4) and t0 can be used: the error over barriers, angles and magnets, and what controls it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from kwant_spinjunc import Junction
from kwant_spinjunc.halves.round_trip import round_trip
from kwant_spinjunc.plot.figures import COLORS, ERROR_RANGE, draw_error_map, error_contours, new_figure, styled
from kwant_spinjunc.report import Check, Claim, ClaimFigure
from kwant_spinjunc.runs.collapse import Collapse, collapse
from kwant_spinjunc.runs.validity import ERRORS, validity_map
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.theory import tunnelling
from kwant_spinjunc.transport.linear import linear_response
from systems.asymmetric_junction import asymmetric_junction
from systems.free_electron_junction import free_electron_junction

from .microscopic import Laboratory

#: Two different magnets with three-dimensional bands, unit t.
MAGNETS = {"onsite": 5.0, "onsite_right": 4.8, "in_plane_hopping": 1.0}
LATTICE = partial(asymmetric_junction, **MAGNETS)
#: Chemical potentials (µ_+, µ_-) of both leads in units of the voltage, without and with spin accumulation.
POTENTIALS = {
    "without accumulation": {"mu_left": (0.5, 0.5), "mu_right": (-0.5, -0.5)},
    "with accumulation": {"mu_left": (0.6, 0.4), "mu_right": (-0.45, -0.55)},
}
#: One k∥ is Γ.
SAMPLINGS = {"one k∥": None, "k∥ average": "average"}
ENERGY = 0.0
#: Errors below this part of the current are rounding.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Measured:
    """All maps: datasets by sampling of k∥ and by accumulation."""

    iron: dict[str, Any]  # free electrons at 90°: height × width, with accumulation
    cloud: dict[tuple[str, str], Any]  # height × thickness × angle × right splitting
    errors: Any  # angle × right splitting behind one barrier, k∥ average, with accumulation

    def collapses(self, error: str, samplings: Sequence[str] = tuple(SAMPLINGS)) -> dict[str, Collapse]:
        """Return the fits of all candidates, over all junctions with accumulation and without."""
        chosen = [data for (sampling, _), data in self.cloud.items() if sampling in samplings]
        chosen += [self.iron[sampling] for sampling in samplings if error in self.iron[sampling]]
        return {fit.candidate: fit for fit in collapse(*chosen, error=error)}

    def points(self, *names: str) -> tuple[np.ndarray, ...]:
        """Return variables at all points of all junctions, one after another."""
        every = [*self.cloud.values(), *self.iron.values()]
        return tuple(np.concatenate([data[name].values.ravel() for data in every]) for name in names)


# ---------------------------------------------------------------------- what is computed
def measure(quick: bool) -> Measured:
    """Map all junctions."""
    run = partial(validity_map, energy=ENERGY, progress=False)
    heights, widths = (8, 6) if quick else (36, 16)
    iron = {
        name: run(
            free_electron_junction,
            k=k,
            height=np.linspace(-0.5, 3.0, heights),
            width=0.05 * np.linspace(1, 16, widths).round(),
            theta=np.pi / 2,
            **POTENTIALS["with accumulation"],
        )
        for name, k in SAMPLINGS.items()
    }
    axes = {
        "height": np.linspace(1.2, 6.0, 4 if quick else 7),
        "thickness": [1, 2, 4] if quick else [1, 2, 3, 4, 6],
        "theta": np.radians([45, 120] if quick else [20, 60, 100, 140]),
        "splitting_right": [0.5, 1.8] if quick else [0.3, 0.8, 1.3, 1.8],
    }
    cloud = {
        (name, accumulation): run(LATTICE, error=tuple(ERRORS), k=k, **axes, **mu)
        for name, k in SAMPLINGS.items()
        for accumulation, mu in POTENTIALS.items()
    }
    errors = run(
        LATTICE,
        error=tuple(ERRORS),
        k="average",
        height=2.0,
        thickness=2,
        theta=np.radians(np.linspace(0, 180, 7 if quick else 37)),
        splitting_right=np.linspace(0.1, 2.5, 4 if quick else 21),
        **POTENTIALS["with accumulation"],
    )
    return Measured(iron, cloud, errors)


def pointwise_difference(lab: Laboratory, measured: Measured, every: int) -> float:
    """Return the largest difference between the maps and junctions scattered one by one, at every n-th point."""
    worst = 0.0
    for (sampling, accumulation), data in measured.cloud.items():
        mu = POTENTIALS[accumulation].values()
        stacked = data.stack(point=("height", "thickness", "theta", "splitting_right"))
        for index in range(0, stacked.sizes["point"], every):
            point = stacked.isel(point=index)
            names = ("height", "thickness", "theta", "splitting_right")
            junction = LATTICE(**{name: point[name].item() for name in names})
            solve = partial(lab.scatter) if sampling == "one k∥" else partial(scatter, k="average")
            result = solve(junction, ENERGY)
            exact = linear_response(result, *mu)
            D = collinear_factors(junction, solve)
            T = tunnelling.rotation_law(D, junction.angle)
            paper = [
                tunnelling.magnetization_current(T, *mu, "left"),
                tunnelling.magnetization_current(T, *mu, "right"),
            ]
            error = abs(np.array(paper) - exact.magnetization).max() / exact.charge[0]
            worst = max(worst, abs(float(error) - point["tunnelling"].item()))
    return worst


def collinear_factors(junction: Junction, solve: Any) -> np.ndarray:
    """Return D_ss' from the same junction at Φ = 0 and π."""
    m = np.array(junction.left.m)
    turned = [replace(junction, right=replace(junction.right, m=sign * m)) for sign in (1, -1)]
    return tunnelling.spin_factors_from_collinear(*(solve(other, ENERGY).transmissions for other in turned))


def reflection_contrast() -> float:
    """Return the largest relative deviation of δ from 2 Re e^{-2κd}(ρ_L+ - ρ_L-)(ρ_R+ - ρ_R-) behind 8 planes."""
    deviations = []
    for height in (1.5, 2.0, 3.0):
        junction = asymmetric_junction(theta=np.pi / 2, height=height, thickness=8)
        (insulator,) = junction.layers
        kappa = tunnelling.lattice_decay_constant(insulator.onsite, ENERGY, insulator.hopping)
        contrast = [
            np.diff(
                tunnelling.lattice_reflection(
                    tunnelling.surface_green_function(ENERGY, lead.levels(), lead.hopping), kappa, insulator.hopping
                )
            )
            for lead in junction.leads
        ]
        law = 2 * (np.exp(-2 * kappa * insulator.thickness) * contrast[0] * contrast[1]).real
        deviations.append(abs(round_trip(junction, ENERGY).defect / law - 1))
    return float(np.max(deviations))


# ---------------------------------------------------------------------- what it says of the paper
def judge(law: Collapse, error: np.ndarray, transmission: np.ndarray) -> str:
    """Return the verdict on (3) and (4): right everywhere, as the transmission goes to zero, or not even then."""
    if np.nanmax(error) < ROUNDING:
        return "holds"
    thick = transmission < 1e-4
    vanishes = thick.any() and np.nanmax(error[thick]) < 1e-4
    return "holds in a limit" if vanishes and abs(law.exponents[0] - 1) < 0.05 else "fails"


def window(error: np.ndarray, control: np.ndarray, limit: float) -> tuple[float, float]:
    """Return the smallest control with an error above the limit and the largest with one below."""
    return float(control[error > limit].min()), float(control[(error < limit) & (error > ROUNDING)].max())


# ---------------------------------------------------------------------- figures
LAW = "#56B4E9"
TITLES = {"one k∥": r"one $\mathbf{k}_\parallel$", "k∥ average": r"$\mathbf{k}_\parallel$ average"}


@styled
def draw_maps(measured: Measured) -> Any:
    """Draw the error of (3), (4) of the free-electron junction at one k∥ and averaged."""
    figure, axes = new_figure(1, 2, width=5.4, height=3.4, sharey=True)
    for panel, (name, data) in zip(axes, measured.iron.items(), strict=True):
        mesh = draw_error_map(panel, data["tunnelling"], contours=False, shading="gouraud")
        error_contours(panel, data["tunnelling"])
        error_contours(panel, data["tunnelling_leading_order"], color=LAW, linestyle="--", label=False)
        panel.axvline(0, color="black", linestyle=":", linewidth=0.8)
        panel.annotate("error below 1 %", (1.7, 0.45), ha="center", fontsize=8)
        panel.set_title(TITLES[name])
        panel.set_xlabel("barrier height U (eV)")
        panel.set_ylabel("")
    axes[0].set_ylabel("barrier width d (nm)")
    bar = figure.colorbar(mesh, ax=axes, extend="min", pad=0.02, ticks=np.geomspace(*ERROR_RANGE, 6))
    bar.set_label("error of (3), (4) / current")
    axes[0].plot([], [], color="black", linewidth=1.1, label="exact scattering")
    axes[0].plot([], [], "--", color=LAW, linewidth=1.1, label="round-trip law")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure


@styled
def draw_collapse(measured: Measured, fits: dict[str, Collapse]) -> Any:
    """Plot the error of (3), (4) at all points against three quantities."""
    figure, axes = new_figure(1, 3, width=7.2, height=3.6, sharex=True, sharey=True)
    panels = {
        "transmission": ("transmission", "transmission"),
        "decay": ("decay", r"decay $e^{-2\kappa d}$"),
        "leading order": ("tunnelling_leading_order", "round-trip law"),
    }
    looks = {"k∥ average": ("s", COLORS["right"], 3.0), "one k∥": ("o", COLORS["left"], 2.0)}
    for panel, (name, (variable, label)) in zip(axes, panels.items(), strict=True):
        for sampling, (marker, color, size) in looks.items():
            for accumulation in POTENTIALS:
                data = measured.cloud[sampling, accumulation]
                face = color if accumulation == "with accumulation" else "none"
                panel.loglog(
                    data[variable].values.ravel(),
                    data["tunnelling"].values.ravel(),
                    marker,
                    color=color,
                    markerfacecolor=face,
                    markersize=size,
                    markeredgewidth=0.5,
                    linestyle="none",
                    label=f"{TITLES[sampling]}, {accumulation}",
                )
        for level in (0.01, 0.1):
            panel.axhline(level, color=COLORS["muted"], linewidth=0.8, zorder=0)
        panel.set_xlabel(label)
        panel.set_title(f"scatter × {fits[name].scatter:.2f}")
    axes[2].loglog([1e-10, 1], [1e-10, 1], color="black", linewidth=0.8, zorder=3)
    axes[0].set_xlim(1e-10, 2)
    axes[0].set_ylim(1e-10, 1)
    for level, name in ((0.01, "1 %"), (0.1, "10 %")):
        axes[0].annotate(name, (2e-10, level), va="bottom", fontsize=8)
    axes[0].set_ylabel("error of (3), (4) / current")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=2, markerscale=1.6)
    return figure


@styled
def draw_errors(measured: Measured) -> Any:
    """Draw four errors over the angle and the right magnet, behind one barrier."""
    figure, axes = new_figure(2, 2, width=6.2, height=5.2, sharex=True, sharey=True)
    titles = {
        "tunnelling": "(3), (4) from collinear data",
        "reflection": r"(3), (4) with exact $T_{ss'}(\Phi)$",
        "conserved": "(1), one conserved current",
        "t0": r"$t_0$ as the torque on both magnets",
    }
    data = measured.errors.assign_coords(theta=np.degrees(measured.errors["theta"]))
    for panel, (name, title) in zip(axes.flat, titles.items(), strict=True):
        mesh = draw_error_map(panel, data[name])
        panel.set_title(title)
        panel.set_xlabel("")
        panel.set_ylabel("")
        panel.set_xticks(range(0, 181, 45))
    for panel in axes[1]:
        panel.set_xlabel(r"angle $\Phi$ (degrees)")
    for panel in axes[:, 0]:
        panel.set_ylabel("splitting Δ' of the right magnet (t)")
    figure.colorbar(mesh, ax=axes, extend="min", label="relative error", ticks=np.geomspace(*ERROR_RANGE, 6))
    return figure


def table(measured: Measured) -> tuple[tuple[str, ...], ...]:
    """Return the rows: every candidate, at one k∥, averaged, and both together."""
    header = (
        "what the error of (3), (4) is fitted with",
        "power",
        "scatter, one k∥",
        "scatter, k∥ average",
        "all",
        "worst",
    )
    single, average = (measured.collapses("tunnelling", [name]) for name in SAMPLINGS)
    rows = [header]
    for name, fit in measured.collapses("tunnelling").items():
        rows.append(
            (
                "round-trip law" if name == "leading order" else name,
                ", ".join(f"{exponent:.2f}" for exponent in fit.exponents),
                f"× {single[name].scatter:.2f}",
                f"× {average[name].scatter:.2f}",
                f"× {fit.scatter:.2f}",
                f"× {fit.worst:.3g}",
            )
        )
    return tuple(rows)


def explain(measured: Measured, fits: dict[str, Collapse]) -> str:
    """Return the finding in words, with the numbers of this run."""
    law, best = fits["leading order"], min(fits.values(), key=lambda fit: fit.scatter)
    error, predicted, transmission, contrast = measured.points(
        "tunnelling", "tunnelling_leading_order", "transmission", "round_trip"
    )
    by_law, by_transmission = window(error, predicted, 0.01), window(error, transmission, 0.01)
    parts = [
        float((data["reflection"] / data["rotation"]).median())
        for (_, accumulation), data in measured.cloud.items()
        if accumulation == "with accumulation"
    ]
    powers = [
        next(
            fit.exponents[0]
            for fit in collapse(*measured.cloud.values(), error=name)
            if fit.candidate == "transmission"
        )
        for name in ("conserved", "t0")
    ]
    median = {name: float(measured.errors[name].median()) for name in ("tunnelling", "conserved", "t0")}
    average = measured.iron["k∥ average"]["tunnelling"]
    typical = float(average.sel(width=0.5, height=1.0, method="nearest"))
    return (
        f"One number controls the error of (3) and (4), and it is neither the transmission nor κd. Over {law.points} "
        "tunnel junctions the best power law of the transmission misses the error by a factor of "
        f"{fits['transmission'].scatter:.1f} typically, that of e^(−2κd) by {fits['decay'].scatter:.1f}, of both "
        f"together by {fits['transmission and decay'].scatter:.1f}, each with a free power of sin Φ. "
        f"{'The round-trip law' if best is law else best.candidate} collapses them: scatter {best.scatter:.3f}, "
        f"power {best.exponents[0]:.3f}, prefactor {best.prefactor:.3f}. An electron that goes to the other magnet "
        "and back sees the spins reflected differently by both, z = e^(−2κd)(ρ_L+ − ρ_L−)(ρ_R+ − ρ_R−) (exactly, at "
        "any barrier, z = (u_+ − u_−)(w_+ − w_−)/(d_++ d_−−) of the two halves), and the exact T_ss'(Φ) is R_ss'² "
        "times a constant times |1 + z sin²(Φ/2)|⁻². To leading order (3) is therefore off by (sin²Φ/4)[Σ s' δ "
        "D_ss' (µ_Ls − µ_Rs') − 2 r_L (µ_L+ − µ_L−)] with δ = 2 Re z, and (4) by the mirror image. The first term "
        f"is the collinear data, the second spin-flip reflection: absent without accumulation, {parts[0]:.1f} of the "
        f"first with it (median; {parts[1]:.1f} averaged). 1 % is passed where the law says {by_law[0]:.2%} to "
        f"{by_law[1]:.2%}, but at any transmission from {by_transmission[0]:.2g} to {by_transmission[1]:.2g}; no "
        f"junction with |z| below {float(contrast[error > 0.01].min()):.2g} reaches it. At one k∥ δ is the "
        "factorization defect of the collinear data. After averaging the defect says nothing (scatter "
        f"{fits['factorization defect'].scatter:.0f}), as factors of different k∥ do not factorize together, but the "
        "law, linear in δ D_ss', may be averaged. At 1 eV and 0.5 nm (first figure) the averaged error is "
        f"{typical:.0e}. What (3), (4) replace is no approximation: behind the barrier of the last figure the median "
        f"error is {median['tunnelling']:.0e} for (3), (4), {median['conserved']:.0%} for (1) fed with the same "
        f"data, and {median['t0']:.0%} for t0; the latter two do not fall with the transmission (powers "
        f"{powers[0]:.2f} and {abs(powers[1]):.2f}). (1) misses the spin-flip current sin²(Φ/2)(D_+− Δµ_+− − D_−+ "
        "Δµ_−+), and |t0|/|τ| = [1 + 4 J_M^L J_M^R sin²(Φ/2)/(J_M^R − J_M^L)²]^(−1/2) whatever the barrier: t0 has "
        "the size of the torque only where one of the two currents vanishes."
    )


def invariants(measured: Measured, law: Collapse, lab: Laboratory, every: int) -> tuple[Check, ...]:
    """Return what must hold if the maps and the law are computed rightly."""
    datasets = [*measured.cloud.values(), *measured.iron.values(), measured.errors]
    unsplit = [data for (_, name), data in measured.cloud.items() if name == "without accumulation"]
    return (
        Check(
            "maps against junctions scattered one by one, per current", pointwise_difference(lab, measured, every), 1e-6
        ),
        Check("error of (3), (4) for collinear magnets", float(measured.errors["tunnelling"][[0, -1]].max()), ROUNDING),
        Check(
            "spin-flip reflection without accumulation",
            max(float(data["reflection"].max()) for data in unsplit),
            ROUNDING,
        ),
        # the next order is |z| < 0.1 at one end of a fit over many decades
        Check("prefactor of the round-trip law", law.prefactor, 0.05, expected=1.0),
        Check("scatter of the round-trip law", law.scatter, 0.05, expected=1.0),
        Check("relative error of the k∥ averages", max(data.attrs["average_error"] for data in datasets), 1e-4),
        # the next order is e^{-2κd}, below 5e-5 behind 8 planes
        Check("δ against reflections at the interfaces, relative", reflection_contrast(), 1e-3),
        *lab.checks(),
    )


def claim(quick: bool) -> Claim:
    """Map the error of (1), (3), (4) and t0, find what controls it, and say what a user of them may expect."""
    lab = Laboratory(spot_check_every=2)
    measured = measure(quick)
    fits = measured.collapses("tunnelling")
    law = fits["leading order"]
    axes = measured.cloud["one k∥", "with accumulation"]
    spans = {name: f"{axes[name].min().item():g} to {axes[name].max().item():g}" for name in axes["tunnelling"].dims}
    return Claim(
        id="validity-map",
        title="Where the phenomenology can be used, and the one number that decides",
        equations=("1", "2", "3", "4", "t0"),
        statement=(
            "Behind a strong barrier two magnetization currents, given by T_ss' = R_ss' times a tunnelling factor, "
            "replace the one conserved current of (1); their difference is the torque t0."
        ),
        formula="error of (3), (4) = F(z, Φ, D_ss', µ),   z = e^(−2κd) (ρ_L+ − ρ_L−)(ρ_R+ − ρ_R−)",
        experiment=(
            "Equations (3), (4) fed with the collinear junctions (Φ = 0 and π) against exact linear response at "
            "other angles, per charge current, the larger error of both sides: free-electron junctions, and lattice "
            "junctions of two different magnets over barrier height, thickness, angle and splitting of the right "
            "magnet, at one k∥ (Γ) and averaged over the Brillouin zone, without and with spin accumulation. "
            "Equation (1) takes α_s = β_s = s R_ss² D_ss; the error of t0 is ||t0| − |τ||/max(|t0|, |τ|), τ the "
            "exact torque on both magnets."
        ),
        parameter="The spin contrast z of a round trip between the magnets, k∥ by k∥.",
        verdict=judge(law, *measured.points("tunnelling", "transmission")),
        finding=explain(measured, fits),
        value=law.exponents[0],
        value_name="power of the error of (3), (4) in the round-trip law",
        expected=1.0,
        tolerance=0.02,  # the next order is |z| < 0.1 at one end of a fit over many decades
        unit="",
        table=table(measured),
        figures=(
            ClaimFigure(
                "validity-map",
                "Error of (3), (4) fed with collinear data, per charge current, for Fe|barrier|Fe with parabolic "
                "bands (k_+ = 10.9, k_− = 4.2 nm⁻¹) at Φ = 90°, with accumulation (µ_+ − µ_−)/2 = 0.1 on the left "
                "and 0.05 on the right per bias. Solid: 1 % and 10 %; dashed: where the round-trip law puts them. U "
                "is the height above the Fermi energy; left of the dotted line the spacer is a metal. Left panel: "
                "normal incidence.",
                draw_maps(measured),
            ),
            ClaimFigure(
                "validity-map-collapse",
                "The same error for F|I|F' on the lattice (ε = 5 t, Δ = t; ε' = 4.8 t, Δ' = "
                f"{spans['splitting_right']} t; t∥ = t) at all heights (U = {spans['height']} t), thicknesses "
                f"({spans['thickness']} planes) and angles, against three candidates. Scatter: typical factor "
                "between the error and the best power law of the candidate (and of sin Φ, but for the round-trip "
                "law) at transmissions below 0.1, the junctions of the first figure included.",
                draw_collapse(measured, fits),
            ),
            ClaimFigure(
                "validity-map-errors",
                "Four errors of the k∥-averaged F|I|F' behind two planes, U = 2 t, over the angle and the splitting "
                "of the right magnet (left: t), with accumulation. At Φ = 0 there is no torque to compare t0 with.",
                draw_errors(measured),
            ),
        ),
        checks=invariants(measured, law, lab, every=17 if quick else 97),
    )
