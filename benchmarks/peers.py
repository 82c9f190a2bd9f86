"""Print the fast engine against other packages on one junction: ``python -m benchmarks.peers [--points N]``.

Every package computes the same spin-resolved transmissions T_ss' from left to right, at the same energies, in this
process, on one BLAS thread, turn by turn; times are medians of the CPU time per energy. What does not depend on the
energy (Hamiltonians, finalized systems, lead objects) is made beforehand.

Green's functions give T_ss' = γ_Rs |⟨s, m_R| G_N1 |s', m_L⟩|² γ_Ls' (Fisher and Lee, Phys. Rev. B 23, 6851 (1981)),
γ the broadening i (Σ - Σ†) of each spin.

- Kwant: `kwant.smatrix` on a finalized system whose leads conserve spin.
- sisl: self-energies of noncollinear semi-infinite chains (`RecursiveSI`), the device in NumPy: all energies in one
  batched `numpy.linalg.solve`.
- hamop: `sancho_rubio` for each lead, `device_greens` with the leads as self-energies of the outer planes. (Its own
  `transmission` takes identical leads and sums over spin.)

NanoNET was tried and left out: it finds the modes of its leads in single precision, 1e-4 off.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"  # before NumPy is imported

import argparse
import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import hamop
import kwant
import numpy as np
import sisl

import kwant_spinjunc as sj
from kwant_spinjunc import halves
from kwant_spinjunc.spin import PAULI, spinors

from .__main__ import POINTS, describe, junction, show, turn_by_turn

#: Imaginary part of the energy in packages that need one.
ETA = 1e-8
#: Largest difference from the engine that the broadening may make.
TOLERANCE = 1e-6
#: The engine is too fast to time once.
REPEAT = 50

Transmissions = Callable[[np.ndarray], np.ndarray]


def onsite(layer: sj.Layer) -> np.ndarray:
    """Return ε - (Δ/2) m·σ."""
    return layer.onsite * np.eye(2) - layer.splitting / 2 * np.tensordot(layer.m, PAULI, 1)


def resolve(device: sj.Junction, G: np.ndarray, sigma: list[np.ndarray]) -> np.ndarray:
    """Return T[..., s, s'] from G_N1 and the self-energies of the left and right lead, all [..., 2, 2]."""
    chi = [spinors(lead.m) for lead in device.leads]
    gamma = [-2 * np.einsum("ps,...pq,qs->...s", x.conj(), S, x).imag for x, S in zip(chi, sigma, strict=True)]
    amplitude = chi[1].conj().T @ G @ chi[0]
    return gamma[1][..., :, None] * abs(amplitude) ** 2 * gamma[0][..., None, :]


def largest_differences(found: np.ndarray, expected: np.ndarray) -> tuple[float, float]:
    """Return the largest absolute and relative difference."""
    difference = abs(found - expected)
    return float(difference.max()), float((difference / expected).max())


def engine(device: sj.Junction) -> Transmissions:
    return lambda energies: halves.probabilities(device, energies)[:, 1, :, 0, :]


def kwant_smatrix(device: sj.Junction) -> Transmissions:
    system = sj.build(device).finalized()

    def transmissions(energies: np.ndarray) -> np.ndarray:
        out = np.empty((len(energies), 2, 2))
        for i, energy in enumerate(energies):
            S = kwant.smatrix(system, energy)
            out[i] = [[S.transmission((1, s), (0, r)) for r in (0, 1)] for s in (0, 1)]
        return out

    return transmissions


def sisl_chain(matrices: list[np.ndarray], bonds: list[float], *, periodic: bool = False) -> sisl.Hamiltonian:
    """Return a noncollinear chain along z; the last bond of a periodic one leads to the next cell."""
    count = len(matrices)
    lattice = sisl.Lattice([10, 10, count], nsc=[1, 1, 3 if periodic else 1])
    geometry = sisl.Geometry([[0, 0, n] for n in range(count)], sisl.Atom(1, R=1.1), lattice)
    H = sisl.Hamiltonian(geometry, spin=sisl.Spin("noncolinear"))
    for n, h in enumerate(matrices):
        H[n, n] = [h[0, 0].real, h[1, 1].real, h[0, 1].real, h[0, 1].imag]
    for n, t in enumerate(bonds):
        values = [-t, -t, 0, 0]
        if n < count - 1:
            H[n, n + 1] = H[n + 1, n] = values
        else:
            H[n, 0, (0, 0, 1)] = H[0, n, (0, 0, -1)] = values
    return H


def sisl_greens(device: sj.Junction) -> Transmissions:
    leads = [
        sisl.RecursiveSI(sisl_chain([onsite(lead)], [lead.hopping], periodic=True), direction, eta=ETA)
        for lead, direction in zip(device.leads, ("-C", "+C"), strict=True)
    ]
    H = sisl_chain([onsite(plane) for plane in device.planes], list(device.bond_hoppings)).Hk(format="array")
    size = len(H)
    source = np.eye(size, 2, dtype=complex)

    def transmissions(energies: np.ndarray) -> np.ndarray:
        sigma = [np.array([lead.self_energy(energy) for energy in energies]) for lead in leads]
        A = (energies[:, None, None] + 1j * ETA) * np.eye(size) - H
        A[:, :2, :2] -= sigma[0]
        A[:, -2:, -2:] -= sigma[1]
        return resolve(device, np.linalg.solve(A, np.broadcast_to(source, (len(A), size, 2)))[:, -2:], sigma)

    return transmissions


def hamop_greens(device: sj.Junction) -> Transmissions:
    planes = [onsite(plane) for plane in device.planes]
    bonds = [-t * np.eye(2) for t in device.bond_hoppings]
    leads = [(onsite(lead), -lead.hopping * np.eye(2), lead.hopping**2) for lead in device.leads]
    last = len(planes) - 1

    def transmissions(energies: np.ndarray) -> np.ndarray:
        G, sigma = np.empty((len(energies), 2, 2), complex), np.empty((2, len(energies), 2, 2), complex)
        for i, energy in enumerate(energies):
            # hoppings are symmetric: a lead needs no left or right
            sigma[:, i] = [t2 * hamop.sancho_rubio(energy, h, t, eta=ETA) for h, t, t2 in leads]
            outer = {0: sigma[0, i], last: sigma[1, i]}
            whole, *_ = hamop.device_greens(
                energy, planes, bonds, *leads[0][:2], eta=ETA, sigma_int=outer, attach_leads=False
            )
            G[i] = whole[-2:, :2]
        return resolve(device, G, list(sigma))

    return transmissions


def main() -> int:
    """Compare, time and print; the exit status is the number of packages that disagree."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, prog="python -m benchmarks.peers", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--points", type=int, default=200, metavar="N", help="number of energies")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="repetitions of each timing")
    options = parser.parse_args()
    device = junction()
    energies, many = (np.linspace(-0.4, 0.9, points) for points in (options.points, POINTS))
    fast = engine(device)
    peers: dict[str, Transmissions] = {
        f"Kwant {version('kwant')}": kwant_smatrix(device),
        f"sisl {version('sisl')}, device in NumPy": sisl_greens(device),
        f"hamop {version('hamop')}": hamop_greens(device),
    }
    expected = fast(energies)
    differences = {name: largest_differences(peer(energies), expected) for name, peer in peers.items()}
    works: dict[str, tuple[Callable[[int], Any], int]] = {
        name: (lambda _, peer=peer: peer(energies), len(energies)) for name, peer in peers.items()
    }
    works["few"] = (lambda _: [fast(energies) for _ in range(REPEAT)], REPEAT * len(energies))
    works["many"] = (lambda _: fast(many), POINTS)
    times = turn_by_turn(works, options.rounds)

    print(describe())
    print(
        f"T_ss' of 4 channels, 6 barrier planes, {len(energies)} energies; T between {expected.min():.1e} and", end=" "
    )
    print(f"{expected.max():.1e}; broadening of sisl and hamop {ETA:g}")
    layout = "{:<28}{:>12}{:>14}{:>14}{:>12}{:>14}"
    print(layout.format("", "per energy", "ratio", f"to {POINTS:,}", "max |ΔT|", "max |ΔT|/T"))
    for name, key in [("this engine", "few"), (f"  {POINTS:,} energies at once", "many")]:
        print(layout.format(name, show(times[key]), "", "", "", "").rstrip())
    for name, (absolute, relative) in differences.items():
        ratios = [f"{times[name] / times[key]:,.0f} ×" for key in ("few", "many")]
        verdict = "" if absolute <= TOLERANCE else "  DISAGREES"
        print(layout.format(name, show(times[name]), *ratios, f"{absolute:.1e}", f"{relative:.1e}") + verdict)
    return sum(absolute > TOLERANCE for absolute, _ in differences.values())


if __name__ == "__main__":
    sys.exit(main())
