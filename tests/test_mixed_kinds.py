"""Arrays and floats among the arguments of one call, in any container: they meet."""

from __future__ import annotations

import math
from collections import OrderedDict, defaultdict, deque, namedtuple
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import autograd as ag
from autograd import (
    Tensor,
    Value,
    grad,
    gradcheck,
    hessian,
    hvp,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)
from autograd.core.kinds import FUNCTIONS
from autograd.core.modes import mixing

Pair = namedtuple("Pair", "w b")
A = np.array([1.0, 2.0, 3.0])


class Row(list):
    """A list of a user's own, which keeps what is said about it."""

    note = ""


class Couple(tuple):
    """A tuple of a user's own."""


class Table(dict):
    """A dict of a user's own."""


CONTAINERS: dict[str, Any] = {
    "list": lambda w, b: [w, b],
    "tuple": lambda w, b: (w, b),
    "NamedTuple": Pair,
    "dict": lambda w, b: {"w": w, "b": b},
    "OrderedDict": lambda w, b: OrderedDict(w=w, b=b),
    "defaultdict": lambda w, b: defaultdict(float, w=w, b=b),
    "mappingproxy": lambda w, b: MappingProxyType({"w": w, "b": b}),
    "deque": lambda w, b: deque([w, b], maxlen=2),
    "list of a user": lambda w, b: Row([w, b]),
    "tuple of a user": lambda w, b: Couple((w, b)),
    "dict of a user": lambda w, b: Table(w=w, b=b),
    "nested": lambda w, b: {"w": [w, None], "b": b},
}


def parts(tree: Any) -> tuple[Any, Any]:
    """The array and the number in any of the containers."""
    w, b = (tree["w"], tree["b"]) if hasattr(tree, "keys") else tree
    return (w[0] if isinstance(w, list) and w[1] is None else w), b


def energy(tree: Any) -> Any:
    """sum(w^2) b^3 for A and b: 14 b^3."""
    w, b = parts(tree)
    return (w * w * b * b * b).sum()


def vector(tree: Any) -> Any:
    w, b = parts(tree)
    return w * b


every_container = pytest.mark.parametrize("make", CONTAINERS.values(), ids=CONTAINERS)


@every_container
def test_every_transform_answers_in_the_structure_and_the_kinds_of_its_arguments(make: Any) -> None:
    at, along = make(A, 2.0), make(np.ones(3), 10.0)
    slopes = make(16.0 * A, 14.0 * 12.0)

    def same(found: Any, expected: Any) -> None:
        assert type(found) is type(expected)
        (w, b), (v, c) = parts(found), parts(expected)
        np.testing.assert_allclose(w, v, rtol=1e-13)
        np.testing.assert_allclose(b, c, rtol=1e-13)
        assert isinstance(w, np.ndarray)

    same(grad(energy)(at), slopes)
    assert type(parts(grad(energy)(at))[1]) is float
    value, answer = value_and_grad(energy)(at)
    assert value == 14.0 * 8.0
    same(answer, slopes)
    same(jacobian(energy)(at), slopes)
    same(jacobian(vector)(at), make(2.0 * np.eye(3), A))
    same(vjp(vector)(at, np.ones(3)), make(np.full(3, 2.0), 6.0))
    np.testing.assert_allclose(jvp(vector)(at, along), 2.0 + 10.0 * A)
    same(hvp(energy)(at, along), make(16.0 + 240.0 * A, 24.0 * 6.0 + 14.0 * 12.0 * 10.0))
    by_w, by_b = parts(hessian(energy)(at))
    same(by_w, make(16.0 * np.eye(3), 24.0 * A))
    same(by_b, make(24.0 * A, 14.0 * 12.0))


def test_a_container_keeps_what_else_it_has() -> None:
    assert grad(lambda d: d["a"])(defaultdict(int, a=1.0)).default_factory is int
    assert grad(lambda d: d[0] * d[1])(deque([2.0, 3.0], maxlen=5)).maxlen == 5
    assert list(grad(lambda d: d["b"] * d["a"])(OrderedDict(b=1.0, a=2.0))) == ["b", "a"]
    assert grad(lambda d: d[0] * 2.0)([1.0, None]) == [2.0, None]


@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian])
def test_a_container_that_is_not_known_is_named_with_its_place(transform: Any) -> None:
    for odd in ({1.0, 2.0}, range(3), (x for x in [1.0]), {"a": 1.0}.values()):
        with pytest.raises(TypeError, match=r"argument 0 at \['p'\]\[1\]: .* is not a container"):
            transform(lambda d: d["p"][0] * 2.0)({"p": [1.0, odd]})


@pytest.mark.parametrize("transform", [hvp, jvp, vjp])
def test_so_it_is_where_a_vector_is_given(transform: Any) -> None:
    with pytest.raises(TypeError, match=r"argument 0 at \[1\]: range.* \(range\) is not a cont"):
        transform(lambda d: d[0] * 2.0)([1.0, range(3)], [1.0, 1.0])


@pytest.mark.parametrize("x", [1.0, A], ids=["float", "array"])
@pytest.mark.parametrize("transform", [grad, value_and_grad, jacobian, hessian, hvp, jvp, vjp])
def test_the_result_of_a_comparison_has_no_slope(transform: Any, x: Any) -> None:
    args = (x, x) if transform in (hvp, jvp, vjp) else (x,)
    for f in (lambda x: x > 0.0, lambda x: np.any(x.data > 0.0), lambda x: True):
        with pytest.raises(TypeError, match=r"\(bool|ndarray\), the result of a comparison, which"):
            transform(f)(*args)


# ---- where they meet -----------------------------------------------------------------------------

TWO = [
    n for n, f in FUNCTIONS.items() if f.arity == 2 and f.public and not f.variadic and not f.takes
]


@pytest.mark.parametrize("name", [n for n in TWO if n != "round"])
def test_a_number_meets_an_array_as_an_array_of_no_axes_does(name: str) -> None:
    f = FUNCTIONS[name].call
    w = np.array([0.3, 0.8, 1.7])
    for g in (f, lambda x, y: f(y, x)):
        by_w, by_b = grad(lambda w, b, g=g: g(w, b).sum(), (0, 1))(w, 0.6)
        v, c = Tensor(w), Tensor(0.6)
        g(v, c).sum().backward()
        np.testing.assert_array_equal(by_w, v.grad)
        assert by_b == c.grad
        assert type(by_b) is float


@pytest.mark.parametrize(
    ("f", "by_b"),
    [
        (lambda w, b: ag.where(w.data > 1.5, w, b).sum(), 1.0),
        (lambda w, b: ag.clip(w, b, 2.5).sum(), 1.0),
        (lambda w, b: ag.stack([w[0], b, w[1]]).prod(), 2.0),
        (lambda w, b: ag.sum([b, w[2], b * b]), 4.0),
        (lambda w, b: sum([b, w.sum()]), 1.0),
        (lambda w, b: ag.dot([b, b], [w[0], w[1]]), 3.0),
        (lambda w, b: (np.array([b, b, 1.0]) * w).sum(), 3.0),
        (lambda w, b: w @ [b, 0.0, b * b], 1.0 + 9.0),
        (lambda w, b: np.multiply(b, w).sum(), 6.0),
        (lambda w, b: w[0] * b if b < w[2] else w[1] * b, 1.0),
        (lambda w, b: (b if (w > b).any() else 0.0) * w.sum(), 6.0),
        (lambda w, b: w.sum().values() * b + math.exp(1.0) * b, 6.0 + math.e),
    ],
)
def test_wherever_they_meet_the_gradient_goes_through(f: Any, by_b: float) -> None:
    found = grad(f, (0, 1))(A, 1.5)
    assert found[1] == pytest.approx(by_b, rel=1e-13)
    for i, h in enumerate(np.eye(3) * 1e-6):
        both = [float(ag.Tensor(0.0).data + _number(f, A + s * h, 1.5)) for s in (1, -1)]
        assert found[0][i] == pytest.approx((both[0] - both[1]) / 2e-6, abs=1e-7)


def _number(f: Any, w: Any, b: float) -> float:
    """f's value, from the same call."""
    return float(value_and_grad(f, (0, 1))(w, b)[0])


def test_calls_that_are_nested_may_have_one_kind_each() -> None:
    assert grad(lambda s: grad(lambda x: (x * x * s).sum())(A).sum())(2.0) == 12.0
    found = grad(lambda a: grad(lambda s: (a * a * s * s).sum())(2.0))(A)
    np.testing.assert_allclose(found, 8.0 * A)
    both = grad(lambda x, s: grad(lambda y, t: (y * x * t * s).sum(), (0, 1))(x, s)[1], (0, 1))
    by_x, by_s = both(A, 0.5)
    np.testing.assert_allclose(by_x, A)  # of x^2 s, at y = x
    assert by_s == pytest.approx(14.0)


def test_outside_of_a_call_kinds_do_not_mix_and_an_error_leaves_it_so() -> None:
    def f(x: Any, s: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError):
        grad(f, (0, 1))(A, 0.5)
    assert not mixing.get()
    for mixed in (lambda: Value(1.0) * Tensor(A), lambda: Tensor(A) * Value(1.0)):
        with pytest.raises(TypeError, match="kinds do not mix"):
            mixed()
    with pytest.raises(TypeError, match="kinds do not mix"):
        grad(lambda x: (x * Value(2.0)).sum())(A)  # a Value that no call was given


def test_single_precision_stays_where_it_came() -> None:
    by_w, by_b = grad(lambda w, b: (w * b).sum(), (0, 1))(A.astype(np.float32), 0.5)
    assert by_w.dtype == np.float32
    assert type(by_b) is float
    whole, by_axisless = grad(lambda w, b: (w * b).sum(), (0, 1))(np.arange(3), np.array(2))
    assert whole.dtype == by_axisless.dtype == np.float64
    assert by_axisless.shape == ()


def test_a_check_takes_both_kinds_too() -> None:
    for w in (A, Tensor(A)):
        assert gradcheck(lambda w, b: (ag.tanh(w * b) * b).sum(), w, 0.5)
    assert gradcheck(energy, {"w": A[:1], "b": 0.5}, order=2)


# ---- programs ------------------------------------------------------------------------------------

STEPS: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: b - a,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / (2.0 + b * b),
    "tanh": lambda a, b: ag.tanh(a),
    "sin": lambda a, b: ag.sin(a) * b,
    "hypot": lambda a, b: ag.hypot(a, 1.0 + b * b),
    "total": lambda a, b: number(a) * b,
}
programs = st.lists(
    st.tuples(st.sampled_from(sorted(STEPS)), st.integers(0, 20), st.integers(0, 20)),
    min_size=1,
    max_size=7,
)


def number(x: Any) -> Any:
    return x.sum() if getattr(x, "shape", ()) else x


def run(program: Any, w: Any, rest: Any) -> Any:
    """A number from arrays and floats, each of which met others on the way."""
    held = [w, rest["s"], rest["m"][0], rest["m"][1]]
    for name, i, j in program:
        held.append(ag.tanh(STEPS[name](held[i % len(held)], held[j % len(held)])))
    total = 0.0
    for k, x in enumerate(held):
        total = total + (k + 1.0) * number(x)
    return total


@settings(max_examples=20, deadline=None)
@given(programs, st.integers(0, 1000))
def test_a_program_of_both_kinds_has_the_slopes_of_central_differences(
    program: Any, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    flat = rng.uniform(-1.5, 1.5, 3 + 1 + 2 + 1)

    def tree(x: Any) -> tuple[Any, Any]:
        return x[:3], {"s": float(x[3]), "m": [x[4:6].reshape(2, 1), float(x[6])]}

    def ravelled(w: Any, rest: Any) -> Any:
        return np.concatenate([w, [rest["s"]], rest["m"][0].ravel(), [rest["m"][1]]])

    def value(x: Any) -> float:
        return float(run(program, *tree(x)))

    h = 1e-5
    found = ravelled(*grad(lambda w, r: run(program, w, r), (0, 1))(*tree(flat)))
    expected = [(value(flat + e) - value(flat - e)) / (2 * h) for e in np.eye(7) * h]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    along = rng.uniform(-1.0, 1.0, 7)
    second = ravelled(*hvp(lambda w, r: run(program, w, r), (0, 1))(*tree(flat), tree(along)))

    def slopes(x: Any) -> Any:
        return ravelled(*grad(lambda w, r: run(program, w, r), (0, 1))(*tree(x)))

    expected = (slopes(flat + h * along) - slopes(flat - h * along)) / (2 * h)
    np.testing.assert_allclose(second, expected, rtol=1e-5, atol=1e-5)
    assert jvp(lambda w, r: run(program, w, r), (0, 1))(*tree(flat), tree(along)) == pytest.approx(
        float(found @ along), rel=1e-10, abs=1e-10
    )


@pytest.mark.parametrize("join", [ag.stack, ag.cat, np.stack])
def test_a_value_among_joined_tensors_is_refused_by_name_or_crosses_in_a_transform(join):
    value, tensor = ag.Value(1.0), ag.Tensor(2.0)
    for parts in ([value, tensor], [value, np.ones(())])[: 2 if join is not np.stack else 1]:
        with pytest.raises(TypeError, match="takes Tensors and arrays, and a Value is among them"):
            join(parts)
    if join is not ag.cat:
        both = ag.grad(lambda a, b: join([a, b[0]]) @ b, (0, 1))(2.0, np.array([1.0, 3.0]))
        assert both[0] == 1.0
        assert both[1].tolist() == [5.0, 1.0]
