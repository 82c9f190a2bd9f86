"""The text before equation (5) and ΔJ_M of (12) at a clean contact of two diffusive magnets."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from kwant_spinjunc import Anderson, Junction, Scattering, Substitution, ferromagnet, unit_vector
from kwant_spinjunc.runs.statistics import value_with_error
from kwant_spinjunc.spin import SIGNS
from kwant_spinjunc.theory import tunnelling
from kwant_spinjunc.theory.interface import in_series

from ..claim import Check, Judged, Record
from ..compare import largest
from ..currents import lead_currents
from ..figures import drawn, legend_below
from ..laboratory import Laboratory, SampleLaboratory, across, k_average, numbers_of
from ..two_channels import Metal, clean_contact, solve

#: The magnets, unit t.
MAGNET = {"onsite": 3.0, "splitting": 1.0, "hopping": 1.0, "in_plane_hopping": 1.0}
CLEAN = partial(ferromagnet, **MAGNET)
#: Concentration, shift of the minority and of the majority level there, width of the random levels everywhere.
ALLOYS = {"A": (0.3, 4.0, 0.0, 1.5), "B": (0.15, 0.0, -4.0, 2.0)}
CELL = 4
ENERGY = 0.0
DEGREES = (0.0, 30.0, 60.0, 90.0, 120.0, 150.0)
#: The angle the numbers are given at.
QUOTED = DEGREES.index(60.0)
#: Planes of the magnets up to which resistances grow linearly for both spins, and of the study of cross-sections.
OHMIC = 8
#: Planes of each magnet when the torque is resolved by depth, and the angles of that.
RESOLVED, RESOLVED_DEGREES = 8, (60.0, 90.0, 120.0)
#: Lengths at which two channels are followed further, planes.
FAR = (2, 100, 1000, 100_000)
#: Chemical potentials (µ_L+, µ_L-), (µ_R+, µ_R-): a voltage, and spin accumulation on the right alone.
BIAS = ((0.5, 0.5), (-0.5, -0.5))
FROM_RIGHT = ((0.0, 0.0), (1.0, -1.0))
#: Largest angle of the verdicts, and how near, per J, two channels must come.
QUOTED_MAX, NEAR = 90.0, 0.06
#: Standard errors by which a number must miss to be called wrong.
SIGNIFICANT = 5.0


# ---------------------------------------------------------------------- what is computed
def alloy(name: str) -> list[Any]:
    """Return the disorder of an alloy."""
    concentration, minority, majority, width = ALLOYS[name]
    onsite, splitting = MAGNET["onsite"] + (majority + minority) / 2, MAGNET["splitting"] + minority - majority
    return [Substitution(concentration=concentration, onsite=onsite, splitting=splitting), Anderson(width=width)]


def contact(planes: int, theta: float = np.pi / 2, alloys: str = "AA") -> Junction:
    """Return F|F': two diffusive magnets in contact, between clean leads of their band."""
    m = unit_vector(theta)
    left, right = ({"thickness": planes, "disorder": alloy(name)} for name in alloys)
    return Junction(CLEAN(), [CLEAN(**left), CLEAN(**right, m=m)], CLEAN(m=m))


def channels(lab: SampleLaboratory, name: str, samples: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return σ_s of an alloy in e²/h per a, its error, and N_s per cell, from magnets of 4 and 2 × `OHMIC` planes."""
    found = []
    for planes in (2, OHMIC):
        average = lab.average(contact(planes, 0.0, name * 2), samples)
        R = average.of_means(lambda means: CELL**2 / np.diagonal(means["transmissions"]))
        found.append((R, average["modes"].mean[0] / CELL**2))
    (thin, thin_error), (thick, thick_error) = found[0][0], found[1][0]
    sigma = 2 * (OHMIC - 2) / (thick - thin)
    return sigma, sigma * np.hypot(thin_error, thick_error) / (thick - thin), found[1][1]


def network(left: np.ndarray, right: np.ndarray, modes: np.ndarray, planes: int, angle: float) -> np.ndarray:
    """Return J_M^L, J_M^R per J of two diffusive channels on each side of the clean contact; nothing fitted."""
    interface = clean_contact(CLEAN, angle, ENERGY)
    found = solve([Metal(planes, left), Metal(planes, right)], modes, interface=interface)
    return found.polarization[planes : planes + 2]


def far_length(sigma: np.ndarray, modes: np.ndarray, planes: int, angle: float) -> float:
    """Return ΔJ_M/(2βJ sin(Φ/2)) of equal magnets of so many planes, two channels in closed form.

    Without spin flip each side is a pair of resistors, so that no network of planes needs to be solved.
    """
    found = clean_contact(CLEAN, angle, ENERGY)
    half = planes / sigma + 0.5 / modes
    G = in_series(found.conductance, np.stack([half, half]) - 0.5 / found.modes)
    into = G[:, :, 0, :].sum(axis=-1) * np.array([[1.0], [-1.0]])
    J_M = into @ SIGNS / into.sum(axis=1)
    beta = (sigma[0] - sigma[1]) / sigma.sum()
    m = unit_vector(0.0), unit_vector(angle)
    return float(np.linalg.norm(tunnelling.vector_difference(*J_M, *m)) / (2 * abs(beta) * np.sin(angle / 2)))


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
    Q = (currents[..., 0, start:, 1:] - currents[..., 1, start:, 1:]) / 2
    return across(Q, unit_vector(theta), unit_vector(0.0)).real


def clean_depth(lab: Laboratory, planes: int) -> np.ndarray:
    """Return the in-plane Q⊥ over that at the contact in clean magnets at 90°, all k∥."""
    junction = Junction(CLEAN(), [], CLEAN(m=unit_vector(np.pi / 2)), buffer=planes + 1)

    def observe(state: Scattering) -> dict[str, np.ndarray]:
        return {"Q": in_plane(state.bond_currents, junction.buffer - 1, np.pi / 2), "G": state.conductance}

    Q = k_average(lab, junction, ENERGY, observe, accuracy=1e-6)["Q"]
    return Q / Q[0]


def measure_depth(lab: SampleLaboratory, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the in-plane transverse spin current in the right magnet over that at the contact [angle, depth].

    Under a voltage, with its standard error.
    """
    angles, junction = np.radians(RESOLVED_DEGREES), contact(RESOLVED)
    result = lab.average(junction, samples, m_right=unit_vector(angles), profiles=True)
    start = junction.buffer + RESOLVED - 1

    def left(means: dict[str, np.ndarray]) -> np.ndarray:
        currents = means["bond_currents"].sum(axis=2)
        Q = np.array([in_plane(currents[i], start, angle) for i, angle in enumerate(angles)])
        return Q / Q[:, :1]

    return result.of_means(left)


def average(lab: SampleLaboratory, planes: int, samples: int, alloys: str = "AA", width: int = CELL) -> Record:
    """Average one contact at all angles, of which the ``length`` leaves out 0."""
    angles = np.radians(DEGREES)
    result = lab.average(contact(planes, alloys=alloys), samples, width=width, m_right=unit_vector(angles))

    def everything(means: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        J_M, J = means["magnetization_current"], means["conductance"]
        beta, back = J_M[0].mean() / J[0], lead_currents(means["probabilities"], FROM_RIGHT) @ SIGNS
        difference = tunnelling.vector_difference(*J_M[1:].T, unit_vector(0.0), unit_vector(angles[1:]))
        return {
            "polarization": beta,  # at Φ = 0
            "polarized": J_M / J[:, None],  # [angle, side]
            "ratio": J_M[:, 0] / J_M[:, 1],  # J_M^L/J_M^R under a voltage
            "ratio_from_right": back[:, 0] / back[:, 1],  # and of spin from the right
            # |J_M^R m_R - J_M^L m_L| over 2βJ sin(Φ/2)
            "length": np.linalg.norm(difference, axis=-1) / (2 * beta * J[1:] * np.sin(angles[1:] / 2)),
        }

    return Record({**numbers_of(result, everything), "planes": planes, "result": result})


def measure(quick: bool) -> Record:
    """Measure both currents for equal and unequal magnets, in wider cross-sections, and the torque by depth."""
    lab, pure = SampleLaboratory(spot_check_every=4, width=CELL, energy=ENERGY), Laboratory(spot_check_every=50)
    samples = 160 if quick else 700
    contacts = [average(lab, planes, samples) for planes in ((2, 8, 16) if quick else (2, 8, 16, 24))]  # A|A
    unequal = [average(lab, planes, samples, "AB") for planes in ((8,) if quick else (2, 8, 16))]
    wide = {6: 24} if quick else {6: 200, 8: 60}
    sections = {CELL: contacts[1], **{W: average(lab, OHMIC, count, width=W) for W, count in wide.items()}}
    alloys = {name: channels(lab, name, samples) for name in ALLOYS}
    depth, depth_error = measure_depth(lab, 48 if quick else 300)
    clean = clean_depth(pure, RESOLVED)
    checks, thin, thick, widest = (*lab.checks(), *pure.checks()), contacts[0], contacts[-1], unequal[-1]
    sigma, sigma_error, modes = alloys["A"]
    # ℓ_s = 3σ_s/(4N_s) in planes: kinetic theory of N channels per area; (σ_s/N_s) tan²(Φ/2) of the larger spin
    free_paths = 0.75 * sigma / modes
    crossover = {d: float((sigma / modes).max() * np.tan(np.radians(d) / 2) ** 2) for d in DEGREES[1:]}

    def two_channels(pair: str, planes: int, degrees: float) -> np.ndarray:
        left, right = (alloys[name][0] for name in pair)
        return network(left, right, modes, planes, np.radians(degrees))

    told = np.array([two_channels("AB", widest.planes, d) for d in DEGREES])
    missed = float(abs(widest.polarized.value - told)[np.array(DEGREES) <= QUOTED_MAX].max())
    # (degrees, J_M^L/J_M^R, its error, the same of two channels)
    quotients = [*zip(DEGREES, *map(np.ndarray.tolist, widest.ratio), (told[:, 0] / told[:, 1]).tolist(), strict=True)]
    _, value, error, expected = quotients[QUOTED]
    listed = [("A|A", CELL, c) for c in contacts] + [("A|B", CELL, c) for c in unequal]
    listed += [("A|A", W, c) for W, c in sections.items() if CELL != W]
    networks = [np.divide(*two_channels(name.replace("|", ""), c.planes, DEGREES[QUOTED])) for name, _, c in listed]
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdicts(quotients: Sequence[tuple[float, float, float, float]], missed: float) -> tuple[str, str]:
    """Return the verdicts on J_M^L = J_M^R cos Φ, unequal magnets under a voltage, and on two channels.

    ``quotients``: degrees, J_M^L/J_M^R, its error, the same of two channels; ``missed``: largest error of two channels
    per J, which magnets of a few mean free paths need not reach.
    """
    turned = [q for q in quotients if 0 < q[0] <= QUOTED_MAX]
    law = max(abs(value - np.cos(np.radians(d))) / error for d, value, error, _ in turned)
    return "fails" if law > SIGNIFICANT else "holds", "holds in a limit" if missed < NEAR else "fails"


@drawn("diffusive-interface-currents", 1, 2, height=4.4)
def draw_currents(m: Record, *axes: Any) -> None:
    """Plot the ratio of the currents and the length of their difference against the angle."""
    left, right = axes
    angles = np.linspace(0, 180, 91)
    left.plot(angles, np.cos(np.radians(angles)), "-", color="black", label="rotation law, cos Φ")
    colors = ("damping_like", "left", "right", "field_like", "muted")
    thick = m.unequal[-1]  # between thin magnets J_M^R passes zero
    left.errorbar(DEGREES, *thick.ratio, fmt="o", color=colors[1], label=f"A|B, voltage, {thick.planes} planes")
    told = [q[3] for q in m.quotients]
    left.plot(DEGREES, told, "-", color=colors[1], linewidth=1, label="A|B, two channels")
    label = f"A|A, spin from the right, {m.contacts[-1].planes}"
    left.errorbar(DEGREES, *m.contacts[-1].ratio_from_right, fmt="s:", mfc="none", color=colors[2], label=label)
    left.set_ylabel(r"$J_M^L/J_M^R$")
    for contact_, color in zip(m.contacts, colors, strict=False):
        right.errorbar(DEGREES[1:], *contact_.length, fmt="o-", color=color, label=f"{contact_.planes} planes")
    right.axhline(1.0, color="black", linewidth=0.8)
    right.set(ylabel=r"$|\Delta\mathbf{J}_M|\,/\,2\beta J\sin(\Phi/2)$", ylim=(0, 1.2))
    for panel in axes:
        panel.set_xlabel("angle Φ (degrees)")
        panel.set_xticks([0, 45, 90, 135, 180])
    legend_below(left, 2)
    right.legend(loc="lower left")


@drawn("diffusive-interface-depth", height=3.4)
def draw_depth(m: Record, axes: Any) -> None:
    """Plot the in-plane transverse spin current against the depth."""
    depth = np.arange(RESOLVED + 1)
    shift = 0.08
    for i, (angle, name) in enumerate(zip(RESOLVED_DEGREES, ("left", "right", "damping_like"), strict=True)):
        x = depth + (i - 1) * shift
        left, error = m.depth[i, : len(depth)], m.depth_error[i, : len(depth)]
        axes.errorbar(x, left, error, fmt="o-", linewidth=1, color=name, label=f"diffusive, Φ = {angle:g}°")
    axes.plot(depth, m.clean[: len(depth)], "--", color="black", label="clean, k∥ average, Φ = 90°")
    axes.axhline(0.0, color="muted", linewidth=0.6)
    path = float(m.free_paths.min())
    if path < RESOLVED:
        axes.axvline(path, color="muted", linestyle=":", label="shorter mean free path")
    axes.set_xlabel("planes of the right magnet passed, n")
    axes.set_ylabel(r"$\mathbf{Q}(n)\cdot\mathbf{e}_R\,/\,\mathbf{Q}(0)\cdot\mathbf{e}_R$")
    axes.legend(loc="upper right")


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    printed, corrected = verdicts(m.quotients, m.missed)
    clean = clean_contact(CLEAN, np.pi / 3, ENERGY).between_metals
    results = [c.result for c in (*m.contacts, *m.unequal)]
    both = [lead_currents(one.probabilities.mean, BIAS).sum(axis=-1) / one.conductance.mean.min() for one in results]
    return Judged(
        printed=printed,
        corrected=corrected,
        value=m.value,
        expected=m.expected,
        tolerance=0.1 * abs(m.expected) + 4 * m.error,
        route=Check(
            "ΔJ_M/(2βJ sin(Φ/2)) at 60°, 10⁵ planes of two channels",
            far_length(m.sigma, m.modes, FAR[-1], np.pi / 3),
            2e-3,
            expected=1.0,
        ),
        checks=(
            Check("J_L − J_R of the mean, of J", largest(J @ [1, -1] for J in both), 1e-9),
            Check("charge of the contact's conductance matrix", float(abs(clean.sum(axis=(0, 1))).max()), 1e-9),
            *m.checks,
        ),
    )


def numbers(m: Record) -> Record:
    """Return what the text quotes besides."""
    right_angle, middle = DEGREES.index(90.0), RESOLVED_DEGREES.index(90.0)
    sigmas = ", ".join(map(value_with_error, m.sigma.tolist(), m.sigma_error.tolist()))
    far = ", ".join(f"{far_length(m.sigma, m.modes, n, np.radians(150)):.2f} at {n:g}" for n in FAR)
    widths = ", ".join(f"{c.length[QUOTED - 1]} ({W} × {W})" for W, c in m.sections.items())
    betas = ", ".join(str(c.polarization) for c in m.sections.values())
    halves = ", ".join(f"{half_depth(m.depth[i]):.2f} at {angle:g}°" for i, angle in enumerate(RESOLVED_DEGREES))
    return Record(locals())
