"""The text before equation (5): no interface resistance, currents that are rotated and a field that is divided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, Scattering, barrier, normal_metal
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.theory import interface, parallel_circuit, tunnelling
from kwant_spinjunc.theory import printed as as_printed
from kwant_spinjunc.transport.linear import linear_response
from systems.contact import contact

from ..claim import Check, Judged, Record
from ..compare import Fit, fit_power_law, relative_error
from ..figures import COLORS, drawn
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


@dataclass(frozen=True)
class Contact:
    """One bare contact F|F; everything per open channel (averaged over k∥: per unit cell over the mean of N)."""

    probabilities: np.ndarray  # P over the mean number of channels of a spin
    currents: Mapping[str, np.ndarray]  # I_αs of each source, [side, spin]
    angle: float

    @property
    def rotation_defect(self) -> float:
        """Largest |T_ss' - R_ss'²|: what the contact does besides turning the spin."""
        return float(abs(self.probabilities[1, :, 0, :].T - tunnelling.rotation_probabilities(self.angle)).max())

    @property
    def flip_reflection(self) -> float:
        """R^L_+-."""
        return float(self.probabilities[0, 0, 0, 1])

    def magnetization(self, source: str) -> np.ndarray:
        """J_M of the left and the right."""
        return parallel_circuit.magnetization_current(self.currents[source])

    def law_defect(self, source: str) -> float:
        """|J_M^L - J_M^R cos Φ|/|J_M^R|: the defect of J_s'^L = Σ_s |R_ss'|² J_s^R, as the charge is continuous."""
        left, right = self.magnetization(source)
        rotated = parallel_circuit.rotated_magnetization_current(right, self.angle)
        return float(relative_error(left, rotated, scale=right))

    def ratio(self, source: str) -> float:
        """J_M^L/J_M^R; the law says cos Φ."""
        left, right = self.magnetization(source)
        return float(left / right)


# ---------------------------------------------------------------------- what is computed
def observe(scattering: Scattering) -> dict[str, np.ndarray]:
    """Return probabilities, channels and the spin-resolved currents of every source, per k∥."""
    currents = {source: linear_response(scattering, *mu).spin_resolved for source, mu in SOURCES.items()}
    return {"probabilities": scattering.probabilities, "modes": scattering.modes.astype(float), **currents}


def sample(lab: Laboratory, metal: Mapping[str, float], splitting: float, angle: float) -> Contact:
    """Scatter from one contact and drive it by every source."""
    junction = contact(theta=angle, splitting=splitting, splitting_right=splitting, **metal)
    if junction.is_dispersive:
        found = k_average(lab, junction, ENERGY, observe)
    else:
        found = observe(lab.scatter(junction, ENERGY))
    channels = float(found["modes"].mean())
    return Contact(found["probabilities"] / channels, {name: found[name] / channels for name in SOURCES}, angle)


def kwant_contact(splitting: float) -> Contact:
    """Return a contact of one channel by Kwant alone."""
    junction = contact(theta=ANGLE, splitting=splitting, splitting_right=splitting, **ONE_CHANNEL)
    found = observe(scatter(junction, ENERGY))
    return Contact(found["probabilities"], {name: found[name] for name in SOURCES}, ANGLE)


def scatterers(*heights: float, distance: int = 1) -> Junction:
    """Return a nonmagnetic chain with one-plane scatterers of the given heights, ``distance`` planes apart."""
    wire = normal_metal(onsite=0.0, hopping=1.0)
    between = normal_metal(onsite=0.0, hopping=1.0, thickness=distance)
    planes = [barrier(onsite=height, hopping=1.0, thickness=1) for height in heights]
    layers = [planes[0], *(layer for plane in planes[1:] for layer in (between, plane))]
    return Junction(wire, layers, wire)


def divide(lab: Laboratory, cases: Sequence[tuple[float, float]], distance: int, samples: int) -> Record:
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


# ---------------------------------------------------------------------- what it says of the paper
def verdicts(contacts: Sequence[Contact], powers: Sequence[Fit]) -> tuple[str, str]:
    """Return the verdicts on the law for a current, which comes from both sides, and for spin from the right alone."""
    exact = [max(c.law_defect(source) for c in contacts) < ROUNDING for source in (CURRENT, PRINTED)]
    limited = all(power.exponent > 0.5 for power in powers)
    return "holds" if exact[0] else "fails", "holds" if exact[1] else "holds in a limit" if limited else "fails"


SOURCE_LOOKS = {
    "accumulation on the right": ("right", "o"),
    "accumulation on the left": ("left", "s"),
    "opposite accumulations": ("damping_like", "^"),
    "voltage, no accumulation": ("field_like", "v"),
}


@drawn("metallic-limit-rotation", 1, 2, width=7.0, height=4.2, gridspec_kw={"width_ratios": [1, 1.1]})
def draw_rotation(m: Record, left: Any, right: Any) -> None:
    """Plot J_M^L/J_M^R against the angle for every source, and the defect of the law against the splitting."""
    degrees = np.degrees([c.angle for c in m.angles])
    left.plot(degrees, np.cos(np.radians(degrees)), "-", color=COLORS["theory"], label=r"the law: cos $\Phi$")
    left.plot(
        degrees, 1 / np.cos(np.radians(degrees)), "--", color=COLORS["theory"], linewidth=0.9, label="sides exchanged"
    )
    for source, (color, marker) in SOURCE_LOOKS.items():
        ratios = [c.ratio(source) for c in m.angles]
        fill = {"markerfacecolor": "none"} if source == "voltage, no accumulation" else {}
        size = 7 if source == "voltage, no accumulation" else 4
        left.plot(degrees, ratios, marker, color=COLORS[color], markersize=size, label=source, **fill)
    left.set_yscale("log")
    left.set_yticks([0.1, 0.3, 1, 3, 10], ["0.1", "0.3", "1", "3", "10"])
    left.minorticks_off()
    left.set(xlabel=r"angle $\Phi$ (degrees)", ylabel=r"$J_M^L/J_M^R$")
    left.legend(loc="lower left", fontsize=7, handletextpad=0.3)
    for (name, contacts), color in zip(m.weak.items(), ("majority", "minority"), strict=True):
        law = [c.law_defect(PRINTED) for c in contacts]
        flips = [c.flip_reflection for c in contacts]
        fit = m.law_power[name].prefactor * WEAK ** m.law_power[name].exponent
        right.loglog(WEAK, law, "o", color=COLORS[color], label=f"law, {name}")
        right.loglog(
            WEAK, fit, "-", color=COLORS[color], linewidth=1, label=rf"∝ $\Delta^{{{m.law_power[name].exponent:.2f}}}$"
        )
        right.loglog(WEAK, flips, "s--", color=COLORS[color], markerfacecolor="none", label=rf"$R_{{+-}}$, {name}")
    right.set_ylim(3e-6, 3)
    right.set_xticks([0.02, 0.05, 0.1, 0.2], ["0.02", "0.05", "0.1", "0.2"])
    right.minorticks_off()
    right.set(xlabel=r"exchange splitting $\Delta$ (t)", ylabel="relative defect, spin-flip reflection")
    right.legend(loc="upper left", ncols=2, fontsize=7, columnspacing=0.8, handletextpad=0.3)


@drawn("metallic-limit-division", width=5.2, height=3.4)
def draw_division(m: Record, axes: Any) -> None:
    """Plot the part of the voltage on the left against the share of the left conductance."""
    order = np.argsort(m.division.share)
    share = m.division.share[order]
    axes.plot(
        share, m.division.printed[order], "--", color=COLORS["theory"], label=r"printed: $\sigma_L/(\sigma_L+\sigma_R)$"
    )
    axes.plot(
        share, m.division.series[order], "-", color=COLORS["theory"], label=r"in series: $\sigma_R/(\sigma_L+\sigma_R)$"
    )
    axes.plot(share, m.division.measured[order], "o", color=COLORS["microscopic"], label="microscopic")
    axes.set(xlabel=r"$\sigma_L/(\sigma_L+\sigma_R)$", ylabel=r"$E_L/E$", ylim=(0, 1.25))
    axes.legend(loc="upper center")


def quotient(found: Contact, source: str) -> str:
    """Return J_M^L/J_M^R for the table: without half-open channels a voltage drives no spin current, 0/0."""
    return "no J_M" if abs(found.magnetization(source)).max() < ROUNDING else f"{found.ratio(source):.4f}"


def measure(quick: bool) -> Record:
    """Drive a bare contact by spin from either side, and divide a voltage between two scatterers."""
    lab = Laboratory(spot_check_every=8)
    metals = {"one channel": ONE_CHANNEL, "k∥ average": ALL_K}
    weak = {name: [sample(lab, metal, float(d), ANGLE) for d in WEAK] for name, metal in metals.items()}
    law_power = {name: fit_power_law(WEAK, [c.law_defect(PRINTED) for c in found]) for name, found in weak.items()}
    flip_power = {name: fit_power_law(WEAK, [c.flip_reflection for c in found]) for name, found in weak.items()}
    illustrated = {name: sample(lab, metal, ILLUSTRATED, ANGLE) for name, metal in metals.items()}
    angles = [
        sample(lab, ALL_K, ILLUSTRATED, float(angle)) for angle in np.radians(np.arange(5, 86, 10 if quick else 5))
    ]
    strong = sample(lab, ALL_K, 1.0, ANGLE)
    cases = [(1.0, 1.0), (0.5, 1.5), (1.5, 0.5), (0.0, 2.0), (2.0, 0.0)]
    cases += [] if quick else [(0.5, 1.0), (1.0, 0.5), (0.5, 3.0), (3.0, 0.5)]
    division = divide(lab, cases, distance=100 if quick else 300, samples=32)
    averaged, single = illustrated["k∥ average"], illustrated["one channel"]
    bias = "voltage, no accumulation"
    contacts = [averaged, single, strong, *angles]
    magnitudes = max(abs(c.ratio(bias) - 1) for c in [averaged, strong, *angles])
    polarization = float(averaged.magnetization(bias)[1] / averaged.currents[bias][1].sum())
    quiet = float(abs(single.magnetization(bias)).max())
    charge = max(float(abs(np.diff(c.currents[source].sum(axis=-1)))[0]) for c in contacts for source in SOURCES)
    wrong, right = (float(abs(formula - division.measured).max()) for formula in (division.printed, division.series))
    kwant_power = fit_power_law(WEAK, [kwant_contact(float(d)).law_defect(PRINTED) for d in WEAK]).exponent
    return Record(locals())


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    printed, corrected = verdicts(m.contacts, list(m.law_power.values()))
    return Judged(
        printed=printed,
        corrected=corrected,
        value=m.law_power["one channel"].exponent,
        expected=2.0,
        tolerance=0.05,  # the next order is relative Δ² < 0.1 at the end of the fit
        route=Check("the same power by Kwant alone", m.kwant_power, 1e-9, expected=m.law_power["one channel"].exponent),
        checks=(
            # half-open channels: relative corrections Δ, and Δ ln Δ in their flux
            Check("power of Δ of the law, k∥ average", m.law_power["k∥ average"].exponent, 0.1, expected=1.0),
            Check("power of Δ of R_+−, one channel", m.flip_power["one channel"].exponent, 0.05, expected=2.0),
            Check("|J_M^L/J_M^R| − 1 under a voltage, identical magnets", m.magnitudes, ROUNDING),
            Check("J_L − J_R, per channel", m.charge, ROUNDING),
            Check("series division minus microscopic, of E", m.right, DIVIDED),
            *m.lab.checks(),
        ),
    )
