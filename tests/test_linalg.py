"""NumPy's linear algebra on Tensors: NumPy's values, and the slopes of differences, twice over."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd
from autograd import (
    Tensor,
    Value,
    check_graph,
    draw,
    explain,
    gradcheck,
    gradients,
    hessian,
    jacobian,
    jvp,
    trace,
    vjp,
)
from autograd.arrays.linalg import RULES
from autograd.arrays.matrix_rules import OWN_AXES, TABLE

LA: Any = np.linalg
Case = tuple[Callable[..., Any], list[Any]]


def numbers(*shape: int) -> Any:
    return np.random.default_rng(sum(shape) + 7 * len(shape)).normal(size=shape)


def square(n: int, *lead: int) -> Any:
    """Matrices whose eigenvalues and singular values are apart."""
    return numbers(*lead, n, n) * 0.2 + np.diag(np.arange(1.0, n + 1))


def positive(n: int, *lead: int) -> Any:
    x = square(n, *lead)
    return x @ x.swapaxes(-1, -2)


def nth(function: Callable[..., Any], i: int, **named: Any) -> Callable[..., Any]:
    return lambda *xs: function(*xs, **named)[i]


def cases(*lead: int) -> dict[str, Case]:
    """Every function and parameter, on stacks of matrices of this shape."""
    tall, wide = numbers(*lead, 4, 3), numbers(*lead, 2, 4)
    nearly = square(3, *lead) @ np.diag([3.0, 2.0, 0.4])
    found: dict[str, Case] = {
        "linalg.solve": (LA.solve, [square(3, *lead), numbers(*lead, 3, 2)]),
        "linalg.solve of a vector": (LA.solve, [square(3, *lead), numbers(3)]),
        "linalg.solve broadcasts": (LA.solve, [square(3), numbers(*lead, 3, 2)]),
        "linalg.solve broadcasts the matrix": (LA.solve, [square(3, *lead), numbers(3, 1)]),
        "linalg.inv": (LA.inv, [square(3, *lead)]),
        "linalg.pinv": (LA.pinv, [tall]),
        "linalg.pinv, wide": (LA.pinv, [wide]),
        "linalg.pinv, hermitian": (lambda x: LA.pinv(x, hermitian=True), [square(3, *lead)]),
        "linalg.pinv, rcond": (lambda x: LA.pinv(x, rcond=1e-9), [tall]),
        "linalg.pinv that drops": (lambda x: LA.pinv(x, rcond=0.35), [nearly]),
        "linalg.matrix_power": (lambda x: LA.matrix_power(x, 5), [square(3, *lead)]),
        "linalg.matrix_power of 1": (lambda x: LA.matrix_power(x, 1), [square(3, *lead)]),
        "linalg.matrix_power of 0": (lambda x: LA.matrix_power(x, 0) + x, [square(3, *lead)]),
        "linalg.matrix_power below 0": (lambda x: LA.matrix_power(x, -3), [square(3, *lead)]),
        "linalg.det": (LA.det, [numbers(*lead, 4, 4)]),
        "linalg.det of 1 by 1": (LA.det, [numbers(*lead, 1, 1)]),
        "linalg.slogdet": (nth(LA.slogdet, 1), [-square(3, *lead)]),
        "linalg.cholesky": (LA.cholesky, [positive(3, *lead)]),
        "linalg.cholesky, one triangle": (LA.cholesky, [square(3, *lead)]),
        "linalg.qr": (nth(LA.qr, 0), [tall]),
        "linalg.qr, r": (nth(LA.qr, 1), [tall]),
        "linalg.qr, wide": (nth(LA.qr, 1), [wide]),
        "linalg.qr, mode": (lambda x: LA.qr(x, mode="r"), [square(3, *lead)]),
        "linalg.qr, complete": (nth(LA.qr, 0, mode="complete"), [square(3, *lead)]),
        "linalg.eigvalsh": (LA.eigvalsh, [square(3, *lead)]),
        "linalg.eigvalsh, UPLO": (lambda x: LA.eigvalsh(x, UPLO="u"), [square(3, *lead)]),
        "linalg.eigh": (nth(LA.eigh, 1), [square(3, *lead)]),
        "linalg.eigh, UPLO": (lambda x: LA.eigh(x, "U")[1], [square(3, *lead)]),
        "linalg.svd": (nth(LA.svd, 0), [square(3, *lead)]),
        "linalg.svd, tall": (nth(LA.svd, 0, full_matrices=False), [tall]),
        "linalg.svd, tall, right": (nth(LA.svd, 2, full_matrices=False), [tall]),
        "linalg.svd, wide": (nth(LA.svd, 0, full_matrices=False), [wide]),
        "linalg.svd, wide, right": (nth(LA.svd, 2, full_matrices=False), [wide]),
        "linalg.svd, values": (lambda x: LA.svd(x, compute_uv=False), [tall]),
        "linalg.svd, hermitian": (nth(LA.svd, 2, hermitian=True), [-square(3, *lead)]),
        "linalg.svd, hermitian, values": (nth(LA.svd, 1, hermitian=True), [-square(3, *lead)]),
        "linalg.cond": (LA.cond, [tall]),
        **{f"linalg.cond, {p}": (lambda x, p=p: LA.cond(x, p), [square(3, *lead)])
           for p in (2, -2, "fro", 1, -1, np.inf, -np.inf, "nuc")},
        **{f"linalg.norm, {p}": (lambda x, p=p: LA.norm(x, p, axis=(-1, -2)), [tall])
           for p in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)},
        "linalg.norm, keepdims": (lambda x: LA.norm(x, "nuc", (0, -1), keepdims=True), [tall]),
        "linalg.norm of vectors": (lambda x: LA.norm(x, 3, -1, keepdims=True), [tall]),
        "cross": (np.cross, [tall, numbers(3)]),
        "cross, axes": (
            lambda x, y: np.cross(x, y, axisa=-2, axisc=0), [numbers(*lead, 3, 4), numbers(4, 3)]
        ),
        "cross, axis": (lambda x, y: np.cross(x, y, axis=-2), [numbers(*lead, 3, 4)] * 2),
    }  # fmt: skip
    if not lead:
        found |= {
            "linalg.lstsq": (nth(LA.lstsq, 0, rcond=None), [tall, numbers(4, 2)]),
            "linalg.lstsq, residuals": (nth(LA.lstsq, 1, rcond=None), [tall, numbers(4)]),
            "linalg.lstsq, values": (nth(LA.lstsq, 3, rcond=-1), [tall, numbers(4)]),
            "linalg.lstsq, wide": (nth(LA.lstsq, 0, rcond=1e-9), [wide, numbers(2)]),
            "linalg.multi_dot": (
                lambda *xs: LA.multi_dot(xs), [numbers(2, 3), numbers(3, 4), numbers(4, 2)]
            ),
            "linalg.multi_dot of vectors": (
                lambda *xs: LA.multi_dot(xs), [numbers(3), numbers(3, 4), numbers(4)]
            ),
            "linalg.multi_dot to a vector": (
                lambda *xs: LA.multi_dot(xs), [numbers(2, 3), numbers(3, 4), numbers(4)]
            ),
            "linalg.tensorsolve": (LA.tensorsolve, [numbers(2, 3, 6), numbers(2, 3)]),
            "linalg.tensorsolve, axes": (
                lambda a, b: LA.tensorsolve(a, b, axes=(1,)), [numbers(2, 6, 3), numbers(2, 3)]
            ),
            "linalg.tensorinv": (LA.tensorinv, [numbers(2, 3, 6)]),
            "linalg.tensorinv, ind": (lambda a: LA.tensorinv(a, ind=1), [numbers(6, 2, 3)]),
        }  # fmt: skip
    if hasattr(LA, "svdvals"):  # NumPy 2
        found |= {
            "linalg.svdvals": (LA.svdvals, [wide]),
            "linalg.matrix_norm": (lambda x: LA.matrix_norm(x, ord="nuc", keepdims=True), [tall]),
            "linalg.cholesky, upper": (lambda x: LA.cholesky(x, upper=True), [square(3, *lead)]),
            "linalg.pinv, rtol": (lambda x: LA.pinv(x, rtol=0.35), [nearly]),
            "linalg.cross": (lambda x, y: LA.cross(x, y, axis=-2), [numbers(*lead, 3, 4)] * 2),
            "linalg.vecdot": (lambda x, y: LA.vecdot(x, y, axis=-1), [tall, numbers(3)]),
            "linalg.diagonal": (lambda x: LA.diagonal(x, offset=1), [tall]),
            "linalg.trace": (lambda x: LA.trace(x, offset=-1), [tall]),
            "linalg.matmul": (LA.matmul, [wide, tall]),
        }
    return found


CASES = {f"{name}, {lead}": case for lead in ((), (2, 1)) for name, case in cases(*lead).items()}
every_case = pytest.mark.parametrize("case", CASES)


def test_every_rule_and_every_row_has_a_case() -> None:
    names = {name.split(",")[0].split(" ")[0] for name in CASES}
    apart = {"linalg.matrix_rank", "linalg.eig", "linalg.eigvals", "roots"}  # are tested below
    if not hasattr(LA, "svdvals"):
        apart |= {"linalg.svdvals", "linalg.matrix_norm", "linalg.cross", "linalg.vecdot"}
    assert set(RULES) - names == apart
    assert set(OWN_AXES) == set(TABLE)


def weighted(out: Any) -> Any:
    """One number from an array, to which no two elements contribute alike."""
    return (out * np.cos(np.arange(out.size) + 0.5).reshape(out.shape)).sum()


def along(function: Callable[..., Any], arrays: list[Any], ways: list[Any]) -> float:
    """The slope of a function along a direction, by Richardson's extrapolation."""

    def central(h: float) -> float:
        there, back = ([a + s * w for a, w in zip(arrays, ways, strict=True)] for s in (h, -h))
        return (function(*there) - function(*back)) / (2 * h)

    return (4 * central(5e-4) - central(1e-3)) / 3


@every_case
def test_values_are_numpys_and_two_derivatives_are_those_of_differences(case: str) -> None:
    function, arrays = CASES[case]
    xs = [Tensor(a) for a in arrays]
    out, expected = function(*xs), function(*arrays)
    assert isinstance(out, Tensor)
    assert (out.shape, out.dtype) == (np.shape(expected), np.result_type(expected))
    np.testing.assert_allclose(out.data, expected, rtol=1e-12, atol=1e-12)
    ways = [np.sin(1.0 + np.arange(a.size)).reshape(a.shape) for a in arrays]

    def slope(xs: list[Any]) -> Any:
        gs = gradients(weighted(function(*xs)), xs, create_graph=True)
        return autograd.sum([(g * w).sum() for g, w in zip(gs, ways, strict=True)])

    first = slope(xs)
    numeric = along(lambda *a: float(weighted(np.asarray(function(*a)))), arrays, ways)
    assert first.data == pytest.approx(numeric, rel=1e-6, abs=1e-6)
    second = sum(np.sum(g * w) for g, w in zip(gradients(first, xs), ways, strict=True))
    numeric = along(lambda *a: float(slope([Tensor(x) for x in a]).data), arrays, ways)
    assert second == pytest.approx(numeric, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("case", [case for case in CASES if case.endswith("()")])
def test_single_precision_stays_single(case: str) -> None:
    function, arrays = CASES[case]
    xs = [Tensor(a.astype(np.float32)) for a in arrays]
    out = function(*xs)
    expected = function(*[x.data for x in xs])
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.data, expected, rtol=2e-4, atol=2e-4)
    for g, x in zip(gradients(weighted(out), xs), xs, strict=True):
        assert (g.dtype, g.shape) == (np.float32, x.shape)


@pytest.mark.parametrize("name", ["slogdet", "qr", "eigh", "svd"])
def test_several_results_come_in_numpys_own_type(name: str) -> None:
    x = positive(3)
    expected, found = getattr(LA, name)(x), getattr(LA, name)(Tensor(x))
    assert type(found) is type(expected)
    for a, b in zip(found, expected, strict=True):
        assert isinstance(a, Tensor)
        np.testing.assert_allclose(a.data, b, rtol=1e-12, atol=1e-14)
    found, expected = LA.lstsq(Tensor(x), x[0], None), LA.lstsq(x, x[0], None)
    assert found[2] == expected[2] == 3
    assert found[1].shape == expected[1].shape == (0,)


# ---- closed forms --------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_gradients_have_their_closed_forms(n: int) -> None:
    x = square(n, 2)
    inverse = LA.inv(x).swapaxes(-1, -2)
    close = np.testing.assert_allclose
    grad = autograd.grad
    close(grad(lambda a: LA.slogdet(a)[1].sum())(x), inverse, rtol=1e-11, atol=1e-13)
    close(grad(lambda a: LA.det(a).sum())(x), LA.det(x)[:, None, None] * inverse, rtol=1e-9)
    slope = grad(lambda a: np.trace(LA.inv(a), axis1=1, axis2=2).sum())(x)
    close(slope, -inverse @ inverse, rtol=1e-9, atol=1e-12)
    u, _, vh = LA.svd(x)
    close(grad(lambda a: LA.norm(a, "nuc", axis=(1, 2)).sum())(x), u @ vh, atol=1e-12)
    top = grad(lambda a: LA.norm(a, 2, axis=(1, 2)).sum())(x)
    close(top, u[..., :1] @ vh[..., :1, :], atol=1e-12)
    vectors = LA.eigh(x)[1]
    lowest = vectors[..., :1] @ vectors[..., :1].swapaxes(-1, -2)
    lower = np.tril(2 * lowest) - lowest * np.eye(n)  # off the diagonal an element counts twice
    close(grad(lambda a: LA.eigvalsh(a)[:, 0].sum())(x), lower, atol=1e-12)


SINGULAR = {
    "of rank 2": np.arange(9.0).reshape(3, 3),
    "of rank 2 of 4": np.arange(16.0).reshape(4, 4) ** 1.0,
    "of rank 1": np.outer([1.0, 2.0, 3.0], [1.0, -1.0, 2.0]),
    "of zeros": np.zeros((3, 3)),
    "two by two": np.zeros((2, 2)),
    "one by one": np.zeros((1, 1)),
    "badly scaled": np.diag([1e-9, 1.0, 1e9]) + np.eye(3)[::-1],
    "nearly singular": np.ones((3, 3)) + 1e-15 * np.diag([1.0, 2.0, 3.0]),
}


def expanded(x: Any) -> Any:
    """The determinant by Leibniz' formula, of exact arithmetic."""
    n = len(x)
    total: Any = 0
    for order in itertools.permutations(range(n)):
        sign = round(LA.det(np.eye(n)[list(order)]))
        product: Any = sign
        for i, k in enumerate(order):
            product = product * x[i][k]
        total = total + product
    return total


@pytest.mark.parametrize("name", SINGULAR)
def test_a_determinant_has_all_derivatives_where_a_matrix_is_singular(name: str) -> None:
    x = SINGULAR[name]
    entries = [[Value(float(v)) for v in row] for row in x]
    flat = [v for row in entries for v in row]
    t, out, right = Tensor(x), None, expanded(entries)
    out = LA.det(t)
    for order in range(3):
        weights = np.random.default_rng(order).normal(size=x.shape)
        (g,) = gradients(out, [t], create_graph=True)
        slopes = gradients(right, flat, create_graph=True)
        expected = np.array([getattr(s, "data", s) for s in slopes], float).reshape(x.shape)
        size = max(1.0, np.abs(x).max()) ** (len(x) - 1)
        np.testing.assert_allclose(np.broadcast_to(getattr(g, "data", g), x.shape), expected,
                                   rtol=1e-9, atol=1e-13 * size)  # fmt: skip
        if not isinstance(g, Tensor):
            break
        out = (g * weights).sum()
        right = autograd.sum([s * w for s, w in zip(slopes, weights.ravel(), strict=True)])


def test_a_stack_may_hold_singular_matrices_beside_others() -> None:
    x = np.stack([np.eye(2), np.ones((2, 2))])
    t = Tensor(x)
    sign, log = LA.slogdet(t)
    assert sign.data.tolist() == [1.0, 0.0]
    assert log.data.tolist() == [0.0, -np.inf]
    (g,) = gradients(log, [t], seed=np.ones(2))
    np.testing.assert_array_equal(g[0], np.eye(2))
    assert not np.isfinite(g[1]).any()
    (g,) = gradients(LA.det(t), [t], seed=np.ones(2))
    np.testing.assert_allclose(g, [np.eye(2), [[1.0, -1.0], [-1.0, 1.0]]], atol=1e-15)
    with pytest.raises(LA.LinAlgError, match=r"inv .*singular: it has no inverse"):
        LA.inv(t)
    with pytest.raises(LA.LinAlgError, match=r"solve .*singular: it has no inverse"):
        LA.solve(t, np.ones((2, 1)))
    assert LA.cond(Tensor(np.zeros((2, 2)))).data == LA.cond(Tensor(np.ones((2, 2))), 1).data
    assert LA.cond(Tensor(np.zeros((2, 2)))).data == np.inf


# ---- what is not unique --------------------------------------------------------------------------

TURNED = LA.qr(numbers(4, 4))[0]
REPEATED = TURNED @ np.diag([1.0, 2.0, 2.0, 2.0]) @ TURNED.T


@pytest.mark.parametrize("x", [np.eye(3), REPEATED, np.zeros((2, 2))], ids=["I", "three", "0"])
def test_functions_of_equal_values_that_are_smooth_have_their_slope(x: Any) -> None:
    (x,) = [(x + x.T) / 2]
    lower = np.tril(4 * x) - 2 * x * np.eye(len(x))
    grad = autograd.grad
    found = grad(lambda a: (LA.eigvalsh(a) ** 2).sum())(x)
    np.testing.assert_allclose(found, lower, atol=1e-13)
    found = grad(lambda a: (LA.svd(a, compute_uv=False) ** 2).sum())(x)
    np.testing.assert_allclose(found, 2 * x, atol=1e-13)
    second = hessian(lambda a: (LA.eigvalsh(a) ** 2).sum())(x)
    assert np.isnan(second).any()  # and not a wrong number


def test_vectors_of_equal_values_have_no_gradient_and_the_others_have_theirs() -> None:
    ways = np.arange(4.0)
    assert np.isnan(autograd.grad(lambda a: (LA.eigh(a)[1] @ ways).sum())(REPEATED)).any()
    assert np.isnan(autograd.grad(lambda a: (LA.svd(a)[0] @ ways).sum())(REPEATED)).any()

    def first(a: Any) -> Any:
        v = LA.eigh(a)[1][:, 0]
        return (v * ways).sum() * v[1]  # whatever the sign of v

    found = autograd.grad(first)(REPEATED)
    way = np.sin(1.0 + np.arange(16.0)).reshape(4, 4)
    assert np.sum(found * way) == pytest.approx(along(first, [REPEATED], [way]), rel=1e-6)
    low = np.outer([1.0, 2.0, 2.0], [3.0, 4.0])  # of rank 1
    assert np.isnan(autograd.grad(lambda a: LA.svd(a, False)[0].sum())(low)).any()
    assert np.isnan(autograd.grad(lambda a: LA.qr(a)[0].sum())(low)).any()


@pytest.mark.parametrize("p", ["fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_the_norms_of_a_matrix_of_zeros_have_slope_zero(p: Any) -> None:
    found = autograd.grad(lambda a: LA.norm(a, p))(np.zeros((3, 2)))
    np.testing.assert_array_equal(found, np.zeros((3, 2)))


# ---- what is refused -----------------------------------------------------------------------------

REFUSED: dict[str, tuple[Callable[[Any], Any], type[Exception], str]] = {
    "eig": (lambda t: LA.eig(t), TypeError, r"np.linalg.eig .*may be complex.*eigh"),
    "eigvals": (lambda t: LA.eigvals(t), TypeError, r"np.linalg.eigvals .*may be complex"),
    "roots": (lambda t: np.roots(t[0]), TypeError, r"np.roots .*may be complex"),
    "full": (lambda t: LA.svd(t[:2]), TypeError, r"np.linalg.svd .*full_matrices=True"),
    "complete": (lambda t: LA.qr(t[:, :2], "complete"), TypeError, r"qr .*mode='complete'"),
    "raw": (lambda t: LA.qr(t, "raw"), TypeError, r"np.linalg.qr .*mode='raw'"),
    "UPLO": (lambda t: LA.eigh(t, "x"), ValueError, r"UPLO is 'L' or 'U', not 'x'"),
    "rcond": (lambda t: LA.pinv(t, np.ones(3)), TypeError, r"np.linalg.pinv .*one number as rcond"),
    "power": (lambda t: LA.matrix_power(t, 1.5), TypeError, r"matrix_power takes an int.*1.5"),
    "ord": (lambda t: LA.norm(t, 3), ValueError, r"norm: ord=3 is not one of a matrix"),
    "ord of a vector": (lambda t: LA.norm(t[0], "nuc"), ValueError, r"norm: ord='nuc'"),
    "positive": (lambda t: LA.cholesky(-t), LA.LinAlgError, "cholesky .*not positive definite"),
    "nan": (lambda t: LA.svd(t * np.nan), LA.LinAlgError, "SVD did not converge"),
    "sizes": (lambda t: LA.solve(t, np.ones(2)), ValueError, r"solve .*\(3, 3\).*\(2,\)"),
    "one": (lambda t: LA.multi_dot([t]), ValueError, "multi_dot takes at least two"),
    "empty": (lambda t: LA.cond(t[:0]), LA.LinAlgError, "cond takes matrices that are not empty"),
    "ind": (lambda t: LA.tensorinv(t, 0), ValueError, "tensorinv: ind is at least 1, not 0"),
    "tensorsolve": (lambda t: LA.tensorsolve(t, t[0, :2]), LA.LinAlgError, r"tensorsolve .*\(2,\)"),
    "lstsq": (lambda t: LA.lstsq(t, t[None], None), LA.LinAlgError, "lstsq takes a matrix and"),
    "out": (lambda t: LA.multi_dot([t, t], out=np.ones((3, 3))), TypeError, "out="),
    **{
        f"{f.__name__} of a rectangle": (lambda t, f=f: f(t[:2]), LA.LinAlgError, "square")
        for f in (LA.inv, LA.det, LA.slogdet, LA.cholesky, LA.eigh, LA.eigvalsh)
    },
    "solve of a rectangle": (lambda t: LA.solve(t[:2], t[0]), LA.LinAlgError, "square"),
    "power of a rectangle": (lambda t: LA.matrix_power(t[:2], 2), LA.LinAlgError, "square"),
    **{
        f"{f.__name__} of a vector": (lambda t, f=f: f(t[0]), LA.LinAlgError, f.__name__)
        for f in (LA.inv, LA.det, LA.cholesky, LA.pinv, LA.qr)
    },
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_answer_is_refused_by_name(name: str) -> None:
    function, kind, said = REFUSED[name]
    with pytest.raises(kind, match=said):
        function(Tensor(positive(3)))


@pytest.mark.parametrize("shape", [(0, 0), (0, 3, 3), (2, 0, 0)])
@pytest.mark.parametrize(
    "name", ["inv", "det", "slogdet", "cholesky", "qr", "eigvalsh", "eigh", "pinv", "svd"]
)
def test_empty_matrices_and_empty_stacks_are_numpys(name: str, shape: tuple[int, ...]) -> None:
    x = Tensor(np.zeros(shape))
    found, expected = getattr(LA, name)(x), getattr(LA, name)(np.zeros(shape))
    for a, b in zip(*(r if isinstance(r, tuple) else (r,) for r in (found, expected)), strict=True):
        assert a.shape == b.shape
        np.testing.assert_array_equal(a.data, b)
        (g,) = gradients(a, [x], seed=np.ones(a.shape))
        assert g.shape == shape


def test_a_rank_is_a_count() -> None:
    x = np.arange(9.0).reshape(3, 3)
    assert LA.matrix_rank(Tensor(x)) == 2
    assert LA.matrix_rank(Tensor(x), tol=5.0) == 1
    assert LA.matrix_rank(Tensor(x + x.T), hermitian=True) == LA.matrix_rank(x + x.T)


# ---- the rest of the library ---------------------------------------------------------------------


def busy(a: Any) -> Any:
    values, vectors = LA.eigh(a @ a.T + np.eye(3))
    return LA.solve(a, vectors @ values).sum() * LA.slogdet(a)[1] + LA.norm(LA.inv(a), "nuc")


def test_transforms_checks_pictures_and_copies_take_linear_algebra() -> None:
    x = square(3)
    assert gradcheck(lambda a: LA.solve(a, a[0] ** 2).sum() + LA.slogdet(a)[1], square(2))
    assert gradcheck(lambda a: (LA.cholesky(a) ** 3).sum(), positive(2), order=2)
    j = jacobian(LA.inv)(x)
    way = numbers(3, 3)
    np.testing.assert_allclose(jvp(LA.inv)(x, way), np.tensordot(j, way, 2), atol=1e-12)
    np.testing.assert_allclose(vjp(LA.inv)(x, way), np.tensordot(way, j, 2), atol=1e-12)
    t = Tensor(x, label="A")
    root = busy(t)
    assert check_graph(root)
    assert "inv" in draw(root).source
    assert len(trace(root)) > 5
    assert "inv(A)" in str(explain(LA.slogdet(t)[1], t))
    for twin in (pickle.loads(pickle.dumps(root)), copy.deepcopy(root)):
        leaf = next(n for n in autograd.nodes(twin) if n.label == "A")
        np.testing.assert_array_equal(gradients(twin, [leaf])[0], gradients(root, [t])[0])
    replay = autograd.compile(busy)
    for array in (x, x + 0.1):
        assert replay(Tensor(array)).data == pytest.approx(busy(Tensor(array)).data, rel=1e-12)


def test_a_stack_of_which_one_is_not_taken_hands_nothing_on() -> None:
    x = Tensor(np.array([0.0, 4.0]))
    root = x.sqrt()  # whose slope at 0 is infinite
    m = root[:, None, None] * np.eye(2) + np.eye(2)
    for function in (LA.det, lambda m: LA.inv(m).sum(axis=(1, 2)), lambda m: LA.eigvalsh(m)[:, 0]):
        out = autograd.where(np.array([False, True]), function(m), 0.0)
        (g,) = gradients(out.sum(), [x])
        assert g[0] == 0.0
        assert np.isfinite(g[1])
