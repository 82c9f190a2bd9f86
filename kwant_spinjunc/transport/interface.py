r"""What electrons of a normal metal see of one magnet: G_↑, G_↓ and the spin-mixing conductance G_mix of the contact.

    G_s = Σ T_s,    G_mix = Σ (1 - r_↑ r_↓*) = Σ (|r_↑ - r_↓|² + T_↑ + T_↓)/2 - i Σ Im r_↑ r_↓*

over the open channels of the metal, per unit cell. The second form is free of cancellation behind any barrier.
A. Brataas, Yu. V. Nazarov, G. E. W. Bauer, Phys. Rev. Lett. 84, 2481 (2000). **Validity**: magnets longer than the
transverse coherence length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import halves
from ..arrays import Floats
from ..halves import zone
from ..model.junction import Junction
from ..model.problem import AVERAGE

#: Averages are relative to this part of a conductance quantum where a component vanishes.
SMALL = 1e-3


@dataclass(frozen=True, eq=False)
class ContactConductances:
    """One contact between a metal and a magnet, per unit cell, in e²/h."""

    conductances: Floats  #: Shape (2,): G_s of the spin labels of the metal's lead.
    mixing: complex  #: G_mix.
    modes_metal: float  #: Open channels of the metal for one spin.
    modes_magnet: Floats  #: Shape (2,): open channels of the magnet, majority first.
    error: float = 0.0  #: Estimated absolute error of an average, 0 without.


def contact_conductances(
    contact: Junction, metal: int, energy: float, k: Any = AVERAGE, *, rtol: float = 1e-8
) -> ContactConductances:
    """Return the conductances of a junction of a metal and a magnet.

    ``contact``: two leads; the labels of the metal's spins are its lead's ``m``, which must be the axis of the magnet.
    ``metal``: which lead is the metal.
    """

    def observe(c: Floats) -> Floats:
        solution = halves.solve(contact, energy, c)
        r, modes = solution.amplitudes[..., metal, :, metal, :], solution.modes
        T = solution.probabilities[..., 1 - metal, :, metal, :].sum(axis=-2)
        up, down = r[..., 0, 0], r[..., 1, 1]
        real = (abs(up - down) ** 2 + T.sum(axis=-1)) / 2 * modes[..., metal, 0]
        columns = [real[:, None], -(up * down.conj()).imag[:, None], T, modes[..., metal, :1], modes[..., 1 - metal, :]]
        return np.concatenate(columns, axis=-1)

    found = zone.mean(observe, contact, energy, k, rtol=rtol, atol=SMALL * rtol)
    real, imaginary, up, down, modes, *magnet = (float(x) for x in found.value)
    error = float(np.max(found.error, initial=0.0))
    return ContactConductances(np.array([up, down]), complex(real, imaginary), modes, np.array(magnet), error)
