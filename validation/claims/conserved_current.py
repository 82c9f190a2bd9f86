"""Equation (1), one conserved magnetization current, as the baseline: the error one makes with it, case by case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, Scattering, unit_vector
from kwant_spinjunc.halves import zone
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.theory import tunnelling
from kwant_spinjunc.transport.linear import linear_response
from systems.asymmetric_junction import asymmetric_junction
from systems.contact import contact
from systems.tunnel_junction import tunnel_junction

from ..claim import Check, Judged, Record
from ..compare import Fit, fit_power_law
from ..currents import currents_of_waves
from ..figures import COLORS, angle_axis, drawn, legend_below
from ..laboratory import Laboratory

#: The left magnet of all junctions, unit t: three-dimensional bands, majority -1.5 to 10.5, minority -0.5 to 11.5.
IRON = {"onsite": 5.0, "splitting": 1.0, "in_plane_hopping": 1.0}
#: [regime, magnets]. The tunnel barrier is at least 2 t above the energy at every k∥, the contact has none.
JUNCTIONS: dict[tuple[str, str], Callable[..., Junction]] = {
    ("tunnel", "identical"): partial(tunnel_junction, height=3.0, **IRON),
    ("tunnel", "different"): partial(asymmetric_junction, height=3.0, onsite_right=4.8, splitting_right=1.8, **IRON),
    ("metallic", "identical"): partial(contact, splitting_right=1.0, **IRON),
    ("metallic", "different"): partial(contact, splitting_right=1.8, **IRON),
}
#: Spin accumulation (µ_+ - µ_-)/2 on the left and on the right in units of the voltage.
ACCUMULATIONS = {"none": (0.0, 0.0), "left only": (0.2, 0.0), "opposite": (0.2, -0.2)}
ENERGY = 0.0
#: Differences below this part of the charge current are rounding: k∥ averages of some hundred points of 1e-16 each.
ROUNDING = 1e-10

#: The junction of the headline.
WORST = ("tunnel", "different")


@dataclass(frozen=True)
class Case:
    """One junction with one accumulation at all angles; magnetization currents per charge current."""

    regime: str
    magnets: str
    accumulation: str
    angles: np.ndarray
    exact: np.ndarray  # [angle, side]
    baseline: np.ndarray  # (1) with the spin-conserving channels of each angle
    fixed: np.ndarray  # (1) with those of Φ = 0 at every angle
    transmitted: np.ndarray  # (3), (4) with T_ss' at each angle, [angle, side]
    paper: np.ndarray  # (3), (4) fed with Φ = 0 and π, [angle, side]
    transmission: float  # mean of D over pairs of spins, per unit cell

    def error(self, theory: np.ndarray) -> np.ndarray:
        """Return the larger error over both sides, shape [angle]."""
        return abs(self.exact - theory.reshape(len(self.angles), -1)).max(axis=1)

    @property
    def right_angle(self) -> int:
        """Index of Φ = 90°."""
        return int(np.argmin(abs(self.angles - np.pi / 2)))

    @property
    def unavoidable(self) -> np.ndarray:
        """Half of |J_M^R - J_M^L|: the least error of any one number for both sides, shape [angle]."""
        return abs(tunnelling.implicit_torque(*self.exact.T)) / 2

    @property
    def vector(self) -> np.ndarray:
        """|J_M^R m_R - J_M^L m_L|, what is not conserved of the vector, shape [angle]."""
        m_left, m_right = unit_vector(0.0), unit_vector(self.angles)
        return np.linalg.norm(tunnelling.vector_difference(*self.exact.T, m_left, m_right), axis=-1)


# ---------------------------------------------------------------------- what is computed
def potentials(accumulation: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return µ_L and µ_R per spin: a bias of 1 and the accumulation."""
    left, right = ACCUMULATIONS[accumulation]
    return (0.5 + left, 0.5 - left), (-0.5 + right, -0.5 - right)


def one_current(T: np.ndarray, mu: Any) -> np.ndarray:
    """Return J_M of equation (1) with α_s = β_s = s T_ss."""
    return tunnelling.conserved_magnetization_current(*tunnelling.collinear_coefficients(T), *mu)


def two_currents(T: np.ndarray, mu: Any) -> np.ndarray:
    """Return J_M^L and J_M^R of equations (3) and (4), shape [..., side]."""
    return np.stack([tunnelling.magnetization_current(T, *mu, side) for side in ("left", "right")], axis=-1)


def zone_mesh(junction: Junction) -> tuple[np.ndarray, np.ndarray]:
    """Return k∥ (kx, kz) in 1/a and weights of the Brillouin-zone average; exact to rounding without resonances."""
    c, weight = zone.nodes(np.unique(zone.thresholds(junction, ENERGY)))
    return np.stack([np.arccos(c / 2)] * 2, axis=-1)[weight > 0], weight[weight > 0]


def solve(lab: Laboratory, junction: Junction, k: np.ndarray) -> Scattering:
    """Scatter at all ``k``; normal incidence goes through the laboratory's audit, other k∥ end at band edges."""
    lab.scatter(junction, ENERGY, (0.0, 0.0))
    return scatter(junction, ENERGY, k, solver="halves")


def measure_cases(
    lab: Laboratory, name: tuple[str, str], angles: np.ndarray, averaged: bool = True, **parameters: Any
) -> list[Case]:
    """Scatter off one junction at all angles (from 0 to π) and apply every accumulation."""
    junctions = [JUNCTIONS[name](theta=angle, **parameters) for angle in angles]
    k, weight = zone_mesh(junctions[0]) if averaged else (np.zeros((1, 2)), np.ones(1))
    states = [solve(lab, junction, k) for junction in junctions]
    T = np.array([np.tensordot(weight, state.transmissions, 1) for state in states])
    D = tunnelling.spin_factors_from_collinear(T[0], T[-1])
    found = []
    for accumulation in ACCUMULATIONS:
        mu = potentials(accumulation)
        responses = [linear_response(state, *mu) for state in states]
        J = np.array([weight @ response.charge[:, 0] for response in responses])
        found.append(
            Case(
                *name,
                accumulation,
                angles,
                exact=np.array([weight @ response.magnetization for response in responses]) / J[:, None],
                baseline=one_current(T, mu) / J,
                fixed=one_current(T[0], mu) / J,
                transmitted=two_currents(T, mu) / J[:, None],
                paper=two_currents(tunnelling.rotation_law(D, angles), mu) / J[:, None],
                transmission=float(D.mean()),
            )
        )
    return found


def power(thick: Sequence[Case], theory: str) -> Fit:
    """Return the power of an error at 90° in the transmission, from barriers of growing thickness."""
    errors = [case.error(getattr(case, theory))[case.right_angle] for case in thick]
    return fit_power_law([case.transmission for case in thick], errors)


def worst_of(cases: Sequence[Case], name: tuple[str, str]) -> Case:
    """Return the accumulation in one junction whose error at 90° coefficients of (1) avoid least."""
    return max((c for c in cases if (c.regime, c.magnets) == name), key=lambda c: c.unavoidable[c.right_angle])


def measure(quick: bool) -> Record:
    """Measure all junctions with all accumulations, averaged over k∥ and at normal incidence."""
    lab = Laboratory(spot_check_every=12)
    angles = np.linspace(0, np.pi, 7 if quick else 13)
    thicknesses, three = (2, 4, 6) if quick else (2, 3, 4, 6, 8, 10), np.linspace(0, np.pi, 3)
    thick = [
        case
        for n in thicknesses
        for case in measure_cases(lab, ("tunnel", "identical"), three, thickness=n)
        if case.accumulation == "left only"
    ]
    cases = [case for name in JUNCTIONS for case in measure_cases(lab, name, angles)]
    normal = [case for name in JUNCTIONS for case in measure_cases(lab, name, angles, averaged=False)]
    checks, powers = lab.checks(), {theory: power(thick, theory) for theory in ("baseline", "paper")}
    # largest error of (1) between parallel magnets, and change of J_M along the axis of antiparallel ones
    parallel = max(float(case.error(case.baseline)[0]) for case in cases + normal)
    changed = max(float(abs(case.exact[-1].sum())) for case in cases + normal)
    worst = {name: worst_of(cases, name) for name in JUNCTIONS}
    unavoidable = {name: float(case.unavoidable[case.right_angle]) for name, case in worst.items()}
    worst_case, worst_tunnel = worst[WORST], unavoidable[WORST]
    J, left, right = currents_of_waves(JUNCTIONS[WORST](theta=np.pi / 2), ENERGY, *potentials(worst_case.accumulation))
    waves = abs(right - left) / J / 2
    # cases whose scalars agree at every angle: identical magnets, no or opposite accumulation
    silent = [case for case in cases if case.magnets == "identical" and case.accumulation != "left only"]
    scalar = max(float(case.unavoidable.max()) for case in silent)
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(parallel: float, unavoidable: Sequence[float]) -> str:
    """Return the verdict on: (1) is exact between parallel magnets and cannot always be used between others.

    ``parallel``: largest error at Φ = 0; ``unavoidable``: for each junction the largest error at 90° that no choice of
    coefficients avoids.
    """
    if parallel > ROUNDING or max(unavoidable) < ROUNDING:
        return "fails"
    return "holds" if min(unavoidable) > 1e-3 else "holds in a limit"


@drawn("conserved-current-angle", 1, 2, height=4.0, sharey=True)
def draw_angles(m: Record, *axes: Any) -> None:
    """Plot the error of (1) against the angle."""
    colors = dict(zip(ACCUMULATIONS, (COLORS["theory"], COLORS["right"], COLORS["left"]), strict=True))
    lines = {"identical": "-", "different": "--"}
    for panel, regime in zip(axes, ("tunnel", "metallic"), strict=True):
        for case in m.cases:
            if case.regime == regime:
                look = {"color": colors[case.accumulation], "linestyle": lines[case.magnets]}
                panel.plot(np.degrees(case.angles), case.error(case.baseline), **look)
        panel.set_title({"tunnel": "tunnel junction", "metallic": "metallic contact"}[regime])
        angle_axis(panel)
    axes[0].set_ylabel("error of (1) / charge current")
    for accumulation, color in colors.items():
        axes[0].plot([], [], color=color, label=f"accumulation: {accumulation}")
    for magnets, line in lines.items():
        axes[0].plot([], [], color=COLORS["muted"], linestyle=line, label=f"{magnets} magnets")
    legend_below(axes[0], 2)


@drawn("conserved-current-thickness", width=5.2, height=3.4)
def draw_thickness(m: Record, axes: Any) -> None:
    """Plot the errors of (1) and of (3), (4) against the transmission."""
    T = np.array([case.transmission for case in m.thick])
    for theory, label, marker, color in [
        ("baseline", "equation (1)", "o", COLORS["right"]),
        ("paper", "equations (3), (4) from Φ = 0, π", "s", COLORS["left"]),
    ]:
        error = [case.error(getattr(case, theory))[case.right_angle] for case in m.thick]
        fit = m.powers[theory]
        axes.loglog(T, error, marker, color=color, label=f"{label}: power {fit.exponent:.2f}")
        axes.loglog(T, fit.prefactor * T**fit.exponent, "-", color=color, linewidth=0.8)
    axes.set(
        xlabel=r"transmission per unit cell, mean of $D_{ss'}$", ylabel="error at 90° / charge current", ylim=(None, 30)
    )
    axes.legend(loc="lower right")


def number(value: float) -> str:
    """Return an error for the table; rounding is written as zero."""
    if value < ROUNDING:
        return "0"
    return f"{value:.3f}" if value > 5e-4 else f"{value:.0e}"


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    return Judged(
        printed=verdict(m.parallel, list(m.unavoidable.values())),
        corrected="holds in a limit" if m.powers["paper"].exponent > 0.8 else "fails",
        value=m.worst_tunnel,
        expected=float(abs(np.diff(m.worst_case.paper)[m.worst_case.right_angle, 0]) / 2),
        tolerance=5e-5,  # of the order of the transmission per channel
        unit="J",
        route=Check("the same from the flux of the waves", m.waves, 1e-8, m.worst_tunnel),
        checks=(
            # the k∥ mean, and with it the polarization, drifts with the thickness
            Check("power of the error of (1) in the transmission", m.powers["baseline"].exponent, 0.05),
            Check("error of (1) between parallel magnets", m.parallel, ROUNDING),
            Check("change of J_M along one axis between antiparallel magnets", m.changed, ROUNDING),
            Check("J_M^R − J_M^L of identical magnets, no or opposite accumulation", m.scalar, ROUNDING),
            *m.checks,
        ),
    )


def numbers(m: Record) -> Record:
    """Return what the text quotes besides."""
    cases = m.cases
    at_90 = {
        regime: max(float(case.error(case.baseline)[case.right_angle]) for case in cases if case.regime == regime)
        for regime in ("tunnel", "metallic")
    }
    fixed = max(float(case.error(case.fixed)[case.right_angle]) for case in cases)
    collinear = max(float(case.error(case.paper)[case.right_angle]) for case in cases if case.regime == "metallic")
    best = ", ".join(f"{error:.2f} ({' '.join(name)})" for name, error in m.unavoidable.items())
    vector = min(float(case.vector[case.right_angle]) for case in m.silent)
    antiparallel = max(float(case.error(case.baseline)[-1]) for case in cases)
    return Record(locals())
