"""The command `spinjunc`."""

from .main import main

__all__ = ["main"]
