r"""Where the phenomenology holds: its error for a whole family of junctions, and the one number that controls it.

Feed equations (3) and (4) of Chui and Lin (2003) with what two collinear measurements give, T_ss' = R_ss'² D_ss', and
compare with exact scattering. `validity_map` does so on a grid of barriers, angles and magnets, at one k∥ or averaged
over the Brillouin zone; the module `collapse` asks which quantity the error follows.

**The error in closed form.** In the exact probabilities of two halves and one rotation (the module `halves`, equations
(a) to (c)) the angle Φ enters through one complex number, the spin contrast of a round trip between the magnets,

    z = (u_+ - u_-)(w_+ - w_-)/(d_++ d_--),    d_ss' = 1 - u_s w_s',    D(Φ)/D(0) = 1 + z sin² Φ/2,               (a)

so that at one k∥ the tunnelling factors taken from Φ = 0 and π miss the exact T_ss'(Φ) by

    R_ss'² D_ss'/T_ss' = |1 + z sin² Φ/2|² (equal labels),  |1 + z sin² Φ/2|²/|1 + z|² (opposite labels).            (b)

Spin-flip reflection, which (3) and (4) leave out, is R^L_+- = r_L sin² Φ/(4 |1 + z sin² Φ/2|²) with
r_L = (2 Im u_+)(2 Im u_-) |w_+ - w_-|²/|d_++ d_--|², and its mirror image. To leading order, theory minus exact is

    δJ_M^L = (sin² Φ)/4 × {Σ_ss' s' δ D_ss' (µ_Ls - µ_Rs') - 2 r_L (µ_L+ - µ_L-)},
    δJ_M^R = (sin² Φ)/4 × {Σ_ss' s  δ D_ss' (µ_Ls - µ_Rs') + 2 r_R (µ_R+ - µ_R-)},                                  (c)

    δ = 2 (D_++ D_-- - D_+- D_-+)/(D_++ D_-- + D_+- D_-+) = 2 Re z + O(z²).

All terms are linear in quantities of one k∥: (c) is averaged over the zone as it stands, with δ at each k∥. Behind a
uniform barrier z = e^{-2κd} (ρ_L+ - ρ_L-)(ρ_R+ - ρ_R-) to leading order, with the reflections ρ of
`theory.tunnelling`: one more passage through the barrier and back, times how differently each magnet reflects the two
spins. Without spin accumulation and with D_ss' = f_Ls f_Rs' e^{-2κd}, P = (f_+ - f_-)/(f_+ + f_-), the law reads

    δJ_M^L/J = Re z sin² Φ P_R/(1 + P_L P_R cos Φ),    δJ_M^R/J = Re z sin² Φ P_L/(1 + P_L P_R cos Φ).               (d)
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import halves
from ..arrays import Floats, Side
from ..checks import choice, is_average, number_or_axis, one_bias
from ..errors import ArgumentError
from ..halves import zone
from ..halves.batch import Stack
from ..halves.round_trip import ratio, round_trip
from ..model.junction import Junction
from ..model.plane import band_shift
from ..quantities import Quantity, quantities
from ..spin import unit_vector
from ..theory import tunnelling
from .executors import open_pool, ordered
from .family import call_family, check_family, facts_of, units_of
from .tables import points_of, provenance, split_axes, table

if TYPE_CHECKING:
    import xarray as xr

#: What can be mapped: name -> what it is an error of.
ERRORS = {
    "tunnelling": "error of (3), (4) with T = R²D from collinear data",
    "rotation": "part of it from T = R²D",
    "reflection": "error of (3), (4) with the exact T: spin-flip reflection",
    "conserved": "error of (1), one conserved current",
    "t0": "error of t0 as the torque on both magnets",
}
#: What is given with every map.
CONTROLS = quantities("conductance transmission decay round_trip factorization_defect angle", "e^2/h per cell")
#: Relative accuracy asked of the k∥ average.
RTOL = 1e-6
#: Points of c per junction after which it is left as it is: only wells with sharp resonances need more.
MAX_POINTS = 20_000
#: Junctions solved together.
BATCH = 256
#: Points evaluated together, three directions each: the working set stays in the second-level cache.
CHUNK = 1024
SIDES: tuple[Side, Side] = ("left", "right")
#: Torques below this part of the current are rounding.
ROUNDING = 1e-12


@dataclass(frozen=True)
class _Batch:
    """Junctions with equal numbers of planes: arrays [junction, direction (its own, parallel, antiparallel)]."""

    stack: Stack
    spacer: slice
    hopping: Floats  # of the planes of the spacer, [junction, plane]

    @classmethod
    def of(cls, junctions: Sequence[Junction]) -> _Batch:
        stack = Stack.from_junctions([[junction] for junction in junctions])
        left, right = stack.m[..., 0, :], stack.m[..., 1, :]
        directions = np.concatenate(np.broadcast_arrays(right, left, -left), axis=1)
        spacer = spacer_planes(junctions[0])
        hopping = np.array([[plane.hopping for plane in junction.planes[spacer]] for junction in junctions])
        return cls(stack.with_directions(left, directions), spacer, hopping)

    def take(self, index: NDArray[np.intp]) -> _Batch:
        """Return a batch with one row per entry of ``index``."""
        arrays = {name: getattr(self.stack, name) for name in self.stack.__dataclass_fields__ if name != "cut"}
        rows = {name: array if len(array) == 1 else array[index] for name, array in arrays.items()}
        return _Batch(replace(self.stack, **rows), self.spacer, self.hopping[index])

    def splits(self, energy: Floats) -> Floats:
        """Return where the average over c has kinks: channels that open, and the band edge of each plane."""
        edges = zone.thresholds(self.stack, energy[:, None])[:, 0]
        onsite, t = self.stack.onsite[:, 0, self.spacer], 2 * self.stack.in_plane[:, 0, self.spacer]
        offset = onsite - 2 * self.hopping - energy[:, None]
        bands = np.divide(offset, t, out=np.full(offset.shape, 2.0), where=t != 0)
        shape = (len(energy), edges.shape[1])
        return np.concatenate([np.broadcast_to(edges, shape), np.clip(bands, -2.0, 2.0)], axis=1)

    def decay(self, energy: Floats, c: Floats) -> Floats:
        """Return exp(-2κd), planes in whose band the energy lies not counting."""
        onsite, t = self.stack.onsite[:, 0, self.spacer], self.stack.in_plane[:, 0, self.spacer]
        level = np.maximum(onsite - 2 * t * c[:, None], energy[:, None] + 2 * self.hopping)
        return np.asarray(np.exp(-2 * tunnelling.lattice_exponent(level, energy, self.hopping)))


def spacer_planes(junction: Junction) -> slice:
    """Return the nonmagnetic planes around the cut of two halves."""
    magnetic, behind = np.flatnonzero(junction.plane_splitting > 0), (junction.cut or 0) + 1
    before = magnetic[magnetic < behind].max(initial=-1)
    return slice(int(before) + 1, int(magnetic[magnetic >= behind].min(initial=len(junction.planes))))


def _check(junction: Junction) -> None:
    """Refuse what equations (1) to (4) do not describe."""
    if junction.cut is None or not all(lead.is_magnetic for lead in junction.leads):
        raise ArgumentError(
            "Argument `family` must return junctions of two magnetic leads, each collinear with all magnetic planes "
            "on its side, but it does not. Equations (1) to (4) have one magnetization on each side."
        )


#: Columns of what is averaged over k∥.
T, D, DEFECT, FLIPS, R, WEIGHTED = (slice(0, 4), slice(4, 8), slice(8, 12), slice(12, 14), slice(14, 16), slice(16, 19))
COLUMNS = 19


def _columns(batch: _Batch, index: NDArray[np.intp], energy: Floats, c: Floats) -> Floats:
    """Return all that the errors are made of, each linear in what one k∥ contributes, shape (points, COLUMNS)."""
    columns = np.empty((len(index), COLUMNS))
    for start in range(0, len(index), CHUNK):
        part = slice(start, start + CHUNK)
        columns[part] = _chunk(batch.take(index[part]), energy[part], c[part])
    return columns


def _chunk(batch: _Batch, energy: Floats, c: Floats) -> Floats:
    P = halves.probabilities(batch.stack, energy[:, None], c[:, None])
    transmissions = np.swapaxes(P[..., 1, :, 0, :], -1, -2)
    factors = tunnelling.spin_factors_from_collinear(transmissions[:, 1], transmissions[:, 2])
    trip = round_trip(batch.stack, energy[:, None], c[:, None])
    flips = [P[:, 0, lead, 0, lead, 1] + P[:, 0, lead, 1, lead, 0] for lead in (0, 1)]
    mean = factors.mean(axis=(-1, -2))
    return np.asarray(
        np.concatenate(
            [
                transmissions[:, 0].reshape(-1, 4),
                factors.reshape(-1, 4),
                trip.defect * factors.reshape(-1, 4),
                np.stack([*flips, trip.flip_left[:, 0], trip.flip_right[:, 0]], axis=-1),
                mean[:, None] * np.stack([mean, batch.decay(energy, c), trip.contrast[:, 0]], axis=-1),
            ],
            axis=-1,
        )
    )


def _solve(junctions: Sequence[Junction], energies: Floats, c: float | None) -> tuple[Floats, float]:
    """Return the columns at one band shift, or averaged over the zone, and the worst relative error of the average.

    Shape (junctions, energies, COLUMNS).
    """
    batch = _Batch.of(junctions)
    row, column = (index.ravel() for index in np.indices((len(junctions), len(energies))))
    energy = energies[column]
    shape = (len(junctions), len(energies), COLUMNS)
    if c is not None:
        return _columns(batch, row, energy, np.full(len(energy), c)).reshape(shape), 0.0

    def function(at: Floats, problem: NDArray[np.intp]) -> Floats:
        return _columns(batch, row[problem], energy[problem], at)

    average = zone.average(function, batch.take(row).splits(energy), rtol=RTOL, max_points=MAX_POINTS, strict=False)
    size = abs(average.value[:, T]).sum(axis=-1)
    missed = np.divide(average.error[:, T].max(axis=-1), size, out=np.zeros_like(size), where=size > 0)
    return average.value.reshape(shape), float(missed.max(initial=0.0))


# ---------------------------------------------------------------------- errors
@dataclass(frozen=True)
class _Measured:
    """Columns of all points, with the angle and the potentials; currents have a trailing axis [side]."""

    columns: Floats
    angle: Floats
    mu: Floats  # [lead, spin]

    def matrix(self, part: slice) -> Floats:
        """Return four columns as [..., s, s']."""
        return self.columns[..., part].reshape(*self.angle.shape, 2, 2)

    def two_currents(self, probabilities: Floats) -> Floats:
        """Return (3) and (4)."""
        sides = [tunnelling.magnetization_current(probabilities, self.mu[0], self.mu[1], side) for side in SIDES]
        return np.stack(sides, axis=-1)

    def scale(self, probabilities: Floats) -> Floats:
        """Return Σ_ss' T_ss' |µ_Ls - µ_Rs'|: the charge current, if all four channels flow the same way."""
        return np.asarray((probabilities * abs(self.mu[0][:, None] - self.mu[1])).sum(axis=(-1, -2)))

    def reflected(self, flips: Floats) -> Floats:
        """Return what spin-flip reflection adds to (3) and (4), given its sum over both spins, shape (..., side)."""
        return np.asarray(flips * (self.mu[:, 0] - self.mu[:, 1]) * [1, -1])

    @cached_property
    def rotated(self) -> Floats:
        """R_ss'² D_ss'."""
        return tunnelling.rotation_law(self.matrix(D), self.angle)

    @cached_property
    def exact(self) -> Floats:
        """J_M on both sides."""
        return self.two_currents(self.matrix(T)) + self.reflected(self.columns[..., FLIPS])

    @property
    def conserved(self) -> Floats:
        """J_M of equation (1) with α_s = β_s = s R_ss² D_ss, for both sides."""
        alpha, beta = tunnelling.collinear_coefficients(self.rotated)
        return tunnelling.conserved_magnetization_current(alpha, beta, *self.mu)[..., None]

    def error(self, kind: str, leading: bool = False) -> Floats:
        """Return one of `ERRORS`, or the same to leading order, from collinear data and a round trip."""
        paper, transmitted = self.two_currents(self.rotated), self.two_currents(self.matrix(T))
        scale = self.scale(self.rotated if leading else self.matrix(T))
        if kind == "t0":
            return _torque_error(paper if leading else self.exact, self.angle, scale)
        rotation, reflection, both = paper - transmitted, transmitted - self.exact, paper - self.exact
        if leading:  # both terms of equation (c), the first being (4) and (3) with δ D_ss' for T_ss', sides exchanged
            turning = np.sin(self.angle)[..., None] ** 2 / 4
            rotation = turning * self.two_currents(self.matrix(DEFECT))[..., ::-1]
            reflection = -turning * self.reflected(2 * self.columns[..., R])
            both = rotation + reflection
        conserved = both + self.conserved - paper if leading else self.conserved - self.exact
        found = {"tunnelling": both, "rotation": rotation, "reflection": reflection, "conserved": conserved}
        return _part(abs(found[kind]).max(axis=-1), scale)  # the larger one of both sides, per current

    def controls(self) -> dict[str, Floats]:
        """Return what is listed in `CONTROLS`."""
        factors, weighted = self.matrix(D), self.columns[..., WEIGHTED]
        mean = factors.mean(axis=(-1, -2))[..., None]
        means = np.where(mean > 0, ratio(weighted, mean), np.nan)
        return {
            "conductance": self.matrix(T).sum(axis=(-1, -2)),
            "transmission": means[..., 0],
            "decay": means[..., 1],
            "round_trip": means[..., 2],
            "factorization_defect": abs(tunnelling.factorization_defect(factors)),
            "angle": self.angle,
        }


def _part(error: Floats, of: Floats, above: Any = 0.0) -> Floats:
    """Return what part an error is, NaN where it is of nothing."""
    part: Floats = np.full(of.shape, np.nan)
    return np.divide(error, of, out=part, where=of > above)


def _torque_error(J_M: Floats, angle: Floats, scale: Floats) -> Floats:
    """Return ||t0| - |τ||/max(|t0|, |τ|) with τ = J_M^L m_L - J_M^R m_R, NaN where there is neither."""
    t0 = abs(tunnelling.implicit_torque(J_M[..., 0], J_M[..., 1]))
    torque = np.linalg.norm(
        tunnelling.vector_torque(J_M[..., 0], J_M[..., 1], unit_vector(0.0), unit_vector(angle)), axis=-1
    )
    return _part(abs(t0 - torque), np.maximum(t0, torque), ROUNDING * scale)


# ---------------------------------------------------------------------- the map
def validity_map(
    family: Callable[..., Junction],
    *,
    error: str | Sequence[str] = "tunnelling",
    energy: ArrayLike = 0.0,
    k: ArrayLike | str | None = None,
    mu_left: ArrayLike = 0.5,
    mu_right: ArrayLike = -0.5,
    workers: int | None = 1,
    executor: Executor | Callable[[], Executor] | None = None,
    progress: bool | None = None,
    **axes: Any,
) -> xr.Dataset:
    r"""Map the relative error of the phenomenology over the parameters of a family.

    **Result**: For each error a variable of its name and ``<name>_leading_order``, equation (c) of this module. Always:
    the exact ``magnetization_current``, and what could control the error, ``conductance``, ``transmission``, ``decay``,
    ``round_trip``, ``factorization_defect`` and ``angle``. NaN where no current flows.

    Parameters
    ----------
    family
        A function of parameters that returns a `Junction` of two magnetic leads.
    error
        Which error, or several of them:

        - ``"tunnelling"``: equations (3), (4) fed with the collinear junctions, T_ss' = R_ss'² D_ss' with D from
          Φ = 0 and π, against exact linear response. It is the sum of the next two (before absolute values).
        - ``"rotation"``: the same against (3), (4) with the exact T_ss'(Φ).
        - ``"reflection"``: (3), (4) with the exact T_ss'(Φ), without the spin-flip reflection.
        - ``"conserved"``: equation (1), one J_M for both sides, with α_s = β_s = s R_ss² D_ss: the mean of (3), (4).
        - ``"t0"``: the scalar t0 a = J_M^R - J_M^L, with the exact J_M, against the length of the torque vector both
          magnets take up, τ = τ_L + τ_R = J_M^L m_L - J_M^R m_R: ||t0| - |τ||/max(|t0|, |τ|). It is 1 where t0 sees
          nothing of a torque (identical magnets) or makes one up (antiparallel magnets), 0 if it has its length, and
          NaN if there is neither (parallel magnets). Field-like torques cancel in the sum and are not counted.

        The first four are the larger error of both sides in units of the current
        Σ_ss' T_ss' |µ_Ls - µ_Rs'|: the charge current, if all spin channels flow the same way.
    energy
        One energy or a 1D array of them, in the junction's unit.
    k
        In-plane wave vector (kx, kz) in 1/a, None for Γ, or ``"average"`` over the Brillouin zone. Averages of T and D
        are compared, as an experiment would.
    mu_left, mu_right
        Chemical potentials (µ_+, µ_-) along each lead's own m, or one number for both spins. Only their ratios matter.
    progress, workers, executor, **axes
        As of `sweep`.

    Notes
    -----
    **Validity**: linear response of clean junctions, by the exact engine `halves`. An average is converged to 1e-6
    unless the attribute ``average_error`` says otherwise.

    Examples
    --------
    >>> import numpy as np
    >>> import kwant_spinjunc as sj
    >>> def junction(theta=np.pi / 2, height=2.0, right=2.0):
    ...     iron = dict(onsite=1.0, hopping=1.0)
    ...     return sj.Junction(
    ...         sj.ferromagnet(**iron, splitting=1.0),
    ...         [sj.barrier(onsite=1.0 + height, hopping=1.0, thickness=4)],
    ...         sj.ferromagnet(**iron, splitting=right, m=sj.unit_vector(theta)))
    >>> data = validity_map(junction, energy=0.0, height=[2.0, 4.0], theta=[0.0, 1.0, 2.0], progress=False)
    >>> data.tunnelling.dims, bool((data.tunnelling[:, 0] < 1e-12).all())
    (('height', 'theta'), True)
    >>> bool(abs(data.tunnelling / data.tunnelling_leading_order - 1)[:, 1:].max() < 1e-2)
    True
    """
    from tqdm import tqdm

    check_family(family, ("error", "energy", "k", "mu_left", "mu_right", "progress", "workers", "executor"))
    kinds = [choice("error", kind, ERRORS) for kind in ([error] if isinstance(error, str) else error)]
    swept, fixed = split_axes(axes)
    energies = number_or_axis("energy", energy)
    taken = {*ERRORS, "energy"} & set(axes)
    if taken:
        raise ArgumentError(f"Argument `family` must not have a parameter named like a result, but has {min(taken)!r}.")
    mu = one_bias(mu_left, mu_right)
    c = None if is_average("k", k) else float(band_shift(k))

    shape = tuple(len(values) for values in swept.values())
    count = math.prod(shape)
    columns = np.empty((count, energies.size, COLUMNS))
    angle = np.empty((count, 1))
    missed = 0.0

    def task(group: list[tuple[int, Junction]]) -> tuple[list[int], tuple[Any, ...]]:
        return [index for index, _ in group], ([junction for _, junction in group], np.atleast_1d(energies), c)

    def tasks() -> Iterator[tuple[list[int], tuple[Any, ...]]]:
        pending: dict[Any, list[tuple[int, Junction]]] = {}
        for index, (_, values) in enumerate(points_of(swept)):
            junction = call_family(family, **fixed, **values)
            _check(junction)
            angle[index] = junction.angle
            spacer = spacer_planes(junction)
            alike = (len(junction.planes), junction.cut, spacer.start, spacer.stop)
            pending.setdefault(alike, []).append((index, junction))
            if len(pending[alike]) * energies.size >= BATCH:
                yield task(pending.pop(alike))
        yield from map(task, pending.values())

    with (
        tqdm(total=count, unit="junction", disable=None if progress is None else not progress) as bar,
        open_pool(executor, workers) as pool,
    ):
        for indices, (found, worst) in ordered(pool, _solve, tasks()):
            columns[indices] = found
            missed = max(missed, worst)
            bar.update(len(indices))

    whole = (*shape, *energies.shape)
    angles = np.broadcast_to(angle, (count, energies.size)).reshape(whole)
    measured = _Measured(columns.reshape(*whole, COLUMNS), angles, mu)
    facts = provenance(
        title=f"validity of the phenomenology for {getattr(family, '__name__', 'family')}",
        **facts_of(family, swept, fixed),
        k=k if isinstance(k, str) else json.dumps(None if k is None else np.asarray(k, dtype=float).tolist()),
        mu_left=mu[0].tolist(),
        mu_right=mu[1].tolist(),
        solver="halves",
        average_error=missed,
    )
    return _dataset(measured, kinds, {**swept, "energy": energies}, facts, units_of(family))


def _dataset(
    measured: _Measured,
    kinds: Sequence[str],
    axes: Mapping[str, NDArray[Any]],
    facts: Mapping[str, Any],
    units: Mapping[str, str],
) -> xr.Dataset:
    schema = {**CONTROLS, **quantities("magnetization_current", "e^2/h per cell x mu")}
    values = {**measured.controls(), "magnetization_current": measured.exact}
    for kind in kinds:
        schema[kind], values[kind] = Quantity((), "1", ERRORS[kind]), measured.error(kind)
        schema[f"{kind}_leading_order"] = Quantity((), "1", f"{ERRORS[kind]}, to leading order")
        values[f"{kind}_leading_order"] = measured.error(kind, leading=True)
    return table(schema, axes, facts, values, units=units)
