"""grad and its relatives: functions of functions, against closed forms and one another."""

from __future__ import annotations

import math
from collections import namedtuple
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd
from autograd import (
    Value,
    grad,
    gradients,
    hessian,
    hvp,
    jacobian,
    jvp,
    no_grad,
    value_and_grad,
    vjp,
)

Point = namedtuple("Point", "x y")
numbers = st.floats(-2.0, 2.0).filter(lambda x: x == 0 or abs(x) > 1e-6)
triples = st.lists(numbers, min_size=3, max_size=3)
quick = settings(max_examples=40, deadline=None)


def close(a, b):
    """Equal to rounding, structure by structure."""
    return np.allclose(a, b, rtol=1e-11, atol=1e-12)


def smooth(v):
    """A function of three numbers whose derivatives all mix."""
    x, y, z = v
    return (x * y).tanh() + (y * z).sin() * x + (x * x + z * z + 1.0).log()


def smooth_gradient(v):
    x, y, z = v
    t, r = 1 - math.tanh(x * y) ** 2, x * x + z * z + 1.0
    return [
        y * t + math.sin(y * z) + 2 * x / r,
        x * t + z * math.cos(y * z) * x,
        y * math.cos(y * z) * x + 2 * z / r,
    ]


def field(v):
    """Three numbers to two."""
    x, y, z = v
    return [(x * y).exp() + z, x * z * z]


def field_jacobian(v):
    x, y, z = v
    e = math.exp(x * y)
    return [[y * e, x * e, 1.0], [z * z, 0.0, 2 * x * z]]


# ---- against closed forms ------------------------------------------------------------------------


@quick
@given(triples)
def test_grad_is_the_gradient(v):
    assert close(grad(smooth)(v), smooth_gradient(v))


@quick
@given(triples)
def test_value_and_grad_gives_both(v):
    value, slope = value_and_grad(smooth)(v)
    x, y, z = v
    assert value == pytest.approx(
        math.tanh(x * y) + math.sin(y * z) * x + math.log(x * x + z * z + 1.0), abs=1e-14
    )
    assert slope == grad(smooth)(v)


@quick
@given(triples)
def test_the_jacobian_has_a_row_for_each_output(v):
    assert close(jacobian(field)(v), field_jacobian(v))


def test_the_hessian_of_a_quadratic_is_its_matrix():
    a = [[2.0, -1.0, 0.5], [-1.0, 3.0, 0.0], [0.5, 0.0, 1.0]]

    def quadratic(v):
        return 0.5 * autograd.dot(v, [autograd.dot(row, v) for row in a])

    assert hessian(quadratic)([0.3, -0.7, 2.0]) == a


@pytest.mark.slow
@quick
@given(triples)
def test_the_hessian_is_symmetric_and_the_jacobian_of_the_gradient(v):
    h = hessian(smooth)(v)
    assert close(h, np.transpose(h))
    assert h == jacobian(grad(smooth))(v)


@pytest.mark.slow
@quick
@given(triples, triples)
def test_hvp_is_the_hessian_times_the_vector(v, w):
    assert close(hvp(smooth)(v, w), np.array(hessian(smooth)(v)) @ np.array(w))


@quick
@given(triples, triples)
def test_jvp_is_the_jacobian_times_the_vector(v, w):
    assert close(jvp(field)(v, w), np.array(field_jacobian(v)) @ np.array(w))


@pytest.mark.slow
@quick
@given(triples, st.lists(numbers, min_size=2, max_size=2))
def test_vjp_is_the_vector_times_the_jacobian(v, u):
    assert close(vjp(field)(v, u), np.array(u) @ np.array(field_jacobian(v)))


@pytest.mark.slow
@quick
@given(triples, triples, st.lists(numbers, min_size=2, max_size=2))
def test_jvp_and_vjp_are_adjoint(v, w, u):
    assert np.dot(u, jvp(field)(v, w)) == pytest.approx(np.dot(vjp(field)(v, u), w), abs=1e-10)


@quick
@given(triples, numbers)
def test_the_gradient_is_linear_in_the_seed(v, seed):
    leaves = [Value(x) for x in v]
    root = smooth(leaves)
    once = gradients(root, leaves)
    assert close(gradients(root, leaves, seed=seed), [seed * g for g in once])
    assert gradients(root, leaves, seed=4.0) == [4.0 * g for g in once]  # a power of two: exactly
    assert gradients(root, leaves, seed=0.0) == [0.0] * 3


@quick
@given(triples, numbers)
def test_the_gradient_of_a_sum_is_the_sum_of_the_gradients(v, factor):
    def other(v):
        return (v[0] - v[1]) * v[2].cos()

    combined = grad(lambda v: smooth(v) + factor * other(v))(v)
    parts = zip(grad(smooth)(v), grad(other)(v), strict=True)
    assert close(combined, [a + factor * b for a, b in parts])


@quick
@given(numbers, numbers)
def test_the_chain_rule(x, y):
    def inner(x):
        return autograd.sin(x) * y + x * x

    chained = grad(lambda x: autograd.tanh(inner(x)))(x)
    assert chained == pytest.approx(grad(autograd.tanh)(inner(x)) * grad(inner)(x), abs=1e-14)


# ---- order upon order ----------------------------------------------------------------------------


def test_grad_of_grad_to_the_fifth_order():
    polynomial = [3.0, -1.0, 0.5, 2.0, -0.25, 1.5, 1.0]

    def f(x):
        total = 0.0
        for k, c in enumerate(polynomial):
            total = total + c * x**k
        return total

    at = 1.25
    for order in range(6):
        expected = sum(
            c * math.perm(k, order) * at ** (k - order)
            for k, c in enumerate(polynomial)
            if k >= order
        )
        derivative = f
        for _ in range(order):
            derivative = grad(derivative)
        answer = derivative(at)
        assert answer == pytest.approx(expected, rel=1e-13)
        assert type(answer) is float


def test_the_derivatives_of_the_sine_go_round():
    f = autograd.sin
    for expected in (math.cos(0.7), -math.sin(0.7), -math.cos(0.7), math.sin(0.7), math.cos(0.7)):
        f = grad(f)
        assert f(0.7) == pytest.approx(expected, rel=1e-14)


def test_nested_variables_are_never_mistaken_for_one_another():
    assert grad(lambda x: x * grad(lambda y: x + y)(x))(3.0) == 1.0
    assert grad(lambda x: x * grad(lambda y: x * y)(2.0))(3.0) == 6.0
    assert grad(lambda x: grad(lambda y: x * y * y)(x))(3.0) == 12.0  # d/dx of 2 x^2
    inner = grad(lambda x: grad(lambda y: grad(lambda z: x * y * z)(1.0) * y)(x))
    assert inner(5.0) == 4 * 5.0  # d/dx of 2 x y at y = x


def test_an_answer_is_a_float_unless_it_depends_on_a_node_from_outside():
    w, x = Value(5.0), Value(2.0)
    assert type(grad(lambda x: x * x)(2.0)) is float
    assert type(grad(lambda x: x + w)(2.0)) is float
    answer = grad(lambda x: x * w * x)(2.0)
    assert type(answer) is Value
    assert gradients(answer, [w]) == [4.0]
    answer = grad(lambda y: y**3.0)(x)
    assert gradients(answer, [x]) == [12.0]
    value, answer = value_and_grad(lambda y: w + y)(2.0)
    assert (type(value), type(answer), value.data) == (Value, float, 7.0)
    first, second = grad(lambda v: v[0] * w + v[1])([1.0, 1.0])
    assert (type(first), type(second)) == (Value, float)


def test_a_gradient_through_a_gradient_reaches_the_outer_leaf():
    w = Value(3.0)
    penalty = grad(lambda x: w * x * x)(2.0) ** 2.0  # (2 w x)^2 = 16 w^2
    penalty.backward()
    assert w.grad == 32.0 * 3.0


def test_hvp_jvp_and_vjp_can_be_differentiated_again():
    cubic = grad(lambda x: hvp(lambda y: y**3.0)(x, 1.0))
    assert cubic(5.0) == 6.0
    assert grad(lambda x: jvp(lambda y: y**3.0)(x, 2.0))(5.0) == 2.0 * 6.0 * 5.0
    assert grad(lambda x: vjp(lambda y: y**3.0)(x, 2.0))(5.0) == 2.0 * 6.0 * 5.0
    assert grad(lambda u: vjp(lambda y: y**3.0)(5.0, u))(2.0) == 75.0
    assert grad(lambda v: jvp(lambda y: y**3.0)(5.0, v))(2.0) == 75.0
    assert grad(lambda v: hvp(lambda y: y**3.0)(5.0, v))(2.0) == 30.0


def test_a_transform_inside_no_grad_still_differentiates_and_answers_numbers():
    w = Value(5.0)
    with no_grad():
        assert grad(grad(lambda x: x**3.0))(2.0) == 12.0
        assert hessian(smooth)([0.1, 0.2, 0.3]) is not None
        assert jvp(field)([0.5, 0.5, 0.5], [0.0, 0.0, 1.0]) == [1.0, 0.5]
        assert grad(lambda x: x * w)(2.0) == 5.0
        assert type(grad(lambda x: x * w)(2.0)) is float
        assert grad(lambda x: x * x)(w) == 10.0
        assert (w * w).inputs == ()
    assert not autograd.core.modes.active


def test_no_grad_inside_the_function_makes_constants():
    def f(x):
        with no_grad():
            weight = x * 10.0
        return weight * x

    assert grad(f)(2.0) == 20.0


# ---- structures of arguments ---------------------------------------------------------------------


def test_an_answer_has_the_structure_of_its_argument():
    def f(tree):
        a, (b, c) = tree["pair"][0], tree["pair"][1]
        return a * b + c * tree["more"].x * tree["more"].y + tree["list"][0] ** 2.0

    tree = {"pair": (2.0, [3.0, 5.0]), "more": Point(7.0, 11.0), "list": [13.0], "empty": []}
    answer = grad(f)(tree)
    assert answer == {
        "pair": (3.0, [2.0, 77.0]),
        "more": Point(55.0, 35.0),
        "list": [26.0],
        "empty": [],
    }
    assert type(answer["more"]) is Point
    assert type(answer["pair"]) is tuple


def test_the_argument_itself_is_left_alone():
    argument = [1.0, {"a": 2.0}]

    def meddler(v):
        result = v[0] * v[1]["a"]
        v[0] = v[1]["a"] = 0.0
        v.append(17.0)
        return result

    assert grad(meddler)(argument) == [2.0, {"a": 1.0}]
    assert argument == [1.0, {"a": 2.0}]


def test_argnums_chooses_the_arguments():
    def f(a, b, c=1.0):
        return a * b * b * c

    assert grad(f)(2.0, 3.0) == 9.0
    assert grad(f, 1)(2.0, 3.0) == 12.0
    assert grad(f, -1)(2.0, 3.0) == 12.0
    assert grad(f, (0, 1))(2.0, 3.0) == (9.0, 12.0)
    assert grad(f, [1, 0])(2.0, 3.0, 5.0) == (60.0, 45.0)
    assert grad(f, (0,))(2.0, 3.0) == (9.0,)
    assert grad(f, 1)(2.0, 3.0, c=10.0) == 120.0
    assert value_and_grad(f, (0, 1))(2.0, 3.0) == (18.0, (9.0, 12.0))
    assert jacobian(f, (0, 1))(2.0, 3.0) == (9.0, 12.0)
    assert hessian(f, 1)(2.0, 3.0) == 4.0
    assert hessian(f, (0, 1))(2.0, 3.0) == ((0.0, 6.0), (6.0, 4.0))


def test_argnums_counts_the_arguments_of_f_and_not_the_vector():
    def f(a, b):
        return a * b * b

    assert hvp(f, 1)(2.0, 3.0, 1.0) == 4.0
    assert hvp(f, -1)(2.0, 3.0, 1.0) == 4.0
    assert hvp(f, -2)(2.0, 3.0, 1.0) == 0.0
    assert hvp(f, (0, 1))(2.0, 3.0, (1.0, 10.0)) == (60.0, 6.0 + 40.0)
    assert jvp(f, -1)(2.0, 3.0, 10.0) == 120.0
    assert jvp(f, (0, 1))(2.0, 3.0, (1.0, 10.0)) == 129.0
    assert vjp(f, -1)(2.0, 3.0, 10.0) == 120.0
    assert vjp(f, (1, 0))(2.0, 3.0, 1.0) == (12.0, 9.0)


@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian, hvp, jvp, vjp])
@pytest.mark.parametrize(
    ("argnums", "error", "said"),
    [
        (5, ValueError, "argnums 5 asks for an argument that f was not given: it got 1"),
        (-2, ValueError, "argnums -2 asks"),
        ((0, 1), ValueError, "argnums 1 asks"),
        (None, TypeError, "argnums is an int or a tuple of ints, not None"),
        (0.0, TypeError, "not 0.0"),
        ("0", TypeError, "not '0'"),
        (True, TypeError, "not True"),
        ((0, "a"), TypeError, "an int or a tuple of ints"),
    ],
)
def test_a_bad_argnums_says_what_is_wrong(transform, argnums, error, said):
    def f(x):
        return x * x

    args = (2.0, 1.0) if transform in (hvp, jvp, vjp) else (2.0,)
    with pytest.raises(error, match=said):
        transform(f, argnums)(*args)


def test_keyword_arguments_are_passed_on_and_not_differentiated():
    def f(x, *, scale, flip=False):
        return -x * scale if flip else x * scale

    assert grad(f)(2.0, scale=3.0) == 3.0
    assert grad(f)(2.0, scale=3.0, flip=True) == -3.0
    assert jvp(f)(2.0, 10.0, scale=3.0) == 30.0
    assert hvp(f)(2.0, 10.0, scale=3.0) == 0.0
    with pytest.raises(ValueError, match="pass what is to be differentiated by position"):
        grad(f)(x=2.0, scale=3.0)


def test_arguments_that_are_not_chosen_may_be_anything():
    assert grad(lambda x, mode, table: x * table[mode])(2.0, "b", {"b": 7.0}) == 7.0


def test_has_aux_gives_back_what_else_f_computed():
    def f(x):
        y = x * x
        return y * x, {"y": y, "note": "seen", "n": [x, 1]}

    aux = {"y": 4.0, "note": "seen", "n": [2.0, 1]}
    assert grad(f, has_aux=True)(2.0) == (12.0, aux)
    assert value_and_grad(f, has_aux=True)(2.0) == ((8.0, aux), 12.0)
    assert type(grad(f, has_aux=True)(2.0)[1]["y"]) is float
    w = Value(3.0)
    (value, inner), _ = value_and_grad(lambda x: (x, x * w), has_aux=True)(2.0)
    assert (type(value), type(inner)) == (float, Value)


@pytest.mark.parametrize("result", [2.0, (1.0,), (1.0, 2.0, 3.0), [1.0, 2.0], None])
def test_has_aux_without_a_pair_says_so(result):
    with pytest.raises(TypeError, match=r"with has_aux f returns a pair \(result, aux\), not "):
        value_and_grad(_named("f", lambda x: result), has_aux=True)(2.0)


def _named(name, f):
    f.__name__ = name
    return f


@pytest.mark.parametrize("number", [2, True, np.float32(0.5), np.int64(3), 0.25])
def test_any_real_number_may_be_an_argument_and_the_answer_is_a_float(number):
    for transform in (grad, hessian, jacobian):
        assert type(transform(lambda x: x * x * x)(number)) is float
    assert grad(lambda x: x * x)(number) == 2 * float(number)
    assert type(vjp(lambda x: x)(2.0, 1)) is float
    assert type(jvp(lambda x: x)(2, 1)) is float


def test_the_jacobian_has_the_structure_of_the_result_and_of_the_argument():
    answer = jacobian(lambda p: {"sum": p.x + p.y, "both": (p.x * p.y, 3.0)})(Point(2.0, 5.0))
    assert answer == {"sum": Point(1.0, 1.0), "both": (Point(5.0, 2.0), Point(0.0, 0.0))}


def test_vectors_may_have_their_keys_in_any_order_and_any_nesting():
    def f(d):
        return d["a"] ** 2.0 + d["b"][0] ** 3.0

    at = {"a": 1.0, "b": [2.0]}
    assert hvp(f)(at, {"b": [1.0], "a": 0.0}) == {"a": 0.0, "b": [12.0]}
    assert jvp(f)(at, {"b": [1.0], "a": 0.0}) == 12.0
    assert vjp(lambda x: {"p": x, "q": 5.0 * x})(1.0, {"q": 1.0, "p": 0.0}) == 5.0


# ---- what f may return ---------------------------------------------------------------------------


def test_an_argument_that_does_not_matter_has_gradient_zero():
    assert grad(lambda x, y: y * 2.0, (0, 1))(1.0, 1.0) == (0.0, 2.0)
    assert grad(lambda v: v[0])([1.0, 2.0]) == [1.0, 0.0]
    assert type(grad(lambda x, y: y * 2.0)(1.0, 1.0)) is float


def test_a_constant_has_gradient_zero():
    w = Value(3.0)
    for constant in (5.0, 5, np.float64(5.0), w, w * w):
        for transform in (grad, jacobian, hessian):
            assert transform(lambda x, c=constant: c)(2.0) == 0.0
    assert value_and_grad(lambda x: 5)(2.0) == (5, 0.0)
    assert jvp(lambda x: [x, 5.0])(2.0, 3.0) == [3.0, 0.0]
    assert vjp(lambda x: [x, 5.0])(2.0, [3.0, 7.0]) == 3.0
    assert hvp(lambda x: 5.0)(2.0, 3.0) == 0.0


def test_the_identity_has_gradient_one():
    assert grad(lambda x: x)(2.0) == 1.0
    assert jacobian(lambda v: v)([1.0, 2.0]) == [[1.0, 0.0], [0.0, 1.0]]
    assert grad(lambda x: x)(Value(2.0)) == 1.0


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (None, "f returned None: did it forget to return its result"),
        ("text", r"f returned 'text' \(str\)"),
        ([1.0], r"f returned \[1\.0\] \(list\): add its parts up, or take jacobian\(f\)"),
        ((Value(1.0), 2.0), r"take jacobian\(f\)"),
        ({}, r"f returned \{\} \(dict\)"),
        (1j, r"f returned 1j \(complex\)"),
        (np.ones(2), r"\(ndarray\)"),
    ],
)
def test_a_result_that_is_not_one_number_says_what_came(result, said):
    with pytest.raises(TypeError, match=said):
        grad(_named("f", lambda x: result))(2.0)
    assert not autograd.core.modes.active


def test_a_jacobian_of_something_without_numbers_says_so():
    with pytest.raises(TypeError, match="f returned None"):
        jacobian(_named("f", lambda x: [x, None]))(2.0)


@pytest.mark.parametrize("leaf", ["a", 1j, b"x"])
@pytest.mark.parametrize("transform", [grad, jacobian, hessian])
def test_an_argument_that_is_no_number_says_so(transform, leaf):
    with pytest.raises(TypeError, match="a Value holds one real number, not "):
        transform(lambda v: v[0])([leaf])


@pytest.mark.parametrize("transform", [hvp, jvp, vjp])
def test_a_vector_must_be_there_and_have_the_right_structure(transform):
    with pytest.raises(TypeError, match=f"{transform.__name__}.f. takes f's arguments and then a"):
        transform(lambda x: x)(2.0)
    with pytest.raises(ValueError, match="the vector's structure is"):
        transform(lambda v: v[0] * v[1])([1.0, 2.0], [[1.0], 2.0])
    with pytest.raises(TypeError, match="'a'"):
        transform(lambda x: x * 2.0 * x)(1.0, "a")


def test_an_error_in_f_passes_through_and_leaves_no_context_open():
    def f(x):
        raise KeyError("mine")

    for transform in (grad, value_and_grad, jacobian, hessian):
        with pytest.raises(KeyError, match="mine"):
            transform(f)(2.0)
        assert not autograd.core.modes.active
    with pytest.raises(TypeError, match="not callable"):
        grad(3.0)(2.0)


# ---- cost and courtesy ---------------------------------------------------------------------------


def test_value_and_grad_calls_f_once():
    calls = []

    def f(v):
        calls.append(v)
        return v[0] * v[1]

    value_and_grad(f)([2.0, 3.0])
    assert len(calls) == 1
    grad(f)([2.0, 3.0])
    hvp(f)([2.0, 3.0], [1.0, 0.0])
    jvp(f)([2.0, 3.0], [1.0, 0.0])
    vjp(f)([2.0, 3.0], 1.0)
    hessian(f)([2.0, 3.0])
    assert len(calls) == 6


def test_a_hessian_times_a_vector_costs_no_more_walks_for_more_inputs():
    def f(v):
        total = Value(0.5)
        for x in v:
            total = (total * x).tanh()
        return total

    def births(n):
        start = autograd.core.graph.birth()
        hvp(f)([0.9] * n, [1.0] * n)
        return autograd.core.graph.birth() - start

    assert births(200) < 2.2 * births(100)


def test_nothing_is_written_to_grad():
    x, w = Value(2.0), Value(3.0)
    for transform in (grad, jacobian, hessian, value_and_grad):
        transform(lambda v: v * v * w)(x)
    assert [autograd.core.graph.gradient_or_none(node) for node in (x, w)] == [None, None]


def test_the_answering_function_keeps_the_name_and_the_docstring():
    def energy(x):
        """Half the square."""
        return x * x / 2.0

    for transform in (grad, value_and_grad, jacobian, vjp, jvp, hvp):
        assert transform(energy).__name__ == "energy"
        assert transform(energy).__doc__ == "Half the square."
    assert grad(partial(lambda a, x: a * x, 3.0))(2.0) == 3.0


def test_a_function_of_floats_may_call_other_peoples_functions_on_constants():
    assert grad(lambda x: x * math.exp(2.0))(1.0) == math.exp(2.0)
    with pytest.raises(TypeError, match=r"autograd\.exp"):
        grad(lambda x: math.exp(x))(1.0)


def test_the_frozen_leaf_is_the_one_whose_number_is_taken():
    p = Value(3.0)
    assert grad(lambda x: x * p.data)(2.0) == 3.0
    root = p.detach() * p
    root.backward()
    assert p.grad == 3.0
