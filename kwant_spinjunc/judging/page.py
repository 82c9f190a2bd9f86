"""The judge's page: one self-contained file with verdict, drawing, table, figures over the angle and export block."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .._version import __version__
from ..errors import ArgumentError, SpinjuncError
from ..magnets.export import export
from ..plot.figures import COLORS, new_figure, plot_junction, styled
from ..runs.files import write_atomically
from .clean import Clean
from .verdict import VERDICTS, Judgment, Law

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Lattice constant in nm of an export block where none is given.
LATTICE_CONSTANT = 0.25
#: Quantities that are drawn, in this order, those that were compared.
PANELS = (
    "magnetization current J_M",
    "conductance",
    "in-plane torque per bias",
    "|torque on both magnets|",
    "in-plane torque per current",
    "ΔJ_M/J between diffusive magnets",
)
#: Errors below this are drawn at it.
SMALLEST = 1e-16

CSS = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de; --paper: #fff; --panel: #f6f8fa; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9da7b1; --line: #3d444d; --paper: #0d1117; --panel: #161b22; }
  figure img { background: #fff; border-radius: .3rem; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 1rem; color: var(--ink); background: var(--paper);
       font: 1rem/1.5 system-ui, "Segoe UI", Helvetica, Arial, sans-serif; overflow-wrap: anywhere; }
table { overflow-wrap: normal; }
h1 { font-size: 1.4rem; line-height: 1.3; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .88rem; }
th, td { border-bottom: 1px solid var(--line); padding: .35rem .5rem; text-align: left; vertical-align: top; }
td.n { white-space: nowrap; font-variant-numeric: tabular-nums; }
.v { display: inline-block; border-radius: 1rem; padding: .05rem .6rem; color: #fff; font-size: .8rem; font-weight: 600;
     white-space: nowrap; } .v0 { background: #1a7f37; } .v1 { background: #9a6700; } .v2 { background: #b42318; }
.v3 { background: #57606a; } figure { margin: 1rem 0; }
img { max-width: 100%; height: auto; display: block; margin: auto; }
pre { background: var(--panel); padding: .7rem; overflow-x: auto; font-size: .8rem; border-radius: .3rem; }
dl { display: grid; grid-template-columns: 8rem 1fr; gap: .2rem .8rem; margin: .4rem 0; } dt { color: var(--soft); }
dd { margin: 0; } footer, figcaption { color: var(--soft); font-size: .85rem; } details { margin: .4rem 0; }
@media (max-width: 34rem) { dl { grid-template-columns: 1fr; } }
"""


@styled
def plot_judgment(judgment: Judgment) -> Figure:
    """Draw exact numbers over the angle with every law that speaks of them, and the error of each law."""
    drawn: dict[str, list[tuple[Law, Any]]] = {name: [] for name in PANELS}
    for law in judgment.laws.values():
        for curve in law.curves:
            if curve.quantity in drawn:
                drawn[curve.quantity].append((law, curve))
    panels = [(name, entries) for name, entries in drawn.items() if entries]
    rows = (len(panels) + 2) // 2
    figure, axes = new_figure(rows, 2, width=9.0, height=2.9 * rows, squeeze=False)
    flat = axes.ravel()
    degrees = np.degrees(judgment.angles)
    point = {"marker": "o"} if len(degrees) == 1 else {}
    for panel, (name, entries) in zip(flat, panels, strict=False):
        _draw_quantity(panel, degrees, entries, point)
        panel.set_ylabel(f"{name} ({entries[0][1].unit})" if entries[0][1].unit != "1" else name)
        panel.legend(fontsize=6.5)
    errors = flat[len(panels)]
    styles = [(color, dash) for dash in ("-", "--", ":") for color in ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "k")]
    for (color, dash), law in zip(
        styles, (law for law in judgment.laws.values() if np.isfinite(law.error)), strict=False
    ):
        values = np.maximum(law.errors, SMALLEST)
        lonely = "o" if np.isfinite(values).sum() < 3 else ""
        errors.plot(degrees, values, linestyle=dash, color=color, marker=lonely, linewidth=1.0, label=law.title)
    errors.axhline(judgment.tolerance, color=COLORS["muted"], linewidth=0.8)
    errors.set_yscale("log")
    errors.set_ylabel("error (each in its unit)")
    errors.legend(fontsize=5.5, ncols=2)
    for panel in flat[: len(panels) + 1]:
        panel.set_xlabel("angle Φ between the magnets (deg)")
        if len(degrees) > 1:
            panel.set_xticks([0, 45, 90, 135, 180])
    for panel in flat[len(panels) + 1 :]:
        panel.remove()
    return figure


def _draw_quantity(panel: Any, degrees: Any, entries: list[tuple[Law, Any]], point: dict[str, str]) -> None:
    """Draw the exact curves once for each side, and laws in dashes."""
    exact: set[str] = set()
    dashes = ("--", ":", "-.")
    titles = list(dict.fromkeys(law.title for law, _ in entries))
    for law, curve in entries:
        color = COLORS.get(curve.side, COLORS["microscopic"])
        if curve.side not in exact:
            exact.add(curve.side)
            label = f"exact, {curve.side}" if curve.side else "exact"
            panel.plot(degrees, curve.exact, color=color, alpha=0.5, linewidth=3.0, label=label, **point)
        style = dashes[titles.index(law.title) % len(dashes)]
        label = law.title if curve.side != "right" else "_nolegend_"
        panel.plot(degrees, curve.theory, color="black", linestyle=style, linewidth=1.0, label=label, **point)


def _image(figure: Figure, caption: str) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight")
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f'<figure><img alt="{escape(caption)}" src="data:image/svg+xml;base64,{data}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def _verdict(law: Law) -> str:
    return f'<span class="v v{VERDICTS.index(law.verdict)}">{law.verdict}</span>'


def _row(law: Law) -> str:
    title, _, percent, at, *rest = (escape(cell) for cell in law.row())
    degrees = at if at == "-" else f"{at}°"
    cells = (f'<a href="#{law.id}">{title}</a>', _verdict(law), percent, degrees, *rest)
    numbers = (2, 3, 4)
    return "<tr>" + "".join(f"<td{' class=n' if i in numbers else ''}>{c}</td>" for i, c in enumerate(cells)) + "</tr>"


def _details(law: Law) -> str:
    terms = [
        ("says", law.statement),
        ("fed with", law.fed),
        ("against", law.against),
        ("error of", law.unit),
        ("because", law.reason),
        ("advice", law.advice),
    ]
    inner = "".join(f"<dt>{name}</dt><dd>{escape(text)}</dd>" for name, text in terms if text)
    numbers = ", ".join(law.equations)
    return f'<h3 id="{law.id}">{escape(law.title)} {_verdict(law)}</h3><p>equations: {numbers}</p><dl>{inner}</dl>'


def export_block(judgment: Judgment) -> tuple[str, str]:
    """Return (caption, block for mumax3) of a clean junction, or why there is none."""
    problem = judgment.evidence.problem
    if not isinstance(problem, Clean):
        return "Only clean junctions are exported from here; see sj.export for sweeps and averages.", ""
    a = float(np.sqrt(problem.area)) if problem.area else LATTICE_CONSTANT
    assumed = "" if problem.area else ", an assumption: pass materials and lattice_constant"
    try:
        block = export(problem.junction, "mumax3", lattice_constant=a, energy=problem.energy, k=problem.k)
    except SpinjuncError as error:
        return f"Nothing to export: {error}", ""
    return f"For mumax3, lattice constant {a:g} nm{assumed}. Other codes: spinjunc export, sj.export.", str(block)


def page(judgment: Judgment) -> str:
    """Return the page."""
    problem = judgment.evidence.problem
    title = f"May the paper's formulas be used for {judgment.name}?"
    body = [f"<h1>{escape(title)}</h1>", f"<p><strong>{escape(judgment.summary)}</strong></p>"]
    tmr = "" if np.isnan(judgment.tmr) else f" TMR (G_P - G_AP)/G_AP = {judgment.tmr:.4g}."
    body.append(f"<p>{escape(problem.words)}. Tolerance {judgment.tolerance:g}.{escape(tmr)}</p>")
    if problem.junction is not None:
        body.append(
            _image(plot_junction(problem.junction, problem.energy), "Levels of all planes and bands of the leads")
        )
    head = ("law", "verdict", "worst error", "at", "value", "small parameter, or why it does not apply")
    rows = "".join(_row(law) for law in judgment.laws.values())
    body.append(
        f'<div class="scroll"><table><thead><tr>{"".join(f"<th>{x}</th>" for x in head)}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
    body.append(_image(plot_judgment(judgment), "Exact numbers (thick) and laws (dashed) over the angle"))
    body.append("<h2>Law by law</h2>")
    body += [_details(law) for law in judgment.laws.values()]
    caption, block = export_block(judgment)
    body.append(f"<h2>Export</h2><p>{escape(caption)}</p>")
    if block:
        body.append(f"<pre>{escape(block)}</pre>")
    body.append(f"<footer>kwant_spinjunc {__version__}. Exact linear response, computed for this page.</footer>")
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{CSS}</style></head><body>{''.join(body)}</body></html>\n"
    )


def write_page(judgment: Judgment, output: Any) -> None:
    """Write the page to a file; see `Judgment.report`."""
    if Path(output).suffix not in (".html", ".htm"):
        raise ArgumentError(f"Argument `output` must end in .html, but is {str(output)!r}.")
    with write_atomically(output) as path:
        path.write_text(page(judgment), encoding="utf-8")
