"""Parameters, and blocks of them: a number, nested lists or an array under one name.

A parameter is a Value with one number, or a Tensor with an array of them. Values in a rectangle of
nested lists are one block; so is a Tensor. Either can be made from the other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeGuard, TypeVar

import autograd
from autograd import Value, trees

from .choices import choose

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    np = numpy
else:

    class _NumPy:
        """NumPy, imported when a name of it is first asked for: `import nn` does without."""

        def __getattr__(self, name: str) -> object:
            import numpy

            found = vars(self)[name] = getattr(numpy, name)
            return found

    np = _NumPy()

# Types, as texts, so that NumPy is not imported.
Array: TypeAlias = "NDArray[Any]"
Tensor: TypeAlias = "autograd.Tensor"
Numbers: TypeAlias = "float | Array"  # the data of a node
Node: TypeAlias = "Value | autograd.Tensor"
Parameter: TypeAlias = Node  # a leaf
Block: TypeAlias = Any  # a parameter, or Values in a rectangle of nested lists
DType: TypeAlias = Any  # a name, a type or a NumPy dtype; None for that of the numbers
T = TypeVar("T")


def is_tensor(x: object) -> TypeGuard[Tensor]:
    """True for a Tensor. While NumPy is not imported there are none."""
    return "numpy" in sys.modules and isinstance(x, autograd.Tensor)


def is_node(x: object) -> TypeGuard[Node]:
    """True for a Value or a Tensor."""
    return isinstance(x, Value) or is_tensor(x)


def is_array(x: Any) -> bool:
    """True for a Tensor, and for an array of numbers rather than of objects."""
    return hasattr(x, "ndim") and x.ndim > 0 and getattr(x.dtype, "kind", "O") != "O"


def as_array(x: Any) -> Any:
    """A Tensor, or an array of what has a dtype, such as a column of a data frame."""
    if is_tensor(x) or getattr(x, "stands_in", False):  # for an array, while a replay is recorded
        return x
    return np.asanyarray(x)


def is_parameter(x: object) -> TypeGuard[Parameter]:
    """True for a leaf, which can be learnt; the result of an operation cannot."""
    return is_node(x) and not x.inputs


def plain(x: Any) -> Any:
    """`.data` of a node, so that a recording notices who reads it; anything else unchanged."""
    return x.data if is_node(x) else x


# ---- nested lists and arrays ---------------------------------------------------------------------


def numbers(x: Block) -> Any:
    """The numbers of a block: a float, nested lists of them, or a copy of an array."""
    if isinstance(x, (list, tuple)):
        return [numbers(item) for item in x]
    return x.data.copy("K") if is_tensor(x) else x.data


def copied(x: T) -> T:
    """The number, or a copy of the array."""
    return x.copy("K") if hasattr(x, "copy") else x


def flat(x: object) -> Iterator[Any]:
    """The leaves of nested lists, or the elements of an array, left to right; a Tensor is one."""
    for leaf in trees.leaves(x):
        plain_array = hasattr(leaf, "tolist") and not is_node(leaf)
        yield from trees.leaves(leaf.tolist()) if plain_array else [leaf]


shape: Final = trees.rectangle


def size(parameters: Iterable[object]) -> int:
    """The number of elements of all parameters together."""
    return sum(getattr(p, "size", 1) for p in parameters)


def is_block(x: object) -> bool:
    """True for a rectangle of Values that are parameters."""
    try:
        empty = 0 in shape(x)
    except ValueError:
        return False
    level: Any = [x]
    while not empty and isinstance(level[0], (list, tuple)):
        level = [item for inner in level for item in inner]
    return not empty and all(isinstance(p, Value) and not p.inputs for p in level)


def cut(parameters: Sequence[Parameter], given: Sequence[float] | Array) -> list[Any]:
    """A row of numbers, cut into a number or an array for each parameter, in their order."""
    start, parts = 0, list[Numbers]()
    for p in parameters:
        part = given[start : start + size([p])]
        if is_tensor(p):
            parts.append(np.array(part, p.dtype).reshape(p.shape))
        else:
            parts.append(float(part[0]))
        start += size([p])
    return parts


def joined(parts: Iterable[Numbers], dtype: DType = float) -> Array:
    """Numbers and arrays as one row of floats; `cut` takes it apart."""
    return np.concatenate([np.ravel(part) for part in parts], dtype=dtype, casting="unsafe")


def cast(x: Array, dtype: DType) -> Array:
    """x in that precision; ValueError for a finite number that would be infinite there."""
    with np.errstate(over="ignore"):
        found = x.astype(dtype, copy=False)
    if found is not x and (lost := np.isfinite(x) & ~np.isfinite(found)).any():
        raise ValueError(f"{x[lost].flat[0]:.6g} is too large a number for {np.dtype(dtype)}")
    return found


def put(p: Parameter, x: Any) -> None:
    """Give a parameter another number, or its array other numbers."""
    if is_tensor(p):
        p.data[...] = x
        x = p.data
    p.data = x  # marks graphs of the old numbers as stale


def fill(parameters: Iterable[Parameter], given: Iterable[Any]) -> None:
    """Give each parameter its number, or its array its numbers; none where there are no more."""
    for p, x in zip(parameters, given, strict=False):
        put(p, x)


# ---- from one backend to the other ---------------------------------------------------------------


def as_values(x: Any, dtype: DType = None, label: str = "") -> Any:
    """Values of these numbers, in the same nested lists; W labels W[0, 1] the second."""
    if getattr(dtype, "__name__", str(dtype)) not in ("None", "float", "float64"):
        raise ValueError(f"a Value holds a float64: dtype={dtype!r} is for backend='tensor'")

    def made(x: Any, index: list[int]) -> Block:
        if isinstance(x, (list, tuple)):
            return [made(item, [*index, i]) for i, item in enumerate(x)]
        return Value(x, f"{label}{index or ''}" if label else "")

    return made(x.tolist() if hasattr(x, "tolist") else x, [])


def as_tensor(x: Any, dtype: DType = None, label: str = "") -> Tensor:
    """A Tensor of these numbers, in float64 or float32.

    Rows in lists are those of a layer, which multiplies by the transpose: so they lie in memory.
    """
    given = np.asanyarray(x, order="F" if isinstance(x, list) else "K")
    if dtype is not None and np.dtype(dtype).name not in ("float64", "float32"):
        raise ValueError(f"a Tensor holds float64 or float32, not {np.dtype(dtype)}")
    return autograd.Tensor(cast(given, dtype or given.dtype), label)


BACKENDS: dict[str, Callable[..., Any]] = {"value": as_values, "tensor": as_tensor}


def moved(block: Block, backend: str, dtype: DType = None) -> Block:
    """A copy of a block with its numbers and its label, held by that backend."""
    first = next(flat(block))
    index = str([0] * len(shape(block))) if shape(block) else ""
    label = first.label if is_tensor(block) else ""
    if not is_tensor(block) and first.label.endswith(index):
        label = first.label.removesuffix(index)
    return choose("backend", backend, BACKENDS)(numbers(block), dtype, label)
