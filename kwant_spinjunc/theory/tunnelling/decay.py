"""The decay through the barrier, equation (2): its exponent in the continuum and on the lattice.

All energies are in one unit (eV), the thickness d in the length of ``hbar2_2m`` = ħ²/2m, energy × length²: 0.0381 eV
nm² for a free electron, t a² for a lattice of ``hopping`` t > 0. ``allowed`` says what to do where the barrier lies
below the energy: "raise" (`ClassicallyAllowedError`) or "zero" (no decay there).
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from kwant_spinjunc.arrays import Complex, Floats
from kwant_spinjunc.checks import (
    complex_array,
    finite_array,
    formula,
    not_negative_array,
    positive,
)
from kwant_spinjunc.errors import ArgumentError

Allowed = Literal["raise", "zero"]


class ClassicallyAllowedError(ArgumentError):
    """The barrier lies below the energy somewhere: there is no decay, and equation (2) does not apply there."""


def forbidden(excess: Floats, allowed: Allowed) -> Floats:
    """Return the excess with classically allowed parts set to zero, or refuse them."""
    if allowed not in ("raise", "zero"):
        raise ArgumentError(f"Argument `allowed` must be 'raise' or 'zero', but is {allowed!r}.")
    if allowed == "raise" and np.any(excess < 0):
        raise ClassicallyAllowedError(
            f"Argument `height` must exceed the energy throughout the barrier, but it sinks to {excess.min():g}."
            " Raise the barrier, lower the voltage, or pass allowed='zero' to count no decay in the allowed part."
        )
    return np.maximum(excess, 0.0)


def integral_of_root(start: Floats, end: Floats, length: Any, allowed: Allowed) -> Floats:
    """Return ∫_0^length √e(y) dy for e linear from ``start`` to ``end``; the root is zero where e < 0."""
    a, b = np.sqrt(forbidden(start, allowed)), np.sqrt(forbidden(end, allowed))
    crosses = (start < 0) != (end < 0)
    share = np.where(crosses, (a * a - b * b) / np.where(crosses, start - end, 1.0), 1.0)
    # (2/3)(a³ - b³)/(a² - b²), free of cancellation as a -> b.
    mean: Floats = (2 / 3) * (a * a + a * b + b * b) / np.where(a + b > 0, a + b, 1.0)
    return np.asarray(length * share * mean)


@formula
def barrier_excess(
    height: ArrayLike,
    mu_left: ArrayLike = 0.0,
    mu_right: ArrayLike = 0.0,
    voltage: ArrayLike = 0.0,
    position: ArrayLike = 0.0,
) -> Floats:
    """Return U - µ_Ls + µ_Rs' - V y/d, the energy under the root of equation (2).

    ``height``: U, height of the barrier above the Fermi energy, in eV (or the unit of all other energies here).
    ``voltage``: V, the drop across the barrier as an energy.
    ``position``: y/d, from 0 to 1. (The print has V y; with V a voltage it is V y/d.)

    **Result**: The broadcast of all arguments. **Validity**: a plane barrier with a linear drop. In linear response all
    terms but U are absent.
    """
    left, right = finite_array("mu_left", mu_left), finite_array("mu_right", mu_right)
    drop = finite_array("voltage", voltage) * finite_array("position", position)
    return finite_array("height", height) - left + right - drop


@formula
def decay_constant(excess: ArrayLike, hbar2_2m: float, *, allowed: Allowed = "raise") -> Floats:
    r"""Return κ = √(2m·excess)/ħ, equation (2) with the dimension restored.

    ``excess``: height of the barrier above the energy, e.g. from `barrier_excess`.

    **Result**: κ in the inverse of the length of ``hbar2_2m``. **Validity**: parabolic band. On a lattice use
    `lattice_decay_constant`; the two agree to order (κa)². Raises `ClassicallyAllowedError`: The excess is negative and
    ``allowed="raise"``.
    """
    # ERRATA: equation (2) prints ħ²(U - ...)/2m under the root, which is no inverse length: 2m(U - ...)/ħ² is meant.
    return np.asarray(np.sqrt(forbidden(finite_array("excess", excess), allowed) / positive("hbar2_2m", hbar2_2m)))


@formula
def wkb_exponent(
    height: ArrayLike,
    thickness: ArrayLike,
    hbar2_2m: float,
    *,
    mu_left: ArrayLike = 0.0,
    mu_right: ArrayLike = 0.0,
    voltage: ArrayLike = 0.0,
    allowed: Allowed = "raise",
) -> Floats:
    r"""Return ∫_0^d κ(y) dy of equation (2), in closed form for a constant or linearly biased barrier.

    With e(y) = U - µ_Ls + µ_Rs' - V y/d linear in y the integral is
    (2d/3)(e_0 + √(e_0 e_d) + e_d) / ((√e_0 + √e_d) √(ħ²/2m)).

    **Result**: The dimensionless exponent, positive. **Validity**: WKB, exponent well above 1. Prefactors of order one
    are those of `interface_factor`. Raises `ClassicallyAllowedError`: The barrier sinks below the energy and
    ``allowed="raise"``.

    Source: the paper, equation (2).

    ``height``, ``mu_left``, ``mu_right``, ``voltage``: as in `barrier_excess`. All broadcast: for all pairs of spins
    pass ``mu_left[..., :, None]`` and ``mu_right[..., None, :]``.
    """
    start = barrier_excess(height, mu_left, mu_right)
    start, end = np.broadcast_arrays(start, start - finite_array("voltage", voltage))
    return np.asarray(
        integral_of_root(start, end, not_negative_array("thickness", thickness), allowed)
        / np.sqrt(positive("hbar2_2m", hbar2_2m))
    )


@formula
def lattice_decay_constant(
    level: ArrayLike, energy: ArrayLike, hopping: ArrayLike, lattice_constant: float = 1.0
) -> Floats:
    r"""Return κ of a tight-binding barrier, cosh κa = (ε - E)/(2t).

    ``level``: ε, band center of the barrier at the k∥ in question.

    **Result**: κ in 1/a; they broadcast. **Validity**: exact for a uniform barrier. κ² = (ε - 2t - E)/(t a²) [1 -
    (κa)²/12 + ...]: the continuum of `decay_constant` with ħ²/2m = t a². Raises `ClassicallyAllowedError`: The energy
    reaches into the band of the barrier, ε - 2t < E (or lies above it, where the sign of the decaying wave alternates
    from plane to plane: not a tunnel barrier).
    """
    t = finite_array("hopping", hopping)
    if np.any(t <= 0):
        raise ArgumentError(f"Argument `hopping` must be positive, but is {t.min():g}.")
    excess = finite_array("level", level) - 2 * t - finite_array("energy", energy)
    if np.any(excess < 0):
        raise ClassicallyAllowedError(
            f"Argument `level` must be at least energy + 2 hopping, but is {-excess.min():g} below it. "
            "The band of the barrier reaches down to level - 2 hopping."
        )
    # cosh κa - 1 = 2 sinh²(κa/2) = (ε - 2t - E)/2t: accurate also for a shallow barrier.
    return np.asarray(2 * np.arcsinh(np.sqrt(excess / (4 * t))) / positive("lattice_constant", lattice_constant))


@formula
def lattice_exponent(levels: ArrayLike, energy: ArrayLike, hopping: ArrayLike) -> Floats:
    r"""Return Σ_n κ_n a over the planes of a barrier, the lattice form of the integral in equation (2).

    **Validity**: N planes count as a thickness d = N a, the interfaces lying half a spacing outside the end planes;
    with this choice `lattice_reflection` holds. Exact decay for a uniform barrier, WKB for a slowly varying one.

    ``levels``: band center ε_n of each plane, shape (..., planes).
    """
    energies = finite_array("energy", energy)[..., None]
    return np.asarray(lattice_decay_constant(levels, energies, hopping).sum(axis=-1))


@formula
def tunnelling_matrix(rotation: ArrayLike, exponent: ArrayLike) -> Complex:
    r"""Return T_ss' = R_ss' exp(-∫κ dy), equation (2) corrected.

    **Result**: shape (..., 2, 2); Complex amplitudes (real for magnetizations in the x-z plane). **Validity**: the
    dependence on thickness and angle behind a strong barrier. What it lacks are the spin factors of the interfaces
    (`interface_factor`): with one exponent for all spins |T_++| = |T_--| and nothing is polarized.

    Source: the paper, equation (2).

    ``exponent``: ∫κ dy: a number for all spins, or shape (..., 2, 2).
    """
    # ERRATA: equation (2) prints exp[+∫...]: growth through a barrier. Decay is meant.
    return np.asarray(complex_array("rotation", rotation, "(..., 2, 2)") * np.exp(-finite_array("exponent", exponent)))
