r"""`ensemble`: averages over disorder and twists with error bars, on as many cores or machines as there are.

Realizations are solved in chunks, by any executor and in any order, and each chunk goes to a `Store` when it is done.
Statistics are merged from the store strictly in the order of the realizations, and whether to stop is asked only at the
end of a chunk in that order. So the result has the same bits for any number of workers, any executor, and with any
number of interruptions; what was solved beyond the stop changes nothing. Memory does not grow with the number of
realizations: tasks are handed out as they are needed, samples stay in the store.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import fields
from pathlib import Path
from typing import Unpack

from ..checks import choice, positive, positive_integer
from ..errors import ArgumentError
from ..model.junction import Junction
from .averages import Ensemble
from .executors import available_workers, open_pool
from .realizations import JunctionProblem, Observable, Problem, SampleSettings, check_memory, plain_tree
from .schedule import Merged, Run, read
from .store import FURTHEST, Store, StoreError
from .tables import provenance


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
    return average(
        problem,
        realizations=realizations,
        rtol=rtol,
        quantity=quantity,
        workers=workers,
        executor=executor,
        store=store,
        progress=progress,
    )


def average(
    problem: Problem,
    *,
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
    stop = min(run.merged * run.problem.chunk, run.count)
    converged = None if run.rtol is None else run.statistics.relative_error(run.quantity) <= run.rtol
    return Ensemble(
        run.store, run.problem.quantities, run.statistics, stop, run.problem.seed, run.rtol, run.quantity,
        converged, getattr(run.problem, "junction", None),
    )  # fmt: skip


def open_ensemble(store: str | Path) -> Ensemble:
    """Return the result kept in a store: of the finished run, or of all realizations up to the last readable one.

    What is missing or unreadable among them is left out, counted (`Ensemble.lost`) and printed.

    Parameters
    ----------
    store
        Path of the file.

    Raises
    ------
    ArgumentError, StoreError
        There is no store, it is damaged as a whole, or no row of it can be read.
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
        stop = min(start + size, count)
        merged.add(start, read(kept, start, stop, merged.width), {})
    converged = None if rtol is None else merged.relative_error(quantity) <= rtol
    return Ensemble(kept, quantities, merged, count, seed, rtol, quantity, converged, None)
