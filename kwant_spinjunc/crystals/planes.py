r"""The two sides of a cut through a Kwant system, and their planes: sites by their distance from the cut.

Sites of one side at graph distance k from the cut are its plane k; planes join neighbors only. A lead ties all sites of
its interface together: the planes it spans are merged into one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Integers
from ..devices.cuts import hoppings_of, parts_without, resolve_sites
from ..errors import ArgumentError


@dataclass(frozen=True, eq=False)
class Partition:
    """Sites by side and plane."""

    sides: tuple[tuple[Integers, ...], ...]  #: Front and, with a cut, back.
    lead_side: Integers  #: 0 for a lead at the front, 1 for one behind.
    lead_plane: Integers  #: The plane of its side that holds a lead's interface.

    def coarser(self) -> Partition:
        """Return the partition with pairs of neighboring planes merged."""

        def pairs(planes: tuple[Integers, ...]) -> tuple[Integers, ...]:
            return tuple(np.sort(np.concatenate(planes[n : n + 2])) for n in range(0, len(planes), 2))

        return Partition(tuple(map(pairs, self.sides)), self.lead_side, self.lead_plane // 2)


def partition(system: Any, edges: Integers, cut: Any) -> Partition:
    """Return the planes of both sides of a cut; without a cut all sites are in front, seen from the last lead."""
    count = len(system.sites)
    neighbors: list[list[int]] = [[] for _ in range(count)]
    for i, j in edges.tolist():
        neighbors[i].append(j)
    starts = [np.asarray(system.lead_interfaces[-1], dtype=np.int64)]
    behind = np.zeros(count, dtype=bool)
    if cut is not None:
        behind = _behind(system, edges, cut)
        across = edges[behind[edges[:, 0]] & ~behind[edges[:, 1]]]
        if not len(across):
            raise ArgumentError("Argument `behind` must leave hoppings between its two sides, but there are none.")
        starts = [np.unique(across[:, 1 - side]) for side in (0, 1)]
    lead_side = np.array([int(behind[interface[0]]) for interface in system.lead_interfaces])
    lead_plane = np.zeros(len(lead_side), dtype=np.int64)
    sides = []
    for side, start in enumerate(starts):
        leads = np.flatnonzero(lead_side == side)
        planes, lead_plane[leads] = _planes(system, neighbors, behind == bool(side), start, leads)
        sides.append(planes)
    return Partition(tuple(sides), lead_side, lead_plane)


def _behind(system: Any, edges: Integers, cut: Any) -> NDArray[np.bool_]:
    """Return which sites lie behind the cut."""
    count = len(system.sites)
    if callable(cut):
        behind = np.zeros(count, dtype=bool)
        behind[resolve_sites("behind", cut, system)] = True
        if behind.all():
            raise ArgumentError("Argument `behind` must be true of a part of the system, but is true of all sites.")
    else:
        part, front, back = parts_without(hoppings_of("behind", cut, system, edges), edges, count)
        if len(np.intersect1d(front, back)):
            raise ArgumentError(
                "Argument `behind` must separate the two sides, but they are still connected. Include every hopping "
                "of the cross-section, or give a function of a site that is true behind the cut."
            )
        behind = np.isin(part, back)
    for number, interface in enumerate(system.lead_interfaces):
        sides = behind[np.asarray(interface, dtype=int)]
        if sides.any() and not sides.all():
            raise ArgumentError(
                f"Argument `behind` must leave each lead on one side, but cuts the interface of lead {number}: the "
                "spins of a lead turn together. Move the cut away from the lead, or attach the lead with add_cells=1."
            )
    return behind


def _planes(
    system: Any, neighbors: list[list[int]], inside: NDArray[np.bool_], start: Integers, leads: Any
) -> tuple[tuple[Integers, ...], Integers]:
    """Return the planes of the sites ``inside`` by distance from ``start``, and the plane of each lead."""
    interfaces = [np.asarray(system.lead_interfaces[lead], dtype=np.int64) for lead in leads]
    far = len(neighbors)
    distance = np.where(inside, far, -1).tolist()  # -1: not of this side
    unseen = [set(interface.tolist()) for interface in interfaces]
    frontier, step = start.tolist(), 0
    while frontier:
        for site in frontier:
            distance[site] = step
        step += 1
        near = {other for site in frontier for other in neighbors[site]}
        for interface in [interface for interface in unseen if not interface.isdisjoint(frontier)]:
            near |= interface
            unseen.remove(interface)
        frontier = [site for site in near if distance[site] == far]
    at = np.array(distance)
    at[at == far] = step  # joined to nothing seen from the cut
    last = int(at.max())
    merged = np.zeros(last + 1, dtype=bool)  # plane k + 1 belongs to plane k
    for own in (at[interface] for interface in interfaces):
        merged[own.min() : own.max()] = True
    label = np.concatenate([[0], np.cumsum(~merged[:-1])])
    plane = np.where(inside, label[at], -1)
    planes = tuple(np.flatnonzero(plane == k) for k in range(int(label[-1]) + 1))
    return tuple(p for p in planes if len(p)), np.array([plane[i[0]] for i in interfaces], dtype=np.int64)
