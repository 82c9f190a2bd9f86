"""Families: functions of parameters that return a `Junction` or a `Device`, from a file or from Python."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np

from ..checks import refusal, refuse_unknown, unit_word
from ..devices.device import Device
from ..errors import ArgumentError, SpinjuncError
from ..model.junction import Junction
from ..optional import PACKAGES, is_kwant, need

#: Words in the names of parameters that are energies, unless annotated with another unit.
ENERGIES = {"energy", "bias", "onsite", "hopping", "splitting", "height", "impurity"}
#: How modules of family files are called.
LOADED = "_spinjunc_family_"
#: A function of parameters that returns a `Junction` or a `Device`.
Family = Callable[..., Any]


def load_family(path: str | Path, name: str | None = None) -> Family:
    """Return the family function of a Python file.

    ``path``: a file that defines a function of parameters returning a `Junction` or a `Device`.
    ``name``: which function; by default the one named like the file, or ``family``, or the only one defined in the
    file.
    """
    file = Path(path)
    if not file.is_file():
        what = "is no file" if file.exists() else "does not exist"
        raise ArgumentError(f"Argument `FILE` must be a Python file, but {str(path)!r} {what}.")
    if file.suffix == ".nc":
        raise ArgumentError(f"Argument `FILE` must be a Python file, but {str(path)!r} is none. Use `spinjunc plot`.")
    spec = importlib.util.spec_from_file_location(f"{LOADED}{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ArgumentError(f"Argument `FILE` must be a Python file ending in .py, but is {str(path)!r}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # so that the family can be pickled and its dataclasses resolved
    sys.path.insert(0, str(file.parent.resolve()))  # a family may import what lies beside it, as a script may
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a file may call sys.exit
        if isinstance(error, ModuleNotFoundError) and error.name in PACKAGES:
            need(error.name)  # which says how to get it
        raise refusal("FILE", "import", f"{str(path)!r} raised {type(error).__name__}: {error}") from error
    finally:
        sys.path.pop(0)
    own = {
        key: value
        for key, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == spec.name and not key.startswith("_")
    }
    candidates = [name] if name is not None else [file.stem, "family", *(own if len(own) == 1 else ())]
    for candidate in candidates:
        if candidate in own:
            return own[candidate]
    raise ArgumentError(
        f"Argument `FILE` must define a family function, but {str(path)!r} has no `{candidates[0]}`"
        f"{' or `family`' if name is None else ''} (it defines {', '.join(own) or 'no function'}). Use --family NAME."
    )


@dataclass(frozen=True)
class _FromFile:
    """A family that a process finds in its file, which must be as it was."""

    path: str
    name: str
    digest: str

    def __call__(self, **parameters: Any) -> Any:
        return _found(self)(**parameters)


@lru_cache(maxsize=8)
def _found(source: _FromFile) -> Family:
    family = load_family(source.path, source.name)
    if source_digest(family) != source.digest:
        raise ArgumentError(f"Argument `family` must stay as it is during a sweep, but {source.path} has changed.")
    return family


def shipped(family: Family) -> Family:
    """Return a family that other processes can call: itself where they import it, else by its file and name."""
    name, module = getattr(family, "__qualname__", ""), getattr(family, "__module__", "") or ""
    if name.isidentifier() and not module.startswith((LOADED, "__main__")):
        return family
    path = inspect.getsourcefile(family) if inspect.isfunction(family) else None
    if not (name.isidentifier() and path and Path(path).is_file()):
        raise ArgumentError(
            "Argument `family` must be a function at the top of a file for several workers, who make its Kwant systems "
            f"themselves, but is {name or type(family).__name__}. Move it there, or use workers=1."
        )
    return _FromFile(path, name, source_digest(family))


def check_family(family: Any, taken: Sequence[str] = ()) -> None:
    """Refuse what is no function of parameters, or has one whose name is taken: nobody could give it."""
    if not callable(family):
        what = type(family).__name__
        hint = " Use `lambda: junction`, or a function of what you vary." if isinstance(family, Junction) else ""
        raise ArgumentError(f"Argument `family` must be a function that returns a Junction, but is a {what}.{hint}")
    for name in taken:
        if name in inspect.signature(family).parameters:
            raise ArgumentError(
                f"Argument `family` must have no parameter `{name}`, but has: that name is taken by what it is given "
                "to. Rename the parameter."
            )


def call_family(family: Callable[..., Junction], **parameters: Any) -> Junction:
    """Return the `Junction` of a family, with errors that name what is wrong."""
    result = call_any_family(family, parameters)
    if isinstance(result, Device):
        raise ArgumentError(
            f"Argument `family` must return a Junction, but {getattr(family, '__name__', repr(family))} returned a "
            "Device, a Kwant system. It is solved by `scatter`, `sweep` and `judge`."
        )
    return result


def call_any_family(family: Callable[..., Any], parameters: Mapping[str, Any]) -> Junction | Device:
    """Return the `Junction` or `Device` of a family; a finalized Kwant system is a `Device` of inferred spins."""
    signature = inspect.signature(family)
    name = getattr(family, "__name__", repr(family))
    accepts_any = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
    if not accepts_any:
        refuse_unknown(parameters, list(signature.parameters), name, "a parameter")
    missing = [
        p.name
        for p in signature.parameters.values()
        if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name not in parameters
    ]
    if missing:
        raise ArgumentError(f"Argument `{missing[0]}` must be given: {name} has no default for it.")
    try:
        result = family(**parameters)
    except (SpinjuncError, KeyboardInterrupt):
        raise
    except BaseException as error:  # a family may call sys.exit
        values = ", ".join(f"{key}={value!r}" for key, value in parameters.items())
        raise ArgumentError(
            f"Arguments {values or '(none)'} must suit {name}, but it raised {type(error).__name__}: {error}."
        ) from error
    if is_kwant(result):
        result = Device(system=result)
    unit = units_of(family).get("")
    if unit and isinstance(result, (Junction, Device)) and not result.unit:
        result = replace(result, unit=unit)
    if not isinstance(result, (Junction, Device)):
        raise ArgumentError(
            f"Argument `family` must return a Junction or a Device, but {name} returned {type(result).__name__}."
            + " Does it forget to `return` it?" * (result is None)
        )
    return result


def facts_of(family: Callable[..., Any], swept: Mapping[str, Any], fixed: dict[str, Any]) -> dict[str, Any]:
    """Return what a table keeps of its family, so that it can be repeated and compared.

    Its name, its fixed parameters, defaults among them, and a digest of its source.
    """
    defaults = {name: p.default for name, p in inspect.signature(family).parameters.items() if p.default is not p.empty}
    alone = {name: value for name, value in {**defaults, **fixed}.items() if name not in swept}
    return {
        "family": getattr(family, "__name__", "family"),
        "fixed_parameters": json.dumps(alone, default=plain, sort_keys=True),
        "family_source": source_digest(family),
    }


def units_of(family: Callable[..., Any]) -> dict[str, str]:
    """Return the units of a family's parameters by name, and under "" that of its energies.

    Energies have the unit that the family declares once, as what it returns, ``-> Annotated[Junction, "eV"]``; any
    parameter may have its own, ``width: Annotated[float, "nm"]``.
    """
    try:
        hints = get_type_hints(family, include_extras=True)
    except (NameError, TypeError):  # names that only type checkers see, or no function
        return {}

    def told(hint: Any) -> str:
        return next((word for word in getattr(hint, "__metadata__", ()) if isinstance(word, str)), "")

    unit = unit_word(told(hints.get("return")))
    found = {"": unit, "energy": unit, "bias": unit} if unit else {}
    for name in inspect.signature(family).parameters:
        if own := told(hints.get(name)) or (unit if ENERGIES & set(name.split("_")) else ""):
            found[name] = own
    return found


def plain(value: Any) -> Any:
    """Return a JSON value of a NumPy number, and the text of anything else."""
    return value.item() if isinstance(value, np.generic) else repr(value)


def source_digest(family: Callable[..., Junction]) -> str:
    """Return a short hash of the family's source, or of its name where there is none."""
    try:
        source = inspect.getsource(family)
    except (OSError, TypeError):
        source = repr(getattr(family, "__qualname__", type(family)))
    return hashlib.sha256(source.encode()).hexdigest()[:16]
