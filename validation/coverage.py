"""Every sentence and equation of the paper, with the claim that tests it, or why none does."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Covered:
    """One sentence or equation: where it stands, what it says, the claims that test it, or why none does."""

    place: str
    says: str
    claims: tuple[str, ...] = ()
    because: str = ""


def read_coverage(text: str) -> tuple[Covered, ...]:
    """Return the rows of lines ``place | what it says | claims``, or ``not tested: why`` in place of claims."""
    rows = []
    for line in text.splitlines():
        place, says, rest = line.split(" | ")
        claims, _, because = rest.partition("not tested: ")
        rows.append(Covered(place, says, tuple(claims.split(", ")) if claims else (), because))
    return tuple(rows)


COVERAGE = read_coverage(Path(__file__).with_name("coverage.txt").read_text(encoding="utf-8"))
