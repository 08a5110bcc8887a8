"""The same network on both backends: weights, losses, gradients, training, files, inputs."""

from __future__ import annotations

import copy
import gc
import math
import pickle
import signal
import sys
import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import nn
from autograd import Tensor, Value, gradients, no_grad, stack_values
from nn import optim
from nn.data import outputs_of

LOSSES = nn.losses.LOSSES
CLASSES = {"bce": (0, 1), "bce_with_logits": (0, 1), "hinge": (-1, 1), "zero_one": (0, 1)}


def moons(n=60, classes=(0, 1)):
    X, y = nn.data.two_moons(n, seed=1)
    return X, [classes[k] for k in y]


def twins(*args, **settings):
    """The same network twice."""
    return nn.MLP(*args, **settings), nn.MLP(*args, **settings, backend="tensor")


def as_arrays(state):
    return {name: np.array(block) for name, block in state.items()}


def assert_same_state(a, b, **tolerance):
    """Two states have the same names, and numbers that are as close as `tolerance` says."""
    a, b = as_arrays(a), as_arrays(b)
    assert list(a) == list(b)
    for name in a:
        assert a[name].shape == b[name].shape
        assert a[name] == pytest.approx(b[name], **tolerance)


# ---- one network, two backends -------------------------------------------------------------------


@st.composite
def problems(draw):
    """A network, a batch and a loss that go together."""
    loss = draw(st.sampled_from(list(LOSSES)))
    n_in, n = draw(st.integers(1, 4)), draw(st.integers(1, 7))
    hidden = draw(st.lists(st.integers(1, 5), max_size=2))
    bends = [name for name in nn.ACTIVATIONS if name != "step"]  # which stops every gradient
    outputs = draw(st.integers(2, 4)) if loss == "cross_entropy" else 1
    if loss in ("mse", "sse", "mae", "huber"):
        outputs = draw(st.integers(1, 3))
    last = {"bce": ["sigmoid"], "cross_entropy": [None, "softmax"], "zero_one": [None]}
    seed = draw(st.integers(0, 2**31 - 1))
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_in))
    if loss == "cross_entropy":
        y = rng.integers(0, outputs, n)
    elif loss in CLASSES:
        y = rng.choice(CLASSES[loss], n)
    else:
        y = rng.normal(size=(n, outputs) if outputs > 1 else n)
    made = {
        "n_in": n_in, "sizes": [*hidden, outputs], "activation": draw(st.sampled_from(bends)),
        "output": draw(st.sampled_from(last.get(loss, [None, "tanh", "softplus"]))), "seed": seed,
    }  # fmt: skip
    return made, loss, X, y


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(problems())
def test_loss_and_every_gradient_agree_between_the_backends(problem):
    made, loss, X, y = problem
    values, tensors = twins(**made)
    one_by_one = LOSSES[loss]([values(x) for x in X.tolist()], y.tolist())
    at_once = LOSSES[loss](tensors(X), y)
    assert at_once.item() == pytest.approx(one_by_one.data, rel=1e-12, abs=1e-15)
    assert at_once.dtype == "float64"
    one_by_one.backward()
    at_once.backward()
    found = {name: p.grad for name, p in tensors.named_parameters()}
    expected = {
        f"layers.{i}.{part}": np.vectorize(lambda p: p.grad)(np.array(getattr(layer, part)))
        for i, layer in enumerate(values.layers)
        for part in ("weight", "bias")
    }
    assert list(found) == list(expected)
    for name, g in found.items():
        scale = abs(expected[name]).max()
        assert g == pytest.approx(expected[name], rel=1e-12, abs=1e-12 * max(scale, 1e-3))


OPTIMIZERS = {
    "sgd": lambda ps: optim.SGD(ps, 0.1),
    "momentum": lambda ps: optim.SGD(ps, 0.05, momentum=0.9, weight_decay=1e-3),
    "nesterov": lambda ps: optim.SGD(ps, 0.05, momentum=0.9, nesterov=True),
    "adagrad": lambda ps: optim.Adagrad(ps, 0.1),
    "rmsprop": lambda ps: optim.RMSProp(ps, 0.01, momentum=0.5, weight_decay=1e-3),
    "adam": lambda ps: optim.Adam(ps, 0.02),
    "adamw": lambda ps: optim.AdamW(ps, 0.02),
    "newton": lambda ps: optim.Newton(ps, 0.5, damping=0.5),
}


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_whole_training_run_is_the_same_on_both_backends(optimizer):
    X, y = moons(40, (-1, 1) if optimizer != "newton" else (0, 1))
    loss = "hinge" if optimizer != "newton" else "bce_with_logits"
    values, tensors = twins(2, [4, 1], activation="tanh", seed=3)
    histories = [
        nn.fit(model, X, y, loss, OPTIMIZERS[optimizer](model.parameters()), 4, 8, seed=5,
               clip=2.0, schedule=optim.cosine(4), validation=0.2, patience=2, progress=False)
        for model in (values, tensors)
    ]  # fmt: skip
    assert_same_state(values.state_dict(), tensors.state_dict(), rel=1e-10, abs=1e-12)
    assert histories[1].loss == pytest.approx(histories[0].loss, rel=1e-11)
    assert histories[1].validation_loss == pytest.approx(histories[0].validation_loss, rel=1e-11)
    assert all(type(x) is float for x in histories[1].loss)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "Newton-CG"])
def test_scipy_finds_the_same_minimum_on_both_backends(method):
    pytest.importorskip("scipy")
    X, y = [[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0]
    values, tensors = nn.Neuron(1, seed=0), nn.Neuron(1, seed=0, backend="tensor")
    optim.minimize(lambda: LOSSES["mse"]([values(x) for x in X], y), values.parameters(), method)
    result = optim.minimize(lambda: LOSSES["mse"](tensors(X), y), tensors.parameters(), method)
    assert result.success
    assert [*tensors.weight.data, tensors.bias.item()] == pytest.approx([2.0, 1.0], abs=1e-5)
    assert values.bias.data == pytest.approx(tensors.bias.item(), abs=1e-5)


def test_newtons_step_on_a_parabola_ends_at_its_lowest_point():
    w = Tensor([[3.0, -1.0], [0.5, 2.0]])
    newton = optim.Newton([w])
    loss = ((w - [[1.0, 2.0], [3.0, 4.0]]) ** 2).sum()
    newton.step(loss)
    assert w.data == pytest.approx(np.array([[1.0, 2.0], [3.0, 4.0]]))


# ---- what a network on Tensors answers -----------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("sizes", "shape"), [([3, 1], ()), ([3, 2], (2,)), ([1], ()), ([4], (4,))])
def test_a_batch_gives_a_tensor_of_answers_and_a_sample_one(sizes, shape, dtype):
    model = nn.MLP(2, sizes, seed=0, backend="tensor", dtype=dtype)
    X = np.array([[0.5, -1.0], [1.5, 0.25], [0.0, 0.0], [3.0, 2.0]])
    for batch in (X, X.tolist(), Tensor(X), X.astype("float32"), tuple(map(tuple, X.tolist()))):
        answer = model(batch)
        assert isinstance(answer, Tensor)
        assert (answer.shape, answer.dtype) == ((4, *shape), dtype)
    one = model(X[1])
    assert one.shape == shape
    assert one.data == pytest.approx(model(X).data[1], rel=1e-6)
    assert model(X[:1]).shape == (1, *shape)


def test_a_neuron_and_a_layer_on_tensors_have_the_shapes_of_their_weights():
    neuron, layer = (
        nn.Neuron(3, "tanh", seed=1, backend="tensor"),
        nn.Layer(3, 2, seed=1, backend="tensor"),
    )
    assert (neuron.weight.shape, neuron.bias.shape) == ((3,), ())
    assert (layer.weight.shape, layer.bias.shape) == ((2, 3), (2,))
    x = np.ones((5, 4, 3))
    assert (neuron(x).shape, layer(x).shape) == ((5, 4), (5, 4, 2))
    expected = math.tanh(sum(w.data for w in nn.Neuron(3, "tanh", seed=1).weight))
    assert neuron([1.0, 1.0, 1.0]).item() == pytest.approx(expected, rel=1e-15)


def test_gradients_flow_into_an_input_that_is_a_tensor():
    values, tensors = twins(2, [3, 1], activation="tanh", seed=2)
    x, t = [Value(0.3), Value(-0.7)], Tensor([[0.3, -0.7]])
    values(x).backward()
    tensors(t).sum().backward()
    assert t.grad[0] == pytest.approx([v.grad for v in x], rel=1e-14)


def test_repr_counts_the_numbers_and_names_the_precision():
    assert repr(nn.MLP(2, [16, 1], backend="tensor", dtype="float32")).splitlines() == [
        "MLP(2 → 16 → 1, relu, float32 tensors): 65 parameters",
        "  layers.0: Layer(2 → 16, relu, float32 tensors): 48 parameters",
        "  layers.1: Layer(16 → 1, linear, float32 tensors): 17 parameters",
    ]


@pytest.mark.slow
def test_float32_stays_float32_through_every_optimiser_and_clipping():
    X, y = moons()
    for make in OPTIMIZERS.values():
        model = nn.MLP(2, [4, 1], "tanh", seed=0, backend="tensor", dtype="float32")
        nn.fit(model, X, y, "bce_with_logits", make(model.parameters()), 2, 16, clip=0.5, seed=0,
               progress=False)  # fmt: skip
        assert {p.dtype for p in model.parameters()} == {np.dtype("float32")}
        assert {p.grad.dtype for p in model.parameters()} == {np.dtype("float32")}


# ---- from one backend to the other ---------------------------------------------------------------


def test_a_model_goes_to_the_other_backend_and_back_with_every_bit_of_its_weights():
    model = nn.MLP(3, [4, 2], "elu", "softmax", seed=7)
    there = model.to("tensor")
    back = there.to("value")
    assert_same_state(there.state_dict(), model.state_dict(), rel=0, abs=0)
    assert back.state_dict() == model.state_dict()
    assert repr(back) == repr(model)
    assert [layer.name for layer in there.layers] == ["layer 1", "layer 2"]
    assert back.layers[0].neurons[1].name == "neuron 1.2"
    assert back.layers[0].neurons[0].weight[0] is back.layers[0].weight[0][0]
    x = [0.1, -2.0, 0.7]
    assert [p.data for p in back(x)] == [p.data for p in model(x)]


def test_to_leaves_the_model_and_its_optimiser_as_they_were():
    model = nn.Neuron(2, seed=1)
    sgd = optim.SGD(model.parameters(), lr=1.0)
    twin = model.to("tensor")
    twin.weight.data += 1.0
    model.bias.grad = 1.0
    sgd.step()
    assert model.bias.data == -1.0
    assert twin.bias.item() == 0.0
    twin = twin.to("tensor", "float32")
    assert (twin.weight.dtype, twin.to("tensor").weight.dtype) == ("float32", "float32")


def test_labels_go_along():
    model = nn.Layer(2, 2, seed=0, backend="tensor")
    model.weight.label, model.bias.label = "W", "b"
    values = model.to("value")
    assert [[w.label for w in row] for row in values.weight] == [
        ["W[0, 0]", "W[0, 1]"],
        ["W[1, 0]", "W[1, 1]"],
    ]
    back = values.to("tensor")
    assert (back.weight.label, back.bias.label) == ("W", "b")
    single = Own()
    single.scale.label = "s"
    assert single.to("tensor").scale.label == "s" == single.to("tensor").to("value").scale.label


class Own(nn.Module):
    """A user's module: a scale, a list of weights, and networks in a dict."""

    def __init__(self, **settings: Any) -> None:
        self.scale = Value(2.0)
        self.shifts = [Value(0.5), Value(-0.5)]
        self.parts = {"mlp": nn.MLP(2, [3, 2], "tanh", seed=1, **settings)}

    def __call__(self, x: Any) -> Any:
        z = self.parts["mlp"](x)
        if isinstance(self.scale, Tensor):
            return (z * self.scale + self.shifts).sum(axis=-1)
        return sum(a * self.scale + b for a, b in zip(z, self.shifts, strict=True))


def test_a_users_module_goes_along_block_by_block():
    values = Own()
    tensors = values.to("tensor")
    assert [(name, p.shape) for name, p in tensors.named_parameters()] == [
        ("scale", ()), ("shifts", (2,)), ("parts.mlp.layers.0.weight", (3, 2)),
        ("parts.mlp.layers.0.bias", (3,)), ("parts.mlp.layers.1.weight", (2, 3)),
        ("parts.mlp.layers.1.bias", (2,)),
    ]  # fmt: skip
    assert list(values.state_dict()) == list(tensors.state_dict())
    X = [[0.1, 0.2], [-1.0, 3.0]]
    assert tensors(X).data == pytest.approx([values(x).data for x in X], rel=1e-14)
    assert tensors.to("value").state_dict() == values.state_dict()


@pytest.mark.parametrize("x", [1e300, -1e39])
def test_a_number_that_float32_does_not_hold_is_refused(x, tmp_path):
    large, small = (nn.MLP(1, [1], backend="tensor", dtype=d, seed=0) for d in ("f8", "f4"))
    large.parameters()[0].data[...] = x
    before = {name: array.copy() for name, array in small.state_dict().items()}
    nn.save(large, tmp_path / "m.safetensors")
    for attempt in (
        lambda: small.load_state_dict(large.state_dict()),
        lambda: nn.load(tmp_path / "m.safetensors", small),
        lambda: large.to("tensor", "f4"),
        lambda: large.to("value").to("tensor", "f4"),
        lambda: nn.fit(small, [[x]], [1.0], progress=False),
        lambda: nn.fit(small, np.array([[1.0]]), np.array([x]), progress=False),
    ):
        with pytest.raises(ValueError, match="is too large a number for float32"):
            attempt()
    assert all((before[name] == array).all() for name, array in small.state_dict().items())
    small.load_state_dict({name: array * 0 + np.inf for name, array in before.items()})  # as given


def test_tensors_are_found_in_attributes_lists_and_dicts_and_arrays_are_constants():
    class Mine(nn.Module):
        def __init__(self):
            self.w = Tensor([1.0, 2.0])
            self.more = [Tensor(3.0), (Tensor([[4.0]]), self.w)]
            self.named = {"a": Tensor([5.0])}
            self.mask = np.array([1.0, 0.0])

    mine = Mine()
    assert [name for name, _ in mine.named_parameters()] == ["w", "more.0", "more.1.0", "named.a"]
    mine.last = (mine.w * 2).sum()
    assert len(mine.parameters()) == 4
    assert repr(mine) == "Mine: 5 parameters"


@pytest.mark.parametrize("there", ["value", "tensor"])
def test_a_state_of_one_backend_fills_the_other(there):
    models = {b: nn.MLP(2, [3, 1], seed=i, backend=b) for i, b in enumerate(("value", "tensor"))}
    source = models["value" if there == "tensor" else "tensor"]
    models[there].load_state_dict(source.state_dict())
    assert_same_state(models[there].state_dict(), source.state_dict(), rel=0, abs=0)


def test_a_state_is_a_copy_and_so_is_what_a_model_takes():
    model, other = (nn.MLP(2, [3, 1], seed=i, backend="tensor") for i in range(2))
    state = model.state_dict()
    before = copy.deepcopy(state)
    other.load_state_dict(state)
    for m in (model, other):
        for p in m.parameters():
            p.data += 1.0
    assert_same_state(state, before, rel=0, abs=0)


@pytest.mark.parametrize("change", [
    lambda s: s.pop("layers.0.bias"),
    lambda s: s.update(more=1.0),
    lambda s: s.update({"layers.0.weight": np.zeros((2, 3))}),
    lambda s: s.update({"layers.1.bias": [None]}),
    lambda s: s.update({"layers.1.bias": ["1.5j"]}),
])  # fmt: skip
def test_a_state_that_does_not_fit_changes_nothing(change):
    model = nn.MLP(2, [3, 1], seed=1, backend="tensor")
    before, state = model.state_dict(), nn.MLP(2, [3, 1], seed=2, backend="tensor").state_dict()
    change(state)
    with pytest.raises((ValueError, TypeError)):
        model.load_state_dict(state)
    assert_same_state(model.state_dict(), before, rel=0, abs=0)


def test_loading_makes_a_graph_stale():
    model = nn.Neuron(1, seed=0, backend="tensor")
    out = model([[1.0]]).sum()
    model.load_state_dict(model.state_dict())
    with pytest.raises(RuntimeError, match="stale"):
        out.backward()


def test_a_pickle_answers_the_same():
    model = nn.MLP(2, [3, 2], "gelu", "softmax", seed=1, backend="tensor", dtype="float32")
    twin = pickle.loads(pickle.dumps(model))
    assert (twin([1.0, 2.0]).data == model([1.0, 2.0]).data).all()
    assert repr(twin) == repr(model)


# ---- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_model_of_tensors_comes_back_with_its_precision_and_every_bit(tmp_path, dtype):
    model = nn.MLP(3, [4, 2], "tanh", "softmax", seed=1, backend="tensor", dtype=dtype)
    nn.save(model, tmp_path / "m.safetensors")
    loaded = nn.load(tmp_path / "m.safetensors")
    assert repr(loaded) == repr(model)
    assert_same_state(loaded.state_dict(), model.state_dict(), rel=0, abs=0)
    safetensors = pytest.importorskip("safetensors.numpy")
    theirs = safetensors.load_file(tmp_path / "m.safetensors")
    assert {x.dtype for x in theirs.values()} == {np.dtype(dtype)}
    assert (theirs["layers.0.weight"] == model.layers[0].weight.data).all()


@pytest.mark.parametrize("backends", [("value", "tensor"), ("tensor", "value")])
def test_training_goes_on_on_the_other_backend_from_a_file(backends, tmp_path):
    X, y = moons(20)
    here, there = backends
    model = nn.MLP(2, [3, 1], seed=0, backend=here)
    adam = optim.Adam(model.parameters(), 0.05)

    def train(model, adam):
        nn.fit(model, X, y, "bce_with_logits", adam, 3, None, progress=False)

    train(model, adam)
    nn.save(model, tmp_path / "m.safetensors", adam)
    other = nn.MLP(2, [3, 1], seed=1, backend=there)
    their_adam = optim.Adam(other.parameters())
    nn.load(tmp_path / "m.safetensors", other, their_adam)
    assert their_adam.steps == 3
    train(model, adam)
    train(other, their_adam)
    assert_same_state(other.state_dict(), model.state_dict(), rel=1e-11, abs=1e-13)
    third = optim.Adam(nn.MLP(2, [3, 1], backend=there).parameters())
    third.load_state_dict(their_adam.state_dict())
    assert_same_state(
        {name: np.hstack([np.ravel(x) for x in column])
         for name, column in third.state_dict()["memory"].items()},
        {name: np.hstack([np.ravel(x) for x in column])
         for name, column in adam.state_dict()["memory"].items()}, rel=1e-9, abs=1e-15,
    )  # fmt: skip


def test_the_state_of_an_optimiser_is_a_copy_and_must_fit():
    w = Tensor([[1.0, 2.0]])
    adam = optim.Adam([w])
    w.grad = [[1.0, -1.0]]
    adam.step()
    state = adam.state_dict()
    adam.step()
    assert state["memory"]["mean"][0] == pytest.approx(np.array([[0.1, -0.1]]))
    fresh = optim.Adam([Tensor([[0.0, 0.0, 0.0]])])
    with pytest.raises(ValueError, match="'mean' is of 2 parameters, but there are 3"):
        fresh.load_state_dict(state)
    assert fresh.steps == 0


# ---- training ------------------------------------------------------------------------------------


def test_a_model_of_tensors_is_given_arrays_of_its_precision_and_whole_numbers_as_they_are():
    seen = []

    class Spy(nn.Module):
        def __init__(self):
            self.w = Tensor(np.float32(1.0))

        def __call__(self, x):
            seen.append(x)
            return (self.w * x).reshape(len(x), -1).sum(axis=1)

    def loss(outputs, ys):
        seen.append(ys)
        return nn.losses.mse(outputs, ys)

    X = np.arange(24.0).reshape(6, 2, 2)
    settings = {"loss": loss, "epochs": 1, "shuffle": False, "progress": False}
    nn.fit(Spy(), X, np.arange(6), batch_size=4, **settings)
    assert [(x.shape, x.dtype.name) for x in seen[:4]] == [
        ((4, 2, 2), "float32"), ((4,), "int64"), ((2, 2, 2), "float32"), ((2,), "int64"),
    ]  # fmt: skip
    assert seen[3].tolist() == [4, 5]
    seen.clear()
    words = np.array([[1, 2], [3, 4]])
    nn.fit(Spy(), words, [0.5, 1.5], **settings)
    assert np.shares_memory(seen[0], words)
    assert seen[1].dtype == "float32"


def test_batches_of_arrays_are_arrays_in_the_order_of_lists_and_views_without_a_shuffle():
    X, y = np.arange(20.0).reshape(10, 2), np.arange(10)
    listed = list(nn.data.batches(X.tolist(), y.tolist(), 4, seed=3))
    for make in (lambda x: x, lambda x: Tensor(x)):
        found = list(nn.data.batches(make(X), y, 4, seed=3))
        assert [(xs.tolist(), ys.tolist()) for xs, ys in found] == listed
        assert all(type(xs) is np.ndarray for xs, _ in found)
    for xs, ys in nn.data.batches(X, y, 4, shuffle=False):
        assert np.shares_memory(xs, X)
        assert np.shares_memory(ys, y)


def test_ctrl_c_in_the_middle_of_a_step_takes_the_step_back():
    class Interrupted(optim.SGD):
        def change(self, x, g, memory):
            if self.steps == 3 and x.shape == (1,):
                signal.raise_signal(signal.SIGINT)
            return super().change(x, g, memory)

    X, y = moons()
    model, two = (nn.MLP(2, [4, 1], seed=0, backend="tensor") for _ in range(2))
    history = nn.fit(model, X, y, "bce_with_logits", Interrupted(model.parameters(), 0.1), 9, None,
                     progress=False)  # fmt: skip
    assert (history.stopped, history.iterations) == ("interrupted", 2)
    nn.fit(two, X, y, "bce_with_logits", optim.SGD(two.parameters(), 0.1), 2, None, progress=False)
    assert_same_state(model.state_dict(), two.state_dict(), rel=0, abs=0)


def test_early_stopping_goes_back_to_the_best_weights():
    seen = []
    model = nn.Neuron(1, seed=0, backend="tensor")
    X = [[x / 10] for x in range(-10, 11)]
    history = nn.fit(model, X, [2 * x + 1 for (x,) in X], optimizer="sgd", lr=0.1, epochs=500,
                     batch_size=None, patience=3, validation=([[0.0]], [0.5]), progress=False,
                     callbacks=[lambda m, h: seen.append(m.state_dict())])  # fmt: skip
    assert history.stopped == "early"
    assert_same_state(model.state_dict(), seen[history.best_epoch - 1], rel=0, abs=0)


def test_a_loss_that_is_no_number_names_its_cause_and_keeps_good_weights():
    class Root(nn.Module):
        def __init__(self):
            self.w = Tensor([1.0], label="w")

        def __call__(self, x):
            return (x * self.w).log().sum(axis=1)

    model = Root()
    with pytest.raises(FloatingPointError) as caught:
        nn.fit(model, [[1.0], [1.0]], [-9.0, -9.0], optimizer="sgd", lr=0.06, epochs=9,
               batch_size=1, shuffle=False, progress=False)  # fmt: skip
    assert "the loss became nan in epoch 1, batch 2: log of [[-0.08" in str(caught.value)
    assert model.w.data.tolist() == [1.0]


def test_a_gradient_that_is_not_finite_is_never_applied_and_a_large_one_is():
    class Root(nn.Module):
        def __init__(self, power):
            self.w, self.power = Tensor([0.0]), power

        def __call__(self, x):
            return (self.w**self.power).sum() * x[:, 0]

    with pytest.raises(FloatingPointError, match="a gradient is not finite in epoch 1, batch 1"):
        nn.fit(model := Root(0.5), [[1.0]], [1.0], progress=False)
    assert model.w.data.tolist() == [0.0]
    model = Root(1.0)
    nn.fit(model, [[1e200]], [1e-50], "mae", optimizer="sgd", lr=1.0, epochs=1, progress=False)
    assert model.w.data.tolist() == [1e200]  # though the square of that gradient is no float


@pytest.mark.parametrize("scale", [1.0, 1e200, 1e-200])
def test_gradients_are_clipped_by_their_joint_length_however_long(scale):
    a, b = Tensor([1.0, 2.0]), Tensor([[3.0]])
    a.grad, b.grad = np.array([3.0, 0.0]) * scale, np.array([[-4.0]]) * scale
    assert optim.clip_grad_norm([a, b], 2.5 * scale) == pytest.approx(5.0 * scale, rel=1e-15)
    if scale >= 1:
        assert a.grad == pytest.approx([1.5 * scale, 0.0], rel=1e-6)
        optim.clip_grad_value([a, b], scale)
        assert (a.grad.tolist(), b.grad.tolist()) == ([scale, 0.0], [[-scale]])


def test_a_diagnosis_is_the_same_on_both_backends():
    X, y = moons()
    values, tensors = twins(2, [8, 8, 1], activation="relu", seed=2)
    a, b = (nn.diagnose_training(m, X, y, "bce_with_logits") for m in (values, tensors))
    assert a.findings == b.findings
    for one, other in zip(a.layers, b.layers, strict=True):
        assert (one.name, one.activation, one.units, one.dead) == (
            other.name, other.activation, other.units, other.dead,
        )  # fmt: skip
        for part in ("saturated", "gradient", "mean", "deviation"):
            assert getattr(other, part) == pytest.approx(getattr(one, part), rel=1e-12)
    assert not any(p.grad.any() for p in tensors.parameters())


def test_plain_answers_are_the_same_on_both_backends():
    X, _ = moons(5)
    for sizes in ([3, 1], [3, 2]):
        values, tensors = twins(2, sizes, seed=1)
        found = outputs_of(tensors, X)
        assert type(found) is list
        assert np.array(found) == pytest.approx(np.array(outputs_of(values, X)), rel=1e-14)


def test_the_decision_boundary_of_both_backends_is_the_same():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    X, y = moons(10)
    shades = []
    for model in twins(2, [3, 1], activation="tanh", seed=1):
        figure, ax = plt.subplots()
        nn.plot_decision_boundary(model, X, y, ax, resolution=10)
        shades.append(
            [path.vertices.tolist() for c in ax.collections[:-2] for path in c.get_paths()]
        )
        plt.close(figure)
    assert shades[0] == shades[1]


def test_estimators_answer_the_same_on_both_backends():
    pytest.importorskip("sklearn")
    X, y = map(np.array, moons(40))
    settings = {"layers": (4,), "epochs": 3, "random_state": 0}
    for make, targets in ((nn.MLPClassifier, y), (nn.MLPRegressor, X @ [[1.0, 2.0], [3.0, 4.0]])):
        found = [make(backend=b, **settings).fit(X, targets) for b in ("value", "tensor")]
        assert found[1].predict(X) == pytest.approx(found[0].predict(X), rel=1e-10)
        assert isinstance(found[1].model_.parameters()[0], Tensor)
        assert isinstance(found[0].model_.parameters()[0], Value)


@pytest.mark.slow
def test_a_training_step_leaves_nothing_behind_though_the_collector_is_off():
    X, y = moons(64)
    model = nn.MLP(2, [32, 1], "tanh", seed=0, backend="tensor")
    adam = optim.Adam(model.parameters())

    def after(*epochs):
        for n in epochs:
            nn.fit(model, X, y, "bce_with_logits", adam, n, 64, progress=False)
        assert gc.collect() == 0  # nothing to find; the interpreter's spare objects are let go
        forget()
        return tracemalloc.get_traced_memory()[0]

    forget = getattr(sys, "_clear_internal_caches", None) or sys._clear_type_cache  # of names
    nn.fit(model, X, y, "bce_with_logits", adam, 10, 64, progress=False)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        _, early, late = after(300), after(10), after(300, 10)  # a model keeps its last history
    finally:
        tracemalloc.stop()
        gc.enable()
    assert late - early < 5_000  # a number a step is more


# ---- what is refused -----------------------------------------------------------------------------

BATCH = np.zeros((5, 3))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: nn.MLP(2, [3], backend="tesnor"), ValueError, "did you mean 'tensor'"),
        (lambda: nn.Layer(2, 3, backend="torch"), ValueError, "no backend 'torch'"),
        (lambda: nn.MLP(2, [3]).to("arrays"), ValueError, "There are value, tensor"),
        (lambda: nn.MLP(2, [3], dtype="float32"), ValueError, "dtype='float32' is for backend="),
        (lambda: nn.MLP(2, [3], backend="tensor", dtype="int64"), ValueError, "not int64"),
        (lambda: nn.MLP(2, [3], backend="tensor", dtype="flaot"), TypeError, "flaot"),
        (
            lambda: nn.MLP(2, [3, 1], backend="tensor")(BATCH),
            ValueError,
            r"a sample has 3 features, but this Layer takes 2: the input is of shape \(5, 3\), "
            r"the weight of shape \(3, 2\)",
        ),
        (lambda: nn.Neuron(2, backend="tensor")(BATCH), ValueError, r"this Neuron takes 2.*\(2,\)"),
        (lambda: nn.MLP(2, [3, 1], backend="tensor")(1.0), ValueError, "a sample has no features"),
        (
            lambda: nn.MLP(2, [3, 1], backend="tensor")([Value(1.0), Value(2.0)]),
            TypeError,
            r"this Layer holds Tensors.*model.to\('value'\) takes Values",
        ),
        (
            lambda: nn.MLP(2, [3, 1], backend="tensor")([["a", "b"]]),
            TypeError,
            "takes an array or a Tensor.*real numbers",
        ),
        (
            lambda: nn.MLP(2, [3, 1])(Tensor([1.0, 2.0])),
            TypeError,
            r"this Layer holds Values and takes a list.*not a Tensor: take model.to\('tensor'\)",
        ),
        (lambda: nn.Neuron(2)(Tensor([1.0, 2.0])), TypeError, "this Neuron holds Values"),
        (
            lambda: nn.MLP(3, [3, 1])(BATCH),
            ValueError,
            r"takes one sample at a time, not an array of shape \(5, 3\)",
        ),
        (lambda: nn.Perceptron(2).to("tensor"), TypeError, "a rule of its own"),
        (
            lambda: optim.SGD([Tensor([1.0]) * 2]),
            TypeError,
            "a Value or a Tensor that no operation has made",
        ),
        (lambda: optim.SGD([np.zeros(2)]), TypeError, "a parameter is a Value or a Tensor"),
    ],
)
def test_what_does_not_go_together_is_refused_with_a_reason(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_a_plain_array_is_a_sample_for_a_model_of_values():
    model = nn.MLP(2, [3, 1], seed=0)
    assert model(np.array([0.5, 1.5])).data == model([0.5, 1.5]).data
    assert model((0.5, 1.5)).data == model([0.5, 1.5]).data
    values = Tensor([0.5, 1.5]).values()
    assert model(values).data == model([0.5, 1.5]).data


def test_values_cross_over_into_a_model_of_tensors_with_their_gradient():
    a, b = Value(0.5), Value(1.5)
    nn.MLP(2, [3, 1], "tanh", seed=0, backend="tensor")(stack_values([a, b])).values().backward()
    x = [Value(0.5), Value(1.5)]
    nn.MLP(2, [3, 1], "tanh", seed=0)(x).backward()
    assert (a.grad, b.grad) == pytest.approx((x[0].grad, x[1].grad), rel=1e-14)


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([[1.0], [2.0]], [1.0], "X has 2 samples and y has 1"),
        ([], [], "X is empty"),
        (np.zeros((0, 1)), [], "X is empty"),
        ([[], []], [0, 1], r"X\[0\] has 0 numbers"),
        ([[1.0], [math.nan]], [0, 1], r"X\[1\]\[0\] is nan: fill in"),
        (np.array([[1.0], [math.inf]]), [0, 1], r"X\[1\]\[0\] is inf"),
        ([[1.0], [2.0]], [0, math.nan], r"y\[1\] is nan"),
        ([[1.0], [2.0, 3.0]], [0, 1], r"X\[1\] has 2 numbers, and X\[0\] has 1"),
        ([1.0, 2.0], [0, 1], "X is a list of samples, each a list of features"),
        ([[1.0, 2.0], [3.0, 4.0]], [0, 1], "a sample has 2 features, but this Layer takes 1"),
    ],
)
def test_data_that_cannot_be_learnt_from_is_refused_as_on_values(X, y, message):
    with pytest.raises(ValueError, match=message):
        nn.fit(nn.MLP(1, [1], backend="tensor"), X, y, progress=False)


def test_texts_and_complex_numbers_in_the_data_are_a_type_error():
    for X in ([["red"]], np.array([["red"]]), [[None]], np.array([[1j]])):
        with pytest.raises(TypeError, match=r"X\[0\]\[0\] is .*, and must be a real number"):
            nn.fit(nn.MLP(1, [1], backend="tensor"), X, [0], progress=False)


def test_labels_may_be_floats_and_a_class_outside_the_outputs_is_named():
    X = [[0.0], [1.0]]
    model = nn.MLP(1, [3], backend="tensor")
    nn.fit(model, X, [2.0, 0.0], "cross_entropy", epochs=1, progress=False)
    for wrong, named in ((7, "7"), (7.0, "7.0"), (0.5, "0.5"), (-1, "-1")):
        with pytest.raises(ValueError, match=f"{named} is not a class: they are 0 to 2"):
            nn.fit(model, X, [0, wrong], "cross_entropy", progress=False)


def test_a_data_frame_is_an_array():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [0.0, 1.0], "b": [1.0, 0.0]})
    model = nn.MLP(2, [1], backend="tensor")
    assert nn.fit(model, frame, frame["a"], epochs=1, progress=False).epochs == 1


def test_a_model_of_values_learns_from_a_tensor_of_data_too():
    X, y = moons(10)
    models = [nn.MLP(2, [1], seed=0) for _ in range(2)]
    nn.fit(models[0], X, y, epochs=1, progress=False)
    nn.fit(models[1], Tensor(X), Tensor(y), epochs=1, progress=False)
    assert models[0].state_dict() == models[1].state_dict()


def test_no_gradient_is_recorded_where_none_is_wanted():
    model = nn.MLP(2, [3, 1], backend="tensor")
    with no_grad():
        assert model(np.zeros((4, 2))).inputs == ()
    out = model(np.zeros((4, 2))).sum()
    assert len(gradients(out, model.parameters())) == 4


def test_a_model_takes_a_state_on_either_backend() -> None:
    model, other = nn.MLP(2, [3, 1], seed=0), nn.MLP(2, [3, 1], seed=1)
    for taker in (other, other.to("tensor")):
        for state in (model.state_dict(), model.to("tensor").state_dict()):
            taker.load_state_dict(nn.MLP(2, [3, 1], seed=2).state_dict())
            taker.load_state_dict(state)
            assert taker.to("value").state_dict() == model.to("value").state_dict()
