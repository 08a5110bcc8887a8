"""The player's page: its data are the walk's numbers, its size is bounded, its text inert."""

import json
import math
import random
import re
from html import unescape

import pytest
from counting import calls

import nn
from autograd import Value, nodes, register, trace
from autograd.core.rules import RULES
from autograd.seeing.player import MOST_NODES, View, views
from autograd.support.scopes import scope

HOSTILE = "</script><img src=x onerror=alert(1)>"


def record(t):
    """The page's data, boxes and steps by the letters of its script."""
    found = json.loads(
        re.search(r'<script type="application/json" id="data">(.*?)</script>', t.html)[1]
    )
    for view in found["views"]:
        view["boxes"] = [dict(zip("nktdewlmosq", box, strict=True)) for box in view["boxes"]]
        view["steps"] = [dict(zip("bpgnrfs", step, strict=False)) for step in view["steps"]]
    return found


def fixed(root):
    """The same graph with an operation that pages cannot compute."""
    if "player_fixed" not in RULES:
        register("player_fixed", math.sinh, lambda g, out, x: g * math.cosh(x))
    return RULES["player_fixed"].compute(root)


def network(*sizes, label=True):
    """A tanh network on two inputs, each neuron and each layer a module call."""
    rng = random.Random(0)

    def weight(name):
        return Value(rng.uniform(-1, 1), label=name if label else "")

    def neuron(xs, j):
        total = weight(f"b{j}")
        for i, x in enumerate(xs):
            total = total + weight(f"w{j}{i}") * x
        return total.tanh()

    def layer(xs, size):
        return [scope(f"neuron {j}", neuron, xs, j) for j in range(size)]

    xs = [Value(0.5, label="x0"), Value(-0.3, label="x1")]
    for k, size in enumerate(sizes):
        xs = scope(f"layer {k}", layer, xs, size)
    loss = sum(xs[1:], xs[0]) ** 2
    loss.label = "loss"
    return loss


def test_the_steps_are_the_forward_frames_and_then_the_backward_frames():
    t = trace(network(3, 1))
    (view,) = record(t)["views"]
    forward = [s for s in view["steps"] if not s["p"]]
    backward = [s for s in view["steps"] if s["p"]]
    boxes = view["boxes"]
    assert view["steps"] == forward + backward
    assert [boxes[s["b"]]["n"] for s in forward] == [t.names[f.node] for f in t.forward]
    assert [boxes[s["b"]]["n"] for s in backward] == [t.names[f.node] for f in t]


def test_a_page_that_lives_refers_to_the_nodes_of_the_walk():
    t = trace(network(3, 1))
    found = record(t)
    (view,) = found["views"]
    slot = {node: k for k, node in enumerate(nodes(t.root)[::-1])}
    backward = [s for s in view["steps"] if s["p"]]
    for step, frame in zip(backward, t, strict=True):
        assert step["s"] == [slot[frame.node]]
        assert [r[4:8] for r in step["r"]] == [[None] * 4] * len(frame.shares)
        assert [r[8:] for r in step["r"]] == [[slot[s.input], s.position] for s in frame.shares]
    assert [found["live"]["data"][slot[x]] for x in slot if not x.inputs] == [
        x.data for x in slot if not x.inputs
    ]


def test_the_numbers_on_a_fixed_page_are_the_walks_numbers():
    t = trace(fixed(network(3, 1)))
    (view,) = record(t)["views"]
    backward = [s for s in view["steps"] if s["p"]]
    for step, frame in zip(backward, t, strict=True):
        assert step["g"] == frame.g
        assert [r[4:] for r in step["r"]] == [
            [local, s.amount, s.before, s.after]
            for s, local in zip(frame.shares, frame.locals, strict=True)
        ]


def test_every_row_points_at_the_edge_it_follows():
    t = trace(network(3, 1))
    view = views(t)[0]
    for step in view.steps:
        for edge, box, *_ in step.shares:
            found = view.rows.edges[edge]
            assert found.tail == view.rows.boxes[box].id
            assert found.head == view.rows.boxes[step.box].id


def test_an_operand_used_twice_follows_its_two_edges():
    x = Value(3.0, label="x")
    (view,) = record(trace(x * x))["views"]
    assert [r[0] for r in view["steps"][1]["r"]] == [0, 1]


@pytest.mark.slow
def test_the_page_of_500_nodes_is_small_and_plays_them_all():
    loss = network(10, 11, 1)
    assert 450 < len(nodes(loss)) <= MOST_NODES
    t = trace(loss)
    (view,) = record(t)["views"]
    assert len([s for s in view["steps"] if s["p"]]) == len(t)
    assert len(t.html.encode()) < 600_000
    assert len(t._repr_mimebundle_()["text/html"].encode()) < 900_000


@pytest.mark.slow
def test_so_is_the_page_of_500_nodes_with_as_many_long_edges_as_there_can_be():
    x, y = Value(1.0, label="x"), Value(2.0, label="y")
    total = x * y
    for _ in range(248):
        total = total + x * y
    pages = []
    assert calls(lambda: pages.append(trace(total).html)) < 10_000_000
    [page] = pages
    assert len(nodes(total)) == MOST_NODES - 1
    assert len(page.encode()) < 1_200_000


@pytest.mark.slow
def test_a_larger_graph_plays_by_module_and_opens():
    t = trace(network(16, 16, 1))
    assert len(nodes(t.root)) > MOST_NODES
    found = record(t)["views"]
    groups = [box for box in found[0]["boxes"] if box["k"] == "group"]
    assert {"neuron 3", "neuron 15"} <= {box["n"] for box in groups}
    inside = found[groups[0]["o"]]
    assert inside["title"] == groups[0]["n"]
    assert {"tanh", "mul"} & {node.op for node in views(t)[groups[0]["o"]].members}
    assert len(t.html.encode()) < 900_000


def test_calls_and_inputs_have_the_names_of_the_picture():
    model = nn.MLP(2, [8, 8, 1], seed=0)
    results = [model([0.1 * k, 0.2]) for k in range(60)]
    loss = nn.losses.mse(results, [1.0] * 60)
    assert len(nodes(loss)) > MOST_NODES
    calls = [
        box["n"]
        for box in record(trace(loss, samples="all"))["views"][0]["boxes"]
        if "MLP" in box["n"]
    ]
    names = trace(loss).names
    assert set(calls) == {f"MLP {names[y]}" for y in results}
    assert len(calls) == 60
    constants = [b for b in views(trace(results[0]))[0].rows.boxes if b.kind == "constant"]
    assert [b.label for b in constants] == ["x₁", "x₂"]


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [(16, 16, 1), (40, 30, 1)])
def test_by_module_too_every_gradient_ends_as_the_walk_left_it(sizes):
    t = trace(network(*sizes))
    for view in views(t):
        last = {}
        for step in view.steps:
            if step.backward and step.g is not None:
                last[step.box] = step.g
        assert last
        for k, g in last.items():
            assert g == t.find(view.node[k]).g


@pytest.mark.parametrize("sizes", [(3, 1), (16, 16, 1)])
def test_a_box_is_played_before_its_inputs(sizes):
    for view in views(trace(network(*sizes))):
        steps = [s.box for s in view.steps if s.backward]
        place = {b: i for i, b in enumerate(steps)}
        for edge in view.rows.edges:
            tail, head = view.place[edge.tail], view.place[edge.head]
            if tail in place and head in place:
                assert place[head] < place[tail]


@pytest.mark.slow
def test_a_graph_of_any_size_has_a_bounded_page_in_bounded_time():
    x = Value(1.0, label="x")
    for _ in range(100_000):
        x = x * 1.0001
    pages = []
    assert calls(lambda: pages.append(trace(x).html)) < 30_000_000
    assert len(pages[0].encode()) < 900_000


@pytest.mark.slow
def test_a_page_holds_the_numbers_of_the_walk_to_the_bit():
    t = trace(fixed(network(16, 16, 1) * -0.0 + network(3, 1)))
    for view, told in zip(views(t), record(t)["views"], strict=True):
        assert [s.box for s in view.steps] == [s["b"] for s in told["steps"]]
        for step, found in zip(view.steps, told["steps"], strict=True):
            assert [repr([*share[:8]]) for share in step.shares] == [repr(r) for r in found["r"]]


def test_nothing_jumps_the_boxes_have_room_for_the_widest_number_of_any_step():
    x = Value(1e-9, label="x")
    t = trace((x * 3e9) * 1.23456e9)
    (piece,) = [p for p in views(t)[0]._pieces[0] if ">x</text>" in p]
    assert "grad 3.704e+18" in piece


def test_no_gradient_is_on_the_page_before_it_is_told():
    t = trace(network(2, 1))
    assert set(re.findall(">(grad [^<]*)</text>", t.html)) == {"grad —"}


def test_the_picture_behind_the_player_has_the_last_gradients():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    html = trace(a * b)._repr_mimebundle_()["text/html"]
    assert html.index("<img") < html.index("<iframe")
    assert 'sandbox="allow-scripts"' in html
    assert "grad -3" in views(trace(a * b))[0].svgs({a: -3.0})[0]


def test_the_frame_holds_the_page_unchanged():
    x = Value(2.0, label="\"&'<x>")
    t = trace(x * x)
    html = t._repr_mimebundle_()["text/html"]
    assert unescape(re.search(r"srcdoc='([^']*)'", html)[1]) == t.html


def test_the_page_asks_nothing_of_any_network():
    page = trace(network(3, 1)).html
    assert "default-src 'none'" in page
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?!data:)\w""", page)
    assert set(re.findall(r"https?://[^\s'\"<]+", page)) == {"http://www.w3.org/2000/svg"}


def test_a_hostile_label_and_line_are_inert():
    x = Value(2.0, label=HOSTILE)
    page = trace(scope(HOSTILE, lambda: x * x)).html
    assert "<img" not in page
    assert page.count("<script") == page.count("</script>") == 2


def test_numbers_that_are_not_finite_and_a_single_leaf_have_a_page():
    x = Value(0.0, label="x")
    steps = record(trace(fixed(x.log() * x)))["views"][0]["steps"]
    assert "inf" in json.dumps(steps)
    assert "NaN" not in json.dumps(steps)
    (view,) = record(trace(x))["views"]
    assert len(view["steps"]) == 1


def test_a_view_shows_what_feeds_it_but_plays_only_what_is_in_it():
    x = Value(2.0, label="x")
    y = x * 3.0
    z = y.tanh()
    view = View(trace(z * 2.0), [z], "the tanh")
    assert [box.label for box in view.rows.boxes if box.kind != "constant"] == ["v1", "v2"]
    assert {step.box for step in view.steps} == {view.place[view.rows.boxes[-1].id]}


def test_the_page_is_written_whole_or_not_at_all(tmp_path):
    t = trace(network(2, 1))
    t.save(tmp_path / "backprop.html")
    assert (tmp_path / "backprop.html").read_text() == t.html
    with pytest.raises(ValueError, match=r"its name ends in \.html"):
        t.save(tmp_path / "backprop.svg")
    with pytest.raises(FileNotFoundError, match="create it first"):
        t.save(tmp_path / "no" / "backprop.html")
    assert [path.name for path in tmp_path.iterdir()] == ["backprop.html"]
