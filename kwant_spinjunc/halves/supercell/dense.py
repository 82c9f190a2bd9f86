r"""Linear algebra of one plane: SciPy's BLAS and LAPACK on arrays in Fortran order.

numpy.linalg copies, and is two to three times slower here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas, block_diag, eig, lapack

from ...arrays import Floats, Matrix

#: Largest norm of its matrix for a series, which ends at the second number; largest condition of eigenvectors.
LARGEST_RATIO, SERIES_END, LARGEST_CONDITION = 0.25, 1e-18, 1e5
#: Numbers x for which an eigenvalue problem does not pay.
FEW = 40
#: Rows up to which LAPACK inverts a symmetric matrix; above it is done by blocks, as long as a a^{-1} - 1 is less.
LEAF, LARGEST_RESIDUAL = 50, 1e-12


def gemm(a: Matrix, b: Matrix) -> Matrix:
    """Return a b."""
    product: Matrix
    if 0 in a.shape or 0 in b.shape:
        product = np.zeros((a.shape[0], b.shape[1]), dtype=np.result_type(a, b), order="F")
        return product
    multiply = blas.zgemm if "c" in (a.dtype.kind, b.dtype.kind) else blas.dgemm
    product = multiply(1.0, a, b)
    return product


def invert(a: Matrix) -> Matrix:
    """Return a^{-1}, overwriting a."""
    if np.iscomplexobj(a):
        factorize, undo, work = lapack.zgetrf, lapack.zgetri, lapack.zgetri_lwork
    else:
        factorize, undo, work = lapack.dgetrf, lapack.dgetri, lapack.dgetri_lwork
    lu, pivots, _ = factorize(a, overwrite_a=1)
    return np.asarray(undo(lu, pivots, lwork=int(work(len(a))[0].real), overwrite_lu=1)[0])


def symmetric_inverse(a: Matrix) -> Matrix:
    """Return a^{-1} of a complex symmetric matrix, overwriting a.

    Blocks are half the work, but not pivoted across: where a residual shows lost digits, LAPACK inverts.
    """
    if len(a) <= LEAF:
        return invert(a)
    inverse = _by_blocks(a)
    probe = _probe(len(a))
    real = np.isrealobj(a)
    multiply = blas.dgemv if real else blas.zgemv
    residual = multiply(1.0, a, multiply(1.0, inverse, probe)) - probe
    reliable = squared(residual) < LARGEST_RESIDUAL**2 * len(a)  # not where it is NaN
    return inverse if reliable else invert(a)


def _by_blocks(a: Matrix) -> Matrix:
    """Return the inverse of a symmetric matrix from that of a quarter and of its Schur complement."""
    size = len(a)
    if size <= LEAF:
        return invert(a.copy(order="F"))
    h = size // 2
    multiply = blas.dgemm if np.isrealobj(a) else blas.zgemm
    corner, side = _by_blocks(a[:h, :h]), np.asfortranarray(a[:h, h:])
    x = multiply(1.0, corner, side)
    rest = _by_blocks(multiply(-1.0, side, x, trans_a=1, beta=1.0, c=a[h:, h:].copy(order="F"), overwrite_c=1))
    y = multiply(-1.0, x, rest)
    inverse = np.empty_like(a)
    inverse[:h, :h] = multiply(-1.0, y, x, trans_b=1, beta=1.0, c=corner, overwrite_c=1)
    inverse[:h, h:], inverse[h:, :h], inverse[h:, h:] = y, y.T, rest
    return inverse


@lru_cache(maxsize=8)
def _probe(size: int) -> Floats:
    """Return a fixed vector of norm √size with no symmetry."""
    return np.asarray(np.sqrt(2) * np.cos(np.arange(size) ** 2 + 1.0))


@dataclass
class LU:
    """A factorized matrix; ``transposed`` solves with its transpose."""

    lu: Matrix
    pivots: NDArray[Any]
    transposed: bool = False

    @classmethod
    def of(cls, a: Matrix) -> LU:
        """Factorize a, overwriting it."""
        factorize = lapack.zgetrf if np.iscomplexobj(a) else lapack.dgetrf
        lu, pivots, _ = factorize(np.asfortranarray(a), overwrite_a=1)
        return cls(lu, pivots)

    @property
    def T(self) -> LU:
        """The transpose."""
        return LU(self.lu, self.pivots, not self.transposed)

    def solve(self, b: Matrix) -> Matrix:
        """Return a^{-1} b."""
        if 0 in b.shape:
            return b
        if np.iscomplexobj(b) and not np.iscomplexobj(self.lu):
            return np.asfortranarray(self.solve(b.real) + 1j * self.solve(b.imag))
        solve = lapack.zgetrs if np.iscomplexobj(self.lu) else lapack.dgetrs
        return np.asarray(solve(self.lu, self.pivots, b, trans=int(self.transposed))[0])


def between(t: Floats, g: Matrix) -> Matrix:
    """Return t g t of a diagonal matrix t given by its diagonal."""
    scaled: Matrix = g * np.multiply.outer(t, t).T  # in the order of g
    return scaled


def dagger(a: Matrix) -> Matrix:
    """Return a†."""
    return np.asarray(np.asfortranarray(a.conj().T))


def squared(a: Matrix) -> float:
    """Return ‖a‖²."""
    flat = a.ravel(order="K")  # numpy.vdot would copy to the other order
    return float(np.vdot(flat, flat).real)


def one_minus(a: Matrix, b: Matrix) -> Matrix:
    """Return 1 - a b."""
    product = gemm(a, b)
    np.negative(product, out=product)
    np.einsum("ii->i", product)[...] += 1.0
    return product


def both_spins(pair: Sequence[Matrix]) -> Matrix:
    """Return the matrices of both spins, or one twice, as the blocks of a complex one."""
    return np.asfortranarray(block_diag(pair[0], pair[-1]) + 0j)


def resolvent(rows: Matrix, N: Matrix, columns: Matrix, x: Floats) -> list[Matrix]:
    """Return rows (1 + x N)^{-1} columns for every x from 0 to 1."""
    rows, size = np.asfortranarray(rows), float(np.linalg.norm(N))
    if size < LARGEST_RATIO:  # 1 - x N + ..., until rounding
        terms = [gemm(rows, columns)]
        while size ** len(terms) > SERIES_END:
            columns = -gemm(N, columns)
            terms.append(gemm(rows, columns))
        return [sum(x_**order * term for order, term in enumerate(terms)) for x_ in x]
    values, V = (None, None) if len(x) < FEW else eig(N)
    if V is None or not np.linalg.cond(V) < LARGEST_CONDITION:
        shifted = (x_ * N + np.eye(len(N)) for x_ in x)
        return [gemm(rows, LU.of(one).solve(columns)) for one in shifted]
    rows_V, V_columns = gemm(rows, V), LU.of(V).solve(columns)
    first = gemm(rows, columns)
    return [first - gemm(rows_V * (x_ * values / (1 + x_ * values)), V_columns) for x_ in x]
