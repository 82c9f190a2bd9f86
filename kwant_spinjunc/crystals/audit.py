r"""A second route to crystals: Kwant itself, on the system with everything behind the cut turned by hand.

H_ij → U_i H_ij U_j† with U = exp(-iθ n·S/2) between sites behind the cut, and in the leads there; hoppings across it
stay. Neither planes nor Fourier series, neither surfaces nor halves enter. Of many points and angles three are solved,
the first, the middle and the last of each; of an average three momenta that know nothing of symmetry, so that the
integrand is checked, and the integral as before by its ``k_error``.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np

from ..arrays import Complex, Floats
from ..devices.scatter import prepare_device, scatter_device
from ..devices.spin_channels import cell_sites
from ..errors import ArgumentError, DisagreementError, NoOpenChannelError
from ..model.problem import MAX_DEFECT
from ..optional import kwant
from ..solved import refuse_disagreement
from .crystal import Crystal
from .observe import lead_axes
from .problem import BASIC, TURNED
from .result import CrystalScattering

#: How many points and angles are solved again, and momenta of an average.
SAMPLES, SEED = 3, 5
#: Defect of Kwant's solution that is accepted: it shows in what differs.
ANY = 1.0


def audit(found: CrystalScattering) -> float:
    """Return the largest difference of a probability, transmission or flux through the cut from that of Kwant.

    Raises `DisagreementError`: It is larger than the tolerance, or no point could be compared. Raises `BandEdgeError`:
    Kwant finds no modes there.
    """
    measurement = found.measurement
    problem, energy, k = measurement.problem, measurement.energy, measurement.k
    if k is None:
        k = np.random.default_rng(SEED).uniform(-np.pi, np.pi, (SAMPLES, len(found.momenta)))
        energy = np.repeat(energy, SAMPLES)
    points = np.linspace(0, len(energy) - 1, SAMPLES).round().astype(int)
    angles = np.linspace(0, problem.angles - 1, SAMPLES).round().astype(int)
    worst, compared = 0.0, False
    for point, angle in dict.fromkeys(zip(points.tolist(), angles.tolist(), strict=True)):
        turn = problem.turn and replace(problem.turn, angles=problem.turn.angles[[angle]])
        asked = [BASIC] if turn is None else [BASIC, TURNED]
        own = replace(problem, turn=turn).observe(energy[[point]], k[[point]], asked)
        if own.bad.any():
            continue
        compared = True
        for name, theirs in _by_kwant(problem.crystal, turn, float(energy[point]), k[point]).items():
            worst = max(worst, float(np.nanmax(abs(own.values[name][0, 0] - theirs), initial=0.0)))
    if not compared:
        raise DisagreementError(
            f"Argument `check` must find a point to compare, but the {len(points)} tried miss unitarity or are too "
            "near a band edge. Move the energy."
        )
    allowed = min(found.max_defect, 10 * MAX_DEFECT) if found.k_error is not None else found.max_defect
    refuse_disagreement("the crystal", "Kwant on the turned system", worst, allowed)
    return worst


def _by_kwant(crystal: Crystal, turn: Any, energy: float, k: Floats) -> dict[str, Floats]:
    """Return T[α s, β s'], T[α, β], and with a turn the flux of charge and spin through the cut by lead."""
    device, params = crystal.device, {**crystal.params, **dict(zip(crystal.momenta, k.tolist(), strict=True))}
    system = device.system if turn is None else turned_system(crystal, float(turn.angles[0]), turn.axis)
    whole = replace(device, system=system, spin=crystal.spin, params=params, barriers={})
    try:
        s = scatter_device(prepare_device(whole, None, lead_axes(crystal, turn)[0]), energy, None, ANY)
    except NoOpenChannelError:
        return {"conductance": np.zeros(())}
    found = {"probabilities": s.probabilities, "conductance": s.between_leads()}
    if turn is None:
        return found
    behind, edges = _behind(crystal), device.edges
    hoppings = edges[behind[edges[:, 0]] & ~behind[edges[:, 1]]]
    waves = map(s.channel_waves, range(len(s.channels)))
    return found | {"flux": np.array([whole.flux_per_mode(psi, hoppings, params).sum(axis=0) for psi in waves])}


def _behind(crystal: Crystal) -> Any:
    """Return which sites lie behind the cut."""
    behind = np.zeros(len(crystal.device.system.sites), dtype=bool)
    for planes in crystal.partition.sides[1:]:
        behind[np.concatenate(planes)] = True
    return behind


def turned_system(crystal: Crystal, angle: float, axis: Floats) -> Any:
    """Return a copy of the Kwant system with the spins behind the cut and of the leads there turned."""
    device, spin = crystal.device, crystal.spin
    if spin is None:
        raise ArgumentError("Argument `turns` must be left out for sites without spin (spin=None).")

    def rotation(site: Any) -> Complex:
        S = np.asarray(spin(site))
        return np.asarray(np.cos(angle / 2) * np.eye(S.shape[-1]) - 1j * np.sin(angle / 2) * np.tensordot(axis, S, 1))

    def with_turned(part: Any, rotations: Mapping[int, Complex]) -> Any:
        new, of = copy(part), part.hamiltonian

        def hamiltonian(i: int, j: int, *args: Any, params: Any = None) -> Any:
            matrix = np.asarray(of(i, j, *args, params=params))
            # hoppings across the cut carry spin as it is
            return rotations[i] @ matrix @ rotations[j].conj().T if i in rotations and j in rotations else matrix

        new.hamiltonian = hamiltonian
        return new

    system, behind = device.system, _behind(crystal)
    turned = with_turned(system, {int(i): rotation(system.sites[i]) for i in np.flatnonzero(behind)})
    turned.leads = []
    for number, lead in enumerate(system.leads):
        if not crystal.leads[number].side:
            turned.leads.append(lead)
            continue
        sites = cell_sites(system, number) + [system.sites[i] for i in system.lead_interfaces[number]]
        new = with_turned(lead, {i: rotation(site) for i, site in enumerate(sites)})
        # a declared law is not turned: spins are told from the wave functions
        new.discrete_symmetry = lambda *args, params=None: kwant.physics.DiscreteSymmetry()
        turned.leads.append(new)
    return turned
