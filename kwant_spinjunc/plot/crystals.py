"""Figures of crystals: T_ss' over the momenta of the plane, one panel a pair of spins."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure

from ..arrays import Floats
from ..checks import index, refusal
from ..crystals.result import CrystalScattering
from ..errors import ArgumentError
from .figures import BESIDE, COLORS, new_figure, styled

#: Decades below the largest transmission that a map shows.
DECADES = 8.0
#: Names of the spins along each lead's own m.
SPINS = ("majority", "minority")


@styled
def plot_momenta(scattering: CrystalScattering, *, angle: int = 0, lead_out: int = 1, lead_in: int = 0) -> Figure:
    """Draw T_ss'(k) of a crystal: four curves over one momentum, four maps over two.

    ``scattering``: result at momenta on an axis, ``k=np.linspace(...)``, or on a mesh, ``k`` of shape (n, m, 2) from
    ``np.stack(np.meshgrid(k_y, k_z, indexing="ij"), axis=-1)``.
    ``angle``: which of its angles.
    ``lead_out``, ``lead_in``: from which lead to which; spins along their own m.

    **Result**: White where nothing passes, one logarithmic scale for all panels.

    Examples
    --------
    >>> from kwant_spinjunc import scatter
    >>> from systems.altermagnet_junction import altermagnet_junction
    >>> s = scatter(altermagnet_junction(), 0.2, k=np.linspace(-np.pi, np.pi, 41), turns=0.0, behind="barrier")
    >>> len(plot_momenta(s).axes)
    1
    """
    T = _chosen(scattering, angle, lead_out, lead_in)
    momenta = np.asarray(scattering.k)
    if len(scattering.momenta) == 1 and T.ndim == 3:
        return _curves(momenta.ravel(), T, scattering.momenta[0])
    if len(scattering.momenta) == 2 and T.ndim == 4 and _is_mesh(momenta):
        return _maps(momenta, T, scattering.momenta)
    raise ArgumentError(
        "Argument `scattering` must be at momenta along one axis or on a mesh of two, shape (n, m, 2) with "
        f"indexing='ij', but k has shape {momenta.shape} for {len(scattering.momenta)} momenta."
    )


def _chosen(s: Any, angle: int, lead_out: int, lead_in: int) -> Floats:
    """Return T [points..., spin_out, spin_in]."""
    if not isinstance(s, CrystalScattering) or isinstance(s.k, str) or s.k is None:
        hint = "Scatter at k=np.linspace(-np.pi, np.pi, n), or a mesh."
        raise refusal("scattering", "be a CrystalScattering at momenta", "is of an average or none", hint)
    P = s.probabilities if np.ndim(s.turns) else s.probabilities[None]
    leads = s.modes.shape[-2]
    for name, value, count in (("angle", angle, len(P)), ("lead_out", lead_out, leads), ("lead_in", lead_in, leads)):
        index(name, value, count)
    T: Floats = P[angle][..., lead_out, :, lead_in, :]
    if np.isnan(T).any():
        raise ArgumentError("Argument `scattering` must have leads that conserve spin, but one of them does not.")
    return T


def _is_mesh(k: Floats) -> bool:
    """Tell whether momenta (n, m, 2) are the mesh of two sorted axes."""
    if k.ndim != 3 or min(k.shape[:2]) < 2:
        return False
    first, second = k[:, :1, 0], k[:1, :, 1]
    rising = (np.diff(first, axis=0) > 0).all() and (np.diff(second, axis=1) > 0).all()
    return bool(rising and np.array_equal(k, np.stack(np.broadcast_arrays(first, second), axis=-1)))


def _curves(k: Floats, T: Floats, name: str) -> Figure:
    figure, axes = new_figure(width=5.2, height=3.2)
    order = np.argsort(k)
    for s_in, s_out in np.ndindex(2, 2):
        style = "-" if s_in == s_out else "--"
        label = f"{SPINS[s_in]} → {SPINS[s_out]}"
        values = np.where(T[order, s_out, s_in] > 0, T[order, s_out, s_in], np.nan)
        if np.isfinite(values).any():
            axes.semilogy(k[order] / np.pi, values, style, color=COLORS[SPINS[s_in]], label=label)
    top = T.max()
    axes.set_ylim(top * 10.0 ** -min(DECADES, np.log10(top / T[T > 0].min()) + 0.5) if top else 1e-8, top * 2 or 1.0)
    axes.set(xlabel=f"{_symbol(name)} / π", ylabel="transmission")
    axes.legend(**BESIDE)
    return figure


def _maps(k: Floats, T: Floats, names: tuple[str, ...]) -> Figure:
    figure, panels = new_figure(2, 2, width=6.2, height=5.4, sharex=True, sharey=True)
    top = float(T.max())
    norm = LogNorm(top * 10.0**-DECADES, top) if top else Normalize(0, 1)
    for s_in, s_out in np.ndindex(2, 2):
        axes, values = panels[s_in, s_out], T[:, :, s_out, s_in]
        seen = np.where(values > top * 10.0**-DECADES, values, np.nan).T
        style = {"norm": norm, "cmap": "viridis", "shading": "nearest", "rasterized": True}
        drawn = axes.pcolormesh(k[:, 0, 0] / np.pi, k[0, :, 1] / np.pi, seen, **style)
        axes.set(title=f"{SPINS[s_in]} → {SPINS[s_out]}, mean {values.mean():.2g}", aspect="equal")
    figure.supxlabel(f"{_symbol(names[0])} / π", fontsize=9)
    figure.supylabel(f"{_symbol(names[1])} / π", fontsize=9)
    figure.colorbar(drawn, ax=list(panels.ravel()), label="transmission", shrink=0.8)
    return figure


def _symbol(name: str) -> str:
    """Return the name of a momentum as it is written."""
    return f"${name.replace('k_', 'k_{')}}}$" if name.startswith("k_") else name
