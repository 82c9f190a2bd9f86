"""What a user gets shows itself: a short line, an aligned table with units, and the same in a notebook."""

import re

import numpy as np
import pytest

import kwant_spinjunc as sj
from kwant_spinjunc.theory import EQUATIONS
from systems.altermagnet_junction import altermagnet_junction
from systems.disordered_barrier import disordered_barrier
from systems.rashba_junction import rashba_junction
from systems.tunnel_junction import tunnel_junction


def scattering():
    return sj.scatter(tunnel_junction(), 0.0, solver="halves")


def response():
    return sj.linear_response(scattering(), 0.5, -0.5)


RESULTS = {
    "junction": lambda: tunnel_junction(),
    "disordered": lambda: disordered_barrier(),
    "scattering": scattering,
    "response": response,
    "bias": lambda: sj.bias_response(tunnel_junction(), 0.1),
    "ensemble": lambda: sj.ensemble(
        disordered_barrier(), 0.0, cross_section=(2, 2), realizations=4, workers=1, progress=False
    ),
    "parameters": lambda: sj.effective_parameters(tunnel_junction(height=4.0)),
    "judgment": lambda: sj.judge(tunnel_junction(), advise=False),
    "device": lambda: sj.scatter(sj.build(tunnel_junction()).finalized(), 0.0),
    "equation": lambda: EQUATIONS["3"],
    "noise": lambda: sj.shot_noise(scattering()),
    "torques": lambda: response().torques,
    "law": lambda: sj.judge(tunnel_junction(), advise=False).laws["tunnelling"],
    "system": lambda: rashba_junction(width=1, depth=1),
    "torque of sites": lambda: sj.scatter(rashba_junction(width=1, depth=1), 0.3).torque("right"),
    "torque of a crystal": lambda: sj.scatter(altermagnet_junction(), 0.0, k=0.3, turns=1.0, behind="barrier").torque(
        "right"
    ),
    "snippet": lambda: sj.export(tunnel_junction(height=4.0), "mumax3", lattice_constant=0.25),
}


@pytest.mark.parametrize("name", RESULTS)
def test_results_show_themselves(name):
    result = RESULTS[name]()
    page, text = result._repr_html_(), str(result)
    assert re.search(r"<(table|pre)", page)
    assert "<script" not in page
    assert len(text.splitlines()) > 1
    if "unction" not in name and name != "disordered":  # a specification is written as it is made
        assert len(repr(result)) < 200
        assert "\n" not in repr(result)


def test_junction_is_drawn_with_every_plane():
    page = tunnel_junction(theta=np.pi / 3)._repr_html_()
    junction = tunnel_junction()
    assert page.count("<rect") == sum(2 if plane.is_magnetic else 1 for plane in junction.planes)
    assert page.count("<circle") == sum(plane.is_magnetic for plane in junction.planes)
    long = sj.Junction(junction.left, [sj.barrier(onsite=3.0, hopping=1.0, thickness=5000)], junction.right)
    assert long._repr_html_().count("<rect") < 400


def test_tables_of_notebooks_keep_their_columns_and_titles():
    """Seen in Chromium: a <pre> without a style of its own is set in proportional letters, and broken at its width."""
    for name in ("scattering", "bias", "device", "response"):
        text = str(RESULTS[name]())
        page = RESULTS[name]()._repr_html_()
        assert page.count("<tr") == sum(line.startswith("  ") for line in text.splitlines()) - page.count("<div>") + 2
    for page in (RESULTS["noise"]()._repr_html_(), RESULTS["torques"]()._repr_html_()):
        assert 'style="font-family:monospace; font-size:90%; white-space:pre; overflow-x:auto' in page
    batch = sj.linear_response(sj.scatter(tunnel_junction(), [0.0, 0.1], solver="halves"), 0.5, -0.5)._repr_html_()
    assert batch.index("2 points") < batch.index("<table")  # a caption of an empty table is a column of words
    assert "caption" not in batch


def test_words_at_the_end_of_a_row_are_flush_left():
    lines = str(sj.judge(tunnel_junction(), advise=False).table()).splitlines()
    at = lines[1].index("small parameter, or why")
    assert lines[2][at:].startswith("|J_M^R")
    assert lines[2][at - 1] == " "


def test_averages_and_their_arrays_are_short():
    found = sj.ensemble(disordered_barrier(), 0.0, cross_section=(2, 2), realizations=4, workers=1, progress=False)
    assert repr(found.conductance) == f"<{found.conductance}>"
    assert "\n" not in repr(found.probabilities)
    assert found.probabilities._repr_html_().startswith("<pre")


def test_response_prints_its_numbers():
    r, text = response(), str(response())
    for value in (*r.magnetization, *r.torques.damping_like):
        assert f"{value:.8g}" in text
    assert "e²/h" in text
    batch = sj.linear_response(sj.scatter(tunnel_junction(), [0.0, 0.1], solver="halves"), 0.5, -0.5)
    assert str(batch) == "Linear response of 2 points, shape (2,)"
