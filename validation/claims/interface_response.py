"""Equations (5) and (6): the linear response of an interface, its coefficients and what they leave open."""

from collections.abc import Mapping
from dataclasses import astuple, replace
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, Scattering
from kwant_spinjunc.halves import zone
from kwant_spinjunc.magnets.multiscale import cobalt
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.spin import SIGNS
from kwant_spinjunc.theory import interface
from kwant_spinjunc.theory.drift_diffusion import LANDAUER, match
from kwant_spinjunc.theory.interface import InterfaceResponse
from kwant_spinjunc.transport.vector_response import vector_interface, vector_response
from systems.contact import contact
from systems.tunnel_junction import tunnel_junction

from ..claim import Check, Judged, Record, Records
from ..compare import Fit, fit_power_law, largest, spin_factors
from ..currents import transmitted
from ..figures import angle_axis, curve, drawn, legend_below
from ..laboratory import FAMILIES, IRON, Laboratory, k_average, probabilities

#: The same magnet as a chain, one channel: for powers in the transmission without an average.
CHAIN = {"onsite": 1.0, "splitting": 1.0}
#: Angle of the table and of the powers.
ANGLE = np.pi / 2
#: (kx, kz) of the points that Kwant solves by itself, 1/a; both spins propagate.
SINGLE = (0.4, 0.2)
#: Heights of the barrier above the band center, unit t; the fits of powers use the last ones, tunneling throughout.
HEIGHTS = np.array([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0])
TUNNELING = 5
#: Splittings of the chemical potentials, unit t, for what is not linear.
SPLITS = np.geomspace(0.01, 0.1, 5)
#: Exchange splittings of a bare contact, unit t, towards the metallic limit.
WEAK = np.geomspace(0.02, 0.3, 5)
#: Points of the mesh along each axis of the zone.
MESH = 120
#: Side of a unit cell squared, nm², and ω of H in (7), 1/ps: none, 1 T, and the exchange field of 1 eV.
CELL = 0.0625
FIELDS = {"none": 0.0, "1 T": 0.176, "exchange": 1519.0}
#: Differences below this part of the conductance are rounding: sums of a few hundred k∥ points.
ROUNDING = 1e-10


# ---------------------------------------------------------------------- what is computed
def difference(a: InterfaceResponse, b: InterfaceResponse) -> float:
    """Return the largest difference of any two coefficients."""
    return largest(x - y for x, y in zip(astuple(a), astuple(b), strict=True))


def flux_response(junction: Junction, currents: np.ndarray) -> InterfaceResponse:
    """Return the r's from the wave functions: J and Q·m through the first and the last bond, per incoming spin.

    ``currents`` [lead_in, spin_in, (first, last), (charge, x, y, z)].
    """
    m_left, m_right = junction.magnetizations
    first, last = currents[:, :, 0] * [[[1]], [[-1]]], currents[:, :, -1] * [[[1]], [[-1]]]
    left, right = first[..., 1:] @ m_left, last[..., 1:] @ m_right
    return InterfaceResponse(*left, *right, charge_1=last[0, :, 0], charge_2=first[1, :, 0])


def observe(scattering: Scattering) -> dict[str, np.ndarray]:
    """Return what is averaged: probabilities, channels, and the currents through the outer bonds."""
    return {**probabilities(scattering), "currents": scattering.fields.currents[..., [0, -1], :]}


def sample(lab: Laboratory, junction: Junction) -> Record:
    """Scatter at all k∥, or at the one there is: r's from averaged probabilities and from the flux of the waves."""
    found, angle = k_average(lab, junction, 0.0, observe), junction.angle
    P, modes, fluxes = found["P"], found["modes"], flux_response(junction, found["currents"])
    transmissions, r = transmitted(P), interface.interface_response(P, modes)
    conductance = float(transmissions.sum())  # e²/h per a²
    transparency = float(conductance / modes.sum(axis=-1).min())  # transmission per channel
    kept = interface.tunnelling_response(transmissions)
    # what (3) and (4) leave out of r^L_1 of the majority, relative to what they keep
    dropped = float(interface.dropped_response(P).left_1[0] / kept.left_1[0])
    # width of the conductances, in units of the true one, that the same r's allow (see `undetermined`)
    free = float(4 * min(P[0, 0, 0, 1], P[1, 0, 1, 1]) / conductance)
    # per conductance: the difference of the two routes, and that of r^L from r^R, and r_1 from r_2
    defect = difference(r, fluxes) / conductance
    unequal = largest([r.left_1 - r.right_1, r.left_1 - r.left_2, r.right_1 - r.right_2]) / conductance
    # charge conservation, Σ_s r_1s = Σ_s r_2s (a common shift drives nothing), and Onsager's relations:
    # Σ_s s r^L_2s = Σ_s s r^R_1s, and Σ_s r^L_1s = Σ_s s g_1s, Σ_s r^R_2s = Σ_s s g_2s
    shifts = [(a - b).sum() for a, b in ((r.left_1, r.left_2), (r.right_1, r.right_2), (r.charge_1, r.charge_2))]
    onsager = [
        r.left_1.sum() - SIGNS @ r.charge_1,
        r.right_2.sum() - SIGNS @ r.charge_2,
        SIGNS @ (r.left_2 - r.right_1),
    ]
    symmetries = largest(shifts + onsager) / conductance
    return Record(locals())


def correction(found: Record) -> float:
    """Return by how much the charge conductance between diffusive metals exceeds that between reservoirs."""
    between = interface.sharvin_corrected(interface.conductance_matrix(found.P, found.modes), found.modes)
    return float(interface.response_of(between).charge_1.sum() / found.conductance - 1)


def kwant_defect(junction: Junction) -> float:
    """Return the difference of both routes where Kwant alone does both, at one k∥, per conductance."""
    state = scatter(junction, 0.0, SINGLE)
    exact = interface.interface_response(state.probabilities, state.modes)
    return difference(exact, flux_response(junction, state.fields.currents)) / state.conductance


def pair_and_own(C: np.ndarray) -> tuple[float, float]:
    """Return the modulus of the transverse pair and the longitudinal coefficient of J_M^L from the right."""
    return float(np.hypot(C[0, 3, 1, 1], C[0, 3, 1, 2])), float(abs(C[0, 3, 1, 3]))


def transverse(junction: Junction) -> Record:
    """Return what a voltage drives across and along m, averaged over k∥, per conductance."""
    state = scatter(junction, 0.0, "average")
    average = vector_response(state, rtol=1e-7)
    pair, own = pair_and_own(average / float(state.conductance))
    return Record(locals())


def other_pairs(junction: Junction) -> tuple[float, float, float]:
    """Return the quotient of both from a mesh of k∥, and the pair at one k∥ by Kwant's amplitudes and by the engine."""
    k, weights = zone.mesh(MESH)
    mesh = np.tensordot(weights, vector_response(scatter(junction, 0.0, k, solver="halves")), 1)
    smatrix = scatter(junction, 0.0, SINGLE).smatrix
    S = np.array([[smatrix.submatrix((0, s), (1, r))[0, 0] for r in (0, 1)] for s in (0, 1)])
    by_kwant = float(2 * abs(SIGNS @ (S[:, 0] * S[:, 1].conj())))  # whatever phases Kwant gives its spinors
    by_engine, _ = pair_and_own(vector_response(scatter(junction, 0.0, SINGLE, solver="halves")))
    return float(np.divide(*pair_and_own(mesh))), by_kwant, by_engine


def clamping_errors(junction: Junction, average: np.ndarray) -> dict[str, float]:
    """Return the relative change of J_M if δM⊥ is clamped, between cobalt magnets, for several fields H in (7)."""
    m_left, m_right = junction.magnetizations
    full, errors = vector_interface(average, m_left, m_right, area=CELL / LANDAUER), {}
    for name, omega in FIELDS.items():
        metal, both = replace(cobalt(), omega=omega), (full, full.clamped(m_left, m_right))
        free, clamped = (match(metal, metal, one, m_left=m_left, m_right=m_right).J_M for one in both)
        errors[name] = largest([free / clamped - 1])
    return errors


def nonlinear(lab: Laboratory, junction: Junction) -> tuple[Fit, Fit]:
    """Fit the powers of δµ in J_M^L/(r^L_1+ δµ) - 1: majority raised on one side by δµ, or by ±δµ/2 about E_F.

    At zero temperature r^L_1+ is averaged over the window; no self-consistent change of the barrier.
    """
    nodes, weights = np.polynomial.legendre.leggauss(4)

    def at(energy: float) -> float:
        state = lab.scatter(junction, energy, "average")
        return float(interface.interface_response(state.probabilities, state.modes).left_1[0])

    def deviation(low: float, high: float) -> float:
        return abs(float(weights @ [at(low + (high - low) * (x + 1) / 2) for x in nodes] / 2) / exact - 1)

    exact = at(0.0)
    one_sided = fit_power_law(SPLITS, [deviation(0.0, split) for split in SPLITS])
    return one_sided, fit_power_law(SPLITS, [deviation(-split / 2, split / 2) for split in SPLITS])


def independent() -> tuple[int, int]:
    """Return how many of the eight r's are independent, and of the r's together with the four charge coefficients.

    Six numbers determine coplanar scattering, T_ss' and the two spin-flip reflections; the r's are linear in them.
    """
    passes = [((1, t, 0, s), (0, s, 1, t)) for s in (0, 1) for t in (0, 1)]
    flips = [((lead, 0, lead, 1), (lead, 1, lead, 0)) for lead in (0, 1)]
    columns = []
    for there, back in passes + flips:
        P = np.zeros((2, 2, 2, 2))
        P[there] = P[back] = 1.0
        columns.append(np.ravel(astuple(interface.interface_response(P))))
    table = np.array(columns).T
    return int(np.linalg.matrix_rank(table[:8])), int(np.linalg.matrix_rank(table))


def undetermined(P: np.ndarray) -> tuple[float, float]:
    """Return by how much the r's change when all T_ss' grow by x, and the conductance in units of 4x.

    T_ss' + x and R_+- - x (and R_ss - x, for unitarity) have the same r's; x is half of the smaller of R^L_+-, R^R_+-.
    """
    x = min(P[0, 0, 0, 1], P[1, 0, 1, 1]) / 2
    other = P.copy()
    for lead in (0, 1):
        other[1 - lead, :, lead, :] += x
        other[lead, :, lead, :] -= x
    before, after = (np.array(astuple(interface.interface_response(array))) for array in (P, other))
    return largest([after[:4] - before[:4]]), float((after[4] - before[4]).sum() / (4 * x))


def over_heights(lab: Laboratory, metal: Mapping[str, float]) -> Records:
    """Return junctions from a one-plane barrier of no height to a tunnel barrier of four planes."""
    junctions = [tunnel_junction(theta=ANGLE, height=float(height), thickness=4, **metal) for height in HEIGHTS]
    return Records(sample(lab, junction) for junction in junctions)


def closed_forms(lab: Laboratory, barriers: Records) -> tuple[Fit, Fit]:
    """Fit the powers of the closed forms' errors: in the transmission behind barriers, in the splitting of a contact.

    One-channel r's against `tunnelling_limit`, fed with collinear data, per conductance, and against `metallic_limit`.
    """
    defects = []
    for height, found in zip(HEIGHTS[TUNNELING:], barriers, strict=True):
        P, AP = (lab.scatter(tunnel_junction(theta=a, height=float(height), **CHAIN)) for a in (0.0, np.pi))
        D = spin_factors(P, AP)
        formula = interface.tunnelling_limit(found.angle, D.sum(axis=1), D.sum(axis=0) / D.sum())
        defects.append(difference(found.r, formula) / found.conductance)
    tunneling = fit_power_law(barriers.transparency, defects)
    metals = [contact(theta=ANGLE, onsite=1.0, splitting=float(d), splitting_right=float(d)) for d in WEAK]
    limit = interface.metallic_limit(ANGLE, 1.0)
    return tunneling, fit_power_law(WEAK, [difference(sample(lab, metal).r, limit) for metal in metals])


def measure(quick: bool) -> Record:
    """Take the r's from exact scattering in two ways and look at what they determine."""
    lab = Laboratory(spot_check_every=20)
    angles = np.linspace(0, np.pi, 7 if quick else 19)
    swept = {name: [sample(lab, family(theta=float(a))) for a in angles] for name, family in FAMILIES.items()}
    crossed = {name: family(theta=ANGLE) for name, family in FAMILIES.items()}
    right = {name: sample(lab, junction) for name, junction in crossed.items()}
    barriers = {"one channel": over_heights(lab, CHAIN), "k∥ average": over_heights(lab, IRON)}
    tunnel = {name: Records(found[TUNNELING:]) for name, found in barriers.items()}
    powers = {name: fit_power_law(found.transparency, found.dropped) for name, found in tunnel.items()}
    one_sided, symmetric = nonlinear(lab, crossed["F|I|F"])
    tunneling, metallic = closed_forms(lab, tunnel["one channel"])
    kwant = max(kwant_defect(junction) for junction in crossed.values())
    everything = Records(m for found in [*swept.values(), *barriers.values()] for m in found)
    defect, symmetries = max(everything.defect), max(everything.symmetries)
    collinear = max(found[0].unequal for found in swept.values())
    kept, all_numbers = independent()
    unchanged, gained = undetermined(right["F|N|F"].P)
    free = {name: m.free for name, m in right.items()}
    nonzero = min(largest([m.r.left_1 - m.r.right_1]) / m.conductance for m in right.values())
    across = {name: transverse(junction) for name, junction in crossed.items()}
    valve = across["F|N|F"]
    share, (meshed, pair, engine_pair) = valve.pair / valve.own, other_pairs(crossed["F|N|F"])
    clamping = clamping_errors(crossed["F|N|F"], valve.average)
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(defect: float, transverse: float) -> str:
    """Return the verdict: the waves carry (5), (6) for any accumulation, for longitudinal ones only, or not."""
    if defect > ROUNDING:
        return "fails"
    return "holds" if transverse < 1e-3 else "holds in a limit"


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    return Judged(
        printed=verdict(max(m.defect, m.kwant), max(one.pair for one in m.across.values())),
        corrected="holds" if abs(m.pair - m.engine_pair) < ROUNDING else "fails",
        value=m.share,
        expected=m.meshed,
        tolerance=0.02,  # square-root kinks on the mesh
        route=Check("modulus of the transverse pair at one k∥ by Kwant", m.pair, ROUNDING, m.engine_pair),
        checks=(
            Check("currents of the waves against (5), (6), per conductance", m.defect, ROUNDING),
            Check("both routes by Kwant alone, per conductance", m.kwant, ROUNDING),
            Check("charge conservation and Onsager relations of the r's, per conductance", m.symmetries, ROUNDING),
            Check("parallel magnets: r^L = r^R and r_1 = r_2, per conductance", m.collinear, ROUNDING),
            Check("r's of two junctions of different conductance", m.unchanged, ROUNDING),
            Check("their difference in conductance over 4x", m.gained, 1e-9, 1.0),
            # corrections are of relative order t < 1e-2 at the first height of the fit
            Check("power of t of what (3), (4) leave out, one channel", m.powers["one channel"].exponent, 0.02, 1.0),
            Check("power of t of the tunneling closed form's error, one channel", m.tunneling.exponent, 0.02, 1.0),
            # the next order is relative Δ² < 0.1 at the end of the fit
            Check("power of Δ of the metallic closed form's error, one channel", m.metallic.exponent, 0.05, 2.0),
            # the next order is relative δµ over the scale of the transmission, some 0.1 at the end of the fit
            Check("power of δµ of the deviation from linear response, one-sided", m.one_sided.exponent, 0.1, 1.0),
            Check("power of δµ of the deviation from linear response, centered", m.symmetric.exponent, 0.01, 2.0),
            *m.lab.checks(),
        ),
    )


@drawn("interface-response-coefficients", 1, 2, width=6.8, height=3.9, sharey=True)
def draw_coefficients(record: Record, *axes: Any) -> None:
    """Plot the coefficients of the left against the angle, behind a barrier and in a metal."""
    titles = {"F|I|F": "tunnel barrier, F|I|F", "F|N|F": "metallic, F|N|F"}
    for panel, (family, title) in zip(axes, titles.items(), strict=True):
        found = record.swept[family]
        degrees, G = np.degrees([m.angle for m in found]), found[0].conductance
        for spin, name in enumerate(("majority", "minority")):
            for side, look in (("1", "-"), ("2", "-.")):
                exact, waves, kept = (
                    np.array([getattr(response, f"left_{side}")[spin] for response in responses]) / G
                    for responses in zip(*((m.r, m.fluxes, m.kept) for m in found), strict=True)
                )
                curve(panel, degrees, exact, look, name, rf"$r^L_{{{side}{'+-'[spin]}}}$")
                curve(panel, degrees[::2], waves[::2], "o", name, hollow=True)
                curve(panel, degrees, kept, ":", "black", linewidth=1.2)
        curve(panel, [], [], "o", "muted", "flux of the waves", hollow=True)
        curve(panel, [], [], ":", "black", "equations (3), (4)")
        panel.axhline(0, color="muted", linewidth=0.6)
        panel.set_title(title)
        angle_axis(panel)
    axes[0].set_ylabel(r"coefficient of (5) / $G(\Phi = 0)$")
    legend_below(axes[0], 3)


@drawn("interface-response-corrections", width=5.6, height=4.0)
def draw_corrections(record: Record, axes: Any) -> None:
    """Plot what (3), (4) drop and what Sharvin resistances change against the transmission per channel."""
    looks = {"one channel": ("s", "minority"), "k∥ average": ("o", "microscopic")}
    for name, found in record.barriers.items():
        t, power, look = found.transparency, record.powers[name], looks[name]
        curve(axes, t, found.dropped, *look, f"left out by (3), (4), {name}")
        curve(axes, t, power.power(t), "-", look[1], rf"$\propto t^{{{power.exponent:.2f}}}$", linewidth=1)
        curve(axes, t, [correction(m) for m in found], *look, f"Sharvin correction, {name}", hollow=True)
    axes.axhline(1, color="muted", linewidth=0.8)
    axes.set(xscale="log", yscale="log", ylim=(None, 3e4))
    axes.set(xlabel="transmission per channel t", ylabel="relative change of a coefficient")
    axes.legend(loc="upper left", fontsize=7)
