"""The text after equation (4): the torque t0 = (J_M^R - J_M^L)/(a µ_B) that clamps the magnetizations."""

from dataclasses import replace
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, Scattering, barrier, ferromagnet, unit_vector
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.spin import SIGNS
from kwant_spinjunc.theory import tunnelling
from kwant_spinjunc.transport.linear import linear_response

from ..claim import Check, Judged, Record, Records
from ..compare import largest
from ..currents import lead_currents, potentials
from ..figures import angle_axis, curve, drawn, legend_below
from ..laboratory import DIFFERENT, FAMILIES, IDENTICAL, Laboratory, across, k_average
from .conservation import ACCUMULATIONS, ENERGY, ROUNDING

#: Voltage ±1/2 without and with the same spin accumulation on both sides.
POTENTIALS = {name: potentials(*ACCUMULATIONS[name]) for name in ("none", "equal")}


# ---------------------------------------------------------------------- what is computed
def observe(scattering: Scattering) -> dict[str, np.ndarray]:
    """Return charge current, J_M, torque vectors and their components, [k∥, accumulation, ...]."""
    driven = [linear_response(scattering, *mu) for mu in POTENTIALS.values()]
    components = [np.stack([r.torques.damping_like, r.torques.field_like], axis=-1) for r in driven]
    found = {
        "charge": [r.charge[:, 0] for r in driven],
        "J_M": [r.magnetization for r in driven],
        "vectors": [r.torques.vectors for r in driven],
        "components": components,
    }
    return {name: np.stack(arrays, axis=1) for name, arrays in found.items()}


def sample(lab: Laboratory, family: str, angles: np.ndarray) -> dict[tuple[str, str], Record]:
    """Return currents and torques of one family at all angles, per charge current, by family and accumulation."""
    averages = Records(Record(k_average(lab, FAMILIES[family](theta=angle), ENERGY, observe)) for angle in angles)
    J = averages.charge.T[..., None, None]  # [accumulation, angle]
    parts = (J[..., 0], averages.J_M), (J, averages.vectors), (J, averages.components)
    return {
        (family, name): torques_of(family, name, angles, *(x[:, i] / j[i] for j, x in parts))
        for i, name in enumerate(POTENTIALS)
    }


def torques_of(
    family: str, accumulation: str, angles: np.ndarray, J_M: np.ndarray, torques: np.ndarray, components: np.ndarray
) -> Record:
    """Compare t0 with the torque: J_M [angle, side] from probabilities, torques [angle, magnet, xyz] in the spacer."""
    damping_like, field_like = np.moveaxis(components, -1, 0)
    m = unit_vector(0.0), unit_vector(angles)
    t0 = tunnelling.implicit_torque(*J_M.T)
    both = torques.sum(axis=1)  # what both magnets take up together
    total = np.linalg.norm(both, axis=-1)
    vectors = tunnelling.vector_difference(*J_M.T, *m)  # t0 of the vectors
    vector_defect = largest([np.linalg.norm(vectors + both, axis=-1)])
    # the in-plane torques that J_M^L and J_M^R alone give; Q·m through the spacer is the J_M of the lead
    predicted = np.stack(tunnelling.in_plane_torques(*J_M.T, angles), axis=-1)
    relation_defect = largest([predicted - damping_like])
    longitudinal_defect = largest([(torques * np.stack(np.broadcast_arrays(*m), axis=1)).sum(axis=-1)])
    return Record(locals())


def measure_profile(lab: Laboratory, family: str, planes: int) -> Record:
    """Resolve the in-plane torque on the right magnet by planes, over the total, averaged over k∥ and at Γ."""
    junction = replace(FAMILIES[family](theta=np.pi / 2), buffer=planes)
    m_left, m_right = junction.magnetizations

    def observe_planes(scattering: Scattering) -> dict[str, np.ndarray]:
        response = linear_response(scattering, *POTENTIALS["none"])
        of_planes = across(response.layer_torques[:, -planes:], m_right, m_left).real
        return {"planes": of_planes, "total": response.torques.damping_like[:, 1]}

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


def measure(quick: bool) -> Record:
    """Compare t0 with the torque vector, the torque with the currents, and look where the torque is left."""
    lab = Laboratory(spot_check_every=20)
    angles = np.linspace(0, np.pi, 7 if quick else 19)
    measured = {key: m for family in FAMILIES for key, m in sample(lab, family, angles).items()}
    profiles = Records(measure_profile(lab, family, 60) for family in FAMILIES)
    every, middle = Records(measured.values()), len(angles) // 2
    averaged, relation = max(every.vector_defect), max(every.relation_defect)
    longitudinal = max(every.longitudinal_defect)
    field_like = {key: float(abs(m.field_like).max() / abs(m.damping_like).max()) for key, m in measured.items()}
    no_field = max(field_like[family, "none"] for family in IDENTICAL)
    first, depths = profiles.averaged[:, 0], profiles.depth
    swing = np.cumsum(profiles[0].one_k)[len(profiles[0].one_k) // 2 :].round(1) + 0.0
    clamping, magnetic = random_clamping(12 if quick else 40)
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(defects: list[float]) -> str:
    """Return the verdict on t0 as a vector."""
    return "holds" if max(defects) < ROUNDING else "fails"


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
            Check("smallest defect with a magnetic plane in the barrier", m.magnetic, 0.999, 1.0),
            *m.lab.checks(),
        ),
    )


@drawn("torque-angle", 1, 2, width=6.8, height=4.0, sharey=True)
def draw_torques(record: Record, *axes: Any) -> None:
    """Plot t0, the total torque and its parts against the angle for identical and different magnets."""
    titles = {"F|I|F": "identical magnets, F|I|F", DIFFERENT: f"different magnets, {DIFFERENT}"}
    for panel, (family, title) in zip(axes, titles.items(), strict=True):
        m = record.measured[family, "none"]
        degrees = np.degrees(m.angles)
        curve(panel, degrees, abs(m.t0), "--", "theory", r"$|t_0|$ of the lengths")
        curve(panel, degrees, m.total, "-", "muted", r"$|t_0|$ of the vectors $=|\tau_L+\tau_R|$")
        for side, name, marker in [(0, "left", "s"), (1, "right", "o")]:
            curve(panel, degrees, m.predicted[:, side], "-", name, linewidth=1)
            label = rf"$\tau_{name[0].upper()}$ in plane"
            curve(panel, degrees, m.damping_like[:, side], marker, name, label)
        curve(panel, degrees, m.field_like[:, 1], "^", "field_like", r"$\tau_R$ out of plane")
        panel.set_title(title)
        angle_axis(panel)
    axes[0].set_ylabel("torque / charge current")
    legend_below(axes[0], 3)


@drawn("torque-profile", 2, 1, width=6.4, height=5.2, sharex=True)
def draw_profile(m: Record, top: Any, bottom: Any) -> None:
    """Plot the torque on each plane, and how much of it is left up to a plane."""
    tunnel, shown = m.profiles[0], slice(40)
    planes = np.arange(1, 41)
    label = r"$\mathbf{k}_\parallel$ average"
    top.bar(planes, tunnel.averaged[shown], width=0.7, color="damping_like", label=label)
    curve(top, planes, tunnel.one_k[shown], "o-", "minority", r"$\Gamma$ alone", linewidth=0.9)
    top.axhline(0, color="black", linewidth=0.6)
    top.set(ylabel="in-plane torque of the plane\n/ total", title="F|I|F", ylim=(-0.75, 1.0))
    top.legend(loc="upper right", ncols=2)
    looks = zip(("damping_like", "left", "field_like", "theory"), ("-", "--", "-", ":"), strict=True)
    for profile, (color, style) in zip(m.profiles, looks, strict=True):
        curve(bottom, planes, profile.deposited[shown], style, color, profile.family)
    curve(bottom, planes, np.cumsum(tunnel.one_k)[shown], "-", "minority", r"F|I|F, $\Gamma$", linewidth=0.9)
    bottom.axhline(1, color="muted", linewidth=3, zorder=0, label="paper")
    bottom.set(xlabel="plane of the right magnet, counted from the interface", ylim=(-0.35, 2.9))
    bottom.set_ylabel("in-plane torque deposited\n/ total")
    bottom.legend(loc="upper right", ncols=6, columnspacing=1.0, handlelength=1.6)
