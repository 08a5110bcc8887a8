"""The operations that only arrays have: what each computes.

As a function of numbers does, an operation takes any kind of array and answers in kind: a node, or
whatever else has the hook `__autograd_arrays__`, answers for itself. What is differentiated comes
by position; settings (axes, shapes, indices) come by keyword, already checked and in their plainest
form. Each is written once in the words of the array API standard, and again where NumPy has a
better way of its own.
"""

from __future__ import annotations

import builtins
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .libraries import NUMPY, Library, library_of, one_library
from .quiet import is_quiet, quiet, still

ndarray = np.ndarray
PLAIN = {ndarray, np.float64, np.float32}  # what NumPy computes, and nobody else need be asked
Axes = tuple[int, ...]


def count(x: Any, axes: Sequence[int]) -> int:
    """How many elements of x stand along these axes."""
    return math.prod(x.shape if len(axes) == x.ndim else [x.shape[i] for i in axes])


def divisor(x: Any, axes: Sequence[int], ddof: float) -> float:
    """What a variance divides by: the count less `ddof`, but at least 0, as in NumPy."""
    return builtins.max(count(x, axes) - ddof, 0)


class Operations:
    """What each operation computes on the arrays of one library."""

    def __init__(self, library: Library) -> None:
        self.library, self.xp = library, library.xp

    # ---- over axes ----

    def sum(self, x: Any, axes: Axes, keepdims: bool) -> Any:
        return self.xp.sum(x, axis=axes, keepdims=keepdims)

    def mean(self, x: Any, axes: Axes, keepdims: bool) -> Any:
        return self.xp.sum(x, axis=axes, keepdims=keepdims) / count(x, axes)

    def var(self, x: Any, axes: Axes, keepdims: bool, ddof: float) -> Any:
        gap = x - self.mean(x, axes, True)
        return self.xp.sum(gap * gap, axis=axes, keepdims=keepdims) / divisor(x, axes, ddof)

    def std(self, x: Any, axes: Axes, keepdims: bool, ddof: float) -> Any:
        return self.xp.sqrt(self.var(x, axes, keepdims, ddof))

    def norm(self, x: Any, axes: Axes, keepdims: bool, p: float = 2.0) -> Any:
        """The p-norm, of numbers that are scaled by the largest, so that no power overflows."""
        if p < 0:  # the smallest counts most
            return 1.0 / self.norm(1.0 / x, axes, keepdims, -p)
        top = self.top(abs(x), axes)
        scale = self.xp.where((top > 0.0) & (top < math.inf), top, 1.0)
        total = self.xp.sum(abs(x / scale) ** p, axis=axes, keepdims=True)
        answer = scale * total ** (1.0 / p)
        return answer if keepdims else self.without(answer, axes)

    def max(self, x: Any, axes: Axes, keepdims: bool) -> Any:
        return self.xp.max(x, axis=axes, keepdims=keepdims)

    def min(self, x: Any, axes: Axes, keepdims: bool) -> Any:
        return self.xp.min(x, axis=axes, keepdims=keepdims)

    def prod(self, x: Any, axes: Axes, keepdims: bool) -> Any:
        return self.xp.prod(x, axis=axes, keepdims=keepdims)

    def ties(self, x: Any, extreme: Any, axes: Axes) -> Any:
        """1 over the number of ties where x is the extreme, 0 elsewhere; nan beside a nan."""
        hits = self.library.astype(x == extreme, x.dtype)
        return hits / self.xp.sum(hits, axis=axes, keepdims=True)

    def logsumexp(self, x: Any, axes: Axes, keepdims: bool) -> Any:
        """ln(sum e^x), without overflow."""
        xp, top = self.xp, self.top(x, axes)
        offset = xp.where(xp.isfinite(top), top, 0.0)
        total = xp.sum(xp.exp(x - offset), axis=axes, keepdims=True)
        answer = offset + xp.log(total)
        return answer if keepdims else self.without(answer, axes)

    def top(self, x: Any, axes: Axes) -> Any:
        """The largest along some axes, which stay."""
        return self.xp.max(x, axis=axes, keepdims=True)

    def without(self, x: Any, axes: Axes) -> Any:
        """x without these axes, which are of length 1."""
        return self.reshape(x, tuple([n for i, n in enumerate(x.shape) if i not in axes]))

    def softmax(self, x: Any, axes: Axes) -> Any:
        """The shares of e^x along an axis; all 0 where every x is -inf."""
        _, powers, total = self.powers(x, axes)
        return powers / total

    def log_softmax(self, x: Any, axes: Axes) -> Any:
        """ln(softmax(x)), finite where a share underflows."""
        gaps, _, total = self.powers(x, axes)
        return gaps - self.xp.log(total)

    def powers(self, x: Any, axes: Axes) -> tuple[Any, Any, Any]:
        """x less the largest, e to that power, and the sum of those, which is 1 if all are 0."""
        xp = self.xp
        top = self.top(x, axes)
        gaps = xp.where(x == math.inf, 0.0, x - xp.where(top == -math.inf, 0.0, top))
        powers = xp.exp(gaps)
        total = xp.sum(powers, axis=axes, keepdims=True)
        return gaps, powers, xp.where(total == 0.0, 1.0, total)

    def cumsum(self, x: Any, axis: int) -> Any:
        return self.xp.cumulative_sum(x, axis=axis)

    def flip(self, x: Any, axis: int) -> Any:
        return self.xp.flip(x, axis=axis)

    # ---- shapes ----

    def reshape(self, x: Any, shape: Axes) -> Any:
        try:
            return self.xp.reshape(x, shape)
        except (ValueError, NotImplementedError):  # Dask takes most shapes in two steps only
            return self.xp.reshape(self.xp.reshape(x, (-1,)), shape)

    def transpose(self, x: Any, axes: Axes) -> Any:
        return self.xp.permute_dims(x, axes)

    def broadcast_to(self, x: Any, shape: Axes) -> Any:
        return self.xp.broadcast_to(x, shape)

    def astype(self, x: Any, dtype: Any) -> Any:
        return self.library.astype(x, self.library.dtype(dtype))

    def cat(self, *xs: Any, axis: int) -> Any:
        return self.xp.concat(xs, axis=axis)

    def stack(self, *xs: Any, axis: int) -> Any:
        return self.xp.stack(xs, axis=axis)

    def pad(self, x: Any, widths: tuple[tuple[int, int], ...], value: float) -> Any:
        for axis, ends in enumerate(widths):
            if any(ends):
                shapes = [(*x.shape[:axis], n, *x.shape[axis + 1 :]) for n in ends]
                before, after = (self.library.full(shape, value, x) for shape in shapes)
                x = self.xp.concat([before, x, after], axis=axis)
        return x

    # ---- elements ----

    def getitem(self, x: Any, index: Any) -> Any:
        parts = whole_index(index, x.ndim)
        if is_basic(parts):
            margins(parts, x.shape)  # IndexError for what JAX would answer with the nearest element
            return x[parts]
        return self.gather(x, numbered(x.shape)[index])

    def scatter(self, g: Any, index: Any, shape: Axes) -> Any:
        """Zeros of that shape, with g added at the index, as often as the index names a place."""
        parts = whole_index(index, len(shape))
        if is_basic(parts):
            sizes, widths = margins(parts, shape)
            return self.pad(self.reshape(g, sizes), widths, 0.0)
        return self.add_at(g, numbered(shape)[index], shape)

    def windows(self, x: Any, size: Axes, stride: Axes, dilation: Axes) -> Any:
        """Every window of that size over the last axes, as new axes at the end."""
        return self.gather(x, sliding(numbered(x.shape), size, stride, dilation))

    def fold(self, g: Any, shape: Axes, size: Axes, stride: Axes, dilation: Axes) -> Any:
        """Windows added back into the places they show: what `windows` is the transpose of."""
        return self.add_at(g, sliding(numbered(shape), size, stride, dilation), shape)

    def gather(self, x: Any, places: Any) -> Any:
        """The elements of x at these places, counted along all of it."""
        picked = self.xp.take(
            self.reshape(x, (-1,)), self.library.like(np.ravel(places), x), axis=0
        )
        return self.reshape(picked, places.shape)

    def add_at(self, g: Any, places: Any, shape: Axes) -> Any:
        """Zeros of that shape, with the elements of g added at these places."""
        places, g = np.ravel(places), self.reshape(g, (-1,))
        out = self.library.full((math.prod(shape),), 0.0, g)
        if hasattr(out, "index_add_"):  # PyTorch
            out.index_add_(0, self.library.like(places, g), g)
        elif hasattr(out, "at"):  # JAX
            out = out.at[places].add(g)
        else:  # each place finds what comes first to it, then what comes second ...
            padded = self.xp.concat([g, out[:1]], axis=0)
            for source in sources(places, out.shape[0]):
                out = out + self.xp.take(padded, self.library.like(source, g), axis=0)
        return self.reshape(out, shape)

    def matmul(self, x: Any, y: Any) -> Any:
        return self.xp.matmul(x, y)

    def einsum(self, *xs: Any, inputs: tuple[str, ...], output: str) -> Any:
        if not hasattr(self.xp, "einsum"):
            raise TypeError(f"{self.library.name} has no einsum: write it with matmul and sum")
        return self.xp.einsum(f"{','.join(inputs)}->{output}", *xs)

    def elements(self, x: Any) -> Any:
        return x[...]

    def element(self, x: Any, index: Axes) -> float:
        return float(x[index])

    def stack_values(self, *xs: float, shape: Axes) -> Any:
        return np.array(xs, dtype=float).reshape(shape)


# ---- indices -------------------------------------------------------------------------------------


def whole_index(index: Any, ndim: int) -> tuple[Any, ...]:
    """The index as a tuple that names every axis, without an ellipsis."""
    parts = index if isinstance(index, tuple) else (index,)
    named = builtins.sum(map(_axes_named, parts))
    rest = (slice(None),) * (ndim - named)
    for place, i in enumerate(parts):
        if i is Ellipsis:
            return (*parts[:place], *rest, *parts[place + 1 :])
    return (*parts, *rest)


def _axes_named(i: Any) -> int:
    """How many axes a part of an index stands for: a mask for as many as it has."""
    if i is None or i is Ellipsis:
        return 0
    return i.ndim if isinstance(i, ndarray) and i.dtype.kind == "b" else 1


def is_basic(parts: tuple[Any, ...]) -> bool:
    """Whether an index is of the kind that any library has: ints, and slices without gaps."""
    return not any(
        isinstance(i, ndarray) or (isinstance(i, slice) and i.step not in (None, 1)) for i in parts
    )


def margins(parts: tuple[Any, ...], shape: Axes) -> tuple[Axes, tuple[tuple[int, int], ...]]:
    """Where a basic index cuts an array: the sizes it takes, and what it leaves at both ends."""
    sizes, widths = [], []
    named = [i for i in parts if i is not None]
    if len(named) > len(shape):
        raise IndexError(f"{len(named)} indices are too many for an array of {len(shape)} axes")
    for axis, (i, n) in enumerate(zip(named, shape, strict=True)):
        if isinstance(i, int) and not -n <= i < n:
            raise IndexError(f"index {i} is out of bounds for axis {axis} with size {n}")
        start, stop, _ = (slice(i, i + 1 or None) if isinstance(i, int) else i).indices(n)
        sizes.append(builtins.max(stop - start, 0))
        widths.append((start, n - start - sizes[-1]))
    return tuple(sizes), tuple(widths)


def numbered(shape: Axes) -> Any:
    """The places of an array's elements, counted along all of it."""
    return np.arange(math.prod(shape)).reshape(shape)


def sources(places: Any, size: int) -> Iterator[Any]:
    """For each of `size` places: which comes there first, which comes there second, and so on.

    len(places) stands for none. There are as many answers as the most crowded place needs.
    """
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    turn = np.arange(len(places)) - np.searchsorted(ordered, ordered)
    for k in range(turn.max(initial=-1) + 1):
        source = np.full(size, len(places))
        source[ordered[turn == k]] = order[turn == k]
        yield source


def sliding(x: Any, size: Axes, stride: Axes, dilation: Axes) -> Any:
    """Every window of that size over the last axes of a NumPy array; a view."""
    last = tuple(range(-len(size), 0))
    extent = [d * (n - 1) + 1 for n, d in zip(size, dilation, strict=True)]
    steps: Any = (..., *(slice(None, None, s) for s in (*stride, *dilation)))
    return sliding_window_view(x, extent, last)[steps]


# ---- NumPy's own way -----------------------------------------------------------------------------

# The standard's names for what is quickest in NumPy: its own functions of these names look at
# their arguments for longer than it takes to compute most arrays.
add_up: Any = np.add.reduce
QUICK = SimpleNamespace(
    sum=add_up, prod=np.multiply.reduce, max=np.maximum.reduce, min=np.minimum.reduce,
    sqrt=np.sqrt, exp=np.exp, log=np.log, where=np.where, isfinite=np.isfinite,
    cumulative_sum=np.add.accumulate, concat=np.concatenate,
    stack=np.stack, matmul=np.matmul,
)  # fmt: skip


class NumPyOperations(Operations):
    """The same where NumPy has more than the standard, or is quicker another way."""

    def __init__(self) -> None:
        super().__init__(NUMPY)
        self.xp = QUICK

    def sum(self, x: Any, axes: Axes, keepdims: bool) -> Any:
        return add_up(x, axes, None, None, keepdims)

    def top(self, x: Any, axes: Axes) -> Any:
        return np.maximum.reduce(x, axis=axes, keepdims=True, initial=-np.inf)

    def norm(self, x: Any, axes: Axes, keepdims: bool, p: float = 2.0) -> Any:
        powers = x * x if p == 2.0 else abs(x) ** p
        total = add_up(powers, axes, None, None, keepdims)
        if np.all((total > 1e-30) & (total < np.inf)):  # no digit was lost, in float32 either
            return np.sqrt(total) if p == 2.0 else total ** (1.0 / p)
        return super().norm(x, axes, keepdims, p)

    def powers(self, x: Any, axes: Axes) -> tuple[Any, Any, Any]:
        top = self.top(x, axes)
        if not math.isfinite(add_up(top, None)):
            return super().powers(x, axes)
        gaps = x - top
        powers = np.exp(gaps)
        return gaps, powers, add_up(powers, axes, None, None, True)

    def flip(self, x: Any, axis: int) -> Any:
        return x[(slice(None),) * axis + (slice(None, None, -1),)]

    def reshape(self, x: Any, shape: Axes) -> Any:
        return x.reshape(shape)

    def transpose(self, x: Any, axes: Axes) -> Any:
        return x.transpose(axes)

    def broadcast_to(self, x: Any, shape: Axes) -> Any:
        """Written out: NumPy's view of the same takes longer to make than most to fill."""
        out = np.empty(shape, x.dtype)
        out[...] = x
        return out

    def astype(self, x: Any, dtype: Any) -> Any:
        return x.astype(dtype)

    def pad(self, x: Any, widths: tuple[tuple[int, int], ...], value: float) -> Any:
        return np.pad(x, widths, constant_values=value)

    def getitem(self, x: Any, index: Any) -> Any:
        return x[index]

    def scatter(self, g: Any, index: Any, shape: Axes) -> Any:
        out = np.zeros(shape, g.dtype)
        if _may_repeat(index):
            np.add.at(out, index, g)
        else:
            out[index] = g
        return out

    def windows(self, x: Any, size: Axes, stride: Axes, dilation: Axes) -> Any:
        return sliding(x, size, stride, dilation)

    def fold(self, g: Any, shape: Axes, size: Axes, stride: Axes, dilation: Axes) -> Any:
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

    def einsum(self, *xs: Any, inputs: tuple[str, ...], output: str) -> Any:
        subscripts = f"{','.join(inputs)}->{output}"
        if len(xs) == 1:
            return np.array(np.einsum(subscripts, *xs))  # may be a read-only view
        return np.einsum(subscripts, *xs, optimize=len(xs) > 2 or any(x.size > 1000 for x in xs))


def _may_repeat(index: Any) -> bool:
    for i in index if isinstance(index, tuple) else (index,):
        if i.__class__ is ndarray and i.dtype.kind in "iu":
            return True
    return False


ON_NUMPY = NumPyOperations()


@cache
def operations_of(library: Library) -> Operations:
    """The operations on the arrays of a library."""
    return ON_NUMPY if library is NUMPY else Operations(library)


# ---- as functions --------------------------------------------------------------------------------


def operation(name: str) -> Callable[..., Any]:
    """A function that computes on arrays, and asks any other kind of argument to answer."""
    on_numpy = getattr(ON_NUMPY, name)
    of_nodes = quiet(on_numpy, theirs=True)

    def call(*xs: Any, **settings: Any) -> Any:
        for x in xs:
            if x.__class__ not in PLAIN:
                return _elsewhere(name, xs, settings)
        if is_quiet.get():
            return on_numpy(*xs, **settings)
        if any(x.__class__ is ndarray and x.dtype.hasobject for x in xs):
            return of_nodes(*xs, **settings)
        return still.run(on_numpy, *xs, **settings)

    call.__name__ = call.__qualname__ = name
    return call


def _elsewhere(name: str, xs: tuple[Any, ...], settings: dict[str, Any]) -> Any:
    """An operation on what is not all NumPy's: a node answers for itself."""
    for x in xs:
        hook = getattr(type(x), "__autograd_arrays__", None)
        if hook is not None:
            return hook(name, xs, settings)
    library = one_library(name, xs)
    return _of_library(name, library)(*xs, **settings)


@cache
def _of_library(name: str, library: Library) -> Callable[..., Any]:
    return quiet(getattr(operations_of(library), name), theirs=True)


# fmt: off
matmul, einsum = operation("matmul"), operation("einsum")
sum, mean, prod = operation("sum"), operation("mean"), operation("prod")
var, std, norm = operation("var"), operation("std"), operation("norm")
max, min, ties = operation("max"), operation("min"), operation("ties")
softmax, log_softmax, logsumexp = operation("softmax"), operation("log_softmax"), operation("logsumexp")
cumsum, flip = operation("cumsum"), operation("flip")
reshape, transpose, broadcast_to = operation("reshape"), operation("transpose"), operation("broadcast_to")
getitem, scatter, element = operation("getitem"), operation("scatter"), operation("element")
cat, stack, pad, astype = operation("cat"), operation("stack"), operation("pad"), operation("astype")
elements, windows, fold = operation("elements"), operation("windows"), operation("fold")
stack_values = operation("stack_values")
# fmt: on


def numbers(x: Any) -> list[Any]:
    """The elements of an array one by one: floats, or Values of a Tensor."""
    hook = getattr(type(x), "__autograd_numbers__", None)
    return hook(x) if hook is not None else np.ravel(library_of(x).on_host(x)).tolist()


def like(constant: Any, x: Any) -> Any:
    """A NumPy array of constants as an array of the kind and the place of x, or of what x holds."""
    held = x._data if hasattr(x, "_data") else x
    return library_of(held).like(constant, held, held.dtype)
