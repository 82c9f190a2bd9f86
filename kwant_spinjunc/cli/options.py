"""Options that several verbs share, and what they mean."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Container, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from ..checks import is_angle, refusal, warn_of_degrees
from ..errors import ArgumentError
from ..runs.family import ENERGIES, Family, call_any_family, load_family, units_of
from ..runs.files import refuse_same_files, refuse_unwritable, write_atomically
from ..scattering import SOLVERS
from .values import UNITS, Kelvin, number, parse_range, parse_value, split_assignment, unit_of

#: Names that options of the command line and arguments of `sweep` have taken.
RESERVED = {
    *("energy", "bias", "temperature", "k", "solver", "resume", "progress", "family", "error", "mu_left", "mu_right"),
    *("workers", "executor"),
}
#: An option that may be given several times.
REPEATABLE: dict[str, Any] = {"action": "append", "default": []}
#: Options that are files to be written.
OUTPUTS = ("output", "figure", "data")


# ---------------------------------------------------------------------- declared
#: Options that several verbs share. What differs by verb stands in braces.
SHARED: dict[str, dict[str, Any]] = {
    "file": {"metavar": "FILE.py", "help": "defines a function of parameters that returns {file}"},
    "--family": {"metavar": "NAME", "help": "which function of the file (default: named like the file)"},
    "--set": {
        "metavar": "NAME=VALUE",
        "help": "parameter of the family; angles in radians, or in degrees as 60deg; repeatable",
        **REPEATABLE,
    },
    "--k": {"metavar": "KX,KZ", "help": "in-plane wave vector in 1/a{k} (default: Γ)"},
    "--energy": {"type": number, "help": "energy in the family's unit (default: 0)"},
    "--solver": {"choices": SOLVERS, "help": "default: {solver}"},
    "--vary": {
        "metavar": "NAME=START:STOP:COUNT",
        "help": "axis of the grid, both ends included; `energy` or a parameter of the family; repeatable",
        **REPEATABLE,
    },
    "--workers": {"type": int, "default": 1, "metavar": "N", "help": "processes (default: 1)"},
    "--dask": {"metavar": "ADDRESS", "help": "scheduler of a Dask cluster, or `local`"},
}
#: What --k may be besides.
AVERAGE = ", or `average` over the Brillouin zone"
MOMENTA = ", or of a Kwant system its momenta in the order of their names"


def add_shared(parser: argparse.ArgumentParser, names: str, file: str = "a Junction", **words: str) -> None:
    """Add FILE.py, --family, --set and these options, with the words that differ by verb."""
    for name in ("file", "--family", "--set", *(f"--{name}" for name in names.split())):
        settings = SHARED[name]
        parser.add_argument(name, **{**settings, "help": settings["help"].format(file=file, **words)})


# ---------------------------------------------------------------------- read
class Read(argparse.Action):
    """An option of text that ``read(text, option)`` makes something of, or refuses in its own words."""

    def __init__(self, *words: Any, read: Callable[[str, str], Any], **settings: Any) -> None:
        super().__init__(*words, **settings)
        self.read = read

    def __call__(self, parser: Any, namespace: argparse.Namespace, text: Any, option: str | None = None) -> None:
        """Keep what was read."""
        setattr(namespace, self.dest, self.read(text, str(option)))


def family_of(options: argparse.Namespace) -> Family:
    """Return the family of FILE.py, which no output may overwrite."""
    family = load_family(options.file, options.family)
    refuse_overwriting(options)
    return family


def refuse_overwriting(options: argparse.Namespace) -> None:
    """Refuse an output that is FILE, a module in use or another output."""
    refuse_same_files({"FILE": options.file}, {f"--{name}": getattr(options, name, None) for name in OUTPUTS})


def system_of(options: argparse.Namespace) -> tuple[Any, str]:
    """Return the `Junction` or `Device` of the family, and a title: the family and what was --set."""
    family = family_of(options)
    fixed = fixed_parameters(options.set, family)
    words = (f"{name}={value:g}" if isinstance(value, float) else f"{name}={value}" for name, value in fixed.items())
    return call_any_family(family, fixed), f"{getattr(family, '__name__', 'family')}({', '.join(words)})"


def fixed_parameters(assignments: Sequence[str], family: Family) -> dict[str, Any]:
    """Return --set name=value as keyword arguments, in the family's units."""
    values: dict[str, Any] = {}
    units = units_of(family)
    for text in assignments:
        name, value = split_assignment("--set", text)
        check_free(name, values)
        values[name] = _in_units(name, value, parse_value(value), units)
        if is_angle(name):
            warn_of_degrees(name, values[name])
    return values


def bias_of(text: str | None, family: Family) -> Any:
    """Return the voltages of --bias, as energies in the family's unit."""
    return None if text is None else _in_units("bias", text, parse_range(text, "--bias", UNITS), units_of(family))


#: Units that a parameter may have by what may be typed behind its numbers, as multiples of what typing makes of them:
#: eV for K, radians for deg. A family that declares none has eV, and angles have radians.
ACCEPTED = {
    "K": {"": 1.0, "eV": 1.0, "meV": 1e3, "K": 1 / UNITS["K"]},
    "deg": {"": 1.0, "rad": 1.0, "deg": 180 / math.pi},
}


def _in_units(name: str, text: str, value: Any, units: dict[str, str]) -> Any:
    """Return what was typed with a unit in the unit of the parameter; refuse a unit of something else."""
    typed = unit_of(text)
    if not typed:
        return value
    unit = units.get(name, "")
    energy = bool(ENERGIES & set(name.split("_")))
    other = energy if typed == "deg" else is_angle(name) or bool(not unit and units.get(""))
    if other or unit not in ACCEPTED[typed]:
        own = f"in {unit}" if unit else "an energy" if energy else "an angle" if is_angle(name) else "no energy"
        raise ArgumentError(
            f"Argument `{name}` must not be typed in {typed}, but is {text!r}: it is {own} in this family. Type the "
            'number alone, or declare its unit, as `x: Annotated[float, "eV"]`.'
        )
    factor = ACCEPTED[typed][unit]
    return value if factor == 1 else value * factor


def check_free(name: str, taken: Container[str], reserved: Container[str] = RESERVED) -> None:
    """Refuse a parameter that is given twice, or called like an option."""
    if name in taken:
        raise ArgumentError(f"Argument `{name}` must be given once, but is set or varied twice.")
    if name in reserved:
        raise ArgumentError(
            f"Argument `{name}` must not be a parameter of the family. Use --{name} where a verb has it."
        )


def executor_of(options: argparse.Namespace, stack: ExitStack) -> dict[str, Any]:
    """Return ``workers`` and ``executor`` of the options; a Dask client lives as long as the stack."""
    from ..runs.executors import dask_executor

    if options.dask is None:
        return {"workers": options.workers}
    return {"executor": stack.enter_context(dask_executor(options.dask, options.workers))}


def axes_of(options: argparse.Namespace, family: Family) -> tuple[dict[str, Any], Any]:
    """Return the parameters of the family, fixed by --set or swept by --vary, and the energy, in its units."""
    axes: dict[str, Any] = fixed_parameters(options.set, family)
    units = units_of(family)
    energy = {} if options.energy is None else {"energy": options.energy}
    for text in options.vary:
        name, values = split_assignment("--vary", text)
        found = energy if name == "energy" else axes
        check_free(name, found, RESERVED - {"energy"})
        found[name] = _in_units(name, values, parse_range(values, units=UNITS), units)
        if is_angle(name):
            warn_of_degrees(name, found[name])
    return axes, energy.get("energy", 0.0)


def swept_of(**axes: Any) -> dict[str, int]:
    """Return the lengths of those axes that are arrays."""
    return {name: np.size(axis) for name, axis in axes.items() if np.ndim(axis)}


def solved(solve: Callable[[], Any]) -> tuple[Any, str]:
    """Return the table of a grid, and why the rest was refused if it was; after Ctrl-C what there is."""
    from ..runs.sweep import SweepError, SweepInterrupted

    try:
        return solve(), ""
    except SweepInterrupted as interruption:
        return interruption.dataset, ""
    except SweepError as failure:
        return failure.dataset, str(failure)


def ended(table: Any, refusal: str, again: str) -> int:
    """Say why a grid is not complete and return the exit code."""
    if refusal:
        print(f"refused: {refusal}", file=sys.stderr)
        return 1
    if not table.attrs["complete"]:
        print(f"interrupted: repeat the command {again}", file=sys.stderr)
        return 130
    return 0


def check_figure(output: str, option: str = "--output") -> None:
    """Refuse a figure whose ending Matplotlib does not know, or that cannot be written: before it is computed."""
    from matplotlib.backend_bases import FigureCanvasBase

    known = FigureCanvasBase.get_supported_filetypes()
    if Path(output).suffix.lstrip(".") not in known:
        raise ArgumentError(f"Argument `{option}` must end in one of {', '.join(sorted(known))}, but is {output!r}.")
    refuse_unwritable(output, option.lstrip("-"))


def save_figure(figure: Any, output: str, quiet: bool = False) -> None:
    """Write a figure and say so."""
    check_figure(output)
    with write_atomically(output) as path:
        figure.savefig(path, dpi=200, bbox_inches="tight")
    if not quiet:
        print(f"figure: {output}")


def refuse_kelvin(value: Any, unit: str) -> None:
    """Refuse a temperature in kelvin, which is k_B T in eV, for a family that declares another unit."""
    if isinstance(value, Kelvin) and unit not in ("", "eV"):
        raise ArgumentError(
            f"Argument `--temperature` must be k_B T in units of {unit}, those of the family, but is in kelvin, "
            f"{float(value):.4g} eV."
        )


def refuse_for_device(**options: Any) -> None:
    """Refuse options of junctions, which would be ignored."""
    for name, value in options.items():
        if value is not None:
            hint = "It belongs to a Junction; a Device is a Kwant system, with its cross-section and phases built in."
            raise refusal(f"--{name}", "be left out for a Device", f"is {value!r}", hint)
