"""The paragraph after equation (6): the torque turns the magnetization near the interface, δθ_i from ΔJ_M."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from kwant_spinjunc import Junction
from kwant_spinjunc.compare import Fit, fit_power_law
from kwant_spinjunc.magnets.wall import Wall, self_consistent_wall
from kwant_spinjunc.plot.figures import COLORS, new_figure, styled
from kwant_spinjunc.report import Check, Claim, ClaimFigure
from kwant_spinjunc.theory import domain_wall
from systems.asymmetric_junction import asymmetric_junction
from systems.contact import contact
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction

from .microscopic import Laboratory

#: The magnet of all junctions, unit t: three-dimensional bands, majority -1.5 to 10.5, minority -0.5 to 11.5.
IRON = {"onsite": 5.0, "splitting": 1.0, "in_plane_hopping": 1.0}
FAMILIES: dict[str, Callable[..., Junction]] = {
    "F|I|F": partial(tunnel_junction, height=3.0, **IRON),
    "F|N|F": partial(spin_valve, spacer_onsite=4.2, **IRON),
    "F|F": partial(contact, splitting_right=IRON["splitting"], **IRON),
    "F|I|F'": partial(asymmetric_junction, height=3.0, onsite_right=4.8, splitting_right=1.8, **IRON),
}
#: Exchange stiffness 2A (J/m) and anisotropy 2K_u (J/m³) of hcp cobalt, A = 31 pJ/m and K_u = 0.41 MJ/m³: J. M. D.
#: Coey, Magnetism and Magnetic Materials (Cambridge, 2010). Spacing of the planes in nm.
STIFFNESS, COBALT, SPACING = 6.2e-11, 8.2e5, 0.25
#: The easy axes are at right angles in all loops.
ANGLE = np.pi / 2
#: Largest change of the torque, relative to the largest, at which a loop has converged.
TOLERANCE = 1e-7
#: Torque on the interface of the chains, in units of √(JK): small enough that the response is linear.
SMALL = 1e-6
#: A tilt this much in the plane of both magnetizations counts as the paper's rotation.
IN_PLANE_SHARE = 0.9
#: What a tilt is made of, exactly, is known for a torque on the interface plane; rounding of chains of 10³ planes.
EXACT = 1e-7


@dataclass(frozen=True)
class Chains:
    """Atomistic chains with a torque on their first plane, conjugate to θ, against κ = K a²/J; J = a = M0 = 1."""

    kappa: np.ndarray
    rotation: np.ndarray  # of the first plane, over the torque that makes it
    length: np.ndarray  # fitted decay length over d
    residual: np.ndarray  # of that fit, in ln δθ
    profiles: list[np.ndarray]  # δθ_n/δθ_0

    @property
    def paper(self) -> np.ndarray:
        """The printed δθ_i with a restored, per torque; ΔJ_M is minus the torque on the plane."""
        return np.array([domain_wall.rotation_restored(-1.0, 1.0, k, 1.0) for k in self.kappa])

    @property
    def lattice(self) -> np.ndarray:
        """The exact linear answer."""
        return np.array([domain_wall.rotation_lattice(-1.0, 1.0, k, 1.0) for k in self.kappa])

    @property
    def lattice_length(self) -> np.ndarray:
        """The exact decay length over d."""
        return domain_wall.lattice_wall_length(1.0, self.kappa, 1.0) / domain_wall.wall_length(1.0, self.kappa)


@dataclass(frozen=True)
class Loop:
    """One wall made by a current, self-consistent with its torque."""

    family: str
    current: float  # A/m²
    anisotropy: float  # J/m³
    wall: Wall

    @property
    def d(self) -> float:
        """The paper's wall length in nm."""
        return float(domain_wall.wall_length(STIFFNESS, self.anisotropy) * 1e9)

    @property
    def in_plane(self) -> np.ndarray:
        """Net torques (left, right) in the plane of both magnetizations, toward the other, rigid magnets (J/m²)."""
        left, right = self.wall.net_torque(self.wall.rigid)
        m_left, m_right = self.wall.chain.easy_axes[[0, -1]]
        return np.array([left @ m_right, right @ m_left])

    @property
    def scalar_share(self) -> float:
        """|t0| over the in-plane torque on the right magnet; t0 counts both magnets turning toward each other."""
        return float(abs(np.tan(ANGLE / 2) * self.in_plane.sum() / self.in_plane[1]))

    @property
    def predicted(self) -> float:
        """The paper's |δθ_i| (rad) of the right magnet, its in-plane torque taken for ΔJ_M."""
        return float(abs(domain_wall.rotation_restored(self.in_plane[1], STIFFNESS, self.anisotropy, SPACING * 1e-9)))

    @property
    def concentrated(self) -> float:
        """The exact small rotation (rad) if all that torque were on the first plane and turned θ."""
        return float(abs(domain_wall.rotation_lattice(self.in_plane[1], STIFFNESS, self.anisotropy, SPACING * 1e-9)))

    @property
    def tilt(self) -> float:
        """Tilt of the first plane of the right magnet (rad)."""
        return float(self.wall.state.tilt[self.wall.chain.left_planes])

    @property
    def rotation(self) -> float:
        """Its part in the plane of both magnetizations (rad)."""
        return float(self.wall.state.rotation[self.wall.chain.left_planes])

    @property
    def elevation(self) -> float:
        """Its part out of that plane (rad)."""
        return float(self.wall.state.elevation[self.wall.chain.left_planes])

    @property
    def direction(self) -> float:
        """Angle between the tilt and the plane of both magnetizations (degrees)."""
        return float(np.degrees(np.arctan2(abs(self.elevation), abs(self.rotation))))


# ---------------------------------------------------------------------- what is computed
def measure_chains(kappa: np.ndarray) -> Chains:
    """Relax one chain per κ under a small torque on its first plane."""
    rotation, length, residual, profiles = [], [], [], []
    for k in kappa:
        planes = int(np.clip(25 / np.sqrt(k), 40, 2500))
        chain = domain_wall.spin_chain(exchange=1.0, anisotropy=float(k), planes=(0, planes))
        torque = SMALL * np.sqrt(k)
        found = domain_wall.relax(chain, domain_wall.interface_torque(chain, right=torque)).rotation
        used = np.flatnonzero(found > 1e-4 * found[0])[: max(3, planes // 4)]
        slope, offset = np.polyfit(used, np.log(found[used]), 1)
        rotation.append(found[0] / torque)
        length.append(-np.sqrt(k) / slope)
        residual.append(abs(np.log(found[used]) - slope * used - offset).max())
        profiles.append(found / found[0])
    return Chains(kappa, np.array(rotation), np.array(length), np.array(residual), profiles)


def measure_loop(lab: Laboratory, family: str, current: float, hardness: float) -> Loop:
    """Let the torque of a current and the wall it makes settle, cobalt's anisotropy times ``hardness``."""
    anisotropy = hardness * COBALT
    length = np.sqrt(STIFFNESS / anisotropy) / (SPACING * 1e-9)
    wall = self_consistent_wall(
        FAMILIES[family](theta=ANGLE),
        stiffness=STIFFNESS,
        anisotropy=anisotropy,
        current_density=current,
        lattice_constant=SPACING,
        planes=int(np.ceil(4 * length)),
        solve=lambda junction, energy, k: lab.scatter(junction, energy, k),
        tolerance=TOLERANCE,
        max_evaluations=15,
    )
    return Loop(family, current, anisotropy, wall)


# ---------------------------------------------------------------------- what it says of the paper
def judge(length_power: float, size_power: float, in_plane: Sequence[float]) -> str:
    """Return the verdict: errors of length and size must vanish with κ, and the tilt lie in the plane."""
    if min(length_power, size_power) < 0.25 or min(in_plane) < IN_PLANE_SHARE:
        return "fails"
    return "holds in a limit"


# ---------------------------------------------------------------------- figures
@styled
def draw_chains(chains: Chains) -> Any:
    """Plot profiles of three chains on a log scale, and the size of the rotation against κ."""
    figure, (left, right) = new_figure(1, 2, width=6.8, height=3.6)
    shown = [int(np.argmin(abs(np.log(chains.kappa / k)))) for k in (1e-3, 0.1, 4.0)]
    for index, color, marker in zip(shown, ("left", "damping_like", "right"), ("o", "s", "^"), strict=True):
        kappa = chains.kappa[index]
        n = np.arange(len(chains.profiles[index]))
        every = max(1, round(0.4 / np.sqrt(kappa)))
        y = n * np.sqrt(kappa)
        here = y < 6
        label = rf"chain, $Ka^2/J$ = {kappa:.2g}"
        left.semilogy(y[here][::every], chains.profiles[index][here][::every], marker, color=COLORS[color], label=label)
    y = np.linspace(0, 6, 50)
    left.semilogy(y, np.exp(-y), color=COLORS["theory"], linewidth=1, label=r"paper, $e^{-y/d}$")
    left.set_xlabel(r"distance from the interface, $y/d$")
    left.set_ylabel(r"rotation $\delta\theta(y)/\delta\theta_i$")
    left.legend(loc="lower left")
    left.set_ylim(2e-4, 1.5)

    scale = np.sqrt(chains.kappa)
    right.axhline(0, color="black", linewidth=0.6)
    right.semilogx(chains.kappa, chains.rotation * scale, "o", color=COLORS["microscopic"], label="chain")
    fine = np.geomspace(chains.kappa.min(), chains.kappa.max(), 400)
    exact = np.array([domain_wall.rotation_lattice(-1.0, 1.0, k, 1.0) for k in fine]) * np.sqrt(fine)
    right.semilogx(fine, exact, color=COLORS["damping_like"], label="lattice, exact")
    print_ = np.where(abs(fine - 1) > 0.02, 1 / (np.sqrt(fine) - fine) * np.sqrt(fine), np.nan)
    right.semilogx(fine, print_, "--", color=COLORS["theory"], label="paper, $a$ restored")
    right.axvline(1, color=COLORS["muted"], linewidth=1, linestyle=":")
    right.set_ylim(-4, 6)
    right.annotate(r"$K = J/a^2$", (1, -3.6), ha="right", fontsize=8, xytext=(-3, 0), textcoords="offset points")
    right.set_xlabel(r"$\kappa = Ka^2/J$")
    right.set_ylabel(r"$\delta\theta_i\sqrt{JK}$ / torque")
    right.legend(loc="upper left")
    return figure


@styled
def draw_loops(shown: Loop, by_current: Sequence[Loop]) -> Any:
    """Plot the wall of one loop, in and out of the plane, and what the walls change against the current."""
    figure, (left, right) = new_figure(1, 2, width=6.8, height=3.6)
    wall, chain = shown.wall, shown.wall.chain
    start = chain.left_planes
    y = wall.position[start:]
    left.plot(y, np.degrees(wall.state.elevation[start:]), "o", color=COLORS["damping_like"], label="out of the plane")
    left.plot(y, np.degrees(wall.state.rotation[start:]), "s", color=COLORS["field_like"], label="in the plane")
    fine = np.linspace(0, y[-1], 200)
    profile = domain_wall.wall_profile(fine * 1e-9, np.degrees(shown.predicted), STIFFNESS, shown.anisotropy)
    left.plot(fine, profile, "--", color=COLORS["theory"], label="paper, in the plane")
    left.axhline(0, color="black", linewidth=0.6)
    left.set_xlabel("distance from the interface (nm)")
    left.set_ylabel("tilt from the easy axis (degrees)")
    left.set_title(f"{shown.family}, right magnet")
    left.legend()
    currents = np.array([loop.current for loop in by_current])
    lines = [
        ("tilt (rad)", "o-", "damping_like", [loop.tilt for loop in by_current]),
        ("change of the torque", "s-", "left", [loop.wall.torque_change for loop in by_current]),
        ("change of the conductance", "^-", "right", [abs(loop.wall.conductance_change) for loop in by_current]),
    ]
    for label, look, color, values in lines:
        right.loglog(currents, values, look, color=COLORS[color], label=label)
    right.set_xlabel("current density (A/m²)")
    right.set_ylabel("relative to the rigid junction")
    right.set_title(by_current[0].family)
    right.set_ylim(top=max(1.0, 300 * by_current[-1].tilt))
    right.legend(loc="upper left")
    return figure


def table(loops: Sequence[Loop]) -> tuple[tuple[str, ...], ...]:
    """Return the rows: every loop."""
    rows = [
        (
            "junction",
            "J (A/m²)",
            "d (nm)",
            "loop",
            "paper δθ_i (deg)",
            "tilt (deg)",
            "in plane (deg)",
            "out of plane (deg)",
            "torque changes by",
        )
    ]
    for loop in loops:
        report = loop.wall.report
        state = f"{report.evaluations} evaluations" if report.converged else "not converged"
        angles = np.degrees([loop.predicted, loop.tilt, loop.rotation, loop.elevation])
        rows.append(
            (
                loop.family,
                f"{loop.current:.0e}",
                f"{loop.d:.1f}",
                state,
                *(f"{angle:.3f}" for angle in angles),
                f"{loop.wall.torque_change:.2%}",
            )
        )
    return tuple(rows)


def size_in_words(chains: Chains, size: Fit, length: Fit) -> str:
    """Return what the chains say of length and size of the wall."""
    over = chains.paper / chains.rotation
    near, beyond = over[np.argmin(abs(chains.kappa - 0.9))], over[chains.kappa > 1]
    cobalt = COBALT * (SPACING * 1e-9) ** 2 / STIFFNESS
    return (
        "Length and size of the paper's wall are right for soft magnets, its direction is not. The chain's rotation "
        f"is exponential (to {chains.residual.max():.0e} in ln δθ), with a length above d = √(J/K) by a part ∝ "
        f"κ^{length.exponent:.2f}, κ = K a²/J (cobalt: {cobalt:.0e}). With a restored, and a torque that turns θ, the "
        f"printed δθ_i is too large by a part ∝ κ^{size.exponent:.2f} ({size.prefactor:.1f} √κ): its bracket K − "
        "√(JK)/a lets the anisotropy push where exchange pulls; both pull back, exactly −(K/2 + √(JK/a² + K²/4)) "
        f"(chain: to {abs(chains.rotation / chains.lattice - 1).max():.0e}). Nothing happens at K = J/a²: there the "
        f"print diverges ({near:.0f} times the chain at κ = 0.9) and beyond it turns the wrong way "
        f"({beyond.max():.1f} to {beyond.min():.0f} times the chain), the chain does not. Without a, as printed, the "
        "bracket adds an energy per volume to one per area."
    )


def direction_in_words(loops: Sequence[Loop]) -> str:
    """Return where the tilt of the microscopic walls points and how large it is."""
    printed = [loop.tilt / loop.predicted for loop in loops]
    exact = [loop.tilt / loop.concentrated for loop in loops]
    identical = [loop.scalar_share for loop in loops if not loop.family.endswith("'")]
    return (
        "The direction: the torque lies in the plane of both magnetizations, but statically it is balanced by m × H "
        "of a tilt out of that plane, δm ∝ τ × m. Under the k∥-averaged torque of a current, left plane by plane, "
        f"the interface tilts {min(loop.direction for loop in loops):.0f}° to "
        f"{max(loop.direction for loop in loops):.0f}° out of the plane; the little that stays in it is the spin's "
        f"precession on the first planes. The size of the tilt is {min(printed):.2f} to {max(printed):.2f} times the "
        f"paper's δθ_i if the in-plane torque on the magnet is put for ΔJ_M, and {min(exact):.2f} to {max(exact):.2f} "
        "times the exact answer to that torque on the first plane. (The scalar t0 itself predicts no wall between "
        f"identical magnets: {max(identical):.0e} of the torque.)"
    )


def loop_in_words(loops: Sequence[Loop], by_current: Sequence[Loop]) -> str:
    """Return how the loops went and what the wall does to its torque."""
    settled = [loop for loop in loops if loop.wall.report.converged]
    evaluations = [loop.wall.report.evaluations for loop in settled]
    lost = "; ".join(f"{loop.family} at {loop.current:.0e} A/m²" for loop in loops if not loop.wall.report.converged)
    change = fit_power_law([loop.current for loop in by_current], [loop.wall.torque_change for loop in by_current])
    reference = min(by_current, key=lambda loop: abs(np.log(loop.current / 1e12)))
    largest = max(settled, key=lambda loop: loop.wall.torque_change)
    return (
        f"The loop torque → wall → torque converges in {len(settled)} of {len(loops)} "
        f"cases{f' (not for {lost})' if lost else ''}, in {min(evaluations)} to {max(evaluations)} evaluations to "
        f"{TOLERANCE:.0e}. The wall changes the torque ∝ J^{change.exponent:.2f}: by "
        f"{reference.wall.torque_change:.1%} at {reference.current:.0e} A/m² ({reference.family}, d = "
        f"{reference.d:.1f} nm), at most {largest.wall.torque_change:.1%} ({largest.family}, {largest.current:.0e} "
        f"A/m², d = {largest.d:.1f} nm). Filling a twisted magnet to another level changes the exchange within it as "
        "well; that is no torque of the current and is taken off (behind a barrier it would exceed it by the inverse "
        "of the transmission)."
    )


def figures(chains: Chains, shown: Loop, by_current: Sequence[Loop]) -> tuple[ClaimFigure, ...]:
    """Return both figures with their captions."""
    return (
        ClaimFigure(
            "domain_wall_chain",
            "Left: relaxed chains against the paper's exponential, rotation in units of its value at the interface. "
            "Right: rotation of the interface plane per torque, scaled so that the continuum is 1; the printed form "
            "(a restored) diverges at K = J/a² and changes sign.",
            draw_chains(chains),
        ),
        ClaimFigure(
            "domain_wall_loop",
            f"Left: wall of a current of {shown.current:.0e} A/m² in the right magnet of {shown.family} at 90°, d = "
            f"{shown.d:.1f} nm, self-consistent with its k∥-averaged torque; the paper turns it in the plane. Right: "
            f"tilt at the interface and what the wall does to torque and conductance of {by_current[0].family}, d = "
            f"{by_current[0].d:.1f} nm.",
            draw_loops(shown, by_current),
        ),
    )


def checks(chains: Chains, size: Fit, length: Fit, loops: Sequence[Loop], lab: Laboratory) -> tuple[Check, ...]:
    """Return the invariants: the chains against closed forms, the loops against equilibrium, engine against Kwant."""
    rotation, decay = chains.rotation / chains.lattice - 1, chains.length / chains.lattice_length - 1
    unbalanced = [loop.wall.state.residual / abs(loop.wall.state.torque).max() for loop in loops]
    return (
        Check("rotation of the chain against the exact lattice response", float(abs(rotation).max()), EXACT),
        Check("length of the chain against cosh(a/λ) = 1 + κ/2", float(abs(decay).max()), EXACT),
        Check("deviation of ln δθ from a straight line", float(chains.residual.max()), EXACT),
        # leading order of the exact lattice answer; the fit ends at κ = 0.02, where the next order is a tenth of it
        Check("power of the error of the printed rotation", size.exponent, 0.05, expected=0.5),
        Check("power of the error of d", length.exponent, 0.05, expected=1.0),
        Check("largest unbalanced torque over the torque, all loops", max(unbalanced), EXACT),
        *lab.checks(),
    )


def claim(quick: bool) -> Claim:
    """Compare the printed wall with relaxed chains, and close the loop between torque and wall."""
    lab = Laboratory(spot_check_every=25)
    kappa = np.concatenate([np.geomspace(1e-4, 0.5, 9 if quick else 25), [0.7, 0.9, 1.1, 1.5, 2.0, 4.0]])
    chains = measure_chains(kappa)
    currents = [3e11, 1e12, 3e12] if quick else [1e11, 1e12, 1e13]
    hardness = 100 if quick else 10
    by_current = [measure_loop(lab, "F|N|F", current, hardness) for current in currents]
    others = ["F|I|F"] if quick else ["F|I|F", "F|F", "F|I|F'"]
    by_family = [measure_loop(lab, family, 1e12, hardness) for family in others]
    soft = [] if quick else [measure_loop(lab, "F|I|F", 1e12, 1)]
    loops = [*by_current, *by_family, *soft]
    shown = (soft or by_family)[0]

    small = kappa < 0.02
    length = fit_power_law(kappa[small], abs(chains.length[small] - 1))
    size = fit_power_law(kappa[small], abs(chains.paper / chains.rotation - 1)[small])
    verdict = judge(length.exponent, size.exponent, [abs(loop.rotation) / loop.tilt for loop in loops])
    return Claim(
        id="domain-wall",
        title="The domain wall that the torque makes at the interface",
        equations=("domain wall", "t0"),
        statement=(
            "The torque rotates the magnetization near the interface by δθ(y) = δθ_i exp(−|y|/d_i), d_i = √(J_i/K_i); "
            "the net torque M0 δθ_i [K_i − √(J_i K_i)] makes the difference of the magnetization currents, so that "
            "δθ_i = ΔJ_M/(M0 a [K_i − √(J_i K_i)])."
        ),
        formula="J δθ″ = K δθ;  t = M0 δθ_i [K − √(JK)/a] (a restored);  δθ_i = ΔJ_M/(M0 a [K − √(JK)/a])",
        experiment=(
            f"Atomistic chains of classical spins, κ = K a²/J from {kappa.min():.0e} to {kappa.max():g}, relaxed "
            "under a torque on their first plane. Then junctions at 90° between magnets resolved plane by plane, "
            f"cobalt's stiffness (2A = {STIFFNESS:.1e} J/m) and {'' if quick else '1 and '}{hardness} times its "
            f"anisotropy (d = {', '.join(sorted({f'{loop.d:.1f}' for loop in loops}))} nm), a = {SPACING} nm: "
            "k∥-averaged scattering on the texture gives the torque on every plane for a current of "
            f"{min(currents):.0e} to {max(currents):.0e} A/m², the chain relaxes, electrons scatter again, to "
            "self-consistency."
        ),
        parameter="κ = K a²/J for length and size; for the direction none: in-plane torque, out-of-plane tilt",
        verdict=verdict,
        finding=" ".join(
            [size_in_words(chains, size, length), direction_in_words(loops), loop_in_words(loops, by_current)]
        ),
        value=shown.direction,
        value_name=f"angle between the tilt and the plane of both magnetizations, {shown.family}",
        expected=90.0,
        # statics gives 90 degrees for a torque in the plane; part of the torque on the first planes is out of it
        tolerance=20.0,
        unit="degrees",
        table=table(loops),
        figures=figures(chains, shown, by_current),
        checks=checks(chains, size, length, loops, lab),
    )
