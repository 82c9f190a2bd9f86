"""The clamping torque in time: whether anisotropy holds the magnets against the electrons, or lets them precess."""

from typing import Any

import numpy as np
from scipy import constants

from kwant_spinjunc.magnets.dynamics import SpinTorque, Trajectory, critical_torque, evolve, static_wall
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.theory.domain_wall import SpinChain, spin_chain
from kwant_spinjunc.theory.wall_torques import chain_threshold, macrospin_threshold, wall_tilts
from kwant_spinjunc.transport.linear import linear_response

from ..claim import Check, Judged, Record
from ..figures import drawn, guide
from ..laboratory import FAMILIES

#: The chain in units of its exchange: anisotropy, demagnetization.
K, K_D = 0.02, 0.03
#: Polarizer opposite to the magnet, which drives precession, and across it.
OPPOSITE, ACROSS = (0.0, 0.0, -1.0), (1.0, 0.0, 0.0)
#: Gilbert damping of the thresholds, and the strong one that brings the motion to rest soon.
DAMPING, STRONG = 0.01, 0.6
#: Torques of the motion, small against √(JK), and its duration in S over the exchange.
DAMPING_LIKE, FIELD_LIKE, TIME = 0.02, 0.03, 700.0
#: hcp cobalt films (J. M. D. Coey, Magnetism and Magnetic Materials, 2010): 2A (J/m), 2K_u and µ0 Ms² (J/m³), and the
#: spacing of planes (m).
COBALT = (6.2e-11, 8.2e5, 2.6e6, 2.5e-10)
#: Planes of free layers.
FREE = (4, 8, 16)


# ---------------------------------------------------------------------- what is computed
def chain_of(planes: int, anisotropy: float = K, demagnetization: float = K_D) -> SpinChain:
    """Return a magnet of so many planes with its free end at the interface."""
    return spin_chain(exchange=1.0, anisotropy=anisotropy, planes=(0, planes), demagnetization=demagnetization)


def approach(planes: int) -> tuple[Trajectory, np.ndarray, float]:
    """Let go of the clamped magnet; return the motion, the static wall and the error of its small-tilt form."""
    chain = chain_of(planes)
    torque = SpinTorque.on(chain, 0, polarizer=ACROSS, damping_like=DAMPING_LIKE, field_like=FIELD_LIKE)
    motion = evolve(chain, torque, damping=STRONG, time=TIME, points=120, rtol=1e-9)
    wall = static_wall(chain, torque)
    torques = {"damping_like": DAMPING_LIKE, "field_like": FIELD_LIKE, "angle": np.pi / 2}
    u, w = wall_tilts(0, **torques, exchange=1.0, anisotropy=K, demagnetization=K_D)
    return motion, wall, float(np.hypot(wall[0, 0] - u, wall[0, 1] - w) / np.hypot(u, w))


def opposite_edge(planes: int) -> Record:
    """Find where a magnet opposite to the polarizer starts to precess: growth of linearized motion, closed form."""
    chain = chain_of(planes, 0.01, 0.01)
    torque = SpinTorque.on(chain, 0, polarizer=OPPOSITE, damping_like=1.0, field_like=0.0)
    edge = critical_torque(chain, torque, damping=DAMPING, largest=1.0, rtol=1e-8)
    single, many = macrospin_threshold(DAMPING, 0.01, 0.01), chain_threshold(planes, DAMPING, 1.0, 0.01, 0.01)[0]
    found, kind, told = edge.factor, edge.kind, float(single if planes == 1 else many)
    return Record(locals())


def fold_error() -> float:
    """Return how far the fold of one spin across the polarizer is from √(K K_d), relative, whatever the damping."""
    chain = chain_of(1)
    torque = SpinTorque.on(chain, 0, polarizer=ACROSS, damping_like=1.0, field_like=0.0)
    found = [critical_torque(chain, torque, damping=a, largest=1.0).factor for a in (DAMPING, 1.0)]
    return max(abs(factor / np.sqrt(K * K_D) - 1) for factor in found)


def beyond(planes: int) -> float:
    """Return how far the first spin still turns, below and just beyond the threshold of a chain, as a quotient."""
    chain = chain_of(planes, 0.01, 0.01)
    unit = SpinTorque.on(chain, 0, polarizer=OPPOSITE, damping_like=1.0, field_like=0.0)
    limit = critical_torque(chain, unit, damping=0.3, largest=2.0).factor
    start = np.tile([0.02, 0.0, np.sqrt(1 - 0.02**2)], (planes, 1))
    ends = []
    for factor in (0.8, 1.2):
        motion = evolve(chain, unit.scaled(factor * limit), damping=0.3, time=2500.0, start=start, points=5, rtol=1e-6)
        ends.append(float(np.hypot(*motion.m[-1, 0, :2])))
    return ends[1] / ends[0]


def critical_currents() -> dict[int, float]:
    """Return the current density (A/m²) at which cobalt free layers behind the barrier start to precess."""
    J, K_, K_d, a = COBALT
    angle = np.pi - 0.02
    response = linear_response(scatter(FAMILIES["F|I|F"](theta=angle), 0.0, "average"), 0.5, -0.5)
    slope = abs(float(response.torques.damping_like[1] / response.charge[0] / np.sin(angle)))
    per_current = constants.hbar / (2 * constants.e) * slope
    return {n: chain_threshold(n, DAMPING, J / a, K_ * a, K_d * a)[0] / per_current for n in FREE}


def measure(quick: bool) -> Record:
    """Follow the magnets in time and find where nothing static is left."""
    motion, wall, small = approach(20 if quick else 40)
    reached = float(abs(motion.m[-1] - wall).max() / abs(wall[0, :2]).max())
    edges = [opposite_edge(n) for n in ((1, 10, 40) if quick else (1, 5, 10, 20, 40, 80, 120))]
    fold, escape, currents, single = fold_error(), beyond(4), critical_currents(), edges[0]
    macrospin = abs(single.found / single.told - 1)
    many = max(abs(edge.found / edge.told - 1) for edge in edges[1:])
    tilt = np.degrees(np.hypot(*wall[0, :2]))
    currents_text = ", ".join(f"{J:.1e} A/m² ({n} planes)" for n, J in currents.items())
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdicts(reached: float, escape: float, many: float) -> tuple[str, str]:
    """Return the verdicts on clamping by anisotropy, and on the threshold up to which it can."""
    clamps = reached < 1e-4
    printed = "fails" if not clamps else "holds in a limit" if escape > 5 else "holds"
    return printed, "holds in a limit" if many < 0.05 else "fails"


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    printed, corrected = verdicts(m.reached, m.escape, m.many)
    return Judged(
        printed=printed,
        corrected=corrected,
        value=m.single.found,
        expected=m.single.told,
        tolerance=1e-12,
        unit="J",
        # N α (ε_n + K_d/2)/(2 - δ_n0) is of first order in the torque
        route=Check("thresholds of many spins over their closed form", 1 + m.many, 0.05, expected=1.0),
        checks=(
            Check("end of the motion against the static wall of Newton's method, relative", m.reached, 1e-5),
            # the tilt is 0.3 rad at the interface
            Check("static wall against small tilts of both torques, relative", m.small, 0.2),
            Check("fold of one spin across the polarizer against √(K K_d), relative", m.fold, 1e-9),
        ),
    )


@drawn("wall-stability-motion", 1, 2, width=7.0, height=3.6)
def draw(m: Record, left: Any, right: Any) -> None:
    """Plot the motion of the first spin and the thresholds against the number of planes."""
    for component, name, label in ((0, "field_like", "in the plane, $m_x$"), (1, "damping_like", "out of it, $m_y$")):
        left.plot(m.motion.time, m.motion.m[:, 0, component], "-", color=name, label=label)
        left.axhline(m.wall[0, component], color=name, linestyle=":", linewidth=1)
    left.plot([], [], ":", color="muted", label="static wall")
    left.set(xlabel=r"time ($S/J$)", ylabel="first spin of the magnet")
    left.set_title(rf"released from the easy axis, $\alpha$ = {STRONG:g}", fontsize=8)
    left.legend(loc="center right")
    n = np.array([edge.planes for edge in m.edges])
    right.loglog(n, [edge.found for edge in m.edges], "o", color="microscopic", label="linearized motion")
    fine = np.unique(np.geomspace(1, n.max(), 60).astype(int))
    told = [chain_threshold(int(k), DAMPING, 1.0, 0.01, 0.01)[0] for k in fine]
    guide(right, fine, told, r"$\min_n N\alpha(\epsilon_n+K_d/2)/(2-\delta_{n0})$")
    right.set(xlabel="planes of the magnet, N", ylabel=r"threshold $\tau_D/J$")
    right.set_title(rf"polarizer opposite, $\alpha$ = {DAMPING:g}", fontsize=8)
    right.legend(loc="upper left")
