"""What an export gives, and how each code writes the torque: names, units, the range of P and Λ, what J > 0 means.

m_p → -m_p is Λ → 1/Λ, P → -PΛ², ε' → -ε'; J → -J is P → -P, ε' → -ε': both leave the torque as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.constants import mu_0

from ...checks import positive, within
from ...errors import ArgumentError, SpinjuncError
from ...printing import Printed

#: Lattice constants and thicknesses in nm lie between; a length in meters does not.
LENGTHS = (1e-3, 1e3)


class InvalidParametrizationError(SpinjuncError, ValueError):
    """The junction does not obey the law that the code presumes, so no numbers can stand for it."""


@dataclass(frozen=True, repr=False)
class Snippet(Printed):
    """A block to paste, and the numbers in it."""

    target: str  #: One of `TARGETS`.
    text: str  #: The snippet with its provenance; ``str(snippet)`` is the same.
    values: Mapping[str, Any]  #: Name in the target code -> number or vector, as written in the text.
    residual: float  #: Largest misfit of the law, relative to the largest microscopic value it describes.
    #: Whether the direction given for the fixed layer is opposite to its magnetization (inverse magnetoresistance).
    fixed_layer_flipped: bool = False
    current_reversed: bool = False  #: Whether J changed sign so that P > 0 (negative polarization).

    def __str__(self) -> str:
        return self.text


def nanometers(name: str, value: Any) -> float:
    """Return a length in nm, refusing one that must have been meant in another unit."""
    return within(name, positive(name, value), *LENGTHS, "It is in nanometers.")


def vector(values: Iterable[float], separator: str = ", ") -> str:
    """Return the components of a vector as text, ten digits each."""
    return separator.join(f"{x:.10g}" for x in values)


@dataclass(frozen=True, kw_only=True)
class Numbers:
    """The torque as a code takes it: ``two_terms`` = (q_+, q_-, b) or None, thickness in m, saturation in A/m."""

    P: float
    Lambda: float
    epsilon_prime: float
    direction: tuple[float, float, float]
    J: float
    two_terms: tuple[float, float, float] | None = None
    thickness: float | None = None
    saturation: float | None = None
    flipped: bool = False
    reversed: bool = False

    def need(self, target: str, name: str) -> float:
        """Return a number that this code cannot do without."""
        value: float | None = getattr(self, name)
        if value is None:
            argument, unit = {"thickness": ("free_thickness", "nm"), "saturation": ("saturation", "A/m")}[name]
            raise ArgumentError(f"Argument `{argument}` must be given for {target}, in {unit}, but is not.")
        return value

    def in_range_of(self, code: Code) -> Numbers:
        """Return the same torque with the fixed layer or the current reversed where P and Λ leave the code's range."""
        found = self
        if code.at_least_1 and self.Lambda < 1:
            P, (x, y, z) = -self.P * self.Lambda**2, self.direction
            found = replace(found, P=P, Lambda=1 / self.Lambda, epsilon_prime=-self.epsilon_prime, flipped=True)
            found = replace(found, direction=(0.0 - x, 0.0 - y, 0.0 - z))
        if code.positive and found.P < 0:
            found = replace(found, P=-found.P, epsilon_prime=-found.epsilon_prime, J=-found.J, reversed=True)
        return found


def efficiency(P: float, Lambda: float, cosine: Any) -> Any:
    """Return ε(Φ) = PΛ²/[(Λ² + 1) + (Λ² - 1) cos Φ]."""
    square = Lambda**2
    return P * square / ((square + 1) + (square - 1) * cosine)


def _literals(values: Mapping[str, Any], brackets: str) -> dict[str, str]:
    """Return numbers and vectors as text; words stay as they are."""
    return {
        name: value
        if isinstance(value, str)
        else brackets.format(vector(value))
        if isinstance(value, tuple)
        else f"{value:.10g}"
        for name, value in values.items()
    }


def _oommf(t: Numbers) -> tuple[list[str], str, dict[str, Any]]:
    if t.two_terms is None:
        values: dict[str, Any] = {"P": t.P, "Lambda": t.Lambda}
    else:
        q_plus, q_minus, b = t.two_terms
        # with Λ_fixed = Λ_free = Λ: B_0 = Λ² + 1, B_1 = Λ² - 1 and q_± = Λ²(P_fixed ± P_free)/2
        square = (1 + b) / (1 - b)
        scale = (square + 1) / square
        values = {"P_fixed": (q_plus + q_minus) * scale, "P_free": (q_plus - q_minus) * scale}
        values |= {"Lambda_fixed": np.sqrt(square), "Lambda_free": np.sqrt(square)}
    values |= {"eps_prime": t.epsilon_prime, "J": t.J, "J_direction": "-z", "mp": t.direction}
    written = _literals(values, "")
    written["mp"] = f"{{ Oxs_UniformVectorField {{ vector {{ {vector(t.direction, ' ')} }} }} }}"
    lines = ["Specify Oxs_SpinXferEvolve:evolver {", *(f"  {name} {text}" for name, text in written.items())]
    remark = "add alpha, gamma_G, ... to the block; the thickness d is that of a cell, so use one cell along z"
    return [*lines, "  propagate_mp 0", "}"], remark, values


def _mumax3(t: Numbers) -> tuple[list[str], str, dict[str, Any]]:
    values: dict[str, Any] = {"Pol": t.P, "Lambda": t.Lambda, "EpsilonPrime": t.epsilon_prime}
    values |= {"FixedLayer": t.direction, "FixedLayerPosition": "FIXEDLAYER_TOP", "J": (0.0, 0.0, t.J)}
    if t.thickness is not None:
        values["FreeLayerThickness"] = t.thickness
    lines = [f"{name} = {text}" for name, text in _literals(values, "vector({})").items()]
    remark = "FIXEDLAYER_BOTTOM needs J = -J; the free layer is thickness FreeLayerThickness or the grid's"
    return [*lines, "DisableZhangLiTorque = true"], remark, values


def _ubermag(t: Numbers) -> tuple[list[str], str, dict[str, Any]]:
    values = {"J": t.J, "mp": t.direction, "P": t.P, "Lambda": t.Lambda, "eps_prime": t.epsilon_prime}
    arguments = [f"    {name}={text}," for name, text in _literals(values, "({})").items()]
    lines = ["import micromagneticmodel as mm", "", "slonczewski = mm.Slonczewski(", *arguments, ")"]
    return lines, "system.dynamics += slonczewski", values


def _magnumnp(t: Numbers) -> tuple[list[str], str, dict[str, Any]]:
    values = {"P": t.P, "Lambda": t.Lambda, "epsilon_prime": t.epsilon_prime, "mp": t.direction}
    values |= {"d": t.need("magnum.np", "thickness"), "J": t.J}
    lines = [f'state.material["{name}"] = {text}' for name, text in _literals(values, "[{}]").items()]
    head = ["from magnumnp import SpinTorqueSlonczewski", ""]
    remark = "LLGSolver([..., torque]); set state.material['Ms'] in A/m"
    return [*head, *lines, "torque = SpinTorqueSlonczewski()"], remark, values


def _cmtj(t: Numbers) -> tuple[list[str], str, dict[str, Any]]:
    thickness, saturation = t.need("cmtj", "thickness"), t.need("cmtj", "saturation")
    values = {
        "Ms": saturation * mu_0,
        "thickness": thickness,
        "SlonczewskiSpacerLayerParameter": t.Lambda,
        # cmtj writes the field-like torque as -beta ε(Φ) m_p×m, with the same ε(Φ)
        "beta": -t.epsilon_prime / efficiency(t.P, t.Lambda, 0.0) if t.P else 0.0,
        "spinPolarisation": t.P,
        "reference": t.direction,
        "current": t.J,
    }
    written = _literals(values, "CVector({})")
    lines = [
        "from cmtj import CVector, Junction, Layer, ScalarDriver",
        "",
        "free = Layer.createSTTLayer(",
        '    id="free",',
        "    mag=mag,  # your initial magnetization, anisotropy axis, area, demagnetization and damping",
        "    anis=anis,",
        f"    Ms={written['Ms']},  # µ_0 M_s in tesla",
        f"    thickness={written['thickness']},",
        "    cellSurface=cell_surface,",
        "    demagTensor=demag_tensor,",
        "    damping=damping,",
        *(f"    {n}={written[n]}," for n in ("SlonczewskiSpacerLayerParameter", "beta", "spinPolarisation")),
        ")",
        f"free.setReferenceLayer({written['reference']})",
        "junction = Junction([free])",
        f'junction.setLayerCurrentDriver("free", ScalarDriver.getConstantDriver({written["current"]}))',
    ]
    return lines, "keep the default form of the torque: no setAlternativeSTT(True)", values


@dataclass(frozen=True)
class Code:
    """One code: its writer (lines, a remark, values), comment mark, what J > 0 means, whether Λ ≥ 1 and P > 0."""

    write: Callable[[Numbers], tuple[list[str], str, dict[str, Any]]]
    mark: str
    current: str
    at_least_1: bool = False
    positive: bool = False


#: Name -> code.
CODES: dict[str, Code] = {
    "oommf": Code(
        _oommf, "#", "J > 0 with J_direction -z: electrons flow along +z, from a fixed layer below", at_least_1=True
    ),
    "mumax3": Code(_mumax3, "//", "J_z > 0 with FIXEDLAYER_TOP: electrons flow along -z, from a fixed layer on top"),
    "ubermag": Code(
        _ubermag,
        "#",
        "as OOMMF, which runs it: J > 0 is electrons along +z, from a fixed layer below",
        at_least_1=True,
        positive=True,
    ),
    "magnumnp": Code(_magnumnp, "#", "J > 0: electrons from the fixed into the free layer"),
    "cmtj": Code(_cmtj, "#", "current driver > 0: electrons from the fixed into the free layer"),
}
