"""Current and torques of a Kwant system against the angle between its magnets, all behind a cut being turned."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...checks import finite, finite_array
from ...crystals.observe import magnet_axes
from ...crystals.scatter import refuse_spin_orbit, scatter_crystal
from ...devices.device import as_device
from ...errors import ArgumentError
from ...spin import angle_between
from ...transport.observables import resolved_torques
from .response import ANGLES, AngularResponse

#: The angle that is asked for and that of the leads agree to this.
SAME_ANGLE = 1e-6


def system_response(
    system: Any, energy: float = 0.0, k: Any = None, *, angles: ArrayLike = ANGLES, behind: Any = None
) -> AngularResponse:
    """Return the exact angular response of a Kwant system of two leads, in e²/h of all of it, or per cell of its plane.

    Its spins behind a cut are turned about y; the torque on a magnet is what enters its side of the cut and does not
    leave through its lead.

    ``system``: a `Device` or finalized system, its magnets parallel and across y.
    ``k``: momenta of a system periodic in its plane, or ``"average"``, see `scatter`.
    ``angles``: Φ in radians within [0, π], shape (n,), n >= 5.
    ``behind``: the cut in the spacer, as for `scatter`; None for the only one that a `Device` names. Lead 0 is the left
    magnet, in front of it.
    """
    device = as_device(system)
    Phi, energy = np.unique(finite_array("angles", angles).ravel()), finite("energy", energy)
    if len(device.system.leads) != 2:
        raise ArgumentError(f"Argument `system` must have two leads, but has {len(device.system.leads)}.")
    if behind is None:
        if len(device.cuts) != 1:
            raise ArgumentError(
                f"Argument `behind` must name the cut in the spacer, one of {list(device.cuts) or 'none so far'}."
            )
        behind = next(iter(device.cuts))
    if device.cut(behind).behind.tolist() != [False, True]:
        raise ArgumentError("Argument `behind` must separate lead 0, in front of it, from lead 1, behind it.")
    refuse_spin_orbit(device, behind)
    s = scatter_crystal(device, energy, k=k, turns=Phi, behind=behind)
    if s.probabilities.ndim != 5 or not np.isfinite(s.probabilities).all():
        raise ArgumentError(
            "Argument `system` must have leads of definite spin at one momentum or averaged, but has not."
        )
    problem = s.measurement.problem
    m = magnet_axes(problem.crystal, problem.turn)
    between = angle_between(m[:, 0], m[:, 1])
    worst = int(np.argmax(abs(between - Phi)))
    if abs(between - Phi)[worst] > SAME_ANGLE:
        raise ArgumentError(
            "Argument `system` must have magnets that are parallel and perpendicular to y, but when turned by "
            f"{np.degrees(Phi[worst]):.4g} deg they are {np.degrees(between[worst]):.4g} deg apart. Set its own angle "
            "to 0."
        )
    torques = resolved_torques(m, np.einsum("l,nclsi->nci", np.array([0.5, -0.5]), s.side_torques))
    current = s.between_leads()[:, [1, 0], [0, 1]].mean(axis=-1)
    point = "" if k is None else ", Brillouin-zone average" if isinstance(k, str) else f", k = {k}"
    source = f"a Kwant system turned behind a cut, E = {energy:g}{point}, linear response"
    parts = torques.damping_like, torques.field_like
    return AngularResponse(Phi, current, *parts, source=source, energy=energy, k=k)
