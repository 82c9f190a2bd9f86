r"""Means over two momenta to a few digits: lattices of momenta, shifted at random.

A metal of many orbitals has a Fermi surface whose every fold opens channels; to split the integrand at all of them
costs more than the mean to a percent. A lattice rule needs no splits: N points k_i = 2π {z i/N + shift} fill the zone
evenly at every N = 2^m (z = (1, 182667), R. Cools, F. Y. Kuo and D. Nuyens, SIAM J. Sci. Comput. 28, 2162 (2006)), know
nothing of its symmetries, so that every point counts, and miss smooth parts by 1/N² and kinks by about N^(-3/2). Eight
random shifts are eight independent estimates: their scatter is the error, whatever the integrand is, as long as its
peaks are wide enough to be met at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..arrays import Floats, Integers

#: Generating vector of an embedded lattice sequence in base 2, and the most points it is made for.
VECTOR, MOST = np.array([1, 182667]), 20
#: Independent shifts, the standard errors that are claimed (of eight: 98 % of means lie within), points to begin with.
SHIFTS, STANDARD_ERRORS, FIRST = 8, 3.0, 5
#: Points of a shift that are held at a time: all angles of fluxes take kilobytes each.
BLOCK = 1024


def lattice_mean(
    integrand: Callable[[Floats], tuple[Floats, Floats]],
    enough: Callable[[Floats, Floats], bool],
    spent: Callable[[], bool],
) -> tuple[Floats, Floats, Floats]:
    """Return the mean over the square [-π, π]², the error of each component, and the estimates (shifts, components).

    ``integrand``: takes momenta (n, 2), returns values (n, components) and errors (n, components or 1) of gaps.
    ``enough``: tells whether means and errors (components,) are good enough.
    ``spent``: tells whether no more points are allowed.
    """
    shifts = np.random.default_rng(11).uniform(size=(SHIFTS, 2))
    total: Any = 0.0
    missed, done = np.zeros(1), 0
    for m in range(FIRST, MOST + 1):
        for start in range(done, 2**m, BLOCK):
            new = np.arange(start, min(start + BLOCK, 2**m))
            points = (_reversed_bits(new)[:, None] * VECTOR + shifts[:, None]) % 1.0
            values, errors = integrand(2 * np.pi * points.reshape(-1, 2) - np.pi)
            total = total + values.reshape(SHIFTS, len(new), -1).sum(axis=1)
            missed = missed + errors.sum(axis=0)
        done = 2**m
        means = total / done
        value = means.mean(axis=0)
        deviation = means.std(axis=0, ddof=1) / np.sqrt(SHIFTS)
        error = STANDARD_ERRORS * deviation + missed / (SHIFTS * done)
        if enough(value, error) or spent():
            break
    return value, error, means


def _reversed_bits(index: Integers) -> Floats:
    """Return the radical inverse of integers in base 2: the first 2^m of them are all multiples of 2^-m."""
    found = np.zeros(len(index))
    for bit in range(MOST):
        found += ((index >> bit) & 1) * 0.5 ** (bit + 1)
    return found
