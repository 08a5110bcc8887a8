"""A graph as a picture: graph -> plain rows -> DOT, Mermaid, SVG.

The rows say what is in the graph, and not how it looks: `formats` does that, `fold` decides which
values share a box, and `render` (Graphviz) and `layout` place the boxes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from .. import files
from ..core.graph import Node, gradient_or_none, nodes
from ..support.scopes import scopes
from . import formats, layout, render
from .fold import fold
from .formats import Box, Edge, Rows
from .render import notice_missing_dot as notice_missing_dot

RANKDIRS = ("LR", "TB", "RL", "BT")
ENGINES = ("dot", "pygraphviz", "builtin")
MOST_TALL = 60  # boxes of a picture that is laid out for narrow columns too
LECTURE = 1.8  # times the usual size
FORMATS = (".svg", ".png", ".pdf", ".dot", ".html", ".mmd")
MOST_CONSTANTS = 20  # of one value; more of them share a box
MOST_COUNTS = 6  # operations that a caption names


def draw(
    root: object,
    *,
    rankdir: str = "LR",
    collapse: str | bool | None = "auto",
    max_nodes: int = 150,
    hide_constants: bool = False,
    engine: str | None = None,
    quiet: bool = False,
    size: str | None = None,
) -> Drawing:
    """A picture of the graph under `root`, with its present numbers.

    `rankdir`: LR, TB, RL or BT, the direction from the leaves to the root. `collapse`: "auto" folds
    more than `max_nodes` values into at most so many boxes, first by module call, then by
    expression, then by distance from the root; True folds module calls in any graph; False folds
    nothing. `hide_constants` leaves plain numbers out. `engine`: "dot", "pygraphviz" or "builtin"
    places the boxes; None takes the first that is installed and says once, unless `quiet`, how to
    install Graphviz. `size`: None, or "lecture" for the same picture in large type.
    """
    if not isinstance(root, Node):
        advice = "draw the result of a computation on Values"
        if hasattr(root, "__iter__"):
            advice = "draw one of its elements, or their sum"
        raise TypeError(
            f"draw takes a node, a Value or a Tensor, not {type(root).__name__}: {advice}"
        )
    if rankdir not in RANKDIRS:
        raise ValueError(f"rankdir is {_either(RANKDIRS)}, not {rankdir!r}")
    if isinstance(max_nodes, bool) or not isinstance(max_nodes, int) or max_nodes < 1:
        raise ValueError(f"max_nodes is a whole number, 1 or more, not {max_nodes!r}")
    if collapse not in ("auto", "scope", True, False, None):
        raise ValueError(f'collapse is "auto", True, "scope", False or None, not {collapse!r}')
    if engine not in (None, *ENGINES):
        raise ValueError(f"engine is None, {_either(ENGINES)}, not {engine!r}")
    if size not in (None, "lecture"):
        raise ValueError(f'size is None or "lecture", not {size!r}')
    drawing = Drawing(rows(root, collapse, max_nodes, hide_constants), rankdir, engine, quiet)
    drawing.scale = LECTURE if size else 1.0
    return drawing


def _either(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


# ---- graph -> rows -------------------------------------------------------------------------------


def rows(
    root: Node,
    collapse: str | bool | None = "auto",
    max_nodes: int = 150,
    hide_constants: bool = False,
) -> Rows:
    """The boxes, edges and caption of a picture; see `draw`."""
    values, home, names = homes(nodes(root), scopes(root), collapse, max_nodes)
    return boxed(values, home, names, hide_constants)


def homes(
    found: Sequence[Node],
    calls: Sequence[tuple[str, int, int]],
    collapse: str | bool | None,
    max_nodes: int,
) -> tuple[list[Node], list[int], dict[int, str]]:
    """Some nodes, leaves first and then oldest first, the box of each, and the boxes' names.

    A box has the place of its youngest node as its number. `calls` are the module calls to fold.
    """
    oldest_first = sorted(found, key=lambda v: v._born)
    # Leaves first: one that was rebound is younger than the values once made from it.
    values = [v for v in oldest_first if not v._inputs] + [v for v in oldest_first if v._inputs]
    home: list[int] = list(range(len(values)))
    if not collapse or (collapse == "auto" and len(values) <= max_nodes):
        return values, home, {}
    births = [v._born if v._inputs else 0 for v in values]
    functions = [_symbol(v)[:1].isalpha() for v in values]
    return values, *fold(births, _sources(values), calls, functions, max_nodes)


def _sources(values: Sequence[Node]) -> list[list[int]]:
    """The places of each value's inputs, of those that are among the values."""
    place = {value: i for i, value in enumerate(values)}
    return [[place[x] for x in v._inputs if isinstance(x, Node) and x in place] for v in values]


def boxed(
    values: Sequence[Node], home: Sequence[int], names: Mapping[int, str], hide_constants: bool
) -> Rows:
    """The rows of a picture of these values in these boxes; see `homes`."""
    place = {value: i for i, value in enumerate(values)}
    sources = _sources(values)
    groups = {i: Counter[str]() for i, size in Counter(home).items() if size > 1}
    for value, i in zip(values, home, strict=True):
        if i in groups:
            groups[i][value.op or "leaf"] += 1
    merged, exits = _between(home, sources, groups)

    ids = {i: f"n{k}" for k, i in enumerate(sorted(set(home)))}
    boxes: list[Box] = []
    edges: list[Edge] = []
    hidden = 0
    for i, name in ids.items():
        if i in groups:
            way_out = values[exits[i]] if exits.get(i, -1) >= 0 else None
            boxes.append(_group(name, names.get(i, ""), way_out, groups[i]))
            continue
        value = values[i]
        constants = _constants(name, value)
        hidden += len(constants) if hide_constants else 0
        tails = [] if hide_constants else [(k, box.id, 1) for k, box in constants]
        for k, x in enumerate(value._inputs):
            if isinstance(x, Node) and x in place:
                tail = home[place[x]]
                count = merged.pop((tail, i), 0) if tail in groups else 1
                tails += [(k, ids[tail], count)] if count else []
        ordered = len(tails) > 1 and not (value._rule and value._rule.fact.commutative)
        edges += [Edge(tail, name, k, count, ordered) for k, tail, count in sorted(tails)]
        boxes += [] if hide_constants else [box for _, box in constants]
        boxes.append(_box(name, "op" if value.op else "leaf", value, value.label))
    edges += [Edge(ids[tail], ids[head], 0, count) for (tail, head), count in merged.items()]
    return Rows(boxes, edges, _caption(len(values), groups, hidden))


def _between(
    home: Sequence[int], sources: Sequence[Sequence[int]], groups: Container[int]
) -> tuple[Counter[tuple[int, int]], dict[int, int]]:
    """The number of edges between groups and boxes, and each group's way out, -1 for several."""
    merged: Counter[tuple[int, int]] = Counter()
    exits = {home[-1]: len(home) - 1}
    for here, inputs in zip(home, sources, strict=True):
        for i in inputs:
            there = home[i]
            if there != here and (there in groups or here in groups):
                merged[there, here] += 1
                if exits.setdefault(there, i) != i:
                    exits[there] = -1
    return merged, exits


def _symbol(value: Node) -> str:
    return value._rule.symbol if value._rule else ""


def _box(name: str, kind: str, value: Node, label: str) -> Box:
    data, grad = formats.brief(value.data), formats.brief(gradient_or_none(value))
    settings = ""
    if value._rule and value._rule.of_arrays:
        from .array_wording import settings as settings_of

        settings = settings_of(value)
    return Box(name, kind, value.op, _symbol(value), label, data, grad, settings=settings)


def _group(name: str, call: str, way_out: Node | None, counts: Counter[str]) -> Box:
    """The box of a group, with the numbers of its way out if it has one."""
    most = tuple(counts.most_common())
    if way_out is None:
        return Box(name, "group", "", "", call, counts=most)
    return _box(name, "group", way_out, call or way_out.label)._replace(counts=most)


def _constants(name: str, value: Node) -> list[tuple[int, Box]]:
    """Boxes for the plain numbers among a value's inputs, with their places."""
    found = [(k, x) for k, x in enumerate(value._inputs) if not isinstance(x, Node)]
    if len(found) > MOST_CONSTANTS:
        return [(found[0][0], Box(f"{name}c", "constant", "", "", f"{len(found):,} numbers"))]
    return [(k, Box(f"{name}c{k}", "constant", "", "", "", formats.brief(x))) for k, x in found]


def _many(count: int, thing: str, plural: str = "s") -> str:
    return f"{count:,} {thing}{plural if count != 1 else ''}"


def _caption(total: int, groups: Mapping[int, Counter[str]], hidden: int) -> str:
    """The caption: what the picture leaves out, "" for nothing."""
    counts = sum(groups.values(), Counter[str]())
    parts = []
    if groups:
        boxes = _many(len(groups), "box", "es")
        most = [f"{n:,} {op}" for op, n in counts.most_common(MOST_COUNTS)]
        most += ["others"] if len(counts) > MOST_COUNTS else []
        parts.append(f"{total:,} values; {counts.total():,} folded into {boxes}: {', '.join(most)}")
    if hidden:
        parts.append(f"{_many(hidden, 'plain number')} not shown")
    return "; ".join(parts)


# ---- rows -> picture -----------------------------------------------------------------------------


class Drawing:
    """A picture that shows itself in a notebook, and can be saved."""

    def __init__(
        self, rows: Rows, rankdir: str, engine: str | None, quiet: bool,
        seconds: float | None = None,
    ) -> None:  # fmt: skip
        self.rows = rows
        self.rankdir = rankdir
        self.engine = engine  # the requested one, and then the one that drew the SVG
        self._quiet = quiet
        self._seconds = seconds  # that Graphviz may take; None for its usual limit
        self.scale = 1.0

    @property
    def source(self) -> str:
        """The picture as DOT text."""
        return formats.dot(self.rows, self.rankdir)

    @property
    def mermaid(self) -> str:
        """The picture as a Mermaid flowchart."""
        return formats.mermaid(self.rows, self.rankdir)

    @cached_property
    def svg(self) -> str:
        """The picture as SVG text."""
        return self._drawn(self.rankdir)

    @cached_property
    def _tall(self) -> str:
        """A small picture from top to bottom, for a narrow column; "" if that is no narrower."""
        if self.rankdir in ("TB", "BT") or len(self.rows.boxes) > MOST_TALL:
            return ""
        tall = self._drawn("TB" if self.rankdir == "LR" else "BT")
        narrower = formats.dimensions(tall)[0] < formats.dimensions(self.svg)[0]
        return tall if narrower else ""

    def _drawn(self, rankdir: str) -> str:
        place = {box.id: i for i, box in enumerate(self.rows.boxes)}
        edges = [(place[edge.tail], place[edge.head]) for edge in self.rows.edges]
        stacked = rankdir in ("TB", "BT")
        sizes = [formats.size(box, stacked) for box in self.rows.boxes]
        return formats.svg(self.rows, self._arrange(sizes, edges, rankdir), stacked, self.scale)

    def _arrange(
        self, sizes: list[layout.Size], edges: list[layout.Edge], rankdir: str
    ) -> layout.Layout:
        """The boxes as Graphviz places them, or the built-in layout if it cannot."""
        asked = (self.engine,) if self.engine else ENGINES
        refusals = []
        for engine in asked:
            if engine == "builtin":
                break
            self.engine = engine
            try:
                text = layout.dot_text(sizes, edges, rankdir)
                return layout.read_plain(render.run(engine, text, self._seconds), edges)
            except render.Unavailable as error:
                refusals.append(error)
        if len(asked) == 1 and refusals:
            raise refusals[0]
        if refusals and not self._quiet:
            render.warn_once(str(refusals[0]))
        self.engine = "builtin"
        return layout.layered(sizes, edges, rankdir)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture; the ending gives the format: .svg .png .pdf .dot .html .mmd.

        A PNG or PDF is the SVG, in light colours, and needs the package vl-convert-python. The file
        is written whole or not at all.
        """
        form = Path(path).suffix.lower()
        if form not in FORMATS:
            raise ValueError(f"{path}: the name of a picture ends in {_either(FORMATS)}")
        files.check(path)
        files.write(path, self._bytes(form[1:]))

    def _bytes(self, form: str) -> bytes:
        if form in ("png", "pdf"):
            return self._binary(form)
        text = {
            "svg": lambda: self.svg,
            "html": lambda: formats.html("valuegrad", *filter(None, (self.svg, self._tall))),
            "dot": lambda: self.source,
            "mmd": lambda: self.mermaid,
        }[form]()
        return text.encode()

    def _binary(self, form: str) -> bytes:
        try:
            return (formats.png if form == "png" else formats.pdf)(self.svg)
        except ImportError:
            raise ImportError(
                f"a {form.upper()} needs vl-convert-python: python -m pip install"
                " vl-convert-python; .svg and .html need nothing"
            ) from None

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {
            "text/html": formats.shown(repr(self), self.svg, self._tall),
            "image/svg+xml": self.svg,
            "text/plain": repr(self),
        }

    def __repr__(self) -> str:
        caption = self.rows.caption and f"; {self.rows.caption}"
        return f"<Drawing of {_many(len(self.rows.boxes), 'box', 'es')}{caption}>"

    def __str__(self) -> str:
        return formats.listing(self.rows)
