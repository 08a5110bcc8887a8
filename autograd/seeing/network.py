"""A model as a picture: units in layers, or a box for each layer or part.

A model tells its parts as plain facts (those of `nn.module.Part`), so that its classes need not be
known here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from ..core.graph import Node, data_of, gradient_or_none
from ..trees import leaves, rectangle
from . import abbreviating, units
from .drawing import Drawing
from .drawing import _many as many
from .formats import Box, Edge, Rows
from .naming import named
from .units import Column, Number

Part = Any  # the facts about a module
Block = Any  # a parameter, or nested lists of them

MOST_UNITS, MOST_WITH_NUMBERS = 16, 8  # of a layer; a larger one shows half as many
MOST_LAYERS = 8
MOST_LINES = 40_000  # between units, if nothing is left out
MOST_BOXES, MOST_SHAPES = 40, 10  # parts of a module; parameters that a box lists


class Style(NamedTuple):
    """How a model is drawn; see `draw`."""

    rankdir: str | None
    collapse: str | bool | None
    max_nodes: int
    engine: str | None
    quiet: bool
    show: str
    numbers: bool


def picture(model: Part, style: Style) -> Drawing:
    """The picture of a model: units if they show all of it and are few enough, or else boxes."""
    parts = chain(model) or [model]
    rows = chained(model, parts, style) if model.chained else tree(model, style)
    most = most_units(parts, style) if is_layered(parts) else None
    if most is None:
        rankdir = style.rankdir or ("TB" if model.chained else "LR")
        return Drawing(rows, rankdir, style.engine, style.quiet)
    if style.rankdir not in (None, "LR", "TB"):
        raise ValueError(f"rankdir of a network is LR or TB, not {style.rankdir!r}")
    if style.engine not in (None, "builtin"):
        raise TypeError("engine= places boxes: add collapse=True to draw the layers as boxes")
    columns = columns_of(parts, model, most, style.show)
    return Network(rows._replace(caption=summary(columns, model.total)), columns, style)


# ---- facts -> columns of units -------------------------------------------------------------------


def chain(part: Part) -> list[Part]:
    """The parts that follow each other."""
    return [x for inner in part.parts for x in chain(inner)] if part.chained else [part]


def sizes(part: Part) -> tuple[int, int]:
    """The numbers of inputs and of units."""
    *rows, n_in = rectangle(part.weight)
    return n_in, rows[0] if rows else 1


def is_layered(parts: Sequence[Part]) -> bool:
    """True for layers of units that fit each other, with nothing but functions between them."""
    layers = [part for part in parts if part.weight is not None]
    known = all(part.weight is not None or not (part.total or part.parts) for part in parts)
    try:
        found = [(*sizes(part), math.prod(rectangle(part.bias))) for part in layers]
    except ValueError:  # lists of different lengths
        return False
    whole = all(n == biases for _, n, biases in found)
    return bool(layers) and known and whole and all(a[1] == b[0] for a, b in pairwise(found))


def most_units(parts: Sequence[Part], style: Style) -> int | None:
    """The units of a layer that are all shown; None if boxes are better, or asked for."""
    layers = [sizes(part) for part in parts if part.weight is not None]
    if style.collapse in (False, None):
        if (lines := sum(n_in * n_out for n_in, n_out in layers)) > MOST_LINES:
            raise ValueError(
                f"collapse={style.collapse} would draw {lines:,} weights, and a picture has room "
                f"for {MOST_LINES:,}: leave it out to see some of them"
            )
        return max(map(max, layers))
    if style.collapse != "auto" or len(layers) > MOST_LAYERS:
        return None
    widths = [layers[0][0], *(n_out for _, n_out in layers)]
    most = MOST_WITH_NUMBERS if style.numbers else MOST_UNITS
    shown = ((k, sum(len(some(n, k)) for n in widths)) for k in range(most, 2, -1))
    return next((k for k, circles in shown if circles <= style.max_nodes), None)


def some(n: int, most: int) -> Sequence[int]:
    """The shown ones among n units: all, or the first and the last."""
    return range(n) if n <= most else (*range(max(2, most // 2) - 1), n - 1)


def columns_of(parts: Sequence[Part], model: Part, most: int, show: str) -> list[Column]:
    """A column for the inputs, and one for each layer."""
    layers = [part for part in parts if part.weight is not None]
    n = sizes(layers[0])[0]
    shown = some(n, most)
    labels = labelled(model.inputs, n, shown)
    columns = [Column(many(n, "input"), [], n, shown, numbered("x", n, shown), labels)]
    first: dict[int, str] = {}  # the layers by their weights
    for part in parts:
        if part.weight is None:
            columns[-1].notes.append(abbreviating.words(part.kind))
            continue
        k = len(columns)
        title = abbreviating.words(part.title) or f"layer {k}"
        owner = first.setdefault(id(part.weight), title)
        shared = [f"shared with {owner}"] if owner is not title else []
        column = column_of(part, columns[-1].shown, most, show)
        n, shown = column.size, column.shown
        if k < len(layers):
            column = column._replace(title=title, names=numbered("h", n, shown, k))
            column.notes.append(many(n, "unit"))
        else:
            labels = labelled(model.outputs, n, shown)
            column = column._replace(labels=labels, names=numbered("ŷ", n, shown))
        column.notes.extend(shared)
        columns.append(column)
    return columns


def column_of(part: Part, before: Sequence[int], most: int, show: str) -> Column:
    """A column of outputs, with the numbers that lead from shown units to shown units."""
    n_in, n = sizes(part)
    shown = some(n, most)
    weights = grid(part.weight, show, (n, n_in), shown, before)
    biases = grid(part.bias, show, (1, n), [0], shown)[0]
    return Column(many(n, "output"), [part.activation], n, shown, [], [], weights, biases)


def numbered(word: str, n: int, shown: Sequence[int], layer: int = 0) -> list[str]:
    """x₁, x₂ ...; x alone if there is one."""
    return [named(word, (i + 1,) * (n > 1), layer) for i in shown]


def labelled(names: Sequence[str], n: int, shown: Sequence[int]) -> list[str]:
    """The names that the user gave, if there is one for each unit."""
    return [abbreviating.words(str(names[i]), 20) for i in shown] if len(names) == n else []


def grid(
    block: Block, show: str, sides: tuple[int, int], rows: Sequence[int], columns: Sequence[int]
) -> list[list[Number]]:
    """Some of the numbers of a block with that many rows and columns."""
    if isinstance(block, Node) and abbreviating.shape_of(block):
        if (found := held(block, show)) is None:
            return [[None] * len(columns) for _ in rows]
        table = abbreviating.plain(found).reshape(sides)
        return [[float(table[i, j]) for j in columns] for i in rows]
    lists = block if isinstance(block, (list, tuple)) else [block]
    lists = lists if isinstance(lists[0], (list, tuple)) else [lists]
    return [[held(lists[i][j], show) for j in columns] for i in rows]


def held(x: Any, show: str) -> Any:
    """The number or array of a parameter, or its gradient."""
    if show == "weight":
        return data_of(x)
    return gradient_or_none(x) if isinstance(x, Node) else None


def summary(columns: Sequence[Column], total: int) -> str:
    """The caption: how many there are of everything, or how many of them are shown."""
    first, *hidden, last = columns
    units = [many(sum(column.size for column in hidden), "unit")] if hidden else []
    told = ", ".join([many(first.size, "input"), *units, many(last.size, "output")])
    every = sum(a.size * b.size for a, b in pairwise(columns))
    lines = sum(len(a.shown) * len(b.shown) for a, b in pairwise(columns))
    if lines == every:
        return f"{told}; {many(total, 'parameter')}"
    circles, size = sum(len(c.shown) for c in columns), sum(c.size for c in columns)
    return f"{told}; {circles:,} of {size:,} units and {lines:,} of {every:,} weights are shown"


# ---- facts -> boxes ------------------------------------------------------------------------------


def most_boxes(style: Style) -> float:
    """The number of boxes that a picture has room for."""
    return math.inf if style.collapse in (False, None) else min(style.max_nodes, MOST_BOXES)


def chained(model: Part, parts: Sequence[Part], style: Style) -> Rows:
    """A box for each part, from the first to the last; if there are too many, for the first."""
    boxes = [box(i, part, style) for i, part in enumerate(parts)]
    if len(parts) > (most := max(3, most_boxes(style))):
        left_out = slice(int(most) - 2, -1)
        boxes[left_out] = [Box("more", "module", "", "", f"… {len(boxes[left_out]):,} more")]
    edges = [Edge(a.id, b.id) for a, b in pairwise(boxes)]
    return Rows(boxes, edges, many(model.total, "parameter"))


def tree(model: Part, style: Style) -> Rows:
    """A box for the model and for its parts, as deep as there is room for them."""
    found, owners, level, left_out = [model], [-1], range(1), 0
    while level:
        below = [(part, i) for i in level for part in opened(found[i])]
        if len(found) + len(below) > most_boxes(style):
            left_out = len(below)
            break
        level = range(len(found), len(found) + len(below))
        found += [part for part, _ in below]
        owners += [i for _, i in below]
    boxes = [box(i, part, style, i not in owners) for i, part in enumerate(found)]
    edges = [Edge(f"n{owner}", f"n{i}") for i, owner in enumerate(owners) if owner >= 0]
    told = ["arrows lead from a module to its parts, in no order of calls"] if edges else []
    told += [f"{many(left_out, 'part')} inside not shown"] if left_out else []
    return Rows(boxes, edges, "; ".join(told))


def opened(part: Part) -> Sequence[Part]:
    """The parts that get boxes of their own, unless one box can list what is in them."""
    plain = part.chained or all(inner.kind == "parameters" for inner in part.parts)
    return () if plain and len(part.blocks) <= MOST_SHAPES else part.parts


def box(i: int, part: Part, style: Style, whole: bool = True) -> Box:
    """A part with what is known of it, and with its parameters unless its parts show them."""
    name, _, about = part.kind.partition("(")
    about = part.kind if part.title else about.removesuffix(")")
    facts = [about] if about not in ("", "parameters") else []
    blocks = part.blocks if whole else ()
    facts += [parameter(part, name, block, style) for name, block in blocks[:MOST_SHAPES]]
    if len(blocks) > MOST_SHAPES:
        facts.append(f"… {len(blocks) - MOST_SHAPES:,} more")
    facts += [many(part.total, "parameter")] if part.total else []
    return Box(f"n{i}", "module", "", "", part.title or name, facts=tuple(facts))


def parameter(part: Part, name: str, block: Block, style: Style) -> str:
    """A line about a block of parameters: name, shape, and on demand the largest number."""
    line = f"{name.removeprefix(f'{part.title}.')} {rectangle(block) or ''}".strip()
    if style.show == "weight" and not style.numbers:
        return line
    return f"{line}, {'grad ' * (style.show == 'grad')}{largest(block, style.show)}"


def largest(block: Block, show: str) -> str:
    """The largest size of a block's numbers, a dash if there are none; nan is the largest."""
    found = [x for leaf in leaves(block) if (x := held(leaf, show)) is not None]
    plain = abbreviating.plain
    peaks = [abs(plain(x)).max(initial=0) if abbreviating.is_array(x) else abs(x) for x in found]
    return f"up to {abbreviating.number(max(peaks, key=lambda x: (x != x, x)))}" if peaks else "—"


# ---- rows and columns -> picture -----------------------------------------------------------------


class Network(Drawing):
    """A picture of units and weights; as DOT, Mermaid and text its layers are boxes."""

    def __init__(self, rows: Rows, columns: Sequence[Column], style: Style) -> None:
        super().__init__(rows, style.rankdir or "LR", "builtin", quiet=True)
        self._columns, self._style = columns, style

    def _drawn(self, rankdir: str) -> str:
        numbers, show = self._style.numbers, self._style.show
        tall, caption = rankdir == "TB", self.rows.caption
        return units.svg(self._columns, caption, tall, numbers, show, self.scale)

    def moving(self, tall: bool = False) -> str:
        """The units as SVG, for a page that moves the lines and dots of weights."""
        return units.moving(self._columns, tall)

    def __repr__(self) -> str:
        return f"<Drawing of a network: {self.rows.caption}>"
