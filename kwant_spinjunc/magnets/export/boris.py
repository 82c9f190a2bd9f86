"""RA(V), Gi and Gmix for BORIS, which takes conductances of interfaces and of bias, not of an angle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..._version import __version__
from ...checks import finite_array, refusal
from ...errors import ArgumentError
from ...model.junction import Junction
from ...transport.bias import bias_response
from ...units import conductance_per_area
from ..parameters import effective_parameters
from ..parameters.fits import TOLERANCE
from ..parameters.interfaces import spacer_interfaces
from ..parameters.response import place_of
from .codes import InvalidParametrizationError, Snippet, nanometers, vector


@dataclass(frozen=True, eq=False)
class BiasLaw:
    """RA(V) = RA_0/(1 + c_1 V + c_2 V²) of one magnetic configuration."""

    resistance_area: float  #: RA_0 in Ω m².
    coefficients: tuple[float, float]  #: c_1 in 1/V and c_2 in 1/V².
    residual: float  #: Largest relative misfit of the conductance.

    def equation(self, symbol: str) -> str:
        """Return the text equation of the variables ``symbol`` (RA_0) and V."""
        c1, c2 = self.coefficients
        return f"{symbol} / (1 + ({c1:.10g})*V + ({c2:.10g})*V^2)"


def bias_law(
    junction: Junction, biases: ArrayLike, *, lattice_constant: float, energy: float = 0.0, k: Any = None
) -> BiasLaw:
    """Return RA(V) of a junction in its present configuration, fitted over biases.

    ``junction``: energies in eV.
    ``biases``: V = µ_L - µ_R in eV, at least three and none of them 0.
    ``lattice_constant``: a in nm.
    """
    V = finite_array("biases", biases).ravel()
    if len(np.unique(V)) < 3 or np.any(V == 0):
        hint = "Use np.linspace(-0.5, 0.5, 6)."
        raise refusal("biases", "be at least three values other than 0", f"are {V.tolist()}", hint)
    G = bias_response(junction, V, energy=energy, k=k, layers=False).current / V
    if np.any(G <= 0):
        raise ArgumentError("Argument `junction` must carry a current at every bias, but does not.")
    powers = np.column_stack([np.ones_like(V), V, V**2])
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

    ``junction``: with a metallic spacer (Gi, Gmix) or a barrier (RAtmr_p, RAtmr_ap).
    ``biases``: of the equations RA(V) of a barrier, in eV; without them RA is that of the linear response.

    Raises `InvalidParametrizationError`: The conductance of a barrier is not linear in cos Φ, or RA(V) not of second
    order.
    """
    a = nanometers("lattice_constant", lattice_constant)
    at = junction.turned(m_right=junction.directions_at(np.pi / 2))
    cut = at.cut
    metal = spacer_interfaces(at, energy, k) if cut is not None and not at.planes[cut].is_magnetic else ()
    head = [
        f"# Conductances of {name} by kwant-spinjunc {__version__}",
        f"# E = {energy:g} eV, {place_of(k)}; lattice constant {a:g} nm",
    ]
    values: dict[str, Any] = {}
    if metal:
        if biases is not None:
            raise ArgumentError("Argument `biases` must be left out for a metallic spacer, but is given.")
        head += [
            "# Gi = (G_up, G_down) and Gmix = (Re, Im) in S/m², majority first; parameters of the mesh on top of each",
            "# interface. Landauer conductances of one interface between leads: Sharvin resistances are included.",
            "# Im Gmix has the sign of -Im Σ(1 - r_up r_down*): BORIS writes it for magnetic moments, not spins.",
        ]
        lines = []
        for found in metal:
            pair = conductance_per_area([found.majority, found.minority], a)
            mixing = conductance_per_area([found.mixing.real, -found.mixing.imag], a)
            values[f"Gi_{found.side}"], values[f"Gmix_{found.side}"] = pair.tolist(), mixing.tolist()
            lines += [f"{found.side}.param.Gi = [{vector(pair)}]", f"{found.side}.param.Gmix = [{vector(mixing)}]"]
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
        laws = [bias_law(j, biases, lattice_constant=a, energy=energy, k=k) for j in (parallel, antiparallel)]
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
