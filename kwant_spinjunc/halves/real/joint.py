r"""Both halves of a real sample joined across the spacer, and the S-matrix from one real symmetric matrix.

Eliminating the planes of one half at its face leaves h, x and C at the face of the other; their spins differ by the
rotation R:

    𝓜 = Rᵀ diag(h_+, h_-) R + diag(N_+, N_-),   P = [Rᵀ diag(x_+, x_-), diag(v_+, v_-)],   K = C + Pᵀ 𝓜^{-1} P.

K is real, and z = i + s brings in the open modes: X = (1 + z K)^{-1} K, S = -1 + 2i X. With D = 1 + z K_bb and
E = 1 + z K_aa - z² K_ab D^{-1} K_ba,

    X_ab = E^{-1} K_ab D^{-1},   S_aa = -1 + (2i/z)(1 - E^{-1}),   S_bb the same with D^{-1} + z² D^{-1} K_ba X_ab.

h is what the spacer brings back from one half alone, not the spacer itself, so h_+ - h_- has all its digits however
thick the spacer is, and so have the probabilities of every spin flip.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas

from ...arrays import Complex, Floats
from ..supercell.dense import gemm, squared, symmetric_inverse
from ..supercell.joint import fill_squares, gauged
from ..supercell.sampled import Sampled
from ..supercell.surface import pick
from .face import PLAIN, Watch, beside, biggest, eliminate, face_of, slab_ends, transposed_gemm

#: Spins whose matrices differ by less than this leave too few digits of the difference.
WEAK = 1e-4

Turns = tuple[Complex | None, Complex | None]


class WeakError(Exception):
    """The two spins differ too little to take their difference."""


@dataclass
class _Blocks:
    """K of the eliminated half a and the other one b, each with its spins one after the other."""

    aa: Floats
    ab: Floats
    bb: Floats
    counts: tuple[list[int], list[int]]

    def parts(self, end: int) -> tuple[slice, slice]:
        """Return where the modes of the spins of a half stand."""
        first = self.counts[end][0]
        return slice(0, first), slice(first, None)


class Joint:
    """Two collinear halves of a real sample; what does not depend on the angle is made once.

    Raises `WeakError`: The spins of a half differ too little.
    """

    def __init__(self, problem: Sampled, cut: int, axes: Floats, watch: Watch) -> None:
        self.problem, self.watch = problem, watch
        self.z = 1j + watch.shift
        self.faces = [face_of(problem, side, axes[side], cut, watch) for side in (0, 1)]
        #: The half that is eliminated. The other one is split where any is: only it can tell the spins apart.
        self.a = 1 if len(self.faces[0].m) > len(self.faces[1].m) else 0
        self.b = 1 - self.a
        low, high = self.faces[0].n, self.faces[1].n
        levels = problem.energy - problem.sample.levels[low : high + 1, :, 0]
        first, across, last = slab_ends(problem, low, high, levels, bare=True)
        if self.a == 1:
            first, across, last = last, np.asfortranarray(across.T), first
        watch.note(energies=(first, across, last))
        self.h: list[Floats] = []
        self.x: list[Floats] = []
        self.C: list[Floats] = []
        near = self.faces[self.a]
        for m, v, C in zip(near.m, near.v, near.C, strict=True):
            modes = v.shape[1]
            found = eliminate(np.asfortranarray(m + first), beside(v, across), watch)
            self.h.append(np.asfortranarray(-found[modes:, modes:]))
            self.x.append(np.asfortranarray(-found[modes:, :modes]))
            self.C.append(np.asfortranarray(C + found[:modes, :modes]))
            watch.note(energies=(self.h[-1],), numbers=(self.C[-1],))
        far = self.faces[self.b]
        self.N = [np.asfortranarray(m + last) for m in far.m]
        self.difference = self._difference()

    def _difference(self) -> Floats | None:
        for pair in (self.h, self.N):
            if len(pair) == 2 and squared(pair[0] - pair[1]) < WEAK**2 * squared(pair[0]):
                raise WeakError
        return np.asfortranarray(self.h[0] - self.h[1]) if len(self.h) == 2 else None

    # ------------------------------------------------------------------------------------------------------------- K
    def K(self, rotation: Floats) -> _Blocks:
        """Return K for a real rotation <s, m_L | s', m_R>."""
        r = rotation if self.a == 0 else rotation.T
        found = self._fast(r) or self._careful(r)
        for s in (0, 1):
            found.aa[found.parts(0)[s], found.parts(0)[s]] += pick(self.C, s)
            found.bb[found.parts(1)[s], found.parts(1)[s]] += pick(self.faces[self.b].C, s)
        self.watch.note(numbers=(found.aa, found.bb))
        return found

    def _diagonal(self, r: Floats, s: int) -> Floats:
        """Return the block of 𝓜 of spin s."""
        block: Floats = np.add(pick(self.h, 1), pick(self.N, s))
        if self.difference is not None:
            block += r[0, s] ** 2 * self.difference
        return np.asfortranarray(block)

    def _columns(self) -> tuple[list[Floats], list[Floats], _Blocks]:
        xs, vs = ([pick(values, s) for s in (0, 1)] for values in (self.x, self.faces[self.b].v))
        counts = [x.shape[1] for x in xs], [v.shape[1] for v in vs]
        sizes = [sum(count) for count in counts]
        aa, ab, bb = (np.zeros((sizes[i], sizes[j]), order="F") for i, j in ((0, 0), (0, 1), (1, 1)))
        return xs, vs, _Blocks(aa, ab, bb, counts)

    def _careful(self, r: Floats) -> _Blocks:
        """Eliminate both spins at once."""
        xs, vs, K = self._columns()
        M, a = self.problem.sites, len(K.aa)
        joined = np.zeros((2 * M, 2 * M), order="F")
        columns = np.zeros((2 * M, a + len(K.bb)), order="F")
        rows = slice(0, M), slice(M, None)
        for s in (0, 1):
            joined[rows[s], rows[s]] = self._diagonal(r, s)
            for q in (0, 1):
                columns[rows[q], :a][:, K.parts(0)[s]] = r[s, q] * xs[s]
            columns[rows[s], a:][:, K.parts(1)[s]] = vs[s]
        if self.difference is not None:
            joined[rows[0], rows[1]] = joined[rows[1], rows[0]] = r[0, 0] * r[0, 1] * self.difference
        found = eliminate(joined, columns, self.watch)
        K.aa[...], K.ab[...], K.bb[...] = found[:a, :a], found[:a, a:], found[a:, a:]
        return K

    def _fast(self, r: Floats) -> _Blocks | None:
        """Eliminate one spin after the other, and multiply each block where it is needed; None near a resonance."""
        xs, vs, K = self._columns()
        G, cross = self._inverse(r)
        if not max(biggest(block) for block in G) * self.watch.scale < PLAIN:
            return None
        back = None if cross is None else np.asfortranarray(cross.T)
        blocks = [[G[0], cross], [back, G[1]]]
        right = [
            [None if block is None else gemm(block, v) for block, v in zip(row, vs, strict=True)] for row in blocks
        ]
        a, b = K.parts(0), K.parts(1)
        for s in (0, 1):
            for q in (0, 1):
                here = right[s][q]
                if here is not None:
                    K.bb[b[s], b[q]] = transposed_gemm(vs[s], here)
                terms = [r[s, p] * column for p in (0, 1) if (column := right[p][q]) is not None]
                K.ab[a[s], b[q]] = transposed_gemm(xs[s], np.asfortranarray(sum(terms[1:], terms[0])))
        c, s = r[0, 0], r[1, 0]
        turned = [c * c * G[0] + s * s * G[1], s * s * G[0] + c * c * G[1]]
        flipped = s * c * (G[0] - G[1])
        if cross is not None and back is not None:
            both = s * c * (cross + back)
            turned = [turned[0] - both, turned[1] + both]
            flipped += c * c * cross - s * s * back
        for q in (0, 1):
            K.aa[a[q], a[q]] = transposed_gemm(xs[q], gemm(np.asfortranarray(turned[q]), xs[q]))
        K.aa[a[0], a[1]] = transposed_gemm(xs[0], gemm(np.asfortranarray(flipped), xs[1]))
        K.aa[a[1], a[0]] = K.aa[a[0], a[1]].T
        return K

    def _inverse(self, r: Floats) -> tuple[list[Floats], Floats | None]:
        """Return the blocks of 𝓜^{-1}: those of each spin, and that between them where there is any."""
        first = symmetric_inverse(self._diagonal(r, 0))
        if not biggest(first) * self.watch.scale < PLAIN:
            return [first, first], None
        mixing = r[0, 0] * r[0, 1]
        if self.difference is None or mixing == 0:
            second = first if len(self.N) == 1 and self.difference is None else symmetric_inverse(self._diagonal(r, 1))
            return [first, second], None
        side = mixing * self.difference
        y = gemm(first, side)
        second = symmetric_inverse(np.asfortranarray(self._diagonal(r, 1) - transposed_gemm(side, y)))
        cross = -gemm(y, second)
        return [first - blas.dgemm(1.0, cross, y, trans_b=1), second], cross

    # ------------------------------------------------------------------------------------------------- probabilities
    def probabilities(self, R: Complex, turns: Turns = (None, None)) -> Floats:
        """Return T[lead_out, spin_out, lead_in, spin_in] for one rotation R = <s, m_L | s', m_R>.

        ``R``: rotation between the magnets.
        ``turns``: per lead <s, m | s', label> where the labels of the lead are not along m.
        """
        r, left, right = gauged(R)
        K = self.K(r)
        E, D, X = self._resolve(K)
        P = np.zeros((2, 2, 2, 2))
        if any(turn is not None for turn in turns):
            phases = left.conj()[:, None], right[:, None]
            U = [None if turn is None else phase * turn for phase, turn in zip(phases, turns, strict=True)]
            self._coherent(P, K, (E, D, X), U)
            return P
        scale = 2j / self.z
        for end, inverse in ((0, E), (1, D)):
            lead, parts = (self.a, self.b)[end], K.parts(end)
            for s in (0, 1):
                own = -scale * inverse[parts[s], parts[s]]
                np.einsum("ii->i", own)[...] += scale - 1
                P[lead, s, lead, s] = squared(own)
            P[lead, 0, lead, 1] = P[lead, 1, lead, 0] = abs(scale) ** 2 * squared(inverse[parts[0], parts[1]])
        for s in (0, 1):
            for q in (0, 1):
                T = 4 * squared(X[K.parts(0)[s], K.parts(1)[q]])
                P[self.b, q, self.a, s] = P[self.a, s, self.b, q] = T
        return P

    def _resolve(self, K: _Blocks) -> tuple[Complex, Complex, Complex]:
        """Return E^{-1}, D^{-1} + z² D^{-1} K_ba X_ab and X_ab."""
        z = self.z
        D = _one_plus(z * K.bb)
        if len(D):
            D = symmetric_inverse(D)
        W = _mixed(K.ab, D)
        E = _one_plus(z * K.aa - z * z * _mixed(np.asfortranarray(K.ab), np.asfortranarray(W.T)).T)
        if len(E):
            E = symmetric_inverse(E)
        X = gemm(E, W)
        if 0 not in W.shape:
            D = D + z * z * blas.zgemm(1.0, W, X, trans_a=1)
        return E, D, X

    def _coherent(
        self, P: Floats, K: _Blocks, found: tuple[Complex, Complex, Complex], U: list[Complex | None]
    ) -> None:
        """Write the probabilities between labels that are not along the magnets: amplitudes of both spins interfere."""
        E, D, X = found
        scale = 2j / self.z
        a, b = self.a, self.b
        phases = [[pick(face.phases, s) for s in (0, 1)] for face in self.faces]
        for end, lead, inverse in ((0, a, E), (1, b, D)):
            S = -scale * inverse
            np.einsum("ii->i", S)[...] += scale - 1
            parts = K.parts(end)
            fill_squares(P[lead, :, lead], _phased(S, parts, parts, phases[lead], phases[lead]), U[lead], U[lead])
        there = _phased(2j * X, K.parts(0), K.parts(1), phases[a], phases[b])
        fill_squares(P[a, :, b], there, U[a], U[b])
        back = [[np.asfortranarray(there[s][q].T) for s in (0, 1)] for q in (0, 1)]
        fill_squares(P[b, :, a], back, U[b], U[a])


def _phased(
    S: Complex, rows: tuple[slice, slice], columns: tuple[slice, slice], out: list[Complex], into: list[Complex]
) -> list[list[Complex]]:
    """Return the blocks [spin_out][spin_in] of S with the phases of the waves in the clean planes."""
    return [[np.asfortranarray(out[q][:, None] * S[rows[q], columns[s]] * into[s]) for s in (0, 1)] for q in (0, 1)]


def _one_plus(a: Complex) -> Complex:
    np.einsum("ii->i", a)[...] += 1.0
    return np.asfortranarray(a)


def _mixed(a: Floats, b: Complex) -> Complex:
    """Return a b of a real a: BLAS has no product of a real and a complex matrix."""
    found: Complex = np.empty((a.shape[0], b.shape[1]), dtype=complex, order="F")
    found.real, found.imag = gemm(a, np.asfortranarray(b.real)), gemm(a, np.asfortranarray(b.imag))
    return found
