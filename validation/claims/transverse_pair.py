"""Equation (11), the transverse pair, on atoms: rotating decay of spin across m in a weak diffusive magnet."""

from dataclasses import replace
from typing import Any

import numpy as np

from kwant_spinjunc import Anderson, Junction, ferromagnet, unit_vector
from kwant_spinjunc.theory.drift_diffusion import Material

from ..claim import Check, Judged, Record, Records
from ..compare import largest
from ..figures import drawn, guide
from ..laboratory import SampleLaboratory, across, clean_density, fermi_moment

#: The metal, unit t: a cubic band, its Fermi energy, and the width of the random levels.
METAL = {"onsite": 0.0, "hopping": 1.0, "in_plane_hopping": 1.0}
ENERGY, WIDTH = 1.0, 3.0
#: Weak splittings: √(2ħD/Δ) is then several mean free paths.
SPLITTINGS = (0.2, 0.1)
#: The magnet that sends spin across m: its minority band is empty at the energy.
SOURCE = {"onsite": 5.0, "splitting": 10.0, "hopping": 1.0, "in_plane_hopping": 1.0}
CELL, PLANES = 5, 30
#: Planes of the fits: a mean free path from the source, half the magnet from the lead; and of the density's gradient.
FITTED, INNER = np.arange(3, PLANES // 2 + 1), np.arange(4, PLANES - 3)
#: How often the samples are drawn again for the errors.
DRAWS = 100
#: Largest distance from the law beside three standard errors.
TOLERANCE = 0.05


# ---------------------------------------------------------------------- what is computed
def kinetics() -> tuple[float, float, float]:
    """Return D = ⟨v²⟩τ and τ of the golden rule, and 2 - ⟨v⁴⟩/⟨v²⟩².

    The next order of diffusion: 1 + iΔτ = ⟨1/(1 + ikvτ/(1 + iΔτ))⟩ of isotropic scatterers, for both signs of v, is
    -k²D = iΔ [1 + iΔτ (2 - ⟨v⁴⟩/⟨v²⟩²)].
    """
    lead = ferromagnet(**METAL, splitting=0.0)
    squared, fourth = (fermi_moment(lead, ENERGY, power)[0] for power in (2, 4))
    tau = 12 / (2 * np.pi * clean_density(lead, ENERGY)[0] * WIDTH**2)
    return float(squared * tau), float(tau), float(2 - fourth / squared**2)


def slopes(splitting: float, Q: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Return D, and decay and turn per plane times √(2ħD/Δ), of means over samples."""
    D = -1 / np.polyfit(INNER, density.mean(axis=0)[INNER], 1)[0]
    mean = Q.mean(axis=0)[FITTED]
    decay, turn = (np.polyfit(FITTED, y, 1)[0] for y in (np.log(abs(mean)), np.unwrap(np.angle(mean))))
    return np.array([D, *(np.sqrt(2 * D / splitting) * np.array([-decay, abs(turn)]))])


def follow(lab: SampleLaboratory, splitting: float, samples: int) -> Record:
    """Send spin from a half-metal magnetized across into a weak magnet; average it by plane, per mean current.

    Lengths are in planes, ``decay`` = -d ln|Q⊥|/dn and ``turn`` = |d arg Q⊥/dn| in 1/√(2ħD/Δ), with their errors.
    """
    weak = ferromagnet(**METAL, splitting=splitting)
    dirty = replace(weak, thickness=PLANES, disorder=(Anderson(width=WIDTH),))
    junction = Junction(ferromagnet(**SOURCE, m=unit_vector(np.pi / 2)), [dirty], weak)
    result = lab.average(junction, samples, profiles=True)
    m_left, m_right = junction.magnetizations
    currents = result.samples("bond_currents")[:, 0].sum(axis=1)[:, junction.buffer - 1 :]
    densities = result.samples("densities")[:, 0].sum(axis=1)[:, junction.buffer :]
    J = currents[:, 0, 0].mean()
    Q, spin = (across(x[..., 1:], m_right, m_left) / J for x in (currents, densities))
    density = densities[..., 0] / J
    rng = np.random.default_rng(0)
    draws = [rng.integers(0, samples, samples) for _ in range(DRAWS)]
    spread = np.std([slopes(splitting, Q[draw], density[draw]) for draw in draws], axis=0, ddof=1)
    D, speed, rotation = slopes(splitting, Q, density)
    _, tau, bend = kinetics()
    root = np.sqrt(2j * (1 + 1j * splitting * tau * bend))
    transverse, error = Q.mean(axis=0), np.sqrt(Q.var(axis=0, ddof=1) / samples / 2)  # complex; of one component
    expected, law = float(np.sqrt(2 * D / splitting)), np.array([root.real, root.imag])
    decay, turn = (speed, spread[1]), (rotation, spread[2])
    # over the law with its next order, with errors
    over_law = [(x / own, error_ / own) for (x, error_), own in zip((decay, turn), law, strict=True)]
    imbalance = largest([np.diff(Q) + 1j * splitting * spin[:, : Q.shape[1] - 1]])  # |dQ⊥/dn + iΔ s⊥|
    # k⊥√(2D/Δ) of (11) for a long spin-relaxation time, from the material's modes: 1 + i
    metal = Material(sigma=1.0, beta=0.0, D=D, tau=1e9 / splitting, omega=splitting, q=1e6)
    of_modes = complex(metal.modes.transverse * expected)
    return Record(locals())


def measure(quick: bool) -> Record:
    """Follow spin across m into weak magnets and compare decay and turn with diffusion."""
    lab = SampleLaboratory(spot_check_every=1, width=CELL, energy=ENERGY)
    decays = Records(follow(lab, d, 120 if quick else 450) for d in (SPLITTINGS[1:] if quick else SPLITTINGS))
    shown = decays[-1]
    golden, tau, bend = kinetics()
    told = "; ".join(
        f"Δ = {d.splitting:g} t (Δτ/ħ = {d.splitting * tau:.2f}, √(2ħD/Δ) = {d.expected:.1f} planes): decay "
        f"{d.decay[0]:.3f} ± {d.decay[1]:.3f} for {d.law[0]:.3f}, turn {d.turn[0]:.3f} ± {d.turn[1]:.3f} for "
        f"{d.law[1]:.3f}"
        for d in decays
    )
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(values: list[tuple[float, float]]) -> str:
    """Return the verdict: decay and turn are those of the law, within errors and `TOLERANCE`, or not."""
    return "holds in a limit" if all(abs(x - 1) < TOLERANCE + 3 * error for x, error in values) else "fails"


def judge(m: Record) -> Judged:
    """Judge the sentence as printed, whose law is the limit of small Δτ/ħ, and with the next order."""
    found = verdict([value for d in m.decays for value in d.over_law])
    decay, turn = m.shown.over_law
    return Judged(
        printed=found,
        corrected=found,
        value=decay[0],
        expected=1.0,
        tolerance=TOLERANCE + 3 * decay[1],
        route=Check("turn per plane over the law, from the phase", turn[0], TOLERANCE + 3 * turn[1], 1.0),
        checks=(
            Check("D of the samples over the golden rule's", m.shown.D / m.golden, 0.2, 1.0),
            Check("spin current lost per plane against precession", max(m.decays.imbalance), 1e-9),
            Check("k⊥√(2D/Δ) of (11), real part", m.shown.of_modes.real, 2e-8, 1.0),
            Check("k⊥√(2D/Δ) of (11), imaginary part", m.shown.of_modes.imag, 2e-8, 1.0),
            *m.lab.checks(),
        ),
    )


@drawn("transverse-pair-decay", 1, 2, width=7.0, height=3.6)
def draw(m: Record, left: Any, right: Any) -> None:
    """Plot length and phase of the mean transverse spin current against depth over √(2ħD/Δ)."""
    for d, color in zip(m.decays, ("microscopic", "minority"), strict=False):
        shown = np.flatnonzero(abs(d.transverse[: PLANES // 2 + 3]) > 2 * d.error[: PLANES // 2 + 3])
        x, size, error = shown / d.expected, abs(d.transverse)[shown], d.error[shown]
        options = {"fmt": "o", "color": color, "label": rf"$\Delta$ = {d.splitting:g} t"}
        left.errorbar(x, size, error, **options)
        phase = np.unwrap(np.angle(d.transverse))[shown]
        right.errorbar(x, np.sign(phase[-1] - phase[0]) * (phase - phase[0]), error / size, **options)
    y = np.linspace(0, PLANES / 2 / m.decays.expected.min(), 50)
    first = FITTED[0]
    start = abs(m.decays[0].transverse[first]) * np.exp(first / m.decays[0].expected)
    guide(left, y, start * np.exp(-y), "exp(−y)")
    guide(right, y, y, "phase y")
    left.set(ylabel=r"$|\langle\mathbf{Q}_\perp\rangle|/\langle J\rangle$", yscale="log")
    right.set_ylabel("turn about m (rad)")
    for panel in (left, right):
        panel.set_xlabel(r"depth y over $\sqrt{2\hbar D/\Delta}$")
    left.legend(loc="lower left")
    right.legend(loc="upper left")
