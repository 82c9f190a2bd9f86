r"""One half of a real sample as its spacer sees it: everything between a lead and the last magnetic plane.

For each spin the half is A + z V Vᵀ, z = i + s, with A real: V are the open modes of the lead, √γ each, and s is a real
shift of their self-energies that moves the resonances of A and drops out of every result. Eliminating planes from the
lead on leaves at the last plane

    m = S_bb - S_baG S_ab,  v = -S_ba G V,  C = Vᵀ G V,  G = (S_aa - Σ)^{-1},

S being the Schur complement of the disordered planes onto their first and last one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import blas

from ...arrays import Complex, Floats
from ..supercell.dense import gemm, symmetric_inverse
from ..supercell.sampled import Sampled
from .border import border_of
from .slabs import slab_of

#: Largest number of an elimination (energies in the largest hopping, inverses in its inverse) that is taken as it is.
#: Above, the error of the inverse, which grows with its square or cube, is removed to first order.
PLAIN = 30.0


@dataclass
class Watch:
    """The largest number met: near a resonance of the real sample it is large, and costs digits in proportion."""

    scale: float
    shift: float = 0.0
    worst: float = 0.0

    def note(
        self, energies: tuple[Floats, ...] = (), inverses: tuple[Floats, ...] = (), numbers: tuple[Floats, ...] = ()
    ) -> float:
        """Note energies, inverse energies and pure numbers, and return the largest of them."""
        found = 0.0
        for unit, arrays in ((1 / self.scale, energies), (self.scale, inverses), (1.0, numbers)):
            for array in arrays:
                if array.size:
                    found = max(found, unit * biggest(array))
        self.worst = max(self.worst, found)
        return found


def biggest(a: Floats) -> float:
    """Return max |a|; what is not a number may be passed over."""
    flat = a.ravel(order="K")
    return abs(float(flat[blas.idamax(flat)]))


def transposed_gemm(a: Floats, b: Floats) -> Floats:
    """Return aᵀ b."""
    if 0 in a.shape or 0 in b.shape:
        return np.zeros((a.shape[1], b.shape[1]), order="F")
    return np.asarray(blas.dgemm(1.0, a, b, trans_a=1))


def beside(a: Floats, b: Floats) -> Floats:
    """Return [a, b]."""
    both = np.empty((len(a), a.shape[1] + b.shape[1]), order="F")
    both[:, : a.shape[1]], both[:, a.shape[1] :] = a, b
    return both


def eliminate(a: Floats, b: Floats, watch: Watch) -> Floats:
    """Return bᵀ a^{-1} b of a symmetric a.

    Near a resonance the error δ of Y = a^{-1} b is large; bᵀY + Yᵀ(b - aY) has the error δᵀ a δ only.
    """
    inverse = symmetric_inverse(a.copy(order="F"))
    y = gemm(inverse, b)
    found = transposed_gemm(b, y)
    if not watch.note(energies=(b,), inverses=(inverse,)) < PLAIN:
        found = found + transposed_gemm(y, b - gemm(a, y))
        found = np.asfortranarray((found + found.T) / 2)
    return found


@dataclass
class Face:
    """m, v and C of a half at plane ``n``, one entry per spin or one for both."""

    n: int
    phases: list[Complex]
    m: list[Floats] = field(default_factory=list)
    v: list[Floats] = field(default_factory=list)
    C: list[Floats] = field(default_factory=list)


def reach(problem: Sampled, side: int, cut: int) -> tuple[list[int], int]:
    """Return the planes of a half from its lead on, and how many of them there are up to its last magnetic one.

    All of them where none is magnetic.
    """
    order = list(range(cut + 1)) if side == 0 else list(range(problem.planes - 1, cut, -1))
    magnetic = np.flatnonzero(problem.magnetic[order])
    return order, (int(magnetic[-1]) + 1 if len(magnetic) else len(order))


def slab_ends(problem: Sampled, low: int, high: int, levels: Floats, *, bare: bool = False) -> tuple[Floats, ...]:
    """Return the Schur complement of two planes or more onto their ends, as in `Slab.complement`.

    ``bare``: without what is in the end planes themselves.
    """
    sample, M = problem.sample, problem.sites
    in_plane, bonds = sample.in_plane[low : high + 1], sample.bonds[low:high]
    if high - low > 1:
        if bare:
            in_plane, levels = in_plane.copy(), levels.copy()
            in_plane[[0, -1]], levels[[0, -1]] = 0.0, 0.0
        return slab_of(problem.section, high - low + 1).complement(levels, in_plane, bonds)
    if bare:
        first, last = np.zeros((M, M), order="F"), np.zeros((M, M), order="F")
    else:
        first, last = (_plane(problem, n, level) for n, level in zip((low, high), levels, strict=True))
    return first, np.asfortranarray(np.diag(bonds[0])), last


def _plane(problem: Sampled, n: int, levels: Floats) -> Floats:
    """Return E - H of a plane with E - ε given."""
    plane: Floats = problem.plane(n)
    np.einsum("ii->i", plane)[...] += levels - (problem.energy - problem.sample.levels[n, :, 0])
    return plane


def face_of(problem: Sampled, side: int, m: Floats, cut: int, watch: Watch) -> Face:
    """Solve a half up to its last magnetic plane."""
    order, stop = reach(problem, side, cut)
    clean = _clean(problem, side, order[:stop])
    border = border_of(problem, side, m, clean)
    if len(clean) == stop:
        matrices, columns = border.terms(watch.shift, own=True)
        zeros = [np.zeros((v.shape[1],) * 2, order="F") for v in columns]
        return Face(clean[-1], border.phases(own=True), list(matrices), list(columns), zeros)
    rest = order[len(clean) : stop]
    t = problem.sample.bonds[rest[0] - 1 if side == 0 else rest[0]]
    matrices, columns = border.terms(watch.shift, own=False)
    low, high = min(rest), max(rest)
    split = len(matrices) == 2 or bool(problem.magnetic[low : high + 1].any())
    fields = problem.sample.levels[low : high + 1, :, 1:] @ m
    levels = problem.energy - problem.sample.levels[low : high + 1, :, 0]
    face = Face(rest[-1], border.phases(own=False))
    for i, sign in enumerate((1.0, -1.0) if split else (0.0,)):
        j = i if len(matrices) == 2 else 0
        sigma = matrices[j] * np.multiply.outer(t, t).T
        source = np.asfortranarray(-t[:, None] * columns[j])
        _append(face, problem, side, (low, high, levels - sign * fields), sigma, source, watch)
    return face


def _clean(problem: Sampled, side: int, order: list[int]) -> list[int]:
    """Return the planes next to the lead that are uniform, and so are the bonds before them."""
    count = 0
    for n in order:
        if not problem.uniform[n] or (count and not problem.uniform_bonds[n - 1 if side == 0 else n]):
            break
        count += 1
    return order[:count]


def _append(
    face: Face,
    problem: Sampled,
    side: int,
    planes: tuple[int, int, Floats],
    sigma: Floats,
    source: Floats,
    watch: Watch,
) -> None:
    """Add one spin of the disordered planes behind a border."""
    low, high, levels = planes
    modes = source.shape[1]
    if low == high:
        face.m.append(np.asfortranarray(_plane(problem, low, levels[0]) - sigma))
        face.v.append(source)
        face.C.append(np.zeros((modes, modes), order="F"))
        return
    first, across, last = slab_ends(problem, low, high, levels)
    if side == 1:
        first, across, last = last, np.asfortranarray(across.T), first
    watch.note(energies=(first, across, last))
    found = eliminate(np.asfortranarray(first - sigma), beside(source, across), watch)
    face.m.append(np.asfortranarray(last - found[modes:, modes:]))
    face.v.append(np.asfortranarray(-found[modes:, :modes]))
    face.C.append(np.asfortranarray(found[:modes, :modes]))
    watch.note(energies=(face.m[-1],), numbers=(face.C[-1],))
