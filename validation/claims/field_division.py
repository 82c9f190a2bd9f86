"""The text before equation (5): how a voltage is divided between two Ohmic magnets in contact."""

from dataclasses import replace
from typing import Any

import numpy as np

from kwant_spinjunc import unit_vector
from kwant_spinjunc.magnets.multiscale import cobalt
from kwant_spinjunc.theory import interface, parallel_circuit, printed, tunnelling
from kwant_spinjunc.theory.drift_diffusion import Matching, Material, match

from ..claim import Check, Judged, Record, Records
from ..compare import fit_power_law, largest
from ..figures import curve, drawn, legend_below

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
def channels(metal: Material) -> np.ndarray:
    """Return σ_s."""
    return metal.sigma / 2 * np.array([1 + metal.beta, 1 - metal.beta])


def magnet(ratio: float, beta: float = COBALT.beta) -> Material:
    """Return a metal of σ = ratio × that of cobalt and polarization β."""
    return replace(COBALT, sigma=ratio * COBALT.sigma, beta=beta)


def contact(ratio: float, beta: float = COBALT.beta, angle: float = 0.0) -> Record:
    """Match a magnet of σ_L = ratio × σ_R and polarization β_L to a cobalt, without interface resistance."""
    left = magnet(ratio, beta)
    G = TRANSPARENT * max(left.spin_conductance, COBALT.spin_conductance)
    T = tunnelling.rotation_law(G / 2 * np.ones((2, 2)), angle)
    m = unit_vector(0.0), unit_vector(angle)
    return divided(match(left, COBALT, interface.tunnelling_response(T), m_left=m[0], m_right=m[1]))


def divided(solution: Matching) -> Record:
    """Return how two magnets in contact without interface resistance divide a voltage, and how they should."""
    sigma_left, sigma_right = (p.sigma for p in solution.materials)
    ratio, share = sigma_left / sigma_right, sigma_left / (sigma_left + sigma_right)
    sigmas = [channels(p) for p in solution.materials]
    as_printed = printed.fields(*sigmas)
    in_print, series = float(as_printed[0]), float(parallel_circuit.series_fields(*sigmas)[0])
    # J_L/J_R of the printed division
    left, right = (parallel_circuit.spin_currents(s, f).sum() for s, f in zip(sigmas, as_printed, strict=True))
    continuity = float(left / right)
    # E_L + E_R far from the interface, and E_L over it far from and near the interface
    total, found = division(solution, FAR * COBALT.spin_diffusion_length)
    _, near = division(solution, 20 * COBALT.screening_length)
    # largest relative deviation of the field from (J/σ)(1 - βJ_M/J)/(1-β²), outside the screening layer
    x = np.geomspace(40 * COBALT.screening_length, 5 * COBALT.spin_diffusion_length, 50)
    profiles = zip(solution.materials, (solution.profile(-x), solution.profile(x)), strict=True)
    local_defect = largest(f.field * p.sigma * (1 - p.beta**2) / (1 - p.beta * f.J_M) - 1 for p, f in profiles)
    return Record(locals())


def division(solution: Matching, distance: float) -> tuple[float, float]:
    """Return E_L + E_R and E_L/(E_L + E_R) a distance from the interface, slopes of the potential there."""
    step = 1e-3 * distance
    x = np.array([distance - step, distance + step])
    V = solution.profile(np.concatenate([-x[::-1], x])).V
    left, right = float((V[0] - V[1]) / (2 * step)), float((V[2] - V[3]) / (2 * step))
    return left + right, left / (left + right)


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


def measure(quick: bool) -> Record:
    """Solve (7) to (11) for two magnets of different conductivity and compare the fields with both divisions."""
    ratios = RATIOS[::2] if quick else RATIOS
    pairs = Records(contact(float(ratio), angle=np.pi / 2) for ratio in ratios)
    other = Records(contact(float(ratio), beta=OTHER_BETA) for ratio in ratios)
    profiles = {name: contact(PROFILE_RATIO, **case) for name, case in PROFILES.items()}
    wrong = abs(pairs.in_print - pairs.found)
    everything = Records([*pairs, *other, *profiles.values()])
    series, printed = largest(everything.found - everything.series), largest(everything.found - everything.in_print)
    lost, local = max(everything.continuity), max(everything.local_defect)
    nearly = Records(contact(float(ratio), angle=np.pi / 2) for ratio in NEARLY)
    power = fit_power_law(NEARLY - 1, abs(nearly.in_print - nearly.found))
    near = {name: pair.near for name, pair in profiles.items()}
    sigma = channels(COBALT)
    same, *_ = short_structure(channels(magnet(PROFILE_RATIO)), sigma, 0.0)
    mixed, *_ = short_structure(channels(magnet(1.0, OTHER_BETA)), sigma, 0.0)
    turned = [short_structure(sigma, sigma, angle)[1] for angle in (np.pi / 2, np.pi)]
    shown, names = profiles["equal β, 90°"], list(profiles)
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(wrong: np.ndarray) -> str:
    """Return the verdict on the print from its errors; equal conductivities cannot tell the divisions apart."""
    return "holds" if max(wrong) < AGREES else "fails"


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


@drawn("field-division-profile", width=6.4, height=3.9)
def draw_profile(m: Record, axes: Any) -> None:
    """Plot the field on both sides of the interface, with what both divisions say."""
    reach = 4 * COBALT.spin_diffusion_length
    x = np.geomspace(20 * COBALT.screening_length, reach, 300)
    for (name, pair), color in zip(m.profiles.items(), ("majority", "damping_like", "minority"), strict=True):
        label = name.replace("β_L", r"$\beta_L$").replace("β", r"$\beta$")
        for y, said in ((-x[::-1], label), (x, None)):
            curve(axes, y, pair.solution.profile(y).field / pair.total, "-", color, said)
    for value, look, label in ((m.shown.in_print, ":", "printed division"), (m.shown.series, "--", "in series")):
        curve(axes, [-reach, 0], [value, value], look, "black", label, linewidth=1.2)
        curve(axes, [0, reach], [1 - value, 1 - value], look, "black", linewidth=1.2)
    axes.axvline(0, color="black", linewidth=1.2)
    axes.text(-0.5 * reach, 1.22, rf"left magnet, $\sigma_L$ = {PROFILE_RATIO:g} $\sigma_R$", ha="center")
    axes.text(0.5 * reach, 1.22, "right magnet", ha="center")
    axes.set(xlabel="position y (nm)", ylabel=r"field / ($E_L + E_R$ far away)", xlim=(-reach, reach), ylim=(0, 1.35))
    legend_below(axes, 3)


@drawn("field-division-share", width=5.4, height=3.8)
def draw_division(m: Record, axes: Any) -> None:
    """Plot E_L/E against the share of the left conductivity: both divisions, far fields and short structures."""
    share = np.linspace(0.05, 0.95, 91)
    curve(axes, share, share, ":", "black", r"printed, $\sigma_L/(\sigma_L + \sigma_R)$")
    curve(axes, share, 1 - share, "--", "black", r"in series, $\sigma_R/(\sigma_L + \sigma_R)$")
    curve(axes, m.pairs.share, m.pairs.found, "o", "microscopic", "solution, far from the interface")
    short = [short_structure(*pair.sigmas, 0.0)[0] for pair in m.other]
    label = rf"short structure, $\beta_L$ = {OTHER_BETA:g}, $\beta_R$ = {COBALT.beta:g}"
    curve(axes, m.other.share, short, "s", "minority", label, hollow=True)
    axes.set(
        xlabel=r"$\sigma_L/(\sigma_L + \sigma_R)$", ylabel=r"$E_L/(E_L + E_R)$", ylim=(0, 1.45), yticks=[0, 0.5, 1]
    )
    axes.legend(loc="upper center", fontsize=7)
