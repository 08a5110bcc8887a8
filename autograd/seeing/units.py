"""Columns of units -> SVG: circles, lines by sign and size, names and numbers where they fit.

`along` is a distance in the direction of the layers, `across` one at right angles to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from itertools import accumulate, chain, pairwise
from typing import Final, NamedTuple

from .formats import BIG, COLOURS, EDGE, FAINT, INK, LINE, SMALL, document, wrapped
from .formats import style as styled
from .formats import text_width as width
from .layout import Point

Number = float | None  # None for a gradient that no backward pass has reached

RADIUS, PITCH, ROW, MARGIN, TINY = 16, 42, 14, 16, 9
GAP, FLAT_GAP = 98, 70  # between the circles of two columns, or of two rows
THIN, THICK, MANY = 0.6, 4.5, 35  # lines; where there are more between two columns all are thinner
DASHES = {"odd": (3, 4), "unreached": (5, 5)}  # drawn, not drawn
WIDTHS = {"odd": 3.0, "unreached": 1.2, "zero": THIN}
SAID = {"positive": "> 0", "negative": "< 0", "zero": "= 0", "odd": "nan or inf",
        "unreached": "none yet"}  # fmt: skip
WIDEST = 1120  # that a picture grows to make room for lines
#         of what it fills, of lines, of letters
LOOKS = COLOURS | {
    "": (INK, INK, INK), "faint": (FAINT, FAINT, FAINT), "zero": (EDGE, EDGE, FAINT),
    "unreached": ("#ffffff", EDGE, FAINT),
}  # fmt: skip


class Column(NamedTuple):
    """Units side by side, those of them that are shown, and the numbers that lead to them."""

    title: str
    notes: list[str]
    size: int
    shown: Sequence[int]
    names: list[str]  # of the shown units
    labels: list[str]  # likewise, from the user
    weights: Sequence[Sequence[Number]] = ()  # of each, for those shown in the column before
    biases: Sequence[Number] = ()

    @property
    def slots(self) -> int:
        """The places for shown units, and for an ellipsis."""
        return len(self.shown) + (len(self.shown) < self.size)


def svg(
    columns: Sequence[Column], caption: str, tall: bool, numbers: bool, show: str, scale: float
) -> str:
    """The picture, from left to right or, if `tall`, from top to bottom."""
    plan = Plan(columns, tall, numbers)
    weights = [x for column in columns for row in column.weights for x in row]
    biases = [x for column in columns for x in column.biases]
    most = max((abs(x) for x in (*weights, *biases) if x and math.isfinite(x)), default=0.0)
    looks = {*map(kind, weights), *({*map(kind, biases)} - {"zero"})}
    tags = [*lines(plan, most), *circles(plan), *marks(plan, most), *words(plan)]
    legend, height = key(looks, most, show, *plan.size)
    letters = max(26, int((plan.size[0] - 2 * MARGIN) / width("x", SMALL)))
    for line in wrapped(caption, letters):
        legend.append(text((MARGIN, height), line, "faint", "start"))
        height += LINE
    wide = max(plan.size[0], 2 * MARGIN + width("x", SMALL) * letters)
    return document(wide, height + 4, [*tags, *legend], scale)


def moving(columns: Sequence[Column], tall: bool) -> str:
    """The units without a key, for a page that colours and widens the lines and dots of weights.

    `data-x` of each is its number, the class that the page gives it a look: "line odd".
    """
    plan, (thin, thick) = Plan(columns, tall, numbers=False), thickness(columns)
    tags = [
        f'<path class="line" data-x="{x}" d="M{a:.1f} {b:.1f}L{c:.1f} {d:.1f}" fill="none"'
        f' data-thin="{thin}" stroke-width="{thick:.2f}"/>'
        for x, (a, b), (c, d) in ends(plan)
    ]
    tags += circles(plan)
    tags += [
        f'<circle class="dot" data-x="{x}" cx="{a:.1f}" cy="{b:.1f}" r="5"/>'
        for x, (a, b) in dots(plan)
    ]
    known = {look: LOOKS[look][1] for look in ("positive", "negative", "zero", "odd")}
    rules = {f".line.{look}": f"stroke:{colour}" for look, colour in known.items()}
    rules |= {f".dot.{look}": f"fill:{colour}" for look, colour in known.items()}
    return document(*plan.size, [styled(rules), *tags, *words(plan)])


# ---- places --------------------------------------------------------------------------------------


class Plan:
    """The places of units, of the numbers before them, and of what is written beside them."""

    def __init__(self, columns: Sequence[Column], tall: bool, numbers: bool) -> None:
        self.columns: Sequence[Column] = columns
        self.tall: bool = tall
        self.stacks: list[list[list[tuple[str, str]]]] = [
            [],
            *(stacks(*pair, tall) if numbers else [] for pair in pairwise(columns)),
        ]
        wide = [widest(t for t, _ in chain(*stack)) for stack in self.stacks]
        high = [ROW * len(stack[0]) + 4.0 if stack else 0.0 for stack in self.stacks]
        labels = [widest(column.labels) for column in columns]
        told = [max(width(c.title, BIG), widest(c.notes)) for c in columns]
        self.depth: Final = high if tall else wide
        across = zip(wide, labels, strict=True) if tall else zip(high, strict=True)
        self.pitch: Final = [max(PITCH, *(room + 6 for room in rooms)) for rooms in across]
        extent = max(pitch * c.slots for pitch, c in zip(self.pitch, columns, strict=True))
        if tall:
            head, foot = 2 * MARGIN + max(told), MARGIN
            half = [LINE * (1 + len(c.notes)) / 2 for c in columns]
            beside = [float(LINE * (w > 0)) for w in labels]
        else:
            head, foot = MARGIN + LINE, LINE * max(len(c.notes) for c in columns) + 8
            beside, half = labels, [w / 2 for w in told]
        steps = [MARGIN + max(half[0], RADIUS + beside[0])]
        free = (WIDEST - sum(self.depth)) / max(1, len(columns) - 1) - 2 * RADIUS
        gap = max(FLAT_GAP if tall else GAP, min(extent / 4, free))
        for (a, b), depth in zip(pairwise(half), self.depth[1:], strict=True):
            steps.append(max(2 * RADIUS + gap + depth, a + b + 12))
        self.along: Final = list(accumulate(steps))
        self.middle: Final = head + extent / 2
        self.end: Final = head + extent
        edge = self.along[-1] + max(half[-1], RADIUS + beside[-1]) + MARGIN
        self.size: Final = self.turned(edge, self.end + foot)

    def turned(self, along: float, across: float) -> Point:
        """The point in the picture."""
        return (across, along) if self.tall else (along, across)

    def slot(self, k: int, i: int) -> Point:
        """A place in a column, for a unit or an ellipsis."""
        across = self.middle + (i - (self.columns[k].slots - 1) / 2) * self.pitch[k]
        return self.turned(self.along[k], across)

    def unit(self, k: int, j: int) -> Point:
        """The middle of a shown unit; an ellipsis is before the last."""
        column = self.columns[k]
        return self.slot(k, column.slots - 1 if j == len(column.shown) - 1 else j)

    def port(self, k: int, j: int, row: int) -> Point:
        """The end of a line: before a unit, or before the number that stands before it."""
        (x, y), before = self.unit(k, j), RADIUS + self.depth[k]
        if self.tall:
            return x, y - before
        rows = len(self.stacks[k][j]) if self.stacks[k] else 1
        return x - before, y + ROW * (min(row, rows - 1) - (rows - 1) / 2)


def widest(texts: Iterator[str] | Sequence[str]) -> float:
    """The room for texts and 8 pixels between them and something else; 0 for none."""
    return max((width(text, SMALL) + 8 for text in texts), default=0.0)


def stacks(before: Column, column: Column, tall: bool) -> list[list[tuple[str, str]]]:
    """The weights and the bias of each shown unit, with their kinds.

    Where it is `tall` the lines of a unit end at one point, so that numbers need names.
    """
    names = [f"{name} " if tall else "" for name in (*before.names, "b")]
    return [
        [(name + digits(x), kind(x)) for name, x in zip(names, (*row, b), strict=True)]
        for row, b in zip(column.weights, column.biases, strict=True)
    ]


def digits(x: Number) -> str:
    """A number in three digits."""
    return "—" if x is None else f"{x + 0.0:.3g}".replace("-", "−")


# ---- numbers as lines and dots -------------------------------------------------------------------


def kind(x: Number) -> str:
    """The look of a number."""
    if x is None:
        return "unreached"
    if not math.isfinite(x):
        return "odd"
    return "positive" if x > 0 else "negative" if x < 0 else "zero"


def group(name: str, look: str, *tags: str) -> str:
    """Tags that belong together, by name and look."""
    return f'<g class="{name} {look}">{"".join(tags)}</g>'


def stroke(a: Point, b: Point, look: str, thick: float) -> str:
    """A straight line. Dashes are lines of their own: not every program can draw others."""
    (x, y), (dx, dy) = a, (b[0] - a[0], b[1] - a[1])
    on, off = DASHES.get(look, (1, 0))
    n = max(1, round(math.hypot(dx, dy) / (on + off))) if off else 1
    ends = [(i / n, (i + on / (on + off)) / n) for i in range(n)]
    path = "".join(
        f"M{x + dx * s:.1f} {y + dy * s:.1f}L{x + dx * t:.1f} {y + dy * t:.1f}" for s, t in ends
    )
    return f'<path d="{path}" fill="none" stroke="{LOOKS[look][1]}" stroke-width="{thick:.2f}"/>'


def circle(middle: Point, radius: float, look: str, full: bool = False) -> str:
    """A rectangle that is all corners: the tags of a picture are few."""
    place = f'x="{middle[0] - radius:.1f}" y="{middle[1] - radius:.1f}"'
    side = f'width="{2 * radius:.1f}" height="{2 * radius:.1f}" rx="{radius:.1f}"'
    return f'<rect {place} {side} fill="{LOOKS[look][full]}" stroke="{LOOKS[look][1]}"/>'


def text(
    middle: Point, said: str, look: str = "", anchor: str = "middle", font: int = SMALL
) -> str:
    """Words whose middle, or start or end, is at that point."""
    big = f' font-size="{font}"' * (font != SMALL) + ' font-weight="600"' * (font == BIG)
    place = f'x="{middle[0]:.1f}" y="{middle[1] + 0.35 * font:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{LOOKS[look][2]}"{big}>{escape(said)}</text>'


def thickness(columns: Sequence[Column]) -> tuple[float, float]:
    """The widths of the thinnest and of the thickest line."""
    crowd = max(len(row) * len(column.weights) for column in columns for row in column.weights)
    return THIN, max(1.0, THICK * min(1.0, math.cbrt(MANY / crowd)))


def ends(plan: Plan) -> Iterator[tuple[Number, Point, Point]]:
    """Each weight, and the ends of its line."""
    for k, column in enumerate(plan.columns):
        for j, row in enumerate(column.weights):
            for i, x in enumerate(row):
                x0, y0 = plan.unit(k - 1, i)
                start = (x0, y0 + RADIUS) if plan.tall else (x0 + RADIUS, y0)
                yield x, start, plan.port(k, j, i)


def lines(plan: Plan, most: float) -> Iterator[str]:
    """A line for each weight, the thick ones on top."""
    found = []
    thin, thickest = thickness(plan.columns)
    for x, start, end in ends(plan):
        look = kind(x)
        thick = WIDTHS.get(look) or thin + (thickest - thin) * abs(x or 0.0) / most
        found.append((thick, look, stroke(start, end, look, thick)))
    found.sort(key=lambda row: row[0])
    return (group("weight", look, line) for _, look, line in found)


def dots(plan: Plan) -> Iterator[tuple[Number, Point]]:
    """Each bias, and its place: on the rim of its unit, or at its number."""
    for k, column in enumerate(plan.columns):
        for j, x in enumerate(column.biases):
            (x0, y0), away = plan.unit(k, j), RADIUS * math.sqrt(0.5)
            place = x0 + away, y0 - away
            if plan.stacks[k] and not plan.tall:
                x0, y0 = plan.port(k, j, len(column.weights[j]))
                place = x0 - 3, y0
            yield x, place


def marks(plan: Plan, most: float) -> Iterator[str]:
    """A dot for each bias."""
    for x, place in dots(plan):
        look = kind(x)
        share = 1.0 if look == "odd" else abs(x) / most if x else 0.0
        yield group("bias", look, circle(place, 2 + 3 * share, look, full=look != "unreached"))


def circles(plan: Plan) -> Iterator[str]:
    """The units, with their names if these fit, and ellipses."""
    for k, column in enumerate(plan.columns):
        look = "module" if k else "leaf"
        for j, name in enumerate(column.names):
            middle = plan.unit(k, j)
            fitting = [font for font in (SMALL, TINY) if width(name, font) < 1.8 * RADIUS]
            inside = [text(middle, name, look, font=fitting[0])] if fitting else []
            yield group("unit", "", circle(middle, RADIUS, look), *inside)
        if column.slots > len(column.shown):
            dots = "⋯" if plan.tall else "⋮"
            yield text(plan.slot(k, len(column.shown) - 1), dots, font=BIG)


# ---- words ---------------------------------------------------------------------------------------


def words(plan: Plan) -> Iterator[str]:
    """Titles and notes, the user's names, and numbers."""
    for k, column in enumerate(plan.columns):
        yield from titles(plan, k)
        for j, label in enumerate(column.labels):
            (x, y), away = plan.unit(k, j), (RADIUS + 8) * (1 if k else -1)
            if plan.tall:
                yield text((x, y + away), label)
            else:
                yield text((x + away, y), label, anchor="start" if k else "end")
        for j, stack in enumerate(plan.stacks[k]):
            for row, (number, look) in enumerate(stack):
                x, y = plan.port(k, j, row)
                if plan.tall:
                    yield text((x, y + ROW * (row + 0.5)), number, look)
                else:
                    yield text((x + 6, y), number, look, "start")


def titles(plan: Plan, k: int) -> Iterator[str]:
    """The title of a column above it and its notes below, or all of them beside a row."""
    column, along = plan.columns[k], plan.along[k]
    if plan.tall:
        top = along - LINE * len(column.notes) / 2
        yield text((MARGIN, top), column.title, "", "start", BIG)
        for i, note in enumerate(column.notes, 1):
            yield text((MARGIN, top + LINE * i), note, "faint", "start")
    else:
        yield text((along, MARGIN), column.title, font=BIG)
        for i, note in enumerate(column.notes):
            yield text((along, plan.end + LINE * (i + 0.5)), note, "faint")


def key(
    looks: set[str], most: float, show: str, wide: float, top: float
) -> tuple[list[str], float]:
    """The meaning of lines and dots, in rows below the picture, and the end of these."""
    items = [("", "gradient" if show == "grad" else show)]
    items += [(look, said) for look, said in SAID.items() if look in looks]
    items += [("faint", "bias")] + [("", f"largest {digits(most)}")] * (most > 0)
    tags, x, y = [], float(MARGIN), top + 8
    for look, said in items:
        room = 28 * bool(look)
        if x > MARGIN and x + room + width(said, SMALL) > wide - MARGIN:
            x, y = float(MARGIN), y + LINE
        if look == "faint":
            tags.append(circle((x + 12, y), 3, look))
        elif look:
            line = stroke((x, y), (x + 22, y), look, WIDTHS.get(look, 3.0))
            tags.append(group("sample", look, line))
        tags.append(text((x + room, y), said, "faint", "start"))
        x += room + width(said, SMALL) + 16
    return tags, y + LINE + 8
