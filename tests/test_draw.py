"""Pictures: what the rows say, that labels stay text in every format, that one always appears."""

import base64
import importlib.util
import io
import math
import operator
import os
import re
import shutil
import struct
import subprocess
import sys
import threading
import xml.etree.ElementTree as ElementTree
from collections import Counter
from functools import partial
from itertools import combinations, permutations
from operator import call

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Tensor, Value
from autograd.core.graph import gradient_or_none
from autograd.seeing import formats, render
from autograd.seeing.abbreviating import number, words
from autograd.seeing.drawing import draw, notice_missing_dot, rows
from autograd.seeing.formats import Box, Edge
from autograd.support.scopes import scope

HOSTILE = [
    '<b>"]; evil', "</text><script>alert(1)</script>", "a\\", "{a|b}", "\\N \\G", "&amp;&#60;",
    "nul\0", "\u202eright to left", "가나다 신경망", "🧠 neuron", "]]>", "<<b>x</b>>", "a\nb\tc",
    "\ud800", "\uffff", "`-- end", "1. list", "  spaces  ", "#35;", "%%{init}%%",
]  # fmt: skip
TAGS = {"svg", "style", "g", "rect", "path", "text"}
needs_dot = pytest.mark.skipif(not shutil.which("dot"), reason="needs Graphviz")
engines = pytest.mark.parametrize("engine", [pytest.param("dot", marks=needs_dot), "builtin"])


@pytest.fixture
def no_graphviz(monkeypatch, tmp_path):
    """A machine without Graphviz."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "pygraphviz", None)
    monkeypatch.setattr(render, "_told", set())


@pytest.fixture
def fake_dot(monkeypatch, tmp_path):
    """Puts a shell script in the place of `dot`."""

    def install(script):
        program = tmp_path / "dot"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
        monkeypatch.setitem(sys.modules, "pygraphviz", None)
        monkeypatch.setattr(render, "_told", set())

    return install


def neuron():
    x, w, b = Value(2.0, "x"), Value(-3.0, "w"), Value(6.0, "b")
    out = (x * w + b).tanh()
    out.label = "o"
    return out


def chain(links, x=None):
    y = x = x or Value(1.0, "x")
    for _ in range(links):
        y = y + x
    return y


def mlp(sizes, scoped):
    """One sample through an MLP of Values, its parameters its own."""

    def unit(inputs):
        total = Value(0.1, "b")
        for x in inputs:
            total = total + Value(0.5, "w") * x
        return total.relu()

    def layer(inputs, width, k):
        names = [f"layer {k} neuron {j}" for j in range(width)]
        return [scope(n, unit, inputs) if scoped else unit(inputs) for n in names]

    values = [Value(0.3, "x0"), Value(0.7, "x1")]
    for k, width in enumerate(sizes):
        values = scope(f"layer {k}", layer, values, width, k) if scoped else layer(values, width, k)
    return values[0]


def by_label(rows):
    return {box.label: box for box in rows.boxes}


def texts(svg):
    return [e.text for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("}text")]


# ---- rows ----------------------------------------------------------------------------------------


def test_every_value_is_a_box_with_its_operation_label_data_and_gradient():
    out = neuron()
    out.backward()
    assert [(b.kind, b.op, b.symbol, b.label, b.data) for b in rows(out).boxes] == [
        ("leaf", "", "", "x", 2.0),
        ("leaf", "", "", "w", -3.0),
        ("leaf", "", "", "b", 6.0),
        ("op", "mul", "*", "", -6.0),
        ("op", "add", "+", "", 0.0),
        ("op", "tanh", "tanh", "o", 0.0),
    ]
    assert [b.grad for b in rows(out).boxes] == [-3.0, 2.0, 1.0, 1.0, 1.0, 1.0]


def test_a_gradient_no_pass_has_reached_is_a_dash_and_zero_is_zero():
    x = Value(0.0, "x")
    y = x * x
    assert [box.grad for box in rows(y).boxes] == [None, None]
    assert "grad —" in draw(y, engine="builtin").svg
    y.backward()
    assert [box.grad for box in rows(y).boxes] == [0.0, 1.0]
    assert "grad 0" in draw(y, engine="builtin").svg
    assert "—" not in draw(y, engine="builtin").svg


@pytest.mark.parametrize("kind", [Value, lambda x: Tensor([x])])
def test_no_gradient_is_minus_zero(kind):
    x = kind(-1.0)
    (-(x.relu().sum() if isinstance(x, Tensor) else x.relu())).backward()
    assert "-0" in str(x.grad)
    assert "grad -0" not in draw(x, quiet=True).svg
    assert "[-0]" not in draw(x, quiet=True).svg


def test_the_numbers_are_those_of_the_moment_of_drawing():
    x = Value(2.0)
    y = x * x
    drawing = draw(y, engine="builtin")
    y.backward()
    assert "grad —" in drawing.svg
    assert "grad —" in drawing.source


def test_a_square_has_two_edges():
    x = Value(3.0, "x")
    drawing = draw(x * x, engine="builtin")
    assert drawing.rows.edges == [Edge("n0", "n1", 0), Edge("n0", "n1", 1)]
    assert drawing.source.count("n0 -> n1") == 2
    assert drawing.mermaid.count("n0 --> n1") == 2
    assert len(set(re.findall(r'"edge"><path d="([^"]*)"', drawing.svg))) == 2


def test_operands_that_cannot_be_swapped_are_numbered():
    a, b = Value(1.0, "a"), Value(2.0, "b")
    assert [(e.tail, e.position) for e in rows(b - a).edges if e.ordered] == [("n1", 0), ("n0", 1)]
    assert not any(edge.ordered for edge in rows(a * b).edges)
    assert 'headlabel="2"' in draw(b / a).source


def test_plain_numbers_are_small_boxes_or_hidden():
    x = Value(3.0, "x")
    y = x**2 * 5
    shown = rows(y)
    assert [(b.kind, b.data) for b in shown.boxes if b.kind == "constant"] == [
        ("constant", 2.0),
        ("constant", 5.0),
    ]
    assert shown.caption == ""
    hidden = rows(y, hide_constants=True)
    assert {box.kind for box in hidden.boxes} == {"leaf", "op"}
    assert len(hidden.edges) == 2
    assert hidden.caption == "2 plain numbers not shown"


def test_very_many_plain_numbers_of_one_value_share_a_box():
    x = Value(1.0)
    boxes = rows(autograd.sum([x, *range(1000)])).boxes
    assert [box.label for box in boxes if box.kind == "constant"] == ["1,000 numbers"]


def test_a_leaf_alone_is_a_picture():
    drawing = draw(Value(2.0, "a"), engine="builtin")
    assert drawing.rows.boxes == [Box("n0", "leaf", "", "", "a", 2.0, None)]
    assert texts(drawing.svg) == ["a", "data 2", "grad —"]


def test_numbers_have_four_digits_and_nan_and_inf_are_said():
    x = Value(1 / 3, "x")
    svg = draw(x * math.inf * 0 + 1e-20 * x + 123456789, engine="builtin").svg
    assert {"data 0.3333", "data inf", "data nan", "data 3.333e-21", "1.235e+08"} <= set(texts(svg))


def test_a_graph_whose_leaf_was_rebound_can_be_drawn():
    x = Value(2.0, "x")
    y = (x * x).exp() + x
    x.data = 3.0
    assert by_label(rows(y))["x"].data == 3.0
    assert sum(b.kind == "group" for b in rows(y, max_nodes=2).boxes) >= 1


# ---- folding -------------------------------------------------------------------------------------


@st.composite
def graphs(draw_from):
    """A root over random operations, some of them inside module calls."""
    made = [Value(1.0, "a"), Value(0.5, "b")]

    def grow(size):
        for _ in range(size):
            x, y = (draw_from(st.sampled_from(made)) for _ in "xy")
            made.append(draw_from(st.sampled_from([x + y, x * y, x.tanh(), x * 2.0])))
        return made[-1]

    for depth in draw_from(st.lists(st.integers(0, 2), max_size=6)):
        call = partial(grow, draw_from(st.integers(0, 8)))
        for level in range(depth):
            call = partial(scope, f"call {level}", call)
        call()
    return autograd.sum(made[-6:])


@pytest.mark.slow
@given(graphs(), st.integers(1, 30), st.sampled_from(["auto", True]))
def test_however_a_graph_is_folded_it_keeps_every_value_and_has_no_cycle(root, limit, collapse):
    picture = rows(root, collapse, limit, samples="all")
    values = autograd.nodes(root)
    boxes = [box for box in picture.boxes if box.kind != "constant"]
    counted = Counter()
    for box in boxes:
        counted.update(dict(box.counts) or {box.op or "leaf": 1})
    assert counted == Counter(value.op or "leaf" for value in values)
    assert len(boxes) <= limit
    assert len({box.id for box in picture.boxes}) == len(picture.boxes)
    tails = {box.id: {edge.tail for edge in picture.edges if edge.head == box.id} for box in boxes}
    drawn = {box.id for box in picture.boxes if box.kind == "constant"}
    while ready := [name for name, needs in tails.items() if needs <= drawn]:
        drawn.update(ready)
        for name in ready:
            del tails[name]
    assert not tails, "a cycle"
    groups = {box.id for box in boxes if box.kind == "group"}
    merged = [(e.tail, e.head) for e in picture.edges if {e.tail, e.head} & groups]
    assert len(set(merged)) == len(merged)


@pytest.mark.slow
@given(graphs())
def test_unfolded_every_operand_has_its_edge(root):
    picture = rows(root, collapse=False)
    assert len(picture.edges) == sum(len(value.inputs) for value in autograd.nodes(root))
    assert picture.caption == ""


def test_a_sample_through_a_network_with_calls_is_a_box_for_each_neuron():
    picture = rows(mlp([16, 16, 1], scoped=True), opened=["layer 0", "layer 1", "layer 2"])
    names = [box.label for box in picture.boxes]
    assert names[:2] == ["x0", "x1"]
    assert sorted(names[2:]) == sorted(
        f"layer {k} neuron {j}" for k, width in enumerate([16, 16, 1]) for j in range(width)
    )
    assert by_label(picture)["layer 1 neuron 3"].counts == (
        ("leaf", 17), ("mul", 16), ("add", 16), ("relu", 1),
    )  # fmt: skip
    assert picture.caption == (
        "980 values; 978 folded into 33 boxes: 337 leaf, 304 mul, 304 add, 33 relu"
    )


def test_module_calls_are_folded_as_deep_as_fits():
    layers = by_label(rows(mlp([16, 16, 1], scoped=True), max_nodes=10))
    assert set(layers) == {"layer 0", "layer 1", "layer 2"}
    assert layers["layer 0"].data is None  # it has 16 ways out
    assert layers["layer 2"].data is not None


def test_without_module_calls_a_network_folds_into_its_neurons():
    picture = rows(mlp([16, 16, 1], scoped=False))
    assert Counter(box.kind for box in picture.boxes) == {"leaf": 2, "group": 33}
    assert {box.symbol for box in picture.boxes if box.kind == "group"} == {"relu"}


def test_a_group_with_one_way_out_shows_its_number():
    root = mlp([4, 1], scoped=True)
    root.backward()
    group = by_label(rows(root, collapse=True))["layer 1"]
    assert (group.data, group.grad) == (root.data, 1.0)


def test_collapse_folds_modules_in_small_graphs_only_when_asked():
    model = nn.MLP(2, [2, 1], seed=0)
    root = model([Value(1.0), Value(2.0)])
    assert all(box.kind != "group" for box in rows(root).boxes)
    assert sum(box.kind == "group" for box in rows(root, collapse=True).boxes) == 3
    assert all(box.kind != "group" for box in rows(root, collapse=False, max_nodes=3).boxes)


def test_a_call_folded_together_with_other_values_loses_its_name():
    x = Value(1.0)
    for _ in range(100):
        x = x.tanh()
    y = scope("call", lambda: x.exp() + 1) * 2 + 1
    assert "call" in by_label(rows(y, max_nodes=10))
    assert [box.label for box in rows(y, max_nodes=3).boxes if box.kind == "group"] == [""]


def test_folded_by_expression_a_call_keeps_its_own_values():
    calls = [scope("call", lambda x=x: x.exp() + 1) for x in (Value(i) * 2 for i in range(10))]
    picture = rows(autograd.sum([call.tanh() for call in calls]), max_nodes=35)
    found = Counter((box.label, box.counts) for box in picture.boxes if box.kind == "group")
    assert found == {
        ("call", (("exp", 1), ("add", 1))): 10,
        ("", (("leaf", 1), ("mul", 1))): 10,
    }


def test_the_box_of_the_rest_counts_too():
    shared = [Value(1.0).tanh() for _ in range(20)]
    root = autograd.sum(shared) + autograd.sum(shared)
    assert [len(rows(root, max_nodes=k).boxes) for k in (1, 2, 3, 4, 5)] == [1, 2, 2, 4, 4]


def test_many_shared_leaves_become_one_box():
    weights = [Value(0.1) for _ in range(100)]
    outputs = [scope("model", lambda: autograd.sum([w * w for w in weights])) for _ in range(5)]
    picture = rows(autograd.sum(outputs), max_nodes=50, samples="all")
    assert Counter(box.label for box in picture.boxes) == {"model": 5, "leaves": 1, "": 1}
    assert {edge.times for edge in picture.edges if edge.tail == "n0"} == {200}


def test_a_wide_value_is_shown_with_some_of_its_inputs():
    picture = rows(autograd.sum([Value(1.0) for _ in range(1000)]), max_nodes=20)
    assert Counter(box.kind for box in picture.boxes) == {"leaf": 18, "group": 1, "op": 1}


@pytest.mark.slow
def test_a_hundred_thousand_values_are_drawn_on_a_small_stack():
    seen = []

    def work():
        drawing = draw(chain(100_000), engine="builtin")
        seen.extend([drawing.rows.caption, drawing.svg])

    before = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=work)
        thread.start()
    finally:
        threading.stack_size(before)
    thread.join()
    assert seen[0] == "100,001 values; 99,852 folded into 1 box: 99,852 add"
    assert len(seen[1]) < 1_000_000


# ---- inputs, losses, batches, frames -------------------------------------------------------------


def shape_of(picture):
    """The boxes and edges of a picture without their numbers."""
    boxes = [(b.kind, b.symbol, b.label) for b in picture.boxes]
    return boxes, [(e.tail, e.head, e.position) for e in picture.edges]


def mses(model, samples):
    return nn.losses.mse([model(x) for x in samples], [1.0] * len(samples))


widths = st.lists(st.integers(1, 4), min_size=2, max_size=3)


@settings(deadline=None)
@given(widths, st.integers(2, 5))
def test_a_batch_is_drawn_as_one_sample_with_their_number(sizes, count):
    model = nn.MLP(sizes[0], [*sizes[1:-1], 1], "tanh", seed=0)
    samples = [[float(i + k) for i in range(sizes[0])] for k in range(count)]
    one, batch = rows(mses(model, samples[:1])), rows(mses(model, samples))
    assert shape_of(batch) == shape_of(one)
    assert [edge.times for edge in batch.edges if edge.head == batch.boxes[-1].id] == [count]
    assert batch.caption.startswith(f"1 of {count} samples; ")
    assert [frame.boxes for frame in batch.frames] == [frame.boxes for frame in one.frames]
    for box in batch.boxes[:-1]:  # the numbers are those of the first sample
        assert box.data == next(b.data for b in one.boxes if b.id == box.id)


@settings(deadline=None)
@given(st.integers(2, 5), st.integers(1, 6))
def test_as_many_samples_are_shown_as_asked_for(count, asked):
    model = nn.Neuron(2, seed=0)
    root = mses(model, [[1.0 * k, 2.0] for k in range(count)])
    assert sum(b.symbol == "dot" for b in rows(root, samples=asked).boxes) == min(asked, count)
    assert sum(b.symbol == "dot" for b in rows(root, samples="all").boxes) == count
    assert rows(root, collapse=False).caption == ""


def by_hand(count):
    """The same regression over many samples, written in different ways."""
    w, b = Value(0.5, "w"), Value(0.1, "b")
    data = [(0.1 * k, 0.2 * k) for k in range(count)]

    def model(x):
        return w * x + b

    squares = [(model(x) - y) ** 2 for x, y in data]
    yield sum((model(x) - y) ** 2 for x, y in data) / count
    yield sum(squares) / count
    yield autograd.mean(squares)
    yield autograd.mean(squares) + 0.01 * w * w
    yield nn.losses.mse([model(x) for x, _ in data], [y for _, y in data])
    yield nn.losses.mae([model(Value(x)) for x, _ in data], [y for _, y in data])
    yield autograd.mean([(scope("model", model, x) - y) ** 2 for x, y in data])
    yield autograd.mean([scope("cost", lambda x, y: (model(x) - y) ** 2, x, y) for x, y in data])


@pytest.mark.parametrize("way", range(8))
def test_a_batch_is_found_however_it_is_written(way):
    root = list(by_hand(100))[way]
    picture = rows(root)
    assert len(picture.boxes) <= 20
    assert picture.caption.startswith("1 of 100 samples")
    assert [edge.times for edge in picture.edges if edge.times > 1] == [100]
    assert picture.boxes[-1].data == root.data


def test_the_sum_of_all_samples_shows_its_own_number():
    model = nn.Neuron(1, seed=0)
    root = sum((model([float(k)]) - 1.0) ** 2 for k in range(5))
    last = rows(root).boxes[-1]
    assert (last.symbol, last.data) == ("+", root.data)


def pair(f):
    return abs(f([1.0, 2.0]) - f([2.0, 3.0]))


def units_side_by_side(_):
    units = [nn.Neuron(2, seed=k) for k in range(4)]
    x = [Value(1.0), Value(2.0)]
    return nn.Neuron(4, seed=9)([unit(x) for unit in units]) + 0.0 * units[0].bias


def units_under_a_scope(_):
    def unit(x):
        return autograd.dot([Value(0.5), Value(0.7), Value(0.1)], [*x, 1.0]).tanh()

    x = [Value(1.0), Value(2.0)]
    return autograd.sum([scope("unit", unit, x) for _ in range(4)])


def weighted(f):
    a, b, x = Value(2.0), Value(3.0), [Value(1.0), Value(2.0)]
    return a * b * f(x) + a * a * f(x) + b


def unrolled(f):
    h = Value(0.5)
    for k in range(4):
        h = f([h, float(k)])
    return h


@pytest.mark.parametrize(
    "graph", [pair, units_side_by_side, units_under_a_scope, weighted, unrolled]
)
def test_what_is_no_batch_is_drawn_whole(graph):
    root = graph(nn.Neuron(2, seed=0))
    picture = rows(root)
    assert "samples" not in picture.caption
    made = Counter(v.op for v in autograd.nodes(root) if v.op)
    drawn = Counter()
    for box in picture.boxes:
        drawn.update({op: n for op, n in box.counts if op != "leaf"} or [box.op] * bool(box.op))
    assert drawn == made


@settings(deadline=None)
@given(st.data(), st.integers(1, 3), st.booleans())
def test_every_number_and_every_edge_of_a_picture_is_the_graphs(data, width, reached):
    """Of expressions and networks, whatever is folded or left out."""
    xs = [Value(0.5 * k - 0.7) for k in range(width)]
    model = nn.MLP(width, [2, 1], "tanh", seed=0)
    given = st.lists(st.floats(-1.0, 1.0), min_size=width, max_size=width)
    called = [model(x) for x in data.draw(st.lists(given, max_size=3))]
    terms = data.draw(st.lists(joined([*xs, *called, model(xs)]), min_size=1, max_size=4))
    root = autograd.sum([*terms, 1.5]) + nn.losses.mse(
        [model(xs), *called], [0.5] * (1 + len(called))
    )
    if reached:
        root.backward()
    found = autograd.nodes(root)
    true = {(v.op, v.data, gradient_or_none(v)) for v in found}
    plain = {x for v in found for x in v.inputs if not isinstance(x, Value)}
    for how in ({}, {"collapse": False}, {"collapse": True}, {"max_nodes": 9}, {"samples": 2}):
        picture = draw(root, engine="builtin", quiet=True, **how)
        boxes, edges = picture.rows.boxes, picture.rows.edges
        shown = [b for b in boxes if b.kind in {"leaf", "op"}]
        assert {(b.op, b.data, b.grad) for b in shown} <= true
        assert {b.data for b in boxes if b.kind == "constant"} - {None} <= plain
        assert {b.id for b in boxes if b.kind == "op"} <= {e.head for e in edges}
        assert {b.id for b in boxes[:-1]} == {e.tail for e in edges}
        told = shown + [b for b in boxes if b.kind == "group" and b.data is not None]
        lines = [f"{k} {number(x)}" for b in told for k, x in (("data", b.data), ("grad", b.grad))]
        texts = [
            e.text for e in ElementTree.fromstring(picture.svg).iter() if e.tag.endswith("text")
        ]
        assert sorted(t for t in texts if re.match("(data|grad) ", t)) == sorted(lines)
    oldest_first = sorted(found, key=lambda v: (bool(v.inputs), v._born))
    place = {v: f"n{i}" for i, v in enumerate(oldest_first)}
    every = rows(root, collapse=False)
    assert sorted((e.tail, e.head) for e in every.edges if e.tail in place.values()) == sorted(
        (place[x], place[v]) for v in found for x in v.inputs if isinstance(x, Value)
    )


def joined(outs):
    """Random expressions of these values, each of which may occur several times."""
    one = st.sampled_from([abs, autograd.tanh, lambda v: v**2, lambda v: v**3, lambda v: -v])
    two = st.sampled_from(
        [operator.add, operator.add, operator.mul, operator.sub, autograd.maximum]
    )
    return st.recursive(
        st.sampled_from(outs),
        lambda below: st.builds(call, one, below) | st.builds(call, two, below, below),
        max_leaves=6,
    )


@settings(deadline=None)
@given(st.data(), st.integers(2, 3))
def test_one_sample_stands_for_others_only_where_they_could_be_exchanged(data, count):
    """All that depends on the calls is computed again with their inputs exchanged."""
    model = nn.Neuron(1, seed=0)
    bias = Value(0.3, "c")
    xs = [Value(x) for x in (0.5, 1.25, -2.0)[:count]]
    root = data.draw(joined([*(model([x]) for x in xs), bias * 2.0, bias, *model.parameters()]))
    picture = rows(root)
    whole = rows(root, collapse=False)
    if picture.caption == f"1 of {count} samples":
        for order in permutations([x.data for x in xs]):
            again = replaced(root, dict(zip(xs, order, strict=True)))
            assert again == pytest.approx(root.data, rel=1e-12)
    heads = {edge.head for edge in picture.edges}
    assert all(box.id in heads for box in picture.boxes if box.kind == "op")
    drawn = {(box.op, box.data) for box in whole.boxes}
    assert all((box.op, box.data) in drawn for box in picture.boxes)


def _dot(*xs):
    return sum(map(operator.mul, xs[: len(xs) // 2], xs[len(xs) // 2 :]))


FUNCTIONS = {
    "add": operator.add, "sub": operator.sub, "mul": operator.mul, "neg": operator.neg,
    "pow": operator.pow, "abs": abs, "tanh": math.tanh, "maximum": max, "dot": _dot,
}  # fmt: skip


def replaced(root, leaves):
    """The number of `root` with other numbers in these leaves."""
    found = {}
    for v in reversed(autograd.nodes(root)):
        if v.inputs:
            inputs = [found[x] if isinstance(x, Value) else x for x in v.inputs]
            found[v] = FUNCTIONS[v.op](*inputs)
        else:
            found[v] = leaves.get(v, v.data)
    return found[root]


@pytest.mark.parametrize("start", ["regularised", 0, Value(0.0)])
def test_what_stands_once_in_a_sum_does_not_set_a_sample_apart(start):
    model = nn.Neuron(1, seed=0)
    total = model.bias**2 if start == "regularised" else start
    for k in range(5):
        total = total + (model([float(k)]) - 1.0) ** 2
    assert rows(total).caption == "1 of 5 samples"


def test_a_call_that_ends_in_a_sum_stays_whole_where_its_result_is_summed():
    model = nn.Neuron(1, seed=0)
    a, b, c = (model([float(k)]) for k in range(3))
    picture = rows((a + b).tanh() + c)
    assert picture.caption == "2 of 3 samples"
    answers = [(box.label, box.data) for box in picture.boxes if box.label.startswith("ŷ")]
    assert answers == [("ŷ⁽¹⁾", a.data), ("ŷ⁽³⁾", c.data)]


@settings(deadline=None)
@given(st.sets(st.integers(0, 3)), st.booleans())
def test_leaves_that_changed_since_the_graph_was_computed_are_counted(changed, batch):
    model = nn.MLP(1, [1, 1], seed=0)
    root = mses(model, [[float(k)] for k in range(1 + batch)])
    for k in changed:
        model.parameters()[k].data += 1.0
    told = (
        f"{len(changed)} leaf number{'s' * (len(changed) > 1)} changed since the rest was computed"
    )
    assert rows(root).caption.endswith(told) == bool(changed)
    assert ("changed" in rows(root, collapse=False).caption) == bool(changed)


def test_samples_of_two_losses_are_told_apart_by_their_loss():
    model = nn.Neuron(1, seed=0)
    root = mses(model, [[1.0], [2.0]]) + mses(model, [[3.0], [4.0], [5.0]])
    picture = rows(root)
    assert picture.caption.startswith("2 of 5 samples; ")
    assert [edge.times for edge in picture.edges if edge.times > 1] == [2, 3]
    names = [box.label for box in picture.boxes if box.label]
    assert len(set(names) - {"mse"}) == len(names) - 2


def test_samples_that_share_a_leaf_with_some_others_leave_nothing_dangling():
    model, words = nn.Neuron(1, seed=0), [Value(0.1), Value(0.2), Value(0.3)]
    picture = rows(mses(model, [[words[k]] for k in (0, 1, 2, 1, 2)]))
    tails = {edge.tail for edge in picture.edges}
    assert [box.id for box in picture.boxes if box.id not in tails] == [picture.boxes[-1].id]


@pytest.mark.parametrize("features", [1, 2, 5])
@pytest.mark.parametrize("x", [1.5, math.nan, math.inf])
def test_an_input_is_drawn_once_though_it_is_a_plain_number(features, x):
    model = nn.MLP(features, [3, 1], seed=0)
    root = model([x] * features)
    picture = rows(root)
    plain = [box for box in picture.boxes if box.kind == "constant"]
    names = [f"x{chr(0x2081 + k)}" for k in range(features)] if features > 1 else ["x"]
    assert [box.label for box in plain] == names
    assert [number(box.data) for box in plain] == [number(x)] * features
    for box in plain:
        assert sum(edge.tail == box.id for edge in picture.edges) == 3
    hidden = rows(root, hide_constants=True)
    assert "constant" not in {box.kind for box in hidden.boxes}
    assert hidden.caption == f"{features} plain number{'s' * (features > 1)} not shown"


def test_many_inputs_share_a_box():
    model = nn.MLP(30, [3, 1], seed=0)
    picture = rows(model([0.5] * 30))
    assert [b.label for b in picture.boxes if b.kind == "constant"] == ["x₁ … x₃₀: 30 numbers"]


def test_a_loss_is_one_box_that_opens():
    model = nn.Neuron(2, seed=0)
    root = nn.losses.bce_with_logits([model([1.0, 2.0])], [1.0])
    box = rows(root).boxes[-1]
    assert (box.kind, box.label, box.data) == ("group", "bce_with_logits", root.data)
    opened = rows(root, opened=["bce_with_logits"])
    assert opened.boxes == rows(root, collapse=False).boxes
    assert len(draw(root, open="bce_with_logits").rows.boxes) == len(opened.boxes)


@pytest.mark.parametrize("label", ["", "L", "mse"])
@pytest.mark.parametrize("sizes", [[1], [2, 1]])  # without and with a frame around a layer
def test_the_box_of_a_loss_shows_the_label_of_its_user(sizes, label):
    model = nn.MLP(2, sizes, seed=0)
    loss = nn.losses.mse([model([1.0, 2.0])], [1.0])
    loss.label = label
    for root in (loss, loss * 2.0):
        (box,) = [b for b in rows(root).boxes if b.label == "mse"]
        assert box.result == ("" if label == "mse" else label)


def test_a_scope_around_modules_or_around_everything_stays_open():
    model = nn.Neuron(2, seed=0)
    inner = scope("step", lambda: nn.losses.mse([model([1.0, 2.0])], [1.0]))
    assert [b.label for b in rows(inner * 2.0).boxes if b.kind == "group"] == ["mse"]
    x = Value(1.0)
    assert {b.kind for b in rows(scope("all", lambda: x.exp() + 1.0)).boxes} == {
        "leaf", "op", "constant",
    }  # fmt: skip


def test_a_group_of_a_module_has_the_name_of_its_result():
    model = nn.MLP(2, [16, 16, 1], seed=0)
    root = mses(model, [[1.0 * k, 2.0] for k in range(10)])
    names = [box.label for box in rows(root).boxes]
    assert names[:3] == ["x₁", "x₂", "h¹₁"]
    assert names[-2:] == ["ŷ", "mse"]
    assert [(f.title, len(f.boxes)) for f in rows(root).frames] == [
        ("layer 1", 16),
        ("layer 2", 16),
    ]
    layers = rows(root, max_nodes=10)
    assert [(b.label, b.result) for b in layers.boxes if b.kind == "group"] == [
        ("layer 1", ""), ("layer 2", ""), ("layer 3", "ŷ"), ("mse", ""),
    ]  # fmt: skip


@engines
def test_a_hundred_samples_through_a_network_fit_on_a_screen(engine):
    model = nn.MLP(2, [16, 16, 1], seed=0)
    drawing = draw(mses(model, [[0.01 * k, 2.0] for k in range(100)]), engine=engine)
    width, height = map(int, re.search(r'width="(\d+)" height="(\d+)"', drawing.svg).groups())
    assert width < 1_500
    assert height < 1_800


def rectangles(svg):
    """The frames, and the boxes, of a picture as (left, top, right, bottom)."""
    tree = ElementTree.fromstring(svg)
    drawn = next(e for e in tree.iter() if e.get("transform"))

    def corners(e, dx=0.0, dy=0.0):
        x, y, w, h = (float(e.get(key, "0")) for key in ("x", "y", "width", "height"))
        return x + dx, y + dy, x + dx + w, y + dy + h

    def rects(kind):
        for g in drawn:
            if g.get("class").startswith(kind):
                at = map(float, re.findall(r"[-\d.]+", g.get("transform", "0 0")))
                yield corners([e for e in g if e.tag.endswith("rect")][-1], *at)

    return list(rects("frame")), list(rects("box"))


@pytest.mark.slow
@engines
@settings(deadline=None)
@given(st.lists(st.integers(1, 3), min_size=2, max_size=4), st.sampled_from(["LR", "TB"]))
def test_a_frame_holds_the_boxes_of_its_layer_and_no_other(engine, sizes, rankdir):
    model = nn.MLP(sizes[0], sizes[1:], seed=0)
    x = [Value(1.0), 2.0, Value(3.0)][: sizes[0]]
    out = model(x)
    root = autograd.sum([*out, model.layers[0].bias[0]]) if isinstance(out, list) else out
    drawing = draw(root, engine=engine, rankdir=rankdir, max_nodes=30)
    place = {box.id: k for k, box in enumerate(drawing.rows.boxes)}
    groups = [{place[i] for i in frame.boxes} for frame in drawing.rows.frames]
    frames, boxes = rectangles(drawing.svg)
    for left, top, right, bottom in frames:
        touched = {
            k for k, (a, b, c, d) in enumerate(boxes)
            if a < right and c > left and b < bottom and d > top
        }  # fmt: skip
        assert touched in groups
        assert all(
            left < boxes[k][0]
            and boxes[k][2] < right
            and top < boxes[k][1]
            and boxes[k][3] < bottom
            for k in touched
        )
    if engine == "dot":
        assert len(frames) == len(groups)


@engines
@pytest.mark.parametrize("rankdir", ["LR", "TB"])
@pytest.mark.parametrize("sizes", [[2, 4, 1], [1, 2, 2, 1], [3, 1, 4, 3]])
def test_frames_keep_a_distance_from_each_other(engine, sizes, rankdir):
    model = nn.MLP(sizes[0], sizes[1:], seed=0)
    root = nn.losses.sse([model([1.0] * sizes[0])], [1.0] if sizes[-1] == 1 else [[1.0] * 3])
    frames, _ = rectangles(draw(root, engine=engine, rankdir=rankdir).svg)
    for (a, b, c, d), (left, top, right, bottom) in combinations(frames, 2):
        assert max(left - c, a - right, top - d, b - bottom) >= 3


@pytest.mark.parametrize("name", ["msé", *HOSTILE, "m" * 10_000])
def test_opening_a_box_that_is_not_there_says_which_are(name):
    root = mses(nn.Neuron(1, seed=0), [[1.0]])
    with pytest.raises(ValueError, match=re.escape("to open: the boxes are mse, Neuron")):
        draw(root, open=name)
    with pytest.raises(ValueError, match=r"there is no box 3 to open"):
        draw(root, open=[3])
    with pytest.raises(ValueError, match="this graph has none"):
        draw(Value(1.0), open=[name])


# ---- labels are data -----------------------------------------------------------------------------


@pytest.mark.slow
@engines
@pytest.mark.parametrize("label", HOSTILE)
def test_a_label_is_inert_text_in_svg_and_html(label, engine):
    drawing = draw(Value(1.0, label) * Value(2.0, "other"), engine=engine)
    for text in (drawing.svg, formats.html(label, drawing.svg).partition("<div")[2]):
        tree = ElementTree.fromstring(text[text.index("<svg") : text.index("</svg>") + 6])
        assert {element.tag.rpartition("}")[2] for element in tree.iter()} == TAGS
        assert words(label) in [element.text for element in tree.iter()]


@pytest.mark.slow
@given(st.text())
def test_any_label_comes_back_from_svg_as_the_text_it_was(label):
    svg = draw(Value(1.0, label), engine="builtin").svg
    tree = ElementTree.fromstring(svg)
    assert texts(svg) == ([words(label)] if label else []) + ["data 1", "grad —"]
    assert {element.tag.rpartition("}")[2] for element in tree.iter()} <= TAGS


@given(st.text(min_size=1))
def test_any_label_is_one_quoted_string_in_dot(label):
    x = Value(1.0, label)
    source = draw(x * x).source
    strings = r'"((?:[^"\\]|\\.)*)"'
    bare = re.sub(strings, '""', source)
    assert re.fullmatch(r'[\w\s{}\[\]=;,."<>-]*', bare, re.ASCII)
    assert "<" not in bare
    record = re.search(rf"n0 \[label={strings}", source)[1]
    first = re.match(r"\{((?:[^\\|{}<>]|\\.)*)\|", record)[1]
    assert re.sub(r"\\(.)", r"\1", first).replace("&amp;", "&") == words(label)


@given(st.text(min_size=1))
def test_any_label_is_only_letters_and_numbered_characters_in_mermaid(label):
    line = draw(Value(1.0, label)).mermaid.splitlines()[1]
    text = re.fullmatch(r'  n0\["(.*)<br/>data 1<br/>grad —"\]:::leaf', line)[1]
    assert re.fullmatch(r"(?:[^\W_]| |#\d+;)*", text)
    assert re.sub(r"#(\d+);", lambda m: chr(int(m[1])), text) == words(label)


@pytest.mark.slow
@needs_dot
@pytest.mark.parametrize("label", HOSTILE)
def test_graphviz_reads_back_the_label_it_was_given(label):
    drawing = draw(Value(1.0, label) * Value(2.0, "other"))
    dot = ["dot", "-Tsvg"]
    svg = subprocess.run(dot, input=drawing.source.encode(), capture_output=True, check=True).stdout
    tree = ElementTree.fromstring(svg)
    assert {e.tag.rpartition("}")[2] for e in tree.iter()} <= {
        "svg", "g", "title", "polygon", "polyline", "path", "text",
    }  # fmt: skip
    shown = [e.text for e in tree.iter() if e.tag.endswith("}text")]
    assert words(label).split() in [text.replace("\xa0", " ").split() for text in shown]


# ---- several roots -------------------------------------------------------------------------------


def test_roots_are_drawn_in_one_picture_and_what_they_share_once(tmp_path):
    a, b = Value(2.0, label="a"), Value(3.0, label="b")
    shared = a * b
    first, second = shared.tanh(), shared + b
    for roots in ([first, second], (second, first), [first, second, first, shared, b]):
        drawing = draw(roots, quiet=True)
        ops = sorted(box.op or box.label for box in drawing.rows.boxes)
        assert ops == ["a", "add", "b", "mul", "tanh"]
        assert len(drawing.rows.edges) == 5
        assert drawing.source == draw([first, second], quiet=True).source
    drawing.save(tmp_path / "both.svg")
    assert (tmp_path / "both.svg").read_text() == drawing.svg
    assert draw([first], quiet=True).source == draw(first, quiet=True).source


def test_values_and_tensors_are_drawn_in_one_picture():
    t, v = Tensor([1.0, 2.0], label="t"), Value(3.0, label="v")
    drawing = draw([(t * t).sum(), v.exp(), t + 1.0], quiet=True, hide_constants=True)
    assert [box.label for box in drawing.rows.boxes if box.kind == "leaf"] == ["t", "v"]
    assert sorted(box.op for box in drawing.rows.boxes if box.op) == ["add", "exp", "mul", "sum"]


def test_each_root_of_a_folded_picture_shows_its_number():
    a = Value(0.5)
    roots = [sum((a * k for k in range(60)), a).tanh() for _ in range(3)]
    drawing = draw(roots, max_nodes=12, quiet=True)
    assert [box.data for box in drawing.rows.boxes].count(1.0) == 3
    assert len(drawing.rows.boxes) <= 12


def test_an_empty_list_has_no_picture_and_samples_are_those_of_one_root():
    for none in ([], ()):
        with pytest.raises(ValueError, match="at least one Value or Tensor"):
            draw(none)
    with pytest.raises(TypeError, match="samples= is for the graph of one root"):
        draw([Value(1.0)], samples=3)


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("root", "advice"),
    [
        ([1, 2], "element 0 is of another type, not int: draw the result"),
        ((Value(1.0), [Value(2.0)]), "element 1 .*not list: .*one of its elements"),
        ({"a": Value(1.0)}, "not dict: .*one of its elements, a list of them"),
        (3.0, "result of a computation"),
        (None, "NoneType"),
    ],
)
def test_a_root_that_is_no_node_is_refused_with_advice(root, advice):
    with pytest.raises(TypeError, match=advice):
        draw(root)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rankdir": "lr"}, 'None, "LR", "TB", "RL" or "BT", not \'lr\''),
        ({"max_nodes": 0}, "1 or more, not 0"),
        ({"max_nodes": 1.5}, "whole number"),
        ({"collapse": "neuron"}, '"auto", True, "scope", False or None'),
        ({"engine": "neato"}, '"dot", "pygraphviz" or "builtin"'),
        ({"size": "large"}, "None or \"lecture\", not 'large'"),
        ({"samples": 0}, 'a whole number, 1 or more, or "all", not 0'),
        ({"samples": "some"}, "not 'some'"),
    ],
)
def test_a_setting_that_does_not_exist_is_refused_with_those_that_do(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        draw(Value(1.0), **settings)


# ---- engines -------------------------------------------------------------------------------------


def test_without_graphviz_a_picture_still_appears_and_a_notice_is_given_once(no_graphviz):
    with pytest.warns(UserWarning, match="apt install graphviz.*brew.*winget"):
        first = draw(neuron()).svg
    assert "tanh" in texts(first)
    assert "tanh" in texts(draw(neuron()).svg)  # a second warning would be an error


def test_a_quiet_picture_gives_no_notice_and_a_program_can_ask_for_it(no_graphviz):
    assert "tanh" in texts(draw(neuron(), quiet=True).svg)
    assert "apt install graphviz" in notice_missing_dot()


@needs_dot
def test_where_graphviz_is_there_is_no_notice():
    assert notice_missing_dot() == ""
    assert "tanh" in texts(draw(neuron()).svg)


def test_an_engine_asked_for_by_name_is_not_replaced(no_graphviz):
    with pytest.raises(RuntimeError, match="apt install graphviz"):
        _ = draw(neuron(), engine="dot").svg
    with pytest.raises(RuntimeError, match="pip install pygraphviz"):
        _ = draw(neuron(), engine="pygraphviz").svg


@pytest.mark.skipif(os.name == "nt", reason="a shell script")
@pytest.mark.parametrize(
    ("script", "message"),
    [("while :; do :; done", "stopped after 0.2 s"), ("exit 3", "dot failed")],
)
def test_a_dot_that_hangs_or_fails_is_stopped_and_replaced(fake_dot, monkeypatch, script, message):
    fake_dot(script)
    monkeypatch.setattr(render, "SECONDS", 0.2)
    with pytest.warns(UserWarning, match=message):
        assert "tanh" in texts(draw(neuron()).svg)


@pytest.mark.skipif(not importlib.util.find_spec("pygraphviz"), reason="needs pygraphviz")
def test_pygraphviz_places_the_boxes_where_there_is_no_dot(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    drawing = draw(neuron())
    assert "tanh" in texts(drawing.svg)
    assert drawing.engine == "pygraphviz"


def test_drawing_loads_neither_numpy_nor_graphviz_before_it_needs_them():
    code = (
        "import sys; from autograd import Value, draw;"
        "draw(Value(1.0) * 2.0, engine='builtin').svg;"
        "print({'numpy', 'graphviz', 'pygraphviz', 'dataclasses'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


# ---- showing and saving --------------------------------------------------------------------------


def test_a_notebook_is_given_images_that_need_no_trust():
    drawing = draw(drawing_root(), engine="builtin")
    bundle = drawing._repr_mimebundle_(include=None, exclude=None)
    found = re.findall('<img [^>]*src="data:image/svg\\+xml;base64,([^"]*)"', bundle["text/html"])
    wide, tall = (base64.b64decode(image).decode() for image in found)
    assert wide == bundle["image/svg+xml"] == drawing.svg
    assert tall == draw(drawing_root(), rankdir="TB", engine="builtin").svg
    assert "script" not in bundle["text/html"]
    assert bundle["text/plain"] == repr(drawing) == "<Drawing of 3 boxes>"


def drawing_root():
    return Value(1.0, '"><script>alert(1)</script>') * 2.0


def test_a_narrow_column_has_a_picture_that_is_narrower_or_the_same():
    for root, pictures in ((neuron(), 2), (autograd.sum([Value(1.0) for _ in range(30)]), 1)):
        html = draw(root, quiet=True)._repr_mimebundle_()["text/html"]
        widths = [int(w) for w in re.findall(r"max-width:(\d+)px;min-width", html)]
        assert len(widths) == pictures
        assert widths == sorted(widths, reverse=True)
        assert html.count("@container") == pictures - 1


def test_every_colour_of_a_picture_has_one_for_the_dark():
    root = mlp([4, 1], scoped=True) * 2.0 - 1.0
    svg = draw(root, collapse=True, engine="builtin").svg
    light, dark = svg.partition("<style>")[2].partition("</style>")[0].split("@media")
    colours = re.compile(r"#\w+")
    assert {formats.DARK[c] for c in colours.findall(light)} == set(colours.findall(dark))
    assert not colours.findall(svg.partition("</style>")[2])
    assert len(set(formats.DARK.values())) > len(formats.DARK) / 2


def test_printed_a_drawing_is_a_list():
    x = Value(3.0, "x")
    y = x * x
    y.label = "y"
    assert str(draw(y)) == "  n0  x  data 3  grad —\n  n1  *(n0, n0)  y  data 9  grad —"


@pytest.mark.parametrize(
    ("ending", "start"),
    [("svg", "<svg "), ("html", "<!DOCTYPE html>"), ("dot", "digraph {"), ("mmd", "flowchart TB")],
)
def test_each_text_format_is_saved_whole(tmp_path, ending, start):
    path = tmp_path / f"g.{ending}"
    path.write_text("before")
    drawing = draw(neuron(), engine="builtin", rankdir="TB")
    drawing.save(path)
    text = path.read_text(encoding="utf-8")
    assert text.startswith(start)
    assert drawing.svg in text or ending in ("dot", "mmd")
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("size", [None, "lecture"])
def test_png_and_pdf_are_the_svg_and_need_no_graphviz(tmp_path, no_graphviz, size):
    pytest.importorskip("vl_convert")
    drawing = draw(neuron(), quiet=True, size=size)
    for ending in ("png", "PDF"):
        drawing.save(tmp_path / f"g.{ending}")
    width, height = map(int, re.findall(r' (?:width|height)="(\d+)"', drawing.svg)[:2])
    png = (tmp_path / "g.png").read_bytes()
    assert png.startswith(b"\x89PNG")
    assert struct.unpack(">II", png[16:24]) == (2 * width, 2 * height)
    pdf = (tmp_path / "g.PDF").read_bytes()
    assert pdf.startswith(b"%PDF")
    page = re.search(rb"/MediaBox ?\[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert float(page[1]) / float(page[2]) == pytest.approx(width / height, rel=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("label", HOSTILE)
def test_any_label_is_in_a_png_and_a_pdf(label):
    pytest.importorskip("vl_convert")
    drawing = draw(Value(1.0, label) * 2.0, engine="builtin")
    assert drawing._bytes("png").startswith(b"\x89PNG")
    assert drawing._bytes("pdf").startswith(b"%PDF")


def test_a_very_large_png_has_fewer_pixels():
    pytest.importorskip("vl_convert")
    picture = formats.document(40_000, 20_000, [])
    png = formats.png(picture)
    width, height = struct.unpack(">II", png[16:24])
    assert width * height <= 1.01 * formats.MOST_PIXELS
    assert width / height == pytest.approx(2, rel=0.01)


def test_in_a_png_every_colour_of_the_picture_is_the_light_one():
    np, pyplot = pytest.importorskip("numpy"), pytest.importorskip("matplotlib.pyplot")
    pytest.importorskip("vl_convert")
    drawing = draw(neuron() * 2.0, engine="builtin")
    image = pyplot.imread(io.BytesIO(drawing._bytes("png")), format="png")
    seen = {tuple(c) for c in np.unique((image[..., :3] * 255).round().reshape(-1, 3), axis=0)}
    fills = [formats.PAPER, *(formats.COLOURS[kind][0] for kind in ("leaf", "op", "constant"))]
    assert {tuple(bytes.fromhex(fill[1:])) for fill in fills} <= seen


@pytest.mark.parametrize("ending", ["png", "pdf"])
def test_a_png_or_pdf_without_its_package_says_what_to_install(tmp_path, monkeypatch, ending):
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(ImportError, match=f"a {ending.upper()} needs.*pip install vl-convert-pyth"):
        draw(neuron(), engine="builtin").save(tmp_path / f"g.{ending}")
    assert os.listdir(tmp_path) == []


def test_a_lecture_has_the_same_picture_in_large_type():
    small, large = (draw(neuron(), engine="builtin", size=size).svg for size in (None, "lecture"))
    inside = re.compile(r' width="(\d+)" height="(\d+)"')
    assert inside.sub("", small, count=1) == inside.sub("", large, count=1)
    for a, b in zip(inside.search(small).groups(), inside.search(large).groups(), strict=True):
        assert int(b) == pytest.approx(1.8 * int(a), abs=1)


def test_an_ending_that_is_no_picture_is_refused_with_those_that_are(tmp_path):
    with pytest.raises(ValueError, match=r"\.svg, \.png, \.pdf, \.dot, \.html or \.mmd"):
        draw(neuron()).save(tmp_path / "g.jpeg")


def test_a_directory_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no directory .*nowhere.*create it"):
        draw(neuron()).save(tmp_path / "nowhere" / "g.svg")
    assert os.listdir(tmp_path) == []


def test_what_cannot_be_written_is_left_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "g.dot"
    path.write_text("before")
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)  # root may write anything
        with pytest.raises(PermissionError, match=r"cannot write .*read-only"):
            draw(neuron()).save(path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space left on device"):
        draw(neuron()).save(path)
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["g.dot"]


def test_a_directory_is_not_replaced_by_a_picture(tmp_path):
    (tmp_path / "g.svg").mkdir()
    with pytest.raises(OSError, match="cannot write"):
        draw(neuron(), engine="builtin").save(tmp_path / "g.svg")
    assert os.listdir(tmp_path) == ["g.svg"]
