"""Every row on Tensors: scalar rows against Values, array rows against differences, twice over."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from test_edges import CELLS
from test_rules import leaves, variables
from truth import TRUTH, points_of

import autograd
from autograd import Tensor, Value, gradients
from autograd.arrays import operations
from autograd.arrays.rules import TABLE as ARRAY_TABLE
from autograd.core.rules import RULES, TABLE

every_row = pytest.mark.parametrize("name", TABLE)


# ---- the rows that numbers share -----------------------------------------------------------------


def tensors(name: str, points: Any) -> list[Any]:
    """The points as one Tensor for each input that has a slope."""
    wrt = variables(name, points[0])
    return [
        Tensor([p[i] for p in points]) if i in wrt else points[0][i] for i in range(len(points[0]))
    ]


def groups(name: str) -> list[Any]:
    """Points that differ only where there is a slope."""
    found: dict[Any, list[Any]] = {}
    for p in points_of(name):
        wrt = variables(name, p)
        found.setdefault((len(p), *(x for i, x in enumerate(p) if i not in wrt)), []).append(p)
    return list(found.values())


@every_row
def test_values_and_gradients_are_those_of_values(name: str) -> None:
    for points in groups(name):
        xs = tensors(name, points)
        out = RULES[name].compute(*xs)
        nodes = [x for x in xs if isinstance(x, Tensor)]
        found = gradients(out, nodes, seed=np.ones(out.shape))
        for k, point in enumerate(points):
            one = leaves(name, point)
            value = RULES[name].compute(*one)
            wanted = [x for x in one if isinstance(x, Value)]
            assert close(out.data[k], value.data), point
            for g, expected in zip(found, gradients(value, wanted), strict=True):
                assert close(g[k], expected, 1e-9), point


def close(found: float, expected: float, tolerance: float = 1e-12) -> bool:
    if math.isnan(expected):
        return math.isnan(found)
    return found == expected or math.isclose(found, expected, rel_tol=tolerance, abs_tol=1e-290)


@every_row
def test_second_derivatives_are_those_of_values(name: str) -> None:
    for point in TRUTH[name].ordinary[:2]:
        answers = []
        for xs in (leaves(name, point), tensors(name, [point])):
            nodes = [x for x in xs if isinstance(x, (Value, Tensor))]
            out = RULES[name].compute(*xs)
            seed = 1.0 if isinstance(out, Value) else np.ones(1)
            slope = sum(gradients(out, nodes, seed, create_graph=True))
            answers.append([float(np.sum(g)) for g in gradients(slope, nodes)])
        assert answers[1] == pytest.approx(answers[0], rel=1e-9, abs=1e-12), point


@pytest.mark.parametrize("cell", CELLS)
def test_the_edges_are_those_of_values(cell: str) -> None:
    function, at, value, slopes = CELLS[cell]
    xs = [Tensor([x, x]) for x in at]
    out = function(*xs)
    out.sum().backward()
    np.testing.assert_array_equal(out.data, [value, value])
    for x, slope in zip(xs, slopes if isinstance(slopes, (list, tuple)) else [slopes], strict=True):
        np.testing.assert_array_equal(x.grad, [slope, slope])


# ---- the rows that only arrays have --------------------------------------------------------------


def array(*shape: int) -> np.ndarray:
    return np.random.default_rng(len(shape) + sum(shape)).uniform(0.3, 1.7, shape).cumsum(-1) - 1.1


REGULAR = array(3, 3) + 2.0 * np.eye(3)
SYMMETRIC = REGULAR @ REGULAR.T
MATRICES: dict[str, tuple[Callable[..., Any], list[Any]]] = {  # functions of the last two axes
    "solve": (np.linalg.solve, [REGULAR, array(3, 2)]),
    "inv": (np.linalg.inv, [np.stack([REGULAR, SYMMETRIC])]),
    "pinv": (np.linalg.pinv, [array(4, 2)]),
    "det": (np.linalg.det, [np.stack([REGULAR, array(3, 2) @ array(2, 3)])]),
    "det_slope": (lambda x, y: operations.det_slope(x, y), [REGULAR, array(3, 3)]),
    "logdet": (lambda x: np.linalg.slogdet(x)[1], [REGULAR]),
    "sign_of_det": (lambda x: x * np.linalg.slogdet(x)[0], [-REGULAR]),
    "cholesky": (lambda x: np.linalg.cholesky(x @ x.T), [REGULAR]),
    "qr": (lambda x: np.linalg.qr(x)[0], [array(4, 2)]),
    "eigenvalues": (np.linalg.eigvalsh, [SYMMETRIC]),
    "eigenvectors": (lambda x: np.linalg.eigh(x)[1], [SYMMETRIC]),
    "singular_values": (lambda x: np.linalg.svd(x, compute_uv=False), [array(2, 3)]),
    "singular_vectors": (lambda x: np.linalg.svd(x, full_matrices=False)[0], [array(3, 2)]),
    "over_gaps": (
        lambda x, y, z: operations.over_gaps(x, y, z, apart=False, strict=False),
        [array(3, 2), array(2) + 9.0, array(3)],
    ),
}
CASES: dict[str, tuple[Callable[..., Any], list[Any]]] = {
    "sum": (lambda x: x.sum(axis=1), [array(3, 4)]),
    "sum of all": (lambda x: x.sum(), [array(3, 4)]),
    "mean": (lambda x: x.mean(axis=(0, -1), keepdims=True), [array(3, 4, 2)]),
    "var": (lambda x: x.var(axis=0, ddof=1), [array(3, 4)]),
    "std": (lambda x: x.std(axis=1, keepdims=True), [array(3, 4)]),
    "max": (lambda x: x.max(axis=1), [array(3, 4)]),
    "min": (lambda x: x.min(), [array(3, 4)]),
    "prod": (lambda x: x.prod(axis=1), [array(3, 5)]),
    "prod of two axes": (lambda x: x.prod(axis=(0, 2)), [array(3, 2, 3)]),
    "prod with a zero": (lambda x: x.prod(), [np.array([2.0, 0.0, 3.0])]),
    "prod with two": (lambda x: x.prod(), [np.array([2.0, 0.0, 0.0, 5.0])]),
    "cumsum": (lambda x: x.cumsum(axis=1), [array(3, 4)]),
    "cumsum of all": (lambda x: x.cumsum(), [array(3, 4)]),
    "norm": (lambda x: x.norm(axis=1), [array(3, 4)]),
    "1-norm": (lambda x: autograd.norm(x, 1, axis=0), [array(3, 4)]),
    "3-norm": (lambda x: autograd.norm(x, 3, axis=0), [array(3, 4)]),
    "logsumexp": (lambda x: x.logsumexp(axis=1), [array(3, 4)]),
    "softmax": (lambda x: x.softmax(0), [array(3, 4)]),
    "log_softmax": (lambda x: x.log_softmax(1), [array(3, 4)]),
    "reshape": (lambda x: x.reshape(4, -1), [array(3, 4)]),
    "transpose": (lambda x: x.transpose(1, 2, 0), [array(3, 4, 2)]),
    "T": (lambda x: x.T, [array(3, 4)]),
    "squeeze": (lambda x: x.squeeze(1).unsqueeze(0), [array(3, 1, 2)]),
    "broadcast_to": (lambda x: x.broadcast_to(2, 3, 4), [array(3, 1)]),
    "astype": (lambda x: x.astype(np.float64) * x, [array(3)]),
    "basic index": (lambda x: x[..., None, 1:, ::-2], [array(3, 4, 5)]),
    "boolean index": (lambda x: x[np.array([True, False, True])], [array(3, 4)]),
    "index that repeats": (lambda x: x[[0, 0, 2], 1:], [array(3, 4)]),
    "index by two arrays": (lambda x: x[np.array([[0, 1], [2, 2]]), [1, 1]], [array(3, 4)]),
    "cat": (lambda x, y: autograd.cat([x, y], axis=1), [array(3, 4), array(3, 2)]),
    "stack": (lambda x, y: autograd.stack([x, y], axis=1), [array(3, 4), array(3, 4)]),
    "pad": (lambda x: autograd.pad(x, ((1, 2), (0, 1)), 7.0), [array(3, 4)]),
    "where": (lambda x, y: autograd.where(x > 0.4, x * y, y), [array(3, 4), array(4)]),
    "values": (lambda x: autograd.stack_values(x.values()[0]), [array(2, 3)]),
    **MATRICES,
    "conv1d": (
        lambda x, w, b: autograd.conv1d(x, w, b, stride=2, padding=1),
        [array(2, 2, 6), array(3, 2, 3), array(3)],
    ),
    "conv2d": (
        lambda x, w: autograd.conv2d(x, w, padding=(1, 0), dilation=(1, 2)),
        [array(1, 2, 4, 5), array(2, 2, 2, 2)],
    ),
    "max_pool2d": (lambda x: autograd.max_pool2d(x, 2), [array(1, 2, 4, 4)]),
    "avg_pool2d": (lambda x: autograd.avg_pool2d(x, 3, stride=1), [array(1, 1, 4, 5)]),
    **{
        f"matmul {a} {b}": (lambda x, y: x @ y, [array(*a), array(*b)])
        for a, b in [
            ((3, 4), (4, 2)), ((4,), (4,)), ((3, 4), (4,)), ((4,), (4, 2)), ((2, 3, 4), (4, 5)),
            ((2, 3, 4), (2, 4, 2)), ((3, 4), (2, 4, 2)), ((4,), (2, 4, 3)), ((2, 3, 4), (4,)),
            ((2, 1, 3, 4), (2, 4, 2)),
        ]
    },
    **{
        f"einsum {text}": (lambda *xs, s=text: autograd.einsum(s, *xs), [array(*a) for a in shapes])
        for text, shapes in {
            "ij,jk->ik": [(2, 3), (3, 4)], "ij->": [(2, 3)], "ii->i": [(3, 3)], "ii": [(3, 3)],
            "ij,ij": [(2, 3), (2, 3)], "...ij,...jk->...ik": [(2, 2, 3), (3, 4)],
            "i,j,k->ijk": [(2,), (3,), (2,)], "ij,jk,kl->il": [(2, 3), (3, 2), (2, 2)],
            "iij,j->i": [(2, 2, 3), (3,)], "...,...->...": [(2, 1), (1, 3)],
            "ij,k->i": [(2, 3), (4,)],
        }.items()
    },
    **{
        f"{name} broadcasts": (function, [array(3, 1), array(2, 1, 4) + 3])
        for name, function in {
            "add": lambda x, y: x + y, "sub": lambda x, y: x - y, "mul": lambda x, y: x * y,
            "div": lambda x, y: x / y, "pow": lambda x, y: (x * x + 1) ** y,
        }.items()
    },
}  # fmt: skip


def test_every_array_row_has_a_case() -> None:
    seen = {"ties", "scatter", "windows", "fold", "element", "stack_values", "matmul", "getitem"}
    seen |= {"einsum", "elements", "flip"} | {name for name in CASES if name in ARRAY_TABLE}
    assert seen == set(ARRAY_TABLE)


def weighted(function: Callable[..., Any], xs: list[Any]) -> Any:
    """One number from an array, to which no two elements contribute alike."""
    out = function(*xs)
    return (out * np.cos(np.arange(out.size) + 0.5).reshape(out.shape)).sum()


def differences(function: Callable[..., float], arrays: list[Any]) -> list[Any]:
    answers = []
    for a in arrays:
        slope = np.zeros(a.shape)
        for i in np.ndindex(a.shape):
            kept, h = a[i], 1e-5
            a[i] = kept + h
            above = function(*arrays)
            a[i] = kept - h
            slope[i] = (above - function(*arrays)) / (2 * h)
            a[i] = kept
        answers.append(slope)
    return answers


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_the_slopes_of_differences(case: str) -> None:
    function, given = CASES[case]
    arrays = [a.copy() for a in given]
    xs = [Tensor(a) for a in arrays]
    found = gradients(weighted(function, xs), xs)
    expected = differences(lambda *a: weighted(function, [Tensor(x) for x in a]).item(), arrays)
    for g, slope, x in zip(found, expected, xs, strict=True):
        assert g.shape == x.shape
        np.testing.assert_allclose(g, slope, rtol=2e-7, atol=2e-7)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_second_derivatives_are_the_slopes_of_gradients(case: str) -> None:
    function, given = CASES[case]
    arrays = [a.copy() for a in given]

    def slope(*arrays: Any) -> tuple[Any, list[Tensor]]:
        xs = [Tensor(a) for a in arrays]
        gs = gradients(weighted(function, xs), xs, create_graph=True)
        return sum(weighted(lambda g: g, [g]) for g in gs), xs

    along, xs = slope(*arrays)
    found = gradients(along, xs)
    expected = differences(lambda *a: slope(*a)[0].item(), arrays)
    for g, second in zip(found, expected, strict=True):
        np.testing.assert_allclose(g, second, rtol=2e-6, atol=2e-6)


def test_third_derivatives_go_through_products_and_powers() -> None:
    x = Tensor([0.5, 2.0])
    out = (x**4).prod()
    for _ in range(3):
        (g,) = gradients(out, [x], create_graph=True)
        out = g[0]
    assert out.item() == pytest.approx(24 * 0.5 * 2.0**4)


@pytest.mark.parametrize("kind", ["max", "min"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_ties_share_evenly_whatever_the_axis(kind: str, axis: int | None) -> None:
    x = Tensor([[2.0, 2.0], [2.0, 2.0]])
    getattr(x, kind)(axis=axis).sum().backward()
    np.testing.assert_array_equal(x.grad, np.full((2, 2), 0.25 if axis is None else 0.5))


def test_equal_numbers_and_zeros_have_slope_zero() -> None:
    for function in (lambda x: x.std(), lambda x: (0 * x).norm(), lambda x: (x - x).norm()):
        x = Tensor([3.0, 3.0])
        function(x).backward()
        assert x.grad.tolist() == [0.0, 0.0]


ORDERS = [None, 0, 0.5, 1, 1.5, 2, 3, np.inf, -np.inf, -1, -2.5]
every_order = pytest.mark.parametrize("p", ORDERS)


@every_order
def test_a_p_norm_is_numpys_and_its_slope_that_of_the_definition(p: Any) -> None:
    x = np.array([[3.0, -4.0, 1.5], [0.25, -0.5, 2.0]])
    for axis in (0, 1, -1):
        for keepdims in (False, True):
            expected = np.linalg.norm(x, p, axis, keepdims)
            for kind in (Tensor(x), x, x.tolist(), np.vectorize(Value, otypes=[object])(x)):
                found = autograd.norm(kind, p, axis, keepdims)
                found = np.vectorize(lambda v: getattr(v, "data", v))(getattr(found, "data", found))
                np.testing.assert_allclose(found, expected, rtol=1e-14)
    t = Tensor(x)
    length = autograd.norm(t, p, 1, True)
    length.sum().backward()
    if p is None or abs(p) < np.inf:
        ratio = np.abs(x) / length.data
        slope = np.sign(x) * ratio ** ((2 if p is None else p) - 1) if p != 0 else 0 * x
        np.testing.assert_allclose(t.grad, slope, rtol=1e-13)
    else:
        np.testing.assert_array_equal(t.grad, np.sign(x) * (np.abs(x) == length.data))


@every_order
def test_a_p_norm_has_slope_0_where_an_element_is_0_and_never_nan(p: Any) -> None:
    for numbers in ([0.0, 0.0, -0.0], [3.0, 0.0], [0.0]):
        t = Tensor(numbers)
        length = autograd.norm(t, p)
        with np.errstate(all="ignore"):
            assert length.data == pytest.approx(np.linalg.norm(numbers, p), rel=1e-15, nan_ok=True)
        (slope,) = gradients(length, [t], create_graph=True)
        positive = p is None or p > 0
        expected = [float(x > 0 and positive and p != 0) for x in numbers]
        assert slope.data.tolist() == pytest.approx(expected, rel=1e-14, abs=0.0)


@every_order
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_p_norm_scales_with_its_numbers_however_large_or_small(p: Any, dtype: Any) -> None:
    x = np.array([3.0, -4.0, 1.5], dtype)
    digits = 64 * np.finfo(dtype).eps
    expected, slopes = [], []
    for power in (0, 1000, -1000) if dtype is np.float64 else (0, 120, -120):
        t = Tensor(np.ldexp(x, power))
        length = autograd.norm(t, p)
        length.backward()
        assert (length.dtype, t.grad.dtype) == (dtype, dtype)
        expected.append(length.data if p == 0 else np.ldexp(length.data, -power))
        slopes.append(t.grad)
    for found, slope in zip(expected, slopes, strict=True):
        np.testing.assert_allclose(found, expected[0], rtol=digits)
        np.testing.assert_allclose(slope, slopes[0], rtol=digits)


def test_a_norm_keeps_infinities_and_nans_and_refuses_what_it_has_no_rule_for() -> None:
    for p in ORDERS:
        for numbers in ([np.inf, 1.0], [-np.inf, np.inf], [1.0]):
            with np.errstate(all="ignore"):
                assert autograd.norm(Tensor(numbers), p).data == np.linalg.norm(numbers, p)
        assert math.isnan(autograd.norm(Tensor([np.nan, 1.0]), p).data)
    for ord, shape in (("nuc", (2, 2)), (2, (2, 2)), ("fro", (2,)), ("x", (2,)), (1j, (2,))):
        with pytest.raises(ValueError, match=f"norm: ord={ord!r} is for vectors"):
            autograd.norm(Tensor(np.ones(shape)), ord)


def test_logsumexp_and_softmax_stay_finite() -> None:
    x = Tensor([[1000.0, 1000.0], [-np.inf, -np.inf], [1000.0, 0.0]])
    out = x.logsumexp(1)
    assert out.data.tolist() == pytest.approx([1000 + math.log(2), -np.inf, 1000.0])
    out[0].backward()
    assert x.grad[0].tolist() == [0.5, 0.5]
    (g,) = gradients(out, [x], seed=np.ones(3))
    assert g[1].tolist() == [0.0, 0.0]
    assert x.softmax(1).data[2].tolist() == [1.0, 0.0]
    assert x.log_softmax(1).data[2].tolist() == [0.0, -1000.0]


# ---- properties ----------------------------------------------------------------------------------

numbers = st.floats(-2, 2, width=32)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0), st.data()
)
def test_broadcasting_is_undone_for_any_shapes(shapes: Any, data: Any) -> None:
    x, y = (Tensor(data.draw(hnp.arrays(float, s, elements=numbers))) for s in shapes.input_shapes)
    out = x * y
    assert out.shape == shapes.result_shape
    found = gradients(out, [x, y], seed=np.ones(out.shape))
    for node, other, g in ((x, y, found[0]), (y, x, found[1])):
        full = np.broadcast_to(other.data, out.shape)
        lead = full.ndim - node.ndim
        kept = full.sum(axis=tuple(range(lead)))
        stretched = tuple(i for i, n in enumerate(node.shape) if n == 1)
        assert g.shape == node.shape
        np.testing.assert_allclose(g, kept.sum(axis=stretched, keepdims=True), atol=1e-12)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_index_reads_and_passes_back_what_numpy_reads(data: Any) -> None:
    shape = data.draw(hnp.array_shapes(max_dims=3, max_side=4))
    index = data.draw(
        hnp.basic_indices(shape, allow_newaxis=True)
        | hnp.integer_array_indices(shape)
        | hnp.arrays(bool, shape)
    )
    x = Tensor(np.arange(float(math.prod(shape))).reshape(shape))
    out = x[index]
    np.testing.assert_array_equal(out.data, x.data[index])
    (g,) = gradients(out, [x], seed=np.ones(out.shape))
    counts = np.zeros(shape)
    np.add.at(counts, index, 1.0)
    np.testing.assert_array_equal(g, counts)
