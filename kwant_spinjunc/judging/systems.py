"""Exact numbers of Kwant systems: a function of the angle, or one system with a cut behind which all turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from ..arrays import Floats
from ..checks import finite_array
from ..crystals.observe import magnet_axes
from ..crystals.problem import ALONG
from ..crystals.scatter import scatter_crystal
from ..devices.device import as_device
from ..devices.spin_channels import is_magnetic
from ..errors import ArgumentError
from ..magnets.parameters.response import place_of
from ..scattering import scatter
from ..spin import angle_between
from .clean import NO_MAGNET
from .evidence import Evidence, Problem

#: Settings that are of the `Device`.
OF_DEVICE = ("spin", "magnetizations", "cuts", "magnets", "exchange", "barriers")
#: The angle of a family and that of the leads it returns agree to this.
SAME_ANGLE = 1e-6


def _refuse_leads(count: int) -> None:
    if count != 2:
        raise ArgumentError(
            f"Argument `junction` must be of two leads, but has {count}: the laws have two sides. Judge pairs of leads "
            "by detaching the others."
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Systems(Problem):
    """A family of Kwant systems at one energy."""

    make: Callable[[float], Any]  #: Takes Φ, returns a finalized system or `Device` of two leads.
    settings: Mapping[str, Any]  #: What else `scatter` takes for a system.
    cut: str | None = None  #: Name of the cut through the spacer; None takes the only one.
    k: Any = None  #: Momenta of systems periodic in their plane, in the order of their names.

    @property
    def words(self) -> str:
        """What was solved, in words."""
        point = "" if self.k is None else f", {place_of(self.k)}"
        return f"E = {self.energy:g}{point}, Kwant systems"

    def _solved(self, angle: float) -> Any:
        system, settings = self.make(angle), dict(self.settings)
        if self.k is not None:
            device, params = as_device(system), dict(settings.get("params") or {})
            names = device.momenta({**(device.params or {}), **params})
            k = finite_array("k", self.k).ravel()
            if len(k) != len(names):
                raise ArgumentError(
                    f"Argument `k` must have a number for each momentum of the systems, {', '.join(names) or 'none'}, "
                    f"but has {len(k)}."
                )
            settings["params"] = {**params, **dict(zip(names, k.tolist(), strict=True))}
        result = scatter(system, self.energy, **settings)
        _refuse_leads(len(result.channels))
        return result

    @cached_property
    def _fixed(self) -> str:
        """Why the angle cannot be turned: the leads do not turn with it."""
        for angle in (np.pi / 3, 2.0):
            m = self._solved(angle).magnetizations
            if not np.isfinite(m).all():
                return "its leads have no spin that could be labeled"
            found = float(angle_between(m[0], m[1]))
            if abs(found - angle) > SAME_ANGLE:
                return (
                    f"its angle does not turn the leads against each other: at {np.degrees(angle):.4g} deg they are "
                    f"{np.degrees(found):.4g} deg apart"
                )
        return ""

    @cached_property
    def evidence(self) -> Evidence:
        """Exact numbers at every angle."""
        fixed = self._fixed
        angles = np.array(self.angles[len(self.angles) // 2 :][:1] or (np.pi / 2,)) if fixed else self.all_angles
        results = [self._solved(float(angle)) for angle in angles]
        first = results[len(results) // 2]
        spin = first.device.spin_operator(first.params)
        reasons = tuple(
            str(spins.reason)
            if not spins.resolved
            else ("" if is_magnetic(first.system, lead, spin, first.params) else NO_MAGNET)
            for lead, spins in enumerate(first.spins)
        )
        if fixed:
            angles = np.array([float(angle_between(*r.magnetizations)) for r in results])
        m, spacer = np.array([r.magnetizations for r in results]), [self._spacer(result) for result in results]
        Q = None if any(flux is None for flux in spacer) else np.array(spacer)
        along = None if Q is None else np.einsum("nabi,nsi->nabs", Q, m)
        return Evidence(
            problem=self,
            angles=angles,
            probabilities=np.array([r.probabilities for r in results]),
            modes=np.asarray(first.modes, dtype=float),
            m=m,
            unlabeled=(reasons[0], reasons[1]),
            spacer=Q,
            along=along,
            unseen=_unseen(first.device.cuts),
            fixed=fixed,
            total=np.array([r.transmission(1, 0) for r in results]),
        )

    def _spacer(self, result: Any) -> Floats | None:
        """Return the Pauli-spin flux through the cut from lead 0 towards lead 1, [lead_in, spin_in, axis]."""
        names = list(result.device.cuts)
        if self.cut is not None and self.cut not in names:
            raise ArgumentError(f"Argument `cut` must name one of {names}, but is {self.cut!r}.")
        if self.cut is None and len(names) != 1:
            return None
        name = self.cut or names[0]
        behind = result.device.cut(name).behind
        flux: Floats = np.asarray(result.spin_current(name))[..., 1:]
        return flux if behind[1] else -flux


def _unseen(cuts: Mapping[str, Any]) -> str:
    """Return why the spin current between the magnets is not known."""
    if cuts:
        return f"the spin current in the spacer is not known; say which cut is there: cut=, one of {', '.join(cuts)}"
    return "the spin current inside is not known; name a cut, as cuts={'spacer': between(...)}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Turned(Problem):
    """One Kwant system with a cut behind which all spins turn, periodic in its plane or not; see `scatter`."""

    system: Any  #: A finalized system or `Device` with two leads, whose magnetizations are parallel before the turn.
    #: What else `scatter` takes: ``behind``, ``axis``, ``k``, ``momenta``, ``params`` and those of a `Device`.
    settings: Mapping[str, Any]

    @property
    def words(self) -> str:
        """What was solved, in words."""
        k = self.settings.get("k")
        point = "" if k is None else f", {place_of(k)}"
        if isinstance(k, str):
            T, error = (array[..., 1, :, 0, :] for array in (self._found.probabilities, self._found.k_error))
            part = np.nanmax(error, initial=0.0) / max(np.nanmax(T, initial=0.0), 1e-300)
            point = f", averaged over the zone ({self._found.points} momenta, T_ss' within {part:.1g} of the largest)"
        return f"E = {self.energy:g}{point}, a Kwant system turned behind a cut"

    @cached_property
    def _found(self) -> Any:
        """The system at all angles; of a mean the fluxes along both magnets, which is what laws speak of."""
        own = {name: value for name, value in self.settings.items() if name in OF_DEVICE}
        rest = {name: value for name, value in self.settings.items() if name not in OF_DEVICE}
        device = as_device(self.system, **own)
        found = scatter_crystal(device, self.energy, turns=self.all_angles, fluxes=ALONG, **rest)
        if found.probabilities.ndim != 5:
            raise ArgumentError(
                f"Argument `k` must be one momentum or 'average', but is an array, {self.settings.get('k')!r}. Judge "
                "momenta one by one; of a system with one of them it is a number."
            )
        _refuse_leads(found.probabilities.shape[1])
        return found

    @cached_property
    def evidence(self) -> Evidence:
        """Exact numbers at every angle."""
        angles, found = self.all_angles, self._found
        # the flux counts from the front of the cut to what is turned; the right side is lead 1
        turned = found.magnetizations[-1] @ found.magnetizations[0].T
        sign = 1.0 if abs(turned[1, 1] - 1) > abs(turned[0, 0] - 1) else -1.0
        problem = found.measurement.problem
        m = magnet_axes(problem.crystal, problem.turn)
        fixed = ""
        if not np.isfinite(m).all():
            fixed = "its leads have no spin that could be labeled"
        else:
            between = angle_between(m[:, 0], m[:, 1])
            if abs(between - angles).max() > SAME_ANGLE:
                at = int(np.argmax(abs(between - angles)))
                fixed = (
                    f"its leads are not parallel before the turn, or not across its axis: turned by "
                    f"{np.degrees(angles[at]):.4g} deg they are {np.degrees(between[at]):.4g} deg apart"
                )
                m, angles = m[:1], between[:1]
        n, averaged = len(angles), isinstance(self.settings.get("k"), str)
        P = found.probabilities[:n]
        unlabeled = [
            "its channels mix spins" if np.isnan(P[:, lead.number]).any() else "" if lead.magnetic else NO_MAGNET
            for lead in problem.crystal.leads
        ]
        along = (found.measured if averaged else found.measure(ALONG)).values["along"]
        along = sign * along[:n, ..., 1:]
        known = bool(np.isfinite(along).all())
        evidence = Evidence(
            problem=self,
            angles=angles,
            probabilities=P,
            modes=np.asarray(found.modes, dtype=float),
            averaged=averaged,
            m=m,
            unlabeled=(unlabeled[0], unlabeled[1]),
            along=along if known else None,
            unseen="its channels mix spins",
            fixed=fixed,
            total=found.transmission(1, 0)[:n],
        )
        estimates = found.measured.replicas
        if estimates is None:
            return evidence

        def resample(function: Callable[[Evidence], Floats]) -> tuple[Floats, Floats]:
            """Leave out one estimate after the other."""
            left = {
                name: (a.mean(axis=0) + (a.mean(axis=0) - a) / (len(a) - 1))[:, :n] for name, a in estimates.items()
            }
            without = [
                replace(evidence, probabilities=P, total=T[:, 1, 0], along=sign * flux[..., 1:] if known else None)
                for P, T, flux in zip(left["probabilities"], left["conductance"], left["along"], strict=True)
            ]
            values = np.array([function(other) for other in without])
            return function(evidence), np.sqrt((len(values) - 1) * values.var(axis=0))

        return replace(evidence, resample=resample)
