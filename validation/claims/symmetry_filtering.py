"""Equations (2) to (4) on the bands of iron: which of "one rotation and one exponent" outlives symmetry filtering."""

from typing import Any

import kwant
import numpy as np

from kwant_spinjunc import scatter
from kwant_spinjunc.theory import tunnelling
from systems.iron_barrier import iron_barrier

from ..claim import Check, Judged, Record, Records
from ..compare import Fit, fit_power_law, largest
from ..figures import drawn, legend_below

#: Level and hopping of the barrier in eV from the Fermi energy: one band, level ± 8 hopping.
LEVEL, HOPPING = 7.0, 0.6
#: Angles, the first and last collinear.
ANGLES = np.radians([0.0, 60.0, 90.0, 120.0, 180.0])
#: Momentum near the center of the zone at which the exponent is held against the complex band, in 1/a.
NEAR_CENTER = (0.03, 0.05)
#: Transmissions below this at one momentum are no channel of that spin (mirrors, closed leads).
NOTHING = 1e-22


def lattice_of_momenta(count: int, step: int) -> np.ndarray:
    """Return a Fibonacci lattice over the zone, shifted off its symmetry lines, (count, 2) in 1/a."""
    i = np.arange(count)
    points = np.stack([i / count + 0.137, i * step / count + 0.291], axis=-1) % 1.0
    return 2 * np.pi * points - np.pi


def decay_of_the_band(k: np.ndarray) -> np.ndarray:
    """Return 2κ per plane of the barrier's complex band, 2 arcosh[level/(8 |t| cos(k_y/2) cos(k_z/2))]."""
    return np.asarray(2 * np.arccosh(LEVEL / (8 * HOPPING * np.prod(np.cos(np.asarray(k) / 2), axis=-1))))


def factors(T: np.ndarray) -> np.ndarray:
    """Return D_ss' from the collinear junctions, leading axes as T without its angles."""
    return np.asarray(tunnelling.spin_factors_from_collinear(T[0], T[-1]))


def rotation_defect(T: np.ndarray) -> np.ndarray:
    """Return the largest |T_ss'(Φ)/(R_ss'² D_ss') - 1| over angles and spins that transmit, shape of the momenta."""
    D = factors(T)
    law = np.moveaxis(tunnelling.rotation_law(D[..., None, :, :], ANGLES[1:-1]), -3, 0)
    passes = D > NOTHING
    miss = abs(T[1:-1] / np.where(passes, law, 1.0) - 1)
    return np.asarray(np.where(passes, miss, 0.0).max(axis=(0, -1, -2)))


def barrier(planes: int, k: np.ndarray) -> Record:
    """Transmit through one barrier at momenta of a lattice over the zone, the last one near its center."""
    device = iron_barrier(thickness=planes, level=LEVEL, hopping=HOPPING, planes=1)
    state = scatter(device, 0.0, k=k, turns=ANGLES, behind="barrier")
    T = np.swapaxes(state.probabilities[:, :, 1, :, 0, :], -1, -2)  # [angle, momentum, s on the left, s' on the right]
    mean, unitarity = T[:, :-1].mean(axis=1), float(state.unitarity_defect)
    D, each, near = factors(mean), factors(T[:, :-1]), factors(T[:, -1])
    conductance = mean.sum(axis=(-1, -2))
    mean_defect, single = rotation_defect(mean), rotation_defect(T[:, :-1])
    return Record(locals())


def kwant_decay(thin: int, thick: int) -> float:
    """Return the decay per plane near the center, from Kwant's own transmissions of parallel magnets."""
    systems = [iron_barrier(thickness=n, level=LEVEL, hopping=HOPPING, planes=1).system for n in (thin, thick)]
    momenta = dict(zip(("k_y", "k_z"), NEAR_CENTER, strict=True))
    T = [kwant.smatrix(system, 0.0, params=momenta).transmission(1, 0) for system in systems]
    return float(-np.log(T[1] / T[0]) / (thick - thin))


def measure(quick: bool) -> Record:
    """Transmit through iron at momenta of a lattice, at all angles and several thicknesses."""
    planes = np.array([3, 4, 6, 8]) if quick else np.array([3, 4, 5, 6, 8, 10])
    k = np.vstack([lattice_of_momenta(*((55, 34) if quick else (377, 233))), NEAR_CENTER])
    found = Records(barrier(int(n), k) for n in planes)
    D, conductance, mean_defect = found.D, found.conductance, found.mean_defect
    factorization = abs(tunnelling.factorization_defect(D))
    worst = int(found.single[-1].argmax())
    of_worst = found.each[:, worst].mean(axis=(-1, -2))  # the transmission of that momentum
    power = fit_power_law(of_worst[1:], found.single[1:, worst])
    mean_power = fit_power_law(D[1:].mean(axis=(1, 2)), mean_defect[1:])
    each = found.each[-1]  # momenta where a spin has no channel apart
    single_factorization = largest([tunnelling.factorization_defect(each[each.min(axis=(-1, -2)) > NOTHING])])
    steps = np.diff(planes)[:, None, None]
    exponents = -np.log(D[1:] / D[:-1]) / steps
    spread = float(np.ptp(exponents[-1]) / exponents[-1].mean())
    prefactors = float(D[-1].max() / D[-1].min())
    near, own = found.near[:, 0, 0], float(decay_of_the_band(k[-1]))
    ratio = float(-np.log(near[-1] / near[-2]) / (planes[-1] - planes[-2]) / own)
    by_kwant = kwant_decay(int(planes[-2]), int(planes[-1])) / own
    unitarity, filtered = max(found.unitarity), float(found[-1].near[1, 1] / near[-1])
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdicts(prefactors: float, spread: float, power: Fit, ratio: float) -> tuple[str, str]:
    """Return the verdicts: one factor for all spins; and one rotation and one exponent at every momentum."""
    printed = "holds" if max(prefactors - 1, spread) < 0.01 else "fails"
    kept = abs(power.exponent - 1) < 0.1 and abs(ratio - 1) < 1e-2
    return printed, "holds in a limit" if kept else "fails"


def judge(m: Record) -> Judged:
    """Judge the factor as printed, and momentum by momentum."""
    printed, corrected = verdicts(m.prefactors, m.spread, m.power, m.ratio)
    return Judged(
        printed=printed,
        corrected=corrected,
        value=m.ratio,
        expected=1.0,
        # reflections to and fro change D by about its transmission, 1e-4 at six planes
        tolerance=1e-3,
        route=Check("the same from Kwant's transmissions of parallel magnets", m.by_kwant, 1e-3, 1.0),
        checks=(
            # of the transmission the corrections of next order are a percent
            Check("power of the defect at one momentum in its transmission", m.power.exponent, 0.05, 1.0),
            Check("power of the defect of the mean", m.mean_power.exponent, 0.1, 1.0),
            Check("factorization at every single momentum, thickest barrier", m.single_factorization, 1e-3),
            Check("unitarity", m.unitarity, 1e-8),
        ),
    )


@drawn("symmetry-filtering", 1, 2, width=7.2, height=3.6)
def draw(m: Record, left: Any, right: Any) -> None:
    """Plot D against the thickness, and what is left of both laws against the transmission."""
    for s, s_out, name, color in ((0, 0, "+ +", "majority"), (0, 1, "+ −", "damping_like"), (1, 1, "− −", "minority")):
        left.semilogy(m.planes, m.D[:, s, s_out], "o-", color=color, label=f"$D$, {name}")
    slope = np.exp(-decay_of_the_band(np.zeros(2)) * (m.planes - m.planes[-1]))
    left.semilogy(m.planes, m.D[-1, 0, 0] * slope / 2, ":", color="theory", label="complex band at Γ, slope")
    left.set(xlabel="planes of the barrier", ylabel="transmission per cell")
    left.legend()
    T = m.D.mean(axis=(1, 2))
    right.loglog(m.of_worst, m.found.single[:, m.worst], "o", color="majority", label="rotation, one momentum")
    right.loglog(T, m.mean_defect, "s", color="damping_like", label="rotation, mean over the zone")
    right.loglog(T, m.factorization, "D", color="minority", label="factorization, mean over the zone")
    line = np.array([T.min(), m.of_worst.max()])
    right.loglog(line, line, ":", color="muted", label="the transmission itself")
    right.set(xlabel="transmission, mean of $D_{ss'}$", ylabel="relative deviation")
    legend_below(right, 2)
