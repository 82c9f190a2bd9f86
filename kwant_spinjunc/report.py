"""Claims with verdicts, and the report they make: JSON for programs, one self-contained page for people."""

from __future__ import annotations

import base64
import io
import json
import math
import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any

from ._version import __version__
from .errors import ArgumentError
from .runs.files import write_atomically

__all__ = ["VERDICTS", "Check", "Claim", "ClaimFigure", "provenance", "typeset", "write_report"]

#: What a claim can turn out to be.
VERDICTS = ("holds", "holds in a limit", "fails")


@dataclass(frozen=True)
class Check:
    """An invariant of the computation or a stated tolerance: breaking it means the run cannot be trusted.

    Attributes
    ----------
    name : str
        What is checked, in words.
    value : float
        The number found.
    tolerance : float
        Largest |value - expected| that passes.
    expected : float
        0 for a defect.
    """

    name: str
    value: float
    tolerance: float
    expected: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether the value is within the tolerance (NaN never is)."""
        return bool(abs(self.value - self.expected) <= self.tolerance)

    def to_json(self) -> dict[str, Any]:
        """Return the check as plain data."""
        return {
            "name": self.name,
            "value": _plain(self.value),
            "expected": _plain(self.expected),
            "tolerance": _plain(self.tolerance),
            "passed": self.passed,
        }


@dataclass(frozen=True)
class ClaimFigure:
    """A figure of a claim: file name without ending, caption, and the Matplotlib figure itself."""

    name: str
    caption: str
    figure: Any = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One claim of the paper put to the test.

    Attributes
    ----------
    id : str
        Short name, e.g. ``"rotation-law"``.
    title : str
        One line.
    equations : tuple of str
        Equation numbers, and names for what has none (``"t0"``).
    statement : str
        What the paper says.
    formula : str
        The formula tested, in plain Unicode.
    experiment : str
        What was computed to test it.
    parameter : str
        The parameter that controls the agreement.
    verdict : str
        One of `VERDICTS`.
    finding : str
        How and why, with the numbers of this run.
    value, value_name, expected, tolerance, unit
        The number the verdict rests on, what it is, what it should be, and how near it must come.
    table : tuple of tuple of str
        Rows for the report, header first; may be empty.
    figures : tuple of ClaimFigure
    checks : tuple of Check
        Invariants. The value against its tolerance is added by itself.
    """

    id: str
    title: str
    equations: tuple[str, ...]
    statement: str
    formula: str
    experiment: str
    parameter: str
    verdict: str
    finding: str
    value: float
    value_name: str
    expected: float
    tolerance: float
    unit: str
    table: tuple[tuple[str, ...], ...] = ()
    figures: tuple[ClaimFigure, ...] = ()
    checks: tuple[Check, ...] = ()

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise ArgumentError(f"Argument `verdict` must be one of {', '.join(VERDICTS)}, but is {self.verdict!r}.")

    @property
    def all_checks(self) -> tuple[Check, ...]:
        """The value itself followed by the invariants."""
        return Check(self.value_name, self.value, self.tolerance, self.expected), *self.checks

    @property
    def passed(self) -> bool:
        """Whether the computation kept every invariant and tolerance, whatever it says of the paper."""
        return all(check.passed for check in self.all_checks)

    def to_json(self) -> dict[str, Any]:
        """Return the claim as plain data."""
        words = ("id", "title", "statement", "formula", "experiment", "parameter", "verdict", "finding", "value_name")
        return {
            **{word: getattr(self, word) for word in words},
            "equations": list(self.equations),
            "value": _plain(self.value),
            "expected": _plain(self.expected),
            "tolerance": _plain(self.tolerance),
            "unit": self.unit,
            "figures": [f"figures/{figure.name}.png" for figure in self.figures],
            "checks": [check.to_json() for check in self.all_checks],
        }


def _plain(number: float) -> float | None:
    """Return a JSON number; NaN and infinity have none and become null."""
    return float(number) if math.isfinite(number) else None


def provenance(**extra: Any) -> dict[str, Any]:
    """Return what is needed to repeat a run: versions, machine type, time, and whatever is given."""
    versions = {name: metadata.version(name) for name in ("kwant", "numpy", "scipy", "matplotlib")}
    return {
        "kwant_spinjunc": __version__,
        **versions,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **extra,
    }


def write_report(directory: str | Path, claims: Sequence[Claim], source: dict[str, Any]) -> Path:
    """Write ``report.html``, ``report.json`` and ``figures/`` into a folder and return the page's path.

    Parameters
    ----------
    directory
        Output folder, made if needed.
    claims
        What was found.
    source
        See `provenance`.

    Raises
    ------
    ArgumentError
        The folder cannot be made or written.
    """
    import jinja2

    folder = Path(directory)
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArgumentError(
            f"Argument `output` must be a folder that can be made, but {str(folder)!r} is not ({error.strerror})."
        ) from None
    images = {}
    for figure in _figures(claims):
        buffer = io.BytesIO()
        figure.figure.savefig(buffer, format="png", dpi=160, bbox_inches="tight")
        with write_atomically(folder / "figures" / f"{figure.name}.png") as path:
            path.write_bytes(buffer.getvalue())
        images[figure.name] = "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
    data = {"provenance": source, "claims": [claim.to_json() for claim in claims]}
    with write_atomically(folder / "report.json") as path:
        path.write_text(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["typeset"] = typeset
    template = environment.from_string(files(__package__).joinpath("report.html.j2").read_text(encoding="utf-8"))
    page = template.render(claims=claims, provenance=source, images=images)
    with write_atomically(folder / "report.html") as path:
        path.write_text(page, encoding="utf-8")
    return folder / "report.html"


#: Symbols of one or two letters with an index or a power, as written in plain text: J_M^L, D_++, e^(-2κd), a^2.01.
_SCRIPT = re.compile(
    r"(?P<base>(?<![A-Za-z_])[A-Za-zΑ-Ωα-ωµ]{1,2}|[)\]])"
    r"(?:_(?P<sub>\{[^}]*\}|[A-Za-z0-9∥⊥]+'?[+−-]*|[+−-]{1,2}))?"
    r"(?P<prime>[²³])?(?:\^(?P<sup>\{[^}]*\}|\([^)]*\)|[+−-]?[0-9.]*[0-9]|[A-Za-z]))?"
)


def typeset(text: str) -> Any:
    """Return HTML of plain text with indices and powers set as such: ``J_M^L``, ``D_{++}``, ``e^(-2κd)``."""
    from markupsafe import Markup, escape

    def script(match: re.Match[str]) -> str:
        sub, power = match["sub"], match["sup"]
        lower = f"<sub>{sub.strip('{}')}</sub>" if sub else ""
        upper = f"<sup>{power.strip('{}()')}</sup>" if power else ""
        return f"{match['base']}{lower}{match['prime'] or ''}{upper}"

    return Markup(_SCRIPT.sub(script, str(escape(text)).replace("&#39;", "'")))


def _figures(claims: Iterable[Claim]) -> Iterable[ClaimFigure]:
    names: set[str] = set()
    for claim in claims:
        for figure in claim.figures:
            if figure.name in names:
                raise ArgumentError(f"Argument `claims` must have unique figure names, but {figure.name!r} repeats.")
            names.add(figure.name)
            yield figure
