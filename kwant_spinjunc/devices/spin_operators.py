r"""The spin operator of any Kwant system: three matrices per site, given by the user or inferred.

A site with n orbitals has S = (Sx, Sy, Sz), three (n, n) matrices with the algebra of the Pauli matrices (eigenvalues
±1, so multiply by ħ/2). Two orders are in use: ``np.kron(σ, 1)``, spin as the slow index, here ``"spin-orbital"``, and
``np.kron(1, σ)``, spin as the fast index, ``"orbital-spin"``. With two orbitals they are the same. With more, the order
is read off the hoppings, where in one order they neither conserve spin nor are spin-orbit coupling, and off the
conservation laws of the leads; where both orders remain, it must be said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..errors import ArgumentError
from ..spin import PAULI

__all__ = ["ORDERS", "SpinOperator", "identity", "kron_order", "norbs_of", "resolve_spin"]

Matrices = NDArray[np.complex128]

ORDERS = ("spin-orbital", "orbital-spin")

#: Largest error of the algebra of Pauli matrices, or of a commutator relative to the Hamiltonian, that is rounding.
ROUNDING = 1e-10

#: Hoppings that the inference of the order looks at.
SAMPLE = 400

WAY_OUT = (
    "Say which order the orbitals have: spin='spin-orbital' for S_i = np.kron(σ_i, np.eye(orbitals)), "
    "spin='orbital-spin' for S_i = np.kron(np.eye(orbitals), σ_i), or give the three matrices."
)


def kron_order(order: str, norbs: int) -> Matrices:
    """Return S of one order for a site of ``norbs`` orbitals, shape (3, norbs, norbs).

    Examples
    --------
    >>> kron_order("orbital-spin", 4)[2].real.diagonal().tolist()
    [1.0, -1.0, 1.0, -1.0]
    """
    orbitals = np.eye(norbs // 2)
    pairs = [(s, orbitals) if order == "spin-orbital" else (orbitals, s) for s in PAULI]
    return np.array([np.kron(*pair) for pair in pairs])


@dataclass(frozen=True, eq=False)
class SpinOperator:
    """S of every site of a system.

    Attributes
    ----------
    spec
        A name of `ORDERS`, three matrices, a mapping from site families (or their names) to either, or a function of
        a site that returns three matrices.
    """

    spec: Any
    _cache: dict[Any, Matrices] = field(default_factory=dict, repr=False)

    def __call__(self, site: Any) -> Matrices:
        """Return S at a site, shape (3, norbs, norbs)."""
        spec = self.spec
        if callable(spec):
            return _checked(spec(site), site.family)
        if site.family not in self._cache:
            if isinstance(spec, Mapping):
                spec = _of_family(spec, site.family)
            self._cache[site.family] = _checked(spec, site.family)
        return self._cache[site.family]

    def components(self, sites: list[Any]) -> list[Any]:
        """Return 1, Sx, Sy and Sz of a list of sites as sparse block-diagonal matrices."""
        return [identity(sites)[0], *self.block_diagonal(sites)]

    def block_diagonal(self, sites: list[Any]) -> list[Any]:
        """Return Sx, Sy and Sz of a list of sites as sparse matrices."""
        if (block := self._uniform(sites)) is not None:
            return [sparse.kron(sparse.identity(len(sites)), s, format="csr") for s in block]
        blocks = [self(site) for site in sites]
        return [sparse.block_diag([block[i] for block in blocks], format="csr") for i in range(3)]

    def time_reversal(self, sites: list[Any]) -> Any:
        """Return the unitary part τ of time reversal τK, with τ S* τ† = -S, orbitals real, as a sparse matrix."""
        if (block := self._uniform(sites)) is not None:
            return sparse.kron(sparse.identity(len(sites)), _time_reversal(block, sites[0].family), format="csr")
        return sparse.block_diag([_time_reversal(self(site), site.family) for site in sites], format="csr")

    def _uniform(self, sites: list[Any]) -> Matrices | None:
        """Return S of all sites if they are of one family, None if it may differ between them."""
        if callable(self.spec) or any(site.family is not sites[0].family for site in sites):
            return None
        return self(sites[0])

    def __getstate__(self) -> dict[str, Any]:
        return {"spec": self.spec, "_cache": {}}


def identity(sites: list[Any]) -> list[Any]:
    """Return the identity on a list of sites, as the only operator of a system without spin."""
    return [sparse.identity(sum(norbs_of(site.family) for site in sites), format="csr")]


def norbs_of(family: Any) -> int:
    """Return the number of orbitals of a site family, or raise `ArgumentError`."""
    if family.norbs is None:
        raise ArgumentError(
            f"Argument `syst` must know the orbitals of its sites, but family {family.name or family!r} has no "
            "`norbs`. Make the lattice with norbs=..., e.g. kwant.lattice.square(norbs=2)."
        )
    return int(family.norbs)


def _of_family(spec: Mapping[Any, Any], family: Any) -> Any:
    for key in (family, family.name):
        if key in spec:
            return spec[key]
    raise ArgumentError(
        f"Argument `spin` must cover every site family, but has no entry for {family.name or family!r}. "
        "Its keys are site families or their names."
    )


def _checked(value: Any, family: Any) -> Matrices:
    """Return three matrices that fit the family and obey the algebra of Pauli matrices."""
    norbs = norbs_of(family)
    name = family.name or repr(family)
    if isinstance(value, str):
        if value not in ORDERS:
            raise ArgumentError(f"Argument `spin` must be one of {', '.join(ORDERS)} or 'auto', but is {value!r}.")
        if norbs % 2:
            raise ArgumentError(
                f"Argument `spin` must be None for sites without spin, but family {name} has norbs = {norbs}, an odd "
                "number. With spin=None totals are computed and nothing is resolved by spin."
            )
        return kron_order(value, norbs)
    try:
        S = np.array([np.asarray(matrix, dtype=complex) for matrix in value])
    except (TypeError, ValueError):
        S = np.empty(0)
    if S.shape != (3, norbs, norbs):
        raise ArgumentError(
            f"Argument `spin` must be three matrices (norbs, norbs), but family {name} has norbs = {norbs} and the "
            f"shape is {S.shape}. {WAY_OUT}"
        )
    algebra = max(abs(S[i] @ S[j] - S[j] @ S[i] - 2j * S[k]).max() for i, j, k in [(0, 1, 2), (1, 2, 0), (2, 0, 1)])
    defect = max(algebra, abs(S @ S - np.eye(norbs)).max(), abs(S - np.swapaxes(S.conj(), 1, 2)).max())
    if defect > ROUNDING:
        raise ArgumentError(
            f"Argument `spin` must have the algebra of Pauli matrices (eigenvalues ±1, [Sx, Sy] = 2i Sz), but for "
            f"family {name} misses it by {defect:.2g}. Spin operators with ħ/2 are to be multiplied by 2/ħ."
        )
    return S


def _time_reversal(S: Matrices, family: Any) -> Matrices:
    for order in ORDERS:
        tau: Matrices = 1j * kron_order(order, len(S[0]))[1]
        if all(abs(tau @ s.conj() @ tau.conj().T + s).max() < ROUNDING for s in S):
            return tau
    raise ArgumentError(
        "Argument `spin` must let time reversal be told, to separate exchange from spin-orbit torque, but for family "
        f"{family.name or family!r} it is no SU(2) rotation of np.kron(σ, 1) or np.kron(1, σ)."
    )


def resolve_spin(spin: Any, system: Any, params: Mapping[str, Any] | None = None) -> SpinOperator | None:
    """Return the spin operator of a finalized system, inferring the order of its orbitals for ``"auto"``.

    Parameters
    ----------
    spin
        ``"auto"``, None (sites without spin), or what `SpinOperator` takes.
    system
        A finalized Kwant system.
    params
        Its parameters.

    Raises
    ------
    ArgumentError
        The operator does not fit ``norbs`` or has not the algebra of Pauli matrices; ``"auto"`` is ambiguous.
    """
    if spin is None:
        return None
    if isinstance(spin, SpinOperator):
        return spin
    families = list(dict.fromkeys(site.family for site in system.sites))
    if not (isinstance(spin, str) and spin == "auto"):
        operator = SpinOperator(spin)
        for family in families:  # one site of each: a function may still fail elsewhere, where it is called
            operator(next(site for site in system.sites if site.family is family))
        return operator
    for family in families:
        if norbs_of(family) % 2:
            _checked(ORDERS[0], family)
    if all(norbs_of(family) == 2 for family in families):
        return SpinOperator(ORDERS[0])
    # an order is out of the question if in it hoppings depend on spin as no spin-orbit coupling does
    possible = [order for order in ORDERS if _fits_hoppings(SpinOperator(order), system, params)] or list(ORDERS)
    chosen = [order for order in possible if _fits_laws(SpinOperator(order), system, params)]
    if not chosen:
        raise ArgumentError(
            f"Argument `spin` must agree with the leads, but the hoppings have the order {' or '.join(possible)} and "
            f"the conservation law of a lead does not. {WAY_OUT}"
        )
    if len(chosen) == 2:
        raise ArgumentError(
            f"Argument `spin` must be given, but from norbs = {max(norbs_of(f) for f in families)} the order of spin "
            f"and orbitals cannot be told: both fit the hoppings and the conservation laws of the leads. {WAY_OUT}"
        )
    return SpinOperator(chosen[0])


def _fits_hoppings(spin: SpinOperator, system: Any, params: Mapping[str, Any] | None) -> bool:
    """Tell whether the hoppings carry spin unchanged or may be those of spin-orbit coupling.

    The latter are even under time reversal, up to the phase of a magnetic flux. Both must be allowed for: 1 + iα 1⊗σ_y
    is Rashba hopping if spin is the fast index, and mixes orbitals if it is the slow one.
    """
    conserved = even = True
    for i, j in islice(system.graph, SAMPLE):
        t = np.asarray(system.hamiltonian(i, j, params=params))
        t = t.reshape(norbs_of(system.sites[i].family), norbs_of(system.sites[j].family))
        S, S_from = spin(system.sites[i]), spin(system.sites[j])
        tau, tau_from = (_time_reversal(s, system.sites[n].family) for s, n in ((S, i), (S_from, j)))
        limit = ROUNDING * max(1.0, abs(t).max())
        conserved = conserved and bool(abs(S @ t - t @ S_from).max() <= limit)
        turned = tau @ t.conj() @ tau_from.conj().T
        phase = np.vdot(turned, t) / max(np.vdot(t, t).real, 1e-300)  # of a magnetic flux
        even = even and bool(abs(phase * turned - t).max() <= limit)
    return conserved or even


def _fits_laws(spin: SpinOperator, system: Any, params: Mapping[str, Any] | None) -> bool:
    """Tell whether each conservation law of a lead is a component of S: its blocks span eigenspaces of one m·S."""
    for lead in system.leads:
        if not hasattr(lead, "discrete_symmetry") or not hasattr(lead, "cell_size"):
            continue
        projectors = lead.discrete_symmetry(params=params).projectors
        if projectors is None:
            continue
        S = [block.toarray() for block in spin.block_diagonal(list(lead.sites[: lead.cell_size]))]
        # within a block m·S = ±1, so that P† S P is ±m times the identity and of length one
        for projector in projectors:
            P = np.asarray(projector.todense() if sparse.issparse(projector) else projector)
            inside = np.array([P.conj().T @ s @ P for s in S])
            vector = np.einsum("ijj->i", inside).real / P.shape[1]
            if abs(np.linalg.norm(vector) - 1) > 1e-6:
                return False
    return True
