"""The same page as a Jupyter widget, whose questions travel through the kernel and not through a port."""

from __future__ import annotations

from typing import Any

from kwant_spinjunc.exploring.explorer import Explorer
from kwant_spinjunc.exploring.server import asset
from kwant_spinjunc.optional import need

#: What turns the front end of the page into one of anywidget: an answer is known by the number of its question.
GLUE = """
export default { render({ model, el }) {
  const waiting = new Map(); let last = 0;
  model.on("msg:custom", (answer) => { waiting.get(answer.number)?.(answer.found); waiting.delete(answer.number); });
  const ask = (what, state) => new Promise((resolve) => {
    waiting.set(++last, resolve); model.send({ number: last, what, state }); });
  mount(el, ask);
} };
"""


def ask(explorer: Explorer, question: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a message of the widget."""
    return {"number": question["number"], "found": explorer.ask(question["what"], question.get("state") or {})}


def widget_of(explorer: Explorer) -> Any:
    """Return the widget of an explorer; raise `MissingPackageError` where anywidget is not installed."""
    anywidget = need("anywidget")

    class Widget(anywidget.AnyWidget):  # type: ignore[misc, name-defined]
        _esm = asset("explore.js") + GLUE
        _css = asset("explore.css")

    widget = Widget()
    widget.on_msg(lambda _, question, __: widget.send(ask(explorer, question)))
    return widget
