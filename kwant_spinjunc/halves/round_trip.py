r"""What one round trip between two magnets does to the spin: the number the angle enters through.

With u = t g_L and w = t g_R of the two halves at the cut, the angle Φ enters the exact probabilities through the spin
contrast of a round trip, z = (u_+ - u_-)(w_+ - w_-)/(d_++ d_--), d_ss' = 1 - u_s w_s': D(Φ)/D(0) = 1 + z sin² Φ/2. The
module `runs.validity` derives from it by how much the tunnelling formulas fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Complex, Floats
from ..model.junction import Junction
from .batch import Stack, as_stack
from .solver import surface_greens


@dataclass(frozen=True, eq=False)
class RoundTrip:
    """What one round trip between the magnets does to the spin, at one k∥; see `round_trip`."""

    contrast: Floats  #: |z|, at most 1.
    defect: Floats  #: δ, between -2 and 2.
    #: `flip_left`, `flip_right`: r_L and r_R.
    flip_left: Floats
    flip_right: Floats


def round_trip(junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0) -> RoundTrip:
    r"""Return the spin contrast |z| of a round trip between two magnets, δ and r of (a) to (c) in `runs.validity`.

    ``junction``: two collinear halves; the angle does not matter.

    **Validity**: exact, with a relative rounding of 1e-16/√|z|: differences of Green's functions at the cut.

    Examples
    --------
    >>> from kwant_spinjunc.model.junction import Junction, barrier, ferromagnet
    >>> iron = ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> trip = round_trip(Junction(iron, [barrier(onsite=3.0, hopping=1.0, thickness=4)], iron), 0.0)
    >>> round(trip.contrast.item(), 6), round(trip.defect.item(), 6)
    (0.000208, 0.000389)
    """
    stack = as_stack(junction)
    g_left, g_right = surface_greens(stack, energy, band_shift)
    t = stack.bonds[..., stack.cut or 0, None]
    u: Complex = t * g_left
    w: Complex = t * g_right
    parallel: Any = (1 - u[..., 0] * w[..., 0]) * (1 - u[..., 1] * w[..., 1])
    du, dw = u[..., 0] - u[..., 1], w[..., 0] - w[..., 1]
    mixed: Any = du * dw  # d_+- d_-+ - d_++ d_--, without cancellation
    change: Floats = 2 * (mixed * parallel.conj()).real + abs(mixed) ** 2
    larger = np.maximum(abs(mixed), abs(parallel))
    flips = []
    for near, far_change in ((u, dw), (w, du)):
        rate = 4 * near[..., 0].imag * near[..., 1].imag
        flips.append(ratio(rate * abs(far_change) ** 2, np.where(rate > 0, abs(parallel) ** 2, 0.0)))
    return RoundTrip(ratio(abs(mixed), larger), 2 * ratio(change, 2 * abs(parallel) ** 2 + change), *flips)


def ratio(numerator: Floats, denominator: Floats) -> Floats:
    """Return the quotient, 0 where the denominator is."""
    out = np.zeros(np.broadcast_shapes(numerator.shape, denominator.shape))
    return np.divide(numerator, denominator, out=out, where=denominator != 0)
