"""The rows of a picture, and rows as text: DOT, Mermaid, SVG, HTML, lines for a terminal.

A label is data: every format escapes it, names in the output (n0, n1, ...) are invented, and the
layout gets sizes, never a label.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import NamedTuple
from unicodedata import combining, east_asian_width

from .. import pages
from .abbreviating import Brief, Shown, number, words
from .layout import Layout, Point, Size, dot_spacing

MOST_FACT = 48  # letters of a line about a module
MONO = "ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace"  # so that widths are known
BIG, SMALL, SMALLEST = 13, 11, 9  # the last where a picture is made to fit
LETTER = 0.61  # the width of a letter, in font sizes
LINE = 15
MOST_PIXELS = 6e7  # of a PNG
PILE = 6  # of a group: how far the cards behind it show
EDGE, INK, FAINT, PAPER, NOW = "#94a3b8", "#1e293b", "#64748b", "#ffffff", "#b45309"

# fmt: off
#             a cell's fill, border,    letters
COLOURS = {
    "leaf":     ("#d1fae5", "#6ee7b7", "#065f46"),
    "op":       ("#dbeafe", "#93c5fd", "#1e40af"),
    "constant": ("#f1f5f9", "#cbd5e1", "#475569"),
    "group":    ("#ede9fe", "#c4b5fd", "#5b21b6"),
    "module":   ("#fef3c7", "#fcd34d", "#92400e"),
    # a number's  mark,     line,      digits; told apart by colour-blind readers too
    "positive": ("#cfe8f7", "#0072b2", "#005a8d"),
    "negative": ("#fbdcc8", "#d55e00", "#a34700"),
    "odd":      ("#f5d0fe", "#a21caf", "#86198f"),  # nan and inf
}
DARK = {  # each colour of a picture, and the one that it has in the dark
    PAPER: "#1b2330", INK: "#e2e8f0", FAINT: "#94a3b8", EDGE: "#5b6b82", NOW: "#fbbf24",
    "#d1fae5": "#0b4f3c", "#6ee7b7": "#10805e", "#065f46": "#a7f3d0",
    "#dbeafe": "#1d3a66", "#93c5fd": "#3f6fb5", "#1e40af": "#cfe3ff",
    "#f1f5f9": "#2a3444", "#cbd5e1": "#4a5870", "#475569": "#cbd5e1",
    "#ede9fe": "#3b2f6b", "#c4b5fd": "#7661c9", "#5b21b6": "#ddd6fe",
    "#fef3c7": "#4a3a10", "#fcd34d": "#a3781d", "#92400e": "#fde68a",
    "#cfe8f7": "#123f5c", "#0072b2": "#4aa8e0", "#005a8d": "#9fd4f5",
    "#fbdcc8": "#5a2f10", "#d55e00": "#f0853a", "#a34700": "#fbbf93",
    "#f5d0fe": "#4a1d57", "#a21caf": "#e879f9", "#86198f": "#f5d0fe",
}
# fmt: on


class Box(NamedTuple):
    """A value, a plain number, or a group of values."""

    id: str
    kind: str  # "leaf", "op", "constant", "group" or "module"
    op: str
    symbol: str
    label: str
    data: Shown = None  # of a group, of its one way out; None if it has several
    grad: Shown = None  # None if no backward pass has reached it
    counts: tuple[tuple[str, int], ...] = ()  # a group's values by operation
    settings: str = ""  # of an operation on arrays
    facts: tuple[str, ...] = ()  # the lines of a module
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


def cells(box: Box) -> tuple[str, str, list[str]]:
    """The text of a box: its coloured head, a name, and its lines."""
    label = words(box.label)
    if box.kind == "module":
        return label, "", [words(fact, MOST_FACT) for fact in box.facts]
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
    """The text at an edge's head: how many it stands for, or the operand's place if that counts."""
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
    for kind in sorted({box.kind for box in rows.boxes}):
        fill, border, ink = COLOURS[kind]
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


def text_width(text: str, size: int) -> float:
    return columns(text) * size * LETTER


def _columns(box: Box) -> tuple[float, float, float]:
    """The widths of the head, the name and the lines."""
    head, name, lines = cells(box)
    return (
        max(text_width(head, BIG) + 16, 26 if box.kind == "op" else 0) if head else 8,
        text_width(name, BIG) + 14 if name else 0,
        max(text_width(line, SMALL) for line in lines) + 18 if lines else 0,
    )


def _places(box: Box, stacked: bool) -> tuple[Size, Size, float]:
    """The sizes of a box and of its head, and where its lines begin: right of it, or below."""
    _, name, lines = cells(box)
    a, b, c = _columns(box)
    height = LINE * len(lines) + 10 if lines else 24
    if not stacked or not lines:
        return (a + b + c, height), (a, height), a + b
    width, top = max(a + b, c), 24 if a > 8 or name else 8
    return (width, height + top), (a if name else width, top), 0


def size(box: Box, stacked: bool = False) -> Size:
    """The width and height of a box in pixels; stacked, its lines are below its head."""
    width, height = _places(box, stacked)[0]
    pile = PILE * (box.kind == "group")
    return width + pile, height + pile


def style(rules: Mapping[str, str]) -> str:
    """A picture's style: its rules, and their colours in the dark. Programs may not know those."""
    scoped = {re.sub("^|,", r"\g<0>.valuegrad ", k): look for k, look in rules.items()}
    light = "".join(f"{k}{{{look}}}" for k, look in scoped.items())
    coloured = {k: ";".join(re.findall(r"[\w-]+:#\w+", look)) for k, look in scoped.items()}
    dark = "".join(f"{k}{{{look}}}" for k, look in coloured.items() if look)
    dark = re.sub(r"(?<=:)#\w+", lambda colour: DARK[colour[0]], dark)
    return f"<style>{light}@media(prefers-color-scheme:dark){{{dark}}}</style>"


RULES = {
    ".paper,.box rect": f"fill:{PAPER}",
    "text": f"fill:{INK}",
    ".faint": f"fill:{FAINT}",
    ".edge text": f"fill:{FAINT};text-anchor:middle",
    ".head": f"font-size:{BIG}px;font-weight:600;text-anchor:middle",
    ".edge path": f"fill:none;stroke:{EDGE};stroke-width:1.2",
    ".edge path+path": f"fill:{EDGE};stroke:none",
    ".many path": "stroke-width:2.4",
    ".frame rect": f"fill:none;stroke:{EDGE}",
}
for _kind, (_fill, _border, _letters) in COLOURS.items():
    RULES |= {
        f".{_kind}>*": f"stroke:{_border}",
        f".{_kind} .fill": f"fill:{_fill}",
        f".{_kind} .head": f"fill:{_letters}",
    }
RULES |= {
    ".box text": "stroke:none",
    ".box .name": f"fill:{INK}",
    ".now>rect,.now>path:first-child": f"stroke:{NOW};stroke-width:2",
}
STYLE = style(RULES)


def document(width: float, height: float, parts: Iterable[str], scale: float = 1.0) -> str:
    """An SVG that is whole by itself: without scripts, links, or names of anything outside."""
    body = "\n".join(parts)
    used = sorted(set(re.findall(r'(fill|stroke)="(#\w+)"', body)))  # colours without a class
    look = style({f'[{name}="{colour}"]': f"{name}:{colour}" for name, colour in used})
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="valuegrad" width="{width * scale:.0f}"'
            f' height="{height * scale:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
            f' font-size="{SMALL}" font-family="{MONO}">',
            f"{STYLE}{look if used else ''}",
            '<rect class="paper" width="100%" height="100%" rx="8"/>',
            body,
            "</svg>\n",
        ]
    )


def svg(rows: Rows, layout: Layout, stacked: bool = False, scale: float = 1.0) -> str:
    """The picture as a document."""
    caption = wrapped(rows.caption, max(40, int(layout.size[0] / 6)))
    width = max(layout.size[0], *(text_width(line, SMALL) + 32 for line in caption), 0)
    lift = LINE if rows.frames else 0  # for a title at the top
    bottom = layout.size[1] + lift
    height = bottom + (LINE * len(caption) + 10 if caption else 0)
    shift = (width - layout.size[0]) / 2
    digits = 1 if len(rows.boxes) <= 100 else 0  # the curves of many run along whole pixels
    boxes = zip(rows.boxes, layout.middles, layout.sizes, strict=True)
    parts = [
        f'<g transform="translate({_n(shift)} {lift})" xml:space="preserve">',
        *_frames(rows, layout),
        *(_curve(*each, digits) for each in zip(rows.edges, layout.curves, strict=True)),
        *(_card(*each, stacked) for each in boxes),
        "</g>",
        *(_text(16, bottom + LINE * (i + 0.5), line, "faint") for i, line in enumerate(caption)),
    ]
    return document(width, height, parts, scale)


def _n(x: float, digits: int = 1) -> str:
    return f"{x:.{digits}f}".removesuffix(".0")


def _frames(rows: Rows, layout: Layout) -> Iterator[str]:
    """The frames whose boxes are in one row, with no other box in the rectangle around them."""
    edges = {
        box.id: (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
        for box, (w, h), (x, y) in zip(rows.boxes, layout.sizes, layout.middles, strict=True)
    }
    row = dict(zip(edges, layout.rows, strict=True))
    for frame in rows.frames:
        own = [edges[i] for i in frame.boxes]
        left, top = (min(e[k] for e in own) - pad for k, pad in ((0, 9), (1, 20)))
        right, bottom = (max(e[k] for e in own) + pad for k, pad in ((2, 9), (3, 4)))
        others = (e for i, e in edges.items() if i not in frame.boxes)
        together = len({row[i] for i in frame.boxes}) == 1
        if together and not any(
            a < right and c > left and b < bottom and d > top for a, b, c, d in others
        ):
            place = f'x="{_n(left)}" y="{_n(top)}" width="{_n(right - left)}"'
            title = _text(left + 8, top + 10, words(frame.title), "faint")
            yield f'<g class="frame"><rect {place} height="{_n(bottom - top)}" rx="6"/>{title}</g>'


def wrapped(text: str, letters: int) -> list[str]:
    lines = [""] if text else []
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= letters:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return lines


def _text(x: float, y: float, text: str, look: str = "") -> str:
    look, font = f' class="{look}"' if look else "", BIG if "head" in look else SMALL
    return f'<text{look} x="{_n(x)}" y="{_n(y + 0.35 * font)}">{escape(text)}</text>'


def _card(box: Box, middle: Point, size: Size, stacked: bool) -> str:
    """A white card with a coloured head; a group is a pile of cards, with the first lower left."""
    head, name, lines = cells(box)
    natural, (wide, tall), x = _places(box, stacked)
    pile = PILE * (box.kind == "group")
    width, height = size[0] - pile, size[1] - pile
    wide += (width - natural[0]) * (wide == natural[0])  # a head as wide as its card stays so
    tall += (height - natural[1]) * (tall == natural[1])
    card = f'width="{_n(width)}" height="{_n(height)}" rx="6"/>'
    at = f"{_n(middle[0] - size[0] / 2)} {_n(middle[1] - size[1] / 2 + pile)}"
    out = [f'<g class="box {box.kind}" transform="translate({at})">']
    out += [f'<rect x="{k}" y="-{k}" {card}' for k in ((pile, pile // 2) if pile else ())]
    out.append(f"<rect {card}")
    if tall < height:
        corner = f"H{_n(width - 6)}q6 0 6 6" if wide == width else f"H{_n(wide)}"
        out.append(f'<path class="fill" d="M0 {_n(tall)}V6q0-6 6-6{corner}V{_n(tall)}z"/>')
    elif wide < width:
        left = f"H6q-6 0-6 6v{_n(height - 12)}q0 6 6 6H{_n(wide)}"
        out.append(f'<path class="fill" d="M{_n(wide)} 0{left}z"/>')
    else:
        out[-1] = f'<rect class="fill" {card}'
    right = x or width  # of the name
    if head:
        out.append(_text(wide / 2, tall / 2, head, "head"))
    if name:
        out.append(_text((wide + right) / 2, tall / 2, name, "head name"))
    top = (height - LINE * (len(lines) - 1)) / 2 + (0 if x else tall / 2)
    for i, line in enumerate(lines):
        look = "" if line.startswith(("data", "grad")) else "faint"
        out.append(_text(x + 9, top + LINE * i, line, look))
    return "".join([*out, "</g>"])


def _curve(edge: Edge, points: list[Point], digits: int) -> str:
    """An arrow with its note."""
    (x0, y0), (x, y) = points[-2:]
    length = math.hypot(x - x0, y - y0) or 1.0
    dx, dy = (x - x0) / length, (y - y0) / length
    tip = f"l{_n(3 * dy - 7 * dx)} {_n(-7 * dy - 3 * dx)} {_n(-6 * dy)} {_n(6 * dx)}z"
    out = f'<g class="edge{" many" * (edge.times > 1)}"><path d="{_line(points, digits)}"/>'
    out += f'<path d="M{_n(x)} {_n(y)}{tip}"/>'
    if told := note(edge):
        half = text_width(told, SMALL) / 2
        back, side = (10 + half, 7.0) if abs(dx) > abs(dy) else (13.0, 4 + half)
        out += _text(x - back * dx + side * dy, y - back * dy - side * dx, told)
    return f"{out}</g>"


def _line(points: list[Point], digits: int) -> str:
    """A Bezier curve in a path's words: level parts by their ends, others from where they begin."""
    rounded = [(round(x, digits), round(y, digits)) for x, y in points]
    x, y = rounded[0]
    out, before = [f"M{_n(x, digits)} {_n(y, digits)}"], x
    for k in range(1, len(rounded), 3):
        part, end = rounded[k : k + 3], rounded[k + 2]
        bent = " ".join(f"{_n(a - x, digits)} {_n(b - y, digits)}" for a, b in part)
        level = y == part[0][1] == part[1][1] == end[1]
        if level and out[-1][0] == "H" and (end[0] > x) == (x > before):
            out.pop()
        before = x
        out.append(f"H{_n(end[0], digits)}" if level else f"c{bent}".replace(" -", "-"))
        x, y = end
    return "".join(out)


def dimensions(picture: str) -> tuple[int, int]:
    """The width and height of an SVG in pixels."""
    width, height = re.findall(r' (?:width|height)="(\d+)"', picture.partition(">")[0])
    return int(width), int(height)


def png(picture: str, scale: float = 2) -> bytes:
    """The picture in that many pixels for one; in fewer if it is very large."""
    import vl_convert

    scale = min(scale, math.sqrt(MOST_PIXELS / math.prod(dimensions(picture))))
    return bytes(vl_convert.svg_to_png(picture, scale=scale))


def pdf(picture: str) -> bytes:
    import vl_convert

    try:
        return bytes(vl_convert.svg_to_pdf(picture))
    except RuntimeError:  # a font of bitmaps, as of coloured emoji: the page holds pixels
        data = base64.b64encode(png(picture, 4)).decode()
        image = f'<image width="100%" height="100%" href="data:image/png;base64,{data}"/>'
        return bytes(vl_convert.svg_to_pdf(f"{picture.partition('>')[0]}>{image}</svg>"))


# ---- pages and notebooks -------------------------------------------------------------------------

THEMES = {  # of JupyterLab, of VS Code and of Colab
    "light": ('body[data-jp-theme-light="true"]', "body.vscode-light", "html[theme=light]"),
    "dark": ('body[data-jp-theme-light="false"]', "body.vscode-dark", "html[theme=dark]"),
}
THEMED = "".join(
    f"{','.join(f'{where} .valuegrad' for where in places)}{{color-scheme:{theme}}}"
    for theme, places in THEMES.items()
)


def html(title: str, *pictures: str) -> str:
    """A page that loads nothing else, with a picture, or with the one of several that fits best."""
    parts = {"LANG": "", "TITLE": escape(title), "PICTURES": "".join(pictures)}
    return pages.filled("picture.html", parts)


def shown(alt: str, wide: str, tall: str = "") -> str:
    """A picture as an <img>, which needs no trust, in the colours of the notebook's theme.

    Where the column is too narrow to read it, the tall one is shown; then it can be scrolled.
    """
    least = dimensions(wide)[0] * SMALLEST // SMALL
    switch = f".wide{least}{{display:none}}.tall{least}{{display:block!important}}"
    switch = f"@container(max-width:{least - 1}px){{{switch}}}" if tall else ""
    out = f"<style>{THEMED}{switch}</style>"
    out += '<div style="overflow:auto;container-type:inline-size" tabindex="0">'
    out += _image(wide, alt, f"wide{least}", "")
    out += _image(tall, alt, f"tall{least}", "display:none;") if tall else ""
    return f"{out}</div>"


def _image(picture: str, alt: str, name: str, look: str) -> str:
    width, data = dimensions(picture)[0], base64.b64encode(picture.encode()).decode()
    look += f"width:100%;max-width:{width}px;min-width:{width * SMALLEST // SMALL}px"
    return (
        f'<img class="valuegrad {name}" src="data:image/svg+xml;base64,{data}"'
        f' alt="{escape(alt)}" style="{look}">'
    )
