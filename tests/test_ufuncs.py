"""Every ufunc of NumPy and SciPy, on a Value, a Tensor and an array of Values.

The answer has NumPy's number and the slope that finite differences have, or a TypeError names the
function: nothing is silently wrong.
"""

# ruff: noqa: E501  # its table is aligned

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from mpmath import mp

from autograd import Tensor, Value, gradients
from autograd.arrays.compositions import FLAT, NUMPY, SCIPY, rule_of
from autograd.core.graph import Node

special = pytest.importorskip("scipy.special")
inf, nan = math.inf, math.nan


def ufuncs(module: Any) -> list[Any]:
    found = (getattr(module, name) for name in dir(module))
    return sorted({f for f in found if isinstance(f, np.ufunc)}, key=lambda f: f.__name__)


ALL = ufuncs(np) + [f for f in ufuncs(special) if f not in ufuncs(np)]
KINDS = ("value", "tensor", "objects")
# Points where nothing is an edge, in the domain of most; and where that is elsewhere.
POINTS = [(0.35, 0.8, 1.7), (-0.6, 0.45, 0.3), (0.8, -1.3, 0.4)]
ELSEWHERE = {"arccosh": [(1.5,), (7.0,)], "fmod": [(7.3, 2.0), (-7.3, 2.0), (7.3, -2.0)],
             "kn": [(2.0, 0.8)], "yn": [(2.0, 0.8)]}  # fmt: skip
# NumPy computes these on objects by Python's own operators, whose error names the operator.
BY_OPERATOR = ("bitwise", "invert", "shift", "gcd", "lcm")


def numbers(ufunc: Any, *xs: float) -> Any:
    """NumPy's own first answer; None where it has none for floats."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            found = ufunc(*xs)
        except (TypeError, ValueError, SystemError):
            return None
    return found[0] if isinstance(found, tuple) else found


def of_kind(kind: str, xs: tuple[float, ...]) -> tuple[list[Any], list[Any]]:
    """The leaves of a kind, and the arguments that they are handed over as."""
    if kind == "tensor":
        tensors = [Tensor(x) for x in xs]
        return tensors, tensors
    values = [Value(x) for x in xs]
    if kind == "value":
        return values, values
    boxes = [np.empty(1, object) for _ in xs]
    for box, value in zip(boxes, values, strict=True):
        box[0] = value
    return values, boxes


def slope(ufunc: Any, xs: tuple[float, ...], i: int) -> float:
    h = 1e-5
    f = [numbers(ufunc, *(x + k * h * (i == j) for j, x in enumerate(xs))) for k in (-2, -1, 1, 2)]
    return float((8 * (f[2] - f[1]) - (f[3] - f[0])) / (12 * h))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ufunc", ALL, ids=lambda f: f.__name__)
def test_a_ufunc_is_right_in_value_and_slope_or_refused_by_name(ufunc: Any, kind: str) -> None:
    name = ufunc.__name__
    for point in ELSEWHERE.get(name, POINTS):
        xs = (*point, 0.5, 0.5, 0.5, 0.5)[: ufunc.nin]
        expected = numbers(ufunc, *xs)
        leaves, arguments = of_kind(kind, xs)
        try:
            with np.errstate(all="ignore"):
                found = ufunc(*arguments)
        except (TypeError, ValueError, AttributeError) as error:
            assert rule_of(ufunc) is None or kind == "objects"
            by_operator = kind == "objects" and any(word in name for word in BY_OPERATOR)
            known = [n for n in dir(np) if getattr(np, n) is ufunc] + [name]
            assert by_operator or any(n in str(error) for n in known), error  # noqa: PT017
            return
        if kind == "objects" and ufunc.signature is None and name in ("gcd", "lcm"):
            continue
        found = found[0] if isinstance(found, tuple) else found
        found = found[0] if isinstance(found, np.ndarray) and found.ndim else found
        if ufunc.signature or expected is None:
            assert ufunc.signature
            continue
        number = found.data if isinstance(found, Node) else found
        if name in ("logical_and", "logical_or"):  # of objects: one of the two
            number = bool(number)
        assert float(number) == pytest.approx(float(expected), rel=1e-12, nan_ok=True)
        if np.asarray(expected).dtype == bool:
            assert not isinstance(found, Node) or kind == "objects"
            continue
        if not math.isfinite(expected):
            continue
        if not isinstance(found, Node):
            assert (kind, name) == ("objects", "sign")  # NumPy's own, of numbers that compare
            continue
        first = 0
        try:
            shares = gradients(found, leaves)
        except TypeError as error:  # by its last argument alone: an order has no slope
            assert f"scipy.special.{name} in" in str(error)  # noqa: PT017
            first = len(xs) - 1
            found = ufunc(*xs[:first], arguments[-1])
            shares = gradients(found[0] if kind == "objects" else found, leaves[-1:])
        for i, share in enumerate(shares, first):
            assert float(share) == pytest.approx(slope(ufunc, xs, i), rel=1e-6, abs=1e-8), (xs, i)


@pytest.mark.parametrize("kind", KINDS[:2])
@pytest.mark.parametrize(
    ("ufunc", "xs"),
    [
        (np.copysign, (3.0, -0.0)), (np.copysign, (-3.0, 0.0)), (np.copysign, (inf, -2.0)),
        (np.fmax, (nan, 2.0)), (np.fmax, (1.0, nan)), (np.fmin, (nan, nan)), (np.fmin, (-inf, 1.0)),
        (np.fmod, (5.0, inf)), (np.fmod, (inf, 2.0)), (np.fmod, (5.0, 0.0)), (np.fmod, (-5.0, 3.0)),
        (np.trunc, (-0.5,)), (np.trunc, (inf,)), (np.trunc, (nan,)), (np.ceil, (-0.5,)),
        (np.modf, (-inf,)), (np.modf, (2.75,)), (np.heaviside, (0.0, 0.3)), (np.heaviside, (nan, 1.0)),
        (np.logaddexp2, (-inf, -inf)), (np.logaddexp2, (2000.0, 2000.0)), (np.exp2, (2000.0,)),
        (np.reciprocal, (0.0,)), (np.reciprocal, (-0.0,)), (np.isnan, (nan,)), (np.signbit, (-0.0,)),
        (special.xlogy, (0.0, 0.0)), (special.xlogy, (0.0, -1.0)), (special.xlogy, (0.0, nan)),
        (special.xlogy, (0.0, inf)), (special.xlogy, (2.0, 0.0)), (special.xlog1py, (0.0, -1.0)),
        (special.xlog1py, (1e-9, 1e-9)), (special.entr, (0.0,)), (special.entr, (-1.0,)),
        (special.rel_entr, (0.0, 0.0)), (special.rel_entr, (0.0, -1.0)), (special.rel_entr, (1.0, 0.0)),
        (special.rel_entr, (-1.0, 1.0)), (special.kl_div, (0.0, 2.0)), (special.kl_div, (1.0, -2.0)),
        (special.huber, (-1.0, 2.0)), (special.huber, (1.0, 1.0)), (special.loggamma, (-1.5,)),
        (special.loggamma, (0.0,)), (special.gammaln, (-2.0,)), (special.psi, (-3.0,)),
        (special.erfc, (26.0,)), (special.erfinv, (1.0,)), (special.erfinv, (1.5,)),
        (special.logit, (0.0,)), (special.logit, (1.0,)), (special.logit, (-0.1,)),
        (special.expit, (-800.0,)), (special.log_expit, (-800.0,)),
    ],
)  # fmt: skip
def test_the_edges_are_numpys_too(ufunc: Any, xs: tuple[float, ...], kind: str) -> None:
    found = ufunc(*of_kind(kind, xs)[1])
    found = found[0] if isinstance(found, tuple) else found
    number = float(found.data if isinstance(found, Node) else found)
    expected = float(numbers(ufunc, *xs))
    assert number == pytest.approx(expected, rel=1e-14, abs=1e-320, nan_ok=True)
    if ufunc in (np.copysign, np.reciprocal):
        assert math.copysign(1.0, number) == math.copysign(1.0, expected)


@pytest.mark.parametrize(
    ("ufunc", "xs", "slopes"),
    [
        (special.xlogy, (0.0, 2.0), (math.log(2.0), 0.0)),  # x log y is linear in x
        (special.xlog1py, (0.0, 2.0), (math.log(3.0), 0.0)),
        (special.entr, (0.0,), (inf,)),
        (special.kl_div, (0.0, 2.0), (-inf, 1.0)),
        (np.fmod, (0.0, 2.0), (1.0, 0.0)),
        (np.fmax, (nan, 2.0), (0.0, 1.0)),
        (np.fmax, (2.0, 2.0), (0.5, 0.5)),
        (np.copysign, (3.0, -0.0), (-1.0, 0.0)),
        (np.heaviside, (0.0, 0.3), (0.0, 1.0)),
        (special.huber, (1.0, 3.0), (2.0, 1.0)),
    ],
)
def test_slopes_at_the_edges_are_those_of_the_branch_that_is_taken(ufunc, xs, slopes) -> None:
    for kind in KINDS[:2]:
        leaves, arguments = of_kind(kind, xs)
        assert tuple(map(float, gradients(ufunc(*arguments), leaves))) == pytest.approx(slopes)


def test_compositions_have_second_derivatives() -> None:
    for f, x, true in (
        (special.xlogy, 0.7, lambda x: x * mp.log(x)),
        (lambda v, w: np.logaddexp2(v, 2.0 * w), 0.7, lambda x: mp.log(2**x + 4**x, 2)),
        (lambda v, w: special.kl_div(v, w * w), 0.7, lambda x: x * mp.log(1 / x) - x + x * x),
        (lambda v, w: special.loggamma(v) + 0 * w, 0.7, mp.loggamma),
    ):
        v = Value(x)
        (first,) = gradients(f(v, v), [v], create_graph=True)
        (second,) = gradients(first, [v])
        assert second == pytest.approx(float(mp.diff(true, x, 2)), rel=1e-12)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda v: np.add(v, 1.0, out=np.ones(())), "np.add with out="),
        (lambda v: np.exp(v, where=True), "np.exp with where="),
        (lambda v: np.exp(v, dtype=np.float32), "np.exp with dtype="),
        (lambda v: np.multiply.outer(v, np.ones(2)), "np.multiply.outer"),
        (lambda v: np.add.at(np.ones(2), [0], v), "np.add.at"),
        (lambda v: np.nextafter(v, 1.0), "np.nextafter has no rule"),
        (lambda v: special.spence(v), "spence has no rule"),
    ],
)
def test_what_a_ufunc_is_told_beside_its_inputs_is_refused_by_name(call, said) -> None:
    with pytest.raises(TypeError, match=said):
        call(Value(0.5))


def test_methods_and_arguments_on_arrays_of_values_are_honoured_by_numpy() -> None:
    a, b = Value(2.0), Value(5.0)
    array = np.array([a, b])
    total = (
        np.multiply.reduce(array)
        + np.add.accumulate(array)[1]
        + np.multiply.outer(array, array)[0, 1]
    )
    assert total.data == 10.0 + 7.0 + 10.0
    assert gradients(total, [a, b]) == [5.0 + 1.0 + 5.0, 2.0 + 1.0 + 2.0]
    masked = np.multiply(array, 3.0, out=np.array([a, b]), where=[True, False])
    assert [x.data for x in masked] == [6.0, 5.0]


def test_products_of_stacks_have_numpys_shapes_and_slopes() -> None:
    x, y = np.arange(6.0).reshape(2, 3), np.linspace(1.0, 2.0, 3)
    for name, xs in (("vecdot", (x, y)), ("matvec", (x, y)), ("vecmat", (y, x.T))):
        if not hasattr(np, name):  # NumPy before 2.2
            continue
        ufunc, tensors = getattr(np, name), [Tensor(z) for z in xs]
        answer = ufunc(*tensors)
        np.testing.assert_allclose(answer.data, ufunc(*xs))
        first, second = gradients(answer.sum(), tensors)
        np.testing.assert_allclose((first * xs[0]).sum(), ufunc(*xs).sum())  # bilinear: Euler
        np.testing.assert_allclose((second * xs[1]).sum(), ufunc(*xs).sum())
        with pytest.raises(ValueError, match=f"np.{name}: the shapes"):
            ufunc(Tensor(np.ones((2, 3))), Tensor(np.ones(1)))


def test_a_ufunc_of_another_library_that_has_a_known_name_is_not_taken_for_it() -> None:
    stranger = np.frompyfunc(lambda x: 0.0 * x, 1, 1)
    for kind in (Value, Tensor):
        with pytest.raises(TypeError, match="has no rule"):
            stranger(kind(1.0))


def test_no_name_of_the_tables_is_misspelt() -> None:
    assert all(isinstance(getattr(np, name, np.add), np.ufunc) or name == "where" for name in NUMPY)
    assert all(isinstance(getattr(np, name), np.ufunc) for name in FLAT)
    assert all(isinstance(getattr(special, name, np.add), np.ufunc) for name in SCIPY)


@pytest.mark.parametrize("name", [*FLAT[:6], "logical_and"])
def test_truth_values_of_arrays_of_values_are_a_mask(name: str) -> None:
    plain, numbers = getattr(np, name), np.array([4.0, math.nan, -1.0])
    found = plain(np.array([Value(x) for x in numbers]), Value(3.0))
    assert found.dtype == bool
    np.testing.assert_array_equal(numbers[found], numbers[plain(numbers, 3.0)])
