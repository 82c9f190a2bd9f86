"""The end of the parallel circuit: “the magnitudes of the two currents are equal to each other, however”."""

from typing import Any

import numpy as np

from kwant_spinjunc import Junction
from kwant_spinjunc.magnets import wall
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.spin import SIGNS
from kwant_spinjunc.theory import tunnelling
from systems.contact import contact

from ..claim import Check, Judged, Record, Records
from ..compare import largest
from ..currents import both_currents, currents_of_waves, lead_currents, potentials
from ..figures import angle_axis, curve, drawn, legend_below
from ..laboratory import Laboratory

#: Three-dimensional magnets, unit t, and the splitting of the left one.
METAL = {"onsite": 5.0, "in_plane_hopping": 1.0}
LEFT = 0.1
#: Splittings of the right one over that of the left one.
RATIOS = (0.2, 0.5, 1.0, 2.0, 5.0)
#: The ratio and the angle of the headline.
SHOWN, ANGLE = 5.0, np.pi / 3
ENERGY = 0.0
#: Difference of the magnitudes from one that counts.
AGREES = 0.01


# ---------------------------------------------------------------------- what is computed
def junction(left: float, right: float, angle: float) -> Junction:
    """Return the bare contact of two magnets of these splittings."""
    return contact(theta=angle, splitting=left, splitting_right=right, **METAL)


def turned_channels(modes: np.ndarray, angle: float) -> float:
    """Return J_M^L/J_M^R of T_ss' = R_ss'² min(N_Ls, N_Rs').

    Weak magnets of one band: a channel that both sides have open passes and is turned, nothing else happens.
    """
    T = tunnelling.rotation_probabilities(angle) * np.minimum(modes[0][:, None], modes[1][None, :])
    return float(np.divide(*both_currents(T, *potentials())))


def quotient_of(P: np.ndarray) -> float:
    """Return J_M^L/J_M^R under a voltage."""
    return float(np.divide(*(lead_currents(P, potentials()) @ SIGNS)))


def kwant_quotient() -> float:
    """Return J_M^L/J_M^R of the headline from Kwant at fixed k∥, points next to a threshold left out."""
    one = junction(LEFT, SHOWN * LEFT, ANGLE)
    k, weights = wall.zone(one, ENERGY, step=0.25)
    is_open = one.open_channels(np.asarray(ENERGY), np.cos(k).sum(axis=-1)).any(axis=(-1, -2))
    used = (weights > 1e-8) & is_open
    P = sum(w * scatter(one, ENERGY, point).probabilities for point, w in zip(k[used], weights[used], strict=True))
    return quotient_of(np.asarray(P))


def pair(lab: Laboratory, left: float, ratio: float, angle: float) -> Record:
    """Drive one contact by a voltage."""
    state = lab.scatter(junction(left, ratio * left, angle), ENERGY, "average")
    quotient, told_quotient = quotient_of(state.probabilities), turned_channels(state.modes, angle)
    return Record(locals())


def measure(quick: bool) -> Record:
    """Drive contacts of unequal magnets by a voltage at several angles."""
    lab = Laboratory(spot_check_every=5)
    angles = np.radians(np.linspace(10, 80, 4 if quick else 8))
    curves = {ratio: Records(pair(lab, LEFT, ratio, float(angle)) for angle in angles) for ratio in RATIOS}
    shown = pair(lab, LEFT, SHOWN, ANGLE)
    _, left, right = currents_of_waves(junction(LEFT, SHOWN * LEFT, ANGLE), ENERGY, *potentials())
    unequal = Records(p for ratio, found in curves.items() if ratio != 1 for p in found)
    equal, rough = largest([curves[1.0].quotient - 1]), largest([unequal.told_quotient / unequal.quotient - 1])
    quotient, waves, kwant = shown.quotient, left / right, kwant_quotient()
    quotients = unequal.quotient
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(unequal: list[float]) -> str:
    """Return the verdict from J_M^L/J_M^R of unequal magnets; equal ones have no choice, they are mirror images."""
    return "holds" if largest([np.array(unequal) - 1]) < AGREES else "fails"


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    return Judged(
        printed=verdict(m.quotients),
        corrected="holds" if abs(m.waves / m.quotient - 1) < 1e-6 else "fails",
        value=m.quotient,
        expected=m.waves,
        tolerance=1e-8,
        # what the points left out carry
        route=Check("the same from Kwant at fixed k∥", m.kwant, 5e-7, m.quotient),
        checks=(
            # channels open for the majority alone reflect a part, whatever the splitting
            Check("channels that only turn spins against the exact quotient, relative", m.rough, 0.5),
            Check("|J_M^L/J_M^R| − 1 of identical magnets (mirror images)", m.equal, 1e-9),
            *m.lab.checks(),
        ),
    )


@drawn("equal-magnitudes-angle", width=5.6, height=4.0)
def draw(m: Record, axes: Any) -> None:
    """Plot J_M^L/J_M^R against the angle for every pair of magnets."""
    degrees, colors = np.degrees(m.angles), ("majority", "damping_like", "theory", "field_like", "minority")
    for (ratio, found), color in zip(m.curves.items(), colors, strict=True):
        axes.semilogy(degrees, found.quotient, "o", color=color, label=rf"$\Delta_R = {ratio:g}\,\Delta_L$")
        curve(axes, degrees, found.told_quotient, "-", color, linewidth=1)
    curve(axes, [], [], "-", "muted", "channels that only turn")
    curve(axes, degrees, np.cos(m.angles), ":", "black", r"rotation law, cos $\Phi$")
    angle_axis(axes, 15)
    axes.set_xlim(5, 85)
    axes.set_yticks([0.2, 0.5, 1, 2, 5], ["0.2", "0.5", "1", "2", "5"])
    axes.set_yticks([], minor=True)
    axes.set_ylabel(r"$J_M^L/J_M^R$ under a voltage")
    legend_below(axes, 3)
