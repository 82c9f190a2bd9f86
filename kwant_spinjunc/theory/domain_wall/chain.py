"""The chain of classical spins that holds the wall: its energy, its forces and its states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import LinAlgError, cholesky_banded

from ...arrays import Floats
from ...checks import finite, finite_array, formula, integer, not_negative, positive, sides
from ...errors import ArgumentError
from ...spin import angle_between


@dataclass(frozen=True, eq=False)
class SpinChain:
    """Classical spins on the planes of two magnets, made by `spin_chain`."""

    exchange: Floats  #: Shape (planes - 1,): J_ex of each bond, energy per area.
    anisotropy: Floats  #: Shape (planes,): K_pl of each plane, energy per area.
    easy_angle: Floats  #: Shape (planes,): angle θ of the easy axis of each plane in the x-z plane (rad).
    left_planes: int  #: Number of planes left of the interface.
    #: Shape (planes,), or 0: K_d of each plane, energy per area: the cost (K_d/2) m_y² of pointing along the film
    #: normal.
    demagnetization: Any = 0.0

    @property
    def planes(self) -> int:
        """Number of planes of both magnets."""
        return len(self.anisotropy)

    @property
    def easy_axes(self) -> Floats:
        """Unit vectors of the easy axes, shape (planes, 3)."""
        return vectors(self.easy_angle, np.zeros(self.planes))

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
        h: Floats = (self.anisotropy * dot(m, u))[:, None] * u
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

    **Validity**: classical spins, nearest-plane exchange, uniaxial anisotropy, demagnetizing field of an infinite film.

    ``exchange``, ``anisotropy``, ``demagnetization``: J_ex > 0 between planes of a magnet, K_pl > 0 and K_d >= 0
    (µ0 Ms² times its thickness) of a plane, energies per area; each one number or (left, right).
    ``planes``: number of planes; one number or (left, right). A pair with a zero leaves that magnet out. The wall
    decays over √(J_ex/K_pl) planes: take many more for a thick magnet, fewer for a free layer that rotates as a whole.
    ``theta_left``, ``theta_right``: easy axes in the x-z plane (rad).
    ``interface_exchange``: energy per area, from the last left to the first right plane, either sign; 0 behind a
    barrier.

    Examples
    --------
    >>> from kwant_spinjunc.theory.domain_wall import relax
    >>> chain = spin_chain(exchange=100.0, anisotropy=1.0, planes=(0, 300))
    >>> state = relax(chain, interface_torque(chain, right=0.1))
    >>> round(float(state.rotation[0]), 5)
    0.00951
    """

    def each(name: str, value: Any, gate: Callable[[str, Any, str], float], hint: str) -> list[float]:
        return [gate(name, x, hint) for x in sides(name, value, alike=True)]

    J_ex = each("exchange", exchange, positive, "It joins planes of one magnet.")
    K_pl = each("anisotropy", anisotropy, positive, "Take θ from the easy axis, along which K > 0.")
    K_d = each("demagnetization", demagnetization, not_negative, "It is µ0 Ms² a.")
    count = [
        integer("planes", n, 0 if isinstance(planes, (tuple, list, np.ndarray)) else 1)
        for n in sides("planes", planes, alike=True)
    ]
    if not sum(count):
        raise ArgumentError("Argument `planes` must leave at least one plane, but is (0, 0).")
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
    """Return the torque profile (planes, 3) with everything on the planes next to the interface, as the paper assumes.

    ``left``, ``right``: torques on the last left and first right plane, energies per area: scalars (conjugate to θ, the
    y component) or vectors of shape (3,).
    """
    profile = np.zeros((chain.planes, 3))
    for name, plane, value in [("left", chain.left_planes - 1, left), ("right", chain.left_planes, right)]:
        torque = finite_array(name, value)
        if torque.shape not in [(), (3,)]:
            raise ArgumentError(f"Argument `{name}` must be a scalar or one vector, but its shape is {torque.shape}.")
        if 0 <= plane < chain.planes:
            profile[plane] = torque if torque.ndim else [0.0, float(torque), 0.0]
    return profile


def vectors(theta: Floats, elevation: Floats) -> Floats:
    """Return m from the angle θ in the x-z plane and the elevation out of it."""
    c = np.cos(elevation)
    return np.stack([c * np.sin(theta), np.sin(elevation), c * np.cos(theta)], axis=-1)


@dataclass(frozen=True, eq=False)
class ChainState:
    """A texture in equilibrium with a torque, with its own quality."""

    chain: SpinChain  #: The magnets.
    m: Floats = field(repr=False)  #: Shape (planes, 3): directions of the spins.
    #: Shape (planes, 3): the torque of the electrons on each plane, energy per area.
    torque: Floats = field(repr=False)
    residual: float  #: Largest unbalanced torque, energy per area.
    iterations: int  #: Newton steps in total.
    #: Whether the stiffness (symmetric part) is positive definite: overdamped motion returns to the state.
    stable: bool
    #: Whether the state is the linear response, for which ``residual`` is its nonlinear remainder.
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


def transverse_frames(m: Floats) -> tuple[Floats, Floats]:
    """Return tangent vectors with e1 × e2 = m: e1 = ŷ × m (growing θ), or x̂ × m for spins near ±ŷ."""
    pole = np.where((abs(m[:, 1]) > 0.9)[:, None], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    e1 = np.cross(pole, m)
    e1 /= np.linalg.norm(e1, axis=1, keepdims=True)
    return e1, np.cross(m, e1)


def dot(a: Floats, b: Floats) -> Floats:
    """Return a·b of each plane."""
    return np.asarray(np.einsum("...i,...i->...", a, b))


def unbalanced(chain: SpinChain, exchange: Floats, torque: Floats, m: Floats, frames: tuple[Floats, Floats]) -> Floats:
    """Return e_i·(h_n + τ_n × m_n), shape (planes, 2), the equilibrium condition m × (τ + m × h) = 0 up to sign."""
    w = replace(chain, exchange=exchange).field(m) + np.cross(torque, m)
    return np.column_stack([dot(e, w) for e in frames])


def stiffness(chain: SpinChain, exchange: Floats, torque: Floats, m: Floats, frames: tuple[Floats, Floats]) -> Floats:
    """Return minus the derivative of `unbalanced` in the tangent displacements, in banded storage (3 + 1 + 3 rows)."""
    u, K, K_d = chain.easy_axes, chain.anisotropy, chain.demagnetization
    along = K * dot(m, u) ** 2 - K_d * m[:, 1] ** 2
    bond = exchange * dot(m[:-1], m[1:])
    along[:-1] += bond
    along[1:] += bond
    twist = dot(torque, m)  # e_i·(τ × e_j): the antisymmetric, nonconservative part
    size = 2 * chain.planes
    bands = np.zeros((7, size))
    for i in range(2):
        for j in range(2):
            diagonal = (along if i == j else (j - i) * twist) - K * dot(frames[i], u) * dot(frames[j], u)
            diagonal = diagonal + K_d * frames[i][:, 1] * frames[j][:, 1]
            bands[3 + i - j, j::2] = diagonal
            coupling = -exchange * dot(frames[i][:-1], frames[j][1:])
            bands[1 + i - j, 2 + j :: 2] = coupling
            bands[5 + j - i, i : size - 2 : 2] = coupling
    return bands


def is_stable(chain: SpinChain, exchange: Floats, m: Floats) -> bool:
    """Return whether the symmetric part of the stiffness is positive definite."""
    bands = stiffness(chain, exchange, np.zeros_like(m), m, transverse_frames(m))
    try:
        cholesky_banded(bands[:4])
    except LinAlgError:
        return False
    return True


def torque_profile(chain: SpinChain, torque: ArrayLike) -> Floats:
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
