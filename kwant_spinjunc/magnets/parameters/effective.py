"""The numbers a micromagnetic code asks for, each with the misfit of its law."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...arrays import Floats, Side
from ...devices.device import Device
from ...errors import ArgumentError
from ...model.junction import Junction
from ...optional import is_kwant
from ...printing import Printed
from ...theory import circuit
from ...transport.observables import resolved_torques
from .fits import Estimate, Fit, least_squares_fit, relative_misfit, standard_error
from .interfaces import InterfaceParameters, spacer_interfaces
from .response import (
    ANGLES,
    NO_CURRENT,
    AngularResponse,
    angular_response,
    angular_response_from,
    refuse_settings,
    side_index,
    system_response,
)
from .torque import TorqueFit, torque_fit


def tunnelling_conductance(response: AngularResponse) -> Fit:
    """Fit G_0 (1 + χ cos Φ)."""
    cosine, J = np.cos(response.angles), response.current
    columns = np.column_stack([np.ones(len(J)), cosine])
    (G0, swing), covariance, misfit = least_squares_fit(lambda x: columns @ x, J, [J.mean(), 0.0], lambda _: columns)
    estimates = {
        "G_0": Estimate(float(G0), standard_error(covariance, 1, 0)),
        "chi": Estimate(float(swing / G0), standard_error(covariance, -swing / G0**2, 1 / G0)),
    }
    # relative to the modulation: a constant has no angular law to be wrong about, hence the floor of rounding
    span = max(float(np.ptp(J)), 1e-9 * float(abs(J).max()))
    return Fit("G = G_0 (1 + χ cos Φ)", estimates, relative_misfit(misfit, span), "the change of G with Φ", len(J))


def _metallic_resistance(response: AngularResponse) -> Fit:
    half, R = response.angles / 2, 1 / response.current
    s2, c2 = np.sin(half) ** 2, np.cos(half) ** 2

    def law(x: Floats) -> Floats:
        return np.asarray(x[0] + x[1] * s2 / (1 + np.expm1(x[2]) * c2))

    def slopes(x: Floats) -> Floats:
        below = 1 + np.expm1(x[2]) * c2
        return np.column_stack([np.ones(len(R)), s2 / below, -x[1] * s2 * np.exp(x[2]) * c2 / below**2])

    size = abs(R).max()
    law_text = "R = R_P + (R_AP - R_P) sin²(Φ/2)/[1 + (Λ² - 1) cos²(Φ/2)]"
    scale_text = "the change of R with Φ"
    if np.ptp(R) <= NO_CURRENT * size:  # nothing depends on the angle, so nothing fixes Λ
        constant = Estimate(float(R.mean()))
        estimates = {"R_P": constant, "R_AP": constant, "Lambda": Estimate(1.0, np.inf)}
        return Fit(law_text, estimates, 0.0, scale_text, len(R))
    start = [R[0] / size, (R[-1] - R[0]) / size, 0.0]
    x, covariance, misfit = least_squares_fit(law, R / size, start, slopes)
    Lambda = float(np.exp(x[2] / 2))
    estimates = {
        "R_P": Estimate(float(x[0] * size), standard_error(covariance, size, 0, 0)),
        "R_AP": Estimate(float((x[0] + x[1]) * size), standard_error(covariance, size, size, 0)),
        "Lambda": Estimate(Lambda, standard_error(covariance, 0, 0, Lambda / 2)),
    }
    span = max(float(np.ptp(R)) / size, 1e-9)
    return Fit(law_text, estimates, relative_misfit(misfit, span), scale_text, len(R))


def _tunnelling_polarizations(response: AngularResponse, G0: float) -> Fit:
    sine = np.sin(response.angles)
    data = np.stack([response.damping_like[:, 1], -response.damping_like[:, 0]]) / G0
    weight = sine @ sine
    P = data @ sine / weight
    misfit = data - P[:, None] * sine
    errors = np.sqrt((misfit**2).sum(axis=1) / ((len(sine) - 1) * weight))
    estimates = {
        name: Estimate(float(p), float(error)) for name, p, error in zip(("P_L", "P_R"), P, errors, strict=True)
    }
    law = "τ_R·e_R = G_0 P_L sin Φ, τ_L·e_L = -G_0 P_R sin Φ"
    return Fit(law, estimates, relative_misfit(misfit, float(abs(data).max())), "the largest torque", len(sine))


@dataclass(frozen=True, repr=False, eq=False)
class EffectiveParameters(Printed):
    """Effective parameters of a junction, see `effective_parameters`; printing it shows which of them hold."""

    response: AngularResponse  #: The microscopic numbers all fits rest on.
    conductance: Fit  #: G_0 and chi of the tunnelling law.
    resistance: Fit  #: R_P, R_AP and Lambda of the metallic law.
    polarizations: Fit  #: P_L and P_R of the tunnelling torques.
    torques: tuple[TorqueFit, TorqueFit]  #: On the left and on the right magnet.
    #: Left and right; empty where there is no metallic spacer or no junction.
    interfaces: tuple[InterfaceParameters, ...] = ()
    #: Largest misfit of the torques per current that circuit theory makes of ``interfaces`` (bare conductances),
    #: relative to the largest microscopic one; None without interfaces. Coherent junctions miss it by a lot.
    circuit_residual: float | None = None

    @property
    def chi_defect(self) -> float:
        """χ - P_L P_R: zero where conductance and torques agree about the polarizations."""
        return float(self.conductance["chi"] - self.polarizations["P_L"] * self.polarizations["P_R"])

    def torque(self, free: Side) -> TorqueFit:
        """Return the torque fit of the free magnet, "left" or "right"."""
        return self.torques[side_index(free)]

    def __str__(self) -> str:
        lines = [f"Effective parameters ({self.response.source or 'given data'}; {len(self.response.angles)} angles)"]
        fits = [self.conductance, self.resistance, self.polarizations]
        lines += [f"  {fit}" for fit in fits]
        lines.append(f"  χ - P_L P_R = {self.chi_defect:.2g}")
        for torque in self.torques:
            lines.append(f"  free {torque.free}: {torque.symmetric}")
            lines.append(f"  free {torque.free}: {torque.asymmetric}")
        lines += [f"  {interface}" for interface in self.interfaces]
        if self.circuit_residual is not None:
            lines.append(f"  circuit theory misses the torques by {self.circuit_residual:.2g} of the largest")
        return "\n".join(lines)


def effective_parameters(
    source: Any,
    energy: float = 0.0,
    k: Any = None,
    *,
    angles: ArrayLike = ANGLES,
    bias: float | None = None,
    temperature: float = 0.0,
    behind: Any = None,
) -> EffectiveParameters:
    """Return the effective parameters of a junction, with the misfit of every parametrization.

    Parameters
    ----------
    source
        A `Junction`, solved at ``energy`` and ``k`` over ``angles`` (see `angular_response`); or an `AngularResponse`;
        or anything `angular_response_from` takes: a sweep's Dataset, Scattering results; or a Kwant system.
    energy, k, angles, bias, temperature
        As in `angular_response`; for a `Junction`, and without bias for a Kwant system.
    behind
        The cut of a Kwant system behind which everything is turned, see `system_response`.

    Examples
    --------
    >>> from kwant_spinjunc.model.junction import Junction, barrier, ferromagnet
    >>> iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> tunnel = Junction(ferromagnet(**iron), [barrier(onsite=5.0, hopping=1.0, thickness=5)], ferromagnet(**iron))
    >>> found = effective_parameters(tunnel)
    >>> found.torque("right").symmetric.is_valid(), round(float(found.polarizations["P_L"]), 4)
    (True, 0.0648)
    """
    if isinstance(source, Junction):
        refuse_settings(source, {"behind": behind is not None})
        response = angular_response(source, energy, k, angles=angles, bias=bias, temperature=temperature)
    elif isinstance(source, Device) or is_kwant(source):
        if bias is not None or temperature != 0:
            raise ArgumentError(
                "Arguments `bias` and `temperature` must be left out for a Kwant system, but are given."
            )
        response = system_response(source, energy, k, angles=angles, behind=behind)
    else:
        given = {"energy": energy != 0, "k": k is not None, "angles": angles is not ANGLES}
        refuse_settings(
            source, given | {"behind": behind is not None, "bias": bias is not None, "temperature": temperature != 0}
        )
        response = source if isinstance(source, AngularResponse) else angular_response_from(source)
    conductance = tunnelling_conductance(response)
    interfaces: tuple[InterfaceParameters, ...] = ()
    if response.junction is not None and response.bias is None:
        at = response.junction.turned(m_right=response.junction.directions_at(np.pi / 2))
        interfaces = spacer_interfaces(at, response.energy or 0.0, response.k)
    return EffectiveParameters(
        response,
        conductance,
        _metallic_resistance(response),
        _tunnelling_polarizations(response, conductance["G_0"]),
        (torque_fit(response, "left"), torque_fit(response, "right")),
        interfaces,
        _circuit_residual(response, interfaces) if interfaces else None,
    )


def _circuit_residual(response: AngularResponse, interfaces: tuple[InterfaceParameters, ...]) -> float:
    left, right = (interface.contact() for interface in interfaces)
    Phi = response.angles
    inside = (Phi > 1e-9) & (Phi < np.pi - 1e-9)
    m_left = np.broadcast_to([0.0, 0.0, 1.0], (int(inside.sum()), 3))
    m_right = np.column_stack([np.sin(Phi[inside]), np.zeros(len(m_left)), np.cos(Phi[inside])])
    valve = circuit.solve_spin_valve(left, right, m_left, m_right)
    m = np.stack([m_left, m_right], axis=1)
    theory = resolved_torques(m, valve.torques).damping_like / valve.conductance[:, None]
    exact = response.damping_like[inside] / response.current[inside, None]
    size = float(abs(exact).max())
    return float(abs(theory - exact).max()) / size if size else np.inf
