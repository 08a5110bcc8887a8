"""Structures of numbers: nested lists, tuples, dicts and arrays, and their shapes.

The shape of a structure is hashable: None for a number, else (kind, detail, parts), where `parts`
has the shape of each part, or is their count where all of them are numbers. A bool, a string or
None is a `Setting`, which a shape keeps as an array of no numbers. `trees` takes a structure apart;
a shape is kept, so that later arguments can be compared with it, in C too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from ..arrays.libraries import refuse_own_arithmetic
from ..arrays.value_arrays import value_array
from ..core.graph import Node
from ..core.kinds import describe, is_number
from ..trees import array_of, branches, deeper, items, like
from .kernels import Array, native

Tree = Any  # numbers, nodes among them, in nested containers
Args = tuple[Tree, ...]
Keywords = dict[str, Any]
Shape = tuple[int, Any, Any] | None
Take = Callable[[Any], Any]
LIST, TUPLE, DICT, ARRAY = range(4)


class Wanted(NamedTuple):
    """The arguments to differentiate by, with their ids, or some leaves; the gradient's shape."""

    shape: Shape
    arguments: tuple[Any, ...]  # or ..., for all leaves of a recording
    of_arguments: tuple[int, ...] = ()
    leaves: tuple[Any, ...] | None = None

    def ids(self, known: Mapping[Any, int]) -> tuple[int, ...]:
        """The ids in a recording with these leaves; -1 for a leaf it does not depend on."""
        if self.arguments == (...,):
            return tuple(known.values())
        if self.leaves is None:
            return self.of_arguments
        return tuple([known.get(leaf, -1) for leaf in self.leaves])

    def key(self, known: Mapping[Any, int]) -> tuple[Any, ...]:
        """Equal for two requests to the same recording that ask for the same gradients."""
        return self.arguments if self.leaves is None else ("leaves", *self.ids(known))


ALL_LEAVES = Wanted(None, (...,))


@dataclass(frozen=True)
class Setting:
    """A bool, a string or None among the arguments: the shape of an array of no numbers."""

    kind: type
    value: Any

    def __iter__(self) -> Iterator[int]:
        return iter((0,))

    def is_same(self, x: object) -> bool:
        """Whether x is this setting."""
        return x.__class__ is self.kind and bool(x == self.value)


# ---- numbers -------------------------------------------------------------------------------------


NO_INTS = frozenset((float, list, tuple, dict, np.ndarray))
LARGEST = 2**53  # of the ints that a float holds, up to which all are


def number_of(x: Any) -> float | Setting | None:
    """A number, or a node's number, as a float; a setting; None for anything else.

    An int beyond 2^53 is none: floats would hold some and not others.
    """
    if isinstance(x, float) and x.__class__ is float:
        return x
    if x is None or isinstance(x, (bool, str, np.bool_)):
        return Setting(type(x), x)
    if isinstance(x, Node):
        x = x.data  # an outer recorder notes that it is read
    elif isinstance(x, np.ndarray) and x.ndim == 0:
        x = x[()]
    if not is_number(x) or (isinstance(x, Integral) and abs(int(x)) > LARGEST):
        return None
    try:
        return float(x)
    except OverflowError:
        return None


def number_as_given(x: Any) -> int | float | Setting | None:
    """`number_of`, except that an int stays an int: it may be an index."""
    found = number_of(x)
    return int(found) if isinstance(x, Integral) and isinstance(found, float) else found


def kinds_of(args: Args) -> tuple[type, ...] | None:
    """For each argument whether it is an int, a bool or none; None for an int past 2^53."""
    kinds = tuple([float if x.__class__ in NO_INTS else _kind(x) for x in args])
    return None if Node in kinds else kinds


def _kind(x: Any) -> type:
    if isinstance(x, (bool, np.bool_)):
        return bool
    if isinstance(x, Integral):
        return int if abs(int(x)) <= LARGEST else Node
    return float


def number_alone(x: object) -> float | Setting | None:
    """`number_of`, except that a node is refused."""
    return None if isinstance(x, Node) else number_of(x)


# ---- apart ---------------------------------------------------------------------------------------


def taken_apart(tree: Tree, take: Take, into: list[Any], level: int = 0) -> Shape:
    """The shape of a structure; `take(x)` is appended to `into` for each number x, in order.

    A float is appended as it is. ValueError, with the culprit as its argument, where `take`
    returns None; RecursionError for a structure that is nested too deep.
    """
    parts = branches(tree)
    if parts is not None:
        return *_container(tree), _parts(parts, take, into, deeper(level))
    if isinstance(tree, np.ndarray) and tree.ndim:
        refuse_own_arithmetic(tree)
        if not _is_exact(tree):
            raise ValueError(tree)
        if tree.dtype.kind in "biuf":
            into.extend(tree.ravel().tolist())
        elif _parts(tree.ravel().tolist(), take, into, deeper(level)) != tree.size:
            odd = (x for x in tree.flat if branches(x) is not None or take(x).__class__ is Setting)
            raise ValueError(next(odd, tree))
        return ARRAY, tree.shape, tree.size
    taken = take(tree)
    if taken is None:
        raise ValueError(tree)
    if taken.__class__ is Setting:
        return ARRAY, taken, 0
    into.append(taken)
    return None


def _is_exact(array: Array) -> bool:
    """Whether an array has no ints beyond 2^53."""
    if array.dtype.kind not in "iu" or array.dtype.itemsize < 8 or not array.size:
        return True
    return bool(array.min() >= -LARGEST and array.max() <= LARGEST)


def _container(tree: Tree) -> tuple[int, Any]:
    if isinstance(tree, list):
        return LIST, None
    if isinstance(tree, Mapping):
        return DICT, tuple(tree)
    return TUPLE, type(tree) if hasattr(tree, "_fields") else None


def _parts(parts: Any, take: Take, into: list[Any], level: int) -> int | tuple[Shape, ...]:
    parts = [*parts]
    if {*map(type, parts)} == {float}:
        into.extend(parts)
        return len(parts)
    shapes: list[Shape] = []
    for part in parts:
        if part.__class__ is float:
            into.append(part)
            shapes.append(None)
        else:
            shapes.append(taken_apart(part, take, into, level))
    return tuple(shapes) if any(shape is not None for shape in shapes) else len(shapes)


def numbers_of(tree: Tree, called: str, into: list[float]) -> Shape:
    """The shape of a structure; its numbers are appended to `into`. TypeError for other leaves."""
    try:
        return taken_apart(tree, number_of, into)
    except ValueError as error:
        raise not_a_number([(called, tree)], error.args[0]) from None


def not_a_number(named: Iterable[tuple[str, Tree]], culprit: object) -> TypeError:
    """The TypeError that names the place of the first entry that is not a number."""
    is_int = isinstance(culprit, (Integral, np.ndarray))
    large = "floats do not hold all ints past 2**53: " if is_int else ""
    advice = "pass its .data" if isinstance(culprit, Node) else f"{large}pass a setting by keyword"
    return TypeError(
        f"a replay takes numbers, in lists, tuples, dicts and arrays of them, but "
        f"{_place(named, culprit)} is {describe(culprit)}: {advice}"
    )


def _place(named: Iterable[tuple[str, Tree]], culprit: object) -> str:
    for place, x in chain.from_iterable(items(tree, called) for called, tree in named):
        if x is culprit:
            return place
        if isinstance(x, np.ndarray) and x.size and x.ndim and x.dtype.kind not in "biuf":
            return f"{place}[{', '.join('0' * x.ndim)}]"  # its first element was refused
    raise AssertionError


def fill(shape: Shape, tree: Tree, numbers: Array) -> bool:
    """Write a structure's numbers into an array; False if it has another shape, or has nodes."""
    numbers = numbers.reshape(-1)  # a view: lanes lie one after the other
    if native is not None:
        return bool(native.numbers(shape, tree, numbers, partial(_fill_array, numbers)))
    into: list[float] = []
    try:
        fits = taken_apart(tree, number_alone, into) == shape
    except ValueError:
        return False
    if fits:
        numbers[:] = into
    return fits


def _fill_array(numbers: Array, shape: Any, array: Any, first: int, last: int) -> bool:
    if isinstance(shape, Setting):
        return shape.is_same(array)
    refuse_own_arithmetic(array)
    fits = isinstance(array, np.ndarray) and array.shape == shape and array.dtype.kind in "biuf"
    if fits and _is_exact(array):
        numbers.reshape(-1)[first:last] = array.ravel()
        return True
    return False


# ---- together ------------------------------------------------------------------------------------


def put_together(
    shape: Shape, numbers: Iterator[Any], lanes: int | None = None, settings: bool = False
) -> Tree:
    """A structure of that shape, with the next of `numbers` in every place.

    With `lanes`, each of `numbers` is an array of that length, and so is the first axis of arrays.
    In the place of a setting there is None. With `settings`, which is what a function is recorded
    with, there is the setting itself, and arrays are `ValueArray`s.
    """
    if shape is None:
        return next(numbers)
    kind, detail, parts = shape
    if isinstance(detail, Setting):
        return detail.value if settings else None
    if kind == ARRAY:
        found = list(islice(numbers, parts))
        if lanes is not None:
            return np.array(found, float).reshape(parts, lanes).T.reshape(lanes, *detail)
        return value_array(found, detail) if settings else array_of(found, detail)
    if isinstance(parts, int):
        branches = list(islice(numbers, parts))
    else:
        branches = [put_together(part, numbers, lanes, settings) for part in parts]
    if kind == DICT:
        return dict(zip(detail, branches, strict=True))
    if kind == TUPLE:
        return detail(*branches) if detail else tuple(branches)
    return branches


def built(shape: Shape, numbers: Array) -> Tree:
    """A structure of that shape, of these numbers."""
    if native is None:
        return put_together(shape, iter(numbers.tolist()))

    def array(shape: Any, first: int, last: int) -> Any:
        return None if isinstance(shape, Setting) else numbers[first:last].reshape(shape)

    return native.structure(shape, numbers, array)


# ---- shapes --------------------------------------------------------------------------------------


def parts_of(shape: Shape) -> tuple[Shape, ...]:
    """The shapes of the parts of a list, a tuple or a dict."""
    assert shape is not None
    parts = shape[2]
    return (None,) * parts if isinstance(parts, int) else parts


def tuple_of(shapes: Sequence[Shape]) -> Shape:
    """The shape of a tuple with parts of these shapes."""
    alike = all(shape is None for shape in shapes)
    return TUPLE, None, len(shapes) if alike else tuple(shapes)


def count(shape: Shape) -> int:
    """The number of numbers in a structure of that shape."""
    if shape is None:
        return 1
    parts = shape[2]
    return parts if isinstance(parts, int) else sum(map(count, parts))


def as_given(shape: Shape, tree: Tree, found: Tree) -> Tree:
    """What was built in a structure's shape, with containers of the structure's types."""
    if shape is None or shape[0] == ARRAY:
        return found
    if isinstance(shape[2], int):
        return found if type(found) is type(tree) else like(tree, [*(branches(found) or ())])
    each = zip(shape[2], branches(tree) or (), branches(found) or (), strict=True)
    return like(tree, [as_given(*part) for part in each])


def has_arrays(shape: Shape) -> bool:
    """Whether a structure has arrays of numbers."""
    return any(kind == ARRAY and parts for kind, _, parts in _containers(shape))


def has_own_types(shape: Shape) -> bool:
    """Whether a structure has dicts or tuples, which may be of types of their own."""
    return any(kind in (DICT, TUPLE) for kind, _, _ in _containers(shape))


def _containers(shape: Shape) -> Iterator[tuple[int, Any, Any]]:
    """The containers in a structure, itself among them."""
    if shape is not None:
        yield shape
        for part in () if isinstance(shape[2], int) else shape[2]:
            yield from _containers(part)


def words(shape: Shape) -> str:
    """A shape as one writes it: `[*, *]`, `{'w': [* 16 times]}`, `array(100, 2)`."""
    if shape is None:
        return "*"
    kind, detail, parts = shape
    if isinstance(detail, Setting):
        return repr(detail.value)
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
