"""The operations of linear algebra on the last two axes of arrays, and their slopes.

Sources of the formulas: M. B. Giles, Collected matrix derivative results (2008); G. H. Golub and
V. Pereyra, The differentiation of pseudo-inverses (1973); S. F. Walter and L. Lehmann, Algorithmic
differentiation of linear algebra functions (2012).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from .libraries import Array

WELL_CONDITIONED = 1e5  # of a matrix whose inverse has digits to spare


class Matrices:
    """The operations on matrices of one library."""

    library: Any
    xp: Any

    def solve(self, x: Array, y: Array) -> Array:
        return self.xp.linalg.solve(x, y)

    def inv(self, x: Array, strict: bool) -> Array:
        return self.xp.linalg.inv(x)

    def pinv(self, x: Array, rcond: float | None) -> Array:
        return self.xp.linalg.pinv(x) if rcond is None else self.xp.linalg.pinv(x, rtol=rcond)

    def det(self, x: Array) -> Array:
        return self.xp.linalg.det(x)

    def det_slope(self, *xs: Array) -> Array:
        return self.library.like(det_slope(*map(self.library.on_host, xs)), xs[0])

    def logdet(self, x: Array) -> Array:
        return self.xp.linalg.slogdet(x)[1]

    def sign_of_det(self, x: Array) -> Array:
        return self.xp.linalg.slogdet(x)[0]

    def cholesky(self, x: Array) -> Array:
        return self.xp.linalg.cholesky(self.mirrored(x, "L"))

    def qr(self, x: Array) -> Array:
        """The factor with orthonormal columns."""
        return self.xp.linalg.qr(x)[0]

    def eigenvalues(self, x: Array, uplo: str) -> Array:
        return self.xp.linalg.eigvalsh(self.mirrored(x, uplo))

    def eigenvectors(self, x: Array, uplo: str, strict: bool) -> Array:
        return self.xp.linalg.eigh(self.mirrored(x, uplo))[1]

    def singular_values(self, x: Array) -> Array:
        return self.xp.linalg.svdvals(x)

    def singular_vectors(self, x: Array, strict: bool) -> Array:
        """Those on the left, and below them those on the right: U over V."""
        u, _, vh = self.xp.linalg.svd(x, full_matrices=False)
        axes = (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2)
        return self.xp.concat([u, self.xp.permute_dims(vh, axes)], axis=-2)

    def over_gaps(self, x: Array, y: Array, z: Array, apart: bool, strict: bool) -> Array:
        """x[i, j] / (y[j] - z[i]); on the diagonal 0, if that stands `apart`.

        Where y[j] and z[i] are equal to rounding: nan; 0 if x is 0, unless `strict`.
        """
        if 0 in x.shape:
            return x
        xp, gaps = self.xp, y[..., None, :] - z[..., :, None]
        largest = xp.max(abs(y), axis=(y.ndim - 1,), keepdims=True)[..., None]
        equal = abs(gaps) <= 4 * max(x.shape[-2:]) * xp.finfo(x.dtype).eps * largest
        answer = x / xp.where(equal, np.nan if strict else 1.0, gaps)
        if not strict:
            answer = xp.where(equal & (x != 0.0), np.nan, answer)
        return (
            xp.where(self.library.like(np.eye(*x.shape[-2:]) > 0, x), 0.0, answer)
            if apart
            else answer
        )

    def mirrored(self, x: Array, uplo: str) -> Array:
        """The symmetric matrix of one triangle of x."""
        half = self.library.like(triangle(x.shape[-1], uplo), x, x.dtype) * x
        return half + self.xp.permute_dims(half, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


class NumPyMatrices(Matrices):
    """The operations that NumPy computes in another way."""

    def inv(self, x: Array, strict: bool) -> Array:
        """The inverses; nan for a singular matrix, unless `strict`."""
        try:
            return np.linalg.inv(x)
        except np.linalg.LinAlgError:
            if strict or x.shape[-1] != x.shape[-2]:
                raise
            if x.ndim == 2:
                return np.full_like(x, np.nan)
            return np.stack([self.inv(one, strict) for one in x])

    def pinv(self, x: Array, rcond: float | None) -> Array:
        return np.linalg.pinv(x) if rcond is None else np.linalg.pinv(x, rcond)

    def cholesky(self, x: Array) -> Array:
        return np.linalg.cholesky(x)

    def eigenvalues(self, x: Array, uplo: Any) -> Array:
        return np.linalg.eigvalsh(x, uplo)

    def eigenvectors(self, x: Array, uplo: Any, strict: bool) -> Array:
        return np.linalg.eigh(x, uplo)[1]

    def singular_values(self, x: Array) -> Array:
        return np.linalg.svd(x, compute_uv=False)


@lru_cache(maxsize=16)
def triangle(n: int, uplo: str = "L") -> Array:
    """1 below the diagonal, a half on it, 0 above; for "U" the other way round."""
    lower = np.tril(np.ones((n, n))) - np.eye(n) / 2
    lower.flags.writeable = False
    return lower if uplo == "L" else lower.T


def det_slope(x: Array, *hs: Array) -> Array:
    """The gradient of det at x, differentiated along each of hs; x may be singular.

    In the frames of the singular values s, cofactors are products of all s but one or two. From the
    second direction on, a polynomial's derivative is found from its values on a circle (Cauchy).
    """
    n = x.shape[-1]
    if not hs and (easy := _cofactors(x)) is not None:
        return easy
    if len(hs) > 1:
        h = hs[-1]
        top, size = (np.abs(a).max((-2, -1), keepdims=True, initial=0.0) for a in (x, h))
        radius = np.where((top > 0.0) & (size > 0.0), top / np.where(size > 0.0, size, 1.0), 1.0)
        circle = np.exp(2j * np.pi * np.arange(n + 1) / (n + 1))
        found = sum(det_slope(x + radius * w * h, *hs[:-1]) / w for w in circle) / radius / (n + 1)
        return found if np.iscomplexobj(x) or np.iscomplexobj(h) else found.real.astype(x.dtype)
    u, s, vh = np.linalg.svd(x)
    one = np.eye(n, dtype=bool)
    sign = (np.linalg.det(u) * np.linalg.det(vh))[..., None, None]
    if not hs:
        core = one * np.where(one, 1.0, s[..., None, :]).prod(-1)[..., None, :]
    else:
        pairs = np.where(one[:, None] | one, 1.0, s[..., None, None, :]).prod(-1) * ~one
        e = u.conj().swapaxes(-1, -2) @ hs[0] @ vh.conj().swapaxes(-1, -2)
        diagonal = np.diagonal(e, axis1=-2, axis2=-1)
        core = one * (pairs @ diagonal[..., None]) - pairs * e.swapaxes(-1, -2)
    return sign * (u.conj() @ core.astype(u.dtype) @ vh.conj())


def _cofactors(x: Array) -> Array | None:
    """det(x) times the inverse, transposed; None if that would lose digits."""
    try:
        inverse, det = np.linalg.inv(x), np.linalg.det(x)
    except np.linalg.LinAlgError:
        return None
    condition = np.abs(x).sum(-1).max(-1, initial=0.0) * np.abs(inverse).sum(-1).max(
        -1, initial=0.0
    )
    fine = (condition < WELL_CONDITIONED) & (det != 0.0) & np.isfinite(det)
    return det[..., None, None] * inverse.swapaxes(-1, -2) if fine.all() else None
