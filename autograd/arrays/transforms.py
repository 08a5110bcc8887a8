"""What the functions of functions need where an argument or a result is an array."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..graph import Node
from ..kinds import is_number
from .building import stack
from .crossing import stack_values
from .tensor import Tensor


def enter(array: Any) -> Any:
    """A fresh node for an array; recorded, so that np.asarray does not cut its graph."""
    return +Tensor(array)


def zero(output: Any) -> Tensor:
    """A leaf of zeros in the shape of an output."""
    return Tensor(np.zeros(np.shape(_plain(output))))


def total(product: Any) -> Any:
    """The sum of an array as a Value, or as a float where nothing hangs on it."""
    return product.sum().values() if isinstance(product, Tensor) else float(np.sum(product))


def rows(pull: Callable[[Any, Any], list[Any]], output: Any, inputs: Sequence[Node]) -> list[Any]:
    """d output / d input for an array: its shape, and then the shape of each input."""
    shape = np.shape(_plain(output))
    pulled = []
    for index in np.ndindex(shape):
        seed = np.zeros(shape)
        seed[index] = 1.0
        pulled.append(pull(output, seed))
    columns = zip(*pulled, strict=True) if pulled else [() for _ in inputs]
    return [_joined(list(c), shape, x) for c, x in zip(columns, inputs, strict=True)]


def _joined(answers: list[Any], shape: tuple[int, ...], x: Any) -> Any:
    if not answers:
        return np.zeros((*shape, *np.shape(_plain(x))))
    if all(is_number(a) or not hasattr(a, "shape") for a in answers):  # floats and Values
        nodes = any(isinstance(a, Node) for a in answers)
        return (stack_values(answers) if nodes else np.array(answers)).reshape(shape)
    return stack(answers).reshape((*shape, *np.shape(_plain(x))))


def _plain(x: Any) -> Any:
    return x._data if isinstance(x, Node) else x
