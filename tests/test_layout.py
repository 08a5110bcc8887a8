"""Layouts, by their geometry: nothing overlaps, no edge runs behind a box, all is on the page."""

import importlib.util
import math
import random
import re
import shutil
from itertools import combinations, pairwise
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Tensor, Value
from autograd.seeing import formats, layout, render
from autograd.seeing.drawing import Drawing, draw
from autograd.seeing.formats import LETTER, SMALL, Box, Edge, Rows

needs_dot = pytest.mark.skipif(not shutil.which("dot"), reason="needs Graphviz")
engines = pytest.mark.parametrize("engine", [pytest.param("dot", marks=needs_dot), "builtin"])
rankdirs = pytest.mark.parametrize("rankdir", ["LR", "RL", "TB", "BT"])
DIRECTIONS = {"LR": (0, 1), "RL": (0, -1), "TB": (1, 1), "BT": (1, -1)}  # axis, sign


# ---- what is measured ----------------------------------------------------------------------------


T = np.linspace(0, 1, 21)[:, None]
WEIGHTS = np.hstack([(1 - T) ** 3, 3 * T * (1 - T) ** 2, 3 * T * T * (1 - T), T**3])


def points(curve):
    """Points along a Bezier curve of 3k + 1 control points."""
    pieces = [np.array(curve[k : k + 4]) for k in range(0, len(curve) - 1, 3)]
    return np.vstack([WEIGHTS @ piece for piece in pieces])


def around(places):
    """The rectangle around points: left, top, right, bottom."""
    xs, ys = zip(*places, strict=True)
    return min(xs), min(ys), max(xs), max(ys)


def rectangle(middle, size):
    return around(
        [(middle[0] + sign * size[0] / 2, middle[1] + sign * size[1] / 2) for sign in (-1, 1)]
    )


def apart(a, b, distance=0.0):
    return max(a[0] - b[2], b[0] - a[2], a[1] - b[3], b[1] - a[3]) > distance - 0.3


def arrow_head(curve):
    """The rectangle around an arrow head, which is 7 long and 6 wide."""
    (x0, y0), (x, y) = curve[-2:]
    length = ((x - x0) ** 2 + (y - y0) ** 2) ** 0.5
    dx, dy = (x - x0) / length, (y - y0) / length
    return around([(x, y), *((x - 7 * dx + s * dy, y - 7 * dy - s * dx) for s in (-3, 3))])


def numbers(svg):
    """The rectangles of the numbers beside arrow heads; digits are 0.73 of a font size high."""
    found = re.findall(r'<text[^>]* x="([-\d.]+)" y="([-\d.]+)"[^>]*>(\d+|×[\d,]+)</text></g>', svg)
    for x, y, text in ((float(x), float(y), text) for x, y, text in found):
        half = len(text) * SMALL * LETTER / 2
        yield x - half, y - 0.73 * SMALL, x + half, y


def check(placed, rows, rankdir):
    """Assert what holds of every picture."""
    (width, height), middles, curves, sizes, _ = placed
    place = {box.id: i for i, box in enumerate(rows.boxes)}
    boxes = [rectangle(*pair) for pair in zip(middles, sizes, strict=True)]
    edges = "".join(formats.svg(rows._replace(caption=""), placed).partition('<g class="box')[:1])
    notes, heads = list(numbers(edges)), [arrow_head(curve) for curve in curves]
    assert len(notes) == sum(formats.note(edge) != "" for edge in rows.edges)
    for kind in (boxes, notes):
        assert all(apart(a, b) for a, b in combinations(kind, 2))
    assert all(apart(note, other) for note in notes for other in [*boxes, *heads])
    axis, sign = DIRECTIONS[rankdir]
    for edge, curve in zip(rows.edges, curves, strict=True):
        ends = place[edge.tail], place[edge.head]
        for i, point, forward in ((ends[0], curve[0], sign), (ends[1], curve[-1], -sign)):
            end = middles[i][axis] + forward * sizes[i][axis] / 2
            assert point[axis] == pytest.approx(end)
            assert abs(point[1 - axis] - middles[i][1 - axis]) <= sizes[i][1 - axis] / 2
        others = np.delete(boxes, ends, axis=0).reshape(-1, 1, 2, 2)
        near = (others[:, :, 0] - 2 < points(curve)) & (points(curve) < others[:, :, 1] + 2)
        assert not near.all(axis=2).any(), edge
    everything = [*boxes, *notes, *heads, *(around(points(curve)) for curve in curves)]
    for left, top, right, bottom in everything:
        assert left >= 0
        assert top >= 0
        assert right <= width
        assert bottom <= height


def laid_out(drawing):
    """The layout that a drawing uses."""
    seen, real = [], layout.placed
    with mock.patch.object(layout, "placed", lambda *given: seen.append(real(*given)) or seen[-1]):
        assert drawing.svg
    return seen[-1]


def arranged(rows, rankdir, engine="builtin", groups=(), page=layout.PAGE):
    """The layout of rows, with settings that a drawing does not have."""
    place = {box.id: i for i, box in enumerate(rows.boxes)}
    edges = [(place[edge.tail], place[edge.head]) for edge in rows.edges]
    notes = [len(formats.note(edge)) for edge in rows.edges]
    plan = layout.plan([formats.size(box) for box in rows.boxes], edges, rankdir, notes, groups)
    if engine == "builtin":
        return layout.placed(plan, layout.layered(plan), page)
    return layout.placed(plan, render.places(engine, plan), page)


# ---- random pictures -----------------------------------------------------------------------------


@st.composite
def pictures(draw_from, most=20):
    """Rows of any shape: labels long and short, operands in order or not, parallel edges."""
    count = draw_from(st.integers(1, most))
    label = st.integers(0, 28).map("w".__mul__)
    kinds = st.sampled_from(["leaf", "op", "constant", "group"])
    boxes = [
        Box(f"n{i}", draw_from(kinds), "add", "+", draw_from(label), 1.0, counts=(("add", 3),))
        for i in range(count)
    ]
    edges = []
    for head in range(1, count):
        tails = draw_from(
            st.lists(st.integers(0, head - 1), max_size=draw_from(st.sampled_from([3, 12])))
        )
        ordered = draw_from(st.booleans())
        edges += [Edge(f"n{tail}", f"n{head}", k, 1, ordered) for k, tail in enumerate(tails)]
    return Rows(boxes, edges, "")


def grouped(draw_from, count):
    """Boxes in groups that are nested or apart."""
    groups, waiting = [], [draw_from(st.permutations(range(count)))]
    while waiting and len(groups) < 5:
        pool = waiting.pop()
        size = draw_from(st.integers(0, len(pool)))
        groups.append(pool[:size])
        waiting += [part for part in (pool[:size][1:], pool[size:]) if part]
    return groups


@pytest.mark.slow
@settings(deadline=None)
@given(pictures(), st.sampled_from([*DIRECTIONS]), st.sampled_from([400.0, layout.PAGE]))
def test_in_the_built_in_layout_nothing_meets(rows, rankdir, page):
    check(arranged(rows, rankdir, page=page), rows, rankdir)


@pytest.mark.slow
@needs_dot
@settings(deadline=None)
@given(pictures(), st.sampled_from([*DIRECTIONS]), st.sampled_from([400.0, layout.PAGE]))
def test_in_the_layout_of_graphviz_nothing_meets(rows, rankdir, page):
    check(arranged(rows, rankdir, "dot", page=page), rows, rankdir)


@pytest.mark.slow
@settings(deadline=None)
@given(pictures(), st.sampled_from([*DIRECTIONS]), st.integers(0, 30))
def test_with_too_many_bends_edges_still_run_past_the_boxes(rows, rankdir, most):
    with mock.patch.object(layout, "MOST_BENDS", most):
        check(arranged(rows, rankdir), rows, rankdir)


@pytest.mark.slow
@engines
@settings(deadline=None)
@given(st.data(), pictures(12), st.sampled_from([*DIRECTIONS]))
def test_no_other_box_is_in_the_rectangle_around_a_group(engine, data, rows, rankdir):
    groups = grouped(data.draw, len(rows.boxes))
    placed = arranged(rows, rankdir, engine, groups, page=math.inf)
    check(placed, rows, rankdir)
    boxes = [rectangle(*pair) for pair in zip(placed.middles, placed.sizes, strict=True)]
    for group in filter(None, groups):
        frame = around([corner for i in group for corner in (boxes[i][:2], boxes[i][2:])])
        assert all(apart(frame, boxes[i], 26) for i in range(len(boxes)) if i not in group)
        left, top, right, bottom = frame
        assert min(left, top, placed.size[0] - right, placed.size[1] - bottom) > 26


# ---- graphs --------------------------------------------------------------------------------------


def expression(size):
    """A root over random operations, some of many operands."""
    rng = random.Random(size)
    made = [Value(rng.random(), f"v{i}") for i in range(4)]
    for _ in range(size):
        x, y = rng.choice(made[-12:]), rng.choice(made)
        several = made[-4:]
        operations = [
            lambda x=x, y=y: x - y, lambda x=x, y=y: x / (y + 2.0), lambda x=x: x.tanh(),
            lambda several=several: autograd.dot(several, several[::-1]),
            lambda several=several: autograd.logsumexp([*several, 1.0]),
        ]  # fmt: skip
        made.append(rng.choice(operations)())
    return autograd.sum(made[-5:])


def network(sizes, backend):
    model = nn.MLP(2, sizes, seed=0, backend=backend)
    if backend == "tensor":
        return nn.losses.mse(model(Tensor(np.ones((5, 2)), "X")), np.ones((5, sizes[-1])))
    return nn.losses.mse([model([0.5, 0.2])], [1.0])


def convolution():
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, "relu", seed=0), nn.MaxPool2d(2), nn.Conv2d(4, 4, 2, "relu", seed=1),
        nn.Flatten(), nn.MLP(36, [8, 3], seed=2, backend="tensor"),
    )  # fmt: skip
    return nn.losses.cross_entropy(model(Tensor(np.ones((2, 1, 10, 10)), "X")), [0, 1])


def transformer():
    path = Path(__file__).parents[1] / "benchmarks" / "gpt.py"
    spec = importlib.util.spec_from_file_location("gpt", path)
    gpt = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(gpt)
    return gpt.loss(gpt.parameters(Value, 5, random.Random(0)), [0, 1, 2, 3])


def chain(links):
    y = Value(1.0, "x")
    for _ in range(links):
        y = y.tanh()
    return y


GRAPHS = {
    "10 operations": lambda: expression(10),
    "80 operations": lambda: expression(80),
    "MLP 2-4-1": lambda: network([4, 1], "value"),
    "MLP 2-16-16-1": lambda: network([16, 16, 1], "value"),
    "MLP of Tensors": lambda: network([16, 16, 1], "tensor"),
    "convolutions": convolution,
    "GPT": transformer,
    "chain": lambda: chain(40),
}


@pytest.mark.slow
@engines
@rankdirs
@pytest.mark.parametrize("graph", GRAPHS)
def test_in_the_picture_of_a_graph_nothing_meets(graph, rankdir, engine):
    drawing = draw(GRAPHS[graph](), rankdir=rankdir, engine=engine)
    check(laid_out(drawing), drawing.rows, rankdir)


# ---- rows ----------------------------------------------------------------------------------------


@engines
@pytest.mark.parametrize("graph", ["MLP of Tensors", "convolutions", "chain"])
def test_a_long_picture_is_broken_into_rows_that_fit_a_page(graph, engine):
    placed = laid_out(draw(GRAPHS[graph](), engine=engine))
    assert placed.size[0] < 1.1 * layout.PAGE


@rankdirs
def test_a_chain_goes_on_in_the_next_row_as_text_does(rankdir):
    drawing = draw(chain(40), rankdir=rankdir, engine="builtin")
    middles = laid_out(drawing).middles
    axis, sign = DIRECTIONS[rankdir]
    back = [(b[axis] - a[axis]) * sign < 0 for a, b in pairwise(middles)]
    below = [b[1 - axis] - a[1 - axis] > 20 for a, b in pairwise(middles)]
    assert back == below
    assert sum(back) in range(2, 8)


def test_no_row_ends_within_a_group_that_fits_a_page():
    rows = draw(chain(40), collapse=False).rows
    groups = [range(k, k + 4) for k in range(2, 34, 4)]
    middles = arranged(rows, "LR", groups=[range(41), *groups]).middles
    assert max(x for x, _ in middles) < layout.PAGE
    assert all(len({middles[i][1] for i in group}) == 1 for group in groups)


@pytest.mark.parametrize("rankdir", ["TB", "BT"])
def test_columns_side_by_side_are_no_wider_than_a_page(rankdir):
    for graph in ("chain", "convolutions"):
        rows = draw(GRAPHS[graph]()).rows
        one = arranged(rows, rankdir, page=math.inf).size[0]
        assert arranged(rows, rankdir).size[0] <= max(layout.PAGE, one)


@rankdirs
def test_a_picture_that_fits_a_page_is_one_row_and_so_is_one_whose_edges_all_would_be_cut(rankdir):
    axis, sign = DIRECTIONS[rankdir]
    layers = [[Value(1.0)] * 10]
    for _ in range(12):
        layers.append([autograd.sum(layers[-1]).tanh() * 1.0 for _ in range(10)])
    for root in (chain(5), autograd.sum(layers[-1])):
        drawing = draw(root, rankdir=rankdir, engine="builtin", collapse=False)
        middles = laid_out(drawing).middles
        place = {box.id: i for i, box in enumerate(drawing.rows.boxes)}
        for edge in drawing.rows.edges:
            step = middles[place[edge.head]][axis] - middles[place[edge.tail]][axis]
            assert step * sign > 0


# ---- what a layout is like -----------------------------------------------------------------------


def placed(sizes, edges, rankdir="LR"):
    plan = layout.plan(sizes, edges, rankdir)
    return layout.placed(plan, layout.layered(plan))


def test_a_tree_is_laid_out_without_a_crossing():
    sizes = [(50.0, 30.0)] * 7
    edges = [(0, 4), (1, 4), (2, 5), (3, 5), (4, 6), (5, 6)]
    middles = placed(sizes, edges).middles
    assert [y for _, y in middles[:4]] == sorted(y for _, y in middles[:4])
    assert middles[6][1] == pytest.approx(sum(y for _, y in middles[:4]) / 4, abs=0.5)


def test_edges_from_one_box_share_a_line_until_they_part():
    sizes = [(60.0, 30.0)] * 5
    result = placed(sizes, [(0, 1), (1, 2), (2, 3), (3, 4), (0, 3), (0, 4)])
    assert result.curves[4][:4] == result.curves[5][:4]


def test_a_box_has_room_for_every_number_at_its_edge():
    sizes = [(30.0, 24.0)] * 31
    edges = [(i, 30) for i in range(30)]
    for rankdir, axis, letters in (("LR", 1, 8), ("TB", 0, 2 * SMALL * LETTER)):
        plan = layout.plan(sizes, edges, rankdir, [2] * 30)
        result = layout.placed(plan, layout.layered(plan))
        ends = sorted(curve[-1][axis] for curve in result.curves)
        assert all(b - a > letters for a, b in pairwise(ends))
        assert ends[-1] - ends[0] < result.sizes[30][axis]


def test_graphviz_is_given_sizes_and_no_label():
    drawing = draw(Value(1.0, "secret").tanh())
    with mock.patch.object(render, "places", side_effect=render.Unavailable("no")) as run:
        assert Drawing(drawing.rows, "LR", None, quiet=True).svg
    assert run.call_args_list
    assert not any("secret" in str(call) for call in run.call_args_list)
