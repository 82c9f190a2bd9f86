"""Equation (11), the transverse pair, on atoms: rotating decay of spin across m in a weak diffusive magnet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kwant_spinjunc import Anderson, Junction, ferromagnet, unit_vector
from kwant_spinjunc.spin import torque_axes
from kwant_spinjunc.theory.drift_diffusion import Material

from ..claim import Check, Judged, Record, Rows
from ..figures import COLORS, new_figure, styled
from ..laboratory import SampleLaboratory, clean_density, dephasing_length

#: The metal, unit t: a cubic band, its Fermi energy, and the width of the random levels.
METAL = {"onsite": 0.0, "hopping": 1.0, "in_plane_hopping": 1.0}
ENERGY, WIDTH = 1.0, 4.5
#: Weak splittings: √(2ħD/Δ) is then several mean free paths.
SPLITTINGS = (0.1, 0.2)
#: The magnet that sends spin across m: its minority band is empty at the energy.
SOURCE = {"onsite": 5.0, "splitting": 10.0, "hopping": 1.0, "in_plane_hopping": 1.0}
SHAPE = (5, 5)
#: Planes of the magnet, and of the metals whose resistance gives D.
PLANES, LENGTHS = 26, (6, 18)
#: First plane of the fits: a mean free path or two from the source.
FIRST = 3


@dataclass(frozen=True)
class Decay:
    """Mean transverse spin current of fully polarized electrons in one magnet, per mean current."""

    splitting: float
    transverse: np.ndarray  # complex, [depth]
    error: np.ndarray  # standard error of one component
    expected: float  # √(2ħD/Δ), planes

    @property
    def used(self) -> np.ndarray:
        """Depths of the fit: above four standard errors."""
        above = abs(self.transverse) > 4 * self.error
        stop = int(np.flatnonzero(~above)[0]) if (~above).any() else len(above)
        return np.arange(FIRST, max(stop, FIRST + 4))

    def _slope(self, y: np.ndarray) -> tuple[float, float]:
        n = self.used
        weight = abs(self.transverse[n]) / self.error[n]
        design = np.stack([np.ones(len(n)), n], axis=-1) * weight[:, None]
        covariance = np.linalg.inv(design.T @ design)
        # errors of neighboring planes are correlated over a mean free path
        return float((covariance @ design.T @ (weight * y[n]))[1]), float(np.sqrt(FIRST * covariance[1, 1]))

    @property
    def decay(self) -> tuple[float, float]:
        """-d ln|Q⊥|/dn times √(2ħD/Δ), and its error; one in diffusion."""
        slope, error = self._slope(np.log(abs(self.transverse)))
        return -slope * self.expected, error * self.expected

    @property
    def turn(self) -> tuple[float, float]:
        """|d arg Q⊥/dn| times √(2ħD/Δ), and its error; one in diffusion."""
        slope, error = self._slope(np.unwrap(np.angle(self.transverse)))
        return abs(slope) * self.expected, error * self.expected


# ---------------------------------------------------------------------- what is computed
def magnet(splitting: float, planes: int) -> Junction:
    """Return the half-metal, magnetized across, in contact with a disordered weak magnet."""
    weak = {**METAL, "splitting": splitting}
    dirty = ferromagnet(**weak, thickness=planes, disorder=[Anderson(width=WIDTH)])
    return Junction(ferromagnet(**SOURCE, m=unit_vector(np.pi / 2)), [dirty], ferromagnet(**weak))


def conductivity(lab: SampleLaboratory, splitting: float, samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Return σ_s in e²/h per a of the same metal from two lengths, and its error."""
    lead = ferromagnet(**METAL, splitting=splitting)
    resistances = []
    for planes in LENGTHS:
        dirty = ferromagnet(**METAL, splitting=splitting, thickness=planes, disorder=[Anderson(width=WIDTH)])
        found = lab.average(
            Junction(lead, [dirty], lead),
            ENERGY,
            cross_section=SHAPE,
            boundary="twisted",
            realizations=samples,
            torques=False,
        )
        cells = SHAPE[0] * SHAPE[1]
        resistances.append(found.of_means(lambda means, c=cells: c / np.diagonal(means["transmissions"])))
    (short, short_error), (long, long_error) = resistances
    sigma = (LENGTHS[1] - LENGTHS[0]) / (long - short)
    return sigma, sigma * np.hypot(short_error, long_error) / (long - short)


def follow(lab: SampleLaboratory, splitting: float, samples: int, resistances: int) -> Decay:
    """Send spin across m into the magnet and average it plane by plane."""
    junction = magnet(splitting, PLANES)
    result = lab.average(
        junction,
        ENERGY,
        cross_section=SHAPE,
        boundary="twisted",
        realizations=samples,
        torques=False,
        profiles=True,
    )
    m_left, m_right = junction.magnetizations
    in_plane, normal = torque_axes(m_right, m_left)
    currents = result.samples("bond_currents")[:, 0].sum(axis=1)[:, junction.buffer - 1 :]
    Q = (currents[..., 1:] @ in_plane + 1j * (currents[..., 1:] @ normal)) / currents[:, :1, 0].mean()
    mean, count = Q.mean(axis=0), len(Q)
    error = np.sqrt((abs(Q - mean) ** 2).sum(axis=0) / (count - 1) / count / 2)
    sigma, _ = conductivity(lab, splitting, resistances)
    density = clean_density(ferromagnet(**METAL, splitting=splitting), ENERGY)
    # the last planes feel the lead
    return Decay(splitting, mean[:-4], error[:-4], dephasing_length(splitting, sigma, density))


def roots(splitting: float, expected: float) -> complex:
    """Return k⊥√(2D/Δ) of (11) for a long spin-relaxation time, from the material's modes; 1 + i."""
    D = expected**2 * splitting / 2
    metal = Material(sigma=1.0, beta=0.0, D=D, tau=1e9 / splitting, omega=splitting, q=1e6)
    return complex(metal.modes.transverse * expected)


def measure(quick: bool) -> Record:
    """Follow spin across m into weak magnets and compare decay and turn with diffusion."""
    lab = SampleLaboratory(spot_check_every=6)
    chosen = SPLITTINGS[1:] if quick else SPLITTINGS
    decays = [follow(lab, d, 160 if quick else 600, 60 if quick else 200) for d in chosen]
    shown = decays[-1]
    root = roots(shown.splitting, shown.expected)
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(values: list[tuple[float, float]]) -> str:
    """Return the verdict: decay and turn are those of diffusion, within errors and a fifth, or not."""
    return "holds in a limit" if all(abs(x - 1) < 0.2 + 3 * error for x, error in values) else "fails"


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    found = verdict([value for d in m.decays for value in (d.decay, d.turn)])
    decay, turn = m.shown.decay, m.shown.turn
    return Judged(
        printed=found,
        corrected=found,
        value=decay[0],
        expected=1.0,
        tolerance=0.2 + 3 * decay[1],  # a few mean free paths are not quite diffusion
        route=Check("turn per plane times √(2ħD/Δ), from the phase", turn[0], 0.2 + 3 * turn[1], expected=1.0),
        checks=(
            Check("k⊥√(2D/Δ) of (11), real part", m.root.real, 2e-8, expected=1.0),
            Check("k⊥√(2D/Δ) of (11), imaginary part", m.root.imag, 2e-8, expected=1.0),
            *m.lab.checks(),
        ),
    )


def numbers(m: Record) -> dict[str, Any]:
    """Return what the text quotes."""
    return {
        "list": "; ".join(
            f"Δ = {d.splitting:g} t: √(2ħD/Δ) = {d.expected:.1f} planes, decay {d.decay[0]:.2f} ± {d.decay[1]:.2f}, "
            f"turn {d.turn[0]:.2f} ± {d.turn[1]:.2f}"
            for d in m.decays
        ),
        "count": m.lab.samples,
    }


# ---------------------------------------------------------------------- figures
@styled
def draw(decays: list[Decay]) -> Any:
    """Plot length and phase of the mean transverse spin current against depth over √(2ħD/Δ)."""
    figure, (left, right) = new_figure(1, 2, width=7.0, height=3.6)
    for d, color in zip(decays, ("microscopic", "minority"), strict=False):
        x = np.arange(len(d.transverse)) / d.expected
        shown = abs(d.transverse) > 2 * d.error
        label = rf"$\Delta$ = {d.splitting:g} t"
        size = abs(d.transverse)[shown]
        left.errorbar(x[shown], size, d.error[shown], fmt="o", color=COLORS[color], label=label)
        phase = np.unwrap(np.angle(d.transverse))
        phase = np.sign(phase[len(d.used)] - phase[0]) * (phase - phase[0])
        right.errorbar(x[shown], phase[shown], d.error[shown] / size, fmt="o", color=COLORS[color], label=label)
    y = np.linspace(0, 4.5, 50)
    start = abs(decays[0].transverse[FIRST]) * np.exp(FIRST / decays[0].expected)
    left.semilogy(y, start * np.exp(-y), "-", color="black", linewidth=0.9, label="exp(−y)")
    right.plot(y, y, "-", color="black", linewidth=0.9, label="phase y")
    left.set_yscale("log")
    left.set_ylabel(r"$|\langle\mathbf{Q}_\perp\rangle|/\langle J\rangle$")
    right.set_ylabel("turn about m (rad)")
    for panel in (left, right):
        panel.set_xlabel(r"depth y over $\sqrt{2\hbar D/\Delta}$")
    left.legend(loc="lower left")
    right.legend(loc="upper left")
    return figure


def figures(m: Record) -> dict[str, Any]:
    """Draw everything."""
    return {"transverse-pair-decay": draw(m.decays)}


def table(m: Record) -> Rows:
    """Return the rows: every splitting."""
    rows = [("Δ (t)", "√(2ħD/Δ) (planes)", "decay × √(2ħD/Δ)", "turn × √(2ħD/Δ)", "planes fitted")]
    for d in m.decays:
        pairs = (f"{x:.2f} ± {error:.2f}" for x, error in (d.decay, d.turn))
        rows.append((f"{d.splitting:g}", f"{d.expected:.2f}", *pairs, f"{d.used[0]} to {d.used[-1]}"))
    return tuple(rows)
