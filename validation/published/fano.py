"""Shot noise, third cumulant and bimodal transmissions of a diffusive wire."""

from typing import Any

import numpy as np

from . import Compared
from .wires import eigenvalues

BEENAKKER = "C. W. J. Beenakker, M. Büttiker, Phys. Rev. B 46, 1889 (1992)"
LEE = "H. Lee, L. S. Levitov, A. Yu. Yakovets, Phys. Rev. B 51, 4079 (1995)"
DOROKHOV = "O. N. Dorokhov, Solid State Commun. 51, 381 (1984)"
BIMODAL = "part of G from T > 1/2, density ∝ 1/(T√(1−T))"


def compare(quick: bool) -> list[Compared]:
    """Return Fano factor, third cumulant and the part of G carried by channels more than half open."""
    T = eigenvalues(24 if quick else 120)

    def ratio(function: Any) -> tuple[float, float]:
        parts, G = function(T).sum(axis=1), T.sum(axis=1)
        value = parts.sum() / G.sum()
        return float(value), float(np.std(parts - value * G, ddof=1) / np.sqrt(len(G)) / G.mean())

    rows = (
        ("fano-third", BEENAKKER, "Fano factor ⟨ΣT(1−T)⟩/⟨ΣT⟩", 1 / 3, lambda T: T * (1 - T)),
        ("third-cumulant", LEE, "third cumulant ⟨ΣT(1−T)(1−2T)⟩/⟨ΣT⟩", 1 / 15, lambda T: T * (1 - T) * (1 - 2 * T)),
        ("dorokhov-bimodal", DOROKHOV, BIMODAL, float(np.sqrt(0.5)), lambda T: np.where(T > 0.5, T, 0.0)),
    )
    why = "N = 14 channels and a length of a few mean free paths leave corrections in 1/L and 1/G of some percent."
    found = []
    for name, source, quantity, value, function in rows:
        ours, error = ratio(function)
        text = f"{quantity}; 5 × 5 sites, 20 planes, Anderson width 3 t, E = t, {len(T)} samples by Kwant"
        found.append(
            Compared(
                id=name,
                source=source,
                kind="exact",
                quantity=text,
                published=value,
                ours=ours,
                error=error,
                tolerance=0.1 * value + 4 * error + (0.01 if name == "third-cumulant" else 0.0),
                why=why,
            )
        )
    return found
