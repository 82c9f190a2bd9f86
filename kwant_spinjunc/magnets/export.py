r"""Snippets for micromagnetic codes: the torque and the conductances of a junction as the numbers they take.

OOMMF, mumax3, ubermag, magnum.np and cmtj all solve, for the free magnetization m and the fixed one m_p,

    dm/dt = -γ m×H + α m×dm/dt + γβ [ε(Φ) m×(m_p×m) + ε' m_p×m],    β = ħJ/(e µ_0 M_s d),
    ε(Φ) = PΛ²/[(Λ² + 1) + (Λ² - 1) cos Φ],

and differ in names, units and in the direction that J > 0 means. BORIS takes conductances of interfaces and
resistance-area products. What every code demands, and every sign, is in ``docs/export.md``.

The prefactor ħ/e (not ħ/2e) makes P half of Slonczewski's: for a tunnel junction χ = P_L P_R, Λ² = (1 + χ)/(1 - χ) and,
for the torque on the right magnet, P = P_L/(1 + χ).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.constants import mu_0

from .._version import __version__
from ..arrays import Floats, Side
from ..checks import finite, finite_array, positive
from ..errors import ArgumentError, SpinjuncError
from ..model.junction import Junction
from ..printing import as_html, first_line
from ..transport.bias import bias_response
from ..units import conductance_per_area, current_density, resistance_area_product
from .parameters import (
    SIDES,
    TOLERANCE,
    AngularResponse,
    EffectiveParameters,
    Fit,
    effective_parameters,
    interface_parameters,
    refuse_settings,
)

__all__ = ["TARGETS", "BiasLaw", "InvalidParametrizationError", "Snippet", "bias_law", "export", "export_boris"]


#: Current density of a snippet whose user gave none, A/m².
PLACEHOLDER_CURRENT = 1e10
#: Lattice constants and thicknesses in nm lie between; a length in meters does not.
LENGTHS = (1e-3, 1e3)


class InvalidParametrizationError(SpinjuncError, ValueError):
    """The junction does not obey the law that the code presumes, so no numbers can stand for it."""


@dataclass(frozen=True)
class Snippet:
    """A block to paste, and the numbers in it.

    Attributes
    ----------
    target : str
        One of `TARGETS`.
    text : str
        The snippet with its provenance; ``str(snippet)`` is the same.
    values : mapping
        Name in the target code -> number or vector, as written in the text.
    residual : float
        Largest misfit of the law, relative to the largest microscopic value it describes.
    fixed_layer_flipped : bool
        Whether the direction given for the fixed layer is opposite to its magnetization (inverse magnetoresistance).
    current_reversed : bool
        Whether J changed sign so that P > 0 (negative polarization).
    """

    target: str
    text: str
    values: Mapping[str, Any]
    residual: float
    fixed_layer_flipped: bool = False
    current_reversed: bool = False

    __repr__ = first_line
    _repr_html_ = as_html

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, kw_only=True)
class _Torque:
    """What a writer of one code gets: numbers in its range."""

    P: float
    Lambda: float
    epsilon_prime: float
    direction: tuple[float, float, float]
    J: float
    fit: Fit
    two_terms: tuple[float, float, float] | None
    thickness: float | None
    saturation: float | None

    def need(self, target: str, name: str) -> float:
        value: float | None = getattr(self, name)
        if value is None:
            argument = {"thickness": "free_thickness", "saturation": "saturation"}[name]
            unit = {"thickness": "nm", "saturation": "A/m"}[name]
            raise ArgumentError(f"Argument `{argument}` must be given for {target}, in {unit}, but is not.")
        return value


def _nanometers(name: str, value: Any) -> float:
    length = positive(name, value)
    if not LENGTHS[0] <= length <= LENGTHS[1]:
        raise ArgumentError(
            f"Argument `{name}` must be from {LENGTHS[0]:g} to {LENGTHS[1]:g}, but is {length:g}. It is in nanometers."
        )
    return length


# ---------------------------------------------------------------------- the law in the range of a code
def _in_range(
    P: float, Lambda: float, prime: float, *, Lambda_at_least_1: bool, P_positive: bool
) -> tuple[float, float, float, bool, bool]:
    """Return (P, Λ, ε', fixed layer flipped, current reversed), the same torque.

    m_p → -m_p is Λ → 1/Λ, P → -PΛ², ε' → -ε'; J → -J is P → -P, ε' → -ε'.
    """
    flipped = Lambda_at_least_1 and Lambda < 1
    if flipped:
        P, Lambda, prime = -P * Lambda**2, 1 / Lambda, -prime
    reverse = P_positive and P < 0
    if reverse:
        P, prime = -P, -prime
    return P, Lambda, prime, flipped, reverse


def _vector(values: Iterable[float], separator: str = ", ") -> str:
    return separator.join(f"{x:.10g}" for x in values)


def _oommf(t: _Torque, comment: Callable[[str], str]) -> tuple[str, dict[str, Any]]:
    values: dict[str, Any] = {}
    if t.two_terms is None:
        values |= {"P": t.P, "Lambda": t.Lambda}
    else:
        q_plus, q_minus, b = t.two_terms
        # with Λ_fixed = Λ_free = Λ: B_0 = Λ² + 1, B_1 = Λ² - 1 and q_± = Λ²(P_fixed ± P_free)/2
        square = (1 + b) / (1 - b)
        scale = (square + 1) / square
        values |= {
            "P_fixed": (q_plus + q_minus) * scale,
            "P_free": (q_plus - q_minus) * scale,
            "Lambda_fixed": np.sqrt(square),
            "Lambda_free": np.sqrt(square),
        }
    values |= {"eps_prime": t.epsilon_prime, "J": t.J, "J_direction": "-z", "mp": t.direction}
    lines = ["Specify Oxs_SpinXferEvolve:evolver {"]
    for name, value in values.items():
        if name == "mp":
            value = f"{{ Oxs_UniformVectorField {{ vector {{ {_vector(value, ' ')} }} }} }}"
        elif not isinstance(value, str):
            value = f"{value:.10g}"
        lines.append(f"  {name} {value}")
    lines += [
        "  propagate_mp 0",
        "}",
        comment("add alpha, gamma_G, ... to the block; the thickness d is that of a cell, so use one cell along z"),
    ]
    return "\n".join(lines), values


def _mumax3(t: _Torque, comment: Callable[[str], str]) -> tuple[str, dict[str, Any]]:
    values = {
        "Pol": t.P,
        "Lambda": t.Lambda,
        "EpsilonPrime": t.epsilon_prime,
        "FixedLayer": t.direction,
        "FixedLayerPosition": "FIXEDLAYER_TOP",
        "J": (0.0, 0.0, t.J),
    }
    lines = [
        f"Pol = {t.P:.10g}",
        f"Lambda = {t.Lambda:.10g}",
        f"EpsilonPrime = {t.epsilon_prime:.10g}",
        f"FixedLayer = vector({_vector(t.direction)})",
        "FixedLayerPosition = FIXEDLAYER_TOP",
        f"J = vector(0, 0, {t.J:.10g})",
        "DisableZhangLiTorque = true",
    ]
    if t.thickness is not None:
        values["FreeLayerThickness"] = t.thickness
        lines.append(f"FreeLayerThickness = {t.thickness:.10g}")
    lines.append(
        comment("FIXEDLAYER_BOTTOM needs J = -J; the free layer is thickness FreeLayerThickness or the grid's")
    )
    return "\n".join(lines), values


def _ubermag(t: _Torque, comment: Callable[[str], str]) -> tuple[str, dict[str, Any]]:
    values = {"J": t.J, "mp": t.direction, "P": t.P, "Lambda": t.Lambda, "eps_prime": t.epsilon_prime}
    arguments = [f"    J={t.J:.10g},", f"    mp=({_vector(t.direction)}),", f"    P={t.P:.10g},"]
    arguments += [f"    Lambda={t.Lambda:.10g},", f"    eps_prime={t.epsilon_prime:.10g},"]
    lines = ["import micromagneticmodel as mm", "", "slonczewski = mm.Slonczewski(", *arguments, ")"]
    lines.append(comment("system.dynamics += slonczewski"))
    return "\n".join(lines), values


def _magnumnp(t: _Torque, comment: Callable[[str], str]) -> tuple[str, dict[str, Any]]:
    thickness = t.need("magnum.np", "thickness")
    values = {
        "P": t.P,
        "Lambda": t.Lambda,
        "epsilon_prime": t.epsilon_prime,
        "mp": t.direction,
        "d": thickness,
        "J": t.J,
    }
    lines = [
        "from magnumnp import SpinTorqueSlonczewski",
        "",
        f'state.material["P"] = {t.P:.10g}',
        f'state.material["Lambda"] = {t.Lambda:.10g}',
        f'state.material["epsilon_prime"] = {t.epsilon_prime:.10g}',
        f'state.material["mp"] = [{_vector(t.direction)}]',
        f'state.material["d"] = {thickness:.10g}',
        f'state.material["J"] = {t.J:.10g}',
        "torque = SpinTorqueSlonczewski()",
        comment("LLGSolver([..., torque]); set state.material['Ms'] in A/m"),
    ]
    return "\n".join(lines), values


def _cmtj(t: _Torque, comment: Callable[[str], str]) -> tuple[str, dict[str, Any]]:
    thickness, saturation = t.need("cmtj", "thickness"), t.need("cmtj", "saturation")
    # cmtj writes the field-like torque as -beta ε(Φ) m_p×m, with the same ε(Φ)
    beta = -t.epsilon_prime / (t.P * t.Lambda**2 / (t.Lambda**2 + 1)) if t.P else 0.0
    values = {
        "Ms": saturation * mu_0,
        "thickness": thickness,
        "SlonczewskiSpacerLayerParameter": t.Lambda,
        "beta": beta,
        "spinPolarisation": t.P,
        "reference": t.direction,
        "current": t.J,
    }
    lines = [
        "from cmtj import CVector, Junction, Layer, ScalarDriver",
        "",
        "free = Layer.createSTTLayer(",
        '    id="free",',
        "    mag=mag,  # your initial magnetization, anisotropy axis, area, demagnetization and damping",
        "    anis=anis,",
        f"    Ms={values['Ms']:.10g},  # µ_0 M_s in tesla",
        f"    thickness={thickness:.10g},",
        "    cellSurface=cell_surface,",
        "    demagTensor=demag_tensor,",
        "    damping=damping,",
        f"    SlonczewskiSpacerLayerParameter={t.Lambda:.10g},",
        f"    beta={beta:.10g},",
        f"    spinPolarisation={t.P:.10g},",
        ")",
        f"free.setReferenceLayer(CVector({_vector(t.direction)}))",
        "junction = Junction([free])",
        f'junction.setLayerCurrentDriver("free", ScalarDriver.getConstantDriver({t.J:.10g}))',
        comment("keep the default form of the torque: no setAlternativeSTT(True)"),
    ]
    return "\n".join(lines), values


@dataclass(frozen=True)
class _Code:
    write: Callable[[_Torque, Callable[[str], str]], tuple[str, dict[str, Any]]]
    mark: str
    constraints: Mapping[str, bool]
    current: str


_FREE = {"Lambda_at_least_1": False, "P_positive": False}
_CODES: dict[str, _Code] = {
    "oommf": _Code(
        _oommf,
        "#",
        {"Lambda_at_least_1": True, "P_positive": False},
        "J > 0 with J_direction -z: electrons flow along +z, from a fixed layer below",
    ),
    "mumax3": _Code(
        _mumax3, "//", _FREE, "J_z > 0 with FIXEDLAYER_TOP: electrons flow along -z, from a fixed layer on top"
    ),
    "ubermag": _Code(
        _ubermag,
        "#",
        {"Lambda_at_least_1": True, "P_positive": True},
        "as OOMMF, which runs it: J > 0 is electrons along +z, from a fixed layer below",
    ),
    "magnumnp": _Code(_magnumnp, "#", _FREE, "J > 0: electrons from the fixed into the free layer"),
    "cmtj": _Code(_cmtj, "#", _FREE, "current driver > 0: electrons from the fixed into the free layer"),
}
#: Codes with a snippet: those of `export`, and BORIS.
TARGETS = (*_CODES, "boris")


# ---------------------------------------------------------------------- torque
def export(
    source: Junction | AngularResponse | EffectiveParameters | Any,
    target: str,
    *,
    lattice_constant: float,
    free: Side = "right",
    energy: float = 0.0,
    k: Any = None,
    bias: float | None = None,
    current: float | None = None,
    fixed_layer: ArrayLike = (0.0, 0.0, 1.0),
    free_thickness: float | None = None,
    saturation: float | None = None,
    asymmetric: bool = False,
    field_like: bool = True,
    tolerance: float = TOLERANCE,
    name: str = "junction",
    **options: Any,
) -> Snippet:
    """Return a snippet for a micromagnetic code.

    Parameters
    ----------
    source
        A `Junction`, solved here; or whatever `effective_parameters` takes or returns. Energies in eV.
    target
        One of `TARGETS`: "oommf", "mumax3", "ubermag", "magnumnp", "cmtj", "boris".
    lattice_constant
        a in nm, the edge of the unit cell in the planes.
    free
        Which magnet is free: "right" or "left".
    energy, k, bias
        As in `angular_response`, for a `Junction`. With a bias (V = µ_L - µ_R, in eV) ε' holds at that bias only.
    current
        J in A/m²; positive: electrons flow from the fixed into the free magnet. Default: the junction's own at 90
        degrees and the given bias, else a placeholder of 10¹⁰ A/m².
    fixed_layer
        Magnetization of the fixed layer in the axes of the micromagnetic problem (magnetization, not spin).
    free_thickness
        d in nm; magnum.np and cmtj need it.
    saturation
        M_s in A/m; cmtj needs it.
    asymmetric
        Two-term law of two different contacts (OOMMF only).
    field_like
        Whether to write ε'; otherwise it is 0 and its misfit does not count.
    tolerance
        Largest residual, relative to the largest torque per current.
    name
        How the provenance calls the junction.
    **options
        ``angles`` and ``temperature`` of `angular_response`; ``biases`` of `export_boris`.

    Returns
    -------
    Snippet

    Raises
    ------
    ArgumentError
        An unknown target, a missing or impossible number, one that the target or the source has no use for.
    InvalidParametrizationError
        The residual exceeds ``tolerance``.

    Examples
    --------
    >>> from kwant_spinjunc.model.junction import Junction, barrier, ferromagnet
    >>> iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> tunnel = Junction(ferromagnet(**iron), [barrier(onsite=5.0, hopping=1.0, thickness=5)], ferromagnet(**iron))
    >>> snippet = export(tunnel, "mumax3", lattice_constant=0.25)
    >>> round(snippet.values["Pol"], 6), round(snippet.values["Lambda"], 6), snippet.text.count("Pol = 0.064516")
    (0.064516, 1.004206, 1)
    """
    if target not in TARGETS:
        raise ArgumentError(f"Argument `target` must be one of {', '.join(TARGETS)}, but is {target!r}.")
    a = _nanometers("lattice_constant", lattice_constant)
    tolerance = positive("tolerance", tolerance)
    if target == "boris":
        if not isinstance(source, Junction):
            raise ArgumentError(
                f"Argument `source` must be a Junction for BORIS, but is {type(source).__name__}: its conductances are "
                "those of interfaces and biases, not of an angle."
            )
        unused = {
            "bias": bias is not None,
            "free": free != "right",
            "current": current is not None,
            "fixed_layer": not np.array_equal(fixed_layer, (0.0, 0.0, 1.0)),
            "asymmetric": asymmetric,
            "field_like": not field_like,
            "free_thickness": free_thickness is not None,
            "saturation": saturation is not None,
            **{option: True for option in options if option != "biases"},
        }
        for argument, is_given in unused.items():
            if is_given:
                raise ArgumentError(
                    f"Argument `{argument}` must be left out for BORIS, which takes conductances, but is given."
                    + (" Use `biases` for RA(V)." if argument == "bias" else "")
                )
        return export_boris(source, lattice_constant=a, energy=energy, k=k, tolerance=tolerance, name=name, **options)
    for option in options:
        if option not in ("angles", "temperature"):
            raise ArgumentError(f"Argument `{option}` must be left out for {target}, but is given.")
    if asymmetric and target != "oommf":
        raise ArgumentError(f"Argument `asymmetric` must be False for {target}, but is True: only OOMMF has two terms.")
    if isinstance(source, EffectiveParameters):
        refuse_settings(
            source, {"energy": energy != 0, "k": k is not None, "bias": bias is not None} | dict.fromkeys(options, True)
        )
        found = source
    else:
        found = effective_parameters(source, energy, k, bias=bias, **options)
    code, torque = _CODES[target], found.torque(free)
    fit = torque.asymmetric if asymmetric else torque.symmetric
    response = found.response
    residual = fit.residual if field_like else _without_field_like(response, free, fit)
    if residual > tolerance:
        raise InvalidParametrizationError(
            f"Argument `source` must obey {fit.law} to {tolerance:g}, but misses it by {residual:.3g} of {fit.scale}. "
            "Print `effective_parameters(...)` to see why; raise `tolerance` to export all the same."
        )
    J = _current(response, current, a, free)
    P, Lambda = torque.symmetric["P"], torque.symmetric["Lambda"]
    prime = fit["epsilon_prime"] if field_like else 0.0
    direction = finite_array("fixed_layer", fixed_layer, "(..., 3)")
    length = float(np.linalg.norm(direction))
    if direction.shape != (3,) or length == 0:
        raise ArgumentError("Argument `fixed_layer` must be a vector (x, y, z), but is 0. Use (0, 0, 1).")
    flipped = reverse = False
    if asymmetric:
        two_terms = (fit["q_plus"], fit["q_minus"], fit["b"])
    else:
        two_terms = None
        P, Lambda, prime, flipped, reverse = _in_range(P, Lambda, prime, **code.constraints)
    if P == 0 and target in ("mumax3", "ubermag"):
        raise ArgumentError(f"Argument `source` must have a torque for {target}, but P = 0, which it refuses.")
    x, y, z = ((-1 if flipped else 1) * direction / length + 0.0).tolist()
    numbers = _Torque(
        P=float(P),
        Lambda=float(Lambda),
        epsilon_prime=float(prime),
        direction=(x, y, z),
        J=-J if reverse else J,
        fit=fit,
        two_terms=two_terms,
        thickness=None if free_thickness is None else _nanometers("free_thickness", free_thickness) * 1e-9,
        saturation=None if saturation is None else positive("saturation", saturation),
    )
    body, values = code.write(numbers, lambda text: f"{code.mark} {text}")
    if target == "cmtj":
        residual = _cmtj_residual(response, free, numbers)
        if residual > tolerance:
            raise InvalidParametrizationError(
                "Argument `source` must have a field-like torque in a constant ratio to the damping-like one for cmtj, "
                f"but misses by {residual:.3g}. Pass field_like=False, or raise `tolerance`."
            )
    header = _header(name, response, a, found, fit, residual, free, code)
    if flipped:
        header.append("fixed layer REVERSED: Λ < 1 (inverse magnetoresistance) is Λ → 1/Λ with m_p → -m_p")
    if reverse:
        header.append("J REVERSED: P < 0 (torque away from the fixed layer) is P → -P with J → -J")
    if current is None and response.bias is None:
        header.append(f"J = {J:g} A/m² is a placeholder: set your own, positive for electrons from fixed to free")
    text = "\n".join([*(f"{code.mark} {line}" for line in header), body, ""])
    return Snippet(target, text, values, residual, flipped, reverse)


def _current(response: AngularResponse, current: float | None, a: float, free: Side) -> float:
    if current is not None:
        return finite("current", current)
    if response.bias is None:
        return PLACEHOLDER_CURRENT
    at_90 = float(np.interp(np.pi / 2, response.angles, response.current))
    return float(current_density(at_90, a)) * (1 if free == "right" else -1)


def _without_field_like(response: AngularResponse, free: Side, fit: Fit) -> float:
    torque, _ = response.efficiencies(free)
    sine, cosine = np.sin(response.angles), np.cos(response.angles)
    if "chi" in fit.estimates:
        law = _efficiency(fit["P"], fit["Lambda"], cosine)
    else:
        law = fit["q_plus"] / (1 + fit["b"] * cosine) + fit["q_minus"] / (1 - fit["b"] * cosine)
    return _share(law * sine - torque, torque)


def _cmtj_residual(response: AngularResponse, free: Side, t: _Torque) -> float:
    """Return the misfit of ε' = -beta ε(Φ), which has no angle-independent ε'."""
    torque, field_like = response.efficiencies(free)
    sine, cosine = np.sin(response.angles), np.cos(response.angles)
    law = _efficiency(t.P, t.Lambda, cosine) * sine
    ratio = t.epsilon_prime / _efficiency(t.P, t.Lambda, 0.0) if t.P else 0.0
    dropped = field_like if t.epsilon_prime else np.zeros_like(field_like)
    return _share(np.hypot(law - torque, ratio * law - dropped), np.hypot(torque, dropped))


def _efficiency(P: float, Lambda: float, cosine: Any) -> Any:
    square = Lambda**2
    return P * square / ((square + 1) + (square - 1) * cosine)


def _share(misfit: Floats, described: Floats) -> float:
    return float(abs(misfit).max() / max(float(abs(described).max()), float(np.finfo(float).tiny)))


def _header(
    name: str,
    response: AngularResponse,
    a: float,
    found: EffectiveParameters,
    fit: Fit,
    residual: float,
    free: Side,
    code: _Code,
) -> list[str]:
    fixed = SIDES[1 - SIDES.index(free)]
    degrees = np.degrees(response.angles)
    lines = [
        f"Slonczewski torque of {name} by kwant-spinjunc {__version__}",
        f"{response.source}; lattice constant {a:g} nm; energies in eV",
        f"{len(degrees)} angles from {degrees[0]:.4g} to {degrees[-1]:.4g} degrees; {fit.law}",
        f"residual {residual:.2g} of {fit.scale}",
        f"free: {free} magnet, fixed: {fixed} magnet; m is the magnetization, opposite to the majority spin",
        code.current,
    ]
    if response.bias is None and np.all(response.current > 0):
        ends = [float(resistance_area_product(g, a)) for g in (response.current[0], response.current[-1])]
        lines.append(f"RA = {ends[0]:.6g} Ω µm² at {degrees[0]:.4g} deg, {ends[1]:.6g} Ω µm² at {degrees[-1]:.4g} deg")
        lines.append(
            "ε' is the linear response to µ_L = -µ_R; it changes with the bias, and equilibrium exchange is extra"
        )
    else:
        bias = "the data's bias" if response.bias is None else f"V = µ_L - µ_R = {response.bias:g}"
        lines.append(f"ε' holds at {bias} only; equilibrium exchange between the layers is extra")
    return lines


# ---------------------------------------------------------------------- BORIS
@dataclass(frozen=True, eq=False)
class BiasLaw:
    """RA(V) = RA_0/(1 + c_1 V + c_2 V²) of one magnetic configuration.

    Attributes
    ----------
    resistance_area : float
        RA_0 in Ω m².
    coefficients : tuple of float
        c_1 in 1/V and c_2 in 1/V².
    residual : float
        Largest relative misfit of the conductance.
    """

    resistance_area: float
    coefficients: tuple[float, float]
    residual: float

    def equation(self, symbol: str) -> str:
        """Return the text equation of the variables ``symbol`` (RA_0) and V."""
        c1, c2 = self.coefficients
        return f"{symbol} / (1 + ({c1:.10g})*V + ({c2:.10g})*V^2)"


def bias_law(
    junction: Junction, biases: ArrayLike, *, lattice_constant: float, fermi_energy: float = 0.0, k: Any = None
) -> BiasLaw:
    """Return RA(V) of a junction in its present configuration, fitted over biases.

    Parameters
    ----------
    junction
        Energies in eV.
    biases
        V = µ_L - µ_R in eV, at least three and none of them 0.
    lattice_constant
        a in nm.
    fermi_energy, k
        As in `bias_response`.

    Raises
    ------
    ArgumentError
        Too few biases, a zero, or a configuration that carries no current.
    """
    V = finite_array("biases", biases).ravel()
    if len(np.unique(V)) < 3 or np.any(V == 0):
        raise ArgumentError(
            f"Argument `biases` must be at least three values other than 0, but are {V.tolist()}. "
            "Use np.linspace(-0.5, 0.5, 6)."
        )
    G = bias_response(junction, V, fermi_energy=fermi_energy, k=k, layers=False).current / V
    if np.any(G <= 0):
        raise ArgumentError("Argument `junction` must carry a current at every bias, but does not.")
    powers = np.stack([np.ones_like(V), V, V**2], axis=-1)
    c = np.linalg.lstsq(powers / G[:, None], np.ones_like(V), rcond=None)[0]  # relative misfits
    residual = float(abs(powers @ c / G - 1).max())
    return BiasLaw(float(1 / conductance_per_area(c[0], lattice_constant)), (c[1] / c[0], c[2] / c[0]), residual)


def export_boris(
    junction: Junction,
    *,
    lattice_constant: float,
    energy: float = 0.0,
    k: Any = None,
    biases: ArrayLike | None = None,
    tolerance: float = TOLERANCE,
    name: str = "junction",
) -> Snippet:
    """Return the parameters of BORIS: Gi and Gmix of both interfaces of a metal, RA products of a barrier.

    Parameters
    ----------
    junction
        With a metallic spacer (Gi, Gmix) or a barrier (RAtmr_p, RAtmr_ap).
    lattice_constant, energy, k, tolerance, name
        As in `export`.
    biases
        Of the equations RA(V) of a barrier, in eV; without them RA is that of the linear response.

    Raises
    ------
    ArgumentError
        A junction without two magnets, or biases for a metal.
    InvalidParametrizationError
        The conductance of a barrier is not linear in cos Φ, or RA(V) not of second order.
    """
    a = _nanometers("lattice_constant", lattice_constant)
    at = junction.turned(m_right=junction.directions_at(np.pi / 2))
    cut = at.cut
    metallic = cut is not None and at.planes[cut].is_magnetic is False and _has_metal(at, energy, k)
    point = "Γ" if k is None else "Brillouin-zone average" if isinstance(k, str) else f"k = {tuple(np.ravel(k))}"
    head = [
        f"# Conductances of {name} by kwant-spinjunc {__version__}",
        f"# E = {energy:g} eV, {point}; lattice constant {a:g} nm",
    ]
    values: dict[str, Any] = {}
    if metallic:
        if biases is not None:
            raise ArgumentError("Argument `biases` must be left out for a metallic spacer, but is given.")
        head += [
            "# Gi = (G_up, G_down) and Gmix = (Re, Im) in S/m², majority first; parameters of the mesh on top of each",
            "# interface. Landauer conductances of one interface between leads: Sharvin resistances are included.",
            "# Im Gmix has the sign of -Im Σ(1 - r_up r_down*): BORIS writes it for magnetic moments, not spins.",
        ]
        lines = []
        for side in SIDES:
            found = interface_parameters(at, side, energy, k)
            pair = conductance_per_area([found.majority, found.minority], a)
            mixing = conductance_per_area([found.mixing.real, -found.mixing.imag], a)
            values[f"Gi_{side}"], values[f"Gmix_{side}"] = pair.tolist(), mixing.tolist()
            lines += [
                f"{side}.param.Gi = [{_vector(pair)}]",
                f"{side}.param.Gmix = [{_vector(mixing)}]",
            ]
        return Snippet("boris", "\n".join([*head, *lines, ""]), values, 0.0)
    found_all = effective_parameters(junction, energy, k)
    residual = found_all.conductance.residual
    if residual > tolerance:
        raise InvalidParametrizationError(
            f"Argument `junction` must have a conductance linear in cos Φ to {tolerance:g}, but misses it by "
            f"{residual:.3g} of its change. Raise `tolerance` to export all the same."
        )
    parallel, antiparallel = at.turned(m_right=at.directions_at(0.0)), at.turned(m_right=at.directions_at(np.pi))
    G = found_all.response.current
    products = [float(1 / conductance_per_area(g, a)) for g in (G[0], G[-1])]
    equations: list[str] = []
    if biases is not None:
        laws = [bias_law(j, biases, lattice_constant=a, fermi_energy=energy, k=k) for j in (parallel, antiparallel)]
        residual = max(residual, *(law.residual for law in laws))
        if residual > tolerance:
            raise InvalidParametrizationError(
                f"Argument `biases` must be a range where G(V) is a parabola to {tolerance:g}, but it misses by "
                f"{residual:.3g}. Choose smaller biases, or raise `tolerance`."
            )
        products = [law.resistance_area for law in laws]
        values["RAp(V)"], values["RAap(V)"] = laws[0].equation("RAp"), laws[1].equation("RAap")
        equations = [
            "# bias equations of the TMR module, variables RAp, RAap, V (V > 0 drives electrons from left to right):",
            f"# parallel:     {values['RAp(V)']}",
            f"# antiparallel: {values['RAap(V)']}",
        ]
    values |= {"RAtmr_p": products[0], "RAtmr_ap": products[1]}
    head += [
        "# RA in Ω m²; TMR type Slonczewski (conductance linear in cos Φ, the default), not cosine",
        f"# residual {residual:.2g}",
    ]
    lines = [f"barrier.param.RAtmr_p = {products[0]:.10g}", f"barrier.param.RAtmr_ap = {products[1]:.10g}", *equations]
    return Snippet("boris", "\n".join([*head, *lines, ""]), values, residual)


def _has_metal(junction: Junction, energy: float, k: Any) -> bool:
    """Return whether the spacer carries electrons at this energy, so that it has a mixing conductance."""
    try:
        interface_parameters(junction, "right", energy, k)
    except ArgumentError:
        return False
    return True
