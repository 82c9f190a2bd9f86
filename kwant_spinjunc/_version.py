"""The version of the package, in one place."""

__version__ = "0.1.0"

#: Raised whenever the same request gives other numbers: files of an earlier one are refused, not gone on with.
PHYSICS = 2
