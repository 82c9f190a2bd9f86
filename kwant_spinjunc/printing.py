"""One table for people: aligned text for `print`, the same table as HTML for notebooks and pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np


def number(value: float, digits: int = 6) -> str:
    """Return a number in ``digits`` significant digits, a dash for none (NaN).

    Examples
    --------
    >>> number(0.123456789), number(float("nan")), number(1e-20, 3)
    ('0.123457', '-', '1e-20')
    """
    return "-" if value != value else f"{value:.{digits}g}"


def counted(count: int, word: str) -> str:
    """Return a count with the word for what is counted, in the plural unless it is one.

    Examples
    --------
    >>> counted(1, "point"), counted(2, "sample"), counted(0, "point")
    ('1 point', '2 samples', '0 points')
    """
    return f"{count} {word}{'s' * (count != 1)}"


def with_unit(text: object, unit: str) -> str:
    """Return a number or text with the unit behind it, if there is one."""
    return f"{text} {unit}".rstrip()


#: Numbers of an array that are printed; of larger ones the shape and the largest.
MOST = 8


def fields_of(title: str, **values: Any) -> str:
    """Return a title and named values, a line each, arrays in a few numbers or as their shape.

    Examples
    --------
    >>> print(fields_of("Two", small=[0.1234567, 2], large=np.ones((3, 4))))
    Two
      small  0.123457, 2
      large  shape (3, 4), up to 1
    """
    rows = []
    for name, value in values.items():
        array = np.asarray(value)
        if array.dtype.kind not in "fiu":
            said = str(value)
        elif array.size > MOST:
            largest = np.nanmax(abs(array)) if np.isfinite(array).any() else np.nan
            said = f"shape {array.shape}, up to {number(float(largest))}"
        else:
            said = ", ".join(number(float(x)) for x in array.ravel())
        rows.append((name.replace("_", " "), said))
    return str(Table(title, (), rows, left=2))


@dataclass(frozen=True)
class Table:
    """A title, a head, rows of text and notes below.

    Examples
    --------
    >>> print(Table("Two", ("name", "value"), (("a", "1"), ("bb", "22")), ("in eV",)))
    Two
      name  value
      a         1
      bb       22
      in eV
    """

    title: str  #: What it is of.
    head: Sequence[str] = ()  #: Names of the columns; empty for none.
    rows: Sequence[Sequence[str]] = ()  #: All as long as the head, if there is one.
    notes: Sequence[str] = field(default=())  #: Lines below.
    left: int = 1  #: How many columns, from the first, are words and flush left; the others are numbers.
    tail: int = 0  #: How many columns at the end are words too.

    def _is_word(self, column: int, columns: int) -> bool:
        return column < self.left or column >= columns - self.tail

    def __str__(self) -> str:
        lines = [self.title] if self.title else []
        table = [self.head, *self.rows] if self.head else list(self.rows)
        if table:
            widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
            for row in table:
                cells = [
                    f"{cell:<{width}}" if self._is_word(i, len(row)) else f"{cell:>{width}}"
                    for i, (cell, width) in enumerate(zip(row, widths, strict=True))
                ]
                lines.append(("  " + "  ".join(cells)).rstrip())
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        """Return the table as HTML that inherits the colors of its page, light or dark."""
        cell = 'style="text-align:{}; padding:0.1em 0.8em; border:0"'

        def row(cells: Sequence[str], tag: str) -> str:
            inner = "".join(
                f"<{tag} {cell.format('left' if self._is_word(i, len(cells)) else 'right')}>{escape(text)}</{tag}>"
                for i, text in enumerate(cells)
            )
            return f'<tr style="background:none">{inner}</tr>'

        title = f"<div><b>{escape(self.title)}</b></div>"  # a caption is as narrow as its table
        head = f"<thead>{row(self.head, 'th')}</thead>" if self.head else ""
        body = "".join(row(cells, "td") for cells in self.rows)
        notes = "".join(f"<div>{escape(note)}</div>" for note in self.notes)
        return (
            f"<div>{title if self.title else ''}<table style='border-collapse:collapse; "
            f"font-variant-numeric:tabular-nums'>{head}<tbody>{body}</tbody></table>{notes}</div>"
        )


class Printed:
    """Shows what `print` shows: its first line where it is one of many, all of it aligned in notebooks."""

    def __repr__(self) -> str:
        return f"<{str(self).splitlines()[0].rstrip(':')}>"

    def _repr_html_(self) -> str:
        # notebooks break long lines of a <pre>, or set it in letters of different widths
        style = "font-family:monospace; font-size:90%; white-space:pre; overflow-x:auto; line-height:1.3; margin:0; "
        return f'<pre style="{style}padding:0">{escape(str(self))}</pre>'


class Tabled(Printed):
    """Shows its table."""

    def table(self) -> Table:
        """Return what is printed."""
        raise NotImplementedError

    def __str__(self) -> str:
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()
