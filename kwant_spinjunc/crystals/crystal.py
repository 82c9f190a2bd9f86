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
from ..devices.spin_channels import cell_sites, lead_axis, refuse_other_axis
from ..devices.spin_operators import ORDERS, SpinOperator, norbs_of
from ..errors import ArgumentError
from ..halves.joint import Lift
from ..optional import kwant
from ..spin import one_unit_vector
from .fourier import Blocks, Series, decompose, sampled
from .planes import Partition, partition
from .spins import ALIGNED, Axis, axis_of, basis_of, scale_of, spin_orbit_coupling, spin_part, spins_apart

#: Orbitals up to which the Hamiltonian of the scattering region is evaluated as one dense matrix.
DENSE = 1000
#: Sine of the angle between the declared and the net field of a lead that a declaration of few digits has.
FEW_DIGITS = 4.5e-5
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

    def flips(self, lead: LeadCell) -> bool:
        """Tell whether spins are apart along an axis opposite to that of a magnetic lead."""
        return self.m is not None and lead.magnetic and bool(lead.m @ self.m < 0)

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
    def mixing(self) -> list[int]:
        """The leads that conserve no spin."""
        return [lead.number for lead in self.leads if not lead.resolved]

    @cached_property
    def spin_orbit_behind(self) -> tuple[float, bool]:
        """What `spin_orbit_coupling` finds behind the cut, nothing without one."""
        return spin_orbit_coupling(self.blocks(1), self.scale) if len(self.sides) == 2 else (0.0, False)

    @cached_property
    def scale(self) -> float:
        """Largest element of the Hamiltonian of the region."""
        return max(*(scale_of([*side.mixed_onsite, *side.mixed_hopping]) for side in self.sides), 1e-300)

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


def take_apart(device: Device, params: Mapping[str, Any], momenta: Sequence[str], cut: Any) -> Crystal:
    """Return the planes and leads of a device as functions of the momenta, the parameters of these names.

    ``cut``: `between` two sets of sites, hoppings, or a function of a site that is true behind it; None for no cut.
    """
    for number, lead in enumerate(device.system.leads):
        if not is_transparent(lead):
            raise ArgumentError(
                f"Argument `syst` must have leads with a Hamiltonian, but lead {number} is "
                f"{'precalculated' if isinstance(lead, kwant.system.PrecalculatedLead) else 'given by its modes'}. "
                "Attach the lead itself."
            )
    return _assembled(device, params, tuple(momenta), partition(device.system, device.edges, cut))


def _assembled(
    device: Device, params: Mapping[str, Any], momenta: tuple[str, ...], parts: Partition, potential: Any = None
) -> Crystal:
    """Return the system taken apart into given planes, its sites and leads at a potential."""
    system, at_zero = device.system, {**params, **dict.fromkeys(momenta, AT)}
    spin = device.spin_operator(at_zero)
    known: dict[Any, tuple[Integers, Any]] = {}
    frame = _Frame(system.sites, spin, known)
    around = [
        _Frame([*cell_sites(system, n), *(system.sites[i] for i in interface)], spin, known)
        for n, interface in enumerate(system.lead_interfaces)
    ]
    orbitals = [[frame.orbitals(plane) for plane in side] for side in parts.sides]

    def values(k: Floats) -> dict[str, Any]:
        return {**params, **dict(zip(momenta, k.tolist(), strict=True))}

    blocks = sampled(lambda k: _region(system, frame, orbitals, values(k)), len(momenta), momenta)
    cells = sampled(lambda k: _leads(system, around, values(k)), len(momenta), momenta)
    owners = [tuple(frame.owners(plane) for plane in side) for side in parts.sides]
    if potential is not None:
        start = 0
        for some, own in zip(parts.sides, owners, strict=True):
            for n, (sites, owner) in enumerate(zip(some, own, strict=True), start):
                blocks[n] = blocks[n].raised(np.tile(potential[sites][owner], frame.spins))
            start += 2 * len(some) - 1
        for number, interface in enumerate(system.lead_interfaces):
            cells[2 * number] = cells[2 * number].raised(potential[interface[0]])
    if spin is not None:
        decompose([*blocks, *cells])
    leads = []
    for number, interface in enumerate(system.lead_interfaces):
        side, plane = int(parts.lead_side[number]), int(parts.lead_plane[number])
        position = {orbital: row for row, orbital in enumerate(orbitals[side][plane].tolist())}
        rows = np.array([position[i] for i in frame.orbitals(interface).tolist()], dtype=np.int64)
        owner = around[number].owners(range(system.leads[number].cell_size))
        mixed = cells[2 * number], cells[2 * number + 1]
        leads.append(LeadCell(number, side, plane, rows, *_lead(device, number, mixed, spin, at_zero), *mixed, owner))
    sides, start = [], 0
    for number, some in enumerate(parts.sides):
        end = start + 2 * len(some) - 1
        own_leads = [lead for lead in leads if lead.side == number]
        sides.append(_side(some, blocks[start:end], owners[number], own_leads, frame.spins))
        start = end
    across = blocks[start] if len(sides) == 2 else None
    return Crystal(device, momenta, params, spin, parts, tuple(sides), across, tuple(leads), _shares(leads), potential)


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


class _Frame:
    """Where orbitals (spin, orbital) of some sites are, and the unitary matrix to them if it is no permutation."""

    def __init__(self, sites: Sequence[Any], spin: SpinOperator | None, known: dict[Any, tuple[Integers, Any]]) -> None:
        self.spins = 1 if spin is None else 2
        norbs = [norbs_of(site.family) for site in sites]
        self.sizes, offsets = np.array(norbs) // self.spins, np.cumsum([0, *norbs])
        if spin is None:
            bases: list[tuple[Integers, Any]] = [(np.arange(n), None) for n in norbs]
        else:
            bases = [_basis(site, spin, known) for site in sites]
        self.rows = [offset + order for offset, (order, _) in zip(offsets.tolist(), bases, strict=False)]
        self.rotation: Any = None
        if any(W is not None for _, W in bases):
            eyes = [np.eye(n) if W is None else W for n, (_, W) in zip(norbs, bases, strict=True)]
            self.rotation = sparse.block_diag(eyes, format="csr")

    def rotated(self, H: Any) -> Any:
        """Return a matrix of Kwant's orbitals in the bases of the sites."""
        W = self.rotation
        return H if W is None else W.conj().T @ (H @ W)

    def owners(self, numbers: Any) -> Integers:
        """Return the place in a list of sites of each of their orbitals of one spin."""
        return np.asarray(np.repeat(np.arange(len(numbers)), self.sizes[numbers]))

    def orbitals(self, numbers: Any) -> Integers:
        """Return the orbitals of sites, those of spin up first."""
        rows = [self.rows[i].reshape(self.spins, -1) for i in numbers]
        return np.asarray(np.concatenate(rows, axis=1).ravel())


def _basis(site: Any, spin: SpinOperator, known: dict[Any, tuple[Integers, Any]]) -> tuple[Integers, Any]:
    """Return the orbitals of a site in the order (spin, orbital), and W where it is no permutation."""
    key = site if callable(spin.spec) else site.family
    if key not in known:
        W = basis_of(spin(site))
        order = np.argmax(W, axis=0)
        plain = np.array_equal(W, np.eye(len(W))[:, order])
        known[key] = (order, None) if plain else (np.arange(len(W)), W)
    return known[key]


def _region(system: Any, frame: _Frame, orbitals: Any, params: Mapping[str, Any]) -> list[Complex]:
    """Return onsite and hopping blocks of both sides, and the hopping across the cut."""
    dense = 2 * frame.sizes.sum() <= DENSE
    H = system.hamiltonian_submatrix(params=dict(params), sparse=not dense)
    H = frame.rotated(H if dense else H.tocsr())

    def block(a: Integers, b: Integers) -> Complex:
        part = H[a[:, None], b]
        return np.asarray(part if dense else part.toarray())

    found = []
    for side in orbitals:
        found += [block(a, a) for a in side]
        found += [block(a, b) for a, b in pairwise(side)]
    if len(orbitals) == 2:
        found.append(block(orbitals[0][0], orbitals[1][0]))
    return found


def _leads(system: Any, around: Sequence[_Frame], params: Mapping[str, Any]) -> list[Complex]:
    """Return cell and hopping of every lead, orbitals (spin, orbital)."""
    found = []
    for lead, frame in zip(system.leads, around, strict=True):
        H = frame.rotated(lead.hamiltonian_submatrix(params=dict(params)))
        cell, interface = (
            frame.orbitals(range(*ends)) for ends in ((lead.cell_size,), (lead.cell_size, len(frame.rows)))
        )
        # from the interface of a cell to the next cell in Kwant: t is the conjugate
        found += [H[cell[:, None], cell], H[cell[:, None], interface].conj().T]
    return found


def _lead(
    device: Device, number: int, blocks: Sequence[Series], spin: SpinOperator | None, params: Any
) -> tuple[Series, Series, Axis, bool, bool]:
    """Return cell and hopping of a lead, the axis of its spins, whether it conserves them and whether they differ."""
    if spin is None:
        return *_interface_first(blocks, 1), np.full(3, np.nan), False, False
    vectors, scale = spin_part(blocks), scale_of(blocks)
    axis = _axis(device, number, blocks[0], spin, params, vectors, scale)
    resolved = bool(abs(vectors - axis[:, None] * (axis @ vectors)).max(initial=0.0) <= ALIGNED * scale)
    magnetic = not resolved or bool(abs(vectors).max(initial=0.0) > ALIGNED * scale)
    h, t = spins_apart(blocks, axis) if resolved else _interface_first(blocks, 2)
    return h, t, axis, resolved, magnetic


def _interface_first(blocks: Sequence[Series], spins: int) -> tuple[Series, Series]:
    """Return a lead with spins together, the orbitals of its cell that are its interface's before the others.

    In the order (spin, orbital) the first of them are of one spin, also on sites beyond the interface.
    """
    cell, hopping = blocks
    p, n = (size // spins for size in hopping.coefficients.shape[-2:])
    order = np.arange(spins * n).reshape(spins, n)
    order = np.concatenate([order[:, :p].ravel(), order[:, p:].ravel()])
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
    m = one_unit_vector(declared, f"magnetizations[{number}]")
    if field is not None:
        refuse_other_axis(number, m, field, FEW_DIGITS)
    return m


def _side(
    sites: tuple[Integers, ...],
    blocks: Sequence[Series],
    owners: tuple[Integers, ...],
    leads: Sequence[LeadCell],
    spins: int,
) -> Side:
    """Return the planes of a side, spins apart if one axis is conserved in all of them and in their leads."""
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
    own, mixed, count = tuple(apart), tuple(blocks), len(sites)
    return Side(sites, own[:count], own[count:], mixed[:count], mixed[count:], owners, m)


def _shares(leads: Sequence[LeadCell]) -> tuple[tuple[int, bool] | None, ...]:
    """Return for every lead an earlier one with its cell and its or the mirrored hopping, as (number, mirrored)."""
    found: list[tuple[int, bool] | None] = []
    for lead in leads:
        earlier = (
            (other.number, mirrored)
            for other in leads[: lead.number]
            if found[other.number] is None and _same(lead.cell, other.cell)
            for mirrored, hopping in ((False, other.hopping), (True, other.hopping.dagger()))
            if _same(lead.hopping, hopping)
        )
        found.append(next(earlier, None))
    return tuple(found)


def _same(a: Series, b: Series) -> bool:
    if a.coefficients.shape != b.coefficients.shape:
        return False
    order_a, order_b = (np.lexsort(s.translations.T) if s.translations.size else np.arange(1) for s in (a, b))
    return bool(
        np.array_equal(a.translations[order_a], b.translations[order_b])
        and np.array_equal(a.coefficients[order_a], b.coefficients[order_b])
    )
