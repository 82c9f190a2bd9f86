"""The continuum estimate of the wall, and the same on the lattice, where it is exact.

J is the exchange stiffness (energy/length, 2A of micromagnetics), K the anisotropy (energy/volume, 2K_u), a the
lattice constant, all > 0; M0 is the magnetization if J and K are effective fields, as in the paper, and 1 if they are
energies. ``exchange`` and ``anisotropy`` are J_ex and K_pl of the chain, energies per area of a plane, ``rotation``
is δθ_i in rad. ΔJ_M = J_M^R - J_M^L is a torque per area (ħ/2 times the Pauli flux). The paper sets t = t0 = ΔJ_M/a:
the lattice returns what the electrons deposit, so ΔJ_M is **minus** the torque of the electrons on the interface
plane.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ...arrays import Floats
from ...checks import finite_array, formula, not_negative_array, positive_array, refusal

#: Relative distance from K = J/a² below which the printed rotation is refused: rounding of K - √(JK)/a.
SINGULAR = 1e-12


def _constants(J: ArrayLike, K: ArrayLike) -> tuple[Floats, Floats]:
    """Return the checked exchange stiffness and anisotropy."""
    hint = "Take θ from the easy axis, along which K > 0; without anisotropy the wall is infinite."
    return positive_array("J", J, hint="Without exchange there is no wall."), positive_array("K", K, hint=hint)


@formula
def wall_length(J: ArrayLike, K: ArrayLike) -> Floats:
    """Return the magnetic length d = √(J/K).

    **Validity**: small rotations, d much longer than the lattice constant; `lattice_wall_length` is exact on a lattice.
    """
    J, K = _constants(J, K)
    return np.asarray(np.sqrt(J / K))


@formula
def wall_profile(y: ArrayLike, rotation: ArrayLike, J: ArrayLike, K: ArrayLike) -> Floats:
    """Return δθ(y) = δθ_i exp(-|y|/d), the solution of J δθ'' - K δθ = 0 that vanishes far from the interface.

    **Validity**: |δθ_i| ≪ 1, a ≪ d, and all torque at y = 0.

    ``y``: distance from the interface, a length, either sign.
    """
    return np.asarray(finite_array("rotation", rotation) * np.exp(-abs(finite_array("y", y)) / wall_length(J, K)))


@formula
def net_torque_restored(rotation: ArrayLike, J: ArrayLike, K: ArrayLike, a: ArrayLike, M0: ArrayLike = 1.0) -> Floats:
    """Return t = M0 δθ_i [K - √(JK)/a], the printed net torque with the lattice constant restored.

    **Result**: -∂E/∂θ of the interface plane, per volume. **Validity**: K a² ≪ J. Source: the paper, paragraph after
    equation (6), with a restored.
    """
    J, K = _constants(J, K)
    bracket = K - np.sqrt(J * K) / positive_array("a", a)
    return np.asarray(finite_array("M0", M0) * finite_array("rotation", rotation) * bracket)


@formula
def rotation_restored(delta_J_M: ArrayLike, J: ArrayLike, K: ArrayLike, a: ArrayLike, M0: ArrayLike = 1.0) -> Floats:
    r"""Return δθ_i = ΔJ_M / {M0 a [K - √(JK)/a]}, the printed rotation with the lattice constant restored.

    **Validity**: small rotations and κ = K a²/J ≪ 1, where it exceeds `rotation_lattice` by a factor 1 + (3/2)√κ +
    O(κ). The singularity at κ = 1 and the sign beyond it are artefacts. Source: the paper, paragraph after equation
    (6), with a restored.
    """
    J, K = _constants(J, K)
    a = positive_array("a", a)
    stiffness = K * a - np.sqrt(J * K)
    if np.any(abs(stiffness) <= SINGULAR * K * a):
        hint = "Use `rotation_lattice`, which is regular."
        raise refusal("K", "differ from J/a²", "K a²/J = 1: K - √(JK)/a vanishes there", hint)
    return np.asarray(finite_array("delta_J_M", delta_J_M) / (positive_array("M0", M0) * stiffness))


@formula
def chain_constants(J: ArrayLike, K: ArrayLike, a: ArrayLike) -> tuple[Floats, Floats]:
    """Return the constants (J_ex, K_pl) = (J/a, K a) of the chain, energies per area of a plane.

    **Validity**: nearest-plane exchange. Times the area of a unit cell they are energies per atom.
    """
    J, K = _constants(J, K)
    a = positive_array("a", a)
    return J / a, K * a


def _decay(exchange: Floats, anisotropy: Floats) -> Floats:
    """Return q of exp(-q n), from cosh q = 1 + K_pl/(2 J_ex) written as sinh(q/2) = √(K_pl/J_ex)/2."""
    return np.asarray(2 * np.arcsinh(np.sqrt(anisotropy / exchange) / 2))


@formula
def lattice_wall_length(J: ArrayLike, K: ArrayLike, a: ArrayLike) -> Floats:
    r"""Return the decay length λ of small rotations on the lattice, cosh(a/λ) = 1 + K a²/(2J).

    **Result**: λ ≥ d, a length: λ = d (1 + κ/24 + O(κ²)) with κ = K a²/J. **Validity**: small rotations; exact in κ.
    Derived from J_ex(δθ_{n+1} - 2δθ_n + δθ_{n-1}) = K_pl δθ_n, the lattice form of the paper's J δθ'' = K δθ.
    """
    exchange, anisotropy = chain_constants(J, K, a)
    return np.asarray(a) / _decay(exchange, anisotropy)


@formula
def rotation_lattice(delta_J_M: ArrayLike, J: ArrayLike, K: ArrayLike, a: ArrayLike, M0: ArrayLike = 1.0) -> Floats:
    r"""Return δθ_i = -ΔJ_M / (M0 {K a/2 + √[JK + (K a/2)²]}), the exact linear rotation of the interface plane.

    **Validity**: small rotations, no exchange across the interface, all torque on one plane; regular for every K a²/J.
    For a torque spread over several planes use `chain_response`, for large ones `relax`.

    The interface plane n = 0 has one neighbor: -∂E/∂θ_0 = J_ex(δθ_1 - δθ_0) - K_pl δθ_0 with δθ_1 = e^{-q} δθ_0. Both
    terms restore, so the bracket is a **sum**, J_ex(e^q - 1) = K a/2 + √[JK + (K a/2)²]. The paper takes the exchange
    term with its sign and the anisotropy term with the opposite of the sign it has in its own J δθ'' - K δθ.

    The rotation is in the plane of both magnetizations only for a torque **normal** to that plane (field-like). A
    torque in the plane (damping-like) tilts the spins by the same angle **out of** the plane: a static uniaxial magnet
    answers a torque τ by δm ∝ τ × m. The paper uses its in-plane torque as if it were conjugate to θ.
    """
    J, K = _constants(J, K)
    a = positive_array("a", a)
    stiffness = K * a / 2 + np.sqrt(J * K + (K * a / 2) ** 2)
    return np.asarray(-finite_array("delta_J_M", delta_J_M) / (positive_array("M0", M0) * stiffness))


@formula
def chain_response(n: ArrayLike, source: ArrayLike, exchange: ArrayLike, anisotropy: ArrayLike) -> Floats:
    r"""Return ∂δθ_n/∂τ_source of a half-infinite chain with a free end at plane 0.

    g(n, n') = [e^{-q|n - n'|} + e^{-q(n + n' + 1)}] / (2 J_ex sinh q),    cosh q = 1 + K_pl/(2 J_ex).

    ``n``, ``source``: plane indices >= 0, counted from the interface.

    **Result**: Rotation per torque, 1/(energy per area). For all torque on plane 0: e^{-qn}/[J_ex (e^q - 1)].
    **Validity**: small rotations, no exchange across the interface, chain much longer than 1/q planes. It holds for
    both components of the rotation: a torque vector τ gives δm = g (τ × m). Derived here (Green's function of the
    lattice, the free end by an image).
    """
    here = not_negative_array("n", n, hint="Plane 0 is the interface.")
    there = not_negative_array("source", source, hint="Plane 0 is the interface.")
    J_ex = positive_array("exchange", exchange)
    q = _decay(J_ex, positive_array("anisotropy", anisotropy))
    direct, image = np.exp(-q * abs(here - there)), np.exp(-q * (here + there + 1))
    return np.asarray((direct + image) / (2 * J_ex * np.sinh(q)))


@formula
def critical_torque(J: ArrayLike, K: ArrayLike) -> Floats:
    """Return √(JK), the largest torque per area on the interface that a static wall can hold.

    **Result**: Energy per area. **Validity**: continuum (a ≪ d), all torque at y = 0, fixed in direction, anisotropy
    (K/2) sin². Derived here from the first integral of J δθ'' = K sin δθ cos δθ; the paper stops at small δθ.
    """
    J, K = _constants(J, K)
    return np.asarray(np.sqrt(J * K))
