"""Many gradients in one walk back: `Rows` stands for the gradient, and the columns compute on it.

A column is written for one gradient. `Rows` holds many of them, stacked along a leading axis that
no column sees: its shape is that of one of them, and each operation that a column applies to it is
applied to all. What is not known here raises TypeError, and the gradients are taken one by one.
"""

from __future__ import annotations

import builtins
import operator
from collections.abc import Callable
from string import ascii_letters
from typing import Any, Final

import numpy as np

from ..core.kinds import FUNCTIONS
from .functions import compute
from .libraries import Array, Axes, Shape
from .matrix_rules import OWN_AXES
from .operations import ON_NUMPY, numbered

basic: Final = (int, slice, type(None), type(Ellipsis))  # they select no place twice


def _binary(apply: Callable[..., Array]) -> tuple[Any, Any]:
    """The method that applies an operator, and the one for the operator's right operand."""

    def method(self: Rows, other: Array) -> Rows:
        return each(apply, self, other)

    def reflected(self: Rows, other: Array) -> Rows:
        return each(apply, other, self)

    return method, reflected


class Rows:
    """Arrays of one shape, stacked along a leading axis that does not show."""

    __slots__ = ("stacked",)
    __array_ufunc__ = None  # an array on the left of an operator returns NotImplemented

    def __init__(self, stacked: Array) -> None:
        self.stacked: Array = stacked

    shape: Any = property(lambda self: self.stacked.shape[1:])
    ndim: Any = property(lambda self: self.stacked.ndim - 1)
    dtype: Any = property(lambda self: self.stacked.dtype)

    __add__, __radd__ = _binary(operator.add)
    __sub__, __rsub__ = _binary(operator.sub)
    __mul__, __rmul__ = _binary(operator.mul)
    __truediv__, __rtruediv__ = _binary(operator.truediv)

    def __matmul__(self, other: Array) -> Rows:
        return matmul(self, other)

    def __rmatmul__(self, other: Array) -> Rows:
        return matmul(other, self)

    def __neg__(self) -> Rows:
        return Rows(-self.stacked)

    def __getitem__(self, index: Any) -> Rows:
        return getitem(self, index)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Array:
        raise TypeError("many gradients are not one array")

    @classmethod
    def __autograd_function__(cls, name: str, args: tuple[Any, ...]) -> Rows:
        fact = FUNCTIONS[name]
        if fact.variadic or fact.settings:
            raise TypeError(f"{name} is not applied to many gradients at once")
        return each(lambda *xs: compute(fact, xs), *args)

    @classmethod
    def __autograd_arrays__(cls, name: str, xs: tuple[Array, ...], settings: Any) -> Rows:
        if name not in ON_ROWS:
            raise TypeError(f"{name} is not applied to many gradients at once")
        return ON_ROWS[name](*xs, **settings)

    @staticmethod
    def __autograd_numbers__(x: Rows) -> list[Rows]:
        return [Rows(row) for row in x.stacked.reshape(len(x.stacked), -1).T]

    def __autograd_gather__(self, rows: list[Any]) -> Rows:
        return Rows(np.stack([whole(x, len(self.stacked)) for x in rows], axis=1))


def aligned(x: Array, ndim: int) -> Array:
    """x with axes of length 1 where it broadcasts to `ndim` axes; the leading axis stays first."""
    if not isinstance(x, Rows) or x.ndim == ndim:
        return getattr(x, "stacked", x)
    return x.stacked.reshape(len(x.stacked), *[1] * (ndim - x.ndim), *x.shape)


def each(apply: Callable[..., Array], *xs: Array) -> Rows:
    """A function of elements, which broadcasts."""
    ndim = builtins.max(getattr(x, "ndim", 0) for x in xs)
    return Rows(apply(*[aligned(x, ndim) for x in xs]))


def whole(x: Array, n: int) -> Array:
    """x as a stack of n arrays, whether it is one or the same for all."""
    return x.stacked if isinstance(x, Rows) else np.broadcast_to(x, (n, *np.shape(x)))


# ---- operations whose settings name axes, shapes or places ---------------------------------------

# Settings that change where a leading axis of length n is before the others.
SHIFTED: dict[str, Callable[[Any, int], Any]] = {
    "axis": lambda axis, n: axis + 1,
    "axes": lambda axes, n: tuple([i + 1 for i in axes]),
    "shape": lambda shape, n: (n, *shape),
    "widths": lambda widths, n: ((0, 0), *widths),
}


def _shifted(name: str) -> Callable[..., Rows]:
    """An operation along some axes, which spares the leading one if its settings are shifted."""

    def apply(*xs: Array, **settings: Any) -> Rows:
        n = next(len(x.stacked) for x in xs if isinstance(x, Rows))
        for key in SHIFTED.keys() & settings:
            settings[key] = SHIFTED[key](settings[key], n)
        return Rows(getattr(ON_NUMPY, name)(*[whole(x, n) for x in xs], **settings))

    return apply


def transpose(x: Rows, axes: Axes) -> Rows:
    return Rows(x.stacked.transpose(0, *[i + 1 for i in axes]))


def broadcast_to(x: Rows, shape: Shape) -> Rows:
    return Rows(np.broadcast_to(aligned(x, len(shape)), (len(x.stacked), *shape)))


def getitem(x: Rows, index: Any) -> Rows:
    parts = index if isinstance(index, tuple) else (index,)
    if all(isinstance(i, basic) for i in parts):
        return Rows(x.stacked[(slice(None), *parts)])
    places = numbered(x.shape)[index]
    flat = x.stacked.reshape(len(x.stacked), -1)[:, places.ravel()]
    return Rows(flat.reshape(len(x.stacked), *places.shape))


def scatter(x: Rows, index: Any, shape: Shape) -> Rows:
    n, parts = len(x.stacked), index if isinstance(index, tuple) else (index,)
    out = np.zeros((n, *shape), x.dtype)
    if all(isinstance(i, basic) for i in parts):
        out[(slice(None), *parts)] = x.stacked
    else:
        places: Any = (slice(None), numbered(shape)[index].ravel())
        np.add.at(out.reshape(n, -1), places, x.stacked.reshape(n, -1))
    return Rows(out)


def matmul(x: Array, y: Array) -> Rows:
    if isinstance(x, Rows) and y.__class__ is np.ndarray and y.ndim == 2:  # one product for all
        return Rows((x.stacked.reshape(-1, x.shape[-1]) @ y).reshape(*x.stacked.shape[:-1], -1))
    if x.__class__ is np.ndarray and x.ndim == 2 and isinstance(y, Rows) and y.shape[1:] == (1,):
        return Rows((y.stacked[:, :, 0] @ x.T)[:, :, None])
    row, column = x.ndim == 1, y.ndim == 1
    x, y = x[None, :] if row else x, y[:, None] if column else y
    ndim = builtins.max(x.ndim, y.ndim)
    out = np.matmul(aligned(x, ndim), aligned(y, ndim))
    out = out[..., 0, :] if row else out
    return Rows(out[..., 0] if column else out)


def einsum(*xs: Array, inputs: tuple[str, ...], output: str) -> Rows:
    new = next(letter for letter in ascii_letters if letter not in "".join((*inputs, output)))
    named = zip(xs, inputs, strict=True)
    labels = tuple([new + label if isinstance(x, Rows) else label for x, label in named])
    stacks = [getattr(x, "stacked", x) for x in xs]
    return Rows(ON_NUMPY.einsum(*stacks, inputs=labels, output=new + output))


def _of_matrices(name: str) -> Callable[..., Rows]:
    """An operation on the last axes of its inputs, whose leading axes broadcast."""
    first, *others = OWN_AXES[name][1:]

    def of_matrices(*xs: Array, **settings: Any) -> Rows:
        own = [first, *(others or [first]) * len(xs)][: len(xs)]
        leading = builtins.max(x.ndim - k for x, k in zip(xs, own, strict=True))
        stacks = [x if isinstance(x, Rows) else Rows(x[None]) for x in xs]
        xs = tuple([aligned(x, leading + k) for x, k in zip(stacks, own, strict=True)])
        return Rows(getattr(ON_NUMPY, name)(*xs, **settings))

    return of_matrices


ON_ROWS: dict[str, Callable[..., Rows]] = {
    **{name: _of_matrices(name) for name in OWN_AXES},
    **{name: _shifted(name) for name in (
        "sum", "mean", "prod", "max", "min", "var", "std", "norm", "logsumexp", "softmax",
        "log_softmax", "cumsum", "flip", "cat", "stack", "reshape", "astype", "pad", "windows",
        "fold",
    )},
    "transpose": transpose, "broadcast_to": broadcast_to, "getitem": getitem, "scatter": scatter,
    "matmul": matmul, "einsum": einsum,
}  # fmt: skip
