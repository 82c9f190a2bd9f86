"""The text before equation (5): two diffusive magnets in series as circuits of two parallel spin channels."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from kwant_spinjunc import Junction, ferromagnet, normal_metal, unit_vector
from kwant_spinjunc.model.disorder import Anderson, Substitution
from kwant_spinjunc.spin import SIGNS
from kwant_spinjunc.theory import parallel_circuit, printed
from kwant_spinjunc.transport.local import chemical_potentials_of, default_axes

from ..claim import Check, Judged, Record
from ..compare import largest
from ..figures import drawn, legend_below
from ..laboratory import Number, SampleLaboratory, numbers_of
from ..two_channels import Metal, clean_contact, solve

#: All metals and leads, unit t: one cubic band, weakly split, so that a clean contact reflects next to nothing.
HOST = {"onsite": 0.0, "hopping": 1.0, "in_plane_hopping": 1.0}
SPLITTING = 1.0
CLEAN = partial(ferromagnet, **HOST, splitting=SPLITTING)
ENERGY = 1.0
#: The nonmagnetic metal: Anderson disorder of full width 3t.
NORMAL = (Anderson(width=3.0),)
#: The anchor, R - 1/N per layer of 8 × 8 periodic sites, found with 12 samples of other random numbers.
ANCHOR = 0.0050
#: Magnets: Anderson disorder, and impurities that one spin sees (A, B: the minority, C: the majority).
MAGNETS = {
    "A": (Substitution(concentration=0.07, onsite=2.0, splitting=5.0), Anderson(width=2.0)),
    "B": (Substitution(concentration=0.17, onsite=2.0, splitting=5.0), Anderson(width=3.0)),
    "C": (Substitution(concentration=0.078, onsite=-2.0, splitting=5.0), Anderson(width=2.15)),
}
#: Circuits: left metal, right metal, angle.
CIRCUITS = {
    "A|A, 0°": ("A", "A", 0.0),
    "A|B, 0°": ("A", "B", 0.0),
    "A|B, 90°": ("A", "B", np.pi / 2),
    "A|C, 0°": ("A", "C", 0.0),
}
#: Planes at either end of a metal that a slope leaves out, about a mean free path.
SKIP = 4
#: Standard errors within which two numbers agree.
AGREES = 3.0


# ---------------------------------------------------------------------- resistance against length
def ohmic(length: np.ndarray, resistance: np.ndarray, error: np.ndarray, modes: np.ndarray, start: int = 0) -> Record:
    """Return σ_s, e²/h per a, of the resistance A/⟨T_ss⟩ [length, spin] in h/e² a² of a metal: contact + L/σ_s.

    ``contact``, the resistance at L = 0, is 1/N_s for an isotropic mean free path, which is 3σ_s/(4N_s), and N_s the
    ``modes`` per a². Lengths from ``start`` on are fitted; errors are widened by √χ² where χ² per degree of freedom,
    ``chi2``, exceeds one.
    """
    sigma, contact, chi2, used = [], [], [], length >= start
    for R, R_error in zip(resistance[used].T, error[used].T, strict=True):
        (offset, slope), covariance, spread = weighted_line(length[used], R, R_error)
        offset_error, slope_error = np.sqrt(np.diagonal(covariance) * max(spread, 1.0))
        contact.append(Number(float(offset), float(offset_error)))
        sigma.append(Number(float(1 / slope), float(slope_error / slope**2)))
        chi2.append(spread)
    sigmas = np.array([one.value for one in sigma])
    beta, total = Number.of(lambda a, b: (a - b) / (a + b), *sigma), Number.of(lambda a, b: a + b, *sigma)
    mean_free_path = [Number.of(lambda x, N=N: 0.75 * x / N, one) for one, N in zip(sigma, modes, strict=True)]
    return Record(locals())


def slab(disorder: Sequence[Any], length: int, splitting: float) -> Junction:
    """Return a disordered metal between clean leads of the same band."""
    metal = partial(ferromagnet, **HOST, splitting=splitting) if splitting else partial(normal_metal, **HOST)
    return Junction(metal(), [metal(thickness=length, disorder=disorder)], metal())


def measure_resistance(
    lab: SampleLaboratory,
    disorder: Sequence[Any],
    lengths: Sequence[int],
    realizations: int,
    *,
    splitting: float = SPLITTING,
    start: int = 0,
) -> Record:
    """Average T_ss at every length."""
    found, modes = [], []
    for length in lengths:
        average = lab.average(slab(disorder, length, splitting), realizations)
        found.append(average.of_means(lambda means: lab.width**2 / np.diagonal(means["transmissions"])))
        modes.append(average["modes"].mean[0] / lab.width**2)
    values, errors = (np.array(part) for part in zip(*found, strict=True))
    return ohmic(np.array(lengths), values, errors, np.mean(modes, axis=0), start)


def measure_anchor(lab: SampleLaboratory, realizations: int) -> Number:
    """Return R - 1/N per layer of the nonmagnetic metal, 8 × 8 sites, periodic, 5 to 40 layers; ⟨1/T⟩ as there."""
    length, found = (5, 10, 20, 40), []
    for planes in length:
        average = lab.average(slab(NORMAL, planes, 0.0), realizations, width=8, boundary="periodic")
        found.append(average.derived(lambda batch: 1 / batch["transmissions"][:, 0, 0] - 1 / batch["modes"][:, 0, 0]))
    R, error = (np.array([float(getattr(one, name)) for one in found]) for name in ("mean", "error"))
    weights = np.array(length) / error
    return Number(float(weights @ (R / error) / (weights @ weights)), float(1 / np.sqrt(weights @ weights)))


def weighted_line(x: np.ndarray, y: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return (offset, slope) of a straight line, their covariance, and χ² per degree of freedom."""
    design = np.stack([np.ones_like(x, dtype=float), x], axis=-1) / error[:, None]
    covariance = np.linalg.inv(design.T @ design)
    line = covariance @ design.T @ (y / error)
    return line, covariance, float(np.sum((design @ line - y / error) ** 2) / max(len(x) - 2, 1))


def measure_localization(lab: SampleLaboratory, lengths: Sequence[int], realizations: int, width: int) -> Record:
    """Average the logarithm of the conductance of one spin of a thin wire far beyond its localization length."""
    found = [lab.average(slab(NORMAL, length, 0.0), realizations, width=width) for length in lengths]
    length, typical = np.array(lengths), np.array([one.transmissions.typical[0, 0] for one in found])  # exp⟨ln G⟩
    error = np.array([one.transmissions.typical_error[0, 0] for one in found])
    # ξ of exp⟨ln G⟩ ∝ exp(-2L/ξ), from lengths at which G is below 0.3 e²/h
    far = typical < 0.3
    line, covariance, _ = weighted_line(length[far], np.log(typical[far]), (error / typical)[far])
    rate = float(line[1])
    localization_length = Number(-2 / rate, 2 / rate**2 * float(np.sqrt(covariance[1, 1])))
    return Record(locals())


# ---------------------------------------------------------------------- two magnets in series
def junction_of(left: Sequence[Any], right: Sequence[Any], angle: float, planes: int) -> Junction:
    """Return two disordered magnets of the same band in contact, between clean leads of it."""
    m = unit_vector(angle)
    layers = [CLEAN(thickness=planes, disorder=left), CLEAN(thickness=planes, disorder=right, m=m)]
    return Junction(CLEAN(), layers, CLEAN(m=m))


def observe(junction: Junction, means: Mapping[str, np.ndarray], cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Return µ_s(n) [plane, spin] and J_s(bond) [side, bond, spin] along either m, from averaged states.

    Potentials ±1/2 of the leads; currents per a².
    """
    mu = chemical_potentials_of(means["densities"], default_axes(junction), 0.5, -0.5)
    from_left, from_right = means["bond_currents"].sum(axis=1)
    flux = (from_left - from_right) / 2 / cells
    along = np.stack([flux[:, 1:] @ m for m in junction.magnetizations])
    return mu, (flux[None, :, 0, None] + along[..., None] * SIGNS) / 2


def slopes(mu: np.ndarray, planes: int) -> np.ndarray:
    """Return E_s = -dµ_s/dy in both metals, [side, spin], from their inner planes."""
    inner = slice(SKIP, planes - SKIP)
    y = np.arange(planes)[inner]
    y = (y - y.mean()) / np.sum((y - y.mean()) ** 2)
    return np.array([-(y @ mu[side * planes : (side + 1) * planes][inner]) for side in (0, 1)])


def measure_circuit(
    lab: SampleLaboratory, metals: Mapping[str, Record], name: str, planes: int, realizations: int
) -> Record:
    """Average the states of two magnets in series."""
    left, right, angle = CIRCUITS[name]
    junction = junction_of(MAGNETS[left], MAGNETS[right], angle, planes)
    average = lab.average(junction, realizations, profiles=True)
    buffer = junction.buffer

    def everything(means: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        mu, J = observe(junction, means, lab.width**2)
        mu = mu[buffer:-buffer]
        E = slopes(mu, planes)
        bonds = [J[0, buffer : buffer + planes - 1], J[1, buffer + planes : buffer + 2 * planes - 1]]
        current, mean = np.array([side.mean(axis=0) for side in bonds]), E.mean(axis=1)
        shares = {"share": E[0] / E.sum(axis=0), "mean_share": mean[0] / mean.sum()}
        return {"mu": mu, "field": E, "current": current, **shares}

    # of the metals only: µ_s [plane, spin]; fields and currents [side, spin], per unit bias and a²; E_Ls/(E_Ls + E_Rs)
    # of either spin and of the mean of both
    found = numbers_of(average, everything)
    sides = [metals[left], metals[right]]
    interface = clean_contact(CLEAN, angle, ENERGY) if angle else None
    network = solve([Metal(planes, side.sigmas) for side in sides], sides[0].modes, interface=interface)
    beta, current = np.array([side.beta.value for side in sides]), found["current"].value
    J_M = current @ SIGNS / current.sum(axis=1) / beta  # per βJ of the side
    return Record({**found, "angle": angle, "planes": planes, "network": network, "J_M": J_M})


def local_ohm(circuit: Record, sides: Sequence[Record], *, common: bool) -> list[Number]:
    """Return J_s/(σ_s E) on both sides and spins, with the field of each spin, or the common one of both spins."""
    E = circuit.field
    if common:
        E = Number(*(np.repeat(x, 2).reshape(2, 2) for x in (E.value.mean(axis=1), np.hypot(*E.error.T) / 2)))
    return [
        Number.of(lambda J, e, sigma: J / (sigma * e), circuit.current[side, s], E[side, s], sides[side].sigma[s])
        for side in (0, 1)
        for s in (0, 1)
    ]


def divisions(left: Record, right: Record) -> tuple[Number, Number]:
    """Return E_L/(E_L + E_R) as printed and in series, with the errors of the conductivities."""

    def share(division: Any, a: float, b: float, c: float, d: float) -> float:
        return float(division([a, b], [c, d])[0])

    as_printed = Number.of(partial(share, printed.fields), *left.sigma, *right.sigma)
    return as_printed, Number.of(partial(share, parallel_circuit.series_fields), *left.sigma, *right.sigma)


def spin_shares(left: Record, right: Record) -> list[Number]:
    """Return E_Ls/(E_Ls + E_Rs) = σ_Rs/(σ_Ls + σ_Rs) of spin channels that do not mix."""
    return [Number.of(lambda a, b: b / (a + b), *pair) for pair in zip(left.sigma, right.sigma, strict=True)]


# ---------------------------------------------------------------------- what it says of the paper
def verdict(measured: Sequence[Number], printed: Sequence[Number]) -> str:
    """Return the verdict on the printed division for all circuits; equal conductivities cannot tell divisions apart."""
    agrees = [a.deviation(b) < AGREES for a, b in zip(measured, printed, strict=True)]
    return "holds" if all(agrees) else "fails"


@drawn("diffusive-metal-ohm", 1, 2, width=7.2, height=3.6)
def draw_ohm(m: Record, left: Any, right: Any) -> None:
    """Plot resistance against length: a wide and a thin wire of the normal metal, and the spins of the magnets."""
    sigma, A, path = m.normal.sigma[0].value, m.thin.width**2, m.normal.mean_free_path[0].value
    L = np.geomspace(3, 1.1 * m.thin.length.max(), 100)
    left.loglog(L, L / sigma, "-", color="black", linewidth=1, label=r"Ohm, $L/\sigma_s$")
    bulk = m.normal.resistance[:, 0] - m.normal.contact[0].value
    wide, thin = f"W = {m.lab.width}", f"W = {m.thin.width}"
    left.errorbar(m.normal.length, bulk, m.normal.error[:, 0], fmt="o", color="microscopic", label=wide)
    R, error = A / m.thin.typical - 1 / m.normal.modes[0], A * m.thin.error / m.thin.typical**2
    left.errorbar(m.thin.length, R, error, fmt="s", color="minority", label=f"{thin}, typical")
    left.set(xlim=(2, None), ylim=(0.3, None))
    for x, look, name, size in ((sigma * A, ":", rf"$\sigma_s A$, {thin}", 7), (path, "--", "l", 8)):
        left.axvline(x, color="muted", linestyle=look)
        left.annotate(name, (x, left.get_ylim()[0]), (3, 4), textcoords="offset points", fontsize=size)
    left.set(xlabel="length L (planes)", ylabel=r"$A(1/T_{ss} - 1/N_s)$ (h/e² a²)")
    left.set_title("nonmagnetic, Anderson width 3t")
    left.legend(loc="upper left", framealpha=1, frameon=True, edgecolor="none")
    x = np.array([0, max(metal.length.max() for metal in m.metals.values())])
    for (name, metal), marker in zip(m.metals.items(), "os^", strict=False):
        for s, spin in enumerate(("majority", "minority")):
            look = {"fmt": marker, "color": spin, "markerfacecolor": spin if name != "C" else "none"}
            R, error = metal.resistance[:, s], metal.error[:, s]
            right.errorbar(metal.length, R, error, label=f"{name}, {spin}", **look)
            right.plot(x, metal.contact[s].value + x / metal.sigma[s].value, "-", color=spin, linewidth=0.8)
    right.set(xlabel="length L (planes)", ylabel=r"$A/T_{ss}$ (h/e² a²)", xlim=(0, None), ylim=(0, None))
    right.set_title("magnets")
    right.legend(loc="upper left", ncols=1, fontsize=7)


@drawn("diffusive-metal-profile", 1, 3, width=7.2, height=3.3, sharey=True)
def draw_profiles(m: Record, *axes: Any) -> None:
    """Plot the chemical potentials of both spins, measured and of the two-channel network."""
    chosen = list(m.circuits)[1:]
    for panel, name in zip(axes, chosen, strict=True):
        circuit = m.circuits[name]
        y = np.arange(2 * circuit.planes) - circuit.planes + 0.5
        for s, (spin, marker) in enumerate((("majority", "."), ("minority", "x"))):
            panel.errorbar(y, *circuit.mu[:, s], fmt=marker, color=spin, markersize=4, label=spin)
            panel.plot(y, circuit.network.mu[:, s], "-", color=spin, linewidth=1)
        panel.axvline(0, color="black", linewidth=1)
        panel.set(xlabel="plane", title=name)
    axes[0].set_ylabel(r"$\mu_s$ / ($\mu_L - \mu_R$)")
    axes[0].plot([], [], "-", color="black", linewidth=1, label="two channels")
    legend_below(axes[0], 3)


@drawn("diffusive-metal-division", width=5.4, height=3.4)
def draw_division(m: Record, axes: Any) -> None:
    """Plot E_L/E of every circuit against both divisions."""
    for x, name in enumerate(m.circuits):
        circuit, (printed, series) = m.circuits[name], m.given[name]

        def told(label: str, first: bool = x == 0) -> str | None:
            return label if first else None

        axes.errorbar(x, *circuit.mean_share, fmt="o", color="black", label=told("measured, mean of spins"))
        for s, (spin, at) in enumerate((("majority", x - 0.12), ("minority", x + 0.12))):
            axes.errorbar(at, *circuit.share[s], fmt="^", color=spin, label=told(f"measured, {spin}"))
            if circuit.angle == 0:
                axes.plot([at - 0.06, at + 0.06], [m.spins[name][s].value] * 2, "-", color=spin, linewidth=1)
        for number, look, label in ((printed, ":", "printed"), (series, "--", "in series")):
            axes.plot([x - 0.35, x + 0.35], [number.value] * 2, look, color="muted", label=told(label))
    axes.set_xticks(range(len(m.circuits)), list(m.circuits))
    axes.set(ylabel=r"$E_L/(E_L + E_R)$", xlim=(-0.5, len(m.circuits) - 0.5), ylim=(0, 1.0))
    axes.figure.legend(loc="outside lower center", ncols=3)


#: Quick or not: sites across, samples of metals and of wires, planes of a magnet, samples of the anchor, first length
#: of fits, lengths of magnets, of the normal metal, of wires.
SIZES: dict[bool, tuple[Any, ...]] = {
    True: (6, 14, 30, 13, 12, 5, (5, 10, 20), (3, 5, 10, 20), (5, 20, 40, 70, 100, 130)),
    False: (
        *(8, 56, 200, 20, 100, 10),
        *((5, 10, 15, 20, 25, 30), (2, 3, 5, 10, 20, 30, 40), (5, 10, 20, 30, 40, 60, 80, 100, 120, 140)),
    ),
}


def measure(quick: bool) -> Record:
    """Measure the conductivities of disordered metals, put two in series and look at fields and currents."""
    width, count, samples, planes, anchors, start, *scans = SIZES[quick]
    lengths, longer, wires = scans
    lab = SampleLaboratory(10**9, width=width, energy=ENERGY, seed=0)
    for left, right, angle in CIRCUITS.values():
        lab.average(junction_of(MAGNETS[left], MAGNETS[right], angle, 2), 2, width=3, compared=True, profiles=True)
    anchor = measure_anchor(lab, anchors)
    normal = measure_resistance(lab, NORMAL, longer, count, splitting=0.0, start=5)
    thin = measure_localization(lab, wires, samples, 3)
    metals = {name: measure_resistance(lab, alloy, lengths, count, start=start) for name, alloy in MAGNETS.items()}
    circuits = {name: measure_circuit(lab, metals, name, planes, count) for name in CIRCUITS}
    sides = {name: [metals[left], metals[right]] for name, (left, right, _) in CIRCUITS.items()}
    given = {name: divisions(*pair) for name, pair in sides.items()}
    spins = {name: spin_shares(*pair) for name, pair in sides.items()}
    measured = [circuit.mean_share for circuit in circuits.values()]
    shown = circuits["A|B, 0°"]
    printed, series = given["A|B, 0°"]
    unequal = circuits["A|C, 0°"]
    turned = circuits["A|B, 90°"]
    ratios, common = ({n: local_ohm(c, sides[n], common=both) for n, c in circuits.items()} for both in (False, True))
    own = [number for found in ratios.values() for number in found]
    worst_own = max(n.deviation(Number(1.0, 0.0)) for n in own)
    one = common["A|C, 0°"]
    spread = f"{min(n.value for n in one):.2f} to {max(n.value for n in one):.2f}"
    offsets = {n: largest([c.mu.value - c.network.mu]) for n, c in circuits.items()}
    A, B, C = (metals[name] for name in "ABC")
    xi = thin.localization_length
    z = shown.mean_share
    return Record(locals())


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    charges = [circuit.current.value.sum(axis=-1) for circuit in m.circuits.values()]
    deviation = np.hypot(m.anchor.error, 1e-4)
    return Judged(
        printed=verdict(m.measured, [printed for printed, _ in m.given.values()]),
        corrected="holds" if m.z.deviation(m.series) < 4 and m.worst_own < 4 else "fails",
        value=m.z.value,
        expected=m.series.value,
        tolerance=4 * float(np.hypot(m.z.error, m.series.error)),  # four standard errors of the difference
        route=Check("J_s/(σ_s E_s) of every spin: largest deviation in standard errors", m.worst_own, 4.0),
        checks=(
            # ANCHOR came from 12 samples, about 2 % each length
            Check("R − 1/N per layer, W = 8 periodic, h/e²", m.anchor.value, 3 * deviation, ANCHOR),
            Check("charge current left minus right, per current", largest(J[0] / J[1] - 1 for J in charges), 1e-9),
            Check("µ_s of A|B, 0°, against two channels, per bias", m.offsets["A|B, 0°"], 0.06 if m.quick else 0.03),
            *m.lab.checks(),
        ),
    )
