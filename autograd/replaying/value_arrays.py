"""The array that a recorded function gets for an array of numbers: an array of Values.

Of objects NumPy computes with Python's operators: its maximum passes over nan, and the standard
deviation of equal numbers has no slope. So ufuncs are computed at each element by this package's
rules here, what moves or adds elements is NumPy's own, and where a function does anything else,
`Unfit` ends the recording: Tensors are recorded instead.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from ..arrays.numpy_protocols import title_of
from ..arrays.value_protocols import OPERATORS, on_values
from ..trees import array_of
from .standins import mapped

SUMS = {np.add, np.multiply, np.matmul, np.logical_and, np.logical_or}
# Functions that place, add or multiply elements, whatever these are.
MOVING_NAMES = (
    "append", "array_split", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays",
    "broadcast_to", "column_stack", "concatenate", "copy", "cross", "cumprod", "cumsum",
    "delete", "diag", "diagflat", "diagonal", "diff", "dot", "dsplit", "dstack", "ediff1d",
    "einsum", "expand_dims", "flip", "fliplr", "flipud", "full_like", "hsplit", "hstack",
    "inner", "insert", "kron", "mean", "meshgrid", "moveaxis", "ndim", "ones_like", "outer",
    "polyval", "prod", "ravel", "repeat", "reshape", "resize", "roll", "rollaxis", "rot90",
    "shape", "size", "split", "squeeze", "stack", "sum", "swapaxes", "take", "take_along_axis",
    "tensordot", "tile", "trace", "transpose", "trapezoid", "tril", "triu", "unstack", "var",
    "vdot", "vsplit", "vstack", "where", "zeros_like",
)  # fmt: skip
MOVING = {getattr(np, name) for name in MOVING_NAMES if hasattr(np, name)}


class Unfit(BaseException):
    """A function is recorded that arrays of Values do not compute as arrays of floats do."""


class ValueArray(np.ndarray):
    """An array of Values and numbers, with results equal to those of an array of floats."""

    of_values = True

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        inputs, options = _plain(inputs), _plain(options)
        is_exact = ufunc in SUMS or (method == "__call__" and ufunc.__name__ in OPERATORS)
        if is_exact and options.get("dtype") is None:
            return _ours(getattr(ufunc, method)(*inputs, **options))
        try:
            return _ours(on_values(ufunc, method, inputs, options))
        except TypeError:
            raise Unfit(f"np.{ufunc.__name__}") from None

    def __array_function__(self, function: Any, types: Any, args: Any, named: Any) -> Any:
        is_typed = any(isinstance(x, (type, np.dtype)) for x in args) or named.get("dtype")
        if function in MOVING and not is_typed:
            return _ours(function(*_plain(args), **_plain(named)))
        raise Unfit(title_of(function))


def _refused(name: str) -> Any:
    def method(self: ValueArray, *args: Any, **named: Any) -> NoReturn:
        raise Unfit(f"ndarray.{name}")

    return method


# Methods that ask neither of the two above.
for _name in (
    "argmax", "argmin", "argpartition", "argsort", "astype", "clip", "partition", "searchsorted",
    "sort", "std",
):  # fmt: skip
    setattr(ValueArray, _name, _refused(_name))


def value_array(items: Any, shape: tuple[int, ...]) -> Any:
    """`trees.array_of`, whose arrays of objects are these."""
    return _ours(array_of(items, shape))


def _plain(x: Any) -> Any:
    return x.view(np.ndarray) if isinstance(x, ValueArray) else mapped(_plain, x)


def _ours(x: Any) -> Any:
    is_plain = type(x) is np.ndarray and x.dtype == object
    return x.view(ValueArray) if is_plain else mapped(_ours, x)
