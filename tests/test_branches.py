"""A branch that `where` does not take hands on nothing, at any order, whatever lies beneath it.

A path is taken away by a condition and by nothing else: a gradient that happens to be 0 still has
derivatives of its own. The reference has no `where` at all: the same function times a mask of 0
and 1, at a point where every slope is finite.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import Tensor, Value, grad, gradients, hessian, hvp, jacobian, jvp, trace, vjp
from autograd.arrays import operations
from autograd.arrays.libraries import library_of
from autograd.arrays.rules import TABLE

pytestmark = pytest.mark.slow

W = np.random.default_rng(0).uniform(0.5, 1.5, (4, 4))
X = np.array(
    [[0.0, 0.7, 0.9, 1.2], [0.5, 1.1, 0.3, 0.8], [0.6, 0.4, 1.3, 1.0], [0.2, 0.9, 0.7, 1.4]]
)

STEEP: dict[str, Callable[[Any], Any]] = {
    "sqrt": autograd.sqrt, "log": autograd.log, "1/x": lambda x: 1.0 / x,
    "x**1.5": lambda x: x**1.5, "x**2.5": lambda x: x**2.5, "cbrt": autograd.cbrt,
    "x/x": lambda x: x / x + x, "atan2": lambda x: autograd.atan2(x, x * x),
    "acosh": lambda x: autograd.acosh(1.0 + x), "floor of sqrt": lambda x: x.sqrt().floor() + x,
}  # fmt: skip
ROWS: dict[str, Callable[[Any], Any]] = {
    "sum": lambda h: h.sum(axis=1),
    "mean": lambda h: h.mean(axis=0, keepdims=True),
    "var": lambda h: h.var(axis=1),
    "std": lambda h: h.std(axis=1),
    "max": lambda h: h.max(axis=1),
    "min": lambda h: h.min(axis=0),
    "prod": lambda h: h.prod(axis=1),
    "norm": lambda h: autograd.norm(h, axis=1),
    "logsumexp": lambda h: h.logsumexp(axis=1),
    "softmax": lambda h: h.softmax(axis=0),
    "log_softmax": lambda h: h.log_softmax(axis=1),
    "cumsum": lambda h: h.cumsum(axis=1),
    "flip": lambda h: operations.flip(h, axis=1),
    "reshape": lambda h: h.reshape(2, 8),
    "transpose": lambda h: h.T,
    "broadcast_to": lambda h: h[:, None, :].broadcast_to((4, 3, 4)),
    "stretched by an operator": lambda h: h[:, None, :] * W[:3],
    "astype": lambda h: h.astype("float32").astype("float64"),
    "getitem": lambda h: h[[0, 2, 2], 1:],
    "pad": lambda h: autograd.pad(h, 1),
    "elements": lambda h: autograd.stack_values(h.values()),
    "windows": lambda h: operations.windows(h, size=(2, 2), stride=(1, 1), dilation=(1, 1)),
    "matmul": lambda h: h @ W,
    "matmul from the right": lambda h: W[:2] @ h,
    "matmul of a vector": lambda h: h @ W[0],
    "matmul of two": lambda h: h @ (h[1] * 2.0),
    "matmul of stacks": lambda h: h @ autograd.stack([h[1:2].T, h[2:3].T]),
    "einsum": lambda h: autograd.einsum("ij,jk->ki", h, W),
    "einsum of two": lambda h: autograd.einsum("ij,kj->ik", h, h[1:]),
    "cat": lambda h: autograd.cat([h, h[1:] * 2.0], axis=0),
    "stack": lambda h: autograd.stack([h, 3.0 * h], axis=1),
    **{
        f"{name} of a stack": lambda h, f=function: f(
            autograd.stack([h[1:, 1:], h[:3, 1:]]) + 2 * W[1:, 1:]
        )
        for name, function in {
            "inv": np.linalg.inv, "pinv": np.linalg.pinv, "det": np.linalg.det,
            "slogdet": lambda x: np.linalg.slogdet(x)[1] * np.linalg.slogdet(x)[0],
            "cholesky": lambda x: np.linalg.cholesky(x @ x.swapaxes(-1, -2)),
            "solve": lambda x: np.linalg.solve(x, x[:, ::-1] ** 2),
            "qr": lambda x: np.linalg.qr(x)[0],
            "eigh": lambda x: np.linalg.eigh(x)[1] + np.linalg.eigvalsh(x)[:, None],
            "svd": lambda x: np.linalg.svd(x)[2] + np.linalg.svd(x, compute_uv=False)[:, None],
        }.items()
    },
    **{
        f"{name} of which one is steep": lambda h, f=function: (
            f(a := autograd.stack([h + W, h[1] + 9 * np.eye(4)]))
            + 0.0 * np.linalg.det(a)[:, None, None]
        )  # LAPACK's inverse of a nan is not nan everywhere
        for name, function in {
            "inverses": np.linalg.inv, "determinants": lambda a: np.linalg.det(a)[:, None, None],
            "equations": lambda a: np.linalg.solve(a, a[:, ::-1, 1:] * a[1, 2, 0]),
        }.items()
    },
    "elementwise": lambda h: (h * h[1] + 1.0).exp(),
    "a sum of lists": lambda h: autograd.sum([h, h[2], 1.0]),
}  # fmt: skip


def masked(row: Callable[[Any], Any], inner: Callable[[Any], Any]) -> Any:
    """Which elements of row(inner(X)) do not depend on the one where inner is steep."""
    unknown = X.copy()
    unknown[0, 0] = np.nan
    return ~np.isnan(row(inner(Tensor(unknown))).data)


def derivatives(f: Callable[[Any], Any], at: Any, orders: int = 3) -> list[Any]:
    """f' and, of sums of it with unlike weights, f'' and f'''."""
    x = Tensor(at)
    out, found = f(x), []
    for _ in range(orders):
        (g,) = gradients(out, [x], create_graph=True)
        found.append(g.data)
        out = (g * np.cos(np.arange(g.size)).reshape(g.shape)).sum()
    return found


def same(found: Any, right: Any) -> None:
    for order, (a, b) in enumerate(zip(found, right, strict=True), 1):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6, err_msg=f"order {order}")


PAIRS = {
    **{(row, "sqrt"): 0 for row in ROWS},
    **{(row, steep): 0 for row in ("matmul of two", "softmax", "elementwise") for steep in STEEP},
}


@pytest.mark.parametrize(("row", "steep"), PAIRS)
def test_nothing_comes_through_a_row_to_a_branch_not_taken(row: str, steep: str) -> None:
    made, inner = ROWS[row], STEEP[steep]
    taken = masked(made, inner)
    benign = X.copy()
    benign[0, 0] = 1.0

    def branched(x: Any) -> Any:
        out = autograd.where(taken, made(inner(x)), 0.0)
        return (out * out * out).sum()

    def multiplied(x: Any) -> Any:
        out = made(inner(x)) * taken
        return (out * out * out).sum()

    right = derivatives(multiplied, benign)
    assert all(g[0, 0] == 0.0 for g in right)
    same(derivatives(branched, X), right)
    leaf = Tensor(X)
    branched(leaf).backward()
    same([leaf.grad], right[:1])


def test_every_row_of_arrays_stands_under_a_where_here() -> None:
    seen: set[str] = set()
    for row in ROWS.values():
        seen |= {node.op for node in autograd.core.graph.nodes(row(Tensor(X)))}
    assert set(TABLE) - seen <= {
        "ties",
        "scatter",
        "fold",
        "det_slope",
        "over_gaps",
    }  # which are the slopes of others


@pytest.mark.parametrize("row", ROWS)
def test_a_gradient_that_happens_to_be_0_still_has_derivatives(row: str) -> None:
    """The squared distance of the taken branch from where it is: its gradient is 0."""
    x = X + 0.1
    made = ROWS[row]
    target = made(Tensor(x)).data
    taken = np.arange(target.size).reshape(target.shape) % 3 > 0

    def branched(a: Any) -> Any:
        out = autograd.where(taken, made(a), 0.0) - target * taken
        return (out * out * (1.0 + out)).sum()

    def multiplied(a: Any) -> Any:
        out = (made(a) - target) * taken
        return (out * out * (1.0 + out)).sum()

    right = derivatives(multiplied, x)
    assert np.abs(right[0]).max() < 1e-9
    assert row == "elements" or np.abs(right[1]).max() > 1e-3
    same(derivatives(branched, x), right)


def test_a_vanishing_gradient_is_differentiated_as_by_values() -> None:
    def loss(a: Any) -> Any:
        out = autograd.where(a > 0, autograd.sin(a), 0.0) - np.sin(1.0)
        return out * out

    right = 2 * np.cos(1.0) ** 2
    a = np.array([1.0])
    assert hessian(lambda v: loss(v[0]))([1.0])[0][0] == pytest.approx(right)
    assert hessian(lambda a: loss(a).sum())(a) == pytest.approx(np.array([[right]]))
    assert hvp(lambda a: loss(a).sum())(a, np.array([2.0])) == pytest.approx(np.array([2 * right]))
    third = grad(grad(grad(lambda x: loss(x))))(1.0)
    found = derivatives(lambda x: loss(x).sum(), a)[2]
    assert found == pytest.approx(np.array([third]))


def test_both_branches_are_in_jvp_vjp_and_jacobian() -> None:
    def f(a: Any) -> Any:
        return np.where(a > 2, a * a, -a)

    a = np.array([1.0, 3.0])
    assert jvp(f)(a, np.array([1.0, 10.0])).tolist() == [-1.0, 60.0]
    assert jvp(lambda a: f(a).sum())(a, np.array([1.0, 10.0])) == 59.0
    assert vjp(f)(a, np.zeros(2)).tolist() == [0.0, 0.0]
    assert vjp(f)(a, np.array([0.0, 1.0])).tolist() == [0.0, 6.0]
    assert jacobian(f)(a).tolist() == [[-1.0, 0.0], [0.0, 6.0]]
    seed = Tensor(np.zeros(2))
    x = Tensor(a)
    (g,) = gradients(f(x), [x], seed=seed, create_graph=True)
    assert gradients(g.sum(), [seed])[0].tolist() == [-1.0, 6.0]


def test_an_element_on_a_branch_taken_elsewhere_has_a_path() -> None:
    """It meets the branch not taken before that or after it: the infinite slope counts."""
    for order in (1, -1):
        for create_graph in (False, True):
            x = Tensor([0.0, 4.0])
            h = x.sqrt()
            parts = [lambda h=h, x=x: autograd.where(x > 0, h, 0.0), lambda h=h: h * 1.0]
            out = sum(part() for part in parts[::order])
            (g,) = gradients(out.sum(), [x], create_graph=create_graph)
            assert np.asarray(getattr(g, "data", g)).tolist() == [np.inf, 0.5]


def test_both_branches_not_taken_by_two_wheres_take_the_path_away() -> None:
    x = Tensor([0.0, 4.0, 9.0])
    h = x.sqrt()
    out = autograd.where(x > 0, h, 0.0) + autograd.where(x > 5, h, x) + autograd.where(x, 0.0, 1.0)
    assert gradients(out.sum(), [x])[0].tolist() == [1.0, 1.25, 1 / 3]
    nested = autograd.where(x > 0, autograd.where(x < 5, h, 2.0 * h), -x)
    assert gradients(nested.sum(), [x])[0].tolist() == [-1.0, 0.25, 1 / 3]


def test_a_flat_slope_hands_on_no_path_either() -> None:
    x = Tensor([0.0, 4.0])
    for flat in (autograd.floor, autograd.sign, autograd.step, autograd.round):
        out = autograd.where(x > 0, flat(x.sqrt()), x)
        assert gradients(out.sum(), [x])[0].tolist() == [1.0, 0.0]


def test_a_value_on_the_branch_not_taken_is_handed_nothing() -> None:
    a, b = Value(0.0), Value(4.0)
    root = a.sqrt()
    x = autograd.stack_values([root, b.sqrt()])
    out = autograd.where(np.array([False, True]), x, 0.0).sum()
    assert gradients(out, [a, b]) == [0.0, 0.25]
    first = gradients(out, [a, b], create_graph=True)
    assert [g.data for g in first] == [0.0, 0.25]
    assert gradients(first[1], [a, b]) == [0.0, -1 / 32]
    out.backward()
    assert (a.grad, b.grad) == (0.0, 0.25)
    assert autograd.core.graph.gradient_or_none(root) is None


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_on_a_branch_not_taken_spoils_no_weight(bad: float) -> None:
    data = X.copy()
    data[0] = bad  # a row that is only there to fill up
    taken = np.arange(4)[:, None] > 0
    for product in (
        lambda x, w: x @ w,
        lambda x, w: autograd.einsum("ij,jk->ik", x, w),
        lambda x, w: (x[None] @ w)[0],
        lambda x, w: x * w[0],
        lambda x, w: x / w[1],
    ):
        for given in (lambda x: x, Tensor):
            w, right = Tensor(W), Tensor(W)
            loss = (autograd.where(taken, product(given(data), w), 0.0) ** 2).sum()
            wanted = (product(Tensor(np.where(taken, data, 1.0)), right) * taken) ** 2
            same(gradients(loss, [w]), gradients(wanted.sum(), [right]))
            (g,) = gradients(loss, [w], create_graph=True)
            (r,) = gradients(wanted.sum(), [right], create_graph=True)
            same(gradients((g * g).sum(), [w]), gradients((r * r).sum(), [right]))


def test_a_deviation_that_is_0_over_0_on_a_branch_not_taken_hands_back_nothing() -> None:
    x = Tensor([[1.0], [2.0]])
    out = autograd.where(np.array([False, False]), x.std(axis=1, ddof=1), x[:, 0])
    assert gradients(out.sum(), [x])[0].tolist() == [[1.0], [1.0]]


def test_gradients_are_plain_arrays_and_tensors_wherever_they_are_seen() -> None:
    x = Tensor([0.0, 4.0])
    h = x.sqrt()
    out = autograd.where(x > 0, h, 0.0).sum()
    assert [type(g) for g in gradients(out, [x, h])] == [np.ndarray] * 2
    assert [type(g) for g in gradients(out, [x, h], create_graph=True)] == [Tensor] * 2
    for frame in trace(out):
        assert isinstance(frame.g, (np.ndarray, np.floating))
        for share in frame.shares:
            assert type(share.amount) is type(share.after) is np.ndarray
    out.backward()
    for again in (out, copy.deepcopy(out), pickle.loads(pickle.dumps(out))):
        seen = autograd.core.graph.nodes(again)
        assert {type(node.grad) for node in seen} == {np.ndarray}
        (middle,) = (node for node in seen if node.op == "sqrt")
        assert middle.grad.tolist() == [0.0, 1.0]
    assert autograd.explain(out, x).norm == 0.25
    with autograd.detect_anomaly():
        again = autograd.where(x > 0, x.sqrt(), 0.0).sum()
        (g,) = gradients(again, [x], create_graph=True)
        assert gradients(g.sum(), [x])[0].tolist() == [0.0, -1 / 32]
    autograd.check_graph(out)


@pytest.mark.parametrize("name", ["numpy", "array_api_strict", "dask.array"])
def test_other_libraries_take_paths_away_alike(name: str) -> None:
    pytest.importorskip("array_api_compat")
    library = pytest.importorskip(name)
    x = Tensor(library.asarray(np.array([[0.0, 4.0], [1.0, 9.0]])))

    def plain(g: Any) -> Any:
        g = g.data if isinstance(g, Tensor) else g
        with np.errstate(all="ignore"):  # Dask computes now
            return np.asarray(library_of(g).on_host(g))

    h = x.sqrt()
    mask = x.data > 0
    later = autograd.where(mask, h.T.T.reshape(4).reshape(2, 2) * 2.0, 0.0)
    mixed = autograd.where(mask[1:, 1:], h[1:] @ h[1:].T, 0.0)
    out = mixed.sum() + later.sum() + autograd.where(mask, h, x).sum()
    right = np.array([[1.0, 0.75], [1.5 + 1.0, 0.5 + 1.0]])
    (g,) = gradients(out, [x], create_graph=True)
    np.testing.assert_allclose(plain(gradients(out, [x])[0]), right)
    np.testing.assert_allclose(plain(g), right)
    second = gradients(g.sum(), [x])[0]
    np.testing.assert_allclose(plain(second), [[0.0, -3 / 32], [-3 / 4, -3 / 108]], atol=1e-12)
