"""The text after equation (4): the torque t0 = (J_M^R - J_M^L)/(a µ_B) that clamps the magnetizations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, Scattering, unit_vector
from kwant_spinjunc.compare import Fit, fit_power_law
from kwant_spinjunc.plot.figures import COLORS, new_figure, styled
from kwant_spinjunc.report import Check, Claim, ClaimFigure
from kwant_spinjunc.spin import torque_axes
from kwant_spinjunc.theory import tunnelling
from kwant_spinjunc.transport.linear import linear_response
from systems.asymmetric_junction import asymmetric_junction
from systems.contact import contact
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction

from .microscopic import Laboratory
from .zone_average import k_average

#: The magnet of all junctions, unit t: three-dimensional bands, majority -1.5 to 10.5, minority -0.5 to 11.5.
IRON = {"onsite": 5.0, "splitting": 1.0, "in_plane_hopping": 1.0}
FAMILIES: dict[str, Callable[..., Junction]] = {
    "F|I|F": partial(tunnel_junction, height=3.0, **IRON),
    "F|N|F": partial(spin_valve, spacer_onsite=4.2, **IRON),
    "F|F": partial(contact, splitting_right=IRON["splitting"], **IRON),
    "F|I|F'": partial(asymmetric_junction, height=3.0, onsite_right=4.8, splitting_right=1.8, **IRON),
}
#: Families whose two magnets are equal, and the one where they are not.
IDENTICAL, DIFFERENT = ("F|I|F", "F|N|F", "F|F"), "F|I|F'"
#: Voltage ±1/2 without and with the spin accumulation µ_± = ±0.1 on both sides.
POTENTIALS = {
    "none": ((0.5, 0.5), (-0.5, -0.5)),
    "equal": ((0.6, 0.4), (-0.4, -0.6)),
}
#: Energy of all electrons, unit t.
ENERGY = 0.0
#: Parts of the charge current below this are rounding: sums of some hundred k∥ points of 1e-16 each, over sin Φ.
ROUNDING = 1e-10
#: Agreement of t0 with the torque that would count as the paper's statement.
AGREES = 0.01


@dataclass(frozen=True)
class Measured:
    """One junction family with one accumulation, k∥-averaged, at all angles; in units of the charge current J."""

    family: str
    accumulation: str
    angles: np.ndarray
    J_M: np.ndarray  # [angle, side], from probabilities
    torques: np.ndarray  # [angle, magnet, xyz], from the spin current through the spacer
    damping_like: np.ndarray  # [angle, magnet]
    field_like: np.ndarray  # [angle, magnet]

    @property
    def t0(self) -> np.ndarray:
        """The paper's torque, lattice constant 1."""
        return tunnelling.implicit_torque(self.J_M[:, 0], self.J_M[:, 1])

    @property
    def total(self) -> np.ndarray:
        """|τ_L + τ_R|, what both magnets take up together."""
        return np.linalg.norm(self.torques.sum(axis=1), axis=-1)

    @property
    def relation_defect(self) -> float:
        """Largest difference of the in-plane torques from those that J_M^L and J_M^R alone give."""
        predicted = np.stack(tunnelling.in_plane_torques(self.J_M[:, 0], self.J_M[:, 1], self.angles), axis=-1)
        return float(abs(predicted - self.damping_like).max())

    @property
    def longitudinal_defect(self) -> float:
        """Largest torque along the magnetization it acts on: zero if Q·m through the spacer is the J_M of the lead."""
        m = np.stack(np.broadcast_arrays(unit_vector(0.0), unit_vector(self.angles)), axis=1)
        return float(abs((self.torques * m).sum(axis=-1)).max())

    @property
    def bisector_defect(self) -> float:
        """Largest difference of t0 from -tan(Φ/2) (τ_L·e_L + τ_R·e_R), both magnets turning toward each other."""
        inside = np.sin(self.angles) > 1e-9
        both = self.damping_like.sum(axis=-1)[inside]
        return float(abs(self.t0[inside] + np.tan(self.angles[inside] / 2) * both).max())


@dataclass(frozen=True)
class Profile:
    """Where in the right magnet the torque is left, at Φ = 90° without accumulation; index 0 is its first plane."""

    family: str
    averaged: np.ndarray  # in-plane torque of each plane over the total, k∥ average
    one_k: np.ndarray  # the same at Γ alone

    @property
    def deposited(self) -> np.ndarray:
        """In-plane torque on all planes up to each, over the total."""
        return np.cumsum(self.averaged)

    def depth(self, share: float) -> int:
        """Return the plane, counted from 1, from which on the torque deposited stays within ``share`` of the total."""
        outside = np.flatnonzero(abs(self.deposited - 1) > share)
        return int(outside[-1]) + 2 if len(outside) else 1


# ---------------------------------------------------------------------- what is computed
def observe(scattering: Scattering) -> dict[str, np.ndarray]:
    """Return charge current, J_M, torque vectors and their components for every accumulation, per k∥."""
    found = {}
    for name, mu in POTENTIALS.items():
        response = linear_response(scattering, *mu)
        torques = response.torques
        found[f"{name} charge"] = response.charge[:, 0]
        found[f"{name} J_M"] = response.magnetization
        found[f"{name} torques"] = torques.vectors
        found[f"{name} components"] = np.stack([torques.damping_like, torques.field_like], axis=-1)
    return found


def measure(lab: Laboratory, family: str, angles: np.ndarray) -> list[Measured]:
    """Return currents and torques of one family at all angles, for every accumulation."""
    averages = [k_average(lab, FAMILIES[family](theta=angle), ENERGY, observe) for angle in angles]
    measured = []
    for name in POTENTIALS:
        J = [average[f"{name} charge"] for average in averages]
        J_M, torques, components = (
            np.array([average[f"{name} {quantity}"] / j for average, j in zip(averages, J, strict=True)])
            for quantity in ("J_M", "torques", "components")
        )
        measured.append(Measured(family, name, angles, J_M, torques, components[..., 0], components[..., 1]))
    return measured


def measure_profile(lab: Laboratory, family: str, planes: int) -> Profile:
    """Resolve the planes of the right magnet, averaged over k∥ and at Γ."""
    junction = replace(FAMILIES[family](theta=np.pi / 2), buffer=planes)
    in_plane, _ = torque_axes(junction.magnetizations[1], junction.magnetizations[0])

    def observe_planes(scattering: Scattering) -> dict[str, np.ndarray]:
        response = linear_response(scattering, *POTENTIALS["none"])
        planes_ = response.layer_torques[:, -planes:] @ in_plane
        return {"planes": planes_, "total": response.torques.damping_like[:, 1]}

    average = k_average(lab, junction, ENERGY, observe_planes, accuracy=1e-6)
    gamma = observe_planes(lab.scatter(junction, ENERGY, np.zeros((1, 2))))
    return Profile(family, average["planes"] / average["total"], gamma["planes"][0] / gamma["total"][0])


# ---------------------------------------------------------------------- what it says of the paper
def judge(ratios: Sequence[np.ndarray], small_angle: Sequence[float]) -> str:
    """Return the verdict from |t0|/|τ| of all cases: one everywhere, one for small angles, or neither."""
    if all(abs(ratio - 1).max() < AGREES for ratio in ratios):
        return "holds"
    return "holds in a limit" if all(abs(ratio - 1) < AGREES for ratio in small_angle) else "fails"


def captured(m: Measured) -> np.ndarray:
    """Return |t0|/|τ_L + τ_R| at the noncollinear angles."""
    inside = np.sin(m.angles) > 1e-9
    return abs(m.t0[inside]) / m.total[inside]


# ---------------------------------------------------------------------- figures
@styled
def draw_torques(measured: Sequence[Measured]) -> Any:
    """Plot t0, the total torque and its parts against the angle for identical and different magnets."""
    figure, axes = new_figure(1, 2, width=6.8, height=4.0, sharey=True)
    titles = {"F|I|F": "identical magnets, F|I|F", DIFFERENT: f"different magnets, {DIFFERENT}"}
    for panel, (family, title) in zip(axes, titles.items(), strict=True):
        m = next(m for m in measured if (m.family, m.accumulation) == (family, "none"))
        degrees = np.degrees(m.angles)
        predicted = tunnelling.in_plane_torques(m.J_M[:, 0], m.J_M[:, 1], m.angles)
        panel.plot(degrees, m.t0, "--", color=COLORS["theory"], label=r"$t_0$ of the paper")
        panel.plot(degrees, m.total, "-", color=COLORS["muted"], label=r"$|\tau_L+\tau_R|$")
        for side, name, marker in [(0, "left", "s"), (1, "right", "o")]:
            panel.plot(degrees, predicted[side], "-", color=COLORS[name], linewidth=1)
            label = rf"$\tau_{name[0].upper()}$ in plane"
            panel.plot(degrees, m.damping_like[:, side], marker, color=COLORS[name], label=label)
        panel.plot(degrees, m.field_like[:, 1], "^", color=COLORS["field_like"], label=r"$\tau_R$ out of plane")
        panel.set_title(title)
        panel.set_xlabel(r"angle $\Phi$ (degrees)")
        panel.set_xticks(range(0, 181, 45))
    axes[0].set_ylabel("torque / charge current")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


@styled
def draw_profile(profiles: Sequence[Profile]) -> Any:
    """Plot the torque on each plane, and how much of it is left up to a plane."""
    figure, (top, bottom) = new_figure(2, 1, width=6.4, height=5.2, sharex=True)
    tunnel = profiles[0]
    planes = np.arange(1, 41)
    shown = slice(len(planes))
    top.bar(
        planes, tunnel.averaged[shown], width=0.7, color=COLORS["damping_like"], label=r"$\mathbf{k}_\parallel$ average"
    )
    top.plot(planes, tunnel.one_k[shown], "o-", color=COLORS["minority"], linewidth=0.9, label=r"$\Gamma$ alone")
    top.axhline(0, color="black", linewidth=0.6)
    top.set_ylabel("in-plane torque of the plane\n/ total")
    top.set_title("F|I|F")
    top.set_ylim(-0.75, 1.0)
    top.legend(loc="upper right", ncols=2)
    looks = zip(("damping_like", "left", "field_like", "theory"), ("-", "--", "-", ":"), strict=True)
    for profile, (color, style) in zip(profiles, looks, strict=True):
        bottom.plot(planes, profile.deposited[shown], style, color=COLORS[color], label=profile.family)
    bottom.plot(
        planes, np.cumsum(tunnel.one_k)[shown], "-", color=COLORS["minority"], linewidth=0.9, label=r"F|I|F, $\Gamma$"
    )
    bottom.axhline(1, color=COLORS["muted"], linewidth=3, zorder=0, label="paper")
    bottom.set_xlabel("plane of the right magnet, counted from the interface")
    bottom.set_ylabel("in-plane torque deposited\n/ total")
    bottom.set_ylim(-0.35, 2.9)
    bottom.legend(loc="upper right", ncols=6, columnspacing=1.0, handlelength=1.6)
    return figure


def table(measured: Sequence[Measured], index: int) -> tuple[tuple[str, ...], ...]:
    """Return the rows: torques of all cases at one angle."""
    rows = [("junction", "accumulation", "t0/J", "|τ|/J", "τ_L in plane", "τ_R in plane", "τ_L out", "τ_R out")]
    for m in measured:
        numbers = [m.t0[index], m.total[index], *m.damping_like[index], *m.field_like[index]]
        rows.append((m.family, m.accumulation, *(f"{round(float(x), 4) + 0.0:.4f}" for x in numbers)))
    return tuple(rows)


def claim(quick: bool) -> Claim:
    """Compare t0 with the torque vector, the torque with the currents, and look where the torque is left."""
    lab = Laboratory(spot_check_every=20)
    angles = np.linspace(0, np.pi, 7 if quick else 19)
    measured = [m for family in FAMILIES for m in measure(lab, family, angles)]
    profiles = [measure_profile(lab, family, 60) for family in FAMILIES]
    small = np.radians(np.geomspace(0.5, 8.0, 4))
    power = fit_small_angles(measure(lab, "F|I|F", small))

    by_name = {(m.family, m.accumulation): m for m in measured}
    blind = max(float(captured(by_name[family, "none"]).max()) for family in IDENTICAL)
    ratios = [captured(m) for m in measured]
    verdict = judge(ratios, [float(ratio[0]) for ratio in ratios])
    middle = len(angles) // 2
    identical, different = by_name["F|I|F", "none"], by_name[DIFFERENT, "none"]
    relation = max(m.relation_defect for m in measured)
    longitudinal = max(m.longitudinal_defect for m in measured)
    bisector = max(m.bisector_defect for m in measured)
    field_like = {key: float(abs(m.field_like).max() / abs(m.damping_like).max()) for key, m in by_name.items()}
    no_field = max(field_like[family, "none"] for family in IDENTICAL)
    first = [float(profile.averaged[0]) for profile in profiles]
    depths = [profile.depth(0.1) for profile in profiles]
    swing = np.cumsum(profiles[0].one_k)[len(profiles[0].one_k) // 2 :].round(1) + 0.0
    finding = (
        "t0 sees the lengths of J_M^L m_L and J_M^R m_R and not their directions. Between identical magnets without "
        f"spin accumulation it is zero ({blind:.1g} of the torque) while the magnets take up |τ| = "
        f"{identical.total[middle]:.2f} J (90°, F|I|F); with equal accumulations |t0|/|τ| vanishes as "
        f"Φ^{power.exponent:.3f}; between antiparallel different magnets t0 = {different.t0[-1]:.2f} J where there is "
        f"no torque at all ({different.total[-1]:.1g} J). Exactly, t0 a = −tan(Φ/2)(τ_L·e_L + τ_R·e_R) (to "
        f"{bisector:.1g} J): it counts the turning of the two magnets toward each other and misses their turning in "
        "the same sense. The idea behind it, that the change of J_M is a torque, is exact for vectors: Q·m through "
        f"the spacer is the J_M of the lead (to {longitudinal:.1g} J), so that τ_L + τ_R = J_M^L m_L − J_M^R m_R, and "
        "both in-plane torques follow from the two scalars, τ_R·e_R = (J_M^L − J_M^R cos Φ)/sin Φ and τ_L·e_L = "
        f"−(J_M^R − J_M^L cos Φ)/sin Φ (Slonczewski's relations), to {relation:.1g} J, with currents from "
        "probabilities and torques from the spin flux. What no J_M contains is the field-like torque along m_L×m_R, "
        f"opposite on the two magnets: at symmetric voltage zero for identical magnets ({no_field:.1g} of the in-plane "
        f"torque), {field_like[DIFFERENT, 'none']:.0%} for different ones and {field_like['F|I|F', 'equal']:.0%} for "
        "identical ones with accumulation (F|I|F). Where it acts: at one k∥ nowhere in particular, the torque "
        f"deposited swings between {swing.min():g} and {swing.max():g} times the total however deep one looks. "
        f"Averaged over k∥ the first plane takes {min(first):.2f} to {max(first):.2f} of the in-plane torque in the "
        f"four junctions, and what is deposited stays within 10 % of the total from plane {min(depths)} to "
        f"{max(depths)} on. “All the torque comes at the interface” means a few to some tens of planes of a clean "
        "magnet."
    )
    return Claim(
        id="torque",
        title="The torque t0 on the clamped magnetizations",
        equations=("t0",),
        statement=(
            "The magnetization current changes by an implicit torque that clamps the magnetizations, t0 = (J_M^R − "
            "J_M^L)/(a µ_B); all of it comes at the interface."
        ),
        formula="t0 = (J_M^R − J_M^L)/(a µ_B)   against   τ = τ_L + τ_R = J_M^L m_L − J_M^R m_R",
        experiment=(
            "Spin current through the spacer and torque on every plane, k∥-averaged linear response, of three "
            f"junctions with identical magnets and one with different magnets at {len(angles)} angles; symmetric "
            "voltage without spin accumulation and with equal accumulations of ±0.1 V (what the voltage adds: the "
            "exchange coupling in equilibrium is not counted). For the profile 60 planes of each magnet are resolved "
            "(Φ = 90°)."
        ),
        parameter="For t0 none: no angle, barrier or magnet makes it the torque. For the depth: the k∥ sum.",
        verdict=verdict,
        finding=finding,
        value=blind,
        value_name="largest |t0|/|τ| between identical magnets without spin accumulation",
        expected=0.0,
        tolerance=ROUNDING,
        unit="",
        table=table(measured, middle),
        figures=(
            ClaimFigure(
                "torque-angle",
                "t0 and the exact torques over the charge current, k∥-averaged, symmetric voltage, no spin "
                "accumulation. Symbols: torques from the spin flux through the spacer, positive in plane = toward "
                "the other magnet; thin lines: from J_M^L and J_M^R alone. ε = 5 t, Δ = t, t∥ = t, barrier ε = 8 t, "
                "4 planes; F': ε = 4.8 t, Δ = 1.8 t; E = 0.",
                draw_torques(measured),
            ),
            ClaimFigure(
                "torque-profile",
                "Where the right magnet takes up its in-plane torque at Φ = 90°. Top: plane by plane, for one k∥ and "
                "averaged. Bottom: sum up to a plane. The same junctions; spacer of F|N|F: 5 planes, ε = 4.2 t.",
                draw_profile(profiles),
            ),
        ),
        checks=(
            Check("in-plane torques against J_M^L, J_M^R, in J", relation, ROUNDING),
            Check("torque along the magnetization it acts on, in J", longitudinal, ROUNDING),
            Check("t0 against −tan(Φ/2)(τ_L·e_L + τ_R·e_R), in J", bisector, ROUNDING),
            Check("field-like torque, identical magnets, symmetric bias, of the in-plane torque", no_field, ROUNDING),
            # corrections to the power are of relative order Φ² < 0.02 at the largest angle of the fit
            Check("power of Φ of |t0|/|τ|", power.exponent, 0.02, expected=1.0),
            *lab.checks(),
        ),
    )


def fit_small_angles(measured: Sequence[Measured]) -> Fit:
    """Fit the power of Φ with which |t0|/|τ| vanishes, with equal accumulations."""
    equal = next(m for m in measured if m.accumulation == "equal")
    return fit_power_law(equal.angles, captured(equal))
