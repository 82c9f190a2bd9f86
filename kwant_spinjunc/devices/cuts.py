"""Cuts through a Kwant system: which hoppings spin and charge are counted on, and that they separate the leads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from ..checks import refusal
from ..errors import ArgumentError

BUFFER = (
    "Kwant's operators reach sites of the scattering region only: attach a buffer cell, "
    "syst.attach_lead(lead, add_cells=1)."
)


@dataclass(frozen=True)
class Between:
    """The cut between two sets of sites: all hoppings from one to the other, the flux counted from source to target.

    ``source``, ``target``: each a list of sites or a function of a site that tells them.

    Examples
    --------
    >>> cut = between(lambda site: site.pos[0] < 3, lambda site: site.pos[0] >= 3)
    """

    source: Any
    target: Any


between = Between


@dataclass(frozen=True, eq=False)
class ResolvedCut:
    """A cut as numbers of sites."""

    #: Shape (hoppings, 2): (to, from) of every hopping, as `kwant.operator.Current` counts: from ``hoppings[:, 1]`` to
    #: ``[:, 0]``.
    hoppings: NDArray[np.int64]
    behind: NDArray[np.bool_]  #: Shape (leads,): which leads lie on the side that the flux goes to.


def resolve_sites(name: str, sites: Any, system: Any) -> NDArray[np.int64]:
    """Return the sorted numbers of sites given as a list of sites or a function of a site."""
    if callable(sites):
        numbers = [i for i, site in enumerate(system.sites) if sites(site)]
    else:
        numbers = [_number(name, site, system) for site in _listed(name, sites)]
    if not numbers:
        raise ArgumentError(f"Argument `{name}` must contain sites of the scattering region, but contains none.")
    return np.array(numbers if callable(sites) else sorted(set(numbers)))


def cut_sites(name: str, cut: Any, system: Any) -> tuple[bytes, ...]:
    """Return what a cut is now, to be compared: its functions and lists may have changed since it was looked at."""
    if isinstance(cut, Between):
        return tuple(resolve_sites(name, sites, system).tobytes() for sites in (cut.source, cut.target))
    if callable(cut):
        return (resolve_sites(name, cut, system).tobytes(),)
    ends = [_number(name, site, system) for pair in _listed(name, cut) for site in pair]
    return (b"hoppings", np.array(ends).tobytes())


def _listed(name: str, values: Any) -> Iterable[Any]:
    try:
        return list(values)
    except TypeError:
        raise refusal(name, "be a list or a function of a site", f"is {type(values).__name__}") from None


def _number(name: str, site: Any, system: Any) -> int:
    try:
        return int(system.id_by_site[site])
    except (KeyError, TypeError):
        raise refusal(name, "lie in the scattering region", f"{site} does not", BUFFER) from None


def resolve_cut(name: str, cut: Any, system: Any, edges: NDArray[np.int64]) -> ResolvedCut:
    """Return a cut as numbers of sites, having checked that it separates the leads; arguments as of `hoppings_of`."""
    hoppings = hoppings_of(name, cut, system, edges)
    return ResolvedCut(hoppings, _leads_behind(name, hoppings, system, edges))


def hoppings_of(name: str, cut: Any, system: Any, edges: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the hoppings (to, from) of a cut, of all hoppings of the system, ``edges``, in both directions.

    ``cut``: `between` two sets of sites; a list of hoppings (to, from) as Kwant counts them; or a function of a site
    that is True behind the cut.
    """
    count = len(system.sites)
    if isinstance(cut, Between):
        sides = [resolve_sites(name, part, system) for part in (cut.source, cut.target)]
        if len(np.intersect1d(sides[0], sides[1])):
            raise ArgumentError(f"Argument `{name}` must lie between two different sets of sites, but they overlap.")
        side = np.zeros((2, count), dtype=bool)
        side[0, sides[0]] = side[1, sides[1]] = True
        hoppings = edges[side[1, edges[:, 0]] & side[0, edges[:, 1]]]
    elif callable(cut):
        behind = np.zeros(count, dtype=bool)
        behind[resolve_sites(name, cut, system)] = True
        hoppings = edges[behind[edges[:, 0]] & ~behind[edges[:, 1]]]
    else:
        pairs = [tuple(pair) for pair in _listed(name, cut)]
        hoppings = np.array([[_number(name, a, system), _number(name, b, system)] for a, b in pairs]).reshape(-1, 2)
        known = set(map(tuple, edges.tolist()))
        for pair, numbers in zip(pairs, hoppings.tolist(), strict=True):
            if tuple(numbers) not in known:
                raise ArgumentError(f"Argument `{name}` must consist of hoppings of the system, but {pair} is none.")
    if not len(hoppings):
        raise ArgumentError(f"Argument `{name}` must contain hoppings, but none joins its two sides.")
    return np.asarray(hoppings)


def parts_without(hoppings: Any, edges: Any, vertices: int, joins: Any = ()) -> tuple[Any, Any, Any]:
    """Return the number of the connected part of each vertex once hoppings are gone, and the parts in front and behind.

    ``joins``: pairs of vertices that are joined besides.
    """
    keys = edges[:, 0] * vertices + edges[:, 1]
    gone = np.concatenate([hoppings[:, 0] * vertices + hoppings[:, 1], hoppings[:, 1] * vertices + hoppings[:, 0]])
    kept = np.concatenate([edges[~np.isin(keys, gone)], np.array(joins, dtype=int).reshape(-1, 2)])
    graph = sparse.coo_matrix((np.ones(len(kept)), kept.T), shape=(vertices,) * 2)
    _, part = csgraph.connected_components(graph, directed=False)
    return part, np.unique(part[hoppings[:, 1]]), np.unique(part[hoppings[:, 0]])


def _leads_behind(name: str, hoppings: Any, system: Any, edges: Any) -> NDArray[np.bool_]:
    """Return which leads lie behind the cut, or raise `ArgumentError` if it does not separate the leads."""
    count, leads = len(system.sites), len(system.lead_interfaces)
    # a lead joins all the sites of its interface: it is one more vertex
    joins = [(count + lead, site) for lead, interface in enumerate(system.lead_interfaces) for site in interface]
    part, front, back = parts_without(hoppings, edges, count + leads, joins)
    behind: NDArray[np.bool_] = np.isin(part[count:], back)
    if len(np.intersect1d(front, back)) or behind.all() or not behind.any():
        if not len(np.intersect1d(front, back)):
            raise ArgumentError(
                f"Argument `{name}` must separate the leads, but all lie on one side of it: it encloses an island. The "
                "flux into an island is what its torque takes: use torque(sites).total, or name the sites in `magnets`."
            )
        raise ArgumentError(
            f"Argument `{name}` must separate the leads, but both sides are still connected. A flux through part of a "
            "cross-section is no conserved current: include every hopping of the cross-section, e.g. between(source, "
            "target) of two neighboring regions, all from the same side."
        )
    return behind
