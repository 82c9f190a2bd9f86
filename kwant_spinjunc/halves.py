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

**Textures**, where no bond separates two collinear halves (`junction.cut` is None), take the recursion of the 2×2
Green's functions g = g_0 + **g**·σ in Pauli components, in the frame of the lead the electron comes from. It solves any
stack and checks the halves.

Conventions: batch axes lead, index 0 = majority, lead 0 = left, ħ = 1; scattering amplitudes refer to the first and
last plane of the scattering region (S = -1 + i √v G √v, Fisher and Lee, Phys. Rev. B 23, 6851 (1981)).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import ArgumentError, finite_array
from .junction import Junction
from .spin import PAULI, check_unit_vector, rotation_matrix, spinors

__all__ = [
    "Solution",
    "Stack",
    "States",
    "covers",
    "log_det",
    "probabilities",
    "solve",
    "states",
    "surface_greens",
]

#: Points evaluated together: the working set of a chunk stays in the second-level cache.
CHUNK = 4096
#: The same for `states`, which hold every plane.
STATES_CHUNK = 1024
#: Longest run of nonmagnetic planes that is crossed in one step; its factors grow like (E/t)^RUN.
RUN = 8
#: Stands in for an exact zero in a denominator (modified Lentz): a half whose surface Green's function has a pole
#: right at the energy. Its square neither over- nor underflows.
TINY = 1e-30

#: Parameters of a stack that have one number per plane, bond or lead.
SCALARS = (
    "onsite",
    "splitting",
    "in_plane",
    "bonds",
    "lead_onsite",
    "lead_splitting",
    "lead_in_plane",
    "lead_hopping",
)

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Block = tuple[Any, ...] | None


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

    # ------------------------------------------------------------------ derived once per stack
    def as_texture(self) -> Stack:
        """Return the same stack with a direction for every plane, to be solved by the general 2×2 recursion."""
        if self.cut is None:
            return self
        half = np.where(np.arange(self.planes) <= self.cut, 0, 1)
        along = np.sign(np.sum(self.m * self.lead_m, axis=-1))
        return replace(self, m=self.m[..., half, :], lead_splitting=self.lead_splitting * along, cut=None)

    def order(self, side: int) -> range:
        """Planes from the lead on ``side`` to the cut, or to the other lead for a texture."""
        if side == 0:
            return range(0, self.planes if self.cut is None else self.cut + 1)
        return range(self.planes - 1, -1 if self.cut is None else self.cut, -1)

    def inner_bonds(self, side: int) -> list[int]:
        """Bond before each plane of `order`, -1 for the bond to the lead."""
        return [-1, *((n - 1 if side == 0 else n) for n in self.order(side)[1:])]

    @cached_property
    def dispersive(self) -> bool:
        """Whether anything depends on the band shift."""
        return bool(self.in_plane.any() or self.lead_in_plane.any())

    @cached_property
    def magnetic(self) -> tuple[bool, ...]:
        """Whether each plane has a splitting anywhere in the batch."""
        return tuple(bool(self.splitting[..., n].any()) for n in range(self.planes))

    @cached_property
    def equal_leads(self) -> bool:
        """Whether both leads are the same material, so that their surface Green's functions are shared."""
        names = ("lead_onsite", "lead_splitting", "lead_in_plane", "lead_hopping")
        return all((getattr(self, name)[..., 0] == getattr(self, name)[..., 1]).all() for name in names)

    @cached_property
    def lead_like(self) -> tuple[int, int]:
        """How many planes at each end continue their lead unchanged: its surface Green's function is theirs."""
        return self._lead_like(0), self._lead_like(1)

    def _lead_like(self, side: int) -> int:
        for position, (n, bond) in enumerate(zip(self.order(side), self.inner_bonds(side), strict=True)):
            pairs = [
                (self.onsite[..., n], self.lead_onsite[..., side]),
                (self.splitting[..., n], self.lead_splitting[..., side]),
                (self.in_plane[..., n], self.lead_in_plane[..., side]),
            ]
            if position:
                pairs.append((self.bonds[..., bond], self.lead_hopping[..., side]))
            if not all(_same(a, b) for a, b in pairs):
                return position
        return len(self.order(side))

    @cached_property
    def symmetric(self) -> bool:
        """Whether the right half is the mirror image of the left one (apart from its direction)."""
        left, right = self.order(0), self.order(1)
        if self.cut is None or len(left) != len(right) or not self.equal_leads:
            return False
        return all(
            _same(array[..., n], array[..., k])
            for array in (self.onsite, self.splitting, self.in_plane)
            for n, k in zip(left, right, strict=True)
        ) and all(
            _same(self.bonds[..., n], self.bonds[..., k])
            for n, k in zip(self.inner_bonds(0)[1:], self.inner_bonds(1)[1:], strict=True)
        )

    @cached_property
    def runs(self) -> tuple[list[list[tuple[int, int]]], list[list[tuple[int, int]]]]:
        """Steps of the recursion of each side, behind what is lead-like: (plane, bond before it) in runs.

        A run is one magnetic plane or up to `RUN` nonmagnetic ones.
        """
        sides: list[list[list[tuple[int, int]]]] = [[], []]
        for side in (0, 1):
            steps = list(zip(self.order(side), self.inner_bonds(side), strict=True))[self.lead_like[side] :]
            for n, bond in steps:
                last = sides[side][-1] if sides[side] else None
                if last is None or self.magnetic[n] or self.magnetic[last[0][0]] or len(last) == RUN:
                    sides[side].append([(n, bond)])
                else:
                    last.append((n, bond))
        return sides[0], sides[1]

    @cached_property
    def labels_differ(self) -> bool:
        """Whether the spin labels of a (nonmagnetic) lead are not along the direction of its half."""
        return self.cut is not None and not _same(self.m, self.lead_m)

    @cached_property
    def rotation(self) -> Complex:
        """R_ss' = ⟨s, m_L | s', m_R⟩ between the halves, or between the lead labels of a texture; [s, s', ...]."""
        m = self.lead_m if self.cut is None else self.m
        return _front(rotation_matrix(m[..., 0, :], m[..., 1, :]), 2)

    @cached_property
    def label_rotations(self) -> tuple[Complex, Complex]:
        """⟨s, m | s', lead_m⟩ of each lead, [s, s', ...]."""
        left, right = (_front(rotation_matrix(self.m[..., i, :], self.lead_m[..., i, :]), 2) for i in (0, 1))
        return left, right

    @cached_property
    def frames(self) -> Array:
        """Frames (e_1, e_2, m) of the halves (of the lead labels of a texture), shape (2, 3, 3, ...).

        χ_+†σχ_- = e_1 - i e_2 for the spinors χ along m, so that ψ = ψ_+ χ_+ + ψ_- χ_- has
        ⟨σ⟩ = 2 Re(ψ_+* ψ_-) e_1 + 2 Im(ψ_+* ψ_-) e_2 + (|ψ_+|² - |ψ_-|²) m.
        """
        m = self.lead_m if self.cut is None else self.m
        chi = spinors(m)
        flip = np.einsum("...a,iab,...b->...i", chi[..., 0].conj(), PAULI, chi[..., 1])
        return _front(np.stack([flip.real, -flip.imag, m], axis=-2), 3)

    @cached_property
    def local_m(self) -> tuple[Array, Array]:
        """Directions of the planes and of both leads of a texture in the frame of each lead, [plane, component, ...].

        Entries planes and planes + 1 are the left and right lead. Components at rounding level are set to zero, so
        that what is collinear with a lead is exactly so in its frame.
        """
        batch = np.broadcast_shapes(self.m.shape[:-2], self.lead_m.shape[:-2])
        pieces = [np.broadcast_to(x, batch + x.shape[-2:]) for x in (self.m, self.lead_m)]
        m = _front(np.concatenate(pieces, axis=-2), 2)
        frames = self.frames.reshape((2, 3, 3) + (1,) * (m.ndim + 1 - self.frames.ndim) + self.frames.shape[3:])
        left, right = (np.sum(frame * m[:, None], axis=2) for frame in frames)
        for local in (left, right):
            local[abs(local) < 1e-15] = 0.0
        return left, right

    def _parameters(self, ndim: int) -> dict[str, Array]:
        """Return the parameter arrays with the parameter axis in front of ``ndim`` batch axes."""
        cache: dict[int, dict[str, Array]] = self.__dict__.setdefault("_parameter_cache", {})
        if ndim not in cache:
            cache[ndim] = {name: _pad(_front(getattr(self, name), 1), 1, ndim) for name in SCALARS}
        return cache[ndim]


def _same(a: Array, b: Array) -> bool:
    return a.shape == b.shape and bool((a == b).all())


def _front(array: NDArray[Any], count: int) -> NDArray[Any]:
    """Move the last ``count`` axes to the front."""
    return np.moveaxis(array, range(-count, 0), range(count))


def _pad(array: NDArray[Any], front: int, ndim: int) -> NDArray[Any]:
    """Insert axes of length 1 behind the ``front`` leading ones, for ``ndim`` batch axes in all."""
    return array.reshape(array.shape[:front] + (1,) * (ndim + front - array.ndim) + array.shape[front:])


def _squeeze_constant(array: Array, axes: int) -> Array:
    """Shorten the axes along which the array does not vary to length 1."""
    for axis in range(axes):
        first = array.take([0], axis=axis)
        if (array == first).all():
            array = first
    return array


def _stack_of(junction: Junction) -> Stack:
    """Return the numbers of a junction, kept with it for the next call."""
    if "_stack" not in junction.__dict__:
        junction.__dict__["_stack"] = Stack.from_junction(junction)
    stack: Stack = junction.__dict__["_stack"]
    return stack


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
    """Yield slices that tile ``shape`` in blocks of at most ``limit`` points, leading axes cut first; None for all."""
    if math.prod(shape) <= limit:
        yield None
        return
    sizes = list(shape)
    for axis, size in enumerate(shape):
        points = math.prod(sizes)
        if points > limit:
            sizes[axis] = max(1, size * limit // points)
    ranges = [range(0, size, step) for size, step in zip(shape, sizes, strict=True)]
    for starts in product(*ranges):
        yield tuple(slice(start, start + step) for start, step in zip(starts, sizes, strict=True))


def _take(array: NDArray[Any], block: Block, front: int = 0) -> NDArray[Any]:
    """Slice the batch axes of ``array``, which follow ``front`` others; axes of length 1 stay."""
    if block is None:
        return array
    picks = tuple(slice(None) if size == 1 else pick for size, pick in zip(array.shape[front:], block, strict=True))
    return array[(slice(None),) * front + picks]


def _target(array: NDArray[Any], block: Block) -> NDArray[Any]:
    """Return the part of an output array (batch axes last) that belongs to ``block``."""
    return array if block is None else array[(Ellipsis, *block)]


class _Problem:
    """A stack, energies and band shifts on common batch axes; parameter axes in front."""

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
        ndim = len(self.batch)
        self.energy = _pad(energy, 0, ndim)
        self.band_shift = _pad(band_shift, 0, ndim)
        self.parameters = stack._parameters(ndim)
        arrays = [self.energy.shape, *(array.shape[1:] for array in self.parameters.values())]
        if stack.dispersive:
            arrays.append(self.band_shift.shape)
        if stack.cut is None:
            arrays += [(1,) * (ndim + 2 - x.ndim) + x.shape[2:] for x in stack.local_m]
        #: Batch shape of all that is solved before the halves are joined (of everything, for a texture).
        self.half_batch: tuple[int, ...] = np.broadcast_shapes(*arrays)

    def get(self, name: str, index: int, block: Block) -> Array:
        """Return one parameter on the batch axes."""
        return _take(self.parameters[name][index], block)

    def level(self, onsite: Array, in_plane: Array, block: Block) -> NDArray[Any]:
        """Return E - ε + 2 t∥ c."""
        e: NDArray[Any] = _take(self.energy, block) - onsite
        if self.stack.dispersive:
            e = e + 2 * in_plane * _take(self.band_shift, block)
        return e

    def directions(self, array: NDArray[Any], front: int, block: Block) -> NDArray[Any]:
        """Return an array of the stack that depends on directions only."""
        return _take(_pad(array, front, len(self.batch)), block, front)


# -------------------------------------------------------------------------------------------------- the two halves
@dataclass
class _Lead:
    """A lead: self-energies σ_s = t² g_s, their difference σ_+ - σ_-, velocities (0 if closed) and hopping."""

    sigma: Complex
    difference: Complex | float
    velocity: Array
    hopping: Array


@dataclass
class _Half:
    """One half in the spin frame of its magnet; arrays [spin, ...]."""

    lead: _Lead
    g: Complex  # surface Green's function at the cut
    difference: Any  # g_+ - g_-, exactly 0.0 where no plane is magnetic
    phase: Any = None  # of the propagator from the first plane to the cut, |phase| = 1
    chain: Any = None  # g of every plane, from the lead to the cut

    def take(self, block: Block) -> _Half:
        """Return the part of the batch in ``block``."""
        if block is None:
            return self
        lead = _Lead(_take(self.lead.sigma, block, 1), 0.0, _take(self.lead.velocity, block, 1), self.lead.hopping)
        difference = self.difference if isinstance(self.difference, float) else _take(self.difference, block)
        phase = None if self.phase is None else _take(self.phase, block, 1)
        chain = None if self.chain is None else [_take(g, block, 1) for g in self.chain]
        return _Half(lead, _take(self.g, block, 1), difference, phase, chain)


def _lead(problem: _Problem, side: int, block: Block) -> _Lead:
    """Solve one lead: σ = t λ, with λ = exp(-ik) (open) or the decaying root (closed) of E - ε = t (λ + 1/λ)."""
    splitting, t, onsite, in_plane = (
        problem.get(name, side, block) for name in ("lead_splitting", "lead_hopping", "lead_onsite", "lead_in_plane")
    )
    e = _spins(problem.level(onsite, in_plane, block), splitting, bool(splitting.any()))
    sigma: Complex
    if np.iscomplexobj(e):
        # Both factors keep the retarded branch for Im E >= 0; the denominator is the larger root.
        root = np.sqrt(2 * t - e) * np.sqrt(2 * t + e)
        sigma = 2 * t * t / (e + 1j * root)
        velocity = np.zeros(e.shape)
    else:
        square = (2 * t - e) * (2 * t + e)  # exact differences next to the band edges
        root = np.sqrt(abs(square))
        open_ = square > 0
        velocity = np.where(open_, root, 0.0)
        sigma = np.empty(root.shape, dtype=complex)
        sigma.real = np.where(open_, e / 2, 2 * t * t / (e + np.copysign(root, e)))
        sigma.imag = velocity / -2
    if len(sigma) == 1:
        return _Lead(np.concatenate([sigma, sigma]), 0.0, np.concatenate([velocity, velocity]), t)
    both = sigma[0] * sigma[1]
    distance = t * t - both
    distance[distance == 0] = 1.0  # both spins at the same band edge: no splitting
    return _Lead(sigma, -splitting * both / distance, velocity, t)


def _spins(e: NDArray[Any], splitting: Array, magnetic: bool) -> NDArray[Any]:
    """Return E - ε + s Δ/2, shape (2 or 1, ...)."""
    return np.stack([e + splitting / 2, e - splitting / 2]) if magnetic else e[None]


def _halves(problem: _Problem, block: Block, *, phase: bool = False, chain: bool = False) -> tuple[_Half, _Half]:
    """Solve both halves for one block of the batch, mirror images once."""
    lead = _lead(problem, 0, block)
    left = _half(problem, 0, block, lead, phase, chain)
    if problem.stack.symmetric:
        return left, left
    if not problem.stack.equal_leads:
        lead = _lead(problem, 1, block)
    return left, _half(problem, 1, block, lead, phase, chain)


def _half(
    problem: _Problem, side: int, block: Block, lead: _Lead, phase: bool, chain: bool, guard: bool = False
) -> _Half:
    """Solve one half plane by plane: g_n,s = 1/(E - ε_n,s - t² g_n-1,s).

    The difference of the spins is propagated as g_n,+ - g_n,- = g_n,+ g_n,- (t² (g_n-1,+ - g_n-1,-) - Δ_n).
    """
    stack, t = problem.stack, lead.hopping
    change: Any = lead.difference
    g: Complex = lead.sigma / (t * t)
    difference: Any = 0.0 if isinstance(change, float) else change / (t * t)
    skip = stack.lead_like[side]
    sign: Any = None
    if phase:
        sign = -((-t * g) ** skip)
    gs = [g] * skip
    levels: dict[Any, NDArray[Any]] = {}
    steps = stack.runs[side]
    if chain:
        steps = [[step] for run in steps for step in run]
    for run in steps:
        if len(run) > 1:
            es, ts = zip(*(_step(problem, n, bond, block, levels, t) for n, bond in run), strict=True)
            g, difference, factor = _cross(g, difference, es, ts, guard)
            if phase:
                sign = _unit(sign * factor)
            continue
        ((n, bond),) = run
        e, hop = _step(problem, n, bond, block, levels, t)
        inverse = e - hop * hop * g
        if guard:
            inverse[inverse == 0] = TINY
        g = 1 / inverse
        change = 0.0 if isinstance(difference, float) else hop * hop * difference
        if stack.magnetic[n]:
            change = change - problem.get("splitting", n, block)
        difference = 0.0 if isinstance(change, float) else g[0] * g[1] * change
        if phase:
            sign = _unit(-g * sign)
        if chain:
            gs.append(g)
    if not guard and not np.isfinite(g).all():
        return _half(problem, side, block, lead, phase, chain, guard=True)
    return _Half(lead, g, difference, sign, gs if chain else None)


def _step(
    problem: _Problem, n: int, bond: int, block: Block, levels: dict[Any, NDArray[Any]], lead_hopping: Array
) -> tuple[NDArray[Any], Array]:
    """Return E - ε_n,s and the hopping on the bond before plane n; equal planes share their numbers."""
    hop = lead_hopping if bond < 0 else problem.get("bonds", bond, block)
    onsite, splitting, in_plane = (problem.get(name, n, block) for name in ("onsite", "splitting", "in_plane"))
    key: Any = n
    if onsite.size == splitting.size == in_plane.size == 1:
        key = onsite.item(), splitting.item(), in_plane.item()
    if key not in levels:
        levels[key] = _spins(problem.level(onsite, in_plane, block), splitting, problem.stack.magnetic[n])
    return levels[key], hop


def _cross(g: Complex, difference: Any, es: Any, ts: Any, guard: bool) -> tuple[Complex, Any, Complex]:
    """Cross a run of nonmagnetic planes in one step, with coefficients real and equal for both spins.

    D_k = a_k - b_k g with D_k = e_k D_k-1 - t_k² D_k-2, D_0 = 1, D_-1 = g: then g_k = D_k-1/D_k,
    Im g_k = Im g Π t²/|D_k|² and (g_+ - g_-)_k = (g_+ - g_-) Π t²/(D_k+ D_k-). Also returns a number with the phase
    of the propagator across.
    """
    weight = ts[0] * ts[0]
    a_before, b_before, a, b = 1.0, 0.0, es[0], weight
    for e, t in zip(es[1:], ts[1:], strict=True):
        square = t * t
        a_before, a = a, e * a - square * a_before
        b_before, b = b, e * b - square * b_before
        weight = weight * square
    D: Complex
    out: Complex
    if np.iscomplexobj(es[0]):
        D = a - b * g
        out = (a_before - b_before * g) / D
    else:
        re, im = g.real, g.imag
        D_re, D_im = a - b * re, b * -im
        size = D_re * D_re + D_im * D_im
        if guard:
            D_re[size == 0] = TINY
            size[size == 0] = TINY * TINY
        inverse = 1 / size
        out = np.empty(size.shape, dtype=complex)
        np.multiply((a_before - b_before * re) * D_re + (b_before * im) * (b * im), inverse, out=out.real)
        np.multiply(im * weight, inverse, out=out.imag)
        D = np.empty(size.shape, dtype=complex)
        D.real, D.imag = D_re, D_im
    if not isinstance(difference, float):
        difference = weight * difference / (D[0] * D[1])
    return out, difference, D.conj() if len(es) % 2 == 0 else -D.conj()


def _unit(z: Complex) -> Complex:
    """Return z/|z|, zero for zero."""
    size = np.sqrt(z.real**2 + z.imag**2)
    size[size == 0] = 1.0
    unit: Complex = z / size
    return unit


# ------------------------------------------------------------------------------------------------- joined at the cut
@dataclass
class _Cut:
    """The two halves seen across the cut: u = t g_L, w = t g_R, both [spin, ...], d [spin left, spin right, ...].

    ``parallel`` = d_++ d_-- and ``mixed`` = (u_+ - u_-)(w_+ - w_-) make D = parallel + |R_+-|² mixed.
    """

    left: _Half
    right: _Half
    u: Complex
    w: Complex
    du: Any
    dw: Any
    d: Complex

    @classmethod
    def of(cls, left: _Half, right: _Half, t: Array) -> _Cut:
        u = t * left.g
        w = u if right is left else t * right.g
        d: Any = 1 - u[:, None] * w[None, :]
        if not d.all():
            d[d == 0] = TINY
        return cls(left, right, u, w, t * left.difference, t * right.difference, d)

    def take(self, block: Block) -> _Cut:
        """Return the part of the batch in ``block``."""
        if block is None:
            return self
        du, dw = (_take(np.asarray(x), block) for x in (self.du, self.dw))
        u, w = _take(self.u, block, 1), _take(self.w, block, 1)
        return _Cut(self.left.take(block), self.right.take(block), u, w, du, dw, _take(self.d, block, 2))

    @property
    def parallel(self) -> Complex:
        """d_++ d_--."""
        both: Complex = self.d[0, 0] * self.d[1, 1]
        return both

    @property
    def mixed(self) -> Any:
        """(u_+ - u_-)(w_+ - w_-)."""
        return self.du * self.dw

    def side(self, lead: int) -> tuple[_Half, _Half, Complex, Complex, Any, Any, Complex]:
        """Return near half, far half, their u and w, differences and d as seen from one lead."""
        if lead == 0:
            return self.left, self.right, self.u, self.w, self.du, self.dw, self.d
        return self.right, self.left, self.w, self.u, self.dw, self.du, np.swapaxes(self.d, 0, 1)


def _fill_probabilities(out: Array, cut: _Cut, cos2: Array, sin2: Array) -> None:
    """Write equations (a) to (c) into ``out``, shape (2, 2, 2, 2, ...).

    What does not depend on the angle comes first, on the axes of the halves.
    """
    u, w, d = cut.u, cut.w, cut.d
    rates = -2 * u.imag, -2 * w.imag
    parallel, mixed = cut.parallel, cut.mixed
    inverse = 1 / _size(parallel, mixed, sin2)
    weights = cos2 * inverse, sin2 * inverse
    for s, s_far in product((0, 1), (0, 1)):
        opposite = d[1 - s, 1 - s_far]
        strength = rates[0][s] * rates[1][s_far] * (opposite.real**2 + opposite.imag**2)
        np.multiply(strength, weights[s != s_far], out=out[0, s, 1, s_far])
        out[1, s_far, 0, s] = out[0, s, 1, s_far]
    both = cos2 * weights[1]
    # D with u_s replaced by its conjugate, so that R_ss = |D(u_s*)|²/|D|²; D is linear in every u_s and w_s
    turned = [1 - u[s].conj() * w[s] for s in (0, 1)]
    for lead in (0, 1):
        near, _, _, _, change, far_change, _ = cut.side(lead)
        if isinstance(far_change, float):
            out[lead, 0, lead, 1] = out[lead, 1, lead, 0] = 0.0
        else:
            flip = rates[lead][0] * rates[lead][1] * (far_change.real**2 + far_change.imag**2)
            np.multiply(flip, both, out=out[lead, 0, lead, 1])
            out[lead, 1, lead, 0] = out[lead, 0, lead, 1]
        for s in (0, 1):
            d_turned = turned[s] if lead == 0 else turned[s].conj()
            P = d_turned * d[1 - s, 1 - s]
            Q = far_change * ((change + 1j * rates[lead][s]) if s == 0 else (change - 1j * rates[lead][s]))
            np.multiply(_size(P, Q, sin2), inverse, out=out[lead, s, lead, s])
            out[lead, s, lead, s] *= near.lead.velocity[s] > 0


def _size(parallel: Complex, mixed: Any, sin2: Array) -> Array:
    """Return |parallel + sin² mixed|²."""
    re, im = parallel.real, parallel.imag
    if not isinstance(mixed, float):
        re, im = re + sin2 * mixed.real, im + sin2 * mixed.imag
    size: Array = re * re + im * im
    return size


def _fill_amplitudes(out: Complex, cut: _Cut, R: Complex) -> None:
    """Write S into ``out``, shape (2, 2, 2, 2, ...), in the spin frames of the two magnets.

    ``R`` [s, s', ...] is a rotation [[a, -b*], [b, a*]].
    """
    a, b = R[0, 0], R[1, 0]
    sin2 = b.real**2 + b.imag**2
    inverse = 1 / (cut.parallel + sin2 * cut.mixed)
    f = [half.phase * np.sqrt(-2 * g.imag) for half, g in ((cut.left, cut.u), (cut.right, cut.w))]  # F √(v t)
    for s, s_far in product((0, 1), (0, 1)):
        common = -1j * f[0][s] * f[1][s_far] * cut.d[1 - s, 1 - s_far] * inverse
        np.multiply(common, R[s, s_far], out=out[0, s, 1, s_far])
        np.multiply(common, R[s, s_far].conj(), out=out[1, s_far, 0, s])
    for lead in (0, 1):
        near, _, own, far, _, far_change, d = cut.side(lead)
        flip = 1j * f[lead][0] * f[lead][1] * far_change * inverse
        turn = a * b.conj() if lead == 0 else -(a * b).conj()
        np.multiply(flip, turn, out=out[lead, 0, lead, 1])
        np.multiply(flip, turn.conj(), out=out[lead, 1, lead, 0])
        for s in (0, 1):
            # the isolated half reflects with the square of the phase of its propagator
            alone = np.where(near.lead.velocity[s] > 0, -(near.phase[s] ** 2), 0.0)
            Y = _self_coupling(s, far, far_change, d, sin2) * inverse
            np.multiply(alone, 1 + 2j * own[s].imag * Y, out=out[lead, s, lead, s])


def _self_coupling(s: int, far: Complex, far_change: Any, d: Complex, sin2: Array) -> Any:
    """Return -∂D/∂u_s."""
    if s == 0:
        return far[0] * d[1, 1] - sin2 * far_change
    return far[1] * d[0, 0] + sin2 * far_change


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


@dataclass(frozen=True, eq=False)
class States:
    """What the electrons incoming in each channel do inside the junction; each state has unit flux, ħ = 1.

    Attributes
    ----------
    currents
        Flux of charge and Pauli spin through each bond, shape (..., 2, 2, bonds, 4) = [..., lead_in, spin_in, bond,
        (charge, x, y, z)], positive along +y.
    torques
        Spin flux in minus out of each plane, Δ m × ⟨σ⟩, shape (..., 2, 2, planes, 3).
    densities
        ⟨1⟩ and ⟨σ⟩ of each plane, shape (..., 2, 2, planes, 4), in ħ per energy.
    modes
        1 for an open channel, 0 for a closed one (whose entries above are zero), shape (..., 2, 2).
    """

    currents: Array
    torques: Array
    densities: Array
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
    for target, S in _amplitudes(problem, modes):
        _target(amplitudes, target)[...] = S
    amplitudes = _batch_first(amplitudes, 4, problem)
    return Solution(amplitudes, amplitudes.real**2 + amplitudes.imag**2, _batch_first(modes, 2, problem))


def probabilities(junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0) -> Array:
    """Return the probabilities alone, shape (..., 2, 2, 2, 2): faster, and in a third of the memory of `solve`.

    Parameters and errors are those of `solve`.
    """
    problem = _problem(junction, energy, band_shift)
    stack = problem.stack
    out = np.empty((2, 2, 2, 2, *problem.batch))
    if stack.cut is None or stack.labels_differ:
        for target, S in _amplitudes(problem):
            part = _target(out, target)
            np.multiply(S.real, S.real, out=part)
            part += S.imag**2
    else:
        weight = stack.rotation[:, 0].real ** 2 + stack.rotation[:, 0].imag ** 2
        for _, parts in _cuts(problem):
            for target, cut in parts:
                cos2, sin2 = problem.directions(weight, 1, target)
                with np.errstate(all="ignore"):
                    _fill_probabilities(_target(out, target), cut, cos2, sin2)
    return _batch_first(out, 4, problem)


def states(junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0) -> States:
    r"""Return bond currents, layer torques and densities of every incoming channel.

    Parameters and errors are those of `solve`.

    Notes
    -----
    Currents start from the transmitted flux at the far end and are carried back through the planes by the torques,
    Q_n-1→n = Q_n→n+1 + τ_n: on the side of injection they keep the relative accuracy of the far side, and they are
    equal on all bonds of a nonmagnetic spacer.

    Examples
    --------
    >>> import numpy as np
    >>> from kwant_spinjunc.junction import Junction, barrier, ferromagnet
    >>> from kwant_spinjunc.spin import unit_vector
    >>> iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> spacer = barrier(onsite=3.0, hopping=1.0, thickness=4)
    >>> junction = Junction(ferromagnet(**iron), [spacer], ferromagnet(**iron, m=unit_vector(np.pi / 2)))
    >>> currents = states(junction, energy=0.0).currents[0].sum(axis=0)  # electrons from the left
    >>> bool((currents == currents[0]).all()), bool(np.isclose(currents[0, 1], currents[0, 3]))
    (True, True)
    """
    problem = _problem(junction, energy, band_shift)
    planes, batch = problem.stack.planes, problem.batch
    currents = np.empty((2, 2, planes - 1, 4, *batch))
    torques = np.empty((2, 2, planes, 3, *batch))
    densities = np.empty((2, 2, planes, 4, *batch))
    modes = np.empty((2, 2, *problem.half_batch), dtype=np.int64)
    fill = _texture_states if problem.stack.cut is None else _collinear_states
    with np.errstate(all="ignore"):
        for target, lead, waves in fill(problem, modes):
            _fill_fields(
                _target(currents[lead], target),
                _target(torques[lead], target),
                _target(densities[lead], target),
                waves,
            )
    return States(
        _batch_first(currents, 4, problem),
        _batch_first(torques, 4, problem),
        _batch_first(densities, 4, problem),
        _batch_first(modes, 2, problem),
    )


def surface_greens(
    junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0
) -> tuple[Complex, Complex]:
    """Return the surface Green's functions (g_L, g_R) of the two halves at the cut, each (..., 2) = [..., spin].

    Parameters
    ----------
    junction
        A junction, or stack, with a ``cut``.
    energy
        Real energy (retarded functions), or complex with Im E >= 0, shape (...).
    band_shift
        c = cos kx a + cos kz a, shape (...).

    Returns
    -------
    tuple of two ndarrays
        In 1/energy, in the spin frame of each half. Not broadcast against the directions, on which they do not depend.

    Raises
    ------
    ArgumentError
        The junction is a texture, Im E < 0, a number is not finite or shapes do not broadcast.
    """
    problem = _problem(junction, energy, band_shift, complex_energy=True)
    if problem.stack.cut is None:
        raise ArgumentError(
            "Argument `junction` must be cut into two collinear halves, but is a texture. Use `log_det`."
        )
    out = np.empty((2, 2, *problem.half_batch), dtype=complex)
    for block in _blocks(problem.half_batch, CHUNK):
        with np.errstate(all="ignore"):
            left, right = _halves(problem, block)
        _target(out, block)[...] = np.stack([left.g, right.g])
    shape = problem.half_batch if problem.shape else ()
    left_g, right_g = (np.moveaxis(g, 0, -1).reshape(*shape, 2) for g in out)
    return left_g, right_g


def log_det(junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0) -> Complex:
    r"""Return ln det(1 - g_L V g_R V†), all that depends on the angle in the grand potential, shape (...).

    The occupied states contribute Ω(Φ) = (1/π) Im ∫ dE f(E) ln det(1 - g_L V g_R V†) per unit cell, up to a constant,
    with V = -t R the hopping on the cut bond. For a texture the sum Σ_n ln det(1/g_n) over the planes is returned:
    the same up to a number that does not depend on the directions.

    Parameters
    ----------
    junction, band_shift
        As in `solve`. Angles go into the directions of a stack: the halves are solved once for all of them.
    energy
        Real, or complex with Im E >= 0, shape (...).

    Returns
    -------
    ndarray
        The branch that is continuous in the upper half plane and vanishes for Im E → ∞ (with a ``cut``).

    Raises
    ------
    ArgumentError
        Im E < 0, a number is not finite or shapes do not broadcast.

    Notes
    -----
    The angle enters as ln[1 + |R_+-|² (u_+ - u_-)(w_+ - w_-)/(d_++ d_--)], the interlayer exchange integrand, which is
    evaluated without cancellation behind thick spacers.

    Examples
    --------
    >>> import numpy as np
    >>> from kwant_spinjunc.junction import Junction, barrier, ferromagnet
    >>> from kwant_spinjunc.spin import unit_vector
    >>> iron = ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> stack = Stack.from_junction(Junction(iron, [barrier(onsite=3.0, hopping=1.0, thickness=4)], iron))
    >>> stack = stack.with_directions(unit_vector(0.0), unit_vector(np.array([0.0, np.pi])))
    >>> parallel, antiparallel = log_det(stack, 0.1j)
    >>> bool(abs(antiparallel - parallel) < 1e-3)
    True
    """
    problem = _problem(junction, energy, band_shift, complex_energy=True)
    out = np.empty(problem.batch, dtype=complex)
    with np.errstate(all="ignore"):
        if problem.stack.cut is None:
            for block in _blocks(problem.half_batch, CHUNK):
                _target(out, block)[...] = _log_det_texture(problem, block)
        else:
            R = problem.stack.rotation
            weight = R[:, 0].real ** 2 + R[:, 0].imag ** 2
            for _, parts in _cuts(problem):
                for target, cut in parts:
                    cos2, sin2 = problem.directions(weight, 1, target)
                    _target(out, target)[...] = _log_det_cut(cut, cos2, sin2)
    return out.reshape(problem.shape)


def _log_det_cut(cut: _Cut, cos2: Array, sin2: Array) -> Complex:
    """Return ln D = ln d_++ + ln d_-- + ln(1 + sin² mixed/parallel), on the continuous branch.

    Every d is a product of two Herglotz factors, so its principal logarithm is continuous; the last term is put on the
    sheet of Σ ln(eigenvalues of 1/g_R - t² R† g_L R) + Σ ln g_R, which are dissipative.
    """
    constant = np.log(cut.d[0, 0]) + np.log(cut.d[1, 1])
    angular = _log1p(sin2 * cut.mixed / cut.parallel)
    inverse = 1 / cut.w
    mean = (inverse[0] + inverse[1] - cut.u[0] - cut.u[1]) / 2
    difference = inverse[0] - inverse[1] - (cos2 - sin2) * (cut.u[0] - cut.u[1])
    split = np.sqrt(difference**2 / 4 + cos2 * sin2 * (cut.u[0] - cut.u[1]) ** 2)
    exact = _log_upper(mean + split) + _log_upper(mean - split) - _log_upper(inverse[0]) - _log_upper(inverse[1])
    total = constant + angular
    continuous: Complex = total + 2j * np.pi * np.round((exact - total).imag / (2 * np.pi))
    return continuous


def _log1p(z: Any) -> Complex:
    """Return ln(1 + z) for complex z without cancellation at small z."""
    z = np.asarray(z, dtype=complex)
    size = z.real * (2 + z.real) + z.imag * z.imag
    log: Complex = np.log1p(size) / 2 + 1j * np.arctan2(z.imag, 1 + z.real)
    return log


def _log_upper(z: Complex) -> Complex:
    """Return ln z of a number in the closed upper half plane, rounding below the real axis taken as above it."""
    log: Complex = np.log(abs(z)) + 1j * np.where(z.imag > 0, np.angle(z), np.where(z.real < 0, np.pi, 0.0))
    return log


def _problem(
    junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike, complex_energy: bool = False
) -> _Problem:
    stack = _as_stack(junction)
    values: NDArray[Any]
    if complex_energy and np.iscomplexobj(energy):
        values = np.asarray(energy, dtype=complex)
        if not np.isfinite(values).all() or (values.imag < 0).any():
            raise ArgumentError("Argument `energy` must be finite with Im E >= 0 (retarded), but is not.")
    else:
        values = finite_array("energy", energy)
    return _Problem(stack, values, finite_array("band_shift", band_shift))


def _cuts(
    problem: _Problem, *, phase: bool = False, chain: bool = False, limit: int = 0
) -> Iterator[tuple[Block, Iterator[tuple[Block, _Cut]]]]:
    """Solve the halves block by block, and split each block, directions included, into chunks to be joined."""
    limit = limit or CHUNK
    for block in _blocks(problem.half_batch, limit):
        with np.errstate(all="ignore"):
            left, right = _halves(problem, block, phase=phase, chain=chain)
            cut = _Cut.of(left, right, problem.get("bonds", problem.stack.cut or 0, block))
        yield block, _parts(problem, block, cut, limit)


def _parts(problem: _Problem, block: Block, cut: _Cut, limit: int) -> Iterator[tuple[Block, _Cut]]:
    whole = [range(size) for size in problem.batch]
    if block is not None:
        whole = [
            indices if half == 1 else indices[pick]
            for indices, half, pick in zip(whole, problem.half_batch, block, strict=True)
        ]
    for inner in _blocks(tuple(len(indices) for indices in whole), limit):
        if inner is None:
            target = None if block is None else tuple(slice(indices.start, indices.stop) for indices in whole)
            yield target, cut
        else:
            starts = (indices.start for indices in whole)
            target = tuple(slice(at + x.start, at + x.stop) for at, x in zip(starts, inner, strict=True))
            yield target, cut.take(inner)


def _amplitudes(problem: _Problem, modes: NDArray[np.int64] | None = None) -> Iterator[tuple[Block, Complex]]:
    """Yield blocks of the batch with their S, between the labels of the leads; fill ``modes``."""
    stack = problem.stack
    if stack.cut is None:
        for block in _blocks(problem.half_batch, CHUNK // 2):
            with np.errstate(all="ignore"):
                S, velocities = _texture_amplitudes(problem, block)
            if modes is not None:
                _fill_modes(modes, velocities, block)
            yield block, S
        return
    for block, parts in _cuts(problem, phase=True):
        for target, cut in parts:
            if modes is not None:
                _fill_modes(modes, [cut.left.lead.velocity, cut.right.lead.velocity], block)
            R = problem.directions(stack.rotation, 2, target)
            shape = np.broadcast_shapes(cut.d.shape[2:], R.shape[2:])
            S = np.empty((2, 2, 2, 2, *shape), dtype=complex)
            with np.errstate(all="ignore"):
                _fill_amplitudes(S, cut, R)
            yield target, _relabeled(S, problem, target) if stack.labels_differ else S


def _fill_modes(modes: NDArray[np.int64], velocities: Any, block: Block) -> None:
    for lead in (0, 1):
        _target(modes[lead], block if block is None or modes.ndim > 2 else None)[...] = velocities[lead] > 0


def _relabeled(S: Complex, problem: _Problem, block: Block) -> Complex:
    """Turn the spin labels of nonmagnetic leads from the magnet's direction to the lead's own.

    Their two spin channels are degenerate, so a rotation of the labels keeps the flux normalization.
    """
    left, right = (problem.directions(U, 2, block) for U in problem.stack.label_rotations)
    shape = np.broadcast_shapes(S.shape[4:], left.shape[2:], right.shape[2:])
    half, out = np.empty((2, 2, 2, 2, *shape), dtype=complex), np.empty((2, 2, 2, 2, *shape), dtype=complex)
    for lead, U in enumerate((left, right)):
        for s in (0, 1):
            half[lead, s] = U[0, s].conj() * S[lead, 0] + U[1, s].conj() * S[lead, 1]
    for lead, U in enumerate((left, right)):
        for s in (0, 1):
            out[:, :, lead, s] = half[:, :, lead, 0] * U[0, s] + half[:, :, lead, 1] * U[1, s]
    return out


def _batch_first(array: NDArray[Any], count: int, problem: _Problem) -> NDArray[Any]:
    """Return a view with the batch axes first, of the shape that was asked for."""
    array = np.broadcast_to(array, array.shape[:count] + problem.batch) if count == 2 else array
    array = array.reshape(array.shape[:count] + problem.shape)
    return np.moveaxis(array, range(count), range(-count, 0))


# ---------------------------------------------------------------------------------------- currents, torques, densities
@dataclass
class _Waves:
    """States incoming from one lead: ψ [spin, spin_in, plane, ...] in frames that change between groups of planes."""

    psi: Complex
    groups: list[tuple[slice, Array]]  # planes with their frame [(e_1, e_2, m), (x, y, z), ...]
    exchange: dict[int, tuple[Any, ...]]  # per magnetic plane: Δ times its direction in the frame, 0.0 where none
    far: Complex  # ψ of the plane next to the lead of exit, [spin, spin_in, ...], in that lead's frame
    far_frame: Array
    far_lead: _Lead
    lead: int


def _fill_fields(currents: Array, torques: Array, densities: Array, waves: _Waves) -> None:
    """Evaluate densities, torques and currents [spin_in, plane or bond, component, ...] of one lead's states."""
    psi = waves.psi
    size = psi.real**2 + psi.imag**2
    flip = psi[0].conj() * psi[1]
    x, y, z = 2 * flip.real, 2 * flip.imag, size[0] - size[1]
    np.add(size[0], size[1], out=densities[:, :, 0])
    for planes, frame in waves.groups:
        _to_lab(densities[:, planes, 1:], frame, (x[:, planes], y[:, planes], z[:, planes]))
    frames = {n: frame for planes, frame in waves.groups for n in range(planes.start, planes.stop)}
    torques[...] = 0.0
    for n, (Bx, By, Bz) in waves.exchange.items():
        Sx, Sy, Sz = x[:, n], y[:, n], z[:, n]
        cross = (By * Sz - Bz * Sy, Bz * Sx - Bx * Sz, Bx * Sy - By * Sx)
        _to_lab(torques[:, n], frames[n], cross)

    sign, flux, Q = _transmitted(waves, currents.shape[3:])
    currents[:, :, 0] = (sign * flux)[:, None]
    bonds = currents.shape[1]
    steps = range(bonds - 1, -1, -1) if waves.lead == 0 else range(bonds)
    for b in steps:
        n = b + 1 if waves.lead == 0 else b
        if n in waves.exchange:
            Q = Q + sign * torques[:, n]
        currents[:, b, 1:] = Q


def _transmitted(waves: _Waves, batch: tuple[int, ...]) -> tuple[int, Array, Array]:
    """Return the direction of flow, the flux (positive) and the spin flux Q that leave through the far lead.

    There ψ' = -(σ/t) ψ in the next plane, so that Q⊥ = 2t Im ψ†σψ' contains σ_- - σ_+*.
    """
    sign = 1 if waves.lead == 0 else -1
    up, down = waves.far
    lead = waves.far_lead
    flux = [v * (part.real**2 + part.imag**2) for v, part in zip(lead.velocity, (up, down), strict=True)]
    transverse = 2 * up.conj() * down * (lead.sigma[1] - lead.sigma[0].conj())
    local = (-sign * transverse.imag, sign * transverse.real, sign * (flux[0] - flux[1]))
    Q = np.empty((2, 3, *batch))
    _to_lab(Q, waves.far_frame, local)
    return sign, flux[0] + flux[1], Q


def _to_lab(out: Array, frame: Array, local: tuple[Array, Array, Array]) -> None:
    """Write components along x, y, z into ``out`` [..., component, *batch] of vectors given in a frame.

    ``frame`` is [(e_1, e_2, m), (x, y, z), *batch]; products with exact zeros are skipped.
    """
    axis = out.ndim - (frame.ndim - 2) - 1
    for i in range(3):
        target = out[(slice(None),) * axis + (i,)]
        total: Any = None
        for e, part in zip(frame, local, strict=True):
            if e[i].any():
                term = part if (e[i] == 1).all() else e[i] * part
                total = term if total is None else total + term
        target[...] = 0.0 if total is None else total


def _collinear_states(problem: _Problem, modes: NDArray[np.int64]) -> Iterator[tuple[Block, int, _Waves]]:
    """Yield the waves of two collinear halves, built from the cut outward by products."""
    stack = problem.stack
    for block, parts in _cuts(problem, phase=True, chain=True, limit=STATES_CHUNK):
        for target, cut in parts:
            _fill_modes(modes, [cut.left.lead.velocity, cut.right.lead.velocity], block)
            R = problem.directions(stack.rotation, 2, target)
            frames = problem.directions(stack.frames, 3, target)
            batch = np.broadcast_shapes(cut.d.shape[2:], R.shape[2:])
            for lead in (0, 1):
                psi = np.empty((2, 2, stack.planes, *batch), dtype=complex)
                _fill_waves(psi, problem, cut, R if lead == 0 else np.swapaxes(R, 0, 1).conj(), lead, target)
                if stack.labels_differ:
                    U = problem.directions(stack.label_rotations[lead], 2, target)[:, :, None]
                    psi = np.stack([psi[:, 0] * U[0, s] + psi[:, 1] * U[1, s] for s in (0, 1)], axis=1)
                end = -1 if lead == 0 else 0
                split = (stack.cut or 0) + 1
                exchange = {
                    n: (0.0, 0.0, problem.get("splitting", n, target)) for n in range(stack.planes) if stack.magnetic[n]
                }
                groups = [(slice(0, split), frames[0]), (slice(split, stack.planes), frames[1])]
                far_lead = cut.side(lead)[1].lead
                yield target, lead, _Waves(psi, groups, exchange, psi[:, :, end], frames[1 - lead], far_lead, lead)


def _fill_waves(psi: Complex, problem: _Problem, cut: _Cut, R: Complex, lead: int, block: Block) -> None:
    """Write ψ [spin, spin_in, plane, ...] of the states incoming from ``lead``, spins along each plane's half."""
    stack = problem.stack
    near, far, own, other, _, far_change, d = cut.side(lead)
    a, b = R[0, 0], R[1, 0]
    sin2 = b.real**2 + b.imag**2
    inverse = 1 / (cut.parallel + sin2 * cut.mixed)
    t = problem.get("bonds", stack.cut or 0, block)
    amplitude = 1j * near.phase * np.sqrt(-2 * near.g.imag)  # i √v F
    near_planes, far_planes = list(stack.order(lead))[::-1], list(stack.order(1 - lead))[::-1]

    # the spin that did not come in leaves the near half
    turn = a * b.conj() * far_change * inverse
    back = a.conj() * b * far_change * inverse
    out = np.stack([amplitude[1] * own[0] * turn, amplitude[0] * own[1] * back])
    hops = stack.inner_bonds(lead)[::-1]
    for position, n in enumerate(near_planes):
        if position:
            hop = problem.get("bonds", hops[position - 1], block)
            out = -hop * near.chain[-1 - position] * out
        psi[0, 1, n], psi[1, 0, n] = out[0], out[1]

    # both leave the far half
    for s, s_far in product((0, 1), (0, 1)):
        wave = -amplitude[s] * other[s_far] * R[s, s_far].conj() * d[1 - s, 1 - s_far] * inverse
        psi[s_far, s, far_planes[0]] = wave
    hops_far = stack.inner_bonds(1 - lead)[::-1]
    for position, n in enumerate(far_planes[1:], 1):
        hop = problem.get("bonds", hops_far[position - 1], block)
        np.multiply(-hop * far.chain[-1 - position][:, None], psi[:, :, far_planes[position - 1]], out=psi[:, :, n])

    # the spin that came in, from a recursion that ends in the lead: Σ = t (-∂D/∂u)/D(u=0)
    levels: dict[Any, NDArray[Any]] = {}
    for s in (0, 1):
        Y = _self_coupling(s, other, far_change, d, sin2)
        rest = d[1 - s, 1 - s] + sin2 * far_change * (-own[1] if s == 0 else own[0])
        sigma = t * Y / np.where(rest == 0, TINY, rest)
        ratios = []
        for position, n in enumerate(near_planes):
            e, _ = _step(problem, n, 0, block, levels, t)
            denominator = e[s if len(e) == 2 else 0] - sigma
            if position == len(near_planes) - 1:
                denominator = denominator - near.lead.sigma[s]
            g = 1 / np.where(denominator == 0, TINY, denominator)
            if position < len(near_planes) - 1:
                hop = problem.get("bonds", hops[position], block)
                sigma = hop * hop * g
                ratios.append(-hop * g)
        wave = 1j * np.sqrt(near.lead.velocity[s]) * g
        psi[s, s, near_planes[-1]] = wave
        for n, ratio in zip(near_planes[-2::-1], ratios[::-1], strict=True):
            wave = ratio * wave
            psi[s, s, n] = wave


# ------------------------------------------------------------------------------------------------------------ textures
def _texture_chain(
    problem: _Problem, lead: int, block: Block, guard: bool = False
) -> tuple[list[Any], list[Array], _Lead, _Lead]:
    """Return g_n = g_0 + g·σ (four components) seen from ``lead``, its own plane first, in the frame of that lead.

    The first entry contains both leads, the others everything behind them:
    g_n = (E - ε_n + (Δ_n/2) m_n·σ - t² g_n+1)^{-1} = (A_0 - A·σ)/(A_0² - A·A).
    """
    stack = problem.stack
    near, far = _lead(problem, lead, block), None
    far = near if stack.equal_leads else _lead(problem, 1 - lead, block)
    local = problem.directions(stack.local_m[lead], 2, block)
    planes = list(stack.order(lead))
    hops = stack.inner_bonds(lead)
    s0: Any = (far.sigma[0] + far.sigma[1]) / 2
    sv: Any = [far.difference / 2 * component for component in local[stack.planes + 1 - lead]]
    chain: list[Any] = []
    used: list[Array] = []
    levels: dict[Any, NDArray[Any]] = {}
    for position in range(len(planes) - 1, -1, -1):
        n = planes[position]
        onsite, in_plane = (problem.get(name, n, block) for name in ("onsite", "in_plane"))
        key: Any = (onsite.item(), in_plane.item()) if onsite.size == in_plane.size == 1 else n
        if key not in levels:
            levels[key] = problem.level(onsite, in_plane, block)
        A0 = levels[key] - s0
        A = [-component for component in sv]
        if stack.magnetic[n]:
            half = problem.get("splitting", n, block) / 2
            A = [half * m + component for m, component in zip(local[n], A, strict=True)]
        if position == 0:
            A0 = A0 - (near.sigma[0] + near.sigma[1]) / 2
            A[2] = A[2] - near.difference / 2
        det = A0 * A0 - (A[0] * A[0] + A[1] * A[1] + A[2] * A[2])
        if guard:
            det = np.where(det == 0, TINY, det)
        inverse = 1 / det
        g = [A0 * inverse, *(-component * inverse for component in A)]
        chain.append(g)
        if position:
            t = problem.get("bonds", hops[position], block)
            used.append(t)
            s0, sv = t * t * g[0], [t * t * component for component in g[1:]]
    if not guard and not np.isfinite(sum(chain[-1])).all():
        return _texture_chain(problem, lead, block, guard=True)
    return chain[::-1], used[::-1], near, far


def _texture_waves(problem: _Problem, lead: int, block: Block, every: bool) -> tuple[list[Complex], _Lead, _Lead]:
    """Return ψ [spin, spin_in, ...] of the states incoming from ``lead`` at its own plane first, in its frame.

    ψ_0 = i G_00 √v, ψ_n+1 = -t g_n+1 ψ_n; only the first and the last plane unless ``every``.
    """
    chain, hops, near, far = _texture_chain(problem, lead, block)
    root = np.sqrt(near.velocity)
    waves = [_matrix(chain[0]) * (1j * root)]
    wave = waves[0]
    for g, t in zip(chain[1:], hops, strict=True):
        M = _matrix([-t * component for component in g])
        wave = np.stack([M[0, 0] * wave[0] + M[0, 1] * wave[1], M[1, 0] * wave[0] + M[1, 1] * wave[1]])
        if every:
            waves.append(wave)
    return (waves if every else [waves[0], wave]), near, far


def _matrix(g: Any) -> Complex:
    """Return g_0 + g·σ as [spin, spin, ...]."""
    shape = np.broadcast_shapes(*(np.shape(component) for component in g))
    M = np.empty((2, 2, *shape), dtype=complex)
    M[0, 0], M[1, 1] = g[0] + g[3], g[0] - g[3]
    M[0, 1], M[1, 0] = g[1] - 1j * g[2], g[1] + 1j * g[2]
    return M


def _in_far_frame(wave: Complex, R: Complex, lead: int) -> Complex:
    """Turn ψ [spin, spin_in, ...] from the labels of the lead it came from to those of the other lead."""
    T = np.swapaxes(R, 0, 1).conj() if lead == 0 else R
    return np.stack([T[0, 0] * wave[0] + T[0, 1] * wave[1], T[1, 0] * wave[0] + T[1, 1] * wave[1]])


def _texture_amplitudes(problem: _Problem, block: Block) -> tuple[Complex, list[Array]]:
    """Return S between the lead labels and the velocities of both leads."""
    R = problem.directions(problem.stack.rotation, 2, block)
    S: Any = None
    velocities: list[Any] = [None, None]
    for lead in (0, 1):
        (first, last), near, far = _texture_waves(problem, lead, block, every=False)
        last = _in_far_frame(last, R, lead)
        if S is None:
            S = np.empty((2, 2, 2, 2, *last.shape[2:]), dtype=complex)
        S[lead, :, lead] = np.sqrt(near.velocity)[:, None] * first
        for s in (0, 1):
            S[lead, s, lead, s] -= near.velocity[s] > 0
        S[1 - lead, :, lead] = np.sqrt(far.velocity)[:, None] * last
        velocities[lead] = near.velocity
    return S, velocities


def _texture_states(problem: _Problem, modes: NDArray[np.int64]) -> Iterator[tuple[Block, int, _Waves]]:
    """Yield the waves of a texture."""
    stack = problem.stack
    for block in _blocks(problem.half_batch, STATES_CHUNK):
        R = problem.directions(stack.rotation, 2, block)
        frames = problem.directions(stack.frames, 3, block)
        for lead in (0, 1):
            waves, near, far = _texture_waves(problem, lead, block, every=True)
            _target(modes[lead], block)[...] = near.velocity > 0
            psi = np.stack(waves if lead == 0 else waves[::-1], axis=2)
            local = problem.directions(stack.local_m[lead], 2, block)
            exchange = {
                n: tuple(problem.get("splitting", n, block) * m for m in local[n])
                for n in range(stack.planes)
                if stack.magnetic[n]
            }
            far_wave = _in_far_frame(waves[-1], R, lead)
            groups = [(slice(0, stack.planes), frames[lead])]
            yield block, lead, _Waves(psi, groups, exchange, far_wave, frames[1 - lead], far, lead)


def _log_det_texture(problem: _Problem, block: Block) -> Complex:
    """Return Σ_n ln det(1/g_n) by the recursion from the left; each 1/g_n is dissipative, so its eigenvalues are."""
    chain, _, _, _ = _texture_chain(problem, 0, block)
    total: Any = 0.0
    for g0, gx, gy, gz in chain:
        root = np.sqrt(gx * gx + gy * gy + gz * gz)
        total = total + _log_upper(1 / (g0 + root)) + _log_upper(1 / (g0 - root))
    return np.asarray(total)
