"""The adjoint test: a linear map against the one that is said to be its adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.linalg import lu_factor, lu_solve

from autograd import Tensor, adjoint_check

strict = pytest.importorskip("array_api_strict")
RNG = np.random.default_rng(1)
A = RNG.normal(size=(7, 5))
C = A + 1j * RNG.normal(size=(7, 5))


def verdicts(*args: Any, **options: Any) -> set[str]:
    return {row.verdict for row in adjoint_check(*args, **options).rows}


@pytest.mark.parametrize("matrix", [A, C, A.astype(np.float32), C.astype(np.complex64)])
def test_a_matrix_and_its_conjugate_transpose_are_adjoint_and_others_not(matrix: Any) -> None:
    v = np.zeros(5, matrix.dtype)
    adjoint = matrix.conj().T
    assert verdicts(matrix) == {"ok"}
    assert verdicts(lambda v: matrix @ v, lambda w: adjoint @ w, v) == {"ok"}
    wrong = adjoint.copy()
    wrong[2, 3] *= 1.001
    for other in (wrong, -adjoint, 2.0 * adjoint, 0.0 * adjoint):
        assert "wrong" in verdicts(lambda v: matrix @ v, lambda w, o=other: o @ w, v)


def test_a_transpose_that_is_not_conjugated_is_told() -> None:
    report = adjoint_check(lambda v: C @ v, lambda w: C.T @ w, np.zeros(5, complex))
    assert {row.verdict for row in report.rows} == {"wrong"}
    assert "the adjoint of a complex map is conjugated too" in str(report)


def test_a_real_vector_beside_a_complex_one_has_the_real_part_of_the_product() -> None:
    def adjoint(w: Any) -> Any:
        half = np.concatenate([w[:1], w[1:-1] / 2.0, w[-1:]])
        return 8.0 * np.fft.irfft(half, 8)

    assert verdicts(np.fft.rfft, adjoint, np.zeros(8)) == {"ok"}
    assert "wrong" in verdicts(np.fft.rfft, lambda w: np.fft.irfft(w, 8), np.zeros(8))


@pytest.mark.parametrize("matrix", [A, C])
def test_an_operator_of_scipy_is_checked_alone(matrix: Any) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    linalg = pytest.importorskip("scipy.sparse.linalg")
    assert verdicts(linalg.aslinearoperator(matrix)) == {"ok"}
    assert verdicts(sparse.csr_matrix(matrix)) == {"ok"}
    wrong = linalg.LinearOperator(
        matrix.shape, matvec=lambda v: matrix @ v, rmatvec=lambda w: 1.001 * matrix.conj().T @ w,
        dtype=matrix.dtype,
    )  # fmt: skip
    assert "wrong" in verdicts(wrong)


def test_vectors_are_structures_of_arrays_of_any_library() -> None:
    a, v = strict.asarray(A), {"x": strict.zeros(5), "c": 0.0}

    def jvp(v: Any) -> Any:
        return [strict.matmul(a, v["x"]) + v["c"]]

    def vjp(w: Any) -> Any:
        return {"x": strict.matmul(a.T, w[0]), "c": float(strict.sum(w[0]))}

    assert verdicts(jvp, vjp, v) == {"ok"}
    assert verdicts(jvp, lambda w: vjp(w) | {"c": 0.0}, v) == {"wrong"}


def test_what_is_not_linear_is_no_adjoint_and_told() -> None:
    report = adjoint_check(lambda v: v**2, lambda w: w, np.ones(3))
    assert not report
    assert "jvp is not linear" in str(report)
    assert "vjp is not linear" in str(adjoint_check(lambda v: v, lambda w: w + 1.0, np.ones(3)))


def test_one_element_in_many_is_seen() -> None:
    scale = RNG.normal(size=100_000)

    def vjp(w: Any, factor: float = 1.0) -> Any:
        out = scale * np.cumsum(w[::-1])[::-1]
        out[77] *= factor
        return out

    v = np.zeros(100_000)
    assert verdicts(lambda v: np.cumsum(scale * v), vjp, v) == {"ok"}
    assert verdicts(lambda v: np.cumsum(scale * v), lambda w: vjp(w, 1.001), v) == {"wrong"}


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: adjoint_check(lambda v: v, lambda w: w), TypeError, "needs v"),
        (lambda: adjoint_check(lambda v: v, None, 1.0), TypeError, "vjp is None"),
        (lambda: adjoint_check(lambda v: v, lambda w: None, 1.0), (TypeError, ValueError), "vjp"),
        (lambda: adjoint_check(lambda v: v, lambda w: w, "1"), TypeError, "real or complex"),
        (lambda: adjoint_check(lambda v: v, lambda w: w, []), ValueError, "no number in it"),
        (lambda: adjoint_check(lambda v: v, lambda w: w, 1.0, trials=0), ValueError, "trials"),
        (lambda: adjoint_check(lambda v: A @ v, lambda w: w, np.ones(5)), ValueError,
         r"vjp has the shape \(7,\), where vjp of the shape \(5,\) is due"),
        (lambda: adjoint_check(lambda v: v / 0.0, lambda w: w, np.ones(2), np.ones(2)),
         (ValueError, RuntimeWarning), "finite|divide"),
    ],
)  # fmt: skip
def test_what_cannot_be_checked_is_an_error(call: Any, kind: Any, message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


# ---- how far rounding reaches, and maps that are not linear --------------------------------------


def conditioned(condition, n=30):
    rng = np.random.default_rng(5)
    left, right = (np.linalg.qr(rng.normal(size=(n, n)))[0] for _ in range(2))
    return left @ np.diag(np.geomspace(1.0, 1.0 / condition, n)) @ right


@pytest.mark.parametrize("condition", [1e2, 1e5, 1e8, 1e10])
@pytest.mark.parametrize("factor", [1.0, -1.0, 1.001])
def test_a_solve_is_judged_by_the_rounding_of_its_condition(condition, factor):
    a = conditioned(condition)
    found = adjoint_check(
        lambda v: np.linalg.solve(a, v), lambda w: factor * np.linalg.solve(a.T, w), np.zeros(30)
    )
    assert bool(found) == (factor == 1.0), found
    assert "noisy" not in {row.verdict for row in found.rows}


@pytest.mark.parametrize("condition", [1e4, 1e8, 1e12])
def test_a_solve_with_the_matrix_itself_is_wrong(condition):
    a = conditioned(condition)
    solve = lambda v: np.linalg.solve(a, v)
    assert {row.verdict for row in adjoint_check(solve, solve, np.zeros(30)).rows} == {"wrong"}


def test_a_condition_that_rounding_hides_everything_behind_is_noisy():
    a = conditioned(1e13)
    found = adjoint_check(
        lambda v: np.linalg.solve(a, v), lambda w: np.linalg.solve(a.T, w), np.zeros(30)
    )
    assert {row.verdict for row in found.rows} == {"noisy"}
    assert "within rounding for a condition of about 1e+13" in found.rows[0].note


def test_the_condition_of_a_large_map_is_found():
    n = 400
    a = conditioned(1e8, n)
    factors = lu_factor(a), lu_factor(a.T)
    solve, back = (lambda v: lu_solve(factors[0], v)), (lambda w: lu_solve(factors[1], w))
    assert adjoint_check(solve, back, np.zeros(n))
    assert not adjoint_check(solve, lambda w: 1.001 * back(w), np.zeros(n))


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1e150, 1e300])
def test_maps_of_any_size_are_judged(size):
    a = size * np.random.default_rng(0).normal(size=(4, 3))
    for factor in (1.0, 1.001, 1.0 + 1e-9):
        found = adjoint_check(lambda v: a @ v, lambda w, c=factor: c * (a.T @ w), np.zeros(3))
        assert bool(found) == (factor == 1.0)


@pytest.mark.parametrize(
    "f",
    [np.abs, lambda v: np.maximum(v, 0.0), np.sort, lambda v: v**3, lambda v: v + 1.0, np.cumprod],
    ids=["abs", "relu", "sort", "cube", "affine", "cumprod"],
)
def test_what_is_not_linear_is_told(f):
    found = adjoint_check(f, f, np.zeros(5))
    assert not found
    assert any("is not linear" in note for note in found.notes)


def test_a_map_that_writes_into_its_vector_is_an_error_and_one_that_reuses_its_memory_is_none():
    def halves(v):
        v[0] = 0.0
        return 2.0 * v

    with pytest.raises(ValueError, match="jvp changes its argument: work on a copy"):
        adjoint_check(halves, lambda w: 2.0 * w, np.zeros(3))
    a, memory = np.arange(12.0).reshape(4, 3), np.zeros(4)
    assert adjoint_check(lambda v: np.dot(a, v, out=memory), lambda w: a.T @ w, np.zeros(3))


def test_a_random_map_is_said_to_be_one():
    rng = np.random.default_rng(0)
    found = adjoint_check(lambda v: v * (1.0 + 1e-6 * rng.normal()), lambda w: w, np.zeros(3))
    assert {row.verdict for row in found.rows} == {"noisy"}
    assert found.notes == ["jvp is not deterministic: two calls with one vector differ"]


def test_structures_are_matched_by_key_and_empty_places_stay():
    def jvp(v):
        return {"a": 2.0 * v["x"], "b": [v["y"], None]}

    def vjp(w):
        return {"y": w["b"][0], "x": 2.0 * w["a"]}

    assert adjoint_check(jvp, vjp, {"x": np.zeros(3), "y": 1.0})
    assert not adjoint_check(jvp, lambda w: vjp(w) | {"y": 1.001 * w["b"][0]}, {"x": X, "y": 1.0})


X = np.zeros(3)


@pytest.mark.parametrize(
    ("jvp", "v", "error", "told"),
    [
        (lambda v: None, X, TypeError, "jvp returned None"),
        (lambda v: v, np.zeros(0), ValueError, "the vector has no number in it"),
        (lambda v: v[:2] if v[0] else v, X, ValueError, "jvp has the shape"),
    ],
    ids=["none", "empty", "shape"],
)
def test_what_cannot_be_compared_is_an_error(jvp, v, error, told):
    with pytest.raises(error, match=told):
        adjoint_check(jvp, lambda w: w, v, v)


def test_a_matrix_of_another_library_and_vectors_of_this_engine():
    strict = pytest.importorskip("array_api_strict")
    a = np.arange(12.0).reshape(4, 3)
    assert adjoint_check(strict.asarray(a))
    assert adjoint_check(lambda v: Tensor(a) @ v, lambda w: Tensor(a.T) @ w, Tensor(X))
    assert not adjoint_check(lambda v: Tensor(a) @ v, lambda w: Tensor(2 * a.T) @ w, Tensor(X))


def test_vectors_of_whole_numbers_of_another_library_stay_whole():
    kinds = []

    def twice(v):
        kinds.append(v.dtype)
        return v * 2

    whole = strict.asarray([1, 2])
    assert adjoint_check(twice, twice, whole)
    assert set(kinds) == {whole.dtype}
