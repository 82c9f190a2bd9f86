"""One page a claim, from a report of the validation: every number on them was computed in that run."""

from __future__ import annotations

import html
import json
import re
import shutil
from pathlib import Path
from typing import Any

from validation.report import typeset

#: What a verdict looks like at a glance.
MARKS = {"holds": "✓", "holds in a limit": "≈", "follows": "⇒", "fails": "✗"}


def escaped(text: str) -> str:
    """Return Markdown of plain text, indices and powers set: ``J_M^L``, ``e^(-2κd)``; names in backticks stay."""
    code = re.split(r"(`\w+`)", text)
    if len(code) > 1:
        return "".join(part if i % 2 else escaped(part) for i, part in enumerate(code))
    parts = re.split(r"<(sub|sup)>(.*?)</\1>", str(typeset(text)))
    words = []
    for position in range(0, len(parts), 3):
        words.append(re.sub(r"([\\`*_{}\[\]<>#|$~^])", r"\\\1", html.unescape(parts[position])))
        if position + 2 < len(parts):
            words.append(f"{{{parts[position + 1]}}}`{html.unescape(parts[position + 2])}`")
    return "".join(words)


#: A symbol with an index in prose: m_L, J_M^R, µ_+, G_mix; longer names are code.
INDEXED = re.compile(r"(?<![\w/])([A-Za-zΑ-Ωα-ωµ])_([A-Za-z0-9α-ω∥⊥↑↓]+′?|[+−])(?:\^([A-Z]))?(?!\w)")


def with_indices(text: str) -> str:
    """Return a page with the indices of symbols in its prose and tables set as such; code and formulas stay."""
    parts = re.split(r"(^(`{3,}).*?^\2$|^\$\$.*?^\$\$$|^ {4}.*?$|`[^`\n]+`)", text, flags=re.DOTALL | re.MULTILINE)

    def script(match: re.Match[str]) -> str:
        return f"{match[1]}{{sub}}`{match[2]}`" + (f"{{sup}}`{match[3]}`" if match[3] else "")

    # of every three parts the second is what stays as it is, the third its fence
    return "".join(INDEXED.sub(script, part) if i % 3 == 0 else part for i, part in enumerate(parts) if i % 3 != 2)


def number(value: float | None) -> str:
    """Return a number of the report in four digits; null is what has none."""
    return "not a number" if value is None else f"{value:.4g}".replace("-", "−")  # which no line breaks at


def page(claim: dict[str, Any], figures: str, source: str) -> str:
    """Return the Markdown page of one claim."""
    rows = [
        f"| {escaped(check['name'])} | {number(check['value'])} | {number(check['expected'])} ± "
        f"{number(check['tolerance'])} |"
        for check in claim["checks"]
    ]
    images = [
        f"```{{image}} {figures}/{figure.name}\n:alt: {claim['title']}: {figure.stem.replace('-', ' ')}\n```"
        for figure in map(Path, claim["figures"])
    ]
    return "\n\n".join(
        [
            f"# {escaped(claim['title'])}",
            f"Equations: {escaped(', '.join(claim['equations']))}. As printed: **{claim['verdict']}** "
            f"{MARKS[claim['verdict']]}. Corrected: **{claim['corrected']}** {MARKS[claim['corrected']]}.",
            f"**The paper says.** {escaped(claim['statement'])}",
            f"> {escaped(claim['formula'])}",
            f"**What was computed.** {escaped(claim['experiment'])}",
            f"**What decides.** {escaped(claim['parameter'])}",
            f"**{escaped(claim['headline'])}**",
            *(escaped(paragraph) for paragraph in claim["finding"].split("\n\n")[1:]),
            f"**The corrected form.** {escaped(claim['corrected_statement'])}",
            f"**Use it when** {escaped(claim['use_when'])}",
            f"**Typical error:** {escaped(claim['typical_error'])}",
            *images,
            "## The numbers it rests on",
            "The first row is the number of the verdicts, the second the same by another route; the others are "
            "invariants of the computation. A run that breaks one of them is refused.",
            "\n".join(["| what | value | expected |", "|---|---|---|", *rows]),
            source,
        ]
    )


def index(claims: list[dict[str, Any]], source: str) -> str:
    """Return the page that lists all claims with their verdicts."""
    rows = [
        f"| [{escaped(claim['title'])}]({claim['id']}.md) | {escaped(', '.join(claim['equations']))} | "
        f"{claim['verdict']} {MARKS[claim['verdict']]} | {claim['corrected']} {MARKS[claim['corrected']]} | "
        f"{escaped(claim['use_when'])} |"
        for claim in claims
    ]
    counts = [f"{sum(claim['verdict'] == verdict for claim in claims)} {verdict}" for verdict in MARKS]
    return "\n\n".join(
        [
            "# The paper, claim by claim",
            f"{len(claims)} claims of Chui and Lin (2003) put to the test, as printed: {', '.join(counts)}. A second "
            "verdict judges the corrected form. “Follows” is algebra from equations (5) to (11), which the claim "
            "assumes. [Which claim tests which sentence](coverage.md), "
            "and [published numbers beside ours](published.md).",
            "\n".join(["| claim | equations | as printed | corrected | use it when |", "|---|---|---|---|---|", *rows]),
            source,
            "\n".join(
                ["```{toctree}", ":hidden:", "", *(claim["id"] for claim in claims), "coverage", "published", "```"]
            ),
        ]
    )


def coverage(rows: list[dict[str, Any]], source: str) -> str:
    """Return the page of every sentence and equation of the paper."""
    lines = []
    for one in rows:
        tested = ", ".join(f"[{name}]({name}.md)" for name in one["claims"]) or f"not tested: {escaped(one['because'])}"
        lines.append(f"| {escaped(one['place'])} | {escaped(one['says'])} | {tested} |")
    table = "\n".join(["| where | what it says | tested by |", "|---|---|---|", *lines])
    return f"# Every sentence and equation\n\n{table}\n\n{source}"


def published(rows: list[dict[str, Any]], source: str) -> str:
    """Return the page of published numbers."""
    lines = [
        f"| {escaped(one['quantity'])} | {number(one['published'])} {escaped(one['unit'])} | {number(one['ours'])} | "
        f"{number(100 * one['deviation'])} % | {escaped(one['source'])} ({one['kind']}) | {escaped(one['why'])} |"
        for one in rows
    ]
    head = ["| quantity | theirs | ours | deviation | source | why they differ |", "|---|---|---|---|---|---|"]
    return "# Published numbers\n\n" + "\n".join([*head, *lines]) + f"\n\n{source}"


def provenance(report: dict[str, Any]) -> str:
    """Return which run the numbers are from."""
    p = report["provenance"]
    grids = "small grids (`make validation-quick`)" if p["quick"] else "full grids (`make validation`)"
    return (
        f"*Computed on {p['created'][:10]} on {grids}: kwant_spinjunc {p['kwant_spinjunc']}, Kwant {p['kwant']}, "
        f"NumPy {p['numpy']}, SciPy {p['scipy']}, Python {p['python']}.*"
    )


def write(report: Path, pages: Path, figures: Path) -> None:
    """Write a page a claim, their index and their figures.

    Parameters
    ----------
    report
        Folder of a finished run of the validation.
    pages, figures
        Folders below that of the site; emptied first.

    Raises
    ------
    FileNotFoundError
        No run was made yet.
    ValueError
        The run was not finished or not of all claims, so that pages would be missing.
    """
    from validation import CLAIMS

    file = report / "report.json"
    if not file.exists():
        raise FileNotFoundError(f"{file} does not exist. Use `make validation-quick` first; `make docs` does.")
    data = json.loads(file.read_text(encoding="utf-8"))
    claims = data["claims"]
    if len(claims) != len(CLAIMS):
        raise ValueError(f"{file} has {len(claims)} of {len(CLAIMS)} claims. Use `make validation-quick`.")
    for folder in (pages, figures):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for claim in claims:
        for figure in claim["figures"]:
            shutil.copy(report / figure, figures)
    source = provenance(data)
    place = f"/{figures.relative_to(pages.parent)}"
    for claim in claims:
        (pages / f"{claim['id']}.md").write_text(page(claim, place, source) + "\n", encoding="utf-8")
    (pages / "index.md").write_text(index(claims, source) + "\n", encoding="utf-8")
    (pages / "coverage.md").write_text(coverage(data.get("coverage", []), source) + "\n", encoding="utf-8")
    (pages / "published.md").write_text(published(data.get("published", []), source) + "\n", encoding="utf-8")
