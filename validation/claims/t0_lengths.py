"""The text after equation (4) read with lengths: t0 = (J_M^R - J_M^L)/(a µ_B), two numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from kwant_spinjunc.theory import tunnelling

from ..claim import Check, Judged, Record
from ..compare import Fit, fit_power_law
from ..figures import COLORS, angle_axis, drawn, legend_below
from ..laboratory import DIFFERENT, FAMILIES, IDENTICAL, Laboratory, currents_of_waves
from .conservation import ENERGY, ROUNDING
from .torque import POTENTIALS, sample

#: Agreement of |t0| with the torque that would count as the paper's statement.
AGREES = 0.01


# ---------------------------------------------------------------------- what is computed
def captured(m: Record) -> np.ndarray:
    """Return |t0|/|τ_L + τ_R| at the noncollinear angles."""
    inside = np.sin(m.angles) > 1e-9
    return np.asarray(abs(m.t0[inside]) / m.total[inside])


def predicted(m: Record) -> np.ndarray:
    """Return |t0|/|τ| from the two lengths and the angle: [1 + 4 J_M^L J_M^R sin²(Φ/2)/(J_M^R - J_M^L)²]^(-1/2)."""
    inside = np.sin(m.angles) > 1e-9
    left, right = m.J_M[inside].T
    sin2, square = np.sin(m.angles[inside] / 2) ** 2, (right - left) ** 2
    return np.asarray(np.sqrt(square / (square + 4 * left * right * sin2)))


def bisector_defect(m: Record) -> float:
    """Return the largest difference of t0 from -tan(Φ/2) (τ_L·e_L + τ_R·e_R), both turning toward each other."""
    inside = np.sin(m.angles) > 1e-9
    both = m.damping_like.sum(axis=-1)[inside]
    return float(abs(m.t0[inside] + np.tan(m.angles[inside] / 2) * both).max())


def fit_small_angles(measured: Sequence[Record]) -> Fit:
    """Fit the power of Φ with which |t0|/|τ| vanishes, with equal accumulations."""
    equal = next(m for m in measured if m.accumulation == "equal")
    return fit_power_law(equal.angles, captured(equal))


def measure(quick: bool) -> Record:
    """Compare the difference of the lengths with the torque vector."""
    lab = Laboratory(spot_check_every=20)
    angles = np.linspace(0, np.pi, 7 if quick else 19)
    measured = [m for family in FAMILIES for m in sample(lab, family, angles)]
    power = fit_small_angles(sample(lab, "F|I|F", np.radians(np.geomspace(0.5, 8.0, 4))))
    by_name = {(m.family, m.accumulation): m for m in measured}
    identical, different = by_name["F|I|F", "equal"], by_name[DIFFERENT, "none"]
    blind = max(float(captured(by_name[family, "none"]).max()) for family in IDENTICAL)
    middle = len(angles) // 2
    index = middle - 1  # of the noncollinear angles
    ratio, told = float(captured(different)[index]), float(predicted(different)[index])
    _, left, right = currents_of_waves(FAMILIES[DIFFERENT](theta=angles[middle]), ENERGY, *POTENTIALS["none"])
    waves = abs(right - left) / np.sqrt(left**2 + right**2 - 2 * left * right * np.cos(angles[middle]))
    ratios = [captured(m) for m in measured]
    lengths = max(float(abs(captured(m) - predicted(m)).max()) for m in measured)
    bisector = max(bisector_defect(m) for m in measured)
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(ratios: Sequence[np.ndarray]) -> str:
    """Return the verdict from |t0|/|τ| of all cases: one everywhere, one for small angles, or neither."""
    if all(abs(ratio - 1).max() < AGREES for ratio in ratios):
        return "holds"
    return "holds in a limit" if all(abs(ratio[0] - 1) < AGREES for ratio in ratios) else "fails"


def judge(m: Record) -> Judged:
    """Judge the lengths as printed, and the in-plane torques that they do give."""
    return Judged(
        printed=verdict(m.ratios),
        corrected="holds" if m.lengths < ROUNDING else "fails",
        value=m.ratio,
        expected=m.told,
        tolerance=ROUNDING,
        route=Check("the same from the flux of the waves", float(m.waves), 1e-8, expected=m.ratio),
        checks=(
            Check("|t0|/|τ| from the two lengths, all cases", m.lengths, ROUNDING),
            Check("t0 against −tan(Φ/2)(τ_L·e_L + τ_R·e_R), in J", m.bisector, ROUNDING),
            # corrections to the power are of relative order Φ² < 0.02 at the largest angle of the fit
            Check("power of Φ of |t0|/|τ|", m.power.exponent, 0.02, expected=1.0),
            *m.lab.checks(),
        ),
    )


@drawn("t0-lengths-angle", 1, 2, width=6.8, height=3.6, sharey=True)
def draw(record: Record, *axes: Any) -> None:
    """Plot |t0| of lengths and of vectors against the angle."""
    titles = ("identical magnets, F|I|F, equal accumulations", f"different magnets, {DIFFERENT}, no accumulation")
    for panel, m, title in zip(axes, (record.identical, record.different), titles, strict=True):
        degrees = np.degrees(m.angles)
        vectors = tunnelling.vector_torque(*m.J_M.T, *np.moveaxis(directions(m.angles), 1, 0))
        panel.plot(degrees, abs(m.t0), "--", color=COLORS["theory"], label=r"$|J_M^R - J_M^L|$, lengths")
        panel.plot(degrees, np.linalg.norm(vectors, axis=-1), "-", color=COLORS["left"], label="vectors")
        panel.plot(degrees, m.total, "o", color=COLORS["right"], label=r"torque on both magnets, $|\tau_L+\tau_R|$")
        panel.set_title(title, fontsize=8)
        angle_axis(panel)
    axes[0].set_ylabel("per charge current")
    legend_below(axes[0], 3)


def directions(angles: np.ndarray) -> np.ndarray:
    """Return m_L and m_R at every angle, shape (angles, 2, 3)."""
    zero = np.zeros_like(angles)
    left, right = (np.stack([np.sin(a), zero, np.cos(a)], axis=-1) for a in (zero, angles))
    return np.stack([left, right], axis=1)
