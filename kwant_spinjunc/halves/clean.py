r"""Two halves and one rotation: exact scattering off clean junctions, for whole batches at once.

Cut a junction of two collinear magnets at a bond, hopping t, inside its spacer. Each half, in the spin frame of its
own magnet, is spin-diagonal: all that the other half sees of it are two numbers, the surface Green's functions
g_L+, g_L- (and g_R+, g_R-). The angle Φ between the magnets enters only through the rotation R_ss'(Φ) on the cut
bond. With u_s = t g_Ls, w_s' = t g_Rs', d_ss' = 1 - u_s w_s' the probabilities are **exactly**

    T_ss' = |R_ss'|² (2 Im u_s) (2 Im w_s') |d_s̄s̄'|² / |D|²,                                                    (a)
    D = d_++ d_-- + |R_+-|² (u_+ - u_-) (w_+ - w_-)
      = |R_++|² d_++ d_-- + |R_+-|² d_+- d_-+,                                                                  (b)
    R^L_+- = |R_++|² |R_+-|² (2 Im u_+) (2 Im u_-) |w_+ - w_-|² / |D|²,                                         (c)

a bar meaning the opposite spin. When little is transmitted d, D → 1 and (a) is equation (2) of Chui and Lin (2003):
the rotation times one factor of each half. The corrections are the d and D; the spin-flip reflection (c), which
equations (3) and (4) leave out, is of second order in the transmission.

**Accuracy.** No quantity is a difference of larger ones: Im g and g_+ - g_- are propagated by products, currents on the
injecting side are summed from the transmitted ones, so probabilities keep 12 relative digits also at T = 1e-30.

**Textures**, where no bond separates two collinear halves (`junction.cut` is None), take the recursion of the 2×2
Green's functions g = g_0 + **g**·σ in Pauli components, in the frame of the lead the electron comes from. It solves any
stack and checks the halves.

Conventions: batch axes lead, index 0 = majority, lead 0 = left, ħ = 1; scattering amplitudes refer to the first and
last plane of the scattering region (S = -1 + i √v G √v, Fisher and Lee, Phys. Rev. B 23, 6851 (1981)).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..checks import finite_array
from ..errors import ArgumentError
from ..model.junction import Junction
from . import texture
from .batch import Lead, Problem, Stack, as_stack, blocks, part_of, solve_lead, spins, take

__all__ = [
    "Solution",
    "Stack",
    "States",
    "covers",
    "log_det",
    "probabilities",
    "solve",
    "spacer_currents",
    "states",
    "surface_greens",
]

#: Points evaluated together: its working set stays in cache, and Python costs little per point.
CHUNK = 8192
#: The same for `states`, which hold every plane.
STATES_CHUNK = 2048
#: Planes after which the phase of a propagator is normalized.
NORMALIZE = 8
#: Stands in for an exact zero in a denominator (modified Lentz): a half whose surface Green's function has a pole
#: right at the energy. Its square neither over- nor underflows.
TINY = 1e-30

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]
Block = tuple[Any, ...] | None


def covers(junction: Any) -> bool:
    """Return whether the engine solves ``junction``: every clean `Junction` or `Stack`, textures included."""
    return isinstance(junction, (Junction, Stack))


# -------------------------------------------------------------------------------------------------- the two halves
@dataclass
class _Half:
    """One half in the spin frame of its magnet; arrays [spin, ...]."""

    lead: Lead
    g: Complex  # surface Green's function at the cut
    difference: Any  # g_+ - g_-, exactly 0.0 where no plane is magnetic
    phase: Any = None  # a number with the phase of the propagator F from the first plane to the cut
    chain: Any = None  # g of every plane, from the lead to the cut

    def take(self, block: Block) -> _Half:
        """Return the part of the batch in ``block``."""
        if block is None:
            return self
        lead = Lead(take(self.lead.sigma, block, 1), 0.0, take(self.lead.velocity, block, 1), self.lead.hopping)
        difference = self.difference if isinstance(self.difference, float) else take(self.difference, block)
        phase, chain = self.phase, self.chain
        return _Half(
            lead,
            take(self.g, block, 1),
            difference,
            None if phase is None else take(phase, block, 1),
            None if chain is None else [take(g, block, 1) for g in chain],
        )

    @cached_property
    def phase_size(self) -> Array:
        """|phase|², 1 where that is 0."""
        size: Array = self.phase.real**2 + self.phase.imag**2
        if not size.all():
            size[size == 0] = 1.0
        return size

    @cached_property
    def outgoing(self) -> Complex:
        """√v F: the wave at the cut per unit of incoming flux, from |√v F|² = -2 Im g."""
        wave: Complex = self.phase * np.sqrt(-2 * self.g.imag / self.phase_size)
        return wave

    @cached_property
    def reflection(self) -> Complex:
        """Reflection amplitude -F/F* of the isolated half, 0 for a closed channel."""
        alone: Complex = self.phase * self.phase * (-self.lead.open / self.phase_size)
        return alone


def _halves(problem: Problem, block: Block, *, phase: bool = False, chain: bool = False) -> tuple[_Half, _Half]:
    """Solve both halves for one block of the batch, mirror images once."""
    lead = solve_lead(problem, 0, block)
    left = _half(problem, 0, block, lead, phase, chain)
    if problem.stack.symmetric:
        return left, left
    if not problem.stack.equal_leads:
        lead = solve_lead(problem, 1, block)
    return left, _half(problem, 1, block, lead, phase, chain)


def _half(
    problem: Problem, side: int, block: Block, lead: Lead, phase: bool, chain: bool, guard: bool = False
) -> _Half:
    """Solve one half plane by plane: g_n,s = 1/(E - ε_n,s - t² g_n-1,s).

    The difference of the spins is propagated as g_n,+ - g_n,- = g_n,+ g_n,- (t² (g_n-1,+ - g_n-1,-) - Δ_n), the
    propagator as F_n = -t g_n F_n-1.
    """
    stack, t = problem.stack, lead.hopping
    scale = 1 / (t * t)
    g: Complex = lead.sigma * scale
    difference = lead.difference * scale
    skip = stack.lead_like[side]
    F: Any = -((-t * g) ** skip) if phase else None
    gs = [g] * skip
    levels: dict[Any, NDArray[Any]] = {}
    steps = stack.runs[side]
    if chain:
        steps = [[step] for run in steps for step in run]
    crossed = 0
    for run in steps:
        hops = [t if bond < 0 else problem.get("bonds", bond, block) for _, bond in run]
        es = [problem.plane_level(n, block, levels) for n, _ in run]
        if len(run) > 1:
            g, difference, factor = _cross(g, difference, es, hops, phase, guard)
        else:
            n = run[0][0]
            change = hops[0] * hops[0] * difference
            e = es[0][None]
            if stack.magnetic[n]:
                splitting = problem.get("splitting", n, block)
                e, change = spins(es[0], splitting, True), change - splitting
            inverse = e - hops[0] * hops[0] * g
            if guard:
                inverse[inverse == 0] = TINY
            g = 1 / inverse
            difference = 0.0 if isinstance(change, float) and change == 0 else g[0] * g[1] * change
            factor = -g
        gs.append(g)
        if phase:
            F = F * factor
            crossed += len(run)
            if crossed >= NORMALIZE:
                F, crossed = _unit(F), 0
    if not guard and not np.isfinite(g.sum()):
        return _half(problem, side, block, lead, phase, chain, guard=True)
    return _Half(lead, g, difference, F, gs if chain else None)


def _cross(
    g: Complex, difference: Any, es: list[NDArray[Any]], ts: list[Any], phase: bool, guard: bool
) -> tuple[Complex, Any, Any]:
    """Cross a run of nonmagnetic planes in one step, with coefficients real and equal for both spins.

    D_k = a_k - b_k g with D_k = e_k D_k-1 - t_k² D_k-2, D_0 = 1, D_-1 = g: then g_k = D_k-1/D_k,
    Im g_k = Im g Π t²/|D_k|² and (g_+ - g_-)_k = (g_+ - g_-) Π t²/(D_k+ D_k-). Also returns a number with the phase
    of the propagator across, which is Π(-t)/D_k.
    """
    weight = ts[0] * ts[0]
    a_before: Any = 1.0
    b_before: Any = 0.0
    a, b = es[0], weight
    for e, t in zip(es[1:], ts[1:], strict=True):
        square = t * t
        a_before, a = a, e * a - square * a_before
        b_before, b = b, e * b - square * b_before
        weight = weight * square
    D: Any
    out: Complex
    if np.iscomplexobj(es[0]):
        D = a - b * g
        out = (a_before - b_before * g) / D
    else:
        re, im = g.real.copy(), g.imag.copy()
        D_re, D_im = a - b * re, b * im  # Im D = -D_im
        size = D_re * D_re + D_im * D_im
        if guard:
            D_re[size == 0] = TINY
            size[size == 0] = TINY * TINY
        out = np.empty(size.shape, dtype=complex)
        np.divide((a_before - b_before * re) * D_re + (b_before * im) * D_im, size, out=out.real)
        np.divide(im * weight, size, out=out.imag)
        D = None
        if phase or not isinstance(difference, float):
            D = np.empty(size.shape, dtype=complex)
            D.real = D_re
            np.negative(D_im, out=D.imag)
    if not isinstance(difference, float):
        difference = difference * weight / (D[0] * D[1])
    factor = None if not phase else D.conj() if len(es) % 2 == 0 else -D.conj()
    return out, difference, factor


def _unit(z: Complex) -> Complex:
    """Return z/|z|, zero for zero."""
    size = np.sqrt(z.real**2 + z.imag**2)
    size[size == 0] = 1.0
    unit: Complex = z * (1 / size)
    return unit


# ------------------------------------------------------------------------------------------------- joined at the cut
@dataclass
class _Cut:
    """The two halves seen across the cut: u = t g_L, w = t g_R, both [spin, ...], d [spin left, spin right, ...].

    ``parallel`` = d_++ d_-- and ``mixed`` = (u_+ - u_-)(w_+ - w_-) make D = parallel + |R_+-|² mixed.
    """

    left: _Half
    right: _Half
    u: Complex
    w: Complex
    du: Any
    dw: Any
    d: Complex

    @classmethod
    def of(cls, left: _Half, right: _Half, t: Any) -> _Cut:
        u = t * left.g
        w = u if right is left else t * right.g
        d = _nonzero(1 - u[:, None] * w[None, :])
        return cls(left, right, u, w, t * left.difference, t * right.difference, d)

    def take(self, block: Block) -> _Cut:
        """Return the part of the batch in ``block``."""
        if block is None:
            return self
        du, dw = (x if isinstance(x, float) else take(x, block) for x in (self.du, self.dw))
        u, w = take(self.u, block, 1), take(self.w, block, 1)
        return _Cut(self.left.take(block), self.right.take(block), u, w, du, dw, take(self.d, block, 2))

    @property
    def parallel(self) -> Complex:
        """d_++ d_--."""
        both: Complex = self.d[0, 0] * self.d[1, 1]
        return both

    @property
    def mixed(self) -> Any:
        """(u_+ - u_-)(w_+ - w_-)."""
        return self.du * self.dw

    def side(self, lead: int) -> tuple[_Half, _Half, Complex, Complex, Any, Any, Complex]:
        """Return near half, far half, their u and w, differences and d as seen from one lead."""
        if lead == 0:
            return self.left, self.right, self.u, self.w, self.du, self.dw, self.d
        return self.right, self.left, self.w, self.u, self.dw, self.du, np.swapaxes(self.d, 0, 1)


# Rows of what does not depend on the angle: four transmissions, two spin flips, D and, per channel, what it takes to
# make its reflection.
T_ROWS, FLIP_ROWS, D_ROWS, R_ROWS = 0, 4, 6, 10


def _probability_rows(cut: _Cut) -> Array:
    """Return the numerators of (a) and (c) and the real and imaginary parts of all that is linear in |R_+-|²."""
    u, w, d = cut.u, cut.w, cut.d
    rows = np.empty((26, *d.shape[2:]))
    rates = -2 * u.imag, -2 * w.imag
    for s, s_far in product((0, 1), (0, 1)):
        opposite = d[1 - s, 1 - s_far]
        row = rows[T_ROWS + 2 * s + s_far]
        np.multiply(opposite.real, opposite.real, out=row)
        row += opposite.imag * opposite.imag
        row *= rates[0][s] * rates[1][s_far]
    for lead, change in enumerate((cut.dw, cut.du)):
        size = change * change if isinstance(change, float) else change.real**2 + change.imag**2
        np.multiply(rates[lead][0] * rates[lead][1], size, out=rows[FLIP_ROWS + lead])
    _split(rows, D_ROWS, cut.parallel, cut.mixed)
    # D with u_s replaced by its conjugate, so that R_ss = |D(u_s*)|²/|D|²; D is linear in every u_s and w_s
    turned = [1 - u[s].conj() * w[s] for s in (0, 1)]
    for lead in (0, 1):
        near, _, own, _, _, far_change, _ = cut.side(lead)
        for s in (0, 1):
            row_number = R_ROWS + 8 * lead + 4 * s
            P = (turned[s] if lead == 0 else turned[s].conj()) * d[1 - s, 1 - s]
            Q = far_change * (own[0].conj() - own[1] if s == 0 else own[0] - own[1].conj())
            _split(rows, row_number, P, Q)
            if not isinstance(near.lead.open, float):
                rows[row_number : row_number + 4] *= near.lead.open[s]
    return rows


def _split(rows: Array, at: int, parallel: Complex, mixed: Any) -> None:
    rows[at], rows[at + 1] = parallel.real, parallel.imag
    rows[at + 2], rows[at + 3] = np.real(mixed), np.imag(mixed)


def _fill_probabilities(out: Array, rows: Array, cos2: Array, sin2: Array) -> None:
    """Write equations (a) to (c) into ``out``, shape (2, 2, 2, 2, ...)."""
    inverse = 1 / _size(rows, D_ROWS, sin2)
    weights = cos2 * inverse, sin2 * inverse
    for s, s_far in product((0, 1), (0, 1)):
        np.multiply(rows[T_ROWS + 2 * s + s_far], weights[s != s_far], out=out[0, s, 1, s_far])
        out[1, s_far, 0, s] = out[0, s, 1, s_far]
    both = cos2 * weights[1]
    for lead in (0, 1):
        np.multiply(rows[FLIP_ROWS + lead], both, out=out[lead, 0, lead, 1])
        out[lead, 1, lead, 0] = out[lead, 0, lead, 1]
        for s in (0, 1):
            np.multiply(_size(rows, R_ROWS + 8 * lead + 4 * s, sin2), inverse, out=out[lead, s, lead, s])


def _size(rows: Array, at: int, sin2: Array) -> Array:
    """Return |parallel + sin² mixed|²."""
    re: Array
    re, im = sin2 * rows[at + 2], sin2 * rows[at + 3]
    re += rows[at]
    im += rows[at + 1]
    re *= re
    im *= im
    re += im
    return re


def _amplitude_rows(cut: _Cut) -> Complex:
    """Return the factors of S that do not depend on the angle, in the same order as `_probability_rows`."""
    d = cut.d
    rows = np.empty((20, *d.shape[2:]), dtype=complex)
    f = [half.phase * np.sqrt(-2 * g.imag / half.phase_size) for half, g in ((cut.left, cut.u), (cut.right, cut.w))]
    back = -1j * f[0]
    for s, s_far in product((0, 1), (0, 1)):
        np.multiply(back[s] * f[1][s_far], d[1 - s, 1 - s_far], out=rows[T_ROWS + 2 * s + s_far])
    for lead in (0, 1):
        near, _, own, far, _, far_change, _ = cut.side(lead)
        np.multiply(1j * f[lead][0] * f[lead][1], far_change, out=rows[FLIP_ROWS + lead])
        for s in (0, 1):
            # R_ss = alone (1 + 2i Im u_s Y), Y = -(∂D/∂u_s)/D
            alone = near.reflection[s]
            weight = alone * (2j * own[s].imag)
            row_number = 8 + 6 * lead + 3 * s
            rows[row_number] = alone
            np.multiply(weight, far[s] * d[1 - s, 1 - s], out=rows[row_number + 1])
            np.multiply(weight, far_change if s else -far_change, out=rows[row_number + 2])
    rows[6], rows[7] = cut.parallel, cut.mixed
    return rows


def _fill_amplitudes(out: Complex, rows: Complex, R: Complex) -> None:
    """Write S into ``out``, shape (2, 2, 2, 2, ...), in the spin frames of the two magnets.

    ``R`` [s, s', ...] is a rotation [[a, -b*], [b, a*]].
    """
    a, b = R[0, 0], R[1, 0]
    sin2 = b.real**2 + b.imag**2
    inverse = 1 / (rows[6] + sin2 * rows[7])
    for s, s_far in product((0, 1), (0, 1)):
        common = rows[T_ROWS + 2 * s + s_far] * inverse
        np.multiply(common, R[s, s_far], out=out[0, s, 1, s_far])
        np.multiply(common, R[s, s_far].conj(), out=out[1, s_far, 0, s])
    for lead in (0, 1):
        flip = rows[FLIP_ROWS + lead] * inverse
        turn = a * b.conj() if lead == 0 else -(a * b).conj()
        np.multiply(flip, turn, out=out[lead, 0, lead, 1])
        np.multiply(flip, turn.conj(), out=out[lead, 1, lead, 0])
        for s in (0, 1):
            alone, constant, slope = rows[8 + 6 * lead + 3 * s : 11 + 6 * lead + 3 * s]
            change = sin2 * slope
            change += constant
            change *= inverse
            np.add(alone, change, out=out[lead, s, lead, s])


# ----------------------------------------------------------------------------------------------------- what is asked
@dataclass(frozen=True, eq=False)
class Solution:
    """Scattering of a batch of junctions.

    Attributes
    ----------
    amplitudes
        S-matrix, shape (..., 2, 2, 2, 2) = [..., lead_out, spin_out, lead_in, spin_in], spin along each lead's own
        ``m`` (states `spin.spinors`), flux-normalized, zero for closed channels.
    modes
        1 for an open channel, 0 for a closed one, shape (..., 2, 2) = [..., lead, spin].
    """

    amplitudes: Complex
    modes: NDArray[np.int64]

    @cached_property
    def probabilities(self) -> Array:
        """|S|², the shape of ``amplitudes``."""
        S = np.moveaxis(self.amplitudes, range(-4, 0), range(4))  # as it lies in memory
        size: Array = S.real**2
        size += S.imag**2
        return np.moveaxis(size, range(4), range(-4, 0))


@dataclass(frozen=True, eq=False)
class States:
    """What the electrons incoming in each channel do inside the junction; each state has unit flux, ħ = 1.

    Attributes
    ----------
    currents
        Flux of charge and Pauli spin through each bond, shape (..., 2, 2, bonds, 4) = [..., lead_in, spin_in, bond,
        (charge, x, y, z)], positive along +y.
    torques
        Spin flux in minus out of each plane, Δ m × ⟨σ⟩, shape (..., 2, 2, planes, 3).
    densities
        ⟨1⟩ and ⟨σ⟩ of each plane, shape (..., 2, 2, planes, 4), in ħ per energy.
    modes
        1 for an open channel, 0 for a closed one (whose entries above are zero), shape (..., 2, 2).
    """

    currents: Array
    torques: Array
    densities: Array
    modes: NDArray[np.int64]


def solve(junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0) -> Solution:
    """Return the spin-resolved S-matrix of a junction, or of a whole batch of them.

    Parameters
    ----------
    junction
        A `Junction`, or the arrays of many.
    energy
        Energy E in the unit of the junction, shape (...).
    band_shift
        c = cos kx a + cos kz a, shape (...). It broadcasts with ``energy`` and with the batch of the stack.

    Raises
    ------
    ArgumentError
        A number is not finite or not real, or shapes do not broadcast.

    Examples
    --------
    >>> import numpy as np
    >>> from kwant_spinjunc.model.junction import Junction, barrier, ferromagnet
    >>> iron = ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> junction = Junction(iron, [barrier(onsite=3.0, hopping=1.0, thickness=4)], iron)
    >>> solve(junction, np.linspace(-0.4, 0.4, 5)).probabilities.sum((-4, -3)).round(12)[0].tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    problem = _problem(junction, energy, band_shift)
    amplitudes = np.empty((2, 2, 2, 2, *problem.batch), dtype=complex)
    modes = np.empty((2, 2, *problem.half_batch), dtype=np.int64)
    for _ in _amplitudes(problem, modes, amplitudes):
        pass
    return Solution(_batch_first(amplitudes, 4, problem), _batch_first(modes, 2, problem))


def probabilities(junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0) -> Array:
    """Return the probabilities alone, shape (..., 2, 2, 2, 2): faster, and in a third of the memory of `solve`.

    Parameters and errors are those of `solve`.
    """
    problem = _problem(junction, energy, band_shift)
    stack = problem.stack
    out = np.empty((2, 2, 2, 2, *problem.batch))
    if stack.cut is None or stack.labels_differ:
        for target, S in _amplitudes(problem):
            part = part_of(out, target)
            np.multiply(S.real, S.real, out=part)
            part += S.imag**2
    else:
        weight = stack.rotation[:, 0].real ** 2 + stack.rotation[:, 0].imag ** 2
        for block, cut in _cuts(problem):
            with np.errstate(all="ignore"):
                rows = _probability_rows(cut)
                for target, inner in _parts(problem, block):
                    cos2, sin2 = problem.directions(weight, 1, target)
                    _fill_probabilities(part_of(out, target), take(rows, inner, 1), cos2, sin2)
    return _batch_first(out, 4, problem)


def states(junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0) -> States:
    r"""Return bond currents, layer torques and densities of every incoming channel.

    Parameters and errors are those of `solve`.

    Notes
    -----
    Currents start from the transmitted flux at the far end and are carried back through the planes by the torques,
    Q_n-1→n = Q_n→n+1 + τ_n: on the side of injection they keep the relative accuracy of the far side, and they are
    equal on all bonds of a nonmagnetic spacer.

    Examples
    --------
    >>> import numpy as np
    >>> from kwant_spinjunc.model.junction import Junction, barrier, ferromagnet
    >>> from kwant_spinjunc.spin import unit_vector
    >>> iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> spacer = barrier(onsite=3.0, hopping=1.0, thickness=4)
    >>> junction = Junction(ferromagnet(**iron), [spacer], ferromagnet(**iron, m=unit_vector(np.pi / 2)))
    >>> currents = states(junction, energy=0.0).currents[0].sum(axis=0)  # electrons from the left
    >>> bool((currents == currents[0]).all()), bool(np.isclose(currents[0, 1], currents[0, 3]))
    (True, True)
    """
    problem = _problem(junction, energy, band_shift)
    planes, batch = problem.stack.planes, problem.batch
    currents = np.empty((2, 2, planes - 1, 4, *batch))
    torques = np.empty((2, 2, planes, 3, *batch))
    densities = np.empty((2, 2, planes, 4, *batch))
    modes = np.empty((2, 2, *problem.half_batch), dtype=np.int64)
    fill = _texture_states if problem.stack.cut is None else _collinear_states
    with np.errstate(all="ignore"):
        for target, lead, waves in fill(problem, modes):
            _fill_fields(
                part_of(currents[lead], target),
                part_of(torques[lead], target),
                part_of(densities[lead], target),
                waves,
            )
    return States(
        _batch_first(currents, 4, problem),
        _batch_first(torques, 4, problem),
        _batch_first(densities, 4, problem),
        _batch_first(modes, 2, problem),
    )


def spacer_currents(junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0) -> Array:
    r"""Return charge and Pauli-spin flux through the cut bond per incoming channel, without the waves of `states`.

    Parameters
    ----------
    junction
        A junction, or stack, with a ``cut``. Several angles share their halves.
    energy, band_shift
        As in `solve`.

    Returns
    -------
    ndarray, shape (..., 2, 2, 4)
        ``[..., lead_in, spin_in, (charge, x, y, z)]``, positive along +y: ``states(...).currents[..., cut, :]``.

    Raises
    ------
    ArgumentError
        The junction is a texture, a number is not finite or not real, or shapes do not broadcast.

    Notes
    -----
    Of an electron incoming with spin s on the left, Q = (T_+s - T_-s) m_R + Q⊥ with, from the transmitted wave,

        Q⊥ = ∓2 Re[i R_++ R_-+ (e_1 - i e_2) d*_s̄- d_s̄+ (w_- - w_+*)] 2 |Im u_s|/|D|²                          (d)

    for s = ±, (e_1, e_2, m_R) the frame of the right spinors: the field- and the damping-like torque. w_- - w_+* is
    evaluated as -Re(w_+ - w_-) + i Im(w_+ + w_-), without cancellation behind a thick barrier.

    Examples
    --------
    >>> import numpy as np
    >>> from kwant_spinjunc.model.junction import Junction, barrier, ferromagnet
    >>> from kwant_spinjunc.spin import unit_vector
    >>> iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> spacer = barrier(onsite=3.0, hopping=1.0, thickness=4)
    >>> junction = Junction(ferromagnet(**iron), [spacer], ferromagnet(**iron, m=unit_vector(np.pi / 2)))
    >>> currents = spacer_currents(junction, 0.0)
    >>> bool(np.allclose(currents, states(junction, 0.0).currents[..., junction.cut, :], rtol=1e-12))
    True
    """
    problem = _problem(junction, energy, band_shift)
    stack = problem.stack
    if stack.cut is None:
        raise ArgumentError(
            "Argument `junction` must be cut into two collinear halves, but is a texture. Use `states`."
        )
    if stack.labels_differ:  # the spin states of a nonmagnetic lead are then superpositions
        return states(junction, energy, band_shift).currents[..., stack.cut, :]
    out = np.empty((2, 2, 4, *problem.batch))
    R, frames = stack.rotation, stack.frames
    weight = R[:, 0].real ** 2 + R[:, 0].imag ** 2
    turns = np.stack([R[0, 0] * R[1, 0], -(R[0, 0] * R[1, 0].conj()).conj()])  # R_++ R_-+ of R and of its inverse
    # [lead_in, (x, y, z), ...]: the transverse directions of the far half with the angle
    axes = np.stack([2j * turns[i] * (frames[1 - i, 0] - 1j * frames[1 - i, 1]) for i in (0, 1)])
    m = frames[::-1, 2]
    for block, cut in _cuts(problem):
        with np.errstate(all="ignore"):
            rows = _current_rows(cut)
            for target, inner in _parts(problem, block):
                cos2, sin2 = problem.directions(weight, 1, target)
                part = take(rows, inner, 1)
                Z, m_far = (problem.directions(x, 2, target) for x in (axes, m))
                _fill_currents(part_of(out, target), part, cos2, sin2, Z, m_far)
    return _batch_first(out, 3, problem)


def _current_rows(cut: _Cut) -> Array:
    """Return the factors of the spin fluxes that do not depend on the angle: T, Q⊥ of each lead and spin, and D."""
    rows = np.empty((16, *cut.d.shape[2:]))
    _split(rows, 12, cut.parallel, cut.mixed)
    for lead in (0, 1):
        _, _, own, far, _, far_change, d = cut.side(lead)
        mixing = -np.real(far_change) + 1j * (far[0].imag + far[1].imag)
        for s in (0, 1):
            # spin s̄ of the near half, + and - of the far one
            rate = -2 * own[s].imag
            to_minus, to_plus = d[1 - s, 0], d[1 - s, 1]
            if lead == 0:
                for s_far, factor in enumerate((to_plus, to_minus)):
                    row = rows[2 * s + s_far]
                    np.multiply(factor.real**2 + factor.imag**2, rate * (-2 * far[s_far].imag), out=row)
            q = to_plus.conj() * to_minus * mixing * (rate if s else -rate)
            rows[4 + 4 * lead + 2 * s], rows[5 + 4 * lead + 2 * s] = q.real, q.imag
    return rows


def _fill_currents(out: Array, rows: Array, cos2: Array, sin2: Array, Z: Complex, m: Array) -> None:
    """Write charge flux and Q [lead_in, spin_in, (charge, x, y, z), ...]."""
    inverse = 1 / _size(rows, 12, sin2)
    weights = cos2 * inverse, sin2 * inverse
    for lead, s in product((0, 1), (0, 1)):
        T = rows[2 * s : 2 * s + 2] if lead == 0 else rows[s:4:2]
        sign = 1 - 2 * lead
        up, down = T[0] * weights[s], T[1] * weights[1 - s]
        np.add(up, down, out=out[lead, s, 0])
        if lead == 1:
            np.negative(out[lead, s, 0], out=out[lead, s, 0])
        along = up - down
        re, im = (row * inverse for row in rows[4 + 4 * lead + 2 * s : 6 + 4 * lead + 2 * s])
        for i in range(3):
            terms = [(sign * m[lead, i], along), (sign * Z[lead, i].real, re), (-sign * Z[lead, i].imag, im)]
            _combine(out[lead, s, 1 + i], terms)


def _combine(out: Array, terms: list[tuple[Any, Array]]) -> None:
    """Write Σ factor × array, skipping factors that are zero for the whole batch."""
    empty = True
    for factor, array in terms:
        if not factor.any():
            continue
        if empty:
            np.multiply(array, factor, out=out)
        else:
            out += array * factor
        empty = False
    if empty:
        out[...] = 0.0


def surface_greens(
    junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0
) -> tuple[Complex, Complex]:
    """Return the surface Green's functions (g_L, g_R) of the two halves at the cut, each (..., 2) = [..., spin].

    Parameters
    ----------
    junction
        A junction, or stack, with a ``cut``.
    energy
        Real energy (retarded functions), or complex with Im E >= 0, shape (...).
    band_shift
        c = cos kx a + cos kz a, shape (...).

    Returns
    -------
    tuple of two ndarrays
        In 1/energy, in the spin frame of each half. Not broadcast against the directions, on which they do not depend.

    Raises
    ------
    ArgumentError
        The junction is a texture, Im E < 0, a number is not finite or shapes do not broadcast.
    """
    problem = _problem(junction, energy, band_shift, complex_energy=True)
    if problem.stack.cut is None:
        raise ArgumentError(
            "Argument `junction` must be cut into two collinear halves, but is a texture. Use `log_det`."
        )
    out = np.empty((2, 2, *problem.half_batch), dtype=complex)
    for block in blocks(problem.half_batch, CHUNK):
        with np.errstate(all="ignore"):
            left, right = _halves(problem, block)
        part_of(out, block)[...] = np.stack([left.g, right.g])
    shape = problem.half_batch if problem.shape else ()
    left_g, right_g = (np.moveaxis(g, 0, -1).reshape(*shape, 2) for g in out)
    return left_g, right_g


def log_det(junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike = 0.0) -> Complex:
    r"""Return ln det(1 - g_L V g_R V†), all that depends on the angle in the grand potential, shape (...).

    The occupied states contribute Ω(Φ) = (1/π) Im ∫ dE f(E) ln det(1 - g_L V g_R V†) per unit cell, up to a constant,
    with V = -t R the hopping on the cut bond. For a texture the sum Σ_n ln det(1/g_n) over the planes is returned:
    the same up to a number that does not depend on the directions.

    Parameters
    ----------
    junction, band_shift
        As in `solve`. Angles go into the directions of a stack: the halves are solved once for all of them.
    energy
        Real, or complex with Im E >= 0, shape (...).

    Returns
    -------
    ndarray
        The branch that is continuous in the upper half plane and vanishes for Im E → ∞ (with a ``cut``).

    Raises
    ------
    ArgumentError
        Im E < 0, a number is not finite or shapes do not broadcast.

    Notes
    -----
    The angle enters as ln[1 + |R_+-|² (u_+ - u_-)(w_+ - w_-)/(d_++ d_--)], the interlayer exchange integrand, which is
    evaluated without cancellation behind thick spacers.

    Examples
    --------
    >>> import numpy as np
    >>> from kwant_spinjunc.model.junction import Junction, barrier, ferromagnet
    >>> from kwant_spinjunc.spin import unit_vector
    >>> iron = ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> stack = Stack.from_junction(Junction(iron, [barrier(onsite=3.0, hopping=1.0, thickness=4)], iron))
    >>> stack = stack.with_directions(unit_vector(0.0), unit_vector(np.array([0.0, np.pi])))
    >>> parallel, antiparallel = log_det(stack, 0.1j)
    >>> bool(abs(antiparallel - parallel) < 1e-3)
    True
    """
    problem = _problem(junction, energy, band_shift, complex_energy=True)
    out = np.empty(problem.batch, dtype=complex)
    with np.errstate(all="ignore"):
        if problem.stack.cut is None:
            for block in blocks(problem.half_batch, CHUNK):
                part_of(out, block)[...] = texture.log_det(problem, block)
        else:
            R = problem.stack.rotation
            weight = R[:, 0].real ** 2 + R[:, 0].imag ** 2
            for block, cut in _cuts(problem):
                for target, inner in _parts(problem, block):
                    cos2, sin2 = problem.directions(weight, 1, target)
                    part_of(out, target)[...] = _log_det_cut(cut.take(inner), cos2, sin2)
    return out.reshape(problem.shape)


def _log_det_cut(cut: _Cut, cos2: Array, sin2: Array) -> Complex:
    """Return ln D = ln d_++ + ln d_-- + ln(1 + sin² mixed/parallel), on the continuous branch.

    Every d is a product of two Herglotz factors, so its principal logarithm is continuous; the last term is put on the
    sheet of Σ ln(eigenvalues of 1/g_R - t² R† g_L R) + Σ ln g_R, which are dissipative.
    """
    constant = np.log(cut.d[0, 0]) + np.log(cut.d[1, 1])
    angular = _log1p(sin2 * cut.mixed / cut.parallel)
    inverse = 1 / cut.w
    mean = (inverse[0] + inverse[1] - cut.u[0] - cut.u[1]) / 2
    difference = inverse[0] - inverse[1] - (cos2 - sin2) * (cut.u[0] - cut.u[1])
    split = np.sqrt(difference**2 / 4 + cos2 * sin2 * (cut.u[0] - cut.u[1]) ** 2)
    exact = (
        texture.log_upper(mean + split)
        + texture.log_upper(mean - split)
        - texture.log_upper(inverse[0])
        - texture.log_upper(inverse[1])
    )
    total = constant + angular
    continuous: Complex = total + 2j * np.pi * np.round((exact - total).imag / (2 * np.pi))
    return continuous


def _log1p(z: Any) -> Complex:
    """Return ln(1 + z) for complex z without cancellation at small z."""
    z = np.asarray(z, dtype=complex)
    size = z.real * (2 + z.real) + z.imag * z.imag
    log: Complex = np.log1p(size) / 2 + 1j * np.arctan2(z.imag, 1 + z.real)
    return log


def _problem(
    junction: Junction | Stack, energy: ArrayLike, band_shift: ArrayLike, complex_energy: bool = False
) -> Problem:
    stack = as_stack(junction)
    values: NDArray[Any]
    if complex_energy and np.iscomplexobj(energy):
        values = np.asarray(energy, dtype=complex)
        if not np.isfinite(values).all() or (values.imag < 0).any():
            raise ArgumentError("Argument `energy` must be finite with Im E >= 0 (retarded), but is not.")
    else:
        values = finite_array("energy", energy)
    return Problem(stack, values, finite_array("band_shift", band_shift))


def _cuts(
    problem: Problem, *, phase: bool = False, chain: bool = False, limit: int = 0
) -> Iterator[tuple[Block, _Cut]]:
    """Solve the halves block by block; axes they do not depend on are left whole."""
    for block in blocks(problem.half_batch, limit or CHUNK):
        with np.errstate(all="ignore"):
            left, right = _halves(problem, block, phase=phase, chain=chain)
            cut = _Cut.of(left, right, problem.get("bonds", problem.stack.cut or 0, block))
        yield block, cut


def _parts(problem: Problem, block: Block, limit: int = 0) -> Iterator[tuple[Block, Block]]:
    """Split a block of halves, directions included, into chunks: where they are in the batch and in the block."""
    whole = [range(size) for size in problem.batch]
    if block is not None:
        whole = [
            indices if half == 1 else indices[pick]
            for indices, half, pick in zip(whole, problem.half_batch, block, strict=True)
        ]
    for inner in blocks(tuple(len(indices) for indices in whole), limit or CHUNK):
        if inner is None:
            yield None if block is None else tuple(slice(x.start, x.stop) for x in whole), None
        else:
            starts = (indices.start for indices in whole)
            yield tuple(slice(at + x.start, at + x.stop) for at, x in zip(starts, inner, strict=True)), inner


def _amplitudes(
    problem: Problem, modes: NDArray[np.int64] | None = None, out: Complex | None = None
) -> Iterator[tuple[Block, Complex]]:
    """Yield blocks of the batch with their S between the labels of the leads, in ``out`` if given; fill ``modes``."""
    stack = problem.stack
    if stack.cut is None:
        for block in blocks(problem.half_batch, CHUNK // 2):
            with np.errstate(all="ignore"):
                S, velocities = texture.amplitudes(problem, block)
            if out is not None:
                part_of(out, block)[...] = S
            if modes is not None:
                _fill_modes(modes, velocities, block)
            yield block, S
        return
    for block, cut in _cuts(problem, phase=True):
        if modes is not None:
            _fill_modes(modes, [cut.left.lead.velocity, cut.right.lead.velocity], block)
        with np.errstate(all="ignore"):
            rows = _amplitude_rows(cut)
            for target, inner in _parts(problem, block):
                R = problem.directions(stack.rotation, 2, target)
                part = take(rows, inner, 1)
                direct = out is not None and not stack.labels_differ
                shape = np.broadcast_shapes(part.shape[1:], R.shape[2:])
                S = (
                    part_of(out, target)
                    if out is not None and direct
                    else np.empty((2, 2, 2, 2, *shape), dtype=complex)
                )
                _fill_amplitudes(S, part, R)
                if stack.labels_differ:
                    S = _relabeled(S, problem, target)
                    if out is not None:
                        part_of(out, target)[...] = S
                yield target, S


def _fill_modes(modes: NDArray[np.int64], velocities: Any, block: Block) -> None:
    for lead in (0, 1):
        part_of(modes[lead], block if block is None or modes.ndim > 2 else None)[...] = velocities[lead] > 0


def _relabeled(S: Complex, problem: Problem, block: Block) -> Complex:
    """Turn the spin labels of nonmagnetic leads from the magnet's direction to the lead's own.

    Their two spin channels are degenerate, so a rotation of the labels keeps the flux normalization.
    """
    left, right = (problem.directions(U, 2, block) for U in problem.stack.label_rotations)
    shape = np.broadcast_shapes(S.shape[4:], left.shape[2:], right.shape[2:])
    half, out = np.empty((2, 2, 2, 2, *shape), dtype=complex), np.empty((2, 2, 2, 2, *shape), dtype=complex)
    for lead, U in enumerate((left, right)):
        for s in (0, 1):
            half[lead, s] = U[0, s].conj() * S[lead, 0] + U[1, s].conj() * S[lead, 1]
    for lead, U in enumerate((left, right)):
        for s in (0, 1):
            out[:, :, lead, s] = half[:, :, lead, 0] * U[0, s] + half[:, :, lead, 1] * U[1, s]
    return out


def _batch_first(array: NDArray[Any], count: int, problem: Problem) -> NDArray[Any]:
    """Return a view with the batch axes first, of the shape that was asked for."""
    array = np.broadcast_to(array, array.shape[:count] + problem.batch) if count == 2 else array
    array = array.reshape(array.shape[:count] + problem.shape)
    return np.moveaxis(array, range(count), range(-count, 0))


# ---------------------------------------------------------------------------------------- currents, torques, densities
Frame = list[list[Any]]  # [(e_1, e_2, m)][(x, y, z)], floats where the batch shares them


@dataclass
class _Waves:
    """States incoming from one lead: ψ [spin, spin_in, plane, ...] in frames that change between groups of planes."""

    psi: Complex
    groups: list[tuple[slice, Frame]]
    exchange: dict[int, tuple[Any, ...]]  # per magnetic plane: Δ times its direction in the frame
    far: Complex  # ψ of the plane next to the lead of exit, [spin, spin_in, ...], in that lead's frame
    far_frame: Frame
    far_lead: Lead
    lead: int


def _shared(array: Array) -> Any:
    """Return a float where the batch shares one number."""
    return array.item() if array.size == 1 else array


def _frame(frame: Array) -> Frame:
    return [[_shared(component) for component in vector] for vector in frame]


def _fill_fields(currents: Array, torques: Array, densities: Array, waves: _Waves) -> None:
    """Evaluate densities, torques and currents [spin_in, plane or bond, component, ...] of one lead's states."""
    psi = waves.psi
    size = psi.real**2
    size += psi.imag**2
    flip = psi[0].conj()
    flip *= psi[1]
    x, y, z = 2 * flip.real, 2 * flip.imag, size[0] - size[1]
    np.add(size[0], size[1], out=densities[:, :, 0])
    for planes, frame in waves.groups:
        _to_lab(densities[:, planes, 1:].swapaxes(0, 2), frame, [part[:, planes].swapaxes(0, 1) for part in (x, y, z)])
    frames = {n: frame for planes, frame in waves.groups for n in range(planes.start, planes.stop)}
    for n in range(torques.shape[1]):
        if n in waves.exchange:
            torque = _cross_product(waves.exchange[n], (x[:, n], y[:, n], z[:, n]))
            _to_lab(torques[:, n].swapaxes(0, 1), frames[n], torque)
        else:
            torques[:, n] = 0.0

    sign, flux, Q = _transmitted(waves, currents.shape[3:])
    currents[:, :, 0] = (sign * flux)[:, None]
    bonds = currents.shape[1]
    steps = range(bonds - 1, -1, -1) if waves.lead == 0 else range(bonds)
    for b in steps:
        n = b + 1 if waves.lead == 0 else b
        if n in waves.exchange:
            Q = Q + torques[:, n] if sign > 0 else Q - torques[:, n]
        currents[:, b, 1:] = Q


def _transmitted(waves: _Waves, batch: tuple[int, ...]) -> tuple[int, Array, Array]:
    """Return the direction of flow, the flux (positive) and the spin flux Q that leave through the far lead.

    There ψ' = -(σ/t) ψ in the next plane, so that Q⊥ = 2t Im ψ†σψ' contains σ_- - σ_+*.
    """
    sign = 1 if waves.lead == 0 else -1
    up, down = waves.far
    lead = waves.far_lead
    flux = [v * (part.real**2 + part.imag**2) for v, part in zip(lead.velocity, (up, down), strict=True)]
    transverse = up.conj() * down * ((lead.sigma[1] - lead.sigma[0].conj()) * (2 * sign))
    Q = np.empty((2, 3, *batch))
    _to_lab(Q.swapaxes(0, 1), waves.far_frame, (-transverse.imag, transverse.real, sign * (flux[0] - flux[1])))
    return sign, flux[0] + flux[1], Q


def _is_zero(x: Any) -> bool:
    return isinstance(x, float) and x == 0.0


def _cross_product(a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Return a × b of triples of floats or arrays, skipping what is zero for the whole batch."""

    def minor(i: int, j: int) -> Any:
        if _is_zero(a[i]) and _is_zero(a[j]):
            return 0.0
        if _is_zero(a[i]):
            return -a[j] * b[i]
        return a[i] * b[j] if _is_zero(a[j]) else a[i] * b[j] - a[j] * b[i]

    return minor(1, 2), minor(2, 0), minor(0, 1)


def _to_lab(out: Array, frame: Frame, local: Any) -> None:
    """Write vectors given in a frame into ``out`` [(x, y, z), ...], skipping what is zero for the whole batch."""
    for i in range(3):
        target, empty = out[i], True
        for vector, part in zip(frame, local, strict=True):
            e = vector[i]
            if _is_zero(e) or _is_zero(part):
                continue
            if empty:
                np.multiply(part, e, out=target)
            elif isinstance(e, float) and e == 1.0:
                target += part
            else:
                target += part * e
            empty = False
        if empty:
            target[...] = 0.0


def _collinear_states(problem: Problem, modes: NDArray[np.int64]) -> Iterator[tuple[Block, int, _Waves]]:
    """Yield the waves of two collinear halves, built from the cut outward by products."""
    stack = problem.stack
    for block, whole in _cuts(problem, phase=True, chain=True, limit=STATES_CHUNK):
        for target, inner in _parts(problem, block, STATES_CHUNK):
            cut = whole.take(inner)
            _fill_modes(modes, [whole.left.lead.velocity, whole.right.lead.velocity], block)
            R = problem.directions(stack.rotation, 2, target)
            frames = [_frame(frame) for frame in problem.directions(stack.frames, 3, target)]
            exchange = {
                n: (0.0, 0.0, problem.get("splitting", n, target)) for n in range(stack.planes) if stack.magnetic[n]
            }
            split = (stack.cut or 0) + 1
            groups = [(slice(0, split), frames[0]), (slice(split, stack.planes), frames[1])]
            batch = np.broadcast_shapes(cut.d.shape[2:], R.shape[2:])
            for lead in (0, 1):
                psi = np.empty((2, 2, stack.planes, *batch), dtype=complex)
                _fill_waves(psi, problem, cut, R if lead == 0 else np.swapaxes(R, 0, 1).conj(), lead, target)
                if stack.labels_differ:
                    U = problem.directions(stack.label_rotations[lead], 2, target)[:, :, None]
                    psi = np.stack([psi[:, 0] * U[0, s] + psi[:, 1] * U[1, s] for s in (0, 1)], axis=1)
                end = -1 if lead == 0 else 0
                far_lead = cut.side(lead)[1].lead
                yield target, lead, _Waves(psi, groups, exchange, psi[:, :, end], frames[1 - lead], far_lead, lead)


def _fill_waves(psi: Complex, problem: Problem, cut: _Cut, R: Complex, lead: int, block: Block) -> None:
    """Write ψ [spin, spin_in, plane, ...] of the states incoming from ``lead``, spins along each plane's half."""
    stack = problem.stack
    near, far, own, other, _, far_change, d = cut.side(lead)
    a, b = R[0, 0], R[1, 0]
    sin2 = b.real**2 + b.imag**2
    inverse = 1 / (cut.parallel + sin2 * cut.mixed)
    t = problem.get("bonds", stack.cut or 0, block)
    amplitude = 1j * near.outgoing
    near_planes, far_planes = list(stack.order(lead))[::-1], list(stack.order(1 - lead))[::-1]

    # the spin that did not come in leaves the near half
    turn = a * b.conj() * far_change * inverse
    back = a.conj() * b * far_change * inverse
    out = np.stack([amplitude[1] * own[0] * turn, amplitude[0] * own[1] * back])
    hops = stack.inner_bonds(lead)[::-1]
    for position, n in enumerate(near_planes):
        if position:
            hop = problem.get("bonds", hops[position - 1], block)
            out = -hop * near.chain[-1 - position] * out
        psi[0, 1, n], psi[1, 0, n] = out[0], out[1]

    # both leave the far half
    for s, s_far in product((0, 1), (0, 1)):
        wave = -amplitude[s] * other[s_far] * R[s, s_far].conj() * d[1 - s, 1 - s_far] * inverse
        psi[s_far, s, far_planes[0]] = wave
    hops_far = stack.inner_bonds(1 - lead)[::-1]
    for position, n in enumerate(far_planes[1:], 1):
        hop = problem.get("bonds", hops_far[position - 1], block)
        np.multiply(-hop * far.chain[-1 - position][:, None], psi[:, :, far_planes[position - 1]], out=psi[:, :, n])

    # the spin that came in, from a recursion that ends in the lead: Σ = t (-∂D/∂u)/D(u=0)
    Y = [other[0] * d[1, 1] - sin2 * far_change, other[1] * d[0, 0] + sin2 * far_change]
    rest = [d[1, 1] - sin2 * (own[1] * far_change), d[0, 0] + sin2 * (own[0] * far_change)]
    sigma = t * np.stack(Y) / _nonzero(np.stack(rest))
    levels: dict[Any, NDArray[Any]] = {}
    ratios = []
    for position, n in enumerate(near_planes):
        e = problem.plane_level(n, block, levels)
        splitting = problem.get("splitting", n, block) if stack.magnetic[n] else 0.0
        if position < len(near_planes) - 1:
            g = 1 / _nonzero(spins(e, splitting, stack.magnetic[n]) - sigma)
            hop = problem.get("bonds", hops[position], block)
            sigma = hop * hop * g
            ratios.append(-hop * g)
        else:
            g = 1 / _nonzero(spins(e, splitting, stack.magnetic[n]) - sigma - near.lead.sigma)
    wave = (1j * np.sqrt(near.lead.velocity)) * g
    for n, ratio in zip(near_planes[::-1], [None, *ratios[::-1]], strict=True):
        if ratio is not None:
            wave = ratio * wave
        psi[0, 0, n], psi[1, 1, n] = wave


def _nonzero(z: Complex) -> Complex:
    """Replace exact zeros by `TINY`."""
    if not z.all():
        z[z == 0] = TINY
    return z


def _texture_states(problem: Problem, modes: NDArray[np.int64]) -> Iterator[tuple[Block, int, _Waves]]:
    """Yield the waves of a texture."""
    stack = problem.stack
    for block in blocks(problem.half_batch, STATES_CHUNK):
        R = problem.directions(stack.rotation, 2, block)
        frames = [_frame(frame) for frame in problem.directions(stack.frames, 3, block)]
        for lead in (0, 1):
            waves, near, far = texture.waves(problem, lead, block, every=True)
            part_of(modes[lead], block)[...] = near.velocity > 0
            psi = np.stack(waves if lead == 0 else waves[::-1], axis=2)
            local = problem.directions(stack.local_m[lead], 2, block)
            exchange = {
                n: tuple(problem.get("splitting", n, block) * _shared(m) for m in local[n])
                for n in range(stack.planes)
                if stack.magnetic[n]
            }
            far_wave = texture.in_far_frame(waves[-1], R, lead)
            groups = [(slice(0, stack.planes), frames[lead])]
            yield block, lead, _Waves(psi, groups, exchange, far_wave, frames[1 - lead], far, lead)
