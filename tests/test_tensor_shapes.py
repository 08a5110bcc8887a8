"""Every function on arrays of every form: values, precision and gradients are those of numbers.

The forms are the ones at which NumPy changes its ways: of no axes it makes numbers, of no elements
it has no largest, integers and booleans it computes in a precision of their own.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from scipy import special

import autograd
from autograd import Tensor, Value, gradients
from autograd.core.kinds import FUNCTIONS
from autograd.core.rules import RULES, TABLE

GRID = np.array([[0.3, 0.7, 0.55], [0.25, 0.6, 0.45]])
DTYPES = ("float64", "float32", "int8", "uint16", "bool")
REST = {"round": [0.0], "power_derivative": [2.5, 1.0, 1.0], "clip": [0.4, 0.8], "inside": [0.4, 0.8]}  # fmt: skip


def forms(dtype: str) -> Iterator[Any]:
    """Arrays of a type: of no axes, one element, none; transposed, with gaps, read-only."""
    scaled = GRID if dtype.startswith("f") else GRID > 0.5 if dtype == "bool" else GRID * 10
    grid = scaled.astype(dtype)
    yield from (grid[0, 1], grid[0, :1], grid[:0], grid[:, :0], grid, grid.T)
    yield np.repeat(grid, 2, axis=1)[:, ::2]
    grid = grid.copy()
    grid.flags.writeable = False
    yield grid


def numbers(name: str, x: float, kind: Any) -> tuple[Any, float]:
    """The function of one number, and its slope."""
    leaf, rest = kind(x), REST.get(name, [0.4] * (FUNCTIONS[name].arity - 1))
    out = (
        autograd.where(x > 0.5, leaf, 0.4) if name == "where" else FUNCTIONS[name].call(leaf, *rest)
    )
    return out, gradients(out, [leaf])[0] if isinstance(out, Value) else 0.0


ROWS = [name for name in TABLE if not FUNCTIONS[name].variadic]


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ROWS)
def test_a_function_of_an_array_is_that_of_each_number_in_its_precision(
    name: str, dtype: str
) -> None:
    wanted = np.dtype(dtype if dtype.startswith("f") else float)
    near = {"rtol": 2e-5, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-13}
    rest = REST.get(name, [0.4] * (FUNCTIONS[name].arity - 1))
    for x in map(np.asarray, forms(dtype)):

        def of(t: Any, x: Any = x) -> Any:
            if name == "where":
                return autograd.where(x > 0.5, t, 0.4)
            return FUNCTIONS[name].call(t, *rest)

        pairs = [numbers(name, float(t), Value) for t in x.ravel()]
        values = np.reshape([float(getattr(v, "data", v)) for v, _ in pairs], x.shape)
        slopes = np.reshape([g for _, g in pairs], x.shape)
        plain = of(x)
        assert (plain.dtype, plain.shape) == (wanted, x.shape)
        np.testing.assert_allclose(plain, values, **near)
        leaf = Tensor(x)
        out = of(leaf)
        assert (out.dtype, out.shape) == (wanted, x.shape)
        np.testing.assert_allclose(out.data, values, **near)
        seed = np.ones(x.shape)
        for (g,) in (
            gradients(out, [leaf], seed=seed),
            gradients(out, [leaf], seed=seed, create_graph=True),
        ):
            assert (g.dtype, g.shape) == (wanted, x.shape)
            np.testing.assert_allclose(getattr(g, "data", g), slopes, **near)


@pytest.mark.parametrize("form", ["int64", "bool", "float32"])
@pytest.mark.parametrize(
    "name", ["mul", "div", "pow", "mod", "atan2", "hypot", "logaddexp", "minimum", "maximum"]
)
def test_a_constant_of_any_type_counts_as_its_numbers(name: str, form: str) -> None:
    x, y = GRID, np.array([[True, False, True], [True, True, False]]).astype(form)
    for order in (1, -1):
        leaf, beside = Tensor(x), Tensor(x)
        out = RULES[name].compute(*(leaf, y)[::order])
        same = RULES[name].compute(*(beside, y.astype(float))[::order])
        assert out.dtype == np.float64
        np.testing.assert_array_equal(out.data, same.data)
        (g,), (h,) = (gradients(o, [w], seed=GRID) for o, w in ((out, leaf), (same, beside)))
        np.testing.assert_array_equal(g, h)


OVER_AXES = {
    "sum": np.sum, "mean": np.mean, "prod": np.prod, "max": np.max, "min": np.min,
    "var": np.var, "std": np.std, "cumsum": np.cumsum, "norm": lambda x, axis: np.sqrt(np.sum(x * x, axis)),
    "logsumexp": special.logsumexp, "softmax": special.softmax, "log_softmax": special.log_softmax,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OVER_AXES)
def test_what_goes_over_axes_is_numpys_on_every_form(name: str, dtype: str) -> None:
    wanted = np.dtype(dtype if dtype.startswith("f") else float)
    along = name in ("softmax", "log_softmax")
    for x in map(np.asarray, forms(dtype)):
        for axis in range(x.ndim) if along else (None, *range(x.ndim)):
            leaf = Tensor(x)
            if 0 in x.shape and (along or name == "logsumexp"):  # SciPy refuses most of these
                expected: Any = getattr(np.sum(x, axis), "astype", float)(wanted) - math.inf
                expected = np.zeros(x.shape) if along else expected
            else:
                try:
                    with warnings.catch_warnings(), np.errstate(all="ignore"):
                        warnings.simplefilter("ignore")  # of empty slices
                        expected = OVER_AXES[name](x.astype(wanted), axis=axis)
                except ValueError:
                    with pytest.raises(ValueError, match="zero-size"):
                        getattr(leaf, name)(axis)
                    continue
            out = getattr(leaf, name)(axis)
            assert (out.dtype, out.shape) == (wanted, np.shape(expected))
            np.testing.assert_allclose(out.data, expected, rtol=1e-5, atol=1e-6)
            (g,) = gradients(out, [leaf], seed=np.ones(out.shape))
            assert (g.dtype, g.shape) == (wanted, x.shape)


def test_a_variance_divides_by_the_count_less_ddof_but_never_by_less_than_0() -> None:
    for x in (np.array([1.0, 2.0, 4.0]), np.array([1.0]), np.zeros(0)):
        for ddof in (0, 1, 2, 3, 4, 0.5):
            for name in ("var", "std"):
                with warnings.catch_warnings(), np.errstate(all="ignore"):
                    warnings.simplefilter("ignore")
                    expected = getattr(np, name)(x, ddof=ddof)
                leaf = Tensor(x)
                out = getattr(leaf, name)(ddof=ddof)
                np.testing.assert_allclose(out.data, expected, rtol=1e-15)
                over = max(x.size - ddof, 0)
                if x.size and over and name == "var":
                    (g,) = gradients(out, [leaf])
                    np.testing.assert_allclose(g, 2 * (x - x.mean()) / over, rtol=1e-15)


def test_the_gradient_of_a_variance_that_divides_by_0_is_that_quotient() -> None:
    leaf = Tensor([1.0, 2.0, 3.0])
    (g,) = gradients(leaf.var(ddof=4), [leaf])
    np.testing.assert_array_equal(g, [-np.inf, np.nan, np.inf])  # -1/0, 0/0, 1/0


@pytest.mark.parametrize("ufunc", [np.add, np.subtract, np.multiply, np.divide, np.matmul])
def test_a_ufunc_may_have_one_tensor_twice(ufunc: Any) -> None:
    class Named(Tensor):
        __slots__ = ()

    x = np.array([[2.0, 3.0], [5.0, 7.0]])
    for leaf in (Tensor(x), Named(x)):
        out = ufunc(leaf, leaf)
        np.testing.assert_array_equal(out.data, ufunc(x, x))
        left, right = Tensor(x), Named(x)
        mixed = ufunc(left, right)
        (g,) = gradients(out, [leaf], seed=x)
        parts = gradients(mixed, [left, right], seed=x)
        np.testing.assert_allclose(g, parts[0] + parts[1], rtol=1e-15)
        np.testing.assert_array_equal(ufunc(right, left).data, out.data)


@pytest.mark.parametrize("shape", [(5, -1), (5, 2), (7,), (-1, 5, 2), (0, -1), ((5, -1),)])
def test_a_shape_that_its_elements_do_not_fill_is_named_as_it_was_written(shape):
    written = shape[0] if isinstance(shape[0], tuple) else shape
    with pytest.raises(ValueError, match=re.escape(f"12 elements do not fill the shape {written}")):
        Tensor(np.arange(12.0)).view(*shape)


@pytest.mark.parametrize("shape", [(-1, -1), (3, -2), (-1, 2, -1), (-12,)])
def test_a_size_is_a_count_or_once_minus_one(shape):
    with pytest.raises(ValueError, match=re.escape(f"-1 in one place, not {shape}")):
        Tensor(np.arange(12.0)).reshape(shape)
