r"""What is spin in a system of several orbitals: its order in the basis, and that it is spin at all.

In one order σ ⊗ 1 is the spin and 1 ⊗ σ an orbital, a layer or a sublattice; in the other it is the reverse, and every
Hamiltonian can be read both ways: hoppings may depend on spin, orbitals may be mixed by complex numbers, and a
conservation law may be one of a layer. So an order is never read off the Hamiltonian alone. It must be said by
``spin``, or follow from what else was said: in the true order the declared exchange field of each lead points along the
declared m, and the declared exchange acts on spin only; in the other one of these fails.

Electrons and holes are no spins either: with τ = σx or σy between them, H(k) = -U H(-k)* U† for U = τ ⊗ V, and no
hopping of theirs has a part that is the same for both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from itertools import product
from typing import Any

import numpy as np

from ..arrays import Complex, Indices
from ..errors import ArgumentError
from ..spin import PAULI, check_unit_vector
from .exchange import POSSIBLE, wave_vectors_of
from .spin_channels import ALIGNED, lead_exchange
from .spin_operators import ORDERS, WAY_OUT, SpinOperator, checked_spin, matrix_between, norbs_of, spinless

Params = Mapping[str, Any] | None

#: Sites and hoppings that are looked at, and the few of them that nearly always tell.
SAMPLE, FEW = 400, 3
#: τ on the first or the last two components, which τ, and what V is.
KINDS = tuple(product((True, False), (0, 1), ("one", "slow", "fast")))
#: Miss of a relation of matrices, relative to their size, that is rounding.
ROUNDING = 1e-10

ELECTRONS_AND_HOLES = (
    "With spin=None transmissions of quasiparticles are computed and nothing is called spin. If these are no holes but "
    "orbitals, add a constant to all on-site terms and to `energy`."
)


def resolve_spin(
    spin: Any,
    system: Any,
    params: Params = None,
    magnetizations: Mapping[int, Any] | None = None,
    exchange: Callable[[Any], Any] | None = None,
) -> SpinOperator | None:
    """Return the spin operator of a finalized system; the order of ``"auto"`` from what was declared, else asked for.

    ``spin``, ``magnetizations``: as of `Device`. ``exchange``: what `exchange_of_site` returns.
    """
    if spin is None:
        return None
    if isinstance(spin, SpinOperator):
        return spin
    families = list(dict.fromkeys(site.family for site in system.sites))
    if not (isinstance(spin, str) and spin == "auto"):
        operator = SpinOperator(spin)
        for family in families:  # one site of each: a function may still fail elsewhere, where it is called
            operator(next(site for site in system.sites if site.family is family))
        return operator
    for family in families:
        if norbs_of(family) % 2:
            checked_spin(ORDERS[0], family)
    several = {family for family in families if norbs_of(family) > 2}
    return SpinOperator(_order(several, system, params, magnetizations or {}, exchange) if several else ORDERS[0])


def _order(
    several: set[Any], system: Any, params: Params, axes: Mapping[int, Any], exchange: Callable[[Any], Any] | None
) -> str:
    """Return the order of spin and orbitals that was declared for all families of several orbitals, or ask for it."""
    shown, failed = {}, {}
    for order in ORDERS:
        operator = SpinOperator(order)
        seen, verdicts = _by_leads(operator, system, params, axes)
        if exchange is not None:
            more, by_sites = _by_exchange(operator, system, exchange)
            seen, verdicts = seen | more, [*verdicts, *by_sites]
        failed[order] = -1 in verdicts
        shown[order] = several <= seen and 1 in verdicts and not failed[order]
    for order, other in (ORDERS, ORDERS[::-1]):
        if shown[order] and failed[other]:
            return order
    raise ArgumentError(
        f"Argument `spin` must be given, but from norbs = {max(map(norbs_of, several))} the order of spin and "
        "orbitals cannot be told: what is spin in one order is an orbital, a layer or a sublattice in the other, and "
        f"hoppings and conservation laws of both kinds exist. {WAY_OUT} Declared `magnetizations` of magnetic leads "
        "tell it as well, if in one order only they are the exchange fields."
    )


def _by_leads(spin: SpinOperator, system: Any, params: Params, axes: Mapping[int, Any]) -> tuple[set[Any], list[int]]:
    """Return the families of the declared leads, and for each lead 1 if its exchange is along m, -1 if it is not."""
    families, verdicts = set(), []
    for number, m in axes.items():
        axis = check_unit_vector(m, f"magnetizations[{number}]")
        field = lead_exchange(system, number, spin, params)
        strength = np.linalg.norm(field)
        if not strength or axis.shape != (3,):
            continue
        along = np.linalg.norm(np.cross(field, axis)) <= ALIGNED * strength and field @ axis > 0
        verdicts.append(1 if along else -1)
        families |= {site.family for site in system.leads[number].sites}
    return families, verdicts


def _by_exchange(spin: SpinOperator, system: Any, exchange: Callable[[Any], Any]) -> tuple[set[Any], list[int]]:
    """Return the families with exchange, and 1 for sites where it acts on spin only, -1 where it has a part without."""
    families, verdicts = set(), []
    for site in _sample(system.sites):
        matrix = exchange(site)
        if matrix is None or not abs(matrix).max() > 0:
            continue
        free = spinless(matrix, spin(site))
        verdicts.append(1 if abs(free).max() <= ROUNDING * abs(matrix).max() else -1)
        families.add(site.family)
    return families, verdicts


def _sample(values: Any, count: int = SAMPLE) -> list[Any]:
    return [values[i] for i in np.unique(np.linspace(0, len(values) - 1, min(len(values), count)).astype(int))]


def _matrices(system: Any, edges: Any, params: Params, count: int) -> tuple[list[Any], list[Any]]:
    """Return (site, site, matrix[, matrix at reversed momenta]) of some on-site terms, and of hoppings, no zeros."""
    sites = system.sites
    momenta = wave_vectors_of(system, params or {}, POSSIBLE)
    back = {**(params or {}), **{name: -(params or {})[name] for name in momenta}}

    def value(i: int, j: int) -> Any:
        givens = (params, back) if momenta else (params,)
        matrix, *reverse = (matrix_between(system, i, j, given, sites) for given in givens)
        return sites[i], sites[j], matrix, *reverse

    onsite = [value(i, i) for i in _sample(np.arange(len(sites)), count)]
    hoppings = [value(i, j) for i, j in _sample(edges, count)] if len(edges) else []
    return onsite, [found for found in hoppings if found[2].any()]


def are_electrons_and_holes(system: Any, edges: Any, params: Params, look: Any = None) -> bool:
    """Tell whether H(k) = -U H(-k)* U† with one U = τ ⊗ V on every site, τ between the first or last two components."""
    if any(lead_of_holes(lead, params) for lead in system.leads):
        return True
    if any(norbs_of(site.family) % 2 for site in system.sites):
        return False
    look = look or partial(_matrices, system, edges, params)
    possible = np.ones((2, len(KINDS)), dtype=bool)  # what is called a wave vector may be none: as it is, and reversed
    for count in (FEW, SAMPLE):
        onsite, hoppings = look(count)
        negligible = ROUNDING * max(abs(term[2]).max() for term in (*hoppings, *onsite))
        for site, site_from, t, *reverse in (*hoppings, *onsite):
            at, U = _conjugations(norbs_of(site.family))
            at_from, U_from = _conjugations(norbs_of(site_from.family))
            same = np.array([t, *reverse]).conj()
            mirrored = U[:, :, None] * same[:, at[:, :, None], at_from[:, None]] * U_from[:, None].conj()
            possible &= abs(t + mirrored).max(axis=(2, 3)) <= negligible
            if not possible.any():
                return False
    return bool(hoppings)


def lead_of_holes(lead: Any, params: Params) -> bool:
    """Tell whether a lead declares an electron-hole symmetry."""
    declared = getattr(lead, "_symmetries", None)  # three, each evaluated below in a millisecond
    if not hasattr(lead, "discrete_symmetry") or (declared is not None and list(declared) == [None] * 3):
        return False
    return lead.discrete_symmetry(params=params).particle_hole is not None


@lru_cache(maxsize=16)
def _conjugations(norbs: int) -> tuple[Indices, Complex]:
    """Return U of all kinds for a site: the one column of each row that is not zero, and its value, (kinds, norbs)."""
    half, found = norbs // 2, []
    for slow, component, rest in KINDS:
        tau, V = PAULI[component], np.eye(half, dtype=complex)
        if rest != "one" and not half % 2:
            V = np.kron(PAULI[1], np.eye(half // 2)) if rest == "slow" else np.kron(np.eye(half // 2), PAULI[1])
        found.append(np.kron(tau, V) if slow else np.kron(V, tau))
    U = np.array(found)
    at = abs(U).argmax(axis=2)
    return at, np.take_along_axis(U, at[..., None], axis=2)[..., 0]


def refuse_what_is_no_spin(system: Any, edges: Any, spin: SpinOperator, params: Params) -> None:
    """Raise `ArgumentError` where S tells electrons from holes, or two things between which every hopping differs."""
    look = lru_cache(partial(_matrices, system, edges, params))

    def free(count: int) -> list[list[Any]]:
        """Take of all terms what does not know spin: the rest hides holes at a momentum typed in as a number."""
        return [
            [(a, b, *(spinless(x, spin(a), spin(b)) for x in rest)) for a, b, *rest in terms] for terms in look(count)
        ]

    if any(are_electrons_and_holes(system, edges, params, terms) for terms in (look, free)):
        raise ArgumentError(
            "Argument `syst` must consist of electrons to have spins, but it turns into minus itself when electrons "
            f"and holes are exchanged: it is a superconductor. {ELECTRONS_AND_HOLES}"
        )
    for count in (FEW, SAMPLE):
        _, hoppings = look(count)
        even = [abs(spinless(t, spin(a), spin(b))).max() > ROUNDING * abs(t).max() for a, b, t, *_ in hoppings]
        if any(even):
            return
    if hoppings:
        raise ArgumentError(
            "Argument `spin` must act as a spin, but every hopping is different, with mean zero, for the two values of "
            "what it calls spin: these are electrons and holes, or two orbitals. If `spin` was left out, give the "
            f"three matrices of the spin. {ELECTRONS_AND_HOLES}"
        )
