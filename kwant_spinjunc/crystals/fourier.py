r"""Hamiltonians as Fourier series of the momenta: from a few samples a dimension, checked at one more.

Kwant evaluates a wrapped Hamiltonian in milliseconds; H(k) = Σ_R H_R exp(i k·R) is a matrix product. R are the lattice
translations of `kwant.wraparound`, so that H_R are the hoppings in real space, of which more can be told than of H(k).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Complex, Floats, Integers
from ..errors import ArgumentError
from ..spin import pauli_parts

#: Largest |R| per dimension that is tried.
REACH = 4
#: A Fourier coefficient, or a miss at the momentum of the check, below this part of the largest element is rounding.
ROUNDING = 1e-13
#: The momentum of the check: generic, and outside of the first zone.
CHECK = (7.1, -4.3, 9.7)


@dataclass(frozen=True, eq=False)
class Series:
    """A matrix as a Fourier series."""

    coefficients: Complex
    translations: NDArray[np.int64]

    def at(self, k: Floats) -> Complex:
        """Return the matrix at momenta (points, dimensions), (points, ..., n, m)."""
        C = self.coefficients
        if len(C) == 1 and not self.translations.any():
            return C if len(k) == 1 else np.broadcast_to(C[0], (len(k), *C.shape[1:]))
        phases = np.exp(1j * (k @ self.translations.T))
        return np.asarray((phases @ C.reshape(len(C), -1)).reshape(len(k), *C.shape[1:]))

    @cached_property
    def parts(self) -> Complex:
        """Its parts (H_0, H_x, H_y, H_z) in orbitals (spin, orbital), see `pauli_parts`."""
        return pauli_parts(self.coefficients)

    @cached_property
    def scale(self) -> float:
        """Its largest coefficient."""
        return float(abs(self.coefficients).max(initial=0.0))

    def map(self, change: Callable[[Complex], Complex]) -> Series:
        """Return the series with its coefficients changed linearly."""
        return Series(change(self.coefficients), self.translations)

    def raised(self, levels: Any) -> Series:
        """Return the series of square matrices with levels (n,), or one for all, added to the diagonal."""
        home = ~self.translations.any(axis=1)
        if not home.any():
            zero = np.zeros_like(self.coefficients[:1]), np.zeros_like(self.translations[:1])
            arrays = (np.concatenate(pair) for pair in zip(zero, (self.coefficients, self.translations), strict=True))
            return Series(*arrays).raised(levels)
        return replace(
            self, coefficients=self.coefficients + home[:, None, None] * (levels * np.eye(self.coefficients.shape[-1]))
        )

    def dagger(self) -> Series:
        """Return the series of the Hermitian conjugate."""
        return Series(np.swapaxes(self.coefficients, -1, -2).conj(), -self.translations)


def alike(series: Sequence[Series]) -> list[list[tuple[Series, int, int, int]]]:
    """Return the series of each shape with their numbers and the first and last of their terms side by side."""
    groups: dict[Any, list[tuple[Series, int, int, int]]] = {}
    for number, one in enumerate(series):
        group = groups.setdefault(one.coefficients.shape[1:], [])
        start = group[-1][3] if group else 0
        group.append((one, number, start, start + len(one.coefficients)))
    return list(groups.values())


def decompose(series: Sequence[Series]) -> None:
    """Find the `Series.parts` of all at once."""
    for group in alike(series):
        parts = pauli_parts(np.concatenate([one.coefficients for one, *_ in group]))
        for one, _, start, end in group:
            one.__dict__["parts"] = parts[:, start:end]


class Blocks:
    """Many series evaluated at once, the square ones ``onsite`` measured from the energy.

    ``onsite``, ``hopping``: Series; `at` returns the blocks of the first, then those of the second.
    """

    def __init__(self, onsite: Sequence[Series], hopping: Sequence[Series]) -> None:
        series = [*onsite, *hopping]
        self.count = len(series)
        groups: dict[Any, list[int]] = {}
        for number, one in enumerate(series):
            groups.setdefault((number < len(onsite), one.translations.tobytes()), []).append(number)
        #: Number, start, end and shape of some series with the same translations; these side by side, (terms,
        #: elements); where the diagonals of square ones are, None of others.
        self.groups: list[tuple[Any, Series, Integers | None]] = []
        for (square, _), members in groups.items():
            parts = [series[i].coefficients for i in members]
            joined = np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1)
            joined.flags.writeable = False
            ends = np.cumsum([0, *(prod(part.shape[1:]) for part in parts)]).tolist()
            places = list(zip(members, ends[:-1], ends[1:], (part.shape[1:] for part in parts), strict=True))
            found = [
                (np.arange(start, end, n * n)[:, None] + np.arange(0, n * n, n + 1)).ravel()
                for _, start, end, (*_, n) in (places if square else ())
            ]
            diagonal = np.concatenate(found, dtype=np.int64) if square else None
            self.groups.append((places, Series(joined, series[members[0]].translations), diagonal))

    def at(self, k: Floats, energy: Floats | Complex) -> list[Complex]:
        """Return all blocks at momenta (points, dimensions) and energies (points,), each (points, ..., n, m)."""
        found: list[Any] = [None] * self.count
        for places, joined, diagonal in self.groups:
            flat = joined.at(k)
            if diagonal is not None:
                flat = flat if flat.flags.writeable else flat.copy()
                flat[:, diagonal] -= energy[:, None]
            for number, start, end, shape in places:
                found[number] = flat[:, start:end].reshape(len(k), *shape)
        return found


def sampled(evaluate: Callable[[Floats], Sequence[Complex]], dimensions: int, names: Sequence[str]) -> list[Series]:
    """Return the series of all matrices that ``evaluate(k)`` returns."""
    if not dimensions:
        zero = np.zeros((1, 0), dtype=np.int64)
        return [Series(np.asarray(matrix, dtype=complex)[None], zero) for matrix in evaluate(np.zeros(0))]
    check = np.array([CHECK[:dimensions]])
    wanted = evaluate(check[0])
    scale = max(float(abs(matrix).max(initial=0.0)) for matrix in wanted)
    missed = np.inf
    for reach in range(1, REACH + 1):
        found = [_pruned(series, scale) for series in _series(evaluate, dimensions, reach)]
        missed = max(abs(s.at(check)[0] - matrix).max(initial=0.0) for s, matrix in zip(found, wanted, strict=True))
        if missed <= 100 * ROUNDING * max(scale, 1e-300):
            return found
    raise ArgumentError(
        f"Argument `momenta` must name parameters in which the Hamiltonian has period 2π and hoppings of at most "
        f"{REACH} cells, but with {', '.join(names)} it misses its Fourier series by {missed:.2g}. Momenta of "
        "kwant.wraparound are those conjugate to the lattice vectors."
    )


def _series(evaluate: Callable[[Floats], Sequence[Any]], dimensions: int, reach: int) -> list[Series]:
    """Return the series with |R| <= reach from samples."""
    size = 2 * reach + 1
    line = 2 * np.pi * np.arange(size) / size
    points = np.array(list(product(line, repeat=dimensions)))
    translations = np.array(list(product(range(-reach, reach + 1), repeat=dimensions)))
    weights = np.exp(-1j * (translations @ points.T)) / len(points)
    samples = [evaluate(k) for k in points]
    found = []
    for column in range(len(samples[0])):
        stacked = np.array([sample[column] for sample in samples], dtype=complex)
        found.append(Series(np.tensordot(weights, stacked, axes=1), translations))
    return found


def _pruned(series: Series, scale: float) -> Series:
    """Return the series without terms that are rounding."""
    size = abs(series.coefficients).max(axis=tuple(range(1, series.coefficients.ndim)), initial=0.0)
    keep = size > ROUNDING * scale
    if not keep.any():
        keep[len(keep) // 2] = True
    coefficients = series.coefficients[keep]
    # a real hopping comes back from the samples with an imaginary part of rounding
    negligible = abs(coefficients.imag).max() <= ROUNDING * scale
    return Series(coefficients.real + 0j if negligible else coefficients, series.translations[keep])
