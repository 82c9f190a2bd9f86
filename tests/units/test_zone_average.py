"""`zone_average`: what workers, a store and a resumed run find is what one process finds."""

import pickle
import sqlite3
import warnings
from concurrent.futures import Executor, Future
from contextlib import nullcontext
from dataclasses import replace

import pytest
from numpy.testing import assert_allclose, assert_array_equal

import kwant_spinjunc as sj
from kwant_spinjunc.runs import zone
from kwant_spinjunc.runs.store import StoreError
from systems.altermagnet_junction import altermagnet_junction

ASKED = dict(turns=[0.0, 1.0], behind="barrier", rtol=1e-5)
#: Batches of another size round otherwise.
ROUNDING = 1e-12


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch):
    monkeypatch.setattr(zone, "MOST", 20)


def average(t_j=0.3, **more):
    return sj.zone_average(altermagnet_junction(hopping_splitting=t_j), 0.2, progress=False, **{**ASKED, **more})


def solved(monkeypatch):
    """Count the momenta that are solved."""
    counted, solve = [], zone.solve_momenta

    def counting(problem, asked, names):
        counted.append(len(asked))
        return solve(problem, asked, names)

    monkeypatch.setattr(zone, "solve_momenta", counting)
    return counted


def test_a_store_resumes_a_mean_that_was_stopped_anywhere_and_gives_the_same_bits(tmp_path, monkeypatch):
    plain = sj.scatter(altermagnet_junction(), 0.2, k="average", **ASKED)
    whole = average(store=tmp_path / "whole.sqlite")
    assert_allclose(whole.probabilities, plain.probabilities, atol=ROUNDING)
    assert_allclose(whole.side_torques, plain.side_torques, atol=ROUNDING)
    assert whole.points == plain.points

    solve, left = zone.solve_momenta, [4]

    def dying(problem, asked, names):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return solve(problem, asked, names)

    with monkeypatch.context() as patch:
        patch.setattr(zone, "solve_momenta", dying)
        with pytest.raises(KeyboardInterrupt):
            average(store=tmp_path / "half.sqlite")
    counted = solved(monkeypatch)
    again = average(store=tmp_path / "half.sqlite")
    assert 0 < sum(counted) < whole.points
    assert_array_equal(again.probabilities, whole.probabilities)
    assert_array_equal(again.k_error, whole.k_error)
    counted.clear()
    assert_array_equal(average(store=tmp_path / "half.sqlite").probabilities, whole.probabilities)
    assert not counted
    # other fluxes than those that were averaged are solved for in this process
    assert again.spin_current("barrier").shape == (2, 2, 2, 4)


def test_more_points_go_on_from_the_store(tmp_path, monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sj.SpinjuncWarning)
        first = average(store=tmp_path / "run.sqlite", max_points=60)
    counted = solved(monkeypatch)
    second = average(store=tmp_path / "run.sqlite")
    assert sum(counted) == second.points - first.points


def test_a_damaged_row_is_solved_again_and_a_store_of_something_else_refused(tmp_path, monkeypatch):
    path = tmp_path / "run.sqlite"
    whole = average(store=path)
    with sqlite3.connect(path) as db:
        starts = [row[0] for row in db.execute("SELECT start FROM chunks ORDER BY start")]
        db.execute("UPDATE chunks SET samples = zeroblob(length(samples)) WHERE start = ?", (starts[2],))
    db.close()
    counted = solved(monkeypatch)
    assert_allclose(average(store=path).probabilities, whole.probabilities, atol=ROUNDING)
    assert sum(counted) == starts[3] - starts[2]
    with pytest.raises(sj.ArgumentError, match="store"):
        average(t_j=0.2, store=path)
    with pytest.raises(sj.ArgumentError, match="store"):
        average(turns=[0.0, 1.1], store=path)


def test_a_store_of_other_labels_is_refused(tmp_path):
    """The same Hamiltonian, whose spins are told along other axes: the momenta are the same, the numbers are not."""
    device = altermagnet_junction(hopping_splitting=0.0, splitting=0.0)
    for z in (1.0, -1.0):
        labelled = replace(device, magnetizations=dict.fromkeys((0, 1), (0.0, 0.0, z)))
        with nullcontext() if z > 0 else pytest.raises(sj.ArgumentError, match=r"leads\S* is 1\.0 and not -1\.0"):
            sj.zone_average(labelled, 0.2, progress=False, store=tmp_path / "run.sqlite", rtol=1e-2)


def test_momenta_that_are_not_those_asked_for_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "run.sqlite"
    average(store=tmp_path / "told.sqlite")
    with pytest.raises(sj.ArgumentError, match="energy is 0.2 and not 0.21"):
        sj.zone_average(altermagnet_junction(), 0.21, store=tmp_path / "told.sqlite", progress=False, **ASKED)
    monkeypatch.setattr(zone, "_identity", lambda *_: {"zone": "the same on a machine that rounds otherwise"})
    average(store=path)
    with pytest.raises(StoreError, match="other momenta than this run asks for at number"):
        sj.zone_average(altermagnet_junction(), 0.21, store=path, progress=False, **ASKED)


class Elsewhere(Executor):
    """Runs here what a worker could run: what pickles, in and out."""

    _max_workers = 2

    def submit(self, function, /, *args):
        future = Future()
        function, args = pickle.loads(pickle.dumps((function, args)))
        future.set_result(pickle.loads(pickle.dumps(function(*args))))
        return future


def test_workers_find_what_one_process_finds_without_the_kwant_system():
    elsewhere = average(executor=Elsewhere(), workers=2)
    assert_allclose(elsewhere.probabilities, average().probabilities, atol=ROUNDING)
    with pytest.raises((pickle.PicklingError, AttributeError, TypeError)):
        pickle.dumps(elsewhere.measurement.problem)  # as it stands it could not have gone there


def test_what_an_earlier_physics_left_in_a_file_is_refused_whatever_it_is_of(tmp_path, monkeypatch):
    """Regression: the version of the package stood still while a lead of crystals was solved as another one."""
    from kwant_spinjunc.runs import realizations, sweep
    from systems.disordered_barrier import disordered_barrier
    from systems.tunnel_junction import tunnel_junction

    few = dict(cross_section=(1, 1), realizations=2, progress=False, workers=1)

    def sample():
        return sj.ensemble(disordered_barrier(), 0.5, store=tmp_path / "samples", **few)

    def swept(earlier=None):
        return sj.sweep(tunnel_junction, energy=0.0, height=[2.0, 3.0], progress=False, resume=earlier)

    average(store=tmp_path / "zone", rtol=1e-2)
    sample()
    earlier = swept()
    for _ in (average(store=tmp_path / "zone", rtol=1e-2), sample(), swept(earlier)):
        pass  # the same physics goes on
    for module in (zone, realizations, sweep):
        monkeypatch.setattr(module, "PHYSICS", module.PHYSICS + 1)
    for again in (lambda: average(store=tmp_path / "zone", rtol=1e-2), sample, lambda: swept(earlier)):
        with pytest.raises((StoreError, sj.ArgumentError), match="physics"):
            again()
