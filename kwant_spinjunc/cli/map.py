"""`spinjunc map`: map the error of the phenomenology."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from functools import partial

import numpy as np

from ..errors import ArgumentError, NoOpenChannelError
from ..runs.files import write_atomically
from ..runs.tables import TableFile
from ..runs.validity import ERRORS, validity_map
from .options import AVERAGE, Read, add_shared, axes_of, check_figure, executor_of, family_of
from .values import numbers, wave_vector

#: How --accumulation is typed.
TWO = partial(numbers, counts=(2,), words="two numbers left,right")

EXAMPLE = (
    "spinjunc map systems/tunnel_junction.py --vary height=0.5:6:40 --vary thickness=1:8:8 --error tunnelling "
    "-o map.png"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add_shared(parser, "k energy vary workers dask", k=AVERAGE)
    add = parser.add_argument
    text = "; ".join(f"{name}: {text}" for name, text in ERRORS.items()).replace("%", "%%") + " (default: %(default)s)"
    add("--error", choices=ERRORS, default="tunnelling", help=text)
    add("-o", "--output", required=True, metavar="FIGURE", help="the map (png, svg, pdf)")
    add("--data", metavar="FILE.nc", help="also write all numbers to a NetCDF file; replaced if it exists")
    text = "spin accumulation (µ+ - µ-)/2 in the leads, per bias (default: 0,0)"
    add("--accumulation", action=Read, read=TWO, default=(0.0, 0.0), metavar="LEFT,RIGHT", help=text)


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code."""
    from ..plot.figures import plot_map

    family = family_of(options)
    axes, energy = axes_of(options, family)
    if sum(np.size(axis) > 1 for axis in (*axes.values(), energy)) < 2:
        raise ArgumentError("Argument `--vary` must give at least two axes of several points, the axes of the map.")
    left, right = options.accumulation
    check_figure(options.output)
    with ExitStack() as stack:  # the figure appears when everything is done, and fails now if it cannot
        figure_path = stack.enter_context(write_atomically(options.output))
        data = TableFile(options.data, "--data", fresh=True) if options.data else None
        dataset = validity_map(
            family,
            error=options.error,
            energy=energy,
            k=wave_vector(options.k),
            mu_left=(0.5 + left, 0.5 - left),
            mu_right=(-0.5 + right, -0.5 - right),
            **executor_of(options, stack),
            **axes,
        )
        errors = dataset[options.error]
        finite = errors.values[np.isfinite(errors.values)]
        if not finite.size:
            raise NoOpenChannelError(
                "No point of the map carries a current: no channel is open at any of its energies."
            )
        plot_map(dataset, options.error).savefig(figure_path, dpi=200, bbox_inches="tight")
        if data:
            data.save(dataset, force=True)
    print(f"{errors.attrs['long_name']}, axes {dict(errors.sizes)}:")
    if finite.size < errors.size:
        print(f"  {errors.size - finite.size} of {errors.size} points have no current or no torque, and no error")
    for limit in (0.01, 0.1):
        print(f"  below {limit:.0%} at {np.mean(finite < limit):.0%} of the points")
    leading = dataset[f"{options.error}_leading_order"]
    print(f"  largest {float(errors.max()):.3g}, to leading order {float(leading.max()):.3g}")
    print(f"figure: {options.output}")
    if options.data:
        print(f"data: {options.data}")
    return 0
