"""NumPy's functions of Values, and functions at every element of arrays of Values.

A function that is recorded gets a `ValueArray` for an array of numbers. Of objects NumPy computes
with Python's operators: its maximum passes over nan, and the standard deviation of equal numbers
has no slope. So ufuncs are computed at each element by this package's rules here, what moves or
adds elements is NumPy's own, and where a function does anything else, or asks for what only an
array of floats has, `Unfit` ends the recording: Tensors are recorded.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import numpy as np

from ..core import functions
from ..core.graph import Node
from ..core.kinds import describe, is_number
from ..core.modes import settings
from ..trees import array_of
from .compositions import FLAT, rule_of
from .numpy_arguments import mapped

# What NumPy computes on objects by Python's own operators; all else is done here, for NumPy's
# maximum of objects, say, passes over a nan.
OPERATORS: dict[str, Callable[..., Any]] = {
    "less": operator.lt, "less_equal": operator.le, "equal": operator.eq,
    "greater": operator.gt, "greater_equal": operator.ge, "not_equal": operator.ne,
    "add": operator.add, "subtract": operator.sub, "multiply": operator.mul,
    "divide": functions.div, "power": functions.pow, "floor_divide": functions.floordiv,
    "remainder": functions.mod,
}  # fmt: skip


def on_values(ufunc: Any, method: str, inputs: tuple[Any, ...], options: Any) -> Any:
    """Compute `np.tanh(v)` or `np.float64(2) * v`; TypeError for a ufunc that has no rule."""
    if any(getattr(x, "stands_in", False) for x in inputs):
        return NotImplemented  # a recording of Tensors says what it does not take
    name, title = ufunc.__name__, f"np.{ufunc.__name__}"
    if method != "__call__" or options:
        named = f" with {', '.join(options)}=" if options else ""
        what = title + named if method == "__call__" else f"{title}.{method}{named}"
        raise TypeError(f"{what} takes no Value; for `array += v` write `array = array + v`")
    function = OPERATORS.get(name) if getattr(np, name, None) is ufunc else None
    function = function or rule_of(ufunc)
    if function is None and name in FLAT and getattr(np, name) is ufunc:
        function = partial(_of_numbers, ufunc)
    if function is None:
        raise TypeError(
            f"{title} has no rule for a Value; take .data for a constant, or "
            f"register() a rule of your own"
        )
    if any(isinstance(x, np.ndarray) for x in inputs):
        found = at_each(function, inputs, ufunc.nout)
        found = _mask(found) if name in FLAT else found
        return values_in(found) if settings()["recorder"] is not None else found
    odd = next((x for x in inputs if isinstance(x, np.generic) and not is_number(x)), None)
    if odd is not None:
        raise TypeError(f"{title} of a Value takes real numbers, not {describe(odd)}")
    # NumPy's scalars would ask their ufunc again, and that would ask us.
    return function(*(float(x) if is_number(x) else x for x in inputs))


def _of_numbers(ufunc: Any, *xs: Any) -> Any:
    return ufunc(*(x.data if isinstance(x, Node) else x for x in xs))


def _mask(found: Any) -> Any:
    """Truth values as NumPy has them, to index with; not those that a replay records."""
    truths = isinstance(found, np.ndarray) and all(
        isinstance(x, (bool, np.bool_)) for x in found.flat
    )
    return found.astype(bool) if truths else found


def at_each(function: Any, xs: tuple[Any, ...], results: int = 1) -> Any:
    """A function at every element of arrays of objects; Values go with each."""
    boxes = [np.empty(x.shape if isinstance(x, np.ndarray) else (), dtype=object) for x in xs]
    for box, x in zip(boxes, xs, strict=True):
        box[...] = x
    with np.errstate(all="ignore"):
        return np.frompyfunc(function, len(boxes), results)(*boxes)


# ---- arrays of Values in a recording -------------------------------------------------------------

EXACT = {np.add, np.subtract, np.multiply, np.negative, np.positive, np.less, np.less_equal,
         np.equal, np.greater, np.greater_equal, np.not_equal, np.matmul}  # fmt: skip
SUMS = {np.add, np.multiply}
# Functions that place, add or multiply elements, whatever these are.
MOVING_NAMES = (
    "append", "array_split", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays",
    "broadcast_to", "column_stack", "concatenate", "copy", "cross", "cumprod", "cumsum",
    "delete", "diag", "diagflat", "diagonal", "diff", "dot", "dsplit", "dstack", "ediff1d",
    "einsum", "expand_dims", "flip", "fliplr", "flipud", "full_like", "hsplit", "hstack",
    "inner", "insert", "kron", "mean", "meshgrid", "moveaxis", "ndim", "ones_like", "outer",
    "polyval", "prod", "ravel", "repeat", "reshape", "resize", "roll", "rollaxis", "rot90",
    "shape", "size", "split", "squeeze", "stack", "sum", "swapaxes", "take",
    "take_along_axis", "tensordot", "tile", "trace", "transpose", "trapezoid", "tril", "triu",
    "unstack", "var", "vdot", "vsplit", "vstack", "where", "zeros_like",
)  # fmt: skip
MOVING = {getattr(np, name) for name in MOVING_NAMES if hasattr(np, name)}


class Unfit(BaseException):
    """A function is recorded that arrays of Values do not compute as arrays of floats do."""


def unfit(what: str) -> NoReturn:
    """End the recording, even if the function catches this."""
    recorder, error = settings()["recorder"], Unfit(what)
    if recorder is not None:
        recorder.refusal = recorder.refusal or error
    raise error


class ValueArray(np.ndarray):
    """An array of Values and numbers, with results equal to those of an array of floats."""

    of_values = True

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        inputs, options = _plain(inputs), _plain(options)
        is_exact = ufunc in (EXACT if method == "__call__" else SUMS)
        if is_exact and options.get("dtype") is None:
            return values_in(getattr(ufunc, method)(*inputs, **options))
        out = options.pop("out", None)
        try:
            found = on_values(ufunc, method, inputs, options)
        except TypeError:
            unfit(f"np.{ufunc.__name__}")
        if out is not None:
            out[0][...] = found
            found = out[0]
        return values_in(found)

    def __array_function__(self, function: Any, types: Any, args: Any, named: Any) -> Any:
        if function not in MOVING or _is_particular(args, named):
            unfit(f"np.{function.__name__}")
        return values_in(function(*_plain(args), **_plain(named)))


def _refused(name: str) -> Callable[..., NoReturn]:
    return lambda *args, **named: unfit(f"ndarray.{name}")


def _moved(name: str) -> Callable[..., Any]:
    def method(self: ValueArray, *args: Any, **named: Any) -> Any:
        if _is_particular(args, named):
            unfit(f"ndarray.{name}")
        return values_in(getattr(_plain(self), name)(*_plain(args), **_plain(named)))

    return method


def _seen(name: str) -> property:
    """An attribute that tells an array of objects from one of floats, for all but libraries."""

    def attribute(self: ValueArray) -> Any:
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if caller.partition(".")[0] not in ("autograd", "numpy"):
            unfit(f"ndarray.{name}")
        return getattr(_plain(self), name)

    return property(attribute)


def _is_particular(args: Any, named: Any) -> bool:
    """Whether arguments ask for a type, or for the order in which elements lie in memory."""
    asked = [*args, named.get("dtype"), named.get("order")]
    return any(isinstance(x, (type, np.dtype)) or x in ("K", "A") for x in asked if _is_small(x))


def _is_small(x: Any) -> bool:
    return isinstance(x, (type, str, np.dtype))


for _name in (
    "argmax", "argmin", "argpartition", "argsort", "astype", "clip", "max", "min", "partition",
    "round", "searchsorted", "sort", "std", "tobytes",
):  # fmt: skip
    setattr(ValueArray, _name, _refused(_name))
for _name in ("base", "dtype", "flags", "itemsize", "nbytes", "strides"):
    setattr(ValueArray, _name, _seen(_name))
for _name in (
    "copy",
    "cumprod",
    "cumsum",
    "flatten",
    "mean",
    "prod",
    "ravel",
    "reshape",
    "sum",
    "var",
):
    setattr(ValueArray, _name, _moved(_name))


def value_array(items: Any, shape: tuple[int, ...]) -> Any:
    """`trees.array_of`, whose arrays of objects are these."""
    return values_in(array_of(items, shape))


def _plain(x: Any) -> Any:
    if isinstance(x, ValueArray):
        return np.ndarray.view(x, np.ndarray)
    return mapped(_plain, x)


def values_in(x: Any) -> Any:
    """A result, whose arrays of objects are `ValueArray`s."""
    is_plain = type(x) is np.ndarray and x.dtype == object
    return x.view(ValueArray) if is_plain else mapped(values_in, x)
