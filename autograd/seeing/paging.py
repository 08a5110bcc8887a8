"""A trace as one self-contained page: the pictures of its views, their data, and the program."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from .. import pages
from ..core.graph import Node
from ..printing.symbols import Symbol, render
from . import formats
from .living import LockedError, Program, number
from .naming import RAISED
from .player import View, views
from .tracing import Trace
from .wording import PLACE, Names, bracketed, on_arrays, operation

MOST_OPERATIONS, MOST_LETTERS = 12, 64  # of a line; what takes more is called by its name
POWER = re.compile(r"\^(\d)(?:\.0)?(?![\w.^])")
INVENTED = re.compile(r"v\d+")  # a name that says nothing


def page(trace: Trace) -> str:
    """One HTML page that plays the trace and loads nothing from a network."""
    found, rows, slots = views(trace), "", None
    record: dict[str, Any] = {"root": trace.name, "about": headline(trace.root, trace.names)}
    try:
        made = Program(trace.root, trace.names.__getitem__)
    except LockedError as error:  # a page that cannot compute the graph says why
        record["locked"] = [error.why, error.what]
    else:
        rows, slots = made.rules(), made.place
        record["live"] = made.record() | {
            "seed": number(trace.seed),
            "names": [trace.names[node] for node in made.place],
            "python": made.python(),
        }
    record["views"] = [view.record(slots) for view in found]
    record |= {"arrays": list(found[0].arrays), "forms": list(found[0].forms.places)}
    record["passes"] = [len(trace.forward), len(trace)]
    parts = {
        "LANG": trace.lang,
        "TITLE": escape(_title(trace)),
        "STYLE": re.sub("</?style>", "", formats.STYLE),
        "PICTURES": "".join(map(_picture, found)),
        "ROWS": rows,
        "DATA": pages.data(record),
    }
    return pages.filled("player.html", parts)


def _title(trace: Trace) -> str:
    return pages.say(trace.lang, "title", headline(trace.root, trace.names))


def _picture(view: View) -> str:
    """The pictures of a view, without the style that the page has once."""
    pictures = "".join(view.svgs({})).replace(formats.STYLE, "")
    look = 'class="picture" role="group" data-label="picture" tabindex="0" hidden'
    return f"<div {look}>{pictures}</div>"


def notebook(trace: Trace) -> str:
    """The player over the picture of its last frame."""
    last = views(trace)[0].svgs({frame.node: frame.g for frame in trace})
    picture = formats.shown(pages.say(trace.lang, "after the pass", trace.name), *last)
    return pages.framed(page(trace), picture, escape(_title(trace)))


# ---- the title -----------------------------------------------------------------------------------


def headline(root: Node, names: Names) -> str:
    """The root in terms of the leaves if that is short, or else of its inputs, or else its name."""
    name, leaves = names[root], list[Node]()
    if not root.inputs:
        return name
    try:
        text = render(_formula(root, leaves, [MOST_OPERATIONS])).replace(" * ", "·")
    except _TooLongError:
        text = operation(root, names) if INVENTED.fullmatch(name) else name
    text = POWER.sub(lambda found: found[1].translate(RAISED), text)
    for i, leaf in enumerate(leaves):
        text = text.replace(chr(PLACE + i), bracketed(names[leaf]))
    if len(text) > MOST_LETTERS or text == name:
        return name
    return f"{name} = {text}" if root.label.strip() or not leaves else text


class _TooLongError(Exception):
    """A formula has too many operations, or one on arrays."""


def _formula(node: Node, leaves: list[Node], left: list[int]) -> Any:
    """The graph under a node as a formula in which a private character stands for each leaf."""
    if not node.inputs:
        if node not in leaves:
            leaves.append(node)
        return Symbol.named(chr(PLACE + leaves.index(node)))
    left[0] -= 1
    if left[0] < 0 or on_arrays(node) or len(node.inputs) > MOST_OPERATIONS:
        raise _TooLongError
    args = [_formula(x, leaves, left) if isinstance(x, Node) else x for x in node.inputs]
    return Symbol(node.op, *args)
