"""The rows of a picture, and rows as text: DOT, Mermaid, SVG, HTML, lines for a terminal.

A label is data: every format escapes it, names in the output (n0, n1, ...) are invented, and the
layout gets sizes, never a label.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any, NamedTuple
from unicodedata import combining, east_asian_width

from ..core.graph import data_of
from . import abbreviating
from .layout import Layout, Point, Size, dot_spacing

MOST_LETTERS = 28  # of a label
UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
MONO = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"  # so that widths are known
BIG, SMALL = 13, 11
LETTER = 0.61  # the width of a letter, in font sizes
LINE = 15
EDGE, INK, FAINT = "#94a3b8", "#1e293b", "#64748b"

# fmt: off
#             a cell's fill, border,    letters
COLOURS = {
    "leaf":     ("#d1fae5", "#6ee7b7", "#065f46"),
    "op":       ("#dbeafe", "#93c5fd", "#1e40af"),
    "constant": ("#f1f5f9", "#cbd5e1", "#475569"),
    "group":    ("#ede9fe", "#c4b5fd", "#5b21b6"),
}
# fmt: on


class Brief(NamedTuple):
    """An array as it was at some time: its shape and dtype, and its elements."""

    form: str
    elements: str


Shown = float | Brief | None


class Box(NamedTuple):
    """A value, a plain number, or a group of values."""

    id: str
    kind: str  # "leaf", "op", "constant" or "group"
    op: str
    symbol: str
    label: str
    data: Shown = None  # of a group, of its one way out; None if it has several
    grad: Shown = None  # None if no backward pass has reached it
    counts: tuple[tuple[str, int], ...] = ()  # a group's values by operation
    settings: str = ""  # of an operation on arrays
    result: str = ""  # the name of a group's way out


class Edge(NamedTuple):
    """From an input to its user."""

    tail: str
    head: str
    position: int = 0  # among the operands
    times: int = 1  # edges to or from a group are drawn as one
    ordered: bool = False  # swapping the operands would change the result


class Frame(NamedTuple):
    """The boxes of a layer, which share a frame."""

    title: str
    boxes: tuple[str, ...]


class Rows(NamedTuple):
    """A picture as plain data, with boxes from the oldest to the root."""

    boxes: list[Box]
    edges: list[Edge]
    caption: str  # what is left out
    frames: Sequence[Frame] = ()


def shape_of(x: object) -> tuple[int, ...]:
    """The shape of a node's array, or of an array; () for a number."""
    return tuple(getattr(data_of(x), "shape", ()))


def is_array(x: object) -> bool:
    """Whether x is an array with axes; one without any is shown as its number."""
    return bool(getattr(x, "shape", ()))


def brief(x: Any) -> Shown:
    """An array, with axes or without, as a `Brief`; any number unchanged."""
    if not hasattr(x, "shape"):
        return x
    return Brief(abbreviating.shape(x, dtype=True), abbreviating.elements(x))


def number(x: Any) -> str:
    """A number in four digits; an array's elements, or their range; a dash for None."""
    if x is None:
        return "—"
    if is_array(x):
        x = brief(x)
    return x.elements if isinstance(x, Brief) else f"{float(x):.4g}"


def words(text: str) -> str:
    """A label on one line, without unprintable characters and marks of direction."""
    text = UNPRINTABLE.sub("\ufffd", re.sub(r"\s", " ", text[: 4 * MOST_LETTERS]))
    return text if len(text) <= MOST_LETTERS else text[: MOST_LETTERS - 1] + "…"


def cells(box: Box) -> tuple[str, str, list[str]]:
    """The text of a box: its coloured head, a name, and its lines."""
    label = words(box.label)
    about = [words(box.settings)] if box.settings else []
    about += [box.data.form] if isinstance(box.data, Brief) else []
    lines = [*about, f"data {number(box.data)}", f"grad {number(box.grad)}"]
    if box.kind == "leaf":
        return label, "", lines
    if box.kind == "op":
        return words(box.symbol), label, lines
    if box.kind == "constant":
        if isinstance(box.data, Brief) and not box.data.elements.startswith("["):
            about = [box.data.form, box.data.elements]
            return (label, "", about) if label else (about[0], "", about[1:])
        if label and box.data is not None:
            return label, "", [number(box.data)]
        return label or number(box.data), "", []
    if label and box.data is not None:
        return label, words(box.result), lines
    total = sum(count for _, count in box.counts)
    counts = ", ".join(f"{count:,} {words(op)}" for op, count in box.counts[:4])
    counts += ", …" if len(box.counts) > 4 else ""
    return (
        label or f"… {words(box.symbol)}".strip(),
        "",
        [f"{total:,} values", counts, *(lines if box.data is not None else ())],
    )


# ---- text ----------------------------------------------------------------------------------------


def note(edge: Edge) -> str:
    """What stands at the head of an edge: the operand's place, or how many edges it stands for.

    The place is said where swapping the operands would change the result.
    """
    return f"×{edge.times:,}" if edge.times > 1 else str(edge.position + 1) * edge.ordered


def dot(rows: Rows, rankdir: str) -> str:
    """The DOT source. A box is a record; `{}` turns it by 90 degrees, since LR has turned it."""
    out = [
        "digraph {",
        f"  graph [rankdir={rankdir} {dot_spacing(len(rows.boxes), len(rows.edges))} bgcolor=white",
        f'    fontname="Helvetica" fontsize=11 fontcolor="{FAINT}" labelloc=b'
        f' label="{_quoted(rows.caption)}"]',
        f'  node [shape=Mrecord style=filled fontname="Helvetica" fontsize=11 margin="0.09,0.03"'
        f' height=0.3 width=0.3 fontcolor="{INK}"]',
        f'  edge [color="{EDGE}" arrowsize=0.7 labelfontsize=9 labelfontcolor="{FAINT}"]',
    ]
    for box in rows.boxes:
        head, name, lines = cells(box)
        parts = [_field(part) for part in (head, name) if part]
        if lines:
            parts.append("{" + "|".join(map(_field, lines)) + "}")
        record = "|".join(parts)
        record = "{" + record + "}" if rankdir in ("LR", "RL") else record
        fill, border, _ = COLOURS[box.kind]
        out.append(f'  {box.id} [label="{record}" fillcolor="{fill}" color="{border}"]')
    for edge in rows.edges:
        notes = [f'headlabel="{note(edge)}"'] if note(edge) else []
        notes += ["penwidth=2"] if edge.times > 1 else []
        out.append(f"  {edge.tail} -> {edge.head}" + (f" [{' '.join(notes)}]" if notes else ""))
    for k, frame in enumerate(rows.frames):
        looks = f'label="{_quoted(words(frame.title))}" labelloc=t color="{EDGE}" style=rounded'
        out.append(f"  subgraph cluster_{k} {{ graph [{looks}] {' '.join(frame.boxes)} }}")
    return "\n".join([*out, "}\n"])


def _quoted(text: str) -> str:
    """Text between double quotes in DOT, with backslashes and entities escaped."""
    return text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _field(text: str) -> str:
    """One field of a record, with brackets, bars and outer spaces escaped."""
    return re.sub(r"([{}|<>]|^ | $| (?= ))", r"\\\1", _quoted(text))


def mermaid(rows: Rows, rankdir: str) -> str:
    """A Mermaid flowchart, for Markdown on GitHub and elsewhere."""
    out = [f"flowchart {rankdir}"]
    for box in rows.boxes:
        head, name, lines = cells(box)
        text = "<br/>".join([_entities(" ".join(p for p in (head, name) if p)) or "#160;", *lines])
        out.append(f'  {box.id}["{text}"]:::{box.kind}')
    for edge in rows.edges:
        arrow = f'-- "{note(edge)}" -->' if note(edge) else "-->"
        out.append(f"  {edge.tail} {arrow if edge.times == 1 else '==>'} {edge.head}")
    for k, frame in enumerate(rows.frames):
        title = _entities(words(frame.title))
        out.append(f'  subgraph f{k}["{title}"]\n    {" & ".join(frame.boxes)}\n  end')
    for kind, (fill, border, ink) in COLOURS.items():
        out.append(f"  classDef {kind} fill:{fill},stroke:{border},color:{ink}")
    return "\n".join([*out, ""])


def _entities(text: str) -> str:
    """Mermaid's escape: `#35;` for `#`. Only letters, digits and spaces stand for themselves."""
    return re.sub(r"[^\w ]|_", lambda found: f"#{ord(found[0])};", text)


def listing(rows: Rows) -> str:
    """A line for each box, inputs before their users."""
    inputs: dict[str, list[str]] = {box.id: [] for box in rows.boxes}
    for edge in rows.edges:
        inputs[edge.head].append(edge.tail)
    out = []
    for box in rows.boxes:
        head, name, lines = cells(box)
        made = f"{head}({', '.join(inputs[box.id])})" if inputs[box.id] else head
        out.append("  ".join(part for part in (f"{box.id:>4}", made, name, *lines) if part))
    return "\n".join([*out, rows.caption] if rows.caption else out)


# ---- SVG -----------------------------------------------------------------------------------------


def columns(text: str) -> int:
    """The number of columns that a text fills."""
    return sum(2 if east_asian_width(c) in "WF" else not combining(c) for c in text)


def _width(text: str, size: int) -> float:
    return columns(text) * size * LETTER


def _columns(box: Box) -> tuple[float, float, float]:
    """The widths of the head, the name and the lines."""
    head, name, lines = cells(box)
    return (
        max(_width(head, BIG) + 16, 26 if box.kind == "op" else 0) if head else 8,
        _width(name, BIG) + 14 if name else 0,
        max(_width(line, SMALL) for line in lines) + 18 if lines else 0,
    )


def size(box: Box) -> Size:
    """The width and height of a box in pixels."""
    lines = cells(box)[2]
    return sum(_columns(box)), LINE * len(lines) + 10 if lines else 24


def svg(rows: Rows, layout: Layout) -> str:
    """The picture: without scripts, links, styles, or names of anything outside."""
    caption = _wrapped(rows.caption, max(40, int(layout.size[0] / 6)))
    width = max(layout.size[0], *(len(line) * 6.2 + 32 for line in caption), 0)
    lift = LINE if rows.frames else 0  # for a title at the top
    bottom = layout.size[1] + lift
    height = bottom + (LINE * len(caption) + 10 if caption else 0)
    shift = (width - layout.size[0]) / 2
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}" font-size="{SMALL}" font-family="{MONO}">',
        '<rect width="100%" height="100%" rx="8" fill="#ffffff"/>',
        f'<g transform="translate({shift:.1f} {lift})" xml:space="preserve">',
        *_frames(rows, layout),
        *(_group("edge", _curve(*pair)) for pair in zip(rows.edges, layout.curves, strict=True)),
        *(_group("box", *_card(*pair)) for pair in zip(rows.boxes, layout.middles, strict=True)),
        "</g>",
        *(
            _text(16, bottom + LINE * (i + 0.5), line, FAINT, "start")
            for i, line in enumerate(caption)
        ),
        "</svg>\n",
    ]
    return "\n".join(out)


def _group(name: str, *parts: str) -> str:
    """A group of tags, so that the picture can be animated: the k-th is that of the k-th row."""
    return f'<g class="{name}">{"".join(parts)}</g>'


def _frames(rows: Rows, layout: Layout) -> Iterator[str]:
    """The frames whose boxes stand together: no other box is in the rectangle around them."""
    boxes = zip(rows.boxes, layout.middles, strict=True)
    edges = {b.id: _edges_of(size(b), middle) for b, middle in boxes}
    for frame in rows.frames:
        own = [edges[i] for i in frame.boxes]
        left, top = (min(e[k] for e in own) - pad for k, pad in ((0, 9), (1, 22)))
        right, bottom = (max(e[k] for e in own) + 9 for k in (2, 3))
        others = (e for i, e in edges.items() if i not in frame.boxes)
        if not any(a < right and c > left and b < bottom and d > top for a, b, c, d in others):
            yield _rect(left, top, right - left, bottom - top, "none", EDGE)
            yield _text(left + 8, top + 10, words(frame.title), FAINT, "start")


def _edges_of(size: Size, middle: Point) -> tuple[float, float, float, float]:
    """The left, top, right and bottom of a box."""
    (w, h), (x, y) = size, middle
    return x - w / 2, y - h / 2, x + w / 2, y + h / 2


def _wrapped(text: str, letters: int) -> list[str]:
    lines = [""] if text else []
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= letters:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


def _text(
    x: float, y: float, text: str, colour: str, anchor: str = "middle", font: int = SMALL
) -> str:
    look = f' text-anchor="{anchor}" fill="{colour}"'
    look += ' font-size="13" font-weight="600"' if font == BIG else ""
    return f'<text x="{x:.1f}" y="{y + 0.35 * font:.1f}"{look}>{escape(text)}</text>'


def _card(box: Box, middle: Point) -> Iterator[str]:
    """A white card with a coloured head; a group is a pile of cards."""
    fill, border, ink = COLOURS[box.kind]
    head, name, lines = cells(box)
    widths = _columns(box)
    width, height = size(box)
    x, y = middle[0] - width / 2, middle[1] - height / 2
    for k in (2, 1) if box.kind == "group" else ():
        yield _rect(x + 3 * k, y - 3 * k, width, height, "#ffffff", border)
    yield _rect(x, y, width, height, "#ffffff", border)
    right = x + widths[0]
    if right < x + width:
        round_left = f"H{x + 6:.1f}q-6 0 -6 6v{height - 12:.1f}q0 6 6 6H{right:.1f}Z"
        yield f'<path d="M{right:.1f} {y:.1f}{round_left}" fill="{fill}" stroke="{border}"/>'
    else:
        yield _rect(x, y, width, height, fill, border)
    if head:
        yield _text(x + widths[0] / 2, middle[1], head, ink, font=BIG)
    if name:
        yield _text(right + widths[1] / 2, middle[1], name, INK, font=BIG)
    top = middle[1] - LINE * (len(lines) - 1) / 2
    for i, line in enumerate(lines):
        plain = line.startswith(("data", "grad"))
        yield _text(right + widths[1] + 9, top + LINE * i, line, INK if plain else FAINT, "start")


def _rect(x: float, y: float, width: float, height: float, fill: str, border: str) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="6"'
    return f'<rect {place} fill="{fill}" stroke="{border}"/>'


def _curve(edge: Edge, points: list[Point]) -> str:
    """An arrow, with its note."""
    start, *rest = (f"{x:.1f} {y:.1f}" for x, y in points)
    (x0, y0), (x, y) = points[-2:]
    length = math.hypot(x - x0, y - y0) or 1.0
    dx, dy = (x - x0) / length, (y - y0) / length
    tip = f"M{x:.1f} {y:.1f}L{x - 7 * dx + 3 * dy:.1f} {y - 7 * dy - 3 * dx:.1f}"
    tip += f"L{x - 7 * dx - 3 * dy:.1f} {y - 7 * dy + 3 * dx:.1f}Z"
    pen = f'fill="none" stroke="{EDGE}" stroke-width="{1.2 if edge.times == 1 else 2.4}"'
    drawn = f'<path d="M{start}C{" ".join(rest)}" {pen}/>'
    drawn += f'<path d="{tip}" fill="{EDGE}"/>'
    if told := note(edge):
        back = 10 + 3 * len(told)
        drawn += _text(x - back * dx + 7 * dy, y - back * dy - 7 * dx, told, FAINT)
    return drawn


def html(picture: str, title: str) -> str:
    """A page with the SVG that loads nothing else."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f"<title>{escape(title)}</title>\n"
        f'<body style="margin:16px;background:#ffffff">\n{picture}</body>\n</html>\n'
    )
