"""`explore`: what the page asks for, computed: one exact solution over the angle, and all laws held against it."""

from __future__ import annotations

import inspect
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np

from kwant_spinjunc.errors import ArgumentError, SpinjuncError
from kwant_spinjunc.exploring.controls import Control, checked_values, controls_of
from kwant_spinjunc.halves import probabilities
from kwant_spinjunc.judging.door import conclude, problem_of
from kwant_spinjunc.judging.evidence import Evidence
from kwant_spinjunc.judging.page import export_block
from kwant_spinjunc.judging.verdict import Judgment
from kwant_spinjunc.magnets.parameters.response import SIDES
from kwant_spinjunc.model.junction import Junction
from kwant_spinjunc.runs.family import call_family, check_family
from kwant_spinjunc.theory import tunnelling
from kwant_spinjunc.transport.bias import bias_response
from kwant_spinjunc.transport.observables import resolved_torques

if TYPE_CHECKING:
    from kwant_spinjunc.exploring.server import Server

#: Angles of the curves, accuracy of averages, and band shifts of the map.
ANGLES = tuple(np.linspace(0.0, np.pi, 37).tolist())
RTOL = 1e-4
SHIFTS = 81
#: What is not a parameter of the family: the page's own inputs.
ENERGY, BIAS, KX, KZ = "energy", "bias", "kx", "kz"
MODES = ("Γ", "k", "average")
#: What the page asks, by the method that answers.
QUESTIONS = {"describe": "describe", "update": "update", "bias": "at_bias", "export": "export"}


def _plain(value: Any) -> Any:
    """Return JSON values of arrays; what is no number is null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else ("inf" if value > 0 else "-inf")
    return value


def _timed(question: Callable[[Explorer, Mapping[str, Any]], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Have a question answered one at a time in JSON values, with the milliseconds it took, or why it cannot be."""

    @wraps(question)
    def answer(self: Explorer, state: Mapping[str, Any]) -> dict[str, Any]:
        start = time.perf_counter()
        try:
            with self._lock:
                found: dict[str, Any] = _plain(question(self, state))
        except (SpinjuncError, FloatingPointError, MemoryError) as error:
            found = {"error": str(error) or type(error).__name__}
        return {**found, "milliseconds": round(1000 * (time.perf_counter() - start), 1)}

    return answer


class Explorer:
    """The state behind a page; see `explore`. ``controls``: parameters of the ``family``, then energy, bias, kx, kz."""

    def __init__(self, family: Callable[..., Junction], start: Mapping[str, Any], energy: float) -> None:
        own = controls_of(family, start)
        self.family, self._own = family, own
        first = call_family(family, **self._parameters({}))  # refuses now what is no family of junctions
        taken = {control.name for control in own} & {ENERGY, BIAS, KX, KZ}
        if taken:
            raise ArgumentError(
                f"Argument `family` must not have a parameter {min(taken)!r}, which the page has itself."
            )
        low, high = _bands(first)
        step = 10 ** math.floor(math.log10(max(high - low, 1e-9) / 100))
        self.controls: tuple[Control, ...] = (
            *own,
            Control(ENERGY, "energy", "float", energy, min(low, energy), max(high, energy), step, first.unit),
            Control(BIAS, "bias V", "float", 0.0, 0.0, (high - low) / 4, step, first.unit),
            Control(KX, "kx a", "float", 0.0, 0.0, 180.0, 1.0, "deg", scale=math.pi / 180),
            Control(KZ, "kz a", "float", 0.0, 0.0, 180.0, 1.0, "deg", scale=math.pi / 180),
        )
        self._lock = threading.Lock()
        self._server: Server | None = None

    # ------------------------------------------------------------------ what the page asks for
    def ask(self, question: str, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer to one of `QUESTIONS`, as the page and the widget send them."""
        answer: dict[str, Any] = getattr(self, QUESTIONS[question])(state)
        return answer

    def describe(self, state: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return what the page is made of: title, inputs, modes of k."""
        return {
            "title": getattr(self.family, "__name__", "family"),
            "text": (inspect.getdoc(self.family) or "").split("\n")[0].replace("`", ""),
            "controls": [asdict(control) for control in self.controls],
            "modes": list(MODES),
        }

    def _parameters(self, state: Mapping[str, Any]) -> dict[str, Any]:
        return checked_values(self._own, state.get("values", {}))

    def _problem(self, state: Mapping[str, Any]) -> tuple[Junction, float, Any]:
        shared = checked_values(self.controls[len(self._own) :], state.get("values", {}))
        mode = state.get("mode", MODES[0])
        if mode not in MODES:
            raise ArgumentError(f"Argument `mode` must be one of {', '.join(MODES)}, but is {mode!r}.")
        k: Any = {"Γ": None, "k": (shared[KX], shared[KZ]), "average": "average"}[mode]
        junction = call_family(self.family, **self._parameters(state))
        junction.refuse_disorder()
        return junction, shared[ENERGY], k

    def _judged(self, state: Mapping[str, Any]) -> Judgment:
        junction, energy, k = self._problem(state)
        mu = ((0.5, 0.5), (-0.5, -0.5))
        _, problem, _ = problem_of(junction, energy, k, mu, ANGLES, {"rtol": RTOL})
        return conclude(problem.evidence, "this junction", 0.01, advise=False)

    @_timed
    def update(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return all numbers of a state of the page, or ``{"error": ...}`` with the reason there are none."""
        judged = self._judged(state)
        e = judged.evidence
        junction, energy = e.problem.junction, e.problem.energy
        first, _, rest = judged.summary.partition(". ")
        return {
            "angles": np.degrees(e.angles),
            "angle": math.degrees(junction.angle),
            "summary": f"{first}.",
            "others": rest,
            "verdict": judged.laws["tunnelling"].verdict,
            "tmr": judged.tmr,
            "laws": [
                [law.title, law.verdict, law.percent, law.parameter or law.reason] for law in judged.laws.values()
            ],
            "transmissions": {name: e.transmissions[:, i, j] for name, i, j in _LABELS},
            "conductance": e.conductance,
            "currents": self._currents(e),
            "torques": self._torques(e),
            "stack": [
                {"edges": plane.band_edges(2.0), "magnetic": plane.is_magnetic, "m": plane.m}
                for plane in junction.planes
            ],
            "energy": energy,
            "map": self._map(junction, energy),
            "code": self._code(state),
        }

    @staticmethod
    def _currents(e: Evidence) -> dict[str, Any]:
        """Return J_M on both sides exactly, and by (3), (4) from the collinear junctions."""
        curves: dict[str, Any] = {"left": e.J_M[:, 0], "right": e.J_M[:, 1]}
        if not e.fixed and not any(e.unlabeled):
            curves["left (3)"] = tunnelling.magnetization_current(e.rotated, e.mu[0], e.mu[1], "left")
            curves["right (4)"] = tunnelling.magnetization_current(e.rotated, e.mu[0], e.mu[1], "right")
        return curves

    @staticmethod
    def _torques(e: Evidence) -> dict[str, Any]:
        """Return damping-like and field-like torques on both magnets per unit bias."""
        if e.spacer_at_bias is None:
            return {}
        Q = e.spacer_at_bias
        found = resolved_torques(e.m, np.stack([-Q, Q], axis=-2))
        kinds = (("damping-like", found.damping_like), ("field-like", found.field_like))
        return {f"{kind} {side}": values[:, i] for kind, values in kinds for i, side in enumerate(SIDES)}

    @staticmethod
    def _map(junction: Junction, energy: float) -> dict[str, Any]:
        """Return the conductance at the junction's own angle over c = cos kx + cos kz, all that k∥ enters through."""
        if not junction.is_dispersive:
            return {}
        c = np.linspace(-2.0, 2.0, SHIFTS)
        open_ = junction.open_channels(energy, c).any(axis=(-1, -2))
        T = np.zeros(SHIFTS)
        if open_.any():
            T[open_] = probabilities(junction, energy, c[open_])[:, 1, :, 0, :].sum(axis=(-1, -2))
        return {"c": c, "T": T}

    @_timed
    def at_bias(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return current, J_M and torques at the finite bias of the page."""
        junction, energy, k = self._problem(state)
        bias = checked_values(self.controls, state.get("values", {}))[BIAS]
        if bias == 0:
            return {"bias": 0.0}
        found = bias_response(junction, bias, energy=energy, k=k, layers=False)
        return {
            "bias": bias,
            "current": found.current,
            "magnetization": found.magnetization,
            "damping_like": found.torques.damping_like,
            "field_like": found.torques.field_like,
        }

    @_timed
    def export(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return the Python line and the block for mumax3 of what is shown."""
        caption, block = export_block(self._judged(state))
        return {"code": self._code(state), "caption": caption, "block": block}

    def _code(self, state: Mapping[str, Any]) -> str:
        """Return the line of Python that gives what is shown."""
        name = getattr(self.family, "__name__", "family")
        parameters = ", ".join(f"{key}={value!r}" for key, value in self._parameters(state).items())
        _, energy, k = self._problem(state)
        return f"sj.judge({name}({parameters}), energy={energy!r}, k={k!r})"

    # ------------------------------------------------------------------ shown
    @property
    def server(self) -> Server:
        """The page's server on this machine, started at first use."""
        if self._server is None:
            from kwant_spinjunc.exploring.server import Server

            self._server = Server(self)
        return self._server

    @property
    def url(self) -> str:
        """Address of the page, on 127.0.0.1 only."""
        return self.server.url

    def close(self) -> None:
        """Stop serving the page."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def __repr__(self) -> str:
        return f"<Explorer of {getattr(self.family, '__name__', 'family')}: {len(self._own)} parameters>"

    def _repr_mimebundle_(self, **_: Any) -> Any:
        """Show the page in a notebook: as a widget where anywidget is installed, else in a frame from this machine."""
        from kwant_spinjunc.optional import has

        if has("anywidget"):
            from kwant_spinjunc.exploring.widget import widget_of

            return widget_of(self)._repr_mimebundle_()
        frame = f'<iframe src="{self.url}" style="width:100%; height:60rem; border:0" title="{self!r}"></iframe>'
        return {"text/plain": repr(self), "text/html": frame}


def explore(family: Callable[..., Junction], *, energy: float = 0.0, **start: Any) -> Explorer:
    """Return the junction of a family at one's fingertips: sliders, and live what they do.

    In a notebook the result shows itself; else open `Explorer.url` in a browser, or use ``spinjunc explore FILE.py``.
    Raises `ArgumentError`: An unknown parameter, or a family that returns no `Junction`.

    Parameters
    ----------
    family
        A function of parameters that returns a clean `Junction`. Sliders have the range of
        ``Annotated[float, (low, high)]``, else one around the default.
    energy
        Where the slider of the energy starts.
    **start
        Parameters to start from instead of the defaults.

    Examples
    --------
    >>> import kwant_spinjunc as sj
    >>> def valve(theta=1.0, height=2.0, thickness=4):
    ...     iron = dict(onsite=1.0, hopping=1.0, splitting=1.0)
    ...     wall = sj.barrier(onsite=1.0 + height, hopping=1.0, thickness=thickness)
    ...     return sj.Junction(sj.ferromagnet(**iron), [wall], sj.ferromagnet(**iron, m=sj.unit_vector(theta)))
    >>> explorer = explore(valve, height=3.0)
    >>> [control.name for control in explorer.controls]
    ['theta', 'height', 'thickness', 'energy', 'bias', 'kx', 'kz']
    >>> explorer.update({"values": {"height": 4.0}})["verdict"]
    'use'
    """
    check_family(family, ("energy",))
    return Explorer(family, start, float(energy))


_LABELS = (("++", 0, 0), ("+-", 0, 1), ("-+", 1, 0), ("--", 1, 1))


def _bands(junction: Junction) -> tuple[float, float]:
    """Return the ends of all bands of both leads, for the slider of the energy."""
    edges = [lead.band_edges(c) for lead in junction.leads for c in (-2.0, 2.0)]
    return float(np.min(edges)), float(np.max(edges))
