r"""Shot noise of charge and spin, at zero temperature and a small voltage on one lead, from the scattering matrix.

With C = S_in S_in† of the biased lead and C' = S_out S_out† of all others, both products of amplitudes, the correlation
of the currents that leave channels i and j is (Büttiker)

    P_ij = 2e |eV| (e²/h) N_ij,    N_ij = Re C*_ij C'_ij,

summed here over the channels of each lead and spin. Unitarity makes C + C' = 1, so that N_ii = T_i (1 - T_i), without
a difference of large numbers, and all currents together do not fluctuate: Σ_ij N_ij = Tr C C' = 0.

M. Büttiker, Phys. Rev. B 46, 12485 (1992); Ya. M. Blanter and M. Büttiker, Phys. Rep. 336, 1 (2000), Sec. 2.
**Validity**: coherent electrons, e|V| far above the temperature and far below the energies over which S changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .. import halves
from ..arrays import Complex, Flags, Floats, Integers
from ..checks import index, refusal
from ..crystals.problem import Observable
from ..crystals.result import CrystalScattering
from ..devices.result import DeviceScattering, apply
from ..errors import ArgumentError
from ..halves import zone
from ..model.plane import band_shift
from ..printing import Printed, fields_of
from ..scattering import Scattering, scatter_quietly

#: N by spin and lead, by lead, currents by spin and lead, by lead.
Arrays = tuple[Floats, Floats, Floats, Floats]
#: Axes along which the size of `_noise`'s arrays differs in kind, counted from that of the angles.
KINDS = {"matrix": (1, 3), "total": (1, 2), "by_spin": (1,), "currents": (1,)}


@dataclass(frozen=True, repr=False, eq=False)
class Noise(Printed):
    """Correlations of the currents into the leads while ``lead_in`` is biased, and the currents."""

    #: Shape (..., leads, 2, leads, 2): N[α s, β s'] in units of 2e |eV| e²/h (per unit cell for an average), spins
    #: along each lead's m; NaN where a lead does not conserve spin.
    matrix: Floats
    total: Floats  #: Shape (..., leads, leads): the same summed over spins.
    #: `by_spin`, `currents`: Shape (..., leads, 2) and (..., leads): Σ |S|² from the biased lead to each lead and spin,
    #: and to each lead: what is reflected for the biased one.
    by_spin: Floats
    currents: Floats
    lead_in: int  #: The biased lead.
    error: float = 0.0  #: Largest estimated absolute error of an average, 0 without.

    def __str__(self) -> str:
        title = f"Noise with lead {self.lead_in} biased, in 2e|eV| e²/h"
        return fields_of(title, total=self.total, by_spin=self.by_spin, currents=self.currents, error=self.error)

    def fano(self, lead: int) -> Any:
        """Return the Fano factor of the charge current, N_αα/T_α, shape (...): 1 Poisson, 1/3 diffusive, 0 open.

        T_α of the biased lead is what leaves for all others: it is not `currents`, which is what comes back.
        """
        charge = self._charge(lead)  # which refuses what is no lead
        return _ratio(self.total[..., lead, lead], charge)

    def fano_by_spin(self, lead: int) -> Floats:
        """Return the Fano factor of each spin's current, N_ss/T_s, shape (..., 2), in a lead that is not biased."""
        if self._checked(lead) == self.lead_in:
            raise ArgumentError(
                f"Argument `lead` must not be the biased one, {self.lead_in}, where spins that are reflected flow both "
                "ways. Use `matrix`, or another lead."
            )
        own = self.matrix[..., lead, :, lead, :]
        return np.asarray(_ratio(np.diagonal(own, axis1=-2, axis2=-1), self.by_spin[..., lead, :]))

    def spin_fano(self, lead: int) -> Any:
        """Return the noise of the spin current along m over the charge current, Σ s s' N_ss'/T, shape (...)."""
        charge = self._charge(lead)
        own = self.matrix[..., lead, :, lead, :]
        signed = own[..., 0, 0] - own[..., 0, 1] - own[..., 1, 0] + own[..., 1, 1]
        return _ratio(signed, charge)

    def _checked(self, lead: int) -> int:
        """Return the number of a lead, counted from the end if negative."""
        leads = self.currents.shape[-1]
        if not -leads <= lead < leads:
            raise ArgumentError(f"Argument `lead` must be a lead 0 to {leads - 1}, but is {lead!r}.")
        return int(lead) % leads

    def _charge(self, lead: int) -> Floats:
        """Return the charge current of a lead over that of one open channel."""
        if self._checked(lead) == self.lead_in:
            return np.asarray(np.delete(self.currents, self.lead_in, axis=-1).sum(axis=-1))
        return np.asarray(self.currents[..., lead])


def _ratio(noise: Any, current: Any) -> Any:
    """Return a Fano factor, NaN where no current flows."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(current > 0, noise / current, np.nan)[()]


def shot_noise(scattering: Any, *, lead_in: int = 0) -> Noise:
    """Return the zero-frequency shot noise of what was scattered from, a junction, a sample, a Kwant system, a crystal.

    Parameters
    ----------
    scattering
        What `scatter` returned: at one or many energies and k, at all angles, or averaged over the zone.
    lead_in
        The lead that is biased against all others.

    Examples
    --------
    >>> import kwant_spinjunc as sj
    >>> iron = sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> s = sj.scatter(sj.Junction(iron, [sj.barrier(onsite=4.0, hopping=1.0, thickness=4)], iron), 0.0)
    >>> round(float(shot_noise(s).fano(1)), 4)
    0.9999
    """
    if not isinstance(scattering, (Scattering, DeviceScattering, CrystalScattering)):
        raise refusal("scattering", "be what `scatter` returns", f"is {type(scattering).__name__}")
    leads = scattering.modes.shape[-2]
    lead_in = index("lead_in", lead_in, leads, "It is the number of a lead.")
    if isinstance(scattering, CrystalScattering):
        return _of_crystal(scattering, lead_in)
    if isinstance(scattering, DeviceScattering):
        return _of_device(scattering, lead_in)
    return _of_junction(scattering, lead_in)


def _noise(
    S: Complex, lead: Integers, spin: Integers, biased: Flags, leads: int
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return the arrays of `Noise` for matrices S (..., channels, channels), rows of a lead and spin (-1: of none).

    ``biased``: which columns come in from the biased lead.
    """
    from_it, others = S[..., biased], S[..., ~biased]
    C, rest = (part @ np.swapaxes(part, -1, -2).conj() for part in (from_it, others))
    N = (C.conj() * rest).real
    passed = np.diagonal(C, axis1=-2, axis2=-1).real
    by_lead = (lead[:, None] == np.arange(leads)).astype(float)
    spins = (spin[:, None] == np.arange(2)).astype(float)
    by_spin = (by_lead[:, :, None] * spins[:, None, :]).reshape(len(lead), 2 * leads)
    matrix = (by_spin.T @ N @ by_spin).reshape(*N.shape[:-2], leads, 2, leads, 2)
    currents = (passed @ by_spin).reshape(*N.shape[:-2], leads, 2)
    for mixed in np.unique(lead[spin < 0]):
        matrix[..., mixed, :, :, :] = matrix[..., mixed, :] = currents[..., mixed, :] = np.nan
    return matrix, by_lead.T @ N @ by_lead, currents, passed @ by_lead


def _of_crystal(s: CrystalScattering, lead_in: int) -> Noise:
    def observe(solved: Any) -> Sequence[Any]:
        layout = solved.layout
        return _noise(solved.S, layout.lead, layout.spin, layout.lead == lead_in, len(solved.crystal.leads))

    found = s.measure(Observable(observe, KINDS))
    error = max((float(np.nanmax(part, initial=0.0)) for part in (found.errors or {}).values()), default=0.0)
    return Noise(**{name: found.values[name] for name in KINDS}, lead_in=lead_in, error=error)


def _of_device(s: DeviceScattering, lead_in: int) -> Noise:
    ends = np.concatenate([[0], np.cumsum(s.channels)])
    rows = [
        apply(spins.to_outgoing.conj().T, s.smatrix.data[start:end])
        for spins, start, end in zip(s.spins, ends, ends[1:], strict=False)
    ]
    spin = [
        spins.outgoing if spins.resolved else np.full(count, -1)
        for spins, count in zip(s.spins, s.channels, strict=True)
    ]
    lead = np.repeat(np.arange(len(s.channels)), s.channels)
    found = _noise(np.concatenate(rows), lead, np.concatenate(spin), lead == lead_in, len(s.channels))
    for number, spins in enumerate(s.spins):
        if not spins.resolved:
            found[0][number] = found[0][..., number, :] = found[2][number] = np.nan
    return Noise(*found, lead_in)


def _of_sample(s: Scattering, lead_in: int) -> Noise:
    """Return the noise of a supercell or a sample, from Kwant's scattering matrix; solved by it if it was not."""
    problem = s.problem
    if s.smatrix is None:
        again: dict[str, Any] = {"cross_section": problem.section.shape, "boundary": problem.section.boundary}
        again |= {"seed": s.seed, "realization": s.realization, "max_defect": s.max_defect}
        s = scatter_quietly(s.junction, s.energy, s.k, solver="modes", **again)
    lead, spin = np.repeat([0, 1], s.modes.sum(axis=1)), np.repeat([0, 1, 0, 1], s.modes.ravel())
    return Noise(*_noise(s.smatrix.data, lead, spin, lead == lead_in, 2), lead_in)


def _of_junction(s: Scattering, lead_in: int) -> Noise:
    problem = s.problem
    problem.refuse_turned()
    if not problem.section.is_single_cell or s.junction.is_disordered:
        return _of_sample(s, lead_in)
    lead, spin = np.repeat([0, 1], 2), np.tile([0, 1], 2)

    def at(c: Any) -> tuple[Floats, Floats, Floats, Floats]:
        S = halves.solve(s.junction, s.energy, c).amplitudes
        return _noise(S.reshape(*S.shape[:-4], 4, 4), lead, spin, lead == lead_in, 2)

    if not problem.is_average:
        return Noise(*at(band_shift(s.k)), lead_in)

    def observe(c: Floats) -> dict[str, Floats]:
        # what passes a barrier is not to be resolved to a part of what it reflects
        matrix, total, by_spin, currents = at(c)
        parts = {f"N{a}{b}": matrix[:, a, :, b] for a, b in np.ndindex(2, 2)}
        return (
            parts
            | {f"t{a}{b}": total[:, a, b] for a, b in np.ndindex(2, 2)}
            | {name: part[:, a] for a in (0, 1) for name, part in ((f"s{a}", by_spin), (f"c{a}", currents))}
        )

    found = zone.mean(observe, s.junction, s.energy, "average", rtol=problem.rtol, floor=problem.rtol)
    value = found.value
    matrix = np.array([[value[f"N{a}{b}"] for b in (0, 1)] for a in (0, 1)]).swapaxes(1, 2)
    total = np.array([[value[f"t{a}{b}"] for b in (0, 1)] for a in (0, 1)])
    by_spin, currents = (np.array([value[f"{name}{a}"] for a in (0, 1)]) for name in "sc")
    error = max(float(np.max(part, initial=0.0)) for part in found.error.values())
    return replace(Noise(matrix, total, by_spin, currents, lead_in), error=error)
