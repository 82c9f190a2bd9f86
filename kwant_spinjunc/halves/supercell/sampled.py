r"""A sample at one energy: its planes as matrices, and where it falls into two collinear halves."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...arrays import Complex, Floats, Matrix
from ...model.junction import COLLINEAR, Junction
from ...model.plane import CrossSection
from ...model.sample import Realization
from ...spin import sigma


@dataclass(frozen=True, eq=False)
class Sampled:
    """A sample at one energy."""

    junction: Junction
    energy: float
    section: CrossSection
    sample: Realization

    @cached_property
    def planes(self) -> int:
        """Number of planes."""
        return len(self.sample.levels)

    @cached_property
    def sites(self) -> int:
        """Number of sites of a plane."""
        return self.section.sites

    @cached_property
    def magnetic(self) -> NDArray[np.bool_]:
        """Whether a plane has an exchange field anywhere."""
        return np.asarray(self.sample.levels[..., 1:].any(axis=(1, 2)))

    @cached_property
    def real(self) -> bool:
        """Whether no Bloch phase makes the spin-diagonal Hamiltonian complex."""
        return bool((self.section.bonds[3].imag == 0).all())

    @cached_property
    def uniform(self) -> NDArray[np.bool_]:
        """Whether every site of a plane is equal, so that transverse modes do not mix, unless they turn spins."""
        levels, in_plane = self.sample.levels, self.sample.in_plane
        return np.asarray(
            (levels == levels[:, :1]).all(axis=(1, 2)) & (in_plane == in_plane[:, :1, :1]).all(axis=(1, 2))
        )

    @cached_property
    def uniform_bonds(self) -> NDArray[np.bool_]:
        """Whether every bond between two planes is equal."""
        found: NDArray[np.bool_] = (self.sample.bonds == self.sample.bonds[:, :1]).all(axis=1)
        return found & ~self.turning_bonds

    @cached_property
    def turning_bonds(self) -> NDArray[np.bool_]:
        """Whether an electron's spin turns on a bond between two planes."""
        return _turns(self.sample.bond_rotations, self.planes - 1)

    @cached_property
    def turning_planes(self) -> NDArray[np.bool_]:
        """Whether its spin turns within a plane."""
        return _turns(self.sample.in_plane_rotations, self.planes)

    @cached_property
    def modes(self) -> tuple[Floats, Matrix]:
        """Transverse modes (c, U) with U in Fortran order."""
        c, U = self.section.transverse_modes
        return c, np.asfortranarray(U)

    @cached_property
    def entries(self) -> tuple[NDArray[Any], NDArray[Any], Matrix, bool]:
        """Where the in-plane bonds stand in a matrix of Fortran order: (lower, upper, phase, whether pairs repeat)."""
        to, from_, _, phase = self.section.bonds
        lower, upper = to + from_ * self.sites, from_ + to * self.sites
        repeats = len(np.unique(np.concatenate([lower, upper]))) < 2 * len(lower)
        return lower, upper, (phase.real if self.real else phase), repeats

    def plane(self, n: int) -> Matrix:
        """Return E - H_n without its exchange field and without spin, in Fortran order."""
        lower, upper, phase, repeats = self.entries
        _, from_, axis, _ = self.section.bonds
        t = self.sample.in_plane[n, from_, axis] * phase
        matrix = np.zeros(self.sites * self.sites, dtype=phase.dtype)
        if repeats:
            np.add.at(matrix, lower, t)
            np.add.at(matrix, upper, t.conj())
        else:
            matrix[lower], matrix[upper] = t, t.conj()
        matrix[:: self.sites + 1] += self.energy - self.sample.levels[n, :, 0]
        return matrix.reshape(self.sites, self.sites, order="F")

    def spin_plane(self, n: int, chi: Complex) -> Complex:
        """Return E - H_n with its spin along the columns of ``chi``, spin-major, shape (2 M, 2 M)."""
        M = self.sites
        full = np.zeros((2, M, 2, M), dtype=complex)
        if self.turning_planes[n]:
            to, from_, axis, phase = self.section.bonds
            U = chi.conj().T @ self.sample.in_plane_rotations[n, from_, axis] @ chi
            blocks = (self.sample.in_plane[n, from_, axis] * phase)[:, None, None] * U
            for s in (0, 1):
                for q in (0, 1):
                    np.add.at(full[s, :, q], (to, from_), blocks[:, s, q])
                    np.add.at(full[q, :, s], (from_, to), blocks[:, s, q].conj())
            for s in (0, 1):
                np.einsum("ii->i", full[s, :, s])[...] += self.energy - self.sample.levels[n, :, 0]
        else:
            full[0, :, 0] = full[1, :, 1] = self.plane(n)
        field = chi.conj().T @ sigma(self.sample.levels[n, :, 1:]) @ chi
        for s in (0, 1):
            for q in (0, 1):
                np.einsum("ii->i", full[s, :, q])[...] -= field[:, s, q]
        return np.asfortranarray(full.reshape(2 * M, 2 * M))

    def bond(self, b: int, chi: Complex) -> Complex | None:
        """Return the rotations of the bonds from plane b to b + 1 with spin along ``chi``, (sites, 2, 2), or None."""
        if not self.turning_bonds[b]:
            return None
        return np.asarray(chi.conj().T @ self.sample.bond_rotations[b] @ chi)

    def collinear(self, m: Floats) -> NDArray[np.bool_]:
        """Return whether the spin along m is conserved in each plane."""
        fields = self.sample.levels[..., 1:]
        along = fields @ m
        across = fields - along[..., None] * m
        size = np.einsum("nik,nik->ni", across, across)
        return np.asarray((size <= COLLINEAR**2 * (along * along + size)).all(axis=1) & ~self.turning_planes)


def _turns(rotations: Any, count: int) -> NDArray[np.bool_]:
    """Return whether each plane or bond has a rotation that is not the identity."""
    if rotations is None:
        return np.zeros(count, dtype=bool)
    return np.asarray((rotations != np.eye(2)).reshape(count, -1).any(axis=1))


def find_cut(junction: Junction, sample: Realization) -> int | None:
    """Return the bond at which a sample falls into two collinear halves, or None if there is none.

    Every field up to the cut is collinear with the left magnet, every field behind it with the right one. Among the
    candidates, those in a gap between magnets if there are any, the one is taken whose halves need the fewest matrices
    (planes before the first magnetic one need one for both spins); of several those touching a nonmagnetic plane, and
    of these the middle one.
    """
    return cut_of(Sampled(junction, 0.0, CrossSection((1, len(sample.levels[0]))), sample), junction.magnetizations)


def cut_of(problem: Sampled, axes: Floats) -> int | None:
    """Return what `find_cut` does, for halves along ``axes``."""
    if problem.turning_bonds.any() or problem.turning_planes.any():
        return None
    left = np.logical_and.accumulate(problem.collinear(axes[0]))
    right = np.logical_and.accumulate(problem.collinear(axes[1])[::-1])[::-1]
    possible = left[:-1] & right[1:]
    if not possible.any():
        return None
    magnetic, leads = problem.magnetic, problem.junction.leads
    before, behind = np.logical_or.accumulate(magnetic), np.logical_or.accumulate(magnetic[::-1])[::-1]
    gap = possible & ~(magnetic[:-1] & magnetic[1:])
    between = gap & before[:-1] & behind[1:]  # also of collinear magnets each stays on its side
    possible = between if between.any() else possible
    spins_left, spins_right = (
        np.cumsum(1 + (has | (lead.splitting > 0))) for has, lead in ((before, leads[0]), (behind[::-1], leads[1]))
    )
    matrices = np.where(possible, spins_left[:-1] + spins_right[-2::-1], np.iinfo(np.intp).max)
    possible = matrices == matrices.min()
    chosen = np.flatnonzero(possible & gap if (possible & gap).any() else possible)
    return int(chosen[(len(chosen) - 1) // 2])
