"""Equation (1), one conserved magnetization current, as the baseline: the error one makes with it, case by case."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, unit_vector
from kwant_spinjunc.halves import zone
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.spin import SIGNS
from kwant_spinjunc.theory import tunnelling

from ..claim import Check, Judged, Record, Records
from ..compare import fit_power_law, largest
from ..currents import both_currents, currents_of_waves, lead_currents, potentials, transmitted
from ..figures import angle_axis, curve, drawn, legend_below
from ..laboratory import DIFFERENT, FAMILIES, Laboratory, in_plane_vectors

#: [regime, magnets]. The tunnel barrier is at least 2 t above the energy at every k∥, the contact has none.
JUNCTIONS: dict[tuple[str, str], Callable[..., Junction]] = {
    ("tunnel", "identical"): FAMILIES["F|I|F"],
    ("tunnel", "different"): FAMILIES[DIFFERENT],
    ("metallic", "identical"): FAMILIES["F|F"],
    ("metallic", "different"): partial(FAMILIES["F|F"], splitting_right=1.8),
}
#: Spin accumulation (µ_+ - µ_-)/2 on the left and on the right in units of the voltage.
ACCUMULATIONS = {"none": (0.0, 0.0), "left only": (0.2, 0.0), "opposite": (0.2, -0.2)}
ENERGY = 0.0
#: Differences below this part of the charge current are rounding: k∥ averages of some hundred points of 1e-16 each.
ROUNDING = 1e-10
#: The junction of the headline.
WORST = ("tunnel", "different")


# ---------------------------------------------------------------------- what is computed
def one_current(T: np.ndarray, mu: Any) -> np.ndarray:
    """Return J_M of equation (1) with α_s = β_s = s T_ss, for both sides: shape [..., 1]."""
    return tunnelling.conserved_magnetization_current(*tunnelling.collinear_coefficients(T), *mu)[..., None]


def case(regime: str, magnets: str, accumulation: str, angles: np.ndarray, P: np.ndarray) -> Record:
    """Return the currents [angle, side] of one junction with one accumulation, per charge current, and their errors."""
    mu = potentials(*ACCUMULATIONS[accumulation])
    currents, T = lead_currents(P, mu), transmitted(P)
    D = tunnelling.spin_factors_from_collinear(T[0], T[-1])
    J = currents[:, 0].sum(axis=-1)[:, None]
    exact = currents @ SIGNS / J
    told = {
        "baseline": one_current(T, mu) / J,  # (1) with the spin-conserving channels of each angle
        "fixed": one_current(T[0], mu) / J,  # (1) with those of Φ = 0 at every angle
        "transmitted": both_currents(T, *mu) / J,  # (3), (4) with T_ss' at each angle
        "paper": both_currents(tunnelling.rotation_law(D, angles), *mu) / J,  # (3), (4) fed with Φ = 0 and π
    }
    error = {name: abs(exact - theory).max(axis=1) for name, theory in told.items()}  # the larger of both sides
    # half of |J_M^R - J_M^L|, the least error of any one number for both sides, and what the vectors do not conserve
    unavoidable = abs(tunnelling.implicit_torque(*exact.T)) / 2
    vector = np.linalg.norm(tunnelling.vector_difference(*exact.T, unit_vector(0.0), unit_vector(angles)), axis=-1)
    middle = int(np.argmin(abs(angles - np.pi / 2)))
    at_90 = {name: float(x[middle]) for name, x in (error | {"best": unavoidable, "vector": vector}).items()}
    transmission = float(D.mean())  # over pairs of spins, per unit cell
    return Record(locals())


def cases_of(
    lab: Laboratory, name: tuple[str, str], angles: np.ndarray, averaged: bool = True, **parameters: Any
) -> dict[str, Record]:
    """Scatter off one junction at all angles (from 0 to π) and apply every accumulation.

    Normal incidence goes through the laboratory's audit, other k∥ end at band edges.
    """
    junctions = [JUNCTIONS[name](theta=angle, **parameters) for angle in angles]
    k, weight = np.zeros((1, 2)), np.ones(1)
    if averaged:  # exact to rounding without resonances
        c, weight = zone.nodes(np.unique(zone.thresholds(junctions[0], ENERGY)))
        k, weight = in_plane_vectors(c)[weight > 0], weight[weight > 0]
    for junction in junctions:
        lab.scatter(junction, ENERGY, (0.0, 0.0))
    states = [scatter(junction, ENERGY, k, solver="halves").probabilities for junction in junctions]
    P = np.array([np.tensordot(weight, state, 1) for state in states])
    return {accumulation: case(*name, accumulation, angles, P) for accumulation in ACCUMULATIONS}


def measure(quick: bool) -> Record:
    """Measure all junctions with all accumulations, averaged over k∥ and at normal incidence."""
    lab = Laboratory(spot_check_every=12)
    angles = np.linspace(0, np.pi, 7 if quick else 13)
    thicknesses, three = (2, 4, 6) if quick else (2, 3, 4, 6, 8, 10), np.linspace(0, np.pi, 3)
    thick = Records(cases_of(lab, ("tunnel", "identical"), three, thickness=n)["left only"] for n in thicknesses)
    cases = [one for name in JUNCTIONS for one in cases_of(lab, name, angles).values()]
    normal = [one for name in JUNCTIONS for one in cases_of(lab, name, angles, averaged=False).values()]
    errors = {theory: [one.at_90[theory] for one in thick] for theory in ("baseline", "paper")}
    powers = {theory: fit_power_law(thick.transmission, error) for theory, error in errors.items()}
    # largest error of (1) between parallel magnets, and change of J_M along the axis of antiparallel ones
    parallel = max(float(one.error["baseline"][0]) for one in cases + normal)
    changed = largest(one.exact[-1].sum() for one in cases + normal)
    # the accumulation in each junction whose error at 90° coefficients of (1) avoid least
    worst = {(one.regime, one.magnets): one for one in sorted(cases, key=lambda one: one.at_90["best"])}
    unavoidable = {name: worst[name].at_90["best"] for name in JUNCTIONS}
    J, left, right = currents_of_waves(JUNCTIONS[WORST](theta=np.pi / 2), ENERGY, *worst[WORST].mu)
    waves = abs(right - left) / J / 2
    # cases whose scalars agree at every angle: identical magnets, no or opposite accumulation
    silent = [one for one in cases if one.magnets == "identical" and one.accumulation != "left only"]
    scalar, vector = largest(one.unavoidable for one in silent), min(one.at_90["vector"] for one in silent)
    return Record(locals())


def numbers(m: Record) -> Record:
    """Return what the text quotes besides."""
    at_90 = {r: max(one.at_90["baseline"] for one in m.cases if one.regime == r) for r in ("tunnel", "metallic")}
    fixed = max(one.at_90["fixed"] for one in m.cases)
    collinear = max(one.at_90["paper"] for one in m.cases if one.regime == "metallic")
    best = ", ".join(f"{error:.2f} ({' '.join(name)})" for name, error in m.unavoidable.items())
    antiparallel = max(float(one.error["baseline"][-1]) for one in m.cases)
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(parallel: float, unavoidable: list[float]) -> str:
    """Return the verdict on: (1) is exact between parallel magnets and cannot always be used between others.

    ``parallel``: largest error at Φ = 0; ``unavoidable``: for each junction the largest error at 90° that no choice of
    coefficients avoids.
    """
    if parallel > ROUNDING or max(unavoidable) < ROUNDING:
        return "fails"
    return "holds" if min(unavoidable) > 1e-3 else "holds in a limit"


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    worst = m.worst[WORST]
    return Judged(
        printed=verdict(m.parallel, list(m.unavoidable.values())),
        corrected="holds in a limit" if m.powers["paper"].exponent > 0.8 else "fails",
        value=m.unavoidable[WORST],
        expected=float(abs(np.diff(worst.told["paper"])[worst.middle, 0]) / 2),
        tolerance=5e-5,  # of the order of the transmission per channel
        unit="J",
        route=Check("the same from the flux of the waves", m.waves, 1e-8, m.unavoidable[WORST]),
        checks=(
            # the k∥ mean, and with it the polarization, drifts with the thickness
            Check("power of the error of (1) in the transmission", m.powers["baseline"].exponent, 0.05),
            Check("error of (1) between parallel magnets", m.parallel, ROUNDING),
            Check("change of J_M along one axis between antiparallel magnets", m.changed, ROUNDING),
            Check("J_M^R − J_M^L of identical magnets, no or opposite accumulation", m.scalar, ROUNDING),
            *m.lab.checks(),
        ),
    )


@drawn("conserved-current-angle", 1, 2, height=4.0, sharey=True)
def draw_angles(m: Record, *axes: Any) -> None:
    """Plot the error of (1) against the angle."""
    colors = dict(zip(ACCUMULATIONS, ("theory", "right", "left"), strict=True))
    lines = {"identical": "-", "different": "--"}
    panels = {"tunnel": axes[0], "metallic": axes[1]}
    for one in m.cases:
        look, color = lines[one.magnets], colors[one.accumulation]
        curve(panels[one.regime], np.degrees(one.angles), one.error["baseline"], look, color)
    for panel, title in zip(axes, ("tunnel junction", "metallic contact"), strict=True):
        panel.set_title(title)
        angle_axis(panel)
    axes[0].set_ylabel("error of (1) / charge current")
    for accumulation, color in colors.items():
        curve(axes[0], [], [], "-", color, f"accumulation: {accumulation}")
    for magnets, line in lines.items():
        curve(axes[0], [], [], line, "muted", f"{magnets} magnets")
    legend_below(axes[0], 2)


@drawn("conserved-current-thickness", width=5.2, height=3.4)
def draw_thickness(m: Record, axes: Any) -> None:
    """Plot the errors of (1) and of (3), (4) against the transmission."""
    T, labels = m.thick.transmission, {"baseline": "equation (1)", "paper": "equations (3), (4) from Φ = 0, π"}
    for (theory, label), marker, color in zip(labels.items(), "os", ("right", "left"), strict=True):
        fit = m.powers[theory]
        axes.loglog(T, m.errors[theory], marker, color=color, label=f"{label}: power {fit.exponent:.2f}")
        axes.loglog(T, fit.power(T), "-", color=color, linewidth=0.8)
    axes.set(xlabel=r"transmission per unit cell, mean of $D_{ss'}$", ylim=(None, 30))
    axes.set_ylabel("error at 90° / charge current")
    axes.legend(loc="lower right")


def number(value: float) -> str:
    """Return an error for the table; rounding is written as zero."""
    if value < ROUNDING:
        return "0"
    return f"{value:.3f}" if value > 5e-4 else f"{value:.0e}"
