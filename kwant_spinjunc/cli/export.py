"""`spinjunc export`: write a torque for another code."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from ..checks import refusal
from ..model.junction import Junction
from .options import AVERAGE, MOMENTA, add_shared, system_of
from .values import number, numbers, parse_range, wave_vector

EXAMPLE = "spinjunc export systems/tunnel_junction.py --to mumax3 --set height=4 --lattice-constant 0.25 -o torque.txt"
#: Options that `export` takes by the same name, and refuses for codes that have no use for them.
SAME = ("free", "current_density", "free_thickness", "saturation", "asymmetric", "field_like", "tolerance", "behind")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    from ..magnets.export import TARGETS

    add_shared(parser, "k energy", file="a Junction, or a Kwant system with parallel magnets", k=AVERAGE + MOMENTA)
    add = parser.add_argument
    add("--to", required=True, choices=TARGETS, help="the code")
    text = "edge of the unit cell in the planes; of a Kwant system the root of the area of its cross-section or cell"
    add("--lattice-constant", required=True, type=number, metavar="NM", help=text)
    add("--behind", metavar="NAME", help="cut of a Device behind which all spins are turned")
    add("--free", choices=("right", "left"), default="right", help="the free magnet (default: right)")
    add("--angles", type=int, metavar="N", help="angles from 0 to 180 deg that are fitted (default: 13)")
    text = "V = µ_L - µ_R in eV instead of the linear response; for boris START:STOP:COUNT"
    add("--bias", metavar="V", help=text)
    text = "J, positive for electrons from the fixed into the free magnet"
    add("--current-density", type=number, metavar="A/M2", help=text)
    add("--free-thickness", type=number, metavar="NM", help="of the free layer (mumax3, magnumnp, cmtj)")
    add("--saturation", type=number, metavar="A/M", help="M_s of the free layer (cmtj)")
    add("--asymmetric", action="store_true", help="two terms for two different contacts (oommf)")
    add("--no-field-like", action="store_false", dest="field_like", help="leave the field-like torque out")
    add("--tolerance", type=number, default=0.01, help="largest misfit of the law (default: %(default)s)")
    add("-o", "--output", metavar="FILE", help="default: standard output")


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code."""
    from ..magnets.export import export
    from ..runs.files import write_atomically

    junction, title = system_of(options)
    if isinstance(junction, Junction) and options.behind is not None:
        raise refusal("--behind", "be left out for a Junction, which knows its spacer", "is given")
    choices: dict[str, Any] = {name: getattr(options, name) for name in SAME}
    choices["k"] = wave_vector(options.k, of_system=not isinstance(junction, Junction))
    if options.angles is not None:
        choices["angles"] = np.linspace(0.0, np.pi, options.angles)
    if options.bias is not None and options.to == "boris":
        choices["biases"] = parse_range(options.bias, "--bias", ())
    elif options.bias is not None:
        one = "one voltage for a torque (a range is for boris)"
        choices["bias"] = numbers(options.bias, "--bias", counts=(1,), words=one)
    a, energy = options.lattice_constant, options.energy or 0.0
    snippet = export(junction, options.to, lattice_constant=a, energy=energy, name=title, **choices)
    if not options.output:
        print(snippet, end="")
        return 0
    with write_atomically(options.output) as path:
        path.write_text(str(snippet), encoding="utf-8")
    print(f"{options.output}: {options.to}, residual {snippet.residual:.2g}")
    return 0
