"""`spinjunc ensemble`: average over disorder and twists."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..model.junction import Junction
from .options import (
    add_energy,
    add_family,
    add_k,
    add_solver,
    add_vary,
    add_workers,
    axes_of,
    ended,
    executor_of,
    family_and_junction,
    solved,
)
from .values import cross_section, number, parse_range, wave_vector

EXAMPLE = (
    "spinjunc ensemble systems/disordered_barrier.py --cross-section 6x6 --realizations 1000 --rtol 0.01 "
    "--workers 2 -o store.sqlite"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add_family(parser)
    add_k(parser, average=False, system=False)
    add_energy(parser)
    add_solver(parser, "halves")
    add_workers(parser, 1)
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="STORE",
        help="file that keeps all samples; with --vary the table FILE.nc, whose samples are kept in FILE.samples",
    )
    add_vary(parser)
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
    return None if text is None else junction.directions_at(_angles(text))


def _angles(text: str) -> Any:
    """Return angles in radians."""
    angles = parse_range(text, "--angles")
    if abs(angles).max() > LARGEST_ANGLE:
        raise ArgumentError(
            f"Argument `--angles` must be at most {LARGEST_ANGLE:g} rad, but is {text!r}. Degrees are typed as 180deg."
        )
    return angles


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code."""
    from ..runs.files import refuse_same_files

    refuse_same_files({"FILE": options.file}, {"--output": options.output})
    return _average_grid(options) if options.vary else _average_one(options)


def _settings(options: argparse.Namespace, textured: bool) -> dict[str, Any]:
    """Return what `ensemble` is asked."""
    k = wave_vector(options.k)
    if isinstance(k, str):
        raise ArgumentError("Argument `--k` must be one wave vector, but is 'average'. Use --boundary twisted.")
    words = [word.strip() for word in options.boundary.split(",")]
    torques = options.torques
    if torques is None:  # many angles are cheap without them
        torques = options.angles is None and not textured
    return {
        "cross_section": cross_section(options.cross_section),
        "boundary": words[0] if len(words) == 1 else (words[0], words[1]) if len(words) == 2 else options.boundary,
        "k": k,
        "realizations": options.realizations,
        "rtol": options.rtol,
        "quantity": options.quantity,
        "seed": options.seed,
        "torques": torques,
        "profiles": options.profiles,
        "solver": options.solver,
    }


def _average_one(options: argparse.Namespace) -> int:
    """Average one junction."""
    from ..runs.ensemble import EnsembleInterrupted, ensemble

    junction, _, _ = family_and_junction(options)
    settings = _settings(options, junction.cut is None)
    try:
        with ExitStack() as stack:
            result = ensemble(
                junction,
                options.energy or 0.0,
                m_right=_directions(options.angles, junction),
                store=options.output,
                **settings,
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


def _average_grid(options: argparse.Namespace) -> int:
    """Average a family at every point of a grid, into one table."""
    from ..runs.ensembles import ensembles
    from ..runs.family import load_family
    from ..runs.sweep import first_of
    from ..runs.tables import TableFile

    if Path(options.output).suffix != ".nc":
        raise ArgumentError(f"Argument `--output` must end in .nc with --vary, but is {options.output!r}.")
    family = load_family(options.file, options.family)
    axes, energy = axes_of(options, family)
    if np.ndim(energy):
        raise ArgumentError("Argument `--vary` must be parameters of the family for an ensemble, but is `energy`.")
    first = first_of(family, axes)
    if not isinstance(first, Junction):
        raise ArgumentError("Argument `family` must return a Junction for an ensemble, but returned a Device.")
    file = TableFile(options.output, fresh=True)
    with ExitStack() as stack:
        table, refusal = solved(
            lambda: ensembles(
                family,
                energy,
                axes,
                angles=None if options.angles is None else _angles(options.angles),
                folder=Path(options.output).with_suffix(".samples"),
                **_settings(options, first.cut is None),
                **executor_of(options, stack),
            )
        )
    if len(table.data_vars):
        file.save(table, force=True)
        counts = table["realizations"]
        done = int(np.isfinite(counts.values).sum())
        print(f"{options.output}: {done} of {counts.size} averages, axes {dict(counts.sizes)}")
    return ended(table, refusal, "to go on")
