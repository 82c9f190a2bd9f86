"""`judge`: checks what is given, solves it exactly over the angle, and lets every law speak."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from ..checks import choice, finite, finite_array, is_average, one_bias, positive, refusal, refuse_unknown, shape_of
from ..devices.device import Device
from ..errors import ArgumentError, NoOpenChannelError, SpinjuncError
from ..model.junction import Junction
from ..model.memory import POINT, refuse_points
from ..optional import is_kwant
from ..runs.family import call_any_family
from ..theory.drift_diffusion import Material
from .clean import Clean, why_fixed
from .evidence import Evidence, InapplicableError
from .laws import RULES, Finding, Rule
from .remedy import SampledSearch, Search
from .samples import Samples
from .systems import Systems, Turned
from .verdict import Judgment, Law, dismiss, pronounce, worst

Potentials = tuple[tuple[float, float], tuple[float, float]]

#: Angles over which laws are judged unless others are asked for.
ANGLES = np.linspace(0.0, np.pi, 37)
#: More angles are a mistake.
LARGEST = 10_000
#: Relative accuracy of the averages of a search for what would have to change.
SEARCH_RTOL = 1e-4

#: Settings of `judge` by what they belong to; the rest are parameters of a family.
SAMPLING = (
    *("cross_section", "boundary", "realizations", "seed", "workers", "executor", "store", "progress"),
    *("torques", "solver"),
)
METALS = ("materials", "lattice_constant")
SYSTEM = ("params", "spin", "magnetizations", "cuts", "magnets", "barriers", "cut")
TURNED = ("behind", "axis", "momenta", "spin_orbit", "max_points")
GENERAL = ("turned_by", "advise", "rtol", "name")
KNOWN = (*SAMPLING, *METALS, *SYSTEM, *TURNED, *GENERAL)


def judge(
    junction: Any,
    energy: float = 0.0,
    k: ArrayLike | str | None = None,
    mu_left: ArrayLike = 0.5,
    mu_right: ArrayLike = -0.5,
    angles: ArrayLike | None = None,
    tolerance: float = 0.01,
    **settings: Any,
) -> Judgment:
    r"""Say which laws may be used for a junction, how far each is off at worst, and what would have to change.

    The answer at every angle between the magnets is computed exactly and every law is held against it: (1), rotation
    and exponent of (2), (3) and (4), t0 as a vector and as a scalar, Slonczewski's angular law and torque relations,
    Julliere, circuit theory, and with materials Valet-Fert and (12).

    **Result**: ``laws`` maps an id to a `Law` with error, angle, small parameter, verdict and advice; printing shows
    all.

    Parameters
    ----------
    junction
        A `Junction`; a function of parameters that returns one; a function of the angle Φ that returns a finalized
        Kwant system or `Device` with two leads (Φ between their magnetizations); or one such system (or a family of
        them), its magnets parallel, with ``behind``, the cut behind which everything is turned (see `scatter`: also
        ``axis``, ``momenta`` and ``k``, the zone average of any crystal).
    energy
        Fermi energy in the unit of the junction.
    k
        In-plane wave vector (kx, kz) in 1/a, None for Γ, or ``"average"``: both sides of every comparison are averaged
        over the Brillouin zone. Of a disordered junction the Bloch vector of its cross-section.
    mu_left, mu_right
        Potentials (µ_+, µ_-) along each lead's own m, or one number for both spins, of (1), (3), (4) and t0. The other
        laws are for a voltage without spin accumulation.
    angles
        Φ in radians within [0, π]; None for every 5 degrees.
    tolerance
        Largest error of a law to be used; up to ten times that it is to be used with care.
    **settings
        Of a disordered junction ``cross_section``, ``realizations``, ``boundary``, ``seed``, ``workers``, ``torques``
        and the others of `ensemble`. ``materials`` (a `Material` or one for each side) and ``lattice_constant`` in nm.
        Of a Kwant family ``params``, ``spin``, ``magnetizations``, ``cuts`` and ``cut`` (which one lies in the spacer);
        ``turned_by``, name of its angle (default: its first parameter, or ``theta``). ``rtol`` of an average (1e-6; of
        a Kwant system 1e-4, of at most ``max_points`` momenta), ``advise=False`` to skip the search for what would
        have to change, ``name`` for what is printed. All others are parameters of a family.

    Raises
    ------
    ArgumentError
        An argument is out of range or unknown, or a system does not have two leads. A law that has no meaning for what
        is judged does not raise: its verdict is "does not apply", with the reason.
    NoOpenChannelError
        No channel is open.

    Notes
    -----
    ``laws["tunnelling"].error`` is the maximum over angles and sides of |J_M(theory) - J_M(exact)|/|J(exact)|,
    theory being (3), (4) with T_ss' = R_ss'² D_ss' and D from the exact collinear probabilities. Where potentials are
    such that all charge currents cancel, Σ T_ss' |µ_Ls - µ_Rs'| takes the place of |J|.

    **Validity**: linear response, coherent junction between reservoirs; magnets longer than their transverse dephasing.

    Examples
    --------
    >>> import kwant_spinjunc as sj
    >>> iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> wall = sj.barrier(onsite=3.0, hopping=1.0, thickness=4)
    >>> v = judge(sj.Junction(sj.ferromagnet(**iron), [wall], sj.ferromagnet(**iron)))
    >>> v.laws["tunnelling"].verdict, round(v.laws["tunnelling"].error, 6), v.laws["t0_scalar"].verdict
    ('use', 1.3e-05, 'do not use')
    """
    chosen = tuple(_angles(angles).tolist())
    tolerance = positive("tolerance", tolerance)
    name, problem, given = problem_of(junction, energy, k, _potentials(mu_left, mu_right), chosen, settings)
    return conclude(problem.evidence, given.get("name", name), tolerance, advise=given.get("advise", True))


def problem_of(
    junction: Any, energy: float, k: Any, mu: Potentials, angles: tuple[float, ...], settings: Mapping[str, Any]
) -> tuple[str, Any, dict[str, Any]]:
    """Return the name of what is judged, its problem, and the settings of `judge` that were given."""
    energy = finite("energy", energy)
    given, parameters = _sorted_settings(junction, settings)
    name, target = _target(junction, parameters, given)
    asked = {"energy": energy, "mu": mu, "angles": angles, **_materials(given)}
    problem = (_of_junction if isinstance(target, Junction) else _of_system)(target, k, asked, given)
    return name, problem, given


# ---------------------------------------------------------------------- what is given
def _angles(angles: ArrayLike | None) -> Floats:
    refuse_points("Argument `angles`", math.prod(shape_of("angles", angles)), POINT)
    chosen = ANGLES if angles is None else np.unique(finite_array("angles", angles).ravel())
    if not chosen.size or chosen[0] < 0 or chosen[-1] > np.pi + 1e-12:
        found = "are none" if not chosen.size else f"reach from {chosen[0]:g} to {chosen[-1]:g}"
        raise refusal("angles", "lie in [0, π]", found, "They are in radians: use np.radians(degrees).")
    if chosen.size > LARGEST:
        raise ArgumentError(f"Argument `angles` must be at most {LARGEST} angles, but are {chosen.size}.")
    return np.minimum(chosen, np.pi)


def _potentials(left: ArrayLike, right: ArrayLike) -> Potentials:
    (left_plus, left_minus), (right_plus, right_minus) = one_bias(left, right).tolist()
    return (left_plus, left_minus), (right_plus, right_minus)


def _sorted_settings(junction: Any, settings: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return settings of the judge and parameters of a family; what a family calls its own is its own."""
    own = set(inspect.signature(junction).parameters) if inspect.isroutine(junction) else set()
    given = {name: value for name, value in settings.items() if name in KNOWN and name not in own}
    parameters = {name: value for name, value in settings.items() if name not in given}
    if not callable(junction) or is_kwant(junction):
        refuse_unknown(parameters, KNOWN, "judge", "a setting")
    return given, parameters


def _target(junction: Any, parameters: dict[str, Any], given: Mapping[str, Any]) -> tuple[str, Any]:
    """Return (name, `Junction` or function of the angle)."""
    alone = is_kwant(junction) or isinstance(junction, (Junction, Device))
    if alone:
        _refuse(given, ("turned_by",), "one junction or system", " It names a parameter of a family.")
    if isinstance(junction, Junction):
        return "this junction", junction
    if "behind" in given and alone:
        return "this system", junction
    if not callable(junction) or is_kwant(junction):
        raise ArgumentError(
            "Argument `junction` must be a Junction, or a function of parameters that returns one, or of the angle "
            f"that returns a finalized Kwant system, but is {type(junction).__name__}. One system has no angle: "
            "write a function of it, or name a cut, behind=..., behind which everything turns."
        )
    turned_by = _turning(junction, given.get("turned_by"))
    name = _called(junction, parameters)
    if "behind" in given and (turned_by is None or turned_by in parameters):
        return name, call_any_family(junction, parameters)
    first = call_any_family(junction, {turned_by: np.pi / 3, **parameters} if turned_by else parameters)
    if isinstance(first, Junction):
        if turned_by in parameters or why_fixed(first):
            # its own angle may be what is asked for, and collinear magnets do not show where one ends
            try:
                own = call_any_family(junction, parameters)
            except SpinjuncError:
                own = first
            return name, own if isinstance(own, Junction) and not why_fixed(own) else first
        return name, first
    if turned_by is None:
        raise ArgumentError(
            f"Argument `turned_by` must name the angle of the family {name}, which returns Kwant systems, but it has "
            "no parameter `theta`. Pass turned_by='...' (--turned-by in the shell), or behind='...' (--behind), the "
            "cut behind which all spins turn."
        )
    return name, lambda angle: call_any_family(junction, {**parameters, turned_by: angle})


def _called(family: Callable[..., Any], parameters: Mapping[str, Any]) -> str:
    """Return a family and its parameters as they are called."""
    told = (f"{key}={value:.6g}" if isinstance(value, float) else f"{key}={value}" for key, value in parameters.items())
    return f"{getattr(family, '__name__', 'this family')}({', '.join(told)})"


def _turning(family: Callable[..., Any], turned_by: str | None) -> str | None:
    """Return the name of the family's angle: as given, ``theta``, or its only parameter without a default."""
    parameters = inspect.signature(family).parameters
    if turned_by is not None:
        return choice("turned_by", turned_by, parameters.keys(), "It is a parameter of the family.")
    required = [p.name for p in parameters.values() if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD]
    for name in ("theta", "angle", "phi", "Phi"):
        if name in parameters:
            return name
    return required[0] if len(required) == 1 else None


def _of_junction(junction: Junction, k: Any, asked: dict[str, Any], given: Mapping[str, Any]) -> Any:
    _refuse(given, (*SYSTEM, *TURNED), "a Junction")
    if not junction.is_disordered:
        _refuse(given, SAMPLING, "a clean junction", " Averages over k∥ are exact with k='average'.")
        is_average("k", k)
        rtol = positive("rtol", given.get("rtol", 1e-6))
        fixed = k if isinstance(k, str) or k is None else tuple(finite_array("k", k, "(..., 2)").tolist())
        if isinstance(k, str) and not junction.is_dispersive:
            fixed = None  # every k is the same
        return Clean(junction=junction, k=fixed, rtol=rtol, **asked)
    _refuse(given, ("rtol",), "a disordered junction")
    if isinstance(k, str):
        raise refusal("k", "be one wave vector for a disordered junction", "is 'average'", "Use boundary='twisted'.")
    settings = {name: given[name] for name in SAMPLING if name in given}
    return Samples(junction=junction, settings=settings if k is None else {**settings, "k": k}, **asked)


def _of_system(target: Any, k: Any, asked: dict[str, Any], given: Mapping[str, Any]) -> Any:
    """Return the problem of a family of Kwant systems, or of one with a cut."""
    _refuse(given, (*SAMPLING, *METALS), "a Kwant system")
    of_system = {key: given[key] for key in (*SYSTEM, *TURNED) if key in given and key != "cut"}
    if not callable(target) or is_kwant(target):
        _refuse(given, ("cut",), "a system turned behind a cut", " That one, `behind`, is the cut.")
        of_system |= {key: value for key, value in (("k", k), ("rtol", given.get("rtol"))) if value is not None}
        return Turned(system=target, settings=of_system, **asked)
    _refuse(given, (*TURNED, "rtol"), "a family of Kwant systems, which turns by itself")
    if isinstance(k, str):
        raise ArgumentError(
            f"Argument `k` must be one momentum for a family of the angle, but is {k!r}. For averages name `behind`, a "
            "cut behind which everything turns."
        )
    return Systems(make=target, settings=of_system, cut=given.get("cut"), k=k, **asked)


def _refuse(given: Mapping[str, Any], names: tuple[str, ...], what: str, hint: str = "") -> None:
    for name in names:
        if name in given:
            raise ArgumentError(f"Argument `{name}` must be left out for {what}, but is given.{hint}")


def _materials(given: Mapping[str, Any]) -> dict[str, Any]:
    if "materials" not in given and "lattice_constant" not in given:
        return {}
    if len({"materials", "lattice_constant"} & set(given)) < 2:
        raise ArgumentError(
            "Arguments `materials` and `lattice_constant` must be given together, but one is missing. Use "
            "materials=kwant_spinjunc.magnets.multiscale.cobalt(), lattice_constant=0.25 (nm)."
        )
    materials = given["materials"]
    pair = (materials, materials) if isinstance(materials, Material) else tuple(materials)
    if len(pair) != 2 or not all(isinstance(material, Material) for material in pair):
        raise ArgumentError(
            f"Argument `materials` must be one Material or two, but is {materials!r}. Use "
            "kwant_spinjunc.magnets.multiscale.cobalt(): diffusion asks for conductivities, not for bands."
        )
    cells = int(np.prod(given.get("cross_section", (1, 1))))
    return {"metals": pair, "area": positive("lattice_constant", given["lattice_constant"]) ** 2 * cells}


# ---------------------------------------------------------------------- the verdict
def conclude(e: Evidence, name: str, tolerance: float, *, advise: bool = True) -> Judgment:
    """Let every law speak about the evidence.

    ``advise``: whether to solve changed junctions for what would have to change.
    """
    if not e.conductance.any():
        shut = [side for side, modes in zip(("left", "right"), e.modes, strict=True) if not modes.any()]
        if shut:
            raise NoOpenChannelError(
                f"Argument `energy` must lie in a band of both leads, but at {e.problem.energy:g} no channel is open "
                f"in the {shut[0]} one of {name}, and nothing flows."
            )
        raise NoOpenChannelError(
            f"No current flows through {name} at any angle, and no law could be wrong about it: its leads have no "
            "channel in common, or nothing that a double can hold passes. Choose another energy or a thinner barrier."
        )
    laws: dict[str, Law] = {}
    spread = _uncertainties(e)
    for rule in RULES:
        found = _finding(rule, e)
        if isinstance(found, str):
            laws[rule.id] = dismiss(rule, found, e)
        else:
            laws[rule.id] = pronounce(rule, found, e, tolerance, spread[rule.id])
    if advise:
        search = _search(e, laws, tolerance)
        for rule in RULES:
            law = laws[rule.id]
            if rule.sought and np.isfinite(law.error) and law.error > tolerance:
                laws[rule.id] = replace(law, advice=f"{search(law)} {law.advice}".strip())
    return Judgment(laws, name, tolerance, e)


def _search(e: Evidence, laws: Mapping[str, Law], tolerance: float) -> Callable[[Law], str]:
    """Return what tells the change that a law needs."""
    if isinstance(e.problem, Clean):
        problem = replace(e.problem, rtol=max(e.problem.rtol, SEARCH_RTOL))
        return Search(problem, _sought, tolerance).advice
    if isinstance(e.problem, Samples):
        return SampledSearch(e.problem, laws, _sought, tolerance).advice
    return lambda law: (
        f"The error must fall by a factor {law.error / tolerance:.3g}; once it is small it falls with the small "
        "parameter: judge again with a thicker or higher barrier."
    )


def _finding(rule: Rule, e: Evidence) -> Finding | str:
    """Return what a law's comparison gives, or why it has no meaning."""
    try:
        return rule.judge(e)
    except InapplicableError as reason:
        return str(reason)


def _worst(e: Evidence, rules: Sequence[Rule]) -> Floats:
    """Return the worst error of every law, NaN of laws that do not apply."""
    found = [_finding(rule, e) for rule in rules]
    return np.array([np.nan if isinstance(x, str) else worst(x, e)[0] for x in found])


def _sought(e: Evidence) -> dict[str, float]:
    """Return the worst error of every law that a barrier may mend, by id; laws that do not apply are missing."""
    rules = [rule for rule in RULES if rule.sought]
    return {rule.id: float(x) for rule, x in zip(rules, _worst(e, rules), strict=True) if not np.isnan(x)}


def _uncertainties(e: Evidence) -> dict[str, float]:
    """Return the standard errors of the laws' errors, of averages over samples; 0 else."""
    error = np.zeros(len(RULES)) if e.resample is None else e.resample(lambda again: _worst(again, RULES))[1]
    return {rule.id: float(x) if np.isfinite(x) else 0.0 for rule, x in zip(RULES, error, strict=True)}
