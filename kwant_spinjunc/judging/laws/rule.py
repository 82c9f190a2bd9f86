"""What a law is to the judge: a statement, what it is fed with, and a function that holds it against exact numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ...arrays import Floats
from ...theory import tunnelling
from ..evidence import Evidence

NO_FLOW = "no magnetization current flows at these potentials"
#: Sine of an angle below which it is collinear.
FED = 1e-9


def relative(exact: Any, theory: Any, scale: Any | None = None) -> Floats:
    """Return |theory - exact|/|scale|, of |exact| by default; 0 where both agree, also where the scale is 0."""
    difference = abs(np.asarray(theory) - exact)
    size = abs(np.asarray(exact if scale is None else scale))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference == 0, 0.0, difference / size)


@dataclass(frozen=True, eq=False)
class Curve:
    """One quantity over the angle, by the law and exactly."""

    #: `quantity`, `unit`: What it is; curves of one quantity are drawn in one panel.
    quantity: str
    unit: str
    side: str  #: "left", "right" or empty.
    #: `theory`, `exact`: Shape (n,): NaN where the law says nothing.
    theory: Floats
    exact: Floats


@dataclass(frozen=True, eq=False)
class Finding:
    """How far a law is off."""

    error: Floats  #: Shape (n,): at every angle, NaN where the law says nothing.
    value: float  #: The small parameter here.
    parameter: str  #: Its name, where it depends on what is known.
    curves: tuple[Curve, ...] = ()  #: What was compared.
    reason: str = ""  #: A clause on why it holds or fails here.
    restrained: bool = False  #: Whether it must not be called "use" although the error is small.
    everywhere: bool = False  #: Whether angles that were not asked for count as well.


Judge = Callable[[Evidence], Finding]


@dataclass(frozen=True, eq=False)
class Words:
    """What is said of a law."""

    #: `id`, `title`: Key, and a few words for a table.
    id: str
    title: str
    equations: tuple[str, ...]  #: Numbers in the paper, and names for what has none.
    statement: str  #: What it says.
    fed: str  #: What it is fed with.
    against: str  #: Exact counterpart that it is held against.
    unit: str  #: What the error is relative to.


@dataclass(frozen=True)
class Rule(Words):
    """A law."""

    #: Takes `Evidence`, returns a `Finding` or raises `InapplicableError`.
    judge: Judge = field(repr=False)
    instead: str = ""  #: What to use where it fails.
    sought: bool = True  #: Whether a thicker or higher barrier is tried where it fails.


#: Id -> law, of all modules that define some.
LAWS: dict[str, Rule] = {}


def law(id: str, title: str, equations: str, *, sought: bool = True, **words: str) -> Callable[[Judge], Judge]:
    """Return what makes a law, an entry of `LAWS`, of the function that judges it.

    ``equations``: numbers in the paper, and names for what has none, separated by blanks.
    ``words``: fields of `Rule`.
    """

    def enter(judge: Judge) -> Judge:
        LAWS[id] = Rule(id, title, tuple(equations.split()), judge=judge, sought=sought, **words)
        return judge

    return enter


def fed_only(e: Evidence) -> str:
    """Return what is to be said of a law judged where it is fed and nowhere else, at collinear angles; else empty."""
    if (np.sin(e.angles[e.asked]) > FED).any():
        return ""
    return "at 0 and 180 deg it is fed with the answer and cannot miss: ask for angles between"


def contrast(e: Evidence) -> tuple[float, str]:
    """Return value and name of what makes a junction at an angle differ from its two collinear ones.

    The spin contrast |z| of a round trip between the magnets where wave functions of both halves are known, see
    `kwant_spinjunc.runs.validity`; to the same order the factorization defect of the collinear conductances of one pair
    of channels a spin; of many channels, whose sums do not factorize, and where spins are missing (half metals) their
    transmission per channel.
    """
    if np.isfinite(e.round_trip):
        return e.round_trip, "|z|, spin contrast of a round trip between the magnets"
    if any(e.unlabeled):
        channels = max(float(e.modes.sum()) / 2, 1.0) if np.isfinite(e.modes).all() else 1.0
        return float(e.conductance[0]) / channels, "transmission per channel"
    if e.single and (e.factors > 0).all():
        return float(abs(tunnelling.factorization_defect(e.factors))), "|D++ D-- / (D+- D-+) - 1|, factorization defect"
    channels = max(float(e.modes.sum(axis=-1).min()), 1e-300)
    return float(e.conductance[0]) / channels, "transmission per channel"
