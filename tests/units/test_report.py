"""The report: claims as plain data, an honest exit code, files whole or absent."""

import json
from pathlib import Path

import numpy as np
import pytest

import kwant_spinjunc as sj
from kwant_spinjunc.plot.figures import new_figure, plot_junction, plot_layers, styled
from kwant_spinjunc.runs.files import write_atomically
from systems.contact import contact
from validation import __main__ as runner
from validation.claim import Check, Claim, ClaimFigure, Judged
from validation.coverage import Covered
from validation.published import Compared
from validation.report import provenance, typeset, write_report


@styled
def drawing():
    figure, axes = new_figure()
    axes.plot([0, 1], [0, 1])
    return figure


def judged(**changes):
    route = Check("by another route", 1.0, 0.1, 1.0)
    numbers = dict(printed="holds in a limit", corrected="holds", value=1.02, expected=1.0, tolerance=0.05, route=route)
    return Judged(**numbers | changes)


def claim(figures=(), id="a-claim", **changes):
    words = ("title", "statement", "formula", "experiment", "parameter", "finding", "value_name")
    words += ("corrected_statement", "use_when", "typical_error")
    texts = dict.fromkeys(words, "words & <tags>")
    return Claim(id=id, equations=("2", "t0"), judged=judged(**changes), figures=figures, **texts)


def compared(**changes):
    words = dict(id="one", source="Author <1999>", kind="exact", quantity="T", why="same", published=1.0, ours=1.01)
    return Compared(**words | dict(tolerance=0.1) | changes)


def test_report_has_the_page_the_data_and_the_figures():
    claims = [claim(figures=(ClaimFigure("one", "caption", drawing()),)), claim(id="other", printed="fails")]
    rows = [Covered("(2)", "T <turns>", ("a-claim",)), Covered("text", "a word", because="a definition")]
    page = write_report("out/deep", claims, provenance(quick=True), [compared()], rows)
    data = json.loads(Path("out/deep/report.json").read_text(encoding="utf-8"))
    assert data["provenance"]["kwant_spinjunc"] == sj.__version__
    assert [c["id"] for c in data["claims"]] == ["a-claim", "other"]
    for entry in data["claims"]:
        assert {"id", "equations", "statement", "verdict", "value", "tolerance", "unit", "figures"} <= entry.keys()
        assert {"corrected", "use_when", "typical_error", "corrected_statement", "headline"} <= entry.keys()
    assert data["published"][0]["deviation"] == pytest.approx(0.01)
    assert data["coverage"][0]["claims"] == ["a-claim"]
    assert data["claims"][0]["figures"] == ["figures/one.png"]
    assert Path("out/deep/figures/one.png").read_bytes().startswith(b"\x89PNG")
    html = page.read_text(encoding="utf-8")
    assert "words &amp; &lt;tags&gt;" in html  # escaped
    assert "http" not in html.replace("http://www.w3.org", "")  # self-contained
    assert html.count("data:image/png;base64,") == 1


def test_a_claim_fails_only_by_its_checks_and_never_by_its_verdict():
    assert claim(printed="fails").passed
    assert not claim(value=1.2).passed
    assert not claim(value=np.nan).passed
    assert not claim(checks=(Check("unitarity", 1e-3, 1e-9),)).passed
    assert not claim(route=Check("by another route", 0.8, 0.1, 1.0)).passed
    for name in ("printed", "corrected"):
        with pytest.raises(sj.ArgumentError, match=f"`{name}` must be one of holds, holds in a limit, follows, fails"):
            claim(**{name: "maybe"})


def test_a_published_number_is_met_within_its_tolerance_only():
    assert compared().passed
    assert not compared(ours=1.2).passed
    assert not compared(ours=np.nan).passed


def test_indices_and_powers_are_typeset_and_names_left_alone():
    assert typeset("J_M^L and D_{++}") == "J<sub>M</sub><sup>L</sup> and D<sub>++</sub>"
    assert typeset("T_ss' = R_ss'² e^(-2κd)") == "T<sub>ss'</sub> = R<sub>ss'</sub>² e<sup>-2κd</sup>"
    assert typeset("linear_response < 3") == "linear_response &lt; 3"
    assert typeset("a^2.01, 10^-3.") == "a<sup>2.01</sup>, 10^-3."


def test_numbers_that_json_has_no_word_for_become_null():
    assert claim(value=np.inf).to_json()["value"] is None


def test_two_figures_of_one_name_are_refused():
    same = (ClaimFigure("one", "", drawing()),) * 2
    with pytest.raises(sj.ArgumentError, match="unique figure names, but 'one' repeats"):
        write_report("out", [claim(figures=same)], {})


def test_a_file_that_cannot_be_finished_leaves_the_old_one():
    Path("a.txt").write_text("old")

    def break_on_the_way():
        with write_atomically("a.txt") as path:
            path.write_text("half")
            raise RuntimeError("broke on the way")

    with pytest.raises(RuntimeError, match="on the way"):
        break_on_the_way()
    assert Path("a.txt").read_text() == "old"
    assert [p.name for p in Path().iterdir()] == ["a.txt"]
    with write_atomically("a.txt") as path:
        path.write_text("new")
    assert Path("a.txt").read_text() == "new"
    Path("folder").mkdir()
    with pytest.raises(sj.ArgumentError, match="must be a file, but 'folder' is a folder"), write_atomically("folder"):
        pass


def test_validation_exit_codes_tell_findings_from_failures(monkeypatch, capsys):
    """0 for a contradicted paper, 1 for a broken check or an unfinished claim, 2 for a folder that cannot be made."""

    class Pool:
        def __init__(self, *_, **__): ...

        def submit(self, function, name, quick):
            from concurrent.futures import Future

            future = Future()
            future.set_result((self.results[name], 0.1, "Traceback:\n  a line\nValueError: no\n"))
            return future

        def shutdown(self, **_): ...

    monkeypatch.setattr(runner, "ProcessPoolExecutor", Pool)
    monkeypatch.setattr(runner, "CLAIMS", ("one",))
    monkeypatch.setattr(runner, "PUBLISHED", ())
    for result, code in [(claim(printed="fails"), 0), (claim(value=9.0), 1), (None, 1)]:
        Pool.results = {"one": result}
        assert runner.main(["-o", "out"]) == code
        assert json.loads(Path("out/report.json").read_text())["provenance"]["unfinished"] == (
            {"one": "ValueError: no"} if result is None else {}
        )
    assert "words & <tags> is 9, expected 1 within 0.05" in capsys.readouterr().err
    Path("blocked").write_text("a file")
    assert runner.main(["-o", "blocked/out"]) == 2
    assert "error:" in capsys.readouterr().err


def test_layer_plots_show_all_components_and_the_leads():
    s = sj.scatter(contact(buffer=4, theta=1.0), 0.1)
    top, middle, bottom = plot_layers(s, lead_in=0).axes
    shown = {line.get_label() for line in [*top.get_lines(), *middle.get_lines()]}
    assert {"$Q_x$", "$Q_y$", "$Q_z$", "charge", r"$\tau_x$", r"$\tau_y$", r"$\tau_z$"} <= shown
    np.testing.assert_allclose(top.get_lines()[1].get_ydata(), s.bond_currents[0, :, 2])
    cut, Q = s.junction.cut, s.bond_currents[0, :, 1:]
    for column in range(3):  # continuity: what flowed in and has not flowed out
        cumulated = bottom.get_lines()[column].get_ydata()
        np.testing.assert_allclose(cumulated[cut + 1 : -1], Q[cut, column] - Q[cut + 1 :, column], atol=1e-12)
        np.testing.assert_allclose(cumulated[1 : cut + 1], Q[:cut, column] - Q[cut, column], atol=1e-12)
    top, *_ = plot_layers(s).axes  # the net response
    np.testing.assert_allclose(top.get_lines()[3].get_ydata(), s.conductance, rtol=1e-12)
    assert len(plot_junction(s.junction, energy=0.1).axes) == 3
