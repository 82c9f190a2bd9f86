r"""The one place where Kwant solves, for junctions and devices alike, one thread at a time.

`prepare` finds the modes of the leads, `solve` factorizes once for the scattering matrix and the wave functions.

Kwant copies the modes of one conserved block to another if both pass ``np.allclose``: a Zeeman splitting up to 1e-5 of
the energies is lost. So blocks are solved apart here. A lead that conserves spin has such blocks also where no
conservation law was declared. The number of its modes is held against the eigenvalues λ of the transfer pencil
(E - H) ψ = (V λ + V† / λ) ψ on the unit circle: where a band edge is too near to tell, an energy is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from inspect import signature
from itertools import permutations
from typing import Any

import numpy as np
from scipy import linalg, sparse

from ..arrays import Complex
from ..errors import NEAR_EDGE, ArgumentError, BandEdgeError
from ..optional import kwant
from ..sparse import mumps_lock

Modes = tuple[Any, Any]

#: Largest miss of a Hermitian or commuting matrix, relative to its largest element, that is rounding.
ROUNDING = 1e-12
#: Norm of what a conservation law forbids, of terms above 1 relative to theirs, from which on Kwant drops the law.
BROKEN = 1e-8
#: Velocity over twice the hopping, or distance of |λ| from 1, below which open and closed channels cannot be told: an
#: energy 1e-12 of the hopping from a band edge. Kwant was found wrong up to 1e-14.
EDGE = 1e-6
#: Orbitals of a cell up to which modes are counted a second time: by a plain eigenproblem, or a generalized one if the
#: hopping is singular. Beyond it would cost as much as Kwant's own.
COUNTED, COUNTED_SINGULAR = 200, 60
#: What Kwant's solver of one block takes. It is no public function: another Kwant's is asked for nothing.
BLOCK_ARGUMENTS = ("h_cell", "h_hop", "tol", "stabilization", "time_reversal", "particle_hole", "chiral")
#: Momenta of different modes closer than this are nearly degenerate: Kwant returns them neither apart nor orthogonal.
NEARLY = 1e-6


def is_transparent(lead: Any) -> bool:
    """Tell whether a lead's Hamiltonian can be looked at: it is not precalculated nor given by modes only."""
    return hasattr(lead, "cell_hamiltonian") and hasattr(lead, "cell_size")


@dataclass(frozen=True, eq=False)
class LeadBlocks:
    """What of a lead does not depend on the energy, looked at once."""

    #: `lead`, `params`: The lead, and the parameters it takes.
    lead: Any
    params: dict[str, Any]
    #: `H`, `hop`: Its cell and the hopping between cells; None of a lead that cannot be looked at.
    H: Any = None
    hop: Any = None
    is_whole: bool = False  #: Whether it has a symmetry that Kwant wants to see as a whole.
    #: Projectors on the blocks of its conservation law, or on both spins along m, majority first; empty for one block.
    projectors: list[Any] = field(default_factory=list)
    defect: float = 0.0  #: Largest element of what does not commute with m·S.


def look_at_leads(
    system: Any, params: Mapping[str, Any] | None = None, spins: Sequence[Any] | None = None
) -> list[LeadBlocks]:
    """Return what `prepare` needs of each lead at any energy.

    ``spins``: for each lead the matrix m·S of its unit cell, or None: a lead that commutes with it, and has no symmetry
    declared, is solved by spin, majority first.

    Raises `ArgumentError`: A lead does not commute with its conservation law, which Kwant would drop.
    """
    along = [None] * len(system.leads) if spins is None else spins
    own = dict(params or {})
    return [_look_at(n, lead, own, m_s) for n, (lead, m_s) in enumerate(zip(system.leads, along, strict=True))]


def _look_at(number: int, lead: Any, params: dict[str, Any], along: Any) -> LeadBlocks:
    if not is_transparent(lead):
        return LeadBlocks(lead, params)
    H, hop = (np.asarray(matrix(params=params)) for matrix in (lead.cell_hamiltonian, lead.inter_cell_hopping))
    _refuse_improper(f"lead {number}", H, hop)
    symmetry = lead.discrete_symmetry(params=params)
    whole = any(part is not None for part in (symmetry.time_reversal, symmetry.particle_hole, symmetry.chiral))
    projectors, defect = [p.toarray() if sparse.issparse(p) else p for p in symmetry.projectors or ()], 0.0
    for what, matrix in (("on-site", H), ("hopping", hop)):
        forbidden = (p.conj().T @ matrix @ q[: matrix.shape[1]] for p, q in permutations(projectors, 2))
        if any(np.linalg.norm(part) > BROKEN * max(1.0, float(np.linalg.norm(matrix))) for part in forbidden):
            raise ArgumentError(
                f"Argument `syst` must have leads that commute with their conservation law, but the {what} terms of "
                f"lead {number} do not. Kwant would drop the law and number the modes otherwise; correct the law, "
                "or leave it out: spins are told from the wave functions."
            )
    if not (whole or projectors or along is None):
        projectors, defect = _spin_projectors(along, H, hop)
    return LeadBlocks(lead, params, H, hop, whole, projectors, defect)


def prepare(
    system: Any,
    energy: float,
    params: Mapping[str, Any] | None = None,
    *,
    leads: list[LeadBlocks] | None = None,
    count: bool = False,
) -> Any:
    """Return a copy of a finalized system whose leads are precalculated; those that are stay as they are.

    ``leads``: what `look_at_leads` returned, None to look at them now.
    ``count``: count the modes of leads of any size a second time.

    Raises `BandEdgeError`: The energy lies too near a band edge of a lead, or in a flat band.
    """
    prepared = copy(system)
    with mumps_lock:  # Kwant's own factorizations are MUMPS too
        prepared.leads = [
            blocks.lead
            if isinstance(blocks.lead, kwant.system.PrecalculatedLead)
            else kwant.system.PrecalculatedLead(modes=_modes(number, blocks, energy, count))
            for number, blocks in enumerate(look_at_leads(system, params) if leads is None else leads)
        ]
    return prepared


def _modes(number: int, blocks_of: LeadBlocks, energy: float, count: bool) -> Modes:
    """Return the modes of one lead, of its conserved blocks apart."""
    lead, params, H, hop = blocks_of.lead, blocks_of.params, blocks_of.H, blocks_of.hop
    if H is None:
        with _kwant_errors(number, energy):
            found: Modes = lead.modes(energy, params=params)
        return found
    V = np.zeros_like(H, dtype=np.result_type(H, hop))
    V[:, : hop.shape[1]] = hop
    size = 2.0 ** np.ceil(np.log2(max(abs(H - energy * np.eye(len(H))).max(), abs(hop).max()) or 1.0))
    h, v = (H - energy * np.eye(len(H))) / size, V / size
    if blocks_of.is_whole:
        with _kwant_errors(number, energy):
            found = lead.modes(energy, params=params)
        _refuse_edge(number, energy, found[0].velocities / size, [(h, v)], count)
        return found
    is_apart = blocks_of.projectors and blocks_of.defect <= ROUNDING * size
    P = blocks_of.projectors if is_apart else [np.eye(len(H))]
    blocks = [(p.conj().T @ h @ p, p.conj().T @ v @ p) for p in P]
    with _kwant_errors(number, energy):
        parts = [block_modes(*block) for block in blocks]
    _refuse_edge(number, energy, np.concatenate([part.velocities for part, _ in parts]), blocks, count)
    return _joined(P, parts, hop.shape[1], size)


def block_modes(h: Any, v: Any) -> Modes:
    """Return what ``kwant.physics.modes(h, v)`` does, most of whose time goes into symmetries that are absent."""
    solve_block: Any = getattr(kwant.physics.leads, "compute_block_modes", None)
    if not _is_as_known(solve_block) or not v.any():
        found: Modes = kwant.physics.modes(h, v)
        return found
    waves, momenta, velocities, vecs, inverse, root = solve_block(h, v, 1e6, None, None, None, None)
    propagating = kwant.physics.PropagatingModes(waves, velocities, momenta)
    propagating.block_nmodes = [len(velocities) // 2]
    return propagating, kwant.physics.StabilizedModes(vecs, inverse, len(velocities) // 2, root)


@cache
def _is_as_known(solve_block: Any) -> bool:
    return solve_block is not None and tuple(signature(solve_block).parameters) == BLOCK_ARGUMENTS


def _spin_projectors(along: Any, H: Any, hop: Any) -> tuple[list[Any], float]:
    """Return the projectors on the eigenspaces +1 and -1 of m·S, and the largest element of what does not commute."""
    m = hop.shape[1]
    dense = np.asarray(along.todense() if sparse.issparse(along) else along)
    if dense.shape != H.shape:
        return [], np.inf
    defect = max(float(abs(d).max()) for d in (H @ dense - dense @ H, hop @ dense[:m, :m] - dense @ hop))
    if defect > 1e3 * ROUNDING * max(abs(H).max(), abs(hop).max()):
        return [], np.inf
    values, vectors = np.linalg.eigh(dense)
    return [vectors[:, values > 0], vectors[:, values < 0]], defect


def _joined(projectors: list[Any], parts: list[Modes], rows: int, size: float) -> Modes:
    """Return the modes of all blocks as Kwant orders them: incoming ones of all blocks, outgoing ones, evanescent.

    Kwant's mode solver has absolute tolerances: it is given Hamiltonians in units of ``size``.
    """
    counts = [len(propagating.momenta) // 2 for propagating, _ in parts]

    def halves(arrays: list[Any]) -> Any:
        pairs = [(a[..., :n], a[..., n:]) for a, n in zip(arrays, counts, strict=True)]
        return np.concatenate([half for side in zip(*pairs, strict=True) for half in side], axis=-1)

    def groups(arrays: list[Any]) -> Any:
        split = [(a[:, :n], a[:, n : 2 * n], a[:, 2 * n :]) for a, n in zip(arrays, counts, strict=True)]
        return np.hstack([linalg.block_diag(*group) for group in zip(*split, strict=True)])

    waves = [p @ propagating.wave_functions for p, (propagating, _) in zip(projectors, parts, strict=True)]
    joined = kwant.physics.PropagatingModes(
        halves(waves) / np.sqrt(size),
        size * halves([part.velocities for part, _ in parts]),
        halves([part.momenta for part, _ in parts]),
    )
    joined.block_nmodes = counts
    roots = np.hstack([p @ stable.sqrt_hop for p, (_, stable) in zip(projectors, parts, strict=True)]) * np.sqrt(size)
    vecs, over = (groups([getattr(stable, name) for _, stable in parts]) for name in ("vecs", "vecslmbdainv"))
    return joined, kwant.physics.StabilizedModes(vecs, over, sum(counts), roots[:rows])


@contextmanager
def _kwant_errors(number: int, energy: float) -> Iterator[None]:
    """Turn what Kwant's mode solver raises into a named error."""
    try:
        yield
    except (ValueError, RuntimeError, IndexError, AssertionError, np.linalg.LinAlgError) as error:
        raise BandEdgeError(
            f"Argument `energy` must not lie at a band edge or in a flat band of a lead, but at {energy:g} Kwant finds "
            f"no modes of lead {number} ({error}). Move the energy."
        ) from error


def _refuse_improper(where: str, H: Any, *others: Any) -> None:
    """Raise `ArgumentError` unless a Hamiltonian, as a matrix of either kind, is Hermitian, and all is finite."""
    matrices = [sparse.csr_matrix(matrix) for matrix in (H, *others)]
    if not all(np.isfinite(matrix.data).all() for matrix in matrices):
        raise ArgumentError(
            f"Argument `syst` must have finite matrix elements, but {where} has some that are NaN or infinite. "
            "Look at its values and `params`."
        )
    H = matrices[0]
    miss = abs(H - H.conj().T).max()
    if miss > ROUNDING * abs(H).max():
        raise ArgumentError(
            f"Argument `syst` must be Hermitian, but {where} differs from its adjoint by {miss:.2g}. "
            "On-site matrices must equal their conjugate transpose; a lead or site that absorbs is no part of a "
            "scattering problem: attach one more lead instead."
        )


def _refuse_edge(number: int, energy: float, velocities: Any, blocks: list[Any], count: bool) -> None:
    """Raise `BandEdgeError` if some mode hardly moves, or the number of modes is not that of λ on the unit circle."""
    scale = 2 * max((np.linalg.norm(V, 2) for _, V in blocks), default=0.0)
    slowest = min(abs(velocities), default=scale)
    open_ = sum(_on_circle(h, V, count) for h, V in blocks)
    if slowest < EDGE * scale or (open_ >= 0 and open_ != len(velocities)):
        slow = slowest / scale if scale else 0.0
        raise BandEdgeError(
            f"Argument `energy` must not lie at a band edge of a lead, but at {energy:g} lead {number} has a mode at "
            f"{slow:.2g} of its largest velocity, {len(velocities) // 2} channels by Kwant "
            f"and {open_ / 2:g} by the transfer matrix. Move the energy by more than 1e-12 of the hopping."
        )


def _on_circle(h: Any, V: Any, count: bool) -> float:
    """Return how many λ have |λ| = 1, -inf if it was not counted."""
    n = len(V)
    if not V.any():
        return 0
    inverse_condition = 1 / np.linalg.cond(V)
    plain = inverse_condition > EDGE
    if not count and n > (COUNTED if plain else COUNTED_SINGULAR):
        return -np.inf
    unit, zero = np.eye(n), np.zeros((n, n))
    if plain:
        top = np.linalg.solve(V, np.hstack([-h, -V.conj().T]))
        size = abs(np.linalg.eigvals(np.vstack([top, np.hstack([unit, zero])])))
        away = abs(size - 1)
    else:
        scale = np.linalg.norm(V, 2)
        A = np.block([[-h / scale, -V.conj().T / scale], [unit, zero]])
        B = np.block([[V / scale, zero], [zero, unit]])
        alpha, beta = abs(linalg.eigvals(A, B, homogeneous_eigvals=True))
        away = abs(alpha - beta) / np.maximum(np.maximum(alpha, beta), 1e-300)
    return int((away < EDGE).sum())


def diagnose(system: Any, params: Mapping[str, Any] | None, smatrix: Any = None) -> str:
    """Return what may be wrong with a system that could not be solved, or raise `ArgumentError` if that is certain."""
    _refuse_improper("the scattering region", system.hamiltonian_submatrix(sparse=True, params=dict(params or {})))
    for number, info in enumerate([] if smatrix is None else smatrix.lead_info):
        incoming = np.sort(np.mod(info.momenta[: len(info.momenta) // 2], 2 * np.pi))
        gaps = np.diff(incoming, append=incoming[:1] + 2 * np.pi)
        near = gaps[(gaps > 1e-13) & (gaps < NEARLY)]
        if len(near):
            return (
                f"Modes of lead {number} are nearly degenerate (momenta differ by {near.min():.1g}), and Kwant tells "
                "them apart badly: declare a conservation law of the lead, or leave out the term that splits them."
            )
    return NEAR_EDGE


def solve(system: Any, energy: float, params: dict[str, Any] | None = None) -> tuple[Any, list[Complex]]:
    """Return Kwant's scattering matrix and, per lead, its wave functions (modes, orbitals), one thread at a time.

    `kwant.wave_function` factorizes the linear system whose solution also contains the outgoing amplitudes of every
    lead, so one factorization gives both. Where a Kwant version does not expose it, `kwant.smatrix` is called too.
    Leads are asked for their modes twice: precalculate them.
    """
    try:
        with mumps_lock:
            return _solve(system, energy, params)
    except (ValueError, RuntimeError, np.linalg.LinAlgError) as error:
        diagnose(system, params)
        raise BandEdgeError(
            "Argument `energy` must not be the level of a state that no lead reaches, or a band edge, but at "
            f"{energy:g} Kwant cannot solve ({error}). Move the energy, or remove sites that hang on nothing."
        ) from error


def _solve(system: Any, energy: float, params: dict[str, Any] | None) -> tuple[Any, list[Complex]]:
    # in a frame of its own, so that the factorization is destroyed before the lock is released
    waves = kwant.wave_function(system, energy, params=params)
    count = len(system.leads)
    if not all(hasattr(waves, name) for name in ("solve", "factorized_h", "rhs", "num_orb")):
        return kwant.smatrix(system, energy, params=params), [waves(lead) for lead in range(count)]

    info, rows, offset = [], [], waves.num_orb
    for lead in system.leads:
        propagating, stabilized = lead.modes(energy, params=params)
        info.append(propagating)
        rows.append(np.arange(offset, offset + stabilized.nmodes))
        offset += stabilized.vecs.shape[1] - stabilized.nmodes
    out = np.concatenate(rows)
    psi, columns = [], []
    for rhs in waves.rhs:
        if rhs.shape[1] == 0:
            psi.append(np.zeros((0, waves.num_orb), complex))
            columns.append(np.zeros((len(out), 0), complex))
            continue
        solution = waves.solve(waves.factorized_h, rhs, slice(None))
        psi.append(solution[: waves.num_orb].T)
        columns.append(solution[out])
    leads = list(range(count))
    return kwant.solvers.common.SMatrix(np.hstack(columns), info, leads, leads, True), psi
