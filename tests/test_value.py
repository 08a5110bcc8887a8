"""Value: what it takes, what it refuses, and how it behaves among Python's and NumPy's numbers."""

from __future__ import annotations

import copy
import fractions
import itertools
import math
import operator
import pickle
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

import autograd
from autograd import Value, detect_anomaly, gradients, no_grad, nodes, record_lines, register
from autograd.core import modes
from autograd.core.graph import gradient_or_none
from autograd.core.kinds import FUNCTIONS
from autograd.core.modes import extra
from autograd.core.rules import TABLE
from autograd.support.errors import line_of

ROOT = Path(__file__).parents[1]


def numbers(values):
    """The numbers of a list or an array of Values."""
    return [x.data if isinstance(x, Value) else float(x) for x in np.ravel(values)]


# ---- what a Value holds --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "number",
    [
        2, 2.0, True, Fraction(7, 2), np.float64(2.5), np.float32(0.5), np.float16(0.25),
        np.int8(-3), np.uint64(2**60), np.bool_(True), np.longdouble(1.5), 10**300,
    ],
    ids=repr,
)  # fmt: skip
def test_every_real_number_is_kept_as_a_float(number):
    for x in (Value(number), Value(1.0) * number):
        assert type(x.data) is float
        assert x.data == float(number)
    x = Value(0.0)
    x.data = number
    x.grad = number
    assert (type(x.data), type(x.grad), x.data) == (float, float, float(number))


class _Tensor:
    """Looks like another library's tensor, converts to float and all."""

    shape = ()

    def __float__(self) -> float:
        return 1.0

    def __repr__(self) -> str:
        return "tensor(1.)"


NO_NUMBERS = [
    ("2.0", r"'2\.0' \(str\)", r"float\(\)"),
    (b"2", r"b'2' \(bytes\)", r"float\(\)"),
    (2j, r"2j \(complex\)", r"\.real or \.imag"),
    (np.complex128(2j), r"2j", r"\.real or \.imag"),
    (None, r"None \(NoneType\)", "forget to return"),
    ([1.0], r"\[1\.0\] \(list\)", "a Value of each element"),
    ((1.0,), r"\(tuple\)", "a Value of each element"),
    (np.ones(3), r"\(ndarray\)", "a Value of each element"),
    (np.array(2.0), r"\(ndarray\)", "a Value of each element"),
    (Value(3.0), r"Value\(3\.0\) \(Value\)", "use it as it is"),
    (_Tensor(), r"tensor\(1\.\) \(_Tensor\)", "a Value of each element"),
    (Decimal(1), r"\(Decimal\)", r"float\(\)"),
    ({1.0}, r"\{1\.0\} \(set\)", r"float\(\)"),
    (np.datetime64("2000-01-01"), r"datetime64", ""),
    (object, r"\(type\)", r"float\(\)"),
]


@pytest.mark.parametrize(("thing", "came", "advice"), NO_NUMBERS, ids=lambda x: repr(x)[:20])
def test_what_is_no_real_number_is_refused_saying_what_came_and_what_to_do(thing, came, advice):
    x = Value(1.0)
    for attempt in (
        lambda: Value(thing),
        lambda: setattr(x, "data", thing),
        lambda: setattr(x, "grad", thing) if thing is not None else Value(thing),
    ):
        with pytest.raises(TypeError, match=came) as error:
            attempt()
        assert error.match(advice)
    assert (x.data, gradient_or_none(x)) == (1.0, None)


@pytest.mark.parametrize("thing", ["2.0", b"2", 2j, None, [1.0], (1.0,), {1.0}, {}], ids=repr)
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize(
    "op", [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow]
)
def test_an_operator_refuses_what_is_no_real_number_on_either_side(op, flip, thing):
    v = Value(1.0)
    with pytest.raises(TypeError) as error:
        op(thing, v) if flip else op(v, thing)
    assert error.match("takes real numbers and Values, not ")


@pytest.mark.parametrize("thing", [Decimal(1), object()])
def test_somebody_elses_number_may_answer_for_itself_and_else_it_is_a_type_error(thing):
    with pytest.raises(TypeError, match="unsupported operand"):
        Value(1.0) + thing
    with pytest.raises(TypeError, match="unsupported operand"):
        thing + Value(1.0)


def test_a_number_with_operators_of_its_own_is_asked():
    class Theirs:
        def __radd__(self, other):
            return "theirs"

    assert Value(1.0) + Theirs() == "theirs"


def test_an_integer_beyond_all_floats_is_refused_with_advice():
    for attempt in (lambda: Value(10**400), lambda: Value(1.0) * 10**400):
        with pytest.raises(ValueError, match=r"beyond the largest float.*scale it"):
            attempt()


@pytest.mark.parametrize("label", [3, None, b"a", ["a"]])
def test_a_label_is_a_string(label):
    with pytest.raises(TypeError, match="a label is a string"):
        Value(1.0, label)
    x = Value(1.0, "a")
    with pytest.raises(TypeError, match="a label is a string"):
        x.label = label
    assert x.label == "a"


def test_any_node_can_be_labelled_and_relabelled():
    c = Value(1.0, label="a") * Value(2.0, "b")
    assert [x.label for x in c.inputs] == ["a", "b"]
    assert c.label == ""
    c.label = "c"
    c.label = "sum"
    assert c.label == "sum"


def test_the_number_of_a_recorded_node_is_read_only():
    x = Value(2.0)
    y = x * x
    with pytest.raises(AttributeError, match=r"read-only.*result of mul.*detach\(\)"):
        y.data = 3.0
    assert y.data == 4.0
    x.data = 3
    assert x.data == 3.0


@pytest.mark.parametrize("name", ["inputs", "op", "partials"])
def test_what_a_node_was_made_from_is_read_only(name):
    with pytest.raises(AttributeError):
        setattr(Value(1.0) + 1.0, name, ())


def test_no_other_attribute_can_be_added():
    for x in (Value(1.0), Value(1.0).exp()):
        with pytest.raises(AttributeError):
            x.weight = 1.0
        assert not hasattr(x, "__dict__")


def test_the_gradient_can_be_assigned_and_taken_away():
    x = Value(2.0)
    x.grad = 5
    (x * 3.0).backward()
    assert x.grad == 8.0
    x.grad = None
    assert (x.grad, gradient_or_none(x)) == (0.0, None)


# ---- what a node was made from -------------------------------------------------------------------


def test_inputs_are_nodes_and_plain_floats_in_operand_order():
    x = Value(3.0)
    for y, inputs in (
        (x - 1, (x, 1.0)),
        (1 - x, (1.0, x)),
        (x**2, (x, 2.0)),
        (2**x, (2.0, x)),
        (x / x, (x, x)),
        (-x, (x,)),
        (Fraction(1, 4) * x, (0.25, x)),
        (autograd.sum([x, 1, x]), (x, 1.0, x)),
        (x.clip(True, 2), (x, 1.0, 2.0)),
    ):
        assert len(y.inputs) == len(inputs)
        for a, b in zip(y.inputs, inputs, strict=True):
            assert a is b if isinstance(b, Value) else (type(a), a) == (float, b)
    assert x.inputs == ()


@pytest.mark.parametrize(
    ("make", "op"),
    [
        (lambda x: x + x, "add"), (lambda x: 1 + x, "add"), (lambda x: x - 1, "sub"),
        (lambda x: 1 - x, "sub"), (lambda x: x * 2, "mul"), (lambda x: x / 2, "div"),
        (lambda x: 2 / x, "div"), (lambda x: x // 2, "floordiv"), (lambda x: 2 % x, "mod"),
        (lambda x: x**2, "pow"), (lambda x: 2**x, "pow"), (lambda x: -x, "neg"),
        (lambda x: +x, "identity"), (abs, "abs"), (lambda x: x.tanh(), "tanh"),
        (autograd.exp, "exp"), (lambda x: autograd.where(True, x, 1.0), "where"),
        (lambda x: x, ""),
    ],
)  # fmt: skip
def test_a_node_knows_the_name_of_its_operation(make, op):
    assert make(Value(3.0)).op == op


def test_partials_are_the_local_derivatives_and_none_for_a_plain_number():
    x, y = Value(3.0), Value(5.0)
    assert (x * y).partials == (5.0, 3.0)
    assert (x * x).partials == (3.0, 3.0)
    assert (x * 2.0).partials == (2.0, None)
    assert (2.0 - x).partials == (None, -1.0)
    assert (x / y).partials == (0.2, -0.6 / 5.0)
    assert x.partials == ()
    assert autograd.sum([x, 1.0, y]).partials == (1.0, None, 1.0)
    assert autograd.where(x > 9, x, y).partials == (None, 0.0, 1.0)
    assert (Value(2.0) ** 3.0).partials == (12.0, None)


# ---- operators -----------------------------------------------------------------------------------

OPERATORS = {
    "+": (operator.add, lambda a, b: (1.0, 1.0)),
    "-": (operator.sub, lambda a, b: (1.0, -1.0)),
    "*": (operator.mul, lambda a, b: (b, a)),
    "/": (operator.truediv, lambda a, b: (1 / b, -a / b**2)),
    "//": (operator.floordiv, lambda a, b: (0.0, 0.0)),
    "%": (operator.mod, lambda a, b: (1.0, -(a // b))),
    "**": (operator.pow, lambda a, b: (b * a ** (b - 1), a**b * math.log(a))),
}


@pytest.mark.parametrize("sign", OPERATORS)
def test_an_operator_works_with_values_and_numbers_on_either_side(sign):
    op, slopes = OPERATORS[sign]
    a, b = 5.5, 2.0
    x, y = Value(a), Value(b)
    for result, inputs, expected in (
        (op(x, y), [x, y], slopes(a, b)),
        (op(x, b), [x], slopes(a, b)[:1]),
        (op(a, y), [y], slopes(a, b)[1:]),
        (op(x, 2), [x], slopes(a, b)[:1]),
        (op(Fraction(11, 2), y), [y], slopes(a, b)[1:]),
        (op(np.float64(a), y), [y], slopes(a, b)[1:]),
        (op(x, np.float32(b)), [x], slopes(a, b)[:1]),
        (op(x, np.int64(2)), [x], slopes(a, b)[:1]),
    ):
        assert type(result) is Value
        assert result.data == op(a, b)
        assert gradients(result, inputs) == pytest.approx(list(expected), rel=1e-14)


def test_the_assigning_operators_rebind():
    x = y = Value(2.0)
    y += 1
    y *= x
    y -= 1.0
    y /= 5.0
    y **= 2
    assert (x.data, y.data) == (2.0, 1.0)
    assert gradients(y, [x]) == pytest.approx([2 * (2 * 2.0 + 1) / 5.0])


def test_arithmetic_never_raises_and_never_turns_complex():
    zero, minus, big = Value(0.0), Value(-8.0), Value(1e308)
    assert (1 / zero).data == math.inf
    assert (-1 / zero).data == -math.inf
    assert math.isnan((0 / zero).data)
    assert math.isnan((zero % zero).data)
    assert (7.0 // zero).data == math.inf
    assert math.isnan((minus ** (1 / 3)).data)
    assert (zero**-1).data == math.inf
    assert (big * 10).data == math.inf
    assert (big**2).data == math.inf
    assert ((-big) ** 3).data == -math.inf
    assert zero.log().data == -math.inf
    assert math.isnan(minus.log().data)
    assert Value(1000.0).exp().data == math.inf
    assert gradients(1 / zero, [zero]) == [-math.inf]


# ---- comparison, hashing, truth ------------------------------------------------------------------

COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]


@pytest.mark.parametrize("compare", COMPARISONS)
@pytest.mark.parametrize(("a", "b"), [(1.0, 2.0), (2.0, 1.0), (2.0, 2.0), (math.nan, 1.0)])
def test_comparing_compares_numbers_and_returns_a_bool(compare, a, b):
    x, y = Value(a), Value(b)
    expected = compare(a, b)
    for answer in (compare(x, y), compare(x, b), compare(a, y), compare(x, np.float32(b))):
        assert answer is expected
    assert bool(compare(np.float64(a), y)) is expected
    if a == a:
        assert compare(Fraction(a), y) is expected
        assert compare(x, int(b)) is expected


def test_a_value_equals_nothing_but_numbers_and_is_not_ordered_with_them():
    x = Value(1.0)
    for other in ("1.0", None, [1.0], 1j * 0, object()):
        assert (x == other) is False
        assert (x != other) is True
        with pytest.raises(TypeError, match="not supported"):
            x < other  # noqa: B015  # that it raises is the point


class Near:
    """What compares itself with a plain float only, as many tolerances of other packages do."""

    def __eq__(self, other):
        return type(other) is float and abs(other - 0.3) < 1e-6

    __hash__ = None


def test_what_is_no_number_is_compared_with_the_number():
    x, y = Value(0.1) + Value(0.2), Value(0.5)
    for near in (pytest.approx(0.3), Near(), mock.ANY):
        assert (x == near, x != near) == (True, False)
        assert [x, 1.0] == [near, 1.0]
    for far in (pytest.approx(0.4), pytest.approx([0.3])):
        assert (x == far, x != far) == (False, True)
    assert [x, y] == pytest.approx([0.3, 0.5])
    assert {"x": x} == pytest.approx({"x": 0.3})
    for half in (Decimal("0.5"), Fraction(1, 2), np.float32(0.5), 0.5 + 0j, np.complex128(0.5)):
        assert y == half
        assert half == y or isinstance(half, Decimal | complex)
        assert bool(y != half) is False
        assert x != half
    assert x < Decimal("0.4") < y
    assert Decimal("0.4") > x
    assert (y == np.array([0.5, 1.0])).tolist() == [True, False]
    assert (y == np.array([y, None])).tolist() == [True, False]
    assert y not in {x, 0.5}


def test_hash_is_identity_so_nodes_work_in_sets_and_as_keys():
    x, y = Value(1.0), Value(1.0)
    assert x == y
    assert len({x, y, x}) == 2
    held = {x: "x", y: "y"}
    x.data = 7.0
    assert (held[x], held[y]) == ("x", "y")
    assert hash(x) != hash(y)


def test_values_can_be_sorted_and_have_a_largest():
    values = [Value(3.0), Value(1.0), Value(2.0)]
    assert [x.data for x in sorted(values)] == [1.0, 2.0, 3.0]
    assert max(values) is values[0]
    assert min(values) is values[1]


def test_a_value_is_true_unless_it_is_zero():
    assert Value(0.5)
    assert not Value(0.0)
    assert not Value(-0.0)
    assert Value(math.nan)
    assert bool(Value(2.0)) is True


# ---- a graph is never cut silently ---------------------------------------------------------------


@pytest.mark.parametrize(
    "cut",
    [
        float, int, math.exp, math.sqrt, complex, lambda v: np.array([v], dtype=float),
        lambda v: np.zeros(2).__setitem__(0, v), lambda v: f"{v:d}" if int(v) else "",
        lambda v: "%f" % v, math.isnan,  # noqa: UP031
        lambda v: math.pow(v, 2),
    ],
)  # fmt: skip
def test_turning_a_value_into_a_plain_number_is_refused_with_advice(cut):
    with pytest.raises((TypeError, ValueError)) as error:
        cut(Value(2.0) * 3.0)
    chain = str(error.value) + str(error.value.__cause__)
    assert ".data" in chain
    assert "autograd.exp" in chain


def test_a_value_is_no_index_no_length_and_no_sequence():
    v = Value(2.0)
    for attempt in (lambda: [1, 2, 3][v], lambda: range(v), lambda: len(v), lambda: list(v)):
        with pytest.raises(TypeError):
            attempt()


def test_format_and_repr_show_the_number():
    v = Value(3.14159, label="pi")
    assert f"{v:.3f}" == "3.142"
    assert f"{v:>10.2e}" == "  3.14e+00"
    assert repr(v) == "Value(3.14159, label='pi')" == str(v) == f"{v}"
    assert repr(v * 0.0) == "Value(0.0)"
    v.backward()
    assert repr(v) == "Value(3.14159, grad=1.0, label='pi')"


def test_rounding_and_divmod_are_operations_with_gradient_zero_where_flat():
    x = Value(-2.567)
    for y, number, op in (
        (round(x), -3.0, "round"),
        (round(x, 2), -2.57, "round"),
        (round(Value(2.5)), 2.0, "round"),
        (round(Value(1234.0), -2), 1200.0, "round"),
        (math.floor(x), -3.0, "floor"),
        (math.ceil(x), -2.0, "neg"),
        (math.trunc(x), -2.0, "neg"),
        (math.trunc(Value(2.9)), 2.0, "floor"),
        (x.round(1), -2.6, "round"),
    ):
        assert type(y) is Value
        assert (y.data, y.op) == (number, op)
        assert all(g == 0.0 for g in gradients(y, nodes(y)[-1:]))
    with pytest.raises(TypeError):
        round(x, 1.5)


def test_divmod_gives_quotient_and_remainder_on_either_side():
    x = Value(7.0)
    for quotient, rest, expected in (
        (*divmod(x, 2), (3.0, 1.0)),
        (*divmod(-17, x), (-3.0, 4.0)),
        (*divmod(x, Value(2.0)), (3.0, 1.0)),
    ):
        assert (quotient.data, rest.data) == expected
    assert gradients(divmod(x, 2)[1], [x]) == [1.0]
    assert gradients(divmod(17, x)[1], [x]) == [-2.0]


# ---- functions are methods too -------------------------------------------------------------------

DEFAULTS = ["leaky_relu", "elu", "round"]  # functions of two whose second argument has one
UNARY = [name for name in TABLE if FUNCTIONS[name].public and FUNCTIONS[name].arity == 1] + DEFAULTS
BINARY = ["atan2", "minimum", "maximum", "hypot", "logaddexp"]
LISTS = ["sum", "mean", "dot", "logsumexp", "softmax", "log_softmax"]


@pytest.mark.parametrize("name", UNARY)
def test_a_function_and_the_method_of_its_name_are_the_same_operation(name):
    number = {"acosh": 1.25, "log1mexp": -0.625}.get(name, 0.625)
    function = getattr(autograd, name)
    x = Value(number)
    by_function, by_method = function(x), getattr(x, name)()
    assert by_function.data == by_method.data == function(number)
    assert by_function.op == by_method.op == name
    assert gradients(by_function, [x]) == gradients(by_method, [x])
    assert type(function(number)) is float


@pytest.mark.parametrize("name", BINARY)
def test_a_function_of_two_numbers_takes_a_value_in_either_place(name):
    function = getattr(autograd, name)
    x, y = Value(0.75), Value(1.5)
    expected = function(0.75, 1.5)
    for z in (function(x, y), function(x, 1.5), function(0.75, y), x.__getattribute__(name)(1.5)):
        assert (type(z), z.data, z.op) == (Value, expected, name)


def test_where_clip_and_the_slopes_of_relus_are_methods_with_arguments():
    x = Value(-3.0)
    assert x.clip(-1, 1).data == -1.0
    assert x.where(False, 5.0).data == 5.0
    assert x.where(True, Value(5.0)).data == -3.0
    assert x.leaky_relu(0.5).data == -1.5
    assert x.elu(2.0).data == 2.0 * math.expm1(-3.0)


@pytest.mark.parametrize("name", LISTS)
def test_a_function_of_a_list_takes_floats_values_and_both(name):
    function = getattr(autograd, name)
    plain = [0.5, -1.5, 2.0]
    mixed = [Value(0.5), -1.5, Value(2.0)]
    args, mixed_args = ((plain, plain), (mixed, plain)) if name == "dot" else ((plain,), (mixed,))
    assert numbers(function(*mixed_args)) == numbers(function(*args))
    assert numbers(function(*map(iter, mixed_args))) == numbers(function(*args))


@pytest.mark.parametrize("name", [*UNARY, *BINARY])
@pytest.mark.parametrize("thing", ["a", None, [1.0]])
def test_a_function_refuses_what_is_no_number(name, thing):
    function = getattr(autograd, name)
    with pytest.raises(TypeError, match="not "):
        function(thing, 1.0) if name in BINARY else function(thing)
    if name in BINARY:
        with pytest.raises(TypeError, match="not "):
            function(Value(1.0), thing)


# ---- with NumPy ----------------------------------------------------------------------------------


def test_a_numpy_scalar_on_the_left_gives_a_value():
    v = Value(3.0)
    for make in (np.float64, np.float32, np.int64, np.int8):
        y = make(2) * v
        assert (type(y), y.data, y.inputs) == (Value, 6.0, (2.0, v))
        assert type(make(2) ** v) is Value
        assert type(make(2) / v) is Value
    assert type(np.bool_(True) * v) is Value


@pytest.mark.parametrize(
    ("theirs", "op"),
    [
        (np.tanh, "tanh"), (np.sign, "sign"), (np.arcsin, "asin"), (np.arccos, "acos"),
        (np.arctan, "atan"), (np.sinh, "sinh"), (np.arcsinh, "asinh"), (np.arctanh, "atanh"),
        (np.exp, "exp"), (np.expm1, "expm1"), (np.log, "log"), (np.log1p, "log1p"),
        (np.log2, "log2"), (np.log10, "log10"), (np.sqrt, "sqrt"), (np.cbrt, "cbrt"),
        (np.sin, "sin"), (np.cos, "cos"), (np.tan, "tan"), (np.cosh, "cosh"), (np.abs, "abs"),
        (np.fabs, "abs"), (np.negative, "neg"), (np.positive, "identity"), (np.floor, "floor"),
        (np.rint, "round"), (np.square, "mul"), (np.reciprocal, "div"), (np.exp2, "pow"),
    ],
    ids=lambda x: getattr(x, "__name__", x),
)  # fmt: skip
def test_a_ufunc_of_a_value_is_the_operation_that_computes_the_same(theirs, op):
    v = Value(0.375)
    y = theirs(v)
    assert (type(y), y.op) == (Value, op)
    assert y.data == pytest.approx(float(theirs(0.375)), rel=1e-15)


@pytest.mark.parametrize(
    "theirs",
    [
        np.add, np.subtract, np.multiply, np.divide, np.true_divide, np.floor_divide, np.power,
        np.float_power, np.remainder, np.maximum, np.minimum, np.hypot, np.arctan2, np.logaddexp,
    ],
    ids=lambda x: x.__name__,
)  # fmt: skip
def test_a_ufunc_of_two_takes_a_value_on_either_side(theirs):
    v = Value(1.5)
    for y, expected in (
        (theirs(v, 0.75), theirs(1.5, 0.75)),
        (theirs(0.75, v), theirs(0.75, 1.5)),
        (theirs(v, Value(0.75)), theirs(1.5, 0.75)),
    ):
        assert type(y) is Value
        assert y.data == pytest.approx(float(expected), rel=1e-15)


def test_a_ufunc_that_compares_answers_a_truth():
    v = Value(1.5)
    assert np.less(v, 2.0) is True
    assert np.equal(np.float64(1.5), v) is True
    assert np.greater_equal(v, 2.0) is False


@pytest.mark.parametrize("theirs", [np.ldexp, np.gcd, np.nextafter, np.isnat, np.spacing])
def test_a_ufunc_without_a_rule_is_a_type_error_with_advice(theirs):
    with pytest.raises(TypeError, match=r"has no rule for a Value.*register\(\)"):
        theirs(Value(1.0), 1.0) if theirs.nin == 2 else theirs(Value(1.0))


def test_an_array_is_not_changed_in_place_by_a_value():
    for array in (np.ones(2), np.array([Value(1.0), Value(2.0)])):
        with pytest.raises(TypeError, match=r"write `array = array \+ v`"):
            array += Value(1.0)


@pytest.mark.parametrize("op", [operator.add, operator.sub, operator.mul, operator.truediv])
def test_an_array_with_a_value_on_either_side_is_an_array_of_values(op):
    v = Value(2.0)
    array = np.array([[1.0, 4.0], [5.0, 7.0]])
    for result, expected in ((op(array, v), op(array, 2.0)), (op(v, array), op(2.0, array))):
        assert result.shape == (2, 2)
        assert result.dtype == object
        assert all(type(x) is Value for x in result.ravel())
        assert numbers(result) == expected.ravel().tolist()
    total = (array * v).sum()
    assert type(total) is Value
    assert gradients(total, [v]) == [17.0]


@pytest.mark.parametrize("dtype", [np.int64, np.float32, np.bool_])
def test_arrays_of_any_real_kind_meet_a_value(dtype):
    array = np.array([0, 1], dtype=dtype)
    assert numbers(array * Value(3.0)) == [0.0, 3.0]
    assert type(np.array(2, dtype=dtype) * Value(3.0)) is Value


def test_an_array_of_complex_numbers_or_strings_does_not():
    for array in (np.array([1j]), np.array(["a"])):
        with pytest.raises(TypeError):
            array * Value(3.0)


def test_a_value_compared_with_an_array_compares_each_element():
    assert (Value(2.0) > np.array([1.0, 3.0])).tolist() == [True, False]
    assert (np.array([1.0, 2.0]) == Value(2.0)).tolist() == [False, True]


def test_numpy_functions_work_on_arrays_of_values():
    a, b = Value(0.25), Value(-0.5)
    array = np.array([a, b])
    assert array.dtype == object
    for theirs in (
        np.tanh,
        np.arcsin,
        np.arctan,
        np.exp,
        np.sin,
        np.cbrt,
        np.arctanh,
        np.abs,
        np.floor,
        np.ceil,
        np.rint,
        np.square,
        np.negative,
        np.log1p,
        np.arccosh,
    ):
        if theirs is np.arccosh:
            array = array + 2.0
        result = theirs(array)
        assert all(type(x) is Value for x in result)
        assert numbers(result) == pytest.approx(theirs(np.array(numbers(array))).tolist())


def test_sums_products_and_dots_of_arrays_of_values_have_gradients():
    a, b = Value(2.0), Value(3.0)
    array = np.array([a, b])
    weights = np.array([[1.0, 10.0], [100.0, 1000.0]])
    for result, expected in (
        (np.sum(array), [1.0, 1.0]),
        (sum([a, b, b]), [1.0, 2.0]),
        (math.prod([a, b, b]), [9.0, 12.0]),
        (np.prod(array), [3.0, 2.0]),
        (np.dot(array, array), [4.0, 6.0]),
        (np.dot(weights, array)[1], [100.0, 1000.0]),
        ((array @ weights)[0], [1.0, 100.0]),
        (np.mean(array), [0.5, 0.5]),
        (np.cumsum(array)[1], [1.0, 1.0]),
        (np.array([a, 1.0]).sum(), [1.0, 0.0]),
    ):
        assert gradients(result, [a, b]) == expected


# ---- copies and pickles --------------------------------------------------------------------------


def sample():
    """A graph with labels, gradients, constants, sharing and two leaves."""
    x, y = Value(0.5, "x"), Value(-2.0, "y")
    inner = x * y
    inner.label = "inner"
    root = (inner.tanh() + inner) * 3.0 - autograd.sum([x, y, x])
    root.backward()
    return x, y, root


def described(root):
    """A graph without the identities of its nodes."""
    order = nodes(root)
    place = {node: i for i, node in enumerate(order)}
    return [
        (type(n), n.op, n.data, n.label, gradient_or_none(n),
         tuple(place[x] if isinstance(x, Value) else ("number", x) for x in n.inputs))
        for n in sorted(order, key=lambda n: (n.op == "", n.label, -n._born))
    ]  # fmt: skip


WAYS = {
    "deepcopy": copy.deepcopy,
    **{
        f"pickle {protocol}": lambda root, p=protocol: pickle.loads(pickle.dumps(root, p))
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_is_the_same_graph_with_numbers_labels_and_gradients_of_its_own(way):
    x, y, root = sample()
    twin = WAYS[way](root)
    assert [row[:5] for row in described(twin)] == [row[:5] for row in described(root)]
    ours, theirs = set(nodes(root)), set(nodes(twin))
    assert not any(node is other for node in ours for other in theirs)
    leaves = {node.label: node for node in theirs if not node.inputs}
    before = x.grad
    assert leaves["x"].grad == before
    twin.backward()
    assert leaves["x"].grad == 2 * before
    assert x.grad == before
    leaves["y"].data = 9.0
    leaves["x"].label = "other"
    assert (y.data, x.label) == (-2.0, "x")
    root.backward()
    assert x.grad == 2 * before


@pytest.mark.parametrize("way", WAYS)
def test_within_one_copy_a_shared_leaf_stays_one_leaf(way):
    x, _, root = sample()
    other = x * x
    box = {"leaf": x, "roots": [root, other], "again": x}
    twin = WAYS[way](box)
    leaf = twin["leaf"]
    assert twin["again"] is leaf
    assert leaf in nodes(twin["roots"][0])
    assert any(node is leaf for node in nodes(twin["roots"][0]))
    assert twin["roots"][1].inputs == (leaf, leaf)
    assert twin["roots"][1].inputs[0] is leaf
    autograd.zero_grad([leaf])
    twin["roots"][1].backward()
    assert leaf.grad == 2 * 0.5


@pytest.mark.parametrize("way", WAYS)
def test_a_leaf_alone_is_copied_too(way):
    x = Value(2.0, "x")
    x.grad = 3.0
    twin = WAYS[way](x)
    assert (twin.data, twin.label, twin.grad, twin.inputs, twin.op) == (2.0, "x", 3.0, (), "")
    assert gradient_or_none(WAYS[way](Value(1.0))) is None


def test_a_shallow_copy_is_one_new_node_on_the_same_inputs():
    x = Value(2.0)
    y = x * x
    y.label = "y"
    twin = copy.copy(y)
    twin.label = "twin"
    assert twin is not y
    assert (y.label, twin.label, twin.op, twin.data) == ("y", "twin", "mul", 4.0)
    assert twin.inputs[0] is x
    (twin + y).backward()
    assert x.grad == 8.0


def test_a_deepcopy_of_an_interior_node_and_its_root_shares_it():
    *_, root = sample()
    interior = root.inputs[0]
    twin_interior, twin_root = copy.deepcopy([interior, root])
    assert twin_root.inputs[0] is twin_interior


def test_a_pickle_of_an_operation_that_is_not_registered_there_says_so(tmp_path):
    register("only_here", lambda x: 3.0 * x, lambda g, out, x: 3.0 * g)
    pickled = tmp_path / "graph.pickle"
    pickled.write_bytes(
        pickle.dumps(autograd.core.rules.RULES["only_here"].compute(Value(2.0)) + 1.0)
    )
    program = "import pickle, sys; pickle.load(open(sys.argv[1], 'rb'))"
    done = subprocess.run(
        [sys.executable, "-c", program, str(pickled)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 1
    said = "LookupError: there is no operation 'only_here' here; if it is your own, register it"
    assert said in done.stderr


def test_a_pickle_can_be_read_in_another_process(tmp_path):
    _, _, root = sample()
    pickled = tmp_path / "graph.pickle"
    pickled.write_bytes(pickle.dumps(root))
    program = "import pickle, sys; print(repr(pickle.load(open(sys.argv[1], 'rb'))))"
    done = subprocess.run(
        [sys.executable, "-c", program, str(pickled)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.strip() == repr(root)


# ---- a subclass ----------------------------------------------------------------------------------


class Parameter(Value):
    """A leaf with something of its own."""

    __slots__ = ("frozen",)


def test_a_subclass_works_like_a_value_and_results_are_values():
    p, v = Parameter(2.0, label="p"), Value(3.0)
    p.frozen = True
    for result in (p * v, v * p, p * p, p + 1, 1 + p, p.exp(), autograd.sum([p, v]), abs(p)):
        assert type(result) is Value
    assert gradients(p * p * v, [p, v]) == [12.0, 4.0]
    assert type(p.detach()) is Parameter
    assert p == 2.0
    assert p < v
    with no_grad():
        assert type(p * 2.0) is Value


def test_a_subclass_stays_one_in_a_copy():
    p = Parameter(2.0, label="p")
    for way in WAYS.values():
        twin = way(p * p)
        assert type(twin.inputs[0]) is Parameter
        assert twin.inputs[0].label == "p"


# ---- detach and no_grad --------------------------------------------------------------------------


def test_detach_is_a_leaf_with_the_number_and_the_label():
    x = Value(3.0)
    y = x * x
    y.label = "y"
    cut = y.detach()
    assert (cut.data, cut.label, cut.inputs, cut.op) == (9.0, "y", (), "")
    assert gradients(cut * x, [x, cut]) == [9.0, 3.0]
    cut.data = 1.0
    assert y.data == 9.0
    assert Value(1.0).detach().label == ""


def test_under_no_grad_results_are_leaves():
    x = Value(3.0, "x")
    with no_grad():
        for y in (x * x, x.exp(), 2 - x, autograd.sum([x, x]), autograd.where(True, x, 0.0)):
            assert (y.inputs, y.op) == ((), "")
    y = x * x
    assert (y.inputs, modes.active) == ((x, x), set())


def test_no_grad_is_a_decorator_too_and_ends_with_an_exception():
    x = Value(3.0)

    @no_grad()
    def predict(x, fail=False):
        if fail:
            raise ValueError
        return x * x

    assert predict(x).inputs == ()
    with pytest.raises(ValueError, match=r"^$"):
        predict(x, fail=True)
    assert predict.__name__ == "predict"
    assert not modes.active
    assert (x * x).inputs == (x, x)


def test_one_context_can_be_entered_again_and_inside_itself():
    quiet, x = no_grad(), Value(1.0)
    with quiet:
        with quiet:
            assert (x * x).inputs == ()
        assert (x * x).inputs == ()
    with quiet:
        assert (x * x).inputs == ()
    assert (x * x).inputs == (x, x)
    assert not modes.active


# ---- lines and anomalies -------------------------------------------------------------------------


def test_record_lines_keeps_the_users_own_line_of_code():
    x = Value(2.0)
    before = x * x
    with record_lines():
        kept = x * x  # the line that is kept
        function = autograd.tanh(x)
    after = x * x
    assert line_of(before) == line_of(after) == ""
    here = __file__
    assert line_of(kept).startswith(f"{here}:")
    assert line_of(kept).endswith(": kept = x * x  # the line that is kept")
    assert line_of(function).endswith(": function = autograd.tanh(x)")
    assert extra(kept)["line"] == (here, extra(function)["line"][1] - 1)


def test_lines_are_the_users_inside_transforms_and_lambdas_too():
    with record_lines():
        _, kept = autograd.value_and_grad(lambda x: (x * x, [x]), has_aux=True)(2.0)[0]
    assert kept == [2.0]
    seen = []
    with record_lines():
        autograd.grad(lambda x: seen.append(x * 3.0) or seen[0])(2.0)  # this very line
    assert line_of(seen[0]).endswith("(2.0)  # this very line")


ANOMALIES = {
    "a value": (
        lambda x: (x - 2.0).log() * 0.0,
        2.0,
        r"^log of 0\.0 is -inf\n  at .*test_value\.py:\d+: lambda x: \(x - 2\.0\)\.log\(\)",
    ),
    "a labelled input": (
        lambda x: x.sqrt(),
        -1.0,
        r"^sqrt of x = -1\.0 is nan\n  at .*test_value\.py:\d+: lambda x: x\.sqrt\(\),",
    ),
    "two inputs": (
        lambda x: 1.0 / x,
        0.0,
        r"^div of 1\.0, x = 0\.0 is inf\n  at .*test_value\.py",
    ),
}


@pytest.mark.parametrize("case", ANOMALIES)
def test_detect_anomaly_names_the_operation_its_inputs_and_the_users_line(case):
    f, number, said = ANOMALIES[case]
    with pytest.raises(FloatingPointError, match=said), detect_anomaly():
        f(Value(number, label="x"))
    assert not modes.active


@pytest.mark.parametrize("create_graph", [False, True])
def test_detect_anomaly_finds_the_first_gradient_that_is_not_finite(create_graph):
    x = Value(0.0, label="x")
    said = (
        r"the gradient that cbrt of x = 0\.0 passes back to x = 0\.0 is inf "
        r"\(it was handed 3\.0\)\n  at .*test_value\.py:\d+: root = x\.cbrt\(\)  # the culprit"
    )
    with detect_anomaly():
        root = x.cbrt()  # the culprit
        with pytest.raises(FloatingPointError, match=said):
            gradients(root * 3.0, [x], create_graph=create_graph)
    assert gradient_or_none(x) is None
    assert not modes.active


def test_detect_anomaly_finds_it_in_backward_and_leaves_gradients_alone():
    x = Value(0.0, label="x")
    x.grad = 7.0
    with detect_anomaly(), pytest.raises(FloatingPointError, match=r"cbrt of x = 0\.0"):
        x.cbrt().backward()
    assert x.grad == 7.0


def test_detect_anomaly_finds_finite_shares_whose_sum_is_not():
    x = Value(1e-300, label="x")
    with detect_anomaly():
        root = x * 1e308 + x * 1e308
        with pytest.raises(FloatingPointError, match=r"arrives at the leaf x = 1e-300 is inf"):
            root.backward()
        with pytest.raises(FloatingPointError, match=r"add of 1e\+308, 1e\+308 is inf"):
            gradients(root, [x], create_graph=True)


def test_detect_anomaly_is_quiet_where_all_is_finite():
    x = Value(0.5, label="x")
    with detect_anomaly():
        root = (x.tanh() * 3.0 + autograd.sum([x, 1.0])).exp()
        (slope,) = gradients(root, [x], create_graph=True)
        root.backward()
        autograd.hessian(lambda x: (x[0] * x[1]).exp())([0.1, 0.2])
    assert x.grad == slope.data


def test_detect_anomaly_takes_columns_that_answer_ints_or_nothing():
    op = register("int_slope", lambda x: 5.0, lambda g, out, x: 0)
    x = Value(1.0)
    with detect_anomaly():
        assert gradients(op(x), [x]) == [0.0]
        assert gradients(autograd.where(True, x, x * 2.0), [x]) == [1.0]


def test_outside_the_context_nothing_is_watched():
    x = Value(0.0)
    assert (1 / x).data == math.inf
    assert extra(x * 2.0) == {}


# ---- operations of one's own ---------------------------------------------------------------------


def test_a_registered_operation_works_to_third_order_everywhere():
    cube = register("cube_here", lambda x: x * x * x, lambda g, out, x: 3.0 * g * x * x)
    x = Value(2.0)
    y = cube(x)
    assert (y.op, y.data, y.partials, cube(2.0)) == ("cube_here", 8.0, (12.0,), 8.0)
    derivative, expected = y, [12.0, 12.0, 6.0, 0.0]
    for slope in expected:
        (derivative,) = gradients(derivative, [x], create_graph=True)
        assert derivative.data == slope
    assert autograd.grad(cube)(2.0) == 12.0
    assert autograd.hessian(lambda x: cube(x[0]) * x[1])([2.0, 5.0]) == [[60.0, 12.0], [12.0, 0.0]]
    with detect_anomaly(), pytest.raises(FloatingPointError, match="cube_here of 1e"):
        cube(Value(1e200))


def test_a_registered_operation_may_have_several_inputs_or_a_list_of_them():
    area = register(
        "area_here", lambda a, b: a * b / 2, lambda g, out, a, b: g * b / 2,
        lambda g, out, a, b: g * a / 2,
    )  # fmt: skip
    a, b = Value(3.0), Value(4.0)
    assert gradients(area(a, b), [a, b]) == [2.0, 1.5]
    assert gradients(area(a, 4), [a]) == [2.0]
    assert gradients(area(3, b), [b]) == [1.5]

    squares = register(
        "squares_here", lambda *xs: math.fsum(x * x for x in xs),
        lambda g, out, *xs: [2.0 * g * x for x in xs],
    )  # fmt: skip
    assert gradients(squares(a, 1.0, b, a), [a, b]) == [12.0, 8.0]
    (slope,) = gradients(squares(a, b), [a], create_graph=True)
    assert gradients(slope, [a, b]) == [2.0, 0.0]


def test_ones_own_operation_can_be_registered_again():
    first = register("again_here", lambda x: x, lambda g, out, x: g)
    second = register("again_here", lambda x: 2.0 * x, lambda g, out, x: 2.0 * g)
    x = Value(3.0)
    assert gradients(second(x), [x]) == [2.0]
    assert first(3.0) == 3.0


@pytest.mark.parametrize("name", ["mul", "exp", "sech2", "where", "erfc"])
def test_the_names_of_built_in_operations_are_taken(name):
    before = dict(autograd.core.rules.RULES)
    with pytest.raises(ValueError, match=f"{name!r} is an operation of this package"):
        register(name, lambda x: x, lambda g, out, x: g)
    assert before == autograd.core.rules.RULES


@pytest.mark.parametrize(
    ("args", "error", "said"),
    [
        (("",), ValueError, "is an identifier"),
        (("two words",), ValueError, "is an identifier"),
        ((3,), ValueError, "is an identifier, not 3"),
        (("bad_here", 3.0), TypeError, "takes functions, not 3.0"),
        (("bad_here", lambda x: x, "g"), TypeError, "takes functions, not 'g'"),
        (("bad_here", lambda x: x), ValueError, "1 inputs and 0 columns"),
        (("bad_here", lambda x, y: x, lambda g, out, x, y: g), ValueError, "2 inputs and 1 col"),
    ],
)
def test_a_bad_registration_says_what_is_wrong_and_registers_nothing(args, error, said):
    args = (*args, *[lambda x: x, lambda g, out, x: g][len(args) - 1 :]) if len(args) < 2 else args
    with pytest.raises(error, match=said):
        register(*args)
    assert "bad_here" not in autograd.core.rules.RULES


# ---- arithmetic stays exact ----------------------------------------------------------------------


def test_dyadic_polynomials_have_exact_gradients():
    for a, b in itertools.product([-1.5, 0.25, 3.0], repeat=2):
        x, y = Value(a), Value(b)
        root = (x * y - x / 2.0) * (x + 3.0) - y * y * 0.5
        p, q = fractions.Fraction(a), fractions.Fraction(b)
        by_x = (q - Fraction(1, 2)) * (p + 3) + (p * q - p / 2)
        by_y = p * (p + 3) - q
        assert gradients(root, [x, y]) == [float(by_x), float(by_y)]


def test_the_worked_example_of_the_public_page():
    a, b = Value(2.0, label="a"), Value(-3.0, label="b")
    loss = (a * b + a.tanh()) ** 2
    loss.backward()
    s = 2.0 * -3.0 + math.tanh(2.0)
    assert a.grad == pytest.approx(2 * s * (-3.0 + 1 / math.cosh(2.0) ** 2), rel=1e-15)
    assert b.grad == pytest.approx(2 * s * 2.0, rel=1e-15)


def test_engine_and_version_are_strings():
    assert autograd.engine() in ("compiled", "pure")
    assert autograd.__version__.count(".") == 2


def test_a_power_in_a_registered_operation_is_nan_and_never_complex():
    root = register("to_the_1_5", lambda x: x**1.5, lambda g, out, x: g * 1.5 * x**0.5)
    x = Value(-4.0)
    y = root(x)
    y.backward()
    assert math.isnan(y.data)
    assert math.isnan(x.grad)
    z = Value(4.0)
    root(z).backward()
    assert z.grad == 3.0


class _OwnError(Exception):
    """What a user's rule may raise."""

    def __init__(self, code: int, *, detail: str) -> None:
        super().__init__(f"{code}: {detail}")


def _raising(*_: object) -> float:
    raise _OwnError(3, detail="mine")


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("kind", ["Value", "Tensor"])
@pytest.mark.parametrize("way", ["forward", "one input", "two inputs", "a list"])
def test_an_error_in_a_users_rule_says_operation_labels_and_line(way, kind, create_graph):
    names = {"one input": "raises_of_one", "two inputs": "raises_of_two", "a list": "raises_of_all"}
    register("raises_forward", _raising_of_one, lambda g, out, x: g)
    register("raises_of_one", lambda x: x * 2.0, _raising)
    register("raises_of_two", lambda x, y: x * y, lambda g, out, x, y: g * y, _raising)
    register("raises_of_all", lambda *xs: xs[0] * xs[1], _raising)
    op = autograd.core.rules.RULES[names.get(way, "raises_forward")].compute
    x = Value(2.0, "x") if kind == "Value" else autograd.Tensor(2.0, label="x")
    y = x.detach()
    y.label = "y"
    operands = (x,) if way in ("forward", "one input") else (x, y)

    def run():
        with record_lines():
            made = op(*operands)  # the culprit
            made.label = "made"
            gradients(made, list(operands), create_graph=create_graph)

    with pytest.raises(_OwnError, match=r"^3: mine") as caught:
        run()
    (note,) = caught.value.__notes__
    of = "x = 2.0" if len(operands) == 1 else "x = 2.0, y = 2.0"
    if way == "forward":
        said = f"in the rule of raises_forward, forward: raises_forward of {of}\n  at "
    else:
        said = f"in the rule of {names[way]}, backward: made = {names[way]} of {of}\n  at "
    assert note.startswith(f"{said}{__file__}:")
    assert note.endswith(": made = op(*operands)  # the culprit")
    assert caught.traceback[-1].name == "_raising"
    assert caught.value.__suppress_context__ is False
    assert gradient_or_none(x) is None


def _raising_of_one(x: object) -> float:
    return _raising(x)


def test_an_error_in_a_users_rule_names_the_operation_without_lines_and_in_a_replay_too():
    late = register("raises_late", lambda x: x * 2.0, lambda g, out, x: _raising())
    with pytest.raises(_OwnError) as caught:
        late(Value(2.0, "x")).backward()
    assert caught.value.__notes__ == [
        "in the rule of raises_late, backward: raises_late of x = 2.0\n"
        "  at a line that record_lines() keeps"
    ]
    step = autograd.compile(late)
    with pytest.warns(RuntimeWarning, match="no form in C"):
        assert step(2.0) == 4.0
    with pytest.raises(_OwnError) as caught:
        step.value_and_grad(2.0)
    assert caught.value.__notes__[-1].startswith("in the rule of raises_late, in a replay: ")


@pytest.mark.parametrize("error", [ValueError, IndexError, TypeError, RuntimeError])
def test_an_error_in_a_users_rule_stays_the_one_that_it_is(error):
    def forward(x):
        raise error("nothing about shapes")

    op = register("raises_any", forward, lambda g, out, x: g)
    for x in (Value(2.0), autograd.Tensor([1.0, 2.0])):
        with pytest.raises(error, match=r"^nothing about shapes") as caught:
            op(x)
        assert caught.traceback[-1].name == "forward"
        assert "raises_any, forward" in caught.value.__notes__[-1]
