"""Arguments of NumPy's functions: which hold nodes, and what to compute with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..core import functions
from ..core.graph import Node
from .building import stack
from .libraries import Array
from .node import ArrayNode


def as_array(x: Array) -> Array:
    """An array argument: a list as an array, or as a Tensor if it holds nodes."""
    if isinstance(x, (list, tuple)):
        return stack(list(map(as_array, x))) if holds_nodes(x) else np.asarray(x)
    return x


def holds_nodes(x: Array) -> bool:
    """True for a node, and for a list with one."""
    return isinstance(x, Node) or (isinstance(x, (list, tuple)) and any(map(holds_nodes, x)))


def plain(x: Array) -> Array:
    """The argument with arrays in place of Tensors."""
    if isinstance(x, ArrayNode):
        return x.data
    if isinstance(x, (list, tuple)) and holds_nodes(x):
        return list(map(plain, x))
    return x


def mapped(change: Callable[[Any], Any], x: Any) -> Any:
    """x, or a list, tuple, slice or dict with what it holds changed."""
    if isinstance(x, (list, tuple)):
        parts = [change(part) for part in x]
        return parts if isinstance(x, list) else getattr(x, "_make", tuple)(parts)
    if isinstance(x, dict):
        return {name: change(part) for name, part in x.items()}
    if isinstance(x, slice):
        return slice(*map(change, (x.start, x.stop, x.step)))
    return x


def constantly(number: Array, x: Array) -> Array:
    """Numbers that do not depend on x, as a node like it."""
    return functions.where(np.zeros(np.shape(x), bool), x, number)


def each_of(x: Any) -> Iterator[Any]:
    """What nested lists hold, in order."""
    if isinstance(x, list):
        for part in x:
            yield from each_of(part)
    else:
        yield x
