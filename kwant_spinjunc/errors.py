"""The package's exceptions and warnings; what raises them at the border is `checks`."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

#: What spoils digits when nothing else is known to.
NEAR_EDGE = "Energies very near a band edge do this: move the energy, or raise `max_defect`."


class SpinjuncError(Exception):
    """Base class of every error this package raises on purpose."""


class ArgumentError(SpinjuncError, ValueError):
    """An argument is of a type, shape, range or word that has no answer here: named, with what it is and what to use.

    Every function raises it at its border; docstrings list it only where the reason is physics.
    """


class NoOpenChannelError(ArgumentError):
    """No electron can propagate: the energy lies outside every band of both leads."""


class BandEdgeError(ArgumentError):
    """An energy lies so near a band edge or a flat band of a lead that its channels cannot be told."""


class ConservationError(SpinjuncError, RuntimeError):
    """A result violates a conservation law by more than ``max_defect`` and is refused."""


class UnitarityError(ConservationError):
    """The scattering matrix is not unitary within ``max_defect``."""


class ContinuityError(ConservationError):
    """Charge or spin is not continuous through the planes within ``max_defect``."""


class DisagreementError(ConservationError):
    """Two independent routes to the same result differ by more than both may be off; neither is returned."""


class SpinjuncWarning(UserWarning):
    """Base class of every warning of this package: the result stands, but may not mean what it seems to."""


class BarrierWarning(SpinjuncWarning):
    """Something called a barrier has states at the energy, so that electrons pass it without tunneling."""


class DegreesWarning(SpinjuncWarning):
    """An angle is more than a full turn, and was probably meant in degrees."""


class NearSideWarning(SpinjuncWarning):
    """A flux is so small that, taken on the side of injection, it is rounding noise."""


class CostWarning(SpinjuncWarning):
    """What was asked for will take long; how long was estimated before it is begun."""


_HERE = str(Path(__file__).parent)


def warn(message: str | Warning, category: type[Warning] = SpinjuncWarning) -> None:
    """Give a warning at the line that called the package, however deep within it that is said."""
    frame, level = sys._getframe(), 1
    while frame.f_back and frame.f_code.co_filename.startswith(_HERE):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
