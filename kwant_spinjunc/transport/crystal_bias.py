r"""Finite bias of a Kwant system cut in two: both currents, both torques, at all angles, averaged over its zone.

A potential V p(site) is added to the levels of every site, and to each lead that of its interface, with which its µ
moves. The window (see `bias`) is adaptive in energy, split where the number of open channels, or of openings along the
zone, changes: band edges and van Hove points. Its integrand is a mean over the zone with an error of its own
(`crystals.zone`), which is carried along. The equilibrium part is a mean over the zone of contour integrals of
`crystals.exchange`; its Hamiltonian is given at all energies, as that of leads is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial
from itertools import repeat
from typing import Any

import numpy as np

from ..arrays import Complex, Flags, Floats, Indices
from ..checks import finite_array, known_fields, positive_integer, refusal
from ..costs import warn_if_long
from ..crystals.exchange import exchange_integrand, spectrum_floor
from ..crystals.levels import SHARP, at_once, count_channels, count_levels, jumps, log_determinants, poles
from ..crystals.observe import lead_axes, magnet_axes
from ..crystals.problem import BASIC, TURNED, Observable, Problem, unpacked
from ..crystals.scatter import CrystalSettings, points_of
from ..crystals.zone import mean
from ..devices.device import Device
from ..errors import ArgumentError, NoOpenChannelError
from ..halves.zone import IntegrationError
from ..model.problem import MAX_DEFECT
from ..quadrature import COARSE, FINE, Integral, cut_into_pieces, integrate
from .equilibrium import contour, of_reservoirs
from .linear import DIRECTION, occupation_differences

#: Distances from a chemical potential, in kT, at which a thermal integral is cut; e^-40 of a channel is left out there,
#: unless that counts: e^-745 is the smallest number. For few digits e^-15 may do.
CUTS, FEW_CUTS = (6.0, 40.0, 745.0), (6.0, 15.0, 40.0, 745.0)
#: Part of the tolerance below which the occupations that differ need no splits.
TAIL = 1e-3
#: Parts of the tolerance that a mean over the zone, the integral over energy and a contour take.
MEAN, ENERGY, CONTOUR = 0.25, 0.5, 0.1
#: Energies between which channels are counted, momenta per dimension (one, two), and how near two splits may be.
GRID, MESH, NEAR = 32, (65, 9), 1e-5
#: Relative error from which a mean over the zone is integrated over energy by the rule of fewer nodes.
FEW = 1e-3
#: What of a crystal currents and torques at a bias are made of.
USED = ("probabilities", "flux_by_spin", "side_torque_by_spin")
#: Distances from a sharp level at which the integral at one momentum is split.
WIDTHS = 10.0 ** -np.arange(1, 8)


@known_fields
@dataclass(frozen=True, eq=False, kw_only=True)
class BiasSettings(CrystalSettings):
    """What `bias_response` takes of a Kwant system besides reservoirs."""

    turns: Any = 0.0  #: A number or one axis of angles, as of `CrystalSettings`.
    #: Any `concurrent.futures.Executor`, among whose workers the energies of the window are shared.
    executor: Executor | None = None
    progress: bool | None = None  #: Show a progress bar of energies; None shows it on a terminal, after two seconds.


class BiasedCrystal:
    """A Kwant system with two leads, one on each side of a cut, whose levels follow the bias.

    ``shares``, (2,): potential of both leads in units of the bias; ``m``, ``magnets``, (angles, 2, 3): axes of both,
    and directions of the magnets on their sides; ``listed``: whether results have an axis of angles.
    """

    def __init__(self, device: Device, profile: Any, k: Any, settings: BiasSettings) -> None:
        settings = settings if settings.turns is not None else replace(settings, turns=0.0)
        problem = settings.problem(device)
        self.crystal, self.turn = problem.crystal, problem.turn
        _, self.k, shape = points_of(0.0, k, self.crystal.momenta)
        if shape:
            raise ArgumentError(f"Argument `k` must be one momentum or 'average', but its points have shape {shape}.")
        self.listed = np.ndim(settings.turns) == 1
        self.max_points = positive_integer("max_points", settings.max_points)
        self.executor, self.progress = settings.executor, settings.progress
        leads = self.crystal.leads
        if len(leads) != 2 or leads[0].side == leads[1].side:
            raise ArgumentError(
                f"Argument `behind` must leave one of two leads on each side, but of {len(leads)} leads "
                f"{sum(lead.side for lead in leads)} are behind it."
            )
        for lead in leads:
            if not lead.resolved:
                raise refusal("junction", "have leads that conserve spin", f"lead {lead.number} does not")
        self.potential = _potential(device, profile)
        self.shares = np.array([self.potential[at[0]] for at in device.system.lead_interfaces])
        self.m, self.magnets = (axes(self.crystal, self.turn) for axes in (lead_axes, magnet_axes))
        self.order = [lead.side for lead in leads]
        # the flux counts from the front of the cut to what is turned
        self.forward = 1.0 if self.order[0] == 0 else -1.0

    def responses(
        self, V: Floats, mu: Floats, kT: tuple[float, float], rtol: float, equilibrium: bool
    ) -> Iterator[tuple[Integral, Integral | None]]:
        """Yield window and equilibrium part at biases (n,) and levels (n, 2, 2), the bar moving on.

        Components of the window, of every angle: I_αs (4), Q (3), torques (6). Of the equilibrium part: Q.
        """
        from tqdm import tqdm

        hide, ahead = None if self.progress is None else not self.progress, [len(V)]
        with tqdm(unit="energy", delay=2.0, disable=hide) as bar:
            for bias, levels in zip(V.tolist(), mu, strict=True):
                problem = Problem(self.crystal.biased(bias * self.potential), self.turn)
                found = _Window(self, problem, levels, np.array(kT), rtol, bar, ahead).integrate()
                yield found, self._occupied(problem, levels, kT, rtol, found.size) if equilibrium else None

    def _occupied(self, problem: Problem, mu: Floats, kT: tuple[float, float], rtol: float, size: Any) -> Integral:
        """Return Q of the occupied states at the mean of the four occupations."""
        value, error, sizes = of_reservoirs(partial(self._exchange, problem, rtol), mu, kT)
        _refuse_unconverged("equilibrium part", error, max(size, sizes), rtol)
        return Integral(self.forward * value, error, sizes)

    def _exchange(self, problem: Problem, rtol: float, mu: Any, kT: float) -> tuple[Floats, Any, Any]:
        """Return the flux Q through the cut, front to back, of all states occupied at µ, (3 angles,), error, size."""
        floor = spectrum_floor(problem.crystal)
        contours: list[Integral] = []

        def flux(at: Floats) -> Floats:
            rows = len(at)

            def solve(owner: Indices, z: Complex) -> Complex:
                found = exchange_integrand(
                    problem.crystal, z.ravel(), np.repeat(at[owner], z.shape[1], axis=0), problem.turn
                )
                return found.reshape(*z.shape, -1)

            found = contour(
                solve, np.full(rows, mu), kT, np.full(rows, floor), CONTOUR * rtol, components=3 * problem.angles
            )
            contours.append(found)
            return np.asarray(-4 * found.value.reshape(rows, problem.angles, 3))

        if self.k is None:
            asked = Observable(lambda solved: [flux(solved.k)], {"Q": ()})
            found = mean(problem, float(mu), [asked], rtol=ENERGY * rtol, max_points=self.max_points)
            value, error = found.values["Q"], float(found.errors["Q"].max())
        else:
            value, error = flux(self.k)[0], 0.0
        more, size = (4 * np.max([getattr(part, name).max() for part in contours]) for name in ("error", "size"))
        return value.ravel(), error + more, size


def _potential(device: Device, profile: Any) -> Floats:
    """Return the potential of every site in units of the bias, shape (sites,)."""
    profile = device.profile if profile is None else profile
    if not callable(profile):
        raise ArgumentError(
            "Argument `profile` must be a function of a site, its potential in units of the bias, or be that of the "
            f"Device, but is {type(profile).__name__}. Use profile=lambda site: np.interp(site.pos[0], [first, last], "
            "[0.5, -0.5])."
        )
    found = finite_array("profile", [profile(site) for site in device.system.sites], f"({len(device.system.sites)},)")
    ends = [found[np.asarray(interface)] for interface in device.system.lead_interfaces]
    if any(np.ptp(end) > 1e-12 for end in ends) or abs(ends[0][0] - ends[1][0] - 1) > 1e-12:
        raise ArgumentError(
            "Argument `profile` must be constant where a lead is attached and fall by 1 from lead 0 to lead 1, but "
            f"goes from {ends[0][0]:g} to {ends[1][0]:g}. It is the potential in units of the bias."
        )
    return found


def _refuse_unconverged(what: str, error: Any, size: Any, rtol: float) -> None:
    if error > max(rtol * size, 1e-300):
        raise IntegrationError(
            f"The {what} did not reach rtol = {rtol:g}: its error is {error:.2g}, {error / max(size, 1e-300):.2g} of "
            "the integral of its modulus. Widen `rtol`, or raise `max_points` of an average."
        )


# ---------------------------------------------------------------------- the window
@dataclass(eq=False)
class _Window:
    """Currents, spin flux and torques at one bias, integrated over the energies where reservoirs differ."""

    system: BiasedCrystal
    problem: Problem
    mu: Floats
    kT: Floats
    rtol: float
    bar: Any
    ahead: list[int]  #: The number of biases, until cost is told.
    expected: int = 0  #: Energies that the whole run will need at least.
    channels: bool = False  #: Whether any was open.

    @property
    def components(self) -> int:
        return 13 * len(self.system.m)

    def integrate(self) -> Integral:
        """Return the integrals (components,), the largest error among them, and the largest integral of a modulus."""
        kT, mu, rtol = self.kT, self.mu, self.rtol
        value, error, size = np.zeros(self.components), np.zeros(()), np.zeros(())
        if kT[0] == kT[1] and not np.ptp(mu):
            return Integral(value, error, size)
        # a mean over the zone is smooth between its splits, and costs a hundred times what a momentum does
        few = self.system.k is None and rtol >= FEW
        rule, cuts = (COARSE, FEW_CUTS) if few else (FINE, CUTS)
        low, high = np.inf, -np.inf
        for count, reach in enumerate(cuts[1:], 2):
            owner, lower, upper = self._pieces(cuts[:count])
            new = (upper <= low) | (lower >= high) | (low > high)
            self.expected = int(new.sum()) * len(rule.nodes) * (self.ahead.pop() if self.ahead else 0)
            goal = ENERGY * rtol
            pieces = owner[new], lower[new], upper[new]
            found = integrate(self, pieces, 1, self.components, rtol=goal, floor=goal * size, rule=rule)
            value, error, size = value + found.value[0], error + found.error[0], size + found.size[0]
            low, high = lower.min(), upper.max()
            beyond = 16 * self.problem.orbitals * kT.max() * np.exp(-reach)
            if beyond <= CONTOUR * rtol * size:
                break
        if not self.channels:
            raise NoOpenChannelError(
                "Arguments `bias` and `energy` must leave a window in a band of a lead, but no channel is open at any "
                f"energy between {mu.min():g} and {mu.max():g}. Look at the bands of the leads."
            )
        _refuse_unconverged("window", error + beyond, size, rtol)
        return Integral(value, error + beyond, size)

    def _pieces(self, cuts: Sequence[float]) -> tuple[Indices, Floats, Floats]:
        """Return the pieces of the energy axis between which the integrand is smooth, or small."""
        mu = self.mu
        width = np.repeat(self.kT[:, None], 2, axis=1)
        ends = [((mu - cut * width).min(), (mu + cut * width).max()) for cut in cuts]
        (low, high), (lowest, highest) = ends[0], ends[-1]
        level = [low + 2 * (mu.min() - low), high - 2 * (high - mu.max())]
        points = np.concatenate([mu[width == 0], np.ravel(ends), level if level[0] < level[1] else []])
        # at one momentum a band edge in the tails is as sharp as one between; a mean smooths it
        far = CUTS[0] if self.system.k is None else min(cuts[-1], max(CUTS[0], -np.log(TAIL * self.rtol)))
        tails = ((mu - far * width).min(), (mu + far * width).max())
        for split in self._splits(low, high, tails).tolist():
            if not (abs(points - split) < NEAR * (high - low)).any():
                points = np.append(points, split)
        return cut_into_pieces([lowest], [highest], points[None])

    def _splits(self, low: float, high: float, tails: tuple[float, float]) -> Floats:
        """Return band edges and van Hove points of the leads, and of one momentum sharp levels with their flanks.

        They are looked for as densely from ``low`` to ``high`` as beyond, as far as the ends ``tails``.
        """
        crystal, k = self.problem.crystal, self.system.k
        line = len(crystal.momenta) == 1 and k is None
        mesh = _mesh(len(crystal.momenta)) if k is None else k

        def count(_: Any, E: Floats) -> Any:
            found = count_channels(crystal, np.repeat(E, len(mesh)), np.tile(mesh, (len(E), 1)))
            found = found.reshape(len(E), len(mesh), -1)
            parts = [found.max(axis=1), found.min(axis=1)]
            return np.concatenate([*parts, (found[:, 1:] != found[:, :-1]).sum(axis=1)] if line else parts, axis=1)

        steps = GRID * (1 if k is None else 4)
        below, above = np.ceil(abs(np.subtract(tails, (low, high))) / (high - low) * steps)
        grid = low + (high - low) / steps * np.arange(-below, steps + above + 1)
        splits = jumps(count, 1, grid, NEAR / 10 * (high - low))[1]
        if k is None:
            return splits
        point = k

        def at(E: Floats) -> Floats:
            return np.asarray(np.repeat(point, len(E), axis=0))

        def levels(_: Any, E: Floats) -> Any:
            return count_levels(self.problem, E, at(E))

        step = 1e-9 * (high - low)
        near = jumps(levels, 1, grid, step, at_once(crystal))[1]
        _, level, width = poles(levels, lambda _, E: log_determinants(self.problem, E, at(E)), near, step)
        level, width = level[width < SHARP], width[width < SHARP]
        flanks = np.concatenate([[0.0], WIDTHS, -WIDTHS])
        around = np.where(0.3 * width[:, None] < abs(flanks), level[:, None] + flanks, level[:, None])
        return np.concatenate([splits, around.T.ravel()])

    def __call__(self, owner: Indices, energies: Floats) -> tuple[Floats, Floats]:
        flat = energies.ravel()
        values, errors = np.empty((len(flat), self.components)), np.empty(len(flat))
        for n, (E, (found, miss)) in enumerate(zip(flat.tolist(), self._solved(flat), strict=True)):
            values[n], errors[n] = self._weighted(E, found, miss)
            self.bar.update()
        return values.reshape(*energies.shape, -1), errors.reshape(energies.shape)

    def _solved(self, energies: Floats) -> Iterator[tuple[Any, Any]]:
        """Yield P, flux and torques of incoming states, and their errors, of each energy."""
        system = self.system
        if system.k is not None:
            yield from self._at_momentum(energies, system.k)
            return
        solve = partial(_mean, rtol=MEAN * self.rtol, max_points=system.max_points)
        begin = time.process_time()
        yield self._kept(*solve(self.problem, float(energies[0])))
        if self.expected:
            self._tell_cost(time.process_time() - begin)
        run: Any = map if system.executor is None else system.executor.map
        problem = self.problem if system.executor is None else self.problem.packed()
        for found in run(solve, repeat(problem), energies[1:].tolist()):
            yield self._kept(*found)

    def _tell_cost(self, each: float) -> None:
        """Warn of a long run, once the first energy has been solved."""
        workers = getattr(self.system.executor, "_max_workers", 1)
        seconds, self.expected = each * self.expected / workers, 0
        why = f"every energy of every bias is a mean over the zone, {each:.1g} s"
        warn_if_long(seconds, "The window", f": {why}. A wider `rtol` or an `executor` costs less.")

    def _kept(self, values: Any, errors: Any) -> tuple[Any, Any]:
        self.channels |= bool(np.nansum(values["modes"]))
        return [values[name] for name in USED], [errors[name] for name in USED]

    def _at_momentum(self, energies: Floats, k: Floats) -> Iterator[tuple[Any, Any]]:
        """Yield the same at one momentum; an energy at a band edge is stepped aside from, or counts as error."""

        def observed(E: Floats) -> tuple[Any, Flags]:
            found = self.problem.observe(E, np.repeat(k, len(E), axis=0), [BASIC, TURNED])
            missed = np.maximum(found.values["unitarity_defect"], found.values["missed"]).max(axis=1)
            return found, found.bad | ~(missed <= MAX_DEFECT)

        found, bad = observed(energies)
        if bad.any():
            found, bad = observed(np.where(bad, energies + 1e-8 * np.ptp(self.mu), energies))
        self.channels |= bool(np.nansum(found.values["modes"][~found.bad]))
        for n in range(len(energies)):
            values = {name: np.zeros_like(a[n]) if bad[n] else a[n] for name, a in found.values.items()}
            yield self._kept(values, {name: np.full(a.shape, float(bad[n])) for name, a in values.items()})

    def _weighted(self, energy: float, found: Any, miss: Any) -> tuple[Floats, float]:
        """Return the components at an energy, and the largest error among them."""

        def summed(states: Any, f: Floats) -> list[Floats]:
            P, flux, torques = states
            weight = f.mean(axis=(-1, -2))
            Q = np.einsum("as,gasx->gx", weight, flux[..., 1:])
            return [(P * f).sum(axis=(-1, -2)), Q, np.einsum("as,gnasx->gnx", weight, torques)]

        difference = occupation_differences(np.array(energy), self.mu, self.kT)
        currents, Q, tau = summed(found, difference)
        parts = [currents * DIRECTION, self.system.forward * Q, tau[:, self.system.order]]
        values = np.concatenate([part.reshape(len(self.system.m), -1) for part in parts], axis=1).ravel()
        return values, max(float(part.max()) for part in summed(miss, abs(difference)))


def _mesh(dimensions: int) -> Floats:
    """Return momenta at which channels are counted, symmetry points among them, (points, dimensions)."""
    axes = [np.linspace(-np.pi, np.pi, MESH[min(dimensions, 2) - 1])] * dimensions
    return np.asarray(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, dimensions))


def _mean(problem: Problem | bytes, energy: float, rtol: float, max_points: int) -> tuple[Any, Any]:
    """Return the means of probabilities, fluxes and torques over the zone, and their errors."""
    own = unpacked(problem) if isinstance(problem, bytes) else problem
    found = mean(own, energy, [BASIC, TURNED], rtol=rtol, max_points=max_points)
    return found.values, found.errors
