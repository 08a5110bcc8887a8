"""Traces: frames are the walk's own, in words and mathematics, and nothing is walked early."""

import linecache
import math
from html.parser import HTMLParser

import pytest
from counting import calls
from hypothesis import given
from hypothesis import strategies as st

import autograd
from autograd import Value, diagnose, lint, nodes, record_lines, register, trace, where
from autograd.core.graph import sweep
from autograd.seeing.formats import columns
from autograd.seeing.wording import WIDTH, Names, latex_name, number

HOSTILE = "</script><img src=x onerror=alert(1)>"


def small():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    loss = (a * b + a.tanh()) ** 2
    loss.label = "loss"
    return a, b, loss


def random_graph(seed, size=40):
    import random

    rng = random.Random(seed)
    made = [Value(rng.uniform(-2, 2), label=f"x{i}") for i in range(4)]
    for _ in range(size):
        x, y = rng.choice(made), rng.choice(made)
        made.append(rng.choice([x + y, x * y, x - y, x.tanh(), y.sin(), x / (y * y + 1.0)]))
    root = made[-1]
    for x in made[-6:-1]:
        root = root + x
    return root


# ---- the frames are the walk ---------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_the_frames_are_what_the_one_walk_yields(seed):
    root = random_graph(seed)
    walked = list(sweep(root))
    frames = list(trace(root))
    assert [f.node for f in frames] == [node for node, _, _ in walked]
    assert [f.g for f in frames] == [g for _, g, _ in walked]
    for frame, (_, _, shares) in zip(frames, walked, strict=True):
        assert [s.amount for s in frame.shares] == [s for s in shares if s is not None]


@pytest.mark.parametrize("seed", range(20))
def test_the_sum_after_the_last_share_is_the_gradient_that_backward_leaves(seed):
    root = random_graph(seed)
    after = {s.input: s.after for frame in trace(root) for s in frame.shares}
    root.backward()
    assert all(node.grad == g for node, g in after.items())


@pytest.mark.parametrize("seed", range(10))
def test_before_and_after_make_one_running_sum(seed):
    held = {}
    for frame in trace(random_graph(seed)):
        for share in frame.shares:
            assert share.before == held.get(share.input, 0.0)
            held[share.input] = share.after
            assert share.after == share.before + share.amount


def test_a_trace_writes_nothing():
    a, b, loss = small()
    len(trace(loss))
    assert "grad" not in repr(a) + repr(b) + repr(loss)


def test_the_seed_is_what_the_walk_begins_with():
    a, _, loss = small()
    assert trace(loss, seed=2.0)[0].g == 2.0
    assert trace(loss, seed=2.0).find(a).g == 2 * trace(loss).find(a).g


def test_an_operand_used_twice_is_handed_two_shares():
    x = Value(3.0, label="x")
    first = trace(x * x)[0]
    assert [(s.position, s.amount, s.before, s.after) for s in first.shares] == [
        (0, 3.0, 0.0, 3.0), (1, 3.0, 3.0, 6.0),
    ]  # fmt: skip


def test_where_there_is_no_path_there_is_no_share():
    c, x, y = Value(1.0, "c"), Value(2.0, "x"), Value(3.0, "y")
    out = where(c, x, y)
    t = trace(out)
    assert c not in {s.input for frame in t for s in frame.shares}
    assert t.find(c) is None


def test_a_stale_graph_says_so_each_time_and_is_no_shorter():
    x = Value(1.0, label="x")
    y = x * 2.0
    x.data = 5.0
    t = trace(y)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="stale"):
            list(t)


# ---- stepping ------------------------------------------------------------------------------------


def test_stepping_goes_through_all_frames_and_back():
    t = trace(small()[2])
    assert t.frame is None
    there = [t.step() for _ in range(len(t))]
    assert there == list(t)
    back = [t.back() for _ in range(len(t) - 1)]
    assert back == there[-2::-1]
    assert t.reset().frame is None


def test_after_the_last_frame_the_error_says_what_to_do():
    t = trace(small()[2])
    t.goto(-1)
    with pytest.raises(IndexError, match=r"\.reset\(\) to begin again"):
        t.step()
    t.goto(1)
    with pytest.raises(IndexError, match=r"\.step\(\) to go on"):
        t.back()
    for i in (99, -7, 7):
        with pytest.raises(IndexError, match=f"there is no frame {i}: 6 frames, from 1$"):
            t.goto(i)
    with pytest.raises(IndexError, match=r"6 frames, from 1; \.reset\(\) goes to before the first"):
        t.goto(0)
    assert t.frame is t[0]


def test_a_frame_has_one_number_in_what_it_prints_and_where_one_goes():
    t = trace(small()[2])
    for k in range(1, len(t) + 1):
        frame = t.goto(k)
        assert frame is t[k - 1] is t.frame
        assert frame.number == t.position == k
        assert str(frame).startswith(f"frame {k} of 6")
    assert t.goto(-1) is t.goto(6)
    assert [str(f).partition(":")[0] for f in t.forward] == [
        f"forward {n} of 4" for n in (1, 2, 3, 4)
    ]
    assert t.reset().position == 0


def test_until_goes_on_to_the_frame_of_a_node_and_not_back():
    a, b, loss = small()
    t = trace(loss)
    assert t.until(b).node is b
    assert t.step().node is a
    with pytest.raises(LookupError, match="the frame of b has been passed"):
        t.until(b)
    assert t.frame.node is a
    with pytest.raises(LookupError, match="does not depend on it"):
        t.until(Value(2.0, label="a stranger"))
    with pytest.raises(TypeError, match=r"takes a node of the graph, not 'b'"):
        t.until("b")


def test_a_trace_is_a_sequence():
    t = trace(small()[2])
    assert len(t) == 6
    assert t[-1] is t[5]
    assert t[1:3] == [t[1], t[2]]
    assert [f.index for f in t] == list(range(6))


def test_the_forward_frames_are_the_operations_in_their_order():
    loss = small()[2]
    assert [str(f) for f in trace(loss).forward] == [
        "forward 1 of 4: v1 = a * b = 2.0 * (-3.0) = -6.0",
        "forward 2 of 4: v2 = tanh(a) = tanh(2.0) = 0.964028",
        "forward 3 of 4: v3 = v1 + v2 = (-6.0) + 0.964028 = -5.03597",
        "forward 4 of 4: loss = v3^2.0 = (-5.03597)^2.0 = 25.361",
    ]


def test_the_gradients_so_far_are_a_dash_where_no_share_has_come():
    loss = small()[2]
    t = trace(loss)
    t.goto(2)
    assert t.gradients()["a"] is None
    assert t.gradients()["v2"] == t[2].g
    assert "a — | b — |" in str(t)


# ---- in words ------------------------------------------------------------------------------------


def test_a_frame_says_what_arrives_the_slopes_the_product_and_the_sum():
    c = Value(1.0, label="c")
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    m = a * b
    m.label = "m"
    loss = m * 3.0 + c
    loss.label = "loss"
    assert str(trace(loss).until(m)) == (
        "frame 3 of 6, backward through m = a * b = -6.0\n"
        "  arriving: d loss/d m = 3.0\n"
        "  to a: 3.0 × -3.0 = -9.0  a.grad 0.0 → -9.0  local: d(a * b)/da = b\n"
        "  to b: 3.0 ×  2.0 = 6.0   b.grad 0.0 → 6.0   local: d(a * b)/db = a"
    )


def test_the_slope_of_an_exponential_names_the_result():
    x = Value(1.0, label="x")
    e = x.exp()
    e.label = "e"
    assert trace(e)[0].formulas == ("e",)
    assert "local: d(exp(x))/dx = e" in str(trace(e)[0])


def test_a_variable_called_out_is_not_taken_for_the_result():
    out = Value(1.0, label="out")
    e = out.exp()
    e.label = "e"
    assert "e = exp(out)" in str(trace(e)[0])
    assert trace(e)[0].formulas == ("e",)


def test_a_constant_stands_in_a_formula_as_its_number():
    x = Value(3.0, label="x")
    assert trace(x**2)[0].formulas == ("2 x",)


def test_a_label_that_is_an_expression_is_kept_together():
    x = Value(2.0, label="x*y")
    assert "d(3.0 * (x*y))/d(x*y) = 3" in str(trace(3.0 * x)[0])


def test_the_users_line_is_shown_where_it_is_known():
    with record_lines():
        y = Value(2.0).exp()
    assert "y = Value(2.0).exp()" in str(trace(y)[0])


def recorded_at(path):
    """y = tanh(40), recorded by one line of a file of that name, and the line."""
    line = "y = (Value(40.0, label='x') * 2.0 - 40.0).tanh()"
    linecache.cache[path] = (len(line), None, [line + "\n"], path)
    scope = {"Value": Value}
    with record_lines():
        exec(compile(line, path, "exec"), scope)
    return scope["y"], line


@pytest.mark.slow
@pytest.mark.parametrize("length", range(0, 100, 3))
def test_a_users_line_of_code_is_never_broken_however_long_its_path(length):
    y, line = recorded_at("/home/a user/" + "d" * length + ".py")
    shown = [str(lint(y)), str(trace(y)[0]), str(trace(y)), str(diagnose(y, {y.inputs[0]: 1.0}))]
    for text in shown:
        assert [row for row in text.split("\n") if ".py:1:" in row and line not in row] == []
    assert line in shown[0]
    assert line in shown[1]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_every_frame_is_readable_at_80_columns(seed):
    root = random_graph(seed)
    for node in nodes(root)[::3]:
        node.label = "a rather long label, which says much"
    for frame in (*trace(root).forward, *trace(root)):
        assert all(columns(line) <= WIDTH for line in str(frame).splitlines())


def test_a_sum_of_many_shows_a_few_and_says_how_many_more():
    text = str(trace(autograd.sum([Value(1.0) for _ in range(1000)]))[0])
    assert len(text.splitlines()) < 40
    assert "and 988 shares more" in text


def test_an_own_operation_whose_columns_take_no_symbols_shows_its_numbers():
    def slope(g, out, x):
        return 3 * g * x * x if x > 0 else 0.0

    cube = register("cube_where_positive", lambda x: max(x, 0.0) ** 3, slope)
    x = Value(2.0, label="x")
    frame = trace(cube(x))[0]
    assert frame.formulas == ("",)
    assert "1.0 × 12.0 = 12.0" in str(frame)


# ---- names ---------------------------------------------------------------------------------------


def test_nodes_without_a_label_are_named_from_the_oldest_on():
    x = Value(1.0)
    y = x * 2.0
    names = Names(y)
    assert (names[x], names[y]) == ("v1", "v2")


def test_an_invented_name_is_never_one_that_is_taken():
    x = Value(1.0, label="v1")
    y = x * 2.0
    assert Names(y)[y] == "v2"


def test_two_nodes_of_one_label_are_told_apart():
    x, y, z = Value(1.0, "w"), Value(2.0, "w"), Value(3.0, "w#2")
    names = Names(x * y * z)
    assert len({names[x], names[y], names[z]}) == 3
    assert names[x] == "w"


@pytest.mark.slow
@given(st.lists(st.text(max_size=6), min_size=1, max_size=8))
def test_no_two_nodes_have_one_name(labels):
    leaves = [Value(1.0, label) for label in labels]
    root = autograd.sum(leaves)
    names = Names(root)
    assert len({names[node] for node in nodes(root)}) == len(nodes(root))


@pytest.mark.parametrize(
    ("x", "text"),
    [(3.0, "3.0"), (-0.0, "-0.0"), (1e20, "1e+20"), (0.1, "0.1"), (1 / 3, "0.333333"),
     (math.inf, "inf"), (-math.inf, "-inf"), (math.nan, "nan"), (None, "—"), (2.0000001, "2")],
)  # fmt: skip
def test_a_number_is_short_and_says_when_it_is_whole(x, text):
    assert number(x) == text


# ---- mathematics and pictures --------------------------------------------------------------------


def test_a_frame_in_latex_has_fractions_slopes_and_numbers():
    loss = small()[2]
    t = trace(loss)
    text = t.until(nodes(loss)[3]).latex()
    assert r"\frac{\partial \mathit{loss}}{\partial v_{1}} &= -10.0719" in text
    assert r"\underbrace{\frac{\partial v_{1}}{\partial a}}_{b}" in text
    assert r"\left(-10.0719\right) \cdot \left(-3\right) = 30.2158" in text


@given(st.text(max_size=20))
def test_a_name_in_latex_closes_what_it_opens(name):
    text = latex_name(name).replace(r"\{", "").replace(r"\}", "")
    assert text.count("{") == text.count("}")
    assert "$" not in text.replace(r"\$", "")


def test_a_frame_in_a_notebook_has_a_picture_mathematics_and_text():
    bundle = trace(small()[2])[2]._repr_mimebundle_()
    assert '<img class="valuegrad wide' in bundle["text/html"]
    assert bundle["text/latex"].startswith("$$ \\begin{aligned}")
    assert bundle["text/plain"].startswith("frame 3 of 6")


def test_the_picture_of_a_frame_has_the_gradients_of_that_moment():
    t = trace(small()[2])
    assert t[1].svg().count("grad —") == 2  # a and b
    assert "grad -0.7116" in t[2].svg()  # a, halfway
    assert "grad 29.5" in t[3].svg()
    assert t.forward[0].svg().count("grad —") == 6


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)


def test_a_hostile_label_is_text_everywhere():
    x = Value(2.0, label=HOSTILE)
    y = x * x
    t = trace(y)
    for text in (t.html, t._repr_mimebundle_()["text/html"], t[0]._repr_mimebundle_()["text/html"]):
        tags = Tags()
        tags.feed(text)
        assert tags.seen.count("img") == (0 if text == t.html else 2)  # wide, and tall
    assert t.html.count("</script>") == 2


# ---- what is odd ---------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [3.0, None, "loss", [Value(1.0)]])
def test_a_root_that_is_no_node_is_refused_with_what_to_do(x):
    with pytest.raises(TypeError, match="trace takes a node, a Value or a Tensor, not"):
        trace(x)


def test_a_single_leaf_has_one_frame():
    x = Value(2.0, label="x")
    t = trace(x)
    assert len(t) == 1
    assert t.forward == []
    assert str(t[0]) == "frame 1 of 1, the leaf x: its gradient is finished, d x/d x = 1.0"


def test_numbers_that_are_not_finite_are_shown_as_they_are():
    x = Value(0.0, label="x")
    text = str(trace(x.log() * 0.0)[1])
    assert "inf" in text
    assert "nan" in str(trace((x - math.inf + math.inf) * x)[0])


@pytest.mark.parametrize("label", ["가중치", "🧠 neuron", "x" * 10_000, "\ud800", "a\nb", " "])
def test_any_label_has_frames_and_a_page(label):
    x = Value(2.0, label=label)
    t = trace(x * x + 1.0)
    assert all(columns(line) <= WIDTH for f in t for line in str(f).splitlines())
    assert len(t.html.encode()) < 100_000


@pytest.mark.slow
def test_opening_a_trace_walks_nothing():
    x = Value(1.0)
    for _ in range(100_000):
        x = x * 1.00001
    opened = []

    def act():
        opened.append(trace(x))
        assert repr(opened[0].root.data)
        opened[0].goto(1)

    assert calls(act) < 1_000
    [t] = opened
    assert len(t._frames) == 1
    assert len(t) == 100_001
