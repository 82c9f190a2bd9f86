"""The text after equation (4): J_M is conserved between collinear magnets and not otherwise."""

from typing import Any

import numpy as np

from kwant_spinjunc import unit_vector
from kwant_spinjunc.spin import SIGNS
from kwant_spinjunc.theory import interface, tunnelling

from ..claim import Check, Judged, Record, Records
from ..compare import Fit, fit_power_law, largest
from ..currents import currents_of_waves, lead_currents, potentials, transmitted
from ..figures import angle_axis, curve, drawn, legend_below
from ..laboratory import DIFFERENT, FAMILIES, IDENTICAL, Laboratory, k_average

#: Spin accumulation δ = (µ_+ - µ_-)/2 on the left and the right, in units of the voltage.
SPLIT = 0.1
ACCUMULATIONS = {"none": (0.0, 0.0), "left only": (SPLIT, 0.0), "equal": (SPLIT, SPLIT), "opposite": (SPLIT, -SPLIT)}
#: Energy of all electrons, unit t.
ENERGY = 0.0
#: Differences below this part of the charge current are rounding: sums of some hundred k∥ points of 1e-16 each.
ROUNDING = 1e-10


# ---------------------------------------------------------------------- what is computed
def difference(response: interface.InterfaceResponse, mu: Any) -> np.ndarray:
    """Return J_M^R - J_M^L of coefficients of equations (5) and (6)."""
    return tunnelling.implicit_torque(*interface.interface_currents(response, *mu)[1:])


def sample(lab: Laboratory, family: str, angles: np.ndarray) -> dict[tuple[str, str], Record]:
    """Scatter at all angles and k∥ and apply every accumulation; by family and accumulation."""
    P = np.array([k_average(lab, FAMILIES[family](theta=angle), ENERGY)["P"] for angle in angles])
    return {(family, name): changes(family, name, angles, P) for name in ACCUMULATIONS}


def changes(family: str, accumulation: str, angles: np.ndarray, P: np.ndarray) -> Record:
    """Compare J_M [angle, side] of both sides, per charge current J, with what (3), (4) and flip reflection say."""
    mu = potentials(*ACCUMULATIONS[accumulation])
    currents, T = lead_currents(P, mu), transmitted(P)
    charge = currents[:, 0].sum(axis=-1)
    J_M = currents @ SIGNS / charge[:, None]
    parts = interface.tunnelling_response(T), interface.dropped_response(P)
    passed, reflected = (difference(part, mu) / charge for part in parts)
    mixing = T[:, 0, 1] + T[:, 1, 0]
    asymmetry = (T[:, 0, 1] - T[:, 1, 0]) / np.where(mixing > 0, mixing, 1.0)
    scalar = tunnelling.implicit_torque(*J_M.T)
    vector = np.linalg.norm(tunnelling.vector_difference(*J_M.T, unit_vector(0.0), unit_vector(angles)), axis=-1)
    unexplained = largest([scalar - passed - reflected])
    noncollinear = np.sin(angles) > 1e-9
    return Record(locals())


def unequal_magnets(lab: Laboratory) -> tuple[float, float, float]:
    """Return (J_M^R - J_M^L)/J of different magnets at 90°: exact, of (4) - (3) from Φ = 0 and π, and of the waves."""
    mu, family = potentials(), FAMILIES[DIFFERENT]
    exact = sample(lab, DIFFERENT, np.array([np.pi / 2]))[DIFFERENT, "none"]
    T = [lab.scatter(family(theta=a), ENERGY, "average").transmissions for a in (0.0, np.pi)]
    rotated = tunnelling.rotation_law(tunnelling.spin_factors_from_collinear(*T), np.pi / 2)
    told = difference(interface.tunnelling_response(rotated), mu) / tunnelling.charge_current(rotated, *mu)
    J, left, right = currents_of_waves(family(theta=np.pi / 2), ENERGY, *mu)
    return float(exact.scalar[0]), float(told), (right - left) / J


def small_angle_powers(lab: Laboratory) -> tuple[Fit, Fit]:
    """Fit the powers of Φ with which the scalar and the vector J_M start to change (F|I|F, equal accumulation)."""
    angles = np.radians(np.geomspace(0.5, 8.0, 5))
    equal = sample(lab, "F|I|F", angles)["F|I|F", "equal"]
    return fit_power_law(angles, abs(equal.scalar)), fit_power_law(angles, equal.vector)


def measure(quick: bool) -> Record:
    """Compare J_M on both sides of four junctions for all angles and spin accumulations."""
    lab = Laboratory(spot_check_every=20)
    angles = np.linspace(0, np.pi, 7 if quick else 25)
    measured = {key: m for family in FAMILIES for key, m in sample(lab, family, angles).items()}
    every = Records(measured.values())
    scalar_power, vector_power = small_angle_powers(lab)
    collinear, antiparallel = largest(every.scalar[:, 0]), largest(every.vector[:, -1])
    smallest_vector = min(m.vector[m.noncollinear].min() for m in every)
    by_name = {key: largest([m.scalar[m.noncollinear]]) for key, m in measured.items()}
    named = {key: value for key, value in by_name.items() if key[1] != "none"}
    equal_scalars = max(by_name[family, name] for family in IDENTICAL for name in ("none", "opposite"))
    asymmetry = {m.family: largest([m.asymmetry]) for m in every}
    symmetric = max(asymmetry[family] for family in IDENTICAL)
    middle = len(angles) // 2
    shares = [
        float(m.reflected[middle] / m.scalar[middle]) for m in (measured["F|I|F", "equal"], measured["F|F", "equal"])
    ]
    unexplained = max(every.unexplained)
    unequal, told, waves = unequal_magnets(lab)
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(collinear: float, vectors: float, named: float) -> str:
    """Return the verdict from the worst cases.

    ``collinear``: largest change of J_M between parallel magnets; ``vectors``: smallest change of the vector between
    noncollinear ones; ``named``: smallest change of the scalar where the paper says there is one.
    """
    if collinear > ROUNDING or vectors < ROUNDING:
        return "fails"
    return "holds" if named > ROUNDING else "holds in a limit"


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    return Judged(
        printed=verdict(m.collinear, m.smallest_vector, min(m.named.values())),
        corrected="holds" if m.unexplained < ROUNDING < m.smallest_vector else "fails",
        value=m.unequal,
        expected=m.told,
        tolerance=1e-4,  # of the order of the transmission per channel
        unit="J",
        route=Check("the same from the flux of the waves", m.waves, 1e-8, m.unequal),
        checks=(
            Check("change of J_M across parallel magnets, in J", m.collinear, ROUNDING),
            Check("change of the vector across antiparallel magnets, in J", m.antiparallel, ROUNDING),
            Check("change of the scalar, identical magnets, δ_L + δ_R = 0, in J", m.equal_scalars, ROUNDING),
            Check("asymmetry of T for identical magnets", m.symmetric, ROUNDING),
            Check("change of the scalar not explained by T and R_+−, in J", m.unexplained, ROUNDING),
            # corrections to the powers are of relative order Φ² < 0.02 at the largest angle of the fit
            Check("power of Φ of the scalar", m.scalar_power.exponent, 5e-3, 2.0),
            Check("power of Φ of the vector", m.vector_power.exponent, 0.02, 1.0),
            *m.lab.checks(),
        ),
    )


LOOKS = {
    "none": {"color": "muted", "linestyle": "-", "linewidth": 3.0},
    "left only": {"color": "majority", "linestyle": "--"},
    "equal": {"color": "minority", "linestyle": "-"},
    "opposite": {"color": "theory", "linestyle": ":"},
}


@drawn("conservation-differences", 2, 2, width=6.4, height=5.2, sharex=True, sharey="row")
def draw_differences(record: Record, axes: Any) -> None:
    """Plot the change of the scalar and of the vector J_M for identical and for different magnets."""
    titles = {"F|I|F": "identical magnets, F|I|F", DIFFERENT: f"different magnets, {DIFFERENT}"}
    for (top, bottom), (family, title) in zip(axes.T, titles.items(), strict=True):
        for name, look in LOOKS.items():
            m = record.measured[family, name]
            top.plot(np.degrees(m.angles), m.scalar, label=name, **look)
            bottom.plot(np.degrees(m.angles), m.vector, **look)
        top.set_title(title)
        angle_axis(bottom)
    axes[0, 0].set_ylabel(r"scalar: $(J_M^R - J_M^L)/J$")
    axes[1, 0].set_ylabel(r"vector: $|J_M^R\mathbf{m}_R - J_M^L\mathbf{m}_L|/J$")
    legend_below(axes[0, 0], 4, title="spin accumulation")


@drawn("conservation-mechanisms", 1, 3, width=6.8, height=3.2, sharex=True, sharey=True)
def draw_mechanisms(record: Record, *axes: Any) -> None:
    """Plot, for equal accumulations, what transmission and what spin-flip reflection contribute."""
    for panel, family in zip(axes, IDENTICAL, strict=True):
        m = record.measured[family, "equal"]
        degrees = np.degrees(m.angles)
        curve(panel, degrees, m.passed, "--", "majority", "transmission, (3) and (4)")
        curve(panel, degrees, m.reflected, ":", "minority", "spin-flip reflection")
        curve(panel, degrees, m.scalar, "o", "theory", "exact")
        angle_axis(panel, 90)
        panel.set(xlabel=r"$\Phi$ (degrees)", title=family)
    axes[0].set_ylabel(r"$(J_M^R - J_M^L)/J$")
    legend_below(axes[0], 3)
