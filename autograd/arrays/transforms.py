"""The parts of `autograd.transforms` for arguments and results that are arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.graph import Node
from ..core.kinds import is_number
from ..trees import array_of, branches, is_objects, leaves, rectangle
from ..trees import like as container_like
from .building import stack
from .crossing import flat_values, stack_values
from .libraries import Array, is_elsewhere, library_of
from .operations import like, reshape
from .operations import sum as add_up
from .tensor import Tensor


def enter(array: Array) -> Any:
    """A new node of an array; a recorded one, so that it is read-only."""
    return +Tensor(array)


def zero(output: Array) -> Tensor:
    """A leaf of zeros in the shape of an output."""
    return Tensor(_zeros(_plain(output)))


def plain(tensor: Array) -> Any:
    """The array of a Tensor; a number if it is NumPy's and has no axes."""
    return tensor._data if is_elsewhere(tensor._data) else tensor._data[()]


def total(product: Array) -> Any:
    """The sum of a Tensor as a Value; of an array, as a float."""
    if isinstance(product, Tensor):
        return product.sum().values()
    return float(add_up(product, axes=tuple(range(product.ndim)), keepdims=False))


def fitted(v: Array, x: Array) -> list[Any]:
    """v, which has the shape of x, as a list: its elements if x is an array of objects, else v."""
    if is_objects(x):
        return flat_values(v) if isinstance(v, Tensor) else v.ravel().tolist()
    if is_objects(v):
        v = stack_values(v) if any(isinstance(x, Node) for x in v.flat) else v.astype(float)
    if hasattr(x, "shape") and not is_number(x):
        return [v]
    return [v.values() if isinstance(v, Tensor) else v[()]]


def _zeros(x: Array, shape: tuple[int, ...] | None = None) -> Any:
    """Zeros in the shape of x, or in another, in the library of x."""
    x = x if hasattr(x, "shape") else np.asarray(float(x))
    return library_of(x).full(x.shape if shape is None else shape, 0.0, x)


def rows(call: Any, output: Array) -> Any:
    """d output / d input for an array, in the structure of the arguments.

    Each leaf becomes an array; its shape is that of the output, then that of the leaf. Rectangular
    lists of numbers count as one leaf, so that the Jacobian of a list is a matrix too.
    """
    shape = tuple(output.shape)
    if is_objects(output):
        pulled = [call.pull(y) for y in output.flat]
    else:
        pulled = [call.pull(output, like(seed, output)) for seed in _units(shape)]
    results = list(map(call.answer, pulled))
    template = results[0] if results else call.answer(call.zeros())
    if call.alone:
        return _joined(results, template, shape, output)
    columns = zip(*results, strict=True) if results else [()] * len(template)
    parts = zip(columns, template, strict=True)
    return tuple(_joined(list(column), part, shape, output) for column, part in parts)


def _units(shape: tuple[int, ...]) -> Iterator[Any]:
    """The arrays of that shape with a single 1."""
    for index in np.ndindex(shape):
        unit = np.zeros(shape)
        unit[index] = 1.0
        yield unit


def _joined(results: list[Any], template: Array, shape: tuple[int, ...], output: Array) -> Any:
    """One tree of arrays from a tree for each element, each of the structure of `template`."""
    parts = branches(template)
    if parts is not None and not _is_rectangle(template):
        columns = [list(branches(result) or ()) for result in results]
        return container_like(
            template,
            [_joined([c[i] for c in columns], p, shape, output) for i, p in enumerate(parts)],
        )
    if template is None:
        return None
    whole = (*shape, *rectangle(_plain(template)))
    if _is_array(template):
        if 0 in whole:
            return np.zeros(whole) if is_objects(template) else _zeros(_plain(template), whole)
        if any(map(is_objects, results)):
            return np.stack(results).reshape(whole)
        return reshape(stack(results), shape=whole)
    numbers = leaves(results)
    if isinstance(output, Node) and any(isinstance(x, Node) for x in numbers):
        return stack_values(numbers).reshape(whole)
    return array_of(numbers, whole)


def _is_rectangle(tree: Any) -> bool:
    """True for nested lists or tuples of numbers with equal lengths."""

    def numbers(x: Array) -> bool:
        if type(x) in (list, tuple):
            return all(map(numbers, x))
        return branches(x) is None and x is not None and not _is_array(x)

    try:
        return numbers(tree) and rectangle(tree) is not None
    except ValueError:
        return False


def _is_array(x: Array) -> bool:
    return hasattr(x, "shape") and not is_number(x)


def _plain(x: Array) -> Any:
    return x._data if isinstance(x, Node) else x
