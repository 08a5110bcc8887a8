"""NumPy's own functions on Tensors, and the functions of functions on arrays."""

from __future__ import annotations

import io
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd import Tensor, grad, gradients, hessian, hvp, jacobian, jvp, value_and_grad, vjp

A = np.array([[0.3, 1.2, 0.7], [0.9, 0.4, 1.6]])
B = np.array([0.5, 1.5, 2.5])

PLAIN: dict[str, Callable[..., Any]] = {
    "ufuncs": lambda a: np.sin(a) * np.exp(-a) + np.sqrt(a) / np.log1p(a) - np.arctan2(a, 2.0),
    "powers": lambda a: np.power(a, 2.5) + np.square(a) + np.reciprocal(a) + 2**a + np.float64(3) ** a,
    "left operands": lambda a: B + (B * a - B) / a + B @ a.T @ np.ones((2, 1)),
    "max and where": lambda a: np.maximum(a, 0.8) + np.where(a > 1, a, -a) + np.clip(a, 0.5, 1.0),
    "sum": lambda a: np.sum(a, axis=0) + np.mean(a, axis=0) + np.prod(a, axis=0),
    "spread": lambda a: np.var(a, axis=1) + np.std(a, axis=1, ddof=1) + np.max(a, axis=1),
    "norm": lambda a: np.linalg.norm(a) + np.linalg.norm(a, axis=0).sum() + np.ptp(a),
    "shapes": lambda a: np.reshape(a, (3, 2)) + np.transpose(np.expand_dims(a, 0)[0]),
    "moves": lambda a: np.moveaxis(np.stack([a, a * a]), 0, -1)[..., 0] + np.swapaxes(a.T, 0, 1),
    "joins": lambda a: np.concatenate([a, B[None]]) * np.vstack([a, a[0]]) + np.hstack([a, a])[:, :3][0],
    "products": lambda a: np.einsum("ij,kj->ik", a, a) + np.dot(a, a.T) + np.tensordot(a, a, ([1], [1])),
    "outer": lambda a: np.outer(a[0], B) + np.inner(a.T, a.T) + np.trace(a[:, :2]) + np.vdot(a, a),
    "orders": lambda a: np.sort(a, axis=1) + np.flip(a, 1) + np.roll(a, 1, axis=0) + np.cumsum(a, axis=1),
    "copies": lambda a: np.tile(a, (1, 2)) + np.repeat(a, 2, axis=1) + np.pad(a, ((0, 0), (0, 3))),
    "triangles": lambda a: np.tril(a) + np.triu(a, 1) + np.diff(a, axis=1, n=2) + np.diagonal(a).sum(),
    "takes": lambda a: np.take(a, [0, 2, 2], axis=1) + np.average(a, axis=0, weights=B[:2]),
    "splits": lambda a: np.split(a, 3, axis=1)[1] * np.squeeze(a[:1]) + np.broadcast_to(B, (2, 3)),
    "reduce": lambda a: np.add.reduce(a) + np.maximum.reduce(a, axis=0) + np.add.accumulate(a[0]),
    "rounding": lambda a: np.floor(a) + np.ceil(a) + np.round(a, 1) + a % 0.37 + np.fabs(a),
}  # fmt: skip


@pytest.mark.parametrize("name", PLAIN)
def test_plain_numpy_computes_the_same_on_a_tensor_and_has_its_gradient(name: str) -> None:
    function = PLAIN[name]
    x = Tensor(A)
    out = function(x)
    np.testing.assert_allclose(out.data, function(A), rtol=1e-14)
    assert isinstance(out, Tensor)
    slope = grad(lambda a: np.sum(function(a) ** 2))(A)
    for i in np.ndindex(A.shape):
        h = np.zeros(A.shape)
        h[i] = 1e-6
        numeric = (np.sum(function(A + h) ** 2) - np.sum(function(A - h) ** 2)) / 2e-6
        assert slope[i] == pytest.approx(numeric, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (lambda t: np.trim_zeros(t), "np.trim_zeros has no rule"),
        (lambda t: np.linalg.eigvals(t), r"np.linalg.eigvals .*may be complex.*eigvalsh"),
        (lambda t: np.nextafter(t, 1), "np.nextafter has no rule"),
        (lambda t: np.fft.fft(t), "np.fft.fft has no rule"),
        (lambda t: np.multiply.reduceat(t, [0]), "np.multiply.reduceat has no rule"),
        (lambda t: np.add(t, 1, out=np.ones(2)), r"array = array \+ t"),
        (lambda t: np.sum(t, out=np.ones(())), "out="),
        (lambda t: np.sum(t, dtype=int), "np.sum .*dtype=.*float64 or float32"),
        (lambda t: np.sum(t, where=[True, False]), r"np.sum .*where=\[True, False\]"),
        (lambda t: np.ravel(t, order="F"), "np.ravel .*order='F'"),
        (lambda t: np.add(t, 1, casting="no"), "np.add .*casting='no'"),
        (lambda t: np.sin(t, where=[True, False]), "np.sin .*where="),
        (lambda t: np.repeat(t, t), "np.repeat .*repeats="),
        (lambda t: np.pad(t, 1, mode="mean"), "np.pad .*mode='mean'"),
        (lambda t: np.argmax(np.ones(2), out=t), "np.argmax .*out="),
        (lambda t: np.isnan(np.ones(2), out=t), "np.isnan .*out="),
        (lambda t: np.copyto(np.ones(2), t), "np.copyto has no rule"),
        (lambda t: np.add.at(np.ones(2), [0, 1], t), "np.add.at has no rule"),
        (lambda t: np.logical_not.at(t, [0]), "np.logical_not.at has no rule"),
        (lambda t: np.multiply.accumulate(t), "np.multiply.accumulate has no rule"),
    ],
)
def test_what_has_no_rule_says_so_and_never_drops_the_gradient(bad: Any, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        bad(Tensor([1.0, 2.0]))


def test_adding_a_tensor_into_an_array_says_what_to_write() -> None:
    array = np.ones(2)
    with pytest.raises(TypeError, match=r"write `array = array \+ t`"):
        array += Tensor([1.0, 2.0])


def test_questions_without_a_gradient_are_left_to_numpy() -> None:
    t = Tensor([3.0, 1.0]) * 1
    assert np.argmax(t) == 0
    assert np.shape(t) == (2,)
    assert np.isfinite(t).all()
    assert np.array_equal(np.less(t, 2), [False, True])
    assert np.allclose(t, [3.0, 1.0])
    assert isinstance(np.zeros_like(t), np.ndarray)
    found = np.zeros(2, bool)
    assert np.less(t, 2, out=found) is found
    assert found.tolist() == [False, True]
    assert np.argsort(t, axis=0).tolist() == np.lexsort((t,)).tolist() == [1, 0]


# ---- never cut -----------------------------------------------------------------------------------


def put_into_a_row(t: Any) -> None:
    np.zeros((2, *t.shape))[0] = t


CUTS: dict[str, Callable[[Any], Any]] = {
    "np.asarray": np.asarray,
    "np.array": lambda t: np.array(t, dtype=object),
    "a list": lambda t: np.array([t, t]),
    "a function of a list": lambda t: np.sum([t, t]),
    "a function of nested lists": lambda t: np.vstack([[t, t], np.ones(2)]),
    "a record": lambda t: np.full(3, t),
    "an initial value": lambda t: np.sum([1.0, 2.0], initial=t),
    "masks": np.ma.array,
    "r_": lambda t: np.r_[t, t],
    "a scalar type": np.float64,
    "an assignment": put_into_a_row,
    "an index": lambda t: np.zeros(9)[t],
    "dot": lambda t: np.ones(t.shape).dot(t),
    "searchsorted": lambda t: np.ones(3).searchsorted(t),
    "random numbers": np.random.default_rng(0).normal,
    "vectorize": np.vectorize(lambda x: x),
    "broadcast": lambda t: np.broadcast(t, t),
    "strides": lambda t: np.lib.stride_tricks.as_strided(t, (2,)),
    "float": float,
    "int": int,
    "complex": complex,
    "index": operator.index,
    "range": lambda t: [1.0, 2.0][t],
    "math": math.exp,
    "fill": lambda t: np.ones(2).fill(t),
    "memoryview": memoryview,
    "frombuffer": np.frombuffer,
    "save": lambda t: np.save(io.BytesIO(), t),
    "assert_allclose": lambda t: np.testing.assert_allclose(t, t.data),
}


@pytest.mark.parametrize("cut", CUTS)
def test_no_tensor_turns_into_plain_numbers_by_itself(cut: str) -> None:
    leaf = Tensor([0.5, 0.25])
    for t in (leaf, leaf * 1, Tensor(0.5), Tensor([[0.5]], label="w"), leaf.astype(np.float32)):
        with pytest.raises((TypeError, ValueError)) as caught:
            CUTS[cut](t)
        error: BaseException = caught.value.__cause__ or caught.value  # NumPy wraps some of ours
        if cut not in ("memoryview", "frombuffer"):  # which are Python's own words
            assert ".data" in str(error)


def test_the_error_names_what_keeps_the_gradient() -> None:
    with pytest.raises(TypeError, match=r"t\.data .*stack\(tensors\).*cat\(tensors\)"):
        np.sum([Tensor([1.0]), Tensor([2.0])])


def test_functions_of_scipy_are_computed_with_their_gradient_or_refused() -> None:
    special = pytest.importorskip("scipy.special")
    t = Tensor([0.5, 0.25])
    assert np.array_equal(special.expit(t).data, t.sigmoid().data)
    assert np.array_equal(special.gammaln(t).data, t.gammaln().data)
    for function in (special.logsumexp, special.softmax, special.spence):
        with pytest.raises(TypeError, match=r"\.data"):
            function(t)


def test_iterating_still_gives_tensors() -> None:
    t = Tensor([1.0, 2.0])
    sum(x * x for x in t).backward()
    assert t.grad.tolist() == [2.0, 4.0]
    assert all(isinstance(x, Tensor) for x in [*t])


# ---- told apart ----------------------------------------------------------------------------------

STACK = np.arange(18.0).reshape(2, 3, 3) ** 1.5


@pytest.mark.parametrize(
    "function",
    [
        lambda m: np.sort(m, axis=None),
        lambda m: np.concatenate([m, m], axis=None),
        lambda m: np.add.reduce(m, axis=None),
        lambda m: np.add.reduce(m, None, None, None, True),
        lambda m: np.sum(m, 0, float),
        lambda m: np.mean(m, 0, np.float32),
        np.trace,
        np.diagonal,
        *[
            getattr(np.linalg, name)
            for name in ("trace", "diagonal", "vector_norm", "matrix_norm", "matrix_transpose")
            if hasattr(np.linalg, name)
        ],
        lambda m: np.multiply.outer(np.ones(4), m),
        lambda m: np.subtract.outer(m, m[0]),
        lambda m: np.maximum.outer(m[0, 0], 5.0),
        lambda m: np.outer(np.ones(4), m),
        lambda m: np.full_like(m, m.sum()),
        lambda m: np.full_like(m, m[0, 0], shape=(2, 3), dtype=np.float32),
        lambda m: np.clip(m, None, 3.0) + np.clip(m, 2.0, None),
        lambda m: np.average(np.ones((2, 3, 3)), axis=2, weights=m),
        lambda m: np.where(m > 2.0, [m[0], m[1]], -m),
        lambda m: np.diag(m[0, 0], 1) + np.pad(np.diag(m[0]), (0, 1))[:, None],
        lambda m: np.take(m, [0, 4, -1], axis=1, mode="clip"),
        lambda m: np.trace(m, 1, 2, 0),
        lambda m: np.pad(m, 2, mode="reflect"),
    ],
)
def test_what_numpy_means_by_a_name_and_its_arguments_is_what_is_computed(function: Any) -> None:
    t = Tensor(STACK)
    out, expected = function(t), function(STACK)
    assert isinstance(out, Tensor)
    assert out.dtype == np.asarray(expected).dtype
    np.testing.assert_allclose(out.data, expected, rtol=1e-6)
    way = np.sin(STACK)
    there, back = (function(STACK + h * way).astype(float) for h in (1e-4, -1e-4))
    slope = np.sum(grad(lambda a: function(a).sum())(STACK) * way)
    assert slope == pytest.approx(((there - back) / 2e-4).sum(), rel=1e-3, abs=0.1)


def test_rounding_is_numpys_own() -> None:
    x = np.array([0.65, 2.675, -0.5, 1.5, 150.0, 250.0, np.inf])
    for decimals in (-2, -1, 0, 1, 2):
        assert np.round(Tensor(x), decimals).data.tolist() == np.round(x, decimals).tolist()


@pytest.mark.parametrize("axes", [1, ([0], [1]), ([-1], [0])])
def test_sizes_that_differ_are_an_error_where_numpy_would_not_broadcast(axes: Any) -> None:
    with pytest.raises(ValueError, match="tensordot"):
        np.tensordot(Tensor(np.ones((1, 1))), np.ones((3, 3)), axes)
    with pytest.raises(ValueError, match="matmul"):
        np.vdot(Tensor(np.ones(1)), np.ones(3))


# ---- functions of functions ----------------------------------------------------------------------


def bowl(x: Any) -> Any:
    return np.sum(np.sin(x) * x**2)


def test_grad_hessian_and_their_products_on_plain_numpy() -> None:
    first = np.cos(B) * B**2 + 2 * B * np.sin(B)
    second = np.diag(4 * B * np.cos(B) - B**2 * np.sin(B) + 2 * np.sin(B))
    np.testing.assert_allclose(grad(bowl)(B), first)
    np.testing.assert_allclose(hessian(bowl)(B), second, atol=1e-14)
    np.testing.assert_allclose(hvp(bowl)(B, B), second @ B)
    value, slope = value_and_grad(bowl)(B)
    assert value == bowl(B)
    assert type(slope) is np.ndarray


def test_jacobians_have_the_shape_of_the_result_and_then_of_the_argument() -> None:
    def f(a: Any) -> Any:
        return np.tanh(a @ B)

    j = jacobian(f)(A)
    assert j.shape == (2, 2, 3)
    v, u = np.cos(A), np.array([2.0, -1.0])
    np.testing.assert_allclose(jvp(f)(A, v), np.tensordot(j, v, 2))
    np.testing.assert_allclose(vjp(f)(A, u), np.tensordot(u, j, 1))
    assert jacobian(lambda a: a[:0])(B).shape == (0, 3)


def test_answers_have_the_structure_of_the_arguments() -> None:
    def loss(p: Any, scale: Any) -> Any:
        return np.sum((p["w"] @ B) ** 2) * scale["s"].sum() + np.sum(p["b"][0])

    answer, other = grad(loss, (0, 1))({"w": A, "b": [B]}, {"s": np.array(2.0)})
    np.testing.assert_allclose(answer["w"], 4 * np.outer(A @ B, B))
    np.testing.assert_array_equal(answer["b"][0], np.ones(3))
    assert other["s"].shape == ()


def test_flat_and_linear_functions_have_zeros_of_the_right_shape() -> None:
    assert grad(lambda x: 3.0)(B).tolist() == [0.0, 0.0, 0.0]
    assert hessian(lambda x: np.sum(2 * x))(B).tolist() == [[0.0] * 3] * 3


def test_nested_calls_do_not_mistake_one_anothers_variables() -> None:
    x = np.array([1.0, 2.0])
    inner = grad(lambda x: np.sum(x * grad(lambda y: np.sum(x + y))(x)))(x)
    assert inner.tolist() == [1.0, 1.0]
    assert grad(lambda x: np.sum(grad(lambda y: np.sum(x * y**2))(x)))(x).tolist() == [4.0, 8.0]


def test_an_array_that_is_cut_out_inside_grad_is_an_error() -> None:
    with pytest.raises(TypeError, match="cut the graph"):
        grad(lambda x: float(np.asarray(x).sum()))(B)


def test_where_hands_nothing_to_the_branch_not_taken_at_any_order() -> None:
    x = Tensor([0.0, 4.0])
    out = np.where(x > 0, np.sqrt(x), 0.0).sum()
    (g,) = gradients(out, [x], create_graph=True)
    assert g.data.tolist() == [0.0, 0.25]
    assert gradients(g.sum(), [x])[0].tolist() == [0.0, -1 / 32]
    assert type(gradients(out, [x])[0]) is np.ndarray
