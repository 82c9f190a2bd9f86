"""The paragraph after equation (6): the torque turns the magnetization near the interface, δθ_i from ΔJ_M."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from scipy import constants

from kwant_spinjunc import Junction
from kwant_spinjunc.magnets.wall import resolve_magnets, self_consistent_wall, torque_profile
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.spin import torque_axes
from kwant_spinjunc.theory import domain_wall
from kwant_spinjunc.transport.linear import linear_response
from systems.asymmetric_junction import asymmetric_junction

from ..claim import Check, Judged, Record, Records
from ..compare import fit_power_law, largest
from ..figures import drawn
from ..laboratory import FAMILIES, IRON, Laboratory

#: Exchange stiffness 2A (J/m) and anisotropy 2K_u (J/m³) of hcp cobalt, A = 31 pJ/m and K_u = 0.41 MJ/m³: J. M. D.
#: Coey, Magnetism and Magnetic Materials (Cambridge, 2010). Spacing of the planes in nm.
STIFFNESS, COBALT, SPACING = 6.2e-11, 8.2e5, 0.25
#: µ0 Ms² of cobalt (J/m³), Ms = 1.44 MA/m: what a tilt along the film normal costs besides.
DEMAGNETIZATION = 2.6e6
#: Junctions, angles, current (A/m²) and resolved planes of each magnet of the directions.
DIRECTIONS: dict[str, Callable[..., Junction]] = {
    **FAMILIES,
    "F|N|F'": partial(asymmetric_junction, height=-0.8, onsite_right=4.8, splitting_right=1.8, **IRON),
    "F|N|f": partial(asymmetric_junction, height=-0.8, thickness=2, onsite_right=4.0, splitting_right=0.3, **IRON),
    "F|1|F'": partial(asymmetric_junction, height=0.5, thickness=1, onsite_right=4.5, splitting_right=2.5, **IRON),
}
DEGREES = (60.0, 90.0, 120.0)
CURRENT, DEEP = 1e11, 40
#: The easy axes are at right angles in all loops.
ANGLE = np.pi / 2
#: Largest change of the torque, relative to the largest, at which a loop has converged.
TOLERANCE = 1e-7
#: Torque on the interface of the chains, in units of √(JK): small enough that the response is linear.
SMALL = 1e-6
#: A tilt nearer to the plane of both magnetizations than this counts as the paper's rotation (degrees).
IN_PLANE = 25.0
#: What a tilt is made of, exactly, is known for a torque on the interface plane; rounding of chains of 10³ planes.
EXACT = 1e-9
#: Currents (A/m²) up to which the loops judge the response, which is linear.
WEAK = 1e12


# ---------------------------------------------------------------------- what is computed
def measure_chain(kappa: float) -> Record:
    """Relax a chain of κ = K a²/J under a small torque on its first plane, conjugate to θ; J = a = M0 = 1."""
    planes, d = int(np.clip(25 / np.sqrt(kappa), 40, 2500)), 1 / np.sqrt(kappa)
    chain = domain_wall.spin_chain(exchange=1.0, anisotropy=float(kappa), planes=(0, planes))
    relaxed = domain_wall.relax(chain, domain_wall.interface_torque(chain, right=SMALL * np.sqrt(kappa))).rotation
    used = np.flatnonzero(relaxed > 1e-4 * relaxed[0])[: max(3, planes // 4)]
    slope, offset = np.polyfit(used, np.log(relaxed[used]), 1)
    length, residual = -1 / slope / d, abs(np.log(relaxed[used]) - slope * used - offset).max()
    profile, rotation = relaxed / relaxed[0], relaxed[0] / (SMALL * np.sqrt(kappa))  # δθ_n/δθ_0; per torque
    # the printed δθ_i with a restored, per torque (ΔJ_M is minus the torque on the plane), and the exact linear answer
    paper, lattice = (
        tilt(-1.0, 1.0, kappa, 1.0) for tilt in (domain_wall.rotation_restored, domain_wall.rotation_lattice)
    )
    lattice_length = domain_wall.lattice_wall_length(1.0, kappa, 1.0) / domain_wall.wall_length(1.0, kappa)
    return Record(locals())


def tilt_of(torque: np.ndarray, m: np.ndarray, other: np.ndarray, K: float, K_d: float) -> np.ndarray:
    """Return the small tilt of the first plane in and out of the plane of both m, torque [plane, xyz] in J/m².

    δm = g (τ × m): the field-like torque turns within the plane, against K, the damping-like one out of it, against K +
    K_d.
    """
    e, normal = torque_axes(m, other)
    planes = np.arange(len(torque))
    J, a = STIFFNESS / (SPACING * 1e-9), SPACING * 1e-9
    inside, outside = (domain_wall.chain_response(0, planes, J, k * a) for k in (K, K + K_d))
    return np.array([inside @ (torque @ normal), -outside @ (torque @ e)])


def measure_tilts(family: str, angle: float) -> list[Record]:
    """Resolve the torque of one rigid junction plane by plane and let both magnets answer.

    Linear response, radians at `CURRENT`. Net torques per charge current, the field-like one along m_L × m_R.
    """
    junction = resolve_magnets(DIRECTIONS[family](theta=angle), DEEP)
    profile = torque_profile(junction)
    net = linear_response(scatter(DIRECTIONS[family](theta=angle), 0.0, "average"), 0.5, -0.5)
    m = junction.magnetizations
    sides = {"left": (profile.torque[:DEEP][::-1], *m), "right": (profile.torque[DEEP:], *m[::-1])}
    J, scale = float(net.charge[0]), constants.hbar / (2 * constants.e) * CURRENT
    found = []
    for side, (magnet, (torque, own, other)) in enumerate(sides.items()):
        # in and out of the plane of both magnetizations; without demagnetization, and with it
        bare, film = (tilt_of(scale * torque, own, other, COBALT, K_d) for K_d in (0.0, DEMAGNETIZATION))
        tilt = {"family": family, "angle": angle, "magnet": magnet, "bare": bare, "film": film}
        for name in ("damping_like", "field_like"):
            tilt[name] = getattr(net.torques, name)[side] / J
        to_plane = float(np.degrees(np.arctan2(abs(film[1]), abs(film[0]))))
        found.append(Record({**tilt, "to_plane": to_plane, "quotient": abs(tilt["field_like"] / tilt["damping_like"])}))
    return found


def measure_loop(lab: Laboratory, family: str, current: float, hardness: float) -> Record:
    """Let the torque of a current and the wall it makes settle, cobalt's anisotropy times ``hardness``."""
    anisotropy = hardness * COBALT
    length = np.sqrt(STIFFNESS / anisotropy) / (SPACING * 1e-9)
    wall = self_consistent_wall(
        FAMILIES[family](theta=ANGLE),
        stiffness=STIFFNESS,
        anisotropy=anisotropy,
        current_density=current,
        lattice_constant=SPACING,
        demagnetization=DEMAGNETIZATION / COBALT * anisotropy,
        planes=int(np.ceil(4 * length)),
        solve=lambda junction, energy, k: lab.scatter(junction, energy, k),
        tolerance=TOLERANCE,
        max_evaluations=15,
    )
    d = float(domain_wall.wall_length(STIFFNESS, anisotropy) * 1e9)  # nm
    first, (m_left, m_right) = wall.chain.left_planes, wall.chain.easy_axes[[0, -1]]
    # δθ_i of the paper, the net torque on the rigid right magnet toward the left one taken for ΔJ_M
    in_plane = wall.net_torque(wall.rigid)[1] @ m_left
    predicted = float(abs(domain_wall.rotation_restored(in_plane, STIFFNESS, anisotropy, SPACING * 1e-9)))
    # tilt of the first plane of the right magnet, and its parts in and out of the plane of both magnetizations (rad)
    tilt, rotation, elevation = (
        float(part[first]) for part in (wall.state.tilt, wall.state.rotation, wall.state.elevation)
    )
    direction = float(np.degrees(np.arctan2(abs(elevation), abs(rotation))))
    # linear lattice response to the rigid torque, and its distance from the tilt toward m_L and along m_R × m_L
    torque = wall.scale * wall.rigid.torque[first:]
    linear = tilt_of(torque, m_right, m_left, anisotropy, DEMAGNETIZATION / COBALT * anisotropy)
    turned = np.array([wall.state.m[first] @ axis for axis in torque_axes(m_right, m_left)])
    response, missed = float(np.linalg.norm(linear)), float(np.linalg.norm(linear - turned) / tilt)
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdicts(
    length_power: float, size_power: float, tilts: Sequence[Record], loops: Sequence[Record]
) -> tuple[str, str]:
    """Return the verdicts on the print and on the linear lattice response to both torques.

    Errors of length and size must vanish with κ, and the tilt lie in the plane; the loops of weak currents must be the
    response.
    """
    soft = min(length_power, size_power) > 0.25
    in_plane = max(tilt.to_plane for tilt in tilts) < IN_PLANE
    missed = max(loop.missed for loop in loops if loop.current <= WEAK)
    return "holds in a limit" if soft and in_plane else "fails", "holds in a limit" if missed < 0.05 else "fails"


@drawn("domain-wall-chain", 1, 2, width=6.8, height=3.6)
def draw_chains(m: Record, left: Any, right: Any) -> None:
    """Plot profiles of three chains on a log scale, and the size of the rotation against κ."""
    kappa = m.chains.kappa
    for k, color, marker in zip((1e-3, 0.1, 4.0), ("left", "damping_like", "right"), "os^", strict=True):
        chain = m.chains[int(np.argmin(abs(np.log(kappa / k))))]
        y = np.arange(len(chain.profile)) * np.sqrt(chain.kappa)
        here = np.flatnonzero(y < 6)[:: max(1, round(0.4 / np.sqrt(chain.kappa)))]
        label = rf"chain, $Ka^2/J$ = {chain.kappa:.2g}"
        left.semilogy(y[here], chain.profile[here], marker, color=color, label=label)
    y = np.linspace(0, 6, 50)
    left.semilogy(y, np.exp(-y), color="theory", linewidth=1, label=r"paper, $e^{-y/d}$")
    left.set(xlabel=r"distance from the interface, $y/d$", ylim=(2e-4, 1.5))
    left.set_ylabel(r"rotation $\delta\theta(y)/\delta\theta_i$")
    left.legend(loc="lower left")

    right.axhline(0, color="black", linewidth=0.6)
    right.semilogx(kappa, m.chains.rotation * np.sqrt(kappa), "o", color="microscopic", label="chain")
    fine = np.geomspace(kappa.min(), kappa.max(), 400)
    exact = np.array([domain_wall.rotation_lattice(-1.0, 1.0, k, 1.0) for k in fine]) * np.sqrt(fine)
    right.semilogx(fine, exact, color="damping_like", label="lattice, exact")
    print_ = np.where(abs(fine - 1) > 0.02, 1 / (np.sqrt(fine) - fine) * np.sqrt(fine), np.nan)
    right.semilogx(fine, print_, "--", color="theory", label="paper, $a$ restored")
    right.axvline(1, color="muted", linewidth=1, linestyle=":")
    right.set_ylim(-4, 6)
    right.annotate(r"$K = J/a^2$", (1, -3.6), ha="right", fontsize=8, xytext=(-3, 0), textcoords="offset points")
    right.set(xlabel=r"$\kappa = Ka^2/J$", ylabel=r"$\delta\theta_i\sqrt{JK}$ / torque")
    right.legend(loc="upper left")


@drawn("domain-wall-loop", 1, 2, width=6.8, height=3.6)
def draw_loops(m: Record, left: Any, right: Any) -> None:
    """Plot the wall of one loop, in and out of the plane, and what the walls change against the current."""
    wall, start = m.shown.wall, m.shown.wall.chain.left_planes
    y, state = wall.position[start:], wall.state
    for part, look, color, name in (
        ("elevation", "o", "damping_like", "out of"),
        ("rotation", "s", "field_like", "in"),
    ):
        left.plot(y, np.degrees(getattr(state, part)[start:]), look, color=color, label=f"{name} the plane")
    fine = np.linspace(0, y[-1], 200)
    profile = domain_wall.wall_profile(fine * 1e-9, np.degrees(m.shown.predicted), STIFFNESS, m.shown.anisotropy)
    left.plot(fine, profile, "--", color="theory", label="paper, in the plane")
    left.axhline(0, color="black", linewidth=0.6)
    left.set(xlabel="distance from the interface (nm)", ylabel="tilt from the easy axis (degrees)")
    left.set_title(f"{m.shown.family}, right magnet")
    left.legend()
    walls = Records(loop.wall for loop in m.by_current)
    for label, look, color, values in (
        ("tilt (rad)", "o-", "damping_like", m.by_current.tilt),
        ("change of the torque", "s-", "left", walls.torque_change),
        ("change of the conductance", "^-", "right", abs(walls.conductance_change)),
    ):
        right.loglog(m.by_current.current, values, look, color=color, label=label)
    right.set(xlabel="current density (A/m²)", ylabel="relative to the rigid junction", title=m.by_current[0].family)
    right.set_ylim(top=max(1.0, 300 * m.by_current[-1].tilt))
    right.legend(loc="upper left")


def measure(quick: bool) -> Record:
    """Compare the printed wall with relaxed chains, and close the loop between torque and wall."""
    lab = Laboratory(spot_check_every=25)
    kappa = np.concatenate([np.geomspace(1e-4, 0.5, 9 if quick else 25), [0.7, 0.9, 1.1, 1.5, 2.0, 4.0]])
    chains = Records(measure_chain(k) for k in kappa)
    currents = [3e11, 1e12, 3e12] if quick else [1e11, 1e12, 1e13]
    hardness = 100 if quick else 10
    by_current = Records(measure_loop(lab, "F|N|F", current, hardness) for current in currents)
    others = ["F|I|F"] if quick else ["F|I|F", "F|F", "F|I|F'"]
    by_family = [measure_loop(lab, family, 1e12, hardness) for family in others]
    soft = [] if quick else [measure_loop(lab, "F|I|F", 1e12, 1)]
    loops = [*by_current, *by_family, *soft]
    shown = (soft or by_family)[0]
    angles = np.radians(DEGREES)
    tilts = [tilt for family in DIRECTIONS for angle in angles for tilt in measure_tilts(family, angle)]
    # both magnets of the tunnel junction at 90°
    equal = [tilt for tilt in tilts if tilt.family == "F|I|F" and np.isclose(tilt.angle, np.pi / 2)]
    # ΔJ_M of (12) is the length of J_M^L m_L - J_M^R m_R, the sum of both in-plane torques
    factor = float(np.sqrt(2 * (1 + np.cos(equal[0].angle)))) * abs(equal[0].damping_like / equal[1].damping_like)
    small = kappa < 0.02
    length = fit_power_law(kappa[small], abs(chains.length[small] - 1))
    over = chains.paper / chains.rotation
    size, beyond = fit_power_law(kappa[small], abs(over - 1)[small]), over[kappa > 1]
    return Record(locals())


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    printed, corrected = verdicts(m.length.exponent, m.size.exponent, m.tilts, m.loops)
    weakest = min(m.by_current, key=lambda loop: loop.current)
    rotation, decay = m.chains.rotation / m.chains.lattice, m.chains.length / m.chains.lattice_length
    states = [loop.wall.state for loop in m.loops]
    return Judged(
        printed=printed,
        corrected=corrected,
        value=weakest.direction,
        expected=float(np.degrees(np.arctan2(*abs(weakest.linear[::-1])))),
        tolerance=0.2,  # the torque answers the wall, and the response is linear
        unit="degrees",
        route=Check("size of that tilt over the lattice response", weakest.tilt, 5e-3 * weakest.tilt, weakest.response),
        checks=(
            Check("rotation of the chain against the exact lattice response", largest(rotation - 1), EXACT),
            Check("length of the chain against cosh(a/λ) = 1 + κ/2", largest(decay - 1), EXACT),
            Check("deviation of ln δθ from a straight line", largest(m.chains.residual), EXACT),
            # leading order of the exact lattice answer; the fit ends at κ = 0.02, where the next order is a tenth of it
            Check("power of the error of the printed rotation", m.size.exponent, 0.05, expected=0.5),
            Check("power of the error of d", m.length.exponent, 0.01, expected=1.0),
            Check(
                "largest unbalanced torque over the torque, all loops",
                largest(state.residual / abs(state.torque).max() for state in states),
                EXACT,
            ),
            # beside a bound state that the tilt makes a resonance, a wave has half of its digits
            *m.lab.checks(1e-8),
        ),
    )


def numbers(m: Record) -> Record:
    """Return what the text quotes besides."""
    settled = [loop for loop in m.loops if loop.wall.report.converged]
    evaluations = [loop.wall.report.evaluations for loop in settled]
    change = fit_power_law(m.by_current.current, [loop.wall.torque_change for loop in m.by_current])
    strongest = max(settled, key=lambda loop: loop.wall.torque_change)
    to_plane, quotients = [tilt.to_plane for tilt in m.tilts], [tilt.quotient for tilt in m.tilts]
    lengths = ", ".join(sorted({f"{loop.d:.1f}" for loop in m.loops}))
    film = np.median([tilt.film[1] / tilt.bare[1] for tilt in m.tilts])
    return Record(locals())
