r"""Local nonequilibrium chemical potentials µ_s(y): occupations of scattering states over the local density of states.

With ρ_αs',±(n) the density at plane n, of spin ± along an axis, of the states incoming from lead α with spin s',

    µ_±(n) = Σ_αs' ρ_αs',±(n) µ_αs' / Σ_αs' ρ_αs',±(n).

**Validity**: linear response of a phase-coherent junction. It is the potential at which an ideal, weakly coupled,
spin-selective probe of the plane draws no current; where phase coherence is lost within a mean free path it is the
local electrochemical potential of that spin. Quantum interference (Friedel oscillations, fluctuations from sample to
sample) is part of it. Local charging does not change it: it is not measured from the band bottom.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from ..checks import finite_array, reservoirs
from ..errors import ArgumentError
from ..model.junction import Junction
from ..scattering import Scattering
from ..spin import check_unit_vector


def default_axes(junction: Junction) -> Floats:
    """Return the axis of ± at each plane, shape (planes, 3).

    A magnetic plane's own m; elsewhere that of the magnet on its side of the cut (of a texture: of the nearest
    magnetic plane, the left one of two).
    """
    magnetic = np.flatnonzero(junction.plane_splitting > 0)
    planes = np.arange(len(junction.planes))
    if junction.cut is not None:
        left, right = junction.magnetizations
        axes = np.where((planes <= junction.cut)[:, None], left, right)
    elif len(magnetic):
        axes = junction.plane_m[magnetic[abs(planes[:, None] - magnetic).argmin(axis=1)]]
    else:
        axes = np.broadcast_to(junction.magnetizations[0], (len(planes), 3))
    own = (junction.plane_splitting > 0)[:, None]
    return np.asarray(np.where(own, junction.plane_m, axes))


def chemical_potentials_of(densities: ArrayLike, axes: ArrayLike, mu_left: ArrayLike, mu_right: ArrayLike) -> Floats:
    """Return µ_s(n) from the densities of the incoming states.

    ``densities``: shape (..., 2, 2, planes, 4) = [lead_in, spin_in, plane, (1, x, y, z)]; of an ensemble their
    averages, so that numerator and denominator are averaged before they are divided.
    ``axes``: unit vector of ± at each plane, shape (planes, 3) or (3,).
    ``mu_left``, ``mu_right``: potentials (µ_+, µ_-) of the reservoirs along their own m, or one number for both spins.

    **Result**: shape (..., planes, 2): In the unit of the potentials; NaN where there is no state of that spin.
    """
    d = finite_array("densities", densities, "(..., 2, 2, planes, 4)")
    mu = reservoirs(mu_left, mu_right)
    along = np.einsum("...nj,nj->...n", d[..., 1:], np.broadcast_to(axes, (d.shape[-2], 3)))
    rho = np.maximum(np.stack([d[..., 0] + along, d[..., 0] - along], axis=-1), 0.0)  # not below zero by rounding
    total = rho.sum(axis=(-4, -3))
    weighted = (rho * mu[..., None, None]).sum(axis=(-4, -3))
    return np.asarray(np.divide(weighted, total, out=np.full_like(total, np.nan), where=total > 0))


def chemical_potentials(
    scattering: Scattering,
    mu_left: ArrayLike = 0.5,
    mu_right: ArrayLike = -0.5,
    axis: ArrayLike | None = None,
) -> Floats:
    """Return the local chemical potentials of both spins in every plane of a junction.

    **Result**: shape (..., planes, 2): µ_±(n) in the unit of the potentials; see the module's docstring for its
    validity.

    Parameters
    ----------
    scattering
        Result at the Fermi energy.
    mu_left, mu_right
        Potentials (µ_+, µ_-) of the reservoirs along their own m, or one number for both spins.
    axis
        Direction of ±, shape (3,) or (planes, 3); None: see `default_axes`.

    Examples
    --------
    >>> import kwant_spinjunc as sj
    >>> copper = sj.normal_metal(onsite=0.0, hopping=1.0)
    >>> wire = sj.Junction(copper, [copper], copper)
    >>> chemical_potentials(sj.scatter(wire, 0.3, solver="halves"), 1.0, 0.0).round(12).tolist()
    [[0.5, 0.5], [0.5, 0.5], [0.5, 0.5]]
    """
    if axis is None and scattering.problem.m_right is not None:
        raise ArgumentError("Argument `axis` must be given for many directions of the right magnet, but is None.")
    axes = default_axes(scattering.junction) if axis is None else check_unit_vector(axis, "axis")
    planes = len(scattering.junction.planes)
    if axes.shape not in ((3,), (planes, 3)):
        raise ArgumentError(f"Argument `axis` must have shape (3,) or ({planes}, 3), but has {axes.shape}.")
    return chemical_potentials_of(scattering.fields.densities, axes, mu_left, mu_right)
