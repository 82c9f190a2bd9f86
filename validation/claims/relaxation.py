"""Equations (7) and (10) in time: whether and how fast charge and magnetization relax to the steady state (11)."""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp
from scipy.special import erf

from kwant_spinjunc.theory.drift_diffusion import Material

from ..claim import Check, Judged, Record
from ..figures import drawn

#: A magnet in any consistent units (D = τ = 1), weakly screened so that all lengths are resolved.
METAL = Material(sigma=1.0, beta=0.5, D=1.0, tau=1.0, alpha2=0.4, q=40.0)
#: Spin currents into the face, longitudinal beyond βJ and transverse, and the charge current.
LONGITUDINAL, TRANSVERSE, CURRENT = 0.3, 0.3, 1.0
#: Precession rates times τ of the transverse part.
TURNS = (0.0, 1.0, 10.0)
#: Depth of the grid in √(Dτ), and its cells.
REACH, CELLS = 9.0, 160
TIMES = np.concatenate([[0.0], np.geomspace(1e-3, 12.0, 60)])


def grid_of(cells: int) -> Record:
    """Return cells behind the face of a magnet that fills y > 0, finest there; d/dy on inner edges as a matrix."""
    edges = REACH * np.expm1(3.5 * np.linspace(0, 1, cells + 1)) / np.expm1(3.5)
    centers, widths, i = (edges[1:] + edges[:-1]) / 2, np.diff(edges), np.arange(cells - 1)
    slope = np.zeros((cells - 1, cells))
    slope[i, i], slope[i, i + 1] = -1 / np.diff(centers), 1 / np.diff(centers)
    return Record(locals())


def balance(grid: Record, flux: np.ndarray) -> np.ndarray:
    """Return the matrix of -d(flux)/dy in the cells of a flux on inner edges; none through the ends."""
    return np.asarray(-np.diff(np.pad(flux, ((1, 1), (0, 0))), axis=0) / grid.widths[:, None])


# ---------------------------------------------------------------------- the equations in time
def longitudinal_system(p: Material, grid: Record) -> tuple[np.ndarray, np.ndarray]:
    """Return A, b of d(δn, δM∥)/dt = A x + b: (8), (9) with their divergences, field of the charge, fluxes at y = 0.

    The field F = -V' is J/σ at the face (no net charge in the layer) and F' = qδn.
    """
    n, slope = grid.cells, grid.slope
    inside = np.tril(np.ones((n, n)))[:-1] * grid.widths * p.q  # F - J/σ on the inner edges
    charge = np.concatenate([p.sigma * inside - p.alpha1 * p.D * slope, -p.beta * p.D * slope], axis=1)
    spin = np.concatenate([p.beta * p.sigma * inside - p.alpha2 * p.beta * p.D * slope, -p.D * slope], axis=1)
    A = np.concatenate([balance(grid, charge), balance(grid, spin)])
    A[n:, n:] -= np.eye(n) / p.tau
    b = np.zeros(2 * n)
    b[n] = LONGITUDINAL / grid.widths[0]  # what enters beyond βJ, which passes through
    return A, b


def transverse_system(p: Material, grid: Record) -> tuple[np.ndarray, np.ndarray]:
    """Return A, b of dδM⊥/dt, complex: diffusion, relaxation and precession, a flux at y = 0."""
    A = balance(grid, -p.D * grid.slope) - np.eye(grid.cells) * (1 / p.tau + 1j * p.omega)
    b = np.zeros(grid.cells, dtype=complex)
    b[0] = TRANSVERSE / grid.widths[0]
    return A, b


def at_rest(p: Material, grid: Record) -> np.ndarray:
    """Return δM∥ of the discrete steady state; the charge of the layer is kept, and was zero."""
    A, b = longitudinal_system(p, grid)
    n = grid.cells
    A[0], b[0] = np.concatenate([grid.widths, np.zeros(n)]), 0.0  # one balance of charge follows from the others
    return np.asarray(np.linalg.solve(A, -b)[n:])


def integrate(A: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return x(t) from x = 0 at `TIMES`, shape [time, unknown]."""
    options = {"method": "BDF", "jac": lambda *_: A, "t_eval": TIMES, "rtol": 1e-8, "atol": 1e-11}
    found = solve_ivp(lambda _, x: A @ x + b, (0.0, TIMES[-1]), np.zeros(len(b), dtype=A.dtype), **options)
    return np.asarray(found.y.T)


# ---------------------------------------------------------------------- closed forms
def steady(p: Material, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return δn, δM∥ of (11) with the same fluxes at the face: two exponentials, no net charge."""
    ratio = np.real(p.modes.mode_ratios)  # δn/δM of the spin mode, δM/δn of the charge mode
    k, n, M = np.array([(p.modes.spin.real, ratio[0], 1.0), (p.modes.screening.real, 1.0, ratio[1])]).T
    fluxes = np.array([n / k, p.D * k * (M + p.alpha2 * p.beta * n)])
    amplitudes = np.linalg.solve(fluxes, [0.0, LONGITUDINAL])[:, None] * np.exp(-np.outer(k, y))
    return n @ amplitudes, M @ amplitudes


def transverse_at_face(p: Material, t: np.ndarray) -> np.ndarray:
    """Return δM⊥(0, t) = Q erf(√(κt))/√(Dκ), κ = 1/τ + iω: diffusion from a face with a sudden flux Q."""
    kappa = 1 / p.tau + 1j * p.omega
    return np.asarray(TRANSVERSE * erf(np.sqrt(kappa * t)) / np.sqrt(p.D * kappa))


def measure(quick: bool) -> Record:
    """Switch on the currents at t = 0 and follow both densities."""
    grid = grid_of(CELLS)
    A, b = longitudinal_system(METAL, grid)
    x = integrate(A, b)
    told = steady(METAL, grid.centers)
    n, found = CELLS, np.split(x[-1], 2)
    errors = [float(abs(a - b).max() / abs(b).max()) for a, b in zip(found, told, strict=True)]
    coarse = grid_of(CELLS // 2)
    rough_error = float(abs(at_rest(METAL, coarse) - steady(METAL, coarse.centers)[1]).max() / abs(told[1]).max())
    rates = np.sort(-np.linalg.eigvals(A).real)
    transverse = {}
    for turn in TURNS:
        p = replace(METAL, omega=turn / METAL.tau)
        # at y = 0 from the first cell and the known slope there
        at_face = integrate(*transverse_system(p, grid))[:, 0] + TRANSVERSE / p.D * grid.centers[0]
        transverse[turn] = (at_face, transverse_at_face(p, TIMES))
    late = TIMES > 0.02
    missed = {turn: float(abs(f - c)[late].max() / abs(c[-1])) for turn, (f, c) in transverse.items()}
    overshoot = {turn: float(abs(c).max() / abs(c[-1]) - 1) for turn, (_, c) in transverse.items()}
    slowest, dielectric = float(rates[rates > 1e-9][0]), METAL.sigma * METAL.q
    # the charge layer is there long before the spin has diffused
    early = float(abs(x[np.searchsorted(TIMES, 3 / dielectric)][:n]).max() / abs(x[-1][:n]).max())
    quiet, middle, ring = (overshoot[turn] for turn in TURNS)
    return Record(locals())


# ---------------------------------------------------------------------- what it says of the paper
def verdict(errors: list[float], slowest: float) -> str:
    """Return the verdict: the equations relax to (11), no mode slower than spin relaxation, or not."""
    return "follows" if max(errors) < 0.01 and slowest > 0.9 / METAL.tau else "fails"


def judge(m: Record) -> Judged:
    """Judge the sentence as printed and as corrected."""
    found = verdict(m.errors, m.slowest)
    return Judged(
        printed=found,
        corrected=found,
        value=m.errors[1],
        tolerance=3e-3,  # of second order in the cells
        route=Check("δM⊥ at the face in time against erf(√(κt)), relative", max(m.missed.values()), 5e-3),
        checks=(
            Check("δn of the steady state against (11), relative", m.errors[0], 1e-2),
            Check("error of half the cells over that of all: second order", m.rough_error / m.errors[1], 1.0, 4.0),
            # continuous spectrum from 1/τ on: its edge is the uniform mode, on any grid
            Check("slowest rate times τ", m.slowest * METAL.tau, 1e-8, expected=1.0),
        ),
    )


@drawn("relaxation-time", 1, 2, width=7.0, height=3.6)
def draw(m: Record, left: Any, right: Any) -> None:
    """Plot both layers in time, and the transverse part at the face."""
    for row, shade in zip((10, 25, 40, -1), (0.25, 0.5, 0.75, 1.0), strict=True):
        label = rf"t = {TIMES[row]:.2g} $\tau$"
        left.plot(m.grid.centers, m.x[row][m.n :], "-", color="microscopic", alpha=shade, label=label)
    near, early = m.grid.centers < 4, TIMES < 4
    y, told = m.grid.centers[near][::8], m.told[1][near][::8]
    left.plot(y, told, "o", mfc="none", color="black", label="steady state (11)")
    left.set(xlabel=r"depth ($\sqrt{D\tau}$)", ylabel=r"$\delta M_\parallel$", xlim=(0, 4))
    left.legend(loc="upper right", fontsize=7)
    for turn, color in zip(TURNS, ("majority", "damping_like", "minority"), strict=True):
        found, fine = abs(m.transverse[turn][0])[early], np.linspace(0, 4, 400)
        right.plot(TIMES[early], found, "o", color=color, markersize=3, label=rf"$\omega\tau$ = {turn:g}")
        told = abs(transverse_at_face(replace(METAL, omega=turn), fine))
        right.plot(fine, told, "-", color=color, linewidth=1)
    right.plot([], [], "-", color="muted", linewidth=1, label=r"erf$\sqrt{\kappa t}$")
    right.set(xlabel=r"time ($\tau$)", ylabel=r"$|\delta M_\perp|$ at the face", xlim=(0, 4))
    right.legend(loc="lower right", fontsize=7)
