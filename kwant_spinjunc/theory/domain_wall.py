r"""The domain wall a current makes at an interface: the paper's estimate and an atomistic spin chain.

The electrons' torque rotates the magnetization near the interface away from its easy axis. The paper balances
exchange and anisotropy in the continuum and estimates the rotation δθ_i of the interface plane (the paragraph
after equation (6)). Here are that estimate as printed and with units restored, the exact answer of the discrete
lattice, and a chain of spins (exchange J_ex, uniaxial anisotropy, any torque on each plane) relaxed numerically.

Two energies describe the same magnet, per area of a plane:

    continuum   E = ∫ dy [(J/2) (dθ/dy)² + (K/2) sin²(θ - θ_easy)],            J energy/length, K energy/volume
    chain       E = Σ_n {J_ex [1 - m_n·m_{n+1}] + (K_pl/2) [1 - (m_n·u)²] + (K_d/2) m_y²},
                J_ex = J/a, K_pl = K a, K_d = µ0 Ms² a energy/area

In terms of the exchange stiffness A and the anisotropy constant K_u of micromagnetics, J = 2A and K = 2K_u. y is the
film normal: demagnetization K_d makes every tilt out of the x-z plane cost more than one within it.

A torque is the rate of change of angular momentum of a plane, per area: an energy per area, ħ/2 times the flux of
Pauli spin it absorbs. The equilibrium condition is τ_n + m_n × h_n = 0 with h_n = -∂E/∂m_n, whatever the sign of
the gyromagnetic ratio. With m = (sin θ, 0, cos θ) the torque conjugate to θ, -∂E/∂θ, is the **y component** of the
torque vector, normal to the plane of both magnetizations.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError, cholesky_banded, solve_banded
from scipy.optimize import root

from kwant_spinjunc.arrays import Floats
from kwant_spinjunc.checks import (
    finite,
    finite_array,
    formula,
    integer,
    positive,
    positive_array,
    positive_integer,
    sides,
)
from kwant_spinjunc.errors import ArgumentError, SpinjuncError
from kwant_spinjunc.spin import angle_between

__all__ = [
    "ChainState",
    "ConvergenceError",
    "LoopReport",
    "SpinChain",
    "chain_constants",
    "chain_response",
    "continuum_constants",
    "critical_torque",
    "interface_torque",
    "lattice_wall_length",
    "net_torque_lattice",
    "net_torque_printed",
    "net_torque_restored",
    "relax",
    "rotation_lattice",
    "rotation_nonlinear",
    "rotation_printed",
    "rotation_restored",
    "self_consistent",
    "spin_chain",
    "wall_length",
    "wall_profile",
]


#: Relative distance from K = J/a² below which the printed rotation is refused: rounding of K - √(JK)/a.
SINGULAR = 1e-12

#: Largest rotation (rad) of a spin accepted in one step along a branch, so that no step jumps to another branch.
BRANCH_STEP = 0.5

#: Smallest fraction of the load by which a branch is followed before it is declared to end.
SMALLEST_FRACTION = 1e-4


class ConvergenceError(SpinjuncError, RuntimeError):
    """An iteration ended without a solution; the message says how far it came and why it stopped."""


def _constants(J: ArrayLike, K: ArrayLike) -> tuple[Floats, Floats]:
    """Return the checked exchange stiffness and anisotropy."""
    return (
        positive_array("J", J, hint="Without exchange there is no wall."),
        positive_array(
            "K", K, hint="Take θ from the easy axis, along which K > 0; without anisotropy the wall is infinite."
        ),
    )


# ---------------------------------------------------------------------- the paper's continuum estimate
@formula
def wall_length(J: ArrayLike, K: ArrayLike) -> Floats:
    """Return the magnetic length d = √(J/K).

    **Result**: d, a length; leading axes broadcast. **Validity**: small rotations, d much longer than the lattice
    constant; `lattice_wall_length` is exact on the lattice. Source: the paper, paragraph after equation (6).

    Parameters
    ----------
    J
        Exchange stiffness, energy/length, > 0 (2A of micromagnetics).
    K
        Anisotropy, energy/volume, > 0 (2K_u of micromagnetics).

    Examples
    --------
    >>> float(wall_length(4.0, 1.0))
    2.0
    """
    J, K = _constants(J, K)
    return np.asarray(np.sqrt(J / K))


@formula
def wall_profile(y: ArrayLike, rotation: ArrayLike, J: ArrayLike, K: ArrayLike) -> Floats:
    """Return δθ(y) = δθ_i exp(-|y|/d), the solution of J δθ'' - K δθ = 0 that vanishes far from the interface.

    **Validity**: |δθ_i| ≪ 1, a ≪ d, and all torque at y = 0. Source: the paper, paragraph after equation (6).

    Parameters
    ----------
    y
        Distance from the interface, a length, either sign.
    rotation
        δθ_i, the rotation at the interface (rad).
    J, K
        Exchange stiffness (energy/length) and anisotropy (energy/volume), > 0.
    """
    return np.asarray(finite_array("rotation", rotation) * np.exp(-abs(finite_array("y", y)) / wall_length(J, K)))


@formula
def net_torque_printed(rotation: ArrayLike, J: ArrayLike, K: ArrayLike, M0: ArrayLike = 1.0) -> Floats:
    """Return t = M0 δθ_i [K - √(JK)], the net torque on the interface plane as printed.

    **Result**: Torque of exchange and anisotropy on the plane, -∂E/∂θ, per volume. **Validity**: a = 1 and K ≪ J, where
    the second term dominates; see `net_torque_lattice` for the sign of the first. Source: the paper, paragraph after
    equation (6).

    Parameters
    ----------
    rotation
        δθ_i (rad).
    J, K
        Exchange stiffness and anisotropy in lattice units (a = 1), > 0.
    M0
        Magnetization if J and K are given as effective fields, as in the paper; 1 if they are energies.
    """
    # ERRATA: the bracket adds an energy/volume to an energy/area. Right only in lattice units.
    return net_torque_restored(rotation, J, K, 1.0, M0)


@formula
def net_torque_restored(rotation: ArrayLike, J: ArrayLike, K: ArrayLike, a: ArrayLike, M0: ArrayLike = 1.0) -> Floats:
    """Return t = M0 δθ_i [K - √(JK)/a], the printed net torque with the lattice constant restored.

    **Result**: -∂E/∂θ of the interface plane, per volume. **Validity**: K a² ≪ J. Source: the paper, paragraph after
    equation (6), with a restored.

    Parameters
    ----------
    rotation
        δθ_i (rad).
    J, K
        Exchange stiffness (energy/length) and anisotropy (energy/volume), > 0.
    a
        Lattice constant, > 0.
    M0
        As in `net_torque_printed`.
    """
    J, K = _constants(J, K)
    bracket = K - np.sqrt(J * K) / positive_array("a", a)
    return np.asarray(finite_array("M0", M0) * finite_array("rotation", rotation) * bracket)


@formula
def rotation_printed(delta_J_M: ArrayLike, J: ArrayLike, K: ArrayLike, M0: ArrayLike = 1.0) -> Floats:
    """Return δθ_i = ΔJ_M / {M0 a [K - √(JK)]} as printed, in lattice units (a = 1).

    **Result**: δθ_i in rad. **Validity**: as `rotation_restored`. Source: the paper, paragraph after equation (6).

    Parameters
    ----------
    delta_J_M
        ΔJ_M = J_M^R - J_M^L as a torque per area, an energy per area (ħ/2 times the Pauli flux).
    J, K
        Exchange stiffness and anisotropy in lattice units, > 0.
    M0
        As in `net_torque_printed`.
    """
    return rotation_restored(delta_J_M, J, K, 1.0, M0)


@formula
def rotation_restored(delta_J_M: ArrayLike, J: ArrayLike, K: ArrayLike, a: ArrayLike, M0: ArrayLike = 1.0) -> Floats:
    r"""Return δθ_i = ΔJ_M / {M0 a [K - √(JK)/a]}, the printed rotation with the lattice constant restored.

    **Result**: δθ_i in rad. **Validity**: small rotations and K a² ≪ J. With κ = K a²/J it then exceeds
    `rotation_lattice` by the factor 1 + (3/2)√κ + O(κ). The singularity at κ = 1 and the sign beyond it are artefacts,
    see `net_torque_lattice`.

    Source: the paper, paragraph after equation (6), with a restored.

    Parameters
    ----------
    delta_J_M
        ΔJ_M = J_M^R - J_M^L as a torque per area, an energy per area (ħ/2 times the Pauli flux). The paper sets
        t = t0 = ΔJ_M/a: the lattice returns what the electrons deposit, so ΔJ_M is **minus** the torque of the
        electrons on the interface plane.
    J, K
        Exchange stiffness (energy/length) and anisotropy (energy/volume), > 0.
    a
        Lattice constant, > 0.
    M0
        As in `net_torque_printed`.

    Examples
    --------
    >>> round(float(rotation_restored(0.1, J=100.0, K=1.0, a=1.0)), 5)
    -0.01111
    >>> rotation_restored(0.1, J=1.0, K=1.0, a=1.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    kwant_spinjunc.errors.ArgumentError: Argument `K` must differ from J/a², but K a²/J = 1: ...
    """
    J, K = _constants(J, K)
    a = positive_array("a", a)
    stiffness = K * a - np.sqrt(J * K)
    singular = abs(stiffness) <= SINGULAR * K * a
    if np.any(singular):
        raise ArgumentError(
            "Argument `K` must differ from J/a², but K a²/J = 1: K - √(JK)/a vanishes there. "
            "Use `rotation_lattice`, which is regular."
        )
    return np.asarray(finite_array("delta_J_M", delta_J_M) / (positive_array("M0", M0) * stiffness))


# ---------------------------------------------------------------------- the lattice, exactly
@formula
def chain_constants(J: ArrayLike, K: ArrayLike, a: ArrayLike) -> tuple[Floats, Floats]:
    """Return the constants (J_ex, K_pl) = (J/a, K a) of the chain, energies per area of a plane.

    **Validity**: nearest-plane exchange of a stack with spacing a. Multiply by the area of a unit cell for energies per
    atom.

    Parameters
    ----------
    J, K, a
        Exchange stiffness (energy/length), anisotropy (energy/volume), lattice constant, all > 0.

    Examples
    --------
    >>> [float(x) for x in chain_constants(J=2.0, K=3.0, a=0.5)]
    [4.0, 1.5]
    """
    J, K = _constants(J, K)
    a = positive_array("a", a)
    return J / a, K * a


@formula
def continuum_constants(exchange: ArrayLike, anisotropy: ArrayLike, a: ArrayLike) -> tuple[Floats, Floats]:
    """Return (J, K) = (J_ex a, K_pl/a), the inverse of `chain_constants`.

    **Validity**: as `chain_constants`.

    Parameters
    ----------
    exchange, anisotropy
        J_ex and K_pl, energies per area of a plane, > 0.
    a
        Lattice constant, > 0.
    """
    a = positive_array("a", a)
    return positive_array("exchange", exchange) * a, positive_array("anisotropy", anisotropy) / a


def _decay(exchange: Floats, anisotropy: Floats) -> Floats:
    """Return q of exp(-q n), from cosh q = 1 + K_pl/(2 J_ex) written as sinh(q/2) = √(K_pl/J_ex)/2."""
    return np.asarray(2 * np.arcsinh(np.sqrt(anisotropy / exchange) / 2))


@formula
def lattice_wall_length(J: ArrayLike, K: ArrayLike, a: ArrayLike) -> Floats:
    r"""Return the decay length λ of small rotations on the lattice, cosh(a/λ) = 1 + K a²/(2J).

    **Result**: λ ≥ d, a length: λ = d (1 + κ/24 + O(κ²)) with κ = K a²/J. **Validity**: small rotations; exact in κ.
    Derived from J_ex(δθ_{n+1} - 2δθ_n + δθ_{n-1}) = K_pl δθ_n, the lattice form of the paper's J δθ'' = K δθ.

    Parameters
    ----------
    J, K, a
        Exchange stiffness (energy/length), anisotropy (energy/volume), lattice constant, all > 0.

    Examples
    --------
    >>> round(float(lattice_wall_length(J=100.0, K=1.0, a=1.0)), 4)
    10.0042
    """
    exchange, anisotropy = chain_constants(J, K, a)
    return np.asarray(a, dtype=float) / _decay(exchange, anisotropy)


@formula
def net_torque_lattice(rotation: ArrayLike, J: ArrayLike, K: ArrayLike, a: ArrayLike, M0: ArrayLike = 1.0) -> Floats:
    r"""Return t = -M0 δθ_i {K/2 + √[JK/a² + (K/2)²]}, the net torque on the interface plane of the lattice.

    The interface plane n = 0 has one neighbor: -∂E/∂θ_0 = J_ex(δθ_1 - δθ_0) - K_pl δθ_0 with δθ_1 = e^{-q} δθ_0. Both
    terms restore, so the bracket is a **sum**, J_ex(e^q - 1)/a. The paper takes the exchange term J δθ'/a = -√(JK)
    δθ_i/a with its sign and the anisotropy term with the opposite of the sign it has in its own J δθ'' - K δθ.

    **Result**: -∂E/∂θ of the interface plane, per volume. **Validity**: small rotations, no exchange across the
    interface, all torque on one plane; exact in K a²/J. Derived here; the paper's estimate is `net_torque_restored`.

    Parameters
    ----------
    rotation
        δθ_i (rad).
    J, K, a
        Exchange stiffness (energy/length), anisotropy (energy/volume), lattice constant, all > 0.
    M0
        As in `net_torque_printed`.
    """
    # ERRATA: the paper prints K - √(JK) where its own balance gives -(K + √(JK)), on the lattice this bracket.
    J, K = _constants(J, K)
    a = positive_array("a", a)
    bracket = K / 2 + np.sqrt(J * K / a**2 + K**2 / 4)
    return np.asarray(-finite_array("M0", M0) * finite_array("rotation", rotation) * bracket)


@formula
def rotation_lattice(delta_J_M: ArrayLike, J: ArrayLike, K: ArrayLike, a: ArrayLike, M0: ArrayLike = 1.0) -> Floats:
    r"""Return δθ_i = -ΔJ_M / (M0 {K a/2 + √[JK + (K a/2)²]}), the exact linear rotation of the interface plane.

    **Result**: δθ_i in rad, regular for every K a²/J > 0. **Validity**: small rotations, no exchange across the
    interface, all torque on one plane. For a torque spread over several planes use `chain_response`, for large ones
    `relax`. Inverse of `net_torque_lattice`.

    The rotation is in the plane of both magnetizations only for a torque **normal** to that plane (field-like). A
    torque in the plane (damping-like) tilts the spins by the same angle **out of** the plane: a static uniaxial magnet
    answers a torque τ by δm ∝ τ × m. The paper uses its in-plane torque as if it were conjugate to θ.

    Parameters
    ----------
    delta_J_M
        ΔJ_M as in `rotation_restored`: minus the torque of the electrons on the plane, an energy per area.
    J, K, a
        Exchange stiffness (energy/length), anisotropy (energy/volume), lattice constant, all > 0.
    M0
        As in `net_torque_printed`.

    Examples
    --------
    >>> J, K, a = 100.0, 1.0, 1.0
    >>> round(float(rotation_lattice(0.1, J, K, a)), 5), round(float(rotation_restored(0.1, J, K, a)), 5)
    (-0.00951, -0.01111)
    """
    J, K = _constants(J, K)
    a = positive_array("a", a)
    stiffness = K * a / 2 + np.sqrt(J * K + (K * a / 2) ** 2)
    return np.asarray(-finite_array("delta_J_M", delta_J_M) / (positive_array("M0", M0) * stiffness))


@formula
def chain_response(n: ArrayLike, source: ArrayLike, exchange: ArrayLike, anisotropy: ArrayLike) -> Floats:
    r"""Return ∂δθ_n/∂τ_source of a half-infinite chain with a free end at plane 0.

    g(n, n') = [e^{-q|n - n'|} + e^{-q(n + n' + 1)}] / (2 J_ex sinh q),    cosh q = 1 + K_pl/(2 J_ex).

    **Result**: Rotation per torque, 1/(energy per area). For all torque on plane 0: e^{-qn}/[J_ex (e^q - 1)].
    **Validity**: small rotations, no exchange across the interface, chain much longer than 1/q planes. It holds for
    both components of the rotation: a torque vector τ gives δm = g (τ × m). Derived here (Green's function of the
    lattice form of the paper's J δθ'' = K δθ, the free end by an image).

    Parameters
    ----------
    n, source
        Plane indices >= 0, counted from the interface.
    exchange, anisotropy
        J_ex and K_pl, energies per area of a plane, > 0.

    Examples
    --------
    >>> round(float(chain_response(0, 0, exchange=100.0, anisotropy=1.0)), 5)
    0.09512
    """
    planes = [finite_array("n", n), finite_array("source", source)]
    for name, plane in zip(("n", "source"), planes, strict=True):
        if np.any(plane < 0):
            raise ArgumentError(f"Argument `{name}` must be >= 0, but is {plane.min():g}. Plane 0 is the interface.")
    J_ex = positive_array("exchange", exchange)
    q = _decay(J_ex, positive_array("anisotropy", anisotropy))
    direct, image = np.exp(-q * abs(planes[0] - planes[1])), np.exp(-q * (planes[0] + planes[1] + 1))
    return np.asarray((direct + image) / (2 * J_ex * np.sinh(q)))


# ---------------------------------------------------------------------- beyond small rotations
@formula
def critical_torque(J: ArrayLike, K: ArrayLike) -> Floats:
    """Return √(JK), the largest torque per area on the interface that a static wall can hold.

    **Result**: Energy per area. **Validity**: continuum (a ≪ d), all torque at y = 0, fixed in direction, anisotropy
    (K/2) sin². Derived here from the first integral of J δθ'' = K sin δθ cos δθ; the paper stops at small δθ.

    Parameters
    ----------
    J, K
        Exchange stiffness (energy/length) and anisotropy (energy/volume), > 0.
    """
    J, K = _constants(J, K)
    return np.asarray(np.sqrt(J * K))


@formula
def rotation_nonlinear(delta_J_M: ArrayLike, J: ArrayLike, K: ArrayLike, M0: ArrayLike = 1.0) -> Floats:
    """Return δθ_i from sin δθ_i = -ΔJ_M/(M0 √(JK)), the static wall of the continuum at any rotation.

    **Validity**: as `critical_torque`.

    Parameters
    ----------
    delta_J_M
        As in `rotation_restored`: minus the torque of the electrons on the interface, energy per area.
    J, K
        Exchange stiffness (energy/length) and anisotropy (energy/volume), > 0.
    M0
        As in `net_torque_printed`.
    """
    ratio = -finite_array("delta_J_M", delta_J_M) / (positive_array("M0", M0) * critical_torque(J, K))
    if np.any(abs(ratio) > 1):
        raise ArgumentError(
            f"Argument `delta_J_M` must not exceed M0 √(JK), but is {abs(ratio).max():.4g} times as large. "
            "No static wall holds that torque."
        )
    return np.asarray(np.arcsin(ratio))


# ---------------------------------------------------------------------- the atomistic chain
@dataclass(frozen=True, eq=False)
class SpinChain:
    """Classical spins on the planes of two magnets, made by `spin_chain`.

    Attributes
    ----------
    exchange : ndarray, shape (planes - 1,)
        J_ex of each bond, energy per area.
    anisotropy : ndarray, shape (planes,)
        K_pl of each plane, energy per area.
    easy_angle : ndarray, shape (planes,)
        Angle θ of the easy axis of each plane in the x-z plane (rad).
    left_planes : int
        Number of planes left of the interface.
    demagnetization : ndarray, shape (planes,), or 0
        K_d of each plane, energy per area: the cost (K_d/2) m_y² of pointing along the film normal.
    """

    exchange: Floats
    anisotropy: Floats
    easy_angle: Floats
    left_planes: int
    demagnetization: Any = 0.0

    @property
    def planes(self) -> int:
        """Number of planes of both magnets."""
        return len(self.anisotropy)

    @property
    def easy_axes(self) -> Floats:
        """Unit vectors of the easy axes, shape (planes, 3)."""
        return _vectors(self.easy_angle, np.zeros(self.planes))

    @property
    def interface_planes(self) -> list[int]:
        """Indices of the planes next to the interface: last left one, first right one, where they exist."""
        return [n for n in (self.left_planes - 1, self.left_planes) if 0 <= n < self.planes]

    def energy(self, m: ArrayLike) -> float:
        """Return E = Σ J_ex (1 - m_n·m_{n+1}) + (K_pl/2)[1 - (m·u)²] + (K_d/2) m_y² of a texture, shape (planes, 3)."""
        m = finite_array("m", m)
        if m.shape != (self.planes, 3):
            raise ArgumentError(f"Argument `m` must have shape {(self.planes, 3)}, but its shape is {m.shape}.")
        twist = np.sum(self.exchange * np.sum(np.diff(m, axis=0) ** 2, axis=-1)) / 2
        normal = np.sum(self.demagnetization * m[:, 1] ** 2) / 2
        return float(twist + normal + np.sum(self.anisotropy * np.sum(np.cross(m, self.easy_axes) ** 2, axis=-1)) / 2)

    def field(self, m: Floats) -> Floats:
        """Return h_n = -∂E/∂m_n up to a part along m_n, from differences of neighbors, shape (planes, 3).

        The rounding of the exchange field is then that of the small twist.
        """
        u = self.easy_axes
        h: Floats = (self.anisotropy * _dot(m, u))[:, None] * u
        h[:, 1] -= self.demagnetization * m[:, 1]
        twist = self.exchange[:, None] * np.diff(m, axis=0)
        h[:-1] += twist
        h[1:] -= twist
        return h


@formula
def spin_chain(
    *,
    exchange: Any,
    anisotropy: Any,
    planes: Any,
    theta_left: float = 0.0,
    theta_right: float = 0.0,
    interface_exchange: float = 0.0,
    demagnetization: Any = 0.0,
) -> SpinChain:
    """Return the `SpinChain` of two magnets that meet at an interface.

    **Validity**: classical spins of fixed length, nearest-plane exchange, uniaxial anisotropy, the demagnetizing field
    of an infinite film.

    Parameters
    ----------
    exchange
        J_ex > 0 between neighboring planes of a magnet, energy per area; one number or (left, right).
    anisotropy
        K_pl > 0 of a plane, energy per area; one number or (left, right).
    planes
        Number of planes; one number or (left, right). A pair with a zero leaves that magnet out. The wall decays over
        √(J_ex/K_pl) planes: take many more for a thick magnet, fewer for a free layer that rotates as a whole.
    theta_left, theta_right
        Easy axes in the x-z plane (rad).
    interface_exchange
        Exchange between the last left and the first right plane, energy per area, either sign; 0 behind a barrier.
    demagnetization
        K_d >= 0 of a plane, µ0 Ms² times its thickness, energy per area; one number or (left, right).

    Examples
    --------
    >>> chain = spin_chain(exchange=100.0, anisotropy=1.0, planes=(0, 300))
    >>> state = relax(chain, interface_torque(chain, right=0.1))
    >>> round(float(state.rotation[0]), 5)
    0.00951
    """
    J_ex = [positive("exchange", x, "It joins planes of one magnet.") for x in sides("exchange", exchange, alike=True)]
    K_pl = [
        positive("anisotropy", x, "Take θ from the easy axis, along which K > 0.")
        for x in sides("anisotropy", anisotropy, alike=True)
    ]
    count = [
        integer("planes", n, 0 if isinstance(planes, (tuple, list, np.ndarray)) else 1)
        for n in sides("planes", planes, alike=True)
    ]
    if not sum(count):
        raise ArgumentError("Argument `planes` must leave at least one plane, but is (0, 0).")
    K_d = [finite("demagnetization", x) for x in sides("demagnetization", demagnetization, alike=True)]
    if min(K_d) < 0:
        raise ArgumentError(f"Argument `demagnetization` must not be negative, but is {min(K_d):g}. It is µ0 Ms² a.")
    bonds = [np.full(max(n - 1, 0), J) for n, J in zip(count, J_ex, strict=True)]
    across = [finite("interface_exchange", interface_exchange)] if all(count) else []
    angles = (finite("theta_left", theta_left), finite("theta_right", theta_right))
    return SpinChain(
        np.concatenate([bonds[0], across, bonds[1]]),
        np.repeat(K_pl, count),
        np.repeat(angles, count),
        count[0],
        np.repeat(K_d, count),
    )


@formula
def interface_torque(chain: SpinChain, *, left: ArrayLike = 0.0, right: ArrayLike = 0.0) -> Floats:
    """Return the torque profile with everything on the two planes next to the interface, as the paper assumes.

    Parameters
    ----------
    chain
        The magnets.
    left, right
        Torque on the last left and first right plane, energy per area: a scalar (conjugate to θ, the y component) or a
        vector of shape (3,).

    Returns
    -------
    ndarray, shape (planes, 3)
    """
    profile = np.zeros((chain.planes, 3))
    for name, plane, value in [("left", chain.left_planes - 1, left), ("right", chain.left_planes, right)]:
        torque = finite_array(name, value)
        if torque.shape not in [(), (3,)]:
            raise ArgumentError(f"Argument `{name}` must be a scalar or one vector, but its shape is {torque.shape}.")
        if 0 <= plane < chain.planes:
            profile[plane] = torque if torque.ndim else [0.0, float(torque), 0.0]
    return profile


def _vectors(theta: Floats, elevation: Floats) -> Floats:
    """Return m from the angle θ in the x-z plane and the elevation out of it."""
    c = np.cos(elevation)
    return np.stack([c * np.sin(theta), np.sin(elevation), c * np.cos(theta)], axis=-1)


@dataclass(frozen=True, eq=False)
class ChainState:
    """A texture in equilibrium with a torque, with its own quality.

    Attributes
    ----------
    chain : SpinChain
        The magnets.
    m : ndarray, shape (planes, 3)
        Directions of the spins.
    torque : ndarray, shape (planes, 3)
        The torque of the electrons on each plane, energy per area.
    residual : float
        Largest unbalanced torque, energy per area.
    iterations : int
        Newton steps in total.
    stable : bool
        Whether the stiffness (symmetric part) is positive definite: overdamped motion returns to the state.
    linear : bool
        Whether the state is the linear response, for which ``residual`` is its nonlinear remainder.
    """

    chain: SpinChain
    m: Floats = field(repr=False)
    torque: Floats = field(repr=False)
    residual: float
    iterations: int
    stable: bool
    linear: bool = False

    @property
    def theta(self) -> Floats:
        """Angle of each spin in the x-z plane (rad), within π of the easy axis, shape (planes,)."""
        easy: Floats = self.chain.easy_angle
        return easy + self.rotation

    @property
    def rotation(self) -> Floats:
        """δθ_n: rotation from the easy axis within the x-z plane (rad), in (-π, π], shape (planes,)."""
        x, z, easy = self.m[:, 0], self.m[:, 2], self.chain.easy_angle
        return np.asarray(np.arctan2(x * np.cos(easy) - z * np.sin(easy), z * np.cos(easy) + x * np.sin(easy)))

    @property
    def elevation(self) -> Floats:
        """Angle of each spin out of the x-z plane (rad), positive toward +y, shape (planes,)."""
        return np.arctan2(self.m[:, 1], np.hypot(self.m[:, 0], self.m[:, 2]))

    @property
    def tilt(self) -> Floats:
        """Angle between each spin and its easy axis, in [0, π], shape (planes,)."""
        return angle_between(self.m, self.chain.easy_axes)

    @property
    def end_tilt(self) -> float:
        """Largest tilt at the outer ends; not small: the chain is no longer than its wall."""
        return float(max(self.tilt[0] if self.chain.left_planes else 0.0, self.tilt[-1]))

    def __str__(self) -> str:
        """Return the state and its quality as an aligned table."""
        at = self.chain.interface_planes
        rows = [
            ("planes (left + right)", f"{self.chain.left_planes} + {self.chain.planes - self.chain.left_planes}"),
            ("rotation at the interface", ", ".join(f"{x:.6g} rad" for x in self.rotation[at])),
            ("elevation at the interface", ", ".join(f"{x:.6g} rad" for x in self.elevation[at])),
            ("tilt at the outer ends", f"{self.end_tilt:.2g} rad"),
            ("unbalanced torque", f"{self.residual:.2g}"),
            ("Newton steps", f"{self.iterations}"),
            ("stable", "yes" if self.stable else "no"),
        ]
        return "\n".join(f"{name:<27}{value}" for name, value in rows)


def _frames(m: Floats) -> tuple[Floats, Floats]:
    """Return tangent vectors with e1 × e2 = m: e1 = ŷ × m (growing θ), or x̂ × m for spins near ±ŷ."""
    pole = np.where((abs(m[:, 1]) > 0.9)[:, None], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    e1 = np.cross(pole, m)
    e1 /= np.linalg.norm(e1, axis=-1, keepdims=True)
    return e1, np.cross(m, e1)


def _dot(a: Floats, b: Floats) -> Floats:
    return np.asarray(np.einsum("...i,...i->...", a, b))


def _unbalanced(chain: SpinChain, exchange: Floats, torque: Floats, m: Floats, frames: tuple[Floats, Floats]) -> Floats:
    """Return e_i·(h_n + τ_n × m_n), shape (planes, 2), the equilibrium condition m × (τ + m × h) = 0 up to sign."""
    w = replace(chain, exchange=exchange).field(m) + np.cross(torque, m)
    return np.stack([_dot(e, w) for e in frames], axis=-1)


def _stiffness(chain: SpinChain, exchange: Floats, torque: Floats, m: Floats, frames: tuple[Floats, Floats]) -> Floats:
    """Return minus the derivative of `_unbalanced` in the tangent displacements, in banded storage (3 + 1 + 3 rows)."""
    u, K, K_d = chain.easy_axes, chain.anisotropy, chain.demagnetization
    along = K * _dot(m, u) ** 2 - K_d * m[:, 1] ** 2
    bond = exchange * _dot(m[:-1], m[1:])
    along[:-1] += bond
    along[1:] += bond
    twist = _dot(torque, m)  # e_i·(τ × e_j): the antisymmetric, nonconservative part
    size = 2 * chain.planes
    bands = np.zeros((7, size))
    for i in range(2):
        for j in range(2):
            diagonal = (along if i == j else (j - i) * twist) - K * _dot(frames[i], u) * _dot(frames[j], u)
            diagonal = diagonal + K_d * frames[i][:, 1] * frames[j][:, 1]
            bands[3 + i - j, j::2] = diagonal
            coupling = -exchange * _dot(frames[i][:-1], frames[j][1:])
            bands[1 + i - j, 2 + j :: 2] = coupling
            bands[5 + j - i, i : size - 2 : 2] = coupling
    return bands


def _is_stable(chain: SpinChain, exchange: Floats, m: Floats) -> bool:
    """Return whether the symmetric part of the stiffness is positive definite."""
    bands = _stiffness(chain, exchange, np.zeros_like(m), m, _frames(m))
    try:
        cholesky_banded(bands[:4])
    except LinAlgError:
        return False
    return True


def _rotate(m: Floats, frames: tuple[Floats, Floats], step: Floats) -> Floats:
    """Return the spins moved along great circles by the tangent displacements ``step``, shape (planes, 2)."""
    size = np.linalg.norm(step, axis=-1)[:, None]
    direction = step[:, :1] * frames[0] + step[:, 1:] * frames[1]
    moved = np.cos(size) * m + np.sinc(size / np.pi) * direction
    normalized: Floats = moved / np.linalg.norm(moved, axis=-1, keepdims=True)
    return normalized


@dataclass
class _Newton:
    """Damped Newton iteration with banded stiffness; counts its steps."""

    chain: SpinChain
    tolerance: float
    max_iterations: int
    steps: int = 0

    def solve(self, exchange: Floats, torque: Floats, m: Floats) -> Floats | None:
        """Return the equilibrium reached from ``m``, or None."""
        for _ in range(self.max_iterations):
            self.steps += 1
            frames = _frames(m)
            force = _unbalanced(self.chain, exchange, torque, m, frames)
            try:
                step = solve_banded((3, 3), _stiffness(self.chain, exchange, torque, m, frames), force.ravel())
            except LinAlgError:
                return None
            step = step.reshape(-1, 2)
            largest = np.linalg.norm(step, axis=-1).max()
            if not np.isfinite(largest):
                return None
            if largest <= self.tolerance:
                return _rotate(m, frames, step)
            reached = self._descend(exchange, torque, m, frames, step * min(1, BRANCH_STEP / largest), force)
            if reached is None:
                return None
            m = reached
        return None

    def _descend(
        self, exchange: Floats, torque: Floats, m: Floats, frames: tuple[Floats, Floats], step: Floats, force: Floats
    ) -> Floats | None:
        """Return the first point along the step, halved until it lowers the unbalanced torque, or None."""
        before = np.linalg.norm(force)
        for halvings in range(12):
            trial = _rotate(m, frames, step / 2**halvings)
            if np.linalg.norm(_unbalanced(self.chain, exchange, torque, trial, _frames(trial))) < before:
                return trial
        return None


def _follow(newton: _Newton, loads: Callable[[float], tuple[Floats, Floats]], m: Floats, what: str) -> Floats:
    """Return the equilibrium at full load, following the stable branch from ``m`` at zero load."""
    fraction, step = 0.0, 1.0
    while fraction < 1:
        target = min(1.0, fraction + step)
        exchange, torque = loads(target)
        reached = newton.solve(exchange, torque, m)
        if (
            reached is not None
            and angle_between(reached, m).max() <= BRANCH_STEP
            and _is_stable(newton.chain, exchange, reached)
        ):
            m, fraction, step = reached, target, 2 * step
            continue
        step /= 2
        if step < SMALLEST_FRACTION:
            tilt = angle_between(m, newton.chain.easy_axes).max()
            raise ConvergenceError(
                f"Argument `{what}` must leave a stable equilibrium, but the branch from the easy axes ends at "
                f"{fraction:.4f} of it, with a tilt of {tilt:.3g} rad. Reduce it, or give a `start` on another branch."
            )
    return m


def _torque_profile(chain: SpinChain, torque: ArrayLike) -> Floats:
    """Return a torque given as scalars (the y component) or vectors as vectors, shape (planes, 3)."""
    profile = finite_array("torque", torque)
    if profile.shape == (chain.planes, 3):
        return profile
    if profile.shape == (chain.planes,):
        return np.stack([np.zeros_like(profile), profile, np.zeros_like(profile)], axis=-1)
    raise ArgumentError(
        f"Argument `torque` must have shape ({chain.planes},) or ({chain.planes}, 3), one entry a plane, "
        f"but its shape is {profile.shape}."
    )


def _start(chain: SpinChain, start: ArrayLike) -> Floats:
    """Return a starting texture, given as angles θ or as vectors, as unit vectors."""
    texture = finite_array("start", start)
    if texture.shape == (chain.planes,):
        return _vectors(texture, np.zeros(chain.planes))
    norm = np.linalg.norm(texture, axis=-1, keepdims=True)
    if texture.shape != (chain.planes, 3) or np.any(norm == 0):
        raise ArgumentError(
            f"Argument `start` must be {chain.planes} angles or nonzero vectors, but its shape is {texture.shape}."
        )
    unit: Floats = texture / norm
    return unit


def _state(chain: SpinChain, m: Floats, torque: Floats, iterations: int, linear: bool = False) -> ChainState:
    residual = _unbalanced(chain, chain.exchange, torque, m, _frames(m))
    stable = _is_stable(chain, chain.exchange, m)
    return ChainState(chain, m, torque, float(abs(residual).max()), iterations, stable, linear)


@formula
def relax(
    chain: SpinChain,
    torque: ArrayLike,
    *,
    linear: bool = False,
    start: ArrayLike | None = None,
    tolerance: float = 1e-9,
    max_iterations: int = 50,
) -> ChainState:
    r"""Return the texture in which exchange and anisotropy balance the electrons' torque on every plane.

    τ_n + m_n × h_n = 0,    h_n = J_ex (m_{n-1} + m_{n+1}) + K_pl (m_n·u_n) u_n.

    Newton's method on the sphere with a block-tridiagonal stiffness (`scipy.linalg.solve_banded`).

    **Validity**: statics. A damping-like torque that drives precession makes the state unstable in time although it
    balances; ``stable`` judges overdamped motion only. Antiparallel easy axes with exchange across the interface have a
    wall that turns freely about the axis: no unique answer, and no branch from the easy axes. Raises
    `ConvergenceError`: No equilibrium was reached; the message says up to which fraction of the torque there was one.

    Parameters
    ----------
    chain
        The magnets, see `spin_chain`.
    torque
        Torque of the electrons on each plane, energy per area (ħ/2 times the absorbed Pauli flux): shape (planes,) for
        the component conjugate to θ (the y component), or (planes, 3) for vectors. Only the part normal to the spin
        acts: its length is fixed.
    linear
        Return the linear response about the torque-free state instead.
    start
        Texture to start from, (planes,) angles θ or (planes, 3) vectors. By default the branch that starts at the easy
        axes is followed: first the interface exchange, then the torque grows to its value.
    tolerance
        Largest change of a spin (rad) in the last Newton step; the error left is of its square, or rounding.
    max_iterations
        Newton steps of each solve.

    Returns
    -------
    ChainState

    Examples
    --------
    >>> chain = spin_chain(exchange=100.0, anisotropy=1.0, planes=200, theta_right=1.0)
    >>> print(relax(chain, interface_torque(chain, left=-0.5, right=0.5)))  # doctest: +ELLIPSIS
    planes (left + right)      200 + 200
    rotation at the interface  -0.0475832 rad, 0.0475832 rad
    elevation at the interface 0 rad, 0 rad
    tilt at the outer ends     2.1e-10 rad
    unbalanced torque          ...e-14
    Newton steps               3
    stable                     yes
    """
    profile = _torque_profile(chain, torque)
    newton = _Newton(chain, positive("tolerance", tolerance), positive_integer("max_iterations", max_iterations))
    if start is not None and not linear:
        m = newton.solve(chain.exchange, profile, _start(chain, start))
        if m is None:
            raise ConvergenceError(
                f"Argument `start` must lead to an equilibrium, but Newton's method failed after {newton.steps} steps. "
                "Leave it out to follow the branch from the easy axes."
            )
        return _state(chain, m, profile, newton.steps)
    rest = _at_rest(newton, start)
    if linear:
        frames = _frames(rest)
        force = _unbalanced(chain, np.zeros_like(chain.exchange), profile, rest, frames)
        anisotropy_only = _unbalanced(chain, np.zeros_like(chain.exchange), 0 * profile, rest, frames)
        bands = _stiffness(chain, chain.exchange, 0 * profile, rest, frames)
        step = solve_banded((3, 3), bands, (force - anisotropy_only).ravel()).reshape(-1, 2)
        return _state(chain, _rotate(rest, frames, step), profile, newton.steps + 1, linear=True)
    m = _follow(newton, lambda fraction: (chain.exchange, fraction * profile), rest, "torque")
    return _state(chain, m, profile, newton.steps)


def _at_rest(newton: _Newton, start: ArrayLike | None) -> Floats:
    """Return the equilibrium without torque, from ``start`` or by switching on the interface exchange."""
    chain = newton.chain
    no_torque = np.zeros((chain.planes, 3))
    if start is not None:
        m = newton.solve(chain.exchange, no_torque, _start(chain, start))
        if m is None:
            raise ConvergenceError(
                f"Argument `start` must lead to an equilibrium, but Newton's method failed after {newton.steps} steps. "
                "Leave it out to follow the branch from the easy axes."
            )
        return m
    if len(chain.interface_planes) < 2 or chain.exchange[chain.left_planes - 1] == 0:
        return chain.easy_axes

    def loads(fraction: float) -> tuple[Floats, Floats]:
        exchange = chain.exchange.copy()
        exchange[chain.left_planes - 1] *= fraction
        return exchange, no_torque

    return _follow(newton, loads, chain.easy_axes, "interface_exchange")


# ---------------------------------------------------------------------- torque -> wall -> scattering -> torque
@dataclass(frozen=True, eq=False)
class LoopReport:
    """How the loop torque → wall → torque went.

    Attributes
    ----------
    converged : bool
        Whether the torque of the last texture equals the torque that made it, within the tolerance.
    reason : str
        Why the loop stopped, in words.
    residuals : tuple of float
        max|τ(m) - τ|/max|τ_0| at each evaluation of the torque, τ_0 being the torque on the texture at rest.
    state : ChainState
        The last texture in equilibrium; for a converged loop the solution.
    method : str
        "anderson" or "damped".
    """

    converged: bool
    reason: str
    residuals: tuple[float, ...]
    state: ChainState = field(repr=False)
    method: str

    @property
    def evaluations(self) -> int:
        """How often the torque was computed after the first time."""
        return len(self.residuals)

    def __str__(self) -> str:
        """Return the report as an aligned table."""
        rows = [
            ("converged", "yes" if self.converged else "no"),
            ("reason", self.reason),
            ("method", self.method),
            ("evaluations", str(self.evaluations)),
            ("last relative change", f"{self.residuals[-1]:.2g}" if self.residuals else "none"),
        ]
        return "\n".join(f"{name:<27}{value}" for name, value in rows) + f"\n{self.state}"


class _LoopEnd(Exception):  # noqa: N818 - it ends the solver's iteration, it is no error
    """The residual is below the tolerance."""


@dataclass
class _Loop:
    """The map torque -> torque of the wall it makes, with its history."""

    chain: SpinChain
    torque_of_texture: Callable[[Floats], ArrayLike]
    tolerance: float
    state: ChainState
    scale: float
    residuals: list[float] = field(default_factory=list)

    def defect(self, torque: Floats) -> Floats:
        """Return [τ(m) - τ]/scale for a torque given in units of ``scale``, flat; stop when it is small."""
        profile = self.scale * torque.reshape(self.chain.planes, 3)
        self.state = relax(self.chain, profile, start=None)
        answer = _torque_profile(self.chain, self.torque_of_texture(self.state.m))
        defect: Floats = ((answer - profile) / self.scale).ravel()
        self.residuals.append(float(abs(defect).max()))
        if self.residuals[-1] <= self.tolerance:
            raise _LoopEnd
        return defect


def _why_not(residuals: list[float], tolerance: float) -> str:
    """Return in words what the history of an unfinished loop shows."""
    steps = min(len(residuals) - 1, 5)
    if steps < 1 or residuals[-1] == 0:
        return "too few evaluations to judge"
    rate = (residuals[-1] / residuals[-1 - steps]) ** (1 / steps)
    if not rate < 1:
        return (
            f"the change does not shrink (factor {rate:.3g} an evaluation, last {residuals[-1]:.2g}): "
            "the torque answers the wall too strongly. Use a smaller `mixing`"
        )
    missing = int(np.ceil(np.log(tolerance / residuals[-1]) / np.log(rate)))
    return (
        f"the change shrinks by a factor {rate:.3g} an evaluation and is {residuals[-1]:.2g}: "
        f"about {missing} more evaluations are needed. Raise `max_evaluations`"
    )


@formula
def self_consistent(
    torque_of_texture: Callable[[Floats], ArrayLike],
    chain: SpinChain,
    *,
    method: str = "anderson",
    mixing: float = 1.0,
    tolerance: float = 1e-8,
    max_evaluations: int = 50,
) -> LoopReport:
    r"""Return the wall whose own torque makes it: τ → m(τ) → τ(m), repeated.

    **Validity**: statics, see `relax`. Far from an instability the wall is shallow, the torque hardly depends on it,
    and a few evaluations suffice. Raises `ConvergenceError`: The magnets have no equilibrium even without torque.

    Parameters
    ----------
    torque_of_texture
        Function of the texture m, shape (planes, 3), that returns the torque on each plane, (planes,) or (planes, 3) as
        in `relax`: scattering on that texture, say. The angles are ``numpy.arctan2(m[:, 0], m[:, 2])``.
    chain
        The magnets.
    method
        "anderson" (`scipy.optimize.root`) or "damped": τ ← τ + mixing [τ(m) - τ].
    mixing
        Part of the change that is accepted, in (0, 1]; Anderson's first guess in the other method.
    tolerance
        Largest change of the torque accepted, relative to the largest torque on the texture at rest. It cannot be below
        the noise of the function.
    max_evaluations
        Evaluations of the function after the first.

    Returns
    -------
    LoopReport
        Converged or not, and why. A torque too large for the chain is reported there, not raised.

    Examples
    --------
    >>> chain = spin_chain(exchange=100.0, anisotropy=1.0, planes=(0, 300), theta_right=1.0)
    >>> def torque(m):  # proportional to sin θ of the interface plane
    ...     return interface_torque(chain, right=0.5 * m[0, 0])
    >>> report = self_consistent(torque, chain)
    >>> report.converged, round(float(report.state.rotation[0]), 6)
    (True, 0.041057)
    """
    if method not in ("anderson", "damped"):
        raise ArgumentError(f'Argument `method` must be "anderson" or "damped", but is {method!r}.')
    mixing = positive("mixing", mixing)
    if mixing > 1:
        raise ArgumentError(f"Argument `mixing` must not exceed 1, but is {mixing:g}.")
    tolerance, limit = positive("tolerance", tolerance), positive_integer("max_evaluations", max_evaluations)
    rest = relax(chain, np.zeros(chain.planes))
    first = _torque_profile(chain, torque_of_texture(rest.m))
    scale = float(abs(first).max()) or 1.0
    loop = _Loop(chain, torque_of_texture, tolerance, rest, scale)
    x = (first / scale).ravel()
    try:
        if method == "damped":
            for _ in range(limit):
                x = x + mixing * loop.defect(x)
        else:
            options = {"maxiter": limit, "fatol": 0.0, "jac_options": {"alpha": mixing, "M": 5}, "line_search": None}
            root(loop.defect, x, method="anderson", options=options)
        reason = f"stopped after {len(loop.residuals)} evaluations: " + _why_not(loop.residuals, tolerance)
    except _LoopEnd:
        return LoopReport(True, "the torque reproduces itself", tuple(loop.residuals), loop.state, method)
    except ConvergenceError as error:
        reason = f"the chain cannot hold the torque of evaluation {len(loop.residuals) + 1}: {error}"
    return LoopReport(False, reason, tuple(loop.residuals), loop.state, method)
