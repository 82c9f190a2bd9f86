"""`spinjunc ensemble`: average over disorder and twists."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from typing import Any

from ..errors import ArgumentError
from ..model.junction import Junction
from .options import add_energy, add_family, add_k, add_solver, add_workers, executor_of, family_and_junction
from .values import cross_section, number, parse_range, wave_vector

__all__ = ["EXAMPLE", "add_options", "run"]

EXAMPLE = (
    "spinjunc ensemble systems/disordered_barrier.py --cross-section 6x6 --realizations 1000 --rtol 0.01 "
    "--workers 2 -o store.sqlite"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add_family(parser)
    add_k(parser)
    add_energy(parser)
    add_solver(parser, "halves")
    add_workers(parser, 1)
    parser.add_argument("-o", "--output", required=True, metavar="STORE", help="file that keeps all samples")
    parser.add_argument("--realizations", type=int, default=100, metavar="N", help="at most (default: %(default)s)")
    parser.add_argument("--rtol", type=number, help="stop at this relative error of --quantity")
    parser.add_argument("--quantity", default="conductance", metavar="NAME", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the ensemble (default: %(default)s)")
    parser.add_argument("--cross-section", default="1x1", metavar="WxD", help="sites of a plane, as 6x6")
    parser.add_argument(
        "--boundary", default="periodic", metavar="WORD", help="periodic, twisted or `hard wall`; or a pair x,z"
    )
    parser.add_argument(
        "--angles",
        metavar="START:STOP:COUNT",
        help="angles between the magnets, all solved with every sample, as 0:180deg:19",
    )
    parser.add_argument(
        "--torques", action=argparse.BooleanOptionalAction, help="average torques (default: if no --angles are given)"
    )
    parser.add_argument("--profiles", action="store_true", help="average currents, torques, densities by plane")


#: Beyond, an angle in radians has lost the digits of its direction.
LARGEST_ANGLE = 1e6


def _directions(text: str | None, junction: Junction) -> Any:
    """Return right magnets at these angles from the left one, in the plane of both."""
    if text is None:
        return None
    angles = parse_range(text, "--angles")
    if abs(angles).max() > LARGEST_ANGLE:
        raise ArgumentError(
            f"Argument `--angles` must be at most {LARGEST_ANGLE:g} rad, but is {text!r}. Degrees are typed as 180deg."
        )
    return junction.directions_at(angles)


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code."""
    from ..runs.ensemble import EnsembleInterrupted, ensemble
    from ..runs.files import refuse_same_files

    refuse_same_files({"FILE": options.file}, {"--output": options.output})
    junction, _, _ = family_and_junction(options)
    k = wave_vector(options.k)
    if isinstance(k, str):
        raise ArgumentError("Argument `--k` must be one wave vector, but is 'average'. Use --boundary twisted.")
    words = [word.strip() for word in options.boundary.split(",")]
    torques = options.torques
    if torques is None:  # many angles are cheap without them
        torques = options.angles is None and junction.cut is not None
    try:
        with ExitStack() as stack:
            result = ensemble(
                junction,
                options.energy or 0.0,
                cross_section=cross_section(options.cross_section),
                boundary=words[0] if len(words) == 1 else (words[0], words[1]) if len(words) == 2 else options.boundary,
                k=k,
                realizations=options.realizations,
                rtol=options.rtol,
                quantity=options.quantity,
                seed=options.seed,
                m_right=_directions(options.angles, junction),
                torques=torques,
                profiles=options.profiles,
                solver=options.solver,
                store=options.output,
                **executor_of(options, stack),
            )
    except EnsembleInterrupted as interruption:
        if interruption.result is not None:
            print(interruption.result)
        print("interrupted: repeat the command to go on", file=sys.stderr)
        return 130
    print(result)
    print(f"store: {options.output}")
    return 0
