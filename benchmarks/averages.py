"""Averages over the zone and finite bias: seconds a user waits, against the bars."""

from __future__ import annotations

import warnings

import numpy as np

import kwant_spinjunc as sj

from .table import Row, show, turn_by_turn

__all__ = ["average_rows"]

#: k_B T at 300 K in eV.
ROOM = 0.02585


def junction() -> sj.Junction:
    """Return the tunnel junction of three dimensions on which a warm bias was slow."""
    iron = {"onsite": 2.2, "hopping": 0.8, "in_plane_hopping": 0.3, "splitting": 2.0}
    spacer = sj.barrier(onsite=3.8, hopping=0.8, in_plane_hopping=0.3, thickness=4)
    return sj.Junction(sj.ferromagnet(**iron), [spacer], sj.ferromagnet(**iron, m=sj.unit_vector(1.57)))


def valve(planes: int, onsite: float = 4.2) -> sj.Junction:
    """Return a spin valve with a metallic spacer, or a barrier."""
    iron = {"onsite": 4.0, "hopping": 1.0, "splitting": 1.0, "in_plane_hopping": 1.0}
    spacer = sj.normal_metal(onsite=onsite, hopping=1.0, in_plane_hopping=1.0, thickness=planes)
    return sj.Junction(sj.ferromagnet(**iron), [spacer], sj.ferromagnet(**iron, m=sj.unit_vector(1.0)))


def average_rows(rounds: int = 3, *, quick: bool = False) -> list[Row]:
    """Time what averages over the zone."""
    warm, wide, tunnel = junction(), valve(4), valve(4, onsite=8.0)
    bias = {"k": "average", "equilibrium": True}
    works = {
        "bias point with its equilibrium part, average, T = 0": (lambda _: sj.bias_response(warm, 0.3, **bias), 0.5),
        "  300 K, V = 0": (lambda _: sj.bias_response(warm, 0.0, temperature=ROOM, **bias), 0.1),
        "  300 K, V = 0.3": (lambda _: sj.bias_response(warm, 0.3, temperature=ROOM, **bias), 1.0),
        "effective_parameters, average, barrier": (lambda _: sj.effective_parameters(tunnel, 0.0, "average"), 0.02),
        "effective_parameters, average, metal": (lambda _: sj.effective_parameters(wide, 0.0, "average"), 0.02),
        'scatter(k="average"), 1000 planes': (lambda _: sj.scatter(valve(1000), 0.0, "average"), 2.0),
    }
    if not quick:
        V = np.linspace(-0.5, 0.5, 21)
        works["21-point torque-bias curve, 300 K, average"] = (
            lambda _: sj.bias_response(warm, V, temperature=ROOM, **bias),
            20.0,
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sj.BarrierWarning)
        times = turn_by_turn({name: (work, 1) for name, (work, _) in works.items()}, rounds)
    return [Row(name, show(times[name]), "", "", show(bar), times[name] < bar) for name, (_, bar) in works.items()]
