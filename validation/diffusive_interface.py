"""The text before equation (5) and ΔJ_M of (12) at a clean contact of two diffusive magnets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from kwant_spinjunc import Anderson, Ensemble, Junction, Scattering, Substitution, ferromagnet, unit_vector
from kwant_spinjunc.plot.figures import COLORS, new_figure, styled
from kwant_spinjunc.report import Check, Claim, ClaimFigure
from kwant_spinjunc.runs.statistics import value_with_error
from kwant_spinjunc.spin import SIGNS, torque_axes
from kwant_spinjunc.theory import tunnelling

from .microscopic import Laboratory
from .samples import SampleLaboratory, lead_currents
from .zone_average import k_average

#: Both magnets, unit t, and their alloy: a part of the sites scatters minority electrons only, all have random levels.
MAGNET = {"onsite": 3.0, "splitting": 1.0, "hopping": 1.0, "in_plane_hopping": 1.0}
CONCENTRATION, SCATTERING, WIDTH = 0.3, 4.0, 1.5
SHAPE = (4, 4)
ENERGY = 0.0
DEGREES = (0.0, 30.0, 60.0, 90.0, 120.0, 150.0)
#: The angle the numbers are given at.
QUOTED = DEGREES.index(60.0)
#: Planes of the magnets up to which resistances grow linearly for both spins.
OHMIC = 8
#: Planes of each magnet when the torque is resolved by depth, and the angles of that.
RESOLVED, RESOLVED_DEGREES = 8, (60.0, 90.0, 120.0)
#: Chemical potentials (µ_L+, µ_L-), (µ_R+, µ_R-): a voltage, and spin accumulation on the right alone.
BIAS = ((0.5, 0.5), (-0.5, -0.5))
FROM_RIGHT = ((0.0, 0.0), (1.0, -1.0))
#: Standard errors by which a number must miss to be called wrong.
SIGNIFICANT = 5.0


@dataclass(frozen=True)
class Contact:
    """One contact of two magnets of ``planes`` planes each: means over samples at all angles."""

    planes: int
    result: Ensemble

    @cached_property
    def polarization(self) -> tuple[float, float]:
        """β = J_M/J at Φ = 0 and its standard error."""
        return self.result.of_means(lambda means: _J_M(means)[0].mean() / means["conductance"][0])

    @cached_property
    def ratio(self) -> tuple[np.ndarray, np.ndarray]:
        """J_M^L/J_M^R under a voltage at every angle, and its standard error."""
        return self.result.of_means(lambda means: _J_M(means)[:, 0] / _J_M(means)[:, 1])

    @cached_property
    def ratio_from_right(self) -> tuple[np.ndarray, np.ndarray]:
        """J_M^L/J_M^R of spin accumulation on the right at every angle, and its standard error."""

        def ratio(means: dict[str, np.ndarray]) -> np.ndarray:
            J_M = lead_currents(means["probabilities"], FROM_RIGHT) @ SIGNS
            return J_M[:, 0] / J_M[:, 1]

        return self.result.of_means(ratio)

    @cached_property
    def length(self) -> tuple[np.ndarray, np.ndarray]:
        """|J_M^R m_R - J_M^L m_L| over 2βJ sin(Φ/2) at angles beyond 0, and its standard error."""
        angles = np.radians(DEGREES[1:])

        def length(means: dict[str, np.ndarray]) -> np.ndarray:
            J_M, J = _J_M(means), means["conductance"]
            beta = J_M[0].mean() / J[0]
            difference = [
                np.linalg.norm(tunnelling.vector_difference(*J_M[i + 1], unit_vector(0.0), unit_vector(angle)))
                for i, angle in enumerate(angles)
            ]
            return np.array(difference) / (2 * beta * J[1:] * np.sin(angles / 2))

        return self.result.of_means(length)

    @cached_property
    def resistances(self) -> tuple[np.ndarray, np.ndarray]:
        """N_s/⟨T_s⟩ at Φ = 0 and its standard error, [spin]."""
        return self.result.of_means(lambda means: means["modes"][0] / np.diagonal(means["transmissions"][0]))


@dataclass(frozen=True)
class Depth:
    """In-plane transverse spin current under a voltage in the right magnet over that at the contact, by angle."""

    left: np.ndarray  # [angle, depth]
    error: np.ndarray
    clean: np.ndarray  # [depth], all k∥ of the clean contact at 90°

    def depth(self, index: int) -> float:
        """Return the depth behind which less than half of the in-plane torque acts, interpolated."""
        return half_depth(self.left[index])


@dataclass(frozen=True)
class Measured:
    """All that the claim computes."""

    contacts: tuple[Contact, ...]
    depth: Depth
    samples: int
    checks: tuple[Check, ...]

    @cached_property
    def free_paths(self) -> tuple[np.ndarray, np.ndarray]:
        """ℓ_s = 3/4 of that in N_s/⟨T_s⟩ = const + L/ℓ, in planes, and its error.

        Kinetic theory has σ = (4/3) N ℓ for N channels per area. From the shortest contact to one of `OHMIC` planes:
        in longer ones minority electrons begin to localize.
        """
        short, long = self.contacts[0], next(contact for contact in self.contacts if contact.planes == OHMIC)
        (R, R_error), (S, S_error) = long.resistances, short.resistances
        path = 0.75 * 2 * (long.planes - short.planes) / (R - S)
        return path, path * np.hypot(R_error, S_error) / (R - S)


# ---------------------------------------------------------------------- what is computed
def _J_M(means: dict[str, np.ndarray]) -> np.ndarray:
    return means["magnetization_current"]


def contact(planes: int, theta: float = np.pi / 2) -> Junction:
    """Return F|F: two diffusive magnets of one alloy in contact, between clean leads."""
    m = unit_vector(theta)
    disorder = [
        Substitution(
            concentration=CONCENTRATION,
            onsite=MAGNET["onsite"] + SCATTERING / 2,
            splitting=MAGNET["splitting"] + SCATTERING,
        ),
        Anderson(width=WIDTH),
    ]
    magnet = {**MAGNET, "thickness": planes, "disorder": disorder}
    return Junction(
        ferromagnet(**MAGNET), [ferromagnet(**magnet), ferromagnet(**magnet, m=m)], ferromagnet(**MAGNET, m=m)
    )


def half_depth(left: np.ndarray) -> float:
    """Return where ``left`` [depth], from 1 at the contact, first falls below one half, interpolated; inf if never."""
    below = np.flatnonzero(left < 0.5)
    if not len(below):
        return np.inf
    n = int(below[0])
    return float(n - (0.5 - left[n]) / (left[n - 1] - left[n]))


def in_plane(currents: np.ndarray, start: int, theta: float) -> np.ndarray:
    """Return the in-plane part of Q⊥ in the right magnet under a voltage, from bond ``start`` (the contact) on.

    ``currents`` [..., lead_in, bond, (charge, x, y, z)].
    """
    direction, _ = torque_axes(unit_vector(theta), unit_vector(0.0))
    return (currents[..., 0, start:, 1:] - currents[..., 1, start:, 1:]) @ direction / 2


def clean_depth(lab: Laboratory, planes: int) -> np.ndarray:
    """Return the in-plane Q⊥ over that at the contact in clean magnets at 90°, all k∥."""
    magnets = ferromagnet(**MAGNET), ferromagnet(**MAGNET, m=unit_vector(np.pi / 2))
    junction = Junction(magnets[0], [], magnets[1], buffer=planes + 1)

    def observe(state: Scattering) -> dict[str, np.ndarray]:
        return {"Q": in_plane(state.bond_currents, junction.buffer - 1, np.pi / 2), "G": state.conductance}

    Q = k_average(lab, junction, ENERGY, observe, accuracy=1e-6)["Q"]
    return Q / Q[0]


def measure_depth(lab: SampleLaboratory, clean: Laboratory, samples: int) -> Depth:
    """Follow the in-plane transverse spin current from the contact into the right magnet, at several angles."""
    angles, junction = np.radians(RESOLVED_DEGREES), contact(RESOLVED)
    result = lab.average(
        junction,
        ENERGY,
        cross_section=SHAPE,
        boundary="twisted",
        realizations=samples,
        m_right=unit_vector(angles),
        torques=False,
        profiles=True,
    )
    start = junction.buffer + RESOLVED - 1

    def left(means: dict[str, np.ndarray]) -> np.ndarray:
        currents = means["bond_currents"].sum(axis=2)
        Q = np.array([in_plane(currents[i], start, angle) for i, angle in enumerate(angles)])
        return Q / Q[:, :1]

    return Depth(*result.of_means(left), clean_depth(clean, RESOLVED))


def measure(quick: bool) -> Measured:
    """Measure both currents at all angles for magnets from thin to thick, and the torque by depth."""
    lab, clean = SampleLaboratory(spot_check_every=3), Laboratory(spot_check_every=50)
    samples = 160 if quick else 1500
    contacts = []
    for planes in (2, 8, 16) if quick else (2, 4, 8, 16, 24):
        result = lab.average(
            contact(planes),
            ENERGY,
            cross_section=SHAPE,
            boundary="twisted",
            realizations=samples,
            m_right=unit_vector(np.radians(DEGREES)),
            torques=False,
        )
        contacts.append(Contact(planes, result))
    depth = measure_depth(lab, clean, 48 if quick else 400)
    return Measured(tuple(contacts), depth, samples, (*lab.checks(), *clean.checks()))


# ---------------------------------------------------------------------- what it says of the paper
def judge(ratio: tuple[float, float], angle: float) -> str:
    """Return the verdict on J_M^L = J_M^R cos Φ from the measured ratio and its error."""
    value, error = ratio
    return "fails" if abs(value - np.cos(angle)) > SIGNIFICANT * error else "holds"


def at(pair: tuple[np.ndarray, np.ndarray], index: int) -> str:
    """Return value ± error of one element."""
    return value_with_error(float(pair[0][index]), float(pair[1][index]))


def finding(measured: Measured) -> str:
    """Say which relation between the currents a diffusive contact keeps."""
    thin, thick = measured.contacts[0], measured.contacts[-1]
    depth, paths = measured.depth, measured.free_paths
    degrees, cosine = DEGREES[QUOTED], np.cos(np.radians(DEGREES[QUOTED]))
    right_angle = DEGREES.index(90.0)
    beyond = QUOTED - 1  # `length` begins at the second angle
    last = len(DEGREES) - 1
    halves = ", ".join(f"{depth.depth(i):.2f} at {angle:g}°" for i, angle in enumerate(RESOLVED_DEGREES))
    middle = RESOLVED_DEGREES.index(90.0)
    first = value_with_error(float(depth.left[middle, 1]), float(depth.error[middle, 1]))
    end = value_with_error(float(depth.left[middle, -1]), float(depth.error[middle, -1]))
    return (
        f"Two magnets of one disordered alloy in clean contact (mean free paths ℓ_+ = {at(paths, 0)}, ℓ_− = "
        f"{at(paths, 1)} planes from magnets of {thin.planes} and {OHMIC}: at {thick.planes} "
        "planes minority electrons are diffusive and begin to localize in this cross-section, majority ones are "
        f"between ballistic and diffusive; β = {value_with_error(*map(float, thick.polarization))} at {thick.planes} "
        "planes each), driven by a voltage between unpolarized reservoirs. The rotation law asks for J_M^L/J_M^R = "
        f"cos Φ = {cosine:.2f} at {degrees:g}°; found is {at(thick.ratio, QUOTED)} ({measured.samples} samples of "
        f"{SHAPE[0]} × {SHAPE[1]} cells), and {at(thin.ratio, QUOTED)} for {thin.planes} planes. The magnitudes are "
        "equal, as the paper says in the same paragraph, because at the contact the spin current has a part "
        "perpendicular to either magnetization, which the law sets to zero. For "
        f"spin sent from the right alone the ratio at 90°, where the law has 0, is "
        f"{at(thin.ratio_from_right, right_angle)} for {thin.planes} planes and "
        f"{at(thick.ratio_from_right, right_angle)} for {thick.planes} (that it meets cos Φ "
        f"near 60°, {at(thin.ratio_from_right, QUOTED)} and {at(thick.ratio_from_right, QUOTED)}, is a crossing, see "
        "the figure). The vector is closer to the paper: |J_M^R m_R − J_M^L m_L| "
        "over 2βJ sin(Φ/2), the "
        f"value of (12) for ξ → ∞, is {at(thick.length, beyond)} at {degrees:g}° and {at(thick.length, last - 1)} at "
        f"{DEGREES[last]:g}° for {thick.planes} planes ({at(thin.length, beyond)} and {at(thin.length, last - 1)} for "
        f"{thin.planes}). Towards 180° majority electrons must become minority ones: a clean contact is then no "
        "interface without resistance, and the ratio grows with the thickness of the magnets. The torque "
        f"sits at the contact: behind one plane {first} of the in-plane spin current across m_R is left at 90° "
        f"({depth.clean[1]:.3f} in magnets of the clean host, all k∥), it "
        f"overshoots to {depth.left[middle].min():.2f}, behind {RESOLVED} planes {end}; half of it acts within "
        f"{halves} planes ({half_depth(depth.clean):.2f} in clean ones), "
        f"{depth.depth(middle) / float(paths[0].min()):.2f} of "
        "the shorter mean free path."
    )


# ---------------------------------------------------------------------- figures
@styled
def draw_currents(measured: Measured) -> Any:
    """Plot the ratio of the currents and the length of their difference against the angle."""
    figure, axes = new_figure(1, 2, height=3.9)
    left, right = axes
    angles = np.linspace(0, 180, 91)
    left.plot(angles, np.cos(np.radians(angles)), "-", color="black", label="rotation law, cos Φ")
    colors = [COLORS[name] for name in ("damping_like", "left", "right", "field_like", "muted")]
    thin, thick = measured.contacts[0], measured.contacts[-1]
    usable = slice(0, None)
    for contact_, color in ((thin, colors[0]), (thick, colors[1])):
        value, error = contact_.ratio
        left.errorbar(DEGREES[usable], value, error, fmt="o", color=color, label=f"voltage, {contact_.planes} planes")
        value, error = contact_.ratio_from_right
        left.errorbar(
            DEGREES, value, error, fmt="s:", mfc="none", color=color, label=f"spin from the right, {contact_.planes}"
        )
    left.set_ylabel(r"$J_M^L/J_M^R$")
    left.set_ylim(-1, 1.6)
    for contact_, color in zip(measured.contacts, colors, strict=False):
        value, error = contact_.length
        right.errorbar(DEGREES[1:], value, error, fmt="o-", color=color, label=f"{contact_.planes} planes")
    right.axhline(1.0, color="black", linewidth=0.8)
    right.set_ylabel(r"$|\Delta\mathbf{J}_M|\,/\,2\beta J\sin(\Phi/2)$")
    right.set_ylim(0, 1.2)
    for panel in axes:
        panel.set_xlabel("angle Φ (degrees)")
        panel.set_xticks([0, 45, 90, 135, 180])
    left.legend(loc="lower left", fontsize=7)
    right.legend(loc="lower left")
    return figure


@styled
def draw_depth(measured: Measured) -> Any:
    """Plot the in-plane transverse spin current against the depth."""
    figure, axes = new_figure(1, 1, height=3.4)
    depth = np.arange(RESOLVED + 1)
    shift = 0.08
    for i, (angle, name) in enumerate(zip(RESOLVED_DEGREES, ("left", "right", "damping_like"), strict=True)):
        x = depth + (i - 1) * shift
        left, error = measured.depth.left[i, : len(depth)], measured.depth.error[i, : len(depth)]
        axes.errorbar(x, left, error, fmt="o-", linewidth=1, color=COLORS[name], label=f"diffusive, Φ = {angle:g}°")
    axes.plot(depth, measured.depth.clean[: len(depth)], "--", color="black", label="clean, k∥ average, Φ = 90°")
    axes.axhline(0.0, color=COLORS["muted"], linewidth=0.6)
    path = float(measured.free_paths[0].min())
    if path < RESOLVED:
        axes.axvline(path, color=COLORS["muted"], linestyle=":", label="shorter mean free path")
    axes.set_xlabel("planes of the right magnet passed, n")
    axes.set_ylabel(r"$\mathbf{Q}(n)\cdot\mathbf{e}_R\,/\,\mathbf{Q}(0)\cdot\mathbf{e}_R$")
    axes.legend(loc="upper right")
    return figure


def table(measured: Measured) -> tuple[tuple[str, ...], ...]:
    """Return the rows: one thickness each."""
    head = (
        "planes each",
        "β",
        f"J_M^L/J_M^R, {DEGREES[QUOTED]:g}°",
        "spin from the right, 90°",
        *(f"ΔJ_M ratio, {angle:g}°" for angle in DEGREES[2:]),
    )
    rows = [
        (
            f"{found.planes}",
            value_with_error(*map(float, found.polarization)),
            at(found.ratio, QUOTED),
            at(found.ratio_from_right, DEGREES.index(90.0)),
            *(at(found.length, i) for i in range(1, len(DEGREES) - 1)),
        )
        for found in measured.contacts
    ]
    return head, *rows


def claim(quick: bool) -> Claim:
    """Compare the magnetization currents on both sides of a contact of diffusive magnets."""
    measured = measure(quick)
    thick = measured.contacts[-1]
    ratio = float(thick.ratio[0][QUOTED]), float(thick.ratio[1][QUOTED])
    return Claim(
        id="diffusive-interface",
        title="Rotated currents and their difference at a contact of diffusive magnets",
        equations=("text before 5", "12"),
        statement=(
            "Where the interface has no resistance, the spin currents of both sides are related by the rotation, their "
            "magnitudes are equal, and all the torque comes at the interface; for identical magnets (12) gives the "
            "difference of the magnetization currents in the limit ξ → ∞."
        ),
        formula="J_s'^L = Σ_s |R_ss'|² J_s^R  (so J_M^L = J_M^R cos Φ);   ΔJ_M = 2βJ sin(Φ/2)",
        experiment=(
            f"F|F between clean leads, {measured.contacts[0].planes} to {thick.planes} planes of each magnet, "
            f"{SHAPE[0]} × {SHAPE[1]} cells with random twists, {measured.samples} samples, each at {len(DEGREES)} "
            f"angles; an alloy ({CONCENTRATION:.0%} of sites {SCATTERING:g} t higher for minority electrons) with "
            f"random levels of width {WIDTH:g} t, ε = {MAGNET['onsite']:g} t, Δ = {MAGNET['splitting']:g} t, E = 0. "
            "The reservoirs are unpolarized, far from the contact."
        ),
        parameter="The thickness of the magnets over their mean free paths, and the angle.",
        verdict=judge(ratio, np.radians(DEGREES[QUOTED])),
        finding=finding(measured),
        value=ratio[0],
        value_name=f"J_M^L/J_M^R at {DEGREES[QUOTED]:g}° under a voltage, {thick.planes} planes each",
        expected=1.0,  # mirror images of each other have equal currents on average
        tolerance=max(0.03, 4 * ratio[1]),
        unit="",
        table=table(measured),
        figures=(
            ClaimFigure(
                "diffusive-interface-currents",
                "Left: ratio of the magnetization currents of both magnets under a voltage, and with spin accumulation "
                "on the right alone, against the rotation law. Right: length of the vector difference over 2βJ "
                f"sin(Φ/2). Bars are standard errors of {measured.samples} samples.",
                draw_currents(measured),
            ),
            ClaimFigure(
                "diffusive-interface-depth",
                "In-plane part of the spin current across m_R under a voltage in the right magnet, over that at the "
                f"contact; its fall from plane to plane is the torque. {RESOLVED} planes of each magnet.",
                draw_depth(measured),
            ),
        ),
        checks=(
            Check(
                "J_L − J_R of the mean, of J",
                max(
                    float(abs(lead_currents(c.result.probabilities.mean, BIAS).sum(axis=-1) @ [1, -1]).max())
                    / float(c.result.conductance.mean.min())
                    for c in measured.contacts
                ),
                1e-9,
            ),
            *measured.checks,
        ),
    )
