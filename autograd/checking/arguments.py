"""A function's arguments as one list of numbers, and back: nested containers, arrays, nodes.

Every number has a name, as the user would write it: `x`, `x[2]`, `w['bias'][0, 1]`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from contextlib import suppress
from inspect import unwrap
from itertools import islice

from ..core.graph import Node
from ..core.kinds import describe, is_number
from ..seeing.abbreviating import plain
from ..trees import array_of, items, leaves, named_parts, rebuild

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any


REAL = ": a derivative is by real numbers; hold anything else fixed, with fixed="
MASKED = "is a masked array, and what is masked has no derivative: fill it, with x.filled(0.0)"


class Arguments:
    """The numbers in the arguments of a call of `f`, and how to make such arguments of others.

    `roundoff` is the relative error of a rounding in the coarsest type among them.

    >>> arguments = Arguments(lambda x, w: None, (1.0, {"b": [2, 3]}))
    >>> arguments.names
    ['x', "w['b'][0]", "w['b'][1]"]
    >>> arguments.filled([7.0, 8.0, 9.0])
    (7.0, {'b': [8.0, 9.0]})
    """

    def __init__(self, f: Callable[..., Any], given: tuple[Any, ...]) -> None:
        self.given = given
        self.named: list[tuple[str, Any]] = list(
            zip(parameter_names(f, len(given)), given, strict=True)
        )
        places = [item for name, arg in self.named for item in items(arg, name, none=False)]
        for place, x in places:
            if hasattr(x, "mask") and is_array(x):
                raise TypeError(f"{place} {MASKED}")
        found = [item for place, x in places for item in walk(x, place)]
        self.names: list[str] = [place for place, _ in found]
        self.numbers: list[float] = [number(x, f"{place} is ", REAL) for place, x in found]
        self.plain: bool = all(isinstance(x, (int, float)) or is_value(x) for x in given)
        self.roundoff: float = max(map(_roundoff, given), default=2.0**-53)

    def filled(
        self, numbers: Iterable[float], make: Callable[[float], Any] | None = None,
        gather: Callable[[Any, Any], Any] | None = None,
    ) -> tuple[Any, ...]:  # fmt: skip
        """The arguments with other numbers in them, each passed through `make`.

        An array is passed through `gather`, with the one in whose place it stands; without that,
        it is an array of what `make` makes.
        """
        if self.plain:
            return tuple(map(make, numbers) if make else numbers)
        source = iter(numbers)
        given = leaves(self.given, none=False)
        return rebuild(self.given, (_fill(x, source, make, gather) for x in given))

    def places(self) -> list[str]:
        """The names of the numbers and arrays, none of them taken apart."""
        return [place for name, arg in self.named for place, _ in items(arg, name, none=False)]


def parameter_names(f: Callable[..., Any], count: int) -> list[str]:
    """The names that f, or what it wraps (`grad(f)` does), gives its first arguments."""
    named = unwrap(f)
    function = getattr(named, "__func__", named)
    code = getattr(function, "__code__", None)
    names = list(code.co_varnames[: code.co_argcount]) if code else []
    if function is not named:
        names = names[1:]  # a method's self
    rest = range(count - len(names))
    if code and code.co_flags & 0x04:  # *args
        starred = code.co_varnames[code.co_argcount + code.co_kwonlyargcount]
        return names[:count] + [f"{starred}[{i}]" for i in rest]
    return names[:count] + [f"argument {len(names) + i + 1}" for i in rest]


def walk(tree: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Each item of a structure, with its name: of arrays and Tensors, each element."""
    for place, item in items(tree, name):
        if is_tensor(item) or is_array(item):
            array = plain(item)
            for index in sys.modules["numpy"].ndindex(array.shape):
                yield place + (f"[{', '.join(map(str, index))}]" if index else ""), array[index]
        else:
            yield place, item


def flat(tree: Any, none: bool = True) -> list[Any]:
    """Each item of a structure, as `walk` goes through it, without the names."""
    found: list[Any] = []
    for _, item in items(tree, none=none):
        if is_tensor(item) or is_array(item):
            found += plain(item).ravel().tolist()
        else:
            found.append(item)
    return found


# ---- a gradient, matched with what it is the gradient of -----------------------------------------


def rows_of(outputs: Any, given: Any, df: Any, place: str) -> list[list[float]]:
    """The derivatives in `df`: a row for each number of `outputs`, in it one for each of `given`.

    `df` has the structure of `outputs` and, where that has a number, the structure of `given`; the
    other way round too where only `given` has keys. ValueError names the part that does not match.

    >>> rows_of(0.0, {"b": 1.0, "a": [2.0, 3.0]}, {"a": [5.0, 6.0], "b": 4.0}, "w")
    [[4.0, 5.0, 6.0]]
    """
    outputs, given, df = (plain(x) if is_tensor(x) else x for x in (outputs, given, df))
    if given is None and df is None:  # an empty place
        return [[] for _ in flat(outputs)]
    one_output, one_given = map(_is_one, (outputs, given))
    if one_output and one_given:
        return [[_claimed(df, place)]]
    if is_array(df) and named_parts(outputs) is None and named_parts(given) is None:
        if df.shape != (due := getattr(outputs, "shape", ()) + getattr(given, "shape", ())):
            shapes = f"shape {df.shape} where {due} is due"
            raise ValueError(f"df returned an array of {shapes}, for {place}")
        rows = df.reshape(len(flat(outputs)), len(flat(given)))
        if df.dtype.kind in "fiu":
            return list(rows.astype(float).tolist())
        return [[_claimed(x, place) for x in row] for row in rows]
    inside_out = _keyed(df) is not None and _keyed(outputs) is None and not one_given
    if one_output or inside_out:
        columns = [rows_of(outputs, x, part, at) for at, x, part in _matched(given, df, place)]
        return [[x for rows in columns for x in rows[k]] for k in range(len(flat(outputs)))]
    parts = _matched(outputs, df, place)
    return [row for at, x, part in parts for row in rows_of(x, given, part, at)]


def _pairs(whole: Any, other: Any, place: str) -> list[tuple[str, Any, Any]] | None:
    """Each part of a container, between its name and what the other has there; None for no match.

    Dicts are matched by key and NamedTuples by field; a list, a tuple and an array are alike.
    """
    parts = named_parts(whole)
    if parts is None:
        parts = [(f"[{i}]", x) for i, x in enumerate(whole)]
    ours, theirs = _keyed(whole), _keyed(other)
    if ours is not None and theirs is not None:
        if ours.keys() != theirs.keys():
            return None
        other = [theirs[key] for key in ours]
    elif isinstance(whole, Mapping) or isinstance(other, Mapping) or _is_one(other):
        return None
    if len(other) != len(parts):
        return None
    return [(place + key, x, there) for (key, x), there in zip(parts, other, strict=True)]


def _matched(whole: Any, df: Any, place: str) -> list[tuple[str, Any, Any]]:
    """`_pairs` of a container and its derivatives; ValueError if they do not match."""
    pairs = _pairs(whole, df, place)
    if pairs is not None:
        return pairs
    if named_parts(df) is None and not is_array(df):
        _claimed(df, place)
    count, due = len(flat(df)), len(flat(whole))
    counts = f": {count} numbers where {due} are due" if count != due else ""
    raise ValueError(f"df returned {_said(df)} for {place}, where {_said(whole)} is due{counts}")


def _is_one(x: Any) -> bool:
    """True if it is a single number, or an array without axes."""
    return named_parts(x) is None and not getattr(x, "shape", ())


def _keyed(tree: Any) -> Mapping[Any, Any] | None:
    """A mapping, or a NamedTuple as one; None for anything else."""
    if hasattr(tree, "_fields"):
        return dict(zip(tree._fields, tree, strict=True))
    return tree if isinstance(tree, Mapping) else None


def _said(tree: Any) -> str:
    """A structure, in a message."""
    if is_array(tree):
        return f"an array of shape {tree.shape}"
    if isinstance(tree, Mapping):
        return f"a dict with the keys {', '.join(map(repr, tree))}" if tree else "an empty dict"
    return describe(tree)


def _claimed(df: Any, place: str) -> float:
    """The number in a gradient where one is due; a list or an array of one is as good."""
    if df is None:
        raise TypeError("df returned None: did it forget to return its result?")
    found = flat(df)
    if len(found) != 1 or isinstance(df, Mapping):
        raise ValueError(f"df returned {_said(df)} for {place}, where a number is due")
    return number(found[0], "df returned ", f" for {place}, where a number is due")


# ---- bounds --------------------------------------------------------------------------------------


def limits(bounds: Any, arguments: Arguments) -> list[tuple[float, float]]:
    """The lower and the upper bound of each number; ValueError where one lies outside.

    >>> limits((0.0, {"a": 1.0, "b": [5.0, None]}), Arguments(None, ({"b": [2.0, 3.0], "a": 0.5},)))
    [(0.0, 5.0), (0.0, inf), (0.0, 1.0)]
    """
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        bounds = bounds.lb, bounds.ub
    if bounds is None:
        bounds = None, None
    if not isinstance(bounds, (list, tuple)) or len(bounds) != 2:
        raise TypeError(f"bounds is a pair (low, high) or has lb and ub, not {describe(bounds)}")
    given: Any = arguments.given if len(arguments.given) > 1 else arguments.given[0]
    low, high = (
        [
            end if x is None else number(x, "bounds has ", ", where a number is due")
            for x in _spread(part, given, "bounds")
        ]
        for part, end in zip(bounds, (-math.inf, math.inf), strict=True)
    )
    rounding = arguments.roundoff if arguments.roundoff > 2.0**-53 else 0.0  # as x was rounded
    found = []
    for name, x, a, b in zip(arguments.names, arguments.numbers, low, high, strict=True):
        if not a <= b:
            raise ValueError(f"the bounds of {name} are {a!r} and {b!r}: the lower one comes first")
        if max(a - x, x - b) > rounding * abs(x):
            raise ValueError(f"{name} is {x!r}, outside its bounds {a!r} and {b!r}")
        found.append((min(a, x), max(b, x)))
    return found


def _spread(bound: Any, tree: Any, place: str) -> list[Any]:
    """A bound for each number of a structure, from as few as are given."""
    bound, tree = (plain(x) if is_tensor(x) else x for x in (bound, tree))
    wanted, found = flat(tree), flat(bound)
    if _keyed(bound) is None and len(found) == 1:
        return found * len(wanted)
    if is_array(tree) and _keyed(bound) is None:
        with suppress(ValueError):
            return list(sys.modules["numpy"].broadcast_to(bound, tree.shape).ravel().tolist())
    single = is_array(tree) or named_parts(tree) is None
    pairs = None if single else _pairs(tree, bound, place)
    if pairs is not None:
        return [x for at, part, end in pairs for x in _spread(end, part, at)]
    if _keyed(bound) is None and len(found) == len(wanted):
        return found
    raise ValueError(f"{place} has {_said(bound)}, which does not fit {_said(tree)}")


# ---- numbers and arrays --------------------------------------------------------------------------


def is_array(x: object) -> bool:
    """True if `x` is a NumPy array; NumPy is not imported to find out."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(x, numpy.ndarray)


def is_tensor(x: object) -> bool:
    """True if `x` is a node that holds an array."""
    return isinstance(x, Node) and x.broadcasts


def is_value(x: object) -> bool:
    """True if `x` is a node that holds a number."""
    return isinstance(x, Node) and not x.broadcasts


def number(x: Any, before: str = "", after: str = "") -> float:
    """The real number in an item, which may be a Value; TypeError between these words if none."""
    if x.__class__ is float:
        return x
    if isinstance(x, Node):
        x = x.data
    if is_number(x) and type(x).__name__ not in ("bool", "bool_"):  # Python's and NumPy's
        return float(x)
    raise TypeError(f"{before}{describe(x)}{after}")


def _fill(x: Any, source: Iterator[float], make: Any, gather: Any) -> Any:
    """A leaf with the next numbers in it."""
    if is_array(x) or is_tensor(x):
        numpy = sys.modules["numpy"]
        here = plain(x)
        numbers = list(islice(source, here.size))
        if make and not gather:
            return array_of(list(map(make, numbers)), here.shape)
        kept = here.dtype if here.dtype.kind == "f" else float
        array = numpy.array(numbers, dtype=kept).reshape(here.shape)
        return gather(array, x) if gather else array
    if make is not None:
        return make(next(source))
    small = getattr(getattr(x, "dtype", None), "kind", "") == "f"
    return type(x)(next(source)) if small else next(source)


def _roundoff(tree: Any) -> float:
    """The relative error of a rounding in the coarsest floating-point type of a structure."""
    kinds = [x.dtype for x in leaves(tree) if getattr(getattr(x, "dtype", ""), "kind", "") == "f"]
    return max([2.0**-53, *(0.5 * float(sys.modules["numpy"].finfo(kind).eps) for kind in kinds)])
