r"""Where a junction's answer is rough in energy or k∥: channels that open, resonances, levels that cross a band edge.

Integrals are split there. A resonance adds one state to the number of states below, -(1/π) Im ln det(E - H), however
narrow it is: that is how it is found without a diagonalization, for many junctions at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..arrays import Complex, Floats
from ..checks import finite, finite_array, number_or_axis
from ..errors import ArgumentError
from ..model.junction import Junction
from ..spin import SIGNS
from .batch import SCALARS, Stack, as_stack
from .solver import log_det

#: Part of the spin that the halves share from which on they count as parallel.
EQUAL = 0.499
#: States so near an opening are told apart by the nodes next to it.
AT_END = 1e-9
#: Cells of the first look for resonances, into how many a suspicious one is cut, and how many states more make it so.
GRID, SECTIONS, STEP = 8, 16, 0.25
#: Intervals are cut at resonances narrower than this part of them; after so many cuts a cell is as sharp as numbers.
SHARP, LEVELS = 16, 13
#: States in a cell from which on they are several.
SEVERAL = 1.5


def split_points(problem: Junction | Stack, energy: ArrayLike) -> Floats:
    """Return the band shifts at which a mean over the zone is split: `thresholds`, and of one junction `resonances`.

    ``problem``: a junction, or a stack whose members are averaged together.
    ``energy``: energies, shape () or (problems,): one mean each.

    **Result**: shape (n,) or (problems, n): Padded with 2, the end of the zone.
    """
    stack = as_stack(problem)
    E = number_or_axis("energy", energy)
    # planes of the leads bind no state
    bare = replace(problem, buffer=1) if isinstance(problem, Junction) and problem.bonds is None else problem
    axes = (1,) * len(stack.shape)
    rows = []
    for value in np.atleast_1d(E):
        edges = np.unique(thresholds(stack, np.full(axes, value)))
        rows.append(np.concatenate([edges, resonances(bare, value)]) if _is_single(stack) else edges)
    width = max(len(row) for row in rows)
    split: Floats = np.array([np.append(row, np.full(width - len(row), 2.0)) for row in rows])
    return split if E.ndim else split[0]


def thresholds(junction: Junction | Stack, energy: ArrayLike) -> Floats:
    """Return the band shifts at which a lead's spin channel opens or closes, in [-2, 2].

    ``junction``: a junction, or a stack whose batch shape broadcasts with ``energy``, shape (...).

    **Result**: shape (..., 8), unordered; those outside of the zone, or without in-plane hopping, moved to its edge.

    Examples
    --------
    >>> from kwant_spinjunc.model.junction import Junction, barrier, ferromagnet
    >>> iron = ferromagnet(onsite=0.0, hopping=1.0, splitting=1.0, in_plane_hopping=1.0)
    >>> thresholds(Junction(iron, [], iron), -2.0)[:4].tolist()
    [-0.25, 1.75, 0.25, 2.0]
    """
    stack = as_stack(junction)
    E = finite_array("energy", energy)[..., None, None, None]
    center = stack.lead_onsite[..., None] - SIGNS * stack.lead_splitting[..., None] / 2
    edges = center[..., None] + 2 * stack.lead_hopping[..., None, None] * np.array([-1.0, 1.0])
    t = 2 * stack.lead_in_plane[..., None, None]
    c = np.divide(edges - E, t, out=np.full(np.broadcast_shapes(edges.shape, E.shape, t.shape), 2.0), where=t != 0)
    clipped: Floats = np.clip(c.reshape(*c.shape[:-3], 8), -2.0, 2.0)
    return clipped


def resonances(junction: Junction | Stack, energy: float) -> Floats:
    """Return the band shifts near which sharp resonances are to be expected, shape (n,).

    ``junction``: a junction, or a stack of one junction at many angles.

    **Result**: Where the number of states steps, see `sharp_steps`, in the parts of the zone where a channel is open.
    Of two collinear halves the states of each spin of the parallel junction are counted (of the antiparallel one beyond
    90 degrees): bound states included, which a small angle makes resonances as narrow as the angle squared, and which
    at larger angles are near theirs by no more than about their width.
    """
    stack = as_stack(junction)
    if not _is_single(stack):
        raise ArgumentError(f"Argument `junction` must be a single junction, but has batch shape {stack.shape}.")
    if not stack.dispersive:
        return np.zeros(0)
    energy = finite("energy", energy)
    ends = np.unique(np.append(thresholds(stack, np.full((1,) * len(stack.shape), energy)), [-2.0, 2.0]))
    low, high = ends[:-1], ends[1:]
    bands = lead_edges(stack, (low + high) / 2).reshape(-1, 4, 2)
    open_ = ((bands[..., 0] < energy) & (energy < bands[..., 1])).any(axis=1)
    low, high = low[open_], high[open_]
    if stack.cut is None:
        single = stack.rows(np.zeros(1, dtype=np.intp))

        def states(owner: NDArray[np.intp], c: Floats) -> Floats:
            return states_below(single, np.full(c.shape, energy), c)

        pairs = 1
    else:
        same = abs(stack.rotation[0, 0]) ** 2
        kinds = [(same >= EQUAL).any(), (same <= 1 - EQUAL).any()]
        signs = [sign for sign, wanted in zip((1, -1), kinds, strict=True) if wanted]
        spins = np.array([(s, s * sign) for sign in signs for s in (1, -1)])
        pairs = len(spins)
        count = len(low)

        def states(owner: NDArray[np.intp], c: Floats) -> Floats:
            return states_of_one_spin(stack, energy, spins[owner // count], c)

    # many sections and few levels: what a level costs is Python
    steps = sharp_steps(states, np.tile(low, pairs), np.tile(high, pairs), sections=64, levels=6)
    found = np.unique(steps)
    return np.asarray(found[(abs(found[:, None] - ends) > AT_END).all(axis=1)])


def _is_single(stack: Stack) -> bool:
    """Whether all members are one junction, at several angles if it has two collinear halves."""
    return int(np.prod(stack.shape if stack.cut is None else stack.parameter_shape)) == 1


def states_of_one_spin(stack: Stack, energy: float, spins: NDArray[np.intp], c: Floats) -> Floats:
    """Return the states below the energy of electrons that keep their spin in both halves.

    ``stack``: two collinear halves; batch axes of directions only.
    ``spins``: the spin in either half, 1 or -1, shape (n, 2).
    ``c``: shape (n, points).
    """
    cut = stack.cut or 0
    one = {name: getattr(stack, name).reshape(-1) for name in SCALARS}
    half = np.where(np.arange(stack.planes) <= cut, 0, 1)

    def level(which: str, n: int, side: int) -> Floats:
        e: Floats = energy - one[which + "onsite"][n] + 2 * one[which + "in_plane"][n] * c
        e += spins[:, side, None] * one[which + "splitting"][n] / 2
        return e

    def surface(side: int) -> Complex:
        e, t = level("lead_", side, side), one["lead_hopping"][side]
        square = (2 * t - e) * (2 * t + e)
        root = np.sqrt(abs(square))
        return np.asarray(np.where(square > 0, (e - 1j * root) / 2, 2 * t * t / (e + np.copysign(root, e))))

    angle = np.zeros(c.shape)
    with np.errstate(all="ignore"):
        back = surface(0)
        for n in range(stack.planes):
            pivot = level("", n, half[n]) - back
            if n == stack.planes - 1:
                pivot -= surface(1)
            else:
                back = one["bonds"][n] ** 2 / pivot
            angle += np.arctan2(np.maximum(pivot.imag, 0.0), pivot.real)
    return -angle / np.pi


def window_kinks(stack: Stack, mu: Floats) -> Floats:
    """Return the band shifts c where a channel opens, or a sharp resonance lies, at one of the energies.

    And where a resonance leaves a band: outside of it it is a bound state, and no part of a window.

    ``stack``: one row per row of ``mu``, see `Stack.rows`.
    ``mu``: energies, shape (rows, count).

    **Result**: shape (rows, n): Padded with 2, the end of the zone.
    """
    opening = thresholds(stack, mu).reshape(len(mu), -1)
    texture = stack.as_texture()

    def at_potentials(owner: NDArray[np.intp], c: Floats) -> Floats:
        row, column = np.divmod(owner, mu.shape[1])
        return states_below(texture.rows(row), np.broadcast_to(mu[row, column, None], c.shape), c)

    def at_edges(owner: NDArray[np.intp], c: Floats) -> Floats:
        row, column = np.divmod(owner, 8)
        repeated = texture.rows(np.repeat(row, c.shape[1]))
        edges = lead_edges(repeated, c.ravel()).reshape(*c.shape, 8)
        energy = np.take_along_axis(edges, column[:, None, None], axis=2)[..., 0]
        return states_below(texture.rows(row), energy, c)

    sharp = []
    for function, count in ((at_potentials, mu.shape[1]), (at_edges, 8)):
        end = np.full(len(mu) * count, 2.0)
        sharp.append(sharp_steps(function, -end, end).reshape(len(mu), -1))
    return np.concatenate([opening, *sharp], axis=1)


def states_below(texture: Stack, energy: Floats, c: Floats) -> Floats:
    """Return N(E) = -(1/π) Im ln det(E - H), the states of the planes below E up to a constant.

    Of all planes at once: in that of two halves the steps of the whole and the poles of the halves compensate.
    """
    return np.asarray(-log_det(texture, energy, c).imag / np.pi)


def sharp_steps(
    states: Callable[[NDArray[np.intp], Floats], Floats],
    low: Floats,
    high: Floats,
    *,
    flanks: bool = False,
    sections: int = SECTIONS,
    levels: int = LEVELS,
) -> Floats:
    r"""Return where resonances lie that are too sharp for the nodes of a quadrature.

    A resonance adds one state, and even one of no width carries spin between the magnets. Steps in the number of states
    are bracketed on a coarse grid, and the brackets cut until they are as narrow as the steps.

    ``states``: function of the owner of each of n intervals, shape (n,), and of points in them, (n, points), that
    returns the number of states there.
    ``low``, ``high``: ends of one interval per owner, shape (owners,).
    ``flanks``: whether to add points on both sides, from the width of the resonance outwards by factors of 16: a
    Lorentzian is smooth between them.
    ``sections``, ``levels``: into how many parts a cell is cut, and how often.

    **Result**: shape (owners, n): Rows are padded with ``high``.
    """
    rows = np.flatnonzero(high > low)
    count = GRID
    owner, left, right = rows, low[rows], high[rows]
    gain = np.full(len(rows), np.inf)
    found: list[tuple[NDArray[np.intp], Floats, Floats]] = []
    for level in range(levels):
        if not len(owner):
            break
        grid = left[:, None] + (right - left)[:, None] * np.linspace(0, 1, count + 1)
        steps = np.diff(states(owner, grid))
        resolved = abs(steps).max(axis=1) < 0.75 * abs(gain) if level else np.full(len(owner), False)
        width = (right - left) / 2
        # several states that a cell shows smoothly are broader than their spacing: no one of them is sharp
        narrow = resolved & (abs(gain) < SEVERAL) & (width < (high - low)[owner] / SHARP)
        place = steps.argmax(axis=1)
        here = np.arange(len(owner))
        found.append(tuple(x[narrow] for x in (owner, (grid[here, place] + grid[here, place + 1]) / 2, width)))  # type: ignore[arg-type]
        # what is resolved may still hide something sharper: a whole state
        row, cell = np.nonzero(abs(steps) > np.where(resolved, 0.8, STEP)[:, None])
        owner, left, right, gain = owner[row], grid[row, cell], grid[row, cell + 1], steps[row, cell]
        count = sections
    found.append((owner, (left + right) / 2, right - left))  # sharper than numbers resolve
    owner, places, width = (np.concatenate(column) for column in zip(*found, strict=True))
    if flanks:
        distance = width[:, None] * np.concatenate([[0.0], 16.0 ** np.arange(10), -(16.0 ** np.arange(10))])
        near = abs(distance) < (high - low)[owner, None]
        owner, places = np.repeat(owner, near.sum(axis=1)), (places[:, None] + distance)[near]
    return _padded(owner, places, high)


def _padded(owner: NDArray[np.intp], values: Floats, padding: Floats) -> Floats:
    """Return values sorted into rows, shape (len(padding), longest), with each row's padding."""
    order = np.argsort(owner, kind="stable")
    owner, values = owner[order], values[order]
    count = np.bincount(owner, minlength=len(padding))
    position = np.arange(len(owner)) - np.repeat(np.cumsum(count) - count, count)
    out: Floats = np.repeat(padding[:, None], count.max(initial=0), axis=1)
    out[owner, position] = values
    return out


def lead_edges(stack: Stack, c: Floats) -> Floats:
    """Return the ends of the four lead bands of a flat batch of stacks, shape (n, 8) = [left, right] × spin × end."""

    def of_leads(name: str) -> Floats:
        array: Floats = getattr(stack, name)
        return array.reshape(-1, 2)

    center = of_leads("lead_onsite") - 2 * of_leads("lead_in_plane") * c.reshape(-1, 1)
    levels = center[..., None] - SIGNS * of_leads("lead_splitting")[..., None] / 2
    edges: Floats = levels[..., None] + 2 * of_leads("lead_hopping")[..., None, None] * np.array([-1.0, 1.0])
    return edges.reshape(len(edges), 8)
