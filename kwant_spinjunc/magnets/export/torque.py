"""`export`: a junction's torque, fitted, refused where the law does not hold, in the numbers of a code."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike

from ..._version import __version__
from ...arrays import Side
from ...checks import choice, finite, finite_array, instance, keywords_of, positive, refusal, refuse_unknown
from ...devices.device import Device
from ...errors import ArgumentError
from ...model.junction import Junction
from ...units import current_density as si_current_density
from ...units import resistance_area_product
from ..parameters import AngularResponse, EffectiveParameters, Fit, effective_parameters
from ..parameters.fits import TOLERANCE
from ..parameters.response import SIDES, refuse_settings
from .boris import export_boris
from .codes import CODES, Code, InvalidParametrizationError, Numbers, Snippet, efficiency, nanometers

#: Current density of a snippet whose user gave none, A/m².
PLACEHOLDER_CURRENT = 1e10
#: Codes with a snippet: those of the torque, and BORIS.
TARGETS = (*CODES, "boris")
#: Properties of the free layer and the codes that take them.
FREE_LAYER = {"free_thickness": ("mumax3", "magnumnp", "cmtj"), "saturation": ("cmtj",)}


class Options(TypedDict, total=False):
    """What `angular_response` is asked, what one code needs, and ``biases`` for BORIS."""

    energy: float
    k: Any
    bias: float | None
    angles: ArrayLike
    temperature: float
    behind: Any
    free_thickness: float | None
    saturation: float | None
    biases: ArrayLike | None


def export(
    source: Junction | AngularResponse | EffectiveParameters | Any,
    target: str,
    *,
    lattice_constant: float,
    free: Side = "right",
    current_density: float | None = None,
    fixed_layer: ArrayLike = (0.0, 0.0, 1.0),
    asymmetric: bool = False,
    field_like: bool = True,
    tolerance: float = TOLERANCE,
    name: str = "junction",
    **options: Unpack[Options],
) -> Snippet:
    """Return a snippet for a micromagnetic code.

    Raises `InvalidParametrizationError`: The residual exceeds ``tolerance``.

    Parameters
    ----------
    source
        A `Junction` or Kwant system, solved here; or whatever `effective_parameters` takes or returns. In eV.
    target
        One of `TARGETS`: "oommf", "mumax3", "ubermag", "magnumnp", "cmtj", "boris".
    lattice_constant
        a in nm, the edge of the unit cell in the planes; of a Kwant system the root of the area of its cross-section,
        or of the cell of a periodic one.
    free
        Which magnet is free: "right" or "left".
    current_density
        J in A/m²; positive: electrons flow from the fixed into the free magnet. Default: the junction's own at 90
        degrees and the given bias, else a placeholder of 10¹⁰ A/m².
    fixed_layer
        Magnetization of the fixed layer in the axes of the micromagnetic problem (magnetization, not spin).
    asymmetric
        Two-term law of two different contacts (OOMMF only).
    field_like
        Whether to write ε'; otherwise it is 0 and its misfit does not count.
    tolerance
        Largest residual, relative to the largest torque per current.
    name
        How the provenance calls the junction.
    **options
        ``energy``, ``k``, ``bias``, ``angles``, ``temperature`` of `angular_response`, for a `Junction`; with a bias
        (V = µ_L - µ_R, in eV) ε' holds at that bias only. ``free_thickness``, d in nm (mumax3, magnumnp, cmtj),
        ``saturation``, M_s in A/m (cmtj needs it). ``behind`` of `system_response`. ``biases`` of `export_boris`.

    Examples
    --------
    >>> from kwant_spinjunc.model.junction import Junction, barrier, ferromagnet
    >>> iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> tunnel = Junction(ferromagnet(**iron), [barrier(onsite=5.0, hopping=1.0, thickness=5)], ferromagnet(**iron))
    >>> snippet = export(tunnel, "mumax3", lattice_constant=0.25)
    >>> round(snippet.values["Pol"], 6), round(snippet.values["Lambda"], 6), snippet.text.count("Pol = 0.064516")
    (0.064516, 1.004206, 1)
    """
    choice("target", target, TARGETS)
    refuse_unknown(options, (*keywords_of(export), *Options.__annotations__), "export")
    unit = _unit_of(source, options)
    a, tolerance = nanometers("lattice_constant", lattice_constant), positive("tolerance", tolerance)
    settings = {option: value for option, value in options.items() if value is not None}
    if target == "boris":
        torque_only = {
            "free": free != "right",
            "current_density": current_density is not None,
            "fixed_layer": not np.array_equal(fixed_layer, (0.0, 0.0, 1.0)),
            "asymmetric": asymmetric,
            "field_like": not field_like,
        }
        given = [argument for argument, is_given in torque_only.items() if is_given] + list(settings)
        _refuse(given, ("energy", "k", "biases"), "BORIS, which takes conductances")
        of_junctions = "Its conductances for BORIS are those of interfaces and biases, not of an angle."
        instance("source", source, Junction, of_junctions)
        return export_boris(source, lattice_constant=a, tolerance=tolerance, name=name, **settings)  # type: ignore[arg-type]
    foreign = {name for name, codes in FREE_LAYER.items() if target not in codes}
    _refuse(settings, set(Options.__annotations__) - {"biases"} - foreign, target)
    if asymmetric and target != "oommf":
        raise ArgumentError(f"Argument `asymmetric` must be False for {target}, but is True: only OOMMF has two terms.")
    thickness, saturation = settings.pop("free_thickness", None), settings.pop("saturation", None)
    found = _solved(source, settings)
    fit, residual = _fitted(found, free, tolerance, asymmetric=asymmetric, field_like=field_like)
    symmetric = found.torque(free).symmetric
    numbers = Numbers(
        P=float(symmetric["P"]),
        Lambda=float(symmetric["Lambda"]),
        epsilon_prime=float(fit["epsilon_prime"]) if field_like else 0.0,
        direction=_direction(fixed_layer),
        J=_current(found.response, current_density, a, free),
        two_terms=(fit["q_plus"], fit["q_minus"], fit["b"]) if asymmetric else None,
        thickness=None if thickness is None else nanometers("free_thickness", thickness) * 1e-9,
        saturation=None if saturation is None else positive("saturation", saturation),
    )
    code = CODES[target]
    if not asymmetric:
        numbers = numbers.in_range_of(code)
    if numbers.P == 0 and target in ("mumax3", "ubermag"):
        raise ArgumentError(f"Argument `source` must have a torque for {target}, but P = 0, which it refuses.")
    body, remark, values = code.write(numbers)
    if target == "cmtj":
        residual = _cmtj_residual(found.response, free, numbers, tolerance)
    placeholder = current_density is None
    header = _header(name, found.response, a, fit, residual, free, code, unit, numbers, placeholder)
    text = "\n".join([*(f"{code.mark} {line}" for line in header), *body, f"{code.mark} {remark}", ""])
    return Snippet(target, text, values, residual, numbers.flipped, numbers.reversed)


def _unit_of(source: Any, options: Mapping[str, Any]) -> str:
    """Return the unit of energies; refuse potentials that are not in eV, of which no A/m² can be made."""
    unit = source.unit if isinstance(source, (Junction, Device)) else ""
    if unit not in ("", "eV") and any(options.get(name) is not None for name in ("bias", "temperature", "biases")):
        raise ArgumentError(f"Argument `bias` must be left out for a junction in units of {unit}: currents need eV.")
    return unit or "eV"


def _refuse(given: Iterable[str], used: Collection[str], target: str) -> None:
    """Refuse what is given and would be ignored."""
    for argument in given:
        if argument not in used:
            hint = " Use `biases` for RA(V)." if argument == "bias" else ""
            raise ArgumentError(f"Argument `{argument}` must be left out for {target}, but is given.{hint}")


def _solved(source: Any, settings: dict[str, Any]) -> EffectiveParameters:
    if isinstance(source, EffectiveParameters):
        refuse_settings(source, {name: name != "energy" or value != 0 for name, value in settings.items()})
        return source
    return effective_parameters(source, **settings)


def _fitted(
    found: EffectiveParameters, free: Side, tolerance: float, *, asymmetric: bool, field_like: bool
) -> tuple[Fit, float]:
    """Return the law of the torque and its misfit, refused beyond the tolerance."""
    torque = found.torque(free)
    fit = torque.asymmetric if asymmetric else torque.symmetric
    residual = fit.residual if field_like or fit.residual_damping_like is None else fit.residual_damping_like
    if residual > tolerance:
        raise InvalidParametrizationError(
            f"Argument `source` must obey {fit.law} to {tolerance:g}, but misses it by {residual:.3g} of {fit.scale}. "
            "Print `effective_parameters(...)` to see why; raise `tolerance` to export all the same."
        )
    return fit, residual


def _direction(fixed_layer: ArrayLike) -> tuple[float, float, float]:
    direction = finite_array("fixed_layer", fixed_layer)
    length = float(np.linalg.norm(direction))
    if direction.shape != (3,) or length == 0:
        raise refusal("fixed_layer", "be (x, y, z) other than 0", f"is {direction.tolist()}", "Use (0, 0, 1).")
    x, y, z = (direction / length + 0.0).tolist()
    return x, y, z


def _current(response: AngularResponse, given: float | None, a: float, free: Side) -> float:
    if given is not None:
        return finite("current_density", given)
    if response.bias is None:
        return PLACEHOLDER_CURRENT
    at_90 = float(np.interp(np.pi / 2, response.angles, response.current))
    return float(si_current_density(at_90, a)) * (1 if free == "right" else -1)


def _cmtj_residual(response: AngularResponse, free: Side, t: Numbers, tolerance: float) -> float:
    """Return the misfit of ε' = -beta ε(Φ), which has no angle-independent ε', refused beyond the tolerance."""
    torque, field_like = response.efficiencies(free)
    sine, cosine = np.sin(response.angles), np.cos(response.angles)
    law = efficiency(t.P, t.Lambda, cosine) * sine
    ratio = t.epsilon_prime / efficiency(t.P, t.Lambda, 0.0) if t.P else 0.0
    dropped = field_like if t.epsilon_prime else np.zeros_like(field_like)
    described = float(np.hypot(torque, dropped).max())
    residual = float(np.hypot(law - torque, ratio * law - dropped).max() / max(described, float(np.finfo(float).tiny)))
    if residual > tolerance:
        raise InvalidParametrizationError(
            "Argument `source` must have a field-like torque in a constant ratio to the damping-like one for cmtj, "
            f"but misses by {residual:.3g}. Pass field_like=False, or raise `tolerance`."
        )
    return residual


def _header(
    name: str,
    response: AngularResponse,
    a: float,
    fit: Fit,
    residual: float,
    free: Side,
    code: Code,
    unit: str,
    numbers: Numbers,
    placeholder: bool,
) -> list[str]:
    """Return where the numbers come from, and what a user must know before pasting them."""
    fixed = SIDES[1 - SIDES.index(free)]
    degrees = np.degrees(response.angles)
    lines = [
        f"Slonczewski torque of {name} by kwant-spinjunc {__version__}",
        f"{response.source}; lattice constant {a:g} nm; energies in {unit}",
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
    if numbers.flipped:
        lines.append("fixed layer REVERSED: Λ < 1 (inverse magnetoresistance) is Λ → 1/Λ with m_p → -m_p")
    if numbers.reversed:
        lines.append("J REVERSED: P < 0 (torque away from the fixed layer) is P → -P with J → -J")
    if placeholder and response.bias is None:
        J = -numbers.J if numbers.reversed else numbers.J
        lines.append(f"J = {J:g} A/m² is a placeholder: set your own, positive for electrons from fixed to free")
    return lines
