"""Two halves joined at their cut by the rotation between the magnets: equations (a) to (d) of `halves`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ..arrays import Complex, Floats
from . import texture
from .batch import Batch, Block, blocks, take
from .half import Half, nonzero, solve_halves

#: Points evaluated together: its working set stays in cache, and Python costs little per point.
CHUNK = 8192


@dataclass
class Cut:
    """The two halves seen across the cut: u = t g_L, w = t g_R, both [spin, ...], d [spin left, spin right, ...].

    ``parallel`` = d_++ d_-- and ``mixed`` = (u_+ - u_-)(w_+ - w_-) make D = parallel + |R_+-|² mixed.
    """

    left: Half
    right: Half
    u: Complex
    w: Complex
    du: Any
    dw: Any
    d: Complex

    @classmethod
    def of(cls, left: Half, right: Half, t: Any) -> Cut:
        """Join two halves by the hopping t."""
        u = t * left.g
        w = u if right is left else t * right.g
        d = nonzero(1 - u[:, None] * w[None, :])
        return cls(left, right, u, w, t * left.difference, t * right.difference, d)

    def take(self, block: Block) -> Cut:
        """Return the part of the batch in ``block``."""
        if block is None:
            return self
        u, w = take(self.u, block, 1), take(self.w, block, 1)
        du, dw, d = take(self.du, block), take(self.dw, block), take(self.d, block, 2)
        return Cut(self.left.take(block), self.right.take(block), u, w, du, dw, d)

    @property
    def parallel(self) -> Complex:
        """d_++ d_--."""
        return np.asarray(self.d[0, 0] * self.d[1, 1])

    @property
    def mixed(self) -> Any:
        """(u_+ - u_-)(w_+ - w_-)."""
        return self.du * self.dw

    def side(self, lead: int) -> tuple[Half, Half, Complex, Complex, Any, Any, Complex]:
        """Return near half, far half, their u and w, differences and d as seen from one lead."""
        if lead == 0:
            return self.left, self.right, self.u, self.w, self.du, self.dw, self.d
        return self.right, self.left, self.w, self.u, self.dw, self.du, np.swapaxes(self.d, 0, 1)


# Rows of what does not depend on the angle: four transmissions, two spin flips, D and, per channel, what it takes to
# make its reflection.
T_ROWS, FLIP_ROWS, D_ROWS, R_ROWS = 0, 4, 6, 10


def probability_rows(cut: Cut) -> Floats:
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


def _split(rows: Floats, at: int, parallel: Complex, mixed: Any) -> None:
    rows[at], rows[at + 1] = parallel.real, parallel.imag
    rows[at + 2], rows[at + 3] = np.real(mixed), np.imag(mixed)


def fill_probabilities(out: Floats, rows: Floats, cos2: Floats, sin2: Floats) -> None:
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


def _size(rows: Floats, at: int, sin2: Floats) -> Floats:
    """Return |parallel + sin² mixed|²."""
    re: Floats
    re, im = sin2 * rows[at + 2], sin2 * rows[at + 3]
    re += rows[at]
    im += rows[at + 1]
    re *= re
    im *= im
    re += im
    return re


def amplitude_rows(cut: Cut) -> Complex:
    """Return the factors of S that do not depend on the angle, in the same order as `probability_rows`."""
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


def fill_amplitudes(out: Complex, rows: Complex, R: Complex) -> None:
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


def current_rows(cut: Cut) -> Floats:
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


def fill_currents(out: Floats, rows: Floats, cos2: Floats, sin2: Floats, Z: Complex, m: Floats) -> None:
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
        _fill_vector(out[lead, s], sign, along, re, im, Z[lead], m[lead])


def summed_rows(cut: Cut) -> Floats:
    """Return what `fill_summed` needs of `current_rows`: T of both spins with and without a flip, Q⊥, D."""
    rows = current_rows(cut)
    equal, flipped = rows[0] + rows[3], rows[1] + rows[2]
    of_leads = [rows[4 + 4 * lead + part] + rows[6 + 4 * lead + part] for lead in (0, 1) for part in (0, 1)]
    return np.stack([equal, flipped, rows[0] - rows[3], rows[2] - rows[1], *of_leads, *rows[12:]])


def fill_summed(out: Floats, rows: Floats, cos2: Floats, sin2: Floats, Z: Complex, m: Floats) -> None:
    """Write charge flux and Q summed over both spins, [lead_in, (charge, x, y, z), ...]."""
    inverse = 1 / _size(rows, 8, sin2)
    straight, turned = cos2 * inverse, sin2 * inverse
    np.add(rows[0] * straight, rows[1] * turned, out=out[0, 0])
    np.negative(out[0, 0], out=out[1, 0])
    kept, swapped = rows[2] * straight, rows[3] * turned
    for lead, sign in ((0, 1), (1, -1)):
        along = kept + sign * swapped
        re, im = (row * inverse for row in rows[4 + 2 * lead : 6 + 2 * lead])
        _fill_vector(out[lead], sign, along, re, im, Z[lead], m[lead])


def _fill_vector(out: Floats, sign: int, along: Floats, re: Floats, im: Floats, Z: Any, m: Any) -> None:
    """Write Q into out[1:], its part along the far magnet and the two across."""
    for i in range(3):
        combine(out[1 + i], [(sign * m[i], along), (sign * Z[i].real, re), (-sign * Z[i].imag, im)])


def combine(out: Floats, terms: Iterable[tuple[Any, Any]]) -> None:
    """Write Σ factor × array, skipping what is zero for the whole batch."""
    empty = True
    for factor, array in terms:
        if is_zero(factor) or (isinstance(array, float) and is_zero(array)):
            continue
        if empty:
            np.multiply(array, factor, out=out)
        else:
            out += array if isinstance(factor, float) and factor == 1.0 else array * factor
        empty = False
    if empty:
        out[...] = 0.0


def is_zero(x: Any) -> bool:
    """Whether a number is zero, or all of an array."""
    return x == 0.0 if isinstance(x, float) else not x.any()


def log_det_of_cut(cut: Cut, cos2: Floats, sin2: Floats) -> Complex:
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
    return np.asarray(total + 2j * np.pi * np.round((exact - total).imag / (2 * np.pi)))


def _log1p(z: Complex) -> Complex:
    """Return ln(1 + z) for complex z without cancellation at small z."""
    size = z.real * (2 + z.real) + z.imag * z.imag
    log: Complex = np.log1p(size) / 2 + 1j * np.arctan2(z.imag, 1 + z.real)
    return log


def cuts(batch: Batch, *, phase: bool = False, chain: bool = False, limit: int = 0) -> Iterator[tuple[Block, Cut]]:
    """Solve the halves block by block; axes they do not depend on are left whole."""
    for block in blocks(batch.half_axes, limit or CHUNK):
        with np.errstate(all="ignore"):
            left, right = solve_halves(batch, block, phase=phase, chain=chain)
            cut = Cut.of(left, right, batch.get("bonds", batch.stack.cut or 0, block))
        yield block, cut


def parts(batch: Batch, block: Block, limit: int = 0) -> Iterator[tuple[Block, Block]]:
    """Split a block of halves, directions included, into chunks: where they are in the batch and in the block."""
    whole = [range(size) for size in batch.axes]
    if block is not None:
        whole = [
            indices if half == 1 else indices[pick]
            for indices, half, pick in zip(whole, batch.half_axes, block, strict=True)
        ]
    for inner in blocks(tuple(len(indices) for indices in whole), limit or CHUNK):
        if inner is None:
            yield None if block is None else tuple(slice(x.start, x.stop) for x in whole), None
        else:
            starts = (indices.start for indices in whole)
            yield tuple(slice(at + x.start, at + x.stop) for at, x in zip(starts, inner, strict=True)), inner
