"""NumPy's reductions and statistics on Tensors, composed of functions that have a gradient.

Sorts and quantiles order equal elements by their place, so the first of them counts as the
smallest. An element that is skipped because it is nan has the gradient 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy

from ..core import functions
from .building import cat, norm
from .keywords import Axis, axes_of, one_axis
from .libraries import Array
from .numpy_arguments import alike, as_array, by_name, plain
from .operations import count
from .rules import cut
from .tensor import Tensor

Function = Callable[..., Any]
np: Any = numpy  # its types know no Tensors


def average(
    x: Array, /, axis: Any = None, weights: Array = None, returned: bool = False, *,
    keepdims: bool = False,
) -> Any:  # fmt: skip
    if weights is None:
        weights = np.ones(x.shape, x.dtype)
    else:
        weights = as_array(weights)
        np.average(np.zeros(np.shape(x)), axis, plain(weights))  # NumPy refuses what does not fit
    if np.shape(weights) != np.shape(x):
        axes = axes_of("average", axis, np.ndim(x))
        lengths = [n if i in axes else 1 for i, n in enumerate(np.shape(x))]
        weights = np.reshape(np.transpose(weights, np.argsort(axes)), lengths)
    total = np.sum(weights, axis=axis, keepdims=keepdims)
    mean = np.sum(x * weights, axis=axis, keepdims=keepdims) / total
    if not returned:
        return mean
    sums = np.sum(weights * np.ones(np.shape(x), x.dtype), axis=axis, keepdims=keepdims)
    return mean, np.broadcast_to(sums, mean.shape)


# ---- running -------------------------------------------------------------------------------------


def cumprod(x: Array, /, axis: int | None = None) -> Array:
    """The products of an array's first elements: after step k, of up to 2^k elements before each.

    No element is divided by, so a gradient is exact beside zeros.
    """
    if axis is None:
        x, axis = x.reshape(-1), 0
    x, step = np.moveaxis(x, one_axis("cumprod", axis, x.ndim), 0), 1
    while step < len(x):
        x = cat([x[:step], x[step:] * x[:-step]])
        step *= 2
    return np.moveaxis(x, 0, axis)


def cumulative(name: str, running: Function, first: float) -> Function:
    """The rule of NumPy 2's names of `cumsum` and `cumprod`."""

    def run(x: Array, /, *, axis: int | None = None, include_initial: bool = False) -> Array:
        if axis is None and x.ndim != 1:
            raise ValueError(f"np.{name} of {x.ndim} dimensions needs an axis")
        axis = one_axis(name, axis or 0, x.ndim)
        out = running(x, axis)
        if not include_initial:
            return out
        shape = [1 if i == axis else n for i, n in enumerate(x.shape)]
        return cat([np.full(shape, first, x.dtype), out], axis=axis)

    return run


def diff(
    x: Array, /, n: int = 1, axis: int = -1, prepend: Array = np._NoValue,
    append: Array = np._NoValue,
) -> Array:  # fmt: skip
    if n < 0:
        raise ValueError(f"diff: n is a number of times, at least 0, not {n}")
    axis = one_axis("diff", axis, np.ndim(x))
    parts = alike(part for part in (prepend, x, append) if part is not np._NoValue)
    if n and len(parts) > 1:
        one = [1 if i == axis else size for i, size in enumerate(np.shape(x))]
        x = cat([part if part.ndim else np.broadcast_to(part, one) for part in parts], axis)
    for _ in range(n):
        x = cut(x, axis, slice(1, None)) - cut(x, axis, slice(None, -1))
    return x


# ---- order ---------------------------------------------------------------------------------------


def quantile(name: str, percent: float = 1.0) -> Function:
    """The rule of a quantile; one whose name begins with "nan" passes over nan.

    A quantile is a number on the line through the sorted elements, at a position that NumPy gives:
    its own quantile of the numbers 0, 1, 2, ...
    """

    def of(
        x: Array, /, q: Any, axis: Axis = None, *, method: str = "linear", keepdims: bool = False
    ) -> Array:
        q = np.asarray(q) / percent
        if q.ndim > 1 and name.startswith("nan"):  # NumPy moves their axes to odd places
            raise ValueError(f"np.{name} of a Tensor takes one q or a row of them, not {q.shape}")
        if not x.size:
            raise ValueError(f"np.{name} of an empty array is not defined")
        axes = axes_of(name, axis, x.ndim)
        others = [i for i in range(x.ndim) if i not in axes]
        rows = x.transpose(*others, *axes).reshape(-1, count(x, axes))
        ordered = np.sort(rows, axis=1)
        counts = np.sum(~np.isnan(plain(rows)), axis=1)
        bad = counts < max(1, 0 if name.startswith("nan") else rows.shape[1])
        at = np.zeros((q.size, len(rows)))
        for n in np.unique(counts[~bad]):
            whole = np.quantile(np.arange(float(n)), q.ravel(), method=method)
            at[:, counts == n] = whole[:, None]
        below = np.floor(at).astype(int)
        lower, upper = ordered[np.arange(len(rows)), below], None
        share = (at - below).astype(x.dtype)
        if share.any():
            upper = ordered[np.arange(len(rows)), np.ceil(at).astype(int)]
            lower = functions.where(share > 0.0, lower * (1.0 - share) + upper * share, lower)
        if bad.any():
            lower = functions.where(bad, np.nan, lower)
        kept = [1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i in others]
        return lower.reshape(*q.shape, *kept)

    return of


def median(name: str) -> Function:
    of = quantile(name)
    return lambda x, /, axis=None, keepdims=False: of(x, 0.5, axis, keepdims=bool(keepdims))


# ---- nan -----------------------------------------------------------------------------------------


def instead(x: Array, number: float) -> Array:
    """x with a number instead of nan."""
    return functions.where(np.isnan(plain(x)), number, x)


def without_nan(name: str, number: float) -> Function:
    """A reduction that reads nan as a number which does not count."""
    return lambda x, /, axis=None, keepdims=False: getattr(instead(x, number), name)(axis, keepdims)


def nan_extreme(name: str, number: float) -> Function:
    def extreme(x: Array, /, axis: Axis = None, keepdims: bool = False) -> Array:
        out = getattr(instead(x, number), name)(axis, keepdims)
        empty = np.isnan(plain(x)).all(axis=axis, keepdims=keepdims)
        return functions.where(empty, np.nan, out) if np.any(empty) else out

    return extreme


def nan_mean(x: Array, /, axis: Axis = None, keepdims: bool = False) -> Array:
    n = np.sum(~np.isnan(plain(x)), axis=axis, keepdims=keepdims).astype(x.dtype)
    return instead(x, 0.0).sum(axis, keepdims) / n


def nan_spread(name: str) -> Function:
    def spread(x: Array, /, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Array:
        gap = functions.where(np.isnan(plain(x)), 0.0, x - nan_mean(x, axis, True))
        n = np.sum(~np.isnan(plain(x)), axis=axis, keepdims=keepdims) - ddof
        divisor = np.where(n > 0, n, np.nan).astype(x.dtype)
        if name == "nanvar":
            return (gap * gap).sum(axis, keepdims) / divisor
        return norm(gap, None, axis, keepdims) / np.sqrt(divisor)

    return spread


# ---- of two --------------------------------------------------------------------------------------


def cov(
    m: Array, /, y: Array = None, rowvar: bool = True, bias: bool = False, ddof: Any = None,
    fweights: Any = None, aweights: Any = None,
) -> Array:  # fmt: skip
    x = np.atleast_2d(m) if rowvar or np.ndim(m) < 2 else m.T
    if y is not None:
        more = np.atleast_2d(as_array(y))
        x = cat([x, more if rowvar or len(more) == 1 else more.T])
    ddof = int(not bias) if ddof is None else ddof
    np.cov(np.ones(np.shape(x)), ddof=0, fweights=fweights, aweights=aweights)  # NumPy refuses
    ones = np.ones(np.shape(x)[1], x.dtype)
    spread = ones if aweights is None else np.asarray(aweights, x.dtype)
    weights = spread if fweights is None else spread * np.asarray(fweights)
    total = weights.sum()
    lost = ddof if aweights is None else ddof * (weights * spread).sum() / total
    gap = x - (x * weights).sum(1, True) / total
    return np.squeeze((gap * weights) @ gap.T / max(total - lost, 0.0))


def corrcoef(x: Array, /, y: Array = None, rowvar: bool = True) -> Array:
    c = cov(x, y, rowvar)
    spread = np.sqrt(np.diagonal(c) if c.ndim else c)
    return functions.clip(c / spread[..., None] / spread if c.ndim else c / c, -1.0, 1.0)


def sliding(name: str, turned: bool) -> Function:
    """The rule of a convolution: the longer row, with zeros around it, times the other one."""

    def of(a: Array, v: Array, /, mode: Any = "full" if turned else "valid") -> Array:
        if np.ndim(a) > 1 or np.ndim(v) > 1:
            raise ValueError(
                f"np.{name} is for rows, not for the shapes {np.shape(a), np.shape(v)}"
            )
        a, v = np.reshape(a, -1), np.reshape(v, -1)
        if not a.size or not v.size:
            raise ValueError(f"np.{name} of an empty row is not defined")
        n, back = len(a), v[::-1] if turned else v
        m = len(v)
        starts = np.arange(n + m - 1)[:, None] + np.arange(m)
        whole = np.pad(a, m - 1)[starts] @ back
        unit = np.eye(m)[0 if turned else -1]  # with which element k of the full result is k + 1
        found = getattr(np, name)(np.arange(1.0, n + 1), unit, mode)
        first = int(found[0]) - 1
        return whole[first : first + len(found)]

    return of


STATISTICS: dict[str, Function] = {
    **{name: getattr(Tensor, name) for name in (
        "sum", "mean", "prod", "max", "min", "var", "std", "cumsum")},
    **by_name(average, cumprod, diff, cov, corrcoef),
    "ptp": lambda x, /, axis=None, keepdims=False: x.max(axis, keepdims) - x.min(axis, keepdims),
    "nancumsum": lambda x, /, axis=None: instead(x, 0.0).cumsum(axis),
    "nancumprod": lambda x, /, axis=None: cumprod(instead(x, 1.0), axis),
    "cumulative_sum": cumulative("cumulative_sum", Tensor.cumsum, 0.0),
    "cumulative_prod": cumulative("cumulative_prod", cumprod, 1.0),
    **{name: quantile(name) for name in ("quantile", "nanquantile")},
    **{name: quantile(name, 100.0) for name in ("percentile", "nanpercentile")},
    **{name: median(name) for name in ("median", "nanmedian")},
    "nansum": without_nan("sum", 0.0), "nanprod": without_nan("prod", 1.0),
    "nanmax": nan_extreme("max", -np.inf), "nanmin": nan_extreme("min", np.inf),
    "nanmean": nan_mean,
    **{name: nan_spread(name) for name in ("nanvar", "nanstd")},
    "convolve": sliding("convolve", True), "correlate": sliding("correlate", False),
}  # fmt: skip
