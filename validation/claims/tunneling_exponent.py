"""Equation (2), the exponent: how fast the transmission decays with the thickness of the barrier."""

from collections.abc import Callable
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, barrier
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.theory import printed as as_printed
from kwant_spinjunc.theory import tunnelling
from kwant_spinjunc.units import hbar2_2m_from_mass
from systems.free_electron_junction import free_electron_junction
from systems.tunnel_junction import tunnel_junction

from ..claim import Check, Judged, Record, Records
from ..compare import fit_power_law, largest
from ..figures import curve, drawn, legend_below, palette
from ..laboratory import Laboratory

#: Energy of all electrons.
ENERGY = 0.0
#: Three-dimensional magnets and barrier for the k∥ mean, unit t.
DISPERSIVE = {"onsite": 5.0, "splitting": 1.0, "in_plane_hopping": 1.0, "height": 2.0}
#: A barrier counts as thick above this many decay lengths: the reflected wave in it is then e^{-2κd} < 1e-6.
THICK = 7.0
#: Top above the energy of the barrier that Kwant solves by itself, unit t.
KWANT_EXCESS = 1.0
#: Deviations of a decay rate below this are rounding of the transmissions it is taken from.
RESOLVED = 1e-10


# ---------------------------------------------------------------------- what is computed
def slopes(conductance: Callable[[int], float], planes: Any, kappa: float) -> Record:
    """Measure the transmission [N, 2] with N and N + 1 planes; ``kappa`` is the κa of the lattice."""
    planes = np.array(planes)
    transmission = np.array([(conductance(int(n)), conductance(int(n) + 1)) for n in planes])
    rate = -np.log(transmission[:, 1] / transmission[:, 0]) / 2  # the measured κa
    depth = kappa * (planes + 0.5)  # decay lengths κd at which the slope is taken
    deviation = rate / kappa - 1
    # the deviation times 2κd: one if T ∝ e^{-2κd}/d, a two-dimensional Gaussian of k∥ around zero
    over_gaussian = deviation * 2 * depth
    return Record(locals())


def family(excess: float, thickness: int = 1) -> Junction:
    """Return a barrier whose band bottom is ``excess`` above the energy."""
    return tunnel_junction(0.0, 1.0 + excess, thickness)


def lattice_kappa(excess: float) -> float:
    """Return κa of the lattice."""
    insulator = family(excess).layers[0]
    return float(tunnelling.lattice_decay_constant(insulator.onsite, ENERGY, insulator.hopping))


def decay(lab: Laboratory, excess: float, points: int) -> Record:
    """Measure the transmission of one barrier from one plane to beyond ten decay lengths, in units of t and a."""
    insulator, kappa = family(excess).layers[0], lattice_kappa(excess)
    last = max(int(np.ceil((THICK + 3) / kappa)), 10)
    planes = np.unique(np.round(np.geomspace(1, last, points)).astype(int))
    found = slopes(lambda n: float(lab.scatter(family(excess, n), ENERGY).conductance), planes, kappa)
    found.excess = excess
    found.smooth_kappa = float(tunnelling.decay_constant(insulator.band_edges()[0, 0] - ENERGY, insulator.hopping))
    # power of the deviation in e^{-2κd}, None where too few thicknesses resolve it
    weight, deviation = np.exp(-2 * found.depth), abs(found.deviation)
    chosen = (weight < 1e-2) & (deviation > RESOLVED)
    found.approach = fit_power_law(weight[chosen], deviation[chosen]) if chosen.sum() >= 3 else None
    return found


def kwant_deviation() -> float:
    """Return |rate/κ - 1| from two of Kwant's transmissions behind a thick barrier."""
    kappa = lattice_kappa(KWANT_EXCESS)
    planes = int(np.ceil(THICK / kappa))
    found = slopes(lambda n: float(scatter(family(KWANT_EXCESS, n), ENERGY).conductance), [planes], kappa)
    return float(abs(found.deviation[0]))


def mass_dependence(lab: Laboratory, masses: tuple[float, ...]) -> Record:
    """Measure the decay rate of a 1 eV barrier at normal incidence between Fe-like electrodes, in nanometers."""
    widths, height = np.array([2.0, 2.4]), 1.0
    rows = []
    for mass in masses:
        barriers = [free_electron_junction(0.0, height, width, a=0.025, effective_mass=mass) for width in widths]
        G = [lab.scatter(one, ENERGY, (0.0, 0.0)).conductance for one in barriers]
        slope, scale = -np.log(G[1] / G[0]) / 2 / np.ptp(widths), float(hbar2_2m_from_mass(mass))
        rows.append((slope, tunnelling.wkb_exponent(height, 1.0, scale), as_printed.wkb_exponent(height, 1.0, scale)))
    mass, (rate, corrected, printed) = np.array(masses), np.array(rows).T  # 1/nm; the print's unit is eV nm
    return Record(locals())


def sloping_barrier(lab: Laboratory, counts: tuple[int, ...]) -> Record:
    """Measure what doubling the thickness adds to the exponent of a barrier whose top falls from 3 t to 0.5 t."""
    electrodes = tunnel_junction(theta=0.0)

    def solve(count: int) -> tuple[float, float]:
        levels = 2.0 + np.linspace(3.0, 0.5, 2 * count + 1)[1::2]
        layers = [barrier(onsite=level, hopping=1.0, thickness=1) for level in levels]
        T = lab.scatter(Junction(electrodes.left, layers, electrodes.right), ENERGY).conductance
        return -np.log(float(T)) / 2, float(tunnelling.lattice_exponent(levels, ENERGY, 1.0))

    measured, integral = (np.array(column) for column in zip(*map(solve, counts), strict=True))
    planes, error = np.array(counts[1:]), np.diff(measured) / np.diff(integral) - 1  # relative, of what is gained
    power = fit_power_law(planes[-3:], abs(error[-3:]))
    return Record(locals())


def averaged_decay(lab: Laboratory, planes: tuple[int, ...]) -> Record:
    """Measure the k∥ mean of the transmission of dispersive magnets and barrier, κ where the barrier is lowest."""
    insulator = tunnel_junction(theta=0.0, **DISPERSIVE).layers[0]
    kappa = tunnelling.lattice_decay_constant(float(insulator.levels(2.0)[0]), ENERGY, insulator.hopping)

    def conductance(thickness: int) -> float:
        junction = tunnel_junction(theta=0.0, thickness=thickness, **DISPERSIVE)
        return float(lab.scatter(junction, ENERGY, "average").conductance)

    return slopes(conductance, planes, float(kappa))


def measure(quick: bool) -> Record:
    """Measure the decay with thickness of uniform barriers, a sloping one, and a k∥ mean."""
    lab = Laboratory(spot_check_every=20)
    excesses = (0.03, 0.3, 3.0) if quick else (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
    decays = Records(decay(lab, excess, points=10 if quick else 18) for excess in excesses)
    masses = mass_dependence(lab, (0.5, 1.0, 2.0) if quick else (0.25, 0.5, 1.0, 2.0))
    slope = sloping_barrier(lab, (4, 8, 16, 32) if quick else (4, 8, 16, 32, 64))
    averaged = averaged_decay(lab, (2, 8, 30) if quick else (1, 2, 4, 8, 15, 30))
    kwant, checks = kwant_deviation(), lab.checks()
    # relative error of the continuum κ behind the thickest barriers, and its power in κa
    kappa = decays.kappa
    continuum_error = np.array([one.smooth_kappa / one.rate[-1] - 1 for one in decays])
    small = kappa < 1.6
    order = fit_power_law(kappa[small], continuum_error[small]).exponent
    # worst deviation of the rate from κ of the lattice behind thick and behind the thinnest barriers
    thick = largest(one.deviation[one.depth > THICK] for one in decays)
    thin = largest(one.deviation[0] for one in decays)
    powers = [one.approach.exponent for one in decays if one.approach]
    unit_mass = int(np.argmin(abs(masses.mass - 1)))
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdicts(thick: float, thin: float, continuum_order: float, printed_ratio: float) -> tuple[str, str]:
    """Return the verdicts on the exponent as printed and with sign and ħ² mended.

    ``thick``, ``thin``: deviation of the rate from κ behind thick and thin barriers; ``continuum_order``: power of the
    continuum's error in κa; ``printed_ratio``: decay rate as printed over the measured one.
    """
    corrected = "holds in a limit" if thick < 1e-4 and continuum_order > 1.5 else "fails"
    if corrected != "fails" and thin < 1e-3:
        corrected = "holds"
    return corrected if abs(printed_ratio - 1) < 1e-3 else "fails", corrected


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    masses, averaged = m.masses, m.averaged
    printed_ratio = -float(masses.printed[m.unit_mass] / masses.rate[m.unit_mass])
    approach = max(m.powers, key=lambda n: abs(n - 1))
    printed, corrected = verdicts(m.thick, m.thin, m.order, printed_ratio)
    return Judged(
        printed=printed,
        corrected=corrected,
        value=m.thick,
        tolerance=1e-5,  # a few e^{-2κd} = 8e-7
        route=Check(f"the same by Kwant alone, {KWANT_EXCESS:g} t", m.kwant, 1e-5),
        checks=(
            Check("order of the continuum exponent's error in κa", m.order, 0.1, 2.0),
            # fitted where e^{-2κd} < 1e-2, so the next order is below a percent
            Check("power of the approach in e^(−2κd), worst barrier", approach, 0.01, 1.0),
            # (κa)²/24 of the heaviest mass, a = 0.025 nm, is 1.4e-3
            Check("power of the decay rate in the mass", fit_power_law(masses.mass, masses.rate).exponent, 5e-3, 0.5),
            # the next order of the Gaussian is relative 1/κd
            Check(
                "k∥ mean: (rate − κ)·2d, thickest",
                float(averaged.over_gaussian[-1]),
                float(5 / averaged.depth[-1]),
                1.0,
            ),
            *m.checks,
        ),
    )


@drawn("tunneling-exponent-decay", 1, 2, height=4.0)
def draw_decay(m: Record, left: Any, right: Any) -> None:
    """Plot transmission and local decay rate against the thickness."""
    for data, color in zip(m.decays, palette(len(m.decays)), strict=True):
        near = data.depth < 10.5  # what is thicker is in the right panel
        left.semilogy(data.depth[near], data.transmission[near, 0], "o", color=color, label=f"{data.excess:g} t")
        depth = data.depth[[0, -1]]
        end = data.transmission[-1, 0] * np.exp(2 * (depth[-1] - depth))
        left.semilogy(depth, end, "-", color=color, linewidth=0.8)
        right.semilogx(data.depth, data.rate / data.kappa, "o-", color=color, linewidth=0.8)
    mean = m.averaged
    depth = np.geomspace(1, mean.depth[-1], 50)
    curve(right, mean.depth, mean.rate / mean.kappa, "D", "minority", "k∥ mean")
    curve(right, depth, 1 + 1 / (2 * depth), "--", "minority", r"$1+1/2\kappa d$", linewidth=1)
    left.set(ylabel="transmission (both spins)", xlim=(0, 10.6), ylim=(1e-10, 30))
    right.axhline(1.0, color="black", linestyle=":", linewidth=1)
    right.axvline(1.0, color="muted", linewidth=0.8)
    right.set_xticks([0.3, 1, 3, 10, 30], ["0.3", "1", "3", "10", "30"])
    right.set_xticks([], minor=True)
    right.set(ylabel=r"measured rate / $\kappa$ of the lattice", ylim=(0, None))
    right.legend(loc="lower right")
    for panel in (left, right):
        panel.set_xlabel(r"thickness $\kappa d$ (decay lengths)")
    legend_below(left, 7, title="top of the barrier above the energy", columnspacing=1, handletextpad=0.2)


@drawn("tunneling-exponent-order", 1, 2, height=3.6)
def draw_orders(m: Record, left: Any, right: Any) -> None:
    """Plot how the rate approaches κ with the thickness, and how the continuum κ departs with κa."""
    for data, color in zip(m.decays, palette(len(m.decays)), strict=True):
        weight, deviation = np.exp(-2 * data.depth), abs(data.deviation)
        resolved = deviation > RESOLVED
        curve(left, weight[resolved], deviation[resolved], "o", color, f"{data.excess:g} t")
    curve(left, [1e-10, 1.0], [1e-10, 1.0], "--", "black", r"$e^{-2\kappa d}$", linewidth=1)
    left.set(xlabel=r"$e^{-2\kappa d}$", ylabel=r"$|$rate$/\kappa - 1|$", xscale="log", yscale="log")
    left.set(xlim=(1e-10, 2), ylim=(1e-10, 3))
    left.legend(loc="upper left", title="top above the energy", ncols=2, columnspacing=1, handletextpad=0.2)
    curve(right, m.kappa, m.continuum_error, "o", "microscopic", "measured")
    curve(right, m.kappa, m.kappa**2 / 24, "-", "black", r"$(\kappa a)^2/24$", linewidth=1)
    right.set(xlabel=r"$\kappa a$", ylabel=r"continuum $\kappa$ / measured rate $-$ 1", xscale="log", yscale="log")
    right.legend(loc="upper left")
