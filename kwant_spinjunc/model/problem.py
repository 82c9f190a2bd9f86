r"""What is asked of a junction: energies, wave vectors, a cross-section and a sample, checked once at the border."""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Floats
from ..checks import finite_array, is_average, positive, refusal, refuse_empty, shape_of, wave_vector
from ..errors import NEAR_EDGE, ArgumentError, BandEdgeError, NoOpenChannelError
from ..spin import check_unit_vector
from .junction import COLLINEAR, Junction
from .memory import POINT, refuse_points
from .plane import CrossSection, band_shift
from .sample import Realization, realize

#: What stands for the mean over the Brillouin zone in place of wave vectors.
AVERAGE = "average"
#: Default of the largest defect per unit flux that is accepted. Rounding is 1e-14; a state with velocity v near a band
#: edge loses a factor 1/v, so 1e-8 still admits energies 1e-10 t from the edge.
MAX_DEFECT = 1e-8
#: Largest level over smallest hopping from which on their ratio is the likelier reason of lost digits.
UNEVEN = 1e6
#: Distance from a band edge over the hopping that is refused, for energies of the size of the hopping.
NEAR = 1e-13


class Settings(TypedDict, total=False):
    """What a `Problem` takes besides junction, energy and k."""

    cross_section: tuple[int, int]
    boundary: str | tuple[str, str]
    seed: int
    realization: int
    max_defect: float
    rtol: float
    m_right: ArrayLike | None


@dataclass(frozen=True, eq=False, kw_only=True)
class Problem:
    """One scattering problem of a junction, or a batch of them."""

    junction: Junction
    energy: Any
    k: Any = None  #: Γ; wave vectors (kx, kz) in 1/a, trailing axis 2; or the mean over the zone.
    #: Sites and boundaries of a plane, with its Bloch vector where there is one.
    section: CrossSection = field(default_factory=CrossSection)
    #: `seed`, `realization`: Which sample of a disordered junction.
    seed: int = 0
    realization: int = 0
    #: `max_defect`, `rtol`: Largest defect per unit flux; relative accuracy of an average.
    max_defect: float = MAX_DEFECT
    rtol: float = 1e-8
    m_right: Any = None  #: Shape (..., 3), or None: directions of the right magnet, for many at a time.

    @classmethod
    def of(
        cls, junction: Junction, energy: ArrayLike, k: ArrayLike | str | None = None, **settings: Unpack[Settings]
    ) -> Problem:
        """Check the arguments of `scatter`."""
        asked: dict[str, Any] = dict(settings)
        cross_section, boundary = asked.pop("cross_section", (1, 1)), asked.pop("boundary", "periodic")
        m_right = asked.pop("m_right", None)
        for name in ("max_defect", "rtol"):
            if name in asked:
                asked[name] = positive(name, asked[name])
        given = {"energy": energy, "k": k, "m_right": m_right}
        shapes = {name: shape_of(name, value) for name, value in given.items() if value is not None}
        points = 0
        with suppress(ValueError):  # what does not broadcast is refused below
            points = math.prod(np.broadcast_shapes(*(s if name == "energy" else s[:-1] for name, s in shapes.items())))
        refuse_points("Arguments `energy`, `k` and `m_right`", points, POINT)
        E = finite_array("energy", energy)
        refuse_empty("Arguments `energy` and `k`", E, k)
        section = CrossSection(cross_section, boundary)
        wave_vectors: Any = k
        if not is_average("k", k) and k is not None:
            wave_vectors = wave_vector("k", k, many=True)
            if not section.is_single_cell or (m_right is not None and junction.is_disordered):
                section = CrossSection(cross_section, boundary, wave_vectors)
        directions = None if m_right is None else check_unit_vector(m_right, "m_right")
        if directions is not None:
            refuse_empty("Argument `m_right`", directions)
            if is_average("k", k):
                hint = "Use `angular_response(..., k='average')`, or `junction.turned(m_right=...)`."
                raise refusal("m_right", "be left out of an average over k", "is given", hint)
            turned = told_apart(junction).turned(m_right=directions.reshape(-1, 3)[0])
            if directions.ndim == 1:
                junction, directions = turned, None
        return cls(
            junction=junction,
            energy=E if E.ndim else float(E),
            k=wave_vectors,
            section=section,
            m_right=directions,
            **asked,
        )

    def at(self, index: tuple[int, ...], shape: tuple[int, ...]) -> Problem:
        """Return the problem of one point of a batch of a shape."""
        junction = self.junction
        if self.m_right is not None:
            junction = self.base.turned(m_right=np.broadcast_to(self.m_right, (*shape, 3))[index])
        energy = float(np.broadcast_to(self.energy, shape)[index])
        k = None if self.k is None else np.broadcast_to(self.k, (*shape, 2))[index]
        return replace(self, junction=junction, energy=energy, k=k, m_right=None)

    @property
    def is_average(self) -> bool:
        """Whether the mean over the Brillouin zone is asked for."""
        return isinstance(self.k, str)

    @property
    def is_batch(self) -> bool:
        """Whether there are many energies, wave vectors or directions."""
        many_k = self.k is not None and not self.is_average and np.ndim(self.k) > 1
        return bool(np.ndim(self.energy)) or many_k or self.m_right is not None

    @cached_property
    def magnetizations(self) -> Floats:
        """Directions of the two magnets, shape (..., 2, 3) with the leading axes of ``m_right``."""
        axes = self.junction.magnetizations
        if self.m_right is None:
            return axes
        return np.stack(np.broadcast_arrays(axes[0], self.m_right), axis=-2)

    @cached_property
    def labels(self) -> Floats:
        """Direction of each lead's majority spin, shape (..., 2, 3): that of a magnetic lead turns with its magnet."""
        axes, leads = self.junction.magnetizations, self.junction.leads
        own = np.array([lead.m for lead in leads])
        if self.m_right is None:
            return own
        right = np.sign(np.dot(own[1], axes[1])) * self.m_right if leads[1].is_magnetic else own[1]
        right = np.broadcast_to(right, self.m_right.shape)
        return np.stack(np.broadcast_arrays(own[0], right), axis=-2)

    @cached_property
    def band_shift(self) -> NDArray[np.float64]:
        """C = cos kx + cos kz of one clean cell per plane, shape ``k.shape[:-1]``."""
        return band_shift(self.k)

    @cached_property
    def sample(self) -> Realization:
        """The numbers on all sites."""
        return realize(self.base, self.section, self.seed, self.realization)

    @cached_property
    def base(self) -> Junction:
        """The junction to turn: magnets that are collinear do not tell where one of them ends in a sample."""
        return self.junction if self.m_right is None else told_apart(self.junction)

    @cached_property
    def doubt(self) -> str:
        """What is likely to spoil digits, in words: energies far above a hopping, or a band edge nearby."""
        planes = self.junction.planes
        hoppings = np.append(self.junction.bond_hoppings, [lead.hopping for lead in self.junction.leads])
        levels = [abs(plane.onsite) + plane.splitting / 2 + 4 * abs(plane.t_parallel) for plane in planes]
        largest = max(float(np.max(abs(np.asarray(self.energy)))), *levels, float(hoppings.max()))
        spread = largest / float(hoppings.min())
        if spread > UNEVEN:
            return (
                f"Its numbers differ by a factor {spread:.1g} (the largest level, splitting or energy to the smallest "
                "hopping), and rounding of the large is not small against the small. Use solver='halves', or leave "
                "out what the smallest hopping connects."
            )
        return NEAR_EDGE

    def refuse_edges(self, *, exact: bool) -> None:
        """Raise `BandEdgeError` where an energy is so near a band edge of a lead that rounding decides the answer.

        With an energy known to ε = 1e-16 of the largest level, a probability or current near an edge is known to some
        10 ε/√(δ t), δ the distance: refused is what would be wrong by more than 1e-8. Without ``exact`` an energy right
        on an edge passes: its channel is closed.
        """
        plain = self.section.is_single_cell
        c = self.band_shift if plain else self.section.transverse_modes[0]
        E = np.asarray(self.energy)[..., None]
        for lead in self.junction.leads:
            levels = lead.levels(c)
            distance = abs(abs(E - levels) / (2 * lead.hopping) - 1)
            ratio = np.maximum(np.maximum(abs(E), abs(levels)) / lead.hopping, 2.0)
            near = (distance < NEAR * ratio**2) & (exact | (distance > 0))
            if near.any():
                at = np.unravel_index(int(near.argmax()), near.shape)
                energy, r = (float(np.broadcast_to(x, near.shape)[at]) for x in (E, ratio))
                why = f"at {energy:g} it is {distance[at]:.1g} of a lead's hopping from one. Move the energy."
                if r > UNEVEN:
                    why = f"of its hopping {lead.hopping:g} is lost in the rounding of {energy:g}. Shift all levels."
                raise BandEdgeError(
                    f"Argument `energy` must be told from the band edges of the leads, but {why} "
                    f"Bands: {self.junction.describe_bands(float(np.ravel(c)[0]))}."
                )

    def refuse_many(self, *, turns: bool = False) -> None:
        """Raise `ArgumentError` for a batch or an average, where a route takes one energy and k at a time.

        ``turns``: directions of the right magnet may be many.
        """
        where = "with Kwant, a cross-section of several sites or hard walls"
        if self.is_average:
            raise ArgumentError(
                f"Argument `k` must not be 'average' {where}. Use one cell per plane and solver='halves'."
            )
        for name, one, value, ndim in (("energy", "number", self.energy, 0), ("k", "vector (kx, kz)", self.k, 1)):
            if value is not None and np.ndim(value) > ndim:
                hint = "Use solver='halves' for many."
                raise refusal(name, f"be one {one} {where}", f"its shape is {np.shape(value)}", hint)
        if self.m_right is not None and not turns:
            hint = "Use solver='halves' for many."
            raise refusal("m_right", "be one direction with Kwant", f"its shape is {np.shape(self.m_right)}", hint)

    def refuse_turned(self) -> None:
        """Raise `ArgumentError` for many directions of the right magnet, where a result of one is evaluated."""
        if self.m_right is not None:
            hint = "Use `junction.turned(m_right=...)`."
            raise refusal("scattering", "be of one direction of the right magnet", "is of many", hint)

    def refuse_closed(self, modes: NDArray[Any], band_shift: ArrayLike) -> None:
        """Raise `NoOpenChannelError` where there is no mode in either lead; it names the bands at the first point."""
        if modes.any():
            return
        energy, c = (float(np.ravel(x)[0]) for x in (self.energy, band_shift))
        raise NoOpenChannelError(
            f"Argument `energy` must lie in a band of a lead, but at {energy:g} no channel is open. "
            f"Bands at this k: {self.junction.describe_bands(c)}."
        )


def told_apart(junction: Junction) -> Junction:
    """Return a junction with its magnets at 90° where they are collinear, so that a sample tells where one ends."""
    axes = junction.magnetizations
    if junction.cut is None or np.linalg.norm(np.cross(*axes)) > COLLINEAR:
        return junction
    return junction.turned(m_right=junction.directions_at(np.pi / 2))
