"""What need not be installed: Kwant and its arrays, loaded at their first use, with one line on how to get them."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import TYPE_CHECKING, Any

from .errors import SpinjuncError

__all__ = ["PACKAGES", "MissingPackageError", "has", "is_kwant", "kwant", "need", "tinyarray", "version"]

#: Package -> (extra that has it, what it is needed for, how to get it where pip alone does not do).
PACKAGES = {
    "kwant": (
        "kwant",
        "Kwant, which solves any tight-binding system,",
        " (needs a C compiler), or conda install -c conda-forge kwant",
    ),
    "tinyarray": ("kwant", "tinyarray, a part of Kwant,", " (needs a C compiler)"),
    "anywidget": ("explore", "anywidget, which shows the explorer in notebooks,", ""),
    "jinja2": ("report", "Jinja2, which fills reports,", ""),
    "distributed": ("dask", "Dask, which reaches the workers of a cluster,", ""),
}


class MissingPackageError(SpinjuncError, ImportError):
    """Something that was asked for needs a package that is not installed."""


def has(package: str) -> bool:
    """Whether a package is installed, without importing it."""
    if package in sys.modules:
        return sys.modules[package] is not None
    return importlib.util.find_spec(package) is not None


def need(package: str) -> Any:
    """Return a package, imported.

    Raises `MissingPackageError`: It is not installed; the message says how to get it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        extra, words, more = PACKAGES[package]
        raise MissingPackageError(
            f"This needs {words} but it cannot be imported ({error}). Install it: pip install "
            f"'kwant-spinjunc[{extra}]'{more}."
        ) from None


def is_kwant(value: Any) -> bool:
    """Whether something is a system or builder of Kwant, which it cannot be as long as Kwant is not loaded."""
    module = sys.modules.get("kwant")
    return module is not None and isinstance(value, (module.Builder, module.system.System))


def version(package: str) -> str:
    """Return the version of an installed package, or "not installed"; the package is not imported."""
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


class _Lazy:
    """Stands for a package until something of it is used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(need(self._name), attribute)


if TYPE_CHECKING:
    import kwant
    import tinyarray
else:
    kwant, tinyarray = _Lazy("kwant"), _Lazy("tinyarray")
