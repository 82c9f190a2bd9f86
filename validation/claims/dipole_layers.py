"""The text around equation (11): dipole layers of charge and magnetization, voltage times density of states."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, unit_vector
from kwant_spinjunc.magnets.multiscale import cobalt
from kwant_spinjunc.theory import angular, interface, tunnelling
from kwant_spinjunc.theory.drift_diffusion import AMPERE_PER_SQUARE_METER, Matching, Material, match, per_area
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction

from ..claim import Check, Judged, Record, Records
from ..compare import fit_power_law, largest
from ..figures import curve, drawn
from ..laboratory import Laboratory

#: The metal of both sides.
COBALT = cobalt()
#: Lattice constant of the microscopic interfaces, nm.
LATTICE_CONSTANT = 0.25
#: The magnet of the microscopic interfaces, unit t: majority -3.5 to 8.5, minority -2.5 to 9.5, large Fermi surfaces.
IRON = {"onsite": 3.0, "splitting": 1.0, "in_plane_hopping": 1.0}
#: From a metallic valve to a tunnel barrier of eight planes.
FAMILIES: dict[str, Callable[..., Junction]] = {
    "valve F|N|F": partial(spin_valve, spacer_onsite=2.2, **IRON),
    **{f"barrier, {n} planes": partial(tunnel_junction, height=4.0, thickness=n, **IRON) for n in (1, 2, 3, 4, 6, 8)},
}
ANGLES = {"0°": 0.0, "90°": np.pi / 2, "180°": np.pi}
#: The interface and the angle of the profiles.
SHOWN, SHOWN_ANGLE = "valve F|N|F", np.pi / 2
#: Charge current of the profiles, A/m².
CURRENT = 1e12
#: Thickness of a barrier, nm, where the sheet charge is tested.
THICKNESS = 1.0
#: ξ of the closed form, and where its power is fitted: tunnel barriers.
XI = np.geomspace(1e-5, 1e3, 81)
TUNNELING = np.geomspace(1e-6, 1e-4, 5)
#: "Of the order of": within a factor of ten.
ORDER = 10.0


# ---------------------------------------------------------------------- what is computed
def relative_magnetization(solution: Matching) -> Any:
    """Return |δM∥| at the left face over the drop of the interface times the density of states σ/D."""
    p = solution.left
    along = np.sum(solution.delta_M[..., 0, :] * solution.m[..., 0, :], axis=-1)
    return abs(along) / (p.sigma / p.D * solution.drop)


def between(metal: Material, response: interface.InterfaceResponse, angle: Any, thickness: float = 0.0) -> Matching:
    """Match two equal magnets at J = 1."""
    m_right = unit_vector(angle)
    return match(metal, metal, response, m_left=unit_vector(0.0), m_right=m_right, thickness=thickness)


def spin_independent(metal: Material, xi: Any, angle: Any) -> interface.InterfaceResponse:
    """Return the interface T_ss' = R_ss'² G/2 of conductance ratio ξ."""
    G = np.asarray(xi) * metal.sigma / np.sqrt(metal.D * metal.tau)
    return interface.tunnelling_response(tunnelling.rotation_law(G[..., None, None] / 2 * np.ones((2, 2)), angle))


def expected_ratio(metal: Material, xi: Any, angle: float) -> Any:
    """Return δ/V of a spin-independent interface: δ = (βJ - J_M)/g and V = J/G + 2βδ with J_M of (12), A1 = A2 = 0."""
    delta = (metal.beta - angular.spin_current_reduced(xi, angle, metal.beta)) / metal.spin_conductance
    G = np.asarray(xi) * metal.sigma / np.sqrt(metal.D * metal.tau)
    return delta / (1 / G + 2 * metal.beta * delta)


def ratio_of(metal: Material, xi: Any, angle: float) -> Any:
    """Return what `expected_ratio` does from the matching."""
    return relative_magnetization(between(metal, spin_independent(metal, xi, angle), angle))


def layer_of(lab: Laboratory, name: str, angle: float) -> Record:
    """Put a microscopic interface, k∥-averaged and Sharvin-corrected, between two cobalt magnets."""
    state = lab.scatter(FAMILIES[name](theta=angle), 0.0, "average")
    G = interface.sharvin_corrected(interface.conductance_matrix(state.probabilities, state.modes), state.modes)
    response = per_area(interface.response_of(G), LATTICE_CONSTANT**2)
    xi = float(angular.conductance_ratio(response.charge_1.sum(), COBALT.sigma, COBALT.D, COBALT.tau))
    solution = between(COBALT, response, angle)
    # |δM∥| and |δn| at the left face over the electrochemical drop V times the density of states σ/D
    magnetization = relative_magnetization(solution)
    charge = float(abs(solution.delta_n[0]) / (COBALT.sigma / COBALT.D * solution.drop))
    # the sum of both sheets over the mean of their lengths, and over the larger one
    moments, charges = solution.magnetization_sheet, solution.charge_sheet
    net_moment = float(np.linalg.norm(moments.sum(axis=0)) / np.linalg.norm(moments, axis=-1).mean())
    net_charge = float(abs(charges.sum()) / abs(charges).max())
    resistance_area = float(solution.resistance * AMPERE_PER_SQUARE_METER * 1e15)  # fΩ m²
    return Record(locals())


def capacitor(metal: Material, xi: float, thickness: float) -> float:
    """Return the sheet charge of a face over that of a plate capacitor, V/(q(d + 2λ))."""
    solution = between(metal, spin_independent(metal, xi, 0.0), 0.0, thickness)
    plates = solution.drop / (metal.q * (thickness + 2 * metal.screening_length))
    return float(abs(solution.charge_sheet[0]) / plates)


def interplay(metal: Material, coupled: Material) -> tuple[float, float]:
    """Return the relative changes of δM∥ at the face and of the spin accumulation from one metal to the other."""
    response = spin_independent(metal, 1.0, np.pi / 2)
    bare, changed = (between(p, response, np.pi / 2) for p in (metal, coupled))
    face = relative_magnetization(changed) / relative_magnetization(bare) - 1
    return float(abs(face)), float(abs(changed.delta[0] / bare.delta[0] - 1))


def measure(quick: bool) -> Record:
    """Measure the layers of microscopic interfaces between cobalt magnets and of the closed form."""
    lab = Laboratory(spot_check_every=6)
    names = [name for name in FAMILIES if not quick or name[-8:] not in ("3 planes", "6 planes")]
    layers = Records(layer_of(lab, name, angle) for name in names for angle in ANGLES.values())
    by_name = {(layer.name, layer.angle): layer for layer in layers}
    shown, tunnel = by_name[SHOWN, SHOWN_ANGLE], by_name[names[-1], ANGLES["90°"]]
    closed = largest(ratio_of(COBALT, XI, angle) / expected_ratio(COBALT, XI, angle) - 1 for angle in ANGLES.values())
    power = fit_power_law(TUNNELING, ratio_of(COBALT, TUNNELING, np.pi / 2))
    closed_power = fit_power_law(TUNNELING, expected_ratio(COBALT, TUNNELING, np.pi / 2)).exponent
    curves = {name: expected_ratio(COBALT, XI, angle) for name, angle in ANGLES.items()}
    transparent = {name: float(ratio[-1]) for name, ratio in curves.items()}
    # ξ above which δM∥ exceeds a tenth of voltage times density of states, interpolated
    reached = {name: np.exp(np.interp(np.log(1 / ORDER), np.log(y), np.log(XI))) for name, y in curves.items()}
    plates = capacitor(COBALT, 1e-4, THICKNESS)
    net_charge = max(layers.net_charge)
    net = {name: by_name[SHOWN, angle].net_moment for name, angle in ANGLES.items()}
    face, accumulation = interplay(COBALT, replace(COBALT, alpha2=0.4))
    weight = COBALT.screening_length / COBALT.spin_diffusion_length
    # per voltage of the interface and 1 µm of metal on each side
    solution = shown.solution
    sample = float(shown.magnetization * solution.drop / (solution.drop + 2 * 1000.0 / solution.left.sigma))
    scale, cell = CURRENT * AMPERE_PER_SQUARE_METER, LATTICE_CONSTANT**3
    along = float(abs(solution.delta_M[0] @ solution.m[0]) * scale * cell)
    charge = float(abs(solution.delta_n[0]) * scale * cell)
    drop = float(solution.drop * scale * 1e3)
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(transparent: list[float]) -> str:
    """Return the verdict for metallic multilayers: of the stated order where the interface is transparent, or not."""
    if not all(1 / ORDER < ratio < ORDER for ratio in transparent):
        return "fails"
    return "follows"


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    return Judged(
        printed=verdict(list(m.transparent.values())),
        corrected="follows" if m.closed < 1e-8 else "fails",
        value=m.power.exponent,
        expected=1.0,
        tolerance=2e-3,  # corrections are of relative order ξ < 1e-3
        route=Check("the same power of the closed form", m.closed_power, 1e-8, m.power.exponent),
        checks=(
            # screening corrections vanish for α1 = α2
            Check("closed form of δM∥/(V σ/D) against the matching, relative", m.closed, 1e-8),
            Check("net charge of both faces, relative", m.net_charge, 1e-9),
            # corrections of order G d/σ and λ/l_sd, both below 1e-3
            Check("sheet charge over that of a plate capacitor", m.plates, 2e-3, 1.0),
            Check("net moment of antiparallel magnets over one sheet", m.net["180°"], 1e-9, 2.0),
            *m.lab.checks(),
        ),
    )


@drawn("dipole-layers-profiles", 2, 1, width=6.4, height=4.8)
def draw_profiles(m: Record, top: Any, bottom: Any) -> None:
    """Plot the charge layer and the magnetization layer on their own scales, in units per cell and current."""
    solution, scale = m.shown.solution, m.scale * m.cell
    for axes, reach in ((top, 6 * COBALT.screening_length), (bottom, 4 * COBALT.spin_diffusion_length)):
        x = np.linspace(0, reach, 300)
        for side, (name, y) in enumerate((("left", -x[::-1]), ("right", x))):
            y[y == 0] = (-0.0, 0.0)[side]
            profile = solution.profile(y)
            layer = profile.delta_n if axes is top else np.sum(profile.delta_M * solution.m[side], axis=-1)
            curve(axes, y, scale * layer, "-", name, f"{name} magnet")
            axes.fill_between(y, scale * layer, color=name, alpha=0.15, linewidth=0)
        axes.axvline(0, color="black", linewidth=1.2)
        axes.axhline(0, color="muted", linewidth=0.6)
        axes.set_xlim(-reach, reach)
        axes.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=True)
    top.set(xlabel="position y (nm)", ylabel=r"charge $\delta n$ per cell")
    bottom.set_xlabel("position y (nm); vertical line: interface")
    bottom.set_ylabel(r"$\delta M_\parallel$ per cell ($\mu_B$)")
    bottom.legend(loc="upper right")


@drawn("dipole-layers-ratio", width=6.0, height=3.8)
def draw_ratio(m: Record, axes: Any) -> None:
    """Plot δM∥ over voltage times density of states against ξ."""
    x = np.geomspace(min(1e-5, *(0.3 * m.layers.xi)), XI[-1], 200)
    looks = ("o", "majority"), ("s", "damping_like"), ("^", "minority")
    for (name, angle), (marker, color) in zip(ANGLES.items(), looks, strict=True):
        found = Records(layer for layer in m.layers if layer.angle == angle)
        axes.loglog(x, expected_ratio(COBALT, x, angle), color=color, label=rf"$\Phi$ = {name}")
        axes.loglog(found.xi, found.magnetization, marker, color=color)
    axes.axhspan(1 / ORDER, ORDER, color="muted", alpha=0.15, linewidth=0)
    axes.text(2 * x[0], 3, "of the order of voltage × density of states", color="#57606a", fontsize=8)
    axes.plot([], [], "o", color="muted", label="microscopic interfaces")
    axes.set(xlabel=r"conductance ratio $\xi$", ylabel=r"$\delta M_\parallel$ / (voltage × density of states)")
    axes.set(xlim=(x[0], x[-1]), ylim=(0.3 * m.layers.magnetization.min(), 20))
    axes.legend(loc="lower right")
