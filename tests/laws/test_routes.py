"""Three solvers and a second route: they agree, or the problem is refused by name. Nothing raw escapes."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import examples

import kwant_spinjunc as sj
from kwant_spinjunc.devices import solve as devices_solve
from kwant_spinjunc.halves import route
from kwant_spinjunc.model.plane import band_shift
from systems.spin_valve import spin_valve
from systems.tunnel_junction import tunnel_junction

#: Between routes: rounding, except near an edge, where a probability moves as √δ and the energy is known to 1e-16.
SAME, SAME_AT_EDGE = 1e-11, 1e-8
SOLVERS = ("kwant", "modes", "halves")
ELECTRONVOLT = 1.602176634e-19  # J


def magnet(theta, splitting, **changes):
    return sj.ferromagnet(**dict(onsite=1.0, hopping=1.0, splitting=splitting) | changes, m=sj.unit_vector(theta))


def answers(junction, energy, k=None):
    """Return what each solver finds, or its named refusal."""
    found = {}
    for solver in SOLVERS:
        try:
            s = sj.scatter(junction, energy, k, solver=solver)
            found[solver] = np.concatenate([np.ravel(x) for x in (s.probabilities, s.bond_currents, s.layer_torques)])
        except sj.SpinjuncError as refusal:
            found[solver] = refusal
    return found


def worst_difference(found):
    numbers = [x for x in found.values() if not isinstance(x, Exception)]
    return max((abs(a - b).max() for a in numbers for b in numbers), default=0.0)


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")
@pytest.mark.parametrize("solver", SOLVERS)
def test_a_zeeman_splitting_of_a_millionth_is_seen_by_every_solver(solver):
    """`kwant.physics.modes` copies modes between blocks that pass `np.allclose`: it would give -5.25e-8."""
    junction = sj.Junction(magnet(0.0, 1e-6), [sj.barrier(onsite=3.5, hopping=1.0, thickness=2)], magnet(1.0, 1e-6))
    J_M = sj.tunneling_response(sj.scatter(junction, 0.2, solver=solver), 0.5, -0.5).magnetization
    np.testing.assert_allclose(J_M, -1.1180022e-8, rtol=1e-6)


def test_a_second_route_sees_what_no_conservation_law_does(monkeypatch):
    """Kwant's own modes of nearly degenerate blocks are unitary and continuous, and wrong."""
    junction = sj.Junction(
        magnet(0.0, 1e-6), [sj.normal_metal(onsite=1.5, hopping=1.0, thickness=2)], magnet(1.0, 1e-6)
    )
    assert sj.scatter(junction, 0.2, solver="kwant", check=True).check.difference < SAME
    monkeypatch.setattr(devices_solve, "is_transparent", lambda lead: False)  # leads are asked as Kwant would
    assert sj.scatter(junction, 0.2, solver="kwant").unitarity_defect < SAME
    with pytest.raises(sj.DisagreementError, match=r"kwant and halves differ by .* use either; .*: move the energy\.$"):
        sj.scatter(junction, 0.2, solver="kwant", check=True)


@st.composite
def any_junction(draw):
    """Any clean junction, splittings down to 1e-9, and an energy: one in four within 1e-8 of a band edge."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))

    def layer():
        return sj.Layer(
            onsite=rng.uniform(-1.5, 3.0),
            hopping=rng.uniform(0.5, 1.5),
            splitting=rng.choice([0.0, rng.uniform(0.1, 2.0), 10 ** rng.uniform(-9, -2)]),
            m=sj.unit_vector(np.arccos(rng.uniform(-1, 1)), rng.uniform(0, 6.28)) if rng.random() < 0.7 else (0, 0, 1),
            in_plane_hopping=rng.choice([None, rng.uniform(-0.5, 0.5)]),
            thickness=int(rng.integers(1, 4)),
        )

    junction = sj.Junction(layer(), [layer() for _ in range(rng.integers(0, 4))], layer())
    k = tuple(rng.uniform(-3.14, 3.14, 2)) if rng.random() < 0.5 else None
    edges = np.concatenate([lead.band_edges(float(band_shift(k))).ravel() for lead in junction.leads])
    at_edge = rng.random() < 0.25
    energy = rng.choice(edges) + rng.choice([-1, 0, 1]) * 10 ** rng.uniform(-17, -8)
    return junction, float(energy if at_edge else rng.uniform(edges.min(), edges.max())), k, at_edge


@examples(6, full=30)
@given(any_junction())
def test_three_solvers_agree_or_refuse(problem):
    junction, energy, k, at_edge = problem
    found = answers(junction, energy, k)
    assert worst_difference(found) < (SAME_AT_EDGE if at_edge else SAME)
    closed = [isinstance(x, sj.NoOpenChannelError) for x in found.values()]
    assert all(closed) or not any(closed)
    if not at_edge:
        assert all(closed) or not any(isinstance(x, Exception) for x in found.values())


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_bottom_of_the_lowest_band_has_no_channel_for_any_solver(solver):
    magnet = sj.ferromagnet(onsite=0.9, hopping=1.1, splitting=2e-7)
    junction = sj.Junction(magnet, [sj.normal_metal(onsite=0.5, hopping=1.0)], magnet)
    with pytest.raises(sj.NoOpenChannelError):
        sj.scatter(junction, float(magnet.band_edges(2.0)[0, 0]), solver=solver)


@pytest.mark.parametrize("scale", [ELECTRONVOLT, 1e-30, 1e30])
def test_the_unit_of_energy_does_not_matter(scale):
    def junction(size):
        iron = dict(onsite=size, hopping=size, splitting=size)
        spacer = sj.barrier(onsite=3 * size, hopping=size, thickness=2)
        return sj.Junction(sj.ferromagnet(**iron), [spacer], sj.ferromagnet(**iron, m=sj.unit_vector(1.0)))

    reference = sj.scatter(junction(1.0), 0.1).probabilities
    for solver in SOLVERS:
        s = sj.scatter(junction(scale), 0.1 * scale, solver=solver)
        np.testing.assert_allclose(s.probabilities, reference, atol=1e-13)
        assert s.torque_defect < 1e-13


@pytest.mark.filterwarnings("ignore::kwant_spinjunc.BarrierWarning")
@pytest.mark.parametrize(
    ("changes", "energy"),
    [
        (dict(hopping=1e-12), 0.5),
        (dict(hopping=1e-12), 1.0),
        (dict(splitting=1e8), -5e7 + 1.3),
        (dict(onsite=1e9, hopping=1e-3), 1e9 - 0.5),
        (dict(splitting=4.0, hopping=1e-6), -1.0),
    ],
)
def test_numbers_that_differ_by_many_orders_are_solved_or_refused_by_name(changes, energy):
    left, right = magnet(0.0, **dict(splitting=1.0) | changes), magnet(1.0, **dict(splitting=1.0) | changes)
    spacer = sj.barrier(onsite=3.0 + left.onsite, hopping=left.hopping, thickness=2)
    found = answers(sj.Junction(left, [spacer], right), energy)
    assert worst_difference(found) < SAME_AT_EDGE
    for refusal in (x for x in found.values() if isinstance(x, sj.ConservationError)):
        assert "numbers differ by a factor" in str(refusal)  # not "band edge": none is near


def test_another_number_of_channels_than_are_open_is_refused(monkeypatch):
    real = sj.Junction.open_channels
    monkeypatch.setattr(
        sj.Junction, "open_channels", lambda self, E, c=0.0: real(self, E, c) & np.array([True, np.ndim(c) == 0])
    )
    for solver in ("kwant", "modes"):
        with pytest.raises(sj.BandEdgeError, match=r"Kwant finds \[\[1, 1\], \[1, 1\]\] channels"):
            sj.scatter(tunnel_junction(), 0.1, solver=solver)


CHAIN = tunnel_junction(theta=1.0)
FILM = spin_valve(theta=1.0, onsite=4.0, in_plane_hopping=1.0)
ROUTES = {
    "kwant": dict(energy=0.1, solver="kwant"),
    "modes": dict(energy=0.1, solver="modes"),
    "halves": dict(energy=0.1, solver="halves"),
    "batch": dict(energy=[0.1, 0.2, 99.0]),
    "supercell": dict(energy=0.1, cross_section=(2, 2)),
    "directions": dict(energy=0.1, m_right=sj.unit_vector(np.linspace(0.2, 3.0, 4))),
    "directions of a sample": dict(energy=0.1, m_right=sj.unit_vector([0.2, 2.0]), cross_section=(2, 2)),
    "average": dict(energy=0.1, k="average", rtol=1e-6),
}


@pytest.mark.parametrize("name", ROUTES)
def test_a_check_tells_the_other_route_and_how_far_they_are_apart(name):
    family = FILM if name == "average" else CHAIN
    s = sj.scatter(family, **ROUTES[name], check=True)
    assert s.check.route not in (s.solver, "")
    assert s.check.difference <= (1e-11 if name != "average" else 1e-5)
    assert s.check.points >= 1
    assert "second route" in str(s)
    for twin in (pickle.loads(pickle.dumps(s)), copy.deepcopy(s)):
        assert twin.check == s.check
    assert sj.scatter(family, **ROUTES[name]).check is None


@pytest.mark.parametrize("name", ROUTES)
def test_a_wrong_engine_is_caught_by_the_check(monkeypatch, name):
    """Probabilities of another spacer, or energy: unitary, continuous, and not the answer."""
    family = FILM if name == "average" else CHAIN
    other = replace(FILM, layers=[replace(FILM.layers[0], onsite=FILM.layers[0].onsite + 1e-3)])
    right, dense = route.probabilities, route.supercell.probabilities_by

    def wrong(junction, E, *rest):
        return right(other, E, *rest) if name == "average" else right(junction, np.add(E, 1e-3), *rest)

    monkeypatch.setattr(route, "probabilities", wrong)
    monkeypatch.setattr(route.supercell, "probabilities_by", lambda j, E, *rest, **kw: dense(j, E + 1e-3, *rest, **kw))
    with pytest.raises(sj.DisagreementError):
        sj.scatter(family, **ROUTES[name], check=True)


def test_a_check_works_without_kwant(monkeypatch):
    monkeypatch.setattr("kwant_spinjunc.crosscheck.has", lambda name: False)
    s = sj.scatter(tunnel_junction(theta=1.0), 0.1, solver="halves", check=True)
    assert s.check.route == "texture"
    assert s.check.difference < SAME
    with pytest.raises(sj.ArgumentError, match="`check` must be False for a supercell without Kwant"):
        sj.scatter(tunnel_junction(), 0.1, cross_section=(2, 2), check=True)
