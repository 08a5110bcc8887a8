"""The places of the boxes of a picture: by Graphviz if it is installed, otherwise by layers.

Both return a `Layout` in pixels. Boxes are numbers and have sizes: a layout program never sees a
label of the user.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

Point = tuple[float, float]
Size = tuple[float, float]
Edge = tuple[int, int]

ACROSS, MARGIN, SWEEPS = 14.0, 16.0, 8
MOST_BENDS = 20_000  # with more, long edges run straight behind the boxes


class Layout(NamedTuple):
    """The page, the middle of each box, and each edge as a Bezier curve of 3k + 1 points."""

    size: Size
    middles: list[Point]
    curves: list[list[Point]]


def along(boxes: int, edges: int) -> float:
    """The room between ranks: more where many edges run."""
    return min(160.0, 30 + 14 * edges / boxes)


def dot_spacing(boxes: int, edges: int) -> str:
    """The same for Graphviz. `nslimit` shortens the layout of one chain from 38 s to 0.7 s."""
    return f"nodesep=0.2 ranksep={along(boxes, edges) / 72:.2f} nslimit=2"


def dot_text(
    sizes: Sequence[Size], edges: Sequence[Edge], rankdir: str, groups: Iterable[Sequence[int]] = ()
) -> str:
    """The boxes, without names, as DOT text for Graphviz to place; groups stay together."""
    boxes = (f"{i} [width={w / 72:.3f} height={h / 72:.3f}]" for i, (w, h) in enumerate(sizes))
    arrows = (f"{tail} -> {head}" for tail, head in edges)
    head = f"digraph {{ rankdir={rankdir} {dot_spacing(len(sizes), len(edges))}"
    looks = 'edge [arrowhead=none] node [shape=box fixedsize=true label=""]'
    together = (
        f"subgraph cluster_{k} {{ graph [margin=20] {' '.join(map(str, group))} }}"
        for k, group in enumerate(groups)
    )
    return "\n".join([head, looks, *boxes, *arrows, *together, "}\n"])


def read_plain(text: str, edges: Sequence[Edge]) -> Layout:
    """A layout in Graphviz's "plain" format, with inches and a y axis that points up."""
    rows = [line.split() for line in text.splitlines()]
    page = next(row for row in rows if row[0] == "graph")
    width, height = float(page[2]) * 72, float(page[3]) * 72

    def points(words: list[str]) -> list[Point]:
        numbers = [float(word) * 72 + MARGIN for word in words]
        flip = height + 2 * MARGIN
        return [(x, flip - y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]

    middles = {int(row[1]): points(row[2:4])[0] for row in rows if row[0] == "node"}
    curves: dict[Edge, list[list[Point]]] = defaultdict(list)
    for row in rows:
        if row[0] == "edge":
            curves[int(row[1]), int(row[2])].append(points(row[4 : 4 + 2 * int(row[3])]))
    size = (width + 2 * MARGIN, height + 2 * MARGIN)
    in_order = [middles[i] for i in range(len(middles))]
    return Layout(size, in_order, [curves[edge].pop(0) for edge in edges])


def layered(sizes: Sequence[Size], edges: Sequence[Edge], rankdir: str) -> Layout:
    """Sugiyama's layers: a rank for each box, few crossings in each rank, short straight edges."""
    turned = rankdir in ("TB", "BT")
    ranks = _ranks(len(sizes), edges)
    routes = _routes(edges, ranks)
    flat = [(0.0, 0.0)] * (len(ranks) - len(sizes))  # for the bends
    deep, tall = zip(*((h, w) if turned else (w, h) for w, h in [*sizes, *flat]), strict=True)
    near: list[list[int]] = [[] for _ in ranks]
    for tail, head in dict.fromkeys(link for route in routes for link in pairwise(route)):
        near[tail].append(head)
        near[head].append(tail)
    layers = _order(ranks, near)
    across = _straighten(layers, near, tall)
    length, columns = MARGIN, []
    for layer in reversed(layers):  # rank 0, the end of the picture, is the last column
        columns.append((length, length + max(deep[i] for i in layer)))
        length = columns[-1][1] + along(len(sizes), len(edges))
    columns.reverse()
    length = columns[0][1] + MARGIN
    breadth = max(middle + t / 2 for middle, t in zip(across, tall, strict=True)) + MARGIN

    def turn(point: Point) -> Point:
        """From (along, across) to (x, y)."""
        x = length - point[0] if rankdir in ("RL", "BT") else point[0]
        return (point[1], x) if turned else (x, point[1])

    middles = [(sum(columns[rank]) / 2, across[i]) for i, rank in enumerate(ranks)]
    ports = _ports(routes, across, tall)
    curves = []
    for (tail, *bends, head), port in zip(routes, ports, strict=True):
        path = [(middles[tail][0] + deep[tail] / 2, across[tail])]
        for bend in bends:  # level through the whole column, so that no box lies in the way
            path += [(side, across[bend]) for side in columns[ranks[bend]]]
        path.append((middles[head][0] - deep[head] / 2, port))
        curves.append([turn(point) for point in _smooth(path)])
    page = (breadth, length) if turned else (length, breadth)
    return Layout(page, [turn(point) for point in middles[: len(sizes)]], curves)


def _ranks(count: int, edges: Iterable[Edge]) -> list[int]:
    """The number of edges on the longest path to the end: an input is just before its user."""
    ranks, users = [0] * count, [0] * count
    inputs: list[list[int]] = [[] for _ in range(count)]
    for tail, head in edges:
        inputs[head].append(tail)
        users[tail] += 1
    ready = [i for i in range(count) if not users[i]]
    for head in ready:  # grows while it is read
        for tail in inputs[head]:
            ranks[tail] = max(ranks[tail], ranks[head] + 1)
            users[tail] -= 1
            if not users[tail]:
                ready.append(tail)
    return ranks


def _routes(edges: Iterable[Edge], ranks: list[int]) -> list[list[int]]:
    """Each edge with a bend in every rank that it passes; a bend is a box without a size.

    Edges from one box share their bends, so they run as one line until they part.
    """
    bends: dict[Edge, int] = {}
    routes = []
    for tail, head in edges:
        passed = range(ranks[tail] - 1, ranks[head], -1)
        if len(ranks) + len(passed) > MOST_BENDS:
            passed = range(0)
        for rank in passed:
            if (tail, rank) not in bends:
                bends[tail, rank] = len(ranks)
                ranks.append(rank)
        routes.append([tail, *(bends[tail, rank] for rank in passed), head])
    return routes


def _order(ranks: list[int], near: list[list[int]]) -> list[list[int]]:
    """The boxes of each rank from side to side."""
    layers: list[list[int]] = [[] for _ in range(max(ranks) + 1)]
    seen = [False] * len(ranks)
    waiting = sorted(range(len(ranks)), key=ranks.__getitem__, reverse=True)
    while waiting:  # depth first from the end of the picture: a tree comes out without a crossing
        i = waiting.pop()
        if not seen[i]:
            seen[i] = True
            layers[ranks[i]].append(i)
            waiting += [j for j in reversed(near[i]) if ranks[j] > ranks[i]]
    for towards in (-1, 1, -1, 1):  # then by the mean place of neighbours, of users last
        place = [0.0] * len(ranks)
        for layer in layers[::towards]:
            for k, i in enumerate(layer):
                fixed = [place[j] for j in near[i] if (ranks[i] - ranks[j]) * towards > 0]
                place[i] = sum(fixed) / len(fixed) if fixed else float(k)
            layer.sort(key=place.__getitem__)
            for k, i in enumerate(layer):
                place[i] = float(k)
    return layers


def _straighten(
    layers: list[list[int]], near: list[list[int]], tall: Sequence[float]
) -> list[float]:
    """The middle of each box across its rank: as near to its neighbours' mean as possible."""
    across = [0.0] * len(tall)
    for sweep in range(2 * SWEEPS):
        for layer in layers[:: -1 if sweep % 2 else 1]:
            wishes = [sum(across[j] for j in near[i]) / max(1, len(near[i])) for i in layer]
            for i, middle in zip(layer, _apart(wishes, [tall[i] for i in layer]), strict=True):
                across[i] = middle
    top = min(a - t / 2 for a, t in zip(across, tall, strict=True))
    return [a - top + MARGIN for a in across]


def _apart(wishes: list[float], tall: list[float]) -> list[float]:
    """The middles nearest to the wishes, by least squares, that keep order and distance.

    Neighbours too close together move as one block to the mean of what they wish.
    """
    steps = [0.0, *((a + b) / 2 + ACROSS for a, b in pairwise(tall))]
    offsets = list(accumulate(steps))
    blocks: list[tuple[float, int]] = []
    for wish, offset in zip(wishes, offsets, strict=True):
        total, count = wish - offset, 1
        while blocks and blocks[-1][0] * count >= total * blocks[-1][1]:
            before = blocks.pop()
            total, count = total + before[0], count + before[1]
        blocks.append((total, count))
    means = [total / count for total, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _ports(routes: list[list[int]], across: Sequence[float], tall: Sequence[float]) -> list[float]:
    """The places where edges arrive at their heads, side by side in the order of their tails."""
    arriving: dict[int, list[int]] = defaultdict(list)
    for k, route in enumerate(routes):
        arriving[route[-1]].append(k)
    ports = [0.0] * len(routes)
    for head, ks in arriving.items():
        ks.sort(key=lambda k: across[routes[k][-2]])
        gap = min(14.0, (tall[head] - 12) / len(ks))
        for n, k in enumerate(ks):
            ports[k] = across[head] + gap * (n - (len(ks) - 1) / 2)
    return ports


def _smooth(path: list[Point]) -> list[Point]:
    """A Bezier curve through the points, level at each of them."""
    inner = [
        b for a, b, c in zip(path, path[1:], path[2:], strict=False)
        if abs(a[1] - b[1]) > 0.1 or abs(b[1] - c[1]) > 0.1
    ]  # fmt: skip
    curve = path[:1]
    for (x0, y0), (x1, y1) in pairwise([path[0], *inner, path[-1]]):
        curve += [((x0 + x1) / 2, y0), ((x0 + x1) / 2, y1), (x1, y1)]
    return curve
