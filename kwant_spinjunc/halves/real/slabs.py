r"""Sparse Schur complements of a slab of disordered planes onto its two ends, by MUMPS.

The pattern of E - H knows only the cross-section and the number of planes, neither energy nor spin nor lead: it is
analyzed once, and every sample overwrites the numbers.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.sparse

from ...arrays import Floats
from ...model.plane import CrossSection
from ...sparse import has_mumps, mumps_lock

#: Orders the elimination of a slab of some hundred sites and more best; below there is no difference.
ORDERING = "metis"
#: Patterns kept, each with the memory of its factorization.
PATTERNS = 6


class SingularError(Exception):
    """What lies inside a slab cannot be eliminated at this energy."""


@lru_cache(maxsize=1)
def is_available() -> bool:
    """Whether MUMPS can be called with Schur complements (python-mumps)."""
    return has_mumps()


class Slab:
    """The pattern of E - H of ``planes`` planes for one spin, real and symmetric.

    ``section``: sites and bonds of a plane, without a complex phase.
    ``planes``: number of planes, at least 3.
    ``keep``: whether factors are kept to solve for what is inside.
    """

    def __init__(self, section: CrossSection, planes: int, keep: bool = False) -> None:
        import mumps  # type: ignore[import-untyped, unused-ignore]

        M = section.sites
        to, self._from, self._axis, phase = section.bonds
        index = np.arange(planes * M).reshape(planes, M)
        pairs = [(index[:, to], index[:, self._from]), (index[1:], index[:-1]), (index, index)]
        row = np.concatenate([np.minimum(*pair).ravel() for pair in pairs])
        column = np.concatenate([np.maximum(*pair).ravel() for pair in pairs])
        # a cell that is its own neighbor has its bond and the conjugate of it on the diagonal
        self._factor = np.broadcast_to(np.where(to == self._from, 2.0, 1.0) * phase.real, (planes, len(to)))
        self.sites, self.planes = M, planes
        self._lower = np.tril_indices(M, -1)
        self._complement = np.zeros((2 * M, 2 * M))
        pattern = scipy.sparse.coo_array((np.ones(len(row)), (row, column)), shape=(planes * M,) * 2)
        with mumps_lock:
            self._context = mumps.Context()
            self._context.set_matrix(pattern, symmetric=True)
            self._ends = np.asfortranarray(np.concatenate([index[0], index[-1]]) + 1, dtype=self._context.row.dtype)
            instance = self._context.mumps_instance
            instance.icntl[19], instance.icntl[31] = 1, int(not keep)
            instance.set_schur(self._complement, self._ends)
            self._context.analyze(ordering=ORDERING)
        if not np.array_equal(self._context.row - 1, row) or len(self._context.data) != len(row):
            raise RuntimeError("This version of python-mumps reorders the entries of a matrix.")

    def complement(self, levels: Floats, in_plane: Floats, bonds: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the blocks first-first, first-last and last-last of the Schur complement, in Fortran order.

        ``levels``: E - ε of every site, shape (planes, sites).
        ``in_plane``, ``bonds``: as in `Realization`: shapes (planes, sites, 2) and (planes - 1, sites).
        """
        M, inside = self.sites, self._factor.size
        with mumps_lock:
            data = self._context.data
            np.multiply(
                in_plane[:, self._from, self._axis], self._factor, out=data[:inside].reshape(self._factor.shape)
            )
            data[inside : inside + bonds.size] = bonds.ravel()
            data[inside + bonds.size :] = levels.ravel()
            try:
                self._context.factor(reuse_analysis=True)
            except RuntimeError as error:  # MUMPSError: a pivot is zero, or memory is short
                raise SingularError(str(error)) from error
            found = self._complement.T  # MUMPS fills the lower triangle of an array in C order
            first, across, last = (np.array(x, order="F") for x in (found[:M, :M], found[:M, M:], found[M:, M:]))
        for block in (first, last):
            rows, columns = self._lower
            block[rows, columns] = block[columns, rows]
        return first, across, last

    def solve(self, right: Floats) -> Floats:
        """Return A_ii^{-1} of columns given inside (rows of all planes, those of the ends ignored); `keep` only."""
        with mumps_lock:
            found: Floats = self._context.solve(right)
        return found


@lru_cache(maxsize=PATTERNS)
def slab_of(section: CrossSection, planes: int) -> Slab:
    """Return the analyzed pattern, remembered."""
    return Slab(section, planes)
