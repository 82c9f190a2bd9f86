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
from itertools import repeat
from typing import Any

import numpy as np

from ..arrays import Complex, Flags, Floats, Indices
from ..checks import finite_array, known_fields
from ..costs import warn_if_long
from ..crystals.crystal import Crystal
from ..crystals.exchange import exchange_integrand, spectrum_floor
from ..crystals.levels import SHARP, at_once, count_channels, count_levels, jumps, log_determinants, poles
from ..crystals.observe import lead_axes, magnet_axes
from ..crystals.problem import BASIC, TURNED, Observable, Problem, unpacked
from ..crystals.scatter import CrystalSettings, momenta_of, points_of, turned_apart
from ..crystals.zone import mean
from ..devices.device import Device
from ..errors import ArgumentError, NoOpenChannelError
from ..halves.joint import Turn
from ..halves.zone import IntegrationError
from ..model.problem import MAX_DEFECT
from ..quadrature import COARSE, FINE, Integral, cut_into_pieces, integrate
from .equilibrium import contour
from .linear import occupation_differences

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


@dataclass(frozen=True, eq=False)
class Part:
    """Integrals (components,), the largest error among them, and the largest integral of a modulus."""

    value: Floats
    error: float
    size: float


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

    Attributes
    ----------
    shares : ndarray, (2,)
        Potential of both leads in units of the bias.
    m, magnets : ndarray, (angles, 2, 3)
        Axes of both leads, and directions of the magnets on their sides.
    listed : bool
        Whether results have an axis of angles.
    """

    def __init__(self, device: Device, profile: Any, k: Any, settings: BiasSettings) -> None:
        params = device.values(settings.params)
        names = momenta_of(device, params, settings.momenta)
        _, self.k, shape = points_of(0.0, k, names)
        if shape:
            raise ArgumentError(f"Argument `k` must be one momentum or 'average', but its points have shape {shape}.")
        settings = settings if settings.turns is not None else replace(settings, turns=0.0)
        self.crystal, self.turn = turned_apart(device, params, names, settings)
        self.listed = np.ndim(settings.turns) == 1
        self.max_points = settings.most_points
        self.executor, self.progress = settings.executor, settings.progress
        leads = self.crystal.leads
        if len(leads) != 2 or leads[0].side == leads[1].side:
            raise ArgumentError(
                f"Argument `behind` must leave one of two leads on each side, but of {len(leads)} leads "
                f"{sum(lead.side for lead in leads)} are behind it."
            )
        for lead in leads:
            if not lead.resolved:
                raise ArgumentError(
                    f"Argument `junction` must have leads that conserve spin, but lead {lead.number} does not."
                )
        self.potential = _potential(device, profile)
        self.shares = np.array([self.potential[at[0]] for at in device.system.lead_interfaces])
        self.m, self.magnets = (axes(self.crystal, self.turn) for axes in (lead_axes, magnet_axes))

    @property
    def order(self) -> list[int]:
        """The sides of leads 0 and 1."""
        return [lead.side for lead in self.crystal.leads]

    @property
    def angles(self) -> int:
        """Number of angles."""
        return len(self.m)

    def responses(
        self, V: Floats, mu: Floats, kT: tuple[float, float], rtol: float, equilibrium: bool
    ) -> Iterator[tuple[Part, Part | None]]:
        """Yield window and equilibrium part at biases (n,) and levels (n, 2, 2), the bar moving on.

        Components of the window, of every angle: I_αs (4), Q (3), torques (6). Of the equilibrium part: Q.
        """
        from tqdm import tqdm

        hide = None if self.progress is None else not self.progress
        with tqdm(unit="energy", delay=2.0, disable=hide) as bar:
            window = _Window(self, np.array(kT), rtol, bar, [len(V)])
            for bias, levels in zip(V.tolist(), mu, strict=True):
                problem = Problem(self.crystal.biased(bias * self.potential), self.turn)
                found = window.integrate(problem, levels)
                yield found, self._occupied(problem, levels, kT, rtol, found.size) if equilibrium else None

    def _occupied(self, problem: Problem, mu: Floats, kT: tuple[float, float], rtol: float, size: float) -> Part:
        """Return Q of the occupied states at the mean of the four occupations; equal ones are solved once."""
        known: dict[tuple[float, float], Part] = {}
        reservoirs = [(float(mu[lead, spin]), kT[lead]) for lead in (0, 1) for spin in (0, 1)]
        for one in reservoirs:
            if one not in known:
                known[one] = _exchange(problem, *one, self.k, rtol, self.max_points)
        parts = [known[one] for one in reservoirs]
        value, error, sizes = (
            np.mean([getattr(p, name) for p in parts], axis=0) for name in ("value", "error", "size")
        )
        _refuse_unconverged("equilibrium part", error, max(size, sizes), rtol)
        forward = 1.0 if self.order[0] == 0 else -1.0
        return Part(forward * value, float(error), float(sizes))


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


def _refuse_unconverged(what: str, error: float, size: float, rtol: float) -> None:
    if error > max(rtol * size, 1e-300):
        raise IntegrationError(
            f"The {what} did not reach rtol = {rtol:g}: its error is {error:.2g}, {error / max(size, 1e-300):.2g} of "
            "the integral of its modulus. Widen `rtol`, or raise `max_points` of an average."
        )


# ---------------------------------------------------------------------- the window
@dataclass(frozen=True, eq=False)
class _Window:
    """Integrals over the energies where reservoirs differ, of which ``ahead`` holds the number until cost is told."""

    system: BiasedCrystal
    kT: Floats
    rtol: float
    bar: Any
    ahead: list[int]

    def integrate(self, problem: Problem, mu: Floats) -> Part:
        """Integrate at the levels (2, 2) of one bias."""
        components = 13 * self.system.angles
        if self.kT[0] == self.kT[1] and not np.ptp(mu):
            return Part(np.zeros(components), 0.0, 0.0)
        # a mean over the zone is smooth between its splits, and costs a hundred times what a momentum does
        few = self.system.k is None and self.rtol >= FEW
        rule, cuts = (COARSE, FEW_CUTS) if few else (FINE, CUTS)
        integrand = _Integrand(self, problem, mu)
        value, error, size, low, high = np.zeros(components), 0.0, 0.0, np.inf, -np.inf
        for count, reach in enumerate(cuts[1:], 2):
            owner, lower, upper = self._pieces(problem, mu, cuts[:count])
            new = (upper <= low) | (lower >= high) | (low > high)
            integrand.expected = int(new.sum()) * len(rule.nodes) * (self.ahead.pop() if self.ahead else 0)
            goal = ENERGY * self.rtol
            pieces = owner[new], lower[new], upper[new]
            found = integrate(integrand, pieces, 1, components, rtol=goal, floor=goal * size, rule=rule)
            value, error, size = value + found.value[0], error + float(found.error[0]), size + float(found.size[0])
            low, high = lower.min(), upper.max()
            beyond = float(16 * problem.orbitals * self.kT.max() * np.exp(-reach))
            if beyond <= CONTOUR * self.rtol * size:
                break
        if not integrand.channels:
            raise NoOpenChannelError(
                "Arguments `bias` and `energy` must leave a window in a band of a lead, but no channel is open at any "
                f"energy between {mu.min():g} and {mu.max():g}. Look at the bands of the leads."
            )
        _refuse_unconverged("window", error + beyond, size, self.rtol)
        return Part(value, error + beyond, size)

    def _pieces(self, problem: Problem, mu: Floats, cuts: Sequence[float]) -> tuple[Indices, Floats, Floats]:
        """Return the pieces of the energy axis between which the integrand is smooth, or small."""
        width = np.repeat(self.kT[:, None], 2, axis=1)
        ends = [((mu - cut * width).min(), (mu + cut * width).max()) for cut in cuts]
        (low, high), (lowest, highest) = ends[0], ends[-1]
        level = [low + 2 * (mu.min() - low), high - 2 * (high - mu.max())]
        points = np.concatenate([mu[width == 0], np.ravel(ends), level if level[0] < level[1] else []])
        # at one momentum a band edge in the tails is as sharp as one between; a mean smooths it
        far = CUTS[0] if self.system.k is None else min(cuts[-1], max(CUTS[0], -np.log(TAIL * self.rtol)))
        tails = ((mu - far * width).min(), (mu + far * width).max())
        for split in self._splits(problem, low, high, tails).tolist():
            if not (abs(points - split) < NEAR * (high - low)).any():
                points = np.append(points, split)
        return cut_into_pieces([lowest], [highest], points[None])

    def _splits(self, problem: Problem, low: float, high: float, tails: tuple[float, float]) -> Floats:
        """Return band edges and van Hove points of the leads, and of one momentum sharp levels with their flanks.

        They are looked for as densely from ``low`` to ``high`` as beyond, as far as the ends ``tails``.
        """
        crystal, k = problem.crystal, self.system.k
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
            return count_levels(crystal, E, at(E), problem.turn)

        step = 1e-9 * (high - low)
        _, level, width = poles(
            levels,
            lambda _, E: log_determinants(crystal, E, at(E), problem.turn),
            jumps(levels, 1, grid, step, at_once(crystal))[1],
            step,
        )
        level, width = level[width < SHARP], width[width < SHARP]
        flanks = WIDTHS[None] * (0.3 * width[:, None] < WIDTHS)
        return np.concatenate(
            [splits, level, (level[:, None] + flanks)[flanks > 0], (level[:, None] - flanks)[flanks > 0]]
        )


def _mesh(dimensions: int) -> Floats:
    """Return momenta at which channels are counted, symmetry points among them, (points, dimensions)."""
    axes = [np.linspace(-np.pi, np.pi, MESH[min(dimensions, 2) - 1])] * dimensions
    return np.asarray(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, dimensions))


class _Integrand:
    """Currents, spin flux and torques at energies, weighted with the occupations.

    Attributes
    ----------
    channels : bool
        Whether any was open.
    expected : int
        Energies that the whole run will need at least.
    """

    def __init__(self, window: _Window, problem: Problem, mu: Floats) -> None:
        self.window, self.problem, self.mu = window, problem, mu
        self.channels, self.expected = False, 0

    def __call__(self, owner: Indices, energies: Floats) -> tuple[Floats, Floats]:
        flat = energies.ravel()
        values = np.empty((len(flat), 13 * self.window.system.angles))
        errors = np.empty(len(flat))
        for n, (E, (found, miss)) in enumerate(zip(flat.tolist(), self._solved(flat), strict=True)):
            values[n], errors[n] = self._weighted(E, found, miss)
            self.window.bar.update()
        return values.reshape(*energies.shape, -1), errors.reshape(energies.shape)

    def _solved(self, energies: Floats) -> Iterator[tuple[Any, Any]]:
        """Yield P, flux and torques of incoming states, and their errors, of each energy."""
        system, rtol = self.window.system, MEAN * self.window.rtol
        if system.k is not None:
            yield from self._at_momentum(energies, system.k)
            return
        begin = time.process_time()
        yield self._kept(_mean(self.problem, float(energies[0]), rtol, system.max_points))
        if self.expected:
            self._tell_cost(time.process_time() - begin)
        rest = energies[1:].tolist()
        if system.executor is None:
            found: Any = map(_mean, repeat(self.problem), rest, repeat(rtol), repeat(system.max_points))
        else:
            packed = self.problem.packed()
            found = system.executor.map(_mean_of, repeat(packed), rest, repeat(rtol), repeat(system.max_points))
        yield from map(self._kept, found)

    def _tell_cost(self, each: float) -> None:
        """Warn of a long run, once the first energy has been solved."""
        workers = getattr(self.window.system.executor, "_max_workers", 1)
        seconds, self.expected = each * self.expected / workers, 0
        why = f"every energy of every bias is a mean over the zone, {each:.1g} s"
        advice = f": {why}. A wider `rtol` or an `executor` costs less."
        warn_if_long(seconds, "The window", advice)

    def _kept(self, found: tuple[Any, Any]) -> tuple[Any, Any]:
        values, errors = found
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
            yield self._kept((values, {name: np.full(a.shape, float(bad[n])) for name, a in values.items()}))

    def _weighted(self, energy: float, found: Any, miss: Any) -> tuple[Floats, float]:
        """Return the components at an energy, and the largest error among them."""
        system = self.window.system
        difference = occupation_differences(np.array(energy), self.mu, self.window.kT)
        weight = difference.mean(axis=(-1, -2))
        along = np.array([1.0, -1.0])[:, None]  # positive along +y on both sides
        forward = 1.0 if system.order[0] == 0 else -1.0
        (P, flux, torques), (P_, flux_, torques_) = found, miss
        Q = np.einsum("as,gasx->gx", weight, flux[..., 1:])
        tau = np.einsum("as,gnasx->gnx", weight, torques)[:, system.order]
        parts = [(P * difference).sum(axis=(-1, -2)) * along, forward * Q, tau]
        values = np.concatenate([part.reshape(system.angles, -1) for part in parts], axis=1).ravel()
        w = abs(weight)
        misses = [
            (P_ * abs(difference)).sum(axis=(-1, -2)),
            np.einsum("as,gasx->gx", w, flux_[..., 1:]),
            np.einsum("as,gnasx->gnx", w, torques_),
        ]
        return values, max(float(part.max()) for part in misses)


def _mean(problem: Problem, energy: float, rtol: float, max_points: int) -> tuple[Any, Any]:
    """Return the means of probabilities, fluxes and torques over the zone, and their errors."""
    found = mean(problem, energy, [BASIC, TURNED], rtol=rtol, max_points=max_points)
    return found.values, found.errors


def _mean_of(packed: bytes, energy: float, rtol: float, max_points: int) -> tuple[Any, Any]:
    return _mean(unpacked(packed), energy, rtol, max_points)


# ---------------------------------------------------------------------- the occupied states
def _exchange(problem: Problem, mu: float, kT: float, k: Floats | None, rtol: float, max_points: int) -> Part:
    """Return the flux Q through the cut, front to back, of all states occupied at µ, components (angles, 3)."""
    floor = spectrum_floor(problem.crystal)
    contours: list[Integral] = []

    def observe(crystal: Crystal, solved: Any, turn: Turn | None, at: Floats) -> Sequence[Any]:
        rows = len(at)

        def solve(owner: Indices, z: Complex) -> Complex:
            found = exchange_integrand(crystal, z.ravel(), np.repeat(at[owner], z.shape[1], axis=0), turn)
            return found.reshape(*z.shape, -1)

        found = contour(
            solve, np.full(rows, mu), kT, np.full(rows, floor), CONTOUR * rtol, components=3 * problem.angles
        )
        contours.append(found)
        return [-4 * found.value.reshape(rows, problem.angles, 3)]

    if k is None:
        found = mean(problem, mu, [Observable(observe, {"Q": ()})], rtol=ENERGY * rtol, max_points=max_points)
        value, error = found.values["Q"], float(found.errors["Q"].max())
    else:
        value, error = observe(problem.crystal, None, problem.turn, k)[0][0], 0.0
    error += 4 * max(float(part.error.max()) for part in contours)
    size = 4 * max(float(part.size.max()) for part in contours)
    return Part(value.ravel(), error, size)
