"""Rows of the benchmark table, and how they are timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Row", "ratio", "show", "table", "turn_by_turn"]


@dataclass
class Row:
    """One line of the table; times in seconds per unit of work."""

    work: str
    engine: str
    kwant: str
    result: str
    bar: str
    passed: bool


def turn_by_turn(works: dict[str, tuple[Callable[[int], Any], int]], rounds: int) -> dict[str, float]:
    """Return the median CPU time per unit of each work; a work does ``units`` of them in one call."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for work, _ in works.values():
        work(0)
    for turn in range(rounds):
        for name, (work, units) in works.items():
            start = time.process_time()
            work(turn)
            times[name].append((time.process_time() - start) / units)
    return {name: float(np.median(values)) for name, values in times.items()}


def show(seconds: float) -> str:
    """Return a time in the unit that fits."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def ratio(work: str, engine: float, reference: float, bar: float) -> Row:
    """Return the line of a ratio."""
    found = reference / engine
    return Row(work, show(engine), show(reference), f"{found:,.0f} ×", f"{bar:,.0f} ×", found >= bar)


def table(rows: list[Row]) -> str:
    """Return the rows as aligned text."""
    header = ("work", "engine", "Kwant", "ratio", "bar", "")
    cells = [header] + [(r.work, r.engine, r.kwant, r.result, r.bar, "ok" if r.passed else "MISSED") for r in rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    lines = []
    for row in cells:
        first = row[0].ljust(widths[0])
        lines.append("  ".join([first, *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]))
    return "\n".join(line.rstrip() for line in lines)
