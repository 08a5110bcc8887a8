"""Hessians and Hessian-vector products written by hand, against the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from autograd import gradcheck

X = np.array([1.0, 2.0])


def f(x: Any) -> Any:
    return x[0] ** 2 * x[1]


def df(x: Any) -> Any:
    return np.array([2 * x[0] * x[1], x[0] ** 2])


def hessian(x: Any) -> Any:
    return np.array([[2 * x[1], 2 * x[0]], [2 * x[0], 0.0]])


def wrong(report: Any) -> list[str]:
    return [row.name for row in report.rows if row.verdict == "wrong"]


@pytest.mark.parametrize("claimed", [None, df])
def test_a_hessian_is_compared_with_the_slopes_of_the_gradient(claimed: Any) -> None:
    sparse = pytest.importorskip("scipy.sparse")
    for make in (hessian, lambda x: sparse.csr_matrix(hessian(x)), lambda x: hessian(x).tolist()):
        assert gradcheck(f, X, df=claimed, hess=make)
    off = np.array([[0.0, 1e-6], [0.0, 0.0]])
    assert wrong(gradcheck(f, X, df=claimed, hess=lambda x: hessian(x) + off)) == ["dgrad[0]/dx[1]"]


@pytest.mark.parametrize("claimed", [None, df])
def test_a_product_with_a_vector_is_compared_along_it(claimed: Any) -> None:
    def hvp(x: Any, v: Any) -> Any:
        return hessian(x) @ v

    report = gradcheck(f, X, df=claimed, hvp=hvp, bounds=(0.5, 2.0))
    assert report
    assert [row.name for row in report.rows][-2:] == ["dgrad[0]/dv2", "dgrad[1]/dv2"]
    for other in (lambda x, v: 1.001 * hvp(x, v), lambda x, v: v, lambda x, v: hvp(x, v)[::-1]):
        assert len(wrong(gradcheck(f, X, df=claimed, hvp=other))) >= 2


def test_the_blocks_of_several_arguments_are_rows_of_a_tuple() -> None:
    def f(x: Any, y: Any) -> Any:
        return (x**2).sum() * y**3

    def blocks(x: Any, y: Any) -> Any:
        return (2 * np.eye(2) * y**3, 6 * x * y**2), (6 * x * y**2, 6 * (x**2).sum() * y)

    def product(x: Any, y: Any, v: Any) -> Any:
        (xx, xy), (yx, yy) = blocks(x, y)
        return xx @ v[0] + xy * v[1], yx @ v[0] + yy * v[1]

    assert gradcheck(f, X, 3.0, hess=blocks, hvp=product)
    with pytest.raises(ValueError, match="a tuple for each of 2 arguments, of as many blocks"):
        gradcheck(f, X, 3.0, hess=lambda x, y: np.eye(3))


def test_arrays_of_another_library_have_hessians_too() -> None:
    strict = pytest.importorskip("array_api_strict")
    x = strict.asarray([1.0, 2.0], dtype=strict.float32)

    def there(numbers: Any) -> Any:
        return strict.asarray(np.asarray(numbers), dtype=strict.float32)

    def gradient(x: Any) -> Any:
        return strict.stack([2 * x[0] * x[1], x[0] ** 2])

    good = gradcheck(
        f, x, df=gradient, hess=lambda x: there(hessian(np.asarray(x))),
        hvp=lambda x, v: there(hessian(np.asarray(x)) @ np.asarray(v)),
    )  # fmt: skip
    assert good
    assert wrong(gradcheck(f, x, df=gradient, hess=lambda x: there(1.01 * hessian(np.asarray(x)))))


def test_a_hessian_is_that_of_one_number_and_of_its_shape() -> None:
    with pytest.raises(ValueError, match="returns 2 numbers, and a Hessian is that of one"):
        gradcheck(lambda x: x * 2.0, X, df=lambda x: 2.0 * np.eye(2), hess=hessian)
    with pytest.raises(ValueError, match=r"\(3, 3\) where \(2, 2\) is due"):
        gradcheck(f, X, df=df, hess=lambda x: np.eye(3))
    with pytest.raises(TypeError, match="hess is"):
        gradcheck(f, X, df=df, hess=hessian(X))
