"""Blocks: what a parameter holds and a file stores, be it a number, nested lists or an array.

A parameter is a Value with one number, or a Tensor with an array of them. Values in a rectangle of
nested lists are one block, under one name; so is a Tensor. Either can be made from the other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import autograd
from autograd import Value, core, trees

from .choices import choose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autograd import Tensor

    Array = NDArray[Any]
    Numbers = float | Array  # the data of a node
    Node = Value | Tensor
    Parameter = Node  # one that no operation has made


data_of = core.graph.data_of


def is_tensor(x: object) -> TypeGuard[Tensor]:
    """Whether x is a Tensor. While NumPy is not imported there is none."""
    return "numpy" in sys.modules and isinstance(x, autograd.Tensor)


def is_node(x: object) -> TypeGuard[Node]:
    """Whether x is a Value or a Tensor."""
    return isinstance(x, Value) or is_tensor(x)


def is_array(x: Any) -> bool:
    """Whether x is a Tensor, or an array of numbers rather than of objects."""
    return hasattr(x, "ndim") and x.ndim > 0 and x.dtype.kind != "O"


def is_parameter(x: Any) -> bool:
    """Whether x can be learnt: a leaf. The result of an operation cannot."""
    return is_node(x) and not x.inputs


# ---- nested lists and arrays ---------------------------------------------------------------------


def numbers(x: Any) -> Any:
    """What a block holds: a float, nested lists of them, or a copy of an array."""
    if isinstance(x, (list, tuple)):
        return [numbers(item) for item in x]
    return x.data.copy("K") if is_tensor(x) else x.data


def copied(x: Any) -> Any:
    """The number, or an array that nobody else holds."""
    return x.copy("K") if hasattr(x, "copy") else x


def flat(x: Any) -> Iterator[Any]:
    """What nested lists or an array hold, from left to right."""
    for leaf in trees.leaves(x):
        yield from trees.leaves(leaf.tolist()) if hasattr(leaf, "tolist") else [leaf]


shape = trees.rectangle


def size(parameters: Iterable[Any]) -> int:
    """How many numbers they hold together."""
    return sum(getattr(p, "size", 1) for p in parameters)


def is_block(x: Any) -> bool:
    """Whether x is a rectangle of Values that are parameters."""
    try:
        return shape(x) != (0,) and all(isinstance(p, Value) and not p.inputs for p in flat(x))
    except ValueError:
        return False


def cut(parameters: Sequence[Any], given: Any) -> list[Any]:
    """A row of numbers, cut into a number or an array for each parameter, in their order."""
    start, parts = 0, list[Any]()
    for p in parameters:
        part = given[start : start + size([p])]
        parts.append(_shaped(p, part) if is_tensor(p) else float(part[0]))
        start += size([p])
    return parts


def _shaped(p: Any, row: Any) -> Any:
    import numpy as np

    return np.array(row, p.dtype).reshape(p.shape)


def put(p: Any, x: Any) -> None:
    """Give a parameter another number, or the array it has other numbers."""
    if is_tensor(p):
        p.data[...] = x
        x = p.data
    p.data = x  # so that what was recorded from the old numbers is known to be stale


# ---- from one backend to the other ---------------------------------------------------------------


def as_values(x: Any, dtype: Any = None, label: str = "") -> Any:
    """Values of these numbers, in the same nested lists; W labels W[0, 1] the second."""
    if getattr(dtype, "__name__", str(dtype)) not in ("None", "float", "float64"):
        raise ValueError(f"a Value holds a float64: dtype={dtype!r} is for backend='tensor'")

    def made(x: Any, index: list[int]) -> Any:
        if isinstance(x, (list, tuple)):
            return [made(item, [*index, i]) for i, item in enumerate(x)]
        return Value(x, f"{label}{index or ''}" if label else "")

    return made(x.tolist() if hasattr(x, "tolist") else x, [])


def as_tensor(x: Any, dtype: Any = None, label: str = "") -> Any:
    """A Tensor of these numbers, in float64 or float32.

    Rows in lists are those of a layer, which multiplies by the transpose: they lie in memory as it.
    """
    import numpy as np

    given = np.asanyarray(x, order="F" if isinstance(x, list) else "K")
    if dtype is not None and np.dtype(dtype).name not in ("float64", "float32"):
        raise ValueError(f"a Tensor holds float64 or float32, not {np.dtype(dtype)}")
    return autograd.Tensor(given.astype(dtype or given.dtype), label)


BACKENDS: dict[str, Callable[..., Any]] = {"value": as_values, "tensor": as_tensor}


def moved(block: Any, backend: str, dtype: Any = None) -> Any:
    """A copy of a block with its numbers and its label, held by that backend."""
    first = next(flat(block))
    index = str([0] * len(shape(block))) if shape(block) else ""
    label = first.label if is_tensor(block) else ""
    if not is_tensor(block) and first.label.endswith(index):
        label = first.label.removesuffix(index)
    return choose("backend", backend, BACKENDS)(numbers(block), dtype, label)
