"""Writing files: whole or not at all, never over what is not a file of one's own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import ArgumentError

__all__ = ["write_atomically"]


@contextmanager
def write_atomically(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` and move it there if the block succeeds; else leave nothing.

    Raises
    ------
    ArgumentError
        The folder does not exist or cannot be written.
    """
    target = Path(path)
    if target.is_dir():
        raise ArgumentError(f"Argument `output` must be a file, but {str(target)!r} is a folder.")
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=target.suffix)
    except OSError as error:
        raise ArgumentError(
            f"Argument `output` must be a writable path, but {str(target)!r} is not ({error.strerror})."
        ) from None
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
