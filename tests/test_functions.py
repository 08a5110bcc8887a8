"""The functions: IEEE's answers, every kind of number, and what a wrong argument is told."""

from __future__ import annotations

import inspect
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp
from truth import TRUTH, units_off

import autograd
from autograd import Value, gradients
from autograd.core import functions
from autograd.core.kinds import FUNCTIONS
from autograd.core.rules import RULES, TABLE

inf, nan = math.inf, math.nan


def same(x: float, y: float) -> bool:
    """Equal, with nan equal to nan and 0.0 unlike -0.0."""
    return (math.isnan(x) and math.isnan(y)) or (
        x == y and math.copysign(1.0, x) == math.copysign(1.0, y)
    )


# ---- IEEE 754 ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("div", (1.0, 0.0), inf),
        ("div", (-1.0, 0.0), -inf),
        ("div", (1.0, -0.0), -inf),
        ("div", (0.0, 0.0), nan),
        ("div", (nan, 0.0), nan),
        ("div", (inf, inf), nan),
        ("div", (1e300, 1e-300), inf),
        ("floordiv", (1.0, 0.0), inf),
        ("floordiv", (-1.0, 0.0), -inf),
        ("floordiv", (0.0, 0.0), nan),
        ("floordiv", (-7.0, 2.0), -4.0),
        ("mod", (1.0, 0.0), nan),
        ("mod", (inf, 2.0), nan),
        ("mod", (-7.0, 2.0), 1.0),
        ("mod", (7.0, -2.0), -1.0),
        ("mul", (1e300, 1e300), inf),
        ("mul", (0.0, inf), nan),
        ("add", (inf, -inf), nan),
        ("pow", (0.0, -1.0), inf),
        ("pow", (-0.0, -1.0), -inf),
        ("pow", (-0.0, -2.0), inf),
        ("pow", (0.0, 0.0), 1.0),
        ("pow", (nan, 0.0), 1.0),
        ("pow", (1.0, nan), 1.0),
        ("pow", (nan, 1.0), nan),
        ("pow", (-8.0, 1 / 3), nan),
        ("pow", (-2.0, 3.0), -8.0),
        ("pow", (1e200, 2.0), inf),
        ("pow", (-1e200, 3.0), -inf),
        ("pow", (-1e200, 2.0), inf),
        ("pow", (10.0, -400.0), 0.0),
        ("pow", (0.5, -2001.0), inf),
        ("exp", (1000.0,), inf),
        ("exp", (-1000.0,), 0.0),
        ("exp", (-inf,), 0.0),
        ("expm1", (1000.0,), inf),
        ("expm1", (-1000.0,), -1.0),
        ("log", (0.0,), -inf),
        ("log", (-0.0,), -inf),
        ("log", (-1.0,), nan),
        ("log", (inf,), inf),
        ("log1p", (-1.0,), -inf),
        ("log1p", (-2.0,), nan),
        ("log2", (0.0,), -inf),
        ("log10", (0.0,), -inf),
        ("log2", (-1.0,), nan),
        ("log10", (-1.0,), nan),
        ("sqrt", (-1.0,), nan),
        ("sqrt", (-0.0,), -0.0),
        ("cbrt", (-8.0,), -2.0),
        ("cbrt", (0.0,), 0.0),
        ("cbrt", (-0.0,), -0.0),
        ("cbrt", (-inf,), -inf),
        ("cbrt", (2.0**-900,), 2.0**-300),
        ("cbrt", (2.0**1023,), 2.0**341),
        ("sin", (inf,), nan),
        ("cos", (-inf,), nan),
        ("tan", (inf,), nan),
        ("asin", (2.0,), nan),
        ("acos", (-2.0,), nan),
        ("acosh", (0.5,), nan),
        ("atanh", (1.0,), inf),
        ("atanh", (-1.0,), -inf),
        ("atanh", (2.0,), nan),
        ("sinh", (1000.0,), inf),
        ("sinh", (-1000.0,), -inf),
        ("cosh", (-1000.0,), inf),
        ("tanh", (inf,), 1.0),
        ("hypot", (inf, nan), inf),
        ("hypot", (3 * 2.0**700, 4 * 2.0**700), 5 * 2.0**700),
        ("atan2", (0.0, -1.0), math.pi),
        ("atan2", (-0.0, -1.0), -math.pi),
        ("atan2", (0.0, 0.0), 0.0),
        ("erf", (inf,), 1.0),
        ("sigmoid", (1000.0,), 1.0),
        ("sigmoid", (-1000.0,), 0.0),
        ("sigmoid", (-inf,), 0.0),
        ("softplus", (inf,), inf),
        ("softplus", (-inf,), 0.0),
        ("logsigmoid", (-1000.0,), -1000.0),
        ("logsigmoid", (inf,), -0.0),
        ("logsigmoid", (-inf,), -inf),
        ("logaddexp", (-inf, -inf), -inf),
        ("logaddexp", (inf, inf), inf),
        ("logaddexp", (inf, -inf), inf),
        ("logaddexp", (1000.0, 1000.0), 1000.0 + math.log(2.0)),
        ("floor", (-0.5,), -1.0),
        ("floor", (inf,), inf),
        ("floor", (1e300,), 1e300),
        ("round", (2.5, 0.0), 2.0),
        ("round", (-3.5, 0.0), -4.0),
        ("round", (1234.5, -2.0), 1200.0),
        ("round", (inf, 0.0), inf),
        ("round", (-1.7e308, -308.0), -inf),
        ("maximum", (nan, 1.0), nan),
        ("maximum", (1.0, nan), nan),
        ("minimum", (nan, 1.0), nan),
        ("minimum", (1.0, nan), nan),
        ("clip", (nan, 0.0, 1.0), nan),
        ("clip", (0.5, nan, 1.0), nan),
        ("clip", (0.5, 0.0, nan), nan),
        ("clip", (0.5, 2.0, 1.0), 1.0),  # bounds the wrong way round: the upper one, as NumPy
        ("relu", (nan,), nan),
        ("relu", (-inf,), 0.0),
        ("sign", (nan,), nan),
        ("step", (nan,), nan),
        ("sum", (1e308, 1e308, -1e308), 1e308),
        ("sum", (1e308, 1e308), inf),
        ("sum", (inf, -inf), nan),
        ("sum", (1.0, inf), inf),
        ("sum", (1e16, 1.0, -1e16), 1.0),
        ("mean", (1.5e308, 1.5e308), 1.5e308),
        ("mean", (inf, 1.0), inf),
        ("dot", (1e200, 1.0, 1e200, 1.0), inf),
        ("logsumexp", (-inf, -inf), -inf),
        ("logsumexp", (inf, 1.0), inf),
        ("logsumexp", (nan, 1.0), nan),
        ("logsumexp", (1.0, nan), nan),
        ("softmax", (-inf, 0.0), 0.0),
        ("softmax", (1000.0, 0.0), 1.0),
        ("log_softmax", (0.0, 1000.0), -1000.0),
    ],
)
def test_where_python_raises_the_answer_is_that_of_ieee_754(
    name: str, arguments: tuple[float, ...], expected: float
) -> None:
    found = RULES[name].compute(*arguments)
    assert same(found, expected), found
    node = RULES[name].compute(*map(Value, arguments))
    assert same(node.data, expected)


TELLING = (0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -3.0, inf, -inf, nan, 5e-324, 2.0**-1022, 1.79e308)
every_float = st.floats() | st.sampled_from(TELLING)
SIZES = {name: RULES[name].fact.arity or 4 for name in TABLE}


def arguments_of(name: str, data: st.DataObject) -> list[Any]:
    """Floats of every sort; an input that is a setting gets a whole number."""
    xs: list[Any] = [data.draw(every_float) for _ in range(SIZES[name])]
    if name == "round":
        xs[1] = float(data.draw(st.integers(-400, 400)))
    if name == "power_derivative":
        xs[2:] = [float(data.draw(st.integers(0, 3))) for _ in range(2)]
    return xs


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_operation_raises_or_turns_complex_on_any_floats(name: str, data: st.DataObject) -> None:
    xs = arguments_of(name, data)
    leaves = [Value(x) for x in xs]
    settings_from = {"round": 1, "power_derivative": 2}.get(name, len(xs))
    node = RULES[name].compute(*leaves[:settings_from], *xs[settings_from:])
    assert type(node.data) is float
    assert type(RULES[name].compute(*xs)) is float
    assert all(p is None or type(p) is float for p in node.partials)
    node.backward(data.draw(every_float))
    assert all(type(leaf.grad) is float for leaf in leaves)
    for slope in gradients(node, leaves, create_graph=True):
        slope.backward()


@given(
    y=st.integers(-9, 9).map(float) | st.sampled_from([2.0**53 - 1.0, 2.0**53 + 2.0, 1e300]),
    aside=st.sampled_from([-inf, inf, None]),
    x=st.sampled_from([0.0, -0.0, -1e308, -1e-308]),
)
def test_a_power_has_a_sign_only_where_its_exponent_is_exactly_odd(x, y, aside):
    y = y if aside is None else math.nextafter(y, aside)
    odd = Fraction(y) % 2 == 1
    for sign in (1.0, -1.0):
        power = RULES["pow"].compute(x, y * sign)
        assert power.hex() == RULES["pow"].compute(Value(x), y * sign).data.hex()
        if math.copysign(1.0, x) < 0 and (y.is_integer() or x == 0):
            assert math.copysign(1.0, power) == (-1.0 if odd else 1.0)


@given(x=st.floats(), y=st.floats())
def test_hypot_is_within_a_unit_in_the_last_place(x, y):
    found = autograd.hypot(x, y)
    assert same(found, autograd.hypot(Value(x), y).data)
    if math.isfinite(found):
        exact = mp.hypot(mp.mpf(x), mp.mpf(y))
        assert abs(mp.mpf(found) - exact) <= math.ulp(found)


# A nan does not come out where no value depends on it: the branch not taken, a factor of the other
# side of 0, and what IEEE 754 itself says of pow and hypot.
WITHOUT_NAN = {
    "where": lambda c, x, y: math.isnan(c) or math.isnan(y if c else x),
    "leaky_relu": lambda x, slope: x > 0,
    "elu": lambda x, alpha: x > 0,
    "pow": lambda x, y: x == 1 or y == 0,
    "hypot": lambda x, y: math.inf in (abs(x), abs(y)),
    "power_derivative": lambda x, y, n, m: n > 0 or m > 0 or x == 1 or y == 0,
    "less": lambda x, y: True,  # as Python has it, nan is neither less nor equal
    "less_equal": lambda x, y: True,
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_nothing_turns_a_nan_into_a_number(name: str, data: st.DataObject) -> None:
    xs = arguments_of(name, data)
    place = data.draw(st.integers(0, {"round": 1, "power_derivative": 2}.get(name, len(xs)) - 1))
    xs[place] = nan
    if name in WITHOUT_NAN and WITHOUT_NAN[name](*xs):
        return
    assert math.isnan(RULES[name].compute(*xs))
    assert math.isnan(RULES[name].compute(*[Value(x) for x in xs[:2]], *xs[2:]).data)


OPERATORS = {
    "+": lambda x, y: x + y, "-": lambda x, y: x - y, "*": lambda x, y: x * y,
    "/": lambda x, y: x / y, "//": lambda x, y: x // y, "%": lambda x, y: x % y,
    "**": lambda x, y: x**y, "divmod": lambda x, y: sum(divmod(x, y)),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("operator", OPERATORS)
@settings(max_examples=100, deadline=None)
@given(x=every_float, y=every_float, side=st.sampled_from(["both", "left", "right"]))
def test_no_operator_raises_or_turns_complex_on_any_floats(
    operator: str, x: float, y: float, side: str
) -> None:
    left = Value(x) if side != "right" else x
    right = Value(y) if side != "left" else y
    node = OPERATORS[operator](left, right)
    assert type(node.data) is float
    node.backward()
    assert all(type(leaf.grad) is float for leaf in (left, right) if isinstance(leaf, Value))
    if operator != "**" and (math.isnan(x) or math.isnan(y)):
        assert math.isnan(node.data)


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(xs=st.lists(every_float, min_size=1, max_size=6))
def test_functions_of_a_list_raise_nothing_on_any_floats(xs: list[float]) -> None:
    leaves = [Value(x) for x in xs]
    answers = [
        autograd.sum(leaves), autograd.mean(leaves), autograd.dot(leaves, leaves[::-1]),
        autograd.logsumexp(leaves), *autograd.softmax(leaves), *autograd.log_softmax(leaves),
    ]  # fmt: skip
    for answer in answers:
        assert type(answer.data) is float
        answer.backward()
        if any(map(math.isnan, xs)):
            assert math.isnan(answer.data)


# ---- kinds ---------------------------------------------------------------------------------------

DEFAULTS = ["leaky_relu", "elu", "round"]  # functions of two whose second argument has one
PUBLIC = [name for name in TABLE if FUNCTIONS[name].public and FUNCTIONS[name].arity == 1]
PUBLIC_OF_TWO = [
    name
    for name in TABLE
    if FUNCTIONS[name].public and FUNCTIONS[name].arity == 2
    if name not in (*DEFAULTS, "polygamma")  # whose first argument is a setting
]


def of_three_quarters(name: str) -> float:
    """The number whose function is taken: in every domain, and exact in every kind."""
    return {"acosh": 1.75, "log1mexp": -0.75}.get(name, 0.75)


@pytest.mark.parametrize("name", [*PUBLIC, *DEFAULTS])
def test_every_public_function_answers_every_kind_of_number_in_kind(name: str) -> None:
    function, x = getattr(autograd, name), of_three_quarters(name)
    expected = function(x)
    assert type(expected) is float
    assert units_off(expected, truth_of(name, x)) <= 8
    for number in (Fraction(x), np.float64(x), np.float32(x)):
        assert type(function(number)) is float
        assert function(number) == expected
    node = function(Value(x))
    assert type(node) is Value
    assert node.data == expected
    array = function(np.array([[x, x]]))
    assert array.shape == (1, 2)
    assert array[0].tolist() == pytest.approx([expected] * 2, rel=4e-16)
    assert function(np.array([])).shape == (0,)
    with mp.workdps(50):
        assert abs(function(mp.mpf(x)) - truth_of(name, x)) < mp.mpf(10) ** -47
    for whole in (2, np.int64(2), np.uint8(2)):
        assert same(function(whole), function(2.0))
    assert same(function(True), function(1.0))
    values = function(np.array([Value(x), Value(x)], dtype=object))
    assert [v.data for v in values] == [expected] * 2
    if FUNCTIONS[name].analytic and TRUTH[name].complex:
        assert function(complex(x)) == pytest.approx(expected, rel=4e-16)


def truth_of(name: str, x: float) -> Any:
    more = {"leaky_relu": (mp.mpf(0.01),), "elu": (mp.mpf(1),), "round": (mp.mpf(0),)}
    with mp.workdps(60):
        return TRUTH[name].truth(mp.mpf(x), *more.get(name, ()))


@pytest.mark.parametrize("name", PUBLIC_OF_TWO)
def test_functions_of_two_take_a_mixture_of_numbers_values_and_arrays(name: str) -> None:
    function = getattr(autograd, name)
    expected = function(0.75, 2.0)
    assert type(expected) is float
    assert function(Fraction(3, 4), 2) == expected
    assert function(np.float64(0.75), True + 1) == expected
    for node in (
        function(Value(0.75), 2),
        function(0.75, Value(2)),
        function(Value(0.75), Value(2)),
    ):
        assert type(node) is Value
        assert node.data == expected
    for array in (
        function(np.array([0.75]), 2),
        function(0.75, np.array([2.0])),
        function(np.array([0.75]), np.array([2])),
    ):
        assert array.tolist() == pytest.approx([expected], rel=4e-16)
    with mp.workdps(50):
        true = TRUTH[name].truth(mp.mpf(0.75), mp.mpf(2))
        assert abs(function(mp.mpf(0.75), 2) - true) < mp.mpf(10) ** -47


@pytest.mark.parametrize("name", TABLE)
def test_every_public_row_is_a_function_and_a_method_of_a_value(name: str) -> None:
    public = {*PUBLIC, *PUBLIC_OF_TWO, "clip", "where", "polygamma"}
    if name in public:
        assert callable(getattr(autograd, name))
        assert callable(getattr(Value, name))
        assert getattr(autograd, name).__doc__ or FUNCTIONS[name].definition is None


def test_functions_of_a_list_take_numbers_values_arrays_and_generators() -> None:
    assert autograd.sum([1, Fraction(1, 2), np.float64(2)]) == 3.5
    assert autograd.sum(x for x in (1.0, 2.0)) == 3.0
    assert autograd.sum([]) == autograd.dot([], []) == 0.0
    assert autograd.sum(np.array([1.0, 2.0])) == 3.0
    assert autograd.mean([1, 2]) == 1.5
    assert autograd.dot([1, 2], [3, 4]) == 11.0
    node = autograd.sum([Value(1), 2, Value(3)])
    assert node.data == 6.0
    assert len(node.inputs) == 3


@pytest.mark.parametrize("name", ["sum", "mean", "dot", "logsumexp", "softmax", "log_softmax"])
def test_functions_of_a_list_of_arrays_work_at_every_element(name: str) -> None:
    rows = [[0.5, 1.5, -2.0], [3.0, 0.25, 1.0]]
    arrays = [np.array(row) for row in rows]
    if name == "dot":
        found = [autograd.dot(arrays, arrays[::-1])]
        expected = [[autograd.dot([x, y], [y, x]) for x, y in zip(*rows, strict=True)]]
    elif name.endswith("softmax"):
        found = getattr(autograd, name)(arrays)
        columns = [getattr(autograd, name)([x, y]) for x, y in zip(*rows, strict=True)]
        expected = [list(row) for row in zip(*columns, strict=True)]
    else:
        found = [getattr(autograd, name)(arrays)]
        expected = [[getattr(autograd, name)([x, y]) for x, y in zip(*rows, strict=True)]]
    assert [array.tolist() for array in found] == expected


AXES = [None, 0, 1, -1, -2, (0, 2), (2, 0), (0, 1, 2), ()]
NUMPYS = {
    "sum": np.sum,
    "mean": np.mean,
    "logsumexp": lambda x, **named: np.log(np.sum(np.exp(x), **named)),
}


def plain(values: Any) -> Any:
    """The numbers of an array of Values."""
    return np.array([v.data for v in np.ravel(values)]).reshape(np.shape(values))


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("name", NUMPYS)
def test_arrays_of_values_take_axis_and_keepdims_as_numpy_does(
    name: str, axis: Any, keepdims: bool
) -> None:
    numbers = np.linspace(-1.0, 2.0, 24).reshape(2, 3, 4)
    values = np.vectorize(Value, otypes=[object])(numbers)
    found = getattr(autograd, name)(values, axis=axis, keepdims=keepdims)
    expected = NUMPYS[name](numbers, axis=axis, keepdims=keepdims)
    assert np.shape(found) == expected.shape
    assert isinstance(found, np.ndarray if expected.shape else Value)
    np.testing.assert_allclose(plain(found), expected, rtol=1e-14)
    (share,) = gradients(np.ravel(found)[0], [values[0, 0, 0]])
    weights = {"sum": 1.0, "mean": expected.size / 24, "logsumexp": 0.0}
    if name == "logsumexp":
        weights[name] = float(np.exp(numbers[0, 0, 0] - np.ravel(expected)[0]))
    assert share == pytest.approx(weights[name], rel=1e-14)


@pytest.mark.parametrize("axis", [0, 1, -1, -3])
def test_softmax_of_an_array_of_values_is_along_its_axis(axis: int) -> None:
    numbers = np.linspace(-1.0, 2.0, 24).reshape(2, 3, 4)
    values = np.vectorize(Value, otypes=[object])(numbers)
    powers = np.exp(numbers)
    expected = powers / powers.sum(axis=axis, keepdims=True)
    np.testing.assert_allclose(plain(autograd.softmax(values, axis)), expected, rtol=1e-14)
    logs = autograd.log_softmax(values, axis)
    np.testing.assert_allclose(plain(logs), np.log(expected), rtol=1e-13)


def test_an_array_of_values_and_numbers_is_mixed_as_a_list_is() -> None:
    a = Value(1.0)
    rows = np.array([[a, 2.0], [3, Fraction(1, 2)]], dtype=object)
    assert [getattr(x, "data", x) for x in autograd.sum(rows, axis=1)] == [3.0, 3.5]
    assert autograd.dot(rows, rows[0])[0].data == 5.0
    assert autograd.dot(rows[0], rows[0]).op == "dot"
    with pytest.raises(TypeError, match="not None"):
        autograd.sum(np.array([a, None]))


LISTS = ["sum", "mean", "logsumexp", "softmax", "log_softmax"]


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_one_axis(name: str) -> None:
    function = getattr(autograd, name)
    for make in (list, tuple, iter):
        for axis in (None, 0, -1, np.int64(0)):
            assert function(make([1.0, 2.0]), axis) == function([1.0, 2.0])
    if not name.endswith("softmax"):
        assert function([1.0, 2.0], keepdims=True) == [function([1.0, 2.0])]


@pytest.mark.parametrize("name", LISTS)
def test_what_is_no_axis_is_refused_and_the_sum_says_where_a_start_goes(name: str) -> None:
    function, b = getattr(autograd, name), Value(3.0)
    start = r"; Python's sum\(xs, start\) is sum\(xs\) \+ start, as in sum\(xs\) \+ b$"
    said = start if name == "sum" else r"\)$"
    numbers = [[1.0, 2.0], [Value(1.0), Value(2.0)], iter([1.0])]
    arrays = [np.ones(2), np.array([b, b]), autograd.ones(2)]
    never = [b, 0.5, autograd.ones(2), np.ones(2), True, False, np.True_, "a", 1j]
    for axis in (*never, 1, -2, (0,), [0]):
        for xs in numbers:
            with pytest.raises(
                TypeError, match=f"{name}: the axis of a list is None, 0 or -1, not .*{said}"
            ):
                function(xs, axis)
    for axis in never:
        for xs in arrays:
            with pytest.raises(TypeError, match=f"{name}: an axis is an int, not (.|\n)*{said}"):
                function(xs, axis)
    with pytest.raises(TypeError, match="an axis is an int, not True"):
        autograd.ones(2).sum(True)


# ---- arrays of Values ----------------------------------------------------------------------------

POINTS = [nan, 0.0, -0.0, 1.0, -1.0, 0.5, inf, -inf, 1000.0, 2, Fraction(1, 2), True]


def alike(found: Any, expected: Any, inputs: list[Any]) -> bool:
    """Whether two results are of one kind, and equal in value and gradients."""
    if type(expected) is not Value:
        return type(found) is float and same(found, expected)
    pairs = zip(gradients(found, inputs), gradients(expected, inputs), strict=True)
    return same(found.data, expected.data) and all(same(g, h) for g, h in pairs)


@pytest.mark.parametrize("name", [*PUBLIC, *DEFAULTS])
def test_a_function_of_an_array_of_values_is_the_function_of_each(name: str) -> None:
    function, values = getattr(autograd, name), [Value(x) for x in POINTS]
    array = np.array([values, POINTS], dtype=object)
    found = function(array)
    for i, j in np.ndindex(array.shape):
        assert alike(found[i, j], function(array[i, j]), [values[j]])


@pytest.mark.parametrize("name", PUBLIC_OF_TWO)
def test_a_function_of_two_is_the_same_with_arrays_of_values_on_either_side(name: str) -> None:
    function, values, v = getattr(autograd, name), [Value(x) for x in POINTS], Value(1.0)
    ufunc = getattr(np, {"atan2": "arctan2"}.get(name, name))
    mixed = np.array([*values, *POINTS], dtype=object)
    for other in (v, 1.0, Value(nan), np.ones(len(mixed)), np.array([v] * len(mixed)), np.array(v)):
        for flip in (False, True):
            pair = (other, mixed) if flip else (mixed, other)
            found = [function(*pair)]
            if isinstance(other, Value):
                found.append(ufunc(*pair))  # NumPy asks the Value
                found.append(getattr(other, name)(mixed) if flip else found[0])
            others = np.broadcast_to(other, mixed.shape)
            for x, y, *results in zip(mixed, others, *found, strict=True):
                expected = function(y, x) if flip else function(x, y)
                inputs = [z for z in {id(x): x, id(y): y}.values() if isinstance(z, Value)]
                assert all(alike(result, expected, inputs) for result in results)


def test_clip_and_where_take_arrays_of_values_in_any_place() -> None:
    v, array = Value(0.5), np.array([Value(-2.0), 3, nan], dtype=object)
    for found, expected in (
        (autograd.clip(array, -1.0, v), [-1.0, 0.5, nan]),
        (np.clip(array, -1.0, v), [-1.0, 0.5, nan]),
        (autograd.clip(v, array, 4.0), [0.5, 3.0, nan]),
        (autograd.where(np.array([True, False, False]), array, v), [-2.0, 0.5, 0.5]),
        (autograd.where(v, array, 0.0), [-2.0, 3.0, nan]),
        (autograd.where(np.array([True, False, True]), v, array), [0.5, 3.0, 0.5]),
    ):
        assert all(map(same, [getattr(x, "data", x) for x in found], expected))


def test_divmod_of_an_array_and_a_value_gives_two_arrays_of_values() -> None:
    array, v = np.array([7.0, -7.0, 0.5]), Value(2.0)
    for pair, expected in (
        ((array, v), np.divmod(array, 2.0)),
        ((v, array), np.divmod(2.0, array)),
    ):
        for found in (np.divmod(*pair), divmod(*pair)):
            assert [plain(part).tolist() for part in found] == [x.tolist() for x in expected]


def test_a_ufunc_of_an_array_and_a_value_without_a_rule_is_refused() -> None:
    for ufunc in (np.nextafter, np.gcd, np.ldexp, np.bitwise_and):
        with pytest.raises(TypeError, match=f"np.{ufunc.__name__} has no rule for a Value"):
            ufunc(np.ones(2), Value(1.0))


def test_arrays_round_as_python_rounds() -> None:
    xs = [0.5, 1.5, 2.5, 1.115, 2.675, 5.015, -1.005, 1234.5678]
    for digits in (0, 1, 2, -1):
        assert autograd.round(np.array(xs), digits).tolist() == [round(x, digits) for x in xs]


def test_where_takes_a_condition_of_any_kind() -> None:
    assert autograd.where(True, 1.0, 2.0) == 1.0
    assert autograd.where(0, 1.0, 2.0) == 2.0
    assert autograd.where(np.True_, 1.0, 2.0) == 1.0
    assert autograd.where(Value(0.0), 1.0, 2.0) == 2.0
    assert autograd.where(np.array([True, False]), 1.0, 2.0).tolist() == [1.0, 2.0]
    assert autograd.where(Value(1.0) > 0, Value(3.0), 2.0).data == 3.0


def test_a_function_shows_the_signature_and_the_words_of_its_definition() -> None:
    assert str(inspect.signature(autograd.sigmoid)) == "(x: 'Any') -> 'Any'"
    assert "logistic function" in (autograd.sigmoid.__doc__ or "")
    assert autograd.tanh.__name__ == "tanh"


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", [*PUBLIC, *PUBLIC_OF_TWO])
@pytest.mark.parametrize("bad", ["1.0", None, [1.0], Decimal(1), {}, b"1", object])
def test_what_is_no_number_is_refused_with_what_came_and_what_is_taken(name: str, bad: Any) -> None:
    function = getattr(autograd, name)
    with pytest.raises(TypeError) as caught:
        function(bad, 1.0) if name in PUBLIC_OF_TWO else function(bad)
    assert str(caught.value) == (
        f"{name} takes a number, a Value or an array, not {bad!r} ({type(bad).__name__})"
    )


def test_a_value_and_what_is_no_number_do_not_mix() -> None:
    for bad in ("1.0", None, 1j, [1.0], Decimal(1)):
        with pytest.raises(TypeError, match="a Value holds one real number, not "):
            autograd.hypot(Value(1.0), bad)
    with pytest.raises(TypeError, match="a Value holds one real number, not "):
        Value(1.0).hypot(Decimal(1))


def test_a_complex_number_is_refused_where_a_function_is_not_known_for_it() -> None:
    for name in ("relu", "erf", "gelu", "floor", "round", "sign"):
        with pytest.raises(TypeError, match=rf"{name} is not known for 1j \(complex\)"):
            getattr(autograd, name)(1j)


def test_an_array_of_text_is_refused() -> None:
    for name in ("exp", "sigmoid", "gelu", "relu"):
        with pytest.raises(TypeError, match=rf"{name} is not known for array\(\['a'\]"):
            getattr(autograd, name)(np.array(["a"]))


def test_an_integer_beyond_the_floats_is_refused_with_what_to_do() -> None:
    for function in (autograd.exp, autograd.relu, lambda n: autograd.hypot(n, 1.0)):
        with pytest.raises(ValueError, match=r"beyond the largest float, about 1.8e308: scale it"):
            function(10**400)


def test_a_long_argument_is_cut_short_in_the_message() -> None:
    with pytest.raises(TypeError) as caught:
        autograd.exp(list(range(1000)))
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("name", ["mean", "logsumexp", "softmax", "log_softmax"])
def test_an_empty_list_has_no_mean(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} of an empty list has no value"):
        getattr(autograd, name)([])


@pytest.mark.parametrize("name", ["sum", "mean", "logsumexp", "softmax", "log_softmax"])
def test_functions_of_a_list_refuse_a_number(name: str) -> None:
    with pytest.raises(TypeError, match=rf"{name} takes a list of numbers, not 3.0 \(float\)"):
        getattr(autograd, name)(3.0)
    with pytest.raises(TypeError, match="takes a number, a Value or an array, not 'a'"):
        getattr(autograd, name)(["a"])


def test_dot_refuses_lists_of_unlike_lengths() -> None:
    with pytest.raises(ValueError, match="two lists of one length, not 2 and 1"):
        autograd.dot([1.0, 2.0], [3.0])


def test_round_takes_a_whole_number_of_digits() -> None:
    with pytest.raises(TypeError, match="integer"):
        autograd.round(1.5, 0.5)  # type: ignore[arg-type]


def test_constants_are_the_floats_next_to_the_numbers_they_stand_for() -> None:
    for constant in (functions.PER_LN2, functions.PER_LN10, functions.TWO_PER_RPI):
        with mp.workdps(50):
            assert units_off(float(constant), constant.exact(mp)) <= 2
            assert constant * mp.mpf(1) == constant.exact(mp)
        assert constant * 2.0 == float(constant) * 2.0
