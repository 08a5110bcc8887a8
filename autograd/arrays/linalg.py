"""NumPy's linear algebra on Tensors: the rule of each function of `np.linalg`.

Each is a row of `matrix_rules` or is composed of rows, so derivatives of every order follow. The
leading axes count matrices. What NumPy refuses is refused with its LinAlgError. Where a result has
no derivative, as vectors of equal eigenvalues have none, the gradient is nan. Eigenvalues and
singular values have one wherever a function of them is smooth; where they are equal, its second
derivative is nan.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from functools import reduce
from typing import Any, NoReturn

import numpy as np

from ..core.functions import abs, sign, where
from . import operations as rows
from .building import norm as vector_norm
from .keywords import Axis, axes_of, one_axis
from .libraries import Array, library_of
from .matrix_rules import half, halves, scaled, swapped
from .numpy_arguments import by_name
from .operations import like, matmul

Function = Callable[..., Any]
NUMPY_2 = np.lib.NumpyVersion(np.__version__) >= "2.0.0"
LAST = (-2, -1)


def _result(function: Function, *parts: Array) -> Any:
    """Parts in the type of a function's result: a NamedTuple from NumPy 1.25 on."""
    kind = type(function(np.eye(1)))
    return kind(*parts) if hasattr(kind, "_fields") else kind(parts)


def _ndim(x: Array) -> int:
    """np.ndim, without asking NumPy about a Tensor."""
    return x.ndim if hasattr(x, "ndim") else np.ndim(x)


def _held(x: Array) -> Array:
    """The NumPy array of a Tensor or an array."""
    x = x.data if hasattr(x, "_data") else x
    return library_of(x).on_host(x)


def _where(mask: Any, x: Array, y: Array) -> Array:
    """x where a NumPy mask holds, else y, of which one is a Tensor."""
    return where(like(mask, x if hasattr(x, "_data") else y) > 0.0, x, y)


def _square(name: str, x: Array) -> None:
    """NumPy's own error if the last two axes of x are not those of square matrices."""
    if _ndim(x) < 2 or x.shape[-1] != x.shape[-2]:
        raise np.linalg.LinAlgError(
            f"np.linalg.{name} takes square matrices, along the last two axes, not an array of "
            f"the shape {np.shape(x)}"
        )


def _mirrored(x: Array) -> Array:
    """The symmetric matrices of which NumPy reads the lower triangle only."""
    lower = half(x)
    return lower + swapped(lower)


# ---- equations and inverses ----------------------------------------------------------------------


def solve(a: Array, b: Array, /) -> Array:
    _square("solve", a)
    is_vector = _ndim(b) == (1 if NUMPY_2 else _ndim(a) - 1)
    y = b[..., None] if is_vector else b
    if _ndim(y) < 2 or y.shape[-2] != a.shape[-1]:
        raise ValueError(
            f"np.linalg.solve of matrices of the shape {np.shape(a)} and right sides of the shape "
            f"{np.shape(b)}: a right side is a vector or columns as long as the matrix"
        )
    if y.ndim < a.ndim:
        y = np.reshape(y, (1,) * (a.ndim - y.ndim) + y.shape)
    found = rows.solve(a, y)
    return found[..., 0] if is_vector else found


def _cutoff(name: str, rcond: Any, rtol: Any, shape: Any) -> float | None:
    """The relative size below which a singular value is 0; None for NumPy's default."""
    if rtol is not np._NoValue:
        if rcond is not None:
            raise ValueError(f"np.linalg.{name} takes rcond or rtol, not both")
        rcond = max(shape[-2:]) * np.finfo(float).eps if rtol is None else rtol
    if _ndim(rcond):
        raise TypeError(f"np.linalg.{name} of a Tensor takes one number as rcond or rtol, for all")
    return None if rcond is None else float(rcond)


def pinv(a: Array, /, rcond: Any = None, hermitian: bool = False, rtol: Any = np._NoValue) -> Array:
    """The pseudoinverse; if it drops singular values that are not 0, by its singular vectors."""
    a = _mirrored(a) if hermitian else a
    cutoff = _cutoff("pinv", rcond, rtol, a.shape)
    if cutoff is not None and a.size:
        s = np.linalg.svd(_held(a), compute_uv=False)
        largest = s.max(-1, keepdims=True)
        dropped = (s <= cutoff * largest) & (
            s > 8 * max(a.shape[-2:]) * np.finfo(s.dtype).eps * largest
        )
        if dropped.any():
            u, values, vh = svd(a, full_matrices=False)
            kept = _held(values) > cutoff * largest
            return matmul(scaled(swapped(vh), _where(kept, 1.0 / values, 0.0)), swapped(u))
    return rows.pinv(a, rcond=cutoff)


def lstsq(a: Array, b: Array, /, rcond: Any = None) -> tuple[Any, ...]:
    if _ndim(a) != 2 or _ndim(b) not in (1, 2):
        raise np.linalg.LinAlgError(
            f"np.linalg.lstsq takes a matrix and a vector or a matrix, not arrays of the shapes "
            f"{np.shape(a)} and {np.shape(b)}"
        )
    x, residuals, rank, _ = np.linalg.lstsq(_held(a), _held(b), rcond=rcond)
    least = np.finfo(np.result_type(x)).eps
    usual = rcond is None or rcond == "warn"
    cutoff = least * max(a.shape) if usual else rcond if 0 < rcond < 1 else least  # as LAPACK
    found = matmul(pinv(a, rcond=float(cutoff)), b)
    gap = b - matmul(a, found)
    if residuals.size:
        residuals = np.sum(gap * gap, axis=0, keepdims=_ndim(b) == 1)
    return found, residuals, rank, rows.singular_values(a)


def matrix_power(a: Array, /, n: int) -> Array:
    _square("matrix_power", a)
    try:
        n = operator.index(n)
    except TypeError:
        raise TypeError(f"np.linalg.matrix_power takes an int as n, not {n!r}") from None
    if n < 0:
        a, n = rows.inv(a, strict=True), -n
    if n == 0:
        return _where(np.ones(a.shape), like(np.eye(a.shape[-1]), a), a)
    if n == 1:
        return +a
    root = matrix_power(a, n // 2)
    square = matmul(root, root)
    return matmul(square, a) if n % 2 else square


def multi_dot(*xs: Array) -> Array:
    if len(xs) < 2:
        raise ValueError("np.linalg.multi_dot takes at least two arrays")
    ends, between = {_ndim(xs[0]), _ndim(xs[-1])}, {_ndim(x) for x in xs[1:-1]}
    if not ends <= {1, 2} or not between <= {2}:
        raise np.linalg.LinAlgError(
            "np.linalg.multi_dot takes matrices, of which the first and the last may be vectors"
        )
    if _ndim(xs[-1]) == 1 < _ndim(xs[0]):  # from the right: no product of matrices
        return reduce(lambda y, x: matmul(x, y), xs[::-1])
    return reduce(matmul, xs)


def tensorsolve(a: Array, b: Array, /, axes: Any = None) -> Array:
    if axes is not None:
        order = [k for k in range(_ndim(a)) if k not in axes]
        a = np.transpose(a, [*order, *axes])
    shape = a.shape[-(_ndim(a) - _ndim(b)) :] if _ndim(a) > _ndim(b) else ()
    n = math.prod(shape)
    if np.size(a) != n * n or np.size(b) != n:
        raise np.linalg.LinAlgError(
            f"np.linalg.tensorsolve of the shapes {np.shape(a)} and {np.shape(b)}: the product of "
            "the axes that b has must be that of the axes of the solution"
        )
    return np.reshape(solve(np.reshape(a, (n, n)), np.reshape(b, (n,))), shape)


def tensorinv(a: Array, /, ind: int = 2) -> Array:
    if ind <= 0:
        raise ValueError(f"np.linalg.tensorinv: ind is at least 1, not {ind}")
    left, right = a.shape[:ind], a.shape[ind:]
    return rows.inv(np.reshape(a, (-1, math.prod(right))), strict=True).reshape(*right, *left)


# ---- factors -------------------------------------------------------------------------------------


def slogdet(a: Array, /) -> Any:
    return _result(np.linalg.slogdet, rows.sign_of_det(a), rows.logdet(a))


def cholesky(a: Array, /, upper: bool = False) -> Array:
    """Of the triangle that NumPy reads: the lower one, or the upper one."""
    if _ndim(a) < 2:
        _square("cholesky", a)
    return swapped(rows.cholesky(swapped(a))) if upper else rows.cholesky(a)


def qr(a: Array, /, mode: str = "reduced") -> Any:
    m, n = a.shape[-2:] if _ndim(a) > 1 else (0, 0)
    if mode not in ("reduced", "r", "complete") or (mode == "complete" and m > n):
        raise TypeError(
            f"np.linalg.qr of a Tensor does not take mode={mode!r} here: mode='reduced' and "
            "mode='r' have a gradient, the columns of q beyond those of a have none"
        )
    q = rows.qr(a[..., :m] if m < n else a)
    r = matmul(swapped(q), a)
    r = r * like(np.triu(np.ones(r.shape[-2:])), r)
    return r if mode == "r" else _result(np.linalg.qr, q, r)


def _uplo(uplo: str) -> str:
    if str(uplo).upper() not in ("L", "U"):
        raise ValueError(f"np.linalg.eigh: UPLO is 'L' or 'U', not {uplo!r}")
    return str(uplo).upper()


def eigh(a: Array, /, UPLO: str = "L") -> Any:
    uplo = _uplo(UPLO)
    values, vectors = rows.eigenvalues(a, uplo=uplo), rows.eigenvectors(a, uplo=uplo, strict=False)
    return _result(np.linalg.eigh, values, vectors)


def eigvalsh(a: Array, /, UPLO: str = "L") -> Array:
    return rows.eigenvalues(a, uplo=_uplo(UPLO))


def svd(
    a: Array, /, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    if hermitian:
        values, vectors = eigh(a)
        order = np.argsort(-np.abs(_held(values)), axis=-1, kind="stable")
        values = np.take_along_axis(values, order, axis=-1)
        if not compute_uv:
            return abs(values)
        u = np.take_along_axis(vectors, order[..., None, :], axis=-1)
        signs = sign(values)
        return _result(np.linalg.svd, u, abs(values), swapped(scaled(u, signs)))
    if not compute_uv:
        return rows.singular_values(a)
    if full_matrices and _ndim(a) > 1 and a.shape[-1] != a.shape[-2]:
        raise TypeError(
            f"np.linalg.svd of a Tensor of the shape {a.shape} does not take full_matrices=True: "
            "the vectors beyond the singular values are not unique; give full_matrices=False"
        )
    u, v = halves(rows.singular_vectors(a, strict=False), a.shape[-2])
    return _result(np.linalg.svd, u, rows.singular_values(a), swapped(v))


# ---- sizes ---------------------------------------------------------------------------------------


def norm(x: Array, /, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Array:
    """A norm of vectors, or of matrices if `axis`, or x, has two axes."""
    axes = axes_of("norm", axis, _ndim(x))
    if ord is None or ord == "fro" or len(axes) != 2:
        return vector_norm(x, ord, axis, keepdims)
    shape = [1 if i in axes else n for i, n in enumerate(x.shape)]
    if ord in (1, -1, np.inf, -np.inf):
        first, last = axes if ord in (1, -1) else axes[::-1]
        found = rows.sum(abs(x), axes=(first,), keepdims=True)
        extreme = rows.max if ord > 0 else rows.min
        found = extreme(found, axes=(last,), keepdims=True)
    elif ord in (2, -2, "nuc"):
        s = abs(rows.singular_values(np.moveaxis(x, axes, LAST)))
        found = (np.sum if ord == "nuc" else np.max if ord == 2 else np.min)(s, axis=-1)
    else:
        raise ValueError(
            f"np.linalg.norm: ord={ord!r} is not one of a matrix: those are 'fro', 'nuc', 1, -1, "
            "2, -2, inf and -inf"
        )
    return np.reshape(
        found, shape if keepdims else [n for i, n in enumerate(x.shape) if i not in axes]
    )


def cond(x: Array, /, p: Any = None) -> Array:
    if _ndim(x) < 2 or 0 in x.shape[-2:]:
        raise np.linalg.LinAlgError(
            f"np.linalg.cond takes matrices that are not empty, not {np.shape(x)}"
        )
    if p in (None, 2, -2):
        s = rows.singular_values(x)
        ends = s[..., 0], s[..., -1]
        found = ends[1] / ends[0] if p == -2 else ends[0] / ends[1]
    else:
        _square("cond", x)
        found = norm(x, p, LAST) * norm(rows.inv(x, strict=False), p, LAST)
    infinite = np.isnan(_held(found)) & ~np.isnan(_held(x)).any(axis=LAST)
    return _where(infinite, np.inf, found) if infinite.any() else found


def matrix_rank(x: Array, /, tol: Any = None, hermitian: bool = False, rtol: Any = None) -> Any:
    """A count, which has no gradient."""
    named = {} if rtol is None else {"rtol": rtol}
    return np.linalg.matrix_rank(_held(x), tol, hermitian, **named)


# ---- products ------------------------------------------------------------------------------------


def cross(
    a: Array, b: Array, /, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: Any = None
) -> Array:
    if axis is not None:
        axisa = axisb = axisc = axis
    like_it = np.cross(np.zeros(np.shape(a)), np.zeros(np.shape(b)), axisa, axisb, axisc)
    x, y = np.moveaxis(a, axisa, -1), np.moveaxis(b, axisb, -1)
    x, y = ([v[..., i] if i < v.shape[-1] else 0.0 for i in range(3)] for v in (x, y))
    parts = [x[i - 2] * y[i - 1] - x[i - 1] * y[i - 2] for i in range(3)]
    if np.shape(parts[2]) == like_it.shape and np.shape(a)[axisa] == np.shape(b)[axisb] == 2:
        return parts[2]
    whole = [np.broadcast_to(part, np.shape(parts[2])) for part in parts]
    return np.moveaxis(np.stack(whole, axis=-1), -1, axisc)


def _cross_of_three(x: Array, y: Array, /, axis: int = -1) -> Array:
    if {np.shape(v)[one_axis("cross", axis, _ndim(v))] for v in (x, y)} != {3}:
        raise ValueError(
            f"np.linalg.cross takes vectors of 3 elements, not arrays of the shapes {np.shape(x)} "
            f"and {np.shape(y)}"
        )
    return cross(x, y, axis=axis)


def vecdot(x: Array, y: Array, /, axis: int = -1) -> Array:
    return np.sum(np.moveaxis(x, axis, -1) * np.moveaxis(y, axis, -1), axis=-1)


def _complex(name: str, instead: str) -> Function:
    """A function whose results may be complex: refused."""

    def refused(x: Array, /) -> NoReturn:
        raise TypeError(
            f"np.{name} of a Tensor has no rule: its result may be complex, and derivatives here "
            f"are those of real functions; {instead}, or take t.data if it is a constant"
        )

    return refused


SYMMETRIC = "np.linalg.eigh and np.linalg.eigvalsh are for symmetric matrices"
RULES: dict[str, Function] = {
    **by_name(
        solve, pinv, lstsq, matrix_power, multi_dot, tensorsolve, tensorinv, slogdet, cholesky, qr,
        eigh, eigvalsh, svd, cond, matrix_rank, vecdot, norm, of="linalg.",
    ),
    "cross": cross,
    "linalg.inv": lambda a, /: rows.inv(a, strict=True),
    "linalg.det": lambda a, /: rows.det(a),
    "linalg.svdvals": lambda x, /: rows.singular_values(x),
    "linalg.matrix_norm": lambda x, /, keepdims=False, ord="fro": norm(x, ord, LAST, keepdims),
    "linalg.cross": _cross_of_three,
    "linalg.eig": _complex("linalg.eig", SYMMETRIC),
    "linalg.eigvals": _complex("linalg.eigvals", SYMMETRIC),
    "roots": _complex("roots", "np.linalg.eigvalsh has the real roots of a symmetric matrix"),
}  # fmt: skip
