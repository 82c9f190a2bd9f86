"""The text around equation (11): dipole layers of charge and magnetization, voltage times density of states."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, unit_vector
from kwant_spinjunc.magnets.multiscale import cobalt
from kwant_spinjunc.theory import angular
from kwant_spinjunc.theory.drift_diffusion import AMPERE_PER_SQUARE_METER, Matching, Material, match, per_area
from kwant_spinjunc.theory.interface import (
    InterfaceResponse,
    conductance_matrix,
    response_of,
    sharvin_corrected,
    tunnelling_response,
)
from kwant_spinjunc.theory.tunnelling import rotation_law
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction

from ..claim import Check, Judged, Record
from ..compare import fit_power_law
from ..figures import drawn
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


def between(metal: Material, interface: InterfaceResponse, angle: Any, thickness: float = 0.0) -> Matching:
    """Match two equal magnets at J = 1."""
    m_right = unit_vector(angle)
    return match(metal, metal, interface, m_left=unit_vector(0.0), m_right=m_right, thickness=thickness)


def spin_independent(metal: Material, xi: Any, angle: Any) -> InterfaceResponse:
    """Return the interface T_ss' = R_ss'² G/2 of conductance ratio ξ."""
    G = np.asarray(xi) * metal.sigma / np.sqrt(metal.D * metal.tau)
    return tunnelling_response(rotation_law(G[..., None, None] / 2 * np.ones((2, 2)), angle))


def expected_ratio(metal: Material, xi: Any, angle: float) -> Any:
    """Return δ/V of a spin-independent interface: δ = (βJ - J_M)/g and V = J/G + 2βδ with J_M of (12), A1 = A2 = 0."""
    delta = (metal.beta - angular.spin_current_reduced(xi, angle, metal.beta)) / metal.spin_conductance
    G = np.asarray(xi) * metal.sigma / np.sqrt(metal.D * metal.tau)
    return delta / (1 / G + 2 * metal.beta * delta)


def between_metals(lab: Laboratory, junction: Junction) -> InterfaceResponse:
    """Return the r's of a junction per nm², k∥-averaged, the Sharvin resistances of reservoirs taken off."""
    scattering = lab.scatter(junction, 0.0, "average")
    G = conductance_matrix(scattering.probabilities, scattering.modes)
    return per_area(response_of(sharvin_corrected(G, scattering.modes)), LATTICE_CONSTANT**2)


def layer_of(lab: Laboratory, name: str, angle: float) -> Record:
    """Put a microscopic interface, k∥-averaged and Sharvin-corrected, between two cobalt magnets."""
    interface = between_metals(lab, FAMILIES[name](theta=angle))
    xi = float(angular.conductance_ratio(interface.charge_1.sum(), COBALT.sigma, COBALT.D, COBALT.tau))
    solution = between(COBALT, interface, angle)
    # |δM∥| and |δn| at the left face over the electrochemical drop V times the density of states σ/D
    magnetization = relative_magnetization(solution)
    charge = float(abs(solution.delta_n[0]) / (COBALT.sigma / COBALT.D * solution.drop))
    # the sum of both sheets over the mean of their lengths, and over the larger one
    moments, charges = solution.magnetization_sheet, solution.charge_sheet
    net_moment = float(np.linalg.norm(moments.sum(axis=0)) / np.linalg.norm(moments, axis=-1).mean())
    net_charge = float(abs(charges.sum()) / abs(charges).max())
    resistance_area = float(solution.resistance * AMPERE_PER_SQUARE_METER * 1e15)  # fΩ m²
    return Record(locals())


def reaches_order(metal: Material, angle: float) -> float:
    """Return the ξ above which δM∥ exceeds a tenth of voltage times density of states, interpolated."""
    ratio = expected_ratio(metal, XI, angle)
    return float(np.exp(np.interp(np.log(1 / ORDER), np.log(ratio), np.log(XI))))


def capacitor(metal: Material, xi: float, thickness: float) -> float:
    """Return the sheet charge of a face over that of a plate capacitor, V/(q(d + 2λ))."""
    solution = between(metal, spin_independent(metal, xi, 0.0), 0.0, thickness)
    plates = solution.drop / (metal.q * (thickness + 2 * metal.screening_length))
    return float(abs(solution.charge_sheet[0]) / plates)


def across_sample(layer: Record, length: float) -> float:
    """Return |δM∥| over density of states times the voltage of interface and ``length`` nm of metal on each side."""
    drop = layer.solution.drop
    return float(layer.magnetization * drop / (drop + 2 * length / layer.solution.left.sigma))


def interplay(metal: Material, coupled: Material) -> tuple[float, float]:
    """Return the relative changes of δM∥ at the face and of the spin accumulation from one metal to the other."""
    interface = spin_independent(metal, 1.0, np.pi / 2)
    bare, changed = (between(p, interface, np.pi / 2) for p in (metal, coupled))
    face = relative_magnetization(changed) / relative_magnetization(bare) - 1
    return float(abs(face)), float(abs(changed.delta[0] / bare.delta[0] - 1))


# ---------------------------------------------------------------------- what it says of the paper
def verdict(transparent: Sequence[float]) -> str:
    """Return the verdict for metallic multilayers: of the stated order where the interface is transparent, or not."""
    if not all(1 / ORDER < ratio < ORDER for ratio in transparent):
        return "fails"
    return "follows"


@drawn("dipole-layers-profiles", 2, 1, width=6.4, height=4.8)
def draw_profiles(m: Record, top: Any, bottom: Any) -> None:
    """Plot the charge layer and the magnetization layer on their own scales, in units per cell and current."""
    p, cell = m.shown.solution.left, LATTICE_CONSTANT**3
    scale = CURRENT * AMPERE_PER_SQUARE_METER * cell
    for axes, reach in ((top, 6 * p.screening_length), (bottom, 4 * p.spin_diffusion_length)):
        x = np.linspace(0, reach, 300)
        for side, y in ((0, -x[::-1]), (1, x)):
            y[y == 0] = (-0.0, 0.0)[side]
            profile = m.shown.solution.profile(y)
            color = ("left", "right")[side]
            if axes is top:
                axes.plot(y, scale * profile.delta_n, color=color)
                axes.fill_between(y, scale * profile.delta_n, color=color, alpha=0.15, linewidth=0)
            else:
                along = scale * np.sum(profile.delta_M * m.shown.solution.m[side], axis=-1)
                axes.plot(y, along, color=color, label=("left magnet", "right magnet")[side])
                axes.fill_between(y, along, color=color, alpha=0.15, linewidth=0)
        axes.axvline(0, color="black", linewidth=1.2)
        axes.axhline(0, color="muted", linewidth=0.6)
        axes.set_xlim(-reach, reach)
        axes.ticklabel_format(axis="y", style="sci", scilimits=(0, 0), useMathText=True)
    top.set_ylabel(r"charge $\delta n$ per cell")
    bottom.set_ylabel(r"$\delta M_\parallel$ per cell ($\mu_B$)")
    top.set_xlabel("position y (nm)")
    bottom.set_xlabel("position y (nm); vertical line: interface")
    bottom.legend(loc="upper right")


@drawn("dipole-layers-ratio", width=6.0, height=3.8)
def draw_ratio(m: Record, axes: Any) -> None:
    """Plot δM∥ over voltage times density of states against ξ."""
    x = np.geomspace(min(1e-5, *(0.3 * layer.xi for layer in m.layers)), XI[-1], 200)
    looks = {"0°": ("majority", "o"), "90°": ("damping_like", "s"), "180°": ("minority", "^")}
    for name, angle in ANGLES.items():
        color, marker = looks[name]
        axes.loglog(x, expected_ratio(COBALT, x, angle), color=color, label=rf"$\Phi$ = {name}")
        found = [layer for layer in m.layers if layer.angle == angle]
        axes.loglog([f.xi for f in found], [f.magnetization for f in found], marker, color=color)
    axes.axhspan(1 / ORDER, ORDER, color="muted", alpha=0.15, linewidth=0)
    axes.text(2 * x[0], 3, "of the order of voltage × density of states", color="#57606a", fontsize=8)
    axes.plot([], [], "o", color="muted", label="microscopic interfaces")
    axes.set(
        xlabel=r"conductance ratio $\xi$",
        ylabel=r"$\delta M_\parallel$ / (voltage × density of states)",
        xlim=(x[0], x[-1]),
        ylim=(0.3 * min(layer.magnetization for layer in m.layers), 20),
    )
    axes.legend(loc="lower right")


def measure(quick: bool) -> Record:
    """Measure the layers of microscopic interfaces between cobalt magnets and of the closed form."""
    lab = Laboratory(spot_check_every=6)
    names = [name for name in FAMILIES if not quick or name[-8:] not in ("3 planes", "6 planes")]
    layers = [layer_of(lab, name, angle) for name in names for angle in ANGLES.values()]
    by_name: Mapping[tuple[str, float], Record] = {(layer.name, layer.angle): layer for layer in layers}
    shown = by_name[SHOWN, SHOWN_ANGLE]
    closed = max(
        float(
            abs(
                relative_magnetization(between(COBALT, spin_independent(COBALT, XI, angle), angle))
                / expected_ratio(COBALT, XI, angle)
                - 1
            ).max()
        )
        for angle in ANGLES.values()
    )
    power = fit_power_law(
        TUNNELING, relative_magnetization(between(COBALT, spin_independent(COBALT, TUNNELING, np.pi / 2), np.pi / 2))
    )
    transparent = {name: float(expected_ratio(COBALT, XI[-1], angle)) for name, angle in ANGLES.items()}
    reached = {name: reaches_order(COBALT, angle) for name, angle in ANGLES.items()}
    plates = capacitor(COBALT, 1e-4, THICKNESS)
    net_charge = max(layer.net_charge for layer in layers)
    net = {name: by_name[SHOWN, angle].net_moment for name, angle in ANGLES.items()}
    face, accumulation = interplay(COBALT, replace(COBALT, alpha2=0.4))
    weight = COBALT.screening_length / COBALT.spin_diffusion_length
    sample = across_sample(shown, 1000.0)
    scale = CURRENT * AMPERE_PER_SQUARE_METER
    cell = LATTICE_CONSTANT**3
    along = float(abs(shown.solution.delta_M[0] @ shown.solution.m[0]) * scale * cell)
    charge = float(abs(shown.solution.delta_n[0]) * scale * cell)
    drop = float(shown.solution.drop * scale * 1e3)
    tunnel = by_name[names[-1], ANGLES["90°"]]
    closed_power = fit_power_law(TUNNELING, expected_ratio(COBALT, TUNNELING, np.pi / 2)).exponent
    return Record(locals())


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    return Judged(
        printed=verdict(list(m.transparent.values())),
        corrected="follows" if m.closed < 1e-8 else "fails",
        value=m.power.exponent,
        expected=1.0,
        tolerance=2e-3,  # corrections are of relative order ξ < 1e-3
        route=Check("the same power of the closed form", m.closed_power, 1e-8, expected=m.power.exponent),
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
