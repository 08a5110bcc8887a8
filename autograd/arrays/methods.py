"""Recording of operations on arrays, and the methods of Tensor that record them."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final, NoReturn

import numpy as np

from ..core import modes
from ..core.graph import Node, birth, new
from ..core.kinds import FUNCTIONS, HANDED_IN, is_number
from ..core.modes import watched
from ..core.rules import RULES, Rule
from ..support.errors import line_of
from ..trees import leaves
from .functions import is_ours, on_arrays, quietly
from .keywords import Axis, axes_of, one_axis, truth
from .libraries import Array, NumPy, library_of, one_library
from .matrix_rules import OWN_AXES
from .node import ArrayNode, as_floats
from .operations import ON_NUMPY
from .quiet import is_quiet, still
from .rules import Settled

ndarray = np.ndarray
PLAIN: Any = {ndarray, float}  # types of operands that NumPy computes
# Operations that may return a view of their argument, in libraries whose arrays have no `base`.
VIEWS = {"reshape", "transpose", "broadcast_to", "getitem", "flip", "elements", "identity"}


def constant(x: Array, like: Array, operation: Rule) -> Any:
    """A constant operand: a number as a float, integers and booleans in the precision of `like`.

    An array is copied, so that a later write does not change what was recorded.
    """
    if x.__class__ is float:
        return x
    if x.__class__ is ndarray and x.dtype.char in "df":
        return x.copy("K")
    if x.__class__ is int or is_number(x):
        return x if hasattr(x, "stands_in") else float(x)  # a length may be free, in an ONNX file
    if modes.mixing.get():
        from .crossing import crossed

        if (tensor := crossed(x, like)) is not None:
            return tensor
    if isinstance(x, Node):
        raise TypeError(
            f"{operation.name} of a Tensor and a {type(x).__name__}: kinds do not mix; "
            "stack_values(values) makes a Tensor of Values, tensor.values() Values of a Tensor, "
            "and .data a constant of either"
        )
    if isinstance(x, (list, tuple)):
        listed = np.asarray(x) if isinstance(next(iter(leaves(x)), None), bool) else as_floats(x)
        x = library_of(like).like(listed, like)
    library = library_of(x)
    x = library.array(x)
    if library.is_bool(x) and operation.name == "where":
        return library.copy(x)  # the condition
    if library.is_bool(x) or library.is_integral(x):
        return library.astype(x, like.dtype if library is library_of(like) else library.double)
    return library.copy(as_floats(x))


# ---- recording -----------------------------------------------------------------------------------


def take(inputs: tuple[Any, ...]) -> None:
    """Tell the recorder, if any, what an operation on Tensors is given."""
    if (recorder := modes.settings()["recorder"]) is not None:
        recorder.take(inputs)


def node_of(kind: Any, operation: Rule, inputs: tuple[Array, ...], data: Array) -> Any:
    """A new node of an array."""
    if data.__class__ is ndarray:
        shared = data.base is not None
    else:
        data, shared = library_of(data).held(data), operation.name in VIEWS
    if shared and not all(getattr(x, "_inputs", True) for x in inputs):  # the memory of a leaf
        data = data.copy("K") if isinstance(data, ndarray) else library_of(data).copy(data)
    node = new(kind)
    node._data = data
    node._inputs = inputs
    node._rule = operation
    node._born = birth()
    if modes.active:
        watched(node)
        take(inputs)
        if not node._inputs:  # under no_grad it is a leaf, which may be updated in place
            node._data = library_of(node._data).copy(node._data)
        elif modes.settings()["lines"]:
            node.keep_checksums()
    return node


def record(operation: Rule, inputs: tuple[Array, ...]) -> Any:
    """Record an operation on Tensors, arrays and numbers."""
    first = next(x for x in inputs if isinstance(x, ArrayNode))
    inputs = tuple(
        [x if isinstance(x, ArrayNode) else constant(x, first._data, operation) for x in inputs]
    )
    arrays = [x._data if isinstance(x, ArrayNode) else x for x in inputs]
    library = one_library(operation.name, arrays)
    try:
        compute = operation.compute if operation.of_arrays else quietly(operation.fact, library)
        data = compute(*arrays)
    except Exception as error:
        elsewhere = isinstance(error, (RuntimeError, TypeError)) and not isinstance(library, NumPy)
        if not operation.of_arrays and not is_ours(operation.fact):
            HANDED_IN["place"](error, operation, inputs)
        elif isinstance(error, (ValueError, IndexError)) or (
            elsewhere and re.search("shape|size", str(error))  # PyTorch's and JAX's for the same
        ):
            raise shape_error(operation, inputs, error) from None
        raise
    return node_of(first.kind, operation, inputs, data)


def settled(name: str, *inputs: Any, **settings: Any) -> Any:
    """Record an operation on whole arrays, with its settings."""
    operation = Settled(name, settings)
    return one(operation, *inputs) if len(inputs) == 1 else record(operation, inputs)


def one(operation: Settled, x: Array) -> Any:
    """Record an operation on one whole array."""
    if x._data.__class__ is not ndarray:
        return record(operation, (x,))
    compute = partial(getattr(ON_NUMPY, operation.name), x._data, **operation.settings)
    try:
        data = compute() if is_quiet.get() else still.run(compute)
    except (ValueError, IndexError) as error:
        raise shape_error(operation, (x,), error) from None
    except TypeError:  # an index of arrays of another library
        return record(operation, (x,))
    return node_of(x.kind, operation, (x,), data)


def shape_error(operation: Rule, inputs: tuple[Array, ...], error: Exception) -> Exception:
    """The error to raise, with the shapes, labels and lines of the inputs."""
    parts = []
    for x in inputs:
        line = line_of(x) if isinstance(x, Node) else ""
        name = f" of {x.label!r}" if isinstance(x, Node) and x.label else ""
        shape = tuple(getattr(x, "shape", ()))
        parts.append(f"{shape}{name}{f' (made at {line})' if line else ''}")
    what = f"{operation.name} of the shape{'s' * (len(parts) > 1)} {' and '.join(parts)}"
    told = {} if operation.name in OWN_AXES else getattr(operation, "settings", {})
    settings = ", ".join(f"{k}={v}" for k, v in told.items())
    kinds = (IndexError, np.linalg.LinAlgError, ValueError)
    kind = next((kind for kind in kinds if isinstance(error, kind)), ValueError)
    return kind(f"{what}{f' with {settings}' if settings else ''}: {_plainly(error)}")


def _plainly(error: Exception) -> str:
    text = str(error)
    if "broadcast" in text or "size of tensor" in text:
        return "they do not broadcast: counted from the right, sizes must agree or be 1"
    if text == "Singular matrix":
        return "a matrix is singular: it has no inverse, and its equations no single solution"
    if "matmul" in text or "gufunc" in text:
        return "the last size on the left must be the last but one on the right, and none is ()"
    return text


# ---- methods -------------------------------------------------------------------------------------


def unary(name: str) -> Callable[[Any], Any]:
    """The method that records the operation of that name."""
    operation, compute = _row(name)

    def method(self: Any) -> Any:
        x = self._data
        if x.__class__ is not ndarray:
            return record(operation, (self,))
        data = compute(x) if is_quiet.get() else still.run(compute, x)
        return node_of(self.kind, operation, (self,), data)

    return named(method, name)


def _row(name: str) -> tuple[Rule, Callable[..., Any]]:
    """The row of an operation without settings, and its function of NumPy arrays."""
    if name == "matmul":
        return Settled(name, {}), ON_NUMPY.matmul
    return RULES[name], on_arrays(FUNCTIONS[name])


def binary(name: str, swapped: bool = False) -> Callable[[Any, Any], Any]:
    """The method that records the operation of `self` and `other`, or `swapped`."""
    operation, compute = _row(name)

    def method(self: Any, other: Array) -> Any:
        x = self._data
        if isinstance(other, ArrayNode):
            y = other._data
        else:
            y = other = constant(other, x, operation)
        inputs = (other, self) if swapped else (self, other)
        if x.__class__ is not ndarray or y.__class__ not in PLAIN:
            return record(operation, inputs)
        if swapped:
            x, y = y, x
        try:
            data = compute(x, y) if is_quiet.get() else still.run(compute, x, y)
        except ValueError as error:
            raise shape_error(operation, inputs, error) from None
        return node_of(self.kind, operation, inputs, data)

    return named(method, name)


reflected: Final = partial(binary, swapped=True)


def comparison(name: str) -> Callable[[Any, Any], Any]:
    """The method that compares elements and returns an array of booleans."""
    compare = getattr(operator, name)

    def method(self: Any, other: Array) -> Any:
        foreign = isinstance(other, Node) and not isinstance(other, ArrayNode)
        if foreign and not modes.mixing.get():
            return NotImplemented
        if modes.active:
            for x in (self, other) if isinstance(other, Node) else (self,):
                modes.look_at(x)
        return compare(self._data, other._data if isinstance(other, Node) else other)

    return named(method, name)


@cache
def same(name: str, **settings: Any) -> Settled:
    """`Settled`, cached: thousands of nodes with the same settings keep one, and little memory."""
    return Settled(name, settings)


def reduction(name: str) -> Callable[..., Any]:
    """The method that reduces one axis, several or all."""

    def method(self: Any, axis: Axis = None, keepdims: Any = False) -> Any:
        axes = axes_of(name, axis, self._data.ndim)
        if keepdims.__class__ is not bool:
            keepdims = truth(name, keepdims)
        return one(same(name, axes=axes, keepdims=keepdims), self)

    return named(method, name)


def of_numpy(name: str) -> Callable[..., Any]:
    """The method of NumPy's arrays: NumPy's function of that name, with the same arguments."""

    def method(self: Any, *args: Any, **named: Any) -> Any:
        return getattr(np, name)(self, *args, **named)

    return named(method, name, f"As `np.{name}(t, ...)`.")


def in_place(name: str, instead: str) -> Callable[..., Any]:
    """The method of NumPy's arrays that writes into them; it raises TypeError."""

    def method(self: Any, *args: Any, **named: Any) -> NoReturn:
        raise TypeError(
            f"Tensor.{name} would write into the array, and that would cut the graph: {instead}"
        )

    return method


def along(name: str) -> Callable[..., Any]:
    """The method that works along one axis and keeps it."""

    def method(self: Any, axis: int = -1) -> Any:
        return one(same(name, axes=(one_axis(name, axis, self._data.ndim),)), self)

    return named(method, name)


def named(method: Any, name: str, doc: str | None = None) -> Any:
    """The method with a name and a docstring for `help`, if not given that of the function."""
    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    method.__doc__ = FUNCTIONS[name].call.__doc__ if doc is None and name in FUNCTIONS else doc
    return method
