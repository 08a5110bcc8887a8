"""The operations on whole arrays, as functions of arrays of any library, and of Tensors.

Differentiable operands are positional; settings (axes, shapes, indices) are keywords, already
checked and normalised. A type with the hook `__autograd_arrays__`, as Tensor has, computes the
operation itself. `Operations` uses the array API standard; `NumPyOperations` replaces what NumPy
does better or faster.
"""

from __future__ import annotations

import builtins
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .libraries import NUMPY, Array, Axes, DType, Library, NumPy, Shape, library_of, one_library
from .matrices import Matrices, NumPyMatrices
from .quiet import is_quiet, quiet, still

ndarray = np.ndarray
PLAIN: Any = {ndarray, np.float64, np.float32}  # types that need no dispatch


def count(x: Array, axes: Sequence[int]) -> int:
    """The number of elements of x along these axes."""
    return math.prod(x.shape if len(axes) == x.ndim else [x.shape[i] for i in axes])


def divisor(x: Array, axes: Sequence[int], ddof: float) -> float:
    """The divisor of a variance: the count minus `ddof`, but at least 0, as in NumPy."""
    return builtins.max(count(x, axes) - ddof, 0)


Function = Callable[..., Array]


def _reduction(name: str) -> Function:
    def reduce(self: Operations, x: Array, axes: Axes, keepdims: bool) -> Array:
        return getattr(self.xp, name)(x, axis=axes, keepdims=keepdims)

    return reduce


class Operations(Matrices):
    """The operations on arrays of one library."""

    def __init__(self, library: Library) -> None:
        self.library: Library = library
        self.xp: Any = library.xp

    # ---- over axes ----

    sum: Function = _reduction("sum")
    prod: Function = _reduction("prod")
    max: Function = _reduction("max")
    min: Function = _reduction("min")

    def mean(self, x: Array, axes: Axes, keepdims: bool) -> Array:
        return self.xp.sum(x, axis=axes, keepdims=keepdims) / count(x, axes)

    def var(self, x: Array, axes: Axes, keepdims: bool, ddof: float) -> Array:
        gap = x - self.mean(x, axes, True)
        return self.xp.sum(gap * gap, axis=axes, keepdims=keepdims) / divisor(x, axes, ddof)

    def std(self, x: Array, axes: Axes, keepdims: bool, ddof: float) -> Array:
        return self.xp.sqrt(self.var(x, axes, keepdims, ddof))

    def norm(self, x: Array, axes: Axes, keepdims: bool, p: float = 2.0) -> Array:
        """The p-norm; numbers are scaled by the largest, so that no power overflows."""
        if p < 0:  # the smallest dominates
            return 1.0 / self.norm(1.0 / x, axes, keepdims, -p)
        top = self.top(abs(x), axes)
        scale = self.xp.where((top > 0.0) & (top < math.inf), top, 1.0)
        total = self.xp.sum(abs(x / scale) ** p, axis=axes, keepdims=True)
        answer = scale * total ** (1.0 / p)
        return answer if keepdims else self.xp.squeeze(answer, axis=axes)

    def ties(self, x: Array, extreme: Array, axes: Axes) -> Array:
        """1 over the number of ties where x is the extreme, 0 elsewhere; nan beside a nan."""
        hits = self.library.astype(x == extreme, x.dtype)
        return hits / self.xp.sum(hits, axis=axes, keepdims=True)

    def logsumexp(self, x: Array, axes: Axes, keepdims: bool) -> Array:
        """ln(sum e^x), without overflow."""
        answer = self.top(x, axes) + self.xp.log(self.powers(x, axes)[2])
        return answer if keepdims else self.xp.squeeze(answer, axis=axes)

    def top(self, x: Array, axes: Axes) -> Array:
        """The largest along some axes, which are kept."""
        return self.xp.max(x, axis=axes, keepdims=True)

    def softmax(self, x: Array, axes: Axes) -> Array:
        """The shares of e^x along an axis; all 0 where every x is -inf."""
        _, powers, total = self.powers(x, axes)
        return powers / total

    def log_softmax(self, x: Array, axes: Axes) -> Array:
        """ln(softmax(x)), finite where a share underflows."""
        gaps, _, total = self.powers(x, axes)
        return gaps - self.xp.log(total)

    def powers(self, x: Array, axes: Axes) -> tuple[Array, Array, Array]:
        """d = x - max(x), e^d, and the sum of e^d (1 if all are 0)."""
        xp = self.xp
        top = self.top(x, axes)
        gaps = xp.where(x == math.inf, 0.0, x - xp.where(top == -math.inf, 0.0, top))
        powers = xp.exp(gaps)
        total = xp.sum(powers, axis=axes, keepdims=True)
        return gaps, powers, xp.where(total == 0.0, 1.0, total)

    def cumsum(self, x: Array, axis: int) -> Array:
        return self.xp.cumulative_sum(x, axis=axis)

    def flip(self, x: Array, axis: int) -> Array:
        return self.xp.flip(x, axis=axis)

    # ---- shapes ----

    def reshape(self, x: Array, shape: Shape) -> Array:
        try:
            return self.xp.reshape(x, shape)
        except (ValueError, NotImplementedError):  # Dask reshapes most shapes in two steps only
            return self.xp.reshape(self.xp.reshape(x, (-1,)), shape)

    def transpose(self, x: Array, axes: Axes) -> Array:
        return self.xp.permute_dims(x, axes)

    def broadcast_to(self, x: Array, shape: Shape) -> Array:
        return self.xp.broadcast_to(x, shape)

    def astype(self, x: Array, dtype: DType) -> Array:
        return self.library.astype(x, self.library.dtype(dtype))

    def cat(self, *xs: Array, axis: int) -> Array:
        return self.xp.concat(xs, axis=axis)

    def stack(self, *xs: Array, axis: int) -> Array:
        return self.xp.stack(xs, axis=axis)

    def pad(self, x: Array, widths: tuple[tuple[int, int], ...], value: float) -> Array:
        for axis, ends in enumerate(widths):
            if any(ends):
                shapes = [(*x.shape[:axis], n, *x.shape[axis + 1 :]) for n in ends]
                before, after = (self.library.full(shape, value, x) for shape in shapes)
                x = self.xp.concat([before, x, after], axis=axis)
        return x

    # ---- elements ----

    def getitem(self, x: Array, index: Any) -> Array:
        parts = whole_index(index, x.ndim)
        if is_basic(parts):
            margins(parts, x.shape)  # IndexError, where JAX would return the nearest element
            return x[parts]
        return self.gather(x, numbered(x.shape)[index])

    def scatter(self, g: Array, index: Any, shape: Shape) -> Array:
        """Zeros of that shape, with g added at the index; repeated places accumulate."""
        parts = whole_index(index, len(shape))
        if is_basic(parts):
            sizes, widths = margins(parts, shape)
            return self.pad(self.reshape(g, sizes), widths, 0.0)
        return self.add_at(g, numbered(shape)[index], shape)

    def windows(self, x: Array, size: Shape, stride: Shape, dilation: Shape) -> Array:
        """Every window of that size over the last axes, as new axes at the end."""
        return self.gather(x, sliding(numbered(x.shape), size, stride, dilation))

    def fold(self, g: Array, shape: Shape, size: Shape, stride: Shape, dilation: Shape) -> Array:
        """The transpose of `windows`: each window is added to its place."""
        return self.add_at(g, sliding(numbered(shape), size, stride, dilation), shape)

    def gather(self, x: Array, places: Array) -> Array:
        """The elements of x at these places, counted along all of it."""
        row, indices = self.reshape(x, (-1,)), self.library.like(np.ravel(places), x)
        return self.reshape(self.xp.take(row, indices, axis=0), places.shape)

    def add_at(self, g: Array, places: Array, shape: Shape) -> Array:
        """Zeros of that shape, with the elements of g added at these places."""
        places, g = np.ravel(places), self.reshape(g, (-1,))
        out = self.library.full((math.prod(shape),), 0.0, g)
        if hasattr(out, "index_add_"):  # PyTorch
            out.index_add_(0, self.library.like(places, g), g)
        elif hasattr(out, "at"):  # JAX
            out = out.at[places].add(g)
        else:  # adds the first share of each place, then the second ...
            padded = self.xp.concat([g, out[:1]], axis=0)
            for source in sources(places, out.shape[0]):
                out = out + self.xp.take(padded, self.library.like(source, g), axis=0)
        return self.reshape(out, shape)

    def matmul(self, x: Array, y: Array) -> Array:
        return self.xp.matmul(x, y)

    def einsum(self, *xs: Array, inputs: tuple[str, ...], output: str) -> Array:
        if not hasattr(self.xp, "einsum"):
            raise TypeError(f"{self.library.name} has no einsum: write it with matmul and sum")
        return self.xp.einsum(f"{','.join(inputs)}->{output}", *xs)

    def elements(self, x: Array) -> Array:
        return x[...]

    def element(self, x: Array, index: Axes) -> float:
        return float(x[index])

    def stack_values(self, *xs: float, shape: Shape) -> Array:
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
    """The number of axes that a part of an index consumes; a mask consumes all of its own."""
    if i is None or i is Ellipsis:
        return 0
    return i.ndim if isinstance(i, ndarray) and i.dtype.kind == "b" else 1


def is_basic(parts: tuple[Any, ...]) -> bool:
    """True for an index that every library takes: ints, and slices of step 1."""
    return not any(
        isinstance(i, ndarray) or (isinstance(i, slice) and i.step not in (None, 1)) for i in parts
    )


def margins(parts: tuple[Any, ...], shape: Shape) -> tuple[Axes, tuple[tuple[int, int], ...]]:
    """The sizes that a basic index selects, and how many elements it leaves out at both ends."""
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


def numbered(shape: Shape) -> Array:
    """The flat places of an array's elements, in its shape."""
    return np.arange(math.prod(shape)).reshape(shape)


def sources(places: Array, size: int) -> Iterator[Any]:
    """Arrays of `size` indices into `places`: of the first that is each place, of the second, ...

    len(places) means none. There are as many arrays as the most frequent place needs.
    """
    order = np.argsort(places, kind="stable")
    ordered = places[order]
    turn = np.arange(len(places)) - np.searchsorted(ordered, ordered)
    for k in range(turn.max(initial=-1) + 1):
        source = np.full(size, len(places))
        source[ordered[turn == k]] = order[turn == k]
        yield source


def sliding(x: Array, size: Shape, stride: Shape, dilation: Shape) -> Array:
    """Every window of that size over the last axes of a NumPy array; a view."""
    last = tuple(range(-len(size), 0))
    extent = [d * (n - 1) + 1 for n, d in zip(size, dilation, strict=True)]
    steps: Any = (..., *(slice(None, None, s) for s in (*stride, *dilation)))
    return sliding_window_view(x, extent, last)[steps]


# ---- NumPy's own way -----------------------------------------------------------------------------

# NumPy's fastest functions, under the standard's names: the others check their arguments for longer
# than most arrays take to compute.
add_up: Any = np.add.reduce
QUICK = SimpleNamespace(
    sum=add_up, prod=np.multiply.reduce, max=np.maximum.reduce, min=np.minimum.reduce,
    sqrt=np.sqrt, exp=np.exp, log=np.log, where=np.where,
    cumulative_sum=np.add.accumulate, concat=np.concatenate, flip=np.flip, stack=np.stack,
    matmul=np.matmul, permute_dims=np.transpose, squeeze=np.squeeze,
    linalg=np.linalg, finfo=np.finfo,
)  # fmt: skip


class NumPyOperations(NumPyMatrices, Operations):
    """The operations that NumPy has, or computes faster than the standard's functions."""

    def __init__(self) -> None:
        super().__init__(NUMPY)
        self.xp = QUICK

    def sum(self, x: Array, axes: Axes, keepdims: bool) -> Array:
        return add_up(x, axes, None, None, keepdims)

    def top(self, x: Array, axes: Axes) -> Array:
        return np.maximum.reduce(x, axis=axes, keepdims=True, initial=-np.inf)

    def powers(self, x: Array, axes: Axes) -> tuple[Array, Array, Array]:
        top = self.top(x, axes)
        if not math.isfinite(add_up(top, None)):
            return super().powers(x, axes)
        gaps = x - top
        powers = np.exp(gaps)
        return gaps, powers, add_up(powers, axes, None, None, True)

    def reshape(self, x: Array, shape: Shape) -> Array:
        return x.reshape(shape)

    def broadcast_to(self, x: Array, shape: Shape) -> Array:
        """A copy: NumPy's view takes longer to make than most arrays take to fill."""
        out = np.empty(shape, x.dtype)
        out[...] = x
        return out

    def getitem(self, x: Array, index: Any) -> Array:
        return x[index]

    def scatter(self, g: Array, index: Any, shape: Shape) -> Array:
        out = np.zeros(shape, g.dtype)
        parts = index if isinstance(index, tuple) else (index,)
        if any(i.__class__ is ndarray and i.dtype.kind in "iu" for i in parts):  # may repeat
            np.add.at(out, index, g)
        else:
            out[index] = g
        return out

    def windows(self, x: Array, size: Shape, stride: Shape, dilation: Shape) -> Array:
        return sliding(x, size, stride, dilation)

    def fold(self, g: Array, shape: Shape, size: Shape, stride: Shape, dilation: Shape) -> Array:
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

    def einsum(self, *xs: Array, inputs: tuple[str, ...], output: str) -> Array:
        subscripts = f"{','.join(inputs)}->{output}"
        if len(xs) == 1:
            return np.array(np.einsum(subscripts, *xs))  # may be a read-only view
        return np.einsum(subscripts, *xs, optimize=len(xs) > 2 or any(x.size > 1000 for x in xs))


ON_NUMPY = NumPyOperations()


# ---- as functions --------------------------------------------------------------------------------


WORDS: dict[str, str] = {}  # what an operation hands back of the gradient ḡ, in a sentence


def operation(name: str, words: str) -> Callable[..., Any]:
    """The function of that name: computes on NumPy arrays, and dispatches on other types."""
    WORDS[name] = words
    on_numpy = getattr(ON_NUMPY, name)
    of_nodes = quiet(on_numpy, theirs=True)

    def call(*xs: Array, **settings: Any) -> Array:
        for x in xs:
            if x.__class__ not in PLAIN:
                return _elsewhere(name, xs, settings)
        if "index" in settings and (library := _of_index(settings["index"])).stands_in:
            return _of_library(name, library)(*xs, **settings)
        if is_quiet.get():
            return on_numpy(*xs, **settings)
        if any(x.__class__ is ndarray and x.dtype.hasobject for x in xs):
            return of_nodes(*xs, **settings)
        return still.run(on_numpy, *xs, **settings)

    call.__name__ = call.__qualname__ = name
    return call


def _of_index(index: Any) -> Library:
    """The library of the arrays in an index."""
    return one_library("getitem", index if isinstance(index, tuple) else (index,))


def _elsewhere(name: str, xs: tuple[Array, ...], settings: dict[str, Any]) -> Array:
    """An operation with an operand that is not NumPy's; a node records it."""
    for x in xs:
        hook = getattr(type(x), "__autograd_arrays__", None)
        if hook is not None:
            return hook(name, xs, settings)
    return _of_library(name, one_library(name, xs))(*xs, **settings)


@cache
def _of_library(name: str, library: Library) -> Callable[..., Any]:
    operations = ON_NUMPY if library is NUMPY else Operations(library)
    if isinstance(library, NumPy) and library.stands_in:
        operations = library.operations
    return quiet(getattr(operations, name), theirs=True)


# fmt: off
sum:          Final = operation("sum",          "every element is handed the ḡ of the sum it is in")
mean:         Final = operation("mean",         "every element is handed an equal part of the ḡ of its mean")
prod:         Final = operation("prod",         "every element is handed ḡ times the product of the others")
var:          Final = operation("var",          "the further an element is from the mean, the more it is handed")
std:          Final = operation("std",          "the further an element is from the mean, the more it is handed")
norm:         Final = operation("norm",         "every element is handed its own part of the length")
max:          Final = operation("max",          "the largest is handed ḡ, the others 0; those that tie for it share it evenly")
min:          Final = operation("min",          "the smallest is handed ḡ, the others 0; those that tie for it share it evenly")
ties:         Final = operation("ties",         "it is flat: nothing is handed back")
softmax:      Final = operation("softmax",      "what one share gains the others lose: what is handed back adds up to 0")
log_softmax:  Final = operation("log_softmax",  "what one share gains the others lose: what is handed back adds up to 0")
logsumexp:    Final = operation("logsumexp",    "every element is handed its softmax's part of ḡ")
cumsum:       Final = operation("cumsum",       "an element is in every sum from its own on, and is handed the ḡ of them all")
flip:         Final = operation("flip",         "what was turned round is turned back")
reshape:      Final = operation("reshape",      "the same numbers, in the shape they came in")
transpose:    Final = operation("transpose",    "the axes go back to where they were")
broadcast_to: Final = operation("broadcast_to", "what was repeated is added up")
astype:       Final = operation("astype",       "the same numbers, in the precision they came in")
getitem:      Final = operation("getitem",      "what was picked is handed its ḡ, as often as it was picked; the rest 0")
scatter:      Final = operation("scatter",      "every element is handed the ḡ of the place it was put in")
pad:          Final = operation("pad",          "what was put around it is dropped")
windows:      Final = operation("windows",      "every element is handed the ḡ of all windows that show it")
fold:         Final = operation("fold",         "every window is handed the ḡ of the places it was added to")
element:      Final = operation("element",      "the element is handed ḡ, the others 0")
elements:     Final = operation("elements",     "each element is handed what its Value is handed")
matmul:       Final = operation("matmul",       "each operand is handed ḡ times the other one, transposed")
cat:          Final = operation("cat",          "each operand is handed its own part of ḡ")
stack:        Final = operation("stack",        "each operand is handed its own part of ḡ")
stack_values: Final = operation("stack_values", "each Value is handed its own element of ḡ")
einsum:       Final = operation("einsum",       "ḡ takes the place of the operand, whose labels become the result's")
solve:        Final = operation("solve",        "the right side is handed ḡ solved with the matrix transposed, the matrix minus that times the solution")
inv:          Final = operation("inv",          "the matrix is handed minus ḡ between two inverses, transposed")
pinv:         Final = operation("pinv",         "the matrix is handed minus ḡ between two inverses, transposed, and what turns its range")
det:          Final = operation("det",          "every element is handed ḡ times its cofactor")
det_slope:    Final = operation("det_slope",    "every element is handed ḡ times what the others' determinants gain from it")
logdet:       Final = operation("logdet",       "the matrix is handed ḡ times its inverse, transposed")
sign_of_det:  Final = operation("sign_of_det",  "it is flat: nothing is handed back")
cholesky:     Final = operation("cholesky",     "the triangle that was read is handed ḡ between two inverses of the factor")
qr:           Final = operation("qr",           "the matrix is handed what turns its frame, divided by the other factor")
eigenvalues:  Final = operation("eigenvalues",  "the matrix is handed the ḡ of each value along its eigenvector")
eigenvectors: Final = operation("eigenvectors", "the nearer two eigenvalues are, the more their vectors' ḡ turns the matrix")
singular_values: Final = operation("singular_values", "the matrix is handed the ḡ of each value along its singular vectors")
singular_vectors: Final = operation("singular_vectors", "the nearer two singular values are, the more their vectors' ḡ turns the matrix")
over_gaps:    Final = operation("over_gaps",    "the smaller a gap is, the more is handed back")
# fmt: on


def numbers(x: Array) -> list[Array]:
    """The elements of an array as a list of floats; of a Tensor, of Values."""
    hook = getattr(type(x), "__autograd_numbers__", None)
    return hook(x) if hook is not None else np.ravel(library_of(x).on_host(x)).tolist()


def like(constant: Array, x: Array) -> Array:
    """A NumPy array of constants in the library and on the device of x, which may be a node."""
    held = x._data if hasattr(x, "_data") else x
    return library_of(held).like(constant, held, held.dtype)
