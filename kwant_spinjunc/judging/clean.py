"""Exact numbers of a clean junction: all angles in one batch, at one k∥ or averaged over the Brillouin zone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from .. import halves
from ..arrays import Floats
from ..errors import ArgumentError, NoOpenChannelError
from ..halves import zone
from ..halves.batch import Stack
from ..halves.round_trip import round_trip
from ..model.junction import Junction
from ..model.plane import band_shift
from ..printing import with_unit
from ..runs.validity import spacer_planes
from ..theory import tunnelling
from .evidence import Evidence, InapplicableError, Problem

#: Why a lead of alike spins has no axis that labels them.
NO_MAGNET = "it is no magnet"
#: Points of c per evaluation of all angles, so that the work arrays stay small.
CHUNK = 256
#: Relative accuracy of the conductance that sets the scale of what is negligible, and what is, of it.
ROUGH, NEGLIGIBLE = 1e-2, 1e-3


@dataclass(frozen=True)
class Spacer:
    """The nonmagnetic planes around the cut."""

    planes: slice  #: In the scattering region.
    layer: int | None  #: The one entry of ``layers`` they are, None if several or none.


def spacer_layer(junction: Junction) -> Spacer | None:
    """Return the spacer of a junction of two halves, None for a bare contact or a texture."""
    if junction.cut is None:
        return None
    planes = spacer_planes(junction)
    starts = junction.buffer + np.cumsum([0, *(layer.thickness for layer in junction.layers)])
    inside = [n for n, at in enumerate(starts[:-1]) if planes.start <= at < planes.stop]
    return Spacer(planes, inside[0] if len(inside) == 1 else None) if planes.stop > planes.start else None


@dataclass(frozen=True, kw_only=True, eq=False)
class Clean(Problem):
    """A clean junction at one energy."""

    junction: Junction
    k: Any  #: As in `scatter`.
    rtol: float = 1e-6  #: Of a Brillouin-zone average.

    @property
    def words(self) -> str:
        """What was solved, in words."""
        if isinstance(self.k, str):
            point = "averaged over the Brillouin zone"
        else:
            point = "k = Γ" if self.k is None else f"k = ({', '.join(f'{x:.4g}' for x in np.ravel(self.k))})/a"
        energy = with_unit(f"{self.energy:g}", self.junction.unit)
        return f"E = {energy}, {point if self.junction.is_dispersive else 'one chain of atoms'}"

    # ------------------------------------------------------------------ means over k
    def mean(self, observe: Callable[[Floats], Any], junction: Junction | None = None, atol: float = 0.0) -> Any:
        """Return a function of the band shift at the k of the problem, or its average over the zone."""
        which = self.junction if junction is None else junction
        return zone.mean(observe, which, self.energy, self.k, rtol=self.rtol, atol=atol).value

    # ------------------------------------------------------------------ the two halves
    @cached_property
    def fixed(self) -> str:
        """Why the angle cannot be turned, empty if it can."""
        return why_fixed(self.junction)

    @cached_property
    def all_angles(self) -> Floats:
        """What is solved: the angles asked for and both collinear ones, or the junction's own, shape (n,)."""
        return np.array([self.junction.angle]) if self.fixed else super().all_angles

    @cached_property
    def stack(self) -> Stack:
        """Both halves with the right one at every angle, or the junction as it is."""
        if self.fixed:
            return Stack.from_junction(self.junction)
        stack = Stack.from_junction(self.junction.turned(m_right=self.junction.directions_at(np.pi / 2)))
        return stack.with_directions(self.junction.magnetizations[0], self.junction.directions_at(self.all_angles))

    @cached_property
    def decaying(self) -> tuple[Spacer, float]:
        """The spacer and κd of its planes where it is lowest among the open channels.

        Raises `InapplicableError`: No spacer, or one that conducts.
        """
        spacer = spacer_layer(self.junction)
        if spacer is None:
            raise InapplicableError("it has no nonmagnetic barrier between its magnets")
        levels, hopping = self._levels(spacer, self.lowest)
        try:
            return spacer, float(tunnelling.lattice_exponent(levels, self.energy, hopping))
        except tunnelling.ClassicallyAllowedError:
            allowed = int((levels - 2 * hopping <= self.energy).sum())
            which = "its spacer conducts" if allowed == len(levels) else f"{allowed} of {len(levels)} planes conduct"
            raise InapplicableError(f"{which} at this energy: there is no one decay") from None

    @cached_property
    def lowest(self) -> float:
        """The open band shift at which the spacer is lowest."""
        if not isinstance(self.k, str):
            return float(band_shift(self.k))
        spacer = spacer_layer(self.junction)
        c = np.linspace(-2.0, 2.0, 4001)
        open_ = self.junction.open_channels(self.energy, c).any(axis=-1).all(axis=-1)
        if spacer is None or not open_.any():
            return 2.0
        levels, hopping = self._levels(spacer, c)
        return float(c[open_][np.argmin((levels - 2 * hopping).min(axis=-1)[open_])])

    def _levels(self, spacer: Spacer, c: Any) -> tuple[Floats, Floats]:
        """Return band centers [..., plane] of the spacer at band shifts, and hoppings of its planes."""
        planes = self.junction.planes[spacer.planes]
        onsite, in_plane, hopping = np.array([(plane.onsite, plane.t_parallel, plane.hopping) for plane in planes]).T
        return np.asarray(onsite - 2 * in_plane * np.asarray(c)[..., None]), hopping

    # ------------------------------------------------------------------ evidence
    @cached_property
    def evidence(self) -> Evidence:
        """Exact numbers at every angle."""
        stack, E, n = self.stack, self.energy, len(self.all_angles)
        one = replace(stack, m=stack.m[:1], lead_m=stack.lead_m[:1]) if not self.fixed else stack
        spacer = None if self.fixed and stack.cut is None else stack.cut

        def observe(c: Floats) -> Floats:
            parts = [self._columns(stack, one, spacer, c[i : i + CHUNK], n) for i in range(0, len(c), CHUNK)]
            return np.concatenate(parts)

        def conductance(c: Floats) -> Floats:
            return np.asarray(halves.probabilities(one, E, c[:, None])[:, 0, 1, :, 0, :].sum(axis=(-1, -2)))

        scale = float(self.mean(conductance)) if isinstance(self.k, str) and not self.fixed else 0.0
        columns = self.mean(observe, atol=NEGLIGIBLE * self.rtol * scale)
        ends = np.cumsum([n * 16, n * 8, n * 12, 4])
        P, along, Q, modes, weighted = np.split(columns, ends)
        modes = modes.reshape(2, 2)
        if not modes.any():
            raise NoOpenChannelError(
                f"Argument `energy` must lie in a band of a lead, but at {E:g} no channel is open. "
                f"Bands at Γ: {self.junction.describe_bands(2.0)}."
            )
        left, right = (np.broadcast_to(m, (n, 3)) for m in self._axes)
        mean = weighted[0] if weighted[0] > 0 else np.nan
        return Evidence(
            problem=self,
            angles=self.all_angles,
            probabilities=P.reshape(n, 2, 2, 2, 2),
            modes=modes,
            m=np.stack([left, right], axis=1),
            unlabeled=unlabeled(self.junction),
            spacer=None if spacer is None else Q.reshape(n, 2, 2, 3),
            along=along.reshape(n, 2, 2, 2),
            fixed=self.fixed,
            round_trip=float(weighted[1] / mean),
            decay=float(weighted[2] / mean),
        )

    @property
    def _axes(self) -> Floats:
        """Directions of the leads' spin labels, where they are magnets those of the halves; [lead, ..., axis]."""
        return np.moveaxis(np.broadcast_to(self.stack.lead_m, (len(self.all_angles), 2, 3)), 1, 0)

    def _columns(self, stack: Stack, one: Stack, cut: int | None, c: Floats, n: int) -> Floats:
        """Return all that is averaged, each linear in what one k∥ contributes, shape (points, columns)."""
        E = self.energy
        at = c[:, None] if stack.shape else c
        P = halves.probabilities(stack, E, at).reshape(len(c), n, 2, 2, 2, 2)
        modes = self.junction.open_channels(E, c).reshape(len(c), 4)
        left, right = self._axes
        if cut is None:
            currents = halves.states(stack, E, at).currents[..., 1:].reshape(len(c), n, 2, 2, -1, 3)
            inner, outer, Q = currents[..., 0, :], currents[..., -1, :], np.zeros((len(c), n, 2, 2, 3))
        else:
            Q = halves.spacer_currents(stack, E, at)[..., 1:].reshape(len(c), n, 2, 2, 3)
            inner = outer = Q
        along = np.stack([np.einsum("pnabi,ni->pnab", inner, left), np.einsum("pnabi,ni->pnab", outer, right)], axis=-1)
        weights = np.zeros((len(c), 3))
        if not self.fixed:
            T = np.swapaxes(P[:, :, 1, :, 0, :], -1, -2)
            mean = tunnelling.spin_factors_from_collinear(T[:, 0], T[:, -1]).mean(axis=(-1, -2))
            weights[:, 0] = mean
            weights[:, 1] = mean * round_trip(one, E, at).contrast[:, 0]
            weights[:, 2] = mean * self.decay(c)
        parts = [P, along, Q]
        return np.concatenate([*(part.reshape(len(c), -1) for part in parts), modes, weights], axis=1)

    def decay(self, c: Floats) -> Floats:
        """Return e^{-2κd} of the spacer, planes in whose band the energy lies not counting."""
        spacer = spacer_layer(self.junction)
        if spacer is None:
            return np.ones(len(c))
        levels, hopping = self._levels(spacer, c)
        levels = np.maximum(levels, self.energy + 2 * hopping)
        return np.asarray(np.exp(-2 * tunnelling.lattice_exponent(levels, self.energy, hopping)))

    # ------------------------------------------------------------------ changed
    def changed(self, *, planes: int, height: float = 0.0) -> Clean:
        """Return the problem with a spacer that is `grown`."""
        return replace(self, junction=grown(self.junction, planes, height))


def growing_layer(junction: Junction) -> int:
    """Return which layer is the spacer, or refuse one that cannot grow with `InapplicableError`."""
    spacer = spacer_layer(junction)
    if spacer is None:
        raise InapplicableError("it has no nonmagnetic spacer that could grow")
    if spacer.layer is None:
        raise InapplicableError("its spacer is not one layer that could grow")
    if junction.bonds is not None:
        raise InapplicableError("its bonds are given by number and do not grow with it")
    return spacer.layer


def grown(junction: Junction, planes: int, height: float = 0.0) -> Junction:
    """Return the junction with more planes in its spacer, or all of them at a higher level."""
    layers, spacer = list(junction.layers), growing_layer(junction)
    old = layers[spacer]
    layers[spacer] = replace(old, thickness=old.thickness + planes, onsite=old.onsite + height)
    return replace(junction, layers=layers)


def unlabeled(junction: Junction) -> tuple[str, str]:
    """Return why the spins of each lead have no axis of their own, empty if they have."""
    left, right = ("" if lead.is_magnetic else NO_MAGNET for lead in junction.leads)
    return left, right


def why_fixed(junction: Junction) -> str:
    """Return why the magnets of a junction cannot be turned against each other, empty if they can."""
    if junction.cut is None:
        return "its magnets are a texture of more than two directions, with no one angle to turn"
    try:
        clean = replace(junction, layers=[replace(layer, disorder=()) for layer in junction.layers])
        clean.turned(m_right=clean.directions_at(np.pi / 2))
    except ArgumentError as error:
        return _clause(error)
    return ""


def _clause(error: Exception) -> str:
    """Return what an error says of a junction, as a clause: its way out is for who made the call."""
    said = str(error).split(". Use ")[0].split(". Build ")[0].rstrip(".")
    return said.replace("Argument `junction` must", "it must", 1)
