r"""Which part of a Hamiltonian is exchange, whose torque the magnetization takes; the lattice takes the rest.

It is best said: ``exchange`` as matrices, as a function of a site, or by the same system without magnetization. Without
a word the spin-dependent part D of H is divided by time reversal τK, D = (D ∓ τ D* τ†)/2, odd: exchange, even:
spin-orbit coupling. That is exact for real orbitals and no magnetic flux, at a Bloch phase if the wave vector is
reversed too. A Hamiltonian does not tell all of this: p± orbitals exchange under τK, the Rashba field 2α sin(k) σ at
fixed k looks like exchange. Where it may be so the torque is not divided, and the reason given.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..checks import refusal
from ..errors import ArgumentError, SpinjuncError
from ..optional import kwant
from .spin_operators import SpinOperator, norbs_of, spinless

Sites = NDArray[np.int64]

#: What `exchange` says if time reversal is to be trusted.
TIME_REVERSAL = "time-reversal"
#: A matrix element this small, relative to the largest, is rounding.
ROUNDING = 1e-12
#: Names of parameters that are wave vectors, besides those of `kwant.wraparound`. A `k0` may be one of spin-orbit
#: coupling, exp(i k0 σ), of which H looks the same and time reversal does not.
WAVE_VECTOR = re.compile(r"k_?[xyz]")
#: Names of parameters that may be.
POSSIBLE = re.compile(r"k(_?[xyz]|_[a-z]|_?\d+)?")
#: How a parameter is changed to see whether hoppings depend on it.
CHANGE = 1.37

WAY_OUT = (
    "The sum is right. Give `exchange`: the exchange part of the on-site matrix as a function of the site, or the same "
    "system without magnetization; or exchange='time-reversal' if all orbitals are real and no Bloch phase or magnetic "
    "flux is in the Hamiltonian (but for wave vectors that are parameters named kx, k_x, ...)."
)


def exchange_of_site(exchange: Any, params: Mapping[str, Any]) -> Callable[[Any], Any] | None:
    """Return the function of a site that gives its exchange matrix, None where it was not given so.

    ``exchange``: a matrix (norbs, norbs); a mapping from sites, site families, or their names; or a function of a site
    and of parameters of the system by name, that returns a matrix, or None where there is no exchange.
    """
    if exchange is None or isinstance(exchange, str) or hasattr(exchange, "hamiltonian_submatrix"):
        return None
    if callable(exchange):
        names = list(inspect.signature(exchange).parameters)[1:]
        missing = [name for name in names if name not in params]
        if missing:
            raise refusal("params", f"have `{missing[0]}`, which `exchange` depends on", "has not")
        given = {name: params[name] for name in names}
        return lambda site: _checked(exchange(site, **given), site)
    if isinstance(exchange, Mapping):
        keys: Callable[[Any], Any] = lambda site: (site, site.family, site.family.name)  # noqa: E731
        return lambda site: _checked(next((exchange[key] for key in keys(site) if key in exchange), None), site)
    return lambda site: _checked(exchange, site)


def _checked(matrix: Any, site: Any) -> Any:
    if matrix is None:
        return None
    found = np.asarray(matrix, dtype=complex)
    n = norbs_of(site.family)
    if found.shape != (n, n) or not np.isfinite(found).all():
        raise refusal("exchange", f"give finite matrices ({n}, {n}) at {site}", f"gave one of shape {found.shape}")
    if abs(found - found.conj().T).max() > ROUNDING * abs(found).max():
        raise ArgumentError(f"Argument `exchange` must be Hermitian, but at {site} is not.")
    return found


def divide(
    exchange: Any, system: Any, edges: Any, sites: Sites, spin: SpinOperator, params: Mapping[str, Any]
) -> tuple[Any, str]:
    """Return the exchange part of H within a set of sites as a sparse matrix, or None and why it cannot be told.

    ``exchange``: what the user said, see `exchange_of_site`; or a finalized system, `TIME_REVERSAL`, None.
    ``edges``: all hoppings as numbers of sites, in both directions.
    """
    H = _within(system, sites, params)
    if hasattr(exchange, "hamiltonian_submatrix"):
        return H - _without_magnetization(exchange, system, sites, params), ""
    objects = [system.sites[i] for i in sites]
    of_site = exchange_of_site(exchange, params)
    if of_site is not None:
        blocks = [of_site(site) for site in objects]
        zeros = [np.zeros((norbs_of(site.family),) * 2) for site in objects]
        return sparse.block_diag([z if b is None else b for b, z in zip(blocks, zeros, strict=True)], format="csr"), ""
    if isinstance(exchange, str) and exchange != TIME_REVERSAL:
        raise ArgumentError(f"Argument `exchange` must be {TIME_REVERSAL!r} if it is a text, but is {exchange!r}.")
    return _by_time_reversal(system, edges, sites, spin, params, trusted=exchange is not None)


def _within(system: Any, sites: Sites, params: Mapping[str, Any]) -> Any:
    matrix = system.hamiltonian_submatrix(to_sites=sites, from_sites=sites, sparse=True, params=dict(params))
    return sparse.csr_matrix(matrix)


def _without_magnetization(other: Any, system: Any, sites: Sites, params: Mapping[str, Any]) -> Any:
    if not isinstance(other, kwant.system.FiniteSystem) or not hasattr(other, "id_by_site"):
        raise ArgumentError("Argument `exchange` must be a finalized finite system if it is one, but is not.")
    try:
        numbers = np.array([other.id_by_site[system.sites[i]] for i in sites])
    except KeyError as error:
        raise refusal("exchange", "be a system of the same sites without magnetization", f"has no {error}") from None
    return _within(other, numbers, params)


def _parts(H: Any, S: list[Any]) -> tuple[Any, Any]:
    """Return the parts of H that do not depend on spin, and that do."""
    free = spinless(H, S)
    return free, H - free


def _largest(matrix: Any) -> float:
    return float(abs(matrix).max()) if matrix.nnz else 0.0


def _by_time_reversal(
    system: Any, edges: Any, sites: Sites, spin: SpinOperator, params: Mapping[str, Any], *, trusted: bool
) -> tuple[Any, str]:
    """Return the part of D that is odd under time reversal, or None and a reason; ``trusted``: the user vouches."""
    objects = [system.sites[i] for i in sites]
    S = spin.block_diagonal(objects)
    free, dependent = _parts(_within(system, sites, params), S)
    negligible = ROUNDING * max(_largest(free), _largest(dependent))
    if _largest(dependent) <= negligible:
        return dependent * 0, ""
    if not trusted and not _one_orbital(dependent, S, objects, negligible):
        reason = "Orbitals differ in how they depend on spin: that may be exchange or spin-orbit coupling."
        return None, f"{reason} {WAY_OUT}"
    try:
        odd, _, miss = _reversed_parts(system, sites, spin, params)
    except ArgumentError as error:
        return None, f"{error} {WAY_OUT}"
    if miss > negligible:
        return None, (
            "Hoppings are complex also without spin-orbit coupling (a magnetic flux, a Bloch phase, complex orbitals): "
            f"time reversal does not tell exchange from it. {WAY_OUT}"
        )
    if not trusted and not wave_vectors_of(system, params):
        reason = _suspicion(system, edges, sites, spin, params, _largest(odd) > negligible, negligible)
        if reason:
            return None, f"{reason} {WAY_OUT}"
    return odd, ""


def wave_vectors_of(system: Any, params: Mapping[str, Any], called: re.Pattern[str] = WAVE_VECTOR) -> list[str]:
    """Return the parameters of the system that are wave vectors: made by `kwant.wraparound`, or called so."""
    made = getattr(system, "_momentum_names", ())
    known = [n for n in params if n in made or called.fullmatch(n)]
    return [n for n in known if n in system.parameters and _is_number(params[n])]


def _reversed_parts(system: Any, sites: Sites, spin: SpinOperator, params: Mapping[str, Any]) -> tuple[Any, Any, float]:
    """Return the odd and the even part of D, wave vectors reversed, and by how much what knows no spin is not even."""
    objects = [system.sites[i] for i in sites]
    S, tau = spin.block_diagonal(objects), spin.time_reversal(objects)
    free, dependent = parts = _parts(_within(system, sites, params), S)
    momenta = wave_vectors_of(system, params)
    if momenta:
        parts = _parts(_within(system, sites, {**params, **{name: -params[name] for name in momenta}}), S)
    free_turned, turned = (tau @ part.conj() @ tau.T for part in parts)
    return (dependent - turned) / 2, (dependent + turned) / 2, _largest(free - free_turned)


def _suspicion(
    system: Any, edges: Any, sites: Sites, spin: SpinOperator, params: Mapping[str, Any], odd: bool, negligible: float
) -> str:
    """Return why what is odd under time reversal may be spin-orbit coupling at a fixed wave vector, empty if not."""
    if odd:
        fields, even, _ = _reversed_parts(system, np.arange(len(system.sites)), spin, params)
        chain = np.bincount(edges[:, 0], minlength=1).max() <= 2
        if _largest(even) > negligible and (chain or _meet(fields, even, system, sites, negligible)):
            where = "In a chain" if chain else "On sites"
            return f"{where} with spin-orbit coupling fields may be of it, at a fixed wave vector typed in as a number."
    S = spin.block_diagonal([system.sites[i] for i in sites])
    parts = _parts(_within(system, sites, params), S)
    for name in params:
        if name in system.parameters and _may_be_momentum(name, system, sites, S, params, parts, negligible):
            return f"The parameter `{name}` acts like a wave vector, at which fields may be of both kinds."
    return ""


def _meet(fields: Any, even: Any, system: Any, sites: Sites, negligible: float) -> bool:
    """Tell whether a site of a set has both a part odd under time reversal and spin-orbit coupling."""
    norbs = [norbs_of(site.family) for site in system.sites]
    inside = np.repeat(np.isin(np.arange(len(norbs)), sites), norbs)
    owner = np.repeat(np.arange(len(norbs)), norbs)
    rows = []
    for part in (fields, even):
        elements = sparse.coo_matrix(part)
        kept = elements.row[abs(elements.data) > negligible]
        rows.append(owner[kept[inside[kept]]])
    return bool(np.isin(*rows).any())


def _one_orbital(dependent: Any, S: list[Any], objects: list[Any], negligible: float) -> bool:
    """Tell whether the spin-dependent part is the same for all orbitals of a site, D = Σ A_a S_a with A_a numbers."""
    counts = np.array([norbs_of(site.family) for site in objects])
    if (counts == 2).all():
        return True
    starts = np.cumsum(counts) - counts
    owner = np.repeat(np.arange(len(counts)), counts)
    local = np.arange(len(owner)) - starts[owner]
    for s in S:
        A = sparse.coo_matrix(_parts(dependent @ s, S)[0])
        keep = abs(A.data) > negligible
        rows, columns, data = A.row[keep], A.col[keep], A.data[keep]
        to, from_ = owner[rows], owner[columns]
        if (counts[to] != counts[from_]).any() or (local[rows] != local[columns]).any():
            return False
        blocks, which = np.unique(to * len(counts) + from_, return_inverse=True)
        first = np.zeros(len(blocks), dtype=complex)
        first[which] = data
        filled = np.bincount(which) == counts[blocks // len(counts)]
        if not filled.all() or abs(data - first[which]).max(initial=0.0) > 10 * negligible:
            return False
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _may_be_momentum(
    name: str, system: Any, sites: Sites, S: list[Any], params: Mapping[str, Any], parts: Any, negligible: float
) -> bool:
    """Tell whether H without spin is even in a parameter and depends on it, and with spin is not even in it."""
    value = params[name]
    if not _is_number(value) or value == 0:
        return False
    try:
        (free, dependent), (other, _) = (
            _parts(_within(system, sites, {**params, name: x}), S) for x in (-value, CHANGE * value)
        )
    except (SpinjuncError, ArithmeticError, LookupError, TypeError, ValueError, kwant.UserCodeError):
        return False  # a parameter that cannot be reversed is no wave vector
    even = _largest(free - parts[0]) <= negligible
    return even and _largest(other - parts[0]) > negligible and _largest(dependent - parts[1]) > negligible
