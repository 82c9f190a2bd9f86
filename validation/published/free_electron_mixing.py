"""Spin-mixing conductance of a free-electron interface: the continuum integral against the lattice."""

import numpy as np
from scipy.integrate import quad

from kwant_spinjunc import Junction, ferromagnet, halves
from kwant_spinjunc.halves import zone
from kwant_spinjunc.model.junction import Layer
from kwant_spinjunc.theory.circuit import mixing_conductance

from . import Compared

#: Fermi wave numbers of both spins of the magnet in units of the metal's.
UP, DOWN = 1.2, 0.6
#: k_F a of the metal: the lattice is a continuum as it vanishes.
SCALES = (0.4, 0.2)


def continuum() -> complex:
    """Return (2/k_F²) ∫ q dq (1 - r_↑ r_↓*), r = (k - k_s)/(k + k_s) for steps of the potential."""

    def reflection(q: float, kF: float) -> complex:
        k, inside = np.sqrt(1 - q * q), np.sqrt(complex(kF * kF - q * q))
        return complex((k - inside) / (k + inside))

    def integrand(q: float) -> complex:
        return 2 * q * (1 - reflection(q, UP) * np.conj(reflection(q, DOWN)))

    parts = [quad(lambda q, f=f: f(integrand(q)), 0, 1, points=[DOWN], epsabs=1e-10)[0] for f in (np.real, np.imag)]
    return complex(*parts)


def lattice(scale: float) -> complex:
    """Return G_mix per open channel of a metal with k_F a = ``scale``."""
    energy, up, down = scale**2, (scale * UP) ** 2, (scale * DOWN) ** 2
    # bottoms at energy - k_s²: center of the bands and their splitting
    center, splitting = 6 + energy - (up + down) / 2, up - down
    metal = Layer(onsite=6.0, hopping=1.0, in_plane_hopping=1.0, m=(0, 0, 1))
    magnet = ferromagnet(onsite=center, hopping=1.0, in_plane_hopping=1.0, splitting=splitting)
    junction = Junction(metal, [], magnet)

    def observe(c: np.ndarray) -> np.ndarray:
        found = halves.solve(junction, energy, c)
        r = found.amplitudes[:, 0, [0, 1], 0, [0, 1]]
        mixing = mixing_conductance(r[:, 0, None, None], r[:, 1, None, None]) * found.modes[:, 0, 0]
        return np.stack([mixing.real, mixing.imag, found.modes[:, 0, 0]], axis=-1)

    real, imaginary, N = zone.average(observe, zone.thresholds(junction, energy), rtol=1e-7, atol=1e-10).value
    return complex(real / N, imaginary / N)


def compare(quick: bool) -> list[Compared]:
    """Return real and imaginary part, extrapolated to the continuum."""
    told, coarse, fine = continuum(), *(lattice(s) for s in SCALES)
    ours = fine + (fine - coarse) / 3
    return [
        Compared(
            id=f"mixing-{name}",
            source="K. Xia, P. J. Kelly, G. E. W. Bauer, A. Brataas, I. Turek, Phys. Rev. B 65, 220401 (2002), for "
            "free electrons: the integral of 1 − r_↑ r_↓* over the Fermi disk",
            kind="closed form",
            quantity=f"{name} part of G_mix per channel, k_↑ = {UP:g} k_F, k_↓ = {DOWN:g} k_F, no step in the mass",
            published=getattr(told, part),
            ours=getattr(ours, part),
            tolerance=1e-3,
            why=f"Lattice with k_F a = {SCALES[0]:g} and {SCALES[1]:g}, extrapolated in its square.",
            unit="e²/h per channel",
        )
        for name, part in (("real", "real"), ("imaginary", "imag"))
    ]
