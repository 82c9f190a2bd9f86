"""Equations (7) to (9) on atoms: the spin-diffusion length of magnetic impurities, and J_M(y) with it."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from kwant_spinjunc import unit_vector
from kwant_spinjunc.magnets.multiscale import microscopic_metal, spin_flip_conductance
from kwant_spinjunc.model.disorder import Anderson, MagneticImpurities, Substitution
from kwant_spinjunc.spin import SIGNS
from kwant_spinjunc.theory.drift_diffusion import match, per_area
from kwant_spinjunc.theory.interface import response_of

from ..claim import Check, Judged, Record
from ..figures import drawn, legend_below
from ..laboratory import Number, SampleLaboratory, numbers_of
from ..two_channels import Metal, clean_contact, solve, spin_diffusion_length, transmissions
from .diffusive_metal import AGREES, CLEAN, ENERGY, NORMAL, SPLITTING, junction_of, observe, slab

#: Concentration of magnetic impurities, and their exchange in the nonmagnetic metal, unit t.
CONCENTRATION = 0.1
EXCHANGES = (2.0, 1.0, 0.6)
#: The magnet: impurities that the minority sees, Anderson disorder, and magnetic impurities.
ALLOY = (Substitution(concentration=0.2, onsite=2.0, splitting=5.0), Anderson(width=2.6))
EXCHANGE = 1.0
MAGNET = (*ALLOY, MagneticImpurities(concentration=CONCENTRATION, exchange=EXCHANGE))
#: Angles of the profiles; the last one is that of ΔJ_M against the length.
ANGLES = (np.pi / 2, 3 * np.pi / 4)
#: Depth up to which half-spaces are compared, in l_sd from the contact: further on the leads are felt.
NEAR = 1.0
#: Planes at the ends of a metal without its bulk density of states.
EDGE = 3
#: Cross-section and samples, per sample of T_ss', of the density of states: it needs many k∥, not size.
DENSITY_WIDTH, DENSITY_SAMPLES = 5, 6
#: The lattice constant in nm and t in eV, for the numbers in SI.
SPACING = 1.0


# ---------------------------------------------------------------------- l_sd of a metal
def metal_of(
    parameters: np.ndarray,
    covariance: np.ndarray,
    modes: np.ndarray,
    density: np.ndarray,
    density_error: float,
    exchange: float,
) -> Record:
    """Return what ``parameters`` = (σ_+, σ_-, g) of two channels, and N_s per a², say of a metal with this exchange.

    ``density``: ν_s per site and energy, with the relative standard error of √(ν_+ ν_-).
    """

    def derived(function: Callable[[np.ndarray], float], nu: int = 0) -> Number:
        """Return a function of the parameters that is proportional to this power of √(ν_+ ν_-)."""
        value = float(function(parameters))
        steps = 1e-4 * parameters
        slope = np.array([(function(parameters + step) - value) for step in np.diag(steps)]) / steps
        return Number(value, float(np.sqrt(slope @ covariance @ slope + (nu * density_error * value) ** 2)))

    l_sd = spin_diffusion_length
    golden_rule = spin_flip_conductance(CONCENTRATION, exchange, density)  # e²/h per site
    sigma, beta = [derived(lambda p, s=s: p[s]) for s in (0, 1)], derived(lambda p: (p[0] - p[1]) / (p[0] + p[1]))
    # l_sd in a: fitted; of the golden rule, ν_s and the σ_s of the same metal; the quotient, in which errors of σ_s
    # cancel; and τ from l_sd over τ of the golden rule
    length_measured = derived(lambda p: l_sd(p[:2], p[2]))
    length_expected = derived(lambda p: l_sd(p[:2], golden_rule), nu=-1)
    length_ratio = derived(lambda p: l_sd(p[:2], p[2]) / l_sd(p[:2], golden_rule), nu=1)
    time_ratio = derived(lambda p: golden_rule / p[2], nu=2)
    mean_free_paths = 0.75 * parameters[:2] / modes  # 3σ_s/(4N_s) in a
    errors = [one.error for one in sigma], length_measured.error
    diffusive = microscopic_metal(  # the material of (7) to (9)
        parameters[:2], length_measured.value, density, lattice_constant=SPACING, errors=errors
    )
    return Record(locals())


def channels(metal: Record, planes: int, *, flip: bool = True) -> Metal:
    """Return the two-channel metal of so many planes."""
    return Metal(planes, metal.parameters[:2], float(metal.parameters[2]) if flip else 0.0)


def polarization(T: np.ndarray) -> np.ndarray:
    """Return (T_++ + T_-- - T_+- - T_-+)/ΣT."""
    return np.asarray((T * np.outer(SIGNS, SIGNS)).sum(axis=(-2, -1)) / T.sum(axis=(-2, -1)))


def fit(
    length: np.ndarray, T: np.ndarray, error: np.ndarray, modes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return (σ_+, σ_-, g), their covariance and χ² per degree of freedom from all T_ss' at all lengths.

    The covariance is widened by √χ² where χ² per degree of freedom exceeds one.
    """

    def misfit(logarithms: np.ndarray) -> np.ndarray:
        sigma_plus, sigma_minus, g = np.exp(logarithms)
        model = [transmissions(Metal(int(L), (sigma_plus, sigma_minus), g), modes) for L in length]
        return np.asarray(((np.array(model) - T) / error).ravel())

    found = least_squares(misfit, np.log([3.0, 3.0, 0.01]), x_scale=[0.1, 0.1, 0.3])
    parameters = np.exp(found.x)
    chi2 = float(2 * found.cost / (T.size - 3))
    covariance = np.linalg.inv(found.jac.T @ found.jac) * max(chi2, 1.0)
    return parameters, covariance * np.outer(parameters, parameters), chi2


def measure_relaxation(
    lab: SampleLaboratory,
    disorder: Sequence[Any],
    exchange: float,
    lengths: Sequence[int],
    realizations: int,
    splitting: float,
) -> Record:
    """Average T_ss' per a² at every length, and the density of states inside; fit a two-channel metal to T_ss'."""
    impurities = MagneticImpurities(concentration=CONCENTRATION, exchange=exchange)
    cells = lab.width**2
    found, modes = [], []
    for length in lengths:
        average = lab.average(slab((*disorder, impurities), length, splitting), realizations)
        found.append((average.transmissions.mean / cells, average.transmissions.error / cells))
        modes.append(average["modes"].mean[0] / cells)
    inside, count = slab((*disorder, impurities), 4 * EDGE, splitting), DENSITY_SAMPLES * realizations
    states = lab.average(inside, count, width=DENSITY_WIDTH, profiles=True)

    def densities(means: Mapping[str, np.ndarray]) -> np.ndarray:
        rho = means["densities"].sum(axis=(0, 1))[1 + EDGE : -1 - EDGE].mean(axis=0)
        nu = np.array([rho[0] + rho[3], rho[0] - rho[3]]) / 2 / DENSITY_WIDTH**2 / (2 * np.pi)
        return np.append(nu, np.log(nu.prod()) / 2)

    (*density, _), (*_, density_error) = states.of_means(densities)
    T, error = (np.array(part) for part in zip(*found, strict=True))
    signs, total = np.outer(SIGNS, SIGNS), T.sum(axis=(1, 2))
    slope = (signs - polarization(T)[:, None, None]) / total[:, None, None]
    polarization_error = np.sqrt(((slope * error) ** 2).sum(axis=(1, 2)))
    mean_modes = np.mean(modes, axis=0)
    parameters, covariance, chi2 = fit(np.array(lengths), T, error, mean_modes)
    metal = metal_of(parameters, covariance, mean_modes, np.array(density), float(density_error), exchange)
    return Record(
        {**vars(metal), "length": np.array(lengths), "T": T, "polarization_error": polarization_error, "chi2": chi2}
    )


# ---------------------------------------------------------------------- J_M(y) of two magnets
#: The contact of two clean magnets, averaged over k∥, by angle.
contact = partial(clean_contact, CLEAN, energy=ENERGY, rtol=1e-6)


def two_channels(metal: Record, planes: int, angle: float, *, flip: bool) -> np.ndarray:
    """Return J_M/J on every bond of two such magnets in contact, leads included, nothing fitted."""
    two = [channels(metal, planes, flip=flip)] * 2
    return solve(two, metal.modes, interface=contact(angle)).polarization


def measure_profile(
    lab: SampleLaboratory, metal: Record, angle: float, planes: int, realizations: int, *, flip: bool = True
) -> Record:
    """Average J_M along the own m of two equal magnets in contact, per J, on the bonds of each side.

    The last bond of the left and the first of the right magnet are the contact; ``y`` is the distance from it in a.
    """
    disorder = MAGNET if flip else ALLOY
    junction = junction_of(disorder, disorder, angle, planes)
    average = lab.average(junction, realizations, profiles=True)
    first = junction.buffer

    def ratio(means: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        _, J = observe(junction, means, lab.width**2)
        left, right = J[0, first : first + planes], J[1, first + planes - 1 : first + 2 * planes - 1]
        both = np.concatenate([left, right])
        return {"J_M": both @ SIGNS / both.sum(axis=-1)}

    J_M = numbers_of(average, ratio)["J_M"]
    expected = two_channels(metal, planes, angle, flip=flip)[1:-1]
    misfit = float(np.sqrt(np.mean(((J_M.value - expected) / J_M.error) ** 2)))  # in standard errors
    at_contact = J_M[planes - 1], J_M[planes]
    m = unit_vector(0.0), unit_vector(angle)
    if flip:
        material = metal.diffusive.material
        response = per_area(response_of(contact(angle).between_metals), SPACING**2)
        half_spaces = match(material, material, response, m_left=m[0], m_right=m[1])
    bonds = np.arange(planes)
    y = np.concatenate([bonds - planes + 1.0, bonds])
    return Record(locals())


def diffusion(profile: Record, y: np.ndarray) -> np.ndarray:
    """Return J_M/J of (7) to (9) in half-spaces, at distances from the contact in a; y = -0.0 is left of it."""
    return np.asarray(profile.half_spaces.profile(y * SPACING).J_M / profile.half_spaces.current)


def half_space_error(profile: Record, depth: float) -> float:
    """Return the largest difference of half-spaces and network up to a depth, per J."""
    sides = np.where(np.arange(len(profile.y)) < profile.planes, -1.0, 1.0)
    difference = diffusion(profile, np.copysign(abs(profile.y), sides)) - profile.expected
    return float(abs(difference)[abs(profile.y) <= depth].max())


def crossover(profiles: Sequence[Record], beta: float) -> Record:
    """Return ΔJ_M/(2βJ sin(Φ/2)) at the contacts of profiles, against the length of each magnet."""
    found = []
    for profile in profiles:
        scale = 2 * beta * np.sin(profile.angle / 2)
        found.append(Number.of(lambda a, b, p=profile, c=scale: _length(a, b, p.angle) / c, *profile.at_contact))
    planes = np.array([profile.planes for profile in profiles])
    measured = Number(*np.transpose([[*number] for number in found]))
    return Record(locals())


def _length(left: float, right: float, angle: float) -> float:
    """Return |J_M^L m_L - J_M^R m_R|."""
    return float(np.sqrt(left**2 + right**2 - 2 * left * right * np.cos(angle)))


def expected_crossover(metal: Record, planes: Sequence[int], angle: float, *, flip: bool) -> np.ndarray:
    """Return the same of the two-channel network."""
    scale, values = 2 * metal.beta.value * np.sin(angle / 2), []
    for length in planes:
        at_contact = two_channels(metal, int(length), angle, flip=flip)[length : length + 2]
        values.append(_length(*at_contact, angle) / scale)
    return np.array(values)


# ---------------------------------------------------------------------- what it says of the paper
def verdict(metals: Sequence[Record], misfits: Sequence[float]) -> str:
    """Return the verdict on (7) to (9) with τ of the golden rule.

    "holds" if l_sd is the golden rule's within errors for every exchange and J_M(y) that of two diffusive channels
    within the noise; "holds in a limit" if the weakest exchange alone gives the golden rule's l_sd.
    """
    agrees = [metal.length_ratio.deviation(Number(1.0, 0.0)) < AGREES for metal in metals]
    follows = max(misfits) < AGREES
    if all(agrees) and follows:
        return "holds"
    weakest = int(np.argmin([metal.exchange for metal in metals]))
    return "holds in a limit" if agrees[weakest] and follows else "fails"


@drawn("spin-flip-length", 1, 2, width=7.2, height=3.6)
def draw_relaxation(m: Record, left: Any, right: Any) -> None:
    """Plot the decay of the polarization with the length, and l_sd against the golden rule."""
    colors = ("minority", "damping_like", "majority", "field_like")
    for (label, metal), color in zip(m.metals.items(), colors, strict=False):
        look = {"color": color, "label": label}
        left.errorbar(metal.length, polarization(metal.T), metal.polarization_error, fmt="o", **look)
        L = np.arange(1, metal.length.max() + 2)
        T = np.array([transmissions(channels(metal, int(planes)), metal.modes) for planes in L])
        left.plot(L, polarization(T), "-", color=color, linewidth=1)
        told, found = metal.length_expected, metal.length_measured
        right.errorbar(told.value, found.value, found.error, told.error, fmt="s" if metal is m.magnet else "o", **look)
    left.set(xlabel="length L (planes)", ylabel=r"$\sum_{ss'} ss'\, T_{ss'}\, /\, \sum_{ss'} T_{ss'}$", ylim=(0, 1.02))
    top = 1.15 * max(metal.length_measured.value for metal in m.metals.values())
    right.plot([0, top], [0, top], "-", color="black", linewidth=1, label="equal")
    right.set(xlabel=r"$\sqrt{D\tau(1-\beta^2)}$, $\tau$ of the golden rule (a)", xlim=(0, top), ylim=(0, top))
    right.set_ylabel(r"$l_{sd}$ from $T_{ss'}(L)$ (a)")
    left.legend(loc="lower left")
    right.legend(loc="upper left")


@drawn("spin-flip-profile", 1, 2, width=7.2, height=3.4, sharey=True)
def draw_profiles(m: Record, *axes: Any) -> None:
    """Plot J_M(y), measured, of the two-channel network with its leads and of drift-diffusion in half-spaces."""
    beta = m.magnet.beta.value
    for panel, profile in zip(axes, m.profiles, strict=True):
        for side in (slice(0, profile.planes), slice(profile.planes, None)):
            x, names = np.linspace(0, profile.planes - 1, 200), (None, None, None)
            if side.start == 0:
                x = -x[::-1]  # ends with -0.0, left of the contact
                names = "supercells", "two channels", "(7) to (9), half-spaces"
            y, J_M = profile.y[side], profile.J_M[side] / beta
            panel.errorbar(y, *J_M, fmt=".", color="microscopic", label=names[0], elinewidth=0.8, zorder=1)
            panel.plot(y, profile.expected[side] / beta, "-", color="black", linewidth=1.2, label=names[1])
            panel.plot(x, diffusion(profile, x) / beta, "--", color="minority", linewidth=1.2, label=names[2])
        panel.axvline(0, color="muted", linewidth=1)
        panel.axhline(1, color="muted", linewidth=0.8, linestyle=":")
        panel.set(xlabel="distance from the contact (planes)", title=rf"$\Phi$ = {np.degrees(profile.angle):.0f}°")
    axes[0].set_ylabel(r"$J_M/(\beta J)$ along the own $\mathbf{m}$")
    legend_below(axes[0], 3)


@drawn("spin-flip-crossover", width=5.4, height=3.5)
def draw_crossover(m: Record, axes: Any) -> None:
    """Plot ΔJ_M against the length of the magnets."""
    L = np.unique(np.geomspace(1, 1.6 * m.with_flip.planes.max(), 20).astype(int))
    for found, flip, color, name in (
        (m.with_flip, True, "microscopic", "magnetic impurities"),
        (m.without, False, "minority", "none"),
    ):
        axes.errorbar(found.planes, *found.measured, fmt="o", color=color, label=f"supercells, {name}")
        expected = expected_crossover(m.magnet, L, ANGLES[-1], flip=flip)
        axes.semilogx(L, expected, "-", color=color, linewidth=1, label=f"two channels, {name}")
    l_sd = m.magnet.length_measured.value
    axes.axvline(l_sd, color="muted", linestyle=":")
    axes.annotate(r"$l_{sd}$", (l_sd, 0), (3, 4), textcoords="offset points", color="muted")
    axes.set(xlabel="length of each magnet (planes)", ylim=(0, None))
    axes.set_ylabel(rf"$\Delta J_M\,/\,(2\beta J \sin\frac{{\Phi}}{{2}})$ at {np.degrees(ANGLES[-1]):.0f}°")
    axes.legend(loc="upper left")


#: Quick or not: sites across, samples of T_ss' and of J_M(y), planes of a magnet, lengths of slabs, of magnets, J.
SIZES = {
    True: (5, 12, 16, 22, (6, 12, 18), (3, 10), EXCHANGES[:2]),
    False: (7, 30, 40, 36, (6, 10, 15, 21, 28), (4, 14), EXCHANGES),
}


def measure(quick: bool) -> Record:
    """Measure l_sd of magnetic impurities and compare J_M(y) of supercells with drift-diffusion fed by it."""
    width, count, samples, planes, lengths, short, exchanges = SIZES[quick]
    lab = SampleLaboratory(10**9, width=width, energy=ENERGY, seed=0)
    for small in (slab(MAGNET, 3, SPLITTING), *(junction_of(MAGNET, MAGNET, angle, 2) for angle in ANGLES)):
        lab.average(small, 2, width=3, compared=True, profiles=True)
    normals = [measure_relaxation(lab, NORMAL, exchange, lengths, count, 0.0) for exchange in exchanges]
    magnet = measure_relaxation(lab, ALLOY, EXCHANGE, lengths, count, SPLITTING)
    profiles = [measure_profile(lab, magnet, angle, planes, samples) for angle in ANGLES]
    last, beta = ANGLES[-1], magnet.beta.value
    flipped = [*(measure_profile(lab, magnet, last, L, samples) for L in short), profiles[-1]]
    kept = [measure_profile(lab, magnet, last, L, samples, flip=False) for L in (*short, planes)]
    with_flip, without = crossover(flipped, beta), crossover(kept, beta)
    metals = {f"normal, J = {m.exchange:g}t": m for m in normals} | {f"magnet, J = {EXCHANGE:g}t": magnet}
    weakest = normals[-1]
    others = normals[-2::-1]
    stronger = ", ".join(f"{m.exchange:g}t" for m in others), ", ".join(str(m.length_ratio) for m in others)
    material, errors = magnet.diffusive.material, magnet.diffusive.errors
    ratio, own = weakest.length_ratio, magnet.length_ratio
    l_sd = magnet.length_measured
    half = [half_space_error(profile, NEAR * l_sd.value) / beta for profile in profiles]
    degrees = [f"{np.degrees(profile.angle):.0f}°" for profile in profiles]
    contacts = [profile.at_contact for profile in profiles]
    means = [Number.of(lambda a, b: (a + b) / 2 / beta, *pair) for pair in contacts]
    saturated = expected_crossover(magnet, [planes, 4 * planes], last, flip=True)
    growing = expected_crossover(magnet, [planes, 4 * planes], last, flip=False)
    joint = with_flip.measured[-1], without.measured[-1]
    curves = ((with_flip, True), (without, False))
    told = [expected_crossover(magnet, found.planes, last, flip=flip) for found, flip in curves]
    offset = [found.measured.value - expected for expected, (found, _) in zip(told, curves, strict=True)]
    strays = [values / found.measured.error for values, (found, _) in zip(offset, curves, strict=True)]
    return Record(locals())


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    misfits = [profile.misfit for profile in m.profiles]
    return Judged(
        printed=verdict(m.normals, misfits),
        corrected="holds" if max(misfits) < AGREES else "fails",
        value=m.ratio.value,
        expected=1.0,
        # four standard errors, and the next order in J, about (J/8t)² for a level in a band 12t wide
        tolerance=4 * m.ratio.error + (m.weakest.exchange / 8) ** 2,
        route=Check("l_sd of the magnet over the golden rule's", m.own.value, 4 * m.own.error + 0.1, expected=1.0),
        checks=(
            Check("J_M(y) minus two channels in standard errors, root mean square", max(misfits), 3.0),
            Check("half-spaces minus two channels near the contact, per βJ", max(m.half), 0.25 if m.quick else 0.15),
            *m.lab.checks(),
        ),
    )
