r"""Two halves and one rotation: exact scattering off clean junctions, for whole batches at once.

Cut a junction of two collinear magnets at a bond, hopping t, inside its spacer. Each half, in the spin frame of its
own magnet, is spin-diagonal: all that the other half sees of it are two numbers, the surface Green's functions
g_L+, g_L- (and g_R+, g_R-). The angle Φ between the magnets enters only through the rotation R_ss'(Φ) on the cut
bond. With u_s = t g_Ls, w_s' = t g_Rs', d_ss' = 1 - u_s w_s' the probabilities are **exactly**

    T_ss' = |R_ss'|² (2 Im u_s) (2 Im w_s') |d_s̄s̄'|² / |D|²,                                                    (a)
    D = d_++ d_-- + |R_+-|² (u_+ - u_-) (w_+ - w_-)
      = |R_++|² d_++ d_-- + |R_+-|² d_+- d_-+,                                                                  (b)
    R^L_+- = |R_++|² |R_+-|² (2 Im u_+) (2 Im u_-) |w_+ - w_-|² / |D|²,                                         (c)

a bar meaning the opposite spin. When little is transmitted d, D → 1 and (a) is equation (2) of Chui and Lin (2003):
the rotation times one factor of each half. The corrections are the d and D; the spin-flip reflection (c), which
equations (3) and (4) leave out, is of second order in the transmission.

**Accuracy.** No quantity is a difference of larger ones: Im g and g_+ - g_- are propagated by products, currents on the
injecting side are summed from the transmitted ones, so probabilities keep 12 relative digits also at T = 1e-30.

**Textures**, where no bond separates two collinear halves, take the recursion of the 2×2 Green's functions
g = g_0 + **g**·σ in Pauli components (`junction.cut` is None; the same functions, several times slower).

Conventions: batch axes lead, index 0 = majority, lead 0 = left, ħ = 1; scattering amplitudes refer to the first and
last plane of the scattering region (S = -1 + i √v G √v, Fisher and Lee, Phys. Rev. B 23, 6851 (1981)).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import ArgumentError, finite_array
from .junction import Junction
from .spin import check_unit_vector, rotation_matrix

__all__ = ["Solution", "Stack", "covers", "probabilities", "solve"]

#: Points evaluated together: the working set of a chunk stays in the second-level cache.
CHUNK = 4096
#: Stands in for an exact zero in a denominator (modified Lentz): a half whose surface Green's function has a pole
#: right at the energy. Its square neither over- nor underflows.
TINY = 1e-30

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Block = tuple[slice, ...]


# ---------------------------------------------------------------------------------------------------- the device
@dataclass(frozen=True, eq=False, kw_only=True)
class Stack:
    """Arrays of junctions that differ in their numbers but not in their number of planes.

    All arrays have leading batch axes that broadcast against each other, against the energy and the band shift. An
    axis along which a parameter does not vary should have length 1 (or be absent): the halves of a junction are then
    solved once for all angles on that axis.

    Parameters
    ----------
    onsite, splitting, in_plane
        On-site energy ε, exchange splitting Δ and in-plane hopping t∥ of each plane of the scattering region, shape
        (..., planes). Splittings are signed: negative for planes antiparallel to ``m``.
    bonds
        Hopping of each bond, shape (..., planes - 1).
    m
        Directions. With a ``cut``: of the left and right half, shape (..., 2, 3). Without: of each plane, shape
        (..., planes, 3).
    lead_onsite, lead_splitting, lead_in_plane, lead_hopping
        The same numbers of the left and right lead, shape (..., 2). Splittings are signed like those of the planes
        with a ``cut``, and along ``lead_m`` without.
    lead_m
        Direction of the spin labels of each lead, shape (..., 2, 3).
    cut
        Bond that joins two collinear halves, or None for a texture.

    Raises
    ------
    ArgumentError
        Shapes do not fit, numbers are not finite, a hopping is not positive or a direction is no unit vector.

    Examples
    --------
    Two magnets at four angles and two barrier heights:

    >>> import numpy as np
    >>> import dataclasses
    >>> from kwant_spinjunc.junction import Junction, barrier, ferromagnet
    >>> from kwant_spinjunc.spin import unit_vector
    >>> iron = ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> stack = Stack.from_junction(Junction(iron, [barrier(onsite=3.0, hopping=1.0, thickness=2)], iron))
    >>> height = np.array([[[0.0]], [[1.0]]])
    >>> onsite = stack.onsite + height * np.array([0, 1, 1, 0])
    >>> stack = dataclasses.replace(stack, onsite=onsite).with_directions(
    ...     unit_vector(0.0), unit_vector(np.linspace(0, np.pi, 4)))
    >>> stack.shape
    (2, 4)
    """

    onsite: Array
    splitting: Array
    in_plane: Array
    bonds: Array
    m: Array
    lead_onsite: Array
    lead_splitting: Array
    lead_in_plane: Array
    lead_hopping: Array
    lead_m: Array
    cut: int | None

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        planes = np.asarray(self.onsite).shape[-1:]
        if planes < (2,):
            raise ArgumentError(f"Argument `onsite` must have a trailing axis of at least 2 planes, but has {planes}.")
        count = planes[0]
        trailing: dict[str, tuple[int, ...]] = {
            "onsite": planes,
            "splitting": planes,
            "in_plane": planes,
            "bonds": (count - 1,),
            "m": (2 if self.cut is not None else count, 3),
            **dict.fromkeys(("lead_onsite", "lead_splitting", "lead_in_plane", "lead_hopping"), (2,)),
            "lead_m": (2, 3),
        }
        for name, shape in trailing.items():
            set_(self, name, finite_array(name, getattr(self, name), shape))
        for name in ("m", "lead_m"):
            set_(self, name, check_unit_vector(getattr(self, name), name))
        for name in ("bonds", "lead_hopping"):
            if (getattr(self, name) <= 0).any():
                raise ArgumentError(f"Argument `{name}` must be positive, but has an entry <= 0.")
        if self.cut is not None and not 0 <= self.cut < count - 1:
            raise ArgumentError(f"Argument `cut` must be a bond from 0 to {count - 2}, but is {self.cut}.")
        try:
            shapes = [getattr(self, name).shape[: -len(shape)] for name, shape in trailing.items()]
            set_(self, "_shape", np.broadcast_shapes(*shapes))
        except ValueError:
            raise ArgumentError(
                "The arrays of a `Stack` must have leading axes that broadcast, but they do not."
            ) from None

    @property
    def shape(self) -> tuple[int, ...]:
        """The common batch shape of all parameters."""
        shape: tuple[int, ...] = self._shape  # type: ignore[attr-defined]
        return shape

    @property
    def planes(self) -> int:
        """Number of planes of the scattering region."""
        return self.onsite.shape[-1]

    @classmethod
    def from_junction(cls, junction: Junction) -> Stack:
        """Return the numbers of one junction, without batch axes."""
        leads, cut = junction.leads, junction.cut
        magnetic = junction.plane_splitting
        if cut is None:
            m, splitting = junction.plane_m, magnetic
        else:
            m = junction.magnetizations
            # A magnetic lead is its half's magnet, so its splitting is positive along m.
            half = np.where(np.arange(len(magnetic)) <= cut, 0, 1)
            splitting = magnetic * np.sign(np.sum(junction.plane_m * m[half], axis=-1))
        return cls(
            onsite=np.array([plane.onsite for plane in junction.planes]),
            splitting=splitting,
            in_plane=np.array([plane.t_parallel for plane in junction.planes]),
            bonds=junction.bond_hoppings,
            m=m,
            lead_onsite=np.array([lead.onsite for lead in leads]),
            lead_splitting=np.array([lead.splitting for lead in leads]),
            lead_in_plane=np.array([lead.t_parallel for lead in leads]),
            lead_hopping=np.array([lead.hopping for lead in leads]),
            lead_m=np.array([lead.m for lead in leads]),
            cut=cut,
        )

    @classmethod
    def from_junctions(cls, junctions: Any) -> Stack:
        """Return the numbers of an array of junctions (nested sequences), its shape the batch shape.

        Parameters that do not vary along an axis get length 1 there, so that halves are shared between angles.

        Raises
        ------
        ArgumentError
            The junctions have different numbers of planes, or cannot be cut at a common bond.
        """
        grid = np.empty(np.shape(junctions), dtype=object)
        grid[...] = junctions
        if not grid.size or not all(isinstance(junction, Junction) for junction in grid.flat):
            raise ArgumentError("Argument `junctions` must be a (nested) sequence of junctions, but is not.")
        stacks = [_stack_of(junction) for junction in grid.flat]
        if len({(stack.planes, stack.cut) for stack in stacks}) > 1:
            raise ArgumentError(
                "Argument `junctions` must be junctions with equal numbers of planes that are cut at the same bond, "
                "but they differ. Solve them one by one."
            )
        values: dict[str, Any] = {}
        for name in cls.__dataclass_fields__:
            if name != "cut":
                rows = np.array([getattr(stack, name) for stack in stacks])
                values[name] = _squeeze_constant(rows.reshape(grid.shape + rows.shape[1:]), grid.ndim)
        return cls(**values, cut=stacks[0].cut)

    def with_directions(self, m_left: ArrayLike, m_right: ArrayLike) -> Stack:
        """Return the stack with the magnets of the two halves along ``m_left`` and ``m_right``, shape (..., 3).

        The labels of magnetic leads turn with their magnets; those of a nonmagnetic lead stay.
        """
        if self.cut is None:
            raise ArgumentError("A texture has no two directions to set. Replace `m` instead.")
        pair = np.stack(
            np.broadcast_arrays(check_unit_vector(m_left, "m_left"), check_unit_vector(m_right, "m_right")), -2
        )
        signs = np.sign(self.lead_splitting)[..., None]
        return replace(self, m=pair, lead_m=np.where(signs == 0, self.lead_m, signs * pair))


def _squeeze_constant(array: Array, axes: int) -> Array:
    for axis in range(axes):
        first = array.take([0], axis=axis)
        if (array == first).all():
            array = first
    return array


@lru_cache(maxsize=256)
def _stack_of(junction: Junction) -> Stack:
    return Stack.from_junction(junction)


def _as_stack(junction: Junction | Stack) -> Stack:
    if isinstance(junction, Stack):
        return junction
    if isinstance(junction, Junction):
        return _stack_of(junction)
    raise ArgumentError(f"Argument `junction` must be a Junction or a Stack, but is {type(junction).__name__}.")


def covers(junction: Any) -> bool:
    """Return whether the engine solves ``junction``: every clean `Junction` or `Stack`, textures included."""
    return isinstance(junction, (Junction, Stack))


# ------------------------------------------------------------------------------------------------------- batches
def _blocks(shape: tuple[int, ...], limit: int) -> Iterator[Block]:
    """Yield slices that tile ``shape`` in blocks of at most ``limit`` points, leading axes cut first."""
    sizes = list(shape)
    for axis, size in enumerate(shape):
        points = int(np.prod(sizes))
        if points > limit:
            sizes[axis] = max(1, size * limit // points)
    ranges = [range(0, size, step) if size else range(0) for size, step in zip(shape, sizes, strict=True)]
    for starts in product(*ranges):
        yield tuple(slice(start, start + step) for start, step in zip(starts, sizes, strict=True))


def _take(array: NDArray[Any], block: Block, offset: int = 0) -> NDArray[Any]:
    """Slice the batch axes of ``array``, which follow ``offset`` others; axes of length 1 stay."""
    sizes = array.shape[offset:]
    picks = tuple(slice(None) if size == 1 else pick for size, pick in zip(sizes, block, strict=True))
    return array[(slice(None),) * offset + picks]


class _Problem:
    """A stack, energies and band shifts on common batch axes, with the trailing parameter axes moved in front."""

    def __init__(self, stack: Stack, energy: NDArray[Any], band_shift: Array) -> None:
        try:
            shape = np.broadcast_shapes(stack.shape, energy.shape, band_shift.shape)
        except ValueError:
            raise ArgumentError(
                "Arguments `energy` and `band_shift` must broadcast with each other and with the stack, but their "
                f"shapes are {energy.shape}, {band_shift.shape} and {stack.shape}."
            ) from None
        self.stack = stack
        self.shape = shape
        self.batch = shape or (1,)
        self.energy = self._expand(energy)
        self.band_shift = self._expand(band_shift)
        self.onsite = self._expand(stack.onsite, 1)
        self.splitting = self._expand(stack.splitting, 1)
        self.in_plane = self._expand(stack.in_plane, 1)
        self.bonds = self._expand(stack.bonds, 1)
        self.lead_onsite = self._expand(stack.lead_onsite, 1)
        self.lead_splitting = self._expand(stack.lead_splitting, 1)
        self.lead_in_plane = self._expand(stack.lead_in_plane, 1)
        self.lead_hopping = self._expand(stack.lead_hopping, 1)
        self.m = self._expand(stack.m, 2)
        self.lead_m = self._expand(stack.lead_m, 2)
        self.dispersive = bool(self.in_plane.any() or self.lead_in_plane.any())
        arrays = [self.energy[None], self.onsite, self.splitting, self.bonds]
        arrays += [self.lead_onsite, self.lead_splitting, self.lead_hopping]
        if self.dispersive:
            arrays += [self.in_plane, self.lead_in_plane, self.band_shift[None]]
        #: Batch shape of all that does not depend on the directions.
        self.half_batch: tuple[int, ...] = np.broadcast_shapes(*(array.shape[1:] for array in arrays))
        self.lead_like = self._lead_like(0), self._lead_like(1)

    def _expand(self, array: NDArray[Any], trailing: int = 0) -> NDArray[Any]:
        """Move the trailing axes to the front and give the batch axes their full number."""
        split = array.ndim - trailing
        batch, inner = array.shape[:split], array.shape[split:]
        full = array.reshape((1,) * (len(self.batch) - split) + batch + inner)
        return np.moveaxis(full, range(len(self.batch), full.ndim), range(trailing)) if trailing else full

    def order(self, side: int) -> range:
        """Planes of the half on ``side``, from its lead to the cut; all planes of a texture."""
        cut, count = self.stack.cut, self.stack.planes
        if side == 0:
            return range(0, count if cut is None else cut + 1)
        return range(count - 1, -1 if cut is None else cut, -1)

    def _lead_like(self, side: int) -> int:
        """Return how many planes continue the lead unchanged: their surface Green's function is the lead's."""
        if self.stack.cut is None:
            return 0
        for position, n in enumerate(self.order(side)):
            bond = n - 1 if side == 0 else n
            pairs = [
                (self.onsite[n], self.lead_onsite[side]),
                (self.splitting[n], self.lead_splitting[side]),
                (self.in_plane[n], self.lead_in_plane[side]),
            ]
            if position:
                pairs.append((self.bonds[bond], self.lead_hopping[side]))
            if not all(a.shape == b.shape and (a == b).all() for a, b in pairs):
                return position
        return len(self.order(side))

    def level(self, block: Block, onsite: Array, in_plane: Array) -> NDArray[Any]:
        """Return E - ε + 2 t∥ c."""
        e: NDArray[Any] = _take(self.energy, block) - _take(onsite, block)
        if self.dispersive:
            e = e + 2 * _take(in_plane, block) * _take(self.band_shift, block)
        return e


# -------------------------------------------------------------------------------------------------- the two halves
@dataclass
class _Half:
    """One half in the spin frame of its magnet; arrays [spin, ...]."""

    g: Complex  # surface Green's function at the cut
    difference: Complex | float  # g_+ - g_-, exactly 0.0 where no plane is magnetic
    velocity: Array  # 2 t sin k of the lead, 0 if closed
    phase: Complex | None = None  # of the propagator from the first plane to the cut, |phase| = 1


def _spins(e: NDArray[Any], splitting: Array) -> NDArray[Any]:
    """Return E - ε + s Δ/2, shape (2 or 1, ...)."""
    if not splitting.any():
        return e[None]
    return np.stack([e + splitting / 2, e - splitting / 2])


def _lead(e: NDArray[Any], splitting: Array, t: Array) -> tuple[Complex, Complex | float, Array]:
    """Return the self-energies σ_s = t² g_s of a lead, their difference σ_+ - σ_- and the velocities.

    σ = t λ, with λ = exp(-ik) (open) or the decaying root (closed) of E - ε = t (λ + 1/λ).
    """
    e = _spins(e, splitting)
    sigma: Complex
    if np.iscomplexobj(e):
        # Both factors keep the retarded branch for Im E > 0; |λ| < 1 is the reciprocal of the larger root.
        root = np.sqrt(2 * t - e) * np.sqrt(2 * t + e)
        sigma = 2 * t * t / (e + 1j * root)
        velocity = root.real
    else:
        square = (2 * t - e) * (2 * t + e)  # exact differences next to the band edges
        root = np.sqrt(abs(square))
        open_ = square > 0
        velocity = np.where(open_, root, 0.0)
        sigma = np.empty(root.shape, dtype=complex)
        sigma.real = np.where(open_, e / 2, 2 * t * t / (e + np.copysign(root, e)))
        sigma.imag = -velocity / 2
    if len(sigma) == 1:
        return np.concatenate([sigma, sigma]), 0.0, np.concatenate([velocity, velocity])
    both = sigma[0] * sigma[1]
    distance = t * t - both
    distance[distance == 0] = 1.0  # both spins at the same band edge: no splitting
    return sigma, -splitting * both / distance, velocity


def _half(problem: _Problem, side: int, block: Block, propagate: bool = False, guard: bool = False) -> _Half:
    """Solve one half for one block of the batch.

    g_n,s = 1/(E - ε_n,s - t² g_n-1,s), and for the difference of the spins the product
    g_n,+ - g_n,- = g_n,+ g_n,- (t² (g_n-1,+ - g_n-1,-) - Δ_n).
    """
    order = problem.order(side)
    t = _take(problem.lead_hopping[side], block)
    e = problem.level(block, problem.lead_onsite[side], problem.lead_in_plane[side])
    sigma, change, velocity = _lead(e, _take(problem.lead_splitting[side], block), t)
    skip = problem.lead_like[side]
    phase: Complex | None = None
    g: Complex = sigma / (t * t)
    difference = change / (t * t)
    if propagate and skip:
        phase = -((-t * g) ** skip)
    levels: dict[tuple[float, float, float], NDArray[Any]] = {}
    for position in range(skip, len(order)):
        n = order[position]
        splitting = _take(problem.splitting[n], block)
        if position:
            t = _take(problem.bonds[n - 1 if side == 0 else n], block)
            sigma, change = t * t * g, t * t * difference
        onsite, in_plane = problem.onsite[n], problem.in_plane[n]
        if onsite.size == splitting.size == in_plane.size == 1:
            key = (onsite.item(), splitting.item(), in_plane.item())
            if key not in levels:
                levels[key] = _spins(problem.level(block, onsite, in_plane), splitting)
            e = levels[key]
        else:
            e = _spins(problem.level(block, onsite, in_plane), splitting)
        inverse = e - sigma
        if guard:
            inverse[inverse == 0] = TINY
        g = 1 / inverse
        if splitting.any():
            change = change - splitting
        difference = 0.0 if isinstance(change, float) and change == 0.0 else g[0] * g[1] * change
        if propagate:
            phase = g if phase is None else -g * phase
            if position % 8 == 7:
                phase = _unit(phase)
    if not guard and not np.isfinite(g).all():
        return _half(problem, side, block, propagate, guard=True)
    return _Half(g, difference, velocity, None if phase is None else _unit(phase))


def _unit(z: Complex) -> Complex:
    """Return z/|z|, zero for zero."""
    size = abs(z)
    size[size == 0] = 1.0
    unit: Complex = z / size
    return unit


# ------------------------------------------------------------------------------------------------- joined at the cut
@dataclass
class _Cut:
    """The two halves seen across the cut: u = t g_L, w = t g_R, both [spin, ...], d [spin left, spin right, ...]."""

    u: Complex
    w: Complex
    du: Complex | float
    dw: Complex | float
    d: Complex
    left: _Half
    right: _Half

    @classmethod
    def of(cls, left: _Half, right: _Half, t: Array) -> _Cut:
        u, w = t * left.g, t * right.g
        d = 1 - u[:, None] * w[None, :]
        if not d.all():
            d[d == 0] = TINY
        return cls(u, w, t * left.difference, t * right.difference, d, left, right)

    def take(self, block: Block) -> _Cut:
        """Return the part of the batch in ``block``."""

        def pick(array: Any, offset: int) -> Any:
            return array if isinstance(array, float) else _take(array, block, offset)

        halves = [
            _Half(
                pick(half.g, 1),
                pick(half.difference, 0),
                pick(half.velocity, 1),
                None if half.phase is None else pick(half.phase, 1),
            )
            for half in (self.left, self.right)
        ]
        return _Cut(
            pick(self.u, 1), pick(self.w, 1), pick(self.du, 0), pick(self.dw, 0), pick(self.d, 2), halves[0], halves[1]
        )

    def poles(self, side: int) -> tuple[Complex, Complex]:
        """Return (B_0, B_1) with -∂D/∂u_s = B_0 + |R_+-|² B_1 (∂w for side 1), arrays [spin, ...]."""
        if side == 0:
            own, change = self.w, self.dw
        else:
            own, change = self.u, self.du
        first = np.stack([own[0] * self.d[1, 1], own[1] * self.d[0, 0]])
        second = np.zeros_like(first)
        second[0], second[1] = -change, change
        return first, second


def _fill_probabilities(out: Array, cut: _Cut, cos2: Array, sin2: Array) -> None:
    """Write equations (a) to (c) into ``out``, shape (2, 2, 2, 2, ...).

    All that does not depend on the angle comes first, on the axes of the halves.
    """
    u, w, d = cut.u, cut.w, cut.d
    gamma, gamma_r = -2 * u.imag, -2 * w.imag
    parallel = d[0, 0] * d[1, 1]  # D = parallel + sin² mixed
    mixed = cut.du * cut.dw
    size = (d.real**2 + d.imag**2)[::-1, ::-1]  # |d_s̄s̄'|²
    transmission = gamma[:, None] * gamma_r[None, :] * size
    D_re = parallel.real + sin2 * np.real(mixed)
    D_im = parallel.imag + sin2 * np.imag(mixed)
    inverse = 1 / (D_re * D_re + D_im * D_im)
    cos_factor, sin_factor = cos2 * inverse, sin2 * inverse
    for s, s_out in product((0, 1), (0, 1)):
        np.multiply(transmission[s, s_out], cos_factor if s == s_out else sin_factor, out=out[0, s, 1, s_out])
        out[1, s_out, 0, s] = out[0, s, 1, s_out]
    both = cos2 * sin_factor
    for lead, (rate, change) in enumerate([(gamma, cut.dw), (gamma_r, cut.du)]):
        flip = rate[0] * rate[1] * (np.real(change) ** 2 + np.imag(change) ** 2)
        np.multiply(flip, both, out=out[lead, 0, lead, 1])
        out[lead, 1, lead, 0] = out[lead, 0, lead, 1]
        B_0, B_1 = cut.poles(lead)
        half = cut.left if lead == 0 else cut.right
        for s in (0, 1):
            # R_ss = |D with u_s → u_s*|²/|D|² = |D + 2i Im u_s B|²/|D|²; the channel may be closed
            P, Q = parallel - 1j * rate[s] * B_0[s], mixed - 1j * rate[s] * B_1[s]
            re = P.real + sin2 * np.real(Q)
            im = P.imag + sin2 * np.imag(Q)
            np.multiply(re * re + im * im, inverse * (half.velocity[s] > 0), out=out[lead, s, lead, s])


def _fill_amplitudes(out: Complex, cut: _Cut, R: Complex) -> None:
    """Write S into ``out``, shape (2, 2, 2, 2, ...), in the spin frames of the two magnets.

    ``R`` [s, s', ...] is a rotation [[a, -b*], [b, a*]].
    """
    a, b = R[0, 0], R[1, 0]
    d = cut.d
    sin2 = b.real**2 + b.imag**2
    inverse = 1 / (d[0, 0] * d[1, 1] + sin2 * (cut.du * cut.dw))
    phases = [half.phase for half in (cut.left, cut.right) if half.phase is not None]
    f = [phase * np.sqrt(-2 * g.imag) for phase, g in zip(phases, (cut.u, cut.w), strict=True)]  # √(v t) F
    opposite = d[::-1, ::-1]
    for s, s_out in product((0, 1), (0, 1)):
        common = -1j * f[0][s] * f[1][s_out] * opposite[s, s_out] * inverse
        np.multiply(common, R[s, s_out], out=out[0, s, 1, s_out])
        np.multiply(common, R[s, s_out].conj(), out=out[1, s_out, 0, s])
    for lead, (own, change) in enumerate([(cut.u, cut.dw), (cut.w, cut.du)]):
        flip = 1j * f[lead][0] * f[lead][1] * change * inverse
        up = a * b.conj() if lead == 0 else -a.conj() * b.conj()
        np.multiply(flip, up, out=out[lead, 0, lead, 1])
        np.multiply(flip, up.conj(), out=out[lead, 1, lead, 0])
        B_0, B_1 = cut.poles(lead)
        half = cut.left if lead == 0 else cut.right
        for s in (0, 1):
            phase = np.where(half.velocity[s] > 0, -(phases[lead][s] ** 2), 0.0)  # the half alone reflects so
            np.multiply(phase, 1 + 2j * own[s].imag * (B_0[s] + sin2 * B_1[s]) * inverse, out=out[lead, s, lead, s])


# ----------------------------------------------------------------------------------------------------- what is asked
@dataclass(frozen=True, eq=False)
class Solution:
    """Scattering of a batch of junctions.

    Attributes
    ----------
    amplitudes
        S-matrix, shape (..., 2, 2, 2, 2) = [..., lead_out, spin_out, lead_in, spin_in], spin along each lead's own
        ``m`` (states `spin.spinors`), flux-normalized, zero for closed channels.
    probabilities
        |S|², same shape.
    modes
        1 for an open channel, 0 for a closed one, shape (..., 2, 2) = [..., lead, spin].
    """

    amplitudes: Complex
    probabilities: Array
    modes: NDArray[np.int64]


def solve(junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0) -> Solution:
    """Return the spin-resolved S-matrix of a junction, or of a whole batch of them.

    Parameters
    ----------
    junction
        A `Junction`, or the arrays of many.
    energy
        Energy E in the unit of the junction, shape (...).
    band_shift
        c = cos kx a + cos kz a, shape (...). It broadcasts with ``energy`` and with the batch of the stack.

    Raises
    ------
    ArgumentError
        A number is not finite or not real, or shapes do not broadcast.

    Examples
    --------
    >>> import numpy as np
    >>> from kwant_spinjunc.junction import Junction, barrier, ferromagnet
    >>> iron = ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> junction = Junction(iron, [barrier(onsite=3.0, hopping=1.0, thickness=4)], iron)
    >>> solve(junction, np.linspace(-0.4, 0.4, 5)).probabilities.sum((-4, -3)).round(12)[0].tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    problem = _problem(junction, energy, band_shift)
    amplitudes = np.empty((2, 2, 2, 2, *problem.batch), dtype=complex)
    modes = np.empty((2, 2, *problem.half_batch), dtype=np.int64)
    for block, cut in _cuts(problem, propagate=True):
        modes[(..., *_inside(block, problem.half_batch))] = [cut.left.velocity > 0, cut.right.velocity > 0]
        for inner, part in _parts(problem, block, cut):
            _fill_amplitudes(amplitudes[(..., *inner)], part, _rotation(problem, inner))
            _relabel(amplitudes[(..., *inner)], problem, inner)
    amplitudes = _lead_axes_last(amplitudes, 4, problem.shape)
    return Solution(
        amplitudes,
        amplitudes.real**2 + amplitudes.imag**2,
        _lead_axes_last(np.broadcast_to(modes, (2, 2, *problem.batch)), 2, problem.shape),
    )


def probabilities(junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0) -> Array:
    """Return the probabilities alone, shape (..., 2, 2, 2, 2), faster and in half the memory of `solve`.

    Parameters and errors are those of `solve`.
    """
    problem = _problem(junction, energy, band_shift)
    out = np.empty((2, 2, 2, 2, *problem.batch))
    rotated = _labels_differ(problem)
    for block, cut in _cuts(problem, propagate=rotated):
        for inner, part in _parts(problem, block, cut):
            target = out[(..., *inner)]
            R = _rotation(problem, inner)
            if rotated:
                amplitudes = np.empty(target.shape, dtype=complex)
                _fill_amplitudes(amplitudes, part, R)
                _relabel(amplitudes, problem, inner)
                target[...] = amplitudes.real**2 + amplitudes.imag**2
            else:
                weight = R.real**2 + R.imag**2
                _fill_probabilities(target, part, weight[0, 0], weight[1, 0])
    return _lead_axes_last(out, 4, problem.shape)


def _problem(junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike) -> _Problem:
    return _Problem(_as_stack(junction), finite_array("energy", energy), finite_array("band_shift", band_shift))


def _cuts(problem: _Problem, propagate: bool) -> Iterator[tuple[Block, _Cut]]:
    """Solve the halves block by block; axes they do not depend on are left whole."""
    for block in _blocks(problem.half_batch, CHUNK):
        with np.errstate(all="ignore"):
            left, right = (_half(problem, side, block, propagate) for side in (0, 1))
            yield block, _Cut.of(left, right, _take(problem.bonds[problem.stack.cut], block))


def _parts(problem: _Problem, block: Block, cut: _Cut) -> Iterator[tuple[Block, _Cut]]:
    """Split the batch of a block, directions included, into chunks."""
    whole = tuple(
        range(size)[pick if half_size > 1 else slice(None)]
        for size, half_size, pick in zip(problem.batch, problem.half_batch, block, strict=True)
    )
    shape = tuple(len(indices) for indices in whole)
    for inner in _blocks(shape, CHUNK):
        outer = tuple(
            slice(indices.start + pick.start, min(indices.start + pick.stop, indices.stop))
            for indices, pick in zip(whole, inner, strict=True)
        )
        yield outer, cut.take(inner)


def _inside(block: Block, shape: tuple[int, ...]) -> Block:
    return tuple(slice(None) if size == 1 else pick for size, pick in zip(shape, block, strict=True))


def _rotation(problem: _Problem, block: Block) -> Complex:
    """Return R_ss' between the halves as [s, s', ...]."""
    m = _take(problem.m, block, 2)
    return _matrix_first(rotation_matrix(np.moveaxis(m[0], 0, -1), np.moveaxis(m[1], 0, -1)))


def _matrix_first(matrix: Complex) -> Complex:
    return np.moveaxis(matrix, (-2, -1), (0, 1))


def _labels_differ(problem: _Problem) -> bool:
    m, lead_m = problem.m, problem.lead_m
    return m.shape != lead_m.shape or not (m == lead_m).all()


def _relabel(S: Complex, problem: _Problem, block: Block) -> None:
    """Turn the spin labels of nonmagnetic leads from the magnet's direction to the lead's own, in place.

    Their two spin channels are degenerate, so a rotation of the labels keeps the flux normalization.
    """
    if not _labels_differ(problem):
        return
    m, lead_m = (np.moveaxis(_take(x, block, 2), 1, -1) for x in (problem.m, problem.lead_m))
    for lead in (0, 1):
        U = _matrix_first(rotation_matrix(m[lead], lead_m[lead]))  # ⟨s, m | s', m_lead⟩
        out, into = S[lead].copy(), U.conj()
        for s in (0, 1):
            S[lead, s] = into[0, s] * out[0] + into[1, s] * out[1]
        out = S[:, :, lead].copy()
        for s in (0, 1):
            S[:, :, lead, s] = out[:, :, 0] * U[0, s] + out[:, :, 1] * U[1, s]


def _lead_axes_last(array: NDArray[Any], count: int, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return a view with the batch axes first, of the shape that was asked for."""
    array = array.reshape(array.shape[:count] + shape)
    return np.moveaxis(array, range(count), range(-count, 0))
