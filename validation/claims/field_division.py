"""The text before equation (5): how a voltage is divided between two Ohmic magnets in contact."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from kwant_spinjunc import unit_vector
from kwant_spinjunc.magnets.multiscale import cobalt
from kwant_spinjunc.theory import interface, parallel_circuit, printed, tunnelling
from kwant_spinjunc.theory.drift_diffusion import Matching, Material, match

from ..claim import Check, Judged, Record
from ..compare import fit_power_law
from ..figures import drawn

#: The metal of the right side.
COBALT = cobalt()
#: Ratios σ_L/σ_R of the two magnets, the right one cobalt; the fit of the error approaches equal conductivities.
RATIOS = np.array([0.1, 0.2, 0.35, 0.6, 1.0, 1.7, 3.0, 5.0, 10.0])
NEARLY = 1 + np.geomspace(0.01, 0.2, 5)
#: Polarization of the left magnet where it differs, and the ratio and angle of the profile.
OTHER_BETA = -0.8
PROFILE_RATIO = 3.0
PROFILES = {
    "equal β, 90°": {"angle": np.pi / 2},
    "equal β, 180°": {"angle": np.pi},
    f"β_L = {OTHER_BETA:g}, 0°": {"beta": OTHER_BETA},
}
#: Conductance of the interface over the larger spin conductance of the metals, and over that of a short structure.
TRANSPARENT = 1e6
#: Far from the interface: in spin-diffusion lengths.
FAR = 20.0
#: Agreement of a division with the solution that counts as its validity.
AGREES = 1e-3


# ---------------------------------------------------------------------- what is computed
def contact(ratio: float, beta: float = COBALT.beta, angle: float = 0.0) -> Record:
    """Match a magnet of σ_L = ratio × σ_R and polarization β_L to a cobalt, without interface resistance."""
    left = replace(COBALT, sigma=ratio * COBALT.sigma, beta=beta)
    G = TRANSPARENT * max(left.spin_conductance, COBALT.spin_conductance)
    T = tunnelling.rotation_law(G / 2 * np.ones((2, 2)), angle)
    m = unit_vector(0.0), unit_vector(angle)
    return divided(match(left, COBALT, interface.tunnelling_response(T), m_left=m[0], m_right=m[1]))


def divided(solution: Matching) -> Record:
    """Return how two magnets in contact without interface resistance should divide a voltage, E_L/(E_L + E_R)."""
    sigma_left, sigma_right = (p.sigma for p in solution.materials)
    share = sigma_left / (sigma_left + sigma_right)
    sigmas = [p.sigma / 2 * np.array([1 + p.beta, 1 - p.beta]) for p in solution.materials]  # σ_s
    as_printed = printed.fields(*sigmas)
    in_print, series = float(as_printed[0]), float(parallel_circuit.series_fields(*sigmas)[0])
    # J_L/J_R of the printed division
    left, right = (parallel_circuit.spin_currents(s, f).sum() for s, f in zip(sigmas, as_printed, strict=True))
    continuity = float(left / right)
    return Record(locals())


def fields(pair: Record, distance: float) -> tuple[float, float]:
    """Return (E_L, E_R) a distance from the interface, as the slope of the potential there."""
    step = 1e-3 * distance
    x = np.array([distance - step, distance + step])
    V = pair.solution.profile(np.concatenate([-x[::-1], x])).V
    return float((V[0] - V[1]) / (2 * step)), float((V[2] - V[3]) / (2 * step))


def division(pair: Record, distance: float) -> float:
    """Return E_L/(E_L + E_R) at a distance from the interface."""
    left, right = fields(pair, distance)
    return left / (left + right)


def short_structure(sigma_left: Any, sigma_right: Any, angle: float) -> tuple[float, float, float]:
    """Return E_L/E, and J_M/(βJ) on both sides, of a structure thinner than l_sd with an ideal contact in the middle.

    Each spin channel of each side is a resistance 1/σ_s; the contact only turns spins, and each side's spins are
    clamped along its own m. β is that of each side.
    """
    sigmas = np.stack([sigma_left, sigma_right])
    R2 = tunnelling.rotation_probabilities(angle)
    P = np.zeros((2, 2, 2, 2))
    P[1, :, 0, :], P[0, :, 1, :] = R2.T, R2
    ideal = TRANSPARENT * sigmas.max() * interface.conductance_matrix(P)
    G = interface.in_series(ideal, 1 / sigmas)
    into = G[:, :, 0, :].sum(axis=-1)  # µ_L = 1, µ_R = 0
    currents = into * np.array([[1.0], [-1.0]])
    drops = (currents / sigmas).mean(axis=-1)
    polarized = parallel_circuit.magnetization_current(currents) / currents.sum(axis=-1)
    both = polarized / parallel_circuit.polarization(sigmas)
    return float(drops[0] / drops.sum()), float(both[0]), float(both[1])


def channels(metal: Material, ratio: float = 1.0, beta: float | None = None) -> np.ndarray:
    """Return σ_s of a metal, scaled and repolarized."""
    b = metal.beta if beta is None else beta
    return ratio * metal.sigma / 2 * np.array([1 + b, 1 - b])


# ---------------------------------------------------------------------- what it says of the paper
def verdict(wrong: Sequence[float]) -> str:
    """Return the verdict on the print from its errors; equal conductivities cannot tell the divisions apart."""
    return "holds" if max(wrong) < AGREES else "fails"


def _symbols(name: str) -> str:
    return name.replace("β_L", r"$\beta_L$").replace("β", r"$\beta$")


@drawn("field-division-profile", width=6.4, height=3.9)
def draw_profile(m: Record, axes: Any) -> None:
    """Plot the field on both sides of the interface, with what both divisions say."""
    reach = 4 * COBALT.spin_diffusion_length
    x = np.geomspace(20 * COBALT.screening_length, reach, 300)
    total = None
    for (name, pair), color in zip(m.profiles.items(), ("majority", "damping_like", "minority"), strict=True):
        total = sum(fields(pair, FAR * COBALT.spin_diffusion_length))
        for y in (-x[::-1], x):
            field = pair.solution.profile(y).field / total
            axes.plot(y, field, color=color, label=_symbols(name) if y[0] < 0 else None)
    first = next(iter(m.profiles.values()))
    for value, look, label in ((first.in_print, ":", "printed division"), (first.series, "--", "in series")):
        axes.plot([-reach, 0], [value, value], look, color="black", linewidth=1.2, label=label)
        axes.plot([0, reach], [1 - value, 1 - value], look, color="black", linewidth=1.2)
    axes.axvline(0, color="black", linewidth=1.2)
    axes.text(-0.5 * reach, 1.22, rf"left magnet, $\sigma_L$ = {PROFILE_RATIO:g} $\sigma_R$", ha="center")
    axes.text(0.5 * reach, 1.22, "right magnet", ha="center")
    axes.set(xlabel="position y (nm)", ylabel=r"field / ($E_L + E_R$ far away)", xlim=(-reach, reach), ylim=(0, 1.35))
    axes.figure.legend(loc="outside lower center", ncols=3)


@drawn("field-division-share", width=5.4, height=3.8)
def draw_division(m: Record, axes: Any) -> None:
    """Plot E_L/E against the share of the left conductivity: both divisions, far fields and short structures."""
    share = np.linspace(0.05, 0.95, 91)
    axes.plot(share, share, ":", color="black", label=r"printed, $\sigma_L/(\sigma_L + \sigma_R)$")
    axes.plot(share, 1 - share, "--", color="black", label=r"in series, $\sigma_R/(\sigma_L + \sigma_R)$")
    far = FAR * COBALT.spin_diffusion_length
    axes.plot(
        [pair.share for pair in m.pairs],
        [division(pair, far) for pair in m.pairs],
        "o",
        color="microscopic",
        label="solution, far from the interface",
    )
    short = [short_structure(*pair.sigmas, 0.0)[0] for pair in m.other]
    axes.plot(
        [pair.share for pair in m.other],
        short,
        "s",
        color="minority",
        markerfacecolor="none",
        label=rf"short structure, $\beta_L$ = {OTHER_BETA:g}, $\beta_R$ = {COBALT.beta:g}",
    )
    axes.set_ylim(0, 1.45)
    axes.set_yticks([0, 0.5, 1])
    axes.set(xlabel=r"$\sigma_L/(\sigma_L + \sigma_R)$", ylabel=r"$E_L/(E_L + E_R)$")
    axes.legend(loc="upper center", fontsize=7)


def local_defect(pair: Record) -> float:
    """Return the largest relative deviation of the field from (J/σ)(1 - βJ_M/J)/(1-β²), outside the screening layer."""
    x = np.geomspace(40 * COBALT.screening_length, 5 * COBALT.spin_diffusion_length, 50)
    worst = 0.0
    for side, y in ((0, -x), (1, x)):
        p, profile = pair.solution.materials[side], pair.solution.profile(y)
        expected = (1 - p.beta * profile.J_M) / (p.sigma * (1 - p.beta**2))
        worst = max(worst, float(abs(profile.field / expected - 1).max()))
    return worst


def measure(quick: bool) -> Record:
    """Solve (7) to (11) for two magnets of different conductivity and compare the fields with both divisions."""
    far = FAR * COBALT.spin_diffusion_length
    ratios = RATIOS[::2] if quick else RATIOS
    pairs = [contact(float(ratio), angle=np.pi / 2) for ratio in ratios]
    other = [contact(float(ratio), beta=OTHER_BETA) for ratio in ratios]
    profiles = {name: contact(PROFILE_RATIO, **case) for name, case in PROFILES.items()}
    wrong = [abs(pair.in_print - division(pair, far)) for pair in pairs]
    everything = [*pairs, *other, *profiles.values()]
    series = max(abs(division(pair, far) - pair.series) for pair in everything)
    printed = max(abs(division(pair, far) - pair.in_print) for pair in everything)
    lost = max(pair.continuity for pair in everything)
    nearly = [contact(float(ratio), angle=np.pi / 2) for ratio in NEARLY]
    power = fit_power_law(NEARLY - 1, [abs(pair.in_print - division(pair, far)) for pair in nearly])
    near = {name: division(pair, 20 * COBALT.screening_length) for name, pair in profiles.items()}
    local = max(local_defect(pair) for pair in everything)
    same, _, _ = short_structure(channels(COBALT, PROFILE_RATIO), channels(COBALT), 0.0)
    mixed, *_ = short_structure(channels(COBALT, 1.0, OTHER_BETA), channels(COBALT), 0.0)
    turned = [short_structure(channels(COBALT), channels(COBALT), angle)[1] for angle in (np.pi / 2, np.pi)]
    shown = profiles["equal β, 90°"]
    names = list(profiles)
    return Record(locals())


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    return Judged(
        printed=verdict(m.wrong),
        corrected="follows" if m.series < 1e-8 else "fails",
        value=m.series,
        tolerance=1e-8,  # what is left of the accumulation after 20 spin-diffusion lengths, and the difference quotient
        route=Check("E_L/E of a short structure, equal β, Φ = 0", m.same, 1e-8, 1 / (1 + PROFILE_RATIO)),
        checks=(
            # the error is (σ_L - σ_R)/(σ_L + σ_R), linear up to relative (σ_L - σ_R)/2σ
            Check("power of σ_L − σ_R in the error of the print", m.power.exponent, 0.05, 1.0),
            # the charge of the spin layer is of relative order (λ/l_sd)² < 1e-6
            Check("field against (J/σ)(1 − βJ_M/J)/(1 − β²), relative", m.local, 1e-5),
        ),
    )
