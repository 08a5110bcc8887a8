"""Sphinx's settings: furo, notebooks with their saved outputs, and formulas as MathML."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from docutils.nodes import SkipNode
from latex2mathml.converter import convert

ROOT = Path(__file__).parents[3]  # of docs/_build/source, where docs/build.py copies this
sys.path.insert(0, str(ROOT))
import autograd  # noqa: E402

project = "valuegrad"
author = "The valuegrad developers"
copyright = author
version = release = autograd.__version__
language = "en"
extensions = ["myst_nb"]
exclude_patterns = ["examples.md"]

nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, Any] = {}  # nothing is loaded from another host
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header", "mystnb.unknown_mime_type"]

html_theme = "furo"
html_title = "valuegrad"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
pygments_dark_style = "github-dark"
add_module_names = False
python_use_unqualified_type_names = True


def inline(writer: Any, node: Any) -> None:
    """A formula in a line of text."""
    writer.body.append(convert(node.astext()))
    raise SkipNode


def block(writer: Any, node: Any) -> None:
    """A formula on a line of its own."""
    writer.body.append(f'<div class="math">{convert(node.astext(), display="block")}</div>\n')
    raise SkipNode


def setup(app: Any) -> None:
    """MathML, which browsers draw by themselves: no script, no fonts."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))


html_math_renderer = "mathml"
