"""A progress bar ends where it said it would, whatever is run, and is shown when it was asked for."""

import numpy as np
import pytest
import tqdm

import kwant_spinjunc as sj
from kwant_spinjunc.runs import zone
from systems.altermagnet_junction import altermagnet_junction
from systems.disordered_barrier import disordered_barrier
from systems.tunnel_junction import tunnel_junction

THETA = np.linspace(0.0, 1.0, 5)
SAMPLES = dict(cross_section=(2, 1), realizations=40, torques=False, workers=1)
TURNED = dict(turns=[0.0, 1.0], behind="barrier", rtol=1e-3)
#: What is run, the unit of its bar, and how far it must come; None: as far as momenta are asked for.
RUNS = {
    "sweep": (lambda **o: sj.sweep(tunnel_junction, energy=[0.0, 0.1], theta=THETA, **o), "point", 10),
    "sweep, resumed": (lambda **o: resumed(**o), "point", 10),
    "ensemble": (lambda **o: sj.ensemble(disordered_barrier(), 0.3, **SAMPLES, **o), "sample", 40),
    "ensemble, resumed": (lambda **o: longer(**o), "sample", 40),
    "validity": (lambda **o: sj.validity_map(tunnel_junction, energy=0.0, height=THETA + 2, **o), "junction", 5),
    "zone": (lambda **o: sj.zone_average(altermagnet_junction(), 0.2, **TURNED, **o), "momentum", None),
    "zone, resumed": (lambda **o: stored(**o), "momentum", None),
}


def resumed(**options):
    data = sj.sweep(tunnel_junction, energy=[0.0, 0.1], theta=THETA, progress=False)
    for name in data.data_vars:
        data[name][2:] = np.nan
    return sj.sweep(tunnel_junction, energy=[0.0, 0.1], theta=THETA, resume=data, **options)


def longer(**options):
    sj.ensemble(disordered_barrier(), 0.3, store="s", **{**SAMPLES, "realizations": 16}, progress=False).close()
    return sj.ensemble(disordered_barrier(), 0.3, store="s", **SAMPLES, **options)


def stored(**options):
    sj.zone_average(altermagnet_junction(), 0.2, store="z", **TURNED, progress=False)
    return sj.zone_average(altermagnet_junction(), 0.2, store="z", **TURNED, **options)


class Bar:
    """What a run may do with its bar, written down."""

    def __init__(self, made, *, total=None, **options):
        self.total, self.options, self.steps, self.closed = total, options, [], False
        self.disable = options["disable"] is True
        made.append(self)

    n = property(lambda self: sum(self.steps))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def update(self, n=1):
        self.steps.append(n)

    def close(self):
        self.closed = True

    def set_postfix_str(self, *args, **options):
        pass


@pytest.mark.parametrize(
    ("name", "progress"),
    [(name, True) for name in RUNS] + [(name, p) for name in ("sweep", "validity") for p in (None, False)],
)
def test_a_bar_comes_to_its_end_and_is_closed(name, progress, monkeypatch):
    run, unit, end = RUNS[name]
    bars, asked, observe = [], [], zone._Observer.__call__
    for where in (tqdm, zone):
        monkeypatch.setattr(where, "tqdm", lambda **options: Bar(bars, **options))
    monkeypatch.setattr(
        zone._Observer,
        "__call__",
        lambda self, p, e, k, f: (asked.append((self, len(k))), observe(self, p, e, k, f))[1],
    )
    run(progress=progress)
    bar = bars[-1]
    assert bar.closed
    assert bar.options["unit"] == unit
    assert bar.options["disable"] is {True: False, None: None, False: True}[progress]
    assert (bar.options.get("delay", 0) > 0) == (progress is None and unit == "point")
    assert min(bar.steps) >= 0
    if end is None:
        assert bar.n == sum(count for who, count in asked if who is asked[-1][0]) <= bar.total
    else:
        assert bar.n == bar.total == end
