"""Recording for a replay: the function is called once, and every look at a number is noted.

A program that only computes takes the same path for all numbers. One that looks at a number may
take another path next time, so each look leaves a guard: the number, or the truth value, that was
seen. If a replay meets a different one, the recording does not hold. All that a recording assumes:

Guarded: where it differs, f is recorded again.
- the structure of the arguments, and which single arguments are ints; bools and strings in them;
- keyword arguments, with their types, signs and parts;
- what f saw of a number: its truth, a comparison in an `if`, `.data`, text, an int as an index; in
  another thread too, if it was computed from the arguments; and within a replay that f runs;
- arrays of Tensors from outside that f read: each call compares all their elements.

Computed again: conditions in `where` and in arithmetic, `detach`, `no_grad`, gradients, and the
numbers of leaves from outside.

Refused, also where f catches the error:
- to assign `.data` or `.grad`, to read `.grad`, to call `backward()` or `zero_grad()`, or to write
  into the array of a Tensor, of what comes from outside;
- to hash an int among the arguments, or a condition; ints past 2**53;
- to read a Tensor that f computed; keywords that may change;
- to do something else when it is called a second time, as with random numbers and counters.

Excluded: f must not depend on it.
- the type of an argument (`isinstance(n, int)`, `type(n)`): ints and floats are Values, of which a
  float's hash is its identity and its text is `Value(2.0)`, as within `grad(f)`; results of ints
  past 2**53, and an int in a list where a float was recorded; a comparison times a number is a
  Value too;
- what NumPy computes with arrays of Values that f makes with np.array or np.asarray: it compares
  objects, so that its maximum passes over nan; an array among the arguments is computed with as an
  array of floats is;
- whether two arguments are one object or share memory (`x is y`, strides beyond an array's own);
- globals, closures, objects, files and the clock: numbers, arrays, and nodes that are not leaves
  are constants; what f prints or keeps is not repeated;
- leaves and Tensors from outside that another thread reads for f.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple, NoReturn

import numpy as np

from ..arrays.libraries import library_of
from ..core.functions import where
from ..core.graph import Node, birth
from ..core.kinds import is_number
from ..core.modes import Mode, is_input, recorder_of, recorders, settings
from ..core.rules import RULES, Rule
from ..core.value import Value
from ..support.meeting import enter

Operand = Node | float
Past = tuple[Rule, tuple[Operand, ...]]
Array = Any  # of NumPy


def array_in(node: Any) -> Array:
    """The array of a Tensor as a NumPy array."""
    return library_of(node._data).on_host(node._data)


class Guard(NamedTuple):
    """A look of a program at a number, and what it saw."""

    node: Value
    exact: bool  # it saw the number itself, and not only whether it is 0
    seen: float


class Heard(NamedTuple):
    """The result of one call of a function, and what the recorder noted."""

    result: Any
    guards: list[Guard]
    pasts: dict[Node, Past]
    arrays: dict[Node, Array]  # of Tensors from outside, when they were read
    start: int  # nodes born before it come from outside


class Countable(Value):
    """A node for an int: it may be an index, or the end of a range, and is written as an int.

    What it makes with ints, by operators that make ints of ints, is one too.
    """

    __slots__ = ()

    def __index__(self) -> int:
        return int(self.data)

    def __int__(self) -> int:
        return int(self.data)

    def __float__(self) -> float:
        return self.data

    def __repr__(self) -> str:
        return repr(int(self))

    def __format__(self, spec: str) -> str:
        return format(int(self), spec)

    def __pow__(self, other: Any) -> Any:
        made = super().__pow__(other)
        return _counted(made) if isinstance(other, int) and other >= 0 else made


def _counting(name: str) -> Callable[..., Any]:
    """The method of Value of that name, which makes an int of ints."""
    compute = getattr(Value, name)

    def method(self: Countable, *others: Any) -> Any:
        made = compute(self, *others)
        return _counted(made) if all(isinstance(x, (int, Countable)) for x in others) else made

    return method


def _counted(made: Any) -> Any:
    """A node as one for an int."""
    if not isinstance(made, Value):
        return made
    node: Value = object.__new__(Countable)
    node._data, node._inputs, node._rule = made._data, made._inputs, made._rule
    node._born = made._born
    recorder = recorder_of(made)
    if recorder is not None:
        if made in recorder.pasts:
            recorder.pasts[node] = recorder.pasts[made]
        recorder.keep_from_keys(node)
    return node


for _name in ("add", "sub", "mul", "floordiv", "mod"):
    for _way in (f"__{_name}__", f"__r{_name}__"):
        setattr(Countable, _way, _counting(_way))
for _way in ("__neg__", "__pos__", "__abs__"):
    setattr(Countable, _way, _counting(_way))


class Condition(Countable):
    """The result of a comparison while a replay is recorded: it acts as a bool.

    `where` takes it as it is, and a replay may take either branch. `if` asks for its truth value,
    which leaves a guard. No gradient passes through it, as none passes through a bool.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(bool(self))

    def __format__(self, spec: str) -> str:
        return format(bool(self), spec)

    def __and__(self, other: Truth) -> Truth:
        return self._join("mul", other)

    def __or__(self, other: Truth) -> Truth:
        return self._join("maximum", other)

    def __xor__(self, other: Truth) -> Truth:
        return self != other if isinstance(other, (bool, Condition)) else NotImplemented

    def __invert__(self) -> NoReturn:
        raise TypeError(
            "~ of a bool is -1 or -2 in Python, and counts as true: write (x > 0) ^ True, or x <= 0"
        )

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def _join(self, name: str, other: Truth) -> Truth:
        is_truth = isinstance(other, (bool, Condition))
        return _condition(name, self, other) if is_truth else NotImplemented


class _NoKey:
    """A number that is not hashed in the function: no dict of ints or bools has a node."""

    __slots__ = ()

    def __hash__(self) -> int:
        user = str(sys._getframe(1).f_globals.get("__package__")).partition(".")[0] != "autograd"
        recorder = settings()["recorder"]
        if recorder is not None and user:
            raise recorder.refused(
                TypeError(
                    "an int among a replay's arguments, or the result of a comparison, is hashed, "
                    "and a dict or a set would not find it: pass the int by keyword, and write "
                    "bool(x > 0)"
                )
            )
        return object.__hash__(self)


class _CountableNoKey(_NoKey, Countable):
    __slots__ = ()


class _ConditionNoKey(_NoKey, Condition):
    __slots__ = ()


NO_KEYS: Any = {Countable: _CountableNoKey, Condition: _ConditionNoKey}
Truth = bool | Condition


def _condition(name: str, *operands: Operand) -> Truth:
    """The condition that an operation on numbers and other conditions makes."""
    inputs = tuple(x if isinstance(x, Node) else float(x) for x in operands)
    row = RULES[name]
    data = row.fact.floats(*(x._data if isinstance(x, Node) else x for x in inputs))
    recorder = recorder_of(*inputs)
    if recorder is None:  # a condition that has outlived its recording
        return data != 0
    made = Condition(data)
    recorder.pasts[made] = row, inputs
    recorder.keep_from_keys(made)
    return made


# ---- gradients of what is recorded ---------------------------------------------------------------


@dataclass(slots=True)
class Share:
    """A gradient in a recorded walk that arrives only where `given` is not 0; else it is -0.0.

    Adding -0.0 changes no number, so sums of shares need no choice.
    """

    number: Any
    given: Any

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, Share):
            return self.number + other
        return Share(self.number + other.number, _condition("maximum", self.given, other.given))

    def __radd__(self, other: Any) -> Any:
        return other + self.number

    @property
    def _data(self) -> Any:  # for `check_shares`
        return getattr(self.number, "_data", self.number)


class Withheld:
    """A row of the table whose columns take a `Share`, and return one where `where` chooses.

    Nothing flows into the branch not taken: an infinite slope would make nan of a 0.
    """

    def __init__(self, row: Rule) -> None:
        self.row: Rule = row
        self.name: Final = row.name
        self.variadic: Final = row.variadic
        self.columns: Final = [partial(self._column, i) for i in range(len(row.columns))]

    def _column(self, i: int, g: Any, out: Any, *xs: Any) -> Any:
        number, given = (g.number, g.given) if isinstance(g, Share) else (g, None)
        found = self.row.columns[i](number, out, *xs)
        if found is not None and self.name == "where" and isinstance(xs[0], Node):
            taken = xs[0] if i == 1 else _condition("sub", 1.0, xs[0])
            both = taken if given is None else _condition("mul", given, taken)
            return Share(where(taken, number, -0.0), both)
        if found is None or given is None:
            return found
        shares = [
            None if x is None else Share(x if x is number else where(given, x, -0.0), given)
            for x in (found if self.variadic else [found])
        ]
        return shares if self.variadic else shares[0]


class Rules:
    """The table, for a walk that is recorded."""

    def __getitem__(self, name: str) -> Any:
        return Withheld(RULES[name])

    def get(self, name: str) -> None:
        """No other row for an operation on arrays."""


def _is_a_float(x: Any) -> bool:
    """Whether a float can hold a number exactly; Fraction(1, 3) and 10**400 it cannot."""
    try:
        return float(x) == x or x != x
    except OverflowError:
        return False


def inputs_of(node: Any, pasts: Mapping[Node, Past]) -> list[Any]:
    """The nodes that a node was made from, with a gradient or without."""
    taken = getattr(node, "_inputs", ()) or (pasts[node][1] if node in pasts else ())
    return [x for x in taken if isinstance(x, Node)]


class Recorder:
    """Notes every number that a function looks at."""

    rules: Rules = Rules()

    def __init__(self, inputs: Sequence[Node] = ()) -> None:
        self.start: Final = birth()
        self.inputs: Final = frozenset(map(id, inputs))
        self.guards: list[Guard] = []
        # The inputs of nodes that show none, because no gradient passes through them.
        self.pasts: dict[Node, Past] = {}
        self.arrays: dict[Node, Array] = {}
        self.refusal: BaseException | None = None
        self._no_keys: list[Any] = []
        for x in [x for x in inputs if x.__class__ is not Value]:
            self.keep_from_keys(x)

    def keep_from_keys(self, node: Any) -> None:
        """Refuse to hash an int or a condition until the recording is finished."""
        if node.__class__ in NO_KEYS:
            node.__class__ = NO_KEYS[node.__class__]
            self._no_keys.append(node)

    def owns(self, node: Any) -> bool:
        """Whether a node was computed from the arguments."""
        found, seen = [node], {node}
        for x in found:
            if id(x) in self.inputs:
                return True
            if isinstance(x, Node) and x._born >= self.start:
                new = [y for y in inputs_of(x, self.pasts) if y not in seen]
                seen.update(new)
                found += new
        return False

    def compare(self, name: str, left: Any, right: Any) -> Truth:
        """The result of a comparison, which `name` names: lt, le, gt, ge, eq, ne."""
        if not isinstance(right, Node) and not _is_a_float(right):
            self.read(left)
            return getattr(operator, name)(left._data, right)
        if name in ("gt", "ge"):
            left, right = right, left
        if name in ("lt", "gt"):
            return _condition("less", left, right)
        if name in ("le", "ge"):
            return _condition("less_equal", left, right)
        if name == "ne" and isinstance(left, Condition) and is_number(right) and right == 0:
            return left
        both = _condition("less_equal", left, right) & _condition("less_equal", right, left)
        return both if name == "eq" else _condition("sub", 1.0, both)

    def truth(self, node: Value) -> bool:
        """Whether the number is not 0; leaves a guard."""
        seen = node._data != 0
        self.guards.append(Guard(node, False, float(seen)))
        return bool(seen)

    def take(self, inputs: Sequence[object]) -> None:
        """Be told of the inputs of an operation on Tensors, of which only a look matters here."""

    def read(self, node: Any) -> None:
        """Leave a guard, because the number or the array was read."""
        if isinstance(node, Value):
            self.guards.append(Guard(node, True, node._data))
        elif node._born >= self.start:
            raise self.refused(
                TypeError(
                    f"a replay runs on Values, and {type(node).__name__}.data was read while it "
                    "was recorded: arrays are fast as they are"
                )
            )
        elif node not in self.arrays:
            self.arrays[node] = array_in(node).copy()

    def refuse(self, node: Any, how: str) -> None:
        """RuntimeError for an effect that no replay would repeat, if `node` comes from outside."""
        if getattr(node, "_born", 0) < self.start or "backward" in how:
            with Mode(recorder=None):
                said = repr(node)
            raise self.refused(
                RuntimeError(
                    f"a function {how} {said} while it is recorded, which no replay would do: let "
                    "it return its result, and ask the replay for value_and_grad() or backward()"
                )
            )

    def refused(self, error: Exception) -> Exception:
        """The error, which is raised once more after the call, for f may have caught it."""
        self.refusal = self.refusal or error
        return error

    def arrived(self, g: Any) -> Any:
        """A gradient that a recorded walk has found: 0 where none arrives."""
        return where(g.given, g.number, 0.0) if isinstance(g, Share) else g

    def finish(self) -> None:
        """Raise what was refused, and RuntimeError if an array that was read was written into."""
        for node in self._no_keys:
            node.__class__ = node.__class__.__bases__[1]
        for node, seen in self.arrays.items():
            if not np.array_equal(array_in(node), seen, equal_nan=True):
                said = f"a function writes into the array of {node!r} while it is recorded"
                self.refused(RuntimeError(f"{said}, which no replay would do: copy it first"))
        if self.refusal is not None:
            raise self.refusal


def listen(
    f: Callable[..., Any], args: Iterable[Any], named: Mapping[str, Any], lines: bool = False,
    inputs: Sequence[Node] = (),
) -> Heard:  # fmt: skip
    """f's result for these arguments, `inputs` among them, and what was noted on the way."""
    recorder = Recorder(inputs)
    recorders.append(recorder)
    outer = enter(inputs)
    try:
        with Mode(recorder=recorder, recording=True, **({"lines": True} if lines else {})):
            result = f(*args, **named)
    finally:
        is_input.reset(outer)
        recorders.remove(recorder)
    recorder.finish()
    return Heard(result, recorder.guards, recorder.pasts, recorder.arrays, recorder.start)
