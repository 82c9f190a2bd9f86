"""`spinjunc judge`: which laws may be used for a family's junction, and how far."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..errors import ArgumentError
from .options import add_energy, add_family, add_k, fixed_parameters
from .values import cross_section, number, parse_range, parse_value, wave_vector

EXAMPLE = "spinjunc judge systems/tunnel_junction.py --set height=3 -o judge.html"
ENDINGS = (".html", ".nc")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add_family(parser, "a Junction, or of an angle that returns a Kwant system")
    add_k(parser)
    add_energy(parser)
    for side, default in (("left", "0.5"), ("right", "-0.5")):
        parser.add_argument(
            f"--mu-{side}",
            default=default,
            metavar="PLUS,MINUS",
            help=f"potentials of the {side} lead along its m, or one number (default: %(default)s)",
        )
    parser.add_argument(
        "--angles", metavar="START:STOP:COUNT", help="angles between the magnets (default: 0:180deg:37)"
    )
    parser.add_argument(
        "--tolerance", type=number, default=0.01, help="largest error of a law to be used (default: %(default)s)"
    )
    parser.add_argument("--turned-by", metavar="NAME", help="parameter that is the angle of a Kwant family")
    parser.add_argument(
        "--behind",
        metavar="NAME",
        help="cut of a Device behind which all spins turn, its magnets parallel: any crystal",
    )
    parser.add_argument(
        "--rtol", type=number, help="relative error of an average over the zone (default: 1e-6; 1e-4 of a Kwant system)"
    )
    parser.add_argument(
        "--max-points", type=int, metavar="N", help="momenta that an average of a Kwant system may cost"
    )
    parser.add_argument("--cut", metavar="NAME", help="cut of a Device that lies in its spacer")
    parser.add_argument("--cross-section", metavar="WxD", help="sites of a plane of a disordered junction, as 6x6")
    parser.add_argument("--realizations", type=int, metavar="N", help="samples of a disordered junction (default: 100)")
    parser.add_argument("--boundary", metavar="WORD", help="periodic, twisted or `hard wall`, of samples")
    parser.add_argument("--seed", type=int, metavar="N", help="of the samples (default: 0)")
    parser.add_argument("--workers", type=int, metavar="N", help="processes for samples (default: 1)")
    parser.add_argument(
        "--material", metavar="LEFT[,RIGHT]", help="cobalt or permalloy: also judge Valet-Fert and equation (12)"
    )
    parser.add_argument("--lattice-constant", type=number, metavar="NM", help="with --material: edge of the unit cell")
    parser.add_argument("--no-advice", action="store_true", help="do not solve what would have to change")
    parser.add_argument("-o", "--output", metavar="FILE", help="page (.html) or all numbers (.nc)")


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code."""
    from ..judging.door import judge
    from ..runs.family import load_family
    from ..runs.files import refuse_same_files, with_checksum, write_atomically

    refuse_same_files({"FILE": options.file}, {"--output": options.output})

    family = load_family(options.file, options.family)
    if options.output and Path(options.output).suffix not in ENDINGS:
        raise ArgumentError(f"Argument `--output` must end in {' or '.join(ENDINGS)}, but is {options.output!r}.")
    with ExitStack() as stack:
        # fails now if the folder cannot be written, not after the computation
        path = stack.enter_context(write_atomically(options.output)) if options.output else None
        judgment = judge(
            family,
            0.0 if options.energy is None else options.energy,
            wave_vector(options.k, of_system=True),
            _potential("--mu-left", options.mu_left),
            _potential("--mu-right", options.mu_right),
            None if options.angles is None else parse_range(options.angles, "--angles"),
            options.tolerance,
            **_merged(_settings(options), fixed_parameters(options.set, family)),
        )
        print(judgment)
        if path and Path(options.output).suffix == ".nc":
            with_checksum(judgment.to_dataset()).to_netcdf(path, engine="scipy")
        elif path:
            from ..judging.page import page

            path.write_text(page(judgment), encoding="utf-8")
    if options.output:
        print(f"written: {options.output}")
    return 0


def _merged(settings: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    for name in parameters:
        if name in settings:
            raise ArgumentError(
                f"Argument `{name}` must be given once, but is an option and a parameter of the family."
            )
    return {**settings, **parameters}


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that were given; the judge refuses those that do not belong to what it judges."""
    names = ("turned_by", "cut", "behind", "rtol", "max_points", "realizations", "boundary", "seed", "workers")
    settings = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if options.cross_section is not None:
        settings["cross_section"] = cross_section(options.cross_section)
    if options.no_advice:
        settings["advise"] = False
    if options.material is not None:
        settings["materials"] = _materials(options.material)
    if options.lattice_constant is not None:
        settings["lattice_constant"] = options.lattice_constant
    return settings


def _materials(text: str) -> tuple[Any, ...]:
    from ..magnets.multiscale import cobalt, permalloy

    known = {"cobalt": cobalt, "permalloy": permalloy}
    names = text.split(",")
    for name in names:
        if name not in known:
            raise ArgumentError(f"Argument `--material` must be one of {', '.join(known)}, but is {name!r}.")
    metals = [known[name]() for name in names]
    return tuple(metals * 2 if len(metals) == 1 else metals)


def _potential(option: str, text: str) -> Any:
    parts = [parse_value(part, ()) for part in text.split(",")]
    if len(parts) > 2 or any(isinstance(part, (bool, str)) for part in parts):
        raise ArgumentError(f"Argument `{option}` must be a number or two, plus,minus, but is {text!r}.")
    return float(parts[0]) if len(parts) == 1 else (float(parts[0]), float(parts[1]))
