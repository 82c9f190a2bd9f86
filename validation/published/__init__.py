"""Published numbers beside ours: one file each, with the exact parameters, theirs, ours, and why they differ."""

import importlib
from dataclasses import dataclass

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

    ``source``: author, journal, equation or figure. ``kind``: where the published number comes from, "closed form"
    (their formula, evaluated here), "printed" (a number they print), or "exact" (a constant derived by them).
    ``quantity``: what it is, with the parameters. ``error`` of ours (statistics, quadrature), 0 if none.
    ``tolerance``: largest |ours - published| that the reason in ``why`` allows: why both differ, or need not.
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


def compare(name: str, quick: bool) -> list[Compared]:
    """Return the rows of one file."""
    found: list[Compared] = importlib.import_module(f"{__name__}.{name}").compare(quick)
    return found
