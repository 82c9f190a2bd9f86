"""The ``spinjunc`` command: one file a verb, of which only the one asked for is loaded.

A verb's module has ``EXAMPLE``, ``add_options(parser)`` and ``run(options) -> exit code``. Angles may be typed in
degrees with the unit, ``theta=60deg``; plain numbers are radians.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import takewhile
from typing import Any

from .._version import __version__
from ..errors import ArgumentError, DegreesWarning, SpinjuncError, SpinjuncWarning
from .console import encodable, ended_by_signals, flushed, missing_module, one_line, silence_output

#: Verb -> what it does. Its module has its name.
VERBS = {
    "judge": "Say which laws may be used for a junction, how far each is off, and what would have to change.",
    "explore": "Open a page with a slider for every parameter, which shows live what they do.",
    "run": "Solve one junction or device: probabilities, currents, torques and their audit; figure with -o.",
    "sweep": "Solve a family on a grid of parameters and write a NetCDF file. Ctrl-C keeps what is done.",
    "plot": "Draw what a sweep has written: one quantity or several, lines or a map.",
    "map": "Map the error of the phenomenology against exact scattering, with contours at 1 and 10 percent. The first "
    "two axes are drawn, the worst over further ones.",
    "ensemble": "Average a junction over disorder and twisted boundaries. Goes on where the store ends; Ctrl-C keeps "
    "it.",
    "show": "Draw the levels of all planes, or the sites of a device, the magnetizations, and the bands of the leads.",
    "equation": "Say where an equation of the paper stands: printed, corrected, exact, and the verdicts of its claims.",
    "export": "Write the torque (or, for boris, the conductances) of a junction as a block for a micromagnetic code.",
}


#: Angles that were taken for degrees in this run.
told_of_degrees: list[str] = []


class _Parser(argparse.ArgumentParser):
    """One-line errors, exit code 2, and no guessing of what an abbreviated or misspelt option means."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)

    def look_at(self, words: Sequence[str]) -> None:
        """Refuse words that are no options, before others are missed."""
        own = takewhile(lambda word: word != "--", words)
        given = [word.partition("=")[0] for word in own if word.startswith("--")]
        _refuse(given, self._option_string_actions, self.prog, "an option")

    def error(self, message: str) -> Any:
        raise ArgumentError(f"{message}. See {self.prog} --help.")


def _refuse(given: Iterable[str], names: Iterable[str], called: str, kind: str) -> None:
    known = list(names)
    unknown = [word for word in given if word not in known]
    if unknown:
        from ..checks import refuse_unknown  # NumPy, which help need not wait for

        refuse_unknown(unknown, known, called, kind)


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser, with the options of the verb only that stands in the words."""
    chosen = next((word for word in words if not word.startswith("-")), None)
    parser = _Parser(
        prog="spinjunc",
        description="Spin currents and torques across noncollinear magnetic junctions, with Kwant.",
        epilog="example: spinjunc run systems/tunnel_junction.py --set theta=60deg --set height=3. Magnets and "
        "barriers in eV for a file of your own (Fe, Co, Fe|MgO): kwant_spinjunc.materials.",
    )
    parser.add_argument("--version", action="version", version=f"spinjunc {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    if chosen is not None:
        _refuse([chosen], VERBS, "spinjunc", "a verb")
    for verb, text in VERBS.items():
        sub = verbs.add_parser(verb, help=text, description=text)
        if verb == chosen:
            module = import_module(f"{__package__}.{verb}")
            sub.epilog = f"example: {module.EXAMPLE}"
            sub.set_defaults(function=module.run)
            module.add_options(sub)
            sub.look_at(words[words.index(verb) + 1 :])
    return parser


def _joined(arguments: Sequence[str]) -> list[str]:
    """Return the words with ``--bias -0.6:0.6:13`` as one, which argparse would take for two options."""
    words: list[str] = []
    for word in arguments:
        if words and re.match(r"-[0-9.]", word) and re.fullmatch(r"--[a-z-]+", words[-1]):
            words[-1] += f"={word}"
        else:
            words.append(word)
    return words


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code.

    0; 2 for bad input and files that cannot be read or written; 1 for a refused result; 130 after Ctrl-C or a signal
    that asks to end; 141 if nobody reads the output any more.
    """
    words = _joined(sys.argv[1:] if arguments is None else arguments)
    os.environ["MPLBACKEND"] = "agg"  # figures are files; another may be none of Matplotlib's, which then fails
    with encodable(), ended_by_signals():
        try:
            code = _run(words)
            flushed()
        except BrokenPipeError:
            silence_output()
            return 141
        except OSError as error:
            silence_output()
            return _failed(f"error: the output cannot be written ({error.strerror or error})", 2)
    return code


def _run(words: Sequence[str]) -> int:
    try:
        options = _parser(words).parse_args(words)
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            told_of_degrees.clear()
            code: int = options.function(options)
    except BrokenPipeError:
        raise
    except OSError as error:  # also those of SpinjuncError that are both
        return _failed(f"error: {_told(error)}", 2)
    except ArgumentError as error:
        return _failed(f"error: {error}", 2)
    except MemoryError as error:
        return _failed(f"error: not enough memory: {error or 'make the grid or the cross-section smaller'}", 2)
    except ModuleNotFoundError as error:
        return _failed(f"error: {missing_module(error)}", 2)
    except SpinjuncError as error:
        return _failed(f"refused: {error}", 1)
    except KeyboardInterrupt:
        return _failed("interrupted", 130)
    except Exception as error:
        if not type(error).__module__.startswith("kwant."):
            raise
        return _failed(f"error: Kwant refused the system: {error} ({error.__cause__ or type(error).__name__})", 2)
    return code


def _told(error: OSError) -> str:
    if isinstance(error, SpinjuncError):
        return str(error)
    what = f" {error.filename!r}" if error.filename else ""
    return f"the file{what} cannot be used ({error.strerror or error})"


def _warn(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """Print a warning of this package as a sentence, and others with their kind."""
    if issubclass(category, DegreesWarning):  # the shell and the library find the same angle
        if told_of_degrees:
            return
        told_of_degrees.append(str(message))
    own = issubclass(category, SpinjuncWarning)
    print(one_line(f"warning: {message}" if own else f"warning: {category.__name__}: {message}"), file=sys.stderr)


def _failed(message: str, code: int) -> int:
    with suppress(OSError, ValueError):
        print(one_line(message), file=sys.stderr)
    return code
