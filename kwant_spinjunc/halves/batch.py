r"""Arrays of junctions: the parameters of many, their common batch axes and how batches are cut in chunks.

Internally batch axes come last: what acts on one component of one plane acts on contiguous memory.
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

from ..arrays import Complex, Floats
from ..checks import broadcast, finite_array, index, positive_array, two_halves
from ..errors import ArgumentError
from ..model.junction import Junction
from ..spin import check_unit_vector, frames, rotation_matrix, unit_pair

#: Longest run of nonmagnetic planes that is crossed in one step; its factors grow like (E/t)^RUN.
RUN = 8
#: Parameters of a stack that have one number per plane, bond or lead.
SCALARS = ("onsite", "splitting", "in_plane", "bonds", "lead_onsite", "lead_splitting", "lead_in_plane", "lead_hopping")

# The first array of this size that glibc's malloc takes back makes it recycle arrays up to that size, instead of
# mapping and zeroing the pages of every chunk's temporaries anew: half the time of a batch of 10^4 points.
np.empty(31 << 20, dtype=np.uint8)

Block = tuple[Any, ...] | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Stack:
    """Arrays of junctions that differ in their numbers but not in their number of planes.

    All arrays have leading batch axes that broadcast against each other, against the energy and the band shift. An axis
    along which a parameter does not vary should have length 1: halves are then solved once for all angles on it.

    ``onsite``, ``splitting``, ``in_plane``: ε, Δ and t∥ of each plane of the scattering region, shape (..., planes).
    Splittings are signed: negative for planes antiparallel to ``m``.
    ``bonds``: hopping of each bond, shape (..., planes - 1).
    ``m``: directions of the left and right half, shape (..., 2, 3), without a ``cut`` of each plane, (..., planes, 3).
    ``lead_onsite``, ``lead_splitting``, ``lead_in_plane``, ``lead_hopping``: the same numbers of the left and right
    lead, shape (..., 2). Splittings are signed like those of the planes with a ``cut``, and along ``lead_m`` without.
    ``lead_m``: direction of the spin labels of each lead, shape (..., 2, 3).
    ``cut``: bond that joins two collinear halves, or None for a texture.

    Examples
    --------
    Two magnets at four angles and two barrier heights:

    >>> import numpy as np
    >>> import dataclasses
    >>> import kwant_spinjunc as sj
    >>> iron = sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> stack = Stack.from_junction(sj.Junction(iron, [sj.barrier(onsite=3.0, hopping=1.0, thickness=2)], iron))
    >>> height = np.array([[[0.0]], [[1.0]]])
    >>> onsite = stack.onsite + height * np.array([0, 1, 1, 0])
    >>> stack = dataclasses.replace(stack, onsite=onsite).with_directions(
    ...     sj.unit_vector(0.0), sj.unit_vector(np.linspace(0, np.pi, 4)))
    >>> stack.shape
    (2, 4)
    """

    onsite: Floats
    splitting: Floats
    in_plane: Floats
    bonds: Floats
    m: Floats
    lead_onsite: Floats
    lead_splitting: Floats
    lead_in_plane: Floats
    lead_hopping: Floats
    lead_m: Floats
    cut: int | None

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        planes = np.asarray(self.onsite).shape[-1:]
        if planes < (2,):
            raise ArgumentError(f"Argument `onsite` must have a trailing axis of at least 2 planes, but has {planes}.")
        count = planes[0]
        trailing = {
            **dict.fromkeys(("onsite", "splitting", "in_plane"), f"(..., {count})"),
            "bonds": f"(..., {count - 1})",
            "m": f"(..., {2 if self.cut is not None else count}, 3)",
            **dict.fromkeys(("lead_onsite", "lead_splitting", "lead_in_plane", "lead_hopping"), "(..., 2)"),
            "lead_m": "(..., 2, 3)",
        }
        for name, shape in trailing.items():
            set_(self, name, finite_array(name, getattr(self, name), shape))
        for name in ("m", "lead_m"):
            set_(self, name, check_unit_vector(getattr(self, name), name))
        for name in ("bonds", "lead_hopping"):
            positive_array(name, getattr(self, name))
        if self.cut is not None:
            index("cut", self.cut, count - 1, "It is a bond.")
        shapes = [getattr(self, name).shape[: -2 if name in ("m", "lead_m") else -1] for name in trailing]
        set_(self, "_shape", broadcast("The leading axes of the arrays of a `Stack`", *shapes))

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
        """Return the numbers of one clean junction, without batch axes."""
        junction.refuse_disorder()
        leads, cut = junction.leads, junction.cut
        magnetic = junction.plane_splitting
        if cut is None:
            m, splitting = junction.plane_m, magnetic
        else:
            m = junction.magnetizations
            # A magnetic lead is its half's magnet, so its splitting is positive along m.
            half = np.where(np.arange(len(magnetic)) <= cut, 0, 1)
            splitting = magnetic * np.sign(np.sum(junction.plane_m * m[half], axis=1))
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
        two_halves("stack", self.cut, "Replace `m` of a texture.")
        pair = np.stack(unit_pair(m_left, m_right), -2)
        signs = np.sign(self.lead_splitting)[..., None]
        return replace(self, m=pair, lead_m=np.where(signs == 0, self.lead_m, signs * pair))

    def rows(self, index: NDArray[np.intp]) -> Stack:
        """Return one stack per entry of ``index`` into the flattened batch, batch shape (n, 1)."""
        values: dict[str, Any] = {}
        for name in self.__dataclass_fields__:
            if name == "cut":
                continue
            array = getattr(self, name)
            trailing = array.ndim - (2 if name in ("m", "lead_m") else 1)
            if array.size == np.prod(array.shape[trailing:]):
                values[name] = array.reshape((1, 1, *array.shape[trailing:]))
            else:
                full = np.broadcast_to(array, self.shape + array.shape[trailing:])
                values[name] = full.reshape(-1, 1, *array.shape[trailing:])[index]
        return replace(self, **values)

    def spread(self, shape: tuple[int, ...]) -> Stack:
        """Return a stack whose batch shape is ``shape``, for `rows`: only its on-site energies are written out."""
        if self.shape == shape:
            return self
        return replace(self, onsite=np.broadcast_to(self.onsite, (*shape, self.planes)))

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
        return _turn(m[..., 0, :], m[..., 1, :])

    @cached_property
    def label_rotations(self) -> tuple[Complex, Complex]:
        """⟨s, m | s', lead_m⟩ of each lead, [s, s', ...]."""
        left, right = (_turn(self.m[..., i, :], self.lead_m[..., i, :]) for i in (0, 1))
        return left, right

    @cached_property
    def frames(self) -> Floats:
        """`spin.frames` of the halves, or of the lead labels of a texture, shape (2, 3, 3, ...)."""
        return _front(frames(self.lead_m if self.cut is None else self.m), 3)

    @cached_property
    def local_m(self) -> tuple[Floats, Floats]:
        """Directions of the planes and of both leads of a texture in the frame of each lead, [plane, component, ...].

        Entries planes and planes + 1 are the leads. Rounding is set to zero: what is collinear with a lead is so
        exactly.
        """
        batch = np.broadcast_shapes(self.m.shape[:-2], self.lead_m.shape[:-2])
        pieces = [np.broadcast_to(x, batch + x.shape[-2:]) for x in (self.m, self.lead_m)]
        m = _front(np.concatenate(pieces, axis=-2), 2)
        frames = self.frames.reshape((2, 3, 3) + (1,) * (m.ndim + 1 - self.frames.ndim) + self.frames.shape[3:])
        left, right = (np.sum(frame * m[:, None], axis=2) for frame in frames)
        for local in (left, right):
            local[abs(local) < 1e-15] = 0.0
        return left, right

    def parameters(self, ndim: int) -> dict[str, list[Any]]:
        """Return the entries of every parameter on ``ndim`` batch axes, as a plain float where the batch shares one."""
        cache: dict[int, dict[str, list[Any]]] = self.__dict__.setdefault("_parameter_cache", {})
        if ndim not in cache:
            cache[ndim] = {
                name: [row.item() if row.size == 1 else row for row in pad(_front(getattr(self, name), 1), 1, ndim)]
                for name in SCALARS
            }
        return cache[ndim]

    @cached_property
    def parameter_shape(self) -> tuple[int, ...]:
        """Batch shape of all parameters but the directions."""
        return np.broadcast_shapes(*(getattr(self, name).shape[:-1] for name in SCALARS))


def _same(a: Floats, b: Floats) -> bool:
    return a.shape == b.shape and bool((a == b).all())


def _front(array: NDArray[Any], count: int) -> NDArray[Any]:
    """Move the last ``count`` axes to the front."""
    return np.moveaxis(array, range(-count, 0), range(count))


def pad(array: NDArray[Any], front: int, ndim: int) -> NDArray[Any]:
    """Insert axes of length 1 behind the ``front`` leading ones, for ``ndim`` batch axes in all."""
    return array.reshape(array.shape[:front] + (1,) * (ndim + front - array.ndim) + array.shape[front:])


def _squeeze_constant(array: Floats, axes: int) -> Floats:
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


def as_stack(junction: Junction | Stack) -> Stack:
    """Return the stack of a junction, or the stack itself."""
    if isinstance(junction, Stack):
        return junction
    if isinstance(junction, Junction):
        return _stack_of(junction)
    raise ArgumentError(f"Argument `junction` must be a Junction or a Stack, but is {type(junction).__name__}.")


# ------------------------------------------------------------------------------------------------------- batches
def blocks(shape: tuple[int, ...], limit: int) -> Iterator[Block]:
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
        yield tuple(
            slice(start, min(start + step, size)) for start, step, size in zip(starts, sizes, shape, strict=True)
        )


def take(array: Any, block: Block, front: int = 0) -> Any:
    """Slice the batch axes of ``array``, which follow ``front`` others; axes of length 1 stay, and so does a number."""
    if block is None or isinstance(array, float):
        return array
    picks = tuple(slice(None) if size == 1 else pick for size, pick in zip(array.shape[front:], block, strict=True))
    return array[(slice(None),) * front + picks]


def part_of(array: NDArray[Any], block: Block) -> NDArray[Any]:
    """Return the part of an output array (batch axes last) that belongs to ``block``."""
    return array if block is None else array[(Ellipsis, *block)]


class Batch:
    """A stack, energies and band shifts on common batch axes; parameter axes in front."""

    def __init__(self, stack: Stack, energy: NDArray[Any], band_shift: Floats) -> None:
        names = "Arguments `energy`, `band_shift` and the stack"
        shape = broadcast(names, energy.shape, band_shift.shape, stack.shape)
        self.stack = stack
        self.shape = shape
        self.axes = shape or (1,)
        ndim = len(self.axes)
        self.energy = pad(energy, 0, ndim)
        self.band_shift = pad(band_shift, 0, ndim)
        self.parameters = stack.parameters(ndim)
        shapes = [energy.shape, stack.parameter_shape]
        if stack.dispersive:
            shapes.append(band_shift.shape)
        if stack.cut is None:
            shapes += [local.shape[2:] for local in stack.local_m]
        half_shape = np.broadcast_shapes(*shapes)
        #: Batch shape of all that is solved before the halves are joined (of everything, for a texture).
        self.half_axes: tuple[int, ...] = (1,) * (ndim - len(half_shape)) + half_shape

    def get(self, name: str, index: int, block: Block) -> Any:
        """Return one parameter: a float, or an array on the batch axes."""
        return take(self.parameters[name][index], block)

    def level(self, onsite: Any, in_plane: Any, block: Block) -> NDArray[Any]:
        """Return E - ε + 2 t∥ c."""
        e: NDArray[Any] = take(self.energy, block) - onsite
        if self.stack.dispersive:
            e = e + 2 * in_plane * take(self.band_shift, block)
        return e

    def plane_level(self, n: int, block: Block, known: dict[Any, NDArray[Any]]) -> NDArray[Any]:
        """Return E - ε_n + 2 t∥ c of plane n; equal planes share the array through ``known``."""
        onsite, in_plane = self.get("onsite", n, block), self.get("in_plane", n, block)
        key: Any = (onsite, in_plane) if isinstance(onsite, float) and isinstance(in_plane, float) else n
        if key not in known:
            known[key] = self.level(onsite, in_plane, block)
        return known[key]

    def directions(self, array: NDArray[Any], front: int, block: Block) -> Any:
        """Return an array of the stack that depends on directions only."""
        return take(pad(array, front, len(self.axes)), block, front)


def _turn(m: Floats, other: Floats) -> Complex:
    """Return ⟨s, m | s', other⟩, [s, s', ...], rounding set to zero.

    cos(π/2) = 6e-17 would couple a level of one spin to the band of the other: a resonance too narrow for any mean.
    """
    R = _front(rotation_matrix(m, other), 2)
    R[abs(R) < 1e-15] = 0.0
    return R
