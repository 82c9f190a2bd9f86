r"""What the device is: layers of a spin-resolved tight-binding stack between two semi-infinite leads.

The Hamiltonian is

    H = Σ_n c†_n [ε_n - (Δ_n/2) m_n·σ] c_n - Σ_n t_{n,n+1} (c†_{n+1} c_n + h.c.),

with the current along **y**, one term per atomic plane n, plus the hopping -t∥ on the square lattice of each
plane. At fixed in-plane wave vector the latter adds -2 t∥ (cos kx a + cos kz a) to ε_n.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Vector
from ..checks import (
    finite,
    finite_array,
    index,
    instance,
    known_fields,
    known_keywords,
    not_negative,
    positive,
    positive_integer,
    refusal,
    two_halves,
    unit_word,
    warn_of_degrees,
)
from ..errors import ArgumentError
from ..spin import SIGNS, angle_between, check_unit_vector, one_unit_vector, torque_axes
from .disorder import Disorder, Roughness

#: Planes that a junction may have; lists of them are made, and a solver passes each one by one.
LARGEST_STACK = 10**6
#: Two magnetizations count as collinear when the sine of their angle is below this (rounding of unit vectors).
COLLINEAR = 1e-12


@known_fields
@dataclass(frozen=True)
class Layer:
    """A material: identical atomic planes stacked along y.

    Parameters
    ----------
    onsite
        On-site energy ε (band center) in eV or units of t. The number is used as given: no hidden 2t shift.
    hopping
        Hopping t > 0 between neighboring planes of the layer, same unit. (The sign of t along a chain is a
        gauge; a hole-like in-plane dispersion is a negative ``in_plane_hopping``.)
    splitting
        Full exchange splitting Δ >= 0: the spin along ``m`` lies Δ below the other.
    m
        Unit vector of the majority spin.
    in_plane_hopping
        t∥ on the square lattice of each plane; None (the default) is 0, a bundle of uncoupled chains.
    thickness
        Number of atomic planes, >= 1. The thickness of a lead material is ignored: leads are semi-infinite.
    disorder
        What is random in the layer, a sequence of `Disorder`; empty (the default) for a clean layer.
    role
        What the layer is meant to be: ``"barrier"`` (set by `barrier`) makes `scatter` warn where it conducts. It is no
        part of the physics, and layers that differ in it only are equal.

    Examples
    --------
    >>> Layer(onsite=3.0, hopping=1.0, thickness=4).thickness
    4
    """

    onsite: float
    hopping: float
    splitting: float = 0.0
    m: Vector = (0.0, 0.0, 1.0)
    in_plane_hopping: float | None = None
    thickness: int = 1
    disorder: Sequence[Disorder] = ()
    role: str = field(default="", kw_only=True, repr=False, compare=False)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "onsite", finite("onsite", self.onsite))
        set_(self, "hopping", positive("hopping", self.hopping, "Planes must be connected to conduct."))
        hint = "Reverse `m` instead: it is the direction of the majority spin."
        set_(self, "splitting", not_negative("splitting", self.splitting, hint))
        set_(self, "m", tuple(one_unit_vector(self.m).tolist()))
        if self.in_plane_hopping is not None:
            set_(self, "in_plane_hopping", finite("in_plane_hopping", self.in_plane_hopping))
        set_(self, "thickness", positive_integer("thickness", self.thickness, "It counts atomic planes."))
        if isinstance(self.disorder, Disorder) or not isinstance(self.disorder, Iterable):
            raise refusal("disorder", "be a sequence of disorders", f"is {self.disorder!r}", "Use `[disorder]`.")
        set_(self, "disorder", tuple(self.disorder))
        for position, disorder in enumerate(self.disorder):
            instance(f"disorder[{position}]", disorder, Disorder, "Use `Anderson(width=...)`.")

    @property
    def is_magnetic(self) -> bool:
        """Whether the layer has an exchange splitting."""
        return self.splitting > 0

    @property
    def is_disordered(self) -> bool:
        """Whether anything in the layer is random."""
        return bool(self.disorder)

    @property
    def t_parallel(self) -> float:
        """The in-plane hopping t∥ as a number (0 for None)."""
        return self.in_plane_hopping or 0.0

    def levels(self, band_shift: ArrayLike = 0.0) -> NDArray[np.float64]:
        """Return the spin-resolved level ε - 2 t∥ c - s Δ/2, shape (..., 2), majority first.

        ``band_shift``: c = cos kx a + cos kz a, shape (...).
        """
        c = np.asarray(band_shift)[..., None]
        return self.onsite - 2 * self.t_parallel * c - SIGNS * self.splitting / 2

    def band_edges(self, band_shift: ArrayLike = 0.0) -> NDArray[np.float64]:
        """Return the (lower, upper) edge of each spin band, shape (..., 2, 2) = [..., spin, edge]."""
        return self.levels(band_shift)[..., None] + 2 * self.hopping * np.array([-1.0, 1.0])


@known_keywords
def ferromagnet(
    *,
    onsite: float,
    hopping: float,
    splitting: float,
    m: ArrayLike = (0.0, 0.0, 1.0),
    in_plane_hopping: float | None = None,
    thickness: int = 1,
    disorder: Sequence[Disorder] = (),
) -> Layer:
    """Return a magnetic `Layer` with majority spin along ``m``.

    Examples
    --------
    >>> ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0).is_magnetic
    True
    """
    return Layer(onsite, hopping, splitting, m, in_plane_hopping, thickness, disorder)  # type: ignore[arg-type]


@known_keywords
def normal_metal(
    *,
    onsite: float,
    hopping: float,
    in_plane_hopping: float | None = None,
    thickness: int = 1,
    disorder: Sequence[Disorder] = (),
) -> Layer:
    """Return a nonmagnetic `Layer`, meant to conduct at the energies of interest."""
    return Layer(onsite, hopping, in_plane_hopping=in_plane_hopping, thickness=thickness, disorder=disorder)


@known_keywords
def barrier(
    *,
    onsite: float,
    hopping: float,
    thickness: int,
    in_plane_hopping: float | None = None,
    disorder: Sequence[Disorder] = (),
) -> Layer:
    """Return a nonmagnetic `Layer`, meant to be evanescent: energies below ``onsite - 2 hopping``.

    `scatter` warns with `BarrierWarning` if its band contains the energy. Call it `normal_metal` if that is meant.
    """
    return Layer(
        onsite, hopping, in_plane_hopping=in_plane_hopping, thickness=thickness, disorder=disorder, role="barrier"
    )


def _names(disorders: Iterable[Disorder]) -> str:
    """Return the kinds of disorder in words."""
    return ", ".join(dict.fromkeys(type(disorder).__name__ for disorder in disorders))


@known_fields
@dataclass(frozen=True)
class Junction:
    """A stack of layers between two semi-infinite leads.

    Parameters
    ----------
    left, right
        Lead materials. ``buffer`` planes of each are also the first and last planes of the scattering region.
    layers
        What lies between, left to right. Layers may be magnetic and point anywhere; empty for a bare contact.
    bonds
        Overrides of the hoppings between neighboring planes: a full sequence of ``planes - 1`` positive numbers in
        the order of `Scattering.bond_currents`, or a mapping ``{bond: hopping}``. By default a bond inside a layer
        has the layer's hopping and a bond between unlike layers the geometric mean of the two.
    buffer
        Number of planes of each lead included in the scattering region, >= 1.
    unit
        Unit of all its energies, as "eV" or "t", for axes and tables; no part of the physics.

    Examples
    --------
    >>> iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> j = Junction(ferromagnet(**iron), [barrier(onsite=3, hopping=1, thickness=4)], ferromagnet(**iron))
    >>> len(j.planes), j.bond_hoppings.shape, float(j.angle)
    (6, (5,), 0.0)
    """

    left: Layer
    layers: Sequence[Layer]
    right: Layer
    bonds: Sequence[float] | Mapping[int, float] | None = None
    buffer: int = 1
    unit: str = field(default="", kw_only=True, repr=False, compare=False)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        unit_word(self.unit)
        if isinstance(self.layers, Layer) or not isinstance(self.layers, Iterable):
            raise ArgumentError("Argument `layers` must be a sequence of layers, but is one. Use `[layer]`.")
        set_(self, "layers", tuple(self.layers))
        for name, layer in [("left", self.left), ("right", self.right)]:
            instance(name, layer, Layer, "Use `ferromagnet(...)`.")
            if layer.is_disordered:
                raise ArgumentError(
                    f"Argument `{name}` must be a clean material, but has {_names(layer.disorder)}: a lead is "
                    "semi-infinite and clean. Put a layer of the disordered material between."
                )
        for position, layer in enumerate(self.layers):
            instance(f"layers[{position}]", layer, Layer)
        for position, side in [(0, 0), (len(self.layers) - 1, 1)] if self.layers else []:
            rough = [d for d in self.layers[position].disorder if isinstance(d, Roughness)]
            if any(side in d.sides for d in rough):
                word = ("left", "right")[side]
                raise ArgumentError(
                    f"Argument `layers[{position}]` must have a smooth interface with the lead, but is rough on its "
                    f"{word}: a lead is semi-infinite and clean. Put a layer of the {word} lead's material between."
                )
        set_(self, "buffer", positive_integer("buffer", self.buffer))
        planes = 2 * self.buffer + sum(layer.thickness for layer in self.layers)
        if planes > LARGEST_STACK:
            hint = "A `thickness` counts atomic planes."
            raise refusal("layers", f"make at most {LARGEST_STACK} planes with both buffers", f"makes {planes}", hint)
        if self.bonds is not None:
            set_(self, "bonds", self._full_bonds(self.bonds))

    def _full_bonds(self, bonds: Any) -> tuple[float, ...]:
        """Return ``bonds`` as one checked hopping per bond, so that the junction stays hashable."""
        hoppings = self._default_bonds()
        count = len(hoppings)
        if isinstance(bonds, Mapping):
            for bond, hopping in bonds.items():
                at = index("bonds", bond, count, "Bond b joins plane b to plane b + 1.")
                hoppings[at] = finite(f"bonds[{bond}]", hopping)
        else:
            hoppings = finite_array("bonds", bonds)
            if hoppings.shape != (count,):
                hint = "Use a mapping {bond: hopping} to change a few."
                raise refusal("bonds", f"have planes - 1 = {count} entries", f"its shape is {hoppings.shape}", hint)
        return tuple(positive(f"bonds[{bond}]", hopping) for bond, hopping in enumerate(hoppings))

    @property
    def is_disordered(self) -> bool:
        """Whether anything in the junction is random, so that it has samples (see `realize`)."""
        return any(layer.is_disordered for layer in self.layers)

    def refuse_disorder(self) -> None:
        """Raise `ArgumentError` if the junction is disordered: for what takes planes to be uniform."""
        if self.is_disordered:
            kinds = _names(disorder for layer in self.layers for disorder in layer.disorder)
            hint = "Use `scatter(..., cross_section=(width, depth))` for one sample, or `ensemble(...)` for averages."
            raise refusal("junction", "be clean for one cell per plane and k∥", f"its layers have {kinds}", hint)

    def _default_bonds(self) -> NDArray[np.float64]:
        t = np.array([plane.hopping for plane in self.planes])
        return np.where(t[:-1] == t[1:], t[:-1], np.sqrt(t[:-1] * t[1:]))

    # ------------------------------------------------------------------ planes and bonds
    @cached_property
    def planes(self) -> tuple[Layer, ...]:
        """The planes of the scattering region, left to right, each a `Layer` of thickness 1."""
        stack = [(self.left, self.buffer), *((layer, layer.thickness) for layer in self.layers)]
        stack.append((self.right, self.buffer))
        single = [(layer if layer.thickness == 1 else replace(layer, thickness=1), count) for layer, count in stack]
        return tuple(plane for plane, count in single for _ in range(count))

    @cached_property
    def bond_hoppings(self) -> NDArray[np.float64]:
        """Hopping t_{b,b+1} of each bond of the scattering region, shape (planes - 1,)."""
        return self._default_bonds() if self.bonds is None else np.array(self.bonds)

    @cached_property
    def plane_m(self) -> NDArray[np.float64]:
        """Unit vector of each plane, shape (planes, 3); meaningless where the splitting is zero."""
        return np.array([plane.m for plane in self.planes])

    @cached_property
    def plane_splitting(self) -> NDArray[np.float64]:
        """Exchange splitting Δ of each plane, shape (planes,)."""
        return np.array([plane.splitting for plane in self.planes])

    @property
    def leads(self) -> tuple[Layer, Layer]:
        """The lead materials (left, right)."""
        return self.left, self.right

    @property
    def is_dispersive(self) -> bool:
        """Whether any plane has an in-plane dispersion, so that results depend on k∥."""
        return any(plane.t_parallel for plane in self.planes)

    def padded(self, planes: int = 1) -> Junction:
        """Return the same junction with more planes of each lead in the scattering region."""
        left, right = (self.left.hopping,) * planes, (self.right.hopping,) * planes
        bonds = None if self.bonds is None else (*left, *self.bond_hoppings, *right)
        return replace(self, buffer=self.buffer + planes, bonds=bonds)

    # ------------------------------------------------------------------ the two magnets
    @cached_property
    def magnetizations(self) -> NDArray[np.float64]:
        """Axes (m_L, m_R) of the two magnets, shape (2, 3).

        A magnet is the magnetic plane nearest to its lead, which is the lead itself when that is magnetic. Where
        there is no magnet at all the lead's ``m`` is used: it still labels the spin channels.
        """
        magnetic = np.flatnonzero(self.plane_splitting > 0)
        first, last = (magnetic[0], magnetic[-1]) if len(magnetic) else (0, -1)
        return np.array([self.plane_m[first], self.plane_m[last]])

    @property
    def angle(self) -> float:
        """Angle Φ between the two magnets, in [0, π]."""
        return float(angle_between(*self.magnetizations))

    @cached_property
    def cut(self) -> int | None:
        """The bond at which the junction falls into two collinear halves, or None for a texture.

        Every plane up to the cut is nonmagnetic or collinear with the left magnet, every plane behind it
        nonmagnetic or collinear with the right one. Among several candidates those touching a nonmagnetic plane are
        preferred, of these those between magnets, and the middle one is taken.
        """
        magnetic = self.plane_splitting > 0
        sines = np.linalg.norm(np.cross(self.plane_m[:, None], self.magnetizations), axis=-1)
        fits = (sines < COLLINEAR) | ~magnetic[:, None]
        left_fits = np.logical_and.accumulate(fits[:, 0])
        right_fits = np.logical_and.accumulate(fits[::-1, 1])[::-1]
        candidates = np.flatnonzero(left_fits[:-1] & right_fits[1:])
        inside = [b for b in candidates if not (magnetic[b] and magnetic[b + 1])]
        between = [b for b in inside if magnetic[: b + 1].any() and magnetic[b + 1 :].any()]
        chosen = between or inside or list(candidates)
        return int(chosen[(len(chosen) - 1) // 2]) if chosen else None

    def directions_at(self, angles: ArrayLike) -> NDArray[np.float64]:
        """Return right magnetizations at angles Φ (rad) from the left one in the plane of both, shape (..., 3).

        From collinear magnets the plane is that of the axis most perpendicular to them.
        """
        m_left, m_right = self.magnetizations
        e, _ = torque_axes(m_left, m_right)
        if not e.any():
            e, _ = torque_axes(m_left, np.eye(3)[np.argmin(abs(m_left))])
        angle = finite_array("angles", angles)[..., None]
        warn_of_degrees("angles", angle)
        return np.asarray(np.cos(angle) * m_left + np.sin(angle) * e)

    def turned(self, *, m_left: ArrayLike | None = None, m_right: ArrayLike | None = None) -> Junction:
        """Return the junction with the magnets of its halves turned; what is antiparallel to them stays so.

        ``m_left``, ``m_right``: new directions of the magnets, see `magnetizations`; None leaves one as it is.

        Examples
        --------
        >>> iron = ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
        >>> j = Junction(iron, [barrier(onsite=3, hopping=1, thickness=4)], iron)
        >>> float(j.turned(m_right=(1.0, 0.0, 0.0)).angle.__round__(6))
        1.570796
        """
        cut, magnetic = two_halves("junction", self.cut), self.plane_splitting > 0
        new = [
            None if m is None else check_unit_vector(m, name) for name, m in (("m_left", m_left), ("m_right", m_right))
        ]
        for side, m in enumerate(new):
            if m is not None and not (magnetic[: cut + 1], magnetic[cut + 1 :])[side].any():
                hint = "Use `ferromagnet(...)`."
                raise refusal("junction", "have a magnet on each side that is turned", "has not", hint)
        if magnetic[cut] and magnetic[cut + 1] and np.linalg.norm(np.cross(*self.magnetizations)) < COLLINEAR:
            hint = "Build it at an angle, for example 90 degrees."
            raise refusal("junction", "show where one magnet ends", "is a contact of collinear magnets", hint)

        def layer(old: Layer, side: int) -> Layer:
            m = new[side]
            if m is None or not old.is_magnetic:
                return old
            sign = 1.0 if np.dot(old.m, self.magnetizations[side]) > 0 else -1.0
            return replace(old, m=tuple((sign * m).tolist()))

        starts = self.buffer + np.cumsum([0, *(old.thickness for old in self.layers)])
        layers = [layer(old, int(start > cut)) for old, start in zip(self.layers, starts, strict=False)]
        return replace(self, left=layer(self.left, 0), layers=layers, right=layer(self.right, 1))

    # ------------------------------------------------------------------ bands of the leads
    def open_channels(self, energy: ArrayLike, band_shift: ArrayLike = 0.0) -> NDArray[np.bool_]:
        """Return whether each lead's spin band is open at the energy, shape (..., 2, 2) = [..., lead, spin].

        Spin is labeled along each lead's own ``m``. At a band edge the velocity is zero: the channel is closed.
        """
        energy = np.asarray(energy)[..., None]
        open_ = [abs(energy - lead.levels(band_shift)) < 2 * lead.hopping for lead in self.leads]
        return np.stack(open_, axis=-2)

    def describe_bands(self, band_shift: float = 0.0) -> str:
        """Return the bands of both leads in words, for error messages and printing."""
        words = []
        for name, lead in zip(("left", "right"), self.leads, strict=True):
            (lo, hi), (lo2, hi2) = lead.band_edges(band_shift)
            words.append(f"{name}: majority {lo:g} to {hi:g}, minority {lo2:g} to {hi2:g}")
        return "; ".join(words)

    # ------------------------------------------------------------------ shown
    def __str__(self) -> str:
        from .drawing import table

        return str(table(self))

    def _repr_html_(self) -> str:
        """Return bands and magnetizations as a drawing, and the table of layers."""
        from .drawing import drawing, table

        return f"<div>{drawing(self)}{table(self)._repr_html_()}</div>"
