"""`spinjunc plot`: draw what a sweep has written."""

from __future__ import annotations

import argparse

from ..errors import ArgumentError
from .options import check_figure, save_figure

EXAMPLE = "spinjunc plot out.nc --plot conductance --plot tmr -o out.png"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    parser.add_argument("file", metavar="FILE.nc", help="what `spinjunc sweep` has written")
    parser.add_argument(
        "--plot", action="append", metavar="VARIABLE", help="what to draw; repeatable, drawn over each other"
    )
    parser.add_argument(
        "--log",
        action=argparse.BooleanOptionalAction,
        help="logarithmic axis of the quantity (default: positive over more than two decades)",
    )
    parser.add_argument("-o", "--output", required=True, metavar="FIGURE", help="png, svg or pdf")


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code."""
    from ..runs.files import read_table, refuse_same_files

    check_figure(options.output)
    refuse_same_files({"FILE": options.file}, {"--output": options.output})
    dataset = read_table(options.file, "FILE", foreign=True)
    from ..plot.figures import plot_sweep

    default = "conductance" if "conductance" in dataset else "current"
    chosen = options.plot or [default]
    for name in chosen:
        if name not in dataset.data_vars:
            raise ArgumentError(
                f"Argument `--plot` must be one of {', '.join(map(str, dataset.data_vars))}, but is {name!r}."
            )
    save_figure(plot_sweep(dataset, chosen[0] if len(chosen) == 1 else chosen, log=options.log), options.output)
    return 0
