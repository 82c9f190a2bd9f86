r"""`ensemble` averages over disorder and twists, with error bars, on many cores or machines; `ensembles` on a grid.

Realizations are solved in chunks, by any executor and in any order, and each chunk goes to a `Store` when it is done.
Statistics are merged from the store strictly in the order of the realizations, and whether to stop is asked only at the
end of a chunk in that order. So the result has the same bits for any number of workers, any executor, and with any
number of interruptions; what was solved beyond the stop changes nothing. Memory does not grow with the number of
realizations: tasks are handed out as they are needed, samples stay in the store.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import fields
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np
from numpy.typing import ArrayLike

from ..checks import choice, finite, finite_array, instance, positive, positive_integer, refusal, refuse_empty
from ..errors import ArgumentError, SpinjuncError
from ..model.junction import Junction
from ..quantities import Quantity, dataset
from .averages import QUANTILES, Ensemble
from .executors import available_workers, open_pool
from .family import call_family, check_family, facts_of, units_of
from .realizations import SETTINGS, JunctionProblem, Observable, Problem, SampleSettings, check_memory, plain_tree
from .schedule import Merged, Run, read
from .store import FURTHEST, Store, StoreError
from .sweep import SweepError, SweepInterrupted
from .tables import points_of, provenance, split_axes

if TYPE_CHECKING:
    import xarray as xr


class EnsembleInterrupted(KeyboardInterrupt):
    """Ctrl-C during an ensemble; ``result`` has what was finished, or None if nothing was."""

    def __init__(self, result: Ensemble | None) -> None:
        super().__init__("ensemble interrupted")
        self.result = result


def ensemble(
    junction: Junction,
    energy: float = 0.0,
    *,
    realizations: int = 100,
    rtol: float | None = None,
    quantity: str = "conductance",
    workers: int | None = 1,
    executor: Executor | Callable[[], Executor] | None = None,
    store: str | Path | None = None,
    progress: bool | None = None,
    **settings: Unpack[SampleSettings],
) -> Ensemble:
    r"""Average a junction over its disorder, and over twists of its boundary conditions.

    **Result**: Mean, standard error and distribution of every quantity. Same bits for any workers, executor,
    interruption.

    Parameters
    ----------
    junction
        What is random is the ``disorder`` of its layers.
    energy
        Energy E in the junction's unit.
    realizations
        How many; with ``rtol`` at most so many.
    rtol
        Stop at the end of the first chunk behind which the standard error of every element of ``quantity`` is below
        ``rtol`` times its mean.
    quantity
        What ``rtol`` refers to: the name of a quantity of the result.
    workers
        Processes on this machine, 1 for none but this, None for one per CPU.
    executor
        Any `concurrent.futures.Executor` instead, or a function that makes one (and can make it anew if it dies).
    store
        File in which results are kept and from which a run resumes; None for a temporary file.
    progress
        Show a progress bar; None shows it on a terminal.
    **settings
        ``cross_section``: sites of a plane (x, z), (1, 1) by default; all results are sums over it, not per cell.
        ``boundary``: ``"periodic"`` (the default), ``"hard wall"`` or ``"twisted"``, or a pair (x, z). Twisted: each
        realization has a Bloch vector drawn evenly from [0, 2π/W) by (seed, realization), the average over which is
        that of a larger sample. ``k``: Bloch vector (kx, kz) in 1/a of all along periodic axes.
        ``seed`` of the ensemble: realization i of a seed is always the same sample.
        ``m_right``: directions of the right magnet, shape (directions, 3): every sample is solved for all of them, its
        halves once. Results have a leading axis ``direction``.
        ``torques``: also average Q and torques (the default), which need the scattering states: several times the work.
        ``profiles``: also average bond currents, layer torques and densities by plane.
        ``solver``, ``max_defect``: as for `scatter`; a sample refused by its audits counts as failed.
        ``chunk``: realizations solved and committed together; by default by the size of the problem, never by workers.

    Raises
    ------
    NoOpenChannelError
        No channel is open in either lead.
    EnsembleInterrupted
        On Ctrl-C, with the result so far.
    StoreFullError, StoreError
        The store cannot be written or is damaged as a whole. What was committed is kept.
    ExecutorError
        Workers cannot be started, or an executor died that cannot be made anew.

    Notes
    -----
    A worker that dies is replaced and its realizations are solved again, one at a time. A realization that raises twice
    is recorded as failed with its seed; one that kills three workers, or lacks memory, is lost: named, not recorded,
    and solved by the next run with this store. Both are left out of the averages.

    Examples
    --------
    >>> import kwant_spinjunc as sj
    >>> copper = dict(onsite=0.0, hopping=1.0, in_plane_hopping=1.0)
    >>> dirty = sj.normal_metal(**copper, thickness=4, disorder=[sj.Anderson(width=2.0)])
    >>> wire = sj.Junction(sj.normal_metal(**copper), [dirty], sj.normal_metal(**copper))
    >>> settings = dict(cross_section=(2, 2), boundary="twisted", torques=False, workers=1, progress=False)
    >>> result = ensemble(wire, 0.5, realizations=20, **settings)
    >>> result.conductance.mean.shape, result.conductance.count, bool(result.conductance.error > 0)
    ((), 20, True)
    """
    problem = JunctionProblem.of(junction, energy, **settings)
    if executor is None:  # of other machines nothing is known
        at_once = available_workers() if workers is None else positive_integer("workers", workers)
        processes = min(at_once, positive_integer("realizations", realizations))
        check_memory(problem, processes)
    problem.check()
    return average(problem, realizations, rtol, quantity, workers, executor, store, progress)


def average(
    problem: Problem,
    realizations: int = 100,
    rtol: float | None = None,
    quantity: str = "conductance",
    workers: int | None = 1,
    executor: Executor | Callable[[], Executor] | None = None,
    store: str | Path | None = None,
    progress: bool | None = None,
) -> Ensemble:
    """Average any picklable function of the number of a realization; arguments and errors as for `ensemble`."""
    count = positive_integer("realizations", realizations)
    choice("quantity", quantity, sorted(q.name for q in problem.quantities))
    if rtol is not None:
        rtol = positive("rtol", rtol)
    description = [{f.name: plain_tree(getattr(q, f.name)) for f in fields(q)} for q in problem.quantities]
    kept = Store(store, {**problem.identity, "quantities": description})
    run = Run(problem, kept, count, rtol, quantity, progress)
    try:
        if kept.fact("provenance") is None:
            kept.set_fact("provenance", provenance())
        with run.bar, open_pool(executor, workers, tasks=-(-count // problem.chunk)) as pool:
            run.work(pool)
        result = _result(run)
        finished = {"realizations": result.realizations, "rtol": rtol, "quantity": quantity}
        if kept.fact("finished") != finished:
            kept.set_fact("finished", finished)
    except KeyboardInterrupt:
        kept.release()
        raise EnsembleInterrupted(_result(run) if run.merged else None) from None
    except BaseException:
        kept.close()
        raise
    kept.release()
    return result


def _result(run: Run) -> Ensemble:
    stop, junction = min(run.merged * run.problem.chunk, run.count), getattr(run.problem, "junction", None)
    asked = run.problem.seed, run.rtol, run.quantity
    return Ensemble(run.store, run.problem.quantities, run.statistics, stop, *asked, junction)


def open_ensemble(store: str | Path) -> Ensemble:
    """Return the result kept in a store: of the finished run, or of all realizations up to the last readable one.

    What is missing or unreadable among them is left out, counted (`Ensemble.lost`) and printed.

    ``store``: path of the file.

    Raises `ArgumentError, StoreError`: There is no store, it is damaged as a whole, or no row of it can be read.
    """
    kept = Store(store, None)
    try:
        quantities = tuple(
            Observable(**{**q, "dims": tuple(q["dims"]), "shape": tuple(q["shape"])})
            for q in kept.identity["quantities"]
        )
        size, seed = positive_integer("chunk", kept.identity["chunk"]), int(kept.identity.get("seed", 0))
        merged = Merged(quantities)
        finished = dict(kept.fact("finished") or {})
        quantity, rtol = str(finished.get("quantity", quantities[0].name)), finished.get("rtol")
        merged.statistic(quantity)
        told = finished.get("realizations")
        known = None if told is None else positive_integer("realizations", told)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, MemoryError) as error:
        kept.close()
        raise StoreError(
            f"The store {str(store)!r} must say what it is of, but does not ({type(error).__name__}: {error})."
        ) from None
    try:
        end = kept.readable_end(size)
    except BaseException:
        kept.close()
        raise
    had = end if known is None else known
    # what a finished run had is missed where rows are gone; no run leaves more to miss
    count = min(had, end + FURTHEST * size) if end else 0
    if not count:
        kept.close()
        raise ArgumentError(f"Argument `store` must have a readable row, but {str(store)!r} has none.")
    for start in range(0, count, size):
        merged.add(start, read(kept, start, min(start + size, count), merged.width), {})
    return Ensemble(kept, quantities, merged, count, seed, rtol, quantity)


# ---------------------------------------------------------------------- over a grid
#: What every point tells of its samples, which differs from point to point.
COUNTS = {
    "realizations": "realizations, the failed ones included",
    "failed": "realizations that could not be solved",
    "lost": "realizations neither solved nor failed",
    "relative_error": "largest standard error per mean of the quantity that is watched",
}


def ensembles(
    family: Callable[..., Junction],
    energy: float = 0.0,
    parameters: Mapping[str, Any] = MappingProxyType({}),
    *,
    angles: ArrayLike | None = None,
    folder: str | Path | None = None,
    **settings: Any,
) -> xr.Dataset:
    """Average a family of disordered junctions over its disorder at every point of a grid.

    **Result**: That of `Ensemble.to_dataset`, the swept parameters as leading axes of every variable: means by the
    names of the quantities, ``_error`` (standard error), ``_std``, ``_quantile`` and so on; and ``realizations``,
    ``failed``, ``lost``, ``relative_error`` of every point. Raises `SweepInterrupted` on Ctrl-C, with the points that
    are finished (their samples and those of the last one are in the folder), `SweepError` where a later point was
    refused, with the points before it.

    Parameters
    ----------
    family
        A function of parameters that returns a `Junction`.
    energy
        Energy E in the junction's unit.
    parameters
        Of the family by name, as of `sweep`.
    angles
        Angles Φ (rad) between the magnets, all solved with every sample (see ``m_right`` of `ensemble`): a dimension
        ``direction``.
    folder
        Where the samples are kept, a store for every point, known by all that its samples depend on: a run that is
        repeated goes on, and a finer grid solves its new points only. None keeps nothing.
    **settings
        Of `ensemble`: ``cross_section``, ``boundary``, ``realizations``, ``rtol``, ``quantity``, ``seed``, ``torques``,
        ``profiles``, ``workers``, ``executor``, ``solver``, ``progress`` and so on. All points have the same seed, so
        that differences between them have less noise than each.

    Examples
    --------
    >>> import kwant_spinjunc as sj
    >>> def wire(width=1.0):
    ...     copper = dict(onsite=0.0, hopping=1.0, in_plane_hopping=1.0)
    ...     dirty = sj.normal_metal(**copper, thickness=3, disorder=[sj.Anderson(width=width)])
    ...     return sj.Junction(sj.normal_metal(**copper), [dirty], sj.normal_metal(**copper))
    >>> choices = dict(cross_section=(2, 2), realizations=10, torques=False, progress=False)
    >>> data = sj.ensembles(wire, 0.5, {"width": [0.5, 2.0]}, **choices)
    >>> data.conductance.dims, data.conductance_error.attrs["units"], data.realizations.values.tolist()
    (('width',), 'e^2/h of 4 cells', [10, 10])
    """
    check_family(family)
    instance("parameters", parameters, Mapping, "It maps the family's parameters to values.")
    energy = finite("energy", energy)
    swept, fixed = split_axes(parameters)
    if not swept:
        raise ArgumentError("Argument `parameters` must have an array to sweep, but has none. Use `ensemble`.")
    for name in ("store", "m_right"):
        if name in settings:
            raise ArgumentError(f"Argument `{name}` must be left out. Give `folder` or `angles`.")
    turned = None if angles is None else finite_array("angles", angles, "(directions,)")
    refuse_empty("Argument `angles`", turned)
    facts = {"title": "ensemble averages", **facts_of(family, swept, fixed), "energy": energy}
    points: dict[tuple[int, ...], xr.Dataset] = {}
    grid = partial(_grid, points, swept, turned, facts, units_of(family))
    for place, values in points_of(swept):
        try:
            junction = call_family(family, **fixed, **values)
            directions = None if turned is None else junction.directions_at(turned)
            store = _store_of(folder, junction, energy, {**settings, "m_right": directions})
            with ensemble(junction, energy, m_right=directions, store=store, **settings) as result:
                points[place] = _point(result, next(iter(points.values()), None))
        except KeyboardInterrupt:
            raise SweepInterrupted(grid()) from None
        except SpinjuncError as error:
            if not points:
                raise
            raise SweepError(f"{error} The points before it are kept.", grid()) from error
    return grid()


def _store_of(folder: str | Path | None, junction: Junction, energy: float, settings: dict[str, Any]) -> Path | None:
    """Return the file of a point's samples, named by all that they depend on."""
    if folder is None:
        return None
    place = Path(folder)
    try:
        place.mkdir(exist_ok=True)
    except OSError as error:
        raise refusal("folder", "be a folder that can be made", f"{str(folder)!r} cannot ({error.strerror})") from None
    own: Any = {name: value for name, value in settings.items() if name in SETTINGS}
    identity = JunctionProblem.of(junction, energy, **own).identity
    return place / f"{hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:16]}.sqlite"


def _point(result: Ensemble, first: xr.Dataset | None) -> xr.Dataset:
    """Return the table of a point, its counts as variables, or refuse one that does not fit into a grid."""
    point = result.to_dataset(QUANTILES)
    for name, words in COUNTS.items():
        point[name] = ((), point.attrs.pop(name), {"units": "1", "long_name": words})
    for variable in point.data_vars.values():
        if first is not None and variable.shape != first[variable.name].shape:
            raise ArgumentError(
                f"Argument `parameters` must leave `{variable.name}` its shape, but that changes with them: profiles "
                "need the same planes. Use profiles=False."
            )
    return point


def _grid(points: Mapping[Any, Any], swept: Mapping[str, Any], turned: Any, facts: Any, units: Any) -> xr.Dataset:
    """Return the tables of points as one; what is missing is NaN."""
    shape = [len(axis) for axis in swept.values()]
    complete = len(points) == math.prod(shape)
    if not points:
        return dataset({}, {}, swept, {**facts, "complete": int(complete)}, units=units)
    first = next(iter(points.values()))
    schema, values = {}, {}
    for name, own in first.data_vars.items():
        whole = np.full((*shape, *own.shape), np.nan)
        for place, point in points.items():
            whole[place] = point[name].values
        schema[name], values[name] = Quantity(own.dims, **own.attrs), whole.astype(own.dtype) if complete else whole
    labels = {name: axis.values for name, axis in first.coords.items()}
    if turned is not None:
        labels["direction"] = turned
    return dataset(schema, values, swept, {**first.attrs, **facts, "complete": int(complete)}, labels, units)
