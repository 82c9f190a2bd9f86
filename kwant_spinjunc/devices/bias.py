r"""Currents of any Kwant system at finite bias and temperature, by adaptive integration over energy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from ..arrays import Floats
from ..checks import finite, finite_array, positive
from ..errors import ArgumentError, NoOpenChannelError
from ..quadrature import cut_into_pieces, integrate
from .device import TOLERANCE, as_device, scatter_device

__all__ = ["DeviceCurrents", "current_voltage"]


#: Thermal energies beyond the chemical potentials where the Fermi functions are 0 or 1 to rounding.
TAIL = 36.0


@dataclass(frozen=True)
class DeviceCurrents:
    """Particle currents that leave the leads into the device.

    Attributes
    ----------
    spin_resolved : ndarray, shape (..., leads, 2)
        I_αs in e²/h × V (energies in eV divided by h), along each lead's own m; NaN where a lead conserves no spin.
    charge : ndarray, shape (..., leads)
        Both spins together. With spin-split potentials it needs leads that conserve spin.
    error : ndarray, shape (...)
        Estimated absolute error of the integrals.
    solves : int
        Energies at which the device was solved.
    """

    spin_resolved: Floats
    charge: Floats
    error: Floats
    solves: int


def current_voltage(
    device: Any,
    mu: ArrayLike,
    *,
    temperature: float = 0.0,
    rtol: float = 1e-6,
    params: Mapping[str, Any] | None = None,
    tolerance: float = TOLERANCE,
) -> DeviceCurrents:
    r"""Integrate I_αs = (1/h) ∫dE Σ_βs' T[α s, β s'](E) [f_αs(E) - f_βs'(E)].

    Parameters
    ----------
    device
        A `Device` or a finalized Kwant system. Its Hamiltonian does not move with µ: put the voltage into ``params``
        and call once for each if it does.
    mu
        Chemical potentials µ_α, shape (..., leads), or µ_αs along each lead's own m, shape (..., leads, 2): leading
        axes are points of an I-V curve, which share no energies. With as many leads as spins (two), shape (2, 2) is
        (leads, 2); give several points of µ_α as (..., 2, 1).
    temperature
        k_B T as an energy, the same in all leads.
    rtol
        Relative tolerance of each point's currents.
    params
        Parameters of the system.
    tolerance
        See `scatter`.

    Returns
    -------
    DeviceCurrents
        The current of lead 0 (left) is the project's J, along +y; that of lead 1 (right) is -J.

    Examples
    --------
    >>> import kwant, numpy as np
    >>> import kwant_spinjunc as sj
    >>> iron = sj.ferromagnet(onsite=2.0, hopping=1.0, splitting=0.5)
    >>> syst = sj.build(sj.Junction(iron, [iron], iron)).finalized()
    >>> sj.current_voltage(syst, [[0.05, 0.05], [-0.05, -0.05]]).charge.round(12).tolist()
    [0.1, -0.1]
    """
    device = as_device(device)
    leads = len(device.system.leads)
    potentials = finite_array("mu", mu)
    if potentials.shape[-2:] not in {(leads, 2), (leads, 1)}:
        if (leads == 2 and potentials.ndim > 1) or potentials.shape[-1:] != (leads,):
            raise ArgumentError(
                f"Argument `mu` must have trailing shape ({leads}, 2), or ({leads}, 1) without spin accumulation, "
                f"but its shape is {potentials.shape}."
            )
        potentials = potentials[..., None]
    split = potentials.shape[-1] == 2 and bool((potentials[..., 0] != potentials[..., 1]).any())
    potentials = np.broadcast_to(potentials, (*potentials.shape[:-1], 2))
    kT = finite("temperature", temperature)
    if kT < 0:
        raise ArgumentError(f"Argument `temperature` must not be negative, but is {kT:g}. It is k_B T as an energy.")
    batch = potentials.shape[:-2]
    points = potentials.reshape(-1, leads, 2)
    flat = points.reshape(len(points), -1)
    pieces = cut_into_pieces(flat.min(axis=1) - TAIL * kT, flat.max(axis=1) + TAIL * kT, flat)
    solves = 0

    def integrand(owner: NDArray[np.intp], energies: Floats) -> tuple[Floats, float]:
        nonlocal solves
        values = np.zeros((*energies.shape, 3 * leads))
        for (piece, node), energy in np.ndenumerate(energies):
            solves += 1
            try:
                found = scatter_device(device, energy, params, tolerance)
            except NoOpenChannelError:
                continue
            occupation = _occupation(float(energy), points[owner[piece]], kT)
            by_spin = found.currents(occupation)
            charge = by_spin.sum(axis=-1) if split else found.currents(occupation[:, 0])
            # a quadrature cannot weigh NaN: unresolved leads are marked afterwards
            values[piece, node] = np.concatenate([np.nan_to_num(by_spin).ravel(), np.nan_to_num(charge)])
            unresolved.update(np.flatnonzero(np.isnan(by_spin).any(axis=-1)).tolist())
            if split:
                unresolved_charge.update(np.flatnonzero(np.isnan(charge)).tolist())
        return values, 0.0

    unresolved: set[int] = set()
    unresolved_charge: set[int] = set()
    found = integrate(integrand, pieces, len(points), 3 * leads, tolerance=positive("rtol", rtol), floor=1e-14)
    spin_resolved = found.value[:, : 2 * leads].reshape(-1, leads, 2)
    charge = found.value[:, 2 * leads :].copy()
    spin_resolved[:, list(unresolved)] = np.nan
    charge[:, list(unresolved_charge)] = np.nan
    return DeviceCurrents(
        spin_resolved.reshape(*batch, leads, 2), charge.reshape(*batch, leads), found.error.reshape(batch), solves
    )


def _occupation(energy: float, mu: Floats, kT: float) -> Floats:
    if kT == 0:
        return np.where(energy < mu, 1.0, 0.0)
    return np.asarray(expit((mu - energy) / kT))
