"""Universal conductance fluctuations of a quasi-one-dimensional wire, with and without time reversal."""

from __future__ import annotations

import numpy as np

from . import Compared
from .wires import conductances

SOURCE = "P. A. Lee, A. D. Stone, H. Fukuyama, Phys. Rev. B 35, 1039 (1987); C. W. J. Beenakker, ibid. 47, 15763 (1993)"


def compare(quick: bool) -> list[Compared]:
    """Return the variance of the conductance of one spin, in (e²/h)²."""
    samples, found = 160 if quick else 900, []
    for reversal, value in ((True, 2 / 15), (False, 1 / 15)):
        G = conductances(samples, 20, 3.0, 5, reversal=reversal).samples("transmissions")[:, 0, 0]
        variance = float(G.var(ddof=1))
        error = variance * float(np.sqrt(2 / (samples - 1)))
        what = "periodic at Γ (time reversal)" if reversal else "generic Bloch vector (none)"
        found.append(
            Compared(
                id=f"fluctuations-{'orthogonal' if reversal else 'unitary'}",
                source=SOURCE,
                kind="exact",
                quantity=f"variance of G of one spin, {what}; 5 × 5 sites, 20 planes, Anderson width 3 t, E = t, "
                f"{samples} samples",
                published=value,
                ours=variance,
                error=error,
                tolerance=0.35 * value + 4 * error,
                why="The wire is five sites wide and a few mean free paths long, not long and quasi-one-dimensional; "
                "2/15 and 1/15 are limits. Random twists, as in the ensembles, lie between both.",
                unit="(e²/h)²",
            )
        )
    return found
