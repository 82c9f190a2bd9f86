"""Published numbers beside ours: one file each, with the exact parameters, theirs, ours, and why they differ."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any

from ..claim import plain

__all__ = ["PUBLISHED", "Compared", "compare_all"]

#: Modules of this package in the order of the report.
PUBLISHED: tuple[str, ...] = (
    "julliere_1975",
    "slonczewski_1989",
    "bruno_1995",
    "brinkman_1970",
    "theodonis_2006",
    "bias_torques_2010",
    "stiles_zangwill_2002",
    "free_electron_mixing",
    "brataas_2000",
    "valet_fert_1993",
    "fano",
    "fluctuations",
    "localization",
)


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One published number and ours.

    Attributes
    ----------
    id : str
        Short name.
    source : str
        Author, journal, equation or figure.
    kind : str
        Where the published number comes from: "closed form" (their formula, evaluated here), "printed" (a number they
        print), or "exact" (a constant derived by them).
    quantity : str
        What it is, with the parameters.
    published, ours, error : float
        Theirs, ours, and the error of ours (statistics, quadrature), 0 if none.
    tolerance : float
        Largest |ours - published| that the reason in ``why`` allows.
    why : str
        Why both differ, or why they need not.
    unit : str
    """

    id: str
    source: str
    kind: str
    quantity: str
    published: float
    ours: float
    tolerance: float
    why: str
    error: float = 0.0
    unit: str = ""

    @property
    def deviation(self) -> float:
        """Ours minus theirs, in units of theirs."""
        return (self.ours - self.published) / abs(self.published) if self.published else self.ours

    @property
    def passed(self) -> bool:
        """Whether the numbers agree as they should (NaN never does)."""
        return bool(abs(self.ours - self.published) <= self.tolerance)

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain data."""
        numbers = {
            name: plain(getattr(self, name)) for name in ("published", "ours", "error", "tolerance", "deviation")
        }
        words = {name: getattr(self, name) for name in ("id", "source", "kind", "quantity", "why", "unit")}
        return {**words, **numbers, "passed": self.passed}


def compare(name: str, quick: bool) -> list[Compared]:
    """Return the rows of one file."""
    found: list[Compared] = importlib.import_module(f"{__name__}.{name}").compare(quick)
    return found


def compare_all(quick: bool) -> list[Compared]:
    """Return all rows."""
    return [one for name in PUBLISHED for one in compare(name, quick)]
