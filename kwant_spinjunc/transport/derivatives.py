r"""Differential conductance, torkances and magnetoresistance: derivatives and ratios of responses to a bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..arrays import Floats
from ..checks import finite_array, instance, positive
from ..errors import NoOpenChannelError
from ..model.junction import Junction
from ..scattering import scatter_quietly
from .bias import bias_response


@dataclass(frozen=True, eq=False)
class BiasDerivative:
    """Derivatives with respect to the bias, per unit cell in e²/h (particle current and Pauli-spin flux per V)."""

    bias: Floats  #: Shape (...).
    conductance: Floats  #: Shape (...): differential conductance dJ/dV.
    magnetization: Floats  #: Shape (..., 2): dJ_M/dV on both sides.
    #: `damping_like`, `field_like`: Shape (..., 2): torkances dτ/dV of both magnets; the field-like one with its
    #: equilibrium part if that was asked for.
    damping_like: Floats
    field_like: Floats
    error: Floats  #: Shape (...): estimated absolute error of the least accurate of them.


def bias_derivative(junction: Junction, bias: ArrayLike, *, step: float = 0.02, **options: Any) -> BiasDerivative:
    r"""Return differential conductance and torkances, by central differences of three steps and their extrapolation.

    With D_h = [X(V + h) - X(V - h)]/2h and R_h = (4 D_h/2 - D_h)/3 it is (16 R_h/2 - R_h)/15, good to order h⁶.

    ``step``: h > 0, in the unit of the bias.

    **Result**: Its error is the difference to R_h/2, plus what the errors of the responses can do, divided by the step.

    At V = 0 and T = 0 this is `linear_response` to µ_L = -µ_R = 1/2 (with ``equilibrium``, plus what the bias does to
    the interlayer exchange). Where a band edge passes a chemical potential the derivative has a kink and the error is
    larger.

    Examples
    --------
    >>> import kwant_spinjunc as sj
    >>> iron = sj.ferromagnet(onsite=1.0, hopping=1.0, splitting=1.0)
    >>> junction = sj.Junction(iron, [sj.barrier(onsite=3.0, hopping=1.0, thickness=2)], iron)
    >>> G = bias_derivative(junction, 0.0).conductance
    >>> bool(abs(G / sj.scatter(junction, 0.0).conductance - 1) < 1e-6)
    True
    """
    V, h = finite_array("bias", bias), positive("step", step)
    steps = h * np.array([-1.0, -0.5, -0.25, 0.25, 0.5, 1.0])
    options = {"rtol": 1e-10, "layers": False, **options}
    response = bias_response(junction, V[..., None] + steps, **_with_axis(options))
    torques = response.torques if response.equilibrium is None else response.total_torques
    noise = response.error if response.equilibrium is None else response.error + response.equilibrium.error
    found, errors = [], []
    batch = response.bias.shape[:-1]  # of bias, potentials, profile and k together; the steps are the last axis
    for values in (response.current, response.magnetization, torques.damping_like, torques.field_like):
        x = np.moveaxis(values, len(batch), 0)
        D = [(x[5 - i] - x[i]) / (2 * h * 0.5**i) for i in range(3)]
        R = [(4 * D[i + 1] - D[i]) / 3 for i in range(2)]
        found.append((16 * R[1] - R[0]) / 15)
        change = abs(found[-1] - R[1])
        errors.append(change.max(axis=tuple(range(len(batch), change.ndim))))
    error = np.max(errors, axis=0) + noise.max(axis=-1) * 8 / h
    conductance, magnetization, damping_like, field_like = found
    return BiasDerivative(np.broadcast_to(V, batch), conductance, magnetization, damping_like, field_like, error)


def _with_axis(options: dict[str, Any]) -> dict[str, Any]:
    """Insert the axis of the steps behind the batch axes of options that have any."""
    out = dict(options)
    for name, trailing in (("accumulation", 2), ("k", 1), ("profile", 1)):
        value = out.get(name)
        if value is not None and not isinstance(value, str) and np.ndim(value) > trailing:
            out[name] = np.expand_dims(np.asarray(value), -1 - trailing)
    return out


@dataclass(frozen=True, eq=False)
class Magnetoresistance:
    """TMR(V) = (J_P - J_AP)/J_AP, dimensionless, with the two currents it comes from."""

    bias: Floats  #: Shape (...).
    ratio: Floats  #: Shape (...).
    #: `parallel`, `antiparallel`: Shape (...): charge currents; at zero bias the conductances, in e²/h per unit cell.
    parallel: Floats
    antiparallel: Floats
    error: Floats  #: Shape (...): estimated absolute error of the ratio.


def tunneling_magnetoresistance(junction: Junction, bias: ArrayLike, **options: Any) -> Magnetoresistance:
    """Return TMR(V) = (J_P - J_AP)/J_AP of a junction whose right half is turned parallel and antiparallel to the left.

    ``junction, bias, **options``: as in `bias_response`. The angle of the junction does not matter.

    **Validity**: at V = 0 the ratio of the conductances is taken. Infinite where the antiparallel junction is blocked.
    """
    instance("junction", junction, Junction).refuse_disorder()
    V = finite_array("bias", bias)
    currents, errors = [], []
    for sign in (1.0, -1.0):
        # a texture is refused by `bias_response`
        collinear = junction if junction.cut is None else junction.turned(m_right=sign * junction.magnetizations[0])
        response = bias_response(collinear, V, **{"layers": False, **options})
        J, error = response.current, response.error
        if (V == 0).any():
            zero = bias_derivative(collinear, 0.0, **_unbatched(options))
            J, error = np.where(V == 0, zero.conductance, J), np.where(V == 0, zero.error, error)
        currents.append(J)
        errors.append(error)
    P, AP = currents
    with np.errstate(divide="ignore", invalid="ignore"):
        error = (errors[0] + errors[1] * abs(P / AP)) / abs(AP)
    return Magnetoresistance(V, ratio(P, AP, AP), P, AP, error)


def _unbatched(options: dict[str, Any]) -> dict[str, Any]:
    """Return options that hold without bias: profiles of other biases do not matter at zero bias."""
    profile = options.get("profile")
    return options if profile is None or np.ndim(profile) < 2 else {**options, "profile": None}


def collinear_conductances(junction: Junction, energy: ArrayLike, k: Any = None) -> tuple[Floats, Floats]:
    """Return G_P and G_AP by the fast engine, in e²/h per cell, shape of energies and momenta; 0 without channels.

    Between collinear magnets only equal labels transmit at Φ = 0 and opposite ones at π; what rounding of cos π/2
    leaves of the others, 1e-33 of G_P, is left out: between half metals it would be all of G_AP.
    """
    m = junction.magnetizations[0]
    found = []
    for direction in (m, -m):
        at = junction.turned(m_right=direction)
        try:
            s = scatter_quietly(at, energy, k, solver="halves")
        except NoOpenChannelError:
            found.append(np.zeros(np.shape(energy)))
            continue
        kept = np.eye(2) if direction is m else 1 - np.eye(2)
        labeled = all(lead.is_magnetic for lead in junction.leads)
        found.append(np.asarray((s.transmissions * (kept if labeled else 1.0)).sum(axis=(-1, -2))))
    return found[0], found[1]


def ratio(parallel: Floats, antiparallel: Floats, below: Floats) -> Floats:
    """Return (G_P - G_AP)/G: infinite where nothing flows below, NaN where nothing flows at all."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((parallel - antiparallel) / below)
