"""Tables of results: what every quantity is called and measured in, said once, and the file a table is kept in."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .._version import __version__
from ..checks import is_angle
from ..errors import ArgumentError
from ..model.memory import machine_memory
from ..optional import version
from .files import destination, read_table, shielded, table_digest, write_table
from .journal import Journal, journal_path

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "LABELS",
    "QUANTITIES",
    "Quantity",
    "TableFile",
    "attributes",
    "axis_attributes",
    "provenance",
    "quantities",
    "split_axes",
    "table",
]

#: Times its own size that a table takes while it is written, and gigabytes for what is solved at a time.
COPIES, OVERHEAD = 2.0, 0.3

#: Labels of the axes that results have of themselves.
LABELS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("lead", "lead_in", "lead_out", "magnet"), ("left", "right")),
    **dict.fromkeys(("spin", "spin_in", "spin_out", "spin_left", "spin_right"), ("majority", "minority")),
    "axis": ("x", "y", "z"),
    "component": ("charge", "x", "y", "z"),
}


@dataclass(frozen=True)
class Quantity:
    """What a quantity of a result is.

    Attributes
    ----------
    dims : tuple of str
        Its own axes, behind the swept ones.
    units : str
        ``{flux}`` stands for that of a current per bias, or at a bias.
    long_name : str
        In words.
    """

    dims: tuple[str, ...]
    units: str
    long_name: str


#: Every quantity of sweeps, maps and ensembles by its name.
QUANTITIES: dict[str, Quantity] = {
    "probabilities": Quantity(
        ("lead_out", "spin_out", "lead_in", "spin_in"), "1", "scattering probability summed over modes"
    ),
    "transmissions": Quantity(("spin_left", "spin_right"), "1", "T_ss' from left to right"),
    "modes": Quantity(("lead", "spin"), "1", "open channels"),
    "conductance": Quantity((), "{flux}", "conductance"),
    "tmr": Quantity((), "1", "magnetoresistance (G_P - G_AP)/G_AP, whatever the angle"),
    "current": Quantity((), "{flux}", "charge (particle) current"),
    "magnetization_current": Quantity(("lead",), "{flux}", "magnetization current along each lead's own m"),
    "spin_current": Quantity(("axis",), "{flux}", "Pauli-spin current through the spacer"),
    "damping_like": Quantity(("magnet",), "{torque}", "damping-like torque"),
    "field_like": Quantity(("magnet",), "{torque}", "field-like torque"),
    "equilibrium_field_like": Quantity(("magnet",), "{torque}", "field-like torque of the occupied states"),
    "error": Quantity((), "{flux}", "estimated absolute error of the bias window"),
    "equilibrium_error": Quantity((), "{flux}", "estimated absolute error of the torque of the occupied states"),
    "conductance_matrix": Quantity(
        ("lead_out", "spin_out", "lead_in", "spin_in"),
        "e^2/h per cell",
        "conductance matrix between reservoirs, current into the interface",
    ),
    "r_left": Quantity(("lead", "spin"), "S/m^2", "effective coefficients r^L_1s (left), r^L_2s (right) of (5)"),
    "r_right": Quantity(("lead", "spin"), "S/m^2", "effective coefficients r^R_1s (left), r^R_2s (right) of (6)"),
    "mixing_real": Quantity(("magnet",), "S/m^2", "real part of the spin-mixing conductance of spacer and magnet"),
    "mixing_imag": Quantity(("magnet",), "S/m^2", "imaginary part of the spin-mixing conductance of spacer and magnet"),
    "conductance_ratio": Quantity(("lead",), "1", "xi of equation (12) with each side's metal"),
    "delta_J_M": Quantity((), "{flux}", "length of J_M^L m_L - J_M^R m_R"),
    "delta_J_M_vector": Quantity(("axis",), "{flux}", "J_M^L m_L - J_M^R m_R"),
    "ballistic_delta_J_M": Quantity((), "{flux}", "delta_J_M between reservoirs without spin accumulation"),
    "accumulation": Quantity(("lead",), "meV", "spin accumulation (mu_+ - mu_-)/2 at the faces"),
    "accumulated_moment": Quantity(("lead",), "mu_B/nm^2", "moment accumulated in each magnet"),
    "resistance_area": Quantity((), "ohm um^2", "resistance of interface and spin accumulation times area"),
    "magnetoresistance": Quantity((), "1", "resistance_area over its value at parallel magnets, minus 1"),
    "torque_efficiency": Quantity(("magnet",), "hbar/2e", "damping-like torque per charge current"),
    "spin_defect": Quantity((), "1", "difference of spin current through the spacer and J_M, per charge current"),
    "angle": Quantity((), "rad", "angle between the magnets"),
    "unitarity_defect": Quantity((), "1", "largest element of S†S - 1"),
    "continuity_defect": Quantity((), "1", "largest violation of charge and spin continuity per unit flux"),
    "bond_currents": Quantity(
        ("lead_in", "spin_in", "bond", "component"),
        "1",
        "charge and Pauli-spin flux of a bond per unit incoming flux, summed over incoming modes",
    ),
    "layer_torques": Quantity(
        ("lead_in", "spin_in", "plane", "axis"),
        "1",
        "torque on a plane per unit incoming flux, summed over incoming modes",
    ),
    "densities": Quantity(
        ("lead_in", "spin_in", "plane", "component"),
        "hbar per energy",
        "particle and Pauli-spin density of a plane, summed over incoming modes",
    ),
    "transmission": Quantity((), "1", "mean tunnelling factor of the channels that carry the current"),
    "decay": Quantity((), "1", "decay exp(-2κd) of the spacer for the channels that carry the current"),
    "round_trip": Quantity((), "1", "|z|, spin contrast of a round trip, of the channels that carry the current"),
    "factorization_defect": Quantity((), "1", "|D++ D-- / (D+- D-+) - 1| of the collinear data"),
}


def quantities(
    names: Iterable[str] | str, flux: str, suffix: str = "", *, torque: str | None = None
) -> dict[str, Quantity]:
    """Return quantities with the units of currents and torques filled in, and a suffix to the words of those.

    Without a unit of its own a torque is the Pauli-spin flux it takes up.
    """
    found = {}
    for name in names.split() if isinstance(names, str) else names:
        q = QUANTITIES[name]
        words = ", as Pauli-spin flux" * ("{torque}" in q.units and torque is None) + suffix * ("{" in q.units)
        found[name] = Quantity(q.dims, q.units.format(flux=flux, torque=torque or flux), q.long_name + words)
    return found


def attributes(quantity: Quantity) -> dict[str, str]:
    """Return ``units`` and ``long_name`` as a variable of a dataset has them."""
    return {"units": quantity.units, "long_name": quantity.long_name}


def axis_attributes(name: str) -> dict[str, str]:
    """Return ``units`` and ``long_name`` of a swept parameter."""
    if is_angle(name):
        return {"units": "rad", "long_name": f"angle {name}"}
    units = {
        "energy": "unit of the hopping",
        "bias": "unit of the hopping",
        "thickness": "planes",
        "spacer": "planes",
        "buffer": "planes",
    }
    return {"units": units.get(name, "unit of the family"), "long_name": name.replace("_", " ")}


def table(
    schema: Mapping[str, Quantity],
    axes: Mapping[str, NDArray[Any]],
    facts: Mapping[str, Any],
    values: Mapping[str, Any] | None = None,
    labels: Mapping[str, Sequence[Any]] = LABELS,
) -> xr.Dataset:
    """Return a dataset over swept axes: NaN without values, an axis that is a single number as a scalar coordinate."""
    import xarray as xr

    swept = {name: array for name, array in axes.items() if array.ndim}
    shapes = {
        name: (*map(len, swept.values()), *(len(labels[dim]) for dim in quantity.dims))
        for name, quantity in schema.items()
    }
    _check_memory(sum(8.0 * math.prod(shape) for shape in shapes.values()) / 1e9)
    variables = {
        name: xr.Variable(
            (*swept, *quantity.dims),
            np.full(shapes[name], np.nan) if values is None else values[name],
            attributes(quantity),
        )
        for name, quantity in schema.items()
    }
    used = sorted({dim for quantity in schema.values() for dim in quantity.dims})
    coords: dict[str, Any] = {dim: list(labels[dim]) for dim in used}
    coords |= {n: xr.Variable((n,) if v.ndim else (), v, axis_attributes(n)) for n, v in axes.items()}
    return xr.Dataset(variables, coords, facts)


def _check_memory(gigabytes: float) -> None:
    needed, available = COPIES * gigabytes + OVERHEAD, machine_memory()
    if needed > available:
        raise ArgumentError(
            f"The axes must give a table that fits into {available:.3g} GB, but about {needed:.3g} GB are needed. Use "
            "fewer points, or several runs."
        )


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
        try:
            array = np.asarray(values)
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
            raise ArgumentError(
                f"Argument `{name}` must be a value or a non-empty 1D array, but has shape {array.shape}."
            )
    return swept, fixed


#: Whole numbers beyond are not told apart as floats, in which files keep what does not fit 32 bits.
LARGEST_WHOLE = 2**53


def _axis(name: str, values: Any, array: NDArray[Any]) -> NDArray[Any]:
    """Return an axis of numbers, booleans or words, or refuse what cannot be kept."""
    kind = array.dtype.kind
    if kind == "U" and not all(isinstance(value, str) for value in values):
        raise ArgumentError(f"Argument `{name}` must be numbers or words, but mixes them.")
    if kind not in "biufU":
        raise ArgumentError(
            f"Argument `{name}` must be an axis of real numbers, booleans or words, but is of type {array.dtype}."
        )
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


class TableFile:
    """The file that a table is kept in while it is filled.

    Parameters
    ----------
    path
        NetCDF file, need not exist.
    name
        Of the argument, for errors.
    fresh
        Whether an earlier file is replaced instead of gone on with.
    """

    #: Seconds between two versions on disk at least, and how many times longer than writing one takes. What comes
    #: between them is in the journal.
    INTERVAL, SHARE = 1.0, 10.0

    def __init__(self, path: str | Path, name: str = "output", fresh: bool = False) -> None:
        self.path, self.name, self.fresh = path, name, fresh
        folder = destination(path, name).parent
        if not os.access(folder, os.W_OK):
            why = "the folder is read-only" if folder.is_dir() else "No such file or directory"
            raise ArgumentError(f"Argument `{name}` must be a writable path, but {str(path)!r} is not ({why}).")
        self._next = time.monotonic() + self.INTERVAL
        self._journal: Journal | None = None

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
    def filling(self, dataset: xr.Dataset) -> Iterator[None]:
        """Keep every result `note` is told of until the table holds it; begin with those of a run that was killed."""
        axes = dataset.drop_vars(list(dataset.data_vars))
        axes.attrs = {key: value for key, value in dataset.attrs.items() if key != "complete"}
        identity = bytes.fromhex(table_digest(axes))
        arrays = {str(name): variable.values for name, variable in dataset.data_vars.items()}
        self._journal = Journal(self.path, self.name, identity, arrays, self.fresh)
        self._dataset = dataset
        try:
            yield
        finally:
            self._journal.close()
            self._journal = None

    def note(self, where: tuple[Any, ...]) -> None:
        """Keep what has been entered into the table there, whatever becomes of the process; a signal waits."""
        if self._journal is not None:
            with shielded():
                self._journal.note(where)
            if self.fresh:  # what is replaced would not go with the journal
                self.save(self._dataset, force=True)
                self.fresh = False

    def earlier(self, nbytes: int) -> xr.Dataset | None:
        """Return what an earlier run has left, verified, or None."""
        if self.fresh or not destination(self.path, self.name).exists():
            return None
        return read_table(self.path, self.name, nbytes)

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
