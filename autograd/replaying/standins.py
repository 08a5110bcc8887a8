"""Stand-ins for arrays: they compute as NumPy's arrays do, and a tape notes every call.

To Tensors they are the arrays of one more library. What a function computes from them, in rules of
the table or in NumPy's own functions, is on the tape; what it looks at (`if`, `float`, an index, a
function that takes plain arrays only) is a guard.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import get_ident
from typing import Any, NamedTuple, NoReturn

import numpy as np

from ..arrays.functions import compute, on_arrays
from ..arrays.libraries import LIBRARIES, Array, DType, NumPy
from ..arrays.numpy_arguments import mapped
from ..arrays.operations import ON_NUMPY
from ..core.kinds import ARRAYS, Function
from ..core.value import Value

ndarray = np.ndarray
NUMBERS = (ndarray, np.generic, bool, int, float)


class Looked(BaseException):
    """A function looked at an array in one of its shortcuts: its call is noted as a whole."""


class Refused(TypeError):  # noqa: N818  # the function did nothing wrong
    """A function did what a replay would not repeat; the message is the rest of "it ..."."""


class MeetsValues(Refused):
    """A function computes with Values, which a recording of Values would follow."""


class Busy(Refused):
    """Another thread computed with the same leaves: the next call may be recorded."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a computed array stands on the tape."""

    at: int


class Call(NamedTuple):
    """A function, its arguments with a `Place` for each stand-in, and the place of its result."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    named: dict[str, Any]
    at: int


class Guard(NamedTuple):
    """What a function saw of an array, after so many calls."""

    calls: int
    at: int
    look: Callable[[Array], Any]
    seen: Any


# Functions whose result has a shape that depends on the numbers of any argument, and those where it
# depends on those of all but the first.
LOOSE = {
    "nonzero", "flatnonzero", "argwhere", "unique", "unique_all", "unique_counts", "unique_inverse",
    "unique_values", "setdiff1d", "union1d", "intersect1d", "setxor1d", "trim_zeros", "bincount",
    "compress", "extract", "compressed", "histogram",
}  # fmt: skip
LOOSE_BY_SETTINGS = {"delete", "insert", "repeat", "resize", "pad", "split", "array_split", "tile"}


class Tape:
    """The calls of one recording, with the arrays that they computed."""

    def __init__(self) -> None:
        self.arrays: list[Any] = []
        self.calls: list[Call] = []
        self.guards: list[Guard] = []
        self.loose: set[int] = set()  # places of arrays whose shape depends on numbers
        self.refusal: tuple[type[Refused], str] | None = None
        self.thread: int = get_ident()
        self.is_open: bool = True
        self.is_strict: bool = False

    def given(self, array: Array, is_leaf: bool = False) -> Standin:
        """A stand-in for an array; only that of a leaf can be written to, by other threads."""
        if not is_leaf:
            array = array.view()
            array.flags.writeable = False
        self.arrays.append(array)
        return Standin(array, self, len(self.arrays) - 1)

    def call(self, function: Callable[..., Any], args: Any, named: Any) -> Any:
        """Compute, and note the call; a result that is not an array makes guards of its inputs."""
        found = function(*plain(args), **plain(named))
        if not self.is_noting():
            return found
        if any(x is found for x in parts((args, named)) if isinstance(x, ndarray)):
            self.refuse("writes into an array")  # the place for a result, given by position
        loose = self._is_loose(function, args, named)
        if isinstance(found, (ndarray, np.generic)):
            self.calls.append(
                Call(function, self._placed(args), self._placed(named), len(self.arrays))
            )
            return self._made(np.asarray(found), loose)
        if isinstance(found, (tuple, list)) and any(isinstance(x, ndarray) for x in found):
            at = len(self.arrays)
            self.calls.append(Call(function, self._placed(args), self._placed(named), at))
            self.arrays.append(found)
            made = [self._part(at, i, x, loose) for i, x in enumerate(found)]
            return getattr(found, "_make", type(found))(made)
        for x in standins((args, named)):
            x.look(content, content(x.array))
        return found

    def _made(self, array: Array, loose: bool) -> Standin:
        if loose and array.ndim:
            self.loose.add(len(self.arrays))
        return self.given(array)

    def _is_loose(self, function: Any, args: Any, named: Any) -> bool:
        """Whether the shape of a result may depend on the numbers of what is given."""
        if any(x.at in self.loose for x in standins((args, named))):
            return True
        name = getattr(function, "__name__", "")
        if name in LOOSE_BY_SETTINGS:
            return next(standins((args[1:], named)), None) is not None
        if name != "getitem":
            return name in LOOSE or (name == "where" and len(args) == 1)
        index = args[1] if len(args) > 1 else named["index"]
        return any(
            isinstance(part, slice) or x.array.dtype.kind == "b"
            for part in (index if isinstance(index, tuple) else (index,))
            for x in standins(part)
        )

    def _part(self, at: int, i: int, x: Any, loose: bool) -> Any:
        if not isinstance(x, (ndarray, np.generic)):
            return x
        self.calls.append(Call(operator.getitem, (Place(at), i), {}, len(self.arrays)))
        return self._made(np.asarray(x), loose)

    def _placed(self, x: Any) -> Any:
        """Arguments with places; arrays are copied, for they may change."""
        if isinstance(x, Standin):
            return Place(x.at) if x.tape is self else x.array
        if isinstance(x, ndarray):
            return x.copy("K")
        if callable(x) and not isinstance(x, (type, np.ufunc)):
            self.refuse("has NumPy call a function")
        return mapped(self._placed, x)

    def is_noting(self) -> bool:
        """Whether a call is the recording's: another thread may compute with the same leaves."""
        if self.is_open and get_ident() != self.thread:
            self.refusal = self.refusal or (Busy, "was computed in two threads")
            return False
        return self.is_open

    def refuse(self, how: str, kind: type[Refused] = Refused) -> NoReturn:
        """Give the recording up."""
        self.refusal = self.refusal or (kind, how)
        raise kind(how)

    @contextmanager
    def strictly(self) -> Iterator[None]:
        """Within it, a look raises `Looked`."""
        before, self.is_strict = self.is_strict, True
        try:
            yield
        finally:
            self.is_strict = before


def plain(x: Any) -> Any:
    """Arguments with arrays in place of stand-ins."""
    return x.array if isinstance(x, Standin) else mapped(plain, x)


def parts(x: Any) -> Iterator[Any]:
    """Arguments, and what the lists, tuples, slices and dicts among them hold."""
    if isinstance(x, slice):
        x = x.start, x.stop, x.step
    if isinstance(x, (list, tuple, dict)):
        for part in x.values() if isinstance(x, dict) else x:
            yield from parts(part)
    else:
        yield x


def standins(x: Any) -> Iterator[Standin]:
    """The stand-ins among arguments."""
    return (part for part in parts(x) if isinstance(part, Standin))


def content(array: Array) -> bytes:
    """All that can be seen of an array, but for its type."""
    return repr(array.shape).encode() + array.tobytes()


def is_same(x: Array, y: Array) -> bool:
    """Whether two arrays are equal to the bit."""
    return x.dtype == y.dtype and x.shape == y.shape and content(x) == content(y)


# Functions that read no element: their result is the same in every call.
SHAPES: Any = {
    np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj,
    np.empty_like, np.zeros_like, np.ones_like, np.min_scalar_type, np.common_type,
}  # fmt: skip
WRITING = {"fill", "itemset", "partition", "put", "resize", "setflags", "setfield", "sort",
           "byteswap"}  # fmt: skip
SEEN = {"tolist", "item", "tobytes", "dump", "dumps", "tofile", "tostring"}
STATIC = {"strides", "flags", "nbytes", "itemsize"}


class Standin(np.lib.mixins.NDArrayOperatorsMixin):
    """An array while a replay is recorded. It is never written to."""

    __slots__ = ("array", "at", "tape")
    stands_in = True
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, array: Array, tape: Tape, at: int) -> None:
        self.array: Array = array
        self.tape: Tape = tape
        self.at: int = at

    shape: Any = property(lambda self: self.measured().shape)
    ndim: Any = property(lambda self: self.array.ndim)
    size: Any = property(lambda self: self.measured().size)
    dtype: Any = property(lambda self: self.array.dtype)

    def look(self, how: Callable[[Array], Any], seen: Any) -> Any:
        """What is seen; the replay is to see the same."""
        tape = self.tape
        if tape.is_noting():
            if tape.is_strict:
                raise Looked
            tape.guards.append(Guard(len(tape.calls), self.at, how, seen))
        return seen

    def measured(self) -> Array:
        """The array, whose shape is seen: the replay is to see the same."""
        if self.at in self.tape.loose:
            self.look(np.shape, self.array.shape)
        return self.array

    # ---- NumPy's protocols ----

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **named: Any) -> Any:
        if any(isinstance(x, Value) for x in inputs):
            return self.tape.refuse("computes with Values", MeetsValues)
        if not all(isinstance(x, (Standin, *NUMBERS)) for x in inputs):
            return NotImplemented
        if not self.tape.is_noting():
            return getattr(ufunc, method)(*plain(inputs), **plain(named))
        if method == "at" or any(x is not None for x in named.get("out", ())):
            return self._written()
        return self.tape.call(
            getattr(ufunc, method) if method != "__call__" else ufunc, inputs, named
        )

    def __array_function__(self, function: Any, types: Any, args: Any, named: Any) -> Any:
        if not all(issubclass(kind, (Standin, ndarray, Value)) for kind in types):
            return NotImplemented
        if function in SHAPES:
            for x in standins((args, named)):
                x.measured()
            return function(*plain(args), **plain(named))
        if named.get("out") is not None or function in (np.copyto, np.put, np.place, np.putmask):
            return self._written()
        return self.tape.call(function, args, named)

    def __array__(self, dtype: DType = None, copy: bool | None = None) -> Array:
        self.look(content, content(self.array))
        return np.array(self.array, dtype)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or not hasattr(ndarray, name):
            raise AttributeError(f"an array has no attribute {name!r}")
        if name in WRITING:
            return self._written()
        if name in SEEN:
            self.look(content, content(self.array))
            return getattr(self.array.copy(), name)
        if name in STATIC:
            return getattr(self.measured(), name)
        found = getattr(ndarray, name)
        if not callable(found):
            if name in ("T", "mT", "real", "imag"):
                return self.tape.call(getattr, (self, name), {})
            return self.tape.refuse(f"takes .{name} of an array")

        def method(*args: Any, **named: Any) -> Any:
            if named.get("out") is not None:
                return self._written()
            return self.tape.call(found, (self, *args), named)

        return method

    def _written(self) -> Any:
        if self.tape.is_strict:
            raise Looked
        return self.tape.refuse("writes into an array that it was given, or computed from one")

    # ---- Python's protocols ----

    def __getitem__(self, index: Any) -> Any:
        return self.tape.call(operator.getitem, (self, index), {})

    def __setitem__(self, index: Any, x: Any) -> None:
        if self.tape.is_noting():
            self._written()
        self.array[plain(index)] = plain(x)

    def __len__(self) -> int:
        return len(self.measured())

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __contains__(self, x: Any) -> bool:
        return bool((self == x).any())

    def __bool__(self) -> bool:
        return bool(self.look(bool, bool(self.array)))

    def __float__(self) -> float:
        self.look(content, content(self.array))  # a sign of 0 may be seen
        return float(self.array)

    def __int__(self) -> int:
        return int(self.look(int, int(self.array)))

    def __index__(self) -> int:
        return int(self.look(operator.index, operator.index(self.array)))

    def __repr__(self) -> str:
        self.look(content, content(self.array))
        return repr(self.array)

    def __str__(self) -> str:
        return format(self)

    def __format__(self, spec: str) -> str:
        self.look(content, content(self.array))
        return format(self.array[()], spec)

    def __reduce__(self) -> Any:
        return self.tape.refuse("copies or pickles an array")


# ---- the library of stand-ins --------------------------------------------------------------------


def followed(function: Callable[..., Any], xs: Any, named: Any) -> Any:
    """Compute by the steps of a function; as one call if it looks at an array on its way.

    Steps are only right if they give the same as NumPy's arrays do, to the bit.
    """
    tape = next(standins((xs, named))).tape
    expected = function(*plain(xs), **plain(named))
    try:
        with tape.strictly():
            found = function(*xs, **named)
        if isinstance(found, Standin) and is_same(found.array, np.asarray(expected)):
            return found
    except Looked:
        pass
    return tape.call(function, xs, named)


class Steps:
    """NumPy's operations on whole arrays, on stand-ins."""

    def __getattr__(self, name: str) -> Any:
        function = getattr(ON_NUMPY, name)
        return lambda *xs, **settings: followed(function, xs, settings)


def is_standin(x: Array) -> bool:
    """Whether x stands in for an array, one of this kind or another."""
    return getattr(x, "stands_in", False)


class Standins(NumPy):
    """The library of stand-ins; NumPy's arrays are its constants."""

    stands_in = by_product = True
    operations: Any = Steps()

    def function(self, fact: Function, *xs: Array) -> Array:
        """A function of numbers on stand-ins; integers are floats, but for a condition."""
        exact = [
            x if x.__class__ in NUMBERS[1:] or x.dtype.kind == "f" else x.astype(float)
            for x in xs[fact.name == "where" :]
        ]
        return followed(on_arrays(fact), (*xs[: fact.name == "where"], *exact), {})

    def array(self, x: Array) -> Array:
        return x if is_standin(x) else super().array(x)

    def floats(self, x: Array) -> Array:
        if x.dtype.kind == "f" and x.dtype.itemsize in (4, 8):
            return x
        return x.astype(super().floats(x.array[:0] if x.ndim else x.array).dtype)

    def held(self, x: Array) -> Array:
        return x if is_standin(x) else super().held(x)

    def like(self, numbers: Array, x: Array, dtype: DType = None) -> Array:
        return numbers if is_standin(numbers) else super().like(numbers, x, dtype)

    def copy(self, x: Array) -> Array:
        return x if is_standin(x) else super().copy(x)

    def read_only(self, x: Array) -> Array:
        return x if is_standin(x) else super().read_only(x)

    def on_host(self, x: Array) -> Array:
        return np.asarray(x)

    def text(self, x: Array) -> str:
        return super().text(np.asarray(x))


LIBRARIES[Standin] = Standins()
ARRAYS[Standin] = compute
