"""What surrounds a command: signals, consoles of any encoding, pipes that close, files that cannot be written."""

from __future__ import annotations

import codecs
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

#: What a console that lacks a character shows instead.
PLAIN = {
    "µ": "u", "μ": "u", "ħ": "hbar", "²": "2", "³": "3", "±": "+-", "−": "-", "–": "-", "·": ".", "×": "x", "°": " deg",
    "Φ": "Phi", "Γ": "Gamma", "κ": "kappa", "λ": "lambda", "θ": "theta", "φ": "phi", "σ": "sigma", "τ": "tau", "Δ": "D",
    "Σ": "sum", "π": "pi", "∥": "||", "⊥": "_|_", "₁₀": "10", "†": "+", "≤": "<=", "≥": ">=", "→": "->", "√": "sqrt",
    "∫": "int", "⟨": "<", "⟩": ">", "…": "...", "’": "'", "∞": "inf",
}  # fmt: skip


def _plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(c, "?") for c in error.object[error.start : error.end]), error.end


@contextmanager
def encodable() -> Iterator[None]:
    """Let any text be printed on consoles of any encoding."""
    codecs.register_error("spinjunc", _plain)
    former: list[tuple[Any, str]] = []
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            former.append((stream, stream.errors or "strict"))
            stream.reconfigure(errors="spinjunc")  # type: ignore[union-attr]
    try:
        yield
    finally:
        for stream, errors in former:
            with suppress(Exception):
                stream.reconfigure(errors=errors)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let a request to end, and a terminal that closes, do what Ctrl-C does, unless they are ignored."""
    former: dict[int, Any] = {}

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                former[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def flushed() -> None:
    """Flush what was printed, here where an error can still be told."""
    if sys.stdout is not None:
        sys.stdout.flush()


def silence_output() -> None:
    """Send what is still to be printed nowhere: its reader is gone, or its disk full."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
            continue
        with suppress(Exception):
            sink = os.open(os.devnull, os.O_WRONLY)
            os.dup2(sink, stream.fileno())
            os.close(sink)


def one_line(text: object) -> str:
    """Return a message on one line."""
    return " ".join(str(text).split())


def missing_module(error: ModuleNotFoundError) -> str:
    """Return how to get a package that is not installed."""
    name = (error.name or "a package").partition(".")[0]
    return (
        f"{name} is not installed. Use the project's environment (`make`, then .uv/bin/uv run spinjunc), or install it "
        f"with `conda install -c conda-forge {name}`."
    )


def without(error: ModuleNotFoundError) -> Callable[..., int]:
    """Return a command that can only say what is missing."""
    message = missing_module(error)

    def main(arguments: Sequence[str] | None = None) -> int:
        print(f"error: {message}", file=sys.stderr)
        return 2

    return main
