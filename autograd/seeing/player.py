"""A trace as a player: views of the graph, and steps as plain data.

The picture is that of `drawing`, laid out once with room for the widest number that each box will
show; a step only changes texts and colours in it. A graph too large to play value by value is
played box by box, and a box opens to a view of its own.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple

from .. import pages
from ..core.graph import Node
from ..printing.mathml import typeset
from ..support.errors import line_of
from ..support.scopes import calls
from . import abbreviating, formats
from .abbreviating import Brief, gradient
from .drawing import Drawing, boxed, homes
from .fold import Call
from .formats import Box
from .frames import Frame
from .picture import Picture, picture_of
from .tracing import Trace
from .wording import MOST_OPERANDS, OUT, handed_back, on_arrays, operands, template, written

MOST_NODES = 500  # a graph of more is played box by box
MOST_BOXES = 150  # in a view that is played so
MOST_IN_ALL = 1_200  # boxes in all the views of one page
PATIENCE = 2.0  # seconds for a picture by dot, before the built-in layout replaces it
MOST_FOR_DOT = 250  # boxes of a page; dot takes seconds for more, and the built-in layout little
MOST_OPENED = 10_000  # values in a group that can be opened
GAPS = (96.0, 48.0)  # between ranks, for what is written at the edges of a step
MOST_SPREAD = 40  # boxes of a picture that has such gaps
MOST_LOOKED_AT = 10_000  # values of a graph whose samples are looked for: more takes seconds
RESULT = re.compile(r"\bout\b")

Arrays = dict[tuple[str, str, str], int]  # shape, elements, a closer look; and the place of each
Shown = float | str | list[int] | None  # for JSON: nan and inf as text, an array as [its place]


class BoxShare(NamedTuple):
    """A share that a box hands on; in a step of Tensors `formula` is that of the amount."""

    edge: int
    box: int  # that shows the input; -1 if none does
    name: str  # of the input
    formula: str  # of the local derivative
    local: Shown
    amount: Shown
    before: Shown
    after: Shown
    input: Node
    position: int | None  # of the operand; None in a sum over the values of a box


class BoxStep(NamedTuple):
    """A step of the player: one box, going forward or backward."""

    box: int
    backward: bool
    g: Shown  # the gradient that arrives
    values: int  # the number of values in the box
    shares: list[BoxShare]
    frames: tuple[int, int]  # the numbers of the first and the last of them
    nodes: list[Node]  # of the frames, going backward


class BoxRecord(NamedTuple):
    """A box as the page has it, in the order of the letters in its script."""

    name: str
    kind: str
    numeric: int  # whether it shows numbers
    data: Shown = None
    equation: str = ""
    words: str = ""  # about the shares of an operation on Tensors
    line: str = ""
    formulas: list[Any] | None = None
    opens: int = -1  # the view of its inside
    slot: int | None = None
    template: list[Any] | None = None  # of the operation, and what fills it: slots, or texts


class View:
    """One picture of some nodes of a trace and of their inputs, and the steps played in it.

    Steps refer to arrays and forms by their places in `arrays` and `forms`, which the views of a
    page share.
    """

    def __init__(
        self,
        trace: Trace,
        inside: list[Node],
        title: str,
        arrays: Arrays | None = None,
        engine: str | None = None,
        forms: Forms | None = None,
    ) -> None:
        self.trace = trace
        self.title = title
        self.engine = engine
        self.arrays: Arrays = {} if arrays is None else arrays
        self.forms: Final = forms or Forms()
        self.members: Final = set(inside)
        around = {x for v in inside for x in v.inputs if isinstance(x, Node)} - self.members
        most = MOST_NODES if len(inside) + len(around) <= MOST_NODES else MOST_BOXES
        picture = Picture([*inside, *around], _calls(trace, inside))
        naming, drawn = trace.names.naming, set(picture.values)
        picture.names, picture.given = naming.names, naming.given
        picture.frames = [(t, own) for t, held in naming.frames() if (own := held & drawn)]
        apart = _set_aside(trace, picture, most) if trace.root in inside else None
        home, names = apart or homes(picture, "auto", most)
        plain, shown = boxed(picture, home, names, hide_constants=False)
        self.at: Final = dict(zip(picture.values, home, strict=True))
        self.ids: Final = {i: f"n{k}" for k, i in enumerate(sorted(set(home)))}  # as in the rows
        self.place: Final = {box.id: k for k, box in enumerate(plain.boxes)}
        self.groups: dict[int, list[Node]] = defaultdict(list)
        for node, i in self.at.items():
            self.groups[i].append(node)
        self.opens: dict[int, int] = {}  # box -> the view of its inside
        self.node: Final = {
            self.place[name]: node for name, node in shown.items() if node is not None
        }
        self.shown: Final = {node: k for k, node in self.node.items()}  # the box of its numbers
        self.rows: Final = plain._replace(
            boxes=[self._named(k, box) for k, box in enumerate(plain.boxes)]
        )

    def _named(self, k: int, box: Box) -> Box:
        """A box with the name that the trace uses, and no gradient yet."""
        if box.kind in ("leaf", "op"):
            box = box._replace(label=self.trace.names[self.node[k]])
        return box._replace(grad=None)

    # ---- the picture ----

    @cached_property
    def _pieces(self) -> list[list[str]]:
        """The SVGs, split before each edge and each box; the boxes have room for any step."""
        widest = ["0"] * len(self.rows.boxes)
        for k, text in self._texts():
            widest[k] = max(widest[k], text, key=len)
        boxes = [
            box
            if box.data is None or box.kind == "constant"
            else box._replace(grad=Brief("", widest[k]))
            for k, box in enumerate(self.rows.boxes)
        ]
        engine = self.engine if len(boxes) <= MOST_FOR_DOT else "builtin"
        rows = self.rows._replace(boxes=boxes)
        drawing = Drawing(rows, "LR", engine, quiet=True, seconds=PATIENCE)
        drawing.gaps = GAPS if len(boxes) <= MOST_SPREAD else drawing.gaps
        tall = drawing._tall if self.trace.root in self.members else ""
        found = filter(None, (drawing.svg, tall))
        return [re.split(r'(?=<g class="(?:edge|box) ?\w*")', svg) for svg in found]

    def _texts(self) -> Iterator[tuple[int, str]]:
        """Each text that a box shows for a gradient in any step; for a sum, also as it grows."""
        shares = [share for step in self.steps for share in step.shares if share.box >= 0]
        count = Counter(share.box for share in shares)
        for share in shares:
            for x in (share.before, share.after):
                if x is not None:
                    yield share.box, self._in_a_box(x)
            if count[share.box] > 1 and isinstance(share.amount, float):
                before = self._in_a_box(share.before or 0.0)
                amount = self._in_a_box(share.amount)
                yield share.box, f"{before} + {f'({amount})' if amount[0] == '-' else amount}"
        yield from ((s.box, self._in_a_box(s.g)) for s in self.steps if s.g is not None)

    def _in_a_box(self, x: float | str | list[int]) -> str:
        """The text that a box shows for a number of a step."""
        return [*self.arrays][x[0]][1] if isinstance(x, list) else abbreviating.number(float(x))

    def svgs(self, gradients: dict[Node, Any], now: Node | None = None) -> list[str]:
        """The picture, wide and tall, with these gradients, and the box of one node marked."""
        return ["".join(self._filled(pieces, gradients, now)) for pieces in self._pieces]

    def _filled(
        self, pieces: list[str], gradients: dict[Node, Any], now: Node | None
    ) -> Iterator[str]:
        edges = len(self.rows.edges)
        here = self.ids[self.at[now]] if now in self.at else ""
        lit = {edges + self.place[here]} if here else set()
        lit |= {e for e, edge in enumerate(self.rows.edges) if edge.head == here}
        texts = {edges + k: gradients.get(node) for node, k in self.shown.items()}
        yield pieces[0]
        for k, piece in enumerate(pieces[1:]):
            if k in texts:
                grad = abbreviating.number(gradient(texts[k]))
                piece = re.sub(r">grad [^<]*(</text></g>)", rf">grad {grad}\1", piece)
            yield piece.replace('class="', 'class="now ', 1) if k in lit else piece

    # ---- the steps ----

    @cached_property
    def steps(self) -> list[BoxStep]:
        """A step for each box, going forward and then backward."""
        order = list(self._order())
        made = [i for i in order if any(v.inputs and v in self.members for v in self.groups[i])]
        forward = [self._forward(i) for i in reversed(made)]
        return forward + [self._step(i, frames) for i in order if (frames := self._frames(i))]

    def _forward(self, i: int) -> BoxStep:
        """The step forward through a box."""
        numbers = [self.trace.computed[v] for v in self.groups[i] if v.inputs and v in self.members]
        span = min(numbers), max(numbers)
        return BoxStep(self.place[self.ids[i]], False, None, len(self.groups[i]), [], span, [])

    def _frames(self, i: int) -> list[Frame]:
        """The frames of the walk in a box, in its order."""
        at, members = self.trace.frames, self.members
        found = [at[v] for v in self.groups[i] if v in at and v in members]
        return sorted(found, key=lambda f: f.index)

    def _order(self) -> Iterator[int]:
        """The boxes, each before its inputs, the youngest first, as in the walk."""
        users: dict[int, set[int]] = {i: set() for i in self.ids}
        for node, i in self.at.items():
            if node in self.members:
                inputs = {self.at[x] for x in node.inputs if isinstance(x, Node) and x in self.at}
                for there in inputs - {i}:
                    users[there].add(i)
        order, ready = TopologicalSorter(users), list[tuple[int, int]]()
        order.prepare()
        while order:
            for i in order.get_ready():
                heappush(ready, (-max(v._born for v in self.groups[i]), i))
            yield (first := heappop(ready)[1])
            order.done(first)

    def _step(self, i: int, frames: list[Frame]) -> BoxStep:
        """The step back through a box."""
        box = self.place[self.ids[i]]
        shares = self._shares(i, frames[0]) if len(self.groups[i]) == 1 else self._sums(i, frames)
        g = next((frame.g for frame in frames if self.shown.get(frame.node) == box), None)
        span = frames[0].number, frames[-1].number
        made = [frame.node for frame in frames]
        return BoxStep(box, True, self._plain(gradient(g)), len(frames), list(shares), span, made)

    def _plain(self, x: Any) -> Shown:
        """A number, a `Brief` or an array for JSON."""
        if x is None:
            return None
        if isinstance(x, Brief):  # of a constant
            return [self.arrays.setdefault((*x, " ".join(x)), len(self.arrays))]
        if not abbreviating.is_array(x):
            return float(x) if math.isfinite(x) else abbreviating.number(x)
        looks = abbreviating.shape(x), abbreviating.elements(x), abbreviating.closely(x)
        return [self.arrays.setdefault(looks, len(self.arrays))]

    def _shares(self, i: int, frame: Frame) -> Iterator[BoxShare]:
        """The shares that a single value hands on."""
        for share, local, formula in zip(frame.shares, frame.locals, frame.formulas, strict=True):
            edge = self._edges.get((i, self.at[share.input], share.position), -1)
            amounts = self._amounts(share.amount, share.before, share.after)
            x, position = share.input, share.position
            yield BoxShare(
                edge, *self._known(x), formula, self._plain(local), *amounts, x, position
            )

    def _sums(self, i: int, frames: list[Frame]) -> Iterator[BoxShare]:
        """The sum of the shares that a group hands to each value outside it."""
        sums: dict[Node, list[Any]] = {}
        for share in (share for frame in frames for share in frame.shares):
            if self.at.get(share.input, i) != i:
                held = sums.setdefault(share.input, [0.0, share.before, None])
                held[0], held[2] = held[0] + share.amount, share.after
        for x, amounts in sums.items():
            edge = self._edges.get((i, self.at[x], 0), -1)
            yield BoxShare(edge, *self._known(x), "", None, *self._amounts(*amounts), x, None)

    def _amounts(self, amount: Any, before: Any, after: Any) -> tuple[Shown, Shown, Shown]:
        """A share, and the gradient before and after it, for JSON."""
        told = map(self._plain, map(gradient, (amount, before, after)))
        return next(told), next(told), next(told)

    def _known(self, x: Node) -> tuple[int, str]:
        return self.shown.get(x, -1), self.trace.names[x]

    @cached_property
    def _edges(self) -> dict[tuple[int, int, int], int]:
        """The edge from an input's box to a box; for a single value, by operand."""
        box = {name: i for i, name in self.ids.items()}
        found: dict[tuple[int, int, int], int] = {}
        for e, edge in enumerate(self.rows.edges):
            if edge.tail in box:
                key = (box[edge.head], box[edge.tail])
                found[*key, edge.position] = e
                found.setdefault((*key, 0), e)
        return found

    # ---- for the page ----

    def record(self, slots: Mapping[Node, int] | None = None) -> dict[str, Any]:
        """The view as plain data for the page, except for the picture.

        A page that computes its numbers gets the `slots` of nodes in the place of numbers.
        """
        steps: list[list[Any]] = []
        for *told, shares, frames, made in self.steps:
            if slots is None:
                steps.append([*told, [share[:8] for share in shares], frames])
            else:
                told[2] = None
                ends = [[slots[share.input], share.position] for share in shares]
                handed = [
                    [*share[:4], None, None, None, None, *end]
                    for share, end in zip(shares, ends, strict=True)
                ]
                steps.append([*told, handed, frames, [slots[node] for node in made]])
        boxes = [self._box(k, box, slots) for k, box in enumerate(self.rows.boxes)]
        return {"title": self.title, "n": len(self.members), "boxes": boxes, "steps": steps}

    def _box(self, k: int, box: Box, slots: Mapping[Node, int] | None) -> BoxRecord:
        """A box for the page, with the slot of its node or with its numbers."""
        node = self.node.get(k)
        single = None if box.kind == "group" else node
        frame = Frame(self.trace, 0, single) if single is not None and single.op else None
        told = BoxRecord(
            name=_name(box) if single is None else self.trace.names[single],
            kind=box.kind,
            numeric=int(node is not None),
            words=frame.words if frame else "",
            line=line_of(single) if single is not None else "",
            formulas=self._formulas(frame.node) if frame else None,
            opens=self.opens.get(k, -1),
        )
        if slots is None or node is None:
            data = self._plain(box.data if node is None else node.data)
            return told._replace(data=data, equation=frame.equation() if frame else "")
        told = told._replace(slot=slots[node])
        if not frame:
            return told
        filling = (slots[x] if isinstance(x, Node) else written(x) for x in operands(node))
        return told._replace(template=[template(node, None), *filling])

    def _formulas(self, node: Node) -> list[Any]:
        """The forms of a node and of its shares, and what fills them: boxes, or texts."""
        frame = self.trace.frames.get(node)
        positions = [share.position for share in frame.shares] if frame else []
        filling = [
            self.shown.get(x, self.trace.names[x]) if isinstance(x, Node) else written(x)
            for x in operands(node)
        ]
        return [self.forms.of(node), self.forms.slopes(node, positions), filling]


def _name(box: Box) -> str:
    """The name of a box that is not one value: the call, and its result."""
    return " ".join(filter(None, formats.cells(box)[:2]))


def _calls(trace: Trace, inside: list[Node]) -> list[Call]:
    """The module calls that cover some of these nodes, but not all of them."""
    births = [v._born for v in inside if v.inputs]
    found = [call[:3] for call in calls(trace.nodes)]
    if trace.root not in inside and births:
        a, b = min(births), max(births)
        found = [c for c in found if c[1] < b and c[2] > a and (c[1] > a or c[2] < b)]
    return [(*call, False) for call in found]


# ---- formulas ------------------------------------------------------------------------------------


class Forms:
    """The formulas of a page as MathML with holes, each once.

    A hole is a private character: an operand, or the result. The page fills in the names or the
    numbers, so a form holds no label of the user.
    """

    def __init__(self) -> None:
        self.places: dict[str, int] = {"": 0}  # 0 where there is nothing to show

    def _place(self, text: str) -> int:
        form = typeset(text) if text else ""
        return self.places.setdefault(form, len(self.places))

    def of(self, node: Node) -> int:
        """The place of the operation of a node."""
        return self._place(template(node, None))

    def slopes(self, node: Node, positions: Sequence[int]) -> list[int]:
        """The places of the local derivatives for some inputs; on Tensors, of their shares."""
        if on_arrays(node):
            handed = handed_back(node) if len(node.inputs) <= MOST_OPERANDS else []
            return [self._place(handed[k][0]) for k in positions] if handed else []
        return [self._place(RESULT.sub(OUT, template(node, k))) for k in positions]


# ---- samples -------------------------------------------------------------------------------------


def _set_aside(
    trace: Trace, picture: Picture, most: int
) -> tuple[list[int], dict[int, str]] | None:
    """The box of each value, with all samples but `trace.samples` in one box, and names of boxes.

    None where there is no batch, in a larger graph than is looked at, or where boxes would feed
    each other in a circle.
    """
    if trace.samples == "all" or len(picture.values) > MOST_LOOKED_AT:
        return None
    functions = [name for name, _, _, owner, *_ in calls(trace.nodes) if owner is None]
    sampled = picture_of([trace.root], functions, int(trace.samples), most)
    place = {v: i for i, v in enumerate(picture.values)}
    others = sorted(place.keys() - sampled.values, key=place.__getitem__)
    if len(others) < 2:
        return None
    picture.given = sampled.given  # the numbers of the others are not drawn
    kept = Picture(sampled.values, picture.calls)
    inner, titles = homes(kept, "auto", most)
    home = {v: place[kept.values[i]] for v, i in zip(kept.values, inner, strict=True)}
    home |= dict.fromkeys(others, place[others[-1]])
    named = {place[kept.values[i]]: title for i, title in titles.items()}
    named[place[others[-1]]] = pages.say(trace.lang, "other samples", sampled.left_out)
    found = [home[v] for v in picture.values]
    return None if _circular(found, picture.sources()) else (found, named)


def _circular(home: Sequence[int], sources: Sequence[Sequence[int]]) -> bool:
    """Whether a box feeds itself by way of others."""
    order = TopologicalSorter[int]()
    for here, inputs in zip(home, sources, strict=True):
        order.add(here, *({home[i] for i in inputs} - {here}))
    try:
        order.prepare()
    except CycleError:
        return True
    return False


# ---- the views of a trace ------------------------------------------------------------------------


def views(trace: Trace) -> list[View]:
    """The view of the whole graph, and of the inside of groups while there is room."""
    if trace._views:
        return trace._views
    found = [View(trace, trace.nodes, trace.name)]
    room = MOST_IN_ALL - len(found[0].rows.boxes)
    for view in found:  # grows while it is read
        for i, group in view.groups.items():
            made = [v for v in group if v.inputs]
            if len(group) == 1 or not made or len(group) >= len(view.members):
                continue
            if len(group) > MOST_OPENED:
                continue
            k = view.place[view.ids[i]]
            if min(len(group), MOST_BOXES) <= room:
                title = _name(view.rows.boxes[k])
                engine = None if MOST_IN_ALL - room <= MOST_FOR_DOT else "builtin"
                inner = View(trace, group, title, found[0].arrays, engine, found[0].forms)
                room -= len(inner.rows.boxes)
                view.opens[k] = len(found)
                found.append(inner)
    trace._views = found
    return found


def still(trace: Trace, frame: Frame) -> list[str]:
    """The picture of the graph at one frame, wide and tall."""
    known = {} if frame.g is None else trace.known(frame.index)
    return views(trace)[0].svgs(known, frame.node)
