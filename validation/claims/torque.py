"""The text after equation (4): the torque t0 = (J_M^R - J_M^L)/(a µ_B) that clamps the magnetizations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, Scattering, barrier, ferromagnet, unit_vector
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.spin import SIGNS, torque_axes
from kwant_spinjunc.theory import tunnelling
from kwant_spinjunc.transport.linear import linear_response

from ..claim import Check, Judged, Record
from ..figures import COLORS, angle_axis, drawn, legend_below
from ..laboratory import DIFFERENT, FAMILIES, IDENTICAL, Laboratory, k_average, lead_currents
from .conservation import ENERGY, ROUNDING, potentials

#: Voltage ±1/2 without and with the same spin accumulation on both sides.
POTENTIALS = {name: potentials(name) for name in ("none", "equal")}


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


def sample(lab: Laboratory, family: str, angles: np.ndarray) -> list[Record]:
    """Return currents and torques of one family at all angles, for every accumulation, per charge current."""
    averages = [k_average(lab, FAMILIES[family](theta=angle), ENERGY, observe) for angle in angles]
    found = []
    for name in POTENTIALS:
        J = [average[f"{name} charge"] for average in averages]
        found.append(
            torques_of(
                family,
                name,
                angles,
                *(
                    np.array([average[f"{name} {quantity}"] / j for average, j in zip(averages, J, strict=True)])
                    for quantity in ("J_M", "torques", "components")
                ),
            )
        )
    return found


def torques_of(
    family: str, accumulation: str, angles: np.ndarray, J_M: np.ndarray, torques: np.ndarray, components: np.ndarray
) -> Record:
    """Compare t0 with the torque: J_M [angle, side] from probabilities, torques [angle, magnet, xyz] in the spacer."""
    damping_like, field_like = components[..., 0], components[..., 1]
    m = unit_vector(0.0), unit_vector(angles)
    t0 = tunnelling.implicit_torque(J_M[:, 0], J_M[:, 1])
    both = torques.sum(axis=1)  # what both magnets take up together
    total = np.linalg.norm(both, axis=-1)
    vector = tunnelling.vector_difference(J_M[:, 0], J_M[:, 1], *m)
    vector_defect = float(np.linalg.norm(vector + both, axis=-1).max())
    # the in-plane torques that J_M^L and J_M^R alone give; Q·m through the spacer is the J_M of the lead
    predicted = np.stack(tunnelling.in_plane_torques(J_M[:, 0], J_M[:, 1], angles), axis=-1)
    relation_defect = float(abs(predicted - damping_like).max())
    along = (torques * np.stack(np.broadcast_arrays(*m), axis=1)).sum(axis=-1)
    longitudinal_defect = float(abs(along).max())
    return Record(locals())


def measure_profile(lab: Laboratory, family: str, planes: int) -> Record:
    """Resolve the in-plane torque on the right magnet by planes, over the total, averaged over k∥ and at Γ."""
    junction = replace(FAMILIES[family](theta=np.pi / 2), buffer=planes)
    in_plane, _ = torque_axes(junction.magnetizations[1], junction.magnetizations[0])

    def observe_planes(scattering: Scattering) -> dict[str, np.ndarray]:
        response = linear_response(scattering, *POTENTIALS["none"])
        planes_ = response.layer_torques[:, -planes:] @ in_plane
        return {"planes": planes_, "total": response.torques.damping_like[:, 1]}

    average = k_average(lab, junction, ENERGY, observe_planes, accuracy=1e-6)
    gamma = observe_planes(lab.scatter(junction, ENERGY, np.zeros((1, 2))))
    averaged, one_k = average["planes"] / average["total"], gamma["planes"][0] / gamma["total"][0]
    deposited = np.cumsum(averaged)
    # the plane, counted from 1, from which on the torque deposited stays within a tenth of the total
    outside = np.flatnonzero(abs(deposited - 1) > 0.1)
    depth = int(outside[-1]) + 2 if len(outside) else 1
    return Record(locals())


def clamping_defect(junction: Junction, mu: Any) -> float:
    """Return |t0 + τ_L + τ_R| per unit of the largest current, vectors, by Kwant.

    t0 = J_M^R m_R - J_M^L m_L from probabilities; the torque from the exchange field, Δ m × ⟨σ⟩ of the planes of both
    magnets, and what the transverse flux through the outer bonds carries on into the leads.
    """
    state, weight, inner = scatter(junction, ENERGY), np.array(mu), junction.buffer
    currents = lead_currents(state.probabilities, mu)
    m_left, m_right = junction.magnetizations
    density = np.einsum("lsnc,ls->nc", state.fields.densities, weight)[:, 1:]
    torque = junction.plane_splitting[:, None] * np.cross(junction.plane_m, density)
    flux = np.einsum("lsbc,ls->bc", state.fields.currents[..., [0, -1], 1:], weight)
    tails = [Q - (Q @ m) * m for Q, m in zip(flux, (m_left, m_right), strict=True)]
    total = torque[1:inner].sum(axis=0) + torque[-inner:-1].sum(axis=0) - tails[0] + tails[1]
    t0 = tunnelling.vector_difference(*(currents @ SIGNS), m_left, m_right)
    return float(np.linalg.norm(t0 + total) / abs(currents).max())


def random_clamping(count: int) -> tuple[float, float]:
    """Return the largest defect of random noncoplanar junctions, half-metals among them, and with magnetic barriers.

    In the second number a magnetic plane of the barrier takes spin too, which is not counted.
    """
    rng, plain, magnetic = np.random.default_rng(4), 0.0, 1.0
    for n in range(count):
        m = [unit_vector(np.arccos(rng.uniform(-1, 1)), rng.uniform(0, 2 * np.pi)) for _ in range(3)]
        splitting = 2.4 if n % 4 == 0 else rng.uniform(0.2, 1.5)  # half-metal: the minority band ends above E = 0
        left = ferromagnet(onsite=1.0, hopping=1.0, splitting=splitting, m=m[0])
        right = ferromagnet(onsite=rng.uniform(0.2, 1.0), hopping=1.0, splitting=rng.uniform(0.2, 1.5), m=m[1])
        spacer = barrier(onsite=rng.uniform(0.5, 3.0), hopping=1.0, thickness=2)
        mu = (rng.uniform(-1, 1, 2), rng.uniform(-1, 1, 2))
        plain = max(plain, clamping_defect(Junction(left, [spacer], right, buffer=4), mu))
        turned = Junction(left, [replace(spacer, splitting=0.5, m=m[2])], right, buffer=4)
        magnetic = min(magnetic, clamping_defect(turned, mu))
    return plain, magnetic


# ---------------------------------------------------------------------- what it says of the paper
def verdict(defects: Sequence[float]) -> str:
    """Return the verdict on t0 as a vector."""
    return "holds" if max(defects) < ROUNDING else "fails"


@drawn("torque-angle", 1, 2, width=6.8, height=4.0, sharey=True)
def draw_torques(record: Record, *axes: Any) -> None:
    """Plot t0, the total torque and its parts against the angle for identical and different magnets."""
    titles = {"F|I|F": "identical magnets, F|I|F", DIFFERENT: f"different magnets, {DIFFERENT}"}
    for panel, (family, title) in zip(axes, titles.items(), strict=True):
        m = next(m for m in record.measured if (m.family, m.accumulation) == (family, "none"))
        degrees = np.degrees(m.angles)
        predicted = tunnelling.in_plane_torques(m.J_M[:, 0], m.J_M[:, 1], m.angles)
        panel.plot(degrees, abs(m.t0), "--", color=COLORS["theory"], label=r"$|t_0|$ of the lengths")
        panel.plot(degrees, m.total, "-", color=COLORS["muted"], label=r"$|t_0|$ of the vectors $=|\tau_L+\tau_R|$")
        for side, name, marker in [(0, "left", "s"), (1, "right", "o")]:
            panel.plot(degrees, predicted[side], "-", color=COLORS[name], linewidth=1)
            label = rf"$\tau_{name[0].upper()}$ in plane"
            panel.plot(degrees, m.damping_like[:, side], marker, color=COLORS[name], label=label)
        panel.plot(degrees, m.field_like[:, 1], "^", color=COLORS["field_like"], label=r"$\tau_R$ out of plane")
        panel.set_title(title)
        angle_axis(panel)
    axes[0].set_ylabel("torque / charge current")
    legend_below(axes[0], 3)


@drawn("torque-profile", 2, 1, width=6.4, height=5.2, sharex=True)
def draw_profile(m: Record, top: Any, bottom: Any) -> None:
    """Plot the torque on each plane, and how much of it is left up to a plane."""
    tunnel = m.profiles[0]
    planes = np.arange(1, 41)
    shown = slice(len(planes))
    top.bar(
        planes, tunnel.averaged[shown], width=0.7, color=COLORS["damping_like"], label=r"$\mathbf{k}_\parallel$ average"
    )
    top.plot(planes, tunnel.one_k[shown], "o-", color=COLORS["minority"], linewidth=0.9, label=r"$\Gamma$ alone")
    top.axhline(0, color="black", linewidth=0.6)
    top.set(ylabel="in-plane torque of the plane\n/ total", title="F|I|F", ylim=(-0.75, 1.0))
    top.legend(loc="upper right", ncols=2)
    looks = zip(("damping_like", "left", "field_like", "theory"), ("-", "--", "-", ":"), strict=True)
    for profile, (color, style) in zip(m.profiles, looks, strict=True):
        bottom.plot(planes, profile.deposited[shown], style, color=COLORS[color], label=profile.family)
    bottom.plot(
        planes, np.cumsum(tunnel.one_k)[shown], "-", color=COLORS["minority"], linewidth=0.9, label=r"F|I|F, $\Gamma$"
    )
    bottom.axhline(1, color=COLORS["muted"], linewidth=3, zorder=0, label="paper")
    bottom.set(
        xlabel="plane of the right magnet, counted from the interface",
        ylabel="in-plane torque deposited\n/ total",
        ylim=(-0.35, 2.9),
    )
    bottom.legend(loc="upper right", ncols=6, columnspacing=1.0, handlelength=1.6)


def measure(quick: bool) -> Record:
    """Compare t0 with the torque vector, the torque with the currents, and look where the torque is left."""
    lab = Laboratory(spot_check_every=20)
    angles = np.linspace(0, np.pi, 7 if quick else 19)
    measured = [m for family in FAMILIES for m in sample(lab, family, angles)]
    profiles = [measure_profile(lab, family, 60) for family in FAMILIES]
    by_name = {(m.family, m.accumulation): m for m in measured}
    middle = len(angles) // 2
    averaged = max(m.vector_defect for m in measured)
    relation = max(m.relation_defect for m in measured)
    longitudinal = max(m.longitudinal_defect for m in measured)
    field_like = {key: float(abs(m.field_like).max() / abs(m.damping_like).max()) for key, m in by_name.items()}
    no_field = max(field_like[family, "none"] for family in IDENTICAL)
    first = [float(profile.averaged[0]) for profile in profiles]
    depths = [profile.depth for profile in profiles]
    swing = np.cumsum(profiles[0].one_k)[len(profiles[0].one_k) // 2 :].round(1) + 0.0
    clamping, magnetic = random_clamping(12 if quick else 40)
    return Record(locals())


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    return Judged(
        printed=verdict([m.clamping, m.longitudinal]),
        corrected=verdict([m.relation]),
        value=m.clamping,
        tolerance=1e-12,
        unit="of the largest current",
        route=Check("the same from fluxes through the spacer, k∥-averaged, in J", m.averaged, ROUNDING),
        checks=(
            Check("in-plane torques against J_M^L, J_M^R, in J", m.relation, ROUNDING),
            Check("torque along the magnetization it acts on, in J", m.longitudinal, ROUNDING),
            Check("field-like torque, identical magnets, symmetric bias, of the in-plane", m.no_field, ROUNDING),
            # a magnetic barrier takes spin of its own: the identity must then fail
            Check("smallest defect with a magnetic plane in the barrier", m.magnetic, 0.999, expected=1.0),
            *m.lab.checks(),
        ),
    )
