"""Equations (2), (3) behind a disordered barrier: the rotation law sample by sample, on resonance, and on average."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from kwant_spinjunc import Anderson, Junction, Roughness, Substitution, barrier, ferromagnet, linear_response, scatter
from kwant_spinjunc.model.plane import CrossSection
from kwant_spinjunc.spin import SIGNS, unit_vector
from kwant_spinjunc.theory import tunnelling

from ..claim import Check, Judged, Record, Records
from ..compare import fit_power_law
from ..currents import lead_currents
from ..figures import drawn, legend_below
from ..laboratory import Number, SampleLaboratory, amplitudes_by_kwant, numbers_of

#: The magnet, unit t: at E = 0 a cross-section of 3 × 3 has five open majority channels and one minority channel.
MAGNET = {"onsite": 4.0, "splitting": 2.4, "hopping": 1.0, "in_plane_hopping": 1.0}
#: Level of the barrier; its band begins 2 t above the energy.
HOST = 8.0
LEFT, RIGHT = partial(ferromagnet, **MAGNET), partial(ferromagnet, **MAGNET, m=unit_vector(np.pi / 2))
INSULATOR = partial(barrier, onsite=HOST, hopping=1.0, in_plane_hopping=1.0)
#: Level of an impurity in it that gives a state at about E = 0, and the width of the levels of all sites.
RESONANT, WIDTH = 1.0, 1.0
SHAPE = (3, 3)
ENERGY = 0.0
ANGLES = np.linspace(0, np.pi, 5)
#: Chemical potentials (µ_L+, µ_L-), (µ_R+, µ_R-) in units of the voltage, with spin accumulation on both sides.
SPLIT = ((0.8, 0.2), (-0.4, -0.6))
#: Samples of an ensemble whose transmission eigenvalues are computed, evenly spread over the order of conductances.
EIGENVALUES = 8


# ---------------------------------------------------------------------- what is computed
def disordered_junction(level: float = RESONANT, concentration: float = 0.05, thickness: int = 4) -> Junction:
    """Return F|I|F with impurities of one level in the barrier and random levels everywhere in it."""
    disorder = [Substitution(concentration=concentration, onsite=level), Anderson(width=WIDTH)]
    return Junction(LEFT(), [INSULATOR(thickness=thickness, disorder=disorder)], RIGHT())


def rough_junction(amplitude: float) -> Junction:
    """Return F|I|F whose interfaces are displaced at random by whole planes."""
    rough = INSULATOR(thickness=5, disorder=[Roughness(amplitude=amplitude)])
    return Junction(LEFT(), [LEFT(thickness=3), rough, RIGHT(thickness=3)], RIGHT())


def law_defect(T: np.ndarray) -> np.ndarray:
    """Return the largest |T_ss'(Φ) - R_ss'² D_ss'| over angles and spins, per conductance at that angle.

    D_ss' is that of the two collinear junctions; ``T`` [..., angle, s, s'] at `ANGLES`.
    """
    D = tunnelling.spin_factors_from_collinear(T[..., 0, :, :], T[..., -1, :, :])
    law = tunnelling.rotation_probabilities(ANGLES) * D[..., None, :, :]
    missed = abs(T - law).max(axis=(-1, -2)) / T.sum(axis=(-1, -2))
    return missed.max(axis=-1)


def current_error(P: np.ndarray) -> np.ndarray:
    """Return J_M^L of (3), with T_ss' from the rotation law, minus the exact one at a right angle, per J."""
    right = len(ANGLES) // 2
    exact = lead_currents(P[right], SPLIT)
    T = np.swapaxes(P[..., 1, :, 0, :], -1, -2)
    law = tunnelling.rotation_law(tunnelling.spin_factors_from_collinear(T[0], T[-1]), ANGLES[right])
    return (tunnelling.magnetization_current(law, *SPLIT, "left") - exact[0] @ SIGNS) / exact[0].sum()


def weighted_mean(values: np.ndarray, weights: np.ndarray) -> Number:
    """Return Σ w x / Σ w over samples and its standard error (of a ratio of means, to first order)."""
    mean, count = float((weights * values).sum() / weights.sum()), len(weights)
    deviation = weights * (values - mean)
    return Number(mean, float(np.sqrt((deviation**2).sum() * count / (count - 1)) / weights.sum()))


def largest_eigenvalues(lab: SampleLaboratory, junction: Junction, numbers: Sequence[int]) -> np.ndarray:
    """Return the largest transmission eigenvalue of some samples, by Kwant; audits `lead_currents` on the first."""
    first = scatter(junction, ENERGY, cross_section=SHAPE, realization=int(numbers[0]))
    J_M = linear_response(first, *SPLIT).magnetization
    currents = lead_currents(first.probabilities, SPLIT)
    lab.remember("J_M from probabilities minus linear response", currents @ SIGNS - J_M)
    t = [amplitudes_by_kwant(junction, ENERGY, CrossSection(SHAPE, "periodic", None), i) for i in numbers]
    lab.remember("conductance, engine minus eigenvalues by Kwant", first.conductance - np.linalg.norm(t[0]) ** 2)
    return np.array([np.linalg.norm(one, 2) ** 2 for one in t])


def measure_batch(lab: SampleLaboratory, kind: str, value: float, junction: Junction, samples: int) -> Record:
    """Average one junction, every sample at all angles."""
    result = lab.average(junction, samples, m_right=unit_vector(ANGLES))
    right = len(ANGLES) // 2  # all conductances are those at a right angle
    T, conductances, G = result.samples("transmissions"), result.samples("conductance")[:, right], result.conductance
    ranks = np.unique(np.linspace(0, len(conductances) - 1, EIGENVALUES).astype(int))
    chosen = np.argsort(conductances)[ranks]
    largest, defects = largest_eigenvalues(lab, junction, chosen), law_defect(T)
    mean, typical = Number(float(G.mean[right]), float(G.error[right])), float(G.typical[right])
    median_defect, weighted_defect = np.median(defects), weighted_mean(defects, T[:, right].sum(axis=(-1, -2)))

    # of the means, with standard errors: 1 - G(90°)/[(G(0) + G(180°))/2], where signs may cancel; J_M^L of (3) per
    # charge current with spin accumulation; D_++ D_-- / (D_+- D_-+) - 1
    def everything(means: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        G, T = means["conductance"], means["transmissions"]
        product = tunnelling.factorization_defect(tunnelling.spin_factors_from_collinear(T[0], T[-1]))
        wrong = current_error(means["probabilities"])
        return {"mean_defect": 1 - G[right] / G[[0, -1]].mean(), "wrong": wrong, "product_defect": product}

    found = numbers_of(result, everything)
    # part of the mean conductance that the most conducting twentieth of the samples carries
    ordered = np.sort(conductances)[::-1]
    share = float(ordered[: max(len(ordered) // 20, 1)].sum() / ordered.sum())
    return Record({**locals(), **found})


def kwant_defect() -> tuple[float, float]:
    """Return the defect of the rotation law of one sample by Kwant alone, and by the engine."""
    found, rest = [], disordered_junction()
    junctions = [replace(rest, right=replace(rest.right, m=m)) for m in unit_vector(ANGLES)]
    for solver in ("kwant", "halves"):
        T = [scatter(one, ENERGY, solver=solver, cross_section=SHAPE).transmissions for one in junctions]
        found.append(float(law_defect(np.array(T)[None])[0]))
    return found[0], found[1]


def measure(quick: bool) -> Record:
    """Measure T_ss'(Φ) of every sample of every ensemble."""
    lab = SampleLaboratory(spot_check_every=4, width=SHAPE[0], energy=ENERGY, boundary="periodic")
    samples = 48 if quick else 400
    scanned = (5, 3, 1, -2) if quick else (6, 4, 3, 2, 1, 0.5, 0, -1, -3)
    planes = (2, 4, 6) if quick else (2, 3, 4, 5, 6)
    parts, heights = ((0.01, 0.2), (0.5,)) if quick else ((0.01, 0.02, 0.1, 0.2), (0.5, 1.0))

    def scan(kind: str, values: Sequence[float], junction: Callable[[Any], Junction]) -> Records:
        return Records(measure_batch(lab, kind, value, junction(value), samples) for value in values)

    levels = scan("impurity level", scanned, lambda x: disordered_junction(level=x))
    pure = scan("no impurities", planes, lambda n: disordered_junction(concentration=0.0, thickness=n))
    resonant = scan("impurities on resonance", planes, lambda n: disordered_junction(thickness=n))
    concentrations = scan("concentration", parts, lambda x: disordered_junction(concentration=x))
    uneven = scan("rough interfaces", heights, rough_junction)
    kwant, checks = kwant_defect(), lab.checks()
    batches = [*levels, *pure, *resonant, *concentrations, *uneven]
    # of all samples with eigenvalues: the largest one, and the defect of the rotation law
    largest = np.concatenate([batch.largest for batch in batches])
    defects = np.concatenate([batch.defects[batch.chosen] for batch in batches])
    ratio, power = defects / largest, fit_power_law(largest, defects)
    thin_clean, clean, thin_impure, impure, rough = pure[0], pure[-1], resonant[0], resonant[-1], uneven[-1]
    count = sum(batch.result.realizations for batch in batches)
    worst = max(batches, key=lambda batch: float(batch.defects.max()))
    # by the few resonant samples, or by too few to tell
    carried = significant(*impure.weighted_defect) and impure.weighted_defect.value > 100 * clean.weighted_defect.value
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(power: float, worst: float) -> str:
    """Return the verdict: exact, right as the most open channel of a sample closes, or not even then.

    A power of one is a round trip; whatever is well above zero vanishes as the channel closes.
    """
    if worst < 1e-9:
        return "holds"
    return "holds in a limit" if power > 0.5 else "fails"


def significant(value: float, error: float) -> bool:
    """Return whether a number is more than three standard errors from zero."""
    return value > 3 * error


#: Ensembles over the thickness.
THICKNESSES = ("no impurities", "impurities on resonance")
LOOKS = {
    "impurity level": ("o", "left", "impurity level scanned"),
    "no impurities": ("s", "muted", "no impurities, thickness"),
    "impurities on resonance": ("D", "right", "resonant impurities, thickness"),
    "concentration": ("^", "damping_like", "concentration"),
    "rough interfaces": ("v", "field_like", "rough interfaces"),
}


@drawn("disordered-barrier-law", 1, 2, height=4.3, sharey=True)
def draw_law(m: Record, left: Any, right: Any) -> None:
    """Plot the defect of samples against their most open channel, and of means against the mean conductance."""
    for batch in m.batches:
        marker, color, _ = LOOKS[batch.kind]
        left.plot(batch.largest, batch.defects[batch.chosen], marker, color=color, markersize=3)
        (G, G_error), (defect, error) = batch.mean, batch.weighted_defect
        bar = {"fmt": marker, "color": color, "markersize": 5, "elinewidth": 0.8}
        right.errorbar([G], [defect], xerr=[G_error], yerr=[[min(error, 0.9 * defect)], [error]], **bar)
    line = np.array([1e-8, 1.0])
    for panel in (left, right):
        panel.loglog(line, 0.1 * line, ":", color="black")
    right.loglog([], [], ":", color="black", label="0.1 × abscissa")
    for marker, color, label in LOOKS.values():
        right.plot([], [], marker, color=color, label=label)
    left.set_title("every sample")
    right.set_title("mean, weighted by conductance")
    left.set_xlabel("largest transmission eigenvalue τ")
    right.set_xlabel(r"$\langle G\rangle$ (e²/h)")
    left.set_ylabel(r"defect of $T_{ss'}=R^2_{ss'}D_{ss'}$, per conductance")
    legend_below(right, 3)


@drawn("disordered-barrier-levels", 2, 2, height=5.2, sharex="col", sharey="row")
def draw_levels(m: Record, axes: Any) -> None:
    """Plot conductance and defect against the level of the impurities, and against the thickness."""
    shown = (
        ("mean", r"$\langle G\rangle$", "typical", r"$\exp\langle\ln G\rangle$"),
        ("weighted_defect", "weighted by G", "median_defect", "median sample"),
    )

    def show(column: int, batches: Records, color: str, name: str) -> None:
        x = batches.value
        for panel, (mean, label, typical, other) in zip(axes[:, column], shown, strict=True):
            y, error = np.transpose([[*getattr(batch, mean)] for batch in batches])
            panel.errorbar(x, y, [np.minimum(error, 0.9 * y), error], fmt="o-", color=color, label=f"{label}, {name}")
            panel.plot(x, getattr(batches, typical), "o:", mfc="none", color=color, label=f"{other}, {name}")

    show(0, Records(sorted(m.levels, key=lambda batch: batch.value)), "left", "5 % impurities")
    show(1, m.pure, "muted", "no impurities")
    show(1, m.resonant, "right", "5 % on resonance")
    for row in axes:  # each row shares its scale
        row[0].set_yscale("log")
        low, high = row[0].get_ylim()
        row[0].set_ylim(low, high * 300)
    for panel in axes.flat:
        panel.legend(loc="upper right", fontsize=7)
    axes[0, 0].set_ylabel("conductance (e²/h)")
    axes[1, 0].set(xlabel="level of the impurities (t)", ylabel="defect of the rotation law")
    axes[1, 1].set_xlabel("thickness of the barrier (planes)")


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    printed = verdict(m.power.exponent, float(m.defects.max()))
    return Judged(
        printed=printed,
        corrected=printed,
        value=float(m.ratio.max()),
        tolerance=1.0,  # the prefactor, the spin asymmetry of both couplings, varies from sample to sample
        route=Check("defect of one sample by Kwant alone", *m.kwant[:1], 1e-8, expected=m.kwant[1]),
        checks=(
            Check("power of the defect in the largest eigenvalue", m.power.exponent, 0.1, expected=1.0),
            *m.checks,
        ),
    )
