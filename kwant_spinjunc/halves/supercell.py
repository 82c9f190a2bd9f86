r"""Two halves and one rotation with a matrix for every number: disordered supercells and wires, a sample at a time.

The idea is that of `halves`. Cut the sample at a bond; each half, in the spin frame of its own magnet, is spin-diagonal
and is seen by the other through its surface Green's functions g_s, now M × M matrices in the M sites of a plane. With
u_s = √t g_Ls √t, w_s' = √t g_Rs' √t (t the diagonal matrix of the bonds cut), d_ss' = 1 - u_s w_s' and the rotation R,

    K = (R - u R w)^{-1},  with blocks R_ss' d_ss' before it is inverted,
    T_Rs',Ls = ‖b_Rs'† K_s's b_Ls‖²,                                                                             (a)
    S_Ls,Ls = 1 - i b_Ls† (R w K)_ss b_Ls,                                                                       (b)
    S_L+,L- = i R_+- b_L+† (1 - w_+ u_+)^{-1} (w_+ - w_-) K_-- b_L-                                              (c)

up to unitary matrices of the modes of a lead and spin, on which no probability depends. b = √t B, where B_s is the wave
at the cut per unit flux of each open mode, so that B_s B_s† = i (g_s - g_s†). The recursion of a half is

    g_n = (E - H_n - t_n g_n-1 t_n)^{-1},   B_n = -g_n t_n B_n-1.

It begins with the transverse modes of the lead, whose Green's functions are known, and stays in them through planes
without disorder.

**Accuracy.** No quantity is a difference of larger ones: b and w_+ - w_- are propagated by products, so that
probabilities keep their relative digits also at T = 1e-30.

**Anything else** (magnetization that is not collinear within a half, spin-orbit bonds) takes the same recursion with
2M × 2M matrices from the first plane that mixes spins. Spins are labeled along each lead's own m.

Conventions: lead 0 = left, spin 0 = majority, ħ = 1; S = -1 + i √v G √v (Fisher and Lee, Phys. Rev. B 23, 6851 (1981)).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import blas, eig, lapack

from ..checks import finite
from ..errors import ArgumentError
from ..model.junction import COLLINEAR, Junction, Layer
from ..model.plane import CrossSection
from ..model.sample import Realization
from ..solved import Fields
from ..spin import PAULI, SIGNS, check_unit_vector, rotation_matrix, sigma, spinors

__all__ = ["find_cut", "probabilities", "states"]

#: A difference of the two spins is propagated by products once it is this small; above, it is taken as it is.
SMALL_DIFFERENCE = 1e-4
#: Directions from which on the angle is put into a series or an eigenvalue problem.
MANY = 4
#: Largest norm of its matrix for a series, which ends at the second number; largest condition of eigenvectors.
LARGEST_RATIO, SERIES_END, LARGEST_CONDITION = 0.25, 1e-18, 1e5
#: Labels of a nonmagnetic lead that turn by less than this from the axis of their half do not mix.
SAME_LABELS = 1e-15
#: Rows up to which LAPACK inverts a symmetric matrix; above it is done by blocks, as long as a a^{-1} - 1 is less.
LEAF, LARGEST_RESIDUAL = 50, 1e-12

Matrix = NDArray[Any]
Complex = NDArray[np.complex128]
Floats = NDArray[np.float64]


# ------------------------------------------------------------------------------------------------------ linear algebra
# SciPy's BLAS and LAPACK on arrays in Fortran order: numpy.linalg copies, and is two to three times slower here.
def _gemm(a: Matrix, b: Matrix) -> Matrix:
    """Return a b."""
    product: Matrix
    if 0 in a.shape or 0 in b.shape:
        product = np.zeros((a.shape[0], b.shape[1]), dtype=np.result_type(a, b), order="F")
        return product
    multiply = blas.zgemm if np.iscomplexobj(a) or np.iscomplexobj(b) else blas.dgemm
    product = multiply(1.0, a, b)
    return product


def _inverse(a: Matrix) -> Matrix:
    """Return a^{-1}, overwriting a."""
    if np.iscomplexobj(a):
        factorize, invert, work = lapack.zgetrf, lapack.zgetri, lapack.zgetri_lwork
    else:
        factorize, invert, work = lapack.dgetrf, lapack.dgetri, lapack.dgetri_lwork
    lu, pivots, _ = factorize(a, overwrite_a=1)
    inverse: Matrix = invert(lu, pivots, lwork=int(work(len(a))[0].real), overwrite_lu=1)[0]
    return inverse


def _symmetric_inverse(a: Matrix) -> Matrix:
    """Return a^{-1} of a complex symmetric matrix, overwriting a.

    Inversion by blocks has half the work, but does not pivot across blocks: where a residual shows that this has lost
    digits, LAPACK inverts.
    """
    if len(a) <= LEAF:
        return _inverse(a)
    inverse = _by_blocks(a)
    probe = _probe(len(a))
    real = np.isrealobj(a)
    multiply = blas.dgemv if real else blas.zgemv
    residual = multiply(1.0, a, multiply(1.0, inverse, probe)) - probe
    reliable = _squared(residual) < LARGEST_RESIDUAL**2 * len(a)  # not where it is NaN
    return inverse if reliable else _inverse(a)


def _by_blocks(a: Matrix) -> Matrix:
    """Return the inverse of a symmetric matrix from that of a quarter and of its Schur complement."""
    size = len(a)
    if size <= LEAF:
        return _inverse(a.copy(order="F"))
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
    probe: Floats = np.sqrt(2) * np.cos(np.arange(size) ** 2 + 1.0)
    return probe


@dataclass
class _LU:
    """A factorized matrix; ``transposed`` solves with its transpose."""

    lu: Matrix
    pivots: NDArray[Any]
    transposed: bool = False

    @classmethod
    def of(cls, a: Matrix) -> _LU:
        """Factorize a, overwriting it."""
        factorize = lapack.zgetrf if np.iscomplexobj(a) else lapack.dgetrf
        lu, pivots, _ = factorize(np.asfortranarray(a), overwrite_a=1)
        return cls(lu, pivots)

    @property
    def T(self) -> _LU:
        """The transpose."""
        return _LU(self.lu, self.pivots, not self.transposed)

    def solve(self, b: Matrix) -> Matrix:
        """Return a^{-1} b."""
        if 0 in b.shape:
            return b
        if np.iscomplexobj(b) and not np.iscomplexobj(self.lu):
            return np.asfortranarray(self.solve(b.real) + 1j * self.solve(b.imag))
        solve = lapack.zgetrs if np.iscomplexobj(self.lu) else lapack.dgetrs
        x: Matrix = solve(self.lu, self.pivots, b, trans=int(self.transposed))[0]
        return x


def _between(t: Floats, g: Matrix) -> Matrix:
    """Return t g t of a diagonal matrix t given by its diagonal."""
    scaled: Matrix = g * np.multiply.outer(t, t).T  # in the order of g
    return scaled


def _dagger(a: Matrix) -> Matrix:
    transposed: Matrix = np.asfortranarray(a.conj().T)
    return transposed


def _squared(a: Matrix) -> float:
    """Return ‖a‖²."""
    flat = a.ravel(order="K")  # numpy.vdot would copy to the other order
    return float(np.vdot(flat, flat).real)


# ---------------------------------------------------------------------------------------------------------- the problem
@dataclass(frozen=True, eq=False)
class _Problem:
    """A sample at one energy."""

    junction: Junction
    energy: float
    section: CrossSection
    sample: Realization

    @cached_property
    def planes(self) -> int:
        return len(self.sample.levels)

    @cached_property
    def sites(self) -> int:
        return self.section.sites

    @cached_property
    def magnetic(self) -> NDArray[np.bool_]:
        """Whether a plane has an exchange field anywhere."""
        found: NDArray[np.bool_] = self.sample.levels[..., 1:].any(axis=(1, 2))
        return found

    @cached_property
    def real(self) -> bool:
        """Whether no Bloch phase makes the spin-diagonal Hamiltonian complex."""
        return bool((self.section.bonds[3].imag == 0).all())

    @cached_property
    def uniform(self) -> NDArray[np.bool_]:
        """Whether every site of a plane is equal, so that transverse modes do not mix."""
        levels, in_plane = self.sample.levels, self.sample.in_plane
        same = (levels == levels[:, :1]).all(axis=(1, 2)) & (in_plane == in_plane[:, :1, :1]).all(axis=(1, 2))
        if self.sample.in_plane_rotations is not None:
            same &= ~self.turning_planes
        found: NDArray[np.bool_] = same
        return found

    @cached_property
    def uniform_bonds(self) -> NDArray[np.bool_]:
        """Whether every bond between two planes is equal."""
        found: NDArray[np.bool_] = (self.sample.bonds == self.sample.bonds[:, :1]).all(axis=1)
        return found & ~self.turning_bonds

    @cached_property
    def turning_bonds(self) -> NDArray[np.bool_]:
        """Whether an electron's spin turns on a bond between two planes."""
        turns: NDArray[np.bool_] = _turns(self.sample.bond_rotations, self.planes - 1)
        return turns

    @cached_property
    def turning_planes(self) -> NDArray[np.bool_]:
        """Whether its spin turns within a plane."""
        turns: NDArray[np.bool_] = _turns(self.sample.in_plane_rotations, self.planes)
        return turns

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
        turned: Complex = chi.conj().T @ self.sample.bond_rotations[b] @ chi
        return turned

    def collinear(self, m: Floats) -> NDArray[np.bool_]:
        """Return whether the spin along m is conserved in each plane."""
        fields = self.sample.levels[..., 1:]
        along = fields @ m
        across = fields - along[..., None] * m
        size = np.einsum("nik,nik->ni", across, across)
        found: NDArray[np.bool_] = (size <= COLLINEAR**2 * (along * along + size)).all(axis=1) & ~self.turning_planes
        return found


def _turns(rotations: Any, count: int) -> NDArray[np.bool_]:
    """Return whether each plane or bond has a rotation that is not the identity."""
    if rotations is None:
        return np.zeros(count, dtype=bool)
    turns: NDArray[np.bool_] = (rotations != np.eye(2)).reshape(count, -1).any(axis=1)
    return turns


def find_cut(junction: Junction, sample: Realization) -> int | None:
    """Return the bond at which a sample falls into two collinear halves, or None if there is none.

    Every field up to the cut is collinear with the left magnet, every field behind it with the right one. Among the
    candidates the one is taken whose halves need the fewest matrices (planes before the first magnetic one need one for
    both spins); of several those touching a nonmagnetic plane, and of these the middle one.
    """
    return _cut(_Problem(junction, 0.0, CrossSection((1, len(sample.levels[0]))), sample), junction.magnetizations)


def _cut(problem: _Problem, axes: Floats) -> int | None:
    if problem.turning_bonds.any() or problem.turning_planes.any():
        return None
    left = np.logical_and.accumulate(problem.collinear(axes[0]))
    right = np.logical_and.accumulate(problem.collinear(axes[1])[::-1])[::-1]
    candidates = np.flatnonzero(left[:-1] & right[1:])
    if not len(candidates):
        return None
    split = [lead.splitting > 0 for lead in problem.junction.leads]
    spins_left = 1 + np.logical_or.accumulate([split[0], *problem.magnetic])[1:]
    spins_right = 1 + np.logical_or.accumulate([split[1], *problem.magnetic[::-1]])[1:][::-1]
    matrices = np.array([spins_left[: b + 1].sum() + spins_right[b + 1 :].sum() for b in candidates])
    candidates = candidates[matrices == matrices.min()]
    inside = [b for b in candidates if not (problem.magnetic[b] and problem.magnetic[b + 1])]
    chosen = inside or list(candidates)
    return int(chosen[(len(chosen) - 1) // 2])


# ------------------------------------------------------------------------------------------------------------ one half
@dataclass
class _Half:
    """What a lead and the planes before the cut are to the rest, in one spin frame.

    Lists have one entry for both spins where nothing depends on spin, two for a collinear half, and ``full`` ones a
    single matrix in spin and site.
    """

    g: list[Matrix]  # surface Green's functions
    inc: list[Matrix]  # B: wave at the surface per unit incoming flux of each open mode, (rows, modes)
    out: list[Matrix]  # outgoing amplitudes per unit source at the surface, (modes, rows); empty if not asked for
    s0: list[Matrix]  # scattering matrix of the half alone; the same
    difference: Matrix | None  # g_+ - g_-
    modes: tuple[int, int]  # open modes of each spin
    full: bool = False
    chain: list[_Plane] = field(default_factory=list)  # one for every plane, where asked for


@dataclass
class _Plane:
    """What it takes to come back from the cut: the half that ends with plane n."""

    n: int
    g: list[Matrix]  # matrices, or numbers of the transverse modes U
    inc: list[Matrix]
    modes: tuple[int, int]
    U: Matrix | None = None
    full: bool = False

    def apply(self, wave: Matrix) -> Matrix:
        """Return g ψ of waves with spin before site."""
        if self.full:
            return _gemm(self.g[0], wave)
        parts = []
        for s, part in enumerate(np.split(wave, 2)):
            part, g = np.asfortranarray(part), _pick(self.g, s)
            parts.append(_gemm(g, part) if self.U is None else _gemm(self.U, g[:, None] * _gemm(_dagger(self.U), part)))
        return np.asfortranarray(np.concatenate(parts))

    def incoming(self, s: int) -> Matrix:
        """Return i B of the modes of spin s, with spin before site."""
        if self.full:
            start = self.modes[0] if s else 0
            return 1j * self.inc[0][:, start : start + self.modes[s]]
        inc = _pick(self.inc, s)
        zero = np.zeros_like(inc)
        return 1j * np.concatenate([zero, inc] if s else [inc, zero])


class _Modes:
    """The same as long as every plane is uniform: numbers for every transverse mode."""

    def __init__(self, problem: _Problem, side: int, m: Floats) -> None:
        self.problem, self.side, self.m = problem, side, m
        lead = problem.junction.leads[side]
        self.t = lead.hopping
        c, _ = problem.modes
        along = float(np.sign(np.dot(lead.m, m))) if lead.splitting else 0.0
        spins = SIGNS if lead.splitting else SIGNS[:1]
        level = np.array([lead.onsite - 2 * lead.t_parallel * c - s * along * lead.splitting / 2 for s in spins])
        x = (problem.energy - level) / (2 * self.t)
        self.open = abs(x) < 1
        root = np.sqrt(abs(1 - x * x))
        self.sigma = self.t * np.where(self.open, x - 1j * root, 1 / (x + np.copysign(root, x)))
        self.velocity = np.where(self.open, 2 * self.t * root, 0.0)
        # the Green's function of the lead's own last plane
        self.g = self.sigma / self.t**2
        self.difference: Any = None
        if len(spins) == 2:
            # t² g has (x - i root) of both spins, apart by half a splitting; no small number is a difference
            self.difference = self.g[0] - self.g[1]
        self.wave: Any = None
        self.alone: Any = None
        self.chain: list[_Plane] = []

    def step(self, n: int, t: float) -> None:
        """Cross a uniform plane n behind a bond t."""
        problem = self.problem
        level = problem.sample.levels[n, 0]
        c, _ = problem.modes
        along = float(level[1:] @ self.m)
        if along and len(self.g) == 1:
            self.double()
        spins = SIGNS[:, None] if len(self.g) == 2 else 1.0
        below = t * t * self.g
        e = problem.energy - level[0] + 2 * problem.sample.in_plane[n, 0, 0] * c - spins * along
        g = 1 / (e - below)
        if len(g) == 2:
            self.difference = g[0] * g[1] * (t * t * self.difference + 2 * along)
        if self.wave is None:
            self.wave = g * np.sqrt(self.velocity)
            self.alone = -1 + 1j * self.velocity * g
        else:
            before = self.wave
            self.wave = -t * g * before
            self.alone = self.alone - 1j * t * before * self.wave
        self.g = g

    def keep(self, n: int) -> None:
        """Note the plane just crossed."""
        self.chain.append(_Plane(n, list(self.g), self.incoming(), self.counts, U=self.problem.modes[1]))

    def incoming(self) -> list[Matrix]:
        """Return B of each spin."""
        U = self.problem.modes[1]
        return [np.asfortranarray(U[:, o] * w[o]) for o, w in zip(self.open, self.wave, strict=True)]

    @property
    def counts(self) -> tuple[int, int]:
        """Number of open modes of each spin."""
        counts = self.open.sum(axis=1)
        return int(counts[0]), int(counts[-1])

    def double(self) -> None:
        """Tell the spins apart from here on."""
        for name in ("g", "open", "velocity"):
            setattr(self, name, np.concatenate([getattr(self, name)] * 2))
        if self.wave is not None:
            self.wave, self.alone = np.concatenate([self.wave] * 2), np.concatenate([self.alone] * 2)
        self.difference = np.zeros(len(self.g[0]))

    def half(self, outgoing: bool) -> _Half:
        """Return the half in site space."""
        _, U = self.problem.modes
        U_dagger = _dagger(U)
        real = self.problem.real

        def matrix(x: Complex) -> Matrix:
            found = _gemm(U * x, U_dagger)
            return np.asfortranarray(found.real) if real and not x.imag.any() else found

        out: list[Matrix] = []
        alone: list[Matrix] = []
        if outgoing:
            out = [np.asfortranarray(w[o, None] * U_dagger[o]) for o, w in zip(self.open, self.wave, strict=True)]
            alone = [np.asfortranarray(np.diag(s[o])) for o, s in zip(self.open, self.alone, strict=True)]
        difference = None if len(self.g) == 1 else matrix(self.difference + 0j)
        found = _Half([matrix(g) for g in self.g], self.incoming(), out, alone, difference, self.counts)
        found.chain = self.chain
        return found


def _half(
    problem: _Problem, side: int, m: Floats, order: Sequence[int], *, outgoing: bool, keep: bool = False
) -> _Half:
    """Solve the planes in ``order`` from the lead on ``side``, with spin along ``m``; ``keep`` them for `states`."""
    chi = spinors(m)
    collinear = problem.collinear(m)
    state = _Modes(problem, side, m)
    half: _Half | None = None
    for position, n in enumerate(order):
        bond = None if position == 0 else (n - 1 if side == 0 else n)
        simple = half is None and problem.uniform[n] and collinear[n] and (bond is None or problem.uniform_bonds[bond])
        if simple:
            state.step(n, state.t if bond is None else float(problem.sample.bonds[bond, 0]))
            if keep:
                state.keep(n)
            continue
        if bond is None:
            raise ArgumentError("Argument `sample` must begin and end with planes like the leads, but does not.")
        half = half or state.half(outgoing)
        turn = problem.bond(bond, chi)
        if half.full or turn is not None or not collinear[n]:
            if turn is not None and side == 1:  # towards smaller n
                turn = np.swapaxes(turn, -1, -2).conj()
            _full_step(problem, half, n, problem.sample.bonds[bond], turn, chi)
        else:
            _step(problem, half, n, problem.sample.bonds[bond], m)
        if keep:
            half.chain.append(_Plane(n, half.g, half.inc, half.modes, full=half.full))
    return half or state.half(outgoing)


def _step(problem: _Problem, half: _Half, n: int, t: Floats, m: Floats) -> None:
    """Cross a collinear plane behind bonds t."""
    along = problem.sample.levels[n, :, 1:] @ m if problem.magnetic[n] else None
    if along is not None and len(half.g) == 1:
        half.g, half.inc = half.g * 2, half.inc * 2
        half.out, half.s0 = half.out * 2, half.s0 * 2
        half.difference = np.zeros(half.g[0].shape, order="F")
    plane = problem.plane(n)
    gs = []
    weight = np.multiply.outer(t, t).T  # in the order of g
    for s, before in enumerate(half.g):
        inverse = np.multiply(before, weight)
        np.subtract(plane, inverse, out=inverse)
        if along is not None:
            np.einsum("ii->i", inverse)[...] -= SIGNS[s] * along
        gs.append(_symmetric_inverse(inverse) if problem.real else _inverse(inverse))
    if half.difference is not None:
        difference = gs[0] - gs[1]
        if _squared(difference) < SMALL_DIFFERENCE**2 * _squared(gs[0]):
            change = _between(t, half.difference)
            if along is not None:
                np.einsum("ii->i", change)[...] += 2 * along
            difference = _gemm(_gemm(gs[0], change), gs[1])
        half.difference = difference
    half.g = gs
    _propagate(half, [t[:, None] * inc for inc in half.inc], t, None)


def _propagate(half: _Half, arriving: list[Matrix], t: Floats, turn: Complex | None) -> None:
    """Carry the waves to a plane whose Green's functions are known; ``arriving`` is t U B of the plane before."""
    gs = half.g if len(half.g) == len(half.inc) else half.g * 2
    half.inc = [-_gemm(g, wave) for g, wave in zip(gs, arriving, strict=True)]
    if half.out:
        leaving = [-_dagger(_hopped(_dagger(out), t, turn)) for out in half.out]
        half.s0 = [s0 + 1j * _gemm(out, inc) for s0, out, inc in zip(half.s0, leaving, half.inc, strict=True)]
        half.out = [_gemm(out, g) for out, g in zip(leaving, gs, strict=True)]


def _hopped(wave: Matrix, t: Floats, turn: Complex | None = None) -> Matrix:
    """Return t U ψ of waves in columns, with spin before site where there is spin."""
    if turn is not None:
        up, down = wave[: len(t)], wave[len(t) :]
        wave = np.concatenate([turn[:, s, 0, None] * up + turn[:, s, 1, None] * down for s in (0, 1)])
    rows = t if len(wave) == len(t) else np.concatenate([t, t])
    hopped: Matrix = np.asfortranarray(rows[:, None] * wave)
    return hopped


def _block_diagonal(pair: Sequence[Matrix]) -> Matrix:
    first, second = pair[0], pair[-1]
    out = np.zeros(
        (first.shape[0] + second.shape[0], first.shape[1] + second.shape[1]),
        dtype=np.result_type(first, second, complex),
        order="F",
    )
    out[: first.shape[0], : first.shape[1]] = first
    out[first.shape[0] :, first.shape[1] :] = second
    return out


def _make_full(half: _Half) -> None:
    """Join both spins in one matrix."""
    half.g, half.inc = [_block_diagonal(half.g)], [_block_diagonal(half.inc)]
    half.out, half.s0 = ([_block_diagonal(pair)] if pair else [] for pair in (half.out, half.s0))
    half.difference, half.full = None, True


def _full_step(problem: _Problem, half: _Half, n: int, t: Floats, turn: Complex | None, chi: Complex) -> None:
    """Cross a plane, or bonds, that mix spins."""
    if not half.full:
        _make_full(half)
    back = _hopped(_dagger(_hopped(half.g[0], t, turn)), t, turn)
    half.g = [_inverse(problem.spin_plane(n, chi) - _dagger(back))]
    _propagate(half, [_hopped(half.inc[0], t, turn)], t, turn)


# ---------------------------------------------------------------------------------------------------- joined at the cut
@dataclass
class _Side:
    """A half as it is seen across the cut, everything per √t: u = √t g √t."""

    u: list[Matrix]
    difference: Matrix | None
    inc: list[Matrix]
    out: list[Matrix]
    s0: list[Matrix]
    modes: tuple[int, int]
    turn: Complex | None = None  # <s, m | s', label> where the labels of the lead are not along m

    @classmethod
    def of(cls, half: _Half, t: Floats) -> _Side:
        root = np.sqrt(t)
        inc = [np.asfortranarray(root[:, None] * wave) for wave in half.inc]
        if not half.out:
            out = [-_dagger(wave) for wave in inc]
            s0 = [np.eye(wave.shape[1]) for wave in inc]
        else:
            out, s0 = [np.asfortranarray(wave * root) for wave in half.out], half.s0
        return cls(
            [np.asfortranarray(_between(root, g)) for g in half.g],
            None if half.difference is None else np.asfortranarray(_between(root, half.difference)),
            inc,
            out,
            s0,
            half.modes,
        )


def _label_turn(lead: Layer, m: Floats, axis: Floats) -> Complex | None:
    """Return <s, m | s', label> of a half turned from ``axis`` to ``m``, or None where they do not mix.

    The label of a magnetic lead turns with its half, that of a nonmagnetic one stays.
    """
    label = np.sign(np.dot(lead.m, axis)) * m if lead.is_magnetic else lead.m
    turn = rotation_matrix(m, label)
    if abs(turn[0, 1]) < SAME_LABELS:
        return None
    return turn


def _pick(values: list[Matrix], s: int) -> Matrix:
    return values[s if len(values) == 2 else 0]


def _one_minus(a: Matrix, b: Matrix) -> Matrix:
    """Return 1 - a b."""
    product = _gemm(a, b)
    np.negative(product, out=product)
    np.einsum("ii->i", product)[...] += 1.0
    return product


class _Cut:
    """Two collinear halves; what does not depend on the angle is made once."""

    def __init__(self, sides: Sequence[_Side], symmetric: bool) -> None:
        self.sides = sides
        #: Whether every matrix equals its transpose, so that the way back is the transpose of the way there.
        self.symmetric = symmetric
        #: Whether both halves depend on spin, so that the angle matters.
        self.mixed = all(len(side.u) == 2 for side in sides)
        self._d: dict[tuple[int, int, int], Matrix] = {}
        self._lu: dict[tuple[int, int, int], _LU] = {}

    def d(self, near: int, s: int, q: int) -> Matrix:
        """Return 1 - u_s w_q, u of the near side and w of the far one."""
        key = (near, s % len(self.sides[near].u), q % len(self.sides[1 - near].u))
        if key not in self._d:
            u, w = self.sides[near].u[key[1]], self.sides[1 - near].u[key[2]]
            other = (1 - near, key[2], key[1])
            self._d[key] = self._d[other].T if self.symmetric and other in self._d else _one_minus(u, w)
        return self._d[key]

    def lu(self, near: int, s: int, q: int) -> _LU:
        """Return it factorized."""
        key = (near, s % len(self.sides[near].u), q % len(self.sides[1 - near].u))
        if key not in self._lu:
            other = (1 - near, key[2], key[1])
            if self.symmetric and other in self._lu:
                self._lu[key] = self._lu[other].T
            else:
                self._lu[key] = _LU.of(self.d(*key).copy(order="F"))
        return self._lu[key]

    def joined(self, near: int, R: Complex) -> _LU:
        """Return R - u R w factorized, rows the spins of the near side, columns those of the far one."""
        blocks = [[R[s, q] * self.d(near, s, q) for q in (0, 1)] for s in (0, 1)]
        M = len(blocks[0][0])
        full = np.empty((2 * M, 2 * M), dtype=np.result_type(*blocks[0], *blocks[1]), order="F")
        for s in (0, 1):
            for q in (0, 1):
                full[s * M : (s + 1) * M, q * M : (q + 1) * M] = blocks[s][q]
        return _LU.of(full)

    def probabilities(self, R: Complex) -> Floats:
        """Return T[lead_out, spin_out, lead_in, spin_in] for one rotation R = <s, m_L | s', m_R>."""
        P = np.zeros((2, 2, 2, 2))
        lu = None
        if self.sides[0].turn is None and self.sides[1].turn is None:  # phases do not matter
            R = np.array([[abs(R[0, 0]), -abs(R[0, 1])], [abs(R[0, 1]), abs(R[0, 0])]])
        for near in (0, 1):
            if not sum(self.sides[near].modes):
                continue
            V = R if near == 0 else R.conj().T
            if self.mixed:
                lu = lu.T if lu is not None and self.symmetric and np.isrealobj(R) else self.joined(near, V)
            self._incoming(P, near, V, lu)
        return P

    def many(self, sin2: Floats) -> Floats:
        """Return the probabilities for many |R_+-|², where labels do not turn, shape (angles, 2, 2, 2, 2).

        With C_s = (1 - w_s̄ u_s̄)^{-1} (w_+ - w_-) and N_s = d_ss^{-1} (u_+ - u_-) C_s the angle is left in one place:
        K_ss b_s = R_ss X_s, X_s = (1 + |R_+-|² N_s)^{-1} d_ss^{-1} b_s, and everything else is a product with X_s.
        """
        P = np.zeros((len(sin2), 2, 2, 2, 2))
        for near, s in product((0, 1), (0, 1)):
            here, there = self.sides[near], self.sides[1 - near]
            inc = here.inc[s]
            if not inc.shape[1] or here.difference is None or there.difference is None:
                continue
            back = self.lu(near, s, s)  # of 1 - u w
            C = self.lu(1 - near, 1 - s, 1 - s).solve(there.difference)
            N = back.solve(_gemm(here.difference, C))
            sign = 1 - 2 * s
            rows = [
                there.out[s],
                there.out[1 - s] - sign * _gemm(_gemm(there.out[1 - s], here.u[1 - s]), C),
                _gemm(here.out[s], there.u[s]),
                _gemm(here.out[s], C),
                _gemm(here.out[1 - s], C),
            ]
            ends = np.cumsum([len(row) for row in rows])[:-1]
            amplitudes = _resolvent(np.concatenate(rows), N, back.solve(inc), sin2)
            for target, x, amplitude in zip(P, sin2, amplitudes, strict=True):
                same, flipped, returned, changed, turned = np.split(amplitude, ends)
                target[1 - near, s, near, s] = (1 - x) * _squared(same)
                target[1 - near, 1 - s, near, s] = x * _squared(flipped)
                target[near, s, near, s] = _squared(here.s0[s] + 1j * (returned - sign * x * changed))
                target[near, 1 - s, near, s] = x * (1 - x) * _squared(turned)
        return P

    def crossing(self, near: int, s: int, R: Complex, lu: _LU | None) -> tuple[list[Matrix], Matrix, Matrix | None]:
        """Return what becomes of the waves of spin s: K b for both spins there, (R w K)_ss b and (R w K)_s̄s b."""
        here, there = self.sides[near], self.sides[1 - near]
        M = len(here.u[0])
        inc = _pick(here.inc, s)
        if lu is not None:
            both = np.zeros((2 * M, inc.shape[1]), dtype=inc.dtype, order="F")
            both[s * M : (s + 1) * M] = inc
            both = lu.solve(both)
            crossed = [np.asfortranarray(both[:M]), np.asfortranarray(both[M:])]
        else:  # one of both halves is the same for both spins
            crossed = [R[s, q].conj() * self.lu(near, s, q).solve(inc) for q in (0, 1)]
        same = sum(R[s, q] * _gemm(_pick(there.u, q), crossed[q]) for q in (0, 1))
        if there.difference is None or not inc.shape[1] or R[1 - s, s] == 0:
            return crossed, same, None
        y = self.lu(1 - near, 1 - s, 1 - s).solve(_gemm(there.difference, crossed[s]))
        return crossed, same, (R[1 - s, s] * (1 - 2 * s)) * y

    def _incoming(self, P: Floats, near: int, R: Complex, lu: _LU | None) -> None:
        """Write the probabilities of electrons coming from one lead."""
        here, there = self.sides[near], self.sides[1 - near]
        passed: list[list[Matrix]] = [[], []]  # [spin_out][spin_in], in the frames of the halves
        back: list[list[Matrix]] = [[], []]
        for s in (0, 1):
            crossed, same, flip = self.crossing(near, s, R, lu)
            for q in (0, 1):
                passed[q].append(_gemm(_pick(there.out, q), crossed[q]))
            back[s].append(_pick(here.s0, s) + 1j * _gemm(_pick(here.out, s), same))
            out = _pick(here.out, 1 - s)
            back[1 - s].append(np.zeros((len(out), same.shape[1])) if flip is None else 1j * _gemm(out, flip))
        _fill(P[1 - near, :, near], passed, there.turn, here.turn)
        _fill(P[near, :, near], back, here.turn, here.turn)


def _resolvent(rows: Matrix, N: Matrix, columns: Matrix, x: Floats) -> list[Matrix]:
    """Return rows (1 + x N)^{-1} columns for every x from 0 to 1."""
    rows, size = np.asfortranarray(rows), float(np.linalg.norm(N))
    if size < LARGEST_RATIO:  # 1 - x N + ..., until rounding
        terms = [_gemm(rows, columns)]
        while size ** len(terms) > SERIES_END:
            columns = -_gemm(N, columns)
            terms.append(_gemm(rows, columns))
        return [sum(x_**order * term for order, term in enumerate(terms)) for x_ in x]
    values, V = eig(N)
    if not np.linalg.cond(V) < LARGEST_CONDITION:
        shifted = (x_ * N + np.eye(len(N)) for x_ in x)
        return [_gemm(rows, _LU.of(one).solve(columns)) for one in shifted]
    rows_V, V_columns = _gemm(rows, V), _LU.of(V).solve(columns)
    first = _gemm(rows, columns)
    return [first - _gemm(rows_V * (x_ * values / (1 + x_ * values)), V_columns) for x_ in x]


def _fill(out: Floats, amplitudes: list[list[Matrix]], left: Complex | None, right: Complex | None) -> None:
    """Write the squared amplitudes [spin_out][spin_in], between the labels of the leads."""
    if right is not None:
        amplitudes = [[row[0] * right[0, s] + row[1] * right[1, s] for s in (0, 1)] for row in amplitudes]
    if left is not None:
        amplitudes = [
            [amplitudes[0][s] * left[0, q].conj() + amplitudes[1][s] * left[1, q].conj() for s in (0, 1)]
            for q in (0, 1)
        ]
    for q in (0, 1):
        for s in (0, 1):
            out[q, s] = _squared(amplitudes[q][s])


def probabilities(
    junction: Junction,
    energy: float,
    section: CrossSection,
    sample: Realization,
    m_left: ArrayLike | None = None,
    m_right: ArrayLike | None = None,
) -> Floats:
    """Return the spin-resolved probabilities of one sample, for one or many pairs of directions.

    Parameters
    ----------
    junction
        The leads, and the directions of the two magnets where none are given.
    energy
        Energy E in the junction's unit.
    section
        Sites and boundary conditions of a plane.
    sample
        The numbers of every plane. The first and last plane must be like their lead.
    m_left, m_right
        Directions of the magnets of the left and right half, shape (..., 3): every field up to the cut turns with the
        left one and every field behind it with the right one, and so do the labels of magnetic leads. The halves are
        solved once for all directions.

    Returns
    -------
    ndarray, shape (..., 2, 2, 2, 2)
        ``[lead_out, spin_out, lead_in, spin_in]``, summed over modes.

    Raises
    ------
    ArgumentError
        Directions are given for a sample that has no two collinear halves, or the sample does not fit the junction.
    """
    problem = _Problem(junction, finite("energy", energy), section, sample)
    axes = junction.magnetizations
    cut = _cut(problem, axes)
    if cut is None:
        if m_left is not None or m_right is not None:
            raise ArgumentError(
                "Arguments `m_left` and `m_right` must be None for a sample without two collinear halves, but are "
                "given. Build a junction for each direction."
            )
        return _General(problem).probabilities()
    pairs = np.stack(
        np.broadcast_arrays(
            check_unit_vector(axes[0] if m_left is None else m_left, "m_left"),
            check_unit_vector(axes[1] if m_right is None else m_right, "m_right"),
        ),
        axis=-2,
    )
    turns = [
        [_label_turn(lead, m, axes[i]) for m in pairs[..., i, :].reshape(-1, 3)]
        for i, lead in enumerate(junction.leads)
    ]
    halves = _halves(problem, cut, axes, outgoing=[any(turn is not None for turn in row) for row in turns])
    joint = _Cut([_Side.of(half, sample.bonds[cut]) for half in halves], problem.real)
    if len(turns[0]) >= MANY and joint.mixed and not any(turn is not None for row in turns for turn in row):
        found = joint.many(abs(rotation_matrix(pairs[..., 0, :], pairs[..., 1, :])[..., 0, 1].ravel()) ** 2)
        return found.reshape(*pairs.shape[:-2], 2, 2, 2, 2)
    out = np.empty((*pairs.shape[:-2], 2, 2, 2, 2))
    for target, pair, *joint_turns in zip(out.reshape(-1, 2, 2, 2, 2), pairs.reshape(-1, 2, 3), *turns, strict=True):
        for side, turn in zip(joint.sides, joint_turns, strict=True):
            side.turn = turn
        target[...] = joint.probabilities(rotation_matrix(*pair))
    return out


def _halves(
    problem: _Problem, cut: int, axes: Floats, *, outgoing: Sequence[bool] = (True, True), keep: bool = False
) -> list[_Half]:
    orders = range(cut + 1), range(problem.planes - 1, cut, -1)
    return [_half(problem, i, axes[i], orders[i], outgoing=outgoing[i], keep=keep) for i in (0, 1)]


class _General:
    """Two halves with spin along the labels of their leads; 2 M × 2 M matrices join them."""

    def __init__(self, problem: _Problem, keep: bool = False) -> None:
        junction, sample = problem.junction, problem.sample
        self.labels = np.array([lead.m for lead in junction.leads])
        self.cut = cut = (problem.planes - 1) // 2
        self.halves = _halves(problem, cut, self.labels, keep=keep)
        for half in self.halves:
            if not half.full:
                _make_full(half)
        self.root = root = np.sqrt(sample.bonds[cut])
        # everything in the frame of the left half: H_LR = -t V
        V = np.broadcast_to(rotation_matrix(*self.labels), (problem.sites, 2, 2))
        if problem.turning_bonds[cut]:
            chi = [spinors(m) for m in self.labels]
            V = chi[0].conj().T @ np.swapaxes(sample.bond_rotations[cut], -1, -2).conj() @ chi[1]
        self.turns = [None, V]
        self.u = [_dagger(_hopped(_dagger(_hopped(half.g[0], root, turn)), root, turn)) for half, turn in self._both]
        self.inc = [_hopped(half.inc[0], root, turn) for half, turn in self._both]
        self.out = [_dagger(_hopped(_dagger(half.out[0]), root, turn)) for half, turn in self._both]

    @property
    def _both(self) -> Any:
        return zip(self.halves, self.turns, strict=True)

    def crossing(self, near: int) -> Matrix:
        """Return (1 - u w)^{-1} b."""
        return _LU.of(_one_minus(self.u[near], self.u[1 - near])).solve(self.inc[near])

    def probabilities(self) -> Floats:
        """Return T[lead_out, spin_out, lead_in, spin_in]."""
        P = np.zeros((2, 2, 2, 2))
        parts = [np.cumsum([0, *half.modes]) for half in self.halves]
        for near in (0, 1):
            crossed = self.crossing(near)
            back = _gemm(self.out[near], _gemm(self.u[1 - near], crossed))
            amplitudes = {1 - near: _gemm(self.out[1 - near], crossed), near: self.halves[near].s0[0] + 1j * back}
            for (lead, amplitude), q, s in product(amplitudes.items(), (0, 1), (0, 1)):
                rows, columns = parts[lead], parts[near]
                P[lead, q, near, s] = _squared(amplitude[rows[q] : rows[q + 1], columns[s] : columns[s + 1]])
        return P


# ------------------------------------------------------------------------------------------------------------- states
def states(junction: Junction, energy: float, section: CrossSection, sample: Realization) -> Fields:
    """Return bond currents, torques and densities of all incoming states of one sample.

    Currents are taken where the electrons leave, on the far side of the barrier, and carried back with the torque of
    each plane, so that they keep their relative digits where little is transmitted.

    Parameters
    ----------
    junction, energy, section, sample
        As in `probabilities`.

    Raises
    ------
    ArgumentError
        The sample does not fit the junction.
    """
    problem = _Problem(junction, finite("energy", energy), section, sample)
    axes = junction.magnetizations
    cut = _cut(problem, axes)
    source = _collinear_waves(problem, cut, axes) if cut is not None else _general_waves(problem)
    return _Fields(problem).fill(*source)


#: Per lead and spin that come in: waves of every plane, with spin before site, along the axis of the plane's half.
Waves = Iterator[tuple[int, int, list[Complex]]]


def _collinear_waves(problem: _Problem, cut: int, axes: Floats) -> tuple[int, Floats, list[_Half], Waves]:
    turns = [_label_turn(lead, m, m) for lead, m in zip(problem.junction.leads, axes, strict=True)]
    t = problem.sample.bonds[cut]
    halves = _halves(problem, cut, axes, outgoing=(False, False), keep=True)
    joint = _Cut([_Side.of(half, t) for half in halves], problem.real)
    R = rotation_matrix(*axes)
    scale = 1 / np.sqrt(t)

    def waves() -> Waves:
        for near in (0, 1):
            V = R if near == 0 else R.conj().T
            here, there = joint.sides[near], joint.sides[1 - near]
            lu = joint.joined(near, V) if joint.mixed else None
            found = []
            for s in (0, 1):
                crossed, same, flip = joint.crossing(near, s, V, lu)
                own = _pick(here.inc, s) + _gemm(_pick(here.u, s), same)
                other = np.zeros_like(own) if flip is None else _gemm(_pick(here.u, 1 - s), flip)
                at_cut = 1j * np.concatenate([other, own] if s else [own, other])
                beyond = -1j * np.concatenate([_gemm(_pick(there.u, q), crossed[q]) for q in (0, 1)])
                found.append(_descended(problem, halves, near, s, _hopped(at_cut, scale), _hopped(beyond, scale), axes))
            turn = turns[near]
            for s in (0, 1):
                psi = found[s]
                if turn is not None:
                    psi = [a * turn[0, s] + b * turn[1, s] for a, b in zip(*found, strict=True)]
                yield near, s, psi

    return cut, axes, halves, waves()


def _general_waves(problem: _Problem) -> tuple[int, Floats, list[_Half], Waves]:
    joint = _General(problem, keep=True)
    scale = 1 / joint.root
    halves = joint.halves

    def waves() -> Waves:
        for near in (0, 1):
            crossed = joint.crossing(near)
            at_cut, beyond = 1j * crossed, -1j * _gemm(joint.u[1 - near], crossed)
            V = joint.turns[1]
            back = None if V is None else np.swapaxes(V, -1, -2).conj()
            at_cut, beyond = (
                _hopped(wave, scale, back if side else None) for side, wave in ((near, at_cut), (1 - near, beyond))
            )
            start = np.cumsum([0, *halves[near].modes])
            for s in (0, 1):
                columns = slice(start[s], start[s + 1])
                pair = np.asfortranarray(at_cut[:, columns]), np.asfortranarray(beyond[:, columns])
                yield near, s, _descended(problem, halves, near, s, *pair, joint.labels)

    return joint.cut, joint.labels, halves, waves()


def _descended(
    problem: _Problem, halves: list[_Half], near: int, s: int, at_cut: Complex, beyond: Complex, axes: Floats
) -> list[Complex]:
    """Return the waves of every plane from those on both sides of the cut: ψ_n = i B_n - g_n t U† ψ of the next."""
    psi: list[Any] = [None] * problem.planes
    for side, wave in ((near, at_cut), (1 - near, beyond)):
        chi = spinors(axes[side])
        chain = halves[side].chain
        psi[chain[-1].n] = wave
        for plane in chain[-2::-1]:
            bond = plane.n if side == 0 else plane.n - 1
            turn = problem.bond(bond, chi)
            if turn is not None and side == 0:
                turn = np.swapaxes(turn, -1, -2).conj()
            wave = -plane.apply(_hopped(wave, problem.sample.bonds[bond], turn))
            if side == near:
                wave = wave + plane.incoming(s)
            psi[plane.n] = wave
    return psi


class _Fields:
    """Evaluates waves plane by plane."""

    def __init__(self, problem: _Problem) -> None:
        self.problem = problem
        planes, sites = problem.planes, problem.sites
        self.currents = np.zeros((2, 2, planes - 1, 4))
        self.torques = np.zeros((2, 2, planes, 3))
        self.densities = np.zeros((2, 2, planes, sites, 4))

    def fill(self, cut: int, axes: Floats, halves: list[_Half], waves: Waves) -> Fields:
        """Evaluate all waves."""
        problem = self.problem
        planes = problem.planes
        modes = np.array([half.modes for half in halves])
        self.frames = [_frame(m) for m in axes]
        self.chi = [spinors(m) for m in axes]
        self.sides = [0 if n <= cut else 1 for n in range(planes)]
        # fields in the frame of each half; rounding of what is collinear is set to zero
        self.fields = np.stack([problem.sample.levels[n, :, 1:] @ self.frames[i].T for n, i in enumerate(self.sides)])
        size = np.linalg.norm(self.fields, axis=-1, keepdims=True)
        self.fields[abs(self.fields) <= COLLINEAR * size] = 0.0
        quiet = ~(problem.magnetic | problem.turning_planes)
        quiet[:-1] &= ~problem.turning_bonds
        continuity = torque = 0.0
        for lead, s, psi in waves:
            if not modes[lead, s]:
                continue
            currents, torques = self._one(lead, psi, self.densities[lead, s])
            self.currents[lead, s], self.torques[lead, s] = currents, torques
            miss = abs(self._raw(psi) - currents) / modes[lead, s]
            steps = np.abs(np.diff(self._raw(psi)[:, 1:], axis=0) + torques[1:-1]) / modes[lead, s]
            continuity = max(continuity, miss[:, 0].max(), steps[quiet[1:-1]].max(initial=0.0))
            torque = max(torque, steps[~quiet[1:-1]].max(initial=0.0))
        return Fields(
            currents=self.currents,
            torques=self.torques,
            densities=self.densities.sum(axis=3),
            site_densities=self.densities,
            modes=modes,
            continuity_defect=np.asarray(continuity),
            torque_defect=np.asarray(torque),
        )

    def _one(self, lead: int, psi: list[Complex], densities: Floats) -> tuple[Floats, Floats]:
        """Return currents and torques of one lead and spin, and write the densities."""
        problem = self.problem
        M, planes = problem.sites, problem.planes
        torques = np.empty((planes, 3))
        for n, wave in enumerate(psi):
            frame = self.frames[self.sides[n]]
            up, down = wave[:M], wave[M:]
            flip = 2 * (up.conj() * down).sum(axis=1)
            sizes = [(part.real**2 + part.imag**2).sum(axis=1) for part in (up, down)]
            spin = np.stack([flip.real, flip.imag, sizes[0] - sizes[1]], axis=-1)
            densities[n, :, 0] = sizes[0] + sizes[1]
            densities[n, :, 1:] = spin @ frame
            if problem.turning_planes[n]:
                h_psi = problem.energy * wave - _gemm(problem.spin_plane(n, self.chi[self.sides[n]]), wave)
                torques[n] = -2 * _flux(wave, h_psi, M)[1:] @ frame
            else:
                torques[n] = -2 * np.cross(self.fields[n], spin).sum(axis=0) @ frame
        for b in np.flatnonzero(problem.turning_bonds):
            before, after = self._lab(psi[b], b), self._lab(psi[b + 1], b + 1)
            turn, t = problem.sample.bond_rotations[b], problem.sample.bonds[b]
            arriving = -2 * _flux(after, _hopped(before, t, turn), M)[1:]
            leaving = 2 * _flux(before, _hopped(after, t, np.swapaxes(turn, -1, -2).conj()), M)[1:]
            torques[b] += leaving - arriving
        flux = self._outgoing(1 - lead, psi[-1] if lead == 0 else psi[0])
        currents = np.empty((planes - 1, 4))
        if lead == 0:
            for b in range(planes - 2, -1, -1):
                flux = flux + np.concatenate([[0.0], torques[b + 1]])
                currents[b] = flux
        else:
            flux = -flux
            for b in range(planes - 1):
                flux = flux - np.concatenate([[0.0], torques[b]])
                currents[b] = flux
        return currents, torques

    def _lab(self, wave: Complex, n: int) -> Complex:
        """Return a wave with spin along z."""
        chi = self.chi[self.sides[n]]
        up, down = np.split(wave, 2)
        return np.concatenate([chi[s, 0] * up + chi[s, 1] * down for s in (0, 1)])

    def _raw(self, psi: list[Complex]) -> Floats:
        """Return the currents taken on the bonds themselves."""
        problem = self.problem
        lab = [self._lab(wave, n) for n, wave in enumerate(psi)]
        turns = problem.sample.bond_rotations
        return np.stack(
            [
                -2
                * _flux(lab[b + 1], _hopped(lab[b], t, turns[b] if problem.turning_bonds[b] else None), problem.sites)
                for b, t in enumerate(problem.sample.bonds)
            ]
        )

    def _outgoing(self, lead: int, wave: Complex) -> Floats:
        """Return the flux that leaves into a lead from its last plane: every transverse mode by itself."""
        side = -1 if lead else 0
        axis_frame = self.frames[self.sides[side]]
        outside = _Modes(self.problem, lead, axis_frame[2])
        sigma_up, sigma_down = outside.sigma[0], outside.sigma[-1]
        up, down = (_gemm(_dagger(self.problem.modes[1]), np.asfortranarray(part)) for part in np.split(wave, 2))
        sizes = [
            (velocity * (part.real**2 + part.imag**2).sum(axis=1)).sum()
            for velocity, part in ((outside.velocity[0], up), (outside.velocity[-1], down))
        ]
        z = 2 * ((sigma_up.conj() - sigma_down) * (up.conj() * down).sum(axis=1)).sum()
        return np.concatenate([[sizes[0] + sizes[1]], np.array([z.imag, -z.real, sizes[0] - sizes[1]]) @ axis_frame])


def _frame(m: Floats) -> Floats:
    """Return (e_1, e_2, m) as rows, with χ_+†σχ_- = e_1 - i e_2."""
    chi = spinors(m)
    flip = np.einsum("a,iab,b->i", chi[:, 0].conj(), PAULI, chi[:, 1])
    return np.stack([flip.real, -flip.imag, m])


def _flux(a: Complex, b: Complex, sites: int) -> Floats:
    """Return Im a†b and Im a†σb, summed over sites and modes."""
    blocks = [[np.vdot(p, q) for q in (b[:sites], b[sites:])] for p in (a[:sites], a[sites:])]
    return np.array(
        [
            (blocks[0][0] + blocks[1][1]).imag,
            (blocks[0][1] + blocks[1][0]).imag,
            (-1j * blocks[0][1] + 1j * blocks[1][0]).imag,
            (blocks[0][0] - blocks[1][1]).imag,
        ]
    )
