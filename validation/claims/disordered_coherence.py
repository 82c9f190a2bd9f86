"""The text after equation (4) with disorder: coherence between the spins, lost in a sample or in the mean only."""

from functools import partial
from typing import Any

import numpy as np

from kwant_spinjunc import Anderson, Junction, Scattering, ferromagnet, unit_vector
from kwant_spinjunc.runs.statistics import value_with_error

from ..claim import Check, Judged, Record
from ..compare import Fit, fit_exponential, largest
from ..figures import drawn
from ..laboratory import Laboratory, Number, SampleLaboratory, across, clean_density, golden_rule_paths, k_average

#: Level and hoppings of both magnets, unit t; the splitting is scanned.
METAL = {"onsite": 3.0, "hopping": 1.0, "in_plane_hopping": 1.0}
CELL = 4
ENERGY = 0.0
#: Angle between the magnets.
ANGLE = np.pi / 2
#: Planes of the disordered magnet.
PLANES = 16
#: Exchange splitting and width of the levels of the magnet that is shown.
SHOWN = (0.5, 3.0)
#: Coherence left at the far end of the magnet below which the mean counts as lost.
LOST = 0.1


# ---------------------------------------------------------------------- what is computed
def junction(splitting: float, width: float, planes: int = PLANES, theta: float = ANGLE) -> Junction:
    """Return F|F: a clean magnet in contact with ``planes`` of a disordered one of the same material."""
    metal = partial(ferromagnet, **METAL, splitting=splitting)
    dirty = metal(thickness=planes, m=unit_vector(theta), disorder=[Anderson(width=width)])
    return Junction(metal(), [dirty], metal(m=unit_vector(theta)))


def transverse(junction: Junction, currents: np.ndarray) -> np.ndarray:
    """Return Q⊥ in the right magnet, see `across`; depth 0 is the contact."""
    return across(currents[..., junction.buffer - 1 :, 1:], *junction.magnetizations[::-1])


def clean_average(lab: Laboratory, splitting: float, planes: int = PLANES) -> np.ndarray:
    """Return |Q⊥| per charge current of electrons from the left in the clean magnet, all k∥."""
    metal = partial(ferromagnet, **METAL, splitting=splitting)
    contact = Junction(metal(), [], metal(m=unit_vector(ANGLE)), buffer=planes + 1)

    def observe(state: Scattering) -> dict[str, np.ndarray]:
        Q = transverse(contact, state.bond_currents[..., 0, :, :])
        return {"x": Q.real, "y": Q.imag, "G": state.conductance}

    found = k_average(lab, contact, ENERGY, observe, accuracy=1e-6)
    return np.hypot(found["x"], found["y"]) / float(found["G"])


def free_paths(lab: SampleLaboratory, splitting: float, width: float, samples: int) -> Number:
    """Return ℓ_s in planes from two lengths of the collinear metal.

    It is 3/4 of that in N_s/⟨T_s⟩ = const + L/ℓ: kinetic theory has σ = (4/3) N ℓ for N channels per area.
    """
    lengths, resistances = (PLANES // 4, PLANES // 2), []
    for planes in lengths:
        found = lab.average(junction(splitting, width, planes, theta=0.0), samples)
        resistances.append(found.of_means(lambda means: means["modes"][0] / np.diagonal(means["transmissions"])))
    (short, short_error), (long, long_error) = resistances
    path = 0.75 * (lengths[1] - lengths[0]) / (long - short)
    return Number(path, path * np.hypot(short_error, long_error) / (long - short))


def measure_magnet(lab: SampleLaboratory, splitting: float, width: float, samples: int) -> Record:
    """Follow the transverse spin current into a disordered magnet, sample by sample."""
    result = lab.average(junction(splitting, width), samples, profiles=True)
    free_path = free_paths(lab, splitting, width, samples)
    # complex Q⊥ of every sample of electrons from the left, [sample, depth], per mean charge current
    from_left = result.samples("bond_currents")[:, 0].sum(axis=1)
    Q = transverse(result.junction, from_left) / float(result.conductance.mean)
    count, average, squares = len(Q), Q.mean(axis=0), abs(Q) ** 2
    # |⟨Q⊥⟩| and the standard error of one component; ⟨|Q⊥|²⟩^½ and its standard error
    variance = (abs(Q - average) ** 2).sum(axis=0) / (count - 1) / 2
    mean, size = Number(abs(average), np.sqrt(variance / count)), np.sqrt(squares.mean(axis=0))
    rms = Number(size, squares.std(axis=0, ddof=1) / np.sqrt(count) / (2 * size))
    # at the far end over that at the contact
    left, rms_left = mean[-1] / mean.value[0], float(size[-1] / size[0])
    # √(2ħD/Δ) in planes, D = σ/(e²ν) of both spins together from the mean free paths
    modes = result["modes"].mean[0] / CELL**2
    sigma = 4 / 3 * modes * free_path.value
    D = float(np.sum(sigma) / (2 * np.pi * np.sum(clean_density(result.junction.left, ENERGY))))
    yardstick = float(np.sqrt(2 * D / splitting))
    decay = decay_of(*mean)
    return Record(locals())


def decay_of(value: np.ndarray, error: np.ndarray) -> Fit | None:
    """Fit the exponential decay from the contact to where it drowns in its error; None within three planes."""
    drowned = np.flatnonzero(value < 3 * error)
    stop = int(drowned[0]) if len(drowned) else len(value)
    return fit_exponential(np.arange(stop), value[:stop]) if stop >= 3 else None


def measure(quick: bool) -> Record:
    """Compare the clean magnet with disordered ones."""
    pure, lab = Laboratory(spot_check_every=50), SampleLaboratory(spot_check_every=6, width=CELL, energy=ENERGY)
    cases = (SHOWN, (1.5, 3.0)) if quick else ((0.25, 3.0), SHOWN, (1.0, 3.0), (1.5, 3.0), (0.5, 2.0), (0.5, 4.0))
    magnets = [measure_magnet(lab, *case, samples=96 if quick else 320) for case in cases]
    clean = {splitting: clean_average(pure, splitting) for splitting in sorted({case[0] for case in cases})}
    checks, shown = (*lab.checks(), *pure.checks()), magnets[cases.index(SHOWN)]
    golden = [golden_rule_paths(one.result.junction.left, ENERGY, one.width) for one in magnets]
    ratio = [one.free_path.value / path for one, path in zip(magnets, golden, strict=True)]
    golden_rule = float(np.sqrt(np.mean((np.array(ratio) - 1) ** 2)))
    left, per_sample, mean, count = shown.left, shown.rms_left, shown.mean, shown.result.realizations
    lengths = "; ".join(
        f"Δ = {m.splitting:g}, W = {m.width:g}: {length(m.decay)} (√(2ħD/Δ) = {m.yardstick:.1f}, ℓ_+ = "
        f"{m.free_path[0]}, ℓ_− = {m.free_path[1]})"
        for m in magnets
    )
    early, half = 1, len(mean.value) // 2
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(behind_one_plane: float, left: float, error: float) -> str:
    """Return the verdict: lost at once in a sample, lost with the depth in the mean, or not lost.

    ``behind_one_plane`` is the rms over samples relative to the contact; ``left`` with its error is what the mean has
    at the far end, relative to the contact.
    """
    if behind_one_plane < LOST:
        return "holds"
    return "holds in a limit" if left + 2 * error < LOST else "fails"


def length(fit: Fit | None) -> str:
    """Return the decay length of a fit with its error."""
    if fit is None or fit.exponent >= 0:
        return "–"
    return value_with_error(-1 / fit.exponent, fit.error / fit.exponent**2)


@drawn("disordered-coherence-depth", 1, 2, height=3.8, gridspec_kw={"width_ratios": [1.25, 1]})
def draw_depth(m: Record, left: Any, right: Any) -> None:
    """Plot mean and rms of the transverse spin current against the depth, with single samples."""
    magnet = m.shown
    depth = np.arange(len(magnet.rms.value))
    for sample in magnet.Q[:3]:
        left.semilogy(depth, abs(sample), "-", color="muted", linewidth=0.7)
    left.plot([], [], "-", color="muted", linewidth=0.7, label="three samples")
    value, error = magnet.mean
    left.errorbar(depth, *magnet.rms, fmt="s-", color="right", label="rms of samples")
    shown = value > error
    bars = [np.minimum(error, 0.9 * value)[shown], error[shown]]
    left.errorbar(depth[shown], value[shown], bars, fmt="o-", color="left", label="length of the mean")
    left.plot(depth, m.clean[magnet.splitting], "--", color="black", label="clean, k∥ average")
    left.set(xlabel="planes of the right magnet passed, n", ylabel=r"$|\mathbf{Q}_\perp|\,/\,\langle J\rangle$")
    left.set_title(rf"$\Delta$ = {magnet.splitting:g} t, W = {magnet.width:g} t")
    left.legend(loc="lower left")
    names = ("left", "right", "damping_like", "field_like", "muted")
    others = [other for other in m.magnets if other is not magnet]
    for other, color in zip([magnet, *others], (*names, "theory"), strict=False):
        value, error = other.mean
        shown = value > 2 * error
        label, value, error = rf"$\Delta$ = {other.splitting:g} t, W = {other.width:g} t", value[shown], error[shown]
        right.errorbar(depth[shown], value, error, fmt=".-", color=color, linewidth=1, label=label)
    right.set(xlabel="planes passed, n", title="mean above twice its error", yscale="log", ylim=(2e-3, None))
    right.legend(loc="upper right", fontsize=7)


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    shown = m.shown
    printed = verdict(float(shown.rms.value[1] / shown.rms.value[0]), *m.left)
    decay = -1 / shown.decay.exponent if shown.decay else np.inf
    squares = (shown.mean.value**2 + 2 * (shown.count - 1) * shown.mean.error**2) / shown.rms.value**2
    return Judged(
        printed=printed,
        corrected="holds in a limit" if printed != "holds" and decay < 3 * shown.yardstick else "fails",
        value=m.left.value,
        tolerance=LOST,
        # both lengths are of the order of the mean free path here: the claim on the transverse pair tests the law
        route=Check("decay of the mean over √(2ħD/Δ)", decay / shown.yardstick, 0.6, expected=1.0),
        checks=(
            *m.checks,
            Check("ℓ_s from the golden rule's, relative, rms", m.golden_rule, 0.25),
            Check("mean square of the samples against their mean and spread, relative", largest(squares - 1), 1e-12),
        ),
    )
