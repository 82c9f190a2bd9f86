"""Equation (2) of a barrier: its exponent, what it leaves out in front of it, and Julliere's densities of states."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ... import halves
from ...arrays import Floats
from ...theory import julliere, tunnelling
from ..clean import Clean, Spacer
from ..evidence import Evidence, InapplicableError
from .rule import Curve, Finding, contrast, law, relative

CONDUCTANCE, TMR = "the conductance at the same angle", "the larger of both TMR"


def _clean(e: Evidence) -> Clean:
    if not isinstance(e.problem, Clean):
        raise InapplicableError("it is judged for clean junctions, whose barrier and wave functions are known")
    return e.problem


def _uniform(problem: Clean) -> tuple[Spacer, float, float, float]:
    """Return the spacer, and on-site energy, hopping and in-plane hopping of all its planes."""
    spacer, _ = problem.decaying
    planes = set(problem.junction.planes[spacer.planes])
    numbers = {(plane.onsite, plane.hopping, plane.t_parallel) for plane in planes}
    if len(numbers) > 1:
        raise InapplicableError("its barrier is not uniform")
    return (spacer, *numbers.pop())


# ---------------------------------------------------------------------- equation (2)
@law(
    "exponent",
    "(2) exponent",
    "2",
    statement="One more plane of the barrier multiplies every T_ss' by e^{-2κa}, the same for both spins.",
    fed="level and hopping of the barrier, cosh κa = (ε - 2t∥c - E)/2t at the k∥ where it is lowest",
    against="T_ss' of the collinear junctions with this and one more plane",
    unit="the transmission",
    instead="Take κ at each k∥, or measure it: decay_constant(junction).",
)
def _exponent(e: Evidence) -> Finding:
    problem = _clean(e)
    e.need_turns()
    _, level, hopping, in_plane = _uniform(problem)
    here, thicker = e.factors, problem.changed(planes=1).evidence.factors
    kappa = float(tunnelling.lattice_decay_constant(level - 2 * in_plane * problem.lowest, problem.energy, hopping))
    there = here > 0
    if not there.any():
        raise InapplicableError("nothing passes its barrier")
    found = np.where(there, thicker / np.where(there, here, 1.0), np.nan)
    off = abs(found / np.exp(-2 * kappa) - 1)
    error = np.full(len(e.angles), np.nan)
    error[0], error[-1] = (np.nanmax(np.append(off[[0, 1], columns], 0.0)) for columns in ([0, 1], [1, 0]))
    reason = f"the formula has κa = {kappa:.6g}, found is " + ", ".join(f"{-np.log(x) / 2:.6g}" for x in found[there])
    name = "e^{-2κd}, what the barrier leaves of the waves reflected in it"
    return Finding(error, e.decay, name, reason=reason, everywhere=True)


@law(
    "prefactor",
    "(2) as it stands, without prefactors",
    "2",
    statement="T_ss'(Φ) = R_ss'² e^{-2κd}: nothing in front depends on the spin.",
    fed="level, hopping and thickness of the barrier",
    against="T_ss'(Φ) of exact scattering",
    unit=CONDUCTANCE,
    instead="Put the matching of waves in front (next law), or T_ss' of the collinear junctions.",
)
def _prefactor(e: Evidence) -> Finding:
    problem = _clean(e)
    e.need_magnets(turned=True)
    problem.decaying  # noqa: B018 - refuses where nothing decays

    def bare(c: Floats) -> Floats:
        open_ = problem.junction.open_channels(problem.energy, c)
        pairs = open_[:, 0, :, None] & open_[:, 1, None, :]
        return np.asarray(problem.decay(c)[:, None] * pairs.reshape(len(c), 4))

    D = np.asarray(problem.mean(bare)).reshape(2, 2)
    curves, error = _law_of(e, D)
    there = D > 0
    front = e.factors[there] / D[there]
    reason = f"the factors in front are {front.min():.3g} to {front.max():.3g}, not 1" if there.any() else ""
    return Finding(error, e.decay, "e^{-2κd}", curves, reason)


@law(
    "matching",
    "(2) with the matching of waves",
    "2",
    statement="T_ss'(Φ) = R_ss'² f_Ls f_Rs' e^{-2κd} with f from the matching of waves at each interface.",
    fed="both magnets cut off in front of the barrier, its level, hopping and thickness",
    against="T_ss'(Φ) of exact scattering",
    unit=CONDUCTANCE,
    instead="Solve the barrier with all its reflections: theory.tunnelling.barrier_probabilities.",
)
def _matching(e: Evidence) -> Finding:
    problem = _clean(e)
    e.need_magnets(turned=True)
    spacer, level, hopping, in_plane = _uniform(problem)
    bonds = problem.junction.bond_hoppings
    inner = bonds[spacer.planes.start : spacer.planes.stop - 1]
    if len(inner) and not np.all(inner == hopping):
        raise InapplicableError("its barrier is not uniform")
    joints = bonds[spacer.planes.start - 1], bonds[spacer.planes.stop - 1]
    count = spacer.planes.stop - spacer.planes.start

    def factors(c: Floats) -> Floats:
        kappa = tunnelling.lattice_decay_constant(level - 2 * in_plane * c, problem.energy, hopping)
        greens = _surfaces(problem, spacer, c)
        rho = [
            tunnelling.lattice_reflection(g, kappa[:, None], hopping, joint)
            for g, joint in zip(greens, joints, strict=True)
        ]
        D: Floats = tunnelling.spin_factors(rho[0], rho[1], count * kappa).reshape(len(c), 4)
        return D

    try:
        D = np.asarray(problem.mean(factors)).reshape(2, 2)
    except tunnelling.ClassicallyAllowedError:
        raise InapplicableError("its barrier conducts at some k of the average") from None
    curves, error = _law_of(e, D)
    return Finding(error, *contrast(e), curves)


def _law_of(e: Evidence, D: Floats) -> tuple[tuple[Curve, ...], Floats]:
    """Return the conductance and the largest error of T_ss' = R_ss'² D_ss' per conductance."""
    T = tunnelling.rotation_law(D, e.angles)
    error = relative(0.0, abs(T - e.transmissions).max(axis=(-1, -2)), e.conductance_scale)
    return (Curve("conductance", "e²/h", "", T.sum(axis=(-1, -2)), e.conductance),), error


def _surfaces(problem: Clean, spacer: Spacer, c: Floats) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return the Green's functions of both magnets, cut off in front of the spacer, shape (points, spin)."""
    stack = problem.stack
    one = replace(stack, m=stack.m[:1], lead_m=stack.lead_m[:1])
    left, _ = halves.surface_greens(replace(one, cut=spacer.planes.start - 1), problem.energy, c[:, None])
    _, right = halves.surface_greens(replace(one, cut=spacer.planes.stop - 1), problem.energy, c[:, None])
    return left[:, 0], right[:, 0]


# ---------------------------------------------------------------------- Julliere
@law(
    "julliere",
    "Julliere, bulk densities of states",
    "3 4",
    statement="TMR = 2 P_L P_R/(1 - P_L P_R) with the polarizations of the densities of states of both magnets.",
    fed="densities of states of both leads at the energy, at this k∥ or of all",
    against="(G_P - G_AP)/G_AP of exact scattering",
    unit=TMR,
    instead="Use sj.tmr(junction), or polarizations of the tunnelling current.",
    sought=False,
)
def _bulk(e: Evidence) -> Finding:
    problem = _clean(e)

    def densities(c: Floats) -> Floats:
        rows = []
        for lead in problem.junction.leads:
            inside = 4 * lead.hopping**2 - (problem.energy - lead.levels(c)) ** 2
            open_ = inside > 0
            rows.append(np.where(open_, 1 / (np.pi * np.sqrt(np.where(open_, inside, 1.0))), 0.0))
        return np.asarray(np.stack(rows, axis=1).reshape(len(c), 4))

    return _julliere(e, np.asarray(problem.mean(densities)).reshape(2, 2), "bulk")


@law(
    "julliere_surface",
    "Julliere, densities of states at the barrier",
    "3 4",
    statement="The same with the densities of states of the planes next to the barrier.",
    fed="both magnets cut off in front of the barrier",
    against="(G_P - G_AP)/G_AP of exact scattering",
    unit=TMR,
    instead="Use sj.tmr(junction), or polarizations of the tunnelling current.",
    sought=False,
)
def _surface(e: Evidence) -> Finding:
    problem = _clean(e)
    e.need_magnets(turned=True)
    spacer, _ = problem.decaying

    def densities(c: Floats) -> Floats:
        rows: Floats = np.stack([abs(g.imag) / np.pi for g in _surfaces(problem, spacer, c)], axis=1)
        return rows.reshape(len(c), 4)

    return _julliere(e, np.asarray(problem.mean(densities)).reshape(2, 2), "surface")


def _julliere(e: Evidence, densities: Floats, where: str) -> Finding:
    e.need_magnets(turned=True)
    if not (densities.sum(axis=-1) > 0).all():
        raise InapplicableError("a magnet has no density of states at this energy")
    left, right = (float(x) for x in julliere.polarization(densities))
    product, exact = left * right, e.tmr
    theory = np.inf if product >= 1 else 2 * product / (1 - product)
    size = max(abs(theory), abs(exact))
    error = np.full(len(e.angles), np.nan)
    if size == 0 or theory == exact:
        error[-1] = 0.0
    else:
        error[-1] = 1.0 if np.isinf(size) else abs(theory - exact) / size
    reason = f"polarizations {left:.3g} and {right:.3g} ({where}) make TMR {theory:.4g}, exact {exact:.4g}"
    chi = (e.conductance[0] - e.conductance[-1]) / (e.conductance[0] + e.conductance[-1])
    return Finding(
        error,
        float(abs(chi - product)),
        "|χ - P_L P_R| with χ = (G_P - G_AP)/(G_P + G_AP)",
        reason=reason,
        everywhere=True,
    )
