"""The text after equation (4): J_M is conserved between collinear magnets and not otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwant_spinjunc import Scattering, unit_vector
from kwant_spinjunc.theory import interface, tunnelling
from kwant_spinjunc.transport.linear import linear_response
from kwant_spinjunc.transport.observables import magnetization_current

from ..claim import Check, Judged, Record
from ..compare import Fit, fit_power_law
from ..figures import COLORS, drawn, legend_below
from ..laboratory import DIFFERENT, FAMILIES, IDENTICAL, Laboratory, currents_of_waves, k_average

#: Spin accumulation δ = (µ_+ - µ_-)/2 on the left and the right, in units of the voltage.
SPLIT = 0.1
ACCUMULATIONS = {
    "none": (0.0, 0.0),
    "left only": (SPLIT, 0.0),
    "equal": (SPLIT, SPLIT),
    "opposite": (SPLIT, -SPLIT),
}
#: Energy of all electrons, unit t.
ENERGY = 0.0
#: Differences below this part of the charge current are rounding: sums of some hundred k∥ points of 1e-16 each.
ROUNDING = 1e-10


# ---------------------------------------------------------------------- what is computed
def potentials(accumulation: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return µ_L and µ_R per spin: a bias of 1 and the accumulation."""
    left, right = ACCUMULATIONS[accumulation]
    return (0.5 + left, 0.5 - left), (-0.5 + right, -0.5 - right)


def difference(response: interface.InterfaceResponse, mu_left: Any, mu_right: Any) -> float:
    """Return J_M^R - J_M^L of coefficients of equations (5) and (6)."""
    _, left, right = interface.interface_currents(response, mu_left, mu_right)
    return float(tunnelling.implicit_torque(left, right))


def observe(scattering: Scattering) -> dict[str, np.ndarray]:
    """Return probabilities and the spin-resolved currents of every accumulation, per k∥."""
    currents = {name: linear_response(scattering, *potentials(name)).spin_resolved for name in ACCUMULATIONS}
    return {"probabilities": scattering.probabilities, **currents}


def sample(lab: Laboratory, family: str, angles: np.ndarray) -> list[Record]:
    """Scatter at all angles and k∥ and apply every accumulation."""
    rows: dict[str, list[Any]] = {name: [] for name in ACCUMULATIONS}
    for angle in angles:
        average = k_average(lab, FAMILIES[family](theta=angle), ENERGY, observe)
        P = average["probabilities"]
        T = P[1, :, 0, :].T
        mixing = T[0, 1] + T[1, 0]
        for name, columns in rows.items():
            mu = potentials(name)
            J = average[name][0].sum()
            columns.append(
                (
                    J,
                    magnetization_current(average[name]) / J,
                    difference(interface.tunnelling_response(T), *mu) / J,
                    difference(interface.dropped_response(P), *mu) / J,
                    (T[0, 1] - T[1, 0]) / mixing if mixing > 0 else 0.0,
                )
            )
    return [
        changes(family, name, angles, *(np.array(column) for column in zip(*columns, strict=True)))
        for name, columns in rows.items()
    ]


def changes(
    family: str,
    accumulation: str,
    angles: np.ndarray,
    charge: np.ndarray,
    J_M: np.ndarray,
    transmitted: np.ndarray,
    reflected: np.ndarray,
    asymmetry: np.ndarray,
) -> Record:
    """Compare J_M [angle, side] of both sides, per charge current J, with what (3), (4) and flip reflection say."""
    scalar = tunnelling.implicit_torque(J_M[:, 0], J_M[:, 1])
    vector = np.linalg.norm(tunnelling.vector_difference(*J_M.T, unit_vector(0.0), unit_vector(angles)), axis=-1)
    unexplained = float(abs(scalar - transmitted - reflected).max())
    noncollinear = np.sin(angles) > 1e-9
    return Record(locals())


def unequal_magnets(lab: Laboratory) -> tuple[float, float, float]:
    """Return (J_M^R - J_M^L)/J of different magnets at 90°: exact, of (4) - (3) from Φ = 0 and π, and of the waves."""
    mu, family = potentials("none"), FAMILIES[DIFFERENT]
    exact = next(m for m in sample(lab, DIFFERENT, np.array([np.pi / 2])) if m.accumulation == "none")
    T = [lab.scatter(family(theta=a), ENERGY, "average").transmissions for a in (0.0, np.pi)]
    rotated = tunnelling.rotation_law(tunnelling.spin_factors_from_collinear(*T), np.pi / 2)
    told = difference(interface.tunnelling_response(rotated), *mu) / tunnelling.charge_current(rotated, *mu)
    J, left, right = currents_of_waves(family(theta=np.pi / 2), ENERGY, *mu)
    return float(exact.scalar[0]), float(told), (right - left) / J


# ---------------------------------------------------------------------- what it says of the paper
def verdict(collinear: float, vectors: float, named: float) -> str:
    """Return the verdict from the worst cases.

    ``collinear``: largest change of J_M between parallel magnets; ``vectors``: smallest change of the vector between
    noncollinear ones; ``named``: smallest change of the scalar where the paper says there is one.
    """
    if collinear > ROUNDING or vectors < ROUNDING:
        return "fails"
    return "holds" if named > ROUNDING else "holds in a limit"


def small_angle_powers(lab: Laboratory) -> tuple[Fit, Fit]:
    """Fit the powers of Φ with which the scalar and the vector J_M start to change (F|I|F, equal accumulation)."""
    angles = np.radians(np.geomspace(0.5, 8.0, 5))
    equal = next(m for m in sample(lab, "F|I|F", angles) if m.accumulation == "equal")
    return fit_power_law(angles, abs(equal.scalar)), fit_power_law(angles, equal.vector)


LOOKS = {
    "none": {"color": COLORS["muted"], "linestyle": "-", "linewidth": 3.0},
    "left only": {"color": COLORS["majority"], "linestyle": "--"},
    "equal": {"color": COLORS["minority"], "linestyle": "-"},
    "opposite": {"color": COLORS["theory"], "linestyle": ":"},
}


@drawn("conservation-differences", 2, 2, width=6.4, height=5.2, sharex=True, sharey="row")
def draw_differences(record: Record, axes: Any) -> None:
    """Plot the change of the scalar and of the vector J_M for identical and for different magnets."""
    titles = {"F|I|F": "identical magnets, F|I|F", DIFFERENT: f"different magnets, {DIFFERENT}"}
    for column, (family, title) in enumerate(titles.items()):
        for m in record.measured:
            if m.family == family:
                degrees, look = np.degrees(m.angles), LOOKS[m.accumulation]
                axes[0, column].plot(degrees, m.scalar, label=m.accumulation, **look)
                axes[1, column].plot(degrees, m.vector, **look)
        axes[0, column].set_title(title)
        axes[1, column].set_xlabel(r"angle $\Phi$ (degrees)")
        axes[1, column].set_xticks(range(0, 181, 45))
    axes[0, 0].set_ylabel(r"scalar: $(J_M^R - J_M^L)/J$")
    axes[1, 0].set_ylabel(r"vector: $|J_M^R\mathbf{m}_R - J_M^L\mathbf{m}_L|/J$")
    legend_below(axes[0, 0], 4, title="spin accumulation")


@drawn("conservation-mechanisms", 1, 3, width=6.8, height=3.2, sharex=True, sharey=True)
def draw_mechanisms(record: Record, *axes: Any) -> None:
    """Plot, for equal accumulations, what transmission and what spin-flip reflection contribute."""
    for panel, family in zip(axes, IDENTICAL, strict=True):
        m = next(m for m in record.measured if (m.family, m.accumulation) == (family, "equal"))
        degrees = np.degrees(m.angles)
        panel.plot(degrees, m.transmitted, "--", color=COLORS["majority"], label="transmission, (3) and (4)")
        panel.plot(degrees, m.reflected, ":", color=COLORS["minority"], label="spin-flip reflection")
        panel.plot(degrees, m.scalar, "o", color=COLORS["theory"], label="exact")
        panel.set(xlabel=r"$\Phi$ (degrees)", title=family)
        panel.set_xticks(range(0, 181, 90))
    axes[0].set_ylabel(r"$(J_M^R - J_M^L)/J$")
    legend_below(axes[0], 3)


def measure(quick: bool) -> Record:
    """Compare J_M on both sides of four junctions for all angles and spin accumulations."""
    lab = Laboratory(spot_check_every=20)
    angles = np.linspace(0, np.pi, 7 if quick else 25)
    measured = [m for family in FAMILIES for m in sample(lab, family, angles)]
    scalar_power, vector_power = small_angle_powers(lab)
    collinear = max(abs(m.scalar[0]) for m in measured)
    antiparallel = max(m.vector[-1] for m in measured)
    smallest_vector = min(m.vector[m.noncollinear].min() for m in measured)
    by_name = {(m.family, m.accumulation): float(abs(m.scalar[m.noncollinear]).max()) for m in measured}
    named = {key: value for key, value in by_name.items() if key[1] != "none"}
    equal_scalars = max(by_name[family, name] for family in IDENTICAL for name in ("none", "opposite"))
    asymmetry = {m.family: float(abs(m.asymmetry).max()) for m in measured}
    symmetric = max(asymmetry[family] for family in IDENTICAL)
    metal = next(m for m in measured if (m.family, m.accumulation) == ("F|F", "equal"))
    barrier = next(m for m in measured if (m.family, m.accumulation) == ("F|I|F", "equal"))
    middle = len(angles) // 2
    shares = [float(m.reflected[middle] / m.scalar[middle]) for m in (barrier, metal)]
    unexplained = max(m.unexplained for m in measured)
    unequal, told, waves = unequal_magnets(lab)
    return Record(locals())


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    return Judged(
        printed=verdict(m.collinear, m.smallest_vector, min(m.named.values())),
        corrected="holds" if m.unexplained < ROUNDING < m.smallest_vector else "fails",
        value=m.unequal,
        expected=m.told,
        tolerance=1e-4,  # of the order of the transmission per channel
        unit="J",
        route=Check("the same from the flux of the waves", m.waves, 1e-8, expected=m.unequal),
        checks=(
            Check("change of J_M across parallel magnets, in J", m.collinear, ROUNDING),
            Check("change of the vector across antiparallel magnets, in J", m.antiparallel, ROUNDING),
            Check("change of the scalar, identical magnets, δ_L + δ_R = 0, in J", m.equal_scalars, ROUNDING),
            Check("asymmetry of T for identical magnets", m.symmetric, ROUNDING),
            Check(
                "change of the scalar not explained by T and R_+−, in J",
                max(m.unexplained for m in m.measured),
                ROUNDING,
            ),
            # corrections to the powers are of relative order Φ² < 0.02 at the largest angle of the fit
            Check("power of Φ of the scalar", m.scalar_power.exponent, 5e-3, expected=2.0),
            Check("power of Φ of the vector", m.vector_power.exponent, 0.02, expected=1.0),
            *m.lab.checks(),
        ),
    )
