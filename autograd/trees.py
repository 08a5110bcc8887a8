"""Trees: numbers in nested containers, taken apart and put together again.

A list, a tuple, a NamedTuple, a deque, a mapping of any type and a NumPy array of objects are
containers, and so are instances of subclasses. Anything else is a leaf. None is an empty place,
which stays empty when a tree is rebuilt; only in an array of objects it is an element like any
other. A mapping's leaves come in the order of its keys.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Mapping
from functools import lru_cache, partial
from itertools import islice

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any


SEQUENCE, MAPPING, ARRAY, LEAF = range(4)
DEEPEST = 100  # levels: a tree is walked by recursion


@lru_cache(maxsize=256)
def _kind(kind: type) -> int:
    """Classify a type as a tree does; NumPy is not imported to find out."""
    numpy = sys.modules.get("numpy")
    if issubclass(kind, (list, tuple, deque)):
        return SEQUENCE
    if issubclass(kind, Mapping) and not hasattr(kind, "toarray"):  # SciPy's dok is a matrix
        return MAPPING
    return ARRAY if numpy is not None and issubclass(kind, numpy.ndarray) else LEAF


def is_objects(x: Any) -> bool:
    """Return whether x is a NumPy array of objects."""
    return _kind(x.__class__) == ARRAY and x.dtype.kind == "O"


def deeper(level: int) -> int:
    """The level below; RecursionError for a tree that is nested too deep."""
    if level >= DEEPEST:
        raise RecursionError(
            f"lists, tuples and dicts of numbers are nested deeper than {DEEPEST} levels: "
            "flatten them, or does one contain itself?"
        )
    return level + 1


# ---- apart ---------------------------------------------------------------------------------------


def branches(tree: Any) -> Iterable[Any] | None:
    """The parts of a container, from left to right; None for a leaf and for an array."""
    kind = _kind(tree.__class__)
    return tree if kind == SEQUENCE else tree.values() if kind == MAPPING else None


def leaves(tree: Any, none: bool = True) -> list[Any]:
    """The leaves from left to right; `none` says whether an empty place counts as one.

    >>> leaves({"a": [1.0, None], "b": (2.0, "c")})
    [1.0, None, 2.0, 'c']
    """
    found: list[Any] = []
    _gather(tree, none, found)
    return found


def _gather(tree: Any, none: bool, found: list[Any], level: int = 0) -> None:
    parts = None if tree.__class__ is float else branches(tree)
    if parts is None:
        if is_objects(tree):
            found.extend(tree.flat)
        elif none or tree is not None:
            found.append(tree)
        return
    level = deeper(level)
    for part in parts:
        if part.__class__ is float or (part is not None and _kind(part.__class__) == LEAF):
            found.append(part)
        else:
            _gather(part, none, found, level)


def items(
    tree: Any, name: str = "", none: bool = True, level: int = 0
) -> Iterator[tuple[str, Any]]:
    """The leaves, each with its place as one writes it.

    >>> list(items({"a": [1.0, 2.0]}, "x"))
    [("x['a'][0]", 1.0), ("x['a'][1]", 2.0)]
    """
    parts = named_parts(tree)
    if parts is not None:
        for key, part in parts:
            yield from items(part, name + key, none, deeper(level))
    elif is_objects(tree):
        for index in sys.modules["numpy"].ndindex(tree.shape):
            yield name + (f"[{', '.join(map(str, index))}]" if index else ""), tree[index]
    elif none or tree is not None:
        yield name, tree


def named_parts(tree: Any) -> list[tuple[str, Any]] | None:
    """`branches`, each with its key as one writes it."""
    parts = branches(tree)
    if parts is None:
        return None
    fields = getattr(tree, "_fields", None)
    if isinstance(tree, Mapping):
        keys = [f"[{key!r}]" for key in tree]
    else:
        keys = [f".{field}" for field in fields] if fields else [f"[{i}]" for i in range(len(tree))]
    return list(zip(keys, parts, strict=True))


# ---- together ------------------------------------------------------------------------------------


def rebuild(tree: Any, numbers: Iterator[Any]) -> Any:
    """The same containers with the next of `numbers` in the place of each leaf.

    >>> rebuild({"a": [1.0, None], "b": (2.0, 3.0)}, iter("xyz"))
    {'a': ['x', None], 'b': ('y', 'z')}
    """

    def fill(leaf: Any) -> Any:
        if leaf.__class__ is not float and is_objects(leaf):
            if not leaf.size:
                return leaf  # of objects, although there is none: it must not become a leaf
            return array_of(list(islice(numbers, leaf.size)), leaf.shape).view(type(leaf))
        return next(numbers)

    return replace(tree, fill)


def replace(tree: Any, make: Callable[[Any], Any], level: int = 0) -> Any:
    """The same containers with `make(leaf)` in the place of each leaf; an array counts as one."""
    parts = None if tree.__class__ is float else branches(tree)  # most leaves are floats
    if parts is None:
        return None if tree is None else make(tree)
    level = deeper(level)
    return like(tree, [replace(part, make, level) for part in parts])


def like(tree: Any, parts: list[Any]) -> Any:
    """A container of the type of `tree`, with other parts."""
    kind = type(tree)
    if kind is list:
        return parts
    if kind is tuple:
        return tuple(parts)
    made = dict(zip(tree, parts, strict=True)) if isinstance(tree, Mapping) else parts
    return made if kind is dict else _of_type(tree, made)


def _of_type(tree: Any, made: Any) -> Any:
    """`made` as a container of the type of `tree`, or as a dict, list or tuple if it makes none."""
    anew, copied = getattr(tree, "_make", type(tree)), partial(_copied, tree)  # a NamedTuple's
    for build in (copied, anew) if isinstance(tree, deque) else (anew, copied):
        try:
            found = build(made)
            same = len(found) == len(made) and type(found) is type(tree)
            if same and all(found[key] is x for key, x in _entries(made)):
                return found
        except Exception:  # a type of the user's own, and its way to say that it does it otherwise
            continue
    return tuple(made) if isinstance(tree, tuple) else made


def _entries(made: Any) -> Iterable[tuple[Any, Any]]:
    return made.items() if isinstance(made, dict) else enumerate(made)


def _copied(tree: Any, made: Any) -> Any:
    """A copy with other parts: it keeps what else belongs to it, such as a default or a length."""
    from copy import copy  # rarely needed, and not loaded before

    if isinstance(tree, dict):
        found = copy(tree)
        found.update(made)
        return found
    if not isinstance(tree, (list, deque)):  # a copy might keep its items where the original does
        raise TypeError
    anew: Any = copy(tree)
    anew.clear()
    anew.extend(made)
    return anew


def array_of(numbers: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """An array of floats, or of objects where one of them is none."""
    numpy = sys.modules["numpy"]
    if all(isinstance(x, float) for x in numbers):
        return numpy.array(numbers, float).reshape(shape)
    row = numpy.empty(len(numbers), object)
    for i, x in enumerate(numbers):  # at once, NumPy would look into what has a length
        row[i] = x
    return row.reshape(shape)


# ---- shapes --------------------------------------------------------------------------------------


def shape(tree: Any, level: int = 0) -> str:
    """A tree without its numbers, as one writes it: `[*, {'w': array(3, 2)}]`."""
    parts = branches(tree)
    if parts is None:
        axes = tuple(getattr(tree, "shape", ()))
        return f"array{axes}" if axes else "None" if tree is None else "*"
    level = deeper(level)
    inner = [shape(part, level) for part in parts]
    if isinstance(tree, Mapping):
        inner = [f"{key!r}: {part}" for key, part in zip(tree, inner, strict=True)]
    first, last = "{}" if isinstance(tree, Mapping) else "[]" if isinstance(tree, list) else "()"
    return first + ", ".join(inner if len(inner) <= 8 else [*inner[:4], "...", *inner[-2:]]) + last


def rectangle(tree: Any, level: int = 0) -> tuple[int, ...]:
    """The lengths of nested lists, () for a number; ValueError where they differ."""
    if hasattr(tree, "shape"):
        return tuple(tree.shape)
    if not isinstance(tree, (list, tuple, deque)):
        return ()
    level = deeper(level)
    inner = {rectangle(part, level) for part in tree}
    if len(inner) > 1:
        raise ValueError("the nested lists have different lengths")
    return (len(tree), *(inner.pop() if inner else ()))


def match(
    given: Any, expected: Any, place: str = "", level: int = 0
) -> Iterator[tuple[str, Any, Any]]:
    """Each leaf of `expected`, with its place and with what `given` has there; arrays are whole.

    Mappings are matched by key. ValueError, with both shapes, where the containers differ.

    >>> list(match({"b": 1.0, "a": [2.0]}, {"a": [3.0], "b": 4.0}))
    [("['a'][0]", 2.0, 3.0), ("['b']", 1.0, 4.0)]
    """
    parts = named_parts(expected)
    if parts is None and branches(given) is None and (given is None) == (expected is None):
        yield place, given, expected
    elif parts is not None and _are_alike(given, expected):
        others = [given[key] for key in expected] if isinstance(expected, Mapping) else given
        for (key, part), other in zip(parts, others, strict=True):
            yield from match(other, part, place + key, deeper(level))
    else:
        raise ValueError(
            f"the vector's structure is {shape(given)}{at(place)}, and {shape(expected)} is wanted"
        )


def _are_alike(given: Any, expected: Any) -> bool:
    if isinstance(expected, Mapping):
        return isinstance(given, Mapping) and given.keys() == expected.keys()
    kind = next(kind for kind in (list, tuple, deque) if isinstance(expected, kind))
    return isinstance(given, kind) and len(given) == len(expected)


def at(place: str) -> str:
    """The place of something, at the end of a phrase."""
    return f" at {place}" if place else ""
