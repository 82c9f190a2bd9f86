"""A claim of the paper: measured, judged, drawn and told, each in a function of its own.

A file ``claims/NAME.py`` has

    measure(quick) -> anything           the numbers
    judge(measured) -> Judged            verdicts, the number they rest on, its second route, invariants
    numbers(measured) -> Record          optional: what the text quotes besides ``measured`` and constants
    @drawn(name, ...) draw(measured, *panels)    one figure each

and beside it ``claims/NAME.md``, the text: an f-string of the attributes of what was measured, ``{T.max():.3f}``, of
``numbers`` and of constants of the file. It is code as much as the file is; `read_text` says which sections it has.
A `Record` of ``locals()`` is what such functions return: every number has a name, and a test asks that it is read.
"""

import ast
import builtins
import importlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from numbers import Real
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from kwant_spinjunc.errors import ArgumentError

from .figures import figures_of, finish

#: What a claim can turn out to be. "follows" is algebra from equations that are assumed: nothing microscopic tests it.
VERDICTS = ("holds", "holds in a limit", "follows", "fails")
#: Sections that every text has, and what they are to a `Claim`.
SECTIONS = {
    "says": "statement",
    "formula": "formula",
    "computed": "experiment",
    "decides": "parameter",
    "corrected": "corrected_statement",
    "use when": "use_when",
    "typical error": "typical_error",
    "number": "value_name",
    "found": "finding",
}
FOLDER = Path(__file__).parent / "claims"

Rows = tuple[tuple[str, ...], ...]


class Record(SimpleNamespace):
    """Local variables by name: what a claim measured, or what its text quotes besides."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__(**values)


class Records(list[Any]):
    """Records of one kind, one after the other: an attribute is the array of that number of all of them."""

    def __getattr__(self, name: str) -> np.ndarray:
        if name.startswith("__"):  # what NumPy and copies ask every object for
            raise AttributeError(name)
        return np.array([getattr(one, name) for one in self])


@dataclass(frozen=True)
class Check:
    """An invariant of the computation or a stated tolerance: breaking it means the run cannot be trusted.

    What is checked, in words; the number found; the largest |value - expected| that passes.
    """

    name: str
    value: float
    tolerance: float
    expected: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether the value is within the tolerance (NaN never is)."""
        return bool(abs(self.value - self.expected) <= self.tolerance)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """Two of the `VERDICTS`, on the sentence as printed and on the corrected form of the text, and what they rest on.

    The ``value``, what it should be and how near it must come; ``route``, the same number by a second route that shares
    no code with the first beyond the problem; invariants.
    """

    printed: str
    corrected: str
    value: float
    tolerance: float
    route: Check
    expected: float = 0.0
    unit: str = ""
    checks: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        for name in ("printed", "corrected"):
            if getattr(self, name) not in VERDICTS:
                raise ArgumentError(
                    f"Argument `{name}` must be one of {', '.join(VERDICTS)}, but is {getattr(self, name)!r}."
                )


@dataclass(frozen=True)
class ClaimFigure:
    """A figure of a claim: file name without ending, caption, and the Matplotlib figure itself."""

    name: str
    caption: str
    figure: Any = field(repr=False)


# ---------------------------------------------------------------------- the text
def _names(expression: str) -> set[str]:
    """Return the names that an expression reads, variables of its comprehensions apart."""
    used = [node for node in ast.walk(ast.parse(expression, mode="eval")) if isinstance(node, ast.Name)]
    own = {node.id for node in used if isinstance(node.ctx, ast.Store)}
    return {node.id for node in used} - own


def _quoted(template: str) -> str:
    """Return a text as the f-string it is."""
    return f'rf"""{template} """.strip()'


def _evaluate(expression: str, places: tuple[object, ...]) -> Any:
    def find(name: str) -> Any:
        for place in (*places, builtins):
            if hasattr(place, name):
                return getattr(place, name)
        raise ArgumentError(f"The text quotes {name!r}, which is no number of the claim.")

    numbers = {name: find(name) for name in _names(expression)}
    return eval(compile(expression, "text", "eval"), numbers)


def fill(template: str, *places: object) -> str:
    """Fill a text, an f-string, with numbers from several places; a name that is in none of them is an error."""
    return str(_evaluate(_quoted(template), places))


@dataclass(frozen=True)
class Text:
    """The text of a claim, numbers not yet filled in; of its table ``columns``, (title, cell), and ``loop``, for ..."""

    title: str
    equations: tuple[str, ...]
    sections: Mapping[str, str]
    columns: tuple[tuple[str, str], ...] = ()
    loop: str = ""

    @property
    def _cells(self) -> str:
        """The rows of the table as an expression."""
        return f"[({''.join(_quoted(cell) + ',' for _, cell in self.columns)}) {self.loop}]"

    def rows(self, *places: object) -> Rows:
        """Return the table: the titles, and a row for each turn of the loop."""
        titles = tuple(fill(title, *places) for title, _ in self.columns)
        return (titles, *_evaluate(self._cells, places)) if self.loop else ()

    @property
    def captions(self) -> dict[str, tuple[str, str]]:
        """Title and caption by figure, the first paragraphs of its section."""
        told = {name: text for name, text in self.sections.items() if name.startswith("figure ")}
        parts = {name.removeprefix("figure "): text.split("\n\n", 1) for name, text in told.items()}
        if bare := [name for name, part in parts.items() if len(part) < 2]:
            raise ArgumentError(f"The figures {', '.join(bare)} must have a title above their caption, but have none.")
        return {name: (title, caption) for name, (title, caption) in parts.items()}

    @property
    def names(self) -> set[str]:
        """Names of all numbers it quotes."""
        every = [_quoted(text) for text in (*self.sections.values(), *(title for title, _ in self.columns))]
        return set().union(*map(_names, [*every, self._cells] if self.loop else every))


def read_text(path: Path) -> Text:
    """Read ``# title``, ``equations: ...`` and ``## section`` blocks; lines of a paragraph are joined.

    The lines ``title | cell`` of a last block ``## table for x in ...`` are the columns of a table.
    """
    head, *blocks = re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    title, equations = head.strip().removeprefix("# ").split("\n\nequations: ")
    sections, columns, loop = {}, (), ""
    for block in blocks:
        name, _, body = block.partition("\n")
        if name.startswith("table "):
            loop = name.removeprefix("table ")
            columns = tuple(tuple(line.split(" | ", 1)) for line in body.strip().splitlines())
            continue
        paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", body.strip())]
        sections[name.strip()] = "\n\n".join(paragraphs)
    if unknown := [name for name in sections if name not in SECTIONS and not name.startswith("figure ")]:
        raise ArgumentError(f"Argument `path` must have sections that are told, but nobody reads {unknown}.")
    missing = [name for name in SECTIONS if not sections.get(name)]
    if missing:
        raise ArgumentError(f"Argument `path` must have the sections {', '.join(SECTIONS)}, but lacks {missing}.")
    return Text(" ".join(title.split()), tuple(x.strip() for x in equations.split(",")), sections, columns, loop)


# ---------------------------------------------------------------------- one claim, whole
@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim of the paper put to the test, as the report shows it.

    ``statement`` is what the paper says, ``corrected_statement`` what holds instead; ``finding`` opens with one
    sentence, ``headline``; ``judged`` has the verdicts.
    """

    id: str
    title: str
    equations: tuple[str, ...]
    statement: str
    formula: str
    experiment: str
    parameter: str
    corrected_statement: str
    use_when: str
    typical_error: str
    value_name: str
    finding: str
    judged: Judged
    table: Rows = ()
    figures: tuple[ClaimFigure, ...] = ()

    @property
    def verdict(self) -> str:
        """The verdict on the sentence as printed."""
        return self.judged.printed

    @property
    def corrected(self) -> str:
        """The verdict on the corrected form."""
        return self.judged.corrected

    @property
    def headline(self) -> str:
        """The first sentence of the finding."""
        return self.finding.split("\n\n")[0]

    @property
    def details(self) -> list[str]:
        """The other paragraphs."""
        return self.finding.split("\n\n")[1:]

    @property
    def all_checks(self) -> tuple[Check, ...]:
        """The value itself, its second route, and the invariants."""
        j = self.judged
        return Check(self.value_name, j.value, j.tolerance, j.expected), j.route, *j.checks

    @property
    def passed(self) -> bool:
        """Whether the computation kept every invariant and tolerance, whatever it says of the paper."""
        return all(check.passed for check in self.all_checks)

    def to_json(self) -> dict[str, Any]:
        """Return the claim as plain data."""
        words = ("id", "title", "equations", "verdict", "corrected", "headline", *SECTIONS.values())
        numbers = ("value", "expected", "tolerance", "unit", "route")
        return {
            **{word: plain(getattr(self, word)) for word in words},
            **{name: plain(getattr(self.judged, name)) for name in numbers},
            "figures": [f"figures/{figure.name}.png" for figure in self.figures],
            "checks": plain(self.all_checks),
        }


def plain(value: Any) -> Any:
    """Return JSON's form of numbers, words and records of them; NaN and infinity have none and become null."""
    if is_dataclass(value):
        names = [one.name for one in fields(value)] + [name for name in ("deviation", "passed") if hasattr(value, name)]
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, Real) and not isinstance(value, bool):
        return float(value) if math.isfinite(value) else None
    return value


def module_of(name: str) -> ModuleType:
    """Return the module of a claim."""
    return importlib.import_module(f"validation.claims.{name}")


def make(name: str, quick: bool) -> Claim:
    """Measure one claim and tell it."""
    return assemble(name, module_of(name).measure(quick))


def assemble(name: str, measured: Any, *, draw: bool = True) -> Claim:
    """Judge and tell what was measured; a text that quotes a number that is nowhere, or no caption, is an error."""
    module, text = module_of(name), read_text(FOLDER / f"{name}.md")
    judged = module.judge(measured)
    numbers = module.numbers(measured) if hasattr(module, "numbers") else Record({})
    told = {key: fill(value, numbers, measured, module) for key, value in text.sections.items()}
    captions = Text(text.title, (), told).captions
    drawn = {key: function(measured) for key, function in figures_of(module).items()} if draw else {}
    if draw and set(drawn) != set(captions):
        raise ArgumentError(f"The figures of {name} must have captions, but {set(drawn) ^ set(captions)} differ.")
    for key, figure in drawn.items():
        finish(figure, captions[key][0])
    return Claim(
        id=name.replace("_", "-"),
        title=text.title,
        equations=text.equations,
        **{name: told[section] for section, name in SECTIONS.items()},
        judged=judged,
        table=text.rows(numbers, measured, module),
        figures=tuple(ClaimFigure(key, captions[key][1], figure) for key, figure in drawn.items()),
    )
