"""Averages: the same bits however they are computed, honest error bars, and failures that are told."""

import pickle
import sqlite3
import sys
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import kwant_spinjunc as sj
from kwant_spinjunc.model.disorder import Anderson
from kwant_spinjunc.runs.ensemble import average, ensemble, open_ensemble
from kwant_spinjunc.runs.executors import ExecutorError, process_pool
from kwant_spinjunc.runs.schedule import Run
from kwant_spinjunc.runs.statistics import BlockMeans, Moments
from kwant_spinjunc.runs.store import Store
from systems.tunnel_junction import tunnel_junction

from ensemble_problems import Drawn  # isort: skip

QUIET = dict(workers=1, progress=False)
IRON = dict(onsite=3.0, hopping=1.0, splitting=1.0, in_plane_hopping=1.0)
#: Sums over a few hundred samples in another order.
ROUNDING = 1e-12


def disordered(theta=1.0, width=2.0):
    dirty = sj.ferromagnet(**IRON, thickness=2, disorder=[Anderson(width=width)])
    spacer = sj.normal_metal(onsite=0.5, hopping=1.0, in_plane_hopping=1.0, thickness=1)
    return sj.Junction(sj.ferromagnet(**IRON), [dirty, spacer], sj.ferromagnet(**IRON, m=sj.unit_vector(theta)))


def fingerprint(result):
    """All statistics, to the bit."""
    parts = (result[name] for name in result.names)
    return pickle.dumps([(s.mean, s.error, s.std, s.minimum, s.maximum, s.typical, s.count) for s in parts])


def test_statistics_have_the_same_bits_for_any_workers_executor_and_interruption():
    problem = Drawn(chunk=3)
    serial = fingerprint(average(problem, realizations=40, **QUIET))
    assert fingerprint(average(problem, realizations=40, workers=2, progress=False)) == serial
    with ThreadPoolExecutor(3) as threads:
        assert fingerprint(average(problem, realizations=40, executor=threads, progress=False)) == serial
    average(problem, realizations=11, store="s", **QUIET).store.close()
    average(problem, realizations=23, store="s", **QUIET).store.close()
    resumed = average(Drawn(chunk=3, log="log"), realizations=40, store="s", **QUIET)
    assert fingerprint(resumed) == serial
    assert sorted(map(int, Path("log").read_text().split())) == list(range(23, 40))  # none twice
    assert fingerprint(open_ensemble("s")) == serial


def test_what_was_solved_beyond_the_stop_changes_nothing():
    problem = Drawn(chunk=4)
    settings = dict(rtol=0.15, realizations=4000)
    stopped = average(problem, **settings, **QUIET)
    assert stopped.converged
    assert stopped.realizations < 4000
    assert stopped.relative_error <= 0.15
    average(problem, realizations=stopped.realizations + 30, store="s", **QUIET).store.close()
    assert fingerprint(average(problem, **settings, store="s", **QUIET)) == fingerprint(stopped)
    assert fingerprint(average(problem, **settings, workers=2, progress=False)) == fingerprint(stopped)
    shorter = average(problem, rtol=1e-6, realizations=20, **QUIET)
    assert shorter.converged is False
    assert shorter.realizations == 20


def test_ctrl_c_keeps_what_was_done(monkeypatch):
    commit = Run._commit

    def interrupted(self, numbers, *rest):
        commit(self, numbers, *rest)
        if numbers[0] >= 8:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Run, "_commit", interrupted)
        with pytest.raises(sj.EnsembleInterrupted) as caught:
            average(Drawn(), realizations=40, store="s", **QUIET)
    assert caught.value.result.realizations == 8
    caught.value.result.store.close()
    resumed = average(Drawn(log="log"), realizations=40, store="s", **QUIET)
    assert len(Path("log").read_text().split()) == 28
    assert fingerprint(resumed) == fingerprint(average(Drawn(), realizations=40, **QUIET))


def test_streaming_statistics_are_those_of_numpy():
    result = average(Drawn(chunk=7), realizations=300, **QUIET)
    x = result.samples("conductance")
    s = result.conductance
    assert x.shape == (300,)
    np.testing.assert_allclose(s.mean, x.mean(), rtol=ROUNDING)
    np.testing.assert_allclose(s.std, x.std(ddof=1), rtol=ROUNDING)
    np.testing.assert_allclose(s.error, x.std(ddof=1) / np.sqrt(300), rtol=ROUNDING)
    np.testing.assert_allclose(s.typical, np.exp(np.log(x).mean()), rtol=ROUNDING)
    assert (s.minimum, s.maximum) == (x.min(), x.max())
    levels = [0.0, 0.1, 0.5, 0.99, 1.0]
    np.testing.assert_array_equal(result.quantile("conductance", levels), np.quantile(x, levels))
    density, edges = result.histogram("conductance", log=True, bins=9)
    np.testing.assert_allclose(density, np.histogram(np.log(x), edges, density=True)[0], rtol=1e-9)
    pair = result.samples("pair")
    difference = result.derived(lambda batch: batch["pair"][:, 1] - batch["pair"][:, 0])
    np.testing.assert_allclose(difference.error, np.std(pair[:, 1] - pair[:, 0], ddof=1) / np.sqrt(300), rtol=ROUNDING)
    assert difference.error < 0.2 * result["pair"].error[0]  # correlations count


def test_quantiles_are_exact_when_samples_do_not_fit(monkeypatch):
    result = average(Drawn(chunk=50), realizations=500, **QUIET)
    levels = [0.0, 0.05, 0.5, 0.777, 1.0]
    monkeypatch.setattr(sys.modules["kwant_spinjunc.runs.averages"], "HELD", 20)
    np.testing.assert_allclose(
        result.quantile("pair", levels), np.quantile(result.samples("pair"), levels, axis=0), rtol=1e-14
    )


def test_the_typical_value_is_zero_of_a_zero_and_undefined_of_a_negative_number():
    moments = Moments(3)
    moments.add(np.array([[1.0, 0.0, -1.0], [4.0, 2.0, 1.0]]))
    moments.add(np.array([[2.0, 2.0, 1.0]]))
    np.testing.assert_allclose(moments.statistic(slice(None), (3,)).typical, [2.0, 0.0, np.nan], equal_nan=True)


def test_error_bars_cover_the_mean_as_often_as_they_should():
    inside = jack = 0
    for seed in range(200):
        x = np.random.default_rng(seed).normal([1.0, 4.0], 1.0, (100, 2))
        moments, blocks = Moments(2), BlockMeans(2)
        for start in range(0, 100, 20):
            moments.add(x[start : start + 20])
            blocks.add(x[start : start + 20], np.arange(start, start + 20))
        s = moments.statistic(slice(None), (2,))
        inside += abs(s.mean[0] - 1.0) < s.error[0]
        ratio, error = blocks.jackknife(lambda mean: mean[0] / mean[1])
        jack += abs(ratio - 0.25) < error
    for covered in (inside, jack):  # 68 % of 200 is 137 ± 7: five sigma
        assert abs(covered - 137) < 35


def test_a_sample_that_raises_is_retried_once_and_then_left_out_with_its_seed():
    result = average(Drawn(raises=(5,), once="been"), realizations=12, **QUIET)
    assert result.failed == 0
    result = average(Drawn(raises=(5, 9)), realizations=12, **QUIET)
    assert [(f.realization, f.seed) for f in result.failures] == [(5, 3), (9, 3)]
    assert "sample 5 is impossible" in result.failures[0].error
    assert result.conductance.count == 10
    assert "2 of 12 failed" in str(result)
    clean = average(Drawn(), realizations=12, **QUIET).samples("conductance")
    np.testing.assert_array_equal(result.samples("conductance"), np.delete(clean, [5, 9]))


@pytest.mark.parametrize("failing", [5, 7])
def test_failures_beyond_the_fifth_are_counted(failing):
    text = str(average(Drawn(raises=tuple(range(4, 4 + failing))), realizations=20, **QUIET))
    assert text.count("failed: realization") == 5
    assert ("... and 2 more failed" in text) == (failing == 7)
    assert ("more failed" in text) == (failing == 7)


def test_samples_that_vanish_from_an_open_store_are_not_left_out_in_silence():
    with average(Drawn(), realizations=24, store="s", **QUIET) as result:
        assert sum(len(batch["conductance"]) for batch in result.batches()) == 24
        other = sqlite3.connect(result.store.path)
        with other:
            names = [name for (name,) in other.execute("select name from sqlite_master where type = 'table'")]
            rows = next(name for name in names if "chunk" in name)
            assert other.execute(f"delete from {rows} where rowid = (select max(rowid) from {rows})").rowcount == 1
        other.close()
        with pytest.raises(sj.SpinjuncError, match="missing or damaged in the store"):
            list(result.batches())


def test_a_worker_that_dies_is_replaced_and_the_sample_that_killed_it_is_told():
    Path("broken").touch()
    kills = Drawn(kills=(6,), environment="broken")
    result = average(kills, realizations=16, executor=partial(process_pool, 1), progress=False, store="s")
    assert [f.realization for f in result.losses] == [6]
    assert "its worker died 3 times" in result.losses[0].error
    assert (result.failed, result.lost) == (0, 1)
    clean = average(Drawn(), realizations=16, **QUIET)
    np.testing.assert_array_equal(result.samples("conductance"), np.delete(clean.samples("conductance"), 6))
    result.close()
    Path("broken").unlink()  # the machine is well again: the same run solves what was lost, to the same bits
    again = average(replace(kills, log="log"), realizations=16, store="s", **QUIET)
    assert Path("log").read_text().split() == ["6"]
    assert again.lost == 0
    np.testing.assert_array_equal(again.samples("conductance"), clean.samples("conductance"))
    np.testing.assert_array_equal(again.conductance.error, clean.conductance.error)


def test_what_the_machine_lacks_is_not_kept_as_physics():
    Path("broken").touch()
    problem = Drawn(raises=(5,), kind="MemoryError", environment="broken")
    result = average(problem, realizations=8, store="s", **QUIET)
    assert (result.failed, result.lost, result.losses[0].realization) == (0, 1, 5)
    assert "MemoryError" in str(result)
    result.close()
    Path("broken").unlink()
    assert average(problem, realizations=8, store="s", **QUIET).conductance.count == 8


class _Dying(Executor):
    """Runs three tasks in this process, then is dead."""

    def __init__(self):
        self.left = 3

    def submit(self, function, *args):
        future = Future()
        self.left -= 1
        if self.left < 0:
            future.set_exception(BrokenExecutor("dead"))
        else:
            future.set_result(function(*args))
        return future


def test_an_executor_that_dies_can_be_made_anew_only_from_a_function():
    with pytest.raises(ExecutorError, match="Give a function"):
        average(Drawn(), realizations=40, executor=_Dying(), workers=1, progress=False, store="s")
    with Store("s", None) as store:
        assert store.end() == 12  # kept
    result = average(Drawn(), realizations=40, executor=_Dying, workers=1, progress=False, store="s")
    assert result.failed == 0
    assert fingerprint(result) == fingerprint(average(Drawn(), realizations=40, **QUIET))


def test_no_average_of_failures_only():
    with pytest.raises(sj.ArgumentError, match="all of the first 8 realizations failed"):
        average(Drawn(raises=tuple(range(9))), realizations=9, store="s", **QUIET)
    with Store("s", None) as store:
        assert store.end() == 0  # what failed may be the machine: forgotten


def test_the_first_realization_may_fail_alone():
    result = average(Drawn(chunk=1, raises=(0,)), realizations=20, **QUIET)
    assert [failure.realization for failure in result.failures] == [0]
    assert result["conductance"].count == 19


class _Counting(Executor):
    """Counts the tasks that wait."""

    def __init__(self):
        self.pool, self.most, self.now = ThreadPoolExecutor(2), 0, 0

    def submit(self, function, *args):
        self.now += 1
        self.most = max(self.most, self.now)
        future = self.pool.submit(function, *args)
        future.add_done_callback(lambda _: setattr(self, "now", self.now - 1))
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.pool.shutdown(wait)


def test_tasks_are_handed_out_as_they_are_needed():
    with _Counting() as executor:
        average(Drawn(chunk=1), realizations=200, executor=executor, workers=2, progress=False)
    assert executor.most <= 4


# ---------------------------------------------------------------------- junctions
def test_an_ensemble_averages_what_scatter_finds():
    junction = disordered()
    settings = dict(cross_section=(2, 2), boundary="hard wall", seed=5)
    result = ensemble(junction, 0.3, realizations=3, profiles=True, **settings, **QUIET)
    found = [sj.scatter(junction, 0.3, realization=i, solver="kwant", **settings) for i in range(3)]
    np.testing.assert_allclose(result.samples("probabilities"), [s.probabilities for s in found], atol=1e-10)
    np.testing.assert_allclose(result["bond_currents"].mean, np.mean([s.fields.currents for s in found], 0), atol=1e-10)
    responses = [sj.linear_response(s, 0.5, -0.5) for s in found]
    np.testing.assert_allclose(
        result.samples("magnetization_current"), [r.magnetization for r in responses], atol=1e-10
    )
    np.testing.assert_allclose(result.samples("damping_like"), [r.torques.damping_like for r in responses], atol=1e-10)
    assert result.conductance.mean > 0
    assert result["continuity_defect"].maximum < 1e-10


def test_one_solve_gives_all_directions_of_the_right_magnet():
    junction = disordered()
    m = sj.unit_vector(np.array([0.0, 0.7, 2.5]), 0.4)
    settings = dict(cross_section=(2, 1), realizations=4, **QUIET)
    many = ensemble(junction, 0.3, m_right=m, torques=False, **settings)
    slow = ensemble(junction, 0.3, m_right=m, torques=True, **settings)
    np.testing.assert_allclose(many.samples("probabilities"), slow.samples("probabilities"), atol=1e-11)
    one = ensemble(junction.turned(m_right=m[1]), 0.3, torques=False, **settings)
    np.testing.assert_allclose(many.transmissions.mean[1], one.transmissions.mean, atol=1e-11)
    np.testing.assert_allclose(slow["damping_like"].mean[0], 0.0, atol=1e-12)  # collinear
    assert many.to_dataset().conductance.dims == ("direction",)


def test_twists_average_a_clean_cell_over_the_zone():
    # one cell of a clean junction with random twists is a Monte-Carlo integral over k
    junction = tunnel_junction(theta=1.0)
    junction = sj.Junction(
        sj.ferromagnet(**IRON), [sj.barrier(onsite=5.0, hopping=1.0, in_plane_hopping=0.5, thickness=1)],
        sj.ferromagnet(**IRON, m=sj.unit_vector(1.0)))  # fmt: skip
    exact = sj.scatter(junction, 0.3, "average")
    for shape in [(1, 1), (2, 1)]:
        result = ensemble(
            junction, 0.3, cross_section=shape, boundary="twisted", realizations=240, torques=False, seed=1, **QUIET
        )
        cells = np.prod(shape)
        assert abs(result.conductance.mean / cells - exact.conductance) < 4 * result.conductance.error / cells
        assert result.conductance.error > 0
        assert f"of {cells} cells" in str(result) or cells == 1


def test_the_dataset_has_units_names_and_errors():
    data = ensemble(disordered(), 0.3, realizations=5, **QUIET).to_dataset()
    assert all(v.attrs["units"] and v.attrs["long_name"] for v in data.data_vars.values())
    assert data.magnetization_current_error.dims == ("lead",)
    assert data.conductance_quantile.sizes == {"quantile": 5}
    assert data.attrs["realizations"] == 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(realizations=0), "`realizations` must be at least 1"),
        (dict(rtol=-1.0), "`rtol` must be positive"),
        (dict(quantity="charm"), "`quantity` must be one of"),
        (dict(boundary="open"), "`boundary` must be 'periodic'"),
        (dict(boundary="twisted", k=(0.1, 0.0)), "`k` must be None for a twisted boundary"),
        (dict(seed=-1), "`seed` must be an integer >= 0"),
        (dict(m_right=(0.0, 0.0, 1.0)), r"`m_right` must have shape \(directions, 3\)"),
        (dict(solver="magic"), "`solver` must be"),
        (dict(workers=0), "`workers` must be at least 1"),
        (dict(executor=3), "`executor` must be a concurrent.futures.Executor"),
        (dict(chunk=0), "`chunk` must be at least 1"),
    ],
)
def test_bad_arguments_are_refused_before_any_work(change, message):
    with pytest.raises(sj.ArgumentError, match=message):
        ensemble(disordered(), 0.3, store="s", **{**QUIET, **change})
    if "executor" not in change:
        assert not Path("s").exists()


def test_an_energy_outside_the_bands_is_refused_at_once():
    with pytest.raises(sj.NoOpenChannelError, match="no channel"):
        ensemble(disordered(), 50.0, **QUIET)


def test_a_cross_section_too_large_for_the_memory_is_refused_with_what_it_needs(monkeypatch):
    with pytest.raises(sj.ArgumentError, match="GB"):
        ensemble(disordered(), 0.3, cross_section=(300, 300), **QUIET)
    monkeypatch.setattr(sys.modules["kwant_spinjunc.runs.realizations"], "machine_memory", lambda: 1.5e-3)
    with pytest.raises(sj.ArgumentError, match=r"5 workers need about .* GB each for 5 planes\. Use 2 workers"):
        ensemble(disordered(), 0.3, cross_section=(5, 4), workers=5, progress=False)


def test_a_store_of_another_junction_is_refused_with_the_layer_named():
    ensemble(disordered(), 0.3, realizations=2, store="s", **QUIET).store.close()
    with pytest.raises(sj.ArgumentError, match=r"junction\.layers\[0\]\.disorder\[0\]\.width is 2\.0 and not 3\.0"):
        ensemble(disordered(width=3.0), 0.3, realizations=2, store="s", **QUIET)
    with pytest.raises(sj.ArgumentError, match="seed is 0 and not 1"):
        ensemble(disordered(), 0.3, realizations=2, seed=1, store="s", **QUIET)


def test_an_ensemble_of_a_clean_junction_says_that_its_samples_are_equal():
    clean = tunnel_junction(in_plane_hopping=0.5)
    said = {}
    for name, junction, boundary in (
        ("clean", clean, "periodic"),
        ("twisted", clean, ("periodic", "twisted")),
        ("disordered", disordered(), "periodic"),
    ):
        settings = dict(cross_section=(1, 2), boundary=boundary, realizations=3, torques=False, store=name)
        with ensemble(junction, 0.3, **settings, **QUIET) as result:
            said[name] = "all samples are equal" in str(result)
            assert said[name] == (float(result.conductance.std) < 1e-12)
    assert said == {"clean": True, "twisted": False, "disordered": False}
    with open_ensemble("clean") as again:
        assert "all samples are equal" in str(again)
