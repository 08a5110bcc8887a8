"""The adjoint test: a linear map against the one that is said to be its adjoint."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograd import adjoint_check

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
