"""The rows of linear algebra, which `rules` includes; a column is read as there.

Sources: see `matrices`. What is not unique hands back nan: vectors of equal values, the factor of a
matrix of less than full rank.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from . import operations
from .libraries import Array
from .matrices import triangle
from .operations import (
    det_slope,
    eigenvalues,
    eigenvectors,
    getitem,
    inv,
    like,
    matmul,
    over_gaps,
    singular_values,
    singular_vectors,
    solve,
    transpose,
)

Column = Callable[..., Any]


def swapped(x: Array) -> Array:
    """x with its last two axes swapped."""
    if x.__class__ is np.ndarray:
        return x.T if x.ndim == 2 else x.swapaxes(-1, -2)
    n = x.ndim
    return transpose(x, axes=(*range(n - 2), n - 1, n - 2))


def each(g: Array) -> Array:
    """A number for each matrix, in the shape of matrices."""
    return getitem(g, index=(..., None, None))


def half(x: Array, uplo: str = "L") -> Array:
    """A triangle of x, with half of its diagonal."""
    return x * like(triangle(x.shape[-1], uplo), x)


def of_triangle(x: Array, uplo: str = "L") -> Array:
    """The share of a triangle, from the share x of the symmetric matrix that it stands for."""
    return half(x + swapped(x), uplo)


def scaled(x: Array, weights: Array) -> Array:
    """x with each column times its weight."""
    return x * getitem(weights, index=(..., None, slice(None)))


def divided(x: Array, weights: Array, strict: bool = False) -> Array:
    """x with each column over its weight; nan where that is 0 (see `over_gaps`)."""
    zeros = like(np.zeros(x.shape[:-1]), x)
    return over_gaps(x, weights, zeros, apart=False, strict=strict)


def spread_inverse(g: Array, out: Array, x: Array) -> Array:
    """The share of a pseudoinverse of constant rank (Golub and Pereyra 1973)."""
    p, back, there = swapped(out), matmul(out, swapped(out)), matmul(swapped(out), out)
    left = -matmul(x, out) + like(np.eye(x.shape[-2]), x)
    right = -matmul(out, x) + like(np.eye(x.shape[-1]), x)
    h = swapped(g)
    inner = matmul(matmul(left, h), back) + matmul(matmul(there, h), right)
    return inner - matmul(matmul(p, g), p)


def of_frame(g: Array, q: Array, x: Array) -> Array:
    """The share of the orthonormal factor of x = q r, as (g + q m) r^-T (Walter and Lehmann)."""
    n = x.shape[-1]
    r = matmul(swapped(q), x) * like(np.triu(np.ones((n, n))), x)
    m = half(-matmul(swapped(g), q))
    lengths = operations.sum(r * like(np.eye(n), x), axes=(x.ndim - 1,), keepdims=False)
    turned = g + matmul(q, m + swapped(m))
    return divided(swapped(solve(divided(r, lengths), swapped(turned))), lengths)


def of_eigenvectors(g: Array, v: Array, x: Array, uplo: str, strict: bool) -> Array:
    values, m = eigenvalues(x, uplo=uplo), matmul(swapped(v), g)
    turn = over_gaps(m - swapped(m), values, values, apart=True, strict=strict)
    return of_triangle(matmul(matmul(v, 0.5 * turn), swapped(v)), uplo)


def halves(x: Array, m: int) -> tuple[Array, Array]:
    """The first m rows of each matrix, and the others."""
    every = slice(None)
    return getitem(x, index=(..., slice(m), every)), getitem(x, index=(..., slice(m, None), every))


def of_singular_values(g: Array, x: Array) -> Array:
    u, v = halves(singular_vectors(x, strict=True), x.shape[-2])
    return matmul(scaled(u, g), swapped(v))


def of_singular_vectors(g: Array, out: Array, x: Array, strict: bool) -> Array:
    (u, v), (gu, gv) = halves(out, x.shape[-2]), halves(g, x.shape[-2])
    s, a, b = singular_values(x), matmul(swapped(u), gu), matmul(swapped(v), gv)
    left, right = a - swapped(a), b - swapped(b)
    turn = over_gaps(left + right, s, s, apart=True, strict=strict)
    turn = turn + over_gaps(left - right, s, -s, apart=True, strict=strict)
    share = matmul(matmul(u, 0.5 * turn), swapped(v))
    m, n = x.shape[-2:]
    if m > n:
        share = share + matmul(divided(gu - matmul(u, a), s, strict), swapped(v))
    if m < n:
        share = share + matmul(u, swapped(divided(gv - matmul(v, b), s, strict)))
    return share


def of_gaps(g: Array, out: Array, y: Array, z: Array, axis: int, **settings: bool) -> Array:
    """The sum over one axis of g out / (y - z)."""
    share = over_gaps(g * out, y, z, **settings)
    return operations.sum(share, axes=(share.ndim + axis,), keepdims=False)


# fmt: off
TABLE: dict[str, tuple[Column, ...]] = {
    #                   passes to x                                                                passes to y
    "solve":           (lambda g, out, x, y: -matmul(solve(swapped(x), g), swapped(out)),          lambda g, out, x, y: solve(swapped(x), g)),
    "inv":             (lambda g, out, x, strict: -matmul(matmul(swapped(out), g), swapped(out)),),
    "pinv":            (lambda g, out, x, rcond: spread_inverse(g, out, x),),
    "det":             (lambda g, out, x: each(g) * det_slope(x),),
    "det_slope":       (lambda g, out, *xs: [det_slope(xs[0], *xs[1 : max(i, 1)], *xs[i + 1 if i else 1 :], g) for i in range(len(xs))],),
    "logdet":          (lambda g, out, x: each(g) * swapped(inv(x, strict=False)),),
    "sign_of_det":     (lambda g, out, x: None,),
    "cholesky":        (lambda g, out, x: of_triangle(solve(swapped(out), swapped(solve(swapped(out), half(matmul(swapped(out), g)))))),),
    "qr":              (lambda g, out, x: of_frame(g, out, x),),
    "eigenvalues":     (lambda g, out, x, uplo: 2.0 * half(matmul(scaled(v := eigenvectors(x, uplo=uplo, strict=True), g), swapped(v)), uplo),),
    "eigenvectors":    (lambda g, out, x, uplo, strict: of_eigenvectors(g, out, x, uplo, strict),),
    "singular_values": (lambda g, out, x: of_singular_values(g, x),),
    "singular_vectors": (lambda g, out, x, strict: of_singular_vectors(g, out, x, strict),),
    "over_gaps":       (lambda g, out, x, y, z, apart, strict: over_gaps(g, y, z, apart=apart, strict=strict),
                        lambda g, out, x, y, z, apart, strict: -of_gaps(g, out, y, z, -2, apart=apart, strict=strict),
                        lambda g, out, x, y, z, apart, strict: of_gaps(g, out, y, z, -1, apart=apart, strict=strict)),
}
# fmt: on

# How many axes the result of one matrix has, and then each input; the last holds for all others.
OWN_AXES: Any = dict.fromkeys(TABLE, (2, 2)) | {
    **dict.fromkeys(("det", "logdet", "sign_of_det"), (0, 2)),
    **dict.fromkeys(("eigenvalues", "singular_values"), (1, 2)),
    "over_gaps": (2, 2, 1, 1),
}
