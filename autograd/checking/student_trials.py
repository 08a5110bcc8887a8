"""What a learner's engine is tried with: expressions, each for one rule, and questions.

An expression is built on the learner's class and on this engine by the same function, of `call`
(which calls a function by its name) and of the leaves.
"""

from __future__ import annotations

import operator
import sys
from contextlib import contextmanager
from functools import cache
from inspect import getattr_static
from typing import NamedTuple

from ..core.rules import RULES
from .student_rules import points_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    Build = Callable[..., Any]
    Points = list[tuple[float, ...]]

PAIRS: Points = [(1.3, 2.1, 0.7), (2.3, 0.6, -1.7), (0.4, 1.9, 2.2)]
SIGNED: Points = [(1.3, -2.1, 0.7), (-2.3, 0.6, -1.7), (0.4, 1.9, 2.2)]
FACTORS = (0.7, -1.7, -2.2, 1.4, 1.1, -0.6)
NAMES = {
    "data": ("data", "value", "val"),
    "grad": ("grad", "gradient", "adjoint", "derivative"),
    "backward": ("backward", "backprop", "backpropagate"),
}


class Trial(NamedTuple):
    """One expression, at several points.

    `kind` is "rule", "chain" (other things follow), "reuse" (a leaf feeds several), "number" (a
    number on one side), or "order" (a node between leaves and root feeds several).
    """

    name: str
    build: Build
    op: str
    kind: str
    points: Points
    leaves: int = 3


# ---- the table -----------------------------------------------------------------------------------


def trials_of(op: str, name: str, f: Build, points: Points) -> list[Trial]:
    """The trials of an operation on one number; `name` has a for it."""
    twice = f"{name} + {name}"
    return [
        Trial(name, lambda call, a: f(call, a), op, "rule", points, 1),
        Trial(f"{_bracketed(name)} * c", lambda call, a, c: f(call, a) * c, op, "chain", points, 2),
        Trial(
            name.replace("a", "(a + b)", 1) if name[0] in "-a" else name[:-2] + "a + b)",
            lambda call, a, b: f(call, a + b),
            op,
            "inner",
            [(x, 0.0) for x, *_ in points],
            2,
        ),
        Trial(twice, lambda call, a: f(call, a) + f(call, a), op, "reuse", points, 1),
    ]


def trials_of_two(op: str, sign: str, f: Build) -> list[Trial]:
    """The trials of an operator between two."""
    return [
        Trial(f"a {sign} b", lambda call, a, b: f(a, b), op, "rule", SIGNED, 2),
        Trial(f"(a {sign} b) * c", lambda call, a, b, c: f(a, b) * c, op, "chain", SIGNED),
        Trial(f"(a + b) {sign} c", lambda call, a, b, c: f(a + b, c), op, "inner", SIGNED),
        Trial(f"c {sign} (a + b)", lambda call, a, b, c: f(c, a + b), op, "inner", SIGNED),
        Trial(f"a {sign} a", lambda call, a: f(a, a), op, "reuse", SIGNED, 1),
        Trial(f"(a {sign} b) + (a {sign} c)", lambda call, a, b, c: f(a, b) + f(a, c), op, "reuse",
              SIGNED),
        Trial(f"(b {sign} a) + (c {sign} a)", lambda call, a, b, c: f(b, a) + f(c, a), op, "reuse",
              SIGNED),
        Trial(f"a {sign} 2", lambda call, a: f(a, 2), op, "number", SIGNED, 1),
        Trial(f"(a {sign} 2) * c", lambda call, a, c: f(a, 2) * c, op, "number", SIGNED, 2),
        Trial(f"2 {sign} a", lambda call, a: f(2, a), op, "reflected", SIGNED, 1),
        Trial(f"(2 {sign} a) * c", lambda call, a, c: f(2, a) * c, op, "reflected", SIGNED, 2),
    ]  # fmt: skip


def _bracketed(name: str) -> str:
    return name if name.endswith(")") else f"({name})"


def _in_place(call: Any, a: Any, b: Any) -> Any:
    x = a
    x += b
    return x * a


def _uneven(call: Any, a: Any, b: Any, c: Any) -> Any:
    x = a * b
    return x * c * b + x


def _uneven_first(call: Any, a: Any, b: Any, c: Any) -> Any:
    x = a * b
    return x + x * c * b


def _diamond(call: Any, a: Any, b: Any, c: Any) -> Any:
    x = a * b
    return x * b + x * c


def _unused(call: Any, a: Any, b: Any, c: Any) -> Any:
    _ = a * c
    return a + b


def _nested(call: Any, a: Any, b: Any, c: Any) -> Any:
    x = a * b
    y = x + a
    z = y * x
    return z * c + y


def doubled(times: int) -> Build:
    def build(call: Any, a: Any) -> Any:
        x = a
        for _ in range(times):
            x = x + x
        return x

    return build


def of_one() -> list[str]:
    """The functions of one number that a class may have."""
    rows = RULES.values()
    return [row.key for row in rows if len(row.columns) == 1 and _points(row.key)]


@cache
def _points(name: str) -> Points:
    row = RULES[name]
    if row.variadic or name in ("identity", "neg", "normal_cdf", "normal_pdf"):
        return []
    return [(*args, c) for args, c in zip(points_of(row), FACTORS, strict=False)]


@cache
def table() -> dict[str, Trial]:
    """Every trial, by its name."""
    found = [
        *trials_of_two("add", "+", operator.add),
        *trials_of_two("mul", "*", operator.mul),
        *trials_of_two("sub", "-", operator.sub),
        *trials_of_two("div", "/", operator.truediv),
        *trials_of("neg", "-a", lambda call, a: -a, SIGNED),
        *trials_of("pow", "a ** 2", lambda call, a: a**2, SIGNED),
        *trials_of("pow", "a ** 3", lambda call, a: a**3, SIGNED),
        *trials_of("pow", "a ** -1", lambda call, a: a**-1, SIGNED),
        *trials_of("pow", "a ** 0.5", lambda call, a: a**0.5, PAIRS),
        Trial("a ** b", lambda call, a, b: a**b, "pow", "power", PAIRS, 2),
        Trial("2 ** a", lambda call, a: 2**a, "pow", "power", PAIRS, 1),
        Trial("sum([a, b, c])", lambda call, *xs: sum(xs), "add", "reflected", SIGNED),
        Trial("x = a; x += b; x * a", _in_place, "add", "place", SIGNED, 2),
        Trial("x = a * b; x * b + x * c", _diamond, "", "order", PAIRS[::2]),
        Trial("x = a * b; x * c * b + x", _uneven, "", "order", PAIRS[::2]),
        Trial("x = a * b; x + x * c * b", _uneven_first, "", "order", PAIRS[::2]),
        Trial("x = a * b; y = x + a; y * x * c + y", _nested, "", "order", PAIRS[::2]),
        Trial("y = a * c is not used; a + b", _unused, "", "order", PAIRS),
        Trial("x = a; three times x = x + x", doubled(3), "", "order", PAIRS, 1),
    ]
    for name in of_one():
        f = lambda call, a, name=name: call(name, a)
        found += trials_of(name, f"{name}(a)", f, _points(name))
    return {trial.name: trial for trial in found}


# ---- in the process of the learner's code --------------------------------------------------------


class Handle:
    """A learner's class, used by the names that this one has for its parts."""

    def __init__(self, theirs: Any, adapter: dict[str, Any]) -> None:
        self.theirs, self.adapter = theirs, adapter
        self.make = adapter.get("make", theirs)

    def read(self, part: str, node: Any) -> Any:
        """The number that a node has under a name for this part."""
        if part in self.adapter:
            return self.adapter[part](node)
        for name in NAMES[part]:
            if hasattr(node, name):
                found = getattr(node, name)
                found = found() if callable(found) else found
                return self.read("data", found) if isinstance(found, self.theirs) else found
        raise AttributeError(f"no .{NAMES[part][0]}")

    def grad(self, node: Any) -> float:
        found = self.read("grad", node)
        return 0.0 if found is None else float(found)

    def data(self, node: Any) -> float:
        return float(self.read("data", node))

    def backward(self, root: Any) -> None:
        """Go back from a root, with the seed 1 where one is asked for."""
        method = self.adapter.get("backward")
        if method is not None:
            method(root)
            return
        methods = [getattr(root, name) for name in NAMES["backward"] if hasattr(root, name)]
        module = sys.modules.get(self.theirs.__module__)
        for function in (getattr(module, name, None) for name in NAMES["backward"]):
            methods += [lambda *seed, f=function: f(root, *seed)] if callable(function) else []
        if not methods:
            raise AttributeError("no .backward()")
        try:
            methods[0]()
        except TypeError as error:
            if "missing 1 required positional argument" not in str(error):
                raise
            methods[0](1.0)

    def call(self, name: str, node: Any) -> Any:
        """A function of theirs: a method, or of the module that the class is in."""
        if name in self.adapter:
            return self.adapter[name](node)
        method = getattr(node, name, None)
        if callable(method):
            static = isinstance(getattr_static(self.theirs, name, None), staticmethod)
            return method(node) if static else method()
        function: Any = getattr(sys.modules.get(self.theirs.__module__), name, None)
        if getattr(function, "__module__", None) != self.theirs.__module__:  # math's, or ours
            raise NotImplementedError(f"no {name}")
        return function(node)


def points(trial: Trial) -> Points:
    """The points of a trial, of a leaf a and a factor c where it has two."""
    if trial.kind in ("chain", "number", "reflected") and trial.leaves == 2:
        return [(point[0], point[-1]) for point in trial.points]
    return [point[: trial.leaves] for point in trial.points]


def tried(handle: Handle, trial: Trial, point: tuple[float, ...]) -> dict[str, Any]:
    leaves = [handle.make(x) for x in point]
    with counting() as called:
        try:
            root = trial.build(handle.call, *leaves)
        except (TypeError, AttributeError, NotImplementedError, AssertionError) as error:
            return {"missing": f"{type(error).__name__}: {error}"}
    value = handle.data(root)
    handle.backward(root)
    return {
        "value": value, "grads": list(map(handle.grad, leaves)), "after": handle.data(root),
        "leaves": list(map(handle.data, leaves)), "called": list(called),
    }  # fmt: skip


@contextmanager
def counting(most: int = 0) -> Iterator[dict[str, int]]:
    """How often each function is called, by its name; RecursionError after so many calls."""
    before, called = sys.getprofile(), {"": 0}

    def count(frame: Any, event: Any, arg: Any) -> None:
        if before is not None:
            before(frame, event, arg)
        if event in ("call", "c_call"):
            called[""] += 1
            if event == "call":
                called[frame.f_code.co_name] = 1
            if most and called[""] > most:
                sys.setprofile(before)
                raise TooManyCallsError

    sys.setprofile(count)
    try:
        yield called
    finally:
        sys.setprofile(before)


class TooManyCallsError(Exception):
    """Raised in a walk back that takes more and more steps."""
