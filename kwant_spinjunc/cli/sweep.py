"""`spinjunc sweep`: solve a family on a grid."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError
from .options import (
    add_energy,
    add_family,
    add_k,
    add_solver,
    add_vary,
    add_workers,
    axes_of,
    check_figure,
    executor_of,
    save_figure,
)
from .values import number, parse_range, wave_vector

__all__ = ["EXAMPLE", "add_options", "run"]

EXAMPLE = "spinjunc sweep systems/tunnel_junction.py --vary height=1:5:21 --vary theta=0:180deg:13 -o out.nc"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add_family(parser)
    add_k(parser)
    add_energy(parser)
    add_solver(parser, "halves")
    add_vary(parser)
    add_workers(parser, 1)
    parser.add_argument("-o", "--output", required=True, metavar="FILE.nc", help="NetCDF file")
    parser.add_argument("--resume", action="store_true", help="finish an interrupted sweep in the output file")
    parser.add_argument("--overwrite", action="store_true", help="replace the output file")
    parser.add_argument("--figure", metavar="FIGURE", help="also draw one variable (png, svg, pdf)")
    parser.add_argument(
        "--plot", metavar="VARIABLE", help="what to draw (default: conductance, or current with --bias)"
    )
    parser.add_argument(
        "--bias", metavar="START:STOP:COUNT", help="axis of V = µ_L - µ_R: currents and torques at finite bias"
    )
    parser.add_argument(
        "--temperature", type=number, default=0.0, metavar="KT", help="k_B T as an energy, with --bias (default: 0)"
    )


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code."""
    from ..plot.figures import plot_sweep
    from ..runs.family import load_family
    from ..runs.files import write_atomically
    from ..runs.sweep import BIAS_VARIABLES, VARIABLES, SweepError, SweepInterrupted, sweep

    family = load_family(options.file, options.family)
    axes, energy = axes_of(options)
    bias = None if options.bias is None else parse_range(options.bias, "--bias")
    if bias is not None and np.ndim(energy):
        raise ArgumentError("Argument `--vary energy` must not be given with --bias: the Fermi energy is one number.")
    if bias is None and not options.vary:
        raise ArgumentError("Argument `--vary` or `--bias` must be given: a sweep needs an axis.")
    shown = options.plot or ("conductance" if bias is None else "current")
    if shown not in (VARIABLES if bias is None else BIAS_VARIABLES):
        known = ", ".join(VARIABLES if bias is None else BIAS_VARIABLES)
        raise ArgumentError(f"Argument `--plot` must be one of {known}, but is {shown!r}.")
    if options.figure:
        check_figure(options.figure, "--figure")
        long_axes = sum(np.size(axis) > 1 for axis in (*axes.values(), energy, bias) if axis is not None)
        if not 1 <= long_axes <= 2:
            raise ArgumentError(
                f"Argument `--figure` must show one or two swept axes, but {long_axes} have more than one point."
            )
    earlier = _earlier_result(options)
    refusal = ""
    with ExitStack() as stack:
        path = stack.enter_context(write_atomically(options.output))  # fails now if the folder cannot be written
        try:
            dataset = sweep(
                family,
                energy=energy,
                bias=bias,
                temperature=options.temperature,
                k=wave_vector(options.k),
                solver=options.solver or "halves",
                resume=earlier,
                **executor_of(options, stack),
                **axes,
            )
        except SweepInterrupted as interruption:
            dataset = interruption.dataset
        except SweepError as failure:
            dataset, refusal = failure.dataset, str(failure)
        dataset.to_netcdf(path, engine="scipy")
    done = int(np.isfinite(dataset["angle"].values).sum())
    total = dataset["angle"].size
    print(f"{options.output}: {done} of {total} points, axes {dict(dataset['angle'].sizes)}")
    if refusal:
        print(f"refused: {refusal}", file=sys.stderr)
        return 1
    if not dataset.attrs["complete"]:
        print("interrupted: repeat the command with --resume to finish", file=sys.stderr)
        return 130
    if options.figure:
        save_figure(plot_sweep(dataset, shown), options.figure)
    return 0


def _earlier_result(options: argparse.Namespace) -> Any:
    """Return the earlier dataset for --resume, or refuse to overwrite an unfinished one unasked."""
    import xarray as xr

    output = Path(options.output)
    if not output.exists():
        return None
    if not options.resume and not options.overwrite:
        raise ArgumentError(
            f"Argument `--output` must not exist, but {str(output)!r} does. Use --resume to finish it, --overwrite to "
            "replace it."
        )
    if not options.resume:
        return None
    try:
        return xr.load_dataset(output, engine="scipy")
    except Exception as error:
        raise ArgumentError(
            f"Argument `--output` must be the result of a sweep, but {str(output)!r} cannot be read ({error})."
        ) from error
