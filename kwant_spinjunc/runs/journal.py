"""`Journal`: what a table has got since its last version on disk, so that a killed process loses work in flight only.

A table is written whole, which takes longer the larger it is; the journal beside it takes each result as it comes. A
record is there whole or not at all: it carries a checksum, and whatever follows the first that fails is cut off and
solved again. The journal is named after its table and locked while it is in use, so that no two processes fill one
table. It is gone when the table holds everything.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ArgumentError
from .files import FileError, destination, held, unwritable

#: How a journal begins: what it is, then what it is of.
MAGIC, IDENTITY = b"spinjunc-journal-1\n", 16
#: A record: its length and checksum, then where its numbers go and the numbers.
LENGTH, CHECKSUM = 8, 16


def journal_path(path: str | Path) -> Path:
    """Return the path of the journal of a table."""
    target = destination(path)
    return target.with_name(f"{target.name}-journal")


def _checksum(payload: bytes) -> bytes:
    return hashlib.blake2b(payload, digest_size=CHECKSUM).digest()


class Journal:
    """Results entered into the arrays of a table, kept on disk until the table is.

    ``path``: the table.
    ``name``: of the argument, for errors.
    ``identity``: digest of what the table is of, 16 bytes.
    ``arrays``: the arrays of the table by name; those of an earlier journal are entered into them.
    ``fresh``: whether an earlier journal is dropped instead.
    """

    def __init__(
        self, path: str | Path, name: str, identity: bytes, arrays: Mapping[str, NDArray[Any]], fresh: bool = False
    ) -> None:
        self.path, self._arrays = journal_path(path), arrays
        self._file = _opened(self.path, name)
        start = MAGIC + identity
        try:
            found = b"" if fresh else self._file.read(len(start))
            if found and found != start and len(found) == len(start):
                raise ArgumentError(
                    f"Argument `{name}` must be the same sweep, but {str(self.path)!r} holds results of another one "
                    "that was interrupted. Finish that one, remove the file, or give another name."
                )
            self._start = self._end = len(start)
            if found == start:
                self._replay()
            else:  # new, or killed before its first record
                self._write(0, start)
            self._file.truncate(self._end)
        except BaseException:
            self._file.close()
            raise

    def _replay(self) -> None:
        """Enter all records up to the first that is not whole."""
        largest = sum(array.nbytes for array in self._arrays.values()) + 2**16
        while True:
            head = self._file.read(LENGTH + CHECKSUM)
            length = int.from_bytes(head[:LENGTH], "little")
            if len(head) < LENGTH + CHECKSUM or length > largest:
                return
            payload = self._file.read(length)
            if len(payload) < length or _checksum(payload) != head[LENGTH:] or not self._enter(payload):
                return
            self._end += len(head) + length

    def _enter(self, payload: bytes) -> bool:
        text, _, numbers = payload.partition(b"\n")
        try:
            where = tuple(slice(*at) if isinstance(at, list) else int(at) for at in json.loads(text))
            parts = [array[where] for array in self._arrays.values()]
            sizes = np.cumsum([part.size for part in parts])
            values = np.split(np.frombuffer(numbers), sizes)
            if values.pop().size or values[-1].size != parts[-1].size:
                return False
        except (ValueError, TypeError, IndexError):
            return False
        for array, part, value in zip(self._arrays.values(), parts, values, strict=True):
            array[where] = value.reshape(np.shape(part))
        return True

    def _write(self, at: int, content: bytes) -> None:
        try:
            self._file.seek(at)
            rest = memoryview(content)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise FileError(f"The file {str(self.path)!r} cannot be written ({error.strerror}).") from error

    def note(self, where: tuple[Any, ...]) -> None:
        """Keep what has been entered there."""
        place = [[at.start, at.stop] if isinstance(at, slice) else int(at) for at in where]
        numbers = b"".join(np.ascontiguousarray(array[where]).tobytes() for array in self._arrays.values())
        payload = json.dumps(place).encode() + b"\n" + numbers
        record = len(payload).to_bytes(LENGTH, "little") + _checksum(payload) + payload
        self._write(self._end, record)
        self._end += len(record)

    def clear(self) -> None:
        """Forget what the table holds by now."""
        self._end = self._start
        self._file.truncate(self._end)

    def close(self) -> None:
        """Let others fill the table; a journal that holds nothing is removed."""
        if self._file.closed:
            return
        if self._end == self._start:
            self.path.unlink(missing_ok=True)  # before it is let go: who waits for it sees that it is gone
        self._file.close()


def _opened(path: Path, name: str) -> IO[bytes]:
    """Return the journal, made if need be, and locked where the file system has locks."""
    while True:
        try:
            file = open(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666), "r+b", 0)  # noqa: SIM115
        except OSError as error:
            raise unwritable(name, path, error) from None
        try:
            if held(file, path):
                return file
        except BlockingIOError:
            file.close()
            raise ArgumentError(
                f"Argument `{name}` must not be in use, but another process is filling it. Wait for it, or give "
                "another name."
            ) from None
        file.close()  # the one who had it has just removed it
