"""Equation (12) in amperes: a junction's scattering matched to diffusion in cobalt, ΔJ_M(Φ) against the print."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, unit_vector
from kwant_spinjunc.magnets.multiscale import Interface, cobalt, metal, multiscale, solve_interface
from kwant_spinjunc.magnets.wall import zone
from kwant_spinjunc.theory import angular, valet_fert
from kwant_spinjunc.theory.drift_diffusion import SIEMENS_PER_METER, Material, match, per_area
from kwant_spinjunc.theory.interface import conductance_matrix, response_of
from kwant_spinjunc.units import conductance_per_area
from systems.tunnel_junction import tunnel_junction

from ..claim import Check, Judged, Record
from ..compare import fit_power_law, largest
from ..figures import angle_axis, drawn, legend_below
from ..laboratory import FAMILIES, Laboratory

#: The barrier whose height and splitting are varied, with an ever weaker splitting and ever less transmission.
BARRIER = partial(tunnel_junction, onsite=5.0, in_plane_hopping=1.0, thickness=3)
#: Splitting of the magnets while the height varies, and height while the splitting varies (unit t).
WEAK, HIGH = 0.02, 4.0
#: Side of the unit cell (nm) and charge current density (A/m²).
SPACING, CURRENT = 0.25, 1e11
#: Agreement of (12) that would count as the solution.
AGREES = 0.01


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


def parallel_of(metal_: Material, found: Interface) -> Record:
    """Return the interface between parallel magnets as (12) knows it: ξ and its spin asymmetry γ.

    An ideal one reflects nothing, and ξ is infinite; ``transparency`` is the transmission per open channel.
    """
    transparency, ideal = float(-np.trace(found.conductance[1, :, 0, :]) / found.modes[0].sum()), False
    if 1 - transparency < 1e-12:
        xi, gamma, transparency, ideal = np.inf, 0.0, 1.0, True
        return Record(locals())
    G = -np.diagonal(found.between_metals[1, :, 0, :])
    per_square_nm = per_area(response_of(found.between_metals), SPACING**2).charge_1.sum()
    xi = float(angular.conductance_ratio(per_square_nm, metal_.sigma, metal_.D, metal_.tau))
    gamma = float((G[0] - G[1]) / G.sum())
    return Record(locals())


def equation_12(parallel: Record, angles: np.ndarray, beta: float, *, derived: bool) -> np.ndarray:
    """Return ΔJ_M/J of (12), with A1 = A2 = 0 or as derived, (1 - β²)γ/β."""
    if parallel.ideal:
        return angular.delta_J_M_transparent(angles, beta)
    A = angular.A_polarized(beta, parallel.gamma) if derived else 0.0
    return angular.delta_J_M(parallel.xi, angles, beta, A1=A, A2=A)


def measure_run(family: str, angles: np.ndarray) -> Record:
    """Solve one family with cobalt magnets at all angles, in SI, and hold (12) against it, A1 = A2 = 0 or derived."""
    settings = {"lattice_constant": SPACING, "current_density": CURRENT, "theta": angles, "rtol": 1e-7}
    data = multiscale(FAMILIES[family], cobalt(), **settings)
    parallel, beta = parallel_of(cobalt(), solve_interface(FAMILIES[family](theta=0.0))), cobalt().beta
    # ΔJ_M/J, with the sign that (12) gives it, and between reservoirs
    J_M = data.magnetization_current.values.sum(axis=-1)
    solution, ballistic = np.copysign(data.delta_J_M.values, J_M) / CURRENT, data.ballistic_delta_J_M.values / CURRENT
    # at ξ = ∞ and Φ = 180° the value of (12) depends on which limit is taken first
    defined = ~(np.isclose(angles, np.pi) & parallel.ideal)
    readings = [partial(equation_12, parallel, beta=beta, derived=derived) for derived in (False, True)]
    # largest error over the angles, in units of βJ, and ΔJ_M at 90° in GA/m²
    printed_error, error = (float(abs(told(angles) - solution)[defined].max() / beta) for told in readings)
    printed_at_90, at_90 = (float(CURRENT / 1e9 * told(np.array([np.pi / 2]))[0]) for told in readings)
    fit = None if parallel.ideal else angular.fit_A(parallel.xi, angles, solution, beta=beta)
    return Record(locals())


def at(run: Record, name: str, angle: float = np.pi / 2, **where: str) -> float:
    """Return a variable of a run at one angle."""
    return float(run.data[name].sel(**where).interp(theta=angle))


def delta_J_M(family: Callable[..., Junction], metal_: Material, angles: np.ndarray) -> np.ndarray:
    """Return ΔJ_M/J of a family matched to a metal, with the sign of J_M."""
    found = [solve_interface(family(theta=angle)) for angle in angles]
    effective = response_of(np.array([one.between_metals for one in found]))
    solution = match(
        metal_, metal_, per_area(effective, SPACING**2), m_left=unit_vector(0.0), m_right=unit_vector(angles)
    )
    return np.copysign(solution.delta_J_M_length, solution.J_M.sum(axis=-1))


def error_at(family: Callable[..., Junction], xi: float, angles: np.ndarray) -> tuple[float, Record]:
    """Return the error of (12) where the spin-diffusion length makes the ratio of conductances ``xi``."""
    at_rest = solve_interface(family(theta=0.0))
    metal_ = cobalt_with(cobalt().spin_diffusion_length * xi / parallel_of(cobalt(), at_rest).xi)
    parallel = parallel_of(metal_, at_rest)
    difference = delta_J_M(family, metal_, angles) - equation_12(parallel, angles, metal_.beta, derived=True)
    return float(abs(difference).max() / metal_.beta), parallel


def trend(xi: float, junctions: Sequence[Callable[..., Junction]], angles: np.ndarray, name: str) -> Record:
    """Follow the error of (12), A1 = A2 as derived, along one number of the interface at fixed ξ."""
    found = [error_at(family, xi, angles) for family in junctions]
    parameter, error = np.array([getattr(parallel, name) for _, parallel in found]), np.array([x for x, _ in found])
    power = fit_power_law(parameter, error)
    return Record(locals())


def measure_lengths(length: np.ndarray, ballistic: float) -> Record:
    """Vary the spin-diffusion length (nm) around one metallic junction at 90°: ΔJ_M/J."""
    family, angle = FAMILIES["F|N|F"], np.array([np.pi / 2])
    found, at_rest = solve_interface(family(theta=np.pi / 2)), solve_interface(family(theta=0.0))
    effective, rows = per_area(response_of(found.between_metals), SPACING**2), []
    for l_sd in length:
        metal_ = cobalt_with(float(l_sd))
        one = match(metal_, metal_, effective, m_left=found.m[0], m_right=found.m[1])
        parallel = parallel_of(metal_, at_rest)
        told = [equation_12(parallel, angle, metal_.beta, derived=derived)[0] for derived in (False, True)]
        rows.append((float(one.delta_J_M_length), *told))
    solution, printed, derived = np.array(rows).T
    return Record(locals())


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
    expected = valet_fert.contact_resistance((metal_.beta, metal_.beta), (r, r), r_b, gamma) * 1e12
    data = multiscale(FAMILIES["F|N|F"], metal_, lattice_constant=SPACING, theta=0.0)
    return float(abs(data.resistance_area / expected - 1))


# ---------------------------------------------------------------------- what it says of the paper
def verdict(realistic: Sequence[float], powers: Sequence[float]) -> str:
    """Return the verdict from the errors of the realistic runs and the powers with which errors vanish."""
    if max(realistic) < AGREES:
        return "holds"
    return "holds in a limit" if min(powers) > 0.5 else "fails"


@drawn("multiscale-angle", 1, 4, width=7.2, height=3.9, sharey=True)
def draw_runs(m: Record, *axes: Any) -> None:
    """Plot ΔJ_M(Φ) of all families with both readings of (12) and the ballistic response."""
    for panel, run in zip(axes, m.runs, strict=True):
        degrees, fine = np.degrees(run.angles), np.linspace(0, np.pi, 200)
        scale = CURRENT / 1e9
        for derived, look, name in ((True, "-", r"(12), $A_1=A_2$ from $\gamma$"), (False, "--", r"(12), $A_1=A_2=0$")):
            if derived and run.parallel.ideal:
                continue
            values = equation_12(run.parallel, fine, run.beta, derived=derived)
            color = "damping_like" if derived else "theory"
            panel.plot(np.degrees(fine), scale * values, look, color=color, label=name)
        panel.plot(degrees, scale * run.ballistic, ":", color="right", label="between reservoirs")
        panel.plot(degrees, scale * run.solution, "o", color="microscopic", label="scattering + diffusion")
        ratio = r"\infty" if run.parallel.ideal else f"{run.parallel.xi:.2g}".replace("e-05", r"\cdot 10^{-5}")
        panel.set_title(rf"{run.family}, $\xi = {ratio}$")
        angle_axis(panel, 60)
    axes[0].set_ylabel(r"$\Delta J_M$ (GA/m²)")
    legend_below(axes[0], 2)


@drawn("multiscale-limits", 1, 2, width=7.2, height=3.7)
def draw_limits(m: Record, left: Any, right: Any) -> None:
    """Plot ΔJ_M against the spin-diffusion length, and the error of (12) against the transparency."""
    length, ballistic = m.lengths.length, m.lengths.ballistic
    left.semilogx(length, m.lengths.printed, "--", color="theory", label=r"(12), $A_1=A_2=0$")
    left.semilogx(length, m.lengths.derived, "-", color="damping_like", label=r"(12), $A$ from $\gamma$")
    left.axhline(ballistic, color="right", linestyle=":", label="between reservoirs")
    left.semilogx(length, m.lengths.solution, "o", color="microscopic", label="scattering + diffusion")
    left.set(xlabel="spin-diffusion length (nm)", ylabel=r"$\Delta J_M/J$ at 90°", title="F|N|F")
    left.set_ylim(bottom=0.0, top=1.75 * max(m.lengths.solution.max(), m.lengths.derived.max()))
    left.legend(loc="upper right")
    for one, color, marker in zip(m.transparency, ("left", "right", "damping_like"), ("o", "s", "^"), strict=False):
        right.loglog(one.parameter, one.error, marker, color=color, label=rf"$\xi$ = {one.xi:g}")
    first = m.transparency[0]
    guide = first.error[-1] * first.parameter / first.parameter[-1]
    right.loglog(first.parameter, guide, ":", color="muted", label="first power")
    right.set(xlabel="transmission per channel", ylabel=r"error of (12) in units of $\beta J$")
    right.set_title(f"F|I|F, splitting {WEAK:g} t")
    right.legend(loc="upper left")


def measure(quick: bool) -> Record:
    """Run the chain junction → r → diffusion → ΔJ_M(Φ) in SI and compare it with (12) and with reservoirs."""
    lab = Laboratory(spot_check_every=1)
    angles = np.linspace(0, np.pi, 8 if quick else 19)[1:]
    coarse = np.linspace(0.2, 3.0, 5 if quick else 9)
    heights = [1.5, 2.0, 3.0] if quick else [1.0, 1.5, 2.0, 2.5, 3.0]
    runs = [measure_run(family, angles) for family in FAMILIES]
    tunnel, valve, bare = (next(run for run in runs if run.family == family) for family in ("F|I|F", "F|N|F", "F|F"))
    barriers = [partial(BARRIER, height=height, splitting=WEAK) for height in heights]
    split = [partial(BARRIER, height=HIGH, splitting=splitting) for splitting in (0.1, 0.2, 0.4)]
    ratios = (1.0, 10.0) if quick else (1.0, 3.0, 10.0)
    transparency = [trend(xi, barriers, coarse, "transparency") for xi in ratios]
    asymmetry = trend(1.0, split, coarse, "gamma")
    lengths = measure_lengths(np.geomspace(0.1, 1e4, 6 if quick else 16), at(valve, "ballistic_delta_J_M") / CURRENT)
    averages = [audit_average(lab, family) for family in FAMILIES]
    powers = [one.power.exponent for one in (*transparency, asymmetry)]
    printed = equation_12(valve.parallel, angles, valve.beta, derived=True)
    matched_error = float(abs(delta_J_M(FAMILIES["F|N|F"], cobalt(), angles) - printed).max() / valve.beta)
    gap = abs(tunnel.ballistic - tunnel.solution).max()
    return Record(locals())


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    return Judged(
        printed=verdict([run.error for run in m.runs], m.powers),
        corrected="holds in a limit" if min(m.powers) > 0.5 else "fails",
        value=m.valve.error,
        expected=m.matched_error,
        tolerance=1e-8,
        unit="βJ",
        route=Check("k∥ average of the conductance matrix against fixed points", max(m.averages), 2e-9),
        checks=(
            # the Sharvin correction is of first order in the transmission; the splitting leaves an error of order γ²
            Check("power of the transmission in the error of (12)", m.transparency[-1].power.exponent, 0.15, 1.0),
            Check("parallel resistance against Valet and Fert", audit_parallel(), 1e-8),
            Check(
                "spin current through the spacer minus J_M, per J", largest(r.data.spin_defect for r in m.runs), 1e-9
            ),
            *m.lab.checks(),
        ),
    )
