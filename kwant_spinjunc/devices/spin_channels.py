r"""The spin of a lead's modes, told from their wave functions along the lead's own magnetization.

A lead that conserves m·S has modes of definite spin, but Kwant returns an arbitrary basis of modes of equal momentum,
and the order of conservation-law blocks is the user's. So within each group of equal momentum m·S is expanded in the
modes, m·S ψ_j = Σ_i ψ_i B_ij: the eigenvectors of B are the channels of definite spin, its eigenvalues ±1 their spins,
and what the expansion misses, with |B² - 1|, is the spin mixing of a lead that does not conserve m·S.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from ..errors import ArgumentError
from ..spin import one_unit_vector
from .solve import is_transparent
from .spin_operators import SpinOperator, matrix_between

#: Modes whose momenta differ by less than this are one group, whose spins may be superposed: larger, weak spin-orbit
#: coupling (which parts the momenta of both spins by that little) would pass for a spin that is conserved.
SAME_MOMENTUM = 1e-6
#: Spin mixing up to which a lead counts as conserving its spin. Rounding is 1e-13, near a band edge 1e-8.
CONSERVED = 1e-7
#: Component of the exchange field across the declared axis, relative to its length, that is rounding.
ALIGNED = 1e-8


@dataclass(frozen=True, eq=False)
class LeadSpins:
    """Spin of the modes of one lead."""

    resolved: bool  #: Whether the lead conserves m·S, so that its channels have a spin.
    #: `incoming`, `outgoing`: Spin of each channel, 0 along m, 1 against it; empty if not resolved.
    incoming: NDArray[np.int64]
    outgoing: NDArray[np.int64]
    #: `to_incoming`, `to_outgoing`: Unitary matrices (modes, channels) from Kwant's modes to channels of definite spin.
    to_incoming: Any
    to_outgoing: Any
    mixing: float  #: How far the modes are from definite spin, 0 to 1; NaN if it cannot be known.
    reason: str = ""  #: Why spin is not resolved.

    def counts(self) -> NDArray[np.float64]:
        """Return the number of incoming channels of each spin, NaN where not resolved."""
        if not self.resolved:
            return np.full(2, np.nan)
        return np.bincount(self.incoming, minlength=2).astype(float)


def cell_sites(system: Any, number: int) -> list[Any]:
    """Return the unit cell of a lead next to the scattering region, in the order of the wave functions of its modes.

    Kwant keeps a lead at the origin of its lattice; a spin operator that is a function of the site must see where the
    lead is attached. A lead that cannot be looked at may have the cell of its interface, if that has its orbitals.
    """
    lead = system.leads[number]
    if not is_transparent(lead):
        return [system.sites[i] for i in system.lead_interfaces[number]]
    sites = list(lead.sites[: lead.cell_size])
    symmetry = getattr(lead, "symmetry", None)
    if symmetry is None:
        return sites
    attached = system.sites[system.lead_interfaces[number][0]]
    domains = symmetry.which(attached) - symmetry.which(sites[0])
    return [symmetry.act(domains + 1, site) for site in sites]


def lead_axis(
    system: Any, number: int, spin: SpinOperator, m: ArrayLike | None, params: Mapping[str, Any] | None
) -> NDArray[np.float64]:
    """Return the axis that labels the spins of a lead: the declared m, its exchange field, its conservation law, +z.

    The first of these that there is. Block 0 of the law is the majority, as for ``conservation_law=-m·σ``.
    """
    declared = None if m is None else one_unit_vector(m, f"magnetizations[{number}]")
    field = lead_exchange(system, number, spin, params)
    strength = np.linalg.norm(field)
    if not strength:
        return _axis_of_law(system, number, spin, params) if declared is None else declared
    if declared is None:
        return np.asarray(field / strength)
    refuse_other_axis(number, declared, field / strength, ALIGNED)
    return declared


def refuse_other_axis(number: int, declared: NDArray[np.float64], field: NDArray[np.float64], across: float) -> None:
    """Raise `ArgumentError` unless the m declared of a lead is the direction of its field but for a part across it."""
    if np.linalg.norm(np.cross(field, declared)) > across or field @ declared < 0:
        m, direction = (np.array2string(x, precision=4, suppress_small=True) for x in (declared, field))
        raise ArgumentError(
            f"Argument `magnetizations[{number}]` must be the direction of the majority spin of lead {number}, but is "
            f"{m}, and the exchange field of the lead points along {direction}: spin along m is lower by -(Δ/2) m·σ. "
            "Declare that direction, or rotate the lead."
        )


def _axis_of_law(system: Any, number: int, spin: SpinOperator, params: Mapping[str, Any] | None) -> NDArray[np.float64]:
    """Return the m of a lead's conservation law if it is one of spin, +z otherwise."""
    lead = system.leads[number]
    z = np.array([0.0, 0.0, 1.0])
    projectors = lead.discrete_symmetry(params=params).projectors if is_transparent(lead) else None
    if projectors is None or len(projectors) != 2:
        return z
    P = np.asarray(projectors[0].todense() if sparse.issparse(projectors[0]) else projectors[0])
    m = np.array([np.trace(P.conj().T @ s @ P).real for s in spin.block_diagonal(cell_sites(system, number))])
    m /= P.shape[1]
    length = np.linalg.norm(m)
    return np.asarray(np.where(abs(m) > 1e-13, m, 0.0) / length if abs(length - 1) < 1e-6 else z)


def lead_exchange(
    system: Any, number: int, spin: SpinOperator, params: Mapping[str, Any] | None
) -> NDArray[np.float64]:
    """Return the direction along which spin is lowest, -Σ tr(h S), over the on-site terms of the unit cell.

    Zero for a lead whose Hamiltonian cannot be looked at.
    """
    field = np.zeros(3)
    size = 0.0
    lead = system.leads[number]
    if not is_transparent(lead):
        return field
    sites = cell_sites(system, number)
    for i, site in enumerate(sites):
        S = spin(site)
        h = matrix_between(lead, i, i, params, sites)
        field -= np.einsum("iab,ba->i", S, h).real / len(h)
        size = max(size, float(abs(h).max()))
    negligible = 1e-13 * size
    return np.where(abs(field) > negligible, field, 0.0)


def is_magnetic(system: Any, number: int, spin: SpinOperator | None, params: Mapping[str, Any] | None) -> bool:
    """Tell whether levels or hoppings of a lead depend on spin; a lead that cannot be looked at may be a magnet."""
    lead = system.leads[number]
    if spin is None or not is_transparent(lead):
        return True
    h, t = lead.cell_hamiltonian(params=params), lead.inter_cell_hopping(params=params)
    p, negligible = t.shape[1], ALIGNED * max(abs(h).max(), abs(t).max())
    S = [np.asarray(sparse.csr_matrix(s).todense()) for s in spin.block_diagonal(cell_sites(system, number))]
    changes = [change for s in S for change in (s @ h - h @ s, s @ t - t @ s[:p, :p])]
    return any(abs(change).max() > negligible for change in changes)


def lead_spins(modes: Any, along: Any) -> LeadSpins:
    """Resolve the modes of a lead by spin; ``along``: m·S of its `cell_sites`, None of sites without spin."""
    count = len(modes.momenta) // 2
    unit, none = sparse.identity(count, dtype=complex, format="csr"), np.empty(0, dtype=np.int64)

    def unresolved(reason: str, mixing: float = np.nan) -> LeadSpins:
        return LeadSpins(False, none, none, unit, unit, mixing, reason)

    if along is None:
        return unresolved("the sites have no spin (spin=None)")
    if count == 0:
        return LeadSpins(True, none, none, unit, unit, 0.0)
    if along.shape[0] != len(modes.wave_functions):
        return unresolved("its unit cell is not known")
    halves = [slice(count), slice(count, None)]
    found = [_definite(modes.wave_functions[:, half], modes.momenta[half], along) for half in halves]
    mixing = max(defect for _, _, defect in found)
    if mixing > CONSERVED:
        return unresolved(f"its modes do not conserve spin along m (spin mixing {mixing:.2g})", mixing)
    (to_in, incoming, _), (to_out, outgoing, _) = found
    return LeadSpins(True, incoming, outgoing, to_in, to_out, mixing)


def _definite(waves: Any, momenta: Any, along: Any) -> tuple[Any, NDArray[np.int64], float]:
    """Return the unitary matrix to channels of definite spin, their spins, and the spin mixing."""
    count = len(momenta)
    # momenta are angles: groups are found on the circle, from a gap onwards
    order = np.argsort(momenta)
    gaps = np.diff(momenta[order], append=momenta[order[0]] + 2 * np.pi)
    order = np.roll(order, -(int(np.argmax(gaps)) + 1))
    steps = np.mod(np.diff(momenta[order]), 2 * np.pi)
    groups = np.split(order, np.flatnonzero(steps > SAME_MOMENTUM) + 1)
    rotated = along @ waves
    transform = np.zeros((count, count), dtype=complex)
    spins = np.empty(count, dtype=np.int64)
    mixing = 0.0
    for group in groups:
        W, SW = waves[:, group], rotated[:, group]
        B = np.linalg.lstsq(W, SW, rcond=None)[0]
        missed = np.linalg.norm(SW - W @ B, axis=0) / np.linalg.norm(W, axis=0)
        values, vectors = np.linalg.eigh((B + B.conj().T) / 2)
        mixing = max(mixing, missed.max(), abs(values**2 - 1).max(), abs(B - B.conj().T).max() / 2)
        if len(group) == 1:
            vectors = np.ones((1, 1))
        transform[np.ix_(group, group)] = vectors
        spins[group] = np.where(values > 0, 0, 1)
    return sparse.csr_matrix(transform), spins, float(mixing)
