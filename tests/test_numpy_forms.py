"""The forms in which NumPy's functions are called, on Tensors: value, gradient, and the slope of it.

Every form must work: what is refused is in `test_tensor_numpy`. Expected values are NumPy's own;
slopes are finite differences of NumPy's values, and second ones differences of our gradients.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import mpmath
import numpy as np
import pytest
from test_numpy_arguments import changed, fault, flat_list, places, run

from autograd import Tensor, Value, grad, gradients

R = np.random.default_rng(3)
M = np.array([True, False, True])


def n(*shape: int) -> Any:
    """Numbers between 0.2 and 2."""
    return R.uniform(0.2, 2.0, shape) if shape else np.array(R.uniform(0.2, 2.0))


def nn(*shape: int) -> Any:
    """The same, with a nan among them."""
    x = n(*shape)
    x.flat[1] = np.nan
    return x


def C(*args: Any, **named: Any) -> Any:  # noqa: N802  # a call
    return list(args), named


# fmt: off
FORMS: dict[str, list[Any]] = {
    "clip": [C(n(3), .5, 1.), C(n(3), None, 1.), C(n(3), .5, None), C(n(3), a_min=.5, a_max=None), C(n(3), a_max=1., a_min=.2), C(n(3), n(3)/4, n(3)+1), C(n(2, 3), n(3)/4, n(2, 1)+1), C(n(3), min=.5), C(n(3), max=.9, min=.4), C(n(3), [.3, .3, .3], [1, 1, 1.])],
    "outer": [C(n(3), [1, 2]), C([1, 2], n(3)), C(2., n(3)), C(n(3), n(2, 2))],
    "inner": [C(n(3), [1, 2, 3]), C([1, 2, 3], n(3)), C(2., n(3)), C(n(2, 3), [[1, 2, 3]])],
    "vdot": [C([1, 2, 3], n(3)), C(n(2, 2), [1, 2, 3, 4])],
    "tensordot": [C(n(2, 3), [[1, 2], [3, 4], [5, 6]], 1), C([1, 2], n(2, 3), 1), C(n(2, 3), n(3, 2), 0), C(n(2, 3), n(2, 3))],
    "dot": [C([1, 2, 3], n(3)), C(n(3), 2), C(2, n(3)), C([[1, 2, 3]], n(3)), C(n(2, 3), n(4, 3, 2))],
    "matmul": [C(n(0, 2), n(2, 3)), C(n(2, 0), n(0, 3)), C([[1, 2, 3]], n(3, 2)), C(n(2, 3), [1, 2, 3])],
    "vstack": [C([[1, 2, 3], n(3)]), C((n(3), n(2, 3)))],
    "hstack": [C([1., n(3)]), C([np.float64(2.), np.array(3.)]), C([n(2, 1), [[1], [2]]]), C([n(), n()]), C((n(), n(2)))],
    "dstack": [C([n(3), [1, 2, 3]]), C([n(2, 3), n(2, 3)])],
    "column_stack": [C([n(3), [1, 2, 3]]), C([n(3), n(3, 2)])],
    "concatenate": [C([n(3), [1, 2]]), C(([1], n(3)), axis=0), C([n(2, 3), n(2, 1)], axis=-1), C([n(2, 3), n(2, 1)], axis=None)],
    "stack": [C([n(3), [1, 2, 3]]), C([n(3), n(3)], axis=-1), C([n(), 2.0])],
    "where": [C(M, n(3), 0.), C(M, [1, 2, 3], n(3)), C([True, False, True], n(3), [0, 0, 0]), C([1, 0, 1], n(3), n(3)), C(1, n(3), 2)],
    "einsum": [C("ij, jk", n(2, 3), [[1], [2], [3]]), C("ii", n(3, 3)), C("ii->i", n(3, 3)), C("i, i", [1, 2, 3], n(3)), C("...j, j->...", n(2, 2, 3), n(3)), C(n(2, 3), [0, 1], n(3, 2), [1, 2]), C(n(2, 3), [0, 1], n(3, 2), [1, 2], [2, 0]), C(n(3, 3), [0, 0]), C(n(2, 3), [..., 0], n(3), [0], [...]), C("ij, jk, kl->il", n(2, 3), n(3, 2), n(2, 2), optimize=True), C("ij, jk, kl", n(2, 3), n(3, 2), n(2, 2), optimize="greedy"), C("..., ...", n(3), n(2, 3)), C("ij, ij, ij->j", n(2, 3), n(2, 3), n(2, 3)), C("iij->j", n(2, 2, 3)), C("i->", n(3)), C("b i , i -> b", n(2, 3), n(3)), C("ba", n(2, 3))],
    "diag": [C(n(3)), C(n(3), 1), C(n(3, 3), k=-1), C(n(2, 3))],
    "cumprod": [C(n(5)), C(n(2, 5), 1), C(n(2, 3)), C(np.array([1., 0, 2, 0, 3])), C(n(4, 2), axis=0), C(n(2, 3), axis=-1)],
    "nancumsum": [C(nn(5)), C(nn(2, 3), 1)],
    "nancumprod": [C(nn(5)), C(nn(2, 3), 0)],
    "interp": [C(n(5), np.array([.3, .8, 1.5]), n(3)), C(.9, np.array([.3, .8, 1.5]), n(3)), C(n(5), [.3, .8, 1.5], [1, 2, 3.], left=-1., right=5.), C(n(5)*3, np.array([.3, .8, 1.5]), n(3), period=1.7), C(n(2, 2), np.array([.3]), n(1)), C(n(5), [.3, .8, 1.5], n(3), left=2.)],
    "polyval": [C(n(3), n(4)), C([1, 2, 3], n(2, 2)), C(n(3), 2.0), C(n(1), n(3))],
    "append": [C(n(3), 2.0), C(n(3), [1, 2]), C(n(2, 3), n(1, 3), axis=0), C(n(2, 3), n(2))],
    "kron": [C(n(3), n(2)), C(n(2, 3), n(2, 2)), C(n(3), n(2, 2)), C(2., n(2)), C([1, 2], n(2))],
    "select": [C([M, ~M], [n(3), n(3)]), C([M], [n(3)], default=n(3)), C([M, M], [n(3), 2.0], -1.0), C([M], [n(2, 3)])],
    "tril": [C(n(3, 3)), C(n(2, 3), 1), C(n(3)), C(n(2, 2, 3), -1)],
    "triu": [C(n(3, 3)), C(n(2, 3), k=1), C(n(3))],
    "rot90": [C(n(2, 3)), C(n(2, 3), 2), C(n(2, 3, 2), k=1, axes=(0, 2))],
    "repeat": [C(n(3), 2), C(n(3), [1, 2, 0]), C(n(2, 3), 2, axis=1), C(n(2, 3), [1, 2], 0)],
    "tile": [C(n(3), 2), C(n(2, 3), (2, 1)), C(n(3), (2, 2))],
    "roll": [C(n(3), 1), C(n(2, 3), (1, 1), (0, 1)), C(n(2, 3), -1, axis=1)],
    "delete": [C(n(4), 1), C(n(2, 4), [0, 2], axis=1), C(n(4), slice(0, 2)), C(n(2, 2), [0])],
    "insert": [C(n(4), 1, 2.0), C(n(4), [1, 2], n(2)), C(n(2, 4), 1, n(2), axis=1), C(n(2, 2), 0, 5), C(n(2, 4), [0, 2], [1, 2], axis=1), C(n(4), -1, n())],
    "cross": [C(n(3), n(3)), C(n(2, 3), n(3)), C(n(3, 2), n(3, 2), axis=0), C(n(3, 2), n(2, 3), axisa=0), C([1, 2, 3], n(3)), C(n(2, 3), n(2, 3), axisc=0)],
    "ediff1d": [C(n(4)), C(n(2, 3)), C(n(4), to_end=n(2)), C(n(4), to_begin=1.0, to_end=[2, 3])],
    "gradient": [C(n(5)), C(n(4, 5)), C(n(4, 5), axis=0), C(n(4, 5), 2.0), C(n(4, 5), .5, 2.), C(n(5), np.sort(n(5))), C(n(5), edge_order=2), C(n(4, 5), np.sort(n(4)), np.sort(n(5)), edge_order=2), C(n(4, 5), axis=(1, 0)), C(n(4, 5), .5, axis=-1), C(n(2, 3, 4), 2., axis=(0, 2))],
    "trapezoid": [C(n(5)), C(n(2, 5)), C(n(2, 5), axis=0), C(n(5), np.sort(n(5))), C(n(2, 5), np.sort(n(5))), C(n(2, 5), dx=.5), C(n(2, 5), n(2, 5), axis=0), C(n(2, 5), x=[0, 2, 3, 4, 7])],
    **{f"nan{r}": [C(nn(5)), C(nn(2, 5), 0), C(nn(2, 5), axis=1, keepdims=True), C(nn(2, 3, 2), axis=(0, 2))] for r in ("sum", "mean", "max", "min", "prod", "var", "std", "median")},
    "ptp": [C(n(5)), C(n(2, 5), 0), C(n(2, 5), axis=1, keepdims=True)],
    "average": [C(n(5)), C(n(2, 5), 0), C(n(2, 5), weights=n(2, 5)), C(n(2, 5), 1, n(5)), C(n(2, 5), axis=1, weights=n(5), returned=True), C(n(5), returned=True), C(n(2, 5), returned=True, axis=0), C(n(2, 5), axis=0, keepdims=True), C(n(2, 3, 4), axis=(2, 0), weights=n(4, 2)), C(n(5), weights=[1, 2, 3, 4, 5])],
    **{q:[C(n(5), .3*s), C(n(2, 5), .3*s, 0), C(n(2, 5), .3*s, axis=1, keepdims=True), C(n(5), [0., .25*s, .9*s, s]), C(n(2, 5), [.1*s, .7*s], axis=-1), C(n(4), .5*s), *[C(n(6), .37*s, method=m) for m in ("inverted_cdf", "averaged_inverted_cdf", "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull", "linear", "median_unbiased", "normal_unbiased", "lower", "higher", "midpoint", "nearest")], C(nn(5), .3*s), C(nn(2, 5), [.2*s, .6*s], 1)] for q, s in (("quantile", 1), ("percentile", 100), ("nanquantile", 1), ("nanpercentile", 100))},
    "median": [C(n(5)), C(n(4)), C(n(2, 4), 0), C(n(2, 5), axis=1, keepdims=True), C(n(2, 3, 4), axis=(0, 2)), C(nn(5)), C(n())],
    "sort": [C(n(5)), C(n(2, 5), 0), C(n(2, 5), axis=None), C(n(2, 5), kind="mergesort"), C(n(3, 4, 2), axis=1)],
    "partition": [C(n(5), 2), C(n(2, 5), 1, axis=0), C(n(5), [1, 3]), C(n(2, 5), 3, None)],
    "take_along_axis": [C(n(2, 3), np.array([[0, 2], [1, 1]]), 1), C(n(5), np.array([0, 0]), None), C(n(2, 3), np.array([[0, 1, 1]]), axis=0)],
    "array_split": [C(n(5), 3), C(n(5), [1, 3]), C(n(2, 5), 2, axis=1)],
    "vsplit": [C(n(4, 2), 2)],
    "hsplit": [C(n(4, 2), 2), C(n(4), [1])],
    "dsplit": [C(n(2, 2, 4), 2)],
    "unstack": [C(n(2, 3)), C(n(2, 3), axis=1)],
    "flipud": [C(n(2, 3))],
    "fliplr": [C(n(2, 3))],
    "rollaxis": [C(n(2, 3, 4), 2), C(n(2, 3, 4), 1, 3), C(n(2, 3, 4), 0, 2)],
    "fix": [C(n(4)-1)],
    "sinc": [C(n(4)), C(n(2, 3) - 1.0), C(0.1 * n(4)), C(n())],
    "nan_to_num": [C(nn(4)), C(np.array([np.inf, -np.inf, 1., np.nan]), nan=2., posinf=3., neginf=-1.)],
    "trace": [C(n(2, 4)), C(n(4, 2)), C(n(3, 3), 1), C(n(3, 3), offset=-1), C(n(2, 3, 4), 0, 1, 2), C(n(2, 3, 4), axis1=2, axis2=0)],
    "diff": [C(n(5)), C(n(2, 5), 2), C(n(2, 5), axis=0), C(n(5), prepend=0.), C(n(5), append=n(2)), C(n(2, 5), prepend=n(2, 1), append=1., axis=1), C(n(5), n=2, prepend=1.), C(n(5), 0, prepend=1.), C(n(2, 5), append=n(1, 5), axis=0), C(n(5), prepend=[1, 2])],
    "pad": [C(n(3), 1), C(n(2, 3), ((1, 2), (0, 1))), C(n(3), (1, 2), constant_values=2.), C(n(3), (1, 2), constant_values=(1., 2.)), C(n(2, 3), 1, constant_values=((1, 2), (3, 4))), *[C(n(2, 4), 2-(m=="reflect"), mode=m) for m in ("edge", "reflect", "symmetric", "wrap", "constant")], C(n(2, 3), {0:1}) , C(n(2, 3), {-1:(1, 2)}), C(n(3), 5, mode="wrap"), C(n(3), 5, "reflect")],
    "cov": [C(n(2, 5)), C(n(5)), C(n(5), n(5)), C(n(5, 2), rowvar=False), C(n(2, 5), bias=True), C(n(2, 5), ddof=0), C(n(2, 5), n(3, 5)), C(n(2, 5), fweights=[1, 2, 1, 3, 1]), C(n(2, 5), aweights=[1, 2, .5, 3, 1]), C(n(2, 5), fweights=[1, 2, 1, 3, 1], aweights=[1, 2, .5, 3, 1]), C(n(5, 2), n(5, 2), rowvar=False), C(n(5, 1), rowvar=False)],
    "corrcoef": [C(n(2, 5)), C(n(5), n(5)), C(n(5, 2), rowvar=False), C(n(5))],
    "convolve": [C(n(a), n(b), m) for a in (1, 2, 3, 5) for b in (1, 2, 3, 4) for m in ("full", "same", "valid")]+[C(n(3), [1, 2]), C([1, 2], n(3)), C(n(4), 2.)],
    "correlate": [C(n(a), n(b), m) for a in (1, 2, 3, 5) for b in (1, 2, 3, 4) for m in ("full", "same", "valid")]+[C(n(3), [1, 2]), C([1, 2], n(3))],
    "vander": [C(n(3)), C(n(3), 2), C(n(3), 4, increasing=True), C(n(3), N=1), C(n(3), 0)],
    "unwrap": [C(n(6)*5), C(n(2, 6)*5, axis=0), C(n(6)*5, period=3.), C(n(6)*5, discont=4.)],
    "compress": [C(M, n(3)), C(M, n(2, 3), axis=1), C([True, False], n(2, 3), axis=0), C([1, 0, 1], n(2, 3))],
    "extract": [C(M, n(3)), C(n(2, 3)>1, n(2, 3))],
    "choose": [C([0, 1, 0], [n(3), n(3)]), C([0, 1, 2], (n(3), 1.0, n(3))), C([0, 3, -1], [n(3), n(3)], mode="wrap"), C(np.array([0, 1]), [n(2, 2), n(2)])],
    "unique": [C(n(4)), C(n(4), return_index=True), C(n(4), return_inverse=True, return_counts=True), C(n(2, 2))],
    "meshgrid": [C(n(3), n(2)), C(n(3), n(2), indexing="ij"), C(n(3), n(2), sparse=True), C(n(3), n(2), n(2)), C(n(3)), C(n(3), 2.)],
    "broadcast_arrays": [C(n(3), n(2, 1)), C(n(3), 2.)],
    "block": [C([n(2), n(3)]), C([[n(2, 2), np.zeros((2, 1))], [np.ones((1, 2)), n(1, 1)]]), C(n(2)), C([n(2), 1.0])],
    "apply_along_axis": [C(np.sum, 0, n(2, 3)), C(np.sort, 1, n(2, 3)), C(lambda r:r[0]*r, 0, n(2, 3)), C(lambda r:np.outer(r, r), 1, n(2, 3)), C(np.sum, -1, n(3))],
    "apply_over_axes": [C(np.sum, n(2, 3, 4), [0, 2]), C(np.sum, n(2, 3), 0), C(np.cumsum, n(2, 3), [1])],
    "piecewise": [C(n(4), [n(4)>1], [np.sin, np.cos]), C(n(4), [n(4)>1], [np.sin]), C(n(4), [n(4)>1, n(4)<.5], [2., np.cos, np.exp]), C(n(2, 2), [n(2, 2)>1], [1., 2.])],
    "cumulative_sum": [C(n(4)), C(n(2, 4), axis=1), C(n(2, 4), axis=0, include_initial=True)],
    "cumulative_prod": [C(n(4)), C(n(2, 4), axis=1, include_initial=True)],
    "linspace": [C(n(), n()), C(n(3), n(3), 4), C(n(3), n(2, 3), 4, axis=-1), C(n(), 2., 5, endpoint=False), C(0., n(), 3, retstep=True), C(n(3), 5., 1), C(n(3), 5, 0)],
    "logspace": [C(n(), n(), 4), C(n(3), n(3), 4), C(n(), 1., 4, base=2.), C(n(3), 1., 4, endpoint=False, axis=1)],
    "geomspace": [C(n(), n(), 4), C(n(3), n(3), 4), C(-n(), -n(), 4), C(n(3), n(3), 4, axis=1)],
    "bincount": [C([0, 1, 1, 3], n(4)), C([0, 1, 1], weights=n(3), minlength=6)],
    "atleast_1d": [C(n()), C(n(2), n())],
    "atleast_2d": [C(n(2)), C(n(), 2.)],
    "atleast_3d": [C(n(2)), C(n(2, 3))],
    "resize": [C(n(3), (2, 4)), C(n(3), 2)],
    "argsort": [C(n(4))],
    "searchsorted": [C(np.sort(n(4)), n(2))],
    "digitize": [C(n(3), np.sort(n(3)))],
    "transpose": [C(n(2, 3)), C(n(2, 3, 4), (1, 0, 2))],
    "expand_dims": [C(n(2), (0, 1))],
    "squeeze": [C(n(1, 2, 1)), C(n(1, 2, 1), 0)],
    "mean": [C(n(0)), C(n(0, 2), 0), C(n(2, 0), 0)],
    "sum": [C(n(0)), C(n(0, 2), 0), C(n(2, 0), 1)],
    "reshape": [C(n(0), (0, 3))],
    "prod": [C(n(0)), C(n(2, 0), 1)],
    "var": [C(n(1))],
    "std": [C(n(3), ddof=1)],
    "real_if_close": [C(n(2))],
}
# fmt: on
FORMS = {name: forms for name, forms in FORMS.items() if hasattr(np, name)}


@pytest.fixture(autouse=True)
def quietly() -> Iterator[None]:
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def on_tensors(function: Any, call: Any, chosen: Any) -> Any:
    return run(function, changed(call, lambda path, x: Tensor(x) if path in chosen else x.copy()))


@pytest.mark.parametrize("name", FORMS)
def test_each_form_has_numpys_value_and_the_slope_of_it(name: str) -> None:
    function = getattr(np, name)
    for args, named in FORMS[name]:
        where = list(places((args, named)))
        for chosen in [set(where), *([{one} for one in where] if len(where) > 1 else [])]:
            said = fault(name, function, (args, named, ""), chosen)
            assert said is None, (said or "NumPy has no answer", name, args, named, chosen)
        on_tensors(function, (args, named), set(where))  # and it is not refused


@pytest.mark.parametrize("name", FORMS)
def test_the_gradient_of_each_function_has_a_gradient(name: str) -> None:
    function, (args, named) = getattr(np, name), FORMS[name][0]
    where = list(places((args, named)))
    at: dict[Any, Any] = {}
    changed((args, named), lambda path, x: at.setdefault(path, x))
    ways = {path: np.cos(2.0 + np.arange(x.size)).reshape(x.shape) for path, x in at.items()}

    def slope(step: float) -> Any:
        """The slope of the sum of squares along another way, from these places moved by `step`."""
        xs = {path: Tensor(at[path] + step * ways[path]) for path in where}
        out = flat_list(run(function, changed((args, named), lambda path, x: xs[path])))
        total = sum((np.nansum(x * x) for x in out if isinstance(x, Tensor)), Tensor(0.0))
        shares = gradients(total * 1.0, list(xs.values()), create_graph=True)
        whole = [np.nansum(g * np.sin(1.0 + np.arange(g.size)).reshape(g.shape)) for g in shares]
        return sum(whole, Tensor(0.0)), xs

    here, xs = slope(0.0)
    seconds = gradients(here * 1.0, list(xs.values()))
    exact = sum(np.sum(g * ways[path]) for g, path in zip(seconds, xs, strict=True))
    numeric = (slope(1e-6)[0].item() - slope(-1e-6)[0].item()) / 2e-6
    assert exact == pytest.approx(numeric, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("name", FORMS)
def test_a_form_keeps_float32_where_numpy_does_and_its_gradient_too(name: str) -> None:
    function: Any = np
    for part in name.split("."):
        function = getattr(function, part, None)
    for form in FORMS[name] if function else ():
        arguments = changed(form, lambda path, x: x.astype(np.float32))
        tensors: list[Tensor] = []

        def held(path: Any, x: Any, tensors: Any = tensors) -> Any:
            tensors.append(Tensor(x))
            return tensors[-1]

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            due = flat_list(run(function, arguments))
            got = flat_list(run(function, changed(arguments, held)))
        for x, y in zip(got, due, strict=True):
            if isinstance(x, Tensor) and np.asarray(y).dtype == np.float32:
                assert x.dtype == np.float32, arguments
                assert {g.dtype for g in gradients(x.sum(), tensors)} == {np.dtype(np.float32)}


# ---- edges ---------------------------------------------------------------------------------------


def test_what_is_skipped_as_nan_has_no_slope() -> None:
    x = np.array([1.0, np.nan, 3.0, 2.0])
    for function in (np.nansum, np.nanmean, np.nanmax, np.nanmin, np.nanprod, np.nanvar, np.nanstd,
                     np.nanmedian, np.nancumsum, np.nancumprod):  # fmt: skip
        slope = grad(lambda t, function=function: np.sum(function(t)))(x)
        assert slope[1] == 0.0, function
        assert np.isfinite(slope).all(), function


def test_the_share_of_a_running_product_beside_zeros_is_the_product_of_the_others() -> None:
    slope = grad(lambda t: np.cumprod(t)[-1])
    assert slope(np.array([2.0, 0.0, 5.0])).tolist() == [0.0, 10.0, 0.0]
    assert slope(np.array([0.0, 0.0, 5.0])).tolist() == [0.0, 0.0, 0.0]


def test_equal_numbers_share_a_place_in_an_order_evenly_as_they_share_an_extreme() -> None:
    x = np.array([2.0, 1.0, 1.0, 2.0])
    assert grad(lambda t: np.sort(t)[0])(x).tolist() == [0.0, 0.5, 0.5, 0.0]
    assert grad(lambda t: np.median(t))(x).tolist() == [0.25, 0.25, 0.25, 0.25]
    assert grad(lambda t: np.max(t))(x).tolist() == [0.5, 0.0, 0.0, 0.5]
    assert grad(lambda t: np.nanmin(t))(x).tolist() == [0.0, 0.5, 0.5, 0.0]
    assert grad(lambda t: np.partition(t, 1)[:2].sum())(x).tolist() == [0.0, 1.0, 1.0, 0.0]
    weights = np.arange(6.0).reshape(2, 3)
    y = np.array([[3.0, 1.0, 3.0], [3.0, 1.0, np.inf]])
    for axis, due in (
        (0, [[1.5, 2.5, 2.0], [1.5, 2.5, 5.0]]),
        (1, [[1.5, 0.0, 1.5], [4.0, 3.0, 5.0]]),
        (None, [[3.0, 0.5, 3.0], [3.0, 0.5, 5.0]]),
    ):
        slope = grad(
            lambda t, axis=axis: np.where(
                np.isinf(s := np.sort(t, axis)), 0.0, s * weights.reshape(np.shape(s))
            ).sum()
        )
        assert (slope(y) + np.where(np.isinf(y), 5.0, 0.0)).tolist() == due


def test_infinite_neighbours_of_a_quantile_that_it_does_not_use_leave_it_finite() -> None:
    t = Tensor([1.0, 2.0, np.inf])
    assert np.median(t).item() == 2.0
    assert np.quantile(t, 1.0).item() == np.inf
    assert np.isnan(np.median(Tensor([1.0, np.nan, 2.0])).item())


@pytest.mark.parametrize("name", ["sum", "mean", "prod", "var", "std", "median", "ptp", "average"])
def test_arrays_of_values_have_numpys_statistics_and_their_slopes(name: str) -> None:
    function, x = getattr(np, name), np.array([1.0, 3.0, 2.0, 7.0])
    values = np.array([Value(number) for number in x], dtype=object)
    out = function(values)
    assert out.data == pytest.approx(function(x))
    out.backward()
    expected = grad(lambda t: function(t))(x)
    assert [v.grad for v in values] == pytest.approx(expected.tolist())


EMPTY = np.zeros((0, 3))


@pytest.mark.parametrize(
    "function",
    [
        np.sum, np.prod, lambda t: t @ np.ones((3, 2)), lambda t: np.sum(t, axis=0),
        lambda t: np.max(t, axis=1), lambda t: np.reshape(t, (3, 0)), np.cumprod, np.mean,
        lambda t: np.concatenate([t, np.ones((1, 3))]), lambda t: np.einsum("ij,ij", t, t),
        lambda t: np.sort(t, 0), lambda t: np.diff(t, axis=0), lambda t: np.tile(t, 2),
    ],
)  # fmt: skip
def test_an_empty_array_gives_what_numpy_gives(function: Any) -> None:
    out = function(Tensor(EMPTY))
    np.testing.assert_array_equal(out.data, function(EMPTY))
    assert grad(lambda t: np.sum(function(t)))(EMPTY).shape == EMPTY.shape


@pytest.mark.parametrize("function", [np.max, np.min, np.median, lambda t: np.quantile(t, 0.5)])
def test_an_empty_array_has_no_extreme_and_no_median(function: Any) -> None:
    with pytest.raises(ValueError, match=r"empty|zero-size"):
        function(Tensor(EMPTY))


# ---- methods -------------------------------------------------------------------------------------

ROW = np.array([[3.0, 1.0, 2.0], [5.0, 4.0, 6.0]])
METHODS = {
    "dot": ([1, 2, 3],), "ravel": (), "flatten": (), "cumprod": (1,), "cumsum": (0,), "argmax": (1,),
    "argmin": (), "argsort": (0,), "argpartition": (1,), "repeat": (2, 1), "take": ([0, 2], 1),
    "diagonal": (1,), "trace": (), "clip": (None, 3), "round": (1,), "conj": (), "tolist": (),
    "nonzero": (), "compress": ([True, False], 0), "swapaxes": (0, 1), "squeeze": (),
    "transpose": (1, 0), "any": (), "all": (0,), "copy": (), "sum": (0,), "mean": (1,), "var": (0,),
    "std": (1,), "prod": (0,), "max": (0,), "min": (1,),
}  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_a_method_of_numpys_arrays_is_one_of_tensors(name: str) -> None:
    out, expected = (getattr(x, name)(*METHODS[name]) for x in (Tensor(ROW), ROW))
    for x, y in zip(flat_list(out), flat_list(expected), strict=True):
        np.testing.assert_allclose(x.data if isinstance(x, Tensor) else x, y)


@pytest.mark.parametrize("name", ["sort", "partition", "fill", "put", "resize"])
def test_a_method_that_writes_into_the_array_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=f"Tensor.{name} would write"):
        getattr(Tensor(ROW), name)(0)


@pytest.mark.parametrize("name", ["sum", "mean", "max", "var", "std"])
def test_a_dtype_where_keepdims_belongs_is_refused(name: str) -> None:
    with pytest.raises(TypeError, match=f"{name}: keepdims is True or False"):
        getattr(Tensor(ROW), name)(0, np.float32)


# ---- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (lambda t: np.put_along_axis(t, np.array([0]), 1.0, 0), "np.put_along_axis has no rule"),
        (lambda t: np.place(t, [True, False, True], [1.0]), "np.place has no rule"),
        (lambda t: np.fill_diagonal(t, 1.0), "np.fill_diagonal has no rule"),
        (lambda t: np.histogram(t), "np.histogram has no rule"),
        (lambda t: np.cumprod(t, out=np.ones(3)), "np.cumprod .*out="),
        (lambda t: np.nansum(t, where=M), "np.nansum .*where="),
        (lambda t: np.nan_to_num(t, copy=False), "np.nan_to_num .*copy=False"),
        (lambda t: np.quantile(t, 0.5, weights=[1, 2, 1], method="inverted_cdf"), "weights="),
        (lambda t: np.quantile(t, t), "np.quantile .*q="),
        (lambda t: np.unique(t, axis=0), "np.unique .*axis="),
        (lambda t: np.pad(t, 1, mode="linear_ramp"), "np.pad .*linear_ramp"),
        (lambda t: np.pad(t, 1, mode="reflect", reflect_type="odd"), "np.pad .*reflect_type="),
        (lambda t: np.cumsum(t, dtype=int), "np.cumsum .*dtype="),
        (lambda t: np.fft.rfft(t), "np.fft.rfft has no rule"),
        (lambda t: np.einsum(t, [0, 60]), "einsum takes .*labels"),
    ],
)
def test_what_is_not_known_is_refused_by_name(bad: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        bad(Tensor([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("x", [0.0, -1e-9, 0.1, 0.3182, 0.3184, -0.7, 1.0, 2.5, 30.0])
def test_sinc_has_its_slopes_of_three_orders_near_zero_and_far(x):
    f, found = np.sinc, []
    for _ in range(4):
        found.append(float(f(np.array(x))))
        f = grad(f)
    with mpmath.workdps(40):
        terms = mpmath.taylor(mpmath.sincpi, x, 3) if x else [1, 0, -(mpmath.pi**2) / 6, 0]
        due = [float(c * mpmath.factorial(k)) for k, c in enumerate(terms)]
    for k, (got, right) in enumerate(zip(found, due, strict=True)):
        assert got == pytest.approx(right, rel=1e-13 * 100**k, abs=1e-15 * 100**k)
