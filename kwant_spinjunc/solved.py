r"""What every route answers: probabilities, and the fields of the states, with how well both conserve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .arrays import Complex, Flags, Floats
from .errors import ContinuityError, DisagreementError, UnitarityError

#: Fewest columns of S†S, and most parts, that are formed at a time.
COLUMNS, PARTS = 8, 4


@dataclass(frozen=True, eq=False, kw_only=True)
class Fields:
    """What one incoming state does in each plane, summed over the modes of its lead and spin."""

    #: Shape (..., 2, 2, bonds, 4): ``[lead_in, spin_in, bond, (charge, x, y, z)]``, particle and Pauli-spin flux
    #: positive along +y, per unit incoming flux. Where a spin-orbit bond turns the spin: as it arrives in +y.
    currents: Floats
    #: Shape (..., 2, 2, planes, 3): spin flux in minus out of each plane. It acts on the exchange field and, where
    #: spin-orbit bonds lie in the plane or lead from it to the next, on the lattice.
    torques: Floats
    #: Shape (..., 2, 2, planes, 4): particle and Pauli-spin density, in ħ per energy (unit flux over velocity times
    #: lattice constant).
    densities: Floats
    #: Shape (..., 2, 2): open channels [lead, spin]; where there is none the entries above are zero.
    modes: NDArray[Any]
    #: Shape (...), or None: largest violation of charge and spin continuity per unit incoming flux; None before
    #: `audited`.
    continuity_defect: Any = None
    #: Shape (...), or None: largest difference of the torque taken from the fluxes and from its source: the exchange
    #: field and the spin-orbit bonds.
    torque_defect: Any = None

    def reshaped(self, shape: tuple[int, ...]) -> Fields:
        """Return the fields with their one leading axis in the place of those of ``shape``."""
        given = {name: x for name in self.__dataclass_fields__ if (x := getattr(self, name)) is not None}
        arrays: dict[str, Any] = {name: x.reshape(*shape, *x.shape[1:]) for name, x in given.items()}
        return Fields(**arrays)

    def audited(self, splitting: Floats, m: Floats) -> Fields:
        """Return the fields with their defects: charge, flux in minus out, and the torque of the exchange field.

        ``splitting``, ``m``: Δ, shape (planes,), and direction, (planes, 3), of the exchange field of each plane.
        """
        flux = self.currents[..., :-1, 1:] - self.currents[..., 1:, 1:]
        exchange = splitting[:, None] * np.cross(m, self.densities[..., 1:])
        defect = abs(self.torques - exchange).max(axis=(-4, -3, -2, -1))
        charge = np.ptp(self.currents[..., 0], axis=-1).max(axis=(-2, -1))
        balance = abs(flux - self.torques[..., 1:-1, :]).max(axis=(-4, -3, -2, -1), initial=0.0)
        return replace(self, continuity_defect=np.maximum(charge, balance), torque_defect=defect)


@dataclass(frozen=True, eq=False, kw_only=True)
class Solved:
    """The answer to a `Problem`, whatever the route."""

    solver: str  #: Which route; "halves (real)" is a disordered sample in real arithmetic.
    #: Shape (..., 2, 2, 2, 2): T[α s, β s'] as ``[lead_out, spin_out, lead_in, spin_in]``, summed over modes.
    probabilities: Floats
    #: Shape (..., 2, 2): open channels [lead, spin]; of an average their fractional number per unit cell.
    modes: NDArray[Any]
    #: Shape (...): largest element of S†S - 1 (Kwant), or largest excess of flux into or out of a channel (fast
    #: engine).
    unitarity_defect: Floats
    states: Fields | Callable[[], Fields]  #: What the incoming states do, or a function that solves for it.
    k_error: Any = None  #: Shape (2, 2, 2, 2), or None: estimated error of the probabilities of an average.
    #: `system`, `smatrix`: Kwant's own objects, where Kwant solved. The system has one more plane of each lead than the
    #: junction (plane indices -1 to ``planes``), so that every plane of the junction has both its bonds inside.
    system: Any = None
    smatrix: Any = None

    def solve_fields(self) -> Fields:
        """Return what the incoming states do, solved for now if need be."""
        return self.states() if callable(self.states) else self.states


def unitarity(S: Complex, is_open: Flags | None = None) -> Floats:
    """Return the largest element of S†S - 1, shape (...), over the open channels (..., channels) of a padded S."""
    n = S.shape[-1]
    parts = max(min(PARTS, n // COLUMNS), 1)
    ends = [n * part // parts for part in range(parts + 1)]
    worst: Floats = np.zeros(S.shape[:-2])
    for first, last in pairwise(ends):  # S†S is Hermitian: what is left of its diagonal blocks says nothing new
        if first == last:
            continue
        defect = S[..., first:last].conj().swapaxes(-1, -2) @ S[..., first:]
        own = np.arange(last - first)
        defect[..., own, own] -= 1.0 if is_open is None else is_open[..., first:last]
        worst = np.maximum(worst, (defect.real**2 + defect.imag**2).max(axis=(-2, -1)))
    return np.sqrt(worst)


def unitarity_of(probabilities: Floats, modes: NDArray[Any]) -> Floats:
    """Return the largest excess of flux into or out of a channel, shape (...), for routes without an S-matrix."""
    into = abs(probabilities.sum(axis=(-4, -3)) - modes).max(axis=(-2, -1))
    out = abs(probabilities.sum(axis=(-2, -1)) - modes).max(axis=(-2, -1))
    worst: Floats = np.maximum(into, out)
    return worst


def refuse_unitarity(defect: ArrayLike, max_defect: float, why: str = "") -> None:
    """Raise `UnitarityError` unless the scattering matrix is unitary within ``max_defect``; ``why`` it may not be."""
    worst = float(np.max(defect, initial=0.0))
    if not worst <= max_defect:
        raise UnitarityError(
            f"The scattering matrix misses unitarity by {worst:.2g}, more than `max_defect` = {max_defect:.2g}. {why}"
        )


def refuse_disagreement(one: str, other: str, difference: float, allowed: float) -> None:
    """Raise `DisagreementError` where two routes differ by more than is allowed."""
    if not difference <= allowed:
        raise DisagreementError(
            f"Two routes must agree, but {one} and {other} differ by {difference:.2g}, more than {allowed:.2g}. Do not "
            "use either; energies very near a band edge do this: move the energy."
        )


def refuse_discontinuity(fields: Fields, max_defect: float, why: str = "") -> None:
    """Raise `ContinuityError` unless charge and spin are continuous within ``max_defect``; ``why`` they may not be."""
    for name, defect in [("continuity", fields.continuity_defect), ("the torque balance", fields.torque_defect)]:
        worst = float(np.max(defect, initial=0.0))
        if not worst <= max_defect:
            raise ContinuityError(
                f"The spin currents miss {name} by {worst:.2g} per unit flux, more than `max_defect` = "
                f"{max_defect:.2g}. {why}"
            )
