"""Replays: what a compiled function answers, for one argument set and for many."""

from __future__ import annotations

import math
import threading
import warnings
from collections import namedtuple
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Value, compile, grad, hessian, hvp, jacobian, register, where

Point = namedtuple("Point", "x y")


def area(x: Any) -> Any:
    return x[0] * x[1]


# ---- arguments and answers -----------------------------------------------------------------------


def test_a_replay_answers_as_the_function_does_and_records_it_once() -> None:
    calls = []

    def f(x: Any, y: Any) -> Any:
        calls.append((x, y))
        return x * x * y + x.exp()

    step = compile(f)
    for x, y in ((2.0, 3.0), (-1.0, 0.5), (0.0, 7.0)):
        assert step(x, y) == step.value(x, y) == x * x * y + math.exp(x)
        assert step.value_and_grad(x, y) == (x * x * y + math.exp(x), 2 * x * y + math.exp(x))
    assert len(calls) == 2  # it is recorded twice, and the two are compared
    assert len(step.recordings) == 1


def test_answers_have_the_structure_of_the_arguments() -> None:
    def f(p: Any, q: Any) -> Any:
        return p["w"][0] * p["w"][1] * q[0] + p["b"] * q[1][0]

    p, q = {"w": [2.0, 3.0], "b": 5.0}, (7.0, [11.0])
    step = compile(f)
    assert step.value_and_grad(p, q) == (97.0, {"w": [21.0, 14.0], "b": 11.0})
    assert compile(f, 1).value_and_grad(p, q) == (97.0, (6.0, [5.0]))
    assert compile(f, -1).value_and_grad(p, q) == (97.0, (6.0, [5.0]))
    both = compile(f, (1, 0)).value_and_grad(p, q)[1]
    assert both == ((6.0, [5.0]), {"w": [21.0, 14.0], "b": 11.0})


def test_results_may_be_structures() -> None:
    step = compile(lambda x, n: {"sum": x[0] + x[1], "rest": (x[0] * 2, [n, 4.0])})
    assert step([1.0, 2.0], 3) == {"sum": 3.0, "rest": (2.0, [3.0, 4.0])}
    assert step([1.5, 2.0], 5) == {"sum": 3.5, "rest": (3.0, [5.0, 4.0])}
    with pytest.raises(TypeError, match=r"returned \{'sum': \*, 'rest': \(\*, \[\*, \*\]\)\}: add"):
        step.value_and_grad([1.0, 2.0], 3)


def test_a_function_of_nothing_and_an_empty_result_go() -> None:
    assert compile(lambda: [])() == []  # noqa: PIE807
    assert compile(lambda x: {})(1.0) == {}
    assert compile(lambda: 3.0)() == 3.0
    assert compile(lambda xs: autograd.sum(xs))([]) == 0.0
    assert compile(lambda x: x).value_and_grad(2.0) == (2.0, 1.0)
    assert compile(lambda x: x).batch([1.0, 2.0])[1] == [1.0, 1.0]
    assert compile(lambda x, y: y).value_and_grad(2.0, 3.0) == (3.0, 0.0)


def test_named_tuples_stay_what_they_are() -> None:
    step = compile(lambda p: p.x * p.y)
    value, gradient = step.value_and_grad(Point(2.0, 3.0))
    assert (value, gradient) == (6.0, Point(3.0, 2.0))
    assert type(gradient) is Point


def test_an_array_enters_as_an_array_of_values() -> None:
    def f(w: Any, x: Any) -> Any:
        return autograd.tanh(w @ x).sum()

    w, x = np.arange(6.0).reshape(2, 3) / 7, np.array([0.5, -1.0, 2.0])
    value, gradient = compile(f).value_and_grad(w, x)
    slope = 1 - np.tanh(w @ x) ** 2
    assert value == pytest.approx(np.tanh(w @ x).sum(), rel=1e-14)
    np.testing.assert_allclose(gradient, slope[:, None] * x, rtol=1e-12)


@pytest.mark.parametrize(
    "x", [3, True, Fraction(1, 4), np.float32(0.5), np.int64(2), np.array(3.0)]
)
def test_any_real_number_goes(x: Any) -> None:
    assert compile(lambda x: x * 2.5)(x) == float(x) * 2.5


def test_an_int_may_be_an_index_and_is_guarded() -> None:
    rows = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    step = compile(lambda x, k: rows[k][0] * x + sum(x for _ in range(k)))
    assert [step(10.0, k) for k in (0, 2, 1, 2, 0)] == [10.0, 70.0, 40.0, 70.0, 10.0]
    assert len(step.recordings) == 3


def test_other_structures_are_other_recordings() -> None:
    step = compile(lambda *xs: sum(autograd.sum(x) if isinstance(x, list) else x for x in xs))
    assert step(1.0) == 1.0
    assert step(1.0, 2.0) == 3.0
    assert step([1.0, 2.0], 3.0) == 6.0
    assert step([1.0], [2.0, 4.0]) == 7.0
    assert step(2.0) == 2.0
    assert len(step.recordings) == 4


def test_a_keyword_is_a_setting() -> None:
    def f(x: Any, power: int = 2, scale: float = 1.0) -> Any:
        return scale * x**power

    step = compile(f)
    assert step.value_and_grad(3.0) == (9.0, 6.0)
    assert step.value_and_grad(3.0, power=3) == (27.0, 27.0)
    assert step.value_and_grad(3.0, power=3, scale=2.0) == (54.0, 54.0)
    assert step(2.0, scale=-0.0) == 0.0
    assert math.copysign(1.0, step(2.0, scale=-0.0)) == -1.0
    assert math.copysign(1.0, step(2.0, scale=0.0)) == 1.0
    w, v = Value(2.0), Value(2.0)
    with_node = compile(lambda x, w: w * x)
    assert with_node(3.0, w=w) == with_node(3.0, w=v) == 6.0
    w.data = 5.0
    assert (with_node(3.0, w=w), with_node(3.0, w=v)) == (15.0, 6.0)


def test_nan_and_the_infinities_go_through() -> None:
    step = compile(lambda x, y: [x + y, x * y, x / y, x.exp(), where(x < y, x, y)])
    for x, y in ((math.nan, 1.0), (math.inf, -math.inf), (1.0, 0.0), (-0.0, 0.0), (1e300, 1e300)):
        eager = [v.data for v in step.f(Value(x), Value(y))]
        np.testing.assert_array_equal(step(x, y), eager)


# ---- what does not go ----------------------------------------------------------------------------


def test_what_is_no_number_is_named_with_its_place() -> None:
    step = compile(lambda p, x: x)
    for bad, place in (
        ((b"a", 1.0), "argument 0 is b'a' \\(bytes\\)"),
        (({"w": [1.0, b""]}, 1.0), r"argument 0\['w'\]\[1\] is b''"),
        ((1.0, [2.0, (3.0, 1j)]), r"argument 1\[1\]\[1\] is 1j"),
        ((1.0, {1, 2}), r"argument 1 is \{1, 2\}"),
        ((1.0, np.array([1j, 2.0])), r"argument 1\[0\] is 1j"),
    ):  # fmt: skip
        with pytest.raises(TypeError, match=place):
            step(*bad)


def test_what_is_no_result_is_named() -> None:
    def forgetful(x: Any) -> Any:
        x * x

    with pytest.raises(TypeError, match="forgetful returned None: did it forget"):
        compile(forgetful)(1.0)
    with pytest.raises(TypeError, match=r"returned 'text' \(str\)"):
        compile(lambda x: [x, "text"])(1.0)
    with pytest.raises(TypeError, match=r"did it take \.data"):
        compile(lambda x: (x * x).data).value_and_grad(1.0)
    assert compile(lambda x: 3.0)(1.0) == 3.0
    assert compile(lambda x: max(0, 1 - x)).value_and_grad(2.0) == (0.0, 0.0)  # `if` has chosen 0


@pytest.mark.parametrize(
    ("args", "zeros"),
    [
        ((2.0,), 0.0),
        (({"a": 1.0, "b": [2.0, 3.0]},), {"a": 0.0, "b": [0.0, 0.0]}),
        (((1.0, [2.0]), 7.0), (0.0, [0.0])),
        (([],), []),
    ],
)
def test_a_function_that_leaves_its_arguments_alone_has_gradient_zero(args, zeros) -> None:
    constant = compile(lambda *args: 5)
    for _ in range(2):
        assert constant.value_and_grad(*args) == (5.0, zeros)
    assert constant(*args) == 5.0
    second = compile(lambda *args: args[1] * 2 if len(args) > 1 else 5.0)
    assert second.value_and_grad(*args)[1] == zeros


def test_constants_have_gradient_zero_in_arrays_lanes_and_leaves_too() -> None:
    constant, w = compile(lambda x: 5.0), Value(3.0)
    value, slope = constant.value_and_grad(np.ones(3))
    assert (value, slope.tolist()) == (5.0, [0.0] * 3)
    assert constant.value_and_grad(2.0, wrt=[w]) == (5.0, [0.0])
    values, slopes = constant.batch([1.0, 2.0])
    assert (values.tolist(), slopes) == ([5.0, 5.0], [0.0, 0.0])
    values, slopes = compile(lambda x: 5.0 if x > 1 else x * x).batch([0.5, 2.0])
    assert (values.tolist(), slopes) == ([0.25, 5.0], [1.0, 0.0])


def test_wrong_settings_are_refused() -> None:
    for make, error, text in (
        (lambda: compile(3.0), TypeError, "compile takes a function, not 3.0"),  # type: ignore
        (lambda: compile(area, rewrites="sum"), ValueError, "rewrites are True, False or some of"),
        (lambda: compile(area, keep=0), ValueError, "keep is a number of recordings"),
        (lambda: compile(area).value_and_grad(), ValueError, "it got 0 by position"),
        (lambda: compile(area, 1).value_and_grad([1.0, 2.0]), ValueError, "argnums 1 asks for"),
        (lambda: compile(area)([1.0, 2.0], k=[]), TypeError, r"k is \[\] \(list\), which may"),
        (lambda: compile(area).value_and_grad([1.0, 2.0], wrt=[3.0]), TypeError, "not by 3.0"),
        (lambda: compile(area).bind(Value(1.0) * 2), TypeError, "and not by V"),
    ):  # fmt: skip
        with pytest.raises(error, match=text):
            make()


def test_the_functions_own_errors_come_through_and_leave_no_recording() -> None:
    def f(x: Any) -> Any:
        raise KeyError("mine")

    step = compile(f)
    with pytest.raises(KeyError, match="mine"):
        step(1.0)
    assert step.recordings == []
    assert autograd.core.modes.settings()["recorder"] is None


def test_a_tensor_on_the_way_is_refused() -> None:
    def f(x: Any) -> Any:
        return autograd.stack_values([x, x * x]).sum().values()

    with pytest.raises(TypeError, match="Tensor"):
        compile(f)(1.0)


# ---- leaves --------------------------------------------------------------------------------------


def test_leaves_that_a_function_closes_over_are_read_anew() -> None:
    w, b = Value(2.0, "w"), Value(1.0, "b")
    step = compile(lambda x: w * x + b)
    assert step(3.0) == 7.0
    w.data, b.data = 10.0, -1.0
    assert step(3.0) == 29.0
    assert step.value_and_grad(3.0) == (29.0, 10.0)
    assert step.value_and_grad(3.0, wrt=[w, b]) == (29.0, [3.0, 1.0])
    assert step.value_and_grad(3.0, wrt={"b": b}) == (29.0, {"b": 1.0})
    assert step.value_and_grad(3.0, wrt=[Value(1.0), w]) == (29.0, [0.0, 3.0])


def test_backward_adds_to_the_gradients_of_leaves() -> None:
    w, other = Value(2.0), Value(5.0)
    step = compile(lambda x: w * x * x)
    assert step.backward(3.0) == 18.0
    assert (w.grad, other.grad) == (9.0, 0.0)
    step.backward(3.0)
    assert w.grad == 18.0
    w.grad = None
    step.backward(1.0)
    assert w.grad == 1.0
    eager = Value(2.0)
    (eager * 4.0 * eager.exp()).backward()
    compile(lambda: w * 4.0 * w.exp()).backward()
    assert w.grad == 1.0 + eager.grad


def test_interior_nodes_from_outside_and_plain_numbers_are_constants() -> None:
    w = Value(2.0)
    double, number = w * 2, [3.0]
    step = compile(lambda x: double * x + number[0])
    assert step(1.0) == 7.0
    w.data, number[0] = 100.0, 100.0
    assert step(1.0) == 7.0


def test_a_node_as_an_argument_counts_as_its_number_where_a_gradient_is_asked_for() -> None:
    step = compile(area)
    assert step.value_and_grad([Value(2.0), Value(3.0)]) == (6.0, [3.0, 2.0])
    losses, _ = step.batch([[Value(2.0), 3.0], [1.0, 1.0]])
    assert losses.tolist() == [6.0, 1.0]


def test_a_call_with_nodes_is_the_function_itself_so_that_no_graph_is_cut() -> None:
    step = compile(area)
    step([1.0, 2.0])
    x, y = Value(2.0), Value(3.0)
    out = step([x, y])
    out.backward()
    assert (x.grad, y.grad) == (3.0, 2.0)
    assert grad(lambda x: step([x, x * x]))(2.0) == 12.0
    outer = compile(lambda x: step([x, x]) + step([x, 1.0]))
    assert outer.value_and_grad(3.0) == (12.0, 7.0)
    leaf = Value(2.0)
    inner = compile(lambda: leaf * leaf)
    nested = compile(lambda x: x * inner())
    assert nested(3.0) == 12.0
    leaf.data = 10.0
    assert nested(3.0) == 300.0


def test_bound_numbers_stand_for_those_of_the_leaves() -> None:
    w, b, fixed = Value(2.0), Value(1.0), Value(5.0)
    step = compile(lambda x: (w * x + b) * fixed)
    bound = step.bind([w, b])
    assert bound.numbers.tolist() == [2.0, 1.0]
    bound.numbers -= 1.0
    value, gradient = bound.value_and_grad(3.0)
    assert (value, gradient.tolist()) == (15.0, [15.0, 5.0])
    losses, total = bound.batch([1.0, 2.0])
    assert (losses.tolist(), total.tolist()) == ([5.0, 10.0], [15.0, 10.0])
    assert (w.data, step(3.0)) == (2.0, 35.0)
    bound.write()
    assert (w.data, b.data, step(3.0)) == (1.0, 0.0, 15.0)
    w.data = 7.0
    bound.read()
    assert bound.numbers.tolist() == [7.0, 0.0]
    assert step.bind([b, w]).value_and_grad(3.0)[1].tolist() == [5.0, 15.0]


# ---- derivatives of derivatives ------------------------------------------------------------------


def test_derivatives_are_compiled_too() -> None:
    cube = compile(grad(lambda x: x**3))
    assert [cube(x) for x in (2.0, -1.0)] == [12.0, 3.0]
    assert cube.value_and_grad(2.0) == (12.0, 12.0)
    third = compile(grad(grad(lambda x: x.tanh())))
    assert third(0.3) == grad(grad(lambda x: x.tanh()))(0.3)
    bend = compile(hessian(lambda x: x[0] ** 2 * x[1] + x[1].exp()))
    assert bend([3.0, 0.0]) == [[0.0, 6.0], [6.0, 1.0]]
    assert bend([1.0, 5.0]) == [[10.0, 2.0], [2.0, math.exp(5.0)]]
    rows = compile(jacobian(lambda x: [x[0] * x[1], x[0] + 1]))
    assert rows([2.0, 3.0]) == [[3.0, 2.0], [1.0, 0.0]]
    along = compile(hvp(lambda x: x[0] ** 2 * x[1]))
    assert along([3.0, 5.0], [1.0, 0.0]) == [10.0, 6.0]
    assert compile(hessian(lambda x: x[0] ** 2))([4.0]) == [[2.0]]


def test_no_gradient_goes_where_nothing_arrives() -> None:
    """As the eager walk has it: a branch not taken is not asked for its slope."""

    def f(x: Any) -> Any:
        return where(x > 0, x.log() * 3, x * 2)

    step = compile(f)
    for x in (2.0, -1.0, 0.0, -0.0):
        assert step.value_and_grad(x) == (f(Value(x)).data, grad(f)(x))
    values, slopes = step.batch([2.0, -1.0, 0.0])
    np.testing.assert_array_equal(values, [3 * math.log(2.0), -2.0, 0.0])
    assert slopes == [1.5, 2.0, 2.0]


# ---- many at once --------------------------------------------------------------------------------


def affine(p: Any, x: Any, y: Any) -> Any:
    return (p["w"][0] * x[0] + p["w"][1] * x[1] + p["b"] - y) ** 2


def batch_of(n: int) -> tuple[Any, list[list[float]], list[float]]:
    xs = [[0.1 * i, 1.0 - 0.3 * i] for i in range(n)]
    return {"w": [0.5, -2.0], "b": 0.25}, xs, [0.01 * i * i for i in range(n)]


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 16, 100])
@pytest.mark.parametrize("as_arrays", [False, True])
def test_a_batch_is_its_lanes(n: int, as_arrays: bool) -> None:
    p, xs, ys = batch_of(n)
    single = compile(affine, (0, 1))
    each = [single.value_and_grad(p, list(x), y) for x, y in zip(xs, ys, strict=True)]
    given = (np.array(xs), np.array(ys)) if as_arrays else (xs, ys)
    step = compile(affine, (0, 1))
    values, (by_p, by_x) = step.batch(p, *given, in_axes=(None, 0, 0))
    assert values.tolist() == [value for value, _ in each]
    assert np.asarray(by_x).tolist() == [list(gx) for _, (_, gx) in each]
    assert type(by_x) is (np.ndarray if as_arrays else list)
    assert by_p["b"] == pytest.approx(math.fsum(gp["b"] for _, (gp, _) in each), rel=1e-13)
    assert by_p["w"][1] == pytest.approx(math.fsum(gp["w"][1] for _, (gp, _) in each), rel=1e-13)
    _, (by_p, _) = step.batch(p, *given, in_axes=(None, 0, 0), reduce=None)
    assert by_p["w"][0].tolist() == [gp["w"][0] for _, (gp, _) in each]
    assert len(step.recordings) == 1


def test_shared_arrays_have_a_gradient_for_each_lane_if_it_is_not_reduced() -> None:
    def f(w: Any, x: Any) -> Any:
        return (w * x).sum()

    w, x = np.array([[1.0, 2.0], [3.0, 4.0]]), np.arange(12.0).reshape(3, 2, 2)
    values, total = compile(f).batch(w, x, in_axes=(None, 0))
    np.testing.assert_allclose(values, (w * x).sum(axis=(1, 2)))
    np.testing.assert_allclose(total, x.sum(axis=0))
    _, each = compile(f).batch(w, x, in_axes=(None, 0), reduce=None)
    np.testing.assert_array_equal(each, x)


def test_a_batch_has_gradients_by_leaves() -> None:
    w = Value(3.0)
    step = compile(lambda x: w * x * x)
    values, gradient = step.batch([1.0, 2.0, 4.0], wrt=[w])
    assert (values.tolist(), gradient) == ([3.0, 12.0, 48.0], [21.0])
    _, gradient = step.batch([1.0, 2.0, 4.0], wrt=w, reduce=None)
    assert gradient.tolist() == [1.0, 4.0, 16.0]


def test_lanes_that_go_another_way_have_a_recording_of_their_own() -> None:
    def f(w: Any, x: Any) -> Any:
        return w * x * x if x > 0 else w + x if x < -5 else w - x

    step = compile(f)
    xs = [3.0, -1.0, -9.0, 2.0, -8.0, -2.0, 5.0, 1.0, 4.0, -3.0]
    values, total = step.batch(2.0, xs, in_axes=(None, 0))
    assert values.tolist() == [f(2.0, x) for x in xs]
    assert total == 9.0 + 4.0 + 25.0 + 1.0 + 16.0 + 5.0
    assert len(step.recordings) == 3
    assert step.batch_value(2.0, xs, in_axes=(None, 0)).tolist() == values.tolist()
    assert len(step.recordings) == 3


def test_a_batch_of_values_has_the_structure_of_the_result() -> None:
    found = compile(lambda x: {"twice": x * 2, "both": [x + 1, x * x]}).batch_value([1.0, 3.0])
    assert found["twice"].tolist() == [2.0, 6.0]
    assert [x.tolist() for x in found["both"]] == [[2.0, 4.0], [1.0, 9.0]]
    with pytest.raises(ValueError, match=r"returned .* in some lanes, and in others"):
        compile(lambda x: [x] if x > 0 else x).batch_value([1.0, -1.0])


def test_ints_in_lanes_may_be_indices() -> None:
    step = compile(lambda x, k: [x, x * x, x * x * x][k])
    values, slopes = step.batch(2.0, [0, 1, 2, 1], in_axes=(None, 0), reduce=None)
    assert (values.tolist(), slopes.tolist()) == ([2.0, 4.0, 8.0, 4.0], [1.0, 4.0, 12.0, 4.0])


def test_wrong_batches_are_refused() -> None:
    step = compile(lambda x, y: x * y)
    for args, settings, error, text in (
        (([1.0], [1.0, 2.0]), {}, ValueError, "argument 0 has 1, argument 1 has 2"),
        (([1.0], 2.0), {}, TypeError, "argument 1 varies, so it is a list or an array of lanes"),
        (([1.0], [2.0]), {"in_axes": (0,)}, ValueError, "in_axes has 1 entries for 2 arguments"),
        (([1.0], [2.0]), {"in_axes": 1}, ValueError, "in_axes has 0 for an argument"),
        (([1.0], [2.0]), {"in_axes": (True, 0)}, ValueError, "in_axes has 0 for an argument"),
        ((1.0, 2.0), {"in_axes": None}, ValueError, "and here is none"),
        (([], []), {}, ValueError, "and here is none"),
        ((np.zeros((0, 2)), []), {}, ValueError, "and here is none"),
        (([1.0, "a"], [1.0, 2.0]), {}, ValueError, "lane 1 of argument 0 is 'a'"),
        (([1.0, [2.0]], [1.0, 2.0]), {}, ValueError, r"lane 1 of argument 0 is \[\*\], and lane 0"),
        (([1.0], [2.0]), {"reduce": "mean"}, ValueError, "reduce is 'sum' or None, not 'mean'"),
    ):  # fmt: skip
        with pytest.raises(error, match=text):
            step.batch(*args, **settings)


# ---- operations of the user's own ----------------------------------------------------------------


def test_an_operation_without_a_c_form_runs_in_python_and_says_so_once() -> None:
    def forward(x: float) -> float:
        return math.sin(x) if x > 0 else 0.0

    op = register("replay_bent", forward, lambda g, out, x: g * math.cos(x) if x > 0 else None)
    step = compile(lambda x: op(x * 2.0) * x + op(x))
    with pytest.warns(RuntimeWarning, match="replay_bent has no form in C") as said:
        step.value_and_grad(0.7)
    assert len(said) == 1
    assert said[0].filename == __file__
    for x in (0.7, -0.3, 2.0):
        assert step.value_and_grad(x) == (step.f(Value(x)).data, grad(step.f)(x))
    values, slopes = step.batch([0.7, -0.3, 2.0] * 3)
    assert slopes == [grad(step.f)(x) for x in (0.7, -0.3, 2.0)] * 3
    assert values[1] == 0.0


def test_an_operations_columns_go_into_c_where_they_can() -> None:
    op = register("replay_cube", lambda x: x * x * x, lambda g, out, x: 3 * g * x * x)
    step = compile(lambda x: op(x))
    with pytest.warns(RuntimeWarning, match="replay_cube has no form in C"):
        assert step.value_and_grad(2.0) == (8.0, 12.0)
    assert "share" not in step.listing()


def test_an_operation_of_a_list_hands_back_to_each() -> None:
    op = register(
        "replay_top", lambda *xs: max(xs), lambda g, out, *xs: [g * (x == out) for x in xs]
    )
    step = compile(lambda x: op(x[0], x[1] * 2, x[2]))
    with pytest.warns(RuntimeWarning, match="replay_top"):
        assert step.value_and_grad([1.0, 2.0, 3.0]) == (4.0, [0.0, 2.0, 0.0])
    assert step.value_and_grad([9.0, 2.0, 3.0]) == (9.0, [1.0, 0.0, 0.0])


def test_an_error_in_such_an_operation_comes_through_and_the_replay_lives_on() -> None:
    def forward(x: float) -> float:
        return math.log(x)

    op = register("replay_log", forward, lambda g, out, x: g / x)
    step = compile(lambda x: op(x) + x)
    with pytest.warns(RuntimeWarning, match="replay_log"):
        step(1.0)
    with pytest.raises(ValueError, match="math domain error"):
        step(-1.0)
    assert step(1.0) == 1.0


# ---- threads, depth ------------------------------------------------------------------------------


@pytest.mark.slow
def test_threads_share_a_replay() -> None:
    w = Value(2.0)
    step = compile(
        lambda x: autograd.sum([w * x * k for k in range(50)]).tanh() if x > 0 else x * w
    )
    numbers = [(-1) ** i * 0.001 * i for i in range(1, 200)]
    expected = {x: step.value_and_grad(x) for x in numbers}
    wrong: list[float] = []

    def work() -> None:
        for x in numbers:
            if step.value_and_grad(x) != expected[x]:
                wrong.append(x)
        values, _ = step.batch(numbers)
        if values.tolist() != [expected[x][0] for x in numbers]:
            wrong.append(0.0)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_threads_record_at_the_same_time() -> None:
    found: list[Any] = []
    start = threading.Barrier(6)

    def work(k: int) -> None:
        start.wait()
        step = compile(lambda x: autograd.tanh(x * k) + x)
        found.append(step.value_and_grad(0.5) == (math.tanh(0.5 * k) + 0.5, grad(step.f)(0.5)))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 6


def test_a_replay_may_be_called_while_it_runs() -> None:
    step: Any = None

    def forward(x: float) -> float:
        return 1.0 if x < 1 else x * step(x - 1.0)

    op = register("replay_factorial", forward, lambda g, out, x: 0.0)
    step = compile(lambda x: op(x) * 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert step(0.0) == 1.0
    assert step(5.0) == 120.0


@pytest.mark.slow
def test_depth_is_no_matter() -> None:
    def chain(x: Any, n: int) -> Any:
        for _ in range(n):
            x = x.sin()
        return x

    n = 30_000
    step = compile(chain)
    value, slope = step.value_and_grad(0.5, n=n)
    out = Value(0.5)
    leaf = out
    for _ in range(n):
        out = out.sin()
    assert value == out.data
    assert slope == autograd.gradients(out, [leaf])[0]
    long = compile(lambda x, y: sum((x * k for k in range(n)), y))
    assert long.value_and_grad(1.0, 2.0) == (n * (n - 1) / 2 + 2.0, n * (n - 1) / 2)
    program = long.recordings[0].machine().program
    assert len(program.loops) <= 3
