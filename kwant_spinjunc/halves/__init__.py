"""Two halves and one rotation: the exact engine, without Kwant."""

from .batch import Stack
from .clean import Solution, States, covers, log_det, probabilities, solve, spacer_currents, states, surface_greens

__all__ = [
    "Solution",
    "Stack",
    "States",
    "covers",
    "log_det",
    "probabilities",
    "solve",
    "spacer_currents",
    "states",
    "surface_greens",
]
