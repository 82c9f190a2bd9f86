r"""Wave functions of a solved crystal, and the torques and fluxes that are bilinear in them.

With d⟨σ⟩/dt = 2 Im⟨σψ|Hψ⟩, the torque of the electrons on the exchange of a set of sites is -2 Im⟨σψ|H_s ψ⟩ with H_s
the spin-dependent part of H within the set, half of a bond's at each of its ends, and the flux of σ through hoppings
from sites j to sites i is 2 Im⟨σψ_i|H_ij ψ_j⟩.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..arrays import Complex, Floats, Integers
from ..halves.matrices import dagger, spin_times
from ..spin import pauli_parts
from .crystal import Crystal
from .fourier import Series
from .observe import by_input, pauli, rotations
from .solve import Solved


def waves_of(solved: Solved, side: int) -> Iterator[Complex]:
    """Yield ψ of each plane of a side, outward, (points, angles, orbitals, channels), in the frame of the side."""
    seen = solved.seen[side]
    psi = seen.open[1][:, None]
    if solved.joint is not None:
        psi = solved.joint.front if side == 0 else solved.joint.back
    yield psi
    for X_T, X_R in seen.half.steps:
        inward, sources = seen.together(X_T, "orbitals"), seen.together(X_R, "into")
        width = sources.shape[-1]
        first = 0 if side == 0 else psi.shape[-1] - width
        psi = -(inward[:, None] @ psi)
        psi[..., first : first + width] += sources[:, None]
        yield psi


def site_torques(solved: Solved, sites: Integers) -> tuple[Floats, Floats]:
    """Return the torque on every site of a set, by lead and spin (points, angles, leads, 2, sites, 3), and by lead."""
    shape = (*solved.S.shape[:2], len(solved.crystal.leads))
    found = np.zeros((*shape, 2, len(sites), 3)), np.zeros((*shape, len(sites), 3))
    R = rotations(solved.turn)
    for number, at, owner, psi, field in exchange_fields(solved, sites):
        for row, site in enumerate(at):
            own = np.flatnonzero(owner == row)
            parts = by_input(-pauli(psi[:, :, own], field[:, :, own], 2)[..., 1:], solved)
            for target, part in zip(found, parts, strict=True):
                target[..., site, :] = part if number == 0 else _turned(part, R)
    return found


def exchange_fields(solved: Solved, sites: Integers) -> Iterator[tuple[int, Integers, Integers, Complex, Complex]]:
    """Yield for each plane with sites of a set what the spin-dependent part of H within the set makes of the waves.

    Side; place in ``sites`` of each of the plane's sites; which of these each orbital belongs to; ψ and H_s ψ there,
    (points, angles, orbitals, channels), in the frame of the side.
    """
    for number, side in enumerate(solved.crystal.sides):
        inside = [np.flatnonzero(np.isin(plane, sites)) for plane in side.sites]
        if not any(len(rows) for rows in inside):
            continue
        last = max(n for n, rows in enumerate(inside) if len(rows))
        orbitals = [_orbitals(owner, rows) for owner, rows in zip(side.owners, inside, strict=True)]
        psi: list[Complex] = []
        for n, wave in enumerate(waves_of(solved, number)):
            if n > last:
                break
            psi.append(wave[:, :, orbitals[n][0]])
        for n in range(last + 1):
            rows, owner = orbitals[n]
            if not len(rows):
                continue
            field = np.zeros_like(psi[n])
            for other, series in _neighbors(side.mixed_onsite, side.mixed_hopping, n, last):
                block = _spin_dependent(series.at(solved.k))[:, rows[:, None], orbitals[other][0]]
                if block.size and abs(block).max() > 0:
                    field += block[:, None] @ psi[other]
            yield number, np.searchsorted(sites, side.sites[n][inside[n]]), owner, psi[n], field


def _turned(vectors: Floats, R: Floats) -> Floats:
    """Return vectors (points, angles, ..., 3) rotated by R (angles, 3, 3)."""
    return np.asarray(np.einsum("axy,pa...y->pa...x", R, vectors))


def _neighbors(onsite: Any, hopping: Any, n: int, last: int) -> Iterator[tuple[int, Series]]:
    """Yield the planes that plane n is coupled to, and the blocks."""
    yield n, onsite[n]
    if n < last:
        yield n + 1, hopping[n]
    if n > 0:
        yield n - 1, hopping[n - 1].dagger()


def _spin_dependent(block: Complex) -> Complex:
    """Return blocks (..., 2n, 2m) without their part H_0 ⊗ 1."""
    n, m = block.shape[-2] // 2, block.shape[-1] // 2
    free = pauli_parts(block)[0]
    rest = block.copy()
    rest[..., :n, :m] -= free
    rest[..., n:, m:] -= free
    return rest


def _orbitals(owner: Integers, rows: Integers) -> tuple[Integers, Integers]:
    """Return the orbitals (spin, orbital) of some sites of a plane, and which of the sites each belongs to."""
    one = np.flatnonzero(np.isin(owner, rows))
    return np.concatenate([one, one + len(owner)]), np.tile(np.searchsorted(rows, owner[one]), 2)


def hopping_flux(solved: Solved, hoppings: Integers) -> tuple[Floats, Floats]:
    """Return the flux of (1, σ) through hoppings (to, from), (points, angles, leads, 2, 4) and summed over spins."""
    crystal, turn = solved.crystal, solved.turn
    count = sum(len(plane) for side in crystal.sides for plane in side.sites)
    side_of, plane_of = np.empty((2, count), dtype=np.int64)
    for number, side in enumerate(crystal.sides):
        for n, plane in enumerate(side.sites):
            side_of[plane], plane_of[plane] = number, n
    wanted = set(map(tuple, hoppings.tolist()))
    psi = [list(waves_of(solved, number)) for number in range(len(crystal.sides))]
    if turn is not None:
        psi[1] = [spin_times(turn.matrices(), wave) for wave in psi[1]]
    total: Any = 0.0
    pairs = {((side_of[i], plane_of[i]), (side_of[j], plane_of[j])) for i, j in wanted}
    for to, from_ in sorted(pairs):
        rows, columns = crystal.sides[to[0]].sites[to[1]], crystal.sides[from_[0]].sites[from_[1]]
        block = _block(crystal, to, from_).at(solved.k)
        U = turn.matrices() if turn is not None and to[0] == from_[0] == 1 else None
        mask = np.array([[(i, j) in wanted for j in columns] for i in rows])
        a, b = (np.tile(crystal.sides[at[0]].owners[at[1]], crystal.spins) for at in (to, from_))
        block = np.where(mask[a[:, None], b], block, 0)
        right = psi[from_[0]][from_[1]]
        # behind the cut the block is that of the turned frame
        hopped = block[:, None] @ right if U is None else spin_times(U, block[:, None] @ spin_times(dagger(U), right))
        total = total + pauli(psi[to[0]][to[1]], hopped, crystal.spins)
    return by_input(total, solved)


def _block(crystal: Crystal, to: tuple[int, int], from_: tuple[int, int]) -> Series:
    """Return the block of the Hamiltonian between two planes."""
    if to[0] != from_[0]:
        across = crystal.across
        if across is None or to[1] or from_[1]:
            raise ValueError("only the planes at the cut are joined across it")
        return across if to[0] == 0 else across.dagger()
    side = crystal.sides[to[0]]
    if to[1] == from_[1]:
        return side.mixed_onsite[to[1]]
    return side.mixed_hopping[to[1]] if to[1] < from_[1] else side.mixed_hopping[from_[1]].dagger()
