"""Any Kwant system with what is needed to speak of spin in it: its spins, magnetizations, cuts, magnets, exchange."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import cached_property
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Floats
from ..checks import choice, index, instance, known_fields, refusal, shown, unit_word
from ..errors import ArgumentError
from ..optional import kwant
from ..printing import Printed, fields_of
from .cuts import BUFFER, ResolvedCut, resolve_cut, resolve_sites
from .exchange import exchange_of_site
from .spin_operators import SpinOperator, identity
from .spin_order import refuse_what_is_no_spin, resolve_spin
from .waves import fluxes

#: What momenta are called in systems that `kwant.wraparound` did not make.
MOMENTUM = re.compile(r"k_\w+")

#: Who gives cuts and magnets their names.
NAMED = "`cuts` and `magnets` of a Device name them."
#: Values that cannot change inside.
PLAIN = (bool, int, float, complex, str, bytes, np.generic)


@known_fields
@dataclass(frozen=True, repr=False, eq=False, kw_only=True)
class Device(Printed):
    """A finalized Kwant system with what is needed to speak of spin in it.

    Attributes
    ----------
    system : kwant.system.FiniteSystem
        Finalized, with at least two leads. Precalculated leads are used as they are: that it was at the same energy
        cannot be checked, as they do not know it and stay unitary.
    spin
        ``"auto"``: σ for two orbitals, with more only where ``magnetizations`` tell the order; ``"spin-orbital"`` for
        np.kron(σ, 1), ``"orbital-spin"`` for np.kron(1, σ); three matrices (norbs, norbs); a mapping of site families
        (or names) to either; a function of a site; None for sites without spin.
    magnetizations : mapping
        Lead number to m, unit vector of its majority spin. A lead that is not listed is resolved along its exchange
        field; if it has none along that of its conservation law, else along +z.
    cuts : mapping
        Name to `between` two sets of sites, a list of hoppings (to, from), or a function that is True behind the cut.
    magnets : mapping
        Name to a list of sites or a function of a site that tells them.
    exchange
        What of the Hamiltonian is exchange, whose torque the magnetization takes: the exchange part of the on-site
        matrix as a function of a site (and of parameters by name), a matrix, or a mapping of sites or families; or the
        same system without magnetization, finalized; ``"time-reversal"`` for all that is odd, if orbitals are real and
        no Bloch phase or magnetic flux is in the Hamiltonian. None: time reversal where it cannot mislead, see
        `exchange`.
    barriers : mapping
        Name to sites, as for magnets, of what is meant to be a tunnel barrier: a warning if it has levels below the
        energy.
    params : mapping
        Default parameters of the system.
    unit : str
        Unit of all its energies, as "eV" or "t", for axes and tables.
    profile : callable
        The potential of a site in units of a bias, falling by 1 from lead 0 to lead 1, which `bias_response` and sweeps
        with ``turns`` follow. Nothing else does: see `current_voltage`.
    """

    system: Any
    spin: Any = "auto"
    magnetizations: Mapping[int, Any] = field(default_factory=dict)
    cuts: Mapping[str, Any] = field(default_factory=dict)
    magnets: Mapping[str, Any] = field(default_factory=dict)
    exchange: Any = None
    barriers: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    unit: str = ""
    profile: Any = None

    def __post_init__(self) -> None:
        unit_word(self.unit)
        if isinstance(self.system, kwant.Builder):
            raise ArgumentError("Argument `system` must be finalized, but is a Builder. Use syst.finalized().")
        if not isinstance(self.system, kwant.system.FiniteSystem) or not hasattr(self.system, "id_by_site"):
            raise refusal("system", "be a finalized finite kwant system", f"is {type(self.system).__name__}")
        leads = len(self.system.leads)
        if leads < 2:
            raise ArgumentError(f"Argument `system` must have at least two leads, but has {leads}. Attach leads.")
        for number, lead in enumerate(self.system.leads):
            if isinstance(lead, kwant.system.InfiniteSystem) and not hasattr(lead, "sites"):
                raise ArgumentError(
                    f"Argument `system` must have leads that know their sites, but lead {number} is a low-level "
                    f"{type(lead).__name__}. Attach a Builder, or its modes alone by kwant.builder.ModesLead."
                )
        if self.profile is not None and not callable(self.profile):
            raise ArgumentError(f"Argument `profile` must be a function of a site, but is {shown(self.profile)}.")
        for name in ("magnetizations", "cuts", "magnets", "barriers", "params"):
            value = {} if getattr(self, name) is None else getattr(self, name)
            object.__setattr__(self, name, dict(instance(name, value, Mapping)))
        object.__setattr__(self, "magnetizations", deepcopy(self.magnetizations))  # the caller's arrays may change
        for number in self.magnetizations:
            index("magnetizations", number, leads, "It maps numbers of leads to unit vectors.")

    def __str__(self) -> str:
        words = {name: ", ".join(getattr(self, name)) or "none" for name in ("cuts", "magnets", "params")}
        axes = ", ".join(
            f"lead {lead} along {np.round(np.asarray(m, dtype=float), 4).tolist()}"
            for lead, m in self.magnetizations.items()
        )
        title = f"Kwant system of {len(self.system.sites)} sites and {len(self.system.leads)} leads"
        return fields_of(
            f"{title}, energies in {self.unit}" if self.unit else title, **words, magnetizations=axes or "auto"
        )

    def __getstate__(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @cached_property
    def edges(self) -> NDArray[np.int64]:
        """Hoppings of the system as numbers of sites, both directions, shape (edges, 2)."""
        return np.array(list(self.system.graph), dtype=np.int64).reshape(-1, 2)

    @cached_property
    def _found(self) -> dict[Any, Any]:
        return {}

    def spin_operator(self, params: Mapping[str, Any] | None = None) -> SpinOperator | None:
        """Return S of every site, having looked whether it is one with these parameters; see `spin_order`."""
        everything = snapshot(self.params, params)
        known, operator = self._found.get("spin", (None, None))
        if known is None or not same(known, everything):
            operator = resolve_spin(
                self.spin, self.system, everything, self.magnetizations, exchange_of_site(self.exchange, everything)
            )
            if operator is not None:
                refuse_what_is_no_spin(self.system, self.edges, operator, everything)
            self._found["spin"] = everything, operator
        found: SpinOperator | None = operator
        return found

    def values(self, params: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return all parameters, those given before the defaults; one misspelt would leave a default in force."""
        everything = snapshot(self.params, params)
        known = set(self.params).union(getattr(self.exchange, "parameters", None) or (), *self.parameters.values())
        for name in set(params or ()) - known:
            near = get_close_matches(name, set(self.params) - set(params or ()), n=1)
            if near:
                raise refusal(
                    "params", "name parameters of the system", f"{name!r} is none", f"Did you mean `{near[0]}`?"
                )
        return everything

    @cached_property
    def parameters(self) -> dict[str, set[str]]:
        """The names of the parameters of the scattering region and of each lead."""
        leads = {f"lead {number}": lead for number, lead in enumerate(self.system.leads)}
        parts = {"the scattering region": self.system, **leads}
        return {where: set(getattr(part, "parameters", None) or ()) for where, part in parts.items()}

    def missing(self, params: Iterable[str]) -> list[str]:
        """Return the parameters of the region and its leads that have no value, in the order of their names."""
        return sorted(set().union(*self.parameters.values()) - set(params))

    def momenta(self, params: Mapping[str, Any]) -> list[str]:
        """Return the parameters without a value that are momenta: those of `kwant.wraparound`, else called as such."""
        parts = (self.system, *self.system.leads)
        made = set().union(*(getattr(part, "_momentum_names", ()) for part in parts))
        return [name for name in self.missing(params) if (name in made if made else MOMENTUM.fullmatch(name))]

    def refuse_missing(self, params: Mapping[str, Any]) -> None:
        """Raise `ArgumentError` where a parameter of the region or a lead has no value; momenta are told apart."""
        missing = self.missing(params)
        momenta = self.momenta(params)
        if momenta:
            hint = "Use one momentum, or k='average'; of a parameter that is no momentum give the value in `params`."
            raise refusal("k", f"be given, as the system has momenta {', '.join(momenta)}", "is not", hint)
        if missing:
            raise ArgumentError(f"Argument `params` must have a value for {', '.join(missing)}, but has none.")

    def cut(self, cut: Any) -> ResolvedCut:
        """Return a named cut (or one not named before), checked that it separates the leads."""
        if not isinstance(cut, str):
            return resolve_cut("cut", cut, self.system, self.edges)
        return resolve_cut(f"cuts[{cut!r}]", self.cuts[choice("cut", cut, self.cuts, NAMED)], self.system, self.edges)

    def sites(self, magnet: Any) -> NDArray[np.int64]:
        """Return the numbers of the sites of a named magnet, a list of sites or a function of a site."""
        if not isinstance(magnet, str):
            return resolve_sites("magnet", magnet, self.system)
        return resolve_sites(
            f"magnets[{magnet!r}]", self.magnets[choice("magnet", magnet, self.magnets, NAMED)], self.system
        )

    def magnet(self, magnet: Any) -> NDArray[np.int64]:
        """Return the numbers of the sites of a named magnet (or of any set of sites), none of which touches a lead."""
        name, numbers = f"magnets[{magnet!r}]" if isinstance(magnet, str) else "magnet", self.sites(magnet)
        for lead, interface in enumerate(self.system.lead_interfaces):
            touching = np.intersect1d(numbers, interface)
            if len(touching):
                raise ArgumentError(
                    f"Argument `{name}` must not touch a lead, but {self.system.sites[touching[0]]} is joined to lead "
                    f"{lead}, and the flux through that bond is out of reach. {BUFFER}"
                )
        return numbers

    def flux(self, waves: ArrayLike, cut: Any, params: Mapping[str, Any] | None = None) -> Floats:
        """Return the flux of 1, Sx, Sy, Sz through a cut, by name or not, of given wave functions together, shape (4,).

        ``waves``: all wave functions of a lead, ``kwant.wave_function(...)(lead)``, shape (modes, orbitals).
        """
        psi = np.asarray(waves)
        if psi.ndim != 2:
            hint = "One mode is no observable: give wave_function(lead), not wave_function(lead)[0]."
            raise refusal("waves", "be all modes of a lead, shape (modes, orbitals)", f"has {psi.ndim} dimension", hint)
        per_mode = self.flux_per_mode(psi, self.cut(cut).hoppings, {**self.params, **(params or {})})
        return np.asarray(per_mode.sum(axis=0))

    def flux_per_mode(self, psi: Any, hoppings: Any, params: Mapping[str, Any]) -> Floats:
        """Return the flux of (1, Sx, Sy, Sz) through hoppings, shape (modes, 4); spin is NaN where there is none."""
        spin = self.spin_operator(params)
        values = np.full((len(psi), 4), np.nan)
        known = 1 if spin is None else 4
        values[:, :known] = 0.0
        if len(hoppings):
            onsites = identity if spin is None else spin.components
            values[:, :known] = fluxes(self.system, onsites, psi, hoppings, params, 1)[:, 0]
        return values


def as_device(first: Any, **settings: Any) -> Device:
    """Return a `Device` made of a finalized system, or a given one with the settings that are given replaced."""
    changed = {name: value for name, value in settings.items() if value is not None or name == "spin"}
    if isinstance(first, Device):
        return replace(first, **changed) if changed else first
    return Device(system=first, **changed)


def same(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Tell whether parameters are the same for certain: the same function, or equal values that are no objects."""
    return a.keys() == b.keys() and all(_equal(a[name], b[name]) for name in a)


def _equal(a: Any, b: Any) -> bool:
    """Tell whether two values are the same and of the same type; not of objects, which may have changed inside."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and a.dtype != object and np.array_equal(a, b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, dict):
        return same(a, b)
    return a is b if isinstance(a, (FunctionType, type(None))) else isinstance(a, PLAIN) and bool(a == b)


def snapshot(*params: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return parameters, later ones before earlier ones, with arrays and containers as they are now."""
    for given in params:
        if given is not None and not (isinstance(given, Mapping) and all(isinstance(name, str) for name in given)):
            raise ArgumentError(f"Argument `params` must map names of parameters to values, but is {shown(given)}.")
    everything = {name: value for given in params for name, value in (given or {}).items()}
    return {
        name: deepcopy(value) if isinstance(value, (np.ndarray, list, tuple, dict, set)) else value
        for name, value in everything.items()
    }
