"""The rows of operations on whole arrays; those of `core.rules` serve arrays too.

A column is read as there, with the settings of the operation as keywords: `g` is the gradient with
respect to the output `out`, `x, y` are the inputs. No column undoes broadcasting or restores a
precision: the walk fits each share to its input. Columns use operators and `operations` only, so
they work on arrays of any library and on Tensors, and higher derivatives follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from string import ascii_letters
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..core.functions import exp, ratio, sign, where
from ..core.kinds import FUNCTIONS, Function
from ..core.rules import RULES, Rule
from . import operations
from .libraries import Array, Axes
from .matrix_rules import TABLE as MATRICES
from .matrix_rules import swapped
from .operations import (
    broadcast_to,
    count,
    cumsum,
    divisor,
    einsum,
    flip,
    fold,
    getitem,
    like,
    matmul,
    mean,
    numbers,
    pad,
    reshape,
    scatter,
    softmax,
    sum,
    ties,
    transpose,
    windows,
)

Column = Callable[..., Any]


class ArrayRule(Rule):
    """One row of the table below: its function and its columns take settings as keywords."""

    __slots__ = ()
    of_arrays = True

    def __init__(self, name: str, *columns: Column) -> None:
        self.name: str = name
        self.columns: tuple[Column, ...] = columns
        self.compute: Callable[..., Any] = getattr(operations, name)
        self.variadic: bool = bool(
            getattr(operations.Operations, name).__code__.co_flags & 0x04
        )  # *xs
        known = FUNCTIONS.get(name, Function)
        self.fact: Function = Function(
            name,
            self.compute,
            arity=len(columns),
            variadic=self.variadic,
            symbol="@" if name == "matmul" else name,
            rounding=known.rounding,
            commutative=known.commutative,
            length=name in ("norm", "std"),
        )

    @property
    def key(self) -> str:  # type: ignore[override]
        """Its name in a table: "matmul"; but "sum of arrays", as "sum" is a row of numbers."""
        return f"{self.name} of arrays" if self.name in RULES else self.name

    def altered(self, *columns: Column) -> ArrayRule:
        """The same operation with other columns."""
        return ArrayRule(self.name, *columns)


class Settled(Rule):
    """A row with the settings of one recorded operation: `Settled("flip", {"axis": 0})`."""

    __slots__ = ("row", "settings")
    of_arrays = True
    # Rule's tracks changes of the table, and is slower.
    if not TYPE_CHECKING:
        __setattr__ = object.__setattr__

    def __init__(self, name: str, settings: dict[str, Any], row: Rule | None = None) -> None:
        row = row or ROWS[name]
        self.row: Rule = row
        self.name: str = name
        self.settings: dict[str, Any] = settings
        self.fact: Function = row.fact
        self.variadic: bool = row.variadic

    @property
    def compute(self) -> Any:  # type: ignore[override]
        """The function with its settings."""
        return partial(self.row.compute, **self.settings)

    @property
    def columns(self) -> tuple[Column, ...]:  # type: ignore[override]
        """The columns with their settings."""
        return tuple([partial(column, **self.settings) for column in self.row.columns])

    def of(self, rules: Mapping[str, Rule]) -> Settled:
        """The operation with the row of another table, and the same settings."""
        return Settled(self.name, self.settings, rules.get(self.row.key) or self.row)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.name not in ROWS:
            raise TypeError(f"a graph with {self.name}, of another framework, is not pickled")
        return Settled, (self.name, self.settings)


# ---- helpers of the table ------------------------------------------------------------------------


def spread(g: Array, x: Array, axes: Axes, keepdims: bool) -> Array:
    """The result of a reduction over `axes`, broadcast to the shape of x."""
    if not keepdims and len(axes) < x.ndim:
        g = reshape(g, shape=tuple([1 if i in axes else n for i, n in enumerate(x.shape)]))
    return broadcast_to(g, shape=tuple(x.shape))


def centred(x: Array, axes: Axes) -> Array:
    """x minus its mean."""
    return x - mean(x, axes=axes, keepdims=True)


def norm_slope(x: Array, length: Array, p: float) -> Array:
    """The slope of a p-norm, sign(x) (|x| / length)^(p - 1); 0 where x is 0."""
    if p == 2.0:
        return ratio(x, length)
    share = ratio(abs(x), length) if p > 1.0 else ratio(length, abs(x))
    return sign(x) * share ** abs(p - 1.0)


def others(x: Array) -> Array:
    """For each element, the product of all others along the last axis; exact if some are 0."""
    *before, n = x.shape
    if n < 2:
        return where(x == x, 1.0, 1.0)
    if n % 2:
        x = pad(x, widths=(*((0, 0) for _ in before), (0, 1)), value=1.0)
    pairs = reshape(x, shape=(*before, (n + 1) // 2, 2))
    above = others(pairs[..., 0] * pairs[..., 1])
    swapped = flip(pairs, axis=x.ndim)
    return reshape(swapped * above[..., None], shape=tuple(x.shape))[..., :n]


def others_along(x: Array, axes: Axes) -> Array:
    """`others` along several axes together."""
    order = (*(i for i in range(x.ndim) if i not in axes), *axes)
    moved = transpose(x, axes=order)
    flat_axes = reshape(moved, shape=(*moved.shape[: x.ndim - len(axes)], count(x, axes)))
    found = reshape(others(flat_axes), shape=tuple(moved.shape))
    return transpose(found, axes=inverse(order))


def inverse(order: Axes) -> Axes:
    """The permutation that undoes this one."""
    return tuple(sorted(range(len(order)), key=order.__getitem__))


def cut(x: Array, axis: int, *part: Any) -> Array:
    """A part of x along one axis."""
    return getitem(x, index=(slice(None),) * axis + part)


def times_transposed(g: Array, x: Array, y: Array) -> Array:
    """The share of x in x @ y; a vector is a row on the left and a column on the right."""
    if y.ndim == 1:
        return g[..., None] * y
    return g @ swapped(y) if x.ndim > 1 else matmul(y, g[..., None])[..., 0]


def transposed_times(x: Array, g: Array, y: Array) -> Array:
    """The share of y in x @ y."""
    if x.ndim == 1:
        return g * x if y.ndim == 1 else g[..., None, :] * x[:, None]
    if y.ndim == 1:
        return matmul(swapped(x), g[..., None])[..., 0]
    if y.ndim == 2 < x.ndim:  # one product, instead of the sum of a stack of products
        x, g = (reshape(a, shape=(-1, a.shape[-1])) for a in (x, g))
    return swapped(x) @ g if g.__class__ is np.ndarray else matmul(swapped(x), g)


def parts(g: Array, xs: tuple[Array, ...], axis: int) -> list[Array]:
    """g cut along an axis into the lengths of xs."""
    shares, start = [], 0
    for x in xs:
        stop = start + x.shape[axis]
        shares.append(cut(g, axis, slice(start, stop)))
        start = stop
    return shares


def einsum_share(
    g: Array, xs: tuple[Array, ...], i: int, inputs: tuple[str, ...], output: str
) -> Array:
    """The share of the i-th input: the einsum with g and the output's labels in its place.

    A label that no other operand has was summed: an operand of ones broadcasts along it. A label
    that occurs twice took the diagonal: an identity matrix restores it.
    """
    sizes: dict[str, int] = {}
    for labels, x in zip(inputs, xs, strict=True):
        for label, n in zip(labels, x.shape, strict=True):
            sizes[label] = n if sizes.get(label, 1) == 1 else sizes[label]
    operands = [g, *xs[:i], *xs[i + 1 :]]
    names = [output, *inputs[:i], *inputs[i + 1 :]]
    unused = (letter for letter in ascii_letters if letter not in "".join((*inputs, output)))
    target = ""
    for label in inputs[i]:
        if label in target:
            names.append(label + (fresh := next(unused)))
            operands.append(like(np.eye(sizes[label]), g))
            target += fresh
            continue
        if label not in "".join(names):
            names.append(label)
            operands.append(like(np.ones(sizes[label]), g))
        target += label
    return einsum(*operands, inputs=tuple(names), output=target)


# ---- shares of single elements -------------------------------------------------------------------


class Scattered:
    """The gradient of a Tensor whose elements are Values: shares of single elements, in order.

    A sum extends the list of its left operand, which keeps its own `count`: adding n shares costs
    O(n), not O(n^2).
    """

    __slots__ = ("arrived", "count", "shape")

    def __init__(self, arrived: list[tuple[Axes, Any]], shape: Axes) -> None:
        self.arrived: Final = arrived
        self.count: Final = len(arrived)
        self.shape: Final = shape

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, Scattered):  # a frame adds 0.0, which leaves no -0
            return self._data + other
        mine = self.arrived if len(self.arrived) == self.count else self.arrived[: self.count]
        mine.extend(other.elements())
        return Scattered(mine, self.shape)

    def elements(self) -> list[tuple[Axes, Any]]:
        """Pairs of an index and a share, in order of arrival."""
        return self.arrived[: self.count]

    @property
    def paths(self) -> Array:
        """nan where a share has arrived, else 0 (see `partial`); None if all have."""
        paths = np.zeros(self.shape)
        for index, _ in self.elements():
            paths[index] = np.nan
        return None if np.isnan(paths).all() else paths

    @property
    def _data(self) -> Array:
        """The sums of the shares, for messages and a check that all are finite."""
        array = np.zeros(self.shape)
        for index, g in self.elements():
            array[index] += getattr(g, "_data", g)
        return array

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return self._data


def one_of(g: Any, index: Axes, x: Any) -> Scattered:
    """The share of x if g is the share of its element at `index`."""
    return Scattered([(index, g)], tuple(x.shape))


def dense(g: Any, x: Any) -> Array:
    """A scattered gradient as an array of the library of x; a Tensor if the shares are Values.

    Many gradients, if a share is that (see `rows`); a gradient that is an array stays as it is.
    """
    if not isinstance(g, Scattered):
        return g
    shares = [share for _, share in g.elements()]
    hooks = (getattr(owner, "__autograd_gather__", None) for owner in (x, *shares))
    gather = next(filter(None, hooks), None)
    if gather is None:
        return like(g._data, x)
    places: dict[Axes, Any] = {}
    for index, share in g.elements():
        places[index] = places[index] + share if index in places else share
    return reshape(gather([places.get(i, 0.0) for i in np.ndindex(g.shape)]), shape=g.shape)


# ---- the table -----------------------------------------------------------------------------------


# fmt: off
TABLE: dict[str, tuple[Column, ...]] = {
    #                passes to x
    "sum":          (lambda g, out, x, axes, keepdims: spread(g, x, axes, keepdims),),
    "mean":         (lambda g, out, x, axes, keepdims: spread(g / count(x, axes), x, axes, keepdims),),
    "var":          (lambda g, out, x, axes, keepdims, ddof: spread(2 * g / divisor(x, axes, ddof), x, axes, keepdims) * centred(x, axes),),
    "std":          (lambda g, out, x, axes, keepdims, ddof: spread(g / divisor(x, axes, ddof), x, axes, keepdims) * ratio(centred(x, axes), spread(out, x, axes, keepdims)),),
    "max":          (lambda g, out, x, axes, keepdims: spread(g, x, axes, keepdims) * ties(x, spread(out, x, axes, keepdims), axes=axes),),
    "min":          (lambda g, out, x, axes, keepdims: spread(g, x, axes, keepdims) * ties(x, spread(out, x, axes, keepdims), axes=axes),),
    "prod":         (lambda g, out, x, axes, keepdims: spread(g, x, axes, keepdims) * others_along(x, axes),),
    "norm":         (lambda g, out, x, axes, keepdims, p=2.0: spread(g, x, axes, keepdims) * norm_slope(x, spread(out, x, axes, keepdims), p),),
    "logsumexp":    (lambda g, out, x, axes, keepdims: spread(g, x, axes, keepdims) * softmax(x, axes=axes),),
    "softmax":      (lambda g, out, x, axes: out * (g - sum(g * out, axes=axes, keepdims=True)),),
    "log_softmax":  (lambda g, out, x, axes: g - exp(out) * sum(g, axes=axes, keepdims=True),),
    "cumsum":       (lambda g, out, x, axis: flip(cumsum(flip(g, axis=axis), axis=axis), axis=axis),),
    "flip":         (lambda g, out, x, axis: flip(g, axis=axis),),
    "ties":         (lambda g, out, x, extreme, axes: None,           lambda g, out, x, extreme, axes: None),

    "reshape":      (lambda g, out, x, shape: reshape(g, shape=tuple(x.shape)),),
    "transpose":    (lambda g, out, x, axes: transpose(g, axes=inverse(axes)),),
    "broadcast_to": (lambda g, out, x, shape: g,),
    "astype":       (lambda g, out, x, dtype: g,),
    "getitem":      (lambda g, out, x, index: scatter(g, index=index, shape=tuple(x.shape)),),
    "scatter":      (lambda g, out, x, index, shape: getitem(g, index=index),),
    "pad":          (lambda g, out, x, widths, value: getitem(g, index=tuple([slice(a, a + n) for (a, _), n in zip(widths, x.shape, strict=True)])),),
    "elements":     (lambda g, out, x: dense(g, x),),
    "element":      (lambda g, out, x, index: one_of(g, index, x),),
    "windows":      (lambda g, out, x, size, stride, dilation: fold(g, shape=tuple(x.shape), size=size, stride=stride, dilation=dilation),),
    "fold":         (lambda g, out, x, shape, size, stride, dilation: windows(g, size=size, stride=stride, dilation=dilation),),

    #                passes to x                                      passes to y
    "matmul":       (lambda g, out, x, y: times_transposed(g, x, y),  lambda g, out, x, y: transposed_times(x, g, y)),

    # operations on several arrays: one column, which returns a share for each
    "cat":          (lambda g, out, *xs, axis: parts(g, xs, axis),),
    "stack":        (lambda g, out, *xs, axis: [cut(g, axis, i) for i in range(len(xs))],),
    "stack_values": (lambda g, out, *xs, shape: numbers(g),),
    "einsum":       (lambda g, out, *xs, inputs, output: [einsum_share(g, xs, i, inputs, output) for i in range(len(xs))],),

    **MATRICES,  # of linear algebra
}
# fmt: on

ROWS = {name: ArrayRule(name, *columns) for name, columns in TABLE.items()}
