"""Equations (2)-(4) under a voltage: the exponent with the bias in it, and currents over the whole energy window."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, Scattering
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.theory import printed, tunnelling
from kwant_spinjunc.transport.bias import bias_response, biased
from systems.tunnel_junction import tunnel_junction

from ..claim import Check, Judged, Record, Records
from ..compare import fit_power_law, largest
from ..currents import both_currents
from ..figures import curve, drawn, legend_below
from ..laboratory import Laboratory
from .bias_dependence import window_audit

#: The magnets, in units of t: both spins open in every window.
MAGNET = {"onsite": 0.3, "splitting": 1.4}
#: Height U of the barrier's band edge above the Fermi energy 0.
HEIGHT = 2.3
ANGLE = np.pi / 3
LARGEST = 0.8
#: Spin accumulations (µ_+, µ_-) on top of the bias, left and right.
ACCUMULATIONS = {"none": ((0.0, 0.0), (0.0, 0.0)), "0.1 t": ((0.1, -0.1), (-0.1, 0.1))}

#: How (2) can be read under a bias µ_L - µ_R = V with a linear drop; the last one is an electron of energy E.
PRINTED = r"printed: $\mu_L-\mu_R=V$ and $Vy/d$"
OTHER_SIGN = r"printed, other sign of $V$ in $Vy/d$"
WITHOUT_MU = r"$Vy/d$ only, no spin accumulation"
CORRECTED = r"corrected: $U+V/2-Vy/d-E$"
#: Color and line of each. The mirror image of V y/d in the barrier has the same exponent: dashed to show both.
LOOKS: dict[str, dict[str, Any]] = {
    PRINTED: {"color": "minority"},
    OTHER_SIGN: {"color": "field_like", "linestyle": "--", "zorder": 3},
    WITHOUT_MU: {"color": "damping_like"},
    CORRECTED: {"color": "majority"},
}


# ---------------------------------------------------------------------- what is computed
def junction(planes: int, angle: float = ANGLE) -> Junction:
    """Return F|I|F with the barrier's band edge `HEIGHT` above the Fermi energy."""
    return tunnel_junction(angle, height=HEIGHT + 2 - MAGNET["onsite"], thickness=planes, **MAGNET)


def exponent(reading: str, planes: int, bias: float, energy: float) -> float:
    """Return Σ κ_n a of one reading of (2) on the lattice, the potential falling in planes + 1 steps."""
    y = np.arange(1, planes + 1) / (planes + 1)
    half = bias / 2
    mu_left, mu_right, drop = {  # µ_Ls, µ_Rs' and V of U - µ_Ls + µ_Rs' - V y/d
        PRINTED: (half, -half, bias),
        OTHER_SIGN: (half, -half, -bias),
        WITHOUT_MU: (0.0, 0.0, bias),
        CORRECTED: (energy - half, 0.0, bias),
    }[reading]
    excess = tunnelling.barrier_excess(HEIGHT, mu_left, mu_right, drop, y)
    return float(tunnelling.lattice_exponent(excess + 2, 0.0, 1.0))


def rates(solve: Callable[..., Scattering], bias: float, energy: float, planes: int) -> Record:
    """Measure what doubling the thickness does to the four T_ss' at one energy of the biased junction."""
    T = [solve(biased(junction(count), bias), energy).transmissions for count in (planes, 2 * planes)]
    measured = -np.log(T[1] / T[0]) / 2 / planes
    thin, thick = ({name: exponent(name, n, bias, energy) for name in LOOKS} for n in (planes, 2 * planes))
    exponents = {name: (thick[name] - thin[name]) / planes for name in LOOKS}
    deviation = {name: largest([value / measured - 1]) for name, value in exponents.items()}
    return Record(locals())


def characteristic(lab: Laboratory, planes: int, bias: np.ndarray) -> Record:
    """Return J/GV exactly, and as exp[-2(exponent under bias - exponent without)]."""
    G = float(lab.scatter(junction(planes), 0.0).conductance)
    exact = bias_response(junction(planes), bias).current / bias / G
    x, w = np.polynomial.legendre.leggauss(12)

    def gain(reading: str, V: float, energy: float = 0.0) -> float:
        return float(np.exp(-2 * (exponent(reading, planes, V, energy) - exponent(reading, planes, 0.0, 0.0))))

    told = {name: np.array([gain(name, V) for V in bias]) for name in LOOKS}
    over = [sum(w / 2 * np.array([gain(CORRECTED, V, V / 2 * node) for node in x])) for V in bias]
    told["corrected, over the window"] = np.array(over)
    small = bias < 0.25
    order = {name: fit_power_law(bias[small], abs(np.log(y / exact))[small]) for name, y in told.items()}  # of ln J
    return Record(locals())


def predict(planes: int, bias: Any, accumulation: str = "none") -> np.ndarray:
    """Return J_M^L, J_M^R by (3), (4) from the parallel and antiparallel junction alone, shape (..., side).

    With T_ss' = |R_ss'|² D_ss', and ∫ dE D_ss'(E, V) (f_Ls - f_Rs') from the collinear currents over the window.
    """
    options: dict[str, Any] = {"accumulation": ACCUMULATIONS[accumulation], "rtol": 1e-10}
    collinear = [bias_response(junction(planes, angle), bias, **options) for angle in (0.0, np.pi)]
    same, opposite = (found.spin_resolved[..., 0, :] for found in collinear)
    fluxes = np.where(np.eye(2, dtype=bool), same[..., :, None], opposite[..., :, None])
    return both_currents(tunnelling.rotation_law(fluxes, ANGLE), 1.0, 0.0)


def windows(lab: Laboratory, bias: float, accumulation: str, thicknesses: Iterable[int]) -> Record:
    """Compare J_M with (3) and (4) behind thicker and thicker barriers."""
    options: dict[str, Any] = {"accumulation": ACCUMULATIONS[accumulation], "rtol": 1e-10}
    exact = Records(bias_response(junction(planes), bias, **options) for planes in thicknesses)
    predicted = np.array([predict(planes, bias, accumulation) for planes in thicknesses])
    J, top = abs(exact.current)[:, None], exact.mu.max()
    error = abs(predicted / J - exact.magnetization / J).max(axis=1)  # of both sides, over J
    # at the highest occupied energy, both spins
    transmission = np.array([lab.scatter(biased(junction(n), bias), top).conductance for n in thicknesses])
    order = fit_power_law(transmission, error)
    return Record(locals())


def asymmetry(lab: Laboratory, planes: int, bias: np.ndarray) -> Record:
    """Return J_M on both sides of equal magnets against the bias."""
    response = bias_response(junction(planes), bias, rtol=1e-10)
    P, AP, crossed = (lab.scatter(junction(planes, angle), 0.0).transmissions for angle in (0.0, np.pi, ANGLE))
    # [bias, side]: exact, from (3), (4) with the collinear T_ss'(E, V), and with those of linear response
    J = response.current[:, None]
    exact, predicted = response.magnetization / J, predict(planes, bias) / J
    rotated = tunnelling.rotation_law(tunnelling.spin_factors_from_collinear(P, AP), ANGLE)
    frozen = both_currents(rotated, 1.0, 0.0) / tunnelling.charge_current(crossed, 1.0, 0.0)
    small = (bias > 0) & (bias < 0.25)
    difference_order = fit_power_law(bias[small], abs(np.diff(exact, axis=-1))[small, 0])
    return Record(locals())


def units_defect() -> float:
    """Return the difference of the printed bracket from the exponent where ħ²/2m = t a² = 1 makes them comparable."""
    options = {"mu_left": LARGEST / 2, "mu_right": -LARGEST / 2}
    bracket = printed.wkb_exponent(HEIGHT, 4.0, 1.0, voltage=LARGEST / 4.0, **options)
    return float(abs(bracket - tunnelling.wkb_exponent(HEIGHT, 4.0, 1.0, voltage=LARGEST, **options)))


#: Quick or not: biases, planes, planes of the refinement, larger biases of two curves, planes of the windows.
SIZES = {
    True: ((0.2, LARGEST), 16, (4, 8, 16), (3, 4), range(3, 7)),
    False: ((0.1, 0.2, 0.4, 0.6, LARGEST), 24, (4, 8, 16, 32), (6, 6), range(3, 9)),
}
#: Biases of small response.
SMALL = (0.05, 0.1, 0.15, 0.2)


def measure(quick: bool) -> Record:
    """Tunnel under a voltage and compare with the exponent and the currents of the paper."""

    def worst(found: list[Record], reading: str) -> float:
        return max(r.deviation[reading] for r in found)

    lab = Laboratory(spot_check_every=6)
    voltages, thick, thicker, (few, more), barriers = SIZES[quick]
    found = [rates(lab.scatter, V, place * V, thick) for V in voltages for place in (-0.5, 0.0, 0.5)]
    refined = [rates(lab.scatter, LARGEST, 0.0, planes) for planes in thicker]
    approach = fit_power_law([r.planes for r in refined], [r.deviation[CORRECTED] for r in refined])
    currents = characteristic(lab, 8, np.array([*SMALL, *np.linspace(0.3, LARGEST, few)]))
    over_windows = Records(windows(lab, V, name, barriers) for V in (0.2, 0.6) for name in ACCUMULATIONS)
    skew = asymmetry(lab, 4, np.array([*SMALL, *np.linspace(0.3, LARGEST, more)]))
    audits = [window_audit(lab, junction(4), V) for V in (0.3, -0.6)]
    top, below = ([r for r in found if (r.energy > 0) is above] for above in (True, False))
    corrected, printed = worst(found, CORRECTED), worst(found, PRINTED)
    other_top, other_below = worst(top, OTHER_SIGN), worst(below, OTHER_SIGN)
    at_top, elsewhere = worst(top, WITHOUT_MU), worst(below, WITHOUT_MU)
    orders = currents.order
    window = min((one.order for one in over_windows), key=lambda fit: fit.exponent)
    ratio = {name: values[-1] / currents.exact[-1] for name, values in currents.told.items()}
    kwant = rates(scatter, LARGEST, LARGEST / 2, thick).deviation[CORRECTED]
    engine = next(r for r in found if r.energy == LARGEST / 2).deviation[CORRECTED]
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(printed: float, corrected: float) -> str:
    """Return the verdict on the print from the deviations of both exponents at the largest bias."""
    return "holds" if max(printed, corrected) < 1e-3 else "fails"


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    cases = {f"V = {one.bias:g} t, accumulation {one.accumulation}": one for one in m.over_windows}
    return Judged(
        printed=verdict(m.printed, m.corrected),
        corrected="holds in a limit" if m.corrected < 1e-2 and m.window.exponent > 0.8 else "fails",
        value=m.corrected,
        tolerance=3e-4,  # WKB: 3e-3 at 4 planes, falling with the square of the thickness
        route=Check("the same at the top of the largest window by Kwant alone", m.kwant, 1e-10, m.engine),
        checks=(
            # the lattice potential is a staircase; midpoint rule and WKB both leave second order in the slope
            Check("power of the corrected exponent's error in the thickness", m.approach.exponent, 0.25, -2.0),
            Check("power of the printed reading's error of ln J in V", m.orders[PRINTED].exponent, 0.15, 1.0),
            Check("power of the corrected reading's error of ln J in V", m.orders[CORRECTED].exponent, 0.15, 2.0),
            # corrections of relative order T, and the window's weights shift with the thickness
            *(
                Check(f"power of the error of (3), (4), {name}", x.order.exponent, 0.1, 1.0)
                for name, x in cases.items()
            ),
            Check("power of (J_M^R − J_M^L)/J of equal magnets in V", m.skew.difference_order.exponent, 0.1, 1.0),
            Check("printed bracket minus exponent where ħ²/2m = 1", units_defect(), 1e-12),
            Check("window integral against audited scattering, relative", max(m.audits), 1e-8),
            *m.lab.checks(),
        ),
    )


@drawn("nonequilibrium-tunneling-exponent", 1, 2, width=7.2, height=4.2)
def draw_exponent(m: Record, left: Any, right: Any) -> None:
    """Plot the exponents over the measured decay, and the current."""
    places = {-0.5: (r"$E=\mu_R$", "v"), 0.0: (r"$E=0$", "o"), 0.5: (r"$E=\mu_L$", "^")}
    for place, (label, marker) in places.items():
        chosen = Records(r for r in m.found if np.isclose(r.energy, place * r.bias))
        for reading, look in LOOKS.items():
            y = [r.exponents[reading] / r.measured.mean() for r in chosen]
            fill = "none" if reading == OTHER_SIGN else look["color"]
            named = label if reading == CORRECTED else None
            left.plot(chosen.bias, y, marker=marker, linewidth=0.8, markerfacecolor=fill, label=named, **look)
    left.set(xlabel=r"bias $V=\mu_L-\mu_R$ (t)", ylabel="exponent of (2) / measured decay", ylim=(0.6, 1.05))
    left.legend(loc="lower left")
    V, told = m.currents.bias, m.currents.told
    right.semilogy(V, m.currents.exact, "o", color="black", label="exact")
    for reading, look in LOOKS.items():
        right.semilogy(V, told[reading], label=reading, **look)
    right.semilogy(V, told["corrected, over the window"], "--", color="majority", label="the same, over the window")
    right.set(xlabel="bias V (t)", ylabel="J / GV", ylim=(0.8, 30))
    legend_below(right, 2, columnspacing=1)


@drawn("nonequilibrium-tunneling-windows", 1, 2, width=7.2, height=3.6)
def draw_windows(m: Record, left: Any, right: Any) -> None:
    """Plot the error of (3), (4) over a window against the transmission, and J_M on both sides against the bias."""
    for one, marker, color in zip(m.over_windows, "os^v", ("#0072B2", "#D55E00", "#56B4E9", "#E69F00"), strict=False):
        label = f"V = {one.bias:g} t, accumulation {one.accumulation}"
        left.loglog(one.transmission, one.error, marker, color=color, label=label)
    line = np.array([m.over_windows.transmission.min() / 2, m.over_windows.transmission.max() * 2])
    left.loglog(line, m.over_windows[0].order.prefactor * line, "-", color="black", linewidth=0.8, label="slope 1")
    left.set(xlabel="transmission at the top of the window", ylabel=r"error of (3), (4) / $J$")
    left.set_ylim(None, 30 * m.over_windows.error.max())
    left.legend(loc="upper left")
    skew = m.skew
    for side, name, color in ((0, r"$J_M^L$", "left"), (1, r"$J_M^R$", "right")):
        curve(right, skew.bias, skew.exact[:, side], "o", color, f"{name}, exact")
        curve(right, skew.bias, skew.predicted[:, side], "-", color, "(3), (4), collinear data", linewidth=1)
    curve(right, skew.bias, np.full(len(skew.bias), skew.frozen[0]), ":", "black", r"(3), (4), $T_{ss'}$ at $V=0$")
    low, high = right.get_ylim()
    right.set(xlabel="bias V (t)", ylabel=r"$J_M / J$", ylim=(low, high + 0.55 * (high - low)))
    right.legend(loc="upper left")
