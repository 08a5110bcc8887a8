"""What the functions of functions need where an argument or a result is an array."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import Node
from ..kinds import is_number
from .building import stack
from .crossing import stack_values
from .libraries import is_elsewhere, library_of
from .operations import like, reshape
from .operations import sum as add_up
from .tensor import Tensor


def enter(array: Any) -> Any:
    """A fresh node for an array; recorded, so that it cannot be written to."""
    return +Tensor(array)


def zero(output: Any) -> Tensor:
    """A leaf of zeros in the shape of an output."""
    return Tensor(_zeros(_plain(output)))


def plain(tensor: Any) -> Any:
    """The array that a Tensor holds; of NumPy's and of no axes, the number."""
    return tensor._data if is_elsewhere(tensor._data) else tensor._data[()]


def total(product: Any) -> Any:
    """The sum of an array as a Value, or as a float where nothing hangs on it."""
    if isinstance(product, Tensor):
        return product.sum().values()
    return float(add_up(product, axes=tuple(range(product.ndim)), keepdims=False))


def _zeros(x: Any, shape: tuple[int, ...] | None = None) -> Any:
    """Zeros in the shape of x, or in another, of its kind."""
    x = x if hasattr(x, "shape") else np.asarray(float(x))
    return library_of(x).full(x.shape if shape is None else shape, 0.0, x)


def rows(pull: Callable[[Any, Any], list[Any]], output: Any, inputs: Sequence[Node]) -> list[Any]:
    """d output / d input for an array: its shape, and then the shape of each input."""
    shape = tuple(_plain(output).shape)
    pulled = []
    for index in np.ndindex(shape):
        seed = np.zeros(shape)
        seed[index] = 1.0
        pulled.append(pull(output, like(seed, output)))
    columns = zip(*pulled, strict=True) if pulled else [() for _ in inputs]
    return [_joined(list(c), shape, x) for c, x in zip(columns, inputs, strict=True)]


def _joined(answers: list[Any], shape: tuple[int, ...], x: Any) -> Any:
    if not answers:
        return _zeros(_plain(x), (*shape, *np.shape(_plain(x))))
    if all(is_number(a) or not hasattr(a, "shape") for a in answers):  # floats and Values
        nodes = any(isinstance(a, Node) for a in answers)
        return (stack_values(answers) if nodes else np.array(answers)).reshape(shape)
    return reshape(stack(answers), shape=(*shape, *np.shape(_plain(x))))


def _plain(x: Any) -> Any:
    return x._data if isinstance(x, Node) else x
