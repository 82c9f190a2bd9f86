r"""The spin operator of any Kwant system: three matrices per site, given by the user (see `spin_order`).

A site with n orbitals has S = (Sx, Sy, Sz), three (n, n) matrices with the algebra of the Pauli matrices (eigenvalues
±1, so multiply by ħ/2). Two orders are in use: ``np.kron(σ, 1)``, spin as the slow index, here ``"spin-orbital"``, and
``np.kron(1, σ)``, spin as the fast index, ``"orbital-spin"``. With two orbitals they are the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import sparse

from ..arrays import Complex
from ..errors import ArgumentError
from ..spin import PAULI

ORDERS = ("spin-orbital", "orbital-spin")

#: Largest error of the algebra of Pauli matrices, or of a commutator relative to the Hamiltonian, that is rounding.
ROUNDING = 1e-10

#: Sites above which matrices are not kept.
LARGE = 2000

WAY_OUT = (
    "Say which order the orbitals have: spin='spin-orbital' for S_i = np.kron(σ_i, np.eye(orbitals)), "
    "spin='orbital-spin' for S_i = np.kron(np.eye(orbitals), σ_i), or give the three matrices."
)


def kron_order(order: str, norbs: int) -> Complex:
    """Return S of one order for a site of ``norbs`` orbitals, shape (3, norbs, norbs)."""
    orbitals = np.eye(norbs // 2)
    if order == "spin-orbital":
        return (PAULI[:, :, None, :, None] * orbitals[:, None]).reshape(3, norbs, norbs)
    return (orbitals[:, None, :, None] * PAULI[:, None, :, None]).reshape(3, norbs, norbs)


@dataclass(frozen=True, eq=False)
class SpinOperator:
    """S of every site of a system."""

    #: A name of `ORDERS`, three matrices, a mapping from site families (or their names) to either, or a function of a
    #: site that returns three matrices.
    spec: Any
    _cache: dict[Any, Complex] = field(default_factory=dict, repr=False)

    def __call__(self, site: Any) -> Complex:
        """Return S at a site, shape (3, norbs, norbs)."""
        spec = self.spec
        if callable(spec):
            return checked_spin(spec(site), site.family)
        if site.family not in self._cache:
            if isinstance(spec, Mapping):
                spec = _of_family(spec, site.family)
            self._cache[site.family] = checked_spin(spec, site.family)
        return self._cache[site.family]

    def components(self, sites: list[Any]) -> list[Any]:
        """Return 1, Sx, Sy and Sz of a list of sites as sparse block-diagonal matrices."""
        return [identity(sites)[0], *self.block_diagonal(sites)]

    def block_diagonal(self, sites: list[Any]) -> list[Any]:
        """Return Sx, Sy and Sz of a list of sites as sparse matrices."""
        if (block := self._uniform(sites)) is not None:
            return [repeated(s, len(sites)) for s in block]
        blocks = [self(site) for site in sites]
        return [sparse.block_diag([block[i] for block in blocks], format="csr") for i in range(3)]

    def along(self, m: Any, sites: list[Any]) -> Any:
        """Return m·S of a list of sites as a sparse matrix."""
        return sum(x * s for x, s in zip(m, self.block_diagonal(sites), strict=True))

    def time_reversal(self, sites: list[Any]) -> Any:
        """Return the unitary part τ of time reversal τK, with τ S* τ† = -S, orbitals real, as a sparse matrix."""
        if (block := self._uniform(sites)) is not None:
            return repeated(_time_reversal(block, sites[0].family), len(sites))
        return sparse.block_diag([_time_reversal(self(site), site.family) for site in sites], format="csr")

    def _uniform(self, sites: list[Any]) -> Complex | None:
        """Return S of all sites if they are of one family, None if it may differ between them."""
        if callable(self.spec) or any(site.family is not sites[0].family for site in sites):
            return None
        return self(sites[0])

    def __getstate__(self) -> dict[str, Any]:
        return {"spec": self.spec, "_cache": {}}


def repeated(block: Any, count: int) -> Any:
    """Return a block-diagonal matrix of equal blocks, to be read only: a small one is made more slowly than used."""
    make = _repeated if count < LARGE else _repeated.__wrapped__
    return make(count, block.dtype.str, block.shape, block.tobytes())


@lru_cache(maxsize=64)
def _repeated(count: int, dtype: str, shape: tuple[int, int], data: bytes) -> Any:
    return sparse.kron(sparse.identity(count), np.frombuffer(data, dtype).reshape(shape), format="csr")


def identity(sites: list[Any]) -> list[Any]:
    """Return the identity on a list of sites, as the only operator of a system without spin."""
    return [sparse.identity(sum(norbs_of(site.family) for site in sites))]


def spinless(matrix: Any, S: Any, S_from: Any = None) -> Any:
    """Return the part that does not depend on spin, of a matrix within some sites or from others with ``S_from``."""
    pairs = zip(S, S if S_from is None else S_from, strict=True)
    return (matrix + sum(s @ matrix @ other for s, other in pairs)) / 4


def norbs_of(family: Any) -> int:
    """Return the number of orbitals of a site family, or raise `ArgumentError`."""
    if family.norbs is None:
        raise ArgumentError(
            f"Argument `syst` must know the orbitals of its sites, but family {family.name or family!r} has no "
            "`norbs`. Make the lattice with norbs=..., e.g. kwant.lattice.square(norbs=2)."
        )
    return int(family.norbs)


def matrix_between(system: Any, i: int, j: int, params: Any, sites: Any) -> Any:
    """Return the matrix of the Hamiltonian between two orbital spaces, or raise `ArgumentError` for another shape."""
    shape = tuple(norbs_of(sites[n].family) for n in (i, j))
    matrix = np.asarray(system.hamiltonian(int(i), int(j), params=params), dtype=complex)
    if matrix.size != shape[0] * shape[1]:
        what = "on-site matrices" if i == j else "hoppings"
        raise ArgumentError(
            f"Argument `syst` must have {what} of the shape of its orbitals, but {'on' if i == j else 'between'} "
            f"{sites[i]}{'' if i == j else f' and {sites[j]}'} it is {matrix.shape} and should be {shape}. A number is "
            "not taken for its multiple of the identity: use number * np.eye(norbs)."
        )
    return matrix.reshape(shape)


def _of_family(spec: Mapping[Any, Any], family: Any) -> Any:
    for key in (family, family.name):
        if key in spec:
            return spec[key]
    raise ArgumentError(
        f"Argument `spin` must cover every site family, but has no entry for {family.name or family!r}. "
        "Its keys are site families or their names."
    )


def checked_spin(value: Any, family: Any) -> Complex:
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


def _time_reversal(S: Complex, family: Any) -> Complex:
    for order in ORDERS:
        tau: Complex = 1j * kron_order(order, len(S[0]))[1]
        if all(abs(tau @ s.conj() @ tau.conj().T + s).max() < ROUNDING for s in S):
            return tau
    raise ArgumentError(
        "Argument `spin` must let time reversal be told, to separate exchange from spin-orbit torque, but for family "
        f"{family.name or family!r} it is no SU(2) rotation of np.kron(σ, 1) or np.kron(1, σ)."
    )
