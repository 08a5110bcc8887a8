"""Tensor: what it holds, what it refuses, how it walks back, and how it crosses to Values."""

from __future__ import annotations

import contextvars
import copy
import gc
import math
import pickle
import sys
import threading
import tracemalloc
import weakref
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Tensor, Value, gradients, no_grad, stack_values


def test_float32_stays_and_all_else_becomes_float64() -> None:
    for given, kept in [("f4", "f4"), ("f8", "f8"), ("i8", "f8"), ("?", "f8"), ("f2", "f8")]:
        assert Tensor(np.ones(3, given)).dtype == np.dtype(kept)
    x = Tensor(np.ones((2, 3), np.float32))
    out = (2 * x.tanh() @ np.ones((3, 2), np.float32) + np.arange(2) / 1 * np.float32(1)).mean()
    assert (x * 2.5 + np.array([1, 2, 3])).dtype == np.float32
    out.backward()
    assert x.grad.dtype == np.float32
    for name in ("sigmoid", "gelu", "erf", "softplus", "log", "relu", "silu"):
        y = getattr(x, name)()
        assert y.dtype == np.float32, name
        assert gradients(y.sum(), [x])[0].dtype == np.float32, name
    assert (x**3).dtype == np.float32
    assert x.astype(float).dtype == np.float64


def test_an_array_is_copied_and_its_leaf_updated_in_place() -> None:
    given = np.ones(2)
    p = Tensor(given, label="p")
    given[0] = 5.0
    assert p.data.tolist() == [1.0, 1.0]
    p.data -= 0.5
    p.data[0] = 2.0
    assert p.data.tolist() == [2.0, 0.5]
    p.data = [3.0, 4.0]
    assert p.data.tolist() == [3.0, 4.0]
    with pytest.raises(ValueError, match=r"shape \(2,\), and the new array \(3,\)"):
        p.data = np.ones(3)


def test_a_graph_is_stale_once_its_leaf_was_updated() -> None:
    p = Tensor([1.0, 2.0], label="p")
    loss = (p * p).sum()
    p.data -= 0.1
    with pytest.raises(RuntimeError, match=r"stale.*'p'"):
        loss.backward()


def test_data_of_a_recorded_node_is_read_only() -> None:
    y = Tensor([1.0]) * 2
    with pytest.raises(ValueError, match="read-only"):
        y.data[0] = 1.0
    with pytest.raises(AttributeError, match="result of mul"):
        y.data = np.ones(1)
    with no_grad():
        leaf = Tensor([[1.0, 2.0]]).reshape(2)
    leaf.data[0] = 7.0


def test_a_detached_copy_shares_nothing() -> None:
    y = Tensor([1.0], label="y") * 2
    z = y.detach()
    z.data[0] = 9.0
    assert y.data[0] == 2.0
    assert z.inputs == ()


def test_comparisons_answer_arrays_and_bool_needs_one_element() -> None:
    x = Tensor([1.0, 2.0])
    assert (x > 1.5).tolist() == [False, True]
    assert (x == x).all()
    assert len({x, x, Tensor([1.0])}) == 2
    assert bool(Tensor([3.0]))
    with pytest.raises(ValueError, match="needs one element"):
        bool(x)


def test_two_backward_passes_double_the_leaves_only() -> None:
    x = Tensor([1.0, 2.0])
    y = x * x
    out = y.sum()
    assert x.grad.tolist() == [0.0, 0.0]
    out.backward()
    out.backward()
    assert x.grad.tolist() == [4.0, 8.0]
    assert y.grad.tolist() == [1.0, 1.0]


def test_gradients_of_leaves_are_arrays_of_their_own() -> None:
    x, y = Tensor([1.0, 2.0]), Tensor([3.0, 4.0])
    seed = np.ones(2)
    (x + y).backward(seed)
    x.grad *= 10
    assert y.grad.tolist() == seed.tolist() == [1.0, 1.0]
    a, b = gradients((x + y).sum(), [x, y])
    a *= 10
    assert b.tolist() == [1.0, 1.0]


def test_a_gradient_starts_from_one_element_or_a_seed_of_the_shape() -> None:
    x = Tensor([1.0, 2.0])
    with pytest.raises(
        ValueError, match=r"shape \(2,\): add its elements up first, or give a seed"
    ):
        (x * 2).backward()
    with pytest.raises(ValueError, match=r"seed has the shape \(3,\), but the Tensor \(2,\)"):
        (x * 2).backward(np.ones(3))
    (x * 2).backward([1, 10])
    assert x.grad.tolist() == [2.0, 20.0]
    assert gradients(x.sum(), [Tensor([[5.0]])])[0].tolist() == [[0.0]]


def test_a_seed_or_gradient_of_integers_or_booleans_is_one_of_floats() -> None:
    x = Tensor(np.ones(3, np.float32))
    (x * 2).backward([True, False, True])
    assert (x.grad.dtype, x.grad.tolist()) == (np.float32, [2.0, 0.0, 2.0])
    x.grad = np.array([1, 2, 3])
    assert (x.grad.dtype, x.grad.tolist()) == (np.float32, [1.0, 2.0, 3.0])
    x.grad = True
    assert x.grad.tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(TypeError, match=r"complex128: take \.real"):
        (x * 2).backward([1j, 0, 0])
    with pytest.raises(TypeError, match="real numbers, not one of object"):
        (x * 2).backward([None, 0, 0])


def test_copies_keep_the_graph() -> None:
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], label="x")
    out = autograd.einsum("ij,j->i", x[:, ::-1], x.sum(axis=0)).norm() + x.max(axis=1).mean()
    expected = gradients(out, [x])[0]
    for other in (pickle.loads(pickle.dumps(out)), copy.deepcopy(out)):
        (leaf,) = (n for n in autograd.nodes(other) if n.label == "x")
        assert leaf is not x
        np.testing.assert_array_equal(gradients(other, [leaf])[0], expected)


@pytest.mark.slow
def test_a_deep_graph_walks_copies_and_is_freed() -> None:
    x = Tensor([1.0])
    y = x
    for _ in range(20_000):
        y = y + x
    y.backward()
    assert x.grad.tolist() == [20_001.0]


# ---- warnings ------------------------------------------------------------------------------------


def edges() -> None:
    """Operations that NumPy warns of: at a pole, past the largest float, and outside a domain."""
    x = Tensor([0.0, 1e200, -1.0])
    out = x.log() + x * x + 1 / x + np.array([np.inf]) * x + x**0.5 + np.exp(x)
    out.sum().backward()
    gradients(out.sum(), [x], create_graph=True)
    (x / 0.0).std().backward()
    autograd.sigmoid(x.data), autograd.logsumexp(x.data)


def test_nothing_warns_and_the_users_settings_are_as_they_were() -> None:
    before = np.geterr()
    edges()
    assert np.geterr() == before
    with np.errstate(all="raise"):
        edges()
        assert set(np.geterr().values()) == {"raise"}
        with pytest.raises(FloatingPointError):
            np.ones(1) / np.zeros(1)


@pytest.mark.slow
def test_other_threads_are_as_quiet() -> None:
    failed: list[BaseException] = []

    def run() -> None:
        try:
            for _ in range(50):
                edges()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_an_operation_of_ones_own_runs_in_the_callers_context() -> None:
    here = contextvars.ContextVar("here", default="nowhere")
    seen = []

    def forward(x: Any) -> Any:
        seen.append(here.get())
        return x * 1.0

    def column(g: Any, out: Any, x: Any) -> Any:
        seen.append(here.get())
        return g

    looking = autograd.register("looking_around", forward, column)
    here.set("here")
    x = Tensor([1.0])
    looking(x).backward()
    looking(x.data)
    assert set(seen) == {"here"}


# ---- memory --------------------------------------------------------------------------------------


def network_step(params: list[Tensor], x: Any, rows: Any, y: Any) -> None:
    hidden = (x @ params[0] + params[1]).relu()
    scores = hidden @ params[2] + params[3]
    loss = -scores.log_softmax(1)[rows, y].mean() + 1e-4 * (params[2] ** 2).sum()
    autograd.zero_grad(params)
    loss.backward()
    for p in params:
        p.data -= 0.1 * p.grad


def other_step(w: Tensor, x: Any) -> None:
    loss = ((x @ w).tanh().max(axis=1) ** 2).mean() + w.softmax(0)[[0, 1]].norm()
    autograd.zero_grad([w])
    loss.backward()
    w.data -= 0.01 * w.grad


@pytest.mark.slow
def test_memory_after_a_thousand_steps_is_that_after_a_hundred_without_a_collector() -> None:
    rng = np.random.default_rng(0)
    params = [Tensor(rng.standard_normal(shape)) for shape in [(8, 4), (4,), (4, 3), (3,)]]
    x, rows, y = np.ones((16, 8)), np.arange(16), rng.integers(0, 3, 16)
    w = Tensor(np.ones((8, 4)))
    held = np.zeros(1000, int)  # made before: a list of them would grow by 40 bytes a step itself
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        for step in range(1000):
            network_step(params, x, rows, y)
            other_step(w, x)
            held[step] = tracemalloc.get_traced_memory()[0]
        # By then Python's lists of freed objects are full: one object a step would be 14,000 bytes.
        assert held[-1] < held[99] + 9_000
    finally:
        tracemalloc.stop()
        gc.enable()


def test_a_recorded_operation_takes_less_than_200_bytes_beside_its_array() -> None:
    x = Tensor(np.ones(1))
    for record in (lambda: x + x, lambda: x.exp(), lambda: x @ x, lambda: x.sum(0, True)):
        record()
        tracemalloc.start()
        kept = [record() for _ in range(1000)]
        whole = tracemalloc.get_traced_memory()[0] - sys.getsizeof(kept)
        tracemalloc.stop()
        arrays = sum(sys.getsizeof(node._data) for node in kept)
        assert (whole - arrays) / 1000 < 200


def test_a_graph_is_freed_the_moment_it_is_dropped() -> None:
    gc.disable()
    try:
        x = Tensor(np.ones((3, 3)))
        y = x.softmax(0)
        seen = weakref.ref(y._data)
        z = (y @ x).std()
        z.backward()
        del y, z
        assert seen() is None
    finally:
        gc.enable()


# ---- crossing ------------------------------------------------------------------------------------


def test_values_and_tensors_cross_with_the_gradient_intact_to_any_order() -> None:
    a, b = Value(2.0, label="a"), Value(3.0)
    t = stack_values([[a, b], [b, 1.0]])
    assert t.shape == (2, 2)
    out = (t**3).sum()
    (g,) = gradients(out, [a], create_graph=True)
    assert isinstance(g, Value)
    assert (g.data, gradients(g, [a])) == (12.0, [12.0])
    x = Tensor([1.0, 2.0])
    u, v = x.values()
    (g,) = gradients(u**2 * v, [x], create_graph=True)
    assert isinstance(g, Tensor)
    assert g.data.tolist() == [4.0, 1.0]
    assert gradients(g.sum(), [x])[0].tolist() == [6.0, 2.0]
    assert isinstance(Tensor(2.0).values(), Value)
    one = Tensor(np.ones(2, np.float32))
    one.values()[1].backward()
    assert one.grad.dtype == np.float32


@pytest.mark.slow
def test_what_values_of_one_tensor_pass_back_is_gathered_once() -> None:
    """Each hands back one number: arrays of n elements for n Values would cost n * n."""
    x = Tensor(np.arange(20_000.0))
    values = x.values()
    loss = autograd.dot(values, values) + values[3]
    (whole,) = {v.inputs[0] for v in values}
    assert whole.op == "elements"
    loss.backward()
    expected = 2 * np.arange(20_000.0)
    expected[3] += 1
    np.testing.assert_array_equal(x.grad, expected)
    np.testing.assert_array_equal(whole.grad, expected)
    copied = pickle.loads(pickle.dumps(loss))
    assert copied.data == loss.data
    with autograd.detect_anomaly():
        gradients(autograd.sum(Tensor([1.0, 2.0]).values()), [x])


@pytest.mark.parametrize(
    "mixed",
    [
        lambda t, v: t * v,
        lambda t, v: v * t,
        lambda t, v: autograd.where([True], t, v),
        lambda t, v: autograd.maximum(t, v),
        lambda t, v: t.__add__((v,)),
        lambda t, v: Tensor([v]),
        lambda t, v: Tensor(np.array([v])),
        lambda t, v: autograd.cat([t, [v]]),
    ],
)
def test_a_value_and_a_tensor_do_not_mix_silently(mixed: Any) -> None:
    with pytest.raises(TypeError, match="stack_values"):
        mixed(Tensor([1.0]), Value(2.0))


# ---- what is refused -----------------------------------------------------------------------------

X = Tensor([[1.0, 2.0, 3.0]], label="x")
W = Tensor(np.ones((2, 2)), label="w")


@pytest.mark.parametrize(
    ("bad", "error", "said"),
    [
        (lambda: Tensor([1j]), TypeError, "complex128: take .real"),
        (lambda: Tensor(["a"]), TypeError, "convert it with astype"),
        (lambda: Tensor([None]), TypeError, "object"),
        (lambda: Tensor(X), TypeError, "x.detach()"),
        (lambda: Tensor([W, W]), TypeError, r"stack\(tensors\)"),
        (lambda: Tensor([[1.0], [1.0, 2.0]]), TypeError, "array of real numbers"),
        (lambda: X + W, ValueError, r"add of the shapes \(1, 3\) of 'x' and \(2, 2\) of 'w'"),
        (lambda: X @ W, ValueError, r"matmul of the shapes \(1, 3\) of 'x' and \(2, 2\) of 'w'"),
        (lambda: X @ 2.0, ValueError, r"matmul of the shapes \(1, 3\) of 'x' and \(\)"),
        (lambda: W @ Tensor(1.0), ValueError, r"'w' and \(\): .* none is \(\)"),
        (lambda: W @ np.ones((2, 3, 3)), ValueError, r"\(2, 2\) of 'w' and \(2, 3, 3\)"),
        (lambda: np.ones((3, 3)) @ W, ValueError, r"matmul of the shapes \(3, 3\) and \(2, 2\)"),
        (lambda: autograd.where([True] * 3, W, X), ValueError, r"where of the shapes"),
        (lambda: W[0, 5], IndexError, "index 5 is out of bounds"),
        (lambda: W[[0, 3]], IndexError, r"getitem of the shape \(2, 2\) of 'w' .*out of bounds"),
        (lambda: W[np.ones(3, bool)], IndexError, "boolean index did not match"),
        (lambda: W[0, 0, 0], IndexError, "too many indices"),
        (lambda: W.max(axis=-3), IndexError, "max: axis -3 is out of range"),
        (lambda: W.cumsum(2), IndexError, "cumsum: axis 2"),
        (lambda: autograd.stack([W, X]), ValueError, "stack of the shapes"),
        (lambda: X.sum(axis=2), IndexError, "axis 2 is out of range for an array of 2 dim"),
        (lambda: X.sum(axis=(0, -2)), ValueError, "twice"),
        (lambda: X.sum(axis=0.5), TypeError, "an axis is an int"),
        (lambda: X.softmax(5), IndexError, "axis 5"),
        (lambda: X.reshape(2, 2), ValueError, "do not fill the shape"),
        (lambda: X.transpose(0), ValueError, "order of 2 axes"),
        (lambda: X.squeeze(1), ValueError, "axes of length 1"),
        (lambda: X.broadcast_to(2, 2), ValueError, "broadcast_to of the shape"),
        (lambda: X.astype(int), TypeError, "float64 or float32"),
        (lambda: X[3], IndexError, "index 3 is out of bounds"),
        (lambda: X["a"], TypeError, "integers or booleans"),
        (lambda: X[X], TypeError, "integers or booleans"),
        (lambda: X[0.5], TypeError, "integers or booleans"),
        (lambda: X.__setitem__(0, 1), TypeError, "where, cat or stack"),
        (lambda: float(X), TypeError, r"item\(\)"),
        (lambda: math.exp(X), TypeError, "autograd.exp"),
        (lambda: X.item(), ValueError, "one element"),
        (lambda: X + "a", TypeError, "add takes|real numbers"),
        (lambda: X + None, TypeError, "real numbers"),
        (lambda: X * 1j, TypeError, "complex"),
        (lambda: Tensor(np.ones(0)).max(), ValueError, r"max of the shape \(0,\)"),
        (lambda: autograd.cat([]), ValueError, "empty list"),
        (lambda: autograd.cat([X, W]), ValueError, "cat of the shapes"),
        (lambda: autograd.einsum("ij,jk", X), ValueError, "has 2 inputs, and 1 came"),
        (lambda: autograd.einsum("i->i", X), ValueError, "does not label the 2 axes"),
        (lambda: autograd.pad(X, -1), ValueError, "not negative"),
        (lambda: autograd.conv2d(X, W), ValueError, "conv2d takes x of shape"),
        (lambda: autograd.max_pool2d(X, 3), ValueError, "larger than the array"),
        (lambda: autograd.max_pool2d(X, 0), ValueError, "an int of at least 1"),
        (lambda: stack_values([[Value(1.0)], [1.0, 2.0]]), ValueError, "not of one length"),
        (lambda: len(Tensor(1.0)), TypeError, "no length"),
        (lambda: setattr(X, "grad", np.ones(2)), ValueError, r"shape of its Tensor, \(1, 3\)"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(bad: Any, error: Any, said: str) -> None:
    with pytest.raises(error, match=said):
        bad()


def test_a_shape_error_names_the_line_that_made_an_input() -> None:
    with autograd.record_lines():
        y = X * 2
    with pytest.raises(ValueError, match=r"made at .*y = X \* 2"):
        y + W


def test_anomalies_are_found_on_tensors() -> None:
    x = Tensor([1.0, 0.0], label="x")
    with (
        autograd.detect_anomaly(),
        pytest.raises(FloatingPointError, match=r"log of x = .*is \[ *0. -inf\](.|\n)*x.log"),
    ):
        x.log()


def test_a_tensor_shows_its_numbers_and_abbreviates_many() -> None:
    assert repr(Tensor([1.0, 2.0], label="a")) == "Tensor([1., 2.], label='a')"
    assert repr(Tensor(np.float32(2.0))) == "Tensor(2., dtype=float32)"
    assert len(repr(Tensor(np.zeros((100, 100))))) < 400
    assert f"{Tensor([2.0]):.2f}" == "2.00"


def test_makers_and_iteration() -> None:
    assert autograd.zeros(2, 3).shape == autograd.ones((2, 3)).shape == (2, 3)
    assert autograd.arange(3).data.tolist() == [0.0, 1.0, 2.0]
    assert autograd.linspace(0, 1, 3).data.tolist() == [0.0, 0.5, 1.0]
    assert autograd.eye(2, dtype=np.float32).dtype == np.float32
    assert [row.sum().item() for row in autograd.ones(2, 3)] == [3.0, 3.0]


def test_functions_given_a_tensor_answer_with_one_and_given_an_array_with_an_array() -> None:
    x = np.array([[0.1, 0.2], [0.3, 0.5]])
    for function in (autograd.exp, autograd.softmax, autograd.sum, autograd.logsumexp):
        on_array, on_tensor = function(x), function(Tensor(x))
        assert not isinstance(on_array, Tensor)
        assert isinstance(on_tensor, Tensor)
        np.testing.assert_array_equal(on_array, on_tensor.data)
    assert autograd.sum([Tensor([1.0]), Tensor([2.0])]).item() == 3.0
    assert autograd.dot(Tensor([1.0, 2.0]), [3.0, 4.0]).item() == 11.0


def test_an_operation_of_ones_own_works_on_tensors() -> None:
    bent = autograd.register(
        "bent_here",
        lambda x: x if x > 0 else x / 2,
        lambda g, out, x: autograd.where(x > 0, g, g / 2),
    )
    x = Tensor([-2.0, 2.0])
    out = bent(x)
    out.sum().backward()
    assert out.data.tolist() == [-1.0, 2.0]
    assert x.grad.tolist() == [0.5, 1.0]


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_a_copy_of_a_leaf_has_an_array_and_a_gradient_of_its_own(duplicate):
    x = Tensor([1.0, 2.0])
    x.sum().backward()
    other = duplicate(x)
    other.data += 1.0
    other.grad[0] = 5.0
    assert x.data.tolist() == [1.0, 2.0]
    assert x.grad.tolist() == [1.0, 1.0]
    assert other.data.tolist() == [2.0, 3.0]


NARROW = ["bool", "int8", "uint8", "int16", "uint16", "int32", "int64"]
PRODUCTS = [
    lambda x, y: autograd.dot(x, y), lambda x, y: autograd.dot(x[None], y[:, None]),
    lambda x, y: autograd.einsum("i,i", x, y), lambda x, y: autograd.einsum(x, [0], y, [0]),
]  # fmt: skip


@pytest.mark.parametrize("dtype", NARROW)
@pytest.mark.parametrize("product", PRODUCTS)
def test_a_sum_of_products_of_integers_does_not_wrap_around(product, dtype):
    most = 1 if dtype == "bool" else min(np.iinfo(dtype).max, 2**53 - 1)  # what a replay takes
    x = np.array([most, most, most - 1]).astype(dtype)
    exact = float(sum(int(a) * int(a) for a in x))
    for y in (x, x.astype(float)):
        assert float(np.squeeze(product(x, y))) == pytest.approx(exact, rel=1e-15)
    found = product(Tensor(x), x)
    assert found.item() == pytest.approx(exact, rel=1e-15)
    assert autograd.compile(product)(x, x) == pytest.approx(exact, rel=1e-15)
    assert np.asarray(product(x.astype("f4"), x.astype("f4"))).dtype == "f4"
