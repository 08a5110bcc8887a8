"""Recording for a replay: the function is called once, and every look at a number is noted.

A program that only computes takes the same path for all numbers. One that looks at a number may
take another path next time, so each look leaves a guard: the number, or the truth value, that was
seen. If a replay meets a different one, the recording does not hold.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, NoReturn

from ..arrays.libraries import library_of
from ..core.functions import where
from ..core.graph import Node, birth
from ..core.kinds import is_number
from ..core.modes import Mode, settings
from ..core.rules import RULES, Rule
from ..core.value import Value

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
    """A node for an int or a bool: it may be an index, or the end of a range."""

    __slots__ = ()

    def __index__(self) -> int:
        return int(self.data)

    def __int__(self) -> int:
        return int(self.data)

    def __float__(self) -> float:
        return self.data


class Condition(Countable):
    """The result of a comparison while a replay is recorded: it acts as a bool.

    `where` takes it as it is, and a replay may take either branch. `if` asks for its truth value,
    which leaves a guard. No gradient passes through it, as none passes through a bool.
    """

    __slots__ = ()

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

    def withholds(self, share: Value) -> Value:
        """The share of a gradient that only arrives where this condition holds, and else is 0."""
        settings()["recorder"].arrives[share] = self
        return share

    def _join(self, name: str, other: Truth) -> Truth:
        is_truth = isinstance(other, (bool, Condition))
        return _condition(name, self, other) if is_truth else NotImplemented


Truth = bool | Condition


def _condition(name: str, *operands: Operand) -> Truth:
    """The condition that an operation on numbers and other conditions makes."""
    inputs = tuple(x if isinstance(x, Node) else float(x) for x in operands)
    row = RULES[name]
    data = row.fact.floats(*(x._data if isinstance(x, Node) else x for x in inputs))
    if settings()["recorder"] is None:  # a condition that has outlived its recording
        return data != 0
    made = Condition(data)
    settings()["recorder"].pasts[made] = row, inputs
    return made


def _is_a_float(x: Any) -> bool:
    """Whether a float can hold a number exactly; Fraction(1, 3) and 10**400 it cannot."""
    try:
        return float(x) == x or x != x
    except OverflowError:
        return False


class Recorder:
    """Notes every number that a function looks at."""

    def __init__(self) -> None:
        self.start = birth()
        self.guards: list[Guard] = []
        # The inputs of nodes that show none, because no gradient passes through them.
        self.pasts: dict[Node, Past] = {}
        self.arrays: dict[Node, Array] = {}
        # Gradients that may not arrive, and where they do.
        self.arrives: dict[Any, Any] = {}

    def handed_back(self, g: Any, shares: Sequence[Any]) -> Sequence[Any]:
        """The shares of a gradient, each 0 where the gradient itself does not arrive.

        The share is chosen and not multiplied: what was computed from 0 may be nan.
        """
        arrives = self.arrives.get(g)
        if arrives is None:
            return shares
        found: list[Any] = []
        for share in shares:
            if share is not None:
                both = arrives & self.arrives.get(share, True)
                share = both.withholds(where(both, share, 0.0))
            found.append(share)
        return found

    def gathered(self, held: Any, share: Any) -> Any:
        """The sum of two shares of a gradient, which arrives where either does."""
        found, either = held + share, [self.arrives.get(x) for x in (held, share)]
        if either[0] is not None and either[1] is not None:
            self.arrives[found] = either[0] | either[1]
        return found

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

    def read(self, node: Any) -> None:
        """Leave a guard, because the number or the array was read."""
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
        """RuntimeError for an effect that no replay would repeat, if `node` comes from outside."""
        if node._born < self.start or "backward" in how:
            raise RuntimeError(
                f"a function {how} {node!r} while it is recorded, which no replay would do: let it "
                "return its result, and ask the replay for value_and_grad() or backward()"
            )


def listen(
    f: Callable[..., Any], args: Iterable[Any], named: Mapping[str, Any], lines: bool = False
) -> Heard:
    """f's result for these arguments, nodes among them, and what was noted on the way."""
    recorder = Recorder()
    with Mode(recorder=recorder, recording=True, **({"lines": True} if lines else {})):
        result = f(*args, **named)
    return Heard(result, recorder.guards, recorder.pasts, recorder.arrays, recorder.start)
