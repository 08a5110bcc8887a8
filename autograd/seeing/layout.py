"""The places of the boxes of a picture: by Graphviz if it is installed, otherwise by layers.

A box has a rank, and an edge bends in every rank that it passes. Graphviz (`render`) or `layered`
says how far across its rank each box and bend should be; `placed` keeps them apart, breaks a long
picture into rows, and draws the curves. Sizes are in pixels.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from graphlib import TopologicalSorter
from itertools import accumulate, pairwise
from math import dist, inf
from typing import Any, NamedTuple

Point = tuple[float, float]
Size = tuple[float, float]
Edge = tuple[int, int]

ACROSS, MARGIN, SWEEPS = 14.0, 16.0, 8
MOST_BENDS = 20_000  # with more, long edges run in lanes beside all boxes
LANES = 50
PAGE = 1100.0  # a much longer picture is broken into rows
MOST_CUT = 6  # lines from one row to the next
TURN, LANE = 24.0, 7.0  # the reach of a turn at the end of a row, the distance of two turns


class Layout(NamedTuple):
    """The page, the boxes, and each edge as a Bezier curve of 3k + 1 points."""

    size: Size
    middles: list[Point]  # of each box
    curves: list[list[Point]]
    sizes: list[Size]
    rows: list[int]  # the row in which each box stands


class Plan(NamedTuple):
    """Boxes, and then the bends of edges, with their ranks: 0 is at the end of the picture.

    `deep` is a size along the picture, `tall` one across it.
    """

    boxes: int
    rankdir: str
    ranks: list[int]
    deep: list[float]
    tall: list[float]
    routes: list[list[int]]  # of each edge: its tail, its bends, its head
    lanes: int  # bends from this one on lie beside all boxes
    links: list[Edge]  # the parts of the routes, each once
    ports: dict[int, float]  # the distance of edges that arrive at a box
    lead: float  # the room for arrow heads and their notes
    gap: float  # between ranks
    margin: float
    inside: list[tuple[int, ...]]  # the groups around each box or bend, the outermost first


def plan(
    sizes: Sequence[Size],
    edges: Sequence[Edge],
    rankdir: str,
    notes: Sequence[int] = (),
    groups: Sequence[Sequence[int]] = (),
) -> Plan:
    """Ranks and bends. `notes`: letters beside each arrow head; `groups`: boxes to keep together.

    Groups are nested or apart. The rectangle around a group, 26 pixels wider on each side, holds no
    other box, unless the group is longer than a page.
    """
    turned, notes = rankdir in ("TB", "BT"), notes or [0] * len(edges)
    ranks = _ranks(len(sizes), edges)
    routes, lanes = _routes(edges, ranks)
    flat = [(0.0, 0.0)] * (len(ranks) - len(sizes))  # for the bends
    deep, tall = ([size[axis != turned] for size in [*sizes, *flat]] for axis in (0, 1))
    arriving: dict[int, list[int]] = defaultdict(list)
    for (_, head), letters in zip(edges, notes, strict=True):
        arriving[head].append(letters)
    ports = {}
    for head, found in arriving.items():
        room = max((7.0 * n + 7 if turned else 14.0) if n else 2.0 for n in found)
        tall[head] = max(tall[head], 12 + room * len(found))
        ports[head] = min(max(14.0, room), (tall[head] - 12) / len(found))
    links = list(dict.fromkeys(link for route in routes for link in pairwise(route)))
    lead = max((12.0 + 7 * n for n in notes if n), default=0.0)
    inside = _inside(groups, len(ranks), routes)
    return Plan(
        len(sizes), rankdir, ranks, deep, tall, routes, lanes, links, ports,
        lead=lead,
        gap=along(len(sizes), len(edges)) + lead / 2,
        margin=MARGIN + ACROSS * any(inside),
        inside=inside,
    )  # fmt: skip


def along(boxes: int, edges: int) -> float:
    """The room between ranks: more where many edges run."""
    return min(110.0, 30 + 14 * edges / boxes)


def dot_spacing(boxes: int, edges: int) -> str:
    """Distances for Graphviz. `nslimit` shortens the layout of one chain from 38 s to 0.7 s."""
    return f"nodesep=0.2 ranksep={along(boxes, edges) / 72:.2f} nslimit=2"


def _ranks(count: int, edges: Iterable[Edge]) -> list[int]:
    """The number of edges on the longest path to the end: an input is just before its user."""
    users: dict[int, list[int]] = defaultdict(list)
    for tail, head in edges:
        users[tail].append(head)
    ranks = [0] * count
    for i in TopologicalSorter(users).static_order():  # users come before what they use
        ranks[i] = max((ranks[user] + 1 for user in users.get(i, ())), default=0)
    return ranks


def _routes(edges: Iterable[Edge], ranks: list[int]) -> tuple[list[list[int]], int]:
    """Each edge with a bend in every rank that it passes; a bend is a box without a size.

    Edges from one box share their bends, so they run as one line until they part. When there are
    too many bends, an edge has one where it enters its lane and one where it leaves it.
    """
    bends: dict[Edge, int] = {}
    routes: list[list[int]] = []
    late = []

    def route(tail: int, head: int, passed: Iterable[int]) -> list[int]:
        for rank in passed:
            if (tail, rank) not in bends:
                bends[tail, rank] = len(ranks)
                ranks.append(rank)
        return [tail, *(bends[tail, rank] for rank in passed), head]

    for k, (tail, head) in enumerate(edges):
        passed = range(ranks[tail] - 1, ranks[head], -1)
        if len(ranks) + len(passed) > MOST_BENDS and passed:
            late.append((k, passed))
            routes.append([tail, head])
        else:
            routes.append(route(tail, head, passed))
    lanes = len(ranks)
    bends.clear()
    for k, passed in late:
        routes[k] = route(routes[k][0], routes[k][1], dict.fromkeys((passed[0], passed[-1])))
    return routes, lanes


def _inside(
    groups: Sequence[Sequence[int]], count: int, routes: Iterable[Sequence[int]]
) -> list[tuple[int, ...]]:
    """The groups around each box; around a bend, those that hold both ends of its edge."""
    inside: list[tuple[int, ...]] = [()] * count
    for g in sorted(range(len(groups)), key=lambda g: -len(groups[g])):
        for i in groups[g]:
            inside[i] += (g,)
    for tail, *bends, head in routes if groups else ():
        both = tuple(g for g in inside[tail] if g in inside[head])
        for i in bends:
            inside[i] = max(inside[i], both, key=len)
    return inside


# ---- layers --------------------------------------------------------------------------------------


def layered(plan: Plan) -> list[float]:
    """Sugiyama's layers: few crossings in each rank, short straight edges."""
    near = _near(plan)
    return _straighten(_order(plan.ranks[: plan.lanes], near), near, plan.tall)


def _near(plan: Plan) -> list[list[int]]:
    """The neighbours of each box and bend. A bend from which a line goes on just follows it."""
    near: list[list[int]] = [[] for _ in range(plan.lanes)]
    going = {tail for tail, head in plan.links if tail >= plan.boxes <= head}
    for tail, head in plan.links:
        if tail < plan.lanes > head:
            near[head].append(tail)
            if tail not in going or head >= plan.boxes:
                near[tail].append(head)
    return near


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
    across = [0.0] * len(near)
    place = across.__getitem__
    for sweep in range(2 * SWEEPS):
        for layer in layers[:: -1 if sweep % 2 else 1]:
            wishes = [sum(map(place, near[i])) / (len(near[i]) or 1) for i in layer]
            for i, middle in zip(layer, _apart(wishes, [tall[i] for i in layer]), strict=True):
                across[i] = middle
    return across


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


# ---- places -> picture ---------------------------------------------------------------------------


def placed(plan: Plan, wishes: Sequence[float], page: float = PAGE) -> Layout:
    """The picture. If it is much longer than a page, it is broken into rows where few edges run."""
    rows, turned = _broken(plan, page), plan.rankdir in ("TB", "BT")
    across = _settled(plan, _in_order(plan, wishes))
    columns, length = _columns(plan, rows)
    across, channels, breadth = _stacked(plan, across, rows, columns)
    if rows[1:] and turned and breadth > page:
        return placed(plan, wishes, inf)

    def turn(point: Point) -> Point:
        """From (along, across) to (x, y)."""
        x = length - point[0] if plan.rankdir in ("RL", "BT") else point[0]
        return (point[1], x) if turned else (x, point[1])

    middles = [(sum(columns[rank]) / 2, y) for rank, y in zip(plan.ranks, across, strict=True)]
    curves = []
    for route, port in zip(plan.routes, _ports(plan, across), strict=True):
        path = list(_path(plan, route, port, middles, columns, channels))
        curves.append([turn(point) for point in _smooth(path)])
    shapes = [(t, d) if turned else (d, t) for d, t in zip(plan.deep, plan.tall, strict=True)]
    size = (breadth, length) if turned else (length, breadth)
    boxes = [turn(point) for point in middles[: plan.boxes]]
    row = {rank: k for k, ranks in enumerate(rows) for rank in ranks}
    return Layout(
        size, boxes, curves, shapes[: plan.boxes], [row[r] for r in plan.ranks[: plan.boxes]]
    )


def _in_order(plan: Plan, wishes: Sequence[float]) -> list[float]:
    """The wishes, exchanged so that boxes with the same neighbours stand in their order."""
    found, near = list(wishes), defaultdict[int, list[Edge]](list)
    for tail, head in plan.links:
        near[tail].append((1, head))
        near[head].append((0, tail))
    alike: dict[Any, list[int]] = defaultdict(list)
    for i in range(plan.boxes):
        alike[plan.tall[i], plan.inside[i], tuple(sorted(near[i]))].append(i)
    for boxes in alike.values():
        for i, wish in zip(boxes, sorted(wishes[i] for i in boxes), strict=True):
            found[i] = wish
    return found


def _settled(plan: Plan, wishes: Sequence[float]) -> list[float]:
    """Places near the wishes, far enough apart, with groups apart from all that is not in them.

    Everything has a key, and lies in the order of keys in every rank. A group has two sides, each
    at one place in all of the group's ranks. Moved only down, or only up, until nothing is too
    close, all is well; so it is in the mean of both.
    """
    members: dict[int, list[int]] = defaultdict(list)
    for i, groups in enumerate(plan.inside[: plan.lanes]):
        for g in groups:
            members[g].append(i)
    means = {g: sum(wishes[i] for i in found) / len(found) for g, found in members.items()}

    def key(groups: Iterable[int], *end: float) -> tuple[float, ...]:
        return (*(x for g in groups for x in (means[g], g)), *end)

    keys = [key(plan.inside[i], wish, i) for i, wish in enumerate(wishes)]
    ranks = [range(rank, rank + 1) for rank in plan.ranks[: plan.lanes]]
    down, halves = list(wishes), [(tall + ACROSS) / 2 for tall in plan.tall[: plan.lanes]]
    for g, found in members.items():
        around = plan.inside[found[0]]
        around = around[: around.index(g) + 1]
        passed = sorted(plan.ranks[i] for i in found)
        keys += [key(around, -inf), key(around, inf)]
        ranks += [range(passed[0], passed[-1] + 1)] * 2
        down += [min(wishes[i] - halves[i] for i in found) - ACROSS / 2]
        down += [max(wishes[i] + halves[i] for i in found) + ACROSS / 2]
        halves += [ACROSS / 2] * 2
    steps = list(_steps(keys, ranks, halves))
    up = down[:]
    for a, b, distance in steps:
        down[b] = max(down[b], down[a] + distance)
    for a, b, distance in reversed(steps):
        up[a] = min(up[a], up[b] - distance)
    return [(x + y) / 2 for x, y in zip(down, up, strict=True)][: plan.lanes]


def _steps(
    keys: Sequence[tuple[float, ...]], ranks: Sequence[range], halves: Sequence[float]
) -> Iterator[tuple[int, int, float]]:
    """The neighbours in each rank, in the order of their keys, and their least distance."""
    last: dict[int, int] = {}
    for b in sorted(range(len(keys)), key=keys.__getitem__):
        for a in (last[rank] for rank in ranks[b] if rank in last):
            yield a, b, halves[a] + halves[b]
        last.update(dict.fromkeys(ranks[b], b))


def _depths(plan: Plan) -> list[float]:
    """The size of each rank along the picture."""
    depths = [0.0] * (max(plan.ranks) + 1)
    for rank, deep in zip(plan.ranks, plan.deep, strict=True):
        depths[rank] = max(depths[rank], deep)
    return depths


def _leaving(plan: Plan) -> list[set[int]]:
    """The boxes and bends of each rank from which a line goes on to the next."""
    leaving: list[set[int]] = [set() for _ in range(max(plan.ranks) + 1)]
    for tail, _ in plan.links:
        leaving[plan.ranks[tail]].add(tail)
    return leaving


def _broken(plan: Plan, page: float) -> list[range]:
    """The ranks of each row, as in text: one row if more would not help.

    A row costs by the room that it leaves or lacks, and by the lines that its end cuts.
    """
    upto = list(accumulate((deep + plan.gap for deep in _depths(plan)), initial=0.0))
    room, top, cut = page - 2 * (plan.margin + TURN), len(upto) - 1, [*map(len, _leaving(plan))]
    whole = [range(top - 1, -1, -1)]
    if upto[-1] < 1.25 * page or plan.lanes < len(plan.ranks):
        return whole
    held = _held(plan, upto, page)
    ends = (rank for rank in whole[0][:-1] if cut[rank] <= MOST_CUT and rank not in held)
    bounds = [top, *ends, 0]
    costs, before = [0.0], [0]
    for j, bound in enumerate(bounds[1:], 1):
        found: list[tuple[float, int]] = []
        for i in range(j - 1, -1, -1):
            slack = (upto[bounds[i]] - upto[bound] - plan.gap) / room - 1
            if slack > 3 and found:
                break
            found.append((costs[i] + (1 + 6 * slack if slack > 0 else slack * slack), i))
        cost, i = min(found)
        costs.append(cost + 0.3 * cut[bound])
        before.append(i)
    rows: list[range] = []
    j = len(bounds) - 1
    while j:
        rows.insert(0, range(bounds[before[j]] - 1, bounds[j] - 1, -1))
        j = before[j]
    longest = max(upto[row[0] + 1] - upto[row[-1]] for row in rows)
    return rows if longest < 0.75 * upto[-1] else whole


def _held(plan: Plan, upto: Sequence[float], page: float) -> set[int]:
    """The ranks that no row may end with, since that would break a group that fits on a page."""
    spans: dict[int, list[int]] = defaultdict(list)
    for rank, groups in zip(plan.ranks, plan.inside, strict=True):
        for g in groups:
            spans[g].append(rank)
    ends = [(min(ranks), max(ranks)) for ranks in spans.values()]
    kept = [range(low + 1, high + 1) for low, high in ends if upto[high + 1] - upto[low] < page]
    return {rank for span in kept for rank in span}


def _columns(plan: Plan, rows: Sequence[range]) -> tuple[list[Point], float]:
    """The begin and the end of each rank along the picture, and the length of the whole."""
    depths, leaving = _depths(plan), _leaving(plan)
    turns = max((TURN + LANE * len(leaving[row[-1]]) for row in rows[:-1]), default=0.0)
    columns = [(0.0, 0.0)] * len(depths)
    for row in rows:
        start = plan.margin + turns + plan.lead * bool(turns)
        for rank in row:
            columns[rank] = (start, start + depths[rank])
            start += depths[rank] + plan.gap
    return columns, max(end for _, end in columns) + turns + plan.margin


def _stacked(
    plan: Plan, across: list[float], rows: Sequence[range], columns: Sequence[Point]
) -> tuple[list[float], dict[int, tuple[float, float, float]], float]:
    """The places across the page, row under row, and the page's breadth.

    Between them, for each line that goes on in the next row: where it turns, the place of its lane
    between the rows, and where it turns again. Turns are nested, so such lines do not cross.
    """
    first = min(a - tall / 2 for a, tall in zip(across, plan.tall, strict=False)) - ACROSS
    across += [first - 3.0 * (i % LANES) for i in range(len(plan.ranks) - plan.lanes)]
    layers: list[list[int]] = [[] for rank in columns]
    for i in sorted(range(len(across)), key=across.__getitem__):
        layers[plan.ranks[i]].append(i)
    leaving = _leaving(plan)
    channels, top, space = {}, plan.margin, ACROSS * (2 if any(plan.inside) else 1)
    for row in rows:
        items = [i for rank in row for i in layers[rank]]
        items.sort(key=lambda i: across[i] - plan.tall[i] / 2)
        shift, bottom = top - across[items[0]] + plan.tall[items[0]] / 2, top
        for i in items:  # without bands that are empty in this row
            shift = min(shift, bottom + space - across[i] + plan.tall[i] / 2)
            across[i] += shift
            bottom = max(bottom, across[i] + plan.tall[i] / 2)
        top = bottom
        cut = [i for i in reversed(layers[row[-1]]) if i in leaving[row[-1]]]
        for k, i in enumerate(cut):  # the last is the outermost now, the innermost later
            right, left = columns[row[-1]][1], columns[row[-1] - 1][0] - plan.lead
            top += LANE if k else ACROSS
            channels[i] = (right + LANE * k, top, left - LANE * (len(cut) - 1 - k))
        top += plan.margin
    return across, channels, top


def _ports(plan: Plan, across: Sequence[float]) -> list[float]:
    """The places where edges arrive at their heads, side by side in the order of their tails."""
    arriving: dict[int, list[int]] = defaultdict(list)
    for k, route in enumerate(plan.routes):
        arriving[route[-1]].append(k)
    ports = [0.0] * len(plan.routes)
    for head, ks in arriving.items():
        ks.sort(key=lambda k: across[plan.routes[k][-2]])
        for n, k in enumerate(ks):
            ports[k] = across[head] + plan.ports[head] * (n - (len(ks) - 1) / 2)
    return ports


def _path(
    plan: Plan, route: list[int], port: float, middles: list[Point],
    columns: Sequence[Point], channels: dict[int, tuple[float, float, float]],
) -> Iterator[Point]:  # fmt: skip
    """The points of an edge, level through every column and where arrow heads are."""
    tail, head = route[0], route[-1]
    yield middles[tail][0] + plan.deep[tail] / 2, middles[tail][1]
    for a, b in pairwise(route):
        here, there = middles[a][1], port if b == head else middles[b][1]
        yield columns[plan.ranks[a]][1], here
        if a in channels:
            right, lane, left = channels[a]
            yield from ((right, here), (right, lane), (left, lane), (left, there))
        yield columns[plan.ranks[b]][0] - plan.lead, there
    yield middles[head][0] - plan.deep[head] / 2, port


def _smooth(path: list[Point]) -> list[Point]:
    """A Bezier curve through the points, level at each of them; where x stays, a turn."""
    between = [b for a, b in pairwise(path) if dist(a, b) > 0.1 < dist(b, path[-1])]
    path = [path[0], *between, path[-1]]
    inner = [
        b for a, b, c in zip(path, path[1:], path[2:], strict=False)
        if abs(a[1] - b[1]) > 0.1 or abs(b[1] - c[1]) > 0.1
    ]  # fmt: skip
    curve, ahead = path[:1], TURN
    for (x0, y0), (x1, y1) in pairwise([path[0], *inner, path[-1]]):
        middle = (x0 + x1) / 2 if abs(x0 - x1) > 0.1 else x0 + ahead
        curve += [(middle, y0), (middle, y1), (x1, y1)]
        ahead = TURN if x1 > x0 else -TURN
    return curve
