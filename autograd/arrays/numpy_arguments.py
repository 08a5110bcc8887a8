"""Arguments of NumPy's functions: which hold nodes, and what to compute with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

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


def each_of(x: Any) -> Iterator[Any]:
    """What nested lists hold, in order."""
    if isinstance(x, list):
        for part in x:
            yield from each_of(part)
    else:
        yield x
