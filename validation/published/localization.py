"""The localization length of a wire against its mean free path: (βN + 2 - β) ℓ."""

from __future__ import annotations

import numpy as np

from . import Compared
from .wires import conductances

#: Lengths at which resistance grows linearly, and where the typical conductance decays (planes).
OHMIC, FAR = (4, 12), (60, 90, 120)
SIDE, WIDTH = 3, 3.0


def compare(quick: bool) -> list[Compared]:
    """Return the localization length of one spin with time reversal, from ⟨ln G⟩ = const - 2L/ξ."""
    samples = 60 if quick else 300

    def of(length: int) -> tuple[float, float, float, float]:
        T = conductances(samples, length, WIDTH, SIDE, reversal=True)
        G = T.samples("transmissions")[:, 0, 0]
        log = np.log(G)
        return (
            float(G.mean()),
            float(log.mean()),
            float(log.std(ddof=1) / np.sqrt(samples)),
            float(T["modes"].mean[0, 0]),
        )

    short, long = of(OHMIC[0]), of(OHMIC[1])
    N = short[3]
    # N/⟨G⟩ = 1 + L/ℓ: quasi-one-dimensional, all channels alike; weak localization included
    path = (OHMIC[1] - OHMIC[0]) / (N / long[0] - N / short[0])
    far = [of(length) for length in FAR]
    slope = np.polyfit(FAR, [x[1] for x in far], 1)[0]
    ours = float(-2 / slope)
    error = float(ours**2 / 2 * np.hypot(far[0][2], far[-1][2]) / (FAR[-1] - FAR[0]))
    return [
        Compared(
            id="localization-length",
            source="O. N. Dorokhov, Sov. Phys. JETP 58, 606 (1983); C. W. J. Beenakker, Rev. Mod. Phys. 69, 731 (1997)",
            kind="closed form",
            quantity=f"ξ = (N + 1) ℓ, N = {N:g} channels, ℓ = {path:.1f} planes of the wire; {SIDE} × {SIDE}, "
            f"width {WIDTH:g} t, E = t, {samples} samples at each length",
            published=(N + 1) * path,
            ours=ours,
            error=error,
            tolerance=0.3 * (N + 1) * path + 4 * error,
            why="ℓ from lengths between ballistic and localized carries weak localization, and the few channels are "
            "not equivalent, as the closed form assumes.",
            unit="planes",
        )
    ]
