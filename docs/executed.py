"""Code blocks of a Markdown page, executed: the site shows what they print and draw, the tests that they run.

All Python blocks of a page run in order, in one namespace, in an empty folder with ``systems/`` beside it, with
warnings as errors. The first line of a block may say more than its language::

    ```python raises            an exception is expected; its name and message are shown
    ```python file=family.py    the block is also a file, which later blocks import or `spinjunc` reads
    ```python alt="..."         the last line is a Matplotlib figure, which is shown; this describes it
    ```python slow              run for the site and by ``make test-deep``; no later block needs it
    ```sh                       (or sh slow) lines that begin with `spinjunc` are run

What a block prints stands under it on the site only.
"""

from __future__ import annotations

import ast
import io
import os
import re
import shlex
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(?P<info>(?:python|sh)\b[^\n]*)\n(?P<code>.*?)^```$\n?", flags=re.DOTALL | re.MULTILINE)


@dataclass
class Block:
    """One executable block, and after `run` what it printed and drew."""

    language: str
    code: str
    line: int
    end: int
    raises: bool = False
    slow: bool = False
    file: str = ""
    alt: str = ""
    printed: str = ""
    figure: Any = field(default=None, repr=False)


class BlockError(Exception):
    """A block of a page did not do what the page says."""


def blocks(text: str, language: str | None = None) -> list[Block]:
    """Return the Python and shell blocks of a page, in order."""
    found = []
    for match in BLOCK.finditer(text):
        name, *words = shlex.split(match["info"])
        settings = dict(word.partition("=")[::2] for word in words)
        unknown = set(settings) - {"raises", "slow", "file", "alt"}
        if unknown:
            raise BlockError(f"unknown setting of a block: {match['info']}")
        found.append(
            Block(
                language=name,
                code=match["code"],
                line=text.count("\n", 0, match.start()) + 2,
                end=match.end(),
                raises="raises" in settings,
                slow="slow" in settings,
                file=settings.get("file", ""),
                alt=settings.get("alt", ""),
            )
        )
    return [block for block in found if language in (None, block.language)]


def commands(block: Block) -> list[str]:
    """Return the lines of a shell block, continued lines joined, without comments."""
    lines = block.code.replace("\\\n", " ").splitlines()
    return [line for line in lines if line.strip() and not line.startswith("#")]


def run_command(command: str) -> int:
    """Run a line that begins with ``spinjunc``, in this process."""
    from kwant_spinjunc.cli.main import main

    return main(shlex.split(command, comments=True)[1:])


@contextmanager
def _strict(folder: Path) -> Iterator[None]:
    """Work in a folder with the families beside it, with warnings as errors."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    if not (folder / "systems").exists():
        (folder / "systems").symlink_to(TOP / "systems")
    with chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("error")
        # as in the tests: Kwant without its optional parts
        warnings.filterwarnings("ignore", "plotly is not available", RuntimeWarning)
        warnings.filterwarnings("ignore", "MUMPS is not available", RuntimeWarning)
        yield


def run(text: str, name: str = "page", slow: bool = True) -> list[Block]:
    """Run every block of a page, without ``slow`` all but those that say they are, and return them.

    Raises
    ------
    BlockError
        A block raised, or did not although it should, or shows a figure that it does not describe.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    found = blocks(text)
    with tempfile.TemporaryDirectory() as folder, _strict(Path(folder)):
        for block in found:
            if block.slow and not slow:
                continue
            stream = io.StringIO()
            with redirect_stdout(stream):
                if block.language == "python":
                    _run_python(block, namespace, f"{name}:{block.line}")
                else:
                    _run_shell(block, f"{name}:{block.line}")
            block.printed += stream.getvalue()
    return found


def _run_shell(block: Block, where: str) -> None:
    errors = io.StringIO()
    for command in commands(block):
        if command.startswith("spinjunc"):
            with redirect_stderr(errors):
                code = run_command(command)
            if code != 0:
                raise BlockError(f"{where}: {command!r} ended with {code}: {errors.getvalue()}")


def _run_python(block: Block, namespace: dict[str, Any], where: str) -> None:
    from matplotlib.figure import Figure

    if block.file:
        Path(block.file).write_text(block.code, encoding="utf-8")
    tree = ast.parse(block.code, where)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    value = None
    try:
        exec(compile(tree, where, "exec"), namespace)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), where, "eval"), namespace)
    except Exception as error:
        if not block.raises:
            raise BlockError(f"{where}: {type(error).__name__}: {error}") from error
        block.printed = f"{type(error).__name__}: {error}\n"
    else:
        if block.raises:
            raise BlockError(f"{where}: nothing was raised")
    if isinstance(value, Figure):
        if not block.alt:
            raise BlockError(f"{where}: a figure needs a description, alt=...")
        block.figure = value
    elif block.alt:
        raise BlockError(f"{where}: the last line is no figure")


def with_output(text: str, name: str, figures: Path) -> str:
    """Return the page with what its blocks print and draw under them; figures are written into a folder."""
    parts, start = [], 0
    for number, block in enumerate(run(text, name)):
        parts.append(text[start : block.end])
        start = block.end
        if block.printed.strip():
            parts.append(f"\n```{{code-block}} text\n:class: output\n\n{_wrapped(block.printed.rstrip())}\n```\n")
        if block.figure is not None:
            figures.mkdir(parents=True, exist_ok=True)
            file = figures / f"{name.replace('/', '-')}-{number}.svg"
            block.figure.savefig(file, bbox_inches="tight")
            parts.append(f"\n```{{image}} /{file.relative_to(TOP / 'docs')}\n:alt: {block.alt}\n```\n")
    # the settings of a block are for this module; a renderer gets the language alone
    return re.sub(r"^```(python|sh) [^\n]*$", r"```\1", "".join([*parts, text[start:]]), flags=re.MULTILINE)


def _wrapped(text: str, width: int = 96) -> str:
    """Return an error message, one long line, broken at words; tables stay as they are."""
    import textwrap

    lines = (
        textwrap.wrap(line, width, subsequent_indent="  ") if re.match(r"\w+(Error|Warning): ", line) else [line]
        for line in text.splitlines()
    )
    return "\n".join(part for wrapped in lines for part in wrapped or [""])
