"""`spinjunc plot`: draw what a sweep has written."""

from __future__ import annotations

import argparse

from ..checks import choice
from .options import check_figure, refuse_overwriting, save_figure

EXAMPLE = "spinjunc plot out.nc --plot conductance --plot tmr -o out.png"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add = parser.add_argument
    add("file", metavar="FILE.nc", help="what `spinjunc sweep` has written")
    add("--plot", action="append", metavar="VARIABLE", help="what to draw; repeatable, drawn over each other")
    text = "logarithmic axis of the quantity (default: positive over more than two decades)"
    add("--log", action=argparse.BooleanOptionalAction, help=text)
    add("-o", "--output", required=True, metavar="FIGURE", help="png, svg or pdf")


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code."""
    from ..runs.files import read_table

    check_figure(options.output)
    refuse_overwriting(options)
    dataset = read_table(options.file, "FILE", foreign=True)
    from ..plot.figures import plot_sweep

    default = "conductance" if "conductance" in dataset else "current"
    known = [str(name) for name in dataset.data_vars]
    chosen = [choice("--plot", name, known) for name in options.plot or [default]]
    save_figure(plot_sweep(dataset, chosen[0] if len(chosen) == 1 else chosen, log=options.log), options.output)
    return 0
