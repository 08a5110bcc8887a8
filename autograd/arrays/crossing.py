"""Conversion of Values to a Tensor and back; gradients flow through both."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import modes
from ..core.graph import Node, birth, new
from ..core.kinds import describe
from ..core.modes import watched
from ..core.value import Value
from ..trees import is_objects, leaves, rectangle
from .libraries import Array, Shape
from .methods import settled, take
from .operations import like, numbers
from .rules import Settled
from .tensor import Tensor


def _cross(kind: Any, operation: Settled, inputs: tuple[Any, ...], data: Array) -> Any:
    node = new(kind)
    node._data, node._inputs, node._rule, node._born = data, inputs, operation, birth()
    if modes.active:
        take(inputs)
        return watched(node)
    return node


def stack_values(values: Any, label: str = "") -> Tensor:
    """A Tensor of Values and numbers in a list, a nested list or an array of objects.

    >>> a, b = Value(2.0), Value(3.0)
    >>> stack_values([a, b]).prod().backward()
    >>> a.grad, b.grad
    (3.0, 2.0)
    """
    try:
        shape = rectangle(values)
    except ValueError:
        raise ValueError(
            f"stack_values: the lists in {describe(values)} are not of one length"
        ) from None
    items = leaves(values)
    for x in items:
        if isinstance(x, Node) and not isinstance(x, Value):
            raise TypeError(f"stack_values takes Values and numbers, not {describe(x)}: see stack")
    node = gathered(items, shape)
    if label:
        node.label = label
    return node


def gathered(items: list[Any], shape: Shape, x: Any = None) -> Tensor:
    """A Tensor of Values and numbers, in the library of the Tensor x if one is given."""
    inputs = tuple([x if isinstance(x, Value) else Value.admit(x) for x in items])
    data = np.array([x._data if isinstance(x, Value) else x for x in inputs], float).reshape(shape)
    if x is not None:
        data = like(data, x)
    node: Tensor = _cross(Tensor, Settled("stack_values", {"shape": shape}), inputs, data)
    return node


def crossed(x: Any, like: Array) -> Tensor | None:
    """A Value, or a list or an array of Values, as a Tensor like the array `like`; None for
    anything else.
    """
    if not (isinstance(x, (Value, list, tuple)) or is_objects(x)):
        return None
    items = leaves(x)
    if not any(isinstance(item, Value) for item in items):
        return None
    return gathered(items, rectangle(x), like)


def flat_values(tensor: Tensor) -> list[Value]:
    """The elements as Values, in one list."""
    whole = settled("elements", tensor)  # collects their shares, and passes them back together
    return [
        _cross(Value, Settled("element", {"index": index}), (whole,), number)
        for index, number in zip(np.ndindex(tensor.shape), numbers(tensor._data), strict=True)
    ]
