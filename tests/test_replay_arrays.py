"""Replays of functions of plain arrays: what they give is what `value_and_grad` gives."""

from __future__ import annotations

import warnings
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from test_numpy_arguments import FUNCTIONS, calls, changed, flat_list, places, run
from test_numpy_forms import FORMS, METHODS, ROW

from autograd import Value, compile, gradients, value_and_grad

nan = np.nan
NOISY = {"test", "show_config", "info", "show_runtime", "get_include", "save", "savez", "savetxt",
         "savez_compressed", "load", "fromfile", "genfromtxt", "loadtxt", "memmap"}  # fmt: skip


def edges(path: Any, x: Any) -> list[Any]:
    """An array, and arrays of its shape with ties, zeros and nan among their elements."""
    steps = np.arange(x.size).reshape(x.shape) % 3
    return [
        x,
        np.zeros_like(x),
        np.where(steps == 1, -0.0, np.minimum(steps, 1.0)),
        np.where(steps == 0, nan, x),
        np.where(steps == 1, nan, x),
    ]


def total(found: Any) -> Any:
    """The sum of all that a call returns, with a weight for each element; bools count too."""
    parts = [x for x in flat_list(found) if not isinstance(x, (str, type(None)))]
    return sum(
        (x * np.cos(1.0 + np.arange(np.size(x))).reshape(np.shape(x))).sum()
        if np.ndim(x)
        else x * 1.0
        for x in parts
    )


def outcome(compute: Callable[..., Any], arrays: list[Any]) -> Any:
    """A value and gradients, or None for an error."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return compute(*[x.copy() for x in arrays])
        except Exception:
            return None


def differs(function: Callable[..., Any], arguments: Any, all_edges: bool = True) -> str | None:
    """How a replay differs from `value_and_grad`, if it does."""
    where = list(places(arguments))
    given: dict[Any, Any] = {}
    changed(arguments, lambda path, x: given.setdefault(path, x))

    def f(*arrays: Any) -> Any:
        entered = dict(zip(where, arrays, strict=True))
        return total(run(function, changed(arguments, lambda path, x: entered[path])))

    if not where or not all(x.ndim for x in given.values()):
        return None  # an array without axes enters as a number
    which = tuple(range(len(where)))
    kinds = zip(*[edges(path, given[path]) for path in where], strict=True)
    for arrays in list(kinds)[: None if all_edges else 1]:
        eager = outcome(value_and_grad(f, which), arrays)
        replayed = outcome(compile(f, which).value_and_grad, arrays)
        if eager is None:
            continue  # it is refused: that it is refused by name is tested elsewhere
        if replayed is None:
            return f"no replay where {eager}, at {arrays}"
        for x, y in zip([eager[0], *eager[1]], [replayed[0], *replayed[1]], strict=True):
            if not np.allclose(x, y, rtol=1e-9, atol=1e-11, equal_nan=True):
                return f"{replayed} for {eager}, at {arrays}"
    return None


@pytest.mark.parametrize("name", FORMS)
def test_a_replay_of_any_form_of_a_function_has_its_value_and_gradient_at_edges_too(name):
    function: Any = np
    for part in name.split("."):
        function = getattr(function, part, None)
    if function is None:
        pytest.skip("this NumPy has no such function")
    assert [x for form in FORMS[name] if (x := differs(function, form))] == []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - NOISY))
def test_a_replay_of_any_public_function_has_its_value_and_gradient(name):
    function = FUNCTIONS[name]
    given = [(call[0], call[1]) for call in calls(name, function, (3,))]
    given += [(call[0], call[1]) for call in calls(name, function, (3, 3))]
    assert [x for call in given if (x := differs(function, call))] == []


@pytest.mark.parametrize("name", sorted({*METHODS} - {"tolist"}))  # which cuts Tensors only
def test_a_replay_of_any_method_has_its_value_and_gradient(name):
    assert differs(lambda x: getattr(x, name)(*METHODS[name]), ([ROW], {})) is None


# ---- one at a time -------------------------------------------------------------------------------


def _caught(f: Callable[[], Any]) -> Any:
    try:
        return f()
    except BaseException:
        return 0.0


POINTS = [
    np.zeros(3),
    np.array([1.0, 1.0, 0.5]),
    np.array([nan, 1.0, 2.0]),
    np.array([3.0, -0.0, 1]),
]
MIXED: dict[str, Callable[[Any], Any]] = {
    "a loss in the middle of loops": lambda x: sum(v * v for v in x) + np.max(x),
    "a hinge": lambda x: np.maximum(0.0, 1.0 - x).sum(),
    "a stable softmax": lambda x: np.exp(x - x.max())[0] / np.exp(x - np.max(x)).sum(),
    "a scaled array": lambda x: ((x - x.mean()) / (x.std() + 1.0)).sum() + x[0],
    "methods that ask no protocol": lambda x: x[x.argmax()] * x[np.argsort(x)[0]] + x.std(),
    "a slice of a result": lambda x: np.sort((x * 2.0)[1:])[0],
    "an array that f makes": lambda x: np.median(np.concatenate([x, x * 3.0])),
    "places": lambda x: np.where(np.isnan(x), 0.0, x).sum(),
    "what an array times a number is": lambda x: np.max(x[0] * np.array([1.0, nan, 2.0])) + x[1],
    "what one number fills": lambda x: np.std(x.mean() * np.ones(3)) + x[0],
    "a type that is looked at": lambda x: x.sum() * (2.0 if x.dtype == float else 3.0),
    "a type that is asked for": lambda x: x.sum() * np.finfo(x.dtype).eps,
    "a division by what is no Value": lambda x: (x / np.zeros_like(x)).sum() * 0.0 + x[0],
    "methods of a number": lambda x: x.mean().reshape(1)[0] + x.sum().item(),
    "an extreme of columns": lambda x: np.std(x.reshape(3, 1), axis=1).sum() + x[0],
    "truth of numbers": lambda x: np.logical_and(x, 2.0).sum() * x[0],
    "what is caught": lambda x: _caught(lambda: np.max(x)) + x[0],
    "an error that is caught": lambda x: _caught(lambda: x.argmax()) * x[0],
    "numbers in place": lambda x: (lambda y: y.clip(-1.0, 1.0).sum())(x + 0.0),
}


@pytest.mark.parametrize("x", POINTS, ids=str)
@pytest.mark.parametrize("name", MIXED)
def test_a_replay_of_numpys_functions_has_their_edges(name, x):
    value, slope = outcome(compile(MIXED[name]).value_and_grad, [x])
    due, due_slope = outcome(value_and_grad(MIXED[name]), [x])
    np.testing.assert_allclose(value, due, rtol=1e-12)
    np.testing.assert_allclose(slope, due_slope, rtol=1e-12, atol=1e-15)


def test_loops_over_the_elements_of_an_array_are_recorded_as_values():
    replay = compile(lambda x: sum(100.0 * (b - a * a) ** 2 for a, b in pairwise(x)))
    assert replay.value_and_grad(np.ones(50))[0] == 0.0
    assert len(replay.recordings) == 1  # a recording of Tensors is not among these


def test_an_array_may_be_written_into_where_f_made_it():
    def f(x):
        y = np.zeros_like(x)
        y[0] = x[0] * 2.0
        y[1:] += x[1:]
        y *= 3.0
        return (y**2).mean(axis=0) + np.var(x)

    value, slope = compile(f).value_and_grad(np.array([1.0, 2.0, 3.0]))
    assert value == pytest.approx((36 + 36 + 81) / 3 + 2 / 3)
    assert slope == pytest.approx([24.0 - 2 / 3, 12.0, 18.0 + 2 / 3])


def test_what_needs_arrays_beside_leaves_that_are_values_runs_as_it_is_and_says_so():
    w = [Value(0.5), Value(-1.0)]
    rows = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, -1.0]])

    def loss(x):
        scaled = (x - np.mean(x, axis=0)) / np.std(x, axis=0)
        return sum((w[0] * a + w[1] * b) ** 2 for a, b in scaled) + w[0] * np.max(x)

    expected = loss(rows)
    slopes = gradients(expected, w)
    replay = compile(loss)
    with pytest.warns(RuntimeWarning, match="loss runs as it is, .*it computes with Values"):
        value, slope = replay.value_and_grad(rows, wrt=w)
    assert (value, *slope) == pytest.approx((expected.data, *slopes))
    with warnings.catch_warnings():  # it is said once
        assert replay.value(rows) == pytest.approx(expected.data)
        assert replay.backward(rows) == pytest.approx(expected.data)
        values, _ = replay.batch(np.array([rows, rows * 2]), wrt=w)
    assert [v.grad for v in w] == pytest.approx(slopes)
    assert values[0] == pytest.approx(expected.data)
    with pytest.raises(TypeError, match=r"loss calls np.std of an argument.* make the leaves"):
        compile(loss).bind(w).value_and_grad(rows)


def test_containers_hold_arrays_that_are_computed_with_as_arrays():
    def f(tree, scale):
        return np.max(tree["x"]) * scale + np.sort(tree["y"][0])[-1]

    given = {"x": np.array([1.0, 2.0, 2.0]), "y": [np.array([3.0, nan, 1.0])]}, 2.0
    got = compile(f, (0, 1)).value_and_grad(*given)
    due = value_and_grad(f, (0, 1))(*given)
    np.testing.assert_equal(got[0], due[0])
    np.testing.assert_equal(got[1][0]["x"], [0.0, 1.0, 1.0])
    np.testing.assert_equal(got[1], due[1])


TYPED: dict[str, tuple[Callable[..., Any], Any]] = {
    "float32, a floor": (lambda x: (np.floor(x * 10) * x).sum(), np.float32([0.7, 0.1, 0.3])),
    "float32, a comparison": (
        lambda x: x.sum() * (2.0 if x[1] == 0.1 else 3.0),
        np.float32([1, 0.1]),
    ),
    "float32, an overflow": (lambda x: (1e30 * x * 1e30).sum(), np.float32([1.0, 2.0])),
    "int8 as numbers": (lambda x: (x * 2.5).sum(), np.array([100, 3], np.int8)),
    "in a dict": (lambda d: (d["x"] * 3.0).sum(), {"x": np.float32([0.1, 0.2])}),
}


@pytest.mark.parametrize("name", TYPED)
def test_an_array_of_another_type_enters_as_one_of_that_type(name):
    f, x = TYPED[name]
    value, slope = compile(f).value_and_grad(x)
    due, due_slope = value_and_grad(f)(x)
    slope, due_slope = (s["x"] if isinstance(s, dict) else s for s in (slope, due_slope))
    assert float(value) == float(due)
    assert slope.dtype == due_slope.dtype
    np.testing.assert_array_equal(slope, due_slope)


BESIDE: dict[str, tuple[Callable[..., Any], Any]] = {
    "indices": (lambda x, i: (x[i] * 2.0).sum(), np.array([2, 0, 0])),
    "a mask": (lambda x, m: x[m].sum(), np.array([True, False, True])),
    "a sum of bools": (lambda x, m: ((m + m) * x).sum(), np.array([True, False, True])),
    "wrapping ints": (lambda x, m: ((m + m) * x).sum(), np.array([200, 100, 7], np.uint8)),
    "a division of ints": (lambda x, m: ((m // 2) * x).sum(), np.array([5, 3, -1])),
}


@pytest.mark.parametrize("name", BESIDE)
def test_an_array_beside_those_to_differentiate_by_keeps_its_type(name):
    f, other = BESIDE[name]
    x, replay = np.array([0.5, -1.0, 2.0]), compile(f)
    for at in (other, other[::-1], other):
        value, slope = replay.value_and_grad(x, at)
        due, due_slope = value_and_grad(f)(x, at)
        assert value == due
        np.testing.assert_array_equal(slope, due_slope)


def test_values_beside_arrays_of_other_types_are_replayed_as_before():
    w = [Value(0.5), Value(2.0)]
    labels = np.array([0, 1, 1])

    def loss(x, labels):
        return sum((w[0] * a + w[1] - b) ** 2 for a, b in zip(x, labels, strict=True))

    replay = compile(loss)
    x = np.array([1.0, 2.0, 3.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value, slope = replay.value_and_grad(x, labels, wrt=w)
        assert replay.value(x, labels) == pytest.approx(value)
    expected = loss(x, labels)
    assert (value, *slope) == pytest.approx((expected.data, *gradients(expected, w)))
    assert len(replay.recordings) == 1


def test_an_order_in_memory_that_is_asked_for_is_that_of_the_argument():
    x = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    for f in (lambda x: x.ravel("K"), lambda x: np.ravel(x, order="A"), lambda x: x.flatten("K")):
        assert compile(f)(x).tolist() == f(x).tolist()


@pytest.mark.parametrize(
    "tree",
    [
        OrderedDict(b=2.0, a=3.0), defaultdict(float, b=2.0, a=3.0), {"b": 2.0, "a": 3.0},
        {"b": 2.0, "a": 3.0, "c": None}, {"b": 2.0, "a": 3.0, "c": deque([1.0, None])},
        OrderedDict(b=2.0, a=3.0, c=[OrderedDict(d=np.ones(2)), (1.0, None)]),
    ],
    ids=str,
)  # fmt: skip
def test_the_gradient_of_a_replay_has_the_types_of_the_arguments(tree):
    def f(d):
        return d["a"] ** 2 * d["b"]

    for argnums in (0, (0,)):
        got = compile(f, argnums).value_and_grad(tree)
        due = value_and_grad(f, argnums)(tree)
        assert str(got) == str(due).replace("np.float64(12.0)", "12.0").replace("array(4.)", "4.0")
