"""A trace as one self-contained page: the pictures of its views, their data, and the program."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from .. import pages
from ..core.graph import Node
from . import formats
from .headline import headline
from .living import LockedError, Program, number
from .player import View, views
from .tracing import Trace
from .wording import operands, template, written


def page(trace: Trace) -> str:
    """One HTML page that plays the trace and loads nothing from a network."""
    found = views(trace)
    record: dict[str, Any] = {"root": trace.name, "about": headline(trace.root, trace.names)}
    record["views"] = [view.record() for view in found]
    rows = _enlivened(found, record)
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


# ---- the data of a page that computes its numbers ------------------------------------------------


def _enlivened(views: list[View], record: dict[str, Any]) -> str:
    """Let the data of a page refer to slots, and return the script of the rows that it uses.

    Where a page cannot compute the graph, the data say why.
    """
    trace = views[0].trace
    try:
        made = Program(trace.root, trace.names.__getitem__)
    except LockedError as error:
        record["locked"] = [error.why, error.what]
        return ""
    for view, told in zip(views, record["views"], strict=True):
        _refer(view, told, made)
    record["live"] = made.record() | {
        "seed": number(trace.seed),
        "names": [trace.names[node] for node in made.place],
        "python": made.python(),
    }
    return made.rules()


def _refer(view: View, record: dict[str, Any], made: Program) -> None:
    """In the data of a view, put places of slots where the numbers of nodes are.

    A box has its slot, `s`, and its operation, `q`: a template and the operands for it. A step
    backward is its box, its shares, the number of values, and their slots. A share ends in the slot
    of its input and, of a single value, the place of the operand.
    """
    for k, node in view.node.items():
        box = record["boxes"][k]
        box["s"] = made.place[node]
        del box["d"]
        if box.pop("e", ""):
            filling = [made.place[x] if isinstance(x, Node) else written(x) for x in operands(node)]
            box["q"] = [template(node, None), *filling]
    place = {view.place[name]: i for i, name in view.ids.items()}
    for told, step in zip(record["steps"], view.steps, strict=True):
        if step.backward:
            frames = view._frames(place[step.box])
            inputs = view.inputs(place[step.box], frames)
            ends = [[made.place[x], *position] for x, *position in inputs]
            shares = [[*share[:4], *end] for share, end in zip(told[2], ends, strict=True)]
            told[1:] = [shares, step.values, [made.place[frame.node] for frame in frames]]
