"""Equation (2), the angle: T_ss' = R_ss'² D_ss' with a tunnelling factor D that does not know the angle."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, halves
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.spin import rotation_matrix
from kwant_spinjunc.theory import tunnelling
from kwant_spinjunc.units import ELECTRON_HBAR2_2M, IRON_WAVE_NUMBERS
from systems.asymmetric_junction import asymmetric_junction
from systems.free_electron_junction import free_electron_junction
from systems.tunnel_junction import tunnel_junction

from ..claim import Check, Judged, Record, Records
from ..compare import Fit, fit_power_law, largest, safe_limit
from ..figures import drawn, legend_below
from ..laboratory import Laboratory

Family = Callable[..., Junction]

FAMILIES: dict[str, Family] = {"identical magnets": tunnel_junction, "different magnets": asymmetric_junction}
#: Three-dimensional magnets and barrier for the k∥ mean, unit t; the barrier is at least 1 t above the energy.
DISPERSIVE = {"onsite": 5.0, "splitting": 1.0, "in_plane_hopping": 1.0, "height": 2.0}
#: Mean transmission per pair of channels below which a junction counts as a tunnel junction in the fits. Corrections
#: to a power law in it are then below a percent.
TUNNELING = 1e-2
#: And above which a defect, of the order of the transmission, stands out from the rounding of quotients (1e-15).
RESOLVED = 1e-10
#: Energy of all electrons.
ENERGY = 0.0
#: Angle at which the matching of waves is tested; any other gives the same D behind a thick barrier.
RIGHT_ANGLE = np.pi / 2


# ---------------------------------------------------------------------- what is computed
def deviations(factors: np.ndarray) -> Record:
    """Return what the factors D [value, angle, s, s'] of one family along one parameter have of the angle."""
    transmission = factors.mean(axis=(1, 2, 3))  # per pair of channels
    defect = tunnelling.factorization_defect(factors)  # D_++ D_-- / (D_+- D_-+) - 1 [value, angle]
    worst_defect, defect_spread = abs(defect).max(axis=1), float(np.ptp(defect, axis=1).max())
    # largest relative change of a D_ss' over the angles, and what is left of it in the quotients of two D_ss': zero if
    # all four share one function of the angle
    angle_dependence = (factors.max(axis=1) / factors.min(axis=1) - 1).max(axis=(1, 2))
    quotient = factors / factors[..., :1, :1]
    private_angle_dependence = float((quotient.max(axis=1) / quotient.min(axis=1) - 1).max())
    return Record(locals())


def power(found: Record, quantity: str) -> Fit:
    """Fit a deviation ∝ transmission^n where the barrier tunnels and the number is resolved."""
    chosen = (found.transmission < TUNNELING) & (found.transmission > RESOLVED)
    return fit_power_law(found.transmission[chosen], getattr(found, quantity)[chosen])


def kwant_power(planes: Sequence[int]) -> float:
    """Fit the power of the factorization defect in the transmission with Kwant's T_ss', at one angle."""
    D = [scatter(tunnel_junction(theta=RIGHT_ANGLE, height=2.0, thickness=n), ENERGY).transmissions for n in planes]
    found = deviations(np.array(D)[:, None] / tunnelling.rotation_probabilities(RIGHT_ANGLE))
    return power(found, "worst_defect").exponent


def tunnelling_factors(lab: Laboratory, family: Family, angles: Iterable[float], **parameters: Any) -> np.ndarray:
    """Return the measured D = T/R² at noncollinear angles, shape [angle, s, s']; the k∥ mean if planes disperse."""
    junctions = [family(theta=angle, **parameters) for angle in angles]
    k = "average" if junctions[0].is_dispersive else (0.0, 0.0)
    T = [lab.scatter(junction, ENERGY, k).transmissions for junction in junctions]
    return np.array(T) / tunnelling.rotation_probabilities(list(angles))


def sweep(
    lab: Laboratory, magnets: str, angles: np.ndarray, parameter: str, values: Sequence[Any], **fixed: Any
) -> Record:
    """Measure D along one parameter of a family."""
    D = [tunnelling_factors(lab, FAMILIES[magnets], angles, **{parameter: value}, **fixed) for value in values]
    swept = {"magnets": magnets, "parameter": parameter, "values": np.array(values)}
    return Record(vars(deviations(np.array(D))) | swept)


def law_error(measured: Record, angles: np.ndarray, **fixed: Any) -> float:
    """Return the largest error of D(Φ) ∝ |1 + z sin²(Φ/2)|⁻², z the round trip of the same junction, relative."""
    sin2, worst = np.sin(angles / 2) ** 2, 0.0
    for value, D in zip(measured.values, measured.factors, strict=True):
        junction = FAMILIES[measured.magnets](theta=angles[0], **{measured.parameter: value}, **fixed)
        u, w = (junction.bond_hoppings[junction.cut or 0] * g for g in halves.surface_greens(junction, ENERGY))
        z = (u[0] - u[1]) * (w[0] - w[1]) / ((1 - u[0] * w[0]) * (1 - u[1] * w[1]))
        shape = D / (abs(1 + z * sin2) ** -2)[:, None, None]
        worst = max(worst, float((shape.max(axis=0) / shape.min(axis=0) - 1).max()))
    return worst


def reflections(junction: Junction) -> tuple[float, np.ndarray, np.ndarray]:
    """Return κa of the barrier and ρ_s of the left and the right electrode, on the lattice."""
    (insulator,) = junction.layers
    kappa = tunnelling.lattice_decay_constant(insulator.onsite, ENERGY, insulator.hopping)
    greens = [tunnelling.surface_green_function(ENERGY, lead.levels(), lead.hopping) for lead in junction.leads]
    left, right = (tunnelling.lattice_reflection(g, kappa, insulator.hopping) for g in greens)
    return float(kappa), left, right


def round_trips(measured: Record, angles: np.ndarray, **fixed: Any) -> Record:
    """Evaluate the closed form of a uniform barrier where the barrier is evanescent."""
    middle, D, chosen = len(angles) // 2, [], []
    for index, value in enumerate(measured.values):
        junction = FAMILIES[measured.magnets](theta=angles[middle], **{measured.parameter: value}, **fixed)
        try:
            kappa, left, right = reflections(junction)
        except tunnelling.ClassicallyAllowedError:
            continue
        R = rotation_matrix(*junction.magnetizations)
        exponent = kappa * junction.layers[0].thickness
        T = tunnelling.barrier_probabilities(R, left, right, exponent)
        D.append(T / tunnelling.rotation_probabilities(angles[middle]))
        chosen.append(index)
    factors = np.array(D)
    transmission, defect = measured.transmission[chosen], tunnelling.factorization_defect(factors)
    error = float(abs(measured.factors[chosen, middle] / factors - 1).max())  # of the closed form, relative
    return Record(locals())


def matched_waves(heights: Sequence[float], thickness: int, lab: Laboratory | None = None) -> Record:
    """Match waves at both interfaces, and measure D e^{2κd} behind ``thickness`` planes if there is a laboratory.

    Of the matching on the lattice, in the continuum, and of the exponential alone: errors over all spins, by height.
    """
    rows = []
    for height in heights:
        junction = tunnel_junction(theta=RIGHT_ANGLE, height=height, thickness=thickness)
        kappa, left, right = reflections(junction)
        (insulator,), lead = junction.layers, junction.left
        waves = np.sqrt((ENERGY - lead.band_edges()[:, 0]) / lead.hopping)
        smooth = tunnelling.decay_constant(insulator.band_edges()[0, 0] - ENERGY, insulator.hopping)
        rho = tunnelling.continuum_reflection(waves, smooth)
        measured = np.full((2, 2), np.nan)
        if lab is not None:
            D = tunnelling_factors(lab, tunnel_junction, [RIGHT_ANGLE], height=height, thickness=thickness)[0]
            measured = D * np.exp(2 * kappa * thickness)
        matched = (tunnelling.spin_factors(*both, 0.0) for both in ((left, right), (rho, rho)))
        rows.append((kappa, measured, *matched))
    kappa, measured, lattice, continuum = (np.array(column) for column in zip(*rows, strict=True))
    lattice_error, continuum_error, bare_error = (
        abs(theory / measured - 1).max(axis=(1, 2)) for theory in (lattice, continuum, np.ones((2, 2)))
    )
    return Record(locals())


def refine(lab: Laboratory, spacings: Sequence[float]) -> Record:
    """Put an Fe-like free-electron junction (1 eV, 1.6 nm, normal incidence) on lattices of ``spacings`` nm."""
    height, width = 1.0, 1.6
    decay = float(tunnelling.decay_constant(height, ELECTRON_HBAR2_2M))
    rho = tunnelling.continuum_reflection(IRON_WAVE_NUMBERS, decay)
    theory = tunnelling.spin_factors(rho, rho, decay * width)
    errors = []
    for a in spacings:
        junction = free_electron_junction(RIGHT_ANGLE, height, width, a=a)
        D = lab.scatter(junction, ENERGY, (0.0, 0.0)).transmissions / tunnelling.rotation_probabilities(RIGHT_ANGLE)
        errors.append(abs(D / theory - 1).max())
    depth, kappa, error = decay * width, decay * np.array(spacings), np.array(errors)  # κd, κa
    order = fit_power_law(kappa[-3:], error[-3:])
    return Record(locals())


def measure(quick: bool) -> Record:
    """Measure T_ss'(Φ), divide by R_ss'², and compare what is left with matched waves."""
    lab = Laboratory(spot_check_every=20)
    angles = np.linspace(0, np.pi, 8 if quick else 16)[1:-1]
    heights = [0.0, 1.5, 2.0, 4.0, 8.0] if quick else [-1.0, 0.0, 0.5, 1.1, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0]
    plans: list[tuple[str, Sequence[Any], dict[str, Any]]] = [
        ("height", heights, {"thickness": 4}),
        ("thickness", range(1, 11, 2 if quick else 1), {"height": 2.0}),
    ]
    sweeps, closed = [], []
    for magnets in FAMILIES:
        for parameter, values, fixed in plans:
            sweeps.append(sweep(lab, magnets, angles, parameter, values, **fixed))
            closed.append(round_trips(sweeps[-1], angles, **fixed))
    planes = (2, 4, 8) if quick else (1, 2, 3, 4, 6, 8)
    averaged = sweep(lab, "identical magnets", angles[::3], "thickness", planes, **DISPERSIVE)
    matching = matched_waves([1.5, 2, 4, 8] if quick else [1.25, 1.5, 2, 3, 4, 6, 8, 12, 16], 12, lab)
    curves = matched_waves(1 + np.geomspace(0.2, 15, 60), 1)
    refinement = refine(lab, (0.1, 0.05, 0.025) if quick else (0.1, 0.05, 0.025, 0.0125))
    by_law = max(law_error(one, angles, **fixed) for one, (_, _, fixed) in zip(sweeps, [*plans, *plans], strict=True))
    by_kwant, checks = kwant_power((3, 4, 5, 6, 7)), lab.checks()
    # of both deviations in the transmission, at one k∥
    powers = [power(one, quantity) for quantity in ("worst_defect", "angle_dependence") for one in sweeps]
    exponents = [fit.exponent for fit in powers]
    over_thickness = next(one for one in sweeps if one.parameter == "thickness")
    defect_power = power(over_thickness, "worst_defect")
    ratio = matching.measured[:, 0, 0] / matching.measured[:, 1, 1]
    safe = safe_limit([(one.transmission, one.angle_dependence) for one in sweeps], 0.01)
    slope = max(float((one.angle_dependence / one.transmission).max()) for one in sweeps)
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(powers: Sequence[Fit], metallic_defect: float) -> str:
    """Return the verdict: exact at any barrier, exact in the tunnelling limit, or not even there."""
    if metallic_defect < 1e-9:
        return "holds"
    return "holds in a limit" if all(abs(power.exponent - 1) < 0.1 for power in powers) else "fails"


@drawn("rotation-law-defect", 1, 2, height=3.9, sharey=True)
def draw_defect(m: Record, *axes: Any) -> None:
    """Plot factorization defect and angle dependence of D against the transmission."""
    colors = dict(zip(FAMILIES, ("left", "right"), strict=True))
    markers = {"height": "o", "thickness": "s"}
    for data, theory in zip(m.sweeps, m.closed, strict=True):
        look = {"color": colors[data.magnets], "linestyle": "none", "marker": markers[data.parameter]}
        look |= {"markerfacecolor": "none"} if data.parameter == "thickness" else {}
        axes[0].loglog(data.transmission, data.worst_defect, label=f"{data.magnets}, {data.parameter}", **look)
        axes[1].loglog(data.transmission, data.angle_dependence, **look)
        axes[0].loglog(theory.transmission, abs(theory.defect), "-", color="black", linewidth=0.7)
    axes[0].plot([], [], "-", color="black", linewidth=0.7, label="round trips, closed form")
    mean = m.averaged
    for panel, quantity in zip(axes, (mean.worst_defect, mean.angle_dependence), strict=True):
        panel.loglog(mean.transmission, quantity, "D", color="damping_like", label="k∥ mean, thickness")
        line = np.array([1e-11, 1e-1])
        panel.loglog(line, line, ":", color="muted", label="the transmission itself", zorder=0)
        panel.set(xlabel=r"transmission, mean of $D_{ss'}$", xlim=(1e-11, 3), ylim=(1e-12, 5))
    axes[0].set(ylabel="relative deviation", title=r"$|D_{++}D_{--}/D_{+-}D_{-+}-1|$")
    axes[1].set_title(r"change of $D_{ss'}$ with $\Phi$")
    legend_below(axes[0], 2)


@drawn("rotation-law-factor", 1, 2, height=3.8, gridspec_kw={"width_ratios": [1.5, 1]})
def draw_matching(m: Record, left: Any, right: Any) -> None:
    """Plot what the exponential leaves of D, and how the continuum is approached."""
    matching, curves, refinement = m.matching, m.curves, m.refinement
    looks = {(0, 0): ("$D_{++}$", "majority"), (0, 1): ("$D_{+-}$", "damping_like"), (1, 1): ("$D_{--}$", "minority")}
    for (s, t), (name, color) in looks.items():
        left.plot(matching.kappa, matching.measured[:, s, t], "o", color=color, label=f"{name}, measured")
        left.plot(curves.kappa, curves.lattice[:, s, t], "-", color=color)
        left.plot(curves.kappa, curves.continuum[:, s, t], "--", color=color, linewidth=1)
    left.axhline(1.0, color="black", linestyle=":", label="exponential alone")
    left.plot([], [], "-", color="muted", label="lattice matching")
    left.plot([], [], "--", color="muted", linewidth=1, label="continuum matching")
    left.set(xlabel=r"$\kappa a$ of the barrier", ylabel=r"$D_{ss'}\,e^{2\kappa d}$", ylim=(0, 4.3))
    right.loglog(refinement.kappa, refinement.error, "o", color="microscopic", label="measured")
    fit = refinement.order
    line = fit.prefactor * refinement.kappa**fit.exponent
    right.loglog(refinement.kappa, line, "-", color="black", linewidth=1, label=f"∝ $a^{{{fit.exponent:.2f}}}$")
    right.set_xticks([0.1, 0.2, 0.4], ["0.1", "0.2", "0.4"])
    right.set_xticks([], minor=True)
    right.set(xlabel=rf"$\kappa a$ at $\kappa d$ = {refinement.depth:.1f}", ylabel="error of continuum matching")
    right.legend(loc="upper left")
    legend_below(left, 3)


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    power, sweeps = m.defect_power.exponent, Records(m.sweeps)
    return Judged(
        printed=verdict(m.powers, largest(one.worst_defect for one in m.sweeps)),
        corrected="holds" if m.by_law < 1e-9 else "fails",
        value=power,
        expected=1.0,
        tolerance=1e-4,  # the next order is relative T < 1e-2 at one end of a fit over several decades
        route=Check("the same power by Kwant alone, one angle", m.by_kwant, 5e-4, expected=power),
        checks=(
            Check("angle dependence of quotients of D's", largest(sweeps.private_angle_dependence), 1e-9),
            Check("angle dependence of the factorization defect", largest(sweeps.defect_spread), 1e-9),
            Check("D(Φ) against one round trip |1 + z sin²(Φ/2)|⁻², relative", m.by_law, 1e-9),
            Check("T against round trips in closed form, relative", largest(one.error for one in m.closed), 1e-9),
            # what is left out are the round trips, some e^{-2κd} < 1e-5 behind 12 planes at the lowest barrier
            Check("lattice matching, thick barrier, relative", largest(m.matching.lattice_error), 1e-4),
            # the next order is (ka)² = 0.3 smaller than the error itself on the coarsest lattice in the fit
            Check("order of the continuum limit in a", m.refinement.order.exponent, 0.2, expected=2.0),
            *m.checks,
        ),
    )
