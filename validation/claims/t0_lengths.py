"""The text after equation (4) read with lengths: t0 = (J_M^R - J_M^L)/(a µ_B), two numbers."""

from typing import Any

import numpy as np

from ..claim import Check, Judged, Record
from ..compare import fit_power_law, largest
from ..currents import currents_of_waves
from ..figures import angle_axis, curve, drawn, legend_below
from ..laboratory import DIFFERENT, FAMILIES, IDENTICAL, Laboratory
from .conservation import ENERGY, ROUNDING
from .torque import POTENTIALS, sample

#: Agreement of |t0| with the torque that would count as the paper's statement.
AGREES = 0.01


# ---------------------------------------------------------------------- what is computed
def lengths_of(m: Record) -> Record:
    """Compare the two lengths with the torque on both magnets at the noncollinear angles.

    The lengths and the angle alone tell |t0|/|τ|: [1 + 4 J_M^L J_M^R sin²(Φ/2)/(J_M^R - J_M^L)²]^(-1/2).
    """
    inside = np.sin(m.angles) > 1e-9
    angles, t0 = m.angles[inside], m.t0[inside]
    captured = abs(t0 / m.total[inside])
    left, right = m.J_M[inside].T
    square = (right - left) ** 2
    predicted = np.sqrt(square / (square + 4 * left * right * np.sin(angles / 2) ** 2))
    # t0 = -tan(Φ/2) (τ_L·e_L + τ_R·e_R), both turning toward each other
    bisector_defect = largest([t0 + np.tan(angles / 2) * m.damping_like.sum(axis=-1)[inside]])
    return Record(locals())


def measure(quick: bool) -> Record:
    """Compare the difference of the lengths with the torque vector."""
    lab = Laboratory(spot_check_every=20)
    angles = np.linspace(0, np.pi, 7 if quick else 19)
    measured = {key: m for family in FAMILIES for key, m in sample(lab, family, angles).items()}
    every = {key: lengths_of(m) for key, m in measured.items()}
    small = lengths_of(sample(lab, "F|I|F", np.radians(np.geomspace(0.5, 8.0, 4)))["F|I|F", "equal"])
    power = fit_power_law(small.angles, small.captured)
    identical, different = measured["F|I|F", "equal"], measured[DIFFERENT, "none"]
    blind = largest(every[family, "none"].captured for family in IDENTICAL)
    middle = len(angles) // 2
    index = middle - 1  # of the noncollinear angles
    shown = every[DIFFERENT, "none"]
    ratio, told = float(shown.captured[index]), float(shown.predicted[index])
    _, left, right = currents_of_waves(FAMILIES[DIFFERENT](theta=angles[middle]), ENERGY, *POTENTIALS["none"])
    waves = abs(right - left) / np.sqrt(left**2 + right**2 - 2 * left * right * np.cos(angles[middle]))
    ratios = [m.captured for m in every.values()]
    lengths = largest(m.captured - m.predicted for m in every.values())
    bisector = max(m.bisector_defect for m in every.values())
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(ratios: list[np.ndarray]) -> str:
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
        route=Check("the same from the flux of the waves", float(m.waves), 1e-8, m.ratio),
        checks=(
            Check("|t0|/|τ| from the two lengths, all cases", m.lengths, ROUNDING),
            Check("t0 against −tan(Φ/2)(τ_L·e_L + τ_R·e_R), in J", m.bisector, ROUNDING),
            # corrections to the power are of relative order Φ² < 0.02 at the largest angle of the fit
            Check("power of Φ of |t0|/|τ|", m.power.exponent, 0.02, 1.0),
            *m.lab.checks(),
        ),
    )


@drawn("t0-lengths-angle", 1, 2, width=6.8, height=3.6, sharey=True)
def draw(record: Record, *axes: Any) -> None:
    """Plot |t0| of lengths and of vectors against the angle."""
    titles = ("identical magnets, F|I|F, equal accumulations", f"different magnets, {DIFFERENT}, no accumulation")
    for panel, m, title in zip(axes, (record.identical, record.different), titles, strict=True):
        degrees = np.degrees(m.angles)
        curve(panel, degrees, abs(m.t0), "--", "theory", r"$|J_M^R - J_M^L|$, lengths")
        curve(panel, degrees, np.linalg.norm(m.vectors, axis=-1), "-", "left", "vectors")
        curve(panel, degrees, m.total, "o", "right", r"torque on both magnets, $|\tau_L+\tau_R|$")
        panel.set_title(title, fontsize=8)
        angle_axis(panel)
    axes[0].set_ylabel("per charge current")
    legend_below(axes[0], 3)
