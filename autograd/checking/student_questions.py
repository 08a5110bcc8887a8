"""Questions of structure that a learner's engine is asked, and the faults that its answers show.

The first half runs in the process of the learner's code, the second where its answers are judged.
"""

from __future__ import annotations

import math
import sys
from contextlib import suppress

from ..core import functions
from ..seeing.diagnosing import same
from ..seeing.wording import number
from .student_functions import no_answer
from .student_report import Check, Fault, StudentReport
from .student_trials import (
    Handle,
    TooManyCallsError,
    counting,
    doubled,
    of_one,
    points,
    table,
    tried,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

SLACK = 1e-9
DEEP, FEW, MANY = 5_000, 6, 12  # additions in a row; doublings of a diamond
MOST_CALLS = 200_000
NEW = [0.0, 2.0]  # the gradient and the number of a new leaf of 2


def perform(theirs: Any, adapter: dict[str, Any], job: str) -> Any:
    """The findings of one job: of a trial, or of a question of structure."""
    handle = Handle(theirs, adapter)
    if job in QUESTIONS:
        return QUESTIONS[job](handle)
    trial = table()[job]
    return [tried(handle, trial, point) for point in points(trial)]


# ---- in the process of the learner's code --------------------------------------------------------


def _look(handle: Handle) -> Any:
    """The parts of an engine that are not there, and its functions."""
    missing = []
    try:
        leaf = handle.make(2.0)
    except Exception as error:
        return {"missing": [f"made of a number ({type(error).__name__}: {error})"], "functions": []}
    for part in ("data", "grad"):
        try:
            handle.read(part, leaf)
        except AttributeError:
            missing.append(f".{part}")
    try:
        handle.backward(leaf)
    except AttributeError as error:
        missing += [".backward()"] if str(error) == "no .backward()" else []
    except Exception:  # told where it matters
        pass
    return {
        "missing": missing,
        "functions": [name for name in of_one() if _has(handle, leaf, name)],
    }


def _has(handle: Handle, leaf: Any, name: str) -> bool:
    with suppress(Exception):
        try:
            handle.call(name, leaf)
        except NotImplementedError:
            return False
    return True  # whatever it does


def _twice(handle: Handle) -> Any:
    """The gradients of a product after one pass, and after a second."""
    a, b, c = map(handle.make, (1.3, 2.1, 0.7))
    root = a * b * c
    handle.backward(root)
    first = handle.grad(a)
    handle.backward(root)
    return [first, handle.grad(a)]


def _two_graphs(handle: Handle) -> Any:
    """The gradient of a leaf after passes through two graphs."""
    a, b, c = map(handle.make, (1.3, 2.1, 0.7))
    handle.backward(a * b)
    first = handle.grad(a)
    handle.backward(a * c)
    return [first, handle.grad(a)]


def _leaf(handle: Handle) -> Any:
    leaf = handle.make(2.0)
    before = handle.grad(leaf), handle.data(leaf)
    handle.backward(leaf)
    return [*before, handle.grad(leaf)]


def _deep(handle: Handle) -> Any:
    sys.setprofile(None)  # for speed
    x = a = handle.make(1.5)
    b = handle.make(0.5)
    for _ in range(DEEP):
        x = x + b
    handle.backward(x)
    return handle.grad(a)


def _cost(handle: Handle) -> Any:
    """The calls of a walk back through a diamond doubled so many times."""
    found = []
    for times in (FEW, MANY):
        root = doubled(times)(handle.call, handle.make(1.5))
        try:
            with counting(MOST_CALLS) as called:
                handle.backward(root)
        except TooManyCallsError:
            pass
        found.append(called[""])
    return found


def _kink(handle: Handle) -> Any:
    leaf = handle.make(0.0)
    handle.backward(handle.call("relu", leaf))
    return handle.grad(leaf)


def _large(name: str) -> Callable[[Handle], Any]:
    def ask(handle: Handle) -> Any:
        found = []
        for x in (800.0, -800.0):
            leaf = handle.make(x)
            root = handle.call(name, leaf)
            handle.backward(root)
            found += [handle.data(root), handle.grad(leaf)]
        return found

    return ask


QUESTIONS: dict[str, Callable[[Handle], Any]] = {
    "look": _look, "leaf": _leaf, "two passes": _twice, "two graphs": _two_graphs,
    "relu at 0": _kink, "tanh of 800": _large("tanh"), "sigmoid of 800": _large("sigmoid"),
    "cost": _cost, "depth": _deep,
}  # fmt: skip


# ---- the faults that answers show ----------------------------------------------------------------


def answered(report: StudentReport, question: str, reply: dict[str, Any]) -> None:
    """Add the check of one question, and its fault."""
    fault = _fault_in(report, question, reply)
    if fault == "missing":
        report.checks.append(Check(question, "missing"))
    elif isinstance(fault, Fault):
        rules = {fault.rule} | (set() if fault.kind == "structure" else {"data", "chain"})
        known = next((x for x in report.faults if x.rule in rules or x.text == fault.text), None)
        report.checks.append(Check(question, "wrong", (fault.examples or [fault.text])[0]))
        (known or fault).checks.append(question)
        report.faults += [] if known else [fault]
    else:
        report.checks.append(Check(question))


def _fault_in(report: StudentReport, question: str, reply: dict[str, Any]) -> Fault | str | None:
    told = no_answer(reply)
    refused = question == "two passes" and "error" in reply  # a graph may serve one pass only
    if refused or (told and "NotImplementedError: no " in told[1]):
        return "missing"
    if question == "depth" and told:
        text = f"{DEEP:,} additions in a row cannot be gone back through: use a loop, not recursion"
        return Fault("structure", text, [told[1]], rule="depth")
    if told:
        name, _, large = question.partition(" of ")
        return Fault("value" if large else told[0], told[1], [question], rule=name)
    answer = reply["answer"]
    return _SPECIAL[question](answer) if question in _SPECIAL else _of_large(question, answer)


def _of_leaf(answer: list[float]) -> Fault | None:
    before, data, after = answer
    if [before, data] != NEW:
        text = (
            f"a new leaf of 2.0 has data {number(data)} and grad {number(before)}: 2 and 0 are due"
        )
        return Fault("structure", text, rule="leaf")
    if after != 1.0:
        text = f"backward() leaves grad {number(after)} at its root"
        return Fault("structure", text, right="a pass begins with 1 at the root", rule="seed")
    return None


def _of_two_passes(answer: list[float]) -> Fault | None:
    first, second = answer
    if not first or any(same(second, k * first, SLACK) for k in (1.0, 2.0)):
        return None
    shown = (
        f"d = a * b * c: a.grad is {number(first)} after one backward(), {number(second)} after two"
    )
    return Fault("structure", "what is between leaves and root keeps its gradient for another pass",
                 [shown], "zero what is not a leaf before each pass: twice gives the double",
                 "zero")  # fmt: skip


def _of_two_graphs(answer: list[float]) -> Fault | None:
    first, second = answer
    if any(same(second, due, SLACK) for due in (first + 0.7, 0.7)) or not same(first, 2.1, SLACK):
        return None
    shown = f"after (a * b).backward() and (a * c).backward() a.grad is {number(second)}, not 2.8"
    return Fault("structure", "gradients of two graphs that share a leaf are mixed", [shown],
                 "a leaf adds up what each graph hands to it", "zero")  # fmt: skip


def _of_cost(answer: list[int]) -> Fault | None:
    few, many = answer
    if many <= 8 * max(few, 1):
        return None
    shown = f"x = x + x, {FEW} times: {few:,} calls; {MANY} times: {many:,} calls"
    text = "the time doubles with each diamond: a node is visited once for each path to it"
    return Fault("structure", text, [shown], "visit each node once", "cost")


def _of_kink(answer: float) -> Fault | None:
    if 0.0 <= answer <= 1.0:
        return None
    text = f"relu at 0 hands back {number(answer)}: 0 is due, or a slope from 0 to 1"
    return Fault("gradient", text, rule="relu")


def _of_large(question: str, answer: list[float]) -> Fault | None:
    name = question.split(" ")[0]
    for x, value in zip((800.0, -800.0), answer[::2], strict=True):
        due = getattr(functions, name)(x)
        if not math.isclose(value, due, abs_tol=1e-12):
            text = f"{name}({number(x)}) is {number(value)}, and it is {number(due)}"
            return Fault("value", text, rule=name)
    if any(g != g or abs(g) > 1e-12 for g in answer[1::2]):
        return Fault("gradient", f"{name} of 800 hands back {number(answer[1])}, not 0", rule=name)
    return None


_SPECIAL: dict[str, Any] = {
    "leaf": _of_leaf, "two passes": _of_two_passes, "two graphs": _of_two_graphs,
    "relu at 0": _of_kink, "cost": _of_cost, "depth": lambda answer: None,
}  # fmt: skip
