"""`spinjunc judge`: which laws may be used for a family's junction, and how far."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from ..checks import choice
from ..errors import ArgumentError
from .options import AVERAGE, MOMENTA, Read, add_shared, family_of, fixed_parameters
from .values import cross_section, number, numbers, parse_range, wave_vector

EXAMPLE = "spinjunc judge systems/tunnel_junction.py --set height=3 -o judge.html"
ENDINGS = (".html", ".nc")
POTENTIALS = partial(numbers, counts=(1, 2), words="a number or two, plus,minus")
#: Settings of `judge` that options have the names of; the judge refuses those that do not belong to what it judges.
SETTINGS = (
    *("turned_by", "cut", "behind", "rtol", "max_points", "cross_section", "realizations", "boundary", "seed"),
    *("workers", "materials", "lattice_constant", "advise"),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add_shared(parser, "k energy", file="a Junction, or of an angle that returns a Kwant system", k=AVERAGE + MOMENTA)
    add = parser.add_argument
    for side, default in (("left", 0.5), ("right", -0.5)):
        text = f"potentials of the {side} lead along its m, or one number (default: %(default)s)"
        add(f"--mu-{side}", action=Read, read=POTENTIALS, default=default, metavar="PLUS,MINUS", help=text)
    text = "angles between the magnets (default: 0:180deg:37)"
    add("--angles", action=Read, read=parse_range, metavar="START:STOP:COUNT", help=text)
    add("--tolerance", type=number, default=0.01, help="largest error of a law to be used (default: %(default)s)")
    add("--turned-by", metavar="NAME", help="parameter that is the angle of a Kwant family")
    text = "cut of a Device behind which all spins turn, its magnets parallel: any crystal"
    add("--behind", metavar="NAME", help=text)
    text = "relative error of an average over the zone (default: 1e-6; 1e-4 of a Kwant system)"
    add("--rtol", type=number, help=text)
    add("--max-points", type=int, metavar="N", help="momenta that an average of a Kwant system may cost")
    add("--cut", metavar="NAME", help="cut of a Device that lies in its spacer")
    text = "sites of a plane of a disordered junction, as 6x6"
    add("--cross-section", action=Read, read=cross_section, metavar="WxD", help=text)
    add("--realizations", type=int, metavar="N", help="samples of a disordered junction (default: 100)")
    add("--boundary", metavar="WORD", help="periodic, twisted or `hard wall`, of samples")
    add("--seed", type=int, metavar="N", help="of the samples (default: 0)")
    add("--workers", type=int, metavar="N", help="processes for samples (default: 1)")
    text = "cobalt or permalloy: also judge Valet-Fert and equation (12)"
    add("--material", action=Read, read=_materials, dest="materials", metavar="LEFT[,RIGHT]", help=text)
    add("--lattice-constant", type=number, metavar="NM", help="with --material: edge of the unit cell")
    text = "do not solve what would have to change"
    add("--no-advice", action="store_const", const=False, dest="advise", help=text)
    add("-o", "--output", metavar="FILE", help="page (.html) or all numbers (.nc)")


def run(options: argparse.Namespace) -> int:
    """Do it and return the exit code."""
    from ..judging.door import judge
    from ..runs.files import with_checksum, write_atomically

    family = family_of(options)
    parameters = fixed_parameters(options.set, family)
    if options.output and Path(options.output).suffix not in ENDINGS:
        raise ArgumentError(f"Argument `--output` must end in {' or '.join(ENDINGS)}, but is {options.output!r}.")
    settings = {name: value for name in SETTINGS if (value := getattr(options, name)) is not None}
    for name in parameters.keys() & settings.keys():
        raise ArgumentError(f"Argument `{name}` must be given once, but is an option and a parameter of the family.")
    with ExitStack() as stack:
        # fails now if the folder cannot be written, not after the computation
        path = stack.enter_context(write_atomically(options.output)) if options.output else None
        judgment = judge(
            family,
            options.energy or 0.0,
            wave_vector(options.k, of_system=True),
            options.mu_left,
            options.mu_right,
            options.angles,
            options.tolerance,
            **settings,
            **parameters,
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


def _materials(text: str, option: str) -> tuple[Any, ...]:
    from ..magnets.multiscale import cobalt, permalloy

    known = {"cobalt": cobalt, "permalloy": permalloy}
    metals = [known[choice(option, name, known)]() for name in text.split(",")]
    return tuple(metals * 2 if len(metals) == 1 else metals)
