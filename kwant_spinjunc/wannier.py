r"""Leads from first principles: Wannier90's ``seedname_hr.dat`` as a `kwant.Builder`.

The file holds the matrix elements H_mn(R) = ⟨m 0|H|n R⟩ between Wannier functions, in eV: a tight-binding model, with
hoppings from cell R to cell 0. It is read by sisl (optional, ``pip install kwant-spinjunc[wannier]``), which divides
by the degeneracies of the Wigner-Seitz cell. Along the current, cells are stacked into a lead; along the two other
lattice vectors the lead is periodic, at one Bloch vector.
"""

from __future__ import annotations

from pathlib import Path

import kwant
import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import ArgumentError, finite_array, positive
from .spin import check_unit_vector, sigma

__all__ = ["wannier_lead"]

Complex = NDArray[np.complex128]

#: H(R) - H(-R)† relative to the largest element: the file has six digits.
HERMITIAN = 1e-4


def wannier_lead(
    path: str | Path,
    minority: str | Path | None = None,
    *,
    axis: int = 1,
    direction: int = -1,
    k: ArrayLike = (0.0, 0.0),
    m: ArrayLike = (0.0, 0.0, 1.0),
    cutoff: float = 1e-5,
) -> kwant.Builder:
    r"""Return a lead of the bulk that Wannier90 describes, to be attached to a system of the same lattice.

    Parameters
    ----------
    path
        ``seedname_hr.dat``. With spin-orbit coupling (``spinors = true``) it holds both spins, in the order of its
        projections: give `Device` that order as ``spin``. Of a collinear magnet, the file of the majority.
    minority
        ``seedname_hr.dat`` of the minority of a collinear magnet, with the same Wannier functions in the same order.
        The lead is then (H_+ + H_-)/2 + m·σ (H_+ - H_-)/2 in the order ``"spin-orbital"``, and conserves m·S.
    axis
        Lattice vector along which the current flows: 0, 1 or 2.
    direction
        1 or -1: along or against that lattice vector.
    k
        Bloch vector along the two other lattice vectors, in the order of the axes, times their lengths; the hopping
        from a cell to the next has the phase e^{-ik}.
    m
        Direction of the majority spin, for two files.
    cutoff
        Matrix elements below this, in eV, are left out.

    Returns
    -------
    kwant.Builder
        Cells are sites ``lattice(n)``, all Wannier functions of a cell in one site. A period of the lead has as many
        cells as the hoppings reach. Fill a region with ``syst.fill(lead, lambda site: 0 <= site.tag[0] < cells,
        lattice(0))``; of two different materials the file does not know the interface.

    Raises
    ------
    ArgumentError
        sisl is not installed, the file cannot be read, is not Hermitian, couples no cells along ``axis``, or the two
        files differ in their functions.
    """
    if axis not in (0, 1, 2):
        raise ArgumentError(f"Argument `axis` must be 0, 1 or 2, but is {axis!r}.")
    if direction not in (-1, 1):
        raise ArgumentError(f"Argument `direction` must be 1 or -1, but is {direction!r}.")
    kappa = finite_array("k", k)
    if kappa.shape != (2,):
        raise ArgumentError(f"Argument `k` must be two numbers, but its shape is {kappa.shape}.")
    cutoff = positive("cutoff", cutoff)
    blocks = _stacked(_read("path", path, cutoff), axis, kappa)
    law = None
    if minority is not None:
        along = sigma(check_unit_vector(m))
        other = _stacked(_read("minority", minority, cutoff), axis, kappa)
        if len(other[0]) != len(blocks[0]):
            raise ArgumentError(
                f"Argument `minority` must have the Wannier functions of `path`, but has {len(other[0])} and not "
                f"{len(blocks[0])}."
            )
        nothing = np.zeros_like(blocks[0])
        pairs = {n: (blocks.get(n, nothing), other.get(n, nothing)) for n in {**blocks, **other}}
        blocks = {
            n: np.kron(np.eye(2), up + down) / 2 + np.kron(along, up - down) / 2 for n, (up, down) in pairs.items()
        }
        law = -np.kron(along, np.eye(len(other[0])))
    reach = max(blocks)
    if reach == 0:
        raise ArgumentError(f"Argument `axis` must be one along which cells are coupled, but along {axis} none are.")
    lattice = kwant.lattice.general([[0.0, 1.0]], norbs=len(blocks[0]), name="wannier")
    lead = kwant.Builder(kwant.TranslationalSymmetry((0.0, float(direction * reach))), conservation_law=law)
    lead[(lattice(n) for n in range(reach))] = blocks[0]
    for n in range(reach):
        for distance in range(1, reach + 1):
            if distance in blocks:
                lead[lattice(n), lattice(n + distance)] = blocks[distance]
    return lead


def _stacked(elements: dict[tuple[int, ...], Complex], axis: int, k: NDArray[np.float64]) -> dict[int, Complex]:
    """Return the Bloch sums over the two other axes, H_n from cell n to cell 0, for n >= 0."""
    across = [i for i in range(3) if i != axis]
    blocks: dict[int, Complex] = {}
    for R, H in elements.items():
        if R[axis] >= 0:
            phase = np.exp(1j * (k[0] * R[across[0]] + k[1] * R[across[1]]))
            blocks[R[axis]] = blocks.get(R[axis], 0.0) + phase * H
    return blocks


def _read(name: str, path: str | Path, cutoff: float) -> dict[tuple[int, ...], Complex]:
    """Return H(R) of a file, both R and -R, with H(-R) = H(R)† exactly."""
    try:
        import sisl
        from sisl.io.wannier90 import hrSileWannier90
    except ImportError as error:
        raise ArgumentError(
            f"Argument `{name}` must be read by sisl, but it is not installed. Use pip install kwant-spinjunc[wannier]."
        ) from error
    if not Path(path).is_file():
        raise ArgumentError(f"Argument `{name}` must be a file, but {str(path)!r} does not exist.")
    try:
        H = hrSileWannier90(str(path)).read_hamiltonian(
            lattice=sisl.Lattice(np.eye(3)), dtype=np.complex128, cutoff=cutoff
        )
        size = H.no
        matrix = H.tocsr().toarray().reshape(size, -1, size)
    except Exception as error:
        raise ArgumentError(
            f"Argument `{name}` must be a seedname_hr.dat of Wannier90, but {str(path)!r} cannot be read "
            f"({type(error).__name__}: {error})."
        ) from error
    found = {tuple(int(i) for i in R): matrix[:, i] for i, R in enumerate(H.lattice.sc_off) if matrix[:, i].any()}
    zero = np.zeros((size, size), dtype=complex)
    found.setdefault((0, 0, 0), zero)
    largest = max(abs(h).max() for h in found.values())
    hermitian = {}
    for R in {*found, *(tuple(-i for i in R) for R in found)}:
        forward, backward = found.get(R, zero), found.get(tuple(-i for i in R), zero).conj().T
        if abs(forward - backward).max() > max(HERMITIAN * largest, 2 * cutoff):
            raise ArgumentError(
                f"Argument `{name}` must be Hermitian, H(R) = H(-R)†, but {str(path)!r} misses it at R = {R} by "
                f"{abs(forward - backward).max():.2g} eV."
            )
        hermitian[R] = (forward + backward) / 2
    return hermitian
