"""`.data` and `.grad`, on every kind of node: read and written, in every mode, in a recording."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from autograd import Tensor, Value, compile, detect_anomaly, no_grad, record_lines
from autograd.core.graph import Node

KINDS = pytest.mark.parametrize("kind", [Value, Tensor])
MODES = pytest.mark.parametrize("mode", [nullcontext, no_grad, record_lines, detect_anomaly])


def test_data_and_grad_are_written_once_for_all_kinds():
    for name in ("data", "grad"):
        for kind in (Value, Tensor):
            owners = [c for c in kind.__mro__ if name in vars(c) and "core" in c.__module__]
            assert Node in owners
        assert [c for c in Tensor.__mro__ if name in vars(c)] == [Node]


@KINDS
@MODES
def test_data_of_a_leaf_is_read_and_rebound_and_makes_graphs_before_it_stale(kind, mode):
    x = kind(3.0)
    y = x * 2.0
    with mode():
        assert x.data == 3.0
        assert y.data == 6.0
        x.data = 4
        assert x.data == 4.0
        x.data -= 1.5
        assert x.data == 2.5
        with pytest.raises(RuntimeError, match="this graph is stale"):
            y.backward()
    assert (x * 2.0).data == 5.0


@KINDS
@MODES
def test_data_of_a_recorded_node_is_read_only(kind, mode):
    y = kind(3.0) * 2.0
    with (
        mode(),
        pytest.raises(AttributeError, match="read-only, and this one is the result of mul"),
    ):
        y.data = 1.0
    assert y.data == 6.0


@KINDS
@MODES
def test_what_is_no_number_is_refused_and_leaves_data_and_grad_as_they_were(kind, mode):
    x = kind(3.0)
    y, x.grad = x * 2.0, 1.5
    with mode():
        for name in ("data", "grad"):
            for wrong in ("2", 1j, kind(1.0), None)[: 4 if name == "data" else 3]:
                with pytest.raises(TypeError):
                    setattr(x, name, wrong)
    assert (x.data, x.grad) == (3.0, 1.5)
    y.backward()  # not stale
    assert x.grad == 3.5


@KINDS
@MODES
def test_grad_is_zero_at_first_and_is_assigned_and_forgotten(kind, mode):
    x = kind(3.0)
    with mode():
        assert x.grad == 0.0
        x.grad = 2
        assert x.grad == 2.0
        assert isinstance(x.grad, float if kind is Value else np.ndarray)
        x.grad = None
        assert x.grad == 0.0
        assert not hasattr(x, "_grad")


def test_data_and_grad_of_a_tensor_keep_its_shape_and_precision():
    x = Tensor(np.ones((2, 3), np.float32))
    for name in ("data", "grad"):
        setattr(x, name, np.full((2, 3), 2.0))
        assert getattr(x, name).dtype == np.float32
        with pytest.raises(ValueError, match=r"\(2, 3\).*\(3,\)"):
            setattr(x, name, [1.0, 2.0, 3.0])
    x.grad = 5.0  # a number is for every element
    assert (x.grad == np.full((2, 3), 5.0)).all()
    given = np.zeros((2, 3), np.float32)
    x.grad = given
    given += 1.0
    assert not x.grad.any()


def test_data_of_a_recorded_tensor_is_a_view_that_cannot_be_written_to():
    x = Tensor([1.0, 2.0])
    y = x * 2.0
    with pytest.raises(ValueError, match="read-only"):
        y.data[0] = 5.0
    x.data[0] = 5.0
    assert x.data[0] == 5.0


# ---- while a replay is recorded ------------------------------------------------------------------


def one(leaf: Any) -> float:
    """The number, or the first element, in what a leaf's attribute gives."""
    return float(np.ravel(leaf)[0])


LOOKS = {
    "data": lambda p: one(p.data),
    "format": lambda p: float(f"{p.data}"),
    "compare": lambda p: 5.0 if p > 3.0 else 2.0,
    "equal": lambda p: 5.0 if p == 5.0 else 2.0,
}
OF_TENSORS = {
    "item": lambda p: p.item(),
    "numpy": lambda p: 5.0 if np.greater(p, 3.0).all() else 2.0,
    "argmax": lambda p: 5.0 if np.argmax(np.array([2.5, p.data.max()])) else 2.0,
}


@KINDS
@pytest.mark.parametrize("look", ["data", "format", "compare", "equal"])
@pytest.mark.parametrize("before", [True, False])
def test_a_replay_follows_what_it_read_of_a_leaf_outside(kind, look, before):
    p = kind(1.0 if before else 2.0)
    if before:
        p.data = 2.0
    f = compile(lambda x: x * LOOKS[look](p))
    assert f.value(3.0) == 6.0
    p.data = 5.0
    assert f.value(3.0) == 15.0
    assert f.value_and_grad(3.0) == (15.0, 5.0)
    p.data = 2.0
    assert f.value(3.0) == 6.0
    assert len(f.recordings) == 2  # the first holds again


@pytest.mark.parametrize("look", ["item", "numpy", "argmax"])
def test_a_replay_follows_whichever_way_it_looked_at_a_tensor(look):
    p = Tensor(2.0)
    f = compile(lambda x: x * OF_TENSORS[look](p))
    assert f.value(3.0) == 6.0
    p.data = 5.0
    assert f.value(3.0) == 15.0


def test_a_replay_follows_a_tensor_that_was_written_into():
    p = Tensor([2.0, np.nan, 0.0])
    f = compile(lambda x: x * (p.data[0] + p.data[2]))
    assert f.value(3.0) == 6.0
    p.data[0] = 5.0
    assert f.value(3.0) == 15.0
    assert f.value(3.0) == 15.0
    assert len(f.recordings) == 2  # a nan equals itself
    p.data[2] = -0.0
    assert f.value(3.0) == 15.0
    assert len(f.recordings) == 3


def test_batches_follow_a_tensor_too():
    p = Tensor(2.0)
    f = compile(lambda x: x * p.item())
    xs = np.array([1.0, 2.0, 3.0])
    assert f.batch_value(xs).tolist() == [2.0, 4.0, 6.0]
    p.data = 5.0
    assert f.batch_value(xs).tolist() == [5.0, 10.0, 15.0]


@KINDS
@pytest.mark.parametrize("what", ["assigns .data", "reads .grad", "assigns .grad"])
def test_what_no_replay_would_do_is_refused_and_leaves_the_leaf_as_it_was(kind, what):
    p = kind(2.0)
    p.grad = 7.0

    def f(x):
        if what == "assigns .data":
            p.data = 5.0
        elif what == "assigns .grad":
            p.grad = 5.0
        else:
            return x * one(p.grad)
        return x

    with pytest.raises(RuntimeError, match=f"a function {what} of"):
        compile(f).value(3.0)
    assert (p.data, p.grad) == (2.0, 7.0)


def test_a_tensor_that_a_function_computes_from_a_leaf_is_looked_at_anew_in_each_call():
    p = Tensor(2.0)
    for look in (lambda t: one(t.data), Tensor.item, lambda t: 1.0 if t > 0.0 else 2.0, bool):
        replay = compile(lambda x, look=look: x * look(p * 2.0))
        for number in (2.0, -1.0, 0.0):
            p.data = number
            assert replay.value(3.0) == 3.0 * look(Tensor(number * 2.0))
