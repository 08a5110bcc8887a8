"""Arguments of NumPy's functions: which hold nodes, and what to compute with."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..core import functions
from ..core.graph import Node
from .building import stack
from .libraries import Array
from .node import ArrayNode


def by_name(*rules: Callable[..., Any], of: str = "") -> dict[str, Callable[..., Any]]:
    """A table of rules that have the names of NumPy's functions, or of those in a part of it."""
    return {of + rule.__name__: rule for rule in rules}


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
    if isinstance(x, (list, tuple)) and holds_nodes(x):
        return list(map(plain, x))
    return x.data if isinstance(x, ArrayNode) else x


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


def alike(xs: Iterable[Any]) -> tuple[Array, ...]:
    """Arrays, and numbers in the precision of the first of them."""
    xs = tuple(map(as_array, xs))
    kind = next((x.dtype for x in xs if hasattr(x, "dtype")), float)
    return tuple([x if hasattr(x, "dtype") else np.asarray(x, kind) for x in xs])


def constantly(number: Array, x: Array) -> Array:
    """Numbers that do not depend on x, as a node like it."""
    return functions.where(np.zeros(np.shape(x), bool), x, number)
