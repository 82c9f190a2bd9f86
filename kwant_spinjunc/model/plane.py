r"""The cross-section of a supercell or wire: its sites, the bonds in a plane, the transverse modes of a uniform plane.

Sites of a plane are numbered ``x * depth + z`` (C order of ``shape``). A periodic axis carries a Bloch phase e^{-ik} on
every hopping from x to x + 1, so that one cell per plane gets the on-site term -2 t∥ (cos kx + cos kz), and a supercell
of W cells samples k and k + 2π/W, ...: a twist of k W.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Complex, Floats, Indices
from ..checks import finite_array, positive_integer, refusal, wave_vector
from ..errors import ArgumentError

#: Boundary conditions of one axis.
BOUNDARIES = ("periodic", "hard wall")


def band_shift(k: ArrayLike | None) -> NDArray[np.float64]:
    """Return c = cos kx a + cos kz a, the only way a clean in-plane periodic junction depends on k∥.

    ``k``: in-plane wave vectors (kx, kz) in 1/a, shape (..., 2); the result has (...). None is Γ, (0, 0).

    Examples
    --------
    >>> float(band_shift((0, 0)))
    2.0
    """
    c: NDArray[np.float64] = np.cos(finite_array("k", (0.0, 0.0) if k is None else k, "(..., 2)")).sum(axis=-1)
    return c


@dataclass(frozen=True)
class CrossSection:
    """Sites and boundary conditions of every plane.

    ``shape``: number of sites (width along x, depth along z).
    ``boundary``: ``"periodic"`` or ``"hard wall"``, one word for both axes or a pair (x, z).
    ``k``: Bloch vector (kx, kz) in 1/a along the periodic axes, None for Γ. Must be zero along a hard-wall axis.
    """

    shape: tuple[int, int] = (1, 1)
    boundary: Any = "periodic"
    k: Any = None

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        try:
            width, depth = self.shape
        except (TypeError, ValueError):
            raise refusal("cross_section", "be two numbers of sites", f"is {self.shape!r}") from None
        set_(self, "shape", (positive_integer("cross_section[0]", width), positive_integer("cross_section[1]", depth)))
        words = (self.boundary,) * 2 if isinstance(self.boundary, str) else self.boundary
        pair = tuple(words) if isinstance(words, Iterable) else ()
        if len(pair) != 2 or any(word not in BOUNDARIES for word in pair):
            hint = "A pair of them sets x and z."
            raise refusal("boundary", "be 'periodic' or 'hard wall'", f"is {self.boundary!r}", hint)
        set_(self, "boundary", pair)
        if self.k is not None and pair == ("hard wall", "hard wall"):
            raise ArgumentError(
                "Argument `k` must be None for hard walls: there is no in-plane Bloch vector. Use boundary='periodic'."
            )
        vector = wave_vector("k", self.k)
        for axis, word in enumerate(pair):
            if word == "hard wall" and vector[axis] != 0:
                raise refusal("k", "be 0 along a hard-wall axis", f"k[{axis}] is {vector[axis]:g}")
        set_(self, "k", (float(vector[0]), float(vector[1])))

    @property
    def sites(self) -> int:
        """Number of sites of a plane."""
        return self.shape[0] * self.shape[1]

    @property
    def is_single_cell(self) -> bool:
        """Whether a plane is one periodic cell, so that the junction is a chain at fixed k∥."""
        return self.shape == (1, 1) and self.boundary == ("periodic", "periodic")

    @cached_property
    def bonds(self) -> tuple[Indices, Indices, Indices, Complex]:
        """Every in-plane bond once: (to, from, axis, phase), each of shape (bonds,).

        The bond of a site and axis leads to its neighbor at x + 1 (axis 0) or z + 1 (axis 1). A bond around a periodic
        axis wraps: two cells are joined twice, and a single cell is its own neighbor (to == from). The Hamiltonian gets
        -t∥ phase from ``from`` to ``to``, and its Hermitian conjugate.
        """
        index = np.arange(self.sites).reshape(self.shape)
        to = np.stack([np.roll(index, -1, axis=axis).ravel() for axis in (0, 1)], axis=1).ravel()
        from_, axes = np.repeat(index, 2), np.tile([0, 1], self.sites)
        last = np.stack([part.ravel() == n - 1 for part, n in zip(np.indices(self.shape), self.shape, strict=True)], 1)
        kept = ~(last & (np.array(self.boundary) == "hard wall")).ravel()
        phases = np.exp(-1j * np.array(self.k))[axes]
        return to[kept], from_[kept], axes[kept], phases[kept]

    @cached_property
    def transverse_modes(self) -> tuple[Floats, Complex]:
        """Transverse modes of a uniform plane: (c, U) with c of shape (sites,), U of shape (sites, sites).

        The in-plane Hamiltonian of a uniform plane is U diag(-2 t∥ c) U†: plane waves c = cos (k + 2πj/W) along a
        periodic axis, standing waves c = cos πj/(W + 1) between hard walls, and the sum of both axes.
        """
        cosines, vectors = [], []
        for size, word, k in zip(self.shape, self.boundary, self.k, strict=True):
            j, x = np.arange(size), np.arange(size)
            if word == "periodic":
                # ψ_{x} = e^{iqx}; the hopping x -> x + 1 has -t e^{-ik}, so the energy is -2t cos(q + k)
                q = 2 * np.pi * j / size
                cosines.append(np.cos(q + k))
                vectors.append(np.exp(1j * np.outer(x, q)) / np.sqrt(size))
            else:
                q = np.pi * (j + 1) / (size + 1)
                cosines.append(np.cos(q))
                vectors.append(np.sqrt(2 / (size + 1)) * np.sin(np.outer(x + 1, q)) + 0j)
        c = np.add.outer(*cosines).ravel()
        U: Complex = np.kron(*vectors)
        return c, U
