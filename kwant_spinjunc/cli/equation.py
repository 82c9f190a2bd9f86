"""`spinjunc equation`: where an equation of the paper stands, and what the validation says of it."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from ..checks import choice, refusal
from ..theory.equations import EQUATIONS

EXAMPLE = "spinjunc equation 3"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    parser.add_argument("number", nargs="?", help=f"one of {', '.join(EQUATIONS)}; all if left out")
    parser.add_argument(
        "--report",
        default="validation-report/report.json",
        metavar="FILE",
        help="where the verdicts of the claims are read, if it exists (default: %(default)s)",
    )


def _verdicts(path: Path) -> dict[str, str]:
    """Return claim id -> verdict of a report; nothing if there is none."""
    if not path.is_file():
        return {}
    try:
        claims = json.loads(path.read_text(encoding="utf-8"))["claims"]
        return {str(claim["id"]): str(claim["verdict"]) for claim in claims}
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise refusal("--report", "be a report.json", f"{str(path)!r} is none ({error})") from None


def run(options: argparse.Namespace) -> int:
    """Print one equation, or all, with the verdicts of its claims."""
    verdicts = _verdicts(Path(options.report))
    numbers = list(EQUATIONS) if options.number is None else [options.number.strip("()")]
    for number in numbers:
        equation = EQUATIONS[choice("number", number, list(EQUATIONS))]
        print(f"({number}) {equation}")
        for claim in equation.claims:
            print(f"    {claim}: {verdicts.get(claim, 'not judged here, run `make validation`')}")
    return 0
