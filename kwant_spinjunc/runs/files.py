"""Files: written whole or not at all, never over what is an input, and tables with a checksum that is verified."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import signal
import stat
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..checks import refusal
from ..errors import ArgumentError, SpinjuncError

if TYPE_CHECKING:
    import xarray as xr

#: What a file is called that is none, by the test of its mode.
SPECIAL = {
    "a folder": stat.S_ISDIR,
    "a pipe": stat.S_ISFIFO,
    "a device": stat.S_ISCHR,
    "a disk": stat.S_ISBLK,
    "a socket": stat.S_ISSOCK,
}
#: Endings longer than this are part of the name.
LONGEST_SUFFIX = 16
#: Signals that ask a process to end.
ENDINGS = ("SIGINT", "SIGTERM", "SIGHUP")
#: A table on disk is not larger than its numbers by more than this factor and these bytes of names and attributes.
LARGEST_RATIO, LARGEST_HEADER = 4, 2**20


class FileError(SpinjuncError, OSError):
    """A file cannot be written or read: the disk is full, the folder is gone, the name too long."""


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def _short(path: str | Path) -> str:
    text = os.fspath(path)
    return repr(text if len(text) <= 120 else f"{text[:60]}...{text[-50:]}")


def unwritable(name: str, path: str | Path, error: Exception) -> ArgumentError:
    """Return the refusal of a path that cannot be written."""
    return ArgumentError(f"Argument `{name}` must be a writable path, but {_short(path)} is not ({_reason(error)}).")


def destination(path: str | Path, name: str = "output") -> Path:
    """Return the file that a path leads to, links followed."""
    try:
        target = Path(os.path.realpath(path))
        mode = os.stat(target).st_mode
    except FileNotFoundError:
        return target
    except (OSError, ValueError) as error:  # too long, a loop of links, a null character
        raise unwritable(name, path, error) from None
    for what, test in SPECIAL.items():
        if test(mode):
            raise ArgumentError(f"Argument `{name}` must be a file, but {_short(path)} is {what}.")
    if not os.access(target, os.W_OK):
        raise ArgumentError(f"Argument `{name}` must be a writable path, but {_short(path)} is read-only.")
    return target


def _same(one: str | Path, other: str | Path) -> bool:
    with suppress(OSError, ValueError):
        return os.path.samefile(one, other)  # links, hard ones too
    with suppress(OSError, ValueError):
        return os.path.realpath(one) == os.path.realpath(other)  # of a file that is still to be written
    return False


def refuse_same_files(inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
    """Refuse an output that is an input, a module in use, or another output, under whatever name.

    ``inputs``, ``outputs``: Path, or None where there is none, by the name of the argument.
    """
    given = [(name, path) for name, path in outputs.items() if path]
    modules = [("a module in use", file) for m in list(sys.modules.values()) if (file := getattr(m, "__file__", None))]
    others = [(f"`{name}`", path) for name, path in inputs.items() if path]
    for number, (name, path) in enumerate(given):
        used = modules if os.path.exists(path) else []  # thousands: not asked of a name that is free
        for what, other in [*((f"`{n}`", p) for n, p in given[:number]), *others, *used]:
            if _same(path, other):
                raise ArgumentError(
                    f"Argument `{name}` must be a file of its own, but {_short(path)} is {what} too, which it would "
                    "overwrite. Give another name."
                )


def lock(handle: int) -> None:
    """Take a lock at once or raise OSError; the system lets it go with the process, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except PermissionError as error:  # held by another process
            raise BlockingIOError(*error.args) from None
    else:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def held(handle: int, path: str | Path) -> bool:
    """Lock an open file; return whether its name still leads to it, else who held it before has just removed it.

    Without this second look a file is lost to whoever takes it for a leftover between its creation and its lock.

    Raises `BlockingIOError`: Another process holds it.
    """
    try:
        lock(handle)
    except BlockingIOError:
        raise
    except OSError:  # a file system without locks: nobody removes anything
        return True
    with suppress(OSError):
        return os.path.samestat(os.stat(path), os.fstat(handle))
    return False


def _prefix(target: Path) -> str:
    """Return how temporary files of a target begin, so that a later run knows them."""
    return f".spinjunc-{hashlib.blake2b(target.name.encode(errors='surrogateescape'), digest_size=6).hexdigest()}-"


def remove_leftovers(folder: str | Path, prefix: str, suffix: str = "", beside: Sequence[str] = ()) -> None:
    """Remove temporary files whose process was killed, by how they begin and end: nobody holds their lock.

    ``beside``: endings of what goes with each.
    """
    with suppress(OSError):
        for entry in os.scandir(folder):
            named = entry.name.startswith(prefix) and entry.name.endswith(suffix)
            if not named or not entry.is_file(follow_symlinks=False):
                continue
            with suppress(OSError), open(entry.path, "r+b") as file:
                lock(file.fileno())
                for path in (entry.path, *(entry.path + end for end in beside)):
                    with suppress(OSError):
                        os.unlink(path)


def new_file(folder: str | Path, prefix: str, suffix: str, mode: int = 0o600) -> tuple[Path, int]:
    """Return a new file of a random name and the descriptor that holds its lock."""
    while True:
        path = Path(folder) / f"{prefix}{secrets.token_hex(6)}{suffix}"
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, mode)
        with suppress(BlockingIOError):  # another process takes it for a leftover
            if held(handle, path):
                return path, handle
        os.close(handle)


@contextmanager
def _temporary(target: Path, path: str | Path, name: str, mode: int = 0o600) -> Iterator[tuple[Path, int]]:
    """Yield a new file beside the target and the descriptor that holds its lock; remove it if it is still there."""
    try:
        suffix = target.suffix if len(target.suffix) <= LONGEST_SUFFIX else ""
        temporary, handle = new_file(target.parent, _prefix(target), suffix, mode)
    except OSError as error:
        raise unwritable(name, path, error) from None
    try:
        yield temporary, handle
    finally:
        os.close(handle)
        with suppress(OSError):
            os.unlink(temporary)


def owned(path: Path, name: str, target: Path) -> int:
    """Return a descriptor of a file, made if need be, ours until it is closed or this process dies, however it dies.

    ``target``: what it guards, for errors. Of a file system without locks it is everybody's.
    """
    while True:
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        except OSError as error:
            raise unwritable(name, target, error) from None
        try:
            if held(handle, path):
                return handle
        except BlockingIOError:
            os.close(handle)
            writes = f"another process is writing {_short(target)}"
            raise refusal(name, "not be in use", writes, "Wait for it, or give another name.") from None
        os.close(handle)  # the one who had it has just removed it


def refuse_unwritable(path: str | Path, name: str = "output") -> None:
    """Raise `ArgumentError` for a file that cannot be written, before there is anything to write."""
    with _temporary(destination(path, name), path, name):
        pass


@contextmanager
def write_atomically(path: str | Path, name: str = "output") -> Iterator[Path]:
    """Yield a temporary path beside the file and move it there if the block succeeds; else leave all as it was.

    Links are followed and the mode of an existing file is kept. Temporary files left by a process that was killed are
    removed.

    Raises `FileError`: Writing failed, for example for lack of space.
    """
    target = destination(path, name)
    remove_leftovers(target.parent, _prefix(target))
    mode = stat.S_IMODE(os.stat(target).st_mode) if os.path.exists(target) else None
    with _temporary(target, path, name, 0o666 if mode is None else 0o600) as (temporary, handle):
        try:
            yield temporary
            if mode is not None:
                os.chmod(temporary, mode)
            os.fsync(handle)
            os.replace(temporary, target)
        except (SpinjuncError, BrokenPipeError):
            raise
        except OSError as error:
            raise FileError(
                f"The file {_short(path)} cannot be written ({_reason(error)}); it is as before."
            ) from error


@contextmanager
def shielded() -> Iterator[None]:
    """Let the block end before a signal that asks the process to end is obeyed; effective in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[tuple[int, Any]] = []
    numbers = [getattr(signal, name) for name in ENDINGS if hasattr(signal, name)]
    former = {n: handler for n in numbers if callable(handler := signal.getsignal(n))}
    for number in former:
        signal.signal(number, lambda n, frame: came.append((n, frame)))
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    for number, frame in came[:1]:
        former[number](number, frame)


# ---------------------------------------------------------------------- tables
def _canonical(values: Any) -> Any:
    """Return the bytes of an array as any NetCDF file gives it back: integers and floats in 64 bits, words as JSON."""
    array = np.asarray(values)
    form = {"c": "<c16", "f": "<f8", **dict.fromkeys("iub", "<i8")}.get(array.dtype.kind)
    if form is None:
        return json.dumps(array.tolist(), default=str).encode()
    return np.ascontiguousarray(array, dtype=form).reshape(-1).view(np.uint8).data  # no copy if they are as asked


def checksum(parts: Iterable[Any]) -> bytes:
    """Return a checksum of bytes in parts, taken one by one."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.digest()


def table_digest(dataset: xr.Dataset) -> str:
    """Return a checksum of all names, dimensions, numbers and attributes but the checksum itself."""

    def attributes(found: Mapping[Any, Any]) -> bytes:
        plain = {str(k): np.asarray(v).tolist() for k, v in found.items() if k != "checksum"}
        plain = {k: v[0] if isinstance(v, list) and len(v) == 1 else v for k, v in plain.items()}
        return json.dumps(plain, sort_keys=True, default=str).encode()

    def parts() -> Iterator[Any]:
        yield attributes(dataset.attrs)
        for name in sorted(map(str, dataset.variables)):
            variable = dataset.variables[name]
            yield json.dumps([name, list(map(str, variable.dims)), list(variable.shape)]).encode()
            yield attributes(variable.attrs)
            yield _canonical(variable.values)

    return checksum(parts()).hex()


def with_checksum(dataset: xr.Dataset) -> xr.Dataset:
    """Return a dataset as NetCDF 3 can keep it, whole numbers beyond 32 bits as floats, with its checksum."""
    dataset = dataset.copy()
    for name, variable in dict(dataset.variables).items():
        values: Any = variable.values
        if values.dtype.kind in "iu" and values.size and not -(2**31) <= values.min() <= values.max() < 2**31:
            dataset[name] = (variable.dims, values.astype(float), variable.attrs)
    dataset.attrs["checksum"] = table_digest(dataset)
    return dataset


def write_table(dataset: xr.Dataset, path: str | Path, name: str = "output") -> None:
    """Write a dataset as NetCDF 3, with a checksum, whole or not at all."""
    from xarray.backends import ScipyDataStore

    dataset = with_checksum(dataset)
    with write_atomically(path, name) as temporary:
        store: Any = ScipyDataStore(str(temporary), mode="w")
        dataset.dump_to_store(store)
        for variable in store.ds.variables.values():
            variable.__dict__["data"] = np.asarray(variable.data).view(_Uncopied)
        store.close()


class _Uncopied(np.ndarray[Any, Any]):
    """An array whose bytes SciPy writes where they are: a copy of the largest variable is half of a sweep's memory."""

    def tobytes(self, order: Any = "C") -> Any:
        """Return the bytes themselves, of an array in C order."""
        return np.asarray(self).reshape(-1).view(np.uint8).data


def read_table(path: str | Path, name: str = "output", nbytes: int | None = None, foreign: bool = False) -> xr.Dataset:
    """Return a dataset that `write_table` has written.

    ``path``: the file.
    ``name``: of the argument, for errors.
    ``nbytes``: size of the numbers that are expected: a file that cannot be of them is refused before it is read.
    ``foreign``: whether a file without a checksum, which somebody else has written, is taken as it is.
    """
    import xarray as xr

    try:
        target = Path(os.path.realpath(path))
        if not target.is_file():  # reading from a pipe would wait
            raise OSError("it does not exist" if not target.exists() else "it is no file")
        size = os.stat(target).st_size
        if nbytes is not None and size > LARGEST_RATIO * nbytes + LARGEST_HEADER:
            raise ArgumentError(
                f"Argument `{name}` must be an earlier result of the same run, but {_short(path)} is too large "
                f"({size} bytes for {nbytes} of numbers)."
            )
        dataset: xr.Dataset = xr.load_dataset(target, engine="scipy")
    except SpinjuncError:
        raise
    except Exception as error:
        raise refusal(name, "be a readable NetCDF file", f"{_short(path)} is none ({_reason(error)})") from error
    if not foreign or "checksum" in dataset.attrs:
        verify_table(dataset, name, _short(path))
    return dataset


def verify_table(dataset: xr.Dataset, name: str, which: str = "it") -> None:
    """Refuse a dataset read from a file whose numbers are not those of its checksum."""
    stored = dataset.attrs.get("checksum")
    if stored is None:
        raise ArgumentError(f"Argument `{name}` must carry a checksum, but {which} has none. Compute it anew.")
    try:
        found = table_digest(dataset)
    except (TypeError, ValueError, OverflowError) as error:
        found = f"none ({error})"
    if stored != found:
        raise refusal(name, "be as it was written", f"{which} is damaged: its checksum differs", "Compute it anew.")
