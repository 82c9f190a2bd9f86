"""Slonczewski's polarization of a free-electron tunnel junction, and the height at which it changes sign."""

import numpy as np
from scipy.optimize import brentq

from kwant_spinjunc.scattering import scatter_quietly as scatter
from kwant_spinjunc.units import ELECTRON_HBAR2_2M, IRON_WAVE_NUMBERS
from systems.free_electron_junction import free_electron_junction

from . import Compared

SOURCE = "J. C. Slonczewski, Phys. Rev. B 39, 6995 (1989), equations (1) to (6)"
#: Lattice spacings of the extrapolation (nm), width (nm) and heights above the Fermi energy (eV).
SPACINGS, WIDTH = (0.02, 0.01), 1.2


def closed(kappa: float) -> float:
    """Return P = [(k↑ - k↓)/(k↑ + k↓)] (κ² - k↑k↓)/(κ² + k↑k↓)."""
    up, down = IRON_WAVE_NUMBERS
    return float((up - down) / (up + down) * (kappa**2 - up * down) / (kappa**2 + up * down))


def product(height: float, a: float) -> float:
    """Return [G(0) - G(π)]/[G(0) + G(π)] = P² at normal incidence, signed like the spin factor of one face."""
    T = [scatter(free_electron_junction(x, height, WIDTH, a=a), 0.0, (0.0, 0.0)).transmissions for x in (0.0, np.pi)]
    D = np.array([[T[0][0, 0], T[1][0, 1]], [T[1][1, 0], T[0][1, 1]]])
    faces = np.sqrt(np.diagonal(D))
    return float((faces[0] - faces[1]) / (faces[0] + faces[1]))


def extrapolated(function) -> float:  # type: ignore[no-untyped-def]
    """Return the limit of vanishing spacing of something with an error of second order."""
    coarse, fine = (function(a) for a in SPACINGS)
    return float(fine + (fine - coarse) / 3)


def compare(quick: bool) -> list[Compared]:
    """Return the polarization behind 1 eV and the height of no polarization."""
    height = 1.0
    kappa, zero = float(np.sqrt(height / ELECTRON_HBAR2_2M)), ELECTRON_HBAR2_2M * float(np.prod(IRON_WAVE_NUMBERS))
    return [
        Compared(
            id="slonczewski-polarization",
            source=SOURCE,
            kind="closed form",
            quantity=f"effective polarization, k↑ = {IRON_WAVE_NUMBERS[0]:g}, k↓ = {IRON_WAVE_NUMBERS[1]:g} nm⁻¹, "
            f"{height:g} eV, {WIDTH:g} nm, normal incidence",
            published=closed(kappa),
            ours=extrapolated(lambda a: product(height, a)),
            tolerance=5e-4,
            why="e^(−2κd) and the lattice spacing, extrapolated from 0.02 and 0.01 nm.",
        ),
        Compared(
            id="slonczewski-sign",
            source=SOURCE,
            kind="closed form",
            quantity="barrier height at which the polarization changes sign, κ² = k↑k↓",
            published=zero,
            ours=extrapolated(lambda a: brentq(lambda U: product(U, a), 0.8 * zero, 1.2 * zero, xtol=1e-6)),
            tolerance=2e-3 * zero,
            why="As above.",
            unit="eV",
        ),
    ]
