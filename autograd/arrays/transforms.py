"""What the functions of functions need where an argument or a result is an array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..core.graph import Node, data_of
from ..core.kinds import is_number
from ..trees import array_of, branches, is_objects, leaves, rectangle
from ..trees import like as container_like
from .building import stack
from .crossing import flat_values, stack_values
from .libraries import is_elsewhere, library_of
from .operations import like, reshape
from .operations import sum as add_up
from .tensor import Tensor


def enter(array: Any) -> Any:
    """A fresh node for an array; recorded, so that it cannot be written to."""
    return +Tensor(array)


def zero(output: Any) -> Tensor:
    """A leaf of zeros in the shape of an output."""
    return Tensor(_zeros(data_of(output)))


def plain(tensor: Any) -> Any:
    """The array that a Tensor holds; of NumPy's and of no axes, the number."""
    return tensor._data if is_elsewhere(tensor._data) else tensor._data[()]


def total(product: Any) -> Any:
    """The sum of an array as a Value, or as a float where nothing hangs on it."""
    if isinstance(product, Tensor):
        return product.sum().values()
    return float(add_up(product, axes=tuple(range(product.ndim)), keepdims=False))


def fitted(v: Any, x: Any) -> list[Any]:
    """A vector, or a number, as the leaves that x has: one, or each element of an array of objects.

    Both are of one shape.
    """
    if is_objects(x):
        return flat_values(v) if isinstance(v, Tensor) else v.ravel().tolist()
    if is_objects(v):
        v = stack_values(v) if any(isinstance(x, Node) for x in v.flat) else v.astype(float)
    if hasattr(x, "shape") and not is_number(x):
        return [v]
    return [v.values() if isinstance(v, Tensor) else v[()]]


def _zeros(x: Any, shape: tuple[int, ...] | None = None) -> Any:
    """Zeros in the shape of x, or in another, of its kind."""
    x = x if hasattr(x, "shape") else np.asarray(float(x))
    return library_of(x).full(x.shape if shape is None else shape, 0.0, x)


def rows(call: Any, output: Any) -> Any:
    """d output / d input for an array, in the structure of the arguments.

    In each place stands an array: of the shape of the output, and then of the shape of the place.
    Lists of numbers in a rectangle count as one place, so that a vector of either kind has a
    matrix as its Jacobian.
    """
    shape = tuple(output.shape)
    if is_objects(output):
        pulled = [call.pull(y) for y in output.flat]
    else:
        pulled = [call.pull(output, like(seed, output)) for seed in _units(shape)]
    answers = list(map(call.answer, pulled))
    template = answers[0] if answers else call.answer(call.zeros())
    if call.alone:
        return _joined(answers, template, shape, output)
    columns = zip(*answers, strict=True) if answers else [()] * len(template)
    parts = zip(columns, template, strict=True)
    return tuple(_joined(list(column), part, shape, output) for column, part in parts)


def _units(shape: tuple[int, ...]) -> Iterator[Any]:
    """The arrays of that shape with a single 1."""
    for index in np.ndindex(shape):
        unit = np.zeros(shape)
        unit[index] = 1.0
        yield unit


def _joined(answers: list[Any], template: Any, shape: tuple[int, ...], output: Any) -> Any:
    """Answers of the structure of `template`, one for each element, as one with arrays in it."""
    parts = branches(template)
    if parts is not None and not _is_rectangle(template):
        columns = [list(branches(answer) or ()) for answer in answers]
        return container_like(
            template,
            [_joined([c[i] for c in columns], p, shape, output) for i, p in enumerate(parts)],
        )
    if template is None:
        return None
    whole = (*shape, *rectangle(data_of(template)))
    if _is_array(template):
        if 0 in whole:
            return np.zeros(whole) if is_objects(template) else _zeros(data_of(template), whole)
        if any(map(is_objects, answers)):
            return np.stack(answers).reshape(whole)
        return reshape(stack(answers), shape=whole)
    numbers = leaves(answers)
    if isinstance(output, Node) and any(isinstance(x, Node) for x in numbers):
        return stack_values(numbers).reshape(whole)
    return array_of(numbers, whole)


def _is_rectangle(tree: Any) -> bool:
    """Whether nested lists or plain tuples hold nothing but numbers, and are of one length."""

    def numbers(x: Any) -> bool:
        if type(x) in (list, tuple):
            return all(map(numbers, x))
        return branches(x) is None and x is not None and not _is_array(x)

    try:
        return numbers(tree) and rectangle(tree) is not None
    except ValueError:
        return False


def _is_array(x: Any) -> bool:
    return hasattr(x, "shape") and not is_number(x)
