"""Equations (3) and (4): both magnetization currents at any angle from the two collinear junctions alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from scipy.optimize import brentq

from kwant_spinjunc import Junction, Scattering
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.theory import tunnelling
from kwant_spinjunc.transport.linear import LeadCurrents, linear_response, tunneling_response
from systems.asymmetric_junction import asymmetric_junction
from systems.tunnel_junction import tunnel_junction

from ..claim import Check, Judged, Record
from ..compare import Fit, fit_power_law, safe_limit
from ..currents import currents_of_waves
from ..figures import COLORS, angle_axis, drawn, legend_below
from ..laboratory import Laboratory

HALF_METAL = "half-metal on the right"
#: Three-dimensional magnets and barrier, unit t, for the k∥ mean.
DISPERSIVE = {"onsite": 5.0, "splitting": 1.0, "in_plane_hopping": 1.0}
FAMILIES: dict[str, Callable[..., Junction]] = {
    "identical magnets": tunnel_junction,
    "different magnets": asymmetric_junction,
    HALF_METAL: partial(asymmetric_junction, onsite_right=1.0, splitting_right=2.5),
    "k∥ mean": partial(asymmetric_junction, onsite_right=4.8, splitting_right=1.8, **DISPERSIVE),
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


@dataclass(frozen=True)
class Sweep:
    """Points along the height or the thickness of the barrier."""

    magnets: str
    parameter: str
    values: tuple[float, ...]
    points: tuple[Record, ...]

    def column(self, name: str) -> np.ndarray:
        """Return one number of every point."""
        return np.array([getattr(point, name) for point in self.points])

    def power(self, name: str) -> Fit | None:
        """Fit a number ∝ transmission^n behind tunnel barriers; None if it vanishes there."""
        T, quantity = self.column("transmission"), self.column(name)
        chosen = (T < TUNNELING) & (quantity > RESOLVED)
        return fit_power_law(T[chosen], quantity[chosen]) if chosen.sum() >= 3 else None


@dataclass(frozen=True)
class Measured:
    """All that the claim computes."""

    angles: np.ndarray
    by_height: dict[str, Sweep]
    by_thickness: dict[str, Sweep]
    #: Height and transmission where a half-metal reflects as much of J_M^L as it transmits.
    takeover: tuple[float, float] | None
    kwant: tuple[float, float]  # error of (3), (4) at one barrier, by Kwant alone and by the engine
    complete: float  # largest error with spin-flip reflection and the exact T_ss'(Φ), waves against probabilities
    checks: tuple[Check, ...]

    @property
    def sweeps(self) -> list[Sweep]:
        """All sweeps."""
        return [*self.by_height.values(), *self.by_thickness.values()]

    def powers(self, name: str) -> list[float]:
        """Powers of a number in the transmission for all sweeps at one k∥ (the k∥ mean has another law)."""
        single = (sweep for sweep in self.sweeps if sweep.magnets != "k∥ mean")
        return [fit.exponent for sweep in single if (fit := sweep.power(name))]

    @property
    def tunnel_error(self) -> float:
        """Largest error of (3), (4) where the transmission per pair of channels is below `TUNNELING`."""
        return max(float(s.column("error")[s.column("transmission") < TUNNELING].max(initial=0.0)) for s in self.sweeps)

    def over(self, *, mean: bool) -> list[tuple[np.ndarray, np.ndarray]]:
        """(transmission, error) of the sweeps of the k∥ mean, or of those at one k∥."""
        chosen = (s for s in self.sweeps if (s.magnets == "k∥ mean") is mean)
        return [(s.column("transmission"), s.column("error")) for s in chosen]

    def slope(self, *, mean: bool) -> float:
        """Largest error over transmission behind tunnel barriers."""
        return max(float((error / T)[T < TUNNELING].max(initial=0.0)) for T, error in self.over(mean=mean))

    def worst(self, name: str) -> dict[str, float]:
        """Largest value of a number over the heights, by family."""
        return {magnets: float(sweep.column(name).max()) for magnets, sweep in self.by_height.items()}


# ---------------------------------------------------------------------- what is computed
def curve_angles() -> np.ndarray:
    """Return the angles at which (3) and (4) are drawn."""
    return np.linspace(0, np.pi, 61)


def paper_currents(D: np.ndarray, angles: np.ndarray, mu: Any) -> np.ndarray:
    """Return (J_M^L, J_M^R) of (3), (4) with T_ss' = R_ss'² D_ss', shape [angle, side]."""
    T = tunnelling.rotation_law(D, angles)
    return np.stack([tunnelling.magnetization_current(T, *mu, side) for side in ("left", "right")], axis=-1)


def solve(lab: Laboratory, junction: Junction) -> Scattering:
    """Scatter at one k∥, or average over k∥ where planes disperse."""
    return lab.scatter(junction, ENERGY, "average" if junction.is_dispersive else (0.0, 0.0))


def measure_point(lab: Laboratory, family: Callable[..., Junction], angles: np.ndarray, **parameters: Any) -> Record:
    """Compare exact currents with (3), (4) for one barrier; ``angles`` begin with 0 and end with π.

    Errors are the worst over angles and sides, per charge current.
    """
    states = [solve(lab, family(theta=angle, **parameters)) for angle in angles]
    D = tunnelling.spin_factors_from_collinear(states[0].transmissions, states[-1].transmissions)

    def currents(response: Callable[..., LeadCurrents], mu: Any) -> tuple[np.ndarray, np.ndarray]:
        found = [response(state, *mu) for state in states]
        return np.array([r.magnetization for r in found]), np.array([r.charge[:1] for r in found])

    def errors(mu: Any) -> tuple[float, float, float]:
        (exact, J), (transmitted, _) = currents(linear_response, mu), currents(tunneling_response, mu)
        theory = paper_currents(D, angles, mu)
        pairs = [(theory, exact), (theory, transmitted), (transmitted, exact)]
        whole, rotation, reflection = (float(abs((a - b) / J).max()) for a, b in pairs)
        return whole, rotation, reflection

    found, J = currents(linear_response, SPLIT)
    # J_M with accumulation over J at Φ = 0, [angle, side], and the same from (3), (4) at the angles of `curve_angles`
    exact, theory = found / J[0], paper_currents(D, curve_angles(), SPLIT) / J[0]
    driven, passed = currents(linear_response, LEFT_ONLY)[0][:, 0], currents(tunneling_response, LEFT_ONLY)[0][:, 0]
    # with spin accumulation: all of it, T_ss'(Φ) taken from collinear junctions, and spin-flip reflection left out
    error, rotation, reflection = errors(SPLIT)
    unsplit_error, _, unsplit_reflection = errors(UNSPLIT)
    transmission = float(D.mean())
    flip = max(float(state.probabilities[0, 0, 0, 1]) for state in states)  # largest R^L_+-
    share = float(abs(driven / passed - 1).max())  # largest |reflected / transmitted| J_M^L of µ_L+ - µ_L- alone
    return Record(locals())


def sweep(
    lab: Laboratory, magnets: str, angles: np.ndarray, parameter: str, values: Sequence[float], **fixed: Any
) -> Sweep:
    """Measure one family along one parameter."""
    family = FAMILIES[magnets]
    points = [measure_point(lab, family, angles, **{parameter: value}, **fixed) for value in values]
    return Sweep(magnets, parameter, tuple(values), tuple(points))


def kwant_error(engine: Sweep) -> tuple[float, float]:
    """Return the error of (3), (4) of one junction by Kwant alone, and that of the sweep by the engine."""
    family, angles, planes = FAMILIES["different magnets"], np.linspace(0, np.pi, 5), int(engine.values[0])
    states = [scatter(family(theta=angle, height=2.0, thickness=planes), ENERGY) for angle in angles]
    D = tunnelling.spin_factors_from_collinear(states[0].transmissions, states[-1].transmissions)
    exact = [linear_response(state, *SPLIT) for state in states]
    difference = paper_currents(D, angles, SPLIT) - np.array([r.magnetization for r in exact])
    return float(abs(difference / np.array([r.charge[:1] for r in exact])).max()), float(engine.points[0].error)


def complete_error(angles: np.ndarray) -> float:
    """Return the largest difference, per J, of exact J_M from probabilities and from the flux of the waves."""
    worst = 0.0
    for family, angle in product(FAMILIES.values(), angles[1:-1:2]):
        junction = family(theta=float(angle), height=0.0, thickness=2)
        P = scatter(junction, ENERGY, "average" if junction.is_dispersive else None)
        J, left, right = currents_of_waves(junction, ENERGY, *SPLIT)
        found = linear_response(P, *SPLIT).magnetization
        worst = max(worst, float(abs(found - [left, right]).max() / J))
    return worst


def find_takeover(lab: Laboratory, angles: np.ndarray, heights: Sequence[float]) -> tuple[float, float] | None:
    """Return the height, and the transmission there, at which the share of reflection crosses one in a half-metal."""

    def point(height: float) -> Record:
        return measure_point(lab, FAMILIES[HALF_METAL], angles, height=height, thickness=4)

    shares = [point(height).share for height in heights]
    above = [i for i in range(len(heights) - 1) if shares[i] > 1 > shares[i + 1]]
    if not above:
        return None
    low, high = heights[above[-1] : above[-1] + 2]
    height = float(brentq(lambda U: np.log(point(U).share), low, high, xtol=3e-3))
    return height, point(height).transmission


def measure(quick: bool) -> Measured:
    """Compare (3), (4) with exact scattering from metals to thick barriers."""
    lab = Laboratory(spot_check_every=40)
    angles = np.linspace(0, np.pi, 5 if quick else 13)
    heights = [0.0, 1.5, 2, 4, 8] if quick else [-1, -0.5, 0.0, 0.5, 0.8, 1.1, 1.5, 2, 3, 4, 6, 8]
    planes = [4, 6, 8] if quick else [2, 3, 4, 5, 6, 7, 8, 10]
    by_thickness = {name: sweep(lab, name, angles, "thickness", planes, height=2.0) for name in FAMILIES}
    return Measured(
        angles=angles,
        by_height={name: sweep(lab, name, angles, "height", heights, thickness=4) for name in FAMILIES},
        by_thickness=by_thickness,
        kwant=kwant_error(by_thickness["different magnets"]),
        complete=complete_error(angles),
        takeover=find_takeover(lab, angles[:: 1 if quick else 2], (0.5, 0.8, 1.1, 1.5)),
        checks=lab.checks(),
    )


# ---------------------------------------------------------------------- what it says of the paper
def verdict(powers: Sequence[float], tunnel_error: float, metallic_error: float) -> str:
    """Return the verdict: right everywhere, right as the transmission goes to zero, or not even then."""
    if max(tunnel_error, metallic_error) < 1e-9:
        return "holds"
    return "holds in a limit" if min(powers) > 0.8 and tunnel_error < 1e-3 else "fails"


@drawn("magnetization-currents-angle", 1, 2, height=3.6)
def draw_angles(measured: Measured, *axes: Any) -> None:
    """Plot both currents against the angle, exact and from (3), (4)."""
    curve = np.degrees(curve_angles())
    tunnel, metal = measured.by_height["different magnets"], measured.by_height[HALF_METAL]
    zero = metal.values.index(0.0)
    panels = {"tunnel junction": tunnel.points[-2], "metallic, half-metal on the right": metal.points[zero]}
    for panel, (title, point) in zip(axes, panels.items(), strict=True):
        for side, (name, color) in enumerate([("L", COLORS["left"]), ("R", COLORS["right"])]):
            equation = {"L": "(3)", "R": "(4)"}[name]
            panel.plot(
                np.degrees(measured.angles), point.exact[:, side], "o", color=color, label=rf"$J_M^{name}$, exact"
            )
            panel.plot(curve, point.theory[:, side], "-", color=color, label=rf"$J_M^{name}$, equation {equation}")
        panel.axhline(0.0, color=COLORS["muted"], linewidth=0.6, zorder=0)
        panel.set_title(title)
        angle_axis(panel)
    axes[0].set_ylabel(r"$J_M / J(\Phi=0)$")
    legend_below(axes[0], 2)


@drawn("magnetization-currents-error", 1, 2, height=4.2)
def draw_errors(measured: Measured, left: Any, right: Any) -> None:
    """Plot the error of (3), (4) and the share of spin-flip reflection against the transmission."""
    colors = [COLORS[name] for name in ("left", "right", "field_like", "damping_like")]
    looks = {
        name: {"marker": marker, "color": color, "linestyle": "none"}
        for name, marker, color in zip(FAMILIES, "osD^", colors, strict=True)
    }
    for sweep in measured.sweeps:
        T, error = sweep.column("transmission"), sweep.column("error")
        shown = error > RESOLVED
        left.loglog(T[shown], error[shown], **looks[sweep.magnets])
        right.loglog(T, sweep.column("share"), **looks[sweep.magnets])
    line = np.array([1e-11, 1e-1])
    for panel in (left, right):
        panel.loglog(line, line, ":", color=COLORS["muted"], zorder=0)
        panel.set(xlabel=r"transmission, mean of $D_{ss'}$", xlim=(1e-11, 3), ylim=(1e-11, 10))
    right.axhline(1.0, color="black", linewidth=0.8)
    right.annotate("reflection outweighs", (2e-11, 0.8), va="top", fontsize=8)
    left.set_title("error of (3), (4) per charge current")
    right.set_title(r"reflected / transmitted $J_M^L$")
    for name, look in looks.items():
        left.plot([], [], label=name, **look)
    left.plot([], [], ":", color=COLORS["muted"], label="the transmission itself")
    legend_below(left, 2)


def judge(measured: Measured) -> Judged:
    """Judge the sentence as printed and as corrected."""
    power = measured.by_thickness["identical magnets"].power("error")
    last = max(float(sweep.column("error")[-1]) for sweep in measured.by_height.values())
    kwant, engine = measured.kwant
    return Judged(
        printed=verdict(measured.powers("error"), last, max(measured.worst("error").values())),
        corrected="holds" if measured.complete < 1e-9 else "fails",
        value=measured.tunnel_error,
        tolerance=5 * TUNNELING,  # the error is of the order of the transmission
        unit="J",
        route=Check("error of one of them by Kwant alone", kwant, 1e-9, expected=engine),
        checks=(
            # the next order is relative T < 1e-2 at one end of the fit
            Check("power of the error in the transmission", power.exponent if power else np.nan, 1e-3, expected=1.0),
            Check("J_M from probabilities against the flux of the waves, metals, per J", measured.complete, 1e-9),
            Check(
                "spin-flip reflection without spin accumulation, per charge current",
                max(measured.worst("unsplit_reflection").values()),
                1e-10,
            ),
            *measured.checks,
        ),
    )


def numbers(measured: Measured) -> Record:
    """Return what the text quotes besides."""
    last = max(float(sweep.column("error")[-1]) for sweep in measured.by_height.values())
    planes = measured.by_thickness[HALF_METAL].values
    errors, flips, shares = measured.powers("error"), measured.powers("flip"), measured.worst("share")
    reflections, unsplit = measured.powers("reflection"), max(measured.worst("unsplit_reflection").values())
    reference = measured.by_thickness["identical magnets"].power("error")
    mean = measured.by_thickness["k∥ mean"].power("error")
    power_average = mean.exponent if mean else float("nan")
    height = measured.by_height[HALF_METAL].values[-1]
    metallic = ", ".join(f"{error:.0%} ({magnets})" for magnets, error in measured.worst("error").items())
    never = " and ".join(f"{shares[magnets]:.0%} ({magnets})" for magnets in shares if shares[magnets] <= 1)
    takeover = measured.takeover or (float("nan"), float("nan"))
    safe = {mean: safe_limit(measured.over(mean=mean), 0.01) for mean in (False, True)}
    listed = [
        (sweep.magnets, value, point)
        for sweep in measured.by_height.values()
        for value, point in list(zip(sweep.values, sweep.points, strict=True))[::2]
    ]
    return Record(locals())
