"""A graph as a picture: graph -> plain rows -> DOT, Mermaid, SVG.

The rows say what is in the graph, and not how it looks: `formats` does that, `fold` decides which
values share a box, and `render` (Graphviz) and `layout` place the boxes.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Container, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from .. import files
from ..core.graph import Node, gradient_or_none
from ..extras import missing
from . import abbreviating, formats, layout, render
from .fold import fold
from .formats import Box, Edge, Frame, Rows
from .picture import Picture, picture_of
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
    rankdir: str | None = None,
    collapse: str | bool | None = "auto",
    max_nodes: int = 150,
    hide_constants: bool = False,
    engine: str | None = None,
    quiet: bool = False,
    size: str | None = None,
    show: str | None = None,
    numbers: bool = False,
    samples: int | str = 1,
    open: str | Sequence[str] = (),  # noqa: A002
) -> Drawing:
    """A picture of the graph under `root`, or of a model, with its present numbers.

    A list or tuple of nodes is drawn as one picture, in which what they share is drawn once, and
    every sample of a batch. ValueError if it is empty.

    A loss, or what else was called under a scope, is one box; `open` names boxes to open. A batch
    is drawn as one sample, which stands for all; `samples` is how many to show, or "all". A layer
    whose values are shown has a frame around them. Parameters, inputs and layers have names while
    their model is kept in a variable. The picture shows itself in a notebook; `.save` writes it.

    `rankdir`: LR, TB, RL or BT, the direction from the leaves to the root. `collapse`: "auto" folds
    more than `max_nodes` values into at most so many boxes, first by module call, then by
    expression, then by distance from the root; True folds module calls in any graph; False
    shows every value. `hide_constants` leaves plain numbers out. `engine`: "dot", "pygraphviz" or
    "builtin" places the boxes; None takes the first that is installed and says once, unless
    `quiet`, how to install Graphviz. `size`: None, or "lecture" for the same picture in large type.

    A model is drawn as units in layers, or as boxes where units do not show all of it. Lines have
    the sign and size of a weight or, with show="grad", of its gradient; `numbers` writes them.
    Large layers are folded; collapse=True draws boxes, collapse=False every unit. TypeError for
    anything but a node or a model, ValueError for a setting that does not exist.
    """
    _check_settings(rankdir, collapse, max_nodes, engine, size)
    check_samples(samples)
    names = [open] if isinstance(open, str) else list(open)
    if anatomy := getattr(type(root), "_anatomy", None):
        from .network import Style, picture

        _check_of_models(show, hide_constants, samples, names)
        style = Style(rankdir, collapse, max_nodes, engine, quiet, show or "weight", numbers)
        drawing = picture(anatomy(root), style)
    elif show is not None or numbers:
        raise TypeError("show= and numbers= are for models: a graph shows every number as it is")
    else:
        drawn = rows(_roots(root, samples), collapse, max_nodes, hide_constants, samples, names)
        drawing = Drawing(drawn, rankdir or "LR", engine, quiet)
    drawing.scale = LECTURE if size else 1.0
    return drawing


def _roots(root: object, samples: int | str) -> list[Node]:
    """The nodes to draw; an error that says what to draw."""
    if not isinstance(root, (list, tuple)):
        return [_node(root, "draw takes a Value, a Tensor, a list of them or a model")]
    if not root:
        raise ValueError("draw takes a list of at least one Value or Tensor, not an empty one")
    if samples not in (1, "all"):
        raise TypeError("samples= is for the graph of one root: every sample of a list is drawn")
    said = "draw takes a list of Values and Tensors"
    return [_node(x, f"{said}; element {i} is of another type") for i, x in enumerate(root)]


def _node(root: object, said: str) -> Node:
    if isinstance(root, Node):
        return root
    advice = "draw the result of a computation on Values"
    if hasattr(root, "__iter__"):
        advice = "draw one of its elements, a list of them, or their sum"
    raise TypeError(f"{said}, not {type(root).__name__}: {advice}")


def check_samples(samples: int | str) -> None:
    """ValueError for a number of samples that there cannot be."""
    if samples != "all" and (not isinstance(samples, int) or samples is True or samples < 1):
        raise ValueError(f'samples is a whole number, 1 or more, or "all", not {samples!r}')


def _check_settings(
    rankdir: str | None, collapse: str | bool | None, max_nodes: int, engine: str | None,
    size: str | None,
) -> None:  # fmt: skip
    """ValueError for a setting that does not exist."""
    for name, given, known in (
        ("rankdir", rankdir, (None, *RANKDIRS)),
        ("collapse", collapse, ("auto", True, "scope", False, None)),
        ("engine", engine, (None, *ENGINES)),
        ("size", size, (None, "lecture")),
    ):
        if given not in known:
            quoted = [f'"{x}"' if isinstance(x, str) else str(x) for x in known]
            raise ValueError(f"{name} is {_either(quoted)}, not {given!r}")
    if isinstance(max_nodes, bool) or not isinstance(max_nodes, int) or max_nodes < 1:
        raise ValueError(f"max_nodes is a whole number, 1 or more, not {max_nodes!r}")


def _check_of_models(
    show: str | None, hide_constants: bool, samples: int | str, opened: Sequence[str]
) -> None:
    """An error for a setting that a picture of a model does not have."""
    if show not in (None, "weight", "grad"):
        raise ValueError(f'show is "weight" or "grad", not {show!r}')
    if hide_constants:
        raise TypeError("hide_constants= is for graphs: a model has no plain numbers to leave out")
    if samples != 1 or opened:
        raise TypeError(
            "samples= and open= are for graphs: a model has neither samples nor boxes to open"
        )


def _either(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


# ---- graph -> rows -------------------------------------------------------------------------------


def rows(
    root: Node | list[Node],
    collapse: str | bool | None = "auto",
    max_nodes: int = 150,
    hide_constants: bool = False,
    samples: int | str = 1,
    opened: Sequence[str] = (),
) -> Rows:
    """The boxes, edges, caption and frames of a picture; see `draw`."""
    most = int(samples) if collapse and samples != "all" else None
    picture = picture_of(root if isinstance(root, list) else [root], opened, most, max_nodes)
    return boxed(picture, *homes(picture, collapse, max_nodes), hide_constants)[0]


def homes(
    picture: Picture, collapse: str | bool | None, max_nodes: int
) -> tuple[list[int], dict[int, str]]:
    """The box of each value, and the boxes' names; a box has the place of its youngest value."""
    values = picture.values
    if not collapse:
        return list(range(len(values))), {}
    functions = [_symbol(v)[:1].isalpha() for v in values]
    limit = max_nodes if collapse != "auto" or len(values) > max_nodes else None
    return fold(picture.births(), picture.sources(), picture.calls, functions, limit)


def boxed(
    picture: Picture, home: Sequence[int], names: Mapping[int, str], hide_constants: bool
) -> tuple[Rows, dict[str, Node | None]]:
    """The rows of a picture, and the value whose numbers each box shows; see `homes`."""
    values = picture.values
    members: dict[int, list[Node]] = defaultdict(list)
    for value, i in zip(values, home, strict=True):
        members[i].append(value)
    counts = {i: Counter(v.op or "leaf" for v in vs) for i, vs in members.items() if len(vs) > 1}
    merged, exits = _between(picture, home, counts)
    ids = {i: f"n{k}" for k, i in enumerate(sorted(members))}
    place = dict(zip(values, home, strict=True))
    plain = _Plain(picture, hide_constants)
    boxes: list[Box] = []
    edges: list[Edge] = []
    shown: dict[str, Node | None] = {name: values[i] for i, name in ids.items()}
    for i, name in ids.items():
        value, ordered = values[i], False
        if i in counts:
            tails = plain.of_group(name, members[i])
            way_out = shown[name] = values[exits[i]] if exits.get(i, -1) >= 0 else None
            box = _group(name, names.get(i, ""), way_out, counts[i], picture)
        else:
            tails = plain.of(name, value)
            for k, x in enumerate(picture.inputs(value)):
                if isinstance(x, Node) and (tail := place.get(x)) is not None:
                    count = merged.pop((tail, i), 0) if tail in counts else picture.times(x, value)
                    tails += [(k, ids[tail], count)] if count else []
            ordered = len(tails) > 1 and not (value._rule and value._rule.fact.commutative)
            box = _box(name, "op" if value.op else "leaf", value, picture.label(value))
        edges += [Edge(tail, name, k, count, ordered) for k, tail, count in sorted(tails)]
        boxes += [*plain.fresh(), box]
    edges += [Edge(ids[tail], ids[head], 0, count) for (tail, head), count in merged.items()]
    frames = _frames(picture, place, ids, members)
    if frames:
        boxes = [_in_a_frame(box, picture) for box in boxes]
    return Rows(boxes, edges, _caption(picture, counts, plain.hidden), frames), shown


def _between(
    picture: Picture, home: Sequence[int], groups: Container[int]
) -> tuple[Counter[tuple[int, int]], dict[int, int]]:
    """The number of edges between groups and boxes, and each group's way out, -1 for several."""
    values = picture.values
    merged: Counter[tuple[int, int]] = Counter()
    sources = picture.sources()
    exits: dict[int, int] = {}
    for i in set(range(len(home))).difference(*sources):  # the roots
        if exits.setdefault(home[i], i) != i:
            exits[home[i]] = -1
    for user, here, inputs in zip(values, home, sources, strict=True):
        for i in inputs:
            there = home[i]
            if there != here and (there in groups or here in groups):
                merged[there, here] += picture.times(values[i], user)
                if exits.setdefault(there, i) != i:
                    exits[there] = -1
    return merged, exits


def _frames(
    picture: Picture, place: Mapping[Node, int], ids: Mapping[int, str],
    members: Mapping[int, Sequence[Node]],
) -> list[Frame]:  # fmt: skip
    """The frames around boxes that are all of a layer's, unless it is one box."""
    users: dict[Node, list[Node]] = defaultdict(list)
    for value in picture.values:
        for x in picture.inputs(value):
            if isinstance(x, Node):
                users[x].append(value)
    found = []
    for title, held in picture.frames:
        own = {v for v in held if v._inputs or held.issuperset(users[v])}
        inside = sorted({place[v] for v in own if own.issuperset(members[place[v]])})
        if inside and not own <= set(members[inside[0]]):
            found.append(Frame(title, tuple(ids[i] for i in inside)))
    return found


def _in_a_frame(box: Box, picture: Picture) -> Box:
    """A box where frames say the layers: named after its result alone."""
    if not box.result or box.label in picture.functions:
        return box
    return box._replace(label=box.result, result="")


def _symbol(value: Node) -> str:
    return value._rule.symbol if value._rule else ""


def _box(name: str, kind: str, value: Node, label: str) -> Box:
    grad = abbreviating.brief(abbreviating.gradient(gradient_or_none(value)))
    data = abbreviating.brief(value.data)
    settings = ""
    if value._rule and value._rule.of_arrays:
        from .array_wording import settings as settings_of

        settings = settings_of(value)
    return Box(name, kind, value.op, _symbol(value), label, data, grad, settings=settings)


def _group(
    name: str, call: str, way_out: Node | None, counts: Counter[str], picture: Picture
) -> Box:
    """The box of a group, with the name and numbers of its way out if it has one."""
    most = tuple(counts.most_common())
    if way_out is None:
        return Box(name, "group", "", "", call, counts=most)
    label = way_out.label if call in picture.functions else picture.label(way_out)
    result = label if call and label != call else ""
    return _box(name, "group", way_out, call or way_out.label)._replace(counts=most, result=result)


class _Plain:
    """The boxes of plain numbers; those that a module was called on are drawn once."""

    def __init__(self, picture: Picture, hide: bool) -> None:
        self.picture = picture
        self.hide = hide
        self.hidden = 0
        self._drawn: dict[Any, list[tuple[int, Box]]] = {}
        self._fresh: list[Box] = []
        self._few = sum(map(len, dict(picture.given.values()).values())) <= MOST_CONSTANTS

    def of(self, name: str, value: Node) -> list[tuple[int, str, int]]:
        """The places and boxes of the plain numbers among a value's inputs."""
        key, names = self.picture.numbers(value)
        if key not in self._drawn:
            self._drawn[key] = found = _constants(name, value, names)
            self.hidden += len(found) if self.hide else 0
            self._fresh += [] if self.hide else [box for _, box in found]
        return [] if self.hide else [(k, box.id, 1) for k, box in self._drawn[key]]

    def of_group(self, name: str, values: Sequence[Node]) -> list[tuple[int, str, int]]:
        """The boxes of the numbers that a module was called on, and how often they are used."""
        given = self.picture.given if self._few else {}
        used = [(f"{name}v{i}", v) for i, v in enumerate(values) if v in given]
        found = Counter(box for own, value in used for _, box, _ in self.of(own, value))
        return [(0, box, count) for box, count in found.items()]

    def fresh(self) -> list[Box]:
        """The boxes that have not been asked for yet."""
        found, self._fresh = self._fresh, []
        return found


def _constants(name: str, value: Node, names: Sequence[str]) -> list[tuple[int, Box]]:
    """Boxes for the plain numbers among a value's inputs, with their places."""
    found = [(k, x) for k, x in enumerate(value._inputs) if not isinstance(x, Node)]
    if len(found) > MOST_CONSTANTS:
        label = f"{names[0]} … {names[-1]}: " if names else ""
        label += f"{len(found):,} numbers"
        return [(found[0][0], Box(f"{name}c", "constant", "", "", label))]
    labels = [*names, *[""] * len(found)]
    return [
        (k, Box(f"{name}c{k}", "constant", "", "", label, abbreviating.brief(x)))
        for (k, x), label in zip(found, labels, strict=False)
    ]


def _many(count: int, thing: str, plural: str = "s") -> str:
    return f"{count:,} {thing}{plural if count != 1 else ''}"


def _caption(picture: Picture, groups: Mapping[int, Counter[str]], hidden: int) -> str:
    """The caption: what the picture leaves out, "" for nothing."""
    counts, total = sum(groups.values(), Counter[str]()), len(picture.values)
    parts = [picture.caption] if picture.caption else []
    if groups:
        boxes = _many(len(groups), "box", "es")
        most = [f"{n:,} {op}" for op, n in counts.most_common(MOST_COUNTS)]
        most += ["others"] if len(counts) > MOST_COUNTS else []
        parts.append(f"{total:,} values; {counts.total():,} folded into {boxes}: {', '.join(most)}")
    if hidden:
        parts.append(f"{_many(hidden, 'plain number')} not shown")
    if picture.changed:
        changed = _many(picture.changed, "leaf number")
        parts.append(f"{changed} changed since the rest was computed")
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
        self.scale: float = 1.0
        self.gaps: tuple[float, float] = (0.0, 0.0)  # least room of ranks: side by side, stacked

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
        """A small picture from top to bottom, for a narrow column; "" if it is not narrower."""
        if self.rankdir in ("TB", "BT") or len(self.rows.boxes) > MOST_TALL:
            return ""
        tall = self._drawn("TB" if self.rankdir == "LR" else "BT")
        narrower = formats.dimensions(tall)[0] < formats.dimensions(self.svg)[0]
        return tall if narrower else ""

    def _drawn(self, rankdir: str) -> str:
        place = {box.id: i for i, box in enumerate(self.rows.boxes)}
        edges = [(place[edge.tail], place[edge.head]) for edge in self.rows.edges]
        notes = [len(formats.note(edge)) for edge in self.rows.edges]
        groups = [[place[i] for i in frame.boxes] for frame in self.rows.frames]
        stacked = rankdir in ("TB", "BT")
        sizes = [formats.size(box, stacked) for box in self.rows.boxes]
        plan = layout.plan(sizes, edges, rankdir, notes, groups)
        placed = self._placed(plan._replace(gap=max(plan.gap, self.gaps[stacked])))
        return formats.svg(self.rows, placed, stacked, self.scale)

    def _placed(self, plan: layout.Plan) -> layout.Layout:
        """The boxes as Graphviz places them, or the built-in layout if it cannot."""
        asked = (self.engine,) if self.engine else ENGINES
        refusals = []
        for engine in asked:
            if engine == "builtin":
                break
            self.engine = engine
            try:
                return layout.placed(plan, render.places(engine, plan, self._seconds))
            except render.Unavailable as error:
                refusals.append(error)
        if len(asked) == 1 and refusals:
            raise refusals[0]
        if refusals and not self._quiet:
            render.warn_once(str(refusals[0]))
        self.engine = "builtin"
        return layout.placed(plan, layout.layered(plan))

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
        try:
            if form == "png":
                return formats.png(self.svg)
            if form == "pdf":
                return formats.pdf(self.svg)
        except ImportError:
            instead = ".svg and .html need nothing"
            raise missing(f"a {form.upper()}", "vl-convert-python", instead=instead) from None
        if form == "html":
            pictures = filter(None, (self.svg, self._tall))
            return formats.html("valuegrad", *pictures).encode()
        text = self.svg if form == "svg" else self.source if form == "dot" else self.mermaid
        return text.encode()

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
