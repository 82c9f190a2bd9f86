"""Equations (7) to (9) on atoms: the spin-diffusion length of magnetic impurities, and J_M(y) with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from kwant_spinjunc import Junction, ferromagnet, unit_vector
from kwant_spinjunc.magnets.multiscale import (
    Interface,
    MicroscopicMetal,
    microscopic_metal,
    solve_interface,
    spin_flip_conductance,
)
from kwant_spinjunc.model.disorder import Anderson, MagneticImpurities, Substitution
from kwant_spinjunc.spin import SIGNS
from kwant_spinjunc.theory.drift_diffusion import Matching, match, per_area
from kwant_spinjunc.theory.interface import response_of

from ..claim import Check, Judged, Record
from ..figures import COLORS, drawn, legend_below
from ..laboratory import Number, SampleLaboratory
from ..two_channels import Metal, Solution, solve, spin_diffusion_length, transmissions
from .diffusive_metal import AGREES, ENERGY, HOST, NORMAL, SPLITTING, junction_of, observe, slab

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
@dataclass(frozen=True)
class Relaxation:
    """T_ss' per a² of one metal against its length [length, left, right], and the two-channel metal fitted to it.

    ``parameters`` = (σ_+, σ_-, g) with their covariance, widened by √χ² where χ² per degree of freedom exceeds one.
    """

    length: np.ndarray
    T: np.ndarray
    error: np.ndarray
    modes: np.ndarray
    parameters: np.ndarray
    covariance: np.ndarray
    chi2: float
    density: np.ndarray  # ν_s per site and energy
    density_error: float  # relative standard error of √(ν_+ ν_-)
    exchange: float
    realizations: int
    width: int

    def _derived(self, function: Any, nu: int = 0) -> Number:
        """Return a function of the parameters that is proportional to this power of √(ν_+ ν_-)."""
        value = float(function(self.parameters))
        steps = 1e-4 * self.parameters
        slope = np.array([(function(self.parameters + step) - value) for step in np.diag(steps)]) / steps
        return Number(value, float(np.sqrt(slope @ self.covariance @ slope + (nu * self.density_error * value) ** 2)))

    @property
    def golden_rule(self) -> float:
        """Spin-flip conductance of the golden rule, e²/h per site."""
        return spin_flip_conductance(CONCENTRATION, self.exchange, self.density)

    def sigma(self, s: int) -> Number:
        """σ_s in e²/h per a."""
        return self._derived(lambda p: p[s])

    @property
    def beta(self) -> Number:
        """β."""
        return self._derived(lambda p: (p[0] - p[1]) / (p[0] + p[1]))

    @property
    def length_measured(self) -> Number:
        """l_sd in a, fitted."""
        return self._derived(lambda p: spin_diffusion_length(p[:2], p[2]))

    @property
    def length_expected(self) -> Number:
        """l_sd in a from the golden rule, ν_s and the σ_s of the same metal."""
        g = self.golden_rule
        return self._derived(lambda p: spin_diffusion_length(p[:2], g), nu=-1)

    @property
    def length_ratio(self) -> Number:
        """l_sd over that of the golden rule; the error of σ_s cancels."""
        g = self.golden_rule
        return self._derived(lambda p: spin_diffusion_length(p[:2], p[2]) / spin_diffusion_length(p[:2], g), nu=1)

    @property
    def time_ratio(self) -> Number:
        """τ from l_sd over τ of the golden rule, g of the golden rule over g."""
        g = self.golden_rule
        return self._derived(lambda p: g / p[2], nu=2)

    @property
    def mean_free_paths(self) -> np.ndarray:
        """3σ_s/(4N_s) in a."""
        return 0.75 * self.parameters[:2] / self.modes

    @property
    def polarization(self) -> tuple[np.ndarray, np.ndarray]:
        """(T_++ + T_-- - T_+- - T_-+)/ΣT and its error, against the length."""
        signs = np.outer(SIGNS, SIGNS)
        total = self.T.sum(axis=(1, 2))
        P = (self.T * signs).sum(axis=(1, 2)) / total
        slope = (signs - P[:, None, None]) / total[:, None, None]
        return P, np.sqrt(((slope * self.error) ** 2).sum(axis=(1, 2)))

    def curve(self, lengths: Sequence[int]) -> np.ndarray:
        """Return the same of the fitted metal."""
        T = np.array([transmissions(self.metal(int(L)), self.modes) for L in lengths])
        return np.asarray((T * np.outer(SIGNS, SIGNS)).sum(axis=(1, 2)) / T.sum(axis=(1, 2)))

    def metal(self, planes: int, *, flip: bool = True) -> Metal:
        """Return the two-channel metal."""
        return Metal(planes, self.parameters[:2], float(self.parameters[2]) if flip else 0.0)

    @property
    def drift_diffusion(self) -> MicroscopicMetal:
        """The material of (7) to (9)."""
        length = self.length_measured
        errors = [self.sigma(s).error for s in (0, 1)]
        return microscopic_metal(
            self.parameters[:2],
            length.value,
            self.density,
            lattice_constant=SPACING,
            errors=(errors, length.error),
        )


def fit(
    length: np.ndarray, T: np.ndarray, error: np.ndarray, modes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Return (σ_+, σ_-, g), their covariance and χ² per degree of freedom from all T_ss' at all lengths."""

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
) -> Relaxation:
    """Average T_ss' at every length, and the density of states inside."""
    impurities = MagneticImpurities(concentration=CONCENTRATION, exchange=exchange)
    cells = lab.width**2
    found, modes = [], []
    for length in lengths:
        average = lab.average(slab((*disorder, impurities), length, splitting), realizations)
        found.append((average.transmissions.mean / cells, average.transmissions.error / cells))
        modes.append(average["modes"].mean[0] / cells)
    states = lab.average(
        slab((*disorder, impurities), 4 * EDGE, splitting),
        DENSITY_SAMPLES * realizations,
        width=DENSITY_WIDTH,
        profiles=True,
    )

    def densities(means: Mapping[str, np.ndarray]) -> np.ndarray:
        rho = means["densities"].sum(axis=(0, 1))[1 + EDGE : -1 - EDGE].mean(axis=0)
        nu = np.array([rho[0] + rho[3], rho[0] - rho[3]]) / 2 / DENSITY_WIDTH**2 / (2 * np.pi)
        return np.append(nu, np.log(nu.prod()) / 2)

    (*density, _), (*_, density_error) = states.of_means(densities)
    T, error = (np.array(part) for part in zip(*found, strict=True))
    lengths_, mean_modes = np.array(lengths), np.mean(modes, axis=0)
    fitted = fit(lengths_, T, error, mean_modes)
    return Relaxation(
        lengths_,
        T,
        error,
        mean_modes,
        *fitted,
        np.array(density),
        float(density_error),
        exchange,
        realizations,
        lab.width,
    )


# ---------------------------------------------------------------------- J_M(y) of two magnets
@dataclass(frozen=True)
class Profile:
    """J_M along the own m of two equal magnets in contact, per J, on the bonds of each side.

    The last bond of the left and the first of the right magnet are the contact.
    """

    angle: float
    planes: int
    y: np.ndarray  # [bond], distance from the contact in a, contact twice
    J_M: np.ndarray
    error: np.ndarray
    network: Solution  # leads included, nothing fitted
    half_spaces: Matching | None
    realizations: int

    @property
    def at_contact(self) -> tuple[Number, Number]:
        """J_M/J on either side of the contact."""
        left, right = (Number(float(self.J_M[i]), float(self.error[i])) for i in (self.planes - 1, self.planes))
        return left, right

    @property
    def expected(self) -> np.ndarray:
        """J_M/J of the network on the same bonds."""
        J = self.network.currents
        return np.asarray((J @ SIGNS / J.sum(axis=1))[1:-1])

    def diffusion(self, y: np.ndarray) -> np.ndarray:
        """Return J_M/J of (7) to (9) in half-spaces, at distances from the contact in a; y = -0.0 is left of it."""
        if self.half_spaces is None:
            raise ValueError("no half-spaces without spin flip")
        found = self.half_spaces.profile(y * SPACING)
        return np.asarray(found.J_M / self.half_spaces.current)

    def half_space_error(self, depth: float) -> float:
        """Return the largest difference of half-spaces and network up to a depth, per J."""
        near = abs(self.y) <= depth
        sides = np.where(np.arange(len(self.y)) < self.planes, -1.0, 1.0)
        diffusion = self.diffusion(np.copysign(abs(self.y), sides))
        return float(abs(diffusion - self.expected)[near].max())

    @property
    def misfit(self) -> float:
        """Root mean square of measured minus network in standard errors."""
        return float(np.sqrt(np.mean(((self.J_M - self.expected) / self.error) ** 2)))


def contact(angle: float) -> Interface:
    """Return the linear response of the contact of two clean magnets, averaged over k∥."""
    magnet = partial(ferromagnet, **HOST, splitting=SPLITTING)
    return solve_interface(Junction(magnet(), [], magnet(m=unit_vector(angle))), ENERGY, rtol=1e-6)


def measure_profile(
    lab: SampleLaboratory, metal: Relaxation, angle: float, planes: int, realizations: int, *, flip: bool = True
) -> Profile:
    """Average the bond currents of two magnets in contact."""
    disorder = MAGNET if flip else ALLOY
    junction = junction_of(disorder, disorder, angle, planes)
    average = lab.average(junction, realizations, profiles=True)
    first = junction.buffer

    def ratio(means: Mapping[str, np.ndarray]) -> np.ndarray:
        _, J = observe(junction, means, lab.width**2)
        left, right = J[0, first : first + planes], J[1, first + planes - 1 : first + 2 * planes - 1]
        both = np.concatenate([left, right])
        return np.asarray(both @ SIGNS / both.sum(axis=-1))

    J_M, error = average.of_means(ratio)
    found = contact(angle)
    two = [metal.metal(planes, flip=flip)] * 2
    network = solve(two, metal.modes, interface=(found.conductance, found.modes))
    half = None
    if flip:
        material = metal.drift_diffusion.material
        response = per_area(response_of(found.between_metals), SPACING**2)
        half = match(material, material, response, m_left=unit_vector(0.0), m_right=unit_vector(angle))
    bonds = np.arange(planes)
    y = np.concatenate([bonds - planes + 1.0, bonds])
    return Profile(angle, planes, y, J_M, error, network, half, realizations)


def crossover(profiles: Sequence[Profile], beta: float) -> Record:
    """Return ΔJ_M/(2βJ sin(Φ/2)) at the contacts of profiles, against the length of each magnet."""
    found = []
    for profile in profiles:
        left, right = profile.at_contact
        scale = 2 * beta * np.sin(profile.angle / 2)
        found.append(Number.of(lambda a, b, p=profile, c=scale: _length(a, b, p.angle) / c, left, right))
    planes = np.array([profile.planes for profile in profiles])
    measured, error = np.array([n.value for n in found]), np.array([n.error for n in found])
    return Record(locals())


def _length(left: float, right: float, angle: float) -> float:
    """Return |J_M^L m_L - J_M^R m_R|."""
    return float(np.sqrt(left**2 + right**2 - 2 * left * right * np.cos(angle)))


def expected_crossover(metal: Relaxation, planes: Sequence[int], angle: float, *, flip: bool) -> np.ndarray:
    """Return the same of the two-channel network."""
    found = contact(angle)
    values = []
    for length in planes:
        two = [metal.metal(int(length), flip=flip)] * 2
        currents = solve(two, metal.modes, interface=(found.conductance, found.modes)).currents
        polarized = (currents @ SIGNS / currents.sum(axis=1))[length : length + 2]
        values.append(_length(*polarized, angle) / (2 * metal.beta.value * np.sin(angle / 2)))
    return np.array(values)


# ---------------------------------------------------------------------- what it says of the paper
def verdict(metals: Sequence[Relaxation], misfits: Sequence[float]) -> str:
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
def draw_relaxation(record: Record, left: Any, right: Any) -> None:
    """Plot the decay of the polarization with the length, and l_sd against the golden rule."""
    colors = ("minority", "damping_like", "majority", "field_like")
    for metal, color in zip((*record.normals, record.magnet), colors, strict=False):
        name = "magnet" if metal is record.magnet else "normal"
        P, error = metal.polarization
        label = f"{name}, J = {metal.exchange:g}t"
        left.errorbar(metal.length, P, error, fmt="o", color=COLORS[color], label=label)
        L = np.arange(1, metal.length.max() + 2)
        left.plot(L, metal.curve(L), "-", color=COLORS[color], linewidth=1)
        found = metal.length_measured
        marker = "s" if metal is record.magnet else "o"
        right.errorbar(
            metal.length_expected.value,
            found.value,
            found.error,
            metal.length_expected.error,
            fmt=marker,
            color=COLORS[color],
            label=label,
        )
    left.set(xlabel="length L (planes)", ylabel=r"$\sum_{ss'} ss'\, T_{ss'}\, /\, \sum_{ss'} T_{ss'}$", ylim=(0, 1.02))
    top = 1.15 * max(m.length_measured.value for m in (*record.normals, record.magnet))
    right.plot([0, top], [0, top], "-", color="black", linewidth=1, label="equal")
    right.set(
        xlabel=r"$\sqrt{D\tau(1-\beta^2)}$, $\tau$ of the golden rule (a)",
        ylabel=r"$l_{sd}$ from $T_{ss'}(L)$ (a)",
        xlim=(0, top),
        ylim=(0, top),
    )
    left.legend(loc="lower left")
    right.legend(loc="upper left")


@drawn("spin-flip-profile", 1, 2, width=7.2, height=3.4, sharey=True)
def draw_profiles(m: Record, *axes: Any) -> None:
    """Plot J_M(y), measured, of the two-channel network with its leads and of drift-diffusion in half-spaces."""
    beta = m.magnet.beta.value
    for panel, profile in zip(axes, m.profiles, strict=True):
        for side in (slice(0, profile.planes), slice(profile.planes, None)):
            first = side.start == 0
            y = profile.y[side]
            panel.errorbar(
                y,
                profile.J_M[side] / beta,
                profile.error[side] / beta,
                fmt=".",
                color=COLORS["microscopic"],
                label="supercells" if first else None,
                elinewidth=0.8,
                zorder=1,
            )
            panel.plot(
                y,
                profile.expected[side] / beta,
                "-",
                color="black",
                linewidth=1.2,
                label="two channels" if first else None,
            )
            x = np.linspace(0, profile.planes - 1, 200)
            x = -x[::-1] if first else x
            if first:
                x[-1] = -0.0
            panel.plot(
                x,
                profile.diffusion(x) / beta,
                "--",
                color=COLORS["minority"],
                linewidth=1.2,
                label="(7) to (9), half-spaces" if first else None,
            )
        panel.axvline(0, color=COLORS["muted"], linewidth=1)
        panel.axhline(1, color=COLORS["muted"], linewidth=0.8, linestyle=":")
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
        axes.errorbar(
            found.planes, found.measured, found.error, fmt="o", color=COLORS[color], label=f"supercells, {name}"
        )
        expected = expected_crossover(m.magnet, L, ANGLES[-1], flip=flip)
        axes.semilogx(L, expected, "-", color=COLORS[color], linewidth=1, label=f"two channels, {name}")
    axes.axvline(m.magnet.length_measured.value, color=COLORS["muted"], linestyle=":")
    axes.annotate(
        r"$l_{sd}$", (m.magnet.length_measured.value, 0), (3, 4), textcoords="offset points", color=COLORS["muted"]
    )
    axes.set(
        xlabel="length of each magnet (planes)",
        ylabel=rf"$\Delta J_M\,/\,(2\beta J \sin\frac{{\Phi}}{{2}})$ at {np.degrees(ANGLES[-1]):.0f}°",
        ylim=(0, None),
    )
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
    material, errors = magnet.drift_diffusion.material, magnet.drift_diffusion.errors
    ratio, own = weakest.length_ratio, magnet.length_ratio
    l_sd = magnet.length_measured
    half = [profile.half_space_error(NEAR * l_sd.value) / beta for profile in profiles]
    degrees = [f"{np.degrees(profile.angle):.0f}°" for profile in profiles]
    contacts = [profile.at_contact for profile in profiles]
    means = [Number.of(lambda a, b: (a + b) / 2 / beta, *pair) for pair in contacts]
    saturated = expected_crossover(magnet, [planes, 4 * planes], last, flip=True)
    growing = expected_crossover(magnet, [planes, 4 * planes], last, flip=False)
    joint = Number(with_flip.measured[-1], with_flip.error[-1]), Number(without.measured[-1], without.error[-1])
    curves = ((with_flip, True), (without, False))
    offset = [found.measured - expected_crossover(magnet, found.planes, last, flip=flip) for found, flip in curves]
    strays = [values / found.error for values, (found, _) in zip(offset, curves, strict=True)]
    return Record(locals())


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    return Judged(
        printed=verdict(m.normals, [profile.misfit for profile in m.profiles]),
        corrected="holds" if max(profile.misfit for profile in m.profiles) < AGREES else "fails",
        value=m.ratio.value,
        expected=1.0,
        # four standard errors, and the next order in J, about (J/8t)² for a level in a band 12t wide
        tolerance=4 * m.ratio.error + (m.weakest.exchange / 8) ** 2,
        route=Check("l_sd of the magnet over the golden rule's", m.own.value, 4 * m.own.error + 0.1, expected=1.0),
        checks=(
            Check(
                "J_M(y) minus two channels in standard errors, root mean square", max(p.misfit for p in m.profiles), 3.0
            ),
            Check("half-spaces minus two channels near the contact, per βJ", max(m.half), 0.25 if m.quick else 0.15),
            *m.lab.checks(),
        ),
    )
