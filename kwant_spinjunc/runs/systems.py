r"""What a sweep does with a family of Kwant systems: linear quantities over energy, currents over a bias.

Axes and names are those of the first system: its leads by number, its named cuts and magnets. At a bias V lead 0 is at
µ = E_F + V/2, lead 1 at E_F - V/2 and all others at E_F. The Hamiltonian follows the bias only where the family has a
parameter ``bias``, which then is given V. Systems periodic in their plane (`kwant.wraparound`) take a k or its average.
With a cut behind which spins turn all angles are an axis of the results; at a bias the potential is the device's own.
"""

from __future__ import annotations

import inspect
import os
import socket
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from ..checks import number_or_axis
from ..crystals.problem import ALONG
from ..crystals.scatter import scatter_crystal
from ..devices.bias import integrate_currents
from ..devices.device import Device
from ..devices.scatter import prepare_device, scatter_device
from ..errors import ArgumentError, NoOpenChannelError, SpinjuncWarning
from ..model.problem import MAX_DEFECT
from ..quantities import LABELS, LEADS, QUANTITIES, Quantity, quantities
from ..spin import angle_between
from ..transport.bias import bias_response
from .family import call_any_family

Labels = Mapping[str, Sequence[Any]]

#: Parameter of a family whose Hamiltonian moves with the bias.
FOLLOWS = "bias"
#: The kinds of torque of a named magnet.
TORQUES = ("exchange_torque", "spin_orbit_torque", "total_torque")
#: What does not depend on how far spins are turned, and what a turned system has at a bias.
UNTURNED = ("modes", "error", "unitarity_defect")
BIASED = "current magnetization_current spin_current damping_like field_like angle error"


@dataclass(frozen=True)
class Turned:
    """All spins behind a cut of a device turned by angles, as `scatter` turns them."""

    turns: tuple[float, ...]
    behind: str  #: Its name.

    @classmethod
    def taken(cls, axes: dict[str, Any]) -> Turned | None:
        """Take ``turns`` and ``behind`` out of the arguments of a sweep."""
        turns, behind = axes.pop("turns", None), axes.pop("behind", None)
        if turns is None and behind is None:
            return None
        if turns is None or not isinstance(behind, str):
            raise ArgumentError(
                "Arguments `turns` and `behind` must be given together, angles in radians and the name of a cut of the "
                f"family's Device, but are {turns!r} and {behind!r}."
            )
        return cls(tuple(np.atleast_1d(number_or_axis("turns", turns)).tolist()), behind)

    @property
    def settings(self) -> dict[str, Any]:
        """What `scatter` and `bias_response` take."""
        return {"turns": np.array(self.turns), "behind": self.behind}


def labels_of(device: Device, turned: Turned | None = None) -> dict[str, list[Any]]:
    """Return the labels of the axes that results of a device have of themselves."""
    leads = list(range(len(device.system.leads)))
    return {
        **{name: list(words) for name, words in LABELS.items()},
        **dict.fromkeys(("lead", *LEADS), leads),
        "cut": list(device.cuts),
        "magnet": list(device.magnets),
        "turn": [] if turned is None else list(turned.turns),
    }


def turned_variables(device: Device, flux: str, bias: bool, k: Any) -> dict[str, Quantity]:
    """Return what a sweep of a device has whose spins turn behind a cut; torques are on the side of each lead."""
    found = quantities(BIASED, flux) if bias else linear_variables(device, k, turned=True)
    own = {name: tuple("lead" if dim == "magnet" else dim for dim in q.dims) for name, q in found.items()}
    return {name: q if name in UNTURNED else replace(q, dims=("turn", *own[name])) for name, q in found.items()}


def linear_variables(device: Device, k: Any = None, turned: bool = False) -> dict[str, Quantity]:
    """Return what a sweep of the linear response of a device has.

    With spins turned behind a cut there are the flux through it and the torques on both sides, but for an average: what
    sharp levels add across both magnets takes many times the momenta. At a k without turns there is neither.
    """
    two = len(device.system.leads) == 2
    found = {
        "conductance": Quantity(() if two else LEADS, "e^2/h", "conductance" + ("" if two else " from lead to lead")),
        "probabilities": QUANTITIES["probabilities"],
        "modes": QUANTITIES["modes"],
    }
    if two:
        found["angle"] = Quantity((), "rad", "angle between the spin axes of the leads")
    if k is not None or turned:
        found["error"] = Quantity((), "1", "estimated absolute error of an average over the zone")
        if turned and not isinstance(k, str):
            found["flux"] = replace(QUANTITIES["flux"], dims=("lead_in", "component"))
            found["side_torque"] = QUANTITIES["side_torque"]
        return {**found, "unitarity_defect": QUANTITIES["unitarity_defect"]}
    found["spin_mixing"] = QUANTITIES["spin_mixing"]
    if device.cuts:
        found["flux"] = QUANTITIES["flux"]
    if device.magnets:
        found |= {name: QUANTITIES[name] for name in TORQUES}
    return {**found, "unitarity_defect": QUANTITIES["unitarity_defect"]}


def current_variables(flux: str) -> dict[str, Quantity]:
    """Return what a sweep over a bias of a device has, its currents in this unit."""
    return {
        "current": Quantity(("lead",), flux, "particle current that leaves a lead"),
        "spin_resolved_current": Quantity(("lead", "spin"), flux, "particle current of a spin that leaves a lead"),
        "left_out": Quantity((), "unit of energy", "width of the energies over which the current is interpolated"),
        "error": Quantity((), flux, "estimated absolute error of the currents"),
    }


def follows(family: Callable[..., Any]) -> bool:
    """Return whether the Hamiltonian of a family moves with the bias."""
    return FOLLOWS in inspect.signature(family).parameters


def observe_linear(
    device: Device,
    energy: Any,
    *,
    k: Any,
    rtol: float,
    variables: Mapping[str, Quantity],
    labels: Labels,
    told: set[str],
    turned: Turned | None = None,
) -> dict[str, Any]:
    """Return the linear quantities of one device at one energy; without an open channel it carries nothing.

    ``variables``, ``labels``: of the table, which are those of its first device.
    ``told``: barriers that were warned of already, and a place for others.
    """
    _refuse_another(device, labels)
    s: Any
    try:
        if k is None and turned is None:
            s = scatter_device(replace(prepare_device(device, None), told=told), float(energy), None, MAX_DEFECT)
        else:
            s = at_momentum(device, float(energy), k, rtol, turned)
    except NoOpenChannelError:
        return {name: 0.0 if name != "angle" else np.nan for name in variables}
    two = len(labels["lead"]) == 2
    found: dict[str, Any] = {
        "conductance": s.transmission(1, 0) if two else s.between_leads(),
        "probabilities": s.probabilities,
        "modes": s.modes,
        "unitarity_defect": s.unitarity_defect,
    }
    if two:
        found["angle"] = angle_between(s.magnetizations[..., 0, :], s.magnetizations[..., 1, :])
    if k is not None or turned is not None:
        found["error"] = 0.0 if s.k_error is None else float(np.nanmax(s.k_error, initial=0.0))
        if "side_torque" in variables:
            own = s.to_dataset()
            found |= {name: own[name].values for name in ("flux", "side_torque")}
        return found
    found["spin_mixing"] = s.spin_mixing
    if "flux" in variables:
        found["flux"] = np.array([s.spin_current(cut, total=True) for cut in labels["cut"]])
    if "total_torque" in variables:
        torques = [s.torque(magnet) for magnet in labels["magnet"]]
        for name in TORQUES:
            found[name] = np.array([getattr(torque, name.removesuffix("_torque")) for torque in torques])
    return found


def this_process() -> tuple[str, int]:
    """Return what tells this process from all others of a cluster."""
    return socket.gethostname(), os.getpid()


def observe_made(
    family: Callable[..., Any],
    observe: Callable[[Any, Any], dict[str, Any]],
    sender: tuple[str, int],
    values: Mapping[str, Any],
    point: Any,
) -> tuple[dict[str, Any], list[Warning]]:
    """Make a system here and observe it at a point; return what a sweep enters, and the warnings it is to give.

    Processes other than the ``sender`` cannot be sent a Kwant system. They make it themselves and keep the last one.
    Threads of the sender give their warnings themselves.
    """
    kept: list[Warning] = []
    if this_process() != sender:
        _keep_warnings_by_thread()
        _KEPT.set(kept)
    try:
        made = _made(family, tuple(values.items()))
    except TypeError:  # an array among its parameters
        made = call_any_family(family, values)
    refuse_mixed(made, True)
    return observe(made, point), kept


def refuse_mixed(made: Any, system: bool) -> None:
    """Refuse a junction among systems, or a system among junctions."""
    if isinstance(made, Device) != system:
        raise ArgumentError("Argument `family` must return junctions or Kwant systems, but returns both.")


#: Where the thread of a task keeps its warnings. `warnings.catch_warnings` is of a whole process: of two threads, the
#: first to leave would lose what the second one has caught.
_KEPT: ContextVar[list[Warning] | None] = ContextVar("kept", default=None)


@lru_cache(maxsize=1)
def _keep_warnings_by_thread() -> None:
    """From now on have this process keep the package's warnings in the list of their thread, if it has one."""
    show = warnings.showwarning

    def keep(message: Any, category: type[Warning], *rest: Any, **named: Any) -> None:
        kept = _KEPT.get()
        if kept is not None and issubclass(category, SpinjuncWarning):
            kept.append(message)
        else:
            show(message, category, *rest, **named)

    warnings.simplefilter("always", SpinjuncWarning)
    warnings.showwarning = keep


@lru_cache(maxsize=1)
def _made(family: Callable[..., Any], values: tuple[tuple[str, Any], ...]) -> Any:
    return call_any_family(family, dict(values))


def at_momentum(device: Device, energy: float, k: Any, rtol: float, turned: Turned | None = None) -> Any:
    """Return the scattering of a system periodic in its plane at one momentum or averaged over the zone."""
    turning = {} if turned is None else turned.settings
    found = scatter_crystal(device, energy, k=k, rtol=rtol, fluxes=ALONG, **turning)
    if found.probabilities.ndim != 4 + bool(turning):
        raise ArgumentError(
            f"Argument `k` must be one momentum, with {len(found.momenta)} components for "
            f"{', '.join(found.momenta) or 'this system'}, but is {k!r}."
        )
    return found


def observe_current(
    device: Device, bias: Any, *, energy: float, temperature: float, rtol: float, labels: Labels, told: set[str]
) -> dict[str, Any]:
    """Return the currents of one device at one bias; for ``told`` see `observe_linear`."""
    _refuse_another(device, labels)
    mu = np.full((len(labels["lead"]), 1), energy)
    mu[:2, 0] += [bias / 2, -bias / 2]
    ready = replace(prepare_device(device, None), told=told)
    found = integrate_currents(ready, mu, temperature=temperature, rtol=rtol)
    return {
        "current": found.charge,
        "spin_resolved_current": found.spin_resolved,
        "left_out": found.left_out,
        "error": found.error,
    }


def observe_biased(
    device: Device, bias: Any, *, labels: Labels, turned: Turned, told: set[str], **settings: Any
) -> dict[str, Any]:
    """Return currents and torques of one turned device at one bias; without an open channel it carries nothing."""
    _refuse_another(device, labels)
    try:
        r = bias_response(device, float(bias), **turned.settings, **settings, progress=False)
    except NoOpenChannelError:
        return {name: 0.0 if name != "angle" else np.nan for name in BIASED.split()}
    return {
        "current": r.current,
        "magnetization_current": r.magnetization,
        "spin_current": r.spin_current,
        "damping_like": r.torques.damping_like,
        "field_like": r.torques.field_like,
        "angle": angle_between(r.m[..., 0, :], r.m[..., 1, :]),
        "error": r.error.max(),
    }


def _refuse_another(device: Device, labels: Labels) -> None:
    """Refuse a system whose leads, cuts or magnets are not those of the first."""
    for what in ("lead", "cut", "magnet"):
        if (found := labels_of(device)[what]) != list(labels[what]):
            raise ArgumentError(
                f"Argument `family` must return systems with the same {what}s all over the sweep, but one has "
                f"{found or 'none'} and the first {list(labels[what]) or 'none'}."
            )
