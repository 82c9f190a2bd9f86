"""One bad element of a batch: every verb refuses the batch and names the argument, or gives the others as if alone."""

from functools import cache

import numpy as np
import pytest

import kwant_spinjunc as sj
from kwant_spinjunc.checks import finite_array
from systems.altermagnet_junction import altermagnet_junction

IRON = dict(onsite=1.0, hopping=1.0, splitting=1.0)
FILM = dict(in_plane_hopping=0.2)


def family(theta=1.0, height=3.0, onsite=1.0, **plane):
    iron = IRON | dict(onsite=onsite) | plane
    wall = sj.barrier(onsite=height, hopping=1.0, thickness=1, **plane)
    return sj.Junction(sj.ferromagnet(**iron), [wall], sj.ferromagnet(**iron, m=sj.unit_vector(theta)))


def drop(site):
    return float(np.interp(site.pos[0], [1, 5], [0.5, -0.5]))


JUNCTION, PLANE, CRYSTAL = family(), family(**FILM), altermagnet_junction()
DEVICE = sj.Device(system=sj.build(JUNCTION).finalized())
SOLVED = sj.scatter(JUNCTION, [0.0, 0.1, 0.2], solver="halves")
TURN = dict(k=0.3, behind="barrier")
SAMPLES = dict(realizations=2, cross_section=(1, 1), progress=False, workers=1)


def pairs(values):
    """Return rows (value, 0.1), masked where the values are."""
    if isinstance(values, np.ma.MaskedArray):
        return np.ma.stack([values, np.full(len(values), 0.1)], axis=-1)
    return [[value, 0.1] for value in values]


def directions(values):
    """Return unit vectors the second of which has an x of the value amid three, 0."""
    if isinstance(values, np.ma.MaskedArray):
        return np.ma.stack([values * 0, values * 0, np.ma.array([1.0, 1.0, 1.0], mask=values.mask)], axis=-1)
    return [[0.0, 0.0, 1.0], [values[1], 0.0, 1.0], [1.0, 0.0, 0.0]]


@cache
def samples():
    return sj.ensemble(JUNCTION, 0.0, **SAMPLES)


#: Verb and argument: what takes a batch, and a good one of at least three, the middle one of which goes bad.
VERBS = {
    "scatter energy": (lambda x: sj.scatter(JUNCTION, x, solver="halves"), [0.0, 0.1, 0.2]),
    "scatter k": (lambda x: sj.scatter(PLANE, 0.0, pairs(x), solver="halves"), [0.0, 0.1, 0.2]),
    "scatter m_right": (lambda x: sj.scatter(JUNCTION, 0.0, m_right=directions(x)), [0.0, 0.0, 0.0]),
    "a Kwant system energy": (lambda x: sj.scatter(DEVICE, x), [0.0, 0.1, 0.2]),
    "a crystal energy": (lambda x: sj.scatter(CRYSTAL, x, k=0.3), [0.1, 0.2, 0.3]),
    "a crystal k": (lambda x: sj.scatter(CRYSTAL, 0.2, k=x), [0.1, 0.2, 0.3]),
    "a crystal turns": (lambda x: sj.scatter(CRYSTAL, 0.2, turns=x, **TURN), [0.1, 0.2, 0.3]),
    "a crystal axis": (lambda x: sj.scatter(CRYSTAL, 0.2, turns=[0.1], axis=x, **TURN), [0.0, 1.0, 0.0]),
    "bias_response bias": (lambda x: sj.bias_response(JUNCTION, x), [0.1, 0.2, 0.3]),
    "bias_response k": (lambda x: sj.bias_response(PLANE, 0.1, k=pairs(x)), [0.0, 0.1, 0.2]),
    "bias_response accumulation": (
        lambda x: sj.bias_response(JUNCTION, 0.1, accumulation=[[0.1, 0.0], x]),
        [0.0, 0.1],
    ),
    "bias_response temperature": (lambda x: sj.bias_response(JUNCTION, 0.1, temperature=x), [0.01, 0.02]),
    "bias_response of a crystal turns": (
        lambda x: sj.bias_response(CRYSTAL, 0.01, turns=x, profile=drop, rtol=1e-2, **TURN),
        [0.1, 0.2, 0.3],
    ),
    "linear_response mu_left": (lambda x: sj.linear_response(SOLVED, pairs(x), 0.0), [0.1, 0.2, 0.3]),
    "tunneling_response mu_right": (lambda x: sj.tunneling_response(SOLVED, 0.0, pairs(x)), [0.1, 0.2, 0.3]),
    "chemical_potentials mu_left": (lambda x: sj.chemical_potentials(SOLVED, x, 0.0), [0.1, 0.2]),
    "current_voltage mu": (lambda x: sj.current_voltage(DEVICE, pairs(x), rtol=1e-2), [0.05, 0.1]),
    "sweep energy": (lambda x: sj.sweep(family, energy=x, progress=False), [0.0, 0.1, 0.2]),
    "sweep k": (lambda x: sj.sweep(family, energy=0.0, k=x, progress=False, **FILM), [0.1, 0.2]),
    "sweep bias": (lambda x: sj.sweep(family, energy=0.0, bias=x, progress=False), [0.1, 0.2, 0.3]),
    "sweep a parameter": (lambda x: sj.sweep(family, energy=0.0, onsite=x, progress=False), [0.9, 1.0, 1.1]),
    "sweep energy of systems": (
        lambda x: sj.sweep(altermagnet_junction, energy=x, k=0.3, progress=False),
        [0.1, 0.2, 0.3],
    ),
    "validity_map a parameter": (
        lambda x: sj.validity_map(family, energy=0.0, onsite=x, theta=[0.5, 1.0]),
        [0.9, 1.0, 1.1],
    ),
    "judge angles": (lambda x: sj.judge(JUNCTION, angles=x, advise=False), [0.0, 1.0, 2.0]),
    "effective_parameters angles": (
        lambda x: sj.effective_parameters(JUNCTION, 0.0, angles=x),
        [0.0, 0.5, 1.0, 2.0, 3.0],
    ),
    "export angles": (
        lambda x: sj.export(JUNCTION, "mumax3", lattice_constant=0.25, angles=x),
        [0.0, 0.5, 1.0, 2.0, 3.0],
    ),
    "ensembles a parameter": (lambda x: sj.ensembles(family, 0.0, {"onsite": x}, **SAMPLES), [0.9, 1.0, 1.1]),
    "ensemble m_right": (lambda x: sj.ensemble(JUNCTION, 0.0, m_right=directions(x), **SAMPLES), [0.0, 0.0, 0.0]),
    "quantile q": (lambda x: samples().quantile("conductance", x), [0.1, 0.5, 0.9]),
    "unit_vector theta": (sj.unit_vector, [0.1, 0.2, 0.3]),
    "Layer m": (lambda x: sj.ferromagnet(**IRON, m=x), [0.0, 1.0, 0.0]),
    "Junction bonds": (lambda x: sj.Junction(sj.ferromagnet(**IRON), [], sj.ferromagnet(**IRON), bonds=x), [1.0]),
}
BAD = {
    "NaN": float("nan"),
    "infinity": -np.inf,
    "a text": "1",
    "a truth value": True,
    "None": None,
    "a complex number": 1j,
    "a huge integer": 10**400,
    "a number beyond all units": 1e300,
    "an object": object(),
    "a row": [1.0, 2.0],
    "a masked one": None,
}


def spoiled(good, bad):
    if bad == "a masked one":
        return np.ma.array(good, mask=[n == len(good) // 2 for n in range(len(good))])
    values = list(good)
    values[len(good) // 2] = BAD[bad]
    return values


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")
@pytest.mark.parametrize("verb", VERBS)
def test_one_bad_element_refuses_the_batch_by_the_name_of_its_argument(verb):
    call, good = VERBS[verb]
    call(good)
    name = "energy" if verb.endswith("systems") else verb.split()[-1].replace("parameter", "onsite")
    for bad in BAD:
        with pytest.raises(sj.SpinjuncError, match=f"^Arguments? .*`{name}`? ?") as refused:
            call(spoiled(good, bad))
        assert len(str(refused.value)) < 400, bad


#: Energies at which a lead has no channel, is at an edge of a band, and is next to one.
EDGES = {"closed": 10.0, "an edge": -0.5, "an edge of the majority": 2.5, "near one": 2.5 - 1e-12}


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")
@pytest.mark.parametrize("what", EDGES)
def test_a_closed_channel_or_band_edge_leaves_the_others_as_if_alone_or_is_refused_by_its_value(what):
    bad = EDGES[what]
    alone = [sj.scatter(JUNCTION, energy).conductance for energy in (0.0, 0.2)]
    makers = {
        "halves": lambda x: sj.scatter(JUNCTION, x, solver="halves").conductance,
        "a Kwant system": lambda x: sj.scatter(DEVICE, x).transmission(1, 0),
        "sweep": lambda x: sj.sweep(family, energy=x, progress=False).conductance.values,
        "sweep by Kwant": lambda x: sj.sweep(family, energy=x, progress=False, solver="kwant").conductance.values,
        "sweep by modes": lambda x: sj.sweep(family, energy=x, progress=False, solver="modes").conductance.values,
    }
    # at an edge itself the halves are exact: the limit from either side is the value
    beside = sj.scatter(JUNCTION, [0.0, bad - 1e-9, bad + 1e-9], solver="halves").conductance[1:]
    for name, made in makers.items():
        refused = ""
        try:
            found = made([0.0, bad, 0.2])
        except sj.SpinjuncError as error:
            refused = str(error)
        if refused:
            assert what != "closed"
            assert name not in ("halves", "sweep")
            assert f"{bad:.6g}" in refused
            continue
        np.testing.assert_allclose(found[[0, 2]], alone, rtol=1e-9)
        np.testing.assert_allclose(found[1], np.mean(beside), atol=2e-4)


def test_a_point_of_a_map_without_a_current_is_no_error_and_spoils_no_other():
    levels = np.array([1.0, 9.0, 0.8])
    found = sj.validity_map(family, energy=0.0, height=[6.0], onsite=levels).tunnelling.values.ravel()
    other = sj.validity_map(family, energy=0.0, height=[6.0], onsite=levels[[0, 2]]).tunnelling.values.ravel()
    assert np.isnan(found[1])
    np.testing.assert_allclose(found[[0, 2]], other, rtol=1e-12)


def test_a_gate_that_let_a_bad_element_pass_would_be_seen(monkeypatch):
    """Without the gate a NaN among energies is an answer."""
    from kwant_spinjunc.model import problem

    monkeypatch.setattr(problem, "finite_array", lambda name, value: np.asarray(value, dtype=float))
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        test_one_bad_element_refuses_the_batch_by_the_name_of_its_argument("scatter energy")
    assert finite_array("x", [1.0]).tolist() == [1.0]
