"""Equations (3) and (4): both magnetization currents at any angle from the two collinear junctions alone."""

from collections.abc import Callable
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from scipy.optimize import brentq

from kwant_spinjunc import Junction
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.spin import SIGNS
from kwant_spinjunc.theory import tunnelling
from systems.asymmetric_junction import asymmetric_junction
from systems.tunnel_junction import tunnel_junction

from ..claim import Check, Judged, Record, Records
from ..compare import Fit, fit_power_law, largest, safe_limit
from ..currents import both_currents, currents_of_waves, lead_currents, transmitted
from ..figures import angle_axis, curve, drawn, legend_below
from ..laboratory import IRON, Laboratory

EQUAL, UNEQUAL, HALF_METAL, MEAN = "identical magnets", "different magnets", "half-metal on the right", "k∥ mean"
FAMILIES: dict[str, Callable[..., Junction]] = {
    EQUAL: tunnel_junction,
    UNEQUAL: asymmetric_junction,
    HALF_METAL: partial(asymmetric_junction, onsite_right=1.0, splitting_right=2.5),
    MEAN: partial(asymmetric_junction, onsite_right=4.8, splitting_right=1.8, **IRON),
}
#: Chemical potentials (µ_L+, µ_L-), (µ_R+, µ_R-) in units of the voltage: without and with spin accumulation.
UNSPLIT = ((0.5, 0.5), (-0.5, -0.5))
SPLIT = ((0.8, 0.2), (-0.4, -0.6))
#: Spin accumulation on the left alone.
LEFT_ONLY = ((1.0, -1.0), (0.0, 0.0))
#: Mean transmission per pair of channels below which a junction counts as a tunnel junction in the fits.
TUNNELING = 1e-2
#: Errors below this part of the charge current are rounding of currents of many digits.
RESOLVED = 1e-13
ENERGY = 0.0
#: Angles at which (3) and (4) are drawn.
CURVE = np.linspace(0, np.pi, 61)


# ---------------------------------------------------------------------- what is computed
def errors(P: np.ndarray, angles: np.ndarray, mu: Any) -> tuple[float, float, float]:
    """Return the worst errors of (3), (4) fed with the first and last angle, 0 and π, per charge current.

    All of it, T_ss'(Φ) taken from collinear junctions, and spin-flip reflection left out.
    """
    T, exact = transmitted(P), lead_currents(P, mu)
    D = tunnelling.spin_factors_from_collinear(T[0], T[-1])
    J = exact[:, 0].sum(axis=-1)[:, None]
    theory, passed = both_currents(tunnelling.rotation_law(D, angles), *mu), both_currents(T, *mu)
    pairs = (theory, exact @ SIGNS), (theory, passed), (passed, exact @ SIGNS)
    whole, rotation, reflection = (largest([(a - b) / J]) for a, b in pairs)
    return whole, rotation, reflection


def point(lab: Laboratory, magnets: str, angles: np.ndarray, **barrier: Any) -> Record:
    """Compare exact currents with (3), (4) for one barrier, averaged over k∥ where planes disperse."""
    junctions = [FAMILIES[magnets](theta=angle, **barrier) for angle in angles]
    k = "average" if junctions[0].is_dispersive else None
    P = np.array([lab.scatter(junction, ENERGY, k).probabilities for junction in junctions])
    T, currents = transmitted(P), lead_currents(P, SPLIT)
    D = tunnelling.spin_factors_from_collinear(T[0], T[-1])
    # J_M with accumulation over J at Φ = 0, [angle, side], and the same from (3), (4) at the angles of `CURVE`
    exact = currents @ SIGNS / currents[0, 0].sum()
    theory = both_currents(tunnelling.rotation_law(D, CURVE), *SPLIT) / currents[0, 0].sum()
    error, rotation, reflection = errors(P, angles, SPLIT)
    unsplit_error, _, unsplit_reflection = errors(P, angles, UNSPLIT)
    transmission, flip = float(D.mean()), float(P[:, 0, 0, 0, 1].max())  # the latter: largest R^L_+-
    # largest |reflected / transmitted| J_M^L of µ_L+ - µ_L- alone
    driven, passed = lead_currents(P, LEFT_ONLY) @ SIGNS, both_currents(T, *LEFT_ONLY)
    share = largest([(driven / passed)[:, 0] - 1])
    return Record(locals())


def kwant_error(planes: int) -> float:
    """Return the error of (3), (4) of one junction by Kwant alone."""
    angles = np.linspace(0, np.pi, 5)
    states = [scatter(FAMILIES[UNEQUAL](theta=angle, height=2.0, thickness=planes), ENERGY) for angle in angles]
    return errors(np.array([state.probabilities for state in states]), angles, SPLIT)[0]


def complete_error(angles: np.ndarray) -> float:
    """Return the largest difference, per J, of exact J_M from probabilities and from the flux of the waves."""
    worst = 0.0
    for family, angle in product(FAMILIES.values(), angles[1:-1:2]):
        junction = family(theta=float(angle), height=0.0, thickness=2)
        state = scatter(junction, ENERGY, "average" if junction.is_dispersive else None)
        J, *waves = currents_of_waves(junction, ENERGY, *SPLIT)
        worst = max(worst, largest([lead_currents(state.probabilities, SPLIT) @ SIGNS - waves]) / J)
    return worst


def find_takeover(lab: Laboratory, angles: np.ndarray, heights: tuple[float, ...]) -> tuple[float, float]:
    """Return the height, and the transmission there, at which the share of reflection crosses one in a half-metal."""

    def at(height: float) -> Record:
        return point(lab, HALF_METAL, angles, height=height, thickness=4)

    shares = [at(height).share for height in heights]
    above = [i for i in range(len(heights) - 1) if shares[i] > 1 > shares[i + 1]]
    if not above:
        return np.nan, np.nan
    low, high = heights[above[-1] : above[-1] + 2]
    height = float(brentq(lambda U: np.log(at(U).share), low, high, xtol=3e-3))
    return height, at(height).transmission


def power(sweep: Records, name: str) -> Fit | None:
    """Fit a number ∝ transmission^n behind tunnel barriers; None if it vanishes there."""
    T, quantity = sweep.transmission, getattr(sweep, name)
    chosen = (T < TUNNELING) & (quantity > RESOLVED)
    return fit_power_law(T[chosen], quantity[chosen]) if chosen.sum() >= 3 else None


def measure(quick: bool) -> Record:
    """Compare (3), (4) with exact scattering from metals to thick barriers."""
    lab = Laboratory(spot_check_every=40)
    angles = np.linspace(0, np.pi, 5 if quick else 13)
    heights = [0.0, 1.5, 2, 4, 8] if quick else [-1, -0.5, 0.0, 0.5, 0.8, 1.1, 1.5, 2, 3, 4, 6, 8]
    planes = [4, 6, 8] if quick else [2, 3, 4, 5, 6, 7, 8, 10]
    by_thickness = {
        name: Records(point(lab, name, angles, height=2.0, thickness=n) for n in planes) for name in FAMILIES
    }
    by_height = {name: Records(point(lab, name, angles, height=U, thickness=4) for U in heights) for name in FAMILIES}
    kwant, engine = kwant_error(planes[0]), by_thickness[UNEQUAL][0].error
    complete = complete_error(angles)
    takeover = find_takeover(lab, angles[:: 1 if quick else 2], (0.5, 0.8, 1.1, 1.5))
    checks = lab.checks()

    sweeps = [*by_height.values(), *by_thickness.values()]
    single = [sweep for sweep in sweeps if sweep[0].magnets != MEAN]  # the k∥ mean has another law
    powers = {name: [f.exponent for s in single if (f := power(s, name))] for name in ("error", "flip", "reflection")}
    reference = power(by_thickness[EQUAL], "error")
    tunnel_error = max(float(s.error[s.transmission < TUNNELING].max(initial=0.0)) for s in sweeps)
    metals = {name: max(sweep.error) for name, sweep in by_height.items()}
    unsplit = max(max(sweep.unsplit_reflection) for sweep in by_height.values())
    last = max(sweep[-1].error for sweep in by_height.values())
    return Record(locals())


def numbers(m: Record) -> Record:
    """Return what the text quotes besides."""
    mean = power(m.by_thickness[MEAN], "error")
    power_average = mean.exponent if mean else np.nan
    # at one k∥, and in the k∥ mean: (transmission, error), its largest quotient behind barriers, and what is safe
    kinds = {averaged: [s for s in m.sweeps if (s[0].magnets == MEAN) is averaged] for averaged in (False, True)}
    over = {kind: [(s.transmission, s.error) for s in sweeps] for kind, sweeps in kinds.items()}
    slope = {kind: max(float((e / T)[T < TUNNELING].max(initial=0.0)) for T, e in over[kind]) for kind in over}
    safe = {kind: safe_limit(found, 0.01) for kind, found in over.items()}
    shares = {name: max(sweep.share) for name, sweep in m.by_height.items()}
    metallic = ", ".join(f"{error:.0%} ({magnets})" for magnets, error in m.metals.items())
    never = " and ".join(f"{share:.0%} ({magnets})" for magnets, share in shares.items() if share <= 1)
    listed = [one for sweep in m.by_height.values() for one in sweep[::2]]
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(powers: list[float], tunnel_error: float, metallic_error: float) -> str:
    """Return the verdict: right everywhere, right as the transmission goes to zero, or not even then."""
    if max(tunnel_error, metallic_error) < 1e-9:
        return "holds"
    return "holds in a limit" if min(powers) > 0.8 and tunnel_error < 1e-3 else "fails"


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    power = m.reference.exponent if m.reference else np.nan
    return Judged(
        printed=verdict(m.powers["error"], m.last, max(m.metals.values())),
        corrected="holds" if m.complete < 1e-9 else "fails",
        value=m.tunnel_error,
        tolerance=5 * TUNNELING,  # the error is of the order of the transmission
        unit="J",
        route=Check("error of one of them by Kwant alone", m.kwant, 1e-9, m.engine),
        checks=(
            # the next order is relative T < 1e-2 at one end of the fit
            Check("power of the error in the transmission", power, 1e-3, 1.0),
            Check("J_M from probabilities against the flux of the waves, metals, per J", m.complete, 1e-9),
            Check("spin-flip reflection without spin accumulation, per charge current", m.unsplit, 1e-10),
            *m.checks,
        ),
    )


@drawn("magnetization-currents-angle", 1, 2, height=3.6)
def draw_angles(m: Record, *axes: Any) -> None:
    """Plot both currents against the angle, exact and from (3), (4)."""
    tunnel, metal = m.by_height[UNEQUAL][-2], m.by_height[HALF_METAL][m.heights.index(0.0)]
    panels = {"tunnel junction": tunnel, "metallic, half-metal on the right": metal}
    for panel, (title, point) in zip(axes, panels.items(), strict=True):
        for side, (name, color, equation) in enumerate([("L", "left", "(3)"), ("R", "right", "(4)")]):
            curve(panel, np.degrees(m.angles), point.exact[:, side], "o", color, rf"$J_M^{name}$, exact")
            curve(panel, np.degrees(CURVE), point.theory[:, side], "-", color, rf"$J_M^{name}$, equation {equation}")
        panel.axhline(0.0, color="muted", linewidth=0.6, zorder=0)
        panel.set_title(title)
        angle_axis(panel)
    axes[0].set_ylabel(r"$J_M / J(\Phi=0)$")
    legend_below(axes[0], 2)


@drawn("magnetization-currents-error", 1, 2, height=4.2)
def draw_errors(m: Record, left: Any, right: Any) -> None:
    """Plot the error of (3), (4) and the share of spin-flip reflection against the transmission."""
    looks = dict(zip(FAMILIES, zip("osD^", ("left", "right", "field_like", "damping_like"), strict=True), strict=True))
    for sweep in m.sweeps:
        look, shown = looks[sweep[0].magnets], sweep.error > RESOLVED
        curve(left, sweep.transmission[shown], sweep.error[shown], *look)
        curve(right, sweep.transmission, sweep.share, *look)
    line = np.array([1e-11, 1e-1])
    for panel in (left, right):
        panel.loglog(line, line, ":", color="muted", zorder=0)
        panel.set(xlabel=r"transmission, mean of $D_{ss'}$", xlim=(1e-11, 3), ylim=(1e-11, 10))
    right.axhline(1.0, color="black", linewidth=0.8)
    right.annotate("reflection outweighs", (2e-11, 0.8), va="top", fontsize=8)
    left.set_title("error of (3), (4) per charge current")
    right.set_title(r"reflected / transmitted $J_M^L$")
    for name, look in looks.items():
        curve(left, [], [], *look, name)
    curve(left, [], [], ":", "muted", "the transmission itself")
    legend_below(left, 2)
