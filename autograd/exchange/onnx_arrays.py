"""Operations on the arrays of an ONNX graph, and the library that these are to Tensors."""

from __future__ import annotations

import builtins
import math
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..arrays.functions import compute
from ..arrays.libraries import LIBRARIES, Array, Axes, Shape
from ..arrays.matrices import Matrices
from ..arrays.operations import Operations, sliding, whole_index
from ..core import functions as f
from ..core.kinds import ARRAYS
from ..replaying.standins import Standins
from .onnx_graph import (
    BOOL,
    DOUBLE,
    FLOATS,
    INT,
    SINGLE,
    Size,
    Traced,
    each,
    function,
    joint,
    like,
    made,
    refuse,
    spread,
)  # fmt: skip


def reduced(op: str) -> Callable[..., Traced]:
    def reduction(self: Any, x: Traced, axes: Axes, keepdims: bool) -> Traced:
        kept = [1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes]
        return (
            made(op, kept, x.dtype, x, np.array(axes, INT), keepdims=int(keepdims)) if axes else x
        )

    return reduction


class OnnxOperations(Operations):
    """The operations on such arrays; all others are composed of these, as for other libraries."""

    sum, prod = reduced("ReduceSum"), reduced("ReduceProd")
    max, min = reduced("ReduceMax"), reduced("ReduceMin")

    def __init__(self) -> None:
        self.xp = SimpleNamespace(
            sum=lambda x, axis, keepdims=False: self.sum(x, axis, keepdims),
            max=lambda x, axis, keepdims=False: self.max(x, axis, keepdims),
            where=f.where, sqrt=f.sqrt, log=f.log, exp=f.exp,
            squeeze=lambda x, axis: x.reshape([n for i, n in enumerate(x.shape) if i not in axis]),
        )  # fmt: skip

    library = property(lambda self: LIBRARIES[Traced])

    def softmax(self, x: Traced, axes: Axes) -> Traced:
        return like("Softmax", x, axis=axes[0])

    def log_softmax(self, x: Traced, axes: Axes) -> Traced:
        return like("LogSoftmax", x, axis=axes[0])

    def cumsum(self, x: Traced, axis: int) -> Traced:
        return like("CumSum", x, np.array(axis))

    def flip(self, x: Traced, axis: int) -> Traced:
        return like("Slice", x, *[np.array([end]) for end in (-1, -(2**62), axis, -1)])

    # ---- shapes ----

    def reshape(self, x: Traced, shape: Shape) -> Traced:
        known = math.prod([n for n in shape if n != -1])
        shape = tuple([x.size // known if n == -1 else n for n in shape])
        if math.prod(shape) != x.size:
            raise ValueError(f"{x.size} elements do not fill the shape {shape}")
        if shape == x.shape:
            return x
        one = builtins.sum(isinstance(n, Size) for n in shape) == 1 and 0 not in shape
        told = [-1 if one and isinstance(n, Size) else n for n in shape]
        return made("Reshape", shape, x.dtype, x, x.graph.lengths(told))  # type: ignore[arg-type]

    def transpose(self, x: Traced, axes: Axes) -> Traced:
        if tuple(axes) == tuple(range(x.ndim)):
            return x
        return made("Transpose", [x.shape[i] for i in axes], x.dtype, x, perm=list(axes))

    def broadcast_to(self, x: Traced, shape: Shape) -> Traced:
        return x if shape == x.shape else made("Expand", shape, x.dtype, x, x.graph.lengths(shape))

    def cat(self, *xs: Any, axis: int) -> Traced:
        dtype, xs = joint(xs)  # type: ignore[assignment]
        total = builtins.sum([x.shape[axis] for x in xs])
        shape = (*xs[0].shape[:axis], total, *xs[0].shape[axis + 1 :])
        return made("Concat", shape, dtype, *xs, axis=axis)

    def stack(self, *xs: Any, axis: int) -> Traced:
        return self.cat(*[x.reshape((*x.shape[:axis], 1, *x.shape[axis:])) for x in xs], axis=axis)

    def pad(self, x: Traced, widths: tuple[tuple[int, int], ...], value: float) -> Traced:
        before, after = zip(*widths, strict=True)
        shape = [n + a + b if a or b else n for n, a, b in zip(x.shape, before, after, strict=True)]
        ends = np.array([*before, *after], INT)
        return made("Pad", shape, x.dtype, x, ends, np.array(value, x.dtype))

    # ---- elements ----

    def getitem(self, x: Any, index: Any) -> Traced:
        parts, rows = planned(index, x.shape)
        if rows is not None:
            shape = (*rows.shape[:-1], *x.shape[rows.shape[-1] :])
            return made("GatherND", shape, x.dtype, x, rows)
        for axis, part in reversed([*enumerate(part for part in parts if part is not None)]):
            x = self.take(x, part, axis)  # which leaves the axes before it as they were
        sizes, shape = iter(x.shape), list[int]()  # type: ignore[assignment]
        for part in parts:
            shape += [1] if part is None else islice(sizes, left(part))  # type: ignore[operator]
        return self.reshape(x, shape)

    def scatter(self, g: Any, index: Any, shape: Shape) -> Traced:
        parts, rows = planned(index, shape)
        if rows is not None:
            return self.added(g, rows, shape)
        sizes, kept = iter(g.shape), list[int]()
        for part in parts:
            kept += islice(sizes, left(part)) if part is not None else islice(sizes, 1, 1)
        g = self.reshape(g, tuple(kept))
        for axis, part in enumerate(part for part in parts if part is not None):
            g = self.put(g, part, axis, shape[axis])
        return g

    def element(self, x: Traced, index: Axes) -> Any:
        return self.getitem(x, index)

    def take(self, x: Any, places: Any, axis: int) -> Any:
        """The slices of x at places along an axis, whose axes come in its place."""
        if isinstance(places, slice):
            return x
        if not isinstance(x, Traced) and not isinstance(places, Traced):
            return np.take(x, places, axis)
        shape = (*x.shape[:axis], *places.shape, *x.shape[axis + 1 :])
        return made("Gather", shape, x.dtype, x, places, axis=axis)

    def put(self, g: Any, places: Any, axis: int, n: int) -> Any:
        """Zeros of n along an axis, with slices of g added at places: the transpose of `take`."""
        if isinstance(places, slice):
            return g
        own = tuple(range(axis, axis + places.ndim))
        rest = [i for i in range(g.ndim) if i not in own]
        shape = n, *[g.shape[i] for i in rest]
        rows = places.reshape((*places.shape, 1))
        added = self.added(self.transpose(g, (*own, *rest)), rows, shape)
        return self.transpose(added, (*range(1, axis + 1), 0, *range(axis + 1, added.ndim)))

    def added(self, g: Any, rows: Any, shape: Shape) -> Traced:
        """Zeros of that shape, with the slices of g added at rows of places."""
        zeros = self.library.full(shape, 0.0, g)
        return made("ScatterND", shape, g.dtype, zeros, rows, g, reduction="add")

    def windows(self, x: Traced, size: Shape, stride: Shape, dilation: Shape) -> Traced:
        lead, n = x.ndim - len(size), len(size)
        for i in reversed(range(n)):
            x = self.take(x, along(x.shape[lead + i], i, size, stride, dilation), lead + i)
        order = (*range(lead), *range(lead, lead + 2 * n, 2), *range(lead + 1, lead + 2 * n, 2))
        return self.transpose(x, order)

    def fold(self, g: Traced, shape: Shape, size: Shape, stride: Shape, dilation: Shape) -> Traced:
        n, lead = len(size), g.ndim - 2 * len(size)
        pairs = [axis for i in range(n) for axis in (lead + i, lead + n + i)]
        g = self.transpose(g, (*range(lead), *pairs))
        for i in range(lead, lead + n):
            g = self.put(g, along(shape[i], i - lead, size, stride, dilation), i, shape[i])
        return g

    def matmul(self, x: Any, y: Any) -> Traced:
        dtype, (x, y) = joint((x, y))
        if x.shape[-1] != y.shape[-2:][0]:
            raise ValueError("matmul: the inner sizes differ")
        shape = *spread(x.shape[:-2], y.shape[:-2]), *x.shape[-2:-1], *y.shape[1:][-1:]
        return made("MatMul", shape, dtype, x, y)

    def einsum(self, *xs: Any, inputs: tuple[str, ...], output: str) -> Traced:
        dtype, xs = joint(xs)  # type: ignore[assignment]
        pairs = [
            pair
            for labels, x in zip(inputs, xs, strict=True)
            for pair in zip(labels, x.shape, strict=True)
        ]
        sizes = dict(sorted(pairs, key=lambda pair: pair[1] != 1))
        equation = f"{','.join(inputs)}->{output}"
        return made("Einsum", [sizes[x] for x in output], dtype, *xs, equation=equation)


def along(n: int, i: int, *settings: Shape) -> Array:
    """The places of every window along one axis."""
    return sliding(np.arange(n), *[(setting[i],) for setting in settings])


for _name in set(vars(Matrices)) - {"library", "xp"}:
    if not _name.startswith("_"):
        setattr(OnnxOperations, _name, lambda self, *xs, _name=_name, **settings: refuse(_name))
ON_ONNX = OnnxOperations()


# ---- indices -------------------------------------------------------------------------------------


def planned(index: Any, shape: Shape) -> tuple[list[Any], Any]:
    """The part of each axis that an index takes: places, or all of it; None is a new axis.

    If several arrays index the first axes together, then also the rows of their places.
    """
    parts: list[Any] = []
    for part in whole_index(index, len(shape)):
        if isinstance(part, Traced) and part.dtype == BOOL:
            refuse("an index by a computed mask, whose length depends on numbers", ": use where()")
        parts += part.nonzero() if getattr(part, "dtype", INT) == BOOL else [part]
    fixed = [i for i, part in enumerate(parts) if part is not None and not isinstance(part, slice)]
    arrays = [part for part in parts if hasattr(part, "ndim")]
    if arrays and (len(arrays) > 1 or fixed[-1] - fixed[0] >= len(fixed)):
        if fixed[-1] >= len(fixed) or any(part != slice(None) for part in parts[len(fixed) :]):
            refuse("an index of several arrays that are not in front, or with parts of other axes")
        return parts, paired([parts[i] for i in fixed])
    axes = iter(shape)
    return [part if part is None else taken(part, next(axes)) for part in parts], None


def taken(part: Any, n: int) -> Any:
    """The part of an axis of length n that a part of an index takes."""
    if not isinstance(part, (int, slice)):
        return part.astype(INT)
    if isinstance(n, Size):
        if isinstance(part, int):
            return np.array(part)
        if part.indices(n) == (0, n, 1):
            return slice(None)
        refuse("a part of an axis whose length is free", ": give the axis a length")
    places = np.arange(n)[part]  # IndexError for an int that is out of range
    return slice(None) if isinstance(part, slice) and part.indices(n) == (0, n, 1) else places


def paired(arrays: Sequence[Any]) -> Any:
    """Indices into several axes as rows along a new last axis."""
    _, arrays = joint(arrays, INT)
    if not any(isinstance(x, Traced) for x in arrays):
        return np.stack(np.broadcast_arrays(*arrays), axis=-1)
    shape = spread(*[x.shape for x in arrays])
    zeros = each("Sub", *[next(x for x in arrays if isinstance(x, Traced))] * 2)
    return ON_ONNX.stack(*[each("Add", x, zeros) for x in arrays], axis=len(shape))


def left(part: Any) -> int:
    """The number of axes that come in the place of one."""
    return getattr(part, "ndim", 1)


# ---- the library ---------------------------------------------------------------------------------


class Onnx(Standins):
    """The library of such arrays; NumPy's are its constants."""

    by_product = False
    operations: Any = ON_ONNX
    function = staticmethod(function)

    def floats(self, x: Array) -> Array:
        return x if x.dtype in FLOATS else x.astype(DOUBLE)

    def full(self, shape: Shape, value: float, x: Array) -> Array:
        if not isinstance(x, Traced):
            return super().full(shape, value, x)
        one = Traced(x.graph, x.graph.constant(np.array(value, x.dtype)), (), x.dtype)
        return ON_ONNX.broadcast_to(one, tuple(shape))

    def compute_at_once(self, op: str, found: Array, given: Iterable[Array], named: Any) -> None:
        if found.dtype == SINGLE and found.ndim == 2 + len(named["strides"]):
            found.at = made(op, found.shape, SINGLE, *joint([*given], SINGLE)[1], **named).at

    def text(self, x: Array) -> str:
        return repr(x)


LIBRARIES[Traced] = Onnx()
ARRAYS[Traced] = compute
