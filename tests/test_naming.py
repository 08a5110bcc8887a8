"""Names that nobody wrote: of parameters, inputs, layers' results, answers and losses."""

import gc
import math
import re
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import MagicMock, Mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
import nn
from autograd import Tensor, Value, check_graph, draw, explain, trace, trees
from autograd.seeing.abbreviating import words
from autograd.seeing.drawing import rows
from autograd.seeing.naming import names_of, spelled
from autograd.seeing.wording import Names, latex_name
from autograd.support.scopes import scope

HOSTILE = ['<b>"];', "가나다", "🧠", "w" * 10_000, "\\end{x}$", "a,b", "w¹₂₁", "", "nul\0", "v1"]


def values(n, start=0.0):
    return [Value(start + i) for i in range(n)]


def called(root):
    """The names, each with its node."""
    return {name: node for node, name in names_of(root).items()}


def labels(root, **settings):
    return {box.label for box in rows(root, **settings).boxes}


# ---- what is named -------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.integers(1, 12), min_size=2, max_size=4), st.booleans())
def test_a_name_leads_back_to_its_parameter_by_layer_unit_and_input(widths, in_one_more):
    model = nn.MLP(widths[0], widths[1:], seed=0)
    outer = nn.Sequential(nn.Standardize([0.0] * widths[0], [1.0] * widths[0]), model)
    answers = (outer if in_one_more else model)(values(widths[0]))
    names = names_of(autograd.sum(answers if isinstance(answers, list) else [answers]))
    found = {}
    for p in model.parameters():
        letter, layer, *places = re.match(
            r"([wb])(\d+)\[(\d+)(?:,(\d+))?]$", spelled(names[p])
        ).groups()
        unit, k = (int(place) if place else None for place in places)
        held = model.layers[int(layer) - 1]
        found[names[p]] = held.weight[unit - 1][k - 1] if letter == "w" else held.bias[unit - 1]
        assert found[names[p]] is p
    assert len(found) == len(model.parameters())


def test_the_names_of_a_small_network():
    model = nn.MLP(2, [2, 1], seed=0)
    x = values(2)
    loss = nn.losses.mse([model(x)], [1.0])
    found = called(loss)
    assert set(found) == {
        "w¹₁₁", "w¹₁₂", "w¹₂₁", "w¹₂₂", "b¹₁", "b¹₂", "w²₁₁", "w²₁₂", "b²₁",
        "x₁", "x₂", "h¹₁", "h¹₂", "ŷ", "mse",
    }  # fmt: skip
    assert found["w¹₂₁"] is model.layers[0].weight[1][0]
    assert (found["x₁"], found["x₂"], found["mse"]) == (x[0], x[1], loss)
    w = model.layers[0].weight[1]
    assert found["h¹₂"].data == max(0.0, w[0].data * 0.0 + w[1].data * 1.0)
    assert {"w¹₂₁", "x₁", "h¹₂", "ŷ"} <= labels(loss, collapse=False)


def test_an_index_past_nine_stands_between_commas():
    model = nn.MLP(12, [11, 2], seed=0)
    found = called(autograd.sum(model(values(12))))
    first, second = model.layers
    assert found["w¹₁,₁₁"] is first.weight[0][10]
    assert found["w¹₁₁,₁"] is first.weight[10][0]
    assert found["w¹₁₁"] is first.weight[0][0]
    assert found["w²₂,₁₁"] is second.weight[1][10]
    assert {"x₁₂", "h¹₁₁", "ŷ₁", "ŷ₂"} <= set(found)


def test_several_samples_are_numbered():
    model = nn.MLP(1, [1, 1], seed=0)
    batch = [values(1, float(k)) for k in range(3)]
    outputs = [model(x) for x in batch]
    found = called(nn.losses.mse(outputs, [0.0] * 3))
    for k, raised in enumerate("¹²³"):
        assert found[f"ŷ⁽{raised}⁾"] is outputs[k]
        assert found[f"x⁽{raised}⁾"] is batch[k][0]
        assert f"h¹⁽{raised}⁾₁" in found


def test_units_layers_and_perceptrons_of_their_own():
    neuron, layer, unit = nn.Neuron(2, seed=0), nn.Layer(2, 3, seed=0), nn.Perceptron(2)
    assert set(called(neuron(values(2)))) == {"w₁", "w₂", "b", "x₁", "x₂", "ŷ"}
    assert set(called(unit(values(2)))) == {"w₁", "w₂", "b", "x₁", "x₂", "ŷ"}
    found = called(autograd.sum(layer(values(2))))
    assert found["w₂,₁"] is layer.weight[1][0]
    assert {"b₃", "ŷ₃", "x₂"} <= set(found)


def test_modules_called_by_hand_are_numbered_as_they_follow():
    first, last = nn.Layer(2, 2, seed=0), nn.Neuron(2, seed=0)
    found = called(last(first(values(2))))
    assert found["w¹₂₁"] is first.weight[1][0]
    assert found["w²₁₂"] is last.weight[1]
    assert found["b²₁"] is last.bias
    assert {"h¹₁", "h¹₂", "ŷ", "x₁"} <= set(found)


class Gated(nn.Module):
    def __init__(self):
        self.gain = Value(2.0)
        self.shifts = [Value(0.1), Value(0.2)]
        self.table = {"low": Value(1.0), 7: [Value(3.0)]}
        self.parts = {"left": nn.Neuron(2, seed=0), "right": [nn.Neuron(2, seed=1)]}
        self.gate = nn.Layer(2, 1, seed=0)
        self.again = self.gate

    def __call__(self, x):
        left, right, (gate,) = self.parts["left"](x), self.parts["right"][0](x), self.gate(x)
        sides = left * self.gain * gate + right * self.table["low"] * self.again(x)[0]
        return sides + self.shifts[0] + self.shifts[1] * self.table[7][0]


def test_a_module_that_is_not_layered_gives_the_names_of_its_attributes():
    model = Gated()
    found = called(model(values(2)))
    assert found["gain"] is model.gain
    assert found["shifts₂"] is model.shifts[1]
    assert found["table.low"] is model.table["low"]
    assert found["table.7₁"] is model.table[7][0]
    assert found["parts.left.w₂"] is model.parts["left"].weight[1]
    assert found["parts.right.w¹₁₂"] is model.parts["right"][0].weight[1]
    assert found["gate.w₁,₂"] is model.gate.weight[0][1]
    assert {"gate.h⁽¹⁾₁", "gate.h⁽²⁾₁", "ŷ", "x₁"} <= set(found)
    assert len(found) == len(names_of(model([1.0, 2.0]))) + 2  # x₁ and x₂ were plain numbers


class Thinned(nn.Module):
    """A layer, some of whose results are left out, and a unit of the rest."""

    def __init__(self, n):
        self.inner = nn.Layer(1, n, seed=0)
        self.last = nn.Neuron(n + 1, seed=1)
        self.kept = []

    def __call__(self, x, keep):
        h = [v if k else 0.0 for v, k in zip(Kept(self.inner)(x, keep), keep, strict=True)]
        self.kept.append(h)
        return self.last([*h, 1.0])


class Kept(nn.Module):
    def __init__(self, inner):
        self.inner = inner

    def __call__(self, x, keep):
        return self.inner(x)


@settings(deadline=None)
@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=2, max_size=6))
def test_what_is_left_out_shifts_no_index_and_a_number_from_within_is_no_input(masks):
    model = Thinned(3)
    outputs = [model([float(i)], keep) for i, keep in enumerate(masks)]
    root = nn.losses.mse(outputs, [0.0] * len(masks))
    names = names_of(root)
    for k, (h, out) in enumerate(zip(model.kept, outputs, strict=True), 1):
        assert spelled(names[out]) == f"yhat({k})"
        for unit, v in enumerate(h, 1):
            if isinstance(v, Value):
                assert spelled(names[v]) == f"inner.h({k})[{unit}]"
    whole = rows(root, samples="all", opened=["mse"])
    inputs = [box.data for box in whole.boxes if box.label.startswith("x")]
    if all(map(any, masks)):
        assert inputs == [float(i) for i in range(len(masks))]


class Halves(nn.Module):
    def __init__(self, shape):
        self.parts, self.shape = [nn.Neuron(1, seed=0), nn.Neuron(1, seed=1)], shape

    def __call__(self, x):
        return self.shape(*(part(x) for part in self.parts))


@pytest.mark.parametrize(
    "shape",
    [
        lambda a, b: [a, b],
        lambda a, b: (a, [b]),
        lambda a, b: {"mean": a, "deviation": b},
        lambda a, b: {"states": ([a], (b,))},
        lambda a, b: [a, 0.5, b],
    ],
)
def test_a_module_returns_any_structure(shape):
    model = Halves(shape)
    result = model([1.0])
    left, right = filter(lambda x: isinstance(x, Value), trees.leaves(result))
    found = called(left * right)
    assert found["ŷ₁"] is left
    assert found["ŷ₃" if isinstance(result, list) and len(result) == 3 else "ŷ₂"] is right


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_calls_that_ran_at_the_same_time_give_no_names_of_one_another(threads):
    """The intervals of calls that wait for each other have nodes of one another."""
    barrier = threading.Barrier(threads)

    class Waiting(Kept):
        def __call__(self, x):
            hidden = self.inner(x)
            barrier.wait(20)
            return autograd.sum(hidden).tanh()

    model = Waiting(nn.Layer(2, 2, seed=0))
    samples = [[float(k), 2.0] for k in range(threads)]
    with ThreadPoolExecutor(threads) as pool:
        outputs = list(pool.map(model, samples))
    root = nn.losses.mse(outputs, [0.0] * threads)
    picture = rows(root, samples="all", collapse=False)
    found = {box.label for box in picture.boxes if box.label}
    if threads == 1:
        assert {"x₁", "x₂", "ŷ"} <= found
    else:
        assert not any(re.match("[xhŷ]", name) for name in found)
    assert rows(root).boxes[-1].data == root.data


def test_layers_of_two_models_have_one_number_in_title_and_names():
    generator, judge = nn.MLP(1, [2, 2], seed=0), nn.MLP(2, [2, 1], seed=1)
    root = judge(generator(values(1)))
    picture = rows(root)
    label = {box.id: box.label for box in picture.boxes}
    assert [frame.title for frame in picture.frames] == [f"layer {k}" for k in (1, 2, 3, 4)]
    for k, frame in enumerate(picture.frames, 1):
        numbers = {spelled(label[i])[1] for i in frame.boxes if label[i][:1] in {"w", "b", "h"}}
        assert numbers == {str(k)}
    groups = rows(root, collapse=True, max_nodes=5)
    assert {b.label for b in groups.boxes if b.kind == "group"} <= {
        "MLP",
        "layer 1",
        "layer 2",
        "layer 3",
        "layer 4",
    }


def test_tensors_are_named_as_wholes():
    model = nn.MLP(2, [3, 2], seed=0, backend="tensor")
    loss = nn.losses.mse(model(Tensor(np.ones((5, 2))))[:, 0], np.ones(5))
    assert set(called(loss)) == {"W¹", "b¹", "W²", "b²", "X", "H¹", "Ŷ", "mse"}
    net = nn.Sequential(nn.Conv2d(1, 2, 2, seed=0), nn.Flatten(), nn.Layer(18, 1, backend="tensor"))
    assert {"W¹", "b¹", "W²", "b²", "X", "H¹"} <= set(
        called(net(Tensor(np.ones((1, 1, 4, 4)))).sum())
    )
    words = nn.Embedding(5, 3, seed=0)
    assert set(called(words([0, 1]).sum())) == {"W", "Ŷ"}


@pytest.mark.parametrize("loss", sorted(nn.losses.LOSSES))
def test_a_loss_has_its_own_name(loss):
    outputs = [values(3)] if loss == "cross_entropy" else values(1, 0.5)
    root = nn.losses.LOSSES[loss](outputs, [1])
    assert names_of(root)[root] == loss
    assert trace(root).name == loss


def test_what_is_under_a_scope_has_its_name():
    x = Value(1.0)
    root = scope("energy", lambda: x * x + 1.0)
    assert names_of(root) == {root: "energy"}


def test_a_graph_of_no_call_and_a_leaf_have_no_such_names():
    x = Value(1.0)
    assert names_of(x) == names_of(x * x) == {}
    assert nn.MLP(2, [1]).layers[0].bias[0].label == ""


def test_a_cell_called_on_its_own_result_has_one_answer():
    cell = nn.Layer(2, 1, seed=0)
    h = Value(0.5)
    for t in range(3):
        (h,) = cell([Value(float(t)), h])
    assert [name for name in called(h) if "ŷ" in name] == ["ŷ₁"]
    assert {"h⁽¹⁾₁", "h⁽²⁾₁", "x⁽³⁾₁"} <= set(called(h))


# ---- labels, and what is gone --------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.one_of(st.sampled_from(HOSTILE), st.text()), min_size=9, max_size=9))
def test_the_users_label_wins_and_no_two_names_are_equal(given_labels):
    model = nn.MLP(2, [2, 1], seed=0)
    x = values(2)
    loss = nn.losses.mse([model(x)], [1.0])
    for p, label in zip(model.parameters(), given_labels, strict=True):
        p.label = label
    names = Names(loss)
    everything = [names[node] for node in autograd.nodes(loss)]
    assert len(set(everything)) == len(everything)
    shown = [words(p.label).strip() for p in model.parameters()]
    for k, (p, label) in enumerate(zip(model.parameters(), shown, strict=True)):
        if label and label not in shown[:k]:
            assert names[p] == label


def test_a_hostile_attribute_is_inert():
    class Odd(nn.Module):
        def __init__(self):
            self.held = {label: Value(1.0) for label in HOSTILE}

        def __call__(self, x):
            return autograd.sum([x * v for v in self.held.values()])

    model = Odd()
    root = model(Value(1.0))
    svg = draw(root, engine="builtin").svg
    assert "<b>" not in svg
    assert len(svg) < 40_000
    assert "\\end" not in trace(root)[1].latex().replace("\\end{aligned}", "")
    assert str(explain(root, model.held["가나다"]))


def test_a_module_that_is_gone_leaves_the_names_out_and_no_graph_keeps_one():
    model = nn.MLP(2, [2, 1], seed=0)
    model.last = nn.losses.mse([model(values(2))], [1.0])  # the graph hangs on the module
    root, gone = model.last, weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None
    assert set(called(root)) == {"mse"}
    drawing = draw(root, engine="builtin")
    assert "data" in drawing.svg
    assert "keep it in a variable" in drawing.rows.caption
    assert "variable" not in draw(nn.losses.mse([Value(1.0)], [1.0])).rows.caption


def test_modules_that_hold_themselves_or_are_nested_too_deep_do_not_matter():
    model = nn.Neuron(1, seed=0)
    model.me = [model, {"me": model}]
    model.me.append(model.me)
    for _ in range(2_000):
        model.me = [model.me]
    root = nn.Neuron.__call__(model, values(1))
    assert names_of(root)[model.bias] == "b"


def test_an_attribute_that_says_yes_to_everything_is_no_module():
    model = nn.Neuron(1, seed=0)
    model.spy = [Mock(), MagicMock()]
    assert names_of(model(values(1)))[model.bias] == "b"


def test_a_result_without_a_past_is_drawn():
    model = nn.Neuron(1, seed=0)
    with autograd.no_grad():
        y = model(values(1))
        loss = nn.losses.mse([y], [1.0])
    assert [box.kind for box in rows(y).boxes + rows(loss).boxes] == ["leaf", "leaf"]
    assert y not in names_of(y)
    assert loss not in names_of(loss)


def test_nan_and_inf_are_named_too():
    model = nn.Neuron(2, seed=0)
    root = model([Value(math.nan), Value(math.inf)])
    assert {"w₁", "w₂", "b", "x₁", "x₂", "ŷ"} == labels(root) - {""}


def test_the_name_of_a_scope_is_a_string():
    with pytest.raises(TypeError, match="the name of a scope is a string, not 3"):
        scope(3, lambda: Value(1.0))


# ---- where they are shown ------------------------------------------------------------------------


def test_names_in_mathematics_and_without_subscripts():
    assert latex_name("w¹₂₁") == "{w^{1}_{2,1}}"
    assert latex_name("w¹²₂,₁₀") == "{w^{12}_{2,10}}"
    assert latex_name("h¹⁽³⁾₁₂") == "{h^{1(3)}_{12}}"
    assert (latex_name("x₁₂"), latex_name("ŷ"), latex_name("Ŷ")) == (
        "x_{12}",
        r"\hat{y}",
        r"\hat{Y}",
    )
    assert latex_name("gain₁,₂") == r"{\mathit{gain}}_{1,2}"
    assert spelled("w¹₂₁ h¹⁽³⁾₁₂ ŷ⁽²⁾ gate.w₁,₂") == "w1[2,1] h1(3)[12] yhat(2) gate.w[1,2]"


def test_no_symbol_has_two_superscripts_or_subscripts():
    model = nn.MLP(1, [1, 1], seed=1)
    out = model(values(1, 1.0))
    root = autograd.sum([p**3.0 for p in [*model.parameters(), out]])
    twice = re.compile(r"[_^](\{[^{}]*\}|\w)\s*(?:_(\{[^{}]*\}|\w)\s*)?\^|_(\{[^{}]*\}|\w)\s*_")
    for frame in [*trace(root), *trace(root).forward]:
        assert not twice.search(frame.latex())
    tensor = model.to("tensor")
    for frame in trace(tensor(np.ones((2, 1))).sum()):
        assert not twice.search(frame.latex())


def test_reports_and_frames_use_the_names():
    model = nn.MLP(1, [1, 1], seed=1)
    loss = nn.losses.mse([model(values(1, 1.0))], [3.0])
    w = model.layers[0].weight[0][0]
    assert str(explain(loss, w)).startswith("d mse/d w¹₁₁ = ")
    assert r"\partial {w^{1}_{1,1}}" in explain(loss, w).latex()
    assert "w¹₁₁" in str(autograd.diagnose(loss, {w: 123.0}))
    assert "w¹₁₁" in trace(loss).html
    other = Value(1.0)
    assert "does not depend" in str(autograd.lint(loss, [other]))
    w._data = 5.0  # behind the engine's back
    assert "w¹₁₁" in str(check_graph(loss))


def test_a_terminal_without_subscripts_has_digits():
    code = (
        "import nn, autograd; m = nn.Neuron(2, seed=0); y = m([autograd.Value(1.0), 2.0]); "
        "print(str(autograd.explain(y, m.weight[1])).splitlines()[0])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True,
        env={"PYTHONIOENCODING": "ascii:replace", "PATH": ""},
    )  # fmt: skip
    assert done.stdout.startswith(b"d yhat/d w[2] = 2.0")
