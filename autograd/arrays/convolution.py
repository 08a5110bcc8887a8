"""Convolution and pooling: windows that slide, and then a product, a mean or the largest.

Shapes are PyTorch's: (batch, channels, length) or (batch, channels, height, width), and for the
weights (channels out, channels in, *window).
"""

from __future__ import annotations

import math
import operator
from typing import Any

from ..core.kinds import describe
from .operations import matmul, reshape, transpose, windows


def conv1d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1
) -> Any:
    """Cross-correlation along the last axis; ValueError for shapes that do not match."""
    return _convolve("conv1d", 1, x, weight, bias, stride, padding, dilation)


def conv2d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1
) -> Any:
    """Cross-correlation over the last two axes; ValueError for shapes that do not match."""
    return _convolve("conv2d", 2, x, weight, bias, stride, padding, dilation)


def max_pool2d(x: Any, size: Any, stride: Any = None) -> Any:
    """The largest in each window of the last two axes; ties share the gradient evenly."""
    return _pool("max_pool2d", x, size, stride).max(axis=(-2, -1))


def avg_pool2d(x: Any, size: Any, stride: Any = None) -> Any:
    """The mean of each window of the last two axes."""
    return _pool("avg_pool2d", x, size, stride).mean(axis=(-2, -1))


def _convolve(
    name: str, n: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any
) -> Any:
    from .building import pad

    if x.ndim != n + 2 or weight.ndim != n + 2 or x.shape[1] != weight.shape[1]:
        raise ValueError(
            f"{name} takes x of shape (batch, channels, {n} sizes) and a weight of shape (channels "
            f"out, channels, {n} sizes), not {x.shape} and {weight.shape}"
        )
    around = _sizes(name, "padding", padding, n, 0)
    if any(around):
        x = pad(x, ((0, 0), (0, 0), *((p, p) for p in around)))
    steps, gaps = _sizes(name, "stride", stride, n), _sizes(name, "dilation", dilation, n)
    seen = _windows(name, x, weight.shape[2:], steps, gaps)  # batch, channels, *places, *window
    places, out = seen.shape[2 : 2 + n], weight.shape[0]
    order = (0, *range(2, 2 + n), 1, *range(2 + n, 2 + 2 * n))
    columns = reshape(transpose(seen, axes=order), shape=(-1, math.prod(weight.shape[1:])))
    answer = matmul(columns, transpose(reshape(weight, shape=(out, -1)), axes=(1, 0)))
    if bias is not None:
        answer = answer + bias
    apart = reshape(answer, shape=(x.shape[0], *places, out))
    return transpose(apart, axes=(0, n + 1, *range(1, n + 1)))


def _pool(name: str, x: Any, size: Any, stride: Any) -> Any:
    if x.ndim < 2:
        raise ValueError(f"{name} takes an array of at least two axes, not of shape {x.shape}")
    window = _sizes(name, "size", size, 2)
    steps = window if stride is None else _sizes(name, "stride", stride, 2)
    return _windows(name, x, window, steps, (1, 1))


def _windows(name: str, x: Any, size: Any, stride: Any, dilation: Any) -> Any:
    extent = [d * (n - 1) + 1 for n, d in zip(size, dilation, strict=True)]
    if any(n > m for n, m in zip(extent, x.shape[-len(size) :], strict=True)):
        raise ValueError(f"{name}: a window of {tuple(extent)} is larger than the array, {x.shape}")
    return windows(x, size=tuple(size), stride=stride, dilation=dilation)


def _sizes(name: str, what: str, given: Any, n: int, least: int = 1) -> tuple[int, ...]:
    """One whole number for all axes, or one for each."""
    try:
        each = given if isinstance(given, (tuple, list)) else (given,) * n
        sizes = tuple(operator.index(i) for i in each)
    except TypeError:
        sizes = ()
    if len(sizes) != n or min(sizes) < least:
        raise ValueError(
            f"{name}: {what} is a whole number of at least {least}, or {n} of them, "
            f"not {describe(given)}"
        )
    return sizes
