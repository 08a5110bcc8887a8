"""Convolution and pooling: sliding windows, then a matrix product, a mean or a maximum.

Shapes are PyTorch's: (batch, channels, length) or (batch, channels, height, width), and for the
weights (channels out, channels in, *window).
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any, Final

from ..core.graph import data_of
from ..core.kinds import describe
from .building import pad
from .libraries import Array, Shape, library_of
from .operations import matmul, reshape, transpose, windows

Sizes = int | Sequence[int]  # one for all axes, or one for each


def _convolution(n: int) -> Callable[..., Array]:
    name = f"conv{n}d"

    def convolve(
        x: Array, weight: Array, bias: Array = None, stride: Sizes = 1, padding: Sizes = 0,
        dilation: Sizes = 1,
    ) -> Array:  # fmt: skip
        """Cross-correlation over the last axes; ValueError for shapes that do not match."""
        if x.ndim != n + 2 or weight.ndim != n + 2 or x.shape[1] != weight.shape[1]:
            raise ValueError(
                f"{name} takes x of shape (batch, channels, {n} sizes) and a weight of shape "
                f"(channels out, channels, {n} sizes), not {x.shape} and {weight.shape}"
            )
        given = x, weight, *([] if bias is None else [bias])
        around = _sizes(name, "padding", padding, n, 0)
        if any(around):
            x = pad(x, ((0, 0), (0, 0), *((p, p) for p in around)))
        steps, gaps = _sizes(name, "stride", stride, n), _sizes(name, "dilation", dilation, n)
        # batch, channels, *places, *window
        seen = _windows(name, x, tuple(weight.shape[2:]), steps, gaps)
        places, out = seen.shape[2 : 2 + n], weight.shape[0]
        order = (0, *range(2, 2 + n), 1, *range(2 + n, 2 + 2 * n))
        columns = reshape(transpose(seen, axes=order), shape=(-1, math.prod(weight.shape[1:])))
        answer = matmul(columns, transpose(reshape(weight, shape=(out, -1)), axes=(1, 0)))
        if bias is not None:
            answer = answer + bias
        apart = reshape(answer, shape=(x.shape[0], *places, out))
        found = transpose(apart, axes=(0, n + 1, *range(1, n + 1)))
        return _at_once("Conv", found, given, strides=steps, dilations=gaps, pads=around * 2)

    convolve.__name__ = convolve.__qualname__ = name
    return convolve


conv1d: Final = _convolution(1)
conv2d: Final = _convolution(2)


def max_pool2d(x: Array, size: Sizes, stride: Sizes | None = None) -> Array:
    """The maximum of each window of the last two axes; ties share the gradient evenly."""
    seen = _pool("max_pool2d", x, size, stride)
    window = {"kernel_shape": seen.shape[-2:], "strides": _sizes("", "", stride or size, 2)}
    return _at_once("MaxPool", seen.max(axis=(-2, -1)), [x], **window)


def avg_pool2d(x: Array, size: Sizes, stride: Sizes | None = None) -> Array:
    """The mean of each window of the last two axes."""
    return _pool("avg_pool2d", x, size, stride).mean(axis=(-2, -1))


def _pool(name: str, x: Array, size: Sizes, stride: Sizes | None) -> Array:
    if x.ndim < 2:
        raise ValueError(f"{name} takes an array of at least two axes, not of shape {x.shape}")
    window = _sizes(name, "size", size, 2)
    steps = window if stride is None else _sizes(name, "stride", stride, 2)
    return _windows(name, x, window, steps, (1, 1))


def _at_once(op: str, found: Array, given: Sequence[Array], **settings: Any) -> Array:
    """The result; a library that has the whole operation notes that it computes it."""
    library_of(data_of(found)).compute_at_once(op, data_of(found), map(data_of, given), settings)
    return found


def _windows(name: str, x: Array, size: Shape, stride: Shape, dilation: Shape) -> Array:
    extent = [d * (n - 1) + 1 for n, d in zip(size, dilation, strict=True)]
    if any(n > m for n, m in zip(extent, x.shape[-len(size) :], strict=True)):
        raise ValueError(f"{name}: a window of {tuple(extent)} is larger than the array, {x.shape}")
    return windows(x, size=size, stride=stride, dilation=dilation)


def _sizes(name: str, what: str, given: Sizes, n: int, least: int = 1) -> Shape:
    """One int for each axis, from one for all or one for each."""
    try:
        each = given if isinstance(given, Sequence) else (given,) * n
        sizes = tuple(map(operator.index, each))
    except TypeError:
        sizes = ()
    if len(sizes) != n or min(sizes) < least:
        raise ValueError(
            f"{name}: {what} is an int of at least {least}, or {n} of them, not {describe(given)}"
        )
    return sizes
