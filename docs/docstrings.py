"""Docstrings are plain text with formulas; reStructuredText would read |τ|, R_{++} and T* as markup of its own."""

from __future__ import annotations

import re
from typing import Any

#: What is markup: literals and names in backticks, bold words, roles and field names.
MARKUP = re.compile(r"(``.+?``|:\w+:`[^`]*`|`[^`]+`|\*\*[A-Za-z].*?\*\*|^\s*:[^:]*:(?=\s|$)|(?<!\S)\*\s(?=\*\*))")
#: What looks like it: bars, stars, and an underscore at the end of a symbol.
SYMBOL = re.compile(r"([|*]|(?<=\w)_(?!\w))")

#: How what an argument or field is begins: a paragraph of its own on the page.
ITEM = re.compile(r"\s*``\**\w+``(, ``\**\w+``)*:")


def escaped(line: str) -> str:
    """Return a line of prose with the symbols of formulas escaped."""
    return "".join(part if number % 2 else SYMBOL.sub(r"\\\1", part) for number, part in enumerate(MARKUP.split(line)))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def readable(lines: list[str], *, module: bool) -> list[str]:
    """Return a docstring with formulas escaped and, in that of a module, indented formulas as literal blocks."""
    result: list[str] = []
    literal: int | None = None  # indentation of the paragraph that a literal block belongs to
    example = False
    for number, line in enumerate(lines):
        if not line.strip():
            example = False
            result.append(line)
            continue
        if literal is not None and _indent(line) > literal:
            result.append(line)
            continue
        literal = None
        before = lines[number - 1] if number else ""
        formula = module and _indent(line) >= 4 and (number == 0 or not before.strip() or _indent(before) == 0)
        if formula:
            result += ([] if number and not before.strip() else [""]) + ["::", "", line]
            literal = _indent(line) - 1
            continue
        example = example or line.lstrip().startswith(">>>")
        directive = line.lstrip().startswith(".. ")
        if line.rstrip().endswith("::"):
            literal = _indent(line)
        if ITEM.match(line) and not example and before.strip():
            result.append("")
        result.append(line if example or directive else escaped(line))
    if module:  # a literal block ends with an empty line
        result = [
            part
            for position, line in enumerate(result)
            for part in (
                ["", line]
                if position
                and line.strip()
                and _indent(line) == 0
                and result[position - 1].strip()
                and _indent(result[position - 1]) >= 4
                else [line]
            )
        ]
    return result


#: Stands for a colon while Napoleon reads the summary of a property, "Flux, shape (..., 3): ...", which it takes for
#: the property's type otherwise.
COLON = "\ue000"


def keep_summary(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Hide the colons of a property's summary from Napoleon."""
    if what in ("property", "attribute", "data") and lines:
        lines[0] = lines[0].replace(":", COLON)


def process(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring for autodoc, after Napoleon."""
    # several attributes with one description, "energy, k", would be read as a type and a name
    joined = [
        re.sub(r"(?<=^:)(ivar|vartype) [^:]*:", lambda match: match[0].replace(", ", ","), line) for line in lines
    ]
    lines[:] = readable([line.replace(COLON, ":") for line in joined], module=what == "module")
