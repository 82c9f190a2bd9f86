"""How Sphinx builds the site: ``make docs``. No network is used, and every warning is an error."""

import os
import sys
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import matplotlib as mpl

mpl.use("Agg")

import claim_pages
import docstrings
import executed
import figures
from latex2mathml.converter import convert
from sphinx.util.inspect import TypeAliasForwardRef

import kwant_spinjunc

project = "kwant_spinjunc"
author = "The kwant-spinjunc developers"
copyright = f"2026, {author}. BSD-2-Clause"
version = release = kwant_spinjunc.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
templates_path = ["_templates"]
html_theme = "furo"
html_title = "kwant_spinjunc"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = html_show_sourcelink = False
html_extra_path = []
html_theme_options = {"navigation_with_keys": True}
pygments_style = "friendly"

# Fonts of the reader's machine, so that a page loads nothing from elsewhere.
html_theme_options["light_css_variables"] = {"font-stack": "system-ui, sans-serif"}

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "attrs_block"]
myst_heading_anchors = 3

# Docstrings: numpydoc sections, types in annotations only, names in single backticks.
autodoc_default_options = {"members": True, "show-inheritance": True, "member-order": "bysource"}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_type_aliases = {name: name for name in ("ArrayLike", "Floats", "Complex", "NDArray", "Real")}
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
default_role = "py:obj"
add_module_names = False
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"
html_math_renderer = "mathml"
suppress_warnings = ["ref.python"]  # a word in backticks that several classes have as an attribute stays a word


# In a union, sphinx 9.0 would print TypeAliasForwardRef('ArrayLike') for the alias.
TypeAliasForwardRef.__repr__ = lambda alias: alias.name


def _math(node, display):
    """Return MathML, which browsers set by themselves."""
    return convert(node.astext(), display=display)


def _visit_inline_math(self, node):
    from docutils import nodes

    self.body.append(_math(node, "inline"))
    raise nodes.SkipNode


def _visit_math_block(self, node):
    from docutils import nodes

    self.body.append(f'<div class="math">{_math(node, "block")}</div>\n')
    raise nodes.SkipNode


def _resolve_by_last_name(app, env, node, contnode):
    """Link `Scattering` to the one documented object of that name, wherever it is mentioned."""
    if node.get("refdomain") != "py" or node.get("reftype") != "obj":
        return None
    domain, target = env.get_domain("py"), node["reftarget"]
    ends = {name for name in domain.objects if name.endswith("." + target)}
    if len(ends) != 1:
        return None
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", ends.pop(), node, contnode)


def _execute(app, docname, source):
    text = executed.with_output(source[0], docname, HERE / "_generated" / "pages")
    source[0] = text if docname.startswith("claims/") else claim_pages.with_indices(text)


def setup(app):
    """Write the generated pages and figures, and hook the execution of code blocks in."""
    app.add_html_math_renderer("mathml", (_visit_inline_math, None), (_visit_math_block, None))
    app.connect("source-read", _execute)
    app.connect("autodoc-process-docstring", docstrings.keep_summary, priority=400)
    app.connect("autodoc-process-docstring", docstrings.process, priority=600)
    app.connect("missing-reference", _resolve_by_last_name)
    figures.draw(HERE / "_generated")
    claim_pages.write(HERE.parent / "validation-report", HERE / "claims", HERE / "_generated" / "claims")
