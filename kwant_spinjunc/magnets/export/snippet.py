"""What an export gives, how it refuses, and how numbers and vectors are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...checks import positive, within
from ...errors import SpinjuncError
from ...printing import Printed

#: Lattice constants and thicknesses in nm lie between; a length in meters does not.
LENGTHS = (1e-3, 1e3)


class InvalidParametrizationError(SpinjuncError, ValueError):
    """The junction does not obey the law that the code presumes, so no numbers can stand for it."""


@dataclass(frozen=True, repr=False)
class Snippet(Printed):
    """A block to paste, and the numbers in it."""

    target: str  #: One of `TARGETS`.
    text: str  #: The snippet with its provenance; ``str(snippet)`` is the same.
    values: Mapping[str, Any]  #: Name in the target code -> number or vector, as written in the text.
    residual: float  #: Largest misfit of the law, relative to the largest microscopic value it describes.
    #: Whether the direction given for the fixed layer is opposite to its magnetization (inverse magnetoresistance).
    fixed_layer_flipped: bool = False
    current_reversed: bool = False  #: Whether J changed sign so that P > 0 (negative polarization).

    def __str__(self) -> str:
        return self.text


def nanometers(name: str, value: Any) -> float:
    """Return a length in nm, refusing one that must have been meant in another unit."""
    return within(name, positive(name, value), *LENGTHS, "It is in nanometers.")


def vector(values: Iterable[float], separator: str = ", ") -> str:
    """Return the components of a vector as text, ten digits each."""
    return separator.join(f"{x:.10g}" for x in values)
