"""The torque per current: one term of Slonczewski, or two of Xiao, Zangwill and Stiles."""

from __future__ import annotations

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


def torque_fit(response: AngularResponse, free: Side) -> TorqueFit:
    """Return both laws of the torque on the free magnet."""
    Phi = response.angles
    sine, cosine = np.sin(Phi), np.cos(Phi)
    torque, field_like = response.efficiencies(free)
    size = float(np.hypot(torque, field_like).max())
    weight = sine @ sine
    prime = float(field_like @ sine / weight)
    prime_misfit = field_like - prime * sine
    prime_estimate = Estimate(prime, float(np.sqrt(prime_misfit @ prime_misfit / ((len(sine) - 1) * weight))))

    def residual(misfit: Floats) -> float:
        return relative_misfit(np.hypot(misfit, prime_misfit), size)

    def fit(law: str, found: dict[str, Estimate], misfit: Floats) -> Fit:
        return Fit(law, found | {"epsilon_prime": prime_estimate}, residual(misfit), SCALE, len(Phi))

    if not torque.any():  # no torque, no asymmetry of it
        one, two = WITHOUT_TORQUE
        return TorqueFit(free, fit(ONE_TERM, one, torque), fit(TWO_TERMS, two, torque))

    # ε (1 + χ cos Φ) = A is linear in A and χ: the start of the fit of ε = A/(1 + χ cos Φ), χ = tanh u
    columns = np.stack([sine, -torque * cosine], axis=-1)
    A, chi = np.linalg.lstsq(columns, torque, rcond=None)[0]
    start = [A, np.arctanh(np.clip(chi, -0.999, 0.999))]

    def single(x: Floats) -> Floats:
        return np.asarray(x[0] * sine / (1 + LARGEST_ASYMMETRY * np.tanh(x[1]) * cosine))

    def single_slopes(x: Floats) -> Floats:
        swing = 1 + LARGEST_ASYMMETRY * np.tanh(x[1]) * cosine
        return np.stack([sine / swing, -x[0] * sine * cosine / swing**2 / np.cosh(x[1]) ** 2], axis=-1)

    (A, u), covariance, misfit = least_squares_fit(single, torque, start, single_slopes)
    chi = LARGEST_ASYMMETRY * np.tanh(u)
    slope = 1 / np.cosh(u) ** 2  # dχ/du
    P, asymmetry = 2 * A / (1 + chi), np.sqrt((1 + chi) / (1 - chi))
    symmetric = fit(
        ONE_TERM,
        {
            "P": Estimate(float(P), standard_error(covariance, 2 / (1 + chi), -P * slope / (1 + chi))),
            "Lambda": Estimate(float(asymmetry), standard_error(covariance, 0, asymmetry * slope / (1 - chi**2))),
            "chi": Estimate(float(chi), standard_error(covariance, 0, slope)),
        },
        misfit,
    )
    # two terms: b >= 0 by exchange of q_+ and q_-
    b0 = max(abs(chi), 0.3)

    def terms(b: Any) -> Floats:
        return np.stack([sine / (1 + b * cosine), sine / (1 - b * cosine)], axis=-1)

    q0 = np.linalg.lstsq(terms(b0), torque, rcond=None)[0]

    def double(x: Floats) -> Floats:
        return np.asarray(terms(LARGEST_ASYMMETRY * np.tanh(x[2])) @ x[:2])

    def double_slopes(x: Floats) -> Floats:
        both = terms(LARGEST_ASYMMETRY * np.tanh(x[2]))
        change = both**2 @ (x[:2] * [-1, 1]) * cosine / np.where(sine == 0, 1.0, sine) / np.cosh(x[2]) ** 2
        return np.column_stack([both, change])

    x, covariance, misfit = least_squares_fit(double, torque, [*q0, np.arctanh(b0)], double_slopes)
    one_term = single(np.array([A, u])) - torque
    if misfit @ misfit > one_term @ one_term:  # never worse than its special case
        x, covariance, misfit = np.array([A, 0.0, u]), np.zeros((3, 3)), one_term
    b = LARGEST_ASYMMETRY * np.tanh(x[2])
    first, second = [
        Estimate(float(q), standard_error(covariance, *row)) for q, row in zip(x[:2], np.eye(3)[:2], strict=True)
    ]
    q_plus, q_minus = (first, second) if b >= 0 else (second, first)
    asymmetric = fit(
        TWO_TERMS,
        {
            "q_plus": q_plus,
            "q_minus": q_minus,
            "b": Estimate(float(abs(b)), standard_error(covariance, 0, 0, 1 / np.cosh(x[2]) ** 2)),
        },
        misfit,
    )
    return TorqueFit(free, symmetric, asymmetric)
