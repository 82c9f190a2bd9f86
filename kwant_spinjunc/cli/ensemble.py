"""`spinjunc ensemble`: average over disorder and twists."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import refusal
from ..errors import ArgumentError
from ..model.junction import Junction
from ..runs.ensemble import EnsembleInterrupted, ensemble, ensembles
from ..runs.sweep import first_of
from ..runs.tables import TableFile
from .options import Read, add_shared, axes_of, ended, executor_of, family_of, solved, swept_of
from .values import cross_section, number, parse_range, wave_vector

EXAMPLE = (
    "spinjunc ensemble systems/disordered_barrier.py --cross-section 6x6 --realizations 1000 --rtol 0.01 "
    "--workers 2 -o store.sqlite"
)
#: Beyond, an angle in radians has lost the digits of its direction.
LARGEST_ANGLE = 1e6


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add_shared(parser, "k energy solver vary workers dask", k="", solver="halves")
    add = parser.add_argument
    text = "file that keeps all samples; with --vary the table FILE.nc, whose samples are kept in FILE.samples"
    add("-o", "--output", required=True, metavar="STORE", help=text)
    add("--realizations", type=int, default=100, metavar="N", help="at most (default: %(default)s)")
    add("--rtol", type=number, help="stop at this relative error of --quantity")
    add("--quantity", default="conductance", metavar="NAME", help="default: %(default)s")
    add("--seed", type=int, default=0, metavar="N", help="of the ensemble (default: %(default)s)")
    text = "sites of a plane, as 6x6"
    add("--cross-section", action=Read, read=cross_section, default=(1, 1), metavar="WxD", help=text)
    text = "periodic, twisted or `hard wall`; or a pair x,z"
    add("--boundary", default="periodic", metavar="WORD", help=text)
    text = "angles between the magnets, all solved with every sample, as 0:180deg:19"
    add("--angles", action=Read, read=_angles, metavar="START:STOP:COUNT", help=text)
    text = "average torques (default: if no --angles are given)"
    add("--torques", action=argparse.BooleanOptionalAction, help=text)
    add("--profiles", action="store_true", help="average currents, torques, densities by plane")


def _angles(text: str, option: str) -> Any:
    """Return angles in radians."""
    angles = parse_range(text, option)
    if abs(angles).max() > LARGEST_ANGLE:
        raise refusal("--angles", f"be at most {LARGEST_ANGLE:g} rad", f"is {text!r}", "Degrees are typed as 180deg.")
    return angles


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code: one junction, or with --vary a family at every point of a grid."""
    if options.vary and Path(options.output).suffix != ".nc":
        raise ArgumentError(f"Argument `--output` must end in .nc with --vary, but is {options.output!r}.")
    family = family_of(options)
    axes, energy = axes_of(options, family)
    if np.ndim(energy):
        raise ArgumentError("Argument `--vary` must be parameters of the family for an ensemble, but is `energy`.")
    first = first_of(family, axes)
    if not isinstance(first, Junction):
        raise ArgumentError(
            f"Argument `FILE` must define a family of junctions for an ensemble, but {family.__name__} gives a Kwant "
            "system. Use `spinjunc sweep` over a parameter that numbers its samples."
        )
    with ExitStack() as stack:
        settings = {**_settings(options, first.cut is None), **executor_of(options, stack)}
        return (
            _grid(options, family, energy, axes, settings) if options.vary else _one(options, first, energy, settings)
        )


def _settings(options: argparse.Namespace, textured: bool) -> dict[str, Any]:
    """Return what `ensemble` is asked."""
    k = wave_vector(options.k)
    if isinstance(k, str):
        raise ArgumentError("Argument `--k` must be one wave vector, but is 'average'. Use --boundary twisted.")
    names = ("cross_section", "realizations", "rtol", "quantity", "seed", "torques", "profiles", "solver")
    words = tuple(word.strip() for word in options.boundary.split(","))
    found = {name: getattr(options, name) for name in names}
    if options.torques is None:  # many angles are cheap without them
        found["torques"] = options.angles is None and not textured
    return {**found, "k": k, "boundary": words[0] if len(words) == 1 else words}


def _one(options: argparse.Namespace, junction: Junction, energy: float, settings: dict[str, Any]) -> int:
    """Average one junction."""
    # right magnets at these angles from the left one, in the plane of both
    directions = None if options.angles is None else junction.directions_at(options.angles)
    try:
        result = ensemble(junction, energy, m_right=directions, store=options.output, **settings)
    except EnsembleInterrupted as interruption:
        if interruption.result is not None:
            print(interruption.result)
        print("interrupted: repeat the command to go on", file=sys.stderr)
        return 130
    print(result)
    print(f"store: {options.output}")
    return 0


def _grid(options: argparse.Namespace, family: Any, energy: float, axes: Any, settings: dict[str, Any]) -> int:
    """Average a family at every point of a grid, into one table."""
    file, folder = TableFile(options.output, fresh=True), Path(options.output).with_suffix(".samples")
    table, refusal = solved(lambda: ensembles(family, energy, axes, angles=options.angles, folder=folder, **settings))
    if len(table.data_vars):
        file.save(table, force=True)
        done = int(np.isfinite(table["realizations"].values).sum())
        print(f"{options.output}: {done} of {table['realizations'].size} averages, axes {swept_of(**axes)}")
    return ended(table, refusal, "to go on")
