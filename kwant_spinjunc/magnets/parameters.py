r"""Effective parameters of a junction, each with the misfit that says whether the parametrization holds.

The angular dependence of conductance and torques comes from the exact engine (or from any sweep over an angle) and is
fitted with the laws that circuit models and micromagnetic codes presume:

    G(Φ) = G_0 (1 + χ cos Φ)                                    tunnelling, χ = P_L P_R
    R(Φ) = R_P + (R_AP - R_P) sin²(Φ/2)/[1 + (Λ² - 1) cos²(Φ/2)]  metallic (Slonczewski 2002)
    τ_R·e_R = G_0 P_L V sin Φ,  τ_L·e_L = -G_0 P_R V sin Φ      tunnelling (Slonczewski 1989, 2005)
    ε(Φ) = P Λ²/[(Λ² + 1) + (Λ² - 1) cos Φ]                     per current, both regimes

ε is half the torque (rate of σ) per electron: angular momentum ħ ε per electron, as the codes write it. It and ε' are
per electron that flows **from the fixed into the free magnet**, so that ε > 0 always turns the free magnet toward the
fixed one; ε' multiplies m_fixed×m_free with m the *magnetizations* (opposite to the majority spins), see `TorqueFit`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares

from .. import halves
from ..arrays import Floats, Side
from ..checks import finite, finite_array, positive_integer
from ..errors import ArgumentError, NoOpenChannelError
from ..halves import Stack, zone
from ..model.junction import Junction
from ..printing import as_html, first_line
from ..scattering import Scattering
from ..scattering import scatter_quietly as scatter
from ..spin import SIGNS, torque_axes
from ..theory import circuit
from ..theory.slonczewski import asymmetric_efficiency
from ..transport.bias import bias_response
from ..transport.interface import contact_conductances
from ..transport.linear import linear_response

__all__ = [
    "AngularResponse",
    "DecayConstant",
    "EffectiveParameters",
    "Estimate",
    "Fit",
    "InterfaceParameters",
    "TorqueFit",
    "angular_response",
    "angular_response_from",
    "decay_constant",
    "effective_parameters",
    "interface_parameters",
]

SIDES: tuple[Side, Side] = ("left", "right")

#: A parametrization is called valid when its largest misfit is below this share of what it describes.
TOLERANCE = 0.01
#: Angles of the fits: both collinear ones and eleven between.
ANGLES = np.linspace(0, np.pi, 13)
#: A current this much smaller than at another angle is none, and no torque is a number of electrons.
NO_CURRENT = 1e-12
#: Part of the largest spin current below which digits of an averaged torque do not matter.
NO_TORQUE = 1e-3
#: |χ| of a fit stays below this; Λ² = (1 + χ)/(1 - χ) diverges at 1 (half metals).
LARGEST_ASYMMETRY = 1 - 1e-9


# ---------------------------------------------------------------------- estimates and fits
@dataclass(frozen=True)
class Estimate:
    """A number with its standard error, from the scatter of the data about the fitted law (0 without a fit)."""

    value: Any
    error: float = 0.0

    def __str__(self) -> str:
        value = f"{self.value:.6g}"
        return f"{value} ± {self.error:.1g}" if self.error else value


@dataclass(frozen=True, eq=False)
class Fit:
    """A law fitted to microscopic numbers.

    Attributes
    ----------
    law : str
        The law, in words a person reads.
    estimates : mapping
        Name -> `Estimate`; ``fit["name"]`` is the value alone.
    residual : float
        Largest |law - microscopic| divided by ``scale``.
    scale : str
        What the misfit is relative to.
    points : int
        Number of angles (or thicknesses) it rests on.
    """

    law: str
    estimates: Mapping[str, Estimate]
    residual: float
    scale: str
    points: int

    def __getitem__(self, name: str) -> Any:
        return self.estimates[name].value

    def is_valid(self, tolerance: float = TOLERANCE) -> bool:
        """Whether the law holds: its residual is at most ``tolerance``."""
        return bool(self.residual <= tolerance)

    @property
    def criterion(self) -> str:
        """The criterion of `is_valid`, in words."""
        return f"largest misfit at most {TOLERANCE:.0%} of {self.scale}"

    def __str__(self) -> str:
        values = ", ".join(f"{name} = {estimate}" for name, estimate in self.estimates.items())
        verdict = "valid" if self.is_valid() else "NOT VALID"
        return f"{self.law}: {values}; residual {self.residual:.2g} of {self.scale}: {verdict}"


def _fit(model: Callable[[Floats], Floats], data: Floats, start: Sequence[float]) -> tuple[Floats, Floats, Floats]:
    """Return parameters, their covariance and the misfits of a least-squares fit, all in the unit of the data."""
    size: float = max(float(abs(data).max()), float(np.finfo(float).tiny))
    result = least_squares(lambda x: (model(x) - data) / size, np.array(start), xtol=1e-15, ftol=1e-15, gtol=1e-15)
    misfit = model(result.x) - data
    freedom = max(len(data) - len(result.x), 1)
    covariance = np.linalg.pinv(result.jac.T @ result.jac) * (misfit @ misfit) / (freedom * size**2)
    return result.x, covariance, misfit


def _error(covariance: Floats, *gradient: Any) -> float:
    """Return the standard error of a number with this gradient with respect to the parameters fitted."""
    g = np.array(gradient, dtype=float)
    return float(np.sqrt(max(g @ covariance @ g, 0.0)))


def _relative(misfit: Floats, size: float) -> float:
    """Return the largest misfit relative to ``size``; where there is nothing to describe there is no misfit."""
    worst = float(abs(misfit).max())
    return worst / size if size > 0 else (0.0 if worst == 0 else np.inf)


# ---------------------------------------------------------------------- the angular response
@dataclass(frozen=True, eq=False)
class AngularResponse:
    """Current and torques of a junction against the angle between its magnets.

    Attributes
    ----------
    angles : ndarray, shape (n,)
        Φ in radians, within [0, π].
    current : ndarray, shape (n,)
        Particle current from left to right: the conductance (e²/h per cell, per unit bias), or (e²/h)·V at a finite
        bias.
    damping_like, field_like : ndarray, shape (n, 2)
        Torques on both magnets as in `Torques`, in the unit of ``current``.
    bias : float or None
        V = µ_L - µ_R as an energy; None for the linear response, µ_L = -µ_R.
    source : str
        Where the numbers come from, for provenance.
    junction, energy, k
        The problem, where there is one.
    """

    angles: Floats
    current: Floats
    damping_like: Floats
    field_like: Floats
    bias: float | None = None
    source: str = ""
    junction: Junction | None = None
    energy: float | None = None
    k: Any = None

    def __post_init__(self) -> None:
        if len(self.angles) < 5 or np.ptp(self.angles) < np.pi / 2:
            raise ArgumentError(
                f"Argument `angles` must be at least 5 over a range of 90 degrees, but are {len(self.angles)} over "
                f"{np.degrees(np.ptp(self.angles)) if len(self.angles) else 0:.3g}. Use np.linspace(0, np.pi, 13)."
            )
        if np.any(self.angles < 0) or np.any(self.angles > np.pi + 1e-12):
            raise ArgumentError(
                f"Argument `angles` must lie in [0, π], but reach from {self.angles.min():g} to {self.angles.max():g}."
            )
        if not np.any(self.current):
            raise NoOpenChannelError("No current flows at any angle: no channel is open. Choose another energy.")
        if abs(self.current).min() < NO_CURRENT * abs(self.current).max() or np.ptp(np.sign(self.current)):
            raise ArgumentError(
                "Argument `angles` must leave a current at every angle, but it vanishes at some (half metals, "
                "antiparallel). Leave that angle out: torque per current is undefined there."
            )

    def efficiencies(self, free: Side) -> tuple[Floats, Floats]:
        """Return ε sin Φ and ε' sin Φ of the free magnet, shape (n,), per electron from the fixed into the free one."""
        side = _side_index(free)
        # J flows from left to right, out of a free left magnet: this sign makes ε > 0 "toward the fixed one".
        into = self.current * (1 if side else -1)
        # For both magnets: m_fixed×m_free is ±m_L×m_R with the same ± as `into`, and dm/dt is opposite to the spins'.
        return self.damping_like[:, side] / (2 * into), -self.field_like[:, side] / (2 * self.current)


def refuse_settings(source: Any, given: Mapping[str, Any]) -> None:
    """Raise `ArgumentError` where a setting is given (truthy) to numbers that are there already."""
    for name, value in given.items():
        if value:
            raise ArgumentError(
                f"Argument `{name}` must be left out for a {type(source).__name__}, whose numbers are there already, "
                "but is given. Pass a `Junction` to have it solved."
            )


def _side_index(free: str) -> int:
    if free not in SIDES:
        raise ArgumentError(f"Argument `free` must be 'left' or 'right', but is {free!r}.")
    return SIDES.index(free)


def angular_response(
    junction: Junction,
    energy: float = 0.0,
    k: Any = None,
    *,
    angles: ArrayLike = ANGLES,
    bias: float | None = None,
    temperature: float = 0.0,
) -> AngularResponse:
    """Return the exact angular response of a junction.

    Parameters
    ----------
    junction
        Two collinear halves; its own angle does not matter.
    energy
        Fermi energy.
    k
        In-plane wave vector (kx, kz), None for Γ, "average" for the Brillouin-zone average per unit cell.
    angles
        Φ in radians within [0, π], shape (n,), n >= 5.
    bias, temperature
        V = µ_L - µ_R and k_B T as energies: the response to a finite bias instead of the linear one. The torque of the
        occupied states (interlayer exchange), which flows without a current, is never part of it.

    Raises
    ------
    ArgumentError
        See `Junction.turned`; angles out of range; a temperature without a bias.
    NoOpenChannelError
        No current flows.
    """
    Phi = np.unique(finite_array("angles", angles).ravel())
    if not isinstance(junction, Junction):
        raise ArgumentError(f"Argument `junction` must be a Junction, but is {type(junction).__name__}.")
    if junction.is_disordered:
        raise ArgumentError(
            "Argument `junction` must be clean, but has random layers. Average over samples with `ensemble(..., "
            "m_right=...)` and pass an `AngularResponse` of its means."
        )
    if bias is None and temperature != 0:
        raise ArgumentError(f"Argument `temperature` must be 0 without a bias, but is {temperature!r}. Give `bias`.")
    if bias is not None and finite("bias", bias) == 0:
        raise ArgumentError("Argument `bias` must not be 0, but is. Leave it out for the linear response.")
    energy = finite("energy", energy)
    turned = junction.turned(m_right=junction.directions_at(np.pi / 2))
    if bias is None and all(lead.is_magnetic for lead in junction.leads):
        current, damping_like, field_like = _at_all_angles(turned, energy, k, junction.directions_at(Phi))
    else:
        rows = []
        for m in junction.directions_at(Phi):
            at = turned.turned(m_right=m)
            if bias is None:
                response = linear_response(scatter(at, energy, k, solver="halves"), 0.5, -0.5)
                current = response.charge.mean()
            else:
                window = bias_response(at, bias, fermi_energy=energy, temperature=temperature, k=k, layers=False)
                response, current = window, window.current
            rows.append((current, response.torques.damping_like, response.torques.field_like))
        current, damping_like, field_like = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    point = "Γ" if k is None else "Brillouin-zone average" if isinstance(k, str) else f"k = {tuple(np.ravel(k))}"
    drive = "linear response" if bias is None else f"bias V = {bias:g}, k_B T = {temperature:g}"
    return AngularResponse(
        Phi, current, damping_like, field_like, bias, f"E = {energy:g}, {point}, {drive}", junction, energy, k
    )


def _at_all_angles(junction: Junction, energy: float, k: Any, m_right: Floats) -> tuple[Floats, Floats, Floats]:
    """Return current and torques, µ_L = -µ_R = 1/2, of all directions of the right magnet from one solve."""
    m_left = junction.magnetizations[0]
    signs = [np.dot(lead.m, m) for lead, m in zip(junction.leads, junction.magnetizations, strict=True)]
    stack = Stack.from_junction(junction).with_directions(m_left, m_right)

    def observe(c: Floats) -> dict[str, Floats]:
        P = halves.probabilities(stack, energy, c[:, None])
        Q = halves.spacer_currents(stack, energy, c[:, None])[..., 1:].sum(axis=-2)
        return {"left": P[..., 0, :, 1, :], "right": P[..., 1, :, 0, :], "spin": (Q[..., 0, :] - Q[..., 1, :]) / 2}

    found = zone.mean(observe, stack, energy, k, rtol=1e-8, floor=NO_TORQUE).value
    currents = [found[side].sum(axis=-1) for side in SIDES]
    vectors = [(x @ SIGNS * s)[:, None] * m for x, s, m in zip(currents, signs, (m_left, m_right), strict=True)]
    (e_left, normal), (e_right, _) = torque_axes(m_left, m_right), torque_axes(m_right, m_left)
    left, right = vectors[0] - found["spin"], found["spin"] - vectors[1]
    damping_like = np.stack([(left * e_left).sum(axis=-1), (right * e_right).sum(axis=-1)], axis=-1)
    field_like = np.stack([(left * normal).sum(axis=-1), (right * normal).sum(axis=-1)], axis=-1)
    return currents[0].sum(axis=-1), damping_like, field_like


def angular_response_from(source: Any) -> AngularResponse:
    """Return the angular response contained in a sweep, in scattering results, or in the junction of one result.

    Parameters
    ----------
    source
        The Dataset of a `sweep` whose ``angle`` varies along its only axis with several points; a sequence of
        `Scattering` of one junction at several angles; or one `Scattering`, whose junction is then rotated.

    Raises
    ------
    ArgumentError
        Another type, or more than one axis.
    """
    if isinstance(source, Scattering):
        if np.ndim(source.energy) or source.cells != 1:
            raise ArgumentError(
                "Argument `source` must be of one energy and one cell per plane, but is a batch or a supercell. Pass a "
                "sequence of results, one an angle."
            )
        return angular_response(source.junction, float(source.energy), source.k)
    if hasattr(source, "data_vars"):
        return _from_dataset(source)
    if isinstance(source, Sequence) and len(source) and all(isinstance(s, Scattering) for s in source):
        rows = [(s.junction.angle, linear_response(s, 0.5, -0.5)) for s in source]
        rows.sort(key=lambda row: row[0])
        return AngularResponse(
            np.array([angle for angle, _ in rows]),
            np.array([np.mean(r.charge) for _, r in rows]),
            np.array([r.torques.damping_like for _, r in rows]),
            np.array([r.torques.field_like for _, r in rows]),
            source=f"{len(rows)} scattering results at E = {source[0].energy}",
            energy=float(source[0].energy),
            k=source[0].k,
        )
    raise ArgumentError(
        f"Argument `source` must be a sweep's Dataset or Scattering results, but is {type(source).__name__}."
    )


def _from_dataset(dataset: Any) -> AngularResponse:
    data = dataset.squeeze()
    dims = data["angle"].dims
    if len(dims) != 1:
        raise ArgumentError(
            f"Argument `source` must be swept over the angle alone, but has the axes {dict(data['angle'].sizes)}. "
            "Select one point of the others with `.isel` or `.sel`."
        )
    finite_points = np.isfinite(data["damping_like"].values).all(axis=-1)
    if not finite_points.all():
        raise ArgumentError("Argument `source` must be finished and without textures, but has NaN. Use --resume.")
    order = np.argsort(data["angle"].values)
    name = "current" if "current" in data else "conductance"
    angles, current, damping_like, field_like = (
        data[key].values[order] for key in ("angle", name, "damping_like", "field_like")
    )
    bias = float(data["bias"]) if "bias" in data.coords and name == "current" else None
    settings = ", ".join(
        f"{key} = {data.attrs[key]}" for key in ("family", "fixed_parameters", "k") if key in data.attrs
    )
    drive = "linear response" if bias is None else f"bias V = {bias:g}"
    energy = float(data["energy"]) if "energy" in data.coords else data.attrs.get("fermi_energy")
    return AngularResponse(
        angles,
        current,
        damping_like,
        field_like,
        bias=bias,
        source=f"sweep of {settings}, E = {energy}, {drive}",
        energy=energy,
    )


# ---------------------------------------------------------------------- fits of the angular laws
def _tunnelling_conductance(response: AngularResponse) -> Fit:
    cosine, J = np.cos(response.angles), response.current
    (G0, swing), covariance, misfit = _fit(lambda x: x[0] + x[1] * cosine, J, [J.mean(), 0.0])
    estimates = {
        "G_0": Estimate(float(G0), _error(covariance, 1, 0)),
        "chi": Estimate(float(swing / G0), _error(covariance, -swing / G0**2, 1 / G0)),
    }
    # relative to the modulation: a constant has no angular law to be wrong about, hence the floor of rounding
    span = max(float(np.ptp(J)), 1e-9 * float(abs(J).max()))
    return Fit("G = G_0 (1 + χ cos Φ)", estimates, _relative(misfit, span), "the change of G with Φ", len(J))


def _metallic_resistance(response: AngularResponse) -> Fit:
    half, R = response.angles / 2, 1 / response.current
    s2, c2 = np.sin(half) ** 2, np.cos(half) ** 2

    def law(x: Floats) -> Floats:
        return np.asarray(x[0] + x[1] * s2 / (1 + np.expm1(x[2]) * c2))

    size = abs(R).max()
    law_text = "R = R_P + (R_AP - R_P) sin²(Φ/2)/[1 + (Λ² - 1) cos²(Φ/2)]"
    scale_text = "the change of R with Φ"
    if np.ptp(R) <= NO_CURRENT * size:  # nothing depends on the angle, so nothing fixes Λ
        constant = Estimate(float(R.mean()))
        estimates = {"R_P": constant, "R_AP": constant, "Lambda": Estimate(1.0, np.inf)}
        return Fit(law_text, estimates, 0.0, scale_text, len(R))
    start = [R[0] / size, (R[-1] - R[0]) / size, 0.0]
    x, covariance, misfit = _fit(law, R / size, start)
    Lambda = float(np.exp(x[2] / 2))
    estimates = {
        "R_P": Estimate(float(x[0] * size), _error(covariance, size, 0, 0)),
        "R_AP": Estimate(float((x[0] + x[1]) * size), _error(covariance, size, size, 0)),
        "Lambda": Estimate(Lambda, _error(covariance, 0, 0, Lambda / 2)),
    }
    span = max(float(np.ptp(R)) / size, 1e-9)
    return Fit(law_text, estimates, _relative(misfit, span), scale_text, len(R))


def _tunnelling_polarizations(response: AngularResponse, G0: float) -> Fit:
    sine = np.sin(response.angles)
    data = np.stack([response.damping_like[:, 1], -response.damping_like[:, 0]]) / G0
    weight = sine @ sine
    P = data @ sine / weight
    misfit = data - P[:, None] * sine
    errors = np.sqrt((misfit**2).sum(axis=-1) / ((len(sine) - 1) * weight))
    estimates = {
        name: Estimate(float(p), float(error)) for name, p, error in zip(("P_L", "P_R"), P, errors, strict=True)
    }
    law = "τ_R·e_R = G_0 P_L sin Φ, τ_L·e_L = -G_0 P_R sin Φ"
    return Fit(law, estimates, _relative(misfit, float(abs(data).max())), "the largest torque", len(sine))


@dataclass(frozen=True, eq=False)
class TorqueFit:
    r"""Slonczewski's torque per current on one magnet.

    dm/dt = γβ [ε(Φ) m×(m_p×m) + ε' m_p×m], β = ħJ/(e µ_0 M_s d), in every code; m, m_p the magnetizations of the free
    and the fixed magnet, J > 0 for electrons that flow from the fixed into the free one.

    Attributes
    ----------
    free : str
        "left" or "right".
    symmetric : Fit
        P, Λ and ε' of ε = PΛ²/[(Λ² + 1) + (Λ² - 1) cos Φ], with χ = (Λ² - 1)/(Λ² + 1). Λ < 1 for inverse
        magnetoresistance; `kwant_spinjunc.magnets.export` brings (P, Λ) into the range a code takes.
    asymmetric : Fit
        q_plus, q_minus, b and ε' of ε = q_+/(1 + b cos Φ) + q_-/(1 - b cos Φ), two different contacts.
    """

    free: Side
    symmetric: Fit
    asymmetric: Fit


ONE_TERM = "ε = PΛ²/[(Λ² + 1) + (Λ² - 1) cos Φ]"
TWO_TERMS = "ε = q_+/(1 + b cos Φ) + q_-/(1 - b cos Φ)"
SCALE = "the largest torque per current"


def _torque_fit(response: AngularResponse, free: Side) -> TorqueFit:
    Phi = response.angles
    sine, cosine = np.sin(Phi), np.cos(Phi)
    torque, field_like = response.efficiencies(free)
    size = float(np.hypot(torque, field_like).max())
    weight = sine @ sine
    prime = float(field_like @ sine / weight)
    prime_misfit = field_like - prime * sine
    prime_estimate = Estimate(prime, float(np.sqrt(prime_misfit @ prime_misfit / ((len(sine) - 1) * weight))))

    def residual(misfit: Floats) -> float:
        return _relative(np.hypot(misfit, prime_misfit), size)

    if not torque.any():  # no torque, no asymmetry of it
        none = dict.fromkeys(("P", "chi", "q_plus", "q_minus", "b"), Estimate(0.0)) | {"Lambda": Estimate(1.0)}
        fits = [
            Fit(
                law,
                {name: none[name] for name in names} | {"epsilon_prime": prime_estimate},
                residual(torque),
                SCALE,
                len(Phi),
            )
            for law, names in ((ONE_TERM, ("P", "Lambda", "chi")), (TWO_TERMS, ("q_plus", "q_minus", "b")))
        ]
        return TorqueFit(free, *fits)

    # ε (1 + χ cos Φ) = A is linear in A and χ: the start of the fit of ε = A/(1 + χ cos Φ), χ = tanh u
    columns = np.stack([sine, -torque * cosine], axis=-1)
    A, chi = np.linalg.lstsq(columns, torque, rcond=None)[0]
    start = [A, np.arctanh(np.clip(chi, -0.999, 0.999))]

    def single(x: Floats) -> Floats:
        return np.asarray(x[0] * sine / (1 + LARGEST_ASYMMETRY * np.tanh(x[1]) * cosine))

    (A, u), covariance, misfit = _fit(single, torque, start)
    chi = LARGEST_ASYMMETRY * np.tanh(u)
    slope = 1 / np.cosh(u) ** 2  # dχ/du
    P, asymmetry = 2 * A / (1 + chi), np.sqrt((1 + chi) / (1 - chi))
    symmetric = Fit(
        ONE_TERM,
        {
            "P": Estimate(float(P), _error(covariance, 2 / (1 + chi), -P * slope / (1 + chi))),
            "Lambda": Estimate(float(asymmetry), _error(covariance, 0, asymmetry * slope / (1 - chi**2))),
            "chi": Estimate(float(chi), _error(covariance, 0, slope)),
            "epsilon_prime": prime_estimate,
        },
        residual(misfit),
        SCALE,
        len(Phi),
    )
    # two terms: b >= 0 by exchange of q_+ and q_-
    b0 = max(abs(chi), 0.3)
    q0 = np.linalg.lstsq(np.stack([sine / (1 + b0 * cosine), sine / (1 - b0 * cosine)], axis=-1), torque, rcond=None)[0]

    def double(x: Floats) -> Floats:
        return np.asarray(sine * asymmetric_efficiency(Phi, x[0], x[1], LARGEST_ASYMMETRY * np.tanh(x[2])))

    x, covariance, misfit = _fit(double, torque, [*q0, np.arctanh(b0)])
    one_term = single(np.array([A, u])) - torque
    if misfit @ misfit > one_term @ one_term:  # never worse than its special case
        x, covariance, misfit = np.array([A, 0.0, u]), np.zeros((3, 3)), one_term
    b = LARGEST_ASYMMETRY * np.tanh(x[2])
    first, second = [Estimate(float(q), _error(covariance, *row)) for q, row in zip(x[:2], np.eye(3)[:2], strict=True)]
    q_plus, q_minus = (first, second) if b >= 0 else (second, first)
    asymmetric = Fit(
        TWO_TERMS,
        {
            "q_plus": q_plus,
            "q_minus": q_minus,
            "b": Estimate(float(abs(b)), _error(covariance, 0, 0, 1 / np.cosh(x[2]) ** 2)),
            "epsilon_prime": prime_estimate,
        },
        residual(misfit),
        SCALE,
        len(Phi),
    )
    return TorqueFit(free, symmetric, asymmetric)


# ---------------------------------------------------------------------- thickness
@dataclass(frozen=True, eq=False)
class DecayConstant:
    """κ_eff of G ∝ e^{-2κd}, from the conductance against the thickness of the spacer.

    Attributes
    ----------
    fit : Fit
        kappa in 1/a (per plane) and log_prefactor = ln G extrapolated to d = 0; the residual is that of ln G, i.e. the
        largest relative misfit of G, so that oscillations with the thickness show.
    planes : ndarray
        Thicknesses in planes.
    conductance : ndarray
        e²/h per cell.
    """

    fit: Fit
    planes: NDArray[np.int64]
    conductance: Floats

    @property
    def kappa(self) -> float:
        """κ_eff in 1/a."""
        return float(self.fit["kappa"])


def decay_constant(
    junction: Junction, energy: float = 0.0, k: Any = None, *, layer: int | None = None, steps: int = 4
) -> DecayConstant:
    """Return κ_eff from the thickness dependence of the conductance at the junction's own angle.

    Parameters
    ----------
    junction
        The thinnest junction.
    energy, k
        As in `scatter`, ``k="average"`` included: the average decays with a κ_eff above that of Γ and not quite
        exponentially, which the residual tells.
    layer
        Index of the layer in ``junction.layers`` that grows; by default the only nonmagnetic one.
    steps
        How many planes are added one by one, at least 2.

    Raises
    ------
    ArgumentError
        No or several nonmagnetic layers and no ``layer``; bonds given by number, which would no longer fit.
    NoOpenChannelError
        No channel is open.
    """
    if positive_integer("steps", steps) < 2:
        raise ArgumentError(f"Argument `steps` must be at least 2 to see a curvature, but is {steps}.")
    if junction.bonds is not None:
        raise ArgumentError("Argument `junction` must have default bonds, but has its own: they do not grow with it.")
    candidates = [n for n, item in enumerate(junction.layers) if not item.is_magnetic]
    if layer is None:
        if len(candidates) != 1:
            raise ArgumentError(
                f"Argument `layer` must be given: {len(candidates)} layers are nonmagnetic. Pass its index in `layers`."
            )
        layer = candidates[0]
    elif isinstance(layer, bool) or not isinstance(layer, (int, np.integer)) or not 0 <= layer < len(junction.layers):
        raise ArgumentError(f"Argument `layer` must be from 0 to {len(junction.layers) - 1}, but is {layer!r}.")
    start = junction.layers[layer].thickness
    planes = start + np.arange(steps + 1)
    G = []
    for thickness in planes:
        layers = list(junction.layers)
        layers[layer] = replace(layers[layer], thickness=int(thickness))
        G.append(float(scatter(replace(junction, layers=layers), energy, k, solver="halves").conductance))
    if min(G) <= 0:
        raise ArgumentError("Argument `energy` must give a conductance at every thickness, but it vanishes at some.")
    logarithm = np.log(G)
    (offset, kappa), covariance, misfit = _fit(lambda x: x[0] - 2 * x[1] * planes, logarithm, [logarithm[0], 0.1])
    estimates = {
        "kappa": Estimate(float(kappa), _error(covariance, 0, 1)),
        "log_prefactor": Estimate(float(offset), _error(covariance, 1, 0)),
    }
    fit = Fit("ln G = ln G(0) - 2κd", estimates, float(abs(np.expm1(misfit)).max()), "the conductance", len(planes))
    return DecayConstant(fit, planes, np.array(G))


# ---------------------------------------------------------------------- one interface
@dataclass(frozen=True, eq=False)
class InterfaceParameters:
    """Conductances of the interface between the spacer's metal and one magnet, from its scattering alone.

    Attributes
    ----------
    side : str
        "left" or "right".
    majority, minority : float
        G_↑, G_↓ in e²/h per cell, Landauer conductances of each spin.
    mixing : complex
        G_mix = Σ(δ - r_↑ r_↓*) in e²/h per cell, phases of r taken on the spacer plane next to the interface (the plane
        of the cut: a shift along the spacer multiplies both r alike and cancels).
    modes, magnet_modes : float, (float, float)
        Open channels of the metal and, per spin, of the magnet (fractional for an average).
    error : float
        Estimated absolute error of a Brillouin-zone average, 0 without.
    """

    side: Side
    majority: float
    minority: float
    mixing: complex
    modes: float
    magnet_modes: tuple[float, float]
    error: float = 0.0

    @property
    def spin_asymmetry(self) -> float:
        """(G_↑ - G_↓)/(G_↑ + G_↓)."""
        return float(circuit.polarization([self.majority, self.minority]))

    @property
    def eta(self) -> complex:
        """Relative mixing conductance η = 2 G_mix/(G_↑ + G_↓)."""
        return complex(circuit.relative_mixing([self.majority, self.minority], self.mixing))

    def contact(self, *, diffusive: bool = False) -> circuit.Contact:
        """Return the contact of circuit theory; ``diffusive`` takes off the Sharvin resistances.

        Raises
        ------
        ArgumentError
            A transparent contact, which has no resistance of its own to be left.
        """
        G, mixing = [self.majority, self.minority], self.mixing
        if diffusive:
            for s, N in enumerate(self.magnet_modes):
                rest = 1 - G[s] * (1 / self.modes + 1 / N) / 2 if G[s] > 0 else 1.0
                if rest <= 1e-12:
                    raise ArgumentError(
                        "Argument `diffusive` must be False for a transparent contact, but was True: nothing is left "
                        "of its resistance."
                    )
                G[s] /= rest
            mixing = complex(circuit.corrected_mixing_conductance(mixing, self.modes))
        return circuit.Contact(G[0], G[1], mixing)

    def __str__(self) -> str:
        return (
            f"{self.side} interface: G_↑ = {self.majority:.6g}, G_↓ = {self.minority:.6g}, G_mix = {self.mixing:.6g} "
            f"e²/h per cell, spin asymmetry {self.spin_asymmetry:.6g}, η = {self.eta:.6g}"
        )


def interface_parameters(
    junction: Junction, side: Side, energy: float = 0.0, k: Any = None, *, rtol: float = 1e-8
) -> InterfaceParameters:
    """Return G_↑, G_↓ and the complex G_mix of the interface between the spacer and one magnet.

    The spacer material at the junction's cut becomes a lead; what lies between it and the magnet's lead is kept.

    Parameters
    ----------
    junction
        With a metallic spacer at its cut.
    side
        Which magnet.
    energy, k
        As in `scatter`; "average" is per unit cell.
    rtol
        Relative tolerance of an average, and 1e-3 of it in e²/h per cell where a conductance vanishes.

    Raises
    ------
    ArgumentError
        A texture, a bare contact without spacer, a random layer, or a spacer without an open channel: behind a barrier
        there is no incoming wave to reflect, and the mixing conductance of the spacer does not exist.
    """
    index = _side_index(side)
    energy, cut = finite("energy", energy), junction.cut
    if cut is None or junction.is_disordered:
        raise ArgumentError("Argument `junction` must be clean with two collinear halves, but is not.")
    planes, hoppings, magnetic = junction.planes, junction.bond_hoppings, junction.plane_splitting > 0
    # Seen from the spacer: its last plane before the cut and what lies beyond; a cut that touches the other magnet has
    # the spacer's first plane beyond it, which then is the metal and stays in between as well.
    order = list(range(len(planes))) if index else list(range(len(planes)))[::-1]
    place = order.index(cut if index else cut + 1)
    if magnetic[order[place]]:
        place += 1
        beyond = order[place:]
    else:
        beyond = order[place + 1 :]
    if magnetic[order[place]]:
        raise ArgumentError(
            "Argument `junction` must have a nonmagnetic spacer, but is a bare contact of two magnets: it has no "
            "normal metal to define r_↑ and r_↓ in."
        )
    metal_plane = planes[order[place]]
    path = [order[place], *beyond]
    bonds = [
        metal_plane.hopping if here == there else float(hoppings[min(here, there)]) for here, there in pairwise(path)
    ]
    m = junction.magnetizations[index]
    axis = (float(m[0]), float(m[1]), float(m[2]))
    # one axis for all labels, so that the metal's channels are the magnet's ↑ and ↓
    metal, lead = replace(metal_plane, m=axis), planes[beyond[-1]]
    single = Junction(metal, [planes[n] for n in beyond], lead, bonds=dict(enumerate(bonds)), buffer=1)
    flipped = float(np.dot(lead.m, m)) < 0

    found = contact_conductances(single, 0, energy, k, rtol=rtol)
    (up, down), modes = found.conductances.tolist(), found.modes_metal
    if modes == 0:
        raise NoOpenChannelError(
            "Argument `junction` must have a metallic spacer for a mixing conductance, but the spacer has no open "
            f"channel at E = {energy:g}. Behind a barrier use the tunnelling polarizations P_L and P_R."
        )
    if up + down == 0:
        raise NoOpenChannelError(f"No channel of the {side} magnet is open at E = {energy:g}: it is an insulator.")
    N_up, N_down = found.modes_magnet.tolist()
    magnet = (N_down, N_up) if flipped else (N_up, N_down)
    return InterfaceParameters(side, up, down, found.mixing, modes, magnet, found.error)


# ---------------------------------------------------------------------- everything at once
@dataclass(frozen=True, eq=False)
class EffectiveParameters:
    """Effective parameters of a junction, see `effective_parameters`; printing it shows which of them hold.

    Attributes
    ----------
    response : AngularResponse
        The microscopic numbers all fits rest on.
    conductance : Fit
        G_0 and chi of the tunnelling law.
    resistance : Fit
        R_P, R_AP and Lambda of the metallic law.
    polarizations : Fit
        P_L and P_R of the tunnelling torques.
    torques : tuple of two TorqueFit
        On the left and on the right magnet.
    interfaces : tuple of InterfaceParameters
        Left and right; empty where there is no metallic spacer or no junction.
    circuit_residual : float or None
        Largest misfit of the torques per current that circuit theory makes of ``interfaces`` (bare conductances),
        relative to the largest microscopic one; None without interfaces. Coherent junctions miss it by a lot.
    """

    response: AngularResponse
    conductance: Fit
    resistance: Fit
    polarizations: Fit
    torques: tuple[TorqueFit, TorqueFit]
    interfaces: tuple[InterfaceParameters, ...] = ()
    circuit_residual: float | None = None

    @property
    def chi_defect(self) -> float:
        """χ - P_L P_R: zero where conductance and torques agree about the polarizations."""
        return float(self.conductance["chi"] - self.polarizations["P_L"] * self.polarizations["P_R"])

    def torque(self, free: Side) -> TorqueFit:
        """Return the torque fit of the free magnet, "left" or "right"."""
        return self.torques[_side_index(free)]

    __repr__ = first_line
    _repr_html_ = as_html

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
) -> EffectiveParameters:
    """Return the effective parameters of a junction, with the misfit of every parametrization.

    Parameters
    ----------
    source
        A `Junction`, solved at ``energy`` and ``k`` over ``angles`` (see `angular_response`); or an `AngularResponse`;
        or anything `angular_response_from` takes: a sweep's Dataset, Scattering results.
    energy, k, angles, bias, temperature
        As in `angular_response`; for a `Junction` only.

    Returns
    -------
    EffectiveParameters

    Raises
    ------
    ArgumentError
        See `angular_response` and `angular_response_from`; a setting for a source that is solved already.

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
        response = angular_response(source, energy, k, angles=angles, bias=bias, temperature=temperature)
    else:
        given = {"energy": energy != 0, "k": k is not None, "angles": angles is not ANGLES}
        refuse_settings(source, given | {"bias": bias is not None, "temperature": temperature != 0})
        response = source if isinstance(source, AngularResponse) else angular_response_from(source)
    conductance = _tunnelling_conductance(response)
    interfaces: tuple[InterfaceParameters, ...] = ()
    if response.junction is not None and response.bias is None:
        at = response.junction.turned(m_right=response.junction.directions_at(np.pi / 2))
        try:
            interfaces = tuple(interface_parameters(at, side, response.energy or 0.0, response.k) for side in SIDES)
        except ArgumentError:
            interfaces = ()  # no metallic spacer: these parameters do not exist
    return EffectiveParameters(
        response,
        conductance,
        _metallic_resistance(response),
        _tunnelling_polarizations(response, conductance["G_0"]),
        (_torque_fit(response, "left"), _torque_fit(response, "right")),
        interfaces,
        _circuit_residual(response, interfaces) if interfaces else None,
    )


def _circuit_residual(response: AngularResponse, interfaces: tuple[InterfaceParameters, ...]) -> float:
    left, right = (interface.contact() for interface in interfaces)
    Phi = response.angles
    inside = (Phi > 1e-9) & (Phi < np.pi - 1e-9)
    m_left = np.broadcast_to([0.0, 0.0, 1.0], (int(inside.sum()), 3))
    m_right = np.stack([np.sin(Phi[inside]), np.zeros(len(m_left)), np.cos(Phi[inside])], axis=-1)
    valve = circuit.solve_spin_valve(left, right, m_left, m_right)
    worst, size = 0.0, 0.0
    for side, (m, other) in enumerate([(m_left, m_right), (m_right, m_left)]):
        e, _ = torque_axes(m, other)
        theory = np.sum(valve.torques[:, side] * e, axis=-1) / valve.conductance
        exact = response.damping_like[inside, side] / response.current[inside]
        worst, size = max(worst, float(abs(theory - exact).max())), max(size, float(abs(exact).max()))
    return worst / size if size else np.inf
