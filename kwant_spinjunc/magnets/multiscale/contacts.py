"""What diffusion sees of a junction: its conductance matrix, or the mixing conductances of its two contacts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ... import halves
from ...arrays import Floats
from ...checks import finite, two_halves
from ...errors import ArgumentError, NoOpenChannelError
from ...halves import zone
from ...model.junction import Junction
from ...model.problem import AVERAGE
from ...spin import angle_between
from ...theory import circuit, interface
from ...theory.interface import InterfaceResponse
from ...transport.interface import contact_conductances

#: Coefficients below this part of the largest of their kind need no relative accuracy of their own.
NEGLIGIBLE = 1e-3


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
        passing = [P[:, 0, :, 1], P[:, 1, :, 0], states.currents[..., cut, 1:], P[:, 0, [0, 1], 0, [1, 0]]]
        passing.append(P[:, 1, [0, 1], 1, [1, 0]])
        staying = [P[:, [0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1], [0, 1, 0, 1]], states.modes]
        return {name: _flat(parts, len(c)) for name, parts in (("passing", passing), ("staying", staying))}

    # Of what is small against its kind, the digits that rounding leaves in the large do not matter.
    found = zone.mean(observe, junction, energy, k, rtol=rtol, floor=NEGLIGIBLE).value
    to_left, to_right, Q, flips = np.split(found["passing"], [4, 8, 20])
    P = np.zeros((2, 2, 2, 2))
    P[0, :, 1], P[1, :, 0] = to_left.reshape(2, 2), to_right.reshape(2, 2)
    P[[0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1], [1, 0, 1, 0]] = flips
    P[[0, 0, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1], [0, 1, 0, 1]] = found["staying"][:4]
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
    return np.concatenate([np.asarray(part, dtype=float).reshape(count, -1) for part in parts], axis=-1)


def _check_magnets(junction: Junction) -> None:
    for name, lead in zip(("left", "right"), junction.leads, strict=True):
        if not lead.is_magnetic:
            raise ArgumentError(
                f"Argument `junction` must have magnetic leads, but the {name} one has no splitting. "
                "The drift-diffusion equations describe a magnet on either side."
            )
    two_halves("junction", junction.cut, "The chemical potentials of (5) and (6) refer to two directions only.")


# ---------------------------------------------------------------------- spin mixing
@dataclass(frozen=True, eq=False)
class MixingConductance:
    """One contact between the spacer's metal and a magnet, per unit cell, in e²/h."""

    conductances: Floats  #: Shape (2,): G_s of both spins between reservoirs.
    mixing: complex  #: G_mix.
    modes_spacer: float  #: Open channels of the spacer for one spin.
    modes_magnet: Floats  #: Shape (2,): open channels of the magnet.

    @property
    def effective_conductances(self) -> Floats:
        """G_s between diffusive metals, the Sharvin resistances of both sides taken off."""
        resistance = interface.interface_resistance(self.conductances, self.modes_spacer, self.modes_magnet)
        if np.any(resistance <= 0):
            raise ArgumentError(
                "Argument `junction` must have resistive contacts, but one spin enters the magnet without any. "
                'Use `transport="coherent"`.'
            )
        return np.asarray(1 / resistance)

    @property
    def effective_mixing(self) -> complex:
        """G_mix next to a diffusive spacer."""
        return complex(circuit.corrected_mixing_conductance(self.mixing, self.modes_spacer))


def mixing_conductances(
    junction: Junction, energy: float = 0.0, *, k: ArrayLike | str | None = AVERAGE, rtol: float = 1e-8
) -> tuple[MixingConductance, MixingConductance] | None:
    """Return the spin-mixing conductances of the two contacts between spacer and magnets, per unit cell.

    ``junction``, ``energy``, ``k``, ``rtol``: as in `solve_interface`. Each contact is what lies between the spacer's
    middle plane, continued to infinity, and a lead.

    **Result**: None where the spacer does not conduct (a barrier) or there is none: no channel arrives from it.

    **Validity**: magnets longer than the transverse coherence length. A. Brataas, Yu. V. Nazarov, G. E. W. Bauer, Phys.
    Rev. Lett. 84, 2481 (2000).
    """
    _check_magnets(junction)
    contacts = _contacts(junction)
    if contacts is None:
        return None
    left, right = (_mixing(*contact, finite("energy", energy), k, rtol) for contact in contacts)
    return None if left is None or right is None else (left, right)


def _contacts(junction: Junction) -> tuple[tuple[Junction, int], tuple[Junction, int]] | None:
    """Return both halves as junctions with the spacer as one lead, and which lead that is."""
    cut, planes, bonds = junction.cut, junction.planes, tuple(junction.bond_hoppings)
    spacer = next((n for n in (cut, cut + 1) if n is not None and not planes[n].is_magnetic), None) if cut else None
    if spacer is None:
        return None
    # The electrons of the spacer are labeled along the magnet they arrive at.
    node_left, node_right = (replace(planes[spacer], m=lead.m) for lead in junction.leads)
    first, last = junction.buffer, len(planes) - junction.buffer
    left = Junction(junction.left, planes[first:spacer], node_left, bonds=bonds[first - 1 : spacer])
    right = Junction(node_right, planes[spacer + 1 : last], junction.right, bonds=bonds[spacer:last])
    return (left, 1), (right, 0)


def _mixing(contact: Junction, spacer: int, energy: float, k: Any, rtol: float) -> MixingConductance | None:
    """Return the mixing conductance seen from lead number ``spacer``."""
    found = contact_conductances(contact, spacer, energy, k, rtol=rtol)
    if found.modes_metal == 0:
        return None
    return MixingConductance(found.conductances, found.mixing, found.modes_metal, found.modes_magnet)
