r"""A finalized Kwant system taken apart once: planes of two sides of a cut and cells of leads, as functions of momenta.

What is taken is exact; nothing of Kwant is asked for again at another energy, momentum or angle, except the modes of
leads that the fast routes doubt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from scipy import sparse

from ..arrays import Complex, Floats, Integers
from ..devices.device import Device
from ..devices.solve import is_transparent
from ..devices.spin_channels import cell_sites, lead_axis
from ..devices.spin_operators import ORDERS, SpinOperator, norbs_of
from ..errors import ArgumentError
from ..halves.joint import Lift
from ..optional import kwant
from ..spin import check_unit_vector
from .fourier import Blocks, Series, decompose, sampled
from .planes import Partition, partition
from .spins import ALIGNED, Axis, axis_of, basis_of, scale_of, spin_orbit_coupling, spin_part, spins_apart

#: Orbitals up to which the Hamiltonian of the scattering region is evaluated as one dense matrix.
DENSE = 1000
#: Momentum at which a system is looked at, unlike its reverse.
AT = 0.3


@dataclass(frozen=True, eq=False)
class LeadCell:
    """A lead: cell h and hopping t = ⟨j|H|j+1⟩ from each cell to the interface of the one before."""

    number: int
    side: int
    plane: int
    rows: Integers  #: Its orbitals in its plane, in the order (spin, orbital).
    #: `cell`, `hopping`: Of orbitals (spin, orbital); with ``resolved`` spins apart, (terms, 2, n, n): along and
    #: against m.
    cell: Series
    hopping: Series
    m: Axis  #: Shape (3,): the axis that labels its spins.
    resolved: bool  #: Whether it conserves m·S.
    magnetic: bool  #: Whether its spins differ.
    #: `mixed_cell`, `mixed_hopping`: With spins together, always, (terms, 2n, 2m).
    mixed_cell: Series
    mixed_hopping: Series
    owner: Integers  #: The site in its cell of each orbital of one spin.

    @property
    def alike(self) -> bool:
        """Whether its two spins are one."""
        return self.resolved and not self.magnetic

    @cached_property
    def places(self) -> tuple[Integers | slice, Integers | slice]:
        """Rows of one spin and of both, as slices where they follow each other."""
        found: list[Integers | slice] = []
        for rows in (self.rows[: len(self.rows) // 2], self.rows):
            whole = len(rows) and bool((np.diff(rows) == 1).all())
            found.append(slice(int(rows[0]), int(rows[-1]) + 1) if whole else rows)
        return found[0], found[1]


@dataclass(frozen=True, eq=False)
class Side:
    """The planes of a side, outward from the cut."""

    sites: tuple[Integers, ...]
    #: `onsite`, `hopping`: Orbitals (spin, orbital); with an axis spins apart, (terms, 2, n, m); without one (terms, 1,
    #: 2n, 2m).
    onsite: tuple[Series, ...]
    hopping: tuple[Series, ...]
    #: `mixed_onsite`, `mixed_hopping`: The same with spins together, always, (terms, 2n, 2m).
    mixed_onsite: tuple[Series, ...]
    mixed_hopping: tuple[Series, ...]
    owners: tuple[Integers, ...]  #: The site in its plane of each orbital of one spin.
    m: Axis | None  #: The axis along which spins are apart in all planes and leads.

    @cached_property
    def exchange(self) -> Floats:
        """Net exchange field of all planes, -Σ tr H_a of their on-site terms in real space, shape (3,)."""
        return np.asarray(sum((_net_exchange(series) for series in self.mixed_onsite), np.zeros(3)))

    @cached_property
    def lift(self) -> Lift | None:
        """From spins apart to both together."""
        return None if self.m is None else Lift(self.m)


@dataclass(frozen=True, eq=False)
class Crystal:
    """A Kwant system taken apart at a cut (see `take_apart`)."""

    device: Any
    momenta: tuple[str, ...]
    params: Mapping[str, Any]
    spin: SpinOperator | None
    partition: Partition
    sides: tuple[Side, ...]  #: Front and, with a cut, back.
    across: Series | None  #: Hopping from the back to the front, orbitals (spin, orbital).
    leads: tuple[LeadCell, ...]
    #: For every lead the number of an earlier one whose modes it shares, as (number, mirrored).
    shares: tuple[tuple[int, bool] | None, ...]
    potential: Floats | None = None  #: What was added to the levels of every site, see `biased`.

    @cached_property
    def lead_blocks(self) -> tuple[list[LeadCell], Blocks]:
        """The leads whose modes are looked for, and their cells and hoppings; of alike spins one is enough."""
        leads = [lead for lead, share in zip(self.leads, self.shares, strict=True) if share is None]
        pairs = [(lead.cell, lead.hopping) for lead in leads]
        for n, lead in enumerate(leads):
            if lead.alike:
                cell, hopping = (series.map(lambda block: block[:, :1]) for series in pairs[n])
                pairs[n] = cell, hopping
        return leads, Blocks([cell for cell, _ in pairs], [hopping for _, hopping in pairs])

    @cached_property
    def region_blocks(self) -> Blocks:
        """Planes of all sides, the hoppings between them, and the hopping across the cut."""
        hopping = [series for side in self.sides for series in side.hopping]
        return Blocks(
            [series for side in self.sides for series in side.onsite],
            hopping if self.across is None else [*hopping, self.across],
        )

    @cached_property
    def layouts(self) -> dict[Any, Any]:
        """Channels by the widths of the leads, where they were met."""
        return {}

    @cached_property
    def coarser(self) -> Crystal | None:
        """The same with pairs of neighboring planes merged; None where every side is one plane."""
        if all(len(side.sites) == 1 for side in self.sides):
            return None
        coarser, again = (
            _assembled(self.device, self.params, self.momenta, parts, self.potential)
            for parts in (self.partition.coarser(), self.partition)
        )
        if any(
            not np.array_equal(new.coefficients, old.coefficients)
            for side in range(len(self.sides))
            for (new, _), (old, _) in zip(again.blocks(side), self.blocks(side), strict=True)
        ):
            raise ArgumentError(
                "Argument `params` must be as when the system was looked at, but an object among them, or one that "
                "its functions read, has changed since. Scatter again."
            )
        return coarser

    def biased(self, potential: Floats) -> Crystal:
        """Return the crystal with a potential of every site added to its levels, a lead at that of its interface."""
        return _assembled(self.device, self.params, self.momenta, self.partition, potential)

    def portable(self) -> Crystal:
        """Return the crystal without the Kwant system, which need not pickle: all that solving it takes."""
        spin = None if self.spin is None else SpinOperator(ORDERS[0])
        found = replace(self, device=None, spin=spin, params={})
        found.__dict__["coarser"] = None if self.coarser is None else self.coarser.portable()
        return found

    def blocks(self, side: int) -> list[tuple[Series, Integers | None]]:
        """Return all blocks of a side and its leads, of those on the diagonal with the sites of their orbitals."""
        own = self.sides[side]
        leads = [lead for lead in self.leads if lead.side == side]
        return [
            *zip(own.mixed_onsite, own.owners, strict=True),
            *((series, None) for series in own.mixed_hopping),
            *((lead.mixed_cell, lead.owner) for lead in leads),
            *((lead.mixed_hopping, None) for lead in leads),
        ]

    @cached_property
    def spin_orbit_behind(self) -> tuple[float, bool]:
        """What `spin_orbit_coupling` finds behind the cut, nothing without one."""
        return spin_orbit_coupling(self.blocks(1), self.scale) if len(self.sides) == 2 else (0.0, False)

    @cached_property
    def scale(self) -> float:
        """Largest element of the Hamiltonian of the region."""
        return max(*(scale_of(side.mixed_onsite) for side in self.sides), 1e-300)

    @cached_property
    def curvature(self) -> float:
        """How much the levels of any plane may bend along the last momentum, Σ_R R² |H_R|."""
        onsite = [series for side in self.sides for series in side.mixed_onsite]
        return max(
            float((abs(s.coefficients).sum(axis=2).max(axis=1) * s.translations[:, -1] ** 2).sum()) for s in onsite
        )

    @property
    def spins(self) -> int:
        """2 for a system with spin, 1 without."""
        return 1 if self.spin is None else 2


def take_apart(
    device: Device, params: Mapping[str, Any], momenta: Sequence[str], cut: Any, *, name: str = "behind"
) -> Crystal:
    """Return the planes and leads of a device as functions of the momenta.

    ``device``: the system, with its spin.
    ``params``: its parameters besides the momenta.
    ``momenta``: names of the parameters that are momenta in units of the inverse lattice vectors, period 2π.
    ``cut``: `between` two sets of sites, hoppings, or a function of a site that is true behind it; None for no cut.
    """
    for number, lead in enumerate(device.system.leads):
        if not is_transparent(lead):
            raise ArgumentError(
                f"Argument `syst` must have leads with a Hamiltonian, but lead {number} is "
                f"{'precalculated' if isinstance(lead, kwant.system.PrecalculatedLead) else 'given by its modes'}. "
                "Attach the lead itself."
            )
    parts = partition(device.system, device.edges, cut, name)
    return _assembled(device, params, tuple(momenta), parts)


def _assembled(
    device: Device, params: Mapping[str, Any], momenta: tuple[str, ...], parts: Partition, potential: Any = None
) -> Crystal:
    """Return the system taken apart into given planes, its sites and leads at a potential."""
    system = device.system
    at_zero = {**params, **dict.fromkeys(momenta, AT)}
    spin = device.spin_operator(at_zero)
    frames = _Frames(system, spin)
    planes = [parts.front, parts.back]
    blocks = sampled(
        lambda k: _region(system, frames, planes, {**params, **dict(zip(momenta, k.tolist(), strict=True))}),
        len(momenta),
        momenta,
    )
    cells = sampled(
        lambda k: _leads(system, frames, {**params, **dict(zip(momenta, k.tolist(), strict=True))}),
        len(momenta),
        momenta,
    )
    if potential is not None:
        _raise(blocks, cells, frames, planes, potential)
    if spin is not None:
        decompose([*blocks, *cells])
    leads = []
    for number in range(len(system.leads)):
        pair = cells[2 * number : 2 * number + 2]
        vectors, scale = (np.zeros((3, 0), dtype=complex), 0.0) if spin is None else (spin_part(pair), scale_of(pair))
        axis = None if spin is None else _axis(device, number, pair[0], spin, at_zero, vectors, scale)
        leads.append(_lead((system, frames, parts), number, pair, axis, vectors, scale))
    sides, start = [], 0
    for side, own in enumerate(planes):
        if not own:
            continue
        onsite, hopping = blocks[start : start + len(own)], blocks[start + len(own) : start + 2 * len(own) - 1]
        start += 2 * len(own) - 1
        own_leads = [lead for lead in leads if lead.side == side]
        owners = tuple(frames.owners([frames.sites[i] for i in plane]) for plane in own)
        sides.append(_side(own, onsite, hopping, owners, own_leads, 1 if spin is None else 2))
    across = blocks[start] if len(sides) == 2 else None
    return Crystal(device, momenta, params, spin, parts, tuple(sides), across, tuple(leads), _shares(leads), potential)


def _raise(blocks: list[Series], cells: list[Series], frames: _Frames, planes: Any, potential: Floats) -> None:
    """Add the potential of each site to the onsite blocks, and that of its interface to the cell of each lead."""
    spins, start = 1 if frames.spin is None else 2, 0
    for side in planes:
        for n, plane in enumerate(side, start):
            owners = frames.owners([frames.sites[i] for i in plane])
            blocks[n] = blocks[n].raised(np.tile(potential[plane][owners], spins))
        start += max(2 * len(side) - 1, 0)
    for number, interface in enumerate(frames.interfaces):
        size = cells[2 * number].coefficients.shape[-1]
        cells[2 * number] = cells[2 * number].raised(np.full(size, potential[interface[0]]))


def evaluated(system: Any, params: Mapping[str, Any]) -> bytes:
    """Return what the value functions of a system and its leads give: they may read what is no parameter."""
    found = []
    for part in (system, *system.leads):
        if not is_transparent(part) and part is not system:
            continue
        if not all(hasattr(part, name) for name in ("onsites", "hoppings")):
            found.append(np.asarray(part.hamiltonian_submatrix(params=dict(params))).tobytes())
            continue
        if part not in _PLACES:
            _PLACES[part] = _function_places(part)
        given = dict(params)
        found += [np.asarray(part.hamiltonian(i, j, params=given), complex).tobytes() for i, j in _PLACES[part]]
    return b"".join(found)


#: Where a finalized system has value functions, which are looked at again before every answer.
_PLACES: WeakKeyDictionary[Any, list[tuple[int, int]]] = WeakKeyDictionary()


def _function_places(part: Any) -> list[tuple[int, int]]:
    """Return pairs of sites between which, or on which, a value function stands; hoppings back are no own ones."""
    places = [(i, i) for i, (_, names) in enumerate(part.onsites) if names is not None]
    own = [names is not None and value is not kwant.builder.Other for value, names in part.hoppings]
    return places + [edge for edge, is_function in zip(part.graph, own, strict=True) if is_function]


class _Frames:
    """Where orbitals (spin, orbital) of sets of sites are, and the unitary matrix to them if it is no permutation."""

    def __init__(self, system: Any, spin: SpinOperator | None) -> None:
        self.spin = spin
        self.sites = list(system.sites)
        self.interfaces = system.lead_interfaces
        self.norbs = np.array([norbs_of(site.family) for site in self.sites])
        self.offsets = np.concatenate([[0], np.cumsum(self.norbs)])
        self.local: dict[Any, tuple[Integers, Any]] = {}
        self.rotation = self.matrix(self.sites)
        self.cells = [cell_sites(system, number) for number in range(len(system.leads))]

    def _basis(self, site: Any) -> tuple[Integers, Any]:
        """Return the orbitals of a site in the order (spin, orbital), and W where it is no permutation."""
        key = site if callable(self.spin.spec) else site.family  # type: ignore[union-attr]
        if key not in self.local:
            W = basis_of(self.spin(site))  # type: ignore[misc]
            order = np.argmax(abs(W), axis=0)
            plain = np.array_equal(W, np.eye(len(W))[:, order])
            self.local[key] = (order, None) if plain else (np.arange(len(W)), W)
        return self.local[key]

    def matrix(self, sites: list[Any]) -> Any:
        """Return the block-diagonal matrix of all W, None if all are permutations."""
        if self.spin is None:
            return None
        found = [self._basis(site)[1] for site in sites]
        if all(W is None for W in found):
            return None
        eyes = [np.eye(norbs_of(s.family)) if W is None else W for s, W in zip(sites, found, strict=True)]
        return sparse.block_diag(eyes, format="csr")

    def owners(self, sites: list[Any]) -> Integers:
        """Return the place in a list of sites of each of their orbitals of one spin."""
        spins = 1 if self.spin is None else 2
        return np.repeat(np.arange(len(sites)), [norbs_of(site.family) // spins for site in sites])

    def orbitals(self, numbers: Any, sites: list[Any] | None = None, offsets: Any = None) -> Integers:
        """Return the orbitals of sites, those of spin up first."""
        sites, offsets = (self.sites, self.offsets) if sites is None else (sites, offsets)
        if self.spin is None:
            return np.concatenate([np.arange(offsets[i], offsets[i + 1]) for i in numbers])
        up, down = [], []
        for i in numbers:
            order = offsets[i] + self._basis(sites[i])[0]
            half = len(order) // 2
            up.append(order[:half])
            down.append(order[half:])
        return np.concatenate(up + down)


def _region(system: Any, frames: _Frames, planes: Any, params: Mapping[str, Any]) -> list[Complex]:
    """Return onsite and hopping blocks of both sides, and the hopping across the cut."""
    dense = frames.offsets[-1] <= DENSE
    H = system.hamiltonian_submatrix(params=dict(params), sparse=not dense)
    H = H if dense else H.tocsr()
    W = frames.rotation
    if W is not None:
        H = W.conj().T @ (H @ W)
    orbitals = [[frames.orbitals(plane) for plane in side] for side in planes]

    def block(a: Integers, b: Integers) -> Complex:
        part = H[a[:, None], b]
        return np.asarray(part if dense else part.toarray())

    found = []
    for side in orbitals:
        found += [block(a, a) for a in side]
        found += [block(a, b) for a, b in pairwise(side)]
    if all(orbitals):
        found.append(block(orbitals[0][0], orbitals[1][0]))
    return found


def _leads(system: Any, frames: _Frames, params: Mapping[str, Any]) -> list[Complex]:
    """Return cell and hopping of every lead, orbitals (spin, orbital)."""
    found = []
    for number, lead in enumerate(system.leads):
        sites = frames.cells[number] + [system.sites[i] for i in system.lead_interfaces[number]]
        offsets = np.concatenate([[0], np.cumsum([norbs_of(site.family) for site in sites])])
        H = lead.hamiltonian_submatrix(params=dict(params))
        W = frames.matrix(sites)
        if W is not None:
            H = W.conj().T @ (H @ W)
        cell = frames.orbitals(range(lead.cell_size), sites, offsets)
        interface = frames.orbitals(range(lead.cell_size, len(sites)), sites, offsets)
        # from the interface of a cell to the next cell in Kwant: t is the conjugate
        found += [H[cell[:, None], cell], H[cell[:, None], interface].conj().T]
    return found


def _lead(
    crystal_of: tuple[Any, _Frames, Partition],
    number: int,
    blocks: Sequence[Series],
    axis: Axis | None,
    vectors: Complex,
    scale: float,
) -> LeadCell:
    """Return a lead with its spins apart along its axis if it conserves them; ``vectors`` are its `spin_part`."""
    system, frames, parts = crystal_of
    side, plane = int(parts.lead_side[number]), int(parts.lead_plane[number])
    in_plane = frames.orbitals((parts.front, parts.back)[side][plane])
    position = {orbital: row for row, orbital in enumerate(in_plane.tolist())}
    rows = np.array([position[i] for i in frames.orbitals(system.lead_interfaces[number]).tolist()], dtype=np.int64)
    resolved, magnetic = False, axis is not None
    if axis is not None:
        across = abs(vectors - axis[:, None] * (axis @ vectors)).max(initial=0.0)
        resolved = bool(across <= ALIGNED * scale)
        magnetic = not resolved or bool(abs(vectors).max(initial=0.0) > ALIGNED * scale)
    if axis is not None and resolved:
        h, t = spins_apart(blocks, axis)
    else:
        h, t = _interface_first(blocks[0], blocks[1], 1 if frames.spin is None else 2)
    m = np.full(3, np.nan) if axis is None else axis
    owner = frames.owners(frames.cells[number])
    return LeadCell(number, side, plane, rows, h, t, m, resolved, magnetic, blocks[0], blocks[1], owner)


def _interface_first(cell: Series, hopping: Series, spins: int) -> tuple[Series, Series]:
    """Return a lead with spins together, the orbitals of its cell that are its interface's before the others.

    In the order (spin, orbital) the first of them are of one spin, also on sites beyond the interface.
    """
    p, n = (size // spins for size in hopping.coefficients.shape[-2:])
    own = np.arange(n)
    order = np.concatenate([s * n + part for part in (own[:p], own[p:]) for s in range(spins)])
    return (
        _one(cell.map(lambda block: block[..., order[:, None], order])),
        _one(hopping.map(lambda block: block[..., order])),
    )


def _net_exchange(onsite: Series) -> Floats:
    """Return -Σ tr H_a of an on-site block in real space, shape (3,)."""
    home = np.flatnonzero(~onsite.translations.any(axis=1))
    return np.asarray(-np.einsum("atii->a", onsite.parts[1:, home]).real)


def _one(series: Series) -> Series:
    return series.map(lambda block: block[..., None, :, :])


def _axis(
    device: Device, number: int, cell: Series, spin: SpinOperator, params: Any, vectors: Complex, scale: float
) -> Axis:
    """Return the axis that labels the spins of a lead: declared, its net exchange field, what it conserves.

    The field is that of real space: at one momentum the spin-dependent hopping of an altermagnet looks like one, and
    turns its sign over the zone. Without a net field the axis of an antiferromagnet or altermagnet is what all of its
    Hamiltonian conserves; a lead without exchange is left to `lead_axis`.
    """
    conserved, magnetic = axis_of(vectors, scale)
    if not magnetic:
        return lead_axis(device.system, number, spin, device.magnetizations.get(number), params)
    field: Any = _net_exchange(cell)
    strength = float(np.linalg.norm(field))
    field = field / strength if strength > ALIGNED * scale else None
    declared = device.magnetizations.get(number)
    if declared is None:
        if field is not None and conserved is not None:
            return np.asarray(conserved * np.sign(conserved @ field))  # a tiny net field has few digits
        if field is not None:
            return np.where(abs(field) < ALIGNED, 0.0, field)
        return np.array([0.0, 0.0, 1.0]) if conserved is None else conserved
    m = check_unit_vector(declared, f"magnetizations[{number}]")
    if field is not None and not m @ field > 1 - 1e-9:
        raise ArgumentError(
            f"Argument `magnetizations[{number}]` must be the direction of the majority spin of lead {number}, but is "
            f"{m.round(4).tolist()}, and the exchange field of the lead points along {field.round(4).tolist()}. "
            "Declare that direction, or rotate the lead."
        )
    return m


def _side(
    sites: tuple[Integers, ...],
    onsite: Sequence[Series],
    hopping: Sequence[Series],
    owners: tuple[Integers, ...],
    leads: Sequence[LeadCell],
    spins: int,
) -> Side:
    """Return the planes of a side, spins apart if one axis is conserved in all of them and in their leads."""
    blocks = [*onsite, *hopping]
    m = None
    if spins == 2 and all(lead.resolved for lead in leads):
        m, magnetic = axis_of(spin_part(blocks), scale_of(blocks))
        for lead in leads:
            if not magnetic and lead.magnetic:
                m, magnetic = lead.m, True
            elif m is not None and lead.magnetic and abs(m @ lead.m) < 1 - ALIGNED:
                m = None
        if m is not None and not magnetic and leads:
            m = leads[0].m
    apart = [_one(series) for series in blocks] if m is None else spins_apart(blocks, m)
    count = len(onsite)
    return Side(sites, tuple(apart[:count]), tuple(apart[count:]), tuple(onsite), tuple(hopping), owners, m)


def _shares(leads: Sequence[LeadCell]) -> tuple[tuple[int, bool] | None, ...]:
    """Return for every lead an earlier one with its cell and its or the mirrored hopping, as (number, mirrored)."""
    found: list[tuple[int, bool] | None] = []
    for lead in leads:
        match = None
        for other in leads[: lead.number]:
            if found[other.number] is not None or lead.resolved != other.resolved or not _same(lead.cell, other.cell):
                continue
            if _same(lead.hopping, other.hopping):
                match = (other.number, False)
            elif _same(lead.hopping, other.hopping.dagger()):
                match = (other.number, True)
            if match is not None:
                break
        found.append(match)
    return tuple(found)


def _same(a: Series, b: Series) -> bool:
    if a.coefficients.shape != b.coefficients.shape:
        return False
    order_a, order_b = (np.lexsort(s.translations.T) if s.translations.size else np.arange(1) for s in (a, b))
    return bool(
        np.array_equal(a.translations[order_a], b.translations[order_b])
        and np.array_equal(a.coefficients[order_a], b.coefficients[order_b])
    )
