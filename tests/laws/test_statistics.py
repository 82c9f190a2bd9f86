"""Averages of unequal batches against NumPy, fits of known laws, tables that are kept while they are filled."""

import contextlib
import gc
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr
from numpy.testing import assert_allclose

import kwant_spinjunc as sj
from kwant_spinjunc.judging.remedy import Search
from kwant_spinjunc.quantities import Quantity
from kwant_spinjunc.runs import averages, sweep, tables, zone
from kwant_spinjunc.runs.collapse import CANDIDATES, collapse
from kwant_spinjunc.runs.ensemble import average, open_ensemble
from kwant_spinjunc.runs.executors import ExecutorError, open_pool
from kwant_spinjunc.runs.realizations import Observable
from kwant_spinjunc.runs.statistics import BLOCKS, BlockMeans, Moments
from kwant_spinjunc.runs.store import Store, StoreError
from kwant_spinjunc.runs.tables import TableFile, journal_path
from systems.altermagnet_junction import altermagnet_junction
from systems.tunnel_junction import tunnel_junction

QUIET = dict(workers=1, progress=False)
RNG = np.random.default_rng(5)
#: Sums of some hundred numbers in another order.
ROUNDING = 1e-12


# ---------------------------------------------------------------------- statistics
@pytest.mark.parametrize("sizes", [(1,), (2,), (1, 1), (0, 3, 0, 1), (5, 1, 30, 2), (64, 64, 3)])
def test_moments_of_unequal_batches_are_those_of_all_samples(sizes):
    x = np.exp(RNG.standard_normal((sum(sizes), 3)))
    moments, at = Moments(3), 0
    for size in sizes:
        moments.add(x[at : at + size])
        at += size
    n, s = len(x), moments.statistic(slice(1, 3), (2, 1))
    own = x[:, 1:].T[..., None].transpose(0, 2, 1)
    std, spread = (x.std(axis=-1, ddof=1) if n > 1 else np.full((2, 1), np.nan) for x in (own, np.log(own)))
    typical = np.exp(np.log(own).mean(axis=-1))
    expected = dict(mean=own.mean(axis=-1), std=std, error=std / np.sqrt(n), minimum=own.min(axis=-1))
    expected |= dict(maximum=own.max(axis=-1), typical=typical, typical_error=typical * spread / np.sqrt(n), count=n)
    for name, value in expected.items():
        assert_allclose(getattr(s, name), value, rtol=ROUNDING, atol=1e-14, err_msg=name, equal_nan=n == 1)


def test_a_statistic_of_no_sample_is_not_a_number():
    s = Moments(2).statistic(slice(None), (2,))
    assert s.count == 0
    for name in ("mean", "std", "error", "minimum", "maximum", "typical", "typical_error"):
        assert np.isnan(getattr(s, name)).all(), name


def test_the_jackknife_leaves_out_one_block_after_the_other():
    """Blocks of unequal numbers of samples, most of them empty; the value without its bias to first order."""
    numbers = np.array([0, 64, 128, 1, 2, 66, 5, 5 + 64, 63, 200])
    x = RNG.uniform(1.0, 2.0, (len(numbers), 2))
    blocks = BlockMeans(2)
    for part in (slice(0, 3), slice(3, 4), slice(4, 10)):
        blocks.add(x[part], numbers[part])
    own = numbers % 64
    assert BLOCKS == 64
    assert_allclose(blocks.counts[[0, 1, 2, 5, 8, 63]], [3, 1, 2, 2, 1, 1])

    def ratio(mean):
        return np.array([mean[0] / mean[1], mean[0]])

    left = np.array([ratio(x[own != block].mean(axis=0)) for block in sorted({*own})])
    g = len(left)
    value, error = blocks.jackknife(ratio)
    assert_allclose(value, g * ratio(x.mean(axis=0)) - (g - 1) * left.mean(axis=0), rtol=1e-12)
    assert_allclose(error, np.sqrt((g - 1) * left.var(axis=0)), rtol=1e-12)
    single = BlockMeans(2)
    single.add(x[:2], numbers[:2])  # one block alone has no error
    value, error = single.jackknife(ratio)
    assert_allclose(value, ratio(x[:2].mean(axis=0)))
    assert np.isnan(error).all()
    value, error = BlockMeans(1).jackknife(lambda mean: mean[0])
    assert (float(value), np.isnan(error)) == (0.0, True)


class Skewed:
    """Samples of two shapes, of which one is profile-like, and none is positive alone."""

    quantities: ClassVar = (
        Observable("flat", ("lead", "spin"), (2, 2), "1", "four numbers"),
        Observable("conductance", (), (), "1", "one number", profile=True),
    )
    identity: ClassVar = {"chunk": 7, "seed": 0}
    seed, chunk = 0, 7

    def solve(self, realization):
        draw = np.random.default_rng([9, realization])
        return {"flat": draw.integers(-2, 5, (2, 2)) + np.diag([0.25, 10.0]), "conductance": draw.exponential()}


@pytest.fixture(scope="module")
def skewed():
    with average(Skewed(), realizations=40, **QUIET) as found:
        yield found


@pytest.mark.parametrize("held", [2**20, 40, 39, 8, 1])
def test_quantiles_are_those_of_all_samples_however_many_are_held(held, skewed, monkeypatch):
    """Many samples are alike, so that no interval can be made as small as is wished."""
    monkeypatch.setattr(averages, "HELD", held)
    levels = [0.0, 0.1, 1 / 3, 0.5, 0.93, 1.0]
    for name in skewed.names:
        found = skewed.quantile(name, levels)
        assert_allclose(found, np.quantile(skewed.samples(name), levels, axis=0), rtol=1e-13, atol=1e-13)
    assert skewed.quantile("conductance", 0.5).shape == (1,)
    for wrong in (-0.1, 1.1, [[0.5]]):
        with pytest.raises(sj.ArgumentError, match="`q` must be numbers from 0 to 1"):
            skewed.quantile("flat", wrong)


def test_histograms_count_every_sample_once(skewed):
    x = skewed.samples("flat")
    for element in np.ndindex(2, 2):
        density, edges = skewed.histogram("flat", element, bins=4)
        own = x[(slice(None), *element)]
        assert_allclose(edges, np.linspace(own.min(), own.max(), 5))
        assert_allclose(density, np.histogram(own, edges, density=True)[0], rtol=1e-12)
    density, edges = skewed.histogram("conductance", log=True)
    assert (len(density), len(edges)) == (50, 51)
    own = np.log(skewed.samples("conductance"))
    assert_allclose(edges[[0, -1]], [own.min(), own.max()], rtol=1e-12)
    assert_allclose(density @ np.diff(edges), 1.0)
    with pytest.raises(sj.ArgumentError, match="`log` must be False where flat is not positive"):
        skewed.histogram("flat", (0, 0), log=True)
    for wrong in ((2, 0), (0,), ("a", 0)):
        with pytest.raises(sj.ArgumentError, match=r"`element` must be an index of flat, whose shape is \(2, 2\)"):
            skewed.histogram("flat", wrong)


def test_samples_of_one_value_have_a_histogram_around_it():
    same = SimpleNamespace(**{name: getattr(Skewed, name) for name in ("quantities", "identity", "seed", "chunk")})
    same.solve = lambda n: {"flat": 3.0, "conductance": 2.0}
    with average(same, realizations=3, **QUIET) as found:
        density, edges = found.histogram("conductance", bins=2)
        assert_allclose(edges, [1.5, 2.0, 2.5])
        assert_allclose(density, [0.0, 2.0])


def test_functions_of_samples_and_of_means_are_those_of_numpy(skewed):
    x, g = skewed.samples("flat"), skewed.samples("conductance")
    assert (x.shape, g.shape, [len(b["flat"]) for b in skewed.batches()]) == ((40, 2, 2), (40,), [7] * 5 + [5])
    s = skewed.derived(lambda batch: batch["flat"][:, 1] * batch["conductance"][:, None])
    assert_allclose(s.mean, (x[:, 1] * g[:, None]).mean(axis=0), rtol=1e-12)
    assert_allclose(s.std, (x[:, 1] * g[:, None]).std(axis=0, ddof=1), rtol=1e-12)
    assert s.count == 40
    whole = skewed.derived(lambda batch: (batch["conductance"] > 1).astype(int))
    assert_allclose([whole.mean, whole.minimum, whole.maximum], [(g > 1).mean(), 0.0, 1.0])
    value, error = skewed.of_means(lambda means: means["flat"] * means["conductance"])
    left = np.array([np.delete(x, n, 0).mean(axis=0) * np.delete(g, n).mean() for n in range(40)])
    assert_allclose(value, 40 * x.mean(axis=0) * g.mean() - 39 * left.mean(axis=0), rtol=1e-10)
    assert_allclose(error, np.sqrt(39 * left.var(axis=0)), rtol=1e-10)
    for wrong in (lambda: skewed.samples("x"), lambda: skewed.quantile("x", 0.5), lambda: skewed["x"]):
        with pytest.raises(sj.ArgumentError, match="`name` must be one of 'flat', 'conductance', but is 'x'"):
            wrong()
    with pytest.raises(sj.ArgumentError, match="`name` must be one of"):
        skewed.chemical_potentials(axis=[(0, 0, 1)])


# ---------------------------------------------------------------------- fits
def test_a_law_of_powers_is_found_with_its_powers_and_scatter():
    """error = 3 z^1.5 sin²Φ of a "round trip" z but for known factors, on points that are resolved and tunneling."""
    n = 40
    names = {name for group in CANDIDATES.values() for name in group}
    values = {name: np.exp(RNG.uniform(-5, -3, n)) for name in names}
    angle = RNG.uniform(0.3, 2.8, n)
    factor = np.where(np.arange(n) % 2, 1.1, 1 / 1.1)
    error = 3 * values["round_trip"] ** 1.5 * np.sin(angle) ** 2
    own = (error * factor / 2) ** (1 / 0.5)
    data = xr.Dataset({name: ("x", value) for name, value in values.items()})
    data = data.assign(tunnelling=("x", error * factor), tunnelling_leading_order=("x", own), angle=("x", angle))
    found = {fit.candidate: fit for fit in collapse(data)}
    assert set(found) == {*CANDIDATES, "leading order"}
    assert [fit.scatter for fit in collapse(data)] == sorted(fit.scatter for fit in found.values())
    law = found["leading order"]
    assert_allclose([*law.exponents, law.angle_exponent, law.prefactor], [0.5, 0.0, 2.0], rtol=1e-9, atol=0)
    assert_allclose([law.scatter, law.worst, law.points], [1.0, 1.0, n], rtol=1e-9)
    trip = found["round trip"]
    design = np.stack([np.log(values["round_trip"]), np.log(np.sin(angle)), np.ones(n)], axis=-1)
    solution = np.linalg.pinv(design) @ np.log(error * factor)
    rest = np.log(error * factor) - design @ solution
    assert_allclose([trip.exponents[0], trip.angle_exponent, np.log(trip.prefactor)], solution, rtol=1e-9)
    assert_allclose([trip.scatter, trip.worst], [np.exp(rest.std()), np.exp(abs(rest).max())], rtol=1e-9)
    assert abs(trip.exponents[0] - 1.5) < 0.1
    assert abs(trip.angle_exponent - 2) < 0.2
    assert len(found["transmission and decay"].exponents) == 2
    assert "power 0.500, scatter × 1 (worst × 1), 40 points" in str(law)


@pytest.mark.parametrize(
    ("change", "points"),
    [
        ({}, 30),
        ({"tunnelling": 1e-10}, 29),  # not resolved
        ({"tunnelling": 1.01e-10}, 30),
        ({"angle": 0.0}, 29),
        ({"angle": 2e-9}, 30),
        ({"transmission": 0.1}, 29),  # no tunneling
        ({"transmission": 0.0999}, 30),
        ({"tunnelling_leading_order": 0.0}, 29),
        ({"tunnelling_leading_order": np.nan}, 29),
        ({"decay": 0.0}, 30),  # of no concern to this candidate
    ],
)
def test_only_points_that_tell_are_fitted(change, points):
    names = {"tunnelling", "tunnelling_leading_order", *(name for group in CANDIDATES.values() for name in group)}
    values = {name: np.exp(RNG.uniform(-5, -3, 30)) for name in sorted(names)} | {"angle": RNG.uniform(0.3, 2.8, 30)}
    for name, value in change.items():
        values[name][7] = value
    data = xr.Dataset({name: ("x", value) for name, value in values.items()})
    halves = data.isel(x=slice(0, 11)), data.isel(x=slice(11, None))
    (law,) = (fit for fit in collapse(*halves) if fit.candidate == "leading order")
    assert law.points == points
    with pytest.raises(sj.ArgumentError, match="ten points"):
        collapse(data.isel(x=slice(20, 29)))
    assert all(fit.points == 10 for fit in collapse(data.isel(x=slice(20, 30))))
    assert collapse(data, tunneling=0.02)[0].points < points


# ---------------------------------------------------------------------- files that are filled
@pytest.fixture
def clock(monkeypatch):
    """A clock that goes when it is told to, and what is written meanwhile."""
    now = SimpleNamespace(time=100.0, takes=0.0, written=[])
    monkeypatch.setattr(tables, "time", SimpleNamespace(monotonic=lambda: now.time))
    write = tables.write_table

    def written(dataset, path, name):
        now.written.append(now.time)
        write(dataset, path, name)
        now.time += now.takes

    monkeypatch.setattr(tables, "write_table", written)
    return now


def grid():
    schema = {"a": Quantity((), "1", "one"), "b": Quantity(("lead",), "1", "two")}
    return tables.table(schema, {"x": np.arange(3.0), "y": np.arange(2.0)}, {"complete": 0, "title": "t"})


def test_a_table_is_written_when_it_is_time_and_its_journal_keeps_the_rest(clock):
    data, file = grid(), TableFile("t.nc")
    assert not file.exists
    with file.filling(data, (3, 2)):
        assert journal_path("t.nc").exists()
        for step, (after, takes) in enumerate([(0.5, 0.0), (0.4, 0.0), (0.1, 0.3), (2.9, 0.0), (0.1, 0.0), (0.9, 0.0)]):
            clock.time, clock.takes = clock.time + after, takes
            where = step // 2, slice(step % 2, step % 2 + 1)
            data["a"].values[where], data["b"].values[where] = step, [step + 0.1, step + 0.2]
            file.note(where)
            file.save(data)
        # at the first second, and ten times 0.3 s behind the end of that
        assert_allclose(clock.written, [101.0, 104.3])
        left = xr.load_dataset("t.nc", engine="scipy")
        assert np.isfinite(left["a"]).sum() == 5
        file.save(data, force=True)
        assert len(clock.written) == 3
    assert [path.name for path in Path().iterdir()] == ["t.nc"]
    xr.testing.assert_equal(xr.load_dataset("t.nc", engine="scipy"), data)


def test_what_a_killed_run_left_in_its_journal_is_entered_and_nothing_else(clock):
    first = grid()
    with contextlib.suppress(KeyboardInterrupt), TableFile("t.nc").filling(first, (3, 2)):
        raise KeyboardInterrupt
    assert list(Path().iterdir()) == []  # nothing was filled
    file = TableFile("t.nc")
    with contextlib.suppress(KeyboardInterrupt), file.filling(first, (3, 2)):
        first["a"].values[1], first["b"].values[1] = [3.0, 4.0], [[5.0, 6.0], [7.0, 8.0]]
        file.note((1, slice(0, 2)))
        raise KeyboardInterrupt
    assert TableFile("t.nc").exists
    with Store(journal_path("t.nc"), None) as kept:
        identity = kept.identity
    with Store(journal_path("t.nc"), identity) as kept:
        kept.write(0, np.ones((1, 2)), {})  # of another width
        kept.write(5, np.ones((2, 3)), {})  # reaches beyond
    again, file = grid(), TableFile("t.nc")
    with contextlib.suppress(KeyboardInterrupt), file.filling(again, (3, 2)):
        xr.testing.assert_equal(again, first)
        raise KeyboardInterrupt
    assert file.earlier(again.nbytes) is None
    fresh, file = grid(), TableFile("t.nc", fresh=True)
    with contextlib.suppress(KeyboardInterrupt), file.filling(fresh, (3, 2)):
        assert np.isnan(fresh["a"]).all()
        raise KeyboardInterrupt
    assert not TableFile("t.nc").exists
    changed = grid().assign_attrs(title="other")
    TableFile("t.nc").save(changed, force=True)
    file = TableFile("t.nc")
    assert file.tells("title")
    assert not file.tells("system")
    xr.testing.assert_equal(file.earlier(changed.nbytes), changed)
    file.discard()
    assert not file.exists
    file.discard()


def test_a_table_that_is_replaced_stays_until_there_is_a_point(clock):
    TableFile("t.nc").save(grid().assign_attrs(title="old"), force=True)
    data, file = grid(), TableFile("t.nc", fresh=True)
    assert file.exists
    assert file.earlier(data.nbytes) is None
    with file.filling(data, (3, 2)):
        file.save(data)
        assert xr.load_dataset("t.nc", engine="scipy").attrs["title"] == "old"
        for where in ((0, slice(0, 1)), (0, slice(1, 2))):
            data["a"].values[where], data["b"].values[where] = 1.0, 2.0
            file.note(where)
            assert xr.load_dataset("t.nc", engine="scipy").attrs["title"] == "t"
        assert len(clock.written) == 2  # of the old one and of the first point
        assert not file.fresh


def test_a_store_that_could_not_be_opened_or_is_dropped_leaves_nothing_open(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda raised: told.append(raised.exc_value))
    with pytest.raises(sj.ArgumentError):
        Store("no/such/folder/s", {"seed": 1})
    kept = Store("s", {"seed": 1})
    assert Path("s-lock").exists()
    del kept
    gc.collect()
    assert not Path("s-lock").exists()
    bare = Store.__new__(Store)
    del bare
    gc.collect()
    assert told == []


# ---------------------------------------------------------------------- sweeps and zones
def test_parts_of_an_axis_begin_at_the_same_places_whatever_is_missing():
    def runs(points, chunk, missing):
        found = sweep._Experiment("energy", points, {}, None, {}, chunk).runs(np.array(missing))
        return [
            (*((a.start, a.stop) if isinstance(a, slice) else a for a in at), np.ravel(x).tolist()) for at, x in found
        ]

    axis = np.arange(5.0)
    assert runs(axis, 2, [False, True, False, False, True]) == [((0, 2), [0.0, 1.0]), ((4, 6), [4.0])]
    assert runs(axis, 10, [False] * 5) == []
    assert runs(axis, 1, [True, False, True, False, False]) == [(0, [0.0]), (2, [2.0])]
    assert runs(np.array(0.5), 4, [True]) == [([0.5],)]
    assert runs(np.array(0.5), 4, [False]) == []


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_momenta_are_shared_out_in_tasks_of_these_sizes(workers, monkeypatch):
    """All together in this process; among workers twice as many tasks as those, but not too small or large ones."""
    sizes, solve = [], zone.solve_momenta
    observed = []

    def counting(problem, asked, names):
        sizes.append(len(asked))
        assert isinstance(problem, bytes) == (workers > 1)
        return solve(problem, asked, names)

    class Here:
        def submit(self, function, *args):
            return done(function(*args))

        def shutdown(self, **_):
            pass

    monkeypatch.setattr(zone, "solve_momenta", counting)
    call = zone._Observer.__call__
    monkeypatch.setattr(
        zone._Observer, "__call__", lambda self, p, e, k, f: (observed.append(len(k)), call(self, p, e, k, f))[1]
    )
    chosen = dict(workers=1) if workers == 1 else dict(workers=workers, executor=Here())
    found = sj.zone_average(altermagnet_junction(), 0.2, rtol=1e-3, progress=False, **chosen)
    expected = []
    for count in observed:
        size = 256 if workers == 1 else min(256, max(16, -(-count // (2 * workers))))
        expected += [min(size, count - start) for start in range(0, count, size)]
    assert sizes == expected
    assert found.points == sum(observed)
    assert found.measurement.problem.observer is None


def done(value):
    from concurrent.futures import Future

    future = Future()
    future.set_result(value)
    return future


def test_rows_of_a_zone_that_are_not_of_its_momenta_are_refused(tmp_path):
    asked = dict(rtol=1e-2, progress=False, store=tmp_path / "z")
    whole = sj.zone_average(altermagnet_junction(), 0.2, **asked)
    with Store(tmp_path / "z", None) as kept:
        identity, (samples, _) = kept.identity, kept.read(0)
        assert {**identity, "zone": 0, "kwant_spinjunc": 0, "physics": 0} == {
            "zone": 0, "momenta": list(altermagnet_junction().momenta({})), "turns": None, "axis": None, "energy": 0.2,
            "rtol": 1e-2, "kwant_spinjunc": 0, "physics": 0, "leads": identity["leads"],
        }  # fmt: skip
    moved = samples.copy()
    moved[-1, 1] += 1e-9
    for wrong in (moved, np.concatenate([samples] * 40)):
        with Store(tmp_path / "z", identity) as kept:
            kept.write(0, wrong, {})
        with pytest.raises(StoreError, match="other momenta than this run asks for at number 0"):
            sj.zone_average(altermagnet_junction(), 0.2, **asked)
    with Store(tmp_path / "z", identity) as kept:
        kept.write(0, samples, {})
    assert np.array_equal(sj.zone_average(altermagnet_junction(), 0.2, **asked).probabilities, whole.probabilities)
    with pytest.raises(sj.ArgumentError, match=r"rtol is 0\.01 and not 0\.02"):
        sj.zone_average(altermagnet_junction(), 0.2, **asked | {"rtol": 0.02})
    short = SimpleNamespace(submit=lambda function, *args: done((args[0], np.zeros((0, 3)))), shutdown=lambda **_: None)
    with pytest.raises(ExecutorError, match="rows of a task"):
        sj.zone_average(altermagnet_junction(), 0.2, progress=False, executor=short)


def test_a_table_of_one_point_is_told_by_its_marker():
    data = sj.sweep(tunnel_junction, energy=[0.0, 0.1], progress=False)
    assert sweep.finished(data) == (2, 2)
    data["unitarity_defect"].values[1] = np.nan
    assert sweep.finished(data) == (1, 2)
    biased = sj.sweep(tunnel_junction, bias=[0.0, 0.1, 0.2], rtol=1e-2, progress=False)
    biased["error"].values[:2] = np.nan
    assert sweep.finished(biased) == (1, 3)
    with open_pool(None, 1) as pool:
        assert pool.is_serial


def test_a_bias_that_takes_long_is_foretold_by_its_farthest_and_its_middle_point(monkeypatch):
    asked = []
    monkeypatch.setattr(
        sweep, "announced", lambda like, *rest: (asked.append(([x.args for x in like], *rest)), "said")[1]
    )
    monkeypatch.setattr(sweep, "available_workers", lambda: 6)
    points = np.array([-3.0, 1.0, 2.0, 0.5])
    variables = {"error": Quantity((), "1", "e")}
    data = xr.Dataset({"error": ("bias", np.full(4, np.nan))})

    def filling(points=points, first="junction", axis="bias", k='"average"'):
        experiment = sweep._Experiment(axis, points, variables, max, {"k": k}, 1)
        return sweep._Filling(data, experiment, {}, {}, max, first, None)

    for workers, executor, processes in ((2, None, 2), (None, None, 6), (3, "pool", 1)):
        assert filling().foretold(workers, executor) == "said"
        assert asked.pop() == ([("junction", 3.0), ("junction", 2.0)], 4, processes)
    for short in (filling(first=None), filling(axis="energy"), filling(k="null")):
        assert short.foretold(1, None) == ""
    data["error"].values[:2] = 0.0
    assert filling().foretold(1, None) == "said"
    assert asked.pop()[1] == 2
    data["error"].values[2] = 0.0
    assert filling().foretold(1, None) == ""
    assert asked == []


def test_a_table_without_an_axis_of_the_sweep_is_not_gone_on_with():
    data = sj.sweep(tunnel_junction, energy=0.1, height=[2.0, 3.0], progress=False)
    ask = dict(energy=0.1, height=[2.0, 3.0], progress=False)
    for other in (
        data.drop_vars("height"),
        data.drop_vars("energy"),
        data.isel(height=[0]),
        data.assign_coords(height=[2.0, 4.0]),
    ):
        with pytest.raises(sj.ArgumentError, match=r"must be the same sweep, but its axis `(height|energy)` differs"):
            sj.sweep(tunnel_junction, resume=other, **ask)
    for other in (
        data.drop_vars("tmr"),
        data.assign(tmr=data["tmr"].astype(int).fillna(0)),
        data.transpose("spin", ...),
    ):
        with pytest.raises(sj.ArgumentError, match="must be the same sweep, but has no such"):
            sj.sweep(tunnel_junction, resume=other, **ask)
    xr.testing.assert_identical(sj.sweep(tunnel_junction, resume=data, **ask), data)


@pytest.mark.parametrize("told", [{"quantity": "x"}, {"realizations": 0}, {"realizations": "many"}])
def test_a_store_that_does_not_say_what_it_is_of_is_refused(told):
    with average(Skewed(), realizations=10, store="s", **QUIET) as found:
        identity = found.store.identity
    with Store("s", identity) as kept:
        kept.set_fact("finished", {"realizations": 10, "rtol": None, "quantity": "flat", **told})
    with pytest.raises(StoreError, match="must say what it is of, but does not"):
        open_ensemble("s")


# ---------------------------------------------------------------------- remedies
@pytest.mark.parametrize("enough", [1, 2, 3, 4, 5, 8, 9, 17, 30, 32, 33])
def test_the_thinnest_barrier_that_is_enough_is_found_with_few_solves(enough):
    search, tried = Search(None, None, 0.01), []
    search._holds = lambda law, planes, height: (tried.append(planes), planes >= enough and height == 0.0)[1]
    assert search._planes("x") == (enough if enough <= 32 else 0)
    assert len(tried) <= 6 + 5


@pytest.mark.parametrize("enough", [0.01, 0.2, 0.3, 0.9, 3.0, 12.0, 13.0])
def test_the_lowest_barrier_that_is_enough_is_found_to_a_part_of_its_interval(enough):
    """Heights are tried in units of the hopping, 0.8, up to 16 of them, each interval halved six times."""
    search = Search(None, None, 0.01)
    search._holds = lambda law, planes, height: height >= enough and planes == 0
    found = search._height("x", 0.8)
    tried = 0.8 * np.array([0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
    if enough > tried[-1]:
        assert found == 0.0
    else:
        above = int(np.argmax(tried >= enough))
        part = (tried[above] - tried[above - 1]) / 64
        assert_allclose(found, tried[above - 1] + part * np.ceil((enough - tried[above - 1]) / part), rtol=1e-12)
