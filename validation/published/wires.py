"""Disordered nonmagnetic wires, one spin: what several published numbers are about."""

from functools import cache

import numpy as np

from kwant_spinjunc import Anderson, Junction, ensemble, normal_metal
from kwant_spinjunc.model.plane import CrossSection

from ..laboratory import amplitudes_by_kwant

#: A cubic band at E = t with Anderson disorder of full width 3 or 4 t.
HOST = {"onsite": 0.0, "hopping": 1.0, "in_plane_hopping": 1.0}
ENERGY = 1.0
#: A Bloch vector that no symmetry of time reversal leaves alone, 1/a.
GENERIC = (0.13, 0.21)


def wire(length: int, width: float) -> Junction:
    """Return so many planes of disorder of this width between clean leads."""
    lead = normal_metal(**HOST)
    return Junction(lead, [normal_metal(**HOST, thickness=length, disorder=[Anderson(width=width)])], lead)


@cache
def eigenvalues(samples: int, length: int = 20, width: float = 3.0, side: int = 5) -> np.ndarray:
    """Return transmission eigenvalues of one spin of samples at a generic Bloch vector, by Kwant."""
    section = CrossSection((side, side), "periodic", GENERIC)
    t = [amplitudes_by_kwant(wire(length, width), ENERGY, section, number) for number in range(samples)]
    # both spins are alike: every eigenvalue is there twice
    return np.array([np.linalg.svd(one, compute_uv=False)[::2] ** 2 for one in t])


@cache
def conductances(
    samples: int, length: int, width: float, side: int, *, reversal: bool, energy: float = ENERGY
) -> np.ndarray:
    """Return G of one spin of samples with time reversal (periodic, Γ), or without (a generic Bloch vector)."""
    k, sampling = None if reversal else GENERIC, {"cross_section": (side, side), "boundary": "periodic"}
    options = {"realizations": samples, "workers": 1, "progress": False, "torques": False}
    found = ensemble(wire(length, width), energy, k=k, **sampling, **options)
    return found.samples("transmissions")[:, 0, 0]
