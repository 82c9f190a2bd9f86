"""`spinjunc sweep`: solve a family on a grid."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..runs.files import refuse_same_files
from ..runs.tables import TableFile
from .options import (
    add_energy,
    add_family,
    add_k,
    add_solver,
    add_vary,
    add_workers,
    axes_of,
    bias_of,
    check_figure,
    ended,
    executor_of,
    refuse_kelvin,
    save_figure,
    solved,
)
from .values import number, parse_range, temperature, wave_vector

EXAMPLE = "spinjunc sweep systems/tunnel_junction.py --vary height=1:5:21 --vary theta=0:180deg:13 -o out.nc"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add_family(parser, "a Junction, a Device or a Kwant system")
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
        "--bias",
        metavar="START:STOP:COUNT",
        help="axis of V = µ_L - µ_R: currents and torques at finite bias. Of a Kwant system leads 0 and 1 are at ±V/2, "
        "and its Hamiltonian follows if the family has a parameter `bias`",
    )
    parser.add_argument("--behind", metavar="NAME", help="cut of a Device behind which all spins turn, with --turns")
    parser.add_argument(
        "--turns",
        metavar="START:STOP:COUNT",
        help="angles of that turn, all solved at once; with --bias in the potential of the Device (`profile`)",
    )
    parser.add_argument(
        "--rtol",
        type=number,
        help="relative error of an average, or of integrals over a bias (default: 1e-6; 1e-8 for a junction's "
        "bias, 1e-4 for averages of a Kwant system)",
    )
    parser.add_argument(
        "--temperature",
        type=temperature,
        default=0.0,
        metavar="KT",
        help="k_B T as an energy, with --bias (default: 0)",
    )


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code."""
    from ..runs.family import load_family, units_of
    from ..runs.sweep import finished, sweep

    family = load_family(options.file, options.family)
    axes, energy = axes_of(options, family)
    refuse_kelvin(options.temperature, units_of(family).get("", ""))
    bias = bias_of(options.bias, family)
    shown = _checked(options, family, axes, energy, bias)
    file = _table_file(options)
    with ExitStack() as stack:
        dataset, refusal = solved(
            lambda: sweep(
                family,
                energy=energy,
                bias=bias,
                temperature=options.temperature,
                k=wave_vector(options.k, of_system=True),
                solver=options.solver,
                rtol=options.rtol,
                resume=file,
                **executor_of(options, stack),
                **_turning(options),
                **axes,
            )
        )
    grid = {**axes, "energy": energy, "bias": bias}
    swept = {name: np.size(axis) for name, axis in grid.items() if np.ndim(axis)}
    done, total = finished(dataset)
    figure = options.figure if dataset.attrs["complete"] else None
    if figure:
        from ..plot.figures import plot_sweep

        save_figure(plot_sweep(dataset, shown), figure, quiet=True)
    print(f"{options.output}: {done} of {total} points, axes {swept}")
    if figure and not refusal:
        print(f"figure: {figure}")
    return ended(dataset, refusal, "with --resume to finish")


def _checked(options: argparse.Namespace, family: Any, axes: dict[str, Any], energy: Any, bias: Any) -> str:
    """Refuse what cannot be swept or drawn, and return the name of the variable that is drawn."""
    from ..runs.sweep import first_of, sizes_of, variables_of
    from ..runs.systems import Turned

    if bias is not None and np.ndim(energy):
        raise ArgumentError("Argument `--vary energy` must not be given with --bias: the Fermi energy is one number.")
    if bias is None and not options.vary and options.turns is None:
        raise ArgumentError("Argument `--vary`, `--turns` or `--bias` must be given: a sweep needs an axis.")
    shown = options.plot or ("conductance" if bias is None else "current")
    if not (options.plot or options.figure):
        return shown
    first = first_of(family, axes, bias)
    turned = Turned.taken(_turning(options))
    known = variables_of(first, bias is not None, options.k, turned=turned)
    if shown not in known:
        raise ArgumentError(f"Argument `--plot` must be one of {', '.join(known)}, but is {shown!r}.")
    if options.figure:
        check_figure(options.figure, "--figure")
        from ..plot.figures import check_drawable

        swept = {
            name: np.size(axis) for name, axis in {**axes, "energy": energy, "bias": bias}.items() if np.ndim(axis)
        }
        check_drawable(shown, {**swept, **sizes_of(first, known[shown], turned)})
    return shown


def _turning(options: argparse.Namespace) -> dict[str, Any]:
    """Return what of a turn was given."""
    turns = None if options.turns is None else parse_range(options.turns, "--turns")
    return {name: value for name, value in (("turns", turns), ("behind", options.behind)) if value is not None}


def _table_file(options: argparse.Namespace) -> TableFile:
    """Return the file of the sweep, or refuse to overwrite an unfinished one unasked."""
    refuse_same_files({"FILE": options.file}, {"--output": options.output, "--figure": options.figure})
    file = TableFile(options.output, fresh=options.overwrite)
    if file.exists and not options.resume and not options.overwrite:
        raise ArgumentError(
            f"Argument `--output` must not exist, but {options.output!r} does, or its journal of an interrupted sweep. "
            "Use --resume to finish it, --overwrite to replace it."
        )
    return file
