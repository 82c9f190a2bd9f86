"""Equations (5) and (6): the linear response of an interface, its coefficients and what they leave open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, Scattering
from kwant_spinjunc.halves import zone
from kwant_spinjunc.magnets.multiscale import cobalt
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.spin import SIGNS
from kwant_spinjunc.theory.drift_diffusion import LANDAUER, match
from kwant_spinjunc.theory.interface import (
    InterfaceResponse,
    conductance_matrix,
    dropped_response,
    interface_response,
    metallic_limit,
    response_of,
    sharvin_corrected,
    tunnelling_limit,
    tunnelling_response,
)
from kwant_spinjunc.transport.vector_response import vector_interface, vector_response
from systems.contact import contact
from systems.tunnel_junction import tunnel_junction

from ..claim import Check, Judged, Record
from ..compare import Fit, fit_power_law, spin_factors
from ..figures import COLORS, angle_axis, drawn, legend_below
from ..laboratory import FAMILIES, IRON, Laboratory, k_average

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
    return float(max(abs(x - y).max() for x, y in zip(astuple(a), astuple(b), strict=True)))


def flux_response(junction: Junction, currents: np.ndarray) -> InterfaceResponse:
    """Return the r's from the wave functions: J and Q·m through the first and the last bond, per incoming spin.

    ``currents`` [lead_in, spin_in, (first, last), (charge, x, y, z)].
    """
    m_left, m_right = junction.magnetizations
    first, last = currents[:, :, 0], currents[:, :, -1]
    return InterfaceResponse(
        left_1=first[0, :, 1:] @ m_left,
        left_2=-first[1, :, 1:] @ m_left,
        right_1=last[0, :, 1:] @ m_right,
        right_2=-last[1, :, 1:] @ m_right,
        charge_1=last[0, :, 0],
        charge_2=-first[1, :, 0],
    )


def observe(scattering: Scattering) -> dict[str, np.ndarray]:
    """Return what is averaged: probabilities, channels, and the currents through the outer bonds."""
    return {
        "probabilities": scattering.probabilities,
        "modes": scattering.modes.astype(float),
        "currents": scattering.fields.currents[..., [0, -1], :],
    }


def sample(lab: Laboratory, junction: Junction) -> Record:
    """Scatter at all k∥, or at the one there is: r's from averaged probabilities and from the flux of the waves."""
    dispersive = junction.is_dispersive
    found = k_average(lab, junction, 0.0, observe) if dispersive else observe(lab.scatter(junction))
    fluxes, angle = flux_response(junction, found["currents"]), junction.angle
    P, modes = found["probabilities"], found["modes"]
    transmissions, response = P[1, :, 0, :].T, interface_response(P, modes)
    conductance = float(transmissions.sum())  # e²/h per a²
    transparency = float(conductance / modes.sum(axis=-1).min())  # transmission per channel
    defect = difference(response, fluxes) / conductance  # of the two routes
    # what (3) and (4) leave out of r^L_1 of the majority, relative to what they keep
    dropped = float(dropped_response(P).left_1[0] / tunnelling_response(transmissions).left_1[0])
    # width of the conductances, in units of the true one, that the same r's allow (see `undetermined`)
    free = float(4 * min(P[0, 0, 0, 1], P[1, 0, 1, 1]) / conductance)
    return Record(locals())


def correction(found: Record) -> float:
    """Return by how much the charge conductance between diffusive metals exceeds that between reservoirs."""
    corrected = response_of(sharvin_corrected(conductance_matrix(found.P, found.modes), found.modes))
    return float(corrected.charge_1.sum() / found.conductance - 1)


def kwant_defect(junction: Junction) -> float:
    """Return the difference of both routes where Kwant alone does both, at one k∥, per conductance."""
    scattering = scatter(junction, 0.0, SINGLE)
    exact = interface_response(scattering.probabilities, scattering.modes)
    return difference(exact, flux_response(junction, scattering.fields.currents)) / scattering.conductance


def transverse_share(junction: Junction) -> tuple[float, float]:
    """Return the modulus of the transverse pair and the longitudinal coefficient of J_M^L from the right, per G."""
    state = scatter(junction, 0.0, "average")
    C = vector_response(state, rtol=1e-7)[0, 3, 1] / float(state.conductance)
    return float(np.hypot(C[1], C[2])), float(abs(C[3]))


def meshed_share(junction: Junction) -> float:
    """Return the quotient of both from a two-dimensional mesh of k∥."""
    k, weights = zone.mesh(MESH)
    C = np.tensordot(weights, vector_response(scatter(junction, 0.0, k, solver="halves")), 1)[0, 3, 1]
    return float(np.hypot(C[1], C[2]) / abs(C[3]))


def kwant_pair(junction: Junction) -> tuple[float, float]:
    """Return the modulus of the transverse pair, J_M^L from the right, at one k∥: Kwant's amplitudes and the engine's.

    2|Σ_s s S_s+ S_s-*| whatever phases Kwant gives its spinors.
    """
    state = scatter(junction, 0.0, SINGLE)
    S = np.array([[state.smatrix.submatrix((0, s), (1, r))[0, 0] for r in (0, 1)] for s in (0, 1)])
    mine = vector_response(scatter(junction, 0.0, SINGLE, solver="halves"))[0, 3, 1]
    return float(2 * abs(SIGNS @ (S[:, 0] * S[:, 1].conj()))), float(np.hypot(mine[1], mine[2]))


def clamping_errors(junction: Junction) -> dict[str, float]:
    """Return the relative change of J_M if δM⊥ is clamped, between cobalt magnets, for several fields H in (7)."""
    found = vector_response(scatter(junction, 0.0, "average"), rtol=1e-7)
    full = vector_interface(found, *junction.magnetizations, area=CELL / LANDAUER)
    m = dict(zip(("m_left", "m_right"), junction.magnetizations, strict=True))
    errors = {}
    for name, omega in FIELDS.items():
        metal = replace(cobalt(), omega=omega)
        free, clamped = (match(metal, metal, one, **m).J_M for one in (full, full.clamped(*junction.magnetizations)))
        errors[name] = float(abs(free / clamped - 1).max())
    return errors


def nonlinear(lab: Laboratory, junction: Junction) -> tuple[Fit, Fit]:
    """Fit the powers of δµ in J_M^L/(r^L_1+ δµ) - 1: majority raised on one side by δµ, or by ±δµ/2 about E_F.

    At zero temperature r^L_1+ is averaged over the window; no self-consistent change of the barrier.
    """
    nodes, weights = np.polynomial.legendre.leggauss(4)

    def window(low: float, high: float) -> float:
        energies = low + (high - low) * (nodes + 1) / 2
        return float(weights @ [at(E) for E in energies] / 2)

    def at(energy: float) -> float:
        scattering = lab.scatter(junction, energy, "average")
        return float(interface_response(scattering.probabilities, scattering.modes).left_1[0])

    exact = at(0.0)
    one_sided = [abs(window(0.0, split) / exact - 1) for split in SPLITS]
    symmetric = [abs(window(-split / 2, split / 2) / exact - 1) for split in SPLITS]
    return fit_power_law(SPLITS, one_sided), fit_power_law(SPLITS, symmetric)


def independent() -> tuple[int, int]:
    """Return how many of the eight r's are independent, and of the r's together with the four charge coefficients.

    Six numbers determine coplanar scattering, T_ss' and the two spin-flip reflections; the r's are linear in them.
    """
    columns = []
    for number in range(6):
        P = np.zeros((2, 2, 2, 2))
        if number < 4:
            s, s_out = divmod(number, 2)
            P[1, s_out, 0, s] = P[0, s, 1, s_out] = 1.0
        else:
            lead = number - 4
            P[lead, 0, lead, 1] = P[lead, 1, lead, 0] = 1.0
        columns.append(np.ravel(astuple(interface_response(P))))
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
    before, after = (np.array(astuple(interface_response(array))) for array in (P, other))
    return float(abs(after[:4] - before[:4]).max()), float((after[4] - before[4]).sum() / (4 * x))


def collinear_defect(measured: Record) -> float:
    """Return how much r^L differs from r^R, and r_1 from r_2, between parallel magnets, per conductance."""
    r = measured.response
    return max(
        float(abs(a - b).max()) for a, b in ((r.left_1, r.right_1), (r.left_1, r.left_2), (r.right_1, r.right_2))
    ) / (measured.conductance)


def symmetry_defect(measured: Record) -> float:
    """Return the largest violation of charge conservation and Onsager's relations among the coefficients.

    Σ_s r_1s = Σ_s r_2s (a common shift drives nothing), Σ_s s r^L_2s = Σ_s s r^R_1s, and Σ_s r^L_1s = Σ_s s g_1s,
    Σ_s r^R_2s = Σ_s s g_2s.
    """
    r = measured.response
    difference_of_spins = np.array([1.0, -1.0])
    defects = [
        (r.left_1 - r.left_2).sum(),
        (r.right_1 - r.right_2).sum(),
        (r.charge_1 - r.charge_2).sum(),
        difference_of_spins @ (r.left_2 - r.right_1),
        r.left_1.sum() - difference_of_spins @ r.charge_1,
        r.right_2.sum() - difference_of_spins @ r.charge_2,
    ]
    return float(np.abs(defects).max() / measured.conductance)


def over_heights(lab: Laboratory, metal: Mapping[str, float]) -> list[Record]:
    """Return junctions from a one-plane barrier of no height to a tunnel barrier of four planes."""
    return [sample(lab, tunnel_junction(theta=ANGLE, height=float(height), thickness=4, **metal)) for height in HEIGHTS]


def tunnelling_defects(lab: Laboratory, barriers: Sequence[Record]) -> list[float]:
    """Return by how much one-channel r's differ from `tunnelling_limit` fed with collinear data, per conductance."""
    defects = []
    for height, found in zip(HEIGHTS[TUNNELING:], barriers[TUNNELING:], strict=True):
        P, AP = (lab.scatter(tunnel_junction(theta=a, height=float(height), **CHAIN)) for a in (0.0, np.pi))
        D = spin_factors(P, AP)
        formula = tunnelling_limit(found.angle, D.sum(axis=1), D.sum(axis=0) / D.sum())
        defects.append(difference(found.response, formula) / found.conductance)
    return defects


def metallic_defects(lab: Laboratory) -> list[float]:
    """Return by how much the r's of a bare one-channel contact differ from `metallic_limit`, per channel."""
    formula = metallic_limit(ANGLE, 1.0)
    junctions = [contact(theta=ANGLE, onsite=1.0, splitting=float(d), splitting_right=float(d)) for d in WEAK]
    return [difference(sample(lab, junction).response, formula) for junction in junctions]


# ---------------------------------------------------------------------- what it says of the paper
def verdict(defect: float, transverse: float) -> str:
    """Return the verdict: the waves carry (5), (6) for any accumulation, for longitudinal ones only, or not."""
    if defect > ROUNDING:
        return "fails"
    return "holds" if transverse < 1e-3 else "holds in a limit"


@drawn("interface-response-coefficients", 1, 2, width=6.8, height=3.9, sharey=True)
def draw_coefficients(record: Record, *axes: Any) -> None:
    """Plot the coefficients of the left against the angle, behind a barrier and in a metal."""
    swept = {name: record.swept[name] for name in ("F|I|F", "F|N|F")}
    for panel, (family, found) in zip(axes, swept.items(), strict=True):
        G = found[0].conductance
        degrees = np.degrees([m.angle for m in found])
        for spin, name in enumerate(("majority", "minority")):
            sign = "+-"[spin]
            for column, side in (("left_1", "1"), ("left_2", "2")):
                exact = np.array([getattr(m.response, column)[spin] for m in found]) / G
                waves = np.array([getattr(m.fluxes, column)[spin] for m in found]) / G
                kept = np.array([getattr(tunnelling_response(m.transmissions), column)[spin] for m in found])
                look = "-" if side == "1" else "-."
                panel.plot(degrees, exact, look, color=COLORS[name], label=rf"$r^L_{{{side}{sign}}}$")
                panel.plot(degrees[::2], waves[::2], "o", color=COLORS[name], markerfacecolor="none")
                panel.plot(degrees, kept / G, ":", color="black", linewidth=1.2)
        panel.plot([], [], "o", color=COLORS["muted"], markerfacecolor="none", label="flux of the waves")
        panel.plot([], [], ":", color="black", label="equations (3), (4)")
        panel.axhline(0, color=COLORS["muted"], linewidth=0.6)
        panel.set_title({"F|I|F": "tunnel barrier, F|I|F", "F|N|F": "metallic, F|N|F"}[family])
        angle_axis(panel)
    axes[0].set_ylabel(r"coefficient of (5) / $G(\Phi = 0)$")
    legend_below(axes[0], 3)


@drawn("interface-response-corrections", width=5.6, height=4.0)
def draw_corrections(record: Record, axes: Any) -> None:
    """Plot what (3), (4) drop and what Sharvin resistances change against the transmission per channel."""
    looks = {"one channel": ("minority", "s"), "k∥ average": ("microscopic", "o")}
    for name, found in record.barriers.items():
        color, marker = looks[name]
        t = np.array([m.transparency for m in found])
        dropped, corrections = np.array([m.dropped for m in found]), np.array([correction(m) for m in found])
        fit = record.powers[name].prefactor * t ** record.powers[name].exponent
        axes.loglog(t, dropped, marker, color=COLORS[color], label=f"left out by (3), (4), {name}")
        axes.loglog(
            t, fit, "-", color=COLORS[color], linewidth=1, label=rf"$\propto t^{{{record.powers[name].exponent:.2f}}}$"
        )
        axes.loglog(
            t, corrections, marker, color=COLORS[color], markerfacecolor="none", label=f"Sharvin correction, {name}"
        )
    axes.axhline(1, color=COLORS["muted"], linewidth=0.8)
    axes.set(xlabel="transmission per channel t", ylabel="relative change of a coefficient", ylim=(None, 3e4))
    axes.legend(loc="upper left", fontsize=7)


def measure(quick: bool) -> Record:
    """Take the r's from exact scattering in two ways and look at what they determine."""
    lab = Laboratory(spot_check_every=20)
    angles = np.linspace(0, np.pi, 7 if quick else 19)
    swept = {name: [sample(lab, family(theta=float(a))) for a in angles] for name, family in FAMILIES.items()}
    right = {name: sample(lab, family(theta=ANGLE)) for name, family in FAMILIES.items()}
    barriers = {
        "one channel": over_heights(lab, CHAIN),
        "k∥ average": over_heights(lab, IRON),
    }
    powers = {
        name: fit_power_law([m.transparency for m in found[TUNNELING:]], [m.dropped for m in found[TUNNELING:]])
        for name, found in barriers.items()
    }
    one_sided, symmetric = nonlinear(lab, FAMILIES["F|I|F"](theta=ANGLE))
    tunneling = fit_power_law(
        [m.transparency for m in barriers["one channel"][TUNNELING:]],
        tunnelling_defects(lab, barriers["one channel"]),
    )
    metallic = fit_power_law(WEAK, metallic_defects(lab))
    kwant = max(kwant_defect(family(theta=ANGLE)) for family in FAMILIES.values())
    everything = [m for found in swept.values() for m in found] + [m for found in barriers.values() for m in found]
    defect = max(m.defect for m in everything)
    symmetries = max(symmetry_defect(m) for m in everything)
    collinear = max(collinear_defect(found[0]) for found in swept.values())
    kept, all_numbers = independent()
    unchanged, gained = undetermined(right["F|N|F"].P)
    free = {name: m.free for name, m in right.items()}
    nonzero = min(abs(m.response.left_1 - m.response.right_1).max() / m.conductance for m in right.values())
    transverse = {name: transverse_share(family(theta=ANGLE)) for name, family in FAMILIES.items()}
    valve = FAMILIES["F|N|F"](theta=ANGLE)
    share, meshed = transverse["F|N|F"][0] / transverse["F|N|F"][1], meshed_share(valve)
    pair, engine_pair = kwant_pair(valve)
    clamping = clamping_errors(valve)
    return Record(locals())


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    return Judged(
        printed=verdict(max(m.defect, m.kwant), max(pair[0] for pair in m.transverse.values())),
        corrected="holds" if abs(m.pair - m.engine_pair) < ROUNDING else "fails",
        value=m.share,
        expected=m.meshed,
        tolerance=0.02,  # square-root kinks on the mesh
        route=Check("modulus of the transverse pair at one k∥ by Kwant", m.pair, ROUNDING, expected=m.engine_pair),
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
