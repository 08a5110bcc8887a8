"""Structures of numbers: nested lists, tuples and dicts, and arrays, taken apart and put together.

The shape of a structure is hashable: None for a number, else (kind, detail, parts), where `parts`
has the shape of each part, or is their count where all of them are numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from ..core.graph import Node
from ..core.kinds import describe, is_number
from ..trees import deeper
from .kernels import native

Array = Any  # of NumPy
Shape = Any
LIST, TUPLE, DICT, ARRAY = range(4)


def number_of(x: Any) -> float | None:
    """A number as a float, a node's number too; None for anything else."""
    if x.__class__ is float:
        return x
    if isinstance(x, Node):
        x = x.data  # which a recorder of somebody else hears of
    elif isinstance(x, np.ndarray) and x.ndim == 0:
        x = x[()]
    if not is_number(x):
        return None
    try:
        return float(x)
    except OverflowError:
        return None


def number_as_given(x: Any) -> int | float | None:
    """A number of which an int stays one, for it may be an index."""
    return int(x) if isinstance(x, int) else number_of(x)


def taken_apart(tree: Any, take: Callable[[Any], Any], into: list[Any], level: int = 0) -> Shape:
    """The shape of a structure; what `take` answers for each number is added to `into`.

    A float is taken as it is. ValueError, with the place as its first argument and the culprit as
    its second, where `take` answers None; RecursionError for a structure that is nested too deep.
    """
    if isinstance(tree, dict):
        keys = tuple(tree)
        names = [f"[{k!r}]" for k in keys]
        return DICT, keys, _parts(tree.values(), names, take, into, deeper(level))
    if isinstance(tree, (list, tuple)):
        kind = (LIST, None) if isinstance(tree, list) else (TUPLE, _named_tuple(tree))
        return *kind, _parts(tree, None, take, into, deeper(level))
    if isinstance(tree, np.ndarray) and tree.ndim:
        if tree.dtype.kind in "biuf":
            into.extend(tree.ravel().tolist())
        else:
            _parts(tree.ravel().tolist(), None, take, into, deeper(level))
        return ARRAY, tree.shape, tree.size
    taken = take(tree)
    if taken is None:
        raise ValueError("", tree)
    into.append(taken)
    return None


def _named_tuple(tree: tuple[Any, ...]) -> Any:
    return type(tree) if hasattr(tree, "_fields") else None


def _parts(
    branches: Any,
    names: list[str] | None,
    take: Callable[[Any], Any],
    into: list[Any],
    level: int,
) -> Any:
    shapes: list[Shape] = []
    for i, branch in enumerate(branches):
        if branch.__class__ is float:
            into.append(branch)
            shapes.append(None)
            continue
        try:
            shapes.append(taken_apart(branch, take, into, level))
        except ValueError as error:
            place, culprit = error.args
            raise ValueError((names[i] if names else f"[{i}]") + place, culprit) from None
    return tuple(shapes) if any(shape is not None for shape in shapes) else len(shapes)


def put_together(shape: Shape, numbers: Iterator[Any]) -> Any:
    """A structure of that shape, with the next of `numbers` in every place."""
    if shape is None:
        return next(numbers)
    kind, detail, parts = shape
    if kind == ARRAY:
        return _array(detail, list(islice(numbers, parts)))
    if isinstance(parts, int):
        branches = list(islice(numbers, parts))
    else:
        branches = [put_together(part, numbers) for part in parts]
    if kind == DICT:
        return dict(zip(detail, branches, strict=True))
    if kind == TUPLE:
        return detail(*branches) if detail else tuple(branches)
    return branches


def _array(shape: tuple[int, ...], numbers: list[Any]) -> Any:
    if numbers and isinstance(numbers[0], np.ndarray):  # a number for each lane
        return np.stack(numbers, axis=-1).reshape(-1, *shape)
    if all(x.__class__ is float for x in numbers):
        return np.array(numbers).reshape(shape)
    array = np.empty(len(numbers), dtype=object)
    array[:] = numbers
    return array.reshape(shape)


def fill(shape: Shape, tree: Any, numbers: Array) -> bool:
    """Whether a structure of plain numbers has that shape; the numbers are written down then."""
    if native is not None:
        found: bool = native.numbers(shape, tree, numbers, partial(_fill_array, numbers))
        return found
    into: list[float] = []
    try:
        fits = taken_apart(tree, number_alone, into) == shape
    except ValueError:
        return False
    if fits:
        numbers.ravel()[:] = into
    return fits


def _fill_array(numbers: Array, shape: Any, array: Any, first: int, last: int) -> bool:
    fits = isinstance(array, np.ndarray) and array.shape == shape and array.dtype.kind in "biuf"
    if fits:
        numbers[first:last] = array.ravel()
    return fits


def number_alone(x: Any) -> float | None:
    """A number that is no node."""
    return None if isinstance(x, Node) else number_of(x)


def built(shape: Shape, numbers: Array) -> Any:
    """A structure of that shape, of these numbers."""
    if native is None:
        return put_together(shape, iter(numbers.tolist()))
    return native.structure(shape, numbers, lambda shape, i, j: numbers[i:j].reshape(shape))


def parts_of(shape: Shape) -> tuple[Shape, ...]:
    """The shapes of the parts of a list, a tuple or a dict."""
    parts = shape[2]
    return (None,) * parts if isinstance(parts, int) else parts


def tuple_of(shapes: Sequence[Shape]) -> Shape:
    """The shape of a tuple with parts of these shapes."""
    alike = all(shape is None for shape in shapes)
    return TUPLE, None, len(shapes) if alike else tuple(shapes)


def count(shape: Shape) -> int:
    """How many numbers a structure of that shape has."""
    if shape is None:
        return 1
    _, _, parts = shape
    return parts if isinstance(parts, int) else sum(map(count, parts))


def words(shape: Shape) -> str:
    """A shape as one writes it: `[*, *]`, `{'w': [* 16 times]}`, `array(100, 2)`."""
    if shape is None:
        return "*"
    kind, detail, parts = shape
    if kind == ARRAY:
        return f"array{detail}"
    if isinstance(parts, int) and parts > 3 and kind != DICT:
        inner = f"* {parts} times"
    else:
        each = ["*"] * parts if isinstance(parts, int) else list(map(words, parts))
        if kind == DICT:
            each = [f"{key!r}: {part}" for key, part in zip(detail, each, strict=True)]
        inner = ", ".join(each if len(each) <= 8 else [*each[:4], "...", *each[-2:]])
    brackets: str = {LIST: "[]", TUPLE: "()", DICT: "{}"}[kind]
    return f"{brackets[0]}{inner}{brackets[1]}"


def numbers_of(tree: Any, called: str, into: list[float]) -> Shape:
    """The shape of a structure whose numbers are added to `into`; TypeError for anything else."""
    try:
        return taken_apart(tree, number_of, into)
    except ValueError as error:
        place, culprit = error.args
        raise not_a_number(called + place, culprit) from None


def not_a_number(called: str, culprit: Any) -> TypeError:
    return TypeError(
        f"a replay takes numbers, in lists, tuples, dicts and arrays of them, but {called} is "
        f"{describe(culprit)}: pass a setting by keyword"
    )
