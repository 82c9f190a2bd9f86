"""How much memory a supercell needs, and whether this machine has it."""

from __future__ import annotations

import math
import os

from ..errors import ArgumentError

#: Memory in GB above which a supercell is not attempted even where a machine has it: days of computing.
LARGEST = 64.0
#: Bytes that a point of a batch takes while it is solved, and each of its planes for fields; measured 230 to 500, 780.
POINT, FIELDS = 500, 800


def refuse_supercell(
    shape: tuple[int, int], planes: int, solver: str = "kwant", *, states: bool = True, turned: bool = False
) -> None:
    """Raise `ArgumentError` for a supercell for which the memory of this machine would not do; see `memory`."""
    needed, what = memory(shape, planes, solver, states=states, turned=turned), f"{shape[0]} × {shape[1]} sites need"
    hint = (
        f" for {planes} planes. Use k∥ for a clean junction, a smaller cross-section and more samples for a disordered "
        "one."
    )
    refuse_memory("Argument `cross_section`", needed, what, hint, LARGEST)


def memory(
    shape: tuple[int, int], planes: int, solver: str = "kwant", *, states: bool = True, turned: bool = False
) -> float:
    """Return about how much memory in GB a supercell needs.

    ``shape``: number of sites along x and z.
    ``planes``: number of planes of the scattering region.
    ``solver``: ``"halves"`` for the dense engine, otherwise Kwant.
    ``states``: whether wave functions are needed, not only probabilities (Kwant always solves for them).
    ``turned``: whether at many directions of the right magnet at once.
    """
    orbitals = 2 * shape[0] * shape[1]
    # Measured in matrices of one plane, at 6 × 6 and 10 × 10 sites and 12 to 42 planes: the engine 14, and 2.3 a plane
    # for states (of many directions 20 and 3.2 a plane); Kwant 30 and 2 a plane, the factors of its sparse matrix not
    # counted, which are taken as large again.
    engine = (20.0, 3.2) if states and turned else (14.0, 2.5 * states)
    fixed, each = engine if solver == "halves" else (30.0, 4.0)
    return 16 * orbitals**2 * (fixed + each * planes) / 1e9


def refuse_points(names: str, points: int, each: float) -> None:
    """Raise `ArgumentError` for more points of some bytes each than this machine has memory for, before it is taken."""
    refuse_memory(names, points * each / 1e9, f"{points:.3g} points need", ". Give fewer at a time.")


def refuse_memory(names: str, needed: float, what: str, hint: str, most: float = math.inf) -> None:
    """Raise `ArgumentError` for what needs more gigabytes than this machine has, or than ``most``."""
    available = min(most, machine_memory())
    if needed > available:
        raise ArgumentError(f"{names} must fit into {available:.3g} GB, but {what} about {needed:.3g} GB{hint}")


def machine_memory() -> float:
    """Return the memory of this machine in GB, infinity where it does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    except (AttributeError, ValueError, OSError):
        return float("inf")
