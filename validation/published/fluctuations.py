"""Universal conductance fluctuations of a quasi-one-dimensional wire, with and without time reversal."""

import numpy as np

from . import Compared
from .wires import conductances

SOURCE = "P. A. Lee, A. D. Stone, H. Fukuyama, Phys. Rev. B 35, 1039 (1987); C. W. J. Beenakker, ibid. 47, 15763 (1993)"
#: Cross-section, a short wire that is not yet one-dimensional, and the one compared, in planes.
SIDE, SHORT, LONG = 7, 20, 60


def compare(quick: bool) -> list[Compared]:
    """Return the variance of the conductance of one spin, in (e²/h)²."""
    samples, found = 160 if quick else 800, []
    for reversal, value in ((True, 2 / 15), (False, 1 / 15)):
        wide, narrow = (
            conductances(n, planes, 3.0, SIDE, reversal=reversal)
            for planes, n in ((SHORT, samples // 2), (LONG, samples))
        )
        before, ours = (float(G.var(ddof=1)) for G in (wide, narrow))
        error = ours * float(np.sqrt(2 / (samples - 1)))
        what = "periodic at Γ (time reversal)" if reversal else "generic Bloch vector (none)"
        found.append(
            Compared(
                id=f"fluctuations-{'orthogonal' if reversal else 'unitary'}",
                source=SOURCE,
                kind="exact",
                quantity=f"variance of G of one spin, {what}; {SIDE} × {SIDE} sites, {LONG} planes, Anderson width "
                f"3 t, E = t, {samples} samples",
                published=value,
                ours=ours,
                error=error,
                tolerance=0.12 * value + 3 * error,
                why=f"A limit: long against the width, ⟨G⟩ ≫ 1. The same wire of {SHORT} planes, "
                f"{SHORT / SIDE:.1f} widths, has {before / value:.2f} times the limit at ⟨G⟩ = {wide.mean():.1f}; at "
                f"{LONG / SIDE:.1f} widths (⟨G⟩ = {narrow.mean():.1f}) {ours / value:.2f} ± {error / value:.2f} times.",
                unit="(e²/h)²",
            )
        )
    return found
