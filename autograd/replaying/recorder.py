"""Recording for a replay: the function is called once, and every look at a number is noted.

A program that only computes goes the same way for all numbers. One that looks at a number may go
another way next time, so each look leaves a guard: the number, or the truth, that was seen. Where a
replay meets another, the recording does not hold.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from ..arrays.libraries import library_of
from ..core.graph import Node, birth
from ..core.kinds import is_number
from ..core.modes import Mode, settings
from ..core.rules import RULES, Rule
from ..core.value import Value

Past = tuple[Rule, tuple[Any, ...]]


def array_in(node: Any) -> Any:
    """The array that a Tensor holds, as one of NumPy's."""
    return library_of(node._data).on_host(node._data)


class Guard(NamedTuple):
    """What a program saw of a number while it was recorded."""

    node: Any
    exact: bool  # it saw the number itself, and not only whether it is 0
    seen: float


class Heard(NamedTuple):
    """One call of a function, as the recorder heard it."""

    result: Any
    guards: list[Guard]
    pasts: dict[Any, Past]
    arrays: dict[Any, Any]  # of Tensors from outside, as it saw them
    start: int  # nodes born before it are from outside


class Countable(Value):
    """A node that stands for an int or a bool, so it may be an index, or the end of a range."""

    __slots__ = ()

    def __index__(self) -> int:
        return int(self.data)

    def __int__(self) -> int:
        return int(self.data)

    def __float__(self) -> float:
        return self.data


class Condition(Countable):
    """What a comparison answers while a replay is recorded: it acts as a bool.

    `where` takes it as it is, and a replay may take either branch. `if` asks for its truth, which
    leaves a guard. No gradient goes through it, as none goes through a bool.
    """

    __slots__ = ()

    def __and__(self, other: Any) -> Any:
        return self._join("mul", other)

    def __or__(self, other: Any) -> Any:
        return self._join("maximum", other)

    def __xor__(self, other: Any) -> Any:
        return self != other if isinstance(other, (bool, Condition)) else NotImplemented

    def __invert__(self) -> Any:
        return _condition("sub", 1.0, self)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def _join(self, name: str, other: Any) -> Any:
        return (
            _condition(name, self, other)
            if isinstance(other, (bool, Condition))
            else NotImplemented
        )


def _condition(name: str, *operands: Any) -> Any:
    """The condition that an operation on numbers and other conditions makes."""
    inputs = tuple(x if isinstance(x, Node) else float(x) for x in operands)
    row = RULES[name]
    data = row.fact.floats(*(x._data if isinstance(x, Node) else x for x in inputs))
    if settings()["recorder"] is None:  # one that has outlived its recording
        return data != 0
    made = Condition(data)
    settings()["recorder"].pasts[made] = row, inputs
    return made


def _is_a_float(x: Any) -> bool:
    """Whether a number is what a float holds; 1/3 and 10**400 are not."""
    try:
        return float(x) == x or x != x
    except OverflowError:
        return False


class Recorder:
    """What hears of every number that a function looks at."""

    def __init__(self) -> None:
        self.start = birth()
        self.guards: list[Guard] = []
        # The inputs of nodes that show none, for no gradient is to go through them.
        self.pasts: dict[Any, Past] = {}
        self.arrays: dict[Any, Any] = {}

    def compare(self, name: str, left: Any, right: Any) -> Any:
        """The condition that `left` and `right` compare as `name` says: lt, le, gt, ge, eq, ne."""
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
        return both if name == "eq" else ~both

    def truth(self, node: Any) -> bool:
        """Whether the number is not 0; a guard sees to it that it stays so."""
        seen = node._data != 0
        self.guards.append(Guard(node, False, float(seen)))
        return bool(seen)

    def read(self, node: Any) -> None:
        """The program reads what a node holds: a guard sees to it that it stays the same."""
        if isinstance(node, Value):
            self.guards.append(Guard(node, True, node._data))
        elif node._born < self.start:
            self.arrays[node] = array_in(node).copy()
        else:
            raise TypeError(
                f"a replay runs on Values, and {type(node).__name__}.data was read while it was "
                "recorded: arrays are fast as they are"
            )

    def refuse(self, node: Any, how: str) -> None:
        """RuntimeError for what no replay would do again, if `node` is from outside."""
        if node._born < self.start or "backward" in how:
            raise RuntimeError(
                f"a function {how} {node!r} while it is recorded, which no replay would do: let it "
                "return its result, and ask the replay for value_and_grad() or backward()"
            )


def listen(f: Callable[..., Any], args: Any, named: Any, lines: bool = False) -> Heard:
    """f's result for these arguments, nodes among them, and what was heard on the way."""
    recorder = Recorder()
    with Mode(recorder=recorder, recording=True, **({"lines": True} if lines else {})):
        result = f(*args, **named)
    return Heard(result, recorder.guards, recorder.pasts, recorder.arrays, recorder.start)
