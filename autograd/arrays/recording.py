"""How operations on arrays are recorded: constants admitted, shapes checked, methods made."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import recording
from ..graph import Node, birth, new
from ..kinds import FUNCTIONS, is_number
from ..recording import line_of, watched
from ..rules import RULES, Rule
from .functions import quietly
from .node import ArrayNode, as_floats
from .operations import COMPUTE
from .rules import Settled
from .settings import axes_of, one_axis

ndarray = np.ndarray
asarray = np.asarray


def constant(x: Any, dtype: Any, operation: Rule) -> Any:
    """A plain number as a float, an array in its own precision, integers in the Tensor's."""
    if x.__class__ is float:
        return x
    if is_number(x):
        return float(x)
    if isinstance(x, Node):
        raise TypeError(
            f"{operation.name} of a Tensor and a {type(x).__name__}: kinds do not mix; "
            "stack_values(values) makes a Tensor of Values, tensor.values() Values of a Tensor, "
            "and .data a constant of either"
        )
    if isinstance(x, (list, tuple)):
        x = as_floats(x) if not _holds_bools(x) else asarray(x)
    if isinstance(x, ndarray) and x.dtype.kind == "b":
        return x  # a mask
    if isinstance(x, ndarray) and x.dtype.kind in "iu":
        return x.astype(dtype)
    return as_floats(x)


def _holds_bools(x: Any) -> bool:
    while isinstance(x, (list, tuple)) and x:
        x = x[0]
    return isinstance(x, bool)


# ---- recording -----------------------------------------------------------------------------------


def node_of(kind: Any, operation: Rule, inputs: tuple[Any, ...], data: Any) -> Any:
    """A new node of a kind that holds an array."""
    node = new(kind)
    node._data = data if data.__class__ is ndarray else np.asanyarray(data)
    node._inputs = inputs
    node._rule = operation
    node._born = birth()
    if recording.active:
        watched(node)
        if not node._inputs:  # a leaf may be updated in place: its array must be its own
            node._data = np.array(node._data)
    return node


def record(operation: Rule, compute: Callable[..., Any], inputs: tuple[Any, ...]) -> Any:
    """The node of an operation whose inputs are Tensors, arrays and plain numbers."""
    first = next(x for x in inputs if isinstance(x, ArrayNode))
    dtype = first._data.dtype
    inputs = tuple(
        [x if isinstance(x, ArrayNode) else constant(x, dtype, operation) for x in inputs]
    )
    try:
        data = compute(*[x._data if isinstance(x, ArrayNode) else x for x in inputs])
    except (ValueError, IndexError) as error:
        raise shape_error(operation, inputs, error) from None
    return node_of(first.kind, operation, inputs, data)


def settled(name: str, *inputs: Any, **settings: Any) -> Any:
    """Record an operation that only arrays have, with its settings."""
    operation = Settled(name, settings)
    return record(operation, operation.compute, inputs)


def shape_error(operation: Rule, inputs: tuple[Any, ...], error: Exception) -> Exception:
    """The error of an operation on arrays, with the shapes, labels and lines of its inputs."""
    parts = []
    for x in inputs:
        line = line_of(x) if isinstance(x, Node) else ""
        name = f" of {x.label!r}" if isinstance(x, Node) and x.label else ""
        shape = np.shape(x._data if isinstance(x, Node) else x)
        parts.append(f"{shape}{name}{f' (made at {line})' if line else ''}")
    what = f"{operation.name} of the shape{'s' * (len(parts) > 1)} {' and '.join(parts)}"
    settings = ", ".join(f"{k}={v}" for k, v in getattr(operation, "settings", {}).items())
    return type(error)(f"{what}{f' with {settings}' if settings else ''}: {_plainly(error)}")


def _plainly(error: Exception) -> str:
    text = str(error)
    if "broadcast" in text:
        return "they do not broadcast: counted from the right, sizes must agree or be 1"
    if "matmul" in text or "gufunc" in text:
        return "the last size on the left must be the last but one on the right, and none is ()"
    return text


# ---- methods -------------------------------------------------------------------------------------


def unary(name: str) -> Callable[[Any], Any]:
    """The method that records the operation of that name."""
    operation, compute = _row(name)

    def method(self: Any) -> Any:
        return node_of(self.kind, operation, (self,), compute(self._data))

    return named(method, name)


def _row(name: str) -> tuple[Rule, Callable[..., Any]]:
    """The row of an operation without settings, and what it computes on arrays."""
    if name == "matmul":
        return Settled(name, {}), COMPUTE[name]
    return RULES[name], quietly(FUNCTIONS[name])


def binary(name: str) -> Callable[[Any, Any], Any]:
    """The method that records the operation with its other operand on the right."""
    operation, compute = _row(name)

    def method(self: Any, other: Any) -> Any:
        if other.__class__ is float:
            y = other
        elif other.__class__ is self.__class__:
            y = other._data
        else:
            return record(operation, compute, (self, other))
        try:
            data = compute(self._data, y)
        except ValueError as error:
            raise shape_error(operation, (self, other), error) from None
        return node_of(self.kind, operation, (self, other), data)

    return named(method, name)


def reflected(name: str) -> Callable[[Any, Any], Any]:
    """The method that records the operation with its other operand on the left."""
    operation, compute = _row(name)

    def method(self: Any, other: Any) -> Any:
        return record(operation, compute, (other, self))

    return named(method, name)


def comparison(name: str) -> Callable[[Any, Any], Any]:
    """The method that compares elements and answers an array of booleans."""
    compare = getattr(operator, name)

    def method(self: Any, other: Any) -> Any:
        if isinstance(other, Node) and not isinstance(other, ArrayNode):
            return NotImplemented
        return compare(self._data, other._data if isinstance(other, Node) else other)

    return named(method, name)


def reduction(name: str) -> Callable[..., Any]:
    """The method that takes a whole axis, several, or all, to one number."""
    compute = COMPUTE[name]

    def method(self: Any, axis: Any = None, keepdims: bool = False) -> Any:
        axes = axes_of(name, axis, self._data.ndim)
        operation = Settled(name, {"axes": axes, "keepdims": bool(keepdims)})
        try:
            data = compute(self._data, axes, operation.settings["keepdims"])
        except ValueError as error:  # the largest of no numbers
            raise shape_error(operation, (self,), error) from None
        return node_of(self.kind, operation, (self,), data)

    return named(method, name)


def along(name: str) -> Callable[..., Any]:
    """The method that works along one axis and keeps it."""

    def method(self: Any, axis: int = -1) -> Any:
        return settled(name, self, axes=(one_axis(name, axis, self._data.ndim),))

    return named(method, name)


def named(method: Any, name: str) -> Any:
    """A method that says in `help` what it computes."""
    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    method.__doc__ = FUNCTIONS[name].call.__doc__ if name in FUNCTIONS else None
    return method
