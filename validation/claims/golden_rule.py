"""Equations (3) and (4), the prefactor: 4πe and the density of states against the golden rule on atoms."""

from typing import Any

import numpy as np

from kwant_spinjunc import Junction, ferromagnet, halves, unit_vector
from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.spin import SIGNS
from kwant_spinjunc.theory import tunnelling
from systems.asymmetric_junction import asymmetric_junction

from ..claim import Check, Judged, Record
from ..compare import fit_power_law
from ..figures import drawn, guide, legend_below
from ..laboratory import Laboratory

#: Two different magnets as chains, unit t, and the weak bond between them.
LEFT, RIGHT = {"onsite": 1.0, "splitting": 1.0}, {"onsite": 0.3, "splitting": 2.0}
BONDS = np.geomspace(0.3, 0.003, 6)
#: Angle of everything, and energy.
ANGLE, ENERGY = np.pi / 3, 0.0
#: Barriers (planes) whose halves are the electrodes of the tunnelling Hamiltonian.
PLANES = (2, 3, 4, 5, 6)
#: ħ of the print's units, in which the golden rule has 2π/ħ and the print 4π.
PRINTED, GOLDEN = 4 * np.pi, 2 * np.pi


# ---------------------------------------------------------------------- what is computed
def contact(bond: float) -> Junction:
    """Return two semi-infinite chains joined by one weak bond."""
    left = ferromagnet(hopping=1.0, **LEFT)
    return Junction(left, [], ferromagnet(hopping=1.0, **RIGHT, m=unit_vector(ANGLE)), bonds={0: bond})


def golden(junction: Junction, *, dressed: bool = False) -> np.ndarray:
    """Return 4π²|t R_ss'|² ρ_Ls ρ_Rs', ρ the densities of states of both halves at the cut: h times the golden rule.

    ``dressed``: with t/|1 - t² g_Ls g_Rs'| for t. A bond inside a barrier is as strong as the others: an electron under
    the barrier passes it many times before it is through.
    """
    g = halves.surface_greens(junction, ENERGY)
    t = junction.bond_hoppings[junction.cut or 0]
    size = abs(1 - t**2 * g[0][:, None] * g[1][None, :]) ** -2.0 if dressed else 1.0
    rho = [-x.imag / np.pi for x in g]
    rotation = tunnelling.rotation_probabilities(junction.angle)
    return np.asarray(4 * np.pi**2 * t**2 * rotation * rho[0][:, None] * rho[1][None, :] * size)


def end_density(lead: dict[str, float]) -> np.ndarray:
    """Return the density of states at the end of a chain, sin k/(πt), in closed form."""
    cosine = (lead["onsite"] - SIGNS * lead["splitting"] / 2 - ENERGY) / 2
    return np.asarray(np.sqrt(1 - cosine**2) / np.pi)


def series(lab: Laboratory, junctions: list[Junction], *, dressed: bool = False) -> Record:
    """Compare junctions one by one."""
    exact = np.array([lab.scatter(junction, ENERGY).transmissions for junction in junctions])  # [junction, s, s']
    quotients = np.array([golden(one, dressed=dressed) for one in junctions]) / exact
    transmission, error = exact.max(axis=(1, 2)), abs(quotients - 1).max(axis=(1, 2))
    power = fit_power_law(transmission, error)
    return Record(locals())


def measure(quick: bool) -> Record:
    """Compare a weak bond and the middle of a barrier with the golden rule, and the print's units and densities."""
    lab = Laboratory(spot_check_every=3)
    bonds = series(lab, [contact(float(b)) for b in BONDS])
    barriers = series(lab, [asymmetric_junction(ANGLE, height=2.0, thickness=n) for n in PLANES], dressed=True)
    ratio = float(bonds.quotients[-1, 0, 1])
    # closed form and Kwant, neither the engine nor its Green's functions
    T = scatter(contact(float(BONDS[-1])), ENERGY).transmissions
    left, right = end_density(LEFT)[:, None], end_density(RIGHT)[None, :]
    R2 = tunnelling.rotation_probabilities(ANGLE)
    kwant = float((4 * np.pi**2 * BONDS[-1] ** 2 * R2 * left * right / T)[0, 1])
    # |T|² times (n_L(µ) - n_R(µ)) at equal potentials drives a current unless both densities of states are equal
    at_rest = float(abs((R2 * (left - right)).sum()) / (R2 * (left + right) / 2).sum())
    units = float(PRINTED / GOLDEN)
    names = [f"bond {b:.3g} t" for b in BONDS] + [f"barrier, {n} planes" for n in PLANES]
    found = [pair for one in (bonds, barriers) for pair in zip(one.transmission, one.quotients, strict=True)]
    junctions = [(name, *pair) for name, pair in zip(names, found, strict=True)]
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdicts(units: float, at_rest: float, power: float, last: float) -> tuple[str, str]:
    """Return the verdicts on factor and densities as printed, and on the golden rule per pair of spins."""
    printed = "holds" if abs(units - 1) < 0.01 and at_rest < 0.01 else "fails"
    return printed, "holds in a limit" if power > 0.8 and last < 1e-3 else "fails"


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    printed, corrected = verdicts(m.units, m.at_rest, m.bonds.power.exponent, float(m.bonds.error[-1]))
    return Judged(
        printed=printed,
        corrected=corrected,
        value=m.ratio,
        expected=1.0,
        tolerance=1e-4,  # of the order of the transmission, 1e-5
        route=Check("Kwant and the closed densities of states sin k/(πt) instead", m.kwant, 1e-9, m.ratio),
        checks=(
            # the next order is relative T < 0.1 at one end of the fit
            Check("power of the transmission in the error, weak bond", m.bonds.power.exponent, 0.1, 1.0),
            Check("power of the transmission in the error, barrier", m.barriers.power.exponent, 0.1, 1.0),
            *m.lab.checks(),
        ),
    )


@drawn("golden-rule-error", width=5.2, height=3.6)
def draw(m: Record, axes: Any) -> None:
    """Plot the error of the golden rule against the transmission."""
    label = "middle of a barrier, 2 to 6 planes"
    axes.loglog(m.bonds.transmission, m.bonds.error, "o", color="left", label="weak bond between two chains")
    axes.loglog(m.barriers.transmission, m.barriers.error, "s", color="right", label=label)
    line = np.geomspace(m.barriers.transmission.min(), m.bonds.transmission.max(), 20)
    guide(axes, line, m.bonds.power.prefactor * line, "first power")
    axes.axhline(1.0, color="muted", linestyle=":", label="4π for 2π/ħ: off by a factor of two")
    axes.set(xlabel="largest transmission $T_{ss'}$", ylabel=r"$|4\pi^2|tR_{ss'}|^2\rho_{Ls}\rho_{Rs'}/T_{ss'}-1|$")
    legend_below(axes, 2)
