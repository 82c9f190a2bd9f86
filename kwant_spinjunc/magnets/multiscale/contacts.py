"""What diffusion sees of a junction: its conductance matrix, or the conductances of its two contacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ... import halves
from ...arrays import Floats
from ...checks import finite, refusal, two_halves
from ...errors import NoOpenChannelError
from ...halves import zone
from ...model.junction import Junction
from ...model.problem import AVERAGE
from ...spin import angle_between
from ...theory import interface
from ...theory.interface import InterfaceResponse
from ..parameters.interfaces import InterfaceParameters, both_interfaces

#: Coefficients below this part of the largest of their kind need no relative accuracy of their own.
NEGLIGIBLE = 1e-3
#: Indices of reflections that keep the spin and that flip it, [lead_out, spin_out, lead_in, spin_in] each.
KEPT = ([0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1], [0, 1, 0, 1])
FLIPPED = ([0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1], [1, 0, 1, 0])


@dataclass(frozen=True, eq=False)
class Interface:
    """Linear response of one junction per unit cell, averaged over k∥, between reservoirs."""

    #: Shape (2, 2, 2, 2): G[α s, β s'] = N δ - P in e²/h: current into the interface from lead α, spin s, see
    #: `kwant_spinjunc.theory.interface.conductance_matrix`.
    conductance: Floats
    modes: Floats  #: Shape (2, 2): open channels N[lead, spin], not integer after the average.
    #: Shape (2, 2, 3): Pauli-spin flux through the spacer per chemical potential of the arriving electrons, e²/h,
    #: [lead, spin, axis].
    spin_current: Floats
    m: Floats  #: Shape (2, 3): directions of the two leads.

    @property
    def bare(self) -> InterfaceResponse:
        """The coefficients of (5), (6) between reservoirs, e²/h per cell."""
        return interface.response_of(self.conductance)

    @cached_property
    def between_metals(self) -> Floats:
        """The conductance matrix between diffusive metals, its Sharvin resistances taken off."""
        return interface.sharvin_corrected(self.conductance, self.modes)

    @property
    def angle(self) -> float:
        """Angle between the two leads' magnetizations (rad)."""
        return float(angle_between(*self.m))


def solve_interface(
    junction: Junction, energy: float = 0.0, *, k: ArrayLike | str | None = AVERAGE, rtol: float = 1e-8
) -> Interface:
    """Return what diffusive leads see of a junction, by the fast engine.

    ``junction``: magnetic leads and a spacer: two collinear halves.
    ``k``: "average" over the Brillouin zone, one wave vector (kx, kz) in 1/a, or None for Γ.
    ``rtol``: relative accuracy of every averaged coefficient.

    Raises `NoOpenChannelError`: Nothing propagates at this energy.

    Examples
    --------
    >>> from kwant_spinjunc import ferromagnet, barrier
    >>> iron = ferromagnet(onsite=5.0, hopping=1.0, splitting=1.0, in_plane_hopping=1.0)
    >>> wall = barrier(onsite=8.0, hopping=1.0, in_plane_hopping=1.0, thickness=2)
    >>> found = solve_interface(Junction(iron, [wall], iron))
    >>> bool(abs(found.conductance.sum(axis=(0, 1))).max() < 1e-12)   # a common shift drives nothing
    True
    """
    _check_magnets(junction)
    energy, cut = finite("energy", energy), junction.cut

    def observe(c: Floats) -> dict[str, Floats]:
        states, P = halves.states(junction, energy, c), halves.probabilities(junction, energy, c)
        # what vanishes with the transmission is one kind, what stays another
        passing = [P[:, 0, :, 1], P[:, 1, :, 0], states.currents[..., cut, 1:], P[(slice(None), *FLIPPED)]]
        staying = [P[(slice(None), *KEPT)], states.modes]
        return {name: _flat(parts, len(c)) for name, parts in (("passing", passing), ("staying", staying))}

    # Of what is small against its kind, the digits that rounding leaves in the large do not matter.
    found = zone.mean(observe, junction, energy, k, rtol=rtol, floor=NEGLIGIBLE).value
    to_left, to_right, Q, flips = np.split(found["passing"], [4, 8, 20])
    P = np.zeros((2, 2, 2, 2))
    P[0, :, 1], P[1, :, 0] = to_left.reshape(2, 2), to_right.reshape(2, 2)
    P[FLIPPED], P[KEPT] = flips, found["staying"][:4]
    modes, Q = found["staying"][4:].reshape(2, 2), Q.reshape(2, 2, 3)
    if not modes.any():
        raise NoOpenChannelError(
            f"Argument `energy` must lie in a band of a lead, but at {energy:g} no channel is open anywhere. "
            f"Bands at Γ: {junction.describe_bands(2.0)}."
        )
    return Interface(
        conductance=interface.conductance_matrix(P, modes),
        modes=modes,
        spin_current=Q,
        m=np.array([lead.m for lead in junction.leads]),
    )


def _flat(parts: Sequence[Any], count: int) -> Floats:
    return np.concatenate([np.reshape(part, (count, -1)) for part in parts], axis=-1)


def _check_magnets(junction: Junction) -> None:
    for name, lead in zip(("left", "right"), junction.leads, strict=True):
        if not lead.is_magnetic:
            hint = "The drift-diffusion equations describe a magnet on either side."
            raise refusal("junction", "have magnetic leads", f"the {name} one has no splitting", hint)
    two_halves("junction", junction.cut, "The chemical potentials of (5) and (6) refer to two directions only.")


def mixing_conductances(
    junction: Junction, energy: float = 0.0, *, k: ArrayLike | str | None = AVERAGE, rtol: float = 1e-8
) -> tuple[InterfaceParameters, InterfaceParameters] | None:
    """Return the conductances and G_mix of the two contacts between spacer and magnets, per unit cell.

    ``junction``, ``energy``, ``k``, ``rtol``: as in `solve_interface`. Each contact is what lies between the spacer's
    metal at the cut, continued to infinity, and a lead, see `magnets.parameters.interface_parameters`.

    **Result**: None where the spacer does not conduct (a barrier) or there is none, and where a magnet has no open
    channel: nothing arrives.

    **Validity**: magnets longer than the transverse coherence length. A. Brataas, Yu. V. Nazarov, G. E. W. Bauer, Phys.
    Rev. Lett. 84, 2481 (2000).
    """
    _check_magnets(junction)
    cut = two_halves("junction", junction.cut)
    if all(plane.is_magnetic for plane in junction.planes[cut : cut + 2]):
        return None
    try:
        return both_interfaces(junction, finite("energy", energy), k, rtol)
    except NoOpenChannelError:
        return None
