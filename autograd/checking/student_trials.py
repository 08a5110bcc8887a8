"""What a learner's engine is tried with, in the process of its code: expressions, and questions.

An expression is text, and is built of the leaves a, b and c on the learner's class and on this
engine.
"""

from __future__ import annotations

import ast
import math
import re
import sys
from contextlib import contextmanager, suppress
from dataclasses import asdict
from functools import cache, partial
from inspect import getattr_static
from operator import attrgetter
from typing import Final, NamedTuple

from ..core import functions
from ..core.graph import gradients
from ..core.rules import RULES, TABLE
from ..core.value import Value
from ..seeing.diagnosing import same
from ..seeing.wording import number
from .arguments import Arguments
from .student import Fault
from .student_gradient import spread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

PAIRS = [(1.3, 2.1, 0.7), (2.3, 0.6, -1.7), (0.4, 1.9, 2.2)]  # of a, b and c
SIGNED = [(1.3, -2.1, 0.7), (-2.3, 0.6, -1.7), (0.4, 1.9, 2.2)]
FACTORS = (0.7, -1.7, -2.2, 1.4, 1.1, -0.6)
DEEP, FEW, MANY = 5_000, 5, 10  # additions in a row; doublings of a diamond
NO_MORE = ("identity", "neg", "normal_cdf", "normal_pdf")  # are no functions that a learner writes


# ---- expressions ---------------------------------------------------------------------------------


class Trial(NamedTuple):
    """One expression, at several points, and the operation that it tries.

    `kind` is "rule", "chain" (other things follow), "inner" (others come before), "reuse" (a leaf
    feeds several), "number" or "reflected" (a number on the right or left), "power", "place", or
    "order" (a node between leaves and root feeds several).
    """

    text: str
    op: str
    kind: str
    points: list[dict[str, float]]

    def build(self, call: Callable[[str, Any], Any], leaves: dict[str, Any]) -> Any:
        """Its root, on any leaves; `call` calls a function by its name."""
        names = {name: partial(call, name) for name in of_one()} | leaves
        *before, last = self.text.split("; ")
        exec(compile("; ".join(before), __file__, "exec"), names)
        return eval(compile(last, __file__, "eval"), names)

    def pair(self) -> str:
        """The same operation of two nodes."""
        return f"a {RULES[self.op].symbol} b" if self.op in METHODS else ""

    def ops(self) -> set[str]:
        """The operators that are written in it, and its own."""
        found = (type(getattr(x, "op", None)).__name__ for x in ast.walk(ast.parse(self.text)))
        return {self.op} | {OPERATORS[name] for name in found if name in OPERATORS}


METHODS = {"add": "add", "sub": "sub", "mul": "mul", "div": "truediv", "pow": "pow"}
OPERATORS = {"Add": "add", "Sub": "sub", "Mult": "mul", "Div": "div", "Pow": "pow", "USub": "neg"}
OF_ONE = (
    ("rule", "{f}"), ("chain", "{f} * c"), ("inner", "{inner}"), ("reuse", "{f} + {f}"),
)  # fmt: skip
OF_TWO = (
    ("rule", "a @ b"), ("chain", "(a @ b) * c"), ("inner", "(a + b) @ c"), ("inner", "c @ (a + b)"),
    ("reuse", "a @ a"), ("reuse", "(a @ b) + (a @ c)"), ("reuse", "(b @ a) + (c @ a)"),
    ("number", "a @ 2"), ("number", "(a @ 2) * c"), ("reflected", "2 @ a"),
    ("reflected", "(2 @ a) * c"),
)  # fmt: skip
OTHERS = (
    ("pow", "power", "a ** b", PAIRS), ("pow", "power", "2 ** a", PAIRS),
    ("add", "reflected", "sum([a, b, c])", SIGNED),
    ("add", "place", "x = a; x += b; x * a", SIGNED),
    ("", "order", "x = a * b; x * b + x * c", PAIRS),
    ("", "order", "x = a * b; x * c * b + x", PAIRS),
    ("", "order", "x = a * b; x + x * c * b", PAIRS),
    ("", "order", "x = a * b; y = x + a; y * x * c + y", PAIRS),
    ("", "order", "x = a * c; a + b", PAIRS),
    ("", "order", "x = a + a; y = x + x; y + y", PAIRS),
)  # fmt: skip


@cache
def of_one() -> list[str]:
    """The functions of one number that a class may have: those that are not flat."""
    rows = [RULES[name] for name in TABLE if name not in NO_MORE]  # and no operation of a user's
    ones = [row for row in rows if len(row.columns) == 1 and not row.variadic]
    return [row.key for row in ones if any(_slopes(row))]


def _slopes(row: Any) -> list[float]:
    return [gradients(row.compute(x := Value(at)), [x])[0] for (at,) in spread(row)]


@cache
def table() -> dict[str, Trial]:
    """Every trial, by its text."""
    found = [
        (op, kind, form.replace("@", RULES[op].symbol), SIGNED)
        for op in ("add", "mul", "sub", "div") for kind, form in OF_TWO
    ]  # fmt: skip
    flat = [(x, 0.0, c) for x, _, c in SIGNED]
    ones = [("neg", "-{}", flat), *(("pow", f"{{}} ** {n}", flat) for n in (2, 3, -1))]
    ones.append(("pow", "{} ** 0.5", [(x, 0.0, c) for x, _, c in PAIRS]))
    for name in of_one():
        points = [(x, 0.0, c) for (x,), c in zip(spread(RULES[name]), FACTORS, strict=True)]
        ones.append((name, f"{name}({{}})", points))
    for op, form, points in ones:
        inside = {"f": f"({form.format('a')})", "inner": form.format("(a + b)")}
        found += [(op, kind, text.format(**inside), points) for kind, text in OF_ONE]
    trials = [_trial(*row) for row in [*found, *OTHERS]]
    return {trial.text: trial for trial in trials}


def _trial(op: str, kind: str, text: str, points: Any) -> Trial:
    """A trial, without brackets that change nothing, at points of its own leaves."""
    text = text if ";" in text else ast.unparse(ast.parse(text))
    names = [name for name in "abc" if re.search(rf"\b{name}\b", text)]
    each = [{n: x for n, x in zip("abc", point, strict=True) if n in names} for point in points]
    return Trial(text, op, kind, each)


# ---- a learner's class ---------------------------------------------------------------------------


class Handle:
    """A learner's class, used by the names that this one has for its parts."""

    def __init__(self, theirs: Any, adapter: dict[str, Any]) -> None:
        self.theirs: Any = theirs
        self.adapter: dict[str, Any] = adapter
        parts = {"make": theirs, "data": _data, "grad": attrgetter("grad"), "backward": _backward}
        self.parts: dict[str, Any] = parts | adapter
        self.make: Final = self.parts["make"]
        self.backward: Final = self.parts["backward"]

    def data(self, node: Any) -> float:
        return float(self.parts["data"](node))

    def grad(self, node: Any) -> float:
        found = self.parts["grad"](node)
        if isinstance(found, self.theirs):
            return self.data(found)
        return 0.0 if found is None else float(found)

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


def _data(node: Any) -> Any:
    return node.data if hasattr(node, "data") else node.value


def _backward(root: Any) -> None:
    """Go back from a root, with the seed 1 where one is asked for."""
    try:
        root.backward()
    except TypeError as error:
        if "missing 1 required positional argument" not in str(error):
            raise
        root.backward(1.0)


def perform(theirs: Any, adapter: dict[str, Any], job: str) -> Any:
    """The findings of one job: of a trial at each point, or the fault that a question shows."""
    handle = Handle(theirs, adapter)
    if job == "look":
        return _look(handle)
    if job in QUESTIONS:
        fault = QUESTIONS[job](handle)
        return fault and asdict(fault)
    return [_tried(handle, table()[job], point) for point in table()[job].points]


def _tried(handle: Handle, trial: Trial, point: dict[str, float]) -> dict[str, Any]:
    leaves = {name: handle.make(x) for name, x in point.items()}
    before = list(map(handle.data, leaves.values()))
    with calls() as called:
        try:
            root = trial.build(handle.call, leaves)
        except (TypeError, AttributeError, NotImplementedError, AssertionError) as error:
            lacks = [
                f"__r{name}__" for op, name in METHODS.items()
                if op != "pow" and hasattr(handle.theirs, f"__{name}__")
                and not hasattr(handle.theirs, f"__r{name}__")
            ]  # fmt: skip
            return {"missing": f"{type(error).__name__}: {error}", "lacks": lacks}
    value = handle.data(root)
    handle.backward(root)
    after = list(map(handle.data, leaves.values()))
    return {
        "value": value, "grads": list(map(handle.grad, leaves.values())),
        "kept": after == before and handle.data(root) == value, "called": sorted(set(called)),
    }  # fmt: skip


@contextmanager
def calls() -> Iterator[list[str]]:
    """The names of the functions that are called, "" for those in C."""
    before, called = sys.getprofile(), list[str]()

    def note(frame: Any, event: str, arg: Any) -> None:
        if event in ("call", "c_call"):
            called.append(frame.f_code.co_name if event == "call" else "")

    sys.setprofile(note)
    try:
        yield called
    finally:
        sys.setprofile(before)


# ---- questions of structure ----------------------------------------------------------------------


def _look(handle: Handle) -> dict[str, Any]:
    """The parts of an engine that are not there, its functions, and how well its numbers round."""
    try:
        leaf = handle.make(2.0)
    except Exception as error:
        return {"missing": [f"made of a number ({type(error).__name__}: {error})"]}
    parts = {"data": ".data", "grad": ".grad", "backward": ".backward()"}
    there = {*handle.adapter, *dir(leaf), *(["data"] if hasattr(leaf, "value") else [])}
    missing = [said for part, said in parts.items() if part not in there]
    roundoff = 0.0
    with suppress(Exception):
        roundoff = Arguments(list, (handle.parts["data"](leaf * leaf),)).roundoff
    known = [name for name in of_one() if _has(handle, leaf, name)]
    return {"missing": missing, "functions": known, "roundoff": roundoff}


def _has(handle: Handle, leaf: Any, name: str) -> bool:
    with suppress(Exception):
        try:
            handle.call(name, leaf)
        except NotImplementedError:
            return False
    return True  # whatever it does


def _leaf(handle: Handle) -> Fault | None:
    leaf = handle.make(2.0)
    data, before = handle.data(leaf), handle.grad(leaf)
    handle.backward(leaf)
    if (data, before) != (2.0, 0.0):
        shown = f"data {number(data)} and grad {number(before)}: 2 and 0 are due"
        return Fault("structure", f"a new leaf of 2.0 has {shown}", "leaf")
    if (after := handle.grad(leaf)) != 1.0:
        text = f"backward() leaves grad {number(after)} at its root"
        return Fault("structure", text, "seed", "a pass begins with 1 at the root")
    return None


def _two_passes(handle: Handle) -> Fault | None:
    a, b, c = map(handle.make, (1.3, 2.1, 0.7))
    root = a * b * c
    handle.backward(root)
    first = handle.grad(a)
    handle.backward(root)
    second = handle.grad(a)
    if not first or any(same(second, k * first, abs(first) * 1e-4) for k in (1.0, 2.0)):
        return None
    shown = f"after one backward(), {number(second)} after two"
    return Fault("structure", "what is between leaves and root keeps its gradient for another pass",
                 "zero", "zero what is not a leaf before each pass: twice gives the double",
                 [f"d = a * b * c: a.grad is {number(first)} {shown}"])  # fmt: skip


def _deep(handle: Handle) -> None:
    sys.setprofile(None)  # for speed
    x, b = map(handle.make, (1.5, 0.5))
    for _ in range(DEEP):
        x = x + b
    handle.backward(x)


def _cost(handle: Handle) -> Fault | None:
    """The calls of a walk back through diamonds, which are to grow with their number."""
    few, many = (_calls_of_doublings(handle, times) for times in (FEW, MANY))
    if many <= 8 * max(few, 1):
        return None
    shown = f"x = x + x, {FEW} times: {few:,} calls; {MANY} times: {many:,} calls"
    text = "the time doubles with each diamond: a node is visited once for each path to it"
    return Fault("structure", text, "cost", "visit each node once", [shown])


def _calls_of_doublings(handle: Handle, times: int) -> int:
    x = handle.make(1.5)
    for _ in range(times):
        x = x + x
    with calls() as called:
        handle.backward(x)
    return len(called)


def _large(name: str, handle: Handle) -> Fault | None:
    for x in (800.0, -800.0):
        leaf = handle.make(x)
        root = handle.call(name, leaf)
        handle.backward(root)
        value, due, g = handle.data(root), getattr(functions, name)(x), handle.grad(leaf)
        if not math.isclose(value, due, rel_tol=1e-6, abs_tol=1e-12):
            text = f"{name}({number(x)}) is {number(value)}, and it is {number(due)}"
            return Fault("value", text, name)
        if not abs(g) <= 1e-12:
            text = f"{name} hands back {number(g)} at {number(x)}, not 0"
            return Fault("gradient", text, name)
    return None


QUESTIONS: dict[str, Callable[[Handle], Fault | None]] = {
    "leaf": _leaf, "two passes": _two_passes,
    "tanh of 800": partial(_large, "tanh"), "sigmoid of 800": partial(_large, "sigmoid"),
    "cost": _cost, "depth": _deep,
}  # fmt: skip
