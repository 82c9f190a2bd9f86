r"""Wannier90's Hamiltonians, `_hr.dat` and `_tb.dat`, read into Kwant builders that are periodic in the plane.

A file lists H_mn(R) = ⟨m 0|H|n R⟩ in eV, to be divided by the degeneracy of R. What it does not say, the user says: the
Fermi energy, the lattice vectors (`_tb.dat` has them), and which orbitals are spins. A collinear calculation has a file
for each spin, a spinor one a single file in one of two orders, ``"spin-orbital"`` (all up, then all down) or
``"orbital-spin"`` (up and down in turn). In the wrong order bands are the same and every spin is wrong; hoppings
between orbitals then look like spin flips, and the exchange field points elsewhere: both are looked at.

By `_wsvec.dat` Wannier90 moves orbitals nearer to each other before it interpolates: bands stay the same at the k
points of the calculation, and change between them. Files to which it has been applied (``write_ndegen_applied``) have
degeneracies of 1 and are read as they are.

The format is thirty lines of text, so it is read here. sisl reads it too, but would be a compiled dependency, and what
decides whether a result is right (Hermiticity, Σ_R 1/deg(R) = number of k points, the order of spins) would have to be
checked after it all the same.

Wannier90 user guide, "seedname_hr.dat" and "seedname_tb.dat"; G. Pizzi et al., J. Phys.: Condens. Matter 32, 165902
(2020).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Complex, Floats, Integers
from ..checks import finite, finite_array, index, instance, positive_integer, refusal
from ..errors import ArgumentError
from ..optional import kwant
from ..spin import PAULI, one_unit_vector, pauli_parts
from .device import Device
from .spin_operators import ORDERS

#: How far the lattice vectors in the plane of two materials may differ, relative: a calculation's relaxation of them.
STRAIN = 0.05
#: Cell of a hopping, in lattice vectors.
Cell = tuple[int, int, int]

#: Largest miss of Hermiticity in eV that rounding of the files (1e-6) explains, and of the sum rule.
HERMITIAN, WHOLE = 5e-6, 1e-6
#: Exchange in eV below which a file is not magnetic, and the sine of its angle to the declared m that coupling of spin
#: and orbit may explain.
EXCHANGE, ASIDE = 1e-4, 0.2
#: A number whose exponent of three digits has left no place for its E, as Fortran writes it.
WITHOUT_E = re.compile(r"^([+-]?\d*\.\d+)([+-]\d{3})$")
#: Spin flips from which the other order, if it has ten times fewer, must be the right one.
MIXED = 1e-3


@dataclass(frozen=True, eq=False)
class Wannier:
    """A Hamiltonian in localized orbitals, Fermi energy at zero."""

    hoppings: Mapping[Cell, Complex]  #: Cell R to H(R) = ⟨0|H|R⟩ in eV, (2n, 2n), orbitals ordered (spin, orbital).
    vectors: Floats  #: Shape (3, 3): lattice vectors as rows, in Å.
    m: Floats  #: Shape (3,): direction of the majority spin; +z where there is no exchange.
    #: Shape (3,): mean exchange field of the orbitals in eV, -Tr σ H(0)/n: twice the mean of -(Δ/2) m·σ, along m.
    exchange: Floats
    mixing: float  #: Size of what couples spins along and against m, relative to all hoppings: spin-orbit coupling.

    @property
    def orbitals(self) -> int:
        """Orbitals of one spin in a cell."""
        return len(next(iter(self.hoppings.values()))) // 2

    def hamiltonian(self, k: ArrayLike) -> Complex:
        """Return H(k) = Σ_R H(R) exp(ik·R), k (..., 3) in units of the inverse lattice vectors, (..., 2n, 2n)."""
        momenta = finite_array("k", k, "(..., 3)")
        cells = np.array(list(self.hoppings))
        return np.asarray(
            np.tensordot(np.exp(1j * (momenta @ cells.T)), np.array(list(self.hoppings.values())), axes=1)
        )

    def bands(self, k: ArrayLike) -> Floats:
        """Return the bands at k, (..., 2n), in eV from the Fermi energy."""
        return np.asarray(np.linalg.eigvalsh(self.hamiltonian(k)))

    def shifted(self, energy: float) -> Wannier:
        """Return the same with all levels raised by ``energy`` in eV: the alignment of bands in a junction."""
        own = dict(self.hoppings)
        own[0, 0, 0] = own[0, 0, 0] + finite("energy", energy) * np.eye(2 * self.orbitals)
        return replace(self, hoppings=own)

    def __str__(self) -> str:
        field = ", ".join(f"{x:.4g}" for x in self.exchange + 0.0)
        return (
            f"Wannier Hamiltonian: {self.orbitals} orbitals a spin, {len(self.hoppings)} cells, exchange ({field}) eV, "
            f"spin mixing {self.mixing:.2g}"
        )


# ------------------------------------------------------------------------------------------------- reading
def read_wannier90(
    *files: str | PathLike[str],
    fermi_energy: float,
    spin_order: str | None = None,
    vectors: ArrayLike | None = None,
    m: ArrayLike = (0.0, 0.0, 1.0),
    wsvec: Sequence[str | PathLike[str]] = (),
) -> Wannier:
    """Read `_hr.dat` or `_tb.dat` files of Wannier90.

    Parameters
    ----------
    *files
        The file of spin up and that of spin down of a collinear calculation, up along m; or one file of spinors.
    fermi_energy
        In eV, of the calculation; it becomes the zero of energy.
    spin_order
        Of one file of spinors: "spin-orbital" (all up, then all down) or "orbital-spin" (up and down in turn).
    vectors
        Lattice vectors as rows, in Å: needed for `_hr.dat`, which has none.
    m
        Direction of the majority spin, which the exchange field must confirm.
    wsvec
        The `_wsvec.dat` of each file: between the k points of the calculation bands are then those that Wannier90
        itself interpolates (``use_ws_distance``). Leave out those of files to which it has been applied.

    Raises `ArgumentError`: A file is damaged, not Hermitian, misses its sum rule, or has spins in another order or
    direction than declared.
    """
    if len(files) not in (1, 2):
        raise refusal("files", "be a pair of spin up and down, or one of spinors", f"are {len(files)}")
    if (len(files) == 1) != (spin_order is not None) or spin_order not in (None, *ORDERS):
        raise ArgumentError(
            f"Argument `spin_order` must be {' or '.join(map(repr, ORDERS))} for one file of spinors and None for a "
            f"pair, but is {spin_order!r}. It is that of the code that wrote the projections: see its manual."
        )
    direction = one_unit_vector(m)
    if isinstance(wsvec, (str, PathLike)) or len(wsvec) not in (0, len(files)):
        raise ArgumentError(f"Argument `wsvec` must be a list of one file for each of `files`, but is {wsvec!r}.")
    moved: list[Path | None] = [Path(file) for file in wsvec] or [None] * len(files)
    read = [_read(Path(file), by) for file, by in zip(files, moved, strict=True)]
    lattice = _lattice(vectors, [found for _, found in read], files)
    parts = [hoppings for hoppings, _ in read]
    if len(parts) == 2:
        up, down = parts
        if len(up[0, 0, 0]) != len(down[0, 0, 0]):
            raise ArgumentError("Arguments `files` must have as many orbitals for both spins, but differ.")
        zero = np.zeros_like(up[0, 0, 0])
        both = {R: _along(direction, up.get(R, zero), down.get(R, zero)) for R in {**up, **down}}
    else:
        both = _ordered(parts[0], str(spin_order), str(files[0]), direction)
    both[0, 0, 0] = both[0, 0, 0] - finite("fermi_energy", fermi_energy) * np.eye(len(both[0, 0, 0]))
    exchange = _exchange(both)
    strength = float(np.linalg.norm(exchange))
    if strength > EXCHANGE:
        across = float(np.linalg.norm(np.cross(exchange, direction))) / strength
        if across > ASIDE or exchange @ direction < 0:
            shown = ", ".join(f"{x:.3g}" for x in (exchange / strength).round(6) + 0.0)
            raise ArgumentError(
                f"Argument `m` must be the direction of the majority spin, but the exchange field of "
                f"{Path(files[0]).name} points along ({shown}). Is the order of spins another, or are files of up and "
                "down interchanged?"
            )
    return Wannier(both, lattice, direction, exchange, _mixing(both, direction))


def _lattice(vectors: ArrayLike | None, read: Sequence[Floats | None], files: Sequence[Any]) -> Floats:
    """Return the lattice vectors, given or read, having refused files that have others."""
    own = next((found for found in read if found is not None), None)
    if vectors is None and own is None:
        raise ArgumentError("Argument `vectors` must be given for _hr.dat, which has no lattice vectors, but is None.")
    lattice = finite_array("vectors", own if vectors is None else vectors, "(3, 3)")
    for theirs, file in zip(read, files, strict=True):
        if theirs is not None and abs(theirs - lattice).max() > WHOLE * abs(lattice).max():
            raise ArgumentError(
                f"Argument `{'files' if vectors is None else 'vectors'}` must be of one lattice, but {Path(file).name} "
                "has other vectors."
            )
    return lattice


def _along(m: Floats, up: Complex, down: Complex) -> Complex:
    """Return blocks of both spins along m in orbitals (spin, orbital)."""
    along = np.einsum("i,iab->ab", m, PAULI)
    return np.asarray(np.kron(np.eye(2), (up + down) / 2) + np.kron(along, (up - down) / 2))


def _ordered(hoppings: Mapping[Cell, Complex], order: str, name: str, m: Floats) -> dict[Cell, Complex]:
    """Return blocks in the order (spin, orbital), or raise if the other order is evidently that of the file."""
    size = len(hoppings[0, 0, 0])
    if size % 2:
        raise ArgumentError(f"Argument `files` must have an even number of spinors, but {name} has {size}.")
    pairs = np.arange(size).reshape(-1, 2).T.ravel()  # where (spin, orbital) finds its orbital in turns of spins
    read = {"spin-orbital": np.arange(size), "orbital-spin": pairs}
    blocks = {o: {R: h[np.ix_(p, p)] for R, h in hoppings.items()} for o, p in read.items()}
    here = blocks.pop(order)
    ((other, there),) = blocks.items()
    mixing, rest = _mixing(here, m), _mixing(there, m)
    if mixing > MIXED and rest < mixing / 10:
        raise ArgumentError(
            f"Argument `spin_order` must be that of {Path(name).name}, but as {order!r} a part {mixing:.2g} of its "
            f"hoppings would flip spins along m, as {other!r} only {rest:.2g}."
        )
    return here


def _exchange(hoppings: Mapping[Cell, Complex]) -> Floats:
    return np.asarray(-2 * np.einsum("inn->in", pauli_parts(hoppings[0, 0, 0])[1:]).real.mean(axis=1))


def _mixing(hoppings: Mapping[Cell, Complex], m: Floats) -> float:
    """Return the size of what depends on spin and is not along m, over that of all hoppings and levels."""
    across = total = 0.0
    for block in hoppings.values():
        vector = pauli_parts(block)[1:]
        across += float((abs(vector - np.einsum("i,j,jnm->inm", m, m, vector)) ** 2).sum())
        total += float((abs(block) ** 2).sum()) / 2
    shared = np.trace(hoppings[0, 0, 0]).real / len(hoppings[0, 0, 0])
    total -= shared**2 * len(hoppings[0, 0, 0]) / 2
    return float(np.sqrt(across / max(total, 1e-300)))


def _lines(name: str, path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"Argument `{name}` must name readable files, but {path.name} is not ({error}).") from None


def _read(path: Path, wsvec: Path | None = None) -> tuple[dict[Cell, Complex], Floats | None]:
    """Return H(R) divided by degeneracies, moved by ``wsvec``, and the lattice vectors of a `_tb.dat`."""
    lines = _lines("files", path)
    try:
        vectors, degeneracy, found = _parsed([line.split() for line in lines[1:]])  # the first line is a comment
    except (ValueError, IndexError, OverflowError) as error:
        raise refusal("files", "be of Wannier90", f"{path.name} is not or is cut off: {error}") from None
    points = float((1 / degeneracy).sum())
    if abs(points - round(points)) > WHOLE * points:
        raise refusal(
            "files", "obey Σ 1/degeneracy = number of k points", f"{path.name} has {points:.6g}: cells are missing"
        )
    blocks: dict[Cell, Complex] = {}
    for (R, block), d in zip(found, degeneracy, strict=True):
        if R in blocks and block.any():  # models by hand repeat their home cell with zeros
            raise ArgumentError(f"Argument `files` must list every cell once, but {path.name} has {R} again.")
        blocks.setdefault(R, block / d)
    if (0, 0, 0) not in blocks:
        raise ArgumentError(f"Argument `files` must list the cell at 0, but {path.name} does not.")
    blocks = _hermitian("files", path, blocks)
    return blocks if wsvec is None else _hermitian("wsvec", wsvec, _moved(blocks, wsvec)), vectors


def _hermitian(name: str, path: Path, blocks: Mapping[Cell, Complex]) -> dict[Cell, Complex]:
    """Return the blocks without what rounding misses of Hermiticity, or refuse what is not rounding."""
    for R, block in blocks.items():
        back = blocks.get((-R[0], -R[1], -R[2]))
        miss = np.inf if back is None else float(abs(block - back.conj().T).max())
        if not miss <= HERMITIAN:
            raise refusal(name, "be Hermitian", f"in {path.name} H({R}) and H(-R)† differ by {miss:.2g} eV")
    return {R: (block + blocks[-R[0], -R[1], -R[2]].conj().T) / 2 for R, block in blocks.items()}


def _moved(blocks: Mapping[Cell, Complex], path: Path) -> dict[Cell, Complex]:
    """Return H with every element shared among the cells R + T that a `_wsvec.dat` lists for it."""
    lines = _lines("wsvec", path)
    said = (lines or [""])[0].partition("use_ws_distance=")[2].strip()
    if said not in (".true.", ".false."):
        raise ArgumentError(
            f"Argument `wsvec` must say use_ws_distance and no more in its first line, but {path.name} says {said!r}: "
            "it is another file, or it has been applied."
        )
    found: dict[Cell, Complex] = {}
    seen = set()
    try:
        words = iter([int(word) for line in lines[1:] for word in line.split()])
        for first in words:
            R, m, n = (first, next(words), next(words)), next(words) - 1, next(words) - 1
            count = next(words)
            for _ in range(count):
                cell = (R[0] + next(words), R[1] + next(words), R[2] + next(words))
                found.setdefault(cell, np.zeros_like(blocks[R]))[m, n] += blocks[R][m, n] / count
            seen |= {(R, m, n)} if count > 0 and min(m, n) >= 0 else set()
    except (ValueError, KeyError, IndexError, StopIteration):
        seen = set()
    size = len(next(iter(blocks.values())))
    if len(seen) != len(blocks) * size**2:
        raise refusal("wsvec", "list every element of every cell of its file", f"{path.name} does not")
    return found


def _parsed(words: list[list[str]]) -> tuple[Floats | None, Integers, list[tuple[Cell, Complex]]]:
    """Return lattice vectors if there are any, degeneracies, and (R, H(R)) of a file by lines of words."""
    vectors = None
    if len(words[0]) == 3:
        vectors, words = np.array([_numbers(row) for row in words[:3]]), words[3:]
    size, count = int(words[0][0]), int(words[1][0])
    flat = [word for row in words[2:] for word in row]
    degeneracy = np.array(flat[:count], dtype=int)
    if size < 1 or count < 1 or (degeneracy < 1).any():
        raise ValueError("no orbitals, no cells, or a degeneracy below 1")
    if vectors is None:  # rows R_1 R_2 R_3 m n Re Im, any order of m and n within a cell
        rows = _numbers(flat[count:]).reshape(-1, 7)
        if len(rows) != count * size**2:
            raise ValueError(f"{count * size**2} rows are announced, {len(rows)} there")
        rows = rows.reshape(count, size**2, 7)
        if (rows[:, :, :3] != rows[:, :1, :3]).any():
            raise ValueError("rows of different cells are mixed")
        cells, elements = rows[:, 0, :3], rows[:, :, 3:]
    else:  # R, then rows m n Re Im; the matrices of positions that follow are not needed
        values = _numbers(flat[count : count * (4 + 4 * size**2)])
        if len(values) != count * (3 + 4 * size**2):
            raise ValueError(f"{count} cells are announced, fewer there")
        parts = values.reshape(count, -1)
        cells, elements = parts[:, :3], parts[:, 3:].reshape(count, size**2, 4)
    with np.errstate(invalid="ignore"):  # what is no number is refused below
        R, (m, n) = cells.astype(int), np.moveaxis(elements[..., :2], -1, 0).astype(int) - 1
    if (cells != R).any():
        raise ValueError("the number of a cell is no integer")
    if (np.sort(m * size + n) != np.arange(size**2)).any() or not np.isfinite(elements).all():
        raise ValueError("elements are missing, repeated or not finite")
    blocks = np.zeros((count, size, size), dtype=complex)
    blocks[np.arange(count)[:, None], m, n] = elements[..., 2] + 1j * elements[..., 3]
    return vectors, degeneracy, [((a, b, c), block) for (a, b, c), block in zip(R.tolist(), blocks, strict=True)]


def _numbers(words: Sequence[str]) -> Floats:
    return np.array([WITHOUT_E.sub(r"\1E\2", word) for word in words], dtype=float)


# ------------------------------------------------------------------------------------------------- junctions
def wannier_junction(
    left: Wannier,
    spacer: Wannier,
    right: Wannier,
    *,
    normal: int = 2,
    cells: Sequence[int] = (1, 4, 1),
    coupling: Callable[[Wannier, Wannier, Cell], Any] | None = None,
) -> Device:
    """Return left|spacer|right as a `Device`, periodic in the plane: momenta k_a, k_b, k_c, but for that of ``normal``.

    **Result**: Cut ``spacer`` in its middle; magnets ``left`` and ``right``.

    Parameters
    ----------
    left, spacer, right
        Hamiltonians on one lattice: in the plane the vectors of the left one, from which those of the others may differ
        by `STRAIN` of their length. Align their bands by `Wannier.shifted`.
    normal
        Which lattice vector leads from left to right.
    cells
        How many cells of each are resolved, of the magnets besides those that are joined to a lead.
    coupling
        ``coupling(here, there, R)`` returns ⟨here 0|H|there R⟩ of two materials; None: the mean of both of their H(R),
        for which they must have the same orbitals in the same order. An interface is in neither file.
    """
    materials = (left, spacer, right)
    counts = _checked_stack(materials, normal, cells, coupling)
    reach = max(abs(R[normal]) for part in materials for R in part.hoppings) or 1
    first, behind = reach + counts[0], reach + counts[0] + counts[1]
    stack = _Stack(materials, normal, coupling or _mean, first, behind, behind + counts[2] + reach)
    plane = [axis for axis in range(3) if axis != normal]
    names = "abc"
    vectors = [tuple(left.vectors[axis]) for axis in plane]
    syst = kwant.Builder(kwant.TranslationalSymmetry(*vectors))
    stack.fill(syst, range(stack.end), None)
    syst = kwant.wraparound.wraparound(syst, coordinate_names=[names[axis] for axis in plane])
    for direction, x, of in ((-1, 0, 0), (1, stack.end - reach, 2)):
        period = tuple(direction * reach * left.vectors[normal])
        builder = kwant.Builder(kwant.TranslationalSymmetry(period, *vectors))
        stack.fill(builder, range(x, x + reach), of)
        wrapped = kwant.wraparound.wraparound(builder, keep=0, coordinate_names=[names[n] for n in (normal, *plane)])
        syst.attach_lead(wrapped)
    middle = first + counts[1] // 2 if counts[1] > 1 else behind

    def place(site: Any) -> int:
        return int(site.tag[normal])

    return Device(
        system=syst.finalized(),
        spin="spin-orbital",
        cuts={"spacer": lambda site: place(site) >= middle},
        magnets={
            "left": lambda site: reach <= place(site) < first,
            "right": lambda site: behind <= place(site) < stack.end - reach,
        },
        unit="eV",
    )


def _checked_stack(materials: Sequence[Any], normal: Any, cells: Any, coupling: Any) -> list[int]:
    """Return the numbers of cells, having refused what is no junction."""
    for name, material in zip(("left", "spacer", "right"), materials, strict=True):
        instance(name, material, Wannier, "It is what `read_wannier90` returns.")
    if coupling is not None and not callable(coupling):
        raise ArgumentError(f"Argument `coupling` must be a function of (here, there, R), but is {coupling!r}.")
    index("normal", normal, 3)
    plane = [axis for axis in range(3) if axis != normal]
    ours = np.asarray(materials[0].vectors)[plane]
    for name, part in zip(("spacer", "right"), materials[1:], strict=True):
        off = float(np.linalg.norm(np.asarray(part.vectors)[plane] - ours) / np.linalg.norm(ours))
        if off > STRAIN:
            raise ArgumentError(
                f"Argument `{name}` must have the lattice vectors of `left` in the plane, but they differ by {off:.0%}."
                " Calculate all of them in one strained cell, or choose another `normal`."
            )
    if np.shape(cells) != (3,):
        raise ArgumentError(f"Argument `cells` must be three numbers, left, spacer, right, but is {cells!r}.")
    if coupling is None and len({part.orbitals for part in materials}) > 1:
        raise ArgumentError(
            f"Argument `coupling` must be given for materials with {', '.join(str(w.orbitals) for w in materials)} "
            "orbitals a spin: the files do not know the interface."
        )
    return [positive_integer("cells", n) for n in cells]


@dataclass(frozen=True, eq=False)
class _Stack:
    """Cells of three materials along one lattice vector, numbered from the left; those of the spacer from ``first``."""

    materials: tuple[Wannier, Wannier, Wannier]
    normal: int
    couple: Callable[[Wannier, Wannier, Cell], Any]
    first: int
    behind: int
    end: int

    @cached_property
    def families(self) -> list[Any]:
        """A site family of each material."""
        return [
            kwant.lattice.general(self.materials[0].vectors, norbs=2 * part.orbitals, name=name)
            for part, name in zip(self.materials, ("left", "spacer", "right"), strict=True)
        ]

    def fill(self, builder: Any, columns: range, lead: int | None) -> None:
        """Put cells and their hoppings into a builder; of a lead all cells are of one material."""

        def kind(x: int) -> int:
            return int(x >= self.first) + int(x >= self.behind) if lead is None else lead

        for x in columns:
            builder[self.site(kind(x), x)] = self.materials[kind(x)].hoppings[0, 0, 0]
        reached = {R for part in self.materials for R in part.hoppings if R > (0, 0, 0)}
        for x, R in product(columns, reached):
            other = x + R[self.normal]
            if lead is None and not 0 <= other < self.end:
                continue
            here, there = self.materials[kind(x)], self.materials[kind(other)]
            block = here.hoppings.get(R) if here is there else self.couple(here, there, R)
            if block is None:
                continue
            shape = (2 * here.orbitals, 2 * there.orbitals)
            if np.shape(block) != shape:
                raise refusal("coupling", f"return a matrix {shape}", f"its shape is {np.shape(block)} at {R}")
            if np.any(block):
                builder[self.site(kind(x), x), self.site(kind(other), other, R)] = np.asarray(block)

    def site(self, kind: int, x: int, R: Cell = (0, 0, 0)) -> Any:
        """Return the site of a material in cell x, moved in the plane by R."""
        tag = list(R)
        tag[self.normal] = x
        return self.families[kind](*tag)


def _mean(here: Wannier, there: Wannier, R: Cell) -> Complex | None:
    """Return the mean of what two materials would have there."""
    parts = [part.hoppings.get(R) for part in (here, there)]
    known = [part for part in parts if part is not None]
    return sum(known[1:], known[0]) / 2 if known else None
