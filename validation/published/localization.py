"""The localization length of a wire against its mean free path: (βN + 2 - β) ℓ."""

import numpy as np

from . import Compared
from .wires import conductances

#: 3 × 3 sites at an energy where N = 8 modes have one velocity and the ninth, at Γ, is closed: equivalent channels.
SIDE, WIDTH, ENERGY = 3, 2.0, 0.5
#: Two lengths, in localization lengths: their difference has no contact resistance.
FAR = (5, 9)


def compare(quick: bool) -> list[Compared]:
    """Return the localization length of one spin with time reversal, from ⟨ln G⟩ = const - 2L/ξ."""
    samples, sites = 50 if quick else 300, SIDE**2
    cosines = np.cos(2 * np.pi * np.arange(SIDE) / SIDE)
    longitudinal = -ENERGY / 2 - np.add.outer(cosines, cosines).ravel()
    v = 2 * np.sqrt(1 - longitudinal[abs(longitudinal) < 1] ** 2)
    N = len(v)
    # golden rule between channels of one velocity: reflection of a plane, 1/ℓ = N ⟨V²⟩/(sites v²), ⟨V²⟩ = W²/12
    path = float(12 * sites * v.mean() ** 2 / (N * WIDTH**2))
    xi = (N + 1) * path
    lengths = [round(x * xi) for x in FAR]
    log = np.log([conductances(samples, L, WIDTH, SIDE, reversal=True, energy=ENERGY) for L in lengths])
    ours = float(2 * (lengths[1] - lengths[0]) / (log[0].mean() - log[1].mean()))
    error = float(ours**2 / 2 * np.sqrt(log.var(axis=1, ddof=1).sum() / samples) / (lengths[1] - lengths[0]))
    return [
        Compared(
            id="localization-length",
            source="O. N. Dorokhov, Sov. Phys. JETP 58, 606 (1983); C. W. J. Beenakker, Rev. Mod. Phys. 69, 731 (1997)",
            kind="closed form",
            quantity=f"ξ = (N + 1) ℓ, N = {N} channels of one velocity, ℓ = {path:.2f} planes by the golden rule; "
            f"{SIDE} × {SIDE}, width {WIDTH:g} t, E = {ENERGY:g} t, {lengths[0]} and {lengths[1]} planes, "
            f"{samples} samples of each",
            published=xi,
            ours=ours,
            error=error,
            tolerance=0.12 * xi + 3 * error,
            why="ℓ is of first order in ⟨V²⟩, which leaves about a tenth at this width (less at 1.5 t); and ⟨ln G⟩ is "
            "linear only beyond several ξ (1.12 between 3 and 5, 1.09 between 5 and 8 with 600 samples).",
            unit="planes",
        )
    ]
