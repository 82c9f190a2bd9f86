"""The matching of two metals at an interface: accumulations, currents, voltages and their profiles."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...arrays import Complex, Floats
from ...checks import finite_array, formula, not_negative, positive
from ...errors import ArgumentError
from ...spin import SIGNS, angle_between, frames, unit_pair
from ..interface import InterfaceResponse
from ..parallel_circuit import difference_length
from .interfaces import SingularMatchingError, VectorInterface, checked_response
from .material import DEGENERATE, Material

#: Beyond this condition number of the scaled matching equations fewer than three digits would be left.
SINGULAR = 1e13


@dataclass(frozen=True, eq=False)
class Profile:
    """Densities, potentials and currents at positions y, the last axis of scalars and the last but one of vectors."""

    y: Floats  #: Positions, shape (points,).
    side: NDArray[np.intp]  #: 0 on the left, 1 on the right, shape (points,).
    delta_n: Floats  #: δn, shape (..., points).
    delta_M: Floats  #: δM, shape (..., points, 3).
    #: `V`, `field`: Potential energy of an electron, zero in the middle of the barrier, and -V', shape (..., points).
    V: Floats
    field: Floats
    mu: Floats  #: Electrochemical potentials µ_s, shape (..., points, 2).
    J_M: Floats  #: Magnetization current along the local m, shape (..., points).
    spin_current: Floats  #: Q = J_M m + Q⊥, shape (..., points, 3).


# +1 on the left, where y increases towards the face, -1 on the right.
_ETA = np.array([1.0, -1.0])


@dataclass(frozen=True, kw_only=True, eq=False)
class Matching:
    """The solution of (5) to (11) for one interface; made by `match`.

    All arrays have the batch axes of the interface, directions and current first, then the side (0 = left).
    """

    #: `left`, `right`: Materials.
    left: Material
    right: Material
    m: Floats  #: Unit vectors, shape (..., 2, 3).
    current: Floats  #: Charge (particle) current J along +y, shape (...).
    #: `thickness`, `q_barrier`: Barrier thickness and its q.
    thickness: float
    q_barrier: float
    #: `N`, `delta`: The unknowns at the faces, shape (..., 2): average µ minus V, and spin accumulation (µ_+ - µ_-)/2;
    #: energies.
    N: Floats
    delta: Floats
    transverse: Floats  #: (D/σ) δM⊥ at the faces, an energy, shape (..., 2, 3); zero if clamped.
    condition: Floats  #: Condition number of the scaled matching equations, shape (...).

    @property
    def materials(self) -> tuple[Material, Material]:
        """Left and right material."""
        return self.left, self.right

    def _material(self, name: str) -> Floats:
        return np.array([getattr(material, name) for material in self.materials])

    @cached_property
    def delta_n(self) -> Floats:
        """δn at the faces, shape (..., 2)."""
        return np.asarray(self.N / self._density_scale / self._material("charge_stiffness"))

    @cached_property
    def v(self) -> Floats:
        """The variable v = (σ/D) δ at the faces, shape (..., 2)."""
        return np.asarray(self.delta / self._density_scale)

    @property
    def _density_scale(self) -> Floats:
        return np.asarray(self._material("D") / self._material("sigma"))

    @property
    def delta_M(self) -> Floats:
        """δM at the faces, shape (..., 2, 3)."""
        longitudinal = self.v + self._material("chi") * self.delta_n
        return np.asarray(longitudinal[..., None] * self.m + self.transverse / self._density_scale[:, None])

    @cached_property
    def J_M(self) -> Floats:
        """J_M^L and J_M^R at the faces, each along its own m, shape (..., 2)."""
        admittances = np.array([_spin_admittance(material) for material in self.materials])
        carried = admittances[:, 0] * self.N + admittances[:, 1] * self.delta
        return np.asarray(self._material("beta") * self.current[..., None] - _ETA * carried)

    @property
    def delta_J_M(self) -> Floats:
        """J_M^L m_L - J_M^R m_R, the longitudinal spin the interface takes, shape (..., 3)."""
        flux = self.J_M[..., None] * self.m
        return np.asarray(flux[..., 0, :] - flux[..., 1, :])

    @property
    def delta_J_M_length(self) -> Floats:
        """Length of `delta_J_M`, the left side of equation (12), shape (...)."""
        angle = angle_between(self.m[..., 0, :], self.m[..., 1, :])
        return difference_length(self.J_M[..., 0], self.J_M[..., 1], angle)

    @cached_property
    def transverse_spin_current(self) -> Floats:
        """Q⊥ = ∓ σ k s⊥ at the faces, shape (..., 2, 3)."""
        k = np.array([material.modes.transverse for material in self.materials])
        s = self.transverse
        rotated = k.real[:, None] * s + k.imag[:, None] * np.cross(self.m, s)
        return np.asarray(-(_ETA * self._material("sigma"))[:, None] * rotated)

    @property
    def spin_current(self) -> Floats:
        """Q = J_M m + Q⊥ at the faces, shape (..., 2, 3)."""
        return np.asarray(self.J_M[..., None] * self.m + self.transverse_spin_current)

    @property
    def interface_torque(self) -> Floats:
        """Q(left face) - Q(right face), all spin absorbed within the interface, shape (..., 3)."""
        Q = self.spin_current
        return np.asarray(Q[..., 0, :] - Q[..., 1, :])

    @property
    def layer_torque(self) -> Floats:
        """-ω ∫ δM×m dy, what precession of δM⊥ hands to the magnetization of each side, shape (..., 2, 3)."""
        return np.asarray(-self._material("omega")[:, None] * np.cross(self.magnetization_sheet, self.m))

    @cached_property
    def displacement(self) -> Floats:
        """-V'/q at both faces and in the barrier, shape (...)."""
        weights = _charge_weights(self.left)
        driven = weights[0] * self.N[..., 0] + weights[1] * self.delta[..., 0]
        return np.asarray(self.current / (self.left.sigma * self.left.q) + driven)

    @property
    def barrier_drop(self) -> Floats:
        """V(-d/2) - V(d/2), the step of the electrostatic potential energy, shape (...)."""
        return np.asarray(self.thickness * self.q_barrier * self.displacement)

    @property
    def mu(self) -> Floats:
        """µ_s at the faces, V = 0 in the middle of the barrier, shape (..., 2, 2): [side, spin]."""
        average = _ETA / 2 * self.barrier_drop[..., None] + self.N
        return np.asarray(average[..., None] + SIGNS * self.delta[..., None])

    @property
    def drop(self) -> Floats:
        r"""Electrochemical drop of the interface and its spin accumulation, shape (...).

        The difference of the two Ohmic lines const - Jy/σ extrapolated to the faces: [µ + βδ]_L - [µ + βδ]_R.
        """
        line = self.mu.mean(axis=-1) + self._material("beta") * self.delta
        return np.asarray(line[..., 0] - line[..., 1])

    @property
    def resistance(self) -> Floats:
        """`drop` per current, resistance × area, shape (...)."""
        return np.asarray(self.drop / self.current)

    @property
    def charge_sheet(self) -> Floats:
        """∫ δn dy of each side's layer, per area, shape (..., 2)."""
        return self._moments(1)[..., 0]

    @property
    def magnetization_sheet(self) -> Floats:
        """∫ δM dy of each side's layer, per area, shape (..., 2, 3)."""
        return self._magnetization_moment(1)

    @property
    def charge_dipole(self) -> Floats:
        """∫ (y - y_face) δn dy of each side, shape (..., 2).

        q times it is the rise of V along +y across the layer, beyond the Ohmic line -Jy/σ.
        """
        return np.asarray(-_ETA * self._moments(2)[..., 0])

    @property
    def magnetization_dipole(self) -> Floats:
        """∫ (y - y_face) δM dy of each side, shape (..., 2, 3)."""
        return np.asarray(-_ETA[:, None] * self._magnetization_moment(2))

    def _moments(self, power: int) -> Floats:
        """Return ∫ x^(power-1) (δn, v) dx of each side for power 1 or 2, shape (..., 2, 2)."""
        inverse = np.array([material.modes.root(-power) for material in self.materials])
        return np.asarray((inverse @ np.stack([self.delta_n, self.v], axis=-1)[..., None])[..., 0])

    def _magnetization_moment(self, power: int) -> Floats:
        """Return ∫ x^(power-1) δM dx of each side for power 1 or 2."""
        charge, spin = np.moveaxis(self._moments(power), -1, 0)
        longitudinal = spin + self._material("chi") * charge
        k = np.array([material.modes.transverse for material in self.materials]) ** -power
        s = self.transverse / self._density_scale[:, None]
        across = k.real[:, None] * s + k.imag[:, None] * np.cross(self.m, s)
        return np.asarray(longitudinal[..., None] * self.m + across)

    def amplitudes(self, side: int) -> tuple[Complex, Complex, Complex]:
        """Return the terms of equation (11) on one side: k_i, δn_i0, δM_i0.

        **Result**: shapes (4,), (..., 4) and (..., 4, 3), in the order of `Modes.wave_numbers`: screening, spin,
        transverse, its conjugate. Complex; the sums over the four modes are real.
        """
        material = self.materials[side]
        modes = material.modes
        gap = modes.screening**2 - modes.spin**2
        if abs(gap) <= DEGENERATE * abs(modes.spin**2):
            raise ArgumentError(
                "Argument `side` must name a material of four distinct lengths, but its spin and screening lengths "
                f"coincide at {1 / modes.spin.real:g}. Use `profile`, which holds there."
            )
        n, v = self.delta_n[..., side], self.v[..., side]
        n_spin = (n * modes.shift - v * modes.B[0, 1]) / gap
        v_charge = (n * modes.B[1, 0] + v * modes.shift) / gap
        n_charge, v_spin = n - n_spin, v - v_charge
        delta_n = np.stack([n_charge, n_spin, 0 * n_spin, 0 * n_spin], axis=-1).astype(complex)
        m = self.m[..., side, :]
        s = self.transverse[..., side, :] / self._density_scale[side]
        rotating = (s - 1j * np.cross(m, s)) / 2
        delta_M = np.stack(
            [
                (v_charge + material.chi * n_charge)[..., None] * m,
                (v_spin + material.chi * n_spin)[..., None] * m,
                rotating,
                rotating.conj(),
            ],
            axis=-2,
        )
        return modes.wave_numbers, delta_n, delta_M

    def grid(self, points: int = 1000, reach: float = 8.0) -> Floats:
        """Return positions on both sides, denser towards the faces, out to ``reach`` of each side's longest length.

        The last left point is ``-thickness/2`` (-0.0 without a barrier), the first right point ``thickness/2``.
        """
        half = points // 2
        sides = []
        for material, count in zip(self.materials, (half, points - half), strict=True):
            lengths = 1 / material.modes.wave_numbers.real
            ratio = max(float(np.log(lengths.max() / lengths.min())), 1.0)
            u = np.linspace(0.0, 1.0, count)
            sides.append(reach * lengths.max() * np.expm1((ratio + 3) * u) / np.expm1(ratio + 3))
        d = self.thickness / 2
        return np.concatenate([-d - sides[0][::-1], d + sides[1]])

    def profile(self, y: ArrayLike | None = None) -> Profile:
        """Evaluate all fields at positions ``y``.

        ``y``: positions, shape (points,), outside the barrier; a zero counts as left if it is -0.0. Default `grid`.
        """
        y = self.grid() if y is None else np.atleast_1d(finite_array("y", y))
        if y.ndim != 1:
            raise ArgumentError(f"Argument `y` must be one-dimensional, but its shape is {y.shape}.")
        x = np.abs(y) - self.thickness / 2
        # A face written as -d/2 may lie a rounding inside the barrier.
        if np.any(x < -1e-12 * self.thickness):
            raise ArgumentError(
                f"Argument `y` must lie outside the barrier, |y| >= {self.thickness / 2:g}, but contains "
                f"{y[np.argmin(x)]:g}. There are no states inside; the potential is linear there."
            )
        x = np.maximum(x, 0.0)
        side = (~np.signbit(y)).astype(np.intp)
        left, right = (self._one_side(index, x[side == index]) for index in (0, 1))
        # the points axis follows the batch's; both sides one behind the other go back into the order of y
        axis, order = self.current.ndim, np.argsort(np.argsort(side, kind="stable"))
        both = {name: np.concatenate([left[name], right[name]], axis=axis) for name in left}
        return Profile(y=y, side=side, **{name: np.take(values, order, axis=axis) for name, values in both.items()})

    def _one_side(self, side: int, x: Floats) -> dict[str, Floats]:
        p, eta = self.materials[side], _ETA[side]
        modes = p.modes
        J = self.current[..., None]
        n0, v0 = self.delta_n[..., side, None], self.v[..., side, None]
        nn, nv, vn, vv = modes.propagator(x)
        n, v = nn * n0 + nv * v0, vn * n0 + vv * v0
        magnetization = v + p.chi * n
        # (8) integrated, y = const - eta x: V = const - (J y + βD m + α1 D n)/σ.
        ohmic = eta * J * x / p.sigma
        uniform = (p.beta * p.D * magnetization + p.alpha1 * p.D * n) / p.sigma
        at_face = (p.beta * p.D * (v0 + p.chi * n0) + p.alpha1 * p.D * n0) / p.sigma
        V = eta * self.barrier_drop[..., None] / 2 + ohmic - (uniform - at_face)
        sheet, slope = modes.root(-1)[0], modes.root(1)[1]
        field = J / p.sigma + eta * p.q * (sheet[0] * n + sheet[1] * v)
        J_M = p.beta * J - eta * p.D * (1 - p.beta**2) * (slope[0] * n + slope[1] * v)
        average = V + p.D / p.sigma * p.charge_stiffness * n
        mu = average[..., None] + SIGNS * (p.D / p.sigma * v)[..., None]
        m = self.m[..., side, None, :]
        cosine, sine = (part[:, None] for part in modes.transverse_decay(x))

        def across(vector: Floats) -> Floats:
            return np.asarray(cosine * vector - sine * np.cross(m, vector))

        s, Q = self.transverse[..., side, None, :], self.transverse_spin_current[..., side, None, :]
        return {
            "delta_n": n,
            "delta_M": magnetization[..., None] * m + across(s) * p.sigma / p.D,
            "V": V,
            "field": field,
            "J_M": J_M,
            "mu": mu,
            "spin_current": J_M[..., None] * m + across(Q),
        }


def _spin_admittance(material: Material) -> Floats:
    """Return (c_N, c_δ) with J_M = βJ ∓ (c_N N + c_δ δ) at the left (right) face."""
    slope = material.sigma * (1 - material.beta**2) * material.modes.root(1)[1]
    return np.asarray(slope / [material.charge_stiffness, 1.0])


def _charge_weights(material: Material) -> Floats:
    """Return (e_N, e_δ) with -V'/q = J/(σq) ± (e_N N + e_δ δ) at the left (right) face: the sheet charge."""
    sheet = material.sigma / material.D * material.modes.root(-1)[0]
    return np.asarray(sheet / [material.charge_stiffness, 1.0])


def _interface_rows(interface: InterfaceResponse | VectorInterface, m: Floats) -> Floats:
    """Return the fluxes (J, J_M^L, J_M^R, [Q⊥L (2), Q⊥R (2)]) per (µ_L, δ_L, µ_R, δ_R, [s⊥L (2), s⊥R (2)])."""
    if isinstance(interface, InterfaceResponse):
        rows = np.stack(checked_response(interface), axis=-3)
        signed = rows * np.array([1.0, -1.0])[:, None]
        columns = np.stack([signed.sum(axis=-1), signed @ SIGNS], axis=-1)
        return np.asarray(columns.reshape(*columns.shape[:-2], 4))
    local = np.zeros((*m.shape[:-1], 4, 4))
    local[..., 0, 0] = 1.0
    local[..., 1:, 1:] = np.roll(frames(m), 1, axis=-2)
    # Rows and columns (charge, m, e1, e2) of each side.
    flux = np.einsum("...iua,...ilab,...lwb->...iulw", local, interface.response, local, optimize=True)
    flux = flux * np.array([1.0, -1.0])[:, None]
    flux = flux.reshape(*flux.shape[:-4], 8, 8)
    # Charge and J_M of the left, J_M of the right (its charge is the same), then the transverse parts.
    return np.asarray(flux[..., [0, 1, 5, 2, 3, 6, 7], :][..., [0, 1, 4, 5, 2, 3, 6, 7]])


@formula
def match(
    left: Material,
    right: Material,
    interface: InterfaceResponse | VectorInterface,
    *,
    m_left: ArrayLike,
    m_right: ArrayLike,
    current: ArrayLike = 1.0,
    thickness: float = 0.0,
    q_barrier: float | None = None,
) -> Matching:
    r"""Solve equations (7) to (11) on both sides of an interface, at constant current.

    **Validity**: linear response, half-spaces longer than their spin-diffusion lengths, no charge in the barrier.
    Passive interfaces (dissipating r's) never make the matching singular in exact arithmetic: each half-space is
    passive too. Interface conductances above about 1e12 times those of the metals are refused for lack of digits; 1e8
    times is already a transparent contact. Raises `SingularMatchingError`: The interface conditions leave a combination
    of N and δ undetermined (condition number above 1e13). Source: the paper, equations (5) to (11). The collinear
    solution for α1 = α2 is that of T. Valet and A. Fert, Phys. Rev. B 48, 7099 (1993), whatever the screening.

    ``left``, ``right``: materials of y < -d/2 and y > d/2; they may differ in everything.
    ``interface``: `InterfaceResponse`, the r's of (5), (6) and the charge response, δM⊥ = 0; or `VectorInterface`, δM⊥
    matched as well. Conductances per area (`per_area`); the µ are those of (8), (9) at the faces. Leading axes
    broadcast.
    ``current``: charge (particle) current J along +y, shape (...).
    ``thickness``: thickness d >= 0 of the barrier.
    ``q_barrier``: e²/(ε0 ε_r) of the barrier; by default that of the materials, which then must agree if d > 0.

    Examples
    --------
    >>> from kwant_spinjunc.theory.interface import tunnelling_response
    >>> iron = Material(sigma=2.0, beta=0.6, D=1.0, tau=4.0, q=50.0)
    >>> z = [0.0, 0.0, 1.0]
    >>> solution = match(iron, iron, tunnelling_response(0.4 * np.eye(2)), m_left=z, m_right=z)
    >>> solution.J_M.round(6).tolist()   # 2ξ'β/(1 + 2ξ') with ξ' = 0.8/0.8
    [0.4, 0.4]
    """
    thickness = not_negative("thickness", thickness)
    if q_barrier is None:
        if thickness > 0 and left.q != right.q:
            raise ArgumentError(
                f"Argument `q_barrier` must be given, but is None although `left.q` = {left.q:g} and `right.q` = "
                f"{right.q:g} differ. It is e²/(ε0 ε_r) of the barrier."
            )
        q_barrier = left.q
    q_barrier = positive("q_barrier", q_barrier)
    m = np.stack(unit_pair(m_left, m_right), axis=-2)
    flux = _interface_rows(interface, m)
    J = finite_array("current", current)
    batch = np.broadcast_shapes(flux.shape[:-2], m.shape[:-2], J.shape)
    J, m = np.broadcast_to(J, batch), np.broadcast_to(m, (*batch, 2, 3))
    flux = np.broadcast_to(flux, (*batch, *flux.shape[-2:]))
    solution, condition = _solve(*_matching_equations(left, right, flux, J, thickness * q_barrier))
    transverse = np.zeros((*batch, 2, 3))
    if isinstance(interface, VectorInterface):
        across = solution[..., 4:].reshape(*batch, 2, 2)
        transverse = np.einsum("...iu,...iuc->...ic", across, frames(m)[..., :2, :])
    return Matching(
        left=left,
        right=right,
        m=m,
        current=J,
        thickness=thickness,
        q_barrier=q_barrier,
        N=solution[..., [0, 2]],
        delta=solution[..., [1, 3]],
        transverse=transverse,
        condition=condition,
    )


def _matching_equations(
    left: Material, right: Material, flux: Floats, J: Floats, barrier: float
) -> tuple[Floats, Floats, Floats]:
    """Return A x = b for x = (N_L, δ_L, N_R, δ_R, [s⊥L (2), s⊥R (2)]), and the size of the terms A sums."""
    rows, size = flux.shape[-2:]
    b = np.zeros((*J.shape, size))
    # µ_L = N_L, µ_R = N_R - (potential step), V(-d/2) = 0: the step is d q_b times the displacement of the left side.
    displacement = np.zeros(size)
    displacement[:2] = _charge_weights(left)
    step = barrier * flux[..., 2, None]
    b[..., :rows] = step[..., 0] * (J / (left.sigma * left.q))[..., None]
    b[..., 0] += J
    metal = np.zeros((size, size))
    # J_M inside each metal.
    metal[1, :2] = _spin_admittance(left)
    metal[2, 2:4] = -_spin_admittance(right)
    b[..., 1] += left.beta * J
    b[..., 2] += right.beta * J
    # Q⊥ = ∓σ k s⊥ inside each metal.
    for first, material, sign in ((3, left, 1.0), (5, right, -1.0))[: (rows - 3) // 2]:
        k = material.sigma * material.modes.transverse
        metal[first : first + 2, first + 1 : first + 3] = sign * np.array([[k.real, -k.imag], [k.imag, k.real]])
    # Continuity of the displacement: the two sheet charges make up for the difference of the Ohmic fields.
    metal[-1, :2] = displacement[:2]
    metal[-1, 2:4] = _charge_weights(right)
    b[..., -1] = J * (1 / (right.sigma * right.q) - 1 / (left.sigma * left.q))
    A, size_of_terms = np.empty((2, *J.shape, size, size))
    A[...], size_of_terms[...] = metal, np.abs(metal)
    A[..., :rows, :] += flux - step * displacement
    size_of_terms[..., :rows, :] += np.abs(flux) + np.abs(step * displacement)
    return A, b, size_of_terms


def _solve(A: Floats, b: Floats, size_of_terms: Floats) -> tuple[Floats, Floats]:
    """Solve A x = b with rows and columns scaled to order one; refuse a singular system."""
    # Scales come from the terms, not from their sums: an equation whose terms cancel must not be blown up.
    row = 1 / size_of_terms.max(axis=-1, keepdims=True)
    column = 1 / (size_of_terms * row).max(axis=-2, keepdims=True)
    scaled = A * row * column
    condition = np.linalg.cond(scaled)
    if not np.all(condition < SINGULAR):
        worst = np.linalg.svd(scaled[np.unravel_index(np.argmax(condition), condition.shape)])[2][-1]
        raise SingularMatchingError(
            f"Argument `interface` must determine the accumulations, but the matching is singular (condition number "
            f"{np.max(condition):.1e}): scaled (N_L, δ_L, N_R, δ_R, ...) = {np.round(worst, 3).tolist()} is free. "
            "Compare its coefficients with the conductances of the metals: an interface far more conducting than "
            "1e10 times a metal has no digits left, use 1e8 times for a transparent contact."
        )
    x = np.linalg.solve(scaled, (b * row[..., 0])[..., None])[..., 0] * column[..., 0, :]
    return x, condition
