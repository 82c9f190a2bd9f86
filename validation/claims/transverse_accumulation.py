"""The text after equation (11): a large longitudinal change, a small transverse one, all torque at the interface."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from scipy.constants import e, hbar, physical_constants, pico

from kwant_spinjunc import Junction, Scattering, ferromagnet, unit_vector
from kwant_spinjunc.halves import zone
from kwant_spinjunc.magnets.multiscale import cobalt, mixing_conductances
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.theory import angular
from kwant_spinjunc.theory.drift_diffusion import match, tunnel_interface
from systems.spin_valve import spin_valve

from ..claim import Check, Judged, Record, Records
from ..compare import Fit, fit_power_law
from ..figures import curve, drawn, legend_below
from ..laboratory import Laboratory, across, clean_density, half_depth, k_average

#: The metal of both sides.
COBALT = cobalt()
#: Angle of everything below.
ANGLE = np.pi / 2
#: Unit of the microscopic energies, eV, and their lattice constant, nm.
HOPPING = 1.0
LATTICE_CONSTANT = 0.25
#: The magnet of the microscopic penetration, unit t, free-electron-like at E = 0, and its exchange splittings.
METAL = {"onsite": 5.0, "in_plane_hopping": 1.0}
SPLITTINGS = np.array([0.1, 0.2, 0.4, 0.8])
#: ħω in eV of the exchange field of a ferromagnet, and ω in 1/ps per eV and per tesla.
EXCHANGE = 1.0
PER_EV, PER_TESLA = e / hbar * pico, physical_constants["electron gyromag. ratio"][0] * pico
#: Precession rates times τ of the curves, and where powers are fitted.
TURNS = np.geomspace(1e-2, 1e6, 41)
FAST = np.geomspace(1e5, 1e7, 5)
#: Conductance ratios of the curves.
RATIOS = (0.1, 1.0, 10.0, 100.0)
#: Spin asymmetry of a polarized interface.
GAMMA = 0.5
#: "Much smaller": less than a tenth.
SMALL = 0.1


# ---------------------------------------------------------------------- what is computed
@cache
def case(omega: float, xi: float = 1.0, gamma: float = 0.0, mixing: float | None = None) -> Record:
    """Match through an interface of conductance ratio ξ and spin asymmetry γ, optionally with a mixing conductance."""
    metal = replace(COBALT, omega=omega)
    G = xi * metal.sigma / np.sqrt(metal.D * metal.tau)
    amplitudes = (np.array([1 + gamma, 1 - gamma]) / 2) ** 0.25
    m = unit_vector(0.0), unit_vector(ANGLE)
    interface = tunnel_interface(*m, np.sqrt(G) * amplitudes, amplitudes)
    if mixing is not None:
        interface = interface.with_mixing(*m, left=mixing, right=mixing)
    solution = match(metal, metal, interface, m_left=m[0], m_right=m[1])
    M = solution.delta_M[0]
    along = M @ m[0]
    ratio = float(np.linalg.norm(M - along * m[0]) / abs(along))  # |δM⊥|/|δM∥| at the left face
    depth = float(np.log(2) / metal.modes.transverse.real)  # within which half of the torque inside a magnet acts, nm
    # precession torque on both magnets over the total change of the spin current
    share = float(np.linalg.norm(solution.layer_torque.sum(axis=0)) / solution.delta_J_M_length)
    etas = angular.transverse_ratio(metal), 0.0
    free, clamped = (angular.spin_current_transverse(xi, ANGLE, metal.beta, eta) for eta in etas)
    clamping_error = float(abs(free / clamped - 1))
    return Record(locals())


def turned(turns: np.ndarray, xi: float = 1.0, gamma: float = 0.0) -> Records:
    """Return the cases of several precession rates times τ."""
    return Records(case(float(turn) / COBALT.tau, xi, gamma) for turn in turns)


def valve(splitting: float, planes: int = 1) -> Junction:
    """Return the metallic valve, its spacer matched to the majority band, with ``planes`` of each magnet resolved."""
    junction = spin_valve(theta=ANGLE, splitting=splitting, spacer_onsite=METAL["onsite"] - splitting / 2, **METAL)
    return replace(junction, buffer=planes)


def clean_depth(lab: Laboratory, splitting: float) -> float:
    """Return the depth in nm at which half of the transverse spin current is absorbed, clean and k∥-averaged.

    Spin is sent through the valve by a spin accumulation on the left.
    """
    planes = int(10 / splitting) + 10
    junction = valve(splitting, planes)

    def observe(scattering: Scattering) -> dict[str, np.ndarray]:
        currents = scattering.fields.currents[:, 0, :, -planes:, 1:]
        return {"Q": currents[:, 0] - currents[:, 1]}

    Q = k_average(lab, junction, 0.0, observe, accuracy=1e-6)["Q"]
    m_left, m_right = junction.magnetizations
    return LATTICE_CONSTANT * half_depth(abs(across(Q, m_right, m_left)))


def fermi_velocity(splitting: float) -> float:
    """Return the Fermi velocity of the microscopic magnet in nm/ps, 2⟨|v_y|⟩ over its Fermi surface."""
    lead = ferromagnet(hopping=1.0, splitting=splitting, **METAL)
    c, weight = zone.nodes(np.unique(zone.thresholds(Junction(lead, [], lead), 0.0)))
    channels = weight @ (abs(lead.levels(c)) < 2)
    speed = 2 * channels.sum() / (np.pi * clean_density(lead, 0.0).sum())  # a t/ħ
    return float(speed * LATTICE_CONSTANT * HOPPING * PER_EV)


def mixing_per_channel(splitting: float) -> tuple[complex, float]:
    """Return G_mix of spacer and magnet per channel, k∥-averaged, and its difference from Kwant's at k∥ = Γ."""
    junction = valve(splitting)
    left, _ = mixing_conductances(junction)
    at_gamma, _ = mixing_conductances(junction, k=(0.0, 0.0))
    spacer = junction.planes[len(junction.planes) // 2]
    S = scatter(Junction(replace(spacer, m=junction.left.m), [], junction.left), 0.0, (0.0, 0.0)).smatrix
    up, down = (S.submatrix((0, s), (0, s))[0, 0] for s in (0, 1))
    return left.mixing / left.modes, float(abs(at_gamma.mixing - (1 - up * down.conj())))


def turning_point(xi: float) -> float:
    """Return the ωτ above which |δM⊥| stays below a tenth of |δM∥|, interpolated; 0 if it always is, or infinite."""
    found = turned(TURNS, xi).ratio
    if found[-1] > SMALL or found.max() < SMALL:
        return np.inf if found[-1] > SMALL else 0.0
    last = int(np.flatnonzero(found > SMALL)[-1])
    x, y = np.log(TURNS[last : last + 2]), np.log(found[last : last + 2])
    return float(np.exp(np.interp(np.log(SMALL), y[::-1], x[::-1])))


def measure(quick: bool) -> Record:
    """Follow the transverse accumulation from no precession to the exchange field, and the depth of the torque."""
    lab = Laboratory(spot_check_every=3)
    exchange_rate = EXCHANGE * PER_EV
    by_name = {
        "none": case(0.0),
        "field of 1 T": case(PER_TESLA),
        "field of 10 T": case(10 * PER_TESLA),
        "exchange, 0.01 eV": case(0.01 * exchange_rate),
        "exchange, 1 eV": case(exchange_rate),
    }
    exchange, tesla = by_name["exchange, 1 eV"], by_name["field of 1 T"]
    fast = turned(FAST)
    ratio_power, depth_power = fit_power_law(FAST, fast.ratio), fit_power_law(FAST, fast.depth)
    polarized = case(exchange_rate, gamma=GAMMA)
    transparent, turning = case(0.0, xi=1e6), case(exchange_rate, xi=1e6)
    barrier = case(PER_TESLA, xi=0.01), case(PER_TESLA, xi=0.01, gamma=GAMMA)
    metallic = case(exchange_rate, xi=10.0)
    turns = {xi: turning_point(xi) for xi in RATIOS}
    depths = [clean_depth(lab, float(d)) for d in SPLITTINGS]
    ballistic = fit_power_law(SPLITTINGS, depths)
    velocity = fermi_velocity(EXCHANGE / HOPPING)
    free_path = 3 * COBALT.D / velocity
    crossing = EXCHANGE * (exchange.depth / free_path) ** 2
    mixing, kwant = mixing_per_channel(EXCHANGE / HOPPING)
    in_units = depths[-1] * SPLITTINGS[-1] * HOPPING * PER_EV / velocity
    clamped = case(exchange_rate, mixing=1e12)
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(power: Fit, slow: float, exchange: float) -> str:
    """Return the verdict: small at any precession rate, in the limit of fast precession only, or not even there."""
    if slow < SMALL:
        return "holds"
    return "holds in a limit" if exchange < SMALL and power.exponent < -0.4 else "fails"


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    return Judged(
        printed=verdict(m.ratio_power, m.tesla.ratio, m.exchange.ratio),
        corrected="holds" if abs(m.exchange.share - 1) < 1e-9 and abs(m.ballistic.exponent + 1) < 0.1 else "fails",
        value=m.ratio_power.exponent,
        expected=-0.5,
        tolerance=0.02,  # corrections are of relative order ξη ≈ 1e-2 at the beginning of the fit
        route=Check("from Re k⊥ ∝ ω^½ alone, the inverse depth", m.depth_power.exponent, 5e-5, -0.5),
        checks=(
            Check("torque inside the magnets, spin-independent interface", m.exchange.share, 1e-9, 1.0),
            Check("torque inside the magnets, infinite mixing conductance", m.clamped.share, 1e-5),
            # next order 1/(ξη) with ξ = 1e6
            Check("|δM⊥|/|δM∥| of a transparent interface", m.transparent.ratio, 5e-5, 1 / np.tan(ANGLE / 2)),
            # the velocities of both spins differ by a relative Δ/E_F at the largest splitting
            Check("power of Δ in the depth, clean magnet", m.ballistic.exponent, 0.1, -1.0),
            Check("G_mix at Γ, engine minus Kwant", m.kwant, 1e-9),
            *m.lab.checks(),
        ),
    )


@drawn("transverse-accumulation-ratio", width=6.2, height=4.0)
def draw_ratio(_: Record, axes: Any) -> None:
    """Plot |δM⊥|/|δM∥| against ωτ for several interfaces."""
    for xi, color in zip(RATIOS, ("majority", "damping_like", "field_like", "minority"), strict=True):
        axes.loglog(TURNS, turned(TURNS, xi).ratio, color=color, label=rf"$\xi$ = {xi:g}")
        axes.loglog(TURNS, turned(TURNS, xi, GAMMA).ratio, "--", color=color, linewidth=1)
    curve(axes, [], [], "--", "muted", rf"the same, $\gamma$ = {GAMMA:g}", linewidth=1)
    for rate, label in ((PER_TESLA, "1 T"), (EXCHANGE * PER_EV, "exchange,\n1 eV")):
        turn = rate * COBALT.tau
        axes.axvline(turn, color="muted", linewidth=1.2)
        axes.annotate(label, (turn, 1.6e-3), xytext=(3, 0), textcoords="offset points", color="#57606a", fontsize=8)
    axes.set(xlabel=r"precession $\omega\tau$", ylabel=r"$|\delta M_\perp|/|\delta M_\parallel|$ at the interface")
    axes.set(xlim=(TURNS[0], TURNS[-1]), ylim=(1e-3, 2))
    legend_below(axes, 5, columnspacing=1.0, handlelength=1.4)


@drawn("transverse-accumulation-depth", width=6.0, height=4.0)
def draw_depth(m: Record, axes: Any) -> None:
    """Plot the depth of the torque against the splitting: diffusion, and the clean microscopic magnet."""
    energy = np.geomspace(1e-4, 3, 41)
    diffusive = Records(case(E * PER_EV) for E in energy).depth
    valid, shown = diffusive > m.free_path, energy > 0.02
    curve(axes, energy[valid], diffusive[valid], "-", "theory", r"diffusion, ln 2/Re $k_\perp$")
    curve(axes, energy[~valid], diffusive[~valid], ":", "theory", "diffusion where it fails")
    curve(axes, SPLITTINGS * HOPPING, m.depths, "o", "microscopic", r"clean magnet, $k_\parallel$ average")
    power, label = m.ballistic.power(energy[shown] / HOPPING), rf"$\propto \Delta^{{{m.ballistic.exponent:.2f}}}$"
    curve(axes, energy[shown], power, "--", "microscopic", label, linewidth=1)
    lengths = ("spin-diffusion length", COBALT.spin_diffusion_length), ("mean free path", m.free_path)
    for (name, length), color in zip(lengths, ("damping_like", "minority"), strict=True):
        axes.axhline(length, color=color, linewidth=1.2)
        axes.text(1.1e-4, length * 1.12, name, color=color, fontsize=8)
    axes.set(xscale="log", yscale="log", ylim=(0.2, 5e3))
    axes.set(xlabel=r"exchange splitting $\Delta = \hbar\omega$ (eV)", ylabel="depth of half the torque (nm)")
    axes.legend(loc="upper right")
