"""Equation (2), the last sentence: “in linear response, the term -µ_Ls + µ_Rs' - V y is absent”."""

from functools import partial
from typing import Any

import numpy as np

from kwant_spinjunc import Junction
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.transport.bias import bias_response, biased
from kwant_spinjunc.transport.linear import linear_response
from systems.asymmetric_junction import asymmetric_junction
from systems.tunnel_junction import tunnel_junction

from ..claim import Check, Judged, Record, Records
from ..compare import fit_power_law
from ..currents import potentials
from ..figures import drawn, guide
from ..laboratory import Laboratory

ANGLE, ENERGY = np.pi / 3, 0.0
#: Equal and different magnets behind the same barrier.
FAMILIES = {
    "identical magnets": partial(tunnel_junction, height=2.0, thickness=3),
    "different magnets": partial(asymmetric_junction, height=2.0, thickness=3),
}
#: Biases, unit t; the accumulation (µ_+ - µ_-)/2 on the left in units of the bias.
BIAS = np.geomspace(0.16, 0.005, 6)
SPLIT = 0.25


# ---------------------------------------------------------------------- what is computed
def approach(lab: Laboratory, name: str) -> Record:
    """Compare full windows of the biased junction with the unbiased one times the bias."""
    junction = FAMILIES[name](theta=ANGLE)
    linear = linear_response(lab.scatter(junction, ENERGY), *potentials(SPLIT))
    split = np.array([[SPLIT, -SPLIT], [0.0, 0.0]])
    found = Records(bias_response(junction, float(V), accumulation=V * split, rtol=1e-11) for V in BIAS)
    charge = abs(found.current / BIAS / linear.charge[0] - 1)
    magnetization = abs(found.magnetization / BIAS[:, None] - linear.magnetization).max(axis=1) / linear.charge[0]
    order = fit_power_law(BIAS, magnetization)
    return Record(locals())


def kwant_order(junction: Junction) -> float:
    """Return the power of V in T(E = 0, V)/T(0, 0) - 1, largest over the spins, by Kwant alone."""
    T0 = scatter(junction, ENERGY).transmissions
    change = [abs(scatter(biased(junction, float(V)), ENERGY).transmissions / T0 - 1).max() for V in BIAS]
    return fit_power_law(BIAS, change).exponent


def measure(quick: bool) -> Record:
    """Follow both junctions down to no bias."""
    lab = Laboratory(spot_check_every=1)
    approaches = [approach(lab, name) for name in FAMILIES]
    kwant = kwant_order(FAMILIES["different magnets"](theta=ANGLE))
    equal, unequal = approaches
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(orders: list[float]) -> str:
    """Return the verdict: what the term changes vanishes with the bias, so that linear response lacks it, or not."""
    return "holds" if min(orders) > 0.9 else "fails"


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    found = verdict([one.order.exponent for one in m.approaches])
    unequal = m.approaches[1]
    return Judged(
        printed=found,
        corrected=found,
        value=unequal.order.exponent,
        expected=1.0,
        tolerance=0.1,  # the second order is some ten percent at the largest bias
        route=Check("power of V in T_ss'(0, V), different magnets, by Kwant", m.kwant, 0.1, 1.0),
        checks=m.lab.checks(),
    )


@drawn("linear-term-bias", width=5.2, height=3.5)
def draw(m: Record, axes: Any) -> None:
    """Plot what a bias changes beyond linear response against the bias."""
    for one, color, marker in zip(m.approaches, ("left", "right"), "os", strict=True):
        axes.loglog(BIAS, one.magnetization, marker, color=color, label=f"$J_M$, {one.name}")
        axes.loglog(BIAS, one.charge, marker, mfc="none", color=color, label=f"$J$, {one.name}")
    guide(axes, BIAS, m.approaches[1].magnetization[-1] / BIAS[-1] * BIAS, "first power")
    axes.set(xlabel="bias V (t)", ylabel="current / linear response − 1, per J")
    axes.set_xticks([0.01, 0.1], ["0.01", "0.1"])
    axes.legend(loc="upper left", fontsize=7)
    axes.set_ylim(None, 20 * max(one.magnetization.max() for one in m.approaches))
