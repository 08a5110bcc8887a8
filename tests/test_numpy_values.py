"""NumPy's functions of single Values: eagerly, in a gradient, in a recording and in a sparse one.

Each is right, or an error that names it. Expected values are NumPy's of floats; gradients are those
of its finite differences, or, where it bends, of the same function on a Tensor.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import Tensor, Value, compile, grad, gradients
from autograd.optimize import sparse_jacobian

MAKERS: dict[str, Callable[[Any], Any]] = {
    "stack": lambda x: np.stack([x[0], x[1]]),
    "stack of a tuple": lambda x: np.stack((x[0], x[1], 0.5)),
    "hstack": lambda x: np.hstack([x[0], x[1]]),
    "vstack": lambda x: np.vstack([x[0], x[1]]),
    "dstack": lambda x: np.dstack([x[0], x[1]]),
    "column_stack": lambda x: np.column_stack([x[0], x[1]]),
    "repeat": lambda x: np.repeat(x[0] * x[1], 3),
    "tile": lambda x: np.tile(x[0] * x[1], (2, 2)),
    "where": lambda x: np.where([True, False], x[0], x[1]),
    "append": lambda x: np.append(x[0], x[1]),
    "atleast_1d": lambda x: np.atleast_1d(x[0] * x[1]),
    "ravel": lambda x: np.ravel(x[0] * x[1]),
    "broadcast_to": lambda x: np.broadcast_to(x[0] * x[1], (3,)),
    "meshgrid": lambda x: np.meshgrid(x[0], x[1])[0],
    "outer": lambda x: np.outer(x[0], x[1]),
}
AFTER: dict[str, Callable[[Any], Any]] = {
    "max": np.max, "min": np.min, "std": np.std, "median": np.median,
    "sort": lambda a: np.sort(a, axis=None)[0], "largest": lambda a: a.max(),
    "maximum": lambda a: np.maximum(a, 1.0).sum(), "nansum": np.nansum,
    "mask": lambda a: a[a > 1.0].sum(), "clip": lambda a: np.clip(a, 0.0, 1.0).sum(),
}  # fmt: skip
POINTS = {"apart": [0.7, 1.9], "a tie": [1.0, 1.0], "nan first": [np.nan, 2.0],
          "nan last": [2.0, np.nan]}  # fmt: skip
quiet = pytest.mark.filterwarnings(
    "ignore::RuntimeWarning", "ignore:numpy.fix is deprecated:DeprecationWarning"
)


@quiet
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("maker", MAKERS)
def test_an_array_made_of_elements_is_recorded_as_one_of_floats(
    maker: str, after: str, point: str
) -> None:
    def f(x: Any) -> Any:
        return AFTER[after](MAKERS[maker](x))

    x = np.array(POINTS[point])
    np.testing.assert_allclose(compile(f)(x), f(x), rtol=1e-14)
    if after == "mask" and np.isnan(x).any():
        return  # a sum of nothing is a constant to a replay, and 0 * nan to a Tensor
    eager = np.asarray(getattr(grad(f)(Tensor(x)), "data", grad(f)(Tensor(x))))
    np.testing.assert_allclose(compile(grad(f))(x), eager, rtol=1e-12)
    try:
        found = sparse_jacobian(lambda x: [f(x)])(x).toarray()
    except TypeError as error:
        assert "array of Values" in str(error)  # noqa: PT017
    else:
        np.testing.assert_allclose(found[0], eager, rtol=1e-12)


# What NumPy computes of one number, whatever its rules are called on Tensors.
OF_ONE: dict[str, Callable[[Any], Any]] = {
    **{name: getattr(np, name) for name in (
        "std", "var", "sum", "prod", "max", "min", "mean", "median", "ptp", "sinc", "nan_to_num",
        "cumsum", "cumprod", "nansum", "nanmax", "nanmean", "average", "real_if_close", "round",
        "real", "fix", "any", "all", "argmax", "isclose", "imag", "angle", "shape", "ndim", "size",
        "copy", "squeeze", "unique", "i0", "histogram", "unwrap", "trace", "diff", "gradient",
        "sort", "flip", "nonzero", "iscomplexobj", "count_nonzero", "transpose", "isin",
    )},
    "clip": lambda v: np.clip(v, 0.0, 1.0), "quantile": lambda v: np.quantile(v, 0.5),
    "percentile": lambda v: np.percentile(v, 30.0), "norm": np.linalg.norm,
    "interp": lambda v: np.interp(v, [0.0, 1.0, 3.0], [0.0, 2.0, 3.0]),
    "select": lambda v: np.select([True], [v], 0.0), "linspace": lambda v: np.linspace(v, 3.0, 4),
    "isclose": lambda v: np.isclose(v, 0.7), "isin": lambda v: np.isin(v, [0.7]),
    "trapezoid": lambda v: np.trapezoid([1.0, 2.0], dx=v), "pad": lambda v: np.pad(v, 1),
    "gradient": lambda v: np.gradient(np.array([1.0, 4.0]), v), "dot": lambda v: np.dot(v, v),
    "sqrt": np.emath.sqrt, "log": np.emath.log, "power": lambda v: np.emath.power(v, 2.5),
    "digitize": lambda v: np.digitize(v, [0.0, 1.0]), "where": lambda v: np.where(True, v, 0.0),
    "allclose": lambda v: np.allclose(v, 0.7), "array_equal": lambda v: np.array_equal(v, 0.7),
}  # fmt: skip


def told(x: Any) -> Any:
    """A result's numbers."""
    if isinstance(x, (tuple, list)):
        return [told(part) for part in x]
    if isinstance(x, np.ndarray) and x.dtype == object:
        return np.array([getattr(y, "data", y) for y in x.flat], float).reshape(x.shape)
    return x.data if isinstance(x, (Value, Tensor)) else x


@quiet
@pytest.mark.parametrize("x", [0.7, 2.3, np.nan])
@pytest.mark.parametrize("name", OF_ONE)
def test_a_function_of_one_value_is_numpys_or_refused_by_name(name: str, x: float) -> None:
    f = OF_ONE[name]
    v = Value(x)
    try:
        expected = f(x)
    except Exception as error:
        with pytest.raises((type(error), TypeError)):
            f(v)
        return
    try:
        found = f(v)
    except TypeError as error:
        assert f"np.{name}" in str(error)  # noqa: PT017
        return
    np.testing.assert_allclose(told(found), expected, rtol=1e-14)

    if np.asarray(expected).dtype.kind == "f" and np.isfinite(x) and not isinstance(found, float):
        slope = (np.sum(f(x + 1e-6)) - np.sum(f(x - 1e-6))) / 2e-6
        y = np.sum(found)
        got = gradients(y, [v])[0] if isinstance(y, Value) else 0.0
        assert got == pytest.approx(slope, abs=1e-7)


@pytest.mark.parametrize("named", [{}, {"axis": None}, {"keepdims": True}, {"axis": ()}], ids=str)
@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "std", "max", "cumsum", "cumprod"])
def test_what_reduces_one_value_is_recorded(name: str, named: dict[str, Any]) -> None:
    if name.startswith("cum") and named not in ({}, {"axis": None}):
        return
    reduce = getattr(np, name)
    for f in (lambda x: reduce(x * x, **named), lambda x: reduce(a=x * x, **named)):
        replay = compile(lambda x, f=f: np.sum(f(x) * 3.0 + x))
        for x in (0.7, -1.9, 0.7):
            slope = 1.0 if name in ("var", "std") else 6.0 * x + 1.0
            assert replay.value(x) == pytest.approx(np.sum(f(x) * 3.0 + x), rel=1e-14)
            assert replay.value_and_grad(x)[1] == pytest.approx(slope, rel=1e-14)


def test_nan_to_num_of_a_value_is_flat_at_nan() -> None:
    assert grad(np.nan_to_num)(np.nan) == 0.0
    assert grad(np.nan_to_num)(2.0) == 1.0


def test_the_average_of_nothing_is_nan() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        assert np.isnan(np.average(Tensor([])).data)
        assert np.isnan(np.average(Tensor(np.zeros((0, 2))), axis=0).data).all()


def test_a_value_beside_a_tensor_is_left_to_the_tensor() -> None:
    for f in (lambda v, t: np.clip(t, 0.0, v), lambda v, t: np.clip(v, 0.0, t)):
        with pytest.raises(TypeError, match=r"clip of .*Value: kinds do not mix"):
            f(Value(2.0), Tensor([1.0, 5.0]))


LISTS: dict[str, Callable[[Any], Any]] = {
    "list": lambda x: [x[0], x[1]],
    "array": lambda x: np.array([x[0], x[1] * 1.0]),
    "asarray of a tuple": lambda x: np.asarray((x[0] * x[1], x[1], 0.5)),
    "nested": lambda x: np.array([[x[0], x[1]], [0.5, x[0]]]),
    "concatenate": lambda x: np.concatenate([[x[0]], [x[1]]]),
    "full": lambda x: np.full(2, x[0]),
    "assigned": lambda x: np.stack([np.array([0.5, x[1]]), np.ones(2) * x[0]]),
}


@quiet
@pytest.mark.parametrize("after", [name for name in AFTER if name not in ("largest", "mask")])
@pytest.mark.parametrize("maker", LISTS)
def test_a_list_of_elements_is_replayed_as_numpy_computes_floats_also_where_nan_comes(
    maker: str, after: str
) -> None:
    def f(x: Any) -> Any:
        return AFTER[after](LISTS[maker](x))

    replay = compile(f)
    for point in ("apart", "nan last", "apart", "nan first", "a tie"):
        x = np.array(POINTS[point])
        np.testing.assert_allclose(replay.value(x), f(x), rtol=1e-14, err_msg=point)
        if np.isnan(x).any() and np.isfinite(f(x)):  # f passes over nan, and gives no number to 0
            continue
        try:
            slope = replay.value_and_grad(x)[1]
        except TypeError as error:  # NumPy computes otherwise on objects, and Tensors refuse a list
            assert "Tensor" in str(error)  # noqa: PT017
        else:
            assert np.isfinite(slope).all() or np.isnan(x).any() or after == "std"
