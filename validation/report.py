"""The report: JSON for programs, one self-contained page for people."""

import base64
import io
import json
import platform
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib as mpl

from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.runs import tables
from kwant_spinjunc.runs.files import write_atomically

from .claim import Claim, ClaimFigure, plain
from .coverage import Covered
from .published import Compared

TEMPLATE = Path(__file__).with_name("report.html.j2")


def provenance(**extra: Any) -> dict[str, Any]:
    """Return what is needed to repeat a run: versions, system and machine, time, and whatever is given."""
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return tables.provenance(matplotlib=mpl.__version__, system=platform.system(), created=created, **extra)


def write_report(
    directory: str | Path,
    claims: Sequence[Claim],
    source: dict[str, Any],
    published: Sequence[Compared] = (),
    coverage: Sequence[Covered] = (),
) -> Path:
    """Write ``report.html``, ``report.json`` and ``figures/`` into a folder and return the page's path.

    ``source``: see `provenance`; ``published``: published numbers beside ours; ``coverage``: sentences and equations of
    the paper with the claims that test them.

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
    data = {
        "provenance": source,
        "claims": [claim.to_json() for claim in claims],
        "published": plain(list(published)),
        "coverage": plain(list(coverage)),
    }
    with write_atomically(folder / "report.json") as path:
        path.write_text(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["typeset"] = typeset
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    page = template.render(claims=claims, provenance=source, images=images, published=published, coverage=coverage)
    with write_atomically(folder / "report.html") as path:
        path.write_text(page, encoding="utf-8")
    return folder / "report.html"


#: Symbols of one or two letters with an index or a power, as written in plain text: J_M^L, D_++, e^(-2κd), a^2.01.
_SCRIPT = re.compile(
    r"(?P<base>(?<![A-Za-z_])[A-Za-zΑ-Ωα-ωµ]{1,2}†?|[)\]])"
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

    safe = re.sub(r"(?<=\d) (?=[%°])", "\N{NO-BREAK SPACE}", str(escape(text)).replace("&#39;", "'"))
    return Markup(_SCRIPT.sub(script, safe))


def _figures(claims: Iterable[Claim]) -> Iterable[ClaimFigure]:
    names: set[str] = set()
    for claim in claims:
        for figure in claim.figures:
            if figure.name in names:
                raise ArgumentError(f"Argument `claims` must have unique figure names, but {figure.name!r} repeats.")
            names.add(figure.name)
            yield figure
