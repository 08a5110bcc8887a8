"""The array that a recorded function gets for an array of numbers: an array of Values.

Of objects NumPy computes with Python's operators: its maximum passes over nan, and the standard
deviation of equal numbers has no slope. So ufuncs are computed at each element by this package's
rules here, what moves or adds elements is NumPy's own, and where a function does anything else, or
asks for what only an array of floats has, `Unfit` ends the recording: Tensors are recorded.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from ..core.modes import settings
from ..core.value import Scalar
from ..support.names import by_element
from ..trees import array_of, is_objects
from .crossing import flat_values, stack_values
from .numpy_arguments import mapped
from .numpy_protocols import call_function, title_of
from .tensor import Tensor
from .value_protocols import on_values

EXACT: Any = {np.add, np.subtract, np.multiply, np.negative, np.positive, np.less, np.less_equal,
         np.equal, np.greater, np.greater_equal, np.not_equal, np.matmul}  # fmt: skip
SUMS: Any = {np.add, np.multiply}
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
# Those that NumPy computes of Values themselves, and of these all that do not reduce.
REDUCING = {np.mean, np.var, np.sum, np.prod, np.cumsum, np.cumprod}
OWN = MOVING - REDUCING | {
    np.round, np.around, np.linspace, np.block, np.copyto, np.put, np.place, np.putmask,
    np.put_along_axis, np.fill_diagonal, np.real, np.array_repr, np.array_str, np.array2string,
    np.emath.sqrt, np.emath.log, np.emath.log2, np.emath.log10, np.emath.power,
}  # fmt: skip


def stands_for_floats() -> bool:
    """Whether what is computed of Values here must be equal to what NumPy computes of floats."""
    return settings()["recorder"] is not None or by_element.get()


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
        if caller.partition(".")[0] not in ("autograd", "nn", "numpy"):
            unfit(f"ndarray.{name}")
        return getattr(_plain(self), name)

    return property(attribute)


def _is_particular(args: Any, named: Any) -> bool:
    """Whether arguments ask for a type, or for the order in which elements lie in memory."""
    if named.get("dtype") is not None or named.get("order") in ("K", "A"):
        return True
    return any(
        isinstance(x, (type, np.dtype)) or (isinstance(x, str) and x in ("K", "A")) for x in args
    )


for _name in (
    "argmax", "argmin", "argpartition", "argsort", "astype", "clip", "max", "min", "partition",
    "round", "searchsorted", "sort", "std", "tobytes",
):  # fmt: skip
    setattr(ValueArray, _name, _refused(_name))
for _name in ("base", "dtype", "flags", "itemsize", "nbytes", "strides"):
    setattr(ValueArray, _name, _seen(_name))
for _name in (
    "copy", "cumprod", "cumsum", "flatten", "mean", "prod", "ravel", "reshape", "sum", "var",
):  # fmt: skip
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


def on_function(function: Any, types: Any, args: Any, named: Any) -> Any:
    """Compute `np.stack([v, w])` or `np.std(v)`: what moves Values by NumPy, all else by Tensors.

    Within a recording arrays are `ValueArray`s, and `Unfit` ends it where Tensors are needed.
    """
    if not all(issubclass(kind, (Scalar, np.ndarray)) for kind in types):
        return NotImplemented  # a Tensor or a stand-in among them knows more
    if stands_for_floats():
        is_refused = function not in MOVING | OWN or _is_particular(args, named)
        if is_refused or (function is np.var and isinstance((*args, *named.values())[0], Scalar)):
            unfit(title_of(function))
        args, named = _plain(args), _plain(named)
        if function in REDUCING:  # NumPy would make an array of floats of a bare Value
            args = tuple(map(_boxed, args))
            named = {key: _boxed(x) for key, x in named.items()}
        return values_in(_by_numpy(function, args, named))
    if function in OWN:
        return _by_numpy(function, args, named)
    return values_of(call_function(function, tensors_of(args), tensors_of(named)))


def _boxed(x: Any) -> Any:
    return array_of([x], ()) if isinstance(x, Scalar) else x


def _by_numpy(function: Any, args: Any, named: Any) -> Any:
    return np.ndarray.__array_function__(np.empty(0), function, (), args, named)


def tensors_of(x: Any) -> Any:
    """An argument whose Values, lists of Values and arrays of objects are Tensors."""
    if isinstance(x, Scalar) or is_objects(x):
        return stack_values(x)
    return mapped(tensors_of, x)


def values_of(x: Any) -> Any:
    """A result whose Tensors are Values, or arrays of them."""
    if isinstance(x, Tensor):
        found = array_of(flat_values(x), x.shape)
        return found if x.ndim else found[()]
    return mapped(values_of, x)
