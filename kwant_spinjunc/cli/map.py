"""`spinjunc map`: map the error of the phenomenology."""

from __future__ import annotations

import argparse
from contextlib import ExitStack

import numpy as np

from ..errors import ArgumentError, NoOpenChannelError
from .options import add_energy, add_family, add_k, add_vary, add_workers, axes_of, check_figure, executor_of
from .values import parse_value, wave_vector

EXAMPLE = (
    "spinjunc map systems/tunnel_junction.py --vary height=0.5:6:40 --vary thickness=1:8:8 --error tunnelling "
    "-o map.png"
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    from ..runs.validity import ERRORS

    add_family(parser)
    add_k(parser, system=False)
    add_energy(parser)
    add_vary(parser, required=True)
    add_workers(parser, 1)
    parser.add_argument(
        "--error",
        choices=ERRORS,
        default="tunnelling",
        help="; ".join(f"{name}: {text}" for name, text in ERRORS.items()).replace("%", "%%")
        + " (default: %(default)s)",
    )
    parser.add_argument("-o", "--output", required=True, metavar="FIGURE", help="the map (png, svg, pdf)")
    parser.add_argument(
        "--data", metavar="FILE.nc", help="also write all numbers to a NetCDF file; replaced if it exists"
    )
    parser.add_argument(
        "--accumulation",
        default="0,0",
        metavar="LEFT,RIGHT",
        help="spin accumulation (µ+ - µ-)/2 in the leads, per bias (default: %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code."""
    from ..plot.figures import plot_map
    from ..runs.family import load_family
    from ..runs.files import refuse_same_files, write_atomically
    from ..runs.tables import TableFile
    from ..runs.validity import validity_map

    family = load_family(options.file, options.family)
    axes, energy = axes_of(options, family)
    if sum(np.size(axis) > 1 for axis in (*axes.values(), energy)) < 2:
        raise ArgumentError("Argument `--vary` must give at least two axes of several points, the axes of the map.")
    left, right = _accumulations(options.accumulation)
    check_figure(options.output)
    refuse_same_files({"FILE": options.file}, {"--output": options.output, "--data": options.data})
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
        if not np.isfinite(dataset[options.error].values).any():
            raise NoOpenChannelError(
                "No point of the map carries a current: no channel is open at any of its energies."
            )
        plot_map(dataset, options.error).savefig(figure_path, dpi=200, bbox_inches="tight")
        if data:
            data.save(dataset, force=True)
    errors = dataset[options.error]
    print(f"{errors.attrs['long_name']}, axes {dict(errors.sizes)}:")
    finite = errors.values[np.isfinite(errors.values)]
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


def _accumulations(text: str) -> tuple[float, float]:
    parts = [parse_value(part, ()) for part in text.split(",")]
    if len(parts) != 2 or any(isinstance(part, (bool, str)) for part in parts):
        raise ArgumentError(f"Argument `--accumulation` must be two numbers left,right, but is {text!r}.")
    return float(parts[0]), float(parts[1])
