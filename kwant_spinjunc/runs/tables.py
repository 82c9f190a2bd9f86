"""Tables of runs: their axes, their provenance, and the file a table is kept in."""

from __future__ import annotations

import errno
import math
import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..checks import refusal, refuse_large
from ..errors import ArgumentError
from ..model.memory import machine_memory
from ..optional import version
from ..quantities import LABELS, QUANTITIES, Quantity, dataset
from .files import destination, read_table, refuse_unwritable, shielded, table_digest, unwritable, write_table
from .store import Store

if TYPE_CHECKING:
    import xarray as xr

#: Times its own size that a table takes while it is written, and gigabytes for what is solved at a time.
COPIES, OVERHEAD = 2.0, 0.3


def table(
    schema: Mapping[str, Quantity],
    axes: Mapping[str, NDArray[Any]],
    facts: Mapping[str, Any],
    values: Mapping[str, Any] | None = None,
    labels: Mapping[str, Sequence[Any]] = LABELS,
    units: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """Return a `dataset`, full of NaN without values, or refuse one that this machine has no memory for."""
    swept = [len(array) for array in axes.values() if array.ndim]
    shapes = {name: (*swept, *(len(labels[dim]) for dim in quantity.dims)) for name, quantity in schema.items()}
    needed = COPIES * sum(8.0 * math.prod(shape) for shape in shapes.values()) / 1e9 + OVERHEAD
    if needed > (available := machine_memory()):
        raise ArgumentError(
            f"The axes must give a table that fits into {available:.3g} GB, but about {needed:.3g} GB are needed. Use "
            "fewer points, or several runs."
        )
    if values is None:
        values = {name: np.full(shape, np.nan) for name, shape in shapes.items()}
    return dataset(schema, values, axes, facts, labels, units)


def split_axes(axes: Mapping[str, Any]) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the swept parameters (1D arrays) and the fixed ones (single values) of keyword arguments.

    Examples
    --------
    >>> split_axes({"height": [1.0, 2.0], "thickness": 4})
    ({'height': array([1., 2.])}, {'thickness': 4})
    """
    swept: dict[str, NDArray[Any]] = {}
    fixed: dict[str, Any] = {}
    for name, values in axes.items():
        if isinstance(values, np.ma.MaskedArray):
            raise ArgumentError(f"Argument `{name}` must not be masked, but is. Use values[~values.mask].")
        refuse_large(name, values)
        try:
            array = np.array(values)  # the caller's may change
        except ValueError:
            raise ArgumentError(f"Argument `{name}` must be a value or a 1D array, but is ragged.") from None
        if array.ndim == 0:
            fixed[name] = values
        elif array.ndim == 1 and len(array):
            if name in LABELS or name in QUANTITIES or name == "cut":
                raise ArgumentError(
                    f"Argument `{name}` must not be swept: a variable or dimension of the result has that name. Rename "
                    "the parameter of the family."
                )
            swept[name] = _axis(name, values, array)
        else:
            raise refusal(name, "be a value or a non-empty 1D array", f"has shape {array.shape}")
    return swept, fixed


def points_of(swept: Mapping[str, NDArray[Any]]) -> Iterator[tuple[tuple[int, ...], dict[str, Any]]]:
    """Yield the place on the grid and the swept parameters of every point.

    Examples
    --------
    >>> list(points_of({"height": np.array([1.0, 2.0])}))
    [((0,), {'height': 1.0}), ((1,), {'height': 2.0})]
    """
    for place in np.ndindex(*map(len, swept.values())):
        yield place, {name: swept[name][index].item() for name, index in zip(swept, place, strict=True)}


#: Whole numbers beyond are not told apart as floats, in which files keep what does not fit 32 bits.
LARGEST_WHOLE = 2**53


def _axis(name: str, values: Any, array: NDArray[Any]) -> NDArray[Any]:
    """Return an axis of numbers, booleans or words, or refuse what cannot be kept."""
    kind = array.dtype.kind
    if kind == "U" and not all(isinstance(value, str) for value in values):
        raise ArgumentError(f"Argument `{name}` must be numbers or words, but mixes them.")
    if kind in "iuf" and type(values) is not np.ndarray and any(isinstance(x, (bool, np.bool_)) for x in values):
        raise ArgumentError(f"Argument `{name}` must be numbers or truth values, but mixes them.")
    if kind not in "biufU":
        raise refusal(name, "be an axis of real numbers, booleans or words", f"is of type {array.dtype}")
    if kind in "iu" and max(int(array.max()), -int(array.min())) > LARGEST_WHOLE:
        raise ArgumentError(f"Argument `{name}` must be whole numbers of at most 2^53, but is not. Use floats.")
    if kind == "f" and not np.isfinite(array).all():
        raise ArgumentError(f"Argument `{name}` must be finite, but contains NaN or infinity.")
    return array


def provenance(**extra: Any) -> dict[str, Any]:
    """Return what is needed to repeat a run: versions, kind of machine, and whatever is given."""
    import scipy

    return {
        "kwant_spinjunc": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "kwant": version("kwant"),
        "machine": platform.machine(),
        **extra,
    }


def journal_path(path: str | Path) -> Path:
    """Return the path of the journal of a table."""
    target = destination(path)
    return target.with_name(f"{target.name}-journal")


class TableFile:
    """The file that a table is kept in while it is filled.

    ``path``: NetCDF file, need not exist.
    ``name``: of the argument, for errors.
    ``fresh``: whether an earlier file is replaced instead of gone on with.
    """

    #: Seconds between two versions on disk at least, and how many times longer than writing one takes. What comes
    #: between them is in the journal.
    INTERVAL, SHARE = 1.0, 10.0

    def __init__(self, path: str | Path, name: str = "output", fresh: bool = False) -> None:
        self.path, self.name, self.fresh = path, name, fresh
        refuse_unwritable(path, name)
        self._next = time.monotonic() + self.INTERVAL
        self._journal: Store | None = None

    @property
    def exists(self) -> bool:
        """Whether an earlier run has left something: the file, or its journal if it was killed before the first one."""
        return destination(self.path, self.name).exists() or journal_path(self.path).exists()

    def tells(self, fact: str) -> bool:
        """Return whether the file tells a fact; what is unreadable `earlier` refuses."""
        from scipy.io import netcdf_file

        try:
            with netcdf_file(destination(self.path, self.name), mmap=False) as file:
                return hasattr(file, fact)
        except Exception:  # whatever SciPy raises for damaged files
            return False

    @contextmanager
    def filling(self, dataset: xr.Dataset, shape: tuple[int, ...]) -> Iterator[None]:
        """Keep every result `note` is told of until the table holds it; begin with those of a run that was killed.

        A table is written whole, which takes longer the larger it is. What comes meanwhile goes into a store beside it,
        its journal, by the number of the point on a grid of this shape; it is gone when the table holds everything.
        """
        path = journal_path(self.path)
        if path.is_symlink():
            raise unwritable(self.name, path, OSError(errno.ELOOP, os.strerror(errno.ELOOP)))
        axes = dataset.drop_vars(list(dataset.data_vars))
        axes.attrs = {key: value for key, value in dataset.attrs.items() if key != "complete"}
        identity = {**{key: str(value) for key, value in axes.attrs.items()}, "axes": table_digest(axes)}
        self._numbers, self._dataset = np.arange(math.prod(shape)).reshape(shape), dataset
        self._columns = [variable.values.reshape(self._numbers.size, -1) for variable in dataset.data_vars.values()]
        try:
            with Store(path, identity, self.name, durable=False, fresh=self.fresh) as self._journal:
                self._replay(self._journal)
                try:
                    yield
                finally:
                    self._journal.temporary = not self._journal.end()
        finally:
            self._journal = None

    def _replay(self, journal: Store) -> None:
        """Enter what a journal holds; what cannot be read, or is not of this table, is solved again."""
        ends = np.cumsum([own.shape[1] for own in self._columns])
        for start, _ in journal.rows(0, self._numbers.size):
            found = journal.read(start)
            if found is not None and found[0].shape[1] == ends[-1] and start + len(found[0]) <= self._numbers.size:
                for own, values in zip(self._columns, np.split(found[0], ends[:-1], axis=1), strict=True):
                    own[start : start + len(values)] = values

    def note(self, where: tuple[Any, ...]) -> None:
        """Keep what has been entered into the table there, whatever becomes of the process; a signal waits."""
        if self._journal is not None:
            points = np.ravel(self._numbers[where])
            with shielded():
                rows = np.concatenate([own[points] for own in self._columns], axis=1)
                self._journal.write(int(points[0]), rows, {})
            if self.fresh:  # what is replaced would not go with the journal
                self.save(self._dataset, force=True)
                self.fresh = False

    def earlier(self, nbytes: int) -> xr.Dataset | None:
        """Return what an earlier run has left, verified, or None."""
        if self.fresh or not destination(self.path, self.name).exists():
            return None
        return read_table(self.path, self.name, nbytes)

    def discard(self) -> None:
        """Remove a table of which nothing was filled."""
        with suppress(OSError):
            os.unlink(destination(self.path, self.name))

    def save(self, dataset: xr.Dataset, force: bool = False) -> None:
        """Write the table if it is time for it, or in any case; a signal waits until it is written."""
        begin = time.monotonic()
        if force or begin >= self._next:
            with shielded():
                write_table(dataset, self.path, self.name)
                if self._journal is not None:
                    self._journal.clear()
            now = time.monotonic()
            self._next = now + max(self.INTERVAL, self.SHARE * (now - begin))
