"""The matching of waves at the interfaces, the exact barrier, and the rotation law of its probabilities.

``reflection_left`` and ``reflection_right`` are ρ_Ls and ρ_Rs', shape (..., 2); ``exponent`` is κd (κaN for N planes);
``factors`` are D_ss' and ``rotation`` R_ss', shape (..., 2, 2).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from kwant_spinjunc.arrays import Complex, Floats
from kwant_spinjunc.checks import (
    complex_array,
    finite_array,
    formula,
    positive,
    potentials,
)
from kwant_spinjunc.errors import ArgumentError
from kwant_spinjunc.spin import SIGNS


@formula
def continuum_reflection(k: ArrayLike, kappa: ArrayLike, mass_ratio: float = 1.0) -> Complex:
    r"""Return ρ = (κ + i r k)/(κ - i r k), the reflection of the decaying wave by an electrode of wave number k.

    Inside the barrier, measured from the interface at y = 0, the wave e^{-κy} + ρ e^{κy} joins t e^{iky} behind it.

    **Result**: Complex, |ρ| = 1 for an open channel, real for a closed one. **Validity**: parabolic bands, step at the
    interface.

    Source: J. C. Slonczewski, Phys. Rev. B 39, 6995 (1989), section II.

    ``k``: wave number in the electrode. A closed channel is ``1j`` times its decay constant.
    ``kappa``: decay constant κ in the barrier, same unit.
    ``mass_ratio``: r = m_barrier/m_electrode (the current k/m is continuous).
    """
    decay, wave = finite_array("kappa", kappa), positive("mass_ratio", mass_ratio) * complex_array("k", k)
    return np.asarray((decay + 1j * wave) / (decay - 1j * wave))


@formula
def surface_green_function(energy: ArrayLike, level: ArrayLike, hopping: ArrayLike) -> Complex:
    r"""Return the retarded Green function g at the end of a semi-infinite chain, 1/g = E - ε - t² g.

    ``energy``, ``level``, ``hopping``: E, ε and t > 0 in one unit; they broadcast. A magnet has one level per spin, ε -
    sΔ/2.

    **Result**: -e^{ika}/t inside the band E = ε - 2t cos ka, real and decaying outside; in 1/energy. **Validity**:
    exact.
    """
    t = finite_array("hopping", hopping)
    if np.any(t <= 0):
        raise ArgumentError(f"Argument `hopping` must be positive, but is {t.min():g}.")
    x = (finite_array("energy", energy) - finite_array("level", level)) / (2 * t)
    root = np.sqrt(abs((1 - x) * (1 + x)))
    # Outside the band the solution of modulus below one, x ∓ √(x² - 1) written without cancellation.
    outside = 1 / (x + np.where(x < 0, -root, root))
    return np.asarray(np.where(abs(x) <= 1, x - 1j * root, outside) / t)


@formula
def lattice_reflection(
    green: ArrayLike, kappa_a: ArrayLike, hopping: ArrayLike, joint: ArrayLike | None = None
) -> Complex:
    r"""Return ρ of an electrode with surface Green function g behind a tight-binding barrier.

    Seen from the last plane of the barrier the electrode is the self-energy t_c² g. The decaying wave
    λⁿ (λ = e^{-κa}) is then reflected with ρ = (x - λ)/(1 - λx), x = -t_c² g/t, referred to the interface half a
    spacing behind that plane.

    ``green``: g, complex, in 1/energy: `surface_green_function`, or that of any stack, per spin.
    ``kappa_a``: κa in the barrier.
    ``hopping``: t in the barrier.
    ``joint``: t_c, hopping from the barrier to the electrode; by default that of the barrier.

    **Result**: Complex, |ρ| = 1 for an electrode that is a uniform chain of hopping t = t_c with an open channel.
    **Validity**: exact for a uniform barrier of N >= 1 planes and any electrode. For a chain with the hopping of the
    barrier 2 Im ρ = 2 sinh κa sin ka/(cosh κa - cos ka) and Re ρ = (cosh κa cos ka - 1)/(cosh κa - cos ka), which tend
    to `continuum_reflection` with relative corrections (κ² - k²)a²/12.
    """
    t = finite_array("hopping", hopping)
    joined = t if joint is None else finite_array("joint", joint)
    x = -(joined**2) * complex_array("green", green) / t
    decay = np.exp(-finite_array("kappa_a", kappa_a))
    return np.asarray((x - decay) / (1 - decay * x))


@formula
def interface_factor(reflection: ArrayLike) -> Floats:
    r"""Return the spin factor f = 2 Im ρ of one interface, so that D_ss' = f_Ls f_Rs' e^{-2κd}.

    ``reflection``: ρ per spin, from `continuum_reflection` or `lattice_reflection`.

    **Result**: Non-negative, zero for a closed channel; 4 k κ/(k² + κ²) in the continuum, at most 2. **Validity**:
    exact factor; D factorizes to lowest order in e^{-2κd}.
    """
    return np.asarray(2 * complex_array("reflection", reflection).imag)


@formula
def spin_factors(reflection_left: ArrayLike, reflection_right: ArrayLike, exponent: ArrayLike) -> Floats:
    r"""Return D_ss' = f_Ls f_Rs' e^{-2κd}, the tunnelling probability without the rotation, thick-barrier limit.

    **Result**: shape (..., 2, 2); ``D[..., s, s']``; with `rotation_law` it gives T_ss'(Φ). **Validity**: lowest order
    in e^{-2κd}; `barrier_probabilities` is exact.

    Source: the paper, equation (2), completed by the interfaces; J. C. Slonczewski, Phys. Rev. B 39, 6995 (1989).
    """
    left = interface_factor(complex_array("reflection_left", reflection_left, "(..., 2)"))
    right = interface_factor(complex_array("reflection_right", reflection_right, "(..., 2)"))
    decay = np.exp(-2 * finite_array("exponent", exponent))[..., None, None]
    return np.asarray(left[..., :, None] * right[..., None, :] * decay)


def _round_trips(rotation: ArrayLike, left: ArrayLike, right: ArrayLike, exponent: ArrayLike) -> tuple[Any, ...]:
    """Return R, the far reflection B = e^{-2κd} R ρ_R R† in the left frame, and 1/(1 - B ρ_L)."""
    R = complex_array("rotation", rotation, "(..., 2, 2)")
    decay = np.exp(-2 * finite_array("exponent", exponent))[..., None, None]
    rho_left = complex_array("reflection_left", left, "(..., 2)")[..., None, :]
    rho_right = complex_array("reflection_right", right, "(..., 2)")[..., None, :]
    far = decay * ((R * rho_right) @ np.swapaxes(R.conj(), -1, -2))
    trips = np.linalg.inv(np.eye(2) - far * rho_left)
    return R, far, trips


@formula
def barrier_probabilities(
    rotation: ArrayLike, reflection_left: ArrayLike, reflection_right: ArrayLike, exponent: ArrayLike
) -> Floats:
    r"""Return the exact T_ss' of a uniform barrier between two magnets at any angle.

    T_ss' = f_Ls f_Rs' e^{-2κd} |[(1 - e^{-2κd} R ρ_R R† ρ_L)⁻¹ R]_ss'|². The inverse sums the round trips in the
    barrier. Its lowest order is |R_ss'|² f_Ls f_Rs' e^{-2κd}: equation (2) and the spin factors of the interfaces.

    **Result**: shape (..., 2, 2); ``T[..., s, s']``, probability of transmission between s on the left and s' on the
    right. **Validity**: exact for a uniform nonmagnetic barrier (one exponent for both spins) between two electrodes
    that are each collinear, at one k∥, on the lattice as in the continuum.
    """
    R, _, trips = _round_trips(rotation, reflection_left, reflection_right, exponent)
    return np.asarray(spin_factors(reflection_left, reflection_right, exponent) * abs(trips @ R) ** 2)


@formula
def spin_flip_reflection(
    rotation: ArrayLike, reflection_left: ArrayLike, reflection_right: ArrayLike, exponent: ArrayLike
) -> Floats:
    r"""Return R^L_{+-} = R^L_{-+}, the reflection with spin flip on the left, which (3) and (4) leave out.

    R^L_{+-} = f_L+ f_L- |[(1 - B ρ_L)⁻¹ B]_{+-}|² with B = e^{-2κd} R ρ_R R†: the electron enters the barrier, is
    turned by the far magnet and comes back.

    **Validity**: as `barrier_probabilities`. Of order e^{-4κd}, i.e. T²: the error of (3), (4) behind a tunnel barrier.

    ``rotation``, ``reflection_left``, ``reflection_right``, ``exponent``: as in `barrier_probabilities`. For the right
    side exchange the reflections and pass the adjoint rotation.
    """
    _, far, trips = _round_trips(rotation, reflection_left, reflection_right, exponent)
    f = interface_factor(reflection_left)
    return np.asarray(f[..., 0] * f[..., 1] * abs((trips @ far)[..., 0, 1]) ** 2)


@formula
def golden_rule_probabilities(amplitudes: ArrayLike, dos_left: ArrayLike, dos_right: ArrayLike) -> Floats:
    r"""Return T_ss' = 4π² |T_ss'|² ρ_Ls ρ_Rs', the transmission of a tunnelling Hamiltonian.

    **Result**: shape (..., 2, 2). **Validity**: golden rule, T ≪ 1. It links the paper's matrix elements to the
    Landauer form of (3) and (4).

    Source: M. H. Cohen, L. M. Falicov, J. C. Phillips, Phys. Rev. Lett. 8, 316 (1962); G. D. Mahan, Many-Particle
    Physics.

    ``amplitudes``: tunnelling matrix elements in energy, shape (..., 2, 2).
    ``dos_left``, ``dos_right``: densities of states per spin in 1/energy, shape (..., 2) (a scalar: the same for both
    spins).
    """
    left, right = potentials("dos_left", dos_left), potentials("dos_right", dos_right)
    squares = abs(complex_array("amplitudes", amplitudes, "(..., 2, 2)")) ** 2
    return np.asarray(4 * np.pi**2 * squares * left[..., :, None] * right[..., None, :])


@formula
def rotation_probabilities(angle: ArrayLike) -> Floats:
    """Return |R_ss'|² = [[cos² Φ/2, sin² Φ/2], [sin² Φ/2, cos² Φ/2]].

    **Result**: shape (..., 2, 2). **Validity**: exact for spin 1/2.
    """
    cosine = np.cos(finite_array("angle", angle))[..., None, None]
    return np.asarray((1 + cosine * np.outer(SIGNS, SIGNS)) / 2)


@formula
def rotation_law(factors: ArrayLike, angle: ArrayLike) -> Floats:
    r"""Return T_ss'(Φ) = R_ss'² D_ss', the angular dependence equation (2) asserts.

    **Result**: shape (..., 2, 2). **Validity**: lowest order in the transmission; D is then independent of Φ and
    factorizes.

    Source: the paper, equation (2) and the text before it.
    """
    return np.asarray(rotation_probabilities(angle) * finite_array("factors", factors, "(..., 2, 2)"))


@formula
def spin_factors_from_collinear(parallel: ArrayLike, antiparallel: ArrayLike) -> Floats:
    r"""Return D_ss' from the two collinear junctions: D_ss from Φ = 0, D_s,-s from Φ = π.

    ``parallel``, ``antiparallel``: T_ss' at Φ = 0 (diagonal) and Φ = π (off-diagonal), shape (..., 2, 2). The other
    elements are not used.

    **Result**: shape (..., 2, 2). **Validity**: an identity at Φ = 0 and π; with `rotation_law` an interpolation, valid
    in the tunnelling limit.
    """
    P, AP = finite_array("parallel", parallel, "(..., 2, 2)"), finite_array("antiparallel", antiparallel, "(..., 2, 2)")
    return np.where(np.eye(2, dtype=bool), P, AP)


@formula
def factorization_defect(factors: ArrayLike) -> Floats:
    r"""Return D_++ D_-- / (D_+- D_-+) - 1, zero if D_ss' is a left times a right spin factor.

    **Result**: NaN where a spin channel is closed and the quotient undefined. **Validity**: a diagnostic of any
    junction; it vanishes in proportion to the transmission.
    """
    D = finite_array("factors", factors, "(..., 2, 2)")
    largest = np.max(abs(D), axis=(-2, -1), keepdims=True)
    D = D / np.where(largest > 0, largest, 1.0)  # so that products of tiny factors stay doubles
    same, crossed = D[..., 0, 0] * D[..., 1, 1], D[..., 0, 1] * D[..., 1, 0]
    return np.asarray(np.where(crossed > 0, same / np.where(crossed > 0, crossed, 1.0) - 1, np.nan))
