r"""`Ensemble`: averages over realizations with their errors, and the samples behind them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .._version import __version__
from ..arrays import Floats
from ..checks import choice, finite_array, positive_integer
from ..errors import ArgumentError, SpinjuncError
from ..model.junction import Junction
from ..printing import Printed, Table, counted
from ..quantities import LABELS, Quantity, dataset
from ..transport.local import chemical_potentials_of, default_axes
from .realizations import Observable
from .schedule import Merged, read
from .statistics import Moments, Statistic, value_with_error
from .store import Store

if TYPE_CHECKING:
    import xarray as xr

#: Samples of one quantity held at the same time for a quantile.
HELD = 2**20
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: Variables of a table for each quantity, by the ending of their name: the field of the statistic, and in words.
PARTS = {
    "": ("mean", "mean"),
    "_error": ("error", "standard error"),
    "_std": ("std", "standard deviation"),
    "_min": ("minimum", "smallest sample"),
    "_max": ("maximum", "largest sample"),
}


@dataclass(frozen=True)
class Failure:
    """A realization that could not be solved: which, of which seed, and why."""

    realization: int
    seed: int
    error: str


def _quantity(name: str, words: str) -> Any:
    """Return a quantity that is an attribute too."""
    return property(lambda self: self[name], doc=words)


@dataclass(repr=False, eq=False)
class Ensemble(Printed):
    """The result of `ensemble`: averages with their errors, distributions, and which realizations failed.

    ``result["conductance"]`` is a `Statistic`; the names are those of `names`, and the common ones are attributes too.
    Currents and torques are those of a unit bias split evenly, µ_L = -µ_R = 1/2, of the whole cross-section.
    """

    store: Store  #: All samples.
    quantities: tuple[Observable, ...]  #: What was averaged, with units.
    _merged: Merged
    realizations: int  #: How many were solved or tried, the failed ones included.
    seed: int  #: Seed of the ensemble.
    #: `rtol`, `quantity`: The tolerance, and what it refers to.
    rtol: float | None
    quantity: str
    converged: bool | None = field(init=False)  #: Whether the tolerance was reached; None without one.
    junction: Junction | None = None  #: What was averaged, where it is known.

    def __post_init__(self) -> None:
        self.converged = None if self.rtol is None else self.relative_error <= self.rtol

    @property
    def failed(self) -> int:
        """How many of the realizations failed."""
        return self._merged.failed

    @property
    def lost(self) -> int:
        """How many are neither: their worker died, or their rows are unreadable. The same run again solves them."""
        return self._merged.lost

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The first 100 that failed."""
        return tuple(Failure(number, self.seed, text) for number, text in self._merged.failures)

    @property
    def losses(self) -> tuple[Failure, ...]:
        """The first 100 that are lost."""
        return tuple(Failure(number, self.seed, text) for number, text in self._merged.losses)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all quantities."""
        return tuple(q.name for q in self.quantities)

    def _known(self, name: str) -> Observable:
        return self.quantities[self.names.index(choice("name", name, self.names))]

    def __getitem__(self, name: str) -> Statistic:
        return self._merged.statistic(self._known(name).name)

    conductance = _quantity("conductance", "Conductance of the cross-section in e²/h.")
    transmissions = _quantity("transmissions", "T_ss' from left to right, shape (..., 2, 2).")
    probabilities = _quantity("probabilities", "T[α s, β s'], shape (..., 2, 2, 2, 2).")
    magnetization_current = _quantity("magnetization_current", "J_M on both sides per bias, shape (..., 2).")

    @property
    def relative_error(self) -> float:
        """Largest standard error per mean of `quantity`."""
        return self._merged.relative_error(self.quantity)

    def close(self) -> None:
        """Close the store; statistics stay, samples and quantiles are no longer within reach."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------ samples
    def batches(self) -> Iterator[dict[str, Floats]]:
        """Yield the samples of all quantities, a batch of successful realizations at a time and in order.

        Each value has the realizations as its first axis, then the shape of the quantity.
        """
        size, lost = int(self.store.identity["chunk"]), 0
        for start in range(0, self.realizations, size):
            found = read(self.store, start, min(start + size, self.realizations), self._merged.width)
            lost += len(found.absent)
            if lost > self.lost:
                raise SpinjuncError(f"Realizations from {start} on are missing or damaged in the store. Run it again.")
            left_out = {*found.failures, *found.absent}
            good = found.samples[[row for row in range(len(found.samples)) if start + row not in left_out]]
            yield {
                name: good[:, columns].reshape(len(good), *self._merged.shapes[name])
                for name, columns in self._merged.columns.items()
            }

    def samples(self, name: str) -> Floats:
        """Return one quantity of every successful realization, shape (realizations, ...); memory grows with them."""
        self._known(name)
        return np.concatenate([batch[name] for batch in self.batches()])

    def derived(self, function: Callable[[dict[str, Floats]], ArrayLike]) -> Statistic:
        """Return the statistic of a function of the samples, such as a difference of two correlated currents.

        ``function``: takes a batch (see `batches`), returns an array with the realizations first.
        """
        moments: Moments | None = None
        shape: tuple[int, ...] = ()
        for batch in self.batches():
            values = np.asarray(function(batch), dtype=float)
            shape = values.shape[1:]
            flat = values.reshape(len(values), math.prod(shape))
            moments = moments or Moments(flat.shape[1])
            moments.add(flat)
        if moments is None:
            raise ArgumentError("Argument `function` must have samples to act on, but the ensemble is empty.")
        return moments.statistic(slice(None), shape)

    def of_means(self, function: Callable[[dict[str, Floats]], ArrayLike]) -> tuple[Any, Any]:
        """Return (value, standard error) of a function of averages, such as a ratio, by the jackknife.

        ``function``: takes the means of all quantities by name.
        """

        def of_columns(columns: Floats) -> Any:
            return function({q: columns[at].reshape(self._merged.shapes[q]) for q, at in self._merged.columns.items()})

        return self._merged.blocks.jackknife(of_columns)

    def chemical_potentials(
        self, mu_left: ArrayLike = 0.5, mu_right: ArrayLike = -0.5, axis: ArrayLike | None = None
    ) -> tuple[Floats, Floats]:
        """Return µ_±(n) of every plane and its standard error, each of shape (..., planes, 2); see `local`.

        Densities are averaged before they are divided. Needs ``profiles=True``.
        """
        self._known("densities")
        if axis is None and self.junction is None:
            raise ArgumentError("Argument `axis` must be given for an ensemble opened from its store.")
        axes: Any = axis if self.junction is None or axis is not None else default_axes(self.junction)
        return self.of_means(lambda means: chemical_potentials_of(means["densities"], axes, mu_left, mu_right))

    def quantile(self, name: str, q: ArrayLike) -> Floats:
        """Return exact quantiles of every element of a quantity, shape (quantiles, ...), interpolated linearly.

        Samples are read from the store in passes, so that no more than about a million are held at a time.
        """
        quantity = self._known(name)
        levels = np.atleast_1d(finite_array("q", q))
        if levels.ndim != 1 or not ((levels >= 0) & (levels <= 1)).all():
            raise ArgumentError(f"Argument `q` must be numbers from 0 to 1, but is {q!r}.")
        count = self.realizations - self.failed - self.lost
        out = np.full((len(levels), max(quantity.size, 1)), np.nan)
        step = max(HELD // max(count, 1), 1)
        for first in range(0, quantity.size, step):
            columns = slice(first, first + step)
            if count <= HELD:
                values = [batch[name].reshape(-1, quantity.size)[:, columns] for batch in self.batches()]
                out[:, columns] = np.quantile(np.concatenate(values), levels, axis=0)
            else:
                out[:, first] = [self._order_statistic(name, first, level * (count - 1)) for level in levels]
        return out.reshape(len(levels), *quantity.shape)

    def _order_statistic(self, name: str, column: int, rank: float) -> float:
        """Return the sample of a (fractional) rank: narrow its interval until what is inside can be sorted."""
        s = self[name]
        lower, upper = float(np.ravel(s.minimum)[column]), float(np.ravel(s.maximum)[column])
        below, inside = 0, s.count
        while inside > HELD and lower < upper:
            edges = np.linspace(lower, upper, 4097)
            histogram = np.zeros(4096, dtype=np.int64)
            for values in self._column(name, column):
                histogram += np.histogram(values, edges)[0]
            ends = below + np.cumsum(histogram)
            first, last = (int(np.searchsorted(ends, r, side="right")) for r in (math.floor(rank), math.ceil(rank)))
            if (edges[first], edges[min(last, 4095) + 1]) == (lower, upper):
                break  # no narrower interval holds both neighbors
            below, inside = int(ends[first - 1]) if first else below, int(histogram[first : last + 1].sum())
            lower, upper = float(edges[first]), float(edges[min(last, 4095) + 1])
        if lower == upper:
            return lower
        found = []
        below = 0
        for values in self._column(name, column):
            below += int((values < lower).sum())
            found.append(values[(values >= lower) & (values <= upper)])
        inner = np.sort(np.concatenate(found))
        return float(np.interp(rank - below, np.arange(len(inner)), inner))

    def _column(self, name: str, column: int) -> Iterator[Floats]:
        for batch in self.batches():
            yield batch[name].reshape(len(batch[name]), -1)[:, column]

    def histogram(
        self, name: str, element: tuple[int, ...] = (), bins: int = 50, log: bool = False
    ) -> tuple[Floats, Floats]:
        """Return (density, edges) of one element of a quantity between its extremes; of ln x if ``log``."""
        quantity = self._known(name)
        try:
            column = int(np.ravel_multi_index(element, quantity.shape)) if quantity.shape else 0
        except (ValueError, TypeError):
            raise ArgumentError(
                f"Argument `element` must be an index of {name}, whose shape is {quantity.shape}, but is {element!r}."
            ) from None
        s = self[name]
        lower, upper = float(np.ravel(s.minimum)[column]), float(np.ravel(s.maximum)[column])
        if log and not lower > 0:
            raise ArgumentError(f"Argument `log` must be False where {name} is not positive, but is True.")
        if log:
            lower, upper = math.log(lower), math.log(upper)
        if not lower < upper:
            lower, upper = lower - 0.5, upper + 0.5
        edges = np.linspace(lower, upper, positive_integer("bins", bins) + 1)
        counts = np.zeros(len(edges) - 1)
        for values in self._column(name, column):
            counts += np.histogram(np.clip(np.log(values) if log else values, lower, upper), edges)[0]
        return counts / (counts.sum() * np.diff(edges)), edges

    # ------------------------------------------------------------------ tables
    def to_dataset(self, quantiles: Sequence[float] = QUANTILES) -> xr.Dataset:
        """Return everything as an `xarray.Dataset`.

        Each quantity has variables for its mean (its own name), ``_error``, ``_std``, ``_min``, ``_max``, and but for
        profiles ``_typical`` and ``_quantile``.

        ``quantiles``: which quantiles.
        """
        schema, values = {}, {}
        for q in self.quantities:
            s = self[q.name]
            parts = {ending: (q.dims, getattr(s, field), word) for ending, (field, word) in PARTS.items()}
            if not q.profile:
                parts["_typical"] = (q.dims, s.typical, "exp of the mean logarithm")
                parts["_quantile"] = (("quantile", *q.dims), self.quantile(q.name, quantiles), "quantile")
            for ending, (dims, found, word) in parts.items():
                schema[q.name + ending] = Quantity(dims, q.units, f"{q.long_name}, {word}")
                values[q.name + ending] = found
        facts = {
            "title": "ensemble average",
            "realizations": self.realizations,
            "failed": self.failed,
            "lost": self.lost,
            "seed": self.seed,
            "cells": math.prod(self.store.identity.get("cross_section", (1,))),
            "relative_error": self.relative_error,
            "relative_error_of": self.quantity,
            "kwant_spinjunc": self.store.identity.get("kwant_spinjunc", __version__),
        }
        data = dataset(schema, values, {}, facts, {**LABELS, "quantile": quantiles})
        if "direction" in data.dims:
            m = np.array(self.store.identity["m_right"])
            data["m_right"] = (("direction", "axis"), m, {"units": "1", "long_name": "right magnet"})
            data = data.set_coords("m_right").assign_coords(axis=list(LABELS["axis"]))
        return data

    def __str__(self) -> str:
        done = self.realizations - self.failed - self.lost
        lines = [f"Ensemble of {counted(done, 'realization')}, seed {self.seed}"]
        if self.failed:
            lines[0] += f"; {self.failed} of {self.realizations} failed and are left out"
        of = self.store.identity
        if (
            "junction" in of
            and not any(x["disorder"] for x in of["junction"]["layers"])
            and "twisted" not in of["boundary"]
        ):
            lines.append("  no layer is disordered and no boundary twisted: all samples are equal, as one of `scatter`")
        if self.lost:
            lines.append(
                f"  {self.lost} of {self.realizations} lost or unreadable and left out: repeat the run to solve them"
            )
        if self.rtol is not None:
            reached = "reached" if self.converged else "not reached"
            lines.append(
                f"  tolerance {self.rtol:.2g} of {self.quantity} {reached}: relative error {self.relative_error:.2g}"
            )
        lines += self._table()
        lines += [f"  failed: realization {x.realization} of seed {x.seed}: {x.error}" for x in self.failures[:5]]
        if self.failed > 5:
            lines.append(f"  ... and {self.failed - 5} more failed")
        lines += [f"  lost: realization {x.realization}: {x.error}" for x in self.losses[:5]]
        return "\n".join(lines)

    def _table(self) -> list[str]:
        """Return the lines of all quantities of a realization but profiles and what is too long."""
        shown = [q for q in self.quantities if not q.profile and q.name != "probabilities" and q.size <= 60]
        rows = []
        for q in shown:
            s = self[q.name]
            if "defect" in q.name:
                rows.append((f"{q.name}, largest", f"{float(np.max(s.maximum)):.1e}", "", "", q.units))
                continue
            for at in np.ndindex(*q.shape):
                mean, error, std, typical = (float(np.asarray(x)[at]) for x in (s.mean, s.error, s.std, s.typical))
                word = " ".join(_label(dim, i) for dim, i in zip(q.dims, at, strict=True))
                log = f"{typical:.6g}" if math.isfinite(typical) else "-"
                rows.append((f"{q.name} {word}".rstrip(), value_with_error(mean, error), f"{std:.3g}", log, q.units))
        return str(Table("", ("", "mean ± error", "deviation", "typical", "unit"), rows, tail=1)).splitlines()


def _label(dim: str, index: int) -> str:
    return "+-"[index] if dim.startswith("spin") else str(LABELS.get(dim, range(index + 1))[index])
