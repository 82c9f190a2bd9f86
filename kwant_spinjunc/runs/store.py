r"""`Store`: results by realization in one SQLite file that survives being killed at any moment.

A row holds consecutive realizations and is written by one transaction, so it is there whole or not at all. Every row
carries a checksum that is verified whenever it is read; a row that fails it is as good as absent. It is SQLite's
rollback journal with ``synchronous=FULL``: a commit has reached the disk when it returns, the store is one file while
nobody writes, and no memory shared between processes is needed (as a write-ahead log does), so it works on network file
systems too. The fsyncs of a commit cost milliseconds against a chunk's second.

What the store is of, its identity, is a JSON object. Opening it for something else is refused, the difference named.
"""

from __future__ import annotations

import json
import os
import re
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import numpy as np

from ..arrays import Floats
from ..checks import refusal
from ..errors import ArgumentError, SpinjuncError
from .files import checksum, destination, new_file, owned, remove_leftovers, unwritable

#: Written into the header of the file, so that it is known for a store whatever its name: "SpJn".
APPLICATION = 0x53704A6E
FORMAT = 1

#: How temporary stores are called.
TEMPORARY = "spinjunc-"
#: How it ends; a journal is called after it.
ENDING = ".sqlite"

#: Seconds that a reader waits for a commit and a writer for a reader.
PATIENCE = 30.0

#: Table -> the statement that makes it. A file with anything else, such as a view or a trigger, is no store.
SCHEMA = {
    "facts": "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL, checksum BLOB NOT NULL) WITHOUT ROWID",
    "chunks": "CREATE TABLE chunks (start INTEGER PRIMARY KEY, count INTEGER NOT NULL, failures TEXT NOT NULL, "
    "samples BLOB NOT NULL, checksum BLOB NOT NULL)",
}
#: No value of a store is larger, in bytes; nothing that says so is read.
LARGEST_VALUE = 2**28
#: No realization has a larger number.
LARGEST_NUMBER = 2**53
#: Chunks that are missing between the rows of a store at most.
FURTHEST = 100_000
#: SQLite's instructions between two looks at the clock.
STEPS = 100_000


class StoreError(SpinjuncError, RuntimeError):
    """A store cannot be read or written."""


class StoreFullError(StoreError):
    """The disk is full; what was committed before is kept."""


def canonical(value: Any) -> str:
    """Return the one JSON text of a plain value: sorted keys, no spaces, floats that read back as the same bits.

    Examples
    --------
    >>> canonical({"b": 0.1, "a": (1, 2)})
    '{"a":[1,2],"b":0.1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def is_store(path: str | Path) -> bool:
    """Return whether a file says in its header that it is a store."""
    try:
        with open(path, "rb") as file:
            header = file.read(72)
    except OSError:
        return False
    return header.startswith(b"SQLite format 3\0") and header[68:72] == APPLICATION.to_bytes(4, "big")


class Store:
    """Samples of an ensemble by realization, or results of a sweep by the number of their point, on disk.

    ``path``: the file; made if it does not exist. None: a temporary file, removed by `close`.
    ``identity``: what the store is of, a JSON object; compared with that of an existing store. None opens an existing
    store for reading, whatever it is of. Raises `StoreError` where the file is no store or damaged as a whole.
    ``name``: of the argument, for errors.
    ``durable``: whether a commit has reached the disk when it returns: it survives the machine, not the process only.
    A file that need not be is locked while it is open, instead of at every commit: nobody reads it meanwhile.
    ``fresh``: whether an earlier file is replaced, whatever it is.

    Examples
    --------
    >>> with Store(None, {"seed": 1}) as store:
    ...     store.write(0, np.array([[1.0], [2.0]]), {})
    ...     store.rows(0, 10), store.read(0)[0].tolist()
    ([(0, 2)], [[1.0], [2.0]])
    """

    # of a copy, too
    temporary, name, _durable, _fresh, _deadline = False, "store", False, False, float("inf")
    _lock: tuple[Path, int] | None = None
    _held: int | None = None
    _db: sqlite3.Connection | None = None
    _reopens = False

    def __init__(
        self,
        path: str | Path | None,
        identity: Mapping[str, Any] | None,
        name: str = "store",
        durable: bool = True,
        fresh: bool = False,
    ) -> None:
        self.temporary, self.name = path is None, name
        self._durable, self._fresh = durable and path is not None, fresh  # a temporary store need not
        if path is None:
            # only the store itself is locked: its journal tells nothing of whether it is in use, and goes with it
            remove_leftovers(tempfile.gettempdir(), TEMPORARY, ENDING, ("-lock", "-journal"))
            path, self._held = new_file(tempfile.gettempdir(), TEMPORARY, ENDING)
        self.path = destination(path, name) if identity is not None else Path(os.path.realpath(path))
        try:
            self._open(identity)
        except BaseException:
            self.close()
            raise

    def _open(self, identity: Mapping[str, Any] | None) -> None:
        if identity is not None:
            beside = self.path.with_name(f"{self.path.name}-lock")
            self._lock = beside, owned(beside, self.name, self.path)
            if self._fresh:  # an old journal would be rolled back into the new file
                for old in (self.path.with_name(f"{self.path.name}-journal"), self.path):
                    old.unlink(missing_ok=True)
        exists = os.path.isfile(self.path) and self.path.stat().st_size > 0
        if identity is None and not exists:
            what = "is a folder" if os.path.isdir(self.path) else "does not exist or is empty"
            raise ArgumentError(f"Argument `store` must be a file, but {str(self.path)!r} {what}.")
        if identity is not None and exists and os.stat(self.path).st_nlink > 1:  # SQLite finds the journal by the name
            raise refusal(self.name, "be a file of one name", f"{str(self.path)!r} has hard links", "Use a copy.")
        if exists and not is_store(self.path):
            # a kill between the creation of the file and its first commit leaves it empty or with a hot journal only
            raise StoreError(
                f"The file {str(self.path)!r} is no store of this package, or its header is damaged. Give another "
                "path, or remove it."
            )
        mode = "rwc" if identity is not None else "rw"
        try:
            self._db = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode={mode}",
                uri=True,
                isolation_level=None,
                timeout=PATIENCE,
                check_same_thread=False,  # garbage may be collected, and the store closed, in a thread of a pool
            )
        except sqlite3.Error as error:
            raise unwritable(self.name, self.path, error) from error
        self._db.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LARGEST_VALUE)
        self._db.set_progress_handler(lambda: int(time.monotonic() > self._deadline), STEPS)
        with self._reported():
            for setting in self._settings(writes=identity is not None):
                self._db.execute(f"PRAGMA {setting}")
            found = self._db.execute("SELECT type, name, sql FROM sqlite_master LIMIT 9").fetchall()
            if not found:
                if identity is None:
                    raise StoreError(f"The store {str(self.path)!r} is empty.")
                self._create(identity)
            else:
                self._compare_schema(found)
        stored = self.fact("identity")
        if not isinstance(stored, dict):
            raise StoreError(f"The store {str(self.path)!r} has lost what it is of: it is damaged. Remove it.")
        self.identity: dict[str, Any] = stored
        if identity is not None:
            self._compare(json.loads(canonical(identity)))

    def _settings(self, writes: bool) -> Iterator[str]:
        yield "trusted_schema = OFF"
        if writes:  # from here to DELETE, SQLite removes a journal that a killed process has left
            yield "journal_mode = PERSIST"
        yield "journal_mode = DELETE"
        yield f"synchronous = {'FULL' if self._durable else 'OFF'}"
        if writes and not (self._durable or self.temporary):  # copies of a result read temporary ones
            yield "locking_mode = EXCLUSIVE"

    def _create(self, identity: Mapping[str, Any]) -> None:
        db = self._connection
        # commits all of it, the mark of a store too, or nothing: who reads meanwhile finds a whole one or none
        with db:
            db.execute("BEGIN IMMEDIATE")
            db.execute(f"PRAGMA application_id = {APPLICATION}")
            for statement in SCHEMA.values():
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {FORMAT}")
            self.set_fact("identity", identity)

    def _compare_schema(self, found: list[tuple[Any, Any, Any]]) -> None:
        """Refuse a file of another form before anything of it is used."""
        form = self._connection.execute("PRAGMA user_version").fetchone()[0]
        if form != FORMAT:
            raise StoreError(f"The store {str(self.path)!r} must be of format {FORMAT}, but is of {form}.")
        expected = {("table", name, _squeezed(sql)) for name, sql in SCHEMA.items()}
        strange = {(kind, name, _squeezed(sql)) for kind, name, sql in found} ^ expected
        if strange:
            kind, name, _ = sorted(strange, key=str)[0]
            raise StoreError(
                f"The file {str(self.path)!r} must have the two tables of a store, but {kind} {name!r} is not one of "
                "them or differs."
            )

    def _compare(self, identity: dict[str, Any]) -> None:
        found = list(_differences(self.identity, identity))
        found.sort(key=lambda one: one[0].startswith(("chunk", "quantities")))  # those follow from others
        if found:
            name, stored, asked = found[0]
            more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
            raise ArgumentError(
                f"Argument `{self.name}` must be of the same run, but in {str(self.path)!r} {name} is {stored} and not "
                f"{asked}{more}. Use another path."
            )

    # ------------------------------------------------------------------ access
    @property
    def _connection(self) -> sqlite3.Connection:
        if self._db is None and self._reopens:
            self._reopens = False
            self._open(None)
        if self._db is None:
            raise StoreError(f"The store {str(self.path)!r} is closed.")
        return self._db

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy needs, which reads the same file when it is asked and never writes."""
        return {"path": self.path, "identity": self.identity}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.path, self.identity, self._reopens = state["path"], state["identity"], True

    def _damaged(self, why: object) -> StoreError:
        return StoreError(f"The store {str(self.path)!r} is damaged ({why}). Remove it, or bring back a copy.")

    @contextmanager
    def _reported(self) -> Iterator[None]:
        """Turn SQLite's errors into ours, and end what takes too long."""
        self._deadline = time.monotonic() + 2 * PATIENCE
        try:
            yield
        except (sqlite3.Error, sqlite3.Warning, OverflowError, UnicodeDecodeError) as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code == sqlite3.SQLITE_FULL:
                raise StoreFullError(
                    f"The disk of {str(self.path)!r} is full. What was committed is kept: make room and repeat."
                ) from error
            if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                raise self._damaged(error) from error
            raise StoreError(f"The store {str(self.path)!r} cannot be used ({error}).") from error

    def _ask(self, statement: str, *parameters: Any) -> list[Any]:
        """Return all rows that a statement gives; each is a transaction of its own."""
        with self._reported():
            return self._connection.execute(statement, parameters).fetchall()

    def fact(self, name: str) -> Any:
        """Return a value kept beside the samples, or None where there is none or it is damaged."""
        for text, kept in self._ask("SELECT value, checksum FROM facts WHERE name = ?", name):
            if isinstance(text, str) and kept == checksum([name.encode(), text.encode()]):
                with suppress(ValueError, RecursionError):
                    return json.loads(text)
        return None

    def set_fact(self, name: str, value: Any) -> None:
        """Keep a plain value beside the samples."""
        text = canonical(value)
        kept = checksum([name.encode(), text.encode()])
        self._ask("INSERT OR REPLACE INTO facts VALUES (?, ?, ?)", name, text, kept)

    def rows(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return (start, count) of the rows that begin in a range of realizations, in order.

        Only `read` verifies them; a count that is none is given as 1.
        """
        found = self._ask("SELECT start, count FROM chunks WHERE start >= ? AND start < ? ORDER BY start", start, stop)
        starts = [begin for begin, _ in found]
        known = all(isinstance(begin, int) for begin in starts)
        if not known or any(a >= b for a, b in zip([start - 1, *starts], [*starts, stop], strict=True)):
            raise self._damaged("rows out of order")
        return [(begin, count if isinstance(count, int) and count > 0 else 1) for begin, count in found]

    def write(self, start: int, samples: Floats, failures: Mapping[int, str]) -> None:
        """Commit consecutive realizations from ``start`` on: all of them or, as on a full disk, none.

        ``samples``: shape (realizations, columns); the rows of failed ones are NaN.
        ``failures``: error text by realization.
        """
        blob = np.ascontiguousarray(samples, dtype="<f8").tobytes()
        text = canonical({str(realization): error for realization, error in failures.items()})
        row = (start, len(samples), text, blob, _row_checksum(start, len(samples), text, blob))
        self._ask("INSERT OR REPLACE INTO chunks VALUES (?, ?, ?, ?, ?)", *row)

    def read(self, start: int) -> tuple[Floats, dict[int, str]] | None:
        """Return (samples, failures) of the row that begins there, or None if it is absent or damaged."""
        found = self._ask("SELECT count, failures, samples, checksum FROM chunks WHERE start = ?", start)
        for count, text, blob, kept in found:
            whole = isinstance(count, int) and isinstance(text, str) and isinstance(blob, bytes)
            if whole and count > 0 and kept == _row_checksum(start, count, text, blob):
                with suppress(ValueError, TypeError, AttributeError, RecursionError):
                    samples = np.frombuffer(blob, dtype="<f8").reshape(count, -1)
                    return samples, {int(realization): str(error) for realization, error in json.loads(text).items()}
        return None

    def drop(self, start: int) -> None:
        """Remove the row that begins there."""
        with self._reported():
            dropped = self._connection.execute("DELETE FROM chunks WHERE start = ?", (start,)).rowcount
        if not dropped:  # found by a scan, not by a search
            raise self._damaged("rows out of order")

    def clear(self) -> None:
        """Remove all rows."""
        self._ask("DELETE FROM chunks")

    def end(self) -> int:
        """Return the number behind the last realization in the store."""
        return int(self._ask("SELECT max(start + count) FROM chunks")[0][0] or 0)

    def readable_end(self, chunk: int) -> int:
        """Return the number behind the last realization that can be read, damaged rows behind it counted as chunks.

        Raises `StoreError`: Rows are further apart than a run leaves them: their numbers are wrong.
        """
        with self._reported():
            starts = self._connection.execute("SELECT start FROM chunks ORDER BY start DESC")
            damaged, last = 0, None
            for (start,) in starts:
                found = self.read(start) if isinstance(start, int) and 0 <= start < LARGEST_NUMBER else None
                if found is not None:
                    last = start + len(found[0])
                    break
                damaged += 1
        if last is None:
            return 0
        if last > chunk * (self._ask("SELECT count(*) FROM chunks")[0][0] + FURTHEST):
            raise self._damaged("rows far apart")
        return int(last + damaged * chunk)

    def close(self) -> None:
        """Close the file and let others write; remove it if it is temporary, while it is still ours."""
        if self._db is not None:
            self._db.close()
            self._db = None
            if self.temporary:
                self.path.unlink(missing_ok=True)
        self.release()
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def release(self) -> None:
        """Let others write; reading goes on."""
        if self._lock is not None:
            # removed before it is let go: who opens it meanwhile finds that the path is another file, and tries again
            path, handle = self._lock
            path.unlink(missing_ok=True)
            os.close(handle)
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()


def _squeezed(sql: Any) -> str:
    """Return a statement that means the same but for the blanks."""
    return re.sub(r"\s+", " ", str(sql)).replace("( ", "(").replace(" )", ")").strip()


def _row_checksum(start: int, count: int, text: str, blob: bytes) -> bytes:
    return checksum([f"{start},{count}".encode(), text.encode(), blob])


#: What the other side has not.
_ABSENT: Any = object()


def _differences(stored: Any, asked: Any, name: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield (name, stored, asked) of all that differs, objects and lists opened up where both sides have one."""
    if type(stored) is type(asked) and isinstance(stored, (dict, list)):
        pattern = "[{}]" if isinstance(stored, list) else ".{}" if name else "{}"
        one, other = (dict(enumerate(found)) if isinstance(found, list) else found for found in (stored, asked))
        for key in {**one, **other}:
            inner = name + pattern.format(key)
            yield from _differences(one.get(key, _ABSENT), other.get(key, _ABSENT), inner)
    elif type(stored) is not type(asked) or stored != asked:
        yield name, _short(stored), _short(asked)


def _short(value: Any) -> str:
    text = "absent" if value is _ABSENT else canonical(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
