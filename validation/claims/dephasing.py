"""The text after equation (4): phase coherence between the spins is lost when an electron enters the other magnet."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, Scattering
from kwant_spinjunc.spin import SIGNS
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction

from ..claim import Check, Judged, Record
from ..compare import Fit, fit_exponential, fit_power_law, largest
from ..figures import drawn
from ..laboratory import Laboratory, across, half_depth, k_average

#: The magnet, unit t: three-dimensional bands, majority -1.8 to 10.2, minority -0.2 to 11.8. With the Fermi energy near
#: the bottom of the minority band, Γ is the only extremum of k_+ - k_- on the open channels.
IRON = {"onsite": 5.0, "splitting": 1.6, "in_plane_hopping": 1.0}
#: Angle between the magnets; any other gives the same decay.
ANGLE = np.pi / 2
#: Energy of all electrons, unit t.
ENERGY = 0.0
#: (kx, kz) of the single channels shown, 1/a; both spins propagate.
SINGLE = {"Γ": (0.0, 0.0), "k∥ = (0.2, 0.2)/a": (0.2, 0.2)}
#: Depth from which powers are fitted, planes: several periods of the oscillation.
FAR = 30
#: A power between these is a decay by dephasing of many k∥; the stationary point of a plane of k∥ gives -1.
DEPHASES = (-1.1, -0.9)
#: Depths of devices, planes, and the exchange splittings whose decay is followed there, unit t. With the last one the
#: magnet is a half-metal: no minority channel at the energy.
DEVICE = (5, 10, 20, 50, 100)
SPLITTINGS = (0.4, 0.8, 1.6, 3.0)
#: Coherence left behind one plane that would count as lost at once.
LOST = 0.01


# ---------------------------------------------------------------------- what is computed
def observe(scattering: Scattering) -> dict[str, np.ndarray]:
    """Return the spin current of electrons from the left in the right magnet, and their T_ss', per k∥.

    Bonds from the one between spacer and magnet to the last one.
    """
    currents = scattering.bond_currents[..., 0, -scattering.junction.buffer :, 1:]
    return {"Q": currents, "T": scattering.transmissions}


def penetration(junction: Junction, observed: Mapping[str, np.ndarray]) -> Record:
    """Follow the spin current of electrons from the left inside the right magnet; depth n = planes of it passed.

    ``transverse`` is complex, see `across`, ``longitudinal`` along m_R; per unit of µ_L, e²/h per a² if averaged over
    k∥, e²/h if not. ``J_M`` is J_M^R of the same electrons, from probabilities.
    """
    (m_left, m_right), Q = junction.magnetizations, observed["Q"]
    transverse, longitudinal = across(Q, m_right, m_left), Q @ m_right
    J_M = float(observed["T"].sum(axis=0) @ SIGNS)
    coherence = abs(transverse) / abs(transverse[0])  # over the value in the spacer
    phase_per_plane = abs(np.angle(transverse[1:] / transverse[:-1]))  # by which Q⊥ turns about m_R
    return Record(locals())


def local_power(found: Record, low: int, high: int) -> float:
    """Return d ln|Q⊥|/d ln n between two depths."""
    return float(np.log(found.coherence[high] / found.coherence[low]) / np.log(high / low))


def at_one_k(lab: Laboratory, junction: Junction, planes: int, k: Sequence[float]) -> Record:
    """Follow the electrons of one k∥."""
    resolved = replace(junction, buffer=planes)
    return penetration(resolved, observe(lab.scatter(resolved, ENERGY, np.array(k))))


def averaged(lab: Laboratory, junction: Junction, planes: int) -> Record:
    """Follow the electrons of all k∥."""
    resolved = replace(junction, buffer=planes)
    return penetration(resolved, k_average(lab, resolved, ENERGY, observe, accuracy=1e-7))


def wave_numbers(junction: Junction, k: Sequence[float]) -> np.ndarray:
    """Return (k_+, k_-) of the right lead, 1/a: E = ε_s - 2t∥(cos kx + cos kz) - 2t cos k_s."""
    lead = junction.right
    return np.arccos((lead.levels(np.cos(k).sum()) - ENERGY) / (2 * lead.hopping))


def stationary_phase(junction: Junction, gamma: Record, depth: np.ndarray) -> np.ndarray:
    """Return |Q⊥(n)| far from the interface as Γ alone makes it, g |Q⊥(Γ)|/(n |q'|).

    Γ is an end point of the integral over c = cos kx + cos kz with the weight g(2) = 1/2π, and q = k_+ - k_- changes
    there by q' = (t∥/t)(1/sin k_+ - 1/sin k_-) per unit of c. M. D. Stiles and A. Zangwill, Phys. Rev. B 66, 014407
    (2002), have the same power for the free-electron Fermi surface.
    """
    plus, minus = 1 / np.sin(wave_numbers(junction, SINGLE["Γ"]))
    slope = junction.right.t_parallel / junction.right.hopping * abs(plus - minus)
    return abs(gamma.transverse[-1]) / (2 * np.pi * slope * depth)


# ---------------------------------------------------------------------- what it says of the paper
def verdict(behind_one_plane: float, powers: Sequence[Fit]) -> str:
    """Return the verdict: lost at once, lost with the depth after the k∥ sum, or not lost."""
    if behind_one_plane < LOST:
        return "holds"
    low, high = DEPHASES
    return "holds in a limit" if all(low < power.exponent < high for power in powers) else "fails"


#: Labels of both figures.
PASSED, COHERENCE = "planes of the right magnet passed, n", r"$|\mathbf{Q}_\perp(n)|\,/\,|\mathbf{Q}_\perp(0)|$"


@drawn("dephasing-depth", 2, 1, width=6.4, height=5.6)
def draw_depth(m: Record, top: Any, bottom: Any) -> None:
    """Plot the transverse spin current against the depth, for single k∥ and averaged."""
    asymptotes = {name: m.predicted[name] / abs(m.averages[name].transverse[0]) for name in m.averages}
    shown = np.arange(37)
    for (name, single), color in zip(m.singles.items(), ("minority", "field_like"), strict=True):
        wave = single.transverse[shown].real / abs(single.transverse[0])
        top.plot(shown, wave, ".-", color=color, linewidth=1, label=name)
    tunnel = m.averages["F|I|F"]
    wave = tunnel.transverse[shown].real / abs(tunnel.transverse[0])
    top.plot(shown, wave, "o-", color="microscopic", label="k∥ average")
    top.set_ylim(-1.1, 1.7)
    top.set_yticks([-1, 0, 1])
    top.set(xlabel=PASSED, ylabel=r"$\mathbf{Q}\cdot\mathbf{e}_R\,/\,|\mathbf{Q}_\perp(0)|$", title="F|I|F")
    top.legend(loc="upper right", ncols=3)

    flat = m.singles["Γ"].coherence
    bottom.loglog(np.arange(1, len(flat)), flat[1:], "-", color="minority", label="F|I|F, Γ")
    for (name, average), color in zip(m.averages.items(), ("microscopic", "damping_like"), strict=True):
        depth = np.arange(1, len(average.coherence))
        bottom.loglog(depth, average.coherence[1:], "-", color=color, label=f"{name}, k∥ average")
        bottom.loglog(depth[4:], asymptotes[name][4:], ":", color="black")
    bottom.loglog([], [], ":", color="black", label="stationary phase at Γ, ∝ 1/n")
    bottom.set(xlabel=PASSED, ylabel=COHERENCE)
    bottom.legend(loc="lower left")


@drawn("dephasing-thickness", 1, 2, width=6.8, height=3.2, gridspec_kw={"width_ratios": [1.6, 1]})
def draw_thickness(m: Record, left: Any, right: Any) -> None:
    """Plot the coherence behind barriers of several thicknesses, and the depth at which half of it is gone."""
    chosen = [thickness for thickness in (2, 8, 32) if thickness in m.thick]
    for thickness, color in zip(chosen, ("majority", "damping_like", "minority"), strict=False):
        coherence = m.thick[thickness].coherence[:61]
        left.plot(coherence, color=color, label=f"{thickness} planes of barrier")
    left.axhline(0.5, color="muted", linewidth=0.8)
    left.set(xlabel=PASSED, ylabel=COHERENCE, ylim=(0, 1.05))
    left.legend(loc="upper right")
    right.plot(m.thick.keys(), m.halves, "o-", color="microscopic")
    right.set(xlabel="thickness of the barrier (planes)", ylabel="half of the coherence lost at n =", ylim=(0, None))


def left(found: Record, planes: int) -> str:
    """Return the coherence that is left after some planes, for the table."""
    coherence = found.coherence[planes]
    return f"{coherence:.3f}" if coherence > 5e-4 else f"{coherence:.0e}"


def measure(quick: bool) -> Record:
    """Follow the transverse spin current into the right magnet, for one k∥ and averaged."""
    lab = Laboratory(spot_check_every=5)
    planes = 120 if quick else 300
    junctions = {
        "F|I|F": tunnel_junction(theta=ANGLE, height=3.0, **IRON),
        "F|N|F": spin_valve(theta=ANGLE, spacer_onsite=4.2, **IRON),
    }
    tunnel = junctions["F|I|F"]
    singles = {name: at_one_k(lab, tunnel, planes, k) for name, k in SINGLE.items()}
    averages = {name: averaged(lab, junction, planes) for name, junction in junctions.items()}
    depth = np.arange(1, planes)
    predicted = {
        name: stationary_phase(one, at_one_k(lab, one, 2, SINGLE["Γ"]), depth) for name, one in junctions.items()
    }

    def behind(barrier: int, planes: int, splitting: float = IRON["splitting"]) -> Record:
        metal = IRON | {"splitting": splitting}
        return averaged(lab, tunnel_junction(theta=ANGLE, height=3.0, thickness=barrier, **metal), planes)

    thick = {barrier: behind(barrier, 100) for barrier in ((2, 8, 16, 32) if quick else (1, 2, 4, 8, 12, 16, 24, 32))}
    far = np.arange(FAR, planes)
    powers = {name: fit_power_law(far, average.coherence[FAR:]) for name, average in averages.items()}
    amplitude = {name: float(predicted[name][-1] / abs(p.transverse[-1])) for name, p in averages.items()}
    single_decay = largest(single.coherence - 1 for single in singles.values())
    waves = {name: abs(np.subtract(*wave_numbers(tunnel, k))) for name, k in SINGLE.items()}
    wave_defect = largest(singles[name].phase_per_plane - wave for name, wave in waves.items())
    q = float(np.mean([p.phase_per_plane[FAR:].mean() for p in averages.values()]))
    steady = largest(p.longitudinal / p.J_M - 1 for p in averages.values())
    after_one = min(float(p.coherence[1]) for p in averages.values())
    halves = [half_depth(found.coherence) for found in thick.values()]
    devices = {splitting: behind(4, max(DEVICE) + 1, splitting) for splitting in SPLITTINGS}
    locals_ = [local_power(p, a, b) for d, p in devices.items() if d < 2 for a, b in pairwise(DEVICE)]
    steepest, flattest = min(locals_), max(locals_)
    left_over = devices[SPLITTINGS[-1]].coherence
    small = np.flatnonzero((left_over < 0.1) & (left_over > 1e-10))
    half_metal = fit_exponential(small, left_over[small])
    return Record(locals())


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    dephased = verdict(1.0, list(m.powers.values())) != "fails"
    return Judged(
        printed=verdict(m.after_one, list(m.powers.values())),
        corrected="holds" if dephased and m.half_metal.exponent < 0 else "fails",
        value=m.powers["F|I|F"].exponent,
        expected=-1.0,
        tolerance=0.05,  # the next term is smaller by 1/(q'n), a few percent at the beginning of the fit
        route=Check(
            "amplitude 1/(2πn|q'|) of the stationary phase at Γ over the computed one", m.amplitude["F|I|F"], 0.1, 1.0
        ),
        checks=(
            Check("decay of |Q⊥| at one k∥, relative", m.single_decay, 1e-10),
            Check("turn per plane at one k∥ minus (k_+ − k_−)", m.wave_defect, 1e-10),
            Check("turn per plane far inside, k∥ average", m.q, 0.01, expected=float(m.waves["Γ"])),
            # terms in 1/n² of both ends of the k∥ integral; a few percent at the largest depth
            Check("stationary phase over amplitude far inside, F|N|F", m.amplitude["F|N|F"], 0.1, expected=1.0),
            Check("Q·m_R in any plane against J_M^R from probabilities, relative", m.steady, 1e-10),
            *m.lab.checks(),
        ),
    )
