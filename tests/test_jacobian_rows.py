"""The Jacobian of arrays: all rows in one walk, or forward, are the rows that come one by one."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_tensor_rules import CASES, groups, tensors
from truth import TRUTH

import autograd as ag
from autograd import Tensor, grad, hessian, jacobian, register
from autograd.arrays import transforms
from autograd.arrays.rows import Rows
from autograd.core.rules import RULES, TABLE
from autograd.transforms import _Call

never, always = 10**9, 0


def ways(f: Any, arrays: list[Any], monkeypatch: Any) -> dict[str, Any]:
    """The Jacobian by each argument, in each of the ways."""
    call = _Call(f, tuple(range(len(arrays))), tuple(arrays), {})
    found = {"one by one": transforms.one_by_one(call, call.result)}
    for name, wide in (("at once", never), ("forward", always)):
        monkeypatch.setattr(transforms, "WIDE", wide)
        found[name] = transforms.at_once(call, call.result)
    return found


def alike(found: dict[str, Any], rtol: float = 1e-12) -> None:
    """All ways were gone, and gave the same."""
    expected = found.pop("one by one")
    for name, answers in found.items():
        assert answers is not None, name
        for answer, x in zip(answers, expected, strict=True):
            assert answer.shape == x.shape
            assert answer.dtype == x.dtype
            np.testing.assert_allclose(answer, x, rtol=rtol, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("case", CASES)
def test_every_row_of_arrays_takes_many_gradients(case: str, monkeypatch: Any) -> None:
    f, arrays = CASES[case]
    call = _Call(f, tuple(range(len(arrays))), tuple(arrays), {})
    if call.result.size > 1:
        alike(ways(f, arrays, monkeypatch))


@pytest.mark.parametrize("case", CASES)
def test_so_does_every_row_on_the_way_to_a_second_derivative(case: str, monkeypatch: Any) -> None:
    f, arrays = CASES[case]

    def slope(x: Any) -> Any:
        return grad(lambda x: (ag.sin(f(x, *arrays[1:])) * 1.5).sum())(x)

    alike(ways(slope, [arrays[0]], monkeypatch), rtol=1e-10)


@pytest.mark.parametrize("name", [name for name in TABLE if TRUTH[name].ordinary])
def test_every_row_of_numbers_takes_many_gradients(name: str, monkeypatch: Any) -> None:
    for points in groups(name)[:2]:
        given = tensors(name, points)
        arrays = [x.data for x in given if isinstance(x, Tensor)]

        def f(*xs: Any, given: Any = given) -> Any:
            fresh = iter(xs)
            return RULES[name].compute(
                *[next(fresh) if isinstance(x, Tensor) else x for x in given]
            )

        with np.errstate(all="ignore"):
            found = ways(f, arrays, monkeypatch) if len(points) > 1 and arrays else {}
        if found and all(np.isfinite(x).all() for x in found["one by one"]):
            alike(found)
        elif found:  # an infinite slope times a zero is nan, in whichever row: as one by one
            for answer, x in zip(found["at once"], found["one by one"], strict=True):
                np.testing.assert_array_equal(answer, x)


# ---- programs ------------------------------------------------------------------------------------

STEPS: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / (2.0 + b * b),
    "matmul": lambda a, b: a @ b,
    "transpose": lambda a, b: a.T,
    "softmax": lambda a, b: a.softmax(0) * b.sum(axis=1, keepdims=True),
    "rows": lambda a, b: a[np.array([2, 0, 0])] + b[::-1, 1:2],
    "mask": lambda a, b: ag.where(a.data > 0.0, a, b),
    "roots": lambda a, b: ag.where(a.data > 0.0, ag.sqrt(a * a), 0.0) + b.max(axis=0),
    "norm": lambda a, b: a * ag.norm(b, axis=1),
    "stack": lambda a, b: ag.stack([a, b], axis=1).var(axis=1),
    "cat": lambda a, b: ag.cat([a[:1], b[1:]]).cumsum(0),
    "reshape": lambda a, b: a.reshape(-1)[::-1].reshape(3, 3) - b.prod(axis=1),
    "values": lambda a, b: a * ag.stack_values([v * v for v in b.values()[0]]),
    "einsum": lambda a, b: ag.einsum("ij,kj->ik", a, b),
}


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 9), st.integers(0, 9)),
        min_size=1,
        max_size=6,
    ),
    st.integers(0, 1000),
)
def test_a_program_has_the_same_rows_in_every_way(program: Any, seed: int) -> None:
    arrays = list(np.random.default_rng(seed).uniform(0.2, 1.5, (2, 3, 3)))
    arrays[0] *= np.array([1.0, -1.0, 1.0])

    def f(x: Any, y: Any) -> Any:
        held = [x, y]
        for name, i, j in program:
            held.append(ag.tanh(STEPS[name](held[i % len(held)], held[j % len(held)])))
        return sum(held)

    with pytest.MonkeyPatch.context() as patch:
        alike(ways(f, arrays, patch), rtol=1e-9)


def test_blocks_of_rows_are_the_rows(monkeypatch: Any) -> None:
    f, arrays = CASES["matmul (3, 4) (4, 2)"]
    monkeypatch.setattr(transforms, "LARGEST", 25)
    alike(ways(f, arrays, monkeypatch))


# ---- what does not go at once --------------------------------------------------------------------


def test_a_column_that_takes_one_gradient_only_is_asked_for_each() -> None:
    def column(g: Any, out: Any, x: Any) -> Any:
        return np.asarray(g) * 2.0 * np.asarray(x)

    square = register("square_of_one", lambda x: x * x, column)
    found = jacobian(square)(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(found, np.diag([2.0, 4.0]))
    with contextlib.suppress(KeyError):
        del RULES["square_of_one"]


def test_a_jacobian_that_depends_on_a_node_from_outside_is_a_node() -> None:
    w = Tensor([1.0, 2.0, 3.0])
    found = jacobian(lambda x: x * x * w)(np.ones(3))
    assert isinstance(found, Tensor)
    found.sum().backward()
    np.testing.assert_array_equal(w.grad, np.full(3, 2.0))


def test_numbers_among_the_arguments_have_columns_too() -> None:
    by_x, (by_s, by_v) = jacobian(lambda x, p: x * p[0] + p[1]["v"], (0, 1))(
        np.array([1.0, 2.0]), [3.0, {"v": 4.0}]
    )
    np.testing.assert_array_equal(by_x, 3.0 * np.eye(2))
    np.testing.assert_array_equal(by_s, [1.0, 2.0])
    np.testing.assert_array_equal(by_v["v"], [1.0, 1.0])
    matrix = jacobian(lambda v: ag.stack_values(v) ** 2.0)([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(matrix, np.diag([2.0, 4.0, 6.0]))


def test_the_hessian_of_a_sum_of_softplus_is_its_formula() -> None:
    b = np.random.default_rng(1).normal(size=(20, 4))
    at = np.array([0.1, -0.2, 0.3, 0.4])
    s = 1.0 / (1.0 + np.exp(-b @ at))
    found = hessian(lambda w: ag.softplus(b @ w).sum())(at)
    np.testing.assert_allclose(found, b.T @ (b * (s * (1.0 - s))[:, None]), rtol=1e-12)


def test_many_gradients_are_not_taken_for_one_array() -> None:
    rows = Rows(np.ones((2, 3)))
    assert (rows.shape, rows.ndim) == ((3,), 1)
    with pytest.raises(TypeError, match="not one array"):
        np.asarray(rows)
    with pytest.raises(TypeError, match="ties is not applied to many gradients"):
        Rows.__autograd_arrays__("ties", (rows, rows), {"axes": (0,)})
    np.testing.assert_array_equal((np.arange(6.0).reshape(2, 3) * rows).stacked.shape, (2, 2, 3))


NOT_FINITE = {
    "log": (np.log, [-1.0, 1.0], [[np.nan, 0], [0, 1]]),
    "sqrt": (np.sqrt, [0.0, 4.0], [[np.inf, 0], [0, 0.25]]),
    "1 / x, and the sum": (
        lambda x: np.concatenate([1 / x, x.sum()[None]]),
        [0.0, 1.0], [[-np.inf, 0], [0, -1], [1, 1]],
    ),
    "other elements": (
        lambda x: np.sqrt(x) * x[::-1], [0.0, 1.0, 4.0], [[np.inf, 0, 0], [0, 1.5, 0], [2, 0, 0]],
    ),
    "the slopes of powers": (
        grad(lambda x: (x**1.5).sum()), [0.0, 1.0], [[np.inf, 0], [0, 0.75]],
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", NOT_FINITE)
def test_an_infinite_slope_stands_where_it_is_and_nowhere_else(name, dtype):
    f, x, wanted = NOT_FINITE[name]
    wanted = pytest.approx(np.array(wanted), nan_ok=True)
    array = np.array(x, dtype)
    replay = ag.compile(jacobian(f))
    for at in (array, Tensor(array)):
        for answer in (jacobian(f)(at), replay(at), replay(at)):
            found = answer.data if isinstance(answer, Tensor) else answer
            assert found == wanted


def test_nor_in_a_hessian_of_arrays_in_a_dict():
    x = {"a": np.array([0.0, 1.0]), "b": np.array([2.0, 3.0])}
    found = jacobian(lambda d: d["b"] / d["a"])(x)
    assert found["a"].tolist() == [[-np.inf, 0.0], [0.0, -3.0]]
    assert found["b"].tolist() == [[np.inf, 0.0], [0.0, 1.0]]
