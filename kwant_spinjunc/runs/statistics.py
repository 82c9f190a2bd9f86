r"""Streaming statistics: moments, extremes and block means of columns of samples, in memory that does not grow.

Batches are merged pairwise (Chan, Golub and LeVeque, Am. Stat. 37, 242 (1983)). The result depends on the order and the
division into batches to rounding, so whoever wants the same bits merges the same batches in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Floats
from ..printing import Printed

#: Blocks of a jackknife: sample i belongs to block i modulo this. The relative error of its error bar is
#: 1/sqrt(2 (BLOCKS - 1)), 9 %.
BLOCKS = 64
#: An error below this part of the value is that of the last digit.
ROUNDING = 1e-15


def value_with_error(value: float, error: float) -> str:
    """Return ``value ± error``, the error with two digits and the value to the same place.

    Examples
    --------
    >>> value_with_error(1.23456, 0.0123), value_with_error(1234.5, 0.0), value_with_error(-1.5e-9, 2.2e-11)
    ('1.235 ± 0.012', '1234.5 ± 0', '-1.500e-09 ± 2.2e-11')
    """
    if error <= ROUNDING * abs(value):
        error = 0.0
    if not (math.isfinite(value) and math.isfinite(error)) or error <= 0:
        return f"{value:.8g} ± {error:.2g}"
    place = math.floor(math.log10(error)) - 1
    size = math.floor(math.log10(max(abs(value), error)))
    if size < -4 or place > 0:
        return f"{value:.{max(size - place, 0)}e} ± {error:.1e}"
    return f"{value:.{-place}f} ± {error:.{-place}f}"


@dataclass(frozen=True, repr=False)
class Statistic(Printed):
    """Average of a quantity over samples; all arrays have its shape."""

    #: `mean`, `error`, `std`: Mean, its standard error std/sqrt(count), and the standard deviation of one sample (NaN
    #: for one sample).
    mean: Any
    error: Any
    std: Any
    #: `minimum`, `maximum`: Extremes of the samples.
    minimum: Any
    maximum: Any
    #: `typical`, `typical_error`: exp⟨ln x⟩ and its standard error (of the logarithm, times the value); 0 where a
    #: sample is 0, NaN where one is negative.
    typical: Any
    typical_error: Any
    count: int  #: Number of samples.

    def __str__(self) -> str:
        if np.ndim(self.mean) == 0:
            return value_with_error(float(self.mean), float(self.error))
        cells = np.empty(np.shape(self.mean), dtype=object)
        for at in np.ndindex(cells.shape):
            cells[at] = value_with_error(float(self.mean[at]), float(self.error[at]))
        return str(cells)


class Moments:
    """Mean, variance and extremes of columns, and the same of their logarithms."""

    def __init__(self, columns: int) -> None:
        self.count = 0
        self.mean, self.squares = np.zeros((2, columns)), np.zeros((2, columns))
        self.minimum, self.maximum = np.full(columns, np.inf), np.full(columns, -np.inf)

    def add(self, samples: Floats) -> None:
        """Add a batch, shape (samples, columns)."""
        count = len(samples)
        if not count:
            return
        values = np.stack([samples, np.log(np.where(samples > 0, samples, 1.0))])
        mean = values.mean(axis=1)
        squares = ((values - mean[:, None]) ** 2).sum(axis=1)
        total = self.count + count
        change = mean - self.mean
        self.mean = self.mean + change * (count / total)
        self.squares = self.squares + squares + change**2 * (self.count * count / total)
        self.minimum = np.minimum(self.minimum, samples.min(axis=0))
        self.maximum = np.maximum(self.maximum, samples.max(axis=0))
        self.count = total

    def statistic(self, columns: slice, shape: tuple[int, ...]) -> Statistic:
        """Return the statistic of a quantity that takes these columns."""
        n = self.count
        nothing = np.full_like(self.mean, np.nan)
        mean = self.mean if n else nothing
        std = np.sqrt(self.squares / (n - 1)) if n > 1 else nothing
        error = std / math.sqrt(max(n, 1))
        # ln 0 was left out of the sums, and so was the logarithm of a negative number
        lost = np.where(self.minimum == 0, 0.0, np.where(self.minimum > 0, 1.0, np.nan))
        typical = lost * np.exp(mean[1])

        def shaped(values: Floats) -> Any:
            return values[columns].reshape(shape)[()]

        return Statistic(
            mean=shaped(mean[0]),
            error=shaped(error[0]),
            std=shaped(std[0]),
            minimum=shaped(self.minimum if n else nothing[0]),
            maximum=shaped(self.maximum if n else nothing[0]),
            typical=shaped(typical),
            typical_error=shaped(typical * error[1]),
            count=n,
        )


class BlockMeans:
    """Sums of columns over interleaved blocks of samples, for the error of a function of means."""

    def __init__(self, columns: int) -> None:
        self.counts = np.zeros(BLOCKS, dtype=np.int64)
        self.sums = np.zeros((BLOCKS, columns))

    def add(self, samples: Floats, realizations: NDArray[np.intp]) -> None:
        """Add samples by the number of their realization."""
        blocks = realizations % BLOCKS
        np.add.at(self.counts, blocks, 1)
        np.add.at(self.sums, blocks, samples)

    def jackknife(self, function: Callable[[Floats], Any]) -> tuple[Any, Any]:
        """Return (value, standard error) of a function of the means of all columns.

        The bias of order 1/count is removed to that order: B f(all) - (B - 1) ⟨f(all but one block)⟩.
        """
        used = np.flatnonzero(self.counts)
        counts, sums = self.counts[used], self.sums[used]
        whole = np.asarray(function(sums.sum(axis=0) / max(counts.sum(), 1)), dtype=float)
        blocks = len(used)
        if blocks < 2:
            return whole[()], np.full_like(whole, np.nan)[()]
        total, number = sums.sum(axis=0), counts.sum()
        left_out = np.array([function((total - s) / (number - n)) for s, n in zip(sums, counts, strict=True)])
        mean = left_out.mean(axis=0)
        error = np.sqrt((blocks - 1) / blocks * ((left_out - mean) ** 2).sum(axis=0))
        return (blocks * whole - (blocks - 1) * mean)[()], error[()]
