r"""A lead and the clean planes next to it, in real transverse modes: Re Σ, and a column √γ for every open mode."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ...arrays import Complex, Floats
from ...model.plane import CrossSection
from ..supercell.dense import gemm
from ..supercell.modes import Modes
from ..supercell.sampled import Sampled

#: Borders kept: the same lead meets every sample of an ensemble.
BORDERS = 8


@lru_cache(maxsize=8)
def real_modes(section: CrossSection) -> tuple[Floats, Floats]:
    """Return (c, U) as `CrossSection.transverse_modes`, with real U: cos and sin of a degenerate pair."""
    vectors = []
    for size, word in zip(section.shape, section.boundary, strict=True):
        x = np.arange(size)
        if word == "periodic":
            u = np.cos(2 * np.pi * np.outer(x, x) / size)
            odd = 2 * x > size
            u[:, odd] = np.sin(2 * np.pi * np.outer(x, x[odd]) / size)
            vectors.append(u / np.linalg.norm(u, axis=0))
        else:
            vectors.append(np.sqrt(2 / (size + 1)) * np.sin(np.pi * np.outer(x + 1, x + 1) / (size + 1)))
    c, _ = section.transverse_modes
    return c, np.asfortranarray(np.kron(*vectors))


@dataclass(eq=False)
class Border:
    """A lead and clean planes, per spin (one entry where nothing depends on spin)."""

    U: Floats
    g: list[Complex]  #: Surface Green's function of each transverse mode at the last clean plane.
    open: list[NDArray[np.bool_]]  #: Which modes are open in the lead.
    wave: list[Complex]  #: Incoming wave of each mode there.
    _kept: dict[tuple[bool, float], tuple[list[Floats], list[Floats]]] = field(default_factory=dict)

    _phases: dict[bool, list[Complex]] = field(default_factory=dict)

    def terms(self, shift: float, *, own: bool) -> tuple[list[Floats], list[Floats]]:
        """Return real matrices A per spin and columns V of the open modes: g = A - (i + shift) V Vᵀ.

        ``own``: g^{-1} = A + (i + shift) V Vᵀ in place of g.
        """
        key = own, shift
        if key not in self._kept:
            matrices, columns = [], []
            for g, open_ in zip(self.g, self.open, strict=True):
                number = 1 / g if own else g
                gamma = np.where(open_, abs(number.imag), 0.0)
                real = number.real + (-shift if own else shift) * gamma
                matrices.append(gemm(np.asfortranarray(self.U * real), np.asfortranarray(self.U.T)))
                columns.append(np.asfortranarray(self.U[:, open_] * np.sqrt(gamma[open_])))
            self._kept[key] = matrices, columns
        return self._kept[key]

    def phases(self, *, own: bool) -> list[Complex]:
        """Return the phase factor of each open mode's column in `terms`."""
        if own not in self._phases:
            sources = [w[o] / (g[o] if own else 1.0) for w, g, o in zip(self.wave, self.g, self.open, strict=True)]
            self._phases[own] = [np.exp(1j * np.angle(source)) for source in sources]
        return self._phases[own]


_borders: OrderedDict[tuple[object, ...], Border] = OrderedDict()


def border_of(problem: Sampled, side: int, m: Floats, planes: Sequence[int]) -> Border:
    """Return the border of the clean ``planes`` next to a lead, remembered."""
    sample = problem.sample
    bonds = [float(sample.bonds[n - 1 if side == 0 else n, 0]) for n in planes[1:]]
    numbers = sample.levels[list(planes), 0].tobytes() + sample.in_plane[list(planes), 0].tobytes()
    key = (problem.section, problem.junction.leads[side], problem.energy, tuple(m), numbers, tuple(bonds))
    found = _borders.get(key)
    if found is None:
        state = Modes(problem, side, m)
        for n, t in zip(planes, [state.t, *bonds], strict=True):
            state.step(n, t)
        found = Border(real_modes(problem.section)[1], list(state.g), list(state.open), list(state.wave))
        _borders[key] = found
        while len(_borders) > BORDERS:
            _borders.popitem(last=False)
    return found
