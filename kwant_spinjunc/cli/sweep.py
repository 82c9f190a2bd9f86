"""`spinjunc sweep`: solve a family on a grid."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from typing import Any

import numpy as np

from ..checks import choice, refusal
from ..errors import ArgumentError
from ..printing import counted
from ..runs.family import units_of
from ..runs.sweep import finished, first_of, sizes_of, sweep, variables_of
from ..runs.systems import Turned
from ..runs.tables import TableFile
from .options import (
    AVERAGE,
    MOMENTA,
    Read,
    add_shared,
    axes_of,
    bias_of,
    check_figure,
    ended,
    executor_of,
    family_of,
    refuse_kelvin,
    save_figure,
    solved,
    swept_of,
)
from .values import number, parse_range, temperature, wave_vector

EXAMPLE = "spinjunc sweep systems/tunnel_junction.py --vary height=1:5:21 --vary theta=0:180deg:13 -o out.nc"
RANGE = "START:STOP:COUNT"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add_shared(
        parser,
        "k energy solver vary workers dask",
        file="a Junction, a Device or a Kwant system",
        k=AVERAGE + MOMENTA,
        solver="halves",
    )
    add = parser.add_argument
    add("-o", "--output", required=True, metavar="FILE.nc", help="NetCDF file")
    add("--resume", action="store_true", help="finish an interrupted sweep in the output file")
    add("--overwrite", action="store_true", help="replace the output file")
    add("--figure", metavar="FIGURE", help="also draw one variable (png, svg, pdf)")
    add("--plot", metavar="VARIABLE", help="what to draw (default: conductance, or current with --bias)")
    text = "axis of V = µ_L - µ_R: currents and torques at finite bias. Of a Kwant system leads 0 and 1 are at ±V/2, "
    add("--bias", metavar=RANGE, help=text + "and its Hamiltonian follows if the family has a parameter `bias`")
    add("--behind", metavar="NAME", help="cut of a Device behind which all spins turn, with --turns")
    text = "angles of that turn, all solved at once; with --bias in the potential of the Device (`profile`)"
    add("--turns", action=Read, read=parse_range, metavar=RANGE, help=text)
    text = "relative error of an average, or of integrals over a bias (default: 1e-6; 1e-8 for a junction's bias, "
    add("--rtol", type=number, help=text + "1e-4 for averages of a Kwant system)")
    text = "k_B T as an energy, with --bias (default: 0)"
    add("--temperature", type=temperature, default=0.0, metavar="KT", help=text)


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code."""
    family = family_of(options)
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
                turns=options.turns,
                behind=options.behind,
                resume=file,
                **executor_of(options, stack),
                **axes,
            )
        )
    done, total = finished(dataset)
    figure = options.figure if dataset.attrs["complete"] else None
    if figure:
        from ..plot.figures import plot_sweep

        save_figure(plot_sweep(dataset, shown), figure, quiet=True)
    swept = swept_of(**axes, energy=energy, bias=bias)
    print(f"{options.output}: {done} of {counted(total, 'point')}, axes {swept}")
    if figure and not refusal:
        print(f"figure: {figure}")
    return ended(dataset, refusal, "with --resume to finish")


def _checked(options: argparse.Namespace, family: Any, axes: dict[str, Any], energy: Any, bias: Any) -> str:
    """Refuse what cannot be swept or drawn, and return the name of the variable that is drawn."""
    if bias is not None and np.ndim(energy):
        raise ArgumentError("Argument `--vary energy` must not be given with --bias: the Fermi energy is one number.")
    if bias is None and not options.vary and options.turns is None:
        raise ArgumentError("Argument `--vary`, `--turns` or `--bias` must be given: a sweep needs an axis.")
    shown: str = options.plot or ("conductance" if bias is None else "current")
    if not (options.plot or options.figure):
        return shown
    first = first_of(family, axes, bias)
    turned = Turned.taken({"turns": options.turns, "behind": options.behind})
    known = variables_of(first, bias is not None, options.k, turned=turned)
    choice("--plot", shown, known)
    if options.figure:
        check_figure(options.figure, "--figure")
        from ..plot.figures import check_drawable

        swept = swept_of(**axes, energy=energy, bias=bias)
        check_drawable(shown, {**swept, **sizes_of(first, known[shown], turned)})
    return shown


def _table_file(options: argparse.Namespace) -> TableFile:
    """Return the file of the sweep, or refuse to overwrite an unfinished one unasked."""
    file = TableFile(options.output, fresh=options.overwrite)
    if file.exists and not options.resume and not options.overwrite:
        hint = "Use --resume to finish it, --overwrite to replace it."
        raise refusal("--output", "not exist", f"{options.output!r} does, or its journal of an interrupted sweep", hint)
    return file
