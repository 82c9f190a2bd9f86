"""The text before equation (5): no interface resistance, currents that are rotated and a field that is divided."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, barrier, normal_metal
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.theory import interface, parallel_circuit, tunnelling
from kwant_spinjunc.theory import printed as as_printed
from systems.contact import contact

from ..claim import Check, Judged, Record, Records
from ..compare import Fit, fit_power_law, largest, relative_error
from ..currents import lead_currents, transmitted
from ..figures import curve, drawn
from ..laboratory import Laboratory, k_average

#: What sends spin through the contact: µ_L and µ_R per spin.
SOURCES = {
    "accumulation on the right": ((0.0, 0.0), (0.5, -0.5)),
    "accumulation on the left": ((0.5, -0.5), (0.0, 0.0)),
    "opposite accumulations": ((0.5, -0.5), (-0.5, 0.5)),
    "voltage, no accumulation": ((0.5, 0.5), (-0.5, -0.5)),
}
#: The source whose electrons the printed law J^L = Σ|R|² J^R follows: spin comes from the right, the left absorbs it.
PRINTED = "accumulation on the right"
#: What the sentence is about: a current driven by an electric field.
CURRENT = "voltage, no accumulation"
#: Band centers, unit t: one channel (a chain), and a three-dimensional magnet for the k∥ average.
ONE_CHANNEL = {"onsite": 1.0}
ALL_K = {"onsite": 5.0, "in_plane_hopping": 1.0}
#: Exchange splittings of the fits, unit t: small against the Fermi energy, 1 t above the band bottom at Γ or more.
WEAK = np.geomspace(0.02, 0.3, 6)
#: The splitting of the angular dependence and of the table.
ILLUSTRATED = 0.1
#: Angle of the fits.
ANGLE = np.pi / 3
#: Energy of all electrons, unit t.
ENERGY = 0.0
#: Relative differences below this are rounding.
ROUNDING = 1e-10
#: Agreement of the divided field with a formula; the average over one period of the phase leaves a few 1e-3.
DIVIDED = 0.02


# ---------------------------------------------------------------------- what is computed
def sample(lab: Laboratory, metal: Mapping[str, float], splitting: float, angle: float) -> Record:
    """Scatter from one contact and drive it, per open channel (averaged over k∥: per cell over the mean of N)."""
    found = k_average(lab, bare(metal, splitting, angle), ENERGY)
    return driven(found["P"] / found["modes"].mean(), angle)


def bare(metal: Mapping[str, float], splitting: float, angle: float) -> Junction:
    """Return a contact F|F of equal magnets."""
    return contact(theta=angle, splitting=splitting, splitting_right=splitting, **metal)


def driven(P: np.ndarray, angle: float) -> Record:
    """Drive a contact by every source."""
    # what it does besides turning the spin: largest |T_ss' - R_ss'²|, and R^L_+-
    rotation_defect = largest([transmitted(P) - tunnelling.rotation_probabilities(angle)])
    flip_reflection = float(P[0, 0, 0, 1])
    currents = {source: lead_currents(P, mu) for source, mu in SOURCES.items()}
    J_M = {source: parallel_circuit.magnetization_current(found) for source, found in currents.items()}
    with np.errstate(invalid="ignore", divide="ignore"):  # without half-open channels a voltage drives no J_M, 0/0
        ratio = {source: float(left / right) for source, (left, right) in J_M.items()}  # the law says cos Φ
    # |J_M^L - J_M^R cos Φ|/|J_M^R|: the defect of J_s'^L = Σ_s |R_ss'|² J_s^R, as the charge is continuous
    rotated = {source: parallel_circuit.rotated_magnetization_current(found[1], angle) for source, found in J_M.items()}
    law_defect = {name: float(relative_error(J_M[name][0], rotated[name], scale=J_M[name][1])) for name in SOURCES}
    return Record(locals())


def scatterers(*heights: float, distance: int = 1) -> Junction:
    """Return a nonmagnetic chain with one-plane scatterers of the given heights, ``distance`` planes apart."""
    wire = normal_metal(onsite=0.0, hopping=1.0)
    between = normal_metal(onsite=0.0, hopping=1.0, thickness=distance)
    planes = [barrier(onsite=height, hopping=1.0, thickness=1) for height in heights]
    layers = [planes[0], *(layer for plane in planes[1:] for layer in (between, plane))]
    return Junction(wire, layers, wire)


def divide(lab: Laboratory, cases: list[tuple[float, float]], distance: int, samples: int) -> Record:
    """Measure how a voltage divides between two scatterers.

    The electrochemical potential between them is the part of the local density that comes from the left, averaged over
    the planes and over one period π/distance of the wave number, so that only the incoherent part is left.
    """
    k = 1.0 + np.pi / distance * np.arange(samples) / samples
    energies = -2 * np.cos(k)
    conductances, drops = [], []
    for heights in cases:
        # a half alone: the scatterer and half of the contact resistance of the ballistic wire to its reservoir
        T = [lab.scatter(scatterers(height), energies).transmissions[:, 0, 0].mean() for height in heights]
        conductances.append([1 / (interface.interface_resistance(value, 1.0, 1.0) + 0.5) for value in T])
        density = lab.scatter(scatterers(*heights, distance=distance), energies).spin_densities[..., 0]
        left, right = density[:, :, 2:-2].sum(axis=(0, 2))
        drops.append(1 - left / (left + right))
    conductance, measured = np.array(conductances), np.array(drops)  # (σ_L, σ_R) of the halves alone; E_L/E
    spins = np.moveaxis(np.repeat(conductance[..., None], 2, axis=-1) / 2, 1, 0)  # two equal spins
    fields = as_printed.fields(*spins)
    share, printed = conductance[:, 0] / conductance.sum(axis=1), fields[0]
    series = parallel_circuit.series_fields(*spins)[0]
    # |J_L - J_R| of the printed division over the mean of both
    currents = [parallel_circuit.spin_currents(s, field).sum(axis=-1) for s, field in zip(spins, fields, strict=True)]
    lost_charge = abs(parallel_circuit.continuity_defect(*spins, fields)) / np.mean(currents, axis=0)
    return Record(locals())


def measure(quick: bool) -> Record:
    """Drive a bare contact by spin from either side, and divide a voltage between two scatterers."""
    lab = Laboratory(spot_check_every=8)
    metals = {"one channel": ONE_CHANNEL, "k∥ average": ALL_K}
    weak = {name: Records(sample(lab, metal, float(d), ANGLE) for d in WEAK) for name, metal in metals.items()}
    law_power = {name: fit_power_law(WEAK, [c.law_defect[PRINTED] for c in found]) for name, found in weak.items()}
    flip_power = {name: fit_power_law(WEAK, found.flip_reflection) for name, found in weak.items()}
    single, averaged = (sample(lab, metal, ILLUSTRATED, ANGLE) for metal in metals.values())
    angles = np.radians(np.arange(5, 86, 10 if quick else 5))
    turned = Records(sample(lab, ALL_K, ILLUSTRATED, float(angle)) for angle in angles)
    strong = sample(lab, ALL_K, 1.0, ANGLE)
    cases = [(1.0, 1.0), (0.5, 1.5), (1.5, 0.5), (0.0, 2.0), (2.0, 0.0)]
    cases += [] if quick else [(0.5, 1.0), (1.0, 0.5), (0.5, 3.0), (3.0, 0.5)]
    division = divide(lab, cases, distance=100 if quick else 300, samples=32)
    contacts = [averaged, single, strong, *turned]
    magnitudes = largest(c.ratio[CURRENT] - 1 for c in contacts if c is not single)
    polarization = float(averaged.J_M[CURRENT][1] / averaged.currents[CURRENT][1].sum())
    quiet = largest([single.J_M[CURRENT]])
    charge = largest(np.diff(currents.sum(axis=-1)) for c in contacts for currents in c.currents.values())
    wrong, right = (largest([formula - division.measured]) for formula in (division.printed, division.series))
    states = [scatter(bare(ONE_CHANNEL, float(d), ANGLE), ENERGY) for d in WEAK]
    by_kwant = [driven(state.probabilities, ANGLE).law_defect[PRINTED] for state in states]
    kwant_power = fit_power_law(WEAK, by_kwant).exponent
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdicts(contacts: list[Record], powers: list[Fit]) -> tuple[str, str]:
    """Return the verdicts on the law for a current, which comes from both sides, and for spin from the right alone."""
    exact = [max(c.law_defect[source] for c in contacts) < ROUNDING for source in (CURRENT, PRINTED)]
    limited = all(power.exponent > 0.5 for power in powers)
    return "holds" if exact[0] else "fails", "holds" if exact[1] else "holds in a limit" if limited else "fails"


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    printed, corrected = verdicts(m.contacts, list(m.law_power.values()))
    return Judged(
        printed=printed,
        corrected=corrected,
        value=m.law_power["one channel"].exponent,
        expected=2.0,
        tolerance=0.05,  # the next order is relative Δ² < 0.1 at the end of the fit
        route=Check("the same power by Kwant alone", m.kwant_power, 1e-9, m.law_power["one channel"].exponent),
        checks=(
            # half-open channels: relative corrections Δ, and Δ ln Δ in their flux
            Check("power of Δ of the law, k∥ average", m.law_power["k∥ average"].exponent, 0.1, 1.0),
            Check("power of Δ of R_+−, one channel", m.flip_power["one channel"].exponent, 0.05, 2.0),
            Check("|J_M^L/J_M^R| − 1 under a voltage, identical magnets", m.magnitudes, ROUNDING),
            Check("J_L − J_R, per channel", m.charge, ROUNDING),
            Check("series division minus microscopic, of E", m.right, DIVIDED),
            *m.lab.checks(),
        ),
    )


@drawn("metallic-limit-rotation", 1, 2, width=7.0, height=4.2, gridspec_kw={"width_ratios": [1, 1.1]})
def draw_rotation(m: Record, left: Any, right: Any) -> None:
    """Plot J_M^L/J_M^R against the angle for every source, and the defect of the law against the splitting."""
    degrees = np.degrees(m.angles)
    curve(left, degrees, np.cos(m.angles), "-", "theory", r"the law: cos $\Phi$")
    curve(left, degrees, 1 / np.cos(m.angles), "--", "theory", "sides exchanged", linewidth=0.9)
    colors = ("right", "left", "damping_like", "field_like")
    for source, color, marker in zip(SOURCES, colors, "os^v", strict=True):
        look = {"hollow": True, "markersize": 7} if source == CURRENT else {"markersize": 4}
        curve(left, degrees, [c.ratio[source] for c in m.turned], marker, color, source, **look)
    left.set_yscale("log")
    left.set_yticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
    left.minorticks_off()
    left.set(xlabel=r"angle $\Phi$ (degrees)", ylabel=r"$J_M^L/J_M^R$")
    left.legend(loc="lower left", fontsize=7, handletextpad=0.3)
    for (name, contacts), color in zip(m.weak.items(), ("majority", "minority"), strict=True):
        power = m.law_power[name]
        curve(right, WEAK, [c.law_defect[PRINTED] for c in contacts], "o", color, f"law, {name}")
        curve(right, WEAK, power.power(WEAK), "-", color, rf"∝ $\Delta^{{{power.exponent:.2f}}}$", linewidth=1)
        curve(right, WEAK, contacts.flip_reflection, "s--", color, rf"$R_{{+-}}$, {name}", hollow=True)
    right.set(xscale="log", yscale="log", ylim=(3e-6, 3))
    right.set_xticks([0.02, 0.05, 0.1, 0.2], ["0.02", "0.05", "0.1", "0.2"])
    right.minorticks_off()
    right.set(xlabel=r"exchange splitting $\Delta$ (t)", ylabel="relative defect, spin-flip reflection")
    right.legend(loc="upper left", ncols=2, fontsize=7, columnspacing=0.8, handletextpad=0.3)


@drawn("metallic-limit-division", width=5.2, height=3.4)
def draw_division(m: Record, axes: Any) -> None:
    """Plot the part of the voltage on the left against the share of the left conductance."""
    order = np.argsort(m.division.share)
    share, printed, series, measured = (
        getattr(m.division, x)[order] for x in ("share", "printed", "series", "measured")
    )
    curve(axes, share, printed, "--", "theory", r"printed: $\sigma_L/(\sigma_L+\sigma_R)$")
    curve(axes, share, series, "-", "theory", r"in series: $\sigma_R/(\sigma_L+\sigma_R)$")
    curve(axes, share, measured, "o", "microscopic", "microscopic")
    axes.set(xlabel=r"$\sigma_L/(\sigma_L+\sigma_R)$", ylabel=r"$E_L/E$", ylim=(0, 1.25))
    axes.legend(loc="upper center")


def quotient(found: Record, source: str) -> str:
    """Return J_M^L/J_M^R for the table: without half-open channels a voltage drives no spin current, 0/0."""
    return "no J_M" if largest([found.J_M[source]]) < ROUNDING else f"{found.ratio[source]:.4f}"
