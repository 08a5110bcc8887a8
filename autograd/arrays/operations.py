"""The operations that only arrays have: what each computes.

As a function of numbers does, an operation takes any kind of array and answers in kind: a NumPy
array is computed here, a node or whatever else has the hook `__autograd_arrays__` answers for
itself. What is differentiated comes by position; settings (axes, shapes, indices) come by keyword,
already checked and in their plainest form.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from . import functions as array_functions
from .functions import quiet

add_up: Any = np.add.reduce
COMPUTE: dict[str, Callable[..., Any]] = {}
SILENT = {"reshape", "transpose", "broadcast_to", "getitem", "cat", "stack", "windows", "element"}


def operation(name: str, compute: Callable[..., Any]) -> Callable[..., Any]:
    """A function that computes on arrays, and asks any other kind of argument to answer."""
    if name not in SILENT:
        compute = quiet(compute)
    COMPUTE[name] = compute

    def call(*xs: Any, **settings: Any) -> Any:
        for x in xs:
            hook = getattr(type(x), "__autograd_arrays__", None)
            if hook is not None:
                return hook(name, xs, settings)
        return compute(*xs, **settings)

    call.__name__ = call.__qualname__ = name
    return call


def numbers(x: Any) -> list[Any]:
    """The elements of an array one by one: floats, or Values of a Tensor."""
    hook = getattr(type(x), "__autograd_numbers__", None)
    return hook(x) if hook is not None else np.ravel(x).tolist()


def count(x: Any, axes: Sequence[int]) -> int:
    """How many elements of x stand along these axes."""
    return x.size if len(axes) == x.ndim else math.prod([x.shape[i] for i in axes])


def _mean(x: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    return add_up(x, axis=axes, keepdims=keepdims) / count(x, axes)


def _var(x: Any, axes: tuple[int, ...], keepdims: bool, ddof: float) -> Any:
    gap = x - np.asarray(_mean(x, axes, True))
    return add_up(gap * gap, axis=axes, keepdims=keepdims) / (count(x, axes) - ddof)


def _ties(x: Any, extreme: Any, axes: tuple[int, ...]) -> Any:
    """1 over the number of ties where x is the extreme, 0 elsewhere; nan beside a nan."""
    hits = (x == extreme).astype(x.dtype)
    return hits / add_up(hits, axis=axes, keepdims=True)


def _broadcast_to(x: Any, shape: tuple[int, ...]) -> Any:
    """Written out: NumPy's view of the same takes longer to make than most arrays to fill."""
    out = np.empty(shape, x.dtype)
    out[...] = x
    return out


def _scatter(g: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Zeros of that shape, with g added at the index, as often as the index names a place."""
    out = np.zeros(shape, g.dtype)
    if _may_repeat(index):
        np.add.at(out, index, g)
    else:
        out[index] = g
    return out


def _may_repeat(index: Any) -> bool:
    parts = index if isinstance(index, tuple) else (index,)
    return any(isinstance(i, np.ndarray) and i.dtype.kind in "iu" for i in parts)


def _windows(
    x: Any, size: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> Any:
    """Every window of that size over the last axes, as new axes at the end; a view."""
    last = tuple(range(-len(size), 0))
    extent = [d * (n - 1) + 1 for n, d in zip(size, dilation, strict=True)]
    steps: Any = (..., *(slice(None, None, s) for s in (*stride, *dilation)))
    return sliding_window_view(x, extent, last)[steps]


def _fold(
    g: Any,
    shape: tuple[int, ...],
    size: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> Any:
    """Windows added back into the places they show: what `windows` is the transpose of."""
    out = np.zeros(shape, g.dtype)
    counts = g.shape[g.ndim - 2 * len(size) : g.ndim - len(size)]
    for offsets in itertools.product(*map(range, size)):
        places: Any = tuple(
            slice(o * d, o * d + s * (n - 1) + 1, s)
            for o, d, s, n in zip(offsets, dilation, stride, counts, strict=True)
        )
        place: Any = (..., *places)
        out[place] += g[(..., *offsets)]
    return out


def _einsum(*xs: Any, inputs: tuple[str, ...], output: str) -> Any:
    subscripts = f"{','.join(inputs)}->{output}"
    if len(xs) == 1:
        return np.array(np.einsum(subscripts, *xs))  # may be a read-only view
    return np.einsum(subscripts, *xs, optimize=len(xs) > 2 or any(x.size > 1000 for x in xs))


def _pad(x: Any, widths: tuple[tuple[int, int], ...], value: float) -> Any:
    return np.pad(x, widths, constant_values=value)


def _floats(x: Any, index: tuple[int, ...]) -> float:
    return float(x[index])


# fmt: off
matmul       = operation("matmul",       lambda x, y: np.matmul(x, y))
sum          = operation("sum",          lambda x, axes, keepdims: add_up(x, axis=axes, keepdims=keepdims))
mean         = operation("mean",         _mean)
var          = operation("var",          _var)
std          = operation("std",          lambda x, axes, keepdims, ddof: np.sqrt(_var(x, axes, keepdims, ddof)))
max          = operation("max",          lambda x, axes, keepdims: np.maximum.reduce(x, axis=axes, keepdims=keepdims))
min          = operation("min",          lambda x, axes, keepdims: np.minimum.reduce(x, axis=axes, keepdims=keepdims))
prod         = operation("prod",         lambda x, axes, keepdims: np.multiply.reduce(x, axis=axes, keepdims=keepdims))
norm         = operation("norm",         lambda x, axes, keepdims: np.sqrt(add_up(x * x, axis=axes, keepdims=keepdims)))
logsumexp    = operation("logsumexp",    array_functions.logsumexp)
softmax      = operation("softmax",      lambda x, axes: array_functions.softmax(x, axes))
log_softmax  = operation("log_softmax",  lambda x, axes: array_functions.log_softmax(x, axes))
cumsum       = operation("cumsum",       lambda x, axis: np.add.accumulate(x, axis=axis))
ties         = operation("ties",         _ties)
reshape      = operation("reshape",      lambda x, shape: np.reshape(x, shape))
transpose    = operation("transpose",    lambda x, axes: np.transpose(x, axes))
broadcast_to = operation("broadcast_to", _broadcast_to)
getitem      = operation("getitem",      lambda x, index: x[index])
scatter      = operation("scatter",      _scatter)
cat          = operation("cat",          lambda *xs, axis: np.concatenate(xs, axis=axis))
stack        = operation("stack",        lambda *xs, axis: np.stack(xs, axis=axis))
pad          = operation("pad",          _pad)
einsum       = operation("einsum",       _einsum)
astype       = operation("astype",       lambda x, dtype: x.astype(dtype))
windows      = operation("windows",      _windows)
fold         = operation("fold",         _fold)
stack_values = operation("stack_values", lambda *xs, shape: np.array(xs, dtype=float).reshape(shape))
element      = operation("element",      _floats)
# fmt: on
