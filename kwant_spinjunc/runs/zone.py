r"""`zone_average`: the mean of a crystal over its zone by many processes, with a progress bar, resumed after a kill.

The momenta at which an adaptive mean asks for the crystal follow from the values before, so a run that is repeated asks
for the same ones in the same order. They are numbered in it: a store keeps the values by number, each with its energy
and momentum, and a run that finds them there goes on where the last one ended. Splits (openings, levels) are looked for
in this process, the crystal is solved by the workers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from .._version import PHYSICS, __version__
from ..arrays import Floats
from ..checks import positive, positive_integer, refuse_unknown
from ..crystals.problem import OBSERVABLES, Observable, Observed, Problem, unpacked
from ..crystals.result import CrystalScattering
from ..crystals.scatter import RTOL, scatter_crystal
from ..devices.device import as_device
from .executors import ExecutorError, Pool, open_pool, ordered
from .store import Store, StoreError

#: What it takes besides its own.
SETTINGS = ("turns", "behind", "axis", "momenta", "params", "rtol", "max_defect", "spin_orbit")
#: Momenta of a task at most, and at least where they are shared among workers.
MOST, FEWEST = 256, 16


def zone_average(
    system: Any,
    energy: float = 0.0,
    *,
    workers: int | None = 1,
    executor: Executor | Callable[[], Executor] | None = None,
    store: str | Path | None = None,
    progress: bool | None = None,
    max_points: int = 200_000,
    **settings: Any,
) -> CrystalScattering:
    """Average a Kwant system over its zone: ``scatter(system, energy, k="average", ...)`` on many processors.

    **Result**: As of `scatter`; fluxes and torques asked of it later are averaged in this process. Raises
    `ArgumentError`, `StoreError`: The store is of something else, in use, or damaged as a whole. `ExecutorError`: A
    worker died; what was finished is in the store.

    Parameters
    ----------
    system
        A finalized Kwant system or a `Device`, periodic by `kwant.wraparound`.
    energy
        Energy E.
    workers, executor
        As of `ensemble`.
    store
        File in which values are kept by momentum and from which a run resumes, also with larger ``max_points``; None
        for none.
    progress
        Show a progress bar of momenta, up to ``max_points``; None shows it on a terminal.
    max_points
        Momenta after which it gives up improving.
    **settings
        ``turns``, ``behind``, ``axis``, ``momenta``, ``params``, ``rtol``, ``max_defect``, ``spin_orbit`` as for
        `scatter`.
    """
    refuse_unknown(settings, SETTINGS, "zone_average")
    limit = positive_integer("max_points", max_points)
    device = as_device(system)
    bar = tqdm(total=limit, unit="momentum", disable=None if progress is None else not progress)
    with bar, open_pool(executor, workers) as pool:
        observer = _Observer(pool, store, positive("rtol", settings.get("rtol", RTOL)), bar)
        try:
            found = scatter_crystal(device, energy, k="average", max_points=limit, observer=observer, **settings)
        finally:
            observer.close()
    measurement = found.measurement
    alone = replace(measurement, problem=replace(measurement.problem, observer=None))
    return replace(found, _measurement=alone)


class _Observer:
    """Answers `Problem.observe` from a store and from workers, momenta numbered in the order they are asked for."""

    def __init__(self, pool: Pool, path: str | Path | None, rtol: float, bar: Any) -> None:
        self.pool, self.path, self.rtol, self.bar = pool, path, rtol, bar
        self.store: Store | None = None
        self.done = 0
        self.shapes: dict[tuple[int, ...], dict[str, tuple[int, ...]]] = {}

    def close(self) -> None:
        if self.store is not None:
            self.store.close()

    def __call__(self, problem: Problem, energy: Floats, k: Floats, observables: Sequence[Observable]) -> Observed:
        if self.path is not None and self.store is None:
            self.store = Store(self.path, _identity(problem, float(energy[0]), self.rtol))
        asked = np.concatenate([energy[:, None], k], axis=1)
        names = tuple(OBSERVABLES.index(one) for one in observables)
        rows: list[Floats] = []
        at = 0
        while at < len(asked):
            kept = self._kept(self.done + at, asked[at:])
            new = [kept] if kept is not None else list(self._solved(problem, self._missing(at, asked), names, at))
            rows += new
            at += sum(map(len, new))
        self.done += len(asked)
        if names not in self.shapes:
            one = replace(problem, observer=None).observe(energy[:1], k[:1], observables)
            self.shapes[names] = {name: array.shape[1:] for name, array in one.values.items()}
        # what `solve_momenta` packed
        values, shapes = np.concatenate(rows)[:, asked.shape[1] :], self.shapes[names]
        parts = np.split(values, np.cumsum([int(np.prod(shape)) for shape in shapes.values()]), axis=1)
        own = {name: part.reshape(len(part), *shapes[name]) for name, part in zip(shapes, parts[:-1], strict=True)}
        return Observed(own, values[:, -2] > 0, values[:, -1])

    def _kept(self, number: int, asked: Floats) -> Floats | None:
        """Return the rows of the store from a number on, None where there are none."""
        found = None if self.store is None else self.store.read(number)
        if found is None:
            return None
        rows, width = found[0], asked.shape[1]
        if len(asked) < len(rows) or not np.array_equal(rows[:, :width], asked[: len(rows)]):
            raise StoreError(
                f"The store {self.path} has other momenta than this run asks for at number {number}: it was made on "
                "other hardware or with other libraries. Remove it, or take another file."
            )
        self.bar.update(len(rows))
        return rows

    def _missing(self, at: int, asked: Floats) -> Floats:
        """Return the momenta of a batch from a place on, up to the next that is in the store."""
        if self.store is None:
            return asked[at:]
        first, last = self.done + at, self.done + len(asked)
        following = [begin for begin, _ in self.store.rows(first, last)]
        if following and following[0] == first:  # `read` gave nothing: it is damaged
            self.store.drop(following.pop(0))
        return asked[at : following[0] - self.done if following else len(asked)]

    def _solved(self, problem: Problem, asked: Floats, names: tuple[int, ...], at: int) -> Iterator[Floats]:
        """Yield rows of solved momenta in order, having committed them."""
        what: Any = replace(problem, observer=None) if self.pool.is_serial else problem.packed()
        size = MOST if self.pool.is_serial else min(MOST, max(FEWEST, ceil(len(asked) / (2 * self.pool.workers))))
        tasks = ((start, (what, asked[start : start + size], names)) for start in range(0, len(asked), size))
        for start, rows in ordered(self.pool, solve_momenta, tasks):
            if np.shape(rows)[:1] != (len(asked[start : start + size]),):
                raise ExecutorError("The executor must return the rows of a task, but gave something else.")
            if self.store is not None:
                self.store.write(self.done + at + start, rows, {})
            self.bar.update(len(rows))
            yield rows


def solve_momenta(problem: Problem | bytes, asked: Floats, names: Sequence[int]) -> Floats:
    """Return (energy, momenta, values, bad, residual) of momenta, a row each; a problem may come pickled."""
    own = unpacked(problem) if isinstance(problem, bytes) else problem
    found = own.observe(asked[:, 0], asked[:, 1:], [OBSERVABLES[name] for name in names])
    flat = [np.asarray(array, dtype=float).reshape(len(asked), -1) for array in found.values.values()]
    return np.concatenate([asked, *flat, found.bad[:, None].astype(float), found.residual[:, None]], axis=1)


def _identity(problem: Problem, energy: float, rtol: float) -> dict[str, Any]:
    """Return what the values depend on, and the order in which they are asked for."""
    crystal, turn = problem.crystal, problem.turn
    digest = hashlib.blake2b(digest_size=16)
    for side in range(len(crystal.sides)):
        for series, _ in crystal.blocks(side):
            digest.update(np.ascontiguousarray(series.coefficients).tobytes() + series.translations.tobytes())
    if crystal.across is not None:
        digest.update(crystal.across.coefficients.tobytes() + crystal.across.translations.tobytes())
    return {
        "zone": digest.hexdigest(),
        "momenta": list(crystal.momenta),
        "leads": [[lead.side, lead.plane, lead.m.tolist() if lead.resolved else None] for lead in crystal.leads],
        "turns": None if turn is None else turn.angles.tolist(),
        "axis": None if turn is None else turn.axis.tolist(),
        "energy": energy,
        "rtol": rtol,
        "kwant_spinjunc": __version__,
        "physics": PHYSICS,
    }
