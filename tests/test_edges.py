"""What a gradient is at the edge: one convention, one test for each cell of its table.

Where the derivative exists, that; at a kink of a convex function the subgradient of least size;
deviations are deliberate. Every number here is from mathematics, and goes through `Value`.
"""
# ruff: noqa: E501  # its table is aligned

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest

import autograd
from autograd import Value, gradients
from autograd.core.graph import Node

pytestmark = pytest.mark.slow

inf, nan = math.inf, math.nan


def same(found: Any, expected: Any) -> bool:
    found, expected = [x if isinstance(x, (list, tuple)) else [x] for x in (found, expected)]
    return len(found) == len(expected) and all(
        x == y or (math.isnan(x) and math.isnan(y)) for x, y in zip(found, expected, strict=True)
    )


def backward(function: Callable[..., Any], at: tuple[float, ...]) -> tuple[float, list[float]]:
    """The value, and what a backward pass leaves on each input."""
    leaves = [Value(x) for x in at]
    result = function(*leaves)
    result.backward()
    return result.data, [leaf.grad for leaf in leaves]


CELLS: dict[str, tuple[Callable[..., Any], tuple[float, ...], float, Any]] = {
    # what                        function                            at            value  gradient
    "relu(0)":                    (lambda x: x.relu(),                (0.0,),       0.0,   0.0),
    "relu(-0)":                   (lambda x: x.relu(),                (-0.0,),      0.0,   0.0),
    "relu(nan)":                  (lambda x: x.relu(),                (nan,),       nan,   nan),
    "leaky_relu(0)":              (lambda x: x.leaky_relu(),          (0.0,),       0.0,   0.01),
    "leaky_relu(0, 0.3)":         (lambda x: x.leaky_relu(0.3),       (0.0,),       0.0,   0.3),
    "leaky_relu(nan)":            (lambda x: x.leaky_relu(),          (nan,),       nan,   nan),
    "elu(0)":                     (lambda x: x.elu(),                 (0.0,),       0.0,   1.0),
    "elu(0, 0.5)":                (lambda x: x.elu(0.5),              (0.0,),       0.0,   0.5),
    "elu(nan)":                   (lambda x: x.elu(),                 (nan,),       nan,   nan),
    "abs(0)":                     (lambda x: abs(x),                  (0.0,),       0.0,   0.0),
    "sign(0)":                    (lambda x: x.sign(),                (0.0,),       0.0,   0.0),
    "sign(3)":                    (lambda x: x.sign(),                (3.0,),       1.0,   0.0),
    "floor(0)":                   (lambda x: x.floor(),               (0.0,),       0.0,   0.0),
    "floor(2.5)":                 (lambda x: x.floor(),               (2.5,),       2.0,   0.0),
    "round(0)":                   (lambda x: round(x),                (0.0,),       0.0,   0.0),
    "round(2.5)":                 (lambda x: round(x),                (2.5,),       2.0,   0.0),
    "step(0)":                    (lambda x: x.step(),                (0.0,),       0.0,   0.0),

    "clip at lo":                 (lambda x: x.clip(-1, 1),           (-1.0,),      -1.0,  0.0),
    "clip at hi":                 (lambda x: x.clip(-1, 1),           (1.0,),       1.0,   0.0),
    "clip below":                 (lambda x: x.clip(-1, 1),           (-2.0,),      -1.0,  0.0),
    "clip above":                 (lambda x: x.clip(-1, 1),           (2.0,),       1.0,   0.0),
    "clip inside":                (lambda x: x.clip(-1, 1),           (0.5,),       0.5,   1.0),
    "clip without a bound":       (lambda x: x.clip(-inf, inf),       (0.5,),       0.5,   1.0),
    "clip at an infinite bound":  (lambda x: x.clip(0, inf),          (inf,),       inf,   0.0),
    "clip(nan)":                  (lambda x: x.clip(-1, 1),           (nan,),       nan,   nan),
    "clip below, to a Value":     (lambda x, lo, hi: autograd.clip(x, lo, hi), (-2.0, -1.0, 1.0), -1.0, (0.0, 1.0, 0.0)),
    "clip at lo, a Value":        (lambda x, lo, hi: autograd.clip(x, lo, hi), (-1.0, -1.0, 1.0), -1.0, (0.0, 1.0, 0.0)),
    "clip inside Values":         (lambda x, lo, hi: autograd.clip(x, lo, hi), (0.5, -1.0, 1.0), 0.5, (1.0, 0.0, 0.0)),
    "clip at hi, a Value":        (lambda x, lo, hi: autograd.clip(x, lo, hi), (1.0, -1.0, 1.0), 1.0, (0.0, 0.0, 1.0)),
    "clip above, to a Value":     (lambda x, lo, hi: autograd.clip(x, lo, hi), (2.0, -1.0, 1.0), 1.0, (0.0, 0.0, 1.0)),
    "clip between equal bounds":  (lambda x, lo, hi: autograd.clip(x, lo, hi), (0.5, 1.0, 1.0), 1.0, (0.0, 0.0, 1.0)),
    "clip, bounds crossed":       (lambda x, lo, hi: autograd.clip(x, lo, hi), (0.5, 2.0, 1.0), 1.0, (0.0, 0.0, 1.0)),

    "minimum of two, tie":        (lambda x, y: x.minimum(y),         (2.0, 2.0),   2.0,   (0.5, 0.5)),
    "maximum of two, tie":        (lambda x, y: x.maximum(y),         (2.0, 2.0),   2.0,   (0.5, 0.5)),
    "maximum of infinities, tie": (lambda x, y: x.maximum(y),         (inf, inf),   inf,   (0.5, 0.5)),
    "minimum of two":             (lambda x, y: x.minimum(y),         (2.0, 3.0),   2.0,   (1.0, 0.0)),
    "maximum of two":             (lambda x, y: x.maximum(y),         (2.0, 3.0),   3.0,   (0.0, 1.0)),
    "maximum with a nan":         (lambda x, y: x.maximum(y),         (2.0, nan),   nan,   (nan, nan)),

    "sqrt(0)":                    (lambda x: x.sqrt(),                (0.0,),       0.0,   inf),
    "x ** 0.5 at 0":              (lambda x: x**0.5,                  (0.0,),       0.0,   inf),
    "cbrt(0)":                    (lambda x: x.cbrt(),                (0.0,),       0.0,   inf),
    "sqrt(-1)":                   (lambda x: x.sqrt(),                (-1.0,),      nan,   nan),
    "log(-1)":                    (lambda x: x.log(),                 (-1.0,),      nan,   nan),
    "log2(-1)":                   (lambda x: x.log2(),                (-1.0,),      nan,   nan),
    "log10(-1)":                  (lambda x: x.log10(),               (-1.0,),      nan,   nan),
    "log1p(-2)":                  (lambda x: x.log1p(),               (-2.0,),      nan,   nan),
    "acosh(0.5)":                 (lambda x: x.acosh(),               (0.5,),       nan,   nan),
    "acosh(-2)":                  (lambda x: x.acosh(),               (-2.0,),      nan,   nan),
    "atanh(2)":                   (lambda x: x.atanh(),               (2.0,),       nan,   nan),
    "asin(2)":                    (lambda x: x.asin(),                (2.0,),       nan,   nan),
    "acos(-2)":                   (lambda x: x.acos(),                (-2.0,),      nan,   nan),
    "asin(1)":                    (lambda x: x.asin(),                (1.0,),       math.pi / 2, inf),
    "acos(-1)":                   (lambda x: x.acos(),                (-1.0,),      math.pi, -inf),
    "acosh(1)":                   (lambda x: x.acosh(),               (1.0,),       0.0,   inf),
    "atanh(1)":                   (lambda x: x.atanh(),               (1.0,),       inf,   inf),
    "log(0)":                     (lambda x: x.log(),                 (0.0,),       -inf,  inf),
    "log(-0)":                    (lambda x: x.log(),                 (-0.0,),      -inf,  inf),
    "log2(0)":                    (lambda x: x.log2(),                (0.0,),       -inf,  inf),
    "log10(0)":                   (lambda x: x.log10(),               (0.0,),       -inf,  inf),
    "log1p(-1)":                  (lambda x: x.log1p(),               (-1.0,),      -inf,  inf),

    "x ** 0":                     (lambda x: x**0,                    (3.0,),       1.0,   0.0),
    "x ** 0 at 0":                (lambda x: x**0,                    (0.0,),       1.0,   0.0),
    "x ** 1 at 0":                (lambda x: x**1,                    (0.0,),       0.0,   1.0),
    "x ** 2 at 0":                (lambda x: x**2,                    (0.0,),       0.0,   0.0),
    "x ** -1 at 0":               (lambda x: x**-1,                   (0.0,),       inf,   -inf),
    "0 ** y, y > 0":              (lambda y: 0**y,                    (2.0,),       0.0,   0.0),
    "0 ** y, y = 0":              (lambda y: 0**y,                    (0.0,),       1.0,   0.0),
    "0 ** y, y < 0":              (lambda y: 0**y,                    (-1.0,),      inf,   -inf),
    "2 ** y":                     (lambda y: 2**y,                    (3.0,),       8.0,   8 * math.log(2)),
    "x ** y at (0, 2)":           (lambda x, y: x**y,                 (0.0, 2.0),   0.0,   (0.0, 0.0)),
    "negative ** y, y whole":     (lambda x, y: x**y,                 (-2.0, 3.0),  -8.0,  (12.0, nan)),
    "negative ** number":         (lambda x: x**3,                    (-2.0,),      -8.0,  12.0),
    "number ** y, number < 0":    (lambda y: (-2) ** y,               (3.0,),       -8.0,  nan),
    "negative ** non-integer":    (lambda x: x ** (1 / 3),            (-8.0,),      nan,   nan),
    "negative ** y, y broken":    (lambda x, y: x**y,                 (-8.0, 0.5),  nan,   (nan, nan)),

    "1 / 0":                      (lambda x, y: x / y,                (1.0, 0.0),   inf,   (inf, -inf)),
    "0 / 0":                      (lambda x, y: x / y,                (0.0, 0.0),   nan,   (inf, nan)),
    "hypot(0, 0)":                (lambda x, y: x.hypot(y),           (0.0, 0.0),   0.0,   (0.0, 0.0)),
    "hypot(0, 3)":                (lambda x, y: x.hypot(y),           (0.0, 3.0),   3.0,   (0.0, 1.0)),
    "atan2(0, 0)":                (lambda y, x: y.atan2(x),           (0.0, 0.0),   0.0,   (0.0, 0.0)),
    "atan2(0, -1)":               (lambda y, x: y.atan2(x),           (0.0, -1.0),  math.pi, (-1.0, 0.0)),

    "softplus(1000)":             (lambda x: x.softplus(),            (1000.0,),    1000.0, 1.0),
    "softplus(-1000)":            (lambda x: x.softplus(),            (-1000.0,),   0.0,   0.0),
    "softplus(-inf)":             (lambda x: x.softplus(),            (-inf,),      0.0,   0.0),
    "logsigmoid(-1000)":          (lambda x: x.logsigmoid(),          (-1000.0,),   -1000.0, 1.0),
    "logsigmoid(1000)":           (lambda x: x.logsigmoid(),          (1000.0,),    0.0,   0.0),
    "sigmoid(1000)":              (lambda x: x.sigmoid(),             (1000.0,),    1.0,   0.0),
    "exp(1000)":                  (lambda x: x.exp(),                 (1000.0,),    inf,   inf),
    "exp(-1000)":                 (lambda x: x.exp(),                 (-1000.0,),   0.0,   0.0),

    "logaddexp of -inf":          (lambda x, y: x.logaddexp(y),       (-inf, -inf), -inf,  (0.0, 0.0)),
    "logsumexp of one -inf":      (lambda x, y: autograd.logsumexp([x, y]), (-inf, 1.0), 1.0, (0.0, 1.0)),
    "logsumexp of all -inf":      (lambda *xs: autograd.logsumexp(xs), (-inf, -inf, -inf), -inf, (0.0, 0.0, 0.0)),
    "logsumexp([1000, 1000])":    (lambda *xs: autograd.logsumexp(xs), (1000.0, 1000.0), 1000 + math.log(2), (0.5, 0.5)),
    "softmax([1000, 0])":         (lambda *xs: autograd.softmax(xs)[0], (1000.0, 0.0), 1.0, (0.0, 0.0)),
    "softmax of all -inf":        (lambda *xs: autograd.softmax(xs)[0], (-inf, -inf), 0.0, (0.0, 0.0)),
    "log_softmax([1000, 0])":     (lambda *xs: autograd.log_softmax(xs)[1], (1000.0, 0.0), -1000.0, (-1.0, 1.0)),

    "logaddexp(0, inf)":          (lambda x, y: x.logaddexp(y),       (0.0, inf),   inf,   (0.0, 1.0)),
    "logaddexp(inf, -inf)":       (lambda x, y: x.logaddexp(y),       (inf, -inf),  inf,   (1.0, 0.0)),
    "logaddexp of inf, tie":      (lambda x, y: x.logaddexp(y),       (inf, inf),   inf,   (0.5, 0.5)),
    "logsumexp with an inf":      (lambda *xs: autograd.logsumexp(xs), (0.0, inf, -inf), inf, (0.0, 1.0, 0.0)),
    "softmax with an inf":        (lambda *xs: autograd.softmax(xs)[1], (0.0, inf), 1.0,   (0.0, 0.0)),
    "log_softmax with an inf":    (lambda *xs: autograd.log_softmax(xs)[1], (0.0, inf), 0.0, (0.0, 0.0)),
    "log_softmax beside an inf":  (lambda *xs: autograd.log_softmax(xs)[0], (0.0, inf), -inf, (1.0, -1.0)),
    "log_softmax of all -inf":    (lambda *xs: autograd.log_softmax(xs)[0], (-inf, -inf), -inf, (0.0, 0.0)),
    "softplus(inf)":              (lambda x: x.softplus(),            (inf,),       inf,   1.0),

    "where, taken":               (lambda x: autograd.where(x > 0, x.sqrt(), 0), (4.0,), 2.0, 0.25),
    "where, the other at 0":      (lambda x: autograd.where(x > 0, x.sqrt(), 0), (0.0,), 0.0, 0.0),
    "where, the other outside":   (lambda x: autograd.where(x > 0, x.log(), x), (-1.0,), -1.0, 1.0),
    "where, a Value decides":     (lambda c, x: autograd.where(c, x, 0.0), (2.0, 3.0), 3.0, (0.0, 1.0)),

    "7 % 2":                      (lambda a, b: a % b,                (7.0, 2.0),   1.0,   (1.0, -3.0)),
    "-7 % 2":                     (lambda a, b: a % b,                (-7.0, 2.0),  1.0,   (1.0, 4.0)),
    "7 // 2":                     (lambda a, b: a // b,               (7.0, 2.0),   3.0,   (0.0, 0.0)),
    "-7 // 2":                    (lambda a, b: a // b,               (-7.0, 2.0),  -4.0,  (0.0, 0.0)),

    "product with one zero":      (lambda *xs: math.prod(xs),         (2.0, 0.0, 3.0), 0.0, (0.0, 6.0, 0.0)),
    "product with two zeros":     (lambda *xs: math.prod(xs),         (0.0, 0.0, 3.0), 0.0, (0.0, 0.0, 0.0)),
}  # fmt: skip


@pytest.mark.parametrize(("function", "at", "value", "gradient"), CELLS.values(), ids=CELLS)
def test_the_value_at_the_edge(
    function: Callable[..., Any], at: tuple[float, ...], value: float, gradient: Any
) -> None:
    assert same(backward(function, at)[0], value)


@pytest.mark.parametrize(("function", "at", "value", "gradient"), CELLS.values(), ids=CELLS)
def test_the_gradient_at_the_edge(
    function: Callable[..., Any], at: tuple[float, ...], value: float, gradient: Any
) -> None:
    found = backward(function, at)[1]
    assert same(found, gradient), found


@pytest.mark.parametrize(("function", "at", "value", "gradient"), CELLS.values(), ids=CELLS)
def test_the_gradient_as_a_node_at_the_edge(
    function: Callable[..., Any], at: tuple[float, ...], value: float, gradient: Any
) -> None:
    leaves = [Value(x) for x in at]
    found = [node.data for node in gradients(function(*leaves), leaves, create_graph=True)]
    assert same(found, gradient), found


@pytest.mark.parametrize(
    ("name", "x", "value", "slope"),
    [
        ("tanh", 20.0, 1.0, 1.69934170211337e-17),  # 4 e^-40 / (1 + e^-40)^2
        ("tanh", -20.0, -1.0, 1.69934170211337e-17),
        ("sigmoid", 40.0, 1.0, 4.24835425529159e-18),  # e^-40 / (1 + e^-40)^2
    ],
)
def test_a_saturated_unit_keeps_its_small_slope(
    name: str, x: float, value: float, slope: float
) -> None:
    leaf = Value(x)
    result = getattr(leaf, name)()
    result.backward()
    assert result.data == pytest.approx(value, rel=1e-15)
    assert leaf.grad == pytest.approx(slope, rel=1e-12)


def limit_of_softmax(xs: tuple[float, ...]) -> list[float]:
    """The shares of e^x in the limit: inf has all, among several equally; all -inf have none."""
    top = max(xs)
    weights = [float(x == top) if math.isinf(top) else math.exp(x - top) for x in xs]
    return [0.0 if top == -inf else w / sum(weights) for w in weights]


@pytest.mark.parametrize("xs", list(itertools.product((-inf, -1.0, 2.0, inf), repeat=3)), ids=str)
def test_infinite_numbers_have_the_shares_of_the_limit_in_all_kinds(xs: tuple[float, ...]) -> None:
    np = pytest.importorskip("numpy")
    from autograd import Tensor

    shares = limit_of_softmax(xs)
    logs = [math.log(s) if s else -inf for s in shares]
    value = sum(math.exp(x) for x in xs) if max(xs) < inf else inf
    value = math.log(value) if value else -inf
    tensor, column = Tensor(xs), [Tensor([x]) for x in xs]
    for kind in (list(xs), np.array(xs), tensor, column, list(map(Value, xs))):
        for function, expected in (
            ("softmax", shares),
            ("log_softmax", logs),
            ("logsumexp", value),
        ):
            found = getattr(autograd, function)(kind)
            listed = found if type(found) is list else [found]
            plain = [y.data if isinstance(y, Node) else y for y in listed]
            assert np.ravel(plain).tolist() == pytest.approx(np.ravel(expected).tolist()), function
    x, y = Tensor([xs[0]]), Tensor([xs[1]])
    for total, inputs, expected in (
        (tensor.logsumexp(), [tensor], shares),
        (autograd.logsumexp(column), column, shares),
        (x.logaddexp(y), [x, y], limit_of_softmax(xs[:2])),
    ):
        found = np.ravel(gradients(total, inputs, seed=np.ones(total.shape)))
        assert found.tolist() == pytest.approx(expected)


def test_x_times_abs_x_has_second_derivative_0_at_0() -> None:
    x = Value(0.0)
    (slope,) = gradients(x * abs(x), [x], create_graph=True)
    assert slope.data == 0.0
    assert gradients(slope, [x]) == [0.0]


def test_second_derivatives_at_edges_are_those_of_mathematics_too() -> None:
    for function, at, expected in [
        (lambda x: x**2, 0.0, 2.0),
        (lambda x: x**1, 0.0, 0.0),
        (lambda x: x**0, 0.0, 0.0),
        (lambda x: x.relu(), 0.0, 0.0),
        (lambda x: x.relu() ** 2, 0.0, 0.0),
        (lambda x: x.log(), -1.0, nan),
        (lambda x: x.sqrt(), -1.0, nan),
        (lambda x: x.softplus(), 1000.0, 0.0),
        (lambda x: autograd.where(x > 0, x.sqrt(), 0.0), 0.0, 0.0),
    ]:
        x = Value(at)
        (slope,) = gradients(function(x), [x], create_graph=True)
        assert same(gradients(slope, [x])[0], expected)


def test_a_kinks_share_stays_between_the_one_sided_slopes() -> None:
    for function, left, right in [
        (lambda x: x.relu(), 0.0, 1.0),
        (lambda x: abs(x), -1.0, 1.0),
        (lambda x: x.leaky_relu(0.1), 0.1, 1.0),
        (lambda x: x.maximum(0.0), 0.0, 1.0),
        (lambda x: x.minimum(0.0), 0.0, 1.0),
        (lambda x: x.clip(0.0, 1.0), 0.0, 1.0),
    ]:
        assert left <= backward(function, (0.0,))[1][0] <= right
