"""Equations (5) and (6): the linear response of an interface, its coefficients and what they leave open."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import partial
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, Scattering
from kwant_spinjunc.compare import Fit, fit_power_law, spin_factors
from kwant_spinjunc.plot.figures import COLORS, new_figure, styled
from kwant_spinjunc.report import Check, Claim, ClaimFigure
from kwant_spinjunc.scattering import scatter_quietly as scatter
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
#: Families with equal magnets on both sides.
IDENTICAL = ("F|I|F", "F|N|F", "F|F")
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
#: Differences below this part of the conductance are rounding: sums of a few hundred k∥ points.
ROUNDING = 1e-10


@dataclass(frozen=True)
class Measured:
    """One junction at one angle, averaged over k∥: r's from S-matrix probabilities and from the flux of the waves."""

    angle: float
    probabilities: np.ndarray  # [lead_out, spin_out, lead_in, spin_in]
    modes: np.ndarray  # open channels [lead, spin] per a²
    fluxes: InterfaceResponse

    @property
    def transmissions(self) -> np.ndarray:
        """T_ss', s on the left."""
        return self.probabilities[1, :, 0, :].T

    @property
    def conductance(self) -> float:
        """Charge conductance, e²/h per a²."""
        return float(self.transmissions.sum())

    @property
    def transparency(self) -> float:
        """Transmission per channel."""
        return float(self.conductance / self.modes.sum(axis=-1).min())

    @property
    def response(self) -> InterfaceResponse:
        """The exact coefficients, from probabilities."""
        return interface_response(self.probabilities, self.modes)

    @property
    def corrected(self) -> InterfaceResponse:
        """The coefficients between diffusive metals."""
        return response_of(sharvin_corrected(conductance_matrix(self.probabilities, self.modes), self.modes))

    @property
    def defect(self) -> float:
        """Largest difference of the two routes, in units of the conductance."""
        return difference(self.response, self.fluxes) / self.conductance

    @property
    def dropped(self) -> float:
        """What (3) and (4) leave out of r^L_1 of the majority, relative to what they keep."""
        kept = tunnelling_response(self.transmissions)
        return float(dropped_response(self.probabilities).left_1[0] / kept.left_1[0])

    @property
    def correction(self) -> float:
        """By how much the charge conductance between diffusive metals exceeds that between reservoirs."""
        return float(self.corrected.charge_1.sum() / self.conductance - 1)

    @property
    def free(self) -> float:
        """Width of the conductances, in units of the true one, that the same r's allow (see `undetermined`)."""
        P = self.probabilities
        return float(4 * min(P[0, 0, 0, 1], P[1, 0, 1, 1]) / self.conductance)


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


def measure(lab: Laboratory, junction: Junction) -> Measured:
    """Scatter at all k∥, or at the one there is, and average probabilities and fluxes."""
    dispersive = junction.is_dispersive
    found = k_average(lab, junction, 0.0, observe) if dispersive else observe(lab.scatter(junction))
    fluxes = flux_response(junction, found["currents"])
    return Measured(junction.angle, found["probabilities"], found["modes"], fluxes)


def kwant_defect(junction: Junction) -> float:
    """Return the difference of both routes where Kwant alone does both, at one k∥, per conductance."""
    scattering = scatter(junction, 0.0, SINGLE)
    exact = interface_response(scattering.probabilities, scattering.modes)
    return difference(exact, flux_response(junction, scattering.fields.currents)) / scattering.conductance


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


def collinear_defect(measured: Measured) -> float:
    """Return how much r^L differs from r^R, and r_1 from r_2, between parallel magnets, per conductance."""
    r = measured.response
    return max(
        float(abs(a - b).max()) for a, b in ((r.left_1, r.right_1), (r.left_1, r.left_2), (r.right_1, r.right_2))
    ) / (measured.conductance)


def symmetry_defect(measured: Measured) -> float:
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


def over_heights(lab: Laboratory, metal: Mapping[str, float]) -> list[Measured]:
    """Return junctions from a one-plane barrier of no height to a tunnel barrier of four planes."""
    return [
        measure(lab, tunnel_junction(theta=ANGLE, height=float(height), thickness=4, **metal)) for height in HEIGHTS
    ]


def tunnelling_defects(lab: Laboratory, barriers: Sequence[Measured]) -> list[float]:
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
    return [difference(measure(lab, junction).response, formula) for junction in junctions]


# ---------------------------------------------------------------------- what it says of the paper
def judge(defect: float) -> str:
    """Return the verdict: the currents of the waves are those of (5) and (6), or they are not."""
    return "holds" if defect < ROUNDING else "fails"


# ---------------------------------------------------------------------- figures
@styled
def draw_coefficients(swept: Mapping[str, Sequence[Measured]]) -> Any:
    """Plot the coefficients of the left against the angle, behind a barrier and in a metal."""
    figure, axes = new_figure(1, 2, width=6.8, height=3.9, sharey=True)
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
        panel.set_xlabel(r"angle $\Phi$ (degrees)")
        panel.set_xticks(range(0, 181, 45))
    axes[0].set_ylabel(r"coefficient of (5) / $G(\Phi = 0)$")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


@styled
def draw_corrections(barriers: Mapping[str, Sequence[Measured]], powers: Mapping[str, Fit]) -> Any:
    """Plot what (3), (4) drop and what Sharvin resistances change against the transmission per channel."""
    figure, axes = new_figure(width=5.6, height=4.0)
    looks = {"one channel": ("minority", "s"), "k∥ average": ("microscopic", "o")}
    for name, found in barriers.items():
        color, marker = looks[name]
        t = np.array([m.transparency for m in found])
        dropped, correction = np.array([m.dropped for m in found]), np.array([m.correction for m in found])
        fit = powers[name].prefactor * t ** powers[name].exponent
        axes.loglog(t, dropped, marker, color=COLORS[color], label=f"left out by (3), (4), {name}")
        axes.loglog(
            t, fit, "-", color=COLORS[color], linewidth=1, label=rf"$\propto t^{{{powers[name].exponent:.2f}}}$"
        )
        axes.loglog(
            t, correction, marker, color=COLORS[color], markerfacecolor="none", label=f"Sharvin correction, {name}"
        )
    axes.axhline(1, color=COLORS["muted"], linewidth=0.8)
    axes.set_xlabel("transmission per channel t")
    axes.set_ylabel("relative change of a coefficient")
    axes.legend(loc="upper left", fontsize=7)
    axes.set_ylim(None, 3e4)
    return figure


def table(found: Mapping[str, Measured]) -> tuple[tuple[str, ...], ...]:
    """Return the rows: coefficients of all junctions, in units of the conductance."""
    rows = [
        (
            "junction",
            "G (e²/h per a²)",
            "r_1+^L",
            "r_1−^L",
            "r_2+^L",
            "r_2−^L",
            "left out of r_1+^L",
            "Sharvin corr. of G",
        )
    ]
    for family, m in found.items():
        r, G = m.response, m.conductance
        numbers = [*r.left_1 / G, *r.left_2 / G]
        rows.append((family, f"{G:.3g}", *(f"{x:+.3f}" for x in numbers), f"{m.dropped:.2g}", f"{m.correction:.2g}"))
    return tuple(rows)


def claim(quick: bool) -> Claim:
    """Take the r's from exact scattering in two ways and look at what they determine."""
    lab = Laboratory(spot_check_every=20)
    angles = np.linspace(0, np.pi, 7 if quick else 19)
    swept = {name: [measure(lab, family(theta=float(a))) for a in angles] for name, family in FAMILIES.items()}
    right = {name: measure(lab, family(theta=ANGLE)) for name, family in FAMILIES.items()}
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
    unchanged, gained = undetermined(right["F|N|F"].probabilities)
    free = {name: m.free for name, m in right.items()}
    nonzero = min(abs(m.response.left_1 - m.response.right_1).max() / m.conductance for m in right.values())
    verdict = judge(max(defect, kwant))
    finding = (
        "Equations (5) and (6) are exact in linear response. Charge and Q·m of the scattered waves, through a bond "
        f"of either magnet, are the currents the r's of the S-matrix give, to {defect:.0e} of the conductance for all "
        f"{len(everything)} junctions and angles (k∥-averaged; Kwant alone at one k∥: {kwant:.0e}). The r's are "
        "r_1s^L = s[Σ_s' T_ss' + 2R_+−^L] and r_2s'^L = Σ_s s T_ss', and the mirror image: conductances, not "
        f"“effective resistances”. Between parallel magnets r^L = r^R and r_1 = r_2 (to {collinear:.0e}), which is "
        f"equation (1); at 90° r^L and r^R differ by at least {nonzero:.2f} of the conductance. Of the eight r's "
        f"{kept} are independent: charge conservation gives Σ_s r_1s = Σ_s r_2s on each side, Onsager Σ_s s r_2s^L = "
        f"Σ_s s r_1s^R (all relations to {symmetries:.0e}). That is one less than the {all_numbers} numbers of a "
        "coplanar junction (T_ss', R_+−^L, R_+−^R). The r's do not fix the charge current: raising all T_ss' by x "
        f"and lowering R_+− by x keeps all eight (to {unchanged:.0e}) and adds 4x to the conductance, in the metallic "
        f"valve at 90° up to {free['F|N|F']:.0%} of it (behind the barrier {free['F|I|F']:.0e}). A diffusion theory "
        "must be given the conductance besides (5), (6). Compared with (3), (4) the r's contain 2R_+−, relative to "
        f"what is kept ∝ t^{powers['one channel'].exponent:.3f} in the transmission per channel t (k∥ average: "
        f"{powers['k∥ average'].exponent:.3f}); at 90° that is {right['F|I|F'].dropped:.0e} behind the barrier, "
        f"{right['F|N|F'].dropped:.0%} in the metallic valve and {right['F|F'].dropped:.0%} in the bare contact. The "
        "closed forms are the ends of this scale: T_ss' = R_ss'² D_s^L D_s'^R with collinear D misses the r's by a "
        f"part ∝ t^{tunneling.exponent:.3f}, the ideal contact r = ±N, ±N cos Φ by ∝ Δ^{metallic.exponent:.3f} (one "
        "channel). In diffusive metals, where µ is the mean of arriving and leaving electrons, half a Sharvin "
        f"resistance per side must be taken off first: it raises G by {right['F|I|F'].correction:.0e} behind the "
        f"barrier, by a factor {1 + right['F|N|F'].correction:.1f} in the valve and {1 + right['F|F'].correction:.1f} "
        f"in the contact. Linearity is lost in proportion to δµ^{one_sided.exponent:.2f} if one spin of one side is "
        f"raised ({one_sided.prefactor:.2f} δµ/t), to δµ^{symmetric.exponent:.2f} for a window centered at E_F."
    )
    return Claim(
        id="interface-response",
        title="The linear response of an interface",
        equations=("5", "6"),
        statement=(
            "With a finite interface resistance the magnetization currents on the two sides are two linear functions "
            "of the chemical potentials of both spins on both sides, with coefficients r of their own."
        ),
        formula="J_M^L = Σ_s r_1s^L δµ_s^L − r_2s^L δµ_s^R,   J_M^R = Σ_s r_1s^R δµ_s^L − r_2s^R δµ_s^R",
        experiment=(
            "r's of a tunnel junction, a metallic spin valve, a bare contact and a junction of different magnets, "
            f"k∥-averaged at {len(angles)} angles, from S-matrix probabilities and from the spin current of the wave "
            f"functions; barriers from {HEIGHTS[0]:g} to {HEIGHTS[-1]:g} t; finite splittings δµ."
        ),
        parameter=(
            "δµ over the scale on which the transmission changes with energy; for (3), (4) the transmission per "
            "channel."
        ),
        verdict=verdict,
        finding=finding,
        value=defect,
        value_name="largest difference between currents of the waves and equations (5), (6)",
        expected=0.0,
        tolerance=ROUNDING,
        unit="G",
        table=table(right),
        figures=(
            ClaimFigure(
                "interface-response-coefficients",
                "Coefficients of equation (5), k∥-averaged, in units of the conductance at Φ = 0. Lines: exact, from "
                "the S-matrix; circles: from the spin current of the waves; dotted: what equations (3), (4) contain. "
                "ε = 5 t, Δ = t, t∥ = t, E = 0; barrier: 4 planes, ε = 8 t; spacer: 5 planes, ε = 4.2 t.",
                draw_coefficients({name: swept[name] for name in ("F|I|F", "F|N|F")}),
            ),
            ClaimFigure(
                "interface-response-corrections",
                "Full symbols: what (3), (4) leave out of r_1+^L, relative to what they keep; open symbols: relative "
                "increase of G when the Sharvin resistances are taken off. Tunnel junction of 4 planes, heights "
                f"{HEIGHTS[0]:g} to {HEIGHTS[-1]:g} t, Φ = 90°; one channel: ε = Δ = t; k∥ average: ε = 5 t, Δ = t∥ = "
                "t.",
                draw_corrections(barriers, powers),
            ),
        ),
        checks=(
            Check("both routes by Kwant alone, per conductance", kwant, ROUNDING),
            Check("charge conservation and Onsager relations of the r's, per conductance", symmetries, ROUNDING),
            Check("parallel magnets: r^L = r^R and r_1 = r_2, per conductance", collinear, ROUNDING),
            Check("r's of two junctions of different conductance", unchanged, ROUNDING),
            Check("their difference in conductance over 4x", gained, 1e-9, 1.0),
            # corrections are of relative order t < 1e-2 at the first height of the fit
            Check("power of t of what (3), (4) leave out, one channel", powers["one channel"].exponent, 0.02, 1.0),
            Check("power of t of the tunneling closed form's error, one channel", tunneling.exponent, 0.02, 1.0),
            # the next order is relative Δ² < 0.1 at the end of the fit
            Check("power of Δ of the metallic closed form's error, one channel", metallic.exponent, 0.05, 2.0),
            # the next order is relative δµ over the scale of the transmission, some 0.1 at the end of the fit
            Check("power of δµ of the deviation from linear response, one-sided", one_sided.exponent, 0.1, 1.0),
            Check("power of δµ of the deviation from linear response, centered", symmetric.exponent, 0.1, 2.0),
            *lab.checks(),
        ),
    )
