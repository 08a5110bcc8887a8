"""Copies of a function's arguments, made by the function: the gradient flows through them."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import pytest

from autograd import Tensor, Value, compile, grad, hessian, hvp, jacobian, vjp


@dataclasses.dataclass
class Pair:
    a: object
    b: object


def through_dataclass(x):
    pair = Pair(x, [x, 2 * x])
    parts = dataclasses.asdict(pair)
    return dataclasses.replace(pair, a=parts["a"] * parts["b"][1]).a


COPIES = {
    "copy": lambda x: copy.copy(x) ** 2,
    "deepcopy": lambda x: copy.deepcopy(x) ** 2,
    "deepcopy of a container": lambda x: copy.deepcopy({"x": [x, (x,)]})["x"][0] ** 2,
    "deepcopy of a result": lambda x: copy.deepcopy(x * 3) * x / 3,
    "both of one copy": lambda x: (lambda pair: pair[0] * pair[1])(copy.deepcopy([x, x])),
    "deepcopy twice": lambda x: copy.deepcopy(copy.deepcopy(x)) * x,
    "asdict": lambda x: through_dataclass(x) / 2,
    "astuple": lambda x: dataclasses.astuple(Pair(x, x))[0] * x,
}


@pytest.mark.parametrize("name", COPIES)
def test_the_gradient_flows_through_a_copy(name):
    f = COPIES[name]  # the square of x, by another way
    assert grad(f)(3.0) == pytest.approx(6.0)
    assert grad(grad(f))(3.0) == pytest.approx(2.0)
    assert vjp(f)(3.0, 1.0) == pytest.approx(6.0)
    assert grad(lambda x: x * grad(lambda y: f(x) * f(y))(x))(2.0) == pytest.approx(2 * 4 * 8)
    x = np.array([1.0, -2.0])
    assert grad(lambda x: f(x).sum())(x) == pytest.approx(2 * x)
    assert jacobian(f)(x) == pytest.approx(np.diag(2 * x))
    assert hessian(lambda x: f(x).sum())(x) == pytest.approx(2 * np.eye(2))
    assert hvp(lambda x: f(x).sum())(x, x) == pytest.approx(2 * x)
    assert grad(lambda xs: f(xs[0]) + xs[1])([3.0, 1.0]) == pytest.approx([6.0, 1.0])


@pytest.mark.parametrize("x", [3.0, np.ones(2)])
def test_a_pickle_would_cut_it_and_is_refused(x):
    for f in (lambda x: x, lambda x: x * x):
        with pytest.raises(TypeError, match=r"which a pickle would lose: take \.data"):
            grad(lambda x, f=f: pickle.loads(pickle.dumps(f(x))))(x)
    assert np.all(
        grad(lambda x: (x * pickle.loads(pickle.dumps(2.0))).sum() if np.ndim(x.data) else 2 * x)(x)
        == 2.0
    )


@pytest.mark.parametrize("kind", [Value, Tensor])
def test_elsewhere_a_copy_is_another_leaf(kind):
    x = kind(3.0)
    for other in (copy.copy(x), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
        assert other is not x
        (other * other).backward()
        assert float(other.grad) == 6.0
    grad(lambda y: y * y)(3.0)  # a call that has ended
    assert copy.deepcopy(x) is not x
    assert float(x.grad) == 0.0
    assert grad(lambda y: y * copy.deepcopy(x).data)(2.0) == 3.0


def test_an_error_in_the_function_leaves_copies_as_they_were():
    held = []

    def f(x):
        held.append(x)
        raise KeyError

    with pytest.raises(KeyError):
        grad(f)(3.0)
    assert copy.deepcopy(held[0]) is not held[0]


@pytest.mark.parametrize("name", COPIES)
def test_replays_have_the_same_gradient(name):
    f = COPIES[name]
    step, slope, whole = compile(f), compile(grad(f)), compile(lambda x: f(x).sum())
    for x in (3.0, -1.0, 3.0):
        assert step.value_and_grad(x) == pytest.approx((x * x, 2 * x))
        assert slope.value_and_grad(x) == pytest.approx((2 * x, 2.0))
    # a copy of a result has its number, which is guarded
    assert len(step.recordings) == (2 if name in ("deepcopy of a result", "asdict") else 1)
    for x in (np.array([1.0, -2.0]), np.array([3.0, 4.0])):
        for given in (x, Tensor(x)):
            value, gradient = whole.value_and_grad(given)
            assert float(getattr(value, "data", value)) == pytest.approx(float(x @ x))
            assert np.asarray(getattr(gradient, "data", gradient)) == pytest.approx(2 * x)
