"""Judgments, tables and averages told whole, as in `test_records`, with what they say of themselves: their attributes.

To tell them anew: ``PYTHONPATH=tests:. python tests/units/test_records_runs.py [NAME ...]``.
"""

import re
import warnings
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from telling import differences, told
from told_junctions import (
    ANGLES,
    MU,
    SETTINGS,
    WORDS,
    barrier,
    decided,
    dirty,
    free,
    planar,
    record,
    tell_those_named,
    texture,
    uneven,
)

import kwant_spinjunc as sj
from kwant_spinjunc import costs
from kwant_spinjunc.judging import page as pages
from kwant_spinjunc.magnets import multiscale
from kwant_spinjunc.runs import realizations
from kwant_spinjunc.runs.ensemble import average, open_ensemble
from kwant_spinjunc.runs.realizations import JunctionProblem
from kwant_spinjunc.runs.validity import ERRORS, validity_map
from systems.altermagnet_junction import altermagnet_junction
from systems.asymmetric_junction import asymmetric_junction
from systems.disordered_barrier import disordered_barrier
from systems.rashba_junction import rashba_junction
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction

from ensemble_problems import Drawn  # isort: skip

#: What says on which machine, with which versions, and which text of a family.
WHERE = "kwant_spinjunc python numpy scipy kwant machine physics family_source checksum"
judged = partial(sj.judge, angles=ANGLES, advise=False)
HALF, X = ANGLES[1:2], (1.0, 0.0, 0.0)
quiet = partial(sj.sweep, progress=False)
ACCUMULATED = {"mu_left": (0.6, 0.4), "mu_right": (-0.45, -0.55)}
METALS = dict(materials=(multiscale.cobalt(), multiscale.permalloy()), lattice_constant=0.25)
#: Two planes of which one conducts, a bond of its own, and a magnet of two planes.
LAYERS = [
    sj.barrier(onsite=3.1, hopping=0.8, in_plane_hopping=0.2, thickness=1),
    sj.normal_metal(onsite=0.3, hopping=0.7, thickness=1),
]


def facts(table):
    """A table with its attributes."""
    return {"table": table, **{name: value for name, value in table.attrs.items() if name not in WHERE.split()}}


def page_of(judgment):
    """The words of a page, and what would be drawn on it."""
    drawn = []
    with pytest.MonkeyPatch.context() as patch:
        for name in ("plot_junction", "plot_judgment"):
            patch.setattr(pages, name, lambda *args, name=name: (name, [type(one).__name__ for one in args]))
        patch.setattr(pages, "_image", lambda figure, caption: (drawn.append((*figure, caption)), "<img>")[1])
        text = pages.page(judgment)
    return [drawn, re.sub("<style>.*</style>", "", text, flags=re.DOTALL).replace(">", ">\n")]


def layered(theta=1.1, height=0.0):
    """Unlike magnets with a band in the plane, a magnetic plane of its own, and a spacer of two layers."""
    iron = dict(hopping=0.9, in_plane_hopping=0.3, onsite=1.0)
    first = replace(LAYERS[0], onsite=LAYERS[0].onsite + height)
    turned = sj.unit_vector(theta, -0.5)
    left = sj.ferromagnet(**iron, splitting=1.0, m=sj.unit_vector(0.3, 0.2))
    behind = sj.ferromagnet(**iron | {"onsite": 0.7}, splitting=0.8, m=turned)
    return sj.Junction(left, [first, LAYERS[1], behind], sj.ferromagnet(**iron, splitting=1.6, m=turned))


def impure(width=1.0, thickness=2, **changes):
    """A disordered barrier between unlike magnets."""
    iron = dict(onsite=2.0, hopping=0.9, in_plane_hopping=0.4)
    wall = dict(onsite=7.0, hopping=0.8, in_plane_hopping=0.2, thickness=thickness)
    wall = sj.barrier(**wall | changes, disorder=[sj.Anderson(width=width)])
    return sj.Junction(
        sj.ferromagnet(**iron, splitting=1.0), [wall], sj.ferromagnet(**iron, splitting=1.6, m=(1, 0, 0))
    )


def samples_of(junction, **given):
    settings = dict(cross_section=(2, 1), realizations=3, angles=ANGLES[::2]) | SETTINGS | given
    return sj.judge(junction, 0.3, **settings)


def torn():
    """An ensemble of which some realizations fail and others are lost, and what its store tells of it."""
    problem = Drawn(chunk=5, raises=(1, 4, 11, 12, 13, 14, 15))
    with average(problem, realizations=33, rtol=1e-3, quantity="pair", store="torn", **SETTINGS) as found:
        whole = {"found": found, "table": facts(found.to_dataset([0.25, 0.5]))}
    with sj.runs.store.Store("torn", found.store.identity) as store:
        store.drop(20)
    with open_ensemble("torn") as again:
        return {**whole, "again": again, "again as table": facts(again.to_dataset(()))}


def problems():
    """What ensembles are of: quantities, cross-sections of realizations, and everything samples depend on."""
    turned = dict(m_right=[(0, 0, 1), (1, 0, 0)], cross_section=(2, 3))
    asked = {
        "plain": {},
        "turned": turned | {"boundary": ("twisted", "hard wall"), "seed": 3, "torques": False, "max_defect": 1e-3},
        "profiles": turned | {"profiles": True, "boundary": ("hard wall", "periodic"), "k": (0.0, 0.2)},
        "by Kwant": {"solver": "kwant", "chunk": 3, "boundary": "twisted", "cross_section": (3, 1)},
    }
    found = {}
    for name, settings in asked.items():
        problem = JunctionProblem.of(dirty(), 0.3, **settings)
        own = {key: value for key, value in problem.identity.items() if key not in WHERE.split()}
        sections = [problem.section(n) for n in (0, 1)]
        found[name] = [own, problem.quantities, [(s.shape, s.k, s.boundary) for s in sections], problem.walls]
    sizes = [
        realizations.chunk_size(junction, sites, directions, states, solver)
        for junction in (free(), impure(thickness=30))
        for sites in (1, 9, 36, 100, 400)
        for directions in (1, 5, 40)
        for states in (False, True)
        for solver in (None, "halves", "kwant")
    ]
    return {**found, "chunks": sizes}


def foretellings():
    """What is said before a table that takes long is begun."""
    said = []
    for seconds, count, processes in ((0.3, 100, 1), (0.3, 100, 2), (0.01, 150, 1), (7.0, 1000, 4), (0.02, 80, 1)):
        like = [partial(costs.quoted, lambda s=s: s) for s in (seconds, 3 * seconds)]
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            said.append([costs.announced(like, count, processes), *(str(one.message) for one in caught)])
    return said


def explored(family, **start):
    """A page in all of its modes: what it shows, at a bias too, and what it would export."""
    shown = sj.explore(family, energy=0.1, **start)
    try:
        found = {}
        for mode in ("Γ", "k", "average"):
            state = {"mode": mode, "values": {"kx": 0.4, "kz": -0.3, "bias": 0.1, "energy": 0.2}}
            found[mode] = [shown.update(state), shown.at_bias(state), shown.export(state)]
        return {"controls": [vars(control) for control in shown.controls], "page": shown.ask("describe", {}), **found}
    finally:
        shown.close()


MADE = {
    # ------------------------------------------------------------------ judgments
    "judge texture": lambda: judged(texture(), 0.1, **MU),
    "judge half metal": lambda: judged(uneven(), -1.1),
    "judge spin-orbit coupling": lambda: judged(
        rashba_junction, 0.3, width=1, depth=1, cut="barrier", angles=HALF, **ACCUMULATED
    ),
    "judge normal lead": lambda: judged(
        sj.Junction(barrier().left, [barrier().layers[0], free().layers[0]], free().left)
    ),
    "judge cancelling": lambda: judged(barrier(), 0.1, mu_left=0.0, mu_right=(-0.1, 0.1)),
    "judge nearly cancelling": lambda: judged(barrier(), 0.1, mu_left=0.0, mu_right=(-0.1, 0.11)),
    "judge pure spin": lambda: judged(barrier(), 0.1, mu_left=(0.5, -0.5), mu_right=(-0.5, 0.5)),
    "judge metals of two kinds": lambda: judged(planar(), 0.1, **METALS),
    "judge at a momentum": lambda: judged(planar(), 0.1, (0.4, 0.2), **ACCUMULATED),
    "judge collinear": lambda: judged(barrier(), 0.1, angles=[0.0, np.pi]),
    "judge one angle": lambda: judged(barrier(), 0.1, angles=1.1),
    "judge layers": lambda: sj.judge(layered(), 0.1, angles=ANGLES, tolerance=1e-4),
    "judge layers average": lambda: judged(layered(), 0.1, "average", rtol=1e-3),
    "judge fixed bonds": lambda: sj.judge(barrier({1: 0.7}), 0.1, angles=[1.0], tolerance=1e-4),
    "judge remedies": lambda: sj.judge(
        replace(planar(thickness=1), unit="eV"), 0.1, angles=[0.5, 2.0], tolerance=1e-4, **MU
    ),
    "judge torques of samples": lambda: samples_of(impure(), torques=True, mu_left=0.6, mu_right=-0.3),
    "judge samples of a chain": lambda: sj.judge(impure(onsite=5.0), 1.2, realizations=2, angles=HALF, **SETTINGS),
    "judge thicker samples": lambda: samples_of(impure(onsite=4.0), tolerance=1e-4, boundary="twisted", seed=2),
    "judge conducting samples": lambda: samples_of(impure(onsite=1.0), tolerance=1e-6, **MU),
    "judge disordered texture": lambda: samples_of(
        sj.Junction(planar().left, [impure().layers[0], replace(planar().left, m=(0, 1, 0))], impure().right)
    ),
    "judge crystal average": lambda: judged(altermagnet_junction(), 0.1, "average", behind="barrier", rtol=0.1),
    "judgment facts": lambda: facts(decided(judged(barrier(), 0.1, **MU).to_dataset())),
    "page": lambda: page_of(sj.judge(barrier(), 0.1, angles=ANGLES, tolerance=1e-4)),
    "page, export": lambda: [
        pages.export_block(one)
        for one in (samples_of(impure(), advise=False), judged(planar(), 0.1, **METALS | {"lattice_constant": 0.3}))
    ],
    "magnetoresistance": lambda: [
        sj.tmr(tunnel_junction, 0.1, definition="pessimistic", height=3.0),
        sj.tmr(planar(), [0.1, 0.2], (0.3, 0.4)),
        sj.tmr(planar(), 0.1, "average"),
        sj.tmr(impure(), 0.3, cross_section=(2, 2), realizations=3, progress=False),
        sj.tmr(altermagnet_junction(), 0.1, 0.3, behind="barrier"),
    ],
    # ------------------------------------------------------------------ tables
    "sweep facts": lambda: facts(quiet(layered, energy=[-4.0, 0.1], k=(0.3, 0.4), theta=[0.5, 1.0])),
    "sweep average": lambda: facts(quiet(layered, energy=0.1, k="average", rtol=1e-3, theta=[0.5, 1.0])),
    "sweep bias": lambda: facts(
        quiet(layered, energy=0.1, bias=[-0.1, 0.2], temperature=0.02, height=[0.0, 0.5], rtol=1e-3)
    ),
    "sweep texture": lambda: facts(quiet(lambda theta: texture(), energy=0.1, theta=[0.0])),
    "sweep devices": lambda: facts(quiet(rashba_junction, energy=[-9.0, 0.3], width=1, depth=1, alpha=[0.0, 0.2])),
    "sweep crystals": lambda: facts(quiet(altermagnet_junction, energy=[0.1, 9.0], k=0.3, height=[5.0])),
    "sweep crystals turned": lambda: facts(
        quiet(
            altermagnet_junction,
            energy=0.1,
            k=0.3,
            turns=[0.0, 1.0],
            behind="barrier",
            height=[5.0, 6.0],
            progress=False,
        )
    ),
    "sweep crystals average": lambda: facts(
        quiet(altermagnet_junction, energy=0.1, k="average", turns=1.0, behind="barrier", rtol=0.1)
    ),
    "sweep crystals bias": lambda: facts(
        quiet(
            altermagnet_junction,
            energy=0.1,
            bias=[0.1],
            k=0.3,
            turns=[1.0],
            behind="barrier",
            rtol=1e-2,
            progress=False,
        )
    ),
    "validity all": lambda: facts(
        validity_map(layered, error=tuple(ERRORS), energy=[0.1, -5.0], k=(0.3, 0.4), theta=[0.5, 2.0], **FAR)
    ),
    "validity all average": lambda: facts(
        validity_map(layered, error=tuple(ERRORS), energy=0.1, k="average", theta=[0.5], **FAR)
    ),
    "ensembles": lambda: facts(
        sj.ensembles(
            disordered_barrier,
            0.5,
            {"concentration": [0.1, 0.2], "theta": 0.5},
            angles=[0.0, 1.0],
            cross_section=(2, 1),
            realizations=3,
            seed=2,
            torques=False,
            progress=False,
        )
    ),
    "ensemble torn": torn,
    "ensemble problems": problems,
    "foretellings": foretellings,
    # ------------------------------------------------------------------ pages
    "explorer in all modes": lambda: explored(lambda theta=1.0, height=0.2: layered(theta, height), height=0.5),
    "explorer of a chain": lambda: explored(asymmetric_junction),
    "explorer of a metal": lambda: explored(spin_valve, theta=0.7),
}
FAR = dict(height=[0.5], progress=False, **ACCUMULATED)


def telling(name):
    made = MADE[name]()
    words = [f".words: {made.evidence.problem.words}"] if hasattr(made, "evidence") else []
    return words + [line for line in told(made) if not (name.startswith("judge ") and WORDS.match(line))]


@pytest.mark.parametrize("name", MADE)
def test_what_is_told_is_what_was_told(name):
    assert differences(telling(name), record(name).read_text().splitlines()) == []


if __name__ == "__main__":
    tell_those_named(MADE, telling)
