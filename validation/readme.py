"""Keep the README's table of verdicts true: write it from a report, or check it against one.

Examples: ``python -m validation.readme validation-report`` rewrites the table and copies its figure;
``python -m validation.readme --check validation-report`` exits with 1 if a verdict differs.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from kwant_spinjunc.runs.files import write_atomically

TOP = Path(__file__).parents[1]
MARKS = ("<!-- verdicts: begin -->", "<!-- verdicts: end -->")
FIGURE = "validity-map"


def rows(report: dict) -> list[str]:
    """Return the table as Markdown lines, one claim a row."""
    lines = [
        "| claim | equations | as printed | corrected | use it when | typical error |",
        "|---|---|---|---|---|---|",
    ]
    for claim in report["claims"]:
        words = (claim["title"], ", ".join(claim["equations"]), claim["verdict"], claim["corrected"])
        words += (claim["use_when"], claim["typical_error"])
        words = (word.replace("|", "\\|") for word in words)
        lines.append(f"| {' | '.join(words)} |")
    return lines


def split(text: str) -> tuple[str, str, str]:
    """Return the README before, between and after the marks."""
    before, rest = text.split(MARKS[0])
    between, after = rest.split(MARKS[1])
    return before, between, after


def verdicts(lines: list[str]) -> dict[str, str]:
    """Return {title: as printed / corrected} of the table's rows."""
    cells = [[word.strip() for word in line.strip("| ").split(" | ")] for line in lines if line.startswith("|")]
    return {row[0]: f"{row[2]} / {row[3]}" for row in cells[2:]}


def main(arguments: list[str] | None = None) -> int:
    """Rewrite or check the README; return the exit code."""
    parser = argparse.ArgumentParser(allow_abbrev=False, prog="python -m validation.readme", description=__doc__)
    parser.add_argument("report", type=Path, help="folder with report.json")
    parser.add_argument("--check", action="store_true", help="compare verdicts only, change nothing")
    options = parser.parse_args(arguments)
    report = json.loads((options.report / "report.json").read_text(encoding="utf-8"))
    if unfinished := report.get("provenance", {}).get("unfinished"):  # their rows would be lost without a word
        for name, reason in unfinished.items():
            print(f"The report has no verdict on {name}, which could not be finished: {reason}", file=sys.stderr)
        return 1
    table = rows(report)
    before, between, after = split((TOP / "README.md").read_text(encoding="utf-8"))
    if options.check:
        written, found = verdicts(between.splitlines()), verdicts(table)
        different = sorted(name for name in written.keys() | found.keys() if written.get(name) != found.get(name))
        for name in different:
            print(f"README says {written.get(name)!r}, the report {found.get(name)!r}: {name}", file=sys.stderr)
        return 1 if different else 0
    with write_atomically(TOP / "README.md") as path:
        path.write_text("\n".join([before + MARKS[0], "", *table, "", MARKS[1] + after]), encoding="utf-8")
    figures = sorted((options.report / "figures").glob(f"{FIGURE}*.png"))
    for figure in figures:
        (TOP / "docs").mkdir(exist_ok=True)
        shutil.copyfile(figure, TOP / "docs" / figure.name)
    print(f"README.md: {len(table) - 2} verdicts; docs/: {', '.join(f.name for f in figures) or 'no figure'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
