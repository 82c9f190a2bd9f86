"""`spinjunc export`: write a torque for another code."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..model.junction import Junction
from .options import add_energy, add_family, add_k, family_and_system
from .values import number, parse_range, parse_value, wave_vector

EXAMPLE = "spinjunc export systems/tunnel_junction.py --to mumax3 --set height=4 --lattice-constant 0.25 -o torque.txt"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    from ..magnets.export import TARGETS

    add_family(parser, "a Junction, or a Kwant system with parallel magnets")
    add_k(parser)
    add_energy(parser)
    parser.add_argument("--to", required=True, choices=TARGETS, help="the code")
    parser.add_argument(
        "--lattice-constant",
        required=True,
        type=number,
        metavar="NM",
        help="edge of the unit cell in the planes; of a Kwant system the root of the area of its cross-section or cell",
    )
    parser.add_argument("--cut", metavar="NAME", help="cut of a Device behind which all spins are turned")
    parser.add_argument("--free", choices=("right", "left"), default="right", help="the free magnet (default: right)")
    parser.add_argument(
        "--angles", type=int, metavar="N", help="angles from 0 to 180 deg that are fitted (default: 13)"
    )
    parser.add_argument(
        "--bias", metavar="V", help="V = µ_L - µ_R in eV instead of the linear response; for boris START:STOP:COUNT"
    )
    parser.add_argument(
        "--current-density",
        type=number,
        metavar="A/M2",
        help="J, positive for electrons from the fixed into the free magnet",
    )
    parser.add_argument("--free-thickness", type=number, metavar="NM", help="of the free layer (magnumnp, cmtj)")
    parser.add_argument("--saturation", type=number, metavar="A/M", help="M_s of the free layer (cmtj)")
    parser.add_argument("--asymmetric", action="store_true", help="two terms for two different contacts (oommf)")
    parser.add_argument("--no-field-like", action="store_true", help="leave the field-like torque out")
    parser.add_argument(
        "--tolerance", type=number, default=0.01, help="largest misfit of the law (default: %(default)s)"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="default: standard output")


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code."""
    from ..magnets.export import export
    from ..magnets.parameters import ANGLES
    from ..runs.files import refuse_same_files, write_atomically

    refuse_same_files({"FILE": options.file}, {"--output": options.output})
    junction, family, fixed = family_and_system(options)
    if isinstance(junction, Junction) and options.cut is not None:
        raise ArgumentError("Argument `--cut` must be left out for a Junction, which knows its spacer, but is given.")
    settings = ", ".join(
        f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in fixed.items()
    )
    choices: dict[str, Any] = {
        "k": wave_vector(options.k, of_system=not isinstance(junction, Junction)),
        "behind": options.cut,
        "name": f"{getattr(family, '__name__', 'family')}({settings})",
    }
    if options.to == "boris":
        choices["biases"] = None if options.bias is None else parse_range(options.bias, "--bias", ())
        _refuse_for_boris(options)
    else:
        choices |= {
            "free": options.free,
            "bias": None if options.bias is None else _single_bias(options.bias),
            "current_density": options.current_density,
            "free_thickness": options.free_thickness,
            "saturation": options.saturation,
            "asymmetric": options.asymmetric,
            "field_like": not options.no_field_like,
            "angles": ANGLES if options.angles is None else np.linspace(0.0, np.pi, options.angles),
        }
    snippet = export(
        junction,
        options.to,
        lattice_constant=options.lattice_constant,
        energy=0.0 if options.energy is None else options.energy,
        tolerance=options.tolerance,
        **choices,
    )
    if not options.output:
        print(snippet, end="")
        return 0
    with write_atomically(options.output) as path:
        path.write_text(str(snippet), encoding="utf-8")
    print(f"{options.output}: {options.to}, residual {snippet.residual:.2g}")
    return 0


def _single_bias(text: str) -> float:
    value = parse_value(text, ())
    if isinstance(value, (bool, str)):
        raise ArgumentError(
            f"Argument `--bias` must be one voltage for a torque, but is {text!r}. A range is for boris."
        )
    return float(value)


def _refuse_for_boris(options: argparse.Namespace) -> None:
    """Refuse the options of a torque, which would be ignored."""
    given = {
        "--free": options.free != "right",
        "--current-density": options.current_density is not None,
        "--free-thickness": options.free_thickness is not None,
        "--saturation": options.saturation is not None,
        "--asymmetric": options.asymmetric,
        "--no-field-like": options.no_field_like,
        "--angles": options.angles is not None,
    }
    for option, present in given.items():
        if present:
            raise ArgumentError(
                f"Argument `{option}` must be left out for boris, which takes conductances, but is given."
            )
