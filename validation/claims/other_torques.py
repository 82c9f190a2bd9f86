"""The sentence on t0: “in addition to this torque there may be other contributions which we shall not discuss”."""

from functools import partial
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, scatter
from kwant_spinjunc.scattering import scatter_quietly
from kwant_spinjunc.theory import tunnelling
from kwant_spinjunc.transport.equilibrium import equilibrium_response, grand_potential
from kwant_spinjunc.transport.linear import linear_response
from systems.asymmetric_junction import asymmetric_junction
from systems.rashba_junction import rashba_junction

from ..claim import Check, Judged, Record, Records
from ..figures import curve, drawn, legend_below
from ..laboratory import IRON, Laboratory

#: Two different three-dimensional magnets behind a barrier.
FAMILY = partial(asymmetric_junction, onsite_right=4.8, splitting_right=1.8, **IRON)
ANGLE, ENERGY = np.pi / 2, 0.0
#: Scan of the barrier: heights (t) at 3 planes, and planes at 3 t.
HEIGHTS, PLANES = (1.5, 2.0, 3.0, 5.0, 8.0), (1, 2, 4, 6, 8)
#: Bias (t) at which the torque of the occupied states is compared with that of the current.
BIAS = 0.1
#: Rashba couplings (t) at the left face of a wire of 3 × 3 sites.
ALPHAS = (0.05, 0.1, 0.2, 0.4)
#: Step of the derivative of the grand potential.
STEP = 1e-3


# ---------------------------------------------------------------------- what is computed
def sizes(lab: Laboratory, height: float, planes: int) -> Record:
    """Return torques, Pauli flux per bias in e²/h per cell; all but t0 are equal and opposite on both magnets."""
    junction = FAMILY(theta=ANGLE, height=height, thickness=planes)
    response = linear_response(lab.scatter(junction, ENERGY, "average"), 0.5, -0.5)
    t0 = float(np.linalg.norm(tunnelling.vector_difference(*response.magnetization, *junction.magnetizations)))
    field_like = abs(float(response.torques.field_like[1]))
    exchange = equilibrium_response(junction, ENERGY, k="average", rtol=1e-7).torques.field_like[..., 1]
    occupied = abs(float(exchange)) / BIAS  # of the occupied states, over the bias
    return Record(locals())


def lattice_share(alpha: float) -> float:
    """Return the torque that spin-orbit coupling hands to the lattice over that on both magnets, symmetric voltage."""
    state = scatter(rashba_junction(theta=ANGLE, alpha=alpha), ENERGY)
    parts = [state.torque(name) for name in ("left", "right")]
    lattice, magnets = (sum(getattr(part, name) for part in parts) for name in ("spin_orbit", "exchange"))  # per lead
    return float(np.linalg.norm(lattice[0] - lattice[1]) / np.linalg.norm(magnets[0] - magnets[1]))


def slope_of_energy() -> tuple[float, float]:
    """Return the torque of a chain's occupied states from the spin current, and from -4π ∂Ω/∂Φ."""
    chain = partial(asymmetric_junction, height=2.0, thickness=2)
    torque = float(equilibrium_response(chain(theta=ANGLE), ENERGY).torques.field_like[1])
    up, down = (float(grand_potential(chain(theta=ANGLE + s * STEP), ENERGY)[0]) for s in (1, -1))
    return torque, 4 * np.pi * (up - down) / (2 * STEP)


def waves_field_like(junction: Junction) -> float:
    """Return Q·n in the barrier per bias from the wave functions, the field-like torque of a current."""
    state = scatter_quietly(junction, ENERGY, "average")
    Q = (state.bond_currents[0] - state.bond_currents[1])[junction.cut, 1:] / 2
    normal = np.cross(*junction.magnetizations)
    return abs(float(Q @ normal / np.linalg.norm(normal)))


def measure(quick: bool) -> Record:
    """Size every torque that no J_M contains against t0."""
    lab = Laboratory(spot_check_every=4)
    heights = Records(sizes(lab, h, 3) for h in (HEIGHTS[::2] if quick else HEIGHTS))
    planes = Records(sizes(lab, 3.0, n) for n in (PLANES[::2] if quick else PLANES))
    shares = {alpha: lattice_share(alpha) for alpha in ALPHAS}
    torque, slope = slope_of_energy()
    shown = heights[1]
    quotient = shown.field_like / shown.t0
    waves = waves_field_like(FAMILY(theta=ANGLE, height=shown.height, thickness=3)) / shown.t0
    every = Records([*heights, *planes])
    field = every.field_like / every.t0
    shares_text = ", ".join(f"{share:.1%} (α = {alpha:g} t)" for alpha, share in shares.items())
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(sizes_: list[Record], shares: dict[float, float]) -> str:
    """Return the verdict: there are other torques, of some percent of t0 or more, or none."""
    largest = max(max(s.field_like / s.t0, s.occupied / s.t0) for s in sizes_)
    return "holds" if min(largest, max(shares.values())) > 0.01 else "fails"


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    found = verdict(m.every, m.shares)
    return Judged(
        printed=found,
        corrected=found,
        value=m.quotient,
        expected=m.waves,
        tolerance=1e-8,
        # error of the difference quotient
        route=Check("torque of the occupied states over −4π ∂Ω/∂Φ", abs(m.torque / m.slope), 1e-5, 1.0),
        checks=m.lab.checks(),
    )


@drawn("other-torques-size", 1, 2, width=6.8, height=3.5, sharey=True)
def draw(m: Record, *axes: Any) -> None:
    """Plot every torque over t0 against height and thickness."""
    titles = "barrier height U (t), 3 planes", "thickness (planes), U = 3 t"
    series = (m.heights, m.heights.height), (m.planes, m.planes.planes)
    for panel, (found, x), title in zip(axes, series, titles, strict=True):
        panel.semilogy(x, found.t0 / found.t0, "-", color="theory", label=r"$t_0$")
        curve(panel, x, found.field_like / found.t0, "o-", "field_like", "field-like torque of the current")
        curve(panel, x, found.occupied / found.t0, "s-", "minority", f"occupied states, V = {BIAS:g} t")
        panel.set_xlabel(title)
    axes[0].set_ylabel(r"torque / $|t_0|$")
    legend_below(axes[0], 3)
