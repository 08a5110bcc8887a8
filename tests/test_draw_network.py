"""Models as pictures: what units, lines, numbers and boxes say, and that nothing overlaps."""

from __future__ import annotations

import math
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from autograd import Tensor, Value, draw
from autograd.commands.main import main
from autograd.seeing.formats import COLOURS, DARK, columns

HOSTILE = '</text><script>alert(1)</script>"]; {a|b}\u202e'
TAGS = {"svg", "style", "g", "rect", "path", "text"}
Rectangle = tuple[float, float, float, float]  # left, top, right, bottom


class Word(NamedTuple):
    said: str
    font: int
    place: Rectangle
    inside: bool  # of a unit


class Line(NamedTuple):
    look: str
    thick: float
    dashes: int
    start: tuple[float, float]
    end: tuple[float, float]


class Seen:
    """A picture, measured: what is written and drawn, and where."""

    def __init__(self, svg: str) -> None:
        root = ElementTree.fromstring(svg)
        self.tags = {tag.tag.rpartition("}")[2] for tag in root.iter()}
        self.width, self.height = float(root.get("width", 0)), float(root.get("height", 0))
        self.words, self.circles, self.dots, self.lines = [], [], [], []
        self._read(root, 0.0, "")

    def _read(self, tag: Any, shift: float, kind: str) -> None:
        for child in tag:
            name, inside = child.tag.rpartition("}")[2], child.get("class", kind)
            move = re.search(r"translate\((\S+)", child.get("transform", ""))
            if name == "g":
                self._read(child, shift + float(move[1] if move else 0), inside)
            elif name == "text":
                self.words.append(self._word(child, shift, inside.startswith("unit")))
            elif name == "rect" and child.get("x"):
                x, y, side = (float(child.get(key)) for key in ("x", "y", "width"))
                into = self.circles if inside.startswith("unit") else self.dots
                into.append((shift + x + side / 2, y + side / 2, side / 2))
            elif name == "path" and inside.startswith("weight"):
                self.lines.append(self._line(child, shift, inside.split()[1]))

    def _word(self, tag: Any, shift: float, inside: bool) -> Word:
        font, said = int(tag.get("font-size", 11)), tag.text or ""
        x, y = float(tag.get("x")) + shift, float(tag.get("y")) - 0.35 * font
        wide = columns(said) * font * 0.61
        left = {"start": x, "end": x - wide}.get(tag.get("text-anchor", "start"), x - wide / 2)
        place = (left, y - font / 2, left + wide, y + font / 2)
        return Word(said, font, place, inside)

    def _line(self, tag: Any, shift: float, look: str) -> Line:
        pairs = re.findall(r"([-\d.]+) ([-\d.]+)", tag.get("d"))
        ends = [(float(x) + shift, float(y)) for x, y in (pairs[0], pairs[-1])]
        return Line(look, float(tag.get("stroke-width")), len(pairs) // 2, *ends)

    def said(self) -> list[str]:
        return [word.said for word in self.words]


def overlap(a: Rectangle, b: Rectangle) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def touched(circles: list[Any], box: Rectangle) -> Any:
    """The circles that reach into a rectangle."""
    x, y, radius = np.reshape(circles, (-1, 3)).T
    dx = np.maximum(np.maximum(box[0] - x, x - box[2]), 0)
    dy = np.maximum(np.maximum(box[1] - y, y - box[3]), 0)
    return np.flatnonzero(np.hypot(dx, dy) < radius)


def crossed(lines: list[Line], box: Rectangle) -> Any:
    """The lines that are in a rectangle for some of their way, by Liang and Barsky's test."""
    ends = np.array([(*line.start, *line.end) for line in lines]).reshape(-1, 2, 2)
    with np.errstate(all="ignore"):
        step = ends[:, 1] - ends[:, 0]
        step = np.where(step == 0, 1e-9, step)
        bounds = [(np.array(corner) - ends[:, 0]) / step for corner in (box[:2], box[2:])]
    low = np.minimum(*bounds).max(1).clip(0)
    return np.flatnonzero(low < np.maximum(*bounds).min(1).clip(None, 1))


def check(seen: Seen) -> None:
    """Nothing overlaps, nothing is cut off, and everything written is 9 pixels high at least."""
    assert seen.tags <= TAGS
    for word in seen.words:
        left, top, right, bottom = word.place
        assert left >= 0, word
        assert top >= 0, word
        assert right <= seen.width, word
        assert bottom <= seen.height, word
        assert word.font >= 9, word
        if word.inside:
            corner = (word.place[0], word.place[1] + word.font * 0.15)  # digits are no higher
            middle = ((left + right) / 2, (top + bottom) / 2)
            assert math.dist(corner, middle) <= max(r for *_, r in seen.circles), word
        else:
            assert not touched([*seen.circles, *seen.dots], word.place).size, word
            assert not crossed(seen.lines, word.place).size, word
    for a, b in combinations(seen.words, 2):
        assert not overlap(a.place, b.place), (a, b)
    for (x, y, r), (u, v, s) in combinations(seen.circles, 2):
        assert math.hypot(x - u, y - v) >= r + s
    for x, y, r in (*seen.circles, *seen.dots):
        assert r <= x <= seen.width - r
        assert r <= y <= seen.height - r


# ---- the layout ----------------------------------------------------------------------------------


@settings(deadline=None)  # the first example imports NumPy
@given(
    widths=st.lists(st.integers(1, 200), min_size=2, max_size=6),
    scale=st.sampled_from([0.0, 1e-300, 1e-5, 1.0, 12345.0, 1e300, math.nan, -math.inf]),
    activation=st.sampled_from(["leaky_relu", "tanh"]),
    rankdir=st.sampled_from(["LR", "TB"]),
    numbers=st.booleans(),
    show=st.sampled_from(["weight", "grad"]),
)
def test_nothing_overlaps_or_is_cut_off(widths, scale, activation, rankdir, numbers, show):
    model = nn.MLP(widths[0], widths[1:], activation, seed=1, backend="tensor")
    for p in model.parameters()[:2]:
        p.data = np.where(p.data > 0, scale, -scale)
    seen = Seen(draw(model, rankdir=rankdir, numbers=numbers, show=show).svg)
    check(seen)
    assert seen.width <= 1280
    assert len(seen.circles) <= 16 * len(widths)


@pytest.mark.parametrize(("width", "numbers"), [(16, False), (8, True)])
def test_five_full_layers_fit_a_screen(width, numbers):
    model = nn.MLP(width, [width] * 5, seed=0, backend="tensor")
    for p in model.parameters():
        p.data = p.data * -1.2345e-5
    seen = Seen(draw(model, numbers=numbers).svg)
    assert len(seen.circles) == 6 * width
    assert seen.width <= 1280


@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_a_small_network_is_readable_in_a_column_of_400_pixels(rankdir):
    seen = Seen(draw(nn.MLP(2, [4, 1], seed=0), rankdir=rankdir).svg)
    assert min(word.font for word in seen.words) * min(1.0, 400 / seen.width) >= 9


@settings(deadline=None)
@given(
    names=st.lists(st.text(max_size=40), min_size=3, max_size=3, unique=True),
    rankdir=st.sampled_from(["LR", "TB"]),
)
def test_names_of_inputs_and_classes_stand_beside_their_units(names, rankdir):
    body = nn.MLP(3, [3, 3], seed=0)
    model = nn.Sequential(
        nn.Standardize([0, 0, 0], [1, 1, 1]), body, features=names, classes=["a", "b", HOSTILE]
    )
    seen = Seen(draw(model, rankdir=rankdir).svg)
    check(seen)
    assert {"a", "b", "Standardize(3)"} <= set(seen.said())


def test_every_unit_is_drawn_on_demand():
    model = nn.MLP(20, [30, 1], seed=0, backend="tensor")
    assert len(Seen(draw(model).svg).circles) == 8 + 8 + 1
    seen = Seen(draw(model, collapse=False).svg)
    check(seen)
    assert len(seen.circles) == 51
    assert len(seen.lines) == 630


@settings(deadline=None)
@given(sizes=st.lists(st.integers(1, 40), min_size=2, max_size=5), most=st.integers(1, 30))
def test_max_nodes_is_the_most_there_are(sizes, most):
    drawing = draw(nn.MLP(sizes[0], sizes[1:], backend="tensor"), max_nodes=most, quiet=True)
    if circles := Seen(drawing.svg).circles if "network" in repr(drawing) else []:
        assert len(circles) <= most
    else:
        assert len(drawing.rows.boxes) <= max(3, most)


def test_the_caption_says_what_is_left_out():
    drawing = draw(nn.MLP(64, [128, 10], backend="tensor"))
    assert drawing.rows.caption == (
        "64 inputs, 128 units, 10 outputs; 26 of 202 units and 144 of 9,472 weights are shown"
    )
    seen = Seen(drawing.svg)
    assert (len(seen.circles), len(seen.lines)) == (26, 144)
    assert seen.said().count("⋮") == 2
    assert {"x₁", "x₆₄", "h¹₁₂₈", "ŷ₁₀"} <= set(seen.said())


def test_a_deep_network_is_drawn_as_boxes():
    drawing = draw(nn.MLP(2, [2] * 100, backend="tensor"), engine="builtin")
    assert "layer 1" in drawing.svg
    assert "layer 100" in drawing.svg
    assert "… 61 more" in drawing.svg
    assert len(drawing.rows.boxes) == 40


# ---- what lines, dots and numbers say ------------------------------------------------------------


def two_layers(weights, backend="value"):
    """An MLP 2-2-1 with these six weights and biases 0.5, 0 and -0.5."""
    model = nn.MLP(2, [2, 1], "tanh")
    first, second = model.layers
    state = {
        "layers.0.weight": [weights[:2], weights[2:4]], "layers.0.bias": [0.5, 0.0],
        "layers.1.weight": [weights[4:]], "layers.1.bias": [-0.5],
    }  # fmt: skip
    assert (first.widths, second.widths) == ([2, 2], [2, 1])
    model.load_state_dict(state)
    return model.to(backend)


@pytest.mark.parametrize("backend", ["value", "tensor"])
@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_lines_have_the_sign_and_the_size_of_weights(backend, rankdir):
    weights = [1.0, -2.0, 0.0, math.nan, -math.inf, 0.25]
    seen = Seen(draw(two_layers(weights, backend), rankdir=rankdir).svg)
    across, along = (1, 0) if rankdir == "LR" else (0, 1)
    lines = sorted(seen.lines, key=lambda x: (x.start[along], x.end[across], x.start[across]))
    looks = ["positive", "negative", "zero", "odd", "odd", "positive"]
    assert [line.look for line in lines] == looks
    one, two, zero, *_, quarter = (line.thick for line in lines)
    sizes = [(line - zero) / (two - zero) for line in (quarter, one)]
    assert sizes == pytest.approx([0.125, 0.5], abs=0.01)  # written with two decimals
    assert [line.dashes > 1 for line in lines] == [False, False, False, True, True, False]
    assert {"> 0", "< 0", "= 0", "nan or inf", "bias", "largest 2"} <= set(seen.said())


@pytest.mark.parametrize("backend", ["value", "tensor"])
def test_dots_have_the_sign_and_the_size_of_biases(backend):
    svg = draw(two_layers([1.0] * 6, backend)).svg
    dots = re.findall(r'<g class="bias (\w+)"><rect .*?rx="(\S+)"', svg)
    assert dots == [("positive", "3.5"), ("zero", "2.0"), ("negative", "3.5")]


@pytest.mark.parametrize("backend", ["value", "tensor"])
@pytest.mark.parametrize("rankdir", ["LR", "TB"])
def test_numbers_are_those_of_the_model_in_the_order_of_its_units(backend, rankdir):
    weights = [1.0, -2.0, 0.0, 3e-5, math.inf, math.nan]
    seen = Seen(draw(two_layers(weights, backend), numbers=True, rankdir=rankdir).svg)
    check(seen)
    number = re.compile(r"^(?:(?:x|h¹)[₁₂] |b )?(−?\d[\d.e−]*|nan|inf)$")
    (left, *_), (right, *_) = seen.circles[2:4]  # of the hidden units

    def order(word):
        x, y = (word.place[0] + word.place[2]) / 2, word.place[1]
        if rankdir == "LR":
            return x > seen.width / 2, y
        return y > seen.height / 2, x > (left + right) / 2 and y < seen.height / 2, y

    words = sorted((word for word in seen.words if number.match(word.said)), key=order)
    said = [number.match(word.said)[1] for word in words]
    assert said == ["1", "−2", "0.5", "0", "3e−05", "0", "inf", "nan", "−0.5"]
    if rankdir == "TB":
        assert {"x₁ 1", "x₂ −2", "b 0.5", "x₂ 3e−05", "h¹₁ inf", "b −0.5"} <= set(seen.said())


@pytest.mark.parametrize("backend", ["value", "tensor"])
def test_a_gradient_is_drawn_as_a_weight_is_and_dashed_before_there_is_one(backend):
    model = two_layers([1.0, -2.0, 0.5, 1.0, 1.0, -1.0], backend)
    before = Seen(draw(model, show="grad").svg)
    assert {(line.look, line.dashes > 1) for line in before.lines} == {("unreached", True)}
    assert "none yet" in before.said()
    out = model.layers[0]([0.0, 1.0] if backend == "value" else Tensor([0.0, 1.0]))
    (out[0] + out[1]).backward()  # tanh' > 0, times 0 or 1
    after = Seen(draw(model, show="grad", numbers=True).svg)
    lines = sorted(after.lines, key=lambda line: (line.start[0], line.end[1]))
    looks = [(line.look, line.dashes > 1) for line in lines]
    assert looks == [("zero", False), ("positive", False)] * 2 + [("unreached", True)] * 2
    assert after.said().count("—") == 3
    slopes = [f"{1 - math.tanh(z) ** 2:.3g}" for z in (-2.0 + 0.5, 1.0)]
    assert all(after.said().count(slope) == 2 for slope in slopes)  # of a weight and the bias


@settings(deadline=None)
@given(
    widths=st.lists(st.integers(1, 5), min_size=2, max_size=4),
    numbers=st.booleans(),
    rankdir=st.sampled_from(["LR", "TB"]),
)
def test_values_and_tensors_give_the_same_picture(widths, numbers, rankdir):
    model = nn.MLP(widths[0], widths[1:], seed=3)
    pictures = [draw(m, numbers=numbers, rankdir=rankdir).svg for m in (model, model.to("tensor"))]
    assert pictures[0] == pictures[1]


def test_a_picture_keeps_the_numbers_it_was_made_of():
    model = nn.Neuron(2, seed=0)
    drawing, before = draw(model), draw(model).svg
    model.weight[0].data = 100.0
    assert drawing.svg == before != draw(model).svg


@pytest.mark.parametrize("look", ["positive", "negative", "odd"])
def test_signs_are_seen_by_day_and_in_the_dark(look):
    _, line, ink = COLOURS[look]
    svg = draw(two_layers([1.0, -1.0, math.nan] * 2), numbers=True).svg
    dark = svg.partition("prefers-color-scheme:dark")[2]
    for place, colour in (("stroke", line), ("fill", ink)):
        assert f'.valuegrad [{place}="{colour}"]{{{place}:{DARK[colour]}}}' in dark
    for table in ({}, DARK):
        page, strokes, digits = (table.get(c, c) for c in ("#ffffff", line, ink))
        assert contrast(page, strokes) >= 3
        assert contrast(page, digits) >= 4.5


def contrast(a, b):
    """WCAG 2: the ratio of relative luminances."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(a) + 0.05, luminance(b) + 0.05), reverse=True)
    return high / low


# ---- other models --------------------------------------------------------------------------------


class Own(nn.Module):
    """A module of a user, with whatever attributes."""

    def __init__(self, **attributes):
        vars(self).update(attributes)

    def __call__(self, x):
        return x


def layer(n_in, n_out):
    return nn.Layer(n_in, n_out, "tanh", seed=0)


modules = st.recursive(
    st.one_of(
        st.builds(layer, st.integers(1, 3), st.integers(1, 3)),
        st.builds(Value, st.floats(-1, 1)),
        st.just(1.5),
        st.builds(nn.Perceptron, st.integers(1, 3)),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.text(max_size=5), inner, max_size=3),
        st.builds(lambda held: Own(held=held), inner),
        st.builds(lambda a, b: Own(a=a, b=b, again=a), inner, inner),
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(held=modules, show=st.sampled_from(["weight", "grad"]), numbers=st.booleans())
def test_every_module_has_a_picture_and_its_number_of_parameters(held, show, numbers):
    model = Own(held=held)
    drawing = draw(model, show=show, numbers=numbers, engine="builtin")
    assert Seen(drawing.svg).tags <= TAGS
    total = len(model.parameters())
    first = drawing.rows.boxes[0]
    assert first.label == "Own"
    expected = f"{total} parameter{'s' if total > 1 else ''}"
    assert (first.facts[-1:] == (expected,)) if total else not first.facts
    assert len(drawing.rows.boxes) <= 40


def test_a_module_is_a_box_for_each_attribute():
    model = Own(
        attention={"query": layer(4, 4), "key": layer(4, 4)}, blocks=[layer(4, 4)] * 2,
        scale=[Value(1.0), Value(2.0)],
    )  # fmt: skip
    model.blocks[1] = layer(4, 4)
    model.last = model.blocks[0]
    rows = draw(model, quiet=True).rows
    assert [(box.label, *box.facts) for box in rows.boxes] == [
        ("Own", "82 parameters"),
        ("attention.query", "Layer(4 → 4, tanh)", "weight (4, 4)", "bias (4,)", "20 parameters"),
        ("attention.key", "Layer(4 → 4, tanh)", "weight (4, 4)", "bias (4,)", "20 parameters"),
        ("blocks.0 ... blocks.1, each", "Layer(4 → 4, tanh)", "weight (4, 4)", "bias (4,)",
         "20 parameters"),
        ("scale", "scale (2,)", "2 parameters"),
        ("last", "Layer(4 → 4, tanh), shared"),
    ]  # fmt: skip
    assert [(edge.tail, edge.head) for edge in rows.edges] == [("n0", f"n{i}") for i in range(1, 6)]
    assert "no order" in rows.caption


@pytest.mark.parametrize("held", [[[]], [{}], [{"a": Value(1.0)}], ({}, Value(2.0)), [[{}]]])
def test_a_list_with_something_empty_or_named_in_it_is_no_block(held):
    model = Own(held=held)
    assert [*model.state_dict()] == [name for name, _ in model.named_parameters()]
    assert draw(model, engine="builtin").rows.boxes[0].label == "Own"


@pytest.mark.parametrize("letters", range(1, 30))
def test_a_caption_is_not_cut_off(letters):
    seen = Seen(draw(Own(**{"a" * letters: layer(1, 1)}), engine="builtin").svg)
    captions = [word for word in seen.words if re.search("arrows|order|calls", word.said)]
    assert captions
    assert all(word.place[2] <= seen.width for word in captions)


def test_matrices_in_a_dict_are_listed_and_measured():
    weights = {
        "query": [[Value(1.0), Value(-3.0)]],
        "mix": [[Value(x)] for x in (1.0, math.nan, 2.0)],
    }
    plain = draw(Own(weights=weights), quiet=True).rows.boxes
    assert [box.facts for box in plain] == [
        ("weights.query (1, 2)", "weights.mix (3, 1)", "5 parameters")
    ]
    (box,) = draw(Own(weights=weights), numbers=True, quiet=True).rows.boxes
    assert box.facts[:2] == ("weights.query (1, 2), up to 3", "weights.mix (3, 1), up to nan")
    weights["query"][0][0].grad = -0.125
    (box,) = draw(Own(weights=weights), show="grad", quiet=True).rows.boxes
    assert box.facts[:2] == ("weights.query (1, 2), grad up to 0.125", "weights.mix (3, 1), grad —")


def test_a_convolutional_network_is_a_chain_of_boxes():
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, "relu", seed=0), nn.MaxPool2d(2), nn.Flatten(),
        nn.MLP(8 * 9, [10], output="softmax", backend="tensor", seed=0),
    )  # fmt: skip
    rows = draw(model, quiet=True).rows
    assert [(box.label, *box.facts) for box in rows.boxes] == [
        ("Conv2d", "1 → 8, 3×3, relu, float64 tensors", "weight (8, 1, 3, 3)", "bias (8,)",
         "80 parameters"),
        ("MaxPool2d", "2×2"),
        ("Flatten",),
        ("layer 1", "Layer(72 → 10, softmax, float64 tensors)", "weight (10, 72)", "bias (10,)",
         "730 parameters"),
    ]  # fmt: skip
    ids = [box.id for box in rows.boxes]
    assert [(edge.tail, edge.head) for edge in rows.edges] == list(pairwise(ids))
    assert rows.caption == "810 parameters"
    (row, *_), size = draw(model, show="grad", quiet=True).rows.boxes, 1.5
    assert row.facts[1] == "weight (8, 1, 3, 3), grad —"
    model.parts[0].weight.grad = model.parts[0].weight.data * 0.0 - size
    (row, *_) = draw(model, show="grad", quiet=True).rows.boxes
    assert row.facts[1] == "weight (8, 1, 3, 3), grad up to 1.5"


@pytest.mark.parametrize("backend", ["value", "tensor"])
def test_a_neuron_and_a_layer_are_networks_of_one_layer(backend):
    neuron = draw(nn.Neuron(3, "tanh", seed=0, backend=backend))
    assert neuron.rows.caption == "3 inputs, 1 output; 4 parameters"
    assert {"x₁", "x₂", "x₃", "ŷ", "tanh"} <= set(Seen(neuron.svg).said())
    assert len(Seen(draw(nn.Layer(3, 2, backend=backend)).svg).lines) == 6
    unit = nn.Perceptron(1)
    assert {"x", "ŷ", "step"} <= set(Seen(draw(unit).svg).said())


def test_weights_used_twice_are_told_and_counted_once():
    shared = layer(2, 2)
    drawing = draw(nn.Sequential(shared, shared, layer(2, 1)))
    assert "shared with layer 1" in Seen(drawing.svg).said()
    assert drawing.rows.caption == "2 inputs, 4 units, 1 output; 9 parameters"


def test_layers_that_do_not_fit_and_other_calls_are_not_drawn_as_units():
    assert "network" not in repr(draw(nn.Sequential(layer(2, 3), layer(2, 1)), quiet=True))

    class Residual(nn.MLP):
        def __call__(self, x):
            return x + super().__call__(x)

    class Named(nn.MLP):
        def mean(self):
            return 0.0

    assert "network" in repr(draw(Named(2, [2])))
    assert "Residual" in draw(Residual(2, [2]), quiet=True).svg
    assert "network" not in repr(draw(Residual(2, [2]), quiet=True))


def test_a_broken_or_empty_model_has_a_picture_too():
    unequal, bare = layer(2, 2), layer(2, 2)
    unequal.weight, bare.bias = [[Value(1.0)], [Value(2.0), Value(3.0)]], None
    for model in (unequal, bare, nn.Sequential(), nn.Sequential(nn.Flatten())):
        assert len(draw(model, quiet=True).rows.boxes) == 1
    unequal.weight, bare.bias = [[1, 2.5], [0.0, -1.0]], [1.0, 2.0]  # frozen
    for model in (unequal, bare):
        assert len(Seen(draw(model, numbers=True, show="grad").svg).lines) == 4


def test_a_module_that_holds_its_owner_has_an_end():
    child = Own(inner=layer(2, 2))
    model = Own(children=[child, Own()])
    child.owner = model
    drawing = draw(model, quiet=True)
    assert "children.0" in drawing.svg
    assert "children.0: Own: 6 parameters" in repr(model)


def test_a_fitted_estimator_is_drawn_as_its_network():
    from sklearn.exceptions import NotFittedError

    estimator = nn.MLPRegressor((3,), epochs=1)
    with pytest.raises(NotFittedError):
        draw(estimator)
    estimator.fit([[0.0, 1.0], [1.0, 0.0]], [0.0, 1.0])
    assert draw(estimator).rows.caption == "2 inputs, 3 units, 1 output; 13 parameters"


# ---- settings and formats ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"show": "weights"}, ValueError, 'show is "weight" or "grad", not \'weights\''),
        ({"rankdir": "RL"}, ValueError, "LR or TB, not 'RL'"),
        ({"rankdir": "lr"}, ValueError, "not 'lr'"),
        ({"max_nodes": 0}, ValueError, "1 or more, not 0"),
        ({"hide_constants": True}, TypeError, "a model has no plain numbers"),
        ({"engine": "dot"}, TypeError, "add collapse=True"),
    ],
)
def test_a_setting_that_a_network_does_not_have_is_refused(given, error, message):
    with pytest.raises(error, match=re.escape(message)):
        draw(nn.MLP(2, [1], seed=0), **given)


@pytest.mark.parametrize("given", [{"show": "weight"}, {"show": "grad"}, {"numbers": True}])
def test_a_setting_of_networks_is_refused_for_a_graph(given):
    with pytest.raises(TypeError, match="are for models"):
        draw(Value(1.0), **given)


def test_more_lines_than_a_picture_has_room_for_are_refused():
    with pytest.raises(ValueError, match=r"40,200 weights.*room for 40,000"):
        draw(nn.Layer(201, 200, backend="tensor"), collapse=False)


@pytest.mark.parametrize("ending", ["svg", "html", "dot", "mmd"])
def test_a_network_is_saved_in_every_format_of_text(tmp_path, ending):
    drawing = draw(nn.MLP(2, [4, 1], "tanh", seed=0))
    drawing.save(tmp_path / f"g.{ending}")
    text = (tmp_path / f"g.{ending}").read_text("utf-8")
    assert os.listdir(tmp_path) == [f"g.{ending}"]
    if ending in ("svg", "html"):
        assert drawing.svg in text
    else:  # the layers, as boxes
        assert "layer 1" in text
        assert "n0 -> n1" in text or "n0 --> n1" in text


def test_a_network_shows_itself_in_a_notebook_and_prints_its_layers():
    drawing = draw(nn.MLP(2, [4, 1], "tanh", seed=0))
    bundle = drawing._repr_mimebundle_()
    assert bundle["image/svg+xml"] == drawing.svg
    told = "<Drawing of a network: 2 inputs, 4 units, 1 output; 17 parameters>"
    assert bundle["text/plain"] == repr(drawing) == told
    assert str(drawing).splitlines() == [
        "  n0  layer 1  Layer(2 → 4, tanh)  weight (4, 2)  bias (4,)  12 parameters",
        "  n1  layer 2(n0)  Layer(4 → 1, linear)  weight (1, 4)  bias (1,)  5 parameters",
        "2 inputs, 4 units, 1 output; 17 parameters",
    ]


def test_a_saved_model_is_drawn_from_the_command_line(tmp_path, capsys):
    model = nn.MLP(2, [4, 1], "tanh", seed=0)
    nn.save(model, tmp_path / "m.safetensors")
    words = ["draw", str(tmp_path / "m.safetensors"), "--numbers", "-o", str(tmp_path / "m.svg")]
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "layer 1  Layer(2 → 4, tanh)  weight (4, 2)" in told
    assert f"wrote {tmp_path / 'm.svg'}" in told
    assert (tmp_path / "m.svg").read_text("utf-8") == draw(model, numbers=True).svg
    assert main(["draw", str(tmp_path / "m.svg")]) == 2
    assert "m.svg" in capsys.readouterr().err


def test_names_stay_text():
    model = nn.MLP(2, [2, 2, 1], seed=0)
    model.layers[0].name = HOSTILE
    for drawing in (draw(model), draw(Own(**{HOSTILE: {HOSTILE: layer(1, 1)}}), engine="builtin")):
        assert Seen(drawing.svg).tags <= TAGS
        assert "<script" not in drawing.svg
        assert "\u202e" not in drawing.svg


def test_a_network_of_values_is_drawn_without_numpy():
    code = (
        "import sys, nn; from autograd import draw;"
        "model = nn.MLP(2, [4, 1], seed=0);"
        "svg = [draw(model, numbers=n, show=s).svg for n in (0, 1) for s in ('weight', 'grad')];"
        "draw(model, collapse=True, show='grad', engine='builtin').svg; "
        "print('numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
