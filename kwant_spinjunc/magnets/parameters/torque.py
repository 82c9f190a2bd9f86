"""The torque per current: one term of Slonczewski, or two of Xiao, Zangwill and Stiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...arrays import Floats, Side
from .fits import Estimate, Fit, least_squares_fit, relative_misfit, standard_error
from .response import AngularResponse

#: |χ| of a fit stays below this; Λ² = (1 + χ)/(1 - χ) diverges at 1 (half metals).
LARGEST_ASYMMETRY = 1 - 1e-9


@dataclass(frozen=True, eq=False)
class TorqueFit:
    r"""Slonczewski's torque per current on one magnet.

    dm/dt = γβ [ε(Φ) m×(m_p×m) + ε' m_p×m], β = ħJ/(e µ_0 M_s d), in every code; m, m_p the magnetizations of the free
    and the fixed magnet, J > 0 for electrons that flow from the fixed into the free one.
    """

    free: Side  #: "left" or "right".
    #: P, Λ and ε' of ε = PΛ²/[(Λ² + 1) + (Λ² - 1) cos Φ], with χ = (Λ² - 1)/(Λ² + 1). Λ < 1 for inverse
    #: magnetoresistance; `kwant_spinjunc.magnets.export` brings (P, Λ) into the range a code takes.
    symmetric: Fit
    asymmetric: Fit  #: q_plus, q_minus, b and ε' of ε = q_+/(1 + b cos Φ) + q_-/(1 - b cos Φ), two different contacts.


ONE_TERM = "ε = PΛ²/[(Λ² + 1) + (Λ² - 1) cos Φ]"
TWO_TERMS = "ε = q_+/(1 + b cos Φ) + q_-/(1 - b cos Φ)"
SCALE = "the largest torque per current"
#: Both laws of a magnet without damping-like torque: no asymmetry of it either.
WITHOUT_TORQUE = (
    {"P": Estimate(0.0), "Lambda": Estimate(1.0), "chi": Estimate(0.0)},
    dict.fromkeys(("q_plus", "q_minus", "b"), Estimate(0.0)),
)


@dataclass(frozen=True, eq=False)
class _Terms:
    """ε sin Φ = Σ_i q_i sin Φ/(1 + s_i b cos Φ) of signs s_i, with b = tanh u; parameters are q_i and u."""

    signs: Floats
    angles: Floats

    def at(self, u: Any) -> Floats:
        """Return the terms, shape (angles, signs)."""
        swing = LARGEST_ASYMMETRY * np.tanh(u) * self.signs * np.cos(self.angles)[:, None]
        return np.asarray(np.sin(self.angles)[:, None] / (1 + swing))

    def slopes(self, x: Floats) -> Floats:
        """Return the derivatives in all parameters."""
        terms, sine = self.at(x[-1]), np.sin(self.angles)
        change = terms**2 @ (-x[:-1] * self.signs) * np.cos(self.angles) / np.where(sine == 0, 1.0, sine)
        return np.column_stack([terms, change / np.cosh(x[-1]) ** 2])

    def fit(self, torque: Floats, start: Sequence[float]) -> tuple[Floats, Floats, Floats]:
        """Return parameters, their covariance and the misfits."""
        return least_squares_fit(lambda x: self.at(x[-1]) @ x[:-1], torque, start, self.slopes)


def torque_fit(response: AngularResponse, free: Side) -> TorqueFit:
    """Return both laws of the torque on the free magnet."""
    Phi = response.angles
    sine = np.sin(Phi)
    torque, field_like = response.efficiencies(free)
    size = float(np.hypot(torque, field_like).max())
    weight = sine @ sine
    prime = float(field_like @ sine / weight)
    prime_misfit = field_like - prime * sine
    prime_estimate = Estimate(prime, float(np.sqrt(prime_misfit @ prime_misfit / ((len(sine) - 1) * weight))))

    def fit(law: str, found: dict[str, Estimate], misfit: Floats) -> Fit:
        residual = relative_misfit(np.hypot(misfit, prime_misfit), size)
        alone = relative_misfit(misfit, float(abs(torque).max()))
        return Fit(law, found | {"epsilon_prime": prime_estimate}, residual, SCALE, len(Phi), alone)

    if not torque.any():  # no torque, no asymmetry of it
        one, two = WITHOUT_TORQUE
        return TorqueFit(free, fit(ONE_TERM, one, torque), fit(TWO_TERMS, two, torque))

    # ε (1 + χ cos Φ) = A is linear in A and χ: the start of the fit of ε = A/(1 + χ cos Φ)
    A, chi = np.linalg.lstsq(np.column_stack([sine, -torque * np.cos(Phi)]), torque, rcond=None)[0]
    (A, u), covariance, one_term = _Terms(np.ones(1), Phi).fit(torque, [A, np.arctanh(np.clip(chi, -0.999, 0.999))])
    chi = LARGEST_ASYMMETRY * np.tanh(u)
    slope = 1 / np.cosh(u) ** 2  # dχ/du
    P, asymmetry = 2 * A / (1 + chi), np.sqrt((1 + chi) / (1 - chi))
    single = {
        "P": Estimate(float(P), standard_error(covariance, 2 / (1 + chi), -P * slope / (1 + chi))),
        "Lambda": Estimate(float(asymmetry), standard_error(covariance, 0, asymmetry * slope / (1 - chi**2))),
        "chi": Estimate(float(chi), standard_error(covariance, 0, slope)),
    }
    # two terms: b >= 0 by exchange of q_+ and q_-
    terms, u0 = _Terms(np.array([1.0, -1.0]), Phi), np.arctanh(max(abs(chi), 0.3))
    x, covariance, misfit = terms.fit(torque, [*np.linalg.lstsq(terms.at(u0), torque, rcond=None)[0], u0])
    if misfit @ misfit > one_term @ one_term:  # never worse than its special case
        x, covariance, misfit = np.array([A, 0.0, u]), np.zeros((3, 3)), one_term
    b = LARGEST_ASYMMETRY * np.tanh(x[2])
    both = [Estimate(float(q), standard_error(covariance, *row)) for q, row in zip(x[:2], np.eye(2, 3), strict=True)]
    q_plus, q_minus = both if b >= 0 else both[::-1]
    width = Estimate(float(abs(b)), standard_error(covariance, 0, 0, 1 / np.cosh(x[2]) ** 2))
    double = {"q_plus": q_plus, "q_minus": q_minus, "b": width}
    return TorqueFit(free, fit(ONE_TERM, single, one_term), fit(TWO_TERMS, double, misfit))
